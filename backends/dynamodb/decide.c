/* decide.c: what the operations of a run come to, one after the other, each seeing what those before it would store
 * (group.h). Nothing is sent from here. */
#include "group.h"

enum { HOUR_MS = 3600000 };

/* ---- one operation ------------------------------------------------------------------------------------------------------------------- */

struct decision { /* under way */
    struct dynamodb_group *g;
    size_t items; /* of the plan, the counter among them */
    size_t unproven;
    int64_t n, k, n_min, n_max;
};

static int is_old_log(const struct dynamodb_group *g, const struct footfall_store_op *op)
{
    int64_t off = op->now_ms - g->wall_ms;
    return off >= HOUR_MS || off <= -HOUR_MS;
}

/* What the run adds must stay within int64, also where the counter would: the run ends before what leaves it. */
static int run_fits(const struct decision *d, int64_t n)
{
    int64_t sum = 0;
    return !__builtin_add_overflow(d->n, n, &sum);
}

/* In exact mode: would the counter stay within int64? */
static int fits(const struct decision *d, int64_t n, int64_t k)
{
    int64_t sum = 0;
    const struct dynamodb_counter_item *item = &d->g->item;
    return !d->g->exact ||
           (!__builtin_add_overflow(item->t, d->n + n, &sum) && !__builtin_add_overflow(item->u, d->k + k, &sum));
}

static int64_t stored_time(const struct footfall_store_op *op, int seen, int64_t last)
{
    return seen && last > op->now_ms ? last : op->now_ms;
}

struct visit { /* what a visit would do */
    int due;
    int seen;
    int64_t last;
    size_t items;
};

static void look(const struct dynamodb_group *g, const struct footfall_store_op *op, struct visit *out)
{
    memset(out, 0, sizeof(*out));
    for (uint32_t j = 0; j < op->id_count; j++) {
        const struct dynamodb_visitor *v = footfall__dynamodb_visitor(g, op->ids[j].bytes);
        if (v->now_there && (!out->seen || v->now_s > out->last)) {
            out->seen = 1;
            out->last = v->now_s;
        }
    }
    out->due = !out->seen || !footfall__dynamodb_not_due(op, out->last);
}

static int is_written(const struct footfall_store_op *op, const struct visit *visit, const struct dynamodb_visitor *v,
                      uint32_t j)
{
    return j < op->write_count && (visit->due || op->sliding) &&
           (!v->now_there || v->now_s < stored_time(op, visit->seen, visit->last));
}

/* The record is there as it is known, or the plan fails. */
static int is_safe(const struct decision *d, const struct footfall_store_op *op, const struct visit *visit, uint32_t j)
{
    const struct dynamodb_visitor *v = footfall__dynamodb_visitor(d->g, op->ids[j].bytes);
    return v->written || footfall__dynamodb_is_proven(d->g, v) || is_written(op, visit, v, j);
}

/* A visit that is not due rests on a record: one that this run writes under a condition, or one that is proven. A time ahead of
 * its own that a sliding visit would store again must be proven as well. */
static int rests_on_proof(struct decision *d, const struct footfall_store_op *op, const struct visit *visit)
{
    int proven = 0;
    int ahead = 0;
    for (uint32_t j = 0; j < op->id_count; j++) {
        const struct dynamodb_visitor *v = footfall__dynamodb_visitor(d->g, op->ids[j].bytes);
        if (!v->now_there || !footfall__dynamodb_not_due(op, v->now_s))
            continue;
        if (is_safe(d, op, visit, j))
            proven = 1;
        else
            ahead |= op->sliding && v->now_s > op->now_ms;
    }
    if (proven && !ahead)
        return 1;
    for (uint32_t j = 0; j < op->id_count; j++) {
        struct dynamodb_visitor *v = footfall__dynamodb_visitor(d->g, op->ids[j].bytes);
        if (!v->now_there || v->to_read || !footfall__dynamodb_not_due(op, v->now_s) || is_safe(d, op, visit, j))
            continue;
        v->to_read = 1;
        d->unproven++;
    }
    return 0;
}

static int writes(const struct decision *d, const struct footfall_store_op *op, const struct visit *visit)
{
    for (uint32_t j = 0; j < op->id_count; j++)
        if (is_written(op, visit, footfall__dynamodb_visitor(d->g, op->ids[j].bytes), j))
            return 1;
    return 0;
}

