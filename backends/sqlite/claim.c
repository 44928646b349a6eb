/* claim.c: a short cut for big batches. Asking for a visitor and storing it again afterwards walks the b-tree twice, and reads
 * its pages twice when they don't fit the cache. Where an op's outcome hangs on its visitor alone, one statement does both:
 * the row is put or, when it is due, renewed; whether a row changed is the answer. decide.c takes it from there. */
#include "store.h"

/* A bit for each epoch, modulo 64: a shared bit only costs the short cut. */
struct epochs {
    uint64_t written;  /* the batch may put records there */
    uint64_t as_older; /* the batch may look there for an older id */
};

static uint64_t bit_of(int64_t epoch)
{
    return UINT64_C(1) << ((uint64_t)epoch % 64);
}

static struct epochs epochs_of(const struct footfall_store_op *ops, size_t count)
{
    struct epochs epochs = { 0, 0 };
    for (size_t i = 0; i < count; i++) {
        epochs.written |= bit_of(ops[i].epochs[0]);
        if (ops[i].write_count == 2)
            epochs.written |= bit_of(ops[i].epochs[1]);
        if (ops[i].id_count == 2)
            epochs.as_older |= bit_of(ops[i].epochs[1]);
    }
    return epochs;
}

/* Batches of visits only: any other kind may change what a visit before or after it finds. */
static int is_plain(const struct footfall_store_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ops[i].kind != FOOTFALL_STORE_VISIT || ops[i].token != NULL)
            return 0;
    return 1;
}

/* The op will be applied, whatever the others do: no replay, no refusal. */
static int is_certain(const struct footfall_sqlite *store, const struct footfall_store_op *op,
                      const struct footfall_sqlite_touch *touch, const struct footfall_store_call *call)
{
    const struct footfall_sqlite_counter *counter = &store->counters[touch->counter];
    if (call->series != NULL &&
        (counter->series_state == FOOTFALL_SERIES_LOWER || touch->series_code != FOOTFALL_SERIES_NOT_STORED))
        return 0;
    return (counter->present || !op->must_exist) && counter->total < INT64_MAX - FOOTFALL_SQLITE_MAX_BATCH &&
           counter->unique < INT64_MAX - FOOTFALL_SQLITE_MAX_BATCH;
}

/* Marks what may be claimed, and gives older ids that may have a record their entries. */
static int choose(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                  const struct footfall_store_call *call, const struct epochs *epochs)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        const struct footfall_store_op *op = &ops[i];
        struct footfall_sqlite_touch *touch = &batch->touches[i];
        uint32_t newer = touch->visitors[0] - 1;
        uint32_t older;
        int maybe = 0;
        int ask = 0;
        if (batch->visitors[newer].first != i + 1 || op->sliding || op->write_count != 1 ||
            !is_certain(store, op, touch, call))
            continue;
        if (epochs->as_older & bit_of(op->epochs[0]))
            continue; /* an op before this one may ask for the record, and must not find it yet */
        rc = footfall__sqlite_settle_visitor(store, &batch->visitors[newer], &ask);
        if (rc != SQLITE_OK || !ask)
            continue;
        if (op->id_count == 2) {
            if (epochs->written & bit_of(op->epochs[1]))
                continue; /* an op before this one may put a record under the older id */
            rc = footfall__sqlite_may_exist(store, &maybe, touch->counter, op->epochs[1]);
        }
        if (rc == SQLITE_OK && maybe && !store->mostly_new)
            continue; /* asking for the newer id first then spares the older one's turn */
        if (rc == SQLITE_OK && maybe)
            rc = footfall__sqlite_visitor_at(store, &older, op, 1, touch);
        batch->visitors[newer].claim = FOOTFALL_CLAIM_WANTED;
    }
    return rc;
}

static int is_wanted(struct footfall_sqlite *store, const struct footfall_sqlite_visitor *visitor)
{
    (void)store;
    return visitor->claim == FOOTFALL_CLAIM_WANTED;
}

static int claim(struct footfall_sqlite *store, sqlite3_stmt *statement, const struct footfall_store_op *op,
                 struct footfall_sqlite_visitor *visitor)
{
    int rc = footfall__sqlite_lower_epoch(store, visitor->epoch, op->expire_ms);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, visitor->epoch);
    sqlite3_bind_int64(statement, 2, store->counters[visitor->counter].k);
    sqlite3_bind_blob(statement, 3, visitor->id, sizeof visitor->id, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, op->now_ms);
    sqlite3_bind_int64(statement, 5, op->expire_ms);
    sqlite3_bind_int64(statement, 6, op->window_ms);
    rc = footfall__sqlite_run(statement);
    if (rc != SQLITE_OK)
        return rc;
    visitor->claim = FOOTFALL_CLAIM_KNOWN;
    if (sqlite3_changes(store->db) == 0)
        return SQLITE_OK;
    visitor->claim = FOOTFALL_CLAIM_NEW;
    visitor->loaded = visitor->there = visitor->stored = 1;
    visitor->time = op->now_ms;
    visitor->expire = op->expire_ms;
    store->batch.dirty = 1;
    return SQLITE_OK;
}

static int claim_all(struct footfall_sqlite *store, const struct footfall_store_op *ops)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    sqlite3_stmt *statement;
    size_t count;
    int rc = footfall__sqlite_visitors_ordered(store, is_wanted, 0, &count);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITOR_CLAIM);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        struct footfall_sqlite_visitor *newer = &batch->visitors[batch->order[i].at];
        const struct footfall_store_op *op = &ops[newer->first - 1];
        const uint32_t *older = &batch->touches[newer->first - 1].visitors[1];
        if (*older != 0 &&
            !footfall__sqlite_is_due(op, batch->visitors[*older - 1].there, batch->visitors[*older - 1].time))
            newer->claim = FOOTFALL_CLAIM_KNOWN;
        else
            rc = claim(store, statement, op, newer);
    }
    return rc;
}

int footfall__sqlite_claim_visitors(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                                    const struct footfall_store_call *call)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    size_t newer_count = batch->visitor_count;
    struct epochs epochs;
    int rc;
    if (!is_plain(ops, count))
        return SQLITE_OK;
    epochs = epochs_of(ops, count);
    rc = choose(store, ops, count, call, &epochs);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_load_visitors(store, newer_count);
    return rc == SQLITE_OK ? claim_all(store, ops) : rc;
}
