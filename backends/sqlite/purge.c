/* purge.c: dropping what can no longer matter, a bounded piece a call. A round passes once over tokens, series, visitors,
 * dead generations and deleted counters; where it stands is kept in the store and may be lost without harm. Whether a record
 * goes is decided by its own stored expiry alone. */
#include "store.h"

#include <string.h>

#include "clock.h"

/* What one call may still do, and has done. */
struct allowance {
    int64_t now_ms;
    size_t drops, looks;
    size_t *dropped;
    int ended; /* the round came to its end */
};

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void took(struct allowance *left, size_t kind, size_t dropped, size_t looks)
{
    left->dropped[kind] += dropped;
    left->drops -= least_of(dropped, left->drops);
    left->looks -= least_of(looks, left->looks);
}

static void next_phase(struct footfall_sqlite_purge *round)
{
    round->phase++;
    round->inside = round->bytes_used = 0;
    round->c = round->k = round->e = round->start = 0;
    if (round->phase == FOOTFALL_PURGE_VISITORS || round->phase == FOOTFALL_PURGE_DEAD)
        round->e = INT64_MIN;
}

static void saw(struct footfall_sqlite_purge *round, int64_t expire)
{
    if (expire < round->least)
        round->least = expire;
}

/* One row's first column. SQLITE_ROW, or SQLITE_DONE for none or NULL. */
static int one_value(sqlite3_stmt *statement, int64_t *value)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_NULL)
        rc = SQLITE_DONE;
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return rc;
}

/* ---- tokens and series */

static int purge_tokens(struct footfall_sqlite *store, struct allowance *left)
{
    sqlite3_stmt *statement;
    size_t wanted = least_of(left->drops, left->looks);
    size_t dropped;
    int64_t least = FOOTFALL_STORE_FOREVER;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_TOKENS_PURGE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, left->now_ms);
    sqlite3_bind_int64(statement, 2, (int64_t)wanted);
    rc = footfall__sqlite_run(statement);
    if (rc != SQLITE_OK)
        return rc;
    dropped = (size_t)sqlite3_changes(store->db);
    took(left, 1, dropped, dropped);
    if (dropped == wanted)
        return SQLITE_OK; /* there may be more */
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_TOKENS_LEFT);
    if (rc == SQLITE_OK)
        rc = one_value(statement, &least);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    saw(&store->purge, least);
    next_phase(&store->purge);
    return SQLITE_OK;
}

static int drop_series(struct footfall_sqlite *store, const struct footfall_sqlite_purge *round)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    sqlite3_bind_blob(statement, 2, round->bytes, round->bytes_used, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, round->start);
    return footfall__sqlite_run(statement);
}

/* One part: the latest expiry among the parts of a record is the record's. */
static int purge_series(struct footfall_sqlite *store, struct allowance *left)
{
    struct footfall_sqlite_purge *round = &store->purge;
    int64_t expire = 0;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SERIES_NEXT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    sqlite3_bind_blob(statement, 2, round->bytes, round->bytes_used, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, round->start);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        round->c = sqlite3_column_int64(statement, 0);
        round->bytes_used = sqlite3_column_bytes(statement, 1);
        round->start = sqlite3_column_int64(statement, 2);
        expire = sqlite3_column_int64(statement, 3);
        if (round->bytes_used == FOOTFALL_STORE_SERIES_BYTES)
            memcpy(round->bytes, sqlite3_column_blob(statement, 1), FOOTFALL_STORE_SERIES_BYTES);
        else
            rc = SQLITE_CORRUPT;
    }
    sqlite3_reset(statement);
    if (rc == SQLITE_DONE) {
        next_phase(round);
        return SQLITE_OK;
    }
    if (rc != SQLITE_ROW)
        return rc;
    took(left, 1, 0, 1);
    if (expire > left->now_ms || expire == FOOTFALL_STORE_FOREVER) {
        saw(round, expire);
        return SQLITE_OK;
    }
    took(left, 1, 1, 0);
    return drop_series(store, round);
}

