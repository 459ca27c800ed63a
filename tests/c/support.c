#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

static int passed, failed;

void check(int yes, const char *file, int line, const char *what, const char *format, ...) {
  if (yes) {
    __atomic_add_fetch(&passed, 1, __ATOMIC_RELAXED);
    return;
  }
  __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
  va_list more;
  va_start(more, format);
  fprintf(stderr, "%s:%d: not so: %s: ", file, line, what);
  vfprintf(stderr, format, more);
  fputc('\n', stderr);
  va_end(more);
}

int same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

int finished(void) {
  CHECK(cor_handles_in_use() == 0, "%llu handles were not freed", (unsigned long long)cor_handles_in_use());
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

const char *sandbox_url(void) {
  const char *url = getenv("COR_SANDBOX_URL");
  if (!url) {
    fputs("COR_SANDBOX_URL is not set; tests/c/run does that\n", stderr);
    exit(2);
  }
  return url;
}

const char *sandbox_main_url(void) {
  static char url[256];
  snprintf(url, sizeof url, "%s/v1", sandbox_url());
  return url;
}

cor_client *sandbox_client(void) {
  cor_client *client = NULL;
  cor_error *error = NULL;
  cor_config *config = cor_config_new();
  cor_config_set_base_url(config, sandbox_url());
  cor_config_set_main_url(config, sandbox_main_url());
  cor_config_set_token(config, "sandbox-token");
  cor_config_set_max_attempts(config, 2);
  cor_config_set_backoff_base_ms(config, 1);
  cor_config_set_backoff_cap_ms(config, 1);
  CHECK(cor_client_new(config, &client, &error) == COR_OK, "%s", cor_error_message(error));
  cor_config_free(config);
  return client;
}

/* One request on a connection of its own; the answer's body, to be freed. */
static char *http(const char *method, const char *path, const char *body) {
  struct sockaddr_in to;
  memset(&to, 0, sizeof to);
  to.sin_family = AF_INET;
  to.sin_port = htons((unsigned short)atoi(strrchr(sandbox_url(), ':') + 1));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    perror("sandbox");
    exit(2);
  }
  size_t size = strlen(body) + strlen(path) + 256, have = 0;
  char *request = (char *)malloc(size);
  int length = snprintf(request, size,
                        "%s %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
                        "content-length: %zu\r\n\r\n%s",
                        method, path, strlen(body), body);
  if (write(fd, request, (size_t)length) != length) exit(2);
  free(request);
  char *answer = NULL;
  ssize_t got = 1;
  while (got > 0) {
    answer = (char *)realloc(answer, have + 65537);
    got = read(fd, answer + have, 65536);
    if (got > 0) have += (size_t)got;
  }
  answer[have] = 0;
  close(fd);
  char *start = strstr(answer, "\r\n\r\n");
  if (!start) exit(2);
  memmove(answer, start + 4, strlen(start + 4) + 1);
  return answer;
}

void sandbox_queue(const char *json) {
  char *answer = http("POST", "/sandbox/queue", json);
  CHECK(strstr(answer, "\"queued\""), "%s", answer);
  free(answer);
}

void sandbox_clear(void) {
  free(http("DELETE", "/sandbox/queue", ""));
  free(http("DELETE", "/sandbox/requests", ""));
}

void sandbox_edit(long long cor_id, const char *json) {
  char path[64];
  snprintf(path, sizeof path, "/sandbox/projects/%lld", cor_id);
  char *answer = http("PATCH", path, json);
  CHECK(strstr(answer, "\"cor_id\""), "%s", answer);
  free(answer);
}

char *sandbox_projects(void) { return http("GET", "/sandbox/projects?limit=10000", ""); }

static void put_utf8(char **out, unsigned code) {
  if (code < 0x80) *(*out)++ = (char)code;
  else if (code < 0x800) *(*out)++ = (char)(0xc0 | code >> 6), *(*out)++ = (char)(0x80 | (code & 63));
  else *(*out)++ = (char)(0xe0 | code >> 12), *(*out)++ = (char)(0x80 | (code >> 6 & 63)), *(*out)++ = (char)(0x80 | (code & 63));
}

/* The JSON string that follows the last `key`, unescaped; NULL where there is none. */
static char *last_string(const char *json, const char *key) {
  const char *at = NULL;
  for (const char *next = json; (next = strstr(next, key)); next++) at = next;
  if (!at) return NULL;
  at += strlen(key);
  char *text = (char *)malloc(strlen(at) + 1), *out = text;
  for (; *at && *at != '"'; at++) {
    if (*at != '\\') {
      *out++ = *at;
      continue;
    }
    static const char *const names = "\"\\/bfnrt", *const means = "\"\\/\b\f\n\r\t";
    const char *known = strchr(names, *++at);
    if (known) {
      *out++ = means[known - names];
    } else {
      char digits[5] = {0};
      memcpy(digits, at + 1, 4);
      put_utf8(&out, (unsigned)strtoul(digits, NULL, 16));
      at += 4;
    }
  }
  *out = 0;
  return text;
}

static int count(const char *json) {
  int found = 0;
  for (const char *at = json; (at = strstr(at, "{\"index\":")); at++) found++;
  return found;
}

int sandbox_requests(char **path, char **body) {
  char *json = http("GET", "/sandbox/requests", "");
  int found = count(json);
  *path = last_string(json, "\"path\":\"");
  *body = last_string(json, "\"body\":\"");
  free(json);
  return found;
}

void sandbox_wait(int requests) {
  for (int tries = 0; tries < 3000; tries++) {
    char *json = http("GET", "/sandbox/requests", "");
    int found = count(json);
    free(json);
    if (found >= requests) return;
    usleep(10000);
  }
  CHECK(0, "%d requests did not arrive in thirty seconds", requests);
}
