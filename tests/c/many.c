/* Many updates: order, progress, stopping, callbacks that call back, rows from an array, a function, and one by one. */
#include "support.h"

enum { ROWS = 500 };

struct seen {
  cor_client *client;
  uint64_t results, failed, not_started, progress, last_done, stop_after;
  uint64_t next;
  cor_update *update;
  int calls_back;
  cor_project *kept;
};

static bool on_result(void *user_data, const cor_item_result *item) {
  struct seen *seen = (struct seen *)user_data;
  const cor_error *error = cor_item_result_error(item);
  seen->results++;
  if (error) {
    seen->failed += cor_item_result_started(item);
    seen->not_started += !cor_item_result_started(item);
    CHECK(cor_item_result_project(item) == NULL && cor_item_result_status(item) == cor_error_kind(error), "failed");
  } else {
    char id[32];
    snprintf(id, sizeof id, "P-%llu", (unsigned long long)cor_item_result_index(item));
    CHECK(same(cor_item_result_id(item), id), "index and id belong together: %s", cor_item_result_id(item));
    CHECK(same(cor_project_name(cor_item_result_project(item)), id), "the row's own answer");
    if (!seen->kept) seen->kept = cor_project_clone(cor_item_result_project(item));
  }
  if (seen->calls_back && seen->results % 50 == 0) {
    /* A callback may use the client, another run included. */
    cor_project *project = NULL;
    cor_summary inner = COR_SUMMARY_INIT;
    cor_row row;
    cor_update *update = cor_update_new("SALESFORCE");
    cor_update_set_estimated_int(update, 1);
    CHECK(cor_client_update_project(seen->client, "SF-OPP-12345", update, &project, NULL) == COR_OK, "one inside");
    row.id = "SF-OPP-12345";
    row.update = update;
    CHECK(cor_client_update_projects(seen->client, &row, 1, NULL, &inner, NULL) == COR_OK && inner.applied == 1,
          "a run inside");
    cor_project_free(project);
    cor_update_free(update);
  }
  return seen->results != seen->stop_after;
}

static bool on_progress(void *user_data, const cor_progress *progress) {
  struct seen *seen = (struct seen *)user_data;
  seen->progress++;
  CHECK(progress->struct_size >= sizeof *progress && progress->paused == COR_PAUSE_NONE, "progress");
  CHECK(progress->done >= seen->last_done && progress->failed <= progress->done, "progress goes forward");
  CHECK(progress->total == ROWS || progress->total == UINT64_MAX, "total %llu", (unsigned long long)progress->total);
  seen->last_done = progress->done;
  return true;
}

static bool next_row(void *user_data, cor_row *row) {
  static char id[32];
  struct seen *seen = (struct seen *)user_data;
  if (seen->next == ROWS) return false;
  snprintf(id, sizeof id, "P-%llu", (unsigned long long)seen->next++);
  cor_update_reset(seen->update, "SAP");
  cor_update_set_name(seen->update, id);
  row->id = id;
  row->update = seen->update;
  return true;
}

static struct seen seen_by(cor_client *client) {
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  seen.client = client;
  seen.stop_after = UINT64_MAX;
  return seen;
}

static void from_an_array(cor_client *client) {
  static char ids[ROWS][16];
  static cor_row rows[ROWS];
  struct seen seen = seen_by(client);
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_error *error = NULL;
  for (int i = 0; i < ROWS; i++) {
    cor_update *update = cor_update_new("SAP");
    snprintf(ids[i], sizeof ids[i], "P-%d", i);
    cor_update_set_name(update, ids[i]);
    rows[i].id = ids[i];
    rows[i].update = update;
  }
  /* Four rows that cannot be sent, each in its own way, and one that COR refuses. */
  cor_update_set_end((cor_update *)rows[10].update, "soon");
  rows[11].id = "";
  rows[12].id = NULL;
  rows[13].id = "\xff";
  rows[14].id = "nobody";
  options.on_result = on_result;
  options.on_progress = on_progress;
  options.user_data = &seen;
  options.concurrency = 8;
  seen.calls_back = 1;
  CHECK(cor_client_update_projects(client, rows, ROWS, &options, &summary, &error) == COR_OK, "%s",
        cor_error_message(error));
  CHECK(seen.results == ROWS && seen.progress == ROWS && seen.last_done == ROWS, "each row has its result");
  CHECK(summary.read == ROWS && summary.applied == ROWS - 5 && summary.rejected == 4 && summary.failed == 1 &&
            summary.not_started == 0 && seen.failed == 5, "applied %llu, rejected %llu, failed %llu",
        (unsigned long long)summary.applied, (unsigned long long)summary.rejected, (unsigned long long)summary.failed);
  CHECK(cor_project_name(seen.kept) != NULL, "a project may be kept");
  cor_project_free(seen.kept);

  /* Stopping: the rest is accounted for. */
  seen = seen_by(client);
  seen.stop_after = 20;
  options.on_progress = NULL;
  CHECK(cor_client_update_projects(client, rows, ROWS, &options, &summary, NULL) == COR_OK, "stopped");
  CHECK(seen.results == ROWS && seen.not_started == summary.not_started && summary.not_started > ROWS - 200,
        "not started %llu", (unsigned long long)summary.not_started);
  cor_project_free(seen.kept);
  for (int i = 0; i < ROWS; i++) cor_update_free((cor_update *)rows[i].update);
  CHECK(cor_client_update_projects(client, NULL, 0, NULL, NULL, NULL) == COR_OK, "no rows are no problem");
}

