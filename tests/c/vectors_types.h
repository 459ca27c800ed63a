/* The rows of the table that vectors.py makes. For C and C++. */
#ifndef VECTORS_TYPES_H
#define VECTORS_TYPES_H
#include <stddef.h>

struct vector_field { const char *field, *tag, *value; };
struct vector_pair { const char *name, *value; };

/* An update, and either the path and body on the wire or the kind and issues of its refusal. */
struct update_vector {
  const char *name, *id;
  size_t id_size;
  const char *source;
  size_t field_count;
  struct vector_field fields[20];
  size_t extra_count;
  struct vector_pair extras[4];
  const char *path, *body, *kind;
  size_t issue_count;
  struct vector_pair issues[8];
};

/* An answer as the sandbox is told to give it, and either the project or the error it makes. -1: not stated. */
struct answer_vector {
  const char *name, *queued;
  size_t project_count;
  struct vector_pair project[20];
  const char *kind, *outcome, *code;
  int status, attempts, retryable, retry_after;
};

/* An answer of the main API to the call "get" of the project `id` or to the call "list", and the project, the ids of the list, each
 * with a space behind it, or the error it makes. -1: not stated. */
struct main_answer_vector {
  const char *name, *call;
  long long id;
  const char *queued;
  size_t project_count;
  struct vector_pair project[24];
  const char *ids;
  long long total;
  const char *kind, *outcome, *code;
  int status, attempts, retryable;
};
#endif
