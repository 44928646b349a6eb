/* leaving.c: what callers and submissions are told that leave while others of their batch, or of their queue, stay: nobody
 * hears "not applied" of what is applied later, everybody hears in time, and close ends. The store is leaving_backend.c's,
 * the callers are leaving_callers.c's. */
#include "cmocka_all.h"

#include "alloc.h"
#include "clock.h"
#include "footfall.h"
#include "handle.h"
#include "leaving_backend.h"
#include "leaving_callers.h"
#include "process.h"

#include <stdatomic.h>
#include <string.h>

/* A lane's sleeper looks around by itself after 1,000 ms: who answers sooner after it fell asleep was woken. */
enum { AWAKE_MS = 800, ROUNDS = 6 };

/* ---- "not applied" must be true --------------------------------------------------------------------------------------- */

static atomic_int attempts; /* of what a test's own function sees */
static atomic_int refusing;

static int a_lost_b_no_memory(const struct footfall_store_op *op)
{
    return leaving_is(op, "a") ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_NO_MEMORY;
}

static int refuse_once(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                       struct footfall_store_result *results, struct footfall_store_call *call)
{
    if (atomic_fetch_add(&attempts, 1) == 0)
        return leaving_answer(store, ops, count, results, call, a_lost_b_no_memory);
    return leaving_pass(store, ops, count, results, call);
}

/* The batch goes out again because of a, and with it b. */
static void a_refusal_beside_doubt_is_not_final(void **state)
{
    struct footfall *ff = leaving_open("60s");
    struct footfall_op ops[2] = { FOOTFALL_OP_INIT(FOOTFALL_OP_ADD), FOOTFALL_OP_INIT(FOOTFALL_OP_ADD) };
    struct footfall_result results[2];
    (void)state;
    ops[0].name = "a";
    ops[1].name = "b";
    ops[0].delta = ops[1].delta = 1;
    atomic_store(&attempts, 0);
    leaving_set(refuse_once, NULL, NULL);
    footfall_apply(ff, ops, 2, NULL, results, NULL);
    assert_int_equal(atomic_load(&attempts), 2);
    assert_int_equal(results[0].status, FOOTFALL_OK);
    assert_int_equal(results[1].status, FOOTFALL_OK);
    assert_int_equal(support_read(ff, "b").total, 1);
    footfall_close(ff);
}

static int a_lost_others_refused(const struct footfall_store_op *op)
{
    return leaving_is(op, "a") ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_TEMPORARY;
}

static int while_refusing(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    if (atomic_load(&refusing))
        return leaving_answer(store, ops, count, results, call, a_lost_others_refused);
    return leaving_pass(store, ops, count, results, call);
}

/* b and c were refused each time, but leave a batch that goes out again because of a. */
static void who_leaves_a_batch_in_doubt_is_in_doubt(void **state)
{
    int64_t b_total = 0, c_total = 0;
    (void)state;
    for (uint32_t wait_ms = 400; wait_ms <= 6400 && (b_total == 0 || c_total == 0); wait_ms *= 4) {
        struct footfall *ff = leaving_open("60s");
        struct caller gate, a, b, c;
        atomic_store(&refusing, 1);
        leaving_set(while_refusing, NULL, NULL);
        caller_start_gate(&gate, ff, ADD);
        caller_start_queued(&a, ff, ADD, "a", PATIENT_MS);
        caller_start_queued(&b, ff, ADD, "b", wait_ms);
        caller_start_queued(&c, ff, SUBMIT, "c", wait_ms);
        leaving_release();
        caller_end(&b);
        caller_end(&c);
        atomic_store(&refusing, 0);
        caller_end(&a);
        caller_end(&gate);
        b_total = support_read(ff, "b").total;
        c_total = support_read(ff, "c").total;
        footfall_close(ff);
        assert_int_equal(a.status, FOOTFALL_OK);
        if (b_total != 0) /* else its time was up in the queue */
            assert_int_equal(b.status, FOOTFALL_UNKNOWN);
        if (c_total != 0)
            assert_int_equal(c.status, FOOTFALL_UNKNOWN);
    }
    assert_int_equal(b_total, 1);
    assert_int_equal(c_total, 1);
}

static int no_memory_once(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    if (atomic_fetch_add(&attempts, 1) == 0)
        return FOOTFALL_STORE_NO_MEMORY;
    return leaving_pass(store, ops, count, results, call);
}

