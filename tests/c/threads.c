/* One client for 32 threads; freed while calls run; and what a fork leaves behind. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 32, CALLS = 40 };
#ifdef SANITIZED /* sanitizers have handlers of their own */
#define NO_SIGNAL_CHECK 1
#else
#define NO_SIGNAL_CHECK 0
#endif

static cor_client *client;
static int cancelled;

static void *many_calls(void *argument) {
  long thread = (long)argument;
  for (int i = 0; i < CALLS; i++) {
    char id[32];
    cor_project *project = NULL;
    cor_error *error = NULL;
    snprintf(id, sizeof id, "P-%ld", (thread * 7 + i) % 100);
    cor_update *update = cor_update_new("SAP");
    cor_update_set_name(update, id);
    CHECK(cor_client_update_project(client, id, update, &project, &error) == COR_OK, "%s", cor_error_message(error));
    CHECK(same(cor_project_name(project), id), "each thread has its own answer");
    cor_error_free(error);
    cor_project_free(project);
    cor_update_free(update);
  }
  if (thread % 8 == 0) {
    cor_row row;
    cor_summary summary = COR_SUMMARY_INIT;
    cor_update *update = cor_update_new("SAP");
    cor_update_set_name(update, "N");
    row.id = "P-1";
    row.update = update;
    CHECK(cor_client_update_projects(client, &row, 1, NULL, &summary, NULL) == COR_OK && summary.applied == 1, "run");
    cor_update_free(update);
  }
  return NULL;
}

static void *slow_call(void *argument) {
  char id[32];
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  snprintf(id, sizeof id, "P-%ld", 100 + (long)argument);
  cor_status status;
  if ((long)argument % 2) {
    status = cor_client_update_project(client, id, update, &project, &error);
  } else {
    cor_row row;
    row.id = id;
    row.update = update;
    status = cor_client_update_projects(client, &row, 1, NULL, NULL, &error);
  }
  CHECK(status == COR_ERR_CANCELLED && cor_error_outcome(error) == COR_OUTCOME_UNKNOWN, "%s",
        error ? cor_error_message(error) : "it succeeded");
  if (status == COR_ERR_CANCELLED) __atomic_add_fetch(&cancelled, 1, __ATOMIC_RELAXED);
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  return NULL;
}

static void start(pthread_t *threads, int count, void *(*run)(void *)) {
  for (long i = 0; i < count; i++) pthread_create(&threads[i], NULL, run, (void *)i);
}

