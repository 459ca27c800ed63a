/* What a library must not do to its program: read its environment, keep descriptors or threads, be upset by its signals
 * or by small stacks. */
#define _GNU_SOURCE
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;
static volatile int watching;
static char read_names[4096];

/* Stands in for the C library's, so that every look at the environment is seen. */
char *getenv(const char *name) {
  size_t size = strlen(name);
  /* The event loop's own switch, of which the header speaks. */
  if (watching && strcmp(name, "TOKIO_UNSTABLE_SHARDED_BLOCKING_QUEUE") != 0)
    strncat(strcat(read_names, " "), name, sizeof read_names - strlen(read_names) - 2);
  for (char **entry = environ; *entry; entry++)
    if (strncmp(*entry, name, size) == 0 && (*entry)[size] == '=') return *entry + size + 1;
  return NULL;
}

static cor_client *client_at(const char *url) {
  cor_client *client = NULL;
  cor_error *error = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, url);
  cor_config_set_token(config, "sandbox-token");
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  cor_error_free(error);
  cor_config_free(config);
  return client;
}

/* Some of everything. */
static void work(cor_client *client) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_row rows[50];
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  CHECK(cor_client_update_project(client, "P-1", update, &project, &error) == COR_OK, "%s", cor_error_message(error));
  for (size_t i = 0; i < 50; i++) {
    rows[i].id = i % 2 ? "P-2" : "P-3";
    rows[i].update = update;
  }
  CHECK(cor_client_update_projects(client, rows, 50, NULL, &summary, NULL) == COR_OK && summary.applied == 50, "run");
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
}

static void environment(void) {
  char by_name[64];
  snprintf(by_name, sizeof by_name, "http://localhost:%s", strrchr(sandbox_url(), ':') + 1);
  setenv("COR_BASE_URL", "http://127.0.0.1:1", 1);
  setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
  setenv("COR_ACCESS_TOKEN", "wrong", 1);
  watching = 1;
  cor_client *client = client_at(by_name);
  work(client);
  cor_client_free(client);
  watching = 0;
  CHECK(!*read_names, "the environment was read:%s", read_names);
  cor_config *config = cor_config_new();
  watching = 1;
  cor_config_read_environment(config);
  watching = 0;
  CHECK(strstr(read_names, "COR_ACCESS_TOKEN"), "this test sees who reads the environment");
  cor_config_free(config);
}

static int entries(const char *path) {
  int count = 0;
  DIR *directory = opendir(path);
  if (!directory) return -1;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* How many descriptors the first client may leave to the process: none of the library that ships (tests/c/run sets it).
 * Built with the features of the whole workspace, it has the pair with which tokio waits for signals. */
static int shared_descriptors(void) {
  const char *most = getenv("PROJECTCOR_SHARED_DESCRIPTORS");
  return most ? atoi(most) : 2;
}

static void descriptors_and_threads(void) {
  int first = entries("/proc/self/fd"), before = first, threads = entries("/proc/self/task");
  int inherited[64];
  if (before < 0) return;
  for (int fd = 3; fd < 64; fd++) inherited[fd] = fcntl(fd, F_GETFD) >= 0;
  for (int i = 0; i < 20; i++) {
    cor_client *client = client_at(sandbox_url());
    work(client);
    if (i == 0) {
      CHECK(entries("/proc/self/task") == threads, "no thread of its own");
      for (int fd = 3; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        CHECK(inherited[fd] || flags < 0 || flags & FD_CLOEXEC, "descriptor %d goes to every program that is started", fd);
      }
    }
    cor_client_free(client);
    if (i == 0) before = entries("/proc/self/fd");
  }
  CHECK(before <= first + shared_descriptors(), "%d descriptors, %d after a client", first, before);
  CHECK(entries("/proc/self/fd") == before, "%d descriptors, then %d", before, entries("/proc/self/fd"));
}

static volatile sig_atomic_t interrupted;
static void on_alarm(int signal) { (void)signal, interrupted++; }

/* System calls that are interrupted all the time. */
static void interrupts(void) {
  struct sigaction action, before;
  struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm; /* without SA_RESTART */
  sigaction(SIGALRM, &action, &before);
  cor_client *client = sandbox_client();
  sandbox_queue("{\"action\":\"apply\",\"delay_ms\":20,\"times\":20}");
  setitimer(ITIMER_REAL, &often, NULL);
  work(client);
  setitimer(ITIMER_REAL, &never, NULL);
  sigaction(SIGALRM, &before, NULL);
  CHECK(interrupted > 20, "%d interrupts", (int)interrupted);
  cor_client_free(client);
}

static void *on_a_small_stack(void *client) { return work((cor_client *)client), NULL; }

static void small_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  cor_client *client = sandbox_client();
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 96 * 1024);
  CHECK(pthread_create(&thread, &attributes, on_a_small_stack, client) == 0, "thread");
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  cor_client_free(client);
}

int main(void) {
  sandbox_url(); /* reads the environment */
  sandbox_clear();
  descriptors_and_threads();
  interrupts();
  small_stack();
  environment();
  return finished();
}
