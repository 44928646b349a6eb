/* load.c: see load.h. A worker's main thread waits for the end of its input, the others count. */
#include "load.h"
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

struct record { /* worker to parent */
    uint8_t acknowledged, flags;
    uint8_t counter, unused;
    int32_t status;
    uint32_t visitor;
    uint32_t unused2;
    int64_t total;
};

static const char *const names[LOAD_COUNTERS] = { "k0", "k1", "k2", "k3" };

/* ---- the worker ------------------------------------------------------------------------------------------------------- */

struct thread {
    pthread_t id;
    struct footfall *ff;
    uint64_t random;
    int64_t now_ms;
    uint32_t first_visitor;
};
static atomic_int enough;

static void *count_on(void *arg)
{
    struct thread *thread = arg;
    while (!atomic_load(&enough)) {
        struct record record = { 0 };
        struct footfall_result r;
        record.counter = (uint8_t)support_random_below(&thread->random, LOAD_COUNTERS);
        record.visitor = thread->first_visitor + (uint32_t)support_random_below(&thread->random, LOAD_VISITORS);
        support_report(&record, sizeof record);
        if (record.counter < LOAD_ADDED)
            support_add(thread->ff, names[record.counter], 1, LOAD_WAIT_MS, &r);
        else
            support_visit(thread->ff, names[record.counter], record.visitor, thread->now_ms, LOAD_WAIT_MS, &r);
        record.acknowledged = 1;
        record.status = r.status;
        record.flags = (uint8_t)r.flags;
        record.total = r.total;
        support_report(&record, sizeof record);
    }
    return NULL;
}

/* PROGRAM load PREFIX FIRST_VISITOR SEED SETTINGS NOW_MS */
void load_role(int argc, char **argv)
{
    struct thread threads[LOAD_THREADS];
    struct footfall *ff = NULL;
    char byte = 0;
    if (argc != 7 || strcmp(argv[1], "load") != 0)
        return;
    ff = load_open(argv[2], argv[5]);
    for (size_t i = 0; i < LOAD_THREADS; i++) {
        threads[i].ff = ff;
        threads[i].random = strtoull(argv[4], NULL, 10) + i * 7919;
        threads[i].now_ms = strtoll(argv[6], NULL, 10);
        threads[i].first_visitor = (uint32_t)strtoul(argv[3], NULL, 10);
        if (pthread_create(&threads[i].id, NULL, count_on, &threads[i]) != 0)
            support_die("pthread_create");
    }
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    atomic_store(&enough, 1);
    for (size_t i = 0; i < LOAD_THREADS; i++)
        pthread_join(threads[i].id, NULL);
    footfall_close(ff);
    exit(0);
}

/* ---- the test's side ---------------------------------------------------------------------------------------------------- */

static void *collect(void *arg)
{
    struct load_worker *worker = arg;
    while (support_process_read(&worker->process, &worker->bytes, support_now_ns() + 5000000))
        atomic_store(&worker->count, worker->bytes.count);
    atomic_store(&worker->count, worker->bytes.count);
    return NULL;
}

static const char *settings_of(const struct load_ledger *ledger)
{
    return ledger->settings != NULL ? ledger->settings : "";
}

static int64_t time_of(const struct load_ledger *ledger)
{
    return ledger->now_ms != 0 ? ledger->now_ms : SUPPORT_TIME_MS;
}

void load_start(struct load *load, const struct load_ledger *ledger, size_t workers, uint64_t seed)
{
    memset(load, 0, sizeof *load);
    load->worker_count = workers;
    load->others = load_connections();
    for (size_t i = 0; i < workers; i++) {
        struct load_worker *worker = &load->workers[i];
        char first[16];
        char random[32];
        char now[32];
        const char *args[] = { "load", ledger->prefix, first, random, settings_of(ledger), now, NULL };
        snprintf(now, sizeof now, "%" PRId64, time_of(ledger));
        snprintf(first, sizeof first, "%u", ledger->next_visitor);
        snprintf(random, sizeof random, "%" PRIu64, seed + i * 1000003);
        support_process_start(&worker->process, args);
        if (pthread_create(&worker->collector, NULL, collect, worker) != 0)
            support_die("pthread_create");
    }
}

