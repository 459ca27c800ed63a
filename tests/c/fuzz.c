/* The C boundary under bytes that decide which calls are made and with what: never a crash, a hang or a leak.
 *
 *   fuzz FILE…               the calls that each file spells
 *   fuzz --seconds S [SEED]  made-up ones; prints the seed, and on a crash the sanitizer says where
 *
 * Built with sanitizers by tests/c/run. Handles are drawn from a small pool that holds live, freed, wrong and NULL ones. */
#include "support.h"

#include <time.h>

enum { POOL = 16, MOST = 4096 };

static const unsigned char *bytes;
static size_t left;
static void *pool[POOL];

static unsigned next(void) {
  if (!left) return 0;
  left--;
  return *bytes++;
}

static void *any(void) { return pool[next() % POOL]; }
static void **slot(void) { return &pool[next() % POOL]; }

/* Some bytes of the input as text that need not be UTF-8. Free it. */
static char *text(size_t *size) {
  size_t n = next() % 40;
  char *made;
  if (n > left) n = left;
  made = (char *)malloc(n + 1);
  memcpy(made, bytes, n);
  made[n] = 0;
  bytes += n;
  left -= n;
  *size = n;
  return made;
}

static void set(char *value, size_t size) {
  cor_update *update = (cor_update *)any();
  unsigned how = next();
  switch (how % 12) {
    case 0: (void)cor_update_set_name_n(update, value, size); break;
    case 1: (void)cor_update_set_start(update, value); break;
    case 2: (void)cor_update_set_start_ymd(update, (int32_t)next() * 100, (int32_t)next(), (int32_t)next()); break;
    case 3: (void)cor_update_set_estimated_decimal(update, value); break;
    case 4: (void)cor_update_set_estimated_double(update, how / 7.0 - 9); break;
    case 5: (void)cor_update_set_estimated_int(update, (int64_t)how << 50); break;
    case 6: (void)cor_update_set_income_type(update, value); break;
    case 7: (void)cor_update_clear(update, (int32_t)next() - 20); break;
    case 8: (void)cor_update_set_cell(update, next() % 2 ? "estimated" : value, value); break;
    case 9: (void)cor_update_extra(update, value, next() % 2 ? "{\"a\":[1,2]}" : value); break;
    case 10: (void)cor_update_set_archived(update, how % 2); break;
    default: (void)cor_update_set_work_order(update, value); break;
  }
}

static void configure(char *value) {
  cor_config *config = (cor_config *)any();
  unsigned how = next();
  switch (how % 8) {
    case 0: (void)cor_config_set_token(config, value); break;
    case 1: (void)cor_config_set_ca_file(config, value); break;
    case 2: (void)cor_config_set_deadline_ms(config, (int64_t)how - 200); break;
    case 3: (void)cor_config_set_max_attempts(config, how); break;
    case 4: (void)cor_config_set_concurrency(config, how * how); break;
    case 5: (void)cor_config_set_rate(config, how / 3.0 - 5); break;
    case 6: (void)cor_config_set_proxy(config, value); break;
    default: (void)cor_config_set_user_agent(config, value); break;
  }
}

static void ask(void) {
  cor_error *error = (cor_error *)any();
  cor_project *project = (cor_project *)any();
  int64_t number;
  (void)cor_error_kind(error);
  (void)cor_error_message(error);
  (void)cor_error_issue_message(error, next());
  (void)cor_error_issue_count(error);
  (void)cor_error_is_duplicate(error);
  (void)cor_deleted_cor_id((cor_deleted *)any(), &number);
  (void)cor_deleted_json((cor_deleted *)any());
  (void)cor_project_json(project);
  (void)cor_project_get_json(project, "name");
  (void)cor_project_created_at_unix(project, &number);
  (void)cor_status_name((int32_t)next() - 5);
  (void)cor_field_name((int32_t)next() - 5);
}

static void run_some(void) {
  cor_bulk *bulk = (cor_bulk *)any();
  const cor_item_result *item = NULL;
  cor_error *error = NULL;
  unsigned how = next();
  switch (how % 5) {
    case 0: (void)cor_bulk_push(bulk, next() % 2 ? "P-1" : "", (cor_update *)any()); break;
    case 1: (void)cor_bulk_end_input(bulk); break;
    case 2: (void)cor_bulk_stop(bulk); break;
    /* Whoever waits for rows that nobody pushes waits for ever, so the input ends first. */
    case 3:
      (void)cor_bulk_end_input(bulk);
      (void)cor_bulk_next(bulk, &item, &error);
      (void)cor_item_result_id(item);
      (void)cor_item_result_created(item);
      (void)cor_error_free(error);
      break;
    default: (void)cor_bulk_wants_rows(bulk); break;
  }
}

