/* A program that loads the library, uses it, and closes it again, as plugins do: plugin PATH-OF-THE-LIBRARY. */
#include <projectcor.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD(name) *(void **)&name = dlsym(library, "cor_" #name)

int main(int argc, char **argv) {
  char url[64];
  const char *sandbox = getenv("COR_SANDBOX_URL");
  if (argc != 2 || !sandbox) return 2;
  /* By name, so that a thread looks it up. */
  snprintf(url, sizeof url, "http://localhost:%s", strrchr(sandbox, ':') + 1);
  for (int i = 0; i < 20; i++) {
    cor_config *(*config_new)(void);
    cor_status (*config_set_base_url)(cor_config *, const char *), (*config_set_token)(cor_config *, const char *);
    cor_status (*client_new)(const cor_config *, cor_client **, cor_error **);
    cor_status (*client_update_project)(const cor_client *, const char *, const cor_update *, cor_project **,
                                        cor_error **);
    cor_status (*config_free)(cor_config *), (*client_free)(cor_client *), (*update_free)(cor_update *);
    cor_status (*project_free)(cor_project *);
    cor_update *(*update_new)(const char *);
    cor_status (*update_set_name)(cor_update *, const char *);
    cor_client *client = NULL;
    cor_project *project = NULL;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return puts(dlerror()), 1;
    LOAD(config_new), LOAD(config_set_base_url), LOAD(config_set_token), LOAD(config_free);
    LOAD(client_new), LOAD(client_update_project), LOAD(client_free);
    LOAD(update_new), LOAD(update_set_name), LOAD(update_free), LOAD(project_free);
    cor_config *config = config_new();
    cor_update *update = update_new("SALESFORCE");
    update_set_name(update, "N");
    config_set_base_url(config, url);
    config_set_token(config, "sandbox-token");
    if (client_new(config, &client, NULL) != COR_OK) return 1;
    cor_status status = client_update_project(client, "SF-OPP-12345", update, &project, NULL);
    if (status != COR_OK) return printf("status %d\n", (int)status), 1;
    project_free(project);
    update_free(update);
    config_free(config);
    client_free(client);
    dlclose(library);
  }
  puts("loaded and closed 20 times");
  return 0;
}
