/* store.h: what the files of the SQLite backend share. One store is one connection; one thread at a time is inside it, so
 * nothing here locks (metrics reads the atomics alone). Functions that return `rc` give an SQLite result code: SQLITE_OK,
 * SQLITE_NOMEM when an allocation of our own failed, else what SQLite said; fault.c turns one into a store status. */
#ifndef FOOTFALL_SQLITE_STORE_H
#define FOOTFALL_SQLITE_STORE_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "footfall_store.h"

#define FOOTFALL_SQLITE_APPLICATION 0x4674466c /* "FtFl" in the file's header */
#define FOOTFALL_SQLITE_SCHEMA 1               /* user_version of the files this code writes */
#define FOOTFALL_SQLITE_MAX_BATCH 65536

enum footfall_sqlite_sql { /* one prepared statement each; the texts are in statement.c */
                           FOOTFALL_SQL_BEGIN,
                           FOOTFALL_SQL_BEGIN_READ,
                           FOOTFALL_SQL_COMMIT,
                           FOOTFALL_SQL_ROLLBACK,
                           FOOTFALL_SQL_COUNTER,
                           FOOTFALL_SQL_COUNTER_INSERT,
                           FOOTFALL_SQL_COUNTER_NUMBERS,
                           FOOTFALL_SQL_COUNTER_UPDATE,
                           FOOTFALL_SQL_COUNTER_DELETE,
                           FOOTFALL_SQL_COUNTERS_ABSENT,
                           FOOTFALL_SQL_SCAN,
                           FOOTFALL_SQL_META,
                           FOOTFALL_SQL_META_PUT,
                           FOOTFALL_SQL_EPOCH,
                           FOOTFALL_SQL_EPOCH_PUT,
                           FOOTFALL_SQL_EPOCH_DELETE,
                           FOOTFALL_SQL_EPOCH_NEXT,
                           FOOTFALL_SQL_VISITOR,
                           FOOTFALL_SQL_VISITOR_INSERT,
                           FOOTFALL_SQL_VISITOR_CLAIM,
                           FOOTFALL_SQL_VISITOR_UPDATE,
                           FOOTFALL_SQL_VISITOR_RENEW,
                           FOOTFALL_SQL_VISITOR_DELETE,
                           FOOTFALL_SQL_VISITOR_IN_EPOCH,
                           FOOTFALL_SQL_VISITOR_ANY,
                           FOOTFALL_SQL_VISITORS_AHEAD,
                           FOOTFALL_SQL_VISITORS_PURGE,
                           FOOTFALL_SQL_VISITORS_LEAST,
                           FOOTFALL_SQL_VISITORS_OF,
                           FOOTFALL_SQL_VISITORS_OF_DELETE,
                           FOOTFALL_SQL_DEAD_INSERT,
                           FOOTFALL_SQL_DEAD_NEXT,
                           FOOTFALL_SQL_DEAD_DELETE,
                           FOOTFALL_SQL_TOKEN,
                           FOOTFALL_SQL_TOKEN_INSERT,
                           FOOTFALL_SQL_TOKENS_PURGE,
                           FOOTFALL_SQL_TOKENS_LEFT,
                           FOOTFALL_SQL_SERIES_LAST,
                           FOOTFALL_SQL_SERIES_PARTS,
                           FOOTFALL_SQL_SERIES_INSERT,
                           FOOTFALL_SQL_SERIES_CLEAR,
                           FOOTFALL_SQL_SERIES_NEXT,
                           FOOTFALL_SQL_SERIES_DELETE,
                           FOOTFALL_SQL_KEY,
                           FOOTFALL_SQL_KEY_INSERT,
                           FOOTFALL_SQL_KEYS,
                           FOOTFALL_SQL_KEYS_CLEAR,
                           FOOTFALL_SQL_KEYS_DUE,
                           FOOTFALL_SQL_KEYS_OTHER,
                           FOOTFALL_SQL_PING,
                           FOOTFALL_SQL_COUNT
};

/* A hash table of positions: slots hold the hash and a position + 1 in an array of entries; 0 is free. Entries never leave
 * one by one. */
struct footfall_sqlite_slot {
    uint32_t hash, at;
};
struct footfall_sqlite_table {
    struct footfall_sqlite_slot *slots;
    size_t capacity; /* slots allocated */
    size_t size;     /* slots in use as the table: a power of two, or 0 */
    size_t used;     /* entries in it */
};