static void join(pthread_t *threads, int count) {
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void shared(void) {
  pthread_t threads[THREADS];
  client = sandbox_client();
  start(threads, THREADS, many_calls);
  join(threads, THREADS);
  CHECK(cor_client_free(client) == COR_OK, "free");
}

static cor_update *template;
static cor_project *answer;

/* What never changes, or is not changed meanwhile, may be read by all. */
static void *many_readers(void *argument) {
  static const char *const names[] = {"id", "name", "status", "start", "end", "estimated", "company_id", "brief"};
  long thread = (long)argument;
  char id[32];
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_row rows[2];
  cor_summary summary = COR_SUMMARY_INIT;
  snprintf(id, sizeof id, "P-%ld", 200 + thread);
  CHECK(cor_client_update_project(client, id, template, &project, &error) == COR_OK, "%s", cor_error_message(error));
  rows[0].id = id, rows[1].id = "P-250";
  rows[0].update = rows[1].update = template;
  CHECK(cor_client_update_projects(client, rows, 2, NULL, &summary, NULL) == COR_OK && summary.applied == 2, "run");
  for (int i = 0; i < 200; i++) {
    const char *name = names[(i + thread) % 8];
    CHECK(cor_project_get_json(answer, name) != NULL, "%s", name);
    CHECK(same(cor_project_name(answer), "template"), "name");
    CHECK(strstr(cor_project_json(answer), "template") != NULL, "json");
    CHECK(strstr(cor_update_json(template), "template") != NULL, "body");
  }
  cor_update *copy = cor_update_clone(template);
  CHECK(cor_update_set_brief(copy, "mine") == COR_OK, "a clone is another update");
  cor_update_free(copy);
  cor_error_free(error);
  cor_project_free(project);
  return NULL;
}

static void read_by_many(void) {
  pthread_t threads[THREADS];
  client = sandbox_client();
  template = cor_update_new("SALESFORCE");
  cor_update_set_name(template, "template");
  cor_update_set_brief(template, "b");
  cor_update_set_start(template, "2025-01-01");
  cor_update_set_end(template, "2025-12-31");
  cor_update_set_estimated_int(template, 1);
  cor_update_set_status(template, "active");
  CHECK(cor_client_update_project(client, "SF-OPP-12345", template, &answer, NULL) == COR_OK, "answer");
  cor_update_free(template);
  template = cor_update_new("SAP");
  cor_update_set_name(template, "template");
  start(threads, THREADS, many_readers);
  join(threads, THREADS);
  CHECK(!strstr(cor_update_json(template), "mine"), "nobody changed it");
  cor_update_free(template);
  cor_project_free(answer);
  cor_client_free(client);
}

static cor_bulk *run;
static void *wait_for_results(void *argument) {
  const cor_item_result *item = NULL;
  int started = 0;
  (void)argument;
  do {
    CHECK(cor_bulk_next(run, &item, NULL) == COR_OK, "next");
    started += item && cor_item_result_started(item);
  } while (item);
  return (void *)(long)started;
}

/* A button of a program, while the work waits. */
static void stopped_from_elsewhere(void) {
  pthread_t worker;
  void *started;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_update *update = cor_update_new("SAP");
  client = sandbox_client();
  cor_update_set_name(update, "N");
  sandbox_clear();
  sandbox_queue("{\"action\":\"apply\",\"delay_ms\":2000}");
  options.concurrency = 1;
  CHECK(cor_bulk_new(client, &options, &run, NULL) == COR_OK, "bulk");
  for (int i = 0; i < 20; i++) CHECK(cor_bulk_push(run, i ? "P-1" : "P-0", update) == COR_OK, "push");
  pthread_create(&worker, NULL, wait_for_results, NULL);
  sandbox_wait(1);
  CHECK(cor_bulk_stop(run) == COR_OK, "stop");
  pthread_join(worker, &started);
  CHECK(cor_bulk_summary(run, &summary) == COR_OK && summary.read == 20 && summary.not_started == 19, "%d not started",
        (int)summary.not_started);
  CHECK((long)started == 1, "the one under way finished");
  cor_bulk_free(run);
  cor_update_free(update);
  cor_client_free(client);
  sandbox_clear();
}

static void *wait_for_freed(void *argument) {
  const cor_item_result *item = NULL;
  cor_error *error = NULL;
  (void)argument;
  CHECK(cor_bulk_next(run, &item, &error) == COR_ERR_CANCELLED && !item, "no result that ends at once");
  CHECK(error && strstr(cor_error_message(error), "\"P-0\": applied") && cor_error_outcome(error) == COR_OUTCOME_APPLIED,
        "%s", error ? cor_error_message(error) : "no error");
  cor_error_free(error);
  return NULL;
}

/* A run is freed while another thread waits for a row: that thread learns what became of the row. */
static void freed_from_elsewhere(void) {
  pthread_t worker;
  cor_update *update = cor_update_new("SAP");
  client = sandbox_client();
  cor_update_set_name(update, "N");
  sandbox_clear();
  /* Longer than the two steps in front of cor_bulk_free() take on any machine. */
  sandbox_queue("{\"action\":\"apply\",\"delay_ms\":3000}");
  CHECK(cor_bulk_new(client, NULL, &run, NULL) == COR_OK, "bulk");
  CHECK(cor_bulk_push(run, "P-0", update) == COR_OK, "push");
  pthread_create(&worker, NULL, wait_for_freed, NULL);
  sandbox_wait(1);
  CHECK(cor_bulk_free(run) == COR_OK, "free");
  pthread_join(worker, NULL);
  cor_update_free(update);
  cor_client_free(client);
  sandbox_clear();
}

static void freed_under_way(void) {
  pthread_t threads[8];
  client = sandbox_client();
  sandbox_clear();
  sandbox_queue("{\"action\":\"apply\",\"delay_ms\":20000,\"times\":8}");
  start(threads, 8, slow_call);
  sandbox_wait(8);
  CHECK(cor_client_free(client) == COR_OK, "free");
  join(threads, 8);
  CHECK(cancelled == 8, "%d were cancelled", cancelled);
  sandbox_clear();
}

#ifndef NO_FORK
static int one_call(cor_client *with, const char *id) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, id);
  cor_status status = cor_client_update_project(with, id, update, &project, &error);
  int good = status == COR_OK && same(cor_project_name(project), id);
  if (!good) fprintf(stderr, "%d: %s\n", (int)getpid(), cor_error_message(error));
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  return good;
}

