// projectcor: COR (projectcor.com) project updates for C++17 and later. Header-only, on top of projectcor.h.
//
//   auto client = cor::Client::from_env();
//   auto project = client.projects().update("SF-OPP-12345",
//       cor::ProjectUpdate("SALESFORCE").name("Website, phase 2").clear(cor::Field::brief));
//   std::cout << project.json() << '\n';
//
//   for (const cor::ItemResult &item : client.projects().update_many(rows))
//     if (!item) std::cerr << item.id() << ": " << item.error().what() << '\n';
//
// * Handles move and do not copy; clone() copies explicitly. Text goes in as std::string_view and comes out as one
//   that lives as long as the object it was asked of. Times are std::chrono durations.
// * What fails throws cor::Error, the only type thrown. Each such call has a sibling that begins with try_ and returns
//   a cor::Result or std::optional<cor::Error> instead; without exceptions (-fno-exceptions) only those exist.
// * Threads, processes and misuse: as the conventions in projectcor.h say. A moved-from object is like NULL there.
#ifndef PROJECTCOR_HPP
#define PROJECTCOR_HPP

#include "projectcor.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define PROJECTCOR_HAS_EXCEPTIONS 1
#else
#define PROJECTCOR_HAS_EXCEPTIONS 0
#endif
// Standard libraries had std::chrono::year_month_day before all of C++20's <chrono>, which the feature macro stands for.
#if (defined(__cpp_lib_chrono) && __cpp_lib_chrono >= 201907L) || \
    (__cplusplus >= 202002L && ((defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE >= 11) || defined(_LIBCPP_VERSION)))
#define PROJECTCOR_HAS_CALENDAR 1
#else
#define PROJECTCOR_HAS_CALENDAR 0
#endif

namespace cor {

/// The kind of an error, with the same name in every interface.
enum class ErrorKind : std::int32_t {
  argument = COR_ERR_ARGUMENT,
  internal = COR_ERR_INTERNAL,
  invalid = COR_ERR_INVALID,
  config = COR_ERR_CONFIG,
  auth = COR_ERR_AUTH,
  forbidden = COR_ERR_FORBIDDEN,
  project_not_found = COR_ERR_PROJECT_NOT_FOUND,
  validation = COR_ERR_VALIDATION,
  invalid_date_range = COR_ERR_INVALID_DATE_RANGE,
  rate_limited = COR_ERR_RATE_LIMITED,
  server = COR_ERR_SERVER,
  timeout = COR_ERR_TIMEOUT,
  transport = COR_ERR_TRANSPORT,
  tls = COR_ERR_TLS,
  protocol = COR_ERR_PROTOCOL,
  redirect = COR_ERR_REDIRECT,
  too_large = COR_ERR_TOO_LARGE,
  cancelled = COR_ERR_CANCELLED,
};

/// Whether the update took effect, as far as the client can know.
enum class Outcome : std::int32_t {
  not_applied = COR_OUTCOME_NOT_APPLIED,
  applied = COR_OUTCOME_APPLIED,
  unknown = COR_OUTCOME_UNKNOWN,
};

/// Why a run of many rows sends no request at the moment.
enum class Pause : std::int32_t {
  none = COR_PAUSE_NONE,
  rate_limited = COR_PAUSE_RATE_LIMITED,
  unreachable = COR_PAUSE_UNREACHABLE,
};

/// What COR says of the credentials of a client.
enum class AuthResult : std::int32_t {
  not_checked = COR_AUTH_NOT_CHECKED,
  accepted = COR_AUTH_ACCEPTED,
  token_issued = COR_AUTH_TOKEN_ISSUED,
  refused = COR_AUTH_REFUSED,
  unreachable = COR_AUTH_UNREACHABLE,
};

/// The optional fields of an update.
enum class Field : std::int32_t {
  // fields:constants, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
  name = COR_FIELD_NAME,
  client_id = COR_FIELD_CLIENT_ID,
  brief = COR_FIELD_BRIEF,
  start = COR_FIELD_START,
  end = COR_FIELD_END,
  pm_id = COR_FIELD_PM_ID,
  estimated_time = COR_FIELD_ESTIMATED_TIME,
  billable = COR_FIELD_BILLABLE,
  status = COR_FIELD_STATUS,
  currency_id = COR_FIELD_CURRENCY_ID,
  evaluation_date = COR_FIELD_EVALUATION_DATE,
  estimated = COR_FIELD_ESTIMATED,
  fee_id = COR_FIELD_FEE_ID,
  contract_id = COR_FIELD_CONTRACT_ID,
  deliverables = COR_FIELD_DELIVERABLES,
  work_order = COR_FIELD_WORK_ORDER,
  income_type = COR_FIELD_INCOME_TYPE,
  archived = COR_FIELD_ARCHIVED,
  // fields:end
};

/// The stable name: "project_not_found", "rate_limited", …
inline std::string_view name_of(ErrorKind kind) {
  const char *word = cor_status_name(static_cast<std::int32_t>(kind));
  return word ? word : "";
}
/// The stable name: "not_applied", "applied" or "unknown".
inline std::string_view name_of(Outcome outcome) {
  const char *word = cor_outcome_name(static_cast<std::int32_t>(outcome));
  return word ? word : "";
}
/// The stable name: "none", "rate_limited" or "unreachable".
inline std::string_view name_of(Pause pause) {
  const char *word = cor_pause_name(static_cast<std::int32_t>(pause));
  return word ? word : "";
}
/// The name on the wire.
inline std::string_view name_of(Field field) {
  const char *word = cor_field_name(static_cast<std::int32_t>(field));
  return word ? word : "";
}

/// The version of the library in use, "MAJOR.MINOR.PATCH".
inline std::string_view version() { return cor_version(); }

namespace detail {

template <class T, cor_status (*Free)(T *)>
struct Freed {
  void operator()(T *handle) const noexcept { (void)Free(handle); }
};
template <class T, cor_status (*Free)(T *)>
using Handle = std::unique_ptr<T, Freed<T, Free>>;

inline std::optional<std::string_view> text(const char *text) {
  return text ? std::optional<std::string_view>(text) : std::nullopt;
}
/// Text for a function that takes it up to its first NUL, which would cut this one off: text that holds a NUL becomes bytes
/// that are no text, and the function refuses it.
inline const char *c_text(const std::string &text) noexcept {
  return text.find('\0') == std::string::npos ? text.c_str() : "\xff";
}
/// The types whose values are numbers that the library takes whole: no bool, no characters, nothing wider than 64 bits.
template <class N>
inline constexpr bool is_number =
    std::is_same_v<N, float> || std::is_same_v<N, double> ||
    (std::is_integral_v<N> && sizeof(N) <= sizeof(std::int64_t) && !std::is_same_v<N, bool> &&
     !std::is_same_v<N, char> && !std::is_same_v<N, wchar_t> && !std::is_same_v<N, char16_t> &&
     !std::is_same_v<N, char32_t>
#ifdef __cpp_char8_t
     && !std::is_same_v<N, char8_t>
#endif
    );
/// The double with the fewest digits that is this float: 18000.1, not the 18000.099609375 next to it. An integer is itself:
/// 123456792, not the 123456790 that is the same float.
inline double shortest(float value) noexcept {
  if (std::trunc(value) == value && std::fabs(value) < 9007199254740992.0f) return value;
  char digits[32] = "";
  for (int n = 6; n <= 9; ++n) {
    (void)std::snprintf(digits, sizeof digits, "%.*g", n, static_cast<double>(value));
    if (std::strtof(digits, nullptr) == value) break;
  }
  return std::strtod(digits, nullptr);
}
/// An internal id of COR. One out of the range of int64_t becomes 0, which is no id.
template <class Id>
constexpr std::int64_t internal_id(Id id) {
  static_assert(std::is_integral_v<Id> && !std::is_same_v<Id, bool> && sizeof(Id) <= sizeof(std::int64_t),
                "COR's internal ids are integers of at most 64 bits");
  if constexpr (std::is_unsigned_v<Id> && sizeof(Id) == sizeof(std::int64_t)) {
    return id > static_cast<Id>(INT64_MAX) ? 0 : static_cast<std::int64_t>(id);
  } else {
    return id;
  }
}
template <class Owner, class T, class Value = T>
std::optional<Value> value(bool (*get)(const Owner *, T *), const Owner *owner) {
  T value{};
  return get(owner, &value) ? std::optional<Value>(Value(value)) : std::nullopt;
}

}  // namespace detail

/// One problem of an update: the field, the problem and the remedy.
struct Issue {
  std::string field;    ///< The name on the wire; "id" for the external id, "metadata.source" for the source.
  std::string code;     ///< A stable name: "not_a_date", "required", …
  std::string message;  ///< A sentence for people.
};

/// Why a call failed, and what is known about the update. Copies share their content.
class Error : public std::exception {
 public:
  /// Takes ownership of an error of the C interface. `status` is the kind if there was no memory for an error.
  explicit Error(cor_error *owned, cor_status status = COR_ERR_ARGUMENT)
      : error_(owned, detail::Freed<cor_error, cor_error_free>()), status_(status) {}

