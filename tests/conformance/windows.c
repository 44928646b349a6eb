/* windows.c: when a visitor is new. The answers stand here as literals, worked out by hand from docs/semantics.md, so that
 * the rule is nowhere computed by the code that is judged. */
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>

#define YEARS10 (3650 * DAY)

struct step {
    int64_t at_ms; /* after the case's beginning */
    int is_new;
};
struct timetable {
    const char *window, *mode;
    int64_t epoch_ms; /* how long an epoch is with this window */
    struct step steps[8];
    int count;
};

/* Plays one visitor's timetable, beginning at several places of an epoch: what is new must not depend on the place. */
static void play(struct suite *s, const struct timetable *table)
{
    const int64_t first = (T0 / table->epoch_ms + 1) * table->epoch_ms;
    const int64_t places[] = {
        0, 1, 30 * MINUTE, HOUR - 1, HOUR, HOUR + 1, 12 * HOUR, table->epoch_ms - HOUR, table->epoch_ms - 1
    };
    const struct suite_knobs knobs = { .window = table->window, .mode = table->mode };
    struct footfall *ff = suite_open(s, &knobs);
    for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
        char name[32];
        int64_t unique = 0;
        (void)snprintf(name, sizeof(name), "place %zu", place);
        for (int i = 0; i < table->count; i++) {
            int64_t now_ms = first + places[place] + table->steps[i].at_ms;
            suite_set_clock(s, now_ms);
            unique += table->steps[i].is_new;
            EXPECT_VISIT(ff, name, "203.0.113.7", now_ms, table->steps[i].is_new, i + 1, unique);
        }
        suite_set_clock(s, first);
    }
}

static void windows_fixed_one_second(void **state)
{
    static const struct timetable table = {
        "1s", "fixed", DAY, { { 0, 1 }, { 999, 0 }, { 1000, 1 }, { 1001, 0 }, { 1999, 0 }, { 2000, 1 } }, 6
    };
    play(*state, &table);
}

static void windows_fixed_one_and_a_half_hours(void **state)
{
    static const struct timetable table = {
        "90m", "fixed", DAY, { { 0, 1 }, { 5399999, 0 }, { 5400000, 1 }, { 10799999, 0 }, { 10800000, 1 } }, 5
    };
    play(*state, &table);
}

static void windows_fixed_a_day(void **state)
{
    static const struct timetable table = {
        "24h",
        "fixed",
        DAY,
        { { 0, 1 }, { 1, 0 }, { 86399999, 0 }, { 86400000, 1 }, { 172799999, 0 }, { 172800000, 1 } },
        6
    };
    play(*state, &table);
}

static void windows_fixed_thirty_days(void **state)
{
    static const struct timetable table = {
        "30d",
        "fixed",
        30 * DAY,
        { { 0, 1 }, { DAY, 0 }, { INT64_C(2591999999), 0 }, { INT64_C(2592000000), 1 }, { INT64_C(5183999999), 0 } },
        5
    };
    play(*state, &table);
}

static void windows_fixed_ten_years(void **state)
{
    static const struct timetable table = {
        "3650d",
        "fixed",
        YEARS10,
        { { 0, 1 }, { INT64_C(315359999999), 0 }, { INT64_C(315360000000), 1 }, { INT64_C(630719999999), 0 } },
        4
    };
    play(*state, &table);
}

static void windows_sliding_one_second(void **state)
{
    static const struct timetable table = {
        "1s", "sliding", DAY, { { 0, 1 }, { 999, 0 }, { 1998, 0 }, { 2998, 1 }, { 3997, 0 }, { 4997, 1 } }, 6
    };
    play(*state, &table);
}

static void windows_sliding_a_day(void **state)
{
    static const struct timetable table = { "24h",
                                            "sliding",
                                            DAY,
                                            { { 0, 1 },
                                              { 23 * HOUR, 0 },
                                              { 46 * HOUR, 0 },
                                              { 69 * HOUR, 0 },
                                              { 69 * HOUR + 86399999, 0 },
                                              { 69 * HOUR + 86399999 + 86400000, 1 } },
                                            6 };
    play(*state, &table);
}

static void windows_sliding_thirty_days(void **state)
{
    static const struct timetable table = {
        "30d",
        "sliding",
        30 * DAY,
        { { 0, 1 }, { INT64_C(2591999999), 0 }, { INT64_C(5183999998), 0 }, { INT64_C(7775999998), 1 } },
        4
    };
    play(*state, &table);
}

static void windows_sliding_ten_years(void **state)
{
    static const struct timetable table = {
        "3650d", "sliding", YEARS10, { { 0, 1 }, { INT64_C(315359999999), 0 }, { INT64_C(630719999999), 1 } }, 3
    };
    play(*state, &table);
}

