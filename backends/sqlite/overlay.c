/* overlay.c: the tables in memory that a batch works on: counters, kept from batch to batch while nobody else has changed
 * the file; visitors and tokens, gone with the batch. What stands in the database is asked in load.c. */
#include "store.h"

#include <string.h>

#include "alloc.h"
#include "bytes.h"

enum {
    KEEP_COUNTERS = 8192, /* more than these are forgotten after a batch */
    KEEP_NAME_BYTES = 256 << 10,
    KEEP_BATCH_BYTES = 256 << 10 /* buffers bigger than this are freed after a batch */
};

int footfall__sqlite_room(void **array, size_t *capacity, size_t wanted, size_t size)
{
    size_t more = *capacity;
    void *grown;
    if (wanted <= more)
        return SQLITE_OK;
    more = more < 16 ? 16 : more;
    while (more < wanted)
        more *= 2;
    grown = footfall__array(*array, more, size);
    if (grown == NULL)
        return SQLITE_NOMEM;
    *array = grown;
    *capacity = more;
    return SQLITE_OK;
}

/* ---- hash tables */

static void table_clear(struct footfall_sqlite_table *table, size_t entries)
{
    size_t size = 16;
    while (size < 2 * entries)
        size *= 2;
    table->size = size <= table->capacity ? size : table->capacity;
    table->used = 0;
    if (table->size > 0)
        memset(table->slots, 0, table->size * sizeof *table->slots);
}

static void table_free(struct footfall_sqlite_table *table)
{
    footfall__free(table->slots);
    memset(table, 0, sizeof *table);
}

static void table_put(struct footfall_sqlite_slot *slots, size_t size, uint32_t hash, uint32_t at)
{
    size_t i = hash & (size - 1);
    while (slots[i].at != 0)
        i = (i + 1) & (size - 1);
    slots[i].hash = hash;
    slots[i].at = at;
}

/* Room for one more entry, with at most half of the slots taken. */
static int table_grow(struct footfall_sqlite_table *table)
{
    size_t size = table->size < 16 ? 16 : table->size * 2;
    struct footfall_sqlite_slot *slots;
    if (2 * (table->used + 1) <= table->size)
        return SQLITE_OK;
    slots = footfall__calloc(size, sizeof *slots);
    if (slots == NULL)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].at != 0)
            table_put(slots, size, table->slots[i].hash, table->slots[i].at);
    footfall__free(table->slots);
    table->slots = slots;
    table->size = table->capacity = size;
    return SQLITE_OK;
}

/* ---- facts: what is known of the file between batches */

void footfall__sqlite_facts_drop(struct footfall_sqlite *store)
{
    int shrink = store->counter_count > KEEP_COUNTERS || store->names_bytes > KEEP_NAME_BYTES;
    store->facts_valid = 0;
    store->counter_count = 0;
    store->names_bytes = 0;
    store->next_k = store->stored_next_k = 0;
    memset(store->epochs, 0, sizeof store->epochs);
    if (shrink) {
        footfall__free(store->counters);
        footfall__free(store->names);
        store->counters = NULL;
        store->names = NULL;
        store->counters_capacity = store->names_capacity = 0;
        table_free(&store->counter_table);
    }
    table_clear(&store->counter_table, store->counters_capacity);
}

void footfall__sqlite_facts_check(struct footfall_sqlite *store)
{
    unsigned now = 0;
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_DATA_VERSION, &now);
    if (!store->facts_valid || rc != SQLITE_OK || now != store->facts_version)
        footfall__sqlite_facts_drop(store);
}

void footfall__sqlite_facts_keep(struct footfall_sqlite *store)
{
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_DATA_VERSION, &store->facts_version);
    store->facts_valid =
        rc == SQLITE_OK && store->counter_count <= KEEP_COUNTERS && store->names_bytes <= KEEP_NAME_BYTES;
    if (!store->facts_valid)
        footfall__sqlite_facts_drop(store);
}

struct footfall_sqlite_epoch *footfall__sqlite_epoch_slot(struct footfall_sqlite *store, int64_t epoch)
{
    return &store->epochs[(uint64_t)epoch % FOOTFALL_SQLITE_EPOCHS];
}

