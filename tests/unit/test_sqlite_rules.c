/* test_sqlite_rules.c: what each op answers, in batches of one and of many. Times and totals are worked out by hand. */
#include "test_sqlite.h"

#include <stdio.h>
#include <stdlib.h>

static void windows_to_the_millisecond(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_visit("page", 1, T0);
    id_of(&op.ids[0], 1, 0);
    expect(kit, &op, 0, 1, 1, 1);
    op.now_ms = T0 + DAY - 1;
    expect(kit, &op, 0, 0, 2, 1);
    op.now_ms = T0 - 5; /* a clock that goes back moves nothing */
    expect(kit, &op, 0, 0, 3, 1);
    op.now_ms = T0 + DAY;
    expect(kit, &op, 0, 1, 4, 2);
    op.now_ms = T0 + DAY + DAY - 1;
    expect(kit, &op, 0, 0, 5, 2);
    op.window_ms = FOREVER;
    op.now_ms = INT64_MAX;
    expect(kit, &op, 0, 0, 6, 2);
    op.window_ms = 1;
    expect(kit, &op, 0, 1, 7, 3);
}

static void sliding_windows_restart(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_visit("page", 1, T0);
    op.sliding = 1;
    expect(kit, &op, 0, 1, 1, 1);
    op.now_ms = T0 + DAY - 1;
    expect(kit, &op, 0, 0, 2, 1);
    op.now_ms = T0; /* late news: the stored time stays at T0 + DAY - 1 */
    expect(kit, &op, 0, 0, 3, 1);
    op.now_ms = T0 + 2 * DAY - 2;
    expect(kit, &op, 0, 0, 4, 1);
    op.now_ms = T0 + 3 * DAY - 2;
    expect(kit, &op, 0, 1, 5, 2);
}

static void two_ids_over_a_rotation(void **state)
{
    struct kit *kit = *state;
    int64_t boundary = (T0 / DAY + 1) * DAY;
    struct footfall_store_op op = op_visit("page", 7, boundary - HOUR);
    expect(kit, &op, 0, 1, 1, 1);
    op = op_visit("page", 7, boundary + HOUR / 2); /* first hour: found under the older id, and not due */
    op.id_count = op.write_count = 2;
    expect(kit, &op, 0, 0, 2, 1);
    op = op_visit("page", 8, boundary + HOUR / 2); /* a new one is stored under both */
    op.id_count = op.write_count = 2;
    expect(kit, &op, 0, 1, 3, 2);
    op = op_visit("page", 8, boundary - 1); /* seen by a host whose clock is behind */
    expect(kit, &op, 0, 0, 4, 2);
    op = op_visit("page", 7, boundary + DAY - HOUR);
    op.id_count = 2;
    expect(kit, &op, 0, 1, 5, 3);
    op = op_visit("page", 8, boundary + DAY - HOUR);
    op.id_count = 2;
    expect(kit, &op, 0, 0, 6, 3);
}

static void range_changes_nothing(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[4];
    struct footfall_store_result results[4];
    struct footfall_store_op op = op_set("page", INT64_MAX - 1, INT64_MAX);
    expect(kit, &op, 0, 0, INT64_MAX - 1, INT64_MAX);
    op = op_visit("page", 1, T0); /* unique is at its end */
    expect(kit, &op, FOOTFALL_STORE_RANGE, 0, 0, 0);
    op = op_set("page", INT64_MAX - 1, 5);
    expect(kit, &op, 0, 0, INT64_MAX - 1, 5);
    ops[0] = op_add("page", 2); /* refused */
    ops[1] = op_visit("page", 1, T0);
    ops[2] = op_visit("page", 2, T0); /* refused: its visitor is not remembered */
    ops[3] = op_add("page", -1);
    assert_int_equal(SQ.apply(kit->store, ops, 4, results, kit_call(kit)), 0);
    assert_int_equal(results[0].status, FOOTFALL_STORE_RANGE);
    assert_int_equal(results[1].status, 0);
    assert_int_equal(results[1].is_new, 1);
    assert_int_equal(results[2].status, FOOTFALL_STORE_RANGE);
    assert_true(results[3].status == 0 && results[3].total == INT64_MAX - 1 && results[3].unique == 6);
    op = op_visit("page", 2, T0);
    expect(kit, &op, 0, 1, INT64_MAX, 7);
    op = op_set("low", INT64_MIN, INT64_MIN);
    expect(kit, &op, 0, 0, INT64_MIN, INT64_MIN);
    op = op_add("low", -1);
    expect(kit, &op, FOOTFALL_STORE_RANGE, 0, 0, 0);
    op = op_add("low", INT64_MIN);
    expect(kit, &op, FOOTFALL_STORE_RANGE, 0, 0, 0);
    op = op_add("low", INT64_MAX);
    expect(kit, &op, 0, 0, -1, INT64_MIN);
}

