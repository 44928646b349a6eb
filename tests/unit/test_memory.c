/* test_memory.c: the memory backend through its vtable alone: windows, tokens, series, purge, paging, epoch keys, and that an
 * operation for which memory runs out has done nothing. The answers are worked out by hand; the engine has no part in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "footfall_store.h"
#include "random.h"

extern const struct footfall_backend footfall__backend_memory;

#define HOUR INT64_C(3600000)
#define FOREVER FOOTFALL_STORE_FOREVER

static const struct footfall_backend *const memory = &footfall__backend_memory;
static char text[200];

static struct footfall_store_call call_at(int64_t wall_ms)
{
    struct footfall_store_call call = { .wall_ms = wall_ms, .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    return call;
}

static struct footfall_store *open_store(const char *name)
{
    struct footfall_store_setting setting = { "name", name };
    struct footfall_store_call call = call_at(0);
    struct footfall_store *store = NULL;
    assert_int_equal(memory->open(&store, &setting, name != NULL, 0, &call), 0);
    assert_non_null(store);
    return store;
}

static int set_up(void **state)
{
    *state = open_store(NULL);
    return 0;
}

static int tear_down(void **state)
{
    memory->close(*state, 0);
    return 0;
}

static struct footfall_store_op op_of(enum footfall_store_kind kind, const char *name)
{
    struct footfall_store_op op = { .kind = kind, .name = name, .name_bytes = strlen(name) };
    op.id_count = op.write_count = 1;
    op.window_ms = HOUR;
    op.expire_ms = 1000;
    return op;
}

/* A visit by the visitor known as `id` under this epoch's key. */
static struct footfall_store_op visit_of(const char *name, uint8_t id, int64_t now_ms, int64_t window_ms)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_VISIT, name);
    memset(op.ids[0].bytes, id, sizeof(op.ids[0].bytes));
    memset(op.fingerprints[0], id, sizeof(op.fingerprints[0]));
    op.now_ms = now_ms;
    op.window_ms = window_ms;
    op.expire_ms = window_ms == FOREVER ? FOREVER : now_ms + window_ms + HOUR;
    return op;
}

static struct footfall_store_op add_of(const char *name, int64_t delta)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_ADD, name);
    op.a = delta;
    return op;
}

static struct footfall_store_op set_of(const char *name, int64_t total, int64_t unique)
{
    struct footfall_store_op op = op_of(FOOTFALL_STORE_SET, name);
    op.a = total;
    op.b = unique;
    return op;
}

static struct footfall_store_op with_token(struct footfall_store_op op, const char *token16, uint8_t fingerprint)
{
    op.token = (const uint8_t *)token16;
    op.token_expire_ms = 500;
    memset(op.fingerprints[0], fingerprint, sizeof(op.fingerprints[0]));
    return op;
}

static struct footfall_store_result apply(struct footfall_store *store, struct footfall_store_op op)
{
    struct footfall_store_call call = call_at(0);
    struct footfall_store_result result = { .status = FOOTFALL_STORE_BROKEN, .total = -7 };
    assert_int_equal(memory->apply(store, &op, 1, &result, &call), 0);
    return result;
}

static void expect(struct footfall_store_result result, int status, int is_new, int64_t total, int64_t unique)
{
    assert_int_equal(result.status, status);
    assert_int_equal(result.is_new, is_new);
    assert_int_equal(result.total, total);
    assert_int_equal(result.unique, unique);
}

static int exists(struct footfall_store *store, const char *name, int64_t total, int64_t unique)
{
    struct footfall_store_call call = call_at(0);
    size_t bytes = strlen(name);
    int64_t totals = -1;
    int64_t uniques = -1;
    uint8_t there = 9;
    assert_int_equal(memory->fetch(store, &name, &bytes, 1, &totals, &uniques, &there, &call), 0);
    assert_int_equal(totals, total);
    assert_int_equal(uniques, unique);
    return there;
}

struct held {
    int64_t counters, visitors, tokens, series;
};

