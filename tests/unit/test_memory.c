/* test_memory.c: the memory backend through its vtable alone: windows, tokens, series, and that an operation for which memory
 * runs out has done nothing. The answers are worked out by hand; the engine has no part in it. */
#include "test_memory.h"

static const char token_b[] = "token b 16 bytes";

/* ---- counting ------------------------------------------------------------------------------------------------------------ */

static void adds_stay_within_int64(void **state)
{
    expect(apply(*state, add_of("a", INT64_MAX)), 0, 0, INT64_MAX, 0);
    expect(apply(*state, add_of("a", 1)), FOOTFALL_STORE_RANGE, 0, 0, 0);
    expect(apply(*state, add_of("a", INT64_MIN)), 0, 0, -1, 0);
    expect(apply(*state, set_of("a", INT64_MIN, INT64_MAX)), 0, 0, INT64_MIN, INT64_MAX);
    expect(apply(*state, add_of("a", -1)), FOOTFALL_STORE_RANGE, 0, 0, 0);
    expect(apply(*state, visit_of("a", 1, 5, HOUR)), FOOTFALL_STORE_RANGE, 0, 0, 0);
    expect_held(*state, 1, 0, 0, 0);
    expect(apply(*state, add_of("absent", 0)), 0, 0, 0, 0);
    assert_true(exists(*state, "absent", 0, 0));
}

static void a_fixed_window_is_half_open(void **state)
{
    expect(apply(*state, visit_of("a", 1, 1000, HOUR)), 0, 1, 1, 1);
    expect(apply(*state, visit_of("a", 1, 1000 + HOUR - 1, HOUR)), 0, 0, 2, 1);
    expect(apply(*state, visit_of("a", 1, 1000 + HOUR, HOUR)), 0, 1, 3, 2);
    expect(apply(*state, visit_of("a", 1, 0, HOUR)), 0, 0, 4, 2);
    expect(apply(*state, visit_of("a", 1, 1000 + 2 * HOUR - 1, HOUR)), 0, 0, 5, 2);
    expect(apply(*state, visit_of("a", 2, 0, HOUR)), 0, 1, 6, 3);
    expect(apply(*state, visit_of("a", 2, HOUR, FOREVER)), 0, 0, 7, 3);
}

static void a_sliding_window_starts_again_with_each_visit(void **state)
{
    struct footfall_store_op op = visit_of("a", 1, 1000, HOUR);
    op.sliding = 1;
    expect(apply(*state, op), 0, 1, 1, 1);
    op.now_ms = 1000 + HOUR - 1;
    expect(apply(*state, op), 0, 0, 2, 1);
    op.now_ms = 0; /* never moves the last visit back */
    expect(apply(*state, op), 0, 0, 3, 1);
    op.now_ms = 1000 + 2 * HOUR - 2;
    expect(apply(*state, op), 0, 0, 4, 1);
    op.now_ms = 1000 + 3 * HOUR - 2;
    expect(apply(*state, op), 0, 1, 5, 2);
}

static void the_latest_time_of_any_id_counts(void **state)
{
    struct footfall_store_op op = visit_of("a", 1, 1000, HOUR);
    memset(op.ids[1].bytes, 2, sizeof(op.ids[1].bytes));
    op.id_count = op.write_count = 2;
    expect(apply(*state, op), 0, 1, 1, 1);
    expect_held(*state, 1, 2, 0, 0);
    expect(apply(*state, visit_of("a", 2, 1000 + HOUR, HOUR)), 0, 1, 2, 2); /* the second id alone moves on */
    op.write_count = 1;
    op.now_ms = 1000 + HOUR + 1;
    expect(apply(*state, op), 0, 0, 3, 2);
    op.now_ms = 1000 + 2 * HOUR;
    expect(apply(*state, op), 0, 1, 4, 3);
    expect(apply(*state, visit_of("a", 2, 1000 + 2 * HOUR, HOUR)), 0, 1, 5, 4); /* was not written under it */
}

