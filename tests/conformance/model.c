/* model.c: random operations against the memory backend and the one under test, with one secret and one set of clocks: every
 * answer must be the same. Epoch keys are random, so the two remember visitors under other ids; only answers are compared.
 * What purge drops at which call is a store's own business; that it changes no answer is not.
 * usage: model BACKEND [--operations N] [--long N] [--seed N] [--trace N] [KEY=VALUE]...
 * --long: how many under FOOTFALL_TEST_LONG=1. --trace: print the steps from operation N. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_plan.h"
#include "process.h"

enum { SIDES = 2, LISTING_BYTES = 4096 };
static const char *const side_names[SIDES] = { "memory", "tested" };

struct answer { /* of one step, on one side */
    int rc, err_status;
    struct footfall_result r[PLAN_OPS];
    size_t count;
    char listing[LISTING_BYTES];
    int told;
};

struct model {
    struct suite *suite;
    struct plan plan;
    struct footfall *handles[SIDES][PLAN_HANDLES];
    struct footfall *keeper; /* keeps the memory store while no other handle has it */
    struct step step;
    struct answer answers[SIDES];
    uint64_t seed, done, trace_from;
    int expires; /* the tested store drops by its own clock, for which this test is a moment: the model drops nothing */
};

/* ---- handles -------------------------------------------------------------------------------------------------------------------- */

static void open_handle(struct model *m, int side, int i, struct footfall **out)
{
    static const struct footfall_setting memory[] = { { "backend", "memory" }, { "memory.name", "the model" } };
    struct suite_knobs knobs = { .window = plan_windows[i].window, .mode = plan_windows[i].mode };
    struct footfall_error err;
    knobs.clock = &m->plan.clocks[i];
    if (side == 0) {
        knobs.more = memory;
        knobs.more_count = 2;
    }
    if (suite_try_open(out, m->suite, &knobs, &err) != FOOTFALL_OK) {
        fprintf(stderr, "open (%s): %s\n", side_names[side], err.text);
        exit(1);
    }
}

