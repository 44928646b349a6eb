/* test_sqlite_files.c: which files the backend takes and which it leaves alone; settings; other processes and connections on
 * the same file; fork; epoch keys, and that dropped ones are gone from the files. */
#include "test_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "folder.h"
#include "random.h"

/* The file, byte for byte, and that neither log nor index came into being beside it. */
static void expect_refused_untouched(struct kit *kit, const char *words)
{
    size_t before_bytes, after_bytes;
    unsigned char *before = support_file_read(kit->path, &before_bytes);
    unsigned char *after;
    char *wal = support_path(kit->dir, "footfall.db-wal");
    assert_int_equal(kit_open_with(kit, kit->path, "normal"), FOOTFALL_STORE_BROKEN);
    assert_null(kit->store);
    if (strstr(kit->text, words) == NULL)
        fail_msg("text is '%s', wanted '%s'", kit->text, words);
    assert_non_null(strstr(kit->text, kit->path));
    after = support_file_read(kit->path, &after_bytes);
    assert_true(before_bytes == after_bytes && memcmp(before, after, after_bytes) == 0);
    assert_int_not_equal(access(wal, F_OK), 0);
    free(before);
    free(after);
    free(wal);
}

static void a_folder(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(kit_open_with(kit, kit->dir, "normal"), FOOTFALL_STORE_BROKEN);
    assert_non_null(strstr(kit->text, "it is a folder"));
}

static void foreign_files(void **state)
{
    struct kit *kit = *state;
    kit_sql(kit, "CREATE TABLE recipes(name TEXT)");
    expect_refused_untouched(kit, "another program");
    assert_int_equal(unlink(kit->path), 0);
    kit_sql(kit, "PRAGMA application_id = 7");
    expect_refused_untouched(kit, "another program");
    assert_int_equal(unlink(kit->path), 0);
    kit_sql(kit, "PRAGMA user_version = 3");
    expect_refused_untouched(kit, "another program");
    support_file_write(kit->path,
                       "this is no database, but it is long enough to be taken for the header of one, or"
                       " would be if it began as one does, and so must be looked at by its first page",
                       150);
    expect_refused_untouched(kit, "not a database");
}

static void other_schema_versions(void **state)
{
    struct kit *kit = *state;
    kit_open(kit);
    kit_close(kit);
    kit_sql(kit, "PRAGMA user_version = 2");
    expect_refused_untouched(kit, "newer");
    kit_sql(kit, "PRAGMA user_version = 0");
    expect_refused_untouched(kit, "version 0");
    kit_sql(kit, "PRAGMA user_version = 1");
    kit_sql(kit, "DROP TABLE tokens");
    expect_refused_untouched(kit, "damaged");
}

static void truncated_file(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 1);
    kit_open(kit);
    apply_one(kit, &op);
    kit_close(kit);
    assert_int_equal(truncate(kit->path, 4096 * 3 + 100), 0);
    expect_refused_untouched(kit, "malformed");
    assert_int_equal(kit->call.native & 0xff, SQLITE_CORRUPT);
}

static void settings(void **state)
{
    struct kit *kit = *state;
    assert_int_equal(kit_open_with(kit, kit->path, "extreme"), FOOTFALL_STORE_CONFIG);
    assert_null(kit->store);
    assert_non_null(strstr(kit->text, "sqlite.durability"));
    assert_int_equal(kit_open_with(kit, "", "normal"), FOOTFALL_STORE_CONFIG);
    assert_non_null(strstr(kit->text, "sqlite.path"));
    assert_int_equal(kit_open_with(kit, ":memory:", "normal"), FOOTFALL_STORE_CONFIG);
    assert_non_null(strstr(kit->text, "backend = memory"));
    assert_int_equal(kit_open_with(kit, "/nowhere/at/all.db", "normal"), FOOTFALL_STORE_BROKEN);
    assert_non_null(strstr(kit->text, "unable to open"));
    assert_int_equal(kit_open_with(kit, kit->dir, "normal"), FOOTFALL_STORE_BROKEN);
    assert_int_not_equal(access(kit->path, F_OK), 0);
    assert_int_equal(kit_open_with(kit, kit->path, "full"), 0);
}

