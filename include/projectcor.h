/*
 * projectcor: COR (projectcor.com) project updates for C. For C++ there is projectcor.hpp on top of this header.
 *
 *   cor_client *client = NULL;
 *   cor_project *project = NULL;
 *   cor_error *error = NULL;
 *   cor_update *update = cor_update_new("SALESFORCE");
 *   cor_update_set_name(update, "Website, phase 2");
 *   cor_update_clear(update, COR_FIELD_BRIEF);
 *   if (cor_client_from_env(&client, &error) == COR_OK &&
 *       cor_client_update_project(client, "SF-OPP-12345", update, &project, &error) == COR_OK)
 *     puts(cor_project_json(project));
 *   else
 *     fprintf(stderr, "%s\n", cor_error_message(error));
 *   cor_error_free(error);
 *   cor_project_free(project);
 *   cor_update_free(update);
 *   cor_client_free(client);
 *
 * CONVENTIONS
 *
 * Handles.   Each cor_NAME * is a handle: a number that looks like a pointer and must not be dereferenced. The caller
 *            owns those it gets from _new, _clone, _from_env and outputs (T **), and frees each with its own
 *            cor_NAME_free(). Handles returned as const pointers belong to the object that returned them and end with it.
 * Misuse.    NULL, a handle of another kind, a freed handle, or a pointer to something else is recognised without
 *            being dereferenced. Functions that return cor_status then return COR_ERR_ARGUMENT; getters return NULL, 0,
 *            false or what their comment says. Freeing NULL does nothing and is COR_OK; freeing twice is
 *            COR_ERR_ARGUMENT.
 * Results.   cor_status is 0 (COR_OK) for success. Outputs come next to last and are required unless stated; they
 *            are set to NULL on failure. The last parameter, cor_error **, may be NULL; else it is always written: NULL
 *            on success, on failure an error that the caller frees. Do not pass one that still holds an error.
 * Text.      UTF-8, NUL-terminated; functions ending in _n take the size in bytes instead. Text arguments are copied
 *            during the call. Returned text belongs to the handle that was passed, and lives as long as that handle. A NUL
 *            inside text from COR shows as U+FFFD; the JSON getters have it exactly.
 * Structs.   Those that can grow begin with struct_size. Set them up with their _INIT macro. Programs compiled with
 *            an older header work with a newer library, and programs with a newer header work with an older library
 *            unless they set an option that it does not have.
 * Numbers.   Times are in milliseconds and end in _ms. Enumerations come in as int32_t, so that an unknown number is
 *            an error and not undefined; known numbers are never changed or reused.
 * Threads.   A cor_client may be used by many threads at once; a cor_project, a cor_deleted, a cor_auth_status and a
 *            cor_error be read by many, and a cor_update and a cor_create as long as none changes it. Everything else
 *            belongs to one thread at a time. Use by two threads that is not allowed returns COR_ERR_ARGUMENT. Callbacks
 *            run on the thread that made the call, may call any function of this library, and must return: neither
 *            longjmp nor C++ exceptions may leave them.
 * Process.   No signal handler is installed, no global state changed. The environment is read only by
 *            cor_client_from_env() and cor_config_read_environment(), except for the place of the configuration file, which
 *            cor_client_new() reads where a profile is set, and for what other libraries read: the place of the
 *            operating system's certificate authorities (SSL_CERT_FILE, SSL_CERT_DIR), and a switch of the event
 *            loop (TOKIO_UNSTABLE_SHARDED_BLOCKING_QUEUE). SIGPIPE never reaches the program. A client works in a
 *            forked child: it opens new connections and does not use the parent's; a run of many rows does not work
 *            there. The only threads that the library may start resolve names and run a profile's token command, the
 *            only program that it starts.
 * Secrets.   Tokens and client secrets are wiped when freed and appear in no error text.
 *
 * "Since" in the comment of a function is the first version that has it.
 */

#ifndef PROJECTCOR_H
#define PROJECTCOR_H

/* Made from crates/cor-ffi by scripts/header. Edit the sources there, not this file. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header as one number, to be compared in #if: MAJOR * 10000 + MINOR * 100 + PATCH. */
#define PROJECTCOR_VERSION_NUMBER \
  (PROJECTCOR_VERSION_MAJOR * 10000 + PROJECTCOR_VERSION_MINOR * 100 + PROJECTCOR_VERSION_PATCH)

/** Sets up a cor_bulk_options: cor_bulk_options options = COR_BULK_OPTIONS_INIT; */
#define COR_BULK_OPTIONS_INIT { sizeof(cor_bulk_options), NULL, NULL, NULL, 0, 0, 0, 0, 0 }

/** Sets up a cor_call_options: cor_call_options options = COR_CALL_OPTIONS_INIT; */
#define COR_CALL_OPTIONS_INIT { sizeof(cor_call_options), 0, 0, 0, NULL, 0, 0, 0 }

/** Sets up a cor_read_options: cor_read_options options = COR_READ_OPTIONS_INIT; */
#define COR_READ_OPTIONS_INIT { sizeof(cor_read_options), 0, 0, 0 }

/** Sets up a cor_read_summary: cor_read_summary summary = COR_READ_SUMMARY_INIT; */
#define COR_READ_SUMMARY_INIT { sizeof(cor_read_summary), 0, 0, 0 }

/** Sets up a cor_project_filter that lets every project pass: cor_project_filter filter = COR_PROJECT_FILTER_INIT; */
#define COR_PROJECT_FILTER_INIT { sizeof(cor_project_filter), NULL, NULL, 0, 0, 0, 0, 0, NULL, 0, 0 }

/** Sets up a cor_summary: cor_summary summary = COR_SUMMARY_INIT; */
#define COR_SUMMARY_INIT { sizeof(cor_summary), 0, 0, 0, 0, 0, 0 }

/** Sets up a cor_progress: cor_progress progress = COR_PROGRESS_INIT; */
#define COR_PROGRESS_INIT { sizeof(cor_progress), 0, 0, 0, 0 }

/** Sets up a cor_sync_options: cor_sync_options options = COR_SYNC_OPTIONS_INIT; */
#define COR_SYNC_OPTIONS_INIT \
  { sizeof(cor_sync_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 0, NULL, 0, NULL, NULL, NULL, \
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, NULL, 0, \
    0, 0 }

/** Sets up a cor_sync_summary: cor_sync_summary summary = COR_SYNC_SUMMARY_INIT; */
#define COR_SYNC_SUMMARY_INIT { sizeof(cor_sync_summary), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** The version of this header. */
#define PROJECTCOR_VERSION_MAJOR 0

/** The version of this header. */
#define PROJECTCOR_VERSION_MINOR 1

/** The version of this header. */
#define PROJECTCOR_VERSION_PATCH 0

/** How a call ended. 0 is success; see cor_status_name() for the names. */
enum cor_status
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** Done. */
  COR_OK = 0,
  /** An argument is invalid: NULL, a handle of another kind or a freed one, text that is not UTF-8. */
  COR_ERR_ARGUMENT = 1,
  /** A bug in this library. Please report it. */
  COR_ERR_INTERNAL = 2,
  /** The client refused the update; nothing was sent. cor_error_issue_count() and its companions name every problem. */
  COR_ERR_INVALID = 10,
  /** The options or the environment of the client are invalid. */
  COR_ERR_CONFIG = 11,
  /** No token, or COR did not accept it (HTTP 401). */
  COR_ERR_AUTH = 20,
  /** The role of the token's user does not allow this (HTTP 403). */
  COR_ERR_FORBIDDEN = 21,
  /** COR reports that it has no project of this external id under this source; any other 404 is COR_ERR_PROTOCOL. */
  COR_ERR_PROJECT_NOT_FOUND = 22,
  /** COR refused a value. */
  COR_ERR_VALIDATION = 23,
  /** The project would end before it starts. */
  COR_ERR_INVALID_DATE_RANGE = 24,
  /** Too many requests (HTTP 429). */
  COR_ERR_RATE_LIMITED = 25,
  /** COR failed (HTTP 5xx). */
  COR_ERR_SERVER = 26,
  /** The deadline passed. */
  COR_ERR_TIMEOUT = 30,
  /** Connecting failed, or the connection broke. */
  COR_ERR_TRANSPORT = 31,
  /** The TLS handshake failed: certificate, name or protocol. */
  COR_ERR_TLS = 32,
  /** The response was not one COR's API gives: a page, a bare value, or a 404 or 405 without a name or code of COR's. */
  COR_ERR_PROTOCOL = 33,
  /** The server answered with a redirect, which the client does not follow. */
  COR_ERR_REDIRECT = 34,
  /** The response was larger than this client reads. */
  COR_ERR_TOO_LARGE = 35,
  /** The call was stopped: its client was freed, or its run was stopped before the row was begun. */
  COR_ERR_CANCELLED = 40,
};
#ifndef __cplusplus
typedef int32_t cor_status;
#endif /* __cplusplus */

/** What COR says of the credentials of a client. */
enum cor_auth_result
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** Not known: there was no server to ask. */
  COR_AUTH_NOT_CHECKED = 0,
  /** COR accepted the token in a request that changes nothing. */
  COR_AUTH_ACCEPTED = 1,
  /** The token endpoint issued a token, and there was no other server to ask. */
  COR_AUTH_TOKEN_ISSUED = 2,
  /** COR refused the credentials, or no token could be got with them. */
  COR_AUTH_REFUSED = 3,
  /** Not known: no server gave a usable response. */
  COR_AUTH_UNREACHABLE = 4,
};
#ifndef __cplusplus
typedef int32_t cor_auth_result;
#endif /* __cplusplus */

/** Whether an update took effect, as far as the client can know. */
enum cor_outcome
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** The update certainly did not take effect. */
  COR_OUTCOME_NOT_APPLIED = 0,
  /** COR said that it applied the update. */
  COR_OUTCOME_APPLIED = 1,
  /** The request may have reached COR, and no response says whether COR applied it. Sending it again is safe. */
  COR_OUTCOME_UNKNOWN = 2,
};
#ifndef __cplusplus
typedef int32_t cor_outcome;
#endif /* __cplusplus */

/** Whether a list holds archived projects. */
enum cor_archived
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** The list is not filtered. COR does not document whether it then holds archived projects. */
  COR_ARCHIVED_ANY = 0,
  /** Archived projects only. */
  COR_ARCHIVED_ONLY = 1,
  /** Active projects only. */
  COR_ARCHIVED_NONE = 2,
};
#ifndef __cplusplus
typedef int32_t cor_archived;
#endif /* __cplusplus */

