// The layer of C++ itself: handles that move, chains, exceptions, ranges. The vectors show that it says what C says.
#include <projectcor.hpp>

#include "../c/support.h"

#include <limits>
#include <list>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
#endif

using namespace std::chrono_literals;
using cor::ProjectUpdate;

static_assert(!std::is_copy_constructible_v<cor::Client> && std::is_nothrow_move_constructible_v<cor::Client>);
static_assert(!std::is_copy_constructible_v<ProjectUpdate> && std::is_nothrow_move_constructible_v<ProjectUpdate>);
static_assert(!std::is_copy_constructible_v<cor::Project> && std::is_nothrow_move_constructible_v<cor::Project>);
static_assert(std::is_nothrow_copy_constructible_v<cor::Error>, "an exception's copies must not throw");
static_assert(std::is_base_of_v<std::exception, cor::Error>);
#if __cplusplus >= 202002L
static_assert(std::ranges::input_range<cor::Results<std::vector<cor::Row> &>>);
#endif

// Lines that must not compile: text is no flag, a flag no number, text no number.
template <class T, class = void>
struct TakesBillable : std::false_type {};
template <class T>
struct TakesBillable<T, std::void_t<decltype(std::declval<ProjectUpdate &>().billable(std::declval<T>()))>> : std::true_type {};
static_assert(TakesBillable<bool>::value && !TakesBillable<const char *>::value && !TakesBillable<int>::value);
template <class T, class = void>
struct TakesMoney : std::false_type {};
template <class T>
struct TakesMoney<T, std::void_t<decltype(std::declval<ProjectUpdate &>().estimated(std::declval<T>()))>> : std::true_type {};
static_assert(TakesMoney<int>::value && TakesMoney<unsigned long long>::value && TakesMoney<float>::value &&
              TakesMoney<cor::Decimal>::value && !TakesMoney<bool>::value && !TakesMoney<const char *>::value);

static cor::Config config() {
  return cor::Config().base_url(sandbox_url()).token("sandbox-token").deadline(30s).backoff_base(1ms).max_attempts(2);
}

static std::vector<cor::Row> rows(int count) {
  std::vector<cor::Row> rows;
  for (int i = 0; i < count; ++i)
    rows.push_back({"P-" + std::to_string(i), ProjectUpdate("SAP").name("P-" + std::to_string(i))});
  return rows;
}

static void statuses() {
  const cor::Client client(config());
  const cor::AuthStatus status = client.auth_status();
  CHECK(status.result() == cor::AuthResult::accepted, "%s", std::string(status.text()).c_str());
  CHECK(status.json().find("\"credentials\":\"token\"") != std::string_view::npos, "%s", std::string(status.json()).c_str());
  const cor::Client wrong(config().token("wrong-0123456789"));
  CHECK(wrong.try_auth_status().value().result() == cor::AuthResult::refused, "refused credentials are no error");
}

template <class N, class = void>
struct TakesNumber : std::false_type {};
template <class N>
struct TakesNumber<N, std::void_t<decltype(std::declval<ProjectUpdate &>().estimated(std::declval<N>()))>> : std::true_type {};
static_assert(TakesNumber<int>::value && TakesNumber<unsigned long long>::value && TakesNumber<float>::value, "numbers");
#ifdef __cpp_char8_t
static_assert(!TakesNumber<char8_t>::value, "a character");
#endif
static_assert(!TakesNumber<char>::value && !TakesNumber<bool>::value && !TakesNumber<long double>::value, "others");
#if defined(__SIZEOF_INT128__)
__extension__ typedef __int128 Wide;
static_assert(!TakesNumber<Wide>::value, "its upper half would be lost");
#endif

/// A range whose third row cannot be had the first time.
struct Stumbling {
  std::vector<cor::Row> &rows;
  bool &stumbles;
  struct Iterator {
    Stumbling *range;
    std::size_t at;
    const cor::Row &operator*() const {
      if (at == 2 && std::exchange(range->stumbles, false)) throw std::runtime_error("from the rows");
      return range->rows[at];
    }
    Iterator &operator++() {
      ++at;
      return *this;
    }
    bool operator==(const Iterator &other) const { return at == other.at; }
    bool operator!=(const Iterator &other) const { return at != other.at; }
  };
  Iterator begin() { return {this, 0}; }
  Iterator end() { return {this, rows.size()}; }
};