/* A name that SQLite might take for something else is a file like any other. */
static void relative_and_odd_paths(void **state)
{
    struct kit *kit = *state;
    char here[4096];
    char secret[300];
    int has_visitors = 9;
    struct footfall_store_op op = op_visit("a", 1, T0);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(kit->dir), 0);
    assert_int_equal(kit_open_with(kit, "file:x?mode=memory", "normal"), 0);
    assert_int_equal(access("file:x?mode=memory", F_OK), 0);
    assert_int_equal(SQ.own_secret(kit->store, secret, sizeof secret, &has_visitors, kit_call(kit)), 0);
    assert_string_equal(secret, "./file:x?mode=memory.secret");
    assert_int_equal(has_visitors, 0);
    expect(kit, &op, 0, 1, 1, 1);
    assert_int_equal(SQ.own_secret(kit->store, secret, sizeof secret, &has_visitors, kit_call(kit)), 0);
    assert_int_equal(has_visitors, 1);
    assert_int_equal(SQ.own_secret(kit->store, secret, 8, &has_visitors, kit_call(kit)), FOOTFALL_STORE_CONFIG);
    assert_int_equal(chdir(here), 0);
}

static void read_only_medium(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 3);
    struct footfall_store_result result;
    char *mount_point = kit->dir;
    int64_t total = 0;
    if (mount("none", mount_point, "tmpfs", 0, "size=4m") != 0)
        skip(); /* needs the right to mount */
    kit_open(kit);
    apply_one(kit, &op);
    kit_close(kit);
    assert_int_equal(mount("none", mount_point, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    int status = kit_open_with(kit, kit->path, "normal");
    if (status == 0) {
        const char *name = "a";
        size_t bytes = 1;
        int64_t unique;
        uint8_t exists;
        SQ.fetch(kit->store, &name, &bytes, 1, &total, &unique, &exists, kit_call(kit));
        result = apply_one(kit, &op);
        assert_non_null(strstr(kit->text, "readonly"));
        kit_close(kit);
    }
    assert_int_equal(umount(mount_point), 0);
    assert_int_equal(status, 0);
    assert_int_equal(total, 3);
    assert_int_equal(result.status, FOOTFALL_STORE_BROKEN);
}

/* ---- others on the same file */

static void two_make_the_schema_at_once(void **state)
{
    struct kit *kit = *state;
    for (int round = 0; round < 20; round++) {
        pid_t children[4];
        for (int i = 0; i < 4; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                struct footfall_store_op op = op_add("a", 1);
                int fine = kit_open_with(kit, kit->path, "normal") == 0 && apply_one(kit, &op).status == 0;
                if (!fine)
                    fprintf(stderr, "%s\n", kit->text);
                kit_close(kit);
                _exit(fine ? 0 : 1);
            }
        }
        for (int i = 0; i < 4; i++) {
            int status = -1;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        assert_int_equal(kit_sql(kit, "SELECT total FROM counters"), 4);
        assert_int_equal(kit_sql(kit, "SELECT count(*) FROM meta"), 3);
        assert_int_equal(unlink(kit->path), 0);
    }
}

static void what_another_connection_wrote_is_seen(void **state)
{
    struct kit *kit = *state;
    struct kit other = { .dir = kit->dir, .path = kit->path };
    struct footfall_store_op op = op_visit("a", 1, T0);
    struct footfall_store_op add = op_add("a", 10);
    struct footfall_store_op gone = op_delete("a");
    kit_open(&other);
    for (int round = 0; round < 5; round++) {
        expect(kit, &op, 0, 1, 1, 1);
        expect(&other, &op, 0, 0, 2, 1);
        expect(&other, &add, 0, 0, 12, 1);
        expect(kit, &op, 0, 0, 13, 1);
        expect(kit, &gone, 0, 0, 13, 1);
        expect(&other, &op, 0, 1, 1, 1);
        expect(&other, &gone, 0, 0, 1, 1);
    }
    kit_close(&other);
}

/* After a checkpoint the backend looks at the file again. What another connection commits just before that look. */
static struct kit *committer;

static int before_the_look(unsigned kind, void *user, void *statement, void *text)
{
    struct footfall_store_op op = op_visit("shared", 2, T0);
    (void)kind;
    (void)user;
    (void)statement;
    if (committer->store != NULL && strcmp(text, "PRAGMA page_count") == 0) {
        expect(committer, &op, 0, 1, 2, 2);
        kit_close(committer);
    }
    return 0;
}

static int watch(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, before_the_look, NULL);
}

