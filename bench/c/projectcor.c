/* The C library at the job.
 *
 *   projectcor --url URL --n N --c C [--ca FILE] [--mode direct|reqwest] [--lat]
 *   projectcor --calls N    what one call across the boundary costs, in nanoseconds */
#include "job.h"
#include <projectcor.h>

static uint64_t n = 1000, next_row, errors, calls;
static uint32_t c = 1;
static cor_update *update;

static void fill(const struct row *r) {
  cor_update_reset(update, "SALESFORCE");
  cor_update_set_name(update, r->name);
  if (r->start) cor_update_set_start(update, r->start);
  cor_update_set_end(update, r->end);
  cor_update_set_estimated_time_double(update, r->hours);
  cor_update_set_status(update, r->status);
  cor_update_set_estimated_double(update, r->money);
  if (r->income_type) cor_update_set_income_type(update, r->income_type);
}

static bool on_next(void *user_data, cor_row *row) {
  static struct row r;
  (void)user_data;
  if (next_row >= n) return false;
  row_of(next_row++, &r);
  fill(&r);
  row->id = r.id;
  row->update = update;
  return true;
}

static int good(const cor_project *project, uint64_t i) {
  char name[96];
  int64_t id = 0;
  const char *got = cor_project_name(project);
  row_name(i, name, sizeof name);
  return cor_project_id(project, &id) && id > 0 && got && strcmp(got, name) == 0;
}

static bool on_result(void *user_data, const cor_item_result *item) {
  (void)user_data;
  if (!good(cor_item_result_project(item), cor_item_result_index(item))) errors++;
  return true;
}

static int measure_calls(void) {
  uint64_t t = now_ns(), sum = 0;
  for (uint64_t i = 0; i < calls; i++) sum += cor_version_number();
  double plain = (double)(now_ns() - t) / (double)calls;
  t = now_ns();
  for (uint64_t i = 0; i < calls; i++) sum += (uint64_t)cor_update_set_billable(update, true);
  double set = (double)(now_ns() - t) / (double)calls;
  t = now_ns();
  for (uint64_t i = 0; i < calls; i++) sum += (uint64_t)cor_update_set_status(update, "in_progress");
  double text = (double)(now_ns() - t) / (double)calls;
  t = now_ns();
  for (uint64_t i = 0; i < calls; i++) cor_config_free(cor_config_new());
  double handle = (double)(now_ns() - t) / (double)calls;
  printf("{\"calls\":%llu,\"plain_ns\":%.1f,\"set_flag_ns\":%.1f,\"set_text_ns\":%.1f,\"new_and_free_ns\":%.1f,\"x\":%d}\n",
         (unsigned long long)calls, plain, set, text, handle, sum == 1);
  return 0;
}

int main(int argc, char **argv) {
  const char *url = "", *ca = NULL, *mode = "direct";
  bool lat = false;
  for (int i = 1; i < argc; i++) {
    const char *k = argv[i];
    if (!strcmp(k, "--lat")) lat = true;
    else if (i + 1 >= argc) return 2;
    else if (!strcmp(k, "--url")) url = argv[++i];
    else if (!strcmp(k, "--n")) n = strtoull(argv[++i], NULL, 10);
    else if (!strcmp(k, "--c")) c = (uint32_t)atoi(argv[++i]);
    else if (!strcmp(k, "--ca")) ca = argv[++i];
    else if (!strcmp(k, "--mode")) mode = argv[++i];
    else if (!strcmp(k, "--calls")) calls = strtoull(argv[++i], NULL, 10);
    else return 2;
  }
  update = cor_update_new("SALESFORCE");
  if (calls) return measure_calls();

  cor_error *error = NULL;
  cor_client *client = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, url);
  cor_config_set_token(config, TOKEN);
  cor_config_set_concurrency(config, c);
  cor_config_set_transport(config, mode);
  if (ca) cor_config_set_ca_file(config, ca);
  struct clock clock = clock_start();
  uint64_t *took = lat ? malloc(n * sizeof *took) : NULL;
  if (cor_client_new(config, &client, &error) != COR_OK) {
    fprintf(stderr, "%s\n", cor_error_message(error));
    return 1;
  }
  if (lat) {
    for (uint64_t i = 0; i < n; i++) {
      struct row r;
      cor_project *project = NULL;
      uint64_t t = now_ns();
      row_of(i, &r);
      fill(&r);
      if (cor_client_update_project(client, r.id, update, &project, NULL) != COR_OK || !good(project, i)) errors++;
      cor_project_free(project);
      took[i] = now_ns() - t;
    }
  } else {
    cor_bulk_options options = COR_BULK_OPTIONS_INIT;
    options.on_result = on_result;
    if (cor_client_update_projects_from(client, on_next, &options, NULL, &error) != COR_OK)
      fprintf(stderr, "%s\n", cor_error_message(error));
  }
  clock_report(&clock, n, errors, took);
  free(took);
  cor_error_free(error);
  cor_update_free(update);
  cor_config_free(config);
  cor_client_free(client);
  return 0;
}
