// Reading from C++: objects, exceptions, ranges of ids. The finer points are in tests/c/read.c.
#include <projectcor.hpp>

#include "../c/support.h"

#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using cor::ProjectUpdate;

static cor::Config config() {
  return cor::Config().base_url(sandbox_url()).token("sandbox-token").deadline(30s).backoff_base(1ms).max_attempts(2);
}

static cor::ErrorKind kind_of_get(const cor::Client &client, std::int64_t cor_id, const cor::CallOptions &options = {}) {
  try {
    client.projects().get(cor_id, options);
  } catch (const cor::Error &error) {
    return error.kind();
  }
  CHECK(false, "nothing was thrown");
  return cor::ErrorKind::internal;
}

static void one(const cor::Client &client, std::int64_t cor_id) {
  const cor::Project project = client.projects().get(cor_id);
  CHECK(project.id() == cor_id && project.name() == "P-1", "%s", project.json().data());
  CHECK(!project.elapsed_time() && !project.elapsed_time_double(), "no hours were recorded");
  sandbox_queue(R"({"endpoint":"main_projects","status":200,"body":)"
                R"({"id":7,"health":3,"elapsed_time":"12.50","total_estimated":18000.10}})");
  const cor::Project other = client.projects().get(7);
  CHECK(other.health() == 3 && other.elapsed_time() == "12.50" && other.total_estimated() == "18000.10", "%s",
        other.json().data());
  CHECK(other.elapsed_time_double() == 12.5 && other.total_estimated_double() == 18000.1, "as doubles");
  CHECK(kind_of_get(client, 7) == cor::ErrorKind::project_not_found, "missing");
  cor::CallOptions options;
  options.settle_unknown = true;
  CHECK(kind_of_get(client, cor_id, options) == cor::ErrorKind::argument, "an option of updates");
}

static void refused() {
  const cor::Client client(config());
  CHECK(!client.main_url(), "no main API belongs with the sandbox");
  CHECK(kind_of_get(client, 7) == cor::ErrorKind::config, "refused");
  const auto any = [](const cor::Project &) { return true; };
  CHECK(client.projects().try_list({}, any).error().kind() == cor::ErrorKind::config, "refused");
  CHECK(cor::Client(config().main_url(sandbox_main_url())).main_url() == sandbox_main_url(), "main_url");
}

static void list(const cor::Client &client) {
  std::set<std::int64_t> ids;
  std::vector<cor::Project> kept;
  const cor::ReadSummary summary = client.projects().list({}, [&](cor::Project project) {
    ids.insert(project.id().value());
    kept.push_back(std::move(project));
    return true;
  });
  CHECK(ids.size() >= 501 && kept.size() == ids.size(), "%zu projects", ids.size());
  CHECK(summary.read == ids.size() && summary.total == ids.size() && !summary.failed, "counted");
  CHECK(kept.front().name().has_value(), "a project may be kept");

  cor::ProjectFilter filter;
  filter.date_start = "2025-01-01";
  filter.client_id = 1;
  filter.archived = false;
  cor::ReadOptions options;
  options.per_page = 10;
  sandbox_clear();
  CHECK(client.projects().list(filter, [](const cor::Project &) { return true; }, options).read == 0, "filtered");
  char *path, *body;
  CHECK(sandbox_requests(&path, &body) == 1, "%s", path);
  const std::string sent = path;
  for (const char *part : {"perPage=10", "dateStart", "2025-01-01", "client_id", "archived"})
    CHECK(sent.find(part) != std::string::npos, "%s in %s", part, path);
  CHECK(sent.find("team_id") == std::string::npos, "%s", path);
  free(path);
  free(body);
  filter.date_end = "soon";
  const auto invalid = client.projects().try_list(filter, [](const cor::Project &) { return true; });
  CHECK(!invalid && invalid.error().kind() == cor::ErrorKind::invalid, "no day");
  int calls = 0;
  const auto stopped = client.projects().try_list({}, [&](const cor::Project &) { return ++calls < 3; });
  CHECK(stopped && calls == 3 && stopped->read == 3, "%d calls", calls);
  calls = 0;
  try {
    client.projects().list({}, [&](const cor::Project &) -> bool {
      ++calls;
      throw std::runtime_error("on purpose");
    });
    CHECK(false, "nothing was thrown");
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "on purpose" && calls == 1, "%d calls", calls);
  }
}

static void find(const cor::Client &client) {
  const std::vector<cor::Project> found = client.projects().find_by_name("P-499");
  CHECK(found.size() == 1 && found[0].name() == "P-499", "%zu", found.size());
  CHECK(client.projects().find_by_name("no such / name").empty(), "none");
  CHECK(client.projects().try_find_by_name("").error().kind() == cor::ErrorKind::invalid, "an empty name");
}

