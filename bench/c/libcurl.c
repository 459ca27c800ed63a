/* libcurl's multi interface with a handle for each row in flight.
 *
 *   libcurl --url URL --n N --c C [--ca FILE] [--mode h1|h2]
 *
 * The body is printed and the response's name is searched for as text: less work than the other clients do, who check the
 * row and read a typed response. */
#include "job.h"
#include <curl/curl.h>

static const char *url, *ca, *mode = "h1";
static uint64_t n = 1000, next_row, errors, live;

struct handle {
  CURL *curl;
  char name[96], body[512], response[4096];
  size_t length;
};

static size_t on_data(char *data, size_t size, size_t count, void *user_data) {
  struct handle *h = user_data;
  size_t length = size * count;
  if (h->length + length >= sizeof h->response) return 0;
  memcpy(h->response + h->length, data, length);
  h->length += length;
  h->response[h->length] = '\0';
  return length;
}

/* The JSON of the row's body. */
static void print_body(const struct row *r, char *out, size_t size) {
  int at = snprintf(out, size, "{\"metadata\":{\"source\":\"SALESFORCE\"},\"name\":\"%s\"", r->name);
  if (r->start) at += snprintf(out + at, size - (size_t)at, ",\"start\":\"%s\"", r->start);
  at += snprintf(out + at, size - (size_t)at, ",\"end\":\"%s\",\"estimated_time\":%.15g,\"status\":\"%s\",\"estimated\":%.15g",
                 r->end, r->hours, r->status, r->money);
  if (r->income_type) at += snprintf(out + at, size - (size_t)at, ",\"income_type\":\"%s\"", r->income_type);
  snprintf(out + at, size - (size_t)at, "}");
}

static bool load(struct handle *h) {
  struct row r;
  char address[512];
  if (next_row >= n) return false;
  row_of(next_row++, &r);
  memcpy(h->name, r.name, sizeof h->name);
  print_body(&r, h->body, sizeof h->body);
  snprintf(address, sizeof address, "%s/v2/integrations/projects/%s", url, r.id);
  h->length = 0;
  curl_easy_setopt(h->curl, CURLOPT_URL, address);
  curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(h->body));
  curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, h->body);
  return true;
}

static bool is_right(struct handle *h, CURLcode code) {
  long status = 0;
  char expected[128];
  curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
  snprintf(expected, sizeof expected, "\"name\":\"%s\"", h->name);
  return code == CURLE_OK && status == 200 && h->length > 0 && strstr(h->response, expected);
}

static void settle(CURLM *multi) {
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
    struct handle *h;
    CURLcode code = message->data.result;
    if (message->msg != CURLMSG_DONE) continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&h);
    curl_multi_remove_handle(multi, h->curl);
    if (!is_right(h, code)) errors++;
    if (load(h)) curl_multi_add_handle(multi, h->curl);
    else live--;
  }
}

int main(int argc, char **argv) {
  size_t c = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!strcmp(name, "--url")) url = value;
    else if (!strcmp(name, "--n")) n = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--c")) c = (size_t)strtoull(value, NULL, 10);
    else if (!strcmp(name, "--ca")) ca = value;
    else if (!strcmp(name, "--mode")) mode = value;
    else return 2;
  }
  if (!url) return 2;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  struct curl_slist *headers = curl_slist_append(NULL, "authorization: Bearer " TOKEN);
  headers = curl_slist_append(headers, "content-type: application/json");
  bool h2 = !strcmp(mode, "h2");
  struct handle *handles = calloc(c, sizeof *handles);
  CURLM *multi = curl_multi_init();
  if (!handles || !multi) return 1;
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)c);
  struct clock clock = clock_start();
  for (size_t i = 0; i < c; i++) {
    struct handle *h = &handles[i];
    h->curl = curl_easy_init();
    curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->curl, CURLOPT_PRIVATE, h);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION, (long)(h2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (h2) curl_easy_setopt(h->curl, CURLOPT_PIPEWAIT, 1L);
    if (ca) curl_easy_setopt(h->curl, CURLOPT_CAINFO, ca);
    if (load(h)) {
      curl_multi_add_handle(multi, h->curl);
      live++;
    }
  }
  while (live) {
    int running;
    curl_multi_perform(multi, &running);
    settle(multi);
    if (live) curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  clock_report(&clock, n, errors, NULL);
  return 0;
}
