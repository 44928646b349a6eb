/* threads.c: many threads and processes on one SQLite file, and the promises of lanes that show from outside: exact answers
 * in an order that real time allows, batches that form by themselves, one thread a lane, nothing forgotten at close. */
#include "cmocka_all.h"

#include "folder.h"
#include "footfall.h"
#include "footfall_admin.h"
#include "handle.h"
#include "process.h"

#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PROCESSES = 4,
    THREADS = 16,
    ADDS = 60,      /* of each thread */
    VISITORS = 150, /* each visited by every thread, in an order of its own */
    WAIT_MS = 60000,
    SUBMISSIONS = 1000
};
#define WINDOW_MS INT64_C(86400000)

struct record {
    int64_t begun_ns, ended_ns, total;
    uint32_t visitor;
    int32_t status;
    uint32_t flags, is_visit;
};

struct work {
    struct footfall *ff;
    int64_t now_ms;
    uint64_t random;
    pthread_barrier_t *start;
    struct record records[ADDS + VISITORS];
};

static void *run(void *arg)
{
    struct work *work = arg;
    uint32_t order[VISITORS];
    size_t added = 0, visited = 0;
    for (uint32_t i = 0; i < VISITORS; i++) {
        size_t j = support_random_below(&work->random, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    pthread_barrier_wait(work->start);
    while (added + visited < ADDS + VISITORS) {
        struct record *record = &work->records[added + visited];
        struct footfall_result r;
        record->is_visit = added == ADDS || (visited < VISITORS && support_random_below(&work->random, 3) > 0);
        record->begun_ns = support_now_ns();
        if (record->is_visit) {
            record->visitor = order[visited++];
            support_visit(work->ff, "visited", record->visitor, work->now_ms, WAIT_MS, &r);
        } else {
            added++;
            support_add(work->ff, "added", 1, WAIT_MS, &r);
        }
        record->ended_ns = support_now_ns();
        record->status = r.status;
        record->flags = r.flags;
        record->total = r.total;
    }
    return NULL;
}

/* THREADS threads on one handle; all their records, to be freed. */
static struct record *run_threads(struct footfall *ff, int64_t now_ms, uint64_t seed, size_t *count)
{
    struct work *works = calloc(THREADS, sizeof *works);
    struct record *all = calloc(THREADS, sizeof works[0].records);
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    *count = THREADS * (ADDS + VISITORS);
    if (works == NULL || all == NULL || pthread_barrier_init(&start, NULL, THREADS) != 0)
        support_die("calloc");
    for (size_t i = 0; i < THREADS; i++) {
        works[i].ff = ff;
        works[i].now_ms = now_ms;
        works[i].random = seed + i * 104729;
        works[i].start = &start;
        if (pthread_create(&threads[i], NULL, run, &works[i]) != 0)
            support_die("pthread_create");
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        memcpy(all + i * (ADDS + VISITORS), works[i].records, sizeof works[i].records);
    }
    pthread_barrier_destroy(&start);
    free(works);
    return all;
}

/* threads count DIR NOW SEED: one of the processes. */
static int count_process(char **argv)
{
    struct footfall *ff = support_open_sqlite(argv[2], NULL);
    size_t count = 0;
    struct record *all = run_threads(ff, strtoll(argv[3], NULL, 10), strtoull(argv[4], NULL, 10), &count);
    footfall_close(ff);
    support_report(all, count * sizeof *all);
    free(all);
    return 0;
}

static int by_total(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->is_visit != y->is_visit)
        return x->is_visit < y->is_visit ? -1 : 1;
    return (x->total > y->total) - (x->total < y->total);
}

/* Answers are first + 1 … first + n, and none is lower than one that had ended before it began. */
static void check_order(const struct record *sorted, size_t n, int64_t first)
{
    int64_t latest_begin = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sorted[i].status, FOOTFALL_OK);
        assert_int_equal(sorted[i].total, first + (int64_t)i + 1);
        if (sorted[i].ended_ns < latest_begin)
            fail_msg("answer %" PRId64 " had ended before a lower one began", sorted[i].total);
        if (sorted[i].begun_ns > latest_begin)
            latest_begin = sorted[i].begun_ns;
    }
}

