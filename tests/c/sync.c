/* Plan and sync of a file and of rows that a function hands out: callbacks, the state, rejected rows, options. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <stdlib.h>

/* A source that no other test stores under. */
#define SOURCE "QUICKBOOKS"

static char folder[512];

static const char *in_folder(const char *name) {
  static char paths[4][600];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "wb");
  CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

static int file_has(const char *path, const char *text) {
  char content[4096] = "";
  FILE *file = fopen(path, "rb");
  if (file) {
    content[fread(content, 1, sizeof content - 1, file)] = 0;
    fclose(file);
  }
  return strstr(content, text) != NULL;
}

static void create_project(cor_client *client, const char *id) {
  cor_update *update = cor_update_new(SOURCE);
  cor_update_set_name(update, "old");
  cor_create *create = cor_create_new(id, update);
  cor_project *project = NULL;
  cor_error *error = NULL;
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_OK, "%s", cor_error_message(error));
  cor_error_free(error);
  cor_project_free(project);
  cor_create_free(create);
  cor_update_free(update);
}

static void delete_project(cor_client *client, const char *id) {
  cor_error *error = NULL;
  CHECK(cor_client_delete_project(client, id, SOURCE, NULL, &error) == COR_OK, "%s", cor_error_message(error));
  cor_error_free(error);
}

/* What the callbacks were given. */
struct seen {
  int changes, problems, rows_left, stop_at;
  int32_t status;
  char change[200], problem[300];
};

static bool on_change(void *user_data, const cor_change *change) {
  struct seen *seen = user_data;
  const cor_field_change *field = change->fields;
  snprintf(seen->change, sizeof seen->change, "%s %d-%d %d %s:%s>%s%s%s", change->id, (int)change->first_line,
           (int)change->last_line, (int)change->rows, field->name, field->old_json ? field->old_json : "?",
           field->new_json, change->is_new ? " new" : change->refused_because ? " refused" : "",
           change->error ? cor_error_code(change->error) : "");
  seen->status = change->status;
  CHECK(change->struct_size == sizeof(cor_change) && change->field_count == 1, "%s", seen->change);
  return ++seen->changes != seen->stop_at;
}

static bool on_note(void *user_data, const char *note) {
  char *noted = user_data;
  size_t length = strlen(noted);
  snprintf(noted + length, 1024 - length, "%s|", note);
  return true;
}

static bool on_problem(void *user_data, const cor_row_problem *problem) {
  struct seen *seen = user_data;
  snprintf(seen->problem, sizeof seen->problem, "%d %s %s %s: %s", (int)problem->line, problem->id,
           problem->column ? problem->column : "-", problem->code, problem->message);
  ++seen->problems;
  return true;
}

static cor_sync_options options_of(struct seen *seen, const char *state) {
  cor_sync_options options = COR_SYNC_OPTIONS_INIT;
  memset(seen, 0, sizeof *seen);
  options.user_data = seen;
  options.on_change = on_change;
  options.on_problem = on_problem;
  options.source = SOURCE;
  options.state = state;
  return options;
}

static void files(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  const char *map[] = {"deal=name", "note="};
  const char *table = in_folder("deals.csv"), *state = in_folder("files.db"), *rejects = in_folder("rejects.csv");
  write_file(table, "key;deal;note;estimated\nS-1;Phase 2;x;\nS-2;;x;five\nS-3;Gone;x;\n");
  cor_sync_options options = options_of(&seen, state);
  options.id_column = "key";
  options.delimiter = ";";
  options.map = map;
  options.map_count = 2;
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;

  CHECK(cor_client_plan_file(client, table, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(seen.changes == 2 && seen.problems == 1 && seen.status == COR_ROW_PLANNED, "%d %d", seen.changes, seen.problems);
  CHECK(summary.read == 3 && summary.rejected == 1 && summary.not_started == 2 && summary.projects_new == 2 &&
            summary.applied == 0, "read %d", (int)summary.read);
  CHECK(strncmp(seen.problem, "3 S-2 estimated not_a_number: \"five\"", 35) == 0, "%s", seen.problem);

  options = options_of(&seen, state);
  options.id_column = "key";
  options.delimiter = ";";
  options.map = map;
  options.map_count = 2;
  options.rejects = rejects;
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(summary.applied == 1 && summary.failed == 1 && summary.rejected == 1 && summary.unknown == 0, "applied %d",
        (int)summary.applied);
  CHECK(file_has(rejects, "not_applied") && file_has(rejects, "rejected") && !file_has(rejects, "S-1"), "%s", rejects);

  options.rejects = NULL;
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK, "again");
  CHECK(summary.applied == 0 && summary.unchanged == 1 && summary.failed == 1, "what COR accepted is not sent again");
  CHECK(same(seen.change, "S-3 4-4 1 name:?>\"Gone\" refusedZC001"), "%s", seen.change);
  CHECK(seen.status == COR_ROW_NOT_APPLIED, "%d", (int)seen.status);
  options.create_missing = 1;
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK, "created");
  CHECK(summary.applied == 1 && summary.created == 1 && seen.status == COR_ROW_CREATED, "%d", (int)summary.created);
}

