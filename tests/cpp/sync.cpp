// Plan and sync in C++: ranges as rows, functions of the options, exceptions that pass through C.
#include <projectcor.hpp>

#include "../c/support.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using cor::ProjectUpdate;
using Rows = std::vector<std::pair<std::string, ProjectUpdate>>;

static Rows rows(int count) {
  Rows rows;
  for (int i = 0; i < count; ++i)
    rows.emplace_back("X-" + std::to_string(i), ProjectUpdate("ZAPIER").name("N" + std::to_string(i)));
  return rows;
}

static void plan_and_sync() {
  const cor::Client client(cor::Config().base_url(sandbox_url()).token("sandbox-token"));
  const auto projects = client.projects();
  cor::SyncOptions options;
  options.source = "ZAPIER";
  options.no_state = options.create_missing = true;
  std::vector<cor::Change> changes;
  options.on_change = [&](const cor::Change &change) {
    changes.push_back(change);
    return true;
  };

  const auto planned = projects.plan_rows(rows(3), options);
  CHECK(planned.projects_new == 3 && planned.applied == 0 && changes.size() == 3, "%d", (int)changes.size());
  CHECK(changes[0].id == "X-0" && changes[0].is_new && changes[0].status == cor::RowStatus::planned, "planned");
  CHECK(changes[0].fields[0].new_json == "\"N0\"" && !changes[0].fields[0].old_json, "new value");
  changes.clear();
  Rows own = rows(3);
  const auto done = projects.sync_rows(own, options);
  CHECK(done.applied == 3 && done.created == 3 && changes[2].status == cor::RowStatus::created, "created");

  options.on_change = [](const cor::Change &) -> bool { throw std::runtime_error("from a callback"); };
  std::string what;
  cor::SyncSummary counts;
  options.summary = &counts;
  try {
    (void)projects.sync_rows(rows(50), options);
  } catch (const std::runtime_error &error) {
    what = error.what();
  }
  CHECK(what == "from a callback", "%s", what.c_str());
  CHECK(counts.read == 50 && counts.applied > 0 && counts.applied + counts.not_started + counts.unchanged == 50, "%d applied of %d",
        (int)counts.applied, (int)counts.read);

  options.on_change = nullptr;
  // A range that fails at its third row: nothing is sent.
  struct Failing {
    const Rows *rows;
    std::size_t at;
    Rows::const_reference operator*() const {
      if (at == 2) throw std::runtime_error("from the rows");
      return (*rows)[at];
    }
    Failing &operator++() {
      ++at;
      return *this;
    }
    bool operator==(const Failing &other) const { return at == other.at; }
    bool operator!=(const Failing &other) const { return at != other.at; }
  };
  struct Range {
    const Rows &rows;
    Failing begin() const { return {&rows, 0}; }
    Failing end() const { return {&rows, rows.size()}; }
  };
  sandbox_clear();
  try {
    (void)projects.sync_rows(Range{own}, options);
  } catch (const std::runtime_error &error) {
    what = error.what();
  }
  char *path = nullptr, *body = nullptr;
  CHECK(what == "from the rows" && sandbox_requests(&path, &body) == 0, "%s", what.c_str());
  CHECK(counts.applied == 0 && counts.unchanged == 0, "%d applied", (int)counts.applied);
  // Nor do the counts of an earlier run stay where a run cannot begin.
  struct NoRange {
    const Rows &rows;
    Failing begin() const { throw std::runtime_error("no rows"); }
    Failing end() const { return {&rows, rows.size()}; }
  };
  counts.applied = 7;
  try {
    (void)projects.sync_rows(NoRange{own}, options);
  } catch (const std::runtime_error &error) {
    what = error.what();
  }
  CHECK(what == "no rows" && counts.applied == 0, "%d applied", (int)counts.applied);
  options.summary = nullptr;
  std::free(path);
  std::free(body);

  // An id with a NUL is no id, and not the id in front of it.
  Rows cut;
  cut.emplace_back(std::string("X-0\0x", 5), ProjectUpdate("ZAPIER").name("cut"));
  std::string bad_id;
  options.on_problem = [&](const cor::RowProblem &problem) {
    bad_id = problem.id;
    return true;
  };
  const auto rejected = projects.sync_rows(cut, options);
  options.on_problem = nullptr;
  CHECK(rejected.rejected == 1 && rejected.applied == 0, "%d applied", (int)rejected.applied);
  CHECK(bad_id == "X-0\xef\xbf\xbdx", "%s", bad_id.c_str());
  // Nor is what stands in front of one an option or a file.
  cor::SyncOptions other = options;
  other.source = std::string("ZAPIER\0x", 8);
  CHECK(projects.try_sync_rows(own, other).error().kind() == cor::ErrorKind::argument, "a source with a NUL");
  CHECK(projects.try_plan(std::string("a.csv\0x", 7), options).error().kind() == cor::ErrorKind::argument, "a NUL in a path");
  other.source.clear();
  CHECK(projects.try_plan_rows(own, other).error().kind() == cor::ErrorKind::config, "no source");
  // A run that stops at failures was in part applied.
  other = options;
  other.max_failures = "0";
  other.create_missing = false;
  Rows mixed = rows(1);
  for (int i = 0; i < 100; ++i) mixed.emplace_back("missing-" + std::to_string(i), ProjectUpdate("ZAPIER").name("N"));
  other.summary = &counts;
  const auto stopped = projects.try_sync_rows(mixed, other);
  CHECK(!stopped && stopped.error().kind() == cor::ErrorKind::cancelled && stopped.error().outcome() == cor::Outcome::unknown,
        "a run that stopped");
  CHECK(counts.read == 101 && counts.failed > 0 && counts.applied + counts.failed + counts.not_started == 101,
        "%d failed of %d", (int)counts.failed, (int)counts.read);
  Rows bad = rows(1);
  bad[0].second.start("soon");
  const auto nothing = projects.try_sync_rows(bad, other);
  CHECK(!nothing && nothing.error().kind() == cor::ErrorKind::cancelled && nothing.error().outcome() == cor::Outcome::not_applied,
        "a run that sent nothing");
  CHECK(counts.rejected == 1 && counts.applied == 0, "%d rejected", (int)counts.rejected);

  const auto refused = projects.try_sync("no such file.csv", options);
  CHECK(!refused && refused.error().kind() == cor::ErrorKind::config, "%s", refused.error().what());
  bool thrown = false;
  try {
    (void)projects.plan("no such file.csv", options);
  } catch (const cor::Error &error) {
    thrown = error.outcome() == cor::Outcome::not_applied;
  }
  CHECK(thrown, "an error of the run is thrown");
  for (const auto &row : own) (void)projects.remove(row.first, "ZAPIER");
}

