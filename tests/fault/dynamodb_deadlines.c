/* dynamodb_deadlines.c: calls with little time while a proxy before DynamoDB Local loses, cuts, repeats, delays and makes up replies
 * more often than not: "not applied" is never said of what was applied, and OK of nothing else. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb_proxied.h"
#include "dynamodb_replies.h"
#include "faults_run.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

enum { OPS = 1024, SHORT_MS = 120 };

static struct dynamodb_replies replies;

/* Deadlines that pass in the middle of it all: between what is OK and that plus what is unknown, also after everything late has
 * arrived. */
static void tell_no_lies(const char *prefix, const char *settings, int64_t now_ms, int may_lag)
{
    struct support_proxy_plan plan = { .matches = proxied_is_counting,
                                       .seed = support_seed(),
                                       .delay_ms = 150,
                                       .trickle_ms = 1,
                                       .answers = &replies.answers };
    struct faults_run run = { "dynamodb", prefix, settings, now_ms, 0, OPS, SHORT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    size_t statuses[3] = { 0 };
    dynamodb_replies_init(&replies, -1);
    for (int i = 1; i < SUPPORT_PROXY_FAULTS; i++)
        plan.permille[i] = i == SUPPORT_PROXY_SILENT ? 10 : 20;
    faults_run(&out, &run);
    faults_tell(prefix, &out);
    ff = proxied_open("dynamodb", 0, run.prefix, "1", "");
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        faults_check_bounds(ff, &out, i, may_lag, statuses);
    printf("%zu OK, %zu unknown, %zu not applied\n", statuses[0], statuses[1], statuses[2]);
    assert_true(statuses[0] > 0 && statuses[1] > 0);
    footfall_close(ff);
    free(out.answers);
}

static void short_deadlines_tell_no_lies(void **state)
{
    (void)state;
    tell_no_lies("short", "", SUPPORT_TIME_MS, 0);
}

static void plain_short_deadlines_tell_no_lies(void **state)
{
    (void)state;
    for (int ids = 1; ids <= 2; ids++) {
        int64_t now_ms = 0;
        char *settings = dynamodb_plain(&now_ms, ids);
        tell_no_lies(ids == 1 ? "short1" : "short2", settings, now_ms, 1);
        free(settings);
    }
}

/* A deleted counter takes more than sixteen requests to sweep, one after the other: longer than a call has when each is slow. Every
 * call gets on nevertheless, and in the end it is swept. */
static void a_slow_purge_gets_on(void **state)
{
    struct proxied *p = *state;
    struct support_proxy_plan plan = { .permille = { [SUPPORT_PROXY_DELAY] = 1000 }, .delay_ms = 100 };
    struct footfall_purge_result purged = { 0 };
    struct footfall_error err;
    int64_t counters = 0;
    int calls = 0;
    support_add(p->ff, "slow", 1, 30000, NULL);
    if (footfall_delete(p->ff, "slow", NULL, NULL, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    support_proxy_plan(p->proxy, &plan);
    for (; !purged.done && calls < 60; calls++) {
        struct footfall_call call = FOOTFALL_CALL_INIT;
        call.wait_ms = 1500;
        if (footfall_purge(p->ff, FOOTFALL_NOW, 1000, &call, &purged, &err) != FOOTFALL_OK)
            fail_msg("call %d: %s", calls, err.text);
        counters += purged.counters;
    }
    assert_true(purged.done);
    assert_int_equal(counters, 1);
    assert_true(calls > 1);
    proxied_calm(p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_deadlines_tell_no_lies),
        cmocka_unit_test(plain_short_deadlines_tell_no_lies),
        cmocka_unit_test_setup_teardown(a_slow_purge_gets_on, proxied_setup, proxied_teardown),
    };
    if (argc == FAULTS_WORDS && strcmp(argv[1], "work") == 0)
        return faults_work(argv);
    return cmocka_run_group_tests_name("DynamoDB, short deadlines", tests, NULL, NULL);
}
