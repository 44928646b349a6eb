/* dynamodb_lost.c: single faults between the backend and DynamoDB Local: each kind of operation (dynamodb_kinds.h), each fault and
 * each reply of a bad day (dynamodb_replies.h), at the first, second and third request of it; what is answered and what is there.
 * And the same faults from there on, until the deadline passes: what is said then is true. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "dynamodb_kinds.h"
#include "dynamodb_proxied.h"
#include "dynamodb_replies.h"
#include "folder.h"
#include "handle.h"
#include "process.h"

enum {
    THREADS = 16,
    NTHS = 3,
    FAULTS_OWN = SUPPORT_PROXY_SILENT, /* of the proxy's faults those that need no answer */
    FAULTS = FAULTS_OWN + 2 * DYNAMODB_REPLIES,
    LONG_MS = 30000,
    SHORT_MS = 150,
    ABSURD_MS = 3000,
    DELAY_MS = 60,
    SHARE = 12 /* of the cases of a normal run, one in so many is tried; FOOTFALL_TEST_LONG: all */
};

struct mode {
    const char *table;
    int is_plain, ids;
};
static const struct mode modes[] = { { "lost1", 0, 1 }, { "lost2", 0, 2 }, { "plain1", 1, 1 }, { "plain2", 1, 2 } };
enum { MODES = sizeof modes / sizeof modes[0] };

struct cases {
    const struct mode *mode;
    int is_short; /* the fault goes on until the deadline */
    int share;
    int64_t now_ms;
    char *settings;
    uint64_t seed;
    atomic_size_t next;
    atomic_size_t tried, met, failed, statuses[3]; /* OK and refusals, UNKNOWN, TEMPORARY */
};
struct worker {
    pthread_t thread;
    struct cases *cases;
    struct support_proxy *proxy;
    struct footfall *ff, *other;
    struct dynamodb_replies replies;
};

struct fault { /* number of FAULTS */
    enum support_proxy_fault fault;
    int reply; /* of an ANSWER_, else -1 */
};

static struct fault fault_of(size_t number)
{
    if (number < FAULTS_OWN)
        return (struct fault){ (enum support_proxy_fault)(number + 1), -1 };
    number -= FAULTS_OWN;
    return (struct fault){ number < DYNAMODB_REPLIES ? SUPPORT_PROXY_ANSWER_BEFORE : SUPPORT_PROXY_ANSWER_AFTER,
                           (int)(number % DYNAMODB_REPLIES) };
}

/* Requests about the counter of the case, whose name is `user`. */
static int is_about(const void *request, size_t bytes, void *user)
{
    const char *counter = user;
    return memmem(request, bytes, counter, strlen(counter)) != NULL;
}

static void plan(struct worker *w, const struct fault *fault, char *counter, unsigned nth, int is_short)
{
    struct support_proxy_step steps[NTHS] = { 0 };
    struct support_proxy_plan plan = {
        .matches = is_about, .script = steps, .delay_ms = DELAY_MS, .trickle_ms = 1, .answers = &w->replies.answers
    };
    plan.user = counter;
    dynamodb_replies_init(&w->replies, fault->reply);
    for (unsigned i = 1; i < nth; i++)
        steps[plan.script_count++] = (struct support_proxy_step){ i, SUPPORT_PROXY_NONE };
    if (is_short)
        plan.permille[fault->fault] = 1000;
    else
        steps[plan.script_count++] = (struct support_proxy_step){ nth, fault->fault };
    support_proxy_plan(w->proxy, &plan);
}

/* Nothing is on its way any more. */
static void calm(struct worker *w, struct kind_run *run)
{
    if (support_proxy_settle(w->proxy, support_now_ns() + LONG_MS * INT64_C(1000000)) != 0)
        kind_wrong(run, "the proxy does not settle");
    support_proxy_plan(w->proxy, NULL);
}

/* The caller's deadline passed, or did not. */
static void after_deadline(struct worker *w, struct kind_run *run, const struct footfall_result *r)
{
    struct footfall_result again;
    if (r->status != FOOTFALL_UNKNOWN && r->status != FOOTFALL_TEMPORARY) {
        kind_check_answer(run, r, 0);
        kind_check_store(run, 1);
        return;
    }
    if (r->status == FOOTFALL_UNKNOWN && run->kind->more == KIND_ALONE) {
        kind_check_either(run);
        return;
    }
    if (r->status == FOOTFALL_TEMPORARY && run->kind->more == KIND_ALONE) {
        kind_check_store(run, 0);
        return;
    }
    /* Surely once, from wherever it is asked again. */
    again = kind_do(run, w->cases->is_short % 2 ? run->ff : run->other, LONG_MS);
    kind_check_answer(run, &again, r->status == FOOTFALL_UNKNOWN);
    kind_check_store(run, 1);
}

static void count_status(struct cases *cases, enum footfall_status status)
{
    const int at = status == FOOTFALL_UNKNOWN ? 1 : status == FOOTFALL_TEMPORARY ? 2 : 0;
    atomic_fetch_add(&cases->statuses[at], 1);
}

