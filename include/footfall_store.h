/* footfall_store.h: what a storage backend is. For authors of backends; applications use footfall.h and never see this.
 *
 * A backend turns ready-made operations into stored facts. It knows nothing of addresses, secrets, HTTP, retries or
 * configuration files: ids come as 16 opaque bytes, windows as milliseconds, deadlines as a number, its own settings as key
 * and value. The engine checks names, times and tokens first, gives each lane a store of its own, and calls one store from
 * one thread at a time (several stores of one backend do run at once). Every slot is "must" unless it says "may" (NULL
 * allowed). Nothing may print, exit, or keep a pointer past the call. docs/backends.md shows how to add one.
 *
 * THE ONE RULE. An operation is wholly stored or not at all: counter, visitor records, token and mark together, also when
 * the process is killed between any two instructions, and no other operation sees a part of it. How (transaction, script,
 * conditional write) is yours. */
#ifndef FOOTFALL_STORE_H
#define FOOTFALL_STORE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define FOOTFALL_STORE_VERSION 1

enum footfall_store_status { /* of one operation, or of a whole call when nothing was attempted */
                             FOOTFALL_STORE_OK = 0,
                             FOOTFALL_STORE_TOKEN =
                                 -1, /* token known with another fingerprint, or series number lower than the stored one:
                                       nothing changed. INVALID for the caller */
                             FOOTFALL_STORE_INVALID = FOOTFALL_STORE_TOKEN, /* rights, import_foreign: bad input */
                             FOOTFALL_STORE_RANGE = -2,                     /* would leave int64: nothing changed */
                             FOOTFALL_STORE_CONFIG = -3, /* open only: a setting is wrong; the text names its key */
                             FOOTFALL_STORE_TEMPORARY =
                                 -4, /* certainly not applied, and never will be: may be sent again, even as something else */
                             FOOTFALL_STORE_UNKNOWN =
                                 -5, /* may have been applied, or may still be: send exactly the same batch again, or give up */
                             FOOTFALL_STORE_BROKEN =
                                 -6, /* certainly not applied, and no use trying: damage, schema, full, read-only, denied */
                             FOOTFALL_STORE_NO_MEMORY = -7, /* certainly not applied */
                             FOOTFALL_STORE_MISUSE =
                                 -8, /* open only: this process inherited an open store over fork and has not closed it */
                             FOOTFALL_STORE_UNSUPPORTED = -9,
                             FOOTFALL_STORE_ABSENT =
                                 -10 /* must_exist, and it does not: nothing changed. open, only looking: nothing is there */
};
enum footfall_store_kind { /* closed */
                           FOOTFALL_STORE_ADD = 1,
                           FOOTFALL_STORE_VISIT,
                           FOOTFALL_STORE_SET,
                           FOOTFALL_STORE_DELETE,
                           FOOTFALL_STORE_FORGET
};
enum {
    FOOTFALL_STORE_ID_BYTES = 16,
    FOOTFALL_STORE_KEY_BYTES = 32,
    FOOTFALL_STORE_FINGERPRINT_BYTES = 16,
    FOOTFALL_STORE_TOKEN_BYTES = 16,
    FOOTFALL_STORE_SERIES_BYTES = 16
};
#define FOOTFALL_STORE_FOREVER INT64_MAX

struct footfall_store_id {
    uint8_t bytes[FOOTFALL_STORE_ID_BYTES];
};

struct footfall_store_op {
    enum footfall_store_kind kind;
    const char *name; /* valid, 1 to 200 bytes, none of them NUL; no NUL promised after */
    size_t name_bytes;
    int64_t a, b;                    /* ADD: delta, -.  SET: total, unique */
    struct footfall_store_id ids[2]; /* VISIT, FORGET: newest epoch first */
    uint32_t id_count;               /* 1 or 2: look all of them up, last = the latest time found */
    uint32_t write_count;            /* 1 or 2, <= id_count: store the time under ids[0 .. write_count-1] */
    int64_t epochs[2]; /* VISIT, FORGET: the epoch of each id, for stores that keep an epoch's records together */
    int64_t now_ms, window_ms; /* now >= 0; window >= 1 or FOREVER; due when no last, or window is not FOREVER and
                                        now - last >= window (never last + window, which may leave int64) */
    int64_t expire_ms;         /* record may be dropped at this wall time, saturated; FOREVER: never */
    int sliding;               /* 1: store max(last, now) on every visit; 0: store now when due, else leave the records
                                        alone. Either way a stored time never goes back */
    const uint8_t *token; /* NULL: none. Else 16 bytes (a HMAC, not what the caller gave): remember (counter, token)
                                        -> fingerprints, is_new at least until token_expire_ms; bound by success only; known
                                        until it is dropped. Checked before must_exist and range */
    uint8_t fingerprints
        [2][FOOTFALL_STORE_FINGERPRINT_BYTES]; /* what the token stands for. VISIT, FORGET: one per id; the same
                                        operation if any of the first id_count equals any stored one; store the first
                                        write_count. Other kinds: one, [0] */
    int64_t token_expire_ms;
    uint32_t series_at; /* in a series: how many ops of the caller's batch on this counter come before this one */
    int must_exist;     /* 1: ABSENT when the counter does not exist */
};
/* A FORGET removes the records under ids[0 .. id_count-1] and makes no counter. Its totals, and those of any OK answer, are
 * the counter's (0/0 when it does not exist). */