/* ---- visitors */

/* An epoch without visitors needs no row. */
static int tidy_epoch(struct footfall_sqlite *store, int64_t epoch)
{
    sqlite3_stmt *statement;
    int64_t ignored;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITOR_IN_EPOCH);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, epoch);
    rc = one_value(statement, &ignored);
    if (rc != SQLITE_DONE)
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_EPOCH_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, epoch);
    return footfall__sqlite_run(statement);
}

/* The first epoch at or after the cursor: SQLITE_ROW, or SQLITE_DONE. */
static int next_epoch(struct footfall_sqlite *store, int64_t *epoch, int64_t *least)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_EPOCH_NEXT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, *epoch);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *epoch = sqlite3_column_int64(statement, 0);
        *least = sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return rc;
}

/* The visitor `rows` places after the cursor becomes the end of the piece. SQLITE_DONE: the epoch ends before that. */
static int piece_end(struct footfall_sqlite *store, size_t rows, struct footfall_sqlite_purge *end)
{
    const struct footfall_sqlite_purge *round = &store->purge;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITORS_AHEAD);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->e);
    sqlite3_bind_int64(statement, 2, round->k);
    sqlite3_bind_blob(statement, 3, round->bytes, round->bytes_used, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, (int64_t)rows - 1);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        end->k = sqlite3_column_int64(statement, 0);
        end->bytes_used = sqlite3_column_bytes(statement, 1);
        if (end->bytes_used == FOOTFALL_STORE_ID_BYTES)
            memcpy(end->bytes, sqlite3_column_blob(statement, 1), FOOTFALL_STORE_ID_BYTES);
        else
            rc = SQLITE_CORRUPT;
    } else {
        end->k = INT64_MAX; /* no generation gets there */
        end->bytes_used = 0;
    }
    sqlite3_reset(statement);
    return rc;
}

static int bind_piece(struct footfall_sqlite *store, sqlite3_stmt **statement, enum footfall_sqlite_sql which,
                      const struct footfall_sqlite_purge *end)
{
    const struct footfall_sqlite_purge *round = &store->purge;
    int rc = footfall__sqlite_statement(store, statement, which);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(*statement, 1, round->e);
    sqlite3_bind_int64(*statement, 2, round->k);
    sqlite3_bind_blob(*statement, 3, round->bytes, round->bytes_used, SQLITE_STATIC);
    sqlite3_bind_int64(*statement, 4, end->k);
    sqlite3_bind_blob(*statement, 5, end->bytes, end->bytes_used, SQLITE_STATIC);
    return SQLITE_OK;
}

static void leave_epoch(struct footfall_sqlite_purge *round)
{
    if (round->e == INT64_MAX) {
        next_phase(round);
        return;
    }
    round->e++;
    round->k = 0;
    round->inside = round->bytes_used = 0;
}

/* One epoch that can't have expired records, or one piece of another. */
static int purge_visitors(struct footfall_sqlite *store, struct allowance *left)
{
    struct footfall_sqlite_purge *round = &store->purge;
    struct footfall_sqlite_purge end = { .e = 0 };
    size_t rows = least_of(left->drops, left->looks);
    int64_t least = FOOTFALL_STORE_FOREVER;
    sqlite3_stmt *statement;
    int at_end;
    int rc = SQLITE_OK;
    if (!round->inside) {
        rc = next_epoch(store, &round->e, &least);
        if (rc == SQLITE_DONE)
            next_phase(round);
        if (rc != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_OK : rc;
        took(left, 0, 0, 1);
        if (least > left->now_ms || least == FOOTFALL_STORE_FOREVER) {
            saw(round, least);
            leave_epoch(round);
            return SQLITE_OK;
        }
        round->inside = 1;
        return SQLITE_OK;
    }
    rc = piece_end(store, rows, &end);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    at_end = rc == SQLITE_DONE;
    rc = bind_piece(store, &statement, FOOTFALL_SQL_VISITORS_PURGE, &end);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 6, left->now_ms);
    rc = footfall__sqlite_run(statement);
    if (rc != SQLITE_OK)
        return rc;
    took(left, 0, (size_t)sqlite3_changes(store->db), rows);
    rc = bind_piece(store, &statement, FOOTFALL_SQL_VISITORS_LEAST, &end);
    if (rc == SQLITE_OK)
        rc = one_value(statement, &least);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    saw(round, least);
    rc = SQLITE_OK;
    if (at_end) {
        rc = tidy_epoch(store, round->e);
        leave_epoch(round);
    } else {
        round->k = end.k;
        round->bytes_used = end.bytes_used;
        memcpy(round->bytes, end.bytes, sizeof end.bytes);
    }
    return rc;
}

