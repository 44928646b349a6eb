/* upkeep.c: purge drops what can no longer matter and never changes an answer; stats count; ping, check and metrics speak. What a
 * store drops by itself (EXPIRES) purge need not find. */
#include "cases.h"
#include "suite_asks.h"

#include <string.h>

#include "footfall_admin.h"

static int drops_by_itself(void)
{
    return (suite_caps() & FOOTFALL_STORE_CAP_EXPIRES) != 0;
}

/* Purges with this budget until it is done: the sum of all rounds. */
static struct footfall_purge_result purge_all(struct footfall *ff, size_t budget)
{
    struct footfall_purge_result sum = { 0, 0, 0, 0 };
    for (int rounds = 0; !sum.done; rounds++) {
        struct footfall_purge_result r = { -1, -1, -1, -1 };
        struct footfall_error err;
        assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, budget, NULL, &r, &err), FOOTFALL_OK);
        assert_true(r.visitors >= 0 && r.tokens >= 0 && r.counters >= 0);
        assert_true(r.visitors + r.tokens <= (int64_t)budget);
        assert_true(rounds < 10000);
        sum.visitors += r.visitors;
        sum.tokens += r.tokens;
        sum.counters += r.counters;
        sum.done = r.done;
    }
    return sum;
}

static void expect_dropped(struct footfall *ff, int64_t visitors, int64_t tokens)
{
    struct footfall_purge_result r = purge_all(ff, 1000);
    if (drops_by_itself())
        return;
    assert_int_equal(r.visitors, visitors);
    assert_int_equal(r.tokens, tokens);
}

static void purge_of_nothing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    expect_dropped(ff, 0, 0);
    EXPECT_ADD(ff, "a", 1, 1, 0);
    expect_dropped(ff, 0, 0);
    EXPECT_READ(ff, "a", 1, 0);
}

static void purge_drops_visitors_when_they_expire(void **state)
{
    const struct suite_knobs knobs = { .window = "1h" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON + HOUR, 1, 2, 2);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON - 500 * DAY, 1, 1, 1); /* by the host's clock, not by the visit's time */
    suite_set_clock(*state, NOON + 2 * HOUR - 1);
    expect_dropped(ff, 0, 0);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON - 500 * DAY + 1, 0, 2, 1);
    suite_set_clock(*state, NOON + 2 * HOUR);
    expect_dropped(ff, 2, 0);
    suite_set_clock(*state, NOON + 3 * HOUR);
    expect_dropped(ff, 1, 0);
    EXPECT_LIST(ff, "", NULL, "a=2/2 b=2/1");
}

static void purge_keeps_those_of_forever(void **state)
{
    const struct suite_knobs knobs = { .window = "forever" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 36500 * DAY);
    expect_dropped(ff, 0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 0, 2, 1);
}

static void purge_keeps_a_sliding_record_that_was_used(void **state)
{
    const struct suite_knobs knobs = { .window = "2h", .mode = "sliding" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 119 * MINUTE);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 0, 2, 1);
    suite_set_clock(*state, NOON + 238 * MINUTE);
    expect_dropped(ff, 0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 0, 3, 1);
}

/* A host whose clock is behind visits after one whose clock is ahead: the later of the two times is kept, and for long enough. */
static void purge_keeps_the_later_time_of_two_hosts(void **state)
{
    struct suite_clock fast = { NOON + 59 * MINUTE };
    const struct suite_knobs knobs = { .window = "1h", .mode = "sliding" };
    const struct suite_knobs fast_knobs = { .window = "1h", .mode = "sliding", .clock = &fast };
    struct footfall *ff = suite_open(*state, &knobs);
    struct footfall *fast_host = suite_open(*state, &fast_knobs);
    EXPECT_VISIT(fast_host, "a", "203.0.113.7", NOON + 119 * MINUTE, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
    suite_set_clock(*state, NOON + 150 * MINUTE);
    expect_dropped(ff, 0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON + 150 * MINUTE, 0, 3, 1);
}

static void purge_drops_tokens_and_series(void **state)
{
    static const uint8_t series[16] = "some series";
    struct footfall_call call = suite_numbered(series, 1);
    struct footfall_op op = suite_add("a", 1);
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 1), "t")), FOOTFALL_OK, 0, 1, 0);
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    suite_set_clock(*state, NOON + 10 * MINUTE - 1);
    expect_dropped(ff, 0, 0);
    suite_set_clock(*state, NOON + DAY);
    expect_dropped(ff, 0, 2);
    EXPECT_READ(ff, "a", 2, 0);
}

