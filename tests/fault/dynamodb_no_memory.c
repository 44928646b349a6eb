/* dynamodb_no_memory.c: on DynamoDB Local, the allocations of a call fail in turn: the library's own, each of them, and those for JSON,
 * many of them. The call says so and has done nothing, or is in doubt and told the next time, or succeeds; every count is exact
 * afterwards. libcurl and OpenSSL allocate by themselves and are left alone. */
#include "cmocka_all.h"

#include "alloc.h"
#include "clock.h"
#include "folder.h"
#include "footfall_store.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct footfall_backend footfall__backend_dynamodb;
static const struct footfall_backend *const dynamodb = &footfall__backend_dynamodb;

enum slot { APPLY, IN_PARTS, SERIES, FETCH, SCAN, KEY, LOOK, DROP, OTHER, PURGE, PING, CHECK, SLOTS };
static const char *const slot_names[SLOTS] = {
    "apply",         "apply, not atomic", "series",     "fetch", "scan", "put a key",
    "look at a key", "drop keys",         "other keys", "purge", "ping", "check"
};
enum { COUNTERS = 3, OPS = 3 * COUNTERS, EXPIRY_MS = 3600000 };

static char text[256];
static char *table;
static int64_t batches;

/* ---- refusing ------------------------------------------------------------------------------------------------------------------------- */

static long asked, refused; /* allocations since refusing began; which one fails */
static int of_json;

static int refuse(void *user)
{
    (void)user;
    return !of_json && ++asked == refused;
}

static void *allocate(size_t bytes)
{
    return of_json && ++asked == refused ? NULL : malloc(bytes);
}

static void begin_refusing(int json, long at)
{
    of_json = json;
    asked = 0;
    refused = at;
    footfall__alloc_hook(refuse, NULL);
    json_set_alloc_funcs(allocate, free);
}

static long end_refusing(void)
{
    footfall__alloc_hook(NULL, NULL);
    json_set_alloc_funcs(malloc, free);
    return asked;
}

/* ---- slots ---------------------------------------------------------------------------------------------------------------------------- */

static struct footfall_store_call call_now(void)
{
    struct footfall_store_call call = { .writer = 9, .mark_keep_ms = 900000, .text = text, .text_bytes = sizeof text };
    text[0] = '\0';
    call.deadline_ms = footfall__boottime_ms() + 10000;
    call.wall_ms = footfall__wall_ms();
    return call;
}

static int open_store(struct footfall_store **store, enum slot slot)
{
    const struct footfall_store_setting settings[] = { { "table", table },
                                                       { "endpoint", getenv("FOOTFALL_TEST_DYNAMODB_URL") },
                                                       { "create_table", "true" },
                                                       { "capacity", "true" },
                                                       { "atomic", slot == IN_PARTS ? "false" : "true" } };
    struct footfall_store_call call = call_now();
    return dynamodb->open(store, settings, sizeof settings / sizeof settings[0], batches == 0 ? 0 : 1, &call);
}

static const char *const names[COUNTERS] = { "a", "b", "c" };
static const size_t sizes[COUNTERS] = { 1, 1, 1 };

/* Of each counter: one more, a new visitor, and one more with a token. */
static int apply(struct footfall_store *store, enum slot slot, uint32_t attempt)
{
    static const uint8_t series[FOOTFALL_STORE_SERIES_BYTES] = { 5 };
    struct footfall_store_call call = call_now();
    struct footfall_store_op ops[OPS];
    struct footfall_store_result results[OPS];
    uint8_t token[FOOTFALL_STORE_TOKEN_BYTES] = { 1 };
    int rc = 0;
    memcpy(token + 8, &batches, sizeof batches);
    memset(ops, 0, sizeof ops);
    for (int i = 0; i < OPS; i++) {
        ops[i].kind = i / COUNTERS == 1 ? FOOTFALL_STORE_VISIT : FOOTFALL_STORE_ADD;
        ops[i].name = names[i % COUNTERS];
        ops[i].name_bytes = 1;
        ops[i].a = 1;
        ops[i].id_count = ops[i].write_count = 1;
        ops[i].ids[0].bytes[15] = 1;
        memcpy(ops[i].ids[0].bytes, &batches, sizeof batches);
        ops[i].now_ms = call.wall_ms;
        ops[i].window_ms = 1000;
        ops[i].expire_ms = ops[i].token_expire_ms = call.wall_ms + EXPIRY_MS;
        ops[i].token = i / COUNTERS == 2 && slot != SERIES ? token : NULL;
        ops[i].series_at = (uint32_t)(i / COUNTERS);
    }
    call.sequence = (uint64_t)batches + 1;
    call.attempt = attempt;
    call.series = slot == SERIES ? series : NULL;
    call.series_number = (uint64_t)batches;
    call.series_keep_ms = 1;
    rc = dynamodb->apply(store, ops, OPS, results, &call);
    for (int i = 0; i < OPS && rc == 0; i++) {
        rc = (int)results[i].status;
        if (rc == 0 && !results[i].replayed)
            assert_int_equal(results[i].total, 3 * batches + 1 + i / COUNTERS);
        if (rc == 0)
            assert_int_equal(results[i].is_new, i / COUNTERS == 1);
    }
    return rc;
}

