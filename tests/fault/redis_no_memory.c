/* redis_no_memory.c: every allocation that the library makes fails in turn, on a Redis of the test's own: through the engine with the
 * script of no_memory.c (script.h), and slot by slot on a store, over connections that are there, new ones, and with scripts that
 * the server has forgotten. A call says so and has done nothing, or succeeds. hiredis allocates by itself and is left alone. */
#include "cmocka_all.h"

#include "alloc.h"
#include "folder.h"
#include "footfall_store.h"
#include "handle.h"
#include "redis_control.h"
#include "script.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const struct footfall_backend footfall__backend_redis;
static const struct footfall_backend *const redis = &footfall__backend_redis;

static atomic_long asked; /* allocations since refusing began */
static long first_refused, last_refused;

static int refuse(void *user)
{
    long number = atomic_fetch_add(&asked, 1) + 1;
    (void)user;
    return number >= first_refused && number <= last_refused;
}

static void begin_refusing(long first, long last)
{
    first_refused = first;
    last_refused = last;
    atomic_store(&asked, 0);
    footfall__alloc_hook(refuse, NULL);
}

static long end_refusing(void)
{
    footfall__alloc_hook(NULL, NULL);
    return atomic_load(&asked);
}

static void flush_scripts(void)
{
    free(support_redis_command("SCRIPT", "FLUSH", NULL));
}

/* ---- through the engine ----------------------------------------------------------------------------------------------------- */

static void begin_outcome(struct script_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    for (size_t i = 0; i < SCRIPT_OPS; i++)
        outcome->results[i].status = (enum footfall_status)1;
}

/* Counters of its own for each run; the number of allocations asked for. */
static long one_run(long first, long last)
{
    static int run;
    char *prefix = support_format("run%d", ++run);
    const char *pairs[] = { "backend",      "redis",        "redis.url",   support_redis_url(),
                            "redis.prefix", prefix,         "redis.lanes", "1",
                            "secret",       SUPPORT_SECRET, NULL };
    struct footfall *ff = support_open(pairs);
    struct footfall_error err;
    struct script_outcome outcome;
    struct script_state state;
    const char *wrong = NULL;
    long count = 0;
    script_prepare(ff);
    footfall_close(ff);
    ff = NULL;
    begin_outcome(&outcome);
    begin_refusing(first, last);
    outcome.open_status = support_try_open(&ff, &err, pairs);
    if (outcome.open_status == FOOTFALL_OK)
        script_run(ff, &outcome);
    count = end_refusing();
    if (outcome.open_status != FOOTFALL_OK && (outcome.open_status != FOOTFALL_NO_MEMORY || ff != NULL))
        fail_msg("allocation %ld: open: %s: %s", first, footfall_status_name((enum footfall_status)outcome.open_status),
                 err.text);
    footfall_close(ff);
    for (size_t i = 0; i < SCRIPT_OPS; i++)
        if (outcome.results[i].status == FOOTFALL_UNKNOWN && strstr(outcome.text, "in time") == NULL)
            fail_msg("allocation %ld put operation %zu in doubt: %s", first, i, outcome.text);
    ff = support_open(pairs);
    script_observe(ff, &state);
    wrong = script_judge(&outcome, &state, 1);
    if (wrong != NULL)
        fail_msg("allocation %ld: %s; first error: %s", first, wrong, outcome.text);
    footfall_close(ff);
    free(prefix);
    return count;
}

static void every_allocation(int stays)
{
    long count = one_run(0, 0);
    for (long at = 1; at <= count; at++)
        one_run(at, stays ? 1000000 : at);
    printf("%ld allocations failed in turn\n", count);
    assert_true(count > 20);
}

static void once_each(void **state)
{
    (void)state;
    every_allocation(0);
}

static void each_and_all_after_it(void **state)
{
    (void)state;
    every_allocation(1);
}

/* ---- slot by slot ----------------------------------------------------------------------------------------------------------- */

enum slot { APPLY, FETCH, SCAN, PUT_KEY, LOOK_KEY, DROP, OTHER, PURGE, PING, CHECK, SLOTS };
enum { OPS = 6, COUNTERS = 3 };

static const char *const names[COUNTERS] = { "a", "b", "c" };
static const size_t sizes[COUNTERS] = { 1, 1, 1 };
static struct footfall_store_op ops[OPS];
static int64_t batches; /* that were acknowledged */
static char text[256];

static struct footfall_store_call call_now(uint64_t sequence, uint32_t attempt)
{
    struct footfall_store_call call = { .writer = 9, .sequence = sequence, .attempt = attempt, .mark_keep_ms = 900000 };
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    call.deadline_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + 10000;
    call.wall_ms = SUPPORT_TIME_MS;
    call.text = text;
    call.text_bytes = sizeof text;
    text[0] = '\0';
    return call;
}

/* Every batch brings a new visitor to each counter and one more to the total. */
static void make_batch(int64_t number)
{
    memset(ops, 0, sizeof ops);
    for (int i = 0; i < OPS; i++) {
        ops[i].kind = i < COUNTERS ? FOOTFALL_STORE_ADD : FOOTFALL_STORE_VISIT;
        ops[i].name = names[i % COUNTERS];
        ops[i].name_bytes = 1;
        ops[i].a = 1;
        ops[i].id_count = ops[i].write_count = 1;
        memcpy(ops[i].ids[0].bytes, &number, sizeof number);
        ops[i].now_ms = SUPPORT_TIME_MS;
        ops[i].window_ms = 3600000;
        ops[i].expire_ms = SUPPORT_TIME_MS + 3600000;
    }
}

