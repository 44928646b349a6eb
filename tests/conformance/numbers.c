/* numbers.c: two signed 64-bit integers, exact over their whole range. What would leave it fails, changes nothing, and leaves
 * its neighbours be. */
#include "cases.h"
#include "suite_asks.h"

static void expect_range(struct footfall *ff, struct footfall_op op)
{
    EXPECT_ANSWER(suite_apply(ff, op), FOOTFALL_RANGE, 0, 0, 0);
}

static void numbers_what_nobody_touched_is_zero(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_NOTHING(ff, "a");
    EXPECT_ADD(ff, "a", 0, 0, 0);
    EXPECT_READ(ff, "a", 0, 0);
}

static void numbers_every_touch_makes_a_counter_exist(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "add", 0, 0, 0);
    EXPECT_VISIT(ff, "visit", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_SET(ff, "set", 0, 0);
    EXPECT_LIST(ff, "", NULL, "add=0/0 set=0/0 visit=1/1");
}

static void numbers_add_up_and_down(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", 5, 5, 0);
    EXPECT_ADD(ff, "a", -7, -2, 0);
    EXPECT_ADD(ff, "a", INT64_C(9007199254740993), INT64_C(9007199254740991), 0);
    EXPECT_ADD(ff, "a", 2, INT64_C(9007199254740993), 0); /* no double holds this one */
    EXPECT_READ(ff, "a", INT64_C(9007199254740993), 0);
}

static void numbers_the_largest(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", INT64_MAX, INT64_MAX, 0);
    expect_range(ff, suite_add("a", 1));
    expect_range(ff, suite_add("a", INT64_MAX));
    EXPECT_READ(ff, "a", INT64_MAX, 0);
    EXPECT_ADD(ff, "a", 0, INT64_MAX, 0);
    EXPECT_ADD(ff, "a", -1, INT64_MAX - 1, 0);
    EXPECT_ADD(ff, "a", 1, INT64_MAX, 0);
    EXPECT_ADD(ff, "a", INT64_MIN, -1, 0);
}

static void numbers_the_smallest(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", INT64_MIN, INT64_MIN, 0);
    expect_range(ff, suite_add("a", -1));
    expect_range(ff, suite_add("a", INT64_MIN));
    EXPECT_READ(ff, "a", INT64_MIN, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, INT64_MIN + 1, 1);
    EXPECT_ADD(ff, "a", INT64_MAX, 0, 1);
}

static void numbers_set_takes_any(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", INT64_MAX, INT64_MIN);
    EXPECT_READ(ff, "a", INT64_MAX, INT64_MIN);
    EXPECT_SET(ff, "a", INT64_MIN, INT64_MAX);
    EXPECT_READ(ff, "a", INT64_MIN, INT64_MAX);
    EXPECT_SET(ff, "a", -1, -2);
    EXPECT_LIST(ff, "", NULL, "a=-1/-2");
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 0, -1);
    EXPECT_SET(ff, "a", 0, 0);
    EXPECT_READ(ff, "a", 0, 0);
}

/* Around every power of ten, and at zero from below: numbers that a store which counts in text or in pieces gets wrong first. */
static void numbers_round_ones(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    for (int64_t power = 10; power <= INT64_C(1000000000000000000); power *= 10) {
        for (int sign = -1; sign <= 1; sign += 2)
            for (int64_t off = -1; off <= 1; off++) {
                int64_t n = sign * power + off;
                EXPECT_SET(ff, "a", n, n);
                EXPECT_ADD(ff, "a", 0, n, n);
                EXPECT_ADD(ff, "a", -1, n - 1, n);
                EXPECT_ADD(ff, "a", 2, n + 1, n);
                EXPECT_READ(ff, "a", n + 1, n);
            }
        EXPECT_ADD(ff, "a", -power - 1, 1, power + 1);
        EXPECT_ADD(ff, "a", -power, 1 - power, power + 1);
        if (power == INT64_C(1000000000000000000))
            break;
    }
    EXPECT_LIST(ff, "", NULL, "a=-999999999999999999/1000000000000000001");
}

static void numbers_the_error_names_the_counter(void **state)
{
    struct footfall_error err;
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "page/7", INT64_MAX, 0);
    EXPECT_REFUSED(footfall_add(ff, "page/7", 1, NULL, &r, &err), err, FOOTFALL_RANGE, "page/7");
    EXPECT_ANSWER(r, FOOTFALL_RANGE, 0, 0, 0);
}

static void numbers_a_refused_add_spares_another_counter(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[2] = { suite_add("a", INT64_MAX), suite_add("b", 1) };
    struct footfall_result r[2];
    EXPECT_SET(ff, "a", 1, 0);
    assert_int_equal(footfall_apply(ff, ops, 2, NULL, r, NULL), FOOTFALL_RANGE);
    EXPECT_ANSWER(r[0], FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 1, 0);
    EXPECT_LIST(ff, "", NULL, "a=1/0 b=1/0");
}

