/* memory.h: what the files of this backend share: counters, and the records that hang on them, in two hash tables.
 * Functions here expect the store's mutex to be held. Nothing here allocates but footfall__memory_reserve and
 * footfall__memory_answer_room, so that an operation, once it has room, is carried out wholly. */
#ifndef FOOTFALL_MEMORY_H
#define FOOTFALL_MEMORY_H
#include "footfall_store.h"
#include "table.h"

#include <pthread.h>
#include <stdatomic.h>

#define MEMORY_NAME_BYTES 200
#define MEMORY_RECORD_KEY_BYTES 16
#define MEMORY_RECORDS_AN_OP 4 /* two visitor ids, a token, a series */

struct link { /* a ring: of the visitors of one counter, or of the dead */
    struct link *before, *after;
};

struct counter {
    struct node node; /* by name */
    uint64_t id;      /* never used twice: the scope of its tokens and series */
    uint64_t crowd;   /* never used twice: the scope of its visitors. A delete begins another */
    struct link visitors;
    size_t records; /* that hang on it, dead ones too. A counter that does not exist stays for them only */
    int exists;
    int64_t total, unique;
    size_t name_bytes;
    char name[MEMORY_NAME_BYTES];
};

enum record_kind { RECORD_VISITOR = 1, RECORD_TOKEN, RECORD_SERIES };

struct record {
    struct node node; /* by kind, scope and key */
    struct link link; /* visitors: in the counter's ring, or the dead's */
    struct counter *counter;
    enum record_kind kind;
    uint64_t scope;
    uint8_t key[MEMORY_RECORD_KEY_BYTES]; /* id, token or series */
    int64_t expire_ms;
    size_t queue_at; /* its place in the expiry queue */
    union {
        int64_t last_ms; /* visitor */
        struct {
            uint32_t count;
            uint8_t is_new;
            uint8_t fingerprints[2][FOOTFALL_STORE_FINGERPRINT_BYTES];
        } token;
        struct {
            uint64_t number;
            size_t count, capacity; /* answers */
            struct series_answer {
                int8_t status;
                uint8_t is_new;
            } * answers;
        } series;
    } u;
};

struct epoch {
    struct epoch *next;
    int64_t epoch_ms, number, expire_ms;
    uint8_t key[FOOTFALL_STORE_KEY_BYTES];
};

struct memory { /* what the handles that give one name share */
    struct memory *next;
    char *name; /* NULL: private */
    size_t handles;
    pthread_mutex_t mutex; /* of everything below */
    uint64_t hash_key[2];
    uint64_t last_scope;
    struct table counters, records;
    struct record **queue; /* all records, a heap with the earliest expiry on top */
    size_t queue_capacity;
    struct link dead; /* visitors of deleted counters */
    struct counter **sorted;
    size_t sorted_count, sorted_capacity;
    int sorted_is_old;
    struct epoch *epochs;
    struct counter *spare_counter; /* set aside by footfall__memory_reserve */
    struct record *spare_records;  /* chained by node.next */
    size_t spare_count;
    struct series_answer *spare_answers;
    atomic_size_t held[RECORD_SERIES + 1]; /* records by kind; [0]: counters that exist. For metrics */
};

struct footfall_store {
    struct memory *memory;
};

/* Room for one operation, whatever it is: 0, or -1 when out of memory and nothing has changed. */
int footfall__memory_reserve(struct memory *memory);

struct counter *footfall__memory_counter(const struct memory *memory, const char *name, size_t name_bytes);
struct counter *footfall__memory_counter_make(struct memory *memory, const char *name, size_t name_bytes);
void footfall__memory_counter_exists(struct memory *memory, struct counter *counter, int exists);
/* Drops the counter when it does not exist and nothing hangs on it: 1 when it went. */
int footfall__memory_counter_settle(struct memory *memory, struct counter *counter);
void footfall__memory_kill_visitors(struct memory *memory, struct counter *counter);

struct record *footfall__memory_record(const struct memory *memory, enum record_kind kind, uint64_t scope,
                                       const uint8_t *key);
/* A record of zeros with this key, on the counter. */
struct record *footfall__memory_record_make(struct memory *memory, enum record_kind kind, struct counter *counter,
                                            const uint8_t *key, int64_t expire_ms);
void footfall__memory_record_keep(struct memory *memory, struct record *record, int64_t expire_ms); /* not less */
void footfall__memory_record_drop(struct memory *memory, struct record *record); /* settle its counter after */
/* What may be dropped at now_ms, or NULL. */
struct record *footfall__memory_record_dead(const struct memory *memory, int64_t now_ms);
int footfall__memory_answer_room(struct record *series); /* for one answer more: 0, or -1 */

struct memory *footfall__memory_new(const char *name); /* NULL when out of memory. No mutex needed, as for free */
void footfall__memory_free(struct memory *memory);

/* The slots, as footfall_store.h has them. */
int footfall__memory_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                           struct footfall_store_result *results, struct footfall_store_call *call);
int footfall__memory_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                           size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                           struct footfall_store_call *call);
int footfall__memory_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                          size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                          struct footfall_store_call *call);
int footfall__memory_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                               int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                               struct footfall_store_call *call);
int footfall__memory_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                                struct footfall_store_call *call);
int footfall__memory_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                 struct footfall_store_call *call);
int footfall__memory_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                           struct footfall_store_call *call);

/* Writes the call's text when it has none yet; returns status. */
int footfall__memory_fault(struct footfall_store_call *call, int status, const char *text);
#endif
