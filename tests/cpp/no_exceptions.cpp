// Built with -fno-exceptions: everything is there under try_, and nothing throws.
#include <projectcor.hpp>

#include "../c/support.h"

#include <string>
#include <utility>
#include <vector>

#if PROJECTCOR_HAS_EXCEPTIONS
#error "this test is to be built without exceptions"
#endif

int main() {
  sandbox_clear();
  {
    auto none = cor::Client::try_new(cor::Config());
    CHECK(!none && none.error().kind() == cor::ErrorKind::config, "no credentials");
    const auto client = cor::Client::try_new(
        cor::Config().base_url(sandbox_url()).main_url(sandbox_main_url()).token("sandbox-token"));
    CHECK(client.has_value(), "client");
    const auto update = cor::ProjectUpdate("SALESFORCE").name("N");
    const auto project = client->projects().try_update("SF-OPP-12345", update);
    CHECK(project && project->name() == "N", "update");
    CHECK(!client->projects().try_update("nobody", update), "nobody");
    const auto read = client->projects().try_get(project->id().value());
    CHECK(read && cor::try_compare(update, *read)->outcome == cor::Outcome::applied, "get");
    CHECK(client->projects().try_list({}, [](const cor::Project &) { return true; })->read > 500, "list");
    const cor::ProjectCreate create("NEW-1", cor::ProjectUpdate("GITHUB").name("N"));
    CHECK(!create.try_validate() && client->projects().try_create(create), "create");
    CHECK(client->projects().try_create(create).error().is_duplicate(), "there is one");
    CHECK(client->projects().try_remove("NEW-1", "GITHUB").value().cor_id(), "remove");
    std::vector<std::pair<std::string, cor::ProjectUpdate>> rows;
    for (int i = 0; i < 40; ++i) rows.emplace_back("P-" + std::to_string(i), cor::ProjectUpdate("SAP").brief("b"));
    const auto summary = client->projects().try_update_many(rows, {}, [](const cor::ItemResult &item) { return bool(item); });
    CHECK(summary && summary->applied == 40, "many");
  }
  return finished();
}
