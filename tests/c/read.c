/* Reading projects from COR's main API: one, many by id, lists; comparing one with an update; lost responses, settled by reading
 * back. */
#include "support.h"

/* A source that no other test stores under. */
#define SOURCE "ADVERTMIND"

static int requests(void) {
  char *path, *body;
  int count = sandbox_requests(&path, &body);
  free(path);
  free(body);
  return count;
}

static cor_update *named(const char *source, const char *name) {
  cor_update *update = cor_update_new(source);
  cor_update_set_name(update, name);
  return update;
}

/* The internal id of a project, from the answer to an update. */
static int64_t id_of(cor_client *client, const char *id) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  int64_t cor_id = 0;
  cor_update *update = named("SAP", id);
  CHECK(cor_client_update_project(client, id, update, &project, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_project_id(project, &cor_id), "%s", cor_project_json(project));
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  return cor_id;
}

static void one(cor_client *client, int64_t cor_id) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  char *path, *body;
  int64_t number = 0;
  double real = 0;
  sandbox_clear();
  CHECK(cor_client_get_project(client, cor_id, NULL, &project, &error) == COR_OK && !error, "%s", cor_error_message(error));
  CHECK(cor_project_id(project, &number) && number == cor_id, "%s", cor_project_json(project));
  CHECK(same(cor_project_name(project), "P-1"), "%s", cor_project_json(project));
  cor_project_free(project);
  CHECK(sandbox_requests(&path, &body) == 1 && strncmp(path, "/v1/projects/", 13) == 0 && atoll(path + 13) == cor_id, "%s", path);
  free(path);
  free(body);

  sandbox_queue("{\"endpoint\":\"main_projects\",\"status\":200,\"body\":{\"id\":7,\"health\":3,\"elapsed_time\":\"12.50\","
                "\"total_estimated\":18000.10}}");
  CHECK(cor_client_get_project(client, 7, NULL, &project, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_project_health(project, &number) && number == 3, "%s", cor_project_json(project));
  CHECK(same(cor_project_elapsed_time(project), "12.50"), "%s", cor_project_elapsed_time(project));
  CHECK(same(cor_project_total_estimated(project), "18000.10"), "%s", cor_project_total_estimated(project));
  CHECK(cor_project_elapsed_time_double(project, &real) && real == 12.5, "%f", real);
  CHECK(cor_project_total_estimated_double(project, &real) && real == 18000.1, "%f", real);
  cor_project_free(project);

  CHECK(cor_client_get_project(client, 7, NULL, &project, &error) == COR_ERR_PROJECT_NOT_FOUND && !project, "missing");
  CHECK(cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED && !cor_error_is_read_back(error), "%s", cor_error_message(error));
  cor_error_free(error);
}

/* An option that the call would not follow is refused, not ignored. */
static void options_of_other_calls(cor_client *client, int64_t cor_id) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  sandbox_clear();
  for (int which = 0; which < 4; which++) {
    cor_call_options options = COR_CALL_OPTIONS_INIT;
    if (which == 0) options.state = "";
    if (which == 1) options.cor_id = 7;
    if (which == 2) options.settle_unknown = 1;
    if (which == 3) options.reserved_2 = 1;
    CHECK(cor_client_get_project(client, cor_id, &options, &project, &error) == COR_ERR_ARGUMENT && !project, "%d", which);
    CHECK(strstr(cor_error_message(error), "options"), "%s", cor_error_message(error));
    cor_error_free(error);
    if (which)
      CHECK(cor_client_delete_project_with(client, "nobody", SOURCE, &options, NULL, NULL) == COR_ERR_ARGUMENT, "%d", which);
  }
  CHECK(requests() == 0, "nothing was sent");
  cor_call_options options = COR_CALL_OPTIONS_INIT;
  options.max_attempts = 1;
  sandbox_queue("{\"endpoint\":\"main_projects\",\"status\":503}");
  CHECK(cor_client_get_project(client, cor_id, &options, &project, &error) == COR_ERR_SERVER, "%s", cor_error_message(error));
  CHECK(cor_error_attempts(error) == 1 && cor_error_is_retryable(error), "%s", cor_error_message(error));
  cor_error_free(error);
}

