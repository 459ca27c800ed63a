/* The C boundary under bytes that decide which calls are made and with what: never a crash, a hang or a leak.
 *
 *   fuzz FILE…                       the calls that each file spells, against the sandbox of COR_SANDBOX_URL; fails
 *                                    where a call is not among them, both working and refused
 *   fuzz --inputs N SEED [FILE…]     N made-up ones, and variations of the files: the same ones for the same SEED.
 *   fuzz --seconds S SEED [FILE…]    as many as S seconds of CPU time allow; SEED 0 is one of its own choosing.
 *                                    Both print the seed, and on a crash the sanitizer says where
 *
 * Built with sanitizers by tests/c/run. Handles are drawn from a small pool that holds live, freed, wrong and NULL ones.
 * fuzz_corpus.py writes the files: whoever changes how bytes spell calls changes it, too. */
#include "support.h"

#include <time.h>

enum { POOL = 16, MOST = 4096, FILES = 200 };

/* Every call that bytes can spell. NEVER: there is nothing that it could be refused for. */
#define OPERATIONS(X) \
  X(update_new_n, NEVER) X(config_new, NEVER) X(client_new, REFUSED) X(client_update_project_n, REFUSED) \
  X(bulk_new, REFUSED) X(update_validate, REFUSED) X(create_new_n, NEVER) X(client_create_project, REFUSED) \
  X(client_delete_project_n, REFUSED) \
  X(update_free, REFUSED) X(config_free, REFUSED) X(client_free, REFUSED) X(project_free, REFUSED) \
  X(bulk_free, REFUSED) X(error_free, REFUSED) X(create_free, REFUSED) X(deleted_free, REFUSED) \
  X(error_kind, REFUSED) X(error_message, REFUSED) X(error_issue_message, REFUSED) X(error_issue_count, REFUSED) \
  X(error_is_duplicate, REFUSED) X(deleted_cor_id, REFUSED) X(deleted_json, REFUSED) X(project_json, REFUSED) \
  X(project_get_json, REFUSED) X(project_created_at_unix, REFUSED) X(status_name, REFUSED) X(field_name, REFUSED) \
  X(bulk_push, REFUSED) X(bulk_end_input, REFUSED) X(bulk_stop, REFUSED) X(bulk_next, REFUSED) \
  X(item_result_id, REFUSED) X(item_result_created, REFUSED) X(bulk_wants_rows, REFUSED) \
  X(config_set_token, REFUSED) X(config_set_ca_file, REFUSED) X(config_set_deadline_ms, REFUSED) \
  X(config_set_max_attempts, REFUSED) X(config_set_concurrency, REFUSED) X(config_set_rate, REFUSED) \
  X(config_set_proxy, REFUSED) X(config_set_user_agent, REFUSED) X(config_set_transport, REFUSED) \
  X(config_set_client_cert, REFUSED) X(client_update_project_with_n, REFUSED) \
  X(create_set_brand_id, REFUSED) X(create_set_product_id_n, REFUSED) X(create_validate, REFUSED) \
  X(create_json, REFUSED) \
  X(update_set_name_n, REFUSED) X(update_set_start, REFUSED) X(update_set_start_ymd, REFUSED) \
  X(update_set_estimated_decimal, REFUSED) X(update_set_estimated_double, REFUSED) \
  X(update_set_estimated_int, REFUSED) X(update_set_income_type, REFUSED) X(update_clear, REFUSED) \
  X(update_set_cell, REFUSED) X(update_extra, REFUSED) X(update_set_archived, REFUSED) \
  X(update_set_work_order, REFUSED)

#define NUMBER(name, how) OP_##name,
enum { OPERATIONS(NUMBER) COUNT };
#define NEVER 0
#define REFUSED 1
#define LINE(name, how) {"cor_" #name, how, 0, 0},
static struct {
  const char *name;
  int refusable;
  long worked, refused;
} operations[] = {OPERATIONS(LINE)};

static void did(int operation, int well) {
  if (well) operations[operation].worked++;
  else operations[operation].refused++;
}

/* A call that says how it ended, and one whose answer is something or nothing. */
#define TRY(name, ...) did(OP_##name, cor_##name(__VA_ARGS__) == COR_OK)
#define ASK(name, ...) did(OP_##name, cor_##name(__VA_ARGS__) != 0)

/* Whether a client's calls go to the sandbox, or to where nobody listens. */
static int to_sandbox;

static const unsigned char *bytes;
static size_t left;
static void *pool[POOL];