/** The optional fields of a project update, in the order of COR's page, which is also the order on the wire. */
enum cor_field
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  COR_FIELD_NAME = 1,
  COR_FIELD_CLIENT_ID = 2,
  COR_FIELD_BRIEF = 3,
  COR_FIELD_START = 4,
  COR_FIELD_END = 5,
  COR_FIELD_PM_ID = 6,
  COR_FIELD_ESTIMATED_TIME = 7,
  COR_FIELD_BILLABLE = 8,
  COR_FIELD_STATUS = 9,
  COR_FIELD_CURRENCY_ID = 10,
  COR_FIELD_EVALUATION_DATE = 11,
  COR_FIELD_ESTIMATED = 12,
  COR_FIELD_FEE_ID = 13,
  COR_FIELD_CONTRACT_ID = 14,
  COR_FIELD_DELIVERABLES = 15,
  COR_FIELD_WORK_ORDER = 16,
  COR_FIELD_INCOME_TYPE = 17,
  COR_FIELD_ARCHIVED = 18,
};
#ifndef __cplusplus
typedef int32_t cor_field;
#endif /* __cplusplus */

/** Why a bulk run sends no request at the moment. */
enum cor_pause
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** It is not paused. */
  COR_PAUSE_NONE = 0,
  /** COR refused requests because there were too many. */
  COR_PAUSE_RATE_LIMITED = 1,
  /** COR cannot be reached. */
  COR_PAUSE_UNREACHABLE = 2,
};
#ifndef __cplusplus
typedef int32_t cor_pause;
#endif /* __cplusplus */

/** The status of a project's rows. */
enum cor_row_status
#ifdef __cplusplus
  : int32_t
#endif /* __cplusplus */
 {
  /** A sync would send it; only in a plan. */
  COR_ROW_PLANNED = 0,
  /** COR applied it. */
  COR_ROW_APPLIED = 1,
  /** COR applied it, and this run created the project. */
  COR_ROW_CREATED = 2,
  /** Refused before anything was sent. */
  COR_ROW_REJECTED = 3,
  /** Sent, and COR did not apply it. */
  COR_ROW_NOT_APPLIED = 4,
  /** Sent, and whether COR applied it is unknown. The next sync sends it again. */
  COR_ROW_UNKNOWN = 5,
  /** Not started, because the run ended early. The next sync sends it. */
  COR_ROW_NOT_STARTED = 6,
};
#ifndef __cplusplus
typedef int32_t cor_row_status;
#endif /* __cplusplus */

/** The credentials of a client, without their text. It never changes, so many threads may read it. */
typedef struct cor_auth_status cor_auth_status;

/**
 * Many updates, row by row, for a loop of the caller's own instead of callbacks. Belongs to one thread at a time; only
 * cor_bulk_stop() may be called by any.
 *
 * ```c
 * while (more || item) {
 *   while (more && cor_bulk_wants_rows(bulk)) { … cor_bulk_push(bulk, id, update) or cor_bulk_end_input(bulk) … }
 *   if (cor_bulk_next(bulk, &item, &error) != COR_OK) break;
 *   if (item) …
 * }
 * ```
 */
typedef struct cor_bulk cor_bulk;

/**
 * A client of COR's Integrations API. May be used by many threads at once.
 *
 * In a process that was forked off, a client goes on working: it connects anew and leaves the parent's connections
 * alone. What a parent's other threads had in flight is not carried on.
 */
typedef struct cor_client cor_client;

/** The options of a client, before there is one. Belongs to one thread at a time. */
typedef struct cor_config cor_config;

/**
 * A new project: its external id, the fields of an update, and those that only a create has. Many
 * threads may send and check one at once, as long as none changes it meanwhile; that is noticed, and is
 * COR_ERR_ARGUMENT.
 *
 * A value that a setter refuses, here or in the update, is recorded: cor_create_validate() and sending fail with every
 * problem at once. Setting the field again to a valid value corrects it.
 */
typedef struct cor_create cor_create;

/** COR's response to a delete. It never changes, so many threads may read it. */
typedef struct cor_deleted cor_deleted;

/** Why a call did not succeed, and what is known about the update. It never changes, so many threads may read it. */
typedef struct cor_error cor_error;

/** The result of one row. Lives as long as the callback that gets it, or until the next result is asked for. */
typedef struct cor_item_result cor_item_result;

/**
 * A project as COR's response describes it. It never changes, so many threads may read it.
 *
 * Every field is optional: COR documents no response. Ids are COR's internal ids, not the external ids of a request.
 */
typedef struct cor_project cor_project;

/**
 * A partial update of one project: only fields that were set or cleared are sent. Many threads may send, check and clone one at
 * once, as long as none changes it meanwhile; that is noticed, and is COR_ERR_ARGUMENT.
 *
 * A setter that refuses its value returns why: COR_ERR_INVALID for a value that is not valid for the field, COR_ERR_ARGUMENT for
 * NULL or text that is not UTF-8. The update records it, and cor_update_validate() and sending fail with every
 * problem at once: no value that a setter refused is left out silently. Setting the field again
 * to a valid value corrects it.
 */
typedef struct cor_update cor_update;

/**
 * Gets the result of a row, in the order in which rows finish. `item` lives until it returns.
 *
 * Returns whether to go on: false starts nothing new, lets requests in flight finish, and reports the rest as not
 * started. Runs on the thread that made the call and may call any function of this library.
 */
typedef bool (*cor_on_result)(void *user_data, const cor_item_result *item);

/** How far a run has come. The library sets struct_size; later versions may add members at the end. */
typedef struct cor_progress {
  /** sizeof(cor_progress), as the library knows it. */
  size_t struct_size;
  /** Rows finished, failed ones included. */
  uint64_t done;
  /** Rows that failed. */
  uint64_t failed;
  /** All rows; UINT64_MAX where the number is not known. */
  uint64_t total;
  /** A cor_pause: why no request is sent at the moment. */
  int32_t paused;
} cor_progress;

/**
 * Gets the state after each row, and where cor_bulk_options asks for it while none finishes. `progress` lives until it
 * returns. Returns whether to go on, as cor_on_result.
 */
typedef bool (*cor_on_progress)(void *user_data, const cor_progress *progress);

/** Options of a run. Set it up with COR_BULK_OPTIONS_INIT; later versions may add members at the end. */
typedef struct cor_bulk_options {
  /** sizeof(cor_bulk_options), as the caller knows it. */
  size_t struct_size;
  /** Passed to every callback. */
  void *user_data;
  /** Called for each row's result; may be NULL. */
  cor_on_result on_result;
  /** Called after each row, and every tick_ms while none finishes; may be NULL. */
  cor_on_progress on_progress;
  /**
   * How long the run waits while COR cannot be reached, in milliseconds; 0 is the default, 15 minutes. Until COR has
   * answered once, the run waits no longer than the client's deadline.
   */
  int64_t outage_timeout_ms;
  /** The most requests in flight, from 1 to 10000; 0 is the client's. */
  uint32_t concurrency;
  /**
   * How often on_progress is called while no row finishes, in milliseconds: what lets it show and end a wait
   * for COR. 0 is the default, never.
   */
  uint32_t tick_ms;
  /**
   * Not 0 creates the projects that COR does not know, with all that their row sets. An extra "brand_id" or
   * "product_id" becomes that field of the create; the update that goes first has it too. A create whose response is
   * lost is not sent twice: an update that sets the same settles it. See cor_item_result_created().
   */
  uint32_t create_missing;
  /**
   * Not 0 creates them even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15",
   * "1001.0" or an id with blanks around it, or that stands for no value, such as "#N/A". Otherwise such a row fails as
   * COR_ERR_PROJECT_NOT_FOUND.
   */
  uint32_t allow_mangled_ids;
} cor_bulk_options;

/** The counters of a run. Set it up with COR_SUMMARY_INIT; later versions may add members at the end. */
typedef struct cor_summary {
  /** sizeof(cor_summary), as the caller knows it. */
  size_t struct_size;
  /** Rows taken from the input. */
  uint64_t read;
  /** Rows that COR applied. */
  uint64_t applied;
  /** Rows refused before anything was sent. */
  uint64_t rejected;
  /** Rows that failed otherwise. */
  uint64_t failed;
  /** Rows taken from the input and not begun, because the run was stopped. */
  uint64_t not_started;
  /** Rows whose update sets no field, so that nothing was sent. */
  uint64_t unchanged;
} cor_summary;

/**
 * Options of one call, where they differ from the client's. Set it up with COR_CALL_OPTIONS_INIT; later versions may add
 * members at the end.
 */
typedef struct cor_call_options {
  /** sizeof(cor_call_options), as the caller knows it. */
  size_t struct_size;
  /**
   * Time limit for this call, including name resolution, retries and waits, in milliseconds, at most seven days;
   * 0 is the client's deadline.
   */
  int64_t deadline_ms;
  /**
   * The most attempts of this call, including the first, from 1 to 100; 0 is the client's max_attempts. An update whose idle
   * connection turns out to be closed is sent once more beyond these.
   */
  uint32_t max_attempts;
  /** Has to be 0. */
  uint32_t reserved;
  /**
   * The state file of a sync in which the call is recorded, so that the next sync knows what the call changed; "" is the
   * file that a sync uses by default. NULL records nothing. A missing file is not created: the next sync then
   * sends everything.
   */
  const char *state;
  /** COR's internal id of the project, as cor_project_id() of an earlier answer gives it, for settle_unknown; 0 is none. */
  int64_t cor_id;
  /**
   * Not 0 reads the project back from COR's main API if the response to this update or create is lost, to learn whether COR
   * applied it. It costs a second request, for which a quarter of the deadline, at most 10 s, is kept. An update needs cor_id;
   * a create is looked up by its name. If every field has the value that was sent, the call succeeds with the project as
   * read; else see cor_error_is_read_back() and cor_error_outcome().
   */
  uint32_t settle_unknown;
  /** Has to be 0. */
  uint32_t reserved_2;
} cor_call_options;

/**
 * A field of an update, compared with what COR shows. The library sets struct_size; later versions may add members at the end.
 * The pointers are valid until the callback returns.
 */
typedef struct cor_field_comparison {
  /** sizeof(cor_field_comparison), as the library knows it. */
  size_t struct_size;
  /** The field's name on the wire. */
  const char *field;
  /** The update's value, as JSON; "null" clears the field. */
  const char *ours_json;
  /** COR's value, as JSON, digit for digit; NULL if COR does not show the field. */
  const char *theirs_json;
  /** "equal", "different", or "not_comparable": COR's documentation does not say enough to decide. */
  const char *result;
  /** Why the values cannot be compared, as a stable name such as "external_id" or "not_shown"; else NULL. */
  const char *reason;
  /** The reason as a sentence for people, without a full stop; else NULL. */
  const char *message;
} cor_field_comparison;

/** Called with one field of an update, compared with what COR shows. Returns whether to continue. */
typedef bool (*cor_on_comparison)(void *user_data, const cor_field_comparison *comparison);

/** One row of many. */
typedef struct cor_row {
  /** The project's external id, NUL-terminated. */
  const char *id;
  /** What is to change; copied when the row's turn comes. */
  const cor_update *update;
} cor_row;

/**
 * Fills in the next row and returns true, or returns false where there is none. What the row points to has to stay
 * until this is called again or the call that uses it returns; it is copied before.
 *
 * In a plan or a sync of rows, a row whose id and update are both NULL says that the input failed: the run ends before
 * anything is sent.
 */