static void existence(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op op = op_add("a", 0);
    op.must_exist = 1;
    expect(kit, &op, FOOTFALL_STORE_ABSENT, 0, 0, 0);
    expect_read(kit, "a", 0, 0, 0);
    op = op_visit("a", 1, T0);
    op.must_exist = 1;
    expect(kit, &op, FOOTFALL_STORE_ABSENT, 0, 0, 0);
    op = op_forget("a", 1, T0); /* makes no counter */
    expect(kit, &op, 0, 0, 0, 0);
    expect_read(kit, "a", 0, 0, 0);
    op = op_delete("a");
    expect(kit, &op, 0, 0, 0, 0);
    op = op_add("a", 0);
    expect(kit, &op, 0, 0, 0, 0);
    expect_read(kit, "a", 1, 0, 0);
    op.must_exist = 1;
    expect(kit, &op, 0, 0, 0, 0);
    op = op_delete("a");
    op.must_exist = 1;
    expect(kit, &op, 0, 0, 0, 0);
    expect(kit, &op, FOOTFALL_STORE_ABSENT, 0, 0, 0);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM counters WHERE present = 1"), 0);
}

static void deletion_forgets_at_once(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[6];
    struct footfall_store_result results[6];
    struct footfall_store_op op = op_visit("page", 1, T0);
    expect(kit, &op, 0, 1, 1, 1);
    ops[0] = op_visit("page", 1, T0);
    ops[1] = op_visit("page", 2, T0);
    ops[2] = op_delete("page");
    ops[3] = op_visit("page", 1, T0);
    ops[4] = op_delete("page");
    ops[5] = op_visit("page", 2, T0);
    assert_int_equal(SQ.apply(kit->store, ops, 6, results, kit_call(kit)), 0);
    assert_true(results[0].is_new == 0 && results[0].total == 2 && results[0].unique == 1);
    assert_true(results[1].is_new == 1 && results[1].total == 3 && results[1].unique == 2);
    assert_true(results[2].total == 3 && results[2].unique == 2);
    assert_true(results[3].is_new == 1 && results[3].total == 1 && results[3].unique == 1);
    assert_true(results[4].total == 1 && results[4].unique == 1);
    assert_true(results[5].is_new == 1 && results[5].total == 1 && results[5].unique == 1);
    expect(kit, &op, 0, 1, 2, 2);
    op = op_visit("page", 2, T0);
    expect(kit, &op, 0, 0, 3, 2);
}

static void forgetting_one_visitor(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[3];
    struct footfall_store_result results[3];
    struct footfall_store_op op = op_visit("page", 1, T0);
    expect(kit, &op, 0, 1, 1, 1);
    op = op_visit("page", 2, T0);
    expect(kit, &op, 0, 1, 2, 2);
    op = op_forget("page", 1, T0);
    expect(kit, &op, 0, 0, 2, 2);
    op = op_visit("page", 1, T0);
    expect(kit, &op, 0, 1, 3, 3);
    ops[0] = op_forget("page", 1, T0); /* and all within one batch */
    ops[1] = op_visit("page", 1, T0);
    ops[2] = op_forget("page", 1, T0 + DAY); /* the day after: under the older id */
    assert_int_equal(SQ.apply(kit->store, ops, 3, results, kit_call(kit)), 0);
    assert_true(results[1].is_new == 1 && results[2].unique == 4);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM visitors"), 1);
}

/* ---- tokens and series */

static void tokens(void **state)
{
    static const uint8_t one[16] = "one", two[16] = "two";
    struct kit *kit = *state;
    struct footfall_store_result result;
    struct footfall_store_op op = op_visit("page", 1, T0);
    op_token(&op, one, 10);
    expect(kit, &op, 0, 1, 1, 1);
    op.now_ms = T0 + DAY;
    result = apply_one(kit, &op);
    assert_true(result.status == 0 && result.replayed && result.current && result.is_new && result.total == 1);
    op_token(&op, one, 11);
    expect(kit, &op, FOOTFALL_STORE_TOKEN, 0, 0, 0);
    op_token(&op, one, 11); /* any id in common is enough: 110 is what [1] has for 10 */
    op.id_count = 2;
    memset(op.fingerprints[1], 10, 16);
    result = apply_one(kit, &op);
    assert_true(result.status == 0 && result.replayed);
    op = op_add("other", 1); /* another counter: another token */
    op_token(&op, one, 77);
    expect(kit, &op, 0, 0, 1, 0);
    op = op_add("page", INT64_MAX); /* a failure binds nothing */
    op_token(&op, two, 12);
    expect(kit, &op, FOOTFALL_STORE_RANGE, 0, 0, 0);
    op = op_delete("page");
    op_token(&op, two, 13);
    expect(kit, &op, 0, 0, 1, 1);
    op = op_add("page", 5);
    op.must_exist = 1;
    op_token(&op, two, 13); /* the token is looked at first, and outlives the counter */
    result = apply_one(kit, &op);
    assert_true(result.status == 0 && result.replayed && result.total == 0);
    kit_close(kit);
    kit_open(kit);
    op = op_forget("nowhere", 1, T0);
    op_token(&op, one, 14);
    expect(kit, &op, 0, 0, 0, 0);
    expect_read(kit, "nowhere", 0, 0, 0);
    result = apply_one(kit, &op);
    assert_true(result.status == 0 && result.replayed);
}