static bool count_project(void *count, const cor_project *project) {
  int64_t cor_id;
  CHECK(cor_project_id(project, &cor_id), "%s", cor_project_json(project));
  ++*(int *)count;
  return true;
}

static bool count_result(void *count, const cor_read_result *result) {
  CHECK(!result->project != !result->error, "%lld has a project or an error", (long long)result->cor_id);
  ++*(int *)count;
  return true;
}

/* A base URL that is not COR's has no main API, unless it is named. */
static void refused(void) {
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_error *error = NULL;
  int calls = 0;
  const int64_t ids[] = {7, 8};
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, sandbox_url());
  cor_config_set_token(config, "sandbox-token");
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_client_main_url(client) == NULL, "%s", cor_client_main_url(client));
  sandbox_clear();
  CHECK(cor_client_get_project(client, 7, NULL, &project, &error) == COR_ERR_CONFIG && !project, "get");
  CHECK(strstr(cor_error_message(error), "call cor_config_set_main_url()"), "%s", cor_error_message(error));
  cor_error_free(error);
  CHECK(cor_client_list_projects(client, NULL, NULL, count_project, &calls, NULL, &error) == COR_ERR_CONFIG, "list");
  cor_error_free(error);
  CHECK(cor_client_get_projects(client, ids, 2, NULL, count_result, &calls, NULL, &error) == COR_ERR_CONFIG, "many");
  cor_error_free(error);
  CHECK(requests() == 0, "nothing was sent");
  cor_client_free(client);

  CHECK(cor_config_set_main_url_n(config, "http://127.0.0.1:1/v1/, and more", 22) == COR_OK, "main_url");
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(same(cor_client_main_url(client), "http://127.0.0.1:1/v1"), "%s", cor_client_main_url(client));
  cor_client_free(client);
  CHECK(cor_config_set_main_url(config, "ftp://x") == COR_OK, "checked with the others");
  CHECK(cor_client_new(config, &client, &error) == COR_ERR_CONFIG && !client, "ftp");
  cor_error_free(error);
  cor_config_free(config);
  config = cor_config_new();
  cor_config_set_token(config, "t");
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(same(cor_client_main_url(client), "https://api.projectcor.com/v1"), "%s", cor_client_main_url(client));
  cor_client_free(client);
  cor_config_free(config);
}

struct listed {
  int count, most, twice;
  int64_t ids[10000];
  cor_project *last;
};

static bool on_project(void *user_data, const cor_project *project) {
  struct listed *listed = (struct listed *)user_data;
  int64_t cor_id = 0;
  CHECK(cor_project_id(project, &cor_id), "%s", cor_project_json(project));
  CHECK(cor_project_free((cor_project *)project) == COR_ERR_ARGUMENT, "it is not the caller's");
  for (int at = 0; at < listed->count; at++) listed->twice += listed->ids[at] == cor_id;
  listed->ids[listed->count++] = cor_id;
  cor_project_free(listed->last);
  listed->last = cor_project_clone(project);
  return listed->count < listed->most;
}

static void list(cor_client *client) {
  static struct listed listed;
  cor_error *error = NULL;
  cor_read_summary summary = COR_READ_SUMMARY_INIT;
  sandbox_clear();
  listed.most = 10000;
  CHECK(cor_client_list_projects(client, NULL, NULL, on_project, &listed, &summary, &error) == COR_OK && !error, "%s",
        cor_error_message(error));
  CHECK(listed.count >= 501 && !listed.twice, "%d projects, %d of them twice", listed.count, listed.twice);
  CHECK(summary.read == (uint64_t)listed.count && summary.total == summary.read && !summary.failed, "%llu of %llu",
        (unsigned long long)summary.read, (unsigned long long)summary.total);
  CHECK(requests() >= (listed.count + 49) / 50, "%d pages", requests());
  CHECK(cor_project_name(listed.last) != NULL, "a project may be kept");

  /* A callback ends the list. */
  listed.count = 0;
  listed.most = 3;
  CHECK(cor_client_list_projects(client, NULL, NULL, on_project, &listed, &summary, &error) == COR_OK, "stopped");
  CHECK(listed.count == 3 && summary.read == 3 && summary.total >= 501, "%d", listed.count);
  cor_project_free(listed.last);
}