static void note_held(void *user, const char *name, const char *help, const char *labels, int counter, double value)
{
    struct held *held = user;
    assert_non_null(help);
    assert_int_equal(counter, 0);
    if (strcmp(name, "footfall_memory_counters") == 0)
        held->counters = (int64_t)value;
    else if (strstr(labels, "visitor") != NULL)
        held->visitors = (int64_t)value;
    else if (strstr(labels, "token") != NULL)
        held->tokens = (int64_t)value;
    else
        held->series = (int64_t)value;
}

static void expect_held(struct footfall_store *store, int64_t counters, int64_t visitors, int64_t tokens,
                        int64_t series)
{
    struct held held = { -1, -1, -1, -1 };
    memory->metrics(store, note_held, &held);
    assert_int_equal(held.counters, counters);
    assert_int_equal(held.visitors, visitors);
    assert_int_equal(held.tokens, tokens);
    assert_int_equal(held.series, series);
}

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

/* ---- tokens and series ----------------------------------------------------------------------------------------------------- */

static const char token_a[] = "token a 16 bytes";
static const char token_b[] = "token b 16 bytes";

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

static struct footfall_store_result numbered(struct footfall_store *store, struct footfall_store_op op, uint64_t number,
                                             uint32_t at)
{
    static const uint8_t series[FOOTFALL_STORE_SERIES_BYTES] = "a log of visits";
    struct footfall_store_call call = call_at(1000);
    struct footfall_store_result result = { .status = FOOTFALL_STORE_BROKEN };
    call.series = series;
    call.series_number = number;
    call.series_keep_ms = 900;
    op.series_at = at;
    assert_int_equal(memory->apply(store, &op, 1, &result, &call), 0);
    return result;
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

/* ---- upkeep ---------------------------------------------------------------------------------------------------------------- */

static size_t purge(struct footfall_store *store, int64_t now_ms, size_t budget, int expect_more)
{
    struct footfall_store_call call = call_at(now_ms);
    size_t dropped[3] = { 0, 0, 0 };
    int more = 9;
    assert_int_equal(memory->purge(store, now_ms, budget, dropped, &more, &call), 0);
    assert_int_equal(more, expect_more);
    assert_true(dropped[0] + dropped[1] <= budget);
    return dropped[0] * 10000 + dropped[1] * 100 + dropped[2];
}

static void purge_goes_by_the_stored_expiry(void **state)
{
    apply(*state, visit_of("a", 1, 0, 1)); /* until 1 + HOUR */
    apply(*state, visit_of("a", 2, 0, 2));
    apply(*state, visit_of("a", 3, 0, FOREVER));
    apply(*state, with_token(add_of("a", 1), token_a, 1)); /* until 500 */
    numbered(*state, add_of("a", 1), 1, 0);                /* until 1900 */
    assert_int_equal(purge(*state, 499, 100, 0), 0);
    assert_true(apply(*state, with_token(add_of("a", 1), token_a, 1)).replayed);
    assert_int_equal(purge(*state, 500, 100, 0), 100);
    assert_int_equal(purge(*state, 1899, 100, 0), 0);
    assert_int_equal(purge(*state, 1900, 100, 0), 100);
    assert_int_equal(purge(*state, HOUR, 100, 0), 0);
    assert_int_equal(purge(*state, HOUR + 1, 100, 0), 10000);
    assert_int_equal(purge(*state, INT64_MAX, 100, 0), 10000);
    expect_held(*state, 1, 1, 0, 0);
    assert_true(exists(*state, "a", 5, 3));
}

static void a_visit_again_keeps_a_record_longer(void **state)
{
    struct footfall_store_op op = visit_of("a", 1, 0, 1000);
    op.sliding = 1;
    apply(*state, op);
    op.now_ms = 10;
    op.expire_ms += 10;
    apply(*state, op);
    op.expire_ms -= 20; /* a host whose clock is behind must not shorten it */
    apply(*state, op);
    assert_int_equal(purge(*state, 1000 + HOUR + 9, 10, 0), 0);
    assert_int_equal(purge(*state, 1000 + HOUR + 10, 10, 0), 10000);
}

static void purge_takes_the_dead_within_its_budget(void **state)
{
    for (uint8_t i = 0; i < 10; i++)
        apply(*state, visit_of("a", i, 0, FOREVER));
    apply(*state, visit_of("b", 1, 0, FOREVER));
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    apply(*state, visit_of("a", 1, 0, FOREVER));
    assert_int_equal(purge(*state, 0, 4, 1), 40000);
    assert_int_equal(purge(*state, 0, 5, 1), 50000);
    assert_int_equal(purge(*state, 0, 1, 0), 10000);
    expect_held(*state, 2, 2, 0, 0);
    expect(apply(*state, visit_of("a", 1, 0, FOREVER)), 0, 0, 2, 1);
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    assert_int_equal(purge(*state, 0, 9, 0), 10001); /* and the counter with its last record */
}

static void purge_finds_exactly_what_has_expired(void **state)
{
    uint64_t random = 42;
    size_t expired = 0;
    size_t left = 0;
    for (int i = 0; i < 2000; i++) {
        struct footfall_store_op op = visit_of("a", 0, 0, 1);
        memcpy(op.ids[0].bytes, &i, sizeof(i));
        op.expire_ms = footfall__random_below(&random, 1000);
        expired += op.expire_ms <= 300;
        left += op.expire_ms > 300 && i % 5 != 0;
        apply(*state, op);
    }
    assert_int_equal(purge(*state, 300, 5000, 0), expired * 10000);
    for (int i = 0; i < 2000; i += 5) {
        struct footfall_store_op op = op_of(FOOTFALL_STORE_FORGET, "a");
        memcpy(op.ids[0].bytes, &i, sizeof(i));
        apply(*state, op);
    }
    assert_int_equal(purge(*state, 1000, 5000, 0), left * 10000);
    expect_held(*state, 1, 0, 0, 0);
}

static int join_names(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    char *line = user;
    size_t end = strlen(line);
    (void)snprintf(line + end, 200 - end, "%.*s=%d/%d ", (int)name_bytes, name, (int)total, (int)unique);
    return strstr(line, "stop") != NULL;
}

static void scanning_pages_in_byte_order(void **state)
{
    static const char *const names[] = { "b", "a", "ab", "\xc3\xa9", "B", "a/", "gone", "stop" };
    struct footfall_store_call call = call_at(0);
    char line[200] = "";
    int more = 9;
    for (size_t i = 0; i < 8; i++)
        apply(*state, set_of(names[i], (int)i, 1));
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "gone"));
    assert_int_equal(memory->scan(*state, "", 0, "", 0, 4, join_names, line, &more, &call), 0);
    assert_string_equal(line, "B=4/1 a=1/1 a/=5/1 ab=2/1 ");
    assert_int_equal(more, 1);
    line[0] = '\0';
    assert_int_equal(memory->scan(*state, "", 0, "ab", 2, 4, join_names, line, &more, &call), 0);
    assert_string_equal(line, "b=0/1 stop=7/1 "); /* told to stop */
    assert_int_equal(more, 1);
    line[0] = '\0';
    assert_int_equal(memory->scan(*state, "a", 1, "a", 1, 2, join_names, line, &more, &call), 0);
    assert_string_equal(line, "a/=5/1 ab=2/1 ");
    assert_int_equal(more, 0);
}

