/* kill.c: kill -9 in the middle of everything. A worker process counts from several threads and reports through a pipe what
 * it begins and what was acknowledged; the parent kills it at a random moment, opens the file anew and compares. Whether
 * the comparison sees anything is shown with a store that acknowledges before COMMIT. */
#include "cmocka_all.h"

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "liar.h"
#include "process.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    ROUNDS = 50,
    BLOCKING = 4, /* threads that call and wait */
    SUBMITTING = 2,
    PENDING = 8, /* submissions that each of those keeps under way */
    ADDED = 2,   /* counters k0, k1 are added to; k2, k3 visited */
    COUNTERS = 4,
    VISITORS = 48, /* new ones a round, visited again and again by all threads */
    WAIT_MS = 60000
};

struct record { /* worker to parent */
    uint8_t acknowledged, flags;
    uint8_t counter, unused;
    int32_t status;
    uint32_t visitor;
    uint32_t unused2;
    int64_t total;
};

/* ---- the worker ------------------------------------------------------------------------------------------------------ */

struct thread {
    struct footfall *ff;
    uint64_t random;
    uint32_t first_visitor;
    pthread_mutex_t lock;
    pthread_cond_t room;
    int pending;
};
struct sent {
    struct thread *thread;
    struct record record;
};

static const char *const names[COUNTERS] = { "k0", "k1", "k2", "k3" };

static struct record begin(struct thread *thread)
{
    struct record record = { 0 };
    record.counter = (uint8_t)support_random_below(&thread->random, COUNTERS);
    record.visitor = thread->first_visitor + (uint32_t)support_random_below(&thread->random, VISITORS);
    support_report(&record, sizeof record);
    return record;
}

static void acknowledge(struct record record, const struct footfall_result *r)
{
    record.acknowledged = 1;
    record.status = r->status;
    record.flags = (uint8_t)r->flags;
    record.total = r->total;
    support_report(&record, sizeof record);
}

static void *call_and_wait(void *arg)
{
    struct thread *thread = arg;
    for (;;) {
        struct record record = begin(thread);
        struct footfall_result r;
        if (record.counter < ADDED)
            support_add(thread->ff, names[record.counter], 1, WAIT_MS, &r);
        else
            support_visit(thread->ff, names[record.counter], record.visitor, SUPPORT_TIME_MS, WAIT_MS, &r);
        acknowledge(record, &r);
    }
    return NULL;
}

static void done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct sent *sent = user;
    struct thread *thread = sent->thread;
    (void)err;
    acknowledge(sent->record, r);
    free(sent);
    pthread_mutex_lock(&thread->lock);
    thread->pending--;
    pthread_cond_signal(&thread->room);
    pthread_mutex_unlock(&thread->lock);
}

static void *submit(void *arg)
{
    struct thread *thread = arg;
    for (;;) {
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        struct sent *sent = calloc(1, sizeof *sent);
        char address[16];
        if (sent == NULL)
            support_die("calloc");
        pthread_mutex_lock(&thread->lock);
        while (thread->pending == PENDING)
            pthread_cond_wait(&thread->room, &thread->lock);
        thread->pending++;
        pthread_mutex_unlock(&thread->lock);
        sent->thread = thread;
        sent->record = begin(thread);
        support_address(address, sent->record.visitor);
        who.address = address;
        who.now_ms = SUPPORT_TIME_MS;
        call.wait_ms = WAIT_MS;
        op.name = names[sent->record.counter];
        op.delta = 1;
        if (sent->record.counter >= ADDED) {
            op.kind = FOOTFALL_OP_VISIT;
            op.visitor = &who;
        }
        if (footfall_submit(thread->ff, &op, &call, done, sent, NULL) != FOOTFALL_OK)
            support_die("submit");
    }
    return NULL;
}