  ErrorKind kind() const noexcept {
    return static_cast<ErrorKind>(error_ ? cor_error_kind(error_.get()) : status_);
  }
  Outcome outcome() const noexcept { return static_cast<Outcome>(cor_error_outcome(error_.get())); }
  /// One line of text: what was attempted, what happened, what to do. Holds no secret.
  const char *what() const noexcept override {
    const char *text = cor_error_message(error_.get());
    return text ? text : "COR: an error that could not be described";
  }
  std::string_view message() const noexcept { return what(); }
  /// COR's code or name of the error: "ZC001", "ProjectNotFoundError", …
  std::optional<std::string_view> code() const { return detail::text(cor_error_code(error_.get())); }
  /// The HTTP status of the last response, where there was one.
  std::optional<int> status() const {
    const std::int32_t status = cor_error_status(error_.get());
    return status ? std::optional<int>(status) : std::nullopt;
  }
  /// How many requests this call started to send; 0 where the client or the run was freed meanwhile, which loses the count.
  std::uint32_t attempts() const noexcept { return cor_error_attempts(error_.get()); }
  /// How long COR asked to wait before the next request.
  std::optional<std::chrono::milliseconds> retry_after() const {
    const std::int64_t ms = cor_error_retry_after_ms(error_.get());
    return ms < 0 ? std::nullopt : std::optional<std::chrono::milliseconds>(ms);
  }
  /// Whether the same call could succeed later without a change.
  bool is_retryable() const noexcept { return cor_error_is_retryable(error_.get()); }
  /// Whether COR refused a create because it has a project of this external id already.
  bool is_duplicate() const noexcept { return cor_error_is_duplicate(error_.get()); }
  /// Whether the project was read back from COR's main API after the response was lost, to learn the outcome; see
  /// CallOptions::settle_unknown.
  bool is_read_back() const noexcept { return cor_error_is_read_back(error_.get()); }
  std::optional<std::string_view> request_id() const { return detail::text(cor_error_request_id(error_.get())); }
  /// The start of the response's body: at most 4 KiB, control characters replaced.
  std::optional<std::string_view> body() const { return detail::text(cor_error_body(error_.get())); }
  /// Every problem that was found before anything was sent; empty for errors of other kinds.
  std::vector<Issue> issues() const {
    std::vector<Issue> issues;
    for (std::size_t i = 0, n = cor_error_issue_count(error_.get()); i < n; ++i)
      issues.push_back({cor_error_issue_field(error_.get(), i), cor_error_issue_code(error_.get(), i),
                        cor_error_issue_message(error_.get(), i)});
    return issues;
  }

 private:
  std::shared_ptr<cor_error> error_;
  cor_status status_;
};

/// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. Where there is none this throws the error; without exceptions it ends the program.
  T &value() & { return demand(), *std::get_if<0>(&state_); }
  const T &value() const & { return demand(), *std::get_if<0>(&state_); }
  T &&value() && { return demand(), std::move(*std::get_if<0>(&state_)); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

  /// The error; there is one where has_value() is false, and asking otherwise ends the program.
  const Error &error() const {
    if (has_value()) std::abort();
    return *std::get_if<1>(&state_);
  }

 private:
  void demand() const {
    if (has_value()) return;
#if PROJECTCOR_HAS_EXCEPTIONS
    throw *std::get_if<1>(&state_);
#else
    std::abort();
#endif
  }
  std::variant<T, Error> state_;
};

/// A day: cor::Date{2025, 4, 30}, or in C++20 a std::chrono::year_month_day.
struct Date {
  int year, month, day;

  constexpr Date(int year_, int month_, int day_) : year(year_), month(month_), day(day_) {}
#if PROJECTCOR_HAS_CALENDAR
  constexpr Date(std::chrono::year_month_day date)
      : year(int(date.year())), month(int(unsigned(date.month()))), day(int(unsigned(date.day()))) {}
#endif
};

/// A number as decimal text, sent digit for digit: cor::Decimal{"18000.10"}.
struct Decimal {
  std::string_view text;
};

/// A partial update of one project: only fields that were set or cleared are sent.
///
/// Setters may be chained. A refused value is recorded: validating and sending report every problem at
/// once. Many threads may send one, as long as none changes it meanwhile.
class ProjectUpdate {
 public:
  /// `source` is the system the project was created from, for example "SALESFORCE".
  explicit ProjectUpdate(std::string_view source) : update_(cor_update_new_n(source.data(), source.size())) {}