static void reopen(struct model *m, int first, int last)
{
    for (int side = 0; side < SIDES; side++) {
        for (int i = first; i <= last; i++)
            footfall_close(m->handles[side][i]);
        for (int i = first; i <= last; i++)
            open_handle(m, side, i, &m->handles[side][i]);
    }
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------- */

static int ask_single(struct footfall *ff, const struct footfall_op *op, struct footfall_result *r,
                      struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    if (op->must_exist)
        return footfall_apply(ff, op, 1, NULL, r, err);
    call.token = op->token;
    call.token_bytes = op->token_bytes;
    switch (op->kind) {
    case FOOTFALL_OP_ADD:
        return footfall_add(ff, op->name, op->delta, &call, r, err);
    case FOOTFALL_OP_VISIT:
        return footfall_visit(ff, op->name, op->visitor, &call, r, err);
    case FOOTFALL_OP_SET:
        return footfall_set(ff, op->name, op->total, op->unique, &call, r, err);
    case FOOTFALL_OP_DELETE:
        return footfall_delete(ff, op->name, &call, r, err);
    case FOOTFALL_OP_FORGET:
        return footfall_forget(ff, op->name, op->visitor, &call, r, err);
    }
    return FOOTFALL_INVALID;
}

struct listing {
    struct answer *answer;
    int stop_after;
};

static int note_line(void *user, const char *name, int64_t total, int64_t unique)
{
    struct listing *listing = user;
    char *text = listing->answer->listing;
    size_t end = strlen(text);
    (void)snprintf(text + end, LISTING_BYTES - end, "%s=%" PRId64 "/%" PRId64 " ", name, total, unique);
    return ++listing->answer->told == listing->stop_after;
}

static int purge_all(struct footfall *ff, size_t budget, struct footfall_error *err)
{
    struct footfall_purge_result purged = { 0, 0, 0, 0 };
    int rc = FOOTFALL_OK;
    for (int rounds = 0; rc == FOOTFALL_OK && !purged.done; rounds++) {
        rc = footfall_purge(ff, FOOTFALL_NOW, budget, NULL, &purged, err);
        if (rounds > 1000000) {
            fprintf(stderr, "purge does not end\n");
            exit(1);
        }
    }
    return rc;
}

static void ask(struct model *m, int side)
{
    struct step *step = &m->step;
    struct answer *answer = &m->answers[side];
    struct footfall *ff = m->handles[side][step->handle];
    struct listing listing = { answer, step->stop_after };
    struct footfall_error err = { FOOTFALL_OK, 0, "" };
    memset(answer->r, 0x5a, sizeof(answer->r));
    answer->listing[0] = '\0';
    answer->told = 0;
    answer->count = 0;
    answer->rc = FOOTFALL_OK;
    switch (step->kind) {
    case STEP_SINGLE:
        answer->count = 1;
        answer->rc = ask_single(ff, &step->batch.ops[0], answer->r, &err);
        break;
    case STEP_APPLY:
        answer->count = step->batch.count;
        answer->rc = footfall_apply(ff, step->batch.ops, step->batch.count, &step->call, answer->r, &err);
        break;
    case STEP_READ:
        answer->count = step->name_count;
        answer->rc = footfall_read(ff, step->names, step->name_count, NULL, answer->r, &err);
        break;
    case STEP_LIST:
        answer->rc = footfall_list(ff, step->prefix, step->after, NULL, note_line, &listing, &err);
        break;
    case STEP_PURGE:
        if (side == 1 || !m->expires)
            answer->rc = purge_all(ff, step->budget, &err);
        break;
    case STEP_REOPEN:
    case STEP_REOPEN_ALL:
        break;
    }
    answer->err_status = err.status;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------------- */

static int same_result(const struct footfall_result *a, const struct footfall_result *b)
{
    return a->status == b->status && a->flags == b->flags && a->total == b->total && a->unique == b->unique;
}

static void print_op(const struct footfall_op *op)
{
    static const char *const kinds[] = { "?", "add", "visit", "set", "delete", "forget" };
    fprintf(stderr, "%s \"%s\"", kinds[op->kind], op->name);
    if (op->kind == FOOTFALL_OP_ADD)
        fprintf(stderr, " %" PRId64, op->delta);
    if (op->kind == FOOTFALL_OP_SET)
        fprintf(stderr, " %" PRId64 "/%" PRId64, op->total, op->unique);
    if (op->visitor != NULL)
        fprintf(stderr, " %s at %" PRId64, op->visitor->address,
                op->visitor->now_ms == FOOTFALL_NOW ? INT64_C(-1) : op->visitor->now_ms);
    if (op->token_bytes > 0)
        fprintf(stderr, " token %.*s", (int)op->token_bytes, (const char *)op->token);
    fprintf(stderr, "%s", op->must_exist ? " must exist" : "");
}

static void print_result(const char *whose, const struct footfall_result *r)
{
    fprintf(stderr, "  %s: %s, flags %" PRIu32 ", %" PRId64 "/%" PRId64 "\n", whose, footfall_status_name(r->status),
            r->flags, r->total, r->unique);
}

static void print_step(const struct model *m)
{
    static const char *const kinds[] = { "single", "apply", "read", "list", "purge", "reopen", "reopen all" };
    const struct step *step = &m->step;
    fprintf(stderr, "operation %" PRIu64 ": %s, handle %d (%s %s), clock %" PRId64, m->done, kinds[step->kind],
            step->handle, plan_windows[step->handle].window, plan_windows[step->handle].mode,
            atomic_load(&m->plan.clocks[step->handle].now_ms));
    if (step->numbered)
        fprintf(stderr, ", series %s number %" PRIu64 " kept %" PRId64, (const char *)step->call.series,
                step->call.number, step->call.series_keep_ms);
    fprintf(stderr, "\n");
}

/* 0 when both sides answered alike; else says how not. */
static int compare(const struct model *m)
{
    const struct answer *a = &m->answers[0];
    const struct answer *b = &m->answers[1];
    int differ = a->rc != b->rc || a->err_status != b->err_status || strcmp(a->listing, b->listing) != 0;
    int tracing = m->done + a->count >= m->trace_from;
    for (size_t i = 0; i < a->count; i++)
        differ |= !same_result(&a->r[i], &b->r[i]);
    if (!differ && !tracing)
        return 0;
    print_step(m);
    if (a->rc != b->rc || a->err_status != b->err_status)
        fprintf(stderr, "  memory returned %d (err %d), tested %d (err %d)\n", a->rc, a->err_status, b->rc,
                b->err_status);
    if (strcmp(a->listing, b->listing) != 0)
        fprintf(stderr, "  memory: %s\n  tested: %s\n", a->listing, b->listing);
    for (size_t i = 0; i < a->count; i++) {
        int same = same_result(&a->r[i], &b->r[i]);
        fprintf(stderr, "  %zu %s", i, same ? "" : "DIFFERS ");
        if (m->step.kind == STEP_READ)
            fprintf(stderr, "read \"%s\"", m->step.names[i]);
        else
            print_op(&m->step.batch.ops[i]);
        fprintf(stderr, "\n");
        print_result(side_names[0], &a->r[i]);
        if (!same)
            print_result(side_names[1], &b->r[i]);
    }
    return differ;
}

/* Everything that exists, on both sides. */
static int compare_all(struct model *m)
{
    m->step.kind = STEP_LIST;
    m->step.prefix = "";
    m->step.after = NULL;
    m->step.stop_after = 0;
    for (int side = 0; side < SIDES; side++)
        ask(m, side);
    return compare(m);
}

static int run(struct model *m, uint64_t operations)
{
    uint64_t next_look = 0;
    while (m->done < operations) {
        plan_next(&m->plan, &m->step);
        if (m->step.kind == STEP_REOPEN)
            reopen(m, m->step.handle, m->step.handle);
        if (m->step.kind == STEP_REOPEN_ALL && (suite_caps() & FOOTFALL_STORE_CAP_DURABLE))
            reopen(m, 0, PLAN_HANDLES - 1);
        for (int side = 0; side < SIDES; side++)
            ask(m, side);
        if (compare(m) != 0)
            return 1;
        m->done += m->answers[0].count;
        if (m->done >= next_look) {
            next_look = m->done + 500;
            if (compare_all(m) != 0)
                return 1;
        }
    }
    return compare_all(m);
}

/* ---- main ------------------------------------------------------------------------------------------------------------------------- */

static int take_number(uint64_t *out, const char *name, int argc, char **argv, int *at)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc)
        return 0;
    *out = strtoull(argv[*at + 1], NULL, 10);
    *at += 2;
    return 1;
}