typedef bool (*cor_next_row)(void *user_data, cor_row *row);

/** Options for reading many projects. Set it up with COR_READ_OPTIONS_INIT; later versions may add members at the end. */
typedef struct cor_read_options {
  /** sizeof(cor_read_options), as the caller knows it. */
  size_t struct_size;
  /**
   * How long to wait while COR cannot be reached or refuses every request, in milliseconds; 0 is the default, 15 minutes.
   * Until COR has answered once, at most the client's deadline.
   */
  int64_t outage_timeout_ms;
  /** The most requests in flight, from 1 to 10000. 0 is the default: the client's; for a list 4. A list uses at most 100. */
  uint32_t concurrency;
  /** How many projects to ask for on a page of a list, from 1 to 10000; 0 is the default, 50, which COR documents as the most. */
  uint32_t per_page;
} cor_read_options;

/**
 * The result of reading one project by its id. The library sets struct_size; later versions may add members at the end. The
 * pointers are valid until the callback returns.
 */
typedef struct cor_read_result {
  /** sizeof(cor_read_result), as the library knows it. */
  size_t struct_size;
  /** COR's internal id of the project. */
  int64_t cor_id;
  /** The project; NULL if it could not be read. Keep it with cor_project_clone(). Not to be freed. */
  const cor_project *project;
  /** Why it could not be read; NULL if it was. Keep it with cor_error_clone(). Not to be freed. */
  const cor_error *error;
} cor_read_result;

/**
 * Gets the result of one id, in the order in which responses arrive. `result` lives until it returns. Returns whether to
 * continue, like cor_on_project.
 */
typedef bool (*cor_on_read)(void *user_data, const cor_read_result *result);

/** Counters of a read. Set it up with COR_READ_SUMMARY_INIT; later versions may add members at the end. */
typedef struct cor_read_summary {
  /** sizeof(cor_read_summary), as the caller knows it. */
  size_t struct_size;
  /** Projects that were read and passed to the callback. */
  uint64_t read;
  /** Projects that could not be read and whose error was passed to the callback; 0 for a list. */
  uint64_t failed;
  /** The number of projects that were asked for; for a list, how many it has, as COR states it. UINT64_MAX if it is not known. */
  uint64_t total;
} cor_read_summary;

/**
 * Which projects a list holds. Set it up with COR_PROJECT_FILTER_INIT, which lets every project pass; later versions may add
 * members at the end. Ids are COR's internal ones.
 */
typedef struct cor_project_filter {
  /** sizeof(cor_project_filter), as the caller knows it. */
  size_t struct_size;
  /** Projects from this day on, YYYY-MM-DD; NULL is not set. COR does not document which of a project's dates counts. */
  const char *date_start;
  /** Projects up to this day, YYYY-MM-DD; NULL is not set. */
  const char *date_end;
  /** COR's internal id of the client; 0 is not set. */
  int64_t client_id;
  /** COR's internal id of the team; 0 is not set. */
  int64_t team_id;
  /** COR's internal id of a user; 0 is not set. */
  int64_t user_id;
  /** COR's internal id of the brand; 0 is not set. */
  int64_t brand_id;
  /** COR's internal id of the product; 0 is not set. */
  int64_t product_id;
  /** The status: COR documents "finished", "in_process" and "suspended"; NULL is not set. */
  const char *status;
  /** The health: 1 on track, 2 at risk, 3 delayed, 4 critical; 0 is not set. */
  int32_t health;
  /** A cor_archived. */
  int32_t archived;
} cor_project_filter;

/**
 * Gets a project of a list. It lives until the callback returns; keep it with cor_project_clone(). Not to be freed.
 *
 * Returns whether to continue: after false, requests in flight are abandoned and the call returns COR_OK. Runs on the thread
 * that made the call and may call any function of this library.
 */
typedef bool (*cor_on_project)(void *user_data, const cor_project *project);

/** A field that changes. */
typedef struct cor_field_change {
  /** The field's name. */
  const char *name;
  /** The value that COR last accepted, as JSON; NULL if it is unknown. */
  const char *old_json;
  /** The new value, as JSON; "null" clears the field. */
  const char *new_json;
} cor_field_change;

/**
 * A project with changes. The library sets struct_size; later versions may add members at the end. The pointers are valid
 * until the callback returns.
 */
typedef struct cor_change {
  /** sizeof(cor_change), as the library knows it. */
  size_t struct_size;
  /** The external id. */
  const char *id;
  /** The line of a file at which its first row begins, from 1; for rows of a callback, the index of the row, from 0. */
  uint64_t first_line;
  /** The line or index of its last row. */
  uint64_t last_line;
  /** The number of its rows. They become one update. */
  uint64_t rows;
  /** The fields that change. */
  const cor_field_change *fields;
  /** The number of these fields. */
  size_t field_count;
  /**
   * The error because of which it was not applied; NULL if it was applied. In a plan NULL, unless its rows contradict each other
   * (COR_ROW_REJECTED).
   */
  const cor_error *error;
  /** A cor_row_status. */
  int32_t status;
  /** 1 if the state does not know the project, else 0. */
  uint32_t is_new;
  /**
   * When COR refused the last update of the project because of the row itself, as a Unix time; 0 if it did not. A sync sends
   * the update again.
   */
  int64_t refused_at;
  /** Why COR refused it; NULL if it did not. */
  const char *refused_because;
} cor_change;

/**
 * Called with a project that has changes, or whose rows contradict each other (a plan), or with its result (a sync). Returns whether to continue: after false,
 * requests in flight finish and no new request starts. Runs on the thread that made the call.
 */
typedef bool (*cor_on_change)(void *user_data, const cor_change *change);

/**
 * One problem of a row, which is not sent. The library sets struct_size; later versions may add members at the end. The
 * pointers are valid until the callback returns.
 */
typedef struct cor_row_problem {
  /** sizeof(cor_row_problem), as the library knows it. */
  size_t struct_size;
  /** The line or index of the row, as in cor_change. */
  uint64_t line;
  /** Its external id; empty if it could not be read. */
  const char *id;
  /** The column as the table calls it; NULL for the row as a whole. */
  const char *column;
  /** The field that the column sets; NULL if there is none. */
  const char *field;
  /** The kind of the problem, as a stable name. */
  const char *code;
  /** One sentence for people, without the name of the column. */
  const char *message;
} cor_row_problem;

/** Called with one problem of a row that cannot be sent. Returns whether to continue, like cor_on_change. */
typedef bool (*cor_on_problem)(void *user_data, const cor_row_problem *problem);

/**
 * Called with a remark on the table, one sentence for people: values that are probably a mistake, rows that were skipped.
 * Returns whether to continue, like cor_on_change.
 */
typedef bool (*cor_on_note)(void *user_data, const char *note);

/**
 * Options of a plan or a sync. Initialise it with COR_SYNC_OPTIONS_INIT; later versions may add members at the end. A text
 * that is NULL has its default.
 */
typedef struct cor_sync_options {
  /** sizeof(cor_sync_options), as the caller knows it. */
  size_t struct_size;
  /** Passed to every callback. */
  void *user_data;
  /** Called for each project with changes; may be NULL. */
  cor_on_change on_change;
  /** Called for each problem of a row that cannot be sent; may be NULL. */
  cor_on_problem on_problem;
  /** Called for each remark on the table; may be NULL. */
  cor_on_note on_note;
  /** Called every tick_ms or so while updates are sent; may be NULL. */
  cor_on_progress on_progress;
  /** The system that owns the projects, such as SALESFORCE; default: the mapping's. */
  const char *source;
  /** The column that holds the external ids; default: the mapping's, else "id". */
  const char *id_column;
  /** A TOML mapping file: which column sets which field. */
  const char *mapping;
  /** "Column=field" for each column that sets a field, "Column=" for one that is left out. */
  const char *const *map;
  /** The number of entries in map. */
  size_t map_count;
  /** The text of a cell that clears its field. */
  const char *clear_value;
  /** Columns to ignore. */
  const char *const *ignore;
  /** The number of entries in ignore. */
  size_t ignore_count;
  /** Texts that count as empty, such as "NULL": they keep their field, as an empty cell does. */
  const char *const *null_values;
  /** The number of entries in null_values. */
  size_t null_values_count;
  /** How days are written, such as "%d/%m/%Y" in every column or "Close=%d/%m/%Y" in one; default: "%Y-%m-%d". */
  const char *date_format;
  /** The time zone in which a timestamp becomes a day, such as "UTC" or "Europe/Madrid"; "as_written" takes the written day. */
  const char *day_in;
  /** The decimal sign of numbers; default: ".". */
  const char *decimal;
  /** The separator of thousands in numbers; default: none. */
  const char *thousands;
  /** "csv" or "jsonl"; default: by the file's extension, else by its first bytes. */
  const char *format;
  /** The delimiter of a CSV file: one character, or "tab"; default: detected in the header. */
  const char *delimiter;
  /** The encoding of text without a byte order mark, such as "windows-1252"; default: "utf-8". */
  const char *encoding;
  /** The state file, which stores the values that COR accepted; default: the one of `cor projects sync`. */
  const char *state;
  /** Write rows that were not applied into this file. */
  const char *rejects;
  /** Write a report of the run into this HTML file. */
  const char *report;
  /** Read no more than this many rows; 0 is all. */
  uint64_t limit;
  /**
   * How long to wait while COR cannot be reached, in milliseconds; 0 is the default, 900000. Until COR has
   * answered once, at most the client's deadline. Then the run stops.
   */
  int64_t outage_timeout_ms;
  /** How often on_progress is called, in milliseconds; 0 is the default, 100. */
  uint32_t tick_ms;
  /** Not 0 uses a state that ends with the run, instead of a state file. */
  uint32_t no_state;
  /** Not 0 sends every field, including those that COR accepted before. */
  uint32_t full;
  /** Not 0 creates projects that COR does not have, with the fields of the table. */
  uint32_t create_missing;
  /** Not 0 refuses a table with a column that sets no field and is not ignored. */
  uint32_t strict;
  /** Not 0 removes blanks at both ends of cells and external ids. */
  uint32_t trim;
  /**
   * Not 0 creates projects even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15",
   * "1001.0" or an id with blanks around it, or that stands for no value, such as "#N/A".
   */
  uint32_t allow_mangled_ids;
  /**
   * How long to wait for another run of the same source and state file to end, in milliseconds; 0 does not wait, and the call
   * returns COR_ERR_CONFIG. Runs of other sources do not exclude each other.
   */
  int64_t wait_ms;
  /**
   * Stop when more rows than this fail: a number such as "20" or a share such as "5%", which is measured against the whole
   * table before anything is sent, and while it is sent; NULL never stops. The call then returns COR_ERR_CANCELLED, and the summary
   * counts what was applied and the rows that were not started.
   */
  const char *max_failures;
  /** Columns in which null clears the field, in JSON lines; everywhere else null keeps. */
  const char *const *clear_nulls;
  /** The number of entries in clear_nulls. */
  size_t clear_nulls_count;
  /**
   * With refresh: fields, such as "status", that are left as they are in COR where they were changed in COR since COR last
   * accepted them.
   */
  const char *const *keep_remote;
  /** The number of entries in keep_remote. */
  size_t keep_remote_count;
  /**
   * Not 0 reads the projects of the table back from COR's main API before anything is sent, and sends the table's value again
   * where a field was changed in COR to another value. Needs a state, which knows COR's internal ids. If
   * the main API cannot be read, the run continues without it; on_note says so.
   */
  uint32_t refresh;
  /** Has to be 0. */
  uint32_t reserved;
} cor_sync_options;

