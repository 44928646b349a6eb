/* batches.c: footfall_apply and footfall_read: order per counter, each operation's own numbers, every status written. */
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void batches_of_none(void **state)
{
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    assert_int_equal(footfall_apply(ff, NULL, 0, NULL, NULL, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    assert_int_equal(footfall_read(ff, NULL, 0, NULL, NULL, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
}

static void batches_take_effect_in_order_per_counter(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[10] = { suite_add("a", 1),      suite_set("b", 10, 2),  suite_add("a", 2),
                                   suite_visit("b", &who), suite_visit("a", &who), suite_set("a", 7, 7),
                                   suite_add("b", -5),     suite_visit("a", &who), suite_delete("b"),
                                   suite_add("a", -7) };
    static const int64_t expected[10][2] = { { 1, 0 }, { 10, 2 }, { 3, 0 }, { 11, 3 }, { 4, 1 },
                                             { 7, 7 }, { 6, 3 },  { 8, 7 }, { 6, 3 },  { 1, 7 } };
    struct footfall_result r[10];
    struct footfall_error err;
    assert_int_equal(footfall_apply(ff, ops, 10, NULL, r, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    assert_string_equal(err.text, "");
    for (int i = 0; i < 10; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, i == 3 || i == 4 ? FOOTFALL_IS_NEW : 0, expected[i][0], expected[i][1]);
    EXPECT_LIST(ff, "", NULL, "a=1/7");
}

static void batches_tell_of_the_first_failure(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[5] = { suite_add("a", 1), suite_strict(suite_add("gone", 1)), suite_add("bad\n", 1),
                                  suite_add("a", INT64_MAX), suite_add("a", 1) };
    static const int status[5] = { FOOTFALL_OK, FOOTFALL_ABSENT, FOOTFALL_INVALID, FOOTFALL_RANGE, FOOTFALL_OK };
    struct footfall_result r[5];
    struct footfall_error err;
    EXPECT_REFUSED(footfall_apply(ff, ops, 5, NULL, r, &err), err, FOOTFALL_ABSENT, "gone");
    for (int i = 0; i < 5; i++)
        EXPECT_ANSWER(r[i], status[i], 0, i == 0 ? 1 : (i == 4 ? 2 : 0), 0);
    EXPECT_REFUSED(footfall_apply(ff, ops + 2, 3, NULL, r, &err), err, FOOTFALL_INVALID, "control");
    EXPECT_REFUSED(footfall_apply(ff, ops + 3, 2, NULL, r, &err), err, FOOTFALL_RANGE, "\"a\"");
}

static void batches_refuse_a_token_in_the_call(void **state)
{
    struct footfall_call call = suite_with_token("t");
    struct footfall_op op = suite_add("a", 1);
    struct footfall_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_INVALID, "token");
    EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
}

static void batches_refuse_a_kind_that_is_none(void **state)
{
    struct footfall_op op = suite_add("a", 1);
    struct footfall *ff = suite_open(*state, NULL);
    op.kind = (enum footfall_op_kind)0;
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_INVALID, 0, 0, 0);
    op.kind = (enum footfall_op_kind)6;
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
}

static void batches_larger_than_the_stores(void **state)
{
    size_t count = 2 * (size_t)suite_max_batch() + 3;
    struct footfall_op *ops = calloc(count, sizeof(*ops));
    struct footfall_result *r = calloc(count, sizeof(*r));
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    assert_true(ops != NULL && r != NULL);
    call.wait_ms = FOOTFALL_WAIT_MAX_MS;
    for (size_t i = 0; i < count; i++)
        ops[i] = i % 2 == 0 ? suite_visit("even", &who) : suite_add("odd", -1);
    assert_int_equal(footfall_apply(ff, ops, count, &call, r, NULL), FOOTFALL_OK);
    for (size_t i = 0; i < count; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, i == 0 ? FOOTFALL_IS_NEW : 0, (i % 2 ? -1 : 1) * (int64_t)(i / 2 + 1),
                      i % 2 ? 0 : 1);
    free(ops);
    free(r);
}

/* However the store's batches are cut, the error is that of the first failure in the caller's array. */
static void batches_larger_than_the_stores_tell_of_the_first_failure(void **state)
{
    size_t count = (size_t)suite_max_batch() + 10;
    struct footfall_op *ops = calloc(count, sizeof(*ops));
    struct footfall_result *r = calloc(count, sizeof(*r));
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    assert_true(ops != NULL && r != NULL);
    EXPECT_SET(ff, "full", INT64_MAX, 0);
    EXPECT_SET(ff, "fuller", INT64_MAX, 0);
    for (size_t i = 0; i < count; i++)
        ops[i] = suite_add("a", 1);
    ops[1] = suite_add("full", 0);
    ops[2] = suite_add("fuller", 1);
    ops[3] = suite_add("full", 1);
    EXPECT_REFUSED(footfall_apply(ff, ops, count, NULL, r, &err), err, FOOTFALL_RANGE, "fuller");
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, INT64_MAX, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_ANSWER(r[3], FOOTFALL_RANGE, 0, 0, 0);
    ops[count - 1] = suite_add("", 1);
    ops[0] = suite_add("\x01", 1);
    EXPECT_REFUSED(footfall_apply(ff, ops, count, NULL, r, &err), err, FOOTFALL_INVALID, "0x01");
    EXPECT_READ(ff, "a", 2 * (int64_t)(count - 4), 0);
    free(ops);
    free(r);
}

static void batches_of_many_counters(void **state)
{
    enum { COUNT = 3000 };
    static char names[COUNT][16];
    static struct footfall_op ops[COUNT];
    static struct footfall_result r[COUNT];
    static const char *pointers[COUNT];
    struct footfall *ff = suite_open(*state, NULL);
    int count = suite_rounds(COUNT), half = count / 2;
    for (int i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%d", i % half);
        pointers[i] = names[i];
        ops[i] = suite_add(names[i], i);
    }
    assert_int_equal(footfall_apply(ff, ops, (size_t)count, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < count; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, 0, i < half ? i : 2 * i - half, 0);
    assert_int_equal(footfall_read(ff, pointers, (size_t)count, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < count; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, FOOTFALL_EXISTS, 2 * (i % half) + half, 0);
}

static void batches_with_one_visitor_many_times(void **state)
{
    enum { COUNT = 100 };
    struct footfall_visitor who[COUNT];
    struct footfall_op ops[COUNT];
    struct footfall_result r[COUNT];
    const struct suite_knobs knobs = { .window = "1m" };
    struct footfall *ff = suite_open(*state, &knobs);
    for (int i = 0; i < COUNT; i++) { /* every 25 s: new at 0, 75, 150 … */
        who[i] = suite_visitor("203.0.113.7", NOON - HOUR + i * 25 * SECOND);
        ops[i] = suite_visit("a", &who[i]);
    }
    assert_int_equal(footfall_apply(ff, ops, COUNT, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < COUNT; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, i % 3 == 0 ? FOOTFALL_IS_NEW : 0, i + 1, i / 3 + 1);
}

static void batches_of_a_sliding_window(void **state)
{
    enum { COUNT = 100 };
    struct footfall_visitor who[COUNT];
    struct footfall_op ops[COUNT];
    struct footfall_result r[COUNT];
    const struct suite_knobs knobs = { .window = "1m", .mode = "sliding" };
    struct footfall *ff = suite_open(*state, &knobs);
    for (int i = 0; i < COUNT; i++) { /* every 25 s, with a pause of a minute after each tenth */
        who[i] = suite_visitor("203.0.113.7", NOON - HOUR + i * 25 * SECOND + i / 10 * 35 * SECOND);
        ops[i] = suite_visit("a", &who[i]);
    }
    assert_int_equal(footfall_apply(ff, ops, COUNT, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < COUNT; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, i % 10 == 0 ? FOOTFALL_IS_NEW : 0, i + 1, i / 10 + 1);
}

static void batches_and_single_calls_may_leave_out_pointers(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    assert_int_equal(footfall_add(ff, "a", 1, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_visit(ff, "a", &who, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_set(ff, "a", 3, 3, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_forget(ff, "a", &who, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_delete(ff, "a", NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_add(ff, "", 1, NULL, NULL, NULL), FOOTFALL_INVALID);
}

/* ---- read ---------------------------------------------------------------------------------------------------------------------- */

static void reads_of_all_sorts(void **state)
{
    const char *const names[5] = { "b", "nothing", "a", "b", "b" };
    struct footfall_result r[5];
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", -3, 4);
    EXPECT_SET(ff, "b", 0, 0);
    assert_int_equal(footfall_read(ff, names, 5, NULL, r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, FOOTFALL_EXISTS, 0, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 0, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, FOOTFALL_EXISTS, -3, 4);
    EXPECT_ANSWER(r[3], FOOTFALL_OK, FOOTFALL_EXISTS, 0, 0);
    EXPECT_ANSWER(r[4], FOOTFALL_OK, FOOTFALL_EXISTS, 0, 0);
}

static void reads_count_nothing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_NOTHING(ff, "a");
    EXPECT_NOTHING(ff, "a");
    EXPECT_LIST(ff, "", NULL, "");
}

static void reads_see_what_another_handle_was_told(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    for (int i = 1; i <= 50; i++) {
        EXPECT_ADD(ff, "a", 1, i, 0);
        EXPECT_READ(other, "a", i, 0);
    }
}

static void reads_see_what_another_process_was_told(void **state)
{
    struct footfall_op ops[2] = { suite_add("a", 5), suite_set("b", INT64_MIN, INT64_MAX) };
    struct footfall_result r[2];
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", 1, 1, 0);
    assert_int_equal(suite_apply_elsewhere(*state, NULL, ops, 2, NULL, r), FOOTFALL_OK);
    EXPECT_READ(ff, "a", 6, 0);
    EXPECT_READ(ff, "b", INT64_MIN, INT64_MAX);
    EXPECT_ADD(ff, "a", 1, 7, 0);
}

const struct suite_case suite_batches[] = {
    SUITE_CASE(batches_of_none),
    SUITE_CASE(batches_take_effect_in_order_per_counter),
    SUITE_CASE(batches_tell_of_the_first_failure),
    SUITE_CASE(batches_refuse_a_token_in_the_call),
    SUITE_CASE(batches_refuse_a_kind_that_is_none),
    SUITE_CASE(batches_larger_than_the_stores),
    SUITE_CASE(batches_larger_than_the_stores_tell_of_the_first_failure),
    SUITE_CASE(batches_of_many_counters),
    SUITE_CASE(batches_with_one_visitor_many_times),
    SUITE_CASE(batches_of_a_sliding_window),
    SUITE_CASE(batches_and_single_calls_may_leave_out_pointers),
    SUITE_CASE(reads_of_all_sorts),
    SUITE_CASE(reads_count_nothing),
    SUITE_CASE(reads_see_what_another_handle_was_told),
    SUITE_CASE_NEEDS(reads_see_what_another_process_was_told, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASES_END,
};
