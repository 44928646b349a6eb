/* load.c: what a batch touches, from the database into the overlay. Each thing is asked for once, and only when it can
 * matter; a big batch asks for its visitors ahead of time, in key order. */
#include "store.h"

#include <string.h>

enum { AHEAD_FROM = 32 /* ops: smaller batches ask for each visitor when it is decided */ };

int footfall__sqlite_load_counter(struct footfall_sqlite *store, uint32_t at)
{
    struct footfall_sqlite_counter *counter = &store->counters[at];
    sqlite3_stmt *statement;
    int rc;
    if (counter->loaded)
        return SQLITE_OK;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, store->names + counter->name_at, (int)counter->name_bytes, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        counter->id = sqlite3_column_int64(statement, 0);
        counter->k = counter->stored_k = sqlite3_column_int64(statement, 1);
        counter->present = sqlite3_column_int(statement, 2) != 0;
        counter->total = sqlite3_column_int64(statement, 3);
        counter->unique = sqlite3_column_int64(statement, 4);
    }
    sqlite3_reset(statement);
    counter->loaded = rc == SQLITE_ROW || rc == SQLITE_DONE;
    return counter->loaded ? SQLITE_OK : rc;
}

int footfall__sqlite_load_next_k(struct footfall_sqlite *store)
{
    int rc;
    if (store->next_k != 0)
        return SQLITE_OK;
    rc = footfall__sqlite_meta(store, "next_k", &store->stored_next_k);
    if (rc == SQLITE_OK && store->stored_next_k < 1)
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_OK)
        store->next_k = store->stored_next_k;
    return rc;
}

int footfall__sqlite_load_epoch(struct footfall_sqlite *store, struct footfall_sqlite_epoch **out, int64_t epoch)
{
    struct footfall_sqlite_epoch *slot = footfall__sqlite_epoch_slot(store, epoch);
    sqlite3_stmt *statement;
    int rc;
    *out = slot;
    if (slot->known && slot->epoch == epoch)
        return SQLITE_OK;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_EPOCH);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, epoch);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        slot->epoch = epoch;
        slot->known = 1;
        slot->there = rc == SQLITE_ROW;
        slot->least = slot->there ? sqlite3_column_int64(statement, 0) : FOOTFALL_STORE_FOREVER;
        rc = SQLITE_ROW;
    }
    sqlite3_reset(statement);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* ---- visitors */

/* A generation or an epoch without rows has no visitors. */
int footfall__sqlite_settle_visitor(struct footfall_sqlite *store, struct footfall_sqlite_visitor *visitor, int *ask)
{
    const struct footfall_sqlite_counter *counter = &store->counters[visitor->counter];
    struct footfall_sqlite_epoch *epoch;
    int rc;
    *ask = 0;
    if (visitor->loaded)
        return SQLITE_OK;
    if (counter->stored_k == 0 || visitor->generation != 0) {
        visitor->loaded = 1;
        return SQLITE_OK;
    }
    rc = footfall__sqlite_load_epoch(store, &epoch, visitor->epoch);
    if (rc != SQLITE_OK)
        return rc;
    visitor->loaded = !epoch->there;
    *ask = epoch->there;
    return SQLITE_OK;
}

static int ask_visitor(struct footfall_sqlite *store, sqlite3_stmt *statement, struct footfall_sqlite_visitor *visitor)
{
    int rc;
    sqlite3_bind_int64(statement, 1, visitor->epoch);
    sqlite3_bind_int64(statement, 2, store->counters[visitor->counter].stored_k);
    sqlite3_bind_blob(statement, 3, visitor->id, sizeof visitor->id, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        visitor->there = visitor->stored = 1;
        visitor->time = sqlite3_column_int64(statement, 0);
        visitor->expire = sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    visitor->loaded = rc == SQLITE_ROW || rc == SQLITE_DONE;
    return visitor->loaded ? SQLITE_OK : rc;
}

int footfall__sqlite_load_visitor(struct footfall_sqlite *store, uint32_t at)
{
    struct footfall_sqlite_visitor *visitor = &store->batch.visitors[at];
    sqlite3_stmt *statement;
    int ask;
    int rc;
    if (visitor->loaded)
        return SQLITE_OK;
    rc = footfall__sqlite_settle_visitor(store, visitor, &ask);
    if (rc != SQLITE_OK || !ask)
        return rc;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITOR);
    return rc == SQLITE_OK ? ask_visitor(store, statement, visitor) : rc;
}

static int not_loaded(struct footfall_sqlite *store, const struct footfall_sqlite_visitor *visitor)
{
    (void)store;
    return !visitor->loaded && visitor->claim != FOOTFALL_CLAIM_KNOWN;
}