static size_t records_of(struct load *load)
{
    size_t bytes = 0;
    for (size_t i = 0; i < load->worker_count; i++)
        bytes += atomic_load(&load->workers[i].count);
    return bytes / sizeof(struct record);
}

void load_wait(struct load *load, size_t more)
{
    int64_t until = support_now_ns() + INT64_C(1000000000) * PATIENCE_S;
    size_t enough_records = records_of(load) + 2 * more; /* one of the beginning, one of the end */
    while (records_of(load) < enough_records) {
        if (support_now_ns() > until)
            fail_msg("the load does not get on");
        support_sleep_ms(2);
    }
}

void load_stop(struct load *load)
{
    for (size_t i = 0; i < load->worker_count; i++) {
        close(load->workers[i].process.to);
        load->workers[i].process.to = -1;
    }
    for (size_t i = 0; i < load->worker_count; i++) {
        pthread_join(load->workers[i].collector, NULL);
        assert_int_equal(support_process_wait(&load->workers[i].process), 0);
    }
}

void load_kill(struct load *load)
{
    int64_t until = support_now_ns() + INT64_C(1000000000) * PATIENCE_S;
    for (size_t i = 0; i < load->worker_count; i++)
        kill(load->workers[i].process.pid, SIGKILL);
    for (size_t i = 0; i < load->worker_count; i++) {
        int status = 0;
        pthread_join(load->workers[i].collector, NULL);
        status = support_process_wait(&load->workers[i].process);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    while (load_connections() > load->others) {
        if (support_now_ns() > until)
            fail_msg("the server keeps connections of dead processes");
        support_sleep_ms(2);
    }
}

/* ---- comparing -------------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

struct tally { /* what a load did to one counter */
    int64_t begun, sure, refused;
    int64_t *totals; /* that were answered */
    uint8_t visited[LOAD_VISITORS], sure_visit[LOAD_VISITORS], told_new[LOAD_VISITORS];
};