/* A counter as the database has it and as the batch will leave it. Kept from batch to batch while the file is unchanged. */
struct footfall_sqlite_counter {
    size_t name_at; /* in store->names */
    uint32_t name_bytes;
    uint32_t generation;     /* DELETEs in this batch: tells its visitors apart before they have a k */
    uint64_t batch;          /* the batch that the fields about one batch are of */
    int64_t id;              /* row, 0: none yet */
    int64_t k, stored_k;     /* key of its visitors now and in the database; 0: it has none */
    int64_t total, unique;   /* 0/0 when not present */
    uint8_t present, loaded; /* loaded 0: the database has not been asked yet */
    uint8_t numbers_changed; /* total or unique differ from the row */
    uint8_t row_changed;     /* k or present differ from the row, or the row must be made */
    uint8_t listed;          /* it stands in batch.changed */
    uint32_t series_first;   /* op of this batch + 1, 0: none; chain through touch.series_next */
    uint32_t series_last;    /* the same */
    int64_t series_expire;   /* the latest time that a stored number asked for; 0: none */
    uint8_t series_state;    /* enum footfall_sqlite_series_state */
};
enum footfall_sqlite_series_state {
    FOOTFALL_SERIES_UNKNOWN,
    FOOTFALL_SERIES_EQUAL,  /* or nothing stored: parts are added */
    FOOTFALL_SERIES_LOWER,  /* the call's number is lower than the stored one */
    FOOTFALL_SERIES_GREATER /* stored parts are of an older number and go when new ones come */
};

struct footfall_sqlite_visitor {
    /* the key, hashed and compared as 32 bytes */
    uint8_t id[FOOTFALL_STORE_ID_BYTES];
    int64_t epoch;
    uint32_t counter; /* position in store->counters */
    uint32_t generation;
    /* the record */
    int64_t time, expire;
    uint8_t loaded;  /* the database has been asked, or need not be */
    uint8_t there;   /* it exists now */
    uint8_t stored;  /* it exists in the database */
    uint8_t changed; /* it differs from the database */
    uint8_t renewed; /* forgotten by this batch: what comes after has nothing of the stored one */
    uint8_t claim;   /* enum footfall_sqlite_claim */
    uint32_t first;  /* op + 1 that touched it first */
};
enum footfall_sqlite_claim { /* see claim.c; what the first op found, when that was asked and stored in one go */
                             FOOTFALL_CLAIM_NONE,
                             FOOTFALL_CLAIM_WANTED,
                             FOOTFALL_CLAIM_NEW,  /* due, and its time is stored */
                             FOOTFALL_CLAIM_KNOWN /* not due; the record itself may not be loaded */
};

struct footfall_sqlite_token {
    uint8_t token[FOOTFALL_STORE_TOKEN_BYTES];
    uint32_t counter;
    uint8_t loaded, there, changed, is_new;
    uint32_t fingerprint_count; /* 1 or 2 */
    uint8_t fingerprints[2][FOOTFALL_STORE_FINGERPRINT_BYTES];
    int64_t expire;
};

struct footfall_sqlite_touch { /* what an op of the batch touches: positions */
    uint32_t counter;
    uint32_t visitors[2]; /* entry of each id + 1, 0: not looked for yet */
    uint32_t series_next; /* next op of the counter + 1 */
    uint8_t series_code;  /* enum footfall_sqlite_series_code */
    uint8_t series_added; /* it was stored by this batch */
};
enum footfall_sqlite_series_code { /* one byte an op, as stored. 0: that op is not stored */
                                   FOOTFALL_SERIES_NOT_STORED,
                                   FOOTFALL_SERIES_OK,
                                   FOOTFALL_SERIES_OK_NEW,
                                   FOOTFALL_SERIES_RANGE,
                                   FOOTFALL_SERIES_TOKEN,
                                   FOOTFALL_SERIES_ABSENT
};

struct footfall_sqlite_order { /* a visitor entry to be visited in key order */
    uint64_t key;
    uint32_t at;
};

