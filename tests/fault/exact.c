/* exact.c: exact numbers from many threads while the store loses replies, refuses for a while and delivers copies late; that
 * it is the marks that make them exact; that "not applied" is never said of what was applied, under short deadlines; and that
 * reads which are submitted among it all are never behind what their thread was told before. */
#include "cmocka_all.h"

#include "fault_store.h"
#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 8,
    OPS = 20000,
    EACH = OPS / THREADS,
    ADDED = 5,     /* counters that are added to: a0 … */
    VISITED = 3,   /* counters that are visited: v0 … */
    VISITORS = 400 /* of each */
};

struct answer {
    int counter; /* 0 … ADDED - 1: add; ADDED …: visit */
    uint32_t visitor;
    struct footfall_result r;
};
struct work {
    struct footfall *ff;
    uint64_t random;
    size_t count;
    uint32_t wait_ms;
    int64_t told[ADDED + VISITED]; /* highest total this thread has been told, by counter */
    atomic_int read_ok, read_temporary, read_wrong;
    struct answer answers[EACH];
};

static struct work *works[THREADS];

static void name_of(char out[8], int counter)
{
    out[0] = counter < ADDED ? 'a' : 'v';
    out[1] = (char)('0' + (counter < ADDED ? counter : counter - ADDED));
    out[2] = '\0';
}

static void draw(struct work *work, struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->counter = (int)support_random_below(&work->random, ADDED + VISITED);
    answer->visitor = (uint32_t)support_random_below(&work->random, VISITORS);
}

/* What the thread has been told with `n` more answers */
static void hear(struct work *work, const struct answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (answers[i].r.status == FOOTFALL_OK && answers[i].r.total > work->told[answers[i].counter])
            work->told[answers[i].counter] = answers[i].r.total;
}

static void one(struct work *work, struct answer *answer)
{
    char name[8];
    name_of(name, answer->counter);
    if (answer->counter < ADDED)
        support_add(work->ff, name, 1, work->wait_ms, &answer->r);
    else
        support_visit(work->ff, name, answer->visitor, SUPPORT_TIME_MS, work->wait_ms, &answer->r);
}

/* A batch of `n` at once through footfall_apply. */
static void several(struct work *work, struct answer *answers, size_t n)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op ops[32] = { 0 };
    struct footfall_visitor who[32];
    struct footfall_result results[32];
    char names[32][8], addresses[32][16];
    for (size_t i = 0; i < n; i++) {
        name_of(names[i], answers[i].counter);
        support_address(addresses[i], answers[i].visitor);
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(answers[i].counter < ADDED ? FOOTFALL_OP_ADD : FOOTFALL_OP_VISIT);
        who[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        who[i].address = addresses[i];
        who[i].now_ms = SUPPORT_TIME_MS;
        ops[i].name = names[i];
        ops[i].delta = 1;
        ops[i].visitor = answers[i].counter < ADDED ? NULL : &who[i];
    }
    call.wait_ms = work->wait_ms;
    footfall_apply(work->ff, ops, n, &call, results, NULL);
    for (size_t i = 0; i < n; i++)
        answers[i].r = results[i];
}

struct ticket {
    struct answer *answer;
    atomic_int *left;
    struct work *work;
    int64_t least; /* of a read */
};

static void arrived(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct ticket *ticket = user;
    (void)err;
    ticket->answer->r = *r;
    atomic_fetch_sub(ticket->left, 1);
}

static void has_read(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct ticket *ticket = user;
    int right = r->total >= ticket->least && r->total <= OPS && ((r->flags & FOOTFALL_EXISTS) != 0) == (r->total > 0);
    (void)err;
    if (r->status == FOOTFALL_TEMPORARY)
        atomic_fetch_add(&ticket->work->read_temporary, 1);
    else
        atomic_fetch_add(r->status == FOOTFALL_OK && right ? &ticket->work->read_ok : &ticket->work->read_wrong, 1);
    atomic_fetch_sub(ticket->left, 1);
}

/* The same by submissions, each with a read of its counter, all under way at once. */
static void submitted(struct work *work, struct answer *answers, size_t n)
{
    struct ticket tickets[2 * 32];
    atomic_int left = (int)(2 * n);
    for (size_t i = 0; i < n; i++) {
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_op op = FOOTFALL_OP_INIT(answers[i].counter < ADDED ? FOOTFALL_OP_ADD : FOOTFALL_OP_VISIT);
        char name[8], address[16];
        name_of(name, answers[i].counter);
        support_address(address, answers[i].visitor);
        who.address = address;
        who.now_ms = SUPPORT_TIME_MS;
        call.wait_ms = work->wait_ms;
        op.name = name;
        op.delta = 1;
        op.visitor = answers[i].counter < ADDED ? NULL : &who;
        tickets[2 * i] = (struct ticket){ &answers[i], &left, work, 0 };
        tickets[2 * i + 1] = (struct ticket){ NULL, &left, work, work->told[answers[i].counter] };
        if (footfall_submit(work->ff, &op, &call, arrived, &tickets[2 * i], NULL) != FOOTFALL_OK ||
            footfall_submit_read(work->ff, name, &call, has_read, &tickets[2 * i + 1], NULL) != FOOTFALL_OK)
            support_die("submit");
    }
    while (atomic_load(&left) > 0)
        support_sleep_ms(1);
}