struct footfall_store_result {
    enum footfall_store_status status;
    uint8_t is_new, replayed;
    uint8_t current;       /* 1: total/unique are of now, not as this op left them (replay) */
    int64_t total, unique; /* OK only; DELETE: what was there */
};

/* How a call is made, and the batch's identity for stores where a reply can be lost. writer < 2^48. (writer, sequence) names
 * this exact array of ops; `sequence` grows by at least 1 per batch of this store, attempts of one batch share it. For each
 * counter in the batch:
 *   mark[writer] == sequence   answer what was answered first, change nothing (own totals too, not today's)
 *   mark[writer] >  sequence   answer UNKNOWN, change nothing: a late copy of a batch given up
 *   else                       apply, and store mark[writer] = sequence and the answers in the same atomic step
 * A mark may be dropped once mark_keep_ms has passed since it was stored, by the store's own clock; never earlier, never by
 * DELETE or SET. A store may do the same by other means (own marks, and the batch's answers kept in memory). A store whose
 * calls cannot lose a reply (in this process) may ignore it, and says so by not having the RESEND bit. */
struct footfall_store_call {
    uint64_t writer, sequence;
    uint32_t attempt;    /* 0, 1, … of this (writer, sequence) */
    int64_t deadline_ms; /* CLOCK_BOOTTIME; do no I/O after it. Check it after the last pause before bytes go out */
    int64_t wall_ms;     /* UTC of the engine's clock, for expiry and signatures only, never for windows */
    int64_t mark_keep_ms;
    /* series: NULL, or 16 bytes: a caller's numbered batch; writer and sequence stay the lane's. For each counter the store keeps,
     * in the same step, under (series, counter): the number, how many of its ops on this counter are stored, each one's status
     * (OK, RANGE, TOKEN, ABSENT) and is_new; also without the RESEND bit. Lower number: TOKEN for each op. Equal: ops with
     * series_at below that count are replayed (that status, is_new, replayed, current = 1), the rest applied; they come without
     * a gap. Greater: begins anew. Kept until the latest time that any number of it asked for; survives DELETE. */
    const uint8_t *series;
    uint64_t series_number; /* 0 … INT64_MAX */
    int64_t series_keep_ms; /* how long that must be kept, by the store's clock (wall_ms where it has none) */
    char *text;             /* write one line about the first fault here: no ids, no secrets. Empty at the start */
    size_t text_bytes;
    int32_t native; /* and the store's own number. 0 at the start */
    int only_look; /* `open` alone: 1: make and change nothing, now and until `close`; what is to be made first is ABSENT, with
                       a text. Of the slots only own_secret, ping and check follow */
};

enum footfall_store_caps {
    FOOTFALL_STORE_CAP_DURABLE = 1, /* acknowledged ops survive kill -9 of this process */
    FOOTFALL_STORE_CAP_SHARED = 2,  /* others use it too, and nobody keeps its secret: one must be configured */
    FOOTFALL_STORE_CAP_EXPIRES = 4, /* drops expired records by itself; purge is needed only for what never expires */
    FOOTFALL_STORE_CAP_RESEND = 8,  /* keeps marks as above; without it UNKNOWN is never resent */
    FOOTFALL_STORE_CAP_OWN_VALUES = 16,  /* results are each op's own values */
    FOOTFALL_STORE_CAP_ATOMIC_VISIT = 32 /* THE ONE RULE holds for a new visit whose process dies inside it */
};
struct footfall_store_setting { /* of its own section only, as "path", "durability"; defaults filled in; never NULL */
    const char *key, *value;
};
struct footfall_store_key {    /* a setting it knows; the engine refuses others by name */
    const char *key;           /* without the section: "path". [a-z0-9_]. "lanes" is read by the engine too */
    const char *default_value; /* NULL: none, then it is not handed over unless it was set */
    const char *help;          /* one line */
    int secret;                /* 1: never shown */
};
struct footfall_store; /* the backend's own; cast freely */