static void numbers_a_visit_past_total_remembers_nobody(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", INT64_MAX, 5);
    expect_range(ff, suite_visit("a", &who));
    EXPECT_READ(ff, "a", INT64_MAX, 5);
    EXPECT_SET(ff, "a", 10, 5);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 11, 6);
}

static void numbers_a_visit_past_unique_remembers_nobody(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_SET(ff, "a", 5, INT64_MAX);
    expect_range(ff, suite_visit("a", &who));
    EXPECT_READ(ff, "a", 5, INT64_MAX);
    EXPECT_SET(ff, "a", 5, 5);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 6, 6);
}

static void numbers_a_known_visitor_leaves_unique_alone(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_SET(ff, "a", 5, INT64_MAX);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 6, INT64_MAX);
}

static void numbers_a_refused_visit_does_not_slide_the_window(void **state)
{
    const struct suite_knobs knobs = { .window = "1h", .mode = "sliding" };
    struct footfall_visitor later = suite_visitor("203.0.113.7", NOON + 50 * MINUTE);
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_SET(ff, "a", INT64_MAX, 1);
    expect_range(ff, suite_visit("a", &later));
    EXPECT_SET(ff, "a", 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + HOUR, 1, 2, 2);
}

static void numbers_overflow_in_a_batch_spares_the_neighbours(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_visitor other = suite_visitor("203.0.113.8", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[8] = { suite_set("a", INT64_MAX - 1, 0), suite_add("a", 2),       suite_add("a", 1),
                                  suite_visit("a", &who),           suite_add("b", 3),       suite_add("a", -2),
                                  suite_visit("a", &who),           suite_visit("a", &other) };
    struct footfall_result r[8];
    struct footfall_error err;
    EXPECT_REFUSED(footfall_apply(ff, ops, 8, NULL, r, &err), err, FOOTFALL_RANGE, "\"a\"");
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, INT64_MAX - 1, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, 0, INT64_MAX, 0);
    EXPECT_ANSWER(r[3], FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_ANSWER(r[4], FOOTFALL_OK, 0, 3, 0);
    EXPECT_ANSWER(r[5], FOOTFALL_OK, 0, INT64_MAX - 2, 0);
    EXPECT_ANSWER(r[6], FOOTFALL_OK, FOOTFALL_IS_NEW, INT64_MAX - 1, 1);
    EXPECT_ANSWER(r[7], FOOTFALL_OK, FOOTFALL_IS_NEW, INT64_MAX, 2);
    EXPECT_LIST(ff, "", NULL, "a=9223372036854775807/2 b=3/0");
}

static void numbers_a_batch_may_swing_over_the_whole_range(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[5] = { suite_add("a", INT64_MAX), suite_add("a", INT64_MIN), suite_add("a", INT64_MIN),
                                  suite_add("a", INT64_MAX), suite_add("a", INT64_MIN) };
    struct footfall_result r[5];
    assert_int_equal(footfall_apply(ff, ops, 5, NULL, r, NULL), FOOTFALL_RANGE);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, INT64_MAX, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, -1, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_RANGE, 0, 0, 0); /* one too far below */
    EXPECT_ANSWER(r[3], FOOTFALL_OK, 0, INT64_MAX - 1, 0);
    EXPECT_ANSWER(r[4], FOOTFALL_OK, 0, -2, 0);
}

const struct suite_case suite_numbers[] = {
    SUITE_CASE(numbers_what_nobody_touched_is_zero),
    SUITE_CASE(numbers_every_touch_makes_a_counter_exist),
    SUITE_CASE(numbers_add_up_and_down),
    SUITE_CASE(numbers_the_largest),
    SUITE_CASE(numbers_the_smallest),
    SUITE_CASE(numbers_set_takes_any),
    SUITE_CASE(numbers_round_ones),
    SUITE_CASE(numbers_the_error_names_the_counter),
    SUITE_CASE(numbers_a_refused_add_spares_another_counter),
    SUITE_CASE(numbers_a_visit_past_total_remembers_nobody),
    SUITE_CASE(numbers_a_visit_past_unique_remembers_nobody),
    SUITE_CASE(numbers_a_known_visitor_leaves_unique_alone),
    SUITE_CASE(numbers_a_refused_visit_does_not_slide_the_window),
    SUITE_CASE(numbers_overflow_in_a_batch_spares_the_neighbours),
    SUITE_CASE(numbers_a_batch_may_swing_over_the_whole_range),
    SUITE_CASES_END,
};
