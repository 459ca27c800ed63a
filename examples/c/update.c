/* One update. Credentials and address come from the environment: COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET.
 *
 *   cc update.c $(pkg-config --cflags --libs projectcor) && ./a.out SF-OPP-12345 SALESFORCE "Website, phase 2" */
#include <projectcor.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s ID SOURCE NAME\n", argv[0]);
    return 2;
  }
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_error *error = NULL;
  int status = EXIT_FAILURE;

  cor_update *update = cor_update_new(argv[2]);
  cor_update_set_name(update, argv[3]);
  cor_update_set_estimated_decimal(update, "18000.10");
  cor_update_clear(update, COR_FIELD_BRIEF); /* sends null; what is not mentioned stays as it is */

  if (cor_client_from_env(&client, &error) != COR_OK) goto failed;
  if (cor_client_update_project(client, argv[1], update, &project, &error) != COR_OK) goto failed;

  printf("%s\n", cor_project_json(project));
  status = EXIT_SUCCESS;
  goto done;

failed:
  fprintf(stderr, "%s\n", cor_error_message(error));
  for (size_t i = 0; i < cor_error_issue_count(error); i++) /* what to correct, field by field */
    fprintf(stderr, "  %s: %s\n", cor_error_issue_field(error, i), cor_error_issue_message(error, i));
  if (cor_error_is_retryable(error)) fputs("sending it again may help\n", stderr);
done:
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  cor_client_free(client);
  return status;
}