static void filters(cor_client *client) {
  cor_error *error = NULL;
  cor_read_summary summary = COR_READ_SUMMARY_INIT;
  cor_project_filter filter = COR_PROJECT_FILTER_INIT;
  cor_read_options options = COR_READ_OPTIONS_INIT;
  char *path, *body;
  int count = 0;
  filter.date_start = "2025-01-01";
  filter.date_end = "2025-12-31";
  filter.client_id = 1;
  filter.team_id = 2;
  filter.user_id = 3;
  filter.brand_id = 4;
  filter.product_id = 5;
  filter.status = "finished";
  filter.health = 4;
  filter.archived = COR_ARCHIVED_NONE;
  options.per_page = 10;
  options.concurrency = 2;
  options.outage_timeout_ms = 1000;
  sandbox_clear();
  CHECK(cor_client_list_projects(client, &filter, &options, count_project, &count, &summary, &error) == COR_OK, "%s",
        cor_error_message(error));
  CHECK(count == 0 && summary.total == 0, "no project passes");
  CHECK(sandbox_requests(&path, &body) == 1 && strstr(path, "perPage=10"), "%s", path);
  const char *const parts[] = {"dateStart", "2025-01-01", "dateEnd", "2025-12-31", "client_id", "team_id", "user_id",
                               "brand_id", "product_id", "finished", "health", "archived"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) CHECK(strstr(path, parts[i]), "%s in %s", parts[i], path);
  free(path);
  free(body);

  sandbox_clear();
  filter.date_start = "soon";
  CHECK(cor_client_list_projects(client, &filter, NULL, count_project, &count, NULL, &error) == COR_ERR_INVALID, "no day");
  CHECK(cor_error_issue_count(error) == 1 && same(cor_error_issue_field(error, 0), "date_start"), "%s",
        cor_error_message(error));
  cor_error_free(error);
  filter.date_start = NULL;
  filter.archived = 3;
  CHECK(cor_client_list_projects(client, &filter, NULL, count_project, &count, NULL, NULL) == COR_ERR_ARGUMENT, "archived");
  filter.archived = COR_ARCHIVED_ANY;
  filter.health = -1;
  CHECK(cor_client_list_projects(client, &filter, NULL, count_project, &count, NULL, NULL) == COR_ERR_ARGUMENT, "health");
  filter.health = 0;
  options.per_page = 10001;
  CHECK(cor_client_list_projects(client, &filter, &options, count_project, &count, NULL, NULL) == COR_ERR_ARGUMENT, "per_page");
  CHECK(cor_client_list_projects(client, &filter, NULL, NULL, &count, NULL, NULL) == COR_ERR_ARGUMENT, "no callback");
  filter.struct_size = summary.struct_size = 3;
  CHECK(cor_client_list_projects(client, &filter, NULL, count_project, &count, NULL, NULL) == COR_ERR_ARGUMENT, "filter's size");
  CHECK(cor_client_list_projects(client, NULL, NULL, count_project, &count, &summary, NULL) == COR_ERR_ARGUMENT, "summary's size");
  CHECK(requests() == 0 && count == 0, "nothing was sent");
}

static void find(cor_client *client) {
  cor_error *error = NULL;
  char *path, *body;
  int count = 0;
  sandbox_clear();
  CHECK(cor_client_find_projects(client, "P-499", NULL, count_project, &count, &error) == COR_OK && !error, "found");
  CHECK(count == 1, "%d", count);
  CHECK(cor_client_find_projects_n(client, "no such / name!", 14, NULL, count_project, &count, &error) == COR_OK, "none");
  CHECK(count == 1 && sandbox_requests(&path, &body) == 2, "%d", count);
  CHECK(same(path, "/v1/projects/search-by-name/no%20such%20%2F%20name"), "%s", path);
  free(path);
  free(body);
  CHECK(cor_client_find_projects(client, "", NULL, count_project, &count, NULL) == COR_ERR_INVALID, "an empty name");
  CHECK(cor_client_find_projects(client, NULL, NULL, count_project, &count, NULL) == COR_ERR_ARGUMENT, "no name");
  CHECK(cor_client_find_projects(client, "P-1", NULL, NULL, NULL, NULL) == COR_ERR_ARGUMENT, "no callback");
}

