/* Many updates with progress: lines of "ID,HOURS" from standard input, as they come.
 *
 *   cc update_many.c $(pkg-config --cflags --libs projectcor) && ./a.out SAP <hours.csv */
#include <projectcor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
  const char *source;
  cor_update *update; /* used again for each row: rows are copied */
  char line[512];
};

/* The next row, read only when there is room for it: a million rows need no array. */
static bool next_row(void *user_data, cor_row *row) {
  struct job *job = user_data;
  if (!fgets(job->line, sizeof job->line, stdin)) return false;
  job->line[strcspn(job->line, "\r\n")] = '\0';
  char *comma = strchr(job->line, ',');
  if (comma) *comma = '\0';
  cor_update_reset(job->update, job->source);
  /* A cell that is no number makes this row fail, and no other. */
  cor_update_set_cell(job->update, "estimated_time", comma ? comma + 1 : "");
  row->id = job->line;
  row->update = job->update;
  return true;
}

static bool show(void *user_data, const cor_item_result *item) {
  (void)user_data;
  const cor_error *error = cor_item_result_error(item); /* NULL: this one worked */
  if (error) fprintf(stderr, "\rrow %llu: %s\n", (unsigned long long)cor_item_result_index(item) + 1, cor_error_message(error));
  return true; /* false: start nothing new */
}

static bool progress(void *user_data, const cor_progress *now) {
  (void)user_data;
  if (now->done % 100 == 0) fprintf(stderr, "\r%llu done", (unsigned long long)now->done);
  return now->failed < 100; /* so many failures are not the rows' fault */
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s SOURCE <ID,HOURS lines\n", argv[0]);
    return 2;
  }
  cor_client *client = NULL;
  cor_error *error = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  struct job job = {argv[1], cor_update_new(argv[1]), ""};
  options.user_data = &job;
  options.on_result = show;
  options.on_progress = progress;

  cor_status status = cor_client_from_env(&client, &error);
  if (status == COR_OK) status = cor_client_update_projects_from(client, next_row, &options, &summary, &error);
  if (status != COR_OK) fprintf(stderr, "\r%s\n", cor_error_message(error));
  printf("%llu read, %llu applied, %llu rejected, %llu failed, %llu not started\n", (unsigned long long)summary.read,
         (unsigned long long)summary.applied, (unsigned long long)summary.rejected, (unsigned long long)summary.failed,
         (unsigned long long)summary.not_started);

  cor_error_free(error);
  cor_update_free(job.update);
  cor_client_free(client);
  return status == COR_OK && summary.applied == summary.read ? EXIT_SUCCESS : EXIT_FAILURE;
}
