/* test_sqlite_purge.c: what purge drops and what it keeps, by each record's own expiry, in pieces. */
#include "test_sqlite.h"

#include <stdio.h>

static int purge_all(struct kit *kit, int64_t now_ms, size_t budget, size_t dropped[3])
{
    int more = 1;
    int calls = 0;
    memset(dropped, 0, 3 * sizeof *dropped);
    for (; more && calls < 10000; calls++) {
        size_t before = dropped[0] + dropped[1] + dropped[2];
        assert_int_equal(SQ.purge(kit->store, now_ms, budget, dropped, &more, kit_call(kit)), 0);
        assert_true(dropped[0] + dropped[1] + dropped[2] - before <= budget);
    }
    assert_int_equal(more, 0);
    return calls;
}

/* What a FORGET removed lends nothing to the record that a visit of the same batch makes, not its expiry either. */
static void forgotten_and_back_in_one_batch(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[2] = { op_forget("a", 1, T0 + 2), op_visit("a", 1, T0 + 3) };
    struct footfall_store_op first = op_visit("a", 1, T0);
    struct footfall_store_result results[2];
    size_t dropped[3] = { 0, 0, 0 };
    first.expire_ms = T0 + 5000;
    ops[1].expire_ms = T0 + 500;
    expect(kit, &first, FOOTFALL_STORE_OK, 1, 1, 1);
    assert_int_equal(SQ.apply(kit->store, ops, 2, results, kit_call(kit)), 0);
    assert_int_equal(results[1].is_new, 1);
    purge_all(kit, T0 + 499, 10, dropped);
    assert_int_equal(dropped[0], 0);
    purge_all(kit, T0 + 500, 10, dropped);
    assert_int_equal(dropped[0], 1);
}

static void purging_by_each_expiry(void **state)
{
    struct kit *kit = *state;
    size_t dropped[3];
    struct footfall_store_op op;
    for (uint32_t i = 0; i < 300; i++) { /* three epochs; every third expires at T0 + i + 1 */
        op = op_visit(i % 2 ? "a" : "b", i, T0 + i % 3 * DAY);
        op.expire_ms = i % 3 == 0 ? T0 + i + 1 : i % 3 == 1 ? T0 + 100000 : FOREVER;
        apply_one(kit, &op);
    }
    assert_int_equal(purge_all(kit, T0, 10, dropped), 1);
    assert_int_equal(dropped[0], 0);
    purge_all(kit, T0 + 150, 7, dropped); /* i + 1 <= 150 and i % 3 == 0: 0, 3 … 147 */
    assert_int_equal(dropped[0], 50);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM visitors"), 250);
    purge_all(kit, T0 + 1000, 1000, dropped);
    assert_int_equal(dropped[0], 50);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM epochs"), 2);
    purge_all(kit, INT64_MAX, 33, dropped);
    assert_int_equal(dropped[0], 100);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM visitors"), 100); /* FOREVER */
    op = op_visit("a", 1000, T0);                                         /* an epoch that was gone comes back */
    expect(kit, &op, 0, 1, 151, 151);
    expect(kit, &op, 0, 0, 152, 151);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM epochs"), 2);
}

/* now_ms may run ahead between calls of one round: more is 0 only when nothing of it is left. */
static void purging_with_a_leaping_clock(void **state)
{
    struct kit *kit = *state;
    size_t dropped[3] = { 0, 0, 0 };
    int more = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct footfall_store_op op = op_visit("a", i, T0);
        op.expire_ms = i < 20 ? T0 + 1 : T0 + 5000;
        apply_one(kit, &op);
    }
    assert_int_equal(SQ.purge(kit->store, T0 + 1, 15, dropped, &more, kit_call(kit)), 0);
    assert_int_equal(more, 1);
    purge_all(kit, T0 + 5000, 15, dropped);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM visitors"), 0);
}

static void purging_after_deletion(void **state)
{
    static const uint8_t token[16] = "t";
    struct kit *kit = *state;
    struct footfall_store_result results[1];
    size_t dropped[3];
    struct footfall_store_op op;
    for (uint32_t i = 0; i < 50; i++) {
        op = op_visit("a", i, T0 + i % 2 * DAY);
        op.expire_ms = FOREVER;
        apply_one(kit, &op);
    }
    op = op_delete("a");
    op_token(&op, token, 1);
    apply_one(kit, &op);
    op = op_add("b", 1);
    assert_int_equal(in_series(kit, &op, 1, 1, results), 0);
    op = op_delete("b");
    apply_one(kit, &op);
    purge_all(kit, T0, 8, dropped);
    assert_true(dropped[0] == 50 && dropped[1] == 0 && dropped[2] == 0); /* token and series still refer to the rows */
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM counters WHERE present = 0"), 2);
    purge_all(kit, T0 + 10 * 60000, 8, dropped);
    assert_true(dropped[0] == 0 && dropped[1] == 1 && dropped[2] == 1);
    purge_all(kit, T0 + 20 * 60000, 8, dropped);
    assert_true(dropped[0] == 0 && dropped[1] == 1 && dropped[2] == 1);
    assert_int_equal(kit_sql(kit, "SELECT (SELECT count(*) FROM counters) + (SELECT count(*) FROM dead)"
                                  " + (SELECT count(*) FROM epochs) + (SELECT count(*) FROM tokens)"),
                     0);
    op = op_visit("a", 1, T0);
    expect(kit, &op, 0, 1, 1, 1);
}

/* A record keeps the later of its expiries, so that no host whose clock is behind shortens what another one needs. */
static void expiry_never_shrinks(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_visit("a", 1, T0);
    op.sliding = 1;
    op.expire_ms = T0 + 5000;
    apply_one(kit, &op);
    op.now_ms = T0 + 10;
    op.expire_ms = T0 + 4000;
    apply_one(kit, &op);
    assert_int_equal(kit_sql(kit, "SELECT x FROM visitors"), T0 + 5000);
    assert_int_equal(kit_sql(kit, "SELECT t FROM visitors"), T0 + 10);
    op = op_visit("a", 2, T0);
    op.expire_ms = T0 + 100;
    apply_one(kit, &op);
    assert_int_equal(kit_sql(kit, "SELECT least FROM epochs"), T0 + 100);
}

const struct CMUnitTest sqlite_purge[] = {
    cmocka_unit_test_setup_teardown(forgotten_and_back_in_one_batch, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(purging_by_each_expiry, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(purging_with_a_leaping_clock, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(purging_after_deletion, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(expiry_never_shrinks, kit_setup, kit_teardown),
};
const size_t sqlite_purge_count = sizeof sqlite_purge / sizeof sqlite_purge[0];