static void resumed(const cor::Client &client) {
  std::vector<cor::Row> few = rows(4);
  bool stumbles = true;
  auto results = client.projects().update_many(Stumbling{few, stumbles});
  std::size_t seen = 0;
  try {
    for (const cor::ItemResult &item : results) seen += item.index() < 4;
    CHECK(false, "nothing was thrown");
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "from the rows" && seen == 0, "%s", error.what());
  }
  // The run goes on where it was.
  for (const cor::ItemResult &item : results) {
    CHECK(item.index() < 4, "a result");
    ++seen;
  }
  CHECK(seen == 4, "%zu", seen);
}

static void updates() {
  auto update = ProjectUpdate("SALESFORCE")
                    .name(std::string_view("Phase 2, and more", 7))
                    .start(cor::Date{2025, 1, 15})
                    .end("2025-04-30")
                    .estimated_time(250)
                    .estimated(18446744073709551615ull)
                    .billable(true)
                    .clear(cor::Field::brief);
  update.status("active").archived(false);
  CHECK(update.json() ==
            "{\"metadata\":{\"source\":\"SALESFORCE\"},\"name\":\"Phase 2\",\"brief\":null,\"start\":\"2025-01-15\","
            "\"end\":\"2025-04-30\",\"estimated_time\":250,\"billable\":true,\"status\":\"active\","
            "\"estimated\":18446744073709551615,\"archived\":false}",
        "%s", update.json().c_str());
  // The digits of a float, not of the double next to it, nor the shortest ones of an integer.
  const auto floats = ProjectUpdate("SAP").estimated(18000.1f).estimated_time(123456792.0f);
  CHECK(floats.json() == "{\"metadata\":{\"source\":\"SAP\"},\"estimated_time\":123456792.0,\"estimated\":18000.1}", "%s",
        floats.json().c_str());
  CHECK(ProjectUpdate("SAP").estimated(std::numeric_limits<float>::quiet_NaN()).try_validate()->issues()[0].code == "not_finite",
        "a float that is no number");
#if PROJECTCOR_HAS_CALENDAR
  CHECK(ProjectUpdate("SAP").end(std::chrono::year(2025) / 4 / 30).json() ==
            "{\"metadata\":{\"source\":\"SAP\"},\"end\":\"2025-04-30\"}", "a day of C++20");
#endif
  auto copy = update.clone().name("Phase 3");
  CHECK(copy.json().find("Phase 3") != std::string::npos && update.json().find("Phase 2") != std::string::npos, "clone");

  // What stands behind a NUL is not cut off.
  using namespace std::string_view_literals;
  CHECK(ProjectUpdate("SAP").end("2025-04-30\0x"sv).estimated(cor::Decimal{"1\0000"sv}).try_validate()->issues().size() == 2,
        "a NUL in a day and in a number");
  CHECK(ProjectUpdate("SAP").set_cell("estimated", "1\0x"sv).extra("a", "1\0x"sv).try_validate()->issues().size() == 2,
        "a NUL in a cell and in JSON");

  const auto moved = std::move(update);
  CHECK(!moved.try_validate(), "valid");
  CHECK(update.try_validate()->kind() == cor::ErrorKind::argument, "a moved-from update is like NULL");
}

static void one(const cor::Client &client) {
  const auto update = ProjectUpdate("SALESFORCE").name("Phase 2").estimated(0.5f);
  const cor::Project project = client.projects().update("SF-OPP-12345", update);
  CHECK(project.name() == "Phase 2" && project.id() == 155693, "answer");
  CHECK(project.estimated() == "0.5" && project.estimated_double() == 0.5, "numbers");
  CHECK(project.created() == std::chrono::system_clock::from_time_t(1736519400), "time");
  CHECK(project.get_json("company_id") == "1234" && !project.get_json("mood"), "any field");
  std::optional<cor::Error> kept;
  try {
    client.projects().update("nobody", update);
    CHECK(false, "nobody was found");
  } catch (const cor::Error &error) {
    kept = error;
  }
  CHECK(kept->kind() == cor::ErrorKind::project_not_found && name_of(kept->kind()) == "project_not_found", "kind");
  CHECK(kept->outcome() == cor::Outcome::not_applied && kept->status() == 404 && kept->attempts() == 1, "facts");
  CHECK(kept->code() && kept->body() && !kept->retry_after() && !kept->is_retryable(), "more facts");
  try {
    ProjectUpdate("").start("soon").validate();
    CHECK(false, "it was valid");
  } catch (const std::exception &error) {
    const auto issues = dynamic_cast<const cor::Error &>(error).issues();
    CHECK(issues.size() == 2 && issues[0].field == "start" && issues[0].code == "not_a_date", "%s", error.what());
  }
  const auto result = client.projects().try_update("nobody", update);
  CHECK(!result && result.error().status() == 404, "without exceptions");
}