/**
 * The result of a plan or a sync, in rows unless stated. Initialise it with COR_SYNC_SUMMARY_INIT; later versions may add
 * members at the end.
 */
typedef struct cor_sync_summary {
  /** sizeof(cor_sync_summary), as the caller knows it. */
  size_t struct_size;
  /** Rows that were read. */
  uint64_t read;
  /** Rows that COR applied. */
  uint64_t applied;
  /** Of these, rows whose project was created. */
  uint64_t created;
  /** Rows that cannot be sent. */
  uint64_t rejected;
  /** Rows that COR did not apply, or whose outcome is unknown. */
  uint64_t failed;
  /** Of these, rows whose outcome is unknown. */
  uint64_t unknown;
  /** Rows that need no request. */
  uint64_t unchanged;
  /** Rows that were not started because the run ended early; in a plan, rows that would be sent. */
  uint64_t not_started;
  /** Projects with changes that the state knows. */
  uint64_t projects_changed;
  /** Projects with changes that the state does not know. */
  uint64_t projects_new;
} cor_sync_summary;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * Finds out which credentials a client uses and from where, and whether COR accepts them. Changes nothing at COR.
 *
 * Client credentials and a token command are asked for a token, unless there is one already. The token is then sent with
 * GET /v1/me of COR's main API: to the server of the token endpoint in production and with client credentials, else to
 * the server of the base URL. No other server gets it. It ends within the client's deadline (default 60 s).
 *
 * @param client  the client.
 * @param status  gets the status, to be freed with cor_auth_status_free(); NULL on failure.
 * @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK, also for credentials that COR refuses and servers that cannot be reached: see cor_auth_status_result().
 * COR_ERR_CANCELLED when the client is freed meanwhile; COR_ERR_ARGUMENT for misuse. May be called from many threads.
 * Since 0.1.
 */
cor_status cor_client_auth_status(const cor_client *client,
                                  cor_auth_status **status,
                                  cor_error **error);

/**
 * Frees a status. NULL is fine.
 *
 * Returns COR_ERR_ARGUMENT for one that was freed already. Since 0.1.
 */
cor_status cor_auth_status_free(cor_auth_status *status);

/** What COR says of the credentials. COR_AUTH_NOT_CHECKED for misuse. Since 0.1. */
cor_auth_result cor_auth_status_result(const cor_auth_status *status);

/**
 * The status for people: a few aligned lines, without a line end behind the last. Holds no secret. Text that lives as long as
 * the status; NULL for misuse. Since 0.1.
 */
const char *cor_auth_status_text(const cor_auth_status *status);

/**
 * The status as a JSON object on one line, as `cor auth status --json` prints it. Text that lives as long as the status; NULL
 * for misuse. Since 0.1.
 */
const char *cor_auth_status_json(const cor_auth_status *status);

/**
 * Starts a run that takes rows and returns results one by one.
 *
 * @param client   the client. When it is freed meanwhile, cor_bulk_next() returns COR_ERR_CANCELLED.
 * @param options  options; NULL for the defaults. Callbacks have to be NULL, and tick_ms 0; see cor_bulk_wait().
 * @param bulk     gets the run, to be freed with cor_bulk_free(); NULL on failure.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Since 0.1.
 */
cor_status cor_bulk_new(const cor_client *client,
                        const cor_bulk_options *options,
                        cor_bulk **bulk,
                        cor_error **error);

/**
 * Frees a run, and its last result. NULL is fine. Requests in flight are abandoned: whether COR applied them is
 * unknown. While another thread waits in cor_bulk_next(), they finish, and the run ends with that call, which returns
 * COR_ERR_CANCELLED with the outcome of the row that it waited for.
 *
 * Returns COR_ERR_ARGUMENT for a run that was freed already. Since 0.1.
 */
cor_status cor_bulk_free(cor_bulk *bulk);

/**
 * Whether the run has room for more rows. False after cor_bulk_end_input(), once it was stopped, and once it ended
 * before its input did. Since 0.1.
 */
bool cor_bulk_wants_rows(const cor_bulk *bulk);

/**
 * Adds a row. A row that cannot be sent gets a result with its error.
 *
 * @param id      the project's external id, NUL-terminated; copied.
 * @param update  what is to change; copied.
 *
 * Returns COR_ERR_ARGUMENT after cor_bulk_end_input(); COR_ERR_CANCELLED if the run starts no new row; the row
 * was not taken. Since 0.1.
 */
cor_status cor_bulk_push(cor_bulk *bulk,
                         const char *id,
                         const cor_update *update);

/** As cor_bulk_push(), for an id of `id_size` bytes. Since 0.1. */
cor_status cor_bulk_push_n(cor_bulk *bulk,
                           const char *id,
                           size_t id_size,
                           const cor_update *update);

/** Ends the input: there are no more rows. Since 0.1. */
cor_status cor_bulk_end_input(cor_bulk *bulk);

/**
 * Stops the run: requests in flight finish, and the other rows are reported as not started. May be called by any
 * thread, also while another waits in cor_bulk_next(). To abandon the requests in flight, free the run.
 *
 * Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_bulk_stop(cor_bulk *bulk);

/**
 * Waits for the next result, in the order in which rows finish.
 *
 * @param item   gets the result, which lives until this is called again or the run is freed; NULL where there is
 *               nothing to wait for, because every row so far has its result.
 * @param error  gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK, or why the run ended before its input did, as cor_client_update_projects(): reported
 * once all results were given out. Since 0.1.
 */
cor_status cor_bulk_next(cor_bulk *bulk,
                         const cor_item_result **item,
                         cor_error **error);

/**
 * Waits until cor_bulk_next() would return at once, but no longer than a while: for loops that have other things to
 * do, such as showing a pause.
 *
 * @param most_ms  milliseconds to wait at most; 0 returns at once.
 *
 * Returns whether cor_bulk_next() would return at once. True for misuse, which it then reports. Since 0.1.
 */
bool cor_bulk_wait(cor_bulk *bulk,
                   uint32_t most_ms);

/**
 * How far the run had come with the result that was given out last, and why no request is sent at the moment.
 *
 * @param progress  its struct_size has to be set.
 *
 * Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_bulk_progress(const cor_bulk *bulk, cor_progress *progress);

/**
 * The counters of the rows so far. Rows whose result was not given out yet may be counted already.
 *
 * @param summary  its struct_size has to be set.
 *
 * Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_bulk_summary(const cor_bulk *bulk, cor_summary *summary);

/**
 * Creates a client. Opens no connection.
 *
 * @param config  the options; may be freed afterwards.
 * @param client  gets the client, to be freed with cor_client_free(); NULL on failure.
 * @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_CONFIG for invalid options: no credentials or two kinds of them, an address that is
 * neither https nor on this machine, times and counts out of range, a CA file, client certificate or key that
 * cannot be used, a proxy with the transport "direct"; COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_client_new(const cor_config *config,
                          cor_client **client,
                          cor_error **error);

/**
 * Creates a client from the environment alone: see cor_config_read_environment().
 *
 * @param client  gets the client, to be freed with cor_client_free(); NULL on failure.
 * @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns as cor_client_new(). Since 0.1.
 */
cor_status cor_client_from_env(cor_client **client, cor_error **error);

/**
 * What was ignored when the client was set up, for a log: entries of NO_PROXY that are neither a name, an address nor
 * a network. Holds no secret.
 *
 * Returns one line of text that lives as long as the client; NULL if nothing was ignored, and for misuse. Since 0.1.
 */
const char *cor_client_warning(const cor_client *client);

/**
 * The base URL of COR's main API, which reads projects, without a slash at its end.
 *
 * Returns text that lives as long as the client; NULL if none belongs with the base URL, so that reading is refused (see
 * cor_config_set_main_url()), and for misuse. Since 0.1.
 */
const char *cor_client_main_url(const cor_client *client);

/**
 * The rate that COR accepts as far as this client learned it, for cor_config_set_rate_hint() of the next client.
 *
 * Returns requests per second; 0 until COR has refused a request as rate limited, and for misuse. Since 0.1.
 */
double cor_client_rate_hint(const cor_client *client);

/**
 * Frees a client. NULL is fine. Calls in progress, on other threads or around a callback that calls this, end with
 * COR_ERR_CANCELLED; whether the updates they had in flight were applied is then unknown.
 *
 * Returns COR_ERR_ARGUMENT for a client that was freed already. Since 0.1.
 */
cor_status cor_client_free(cor_client *client);

/**
 * Sends one update and waits for COR's response. Retries, waits and the renewal of tokens all happen within the
 * client's deadline (default 60 s).
 *
 * @param client   the client.
 * @param id       the project's external id, the one it was created with under the update's source; used byte
 *                 for byte.
 * @param update   the update; copied, so it may be sent again or changed.
 * @param project  gets the project as COR now has it, to be freed with cor_project_free(); NULL on failure.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_INVALID before anything is sent, with every problem of id and update;
 * COR_ERR_PROJECT_NOT_FOUND when COR has no project of this id under this source; COR_ERR_CANCELLED when the client is
 * freed meanwhile; every other status as cor_status lists them. cor_error_outcome() says whether the update
 * was applied.
 *
 * May be called from many threads; calls for one project are sent one after another, also behind a run that has the
 * project in progress, which goes on meanwhile. Since 0.1.
 */
cor_status cor_client_update_project(const cor_client *client,
                                     const char *id,
                                     const cor_update *update,
                                     cor_project **project,
                                     cor_error **error);

/**
 * As cor_client_update_project(), for an id that is not NUL-terminated.
 *
 * @param id_size  bytes of the id.
 *
 * Since 0.1.
 */
cor_status cor_client_update_project_n(const cor_client *client,
                                       const char *id,
                                       size_t id_size,
                                       const cor_update *update,
                                       cor_project **project,
                                       cor_error **error);

/**
 * As cor_client_update_project(), with options of its own.
 *
 * @param options  options that differ from the client's; NULL for none.
 *
 * Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
 */
cor_status cor_client_update_project_with(const cor_client *client,
                                          const char *id,
                                          const cor_update *update,
                                          const cor_call_options *options,
                                          cor_project **project,
                                          cor_error **error);

/**
 * As cor_client_update_project_with(), for an id that is not NUL-terminated.
 *
 * @param id_size  bytes of the id.
 *
 * Since 0.1.
 */
cor_status cor_client_update_project_with_n(const cor_client *client,
                                            const char *id,
                                            size_t id_size,
                                            const cor_update *update,
                                            const cor_call_options *options,
                                            cor_project **project,
                                            cor_error **error);