/* kill work DIR BACKEND DURABILITY FIRST_VISITOR SEED: until it is killed. */
static _Noreturn void work(char **argv)
{
    char *path = support_path(argv[2], "footfall.db"), *key_path = support_format("%s.path", argv[3]);
    char *key_durability = support_format("%s.durability", argv[3]);
    const char *pairs[] = { "backend", argv[3], key_path, path, key_durability, argv[4], NULL };
    struct footfall *ff = NULL;
    static struct thread threads[BLOCKING + SUBMITTING];
    liar_register();
    ff = support_open(pairs);
    for (size_t i = 0; i < BLOCKING + SUBMITTING; i++) {
        pthread_t id;
        threads[i].ff = ff;
        threads[i].random = strtoull(argv[6], NULL, 10) + i * 7919;
        threads[i].first_visitor = (uint32_t)strtoul(argv[5], NULL, 10);
        pthread_mutex_init(&threads[i].lock, NULL);
        pthread_cond_init(&threads[i].room, NULL);
        if (pthread_create(&id, NULL, i < BLOCKING ? call_and_wait : submit, &threads[i]) != 0)
            support_die("pthread_create");
    }
    for (;;)
        support_sleep_ms(1000);
}

/* ---- the killer ------------------------------------------------------------------------------------------------------ */

struct ledger { /* what the rounds so far have left behind */
    char *dir;
    uint64_t random;
    uint32_t next_visitor;
    int64_t total[COUNTERS], unique[COUNTERS];
    size_t acknowledged, in_flight, lost_in_flight;
    char wrong[256]; /* the first thing that is wrong, or "" */
};

