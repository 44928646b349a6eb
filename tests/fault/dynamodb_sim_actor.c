/* dynamodb_sim_actor.c: what each of dynamodb_sim's stores does: batches of operations as chance has them, sent again while they
 * are in doubt. Every answer is held against what was stored. */
#include "dynamodb_sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_hash(uint8_t *out, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t state = a * 1000003 + b * 7919 + c;
    for (size_t i = 0; i < 16; i += 8) {
        uint64_t part = sim_random(&state, UINT64_MAX);
        memcpy(out + i, &part, 8);
    }
}

static void make_ids(struct footfall_store_op *op, int person)
{
    int forever = op->window_ms == FOOTFALL_STORE_FOREVER;
    int64_t length = op->window_ms > DAY ? op->window_ms : DAY;
    int64_t epoch = forever ? 0 : op->now_ms / length;
    op->id_count = forever ? 1 : 2;
    op->write_count = !forever && op->now_ms % length < HOUR ? 2 : 1;
    for (uint32_t i = 0; i < op->id_count; i++) {
        op->epochs[i] = epoch - i;
        sim_hash(op->ids[i].bytes, (uint64_t)person, (uint64_t)op->epochs[i], 1);
        sim_hash(op->fingerprints[i], (uint64_t)person, (uint64_t)op->epochs[i],
                 op->kind == FOOTFALL_STORE_VISIT ? 2 : 3);
    }
}

static void make_op(struct sim_actor *a, struct sim_op *o)
{
    struct footfall_store_op *op = &o->op;
    int64_t wall = sim.table.now_ms + a->clock_ms;
    uint64_t what = sim_below(100);
    memset(o, 0, sizeof(*o));
    o->actor = (int)(a - sim.actors);
    o->counter = (int)sim_below(COUNTERS);
    o->begin = sim.steps;
    o->begin_ms = sim.table.now_ms;
    o->person = (int)sim_below(PEOPLE);
    op->name = sim_names[o->counter];
    op->name_bytes = strlen(sim_names[o->counter]);
    op->now_ms = wall;
    op->window_ms = sim.window_ms;
    op->sliding = sim.sliding;
    op->kind = what < 60 ? FOOTFALL_STORE_VISIT : what < 80 ? FOOTFALL_STORE_ADD : FOOTFALL_STORE_SET;
    if (what >= 84)
        op->kind = what < 90 && sim.forgets ? FOOTFALL_STORE_DELETE
                   : sim.forgets            ? FOOTFALL_STORE_FORGET
                                            : FOOTFALL_STORE_VISIT;
    if (sim.log_readers && sim_percent(25))
        o->log = 1;
    if (o->log)
        op->now_ms -= HOUR + (int64_t)sim_below((uint64_t)(2 * DAY));
    if (op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET) {
        make_ids(op, o->person);
        op->expire_ms = sim.window_ms == FOOTFALL_STORE_FOREVER
                            ? sim.window_ms
                            : (op->now_ms > wall ? op->now_ms : wall) + sim.window_ms + HOUR;
    } else {
        op->a = (int64_t)sim_below(7) - 3;
        op->b = (int64_t)sim_below(3);
        if (sim.near_limits && sim_percent(30))
            op->a = sim_percent(50) ? INT64_MAX - (int64_t)sim_below(3) : INT64_MIN + (int64_t)sim_below(3);
        if (sim.near_limits && sim_percent(10))
            op->b = INT64_MAX - (int64_t)sim_below(2);
        sim_hash(op->fingerprints[0], (uint64_t)op->kind, (uint64_t)op->a, (uint64_t)op->b);
    }
    if (sim.tokens_in_use && sim_percent(20)) {
        op->token = sim.tokens[sim_below(8)];
        op->token_expire_ms = wall + 10 * MINUTE;
    }
    op->must_exist = sim.forgets && (sim.atomic_visits || sim.loose) && sim_percent(8);
}

static int was_absent(const struct sim_op *o)
{
    const struct sim_model *m = &sim.models[o->counter];
    return !m->exists || m->changed >= o->begin;
}

static void check_answer(struct sim_op *o, const struct footfall_store_result *r, int status)
{
    struct sim_model *m = &sim.models[o->counter];
    const struct sim_bound *b = sim_bound_of(m, o->op.token);
    o->final = 1;
    o->final_ms = sim.table.now_ms;
    o->status = status;
    if (status != FOOTFALL_STORE_OK && status != FOOTFALL_STORE_UNKNOWN && o->committed)
        sim_die("an operation of %s is answered %d, and was stored", sim_names[o->counter], status);
    if (status == FOOTFALL_STORE_RANGE && !o->refused)
        sim_die("RANGE was not stored");
    if (status == FOOTFALL_STORE_ABSENT && (!o->op.must_exist || !was_absent(o)))
        sim_die("ABSENT, and it was there");
    if (status == FOOTFALL_STORE_TOKEN && (b == NULL || sim_same_operation(&o->op, b->op)))
        sim_die("TOKEN, and it fits");
    if (status != FOOTFALL_STORE_OK)
        return;
    if (r->replayed) {
        if (o->committed || b == NULL || !sim_same_operation(&o->op, b->op) || b->is_new != r->is_new)
            sim_die("a replay that is none");
        return;
    }
    if (o->committed) {
        if (r->total != o->total || r->unique != o->unique || r->is_new != o->is_new)
            sim_die("%s: answered %" PRId64 "/%" PRId64 " %d, and was %" PRId64 "/%" PRId64 " %d",
                    sim_names[o->counter], r->total, r->unique, r->is_new, o->total, o->unique, o->is_new);
        return;
    }
    if (o->op.kind == FOOTFALL_STORE_DELETE && was_absent(o))
        return;
    if (o->op.kind == FOOTFALL_STORE_FORGET) {
        int there = 0;
        for (uint32_t i = 0; i < o->op.id_count; i++) {
            const struct sim_person *p = sim_person_of(m, &o->op.ids[i], 0);
            there |= p != NULL && p->there && p->since < o->begin;
        }
        if (!there || sim.loose)
            return;
    }
    sim_die("an operation of %s (kind %d) is answered OK, and was never stored", sim_names[o->counter],
            (int)o->op.kind);
}

