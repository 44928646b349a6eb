/* dynamodb_faults.c: exact numbers out of DynamoDB Local while a proxy before it loses, cuts, repeats and delays messages and
 * answers as the service does on a bad day, from several processes at once; and that it is the marks that make them exact.
 * Deadlines that pass are in dynamodb_deadlines.c, single faults, step by step, in dynamodb_lost.c and late.c. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamodb_proxied.h"
#include "dynamodb_replies.h"
#include "faults_run.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

enum { OPS = 2048, OPS_LONG = 66672, LOST_AT_LEAST = 60, WAIT_MS = 120000 };

static struct dynamodb_replies replies;

static struct footfall *open_past(const struct faults_run *run)
{
    return proxied_open("dynamodb", 0, run->prefix, "1", "");
}

/* About 5% of the requests, reads too, meet a fault; few one that costs an attempt's whole second. Of some 6,000 requests about
 * 150 replies are lost after the server acted; fewer than 60 would be seven standard deviations off. */
static void be_exact(const char *prefix, const char *settings, int64_t now_ms)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    struct support_proxy_plan plan = { .matches = proxied_is_counting,
                                       .seed = support_seed(),
                                       .delay_ms = 40,
                                       .late_ms = 1500,
                                       .trickle_ms = 1,
                                       .answers = &replies.answers };
    struct faults_run run = { "dynamodb", prefix, settings, now_ms, 1, OPS, WAIT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        run.operations = OPS_LONG;
    dynamodb_replies_init(&replies, -1);
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 6;
    plan.permille[SUPPORT_PROXY_CUT_REPLY] = 6;
    plan.permille[SUPPORT_PROXY_ANSWER_AFTER] = 16;
    plan.permille[SUPPORT_PROXY_ANSWER_BEFORE] = 8;
    plan.permille[SUPPORT_PROXY_RESET_BEFORE] = 2;
    plan.permille[SUPPORT_PROXY_CUT_REQUEST] = 2;
    plan.permille[SUPPORT_PROXY_LATE_COPY] = 6;
    plan.permille[SUPPORT_PROXY_REPEAT] = 5;
    plan.permille[SUPPORT_PROXY_DELAY] = 2;
    plan.permille[SUPPORT_PROXY_TRICKLE] = 1;
    plan.permille[SUPPORT_PROXY_DROP_REPLY] = 1;
    plan.permille[SUPPORT_PROXY_DROP_REQUEST] = 1;
    plan.permille[SUPPORT_PROXY_SILENT] = 1;
    faults_run(&out, &run);
    faults_tell(prefix, &out);
    ff = open_past(&run);
    assert_int_equal(out.count, run.operations);
    assert_true(out.own >= run.operations / 2);
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++)
        faults_check_exact(ff, &out, i);
    assert_true(out.counts.lost_after >= LOST_AT_LEAST);
    assert_true(out.counts.late_delivered > 0 && out.counts.repeated > 0);
    assert_int_equal(out.counts.late_delivered, out.counts.by_fault[SUPPORT_PROXY_LATE_COPY]);
    assert_int_equal(out.counts.broken, 0);
    for (int i = 0; i < DYNAMODB_REPLIES; i++)
        printf("%s %" PRIu64 "%s", dynamodb_reply_name((enum dynamodb_reply)i), replies.made[i],
               i + 1 < DYNAMODB_REPLIES ? ", " : "\n");
    footfall_close(ff);
    free(out.answers);
}

static void atomic_is_exact(void **state)
{
    (void)state;
    be_exact("exact", "", SUPPORT_TIME_MS);
}

/* Nobody dies here and no deadline passes: nothing may lag. */
static void plain_is_exact(void **state)
{
    int64_t now_ms = 0;
    char *settings = dynamodb_plain(&now_ms, 2);
    (void)state;
    be_exact("plain", settings, now_ms);
    free(settings);
}

/* Attempts that end after some 50 ms, so that the engine hands over the same batch again and again. With its number it is known
 * again; without it operations are counted twice: the tests do see what marks are for. */
static int64_t surplus(const char *backend, const char *prefix)
{
    struct support_proxy_plan plan = { .matches = proxied_is_apply, .seed = support_seed() };
    struct faults_run run = { backend, prefix, "", SUPPORT_TIME_MS, 0, OPS / 4, WAIT_MS, &plan };
    struct faults_outcome out;
    struct footfall *ff = NULL;
    int64_t held = 0;
    plan.permille[SUPPORT_PROXY_DROP_REPLY] = 60;
    plan.permille[SUPPORT_PROXY_RESET_AFTER] = 60;
    faults_run(&out, &run);
    faults_tell(prefix, &out);
    ff = open_past(&run);
    held = faults_held(ff);
    for (size_t i = 0; i < out.count; i++)
        assert_int_equal(out.answers[i].status, FOOTFALL_OK);
    for (uint32_t i = 0; i < FAULTS_COUNTERS && held == (int64_t)out.count; i++)
        faults_check_exact(ff, &out, i);
    printf("%s: %zu operations acknowledged, %" PRId64 " counted\n", prefix, out.count, held);
    footfall_close(ff);
    free(out.answers);
    return held - (int64_t)run.operations;
}

static void brief_attempts_are_exact(void **state)
{
    (void)state;
    assert_int_equal(surplus("brief", "brief"), 0);
}

static void without_marks_it_miscounts(void **state)
{
    (void)state;
    assert_true(surplus("unmarked", "unmarked") > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atomic_is_exact),
        cmocka_unit_test(plain_is_exact),
        cmocka_unit_test(brief_attempts_are_exact),
        cmocka_unit_test(without_marks_it_miscounts),
    };
    faults_register("dynamodb");
    if (argc == FAULTS_WORDS && strcmp(argv[1], "work") == 0)
        return faults_work(argv);
    return cmocka_run_group_tests_name("DynamoDB under faults", tests, NULL, NULL);
}
