/* faults_run.c: the processes that count through the proxy, and the one that starts them and collects what they were answered
 * (faults_run.h). */
#include "faults_run.h"
#include "faults_own.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "proxied.h"

enum {
    PROCESSES = 4,
    HANDLES = 2, /* of a process, of two lanes each */
    THREADS = 4, /* of a process, two on each handle */
    AT_ONCE =
        4, /* operations of a batch or a round of submissions, at most: one message each mostly, as few share a counter */
    WORDS = FAULTS_WORDS - 1,
    NAME_BYTES = 24
};

struct work {
    struct footfall *ff;
    uint64_t random;
    int64_t now_ms;
    uint32_t wait_ms;
    struct faults_answer *answers;
    size_t count;
    int has_own;
    struct faults_own own;
    char own_name[NAME_BYTES];
};
struct tail { /* of a process's report */
    uint64_t operations, retries, own;
};

void faults_name(char out[8], uint32_t counter)
{
    out[0] = counter < FAULTS_ADDED ? 'a' : 'v';
    out[1] = (char)('0' + (counter < FAULTS_ADDED ? counter : counter - FAULTS_ADDED));
    out[2] = '\0';
}

/* ---- the process that counts ------------------------------------------------------------------------------------------------ */

static void note(struct faults_answer *answer, const struct footfall_result *r)
{
    answer->status = r->status;
    answer->flags = r->flags;
    answer->total = r->total;
    answer->unique = r->unique;
}

static void one(const struct work *work, struct faults_answer *answer)
{
    struct footfall_result r;
    char name[8];
    faults_name(name, answer->counter);
    if (answer->counter < FAULTS_ADDED)
        support_add(work->ff, name, 1, work->wait_ms, &r);
    else
        support_visit(work->ff, name, answer->visitor, work->now_ms, work->wait_ms, &r);
    note(answer, &r);
}

struct worded { /* an operation, and what it points at */
    struct footfall_op op;
    struct footfall_visitor who;
    char name[8], address[16];
};

static void put_in_words(struct worded *w, const struct faults_answer *answer, int64_t now_ms)
{
    int visits = answer->counter >= FAULTS_ADDED;
    faults_name(w->name, answer->counter);
    support_address(w->address, answer->visitor);
    w->who = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
    w->who.address = w->address;
    w->who.now_ms = now_ms;
    w->op = (struct footfall_op)FOOTFALL_OP_INIT(visits ? FOOTFALL_OP_VISIT : FOOTFALL_OP_ADD);
    w->op.name = w->name;
    w->op.delta = 1;
    w->op.visitor = visits ? &w->who : NULL;
}

static void by_batch(const struct work *work, struct faults_answer *answers, size_t n)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct worded words[AT_ONCE];
    struct footfall_op ops[AT_ONCE] = { 0 };
    struct footfall_result results[AT_ONCE];
    for (size_t i = 0; i < n; i++) {
        put_in_words(&words[i], &answers[i], work->now_ms);
        ops[i] = words[i].op;
    }
    call.wait_ms = work->wait_ms;
    footfall_apply(work->ff, ops, n, &call, results, NULL);
    for (size_t i = 0; i < n; i++)
        note(&answers[i], &results[i]);
}

struct ticket {
    struct faults_answer *answer;
    atomic_size_t *left;
};

static void arrived(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    const struct ticket *ticket = user;
    (void)err;
    note(ticket->answer, r);
    atomic_fetch_sub(ticket->left, 1);
}

/* All under way at once. */
static void by_submission(const struct work *work, struct faults_answer *answers, size_t n)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct ticket tickets[AT_ONCE];
    atomic_size_t left = n;
    call.wait_ms = work->wait_ms;
    for (size_t i = 0; i < n; i++) {
        struct worded words;
        put_in_words(&words, &answers[i], work->now_ms);
        tickets[i] = (struct ticket){ &answers[i], &left };
        if (footfall_submit(work->ff, &words.op, &call, arrived, &tickets[i], NULL) != FOOTFALL_OK)
            support_die("submit");
    }
    while (atomic_load(&left) > 0)
        support_sleep_ms(1);
}

static void *count(void *arg)
{
    struct work *work = arg;
    for (size_t i = 0; i < work->count;) {
        size_t n = 1 + support_random_below(&work->random, AT_ONCE);
        if (n > work->count - i)
            n = work->count - i;
        for (size_t j = i; j < i + n; j++) {
            work->answers[j].counter = (uint32_t)support_random_below(&work->random, FAULTS_COUNTERS);
            work->answers[j].visitor = (uint32_t)support_random_below(&work->random, FAULTS_VISITORS);
        }
        switch (support_random_below(&work->random, 3)) {
        case 0:
            by_batch(work, &work->answers[i], n);
            break;
        case 1:
            by_submission(work, &work->answers[i], n);
            break;
        default:
            for (size_t j = i; j < i + n; j++)
                one(work, &work->answers[j]);
            break;
        }
        i += n;
        while (work->has_own && work->own.operations < i / 2)
            faults_own_step(&work->own);
    }
    if (work->has_own)
        faults_own_end(&work->own);
    return NULL;
}