/**
 * Creates a project and waits for COR's response.
 *
 * A create is sent again only if COR certainly did not process it (no connection, or COR answered 429 or
 * 503). A lost response leaves cor_error_outcome() unknown; an update of the same id, or the same create once more, then
 * shows, because COR refuses a second create of a project.
 *
 * @param client   the client.
 * @param create   what to create; copied.
 * @param project  gets the project as COR now has it, to be freed with cor_project_free(); NULL on failure.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_INVALID before anything is sent, with every problem; COR_ERR_VALIDATION where COR refuses a
 * value or has such a project already, which cor_error_is_duplicate() shows; every other status as for
 * cor_client_update_project(). May be called from many threads, as that. Since 0.1.
 */
cor_status cor_client_create_project(const cor_client *client,
                                     const cor_create *create,
                                     cor_project **project,
                                     cor_error **error);

/**
 * As cor_client_create_project(), with options of its own.
 *
 * @param options  options that differ from the client's; NULL for none.
 *
 * Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
 */
cor_status cor_client_create_project_with(const cor_client *client,
                                          const cor_create *create,
                                          const cor_call_options *options,
                                          cor_project **project,
                                          cor_error **error);

/**
 * Deletes a project, together with its external id, and waits for COR's response.
 *
 * Retried like an update. If a response was lost and the repeated request finds no project, the delete counts as done.
 *
 * @param client   the client.
 * @param id       the project's external id; used byte for byte.
 * @param source   the source it was created under.
 * @param deleted  gets COR's response, to be freed with cor_deleted_free(); NULL on failure; may be NULL.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_INVALID before anything is sent; COR_ERR_PROJECT_NOT_FOUND if there was none before the
 * call; COR_ERR_VALIDATION with the code "DeletionError" if COR does not delete it because other data depends on it; every
 * other status as for cor_client_update_project(). May be called from many threads, as that. Since 0.1.
 */
cor_status cor_client_delete_project(const cor_client *client,
                                     const char *id,
                                     const char *source,
                                     cor_deleted **deleted,
                                     cor_error **error);

/**
 * As cor_client_delete_project(), for an id and a source that are not NUL-terminated.
 *
 * @param id_size      bytes of the id.
 * @param source_size  bytes of the source.
 *
 * Since 0.1.
 */
cor_status cor_client_delete_project_n(const cor_client *client,
                                       const char *id,
                                       size_t id_size,
                                       const char *source,
                                       size_t source_size,
                                       cor_deleted **deleted,
                                       cor_error **error);

/**
 * As cor_client_delete_project(), with options of its own.
 *
 * @param options  options that differ from the client's; NULL for none.
 *
 * Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
 */
cor_status cor_client_delete_project_with(const cor_client *client,
                                          const char *id,
                                          const char *source,
                                          const cor_call_options *options,
                                          cor_deleted **deleted,
                                          cor_error **error);

/**
 * As cor_client_delete_project_with(), for an id and a source that are not NUL-terminated.
 *
 * @param id_size      bytes of the id.
 * @param source_size  bytes of the source.
 *
 * Since 0.1.
 */
cor_status cor_client_delete_project_with_n(const cor_client *client,
                                            const char *id,
                                            size_t id_size,
                                            const char *source,
                                            size_t source_size,
                                            const cor_call_options *options,
                                            cor_deleted **deleted,
                                            cor_error **error);

/**
 * Compares each field that an update sets or clears with a project as COR's main API shows it. Sends nothing.
 *
 * @param update         the update.
 * @param project        the project: what cor_client_get_project(), cor_client_get_projects() or cor_client_list_projects()
 *                       returned.
 * @param on_comparison  called for each field of the update, in the order on the wire, extra fields last; may be NULL.
 * @param user_data      passed to on_comparison.
 * @param outcome        gets whether COR has applied the update, as far as its fields show: applied if every field is equal, not
 *                       applied if one is certainly different, else unknown; may be NULL.
 * @param error          gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK, whatever the result and also where on_comparison returned false; COR_ERR_INVALID for an update with a value
 * that a setter refused; COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_compare(const cor_update *update,
                       const cor_project *project,
                       cor_on_comparison on_comparison,
                       void *user_data,
                       cor_outcome *outcome,
                       cor_error **error);

/**
 * Options with their defaults. Nothing is read from the environment.
 *
 * Setters copy their values. A setter that refuses its value returns an error status, and cor_client_new() then fails
 * with the same error. What only the client can judge, such as a rate that is NaN or a token with blanks, cor_client_new() refuses
 * itself. Either way no client is created without an option that the caller set.
 *
 * Returns a handle to be freed with cor_config_free(); NULL where there is no memory for it. Since 0.1.
 */
cor_config *cor_config_new(void);

/**
 * Frees options. NULL is fine. Clients made from them stay.
 *
 * Returns COR_ERR_ARGUMENT for options that were freed already. Since 0.1.
 */
cor_status cor_config_free(cor_config *config);

/**
 * Reads COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET; COR_BASE_URL, COR_MAIN_URL, COR_TOKEN_URL, COR_TRANSPORT,
 * COR_PROFILE, COR_CONFIG; and the usual HTTPS_PROXY, ALL_PROXY and NO_PROXY. Setters win over them, whether called before or
 * after. Since 0.1.
 *
 * Reading the environment while another thread changes it is undefined in C; call it early.
 */
cor_status cor_config_read_environment(cor_config *config);

/**
 * The profile of the configuration file to use; from the environment: COR_PROFILE. Read by cor_client_new(). Setters and
 * environment variables win over it; but credentials of a profile that is set here win over those of the environment, which
 * never go to a server that only the profile names. The file is COR_CONFIG, else cor/config.toml in the folder for configuration
 * (XDG_CONFIG_HOME, else ~/.config; on Windows APPDATA). Since 0.1.
 *
 * cor_client_new() returns COR_ERR_CONFIG for a profile that is not in the file, an unknown option in it, a file with
 * secrets that other users can read, a base URL of another server beside the credentials of the profile, and one that the profile sets beside credentials of the
 * environment.
 */
cor_status cor_config_set_profile(cor_config *config,
                                  const char *profile);

/** As cor_config_set_profile(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_profile_n(cor_config *config, const char *profile, size_t size);

/**
 * A bearer token to use as it is. Excludes an API key. Since 0.1.
 *
 * @param token  printable ASCII without spaces.
 */
cor_status cor_config_set_token(cor_config *config, const char *token);

/** As cor_config_set_token(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_token_n(cor_config *config, const char *token, size_t size);

/** The API key of COR's client credentials; needs a client secret. Since 0.1. */
cor_status cor_config_set_api_key(cor_config *config, const char *api_key);

/** As cor_config_set_api_key(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_api_key_n(cor_config *config, const char *api_key, size_t size);

/** The secret of COR's client credentials; needs an API key. Since 0.1. */
cor_status cor_config_set_client_secret(cor_config *config, const char *client_secret);

/** As cor_config_set_client_secret(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_client_secret_n(cor_config *config, const char *client_secret, size_t size);

/**
 * The base URL of the Integrations API; default "https://integrations.projectcor.com". https, or http to this machine.
 * Since 0.1.
 */
cor_status cor_config_set_base_url(cor_config *config,
                                   const char *base_url);

/** As cor_config_set_base_url(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_base_url_n(cor_config *config, const char *base_url, size_t size);

/**
 * The base URL of COR's main API, which reads projects, version included; default "https://api.projectcor.com/v1", and none if
 * another base URL is set: reading is then refused until this is set too. Beside COR's own base URL no other server is accepted, so
 * that no token goes there. https, or http to this machine. Since 0.1.
 */
cor_status cor_config_set_main_url(cor_config *config,
                                   const char *main_url);

/** As cor_config_set_main_url(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_main_url_n(cor_config *config, const char *main_url, size_t size);

/**
 * The whole URL of the token endpoint; default "https://api.projectcor.com/v1/oauth/token". The refresh
 * address is its sibling "refreshtoken". Since 0.1.
 */
cor_status cor_config_set_token_url(cor_config *config, const char *token_url);

/** As cor_config_set_token_url(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_token_url_n(cor_config *config, const char *token_url, size_t size);

/**
 * A PEM file of certificate authorities to trust besides the operating system's. Read by cor_client_new().
 * Since 0.1.
 */
cor_status cor_config_set_ca_file(cor_config *config, const char *path);

/** As cor_config_set_ca_file(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_ca_file_n(cor_config *config, const char *path, size_t size);

/**
 * A PEM file with the client certificate that this client presents in TLS, and the certificates between it and its
 * authority; needs cor_config_set_client_key(). Read by cor_client_new(). Since 0.1.
 */
cor_status cor_config_set_client_cert(cor_config *config,
                                      const char *path);

/** As cor_config_set_client_cert(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_client_cert_n(cor_config *config, const char *path, size_t size);

/**
 * The PEM file of the private key (PKCS #8, PKCS #1 or SEC 1, not encrypted) of the client certificate. Read
 * by cor_client_new(). Since 0.1.
 */
cor_status cor_config_set_client_key(cor_config *config, const char *path);

/** As cor_config_set_client_key(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_client_key_n(cor_config *config, const char *path, size_t size);

/**
 * The proxy for requests to other machines: "http://", "https://", "socks5://" or "socks5h://", with user and password where
 * needed. Calls to this machine do not use it. The transport "direct" does not support proxies. Since 0.1.
 */
cor_status cor_config_set_proxy(cor_config *config,
                                const char *proxy);

/** As cor_config_set_proxy(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_proxy_n(cor_config *config, const char *proxy, size_t size);

/**
 * The HTTP implementation: "reqwest", the default (HTTP/2 and HTTP/1.1, HTTP, HTTPS and SOCKS proxies), or "direct"
 * (HTTP/2 and HTTP/1.1 without a proxy: less CPU, and over HTTP/1.1 it knows exactly whether a byte of a request has left).
 * From the environment: COR_TRANSPORT.
 *
 * Returns COR_ERR_CONFIG for another name; cor_client_new() does for "direct" where a proxy is set. Since 0.1.
 */
cor_status cor_config_set_transport(cor_config *config,
                                    const char *transport);

/** As cor_config_set_transport(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_transport_n(cor_config *config, const char *transport, size_t size);

/** The whole User-Agent; default "projectcor/" and the version. Since 0.1. */
cor_status cor_config_set_user_agent(cor_config *config, const char *user_agent);

/** As cor_config_set_user_agent(), for text of `size` bytes. Since 0.1. */
cor_status cor_config_set_user_agent_n(cor_config *config, const char *user_agent, size_t size);

/** Time limit for connecting; default 5000 ms, at most seven days, like all times. Since 0.1. */
cor_status cor_config_set_connect_timeout_ms(cor_config *config, int64_t ms);

/** Time limit for one request; default 20000 ms. Since 0.1. */
cor_status cor_config_set_attempt_timeout_ms(cor_config *config, int64_t ms);

