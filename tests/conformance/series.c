/* series.c: numbered batches. The same number again is applied once, a lower one is refused, counter by counter, whoever sends
 * it: this is how reading a log goes on after a crash. */
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN (FOOTFALL_REPLAYED | FOOTFALL_CURRENT)

static const uint8_t log_a[16] = "the log of host";
static const uint8_t log_b[16] = "another one\xff";

static struct footfall_result one(struct footfall *ff, const uint8_t *series, uint64_t number, struct footfall_op op)
{
    struct footfall_call call = suite_numbered(series, number);
    struct footfall_result r;
    struct footfall_error err;
    int rc = footfall_apply(ff, &op, 1, &call, &r, &err);
    assert_int_equal(rc, r.status);
    assert_int_equal(rc, err.status);
    return r;
}

static void series_the_same_number_is_applied_once(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_ADD(ff, "a", 2, 7, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 7, 0);
    EXPECT_READ(ff, "a", 7, 0);
}

static void series_a_lower_number_is_refused(void **state)
{
    struct footfall_call call = suite_numbered(log_a, 4);
    struct footfall_op op = suite_add("a", 1);
    struct footfall_error err;
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 5, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_INVALID, "series");
    EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(one(ff, log_a, 0, suite_delete("a")), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_READ(ff, "a", 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 5, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 5, 0);
}

static void series_a_higher_number_goes_on(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 0, suite_add("a", 1)), FOOTFALL_OK, 0, 1, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_add("a", 1)), FOOTFALL_OK, 0, 2, 0);
    EXPECT_ANSWER(one(ff, log_a, 1000, suite_add("a", 1)), FOOTFALL_OK, 0, 3, 0);
    EXPECT_ANSWER(one(ff, log_a, INT64_MAX, suite_add("a", 1)), FOOTFALL_OK, 0, 4, 0);
    EXPECT_ANSWER(one(ff, log_a, INT64_MAX, suite_add("a", 1)), FOOTFALL_OK, AGAIN, 4, 0);
    EXPECT_ANSWER(one(ff, log_a, 1000, suite_add("a", 1)), FOOTFALL_INVALID, 0, 0, 0);
}

static void series_number_zero_is_a_number(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 0, suite_add("a", 1)), FOOTFALL_OK, 0, 1, 0);
    EXPECT_ANSWER(one(ff, log_a, 0, suite_add("a", 1)), FOOTFALL_OK, AGAIN, 1, 0);
}

static void series_do_not_mix(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 5, suite_add("a", 1)), FOOTFALL_OK, 0, 1, 0);
    EXPECT_ANSWER(one(ff, log_b, 3, suite_add("a", 1)), FOOTFALL_OK, 0, 2, 0);
    EXPECT_ANSWER(one(ff, log_a, 5, suite_add("a", 1)), FOOTFALL_OK, AGAIN, 2, 0);
    EXPECT_ANSWER(one(ff, log_b, 3, suite_add("a", 1)), FOOTFALL_OK, AGAIN, 2, 0);
    EXPECT_ANSWER(one(ff, log_b, 4, suite_add("a", 1)), FOOTFALL_OK, 0, 3, 0);
    EXPECT_ANSWER(one(ff, log_a, 4, suite_add("a", 1)), FOOTFALL_INVALID, 0, 0, 0);
}

