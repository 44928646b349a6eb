/* epochs.c: the window stays exact while epochs rotate, also between hosts whose clocks disagree, and when logs of other
 * years are read in. How keys end is in keys.c. */
#include "cases.h"
#include "suite_asks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

static void epochs_a_visit_is_found_across_the_rotation(void **state)
{
    const struct suite_knobs knobs = { .window = "1h" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 30 * MINUTE, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 30 * MINUTE - 1, 0, 4, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + 30 * MINUTE, 1, 5, 2);
}

static void epochs_the_last_millisecond_before_and_a_day_after(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    suite_set_clock(*state, T0 + DAY);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - 1, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + DAY - 2, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + DAY - 1, 1, 3, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0 + DAY, 0, 4, 2);
}

static void epochs_the_first_hour_is_written_under_both(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "first", "203.0.113.7", T0, 1, 1, 1);
    EXPECT_VISIT(ff, "first", "203.0.113.7", T0 - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "last", "203.0.113.7", T0 + HOUR - 1, 1, 1, 1);
    EXPECT_VISIT(ff, "last", "203.0.113.7", T0 - 1, 0, 2, 1);
    EXPECT_VISIT(ff, "past", "203.0.113.7", T0 + HOUR, 1, 1, 1);
    EXPECT_VISIT(ff, "past", "203.0.113.7", T0 - 1, 1, 2, 2); /* not written under the epoch before */
    EXPECT_VISIT(ff, "past", "203.0.113.7", T0 + HOUR + 1, 0, 3, 2);
}

static void epochs_the_first_epoch_of_1970_has_none_before(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", HOUR, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 0, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", DAY + HOUR - 1, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", DAY + HOUR, 1, 4, 2);
}

/* Hosts A and B: B's clock is 59 minutes ahead of A's. */

static void epochs_the_fast_host_first(void **state)
{
    struct suite_clock fast = { T0 + 30 * MINUTE };
    const struct suite_knobs knobs = { .clock = &fast };
    struct footfall *slow_host = suite_open(*state, NULL);
    struct footfall *fast_host = suite_open(*state, &knobs);
    suite_set_clock(*state, T0 - 29 * MINUTE);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", FOOTFALL_NOW, 1, 1, 1);
    EXPECT_VISIT(slow_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 2, 1);
    atomic_store(&fast.now_ms, T0 + 30 * MINUTE + DAY - 1);
    suite_set_clock(*state, T0 - 29 * MINUTE + DAY - 1);
    EXPECT_VISIT(slow_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 3, 1);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 4, 1);
    atomic_store(&fast.now_ms, T0 + 30 * MINUTE + DAY);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", FOOTFALL_NOW, 1, 5, 2);
}

static void epochs_the_slow_host_first(void **state)
{
    struct suite_clock fast = { T0 + 30 * MINUTE };
    const struct suite_knobs knobs = { .clock = &fast };
    struct footfall *slow_host = suite_open(*state, NULL);
    struct footfall *fast_host = suite_open(*state, &knobs);
    suite_set_clock(*state, T0 - 29 * MINUTE);
    EXPECT_VISIT(slow_host, "a", "203.0.113.7", FOOTFALL_NOW, 1, 1, 1);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 2, 1);
    suite_set_clock(*state, T0 + 31 * MINUTE);
    EXPECT_VISIT(slow_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 3, 1);
    atomic_store(&fast.now_ms, T0 - 29 * MINUTE + DAY);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", FOOTFALL_NOW, 1, 4, 2);
    suite_set_clock(*state, T0 - 88 * MINUTE + DAY);
    EXPECT_VISIT(slow_host, "a", "203.0.113.7", FOOTFALL_NOW, 0, 5, 2);
}

