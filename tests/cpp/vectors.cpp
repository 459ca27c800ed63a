// The shared vectors through C++: the same bytes on the wire, the same kinds of error.
#include <projectcor.hpp>

#include "../c/support.h"
#include "vectors.h"

#include <optional>
#include <string>

using cor::ProjectUpdate;
using Text = std::optional<std::string>;

namespace {

int skipped = 0;

// False: the types of C++ have no room for such a value.
bool set_field(ProjectUpdate &u, const vector_field &f) {
  const std::string field = f.field, tag = f.tag, v = f.value;
  if (tag == "cell") return u.set_cell(field, v), true;
  if (tag == "clear") {
    for (std::int32_t n = 1; !name_of(static_cast<cor::Field>(n)).empty(); ++n)
      if (name_of(static_cast<cor::Field>(n)) == field) return u.clear(static_cast<cor::Field>(n)), true;
    return false;
  }
#define TEXT(x) if (field == #x) return tag == "text" && (u.x(v), true);
#define DATE(x) \
  if (field == #x && tag == "text") return u.x(v), true; \
  if (field == #x && tag == "date") return u.x(cor::Date{std::stoi(v), std::stoi(v.substr(5)), std::stoi(v.substr(8))}), true; \
  if (field == #x) return false;
#define NUMBER(x) \
  if (field == #x && tag == "integer") return u.x(std::stoll(v)), true; \
  if (field == #x && tag == "decimal") return u.x(cor::Decimal{v}), true; \
  if (field == #x && tag == "float") return u.x(std::stod(v)), true; \
  if (field == #x) return false;
#define BOOLEAN(x) if (field == #x) return tag == "boolean" && (u.x(v == "true"), true);
#define INCOME_TYPE(x) \
  if (field == #x && tag == "text") return u.x(v), true; \
  if (field == #x && tag == "income_type") return u.x##_other(v), true;
  // fields:setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
  TEXT(name)
  TEXT(client_id)
  TEXT(brief)
  DATE(start)
  DATE(end)
  TEXT(pm_id)
  NUMBER(estimated_time)
  BOOLEAN(billable)
  TEXT(status)
  TEXT(currency_id)
  DATE(evaluation_date)
  NUMBER(estimated)
  TEXT(fee_id)
  TEXT(contract_id)
  TEXT(deliverables)
  TEXT(work_order)
  INCOME_TYPE(income_type)
  BOOLEAN(archived)
  // fields:end
#undef TEXT
#undef DATE
#undef NUMBER
#undef BOOLEAN
#undef INCOME_TYPE
  return tag == "text" && (u.set_cell(field, v), true);
}

Text text(std::optional<std::string_view> value) { return value ? Text(std::string(*value)) : std::nullopt; }
Text text(std::optional<std::int64_t> value) { return value ? Text(std::to_string(*value)) : std::nullopt; }
Text text(std::optional<bool> value) { return value ? Text(*value ? "true" : "false") : std::nullopt; }

Text get_field(const cor::Project &p, const std::string &name) {
  if (name == "id") return text(p.id());
  if (name == "client_id") return text(p.client_id());
  if (name == "pm_id") return text(p.pm_id());
  if (name == "contract_id") return text(p.contract_id());
  if (name == "company_id") return text(p.company_id());
  if (name == "health") return text(p.health());
  if (name == "elapsed_time") return text(p.elapsed_time());
  if (name == "total_estimated") return text(p.total_estimated());
  if (name == "name") return text(p.name());
  if (name == "brief") return text(p.brief());
  if (name == "start") return text(p.start());
  if (name == "end") return text(p.end());
  if (name == "estimated_time") return text(p.estimated_time());
  if (name == "estimated") return text(p.estimated());
  if (name == "status") return text(p.status());
  if (name == "work_order") return text(p.work_order());
  if (name == "billable") return text(p.billable());
  if (name == "archived") return text(p.archived());
  if (name == "created_at") return text(p.created_at());
  if (name == "updated_at") return text(p.updated_at());
  return "no such getter";
}

void one(const cor::Client &client, const update_vector &v) {
  ProjectUpdate update(v.source);
  for (std::size_t i = 0; i < v.field_count; ++i)
    if (!set_field(update, v.fields[i])) {
      ++skipped;
      return;
    }
  for (std::size_t i = 0; i < v.extra_count; ++i) update.extra(v.extras[i].name, v.extras[i].value);
  sandbox_clear();
  sandbox_queue("{\"status\":200,\"body\":{\"id\":7}}");
  const auto result = client.projects().try_update(std::string_view(v.id, v.id_size), update);
  char *path, *body;
  const int requests = sandbox_requests(&path, &body);
  if (v.kind) {
    CHECK(!result && name_of(result.error().kind()) == v.kind, "%s", v.name);
    CHECK(requests == 0 && result.error().outcome() == cor::Outcome::not_applied, "%s", v.name);
    const auto issues = result.error().issues();
    CHECK(issues.size() == v.issue_count, "%s: %s", v.name, result.error().what());
    for (std::size_t i = 0; i < v.issue_count; ++i) {
      bool found = false;
      for (const auto &issue : issues) found |= issue.field == v.issues[i].name && issue.code == v.issues[i].value;
      CHECK(found, "%s: %s", v.name, result.error().what());
    }
  } else {
    CHECK(result.has_value(), "%s: %s", v.name, result ? "" : result.error().what());
    CHECK(requests == 1 && same(path, v.path) && same(body, v.body), "%s: %s %s", v.name, path, body);
    CHECK(update.json() == v.body, "%s", v.name);
  }
  std::free(path);
  std::free(body);
}

void answered(const answer_vector &v) {
  cor::Client client(sandbox_client());
  sandbox_clear();
  sandbox_queue(v.queued);
  const auto result = client.projects().try_update("A-1", ProjectUpdate("SAP").name("N"));
  if (v.kind) {
    CHECK(!result && name_of(result.error().kind()) == v.kind, "%s", v.name);
    const auto &error = result.error();
    CHECK(!v.outcome || name_of(error.outcome()) == v.outcome, "%s: %s", v.name, error.what());
    CHECK(!v.code || error.code() == v.code, "%s", v.name);
    CHECK(v.status < 0 || error.status() == v.status, "%s", v.name);
    CHECK(v.attempts < 0 || error.attempts() == static_cast<unsigned>(v.attempts), "%s", v.name);
    CHECK(v.retryable < 0 || error.is_retryable() == (v.retryable == 1), "%s", v.name);
    CHECK(v.retry_after < 0 || error.retry_after() == std::chrono::seconds(v.retry_after), "%s", v.name);
  } else {
    CHECK(result.has_value(), "%s: %s", v.name, result ? "" : result.error().what());
    for (std::size_t i = 0; i < v.project_count; ++i) {
      const auto got = get_field(*result, v.project[i].name);
      const auto &expected = v.project[i].value;
      CHECK(expected ? got == std::string(expected) : !got, "%s: %s", v.name, v.project[i].name);
    }
  }
}

void check_error(const main_answer_vector &v, const cor::Error &error) {
  CHECK(v.kind && name_of(error.kind()) == v.kind, "%s: %s", v.name, error.what());
  CHECK(!v.outcome || name_of(error.outcome()) == v.outcome, "%s: %s", v.name, error.what());
  CHECK(!v.code || error.code() == v.code, "%s", v.name);
  CHECK(v.status < 0 || error.status() == v.status, "%s", v.name);
  CHECK(v.attempts < 0 || error.attempts() == static_cast<unsigned>(v.attempts), "%s", v.name);
  CHECK(v.retryable < 0 || error.is_retryable() == (v.retryable == 1), "%s", v.name);
}

void read(const main_answer_vector &v) {
  cor::Client client(sandbox_client());
  sandbox_clear();
  sandbox_queue(v.queued);
  if (std::string(v.call) == "get") {
    const auto result = client.projects().try_get(v.id);
    if (!result) return check_error(v, result.error());
    CHECK(!v.kind && v.project_count, "%s", v.name);
    for (std::size_t i = 0; i < v.project_count; ++i) {
      const auto got = get_field(*result, v.project[i].name);
      const auto &expected = v.project[i].value;
      CHECK(expected ? got == std::string(expected) : !got, "%s: %s", v.name, v.project[i].name);
    }
  } else {
    std::string ids;
    const auto result = client.projects().try_list({}, [&](const cor::Project &project) {
      ids += std::to_string(project.id().value()) + " ";
      return true;
    });
    if (!result) return check_error(v, result.error());
    CHECK(!v.kind && v.ids && ids == v.ids, "%s: %s", v.name, ids.c_str());
    CHECK(v.total < 0 ? !result->total : result->total == static_cast<std::uint64_t>(v.total), "%s: total", v.name);
  }
}

}  // namespace

int main() {
  {
    cor::Client client(sandbox_client());
    for (const auto &v : update_vectors) one(client, v);
  }
  for (const auto &v : answer_vectors) answered(v);
  for (const auto &v : main_answer_vectors) read(v);
  sandbox_clear();
  std::printf("vectors that C++'s types rule out: %d\n", skipped);
  return finished();
}