static void series_numbers_are_compared_counter_by_counter(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[2] = { suite_add("a", 1), suite_add("b", 1) };
    struct footfall_call call = suite_numbered(log_a, 4);
    struct footfall_result r[2];
    EXPECT_ANSWER(one(ff, log_a, 5, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    assert_int_equal(footfall_apply(ff, ops, 2, &call, r, NULL), FOOTFALL_INVALID);
    EXPECT_ANSWER(r[0], FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 1, 0);
}

static void series_replay_every_answer_of_a_mixed_batch(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_visitor other = suite_visitor("203.0.113.8", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[9] = { suite_strict(suite_add("a", 1)),
                                  suite_visit("a", &who),
                                  suite_visit("a", &who),
                                  suite_set("b", INT64_MAX, 0),
                                  suite_visit("b", &who),
                                  suite_visit("a", &other),
                                  suite_delete("c"),
                                  suite_forget("a", &who),
                                  suite_add("b", -1) };
    static const uint32_t is_new[9] = { 0, FOOTFALL_IS_NEW, 0, 0, 0, FOOTFALL_IS_NEW, 0, 0, 0 };
    static const int status[9] = { FOOTFALL_ABSENT, 0, 0, 0, FOOTFALL_RANGE, 0, 0, 0, 0 };
    static const int64_t then[9][2] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { INT64_MAX, 0 },    { 0, 0 },
                                        { 3, 2 }, { 0, 0 }, { 3, 2 }, { INT64_MAX - 1, 0 } };
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall_result r[9];
    assert_int_equal(footfall_apply(ff, ops, 9, &call, r, NULL), FOOTFALL_ABSENT);
    for (int i = 0; i < 9; i++)
        EXPECT_ANSWER(r[i], status[i], is_new[i], then[i][0], then[i][1]);
    assert_int_equal(footfall_apply(ff, ops, 9, &call, r, NULL), FOOTFALL_ABSENT);
    for (int i = 0; i < 9; i++) {
        const char *name = ops[i].name;
        int64_t total = name[0] == 'a' ? 3 : (name[0] == 'b' ? INT64_MAX - 1 : 0);
        int64_t unique = name[0] == 'a' ? 2 : 0;
        assert_int_equal(r[i].status, status[i]);
        if (status[i] == FOOTFALL_OK)
            EXPECT_ANSWER(r[i], FOOTFALL_OK, AGAIN | is_new[i], total, unique);
    }
    EXPECT_LIST(ff, "", NULL, "a=3/2 b=9223372036854775806/0");
}

static void series_a_failure_is_replayed_as_one(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_strict(suite_add("a", 1))), FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
    EXPECT_LIST(ff, "", NULL, "");
    EXPECT_ADD(ff, "a", 7, 7, 0);
    assert_int_equal(one(ff, log_a, 1, suite_strict(suite_add("a", 1))).status, FOOTFALL_ABSENT);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_strict(suite_add("a", 1))), FOOTFALL_OK, 0, 8, 0);
    EXPECT_SET(ff, "a", INT64_MAX, 0);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 1)), FOOTFALL_RANGE, 0, 0, 0);
    EXPECT_SET(ff, "a", 0, 0);
    assert_int_equal(one(ff, log_a, 3, suite_add("a", 1)).status, FOOTFALL_RANGE);
    EXPECT_READ(ff, "a", 0, 0);
}

static void series_with_a_token_inside(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_token(suite_add("a", 5), "t")), FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_token(suite_add("a", 6), "t")), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_token(suite_add("a", 6), "t")), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_READ(ff, "a", 5, 0);
}

static void series_survive_delete(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    EXPECT_DELETE(ff, "a", 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 0, 0);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_add("a", 5)), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_NOTHING(ff, "a");
    EXPECT_ANSWER(one(ff, log_a, 4, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
}

static void series_from_another_handle(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    EXPECT_ANSWER(one(other, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_ANSWER(one(other, log_a, 4, suite_add("a", 5)), FOOTFALL_OK, 0, 10, 0);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_INVALID, 0, 0, 0);
}

static void series_from_a_handle_opened_again(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, 0, 5, 0);
    suite_close(*state, ff);
    ff = suite_open(*state, NULL);
    EXPECT_ANSWER(one(ff, log_a, 3, suite_add("a", 5)), FOOTFALL_OK, AGAIN, 5, 0);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_add("a", 5)), FOOTFALL_INVALID, 0, 0, 0);
}

static void series_from_another_process(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_op ops[2] = { suite_visit("a", &who), suite_visit("a", &who) };
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall_result r[2];
    struct footfall *ff = suite_open(*state, NULL);
    assert_int_equal(suite_apply_elsewhere(*state, NULL, ops, 2, &call, r), FOOTFALL_OK);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, 0, 2, 1);
    assert_int_equal(footfall_apply(ff, ops, 2, &call, r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(r[0], FOOTFALL_OK, AGAIN | FOOTFALL_IS_NEW, 2, 1);
    EXPECT_ANSWER(r[1], FOOTFALL_OK, AGAIN, 2, 1);
}

/* ---- large batches ------------------------------------------------------------------------------------------------------------- */

enum { COUNTERS = 3 };
static const char *const counters[COUNTERS] = { "a", "b", "c" };

static void series_are_cut_to_the_stores_batches(void **state)
{
    size_t count = 2 * (size_t)suite_max_batch() + 100;
    struct footfall_op *ops = calloc(count, sizeof(*ops));
    struct footfall_result *r = calloc(count, sizeof(*r));
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall *ff = suite_open(*state, NULL);
    assert_true(ops != NULL && r != NULL);
    call.wait_ms = FOOTFALL_WAIT_MAX_MS;
    for (size_t i = 0; i < count; i++)
        ops[i] = suite_add(counters[i % COUNTERS], 1);
    assert_int_equal(footfall_apply(ff, ops, count, &call, r, NULL), FOOTFALL_OK);
    for (size_t i = 0; i < count; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, 0, (int64_t)(i / COUNTERS) + 1, 0);
    assert_int_equal(footfall_apply(ff, ops, count, &call, r, NULL), FOOTFALL_OK);
    for (size_t i = 0; i < count; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, AGAIN, (int64_t)((count - 1 - i % COUNTERS) / COUNTERS) + 1, 0);
    free(ops);
    free(r);
}

static void series_of_many_visits_keep_each_first_answer(void **state)
{
    enum { COUNT = 600 };
    static struct footfall_visitor who[COUNT];
    static char addresses[COUNT][24];
    static struct footfall_op ops[COUNT];
    static struct footfall_result r[COUNT];
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall *ff = suite_open(*state, NULL);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(addresses[i], sizeof(addresses[i]), "10.0.%d.1", i * 7 % 256); /* 600 visits of 256 visitors */
        who[i] = suite_visitor(addresses[i], NOON);
        ops[i] = suite_visit("a", &who[i]);
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(footfall_apply(ff, ops, COUNT, &call, r, NULL), FOOTFALL_OK);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(r[i].flags, (i < 256 ? FOOTFALL_IS_NEW : 0) | (round > 0 ? AGAIN : 0));
    }
    EXPECT_READ(ff, "a", COUNT, 256);
}

