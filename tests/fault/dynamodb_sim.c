/* dynamodb_sim.c: the backend against a DynamoDB in memory that loses, delays, repeats and refuses requests, while up to three
 * stores take turns request by request. Each change of a counter is held against semantics.md at the instant it is stored, and each
 * answer against what was stored. Everything follows from a seed; time is virtual. dynamodb_sim [FIRST [COUNT]] */
#include "dynamodb_sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_world sim;
const char *const sim_names[COUNTERS] = { "a", "caf\xc3\xa9 #{1}" };

uint64_t sim_below(uint64_t n)
{
    return sim_random(&sim.random_state, n);
}
int sim_percent(int p)
{
    return (int)sim_below(100) < p;
}

_Noreturn void sim_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": ", sim.seed, sim.steps);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n  atomic %d, window %" PRId64 " ms%s, faults %d%%, late %d, logs %d, tokens %d, forgets %d\n",
            sim.atomic_visits, sim.window_ms, sim.sliding ? " sliding" : "", sim.fault_percent, sim.late_copies,
            sim.log_readers, sim.tokens_in_use, sim.forgets);
    va_end(args);
    exit(1);
}

void sim_say(const char *format, ...)
{
    va_list args;
    if (!sim.trace)
        return;
    va_start(args, format);
    printf("%6" PRIu64 " %8" PRId64 " ", sim.steps, sim.table.now_ms % (10 * DAY));
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

static int is_ready(const struct sim_actor *a)
{
    return !a->done && (!a->waits || a->client.inbox != NULL || a->wake_ms <= sim.table.now_ms);
}

static void run_actor(int index)
{
    struct sim_actor *a = &sim.actors[index];
    a->waits = 0;
    swapcontext(&sim.scheduler, &a->context);
}

static void step(void)
{
    size_t ready = 0;
    size_t messages = 0;
    struct sim_message *m = sim.pool;
    uint64_t choice = 0;
    if (++sim.steps > 100000)
        sim_die("it goes on for ever");
    for (int i = 0; i < ACTORS; i++)
        ready += is_ready(&sim.actors[i]) != 0;
    for (const struct sim_message *at = sim.pool; at != NULL; at = at->next)
        messages++;
    if (ready + messages == 0) {
        sim.table.now_ms += 1 + (int64_t)sim_below(20);
        return;
    }
    choice = sim_below(ready + messages);
    sim.table.now_ms += sim_percent(50);
    if (sim_percent(3))
        sim.table.now_ms += (int64_t)sim_below(60);
    if (choice < messages) {
        while (choice-- > 0)
            m = m->next;
        if (m->request == NULL && sim_percent(80)) { /* copies take their time */
            sim.table.now_ms++;
            return;
        }
        sim_deliver(m);
        return;
    }
    choice -= messages;
    for (int i = 0; i < ACTORS; i++)
        if (is_ready(&sim.actors[i]) && choice-- == 0) {
            run_actor(i);
            return;
        }
}

static void begin_life(int index)
{
    struct sim_actor *a = &sim.actors[index];
    a->done = index > 0 && sim_percent(20);
    a->batches = 1 + (int)sim_below(4);
    a->waits = 0;
    if (getcontext(&a->context) != 0)
        sim_die("no context");
    a->context.uc_stack.ss_sp = a->stack;
    a->context.uc_stack.ss_size = STACK;
    a->context.uc_link = NULL;
    makecontext(&a->context, (void (*)(void))sim_live, 1, index);
}

static void phase(void)
{
    int live_ones = 0;
    for (int i = 0; i < ACTORS; i++)
        begin_life(i);
    do {
        step();
        live_ones = 0;
        for (int i = 0; i < ACTORS; i++)
            live_ones += !sim.actors[i].done;
    } while (live_ones > 0);
}

/* Copies older than a signature lasts are gone. */
static void age_pool(void)
{
    struct sim_message *next = NULL;
    for (struct sim_message *m = sim.pool; m != NULL; m = next) {
        next = m->next;
        if (sim.table.now_ms - m->sent_ms > 10 * MINUTE)
            sim_drop_message(m);
    }
}

static void check_lags(void)
{
    for (size_t i = 0; i < sim.lag_total; i++) {
        const struct sim_op *o = sim.lags[i].op;
        int excused = 0;
        for (size_t j = 0; j < sim.op_total && !excused; j++) {
            const struct sim_op *x = &sim.ops[j];
            if (x == o || x->counter != o->counter || x->person != o->person || x->op.kind != FOOTFALL_STORE_VISIT)
                continue;
            excused = x->status == FOOTFALL_STORE_UNKNOWN || x->status == FOOTFALL_STORE_RANGE ||
                      x->status == FOOTFALL_STORE_ABSENT ||
                      (x->committed && x->begin < sim.lags[i].at &&
                       (x->committed_at > o->begin ||
                        x->final_ms + sim.table.stale_ms >= o->begin_ms)); /* what it gave back may still be read */
        }
        if (!excused)
            sim_die("a visit of %s at step %" PRIu64 " was due and not new, for nobody's sake", sim_names[o->counter],
                    sim.lags[i].at);
    }
}

static void run(void)
{
    static const int64_t jumps[] = { 0, 1000, MINUTE, 40 * MINUTE, 2 * HOUR, 9 * (int64_t)HOUR, 23 * (int64_t)HOUR };
    static const int64_t windows[] = { 10 * MINUTE, 3 * HOUR, DAY, 30 * DAY, FOOTFALL_STORE_FOREVER };
    int phases = 1 + (int)sim_below(5);
    memset(sim.models, 0, sizeof(sim.models));
    memset(&sim.table, 0, sizeof(sim.table));
    sim.op_total = sim.plan_total = sim.lag_total = 0;
    sim.steps = 0;
    sim.atomic_visits = sim_percent(60);
    if (sim.only_atomic >= 0)
        sim.atomic_visits = sim.only_atomic;
    sim.fault_percent = sim_percent(30) ? 0 : (int)sim_below(40);
    sim.late_copies = sim_percent(70);
    sim.log_readers = sim_percent(30);
    sim.tokens_in_use = sim_percent(40);
    sim.forgets = sim_percent(60);
    sim.near_limits = sim_percent(25);
    sim.loose = !sim.atomic_visits && sim.near_limits;
    sim.window_ms = windows[sim_below(5)];
    sim.sliding = sim_percent(40);
    sim_table_open(&sim.table);
    sim.table.random = &sim.random_state;
    sim.table.stale_ms = 2000;
    sim.table.names_one_reason = sim_percent(50);
    sim.table.committed = sim_committed;
    sim.table.now_ms = 20000 * DAY + (int64_t)sim_below(3) * 8 * HOUR + (int64_t)sim_below(2 * HOUR) - HOUR;
    for (size_t i = 0; i < 8; i++)
        sim_hash(sim.tokens[i], i, 5, 5);
    for (int i = 0; i < ACTORS; i++) {
        struct sim_actor *a = &sim.actors[i];
        memset(&a->client, 0, sizeof(a->client));
        a->client.queue_end = &a->client.queue;
        a->client.actor = i;
        a->clock_ms = (int64_t)sim_below(59 * MINUTE) - 59 * MINUTE / 2;
        sim_open_store(a);
    }
    for (int i = 0; i < phases; i++) {
        phase();
        sim.table.now_ms += jumps[sim_below(7)];
        age_pool();
    }
    while (sim.pool != NULL) {
        sim.steps++;
        sim_deliver(sim.pool);
    }
    check_lags();
    for (int i = 0; i < COUNTERS; i++)
        sim_compare(i);
    for (int i = 0; i < ACTORS; i++)
        sim_close_store(&sim.actors[i]);
    sim_table_close(&sim.table);
}

int main(int argc, char **argv)
{
    const char *from = getenv("FOOTFALL_TEST_SEED");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : from != NULL ? strtoull(from, NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1500;
    sim.only_atomic = -1;
    sim.trace = getenv("SIM_TRACE") != NULL;
    if (getenv("SIM_ATOMIC") != NULL)
        sim.only_atomic = getenv("SIM_ATOMIC")[0] == '1';
    for (int i = 0; i < ACTORS; i++)
        sim.actors[i].stack = malloc(STACK);
    for (sim.seed = first; sim.seed < first + count; sim.seed++) {
        sim.random_state = sim.seed * UINT64_C(0x2545f4914f6cdd1d);
        run();
    }
    for (int i = 0; i < ACTORS; i++)
        free(sim.actors[i].stack);
    printf("%" PRIu64 " schedules from seed %" PRIu64 "\n", count, first);
    return 0;
}
