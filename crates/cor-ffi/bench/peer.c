/* The C library as one more peer of a comparison of HTTP clients: N partial updates, C at a time.
 *
 *   peer --url http://127.0.0.1:PORT --n 20000 --c 32 [--ca FILE] [--lat]    one line of JSON about the run
 *   peer --calls 10000000                                                    what one call across the boundary costs
 *
 * The same job as every other peer's: make the row, check it, send it, check the answer's types and its name. */
#include <projectcor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TOKEN "bench-token-0123456789abcdef"

static uint64_t n = 1000, next_row, errors, calls;
static uint32_t c = 1;
static cor_update *update;

/* A row as it would come out of a table: raw text and numbers. */
struct row {
  char id[32], name[96], end[12];
  const char *start, *status, *income_type;
  double hours, money;
};

static void row_name(uint64_t i, char *out, size_t size) {
  snprintf(out, size, i % 16 ? "Website Redesign Project - Phase %llu" : "Überarbeitung Website – Phase %llu",
           (unsigned long long)i);
}

static void row_of(uint64_t i, struct row *r) {
  static const char *const status[] = {"in_progress", "finished", "suspended"};
  static const char *const income[] = {"fee", "one_time", "contract"};
  snprintf(r->id, sizeof r->id, "006Dn%010llu", (unsigned long long)i);
  row_name(i, r->name, sizeof r->name);
  snprintf(r->end, sizeof r->end, "2025-%02u-%02u", (unsigned)(4 + i % 9), (unsigned)(1 + i % 28));
  r->start = i % 4 == 0 ? "2025-01-15" : NULL;
  r->income_type = i % 4 == 1 ? income[i / 4 % 3] : NULL;
  r->status = status[i % 3];
  r->hours = 100.0 + (double)(i % 400) * 0.5;
  r->money = 10000.0 + (double)(i % 10000) * 0.25;
}

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

static double cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long rss_kb(void) {
  char line[256];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
  if (f) fclose(f);
  return kb;
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
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
  const char *url = "", *ca = NULL;
  int lat = 0;
  for (int i = 1; i < argc; i++) {
    const char *k = argv[i];
    if (!strcmp(k, "--lat")) lat = 1;
    else if (i + 1 >= argc) return 2;
    else if (!strcmp(k, "--url")) url = argv[++i];
    else if (!strcmp(k, "--n")) n = strtoull(argv[++i], NULL, 10);
    else if (!strcmp(k, "--c")) c = (uint32_t)atoi(argv[++i]);
    else if (!strcmp(k, "--ca")) ca = argv[++i];
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
  if (ca) cor_config_set_ca_file(config, ca);
  double cpu = cpu_s();
  uint64_t begun = now_ns(), *took = lat ? malloc(n * sizeof *took) : NULL;
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
  double wall = (double)(now_ns() - begun) * 1e-9, end = cpu_s();
  char p50[32] = "null", p99[32] = "null";
  if (lat && n) {
    qsort(took, n, sizeof *took, by_value);
    snprintf(p50, sizeof p50, "%.1f", (double)took[n / 2] / 1e3);
    snprintf(p99, sizeof p99, "%.1f", (double)took[n * 99 / 100] / 1e3);
  }
  printf("{\"updates\":%llu,\"wall_s\":%.6f,\"cpu_s\":%.6f,\"cpu_total_s\":%.6f,\"max_rss_kb\":%ld,"
         "\"errors\":%llu,\"p50_us\":%s,\"p99_us\":%s}\n",
         (unsigned long long)n, wall, end - cpu, end, rss_kb(), (unsigned long long)errors, p50, p99);
  free(took);
  cor_error_free(error);
  cor_update_free(update);
  cor_config_free(config);
  cor_client_free(client);
  return 0;
}
