/* Everything wrong on purpose: an error code each time, never a crash. Built with sanitizers by tests/c/run. */
#include "support.h"

#include <limits.h>
#include <math.h>

#define ARGUMENT(call) CHECK((call) == COR_ERR_ARGUMENT, "no complaint")

static cor_client *client;
static cor_update *update;
static cor_create *create;

static cor_update *fresh(void) {
  cor_update *u = cor_update_new("SAP");
  cor_update_set_name(u, "N");
  return u;
}

static bool no_read(void *user_data, const cor_read_result *result) { return user_data || result; }
static bool no_project(void *user_data, const cor_project *project) { return user_data || project; }

/* Each function with NULL for a handle, and then with each handle that is not one. */
static void no_handle(void *bad) {
  cor_project *project = NULL;
  cor_client *made = NULL;
  cor_bulk *bulk = NULL;
  const cor_item_result *item = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_progress progress = COR_PROGRESS_INIT;
  int64_t number;
  double real;
  bool yes;
  cor_config *config = (cor_config *)bad;
  cor_update *u = (cor_update *)bad;
  cor_error *e = (cor_error *)bad;
  cor_project *p = (cor_project *)bad;
  cor_bulk *b = (cor_bulk *)bad;
  cor_item_result *i = (cor_item_result *)bad;
  cor_create *c = (cor_create *)bad;
  cor_deleted *d = (cor_deleted *)bad, *deleted = NULL;
  cor_auth_status *a = (cor_auth_status *)bad, *status = NULL;

  ARGUMENT(cor_config_read_environment(config));
  ARGUMENT(cor_config_set_token(config, "t"));
  ARGUMENT(cor_config_set_profile(config, "t"));
  ARGUMENT(cor_config_set_profile_n(config, "t", 1));
  ARGUMENT(cor_config_set_api_key(config, "t"));
  ARGUMENT(cor_config_set_client_secret(config, "t"));
  ARGUMENT(cor_config_set_base_url(config, "t"));
  ARGUMENT(cor_config_set_main_url(config, "t"));
  ARGUMENT(cor_config_set_token_url(config, "t"));
  ARGUMENT(cor_config_set_ca_file(config, "t"));
  ARGUMENT(cor_config_set_client_cert(config, "t"));
  ARGUMENT(cor_config_set_client_key(config, "t"));
  ARGUMENT(cor_config_set_proxy(config, "t"));
  ARGUMENT(cor_config_set_transport(config, "direct"));
  ARGUMENT(cor_config_set_user_agent(config, "t"));
  ARGUMENT(cor_config_set_connect_timeout_ms(config, 1));
  ARGUMENT(cor_config_set_attempt_timeout_ms(config, 1));
  ARGUMENT(cor_config_set_deadline_ms(config, 1));
  ARGUMENT(cor_config_set_max_attempts(config, 1));
  ARGUMENT(cor_config_set_backoff_base_ms(config, 1));
  ARGUMENT(cor_config_set_backoff_cap_ms(config, 1));
  ARGUMENT(cor_config_set_concurrency(config, 1));
  ARGUMENT(cor_config_set_rate(config, 1));
  ARGUMENT(cor_config_set_rate_hint(config, 1));
  ARGUMENT(cor_client_new(config, &made, NULL));

  ARGUMENT(cor_config_set_token_n(config, "t", 1));
  ARGUMENT(cor_config_set_api_key_n(config, "t", 1));
  ARGUMENT(cor_config_set_client_secret_n(config, "t", 1));
  ARGUMENT(cor_config_set_base_url_n(config, "t", 1));
  ARGUMENT(cor_config_set_main_url_n(config, "t", 1));
  ARGUMENT(cor_config_set_token_url_n(config, "t", 1));
  ARGUMENT(cor_config_set_ca_file_n(config, "t", 1));
  ARGUMENT(cor_config_set_client_cert_n(config, "t", 1));
  ARGUMENT(cor_config_set_client_key_n(config, "t", 1));
  ARGUMENT(cor_config_set_proxy_n(config, "t", 1));
  ARGUMENT(cor_config_set_transport_n(config, "direct", 6));
  ARGUMENT(cor_config_set_user_agent_n(config, "t", 1));

  ARGUMENT(cor_update_reset(u, "S"));
  ARGUMENT(cor_update_reset_n(u, "S", 1));
  CHECK(cor_update_clone(u) == NULL, "clone");
  ARGUMENT(cor_update_set_name(u, "x"));
  ARGUMENT(cor_update_set_name_n(u, "x", 1));
  ARGUMENT(cor_update_set_start(u, "2025-01-01"));
  ARGUMENT(cor_update_set_start_n(u, "2025-01-01", 10));
  ARGUMENT(cor_update_set_start_ymd(u, 2025, 1, 1));
  ARGUMENT(cor_update_set_estimated_int(u, 1));
  ARGUMENT(cor_update_set_estimated_double(u, 1));
  ARGUMENT(cor_update_set_estimated_decimal(u, "1"));
  ARGUMENT(cor_update_set_estimated_decimal_n(u, "1", 1));
  ARGUMENT(cor_update_set_billable(u, true));
  ARGUMENT(cor_update_set_income_type(u, "fee"));
  ARGUMENT(cor_update_set_income_type_other(u, "fee"));
  ARGUMENT(cor_update_clear(u, COR_FIELD_NAME));
  ARGUMENT(cor_update_set_cell(u, "name", "x"));
  ARGUMENT(cor_update_extra(u, "x", "1"));
  ARGUMENT(cor_update_set_income_type_n(u, "fee", 3));
  ARGUMENT(cor_update_set_income_type_other_n(u, "fee", 3));
  ARGUMENT(cor_update_set_cell_n(u, "name", 4, "x", 1));
  ARGUMENT(cor_update_extra_n(u, "x", 1, "1", 1));
  ARGUMENT(cor_update_validate(u, NULL));
  CHECK(cor_update_json(u) == NULL, "json");

  ARGUMENT(cor_client_update_project((cor_client *)bad, "A", update, &project, NULL));
  ARGUMENT(cor_client_update_project(client, "A", u, &project, NULL));
  ARGUMENT(cor_client_update_project_n((cor_client *)bad, "A", 1, update, &project, NULL));
  ARGUMENT(cor_client_update_project_with((cor_client *)bad, "A", update, NULL, &project, NULL));
  ARGUMENT(cor_client_update_project_with(client, "A", u, NULL, &project, NULL));
  ARGUMENT(cor_client_update_project_with_n((cor_client *)bad, "A", 1, update, NULL, &project, NULL));
  ARGUMENT(cor_client_update_projects((cor_client *)bad, NULL, 0, NULL, &summary, NULL));
  ARGUMENT(cor_bulk_new((cor_client *)bad, NULL, &bulk, NULL));

  CHECK(cor_create_new("A", u) == NULL && cor_create_new_n("A", 1, u) == NULL, "create");
  ARGUMENT(cor_create_set_brand_id(c, "x"));
  ARGUMENT(cor_create_set_brand_id_n(c, "x", 1));
  ARGUMENT(cor_create_set_product_id(c, "x"));
  ARGUMENT(cor_create_set_product_id_n(c, "x", 1));
  ARGUMENT(cor_create_validate(c, NULL));
  CHECK(cor_create_json(c) == NULL, "json");
  ARGUMENT(cor_client_create_project((cor_client *)bad, create, &project, NULL));
  ARGUMENT(cor_client_create_project(client, c, &project, NULL));
  ARGUMENT(cor_client_delete_project((cor_client *)bad, "A", "S", &deleted, NULL));
  ARGUMENT(cor_client_delete_project((cor_client *)bad, "A", "S", NULL, NULL));
  ARGUMENT(cor_client_delete_project_n((cor_client *)bad, "A", 1, "S", 1, &deleted, NULL));
  ARGUMENT(cor_client_create_project_with((cor_client *)bad, create, NULL, &project, NULL));
  ARGUMENT(cor_client_create_project_with(client, c, NULL, &project, NULL));
  ARGUMENT(cor_client_delete_project_with((cor_client *)bad, "A", "S", NULL, &deleted, NULL));
  ARGUMENT(cor_client_delete_project_with_n((cor_client *)bad, "A", 1, "S", 1, NULL, NULL, NULL));
  CHECK(!cor_deleted_cor_id(d, &number) && !cor_deleted_message(d) && !cor_deleted_json(d), "deleted");
  ARGUMENT(cor_client_auth_status((cor_client *)bad, &status, NULL));
  ARGUMENT(cor_client_auth_status(client, NULL, NULL));
  ARGUMENT(cor_client_get_project((cor_client *)bad, 7, NULL, &project, NULL));
  ARGUMENT(cor_client_get_projects((cor_client *)bad, NULL, 0, NULL, no_read, NULL, NULL, NULL));
  ARGUMENT(cor_client_list_projects((cor_client *)bad, NULL, NULL, no_project, NULL, NULL, NULL));
  ARGUMENT(cor_client_find_projects((cor_client *)bad, "N", NULL, no_project, NULL, NULL));
  ARGUMENT(cor_compare(update, p, NULL, NULL, NULL, NULL));
  ARGUMENT(cor_compare(u, p, NULL, NULL, NULL, NULL));
  CHECK(cor_client_main_url((cor_client *)bad) == NULL, "main_url");
  CHECK(cor_auth_status_result(a) == COR_AUTH_NOT_CHECKED && !cor_auth_status_text(a) && !cor_auth_status_json(a), "status");
  CHECK(!project && !made && !bulk && !deleted && !status, "outputs are NULL on failure");

  CHECK(!cor_bulk_wants_rows(b), "bulk");
  CHECK(cor_bulk_wait(b, 60000), "misuse is not waited for");
  ARGUMENT(cor_bulk_push(b, "A", update));
  ARGUMENT(cor_bulk_push_n(b, "A", 1, update));
  ARGUMENT(cor_bulk_end_input(b));
  ARGUMENT(cor_bulk_stop(b));
  ARGUMENT(cor_bulk_next(b, &item, NULL));
  ARGUMENT(cor_bulk_progress(b, &progress));
  ARGUMENT(cor_bulk_summary(b, &summary));

  CHECK(cor_error_kind(e) == COR_ERR_ARGUMENT && cor_error_outcome(e) == COR_OUTCOME_UNKNOWN, "error");
  CHECK(!cor_error_message(e) && !cor_error_code(e) && !cor_error_request_id(e) && !cor_error_body(e), "error");
  CHECK(!cor_error_status(e) && !cor_error_attempts(e) && cor_error_retry_after_ms(e) == -1, "error");
  CHECK(!cor_error_is_retryable(e) && !cor_error_is_duplicate(e) && !cor_error_issue_count(e) && !cor_error_clone(e), "error");
  CHECK(!cor_error_is_read_back(e), "error");
  CHECK(!cor_error_issue_field(e, 0) && !cor_error_issue_code(e, 0) && !cor_error_issue_message(e, 0), "error");

  CHECK(!cor_project_id(p, &number) && !cor_project_client_id(p, &number) && !cor_project_pm_id(p, &number), "project");
  CHECK(!cor_project_contract_id(p, &number) && !cor_project_company_id(p, &number), "project");
  CHECK(!cor_project_created_at_unix(p, &number) && !cor_project_updated_at_unix(p, &number), "project");
  CHECK(!cor_project_estimated_double(p, &real) && !cor_project_estimated_time_double(p, &real), "project");
  CHECK(!cor_project_billable(p, &yes) && !cor_project_archived(p, &yes), "project");
  CHECK(!cor_project_name(p) && !cor_project_brief(p) && !cor_project_status(p) && !cor_project_work_order(p), "project");
  CHECK(!cor_project_start(p) && !cor_project_end(p) && !cor_project_estimated(p), "project");
  CHECK(!cor_project_estimated_time(p) && !cor_project_created_at(p) && !cor_project_updated_at(p), "project");
  CHECK(!cor_project_json(p) && !cor_project_get_json(p, "id") && !cor_project_clone(p), "project");
  CHECK(!cor_project_get_json_n(p, "id", 2) && !cor_project_health(p, &number), "project");
  CHECK(!cor_project_elapsed_time(p) && !cor_project_elapsed_time_double(p, &real), "project");
  CHECK(!cor_project_total_estimated(p) && !cor_project_total_estimated_double(p, &real), "project");

  CHECK(cor_item_result_index(i) == UINT64_MAX && !cor_item_result_id(i) && !cor_item_result_started(i), "item");
  CHECK(!cor_item_result_created(i), "item");
  CHECK(cor_item_result_status(i) == COR_ERR_ARGUMENT && !cor_item_result_project(i) && !cor_item_result_error(i),
        "item");

  if (bad) {
    ARGUMENT(cor_config_free(config));
    ARGUMENT(cor_update_free(u));
    ARGUMENT(cor_create_free(c));
    ARGUMENT(cor_deleted_free(d));
    ARGUMENT(cor_auth_status_free(a));
    ARGUMENT(cor_error_free(e));
    ARGUMENT(cor_project_free(p));
    ARGUMENT(cor_bulk_free(b));
    ARGUMENT(cor_client_free((cor_client *)bad));
  } else {
    CHECK(cor_config_free(NULL) == COR_OK && cor_update_free(NULL) == COR_OK && cor_error_free(NULL) == COR_OK &&
              cor_project_free(NULL) == COR_OK && cor_bulk_free(NULL) == COR_OK && cor_client_free(NULL) == COR_OK &&
              cor_create_free(NULL) == COR_OK && cor_deleted_free(NULL) == COR_OK && cor_auth_status_free(NULL) == COR_OK,
          "freeing NULL does nothing");
  }
}