/* S-1 twice, a row of another source, and one without an id. */
static bool next_row(void *user_data, cor_row *row) {
  struct seen *seen = user_data;
  static cor_update *update;
  static char id[8];
  cor_update_free(update);
  update = NULL;
  if (seen->rows_left == 0) return false;
  int at = 4 - seen->rows_left--;
  update = cor_update_new(at == 2 ? "JIRA" : SOURCE);
  cor_update_set_name(update, at == 0 ? "first" : "last");
  snprintf(id, sizeof id, "%s", at == 3 ? "" : "S-1");
  row->id = id;
  row->update = update;
  return true;
}

static void rows(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
  const char *rejects = in_folder("rows.jsonl");
  cor_sync_options options = options_of(&seen, in_folder("rows.db"));
  seen.rows_left = 4;
  CHECK(cor_client_plan_rows(client, next_row, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(same(seen.change, "S-1 0-1 2 name:?>\"last\" new"), "%s", seen.change);
  CHECK(seen.problems == 2 && summary.rejected == 2 && summary.read == 4, "%s", seen.problem);
  options.rejects = rejects;
  seen.rows_left = 4;
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(summary.applied == 2 && seen.status == COR_ROW_APPLIED, "%d", (int)summary.applied);
  CHECK(file_has(rejects, "\"id\":\"S-1\",\"name\":\"last\",\"_line\":2"), "%s", rejects);
  options.rejects = NULL;
  options.outage_timeout_ms = 60000;
  options.limit = 1;
  seen.rows_left = 4;
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_OK, "limit");
  CHECK(summary.read == 1 && same(seen.change, "S-1 0-0 1 name:\"last\">\"first\""), "%s", seen.change);
  options.limit = 0;
  options.max_failures = "1";
  seen.rows_left = 4;
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_ERR_CANCELLED, "max_failures");
  CHECK(strstr(cor_error_message(error), "more than 1 row failed") != NULL, "%s", cor_error_message(error));
  cor_error_free(error);
  error = NULL;
  CHECK(summary.rejected == 2 && summary.applied == 0 && summary.not_started + summary.unchanged == 2, "%d", (int)summary.applied);
  options.max_failures = "all";
  CHECK(cor_client_sync_rows(client, next_row, &options, &summary, &error) == COR_ERR_CONFIG, "max_failures");
  CHECK(strstr(cor_error_message(error), "max_failures") != NULL, "%s", cor_error_message(error));
  cor_error_free(error);
  error = NULL;
  seen.rows_left = 0;
  (void)next_row(&seen, NULL);
}

/* Enough projects that a stop leaves some. */
static bool many_rows(void *user_data, cor_row *row) {
  struct seen *seen = user_data;
  static cor_update *update;
  static char id[16];
  cor_update_free(update);
  update = NULL;
  if (seen->rows_left == 0) return false;
  update = cor_update_new(SOURCE);
  cor_update_set_name(update, "N");
  snprintf(id, sizeof id, "M-%d", seen->rows_left--);
  row->id = id;
  row->update = update;
  return true;
}

