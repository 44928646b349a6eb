/* records.c: counters and the records that hang on them: making, finding, expiry order, dropping (memory.h). What an
 * operation does with them is apply.c's. */
#include "memory.h"

#include "alloc.h"
#include "bytes.h"
#include "random.h"

#include <openssl/crypto.h>
#include <string.h>

#define FIRST_ANSWERS 16
#define FIRST_QUEUE 64

/* ---- the expiry queue: a binary heap in an array, each record knowing its place -------------------------------------- */

static void queue_place(struct memory *memory, size_t at, struct record *record)
{
    memory->queue[at] = record;
    record->queue_at = at;
}

static void queue_up(struct memory *memory, size_t at)
{
    struct record *record = memory->queue[at];
    while (at > 0 && memory->queue[(at - 1) / 2]->expire_ms > record->expire_ms) {
        queue_place(memory, at, memory->queue[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    queue_place(memory, at, record);
}

static void queue_down(struct memory *memory, size_t at, size_t count)
{
    struct record *record = memory->queue[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < count && memory->queue[child + 1]->expire_ms < memory->queue[child]->expire_ms)
            child++;
        if (child >= count || memory->queue[child]->expire_ms >= record->expire_ms)
            break;
        queue_place(memory, at, memory->queue[child]);
        at = child;
    }
    queue_place(memory, at, record);
}

static void queue_remove(struct memory *memory, const struct record *record)
{
    size_t last = memory->records.count - 1;
    size_t at = record->queue_at;
    if (at == last)
        return;
    queue_place(memory, at, memory->queue[last]);
    queue_up(memory, at);
    queue_down(memory, memory->queue[at]->queue_at, last);
}

/* ---- rings ----------------------------------------------------------------------------------------------------------- */

static void ring_start(struct link *ring)
{
    ring->before = ring->after = ring;
}

static void ring_remove(struct link *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
    ring_start(link);
}

/* Puts the links from first to last, which are joined already, at the end of the ring. */
static void ring_append(struct link *ring, struct link *first, struct link *last)
{
    first->before = ring->before;
    ring->before->after = first;
    last->after = ring;
    ring->before = last;
}

static struct record *record_of(struct link *link)
{
    return (struct record *)(void *)((char *)link - offsetof(struct record, link));
}

/* ---- room ------------------------------------------------------------------------------------------------------------- */

static int queue_room(struct memory *memory)
{
    struct record **wider = NULL;
    size_t capacity = memory->queue_capacity > 0 ? memory->queue_capacity * 2 : FIRST_QUEUE;
    if (memory->records.count + MEMORY_RECORDS_AN_OP <= memory->queue_capacity)
        return 0;
    wider = footfall__array(memory->queue, capacity, sizeof(struct record *));
    if (wider == NULL)
        return -1;
    memory->queue = wider;
    memory->queue_capacity = capacity;
    return 0;
}

int footfall__memory_reserve(struct memory *memory)
{
    if (footfall__table_room(&memory->counters, 1) != 0 ||
        footfall__table_room(&memory->records, MEMORY_RECORDS_AN_OP) != 0 || queue_room(memory) != 0)
        return -1;
    if (memory->spare_counter == NULL)
        memory->spare_counter = footfall__calloc(1, sizeof(struct counter));
    if (memory->spare_answers == NULL)
        memory->spare_answers = footfall__calloc(FIRST_ANSWERS, sizeof(struct series_answer));
    if (memory->spare_counter == NULL || memory->spare_answers == NULL)
        return -1;
    while (memory->spare_count < MEMORY_RECORDS_AN_OP) {
        struct record *record = footfall__calloc(1, sizeof(*record));
        if (record == NULL)
            return -1;
        record->node.next = (struct node *)memory->spare_records;
        memory->spare_records = record;
        memory->spare_count++;
    }
    return 0;
}

int footfall__memory_answer_room(struct record *series)
{
    struct series_answer *wider = NULL;
    if (series->u.series.count < series->u.series.capacity)
        return 0;
    wider = footfall__array(series->u.series.answers, series->u.series.capacity * 2, sizeof(*wider));
    if (wider == NULL)
        return -1;
    series->u.series.answers = wider;
    series->u.series.capacity *= 2;
    return 0;
}

/* ---- counters ---------------------------------------------------------------------------------------------------------- */

struct counter *footfall__memory_counter(const struct memory *memory, const char *name, size_t name_bytes)
{
    uint64_t hash = footfall__hash(memory->hash_key, name, name_bytes);
    struct node *node = footfall__table_first(&memory->counters, hash);
    for (; node != NULL; node = footfall__table_next(node)) {
        struct counter *counter = (struct counter *)node;
        if (counter->name_bytes == name_bytes && memcmp(counter->name, name, name_bytes) == 0)
            return counter;
    }
    return NULL;
}

struct counter *footfall__memory_counter_make(struct memory *memory, const char *name, size_t name_bytes)
{
    struct counter *counter = memory->spare_counter;
    memory->spare_counter = NULL;
    memcpy(counter->name, name, name_bytes);
    counter->name_bytes = name_bytes;
    counter->node.hash = footfall__hash(memory->hash_key, name, name_bytes);
    counter->id = ++memory->last_scope;
    counter->crowd = ++memory->last_scope;
    ring_start(&counter->visitors);
    footfall__table_put(&memory->counters, &counter->node);
    memory->sorted_is_old = 1;
    return counter;
}

void footfall__memory_counter_exists(struct memory *memory, struct counter *counter, int exists)
{
    if (exists && !counter->exists)
        atomic_fetch_add(&memory->held[0], 1);
    if (!exists && counter->exists)
        atomic_fetch_sub(&memory->held[0], 1);
    counter->exists = exists;
}

int footfall__memory_counter_settle(struct memory *memory, struct counter *counter)
{
    if (counter->exists || counter->records > 0)
        return 0;
    footfall__table_take(&memory->counters, &counter->node);
    memory->sorted_is_old = 1;
    footfall__free(counter);
    return 1;
}

void footfall__memory_kill_visitors(struct memory *memory, struct counter *counter)
{
    struct link *ring = &counter->visitors;
    counter->crowd = ++memory->last_scope;
    if (ring->after == ring)
        return;
    ring_append(&memory->dead, ring->after, ring->before);
    ring_start(ring);
}

/* ---- records ----------------------------------------------------------------------------------------------------------- */

static uint64_t record_hash(const struct memory *memory, enum record_kind kind, uint64_t scope, const uint8_t *key)
{
    uint8_t bytes[sizeof(scope) + MEMORY_RECORD_KEY_BYTES + 1];
    memcpy(bytes, &scope, sizeof(scope));
    memcpy(bytes + sizeof(scope), key, MEMORY_RECORD_KEY_BYTES);
    bytes[sizeof(bytes) - 1] = (uint8_t)kind;
    return footfall__hash(memory->hash_key, bytes, sizeof(bytes));
}

struct record *footfall__memory_record(const struct memory *memory, enum record_kind kind, uint64_t scope,
                                       const uint8_t *key)
{
    struct node *node = footfall__table_first(&memory->records, record_hash(memory, kind, scope, key));
    for (; node != NULL; node = footfall__table_next(node)) {
        struct record *record = (struct record *)node;
        if (record->kind == kind && record->scope == scope && memcmp(record->key, key, MEMORY_RECORD_KEY_BYTES) == 0)
            return record;
    }
    return NULL;
}

struct record *footfall__memory_record_make(struct memory *memory, enum record_kind kind, struct counter *counter,
                                            const uint8_t *key, int64_t expire_ms)
{
    struct record *record = memory->spare_records;
    memory->spare_records = (struct record *)record->node.next;
    memory->spare_count--;
    record->kind = kind;
    record->counter = counter;
    record->scope = kind == RECORD_VISITOR ? counter->crowd : counter->id;
    memcpy(record->key, key, MEMORY_RECORD_KEY_BYTES);
    record->expire_ms = expire_ms;
    record->node.hash = record_hash(memory, kind, record->scope, key);
    ring_start(&record->link);
    if (kind == RECORD_VISITOR)
        ring_append(&counter->visitors, &record->link, &record->link);
    if (kind == RECORD_SERIES) {
        record->u.series.answers = memory->spare_answers;
        record->u.series.capacity = FIRST_ANSWERS;
        memory->spare_answers = NULL;
    }
    memory->queue[memory->records.count] = record;
    queue_up(memory, memory->records.count);
    footfall__table_put(&memory->records, &record->node);
    counter->records++;
    atomic_fetch_add(&memory->held[kind], 1);
    return record;
}

void footfall__memory_record_keep(struct memory *memory, struct record *record, int64_t expire_ms)
{
    if (expire_ms <= record->expire_ms)
        return;
    record->expire_ms = expire_ms;
    queue_down(memory, record->queue_at, memory->records.count);
}

void footfall__memory_record_drop(struct memory *memory, struct record *record)
{
    queue_remove(memory, record);
    ring_remove(&record->link);
    footfall__table_take(&memory->records, &record->node);
    record->counter->records--;
    atomic_fetch_sub(&memory->held[record->kind], 1);
    if (record->kind == RECORD_SERIES)
        footfall__free(record->u.series.answers);
    footfall__free(record);
}

struct record *footfall__memory_record_dead(const struct memory *memory, int64_t now_ms)
{
    struct record *first = NULL;
    if (memory->dead.after != &memory->dead)
        return record_of(memory->dead.after);
    first = memory->records.count > 0 ? memory->queue[0] : NULL;
    if (first != NULL && first->expire_ms <= now_ms && first->expire_ms != FOOTFALL_STORE_FOREVER)
        return first;
    return NULL;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

struct memory *footfall__memory_new(const char *name)
{
    struct memory *memory = footfall__calloc(1, sizeof(*memory));
    if (memory == NULL)
        return NULL;
    if (name != NULL && (memory->name = footfall__strndup(name, strlen(name))) == NULL)
        goto fail;
    if (footfall__random_bytes(memory->hash_key, sizeof(memory->hash_key)) != 0)
        goto fail;
    if (pthread_mutex_init(&memory->mutex, NULL) != 0)
        goto fail;
    ring_start(&memory->dead);
    return memory;
fail:
    footfall__free(memory->name);
    footfall__free(memory);
    return NULL;
}

void footfall__memory_free(struct memory *memory)
{
    while (memory->records.count > 0)
        footfall__memory_record_drop(memory, memory->queue[memory->records.count - 1]);
    for (size_t i = 0; i < memory->counters.bucket_count; i++) {
        struct node *next = NULL;
        for (struct node *node = memory->counters.buckets[i]; node != NULL; node = next) {
            next = node->next;
            footfall__free(node);
        }
    }
    while (memory->epochs != NULL) {
        struct epoch *epoch = memory->epochs;
        memory->epochs = epoch->next;
        OPENSSL_cleanse(epoch, sizeof(*epoch));
        footfall__free(epoch);
    }
    while (memory->spare_records != NULL) {
        struct record *record = memory->spare_records;
        memory->spare_records = (struct record *)record->node.next;
        footfall__free(record);
    }
    footfall__table_free(&memory->counters);
    footfall__table_free(&memory->records);
    footfall__free(memory->queue);
    footfall__free(memory->sorted);
    footfall__free(memory->spare_counter);
    footfall__free(memory->spare_answers);
    pthread_mutex_destroy(&memory->mutex);
    footfall__free(memory->name);
    footfall__free(memory);
}