/* ---- form ------------------------------------------------------------------------------------------------------------------------ */

static void series_an_operation_of_bad_form_refuses_the_whole(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[3] = { suite_add("a", 1), suite_add("", 2), suite_add("c", 3) };
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall_result r[3];
    struct footfall_error err;
    EXPECT_REFUSED(footfall_apply(ff, ops, 3, &call, r, &err), err, FOOTFALL_INVALID, "empty");
    EXPECT_ANSWER(r[0], FOOTFALL_TEMPORARY, 0, 0, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_TEMPORARY, 0, 0, 0);
    EXPECT_LIST(ff, "", NULL, "");
    ops[1].name = "b";
    assert_int_equal(footfall_apply(ff, ops, 3, &call, r, &err), FOOTFALL_OK);
    EXPECT_LIST(ff, "", NULL, "a=1/0 b=2/0 c=3/0");
}

static void series_numbers_and_times_have_bounds(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op op = suite_add("a", 1);
    struct footfall_call call = suite_numbered(log_a, (uint64_t)INT64_MAX + 1);
    struct footfall_result r;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_INVALID);
    call = suite_numbered(log_a, 1);
    call.series_keep_ms = -1;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_INVALID);
    call.series_keep_ms = FOOTFALL_SERIES_KEEP_MIN_MS - 1;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_INVALID);
    call.series_keep_ms = FOOTFALL_SERIES_KEEP_MAX_MS + 1;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_INVALID);
    EXPECT_NOTHING(ff, "a");
    call.series_keep_ms = FOOTFALL_SERIES_KEEP_MIN_MS;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    call.series_keep_ms = FOOTFALL_SERIES_KEEP_MAX_MS;
    call.number = 2;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    EXPECT_READ(ff, "a", 2, 0);
}

/* A short time asked for later does not shorten a long one: the earlier numbers must stay refused. */
static void series_are_known_for_the_time_asked(void **state)
{
    struct footfall_purge_result purged;
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op op = suite_add("a", 1);
    struct footfall_call call = suite_numbered(log_a, 1);
    struct footfall_result r;
    call.series_keep_ms = FOOTFALL_SERIES_KEEP_MAX_MS;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    call.series_keep_ms = 0;
    call.number = 2;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    suite_set_clock(*state, NOON + FOOTFALL_SERIES_KEEP_MAX_MS - 1);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1000, NULL, &purged, NULL), FOOTFALL_OK);
    assert_int_equal(purged.tokens, 0);
    EXPECT_ANSWER(one(ff, log_a, 1, suite_add("a", 1)), FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(one(ff, log_a, 2, suite_add("a", 1)), FOOTFALL_OK, AGAIN, 2, 0);
}

const struct suite_case suite_series[] = {
    SUITE_CASE(series_the_same_number_is_applied_once),
    SUITE_CASE(series_a_lower_number_is_refused),
    SUITE_CASE(series_a_higher_number_goes_on),
    SUITE_CASE(series_number_zero_is_a_number),
    SUITE_CASE(series_do_not_mix),
    SUITE_CASE(series_numbers_are_compared_counter_by_counter),
    SUITE_CASE(series_replay_every_answer_of_a_mixed_batch),
    SUITE_CASE(series_a_failure_is_replayed_as_one),
    SUITE_CASE(series_with_a_token_inside),
    SUITE_CASE(series_survive_delete),
    SUITE_CASE(series_from_another_handle),
    SUITE_CASE_NEEDS(series_from_a_handle_opened_again, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE_NEEDS(series_from_another_process, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE(series_are_cut_to_the_stores_batches),
    SUITE_CASE(series_of_many_visits_keep_each_first_answer),
    SUITE_CASE(series_an_operation_of_bad_form_refuses_the_whole),
    SUITE_CASE(series_numbers_and_times_have_bounds),
    SUITE_CASE(series_are_known_for_the_time_asked),
    SUITE_CASES_END,
};
