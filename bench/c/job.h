/* The job of the C clients: the rows, and the line of JSON that each prints at its end. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TOKEN "bench-token-0123456789abcdef"

/* A row as it would come out of a table: raw text and numbers. */
struct row {
  char id[32], name[96], end[12];
  const char *start, *status, *income_type;
  double hours, money;
};

static inline void row_name(uint64_t i, char *out, size_t size) {
  snprintf(out, size, i % 16 ? "Website Redesign Project - Phase %llu" : "Überarbeitung Website – Phase %llu",
           (unsigned long long)i);
}

static inline void row_of(uint64_t i, struct row *r) {
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

static inline double cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline long rss_kb(void) {
  char line[256];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
  if (f) fclose(f);
  return kb;
}

struct clock {
  double cpu;
  uint64_t wall;
};

static inline struct clock clock_start(void) {
  return (struct clock){cpu_s(), now_ns()};
}

static inline int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* `latencies`: one for each update in nanoseconds, or NULL. */
static inline void clock_report(const struct clock *clock, uint64_t n, uint64_t errors, uint64_t *latencies) {
  double wall = (double)(now_ns() - clock->wall) * 1e-9, cpu = cpu_s();
  char p50[32] = "null", p99[32] = "null";
  if (latencies && n) {
    qsort(latencies, n, sizeof *latencies, by_value);
    snprintf(p50, sizeof p50, "%.1f", (double)latencies[n / 2] / 1e3);
    snprintf(p99, sizeof p99, "%.1f", (double)latencies[n * 99 / 100] / 1e3);
  }
  printf("{\"updates\":%llu,\"wall_s\":%.6f,\"cpu_s\":%.6f,\"cpu_total_s\":%.6f,\"max_rss_kb\":%ld,"
         "\"errors\":%llu,\"p50_us\":%s,\"p99_us\":%s}\n",
         (unsigned long long)n, wall, cpu - clock->cpu, cpu, rss_kb(), (unsigned long long)errors, p50, p99);
}
