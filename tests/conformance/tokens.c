/* tokens.c: an operation that comes again under its token is counted once, from wherever and whenever it comes; the token of
 * another operation is refused. */
#include "cases.h"
#include "suite_asks.h"

#include <string.h>

#define AGAIN (FOOTFALL_REPLAYED | FOOTFALL_CURRENT)

static struct footfall_result visit_with(struct footfall *ff, const char *name, const char *address, int64_t now_ms,
                                         const char *token)
{
    struct footfall_visitor who = suite_visitor(address, now_ms);
    return suite_apply(ff, suite_token(suite_visit(name, &who), token));
}

static void expect_other(struct footfall *ff, struct footfall_op op, const char *token)
{
    EXPECT_ANSWER(suite_apply(ff, suite_token(op, token)), FOOTFALL_INVALID, 0, 0, 0);
}

static void tokens_count_an_add_once(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_call call = suite_with_token("t");
    struct footfall_result r;
    assert_int_equal(footfall_add(ff, "a", 5, &call, &r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(r, FOOTFALL_OK, 0, 5, 0);
    assert_int_equal(footfall_add(ff, "a", 5, &call, &r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(r, FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_READ(ff, "a", 5, 0);
}

static void tokens_answer_with_current_totals(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, 0, 5, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 6, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, AGAIN, 6, 1);
}

static void tokens_keep_the_first_answer_of_a_visit(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "first"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "second"), FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "first"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 2, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON + 1, "second"), FOOTFALL_OK, AGAIN, 2, 1);
}

static void tokens_of_every_kind(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_set("a", 9, 3), "set")), FOOTFALL_OK, 0, 9, 3);
    EXPECT_ADD(ff, "a", 1, 10, 3);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_set("a", 9, 3), "set")), FOOTFALL_OK, AGAIN, 10, 3);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 11, 4);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_forget("a", &who), "forget")), FOOTFALL_OK, 0, 11, 4);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 12, 5);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_forget("a", &who), "forget")), FOOTFALL_OK, AGAIN, 12, 5);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 13, 5);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_delete("a"), "delete")), FOOTFALL_OK, 0, 13, 5);
    EXPECT_ADD(ff, "a", 2, 2, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_delete("a"), "delete")), FOOTFALL_OK, AGAIN, 2, 0);
    EXPECT_READ(ff, "a", 2, 0);
}

static void tokens_are_each_counters_own(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("b", 5), "t")), FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_set("c", 5, 5), "t")), FOOTFALL_OK, 0, 5, 5);
}

static void tokens_of_another_operation_are_refused(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_visitor other = suite_visitor("203.0.113.8", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_error err;
    struct footfall_call call = suite_with_token("add");
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "add")), FOOTFALL_OK, 0, 5, 0);
    EXPECT_REFUSED(footfall_add(ff, "a", 6, &call, NULL, &err), err, FOOTFALL_INVALID, "token");
    expect_other(ff, suite_add("a", -5), "add");
    expect_other(ff, suite_set("a", 5, 0), "add");
    expect_other(ff, suite_delete("a"), "add");
    expect_other(ff, suite_visit("a", &who), "add");
    expect_other(ff, suite_forget("a", &who), "add");
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_visit("a", &who), "visit")), FOOTFALL_OK, FOOTFALL_IS_NEW, 6, 1);
    expect_other(ff, suite_visit("a", &other), "visit");
    expect_other(ff, suite_forget("a", &who), "visit");
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_set("a", 6, 1), "set")), FOOTFALL_OK, 0, 6, 1);
    expect_other(ff, suite_set("a", 6, 2), "set");
    expect_other(ff, suite_set("a", 1, 6), "set");
    expect_other(ff, suite_set("a", 7, 1), "set");
    EXPECT_READ(ff, "a", 6, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 7, 2); /* the refused one was not remembered */
}

static void tokens_are_not_bound_by_failures(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", INT64_MAX, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 1), "t")), FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", -1), "t")), FOOTFALL_OK, 0, INT64_MAX - 1, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_strict(suite_add("b", 1)), "t")), FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_set("b", 4, 4), "t")), FOOTFALL_OK, 0, 4, 4);
}

static void tokens_are_asked_before_range_and_existence(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", INT64_MAX), "t")), FOOTFALL_OK, 0, INT64_MAX, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", INT64_MAX), "t")), FOOTFALL_OK, AGAIN, INT64_MAX, 0);
    EXPECT_DELETE(ff, "a", INT64_MAX, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_strict(suite_add("a", INT64_MAX)), "t")), FOOTFALL_OK, AGAIN, 0, 0);
    EXPECT_NOTHING(ff, "a");
}

static void tokens_outlive_delete(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_DELETE(ff, "a", 1, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 0, 0);
    EXPECT_NOTHING(ff, "a");
    expect_other(ff, suite_add("a", 1), "t");
    EXPECT_ADD(ff, "a", 3, 3, 0);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 3, 0);
}