static void get_many(const cor::Client &client, std::int64_t first) {
  const std::set<std::int64_t> ids = {first, first + 1, first + 2, 7};
  std::set<std::int64_t> read, failed;
  const auto on_read = [&](std::int64_t cor_id, const cor::Result<cor::Project> &result) {
    if (result) CHECK(result->id() == cor_id, "the project of the id");
    else CHECK(result.error().kind() == cor::ErrorKind::project_not_found, "%s", result.error().what());
    (result ? read : failed).insert(cor_id);
    return true;
  };
  const cor::ReadSummary summary = client.projects().get_many(ids, on_read);
  CHECK(read.size() == 3 && failed == std::set<std::int64_t>{7}, "%zu", read.size());
  CHECK(summary.read == 3 && summary.failed == 1 && summary.total == 4, "counted");
  // One that is too large does not become another project's.
  std::int64_t shown = -1;
  const auto too_large = client.projects().get_many(std::vector<std::uint64_t>{UINT64_MAX},
                                                    [&](std::int64_t cor_id, const cor::Result<cor::Project> &result) {
                                                      shown = result ? -1 : cor_id;
                                                      return true;
                                                    });
  CHECK(too_large.failed == 1 && shown == 0, "%d", (int)shown);
  cor::ReadOptions options;
  options.concurrency = 10001;
  CHECK(client.projects().try_get_many(ids, on_read, options).error().kind() == cor::ErrorKind::argument, "concurrency");
  try {
    client.projects().get_many(ids, [](std::int64_t, cor::Result<cor::Project>) -> bool { throw 7; });
    CHECK(false, "nothing was thrown");
  } catch (int seven) {
    CHECK(seven == 7, "%d", seven);
  }
}

static void compare(const cor::Client &client) {
  sandbox_queue(R"({"endpoint":"main_projects","status":200,"body":{"id":7,"name":"N","client_id":9,"brief":"theirs"}})");
  const cor::Project project = client.projects().get(7);
  const auto update = ProjectUpdate("OKTA").name("N").client_id("C-1").brief("ours");
  const cor::ReadBack read_back = cor::compare(update, project);
  CHECK(read_back.outcome == cor::Outcome::not_applied && read_back.fields.size() == 3, "%zu", read_back.fields.size());
  CHECK(read_back.fields[0].result == "equal" && !read_back.fields[0].reason, "name");
  const cor::FieldComparison &id = read_back.fields[1], &brief = read_back.fields[2];
  CHECK(id.result == "not_comparable" && id.reason == "external_id" && id.message && id.theirs_json == "9", "client_id");
  CHECK(brief.field == "brief" && brief.ours_json == "\"ours\"" && brief.theirs_json == "\"theirs\"", "brief");
  CHECK(cor::compare(ProjectUpdate("OKTA").name("N"), project).outcome == cor::Outcome::applied, "equal");
  CHECK(!cor::try_compare(ProjectUpdate("OKTA").end("soon"), project), "a refused value");
}

static void settled(const cor::Client &client, std::int64_t cor_id) {
  cor::CallOptions options;
  options.cor_id = cor_id;
  options.settle_unknown = true;
  options.max_attempts = 1;
  sandbox_queue(R"({"action":"apply_then_drop"})");
  CHECK(client.projects().update("P-1", ProjectUpdate("SAP").name("Settled"), options).name() == "Settled", "settled");
  sandbox_queue(R"({"action":"drop"})");
  const auto lost = client.projects().try_update("P-1", ProjectUpdate("SAP").name("Never applied"), options);
  CHECK(!lost && lost.error().is_read_back() && lost.error().outcome() == cor::Outcome::not_applied, "%s",
        lost ? "applied" : lost.error().what());
}

static void refreshed(const cor::Client &client, std::int64_t cor_id) {
  std::vector<cor::Row> rows;
  rows.push_back({"P-1", ProjectUpdate("SAP").name("Ours").brief("ours")});
  cor::SyncOptions options;
  options.source = "SAP";
  options.state = std::string(std::getenv("COR_TEST_FOLDER")) + "/reading-cpp.state";
  std::remove(options.state.c_str());
  CHECK(client.projects().sync_rows(rows, options).applied == 1, "sent");
  sandbox_edit(cor_id, R"({"name":"Theirs","brief":"theirs"})");
  options.refresh = true;
  options.keep_remote = {cor::Field::brief};
  CHECK(client.projects().sync_rows(rows, options).applied == 1, "sent again");
  const cor::Project project = client.projects().get(cor_id);
  CHECK(project.name() == "Ours" && project.brief() == "theirs", "%s", project.json().data());
}

int main() {
  sandbox_clear();
  {
    const cor::Client client(config().main_url(sandbox_main_url()));
    const std::int64_t cor_id = client.projects().update("P-1", ProjectUpdate("SAP").name("P-1")).id().value();
    one(client, cor_id);
    refused();
    list(client);
    find(client);
    get_many(client, cor_id);
    compare(client);
    settled(client, cor_id);
    refreshed(client, cor_id);
  }
  sandbox_clear();
  return finished();
}
