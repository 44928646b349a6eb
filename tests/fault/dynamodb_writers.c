/* dynamodb_writers.c: two hundred writers take turns on one counter, whose item has 16 slots: marks are put aside all the time,
 * replies are lost among it, and numbers stay exact. The counter's name and numbers are as long as they get. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb_items.h"
#include "dynamodb_proxied.h"
#include "dynamodb_replies.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

enum { WRITERS = 200, THREADS = 8, OPS = 1600, VISITORS = 100, EACH = WRITERS / THREADS, WAIT_MS = 60000, UNIT = 1024 };
static const int64_t first_total = INT64_MIN + 1;
static const int64_t first_unique = INT64_MAX - 2 * OPS;

struct turns { /* one thread's; its writers are its own */
    pthread_t thread;
    struct footfall *writers[EACH];
    char *name;
    uint64_t random;
    size_t count;
    struct footfall_result results[OPS / THREADS];
    uint32_t visitors[OPS / THREADS];
};
static atomic_size_t looks; /* for a mark among those put aside */

static int is_applying(const void *request, size_t bytes, void *user)
{
    if (dynamodb_is_action(request, bytes, "GetItem") && memmem(request, bytes, "\\u0000m", 7) != NULL)
        atomic_fetch_add(&looks, 1);
    return proxied_is_apply(request, bytes, user);
}

static void *take_turns(void *user)
{
    struct turns *t = user;
    for (; t->count < OPS / THREADS; t->count++) {
        struct footfall *writer = t->writers[t->count % EACH];
        struct footfall_result *r = &t->results[t->count];
        t->visitors[t->count] = (uint32_t)support_random_below(&t->random, VISITORS);
        if (support_random_below(&t->random, 2) == 0) {
            t->visitors[t->count] = VISITORS;
            (void)support_add(writer, t->name, 1, WAIT_MS, r);
        } else {
            (void)support_visit(writer, t->name, t->visitors[t->count], SUPPORT_TIME_MS, WAIT_MS, r);
        }
    }
    return NULL;
}