/* Nothing behind what failed may have been applied. */
static void check_order(const struct sim_actor *a, const struct footfall_store_result *results)
{
    for (int c = 0; c < COUNTERS; c++) {
        int stopped = 0;
        for (size_t i = 0; i < a->op_count; i++) {
            int status = results[i].status;
            if (a->ops[i].counter != c)
                continue;
            if (stopped && (a->ops[i].committed || status == FOOTFALL_STORE_OK) && status != FOOTFALL_STORE_UNKNOWN)
                sim_die("applied behind what failed");
            stopped |= status == FOOTFALL_STORE_UNKNOWN || status == FOOTFALL_STORE_TEMPORARY;
        }
    }
}

void sim_open_store(struct sim_actor *a)
{
    struct footfall_store *s = calloc(1, sizeof(*s));
    for (size_t i = 0; i < sizeof(s->marker.writer); i++)
        s->marker.writer[i] = (uint8_t)sim_below(256);
    s->client = &a->client;
    s->atomic = sim.atomic_visits;
    (void)snprintf(s->table, sizeof(s->table), "footfall");
    s->random_state = sim_below(UINT64_MAX) | 1;
    s->memory.hash_key[0] = sim_below(UINT64_MAX);
    a->store = s;
    a->sequence = 0;
}

void sim_close_store(struct sim_actor *a)
{
    footfall__dynamodb_batch_free(a->store);
    footfall__dynamodb_memory_free(&a->store->memory);
    free(a->store);
    a->store = NULL;
}

static void run_batch(struct sim_actor *a)
{
    struct footfall_store_op ops[OPS];
    struct footfall_store_result results[OPS];
    int doubted[OPS] = { 0 };
    int64_t give_up_ms = sim.table.now_ms + 5 * MINUTE;
    int unknown = 0;
    a->op_count = 1 + sim_below(OPS);
    if (sim_percent(40))
        a->op_count = 1;
    if (sim.op_total + a->op_count > ALL_OPS)
        sim_die("too many operations");
    a->ops = &sim.ops[sim.op_total];
    sim.op_total += a->op_count;
    a->sequence++;
    a->writes = 0;
    for (size_t i = 0; i < a->op_count; i++) {
        make_op(a, &a->ops[i]);
        ops[i] = a->ops[i].op;
    }
    for (uint32_t attempt = 0;; attempt++) {
        char text[200] = "";
        struct footfall_store_call call = { .writer = 1,
                                            .sequence = a->sequence,
                                            .attempt = attempt,
                                            .deadline_ms = sim.table.now_ms + 20 + (int64_t)sim_below(400),
                                            .wall_ms = sim.table.now_ms + a->clock_ms,
                                            .mark_keep_ms = 15 * MINUTE,
                                            .text = text,
                                            .text_bytes = sizeof(text) };
        memset(results, 0x55, sizeof(results));
        if (footfall__dynamodb_apply(a->store, ops, a->op_count, results, &call) != 0)
            sim_die("apply: %s", text);
        check_order(a, results);
        unknown = 0;
        for (size_t i = 0; i < a->op_count; i++) {
            int status = results[i].status;
            if (status == FOOTFALL_STORE_BROKEN || status == FOOTFALL_STORE_NO_MEMORY)
                sim_die("status %d: %s", status, text);
            unknown |= status == FOOTFALL_STORE_UNKNOWN;
            doubted[i] |= status == FOOTFALL_STORE_UNKNOWN;
        }
        if (unknown && a->writes == 0)
            sim_die("UNKNOWN, and nothing was sent");
        if (!unknown || attempt >= ATTEMPTS || sim_percent(15) || sim.table.now_ms > give_up_ms)
            break;
        sim_rest(a, sim.table.now_ms + (int64_t)sim_below(50));
    }
    for (size_t i = 0; i < a->op_count; i++) {
        int status = results[i].status;
        if (status == FOOTFALL_STORE_TEMPORARY && doubted[i])
            status = FOOTFALL_STORE_UNKNOWN;
        sim_say("%d: %s kind %d is answered %d", (int)(a - sim.actors), sim_names[a->ops[i].counter], (int)ops[i].kind,
                status);
        check_answer(&a->ops[i], &results[i], status);
    }
    if (unknown && sim_percent(20)) { /* as if the process had died */
        sim_close_store(a);
        sim_open_store(a);
    }
}

void sim_live(int index)
{
    struct sim_actor *a = &sim.actors[index];
    for (int i = 0; i < a->batches; i++)
        run_batch(a);
    a->done = 1;
    swapcontext(&a->context, &sim.scheduler);
}