/* At most once in the arguments of a call: their order is the compiler's choice. */
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
    case 0: TRY(update_set_name_n, update, value, size); break;
    case 1: TRY(update_set_start, update, value); break;
    case 2: {
      int32_t year = (int32_t)next() * 100, month = (int32_t)next(), day = (int32_t)next();
      TRY(update_set_start_ymd, update, year, month, day);
      break;
    }
    case 3: TRY(update_set_estimated_decimal, update, value); break;
    case 4: TRY(update_set_estimated_double, update, how / 7.0 - 9); break;
    case 5: TRY(update_set_estimated_int, update, (int64_t)how << 50); break;
    case 6: TRY(update_set_income_type, update, value); break;
    case 7: TRY(update_clear, update, (int32_t)next() - 20); break;
    case 8: TRY(update_set_cell, update, next() % 2 ? "estimated" : value, value); break;
    case 9: TRY(update_extra, update, value, next() % 2 ? "{\"a\":[1,2]}" : value); break;
    case 10: TRY(update_set_archived, update, how % 2); break;
    default: TRY(update_set_work_order, update, value); break;
  }
}

static void configure(char *value) {
  cor_config *config = (cor_config *)any();
  unsigned how = next();
  switch (how % 10) {
    case 0: TRY(config_set_token, config, value); break;
    case 1: TRY(config_set_ca_file, config, value); break;
    case 2: TRY(config_set_deadline_ms, config, (int64_t)how - 200); break;
    case 3: TRY(config_set_max_attempts, config, how); break;
    case 4: TRY(config_set_concurrency, config, how * how); break;
    case 5: TRY(config_set_rate, config, how / 3.0 - 5); break;
    case 6: TRY(config_set_proxy, config, value); break;
    case 7: TRY(config_set_transport, config, value); break;
    case 8: TRY(config_set_client_cert, config, value); break;
    default: TRY(config_set_user_agent, config, value); break;
  }
}

static void ask(void) {
  cor_error *error = (cor_error *)any();
  cor_project *project = (cor_project *)any();
  int64_t number;
  did(OP_error_kind, cor_error_kind(error) > COR_ERR_INTERNAL);
  ASK(error_message, error);
  ASK(error_issue_message, error, next());
  ASK(error_issue_count, error);
  ASK(error_is_duplicate, error);
  ASK(deleted_cor_id, (cor_deleted *)any(), &number);
  ASK(deleted_json, (cor_deleted *)any());
  ASK(project_json, project);
  ASK(project_get_json, project, "name");
  ASK(project_created_at_unix, project, &number);
  ASK(status_name, (int32_t)next() - 5);
  ASK(field_name, (int32_t)next() - 5);
}

static void run_some(char *value) {
  cor_bulk *bulk = (cor_bulk *)any();
  const cor_item_result *item = NULL;
  cor_error *error = NULL;
  unsigned how = next();
  switch (how % 5) {
    case 0: TRY(bulk_push, bulk, value, (cor_update *)any()); break;
    case 1: TRY(bulk_end_input, bulk); break;
    case 2: TRY(bulk_stop, bulk); break;
    /* Whoever waits for rows that nobody pushes waits for ever, so the input ends first. */
    case 3:
      TRY(bulk_end_input, bulk);
      TRY(bulk_next, bulk, &item, &error);
      ASK(item_result_id, item);
      ASK(item_result_created, item);
      (void)cor_error_free(error);
      break;
    default: ASK(bulk_wants_rows, bulk); break;
  }
}

static void make(char *value, size_t size) {
  cor_create *create = (cor_create *)any();
  switch (next() % 5) {
    case 0: TRY(create_set_brand_id, create, value); break;
    case 1: TRY(create_set_product_id_n, create, value, size); break;
    case 2: TRY(create_set_brand_id, create, NULL); break;
    case 3: TRY(create_validate, create, NULL); break;
    default: ASK(create_json, create); break;
  }
}

/* Options whose client talks to the sandbox, or to nobody, and does not wait for long. */
static cor_config *harmless(void) {
  cor_config *config = cor_config_new();
  did(OP_config_new, config != NULL);
  (void)cor_config_set_base_url(config, to_sandbox ? sandbox_url() : "http://127.0.0.1:1");
  (void)cor_config_set_token(config, to_sandbox ? "sandbox-token" : "t");
  (void)cor_config_set_deadline_ms(config, to_sandbox ? 5000 : 20);
  (void)cor_config_set_max_attempts(config, 1);
  return config;
}

