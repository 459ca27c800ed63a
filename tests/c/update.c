/* One update: what goes out, what comes back, what an error says, and the options of a client. */
#include "support.h"

#include <math.h>

static void one(cor_client *client) {
  cor_project *project = NULL, *kept;
  cor_error *error = NULL;
  int64_t number;
  double money;
  bool yes;
  cor_update *update = cor_update_new("SALESFORCE");
  CHECK(cor_update_set_name(update, "Website Redesign Project - Phase 2") == COR_OK, "name");
  CHECK(cor_update_set_end(update, "2025-04-30") == COR_OK, "end");
  CHECK(cor_update_set_estimated_time_int(update, 250) == COR_OK, "hours");
  CHECK(cor_update_set_status_n(update, "in_progress, and more", 11) == COR_OK, "status");
  CHECK(cor_update_set_estimated_decimal(update, "18000.10") == COR_OK, "money");
  CHECK(cor_update_validate(update, &error) == COR_OK && error == NULL, "valid");
  CHECK(cor_client_update_project(client, "SF-OPP-12345", update, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  CHECK(error == NULL, "success writes NULL");
  CHECK(same(cor_project_name(project), "Website Redesign Project - Phase 2"), "name");
  CHECK(cor_project_id(project, &number) && number == 155693, "id");
  CHECK(cor_project_company_id(project, &number) && number == 1234, "company");
  CHECK(!cor_project_contract_id(project, &number) && number == 1234, "absent leaves the place alone");
  CHECK(same(cor_project_estimated(project), "18000.10"), "%s", cor_project_estimated(project));
  CHECK(cor_project_estimated_double(project, &money) && fabs(money - 18000.1) < 1e-9, "money");
  CHECK(cor_project_billable(project, &yes) && yes, "billable");
  CHECK(same(cor_project_end(project), "2025-04-30"), "end");
  CHECK(cor_project_created_at_unix(project, &number) && number == 1736519400, "%lld", (long long)number);
  CHECK(same(cor_project_get_json(project, "status"), "\"in_progress\""), "json of a field");
  CHECK(same(cor_project_get_json(project, "estimated"), "18000.10"), "%s", cor_project_get_json(project, "estimated"));
  CHECK(cor_project_get_json(project, "mood") == NULL, "no such field");
  CHECK(strstr(cor_project_json(project), "\"id\":155693"), "%s", cor_project_json(project));
  kept = cor_project_clone(project);
  cor_project_free(project);
  CHECK(same(cor_project_status(kept), "in_progress"), "a clone outlives what it was made of");
  cor_project_free(kept);
  cor_update_free(update);
}

static void refused(cor_client *client) {
  cor_project *project = NULL;
  cor_error *error = NULL, *kept;
  cor_update *update = cor_update_new("SAP");
  CHECK(cor_update_set_start(update, "31.12.2024") == COR_ERR_INVALID, "refused at once");
  cor_update_set_name(update, "N");
  CHECK(cor_update_set_estimated_double(update, NAN) == COR_ERR_INVALID, "no number");
  CHECK(cor_client_update_project(client, "", update, &project, &error) == COR_ERR_INVALID, "all at once");
  CHECK(cor_error_issue_count(error) == 3, "%s", cor_error_message(error));
  CHECK(project == NULL && cor_error_attempts(error) == 0, "nothing was sent");
  cor_error_free(error);
  /* What was refused can be mended. */
  CHECK(cor_update_set_start_ymd(update, 2024, 12, 31) == COR_OK, "day");
  CHECK(cor_update_set_estimated_int(update, 5) == COR_OK, "money");
  CHECK(cor_update_validate(update, NULL) == COR_OK, "mended");
  CHECK(same(cor_update_json(update),
             "{\"metadata\":{\"source\":\"SAP\"},\"name\":\"N\",\"start\":\"2024-12-31\",\"estimated\":5}"),
        "%s", cor_update_json(update));
  CHECK(cor_client_update_project(client, "nobody", update, &project, &error) == COR_ERR_PROJECT_NOT_FOUND, "nobody");
  CHECK(cor_error_outcome(error) == COR_OUTCOME_NOT_APPLIED && cor_error_status(error) == 404, "not found");
  CHECK(cor_error_code(error) && cor_error_body(error) && cor_error_retry_after_ms(error) == -1, "what COR said");
  CHECK(strstr(cor_error_message(error), "\"nobody\""), "%s", cor_error_message(error));
  kept = cor_error_clone(error);
  cor_error_free(error);
  CHECK(cor_error_kind(kept) == COR_ERR_PROJECT_NOT_FOUND, "a clone outlives what it was made of");
  cor_error_free(kept);
  CHECK(cor_update_reset(update, "SAP") == COR_OK, "reset");
  CHECK(cor_update_set_start_ymd(update, 2025, 2, 29) == COR_ERR_INVALID, "no such day");
  CHECK(cor_update_set_cell(update, "nmae", "N") == COR_ERR_INVALID, "no such field");
  CHECK(cor_update_extra(update, "brand_id", "B-1") == COR_ERR_INVALID, "not JSON");
  CHECK(cor_update_validate(update, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 3, "%s",
        cor_error_message(error));
  cor_error_free(error);
  cor_update_free(update);
}

/* Text that is not NUL-terminated, and what stands behind a NUL. */
static void sizes(cor_client *client) {
  cor_error *error = NULL;
  cor_project *project = NULL;
  cor_update *update = cor_update_new_n("SALESFORCE, and more", 10);
  CHECK(cor_update_set_name_n(update, "Name, and more", 4) == COR_OK, "name");
  CHECK(cor_update_set_start_n(update, "2025-01-15T00:00", 10) == COR_OK, "start");
  CHECK(cor_update_set_end_n(update, "2025-04-30\0x", 12) == COR_ERR_INVALID, "what is behind a NUL is not cut off");
  CHECK(cor_update_set_end_n(update, "2025-04-301", 10) == COR_OK, "end");
  CHECK(cor_update_set_evaluation_date_n(update, "2025-05-01...", 10) == COR_OK, "evaluation");
  CHECK(cor_update_set_estimated_time_decimal_n(update, "250.50", 5) == COR_OK, "hours");
  CHECK(cor_update_set_estimated_decimal_n(update, "1\0" "0", 3) == COR_ERR_INVALID, "a NUL in a number");
  CHECK(cor_update_set_estimated_decimal_n(update, "18000.10;", 8) == COR_OK, "money");
  CHECK(cor_update_set_income_type_n(update, "fees", 3) == COR_OK, "income");
  CHECK(cor_update_set_cell_n(update, "statuses", 6, "active!", 6) == COR_OK, "cell");
  CHECK(cor_update_extra_n(update, "brand_id?", 8, "\"B-1\"]", 5) == COR_OK, "extra");
  CHECK(same(cor_update_json(update),
             "{\"metadata\":{\"source\":\"SALESFORCE\"},\"name\":\"Name\",\"start\":\"2025-01-15\",\"end\":\"2025-04-30\","
             "\"estimated_time\":250.5,\"status\":\"active\",\"evaluation_date\":\"2025-05-01\",\"estimated\":18000.10,"
             "\"income_type\":\"fee\",\"brand_id\":\"B-1\"}"),
        "%s", cor_update_json(update));
  CHECK(cor_update_set_income_type_other_n(update, "success_fees", 11) == COR_OK, "income");
  cor_update *copy = cor_update_clone(update);
  CHECK(same(cor_update_json(copy), cor_update_json(update)) && strstr(cor_update_json(copy), "\"success_fee\""), "clone");
  CHECK(cor_update_set_end(update, "soon") == COR_ERR_INVALID, "refused");
  CHECK(cor_update_validate(copy, NULL) == COR_OK, "the clone is another");
  cor_update_free(copy);
  copy = cor_update_clone(update);
  CHECK(cor_update_validate(copy, &error) == COR_ERR_INVALID && cor_error_issue_count(error) == 1, "refusals go along");
  cor_error_free(error);
  cor_update_free(copy);
  CHECK(cor_update_reset_n(update, "SALESFORCES", 10) == COR_OK && cor_update_set_brief(update, "b") == COR_OK, "reset");
  CHECK(cor_client_update_project_n(client, "SF-OPP-123456", 12, update, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  CHECK(same(cor_project_get_json_n(project, "briefs", 5), "\"b\""), "a field");
  CHECK(cor_project_get_json_n(project, "brief\0", 6) == NULL, "no such field");
  cor_project_free(project);
  cor_update_free(update);
}

static cor_status with(cor_status (*set)(cor_config *), char *message, size_t size) {
  cor_client *client = NULL;
  cor_error *error = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_token(config, "hush-hush");
  set(config);
  cor_status status = cor_client_new(config, &client, &error);
  snprintf(message, size, "%s", error ? cor_error_message(error) : "");
  cor_error_free(error);
  cor_client_free(client);
  cor_config_free(config);
  return status;
}

static cor_status negative(cor_config *c) { return cor_config_set_deadline_ms(c, -1); }
static cor_status zero(cor_config *c) { return cor_config_set_connect_timeout_ms(c, 0); }
static cor_status absurd(cor_config *c) { return cor_config_set_backoff_cap_ms(c, INT64_MAX); }
static cor_status nan_rate(cor_config *c) { return cor_config_set_rate(c, NAN); }
static cor_status crowd(cor_config *c) { return cor_config_set_concurrency(c, (uint32_t)-1); }
static cor_status attempts(cor_config *c) { return cor_config_set_max_attempts(c, 0); }
static cor_status budget(cor_config *c) { return cor_config_set_retry_budget(c, 1000001); }
static cor_status quoted(cor_config *c) { return cor_config_set_token(c, "\"hush\""); }
static cor_status bearer(cor_config *c) { return cor_config_set_token(c, "Bearer hush"); }
static cor_status split_proxy(cor_config *c) { return cor_config_set_proxy(c, "http://u:12#hush@127.0.0.1:1"); }
static cor_status split_base(cor_config *c) { return cor_config_set_base_url(c, "https://u:12\\hush@127.0.0.1"); }
static cor_status plain(cor_config *c) { return cor_config_set_base_url(c, "http://example.com"); }
static cor_status no_file(cor_config *c) { return cor_config_set_ca_file(c, "/no/such/file"); }
static cor_status no_certificate(cor_config *c) {
  return cor_config_set_client_cert(c, "/no/such/file") + cor_config_set_client_key_n(c, "/no/such/file", 13);
}
static cor_status no_key(cor_config *c) { return cor_config_set_client_cert_n(c, "/no/such/file", 13); }
static cor_status key_alone(cor_config *c) { return cor_config_set_client_key(c, "/no/such/file"); }
static cor_status no_transport(cor_config *c) { return cor_config_set_transport(c, "curl"); }
static cor_status direct_by_proxy(cor_config *c) {
  return cor_config_set_transport_n(c, "directory", 6) + cor_config_set_proxy(c, "http://127.0.0.1:1");
}
static cor_status both(cor_config *c) { return cor_config_set_api_key(c, "k"); }
static cor_status null_proxy(cor_config *c) { return cor_config_set_proxy(c, NULL); }
static cor_status cut_token(cor_config *c) { return cor_config_set_token_n(c, "hush\0hush", 9); }
static cor_status fine(cor_config *c) {
  return cor_config_set_token_n(c, "hush-hush, and more", 9) + cor_config_set_user_agent_n(c, "tests/12", 7) +
         cor_config_set_base_url_n(c, "https://localhost:1/", 19) +
         cor_config_set_attempt_timeout_ms(c, 1500) + cor_config_set_backoff_base_ms(c, 10) +
         cor_config_set_user_agent(c, "tests/1") + cor_config_set_rate(c, 100) + cor_config_set_retry_budget(c, 0);
}

static void configured(void) {
  char message[512];
  cor_status (*const wrong[])(cor_config *) = {negative, zero, absurd, nan_rate, crowd, attempts, budget, plain, no_file, both, quoted, bearer, split_proxy,
                                                 split_base,
                                                 cut_token, no_certificate, no_key, key_alone, no_transport,
                                                 direct_by_proxy};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK(with(wrong[i], message, sizeof message) == COR_ERR_CONFIG, "option %zu: %s", i, message);
    CHECK(!strstr(message, "hush"), "a secret in %s", message);
  }
  CHECK(with(no_transport, message, sizeof message) == COR_ERR_CONFIG && strstr(message, "\"reqwest\" or \"direct\""),
        "the names that there are: %s", message);
  CHECK(with(null_proxy, message, sizeof message) == COR_ERR_ARGUMENT, "a refused setter is remembered: %s", message);
  CHECK(with(fine, message, sizeof message) == COR_OK, "%s", message);
}

/* Each transport carries calls, and a call has options of its own. */
static void transports(void) {
  static const char *const names[] = {"reqwest", "direct"};
  for (size_t i = 0; i < 2; i++) {
    cor_client *client = NULL;
    cor_project *project = NULL;
    cor_error *error = NULL;
    cor_call_options options = COR_CALL_OPTIONS_INIT;
    cor_config *config = cor_config_new();
    cor_config_set_base_url(config, sandbox_url());
    cor_config_set_token(config, "sandbox-token");
    CHECK(cor_config_set_transport(config, names[i]) == COR_OK, "%s", names[i]);
    CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s: %s", names[i], cor_error_message(error));
    cor_update *update = cor_update_new("SALESFORCE");
    cor_update_set_brief(update, names[i]);
    options.deadline_ms = 20000;
    options.max_attempts = 1;
    CHECK(cor_client_update_project_with(client, "SF-OPP-12345", update, &options, &project, &error) == COR_OK, "%s: %s",
          names[i], cor_error_message(error));
    CHECK(same(cor_project_brief(project), names[i]), "%s", cor_project_brief(project));
    cor_project_free(project);
    CHECK(cor_client_update_project_with_n(client, "SF-OPP-123456", 12, update, &options, &project, &error) == COR_OK,
          "%s: %s", names[i], cor_error_message(error));
    cor_project_free(project);
    cor_client_free(client);
    /* Nobody listens, so each attempt fails at once: the options say how many there are. */
    cor_config_set_base_url(config, "http://127.0.0.1:1");
    cor_config_set_backoff_base_ms(config, 1);
    cor_config_set_backoff_cap_ms(config, 1);
    CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s: %s", names[i], cor_error_message(error));
    cor_update_set_name(update, "N");
    for (uint32_t attempts = 1; attempts <= 3; attempts += 2) {
      cor_deleted *deleted = NULL;
      cor_create *create = cor_create_new("P-9", update);
      options.max_attempts = attempts;
      CHECK(cor_client_update_project_with(client, "P-9", update, &options, &project, &error) == COR_ERR_TRANSPORT &&
                cor_error_attempts(error) == attempts, "%s: %s", names[i], cor_error_message(error));
      cor_error_free(error);
      CHECK(cor_client_delete_project_with_n(client, "P-9", 3, "SAP", 3, &options, &deleted, &error) ==
                    COR_ERR_TRANSPORT && cor_error_attempts(error) == attempts, "%s: %s", names[i],
            cor_error_message(error));
      cor_error_free(error);
      CHECK(cor_client_create_project_with(client, create, &options, &project, &error) == COR_ERR_TRANSPORT &&
                cor_error_attempts(error) == attempts, "%s: %s", names[i], cor_error_message(error));
      cor_error_free(error);
      cor_create_free(create);
    }
    cor_client_free(client);
    cor_update_free(update);
    cor_config_free(config);
  }
}

/* Which credentials are used, and whether the sandbox accepts them. */
static void statuses(cor_client *client) {
  cor_auth_status *status = NULL;
  cor_error *error = NULL;
  cor_client *wrong = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, sandbox_url());
  CHECK(cor_client_auth_status(client, &status, &error) == COR_OK && !error, "%s", cor_error_message(error));
  CHECK(cor_auth_status_result(status) == COR_AUTH_ACCEPTED, "%s", cor_auth_status_text(status));
  CHECK(strstr(cor_auth_status_text(status), "accepted     yes: COR accepted the token (GET http://"), "%s",
        cor_auth_status_text(status));
  CHECK(strstr(cor_auth_status_json(status), "{\"result\":\"accepted\",") == cor_auth_status_json(status), "%s",
        cor_auth_status_json(status));
  CHECK(!strstr(cor_auth_status_json(status), "sandbox-token"), "%s", cor_auth_status_json(status));
  CHECK(cor_auth_status_free(status) == COR_OK && cor_auth_status_free(status) == COR_ERR_ARGUMENT, "freed once");
  cor_config_set_token(config, "wrong-0123456789");
  CHECK(cor_client_new(config, &wrong, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_client_auth_status(wrong, &status, NULL) == COR_OK, "refused credentials are no error");
  CHECK(cor_auth_status_result(status) == COR_AUTH_REFUSED, "%s", cor_auth_status_text(status));
  CHECK(!strstr(cor_auth_status_text(status), "wrong-0123456789"), "%s", cor_auth_status_text(status));
  cor_auth_status_free(status);
  cor_client_free(wrong);
  cor_config_set_profile(config, "no-such-profile");
  CHECK(cor_client_new(config, &wrong, &error) == COR_ERR_CONFIG && strstr(cor_error_message(error), "no-such-profile"),
        "%s", cor_error_message(error));
  cor_error_free(error);
  cor_config_free(config);
}

static void environment(void) {
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_error *error = NULL;
  unsetenv("COR_ACCESS_TOKEN");
  CHECK(cor_client_from_env(&client, &error) == COR_ERR_CONFIG && client == NULL, "no credentials");
  cor_error_free(error);
  setenv("COR_ACCESS_TOKEN", "sandbox-token", 1);
  setenv("COR_BASE_URL", sandbox_url(), 1);
  char main_url[128];
  snprintf(main_url, sizeof main_url, "%s/v1", sandbox_url());
  setenv("COR_MAIN_URL", main_url, 1);
  CHECK(cor_client_from_env(&client, &error) == COR_OK, "%s", cor_error_message(error));
  CHECK(cor_client_warning(client) == NULL, "nothing was ignored");
  cor_update *update = cor_update_new("SALESFORCE");
  cor_update_set_brief(update, "from the environment");
  CHECK(cor_client_update_project(client, "SF-OPP-12345", update, &project, NULL) == COR_OK, "sent");
  cor_project_free(project);
  cor_update_free(update);
  cor_client_free(client);
  setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
  setenv("NO_PROXY", "a.org,192.168.*,http://u:hush@b.org", 1);
  CHECK(cor_client_from_env(&client, &error) == COR_OK, "%s", cor_error_message(error));
  const char *warning = cor_client_warning(client);
  CHECK(warning && strstr(warning, "are ignored: 192.168.*, (an entry with a scheme or a user); write names as"), "%s",
        warning ? warning : "no warning");
  cor_client_free(client);
  CHECK(cor_client_warning(client) == NULL, "a freed client has no text");
  CHECK(cor_client_rate_hint(client) == 0, "a freed client has learned nothing");
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, sandbox_url());
  cor_config_set_token(config, "sandbox-token");
  cor_config_set_rate_hint(config, 12.5);
  CHECK(cor_client_new(config, &client, NULL) == COR_OK && cor_client_rate_hint(client) == 12.5, "the hint");
  cor_client_free(client);
  cor_config_free(config);
  unsetenv("HTTPS_PROXY");
  unsetenv("NO_PROXY");
}

static void tokens(void) {
  char url[128];
  cor_client *client = NULL;
  cor_project *project = NULL;
  cor_error *error = NULL;
  cor_config *config = cor_config_new();
  snprintf(url, sizeof url, "%s/v1/oauth/token", sandbox_url());
  cor_config_set_base_url(config, sandbox_url());
  cor_config_set_api_key(config, "sandbox-key");
  cor_config_set_client_secret(config, "sandbox-secret");
  CHECK(cor_client_new(config, &client, NULL) == COR_ERR_CONFIG, "credentials go nowhere else");
  cor_config_set_token_url(config, url);
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  cor_update *update = cor_update_new("SALESFORCE");
  cor_update_set_archived(update, false);
  CHECK(cor_client_update_project(client, "SF-OPP-12345", update, &project, &error) == COR_OK, "%s",
        cor_error_message(error));
  cor_project_free(project);
  cor_update_free(update);
  cor_client_free(client);
  cor_config_free(config);
}

int main(void) {
  sandbox_clear();
  cor_client *client = sandbox_client();
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", PROJECTCOR_VERSION_MAJOR, PROJECTCOR_VERSION_MINOR,
           PROJECTCOR_VERSION_PATCH);
  CHECK(same(version, cor_version()), "header %s, library %s", version, cor_version());
#if PROJECTCOR_VERSION_NUMBER < 100
#error "the header's version as one number"
#endif
  CHECK(cor_version_number() == PROJECTCOR_VERSION_NUMBER, "%u", cor_version_number());
  CHECK(same(cor_pause_name(COR_PAUSE_UNREACHABLE), "unreachable") && same(cor_pause_name(COR_PAUSE_NONE), "none") &&
            !cor_pause_name(3), "names");
  one(client);
  refused(client);
  sizes(client);
  configured();
  transports();
  statuses(client);
  environment();
  tokens();
  cor_client_free(client);
  return finished();
}
