/* lost_replies.c: what single calls answer when the store loses replies, refuses or breaks its contract, step by step with a
 * scripted faulty store. Many threads under random faults are in exact.c. */
#include "cmocka_all.h"

#include "fault_store.h"
#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct footfall *opened(const struct fault_plan *plan)
{
    static int number;
    char name[32];
    const char *pairs[] = { "backend", "faulty", "faulty.name", name, "secret", SUPPORT_SECRET, NULL };
    snprintf(name, sizeof name, "lost-%d", ++number);
    fault_store_plan(plan);
    return support_open(pairs);
}

static void calm(void)
{
    struct fault_plan none = { .marks = 1 };
    fault_store_plan(&none);
}

struct script {
    const char *what;
    enum fault faults[3];
    size_t count;
    enum fault rest;
    int no_resend;
    int status;   /* what the call must answer */
    int total;    /* what the counter must hold afterwards; -1: 0 or 1 */
    int attempts; /* 0: at least 2 */
};

/* Any of these would be a lie if it said "not applied": once in doubt, always in doubt, unless an answer proves it. */
static const struct script scripts[] = {
    { "no fault", { FAULT_NONE }, 1, FAULT_NONE, 0, FOOTFALL_OK, 1, 1 },
    { "reply lost once, resent", { FAULT_LOSE_AFTER }, 1, FAULT_NONE, 0, FOOTFALL_OK, 1, 2 },
    { "request lost once, resent", { FAULT_LOSE_BEFORE }, 1, FAULT_NONE, 0, FOOTFALL_OK, 1, 2 },
    { "replies lost until the deadline", { FAULT_LOSE_AFTER }, 1, FAULT_LOSE_AFTER, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "requests lost until the deadline", { FAULT_LOSE_BEFORE }, 1, FAULT_LOSE_BEFORE, 0, FOOTFALL_UNKNOWN, 0, 0 },
    { "reply lost, then temporary", { FAULT_LOSE_AFTER }, 1, FAULT_TEMPORARY, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "request lost, then temporary", { FAULT_LOSE_BEFORE }, 1, FAULT_TEMPORARY, 0, FOOTFALL_UNKNOWN, 0, 0 },
    { "reply lost, then broken", { FAULT_LOSE_AFTER }, 1, FAULT_BROKEN, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "request lost, then broken", { FAULT_LOSE_BEFORE }, 1, FAULT_BROKEN, 0, FOOTFALL_UNKNOWN, 0, 0 },
    { "request lost, then no memory", { FAULT_LOSE_BEFORE }, 1, FAULT_NO_MEMORY, 0, FOOTFALL_UNKNOWN, 0, 0 },
    { "request lost, then unsupported", { FAULT_LOSE_BEFORE }, 1, FAULT_UNSUPPORTED, 0, FOOTFALL_UNKNOWN, 0, 0 },
    { "temporary twice", { FAULT_TEMPORARY, FAULT_TEMPORARY }, 2, FAULT_NONE, 0, FOOTFALL_OK, 1, 3 },
    { "temporary until the deadline", { FAULT_TEMPORARY }, 1, FAULT_TEMPORARY, 0, FOOTFALL_TEMPORARY, 0, 0 },
    { "temporary, then reply lost", { FAULT_TEMPORARY }, 1, FAULT_LOSE_AFTER, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "broken", { FAULT_BROKEN }, 1, FAULT_NONE, 0, FOOTFALL_BROKEN, 0, 1 },
    { "temporary, then broken", { FAULT_TEMPORARY, FAULT_BROKEN }, 2, FAULT_NONE, 0, FOOTFALL_BROKEN, 0, 2 },
    { "no memory in the store", { FAULT_NO_MEMORY }, 1, FAULT_NONE, 0, FOOTFALL_NO_MEMORY, 0, 1 },
    { "unsupported", { FAULT_UNSUPPORTED }, 1, FAULT_NONE, 0, FOOTFALL_UNSUPPORTED, 0, 1 },
    { "reply lost, no resend", { FAULT_LOSE_AFTER }, 1, FAULT_NONE, 1, FOOTFALL_UNKNOWN, 1, 1 },
    { "request lost, no resend", { FAULT_LOSE_BEFORE }, 1, FAULT_NONE, 1, FOOTFALL_UNKNOWN, 0, 1 },
    { "no status written", { FAULT_BAD_UNWRITTEN }, 1, FAULT_BAD_UNWRITTEN, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "positive status", { FAULT_BAD_POSITIVE }, 1, FAULT_BAD_POSITIVE, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "positive return", { FAULT_BAD_RETURN }, 1, FAULT_BAD_RETURN, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "status of no meaning", { FAULT_BAD_NEGATIVE }, 1, FAULT_BAD_NEGATIVE, 0, FOOTFALL_UNKNOWN, 1, 0 },
    { "no status written, no resend", { FAULT_BAD_UNWRITTEN }, 1, FAULT_NONE, 1, FOOTFALL_UNKNOWN, 1, 1 },
    { "positive return, no resend", { FAULT_BAD_RETURN }, 1, FAULT_NONE, 1, FOOTFALL_UNKNOWN, 1, 1 },
};
enum { SCRIPTS = sizeof scripts / sizeof scripts[0] };