int main(int argc, char **argv)
{
    static struct model m;
    const char *long_run = getenv("FOOTFALL_TEST_LONG");
    uint64_t operations = 100000;
    uint64_t operations_long = 1000000;
    void *suite = NULL;
    int at = 2;
    int failed = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: model BACKEND [--operations N] [--long N] [--seed N] [--trace N] [KEY=VALUE]...\n");
        return 2;
    }
    m.trace_from = UINT64_MAX;
    while (at < argc &&
           (take_number(&operations, "--operations", argc, argv, &at) ||
            take_number(&operations_long, "--long", argc, argv, &at) ||
            take_number(&m.seed, "--seed", argc, argv, &at) || take_number(&m.trace_from, "--trace", argc, argv, &at)))
        ;
    if (long_run != NULL && strcmp(long_run, "1") == 0)
        operations = operations_long;
    if (m.seed == 0)
        m.seed = support_seed();
    printf("model: %s, %" PRIu64 " operations, seed %" PRIu64 "\n", argv[1], operations, m.seed);
    (void)fflush(stdout);
    suite_configure(argv[1], argv + at, argc - at);
    if (suite_set_up(&suite) != 0)
        return 1;
    m.suite = suite;
    m.expires = (suite_caps() & FOOTFALL_STORE_CAP_EXPIRES) != 0;
    plan_begin(&m.plan, m.seed, !m.expires);
    open_handle(&m, 0, 0, &m.keeper);
    for (int side = 0; side < SIDES; side++)
        for (int i = 0; i < PLAN_HANDLES; i++)
            open_handle(&m, side, i, &m.handles[side][i]);
    failed = run(&m, operations);
    for (int side = 0; side < SIDES; side++)
        for (int i = 0; i < PLAN_HANDLES; i++)
            footfall_close(m.handles[side][i]);
    footfall_close(m.keeper);
    (void)suite_tear_down(&suite);
    if (failed)
        fprintf(stderr, "the stores differ at operation %" PRIu64 "; seed %" PRIu64 "\n", m.done, m.seed);
    return failed ? 1 : 0;
}