/* program work BACKEND PORT PREFIX OPERATIONS WAIT_MS SEED SETTINGS NOW_MS HAS_OWN */
int faults_work(char **argv)
{
    const size_t each = strtoul(argv[5], NULL, 10) / THREADS;
    struct faults_answer *answers = calloc(each * THREADS, sizeof *answers);
    struct footfall *handles[HANDLES];
    struct work works[THREADS];
    pthread_t threads[THREADS];
    struct tail tail = { 0 };
    if (answers == NULL)
        support_die("calloc");
    for (size_t i = 0; i < HANDLES; i++)
        handles[i] = proxied_open(argv[2], (uint16_t)strtoul(argv[3], NULL, 10), argv[4], "2", argv[8]);
    for (size_t i = 0; i < THREADS; i++) {
        works[i] = (struct work){ .ff = handles[i % HANDLES],
                                  .random = strtoull(argv[7], NULL, 10) + i * 1000003,
                                  .wait_ms = (uint32_t)strtoul(argv[6], NULL, 10),
                                  .answers = answers + i * each,
                                  .count = each,
                                  .has_own = argv[10][0] == '1',
                                  .now_ms = strtoll(argv[9], NULL, 10) };
        snprintf(works[i].own_name, sizeof works[i].own_name, "own%ld.%zu", (long)getpid(), i);
        works[i].own = (struct faults_own){ .ff = works[i].ff,
                                            .random = works[i].random + 1,
                                            .now_ms = works[i].now_ms,
                                            .wait_ms = works[i].wait_ms,
                                            .name = works[i].own_name };
        if (pthread_create(&threads[i], NULL, count, &works[i]) != 0)
            support_die("pthread_create");
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < HANDLES; i++) {
        struct footfall_stats stats = FOOTFALL_STATS_INIT;
        footfall_stats(handles[i], &stats);
        tail.operations += stats.operations;
        tail.retries += stats.retries;
        footfall_close(handles[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        tail.own += works[i].own.operations;
    support_report(answers, each * THREADS * sizeof *answers);
    support_report(&tail, sizeof tail);
    free(answers);
    return 0;
}

/* ---- the process that watches ----------------------------------------------------------------------------------------------- */

static void collect(struct faults_outcome *out, struct support_process *process, size_t each)
{
    struct support_bytes bytes = { 0 };
    struct tail tail;
    const size_t answers_bytes = each * sizeof *out->answers;
    (void)support_process_read(process, &bytes, INT64_MAX);
    assert_int_equal(support_process_wait(process), 0);
    assert_int_equal(bytes.count, answers_bytes + sizeof tail);
    memcpy(out->answers + out->count, bytes.at, answers_bytes);
    memcpy(&tail, bytes.at + answers_bytes, sizeof tail);
    out->count += each;
    out->operations += tail.operations;
    out->retries += tail.retries;
    out->own += tail.own;
    free(bytes.at);
}

void faults_run(struct faults_outcome *out, const struct faults_run *run)
{
    struct support_proxy *proxy = proxied_start();
    struct support_process processes[PROCESSES];
    char port[8], operations[24], wait_ms[16], seed[24], now[24];
    const char *args[WORDS + 1] = { "work",  run->backend, port,          run->prefix, operations,
                                    wait_ms, seed,         run->settings, now,         run->has_own ? "1" : "0",
                                    NULL };
    const size_t each = run->operations / PROCESSES;
    const int64_t begun_ns = support_now_ns();
    memset(out, 0, sizeof *out);
    proxied_make(run->prefix);
    out->answers = calloc(run->operations, sizeof *out->answers);
    if (out->answers == NULL)
        support_die("calloc");
    support_proxy_plan(proxy, run->plan);
    snprintf(port, sizeof port, "%d", support_proxy_port(proxy));
    snprintf(now, sizeof now, "%" PRId64, run->now_ms);
    snprintf(operations, sizeof operations, "%zu", each);
    snprintf(wait_ms, sizeof wait_ms, "%" PRIu32, run->wait_ms);
    for (size_t i = 0; i < PROCESSES; i++) {
        snprintf(seed, sizeof seed, "%" PRIu64, support_seed() + i * 7777777);
        support_process_start(&processes[i], args);
    }
    for (size_t i = 0; i < PROCESSES; i++)
        collect(out, &processes[i], each);
    proxied_settle(proxy);
    out->counts = support_proxy_counts(proxy);
    out->seconds = (double)(support_now_ns() - begun_ns) / 1e9;
    support_proxy_stop(proxy);
}
