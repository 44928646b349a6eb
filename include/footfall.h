/* footfall.h: count visits and unique visitors; SQLite, Redis or DynamoDB keep the numbers.
 * This header is the manual. What the numbers mean is docs/semantics.md; no backend, socket or JSON appears here.
 *
 *     struct footfall *ff; struct footfall_error err; struct footfall_result r;
 *     if (footfall_open(&ff, NULL, &err)) { fprintf(stderr, "%s\n", err.text); return 1; }
 *     struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
 *     who.address = "203.0.113.7";
 *     if (footfall_visit(ff, "/index.html", &who, NULL, &r, &err) == FOOTFALL_OK)
 *         printf("%" PRId64 " visits, %" PRId64 " visitors\n", r.total, r.unique);
 *     footfall_close(ff);
 *
 * Conventions. Functions return FOOTFALL_OK (0) or a negative enum footfall_status. Out parameters come first or are
 * named r/out; on failure *out is NULL, and r holds zeros and the status. Every pointer argument is borrowed for the
 * call only, unless it is said otherwise. `err` may be NULL; on FOOTFALL_OK it is cleared. A required pointer that is
 * NULL gives FOOTFALL_INVALID. Text is UTF-8, NUL-terminated. Times are UTC milliseconds since 1970 (int64).
 * Structs that callers fill in begin with `size`; set it with the _INIT macro: they grow only at the end. A size this
 * library does not know gives FOOTFALL_MISUSE.
 *
 * Threads. Any number of threads may use one handle at once, except in footfall_close. A handle does not survive fork():
 * in the child every function but footfall_close returns FOOTFALL_MISUSE (two processes with one writer identity would
 * lose counts); close it there first, then open anew. There, close frees memory and descriptors only. Fork while no other
 * thread is inside a call. Log, clock and completion functions may run on any thread, and on several at once. */
#ifndef FOOTFALL_H
#define FOOTFALL_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#define FOOTFALL_API __attribute__((visibility("default")))
#else
#define FOOTFALL_API
#endif
#define FOOTFALL_VERSION_MAJOR 0
#define FOOTFALL_VERSION_MINOR 1
#define FOOTFALL_VERSION_PATCH 0
#define FOOTFALL_NAME_BYTES 200                /* longest counter name, without the NUL */
#define FOOTFALL_TOKEN_BYTES 64                /* longest idempotency token */
#define FOOTFALL_SERIES_BYTES 16               /* a series is named by this many bytes */
#define FOOTFALL_NOW INT64_MIN                 /* "ask the handle's clock"; any other negative time is refused */
#define FOOTFALL_WAIT_DEFAULT 0                /* deadline: the configured `deadline` */
#define FOOTFALL_WAIT_MAX_MS 600000            /* longest deadline: 10 minutes */
#define FOOTFALL_SERIES_KEEP_MIN_MS 900000     /* 15 minutes */
#define FOOTFALL_SERIES_KEEP_MAX_MS 2592000000 /* 30 days */

struct footfall; /* a handle; opaque */

/* What went wrong, by who can do something about it. The numbers never change meaning. */
enum footfall_status {
    FOOTFALL_OK = 0,
    FOOTFALL_INVALID = -1,   /* caller's fault: bad name, address, time, token, NULL; or the token belongs to another
                                  operation, or the series has gone past this number. Not applied */
    FOOTFALL_RANGE = -2,     /* the result leaves int64. Not applied, no visitor remembered */
    FOOTFALL_CONFIG = -3,    /* open and configuration only: unknown key, missing secret, backend not built in; the text
                                  names the key */
    FOOTFALL_TEMPORARY = -4, /* throttled, locked, unreachable, queue full, deadline passed before anything was sent.
                                  Surely not applied */
    FOOTFALL_UNKNOWN =
        -5, /* may or may not have been applied; ask again with the same token, otherwise don't repeat it */
    FOOTFALL_BROKEN = -6,    /* the store is damaged, of another version, full, read-only, or refuses our credentials.
                                  Not applied */
    FOOTFALL_NO_MEMORY = -7, /* not applied */
    FOOTFALL_MISUSE = -8,    /* used after fork, during close, from a completion that may not block, or with a struct of
                                  the wrong size. Not applied */
    FOOTFALL_UNSUPPORTED = -9, /* this backend or configuration cannot do it. Not applied */
    FOOTFALL_ABSENT = -10      /* must_exist, and the counter does not exist. Not applied, nothing made */
};

