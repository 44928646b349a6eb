/* statement.c: the SQL that runs while counting, prepared at its first use and kept, and the few ways to run it. Tables are
 * made in schema.c. */
#include "store.h"

static const char *const texts[FOOTFALL_SQL_COUNT] = {
    [FOOTFALL_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [FOOTFALL_SQL_BEGIN_READ] = "BEGIN",
    [FOOTFALL_SQL_COMMIT] = "COMMIT",
    [FOOTFALL_SQL_ROLLBACK] = "ROLLBACK",

    [FOOTFALL_SQL_COUNTER] = "SELECT id, k, present, total, uniq FROM counters WHERE name = ?1",
    [FOOTFALL_SQL_COUNTER_INSERT] = "INSERT INTO counters(name, k, present, total, uniq) VALUES(?1, ?2, ?3, ?4, ?5)",
    [FOOTFALL_SQL_COUNTER_NUMBERS] = "UPDATE counters SET total = ?2, uniq = ?3 WHERE id = ?1",
    [FOOTFALL_SQL_COUNTER_UPDATE] = "UPDATE counters SET k = ?2, present = ?3, total = ?4, uniq = ?5 WHERE id = ?1",
    [FOOTFALL_SQL_COUNTER_DELETE] = "DELETE FROM counters WHERE id = ?1",
    [FOOTFALL_SQL_COUNTERS_ABSENT] =
        "SELECT id, EXISTS(SELECT 1 FROM tokens WHERE c = id) OR EXISTS(SELECT 1 FROM series WHERE c = id)"
        " OR EXISTS(SELECT 1 FROM dead WHERE c = id) FROM counters WHERE present = 0 AND id > ?1 ORDER BY id LIMIT 1",
    [FOOTFALL_SQL_SCAN] =
        "SELECT name, total, uniq FROM counters WHERE name >= ?1 AND present = 1 ORDER BY name LIMIT ?2",

    [FOOTFALL_SQL_META] = "SELECT value FROM meta WHERE name = ?1",
    [FOOTFALL_SQL_META_PUT] =
        "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",

    [FOOTFALL_SQL_EPOCH] = "SELECT least FROM epochs WHERE e = ?1",
    [FOOTFALL_SQL_EPOCH_PUT] =
        "INSERT INTO epochs(e, least) VALUES(?1, ?2) ON CONFLICT(e) DO UPDATE SET least = excluded.least",
    [FOOTFALL_SQL_EPOCH_DELETE] = "DELETE FROM epochs WHERE e = ?1",
    [FOOTFALL_SQL_EPOCH_NEXT] = "SELECT e, least FROM epochs WHERE e >= ?1 ORDER BY e LIMIT 1",

    [FOOTFALL_SQL_VISITOR] = "SELECT t, x FROM visitors WHERE e = ?1 AND k = ?2 AND v = ?3",
    [FOOTFALL_SQL_VISITOR_INSERT] = "INSERT INTO visitors(e, k, v, t, x) VALUES(?1, ?2, ?3, ?4, ?5)",
    [FOOTFALL_SQL_VISITOR_CLAIM] =
        "INSERT INTO visitors(e, k, v, t, x) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(e, k, v) DO UPDATE"
        " SET t = excluded.t, x = max(x, excluded.x)"
        " WHERE excluded.t - t >= ?6 AND ?6 <> 9223372036854775807",
    [FOOTFALL_SQL_VISITOR_UPDATE] = "UPDATE visitors SET t = ?4, x = max(x, ?5) WHERE e = ?1 AND k = ?2 AND v = ?3",
    [FOOTFALL_SQL_VISITOR_RENEW] = "UPDATE visitors SET t = ?4, x = ?5 WHERE e = ?1 AND k = ?2 AND v = ?3",
    [FOOTFALL_SQL_VISITOR_DELETE] = "DELETE FROM visitors WHERE e = ?1 AND k = ?2 AND v = ?3",
    [FOOTFALL_SQL_VISITOR_IN_EPOCH] = "SELECT 1 FROM visitors WHERE e = ?1 LIMIT 1",
    [FOOTFALL_SQL_VISITOR_ANY] = "SELECT 1 FROM visitors LIMIT 1",
    [FOOTFALL_SQL_VISITORS_AHEAD] =
        "SELECT k, v FROM visitors WHERE e = ?1 AND (k, v) > (?2, ?3) ORDER BY k, v LIMIT 1 OFFSET ?4",
    [FOOTFALL_SQL_VISITORS_PURGE] = "DELETE FROM visitors WHERE e = ?1 AND (k, v) > (?2, ?3) AND (k, v) <= (?4, ?5)"
                                    " AND x <= ?6 AND x < 9223372036854775807",
    [FOOTFALL_SQL_VISITORS_LEAST] =
        "SELECT min(x) FROM visitors WHERE e = ?1 AND (k, v) > (?2, ?3) AND (k, v) <= (?4, ?5)",
    [FOOTFALL_SQL_VISITORS_OF] = "SELECT v FROM visitors WHERE e = ?1 AND k = ?2 ORDER BY v LIMIT 1 OFFSET ?3",
    [FOOTFALL_SQL_VISITORS_OF_DELETE] = "DELETE FROM visitors WHERE e = ?1 AND k = ?2 AND v <= ?3",

    [FOOTFALL_SQL_DEAD_INSERT] = "INSERT INTO dead(c, k) VALUES(?1, ?2)",
    [FOOTFALL_SQL_DEAD_NEXT] = "SELECT c, k FROM dead WHERE (c, k) >= (?1, ?2) ORDER BY c, k LIMIT 1",
    [FOOTFALL_SQL_DEAD_DELETE] = "DELETE FROM dead WHERE c = ?1 AND k = ?2",

    [FOOTFALL_SQL_TOKEN] = "SELECT is_new, fingerprints FROM tokens WHERE c = ?1 AND token = ?2",
    [FOOTFALL_SQL_TOKEN_INSERT] =
        "INSERT INTO tokens(c, token, expire, is_new, fingerprints) VALUES(?1, ?2, ?3, ?4, ?5)",
    [FOOTFALL_SQL_TOKENS_PURGE] =
        "DELETE FROM tokens WHERE (c, token) IN (SELECT c, token FROM tokens WHERE expire <= ?1"
        " AND expire < 9223372036854775807 ORDER BY expire LIMIT ?2)",
    [FOOTFALL_SQL_TOKENS_LEFT] = "SELECT min(expire) FROM tokens",

    [FOOTFALL_SQL_SERIES_LAST] = "SELECT number, max(expire) FROM series WHERE c = ?1 AND series = ?2",
    [FOOTFALL_SQL_SERIES_PARTS] =
        "SELECT start, ops FROM series WHERE c = ?1 AND series = ?2 AND start BETWEEN ?3 AND ?4 ORDER BY start",
    [FOOTFALL_SQL_SERIES_INSERT] =
        "INSERT INTO series(c, series, start, number, expire, ops) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [FOOTFALL_SQL_SERIES_CLEAR] = "DELETE FROM series WHERE c = ?1 AND series = ?2",
    [FOOTFALL_SQL_SERIES_NEXT] =
        "SELECT c, series, start, (SELECT max(expire) FROM series AS other WHERE other.c = series.c"
        " AND other.series = series.series) FROM series WHERE (c, series, start) > (?1, ?2, ?3)"
        " ORDER BY c, series, start LIMIT 1",
    [FOOTFALL_SQL_SERIES_DELETE] = "DELETE FROM series WHERE c = ?1 AND series = ?2 AND start = ?3",

    [FOOTFALL_SQL_KEY] = "SELECT key, expire FROM epoch_keys WHERE length = ?1 AND number = ?2",
    [FOOTFALL_SQL_KEY_INSERT] = "INSERT INTO epoch_keys(length, number, key, expire) VALUES(?1, ?2, ?3, ?4)",
    [FOOTFALL_SQL_KEYS] =
        "SELECT length, number, key, expire FROM epoch_keys WHERE expire > ?1 OR expire = 9223372036854775807",
    [FOOTFALL_SQL_KEYS_CLEAR] = "DELETE FROM epoch_keys",
    [FOOTFALL_SQL_KEYS_DUE] =
        "SELECT (SELECT min(expire) FROM epoch_keys), (SELECT value FROM meta WHERE name = 'dropped'),"
        " (SELECT value FROM meta WHERE name = 'erased')",

    [FOOTFALL_SQL_KEYS_OTHER] = "SELECT EXISTS(SELECT 1 FROM epoch_keys WHERE length <> ?1)",

    [FOOTFALL_SQL_PING] = "SELECT 1 FROM sqlite_schema LIMIT 1",
};

int footfall__sqlite_statement(struct footfall_sqlite *store, sqlite3_stmt **out, enum footfall_sqlite_sql which)
{
    int rc = SQLITE_OK;
    if (store->statements[which] == NULL)
        rc =
            sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL);
    *out = store->statements[which];
    return rc;
}

