/* store.h: what the files of this backend share beside the client. A store is one writer: a client, what it remembers of
 * counters, and the batch last sent. docs/dynamodb.md has the items and the protocol; the words here are the same. */
#ifndef FOOTFALL_DYNAMODB_STORE_H
#define FOOTFALL_DYNAMODB_STORE_H
#include "client.h"
#include "tables.h"
#include "footfall_store.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    DYNAMODB_MAX_BATCH = 256,
    DYNAMODB_NAME_BYTES = 200,
    DYNAMODB_SLOTS = 16,
    DYNAMODB_TRANSACTION_ITEMS = 100,
    DYNAMODB_READ_KEYS = 100, /* in one BatchGetItem */
    DYNAMODB_PK_BYTES = DYNAMODB_NAME_BYTES + 32
};

/* ---- mark.c: marks ------------------------------------------------------------------------------------------------------------ */

enum { DYNAMODB_MARK_BYTES = 12 };
struct dynamodb_mark { /* writer (6), count (2), seconds (4): never used twice */
    uint8_t bytes[DYNAMODB_MARK_BYTES];
};
struct dynamodb_marker {
    uint8_t writer[6];
    uint16_t count, first; /* first: of this second */
    uint32_t seconds;
};
/* A new mark; now_ms is the service's clock. When a second's marks are used up, or the clock went back, its seconds run ahead: it
 * then only looks younger than it is. */
struct dynamodb_mark footfall__dynamodb_mark(struct dynamodb_marker *marker, int64_t now_ms);
int footfall__dynamodb_same_mark(const struct dynamodb_mark *a, const struct dynamodb_mark *b);

/* ---- item.c: keys and attributes ------------------------------------------------------------------------------------------------ */

struct dynamodb_key { /* pk, and the bytes of sk */
    char pk[DYNAMODB_PK_BYTES];
    size_t pk_bytes;
    uint8_t sk[DYNAMODB_MARK_BYTES + 4];
    size_t sk_bytes;
};
struct dynamodb_name {
    const char *at;
    size_t bytes;
};
void footfall__dynamodb_counter_key(struct dynamodb_key *out, struct dynamodb_name name);
void footfall__dynamodb_visitor_key(struct dynamodb_key *out, struct dynamodb_name name, int64_t g, const uint8_t *id);
/* kind: 't' token, 'm' spill, 's' series, 'i' import */
void footfall__dynamodb_other_key(struct dynamodb_key *out, struct dynamodb_name name, char kind, const uint8_t *sk,
                                  size_t sk_bytes);

/* JSON of attribute values; NULL: out of memory. */
json_t *footfall__dynamodb_s(const char *text, size_t bytes);
json_t *footfall__dynamodb_b(const uint8_t *bytes, size_t count);
json_t *footfall__dynamodb_n(int64_t number);
json_t *footfall__dynamodb_key_json(const struct dynamodb_key *key);
/* Reading one out of an item: 1 with *out; 0 when it is not there; -1 when it is something else. */
int footfall__dynamodb_take_n(const json_t *item, const char *attribute, int64_t *out);
int footfall__dynamodb_take_b(const json_t *item, const char *attribute, uint8_t *out, size_t room, size_t *count);
/* The items of a BatchGetItem's reply, and the keys that were left unprocessed, to be asked for again; NULL: none. Borrowed. 0, or
 * -1 when it is no such reply: nothing may be taken for absent then. */
int footfall__dynamodb_batch_reply(const json_t *reply, const char *table, const json_t **items, json_t **left);
/* Whether the item has this key. */
int footfall__dynamodb_has_key(const json_t *item, const struct dynamodb_key *key);
/* `set` into an object that takes over value: 0, or -1 (out of memory; also when value is NULL). */
int footfall__dynamodb_put(json_t *object, const char *key, json_t *value);

struct dynamodb_slot {
    int used;
    struct dynamodb_mark mark;
    int64_t x, y;
};
struct dynamodb_counter_item { /* all zero: there is none */
    int exists;                /* t is there */
    int64_t t, u, g, r;
    struct dynamodb_slot slots[DYNAMODB_SLOTS];
};
/* item NULL: there is none. 0, or -1 when it is no counter's (no object, a wrong type). */
int footfall__dynamodb_take_counter(struct dynamodb_counter_item *out, const json_t *item);

struct dynamodb_record { /* a visitor's */
    int there;
    int64_t s, r, e; /* e: 0 for never */
    int claimed;
    struct dynamodb_mark c;
};
int footfall__dynamodb_take_record(struct dynamodb_record *out, const json_t *item);

/* ---- memory.c: what a writer remembers of counters. Guesses all of it: conditions check them -------------------------------------- */