/* Looks at the item while they count. */
static size_t watch(const char *table, const char *name, int64_t until)
{
    size_t most = 0;
    int64_t total = 0;
    do {
        json_t *item = dynamodb_counter_item(table, name);
        const char *number = json_string_value(json_object_get(json_object_get(item, "t"), "N"));
        const size_t bytes = dynamodb_item_bytes(item);
        most = bytes > most ? bytes : most;
        total = number != NULL ? strtoll(number, NULL, 10) : 0;
        json_decref(item);
        support_sleep_ms(20);
    } while (total < until);
    return most;
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static void check(struct turns *all, struct footfall_result now)
{
    static int64_t totals[OPS], uniques[VISITORS];
    char is_new[VISITORS] = { 0 }, is_visited[VISITORS] = { 0 };
    size_t n = 0, news = 0, visited = 0;
    for (size_t i = 0; i < THREADS; i++)
        for (size_t j = 0; j < OPS / THREADS; j++) {
            const struct footfall_result *r = &all[i].results[j];
            const uint32_t visitor = all[i].visitors[j];
            assert_int_equal(r->status, FOOTFALL_OK);
            assert_false(r->flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
            totals[n++] = r->total - first_total;
            if (visitor == VISITORS)
                continue;
            is_visited[visitor] = 1;
            if ((r->flags & FOOTFALL_IS_NEW) == 0)
                continue;
            assert_false(is_new[visitor]);
            is_new[visitor] = 1;
            uniques[news++] = r->unique - first_unique;
        }
    qsort(totals, n, sizeof totals[0], by_number);
    qsort(uniques, news, sizeof uniques[0], by_number);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(totals[i], i + 1);
    for (size_t i = 0; i < news; i++)
        assert_int_equal(uniques[i], i + 1);
    for (size_t i = 0; i < VISITORS; i++)
        visited += is_visited[i] != 0;
    assert_int_equal(news, visited);
    assert_int_equal(now.total - first_total, n);
    assert_int_equal(now.unique - first_unique, visited);
}

static void two_hundred_writers(void **state)
{
    struct support_proxy *proxy = proxied_start();
    struct turns *all = calloc(THREADS, sizeof *all);
    struct footfall *other = NULL;
    static struct dynamodb_replies replies;
    struct support_proxy_plan plan = {
        .matches = is_applying, .seed = support_seed(), .delay_ms = 20, .late_ms = 1500, .answers = &replies.answers
    };
    struct support_proxy_counts counts;
    char name[FOOTFALL_NAME_BYTES + 1] = { 0 };
    char *table = dynamodb_table("writers");
    size_t most = 0;
    int64_t spills = 0;
    (void)state;
    assert_non_null(all);
    memset(name, 'n', FOOTFALL_NAME_BYTES);
    proxied_make("writers");
    other = proxied_open("dynamodb", 0, "writers", "", "");
    assert_int_equal(footfall_set(other, name, first_total, first_unique, NULL, NULL, NULL), FOOTFALL_OK);
    for (size_t i = 0; i < WRITERS; i++)
        all[i / EACH].writers[i % EACH] = proxied_open("dynamodb", support_proxy_port(proxy), "writers", "", "");
    dynamodb_replies_init(&replies, -1);
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 15;
    plan.permille[SUPPORT_PROXY_ANSWER_AFTER] = 15;
    plan.permille[SUPPORT_PROXY_DROP_REPLY] = 15;
    plan.permille[SUPPORT_PROXY_LATE_COPY] = 10;
    support_proxy_plan(proxy, &plan);
    for (size_t i = 0; i < THREADS; i++) {
        all[i].name = name;
        all[i].random = support_seed() + i * 7919;
        assert_int_equal(pthread_create(&all[i].thread, NULL, take_turns, &all[i]), 0);
    }
    most = watch(table, name, first_total + OPS / 2);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(all[i].thread, NULL);
    proxied_settle(proxy);
    counts = support_proxy_counts(proxy);
    check(all, support_read(other, name));
    {
        const size_t last = watch(table, name, first_total + OPS);
        most = last > most ? last : most;
    }
    spills = dynamodb_count_items(table, name, 'm');
    printf("%d writers, %d operations: the item has up to %zu bytes, %" PRId64 " marks put aside, %" PRIu64
           " replies lost, %" PRIu64 " late copies, %zu looks for a mark put aside\n",
           WRITERS, OPS, most, spills, counts.lost_after, counts.late_delivered, atomic_load(&looks));
    assert_true(most < UNIT);
    assert_true(spills > WRITERS);
    assert_true(counts.lost_after > OPS / 50);
    assert_true(counts.late_delivered > 0);
    assert_true(atomic_load(&looks) > 0);
    for (size_t i = 0; i < WRITERS; i++)
        footfall_close(all[i / EACH].writers[i % EACH]);
    footfall_close(other);
    support_proxy_stop(proxy);
    free(table);
    free(all);
}

/* ---- a slot taken between two copies of one request ---------------------------------------------------------------------------- */

struct once {
    pthread_t thread;
    struct footfall *ff;
    struct footfall_result r;
};

static void *add_once(void *user)
{
    struct once *once = user;
    (void)support_add(once->ff, "x", 1, WAIT_MS, &once->r);
    return NULL;
}

static const char *value_of(const json_t *item, const char *attribute, const char *type)
{
    return json_string_value(json_object_get(json_object_get(item, attribute), type));
}

/* What another writer does who needs a slot: the mark is put aside, with what was found, and another one takes its place. */
static void take_slot(const char *table, const json_t *item, char slot)
{
    const char mark[] = { 'm', slot, '\0' }, x[] = { 'x', slot, '\0' }, y[] = { 'y', slot, '\0' };
    const char *held = value_of(item, mark, "B");
    char update[] = "SET m_ = :m";
    json_decref(
        dynamodb_says(DYNAMODB_PUT_ITEM, json_pack("{s:s, s:{s:{s:s%}, s:{s:s}, s:{s:s}, s:{s:s}}}", "TableName", table,
                                                   "Item", "pk", "S", "x\0m", (size_t)3, "sk", "B", held, "x", "N",
                                                   value_of(item, x, "N"), "y", "N", value_of(item, y, "N"))));
    update[5] = slot;
    json_decref(dynamodb_says(DYNAMODB_UPDATE_ITEM,
                              json_pack("{s:s, s:{s:{s:s}, s:{s:s}}, s:s, s:{s:{s:s}}}", "TableName", table, "Key",
                                        "pk", "S", "x", "sk", "B", "AA==", "UpdateExpression", update,
                                        "ExpressionAttributeValues", ":m", "B", "b3RoZXIgd3JpdGVy")));
}

/* libcurl by itself sends once more on a new connection when one that it had kept ends without a word. The first copy was
 * applied, and the slot is another's when the second one comes. */
static void a_slot_is_taken_between_two_copies(void **state)
{
    static const struct support_proxy_step steps[] = { { 1, SUPPORT_PROXY_RESET_AFTER }, { 2, SUPPORT_PROXY_DELAY } };
    struct support_proxy_plan plan = {
        .matches = proxied_is_apply, .script = steps, .script_count = 2, .delay_ms = 500
    };
    struct proxied *p = *state;
    struct once once = { .ff = p->ff };
    char *table = dynamodb_table(p->prefix);
    json_t *item = NULL;
    char slot = '0';
    assert_int_equal(support_add(p->ff, "x", 1, WAIT_MS, NULL), FOOTFALL_OK);
    item = dynamodb_counter_item(table, "x");
    for (const char *digits = "0123456789abcdef"; *digits != '\0'; digits++)
        if (value_of(item, (char[]){ 'm', *digits, '\0' }, "B") != NULL)
            slot = *digits;
    json_decref(item);
    support_proxy_plan(p->proxy, &plan);
    assert_int_equal(pthread_create(&once.thread, NULL, add_once, &once), 0);
    for (item = dynamodb_counter_item(table, "x"); strcmp(value_of(item, "t", "N"), "2") != 0;
         item = dynamodb_counter_item(table, "x"))
        json_decref(item);
    take_slot(table, item, slot);
    json_decref(item);
    pthread_join(once.thread, NULL);
    assert_int_equal(support_proxy_counts(p->proxy).by_fault[SUPPORT_PROXY_DELAY], 1);
    assert_int_equal(once.r.status, FOOTFALL_OK);
    assert_int_equal(once.r.total, 2);
    assert_int_equal(support_read(p->ff, "x").total, 2);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hundred_writers),
        cmocka_unit_test_setup_teardown(a_slot_is_taken_between_two_copies, proxied_setup, proxied_teardown),
    };
    return cmocka_run_group_tests_name("DynamoDB, many writers", tests, NULL, NULL);
}