/* A store counts a series' ops on a counter: a later part without the first would be taken for the first when sent again. */
static void a_cut_series_has_no_gap(void **state)
{
    enum { OPS = 2 * LEAVING_MAX_BATCH + 2 };
    static const uint8_t series[FOOTFALL_SERIES_BYTES] = "series for tests";
    struct footfall *ff = leaving_open("60s");
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op ops[OPS];
    struct footfall_result results[OPS];
    (void)state;
    call.series = series;
    call.number = 1;
    call.wait_ms = 10000;
    for (int i = 0; i < OPS; i++) {
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        ops[i].name = "a";
        ops[i].delta = 1;
    }
    atomic_store(&attempts, 0);
    leaving_set(no_memory_once, NULL, NULL);
    assert_int_equal(footfall_apply(ff, ops, OPS, &call, results, NULL), FOOTFALL_NO_MEMORY);
    assert_int_equal(atomic_load(&attempts), 1);
    for (int i = 0; i < OPS; i++)
        assert_int_equal(results[i].status, i < LEAVING_MAX_BATCH ? FOOTFALL_NO_MEMORY : FOOTFALL_TEMPORARY);
    assert_int_equal(support_read(ff, "a").total, 0);
    assert_int_equal(footfall_apply(ff, ops, OPS, &call, results, NULL), FOOTFALL_OK);
    for (int i = 0; i < OPS; i++) {
        assert_false(results[i].flags & FOOTFALL_REPLAYED);
        assert_int_equal(results[i].total, i + 1);
    }
    footfall_close(ff);
}

static struct caller hasty; /* the reader that leaves */

static int until_hasty_left(struct footfall_store_call *call)
{
    while (!atomic_load(&hasty.answered) && footfall__boottime_ms() < call->deadline_ms)
        support_sleep_ms(1);
    atomic_store(&attempts, atomic_load(&hasty.answered));
    return 0;
}

/* Reading changes nothing: there is nothing to be in doubt about. */
static void a_read_that_leaves_is_not_in_doubt(void **state)
{
    int left_in_flight = 0;
    (void)state;
    for (int i = 0; i < ROUNDS && !left_in_flight; i++) {
        struct footfall *ff = leaving_open("60s");
        struct caller gate, leader;
        uint64_t unknown;
        atomic_store(&attempts, 0);
        leaving_set(NULL, until_hasty_left, NULL);
        caller_start_gate(&gate, ff, READ);
        caller_start_queued(&leader, ff, READ, "x", PATIENT_MS);
        caller_start_queued(&hasty, ff, READ, "y", 300);
        leaving_release();
        caller_end(&gate);
        caller_end(&leader);
        caller_end(&hasty);
        left_in_flight = atomic_load(&attempts); /* else it led the batch itself */
        unknown = stats_of(ff).unknown;
        footfall_close(ff);
        assert_int_equal(leader.status, FOOTFALL_OK);
        assert_int_equal(unknown, 0);
        assert_int_not_equal(hasty.status, FOOTFALL_UNKNOWN);
        if (left_in_flight)
            assert_int_equal(hasty.status, FOOTFALL_TEMPORARY);
    }
    assert_true(left_in_flight);
}

/* ---- in time ---------------------------------------------------------------------------------------------------------- */

static int temporary(struct footfall_store_call *call)
{
    (void)call;
    atomic_fetch_add(&attempts, 1);
    return FOOTFALL_STORE_TEMPORARY;
}

static int temporary_at_the_deadline(struct footfall_store_call *call)
{
    atomic_fetch_add(&attempts, 1);
    while (footfall__boottime_ms() < call->deadline_ms)
        support_sleep_ms(5);
    return FOOTFALL_STORE_TEMPORARY;
}

/* 300 ms, an attempt of 2 s at most, a pause of 1 s at most; not the 20 s of the call that has the store. */
static void close_is_bounded(void **state)
{
    leaving_refuse *const ways[] = { temporary, temporary_at_the_deadline };
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct footfall *ff = leaving_open("300ms");
        struct caller purge;
        int64_t start_ms, took_ms;
        atomic_store(&attempts, 0);
        leaving_set(NULL, NULL, ways[i]);
        caller_start(&purge, ff, PURGE, "", 20000);
        await_more(&attempts, 0);
        start_ms = footfall__boottime_ms();
        footfall_close(ff);
        took_ms = footfall__boottime_ms() - start_ms;
        caller_end(&purge);
        assert_int_equal(purge.status, FOOTFALL_TEMPORARY);
        if (took_ms > 10000)
            fail_msg("way %zu: close took %d ms", i, (int)took_ms);
    }
}

static int always_unknown(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    (void)store, (void)ops, (void)count, (void)results, (void)call;
    atomic_fetch_add(&attempts, 1);
    return FOOTFALL_STORE_UNKNOWN;
}