static void check_all(struct record *all, size_t count, int64_t first_add, int64_t first_visit)
{
    int times_new[VISITORS] = { 0 };
    size_t adds = 0;
    qsort(all, count, sizeof *all, by_total);
    while (adds < count && !all[adds].is_visit)
        adds++;
    check_order(all, adds, first_add);
    check_order(all + adds, count - adds, first_visit);
    for (size_t i = adds; i < count; i++)
        times_new[all[i].visitor] += (all[i].flags & FOOTFALL_IS_NEW) != 0;
    for (size_t i = 0; i < VISITORS; i++)
        assert_int_equal(times_new[i], 1);
}

static void processes_and_threads_on_one_file(void **state)
{
    char *dir = support_folder_make();
    struct footfall *ff = NULL;
    struct footfall_result now;
    uint64_t random = support_seed();
    int64_t each = PROCESSES * THREADS;
    (void)state;
    for (int window = 0; window < 2; window++) {
        struct support_process processes[PROCESSES];
        struct support_bytes bytes = { 0 };
        char time_text[32], seed_text[PROCESSES][32];
        snprintf(time_text, sizeof time_text, "%" PRId64, SUPPORT_TIME_MS + window * WINDOW_MS);
        for (int i = 0; i < PROCESSES; i++) {
            const char *args[] = { "count", dir, time_text, seed_text[i], NULL };
            snprintf(seed_text[i], sizeof seed_text[i], "%" PRIu64, support_random(&random));
            support_process_start(&processes[i], args);
        }
        for (int i = 0; i < PROCESSES; i++) {
            support_process_read(&processes[i], &bytes, INT64_MAX);
            assert_int_equal(support_process_wait(&processes[i]), 0);
        }
        assert_int_equal(bytes.count, (size_t)each * (ADDS + VISITORS) * sizeof(struct record));
        check_all((struct record *)(void *)bytes.at, bytes.count / sizeof(struct record), window * each * ADDS,
                  window * each * VISITORS);
        free(bytes.at);
    }
    ff = support_open_sqlite(dir, NULL);
    now = support_read(ff, "added");
    assert_int_equal(now.total, 2 * each * ADDS);
    assert_int_equal(now.unique, 0);
    now = support_read(ff, "visited");
    assert_int_equal(now.total, 2 * each * VISITORS);
    assert_int_equal(now.unique, 2 * VISITORS);
    footfall_close(ff);
    support_folder_remove(dir);
}

/* One process, durability full: while a commit waits for the disk, the other threads gather. */
static void sixteen_threads_share_commits(void **state)
{
    char *dir = support_folder_make();
    struct footfall *ff = support_open_sqlite(dir, "full");
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    size_t count = 0;
    struct record *all = run_threads(ff, SUPPORT_TIME_MS, support_seed(), &count);
    (void)state;
    footfall_stats(ff, &stats);
    printf("%" PRIu64 " operations in %" PRIu64 " batches, the longest %" PRIu64 "\n", stats.operations, stats.batches,
           stats.longest_batch);
    assert_int_equal(stats.operations, count);
    assert_true(stats.operations >= 3 * stats.batches);
    assert_int_equal(stats.queued_now, 0);
    check_all(all, count, 0, 0);
    footfall_close(ff);
    free(all);
    support_folder_remove(dir);
}

/* ---- submissions ----------------------------------------------------------------------------------------------------- */

struct tally {
    atomic_int completions, ok, temporary, unknown, on_this_thread;
    pthread_t submitter;
};

static void tell(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct tally *tally = user;
    (void)err;
    atomic_fetch_add(&tally->ok, r->status == FOOTFALL_OK);
    atomic_fetch_add(&tally->temporary, r->status == FOOTFALL_TEMPORARY);
    atomic_fetch_add(&tally->unknown, r->status == FOOTFALL_UNKNOWN);
    atomic_fetch_add(&tally->on_this_thread, pthread_equal(pthread_self(), tally->submitter) != 0);
    atomic_fetch_add(&tally->completions, 1);
}

static void submit_many(struct footfall *ff, int count, struct tally *tally, uint32_t wait_ms)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.wait_ms = wait_ms;
    tally->submitter = pthread_self();
    for (int i = 0; i < count; i++) {
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        struct footfall_error err;
        op.name = i % 2 == 0 ? "even" : "odd";
        op.delta = 1;
        if (footfall_submit(ff, &op, &call, tell, tally, &err) != FOOTFALL_OK)
            fail_msg("submission %d: %s", i, err.text);
    }
}