static void from_a_function(cor_client *client) {
  struct seen seen = seen_by(client);
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  seen.update = cor_update_new("SAP");
  options.on_result = on_result;
  options.on_progress = on_progress;
  options.user_data = &seen;
  CHECK(cor_client_update_projects_from(client, next_row, &options, &summary, NULL) == COR_OK, "run");
  CHECK(summary.applied == ROWS && seen.results == ROWS && seen.progress == ROWS, "all applied");
  cor_project_free(seen.kept);
  cor_update *update = seen.update;
  seen = seen_by(client);
  seen.update = update;
  seen.stop_after = 10;
  CHECK(cor_client_update_projects_from(client, next_row, &options, &summary, NULL) == COR_OK, "stopped");
  CHECK(seen.next < ROWS && seen.results == seen.next && summary.read == seen.next, "not asked for more: %llu of %llu",
        (unsigned long long)seen.results, (unsigned long long)seen.next);
  cor_project_free(seen.kept);
  cor_update_free(update);
}

static bool on_unchanged(void *user_data, const cor_item_result *item) {
  uint64_t *unchanged = user_data;
  *unchanged += cor_item_result_unchanged(item);
  CHECK(cor_item_result_status(item) == COR_OK && cor_item_result_error(item) == NULL, "no failure");
  CHECK((cor_item_result_project(item) == NULL) == cor_item_result_unchanged(item), "nothing was sent");
  return true;
}

/* An update that sets no field is not sent, and is no failure. */
static void unchanged(cor_client *client) {
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_update *nothing = cor_update_new("SALESFORCE"), *something = cor_update_new("SALESFORCE");
  cor_update_set_estimated_int(something, 2);
  cor_row rows[] = {{"SF-OPP-12345", nothing}, {"SF-OPP-12345", something}};
  uint64_t count = 0;
  options.on_result = on_unchanged;
  options.user_data = &count;
  CHECK(cor_client_update_projects(client, rows, 2, &options, &summary, NULL) == COR_OK, "run");
  CHECK(count == 1 && summary.unchanged == 1 && summary.applied == 1 && summary.rejected == 0 && summary.read == 2,
        "unchanged %llu, applied %llu", (unsigned long long)summary.unchanged, (unsigned long long)summary.applied);
  cor_update_free(nothing);
  cor_update_free(something);
}

struct inside {
  cor_client *client;
  int calls;
};