struct footfall_error { /* the caller's own, no need to clear it */
    enum footfall_status status;
    int32_t native; /* the backend's number (sqlite result code, HTTP status, errno), 0 if none. For logs only */
    char text[248]; /* one line, never holds an address, a secret or an id; longer text is cut at a UTF-8 boundary */
};

/* "range" and so on; "?" for a number that is none. Static storage. Any thread, never fails. */
FOOTFALL_API const char *footfall_status_name(enum footfall_status status);
/* Of the library that runs, "0.1.0". Static storage. Any thread, never fails. */
FOOTFALL_API const char *footfall_version(void);

/* ---- what may be a name, an address -------------------------------------------------------------------------------- */

/* Is this a counter's name: 1 to 200 bytes of valid UTF-8 (RFC 3629), no byte below 0x20 and no 0x7f (so no NUL)?
 * OK, or INVALID with a text that says what is wrong and where. Any thread; needs no handle; touches nothing. */
FOOTFALL_API int footfall_name_check(const char *name, size_t name_bytes, struct footfall_error *err);
/* Would a visit take this address: IPv4 or IPv6 as inet_pton(3) reads it, a zone id ("%eth0") allowed after IPv6, and
 * neither 0.0.0.0 nor ::, nor one of them mapped? OK, or INVALID; the text never holds the address. Any thread. */
FOOTFALL_API int footfall_address_check(const char *address, struct footfall_error *err);

/* ---- open and close ------------------------------------------------------------------------------------------------- */

struct footfall_setting {
    const char *key, *value;
}; /* as in the configuration file: "backend", "window", … (footfall.conf(5)) */

enum footfall_log_level { FOOTFALL_LOG_ERROR, FOOTFALL_LOG_WARN, FOOTFALL_LOG_INFO, FOOTFALL_LOG_DEBUG };

struct footfall_options {
    size_t size;
    const char *file;                        /* INI file, or NULL for none */
    const struct footfall_setting *settings; /* win over environment, environment over the file; NULL if none */
    size_t setting_count;
    int use_environment; /* 1: read FOOTFALL_*, and FOOTFALL_CONFIG for the file when file is NULL */
    void (*log)(void *user, enum footfall_log_level level, const char *line); /* NULL: silence. Must not call footfall.
                                                Gets lines up to the configured log_level; without a newline */
    void *log_user;
    int64_t (*clock)(void *user); /* UTC ms for FOOTFALL_NOW and "the host's clock"; NULL: the system's. Deadlines
                                                use CLOCK_BOOTTIME anyway (waits on CLOCK_MONOTONIC in slices of at most
                                                1 s, then checked) */
    void *clock_user;
    int alone; /* 1: for a program that makes one call at a time while somebody waits for it, such as a function on
                  Lambda: one connection to the store, whatever is configured, so that no counter's first call opens
                  another; and what calls see to besides is left to footfall_upkeep (footfall_admin.h) */
};
#define FOOTFALL_OPTIONS_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(struct footfall_options), NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, 0                                   \
    }

/* Opens the store, checks its schema, looks for the epoch key but never makes it (the first visit does; absent or denied
 * is no error here). options NULL: SQLite in ./footfall.db, no file, no environment. Strings of `options` are copied; the
 * functions and their user pointers must live until footfall_close returns. Starts no thread. The caller owns *out and
 * ends it with footfall_close.
 * Errors: CONFIG, TEMPORARY (not reachable within the deadline), BROKEN, NO_MEMORY, MISUSE (size; or this process still
 * holds a SQLite handle that it inherited over fork). */
