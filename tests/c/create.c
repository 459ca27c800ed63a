/* Creating and deleting projects, one and as rows of many: what goes out, what COR stores, what is never sent twice. */
#include "support.h"

/* A source that no other test stores under. */
#define SOURCE "GITHUB"
#define METADATA "\"metadata\":{\"source\":\"" SOURCE "\"}"

static int stored(const char *text) {
  char *projects = sandbox_projects();
  int found = strstr(projects, text) != NULL;
  free(projects);
  return found;
}

static int requests(void) {
  char *path, *body;
  int count = sandbox_requests(&path, &body);
  free(path);
  free(body);
  return count;
}

static cor_update *named(const char *name) {
  cor_update *update = cor_update_new(SOURCE);
  cor_update_set_name(update, name);
  return update;
}

static void remove_again(cor_client *client, const char *id) {
  cor_error *error = NULL;
  CHECK(cor_client_delete_project(client, id, SOURCE, NULL, &error) == COR_OK && !error,
        "%s", cor_error_message(error));
  cor_error_free(error);
}

static void one(cor_client *client) {
  cor_project *project = NULL;
  cor_deleted *deleted = NULL;
  cor_error *error = NULL;
  char *path, *body;
  int64_t number = 0;
  cor_update *update = named("New");
  cor_update_set_billable(update, false);
  cor_update_clear(update, COR_FIELD_BRIEF);
  cor_create *create = cor_create_new_n("OPP/1, and more", 5, update);
  cor_update_set_name(update, "changed afterwards");
  CHECK(cor_create_set_brand_id(create, "B-1") == COR_OK, "brand");
  CHECK(cor_create_set_product_id_n(create, "P-1, and more", 3) == COR_OK, "product");
  CHECK(cor_create_validate(create, &error) == COR_OK && !error, "valid");
  const char *json = "{" METADATA ",\"id\":\"OPP/1\",\"name\":\"New\",\"billable\":false,"
                     "\"brand_id\":\"B-1\",\"product_id\":\"P-1\"}";
  CHECK(same(cor_create_json(create), json), "%s", cor_create_json(create));
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_OK && !error,
        "%s", cor_error_message(error));
  CHECK(same(cor_project_name(project), "New") && cor_project_id(project, &number), "%s", cor_project_json(project));
  CHECK(requests() == 1, "sent once");
  sandbox_requests(&path, &body);
  CHECK(same(path, "/v2/integrations/projects") && same(body, json), "%s: %s", path, body);
  free(path);
  free(body);
  CHECK(stored("\"source\":\"" SOURCE "\",\"id\":\"OPP/1\",\"name\":\"New\""), "stored");
  CHECK(stored("\"brand_id\":\"B-1\"") && stored("\"product_id\":\"P-1\""), "with what only a create has");
  cor_project_free(project);

  /* A project that exists is told from what else COR refuses. */
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_VALIDATION && !project, "twice");
  CHECK(cor_error_is_duplicate(error) && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s",
        cor_error_message(error));
  CHECK(strstr(cor_error_message(error), "could not create project \"OPP/1\" (" SOURCE ")"),
        "%s", cor_error_message(error));
  cor_error_free(error);
  sandbox_queue("{\"status\":400,\"body\":{\"name\":\"ClientNotFoundError\",\"message\":\"no client\"}}");
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_VALIDATION, "no client");
  CHECK(!cor_error_is_duplicate(error), "%s", cor_error_message(error));
  cor_error_free(error);

  CHECK(cor_client_delete_project_n(client, "OPP/12", 5, SOURCE "!", strlen(SOURCE), &deleted, &error) == COR_OK, "%s",
        cor_error_message(error));
  int64_t gone = 0;
  CHECK(cor_deleted_cor_id(deleted, &gone) && gone == number, "%lld", (long long)gone);
  CHECK(same(cor_deleted_message(deleted), "Project deleted successfully"), "%s", cor_deleted_message(deleted));
  CHECK(deleted && strstr(cor_deleted_json(deleted), "\"cor_id\":"), "%s", cor_deleted_json(deleted));
  CHECK(cor_deleted_free(deleted) == COR_OK && cor_deleted_free(deleted) == COR_ERR_ARGUMENT, "freed once");
  sandbox_requests(&path, &body);
  CHECK(same(path, "/v2/integrations/projects/OPP%2F1") && same(body, "{" METADATA "}"), "%s: %s", path, body);
  free(path);
  free(body);
  CHECK(!stored("\"source\":\"" SOURCE "\""), "gone");
  CHECK(cor_client_delete_project(client, "OPP/1", SOURCE, &deleted, &error) == COR_ERR_PROJECT_NOT_FOUND, "gone");
  CHECK(!deleted && cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED, "%s", cor_error_message(error));
  cor_error_free(error);
  cor_create_free(create);
  cor_update_free(update);
}