struct dynamodb_seen { /* a visitor's record that was seen or written */
    uint8_t id[FOOTFALL_STORE_ID_BYTES];
    int used;
    int64_t s;
    int64_t proven; /* for which revision; -1: for none */
};
struct dynamodb_series { /* a caller's numbered batch, as its item has it */
    int known, there;
    uint8_t series[FOOTFALL_STORE_SERIES_BYTES];
    int64_t q, o, e;
    uint8_t *f, *a; /* two bits an op; one bit an op: absent */
    size_t room;    /* ops that fit */
};
struct dynamodb_counter {
    struct dynamodb_counter *next;          /* of the same bucket */
    struct dynamodb_counter *newer, *older; /* by use */
    char name[DYNAMODB_NAME_BYTES];
    size_t name_bytes;
    int known; /* what follows was read */
    int slot;  /* -1: to be chosen */
    int has_prev;
    struct dynamodb_mark prev; /* last seen in the slot or put there */
    int64_t g, r;
    struct dynamodb_seen *seen; /* room of them, a power of two */
    size_t seen_count, seen_room;
    struct dynamodb_series series;
};
struct dynamodb_memory {
    struct dynamodb_counter *buckets[512];
    struct dynamodb_counter *newest, *oldest;
    size_t count, seen_count;
    uint64_t hash_key[2];
};
struct dynamodb_counter *footfall__dynamodb_recall(struct dynamodb_memory *memory,
                                                   struct dynamodb_name name); /* or NULL: no memory */
/* What is least used goes until the limits hold. Call it when no group is under way: groups point to counters. */
void footfall__dynamodb_memory_trim(struct dynamodb_memory *memory);
void footfall__dynamodb_memory_free(struct dynamodb_memory *memory);
void footfall__dynamodb_forget_counter(struct dynamodb_memory *memory, struct dynamodb_counter *counter);
/* All of the counter's visitors. */
void footfall__dynamodb_forget_seen(struct dynamodb_memory *memory, struct dynamodb_counter *counter);
struct dynamodb_seen *footfall__dynamodb_seen(struct dynamodb_counter *counter, const uint8_t *id); /* or NULL */
/* Quietly does nothing when memory is short. */
void footfall__dynamodb_see(struct dynamodb_memory *memory, struct dynamodb_counter *counter, const uint8_t *id,
                            int64_t s, int64_t proven);
void footfall__dynamodb_unsee(struct dynamodb_memory *memory, struct dynamodb_counter *counter, const uint8_t *id);

/* ---- the store ------------------------------------------------------------------------------------------------------------------ */

struct dynamodb_beside { /* epoch.c: what is known of an epoch's key for a moment; all zero: nothing */
    int64_t epoch_ms, epoch;
    int64_t until_ms; /* CLOCK_BOOTTIME */
    int there;
    uint8_t key[FOOTFALL_STORE_KEY_BYTES];
    int64_t kept_until;
};

struct dynamodb_batch; /* group.h */
struct footfall_store {
    struct dynamodb_client *client;
    char table[DYNAMODB_TABLE_NAME_BYTES], key_table[DYNAMODB_TABLE_NAME_BYTES];
    int atomic, create_table;
    struct dynamodb_marker marker;
    struct dynamodb_memory memory;
    struct dynamodb_batch *batch;
    uint64_t random_state;
    struct dynamodb_beside beside;
    int64_t purge_after; /* upkeep.c */
    struct dynamodb_upkeep *upkeep;
};

/* When an item whose time is expire_ms by the caller's clock may go, by the service's: seconds, rounded up. */
int64_t footfall__dynamodb_expiry(const struct footfall_store *store, int64_t expire_ms,
                                  const struct footfall_store_call *call);

/* The slots, as footfall_store.h has them. */
int footfall__dynamodb_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                             struct footfall_store_result *results, struct footfall_store_call *call);
int footfall__dynamodb_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                             size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                             struct footfall_store_call *call);
int footfall__dynamodb_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                            size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                            struct footfall_store_call *call);
int footfall__dynamodb_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch,
                                 const uint8_t *candidate, int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                                 struct footfall_store_call *call);
int footfall__dynamodb_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                                  struct footfall_store_call *call);
int footfall__dynamodb_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                   struct footfall_store_call *call);
/* For the slot `check`: keys that should be gone. 0, or a negative status. */
int footfall__dynamodb_check_epochs(struct footfall_store *store, footfall_store_finding *each, void *user,
                                    struct footfall_store_call *call);
int footfall__dynamodb_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                             struct footfall_store_call *call);
int footfall__dynamodb_ping(struct footfall_store *store, struct footfall_store_call *call);
void footfall__dynamodb_metrics(struct footfall_store *store, footfall_store_metric *each, void *user);
#endif