FOOTFALL_API int footfall_open(struct footfall **out, const struct footfall_options *options,
                               struct footfall_error *err);

/* Ends the handle: waits for calls that other threads still have in it and for queued submissions to complete (each
 * completion runs), at most the configured deadline, after which what is queued completes with TEMPORARY and what is in
 * flight with UNKNOWN; an attempt that is inside the store just then is waited for (2 s at most, see docs/semantics.md).
 * NULL is fine. No call may start once this one has. Never from a completion. */
FOOTFALL_API void footfall_close(struct footfall *ff);

/* ---- counting ------------------------------------------------------------------------------------------------------- */

struct footfall_visitor {
    size_t size;
    const char
        *address; /* IPv4 or IPv6 in text, no port, no brackets; a zone id is dropped. Never stored, never logged */
    const char
        *user_agent; /* used only under visitor = address+agent; NULL counts as empty. Never stored, never logged */
    int64_t now_ms;  /* FOOTFALL_NOW, or the time of the visit: 0 … one hour after the host's clock; the past is
                               welcome */
};
#define FOOTFALL_VISITOR_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(struct footfall_visitor), NULL, NULL, FOOTFALL_NOW                                                      \
    }

struct footfall_call { /* how to make a call; NULL stands for the defaults */
    size_t size;
    uint32_t wait_ms;  /* deadline from now, FOOTFALL_WAIT_DEFAULT, or up to FOOTFALL_WAIT_MAX_MS (else INVALID) */
    const void *token; /* idempotency token, 1 to 64 bytes of any value; NULL: none. Remembered 10 minutes at least,
                               per counter */
    size_t token_bytes;
    const uint8_t *series; /* footfall_apply only: 16 bytes naming a numbered series of batches; NULL: none */
    uint64_t number; /* of this batch in the series; only grows, 0 … INT64_MAX. The same number again: applied once,
                               then REPLAYED; lower: INVALID */
    int64_t
        series_keep_ms; /* how long the series must be remembered after this batch: 15 minutes (also 0) to 30 days */
};
#define FOOTFALL_CALL_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(struct footfall_call), FOOTFALL_WAIT_DEFAULT, NULL, 0, NULL, 0, 0                                       \
    }

enum footfall_result_flags {
    FOOTFALL_IS_NEW = 1,   /* visit: this one is counted in `unique` */
    FOOTFALL_REPLAYED = 2, /* the token, or this number of the series, had been counted before; totals are those of now,
                              IS_NEW is the first answer's */
    FOOTFALL_EXISTS = 4,   /* read: the counter has been touched and not deleted since */
    FOOTFALL_CURRENT = 8   /* totals are as just after some later operation (replay), not as this one left them */
};

struct footfall_result {
    enum footfall_status status;
    uint32_t flags; /* enum footfall_result_flags, or'ed */
    int64_t total,
        unique; /* as this operation left them, both after it and before any later one, unless FOOTFALL_CURRENT */
};

/* All five: block until stored or until the deadline; any thread; r may be NULL.
 * Errors: INVALID, RANGE (not delete, set, forget), TEMPORARY, UNKNOWN, BROKEN, NO_MEMORY, MISUSE, UNSUPPORTED. */

/* One visit: total + 1, and unique + 1 if the visitor is due (docs/semantics.md has the rule). */
FOOTFALL_API int footfall_visit(struct footfall *ff, const char *name, const struct footfall_visitor *who,
                                const struct footfall_call *call, struct footfall_result *r,
                                struct footfall_error *err);
/* total + delta (negative too; 0 creates the counter). Leaves unique alone. RANGE if total would leave int64. */
FOOTFALL_API int footfall_add(struct footfall *ff, const char *name, int64_t delta, const struct footfall_call *call,
                              struct footfall_result *r, struct footfall_error *err);
