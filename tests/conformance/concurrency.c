/* concurrency.c: many threads on one handle and on several: each acknowledged operation took effect at one instant between its
 * call and its answer, and of visits by one visitor exactly one is new. Crashes and other processes are judged in tests/fault. */
#include "cases.h"
#include "suite_asks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, EACH = 400, ALL = THREADS * EACH }; /* at most */

struct call_seen { /* what one call did, in ticks of a clock that all threads share */
    uint64_t begun, ended;
    struct footfall_result r;
    int rc;
};
struct worker {
    pthread_t thread;
    int number;
    struct footfall *ff;
    struct call_seen seen[EACH];
};

static int each(void)
{
    return suite_rounds(EACH);
}

static int all(void)
{
    return THREADS * each();
}

static atomic_ullong ticks;
static pthread_barrier_t gate;

static void run(struct worker *workers, struct footfall **handles, int handle_count, void *(*body)(void *))
{
    assert_int_equal(pthread_barrier_init(&gate, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].ff = handles[i % handle_count];
        assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    pthread_barrier_destroy(&gate);
}

static void *add_ones(void *user)
{
    struct worker *worker = user;
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i++) {
        struct call_seen *seen = &worker->seen[i];
        seen->begun = atomic_fetch_add(&ticks, 1);
        seen->rc = footfall_add(worker->ff, "a", 1, NULL, &seen->r, NULL);
        seen->ended = atomic_fetch_add(&ticks, 1);
    }
    return NULL;
}

/* The answers are exactly 1 … ALL, and no call that ended before another began has the larger answer. */
static void expect_one_to_all(const struct worker *workers)
{
    static const struct call_seen *by_answer[ALL + 1];
    uint64_t earliest_end = UINT64_MAX;
    memset(by_answer, 0, sizeof(by_answer));
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < each(); j++) {
            const struct call_seen *seen = &workers[i].seen[j];
            assert_int_equal(seen->rc, FOOTFALL_OK);
            assert_in_range(seen->r.total, 1, all());
            assert_null(by_answer[seen->r.total]);
            by_answer[seen->r.total] = seen;
        }
    for (int answer = all(); answer >= 1; answer--) {
        assert_true(by_answer[answer]->begun < earliest_end);
        if (by_answer[answer]->ended < earliest_end)
            earliest_end = by_answer[answer]->ended;
    }
}

static void concurrency_of_threads(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    run(workers, &ff, 1, add_ones);
    expect_one_to_all(workers);
    EXPECT_READ(ff, "a", all(), 0);
    free(workers);
}

static void concurrency_of_handles(void **state)
{
    struct footfall *handles[3];
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    for (int i = 0; i < 3; i++)
        handles[i] = suite_open(*state, NULL);
    run(workers, handles, 3, add_ones);
    expect_one_to_all(workers);
    EXPECT_READ(handles[0], "a", all(), 0);
    free(workers);
}

/* Every thread visits as visitor 1, 2, 3 …, so that all come for each visitor at about the same time. */
static void *visit_in_step(void *user)
{
    struct worker *worker = user;
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i++) {
        struct call_seen *seen = &worker->seen[i];
        char address[32];
        struct footfall_visitor who;
        (void)snprintf(address, sizeof(address), "10.1.%d.%d", i / 200, i % 200);
        who = suite_visitor(address, NOON + worker->number);
        seen->rc = footfall_visit(worker->ff, "a", &who, NULL, &seen->r, NULL);
    }
    return NULL;
}

static void expect_one_new_each(const struct worker *workers)
{
    for (int j = 0; j < each(); j++) {
        int news = 0;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(workers[i].seen[j].rc, FOOTFALL_OK);
            news += (workers[i].seen[j].r.flags & FOOTFALL_IS_NEW) != 0;
        }
        assert_int_equal(news, 1);
    }
}

static void concurrency_one_new_visit_a_visitor_among_threads(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    run(workers, &ff, 1, visit_in_step);
    expect_one_new_each(workers);
    EXPECT_READ(ff, "a", all(), each());
    free(workers);
}

static void concurrency_one_new_visit_a_visitor_among_handles(void **state)
{
    struct footfall *handles[2];
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    for (int i = 0; i < 2; i++)
        handles[i] = suite_open(*state, NULL);
    run(workers, handles, 2, visit_in_step);
    expect_one_new_each(workers);
    EXPECT_READ(handles[1], "a", all(), each());
    free(workers);
}

/* Reads never go back: what one thread has seen acknowledged, its next read shows at least. */
static void *read_and_add(void *user)
{
    struct worker *worker = user;
    const char *name = "a";
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i += 2) {
        struct call_seen *added = &worker->seen[i];
        struct call_seen *read = &worker->seen[i + 1];
        added->rc = footfall_add(worker->ff, name, 1, NULL, &added->r, NULL);
        read->rc = footfall_read(worker->ff, &name, 1, NULL, &read->r, NULL);
    }
    return NULL;
}

static void concurrency_reads_see_what_was_acknowledged(void **state)
{
    struct footfall *handles[2];
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    for (int i = 0; i < 2; i++)
        handles[i] = suite_open(*state, NULL);
    run(workers, handles, 2, read_and_add);
    for (int i = 0; i < THREADS; i++) {
        int64_t last = 0;
        for (int j = 0; j < each(); j++) {
            assert_int_equal(workers[i].seen[j].rc, FOOTFALL_OK);
            assert_true(workers[i].seen[j].r.total >= last + (j % 2 == 0));
            last = workers[i].seen[j].r.total;
        }
    }
    EXPECT_READ(handles[0], "a", all() / 2, 0);
    free(workers);
}

