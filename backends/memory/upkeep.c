/* upkeep.c: what does not count: reading, listing, epoch keys, purging. The records themselves are records.c's. */
#include "memory.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_PAGE 1024

int footfall__memory_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                           size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                           struct footfall_store_call *call)
{
    (void)call;
    pthread_mutex_lock(&store->memory->mutex);
    for (size_t i = 0; i < count; i++) {
        const struct counter *counter = footfall__memory_counter(store->memory, names[i], name_bytes[i]);
        exists[i] = counter != NULL && counter->exists;
        totals[i] = exists[i] ? counter->total : 0;
        uniques[i] = exists[i] ? counter->unique : 0;
    }
    pthread_mutex_unlock(&store->memory->mutex);
    return 0;
}

/* ---- list ---------------------------------------------------------------------------------------------------------------- */

static int compare_names(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t common = a_bytes < b_bytes ? a_bytes : b_bytes;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    if (order != 0)
        return order;
    return (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int by_name(const void *a, const void *b)
{
    const struct counter *const *left = a;
    const struct counter *const *right = b;
    return compare_names((*left)->name, (*left)->name_bytes, (*right)->name, (*right)->name_bytes);
}

static int sort_counters(struct memory *memory)
{
    size_t count = 0;
    if (!memory->sorted_is_old)
        return 0;
    if (memory->sorted_capacity < memory->counters.count) {
        struct counter **wider = footfall__array(memory->sorted, memory->counters.count, sizeof(struct counter *));
        if (wider == NULL)
            return -1;
        memory->sorted = wider;
        memory->sorted_capacity = memory->counters.count;
    }
    for (size_t i = 0; i < memory->counters.bucket_count; i++)
        for (struct node *node = memory->counters.buckets[i]; node != NULL; node = node->next)
            memory->sorted[count++] = (struct counter *)node;
    if (count > 1)
        qsort(memory->sorted, count, sizeof(memory->sorted[0]), by_name);
    memory->sorted_count = count;
    memory->sorted_is_old = 0;
    return 0;
}

/* The first place whose name is not before the given one (or, past = 1, is after it). */
static size_t place_of(const struct memory *memory, const char *name, size_t name_bytes, int past)
{
    size_t low = 0;
    size_t high = memory->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct counter *counter = memory->sorted[middle];
        if (compare_names(counter->name, counter->name_bytes, name, name_bytes) < past)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct row {
    int64_t total, unique;
    size_t name_bytes;
    char name[MEMORY_NAME_BYTES];
};

static size_t copy_rows(const struct memory *memory, struct row *rows, size_t limit, const char *prefix,
                        size_t prefix_bytes, const char *after, size_t after_bytes, int *more)
{
    size_t count = 0;
    size_t at = after_bytes > 0 ? place_of(memory, after, after_bytes, 1) : 0;
    size_t first = place_of(memory, prefix, prefix_bytes, 0);
    for (at = at > first ? at : first; at < memory->sorted_count; at++) {
        const struct counter *counter = memory->sorted[at];
        if (counter->name_bytes < prefix_bytes ||
            (prefix_bytes > 0 && memcmp(counter->name, prefix, prefix_bytes) != 0))
            break;
        if (!counter->exists)
            continue;
        if (count == limit) {
            *more = 1;
            break;
        }
        rows[count] = (struct row){ .total = counter->total, .unique = counter->unique };
        rows[count].name_bytes = counter->name_bytes;
        memcpy(rows[count++].name, counter->name, counter->name_bytes);
    }
    return count;
}

int footfall__memory_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                          size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                          struct footfall_store_call *call)
{
    size_t count = 0;
    size_t page = limit < SCAN_PAGE ? limit : SCAN_PAGE;
    struct row *rows = footfall__array(NULL, page, sizeof(*rows));
    int sorted = -1;
    *more = 0;
    if (rows == NULL)
        return footfall__memory_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    /* The rows are copied out: each() may come back for more while nobody holds the mutex. */
    pthread_mutex_lock(&store->memory->mutex);
    sorted = sort_counters(store->memory);
    if (sorted == 0)
        count = copy_rows(store->memory, rows, page, prefix, prefix_bytes, after, after_bytes, more);
    pthread_mutex_unlock(&store->memory->mutex);
    for (size_t i = 0; i < count; i++) {
        if (each(user, rows[i].name, rows[i].name_bytes, rows[i].total, rows[i].unique) != 0) {
            *more = *more || i + 1 < count;
            break;
        }
    }
    footfall__free(rows);
    return sorted == 0 ? 0 : footfall__memory_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
}

/* ---- epoch keys ---------------------------------------------------------------------------------------------------------- */

static const struct epoch *find_epoch(const struct memory *memory, int64_t epoch_ms, int64_t number)
{
    const struct epoch *epoch = memory->epochs;
    while (epoch != NULL && (epoch->epoch_ms != epoch_ms || epoch->number != number))
        epoch = epoch->next;
    return epoch;
}

static const struct epoch *put_epoch(struct memory *memory, int64_t epoch_ms, int64_t number, const uint8_t *key,
                                     int64_t expire_ms)
{
    struct epoch *epoch = footfall__malloc(sizeof(*epoch));
    if (epoch == NULL)
        return NULL;
    epoch->next = memory->epochs;
    epoch->epoch_ms = epoch_ms;
    epoch->number = number;
    epoch->expire_ms = expire_ms;
    memcpy(epoch->key, key, sizeof(epoch->key));
    memory->epochs = epoch;
    return epoch;
}

int footfall__memory_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                               int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                               struct footfall_store_call *call)
{
    const struct epoch *found = NULL;
    int status = 0;
    pthread_mutex_lock(&store->memory->mutex);
    found = find_epoch(store->memory, epoch_ms, epoch);
    if (found == NULL && candidate == NULL) {
        status = 1;
        goto cleanup;
    }
    if (found == NULL)
        found = put_epoch(store->memory, epoch_ms, epoch, candidate, expire_ms);
    if (found == NULL) {
        status = footfall__memory_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
        goto cleanup;
    }
    memcpy(winner, found->key, sizeof(found->key));
    *kept_until = found->expire_ms;
cleanup:
    pthread_mutex_unlock(&store->memory->mutex);
    return status;
}

int footfall__memory_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                                struct footfall_store_call *call)
{
    struct epoch **at = &store->memory->epochs;
    (void)call;
    *next_ms = FOOTFALL_STORE_FOREVER;
    pthread_mutex_lock(&store->memory->mutex);
    while (*at != NULL) {
        struct epoch *epoch = *at;
        if (epoch->expire_ms <= wall_ms && epoch->expire_ms != FOOTFALL_STORE_FOREVER) {
            *at = epoch->next;
            OPENSSL_cleanse(epoch, sizeof(*epoch));
            footfall__free(epoch);
            continue;
        }
        if (epoch->expire_ms < *next_ms)
            *next_ms = epoch->expire_ms;
        at = &epoch->next;
    }
    pthread_mutex_unlock(&store->memory->mutex);
    return 0;
}

int footfall__memory_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                 struct footfall_store_call *call)
{
    (void)call;
    *found = 0;
    pthread_mutex_lock(&store->memory->mutex);
    for (const struct epoch *epoch = store->memory->epochs; epoch != NULL; epoch = epoch->next)
        if (epoch->epoch_ms != epoch_ms)
            *found = 1;
    pthread_mutex_unlock(&store->memory->mutex);
    return 0;
}

/* ---- purge --------------------------------------------------------------------------------------------------------------- */

int footfall__memory_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                           struct footfall_store_call *call)
{
    struct memory *memory = store->memory;
    struct record *record = NULL;
    (void)call;
    pthread_mutex_lock(&memory->mutex);
    for (size_t used = 0; used < budget && (record = footfall__memory_record_dead(memory, now_ms)) != NULL; used++) {
        struct counter *counter = record->counter;
        dropped[record->kind == RECORD_VISITOR ? 0 : 1]++;
        footfall__memory_record_drop(memory, record);
        dropped[2] += (size_t)footfall__memory_counter_settle(memory, counter);
    }
    *more = footfall__memory_record_dead(memory, now_ms) != NULL;
    pthread_mutex_unlock(&memory->mutex);
    return 0;
}