/* Overwrites both numbers, any int64; visitors stay remembered. */
FOOTFALL_API int footfall_set(struct footfall *ff, const char *name, int64_t total, int64_t unique,
                              const struct footfall_call *call, struct footfall_result *r, struct footfall_error *err);
/* The counter is 0/0 and forgets its visitors, at once for every later operation; the bytes of its visitor records go with
 * the next purges. Deleting what is not there succeeds. r->total and r->unique are what was deleted. Tokens outlive it. */
FOOTFALL_API int footfall_delete(struct footfall *ff, const char *name, const struct footfall_call *call,
                                 struct footfall_result *r, struct footfall_error *err);
/* Drops what is remembered of one visitor under the key of the epoch of who->now_ms and the one before; numbers stay.
 * Succeeds when nothing was remembered, and makes no counter. r has the counter's numbers. */
FOOTFALL_API int footfall_forget(struct footfall *ff, const char *name, const struct footfall_visitor *who,
                                 const struct footfall_call *call, struct footfall_result *r,
                                 struct footfall_error *err);

/* ---- many at once, and without waiting -------------------------------------------------------------------------------- */

enum footfall_op_kind {
    FOOTFALL_OP_ADD = 1,
    FOOTFALL_OP_VISIT,
    FOOTFALL_OP_SET,
    FOOTFALL_OP_DELETE,
    FOOTFALL_OP_FORGET
};

struct footfall_op {
    size_t size;
    enum footfall_op_kind kind;
    const char *name;
    int64_t delta;                          /* ADD */
    int64_t total, unique;                  /* SET */
    const struct footfall_visitor *visitor; /* VISIT, FORGET */
    const void *token;                      /* as in footfall_call; NULL: none */
    size_t token_bytes;
    int must_exist; /* 1: a counter that does not exist gives ABSENT, decided in the same step */
};
#define FOOTFALL_OP_INIT(k)                                                                                            \
    {                                                                                                                  \
        sizeof(struct footfall_op), (k), NULL, 0, 0, 0, NULL, NULL, 0, 0                                               \
    }

/* Independent operations in one go, in array order per counter; no all-or-nothing. ops is one array, each element with its
 * `size`. Every results[i].status is written. Returns OK when all are OK, else the first failure's status, and err tells of
 * that one. An op that is refused for its form leaves the others be; in a series it refuses the whole batch, and nothing is
 * sent (then the others have TEMPORARY). `call->token` must be NULL. count 0 is OK. Any count up to 16,777,216; a big one is
 * cut into the backend's batches and takes memory of about 300 bytes an op. */
FOOTFALL_API int footfall_apply(struct footfall *ff, const struct footfall_op *ops, size_t count,
                                const struct footfall_call *call, struct footfall_result *results,
                                struct footfall_error *err);

/* The completion of a submission. It runs exactly once, on a thread of the library, and must be quick; it may call
 * footfall_submit, footfall_submit_read and footfall_stats, not the blocking functions (MISUSE) and not footfall_close. `r` and
 * `err` live only during the call; err->status is OK or r->status. */
typedef void footfall_done(void *user, const struct footfall_result *r, const struct footfall_error *err);

/* Queues one operation and returns at once: never does I/O on the calling thread, copies what it needs. The first submission
 * starts one worker thread a lane. Errors are returned for what is refused at once (INVALID, NO_MEMORY, MISUSE, TEMPORARY
 * when the lane's queue is full: 65,536 operations); then `done` is not called. The completion runs by the deadline, or when
 * the store has come back from the attempt that is under way just then (2 s at most). Submissions and blocking calls of one
 * thread on one counter keep their order only if each waits for the one before. */
FOOTFALL_API int footfall_submit(struct footfall *ff, const struct footfall_op *op, const struct footfall_call *call,
                                 footfall_done *done, void *user, struct footfall_error *err);

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* The numbers now; counts nothing. A counter nobody touched reads 0/0 without FOOTFALL_EXISTS. Sees every operation
 * acknowledged before it began. results[i] belongs to names[i]. Any thread; blocks.
 * Errors: INVALID (a bad name; the others are read all the same), TEMPORARY, BROKEN, NO_MEMORY, MISUSE. */