static void stop(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
  cor_sync_options options = options_of(&seen, NULL);
  options.no_state = 1;
  seen.rows_left = 500;
  seen.stop_at = 1;
  CHECK(cor_client_sync_rows(client, many_rows, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(summary.read == 500 && summary.not_started > 0 && summary.failed + summary.not_started == 500, "%d failed, %d not",
        (int)summary.failed, (int)summary.not_started);
}

static bool on_progress(void *user_data, const cor_progress *progress) {
  struct seen *seen = user_data;
  seen->stop_at = (int)progress->done;
  CHECK(progress->total == 200 && progress->struct_size == sizeof *progress, "of %d", (int)progress->total);
  ++seen->problems;
  return true;
}

/* However fast results come, the caller hears of progress, and of the end. */
static void progress(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
  cor_sync_options options = options_of(&seen, NULL);
  options.on_change = NULL;
  options.on_problem = NULL;
  options.on_progress = on_progress;
  options.tick_ms = 1;
  options.no_state = 1;
  seen.rows_left = 200;
  CHECK(cor_client_sync_rows(client, many_rows, &options, &summary, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(summary.read == 200 && seen.problems > 1 && seen.stop_at == 200, "%d calls, the last at %d", seen.problems,
        seen.stop_at);
}

static bool failing_rows(void *user_data, cor_row *row) {
  struct seen *seen = user_data;
  if (seen->rows_left > 1) return many_rows(user_data, row);
  (void)many_rows(user_data, row);
  row->id = NULL;
  row->update = NULL;
  return true;
}

static int requests(void) {
  char *path, *body;
  int count = sandbox_requests(&path, &body);
  free(path);
  free(body);
  return count;
}

static void failing(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  cor_sync_options options = options_of(&seen, NULL);
  options.no_state = 1;
  seen.rows_left = 3;
  sandbox_clear();
  CHECK(cor_client_sync_rows(client, failing_rows, &options, NULL, &error) == COR_ERR_CANCELLED, "a failing input");
  CHECK(strstr(cor_error_message(error), "nothing was sent") && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s",
        cor_error_message(error));
  CHECK(requests() == 0, "nothing was sent");
  cor_error_free(error);
  seen.rows_left = 0;
  (void)many_rows(&seen, NULL);
}

static void refused(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  const char *table = in_folder("refused.csv");
  write_file(table, "key,name\n1,N\n");
  cor_sync_options options = options_of(&seen, in_folder("refused.db"));
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
#define REFUSED(call, status, says)                                                              \
  CHECK((call) == (status) && strstr(cor_error_message(error), says), "%s", cor_error_message(error)); \
  cor_error_free(error)
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "no column is called \"id\"");
  REFUSED(cor_client_sync_file(client, in_folder("none.csv"), &options, NULL, &error), COR_ERR_CONFIG, "cannot read");
  options.rejects = table;
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "which this run would overwrite");
  options.rejects = NULL;
  options.outage_timeout_ms = -1;
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "outage_timeout");
  options.outage_timeout_ms = 0;
  write_file(table, "id,caf\xe9\n1,N\n");
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG,
          "column 2 is not UTF-8; read the file with cor_sync_options.encoding windows-1252");
  options.encoding = "utf-16le";
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG,
          "is not UTF-16LE; read the file with cor_sync_options.encoding windows-1252");
  write_file(table, "key,name\n1,N\n");
  options.delimiter = "::";
  options.encoding = "klingon";
  REFUSED(cor_client_sync_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "encoding \"klingon\" is not an encoding");
  REFUSED(cor_client_sync_file(client, NULL, &options, NULL, &error), COR_ERR_ARGUMENT, "path");
  REFUSED(cor_client_sync_file(client, table, NULL, NULL, &error), COR_ERR_ARGUMENT, "options");
  REFUSED(cor_client_sync_rows(client, NULL, &options, &summary, &error), COR_ERR_ARGUMENT, "next_row");
  CHECK(summary.read == 0, "nothing was read");
}

