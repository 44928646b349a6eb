/* redis_lost.c: single faults between the Redis backend and its server, step by step: what a call answers, and what is counted,
 * when a request or its reply is lost. Copies that come late are in late.c, many faults at once in redis_faults.c. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "footfall.h"
#include "handle.h"
#include "redis_control.h"
#include "proxied.h"

enum { LONG_MS = 60000, SHORT_MS = 150, TRIES = 5, PIPELINE = 5 };

#define ONE(fault) (const enum support_proxy_fault[]){ (fault) }, 1

static void assert_own(const struct footfall_result *r, int64_t total, int64_t unique)
{
    assert_int_equal(r->status, FOOTFALL_OK);
    assert_int_equal(r->total, total);
    assert_int_equal(r->unique, unique);
    assert_false(r->flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT));
}

static void assert_held(struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_result r = support_read(ff, name);
    assert_int_equal(r.total, total);
    assert_int_equal(r.unique, unique);
}

/* ---- one request ------------------------------------------------------------------------------------------------------------ */

/* Each kind of operation, its first attempt under the fault: one attempt more, the operation's own values, counted once. */
static void each_kind_under(struct proxied *p, enum support_proxy_fault fault, int is_retried)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    uint64_t retries = proxied_retries(p);
    struct footfall_result r;
    char name[16];
    snprintf(name, sizeof name, "kinds%d", (int)fault);
    call.wait_ms = LONG_MS;
    who.address = "10.0.0.1";
    who.now_ms = SUPPORT_TIME_MS;

    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(support_add(p->ff, name, 5, LONG_MS, &r), FOOTFALL_OK);
    assert_own(&r, 5, 0);
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(footfall_visit(p->ff, name, &who, &call, &r, NULL), FOOTFALL_OK);
    assert_own(&r, 6, 1);
    assert_true(r.flags & FOOTFALL_IS_NEW);
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(footfall_forget(p->ff, name, &who, &call, &r, NULL), FOOTFALL_OK);
    assert_own(&r, 6, 1);
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(footfall_visit(p->ff, name, &who, &call, &r, NULL), FOOTFALL_OK);
    assert_own(&r, 7, 2); /* forgotten, so new again */
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(footfall_set(p->ff, name, INT64_MAX, INT64_MIN, &call, &r, NULL), FOOTFALL_OK);
    assert_own(&r, INT64_MAX, INT64_MIN);
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(support_add(p->ff, name, 1, LONG_MS, &r), FOOTFALL_RANGE);
    assert_held(p->ff, name, INT64_MAX, INT64_MIN);
    proxied_plan(p, ONE(fault), SUPPORT_PROXY_NONE, 1);
    assert_int_equal(footfall_delete(p->ff, name, &call, &r, NULL), FOOTFALL_OK);
    assert_own(&r, INT64_MAX, INT64_MIN); /* what was there, also when it was gone by the second attempt */
    assert_false(support_read(p->ff, name).flags & FOOTFALL_EXISTS);
    assert_int_equal(proxied_retries(p) - retries, is_retried ? 7 : 0);
}

static void reply_lost_by_reset(void **state)
{
    each_kind_under(*state, SUPPORT_PROXY_RESET_AFTER, 1);
}

static void reply_cut(void **state)
{
    each_kind_under(*state, SUPPORT_PROXY_CUT_REPLY, 1);
}

static void request_lost_by_reset(void **state)
{
    each_kind_under(*state, SUPPORT_PROXY_RESET_BEFORE, 1);
}

static void request_cut(void **state)
{
    each_kind_under(*state, SUPPORT_PROXY_CUT_REQUEST, 1);
}

static void repeated_delayed_and_trickling(void **state)
{
    each_kind_under(*state, SUPPORT_PROXY_REPEAT, 0);
    each_kind_under(*state, SUPPORT_PROXY_DELAY, 0);
    each_kind_under(*state, SUPPORT_PROXY_TRICKLE, 0);
}