static void handles(void) {
  long long here[4] = {0, -1, 0, 7};
  no_handle(NULL);
  no_handle(here);
  no_handle((char *)here + 1);
  no_handle((void *)1);
  no_handle((void *)-1);
  no_handle((void *)(uintptr_t)0x1000003);
  for (unsigned i = 0; i < 64; i++) no_handle((void *)((uintptr_t)1 << i));

  /* Handles of another kind. */
  cor_config *config = cor_config_new();
  cor_error *error = NULL;
  ARGUMENT(cor_update_set_name((cor_update *)config, "x"));
  ARGUMENT(cor_client_free((cor_client *)config));
  ARGUMENT(cor_config_free((cor_config *)client));
  ARGUMENT(cor_update_validate((cor_update *)client, &error));
  CHECK(same(cor_error_message(error), "update is a cor_client; it must be a cor_update"), "%s",
        cor_error_message(error));
  CHECK(cor_error_kind(error) == COR_ERR_ARGUMENT && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "error");
  CHECK(cor_project_name((cor_project *)error) == NULL, "error as project");

  /* Freed ones, also when something else has taken their place since. */
  CHECK(cor_error_free(error) == COR_OK, "once");
  ARGUMENT(cor_error_free(error));
  ARGUMENT(cor_create_validate((cor_create *)update, NULL));
  ARGUMENT(cor_update_free((cor_update *)create));
  CHECK(!cor_create_new("A", (cor_update *)create), "a create as update");
  CHECK(cor_config_free(config) == COR_OK, "once");
  ARGUMENT(cor_config_free(config));
  no_handle(config);
  cor_config *other = cor_config_new();
  CHECK(other != config, "a handle never comes back");
  no_handle(config);
  cor_config_free(other);
}