static void deleting_forgets_and_absent_ones_make_nothing(void **state)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_FORGET, "a");
    expect(apply(*state, op), 0, 0, 0, 0);
    expect(apply(*state, op_of(FOOTFALL_STORE_DELETE, "a")), 0, 0, 0, 0);
    op.must_exist = 1;
    expect(apply(*state, op), FOOTFALL_STORE_ABSENT, 0, 0, 0);
    expect_held(*state, 0, 0, 0, 0);
    apply(*state, visit_of("a", 0, 1, FOREVER));
    expect(apply(*state, op), 0, 0, 1, 1);
    expect_held(*state, 1, 0, 0, 0);
    expect(apply(*state, visit_of("a", 0, 1, FOREVER)), 0, 1, 2, 2);
    expect(apply(*state, op_of(FOOTFALL_STORE_DELETE, "a")), 0, 0, 2, 2);
    expect(apply(*state, op), FOOTFALL_STORE_ABSENT, 0, 0, 0);
    assert_false(exists(*state, "a", 0, 0));
    expect(apply(*state, visit_of("a", 0, 1, FOREVER)), 0, 1, 1, 1);
    expect_held(*state, 1, 2, 0, 0); /* one of them dead */
}

static void a_sliding_window_never_goes_back_under_another_id(void **state)
{
    struct footfall_store_op op = visit_of("a", 2, 5 * HOUR, HOUR); /* known under the older id alone */
    apply(*state, op);
    op = visit_of("a", 1, 5 * HOUR - 10, HOUR);
    memset(op.ids[1].bytes, 2, sizeof(op.ids[1].bytes));
    op.id_count = 2;
    op.sliding = 1;
    expect(apply(*state, op), 0, 0, 2, 1);
    expect(apply(*state, visit_of("a", 1, 6 * HOUR - 1, HOUR)), 0, 0, 3, 1);
    expect(apply(*state, visit_of("a", 1, 6 * HOUR, HOUR)), 0, 1, 4, 2);
}

/* ---- tokens and series ----------------------------------------------------------------------------------------------------- */

static void a_token_is_asked_before_all_else(void **state)
{
    struct footfall_store_op first = with_token(add_of("a", INT64_MAX), token_a, 1);
    struct footfall_store_result result = apply(*state, first);
    expect(result, 0, 0, INT64_MAX, 0);
    assert_false(result.replayed || result.current);
    result = apply(*state, first); /* would be a range error */
    expect(result, 0, 0, INT64_MAX, 0);
    assert_true(result.replayed && result.current);
    expect(apply(*state, with_token(add_of("a", -1), token_a, 2)), FOOTFALL_STORE_TOKEN, 0, 0, 0);
    expect(apply(*state, with_token(add_of("a", 1), token_b, 2)), FOOTFALL_STORE_RANGE, 0, 0, 0);
    expect(apply(*state, with_token(add_of("a", -2), token_b, 3)), 0, 0, INT64_MAX - 2, 0); /* a failure binds none */
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    first.must_exist = 1;
    result = apply(*state, first);
    expect(result, 0, 0, 0, 0);
    assert_true(result.replayed);
    assert_false(exists(*state, "a", 0, 0));
    expect(apply(*state, with_token(add_of("b", 4), token_a, 9)), 0, 0, 4, 0); /* another counter's is another */
}

static void a_visits_token_needs_one_id_in_common(void **state)
{
    struct footfall_store_op op = with_token(visit_of("a", 1, 5, HOUR), token_a, 1);
    memset(op.ids[1].bytes, 2, sizeof(op.ids[1].bytes));
    memset(op.fingerprints[1], 2, sizeof(op.fingerprints[1]));
    op.id_count = 2;
    expect(apply(*state, op), 0, 1, 1, 1);
    memset(op.fingerprints[0], 3, sizeof(op.fingerprints[0])); /* the next epoch: 3 and 1 */
    memset(op.fingerprints[1], 1, sizeof(op.fingerprints[1]));
    expect(apply(*state, op), 0, 1, 1, 1);
    memset(op.fingerprints[1], 2, sizeof(op.fingerprints[1])); /* 2 was looked up, never stored */
    expect(apply(*state, op), FOOTFALL_STORE_TOKEN, 0, 0, 0);
}

