/* faults_own.c: one thread's own counter, and a model of it (faults_own.h). */
#include "faults_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "handle.h"
#include "process.h"

struct step { /* an operation in words, and what it must answer */
    enum footfall_op_kind kind;
    uint32_t visitor;
    int64_t a, b;
    int64_t total, unique;
    int is_new;
};

static const char *kind_name(enum footfall_op_kind kind)
{
    return kind == FOOTFALL_OP_ADD      ? "add"
           : kind == FOOTFALL_OP_VISIT  ? "visit"
           : kind == FOOTFALL_OP_SET    ? "set"
           : kind == FOOTFALL_OP_DELETE ? "delete"
                                        : "forget";
}

static _Noreturn void wrong(const struct faults_own *own, const struct step *step, const struct footfall_result *r,
                            int is_replay)
{
    fprintf(stderr,
            "%s: %s%s: %s, flags %u, %" PRId64 "/%" PRId64 ", new %d; it should be %" PRId64 "/%" PRId64 ", new %d\n",
            own->name, kind_name(step->kind), is_replay ? " once more" : "", footfall_status_name(r->status), r->flags,
            r->total, r->unique, (r->flags & FOOTFALL_IS_NEW) != 0, step->total, step->unique, step->is_new);
    exit(98);
}

/* The model takes the step. */
static void decide(struct faults_own *own, struct step *step)
{
    switch (step->kind) {
    case FOOTFALL_OP_ADD:
        own->total += step->a;
        own->exists = 1;
        break;
    case FOOTFALL_OP_VISIT:
        step->is_new = !own->is_known[step->visitor];
        own->is_known[step->visitor] = 1;
        own->total++;
        own->unique += step->is_new;
        own->exists = 1;
        break;
    case FOOTFALL_OP_SET:
        own->total = step->a;
        own->unique = step->b;
        own->exists = 1;
        break;
    case FOOTFALL_OP_DELETE:
        memset(own->is_known, 0, sizeof own->is_known);
        break;
    default:
        own->is_known[step->visitor] = 0;
        break;
    }
    step->total = own->total;
    step->unique = own->unique;
    if (step->kind == FOOTFALL_OP_DELETE) /* answers what was there */
        own->total = own->unique = own->exists = 0;
}

static struct step draw(struct faults_own *own, int is_batch)
{
    static const enum footfall_op_kind kinds[] = { FOOTFALL_OP_ADD, FOOTFALL_OP_VISIT,  FOOTFALL_OP_VISIT,
                                                   FOOTFALL_OP_SET, FOOTFALL_OP_DELETE, FOOTFALL_OP_FORGET };
    struct step step = { .kind = kinds[support_random_below(&own->random, is_batch ? 3 : 6)] };
    step.visitor = (uint32_t)support_random_below(&own->random, OWN_VISITORS);
    step.a = (int64_t)support_random_below(&own->random, 1000) - 500;
    step.b = (int64_t)support_random_below(&own->random, 100);
    return step;
}

struct worded { /* an operation and what it points at */
    struct footfall_op op;
    struct footfall_visitor who;
    char address[16];
};

static void put_in_words(const struct faults_own *own, struct worded *w, const struct step *step)
{
    support_address(w->address, 0xf00000 + step->visitor);
    w->who = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
    w->who.address = w->address;
    w->who.now_ms = own->now_ms;
    w->op = (struct footfall_op)FOOTFALL_OP_INIT(step->kind);
    w->op.name = own->name;
    if (step->kind == FOOTFALL_OP_ADD)
        w->op.delta = step->a;
    if (step->kind == FOOTFALL_OP_SET) {
        w->op.total = step->a;
        w->op.unique = step->b;
    }
    if (step->kind == FOOTFALL_OP_VISIT || step->kind == FOOTFALL_OP_FORGET)
        w->op.visitor = &w->who;
}

static void check(const struct faults_own *own, const struct step *step, const struct footfall_result *r)
{
    if (r->status != FOOTFALL_OK || (r->flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT)) != 0 ||
        r->total != step->total || r->unique != step->unique || ((r->flags & FOOTFALL_IS_NEW) != 0) != step->is_new)
        wrong(own, step, r, 0);
}

/* Current numbers, and what was decided first. */
static void check_replay(const struct faults_own *own, const struct step *step, const struct footfall_result *r)
{
    if (r->status != FOOTFALL_OK || (r->flags & FOOTFALL_REPLAYED) == 0 || r->total != own->total ||
        r->unique != own->unique || ((r->flags & FOOTFALL_IS_NEW) != 0) != step->is_new)
        wrong(own, step, r, 1);
}

static void one(struct faults_own *own)
{
    struct step step = draw(own, 0);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    struct worded words;
    char token[24];
    const int has_token = support_random_below(&own->random, 3) == 0;
    put_in_words(own, &words, &step);
    call.wait_ms = own->wait_ms;
    if (has_token) {
        snprintf(token, sizeof token, "%" PRIu64, ++own->tokens);
        words.op.token = token;
        words.op.token_bytes = strlen(token);
    }
    decide(own, &step);
    (void)footfall_apply(own->ff, &words.op, 1, &call, &r, NULL);
    check(own, &step, &r);
    own->operations += 1 + (uint64_t)has_token;
    if (!has_token)
        return;
    (void)footfall_apply(own->ff, &words.op, 1, &call, &r, NULL);
    check_replay(own, &step, &r);
}

static void numbered(struct faults_own *own)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op ops[OWN_OPS];
    struct footfall_result results[OWN_OPS];
    struct step steps[OWN_OPS];
    struct worded words[OWN_OPS];
    for (size_t i = 0; i < sizeof own->series; i++)
        own->series[i] = (uint8_t)own->name[i % strlen(own->name)];
    call.wait_ms = own->wait_ms;
    call.series = own->series;
    call.number = ++own->number;
    for (size_t i = 0; i < OWN_OPS; i++) {
        steps[i] = draw(own, 1);
        put_in_words(own, &words[i], &steps[i]);
        decide(own, &steps[i]);
        ops[i] = words[i].op;
    }
    for (int again = 0; again < 2; again++) {
        (void)footfall_apply(own->ff, ops, OWN_OPS, &call, results, NULL);
        for (size_t i = 0; i < OWN_OPS; i++)
            (again ? check_replay : check)(own, &steps[i], &results[i]);
        own->operations += OWN_OPS;
    }
}

void faults_own_step(struct faults_own *own)
{
    if (support_random_below(&own->random, 8) == 0)
        numbered(own);
    else
        one(own);
}

void faults_own_end(struct faults_own *own)
{
    struct footfall_result r = support_read(own->ff, own->name);
    if (r.total == own->total && r.unique == own->unique && ((r.flags & FOOTFALL_EXISTS) != 0) == own->exists)
        return;
    fprintf(stderr, "%s holds %" PRId64 "/%" PRId64 ", not %" PRId64 "/%" PRId64 "\n", own->name, r.total, r.unique,
            own->total, own->unique);
    exit(98);
}