static void epoch_keys_are_put_once_and_dropped_in_time(void **state)
{
    uint8_t one[FOOTFALL_STORE_KEY_BYTES] = "one";
    uint8_t two[FOOTFALL_STORE_KEY_BYTES] = "two";
    uint8_t winner[FOOTFALL_STORE_KEY_BYTES] = "";
    int64_t until = 0;
    int other = 9;
    struct footfall_store_call call = call_at(0);
    assert_int_equal(memory->epoch_key(*state, 24, 5, NULL, 0, winner, &until, &call), 1);
    assert_int_equal(memory->epoch_key(*state, 24, 5, one, 100, winner, &until, &call), 0);
    assert_int_equal(memory->epoch_key(*state, 24, 5, two, 200, winner, &until, &call), 0);
    assert_memory_equal(winner, one, sizeof(one));
    assert_int_equal(until, 100);
    assert_int_equal(memory->epoch_key(*state, 25, 5, two, FOREVER, winner, &until, &call), 0);
    assert_memory_equal(winner, two, sizeof(two));
    assert_int_equal(memory->epoch_other(*state, 24, &other, &call), 0);
    assert_int_equal(other, 1);
    assert_int_equal(memory->epoch_drop(*state, 99, &until, &call), 0);
    assert_int_equal(until, 100);
    assert_int_equal(memory->epoch_drop(*state, 100, &until, &call), 0);
    assert_int_equal(until, FOREVER);
    assert_int_equal(memory->epoch_key(*state, 24, 5, NULL, 0, winner, &until, &call), 1);
    assert_int_equal(memory->epoch_other(*state, 25, &other, &call), 0);
    assert_int_equal(other, 0);
    assert_int_equal(memory->epoch_drop(*state, FOREVER, &until, &call), 0);
    assert_int_equal(memory->epoch_key(*state, 25, 5, NULL, 0, winner, &until, &call), 0);
}