static void arguments(void) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_client *made = NULL;
  int64_t number;
  cor_config *config = cor_config_new();
  cor_update *u = fresh();
  /* Places that are none. */
  ARGUMENT(cor_client_new(config, NULL, NULL));
  ARGUMENT(cor_client_from_env(NULL, NULL));
  ARGUMENT(cor_client_update_project(client, "A", u, NULL, &error));
  CHECK(strstr(cor_error_message(error), "project"), "%s", cor_error_message(error));
  cor_error_free(error);
  {
    /* A place for an error that is not aligned: nothing is done, since nothing could be said. */
    cor_error *places[2] = {NULL, NULL};
    ARGUMENT(cor_client_update_project(client, "P-1", update, &project, (cor_error **)(void *)((char *)places + 1)));
    CHECK(!places[0] && !places[1] && !project, "untouched");
  }
  ARGUMENT(cor_bulk_new(client, NULL, NULL, NULL));
  ARGUMENT(cor_client_new(NULL, &made, NULL));
  ARGUMENT(cor_client_create_project(client, create, NULL, NULL));
  ARGUMENT(cor_client_delete_project(client, "A", "S", (cor_deleted **)(void *)((char *)&number + 1), NULL));
  /* Text that is none. */
  ARGUMENT(cor_client_delete_project(client, NULL, "S", NULL, NULL));
  ARGUMENT(cor_client_delete_project(client, "A", NULL, NULL, NULL));
  ARGUMENT(cor_client_delete_project(client, "A", "\xff", NULL, NULL));
  ARGUMENT(cor_client_delete_project_n(client, NULL, 1, "S", 1, NULL, NULL));
  ARGUMENT(cor_client_delete_project_n(client, "A", 1, "S", SIZE_MAX, NULL, NULL));
  ARGUMENT(cor_create_set_brand_id(create, NULL));
  ARGUMENT(cor_create_set_product_id_n(create, "x", SIZE_MAX));
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_INVALID && !project &&
            cor_error_issue_count(error) == 2, "what was refused is remembered: %s", cor_error_message(error));
  cor_error_free(error);
  ARGUMENT(cor_client_update_project(client, NULL, u, &project, NULL));
  ARGUMENT(cor_client_update_project(client, "\xc3(", u, &project, NULL));
  ARGUMENT(cor_client_update_project_n(client, NULL, 3, u, &project, NULL));
  ARGUMENT(cor_client_update_project_n(client, "A", SIZE_MAX, u, &project, NULL));
  CHECK(cor_client_update_project_n(client, "a\0b", 3, u, &project, NULL) == COR_ERR_INVALID, "a NUL in an id");
  CHECK(cor_client_update_project_n(client, NULL, 0, u, &project, NULL) == COR_ERR_INVALID, "an empty id");
  ARGUMENT(cor_config_set_token(config, NULL));
  ARGUMENT(cor_config_set_base_url(config, "\xff\xfe"));
  CHECK(cor_client_new(config, &made, NULL) == COR_ERR_ARGUMENT && !made, "a refused option is remembered");
  ARGUMENT(cor_update_set_brief(u, NULL));
  ARGUMENT(cor_update_set_status(u, "\x80"));
  ARGUMENT(cor_update_set_work_order_n(u, NULL, 1));
  ARGUMENT(cor_update_set_start(u, NULL));
  ARGUMENT(cor_update_set_estimated_decimal(u, NULL));
  ARGUMENT(cor_update_set_income_type(u, NULL));
  ARGUMENT(cor_update_set_cell(u, NULL, "x"));
  ARGUMENT(cor_update_set_cell(u, "deliverables", NULL));
  ARGUMENT(cor_update_extra(u, NULL, "1"));
  ARGUMENT(cor_update_extra(u, "x", NULL));
  ARGUMENT(cor_update_set_cell_n(u, "deliverables", 12, "\xff", 1));
  ARGUMENT(cor_update_extra_n(u, "x", 1, NULL, SIZE_MAX));
  /* Numbers that name nothing. */
  ARGUMENT(cor_update_clear(u, 0));
  ARGUMENT(cor_update_clear(u, 19));
  ARGUMENT(cor_update_clear(u, -1));
  ARGUMENT(cor_update_clear(u, INT_MAX));
  CHECK(!cor_field_name(0) && !cor_field_name(INT_MIN) && !cor_status_name(3) && !cor_outcome_name(7), "names");
  /* All of it is remembered, so none of it is left out in silence. */
  CHECK(cor_update_validate(u, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 14, "%zu: %s",
        cor_error_issue_count(error), cor_error_message(error));
  CHECK(!cor_error_issue_field(error, 14) && !cor_error_issue_code(error, SIZE_MAX), "beyond the last");
  cor_error_free(error);
  CHECK(cor_client_update_project(client, "P-1", u, &project, NULL) == COR_ERR_INVALID, "not sent");
  cor_update_free(u);
  u = cor_update_new(NULL);
  CHECK(u && cor_update_set_name(u, "N") == COR_OK, "an update without a source");
  CHECK(cor_update_validate(u, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 1 &&
            same(cor_error_issue_field(error, 0), "metadata.source"), "%s", cor_error_message(error));
  cor_error_free(error);
  ARGUMENT(cor_update_reset(u, "\xff"));
  CHECK(cor_update_reset(u, "SAP") == COR_OK, "mended");
  CHECK(cor_update_set_estimated_double(u, INFINITY) == COR_ERR_INVALID, "no number");
  CHECK(cor_update_set_end_ymd(u, INT_MAX, INT_MIN, 99) == COR_ERR_INVALID, "no such day");
  CHECK(cor_update_set_name_n(u, "a\0b", 3) == COR_OK && strstr(cor_update_json(u), "a\\u0000b"), "a NUL in text");
  cor_update_free(u);
  CHECK(cor_client_update_project(client, "P-1", update, &project, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(!cor_project_id(project, NULL) && !cor_project_billable(project, NULL), "no place for a value");
  CHECK(!cor_project_id(project, (int64_t *)((char *)&number + 1)), "a place that is not aligned");
  CHECK(!cor_project_get_json(project, NULL) && !cor_project_get_json(project, "\xff"), "no name");
  cor_project_free(project);
  cor_config_free(config);
}

static bool free_everything(void *user_data, const cor_item_result *item) {
  (void)user_data;
  ARGUMENT(cor_project_free((cor_project *)cor_item_result_project(item)));
  ARGUMENT(cor_error_free((cor_error *)(void *)item));
  CHECK(cor_item_result_project(item) != NULL || cor_item_result_error(item) != NULL, "still there");
  return true;
}

static bool ignore(void *user_data, const cor_progress *progress) { return (void)user_data, (void)progress, true; }

static bool bad_rows(void *user_data, cor_row *row) {
  int *left = (int *)user_data;
  row->id = *left % 2 ? NULL : "\xff";
  row->update = *left % 3 ? (cor_update *)(void *)client : NULL;
  return (*left)-- > 0;
}

static const cor_item_result *kept_item;
static const cor_project *kept_project;
static bool keep(void *user_data, const cor_item_result *item) {
  (void)user_data;
  kept_item = item;
  kept_project = cor_item_result_project(item);
  return true;
}

static void structs(void) {
  cor_row row = {"P-1", update};
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_progress progress = COR_PROGRESS_INIT;
  cor_bulk *bulk = NULL;
  int left = 7;
  /* Sizes nobody has, and members a newer version might have. */
  const size_t sizes[] = {0, 1, 7, SIZE_MAX, 1 << 20, sizeof(size_t) + 4, offsetof(cor_bulk_options, on_result) + 4};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    options.struct_size = summary.struct_size = sizes[i];
    ARGUMENT(cor_client_update_projects(client, &row, 1, &options, NULL, NULL));
    ARGUMENT(cor_client_update_projects(client, &row, 1, NULL, &summary, NULL));
  }
  struct { cor_bulk_options options; uint64_t more; } newer = {COR_BULK_OPTIONS_INIT, 0};
  newer.options.struct_size = sizeof newer;
  CHECK(cor_client_update_projects(client, &row, 1, &newer.options, NULL, NULL) == COR_OK, "newer, nothing set");
  newer.more = 1;
  ARGUMENT(cor_client_update_projects(client, &row, 1, &newer.options, NULL, NULL));
  cor_summary older = COR_SUMMARY_INIT;
  older.struct_size = offsetof(cor_summary, rejected);
  older.rejected = 99;
  CHECK(cor_client_update_projects(client, &row, 1, NULL, &older, NULL) == COR_OK, "older");
  CHECK(older.applied == 1 && older.rejected == 99, "an older struct is not written past");
  options = (cor_bulk_options)COR_BULK_OPTIONS_INIT;
  options.concurrency = 10001;
  ARGUMENT(cor_client_update_projects(client, &row, 1, &options, NULL, NULL));
  options.concurrency = 0;
  options.outage_timeout_ms = -5;
  CHECK(cor_client_update_projects(client, &row, 1, &options, NULL, NULL) == COR_ERR_CONFIG, "outage_timeout");
  options.outage_timeout_ms = 0;
  options.tick_ms = 5;
  ARGUMENT(cor_bulk_new(client, &options, &bulk, NULL));
  options.tick_ms = 0;
  ARGUMENT(cor_client_update_projects(client, &row, SIZE_MAX, &options, NULL, NULL));
  ARGUMENT(cor_client_update_projects(client, (cor_row *)(void *)((char *)&row + 1), 1, &options, NULL, NULL));
  ARGUMENT(cor_client_update_projects(client, NULL, 1, &options, NULL, NULL));
  ARGUMENT(cor_client_update_projects_from(client, NULL, &options, NULL, NULL));
  options.on_progress = ignore;
  ARGUMENT(cor_bulk_new(client, &options, &bulk, NULL));
  /* What belongs to a result is not the caller's, and ends with it. */
  options.on_result = free_everything;
  CHECK(cor_client_update_projects(client, &row, 1, &options, NULL, NULL) == COR_OK, "run");
  options.on_result = keep;
  CHECK(cor_client_update_projects(client, &row, 1, &options, NULL, NULL) == COR_OK, "run");
  CHECK(cor_item_result_id(kept_item) == NULL && cor_project_name(kept_project) == NULL, "they ended");
  options.user_data = &left;
  options.on_result = NULL;
  summary = (cor_summary)COR_SUMMARY_INIT;
  CHECK(cor_client_update_projects_from(client, bad_rows, &options, &summary, NULL) == COR_OK, "bad rows");
  CHECK(summary.rejected == 7, "each is reported");
  CHECK(cor_bulk_new(client, NULL, &bulk, NULL) == COR_OK, "bulk");
  ARGUMENT(cor_bulk_next(bulk, NULL, NULL));
  ARGUMENT(cor_bulk_progress(bulk, NULL));
  ARGUMENT(cor_bulk_summary(bulk, NULL));
  progress.struct_size = 3;
  ARGUMENT(cor_bulk_progress(bulk, &progress));
  CHECK(cor_bulk_push(bulk, NULL, NULL) == COR_OK, "a row's own problem");
  CHECK(cor_bulk_next(bulk, &kept_item, NULL) == COR_OK && cor_item_result_status(kept_item) == COR_ERR_INVALID, "it");
  CHECK(cor_bulk_free(bulk) == COR_OK, "once");
  ARGUMENT(cor_bulk_free(bulk));
}

/* Options of one call: sizes that no struct has, members of a newer version, numbers out of range. Nothing is sent. */
static void call_options(void) {
  cor_call_options options = COR_CALL_OPTIONS_INIT;
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_deleted *deleted = NULL;
  const size_t sizes[] = {0, 1, 7, SIZE_MAX, 1 << 20, sizeof(size_t) + 4};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    options.struct_size = sizes[i];
    ARGUMENT(cor_client_update_project_with(client, "P-1", update, &options, &project, NULL));
    ARGUMENT(cor_client_delete_project_with(client, "P-1", "SAP", &options, NULL, NULL));
  }
  options = (cor_call_options)COR_CALL_OPTIONS_INIT;
  ARGUMENT(cor_client_update_project_with(client, "P-1", update, (cor_call_options *)(void *)((char *)&options + 1),
                                          &project, NULL));
  ARGUMENT(cor_client_update_project_with(client, "P-1", update, &options, NULL, NULL));
  ARGUMENT(cor_client_update_project_with(client, NULL, update, &options, &project, NULL));
  ARGUMENT(cor_client_update_project_with_n(client, "P-1", SIZE_MAX, update, &options, &project, NULL));
  ARGUMENT(cor_client_create_project_with(client, create, &options, NULL, NULL));
  ARGUMENT(cor_client_delete_project_with(client, "P-1", NULL, &options, NULL, NULL));
  options.reserved = 1;
  ARGUMENT(cor_client_update_project_with(client, "P-1", update, &options, &project, NULL));
  struct { cor_call_options options; uint64_t more; } newer = {COR_CALL_OPTIONS_INIT, 0};
  newer.options.struct_size = sizeof newer;
  CHECK(cor_client_update_project_with(client, "P-1", update, &newer.options, &project, NULL) == COR_OK,
        "newer, nothing set");
  cor_project_free(project);
  newer.more = 1;
  ARGUMENT(cor_client_update_project_with(client, "P-1", update, &newer.options, &project, NULL));
  cor_call_options older = COR_CALL_OPTIONS_INIT;
  older.struct_size = offsetof(cor_call_options, max_attempts);
  older.max_attempts = 101;
  CHECK(cor_client_update_project_with(client, "P-1", update, &older, &project, &error) == COR_OK,
        "an older struct is not read past: %s", cor_error_message(error));
  cor_project_free(project);
  CHECK(cor_client_update_project_with(client, "P-1", update, NULL, &project, NULL) == COR_OK, "no options");
  cor_project_free(project);
  const cor_call_options wrong[] = {{sizeof(cor_call_options), -1, 0, 0, NULL, 0, 0, 0},
                                    {sizeof(cor_call_options), INT64_MIN, 0, 0, NULL, 0, 0, 0},
                                    {sizeof(cor_call_options), INT64_MAX, 0, 0, NULL, 0, 0, 0},
                                    {sizeof(cor_call_options), 0, 101, 0, NULL, 0, 0, 0},
                                    {sizeof(cor_call_options), 0, UINT32_MAX, 0, NULL, 0, 0, 0}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK(cor_client_update_project_with(client, "P-1", update, &wrong[i], &project, &error) == COR_ERR_CONFIG &&
              !project && strstr(cor_error_message(error), i < 3 ? "deadline" : "max_attempts") &&
              cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED,
          "%zu: %s", i, cor_error_message(error));
    cor_error_free(error);
    CHECK(cor_client_delete_project_with(client, "P-1", "SAP", &wrong[i], &deleted, NULL) == COR_ERR_CONFIG && !deleted,
          "%zu: delete", i);
  }
  CHECK(cor_client_update_project(client, "P-1", update, &project, NULL) == COR_OK, "nothing was deleted");
  cor_project_free(project);
}

static bool free_client(void *user_data, const cor_item_result *item) {
  (void)item;
  cor_client_free((cor_client *)user_data);
  return true;
}

/* A callback that frees the client it was called for. */
static void from_within(void) {
  cor_client *doomed = sandbox_client();
  cor_row rows[3] = {{"P-1", update}, {"P-1", update}, {"P-1", update}};
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  options.on_result = free_client;
  options.user_data = doomed;
  CHECK(cor_client_update_projects(doomed, rows, 3, &options, NULL, NULL) == COR_ERR_CANCELLED, "cancelled");
  ARGUMENT(cor_client_free(doomed));
}

int main(void) {
  sandbox_clear();
  client = sandbox_client();
  update = fresh();
  create = cor_create_new("A", update);
  handles();
  arguments();
  structs();
  call_options();
  from_within();
  cor_update_free(update);
  CHECK(cor_create_free(create) == COR_OK, "once");
  no_handle(create);
  cor_client_free(client);
  return finished();
}
