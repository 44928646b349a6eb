/* footfall_admin.h: configuration and upkeep, for the tools around the engine (command line, servers, Lambda).
 * Applications that only count need footfall.h alone. Nothing here names a backend. Conventions are those of footfall.h. */
#ifndef FOOTFALL_ADMIN_H
#define FOOTFALL_ADMIN_H
#include "footfall.h"
#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration -------------------------------------------------------------------------------------------------- */

/* Four sources, the later wins: built-in default, INI file, environment (FOOTFALL_SQLITE_PATH is sqlite.path), settings
 * given by the program. A loaded configuration never changes: any number of threads may read it. */
struct footfall_config; /* opaque */

enum footfall_source { FOOTFALL_FROM_DEFAULT, FOOTFALL_FROM_FILE, FOOTFALL_FROM_ENVIRONMENT, FOOTFALL_FROM_SETTING };

struct footfall_config_key {   /* a key that an application registers: "myapp.colour" */
    const char *key;           /* lower case letters, digits, '_', one '.' between section and name */
    const char *default_value; /* NULL: none */
    const char *help;          /* one line, no newline */
    int secret;                /* 1: shown as *** by whoever prints it */
};

/* Reads and checks everything: every key must be known, every value of a key that the engine reads in its range. Keys of
 * other programs and backends are taken unread. `own` (own_count of them, may be NULL) adds the application's keys or says
 * better help for a known one; its strings must live as long as the configuration. options: file, settings,
 * use_environment and log matter; NULL: defaults only. Warnings (an unknown FOOTFALL_* variable) go to options->log.
 * The caller owns *out and ends it with footfall_config_free. Errors: CONFIG (names key, source and line; never a secret's
 * value), NO_MEMORY, MISUSE. */
FOOTFALL_API int footfall_config_load(struct footfall_config **out, const struct footfall_options *options,
                                      const struct footfall_config_key *own, size_t own_count,
                                      struct footfall_error *err);
/* NULL is fine. Secrets are cleansed. */
FOOTFALL_API void footfall_config_free(struct footfall_config *config);

/* The value in force, or NULL when the key is unknown or has none. Lives as long as the configuration. */
FOOTFALL_API const char *footfall_config_get(const struct footfall_config *config, const char *key);

/* Typed reading for an application's own keys: OK and *out; CONFIG names key, value's source and line and what is wanted.
 * A key without a value, or with an empty one, is CONFIG too.
 * integer: decimal, min … max. bool: true false yes no on off 1 0 (1 or 0 in *out). duration: "90m", "24h", "1500ms", units
 * ms s m h d w, min … max in milliseconds; "forever" gives INT64_MAX when max is INT64_MAX. */
FOOTFALL_API int footfall_config_integer(int64_t *out, const struct footfall_config *config, const char *key,
                                         int64_t min, int64_t max, struct footfall_error *err);
FOOTFALL_API int footfall_config_bool(int *out, const struct footfall_config *config, const char *key,
                                      struct footfall_error *err);
FOOTFALL_API int footfall_config_duration(int64_t *out_ms, const struct footfall_config *config, const char *key,
                                          int64_t min_ms, int64_t max_ms, struct footfall_error *err);

struct footfall_config_entry {
    const char *key;
    const char *value; /* NULL: none */
    enum footfall_source source;
    const char *source_name; /* "default", the file's path, "FOOTFALL_WINDOW", "setting" */
    int line;                /* in the file, from 1; 0 elsewhere */
    const char *help;
    int secret; /* 1: print *** instead of the value */
};
/* Every key once, in byte order with the keys without a section first. Return 0 to go on, anything else to stop. The entry
 * and its strings live as long as the configuration. */
typedef int footfall_config_each(void *user, const struct footfall_config_entry *entry);
FOOTFALL_API void footfall_config_list(const struct footfall_config *config, footfall_config_each *each, void *user);

/* footfall_open with a configuration loaded before (so that an application's own keys may stand in the same file). config is
 * copied as far as needed. Of options only log and clock and their user pointers matter; NULL: none. Errors as
 * footfall_open. */
FOOTFALL_API int footfall_open_config(struct footfall **out, const struct footfall_config *config,
                                      const struct footfall_options *options, struct footfall_error *err);

/* The names of the backends built in, in byte order, NULL at the end. Static storage. */
FOOTFALL_API const char *const *footfall_backends(void);

/* ---- upkeep ----------------------------------------------------------------------------------------------------------- */

enum footfall_severity { FOOTFALL_FINE, FOOTFALL_NOTE, FOOTFALL_WARNING, FOOTFALL_WRONG };

struct footfall_finding {
    enum footfall_severity severity;
    const char *text;   /* one sentence: what was found */
    const char *advice; /* what to do, NULL when there is nothing to do. Both live only during the call */
};
typedef void footfall_each_finding(void *user, const struct footfall_finding *finding);

/* Looks at what can be checked about the open store (rights, settings, clock, schema, files), the engine's part first. Each
 * finding is told once, also the good ones (FOOTFALL_FINE). Changes nothing that counts. Any thread; blocks. `each` must not
 * call footfall on this handle.
 * OK whatever the findings say; TEMPORARY, BROKEN … when it could not look (the findings told so far stand). */
FOOTFALL_API int footfall_check(struct footfall *ff, const struct footfall_call *call, footfall_each_finding *each,
                                void *user, struct footfall_error *err);

struct footfall_metric {
    const char *name;   /* Prometheus style, with unit and _total: "footfall_operations_total" */
    const char *help;   /* one line */
    const char *labels; /* "kind=\"read\"" or "" */
    int counter;        /* 1: only grows (since open); 0: a gauge */
    double value;
}; /* lives only during the call */
typedef void footfall_each_metric(void *user, const struct footfall_metric *metric);
/* The engine's numbers, then the backend's own. Lines of one name come one after another. Never blocks on the store. */
FOOTFALL_API void footfall_metrics(struct footfall *ff, footfall_each_metric *each, void *user);

#ifdef __cplusplus
}
#endif
#endif