struct waiting {
    atomic_int done;
    struct footfall_result r;
    struct footfall_error err;
};

static void note(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct waiting *waiting = user;
    waiting->r = *r;
    waiting->err = *err;
    atomic_fetch_add(&waiting->done, 1);
}

/* One add under the script, by a blocking call or a submission. */
static int one_add(struct footfall *ff, int by_submit, struct footfall_result *r, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct waiting waiting = { 0 };
    call.wait_ms = 120;
    if (!by_submit)
        return footfall_add(ff, "a", 1, &call, r, err);
    op.name = "a";
    op.delta = 1;
    assert_int_equal(footfall_submit(ff, &op, &call, note, &waiting, err), FOOTFALL_OK);
    while (atomic_load(&waiting.done) == 0)
        support_sleep_ms(1);
    *r = waiting.r;
    *err = waiting.err;
    return r->status;
}

static void run_scripts(int by_submit)
{
    for (size_t i = 0; i < SCRIPTS; i++) {
        const struct script *s = &scripts[i];
        struct fault_plan plan = {
            .marks = 1, .no_resend = s->no_resend, .script = s->faults, .script_count = s->count, .rest = s->rest
        };
        struct footfall *ff = opened(&plan);
        struct footfall_result r = { 0 }, now = { 0 };
        struct footfall_error err;
        struct fault_counts counts;
        int rc = one_add(ff, by_submit, &r, &err);
        if (rc != s->status)
            fail_msg("%s: answered %s (%s), not %s", s->what, footfall_status_name((enum footfall_status)rc), err.text,
                     footfall_status_name((enum footfall_status)s->status));
        assert_int_equal(r.status, rc);
        assert_int_equal(err.status, rc);
        if (rc != FOOTFALL_OK && err.text[0] == '\0')
            fail_msg("%s: no text", s->what);
        counts = fault_store_counts();
        if (s->attempts > 0 ? counts.attempts != (uint64_t)s->attempts : counts.attempts < 2)
            fail_msg("%s: %d attempts", s->what, (int)counts.attempts);
        assert_int_equal(counts.contract, 0);
        calm();
        now = support_read(ff, "a");
        if (now.total != s->total)
            fail_msg("%s: the counter holds %d", s->what, (int)now.total);
        assert_int_equal((now.flags & FOOTFALL_EXISTS) != 0, s->total != 0);
        if (rc == FOOTFALL_OK) {
            assert_int_equal(r.total, 1);
            assert_false(r.flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
        }
        /* The lane goes on, and what was given up does not come back. */
        assert_int_equal(support_add(ff, "a", 10, 5000, &r), FOOTFALL_OK);
        assert_int_equal(r.total, s->total + 10);
        footfall_close(ff);
    }
}

static void blocking_calls_say_what_is_known(void **state)
{
    (void)state;
    run_scripts(0);
}

static void submissions_say_what_is_known(void **state)
{
    (void)state;
    run_scripts(1);
}

/* The deadline is kept while the store answers late, and the answer is doubt, not "not applied". */
static void slow_store(void **state)
{
    struct fault_plan plan = { .marks = 1, .rest = FAULT_SLOW };
    struct footfall *ff = opened(&plan);
    struct footfall_result r;
    int rc = support_add(ff, "a", 1, 100, &r);
    (void)state;
    assert_true(rc == FOOTFALL_UNKNOWN || rc == FOOTFALL_OK);
    calm();
    support_sleep_ms(400);
    assert_int_equal(support_read(ff, "a").total, 1);
    footfall_close(ff);
}

/* A copy that was given up arrives after a later batch of its lane: the mark keeps it out. */
static void late_copies_are_kept_out(void **state)
{
    static const enum fault lose[] = { FAULT_LATE };
    struct fault_plan plan = { .marks = 1, .script = lose, .script_count = 1, .rest = FAULT_LOSE_BEFORE };
    struct footfall *ff = opened(&plan);
    struct footfall_result r;
    (void)state;
    assert_int_equal(support_add(ff, "a", 1, 150, &r), FOOTFALL_UNKNOWN);
    calm();
    assert_int_equal(support_add(ff, "a", 10, 5000, &r), FOOTFALL_OK);
    assert_int_equal(r.total, 10);
    assert_int_equal(fault_store_counts().late_refused, 1);
    assert_int_equal(fault_store_counts().late_applied, 0);
    assert_int_equal(support_read(ff, "a").total, 10);
    footfall_close(ff);
}

/* The same when the later batch deletes the counter: deleting keeps the marks. */
static void late_copies_after_delete(void **state)
{
    static const enum fault lose[] = { FAULT_NONE, FAULT_LATE };
    struct fault_plan plan = { .marks = 1, .script = lose, .script_count = 2, .rest = FAULT_LOSE_BEFORE };
    struct footfall *ff = opened(&plan);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    (void)state;
    call.wait_ms = 5000;
    assert_int_equal(support_visit(ff, "a", 1, SUPPORT_TIME_MS, 5000, &r), FOOTFALL_OK);
    assert_int_equal(support_visit(ff, "a", 2, SUPPORT_TIME_MS, 150, &r), FOOTFALL_UNKNOWN);
    calm();
    assert_int_equal(footfall_delete(ff, "a", &call, &r, NULL), FOOTFALL_OK);
    assert_int_equal(r.total, 1);
    assert_int_equal(fault_store_counts().late_refused, 1);
    r = support_read(ff, "a");
    assert_int_equal(r.total, 0);
    assert_false(r.flags & FOOTFALL_EXISTS);
    footfall_close(ff);
}

/* A patchwork reply: of a batch over several counters each op is answered for itself, and what is "not applied" is not. */
static void patchwork(void **state)
{
    struct fault_plan plan = { .marks = 1, .rest = FAULT_LOSE_SOME, .seed = support_seed() };
    struct footfall_call call = FOOTFALL_CALL_INIT;
    int seen[3] = { 0 }; /* OK, unknown, temporary */
    (void)state;
    call.wait_ms = 40;
    for (int round = 0; round < 60; round++) {
        struct footfall_op ops[24];
        struct footfall_result results[24];
        char names[24][8];
        struct footfall *ff = opened(&plan);
        plan.seed += 77;
        for (int i = 0; i < 24; i++) {
            ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
            snprintf(names[i], sizeof names[i], "c%d", i / 2);
            ops[i].name = names[i];
            ops[i].delta = i % 2 == 0 ? 1 : 100;
        }
        footfall_apply(ff, ops, 24, &call, results, NULL);
        assert_int_equal(fault_store_counts().contract, 0);
        calm();
        for (int i = 0; i < 24; i++) {
            int64_t total = support_read(ff, names[i]).total;
            int applied = i % 2 == 0 ? total % 100 == 1 : total >= 100;
            assert_true(total == 0 || total == 1 || total == 100 || total == 101);
            if (results[i].status == FOOTFALL_OK) {
                seen[0]++;
                assert_true(applied);
            } else if (results[i].status == FOOTFALL_UNKNOWN) {
                seen[1]++;
            } else {
                assert_int_equal(results[i].status, FOOTFALL_TEMPORARY);
                seen[2]++;
                assert_false(applied);
            }
        }
        footfall_close(ff);
    }
    printf("patchwork: %d OK, %d unknown, %d not applied\n", seen[0], seen[1], seen[2]);
    assert_true(seen[0] > 0 && seen[1] > 0);
}

/* A token makes an unknown outcome known: the same token again answers what happened, counted once. */
static void token_after_doubt(void **state)
{
    static const enum fault kinds[] = { FAULT_LOSE_AFTER, FAULT_LOSE_BEFORE };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fault_plan plan = { .marks = 1, .rest = kinds[i] };
        struct footfall *ff = opened(&plan);
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_result r;
        call.wait_ms = 100;
        call.token = "token";
        call.token_bytes = 5;
        assert_int_equal(footfall_add(ff, "a", 1, &call, &r, NULL), FOOTFALL_UNKNOWN);
        calm();
        call.wait_ms = 5000;
        assert_int_equal(footfall_add(ff, "a", 1, &call, &r, NULL), FOOTFALL_OK);
        assert_int_equal((r.flags & FOOTFALL_REPLAYED) != 0, kinds[i] == FAULT_LOSE_AFTER);
        assert_int_equal(r.total, 1);
        assert_int_equal(support_read(ff, "a").total, 1);
        footfall_close(ff);
    }
}