struct footfall_sqlite_batch { /* the overlay: what one apply works on. Buffers stay for the next one */
    struct footfall_sqlite_touch *touches;
    struct footfall_sqlite_visitor *visitors;
    struct footfall_sqlite_token *tokens;
    struct footfall_sqlite_order *order; /* and as much again for sorting */
    uint8_t *codes;                      /* a run of series codes on its way into a row */
    uint32_t *changed;                   /* counters with something to be written */
    size_t touches_capacity, visitors_capacity, tokens_capacity, order_capacity, codes_capacity, changed_capacity;
    size_t visitor_count, token_count, changed_count;
    struct footfall_sqlite_table visitor_table, token_table;
    uint64_t serial;    /* grows with every batch */
    uint64_t epochs;    /* bit epoch % 64 is set when the batch has put a visitor there */
    int series_touched; /* some op's series code was added */
    int dirty;          /* anything is to be written */
};

struct footfall_sqlite_epoch { /* what is known of a row of `epochs` */
    int64_t epoch;
    int64_t least; /* lower bound of its records' expiry */
    uint8_t known, there;
};
#define FOOTFALL_SQLITE_EPOCHS 32

enum footfall_sqlite_purge_phase { /* of a round, in this order */
                                   FOOTFALL_PURGE_TOKENS,
                                   FOOTFALL_PURGE_SERIES,
                                   FOOTFALL_PURGE_VISITORS,
                                   FOOTFALL_PURGE_DEAD,
                                   FOOTFALL_PURGE_COUNTERS,
                                   FOOTFALL_PURGE_PHASES
};
struct
    footfall_sqlite_purge { /* where the round of purging stands; all zero: before the first row of the first phase */
    int begun;
    enum footfall_sqlite_purge_phase phase;
    int64_t began_now_ms, began_ms; /* the first call's now_ms, and BOOTTIME then */
    int64_t least;                  /* least expiry that the round saw and left */
    int inside;                     /* the cursor stands inside an epoch (VISITORS) or a generation (DEAD) */
    int64_t c, k, e, start;         /* the cursor, as far as the phase uses it */
    uint8_t bytes[16];              /* series or visitor */
    int bytes_used;
};

struct footfall_sqlite {
    sqlite3 *db; /* NULL: to be opened anew before the next call */
    sqlite3_stmt *statements[FOOTFALL_SQL_COUNT];
    char *path;            /* as configured, "./" before a relative one */
    char *file;            /* the same made absolute by SQLite: what a reopening opens */
    int full;              /* durability = full */
    int read_only;         /* SQLite could not open it for writing */
    int only_look;         /* nothing may be made or changed */
    int powersafe;         /* a write never harms bytes beside it */
    int must_reopen;       /* an I/O error: this connection's view can't be trusted */
    int checkpoint_frames; /* length of the log at which it is put back into the file */
    int64_t deadline_ms;
    uint64_t jitter;

    /* facts that hold while the file's data version is the one of our last commit */
    int facts_valid;
    unsigned facts_version;
    uint64_t hash_key[2];
    struct footfall_sqlite_counter *counters;
    size_t counter_count, counters_capacity;
    struct footfall_sqlite_table counter_table;
    char *names;
    size_t names_bytes, names_capacity;
    struct footfall_sqlite_epoch epochs[FOOTFALL_SQLITE_EPOCHS];
    int64_t next_k; /* 0: not read yet */
    int64_t stored_next_k;

    int mostly_new; /* of the visits in the last big batch, more than half were new */
    struct footfall_sqlite_batch batch;
    struct footfall_sqlite_purge purge;

    atomic_ullong commits, busy_waits, reopens;
};

/* Whether a claim has decided op i of the batch already. */
static inline int footfall__sqlite_is_claimed(const struct footfall_sqlite_visitor *visitor, size_t i)
{
    return visitor->first == i + 1 && visitor->claim >= FOOTFALL_CLAIM_NEW;
}

/* The store behind the handle that the engine holds. */
static inline struct footfall_sqlite *footfall__sqlite(struct footfall_store *store)
{
    return (struct footfall_sqlite *)(void *)store;
}

/* ---- open.c */
extern const struct footfall_backend footfall__backend_sqlite;
/* First in every slot: takes over the deadline and opens anew after an I/O error. 0, or the status to return. */
int footfall__sqlite_ready(struct footfall_sqlite *store, struct footfall_store_call *call);
/* Closes the connection, keeps the rest. checkpoint 0: nothing is written. */
void footfall__sqlite_disconnect(struct footfall_sqlite *store, int checkpoint);