  /// A copy of the update, refused values included: a template for many.
  ProjectUpdate clone() const { return ProjectUpdate(cor_update_clone(get())); }

// Setters exist for named and for temporary updates, so that a chain keeps what it was called on.
#define PROJECTCOR_SETTER(name, parameter, call)                  \
  ProjectUpdate &name(parameter) & { return (void)(call), *this; } \
  ProjectUpdate &&name(parameter) && { return (void)(call), std::move(*this); }
#define PROJECTCOR_TEXT(name) \
  PROJECTCOR_SETTER(name, std::string_view value, cor_update_set_##name##_n(get(), value.data(), value.size()))
#define PROJECTCOR_DATE(name)                                                                                    \
  PROJECTCOR_SETTER(name, std::string_view value, cor_update_set_##name##_n(get(), value.data(), value.size())) \
  PROJECTCOR_SETTER(name, Date value, cor_update_set_##name##_ymd(get(), value.year, value.month, value.day))
#define PROJECTCOR_NUMBER(name)                                                                                   \
  PROJECTCOR_SETTER(name, Decimal value,                                                                          \
                    cor_update_set_##name##_decimal_n(get(), value.text.data(), value.text.size()))               \
  template <class N, class = std::enable_if_t<detail::is_number<N>>>                                              \
  ProjectUpdate &name(N value) & {                                                                                \
    if constexpr (std::is_same_v<N, float>) {                                                                     \
      (void)cor_update_set_##name##_double(get(), detail::shortest(value));                                       \
    } else if constexpr (std::is_same_v<N, double>) {                                                             \
      (void)cor_update_set_##name##_double(get(), value);                                                         \
    } else if constexpr (std::is_unsigned_v<N> && sizeof(N) >= sizeof(std::int64_t)) {                            \
      (void)cor_update_set_##name##_decimal(get(), std::to_string(value).c_str());                                \
    } else {                                                                                                      \
      (void)cor_update_set_##name##_int(get(), value);                                                            \
    }                                                                                                             \
    return *this;                                                                                                 \
  }                                                                                                               \
  template <class N, class = std::enable_if_t<detail::is_number<N>>>                                              \
  ProjectUpdate &&name(N value) && {                                                                              \
    return std::move(static_cast<ProjectUpdate &>(*this).name(value));                                            \
  }
// Nothing but a bool: text must not turn into `true`.
#define PROJECTCOR_FLAG(name)                                              \
  template <class B, class = std::enable_if_t<std::is_same_v<B, bool>>>    \
  ProjectUpdate &name(B value) & {                                         \
    return (void)cor_update_set_##name(get(), value), *this;               \
  }                                                                        \
  template <class B, class = std::enable_if_t<std::is_same_v<B, bool>>>    \
  ProjectUpdate &&name(B value) && {                                       \
    return (void)cor_update_set_##name(get(), value), std::move(*this);    \
  }

  // fields:setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
  /// The project's name.
  PROJECTCOR_TEXT(name)
  /// External id of the client.
  PROJECTCOR_TEXT(client_id)
  /// Description.
  PROJECTCOR_TEXT(brief)
  /// First day. A cor::Date, or text written YYYY-MM-DD.
  PROJECTCOR_DATE(start)
  /// Last day; not before `start`. A cor::Date, or text written YYYY-MM-DD.
  PROJECTCOR_DATE(end)
  /// External user id of the project manager.
  PROJECTCOR_TEXT(pm_id)
  /// Hours: an integer, a floating-point number or a cor::Decimal.
  PROJECTCOR_NUMBER(estimated_time)
  /// Whether the work is billed.
  PROJECTCOR_FLAG(billable)
  /// Free text; COR's own pages use "active", "in_progress", "in_process", "finished", "suspended".
  PROJECTCOR_TEXT(status)
  /// External currency id.
  PROJECTCOR_TEXT(currency_id)
  /// Day of the evaluation. A cor::Date, or text written YYYY-MM-DD.
  PROJECTCOR_DATE(evaluation_date)
  /// Money, in the project's currency: an integer, a floating-point number or a cor::Decimal.
  PROJECTCOR_NUMBER(estimated)
  /// External fee id.
  PROJECTCOR_TEXT(fee_id)
  /// External contract id.
  PROJECTCOR_TEXT(contract_id)
  /// What is delivered.
  PROJECTCOR_TEXT(deliverables)
  /// Number or code of the work order.
  PROJECTCOR_TEXT(work_order)
  /// How the project earns: "fee", "one_time", "hourly_rate" or "contract".
  PROJECTCOR_TEXT(income_type)
  /// The same as income_type, for a value that is sent unchecked.
  PROJECTCOR_TEXT(income_type_other)
  /// Whether the project is archived. Left out, COR keeps it as it is.
  PROJECTCOR_FLAG(archived)
  // fields:end

  /// Clears a field by sending null. COR does not document what null does.
  PROJECTCOR_SETTER(clear, Field field, cor_update_clear(get(), static_cast<std::int32_t>(field)))

#undef PROJECTCOR_SETTER
#undef PROJECTCOR_TEXT
#undef PROJECTCOR_DATE
#undef PROJECTCOR_NUMBER
#undef PROJECTCOR_FLAG

  /// Sets a field from a table's cell, by name: read by the field's type. An empty cell keeps the field, and takes back what
  /// this update was to do with it before, refused values included.
  ProjectUpdate &set_cell(std::string_view field, std::string_view cell) & {
    (void)cor_update_set_cell_n(get(), field.data(), field.size(), cell.data(), cell.size());
    return *this;
  }
  ProjectUpdate &&set_cell(std::string_view field, std::string_view cell) && {
    return std::move(static_cast<ProjectUpdate &>(*this).set_cell(field, cell));
  }
  /// Sets a field that this library does not know, as JSON text.
  ProjectUpdate &extra(std::string_view name, std::string_view json) & {
    (void)cor_update_extra_n(get(), name.data(), name.size(), json.data(), json.size());
    return *this;
  }
  ProjectUpdate &&extra(std::string_view name, std::string_view json) && {
    return std::move(static_cast<ProjectUpdate &>(*this).extra(name, json));
  }

  /// Validates the update without sending it: every problem at once, or none.
  std::optional<Error> try_validate() const {
    cor_error *error = nullptr;
    const cor_status status = cor_update_validate(get(), &error);
    if (status == COR_OK) return std::nullopt;
    return Error(error, status);
  }
#if PROJECTCOR_HAS_EXCEPTIONS
  /// Validates the update without sending it. Throws cor::Error with every problem at once.
  void validate() const {
    if (auto error = try_validate()) throw *std::move(error);
  }
#endif

  /// The request body as it would be sent.
  std::string json() const {
    const char *json = cor_update_json(get());
    return json ? json : "";
  }

  /// The C handle, for functions of projectcor.h.
  cor_update *get() const noexcept { return update_.get(); }

 private:
  explicit ProjectUpdate(cor_update *owned) : update_(owned) {}
  detail::Handle<cor_update, cor_update_free> update_;
};

/// A new project: its external id, the fields of an update, and those that only a create has.
///
/// Setters may be chained. A refused value, here or in the update, is recorded: validating and sending report every
/// problem at once. Many threads may send one, as long as none changes it meanwhile.
class ProjectCreate {
 public:
  /// `fields` is copied. What it clears is left out: there is nothing to clear yet. COR needs a name.
  ProjectCreate(std::string_view id, const ProjectUpdate &fields)
      : create_(cor_create_new_n(id.data(), id.size(), fields.get())) {}

  // fields:create_setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
  /// External id of the brand.
  ProjectCreate &brand_id(std::string_view value) & {
    return (void)cor_create_set_brand_id_n(get(), value.data(), value.size()), *this;
  }
  ProjectCreate &&brand_id(std::string_view value) && {
    return std::move(static_cast<ProjectCreate &>(*this).brand_id(value));
  }
  /// External id of the product.
  ProjectCreate &product_id(std::string_view value) & {
    return (void)cor_create_set_product_id_n(get(), value.data(), value.size()), *this;
  }
  ProjectCreate &&product_id(std::string_view value) && {
    return std::move(static_cast<ProjectCreate &>(*this).product_id(value));
  }
  // fields:end

  /// Validates the create without sending it: every problem at once, or none.
  std::optional<Error> try_validate() const {
    cor_error *error = nullptr;
    const cor_status status = cor_create_validate(get(), &error);
    if (status == COR_OK) return std::nullopt;
    return Error(error, status);
  }
#if PROJECTCOR_HAS_EXCEPTIONS
  /// Validates the create without sending it. Throws cor::Error with every problem at once.
  void validate() const {
    if (auto error = try_validate()) throw *std::move(error);
  }
#endif

  /// The request body as it would be sent.
  std::string json() const {
    const char *json = cor_create_json(get());
    return json ? json : "";
  }

  /// The C handle, for functions of projectcor.h.
  cor_create *get() const noexcept { return create_.get(); }

 private:
  detail::Handle<cor_create, cor_create_free> create_;
};

/// A project as COR's response describes it. Every field is optional; ids are COR's internal ids.
class Project {
 public:
  /// Takes over a project got from the C interface.
  explicit Project(cor_project *owned) : project_(owned) {}

  /// Another object of the same project.
  Project clone() const { return Project(cor_project_clone(get())); }

  std::optional<std::int64_t> id() const { return detail::value(cor_project_id, get()); }
  std::optional<std::int64_t> client_id() const { return detail::value(cor_project_client_id, get()); }
  std::optional<std::int64_t> pm_id() const { return detail::value(cor_project_pm_id, get()); }
  std::optional<std::int64_t> contract_id() const { return detail::value(cor_project_contract_id, get()); }
  std::optional<std::int64_t> company_id() const { return detail::value(cor_project_company_id, get()); }
  std::optional<std::string_view> name() const { return detail::text(cor_project_name(get())); }
  std::optional<std::string_view> brief() const { return detail::text(cor_project_brief(get())); }
  std::optional<std::string_view> status() const { return detail::text(cor_project_status(get())); }
  std::optional<std::string_view> work_order() const { return detail::text(cor_project_work_order(get())); }
  /// The first day, YYYY-MM-DD.
  std::optional<std::string_view> start() const { return detail::text(cor_project_start(get())); }
  /// The last day, YYYY-MM-DD.
  std::optional<std::string_view> end() const { return detail::text(cor_project_end(get())); }
  /// Hours, as the exact decimal text COR sent.
  std::optional<std::string_view> estimated_time() const { return detail::text(cor_project_estimated_time(get())); }
  std::optional<double> estimated_time_double() const {
    return detail::value(cor_project_estimated_time_double, get());
  }
  /// Money, as the exact decimal text COR sent.
  std::optional<std::string_view> estimated() const { return detail::text(cor_project_estimated(get())); }
  std::optional<double> estimated_double() const { return detail::value(cor_project_estimated_double, get()); }
  /// COR's rating: 1 on track, 2 at risk, 3 delayed, 4 critical. Shown by the main API only.
  std::optional<std::int64_t> health() const { return detail::value(cor_project_health, get()); }
  /// Hours worked, as the exact decimal text COR sent. Shown by the main API only.
  std::optional<std::string_view> elapsed_time() const { return detail::text(cor_project_elapsed_time(get())); }
  std::optional<double> elapsed_time_double() const { return detail::value(cor_project_elapsed_time_double, get()); }
  /// Money, as the exact decimal text COR sent. Shown by the main API only; COR does not document how it relates to
  /// estimated().
  std::optional<std::string_view> total_estimated() const { return detail::text(cor_project_total_estimated(get())); }
  std::optional<double> total_estimated_double() const {
    return detail::value(cor_project_total_estimated_double, get());
  }
  std::optional<bool> billable() const { return detail::value(cor_project_billable, get()); }
  std::optional<bool> archived() const { return detail::value(cor_project_archived, get()); }
  /// The time as COR wrote it.
  std::optional<std::string_view> created_at() const { return detail::text(cor_project_created_at(get())); }
  std::optional<std::string_view> updated_at() const { return detail::text(cor_project_updated_at(get())); }
  /// The time, where COR's text names a zone.
  std::optional<std::chrono::system_clock::time_point> created() const { return time(cor_project_created_at_unix); }
  std::optional<std::chrono::system_clock::time_point> updated() const { return time(cor_project_updated_at_unix); }
  /// The response's object on one line, as COR sent it; empty where COR answered without a body.
  std::string_view json() const { return detail::text(cor_project_json(get())).value_or(std::string_view()); }
  /// Any field of the response as JSON, whether this library knows it or not.
  std::optional<std::string_view> get_json(std::string_view name) const {
    return detail::text(cor_project_get_json_n(get(), name.data(), name.size()));
  }

  /// The C handle, for functions of projectcor.h.
  const cor_project *get() const noexcept { return project_.get(); }

 private:
  using UnixTime = bool(const cor_project *, std::int64_t *);
  std::optional<std::chrono::system_clock::time_point> time(UnixTime *get_unix) const {
    const auto seconds = detail::value(get_unix, get());
    if (!seconds) return std::nullopt;
    return std::chrono::system_clock::time_point(std::chrono::seconds(*seconds));
  }
  detail::Handle<cor_project, cor_project_free> project_;
};

/// The credentials of a client, without their text.
class AuthStatus {
 public:
  /// Takes ownership of a status of the C interface.
  explicit AuthStatus(cor_auth_status *owned) : status_(owned) {}

  /// What COR says of the credentials.
  AuthResult result() const { return static_cast<AuthResult>(cor_auth_status_result(get())); }
  /// The status for people: a few aligned lines.
  std::string_view text() const { return detail::text(cor_auth_status_text(get())).value_or(std::string_view()); }
  /// The status as a JSON object on one line.
  std::string_view json() const { return detail::text(cor_auth_status_json(get())).value_or(std::string_view()); }

  /// The C handle, for functions of projectcor.h.
  const cor_auth_status *get() const noexcept { return status_.get(); }

 private:
  detail::Handle<cor_auth_status, cor_auth_status_free> status_;
};

/// COR's response to a delete.
class Deleted {
 public:
  /// Takes ownership of a response of the C interface.
  explicit Deleted(cor_deleted *owned) : deleted_(owned) {}

  /// COR's internal id of the deleted project.
  std::optional<std::int64_t> cor_id() const { return detail::value(cor_deleted_cor_id, get()); }
  /// COR's sentence.
  std::optional<std::string_view> message() const { return detail::text(cor_deleted_message(get())); }
  /// The response's object on one line, as COR sent it; empty where there was none: the project was gone when the
  /// request was repeated, or COR had nothing to say.
  std::string_view json() const { return detail::text(cor_deleted_json(get())).value_or(std::string_view()); }

  /// The C handle, for functions of projectcor.h.
  const cor_deleted *get() const noexcept { return deleted_.get(); }

 private:
  detail::Handle<cor_deleted, cor_deleted_free> deleted_;
};

/// The result of one row. Converts to true where COR applied it, and where it is unchanged.
class ItemResult {
 public:
  /// A view of a result got from the C interface.
  explicit ItemResult(const cor_item_result *item = nullptr) : item_(item) {}

  /// The row's place in the input, counted from 0.
  std::uint64_t index() const noexcept { return cor_item_result_index(item_); }
  /// The row's external id. Lives as long as the result.
  std::string_view id() const { return detail::text(cor_item_result_id(item_)).value_or(std::string_view()); }
  explicit operator bool() const noexcept { return cor_item_result_status(item_) == COR_OK; }
  /// Whether the row was begun at all. Rows are not, after the run was stopped.
  bool started() const noexcept { return cor_item_result_started(item_); }
  /// Whether COR did not know the project and this run created it.
  bool created() const noexcept { return cor_item_result_created(item_); }
  /// Whether the row's update sets no field, so that nothing was sent. Whether COR has the project is not known then.
  bool unchanged() const noexcept { return cor_item_result_unchanged(item_); }
  /// The project as COR now has it, where the result is true and not unchanged. May be kept.
  Project project() const { return Project(cor_project_clone(cor_item_result_project(item_))); }
  /// Why the row failed, where the result is false. May be kept.
  Error error() const { return Error(cor_error_clone(cor_item_result_error(item_))); }

 private:
  const cor_item_result *item_;
};

/// How far a run has come.
struct Progress {
  std::uint64_t done = 0;              ///< Rows finished, failed ones included.
  std::uint64_t failed = 0;            ///< Rows that failed.
  std::optional<std::uint64_t> total;  ///< All rows, where that is known.
  Pause paused = Pause::none;          ///< Why no request is sent at the moment.
};

/// The counters of a run.
struct Summary {
  std::uint64_t read = 0;         ///< Rows taken from the input.
  std::uint64_t applied = 0;      ///< Rows that COR applied.
  std::uint64_t rejected = 0;     ///< Rows refused before anything was sent.
  std::uint64_t failed = 0;       ///< Rows that failed after something was sent, or for want of a connection or token.
  std::uint64_t not_started = 0;  ///< Rows taken from the input and not begun, because the run was stopped.
  std::uint64_t unchanged = 0;    ///< Rows whose update sets no field, so that nothing was sent.
};

/// Options of one call, where they differ from the client's.
struct CallOptions {
  /// Time limit for the call, including retries and waits, at most seven days; 0 is the client's.
  std::chrono::milliseconds deadline{0};
  /// How often the call is attempted, the first time included, from 1 to 100; 0 is the client's.
  std::uint32_t max_attempts = 0;
  /// The state file of a sync in which the call is recorded, so that the next sync knows what the call changed; "" is
  /// the file that a sync uses by default. Without a value nothing is recorded.
  std::optional<std::string> state = std::nullopt;
  /// COR's internal id of the project, Project::id() of an earlier answer, for `settle_unknown`; 0 is none.
  std::int64_t cor_id = 0;
  /// Reads the project back from COR's main API if the response to this update or create is lost, to learn whether COR
  /// applied it. An update needs `cor_id`; a create is looked up by its name. See cor_call_options.
  bool settle_unknown = false;
};

/// Which projects a list holds. What is not set lets every project pass. Ids are COR's internal ones.
struct ProjectFilter {
  /// Projects from this day on, YYYY-MM-DD. COR does not document which of a project's dates counts.
  std::string date_start;
  std::string date_end;         ///< Projects up to this day, YYYY-MM-DD.
  std::int64_t client_id = 0;   ///< COR's internal id of the client.
  std::int64_t team_id = 0;     ///< COR's internal id of the team.
  std::int64_t user_id = 0;     ///< COR's internal id of a user.
  std::int64_t brand_id = 0;    ///< COR's internal id of the brand.
  std::int64_t product_id = 0;  ///< COR's internal id of the product.
  std::string status;           ///< COR documents "finished", "in_process" and "suspended".
  std::int32_t health = 0;      ///< 1 on track, 2 at risk, 3 delayed, 4 critical.
  std::optional<bool> archived = std::nullopt;  ///< Archived projects only, or active ones only.
};

/// Options for reading many projects.
struct ReadOptions {
  /// How long to wait while COR cannot be reached; 0 is the default, 15 minutes.
  std::chrono::milliseconds outage_timeout{0};
  /// The most requests in flight; 0 is the default: the client's, for a list 4.
  std::uint32_t concurrency = 0;
  /// How many projects to ask for on a page of a list; 0 is the default, 50, which COR documents as the most.
  std::uint32_t per_page = 0;
};

/// Counters of a read.
struct ReadSummary {
  std::uint64_t read = 0;    ///< Projects that were read.
  std::uint64_t failed = 0;  ///< Projects that could not be read; 0 for a list.
  /// The number of projects that were asked for; for a list, how many it has, where COR states it.
  std::optional<std::uint64_t> total;
};

/// One field of an update beside the same field of a project that was read.
struct FieldComparison {
  std::string field;                       ///< The field's name.
  std::string ours_json;                   ///< The update's value, as JSON; "null" clears the field.
  std::optional<std::string> theirs_json;  ///< COR's value, as JSON; none if COR does not show the field.
  /// "equal", "different", or "not_comparable": COR's documentation does not say enough to decide.
  std::string result;
  std::optional<std::string> reason;   ///< Why the values cannot be compared: "external_id", "not_shown", …
  std::optional<std::string> message;  ///< The reason as a sentence for people.
};

/// What reading a project back says about an update of it.
struct ReadBack {
  std::vector<FieldComparison> fields;  ///< Every field of the update.
  /// Applied if every field is equal, not applied if one is certainly different, else unknown.
  Outcome outcome = Outcome::unknown;
};

/// Options of a run.
struct BulkOptions {
  /// The most requests in flight; 0 is the client's.
  std::uint32_t concurrency = 0;
  /// How long the run waits while COR cannot be reached; 0 is the default, 15 minutes.
  std::chrono::milliseconds outage_timeout{0};
  /// Called after each row, and every `tick` while none finishes; returns whether to go on.
  std::function<bool(const Progress &)> on_progress;
  /// How often `on_progress` is called while no row finishes: what lets it show and end a wait for COR. 0 is never.
  std::chrono::milliseconds tick{0};
  /// Creates the projects that COR does not know, with all that their row sets. An extra "brand_id" or "product_id"
  /// becomes that field of the create; the update that goes first has it too. A create whose response is lost is not
  /// sent twice: an update that sets the same settles it. See ItemResult::created().
  bool create_missing = false;
  /// Creates them even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15" or "1001.0",
  /// or that stands for no value, such as "#N/A".
  bool allow_mangled_ids = false;
};

/// One row of many. Ranges of std::pair<id, ProjectUpdate> do as well.
struct Row {
  std::string id;
  ProjectUpdate update;
};

/// A field that changes.
struct FieldChange {
  std::string name;                     ///< The field's name.
  std::optional<std::string> old_json;  ///< The value that COR last accepted, as JSON; none if unknown.
  std::string new_json;                 ///< The new value, as JSON; "null" clears the field.
};

/// The status of a project's rows.
enum class RowStatus : std::int32_t {
  planned = COR_ROW_PLANNED,
  applied = COR_ROW_APPLIED,
  created = COR_ROW_CREATED,
  rejected = COR_ROW_REJECTED,
  not_applied = COR_ROW_NOT_APPLIED,
  unknown = COR_ROW_UNKNOWN,
  not_started = COR_ROW_NOT_STARTED,
};

/// A project with changes, and its result in a sync.
struct Change {
  std::string id;                   ///< The external id.
  std::uint64_t first_line = 0;     ///< The line at which its first row begins, from 1; a pushed row's index, from 0.
  std::uint64_t last_line = 0;      ///< The line or index of its last row.
  std::uint64_t rows = 0;           ///< The number of its rows. They become one update.
  std::vector<FieldChange> fields;  ///< The fields that change.
  RowStatus status = RowStatus::planned;
  bool is_new = false;         ///< Whether the state does not know the project.
  std::optional<Error> error;  ///< The error because of which it was not applied.
  /// When COR refused the last update of the project because of the row itself, as a Unix time; 0 if it did not.
  std::int64_t refused_at = 0;
  std::optional<std::string> refused_because;  ///< Why COR refused it.
};

/// One problem of a row, which is not sent.
struct RowProblem {
  std::uint64_t line = 0;             ///< The line or index of the row, as in Change.
  std::string id;                     ///< Its external id; empty if it could not be read.
  std::optional<std::string> column;  ///< The column as the table calls it; none for the row as a whole.
  std::optional<std::string> field;   ///< The field that the column sets.
  std::string code;                   ///< The kind of the problem, as a stable name.
  std::string message;                ///< One sentence for people, without the name of the column.
};

struct SyncSummary;

/// Options of a plan or a sync. An empty text has its default.
struct SyncOptions {
  std::string source;            ///< The system that owns the projects; default: the mapping's.
  std::string id_column;         ///< The column that holds the external ids; default: the mapping's, else "id".
  std::string mapping;           ///< A TOML mapping file: which column sets which field.
  std::vector<std::string> map;  ///< "Column=field" for each column that sets a field.
  std::string clear_value;       ///< The text of a cell that clears its field.
  std::vector<std::string> clear_nulls;  ///< Columns of JSON lines in which null clears the field.
  std::vector<std::string> ignore;       ///< Columns to ignore.
  std::vector<std::string> null_values;  ///< Texts that count as empty, such as "NULL".
  std::string date_format;       ///< How days are written, such as "%d/%m/%Y"; default: "%Y-%m-%d".
  std::string day_in;            ///< The time zone in which a timestamp becomes a day, or "as_written".
  std::string decimal;           ///< The decimal sign of numbers; default: ".".
  std::string thousands;         ///< The separator of thousands in numbers; default: none.
  std::string format;            ///< "csv" or "jsonl"; default: by the file.
  std::string delimiter;         ///< One character, or "tab"; default: by the header.
  std::string encoding;          ///< Such as "windows-1252"; default: "utf-8".
  std::string state;             ///< The file of accepted values; default: that of `cor projects sync`.
  std::string rejects;           ///< Write rows that were not applied into this file.
  std::string report;            ///< Write a report of the run into this HTML file.
  std::uint64_t limit = 0;       ///< Read no more than this many rows; 0 is all.
  std::string max_failures;      ///< Stop when more rows than this fail: "20", or a share of the table, "5%". The
                                 ///< sync then ends with an error of kind `cancelled`, and the next one continues.
  bool no_state = false;         ///< Uses a state that ends with the run.
  bool full = false;             ///< Sends every field, including those that COR accepted before.
  /// Reads the projects of the table back from COR's main API before anything is sent, and sends the table's
  /// value again where a field was changed in COR to another value. Needs a state.
  bool refresh = false;
  /// With `refresh`: fields that are left as they are in COR where they were changed in COR since COR last accepted them.
  std::vector<Field> keep_remote;
  bool create_missing = false;   ///< Creates projects that COR does not have.
  bool strict = false;           ///< Refuses a table with a column that sets no field and is not ignored.
  bool trim = false;             ///< Removes blanks at both ends of cells and external ids.
  /// Creates projects even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15" or
  /// "1001.0", or that stands for no value, such as "#N/A".
  bool allow_mangled_ids = false;
  /// How long to wait while COR cannot be reached; 0 is the default, 15 min.
  std::chrono::milliseconds outage_timeout{0};
  /// How long to wait for another run of the same source and state file to end; 0 does not wait.
  std::chrono::milliseconds wait{0};
  /// How often `on_progress` is called; 0 is the default, 100 ms.
  std::chrono::milliseconds tick{0};
  /// Called for each project with changes, in a sync with its result; returns whether to continue.
  std::function<bool(const Change &)> on_change;
  /// Called for each problem of a row that cannot be sent; returns whether to continue.
  std::function<bool(const RowProblem &)> on_problem;
  /// Called for each remark on the table, one sentence: values that are probably a mistake, rows that were skipped.
  /// Returns whether to continue.
  std::function<bool(std::string_view)> on_note;
  /// Called every `tick` or so while updates are sent; returns whether to continue.
  std::function<bool(const Progress &)> on_progress;
  /// Receives the counts of the run when it ends, also where it ends early: with an error or an exception. Has to live until
  /// the call returns.
  SyncSummary *summary = nullptr;
};

/// The result of a plan or a sync, in rows unless stated.
struct SyncSummary {
  std::uint64_t read = 0;              ///< Rows that were read.
  std::uint64_t applied = 0;           ///< Rows that COR applied.
  std::uint64_t created = 0;           ///< Of these, rows whose project was created.
  std::uint64_t rejected = 0;          ///< Rows that cannot be sent.
  std::uint64_t failed = 0;            ///< Rows that COR did not apply, or whose outcome is unknown.
  std::uint64_t unknown = 0;           ///< Of these, rows whose outcome is unknown.
  std::uint64_t unchanged = 0;         ///< Rows that need no request.
  std::uint64_t not_started = 0;       ///< Rows that were not started; in a plan, rows that would be sent.
  std::uint64_t projects_changed = 0;  ///< Projects with changes that the state knows.
  std::uint64_t projects_new = 0;      ///< Projects with changes that the state does not know.
};

namespace detail {

/// Passes a caller's function through C. An exception ends the call, which throws it again: it must not reach C.
template <class F>
class Callback {
 public:
  explicit Callback(F &function) : function_(function) {}
  Callback(const Callback &) = delete;
  Callback &operator=(const Callback &) = delete;

  /// The result of the caller's function; false if it threw.
  template <class... Arguments>
  bool call(Arguments &&...arguments) noexcept {
#if PROJECTCOR_HAS_EXCEPTIONS
    try {
      return function_(std::forward<Arguments>(arguments)...);
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
#else
    return function_(std::forward<Arguments>(arguments)...);
#endif
  }

  /// Throws what the caller's function threw.
  void rethrow([[maybe_unused]] cor_error *error) {
#if PROJECTCOR_HAS_EXCEPTIONS
    if (thrown_) {
      cor_error_free(error);
      std::rethrow_exception(thrown_);
    }
#endif
  }
  /// Ends a reading: throws what the caller's function threw, and else returns the counters or the error.
  Result<ReadSummary> result(cor_status status, cor_error *error, const cor_read_summary &s) {
    rethrow(error);
    if (status != COR_OK) return Error(error, status);
    return ReadSummary{s.read, s.failed,
                       s.total == UINT64_MAX ? std::nullopt : std::optional<std::uint64_t>(s.total)};
  }

  static bool on_project(void *self, const cor_project *project) {
    return static_cast<Callback *>(self)->call(Project(cor_project_clone(project)));
  }
  static bool on_read(void *self, const cor_read_result *r) {
    auto &callback = *static_cast<Callback *>(self);
    if (r->error) return callback.call(r->cor_id, Result<Project>(Error(cor_error_clone(r->error))));
    return callback.call(r->cor_id, Result<Project>(Project(cor_project_clone(r->project))));
  }

  static bool on_comparison(void *self, const cor_field_comparison *comparison) {
    return static_cast<Callback *>(self)->call(*comparison);
  }

 private:
  F &function_;
#if PROJECTCOR_HAS_EXCEPTIONS
  std::exception_ptr thrown_;
#endif
};

template <class R, class = void>
struct IsRow : std::false_type {};
template <class R>
struct IsRow<R, std::void_t<decltype(std::declval<R &>().update)>> : std::true_type {};

inline void push(cor_bulk *bulk, std::string_view id, const ProjectUpdate &update) {
  (void)cor_bulk_push_n(bulk, id.data(), id.size(), update.get());
}
template <class R>
void push(cor_bulk *bulk, R &&row) {
  if constexpr (IsRow<std::remove_reference_t<R>>::value) {
    push(bulk, row.id, row.update);
  } else {
    push(bulk, std::get<0>(row), std::get<1>(row));
  }
}

/// Adapts the caller's functions to C callbacks. An exception ends the run, and is thrown again when the call returns.
class SyncCalls {
 public:
  explicit SyncCalls(const SyncOptions &options) : options_(options) {
    if (options.summary) *options.summary = SyncSummary();
    for (const std::string &text : options.map) map_.push_back(c_text(text));
    for (const std::string &text : options.clear_nulls) clear_nulls_.push_back(c_text(text));
    for (const std::string &text : options.ignore) ignore_.push_back(c_text(text));
    for (const std::string &text : options.null_values) null_values_.push_back(c_text(text));
    for (const Field field : options.keep_remote)
      keep_remote_.push_back(cor_field_name(static_cast<std::int32_t>(field)));
    c_.user_data = this;
    if (options.on_change) c_.on_change = on_change;
    if (options.on_problem) c_.on_problem = on_problem;
    if (options.on_note) c_.on_note = on_note;
    if (options.on_progress) c_.on_progress = on_progress;
    c_.source = text(options.source);
    c_.id_column = text(options.id_column);
    c_.mapping = text(options.mapping);
    c_.map = map_.data();
    c_.map_count = map_.size();
    c_.clear_value = text(options.clear_value);
    c_.clear_nulls = clear_nulls_.data();
    c_.clear_nulls_count = clear_nulls_.size();
    c_.ignore = ignore_.data();
    c_.ignore_count = ignore_.size();
    c_.null_values = null_values_.data();
    c_.null_values_count = null_values_.size();
    c_.date_format = text(options.date_format);
    c_.day_in = text(options.day_in);
    c_.decimal = text(options.decimal);
    c_.thousands = text(options.thousands);
    c_.format = text(options.format);
    c_.delimiter = text(options.delimiter);
    c_.encoding = text(options.encoding);
    c_.state = text(options.state);
    c_.rejects = text(options.rejects);
    c_.report = text(options.report);
    c_.limit = options.limit;
    c_.max_failures = text(options.max_failures);
    c_.outage_timeout_ms = options.outage_timeout.count();
    const std::int64_t tick = options.tick.count();
    c_.tick_ms = static_cast<std::uint32_t>(tick < 0 ? 0 : tick > UINT32_MAX ? UINT32_MAX : tick);
    c_.no_state = options.no_state;
    c_.full = options.full;
    c_.refresh = options.refresh;
    c_.keep_remote = keep_remote_.data();
    c_.keep_remote_count = keep_remote_.size();
    c_.create_missing = options.create_missing;
    c_.strict = options.strict;
    c_.trim = options.trim;
    c_.allow_mangled_ids = options.allow_mangled_ids;
    c_.wait_ms = options.wait.count();
  }
  SyncCalls(const SyncCalls &) = delete;
  SyncCalls &operator=(const SyncCalls &) = delete;

  const cor_sync_options *options() const noexcept { return &c_; }

  /// Returns the next row, for the calls that take rows.
  std::function<bool(cor_row *)> next_row;
  static bool call_next_row(void *self, cor_row *row) {
    auto &calls = *static_cast<SyncCalls *>(self);
    const bool is_row = calls.guarded([&] { return calls.next_row(row); });
#if PROJECTCOR_HAS_EXCEPTIONS
    if (calls.thrown_) {
      // A row of NULLs ends the run before anything is sent.
      *row = {nullptr, nullptr};
      return true;
    }
#endif
    return is_row;
  }

  /// Runs `function` and catches its exception, which must not reach C. Returns false if there was one.
  template <class F>
  bool guarded(F &&function) noexcept {
#if PROJECTCOR_HAS_EXCEPTIONS
    try {
      return function();
    } catch (...) {
      if (!thrown_) thrown_ = std::current_exception();
      return false;
    }
#else
    return function();
#endif
  }

  Result<SyncSummary> result(cor_status status, cor_error *error, const cor_sync_summary &s) {
    const SyncSummary summary{s.read,    s.applied,   s.created,     s.rejected,         s.failed,
                              s.unknown, s.unchanged, s.not_started, s.projects_changed, s.projects_new};
    if (options_.summary) *options_.summary = summary;
#if PROJECTCOR_HAS_EXCEPTIONS
    if (thrown_) {
      cor_error_free(error);
      std::rethrow_exception(thrown_);
    }
#endif
    if (status != COR_OK) return Error(error, status);
    return summary;
  }

 private:
  static const char *text(const std::string &text) noexcept { return text.empty() ? nullptr : c_text(text); }
  static std::optional<std::string> optional(const char *text) {
    return text ? std::optional<std::string>(text) : std::nullopt;
  }

  static bool on_change(void *self, const cor_change *c) {
    auto &calls = *static_cast<SyncCalls *>(self);
    return calls.guarded([&] {
      Change change;
      change.id = c->id;
      change.first_line = c->first_line;
      change.last_line = c->last_line;
      change.rows = c->rows;
      change.status = static_cast<RowStatus>(c->status);
      change.is_new = c->is_new != 0;
      for (std::size_t at = 0; at < c->field_count; ++at) {
        const cor_field_change &field = c->fields[at];
        change.fields.push_back({field.name, optional(field.old_json), field.new_json});
      }
      if (c->error) change.error.emplace(cor_error_clone(c->error));
      change.refused_at = c->refused_at;
      change.refused_because = optional(c->refused_because);
      return calls.options_.on_change(change);
    });
  }
  static bool on_problem(void *self, const cor_row_problem *p) {
    auto &calls = *static_cast<SyncCalls *>(self);
    return calls.guarded([&] {
      return calls.options_.on_problem(
          RowProblem{p->line, p->id, optional(p->column), optional(p->field), p->code, p->message});
    });
  }
  static bool on_note(void *self, const char *note) {
    auto &calls = *static_cast<SyncCalls *>(self);
    return calls.guarded([&] { return calls.options_.on_note(note); });
  }
  static bool on_progress(void *self, const cor_progress *p) {
    auto &calls = *static_cast<SyncCalls *>(self);
    return calls.guarded([&] {
      return calls.options_.on_progress(Progress{p->done, p->failed, p->total, static_cast<Pause>(p->paused)});
    });
  }

  const SyncOptions &options_;
  std::vector<const char *> map_, clear_nulls_, ignore_, null_values_, keep_remote_;
  cor_sync_options c_ = COR_SYNC_OPTIONS_INIT;
#if PROJECTCOR_HAS_EXCEPTIONS
  std::exception_ptr thrown_;
#endif
};

}  // namespace detail

/// The results of a run, in the order in which rows finish: an input range. The run advances while it is iterated.
///
/// An element lives until the next one is asked for; its project and error may be kept. Rows are read as far as needed.
/// A range of rows passed as a named object has to stay until the run is over. Results stay where they were made:
/// they neither copy nor move.
template <class Rows>
class [[nodiscard]] Results {
 public:
  class sentinel {};
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = ItemResult;
    using difference_type = std::ptrdiff_t;
    using pointer = const ItemResult *;
    using reference = const ItemResult &;

    iterator() = default;
    explicit iterator(Results *results) : results_(results) {}
    reference operator*() const { return results_->item_; }
    pointer operator->() const { return &results_->item_; }
    iterator &operator++() { return results_->advance(), *this; }
    void operator++(int) { results_->advance(); }
    friend bool operator==(const iterator &i, sentinel) { return i.over(); }
    friend bool operator==(sentinel, const iterator &i) { return i.over(); }
    friend bool operator!=(const iterator &i, sentinel) { return !i.over(); }
    friend bool operator!=(sentinel, const iterator &i) { return !i.over(); }

   private:
    bool over() const { return results_->over_; }
    Results *results_ = nullptr;
  };

  Results(const Results &) = delete;
  Results &operator=(const Results &) = delete;

  /// Begins the run, or goes on with it.
  iterator begin() {
    if (!next_) next_.emplace(std::begin(rows_));
    // Where the rows threw an exception, there is no first result yet.
    if (!begun_) advance();
    begun_ = true;
    return iterator(this);
  }
  sentinel end() const { return {}; }

  /// Stops the run: requests in flight finish, and the other rows that were read are reported as not started, and no
  /// more are read. May be called by any thread.
  void stop() { (void)cor_bulk_stop(bulk_.get()); }

  /// Ends the run and abandons the requests in flight: whether COR applied them is unknown, and there are no
  /// more results. The current element ends as well. Letting go of the results does the same.
  void cancel() {
    summary_ = summary();
    progress_ = progress();
    item_ = ItemResult();
    bulk_.reset();
    has_item_ = false;
    over_ = true;
  }

  /// The counters of the rows so far.
  Summary summary() const {
    cor_summary s = COR_SUMMARY_INIT;
    if (cor_bulk_summary(bulk_.get(), &s) != COR_OK) return summary_;
    return {s.read, s.applied, s.rejected, s.failed, s.not_started, s.unchanged};
  }
  /// How far the run had come with the current element, and why no request is sent at the moment.
  Progress progress() const {
    cor_progress p = COR_PROGRESS_INIT;
    if (cor_bulk_progress(bulk_.get(), &p) != COR_OK) return progress_;
    return {p.done, p.failed, p.total == UINT64_MAX ? std::nullopt : std::optional<std::uint64_t>(p.total),
            static_cast<Pause>(p.paused)};
  }
  /// Why the run could not begin, or ended before its input did. Where errors are thrown, this was.
  const std::optional<Error> &error() const { return error_; }

 private:
  friend class Projects;

  Results(const cor_client *client, Rows rows, BulkOptions options, bool throws)
      : rows_(std::forward<Rows>(rows)), on_progress_(std::move(options.on_progress)), throws_(throws) {
    constexpr std::int64_t longest = UINT32_MAX;
    const std::int64_t tick = options.tick.count();
    tick_ms_ = static_cast<std::uint32_t>(tick < 0 ? 0 : tick > longest ? longest : tick);
    cor_bulk_options given = COR_BULK_OPTIONS_INIT;
    given.concurrency = options.concurrency;
    given.outage_timeout_ms = options.outage_timeout.count();
    given.create_missing = options.create_missing;
    given.allow_mangled_ids = options.allow_mangled_ids;
    cor_bulk *bulk = nullptr;
    cor_error *error = nullptr;
    const cor_status status = cor_bulk_new(client, &given, &bulk, &error);
    if (status != COR_OK) fail(error, status);
    bulk_.reset(bulk);
  }

  void fail(cor_error *error, cor_status status) {
    error_.emplace(error, status);
    over_ = true;
#if PROJECTCOR_HAS_EXCEPTIONS
    if (throws_) throw *error_;
#endif
  }

  void advance() {
    if (over_) return;
    if (has_item_ && on_progress_ && !on_progress_(progress())) stop();
    feed();
    while (on_progress_ && tick_ms_ && !cor_bulk_wait(bulk_.get(), tick_ms_))
      if (!on_progress_(progress())) stop();
    const cor_item_result *item = nullptr;
    cor_error *error = nullptr;
    const cor_status status = cor_bulk_next(bulk_.get(), &item, &error);
    item_ = ItemResult(item);
    has_item_ = item != nullptr;
    if (status != COR_OK) return fail(error, status);
    over_ = !has_item_;
  }

  void feed() {
    while (cor_bulk_wants_rows(bulk_.get())) {
      if (*next_ == std::end(rows_)) {
        (void)cor_bulk_end_input(bulk_.get());
      } else {
        detail::push(bulk_.get(), **next_);
        ++*next_;
      }
    }
  }

  // A reference for rows that were named, else the rows themselves.
  Rows rows_;
  std::optional<decltype(std::begin(std::declval<std::remove_reference_t<Rows> &>()))> next_;
  std::function<bool(const Progress &)> on_progress_;
  detail::Handle<cor_bulk, cor_bulk_free> bulk_;
  ItemResult item_;
  std::optional<Error> error_;
  Summary summary_;
  Progress progress_;
  std::uint32_t tick_ms_ = 0;
  bool begun_ = false, has_item_ = false, over_ = false, throws_;
};

/// The calls about projects. Belongs to its client.
class Projects {
 public:
  explicit Projects(const cor_client *client) : client_(client) {}

  /// Sends one update and waits for COR's response: the project as COR now has it, or why not. `options` hold for this
  /// call alone.
  Result<Project> try_update(std::string_view id, const ProjectUpdate &update, const CallOptions &options = {}) const {
    cor_project *project = nullptr;
    cor_error *error = nullptr;
    const cor_call_options given = c_options(options);
    const cor_status status = cor_client_update_project_with_n(client_, id.data(), id.size(), update.get(), &given,
                                                               &project, &error);
    if (status == COR_OK) return Project(project);
    return Error(error, status);
  }

  /// Creates a project and waits for COR's response: the project as COR now has it, or why not.
  ///
  /// A create whose response is lost is not repeated, and its outcome is unknown; an update of the same id, or the same
  /// create once more, then shows it: Error::is_duplicate() is true where COR has such a project already.
  Result<Project> try_create(const ProjectCreate &create, const CallOptions &options = {}) const {
    cor_project *project = nullptr;
    cor_error *error = nullptr;
    const cor_call_options given = c_options(options);
    const cor_status status = cor_client_create_project_with(client_, create.get(), &given, &project, &error);
    if (status == COR_OK) return Project(project);
    return Error(error, status);
  }

  /// Deletes a project, together with its external id: COR's response, or why not. (`delete` is a keyword of C++.)
  ///
  /// Retried like an update. If a response was lost and the repeated request finds no project, the delete counts as
  /// done.
  Result<Deleted> try_remove(std::string_view id, std::string_view source, const CallOptions &options = {}) const {
    cor_deleted *deleted = nullptr;
    cor_error *error = nullptr;
    const cor_call_options given = c_options(options);
    const cor_status status = cor_client_delete_project_with_n(client_, id.data(), id.size(), source.data(),
                                                               source.size(), &given, &deleted, &error);
    if (status == COR_OK) return Deleted(deleted);
    return Error(error, status);
  }

  /// Reads a project from COR's main API by COR's internal id, Project::id() of an answer: the main API knows no external
  /// ids. Reading changes nothing.
  Result<Project> try_get(std::int64_t cor_id, const CallOptions &options = {}) const {
    cor_project *project = nullptr;
    cor_error *error = nullptr;
    const cor_call_options given = c_options(options);
    const cor_status status = cor_client_get_project(client_, cor_id, &given, &project, &error);
    if (status == COR_OK) return Project(project);
    return Error(error, status);
  }

  /// Reads many projects by COR's internal id, several at a time, and calls `on_read(cor_id, result)` with a std::int64_t
  /// and a Result<Project> for each; it returns whether to go on. `cor_ids` is a range of integers; one that COR cannot
  /// have gets a result with an error.
  template <class Ids, class OnRead>
  Result<ReadSummary> try_get_many(const Ids &cor_ids, OnRead &&on_read, const ReadOptions &options = {}) const {
    std::vector<std::int64_t> ids;
    for (const auto &id : cor_ids) ids.push_back(detail::internal_id(id));
    detail::Callback<std::remove_reference_t<OnRead>> callback(on_read);
    cor_read_summary summary = COR_READ_SUMMARY_INIT;
    cor_error *error = nullptr;
    const cor_read_options given = c_options(options);
    const cor_status status = cor_client_get_projects(client_, ids.data(), ids.size(), &given, callback.on_read,
                                                      &callback, &summary, &error);
    return callback.result(status, error, summary);
  }

  /// The projects that COR's main API finds by this name. COR does not document whether it also finds names that contain
  /// it, or are written in another case.
  Result<std::vector<Project>> try_find_by_name(std::string_view name, const CallOptions &options = {}) const {
    std::vector<Project> found;
    const auto add = [&](Project project) { return found.push_back(std::move(project)), true; };
    detail::Callback<decltype(add)> callback(add);
    cor_error *error = nullptr;
    const cor_call_options given = c_options(options);
    const cor_status status = cor_client_find_projects_n(client_, name.data(), name.size(), &given, callback.on_project,
                                                         &callback, &error);
    callback.rethrow(error);
    if (status != COR_OK) return Error(error, status);
    return found;
  }

  /// Lists projects and calls `on_project` with each Project, once; it returns whether to go on. An exception from it ends
  /// the call, which throws it.
  template <class OnProject>
  Result<ReadSummary> try_list(const ProjectFilter &filter, OnProject &&on_project,
                               const ReadOptions &options = {}) const {
    detail::Callback<std::remove_reference_t<OnProject>> callback(on_project);
    cor_read_summary summary = COR_READ_SUMMARY_INIT;
    cor_error *error = nullptr;
    const cor_project_filter wanted = c_filter(filter);
    const cor_read_options given = c_options(options);
    const cor_status status = cor_client_list_projects(client_, &wanted, &given, callback.on_project, &callback,
                                                       &summary, &error);
    return callback.result(status, error, summary);
  }

  /// Sends many updates and gives their results. Look at Results::error() at the end.
  template <class Rows>
  Results<Rows> try_update_many(Rows &&rows, BulkOptions options = {}) const {
    return Results<Rows>(client_, std::forward<Rows>(rows), std::move(options), false);
  }

  /// Sends many updates and calls `on_result` with each result; it returns whether to go on.
  template <class Rows, class OnResult>
  Result<Summary> try_update_many(Rows &&rows, BulkOptions options, OnResult &&on_result) const {
    auto results = try_update_many(std::forward<Rows>(rows), std::move(options));
    run(results, on_result);
    if (results.error()) return *results.error();
    return results.summary();
  }

  /// Updates COR's projects from a CSV or JSON lines file. Sends only the fields that differ from what COR last
  /// accepted. An exception from a function of the options ends the run, and this call throws it.
  Result<SyncSummary> try_sync(const std::string &path, const SyncOptions &options) const {
    return run_file(cor_client_sync_file, path, options);
  }
  /// Passes the changes that try_sync() would send to SyncOptions::on_change, and sends nothing.
  Result<SyncSummary> try_plan(const std::string &path, const SyncOptions &options) const {
    return run_file(cor_client_plan_file, path, options);
  }
  /// The same as try_sync(), for a range of Row or of std::pair<id, ProjectUpdate>.
  template <class Rows>
  Result<SyncSummary> try_sync_rows(Rows &&rows, const SyncOptions &options) const {
    return run_rows(cor_client_sync_rows, rows, options);
  }
  /// The same as try_plan(), for a range of rows.
  template <class Rows>
  Result<SyncSummary> try_plan_rows(Rows &&rows, const SyncOptions &options) const {
    return run_rows(cor_client_plan_rows, rows, options);
  }

#if PROJECTCOR_HAS_EXCEPTIONS
  /// The same as try_sync(). Throws cor::Error if the run cannot begin or cannot continue.
  SyncSummary sync(const std::string &path, const SyncOptions &options) const { return try_sync(path, options).value(); }
  /// The same as try_plan(). Throws cor::Error.
  SyncSummary plan(const std::string &path, const SyncOptions &options) const { return try_plan(path, options).value(); }
  /// The same as try_sync_rows(). Throws cor::Error.
  template <class Rows>
  SyncSummary sync_rows(Rows &&rows, const SyncOptions &options) const {
    return try_sync_rows(rows, options).value();
  }
  /// The same as try_plan_rows(). Throws cor::Error.
  template <class Rows>
  SyncSummary plan_rows(Rows &&rows, const SyncOptions &options) const {
    return try_plan_rows(rows, options).value();
  }

  /// Sends one update and returns the project as COR now has it. Throws cor::Error.
  Project update(std::string_view id, const ProjectUpdate &update, const CallOptions &options = {}) const {
    return try_update(id, update, options).value();
  }

  /// Creates a project and returns it as COR now has it, as try_create(). Throws cor::Error.
  Project create(const ProjectCreate &create, const CallOptions &options = {}) const {
    return try_create(create, options).value();
  }

  /// Deletes a project, together with its external id, as try_remove(). Throws cor::Error.
  Deleted remove(std::string_view id, std::string_view source, const CallOptions &options = {}) const {
    return try_remove(id, source, options).value();
  }

  /// Reads a project by COR's internal id, as try_get(). Throws cor::Error.
  Project get(std::int64_t cor_id, const CallOptions &options = {}) const { return try_get(cor_id, options).value(); }

  /// Reads many projects by COR's internal id, as try_get_many(). A project that cannot be read is a result; cor::Error is
  /// thrown where the reading cannot begin or cannot go on.
  template <class Ids, class OnRead>
  ReadSummary get_many(const Ids &cor_ids, OnRead &&on_read, const ReadOptions &options = {}) const {
    return try_get_many(cor_ids, on_read, options).value();
  }

  /// The projects that COR finds by this name, as try_find_by_name(). Throws cor::Error.
  std::vector<Project> find_by_name(std::string_view name, const CallOptions &options = {}) const {
    return try_find_by_name(name, options).value();
  }

  /// Lists projects, as try_list(). Throws cor::Error.
  template <class OnProject>
  ReadSummary list(const ProjectFilter &filter, OnProject &&on_project, const ReadOptions &options = {}) const {
    return try_list(filter, on_project, options).value();
  }

  /// Sends many updates and gives their results. A row that fails is a result; cor::Error is thrown where the job
  /// cannot begin or cannot go on.
  template <class Rows>
  Results<Rows> update_many(Rows &&rows, BulkOptions options = {}) const {
    return Results<Rows>(client_, std::forward<Rows>(rows), std::move(options), true);
  }

  /// Sends many updates and calls `on_result` with each result; it returns whether to go on. Throws as
  /// update_many(rows), and whatever `on_result` throws.
  template <class Rows, class OnResult>
  Summary update_many(Rows &&rows, BulkOptions options, OnResult &&on_result) const {
    auto results = update_many(std::forward<Rows>(rows), std::move(options));
    run(results, on_result);
    return results.summary();
  }
#endif

 private:
  static cor_call_options c_options(const CallOptions &options) {
    cor_call_options given = COR_CALL_OPTIONS_INIT;
    given.deadline_ms = options.deadline.count();
    given.max_attempts = options.max_attempts;
    given.state = options.state ? detail::c_text(*options.state) : nullptr;
    given.cor_id = options.cor_id;
    given.settle_unknown = options.settle_unknown;
    return given;
  }
  static cor_read_options c_options(const ReadOptions &options) {
    cor_read_options given = COR_READ_OPTIONS_INIT;
    given.outage_timeout_ms = options.outage_timeout.count();
    given.concurrency = options.concurrency;
    given.per_page = options.per_page;
    return given;
  }
  static cor_project_filter c_filter(const ProjectFilter &filter) {
    const auto text = [](const std::string &value) { return value.empty() ? nullptr : detail::c_text(value); };
    cor_project_filter given = COR_PROJECT_FILTER_INIT;
    given.date_start = text(filter.date_start);
    given.date_end = text(filter.date_end);
    given.client_id = filter.client_id;
    given.team_id = filter.team_id;
    given.user_id = filter.user_id;
    given.brand_id = filter.brand_id;
    given.product_id = filter.product_id;
    given.status = text(filter.status);
    given.health = filter.health;
    if (filter.archived) given.archived = *filter.archived ? COR_ARCHIVED_ONLY : COR_ARCHIVED_NONE;
    return given;
  }
  template <class Run>
  Result<SyncSummary> run_file(Run *function, const std::string &path, const SyncOptions &options) const {
    detail::SyncCalls calls(options);
    cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
    cor_error *error = nullptr;
    const cor_status status = function(client_, detail::c_text(path), calls.options(), &summary, &error);
    return calls.result(status, error, summary);
  }
  template <class Run, class Rows>
  Result<SyncSummary> run_rows(Run *function, Rows &rows, const SyncOptions &options) const {
    detail::SyncCalls calls(options);
    auto next = std::begin(rows);
    const auto end = std::end(rows);
    // A row's pointers stay valid until the next row is requested.
    std::string id;
    std::optional<ProjectUpdate> update;
    calls.next_row = [&](cor_row *row) {
      if (next == end) return false;
      auto &&given = *next;
      if constexpr (detail::IsRow<std::remove_reference_t<decltype(given)>>::value) {
        id = std::string_view(given.id);
        update.emplace(given.update.clone());
      } else {
        id = std::string_view(std::get<0>(given));
        update.emplace(std::get<1>(given).clone());
      }
      ++next;
      // Text of C ends at a NUL: an id that holds one gets bytes there that are no text, and its row is rejected.
      for (char &c : id)
        if (c == '\0') c = '\xff';
      *row = {id.c_str(), update->get()};
      return true;
    };
    cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
    cor_error *error = nullptr;
    const cor_status status = function(client_, detail::SyncCalls::call_next_row, calls.options(), &summary, &error);
    return calls.result(status, error, summary);
  }
  template <class R, class OnResult>
  static void run(R &results, OnResult &on_result) {
    for (const ItemResult &item : results)
      if (!on_result(item)) results.stop();
  }
  const cor_client *client_;
};

/// Compares each field that an update sets or clears with a project that was read from COR's main API. Sends nothing.
inline Result<ReadBack> try_compare(const ProjectUpdate &update, const Project &project) {
  ReadBack read_back;
  const auto optional = [](const char *text) { return text ? std::optional<std::string>(text) : std::nullopt; };
  const auto add = [&](const cor_field_comparison &c) {
    read_back.fields.push_back(
        {c.field, c.ours_json, optional(c.theirs_json), c.result, optional(c.reason), optional(c.message)});
    return true;
  };
  detail::Callback<decltype(add)> callback(add);
  cor_outcome outcome = COR_OUTCOME_UNKNOWN;
  cor_error *error = nullptr;
  const cor_status status = cor_compare(update.get(), project.get(), callback.on_comparison, &callback, &outcome, &error);
  callback.rethrow(error);
  if (status != COR_OK) return Error(error, status);
  read_back.outcome = static_cast<Outcome>(outcome);
  return read_back;
}
#if PROJECTCOR_HAS_EXCEPTIONS
/// As try_compare(). Throws cor::Error for an update with a value that a setter refused.
inline ReadBack compare(const ProjectUpdate &update, const Project &project) {
  return try_compare(update, project).value();
}
#endif

/// The options of a client. Setters may be chained; one that refuses its value makes setting up the client fail.
class Config {
 public:
  Config() : config_(cor_config_new()) {}

#define PROJECTCOR_OPTION(name, type, call)                     \
  Config &name(type value) & { return (void)(call), *this; }     \
  Config &&name(type value) && { return (void)(call), std::move(*this); }
#define PROJECTCOR_TEXT(name) \
  PROJECTCOR_OPTION(name, std::string_view, cor_config_set_##name##_n(get(), value.data(), value.size()))
#define PROJECTCOR_TIME(name) \
  PROJECTCOR_OPTION(name, std::chrono::milliseconds, cor_config_set_##name##_ms(get(), value.count()))

  /// The profile of the configuration file to use; see cor_config_set_profile().
  PROJECTCOR_TEXT(profile)
  /// A bearer token to use as it is. Excludes an API key.
  PROJECTCOR_TEXT(token)
  /// The API key of COR's client credentials; needs a client secret.
  PROJECTCOR_TEXT(api_key)
  /// The secret of COR's client credentials; needs an API key.
  PROJECTCOR_TEXT(client_secret)
  /// Where the Integrations API is; https, or http to this machine.
  PROJECTCOR_TEXT(base_url)
  /// Where COR's main API is, which reads projects; see cor_config_set_main_url().
  PROJECTCOR_TEXT(main_url)
  /// Where tokens come from, the whole address.
  PROJECTCOR_TEXT(token_url)
  /// A PEM file of certificate authorities to trust besides the operating system's.
  PROJECTCOR_TEXT(ca_file)
  /// A PEM file with the client certificate to present in TLS; needs client_key.
  PROJECTCOR_TEXT(client_cert)
  /// The PEM file of the private key that belongs to client_cert, not encrypted.
  PROJECTCOR_TEXT(client_key)
  /// "http://", "https://", "socks5://" or "socks5h://". It never sees calls to this machine.
  PROJECTCOR_TEXT(proxy)
  /// What carries the requests: "reqwest" (the default: HTTP/2, HTTP/1.1, proxies) or "direct" (the same without
  /// proxies, less CPU).
  PROJECTCOR_TEXT(transport)
  /// The whole User-Agent; default "projectcor/" and the version.
  PROJECTCOR_TEXT(user_agent)
  /// Time limit for connecting; default 5 s.
  PROJECTCOR_TIME(connect_timeout)
  /// Time limit for one request; default 20 s.
  PROJECTCOR_TIME(attempt_timeout)
  /// Time limit for a whole call, including retries and waits; default 60 s.
  PROJECTCOR_TIME(deadline)
  /// The most attempts of one call, including the first; default 4.
  PROJECTCOR_OPTION(max_attempts, std::uint32_t, cor_config_set_max_attempts(get(), value))
  /// The first wait between attempts, doubled each time; default 250 ms.
  PROJECTCOR_TIME(backoff_base)
  /// The longest wait between attempts; default 20 s.
  PROJECTCOR_TIME(backoff_cap)
  /// How many retries all single calls may use up together; default 100, 0 for no limit.
  PROJECTCOR_OPTION(retry_budget, std::uint32_t, cor_config_set_retry_budget(get(), value))
  /// The most requests in flight; default 16.
  PROJECTCOR_OPTION(concurrency, std::uint32_t, cor_config_set_concurrency(get(), value))
  /// The most requests per second; default: estimated from COR's responses.
  PROJECTCOR_OPTION(rate, double, cor_config_set_rate(get(), value))
  PROJECTCOR_OPTION(rate_hint, double, cor_config_set_rate_hint(get(), value))

#undef PROJECTCOR_OPTION
#undef PROJECTCOR_TEXT
#undef PROJECTCOR_TIME

  /// Reads COR_ACCESS_TOKEN and the other variables; setters win over them.
  Config &read_environment() & { return (void)cor_config_read_environment(get()), *this; }
  Config &&read_environment() && { return (void)cor_config_read_environment(get()), std::move(*this); }

  /// The C handle, for functions of projectcor.h.
  cor_config *get() const noexcept { return config_.get(); }

 private:
  detail::Handle<cor_config, cor_config_free> config_;
};

/// A client of COR's Integrations API. May be used by many threads at once; connects to nothing until it is used.
class Client {
 public:
  /// Takes over a client got from the C interface.
  explicit Client(cor_client *owned) : client_(owned) {}

  static Result<Client> try_new(const Config &config) {
    cor_client *client = nullptr;
    cor_error *error = nullptr;
    const cor_status status = cor_client_new(config.get(), &client, &error);
    if (status == COR_OK) return Client(client);
    return Error(error, status);
  }
  static Result<Client> try_from_env() {
    cor_client *client = nullptr;
    cor_error *error = nullptr;
    const cor_status status = cor_client_from_env(&client, &error);
    if (status == COR_OK) return Client(client);
    return Error(error, status);
  }
#if PROJECTCOR_HAS_EXCEPTIONS
  /// Sets up a client. Throws cor::Error of the kind `config` for what cannot work.
  explicit Client(const Config &config) : Client(try_new(config).value()) {}
  /// A client set up by the environment alone. Throws cor::Error of the kind `config`.
  static Client from_env() { return try_from_env().value(); }
#endif

  Projects projects() const { return Projects(client_.get()); }

  /// The base URL of COR's main API, which reads projects; none where reading is refused.
  std::optional<std::string_view> main_url() const { return detail::text(cor_client_main_url(client_.get())); }

  /// What was ignored when the client was set up, for a log: entries of NO_PROXY that mean nothing.
  std::optional<std::string_view> warning() const { return detail::text(cor_client_warning(client_.get())); }

  /// The rate that COR accepts as far as this client learned it, in requests per second, for `Config::rate_hint` of the
  /// next client.
  std::optional<double> rate_hint() const {
    const double rate = cor_client_rate_hint(client_.get());
    return rate > 0 ? std::optional<double>(rate) : std::nullopt;
  }

  /// Which credentials the client uses and from where, and whether COR accepts them; see cor_client_auth_status(). Credentials
  /// that COR refuses are no error.
  Result<AuthStatus> try_auth_status() const {
    cor_auth_status *known = nullptr;
    cor_error *error = nullptr;
    const cor_status status = cor_client_auth_status(client_.get(), &known, &error);
    if (status == COR_OK) return AuthStatus(known);
    return Error(error, status);
  }
#if PROJECTCOR_HAS_EXCEPTIONS
  /// As try_auth_status(). Throws cor::Error.
  AuthStatus auth_status() const { return try_auth_status().value(); }
#endif

  /// The C handle, for functions of projectcor.h.
  cor_client *get() const noexcept { return client_.get(); }

 private:
  detail::Handle<cor_client, cor_client_free> client_;
};

}  // namespace cor

#endif  // PROJECTCOR_HPP
