/* redis_faults.c: exact numbers out of a real Redis server while a proxy before it loses, cuts, repeats and delays messages, from
 * several processes at once; that it is the marks that make them exact; and that "not applied" is never said of what was
 * applied. Single faults, step by step, are in redis_lost.c and redis_late.c. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "footfall.h"
#include "footfall_store.h"
#include "handle.h"
#include "process.h"
#include "redis_faults_run.h"
#include "redis_proxied.h"
#include "registry.h"

enum { OPS = 10000, OPS_LONG = 200000, LOST_AT_LEAST = 200, WAIT_MS = 120000 };

/* ---- a store that never knows a batch again ----------------------------------------------------------------------------------- */

static const struct footfall_backend *honest;
static struct footfall_backend unmarked;

/* Each attempt is given a number of its own, so that no mark is met. */
static int unmarked_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    static _Atomic uint64_t last;
    uint64_t sequence = call->sequence;
    int rc = 0;
    call->sequence = atomic_fetch_add(&last, 1) + 1;
    rc = honest->apply(store, ops, count, results, call);
    call->sequence = sequence;
    return rc;
}

static void unmarked_register(void)
{
    honest = footfall__registry_find("redis");
    if (honest == NULL)
        support_die("no redis backend");
    memcpy(&unmarked, honest, honest->size < sizeof unmarked ? honest->size : sizeof unmarked);
    unmarked.size = sizeof unmarked;
    unmarked.name = "unmarked";
    unmarked.apply = unmarked_apply;
    footfall__registry_add(&unmarked);
}

/* ---- what must have happened, and what must be there -------------------------------------------------------------------------- */