int footfall__sqlite_load_visitors(struct footfall_sqlite *store, size_t first)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    sqlite3_stmt *statement;
    size_t count;
    int ask;
    int rc = SQLITE_OK;
    for (size_t at = first; at < batch->visitor_count && rc == SQLITE_OK; at++)
        rc = footfall__sqlite_settle_visitor(store, &batch->visitors[at], &ask);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_visitors_ordered(store, not_loaded, first, &count);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITOR);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = ask_visitor(store, statement, &batch->visitors[batch->order[i].at]);
    return rc;
}

int footfall__sqlite_may_exist(struct footfall_sqlite *store, int *maybe, uint32_t counter, int64_t epoch)
{
    struct footfall_sqlite_epoch *slot;
    int rc = SQLITE_OK;
    *maybe = 0;
    if (store->counters[counter].k == 0)
        return SQLITE_OK;
    *maybe = (store->batch.epochs >> ((uint64_t)epoch % 64) & 1) != 0;
    if (*maybe)
        return SQLITE_OK;
    rc = footfall__sqlite_load_epoch(store, &slot, epoch);
    *maybe = rc == SQLITE_OK && slot->there;
    return rc;
}

/* Whether the older id can matter once the newer one's record is known. */
static int needs_older_id(const struct footfall_store_op *op, const struct footfall_sqlite_visitor *newer)
{
    return op->kind == FOOTFALL_STORE_FORGET || op->sliding || footfall__sqlite_is_due(op, newer->there, newer->time);
}

static int touches_visitor(const struct footfall_store_op *op)
{
    return op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
}

static int add_newer(struct footfall_sqlite *store, const struct footfall_store_op *op,
                     struct footfall_sqlite_touch *touch)
{
    uint32_t at;
    int rc = footfall__sqlite_visitor_at(store, &at, op, 0, touch);
    if (rc == SQLITE_OK && store->batch.visitors[at].first == 0)
        store->batch.visitors[at].first = (uint32_t)(touch - store->batch.touches) + 1;
    return rc;
}

static int load_visitors_ahead(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                               const struct footfall_store_call *call)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    size_t newer_count;
    uint32_t at;
    int maybe;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        if (touches_visitor(&ops[i]))
            rc = add_newer(store, &ops[i], &batch->touches[i]);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_claim_visitors(store, ops, count, call);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_load_visitors(store, 0);
    newer_count = batch->visitor_count;
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
        struct footfall_sqlite_touch *touch = &batch->touches[i];
        const struct footfall_sqlite_visitor *newer;
        if (!touches_visitor(&ops[i]) || ops[i].id_count < 2)
            continue;
        newer = &batch->visitors[touch->visitors[0] - 1];
        if (footfall__sqlite_is_claimed(newer, i) || !needs_older_id(&ops[i], newer))
            continue;
        rc = footfall__sqlite_may_exist(store, &maybe, touch->counter, ops[i].epochs[1]);
        if (rc == SQLITE_OK && maybe)
            rc = footfall__sqlite_visitor_at(store, &at, &ops[i], 1, touch);
    }
    return rc == SQLITE_OK ? footfall__sqlite_load_visitors(store, newer_count) : rc;
}

/* ---- tokens */

int footfall__sqlite_load_token(struct footfall_sqlite *store, uint32_t at)
{
    struct footfall_sqlite_token *token = &store->batch.tokens[at];
    int64_t id = store->counters[token->counter].id;
    sqlite3_stmt *statement;
    int bytes;
    int rc;
    if (token->loaded || id == 0) { /* without a row nothing can refer to it */
        token->loaded = 1;
        return SQLITE_OK;
    }
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_TOKEN);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_blob(statement, 2, token->token, sizeof token->token, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        token->there = 1;
        token->is_new = sqlite3_column_int(statement, 0) != 0;
        bytes = sqlite3_column_bytes(statement, 1);
        if (bytes == FOOTFALL_STORE_FINGERPRINT_BYTES || bytes == 2 * FOOTFALL_STORE_FINGERPRINT_BYTES) {
            memcpy(token->fingerprints, sqlite3_column_blob(statement, 1), (size_t)bytes);
            token->fingerprint_count = (uint32_t)bytes / FOOTFALL_STORE_FINGERPRINT_BYTES;
        } else {
            rc = SQLITE_CORRUPT;
        }
    }
    sqlite3_reset(statement);
    token->loaded = rc == SQLITE_ROW || rc == SQLITE_DONE;
    return token->loaded ? SQLITE_OK : rc;
}