static void what_another_connection_wrote_during_a_checkpoint_is_seen(void **state)
{
    enum { COUNT = 256, MOST_BATCHES = 2000 };
    struct kit *kit = *state;
    struct kit second = { .path = kit->path };
    struct footfall_store_op op = op_visit("shared", 1, T0);
    struct footfall_store_op ops[COUNT];
    struct footfall_store_result results[COUNT];
    committer = &second;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))watch), SQLITE_OK);
    kit_open(kit);
    assert_int_equal(sqlite3_cancel_auto_extension((void (*)(void))watch), 1);
    kit_open(&second);
    expect(kit, &op, 0, 1, 1, 1);
    for (uint32_t batch = 0; second.store != NULL && batch < MOST_BATCHES; batch++) {
        for (uint32_t i = 0; i < COUNT; i++)
            ops[i] = op_visit("own", batch * COUNT + i, T0);
        assert_int_equal(SQ.apply(kit->store, ops, COUNT, results, kit_call(kit)), 0);
    }
    assert_null(second.store); /* it was there */
    op = op_visit("shared", 3, T0);
    expect(kit, &op, 0, 1, 3, 3);
}

static void locked_until_the_deadline(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 1);
    struct footfall_store_result result;
    sqlite3 *db = NULL;
    int64_t began, took;
    apply_one(kit, &op);
    assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct footfall_store_call *call = kit_call(kit);
    began = footfall__boottime_ms();
    call->deadline_ms = began + 80;
    assert_int_equal(SQ.apply(kit->store, &op, 1, &result, call), FOOTFALL_STORE_TEMPORARY);
    took = footfall__boottime_ms() - began;
    assert_in_range(took, 79, 1000);
    assert_non_null(strstr(kit->text, "database is locked"));
    assert_int_equal(kit->call.native & 0xff, SQLITE_BUSY);
    expect_read(kit, "a", 1, 1, 0); /* reading goes on */
    call = kit_call(kit);
    call->deadline_ms = footfall__boottime_ms();
    assert_int_equal(SQ.apply(kit->store, &op, 1, &result, call), FOOTFALL_STORE_TEMPORARY);
    sqlite3_close(db);
    expect(kit, &op, 0, 0, 2, 0);
}

static void child_of_fork(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 1);
    char *wal = support_path(kit->dir, "footfall.db-wal");
    int pipes[2];
    int status = -1;
    char word = 0;
    expect(kit, &op, 0, 0, 1, 0);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        struct kit mine = { .dir = kit->dir, .path = kit->path };
        int fine = kit_open_with(&mine, kit->path, "normal") == FOOTFALL_STORE_MISUSE && mine.store == NULL;
        SQ.close(kit->store, 1);
        fine = fine && write(pipes[1], "c", 1) == 1;
        usleep(20000); /* the parent counts meanwhile */
        fine = fine && kit_open_with(&mine, kit->path, "normal") == 0 && apply_one(&mine, &op).status == 0;
        kit_close(&mine);
        _exit(fine ? 0 : 1);
    }
    assert_int_equal(read(pipes[0], &word, 1), 1);
    for (int i = 0; i < 200; i++)
        assert_int_equal(apply_one(kit, &op).status, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* Had the child's end taken the parent's locks along, the next one to close would take itself for the last. */
    kit_sql(kit, "SELECT count(*) FROM counters");
    assert_int_equal(access(wal, F_OK), 0);
    expect(kit, &op, 0, 0, 203, 0);
    close(pipes[0]);
    close(pipes[1]);
    free(wal);
}