/* Runs in the child, which must neither hang nor disturb its parent. Returns its exit status. */
static int in_child(int depth, cor_bulk *bulk) {
  const cor_item_result *item = NULL;
  alarm(20);
  int good = one_call(client, "P-2") && one_call(client, "P-3");
  good &= cor_bulk_next(bulk, &item, NULL) == COR_ERR_ARGUMENT && item == NULL;
  if (depth > 0) {
    pid_t child = fork();
    int status = 1;
    if (child == 0) _exit(in_child(depth - 1, bulk));
    good &= waitpid(child, &status, 0) == child && status == 0;
    good &= one_call(client, "P-4");
  }
  good &= cor_bulk_free(bulk) == COR_OK && cor_client_free(client) == COR_OK;
  good &= cor_client_free(client) == COR_ERR_ARGUMENT;
  return good ? 0 : 1;
}

static volatile int busy;
static void *keep_busy(void *argument) {
  (void)argument;
  while (busy) one_call(client, "P-5");
  return NULL;
}

static pid_t forked_off = -1;

static bool fork_once(void *user_data, const cor_project *project) {
  ++*(int *)user_data;
  if (forked_off < 0) forked_off = fork();
  return project != NULL;
}

/* A list whose callback forks: the parent reads it to its end, and the child, whose connections are the parent's, does not go on. */
static void forked_in_a_callback(void) {
  cor_client *client = sandbox_client();
  cor_read_options options = COR_READ_OPTIONS_INIT;
  int projects = 0, child = 1;
  options.per_page = 10;
  cor_status status = cor_client_list_projects(client, NULL, &options, fork_once, &projects, NULL, NULL);
  if (forked_off == 0) _exit(status == COR_ERR_ARGUMENT && projects == 10 && one_call(client, "P-5") ? 0 : 1);
  CHECK(waitpid(forked_off, &child, 0) == forked_off && child == 0, "the child ended with status %#x", child);
  CHECK(status == COR_OK && projects >= 500, "the parent's list: %d, %d projects", status, projects);
  cor_client_free(client);
}

static void forked(void) {
  pthread_t threads[4];
  cor_bulk *bulk = NULL;
  client = sandbox_client();
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  CHECK(one_call(client, "P-1"), "before");
  CHECK(cor_bulk_new(client, NULL, &bulk, NULL) == COR_OK && cor_bulk_push(bulk, "P-6", update) == COR_OK, "a run");
  busy = 1;
  /* Other threads are in the middle of everything when the process forks. The address sanitizer's own allocator may be locked
     for ever in the child then, so there the process is alone. */
#ifdef __SANITIZE_ADDRESS__
  const int others = 0;
#else
  const int others = 4;
#endif
  start(threads, others, keep_busy);
  for (int i = 0; i < 20; i++) {
    int status = -1;
    pid_t child = fork();
    CHECK(child >= 0, "fork %d: %s", i, strerror(errno));
    if (child == 0) _exit(in_child(i % 4 == 0, bulk));
    const pid_t ended = waitpid(child, &status, 0);
    CHECK(ended == child, "child %d: waitpid: %s", i, strerror(errno));
    CHECK(status == 0, "child %d ended with status %#x", i, status);
    CHECK(one_call(client, "P-1"), "the parent goes on");
  }
  busy = 0;
  join(threads, others);
  const cor_item_result *item = NULL;
  CHECK(cor_bulk_next(bulk, &item, NULL) == COR_OK && cor_item_result_status(item) == COR_OK, "the parent's run too");
  cor_bulk_free(bulk);
  cor_update_free(update);
  cor_client_free(client);
}
#endif

/* The program's signals stay as they are. */
static void signals(void) {
  for (int number = 1; number < 32; number++) {
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0)
      CHECK(now.sa_handler == SIG_DFL || NO_SIGNAL_CHECK, "a handler for signal %d", number);
  }
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  CHECK(sigismember(&blocked, SIGPIPE) == 0, "SIGPIPE stays unblocked");
}

int main(void) {
  shared();
  read_by_many();
  stopped_from_elsewhere();
  freed_from_elsewhere();
  freed_under_way();
#ifndef NO_FORK
  forked();
  forked_in_a_callback();
#endif
  signals();
  return finished();
}
