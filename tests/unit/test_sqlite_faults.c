/* test_sqlite_faults.c: every I/O call and every allocation of a batch fails in turn: the batch is wholly there or not at all,
 * its answer says which, and the store goes on. */
#include "test_sqlite.h"

#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "folder.h"
#include "vfs.h"

enum { OPS = 40 };

struct script { /* a batch that touches every table */
    struct footfall_store_op ops[OPS];
    struct footfall_store_result results[OPS];
};

static const uint8_t script_token[16] = "script";
static const uint8_t script_series[16] = "faults";

static void write_script(struct script *script)
{
    for (uint32_t i = 0; i < OPS; i++) {
        script->ops[i] = op_visit(i % 4 == 0 ? "page" : "new", i, T0);
        script->ops[i].series_at = i % 4 == 0 ? i / 4 : i - i / 4 - 1;
    }
    op_token(&script->ops[0], script_token, 1);
    script->ops[8] = op_delete("page");
    script->ops[8].series_at = 2;
}

static int run_script(struct kit *kit, struct script *script, uint64_t number)
{
    struct footfall_store_call *call = kit_call(kit);
    int status;
    memset(script->results, 0, sizeof script->results);
    call->series = script_series;
    call->series_number = number;
    call->series_keep_ms = HOUR;
    status = SQ.apply(kit->store, script->ops, OPS, script->results, call);
    for (size_t i = 1; i < OPS && status == 0; i++)
        if (script->results[0].status != 0)
            assert_int_equal(script->results[i].status, script->results[0].status);
    return status != 0 ? status : (int)script->results[0].status;
}

static void prepare(struct kit *kit)
{
    struct footfall_store_op op = op_visit("page", 1, T0);
    kit_open(kit);
    apply_one(kit, &op);
    op = op_add("page", 99);
    expect(kit, &op, 0, 0, 100, 1);
}

/* 1: the whole batch is there; 0: nothing of it. */
static int look(struct kit *kit)
{
    int64_t total = kit_sql(kit, "SELECT total FROM counters WHERE name = 'page'");
    int64_t visitors = kit_sql(kit, "SELECT count(*) FROM visitors");
    int64_t rest = kit_sql(kit, "SELECT (SELECT count(*) FROM tokens) + (SELECT count(*) FROM series)"
                                " + (SELECT count(*) FROM dead) + (SELECT count(*) FROM counters)");
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    if (total == 100 && visitors == 1 && rest == 1)
        return 0;
    assert_int_equal(total, 7);             /* of the ten on page: after the DELETE, the third */
    assert_int_equal(visitors, 1 + 7 + 30); /* the first: of a dead generation */
    assert_int_equal(rest, 1 + 2 + 1 + 2);
    return 1;
}

/* How many runs ended unknown. */
static int fail_each_call(struct kit *kit, enum support_vfs_fault fault, const char *durability)
{
    static struct script script;
    int unknown = 0;
    int done = 0;
    write_script(&script);
    for (long call = 1; !done; call++) {
        struct kit one = { .dir = kit->dir, .path = kit->path };
        int status, there;
        prepare(&one);
        kit_close(&one);
        assert_int_equal(kit_open_with(&one, kit->path, durability), 0);
        expect_read(&one, "page", 1, 100, 1);
        support_vfs_plan(call, call, fault);
        status = run_script(&one, &script, 1);
        done = support_vfs_struck()[0] == '\0';
        support_vfs_plan(0, 0, fault);
        SQ.close(one.store, 1); /* as a crash would: no checkpoint */
        there = look(&one);
        if (status == 0)
            assert_int_equal(there, 1);
        else if (status != FOOTFALL_STORE_UNKNOWN)
            assert_int_equal(there, 0);
        else
            unknown++;
        /* The connection that met the fault goes on, too. */
        kit_open(&one);
        support_vfs_plan(call, call, fault);
        run_script(&one, &script, 1);
        support_vfs_plan(0, 0, fault);
        assert_int_equal(run_script(&one, &script, 1), 0);
        assert_int_equal(look(&one), 1);
        kit_close(&one);
        support_file_write(kit->path, "", 0);
        assert_true(call < 5000);
    }
    return unknown;
}