static void one_name_is_one_store(void **state)
{
    struct footfall_store *left = open_store("shared");
    struct footfall_store *right = open_store("shared");
    struct footfall_store *other = open_store("other");
    (void)state;
    apply(left, add_of("a", 3));
    assert_true(exists(right, "a", 3, 0));
    assert_false(exists(other, "a", 0, 0));
    assert_true((memory->caps(left) & FOOTFALL_STORE_CAP_SHARED) != 0);
    assert_false((memory->caps(*state) & FOOTFALL_STORE_CAP_SHARED) != 0);
    memory->close(left, 0);
    assert_true(exists(right, "a", 3, 0));
    memory->close(right, 0);
    right = open_store("shared");
    assert_false(exists(right, "a", 0, 0));
    memory->close(right, 0);
    memory->close(other, 1);
}

/* ---- out of memory ---------------------------------------------------------------------------------------------------------- */

static int refuse_at(void *user)
{
    int *left = user;
    return (*left)-- == 0;
}

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

static void opening_and_scanning_survive_want_of_memory(void **state)
{
    struct footfall_store_setting setting = { "name", "pressed" };
    struct footfall_store *store = *state;
    char line[200] = "";
    int status = FOOTFALL_STORE_NO_MEMORY;
    apply(*state, add_of("a", 1));
    for (int tries = 0; status == FOOTFALL_STORE_NO_MEMORY; tries++) {
        struct footfall_store_call call = call_at(0);
        int left = tries;
        footfall__alloc_hook(refuse_at, &left);
        status = memory->open(&store, &setting, 1, 0, &call);
        footfall__alloc_hook(NULL, NULL);
        assert_true(status == 0 ? store != NULL : store == NULL);
    }
    assert_int_equal(status, 0);
    memory->close(store, 0);
    status = FOOTFALL_STORE_NO_MEMORY;
    for (int tries = 0; status == FOOTFALL_STORE_NO_MEMORY; tries++) {
        struct footfall_store_call call = call_at(0);
        int more = 0;
        int left = tries;
        footfall__alloc_hook(refuse_at, &left);
        status = memory->scan(*state, "", 0, "", 0, 9, join_names, line, &more, &call);
        footfall__alloc_hook(NULL, NULL);
    }
    assert_string_equal(line, "a=1/0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(adds_stay_within_int64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fixed_window_is_half_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sliding_window_starts_again_with_each_visit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_latest_time_of_any_id_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deleting_forgets_and_absent_ones_make_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_asked_before_all_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visits_token_needs_one_id_in_common, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_numbered_batch_is_applied_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purge_goes_by_the_stored_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visit_again_keeps_a_record_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purge_takes_the_dead_within_its_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purge_finds_exactly_what_has_expired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scanning_pages_in_byte_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epoch_keys_are_put_once_and_dropped_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_name_is_one_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_stops_where_memory_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_and_scanning_survive_want_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