/* A resend inside one call is told by the mark, not by the series: own values, not `replayed`; the same number in another
 * call is replayed. */
static void series_under_resend(void **state)
{
    static const enum fault lose[] = { FAULT_LOSE_AFTER };
    static const uint8_t series[FOOTFALL_SERIES_BYTES] = "series for tests";
    struct fault_plan plan = { .marks = 1, .script = lose, .script_count = 1 };
    struct footfall *ff = opened(&plan);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_result r;
    (void)state;
    call.wait_ms = 5000;
    call.series = series;
    call.number = 1;
    op.name = "a";
    op.delta = 1;
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    assert_int_equal(fault_store_counts().attempts, 2);
    assert_int_equal(r.total, 1);
    assert_false(r.flags & FOOTFALL_REPLAYED);
    assert_int_equal(footfall_apply(ff, &op, 1, &call, &r, NULL), FOOTFALL_OK);
    assert_true(r.flags & FOOTFALL_REPLAYED);
    assert_int_equal(support_read(ff, "a").total, 1);
    footfall_close(ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_calls_say_what_is_known),
        cmocka_unit_test(submissions_say_what_is_known),
        cmocka_unit_test(slow_store),
        cmocka_unit_test(late_copies_are_kept_out),
        cmocka_unit_test(late_copies_after_delete),
        cmocka_unit_test(patchwork),
        cmocka_unit_test(token_after_doubt),
        cmocka_unit_test(series_under_resend),
    };
    fault_store_register();
    return cmocka_run_group_tests_name("lost replies", tests, NULL, NULL);
}