/* Batches of many threads over the same counters: each counter's answers are 1 … its number of adds. */
enum { BATCH = 40, COUNTERS = 5 };

static void *apply_batches(void *user)
{
    static const char *const names[COUNTERS] = { "a", "b", "c", "d", "e" };
    struct worker *worker = user;
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i += BATCH) {
        struct footfall_op ops[BATCH];
        struct footfall_result r[BATCH];
        int rc = 0;
        for (int j = 0; j < BATCH; j++)
            ops[j] = suite_add(names[j % COUNTERS], 1);
        rc = footfall_apply(worker->ff, ops, BATCH, NULL, r, NULL);
        for (int j = 0; j < BATCH; j++) {
            worker->seen[i + j].r = r[j];
            worker->seen[i + j].rc = rc;
        }
    }
    return NULL;
}

static void concurrency_of_batches(void **state)
{
    static char seen[COUNTERS][ALL / COUNTERS + 1];
    struct footfall *ff = suite_open(*state, NULL);
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    memset(seen, 0, sizeof(seen));
    run(workers, &ff, 1, apply_batches);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < each(); j++) {
            assert_int_equal(workers[i].seen[j].rc, FOOTFALL_OK);
            assert_in_range(workers[i].seen[j].r.total, 1, all() / COUNTERS);
            assert_int_equal(seen[j % COUNTERS][workers[i].seen[j].r.total]++, 0);
            if (j % BATCH >= COUNTERS) /* array order within one batch */
                assert_true(workers[i].seen[j].r.total > workers[i].seen[j - COUNTERS].r.total);
        }
    for (int i = 0; i < COUNTERS; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        EXPECT_READ(ff, name, all() / COUNTERS, 0);
    }
    EXPECT_NOTHING(ff, "f");
    free(workers);
}

/* Everybody sends the same operations, each under its own token: each is counted once. */
static void *same_tokens(void *user)
{
    struct worker *worker = user;
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i++) {
        char token[32];
        struct footfall_call call;
        (void)snprintf(token, sizeof(token), "token %d", i);
        call = suite_with_token(token);
        worker->seen[i].rc = footfall_add(worker->ff, "a", 1, &call, &worker->seen[i].r, NULL);
    }
    return NULL;
}

static void concurrency_a_token_counts_once_among_threads(void **state)
{
    struct footfall *handles[2];
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    for (int i = 0; i < 2; i++)
        handles[i] = suite_open(*state, NULL);
    run(workers, handles, 2, same_tokens);
    for (int j = 0; j < each(); j++) {
        int firsts = 0;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(workers[i].seen[j].rc, FOOTFALL_OK);
            firsts += (workers[i].seen[j].r.flags & FOOTFALL_REPLAYED) == 0;
        }
        assert_int_equal(firsts, 1);
    }
    EXPECT_READ(handles[0], "a", each(), 0);
    free(workers);
}

/* Everybody sends the batches of one series in order: each is counted once, whoever comes late is told so. */
static void *same_series(void *user)
{
    static const uint8_t series[16] = "everybody's";
    struct worker *worker = user;
    pthread_barrier_wait(&gate);
    for (int i = 0; i < each(); i++) {
        struct footfall_op ops[3] = { suite_add("a", 1), suite_add("b", 1), suite_add("a", 1) };
        struct footfall_result r[3];
        struct footfall_call call = suite_numbered(series, (uint64_t)i);
        worker->seen[i].rc = footfall_apply(worker->ff, ops, 3, &call, r, NULL);
        worker->seen[i].r = r[0];
        if (r[2].status != r[0].status)
            worker->seen[i].rc = FOOTFALL_BROKEN;
    }
    return NULL;
}

static void concurrency_a_series_counts_once_among_threads(void **state)
{
    struct footfall *handles[2];
    char numbers[40];
    struct worker *workers = calloc(THREADS, sizeof(*workers));
    assert_non_null(workers);
    for (int i = 0; i < 2; i++)
        handles[i] = suite_open(*state, NULL);
    run(workers, handles, 2, same_series);
    for (int j = 0; j < each(); j++) {
        int firsts = 0;
        for (int i = 0; i < THREADS; i++) {
            const struct call_seen *seen = &workers[i].seen[j];
            assert_true(seen->rc == FOOTFALL_OK || seen->rc == FOOTFALL_INVALID);
            firsts += seen->r.status == FOOTFALL_OK && (seen->r.flags & FOOTFALL_REPLAYED) == 0;
        }
        assert_int_equal(firsts, 1);
    }
    (void)snprintf(numbers, sizeof(numbers), "a=%d/0 b=%d/0", 2 * each(), each());
    EXPECT_LIST(handles[1], "", NULL, numbers);
    free(workers);
}

const struct suite_case suite_concurrency[] = {
    SUITE_CASE(concurrency_of_threads),
    SUITE_CASE(concurrency_of_handles),
    SUITE_CASE(concurrency_one_new_visit_a_visitor_among_threads),
    SUITE_CASE(concurrency_one_new_visit_a_visitor_among_handles),
    SUITE_CASE(concurrency_reads_see_what_was_acknowledged),
    SUITE_CASE(concurrency_of_batches),
    SUITE_CASE(concurrency_a_token_counts_once_among_threads),
    SUITE_CASE(concurrency_a_series_counts_once_among_threads),
    SUITE_CASES_END,
};