static void epochs_hosts_that_make_the_same_key_use_one(void **state)
{
    struct footfall *hosts[4];
    for (int i = 0; i < 4; i++)
        hosts[i] = suite_open(*state, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(suite_visit_is_new(hosts[i], "a", "203.0.113.7", NOON), i == 0);
}

enum { VISITORS = 6, ROUNDS = 1200 };

/* What each visitor must be told if there were no epochs at all: the contract's four lines, on one number a visitor. */
struct seen {
    int64_t last_ms; /* -1: never */
    int64_t new_ms;  /* of the last time it was called new */
};

static void wander(struct suite *s, const char *mode, int64_t window_ms, const char *window)
{
    struct suite_clock fast = { 0 };
    const struct suite_knobs slow_knobs = { .window = window, .mode = mode };
    const struct suite_knobs fast_knobs = { .window = window, .mode = mode, .clock = &fast };
    struct footfall *hosts[2] = { suite_open(s, &slow_knobs), suite_open(s, &fast_knobs) };
    struct seen seen[VISITORS];
    uint64_t random = support_seed() | 1;
    int64_t time_ms = T0 - 26 * HOUR;
    int rounds = suite_rounds(ROUNDS);
    uint64_t leap = (uint64_t)(ROUNDS / rounds); /* the same days in fewer rounds */
    for (int i = 0; i < VISITORS; i++)
        seen[i] = (struct seen){ -1, INT64_MIN / 2 };
    for (int round = 0; round < rounds; round++) {
        size_t who = (size_t)support_random_below(&random, VISITORS);
        int host = (int)support_random_below(&random, 2);
        int64_t now_ms = 0;
        int expected = 0;
        char address[32];
        /* Slowly within two hours of a boundary, in leaps elsewhere. */
        int64_t from_boundary = (time_ms + 2 * HOUR) % DAY;
        time_ms += (int64_t)support_random_below(&random, leap * (from_boundary < 4 * HOUR ? 90000 : 1800000));
        suite_set_clock(s, time_ms);
        atomic_store(&fast.now_ms, time_ms + 59 * MINUTE);
        now_ms = host == 0 ? time_ms : time_ms + 59 * MINUTE;
        (void)snprintf(address, sizeof(address), "198.51.100.%zu", who + 1);
        expected = seen[who].last_ms < 0 || now_ms - seen[who].last_ms >= window_ms;
        if (suite_visit_is_new(hosts[host], "a", address, FOOTFALL_NOW) != expected)
            fail_msg("round %d: visitor %zu on host %d at %" PRId64 " (last %" PRId64 ") should be %s", round, who,
                     host, now_ms - T0, seen[who].last_ms - T0, expected ? "new" : "known");
        if (expected) {
            assert_true(now_ms - seen[who].new_ms >= window_ms);
            seen[who].new_ms = now_ms;
        }
        if (expected || (mode[0] == 's' && seen[who].last_ms < now_ms))
            seen[who].last_ms = now_ms;
    }
    assert_true(time_ms > T0 + DAY);
}

static void epochs_wandering_hosts_fixed_day(void **state)
{
    wander(*state, "fixed", DAY, "24h");
}

static void epochs_wandering_hosts_fixed_hour(void **state)
{
    wander(*state, "fixed", HOUR, "1h");
}

static void epochs_wandering_hosts_sliding_day(void **state)
{
    wander(*state, "sliding", DAY, "24h");
}

static void epochs_wandering_hosts_sliding_minutes(void **state)
{
    wander(*state, "sliding", 20 * MINUTE, "20m");
}

/* ---- the past ---------------------------------------------------------------------------------------------------------------- */

static void epochs_a_log_of_ten_years_ago(void **state)
{
    const int64_t then = T0 - 3650 * DAY;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 10 * HOUR, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 33 * HOUR, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 34 * HOUR, 1, 3, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 4, 3);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 35 * HOUR, 0, 5, 3);
}

static void epochs_a_log_that_is_not_sorted(void **state)
{
    const int64_t day = T0 - 700 * DAY;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 10 * HOUR, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 8 * HOUR, 0, 2, 1); /* and 10 o'clock stays the last time */
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + DAY + 9 * HOUR, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + DAY + 10 * HOUR, 1, 4, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + DAY + 2 * HOUR, 0, 5, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 23 * HOUR, 0, 6, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 5 * DAY, 1, 7, 3);
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 5 * DAY - 1, 0, 8, 3); /* the first hour is known under both keys */
    EXPECT_VISIT(ff, "a", "203.0.113.7", day + 2 * DAY + 9 * HOUR, 0, 9, 3);
}

static void epochs_many_days_in_any_order(void **state)
{
    enum { DAYS = 90 }; /* more keys than a handle keeps at hand */
    struct footfall *ff = suite_open(*state, NULL);
    int64_t order[DAYS];
    uint64_t random = support_seed() | 1;
    for (int i = 0; i < DAYS; i++)
        order[i] = i;
    for (int i = DAYS - 1; i > 0; i--) {
        size_t other = (size_t)support_random_below(&random, (uint64_t)i + 1);
        int64_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (int i = 0; i < DAYS; i++) /* every second day, so that no day's window touches another's */
        EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - (2 * order[i] + 1) * DAY + 12 * HOUR, 1, i + 1, i + 1);
    for (int i = 0; i < DAYS; i++)
        EXPECT_VISIT(ff, "a", "203.0.113.7", T0 - (2 * order[i] + 1) * DAY + 13 * HOUR, 0, DAYS + i + 1, DAYS);
}

const struct suite_case suite_epochs[] = {
    SUITE_CASE(epochs_a_visit_is_found_across_the_rotation),
    SUITE_CASE(epochs_the_last_millisecond_before_and_a_day_after),
    SUITE_CASE(epochs_the_first_hour_is_written_under_both),
    SUITE_CASE(epochs_the_first_epoch_of_1970_has_none_before),
    SUITE_CASE(epochs_the_fast_host_first),
    SUITE_CASE(epochs_the_slow_host_first),
    SUITE_CASE(epochs_hosts_that_make_the_same_key_use_one),
    SUITE_CASE(epochs_wandering_hosts_fixed_day),
    SUITE_CASE(epochs_wandering_hosts_fixed_hour),
    SUITE_CASE(epochs_wandering_hosts_sliding_day),
    SUITE_CASE(epochs_wandering_hosts_sliding_minutes),
    SUITE_CASE(epochs_a_log_of_ten_years_ago),
    SUITE_CASE(epochs_a_log_that_is_not_sorted),
    SUITE_CASE(epochs_many_days_in_any_order),
    SUITE_CASES_END,
};