/* ---- series */

/* Marks the ops that one stored part covers. Parts and ops both come in ascending order; *op is where to go on. */
static int mark_part(struct footfall_sqlite *store, const struct footfall_store_op *ops, uint32_t *op, int64_t start,
                     const uint8_t *codes, int64_t bytes)
{
    while (*op != 0 && ops[*op - 1].series_at < start + bytes) {
        struct footfall_sqlite_touch *touch = &store->batch.touches[*op - 1];
        int64_t at = ops[*op - 1].series_at;
        if (at >= start) {
            touch->series_code = codes[at - start];
            if (touch->series_code > FOOTFALL_SERIES_ABSENT)
                return SQLITE_CORRUPT;
        }
        *op = touch->series_next;
    }
    return SQLITE_OK;
}

static int load_series_parts(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                             const struct footfall_sqlite_counter *counter, const uint8_t *series)
{
    int64_t first = ops[counter->series_first - 1].series_at;
    uint32_t op = counter->series_first;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_PARTS);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_blob(statement, 2, series, FOOTFALL_STORE_SERIES_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, first - FOOTFALL_SQLITE_MAX_BATCH); /* no part is longer */
    sqlite3_bind_int64(statement, 4, ops[counter->series_last - 1].series_at);
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = mark_part(store, ops, &op, sqlite3_column_int64(statement, 0), sqlite3_column_blob(statement, 1),
                       sqlite3_column_bytes(statement, 1));
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int load_series(struct footfall_sqlite *store, const struct footfall_store_op *ops,
                       struct footfall_sqlite_counter *counter, const struct footfall_store_call *call)
{
    sqlite3_stmt *statement;
    int64_t number;
    int none;
    int rc;
    counter->series_state = FOOTFALL_SERIES_EQUAL;
    counter->series_expire = 0;
    if (counter->id == 0)
        return SQLITE_OK;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_LAST);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, counter->id);
    sqlite3_bind_blob(statement, 2, call->series, FOOTFALL_STORE_SERIES_BYTES, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    none = rc == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_NULL;
    number = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    counter->series_expire = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 1) : 0;
    sqlite3_reset(statement);
    if (rc != SQLITE_ROW || none)
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
    if (number == (int64_t)call->series_number)
        return load_series_parts(store, ops, counter, call->series);
    counter->series_state = number > (int64_t)call->series_number ? FOOTFALL_SERIES_LOWER : FOOTFALL_SERIES_GREATER;
    return SQLITE_OK;
}

/* ---- the batch */

static int touch_counter(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t i, int in_series,
                         int *in_order)
{
    struct footfall_sqlite_touch *touch = &store->batch.touches[i];
    struct footfall_sqlite_counter *counter;
    int rc = footfall__sqlite_counter_at(store, &touch->counter, ops[i].name, ops[i].name_bytes);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_load_counter(store, touch->counter);
    if (rc != SQLITE_OK)
        return rc;
    counter = &store->counters[touch->counter];
    if (counter->batch != store->batch.serial) {
        counter->batch = store->batch.serial;
        counter->generation = 0;
        counter->numbers_changed = counter->row_changed = counter->listed = 0;
        counter->series_first = counter->series_last = 0;
        counter->series_state = FOOTFALL_SERIES_UNKNOWN;
    }
    if (!in_series)
        return SQLITE_OK;
    if (counter->series_first == 0) {
        counter->series_first = (uint32_t)i + 1;
    } else {
        if (ops[i].series_at <= ops[counter->series_last - 1].series_at)
            *in_order = 0;
        store->batch.touches[counter->series_last - 1].series_next = (uint32_t)i + 1;
    }
    counter->series_last = (uint32_t)i + 1;
    return SQLITE_OK;
}

int footfall__sqlite_load_batch(struct footfall_sqlite *store, const struct footfall_store_op *ops, size_t count,
                                const struct footfall_store_call *call, int *in_order)
{
    int rc = SQLITE_OK;
    *in_order = 1;
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        rc = touch_counter(store, ops, i, call->series != NULL, in_order);
    if (rc != SQLITE_OK || !*in_order)
        return rc;
    for (size_t i = 0; call->series != NULL && i < count && rc == SQLITE_OK; i++) {
        struct footfall_sqlite_counter *counter = &store->counters[store->batch.touches[i].counter];
        if (counter->series_state == FOOTFALL_SERIES_UNKNOWN)
            rc = load_series(store, ops, counter, call);
    }
    if (rc == SQLITE_OK && count >= AHEAD_FROM)
        rc = load_visitors_ahead(store, ops, count, call);
    return rc;
}