/* Nobody says that the reply will not come: an attempt ends by its own time. */
static void lost_in_silence(void **state)
{
    static const enum support_proxy_fault kinds[] = { SUPPORT_PROXY_DROP_REPLY, SUPPORT_PROXY_DROP_REQUEST,
                                                      SUPPORT_PROXY_SILENT };
    struct proxied *p = *state;
    for (int i = 0; i < 3; i++) {
        struct footfall_result r;
        proxied_plan(p, &kinds[i], 1, SUPPORT_PROXY_NONE, 0);
        assert_int_equal(support_visit(p->ff, "a", 7, SUPPORT_TIME_MS, LONG_MS, &r), FOOTFALL_OK);
        assert_own(&r, i + 1, 1);
        assert_int_equal((r.flags & FOOTFALL_IS_NEW) != 0, i == 0);
        assert_int_equal(proxied_retries(p), i + 1);
        assert_int_equal(support_proxy_counts(p->proxy).lost_after, kinds[i] == SUPPORT_PROXY_DROP_REPLY);
    }
    assert_held(p->ff, "a", 3, 1);
}

/* No byte went out: surely not applied, and that is said. */
static void refused_connections(void **state)
{
    struct proxied *p = *state;
    struct footfall_result r;
    assert_int_equal(support_add(p->ff, "a", 1, LONG_MS, &r), FOOTFALL_OK);
    support_proxy_refuse(p->proxy, 1);
    proxied_plan(p, NULL, 0, SUPPORT_PROXY_RESET_BEFORE, 0);
    /* Not even sent, on a machine that stands still: once more. */
    for (int i = 0; i < TRIES && support_add(p->ff, "a", 1, SHORT_MS, &r) == FOOTFALL_TEMPORARY; i++)
        ;
    assert_int_equal(r.status, FOOTFALL_UNKNOWN); /* the connection was there still */
    proxied_settle(p->proxy);
    proxied_calm(p);
    for (int i = 0; i < 3; i++)
        assert_int_equal(support_add(p->ff, "a", 1, SHORT_MS, &r), FOOTFALL_TEMPORARY);
    support_proxy_refuse(p->proxy, 0);
    assert_int_equal(support_add(p->ff, "a", 10, LONG_MS, &r), FOOTFALL_OK);
    assert_own(&r, 11, 0);
}

/* ---- a batch over several counters -------------------------------------------------------------------------------------------- */

static void five_adds(struct proxied *p, const char *prefix, int64_t delta, struct footfall_result *results)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op ops[PIPELINE];
    char names[PIPELINE][24];
    call.wait_ms = LONG_MS;
    for (int i = 0; i < PIPELINE; i++) {
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        snprintf(names[i], sizeof names[i], "%s%d", prefix, i);
        ops[i].name = names[i];
        ops[i].delta = delta + i;
    }
    assert_int_equal(footfall_apply(p->ff, ops, PIPELINE, &call, results, NULL), FOOTFALL_OK);
}

static void assert_five(struct proxied *p, const char *prefix, int64_t first, const struct footfall_result *r)
{
    for (int i = 0; i < PIPELINE; i++) {
        char name[24];
        snprintf(name, sizeof name, "%s%d", prefix, i);
        assert_own(&r[i], first + 2 * i, 0);
        assert_held(p->ff, name, first + 2 * i, 0);
    }
}