static void purge_drops_the_leftovers_of_deleted_counters(void **state)
{
    const struct suite_knobs knobs = { .window = "forever" };
    struct footfall *ff = suite_open(*state, &knobs);
    for (int i = 0; i < 20; i++) {
        char address[] = "198.51.100.10";
        address[11] = (char)('1' + i / 10);
        address[12] = (char)('0' + i % 10);
        EXPECT_VISIT(ff, "gone", address, NOON, 1, i + 1, i + 1);
    }
    EXPECT_VISIT(ff, "stays", "198.51.100.10", NOON, 1, 1, 1);
    EXPECT_DELETE(ff, "gone", 20, 20);
    EXPECT_VISIT(ff, "gone", "198.51.100.10", NOON, 1, 1, 1); /* lives again, and this one is of the living */
    assert_int_equal(purge_all(ff, 3).visitors, 20);          /* never go by themselves under forever */
    EXPECT_VISIT(ff, "gone", "198.51.100.10", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "gone", "198.51.100.11", NOON, 1, 3, 2);
    EXPECT_VISIT(ff, "stays", "198.51.100.10", NOON, 0, 2, 1);
}

static void purge_keeps_to_its_budget(void **state)
{
    const struct suite_knobs knobs = { .window = "1h" };
    struct footfall *ff = suite_open(*state, &knobs);
    struct footfall_purge_result r;
    for (int i = 0; i < 30; i++) {
        char address[] = "198.51.100.10";
        address[11] = (char)('1' + i / 10);
        address[12] = (char)('0' + i % 10);
        EXPECT_VISIT(ff, "a", address, NOON, 1, i + 1, i + 1);
    }
    suite_set_clock(*state, NOON + DAY);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 7, NULL, &r, NULL), FOOTFALL_OK);
    assert_true(r.visitors <= 7);
    if (!drops_by_itself()) {
        assert_int_equal(r.done, 0);
        assert_int_equal(r.visitors + purge_all(ff, 7).visitors, 30);
    }
    assert_int_equal(purge_all(ff, 7).visitors, 0);
}

static void purge_changes_no_answer(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    for (int hour = 0; hour < 80; hour++) { /* two visitors, every 5 and every 30 hours, fixed window of a day */
        int64_t now_ms = T0 + hour * HOUR;
        suite_set_clock(*state, now_ms);
        if (hour % 5 == 0) /* new at 0, 25, 50, 75 */
            assert_int_equal(suite_visit_is_new(ff, "a", "203.0.113.7", now_ms), hour % 25 == 0);
        if (hour % 30 == 0)
            assert_int_equal(suite_visit_is_new(ff, "a", "203.0.113.8", now_ms), 1);
        (void)purge_all(ff, 10);
    }
    EXPECT_READ(ff, "a", 19, 7);
}

static void purge_at_an_earlier_time_drops_less(void **state)
{
    const struct suite_knobs knobs = { .window = "1h" };
    struct footfall *ff = suite_open(*state, &knobs);
    struct footfall_purge_result r;
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + DAY);
    assert_int_equal(footfall_purge(ff, NOON + HOUR, 100, NULL, &r, NULL), FOOTFALL_OK);
    assert_int_equal(r.visitors, 0);
    expect_dropped(ff, 1, 0);
}

static void purge_refuses_bad_arguments(void **state)
{
    struct footfall_purge_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_purge(ff, NOON + 1, 10, NULL, &r, &err), err, FOOTFALL_INVALID, "future");
    EXPECT_REFUSED(footfall_purge(ff, -1, 10, NULL, &r, &err), err, FOOTFALL_INVALID, "1970");
    EXPECT_REFUSED(footfall_purge(ff, NOON, 0, NULL, &r, &err), err, FOOTFALL_INVALID, "budget");
    EXPECT_REFUSED(footfall_purge(ff, NOON, 1000001, NULL, &r, &err), err, FOOTFALL_INVALID, "budget");
    assert_int_equal(footfall_purge(ff, NOON, 1000000, NULL, &r, &err), FOOTFALL_OK);
    assert_int_equal(r.done, 1);
}

/* ---- stats, ping, check, metrics ------------------------------------------------------------------------------------------------- */

static void stats_count(void **state)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[10];
    struct footfall_result r[10];
    for (int i = 0; i < 10; i++)
        ops[i] = suite_add("a", i);
    footfall_stats(ff, &stats);
    assert_int_equal(stats.operations, 0);
    assert_string_equal(stats.backend, suite_backend());
    assert_int_equal(footfall_apply(ff, ops, 10, NULL, r, NULL), FOOTFALL_OK);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 1), "t")), FOOTFALL_OK, 0, 46, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_add("a", 1), "t")), FOOTFALL_OK,
                  FOOTFALL_REPLAYED | FOOTFALL_CURRENT, 46, 0);
    footfall_stats(ff, &stats);
    assert_int_equal(stats.operations, 12);
    assert_int_equal(stats.batches, 3);
    assert_int_equal(stats.longest_batch, 10);
    assert_int_equal(stats.replayed, 1);
    assert_int_equal(stats.queued_now + stats.retries + stats.unknown + stats.temporary, 0);
}

static void stats_of_an_unknown_size_are_left_alone(void **state)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    stats.size = 1;
    stats.operations = 77;
    EXPECT_ADD(ff, "a", 1, 1, 0);
    footfall_stats(ff, &stats);
    assert_int_equal(stats.operations, 77);
    footfall_stats(ff, NULL);
    footfall_stats(NULL, &stats);
}