static void free_as_whatever(void *handle) {
  TRY(update_free, (cor_update *)handle);
  TRY(config_free, (cor_config *)handle);
  TRY(client_free, (cor_client *)handle);
  TRY(project_free, (cor_project *)handle);
  TRY(bulk_free, (cor_bulk *)handle);
  TRY(error_free, (cor_error *)handle);
  TRY(create_free, (cor_create *)handle);
  TRY(deleted_free, (cor_deleted *)handle);
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
    cor_client *client = NULL, *from;
    cor_project *project = NULL;
    cor_bulk *bulk = NULL;
    cor_deleted *deleted = NULL;
    cor_error *error = NULL;
    cor_bulk_options options = COR_BULK_OPTIONS_INIT;
    switch (next() % 16) {
      case 0: {
        cor_update *update = cor_update_new_n(value, n);
        did(OP_update_new_n, update != NULL);
        put(update);
        break;
      }
      case 1: put(harmless()); break;
      case 2: TRY(client_new, (cor_config *)any(), &client, &error); put(client); break;
      case 3:
        from = (cor_client *)any();
        TRY(client_update_project_n, from, value, n, (cor_update *)any(), &project, &error);
        put(project);
        break;
      case 4:
        options.create_missing = (uint32_t)n;
        TRY(bulk_new, (cor_client *)any(), &options, &bulk, &error);
        put(bulk);
        break;
      case 5: TRY(update_validate, (cor_update *)any(), &error); break;
      case 6: free_as_whatever(any()); break;
      case 7: ask(); break;
      case 8: run_some(value); break;
      case 9: configure(value); break;
      case 10: {
        cor_create *create = cor_create_new_n(value, n, (cor_update *)any());
        did(OP_create_new_n, create != NULL);
        put(create);
        break;
      }
      case 11: make(value, n); break;
      case 12:
        from = (cor_client *)any();
        TRY(client_create_project, from, (cor_create *)any(), &project, &error);
        put(project);
        break;
      case 13:
        from = (cor_client *)any();
        TRY(client_delete_project_n, from, value, n, value, n / 2, next() % 2 ? &deleted : NULL, &error);
        put(deleted);
        break;
      case 14: {
        cor_call_options own = COR_CALL_OPTIONS_INIT;
        own.max_attempts = next() % 8;
        /* 5 is the client's deadline. */
        own.deadline_ms = (int64_t)(next() % 30) - 5;
        from = (cor_client *)any();
        TRY(client_update_project_with_n, from, value, n, (cor_update *)any(), &own, &project, &error);
        put(project);
        break;
      }
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

static struct {
  unsigned char data[MOST];
  size_t size;
} kept[FILES];
static int files;

static int read_files(int count, char **names) {
  for (; files < count; files++) {
    FILE *file = files < FILES ? fopen(names[files], "rb") : NULL;
    if (!file) return perror(names[files]), 0;
    kept[files].size = fread(kept[files].data, 1, MOST, file);
    fclose(file);
  }
  return 1;
}

/* A kept file with another behind it and some bytes changed, or bytes of no origin. */
static size_t invent(unsigned char *data) {
  size_t i, size = 64 + (size_t)made_up() * 8;
  if (!files || made_up() % 4 == 0) {
    for (i = 0; i < size; i++) data[i] = made_up();
    return size;
  }
  for (size = 0; size < MOST && (!size || made_up() % 2);) {
    int which = (made_up() << 8 | made_up()) % files;
    size_t n = kept[which].size < MOST - size ? kept[which].size : MOST - size;
    memcpy(data + size, kept[which].data, n);
    size += n;
  }
  for (i = made_up() % 16; size && i; i--) data[(size_t)(made_up() << 8 | made_up()) % size] = made_up();
  return size;
}

/* Whether the kept files spell every call, both working and refused. */
static int spelled(void) {
  int i, missing = 0;
  for (i = 0; i < COUNT; i++) {
    int lacks = !operations[i].worked ? 1 : operations[i].refusable && !operations[i].refused ? 2 : 0;
    if (lacks) {
      fprintf(stderr, "%s is never %s by the kept files: spell it in fuzz_corpus.py\n", operations[i].name,
              lacks == 1 ? "made to work" : "refused");
      missing++;
    }
  }
  printf("%d calls, each worked and was refused, ", COUNT - missing);
  return !missing;
}

int main(int count, char **arguments) {
  static unsigned char data[MOST];
  int timed = count > 3 && !strcmp(arguments[1], "--seconds");
  if (timed || (count > 3 && !strcmp(arguments[1], "--inputs"))) {
    long most = atol(arguments[2]), inputs = 0;
    clock_t end = clock() + most * CLOCKS_PER_SEC;
    if (!read_files(count - 4, arguments + 4)) return 2;
    state = strtoull(arguments[3], NULL, 10);
    if (!state) state = (unsigned long long)time(NULL) * 2654435761u | 1;
    printf("seed %llu, ", state);
    fflush(stdout);
    for (; timed ? clock() < end : inputs < most; inputs++) play(data, invent(data));
    printf("%ld inputs, ", inputs);
    return finished();
  }
  int i, all;
  if (count < 2 || !read_files(count - 1, arguments + 1)) return 2;
  to_sandbox = 1;
  for (i = 0; i < files; i++) play(kept[i].data, kept[i].size);
  all = spelled();
  return finished() || !all;
}