struct many {
  int read, missing, other, most;
  int64_t sum;
};

static bool on_read(void *user_data, const cor_read_result *result) {
  struct many *many = (struct many *)user_data;
  int64_t cor_id;
  CHECK(result->struct_size == sizeof *result, "%zu", result->struct_size);
  if (result->project) {
    CHECK(!result->error && cor_project_id(result->project, &cor_id) && cor_id == result->cor_id, "%s",
          cor_project_json(result->project));
    CHECK(cor_project_free((cor_project *)result->project) == COR_ERR_ARGUMENT, "it is not the caller's");
    many->sum += cor_id;
    many->read++;
  } else if (cor_error_kind(result->error) == COR_ERR_PROJECT_NOT_FOUND) {
    CHECK(cor_error_free((cor_error *)result->error) == COR_ERR_ARGUMENT, "it is not the caller's");
    many->missing++;
  } else {
    many->other++;
  }
  return many->read + many->missing < many->most;
}

static void get_many(cor_client *client, int64_t first) {
  cor_error *error = NULL;
  cor_read_summary summary = COR_READ_SUMMARY_INIT;
  cor_read_options options = COR_READ_OPTIONS_INIT;
  struct many many = {0, 0, 0, 1000, 0};
  int64_t ids[100], sum = 0;
  for (int i = 0; i < 99; i++) sum += ids[i] = first + i;
  ids[99] = 7;
  options.concurrency = 8;
  sandbox_clear();
  CHECK(cor_client_get_projects(client, ids, 100, &options, on_read, &many, &summary, &error) == COR_OK && !error, "%s",
        cor_error_message(error));
  CHECK(many.read == 99 && many.missing == 1 && many.sum == sum, "%d, %d", many.read, many.missing);
  CHECK(summary.read == 99 && summary.failed == 1 && summary.total == 100, "%llu", (unsigned long long)summary.read);
  CHECK(requests() == 100, "%d", requests());

  /* A callback ends the reading. */
  many = (struct many){0, 0, 0, 3, 0};
  CHECK(cor_client_get_projects(client, ids, 100, NULL, on_read, &many, &summary, &error) == COR_OK, "stopped");
  CHECK(many.read == 3 && summary.read == 3, "%d", many.read);

  /* What every other request would meet too ends it. */
  many = (struct many){0, 0, 0, 1000, 0};
  options.concurrency = 1;
  sandbox_queue("{\"endpoint\":\"main_projects\",\"status\":403,\"body\":{\"name\":\"CORCustomError\",\"message\":\"no\"}}");
  CHECK(cor_client_get_projects(client, ids, 100, &options, on_read, &many, &summary, &error) == COR_ERR_FORBIDDEN, "403");
  CHECK(many.other == 1 && !many.read && summary.failed == 1, "%d", many.other);
  cor_error_free(error);
  CHECK(cor_client_get_projects(client, NULL, 0, NULL, on_read, &many, NULL, NULL) == COR_OK, "no ids");
  CHECK(cor_client_get_projects(client, NULL, 1, NULL, on_read, &many, NULL, NULL) == COR_ERR_ARGUMENT, "NULL");
  CHECK(cor_client_get_projects(client, ids, 1, NULL, NULL, &many, NULL, NULL) == COR_ERR_ARGUMENT, "no callback");
}

static bool free_client(void *client, const cor_project *project) {
  (void)project;
  CHECK(cor_client_free((cor_client *)client) == COR_OK, "freed");
  return true;
}

