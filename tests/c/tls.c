/* A server whose certificate a private authority signed: tls https://127.0.0.1:PORT CA.pem, in front of the sandbox. */
#define _GNU_SOURCE
#include "support.h"

#include <pthread.h>

static const char *url, *ca_file;

/* One update and a run of it; the status of the update. */
static cor_status call(const char *address, const char *authorities, cor_error **error) {
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_summary summary = COR_SUMMARY_INIT;
  cor_row row;
  cor_config *config = cor_config_new();
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "over TLS");
  cor_config_set_base_url(config, address);
  cor_config_set_token(config, "sandbox-token");
  cor_config_set_max_attempts(config, 1);
  if (authorities) cor_config_set_ca_file(config, authorities);
  cor_status status = cor_client_new(config, &client, error);
  if (status == COR_OK) {
    row.id = "P-1";
    row.update = update;
    status = cor_client_update_projects(client, &row, 1, NULL, &summary, NULL);
    CHECK(status == COR_OK ? summary.applied == 1 : summary.failed == 1, "status %d", (int)status);
    CHECK(cor_client_update_project(client, "P-1", update, &project, error) == status, "run and call agree");
    if (status == COR_OK) CHECK(same(cor_project_name(project), "over TLS"), "%s", cor_project_name(project));
  }
  cor_project_free(project);
  cor_client_free(client);
  cor_update_free(update);
  cor_config_free(config);
  return status;
}

static void *trusted(void *argument) {
  cor_error *error = NULL;
  (void)argument;
  CHECK(call(url, ca_file, &error) == COR_OK, "%s", cor_error_message(error));
  cor_error_free(error);
  return NULL;
}

/* Errors name options by the functions that set them. */
static void advice(void) {
  cor_error *error = NULL;
  cor_client *client = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_token(config, "t");
  cor_config_set_client_cert(config, "cert.pem");
  CHECK(cor_client_new(config, &client, &error) == COR_ERR_CONFIG, "without its key");
  CHECK(same(cor_error_message(error),
             "could not set up the client: client_cert is set without client_key; call cor_config_set_client_cert() and "
             "cor_config_set_client_key() together"),
        "%s", cor_error_message(error));
  cor_error_free(error);
  cor_config_free(config);
}

int main(int argc, char **argv) {
  cor_error *error = NULL;
  pthread_attr_t attributes;
  pthread_t thread;
  char other[128];
  if (argc != 3) return 2;
  url = argv[1];
  ca_file = argv[2];
  sandbox_clear();
  advice();
  trusted(NULL);

  CHECK(call(url, NULL, &error) == COR_ERR_TLS, "trusted without being told to");
  CHECK(cor_error_kind(error) == COR_ERR_TLS && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s",
        cor_error_message(error));
  CHECK(strstr(cor_error_message(error), "call cor_config_set_ca_file()") != NULL, "%s", cor_error_message(error));
  CHECK(!cor_error_is_retryable(error) && cor_error_status(error) == 0, "%s", cor_error_message(error));
  cor_error_free(error);

  /* The certificate is for 127.0.0.1 and not for the name. */
  snprintf(other, sizeof other, "https://localhost%s", strrchr(url, ':'));
  CHECK(call(other, ca_file, &error) == COR_ERR_TLS, "another name");
  cor_error_free(error);

  /* A handshake needs no large stack. */
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 * 1024);
  CHECK(pthread_create(&thread, &attributes, trusted, NULL) == 0, "thread");
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  return finished();
}