/* How values are read: each option of a table, and a column that is no field. */
static void values(cor_client *client) {
  struct seen seen;
  cor_error *error = NULL;
  const char *ignore[] = {"mood"}, *nulls[] = {"NULL", "#N/A"};
  const char *table = in_folder("values.csv"), *state = in_folder("values.db");
  cor_sync_options options = options_of(&seen, state);
#define PLANNED(text, expected)                                                                              \
  write_file(table, text);                                                                                   \
  CHECK(cor_client_plan_file(client, table, &options, NULL, &error) == COR_OK && same(seen.change, expected), \
        "%s %s", seen.change, cor_error_message(error))
  options.strict = 1;
  write_file(table, "id,name,mood\nS-1,N,x\n");
  REFUSED(cor_client_plan_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "no field is called \"mood\"");
  options.ignore = ignore;
  options.ignore_count = 1;
  PLANNED("id,name,mood\nS-1,N,x\n", "S-1 2-2 1 name:?>\"N\" new");
  options = options_of(&seen, state);
  options.null_values = nulls;
  options.null_values_count = 2;
  PLANNED("id,name,brief,status\nS-1,NULL,B,#N/A\n", "S-1 2-2 1 brief:?>\"B\" new");
  options.day_in = "Europe/Madrid";
  PLANNED("id,end\nS-1,2025-04-30T23:30:00Z\n", "S-1 2-2 1 end:?>\"2025-05-01\" new");
  options.date_format = "%d/%m/%Y";
  PLANNED("id,end\nS-1,30/04/2025\n", "S-1 2-2 1 end:?>\"2025-04-30\" new");
  options.decimal = ",";
  options.thousands = ".";
  PLANNED("id;estimated\nS-1;1.234,50\n", "S-1 2-2 1 estimated:?>1234.50 new");
  options.trim = 1;
  PLANNED("id,name\n S-1 , N \n", "S-1 2-2 1 name:?>\"N\" new");
  const char *clear_nulls[] = {"brief"};
  options = options_of(&seen, state);
  options.format = "jsonl";
  options.clear_nulls = clear_nulls;
  options.clear_nulls_count = 1;
  PLANNED("{\"id\":\"S-1\",\"brief\":null,\"name\":null}\n", "S-1 1-1 1 brief:?>null new");
  options.format = "csv";
  REFUSED(cor_client_plan_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "clear_nulls applies to");
  char noted[1024] = "";
  options = options_of(&seen, state);
  options.on_note = on_note;
  options.user_data = noted;
  options.on_change = NULL;
  options.on_problem = NULL;
  write_file(table, "id,name\n1001.0,NULL\n1001.0,N\n,\n");
  CHECK(cor_client_plan_file(client, table, &options, NULL, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(strstr(noted, "1 blank row was skipped|") && strstr(noted, "|2 rows are merged into 1 project by the id \"1001.0\"|") &&
            strstr(noted, "|name: \"NULL\" is sent as text in line 2; if it stands for an empty cell, pass it with cor_sync_options.null_values|"),
        "%s", noted);
  options = options_of(&seen, state);
  options.day_in = "Europe/Madird";
  REFUSED(cor_client_plan_file(client, table, &options, NULL, &error), COR_ERR_CONFIG, "did you mean \"Europe/Madrid\"");
}

/* A value that a single call replaced is put back by the next sync. */
static void single_calls(cor_client *client) {
  const char *table = in_folder("single.csv"), *state = in_folder("single.db");
  struct seen seen = {0};
  cor_sync_options options = options_of(&seen, state);
  cor_sync_summary summary = COR_SYNC_SUMMARY_INIT;
  cor_error *error = NULL;
  write_file(table, "id,name\nS-1,from the table\n");
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK && summary.read == 1, "%s",
        cor_error_message(error));
  cor_update *update = cor_update_new(SOURCE);
  cor_update_set_name(update, "by hand");
  cor_call_options call = COR_CALL_OPTIONS_INIT;
  cor_project *project = NULL;
  CHECK(cor_client_update_project_with(client, "S-1", update, &call, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  cor_project_free(project);
  options.wait_ms = 1000;
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK && summary.unchanged == 1,
        "nothing was recorded without a state");
  call.state = state;
  CHECK(cor_client_update_project_with(client, "S-1", update, &call, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  cor_project_free(project);
  CHECK(cor_client_sync_file(client, table, &options, &summary, &error) == COR_OK && summary.applied == 1,
        "the value of the table is put back: %s", seen.change);
  call.state = table;
  REFUSED(cor_client_update_project_with(client, "S-1", update, &call, &project, &error), COR_ERR_CONFIG,
          "is not a state file");
  REFUSED(cor_client_delete_project_with(client, "S-1", SOURCE, &call, NULL, &error), COR_ERR_CONFIG,
          "is not a state file");
  options.wait_ms = -1;
  REFUSED(cor_client_sync_file(client, table, &options, &summary, &error), COR_ERR_CONFIG, "wait");
  cor_update_free(update);
}

int main(void) {
  const char *temporary = getenv("COR_TEST_FOLDER");
  snprintf(folder, sizeof folder, "%s/sync-XXXXXX", temporary ? temporary : "/tmp");
  CHECK(mkdtemp(folder) != NULL, "%s", folder);
  cor_client *client = sandbox_client();
  create_project(client, "S-1");
  files(client);
  values(client);
  rows(client);
  stop(client);
  progress(client);
  failing(client);
  refused(client);
  single_calls(client);
  delete_project(client, "S-1");
  delete_project(client, "S-3");
  cor_client_free(client);
  return finished();
}
