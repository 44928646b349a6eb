/* calls.c: the public counting calls: from footfall_op to a lane's request and back (footfall.h). */
#include <string.h>

#include "alloc.h"
#include "by_counter.h"
#include "engine.h"
#include "error.h"

enum { OPS_MAX = 1 << 24 };

/* ---- one operation ---------------------------------------------------------------------------------------------------- */

static int no_series(const struct footfall_call *call, struct footfall_error *err)
{
    if (call != NULL && call->series != NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "a series is for footfall_apply only");
    return FOOTFALL_OK;
}

/* A request with this one op, or the refusal. */
static int request_of(struct footfall__request **out, struct footfall *ff, const struct footfall_op *op,
                      const struct footfall_call *call, struct footfall_error *err)
{
    const void *token = call != NULL ? call->token : NULL;
    size_t token_bytes = call != NULL ? call->token_bytes : 0;
    struct footfall__hasher h;
    struct footfall__request *r;
    int rc = no_series(call, err);
    *out = NULL;
    if (rc != FOOTFALL_OK)
        return rc;
    if ((token != NULL || token_bytes > 0) && (op->token != NULL || op->token_bytes > 0))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "two tokens for one operation");
    r = footfall__request_new(FOOTFALL__APPLY, 1, footfall__request_arena(ff, op, token_bytes),
                              op->kind == FOOTFALL_OP_VISIT || op->kind == FOOTFALL_OP_FORGET, 0);
    if (r == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for an operation");
    r->deadline_ms = footfall__deadline(ff, call);
    footfall__hasher_begin(&h, &ff->identity);
    rc = footfall__request_add(ff, r, &h, op, token, token_bytes, footfall__now(ff), err);
    footfall__hasher_end(&h);
    if (rc != FOOTFALL_OK) {
        footfall__request_free(r);
        return rc;
    }
    *out = r;
    return FOOTFALL_OK;
}

static int run_one(struct footfall *ff, const struct footfall_op *op, const struct footfall_call *call,
                   struct footfall_result *out, struct footfall_error *err)
{
    struct footfall__request *r = NULL;
    struct footfall__lane *lane;
    struct footfall_result result;
    int rc = footfall__enter(ff, call, 1, err);
    memset(&result, 0, sizeof result);
    if (rc == FOOTFALL_OK) {
        rc = request_of(&r, ff, op, call, err);
        if (rc == FOOTFALL_OK) {
            lane = footfall__lane_of(ff, r->ops[0].name, r->ops[0].name_bytes);
            footfall__lane_run(lane, r);
            footfall__request_answer(r, 0, &result);
            footfall__request_error(r, 0, err);
            rc = result.status;
            footfall__lane_unref(r);
        }
        footfall__leave(ff);
    }
    result.status = (enum footfall_status)rc;
    if (out != NULL)
        *out = result;
    return rc;
}

int footfall_visit(struct footfall *ff, const char *name, const struct footfall_visitor *who,
                   const struct footfall_call *call, struct footfall_result *r, struct footfall_error *err)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    op.name = name;
    op.visitor = who;
    return run_one(ff, &op, call, r, err);
}

int footfall_add(struct footfall *ff, const char *name, int64_t delta, const struct footfall_call *call,
                 struct footfall_result *r, struct footfall_error *err)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    op.name = name;
    op.delta = delta;
    return run_one(ff, &op, call, r, err);
}

int footfall_set(struct footfall *ff, const char *name, int64_t total, int64_t unique, const struct footfall_call *call,
                 struct footfall_result *r, struct footfall_error *err)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_SET);
    op.name = name;
    op.total = total;
    op.unique = unique;
    return run_one(ff, &op, call, r, err);
}

int footfall_delete(struct footfall *ff, const char *name, const struct footfall_call *call, struct footfall_result *r,
                    struct footfall_error *err)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_DELETE);
    op.name = name;
    return run_one(ff, &op, call, r, err);
}

int footfall_forget(struct footfall *ff, const char *name, const struct footfall_visitor *who,
                    const struct footfall_call *call, struct footfall_result *r, struct footfall_error *err)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_FORGET);
    op.name = name;
    op.visitor = who;
    return run_one(ff, &op, call, r, err);
}

