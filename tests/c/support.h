/* What the tests share: checks that go on after a failure, and the sandbox's own controls over plain HTTP. C and C++. */
#ifndef SUPPORT_H
#define SUPPORT_H
#include <projectcor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts a check, and says where it failed. */
#define CHECK(yes, ...) check((yes) != 0, __FILE__, __LINE__, #yes, __VA_ARGS__)
void check(int yes, const char *file, int line, const char *what, const char *format, ...)
#ifdef __GNUC__
  __attribute__((format(printf, 5, 6)))
#endif
  ;

/* Two texts, of which either may be NULL. */
int same(const char *a, const char *b);

/* Prints the counts and returns the exit status. Call it last: it checks that every handle was freed. */
int finished(void);

/* Where the sandbox is, from COR_SANDBOX_URL. */
const char *sandbox_url(void);
/* Where its main API is, which reads projects. */
const char *sandbox_main_url(void);
/* A client for the sandbox: two attempts, a millisecond apart. */
cor_client *sandbox_client(void);
/* Scripted answers, as JSON; see the sandbox's POST /sandbox/queue. */
void sandbox_queue(const char *json);
/* Forgets scripted answers and recorded requests. */
void sandbox_clear(void);
/* How many requests arrived, and path and body of the last; free() both. */
int sandbox_requests(char **path, char **body);
/* Waits until so many requests arrived. */
void sandbox_wait(int requests);
/* Changes a project as a user of COR does. */
void sandbox_edit(long long cor_id, const char *json);
/* The sandbox's stored projects as JSON; free() it. */
char *sandbox_projects(void);

#ifdef __cplusplus
}
#endif
#endif