static void failing_io(void **state)
{
    assert_true(fail_each_call(*state, SUPPORT_VFS_IOERR, "full") > 0); /* the writes and the sync of COMMIT */
}

static void full_disk(void **state)
{
    assert_int_equal(fail_each_call(*state, SUPPORT_VFS_FULL, "normal"), 0);
}

static void torn_writes(void **state)
{
    assert_true(fail_each_call(*state, SUPPORT_VFS_TORN, "normal") > 0);
}

/* ---- memory */

static long allocations, refuse_at;

static int refuse(void *user)
{
    (void)user;
    return ++allocations == refuse_at;
}

static void failing_allocations(void **state)
{
    struct kit *kit = *state;
    static struct script script;
    int done = 0;
    write_script(&script);
    for (long at = 1; !done; at++) {
        struct kit one = { .dir = kit->dir, .path = kit->path };
        int status;
        prepare(&one);
        kit_close(&one);
        allocations = 0;
        refuse_at = at;
        footfall__alloc_hook(refuse, NULL);
        status = kit_open_with(&one, kit->path, "normal");
        if (status == 0)
            status = run_script(&one, &script, 1);
        footfall__alloc_hook(NULL, NULL);
        done = allocations < at;
        if (!done)
            assert_int_equal(status, FOOTFALL_STORE_NO_MEMORY);
        else
            assert_int_equal(status, 0);
        if (one.store == NULL)
            kit_open(&one);
        if (!done)
            assert_int_equal(look(&one), 0);
        assert_int_equal(run_script(&one, &script, 1), 0);
        assert_int_equal(script.results[0].replayed, done);
        assert_int_equal(look(&one), 1);
        kit_close(&one);
        support_file_write(kit->path, "", 0);
        assert_true(at < 5000);
    }
}

static int ignore(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    (void)user, (void)name, (void)name_bytes, (void)total, (void)unique;
    return 0;
}

static void failing_allocations_elsewhere(void **state)
{
    struct kit *kit = *state;
    uint8_t key[32] = "key", winner[32];
    int64_t kept_until, next;
    int more;
    int failed = 0;
    for (int64_t i = 0; i < 20; i++)
        assert_int_equal(SQ.epoch_key(kit->store, DAY, i, key, T0 + i, winner, &kept_until, kit_call(kit)), 0);
    for (long at = 1; at < 20; at++) {
        allocations = 0;
        refuse_at = at;
        footfall__alloc_hook(refuse, NULL);
        int scan = SQ.scan(kit->store, "", 0, NULL, 0, 10, ignore, NULL, &more, kit_call(kit));
        int drop = scan == 0 ? SQ.epoch_drop(kit->store, T0, &next, kit_call(kit)) : 0;
        footfall__alloc_hook(NULL, NULL);
        assert_true(scan == 0 || scan == FOOTFALL_STORE_NO_MEMORY);
        assert_true(drop == 0 || drop == FOOTFALL_STORE_NO_MEMORY);
        failed += scan != 0;
        failed += drop != 0;
    }
    assert_int_equal(failed, 1 + 3); /* scan's page; room for 8, 16 and 32 keys */
    assert_int_equal(SQ.epoch_drop(kit->store, T0, &next, kit_call(kit)), 0);
    assert_int_equal(next, T0 + 1);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM epoch_keys"), 19);
}

const struct CMUnitTest sqlite_faults[] = {
    cmocka_unit_test_setup_teardown(failing_io, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(full_disk, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(torn_writes, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(failing_allocations, kit_setup_only, kit_teardown),
    cmocka_unit_test_setup_teardown(failing_allocations_elsewhere, kit_setup, kit_teardown),
};
const size_t sqlite_faults_count = sizeof sqlite_faults / sizeof sqlite_faults[0];
