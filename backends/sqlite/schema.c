/* schema.c: the tables, and whether a file is ours. A file that is anything else is looked at and left alone. */
#include "store.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* counters    one row a name. A row without `present` stands for a deleted counter that tokens, series or old visitors
 *             still refer to. k is the key of its visitors; a new one after DELETE makes all of them forgotten.
 * visitors    epoch first: what expires together lies together, and what is written now is one range.
 * epochs      every e of visitors, with a lower bound of its expiries: purge passes by what can't have expired.
 * dead        generations whose visitors purge still has to remove.
 * series      parts of the record of one (series, counter): `ops` is a byte an op, from op `start` on.
 * meta        next_k; dropped, erased: how often epoch keys were dropped, and which of these drops is known to be erased
 *             from the files. */
static const char tables[] =
    "CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE counters(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, k INTEGER NOT NULL,"
    " present INTEGER NOT NULL, total INTEGER NOT NULL, uniq INTEGER NOT NULL) STRICT;"
    "CREATE INDEX counters_absent ON counters(id) WHERE present = 0;"
    "CREATE TABLE epochs(e INTEGER PRIMARY KEY, least INTEGER NOT NULL) STRICT;"
    "CREATE TABLE visitors(e INTEGER NOT NULL, k INTEGER NOT NULL, v BLOB NOT NULL, t INTEGER NOT NULL,"
    " x INTEGER NOT NULL, PRIMARY KEY(e, k, v)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE dead(c INTEGER NOT NULL, k INTEGER NOT NULL, PRIMARY KEY(c, k)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tokens(c INTEGER NOT NULL, token BLOB NOT NULL, expire INTEGER NOT NULL, is_new INTEGER NOT NULL,"
    " fingerprints BLOB NOT NULL, PRIMARY KEY(c, token)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX tokens_expire ON tokens(expire);"
    "CREATE TABLE series(c INTEGER NOT NULL, series BLOB NOT NULL, start INTEGER NOT NULL, number INTEGER NOT NULL,"
    " expire INTEGER NOT NULL, ops BLOB NOT NULL, PRIMARY KEY(c, series, start)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE epoch_keys(length INTEGER NOT NULL, number INTEGER NOT NULL, key BLOB NOT NULL,"
    " expire INTEGER NOT NULL, PRIMARY KEY(length, number)) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('next_k', 1), ('dropped', 0), ('erased', 0);";

static const char count_tables[] =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
    "('meta', 'counters', 'epochs', 'visitors', 'dead', 'tokens', 'series', 'epoch_keys')";
enum { OUR_TABLES = 8 };

struct seen {
    int64_t application, version, objects, tables;
};

/* rc; all four facts from one snapshot. */
static int look(struct footfall_sqlite *store, struct seen *seen)
{
    int rc = footfall__sqlite_pragma(store, "PRAGMA application_id", &seen->application);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA user_version", &seen->version);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "SELECT count(*) FROM sqlite_schema", &seen->objects);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, count_tables, &seen->tables);
    return rc;
}

static int judge(struct footfall_sqlite *store, const struct seen *seen, int *is_empty,
                 struct footfall_store_call *call)
{
    *is_empty = seen->application == 0 && seen->version == 0 && seen->objects == 0;
    if (*is_empty)
        return 0;
    if (seen->application != FOOTFALL_SQLITE_APPLICATION) {
        footfall__sqlite_text(call, 0, "%s is a database of another program; it was left as it is", store->path);
        return FOOTFALL_STORE_BROKEN;
    }
    if (seen->version != FOOTFALL_SQLITE_SCHEMA) {
        footfall__sqlite_text(call, 0, "%s has schema version %lld, and this footfall knows version %d only%s",
                              store->path, (long long)seen->version, FOOTFALL_SQLITE_SCHEMA,
                              seen->version > FOOTFALL_SQLITE_SCHEMA ? ": a newer footfall made it" : "");
        return FOOTFALL_STORE_BROKEN;
    }
    if (seen->tables != OUR_TABLES) {
        footfall__sqlite_text(call, 0, "%s is damaged: %lld of its %d tables are there", store->path,
                              (long long)seen->tables, OUR_TABLES);
        return FOOTFALL_STORE_BROKEN;
    }
    return 0;
}

int footfall__sqlite_schema_check(struct footfall_sqlite *store, int *is_empty, struct footfall_store_call *call)
{
    struct seen seen = { 0, 0, 0, 0 };
    int rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN_READ);
    *is_empty = 0;
    if (rc == SQLITE_OK)
        rc = look(store, &seen);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_COMMIT);
    if (rc != SQLITE_OK) {
        int status = footfall__sqlite_fault(store, call, rc, "read");
        footfall__sqlite_rollback(store);
        return status;
    }
    return judge(store, &seen, is_empty, call);
}

int footfall__sqlite_schema_create(struct footfall_sqlite *store, struct footfall_store_call *call)
{
    struct seen seen = { 0, 0, 0, 0 };
    int is_empty = 0;
    int status = 0;
    int rc = footfall__sqlite_begin(store, FOOTFALL_SQL_BEGIN);
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "begin a transaction on");
    rc = look(store, &seen);
    if (rc == SQLITE_OK && (status = judge(store, &seen, &is_empty, call)) != 0)
        goto cleanup;
    if (rc == SQLITE_OK && !is_empty)
        goto cleanup; /* another process was quicker */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(store->db, tables, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(store->db,
                          "PRAGMA application_id = " TEXT(FOOTFALL_SQLITE_APPLICATION) ";"
                                                                                       "PRAGMA user_version = " TEXT(
                                                                                           FOOTFALL_SQLITE_SCHEMA),
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        status = footfall__sqlite_fault(store, call, rc, "make the tables of");
        goto cleanup;
    }
    rc = footfall__sqlite_run_plain(store, FOOTFALL_SQL_COMMIT);
    if (rc != SQLITE_OK) {
        status = footfall__sqlite_commit_fault(store, call, rc, "make the tables of");
        if (status == FOOTFALL_STORE_UNKNOWN)
            status = FOOTFALL_STORE_BROKEN; /* opening again decides it */
    }
cleanup:
    footfall__sqlite_rollback(store);
    return status;
}