int footfall_submit(struct footfall *ff, const struct footfall_op *op, const struct footfall_call *call,
                    footfall_done *done, void *user, struct footfall_error *err)
{
    struct footfall__request *r = NULL;
    int rc = footfall__enter(ff, call, 0, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (op == NULL || done == NULL)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%s is NULL", op == NULL ? "op" : "done");
    if (rc == FOOTFALL_OK)
        rc = request_of(&r, ff, op, call, err);
    if (rc == FOOTFALL_OK) {
        r->done = done;
        r->user = user;
        rc = footfall__lane_submit(footfall__lane_of(ff, r->ops[0].name, r->ops[0].name_bytes), r, err);
        if (rc != FOOTFALL_OK)
            footfall__request_free(r);
    }
    footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}

/* ---- many ------------------------------------------------------------------------------------------------------------- */

struct part { /* of an apply: what goes to one lane */
    struct footfall__request *request;
    size_t count, arena;
};

static int check_apply(const struct footfall_op *ops, size_t count, const struct footfall_call *call,
                       const struct footfall_result *results, struct footfall_error *err)
{
    if ((ops == NULL || results == NULL) && count > 0)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "%s is NULL", ops == NULL ? "ops" : "results");
    if (count > OPS_MAX)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "%zu operations in one call, more than %d", count, OPS_MAX);
    if (call != NULL && (call->token != NULL || call->token_bytes > 0))
        return footfall__fail(err, FOOTFALL_INVALID, 0,
                              "footfall_apply takes a token in each operation, not in the call");
    if (call != NULL && call->series != NULL && call->number > INT64_MAX)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the number in a series is more than 2^63-1");
    if (call != NULL && call->series != NULL && call->series_keep_ms != 0 &&
        (call->series_keep_ms < FOOTFALL_SERIES_KEEP_MIN_MS || call->series_keep_ms > FOOTFALL_SERIES_KEEP_MAX_MS))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "series_keep_ms is neither 0 nor 15 minutes to 30 days");
    if (count > 0 && ops[0].size != sizeof ops[0])
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_op has size %zu, not %zu", ops[0].size,
                              sizeof ops[0]);
    return FOOTFALL_OK;
}

static struct part *part_of(struct footfall *ff, struct part *parts, const char *name)
{
    size_t bytes = name != NULL ? strnlen(name, FOOTFALL_NAME_BYTES + 1) : 0;
    return &parts[footfall__lane_of(ff, name != NULL ? name : "", bytes) - ff->lanes];
}

/* One request a lane, of the right size for its share. */
static int make_parts(struct footfall *ff, struct part *parts, const struct footfall_op *ops, size_t count,
                      const struct footfall_call *call, struct footfall_error *err)
{
    int64_t deadline_ms = footfall__deadline(ff, call);
    for (size_t i = 0; i < count; i++) {
        struct part *part = part_of(ff, parts, ops[i].name);
        part->count++;
        part->arena += footfall__request_arena(ff, &ops[i], 0);
    }
    for (uint32_t i = 0; i < ff->lane_count; i++) {
        struct footfall__request *r;
        if (parts[i].count == 0)
            continue;
        r = footfall__request_new(FOOTFALL__APPLY, parts[i].count, parts[i].arena, 1, 1);
        if (r == NULL)
            return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for %zu operations", count);
        parts[i].request = r;
        r->deadline_ms = deadline_ms;
        if (call != NULL && call->series != NULL) {
            r->numbered = 1;
            memcpy(r->series, call->series, sizeof r->series);
            r->number = call->number;
            r->series_keep_ms = call->series_keep_ms != 0 ? call->series_keep_ms : FOOTFALL_SERIES_KEEP_MIN_MS;
        }
    }
    return FOOTFALL_OK;
}

struct filling {
    struct footfall *ff;
    struct part *parts;
    const struct footfall_op *ops;
    struct footfall_result *results;
    struct footfall__hasher hasher;
    int64_t now_ms;
    size_t refused, first_failed;
    struct footfall_error first_err; /* of the one that failed first in the caller's array */
};

/* Adds an op to its part; one that is refused gets its result at once. */
static void fill(struct filling *f, size_t i, uint32_t place)
{
    struct footfall__request *r = part_of(f->ff, f->parts, f->ops[i].name)->request;
    struct footfall_error err;
    int rc;
    memset(&f->results[i], 0, sizeof f->results[i]);
    r->index[r->count] = (uint32_t)i;
    rc = footfall__request_add(f->ff, r, &f->hasher, &f->ops[i], NULL, 0, f->now_ms, &err);
    if (rc == FOOTFALL_OK) {
        r->ops[r->count - 1].series_at = place;
        return;
    }
    f->results[i].status = (enum footfall_status)rc;
    f->refused++;
    if (i < f->first_failed) {
        f->first_failed = i;
        f->first_err = err;
    }
}