static void windows_forever_is_once_ever(void **state)
{
    static const struct timetable table = {
        "forever", "fixed", DAY, { { 0, 1 }, { 1, 0 }, { DAY, 0 }, { 40 * DAY, 0 }, { 100 * YEARS10, 0 } }, 5
    };
    play(*state, &table);
}

static void windows_forever_sliding_is_once_ever(void **state)
{
    static const struct timetable table = {
        "forever", "sliding", DAY, { { 0, 1 }, { 1, 0 }, { DAY, 0 }, { 40 * DAY, 0 }, { 100 * YEARS10, 0 } }, 5
    };
    play(*state, &table);
}

static void windows_the_first_millisecond_of_1970(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 0, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", DAY - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", DAY, 1, 3, 2);
}

static void windows_fixed_a_clock_that_goes_back(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0, 0, 3, 1);
    suite_set_clock(*state, NOON + DAY);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + DAY - 1, 0, 4, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + DAY, 1, 5, 2);
}

static void windows_sliding_a_clock_that_goes_back(void **state)
{
    const struct suite_knobs knobs = { .window = "1h", .mode = "sliding" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 10 * MINUTE, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON - 11 * HOUR, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + 59 * MINUTE, 0, 4, 1); /* the last visit was at NOON all along */
    suite_set_clock(*state, NOON + 2 * HOUR);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + 119 * MINUTE, 1, 5, 2);
}

static void windows_going_back_over_the_boundary_within_the_first_hour(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 59 * MINUTE, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 23 * HOUR, 0, 3, 1);
}

static void windows_visitors_and_counters_do_not_mix(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 3, 2);
    EXPECT_VISIT(ff, "b", "203.0.113.8", NOON, 1, 2, 2);
}

static void windows_now_is_the_handles_clock(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 1, 1, 1);
    suite_set_clock(*state, NOON + DAY - 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 0, 2, 1);
    suite_set_clock(*state, NOON + DAY);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 1, 3, 2);
}

static void windows_another_handle_sees_the_same_visits(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON + 1, 0, 2, 1);
    EXPECT_VISIT(other, "a", "203.0.113.8", NOON + 1, 1, 3, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON + 2, 0, 4, 2);
}

static void windows_a_handle_opened_again_remembers(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_close(*state, ff);
    ff = suite_open(*state, NULL);
    EXPECT_READ(ff, "a", 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + HOUR, 0, 2, 1);
}

static void windows_another_process_sees_the_same_visits(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON + 1);
    struct footfall_visitor late = suite_visitor("203.0.113.8", NOON + 1);
    struct footfall_op ops[2] = { suite_visit("a", &who), suite_visit("a", &late) };
    struct footfall_result r[2];
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    assert_int_equal(suite_apply_elsewhere(*state, NULL, ops, 2, NULL, r), FOOTFALL_OK);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, 2, 1);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, FOOTFALL_IS_NEW, 3, 2);
    EXPECT_READ(suite_open(*state, NULL), "a", 3, 2);
}

static void windows_shorter_or_longer_within_one_epoch_length(void **state)
{
    const struct suite_knobs hour = { .window = "1h" };
    const struct suite_knobs second = { .window = "1s" };
    struct footfall *ff = suite_open(*state, &hour);
    struct footfall *other = suite_open(*state, &second);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON + 999, 0, 2, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON + 1000, 1, 3, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + HOUR, 0, 4, 2);
}

const struct suite_case suite_windows[] = {
    SUITE_CASE(windows_fixed_one_second),
    SUITE_CASE(windows_fixed_one_and_a_half_hours),
    SUITE_CASE(windows_fixed_a_day),
    SUITE_CASE(windows_fixed_thirty_days),
    SUITE_CASE(windows_fixed_ten_years),
    SUITE_CASE(windows_sliding_one_second),
    SUITE_CASE(windows_sliding_a_day),
    SUITE_CASE(windows_sliding_thirty_days),
    SUITE_CASE(windows_sliding_ten_years),
    SUITE_CASE(windows_forever_is_once_ever),
    SUITE_CASE(windows_forever_sliding_is_once_ever),
    SUITE_CASE(windows_the_first_millisecond_of_1970),
    SUITE_CASE(windows_fixed_a_clock_that_goes_back),
    SUITE_CASE(windows_sliding_a_clock_that_goes_back),
    SUITE_CASE(windows_going_back_over_the_boundary_within_the_first_hour),
    SUITE_CASE(windows_visitors_and_counters_do_not_mix),
    SUITE_CASE(windows_now_is_the_handles_clock),
    SUITE_CASE(windows_another_handle_sees_the_same_visits),
    SUITE_CASE_NEEDS(windows_a_handle_opened_again_remembers, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE_NEEDS(windows_another_process_sees_the_same_visits, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE(windows_shorter_or_longer_within_one_epoch_length),
    SUITE_CASES_END,
};