/// A row whose setters refused a value is in the file of rejected rows with all that it was given, and can be sent from there.
static void rejected_rows() {
  const cor::Client client(cor::Config().base_url(sandbox_url()).token("sandbox-token"));
  const char *folder = std::getenv("COR_TEST_FOLDER");
  const std::string file = std::string(folder ? folder : ".") + "/refused.jsonl";
  Rows given;
  given.emplace_back("X-7", ProjectUpdate("ZAPIER").name("kept").end("2025-04-29").end("30.04.2025").estimated(cor::Decimal{"1,5"}));
  given.emplace_back("X-8", ProjectUpdate("ZAPIER").set_cell("nmae", "typo"));
  cor::SyncOptions options;
  options.source = "ZAPIER";
  options.no_state = true;
  options.rejects = file;
  CHECK(client.projects().sync_rows(given, options).rejected == 2, "refused");
  std::string line, found, corrected;
  std::ifstream lines(file);
  while (std::getline(lines, line)) {
    found += line.substr(0, line.find(",\"_line\"")) + "|";
    corrected += line + "\n";
  }
  lines.close();
  CHECK(found == "{\"id\":\"X-7\",\"name\":\"kept\",\"end\":\"30.04.2025\",\"estimated\":\"1,5\"|{\"id\":\"X-8\",\"nmae\":\"typo\"|",
        "%s", found.c_str());
  for (const auto &[wrong, right] : {std::pair{"30.04.2025", "2025-04-30"}, {"\"1,5\"", "1.5"}, {"nmae", "name"}})
    corrected.replace(corrected.find(wrong), std::strlen(wrong), right);
  std::ofstream(file) << corrected;
  options.rejects.clear();
  const auto planned = client.projects().plan(file, options);
  CHECK(planned.not_started == 2 && planned.rejected == 0, "%d to send, %d rejected", (int)planned.not_started, (int)planned.rejected);

  // Without a value that was no text, or under another id, a row would say something else: it is not written at all.
  given.clear();
  given.emplace_back("X-9", ProjectUpdate("ZAPIER").name("no text").brief("\xff"));
  given.emplace_back("X-\xff", ProjectUpdate("ZAPIER").name("no id"));
  given.emplace_back("X-10", ProjectUpdate("ZAPIER").estimated(7).estimated(cor::Decimal{""}));
  options.rejects = file;
  CHECK(client.projects().sync_rows(given, options).rejected == 3, "refused");
  std::ifstream again(file);
  const std::string all((std::istreambuf_iterator<char>(again)), std::istreambuf_iterator<char>());
  CHECK(all.find("no text") == all.npos && all.find("no id") == all.npos && all.find(":7") == all.npos, "%s", all.c_str());
}

