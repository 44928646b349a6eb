/* write.c: what a batch changed, from the overlay into the database, inside the transaction that apply.c opened. Each
 * counter is written once, visitors in key order. */
#include "store.h"

#include <string.h>

int64_t footfall__sqlite_add_saturated(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* ---- counters */

static int write_new_row(struct footfall_sqlite *store, struct footfall_sqlite_counter *counter)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER_INSERT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, store->names + counter->name_at, (int)counter->name_bytes, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, counter->k);
    sqlite3_bind_int(statement, 3, counter->present);
    sqlite3_bind_int64(statement, 4, counter->total);
    sqlite3_bind_int64(statement, 5, counter->unique);
    rc = footfall__sqlite_run(statement);
    if (rc == SQLITE_OK)
        counter->id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int write_row(struct footfall_sqlite *store, const struct footfall_sqlite_counter *counter)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER_UPDATE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_int64(statement, 2, counter->k);
    sqlite3_bind_int(statement, 3, counter->present);
    sqlite3_bind_int64(statement, 4, counter->total);
    sqlite3_bind_int64(statement, 5, counter->unique);
    return footfall__sqlite_run(statement);
}

static int write_numbers(struct footfall_sqlite *store, const struct footfall_sqlite_counter *counter)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER_NUMBERS);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_int64(statement, 2, counter->total);
    sqlite3_bind_int64(statement, 3, counter->unique);
    return footfall__sqlite_run(statement);
}

static int write_dead(struct footfall_sqlite *store, const struct footfall_sqlite_counter *counter)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_DEAD_INSERT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_int64(statement, 2, counter->stored_k);
    return footfall__sqlite_run(statement);
}

static int write_counters(struct footfall_sqlite *store)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < store->batch.changed_count && rc == SQLITE_OK; i++) {
        struct footfall_sqlite_counter *counter = &store->counters[store->batch.changed[i]];
        if (counter->id == 0)
            rc = write_new_row(store, counter);
        else if (counter->row_changed)
            rc = write_row(store, counter);
        else if (counter->numbers_changed)
            rc = write_numbers(store, counter);
        if (rc == SQLITE_OK && counter->stored_k != 0 && counter->stored_k != counter->k)
            rc = write_dead(store, counter);
        counter->stored_k = counter->k;
    }
    if (rc == SQLITE_OK && store->next_k != store->stored_next_k) {
        rc = footfall__sqlite_meta_put(store, "next_k", store->next_k);
        store->stored_next_k = store->next_k;
    }
    return rc;
}

/* ---- visitors */

static int is_to_be_written(struct footfall_sqlite *store, const struct footfall_sqlite_visitor *visitor)
{
    /* Visitors of a generation that this same batch ended never matter again. */
    return visitor->changed && (visitor->there || visitor->stored) &&
           visitor->generation == store->counters[visitor->counter].generation;
}

int footfall__sqlite_lower_epoch(struct footfall_sqlite *store, int64_t e, int64_t expire)
{
    struct footfall_sqlite_epoch *epoch;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_load_epoch(store, &epoch, e);
    if (rc != SQLITE_OK || (epoch->there && epoch->least <= expire))
        return rc;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_EPOCH_PUT);
    if (rc != SQLITE_OK)
        return rc;
    epoch->there = 1;
    epoch->least = expire;
    sqlite3_bind_int64(statement, 1, e);
    sqlite3_bind_int64(statement, 2, expire);
    return footfall__sqlite_run(statement);
}

static int write_visitor(struct footfall_sqlite *store, const struct footfall_sqlite_visitor *visitor)
{
    enum footfall_sqlite_sql which = !visitor->there                       ? FOOTFALL_SQL_VISITOR_DELETE
                                     : visitor->stored && visitor->renewed ? FOOTFALL_SQL_VISITOR_RENEW
                                     : visitor->stored                     ? FOOTFALL_SQL_VISITOR_UPDATE
                                                                           : FOOTFALL_SQL_VISITOR_INSERT;
    sqlite3_stmt *statement;
    int rc = visitor->there ? footfall__sqlite_lower_epoch(store, visitor->epoch, visitor->expire) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_statement(store, &statement, which);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, visitor->epoch);
    sqlite3_bind_int64(statement, 2, store->counters[visitor->counter].k);
    sqlite3_bind_blob(statement, 3, visitor->id, sizeof visitor->id, SQLITE_STATIC);
    if (visitor->there) {
        sqlite3_bind_int64(statement, 4, visitor->time);
        sqlite3_bind_int64(statement, 5, visitor->expire);
    }
    return footfall__sqlite_run(statement);
}