static void a_numbered_batch_is_applied_once(void **state)
{
    struct footfall_store_result result = { .status = FOOTFALL_STORE_BROKEN };
    struct footfall_store_op strict = add_of("a", 1);
    strict.must_exist = 1;
    expect(numbered(*state, strict, 7, 0), FOOTFALL_STORE_ABSENT, 0, 0, 0);
    for (uint32_t i = 1; i < 100; i++)
        expect(numbered(*state, visit_of("a", (uint8_t)(i / 2), 5, HOUR), 7, i), 0, i == 1 || i % 2 == 0, i, i / 2 + 1);
    for (uint32_t i = 1; i < 100; i++) {
        result = numbered(*state, visit_of("a", (uint8_t)(i / 2), 5, HOUR), 7, i);
        expect(result, 0, i == 1 || i % 2 == 0, 99, 50);
        assert_true(result.replayed && result.current);
    }
    result = numbered(*state, strict, 7, 0);
    expect(result, FOOTFALL_STORE_ABSENT, 0, 0, 0);
    assert_true(result.replayed);
    expect(numbered(*state, add_of("a", 1), 7, 101), FOOTFALL_STORE_TEMPORARY, 0, 0, 0);
    expect(numbered(*state, add_of("a", 1), 6, 0), FOOTFALL_STORE_TOKEN, 0, 0, 0);
    expect(numbered(*state, add_of("b", 1), 6, 0), 0, 0, 1, 0);
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    expect(numbered(*state, add_of("a", 1), 7, 1), 0, 1, 0, 0);
    expect(numbered(*state, add_of("a", 5), 9, 0), 0, 0, 5, 0);
    expect(numbered(*state, add_of("a", 5), 8, 0), FOOTFALL_STORE_TOKEN, 0, 0, 0);
    expect(numbered(*state, add_of("a", 5), 9, 1), 0, 0, 10, 0);
}

/* ---- out of memory ---------------------------------------------------------------------------------------------------------- */

static int refuse_from(void *user)
{
    int *left = user;
    return (*left)-- <= 0;
}

/* Applies op with the first, second … allocation failing (that one, or all from it on), until one attempt gets through. Each failed one must leave the
 * store as it was. Returns how many failed. */
static int apply_under_pressure(struct footfall_store *store, struct footfall_store_op op, uint64_t number, uint32_t at)
{
    struct held before = { 0, 0, 0, 0 };
    struct held after = { 0, 0, 0, 0 };
    struct footfall_store_result result = { .status = FOOTFALL_STORE_NO_MEMORY };
    memory->metrics(store, note_held, &before);
    for (int tries = 0;; tries++) {
        int left = tries;
        footfall__alloc_hook(at % 2 == 0 ? refuse_at : refuse_from, &left);
        result = numbered(store, op, number, at);
        footfall__alloc_hook(NULL, NULL);
        if (result.status != FOOTFALL_STORE_NO_MEMORY) {
            expect(result, 0, op.kind == FOOTFALL_STORE_VISIT, result.total, result.unique);
            assert_false(result.replayed);
            return tries;
        }
        assert_string_equal(text, "out of memory");
        memory->metrics(store, note_held, &after);
        assert_memory_equal(&before, &after, sizeof(before));
    }
}

static void without_memory_nothing_is_done(void **state)
{
    int failed = 0;
    for (uint32_t i = 0; i < 300; i++) {
        struct footfall_store_op op = with_token(visit_of("a", 0, 5, HOUR), token_a, 1);
        char token[17];
        char name[8];
        (void)snprintf(name, sizeof(name), "%u", i % 150);
        (void)snprintf(token, sizeof(token), "%016u", i);
        op.name = i % 3 == 0 ? name : "all";
        op.name_bytes = strlen(op.name);
        op.token = (const uint8_t *)token;
        memcpy(op.ids[0].bytes, token, sizeof(op.ids[0].bytes));
        failed += apply_under_pressure(*state, op, 1, i % 3 == 0 ? i / 150 : i - i / 3 - 1);
    }
    assert_in_range(failed, 300, 5000);
    assert_true(exists(*state, "all", 200, 200));
    assert_true(exists(*state, "3", 2, 2));
}

static void a_batch_stops_where_memory_ends(void **state)
{
    struct footfall_store_op ops[3] = { add_of("a", 1), visit_of("b", 1, 5, HOUR), add_of("a", 2) };
    struct footfall_store_result results[3];
    struct footfall_store_call call = call_at(0);
    int left = 0;
    apply(*state, add_of("a", 1)); /* leaves room for "a", and none for another counter */
    footfall__alloc_hook(refuse_at, &left);
    assert_int_equal(memory->apply(*state, ops, 3, results, &call), 0);
    footfall__alloc_hook(NULL, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(results[i].status, FOOTFALL_STORE_NO_MEMORY);
    assert_true(exists(*state, "a", 1, 0));
    assert_int_equal(memory->apply(*state, ops, 3, results, &call), 0);
    expect(results[2], 0, 0, 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(adds_stay_within_int64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fixed_window_is_half_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sliding_window_starts_again_with_each_visit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_latest_time_of_any_id_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sliding_window_never_goes_back_under_another_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleting_forgets_and_absent_ones_make_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_asked_before_all_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visits_token_needs_one_id_in_common, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_numbered_batch_is_applied_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_stops_where_memory_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