void footfall__sqlite_finalize(struct footfall_sqlite *store)
{
    for (int i = 0; i < FOOTFALL_SQL_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
}

int footfall__sqlite_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    int again = sqlite3_reset(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? again : rc;
}

int footfall__sqlite_run_plain(struct footfall_sqlite *store, enum footfall_sqlite_sql which)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, which);
    return rc == SQLITE_OK ? footfall__sqlite_run(statement) : rc;
}

int footfall__sqlite_begin(struct footfall_sqlite *store, enum footfall_sqlite_sql which)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_ROLLBACK);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_COMMIT);
    return rc == SQLITE_OK ? footfall__sqlite_run_plain(store, which) : rc;
}

void footfall__sqlite_rollback(struct footfall_sqlite *store)
{
    if (store->db == NULL || sqlite3_get_autocommit(store->db))
        return;
    footfall__sqlite_run_plain(store, FOOTFALL_SQL_ROLLBACK);
    if (!sqlite3_get_autocommit(store->db))
        store->must_reopen = 1;
}

int footfall__sqlite_pragma(struct footfall_sqlite *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && value != NULL)
        *value = sqlite3_column_int64(statement, 0);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        rc = sqlite3_reset(statement);
    sqlite3_finalize(statement);
    return rc;
}

int footfall__sqlite_meta(struct footfall_sqlite *store, const char *name, int64_t *value)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_META);
    *value = 0;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int footfall__sqlite_meta_put(struct footfall_sqlite *store, const char *name, int64_t value)
{
    sqlite3_stmt *statement;
    int rc = footfall__sqlite_statement(store, &statement, FOOTFALL_SQL_META_PUT);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, value);
    return footfall__sqlite_run(statement);
}
