/* test_sqlite.c: unit tests of the SQLite backend through its vtable: what the ops answer (test_sqlite_rules.c), reading
 * (test_sqlite_reading.c), what purge drops (test_sqlite_purge.c), which files it takes and leaves (test_sqlite_files.c), and what happens when something fails
 * (test_sqlite_faults.c). This file has what they share (test_sqlite.h). */
#include "test_sqlite.h"

#include <stdlib.h>

#include "clock.h"
#include "folder.h"
#include "vfs.h"

struct footfall_store_call *kit_call(struct kit *kit)
{
    memset(&kit->call, 0, sizeof kit->call);
    kit->text[0] = '\0';
    kit->call.deadline_ms = footfall__boottime_ms() + 2000;
    kit->call.wall_ms = T0;
    kit->call.text = kit->text;
    kit->call.text_bytes = sizeof kit->text;
    return &kit->call;
}

int kit_open_with(struct kit *kit, const char *path, const char *durability)
{
    const struct footfall_store_setting settings[] = { { "path", path }, { "durability", durability } };
    return SQ.open(&kit->store, settings, 2, 0, kit_call(kit));
}

void kit_open(struct kit *kit)
{
    int status = kit_open_with(kit, kit->path, "normal");
    if (status != 0)
        fail_msg("open: %d, %s", status, kit->text);
    assert_non_null(kit->store);
}

void kit_close(struct kit *kit)
{
    if (kit->store != NULL)
        SQ.close(kit->store, 0);
    kit->store = NULL;
}

int kit_setup_only(void **state)
{
    struct kit *kit = calloc(1, sizeof *kit);
    kit->dir = support_folder_make();
    kit->path = support_path(kit->dir, "footfall.db");
    *state = kit;
    return 0;
}

int kit_setup(void **state)
{
    kit_setup_only(state);
    kit_open(*state);
    return 0;
}

int kit_teardown(void **state)
{
    struct kit *kit = *state;
    kit_close(kit);
    support_folder_remove(kit->dir);
    free(kit->path);
    free(kit);
    return 0;
}

int64_t kit_sql(struct kit *kit, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int64_t value = 0;
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

int kit_files_hold(struct kit *kit, const void *bytes, size_t count)
{
    static const char *const ends[] = { "footfall.db", "footfall.db-wal", "footfall.db-shm" };
    int found = 0;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *path = support_path(kit->dir, ends[i]);
        size_t size = 0;
        unsigned char *content = support_file_read(path, &size);
        if (content != NULL && memmem(content, size, bytes, count) != NULL)
            found = 1;
        free(content);
        free(path);
    }
    return found;
}

/* ---- ops */

static struct footfall_store_op op_of(enum footfall_store_kind kind, const char *name)
{
    struct footfall_store_op op;
    memset(&op, 0, sizeof op);
    op.kind = kind;
    op.name = name;
    op.name_bytes = strlen(name);
    return op;
}

struct footfall_store_op op_add(const char *name, int64_t delta)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_ADD, name);
    op.a = delta;
    return op;
}

struct footfall_store_op op_set(const char *name, int64_t total, int64_t unique)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_SET, name);
    op.a = total;
    op.b = unique;
    return op;
}

struct footfall_store_op op_delete(const char *name)
{
    return op_of(FOOTFALL_STORE_DELETE, name);
}

void id_of(struct footfall_store_id *id, uint32_t visitor, int64_t epoch)
{
    memset(id->bytes, 0x5a, sizeof id->bytes);
    memcpy(id->bytes, &visitor, sizeof visitor);
    memcpy(id->bytes + 4, &epoch, sizeof epoch);
}

struct footfall_store_op op_visit(const char *name, uint32_t visitor, int64_t now_ms)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_VISIT, name);
    op.epochs[0] = now_ms / DAY;
    op.epochs[1] = op.epochs[0] - 1;
    id_of(&op.ids[0], visitor, op.epochs[0]);
    id_of(&op.ids[1], visitor, op.epochs[1]);
    op.id_count = op.write_count = 1;
    op.now_ms = now_ms;
    op.window_ms = DAY;
    op.expire_ms = now_ms + DAY + HOUR;
    return op;
}

struct footfall_store_op op_forget(const char *name, uint32_t visitor, int64_t now_ms)
{
    struct footfall_store_op op = op_visit(name, visitor, now_ms);
    op.kind = FOOTFALL_STORE_FORGET;
    op.id_count = 2;
    return op;
}

void op_token(struct footfall_store_op *op, const uint8_t token[16], uint8_t fingerprint)
{
    op->token = token;
    memset(op->fingerprints[0], fingerprint, sizeof op->fingerprints[0]);
    memset(op->fingerprints[1], fingerprint + 100, sizeof op->fingerprints[1]);
    op->token_expire_ms = T0 + 10 * 60000;
}

struct footfall_store_result apply_one(struct kit *kit, const struct footfall_store_op *op)
{
    struct footfall_store_result result;
    memset(&result, 0xee, sizeof result);
    int status = SQ.apply(kit->store, op, 1, &result, kit_call(kit));
    if (status != 0)
        result.status = (enum footfall_store_status)status;
    return result;
}

void expect(struct kit *kit, const struct footfall_store_op *op, int status, int is_new, int64_t total, int64_t unique)
{
    struct footfall_store_result result = apply_one(kit, op);
    assert_int_equal(result.status, status);
    assert_int_equal(result.replayed, 0);
    if (status != FOOTFALL_STORE_OK)
        return;
    assert_int_equal(result.is_new, is_new);
    assert_int_equal(result.current, 0);
    assert_true(result.total == total && result.unique == unique);
}

void expect_read(struct kit *kit, const char *name, int exists, int64_t total, int64_t unique)
{
    size_t bytes = strlen(name);
    int64_t got_total = -1;
    int64_t got_unique = -1;
    uint8_t got = 9;
    assert_int_equal(SQ.fetch(kit->store, &name, &bytes, 1, &got_total, &got_unique, &got, kit_call(kit)), 0);
    assert_int_equal(got, exists);
    assert_true(got_total == total && got_unique == unique);
}

int in_series(struct kit *kit, const struct footfall_store_op *ops, size_t count, uint64_t number,
              struct footfall_store_result *results)
{
    static const uint8_t series[16] = "a series";
    struct footfall_store_call *call = kit_call(kit);
    call->series = series;
    call->series_number = number;
    call->series_keep_ms = 20 * 60000;
    return SQ.apply(kit->store, ops, count, results, call);
}

int main(void)
{
    struct CMUnitTest *all;
    const struct {
        const struct CMUnitTest *tests;
        size_t count;
    } parts[] = { { sqlite_rules, sqlite_rules_count },
                  { sqlite_reading, sqlite_reading_count },
                  { sqlite_purge, sqlite_purge_count },
                  { sqlite_files, sqlite_files_count },
                  { sqlite_faults, sqlite_faults_count } };
    size_t count = 0;
    int failed;
    support_vfs_install();
    all = calloc(sqlite_rules_count + sqlite_reading_count + sqlite_purge_count + sqlite_files_count +
                     sqlite_faults_count,
                 sizeof *all);
    if (all == NULL)
        return 99;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(all + count, parts[i].tests, parts[i].count * sizeof *all);
        count += parts[i].count;
    }
    failed = _cmocka_run_group_tests("sqlite", all, count, NULL, NULL);
    free(all);
    return failed;
}