/* ---- dead generations: round->c and k name one, e is the next epoch to look into */

static int next_dead(struct footfall_sqlite *store)
{
    struct footfall_sqlite_purge *round = &store->purge;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_DEAD_NEXT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    sqlite3_bind_int64(statement, 2, round->k);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        round->c = sqlite3_column_int64(statement, 0);
        round->k = sqlite3_column_int64(statement, 1);
        round->e = INT64_MIN;
        round->inside = 1;
    }
    sqlite3_reset(statement);
    return rc;
}

static int drop_generation(struct footfall_sqlite *store)
{
    struct footfall_sqlite_purge *round = &store->purge;
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_DEAD_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    sqlite3_bind_int64(statement, 2, round->k);
    round->inside = 0;
    return footfall__sqlite_run(statement);
}

/* Up to `rows` visitors of the generation in one epoch; *at_end when no more are there. */
static int drop_of_generation(struct footfall_sqlite *store, size_t rows, size_t *dropped, int *at_end)
{
    const struct footfall_sqlite_purge *round = &store->purge;
    uint8_t last[FOOTFALL_STORE_ID_BYTES];
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITORS_OF);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->e);
    sqlite3_bind_int64(statement, 2, round->k);
    sqlite3_bind_int64(statement, 3, (int64_t)rows - 1);
    rc = sqlite3_step(statement);
    *at_end = rc == SQLITE_DONE;
    memset(last, 0xff, sizeof last);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == FOOTFALL_STORE_ID_BYTES)
        memcpy(last, sqlite3_column_blob(statement, 0), sizeof last);
    else if (rc == SQLITE_ROW)
        rc = SQLITE_CORRUPT;
    sqlite3_reset(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return rc;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_VISITORS_OF_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->e);
    sqlite3_bind_int64(statement, 2, round->k);
    sqlite3_bind_blob(statement, 3, last, sizeof last, SQLITE_STATIC);
    rc = footfall__sqlite_run(statement);
    sqlite3_clear_bindings(statement);
    *dropped = rc == SQLITE_OK ? (size_t)sqlite3_changes(store->db) : 0;
    return rc;
}