static int fetch(struct footfall_store *store, struct footfall_store_call *call)
{
    int64_t totals[COUNTERS], uniques[COUNTERS];
    uint8_t exists[COUNTERS];
    int rc = dynamodb->fetch(store, names, sizes, COUNTERS, totals, uniques, exists, call);
    for (int i = 0; i < COUNTERS && rc == 0; i++) {
        assert_int_equal(totals[i], 3 * batches);
        assert_int_equal(uniques[i], batches);
    }
    return rc;
}

static int count_name(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    assert_true(name_bytes == 1 && name[0] >= 'a' && name[0] <= 'c' && total == 3 * batches && unique == batches);
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

static int run_slot(enum slot slot, struct footfall_store *store, uint32_t attempt)
{
    struct footfall_store_call call = call_now();
    uint8_t key[FOOTFALL_STORE_KEY_BYTES] = { 7 }, winner[FOOTFALL_STORE_KEY_BYTES];
    size_t dropped[3] = { 0 };
    int64_t ms = 0;
    int number = 0, more = 0, rc = 0;
    switch (slot) {
    case FETCH:
        return fetch(store, &call);
    case SCAN:
        rc = dynamodb->scan(store, "", 0, "", 0, 50, count_name, &number, &more, &call);
        assert_true(rc != 0 || number == COUNTERS);
        return rc;
    case KEY:
    case LOOK:
        rc = dynamodb->epoch_key(store, 86400000, 5, slot == KEY ? key : NULL, INT64_C(4000000000000), winner, &ms,
                                 &call);
        assert_true(rc != 0 || memcmp(key, winner, sizeof key) == 0);
        return rc;
    case DROP:
        rc = dynamodb->epoch_drop(store, 0, &ms, &call);
        assert_true(rc != 0 || ms == INT64_C(4000000000000));
        return rc;
    case OTHER:
        rc = dynamodb->epoch_other(store, 86400000, &number, &call);
        assert_true(rc != 0 || number == 0);
        return rc;
    case PURGE:
        return dynamodb->purge(store, call.wall_ms, 10, dropped, &more, &call);
    case PING:
        return dynamodb->ping(store, &call);
    case CHECK:
        return dynamodb->check(store, ignore, NULL, &call);
    default:
        return apply(store, slot, attempt);
    }
}

static int is_batch(enum slot slot)
{
    return slot == APPLY || slot == IN_PARTS || slot == SERIES;
}

/* 1 when the refusal struck. */
static int strike(enum slot slot, int json, int opens, long at)
{
    struct footfall_store *store = NULL;
    int rc = 0;
    int struck = 0;
    if (!opens)
        assert_int_equal(open_store(&store, slot), 0);
    begin_refusing(json, at);
    rc = opens ? open_store(&store, slot) : 0;
    if (rc == 0)
        rc = run_slot(slot, store, 0);
    struck = end_refusing() >= at;
    if (rc != 0 && (!struck || text[0] == '\0' ||
                    (rc != FOOTFALL_STORE_NO_MEMORY && rc != FOOTFALL_STORE_TEMPORARY &&
                     !(rc == FOOTFALL_STORE_UNKNOWN && is_batch(slot)))))
        fail_msg("%s: allocation %ld%s: status %d: %s", slot_names[slot], at, json ? " for JSON" : "", rc, text);
    if (store == NULL)
        assert_int_equal(open_store(&store, slot), 0);
    if (rc != 0 && run_slot(slot, store, 1) != 0)
        fail_msg("%s: after allocation %ld%s: %s", slot_names[slot], at, json ? " for JSON" : "", text);
    batches += is_batch(slot);
    if (run_slot(FETCH, store, 0) != 0)
        fail_msg("fetch after %s: %s", slot_names[slot], text);
    dynamodb->close(store, 0);
    return struck;
}

static void every_slot(int json)
{
    long count = 0;
    for (int slot = 0; slot < SLOTS; slot++)
        for (long at = 1; strike((enum slot)slot, json, 0, at); at += json ? 1 + at / 8 : 1)
            count++;
    for (long at = 1; strike(FETCH, json, 1, at); at += 1 + at / 8)
        count++;
    printf("%ld allocations failed in turn\n", count);
    assert_true(count > 100);
}

static void its_own(void **state)
{
    (void)state;
    every_slot(0);
}

static void for_json(void **state)
{
    (void)state;
    every_slot(1);
}

/* The tables, a key, and one batch. */
static int prepare(void **state)
{
    struct footfall_store *store = NULL;
    (void)state;
    table = support_format("%sno-memory", getenv("FOOTFALL_TEST_NAME_PREFIX"));
    if (open_store(&store, APPLY) != 0 || run_slot(KEY, store, 0) != 0 || run_slot(APPLY, store, 0) != 0)
        fail_msg("%s", text);
    batches++;
    dynamodb->close(store, 0);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    free(table);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own),
        cmocka_unit_test(for_json),
    };
    return cmocka_run_group_tests_name("no memory with DynamoDB", tests, prepare, forget);
}