/* For `rights`. */
enum footfall_store_purpose {
    FOOTFALL_STORE_TO_RUN = 1, /* count, read, list, delete, forget, purge; with what the settings add to it */
    FOOTFALL_STORE_TO_SET_UP,  /* make what is missing, and look at it (`check`) */
    FOOTFALL_STORE_TO_READ,    /* open, fetch and scan alone */
    FOOTFALL_STORE_TO_IMPORT   /* import_foreign alone */
};
struct footfall_store_rights {
    enum footfall_store_purpose purpose;
    const char *account; /* whose; checked: digits. NULL: any */
    const char *source;  /* TO_IMPORT: as in footfall_store_import. Else NULL */
};

/* For `import_foreign`: what is asked, what came of it, and how far it has come. The engine keeps it from call to call. */
enum { FOOTFALL_STORE_CURSOR_BYTES = 20480 };
struct footfall_store_import {
    const char *source; /* where to read, as the user wrote it: 1 byte or more, NUL-terminated, otherwise unchecked */
    const char *name;   /* the counter; valid */
    size_t name_bytes;
    int64_t source_total, source_unique; /* read so far; once done, all of the source */
    int64_t added_total, added_unique;   /* once done: what this import added to the counter */
    int64_t total, unique;               /* once done: the counter's, as read just after */
    /* the backend's own; all zero at first */
    int64_t items, sent_number;
    int shape, all_read, doubt;
    char cursor[FOOTFALL_STORE_CURSOR_BYTES];
};

/* Told by `scan`, `check` and `metrics`. No pointer outlives the call. */
typedef int footfall_store_each(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique);
typedef void footfall_store_finding(void *user, int severity /* 0 fine, 1 note, 2 warning, 3 wrong */, const char *text,
                                    const char *advice /* or NULL */);
typedef void footfall_store_metric(void *user, const char *name, const char *help, const char *labels, int counter,
                                   double value);
typedef void footfall_store_right(void *user, const char *action, const char *resource);

struct footfall_backend {
    uint32_t version; /* FOOTFALL_STORE_VERSION it was written for */
    uint32_t size;    /* sizeof(struct footfall_backend); slots past it count as NULL; grows at the end only */
    const char *name; /* value of the key `backend`, and its section; [a-z0-9_] */
    const struct footfall_store_key *keys;                /* the last one's key is NULL; may be NULL */
    uint32_t max_batch;                                   /* ops in one apply, names in one fetch; at least 1 */
    uint32_t lanes_default, lanes_max;                    /* at least 1 */
    uint32_t (*caps)(const struct footfall_store *store); /* constant for an open store */

    /* open: a connection or file. `lane` 0 opens first and alone: it makes or checks the schema (anything unknown: BROKEN,
     * touch nothing). On failure *out is NULL. settings live only during the call.
     * close: frees all; NULL never comes. inherited = 1: this process is a fork's child; free memory and descriptors only, send
     * nothing, write nothing. */
    int (*open)(struct footfall_store **out, const struct footfall_store_setting *settings, size_t count, uint32_t lane,
                struct footfall_store_call *call);
    void (*close)(struct footfall_store *store, int inherited);

    /* apply: the one mutating entry. 1 <= count <= max_batch. Ops of one counter take effect in array order; the rest in any.
     * Each op is atomic alone, the batch need not be; one op's failure (RANGE, TOKEN, ABSENT) leaves its neighbours be: the next
     * op sees the state without it. Once an op is TEMPORARY, UNKNOWN, BROKEN or NO_MEMORY, no later op of that counter in the
     * array may be applied. Writes results[i].status for all i and returns 0, or returns a negative status when nothing at all was
     * attempted.
     * DELETE: 0/0, forgets visitors for every later op in one step (a generation number, or truly removing them), keeps marks,
     * tokens and series; total/unique are what was there. ADD, VISIT and SET make the counter exist, also at 0/0. */
    int (*apply)(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                 struct footfall_store_result *results, struct footfall_store_call *call);

    /* fetch: read counters, 1 <= count <= max_batch; sees all that was acknowledged before, on any host (consistent read).
     * exists[i] says whether it does; what does not is 0/0. Names may repeat. Returns 0 or a negative status (never UNKNOWN). */
    int (*fetch)(struct footfall_store *store, const char *const *names, const size_t *name_bytes, size_t count,
                 int64_t *totals, int64_t *uniques, uint8_t *exists, struct footfall_store_call *call);