/** Time limit for one call, including name resolution, retries and waits; default 60000 ms. Since 0.1. */
cor_status cor_config_set_deadline_ms(cor_config *config, int64_t ms);

/** The most attempts of one call, including the first; default 4, at least 1. Since 0.1. */
cor_status cor_config_set_max_attempts(cor_config *config, uint32_t max_attempts);

/** The first wait between attempts, doubled each time; default 250 ms. Since 0.1. */
cor_status cor_config_set_backoff_base_ms(cor_config *config, int64_t ms);

/** The longest wait between attempts; default 20000 ms. Since 0.1. */
cor_status cor_config_set_backoff_cap_ms(cor_config *config, int64_t ms);

/**
 * How many retries the single calls of the client may use up together; default 100, at most 1000000, 0 for no limit. Every
 * call adds a fifth of a retry. While the budget is empty, a failed attempt is not repeated, and the error says so. In bulk an
 * empty budget makes the waits between attempts longer and fails no row. Since 0.1.
 */
cor_status cor_config_set_retry_budget(cor_config *config,
                                       uint32_t retries);

/** The most requests in flight; default 16, from 1 to 10000. Since 0.1. */
cor_status cor_config_set_concurrency(cor_config *config, uint32_t concurrency);

/** The most requests per second, more than 0. By default the client estimates the limit from COR's responses. Since 0.1. */
cor_status cor_config_set_rate(cor_config *config,
                               double per_second);

/**
 * Requests per second to start with: what cor_client_rate_hint() of an earlier client returned, where a process cannot keep
 * its client. It is no bound: the client goes on learning. By default requests leave at once until COR refuses one. Since 0.1.
 */
cor_status cor_config_set_rate_hint(cor_config *config,
                                    double per_second);

/**
 * A new project.
 *
 * @param id      its external id under the update's source; used byte for byte. NULL or text that is not
 *                UTF-8 is recorded like any refused value.
 * @param update  the fields it begins with; copied, together with what its setters refused. What it clears is left
 *                out: there is nothing to clear yet. COR needs a name.
 *
 * Returns a handle to be freed with cor_create_free(); NULL where update is no cor_update or there is no memory.
 * Since 0.1.
 */
cor_create *cor_create_new(const char *id,
                           const cor_update *update);

/**
 * As cor_create_new(), for an id that is not NUL-terminated.
 *
 * @param id_size  bytes of the id.
 *
 * Since 0.1.
 */
cor_create *cor_create_new_n(const char *id, size_t id_size, const cor_update *update);

/**
 * Frees a create. NULL is fine.
 *
 * Returns COR_ERR_ARGUMENT for a create that was freed already. Since 0.1.
 */
cor_status cor_create_free(cor_create *create);

/** External id of the brand. Since 0.1. */
cor_status cor_create_set_brand_id(cor_create *create, const char *value);

/** As cor_create_set_brand_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_create_set_brand_id_n(cor_create *create, const char *value, size_t size);

/** External id of the product. Since 0.1. */
cor_status cor_create_set_product_id(cor_create *create, const char *value);

/** As cor_create_set_product_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_create_set_product_id_n(cor_create *create, const char *value, size_t size);

/**
 * Validates a create without sending it.
 *
 * @param error  gets the error with every problem, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns as cor_update_validate(); a name that is missing is a problem as well. Since 0.1.
 */
cor_status cor_create_validate(const cor_create *create, cor_error **error);

/**
 * The request body as it would be sent, without what setters refused.
 *
 * Returns text that lives until the create is changed or freed; NULL for misuse. Since 0.1.
 */
const char *cor_create_json(const cor_create *create);

/**
 * Frees the response to a delete. NULL is fine.
 *
 * Returns COR_ERR_ARGUMENT for one that was freed already. Since 0.1.
 */
cor_status cor_deleted_free(cor_deleted *deleted);

/**
 * COR's internal id of the deleted project.
 *
 * @param value  gets the number where there is one.
 *
 * Returns whether there is one. Since 0.1.
 */
bool cor_deleted_cor_id(const cor_deleted *deleted, int64_t *value);

/** COR's sentence. Text that lives as long as the response; NULL where COR sent none. Since 0.1. */
const char *cor_deleted_message(const cor_deleted *deleted);

/**
 * The response's object on one line, as COR sent it. Text that lives as long as the response; NULL where there was none:
 * a repeated request found no project, or COR had nothing to say. Since 0.1.
 */
const char *cor_deleted_json(const cor_deleted *deleted);

/**
 * Frees an error. NULL is fine.
 *
 * Errors of results, see cor_item_result_error(), go with their result and are not freed.
 *
 * Returns COR_ERR_ARGUMENT for an error that was freed already or is not the caller's to free. Since 0.1.
 */
cor_status cor_error_free(cor_error *error);

/**
 * Another handle of the same error, to be freed by the caller: keeps the error of a result beyond the callback.
 *
 * Returns NULL for misuse. Since 0.1.
 */
cor_error *cor_error_clone(const cor_error *error);

/** What went wrong: the status that the call returned. COR_ERR_ARGUMENT for misuse. Since 0.1. */
cor_status cor_error_kind(const cor_error *error);

/**
 * Whether the update took effect, as far as the client can know. COR_OUTCOME_UNKNOWN for misuse.
 * Since 0.1.
 */
cor_outcome cor_error_outcome(const cor_error *error);

/**
 * One line of text: what was attempted, what happened, what to do. Holds no secret.
 *
 * Returns text that lives as long as the error, never NULL but for misuse. Since 0.1.
 */
const char *cor_error_message(const cor_error *error);

/**
 * COR's code or name of the error, for example "ZC001" or "ProjectNotFoundError".
 *
 * Returns text that lives as long as the error; NULL where COR said nothing. Since 0.1.
 */
const char *cor_error_code(const cor_error *error);

/** The HTTP status of the last response; 0 where there was none. Since 0.1. */
int32_t cor_error_status(const cor_error *error);

/** How many requests this call started to send; 0 where the client or the run was freed meanwhile, which loses the count. Since 0.1. */
uint32_t cor_error_attempts(const cor_error *error);

/** How long COR asked to wait before the next request, in milliseconds; -1 where it did not. Since 0.1. */
int64_t cor_error_retry_after_ms(const cor_error *error);

/** Whether the same call could succeed later without a change. Since 0.1. */
bool cor_error_is_retryable(const cor_error *error);

/** Whether COR refused a create because it has a project of this external id already. Since 0.1. */
bool cor_error_is_duplicate(const cor_error *error);

/**
 * Whether the project was read back from COR's main API after the response to an update or a create was lost, to learn its
 * outcome; see cor_call_options. The message says what that showed. The outcome is still unknown where it showed too little.
 * False for misuse. Since 0.1.
 */
bool cor_error_is_read_back(const cor_error *error);

/**
 * The request id from the response's headers, set by the server or a gateway in front of it.
 *
 * Returns text that lives as long as the error; NULL where there is none. Since 0.1.
 */
const char *cor_error_request_id(const cor_error *error);

/**
 * The start of the response's body: at most 4 KiB, control characters replaced.
 *
 * Returns text that lives as long as the error; NULL where there is none. Since 0.1.
 */
const char *cor_error_body(const cor_error *error);

/** How many problems of the update were found before anything was sent; 0 for errors of other kinds. Since 0.1. */
size_t cor_error_issue_count(const cor_error *error);

/**
 * The field a problem is about: its name on the wire, "id" for the external id, "metadata.source" for the source.
 *
 * @param index  from 0 to cor_error_issue_count() - 1.
 *
 * Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
 */
const char *cor_error_issue_field(const cor_error *error,
                                  size_t index);

/**
 * A problem as a stable name: "not_a_date", "unknown_field", "required", …
 *
 * @param index  from 0 to cor_error_issue_count() - 1.
 *
 * Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
 */
const char *cor_error_issue_code(const cor_error *error, size_t index);

/**
 * A problem as a sentence for people, without the field's name in front.
 *
 * @param index  from 0 to cor_error_issue_count() - 1.
 *
 * Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
 */
const char *cor_error_issue_message(const cor_error *error, size_t index);

/**
 * The name of a status: "ok", "project_not_found", …; a cor_status as a number.
 *
 * Returns text that lives for ever; NULL for a number that is no status. Since 0.1.
 */
const char *cor_status_name(int32_t status);

/**
 * The name of an outcome: "not_applied", "applied" or "unknown"; a cor_outcome as a number.
 *
 * Returns text that lives for ever; NULL for a number that is no outcome. Since 0.1.
 */
const char *cor_outcome_name(int32_t outcome);

/**
 * The name of a pause: "none", "rate_limited" or "unreachable"; a cor_pause as a number.
 *
 * Returns text that lives for ever; NULL for a number that is no pause. Since 0.1.
 */
const char *cor_pause_name(int32_t pause);

/** The row's place in the input, counted from 0; UINT64_MAX for misuse. Since 0.1. */
uint64_t cor_item_result_index(const cor_item_result *item);

/** The row's external id. Text that lives as long as the result; NULL for misuse. Since 0.1. */
const char *cor_item_result_id(const cor_item_result *item);

/** COR_OK, or what went wrong. COR_OK also where the row is unchanged; see cor_item_result_unchanged(). Since 0.1. */
cor_status cor_item_result_status(const cor_item_result *item);

/** Whether the row was begun at all. Rows are not, after the run was stopped. Since 0.1. */
bool cor_item_result_started(const cor_item_result *item);

/** Whether COR did not know the project and this run created it; see cor_bulk_options. Since 0.1. */
bool cor_item_result_created(const cor_item_result *item);

/**
 * Whether the row's update sets no field, so that nothing was sent. Whether COR has the project is not known then.
 * Since 0.1.
 */
bool cor_item_result_unchanged(const cor_item_result *item);

/**
 * The project as COR now has it; NULL where the row failed or is unchanged.
 *
 * Goes with the result; keep it with cor_project_clone(). Not to be freed. Since 0.1.
 */
const cor_project *cor_item_result_project(const cor_item_result *item);

/**
 * Why the row failed; NULL where it did not.
 *
 * Goes with the result; keep it with cor_error_clone(). Not to be freed. Since 0.1.
 */
const cor_error *cor_item_result_error(const cor_item_result *item);

/**
 * Sends many updates, several at a time, and reports one result per row as it finishes.
 *
 * A row that cannot be sent fails by itself and never stops the others; limits and outages pause the run instead
 * of failing rows. Updates of one project are applied in the order of the rows.
 *
 * @param client   the client.
 * @param rows     the rows, which have to stay as they are during the call; NULL only where there are none.
 * @param count    how many.
 * @param options  callbacks and options; NULL for the defaults.
 * @param summary  gets the counters of the run, on failure as well; its struct_size has to be set; may be NULL.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK when every row has its result, failed ones included. Any other status where the job could not begin
 * or could not go on: COR was unreachable for longer than the outage timeout, did not accept the credentials, or
 * the client was freed. Callbacks run on this thread. Since 0.1.
 */