/* What is more than the backend's batch is cut: then the ops of a counter stay together, because a batch costs some backends as
 * much as the counters in it. Within a counter the order stays. 0, or NO_MEMORY. */
static int fill_parts(struct filling *f, size_t count, int numbered)
{
    struct footfall__by_counter by = { NULL, NULL };
    int together = count > f->ff->backend.max_batch;
    int rc = FOOTFALL_OK;
    if (numbered || together)
        rc = footfall__by_counter(&by, f->ff->hash_key, f->ops, count);
    if (rc == FOOTFALL_OK) {
        footfall__hasher_begin(&f->hasher, &f->ff->identity);
        for (size_t i = 0; i < count; i++)
            if (!together)
                fill(f, i, numbered ? by.place[i] : 0);
            else if (by.place[i] == 0)
                for (uint32_t j = (uint32_t)i; j != FOOTFALL__NO_OP; j = by.next[j])
                    fill(f, j, numbered ? by.place[j] : 0);
        footfall__hasher_end(&f->hasher);
    }
    footfall__by_counter_free(&by);
    return rc;
}

/* The answers of one part; keeps the error of the op that comes first in the caller's array. */
static void collect(const struct footfall__request *r, struct footfall_result *results, size_t *first,
                    struct footfall_error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        size_t at = r->index[i];
        footfall__request_answer(r, i, &results[at]);
        if (results[at].status != FOOTFALL_OK && at < *first) {
            *first = at;
            footfall__request_error(r, i, err);
        }
    }
}

static int apply_parts(struct footfall *ff, struct part *parts, const struct footfall_op *ops, size_t count,
                       const struct footfall_call *call, struct footfall_result *results, struct footfall_error *err)
{
    struct filling f = { .ff = ff, .parts = parts, .ops = ops, .results = results, .first_failed = count };
    int numbered = call != NULL && call->series != NULL;
    int rc = make_parts(ff, parts, ops, count, call, err);
    footfall__fine(&f.first_err);
    f.now_ms = footfall__now(ff);
    if (rc == FOOTFALL_OK && fill_parts(&f, count, numbered) != 0)
        rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for %zu operations", count);
    if (rc != FOOTFALL_OK) {
        for (size_t i = 0; i < count; i++) {
            memset(&results[i], 0, sizeof results[i]);
            results[i].status = (enum footfall_status)rc;
        }
        return rc;
    }
    if (numbered && f.refused > 0) {
        for (size_t i = 0; i < count; i++)
            if (results[i].status == FOOTFALL_OK)
                results[i].status = FOOTFALL_TEMPORARY;
    } else {
        for (uint32_t i = 0; i < ff->lane_count; i++) {
            if (parts[i].request == NULL || parts[i].request->count == 0)
                continue;
            footfall__lane_run(&ff->lanes[i], parts[i].request);
            collect(parts[i].request, results, &f.first_failed, &f.first_err);
        }
    }
    if (err != NULL)
        *err = f.first_err;
    return f.first_failed < count ? (int)results[f.first_failed].status : FOOTFALL_OK;
}

int footfall_apply(struct footfall *ff, const struct footfall_op *ops, size_t count, const struct footfall_call *call,
                   struct footfall_result *results, struct footfall_error *err)
{
    struct part *parts = NULL;
    int rc = footfall__enter(ff, call, 1, err);
    int entered = rc == FOOTFALL_OK;
    if (rc == FOOTFALL_OK)
        rc = check_apply(ops, count, call, results, err);
    if (rc == FOOTFALL_OK && count > 0) {
        parts = footfall__calloc(ff->lane_count, sizeof *parts);
        if (parts == NULL)
            rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for %zu operations", count);
    }
    if (rc == FOOTFALL_OK && count > 0) {
        rc = apply_parts(ff, parts, ops, count, call, results, err);
        for (uint32_t i = 0; i < ff->lane_count; i++)
            if (parts[i].request != NULL)
                footfall__lane_unref(parts[i].request);
    } else {
        if (rc == FOOTFALL_OK)
            footfall__fine(err);
        for (size_t i = 0; results != NULL && i < count && count <= OPS_MAX; i++) {
            memset(&results[i], 0, sizeof results[i]);
            results[i].status = (enum footfall_status)rc;
        }
    }
    footfall__free(parts);
    if (entered)
        footfall__leave(ff);
    return rc;
}