/* The items that a visit adds to the plan. */
static size_t count_items(const struct decision *d, const struct footfall_store_op *op, const struct visit *visit)
{
    size_t items = 0;
    for (uint32_t j = 0; writes(d, op, visit) && j < op->id_count; j++) {
        const struct dynamodb_visitor *v = footfall__dynamodb_visitor(d->g, op->ids[j].bytes);
        if (!v->written && !v->checked && (is_written(op, visit, v, j) || is_old_log(d->g, op)))
            items++;
    }
    return items;
}

static void write_visit(struct decision *d, const struct footfall_store_op *op, const struct visit *visit,
                        struct dynamodb_turn *turn)
{
    int64_t time = stored_time(op, visit->seen, visit->last);
    int written[2] = { 0, 0 };
    for (uint32_t j = 0; j < op->id_count; j++) {
        written[j] = is_written(op, visit, footfall__dynamodb_visitor(d->g, op->ids[j].bytes), j);
        turn->writes |= written[j];
    }
    for (uint32_t j = 0; turn->writes && j < op->id_count; j++) {
        struct dynamodb_visitor *v = footfall__dynamodb_visitor(d->g, op->ids[j].bytes);
        if (written[j]) {
            v->expire_ms = !v->written || op->expire_ms > v->expire_ms ? op->expire_ms : v->expire_ms;
            v->written = v->now_there = 1;
            v->now_s = time;
        } else if (is_old_log(d->g, op)) {
            v->checked = 1;
        }
    }
    if (turn->writes && is_old_log(d->g, op))
        d->g->transaction = 1;
}

/* 1: decided; 0: the run ends before it. */
static int decide_visit(struct decision *d, const struct footfall_store_op *op, struct dynamodb_turn *turn, int may_cut)
{
    struct visit visit;
    look(d->g, op, &visit);
    if (!run_fits(d, 1))
        return 0;
    if (!fits(d, 1, visit.due)) {
        turn->outcome = DYNAMODB_REFUSED_RANGE;
        return 1;
    }
    visit.items = count_items(d, op, &visit);
    if (may_cut && d->items + visit.items + (op->token != NULL) > DYNAMODB_TRANSACTION_ITEMS)
        return 0;
    if (may_cut && d->g->claims && is_old_log(d->g, op) && writes(d, op, &visit))
        return 0; /* claims are out: they are for a run that is no transaction */
    if (!visit.due && !rests_on_proof(d, op, &visit))
        return 1; /* will be decided anew */
    d->items += visit.items;
    turn->is_new = visit.due;
    write_visit(d, op, &visit, turn);
    d->n++;
    d->k += visit.due;
    return 1;
}

static int decide_add(struct decision *d, const struct footfall_store_op *op, struct dynamodb_turn *turn)
{
    if (!run_fits(d, op->a))
        return 0;
    if (!fits(d, op->a, 0)) {
        turn->outcome = DYNAMODB_REFUSED_RANGE;
        return 1;
    }
    d->n += op->a;
    return 1;
}

/* A token is told before must_exist and range. 1: that settles it. */
static int decide_token(const struct decision *d, const struct footfall_store_op *op, struct dynamodb_turn *turn)
{
    const struct dynamodb_token *known = op->token != NULL ? footfall__dynamodb_token(d->g, op->token) : NULL;
    if (known == NULL || !known->bound)
        return 0;
    turn->outcome = footfall__dynamodb_is_same_operation(op, known) ? DYNAMODB_REPLAYS : DYNAMODB_REFUSED_TOKEN;
    turn->is_new = turn->outcome == DYNAMODB_REPLAYS && known->is_new;
    return 1;
}

static int token_comes_twice(const struct dynamodb_group *g, size_t count, const uint8_t *token)
{
    for (size_t i = 0; i < count; i++)
        if (footfall__dynamodb_op(g, i)->token != NULL && g->turns[i].binds &&
            memcmp(footfall__dynamodb_op(g, i)->token, token, FOOTFALL_STORE_TOKEN_BYTES) == 0)
            return 1;
    return 0;
}

static int is_absent(const struct dynamodb_group *g, const struct footfall_store_op *op)
{
    return op->must_exist && g->has_item && !g->item.exists;
}