/* Another connection that keeps every writer out, as another process would. */
static sqlite3 *lock_file(const char *dir)
{
    sqlite3 *db = NULL;
    char *path = support_path(dir, "footfall.db");
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        support_die("BEGIN IMMEDIATE");
    free(path);
    return db;
}

static void unlock_file(sqlite3 *db)
{
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
}

static void a_thousand_pending_submissions(void **state)
{
    char *dir = support_folder_make();
    struct footfall *ff = support_open_sqlite(dir, NULL);
    struct tally tally = { 0 };
    int before = support_thread_count();
    sqlite3 *other = NULL;
    int64_t begun = 0;
    (void)state;
    assert_int_equal(support_add(ff, "even", 0, WAIT_MS, NULL), FOOTFALL_OK);
    assert_int_equal(support_thread_count(), before);
    other = lock_file(dir);
    begun = support_now_ns();
    submit_many(ff, SUBMISSIONS, &tally, WAIT_MS);
    printf("%d submissions in %.1f ms, %d more threads\n", SUBMISSIONS, (double)(support_now_ns() - begun) / 1e6,
           support_thread_count() - before);
    assert_in_range(support_thread_count() - before, 1, 1); /* SQLite has one lane */
    assert_int_equal(atomic_load(&tally.completions), 0);
    unlock_file(other);
    while (atomic_load(&tally.completions) < SUBMISSIONS)
        support_sleep_ms(1);
    assert_int_equal(tally.ok, SUBMISSIONS);
    assert_int_equal(tally.on_this_thread, 0);
    assert_int_equal(support_read(ff, "even").total + support_read(ff, "odd").total, SUBMISSIONS);
    footfall_close(ff);
    assert_int_equal(support_thread_count(), before);
    assert_int_equal(tally.completions, SUBMISSIONS);
    support_folder_remove(dir);
}

static void take_calls(void *user, const struct footfall_metric *metric)
{
    if (strcmp(metric->name, "footfall_store_seconds_count") == 0 && strstr(metric->labels, "read") != NULL)
        *(double *)user = metric->value;
}

/* Additions and reads that come in turn behind one that cannot be stored yet: two batches, not a thousand of one each. */
static void what_comes_in_turn_goes_together(void **state)
{
    char *dir = support_folder_make();
    struct footfall *ff = support_open_sqlite(dir, NULL);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    struct tally tally = { 0 };
    sqlite3 *other = NULL;
    double reads = 0;
    (void)state;
    call.wait_ms = WAIT_MS;
    assert_int_equal(support_add(ff, "even", 0, WAIT_MS, NULL), FOOTFALL_OK);
    other = lock_file(dir);
    submit_many(ff, 1, &tally, WAIT_MS);
    for (int i = 0; i < SUBMISSIONS / 2; i++) {
        submit_many(ff, 1, &tally, WAIT_MS);
        assert_int_equal(footfall_submit_read(ff, "even", &call, tell, &tally, NULL), FOOTFALL_OK);
    }
    unlock_file(other);
    while (atomic_load(&tally.completions) < SUBMISSIONS + 1)
        support_sleep_ms(1);
    assert_int_equal(tally.ok, SUBMISSIONS + 1);
    footfall_stats(ff, &stats);
    footfall_metrics(ff, take_calls, &reads);
    printf("%d additions in %" PRIu64 " batches, as many reads in %.0f\n", SUBMISSIONS / 2, stats.batches - 1, reads);
    assert_in_range(stats.batches, 2, 5);
    assert_in_range((int)reads, 1, 5);
    assert_int_equal(support_read(ff, "even").total, SUBMISSIONS / 2 + 1);
    footfall_close(ff);
    support_folder_remove(dir);
}