/* The client is freed by a callback: nothing was changed, so nothing is unknown. */
static void freed(void) {
  cor_client *client = sandbox_client();
  cor_error *error = NULL;
  cor_read_options options = COR_READ_OPTIONS_INIT;
  options.per_page = 1;
  CHECK(cor_client_list_projects(client, NULL, &options, free_client, client, NULL, &error) == COR_ERR_CANCELLED, "freed");
  CHECK(cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s", cor_error_message(error));
  cor_error_free(error);
}

struct compared {
  int count, most;
  char text[1000];
};

static bool on_comparison(void *user_data, const cor_field_comparison *c) {
  struct compared *compared = (struct compared *)user_data;
  size_t used = strlen(compared->text);
  CHECK(!c->reason == !c->message, "%s", c->field);
  snprintf(compared->text + used, sizeof compared->text - used, "%s %s %s %s %s\n", c->field, c->ours_json,
           c->theirs_json ? c->theirs_json : "-", c->result, c->reason ? c->reason : "-");
  return ++compared->count < compared->most;
}

static void compare(cor_client *client) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_outcome outcome;
  struct compared compared = {0, 100, ""};
  sandbox_queue("{\"endpoint\":\"main_projects\",\"status\":200,\"body\":{\"id\":7,\"name\":\"N\",\"client_id\":9,"
                "\"end\":\"2025-05-31 00:00:00\"}}");
  CHECK(cor_client_get_project(client, 7, NULL, &project, &error) == COR_OK, "%s", cor_error_message(error));
  cor_update *update = named(SOURCE, "N");
  CHECK(cor_compare(update, project, NULL, NULL, &outcome, &error) == COR_OK && outcome == COR_OUTCOME_APPLIED, "equal");
  cor_update_set_client_id(update, "C-1");
  CHECK(cor_compare(update, project, NULL, NULL, &outcome, &error) == COR_OK && outcome == COR_OUTCOME_UNKNOWN, "an id");
  cor_update_set_end(update, "2025-04-30");
  CHECK(cor_compare(update, project, on_comparison, &compared, &outcome, &error) == COR_OK && !error, "%s",
        cor_error_message(error));
  CHECK(outcome == COR_OUTCOME_NOT_APPLIED, "%d", outcome);
  CHECK(same(compared.text, "name \"N\" \"N\" equal -\n"
                            "client_id \"C-1\" 9 not_comparable external_id\n"
                            "end \"2025-04-30\" \"2025-05-31 00:00:00\" different -\n"), "%s", compared.text);
  compared.count = 0;
  compared.most = 1;
  CHECK(cor_compare(update, project, on_comparison, &compared, NULL, NULL) == COR_OK && compared.count == 1, "stopped");
  cor_update_set_end(update, "soon");
  CHECK(cor_compare(update, project, NULL, NULL, &outcome, &error) == COR_ERR_INVALID, "a refused value");
  CHECK(outcome == COR_OUTCOME_UNKNOWN && cor_error_issue_count(error) == 1, "%s", cor_error_message(error));
  cor_error_free(error);
  cor_update_free(update);
  cor_project_free(project);
}

/* Responses that are lost, and what reading back says about them. */
static void settled(cor_client *client, int64_t cor_id) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_call_options options = COR_CALL_OPTIONS_INIT;
  cor_update *update = named("SAP", "Settled");
  options.settle_unknown = 1;
  CHECK(cor_client_update_project_with(client, "P-1", update, &options, &project, &error) == COR_ERR_CONFIG, "no cor_id");
  CHECK(strstr(cor_error_message(error), "cor_id"), "%s", cor_error_message(error));
  cor_error_free(error);
  options.cor_id = cor_id;
  options.max_attempts = 1;
  sandbox_clear();
  sandbox_queue("{\"action\":\"apply_then_drop\"}");
  CHECK(cor_client_update_project_with(client, "P-1", update, &options, &project, &error) == COR_OK && !error, "%s",
        cor_error_message(error));
  CHECK(same(cor_project_name(project), "Settled"), "%s", cor_project_json(project));
  CHECK(requests() == 2, "the update and one read: %d", requests());
  cor_project_free(project);

  cor_update_set_name(update, "Never applied");
  sandbox_queue("{\"action\":\"drop\"}");
  CHECK(cor_client_update_project_with(client, "P-1", update, &options, &project, &error) == COR_ERR_TRANSPORT, "%s",
        cor_error_message(error));
  CHECK(cor_error_is_read_back(error) && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s", cor_error_message(error));
  cor_error_free(error);
  options.settle_unknown = 0;
  sandbox_queue("{\"action\":\"drop\"}");
  CHECK(cor_client_update_project_with(client, "P-1", update, &options, &project, &error) == COR_ERR_TRANSPORT, "%s",
        cor_error_message(error));
  CHECK(!cor_error_is_read_back(error) && cor_error_outcome(error) == COR_OUTCOME_UNKNOWN, "%s", cor_error_message(error));
  cor_error_free(error);
  cor_update_free(update);

  update = named(SOURCE, "A name that nothing else has");
  cor_create *create = cor_create_new("S-1", update);
  options.settle_unknown = 1;
  options.cor_id = 0;
  sandbox_queue("{\"action\":\"apply_then_drop\"}");
  cor_status status = cor_client_create_project_with(client, create, &options, &project, &error);
  CHECK(status == COR_OK && !error, "%s", cor_error_message(error));
  CHECK(same(cor_project_name(project), "A name that nothing else has"), "%s", cor_project_json(project));
  cor_project_free(project);
  CHECK(cor_client_delete_project(client, "S-1", SOURCE, NULL, NULL) == COR_OK, "deleted");
  cor_create_free(create);
  cor_update_free(update);
}

