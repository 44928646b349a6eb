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
 * copied as far as needed. Of options only log, clock, their user pointers and alone matter; NULL: none. Errors
 * as footfall_open. */
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

/* Sees to what is due: erases expired epoch keys, and compares those at hand with the store's. When nothing is, the store is not
 * asked, so it may follow every call; after the first one something is. A handle that was opened with options->alone needs it, on
 * others it does no harm. Any thread; blocks. OK too when the store did not let it (the log says so; it is tried again later).
 * Errors: INVALID, TEMPORARY (the handle was busy until the deadline), MISUSE. */
FOOTFALL_API int footfall_upkeep(struct footfall *ff, const struct footfall_call *call, struct footfall_error *err);

/* Looks at what can be checked about the open store (rights, settings, clock, schema, files), the engine's part first. Each
 * finding is told once, also the good ones (FOOTFALL_FINE). Changes nothing that counts. Any thread; blocks. `each` must not
 * call footfall on this handle.
 * OK whatever the findings say; TEMPORARY, BROKEN … when it could not look (the findings told so far stand). */
FOOTFALL_API int footfall_check(struct footfall *ff, const struct footfall_call *call, footfall_each_finding *each,
                                void *user, struct footfall_error *err);

/* The whole of it, from a configuration on, for when nothing works: where that comes from, this host's clock, who may read files
 * that hold secrets; then opens the store and looks at it as footfall_check does. Makes, erases and changes nothing, not even what
 * footfall_open would (a database, a secret, a table): what is not there yet is a finding. Of options only log and clock and
 * their user pointers matter; NULL: none. Opening takes the configured deadline at most, looking that of `call` (may be NULL).
 * Any thread; blocks; `each` as above.
 * OK whatever the findings say; otherwise an error of footfall_open or footfall_check, and the findings told so far stand. */
FOOTFALL_API int footfall_check_config(const struct footfall_config *config, const struct footfall_options *options,
                                       const struct footfall_call *call, footfall_each_finding *each, void *user,
                                       struct footfall_error *err);

/* Rights to grant, in the words of whoever grants them (for AWS: IAM actions and ARNs). */
enum footfall_rights_purpose {
    FOOTFALL_RIGHTS_RUN = 1,   /* count, read, list, delete, forget, purge; and what the configuration adds to that */
    FOOTFALL_RIGHTS_SET_UP,    /* make what is missing in the store, and look at it (footfall_check) */
    FOOTFALL_RIGHTS_READ_ONLY, /* open, footfall_read and footfall_list alone */
    FOOTFALL_RIGHTS_IMPORT     /* open and footfall_import_foreign alone */
};
struct footfall_rights_wanted {
    size_t size;
    enum footfall_rights_purpose purpose;
    const char *account; /* 12 digits, or NULL: any */
    const char *source;  /* IMPORT: the table to read. Else NULL */
};
#define FOOTFALL_RIGHTS_WANTED_INIT(purpose)                                                                           \
    {                                                                                                                  \
        sizeof(struct footfall_rights_wanted), (purpose), NULL, NULL                                                   \
    }
typedef void footfall_each_right(void *user, const char *action, const char *resource);
/* The least rights that this configuration needs for the purpose; those of one resource come one after another. What `each`
 * is told lives only during the call. Opens nothing, asks nobody. Any thread. UNSUPPORTED: the backend knows nothing that could be granted. Other errors: INVALID, CONFIG (names
 * the key), NO_MEMORY, MISUSE. */
FOOTFALL_API int footfall_rights(const struct footfall_config *config, const struct footfall_rights_wanted *wanted,
                                 footfall_each_right *each, void *user, struct footfall_error *err);

struct footfall_import_result {
    int64_t source_total, source_unique; /* what the source counts now */
    int64_t added_total, added_unique;   /* what this call added to the counter: 0 when the source has gained nothing */
    int64_t total, unique;               /* the counter's numbers just after */
};
/* Moving in: the counter `name` gets what another program counted in `source` (which sources and shapes there are is the
 * backend's affair, docs/ tells), and keeps what it has counted itself. No visitors are taken over. The counter is made when it
 * does not exist. Safe to repeat, from any process: what was imported is remembered with the counter, and only what the source
 * has gained since is added; after footfall_delete the whole of it. Reads the source page by page; while somebody still writes
 * there it is no snapshot, so import once more when nobody does. Of call only wait_ms matters; it is for each page, not the
 * whole. Any thread; blocks, and keeps one lane busy a page at a time.
 * Errors: INVALID (a bad name; no such source, nothing in it, other things in it, fewer than were imported before: the text
 * says which; nothing changed), RANGE, TEMPORARY, UNKNOWN (import again: it tells), BROKEN, NO_MEMORY, MISUSE, UNSUPPORTED. On
 * failure *out (may be NULL) is all zero. */
FOOTFALL_API int footfall_import_foreign(struct footfall *ff, const char *source, const char *name,
                                         const struct footfall_call *call, struct footfall_import_result *out,
                                         struct footfall_error *err);
/* Can a handle opened with this configuration do that at all? OK or UNSUPPORTED (INVALID: config is NULL). Opens nothing. Any
 * thread. */
FOOTFALL_API int footfall_import_supported(const struct footfall_config *config, struct footfall_error *err);

struct footfall_metric {
    const char *name;   /* Prometheus style, with unit and _total: "footfall_operations_total" */
    const char *help;   /* one line */
    const char *labels; /* "kind=\"read\"" or "" */
    int counter;        /* 1: only grows (since open); 0: a gauge */
    double value;
}; /* lives only during the call */
typedef void footfall_each_metric(void *user, const struct footfall_metric *metric);
/* The engine's numbers, then the backend's own. Lines of one name come one after another. A histogram is told as Prometheus
 * keeps one: NAME_bucket with "le" as its last label, each counting what the smaller ones count too, up to le="+Inf"; then NAME_sum
 * and NAME_count. There are footfall_batch_operations (operations in a batch of a lane: 1, 2, 4 … 65536) and
 * footfall_store_seconds (one attempt at a batch inside the store, kind="write" or "read": 10 us … 10 s). Never blocks on the
 * store. ff NULL: tells nothing. */
FOOTFALL_API void footfall_metrics(struct footfall *ff, footfall_each_metric *each, void *user);

#ifdef __cplusplus
}
#endif
#endif