static int purge_dead(struct footfall_sqlite *store, struct allowance *left)
{
    struct footfall_sqlite_purge *round = &store->purge;
    int64_t ignored;
    size_t dropped = 0;
    int at_end;
    int rc;
    if (!round->inside) {
        rc = next_dead(store);
        if (rc == SQLITE_DONE)
            next_phase(round);
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    rc = next_epoch(store, &round->e, &ignored);
    if (rc == SQLITE_DONE)
        return drop_generation(store);
    if (rc != SQLITE_ROW)
        return rc;
    rc = drop_of_generation(store, least_of(left->drops, left->looks), &dropped, &at_end);
    if (rc != SQLITE_OK)
        return rc;
    took(left, 0, dropped, dropped + 1);
    if (!at_end)
        return SQLITE_OK;
    if (dropped > 0)
        rc = tidy_epoch(store, round->e);
    if (rc == SQLITE_OK && round->e == INT64_MAX)
        return drop_generation(store);
    round->e++;
    return rc;
}

/* ---- deleted counters: round->c is the last row seen */

static int purge_counters(struct footfall_sqlite *store, struct allowance *left)
{
    struct footfall_sqlite_purge *round = &store->purge;
    sqlite3_stmt *statement;
    int referred = 0;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTERS_ABSENT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        round->c = sqlite3_column_int64(statement, 0);
        referred = sqlite3_column_int(statement, 1);
    }
    sqlite3_reset(statement);
    if (rc == SQLITE_DONE) {
        left->ended = 1;
        return SQLITE_OK;
    }
    if (rc != SQLITE_ROW)
        return rc;
    took(left, 2, 0, 1);
    if (referred)
        return SQLITE_OK;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER_DELETE);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, round->c);
    took(left, 2, 1, 0);
    return footfall__sqlite_run(statement);
}

/* ---- a call */

static int purge_some(struct footfall_sqlite *store, struct allowance *left)
{
    static int (*const phases[FOOTFALL_PURGE_PHASES])(struct footfall_sqlite *, struct allowance *) = {
        [FOOTFALL_PURGE_TOKENS] = purge_tokens,     [FOOTFALL_PURGE_SERIES] = purge_series,
        [FOOTFALL_PURGE_VISITORS] = purge_visitors, [FOOTFALL_PURGE_DEAD] = purge_dead,
        [FOOTFALL_PURGE_COUNTERS] = purge_counters,
    };
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && !left->ended && left->drops > 0 && left->looks > 0)
        rc = phases[store->purge.phase](store, left);
    return rc;
}

/* At the end of a round: what expired while it was under way is for the next round, but when now_ms ran ahead of the clock
 * (a caller with a clock of its own) the round has not seen all that is due. */
static int round_is_complete(const struct footfall_sqlite_purge *round, int64_t now_ms)
{
    int64_t took_ms = footfall__boottime_ms() - round->began_ms;
    return round->least > now_ms || round->least == FOOTFALL_STORE_FOREVER ||
           (now_ms > round->began_now_ms && now_ms - round->began_now_ms <= took_ms);
}

static void begin_round(struct footfall_sqlite_purge *round, int64_t now_ms)
{
    memset(round, 0, sizeof *round);
    round->begun = 1;
    round->began_now_ms = now_ms;
    round->began_ms = footfall__boottime_ms();
    round->least = FOOTFALL_STORE_FOREVER;
}

int footfall__sqlite_purge(struct footfall_store *base, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                           struct footfall_store_call *call)
{
    static const char doing[] = "purge";
    struct footfall_sqlite *store = footfall__sqlite(base);
    size_t here[3] = { 0, 0, 0 };
    struct allowance left = { now_ms, budget, SIZE_MAX, here, 0 };
    int status = footfall__sqlite_ready(store, call);
    int rc;
    *more = 1;
    if (status != 0)
        return status;
    if (budget < (SIZE_MAX - 1000) / 16)
        left.looks = 16 * budget + 1000;
    if (!store->purge.begun)
        begin_round(&store->purge, now_ms);
    rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc == SQLITE_OK)
        rc = purge_some(store, &left);
    if (rc == SQLITE_OK) {
        rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_COMMIT);
        if (rc != SQLITE_OK)
            status = footfall__sqlite_commit_fault(store, call, rc, doing);
    } else {
        status = footfall__sqlite_fault(store, call, rc, doing);
    }
    footfall__sqlite_rollback(store);
    footfall__sqlite_facts_drop(store);
    if (status != 0) {
        store->purge.begun = 0;
        return status;
    }
    for (int kind = 0; kind < 3; kind++)
        dropped[kind] += here[kind];
    if (left.ended) {
        *more = !round_is_complete(&store->purge, now_ms);
        store->purge.begun = 0;
    }
    return 0;
}