static int apply(struct footfall_store *store, uint64_t sequence, uint32_t attempt)
{
    struct footfall_store_result results[OPS];
    struct footfall_store_call call = call_now(sequence, attempt);
    int rc = redis->apply(store, ops, OPS, results, &call);
    for (int i = 0; i < OPS && rc == 0; i++) {
        rc = (int)results[i].status;
        if (rc == 0)
            assert_int_equal(results[i].total, 2 * batches + 1 + i / COUNTERS);
    }
    return rc;
}

static int fetch(struct footfall_store *store, struct footfall_store_call *call)
{
    int64_t totals[COUNTERS], uniques[COUNTERS];
    uint8_t exists[COUNTERS];
    int rc = redis->fetch(store, names, sizes, COUNTERS, totals, uniques, exists, call);
    for (int i = 0; i < COUNTERS && rc == 0; i++) {
        assert_int_equal(totals[i], 2 * batches);
        assert_int_equal(uniques[i], batches);
    }
    return rc;
}

static int count_name(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    assert_int_equal(name_bytes, 1);
    assert_true(name[0] >= 'a' && name[0] <= 'c' && total == 2 * batches && unique == batches);
    ++*(int *)user;
    return 0;
}

static void ignore(void *user, int severity, const char *line, const char *advice)
{
    (void)user;
    (void)severity;
    (void)line;
    (void)advice;
}

static int run_slot(enum slot slot, struct footfall_store *store, uint64_t sequence, uint32_t attempt)
{
    struct footfall_store_call call = call_now(sequence, attempt);
    uint8_t key[FOOTFALL_STORE_KEY_BYTES] = { 7 }, winner[FOOTFALL_STORE_KEY_BYTES];
    size_t dropped[3] = { 0 };
    int64_t ms = 0;
    int number = 0, rc = 0;
    switch (slot) {
    case APPLY:
        return apply(store, sequence, attempt);
    case FETCH:
        return fetch(store, &call);
    case SCAN:
        rc = redis->scan(store, "", 0, "", 0, 50, count_name, &number, &(int){ 0 }, &call);
        assert_true(rc != 0 || number == COUNTERS);
        return rc;
    case PUT_KEY:
    case LOOK_KEY:
        rc = redis->epoch_key(store, 86400000, 5, slot == PUT_KEY ? key : NULL, SUPPORT_TIME_MS + 3600000, winner, &ms,
                              &call);
        assert_true(rc != 0 || memcmp(key, winner, sizeof key) == 0);
        return rc;
    case DROP:
        return redis->epoch_drop(store, 0, &ms, &call);
    case OTHER:
        rc = redis->epoch_other(store, 86400000, &number, &call);
        assert_true(rc != 0 || number == 0);
        return rc;
    case PURGE:
        return redis->purge(store, SUPPORT_TIME_MS, 10, dropped, &number, &call);
    case PING:
        return redis->ping(store, &call);
    default:
        return redis->check(store, ignore, NULL, &call);
    }
}

static int open_store(struct footfall_store **store, uint32_t lane)
{
    const struct footfall_store_setting settings[] = { { "url", support_redis_url() }, { "prefix", "slots" } };
    struct footfall_store_call call = call_now(0, 0);
    return redis->open(store, settings, 2, lane, &call);
}

/* 1 when the refusal struck. Lane 0 connects in open, any other in the slot. */
static int strike(enum slot slot, uint32_t lane, int flush, long at)
{
    static uint64_t sequence;
    struct footfall_store *store = NULL;
    int rc = 0;
    int struck = 0;
    make_batch(batches);
    sequence++;
    if (flush)
        flush_scripts();
    begin_refusing(at, at);
    rc = open_store(&store, lane);
    if (rc == 0)
        rc = run_slot(slot, store, sequence, 0);
    struck = end_refusing() >= at;
    if (rc != 0 && (!struck || (rc != FOOTFALL_STORE_NO_MEMORY && rc != FOOTFALL_STORE_TEMPORARY) || text[0] == '\0'))
        fail_msg("slot %d, lane %u: allocation %ld: status %d: %s", (int)slot, lane, at, rc, text);
    if (store == NULL)
        assert_int_equal(open_store(&store, lane), 0);
    if (rc != 0 && run_slot(slot, store, sequence, 1) != 0)
        fail_msg("slot %d, lane %u: after allocation %ld: %s", (int)slot, lane, at, text);
    batches += slot == APPLY;
    assert_int_equal(run_slot(FETCH, store, 0, 0), 0);
    redis->close(store, 0);
    return struck;
}

static void every_slot(int flush)
{
    long count = 0;
    for (uint32_t lane = 0; lane < 2; lane++)
        for (int slot = 0; slot < SLOTS; slot++)
            for (long at = 1; strike((enum slot)slot, lane, flush, at); at++)
                count++;
    printf("%ld allocations failed in turn\n", count);
    assert_true(count > 100);
}

static void slots_do_nothing_by_halves(void **state)
{
    (void)state;
    every_slot(0);
}

static void slots_with_forgotten_scripts(void **state)
{
    (void)state;
    every_slot(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_each),
        cmocka_unit_test(each_and_all_after_it),
        cmocka_unit_test(slots_do_nothing_by_halves),
        cmocka_unit_test(slots_with_forgotten_scripts),
    };
    return cmocka_run_group_tests_name("no memory with Redis", tests, NULL, NULL);
}