static void add_record(struct tally *tally, const struct record *record, uint32_t first_visitor)
{
    uint32_t visitor = record->visitor - first_visitor;
    if (!record->acknowledged) {
        tally->begun++;
        tally->visited[visitor] = 1;
        return;
    }
    if (record->status != FOOTFALL_OK) {
        tally->refused += record->status != FOOTFALL_UNKNOWN;
        return;
    }
    assert_false(record->flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
    tally->totals[tally->sure++] = record->total;
    tally->sure_visit[visitor] = 1;
    if (record->flags & FOOTFALL_IS_NEW)
        tally->told_new[visitor]++;
}

static void count_records(struct tally *tally, const struct load *load, int counter, uint32_t first_visitor)
{
    for (size_t w = 0; w < load->worker_count; w++) {
        const struct record *records = (const struct record *)(const void *)load->workers[w].bytes.at;
        for (size_t i = 0; i < load->workers[w].bytes.count / sizeof records[0]; i++)
            if (records[i].counter == counter)
                add_record(tally, &records[i], first_visitor);
    }
}

/* The answers differ from each other, and all of them lie between what was there before and what is there now. */
static void check_totals(struct tally *tally, const char *name, int64_t before, int64_t now)
{
    qsort(tally->totals, (size_t)tally->sure, sizeof tally->totals[0], by_number);
    for (int64_t i = 0; i < tally->sure; i++)
        if (tally->totals[i] <= before || tally->totals[i] > now || (i > 0 && tally->totals[i] == tally->totals[i - 1]))
            fail_msg("%s: an answer that cannot be: %" PRId64 ", held %" PRId64, name, tally->totals[i], now);
}

/* Asks every visitor of the load whether it is remembered; how many are. */
static int64_t check_visitors(const struct tally *tally, const char *name, struct footfall *ff,
                              const struct load_ledger *ledger, int exact)
{
    int64_t remembered = 0;
    for (uint32_t v = 0; v < LOAD_VISITORS; v++) {
        struct footfall_result r;
        if (!tally->visited[v])
            continue;
        if (tally->told_new[v] > 1)
            fail_msg("%s: visitor %u was new %d times", name, v, tally->told_new[v]);
        if (exact && tally->told_new[v] != 1)
            fail_msg("%s: visitor %u was never new", name, v);
        if (support_visit(ff, name, ledger->next_visitor + v, time_of(ledger), LOAD_WAIT_MS, &r) != FOOTFALL_OK)
            fail_msg("%s: visit: %s", name, footfall_status_name(r.status));
        remembered += (r.flags & FOOTFALL_IS_NEW) == 0;
        if ((r.flags & FOOTFALL_IS_NEW) && tally->sure_visit[v])
            fail_msg("%s: visitor %u was forgotten", name, v);
    }
    return remembered;
}

/* Those remembered are those counted; or what was under way lags behind, if it may. */
static void check_unique(const struct tally *tally, const char *name, int64_t counted, int64_t remembered, int may_lag)
{
    int64_t lag = may_lag ? tally->begun - tally->sure - tally->refused : 0;
    if (counted > remembered || counted < remembered - lag)
        fail_msg("%s: %" PRId64 " visitors remembered, %" PRId64 " counted, %" PRId64 " visits may be missing", name,
                 remembered, counted, lag);
}

static void compare_one(const struct load *load, struct load_ledger *ledger, struct footfall *ff, int c, int exact)
{
    struct tally *tally = calloc(1, sizeof *tally);
    struct footfall_result held = support_read(ff, names[c]);
    int64_t before = ledger->total[c];
    int64_t most = 0;
    size_t records = 1;
    for (size_t w = 0; w < load->worker_count; w++)
        records += load->workers[w].bytes.count / sizeof(struct record);
    if (tally == NULL || (tally->totals = calloc(records, sizeof tally->totals[0])) == NULL)
        support_die("calloc");
    count_records(tally, load, c, ledger->next_visitor);
    most = before + tally->begun - tally->refused;
    if (exact && tally->sure != tally->begun)
        fail_msg("%s: %" PRId64 " begun, %" PRId64 " OK", names[c], tally->begun, tally->sure);
    if (held.total < before + tally->sure)
        fail_msg("%s: acknowledged and lost: %" PRId64 " of %" PRId64, names[c], held.total, before + tally->sure);
    if (held.total > most)
        fail_msg("%s: counted twice: %" PRId64 " of %" PRId64, names[c], held.total, most);
    check_totals(tally, names[c], before, held.total);
    if (c >= LOAD_ADDED)
        check_unique(tally, names[c], held.unique - ledger->unique[c],
                     check_visitors(tally, names[c], ff, ledger, exact), ledger->may_lag);
    ledger->acknowledged += (size_t)tally->sure;
    ledger->in_flight += (size_t)(tally->begun - tally->sure - tally->refused);
    ledger->lost_in_flight += (size_t)(most - held.total);
    held = support_read(ff, names[c]);
    ledger->total[c] = held.total;
    ledger->unique[c] = held.unique;
    free(tally->totals);
    free(tally);
}

void load_compare(struct load *load, struct load_ledger *ledger, int exact)
{
    struct footfall *ff = load_open(ledger->prefix, settings_of(ledger));
    for (int c = 0; c < LOAD_COUNTERS; c++)
        compare_one(load, ledger, ff, c, exact);
    ledger->next_visitor += LOAD_VISITORS;
    footfall_close(ff);
    for (size_t w = 0; w < load->worker_count; w++)
        free(load->workers[w].bytes.at);
    memset(load, 0, sizeof *load);
}