/* Updates a project that the run it belongs to has under way: the run has to go on meanwhile. */
static bool the_same_project(void *user_data, const cor_item_result *item) {
  struct inside *inside = (struct inside *)user_data;
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_row row;
  (void)item;
  if (inside->calls++) return true;
  cor_update *update = cor_update_new("SAP");
  cor_update_set_brief(update, "from within");
  CHECK(cor_client_update_project(inside->client, "P-1", update, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  row.id = "P-2";
  row.update = update;
  CHECK(cor_client_update_projects(inside->client, &row, 1, NULL, &summary, NULL) == COR_OK && summary.applied == 1,
        "a run on a project that is under way");
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  return true;
}

/* Two that wait for each other would do so until the deadline, a minute. tests/c/run gives every program two; the
   sandbox's answers take a fifth of a second, and two seconds where a check has to come before. */
static void runs_that_meet(cor_client *client) {
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_row rows[3];
  cor_bulk *first = NULL, *second = NULL;
  const cor_item_result *item = NULL;
  struct inside inside = {client, 0};
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  for (int i = 0; i < 3; i++) rows[i].update = update;
  rows[0].id = "P-0", rows[1].id = "P-1", rows[2].id = "P-2";
  sandbox_queue("[{\"id\":\"P-1\",\"action\":\"apply\",\"delay_ms\":200},"
                "{\"id\":\"P-2\",\"action\":\"apply\",\"delay_ms\":200}]");
  options.on_result = the_same_project;
  options.user_data = &inside;
  CHECK(cor_client_update_projects(client, rows, 3, &options, &summary, NULL) == COR_OK && summary.applied == 3, "run");

  /* Two runs of one thread, of which the second waits for a project of the first. */
  sandbox_queue("{\"id\":\"P-1\",\"action\":\"apply\",\"delay_ms\":2000}");
  CHECK(cor_bulk_new(client, NULL, &first, NULL) == COR_OK && cor_bulk_new(client, NULL, &second, NULL) == COR_OK, "two");
  cor_bulk_push(first, "P-1", update);
  CHECK(!cor_bulk_wait(first, 0), "under way");
  cor_bulk_push(second, "P-1", update);
  CHECK(cor_bulk_next(second, &item, NULL) == COR_OK && cor_item_result_status(item) == COR_OK, "the second");
  CHECK(cor_bulk_wait(first, 0), "the first was done before, and its result has waited");
  CHECK(cor_bulk_next(first, &item, NULL) == COR_OK && cor_item_result_status(item) == COR_OK, "the first");
  cor_bulk_free(first);
  cor_bulk_free(second);
  cor_update_free(update);
  sandbox_clear();
}

struct pause {
  int ticks, rate_limited;
};

static bool until_paused(void *user_data, const cor_progress *progress) {
  struct pause *pause = (struct pause *)user_data;
  CHECK(progress->total == 3 && (progress->done == 0 || pause->rate_limited), "nothing has finished before the stop");
  pause->ticks++;
  pause->rate_limited += progress->paused == COR_PAUSE_RATE_LIMITED;
  return pause->rate_limited == 0;
}

/* COR takes nothing for ten minutes: progress tells, and can end the wait. */
static void paused(void) {
  static const char too_many[] = "{\"status\":429,\"headers\":{\"retry-after\":\"600\"},\"body\":{},\"times\":3}";
  cor_client *client = sandbox_client();
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_progress progress = COR_PROGRESS_INIT;
  cor_bulk *bulk = NULL;
  const cor_item_result *item = NULL;
  cor_row rows[3];
  struct pause pause = {0, 0};
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  for (int i = 0; i < 3; i++) rows[i].update = update;
  rows[0].id = "P-0", rows[1].id = "P-1", rows[2].id = "P-2";
  sandbox_queue(too_many);
  options.on_progress = until_paused;
  options.user_data = &pause;
  options.tick_ms = 10;
  options.outage_timeout_ms = 3600 * 1000;
  CHECK(cor_client_update_projects(client, rows, 3, &options, &summary, NULL) == COR_ERR_RATE_LIMITED ||
            summary.not_started > 0, "it ended");
  CHECK(pause.rate_limited > 0 && pause.ticks >= pause.rate_limited, "%d ticks", pause.ticks);
  CHECK(cor_client_rate_hint(client) == 0, "nothing was accepted yet");
  CHECK(summary.read == 3 && summary.applied == 0 && summary.failed + summary.not_started == 3, "accounted for");
  cor_client_free(client);

  /* The same, row by row. */
  client = sandbox_client();
  sandbox_clear();
  sandbox_queue(too_many);
  options = (cor_bulk_options)COR_BULK_OPTIONS_INIT;
  options.outage_timeout_ms = 3600 * 1000;
  CHECK(cor_bulk_new(client, &options, &bulk, NULL) == COR_OK, "bulk");
  cor_bulk_push(bulk, "P-1", update);
  for (int i = 0; i < 500 && progress.paused == COR_PAUSE_NONE; i++) {
    CHECK(!cor_bulk_wait(bulk, 10), "no result");
    CHECK(cor_bulk_progress(bulk, &progress) == COR_OK, "progress");
  }
  CHECK(same(cor_pause_name(progress.paused), "rate_limited"), "%d", (int)progress.paused);
  CHECK(cor_bulk_wants_rows(bulk), "before");
  CHECK(cor_bulk_stop(bulk) == COR_OK && !cor_bulk_wants_rows(bulk), "no more rows");
  CHECK(cor_bulk_push(bulk, "P-2", update) == COR_ERR_CANCELLED, "not taken");
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && item && cor_item_result_status(item) != COR_OK, "given up");
  CHECK(cor_bulk_next(bulk, &item, NULL) != COR_ERR_ARGUMENT && item == NULL, "that was all");
  cor_bulk_free(bulk);
  cor_update_free(update);
  cor_client_free(client);
  sandbox_clear();
}

static void one_by_one(cor_client *client) {
  cor_bulk *bulk = NULL;
  cor_error *error = NULL;
  const cor_item_result *item = NULL;
  cor_progress progress = COR_PROGRESS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  struct seen seen = seen_by(client);
  cor_row row;
  int results = 0, applied = 0;
  seen.update = cor_update_new("SAP");
  CHECK(cor_bulk_new(client, NULL, &bulk, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && item == NULL, "nothing to wait for yet");
  do {
    while (cor_bulk_wants_rows(bulk)) {
      if (next_row(&seen, &row)) CHECK(cor_bulk_push(bulk, row.id, row.update) == COR_OK, "push");
      else CHECK(cor_bulk_end_input(bulk) == COR_OK, "end");
    }
    CHECK(cor_bulk_next(bulk, &item, &error) == COR_OK, "%s", cor_error_message(error));
    results += item != NULL;
    applied += item && cor_item_result_status(item) == COR_OK;
  } while (item);
  CHECK(results == ROWS && applied == ROWS, "%d results, %d applied", results, applied);
  CHECK(cor_bulk_progress(bulk, &progress) == COR_OK && progress.done == ROWS, "progress");
  CHECK(cor_bulk_summary(bulk, &summary) == COR_OK && summary.applied == ROWS, "summary");
  CHECK(cor_bulk_push(bulk, "P-1", seen.update) == COR_ERR_ARGUMENT, "the input was ended");
  CHECK(cor_bulk_wait(bulk, 60000), "there is nothing to wait for");
  cor_bulk_free(bulk);
  /* An id of a stated size is used whole: what is behind its NUL could make it another project's. */
  CHECK(cor_bulk_new(client, NULL, &bulk, NULL) == COR_OK, "again");
  CHECK(cor_bulk_push_n(bulk, "P-1\0x", 5, seen.update) == COR_OK, "push");
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && cor_item_result_status(item) == COR_ERR_INVALID, "a NUL in an id");
  CHECK(cor_bulk_push_n(bulk, "P-12", 3, seen.update) == COR_OK, "push");
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && same(cor_item_result_id(item), "P-1"), "a part of a text");
  CHECK(cor_bulk_push_n(bulk, NULL, 5, seen.update) == COR_OK, "push");
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && cor_item_result_status(item) == COR_ERR_INVALID, "no id");
  cor_bulk_free(bulk);
  /* Breaking off in the middle leaves nothing behind. */
  CHECK(cor_bulk_new(client, NULL, &bulk, NULL) == COR_OK, "again");
  for (seen.next = 0; seen.next < 20 && next_row(&seen, &row);) cor_bulk_push(bulk, row.id, row.update);
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && item, "a result");
  CHECK(cor_bulk_stop(bulk) == COR_OK, "stop");
  cor_bulk_free(bulk);
  cor_update_free(seen.update);
}

/* What every row would meet ends the run, and its rows are accounted for all the same. */
static void not_authorised(void) {
  cor_config *config = cor_config_new();
  cor_client *client = NULL;
  cor_error *error = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_config_set_base_url(config, sandbox_url());
  cor_config_set_token(config, "wrong");
  CHECK(cor_client_new(config, &client, NULL) == COR_OK, "client");
  struct seen seen = seen_by(client);
  seen.update = cor_update_new("SAP");
  options.on_result = on_result;
  options.user_data = &seen;
  CHECK(cor_client_update_projects_from(client, next_row, &options, &summary, &error) == COR_ERR_AUTH, "halted");
  CHECK(cor_error_kind(error) == COR_ERR_AUTH && summary.applied == 0 && summary.read == seen.results, "%s",
        cor_error_message(error));
  cor_error_free(error);
  cor_update_free(seen.update);
  cor_client_free(client);
  cor_config_free(config);
}

int main(void) {
  sandbox_clear();
  cor_client *client = sandbox_client();
  from_an_array(client);
  from_a_function(client);
  one_by_one(client);
  unchanged(client);
  not_authorised();
  runs_that_meet(client);
  paused();
  cor_client_free(client);
  return finished();
}
