/* apply.c: one batch is one transaction: load what it touches, decide each op, store what changed. All of it or nothing. */
#include "store.h"

#include "clock.h"

static void fail_all(struct footfall_store_result *results, size_t count, int status)
{
    static const struct footfall_store_result none;
    for (size_t i = 0; i < count; i++) {
        results[i] = none;
        results[i].status = (enum footfall_store_status)status;
    }
}

/* rc of everything between BEGIN and COMMIT; *in_order as in store.h. */
static int load_and_decide(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                           struct footfall_store_result *results, const struct footfall_store_call *call, int *in_order)
{
    int rc = footfall__sqlite_load_batch(store, ops, count, call, in_order);
    for (size_t i = 0; i < count && rc == SQLITE_OK && *in_order; i++)
        rc = footfall__sqlite_decide(store, &ops[i], &store->batch.touches[i], &results[i], call);
    return rc;
}

/* What claim.c goes by. A small batch says little. */
static void learn(struct footfall_sqlite *store, const struct footfall_store_result *results, size_t count)
{
    enum { BIG = 32 };
    size_t new_ones = 0;
    if (count < BIG)
        return;
    for (size_t i = 0; i < count; i++)
        new_ones += results[i].is_new;
    store->mostly_new = 2 * new_ones > count;
}

static int transaction(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                       struct footfall_store_result *results, struct footfall_store_call *call)
{
    int in_order = 1;
    int rc;
    footfall__sqlite_facts_check(store);
    if (footfall__boottime_ms() >= call->deadline_ms) {
        footfall__sqlite_text(call, 0, "the deadline passed while %s was locked", store->path);
        return FOOTFALL_STORE_TEMPORARY;
    }
    rc = load_and_decide(store, ops, count, results, call, &in_order);
    if (rc == SQLITE_OK && !in_order) {
        footfall__sqlite_text(call, 0, "positions in the series do not ascend");
        return FOOTFALL_STORE_BROKEN;
    }
    if (rc == SQLITE_OK && store->batch.dirty)
        rc = footfall__sqlite_write_batch(store, ops, call);
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "store a batch in");
    rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_COMMIT);
    if (rc != SQLITE_OK)
        return footfall__sqlite_commit_fault(store, call, rc, "commit to");
    atomic_fetch_add_explicit(&store->commits, 1, memory_order_relaxed);
    return 0;
}

int footfall__sqlite_apply(struct footfall_store *base, const struct footfall_store_op *ops, size_t count,
                           struct footfall_store_result *results, struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    int status = footfall__sqlite_ready(store, call);
    int rc;
    if (status != 0)
        return status;
    rc = footfall__sqlite_batch_begin(store, count);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc != SQLITE_OK) {
        status = footfall__sqlite_fault(store, call, rc, "write to");
        footfall__sqlite_batch_end(store);
        return status;
    }
    status = transaction(store, ops, count, results, call);
    if (status == 0) {
        footfall__sqlite_facts_keep(store);
        learn(store, results, count);
    } else {
        footfall__sqlite_rollback(store);
        footfall__sqlite_facts_drop(store);
        fail_all(results, count, status);
    }
    footfall__sqlite_batch_end(store);
    return 0;
}