/* The head of the queue, or the batch in doubt before it, has a long time; a submission behind it has a short one. */
static void submissions_are_told_on_time(void **state)
{
    (void)state;
    for (int in_doubt = 0; in_doubt < 2; in_doubt++) {
        struct footfall *ff = leaving_open("60s");
        struct caller first, patient, brief;
        int patient_answered;
        atomic_store(&attempts, 0);
        leaving_set(always_unknown, temporary, NULL);
        caller_start(&first, ff, in_doubt ? SUBMIT : READ, "x", 8000);
        await_more(&attempts, 0);
        caller_start(&patient, ff, SUBMIT, "c", 7000);
        caller_start(&brief, ff, SUBMIT, "c", 200);
        caller_end(&brief);
        patient_answered = atomic_load(&patient.answered);
        leaving_set(NULL, NULL, NULL);
        caller_end(&patient);
        caller_end(&first);
        footfall_close(ff);
        assert_int_equal(brief.status, FOOTFALL_TEMPORARY);
        assert_false(patient_answered);
        assert_true(brief.took_ms < 3500);
    }
}

/* The store is somebody else's for as long as the test likes: who waits in the queue alone is told by the clock. Whoever comes
 * after one that has left the queue's end is in it. */
static void who_leaves_the_queue_leaves_it_whole(void **state)
{
    static const enum kind kinds[] = { ADD, SUBMIT, READ, SUBMIT_READ };
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct footfall *ff = leaving_open("60s");
        struct caller gate, first, brief, next;
        enum kind kind = kinds[i / 2];
        caller_start_gate(&gate, ff, ADD);
        if (i % 2)
            caller_start_queued(&first, ff, kind, "a", PATIENT_MS);
        caller_start_queued(&brief, ff, kind, "b", 50);
        caller_end(&brief);
        caller_start_queued(&next, ff, kind, "c", PATIENT_MS);
        assert_false(atomic_load(&gate.answered));
        leaving_release();
        caller_end(&next);
        if (i % 2) {
            caller_end(&first);
            assert_int_equal(first.status, FOOTFALL_OK);
        }
        caller_end(&gate);
        footfall_close(ff);
        assert_int_equal(brief.status, FOOTFALL_TEMPORARY);
        assert_int_equal(next.status, FOOTFALL_OK);
    }
}

static int hold_then_refuse(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                            struct footfall_store_result *results, struct footfall_store_call *call)
{
    if (leaving_is(&ops[0], LEAVING_GATE) || atomic_fetch_add(&attempts, 1) > 0)
        return leaving_pass(store, ops, count, results, call);
    leaving_hold();
    return FOOTFALL_STORE_TEMPORARY;
}

/* Those of a batch that was refused stay before who came meanwhile. */
static void a_refused_batch_keeps_its_place(void **state)
{
    struct footfall *ff = leaving_open("60s");
    struct caller gate, adds[3];
    (void)state;
    atomic_store(&attempts, 0);
    leaving_set(hold_then_refuse, NULL, NULL);
    caller_start_gate(&gate, ff, ADD);
    caller_start_queued(&adds[0], ff, SUBMIT, "a", PATIENT_MS);
    caller_start_queued(&adds[1], ff, SUBMIT, "a", PATIENT_MS);
    leaving_release();
    caller_end(&gate);
    leaving_await_held();
    caller_start_queued(&adds[2], ff, SUBMIT, "a", PATIENT_MS);
    leaving_release();
    for (int i = 0; i < 3; i++) {
        caller_end(&adds[i]);
        assert_int_equal(adds[i].status, FOOTFALL_OK);
        assert_int_equal(adds[i].total, i + 1);
    }
    footfall_close(ff);
}

/* ---- nobody is left asleep -------------------------------------------------------------------------------------------- */

static int64_t short_deadline_ms; /* written before the batch is let go */

static int refuse_past_the_short_deadline(struct footfall_store *store, const struct footfall_store_op *ops,
                                          size_t count, struct footfall_store_result *results,
                                          struct footfall_store_call *call)
{
    if (count < 2 || atomic_fetch_add(&attempts, 1) > 0)
        return leaving_pass(store, ops, count, results, call);
    while (footfall__boottime_ms() <= short_deadline_ms)
        support_sleep_ms(1);
    return FOOTFALL_STORE_TEMPORARY;
}

/* Both come back to the queue; the submission's time is up, and the caller behind it counted on the worker. */
static void who_waits_behind_a_dropped_submission_is_woken(void **state)
{
    int woken = 0;
    (void)state;
    for (int i = 0; i < ROUNDS && !woken; i++) {
        struct footfall *ff = leaving_open("60s");
        struct caller gate, dropped, waiter;
        atomic_store(&attempts, 0);
        leaving_set(refuse_past_the_short_deadline, NULL, NULL);
        caller_start_gate(&gate, ff, ADD);
        caller_start_queued(&dropped, ff, SUBMIT, "s", 250);
        caller_start_queued(&waiter, ff, ADD, "w", PATIENT_MS);
        short_deadline_ms = footfall__boottime_ms() + 250;
        leaving_release();
        caller_end(&gate);
        caller_end(&dropped);
        caller_end(&waiter);
        footfall_close(ff);
        assert_int_equal(waiter.status, FOOTFALL_OK);
        woken = atomic_load(&attempts) == 1 && dropped.status == FOOTFALL_TEMPORARY && waiter.took_ms < AWAKE_MS;
    }
    assert_true(woken);
}