    /* scan: existing counters with the prefix and > after (after_bytes 0: from the start), bytewise ascending, at most `limit`
     * (>= 1). each() must not be called while a transaction or reply is open; nonzero from it stops. *more = 1 when there may be
     * others after the last one told. A counter existing throughout appears exactly once over the pages. */
    int (*scan)(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                struct footfall_store_call *call);

    /* epoch_key: put candidate (32 bytes), to be kept until expire_ms, under (epoch_ms, epoch) if absent; winner (32 bytes) and
     * *kept_until = what is stored, also read back after a lost reply. candidate NULL: only look. Returns 0; 1 when absent (only
     * when looking); or a negative status (never UNKNOWN: putting twice is harmless, so TEMPORARY).
     * epoch_drop: removes keys whose expiry <= wall_ms, their bytes too (SQLite: secure_delete and a truncating checkpoint), and
     * never anything else. *next_ms = when to call again: the earliest expiry left, FOREVER, or soon when bytes are still to be
     * erased (a reader is in the way). */
    int (*epoch_key)(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                     int64_t expire_ms, uint8_t *winner, int64_t *kept_until, struct footfall_store_call *call);
    int (*epoch_drop)(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                      struct footfall_store_call *call);

    /* purge: drop up to `budget` records whose stored expiry <= now_ms: visitors, tokens, series, old marks; and visitors of dead
     * generations, leftovers of deleted counters. Adds to dropped[]. *more = 0 only when none is left; a call may look at a
     * bounded number of records, drop few, and say 1. May be NULL only when all of this goes by itself: records under FOREVER
     * and of deleted counters don't. */
    int (*purge)(struct footfall_store *store, int64_t now_ms, size_t budget,
                 size_t dropped[3] /* visitors; tokens, series, marks; counters */, int *more,
                 struct footfall_store_call *call);

    /* ping: may be NULL (then a look at a key is used). One cheap round trip. */
    int (*ping)(struct footfall_store *store, struct footfall_store_call *call);

    /* own_secret: may be NULL (then a random one lives in the handle when the store is not SHARED). The path where the engine
     * keeps a secret of its own when none is configured, and whether the store holds visitors already (then a missing file is
     * CONFIG, never a new secret). The backend neither reads nor writes that file. */
    int (*own_secret)(struct footfall_store *store, char *path, size_t path_bytes, int *has_visitors,
                      struct footfall_store_call *call);

    /* check: may be NULL. Says what it finds, good or bad; returns 0, or a negative status when it could not look. */
    int (*check)(struct footfall_store *store, footfall_store_finding *each, void *user,
                 struct footfall_store_call *call);
    /* metrics: may be NULL. No I/O. The one slot that runs while another thread is in this store: read atomics only. */
    void (*metrics)(struct footfall_store *store, footfall_store_metric *each, void *user);
    /* epoch_other: may be NULL when the store is neither DURABLE nor SHARED. *found = 1 when a key of another epoch_ms is stored:
     * the window's length was changed, and every visitor will count anew once. Asked when a handle makes its first key. Returns
     * 0 or a negative status. */
    int (*epoch_other)(struct footfall_store *store, int64_t epoch_ms, int *found, struct footfall_store_call *call);

    /* rights: may be NULL: nothing that could be granted. No store, no I/O, any thread: from the settings (as for open) tells
     * every right (action, resource) that the purpose needs and none besides, those of one resource one after another, in the
     * words of whoever grants them. Returns 0; CONFIG (names the key), INVALID (account or source), NO_MEMORY. */
    int (*rights)(const struct footfall_store_setting *settings, size_t count,
                  const struct footfall_store_rights *wanted, footfall_store_right *each, void *user,
                  struct footfall_store_call *call);

    /* import_foreign: may be NULL. Moves in from a table that another program fills: the counter gets what the source counts, and
     * keeps what it counted itself. Exact and repeatable: what was imported from this source into this counter (since it was last
     * deleted) is remembered in the same step, and the next import adds only what the source has gained; a source that has
     * shrunk is refused. Takes no mark, and leaves visitors, tokens and series alone. Bounded work a call: *more = 1 asks for
     * another with the same struct, as does TEMPORARY; each failure leaves the struct fit to go on. Returns 0; INVALID: no such
     * source, or it is none that can be read, or it has shrunk (the text says what is wrong); RANGE; UNKNOWN: may have been
     * applied, and asking again tells; TEMPORARY, BROKEN, NO_MEMORY. */
    int (*import_foreign)(struct footfall_store *store, struct footfall_store_import *import, int *more,
                          struct footfall_store_call *call);
};
#ifdef __cplusplus
}
#endif
#endif