// What holds for one call alone.
static void options(const cor::Client &client) {
  const auto update = ProjectUpdate("SALESFORCE").name("Phase 2");
  const cor::Projects projects = client.projects();
  cor::CallOptions own;
  own.deadline = 20s;
  own.max_attempts = 1;
  CHECK(projects.update("SF-OPP-12345", update, own).name() == "Phase 2", "sent");
  CHECK(!!projects.try_update("SF-OPP-12345", update, {}), "none");
  const cor::Client nobody(config().base_url("http://127.0.0.1:1").transport("direct").backoff_cap(1ms));
  cor::CallOptions attempts;
  attempts.max_attempts = 3;
  CHECK(nobody.projects().try_update("A", update, attempts).error().attempts() == 3, "update");
  CHECK(nobody.projects().try_create(cor::ProjectCreate("A", update), attempts).error().attempts() == 3, "create");
  CHECK(nobody.projects().try_remove("A", "SAP", attempts).error().attempts() == 3, "remove");
  cor::CallOptions wrong[2];
  wrong[0].deadline = -1s;
  wrong[1].max_attempts = 101;
  for (const cor::CallOptions &options : wrong) {
    try {
      projects.update("SF-OPP-12345", update, options);
      CHECK(false, "it was sent");
    } catch (const cor::Error &error) {
      CHECK(error.kind() == cor::ErrorKind::config && error.attempts() == 0, "%s", error.what());
    }
  }
}

static void configured() {
  CHECK(!cor::Client::try_new(config().transport("curl")), "an unknown transport");
  CHECK(!cor::Client::try_new(config().transport("direct").proxy("http://127.0.0.1:1").base_url("https://cor.example")),
        "direct through a proxy");
  CHECK(!cor::Client::try_new(config().client_cert("/no/such/file").client_key("/no/such/file")), "no such files");
  try {
    cor::Client client(config().deadline(-1s));
    CHECK(false, "a negative deadline");
  } catch (const cor::Error &error) {
    CHECK(error.kind() == cor::ErrorKind::config, "%s", error.what());
  }
  CHECK(!cor::Client::try_new(cor::Config()), "no credentials");
  CHECK(!cor::Client::try_new(config().token(std::string_view("t\0t", 3))), "a NUL in a token");
  CHECK(name_of(cor::Pause::rate_limited) == "rate_limited" && name_of(cor::Outcome::unknown) == "unknown", "names");
}

static void many(const cor::Client &client) {
  auto some = rows(300);
  some[7].id = "nobody";
  std::size_t applied = 0, failed = 0, progress = 0;
  cor::BulkOptions options;
  options.concurrency = 8;
  options.outage_timeout = 5min;
  options.on_progress = [&](const cor::Progress &now) { return ++progress, now.failed <= 1; };
  auto results = client.projects().update_many(some, options);
  std::vector<cor::Project> kept;
  for (const cor::ItemResult &item : results) {
    CHECK(item.id() == some[item.index()].id, "index and id belong together");
    item ? ++applied : ++failed;
    if (item) kept.push_back(item.project());
    else CHECK(item.error().kind() == cor::ErrorKind::project_not_found && item.started(), "%s", item.error().what());
  }
  CHECK(applied == 299 && failed == 1 && progress == 300, "%zu, %zu, %zu", applied, failed, progress);
  CHECK(results.summary().applied == 299 && !results.error() && kept.front().name(), "summary");

  // Rows that are passed on whole, as pairs, and from other containers.
  std::map<std::string, ProjectUpdate> by_id;
  by_id.emplace("P-1", ProjectUpdate("SAP").brief("b"));
  by_id.emplace("P-2", ProjectUpdate("SAP").brief("b"));
  CHECK(client.projects().update_many(std::move(by_id), {}, [](const cor::ItemResult &item) { return bool(item); }).applied == 2,
        "pairs");
  std::list<cor::Row> nothing;
  nothing.push_back({"P-1", ProjectUpdate("SAP")});
  const auto unsent = client.projects().update_many(nothing, {}, [](const cor::ItemResult &item) {
    CHECK(item && item.unchanged(), "an update that sets no field is no failure");
    return true;
  });
  CHECK(unsent.unchanged == 1 && unsent.applied == 0, "unchanged");
  std::list<cor::Row> none;
  CHECK(client.projects().update_many(none, {}, [](const cor::ItemResult &) { return true; }).read == 0, "no rows");

  // An id is used whole: what is behind its NUL could make it another project's.
  std::vector<cor::Row> cut;
  cut.push_back({std::string("P-1\0x", 5), ProjectUpdate("SAP").brief("b")});
  for (const cor::ItemResult &item : client.projects().update_many(cut))
    CHECK(!item && item.error().kind() == cor::ErrorKind::invalid, "a NUL in an id");

  // Stopping, by a callback's answer and by an exception of its own.
  std::size_t seen = 0;
  const auto stopped = client.projects().update_many(rows(300), {}, [&](const cor::ItemResult &) { return ++seen < 5; });
  CHECK(stopped.read < 300 && stopped.read == stopped.applied + stopped.not_started && seen == stopped.read, "%zu", seen);
  try {
    client.projects().update_many(rows(300), {}, [](const cor::ItemResult &) -> bool { throw std::runtime_error("mine"); });
    CHECK(false, "it did not get out");
  } catch (const std::runtime_error &error) {
    CHECK(same(error.what(), "mine"), "%s", error.what());
  }
}