static void tokens_on_what_does_not_exist(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_delete("a"), "t")), FOOTFALL_OK, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
    EXPECT_ADD(ff, "a", 1, 1, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_delete("a"), "t")), FOOTFALL_OK, AGAIN, 1, 0);
    EXPECT_READ(ff, "a", 1, 0);
}

/* A visit just before midnight is tried again just after it: its ids are others, and one is the same. */
static void tokens_of_visits_across_midnight(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", T0 - 1, "t"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", T0 + 1, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", T0 + 9 * MINUTE, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.8", T0 + 1, "t"), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(visit_with(ff, "b", "203.0.113.7", T0 + 1, "t"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(ff, "b", "203.0.113.7", T0 - 1, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
}

static void tokens_from_another_handle(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(other, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(visit_with(other, "a", "203.0.113.8", NOON, "t"), FOOTFALL_INVALID, 0, 0, 0);
}

static void tokens_from_a_handle_opened_again(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    suite_close(*state, ff);
    ff = suite_open(*state, NULL);
    EXPECT_ANSWER(visit_with(ff, "a", "203.0.113.7", NOON, "t"), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
}

static void tokens_from_another_process(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_op op = suite_token(suite_visit("a", &who), "t");
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    assert_int_equal(suite_apply_elsewhere(*state, NULL, &op, 1, NULL, &r), FOOTFALL_OK);
    EXPECT_ANSWER(r, FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 1, 1);
}

static void tokens_are_known_for_ten_minutes(void **state)
{
    struct footfall_purge_result purged;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, 0, 5, 0);
    suite_set_clock(*state, NOON + 10 * MINUTE);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1000, NULL, &purged, NULL), FOOTFALL_OK);
    assert_int_equal(purged.tokens, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, AGAIN, 5, 0);
}

static void tokens_of_1_and_64_bytes(void **state)
{
    static const uint8_t bytes[65] = { 0, 1, 2, 0xff, 0x80 };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.token = bytes;
    for (size_t size = 1; size <= 64; size += 63) {
        call.token_bytes = size;
        assert_int_equal(footfall_add(ff, "a", 1, &call, &r, NULL), FOOTFALL_OK);
        assert_int_equal(r.flags, 0);
        assert_int_equal(footfall_add(ff, "a", 1, &call, &r, NULL), FOOTFALL_OK);
        assert_int_equal(r.flags, AGAIN);
    }
    EXPECT_READ(ff, "a", 2, 0);
}

static void tokens_of_a_wrong_size_are_refused(void **state)
{
    static const uint8_t bytes[66] = { 0 };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op op = suite_add("a", 1);
    struct footfall_error err;
    call.token = bytes;
    EXPECT_REFUSED(footfall_add(ff, "a", 1, &call, NULL, &err), err, FOOTFALL_INVALID, "token");
    call.token_bytes = 65;
    EXPECT_REFUSED(footfall_add(ff, "a", 1, &call, NULL, &err), err, FOOTFALL_INVALID, "token");
    call.token = NULL;
    call.token_bytes = 5;
    EXPECT_REFUSED(footfall_add(ff, "a", 1, &call, NULL, &err), err, FOOTFALL_INVALID, "token");
    op.token = bytes;
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_INVALID, 0, 0, 0);
    op.token_bytes = 65;
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
}

static void tokens_twice_in_one_batch(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[4] = { suite_token(suite_add("a", 5), "t"), suite_add("a", 1),
                                  suite_token(suite_add("a", 5), "t"), suite_token(suite_add("a", 6), "t") };
    struct footfall_result r[4];
    assert_int_equal(footfall_apply(ff, ops, 4, NULL, r, NULL), FOOTFALL_INVALID);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 6, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, AGAIN, 6, 0);
    EXPECT_ANSWER(r[3], FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_READ(ff, "a", 6, 0);
}

const struct suite_case suite_tokens[] = {
    SUITE_CASE(tokens_count_an_add_once),
    SUITE_CASE(tokens_answer_with_current_totals),
    SUITE_CASE(tokens_keep_the_first_answer_of_a_visit),
    SUITE_CASE(tokens_of_every_kind),
    SUITE_CASE(tokens_are_each_counters_own),
    SUITE_CASE(tokens_of_another_operation_are_refused),
    SUITE_CASE(tokens_are_not_bound_by_failures),
    SUITE_CASE(tokens_are_asked_before_range_and_existence),
    SUITE_CASE(tokens_outlive_delete),
    SUITE_CASE(tokens_on_what_does_not_exist),
    SUITE_CASE(tokens_of_visits_across_midnight),
    SUITE_CASE(tokens_from_another_handle),
    SUITE_CASE_NEEDS(tokens_from_a_handle_opened_again, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE_NEEDS(tokens_from_another_process, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE(tokens_are_known_for_ten_minutes),
    SUITE_CASE(tokens_of_1_and_64_bytes),
    SUITE_CASE(tokens_of_a_wrong_size_are_refused),
    SUITE_CASE(tokens_twice_in_one_batch),
    SUITE_CASES_END,
};
