/* The shared vectors through C: the same bytes on the wire, the same kinds of error. */
#include "fields.h"
#include "vectors.h"

static int skipped;

static void update_vector(cor_client *client, const struct update_vector *v) {
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_update *update = cor_update_new(v->source);
  for (size_t i = 0; i < v->field_count; i++)
    if (!set_field(update, &v->fields[i])) {
      skipped++;
      cor_update_free(update);
      return;
    }
  for (size_t i = 0; i < v->extra_count; i++) cor_update_extra(update, v->extras[i].name, v->extras[i].value);
  sandbox_clear();
  sandbox_queue("{\"status\":200,\"body\":{\"id\":7}}");
  cor_status status = cor_client_update_project_n(client, v->id, v->id_size, update, &project, &error);
  char *path, *body;
  int requests = sandbox_requests(&path, &body);
  if (v->kind) {
    CHECK(same(cor_status_name(status), v->kind), "%s: %s", v->name, cor_status_name(status));
    CHECK(requests == 0, "%s: something was sent", v->name);
    CHECK(cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s", v->name);
    CHECK(cor_error_issue_count(error) == v->issue_count, "%s: %s", v->name, cor_error_message(error));
    /* Refusals of setters come before those of the whole; the table has the order of the page. */
    for (size_t i = 0; i < v->issue_count; i++) {
      int found = 0;
      for (size_t k = 0; k < cor_error_issue_count(error); k++)
        found |= same(cor_error_issue_field(error, k), v->issues[i].name) &&
                 same(cor_error_issue_code(error, k), v->issues[i].value);
      CHECK(found, "%s: no %s of %s in %s", v->name, v->issues[i].value, v->issues[i].name, cor_error_message(error));
    }
  } else {
    CHECK(status == COR_OK, "%s: %s", v->name, cor_error_message(error));
    CHECK(requests == 1 && same(path, v->path), "%s: %d requests, %s", v->name, requests, path);
    CHECK(same(body, v->body), "%s:\n%s\n%s", v->name, body, v->body);
    CHECK(same(cor_update_json(update), v->body), "%s", v->name);
  }
  free(path);
  free(body);
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
}

static bool add_id(void *user_data, const cor_project *project) {
  char *ids = (char *)user_data;
  size_t used = strlen(ids);
  int64_t cor_id = 0;
  CHECK(cor_project_id(project, &cor_id), "%s", cor_project_json(project));
  snprintf(ids + used, 1000 - used, "%lld ", (long long)cor_id);
  return true;
}

static void main_answer_vector(const struct main_answer_vector *v) {
  cor_client *client = sandbox_client();
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_status status;
  cor_read_summary summary = COR_READ_SUMMARY_INIT;
  char ids[1000] = "";
  sandbox_clear();
  sandbox_queue(v->queued);
  if (same(v->call, "get")) status = cor_client_get_project(client, v->id, NULL, &project, &error);
  else status = cor_client_list_projects(client, NULL, NULL, add_id, ids, &summary, &error);
  CHECK(same(v->call, "get") || same(v->call, "list"), "%s: unknown call %s", v->name, v->call);
  if (v->kind) {
    CHECK(same(cor_status_name(status), v->kind), "%s: %s", v->name, cor_error_message(error));
    CHECK(!v->outcome || same(cor_outcome_name(cor_error_outcome(error)), v->outcome), "%s", v->name);
    CHECK(!v->code || same(cor_error_code(error), v->code), "%s", v->name);
    CHECK(v->status < 0 || cor_error_status(error) == v->status, "%s", v->name);
    CHECK(v->attempts < 0 || cor_error_attempts(error) == (unsigned)v->attempts, "%s: %u attempts", v->name,
          cor_error_attempts(error));
    CHECK(v->retryable < 0 || cor_error_is_retryable(error) == (v->retryable == 1), "%s", v->name);
  } else {
    CHECK(status == COR_OK, "%s: %s", v->name, cor_error_message(error));
    CHECK(!v->ids || same(ids, v->ids), "%s: %s", v->name, ids);
    CHECK(!v->ids || summary.total == (v->total < 0 ? UINT64_MAX : (uint64_t)v->total), "%s: total", v->name);
    for (size_t i = 0; i < v->project_count; i++)
      CHECK(same(get_field(project, v->project[i].name), v->project[i].value), "%s: %s is %s", v->name,
            v->project[i].name, get_field(project, v->project[i].name));
  }
  cor_error_free(error);
  cor_project_free(project);
  cor_client_free(client);
}

static void answer_vector(const struct answer_vector *v) {
  /* A client of its own: what one learns from an answer must not change the next. */
  cor_client *client = sandbox_client();
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_update *update = cor_update_new("SAP");
  cor_update_set_name(update, "N");
  sandbox_clear();
  sandbox_queue(v->queued);
  cor_status status = cor_client_update_project(client, "A-1", update, &project, &error);
  if (v->kind) {
    CHECK(same(cor_status_name(status), v->kind), "%s: %s", v->name, cor_error_message(error));
    CHECK(cor_error_kind(error) == status, "%s", v->name);
    CHECK(!v->outcome || same(cor_outcome_name(cor_error_outcome(error)), v->outcome), "%s: %s", v->name,
          cor_error_message(error));
    CHECK(!v->code || same(cor_error_code(error), v->code), "%s", v->name);
    CHECK(v->status < 0 || cor_error_status(error) == v->status, "%s", v->name);
    CHECK(v->attempts < 0 || cor_error_attempts(error) == (unsigned)v->attempts, "%s: %u attempts", v->name,
          cor_error_attempts(error));
    CHECK(v->retryable < 0 || cor_error_is_retryable(error) == (v->retryable == 1), "%s", v->name);
    CHECK(v->retry_after < 0 || cor_error_retry_after_ms(error) == (int64_t)v->retry_after * 1000, "%s", v->name);
  } else {
    CHECK(status == COR_OK, "%s: %s", v->name, cor_error_message(error));
    for (size_t i = 0; i < v->project_count; i++)
      CHECK(same(get_field(project, v->project[i].name), v->project[i].value), "%s: %s is %s", v->name,
            v->project[i].name, get_field(project, v->project[i].name));
  }
  cor_error_free(error);
  cor_project_free(project);
  cor_update_free(update);
  cor_client_free(client);
}

int main(void) {
  cor_client *client = sandbox_client();
  for (size_t i = 0; i < sizeof update_vectors / sizeof *update_vectors; i++) update_vector(client, &update_vectors[i]);
  cor_client_free(client);
  for (size_t i = 0; i < sizeof answer_vectors / sizeof *answer_vectors; i++) answer_vector(&answer_vectors[i]);
  for (size_t i = 0; i < sizeof main_answer_vectors / sizeof *main_answer_vectors; i++)
    main_answer_vector(&main_answer_vectors[i]);
  sandbox_clear();
  printf("vectors that C's types rule out: %d\n", skipped);
  return finished();
}