cor_status cor_client_update_projects(const cor_client *client,
                                      const cor_row *rows,
                                      size_t count,
                                      const cor_bulk_options *options,
                                      cor_summary *summary,
                                      cor_error **error);

/**
 * As cor_client_update_projects(), for rows that a function hands out one by one: a million need no array.
 *
 * @param next_row  called with options->user_data whenever the run has room for more rows.
 *
 * After a callback said false, the function is not called again. Since 0.1.
 */
cor_status cor_client_update_projects_from(const cor_client *client,
                                           cor_next_row next_row,
                                           const cor_bulk_options *options,
                                           cor_summary *summary,
                                           cor_error **error);

/**
 * Frees a project. NULL is fine.
 *
 * Projects of results and of callbacks, see cor_item_result_project() and cor_on_project, go with them and are not freed.
 *
 * Returns COR_ERR_ARGUMENT for a project that was freed already or is not the caller's to free. Since 0.1.
 */
cor_status cor_project_free(cor_project *project);

/**
 * Another handle of the same project, to be freed by the caller: keeps the project of a result beyond the callback.
 *
 * Returns NULL for misuse. Since 0.1.
 */
cor_project *cor_project_clone(const cor_project *project);

/**
 * COR's internal id of the project; not the external id.
 *
 * @param value  gets the number where there is one.
 *
 * Returns whether there is one. Since 0.1.
 */
bool cor_project_id(const cor_project *project, int64_t *value);

/** COR's internal id of the client; as cor_project_id(). Since 0.1. */
bool cor_project_client_id(const cor_project *project, int64_t *value);

/** COR's internal id of the project manager; as cor_project_id(). Since 0.1. */
bool cor_project_pm_id(const cor_project *project, int64_t *value);

/** COR's internal id of the contract; as cor_project_id(). Since 0.1. */
bool cor_project_contract_id(const cor_project *project, int64_t *value);

/** COR's internal id of the company; as cor_project_id(). Since 0.1. */
bool cor_project_company_id(const cor_project *project, int64_t *value);

/** The name. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_name(const cor_project *project);

/** The description. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_brief(const cor_project *project);

/** The status, as COR spells it. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_status(const cor_project *project);

/** Number or code of the work order. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_work_order(const cor_project *project);

/** The first day, YYYY-MM-DD. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_start(const cor_project *project);

/** The last day, YYYY-MM-DD. Text that lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_end(const cor_project *project);

/** Hours, as the exact decimal text COR sent. Lives as long as the project; NULL where COR sent none. Since 0.1. */
const char *cor_project_estimated_time(const cor_project *project);

/** Hours, as the nearest double; as cor_project_id(). Since 0.1. */
bool cor_project_estimated_time_double(const cor_project *project, double *value);

/**
 * Money in the project's currency, as the exact decimal text COR sent. Lives as long as the project; NULL where COR
 * sent none. Since 0.1.
 */
const char *cor_project_estimated(const cor_project *project);

/** Money, as the nearest double; as cor_project_id(). Better read the text. Since 0.1. */
bool cor_project_estimated_double(const cor_project *project, double *value);

/**
 * COR's rating of the project: 1 on track, 2 at risk, 3 delayed, 4 critical. Shown by the main API only; as
 * cor_project_id(). Since 0.1.
 */
bool cor_project_health(const cor_project *project, int64_t *value);

/**
 * Hours worked, as the exact decimal text COR sent. Shown by the main API only. Lives as long as the project; NULL where COR
 * sent none. Since 0.1.
 */
const char *cor_project_elapsed_time(const cor_project *project);

/** Hours worked, as the nearest double; as cor_project_id(). Since 0.1. */
bool cor_project_elapsed_time_double(const cor_project *project, double *value);

/**
 * Money, as the exact decimal text COR sent. Shown by the main API only; COR does not document how it relates to
 * cor_project_estimated(). Lives as long as the project; NULL where COR sent none. Since 0.1.
 */
const char *cor_project_total_estimated(const cor_project *project);

/** Money, as the nearest double; as cor_project_id(). Better read the text. Since 0.1. */
bool cor_project_total_estimated_double(const cor_project *project, double *value);

/** Whether the work is billed; as cor_project_id(). Since 0.1. */
bool cor_project_billable(const cor_project *project, bool *value);

/** Whether the project is archived; as cor_project_id(). Since 0.1. */
bool cor_project_archived(const cor_project *project, bool *value);

/**
 * When the project was created, as COR wrote it. Text that lives as long as the project; NULL where COR sent none.
 * Since 0.1.
 */
const char *cor_project_created_at(const cor_project *project);

/**
 * When the project was created, in seconds since 1970-01-01T00:00:00Z; known only where COR's text names a zone;
 * as cor_project_id(). Since 0.1.
 */
bool cor_project_created_at_unix(const cor_project *project,
                                 int64_t *value);

/**
 * When the project was last changed, as COR wrote it. Text that lives as long as the project; NULL where COR sent
 * none. Since 0.1.
 */
const char *cor_project_updated_at(const cor_project *project);

/**
 * When the project was last changed, in seconds since 1970-01-01T00:00:00Z; known only where COR's text names a
 * zone; as cor_project_id(). Since 0.1.
 */
bool cor_project_updated_at_unix(const cor_project *project,
                                 int64_t *value);

/**
 * The response's object on one line, as COR sent it. Text that lives as long as the project; NULL where COR answered
 * without a body. Since 0.1.
 */
const char *cor_project_json(const cor_project *project);

/**
 * Any field of the response as JSON, whether this library knows it or not.
 *
 * @param name  the field's name in COR's response.
 *
 * Returns text that lives as long as the project; NULL where the response has no such field. Since 0.1.
 */
const char *cor_project_get_json(const cor_project *project, const char *name);

/** As cor_project_get_json(), for a name of `size` bytes. Since 0.1. */
const char *cor_project_get_json_n(const cor_project *project, const char *name, size_t size);

/**
 * Reads a project from COR's main API. Reading changes nothing; it is retried, paced and bounded by the deadline like an
 * update.
 *
 * @param client   the client.
 * @param cor_id   COR's internal id of the project, as cor_project_id() of an answer gives it: the main API knows no external ids.
 * @param options  options that differ from the client's; NULL for none. state, cor_id and settle_unknown have to be unset.
 * @param project  gets the project, to be freed with cor_project_free(); NULL on failure.
 * @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_PROJECT_NOT_FOUND if COR has no such project; COR_ERR_FORBIDDEN if the token's user may not read it;
 * COR_ERR_CONFIG, and sends nothing, for options out of range and if cor_client_main_url() is NULL; every other status as
 * cor_status lists them. May be called from many threads. Since 0.1.
 */
cor_status cor_client_get_project(const cor_client *client,
                                  int64_t cor_id,
                                  const cor_call_options *options,
                                  cor_project **project,
                                  cor_error **error);

/**
 * Reads many projects by COR's internal id, several at a time, and reports one result per id as it arrives. A project that
 * cannot be read fails by itself; limits and outages pause the reading.
 *
 * @param client     the client.
 * @param cor_ids    COR's internal ids; copied; NULL only where there are none.
 * @param count      how many.
 * @param options    options; NULL for the defaults.
 * @param on_read    called with the result of each id.
 * @param user_data  passed to on_read.
 * @param summary    gets the counters, on failure as well; its struct_size has to be set; may be NULL.
 * @param error      gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK when every id has its result, and when on_read returned false. Any other status if the reading could not begin or
 * could not continue, and then not every id has a result: COR was unreachable for longer than the outage timeout, did not accept the
 * credentials or does not let the token's user read, cor_client_main_url() is NULL, or the client was freed. Since 0.1.
 */
cor_status cor_client_get_projects(const cor_client *client,
                                   const int64_t *cor_ids,
                                   size_t count,
                                   const cor_read_options *options,
                                   cor_on_read on_read,
                                   void *user_data,
                                   cor_read_summary *summary,
                                   cor_error **error);

/**
 * Lists projects, page by page, and passes each to a callback once, even if projects move from one page to another because the
 * list changes while it is read: then it is read again, at most three times in all. Limits and outages pause the reading.
 *
 * @param client      the client.
 * @param filter      which projects; NULL for all.
 * @param options     options; NULL for the defaults.
 * @param on_project  called with each project.
 * @param user_data   passed to on_project.
 * @param summary     gets the counters, on failure as well; its struct_size has to be set; may be NULL.
 * @param error       gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK at the end of the list, and when on_project returned false; COR_ERR_INVALID, and sends nothing, if date_start or
 * date_end is not a date; else as cor_client_get_project(). After an error no further project comes. Since 0.1.
 */
cor_status cor_client_list_projects(const cor_client *client,
                                    const cor_project_filter *filter,
                                    const cor_read_options *options,
                                    cor_on_project on_project,
                                    void *user_data,
                                    cor_read_summary *summary,
                                    cor_error **error);

/**
 * Passes the projects that COR's main API finds by a name to a callback. COR does not document whether it also finds names that
 * contain it, or are written in another case.
 *
 * @param client      the client.
 * @param name        the name.
 * @param options     as for cor_client_get_project().
 * @param on_project  called with each project.
 * @param user_data   passed to on_project.
 * @param error       gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK, also if there is no such project and when on_project returned false; COR_ERR_INVALID, and sends nothing, for a name
 * that cannot be part of a URL, such as an empty one; else as cor_client_get_project(). Since 0.1.
 */
cor_status cor_client_find_projects(const cor_client *client,
                                    const char *name,
                                    const cor_call_options *options,
                                    cor_on_project on_project,
                                    void *user_data,
                                    cor_error **error);

/**
 * As cor_client_find_projects(), for a name that is not NUL-terminated.
 *
 * @param name_size  bytes of the name.
 *
 * Since 0.1.
 */
cor_status cor_client_find_projects_n(const cor_client *client,
                                      const char *name,
                                      size_t name_size,
                                      const cor_call_options *options,
                                      cor_on_project on_project,
                                      void *user_data,
                                      cor_error **error);

/**
 * Updates COR's projects from a CSV or JSON lines file. Sends only the fields that differ from the values that COR last
 * accepted.
 *
 * The table is read to its end before anything is sent; rows of one project become one update. The state stores each value
 * as soon as COR has accepted it, so that the next run continues a run that ended early. Rate limits and outages pause the
 * run.
 *
 * @param client   the client.
 * @param path     the file.
 * @param options  callbacks and options; its struct_size has to be set.
 * @param summary  receives the result of the run; its struct_size has to be set; may be NULL.
 * @param error    receives the error, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK when every row has its result, rejected and failed ones included, and when a callback or the limit ended
 * the run. COR_ERR_CONFIG if the table, the state or a file cannot be used; another status if COR could not be reached or
 * did not accept the credentials; COR_ERR_CANCELLED if max_failures ended the run. Callbacks run on this thread.
 * Since 0.1.
 */
cor_status cor_client_sync_file(const cor_client *client,
                                const char *path,
                                const cor_sync_options *options,
                                cor_sync_summary *summary,
                                cor_error **error);