static void ping_reaches_the_store(void **state)
{
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    assert_int_equal(footfall_ping(ff, NULL, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    EXPECT_LIST(ff, "", NULL, "");
}

struct findings {
    int count, wrong;
};

static void count_finding(void *user, const struct footfall_finding *finding)
{
    struct findings *findings = user;
    assert_non_null(finding->text);
    assert_true(finding->text[0] != '\0');
    assert_null(strchr(finding->text, '\n'));
    findings->count++;
    findings->wrong += finding->severity == FOOTFALL_WRONG;
}

static void check_finds_nothing_wrong_with_a_fresh_store(void **state)
{
    struct findings findings = { 0, 0 };
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    assert_int_equal(footfall_check(ff, NULL, count_finding, &findings, NULL), FOOTFALL_OK);
    assert_true(findings.count > 0);
    assert_int_equal(findings.wrong, 0);
    EXPECT_LIST(ff, "", NULL, "a=1/1");
}

static void note_operations(void *user, const struct footfall_metric *metric)
{
    assert_non_null(metric->help);
    if (strcmp(metric->name, "footfall_operations_total") == 0)
        *(double *)user = metric->value;
}

static void metrics_count_operations(void **state)
{
    double operations = -1;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", 1, 1, 0);
    EXPECT_ADD(ff, "a", 1, 2, 0);
    footfall_metrics(ff, note_operations, &operations);
    assert_true(operations == 2);
}

struct histogram {
    const char *name, *more; /* more: what stands before "le" among the labels */
    double last, sum, count;
    int places, ended;
};

static void note_histogram(void *user, const struct footfall_metric *metric)
{
    struct histogram *h = user;
    size_t bytes = strlen(h->name), more = strlen(h->more);
    const char *what = metric->name + bytes;
    if (strncmp(metric->name, h->name, bytes) != 0 || strncmp(metric->labels, h->more, more) != 0)
        return;
    assert_int_equal(metric->counter, 1);
    if (strcmp(what, "_bucket") == 0) {
        const char *label = metric->labels + more + (more > 0);
        assert_int_equal(h->ended, 0);
        assert_true(metric->value >= h->last);
        assert_memory_equal(label, "le=\"", 4);
        h->ended = strcmp(label, "le=\"+Inf\"") == 0;
        h->last = metric->value;
        h->places++;
    } else if (strcmp(what, "_sum") == 0) {
        h->sum = metric->value;
    } else {
        assert_string_equal(what, "_count");
        h->count = metric->value;
    }
}

static struct histogram measure(struct footfall *ff, const char *name, const char *more)
{
    struct histogram h = { name, more, 0, -1, -1, 0, 0 };
    footfall_metrics(ff, note_histogram, &h);
    assert_true(h.places > 10 && h.ended);
    assert_true(h.count == h.last);
    assert_true(h.sum >= 0);
    return h;
}

static void metrics_tell_how_large_batches_were_and_how_long_they_took(void **state)
{
    enum { OPS = 20 };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[OPS];
    struct footfall_result results[OPS];
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    struct histogram sizes = measure(ff, "footfall_batch_operations", "");
    assert_true(sizes.sum == 0 && sizes.count == 0);
    for (int i = 0; i < OPS; i++) {
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        ops[i].name = "a";
        ops[i].delta = 1;
    }
    assert_int_equal(footfall_apply(ff, ops, OPS, NULL, results, NULL), FOOTFALL_OK);
    EXPECT_ADD(ff, "a", 1, OPS + 1, 0);
    EXPECT_READ(ff, "a", OPS + 1, 0);
    footfall_stats(ff, &stats);
    sizes = measure(ff, "footfall_batch_operations", "");
    assert_true(sizes.sum == OPS + 1);
    assert_true(sizes.count == (double)stats.batches);
    assert_true(measure(ff, "footfall_store_seconds", "kind=\"write\"").count >= (double)stats.batches);
    assert_true(measure(ff, "footfall_store_seconds", "kind=\"read\"").count >= 1);
}

const struct suite_case suite_upkeep[] = {
    SUITE_CASE(purge_of_nothing),
    SUITE_CASE(purge_drops_visitors_when_they_expire),
    SUITE_CASE(purge_keeps_those_of_forever),
    SUITE_CASE(purge_keeps_a_sliding_record_that_was_used),
    SUITE_CASE(purge_keeps_the_later_time_of_two_hosts),
    SUITE_CASE(purge_drops_tokens_and_series),
    SUITE_CASE(purge_drops_the_leftovers_of_deleted_counters),
    SUITE_CASE(purge_keeps_to_its_budget),
    SUITE_CASE(purge_changes_no_answer),
    SUITE_CASE(purge_at_an_earlier_time_drops_less),
    SUITE_CASE(purge_refuses_bad_arguments),
    SUITE_CASE(stats_count),
    SUITE_CASE(stats_of_an_unknown_size_are_left_alone),
    SUITE_CASE(ping_reaches_the_store),
    SUITE_CASE(check_finds_nothing_wrong_with_a_fresh_store),
    SUITE_CASE(metrics_count_operations),
    SUITE_CASE(metrics_tell_how_large_batches_were_and_how_long_they_took),
    SUITE_CASES_END,
};
