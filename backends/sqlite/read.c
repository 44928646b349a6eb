/* read.c: the slots that only read: fetch, scan, ping, own_secret. Each ends its statement before it returns or calls back,
 * so that no reader stands in the way of a checkpoint. */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"

static int fetch_one(sqlite3_stmt *statement, const char *name, size_t name_bytes, int64_t *total, int64_t *unique,
                     uint8_t *exists)
{
    int rc;
    *total = *unique = 0;
    *exists = 0;
    sqlite3_bind_text(statement, 1, name, (int)name_bytes, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && sqlite3_column_int(statement, 2) != 0) {
        *exists = 1;
        *total = sqlite3_column_int64(statement, 3);
        *unique = sqlite3_column_int64(statement, 4);
    }
    sqlite3_reset(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int footfall__sqlite_fetch(struct footfall_store *base, const char *const *names, const size_t *name_bytes,
                           size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                           struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    sqlite3_stmt *statement;
    int status = footfall__sqlite_ready(store, call);
    int rc = SQLITE_OK;
    if (status != 0)
        return status;
    if (count > 1) /* one snapshot, and one lock instead of many */
        rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN_READ);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COUNTER);
    for (size_t i = 0; i < count && rc == SQLITE_OK; i++)
        rc = fetch_one(statement, names[i], name_bytes[i], &totals[i], &uniques[i], &exists[i]);
    if (rc != SQLITE_OK)
        status = footfall__sqlite_fault(store, call, rc, "read");
    footfall__sqlite_rollback(store);
    return status;
}

/* ---- scan */

enum { PAGE_ROWS = 1024, NAME_BYTES = 200 };

struct row {
    int64_t total, unique;
    uint32_t name_bytes;
    char name[NAME_BYTES];
};

struct position { /* where to go on: names >= from, without `from` itself when `past` */
    char from[NAME_BYTES];
    size_t bytes;
    int past;
};

/* Reads up to `wanted` rows; *end when the prefix has no more. */
static int read_page(sqlite3_stmt *statement, const struct position *position, const char *prefix, size_t prefix_bytes,
                     struct row *rows, size_t wanted, size_t *count, int *end)
{
    int rc = SQLITE_ROW;
    *count = 0;
    sqlite3_bind_text(statement, 1, position->from, (int)position->bytes, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)wanted + 1); /* `from` may be among them */
    while (*count < wanted && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        const void *name = sqlite3_column_text(statement, 0);
        size_t bytes = (size_t)sqlite3_column_bytes(statement, 0);
        if (name == NULL || bytes > NAME_BYTES) {
            rc = name == NULL ? SQLITE_NOMEM : SQLITE_CORRUPT;
            break;
        }
        if (position->past && bytes == position->bytes && memcmp(name, position->from, bytes) == 0)
            continue;
        if (bytes < prefix_bytes || memcmp(name, prefix, prefix_bytes) != 0) {
            rc = SQLITE_DONE;
            break;
        }
        memcpy(rows[*count].name, name, bytes);
        rows[*count].name_bytes = (uint32_t)bytes;
        rows[*count].total = sqlite3_column_int64(statement, 1);
        rows[(*count)++].unique = sqlite3_column_int64(statement, 2);
        rc = SQLITE_ROW;
    }
    *end = rc == SQLITE_DONE;
    sqlite3_reset(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The greater of prefix and after. Neither is longer than a name. */
static void begin_position(struct position *position, const char *prefix, size_t prefix_bytes, const char *after,
                           size_t after_bytes)
{
    size_t common = prefix_bytes < after_bytes ? prefix_bytes : after_bytes;
    int order = common > 0 ? memcmp(after, prefix, common) : 0;
    position->past = after_bytes > 0 && (order > 0 || (order == 0 && after_bytes >= prefix_bytes));
    position->bytes = position->past ? after_bytes : prefix_bytes;
    if (position->bytes > 0)
        memcpy(position->from, position->past ? after : prefix, position->bytes);
}

int footfall__sqlite_scan(struct footfall_store *base, const char *prefix, size_t prefix_bytes, const char *after,
                          size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                          struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    struct position position = { .bytes = 0 };
    struct row *rows = NULL;
    sqlite3_stmt *statement;
    size_t count = 0;
    int end = prefix_bytes > NAME_BYTES || after_bytes > NAME_BYTES;
    int status = footfall__sqlite_ready(store, call);
    int rc = SQLITE_OK;
    *more = 0;
    if (status != 0 || end)
        return status;
    begin_position(&position, prefix, prefix_bytes, after, after_bytes);
    rows = footfall__array(NULL, limit < PAGE_ROWS ? limit : PAGE_ROWS, sizeof *rows);
    if (rows == NULL)
        rc = SQLITE_NOMEM;
    while (rc == SQLITE_OK && !end && limit > 0) {
        size_t wanted = limit < PAGE_ROWS ? limit : PAGE_ROWS;
        rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_SCAN);
        if (rc == SQLITE_OK)
            rc = read_page(statement, &position, prefix, prefix_bytes, rows, wanted, &count, &end);
        for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
            if (each(user, rows[i].name, rows[i].name_bytes, rows[i].total, rows[i].unique) != 0) {
                *more = !end || i + 1 < count;
                goto cleanup;
            }
        }
        if (count > 0) {
            position.bytes = rows[count - 1].name_bytes;
            memcpy(position.from, rows[count - 1].name, position.bytes);
            position.past = 1;
        }
        limit -= count;
    }
    *more = rc == SQLITE_OK && !end;
    if (rc != SQLITE_OK)
        status = footfall__sqlite_fault(store, call, rc, "list the counters of");
cleanup:
    footfall__free(rows);
    return status;
}

/* ---- small ones */

static int has_row(struct footfall_sqlite *store, enum footfall_sqlite_sql which, int *yes)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, which);
    *yes = 0;
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(statement);
    *yes = rc == SQLITE_ROW;
    sqlite3_reset(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int footfall__sqlite_ping(struct footfall_store *base, struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    int yes;
    int status = footfall__sqlite_ready(store, call);
    int rc = status == 0 ? has_row(store, FOOTFALL_SQL_PING, &yes) : SQLITE_OK;
    return rc == SQLITE_OK ? status : footfall__sqlite_fault(store, call, rc, "read");
}

int footfall__sqlite_own_secret(struct footfall_store *base, char *path, size_t path_bytes, int *has_visitors,
                                struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    int wanted = snprintf(path, path_bytes, "%s.secret", store->path);
    int status = footfall__sqlite_ready(store, call);
    int rc;
    *has_visitors = 0;
    if (status != 0)
        return status;
    if (wanted < 0 || (size_t)wanted >= path_bytes) {
        footfall__sqlite_text(call, 0, "sqlite.path is too long for a secret beside it");
        return FOOTFALL_STORE_CONFIG;
    }
    rc = has_row(store, FOOTFALL_SQL_VISITOR_ANY, has_visitors);
    return rc == SQLITE_OK ? 0 : footfall__sqlite_fault(store, call, rc, "read");
}
