/* redis_faults.c: exact numbers out of a real Redis server while a proxy before it loses, cuts, repeats and delays messages, from
 * several processes at once; that it is the marks that make them exact; and that "not applied" is never said of what was
 * applied. Single faults, step by step, are in redis_lost.c and late.c. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "faults_run.h"
#include "proxied.h"

enum { OPS = 10000, OPS_LONG = 200000, LOST_AT_LEAST = 200, WAIT_MS = 120000 };

/* ---- the tests ---------------------------------------------------------------------------------------------------------------- */

/* About 5% of the messages meet a fault that costs nothing but another attempt, and few one that costs an attempt's whole
 * wait of two seconds. A message is a script call: one an operation or a little less, since a batch is of four at most, and two
 * calls share a counter's message only when they meet in a lane. Of the 10,000 operations' messages, resends included, about 440
 * replies are lost after the server acted; fewer than 200 would be ten standard deviations off. */
static void processes_under_faults_are_exact(void **state)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    struct support_proxy_plan plan = {
        .matches = proxied_is_counting, .seed = support_seed(), .delay_ms = 40, .trickle_ms = 1
    };
    struct faults_run run = { "redis", "exact", "", SUPPORT_TIME_MS, 1, OPS, WAIT_MS, &plan };
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
    faults_tell("exact", &out);
    ff = proxied_open("redis", 0, run.prefix, "1", "");
    assert_int_equal(out.count, run.operations);
    assert_true(out.own >= run.operations / 2);
    assert_int_equal(out.operations, run.operations + out.own);
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        faults_check_exact(ff, &out, i);
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
    struct support_proxy_plan plan = { .matches = proxied_is_counting, .seed = support_seed() };
    struct faults_run run = { "unmarked", "unmarked", "", SUPPORT_TIME_MS, 0, OPS / 5, WAIT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    int64_t held = 0;
    (void)state;
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 30;
    plan.permille[SUPPORT_PROXY_CUT_REPLY] = 30;
    faults_run(&out, &run);
    faults_tell("without marks", &out);
    ff = proxied_open("redis", 0, run.prefix, "1", "");
    held = faults_held(ff);
    for (size_t i = 0; i < out.count; i++)
        assert_int_equal(out.answers[i].status, FOOTFALL_OK);
    printf("%zu operations acknowledged, %" PRId64 " counted\n", out.count, held);
    assert_true(held > (int64_t)out.count);
    footfall_close(ff);
    free(out.answers);
}

/* Deadlines that pass in the middle of it all: between what is OK and that plus what is unknown, also after everything late has
 * arrived. */
static void short_deadlines_tell_no_lies(void **state)
{
    struct support_proxy_plan plan = {
        .matches = proxied_is_counting, .seed = support_seed(), .delay_ms = 150, .trickle_ms = 1
    };
    struct faults_run run = { "redis", "short", "", SUPPORT_TIME_MS, 0, OPS / 5, 50, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    size_t statuses[3] = { 0 };
    (void)state;
    for (int i = 1; i <= SUPPORT_PROXY_SILENT; i++)
        plan.permille[i] = i == SUPPORT_PROXY_SILENT ? 10 : 30;
    faults_run(&out, &run);
    faults_tell("short deadlines", &out);
    ff = proxied_open("redis", 0, run.prefix, "1", "");
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        faults_check_bounds(ff, &out, i, 0, statuses);
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
    faults_register("redis");
    if (argc == FAULTS_WORDS && strcmp(argv[1], "work") == 0)
        return faults_work(argv);
    return cmocka_run_group_tests_name("Redis under faults", tests, NULL, NULL);
}