/* ---- entries: found, or added as not yet loaded */

int footfall__sqlite_counter_at(struct footfall_sqlite *store, uint32_t *at, const char *name, size_t name_bytes)
{
    uint32_t hash = (uint32_t)footfall__hash(store->hash_key, name, name_bytes);
    const struct footfall_sqlite_table *table = &store->counter_table;
    struct footfall_sqlite_counter *added;
    for (size_t i = hash & (table->size - 1); table->size > 0 && table->slots[i].at != 0;
         i = (i + 1) & (table->size - 1)) {
        const struct footfall_sqlite_counter *counter = &store->counters[table->slots[i].at - 1];
        if (table->slots[i].hash == hash && counter->name_bytes == name_bytes &&
            memcmp(store->names + counter->name_at, name, name_bytes) == 0) {
            *at = table->slots[i].at - 1;
            return SQLITE_OK;
        }
    }
    if (footfall__sqlite_room((void **)&store->counters, &store->counters_capacity, store->counter_count + 1,
                              sizeof *store->counters) != SQLITE_OK ||
        footfall__sqlite_room((void **)&store->names, &store->names_capacity, store->names_bytes + name_bytes, 1) !=
            SQLITE_OK ||
        table_grow(&store->counter_table) != SQLITE_OK)
        return SQLITE_NOMEM;
    *at = (uint32_t)store->counter_count++;
    added = &store->counters[*at];
    memset(added, 0, sizeof *added);
    added->name_at = store->names_bytes;
    added->name_bytes = (uint32_t)name_bytes;
    memcpy(store->names + store->names_bytes, name, name_bytes);
    store->names_bytes += name_bytes;
    table_put(store->counter_table.slots, store->counter_table.size, hash, *at + 1);
    store->counter_table.used++;
    return SQLITE_OK;
}

int footfall__sqlite_counter_changed(struct footfall_sqlite *store, uint32_t at)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    if (store->counters[at].listed)
        return SQLITE_OK;
    if (footfall__sqlite_room((void **)&batch->changed, &batch->changed_capacity, batch->changed_count + 1,
                              sizeof *batch->changed) != SQLITE_OK)
        return SQLITE_NOMEM;
    batch->changed[batch->changed_count++] = at;
    store->counters[at].listed = 1;
    batch->dirty = 1;
    return SQLITE_OK;
}

int footfall__sqlite_visitor_at(struct footfall_sqlite *store, uint32_t *at, const struct footfall_store_op *op,
                                unsigned which, struct footfall_sqlite_touch *touch)
{
    enum { KEY_BYTES = offsetof(struct footfall_sqlite_visitor, time) };
    struct footfall_sqlite_batch *batch = &store->batch;
    struct footfall_sqlite_table *table = &batch->visitor_table;
    struct footfall_sqlite_visitor wanted;
    uint32_t generation = store->counters[touch->counter].generation;
    uint32_t hash;
    *at = touch->visitors[which] - 1;
    if (touch->visitors[which] != 0 && batch->visitors[*at].generation == generation)
        return SQLITE_OK;
    memset(&wanted, 0, sizeof wanted);
    memcpy(wanted.id, op->ids[which].bytes, sizeof wanted.id);
    wanted.epoch = op->epochs[which];
    wanted.counter = touch->counter;
    wanted.generation = generation;
    hash = (uint32_t)footfall__hash(store->hash_key, &wanted, KEY_BYTES);
    for (size_t i = hash & (table->size - 1); table->size > 0 && table->slots[i].at != 0;
         i = (i + 1) & (table->size - 1)) {
        *at = table->slots[i].at - 1;
        touch->visitors[which] = table->slots[i].at;
        if (table->slots[i].hash == hash && memcmp(&batch->visitors[*at], &wanted, KEY_BYTES) == 0)
            return SQLITE_OK;
    }
    touch->visitors[which] = 0;
    if (footfall__sqlite_room((void **)&batch->visitors, &batch->visitors_capacity, batch->visitor_count + 1,
                              sizeof *batch->visitors) != SQLITE_OK ||
        table_grow(table) != SQLITE_OK)
        return SQLITE_NOMEM;
    *at = (uint32_t)batch->visitor_count++;
    batch->visitors[*at] = wanted;
    table_put(table->slots, table->size, hash, *at + 1);
    table->used++;
    touch->visitors[which] = *at + 1;
    return SQLITE_OK;
}