struct table {
  cor_update *update;
  int left;
};

static bool next_row(void *user_data, cor_row *row) {
  struct table *table = (struct table *)user_data;
  if (!table->left) return false;
  table->left--;
  row->id = "P-1";
  row->update = table->update;
  return true;
}

/* A sync that reads back sends again what others changed in COR, and leaves what is COR's. */
static void refreshed(cor_client *client, int64_t cor_id) {
  cor_error *error = NULL;
  char state[1000];
  const char *keep[] = {"brief"};
  struct table table = {named("SAP", "Ours"), 1};
  cor_sync_options options = COR_SYNC_OPTIONS_INIT;
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
  cor_update_set_brief(table.update, "ours");
  snprintf(state, sizeof state, "%s/reading-%ld.state", getenv("COR_TEST_FOLDER"), (long)cor_id);
  remove(state);
  options.user_data = &table;
  options.source = "SAP";
  options.state = state;
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_OK && summary.applied == 1, "%s",
        cor_error_message(error));
  sandbox_edit(cor_id, "{\"name\":\"Theirs\",\"brief\":\"theirs\"}");
  table.left = 1;
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_OK && summary.unchanged == 1, "%s",
        cor_error_message(error));
  table.left = 1;
  options.refresh = 1;
  options.keep_remote = keep;
  options.keep_remote_count = 1;
  sandbox_clear();
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_OK && summary.applied == 1, "%s",
        cor_error_message(error));
  char *path, *body;
  CHECK(sandbox_requests(&path, &body) == 2 && same(body, "{\"metadata\":{\"source\":\"SAP\"},\"name\":\"Ours\"}"), "%s", body);
  free(path);
  free(body);

  keep[0] = "breif";
  CHECK(cor_client_sync_rows(client, next_row, &options, NULL, &error) == COR_ERR_CONFIG, "no field");
  CHECK(strstr(cor_error_message(error), "breif"), "%s", cor_error_message(error));
  cor_error_free(error);
  keep[0] = "brief";
  options.refresh = 0;
  CHECK(cor_client_sync_rows(client, next_row, &options, NULL, &error) == COR_ERR_CONFIG, "keep_remote alone");
  CHECK(strstr(cor_error_message(error), "keep_remote"), "%s", cor_error_message(error));
  cor_error_free(error);
  options.reserved = 1;
  CHECK(cor_client_sync_rows(client, next_row, &options, NULL, NULL) == COR_ERR_ARGUMENT, "reserved");
  cor_update_free(table.update);
}

int main(void) {
  sandbox_clear();
  cor_client *client = sandbox_client();
  CHECK(same(cor_client_main_url(client), sandbox_main_url()), "%s", cor_client_main_url(client));
  int64_t cor_id = id_of(client, "P-1");
  one(client, cor_id);
  options_of_other_calls(client, cor_id);
  refused();
  list(client);
  filters(client);
  find(client);
  get_many(client, cor_id);
  freed();
  compare(client);
  settled(client, cor_id);
  refreshed(client, cor_id);
  cor_client_free(client);
  sandbox_clear();
  return finished();
}