/* The child of fork closes without writing a byte, even when it is the last one to do so. */
static void inherited_close_writes_nothing(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 1);
    char *wal = support_path(kit->dir, "footfall.db-wal");
    size_t main_before, main_after, wal_before, wal_after;
    apply_one(kit, &op);
    free(support_file_read(kit->path, &main_before));
    free(support_file_read(wal, &wal_before));
    SQ.close(kit->store, 1);
    kit->store = NULL;
    free(support_file_read(kit->path, &main_after));
    free(support_file_read(wal, &wal_after));
    assert_true(main_before == main_after && wal_before == wal_after && wal_after > 0);
    kit_open(kit);
    expect(kit, &op, 0, 0, 2, 0);
    free(wal);
}

/* ---- epoch keys */

enum { KEYS = 300 };

static void put_keys(struct kit *kit, uint8_t keys[KEYS][32])
{
    uint8_t winner[32];
    int64_t kept_until;
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(footfall__random_bytes(keys[i], 32), 0);
        assert_int_equal(SQ.epoch_key(kit->store, DAY, i, keys[i], T0 + i, winner, &kept_until, kit_call(kit)), 0);
        assert_memory_equal(winner, keys[i], 32);
        assert_int_equal(kept_until, T0 + i);
    }
}

static int keys_found(struct kit *kit, uint8_t keys[KEYS][32], int from, int to)
{
    int found = 0;
    for (int i = from; i < to; i++)
        found += kit_files_hold(kit, keys[i], 32) || kit_files_hold(kit, keys[i] + 8, 16);
    return found;
}

static void first_key_wins(void **state)
{
    struct kit *kit = *state;
    uint8_t one[32] = "the first", two[32] = "the second", winner[32];
    int64_t kept_until = 0;
    int64_t next = 0;
    assert_int_equal(SQ.epoch_key(kit->store, DAY, 5, NULL, 0, winner, &kept_until, kit_call(kit)), 1);
    assert_int_equal(SQ.epoch_key(kit->store, DAY, 5, one, T0 + 7, winner, &kept_until, kit_call(kit)), 0);
    assert_int_equal(SQ.epoch_key(kit->store, DAY, 5, two, T0 + 9, winner, &kept_until, kit_call(kit)), 0);
    assert_memory_equal(winner, one, 32);
    assert_int_equal(kept_until, T0 + 7);
    assert_int_equal(SQ.epoch_key(kit->store, 2 * DAY, 5, two, FOREVER, winner, &kept_until, kit_call(kit)), 0);
    assert_memory_equal(winner, two, 32);
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + 6, &next, kit_call(kit)), 0);
    assert_int_equal(next, T0 + 7);
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + 7, &next, kit_call(kit)), 0);
    assert_int_equal(next, FOREVER);
    assert_int_equal(SQ.epoch_key(kit->store, DAY, 5, NULL, 0, winner, &kept_until, kit_call(kit)), 1);
    assert_int_equal(SQ.epoch_key(kit->store, 2 * DAY, 5, NULL, 0, winner, &kept_until, kit_call(kit)), 0);
    assert_memory_equal(winner, two, 32);
    assert_int_equal(SQ.epoch_drop(kit->store, INT64_MAX, &next, kit_call(kit)), 0);
    assert_int_equal(SQ.epoch_key(kit->store, 2 * DAY, 5, NULL, 0, winner, &kept_until, kit_call(kit)), 0);
}