/* The connection ends at the third of five requests in one pipeline; with lose_earlier the first two replies go as well. */
static void reset_inside_a_pipeline(void **state)
{
    static const enum support_proxy_fault kinds[] = { SUPPORT_PROXY_RESET_BEFORE, SUPPORT_PROXY_CUT_REQUEST,
                                                      SUPPORT_PROXY_RESET_AFTER, SUPPORT_PROXY_CUT_REPLY };
    struct proxied *p = *state;
    for (int i = 0; i < 8; i++) {
        struct support_proxy_step third = { 3, kinds[i / 2] };
        struct support_proxy_plan plan = {
            .matches = proxied_is_apply, .script = &third, .script_count = 1, .lose_earlier = i % 2
        };
        struct footfall_result results[PIPELINE];
        struct support_proxy_counts counts;
        uint64_t retries = 0;
        char prefix[16];
        snprintf(prefix, sizeof prefix, "pipe%d.", i);
        five_adds(p, prefix, 100, results);
        retries = proxied_retries(p);
        support_proxy_plan(p->proxy, &plan);
        five_adds(p, prefix, 1000, results);
        assert_five(p, prefix, 1100, results);
        assert_int_equal(proxied_retries(p), retries + 1);
        counts = support_proxy_counts(p->proxy);
        assert_int_equal(counts.by_fault[third.fault], 1);
        assert_int_equal(counts.matching, 3 + PIPELINE);
    }
}

/* ---- the server forgets the script -------------------------------------------------------------------------------------------- */

struct forgetting { /* the server forgets all scripts just before the nth request that applies operations goes to it */
    unsigned nth, seen;
};

static int forgets(const void *request, size_t bytes, void *user)
{
    struct forgetting *f = user;
    if (!proxied_is_apply(request, bytes, NULL))
        return 0;
    if (++f->seen == f->nth)
        free(support_redis_command("SCRIPT", "FLUSH", NULL));
    return 1;
}

static void script_lost_between_batches(void **state)
{
    struct proxied *p = *state;
    struct footfall_result r;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(support_add(p->ff, "a", 1, LONG_MS, &r), FOOTFALL_OK);
        assert_own(&r, i, 0);
        free(support_redis_command("SCRIPT", "FLUSH", NULL));
    }
    assert_int_equal(proxied_retries(p), 0); /* it goes again within the attempt */
}

/* Wherever in a pipeline of five, or in its second attempt after the third reply was lost, the script goes: all are counted once. */
static void script_lost_inside_a_batch(void **state)
{
    struct proxied *p = *state;
    for (unsigned nth = 1; nth <= 3 + 2 * PIPELINE; nth++) {
        const struct support_proxy_step third = { 3, SUPPORT_PROXY_RESET_AFTER };
        struct forgetting when = { .nth = nth };
        struct support_proxy_plan plan = { .matches = forgets, .user = &when, .script = &third, .script_count = 1 };
        struct footfall_result results[PIPELINE];
        char prefix[16];
        snprintf(prefix, sizeof prefix, "flush%u.", nth);
        five_adds(p, prefix, 100, results);
        support_proxy_plan(p->proxy, &plan);
        five_adds(p, prefix, 1000, results);
        proxied_calm(p); /* `when` ends with this round */
        assert_five(p, prefix, 1100, results);
    }
}

/* NOSCRIPT, then EVAL whose reply is lost: the next attempt finds script and mark. */
static void reply_lost_to_the_script_itself(void **state)
{
    static const enum support_proxy_fault faults[] = { SUPPORT_PROXY_NONE, SUPPORT_PROXY_RESET_AFTER };
    struct proxied *p = *state;
    struct footfall_result r;
    free(support_redis_command("SCRIPT", "FLUSH", NULL));
    proxied_plan(p, faults, 2, SUPPORT_PROXY_NONE, 0);
    assert_int_equal(support_add(p->ff, "a", 1, LONG_MS, &r), FOOTFALL_OK);
    assert_own(&r, 1, 0);
    assert_int_equal(support_proxy_counts(p->proxy).matching, 3);
    assert_int_equal(support_proxy_counts(p->proxy).lost_after, 1);
    assert_held(p->ff, "a", 1, 0);
}

/* ---- what callers number and name ----------------------------------------------------------------------------------------------- */