/* Every problem at once, before anything is sent. */
static void refused(cor_client *client) {
  cor_project *project = NULL;
  cor_deleted *deleted = NULL;
  cor_error *error = NULL;
  int before = requests();
  cor_update *update = cor_update_new(SOURCE);
  CHECK(cor_update_set_end(update, "soon") == COR_ERR_INVALID, "refused by the update");
  cor_create *create = cor_create_new("", update);
  CHECK(cor_create_set_brand_id(create, "\xff") == COR_ERR_ARGUMENT, "no UTF-8");
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_INVALID && !project, "refused");
  CHECK(cor_error_issue_count(error) == 4, "end, brand_id, id, name: %s", cor_error_message(error));
  CHECK(same(cor_error_issue_field(error, 1), "brand_id") && strstr(cor_error_issue_message(error, 1), "not UTF-8"),
        "%s", cor_error_message(error));
  cor_error_free(error);
  CHECK(cor_create_set_brand_id(create, "B") == COR_OK, "mended");
  CHECK(cor_create_validate(create, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 3, "%s",
        cor_error_message(error));
  cor_error_free(error);
  cor_create_free(create);
  /* Of a field that was refused nothing else is said. */
  CHECK(cor_update_reset(update, SOURCE) == COR_OK && cor_update_set_name(update, NULL) == COR_ERR_ARGUMENT, "no name");
  create = cor_create_new(NULL, update);
  CHECK(cor_create_validate(create, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 2, "%s",
        cor_error_message(error));
  CHECK(strstr(cor_error_message(error), "name: is NULL; id: is NULL"), "%s", cor_error_message(error));
  cor_error_free(error);
  cor_create_free(create);
  cor_update_free(update);
  CHECK(cor_client_delete_project(client, "", "", &deleted, &error) == COR_ERR_INVALID && !deleted,
        "nothing to delete");
  CHECK(cor_error_issue_count(error) == 2, "%s", cor_error_message(error));
  cor_error_free(error);
  CHECK(requests() == before, "nothing was sent");
}

/* A create whose answer is lost is not repeated; a delete is. */
static void lost(cor_client *client) {
  cor_project *project = NULL;
  cor_deleted *deleted = NULL;
  cor_error *error = NULL;
  cor_update *update = named("Lost");
  cor_create *create = cor_create_new("LOST", update);
  sandbox_clear();
  sandbox_queue("{\"action\":\"apply_then_drop\"}");
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_TRANSPORT && !project, "lost");
  CHECK(cor_error_outcome(error) == COR_OUTCOME_UNKNOWN && cor_error_attempts(error) == 1,
        "%s", cor_error_message(error));
  cor_error_free(error);
  CHECK(requests() == 1 && stored("\"id\":\"LOST\""), "once, and it got through");
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_ERR_VALIDATION, "once more");
  CHECK(cor_error_is_duplicate(error), "it tells: %s", cor_error_message(error));
  cor_error_free(error);

  sandbox_clear();
  sandbox_queue("{\"action\":\"apply_then_drop\"}");
  CHECK(cor_client_delete_project(client, "LOST", SOURCE, &deleted, &error) == COR_OK, "%s", cor_error_message(error));
  int64_t number = 7;
  CHECK(deleted && !cor_deleted_json(deleted) && !cor_deleted_message(deleted), "COR's answer was lost");
  CHECK(!cor_deleted_cor_id(deleted, &number) && number == 7, "absent leaves the place alone");
  cor_deleted_free(deleted);
  CHECK(requests() == 2 && !stored("\"id\":\"LOST\""), "deleted");

  /* COR said that it did not begin. */
  sandbox_clear();
  sandbox_queue("{\"status\":503}");
  CHECK(cor_client_create_project(client, create, &project, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(requests() == 2, "sent again");
  cor_project_free(project);
  remove_again(client, "LOST");
  cor_create_free(create);
  cor_update_free(update);
}

struct seen {
  int created, updated, failed;
};

static bool on_result(void *user_data, const cor_item_result *item) {
  struct seen *seen = (struct seen *)user_data;
  if (cor_item_result_status(item) != COR_OK) seen->failed++;
  else if (cor_item_result_created(item)) seen->created++;
  else seen->updated++;
  CHECK(!cor_item_result_created(item) || cor_item_result_project(item), "what was created is there");
  return true;
}

static void missing(cor_client *client) {
  cor_bulk_options options = COR_BULK_OPTIONS_INIT;
  cor_summary summary = COR_SUMMARY_INIT;
  struct seen seen = {0, 0, 0};
  cor_error *error = NULL;
  cor_update *update = named("Row"), *nameless = cor_update_new(SOURCE), *known = cor_update_new("SALESFORCE");
  cor_update_extra(update, "brand_id", "\"B-2\"");
  cor_update_set_brief(nameless, "b");
  cor_update_set_brief(known, "b");
  cor_row rows[] = {{"ROW-1", update}, {"ROW-2", nameless}, {"SF-OPP-12345", known}, {"ROW-1", nameless}};
  options.on_result = on_result;
  options.user_data = &seen;
  CHECK(cor_client_update_projects(client, rows, 4, &options, &summary, &error) == COR_OK,
        "%s", cor_error_message(error));
  CHECK(seen.created == 0 && seen.updated == 1 && seen.failed == 3, "nothing is created unless asked for");

  /* A program that was compiled before the option existed. */
  cor_bulk_options older = options;
  older.struct_size = offsetof(cor_bulk_options, create_missing);
  older.create_missing = older.allow_mangled_ids = 1;
  CHECK(cor_client_update_projects(client, rows, 1, &older, &summary, NULL) == COR_OK && summary.failed == 1, "older");
  CHECK(!stored("\"source\":\"" SOURCE "\""), "nothing yet");

  options.create_missing = 1;
  memset(&seen, 0, sizeof seen);
  CHECK(cor_client_update_projects(client, rows, 4, &options, &summary, &error) == COR_OK,
        "%s", cor_error_message(error));
  CHECK(seen.created == 1 && seen.updated == 2 && seen.failed == 1,
        "%d, %d, %d", seen.created, seen.updated, seen.failed);
  CHECK(summary.applied == 3 && stored("\"id\":\"ROW-1\",\"name\":\"Row\",\"brief\":\"b\""), "created, then updated");
  CHECK(stored("\"brand_id\":\"B-2\"") && !stored("\"ROW-2\""), "a project needs a name");
  remove_again(client, "ROW-1");

  /* One by one; the create's answer is lost, and an update tells that it got through. */
  cor_bulk *bulk = NULL;
  const cor_item_result *item = NULL;
  options.on_result = NULL;
  CHECK(cor_bulk_new(client, &options, &bulk, &error) == COR_OK, "%s", cor_error_message(error));
  sandbox_clear();
  sandbox_queue("[{\"status\":404,\"body\":{\"name\":\"ProjectNotFoundError\",\"message\":\"no\"}},"
                "{\"action\":\"apply_then_drop\"}]");
  CHECK(cor_bulk_push(bulk, "ROW-3", update) == COR_OK && cor_bulk_next(bulk, &item, &error) == COR_OK, "row");
  CHECK(cor_item_result_status(item) == COR_OK && cor_item_result_created(item), "%s",
        cor_error_message(cor_item_result_error(item)));
  CHECK(requests() == 3 && stored("\"id\":\"ROW-3\""), "an update, a create, an update");
  CHECK(cor_bulk_push(bulk, "ROW-3", update) == COR_OK && cor_bulk_next(bulk, &item, &error) == COR_OK, "row");
  CHECK(cor_item_result_status(item) == COR_OK && !cor_item_result_created(item), "it is there now");
  cor_bulk_free(bulk);
  remove_again(client, "ROW-3");
  cor_update_free(update);
  cor_update_free(nameless);
  cor_update_free(known);
}

int main(void) {
  sandbox_clear();
  cor_client *client = sandbox_client();
  one(client);
  refused(client);
  lost(client);
  missing(client);
  cor_client_free(client);
  sandbox_clear();
  return finished();
}
