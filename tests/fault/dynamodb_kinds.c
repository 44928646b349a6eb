/* dynamodb_kinds.c: see dynamodb_kinds.h. */
#include "dynamodb_kinds.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handle.h"

enum { LONG_MS = 30000, OPS_MOST = 3 };

/* Prepared, a counter is 6/1. */
/* clang-format off */
const struct kind kinds[] = {
    { "add",                  1, FOOTFALL_OP_ADD,    7, 0,    0, KIND_ALONE,  0, FOOTFALL_OK, 13, 1, 0,   13, 1, 1 },
    { "add to nothing",       0, FOOTFALL_OP_ADD,    7, 0,    0, KIND_ALONE,  0, FOOTFALL_OK, 7, 0, 0,    7, 0, 1 },
    { "add to what exists",   1, FOOTFALL_OP_ADD,    7, 0,    0, KIND_ALONE,  1, FOOTFALL_OK, 13, 1, 0,   13, 1, 1 },
    { "add to what must be",  0, FOOTFALL_OP_ADD,    7, 0,    0, KIND_ALONE,  1, FOOTFALL_ABSENT, 0, 0, 0, 0, 0, 0 },
    { "add too much",         1, FOOTFALL_OP_ADD, INT64_MAX, 0, 0, KIND_ALONE, 0, FOOTFALL_RANGE, 0, 0, 0, 6, 1, 1 },
    { "new visit",            1, FOOTFALL_OP_VISIT,  0, 0,    2, KIND_ALONE,  0, FOOTFALL_OK, 7, 2, 1,    7, 2, 1 },
    { "first visit",          0, FOOTFALL_OP_VISIT,  0, 0,    2, KIND_ALONE,  0, FOOTFALL_OK, 1, 1, 1,    1, 1, 1 },
    { "returning visit",      1, FOOTFALL_OP_VISIT,  0, 0,    1, KIND_ALONE,  0, FOOTFALL_OK, 7, 1, 0,    7, 1, 1 },
    { "another's visitor",    2, FOOTFALL_OP_VISIT,  0, 0,    1, KIND_ALONE,  0, FOOTFALL_OK, 7, 1, 0,    7, 1, 1 },
    { "set",                  1, FOOTFALL_OP_SET,    100, 50, 0, KIND_ALONE,  0, FOOTFALL_OK, 100, 50, 0, 100, 50, 1 },
    { "delete",               1, FOOTFALL_OP_DELETE, 0, 0,    0, KIND_ALONE,  0, FOOTFALL_OK, 6, 1, 0,    0, 0, 0 },
    { "delete nothing",       0, FOOTFALL_OP_DELETE, 0, 0,    0, KIND_ALONE,  0, FOOTFALL_OK, 0, 0, 0,    0, 0, 0 },
    { "forget",               1, FOOTFALL_OP_FORGET, 0, 0,    1, KIND_ALONE,  0, FOOTFALL_OK, 6, 1, 0,    6, 1, 1 },
    { "add with a token",     1, FOOTFALL_OP_ADD,    7, 0,    0, KIND_TOKEN,  0, FOOTFALL_OK, 13, 1, 0,   13, 1, 1 },
    { "visit with a token",   1, FOOTFALL_OP_VISIT,  0, 0,    2, KIND_TOKEN,  0, FOOTFALL_OK, 7, 2, 1,    7, 2, 1 },
    { "set with a token",     1, FOOTFALL_OP_SET,    100, 50, 0, KIND_TOKEN,  0, FOOTFALL_OK, 100, 50, 0, 100, 50, 1 },
    { "delete with a token",  2, FOOTFALL_OP_DELETE, 0, 0,    0, KIND_TOKEN,  0, FOOTFALL_OK, 6, 1, 0,    0, 0, 0 },
    { "forget with a token",  1, FOOTFALL_OP_FORGET, 0, 0,    1, KIND_TOKEN,  0, FOOTFALL_OK, 6, 1, 0,    6, 1, 1 },
    { "numbered adds",        1, FOOTFALL_OP_ADD,    7, 0,    0, KIND_SERIES, 0, FOOTFALL_OK, 27, 1, 0,   27, 1, 1 },
    { "numbered visits",      0, FOOTFALL_OP_VISIT,  0, 0,    2, KIND_SERIES, 0, FOOTFALL_OK, 3, 1, 0,    3, 1, 1 },
};
/* clang-format on */
const size_t kind_count = sizeof kinds / sizeof kinds[0];