FOOTFALL_API int footfall_read(struct footfall *ff, const char *const *names, size_t count,
                               const struct footfall_call *call, struct footfall_result *results,
                               struct footfall_error *err);

/* footfall_read of one counter, without waiting: queued, answered and refused as footfall_submit does it, and call->token must be
 * NULL. `r` has FOOTFALL_EXISTS, or not. Sees every operation acknowledged before it was called; one that is still under way, a
 * submission of the same thread too, it may see or not. */
FOOTFALL_API int footfall_submit_read(struct footfall *ff, const char *name, const struct footfall_call *call,
                                      footfall_done *done, void *user, struct footfall_error *err);

/* Return 0 to go on, anything else to stop; footfall_list then returns OK. May call footfall_read and the like on this
 * handle. `name` lives only during the call. */
typedef int footfall_each(void *user, const char *name, int64_t total, int64_t unique);

/* Every existing counter whose name begins with prefix ("" for all, at most 200 bytes) and sorts after `after` (NULL: from
 * the start), in byte order. Not a snapshot: each counter that exists throughout is shown once, one made or deleted
 * meanwhile may or may not be. An admin's tool: the price grows with the number of counters, never with visitors. Resume
 * with the last name seen. The deadline is for each page of the store, not the whole. Any thread; blocks.
 * Errors: INVALID, TEMPORARY, BROKEN, NO_MEMORY, MISUSE. */
FOOTFALL_API int footfall_list(struct footfall *ff, const char *prefix, const char *after,
                               const struct footfall_call *call, footfall_each *each, void *user,
                               struct footfall_error *err);

/* ---- upkeep --------------------------------------------------------------------------------------------------------------- */

struct footfall_purge_result {
    int64_t visitors, tokens, counters; /* dropped by this call; tokens: also numbered series and the like */
    int done;                           /* 0: call again */
};

/* Drops what can no longer matter at now_ms (FOOTFALL_NOW; a time in the clock's future is refused): dead visitor records,
 * tokens, leftovers of deleted counters, epoch keys. Drops at most `budget` records a call (1 … 1,000,000), and looks at no
 * more than a bounded multiple of that. Never changes an answer. Needed for SQLite, harmless elsewhere. Any thread; blocks.
 * Errors: INVALID, TEMPORARY, BROKEN, NO_MEMORY, MISUSE; UNKNOWN never matters, call again. */
FOOTFALL_API int footfall_purge(struct footfall *ff, int64_t now_ms, size_t budget, const struct footfall_call *call,
                                struct footfall_purge_result *out, struct footfall_error *err);

struct footfall_stats { /* since open; for a /metrics page */
    size_t size;
    uint64_t operations; /* that took part in a batch, each attempt after the first not counted again */
    uint64_t batches;    /* sent to the store for the first time */
    uint64_t retries;    /* attempts after the first */
    uint64_t unknown, temporary, replayed; /* operations answered so */
    uint64_t queued_now;                   /* operations that wait for a batch */
    uint64_t longest_batch;                /* operations */
    const char *backend;                   /* static name; never interpret it */
};
#define FOOTFALL_STATS_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(struct footfall_stats), 0, 0, 0, 0, 0, 0, 0, 0, NULL                                                    \
    }
/* Fills *out as far as out->size goes. Any thread, a completion too; never blocks on the store. A NULL, a child of fork or
 * an unknown size leaves *out alone. */
FOOTFALL_API void footfall_stats(struct footfall *ff, struct footfall_stats *out);

/* One round trip to the store: OK, TEMPORARY or BROKEN (or NO_MEMORY, MISUSE). For health checks; writes nothing. */
FOOTFALL_API int footfall_ping(struct footfall *ff, const struct footfall_call *call, struct footfall_error *err);

#ifdef __cplusplus
}
#endif
#endif