// What a program with a button does: shows a pause, stops from another thread, or breaks everything off.
static void stopped(const cor::Client &client) {
  CHECK(!client.rate_hint(), "no request was refused yet");
  CHECK(cor::Client(config().rate_hint(12.5)).rate_hint() == 12.5, "a hint is a start");
  sandbox_queue("{\"status\":429,\"headers\":{\"retry-after\":\"600\"},\"body\":{},\"times\":20}");
  {
    cor::Client waiting(config());
    cor::BulkOptions options;
    options.outage_timeout = 1h;
    options.tick = 10ms;
    bool paused = false;
    options.on_progress = [&](const cor::Progress &now) { return paused |= now.paused == cor::Pause::rate_limited, !paused; };
    auto results = waiting.projects().try_update_many(rows(10), options);
    std::size_t seen = 0;
    for (const cor::ItemResult &item : results) seen += !item;
    CHECK(paused && seen == results.summary().read && results.summary().applied == 0, "%zu", seen);
  }
  sandbox_clear();
  sandbox_queue("[{\"action\":\"apply\"},{\"action\":\"apply\",\"delay_ms\":60000,\"times\":20}]");
  {
    auto results = client.projects().update_many(rows(300));
    for (const cor::ItemResult &item : results) {
      CHECK(item.index() < 300, "a result");
      results.cancel();
      CHECK(item.index() == UINT64_MAX, "it ended");
    }
    CHECK(results.summary().applied == 1 && results.progress().done == 1 && !results.error(), "what was known stays");
    CHECK(results.begin() == results.end(), "it is over");
  }
  sandbox_clear();
  sandbox_queue("{\"action\":\"apply\",\"delay_ms\":2000}");
  cor::BulkOptions options;
  options.concurrency = 1;
  auto results = client.projects().update_many(rows(300), options);
  std::thread button([&] { sandbox_wait(1), results.stop(); });
  std::size_t started = 0, seen = 0;
  for (const cor::ItemResult &item : results) ++seen, started += item.started();
  button.join();
  CHECK(started == 1 && seen < 300 && seen == results.summary().read, "%zu of %zu", started, seen);
  sandbox_clear();
}

static void halted() {
  cor::Client stranger(config().token("wrong"));
  try {
    stranger.projects().update_many(rows(50), {}, [](const cor::ItemResult &) { return true; });
    CHECK(false, "a wrong token did");
  } catch (const cor::Error &error) {
    CHECK(error.kind() == cor::ErrorKind::auth, "%s", error.what());
  }
  auto results = stranger.projects().try_update_many(rows(50));
  std::size_t seen = 0;
  for (const auto &item : results) seen += !item;
  CHECK(seen == results.summary().read && results.error()->kind() == cor::ErrorKind::auth, "without exceptions");
}

int main() {
  sandbox_clear();
  statuses();
  updates();
  configured();
  {
    const cor::Client client(config());
    one(client);
    options(client);
    many(client);
    resumed(client);
    stopped(client);
    halted();
  }
  return finished();
}