void kind_wrong(struct kind_run *run, const char *format, ...)
{
    va_list args;
    if (run->why[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(run->why, sizeof run->why, format, args);
    va_end(args);
}

void kind_prepare(struct kind_run *run)
{
    struct footfall *ff = run->kind->prepared == 1 ? run->ff : run->other;
    struct footfall_result r;
    if (!run->kind->prepared)
        return;
    if (support_add(ff, run->counter, 5, LONG_MS, &r) != FOOTFALL_OK ||
        support_visit(ff, run->counter, 1, run->now_ms, LONG_MS, &r) != FOOTFALL_OK || r.total != 6 || r.unique != 1)
        kind_wrong(run, "cannot be prepared: %s", footfall_status_name(r.status));
}

struct footfall_result kind_do(struct kind_run *run, struct footfall *ff, uint32_t wait_ms)
{
    const struct kind *kind = run->kind;
    const size_t count = kind->more == KIND_SERIES ? OPS_MOST : 1;
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_op ops[OPS_MOST];
    struct footfall_result results[OPS_MOST];
    char address[16];
    uint8_t series[FOOTFALL_SERIES_BYTES] = "series of a test";
    support_address(address, kind->visitor);
    who.address = address;
    who.now_ms = run->now_ms;
    ops[0] = (struct footfall_op)FOOTFALL_OP_INIT(kind->op);
    ops[0].name = run->counter;
    ops[0].delta = ops[0].total = kind->a;
    ops[0].unique = kind->b;
    ops[0].must_exist = kind->must_exist;
    ops[0].visitor = kind->op == FOOTFALL_OP_VISIT || kind->op == FOOTFALL_OP_FORGET ? &who : NULL;
    if (kind->more == KIND_TOKEN) {
        ops[0].token = "token";
        ops[0].token_bytes = 5;
    }
    if (kind->op != FOOTFALL_OP_SET)
        ops[0].total = 0;
    if (kind->op != FOOTFALL_OP_ADD)
        ops[0].delta = 0;
    ops[1] = ops[2] = ops[0];
    call.wait_ms = wait_ms;
    if (kind->more == KIND_SERIES) {
        call.series = series;
        call.number = 1;
    }
    (void)footfall_apply(ff, ops, count, &call, results, NULL);
    for (size_t i = 0; i + 1 < count; i++) /* one run, one fate */
        if (results[i].status != results[count - 1].status)
            kind_wrong(run, "%s beside %s", footfall_status_name(results[i].status),
                       footfall_status_name(results[count - 1].status));
    return results[count - 1];
}

void kind_check_answer(struct kind_run *run, const struct footfall_result *r, int may_replay)
{
    const struct kind *kind = run->kind;
    const int replayed = (r->flags & FOOTFALL_REPLAYED) != 0;
    if (r->status != kind->status) {
        kind_wrong(run, "%s", footfall_status_name(r->status));
        return;
    }
    if (kind->status != FOOTFALL_OK)
        return;
    if (replayed && !may_replay)
        kind_wrong(run, "replayed");
    if (((r->flags & FOOTFALL_IS_NEW) != 0) != kind->is_new)
        kind_wrong(run, "new: %d", (r->flags & FOOTFALL_IS_NEW) != 0);
    if (r->total != (replayed ? kind->after_total : kind->total) ||
        r->unique != (replayed ? kind->after_unique : kind->unique))
        kind_wrong(run, "answered %" PRId64 "/%" PRId64, r->total, r->unique);
}

struct held {
    int64_t total, unique;
    int exists;
};

static struct held before_of(const struct kind *kind)
{
    return kind->prepared ? (struct held){ 6, 1, 1 } : (struct held){ 0, 0, 0 };
}

static int holds(const struct kind_run *run, struct held want, struct footfall_result *now)
{
    *now = support_read(run->other, run->counter);
    return now->total == want.total && now->unique == want.unique &&
           ((now->flags & FOOTFALL_EXISTS) != 0) == want.exists;
}

/* Whoever visits now is new, or is not. */
static void check_visitor(struct kind_run *run, uint32_t visitor, int is_new)
{
    struct footfall_result r;
    (void)support_visit(run->other, run->counter, visitor, run->now_ms, LONG_MS, &r);
    if (r.status != FOOTFALL_OK || ((r.flags & FOOTFALL_IS_NEW) != 0) != is_new)
        kind_wrong(run, "afterwards visitor %u is %s, %s", visitor, is_new ? "not new" : "new",
                   footfall_status_name(r.status));
}

void kind_check_store(struct kind_run *run, int done)
{
    const struct kind *kind = run->kind;
    const struct held after = { kind->after_total, kind->after_unique, kind->after_exists };
    struct footfall_result now;
    if (!holds(run, done ? after : before_of(kind), &now))
        kind_wrong(run, "%s, and it holds %" PRId64 "/%" PRId64 ", %s", done ? "done" : "not done", now.total,
                   now.unique, now.flags & FOOTFALL_EXISTS ? "exists" : "absent");
    if (kind->op == FOOTFALL_OP_VISIT)
        check_visitor(run, kind->visitor, !done && kind->visitor != 1);
    else if (kind->op == FOOTFALL_OP_FORGET || kind->op == FOOTFALL_OP_DELETE)
        check_visitor(run, 1, done || !kind->prepared);
}

void kind_check_either(struct kind_run *run)
{
    const struct kind *kind = run->kind;
    const struct held after = { kind->after_total, kind->after_unique, kind->after_exists };
    struct footfall_result now;
    if (!holds(run, before_of(kind), &now) && !holds(run, after, &now))
        kind_wrong(run, "unknown, and it holds %" PRId64 "/%" PRId64, now.total, now.unique);
}