static void make(char *value, size_t size) {
  cor_create *create = (cor_create *)any();
  switch (next() % 5) {
    case 0: (void)cor_create_set_brand_id(create, value); break;
    case 1: (void)cor_create_set_product_id_n(create, value, size); break;
    case 2: (void)cor_create_set_brand_id(create, NULL); break;
    case 3: (void)cor_create_validate(create, NULL); break;
    default: (void)cor_create_json(create); break;
  }
}

/* Options whose client talks to nobody: nothing listens there, and it does not wait for long. */
static cor_config *harmless(void) {
  cor_config *config = cor_config_new();
  (void)cor_config_set_base_url(config, "http://127.0.0.1:1");
  (void)cor_config_set_token(config, "t");
  (void)cor_config_set_deadline_ms(config, 20);
  (void)cor_config_set_max_attempts(config, 1);
  return config;
}

static void free_as_whatever(void *handle) {
  (void)cor_update_free((cor_update *)handle);
  (void)cor_config_free((cor_config *)handle);
  (void)cor_client_free((cor_client *)handle);
  (void)cor_project_free((cor_project *)handle);
  (void)cor_bulk_free((cor_bulk *)handle);
  (void)cor_error_free((cor_error *)handle);
  (void)cor_create_free((cor_create *)handle);
  (void)cor_deleted_free((cor_deleted *)handle);
}

static void put(void *handle) {
  void **place = slot();
  free_as_whatever(*place);
  *place = handle;
}

static void play(const unsigned char *data, size_t size) {
  int i;
  bytes = data;
  left = size;
  for (i = 0; i < POOL; i++) pool[i] = NULL;
  pool[POOL - 1] = (void *)&pool; /* a pointer that is no handle */
  while (left) {
    size_t n;
    char *value = text(&n);
    cor_client *client = NULL;
    cor_project *project = NULL;
    cor_bulk *bulk = NULL;
    cor_deleted *deleted = NULL;
    cor_error *error = NULL;
    cor_bulk_options options = COR_BULK_OPTIONS_INIT;
    switch (next() % 16) {
      case 0: put(cor_update_new_n(value, n)); break;
      case 1: put(harmless()); break;
      case 2: (void)cor_client_new((cor_config *)any(), &client, &error); put(client); break;
      case 3:
        (void)cor_client_update_project_n((cor_client *)any(), value, n, (cor_update *)any(), &project, &error);
        put(project);
        break;
      case 4:
        options.create_missing = (uint32_t)n;
        (void)cor_bulk_new((cor_client *)any(), &options, &bulk, &error);
        put(bulk);
        break;
      case 5: (void)cor_update_validate((cor_update *)any(), &error); break;
      case 6: free_as_whatever(any()); break;
      case 7: ask(); break;
      case 8: run_some(); break;
      case 9: configure(value); break;
      case 10: put(cor_create_new_n(value, n, (cor_update *)any())); break;
      case 11: make(value, n); break;
      case 12:
        (void)cor_client_create_project((cor_client *)any(), (cor_create *)any(), &project, &error);
        put(project);
        break;
      case 13:
        (void)cor_client_delete_project_n((cor_client *)any(), value, n, value, n / 2,
                                          next() % 2 ? &deleted : NULL, &error);
        put(deleted);
        break;
      default: set(value, n); break;
    }
    if (error) put(error);
    free(value);
  }
  for (i = 0; i < POOL; i++) free_as_whatever(pool[i]);
}

static unsigned long long state;
static unsigned char made_up(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned char)(state >> 24);
}

int main(int count, char **arguments) {
  static unsigned char data[MOST];
  if (count > 2 && !strcmp(arguments[1], "--seconds")) {
    clock_t end = clock() + atol(arguments[2]) * CLOCKS_PER_SEC;
    long inputs = 0;
    state = count > 3 ? strtoull(arguments[3], NULL, 10) : (unsigned long long)time(NULL) * 2654435761u;
    printf("seed %llu, ", state);
    fflush(stdout);
    if (!state) state = 1;
    for (; clock() < end; inputs++) {
      size_t i, size = 64 + (size_t)made_up() * 8;
      for (i = 0; i < size; i++) data[i] = made_up();
      play(data, size);
    }
    printf("%ld inputs, ", inputs);
  } else {
    int i;
    for (i = 1; i < count; i++) {
      FILE *file = fopen(arguments[i], "rb");
      if (!file) return perror(arguments[i]), 2;
      play(data, fread(data, 1, sizeof data, file));
      fclose(file);
    }
  }
  return finished();
}