static void close_completes_what_is_queued(void **state)
{
    char *dir = support_folder_make();
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct footfall *ff = support_open_sqlite(dir, NULL);
        struct tally tally = { 0 };
        int64_t before = support_read(ff, "even").total + support_read(ff, "odd").total;
        submit_many(ff, SUBMISSIONS, &tally, WAIT_MS);
        footfall_close(ff);
        assert_int_equal(tally.completions, SUBMISSIONS);
        assert_int_equal(tally.ok, SUBMISSIONS);
        ff = support_open_sqlite(dir, NULL);
        assert_int_equal(support_read(ff, "even").total + support_read(ff, "odd").total, before + SUBMISSIONS);
        footfall_close(ff);
    }
    support_folder_remove(dir);
}

/* When the store does not answer, close gives up after the configured deadline: every completion has run, and what was said
 * to be not applied is not. */
static void close_gives_up_on_a_locked_file(void **state)
{
    char *dir = support_folder_make(), *path = support_path(dir, "footfall.db");
    const char *pairs[] = { "backend", "sqlite", "sqlite.path", path, "deadline", "300ms", NULL };
    struct footfall *ff = support_open(pairs);
    struct tally tally = { 0 };
    sqlite3 *other = NULL;
    int64_t begun = 0, held = 0;
    (void)state;
    assert_int_equal(support_add(ff, "even", 0, WAIT_MS, NULL), FOOTFALL_OK);
    other = lock_file(dir);
    submit_many(ff, SUBMISSIONS, &tally, WAIT_MS);
    begun = support_now_ns();
    footfall_close(ff);
    assert_true(support_now_ns() - begun < INT64_C(4000000000));
    assert_int_equal(tally.completions, SUBMISSIONS);
    assert_int_equal(tally.ok + tally.temporary + tally.unknown, SUBMISSIONS);
    assert_int_equal(tally.ok, 0);
    unlock_file(other);
    ff = support_open(pairs);
    held = support_read(ff, "even").total + support_read(ff, "odd").total;
    assert_in_range(held, 0, tally.unknown);
    footfall_close(ff);
    free(path);
    support_folder_remove(dir);
}

/* A child of fork may close and nothing else; the parent goes on as if nothing had been. */
static void fork_is_refused(void **state)
{
    char *dir = support_folder_make();
    struct footfall *ff = support_open_sqlite(dir, NULL);
    struct footfall_result r;
    pid_t child = 0;
    int status = 0;
    (void)state;
    assert_int_equal(support_add(ff, "a", 1, WAIT_MS, &r), FOOTFALL_OK);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct footfall *again = NULL;
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        struct tally tally = { 0 };
        char *path = support_path(dir, "footfall.db");
        const char *pairs[] = { "backend", "sqlite", "sqlite.path", path, NULL }, *name = "a";
        op.name = "a";
        if (support_add(ff, "a", 1, WAIT_MS, &r) != FOOTFALL_MISUSE)
            _exit(1);
        if (footfall_read(ff, &name, 1, NULL, &r, NULL) != FOOTFALL_MISUSE)
            _exit(2);
        if (footfall_submit(ff, &op, NULL, tell, &tally, NULL) != FOOTFALL_MISUSE)
            _exit(3);
        if (footfall_submit_read(ff, "a", NULL, tell, &tally, NULL) != FOOTFALL_MISUSE)
            _exit(8);
        if (footfall_ping(ff, NULL, NULL) != FOOTFALL_MISUSE)
            _exit(4);
        if (support_try_open(&again, NULL, pairs) != FOOTFALL_MISUSE || again != NULL)
            _exit(5);
        footfall_close(ff);
        if (support_try_open(&again, NULL, pairs) != FOOTFALL_OK)
            _exit(6);
        if (support_add(again, "a", 10, WAIT_MS, &r) != FOOTFALL_OK || r.total != 11)
            _exit(7);
        footfall_close(again);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(support_add(ff, "a", 100, WAIT_MS, &r), FOOTFALL_OK);
    assert_int_equal(r.total, 111);
    footfall_close(ff);
    support_folder_remove(dir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_and_threads_on_one_file),
        cmocka_unit_test(sixteen_threads_share_commits),
        cmocka_unit_test(a_thousand_pending_submissions),
        cmocka_unit_test(what_comes_in_turn_goes_together),
        cmocka_unit_test(close_completes_what_is_queued),
        cmocka_unit_test(close_gives_up_on_a_locked_file),
        cmocka_unit_test(fork_is_refused),
    };
    if (argc == 5 && strcmp(argv[1], "count") == 0)
        return count_process(argv);
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
