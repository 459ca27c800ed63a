/* One update against a peer that misbehaves; tests/c/test_faults.py says which, and judges what is printed.
 *
 *   faults URL CA_FILE MAX_ATTEMPTS CONNECT_MS ATTEMPT_MS DEADLINE_MS AFTER PAUSE_MS BRIEF_BYTES TRANSPORT
 *
 * The token comes from COR_FAULT_TOKEN; CA_FILE may be "-". AFTER updates that succeed come first, then a pause. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *shown(const char *text) { return text ? text : ""; }

int main(int count, char **arguments) {
  cor_config *config = cor_config_new();
  cor_update *update = cor_update_new("SALESFORCE");
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_status status = COR_OK;
  long i, after, pause_ms, brief;
  double begun;
  if (count != 11) return fputs("usage: see the top of faults.c\n", stderr), 2;
  after = atol(arguments[7]);
  pause_ms = atol(arguments[8]);
  brief = atol(arguments[9]);
  (void)cor_config_set_token(config, getenv("COR_FAULT_TOKEN"));
  (void)cor_config_set_base_url(config, arguments[1]);
  if (strcmp(arguments[2], "-")) (void)cor_config_set_ca_file(config, arguments[2]);
  (void)cor_config_set_transport(config, arguments[10]);
  (void)cor_config_set_max_attempts(config, (uint32_t)atol(arguments[3]));
  (void)cor_config_set_connect_timeout_ms(config, atol(arguments[4]));
  (void)cor_config_set_attempt_timeout_ms(config, atol(arguments[5]));
  (void)cor_config_set_deadline_ms(config, atol(arguments[6]));
  (void)cor_config_set_backoff_base_ms(config, 1);
  (void)cor_config_set_backoff_cap_ms(config, 1);
  (void)cor_update_set_name(update, "N");
  if (brief) {
    char *text = (char *)malloc((size_t)brief);
    memset(text, 'b', (size_t)brief);
    (void)cor_update_set_brief_n(update, text, (size_t)brief);
    free(text);
  }
  if (cor_client_new(config, &client, &error) != COR_OK) return fputs(cor_error_message(error), stderr), 2;
  for (i = 0; i < after; i++) {
    status = cor_client_update_project(client, "F-1", update, &project, NULL);
    (void)cor_project_free(project);
  }
  if (pause_ms) {
    struct timespec wait = {pause_ms / 1000, pause_ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
  }
  begun = now();
  status = cor_client_update_project(client, "F-1", update, &project, &error);
  printf("%.6f\t%s\t%s\t%d\t%s\t%u\t%lld\t%lld\n%s\n%s\n", now() - begun, cor_status_name(status),
         error ? cor_outcome_name(cor_error_outcome(error)) : "applied", (int)(error ? cor_error_status(error) : 0),
         error ? shown(cor_error_code(error)) : "", (unsigned)(error ? cor_error_attempts(error) : 0),
         (long long)(error ? cor_error_retry_after_ms(error) : -1), (long long)(project ? 1 : 0),
         error ? cor_error_message(error) : shown(cor_project_json(project)), error ? shown(cor_error_body(error)) : "");
  (void)cor_project_free(project);
  (void)cor_error_free(error);
  (void)cor_update_free(update);
  (void)cor_config_free(config);
  (void)cor_client_free(client);
  return cor_handles_in_use() != 0;
}
