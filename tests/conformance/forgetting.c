/* forgetting.c: set leaves visitors remembered, delete forgets them all in one step, forget drops one; must_exist makes nothing. */
#include "cases.h"
#include "suite_asks.h"

static void set_leaves_visitors_remembered(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_SET(ff, "a", 0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 1, 0);
    EXPECT_SET(ff, "a", 100, 50);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 101, 50);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 102, 51);
}

static void delete_answers_what_was_there(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", 42, -17);
    EXPECT_DELETE(ff, "a", 42, -17);
    EXPECT_NOTHING(ff, "a");
    EXPECT_DELETE(ff, "a", 0, 0);
    EXPECT_NOTHING(ff, "a");
}

static void delete_of_nothing_makes_nothing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_DELETE(ff, "a", 0, 0);
    EXPECT_NOTHING(ff, "a");
    EXPECT_LIST(ff, "", NULL, "");
}

static void delete_forgets_every_visitor_at_once(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 3, 3);
    EXPECT_DELETE(ff, "a", 3, 3);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 3, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON - HOUR, 1, 4, 3);
}

static void delete_forgets_those_of_a_sliding_window(void **state)
{
    const struct suite_knobs knobs = { .mode = "sliding" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_DELETE(ff, "a", 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 2 * HOUR, 1, 1, 1); /* and this is the last time now, not NOON */
    suite_set_clock(*state, NOON + DAY);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 26 * HOUR, 1, 2, 2);
}

static void delete_leaves_other_counters_be(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "aa", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_DELETE(ff, "a", 1, 1);
    EXPECT_VISIT(ff, "aa", "203.0.113.7", NOON, 0, 2, 1);
}

static void delete_and_make_anew_again_and_again(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    for (int round = 0; round < 20; round++) {
        EXPECT_NOTHING(ff, "a");
        EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
        EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
        EXPECT_ADD(ff, "a", round, 2 + round, 1);
        EXPECT_DELETE(ff, "a", 2 + round, 1);
    }
}

static void delete_counts_for_the_next_operation_of_a_batch(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[7] = { suite_visit("a", &who), suite_delete("a"), suite_visit("a", &who),
                                  suite_visit("a", &who), suite_delete("a"), suite_strict(suite_add("a", 1)),
                                  suite_add("a", 5) };
    struct footfall_result r[7];
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    assert_int_equal(footfall_apply(ff, ops, 7, NULL, r, NULL), FOOTFALL_ABSENT);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(r[3], FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(r[4], FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(r[5], FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_ANSWER(r[6], FOOTFALL_OK, 0, 5, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 6, 1);
}

static void delete_by_another_handle(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_DELETE(other, "a", 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_DELETE(other, "a", 1, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
}

/* ---- forget -------------------------------------------------------------------------------------------------------------------- */

static void forget_drops_one_visitor(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 2, 2);
    EXPECT_READ(ff, "a", 2, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 3, 3);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 0, 4, 3);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON, 0, 2, 1);
}

static void forget_knows_a_visitor_by_any_of_its_addresses(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "2001:db8::ffff", NOON, 1, 1);
    EXPECT_VISIT(ff, "a", "2001:db8::1", NOON, 1, 2, 2);
}

static void forget_of_nothing_makes_nothing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 0, 0);
    EXPECT_NOTHING(ff, "a");
    EXPECT_ADD(ff, "a", 5, 5, 0);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 5, 0);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 5, 0);
}

static void forget_under_the_epoch_before(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - HOUR, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - HOUR + 1, 1, 2, 2);
}

static void forget_under_both_keys_of_the_first_hour(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 10 * MINUTE, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", T0 + 20 * MINUTE, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 10 * MINUTE, 1, 2, 2);
    EXPECT_FORGET(ff, "a", "203.0.113.7", T0 + 20 * MINUTE, 2, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 20 * MINUTE, 1, 3, 3);
}

static void forget_leaves_epochs_that_its_time_does_not_name(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 5 * DAY, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 5 * DAY, 0, 2, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON - 5 * DAY, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 5 * DAY, 1, 3, 2);
}

static void forget_under_forever(void **state)
{
    const struct suite_knobs knobs = { .window = "forever" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 5, 1, 1, 1);
    EXPECT_FORGET(ff, "a", "203.0.113.7", NOON, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 6, 1, 2, 2);
}

static void forget_between_visits_of_one_batch(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[4] = { suite_visit("a", &who), suite_forget("a", &who), suite_visit("a", &who),
                                  suite_visit("a", &who) };
    struct footfall_result r[4];
    assert_int_equal(footfall_apply(ff, ops, 4, NULL, r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 1, 1);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, FOOTFALL_IS_NEW, 2, 2);
    EXPECT_ANSWER(r[3], FOOTFALL_OK, 0, 3, 2);
}

/* ---- must_exist ------------------------------------------------------------------------------------------------------------------ */

static void must_exist_refuses_every_kind_and_makes_nothing(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    const struct footfall_op ops[5] = { suite_add("a", 1), suite_visit("a", &who), suite_set("a", 1, 1),
                                        suite_delete("a"), suite_forget("a", &who) };
    for (int i = 0; i < 5; i++)
        EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[i])), FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_LIST(ff, "", NULL, "");
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[0])), FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[1])), FOOTFALL_OK, 0, 3, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[2])), FOOTFALL_OK, 0, 1, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[4])), FOOTFALL_OK, 0, 1, 1);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[3])), FOOTFALL_OK, 0, 1, 1);
    for (int i = 0; i < 5; i++)
        EXPECT_ANSWER(suite_apply(ff, suite_strict(ops[i])), FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_LIST(ff, "", NULL, "");
}

static void must_exist_is_content_with_zero(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", 0, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(suite_add("a", 1))), FOOTFALL_OK, 0, 1, 0);
}

static void must_exist_says_which_counter(void **state)
{
    struct footfall_op op = suite_strict(suite_add("page/9", 1));
    struct footfall_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, NULL, &r, &err), err, FOOTFALL_ABSENT, "page/9");
}

const struct suite_case suite_forgetting[] = {
    SUITE_CASE(set_leaves_visitors_remembered),
    SUITE_CASE(delete_answers_what_was_there),
    SUITE_CASE(delete_of_nothing_makes_nothing),
    SUITE_CASE(delete_forgets_every_visitor_at_once),
    SUITE_CASE(delete_forgets_those_of_a_sliding_window),
    SUITE_CASE(delete_leaves_other_counters_be),
    SUITE_CASE(delete_and_make_anew_again_and_again),
    SUITE_CASE(delete_counts_for_the_next_operation_of_a_batch),
    SUITE_CASE(delete_by_another_handle),
    SUITE_CASE(forget_drops_one_visitor),
    SUITE_CASE(forget_knows_a_visitor_by_any_of_its_addresses),
    SUITE_CASE(forget_of_nothing_makes_nothing),
    SUITE_CASE(forget_under_the_epoch_before),
    SUITE_CASE(forget_under_both_keys_of_the_first_hour),
    SUITE_CASE(forget_leaves_epochs_that_its_time_does_not_name),
    SUITE_CASE(forget_under_forever),
    SUITE_CASE(forget_between_visits_of_one_batch),
    SUITE_CASE(must_exist_refuses_every_kind_and_makes_nothing),
    SUITE_CASE(must_exist_is_content_with_zero),
    SUITE_CASE(must_exist_says_which_counter),
    SUITE_CASES_END,
};