/* 1: the nth request was made and met the fault. */
static int try_one(struct worker *w, const struct kind *kind, const struct fault *fault, unsigned nth, size_t number)
{
    struct cases *cases = w->cases;
    char counter[24];
    struct kind_run run = { kind, counter, w->ff, w->other, cases->now_ms, "" };
    struct footfall_result r;
    struct support_proxy_counts counts;
    int64_t begun_ns = 0, ms = 0;
    snprintf(counter, sizeof counter, "c%d.%zu", cases->is_short, number);
    kind_prepare(&run);
    plan(w, fault, counter, nth, cases->is_short);
    begun_ns = support_now_ns();
    r = kind_do(&run, w->ff, cases->is_short ? SHORT_MS : LONG_MS);
    ms = (support_now_ns() - begun_ns) / 1000000;
    counts = support_proxy_counts(w->proxy);
    calm(w, &run);
    count_status(cases, r.status);
    if (cases->is_short) {
        after_deadline(w, &run, &r);
    } else {
        kind_check_answer(&run, &r, 0);
        kind_check_store(&run, 1);
    }
    if (cases->is_short && ms > ABSURD_MS)
        kind_wrong(&run, "it took %" PRId64 " ms", ms);
    if (run.why[0] != '\0') {
        atomic_fetch_add(&cases->failed, 1);
        printf("%s %s, %s: %s%s%s at request %u: answered %s: %s\n", cases->mode->table,
               cases->is_short ? "until the deadline" : "once", kind->name, support_proxy_fault_name(fault->fault),
               fault->reply >= 0 ? " " : "",
               fault->reply >= 0 ? dynamodb_reply_name((enum dynamodb_reply)fault->reply) : "", nth,
               footfall_status_name(r.status), run.why);
    }
    return counts.matching >= nth;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct cases *cases = w->cases;
    for (;;) {
        const size_t number = atomic_fetch_add(&cases->next, 1);
        const struct kind *kind = &kinds[number / FAULTS % kind_count];
        const struct fault fault = fault_of(number % FAULTS);
        uint64_t random = cases->seed + number + 1;
        if (number >= kind_count * FAULTS)
            return NULL;
        if (fault.reply >= 0 && !dynamodb_reply_fits((enum dynamodb_reply)fault.reply, fault.fault))
            continue;
        for (unsigned nth = 1; nth <= NTHS; nth++) {
            if (support_random_below(&random, (uint64_t)cases->share) != 0)
                continue;
            atomic_fetch_add(&cases->tried, 1);
            if (!try_one(w, kind, &fault, nth, number * NTHS + nth - 1))
                break; /* it has no more requests */
            atomic_fetch_add(&cases->met, 1);
        }
    }
}

static void start(struct worker *w, struct cases *cases)
{
    w->cases = cases;
    w->proxy = proxied_start();
    w->ff = proxied_open("dynamodb", support_proxy_port(w->proxy), cases->mode->table, "", cases->settings);
    w->other = proxied_open("dynamodb", 0, cases->mode->table, "", cases->settings);
    if (support_visit(w->ff, "warm", 0, cases->now_ms, LONG_MS, NULL) != FOOTFALL_OK ||
        support_visit(w->other, "warm", 0, cases->now_ms, LONG_MS, NULL) != FOOTFALL_OK)
        support_die("visit");
    if (pthread_create(&w->thread, NULL, work, w) != 0)
        support_die("pthread_create");
}

static void try_all(const struct mode *mode, int is_short)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    struct worker *workers = calloc(THREADS, sizeof *workers);
    struct cases cases = { .mode = mode, .is_short = is_short, .share = SHARE, .seed = support_seed() };
    const int64_t begun_ns = support_now_ns();
    char *window = NULL;
    if (workers == NULL)
        support_die("calloc");
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        cases.share = 1;
    cases.now_ms = footfall__wall_ms();
    window = dynamodb_window(cases.now_ms, mode->ids);
    cases.settings = support_format("%s .atomic=%s", window, mode->is_plain ? "false" : "true");
    proxied_make(mode->table);
    for (size_t i = 0; i < THREADS; i++)
        start(&workers[i], &cases);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        footfall_close(workers[i].ff);
        footfall_close(workers[i].other);
        support_proxy_stop(workers[i].proxy);
    }
    printf("%s: %zu cases, %zu met their fault, in %.1f s: %zu answered, %zu unknown, %zu not applied\n", mode->table,
           atomic_load(&cases.tried), atomic_load(&cases.met), (double)(support_now_ns() - begun_ns) / 1e9,
           atomic_load(&cases.statuses[0]), atomic_load(&cases.statuses[1]), atomic_load(&cases.statuses[2]));
    assert_int_equal(atomic_load(&cases.failed), 0);
    assert_true(atomic_load(&cases.met) > 50);
    if (is_short)
        assert_true(atomic_load(&cases.statuses[1]) > 0 && atomic_load(&cases.statuses[2]) > 0);
    free(window);
    free(cases.settings);
    free(workers);
}

static void once(void **state)
{
    try_all(*state, 0);
}

static void until_the_deadline(void **state)
{
    try_all(*state, 1);
}

int main(void)
{
    static char names[2 * MODES][32];
    struct CMUnitTest tests[2 * MODES] = { 0 };
    for (size_t i = 0; i < 2 * MODES; i++) {
        snprintf(names[i], sizeof names[i], "%s, %s", modes[i / 2].table, i % 2 ? "until the deadline" : "once");
        tests[i].name = names[i];
        tests[i].test_func = i % 2 ? until_the_deadline : once;
        tests[i].initial_state = (void *)(uintptr_t)&modes[i / 2];
    }
    return cmocka_run_group_tests_name("DynamoDB, one fault at a time", tests, NULL, NULL);
}