static void *run(void *arg)
{
    struct work *work = arg;
    for (size_t i = 0; i < work->count;) {
        size_t n = 1 + support_random_below(&work->random, 31);
        if (n > work->count - i)
            n = work->count - i;
        for (size_t j = 0; j < n; j++)
            draw(work, &work->answers[i + j]);
        switch (support_random_below(&work->random, 3)) {
        case 0:
            several(work, &work->answers[i], n);
            break;
        case 1:
            submitted(work, &work->answers[i], n);
            break;
        default:
            for (size_t j = 0; j < n; j++)
                one(work, &work->answers[i + j]);
            break;
        }
        hear(work, &work->answers[i], n);
        i += n;
    }
    return NULL;
}

static struct footfall *run_all(const char *name, const struct fault_plan *plan, size_t each, uint32_t wait_ms)
{
    const char *pairs[] = { "backend", "faulty", "faulty.name", name, "secret", SUPPORT_SECRET, NULL };
    pthread_t threads[THREADS];
    struct footfall *ff = NULL;
    fault_store_plan(plan);
    ff = support_open(pairs);
    for (size_t i = 0; i < THREADS; i++) {
        works[i]->ff = ff;
        works[i]->random = support_seed() + i * 1000003;
        works[i]->count = each;
        works[i]->wait_ms = wait_ms;
        works[i]->read_ok = works[i]->read_temporary = works[i]->read_wrong = 0;
        memset(works[i]->told, 0, sizeof works[i]->told);
        if (pthread_create(&threads[i], NULL, run, works[i]) != 0)
            support_die("pthread_create");
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return ff;
}

static void calm(void)
{
    struct fault_plan none = { .marks = 1 };
    fault_store_plan(&none);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Every op was acknowledged: the totals answered are 1 … N, the counter holds N, each visitor was new once. */
static void check_exact(struct footfall *ff, int counter, size_t each)
{
    static int64_t totals[OPS];
    char new_seen[VISITORS] = { 0 }, visited[VISITORS] = { 0 };
    size_t n = 0;
    int64_t unique = 0;
    char name[8];
    struct footfall_result now;
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 0; i < each; i++) {
            const struct answer *answer = &works[t]->answers[i];
            if (answer->counter != counter)
                continue;
            assert_int_equal(answer->r.status, FOOTFALL_OK);
            assert_false(answer->r.flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
            totals[n++] = answer->r.total;
            if (answer->r.flags & FOOTFALL_IS_NEW) {
                assert_false(new_seen[answer->visitor]);
                new_seen[answer->visitor] = 1;
            }
            visited[answer->visitor] = 1;
        }
    qsort(totals, n, sizeof totals[0], by_number);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(totals[i], (int64_t)i + 1);
    for (size_t i = 0; counter >= ADDED && i < VISITORS; i++) {
        assert_int_equal(new_seen[i], visited[i]);
        unique += visited[i];
    }
    name_of(name, counter);
    now = support_read(ff, name);
    assert_int_equal(now.total, n);
    assert_int_equal(now.unique, unique);
}

/* No submitted read was wrong; how many were OK, and how many were not answered in time. */
static void check_reads(int *ok, int *temporary)
{
    *ok = *temporary = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(works[i]->read_wrong, 0);
        *ok += works[i]->read_ok;
        *temporary += works[i]->read_temporary;
    }
}

static void threads_under_faults_are_exact(void **state)
{
    struct fault_plan plan = { .marks = 1, .seed = support_seed() };
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    struct footfall *ff = NULL;
    struct fault_counts counts;
    int read = 0, unread = 0;
    (void)state;
    plan.per_mille[FAULT_LOSE_BEFORE] = 30;
    plan.per_mille[FAULT_LOSE_AFTER] = 40;
    plan.per_mille[FAULT_LOSE_SOME] = 40;
    plan.per_mille[FAULT_LATE] = 40;
    plan.per_mille[FAULT_TEMPORARY] = 30;
    plan.reads_per_mille = 30;
    ff = run_all("exact", &plan, EACH, 120000);
    counts = fault_store_counts();
    footfall_stats(ff, &stats);
    printf("%" PRIu64 " attempts, %" PRIu64 " resends, %" PRIu64 " counters answered from marks, late copies: %" PRIu64
           " in, %" PRIu64 " out\n",
           counts.attempts, counts.resends, counts.from_mark, counts.late_applied, counts.late_refused);
    check_reads(&read, &unread);
    printf("%d reads among them, %" PRIu64 " refused\n", read, counts.reads_refused);
    assert_true(read > 0 && counts.reads_refused > 0);
    assert_int_equal(unread, 0);
    for (int i = 0; i < ADDED + VISITED; i++)
        check_exact(ff, i, EACH);
    assert_int_equal(counts.contract, 0);
    assert_true(counts.by_kind[FAULT_LOSE_BEFORE] > 0 && counts.by_kind[FAULT_LOSE_AFTER] > 0);
    assert_true(counts.by_kind[FAULT_LOSE_SOME] > 0 && counts.by_kind[FAULT_TEMPORARY] > 0);
    assert_true(counts.from_mark > 0 && counts.late_refused > 0);
    assert_true(stats.retries > 0);
    assert_int_equal(stats.operations, OPS);
    assert_int_equal(stats.unknown, 0);
    footfall_close(ff);
}

/* The same faults without marks count some operations twice: the test above does see what marks are for. */
static void without_marks_it_miscounts(void **state)
{
    struct fault_plan plan = { .marks = 0, .seed = support_seed() };
    struct footfall *ff = NULL;
    int64_t held = 0;
    (void)state;
    plan.per_mille[FAULT_LOSE_AFTER] = 50;
    ff = run_all("unmarked", &plan, EACH / 10, 120000);
    calm();
    for (int i = 0; i < ADDED + VISITED; i++) {
        char name[8];
        name_of(name, i);
        held += support_read(ff, name).total;
    }
    printf("%d operations acknowledged, %" PRId64 " counted\n", OPS / 10, held);
    assert_true(held > OPS / 10);
    footfall_close(ff);
}

/* Deadlines that pass in the middle of it all: between what is OK and that plus what is unknown, per counter, also after
 * everything late has arrived. */
static void short_deadlines_tell_no_lies(void **state)
{
    struct fault_plan plan = { .marks = 1, .seed = support_seed() };
    size_t each = EACH / 5, statuses[3] = { 0 };
    int read = 0, unread = 0;
    struct footfall *ff = NULL;
    (void)state;
    plan.per_mille[FAULT_LOSE_BEFORE] = 100;
    plan.per_mille[FAULT_LOSE_AFTER] = 100;
    plan.per_mille[FAULT_LOSE_SOME] = 100;
    plan.per_mille[FAULT_LATE] = 100;
    plan.per_mille[FAULT_TEMPORARY] = 100;
    plan.reads_per_mille = 100;
    ff = run_all("short", &plan, each, 60);
    assert_int_equal(fault_store_counts().contract, 0);
    calm();
    for (int round = 0; round < 40; round++) /* batches for every lane, so that what is late arrives */
        for (int i = 0; i < ADDED; i++) {
            char name[8];
            name_of(name, i);
            support_add(ff, name, 0, 5000, NULL);
        }
    for (int counter = 0; counter < ADDED + VISITED; counter++) {
        int64_t sure = 0, doubtful = 0, sure_new = 0;
        struct footfall_result now;
        char name[8];
        for (size_t t = 0; t < THREADS; t++)
            for (size_t i = 0; i < each; i++) {
                const struct answer *answer = &works[t]->answers[i];
                if (answer->counter != counter)
                    continue;
                switch (answer->r.status) {
                case FOOTFALL_OK:
                    sure++;
                    sure_new += (answer->r.flags & FOOTFALL_IS_NEW) != 0;
                    statuses[0]++;
                    break;
                case FOOTFALL_UNKNOWN:
                    doubtful++;
                    statuses[1]++;
                    break;
                default:
                    assert_int_equal(answer->r.status, FOOTFALL_TEMPORARY);
                    statuses[2]++;
                    break;
                }
            }
        name_of(name, counter);
        now = support_read(ff, name);
        if (now.total < sure || now.total > sure + doubtful)
            fail_msg("%s: %" PRId64 " held, %" PRId64 " acknowledged, %" PRId64 " unknown", name, now.total, sure,
                     doubtful);
        assert_in_range(now.unique, sure_new, sure_new + doubtful);
    }
    check_reads(&read, &unread);
    printf("%zu OK, %zu unknown, %zu not applied; %d reads OK, %d not\n", statuses[0], statuses[1], statuses[2], read,
           unread);
    assert_true(statuses[0] > 0 && statuses[1] > 0);
    footfall_close(ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_under_faults_are_exact),
        cmocka_unit_test(without_marks_it_miscounts),
        cmocka_unit_test(short_deadlines_tell_no_lies),
    };
    int failed = 0;
    fault_store_register();
    for (size_t i = 0; i < THREADS; i++)
        if ((works[i] = calloc(1, sizeof *works[i])) == NULL)
            support_die("calloc");
    failed = cmocka_run_group_tests_name("exact under faults", tests, NULL, NULL);
    for (size_t i = 0; i < THREADS; i++)
        free(works[i]);
    return failed;
}