static int write_visitors(struct footfall_sqlite *store)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    size_t count;
    int rc = footfall__sqlite_visitors_ordered(store, is_to_be_written, 0, &count);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        rc = write_visitor(store, &batch->visitors[batch->order[i].at]);
    return rc;
}

/* ---- tokens and series */

static int write_token(struct footfall_sqlite *store, const struct footfall_sqlite_token *token)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_TOKEN_INSERT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, store->counters[token->counter].id);
    sqlite3_bind_blob(statement, 2, token->token, sizeof token->token, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, token->expire);
    sqlite3_bind_int(statement, 4, token->is_new);
    sqlite3_bind_blob(statement, 5, token->fingerprints,
                      (int)(token->fingerprint_count * FOOTFALL_STORE_FINGERPRINT_BYTES), SQLITE_STATIC);
    return footfall__sqlite_run(statement);
}

static int write_series_part(struct footfall_sqlite *store, const struct footfall_sqlite_counter *counter,
                             int64_t start, size_t bytes, const struct footfall_store_call *call)
{
    int64_t expire = footfall__sqlite_add_saturated(call->wall_ms, call->series_keep_ms);
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_INSERT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_blob(statement, 2, call->series, FOOTFALL_STORE_SERIES_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, start);
    sqlite3_bind_int64(statement, 4, (int64_t)call->series_number);
    sqlite3_bind_int64(statement, 5, expire > counter->series_expire ? expire : counter->series_expire);
    sqlite3_bind_blob(statement, 6, store->batch.codes, (int)bytes, SQLITE_STATIC);
    return footfall__sqlite_run(statement);
}

static int clear_series(struct footfall_sqlite *store, const struct footfall_sqlite_counter *counter,
                        const struct footfall_store_call *call)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_CLEAR);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_blob(statement, 2, call->series, FOOTFALL_STORE_SERIES_BYTES, SQLITE_STATIC);
    return footfall__sqlite_run(statement);
}

/* One part for each run of positions that this batch stored. */
static int write_series_of(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                           struct footfall_sqlite_counter *counter, const struct footfall_store_call *call)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    int64_t start = 0;
    size_t run = 0;
    int rc = SQLITE_OK;
    for (uint32_t op = counter->series_first; op != 0 && rc == SQLITE_OK; op = batch->touches[op - 1].series_next) {
        const struct footfall_sqlite_touch *touch = &batch->touches[op - 1];
        if (!touch->series_added)
            continue;
        if (counter->series_state == FOOTFALL_SERIES_GREATER) {
            rc = clear_series(store, counter, call);
            counter->series_state = FOOTFALL_SERIES_EQUAL;
        }
        if (rc == SQLITE_OK && run > 0 && ops[op - 1].series_at != start + (int64_t)run) {
            rc = write_series_part(store, counter, start, run, call);
            run = 0;
        }
        if (run == 0)
            start = ops[op - 1].series_at;
        batch->codes[run++] = touch->series_code;
    }
    return rc == SQLITE_OK && run > 0 ? write_series_part(store, counter, start, run, call) : rc;
}

static int write_series(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                        const struct footfall_store_call *call)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    int rc = footfall__sqlite_room((void **)&batch->codes, &batch->codes_capacity, batch->touches_capacity, 1);
    for (size_t i = 0; i < batch->changed_count && rc == SQLITE_OK; i++)
        rc = write_series_of(store, ops, &store->counters[batch->changed[i]], call);
    return rc;
}

int footfall__sqlite_write_batch(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                                 const struct footfall_store_call *call)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    int rc = write_counters(store);
    if (rc == SQLITE_OK)
        rc = write_visitors(store);
    for (size_t i = 0; i < batch->token_count && rc == SQLITE_OK; i++)
        if (batch->tokens[i].changed)
            rc = write_token(store, &batch->tokens[i]);
    if (rc == SQLITE_OK && batch->series_touched)
        rc = write_series(store, ops, call);
    return rc;
}