/**
 * Passes the changes that cor_client_sync_file() would send to options->on_change, and sends nothing. The state does not
 * change. Since 0.1.
 */
cor_status cor_client_plan_file(const cor_client *client,
                                const char *path,
                                const cor_sync_options *options,
                                cor_sync_summary *summary,
                                cor_error **error);

/**
 * The same as cor_client_sync_file(), for rows that a callback returns one by one. The source of each update has to be
 * that of the options; a row with another source is rejected.
 *
 * @param next_row  called with options->user_data until it returns false. Since 0.1.
 */
cor_status cor_client_sync_rows(const cor_client *client,
                                cor_next_row next_row,
                                const cor_sync_options *options,
                                cor_sync_summary *summary,
                                cor_error **error);

/** The same as cor_client_plan_file(), for rows that a callback returns one by one. Since 0.1. */
cor_status cor_client_plan_rows(const cor_client *client,
                                cor_next_row next_row,
                                const cor_sync_options *options,
                                cor_sync_summary *summary,
                                cor_error **error);

/**
 * An update that changes nothing yet.
 *
 * @param source  the system the project was created from, for example "SALESFORCE"; the one it was created with.
 *                NULL or text that is not UTF-8 is recorded like any refused value.
 *
 * Returns a handle to be freed with cor_update_free(); NULL where there is no memory for it. Since 0.1.
 */
cor_update *cor_update_new(const char *source);

/** As cor_update_new(), for a source of `size` bytes. Since 0.1. */
cor_update *cor_update_new_n(const char *source, size_t size);

/**
 * Another update that is the same so far, refused values included: a template for many.
 *
 * Returns a handle to be freed with cor_update_free(); NULL for misuse. Since 0.1.
 */
cor_update *cor_update_clone(const cor_update *update);

/**
 * Resets an update to a new, empty one, for the next row of many.
 *
 * @param source  as for cor_update_new().
 *
 * Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
 */
cor_status cor_update_reset(cor_update *update, const char *source);

/** As cor_update_reset(), for a source of `size` bytes. Since 0.1. */
cor_status cor_update_reset_n(cor_update *update, const char *source, size_t size);

/**
 * Frees an update. NULL is fine.
 *
 * Returns COR_ERR_ARGUMENT for an update that was freed already. Since 0.1.
 */
cor_status cor_update_free(cor_update *update);

/**
 * Clears a field by sending null. COR does not document what null does.
 *
 * @param field  a cor_field. A number that is none is refused and recorded.
 *
 * Since 0.1.
 */
cor_status cor_update_clear(cor_update *update, int32_t field);

/**
 * Sets a field from a table's cell, by name: read by the field's type. An empty cell keeps the field, and takes back what this
 * update was to do with it before, refused values included.
 *
 * @param field  the field's name on the wire, for example "estimated_time".
 * @param cell   its text: a plain number, "true" or "false", a day as YYYY-MM-DD, or any text.
 *
 * Returns COR_ERR_INVALID for a name that is no field, with the nearest one in the message, and for a cell that does
 * not fit; both are recorded. Since 0.1.
 */
cor_status cor_update_set_cell(cor_update *update,
                               const char *field,
                               const char *cell);

/** As cor_update_set_cell(), for a name and a cell of stated sizes in bytes. Since 0.1. */
cor_status cor_update_set_cell_n(cor_update *update,
                                 const char *field,
                                 size_t field_size,
                                 const char *cell,
                                 size_t cell_size);

/**
 * Sets a field that this library does not know.
 *
 * @param name  its name.
 * @param json  its value, as JSON: text needs quotes of its own.
 *
 * A second value replaces the first. Returns COR_ERR_INVALID for text that is not JSON, which is recorded.
 * Since 0.1.
 */
cor_status cor_update_extra(cor_update *update, const char *name, const char *json);

/** As cor_update_extra(), for a name and JSON of stated sizes in bytes. Since 0.1. */
cor_status cor_update_extra_n(cor_update *update,
                              const char *name,
                              size_t name_size,
                              const char *json,
                              size_t json_size);

/**
 * Validates an update without sending it.
 *
 * @param error  gets the error with every problem, to be freed with cor_error_free(), or NULL; may be NULL.
 *
 * Returns COR_OK; COR_ERR_INVALID; COR_ERR_INVALID_DATE_RANGE where the only problem is that it ends before it
 * starts. Since 0.1.
 */
cor_status cor_update_validate(const cor_update *update,
                               cor_error **error);

/**
 * The request body as it would be sent, without what setters refused.
 *
 * Returns text that lives until the update is changed or freed; NULL for misuse. Since 0.1.
 */
const char *cor_update_json(const cor_update *update);

/**
 * The name of a field on the wire; a cor_field as a number.
 *
 * Returns text that lives for ever; NULL for a number that is no field. Since 0.1.
 */
const char *cor_field_name(int32_t field);

/** The project's name. Since 0.1. */
cor_status cor_update_set_name(cor_update *update, const char *value);

/** As cor_update_set_name(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_name_n(cor_update *update, const char *value, size_t size);

/** External id of the client. Since 0.1. */
cor_status cor_update_set_client_id(cor_update *update, const char *value);

/** As cor_update_set_client_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_client_id_n(cor_update *update, const char *value, size_t size);

/** Description. Since 0.1. */
cor_status cor_update_set_brief(cor_update *update, const char *value);

/** As cor_update_set_brief(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_brief_n(cor_update *update, const char *value, size_t size);

/** First day. A real day written YYYY-MM-DD. Since 0.1. */
cor_status cor_update_set_start(cor_update *update, const char *value);

/** As cor_update_set_start(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_start_n(cor_update *update, const char *value, size_t size);

/** As cor_update_set_start(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1. */
cor_status cor_update_set_start_ymd(cor_update *update, int32_t year, int32_t month, int32_t day);

/** Last day; not before `start`. A real day written YYYY-MM-DD. Since 0.1. */
cor_status cor_update_set_end(cor_update *update, const char *value);

/** As cor_update_set_end(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_end_n(cor_update *update, const char *value, size_t size);

/** As cor_update_set_end(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1. */
cor_status cor_update_set_end_ymd(cor_update *update, int32_t year, int32_t month, int32_t day);

/** External user id of the project manager. Since 0.1. */
cor_status cor_update_set_pm_id(cor_update *update, const char *value);

/** As cor_update_set_pm_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_pm_id_n(cor_update *update, const char *value, size_t size);

/** Hours, as an integer. Since 0.1. */
cor_status cor_update_set_estimated_time_int(cor_update *update, int64_t value);

/**
 * Hours, as a double; sent with the fewest digits that read back as the same. NaN and infinities are refused.
 * Since 0.1.
 */
cor_status cor_update_set_estimated_time_double(cor_update *update, double value);

/** Hours, as decimal text such as "18000.10"; sent digit for digit. Since 0.1. */
cor_status cor_update_set_estimated_time_decimal(cor_update *update, const char *value);

/** As cor_update_set_estimated_time_decimal(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_estimated_time_decimal_n(cor_update *update, const char *value, size_t size);

/** Whether the work is billed. Since 0.1. */
cor_status cor_update_set_billable(cor_update *update, bool value);

/** Free text; COR's own pages use "active", "in_progress", "in_process", "finished", "suspended". Since 0.1. */
cor_status cor_update_set_status(cor_update *update, const char *value);

/** As cor_update_set_status(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_status_n(cor_update *update, const char *value, size_t size);

/** External currency id. Since 0.1. */
cor_status cor_update_set_currency_id(cor_update *update, const char *value);

/** As cor_update_set_currency_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_currency_id_n(cor_update *update, const char *value, size_t size);

/** Day of the evaluation. A real day written YYYY-MM-DD. Since 0.1. */
cor_status cor_update_set_evaluation_date(cor_update *update, const char *value);

/** As cor_update_set_evaluation_date(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_evaluation_date_n(cor_update *update, const char *value, size_t size);

/** As cor_update_set_evaluation_date(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1. */
cor_status cor_update_set_evaluation_date_ymd(cor_update *update,
                                              int32_t year,
                                              int32_t month,
                                              int32_t day);

/** Money, in the project's currency, as an integer. Since 0.1. */
cor_status cor_update_set_estimated_int(cor_update *update, int64_t value);

/**
 * Money, in the project's currency, as a double; sent with the fewest digits that read back as the same. NaN and
 * infinities are refused. Since 0.1.
 */
cor_status cor_update_set_estimated_double(cor_update *update,
                                           double value);

/** Money, in the project's currency, as decimal text such as "18000.10"; sent digit for digit. Since 0.1. */
cor_status cor_update_set_estimated_decimal(cor_update *update, const char *value);

/** As cor_update_set_estimated_decimal(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_estimated_decimal_n(cor_update *update, const char *value, size_t size);

/** External fee id. Since 0.1. */
cor_status cor_update_set_fee_id(cor_update *update, const char *value);

/** As cor_update_set_fee_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_fee_id_n(cor_update *update, const char *value, size_t size);

/** External contract id. Since 0.1. */
cor_status cor_update_set_contract_id(cor_update *update, const char *value);

/** As cor_update_set_contract_id(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_contract_id_n(cor_update *update, const char *value, size_t size);

/** What is delivered. Since 0.1. */
cor_status cor_update_set_deliverables(cor_update *update, const char *value);

/** As cor_update_set_deliverables(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_deliverables_n(cor_update *update, const char *value, size_t size);

/** Number or code of the work order. Since 0.1. */
cor_status cor_update_set_work_order(cor_update *update, const char *value);

/** As cor_update_set_work_order(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_work_order_n(cor_update *update, const char *value, size_t size);

/** How the project earns: "fee", "one_time", "hourly_rate" or "contract". Since 0.1. */
cor_status cor_update_set_income_type(cor_update *update, const char *value);

/** As cor_update_set_income_type(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_income_type_n(cor_update *update, const char *value, size_t size);

/** The same as cor_update_set_income_type(), for a value that is sent unchecked. Since 0.1. */
cor_status cor_update_set_income_type_other(cor_update *update, const char *value);

/** As cor_update_set_income_type_other(), for text of `size` bytes. Since 0.1. */
cor_status cor_update_set_income_type_other_n(cor_update *update, const char *value, size_t size);

/** Whether the project is archived. Left out, COR keeps it as it is. Since 0.1. */
cor_status cor_update_set_archived(cor_update *update, bool value);

/**
 * The version of the library that is in use, "MAJOR.MINOR.PATCH"; of the header it was compiled with, see
 * PROJECTCOR_VERSION_MAJOR and its companions. Text that lives for ever. Since 0.1.
 */
const char *cor_version(void);

/** The version of the library that is in use, as MAJOR * 10000 + MINOR * 100 + PATCH. Since 0.1. */
uint32_t cor_version_number(void);

/**
 * How many handles are in use in this process, those of results included: what a test looks at to find one that
 * was not freed. Since 0.1.
 */
uint64_t cor_handles_in_use(void);

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#endif  /* PROJECTCOR_H */
