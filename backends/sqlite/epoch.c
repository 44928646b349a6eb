/* epoch.c: the keys of epochs, and how they go for good. A dropped key must be gone from the main file, from free pages and
 * from the log; until the log is known to be truncated, `dropped` and `erased` in the table meta differ, so that any process
 * can finish the work after a crash. */
#include "store.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"

enum {
    PATIENCE_MS = 50,     /* for readers in the way of a truncating checkpoint */
    LOOK_AGAIN_MS = 1000, /* when they did not go */
    FAULT_MS = 60000      /* after a fault */
};

/* ---- put if absent */

/* SQLITE_ROW when there is one. */
static int look_up(struct footfall_sqlite *store, int64_t epoch_ms, int64_t epoch, uint8_t *winner, int64_t *kept_until)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_KEY);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, epoch_ms);
    sqlite3_bind_int64(statement, 2, epoch);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        if (sqlite3_column_bytes(statement, 0) == FOOTFALL_STORE_KEY_BYTES)
            memcpy(winner, sqlite3_column_blob(statement, 0), FOOTFALL_STORE_KEY_BYTES);
        else
            rc = SQLITE_CORRUPT;
        *kept_until = sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    return rc;
}

static int insert_key(struct footfall_sqlite *store, int64_t epoch_ms, int64_t epoch, const uint8_t *key,
                      int64_t expire_ms)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_KEY_INSERT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, epoch_ms);
    sqlite3_bind_int64(statement, 2, epoch);
    sqlite3_bind_blob(statement, 3, key, FOOTFALL_STORE_KEY_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, expire_ms);
    rc = footfall__sqlite_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int commit(struct footfall_sqlite *store, struct footfall_store_call *call, const char *doing)
{
    int rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_COMMIT);
    int status = 0;
    if (rc != SQLITE_OK)
        status = footfall__sqlite_commit_fault(store, call, rc, doing);
    return status == FOOTFALL_STORE_UNKNOWN ? FOOTFALL_STORE_TEMPORARY : status; /* doing it twice is harmless */
}

int footfall__sqlite_epoch_key(struct footfall_store *base, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                               int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                               struct footfall_store_call *call)
{
    static const char doing[] = "keep an epoch's key in";
    struct footfall_sqlite *store = footfall__sqlite(base);
    int status = footfall__sqlite_ready(store, call);
    int rc;
    if (status != 0)
        return status;
    rc = look_up(store, epoch_ms, epoch, winner, kept_until);
    if (rc == SQLITE_ROW)
        return 0;
    if (rc == SQLITE_DONE && candidate == NULL)
        return 1;
    if (rc == SQLITE_DONE)
        rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc == SQLITE_OK)
        rc = look_up(store, epoch_ms, epoch, winner, kept_until);
    if (rc == SQLITE_DONE) {
        rc = insert_key(store, epoch_ms, epoch, candidate, expire_ms);
        if (rc == SQLITE_OK)
            rc = look_up(store, epoch_ms, epoch, winner, kept_until);
    }
    if (rc == SQLITE_ROW)
        status = commit(store, call, doing);
    else
        status = footfall__sqlite_fault(store, call, rc, doing);
    footfall__sqlite_rollback(store);
    return status;
}

/* ---- drop */

struct key {
    int64_t epoch_ms, epoch, expire;
    uint8_t bytes[FOOTFALL_STORE_KEY_BYTES];
};
struct survivors {
    struct key *keys;
    size_t count, capacity;
};

static int grow(struct survivors *kept)
{
    size_t capacity = kept->capacity == 0 ? 8 : kept->capacity * 2;
    struct key *keys = footfall__array(NULL, capacity, sizeof *keys);
    if (keys == NULL)
        return SQLITE_NOMEM;
    if (kept->count > 0) {
        memcpy(keys, kept->keys, kept->count * sizeof *keys);
        explicit_bzero(kept->keys, kept->count * sizeof *keys);
    }
    footfall__free(kept->keys);
    kept->keys = keys;
    kept->capacity = capacity;
    return SQLITE_OK;
}