static void dropped_keys_leave_no_bytes(void **state)
{
    static uint8_t keys[KEYS][32];
    struct kit *kit = *state;
    int64_t next = 0;
    uint8_t winner[32];
    int64_t kept_until;
    put_keys(kit, keys);
    assert_int_equal(keys_found(kit, keys, 0, KEYS), KEYS); /* the search finds what is there */
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + 249, &next, kit_call(kit)), 0);
    assert_int_equal(next, T0 + 250);
    assert_int_equal(keys_found(kit, keys, 0, 250), 0);
    assert_int_equal(keys_found(kit, keys, 250, KEYS), KEYS - 250);
    for (int i = 250; i < KEYS; i++) {
        assert_int_equal(SQ.epoch_key(kit->store, DAY, i, NULL, 0, winner, &kept_until, kit_call(kit)), 0);
        assert_memory_equal(winner, keys[i], 32);
        assert_int_equal(kept_until, T0 + i);
    }
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + KEYS, &next, kit_call(kit)), 0);
    assert_int_equal(next, FOREVER);
    assert_int_equal(keys_found(kit, keys, 0, KEYS), 0);
}

static void erasure_waits_for_a_reader(void **state)
{
    static uint8_t keys[KEYS][32];
    struct kit *kit = *state;
    struct kit other = { .dir = kit->dir, .path = kit->path };
    sqlite3 *reader = NULL;
    int64_t next = 0;
    int status = -1;
    put_keys(kit, keys);
    assert_int_equal(sqlite3_open(kit->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM epoch_keys", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + KEYS, &next, kit_call(kit)), 0);
    assert_int_equal(next, T0 + KEYS + 1000);
    assert_int_not_equal(keys_found(kit, keys, 0, KEYS), 0);
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(reader);
    /* This process dies here, so to say; another one finds the work unfinished. */
    pid_t child = fork();
    if (child == 0) {
        SQ.close(kit->store, 1);
        int fine = kit_open_with(&other, kit->path, "normal") == 0 &&
                   SQ.epoch_drop(other.store, T0 + KEYS + 1000, &next, kit_call(&other)) == 0 && next == FOREVER;
        kit_close(&other);
        _exit(fine ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(keys_found(kit, keys, 0, KEYS), 0);
    assert_int_equal(SQ.epoch_drop(kit->store, T0 + KEYS + 1000, &next, kit_call(kit)), 0);
    assert_int_equal(next, FOREVER);
}

/* ---- check and metrics */

static void hear(void *user, int severity, const char *finding, const char *advice)
{
    int *heard = user;
    assert_in_range(severity, 0, 3);
    assert_non_null(finding);
    heard[severity]++;
    (void)advice;
}

static void gauge(void *user, const char *name, const char *help, const char *labels, int counter, double value)
{
    assert_true(help != NULL && labels != NULL && counter == 1);
    if (strcmp(name, "footfall_sqlite_commits_total") == 0)
        *(double *)user = value;
}

static void findings_and_metrics(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_visit("a", 1, T0);
    int heard[4] = { 0, 0, 0, 0 };
    double commits = -1;
    char *secret = support_path(kit->dir, "footfall.db.secret");
    expect(kit, &op, 0, 1, 1, 1);
    assert_int_equal(SQ.check(kit->store, hear, heard, kit_call(kit)), 0);
    assert_true(heard[0] >= 5 && heard[3] == 0);
    support_file_write(secret, "x", 1);
    assert_int_equal(chmod(secret, 0644), 0);
    assert_int_equal(SQ.check(kit->store, hear, heard, kit_call(kit)), 0);
    assert_int_equal(heard[3], 1);
    SQ.metrics(kit->store, gauge, &commits);
    assert_true(commits == 1);
    free(secret);
}

const struct CMUnitTest sqlite_files[] = {
    cmocka_unit_test_setup_teardown(a_folder, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(foreign_files, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(other_schema_versions, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(truncated_file, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(settings, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(relative_and_odd_paths, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(read_only_medium, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(two_make_the_schema_at_once, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(what_another_connection_wrote_is_seen, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(what_another_connection_wrote_during_a_checkpoint_is_seen, kit_setup_only,
                                    kit_teardown),
    cmocka_unit_test_setup_teardown(locked_until_the_deadline, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(child_of_fork, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(inherited_close_writes_nothing, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(first_key_wins, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(dropped_keys_leave_no_bytes, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(erasure_waits_for_a_reader, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(findings_and_metrics, kit_setup, kit_teardown),
};
const size_t sqlite_files_count = sizeof sqlite_files / sizeof sqlite_files[0];