static void values() {
  const cor::Client client(cor::Config().base_url(sandbox_url()).token("sandbox-token"));
  const char *folder = std::getenv("COR_TEST_FOLDER");
  const std::string table = std::string(folder ? folder : ".") + "/values.csv";
  std::ofstream(table) << "id;end;estimated;name;mood\n S-1 ;2025-04-30T23:30:00Z;1.234,50;NULL;x\n";
  cor::SyncOptions options;
  options.source = "ZAPIER";
  options.no_state = options.strict = options.trim = true;
  options.ignore = {"mood"};
  options.null_values = {"NULL"};
  options.day_in = "Europe/Madrid";
  options.decimal = ",";
  options.thousands = ".";
  std::string sent;
  options.on_change = [&](const cor::Change &change) {
    sent = change.id;
    for (const auto &field : change.fields) sent += " " + std::string(field.name) + "=" + std::string(field.new_json);
    return true;
  };
  (void)client.projects().plan(table, options);
  CHECK(sent == "S-1 end=\"2025-05-01\" estimated=1234.50", "%s", sent.c_str());
  std::ofstream(table) << "id,name\n1001.0,NULL\n";
  std::string noted;
  cor::SyncOptions plain;
  plain.source = "ZAPIER";
  plain.no_state = true;
  plain.on_note = [&](std::string_view note) {
    noted += std::string(note) + "|";
    return true;
  };
  (void)client.projects().plan(table, plain);
  CHECK(noted.find("name: \"NULL\" is sent as text in line 2") == 0 && noted.find("id: \"1001.0\" (line 2)") != noted.npos,
        "%s", noted.c_str());
  std::ofstream(table) << "id,end\nS-1,30/04/2025\n";
  options.ignore.clear();
  options.date_format = "%d/%m/%Y";
  (void)client.projects().plan(table, options);
  CHECK(sent == "S-1 end=\"2025-04-30\"", "%s", sent.c_str());
}

/// A plan says that COR refused a project before, when and why.
static void refused_before() {
  const cor::Client client(cor::Config().base_url(sandbox_url()).token("sandbox-token"));
  const char *temporary = std::getenv("COR_TEST_FOLDER");
  const std::string state = std::string(temporary ? temporary : "/tmp") + "/cpp-refused.db";
  std::remove(state.c_str());
  cor::SyncOptions options;
  options.source = "ZAPIER";
  options.state = state;
  std::vector<cor::Change> changes;
  options.on_change = [&](const cor::Change &change) {
    changes.push_back(change);
    return true;
  };
  Rows missing;
  missing.emplace_back("R-404", ProjectUpdate("ZAPIER").name("N"));
  (void)client.projects().plan_rows(missing, options);
  CHECK(changes[0].is_new && changes[0].refused_at == 0 && !changes[0].refused_because, "new");
  CHECK(client.projects().sync_rows(missing, options).failed == 1, "refused");
  changes.clear();
  (void)client.projects().plan_rows(missing, options);
  CHECK(!changes[0].is_new && changes[0].refused_at > 1700000000, "%lld", (long long)changes[0].refused_at);
  CHECK(changes[0].refused_because->find("no such project") != std::string::npos, "%s", changes[0].refused_because->c_str());
}

/// A call is recorded in the state that its options name.
static void single_calls() {
  const cor::Client client(cor::Config().base_url(sandbox_url()).token("sandbox-token"));
  const char *temporary = std::getenv("COR_TEST_FOLDER");
  const std::string folder = temporary ? temporary : "/tmp";
  const std::string table = folder + "/cpp-single.csv", state = folder + "/cpp-single.db";
  std::remove(state.c_str());
  cor::SyncOptions options;
  options.source = "ZAPIER";
  options.state = state;
  options.wait = std::chrono::seconds(1);
  const auto change = [](const char *name) { return cor::ProjectUpdate("ZAPIER").name(name); };
  (void)client.projects().create(cor::ProjectCreate("S-9", change("old")));
  std::ofstream(table) << "id,name\nS-9,from the table\n";
  CHECK(client.projects().sync(table, options).applied == 1, "applied");
  cor::CallOptions call;
  call.state = state;
  (void)client.projects().update("S-9", change("by hand"), call);
  CHECK(client.projects().sync(table, options).applied == 1, "applied");
  CHECK(client.projects().sync(table, options).unchanged == 1, "unchanged");
  (void)client.projects().remove("S-9", "ZAPIER");
}

int main() {
  plan_and_sync();
  rejected_rows();
  values();
  refused_before();
  single_calls();
  return finished();
}