/* ---- schema.c: both return a store status and leave foreign files untouched. */
int footfall__sqlite_schema_check(struct footfall_sqlite *store, int *is_empty, struct footfall_store_call *call);
int footfall__sqlite_schema_create(struct footfall_sqlite *store, struct footfall_store_call *call);

/* ---- fault.c */
/* Status of a failed call; writes text ("cannot <doing> <path>: <SQLite's words>") and native if this is the call's first
 * fault; drops the facts, and asks for a reopening after I/O errors. */
int footfall__sqlite_fault(struct footfall_sqlite *store, struct footfall_store_call *call, int rc, const char *doing);
/* The same for a COMMIT; rolls back. UNKNOWN unless it is certain that nothing was stored. */
int footfall__sqlite_commit_fault(struct footfall_sqlite *store, struct footfall_store_call *call, int rc,
                                  const char *doing);
void footfall__sqlite_text(struct footfall_store_call *call, int32_t native, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- statement.c */
int footfall__sqlite_statement(struct footfall_sqlite *store, sqlite3_stmt **out, enum footfall_sqlite_sql which);
void footfall__sqlite_finalize(struct footfall_sqlite *store);
/* Runs a statement that gives no row, and resets it. */
int footfall__sqlite_run(sqlite3_stmt *statement);
int footfall__sqlite_run_plain(struct footfall_sqlite *store, enum footfall_sqlite_sql which);
/* Runs SQL_BEGIN or SQL_BEGIN_READ once the statements that end a transaction are at hand: so that for want of memory no
 * transaction stays open, and a COMMIT that fails is one that was tried. */
int footfall__sqlite_begin(struct footfall_sqlite *store, enum footfall_sqlite_sql which);
/* ROLLBACK when a transaction is open. */
void footfall__sqlite_rollback(struct footfall_sqlite *store);
/* One integer from SQL text or from a statement without parameters; *found 0 when there is no row or it is NULL. */
int footfall__sqlite_pragma(struct footfall_sqlite *store, const char *sql, int64_t *value);
int footfall__sqlite_meta(struct footfall_sqlite *store, const char *name, int64_t *value);
int footfall__sqlite_meta_put(struct footfall_sqlite *store, const char *name, int64_t value);

/* ---- overlay.c: tables in memory. Functions that add return SQLITE_OK or SQLITE_NOMEM. */
void footfall__sqlite_facts_drop(struct footfall_sqlite *store);
void footfall__sqlite_facts_check(struct footfall_sqlite *store); /* after BEGIN IMMEDIATE */
void footfall__sqlite_facts_keep(struct footfall_sqlite *store);  /* after COMMIT */
int footfall__sqlite_counter_at(struct footfall_sqlite *store, uint32_t *at, const char *name, size_t name_bytes);
int footfall__sqlite_counter_changed(struct footfall_sqlite *store, uint32_t at);
/* The entry of ops' id `which`; found again without a search while its counter is not deleted. */
int footfall__sqlite_visitor_at(struct footfall_sqlite *store, uint32_t *at, const struct footfall_store_op *op,
                                unsigned which, struct footfall_sqlite_touch *touch);
int footfall__sqlite_token_at(struct footfall_sqlite *store, uint32_t *at, const uint8_t *token, uint32_t counter);
int footfall__sqlite_batch_begin(struct footfall_sqlite *store, size_t count);
void footfall__sqlite_batch_end(struct footfall_sqlite *store); /* and frees what an unusually big one took */
void footfall__sqlite_overlay_free(struct footfall_sqlite *store);
/* Makes room for `wanted` elements of `size` bytes; *capacity counts elements. */
int footfall__sqlite_room(void **array, size_t *capacity, size_t wanted, size_t size);
struct footfall_sqlite_epoch *footfall__sqlite_epoch_slot(struct footfall_sqlite *store, int64_t epoch);

/* ---- order.c */
/* Sorts by key; `spare` is as long as `order`. */
void footfall__sqlite_sort(struct footfall_sqlite_order *order, struct footfall_sqlite_order *spare, size_t count);
/* The entries of the batch with which(visitor) != 0, in key order, in batch.order; *count of them. */
int footfall__sqlite_visitors_ordered(struct footfall_sqlite *store,
                                      int (*which)(struct footfall_sqlite *store,
                                                   const struct footfall_sqlite_visitor *visitor),
                                      size_t first, size_t *count);

/* ---- load.c: what the batch touches, from the database into the overlay; each thing is asked for once. */
int footfall__sqlite_load_counter(struct footfall_sqlite *store, uint32_t at);
int footfall__sqlite_load_visitor(struct footfall_sqlite *store, uint32_t at);
/* *maybe 0: no record of this epoch can exist under the counter, in the database or in the batch. */
int footfall__sqlite_may_exist(struct footfall_sqlite *store, int *maybe, uint32_t counter, int64_t epoch);
int footfall__sqlite_load_token(struct footfall_sqlite *store, uint32_t at);
int footfall__sqlite_load_epoch(struct footfall_sqlite *store, struct footfall_sqlite_epoch **out, int64_t epoch);
int footfall__sqlite_load_next_k(struct footfall_sqlite *store);
/* Counters and series of all ops; visitors ahead of time, in key order, when the batch is big. *in_order 0: the ops'
 * series positions contradict each other. */
int footfall__sqlite_load_batch(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                                const struct footfall_store_call *call, int *in_order);

/* Those entries from position `first` on that only the database can tell of, in key order. */
int footfall__sqlite_load_visitors(struct footfall_sqlite *store, size_t first);
/* Settles what is known without asking; *ask 1 when only the database can tell. */
int footfall__sqlite_settle_visitor(struct footfall_sqlite *store, struct footfall_sqlite_visitor *visitor, int *ask);

/* ---- claim.c: asks for and stores plain visits in one statement each, in key order. Entries of all newer ids are there. */
int footfall__sqlite_claim_visitors(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                                    const struct footfall_store_call *call);

/* ---- decide.c: the rules of docs/semantics.md, on the overlay alone. */
int footfall__sqlite_decide(struct footfall_sqlite *store, const struct footfall_store_op *op,
                            struct footfall_sqlite_touch *touch, struct footfall_store_result *result,
                            const struct footfall_store_call *call);
int footfall__sqlite_is_due(const struct footfall_store_op *op, int has_last, int64_t last);

/* ---- write.c: what changed, from the overlay into the database. */
int footfall__sqlite_write_batch(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                                 const struct footfall_store_call *call);
/* Purge must never pass by an epoch that has something for it: its row exists, and its bound is no later than this. */
int footfall__sqlite_lower_epoch(struct footfall_sqlite *store, int64_t epoch, int64_t expire);
int footfall__sqlite_give_key(struct footfall_sqlite *store, struct footfall_sqlite_counter *counter);
int64_t footfall__sqlite_add_saturated(int64_t a, int64_t b); /* both >= 0 */

/* ---- the slots */
int footfall__sqlite_apply(struct footfall_store *base, const struct footfall_store_op *ops, size_t count,
                           struct footfall_store_result *results, struct footfall_store_call *call);
int footfall__sqlite_fetch(struct footfall_store *base, const char *const *names, const size_t *name_bytes,
                           size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                           struct footfall_store_call *call);
int footfall__sqlite_scan(struct footfall_store *base, const char *prefix, size_t prefix_bytes, const char *after,
                          size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                          struct footfall_store_call *call);
int footfall__sqlite_ping(struct footfall_store *base, struct footfall_store_call *call);
int footfall__sqlite_own_secret(struct footfall_store *base, char *path, size_t path_bytes, int *has_visitors,
                                struct footfall_store_call *call);
int footfall__sqlite_epoch_key(struct footfall_store *base, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                               int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                               struct footfall_store_call *call);
/* The VFS to open files with; NULL: SQLite's default one. */
const char *footfall__sqlite_vfs(void);

int footfall__sqlite_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                 struct footfall_store_call *call);
int footfall__sqlite_epoch_drop(struct footfall_store *base, int64_t wall_ms, int64_t *next_ms,
                                struct footfall_store_call *call);
int footfall__sqlite_purge(struct footfall_store *base, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                           struct footfall_store_call *call);
int footfall__sqlite_check(struct footfall_store *base, footfall_store_finding *each, void *user,
                           struct footfall_store_call *call);
void footfall__sqlite_metrics(struct footfall_store *base, footfall_store_metric *each, void *user);
#endif
