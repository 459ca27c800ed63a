// Creating and deleting from C++: chains, exceptions, results of rows. The finer points of lost answers are in
// tests/c/create.c.
#include <projectcor.hpp>

#include "../c/support.h"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using cor::ProjectCreate;
using cor::ProjectUpdate;

static_assert(!std::is_copy_constructible_v<ProjectCreate> && std::is_nothrow_move_constructible_v<ProjectCreate>);
static_assert(!std::is_copy_constructible_v<cor::Deleted> && std::is_nothrow_move_constructible_v<cor::Deleted>);

static bool stored(const char *text) {
  char *projects = sandbox_projects();
  const bool found = std::string_view(projects).find(text) != std::string_view::npos;
  free(projects);
  return found;
}

static cor::Error caught(const cor::Client &client, const ProjectCreate &create) {
  try {
    client.projects().create(create);
  } catch (const cor::Error &error) {
    return error;
  }
  CHECK(false, "nothing was thrown");
  return cor::Error(nullptr);
}

static void one(const cor::Client &client) {
  const auto create =
      ProjectCreate("C/1", ProjectUpdate("GITHUB").name("New").clear(cor::Field::brief))
          .brand_id("B-1, and more"sv.substr(0, 3));
  CHECK(create.json() == R"({"metadata":{"source":"GITHUB"},"id":"C/1","name":"New","brand_id":"B-1"})", "%s",
        create.json().c_str());
  create.validate();
  const cor::Project project = client.projects().create(create);
  CHECK(project.name() == "New" && project.id() && stored(R"("id":"C/1","name":"New","brand_id":"B-1")"), "stored");
  const cor::Error twice = caught(client, create);
  CHECK(twice.kind() == cor::ErrorKind::validation && twice.is_duplicate(), "%s", twice.what());

  const cor::Deleted deleted = client.projects().remove("C/1", "GITHUB");
  CHECK(deleted.cor_id() == project.id() && deleted.message() == "Project deleted successfully", "deleted");
  CHECK(deleted.json().find("\"cor_id\"") != std::string_view::npos && !stored("\"C/1\""), "gone");
  try {
    client.projects().remove("C/1", "GITHUB");
    CHECK(false, "it was there");
  } catch (const cor::Error &error) {
    CHECK(error.kind() == cor::ErrorKind::project_not_found, "%s", error.what());
  }
  CHECK(!client.projects().try_remove("C/1\0x"sv, "GITHUB"), "what is behind a NUL is not cut off");
}

static void refused(const cor::Client &client) {
  ProjectCreate create(""sv, ProjectUpdate("GITHUB").end("soon"));
  create.brand_id("\xff").product_id("P");
  try {
    create.validate();
    CHECK(false, "it was valid");
  } catch (const cor::Error &error) {
    CHECK(error.issues().size() == 4, "end, brand_id, id, name: %s", error.what());
  }
  create.brand_id("B");
  const cor::Error error = caught(client, create);
  CHECK(error.kind() == cor::ErrorKind::invalid && error.issues().size() == 3 && error.attempts() == 0,
        "%s", error.what());
  const auto moved = std::move(create);
  CHECK(create.try_validate()->kind() == cor::ErrorKind::argument && moved.try_validate(), "moved-from is like NULL");
  ProjectUpdate update("GITHUB");
  const auto other = std::move(update);
  CHECK(ProjectCreate("C", update).try_validate()->kind() == cor::ErrorKind::argument, "made of a moved-from update");
}

static void lost(const cor::Client &client) {
  const ProjectCreate create("C-2", ProjectUpdate("GITHUB").name("N"));
  sandbox_queue(R"({"action":"apply_then_drop"})");
  const cor::Error error = caught(client, create);
  CHECK(error.outcome() == cor::Outcome::unknown && error.attempts() == 1 && !error.is_duplicate(), "%s", error.what());
  sandbox_queue(R"({"action":"apply_then_drop"})");
  const cor::Deleted deleted = client.projects().remove("C-2", "GITHUB");
  CHECK(!deleted.cor_id() && !deleted.message() && deleted.json().empty() && !stored("\"C-2\""),
        "deleted all the same");
}

static void missing(const cor::Client &client) {
  std::vector<cor::Row> rows;
  rows.push_back({"C-3", ProjectUpdate("GITHUB").name("N").extra("brand_id", "\"B-3\"")});
  rows.push_back({"C-3", ProjectUpdate("GITHUB").brief("b")});
  rows.push_back({"C-4", ProjectUpdate("GITHUB").brief("no name")});
  cor::BulkOptions options;
  const auto none_created = [](const cor::ItemResult &item) { return !item.created(); };
  CHECK(client.projects().update_many(rows, options, none_created).failed == 3, "nothing is created unless asked for");
  options.create_missing = true;
  std::size_t created = 0, updated = 0, failed = 0;
  for (const cor::ItemResult &item : client.projects().update_many(rows, options))
    ++(!item ? failed : item.created() ? created : updated);
  CHECK(created == 1 && updated == 1 && failed == 1, "%zu, %zu, %zu", created, updated, failed);
  CHECK(stored(R"("id":"C-3","name":"N","brief":"b")") && stored("\"B-3\"") && !stored("\"C-4\""), "stored");
  client.projects().remove("C-3", "GITHUB");
}

int main() {
  sandbox_clear();
  {
    const cor::Client client(
        cor::Config().base_url(sandbox_url()).token("sandbox-token").deadline(30s).backoff_base(1ms).max_attempts(2));
    one(client);
    refused(client);
    lost(client);
    missing(client);
  }
  sandbox_clear();
  return finished();
}