static int read_survivors(struct footfall_sqlite *store, int64_t wall_ms, struct survivors *kept)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_KEYS);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(statement, 1, wall_ms);
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct key *key;
        if (sqlite3_column_bytes(statement, 2) != FOOTFALL_STORE_KEY_BYTES) {
            rc = SQLITE_CORRUPT;
            break;
        }
        if (kept->count == kept->capacity && (rc = grow(kept)) != SQLITE_OK)
            break;
        key = &kept->keys[kept->count++];
        key->epoch_ms = sqlite3_column_int64(statement, 0);
        key->epoch = sqlite3_column_int64(statement, 1);
        memcpy(key->bytes, sqlite3_column_blob(statement, 2), sizeof key->bytes);
        key->expire = sqlite3_column_int64(statement, 3);
    }
    sqlite3_reset(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Emptying the whole table overwrites every page it has, and a deletion row by row would leave what page splits copied:
 * so the table is emptied and the keys still in force are put back. */
static int rewrite_keys(struct footfall_sqlite *store, int64_t wall_ms)
{
    struct survivors kept = { NULL, 0, 0 };
    int64_t dropped = 0;
    int rc = read_survivors(store, wall_ms, &kept);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_KEYS_CLEAR);
    for (size_t i = 0; i < kept.count && rc == SQLITE_OK; i++)
        rc = insert_key(store, kept.keys[i].epoch_ms, kept.keys[i].epoch, kept.keys[i].bytes, kept.keys[i].expire);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_meta(store, "dropped", &dropped);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_meta_put(store, "dropped", dropped + 1);
    if (kept.keys != NULL)
        explicit_bzero(kept.keys, kept.capacity * sizeof *kept.keys);
    footfall__free(kept.keys);
    return rc;
}

struct due {
    int64_t least; /* earliest expiry; FOREVER when there is no key */
    int64_t dropped, erased;
};

static int read_due(struct footfall_sqlite *store, struct due *due)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_KEYS_DUE);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        due->least = sqlite3_column_type(statement, 0) == SQLITE_NULL ? FOOTFALL_STORE_FOREVER
                                                                      : sqlite3_column_int64(statement, 0);
        due->dropped = sqlite3_column_int64(statement, 1);
        due->erased = sqlite3_column_int64(statement, 2);
    }
    sqlite3_reset(statement);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/* Store status. Read again under the lock: another process may have done it by now. */
static int drop_keys(struct footfall_sqlite *store, int64_t wall_ms, struct due *due, struct footfall_store_call *call)
{
    static const char doing[] = "drop the keys of past epochs from";
    int status = 0;
    int rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc == SQLITE_OK)
        rc = read_due(store, due);
    if (rc == SQLITE_OK && due->least <= wall_ms && due->least != FOOTFALL_STORE_FOREVER) {
        rc = rewrite_keys(store, wall_ms);
        if (rc == SQLITE_OK)
            rc = read_due(store, due);
    }
    if (rc == SQLITE_OK)
        status = commit(store, call, doing);
    else
        status = footfall__sqlite_fault(store, call, rc, doing);
    footfall__sqlite_rollback(store);
    return status;
}

/* Sets `erased` to what it was certain to be; another process may have come further. */
static int note_erased(struct footfall_sqlite *store, int64_t erased, struct footfall_store_call *call)
{
    static const char doing[] = "note in";
    int64_t noted = 0;
    int status = 0;
    int rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_meta(store, "erased", &noted);
    if (rc == SQLITE_OK && noted < erased)
        rc = footfall__sqlite_meta_put(store, "erased", erased);
    if (rc == SQLITE_OK)
        status = commit(store, call, doing);
    else
        status = footfall__sqlite_fault(store, call, rc, doing);
    footfall__sqlite_rollback(store);
    return status;
}

/* Store status; *done 0 when somebody is in the way. */
static int erase(struct footfall_sqlite *store, int64_t upto, int *done, struct footfall_store_call *call)
{
    int64_t patience = footfall__boottime_ms() + PATIENCE_MS;
    int rc;
    *done = 0;
    store->deadline_ms = patience < call->deadline_ms ? patience : call->deadline_ms;
    rc = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    store->deadline_ms = call->deadline_ms;
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        return 0;
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "erase the keys of past epochs from");
    *done = 1;
    return note_erased(store, upto, call);
}

int footfall__sqlite_epoch_drop(struct footfall_store *base, int64_t wall_ms, int64_t *next_ms,
                                struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    struct due due = { FOOTFALL_STORE_FOREVER, 0, 0 };
    int done = 1;
    int status = footfall__sqlite_ready(store, call);
    int rc;
    *next_ms = footfall__sqlite_add_saturated(wall_ms, FAULT_MS);
    if (status != 0)
        return status;
    rc = read_due(store, &due);
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "read the keys of");
    if (due.least <= wall_ms && due.least != FOOTFALL_STORE_FOREVER)
        status = drop_keys(store, wall_ms, &due, call);
    if (status == 0 && due.erased < due.dropped)
        status = erase(store, due.dropped, &done, call);
    if (status == 0)
        *next_ms = done ? due.least : footfall__sqlite_add_saturated(wall_ms, LOOK_AGAIN_MS);
    return status;
}

int footfall__sqlite_epoch_other(struct footfall_store *base, int64_t epoch_ms, int *found,
                                 struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    sqlite3_stmt *statement;
    int status = footfall__sqlite_ready(store, call);
    int rc;
    if (status != 0)
        return status;
    rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_KEYS_OTHER);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, epoch_ms);
        rc = sqlite3_step(statement);
        *found = rc == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
        sqlite3_reset(statement);
    }
    return rc == SQLITE_ROW ? 0 : footfall__sqlite_fault(store, call, rc, "look for other epochs in");
}