static void complain(struct ledger *ledger, const char *name, const char *what, int64_t have, int64_t want)
{
    if (ledger->wrong[0] == '\0')
        snprintf(ledger->wrong, sizeof ledger->wrong, "%s: %s: %" PRId64 " against %" PRId64, name, what, have, want);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Opens the file anew and asks every visitor of the round whether it is remembered. */
static void compare(struct ledger *ledger, const struct record *records, size_t count)
{
    struct footfall *ff = support_open_sqlite(ledger->dir, NULL);
    int64_t *totals = calloc(count + 1, sizeof *totals);
    if (totals == NULL)
        support_die("calloc");
    for (int c = 0; c < COUNTERS; c++) {
        int64_t begun = 0, sure = 0, refused = 0, remembered = 0;
        char visited[VISITORS] = { 0 }, sure_visit[VISITORS] = { 0 }, told_new[VISITORS] = { 0 };
        struct footfall_result held = support_read(ff, names[c]);
        for (size_t i = 0; i < count; i++) {
            const struct record *record = &records[i];
            uint32_t visitor = record->visitor - ledger->next_visitor;
            if (record->counter != c)
                continue;
            begun += !record->acknowledged;
            visited[visitor] = 1;
            if (record->acknowledged && record->status == FOOTFALL_OK) {
                totals[sure++] = record->total;
                sure_visit[visitor] = 1;
                if ((record->flags & FOOTFALL_IS_NEW) && told_new[visitor]++)
                    complain(ledger, names[c], "a visitor was new twice", visitor, 1);
            } else if (record->acknowledged) {
                refused += record->status != FOOTFALL_UNKNOWN;
            }
        }
        if (held.total < ledger->total[c] + sure)
            complain(ledger, names[c], "acknowledged and lost", held.total, ledger->total[c] + sure);
        if (held.total > ledger->total[c] + begun - refused)
            complain(ledger, names[c], "counted twice", held.total, ledger->total[c] + begun - refused);
        ledger->acknowledged += (size_t)sure;
        ledger->in_flight += (size_t)(begun - sure - refused);
        ledger->lost_in_flight += (size_t)(ledger->total[c] + begun - refused - held.total);
        qsort(totals, (size_t)sure, sizeof *totals, by_number);
        for (int64_t i = 0; i < sure; i++)
            if (totals[i] <= ledger->total[c] || totals[i] > held.total || (i > 0 && totals[i] == totals[i - 1]))
                complain(ledger, names[c], "an answer that cannot be", totals[i], held.total);
        for (uint32_t v = 0; c >= ADDED && v < VISITORS; v++) {
            struct footfall_result r;
            if (!visited[v])
                continue;
            if (support_visit(ff, names[c], ledger->next_visitor + v, SUPPORT_TIME_MS, WAIT_MS, &r) != FOOTFALL_OK)
                support_die("visit");
            remembered += (r.flags & FOOTFALL_IS_NEW) == 0;
            if ((r.flags & FOOTFALL_IS_NEW) && sure_visit[v])
                complain(ledger, names[c], "a visitor was forgotten", v, 0);
        }
        if (held.unique != ledger->unique[c] + remembered)
            complain(ledger, names[c], "unique and visitors differ", held.unique, ledger->unique[c] + remembered);
        held = support_read(ff, names[c]);
        ledger->total[c] = held.total;
        ledger->unique[c] = held.unique;
    }
    ledger->next_visitor += VISITORS;
    footfall_close(ff);
    free(totals);
}

/* One worker, killed between 0 and 60 ms after its first sign of life. */
static void one_round(struct ledger *ledger, const char *backend, const char *durability)
{
    struct support_process process;
    struct support_bytes bytes = { 0 };
    char first_visitor[16], seed[32];
    const char *args[] = { "work", ledger->dir, backend, durability, first_visitor, seed, NULL };
    int status = 0;
    snprintf(first_visitor, sizeof first_visitor, "%u", ledger->next_visitor);
    snprintf(seed, sizeof seed, "%" PRIu64, support_random(&ledger->random));
    support_process_start(&process, args);
    while (bytes.count == 0 && support_process_read(&process, &bytes, support_now_ns() + 2000000))
        ;
    support_process_read(&process, &bytes,
                         support_now_ns() + (int64_t)support_random_below(&ledger->random, 60) * 1000000 + 1500000);
    kill(process.pid, SIGKILL);
    support_process_read(&process, &bytes, INT64_MAX);
    status = support_process_wait(&process);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        complain(ledger, "worker", "ended by itself", status, SIGKILL);
    compare(ledger, (const struct record *)(const void *)bytes.at, bytes.count / sizeof(struct record));
    free(bytes.at);
}

static void ledger_begin(struct ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->dir = support_folder_make();
    ledger->random = support_seed();
}

static void killed_fifty_times(void **state)
{
    struct ledger ledger;
    (void)state;
    ledger_begin(&ledger);
    for (int round = 0; round < ROUNDS && ledger.wrong[0] == '\0'; round++)
        one_round(&ledger, "sqlite", round % 2 == 0 ? "normal" : "full");
    printf("%zu acknowledged, %zu in flight when killed, %zu of those not counted\n", ledger.acknowledged,
           ledger.in_flight, ledger.lost_in_flight);
    if (ledger.wrong[0] != '\0')
        fail_msg("%s", ledger.wrong);
    assert_true(ledger.acknowledged > ROUNDS * 10);
    assert_true(ledger.in_flight > ROUNDS);
    support_folder_remove(ledger.dir);
}

/* The same comparison must catch a store that answers first and commits later. */
static void a_liar_is_caught(void **state)
{
    struct ledger ledger;
    int round = 0;
    (void)state;
    ledger_begin(&ledger);
    while (round < ROUNDS && ledger.wrong[0] == '\0') {
        one_round(&ledger, "liar", "normal");
        round++;
    }
    printf("caught in round %d: %s\n", round, ledger.wrong);
    assert_true(ledger.wrong[0] != '\0');
    support_folder_remove(ledger.dir);
}

/* Killed while the file, its schema and its secret come into being: whatever is left can be opened and counts. */
static void killed_while_opening(void **state)
{
    uint64_t random = support_seed();
    (void)state;
    for (int round = 0; round < 30; round++) {
        char *dir = support_folder_make();
        const char *args[] = { "work", dir, "sqlite", "normal", "0", "1", NULL };
        struct support_process process;
        struct footfall *ff = NULL;
        struct footfall_result r;
        int64_t total = 0;
        support_process_start(&process, args);
        support_sleep_ms((int64_t)support_random_below(&random, 25));
        kill(process.pid, SIGKILL);
        support_process_wait(&process);
        ff = support_open_sqlite(dir, NULL);
        total = support_read(ff, "k2").total;
        assert_int_equal(support_visit(ff, "k2", 1000000, SUPPORT_TIME_MS, WAIT_MS, &r), FOOTFALL_OK);
        assert_true(r.flags & FOOTFALL_IS_NEW);
        assert_int_equal(r.total, total + 1);
        footfall_close(ff);
        support_folder_remove(dir);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_fifty_times),
        cmocka_unit_test(a_liar_is_caught),
        cmocka_unit_test(killed_while_opening),
    };
    if (argc == 7 && strcmp(argv[1], "work") == 0)
        work(argv);
    return cmocka_run_group_tests_name("kill -9", tests, NULL, NULL);
}