static void tokens_within_a_batch(void **state)
{
    static const uint8_t one[16] = "one";
    struct kit *kit = *state;
    struct footfall_store_op ops[3] = { op_add("page", 4), op_add("page", 4), op_add("page", 4) };
    struct footfall_store_result results[3];
    op_token(&ops[0], one, 1);
    op_token(&ops[1], one, 1);
    op_token(&ops[2], one, 2);
    assert_int_equal(SQ.apply(kit->store, ops, 3, results, kit_call(kit)), 0);
    assert_true(results[0].total == 4 && !results[0].replayed);
    assert_true(results[1].total == 4 && results[1].replayed && results[1].current);
    assert_int_equal(results[2].status, FOOTFALL_STORE_TOKEN);
}

static void series(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[5] = { op_visit("page", 1, T0), op_add("page", INT64_MAX), op_visit("page", 2, T0),
                                        op_add("gone", 1), op_add("page", 10) };
    struct footfall_store_result results[5];
    ops[1].series_at = 1;
    ops[2].series_at = 2;
    ops[3].must_exist = 1;
    ops[4].series_at = 3;
    assert_int_equal(in_series(kit, ops, 4, 5, results), 0);
    assert_true(results[0].is_new && results[1].status == FOOTFALL_STORE_RANGE && results[2].total == 2);
    assert_int_equal(results[3].status, FOOTFALL_STORE_ABSENT);
    kit_close(kit);
    kit_open(kit);
    assert_int_equal(in_series(kit, ops, 5, 5, results), 0); /* four are known, the last one is not */
    assert_true(results[0].replayed && results[0].current && results[0].is_new && results[0].total == 2);
    assert_true(results[1].replayed && results[1].status == FOOTFALL_STORE_RANGE && results[1].total == 0);
    assert_true(results[3].replayed && results[3].status == FOOTFALL_STORE_ABSENT);
    assert_true(!results[4].replayed && results[4].total == 12);
    assert_int_equal(in_series(kit, ops, 5, 4, results), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(results[i].status, FOOTFALL_STORE_TOKEN);
    expect_read(kit, "page", 1, 12, 2);
    ops[0] = op_delete("page"); /* the series survives it */
    assert_int_equal(in_series(kit, ops, 1, 6, results), 0);
    assert_true(!results[0].replayed && results[0].total == 12);
    assert_int_equal(in_series(kit, ops, 1, 6, results), 0);
    assert_true(results[0].replayed && results[0].total == 0);
    assert_int_equal(in_series(kit, &ops[4], 1, 5, results), 0);
    assert_int_equal(results[0].status, FOOTFALL_STORE_TOKEN);
    assert_int_equal(kit_sql(kit, "SELECT count(*) FROM series"), 2); /* page and gone: old parts went */
}

static void series_out_of_order(void **state)
{
    struct kit *kit = *state;
    struct footfall_store_op ops[2] = { op_add("page", 1), op_add("page", 1) };
    struct footfall_store_result results[2];
    ops[0].series_at = 3; /* 0 to 2 were never stored: a gap is no claim */
    ops[1].series_at = 4;
    assert_int_equal(in_series(kit, ops, 2, 1, results), 0);
    ops[0].series_at = 0;
    ops[1].series_at = 4;
    assert_int_equal(in_series(kit, ops, 2, 1, results), 0);
    assert_true(!results[0].replayed && results[0].total == 3 && results[1].replayed);
    ops[1].series_at = 0;
    assert_int_equal(in_series(kit, ops, 2, 2, results), 0);
    assert_int_equal(results[0].status, FOOTFALL_STORE_BROKEN);
    expect_read(kit, "page", 1, 3, 0);
}

/* ---- big batches give the answers of small ones */

enum { RANDOM_OPS = 6000 };

/* day < 0: any kind at any of five times; else a visit on that day, when the day before may have left records. */
static struct footfall_store_op random_op(int day)
{
    static const char *const names[] = { "a", "b", "a/b", "\xc3\xa9" };
    const char *name = names[rand() % 4];
    int64_t now = T0 + (day < 0 ? rand() % 5 * (DAY / 3) : day * DAY + rand() % 100);
    struct footfall_store_op op = op_visit(name, (uint32_t)(rand() % (day < 0 ? 20 : 300)), now);
    op.id_count = 1 + (uint32_t)rand() % 2;
    op.write_count = day < 0 && op.id_count == 2 && rand() % 3 == 0 ? 2 : 1;
    op.sliding = rand() % 4 == 0;
    if (rand() % 8 == 0)
        op.window_ms = rand() % 2 == 0 ? FOREVER : 50;
    switch (day >= 0 ? 99 : rand() % 12) {
    case 0:
        return op_add(name, rand() % 9 - 4);
    case 1:
        return rand() % 4 == 0 ? op_set(name, rand() % 100, INT64_MAX - rand() % 3) : op_add(name, 0);
    case 2:
        return rand() % 3 == 0 ? op_delete(name) : op_forget(name, (uint32_t)rand() % 20, now);
    default:
        return op;
    }
}

static int same_result(const struct footfall_store_result *a, const struct footfall_store_result *b)
{
    return a->status == b->status && a->is_new == b->is_new && a->replayed == b->replayed && a->current == b->current &&
           a->total == b->total && a->unique == b->unique;
}

/* Every size from 1 on, so that loading one by one and loading ahead in key order are both met. */
static void batches_agree_with_single_ops(void **state)
{
    struct kit *kit = *state;
    struct kit single = { .dir = kit->dir };
    struct footfall_store_op *ops = calloc(RANDOM_OPS, sizeof *ops);
    struct footfall_store_result *results = calloc(RANDOM_OPS, sizeof *results);
    char path[512];
    assert_true(ops != NULL && results != NULL);
    snprintf(path, sizeof path, "%s/single.db", kit->dir);
    assert_int_equal(kit_open_with(&single, path, "normal"), 0);
    srand(20);
    for (size_t at = 0, size = 1; at < RANDOM_OPS; at += size, size++) {
        size = size < RANDOM_OPS - at ? size : RANDOM_OPS - at;
        for (size_t i = 0; i < size; i++)
            ops[at + i] = random_op(size % 4 == 0 ? -1 : (int)size / 3);
        assert_int_equal(SQ.apply(kit->store, ops + at, size, results + at, kit_call(kit)), 0);
    }
    for (size_t i = 0; i < RANDOM_OPS; i++) {
        struct footfall_store_result result = apply_one(&single, &ops[i]);
        if (!same_result(&result, &results[i]))
            fail_msg("op %zu: %d %d %lld/%lld alone, %d %d %lld/%lld in a batch", i, result.status, result.is_new,
                     (long long)result.total, (long long)result.unique, results[i].status, results[i].is_new,
                     (long long)results[i].total, (long long)results[i].unique);
    }
    kit_close(&single);
    free(ops);
    free(results);
}

static void many_counters_at_once(void **state)
{
    enum { COUNT = 20000 };
    struct kit *kit = *state;
    struct footfall_store_op *ops = calloc(COUNT, sizeof *ops);
    struct footfall_store_result *results = calloc(COUNT, sizeof *results);
    char(*names)[16] = calloc(COUNT, sizeof *names);
    assert_true(ops != NULL && results != NULL && names != NULL);
    for (int round = 1; round <= 2; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            snprintf(names[i], sizeof names[i], "n%zu", i % 15000);
            ops[i] = op_visit(names[i], (uint32_t)(i % 7), T0);
        }
        assert_int_equal(SQ.apply(kit->store, ops, COUNT, results, kit_call(kit)), 0);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(results[i].total, (i < 15000 ? 1 : 2) + (round == 2 ? (i % 15000 < 5000 ? 2 : 1) : 0));
    }
    expect_read(kit, "n4999", 1, 4, 2);
    expect_read(kit, "n5000", 1, 2, 1);
    free(ops);
    free(results);
    free(names);
}

const struct CMUnitTest sqlite_rules[] = {
    cmocka_unit_test_setup_teardown(windows_to_the_millisecond, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(sliding_windows_restart, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(two_ids_over_a_rotation, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(range_changes_nothing, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(existence, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(deletion_forgets_at_once, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(forgetting_one_visitor, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(tokens, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(tokens_within_a_batch, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(series, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(series_out_of_order, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(batches_agree_with_single_ops, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(many_counters_at_once, kit_setup, kit_teardown),
};
const size_t sqlite_rules_count = sizeof sqlite_rules / sizeof sqlite_rules[0];