int footfall__sqlite_token_at(struct footfall_sqlite *store, uint32_t *at, const uint8_t *token, uint32_t counter)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    struct footfall_sqlite_table *table = &batch->token_table;
    uint8_t key[FOOTFALL_STORE_TOKEN_BYTES + sizeof counter];
    struct footfall_sqlite_token *added;
    uint32_t hash;
    memcpy(key, token, FOOTFALL_STORE_TOKEN_BYTES);
    memcpy(key + FOOTFALL_STORE_TOKEN_BYTES, &counter, sizeof counter);
    hash = (uint32_t)footfall__hash(store->hash_key, key, sizeof key);
    for (size_t i = hash & (table->size - 1); table->size > 0 && table->slots[i].at != 0;
         i = (i + 1) & (table->size - 1)) {
        const struct footfall_sqlite_token *known = &batch->tokens[table->slots[i].at - 1];
        *at = table->slots[i].at - 1;
        if (table->slots[i].hash == hash && known->counter == counter &&
            memcmp(known->token, token, FOOTFALL_STORE_TOKEN_BYTES) == 0)
            return SQLITE_OK;
    }
    if (footfall__sqlite_room((void **)&batch->tokens, &batch->tokens_capacity, batch->token_count + 1,
                              sizeof *batch->tokens) != SQLITE_OK ||
        table_grow(table) != SQLITE_OK)
        return SQLITE_NOMEM;
    *at = (uint32_t)batch->token_count++;
    added = &batch->tokens[*at];
    memset(added, 0, sizeof *added);
    memcpy(added->token, token, FOOTFALL_STORE_TOKEN_BYTES);
    added->counter = counter;
    table_put(table->slots, table->size, hash, *at + 1);
    table->used++;
    return SQLITE_OK;
}

/* ---- a batch's life */

int footfall__sqlite_batch_begin(struct footfall_sqlite *store, size_t count)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    batch->visitor_count = batch->token_count = batch->changed_count = 0;
    batch->series_touched = batch->dirty = 0;
    batch->epochs = 0;
    batch->serial++;
    table_clear(&batch->visitor_table, count);
    table_clear(&batch->token_table, 0);
    if (footfall__sqlite_room((void **)&batch->touches, &batch->touches_capacity, count, sizeof *batch->touches) !=
        SQLITE_OK)
        return SQLITE_NOMEM;
    memset(batch->touches, 0, count * sizeof *batch->touches);
    return SQLITE_OK;
}

static void batch_free(struct footfall_sqlite_batch *batch)
{
    uint64_t serial = batch->serial;
    footfall__free(batch->touches);
    footfall__free(batch->visitors);
    footfall__free(batch->tokens);
    footfall__free(batch->order);
    footfall__free(batch->codes);
    footfall__free(batch->changed);
    table_free(&batch->visitor_table);
    table_free(&batch->token_table);
    memset(batch, 0, sizeof *batch);
    batch->serial = serial;
}

void footfall__sqlite_batch_end(struct footfall_sqlite *store)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    size_t bytes = batch->touches_capacity * sizeof *batch->touches +
                   batch->visitors_capacity * sizeof *batch->visitors + batch->tokens_capacity * sizeof *batch->tokens +
                   batch->order_capacity * sizeof *batch->order + batch->codes_capacity +
                   batch->changed_capacity * sizeof *batch->changed +
                   batch->visitor_table.capacity * sizeof *batch->visitor_table.slots;
    if (bytes > KEEP_BATCH_BYTES)
        batch_free(batch);
}

void footfall__sqlite_overlay_free(struct footfall_sqlite *store)
{
    batch_free(&store->batch);
    footfall__free(store->counters);
    footfall__free(store->names);
    table_free(&store->counter_table);
}