static int decide_op(struct decision *d, size_t i)
{
    struct dynamodb_group *g = d->g;
    const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
    struct dynamodb_turn *turn = &g->turns[i];
    int limited =
        g->store->atomic || g->transaction || g->batch->call->series != NULL || op->token != NULL || is_old_log(g, op);
    int decided = 1;
    if (op->token != NULL && token_comes_twice(g, i, op->token))
        return 0;
    if (i > 0 && g->claims && (op->token != NULL || g->transaction))
        return 0; /* as a claimed run it was none with a token, and stays so */
    if (op->token != NULL && i > 0 && d->items + 1 > DYNAMODB_TRANSACTION_ITEMS)
        return 0;
    if (is_absent(g, op))
        turn->outcome = DYNAMODB_REFUSED_ABSENT;
    else if (op->kind == FOOTFALL_STORE_VISIT)
        decided = decide_visit(d, op, turn, limited && i > 0);
    else if (op->kind == FOOTFALL_STORE_ADD)
        decided = decide_add(d, op, turn);
    if (!decided)
        return 0;
    turn->binds = op->token != NULL;
    d->items += turn->binds != 0;
    g->transaction |= turn->binds;
    return 1;
}

/* 0: the run ends before it. */
static int decide_turn(struct decision *d, size_t i)
{
    struct dynamodb_group *g = d->g;
    const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
    struct dynamodb_turn *turn = &g->turns[i];
    memset(turn, 0, sizeof(*turn));
    if (g->batch->call->series != NULL)
        turn->stored = footfall__dynamodb_series_stored(g, op, turn);
    if (!turn->stored && !decide_token(d, op, turn) && !decide_op(d, i))
        return 0;
    turn->n = d->n;
    turn->k = d->k;
    d->n_min = d->n < d->n_min ? d->n : d->n_min;
    d->n_max = d->n > d->n_max ? d->n : d->n_max;
    return 1;
}

/* ---- a run ------------------------------------------------------------------------------------------------------------------------------ */

/* DELETE or FORGET of what a consistent read shows is not there, and nothing to remember of that. */
static int is_nothing(const struct dynamodb_group *g)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    if (op->token != NULL || g->batch->call->series != NULL)
        return 0;
    if (op->kind == FOOTFALL_STORE_DELETE)
        return !g->item.exists;
    if (op->kind != FOOTFALL_STORE_FORGET)
        return 0;
    for (uint32_t j = 0; j < op->id_count; j++)
        if (footfall__dynamodb_visitor(g, op->ids[j].bytes)->state == DYNAMODB_THERE)
            return 0;
    return 1;
}

static void sum_up(struct dynamodb_group *g, const struct decision *d)
{
    int series = g->batch->call->series != NULL;
    g->n = d->n;
    g->k = d->k;
    g->n_min = d->n_min;
    g->n_max = d->n_max;
    g->sends = g->asks = g->want_tokens = 0;
    for (size_t i = 0; i < g->run_count; i++) {
        const struct dynamodb_turn *turn = &g->turns[i];
        g->asks |= turn->outcome == DYNAMODB_REPLAYS;
        if (turn->stored)
            continue;
        g->sends |= series || turn->outcome == DYNAMODB_COUNTS || turn->outcome == DYNAMODB_REFUSED_RANGE;
        g->want_tokens |= turn->outcome == DYNAMODB_REFUSED_ABSENT && turn->binds &&
                          footfall__dynamodb_token(g, footfall__dynamodb_op(g, i)->token) == NULL;
    }
    if (g->sends && !series && g->run_count == 1 && g->turns[0].outcome == DYNAMODB_COUNTS && is_nothing(g)) {
        g->sends = 0;
        g->asks = 1;
    }
    g->transaction |= series;
}

size_t footfall__dynamodb_decide(struct dynamodb_group *g)
{
    struct decision d = { .g = g, .items = 1 + (g->batch->call->series != NULL) };
    g->transaction = g->store->atomic;
    for (size_t i = 0; i < g->visitor_count; i++) {
        struct dynamodb_visitor *v = &g->visitors[i];
        v->now_there = v->state == DYNAMODB_THERE;
        v->now_s = v->s;
        v->written = v->checked = v->to_read = 0;
    }
    g->run_count = 0;
    while (g->run_count < g->op_count && decide_turn(&d, g->run_count))
        g->run_count++;
    sum_up(g, &d);
    return d.unproven;
}