static void tell(const char *what, const struct faults_outcome *out)
{
    const struct support_proxy_counts *c = &out->counts;
    printf("%s: %zu operations in %.1f s, %" PRIu64 " retries; of %" PRIu64 " scripts:", what, out->count, out->seconds,
           out->retries, c->matching);
    for (int i = 1; i < SUPPORT_PROXY_FAULTS; i++)
        printf(" %s %" PRIu64, support_proxy_fault_name((enum support_proxy_fault)i), c->by_fault[i]);
    printf("; replies lost after the server had acted: %" PRIu64 ", late copies: %" PRIu64 ", repeated: %" PRIu64 "\n",
           c->lost_after, c->late_delivered, c->repeated);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* These are 1 … n in some order. */
static void assert_gapless(int64_t *numbers, size_t n)
{
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(numbers[i], (int64_t)i + 1);
}

/* Everything was acknowledged: the totals answered are 1 … N and the counter holds N; each visitor was new once, over all
 * processes, and the uniques answered to those visits are 1 … U. */
static void check_exact(struct footfall *ff, const struct faults_outcome *out, uint32_t counter)
{
    int64_t *totals = calloc(out->count, sizeof *totals);
    int64_t uniques[FAULTS_VISITORS];
    char is_new[FAULTS_VISITORS] = { 0 }, is_visited[FAULTS_VISITORS] = { 0 };
    size_t n = 0, new_count = 0, visited_count = 0;
    struct footfall_result now;
    char name[8];
    if (totals == NULL)
        support_die("calloc");
    for (size_t i = 0; i < out->count; i++) {
        const struct faults_answer *answer = &out->answers[i];
        if (answer->counter != counter)
            continue;
        assert_int_equal(answer->status, FOOTFALL_OK);
        assert_false(answer->flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
        totals[n++] = answer->total;
        if (counter < FAULTS_ADDED) {
            assert_int_equal(answer->unique, 0);
            continue;
        }
        is_visited[answer->visitor] = 1;
        if (answer->flags & FOOTFALL_IS_NEW) {
            assert_false(is_new[answer->visitor]);
            is_new[answer->visitor] = 1;
            uniques[new_count++] = answer->unique;
        }
    }
    for (size_t i = 0; i < FAULTS_VISITORS; i++) {
        assert_int_equal(is_new[i], is_visited[i]);
        visited_count += is_visited[i] != 0;
    }
    assert_gapless(totals, n);
    assert_gapless(uniques, new_count);
    faults_name(name, counter);
    now = support_read(ff, name);
    assert_int_equal(now.total, n);
    assert_int_equal(now.unique, visited_count);
    free(totals);
}

/* ---- the tests ---------------------------------------------------------------------------------------------------------------- */

/* About 5% of the messages meet a fault that costs nothing but another attempt, and few one that costs an attempt's whole
 * wait of two seconds. A message is a script call: one an operation or a little less, since a batch is of four at most, and two
 * calls share a counter's message only when they meet in a lane. Of the 10,000 operations' messages, resends included, about 440
 * replies are lost after the server acted; fewer than 200 would be ten standard deviations off. */
static void processes_under_faults_are_exact(void **state)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    struct support_proxy_plan plan = {
        .matches = redis_proxied_is_script, .seed = support_seed(), .delay_ms = 40, .trickle_ms = 1
    };
    struct faults_run run = { "redis", "exact", OPS, WAIT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    (void)state;
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        run.operations = OPS_LONG;
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 22;
    plan.permille[SUPPORT_PROXY_CUT_REPLY] = 22;
    plan.permille[SUPPORT_PROXY_RESET_BEFORE] = 4;
    plan.permille[SUPPORT_PROXY_CUT_REQUEST] = 4;
    plan.permille[SUPPORT_PROXY_LATE_COPY] = 6;
    plan.permille[SUPPORT_PROXY_REPEAT] = 6;
    plan.permille[SUPPORT_PROXY_DELAY] = 3;
    plan.permille[SUPPORT_PROXY_TRICKLE] = 3;
    plan.permille[SUPPORT_PROXY_DROP_REPLY] = 1;
    plan.permille[SUPPORT_PROXY_DROP_REQUEST] = 1;
    plan.permille[SUPPORT_PROXY_SILENT] = 1;
    faults_run(&out, &run);
    tell("exact", &out);
    ff = redis_proxied_open("redis", 0, run.prefix, "1");
    assert_int_equal(out.count, run.operations);
    assert_int_equal(out.operations, run.operations);
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        check_exact(ff, &out, i);
    assert_true(out.counts.lost_after >= LOST_AT_LEAST);
    assert_true(out.counts.late_delivered > 0 && out.counts.repeated > 0);
    assert_int_equal(out.counts.late_delivered, out.counts.by_fault[SUPPORT_PROXY_LATE_COPY]);
    assert_int_equal(out.counts.broken, 0);
    assert_true(out.retries >= LOST_AT_LEAST);
    footfall_close(ff);
    free(out.answers);
}

/* The same, but resends are not known again, counts some operations twice: the test above does see what marks are for. */
static void without_marks_it_miscounts(void **state)
{
    struct support_proxy_plan plan = { .matches = redis_proxied_is_script, .seed = support_seed() };
    struct faults_run run = { "unmarked", "unmarked", OPS / 5, WAIT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    int64_t held = 0;
    (void)state;
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 30;
    plan.permille[SUPPORT_PROXY_CUT_REPLY] = 30;
    faults_run(&out, &run);
    tell("without marks", &out);
    ff = redis_proxied_open("redis", 0, run.prefix, "1");
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++) {
        char name[8];
        faults_name(name, i);
        held += support_read(ff, name).total;
    }
    for (size_t i = 0; i < out.count; i++)
        assert_int_equal(out.answers[i].status, FOOTFALL_OK);
    printf("%zu operations acknowledged, %" PRId64 " counted\n", out.count, held);
    assert_true(held > (int64_t)out.count);
    footfall_close(ff);
    free(out.answers);
}

static void check_bounds(struct footfall *ff, const struct faults_outcome *out, uint32_t counter, size_t statuses[3])
{
    int64_t sure = 0, doubtful = 0, sure_new = 0;
    struct footfall_result now;
    char name[8];
    for (size_t i = 0; i < out->count; i++) {
        const struct faults_answer *answer = &out->answers[i];
        if (answer->counter != counter)
            continue;
        if (answer->status == FOOTFALL_OK) {
            sure++;
            sure_new += (answer->flags & FOOTFALL_IS_NEW) != 0;
            statuses[0]++;
        } else if (answer->status == FOOTFALL_UNKNOWN) {
            doubtful++;
            statuses[1]++;
        } else {
            assert_int_equal(answer->status, FOOTFALL_TEMPORARY);
            statuses[2]++;
        }
    }
    faults_name(name, counter);
    now = support_read(ff, name);
    if (now.total < sure || now.total > sure + doubtful)
        fail_msg("%s: %" PRId64 " held, %" PRId64 " acknowledged, %" PRId64 " unknown", name, now.total, sure,
                 doubtful);
    assert_in_range(now.unique, sure_new, sure_new + doubtful);
}

/* Deadlines that pass in the middle of it all: between what is OK and that plus what is unknown, also after everything late has
 * arrived. */
static void short_deadlines_tell_no_lies(void **state)
{
    struct support_proxy_plan plan = {
        .matches = redis_proxied_is_script, .seed = support_seed(), .delay_ms = 150, .trickle_ms = 1
    };
    struct faults_run run = { "redis", "short", OPS / 5, 50, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    size_t statuses[3] = { 0 };
    (void)state;
    for (int i = 1; i < SUPPORT_PROXY_FAULTS; i++)
        plan.permille[i] = i == SUPPORT_PROXY_SILENT ? 10 : 30;
    faults_run(&out, &run);
    tell("short deadlines", &out);
    ff = redis_proxied_open("redis", 0, run.prefix, "1");
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        check_bounds(ff, &out, i, statuses);
    printf("%zu OK, %zu unknown, %zu not applied\n", statuses[0], statuses[1], statuses[2]);
    assert_true(statuses[0] > 0 && statuses[1] > 0);
    footfall_close(ff);
    free(out.answers);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_under_faults_are_exact),
        cmocka_unit_test(without_marks_it_miscounts),
        cmocka_unit_test(short_deadlines_tell_no_lies),
    };
    unmarked_register();
    if (argc == 8 && strcmp(argv[1], "work") == 0)
        return faults_work(argv);
    return cmocka_run_group_tests_name("Redis under faults", tests, NULL, NULL);
}