static int s_refused(const struct footfall_store_op *op)
{
    return leaving_is(op, "s") && atomic_load(&attempts) == 1 ? FOOTFALL_STORE_TEMPORARY : 0;
}

static int hold_then_refuse_s(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                              struct footfall_store_result *results, struct footfall_store_call *call)
{
    if (atomic_fetch_add(&attempts, 1) == 0)
        leaving_hold();
    return leaving_answer(store, ops, count, results, call, s_refused);
}

static int purged_before_s(struct footfall_store_call *call)
{
    (void)call;
    if (atomic_load(&attempts) == 1)
        atomic_store(&refusing, 1);
    return 0;
}

/* The worker leads a batch that answers w and refuses s, and then has nothing to do: the store is promised to the purge, and
 * s backs off. Those who are to be woken sleep until it gives the lock up. */
static void an_answer_wakes_though_a_submission_backs_off(void **state)
{
    int woken = 0;
    (void)state;
    for (int i = 0; i < ROUNDS && !woken; i++) {
        struct footfall *ff = leaving_open("60s");
        struct caller gate, w, s, purge;
        atomic_store(&attempts, 0);
        atomic_store(&refusing, 0);
        leaving_set(hold_then_refuse_s, NULL, purged_before_s);
        caller_start_gate(&gate, ff, ADD);
        caller_start_queued(&w, ff, ADD, "w", PATIENT_MS);
        caller_start_queued(&s, ff, SUBMIT, "s", PATIENT_MS);
        leaving_release();
        caller_end(&gate);
        leaving_await_held();
        caller_start(&purge, ff, PURGE, "", PATIENT_MS);
        support_sleep_ms(100); /* for the purge to wait for the store */
        leaving_release();
        caller_end(&w);
        caller_end(&s);
        caller_end(&purge);
        footfall_close(ff);
        assert_int_equal(w.status, FOOTFALL_OK);
        assert_int_equal(s.status, FOOTFALL_OK);
        woken = atomic_load(&refusing) && w.took_ms < AWAKE_MS;
    }
    assert_true(woken);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

static int all_no_memory(const struct footfall_store_op *op)
{
    (void)op;
    return FOOTFALL_STORE_NO_MEMORY;
}

static int no_memory_each(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    return leaving_answer(store, ops, count, results, call, all_no_memory); /* and no text */
}

static int allocations_left; /* before one is refused; negative: none is */

static int refuse_allocation(void *user)
{
    (void)user;
    return allocations_left >= 0 && allocations_left-- == 0;
}

static void no_memory_says_memory(void **state)
{
    struct footfall *ff = leaving_open("60s");
    struct footfall_error err;
    struct footfall_result r;
    int seen = 0;
    (void)state;
    leaving_set(no_memory_each, NULL, NULL);
    assert_int_equal(footfall_add(ff, "a", 1, NULL, &r, &err), FOOTFALL_NO_MEMORY);
    if (strstr(err.text, "memory") == NULL)
        fail_msg("the store's: \"%s\"", err.text);
    footfall_close(ff);
    ff = leaving_open("60s");
    for (int i = 0, rc = FOOTFALL_NO_MEMORY; rc != FOOTFALL_OK; i++) {
        allocations_left = i;
        footfall__alloc_hook(refuse_allocation, NULL);
        rc = footfall_add(ff, "a", 1, NULL, &r, &err);
        footfall__alloc_hook(NULL, NULL);
        if (rc == FOOTFALL_OK)
            break;
        seen++;
        assert_int_equal(rc, FOOTFALL_NO_MEMORY);
        if (strstr(err.text, "memory") == NULL)
            fail_msg("allocation %d: \"%s\"", i, err.text);
    }
    assert_true(seen > 0);
    footfall_close(ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_beside_doubt_is_not_final),
        cmocka_unit_test(who_leaves_a_batch_in_doubt_is_in_doubt),
        cmocka_unit_test(a_cut_series_has_no_gap),
        cmocka_unit_test(a_read_that_leaves_is_not_in_doubt),
        cmocka_unit_test(close_is_bounded),
        cmocka_unit_test(submissions_are_told_on_time),
        cmocka_unit_test(who_leaves_the_queue_leaves_it_whole),
        cmocka_unit_test(a_refused_batch_keeps_its_place),
        cmocka_unit_test(who_waits_behind_a_dropped_submission_is_woken),
        cmocka_unit_test(an_answer_wakes_though_a_submission_backs_off),
        cmocka_unit_test(no_memory_says_memory),
    };
    leaving_register();
    return cmocka_run_group_tests_name("leaving", tests, NULL, NULL);
}