/* A token makes an unknown outcome known: the same token again, from anywhere, answers what happened, counted once. */
static void token_after_doubt(void **state)
{
    static const enum support_proxy_fault kinds[] = { SUPPORT_PROXY_RESET_AFTER, SUPPORT_PROXY_CUT_REPLY,
                                                      SUPPORT_PROXY_RESET_BEFORE, SUPPORT_PROXY_CUT_REQUEST };
    struct proxied *p = *state;
    struct footfall *other = proxied_direct(p);
    for (int i = 0; i < 8; i++) {
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_result r;
        char name[16];
        snprintf(name, sizeof name, "token%d", i);
        who.address = "10.0.0.9";
        who.now_ms = SUPPORT_TIME_MS;
        call.wait_ms = SHORT_MS;
        call.token = "token";
        call.token_bytes = 5;
        proxied_plan(p, NULL, 0, kinds[i / 2], 0);
        for (int j = 0; j < TRIES && footfall_visit(p->ff, name, &who, &call, &r, NULL) == FOOTFALL_TEMPORARY; j++)
            ;
        assert_int_equal(r.status, FOOTFALL_UNKNOWN);
        proxied_settle(p->proxy);
        proxied_calm(p);
        call.wait_ms = LONG_MS;
        assert_int_equal(footfall_visit(i % 2 == 0 ? p->ff : other, name, &who, &call, &r, NULL), FOOTFALL_OK);
        assert_int_equal((r.flags & FOOTFALL_REPLAYED) != 0, i < 4);
        assert_true(r.flags & FOOTFALL_IS_NEW); /* as it was decided first */
        assert_int_equal(r.total, 1);
        assert_held(p->ff, name, 1, 1);
    }
    footfall_close(other);
}

/* A resend inside one call is told by the mark, not by the series: own values, not `replayed`; the same number in another call
 * is replayed, also when its reply is lost. */
static void series_under_lost_replies(void **state)
{
    static const uint8_t series[FOOTFALL_SERIES_BYTES] = "series for tests";
    static const enum support_proxy_fault second[] = { SUPPORT_PROXY_NONE, SUPPORT_PROXY_RESET_AFTER };
    struct proxied *p = *state;
    for (uint64_t number = 1; number <= 3; number++)
        for (int again = 0; again < 2; again++) {
            struct footfall_call call = FOOTFALL_CALL_INIT;
            struct footfall_op ops[6];
            struct footfall_result results[6];
            call.wait_ms = LONG_MS;
            call.series = series;
            call.number = number;
            for (int i = 0; i < 6; i++) {
                ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
                ops[i].name = (const char *[]){ "x", "y", "z" }[i % 3];
                ops[i].delta = 1;
            }
            proxied_plan(p, second, 2, SUPPORT_PROXY_NONE, 0);
            assert_int_equal(footfall_apply(p->ff, ops, 6, &call, results, NULL), FOOTFALL_OK);
            assert_int_equal(support_proxy_counts(p->proxy).lost_after, 1);
            for (int i = 0; i < 6; i++) {
                const int64_t now = (int64_t)number * 2;
                assert_int_equal((results[i].flags & FOOTFALL_REPLAYED) != 0, again);
                assert_int_equal(results[i].total, again || i >= 3 ? now : now - 1);
            }
        }
    assert_held(p->ff, "x", 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, proxied_setup, proxied_teardown)
        CASE(reply_lost_by_reset),
        CASE(reply_cut),
        CASE(request_lost_by_reset),
        CASE(request_cut),
        CASE(repeated_delayed_and_trickling),
        CASE(lost_in_silence),
        CASE(refused_connections),
        CASE(reset_inside_a_pipeline),
        CASE(script_lost_between_batches),
        CASE(script_lost_inside_a_batch),
        CASE(reply_lost_to_the_script_itself),
        CASE(token_after_doubt),
        CASE(series_under_lost_replies),
    };
    return cmocka_run_group_tests_name("Redis, one fault at a time", tests, NULL, NULL);
}
