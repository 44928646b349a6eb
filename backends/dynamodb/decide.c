/* decide.c: what the operations of a run come to, one after the other, each seeing what those before it would store
 * (group.h). Nothing is sent from here. */
#include "group.h"

#include "alloc.h"

enum { HOUR_MS = 3600000, FIRST_TOKENS = 8 };

/* ---- a run that begins ---------------------------------------------------------------------------------------------------------- */

static int has_visitors(const struct footfall_store_op *op)
{
    return op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
}

static int goes_with(const struct footfall_store_op *a, const struct footfall_store_op *b)
{
    int additive = (a->kind == FOOTFALL_STORE_ADD || a->kind == FOOTFALL_STORE_VISIT) &&
                   (b->kind == FOOTFALL_STORE_ADD || b->kind == FOOTFALL_STORE_VISIT);
    return additive && a->must_exist == b->must_exist;
}

static size_t place_of(const struct dynamodb_group *g, const uint8_t *id)
{
    uint64_t hash = 0;
    memcpy(&hash, id, sizeof(hash));
    return (size_t)(hash & (g->table_room - 1));
}

static size_t find(const struct dynamodb_group *g, const uint8_t *id)
{
    size_t at = place_of(g, id);
    while (g->visitor_table[at] != 0 &&
           memcmp(g->visitors[g->visitor_table[at] - 1].id, id, FOOTFALL_STORE_ID_BYTES) != 0)
        at = (at + 1) & (g->table_room - 1);
    return at;
}

struct dynamodb_visitor *footfall__dynamodb_visitor(const struct dynamodb_group *g, const uint8_t *id)
{
    size_t number = g->table_room > 0 ? g->visitor_table[find(g, id)] : 0;
    return number > 0 ? &g->visitors[number - 1] : NULL;
}

static void add_visitor(struct dynamodb_group *g, const uint8_t *id)
{
    size_t at = find(g, id);
    struct dynamodb_visitor *v = NULL;
    const struct dynamodb_seen *seen = NULL;
    if (g->visitor_table[at] != 0)
        return;
    v = &g->visitors[g->visitor_count++];
    g->visitor_table[at] = (uint16_t)g->visitor_count;
    memset(v, 0, sizeof(*v));
    memcpy(v->id, id, sizeof(v->id));
    v->read_for = v->r = v->e = -1;
    seen = footfall__dynamodb_seen(g->counter, id);
    if (seen != NULL) {
        v->state = DYNAMODB_THERE;
        v->s = seen->s;
        v->read_for = seen->proven;
        v->remembered = 1;
    }
}

/* Every id of the group, once. */
static int collect_visitors(struct dynamodb_group *g)
{
    size_t count = 0;
    if (g->visitor_count > 0)
        return 0;
    for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next)
        if (has_visitors(&g->batch->ops[at]))
            count += g->batch->ops[at].id_count;
    if (count == 0)
        return 0;
    if (g->visitors == NULL || g->visitor_table == NULL) {
        size_t room = 4;
        while (room < 2 * count)
            room *= 2;
        footfall__free(g->visitors);
        footfall__free(g->visitor_table);
        g->visitors = footfall__calloc(count, sizeof(*g->visitors));
        g->visitor_table = footfall__calloc(room, sizeof(*g->visitor_table));
        if (g->visitors == NULL || g->visitor_table == NULL) { /* both or none: next time one is asked for */
            footfall__free(g->visitors);
            footfall__free(g->visitor_table);
            g->visitors = NULL;
            g->visitor_table = NULL;
            return FOOTFALL_STORE_NO_MEMORY;
        }
        g->visitor_room = count;
        g->table_room = room;
    }
    memset(g->visitor_table, 0, g->table_room * sizeof(*g->visitor_table));
    for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next)
        for (uint32_t j = 0; has_visitors(&g->batch->ops[at]) && j < g->batch->ops[at].id_count; j++)
            add_visitor(g, g->batch->ops[at].ids[j].bytes);
    return 0;
}

static int collect_ops(struct dynamodb_group *g)
{
    const struct footfall_store_op *ops = g->batch->ops;
    size_t count = 0;
    for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next)
        count++;
    if (count > g->op_room) {
        footfall__free(g->ops);
        footfall__free(g->turns);
        g->ops = footfall__array(NULL, count, sizeof(*g->ops));
        g->turns = footfall__array(NULL, count, sizeof(*g->turns));
        g->op_room = g->ops != NULL && g->turns != NULL ? count : 0;
        if (g->op_room == 0)
            return FOOTFALL_STORE_NO_MEMORY;
    }
    g->op_count = 0;
    for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next) {
        if (at != g->at && !goes_with(&ops[g->at], &ops[at]))
            break;
        g->ops[g->op_count++] = at;
    }
    return 0;
}

int footfall__dynamodb_collect(struct dynamodb_group *g)
{
    g->run_count = 0;
    g->exact = g->doubt = g->applied = g->claims = 0;
    g->wall_ms = g->batch->call->wall_ms;
    return collect_visitors(g) != 0 || collect_ops(g) != 0 ? FOOTFALL_STORE_NO_MEMORY : 0;
}

/* ---- what is known --------------------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_not_due(const struct footfall_store_op *op, int64_t last)
{
    return op->window_ms == FOOTFALL_STORE_FOREVER || op->now_ms - last < op->window_ms;
}

void footfall__dynamodb_learn_visitor(struct dynamodb_group *g, struct dynamodb_visitor *v,
                                      const struct dynamodb_record *record, int consistent)
{
    v->to_read = v->remembered = 0;
    v->state = record->there ? DYNAMODB_THERE : DYNAMODB_NOT_THERE;
    v->s = record->s;
    v->r = record->there ? record->r : -1;
    v->e = record->e;
    v->read_for = consistent ? g->counter->r : -1;
}

static int is_proven(const struct dynamodb_group *g, const struct dynamodb_visitor *v)
{
    return v->r == g->counter->r || v->read_for == g->counter->r;
}

static int says_not_due(const struct dynamodb_group *g, const struct footfall_store_op *op)
{
    for (uint32_t j = 0; op->kind == FOOTFALL_STORE_VISIT && j < op->id_count; j++) {
        const struct dynamodb_visitor *v = footfall__dynamodb_visitor(g, op->ids[j].bytes);
        if (v->state == DYNAMODB_THERE && footfall__dynamodb_not_due(op, v->s))
            return 1;
    }
    return 0;
}

/* FORGET wants all; a visit no more than it takes to say that it is not due, and the current id comes first. An id that is
 * only looked up has no condition that would tell: others may have moved its time since it was remembered. */
static size_t want(struct dynamodb_group *g, const struct footfall_store_op *op)
{
    size_t count = 0;
    int not_due = says_not_due(g, op);
    if (not_due && !op->sliding)
        return 0;
    for (uint32_t j = 0; j < op->id_count; j++) {
        struct dynamodb_visitor *v = footfall__dynamodb_visitor(g, op->ids[j].bytes);
        int known = op->kind == FOOTFALL_STORE_VISIT ? !v->remembered || j < op->write_count || not_due
                                                     : v->read_for == g->counter->r;
        if (v->state != DYNAMODB_UNREAD && known)
            continue;
        count += !v->to_read;
        v->to_read = 1;
        if (op->kind == FOOTFALL_STORE_VISIT && !op->sliding)
            break;
    }
    return count;
}

size_t footfall__dynamodb_wanted(struct dynamodb_group *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->op_count; i++)
        if (has_visitors(footfall__dynamodb_op(g, i)))
            count += want(g, footfall__dynamodb_op(g, i));
    return count;
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------------------ */

struct dynamodb_token *footfall__dynamodb_token(const struct dynamodb_group *g, const uint8_t *token)
{
    for (size_t i = 0; i < g->token_count; i++)
        if (memcmp(g->tokens[i].token, token, sizeof(g->tokens[i].token)) == 0)
            return &g->tokens[i];
    return NULL;
}

int footfall__dynamodb_learn_token(struct dynamodb_group *g, const uint8_t *token, const json_t *item)
{
    struct dynamodb_token *known = footfall__dynamodb_token(g, token);
    int64_t is_new = 0;
    if (known == NULL) {
        if (g->token_count == g->token_room) {
            size_t room = g->token_room > 0 ? 2 * g->token_room : FIRST_TOKENS;
            struct dynamodb_token *grown = footfall__array(g->tokens, room, sizeof(*grown));
            if (grown == NULL)
                return FOOTFALL_STORE_NO_MEMORY;
            g->tokens = grown;
            g->token_room = room;
        }
        known = &g->tokens[g->token_count++];
        memcpy(known->token, token, sizeof(known->token));
    }
    known->bound = item != NULL;
    known->f_bytes = 0;
    if (item != NULL &&
        (footfall__dynamodb_take_b(item, "f", known->f, sizeof(known->f), &known->f_bytes) != 1 ||
         known->f_bytes % FOOTFALL_STORE_FINGERPRINT_BYTES != 0 || footfall__dynamodb_take_n(item, "n", &is_new) < 0))
        return FOOTFALL_STORE_BROKEN;
    known->is_new = is_new == 1;
    return 0;
}

static int is_same_operation(const struct footfall_store_op *op, const struct dynamodb_token *known)
{
    uint32_t count = has_visitors(op) ? op->id_count : 1;
    for (uint32_t i = 0; i < count; i++)
        for (size_t at = 0; at < known->f_bytes; at += FOOTFALL_STORE_FINGERPRINT_BYTES)
            if (memcmp(op->fingerprints[i], known->f + at, FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}

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
    return v->written || is_proven(d->g, v) || is_written(op, visit, v, j);
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
    turn->outcome = is_same_operation(op, known) ? DYNAMODB_REPLAYS : DYNAMODB_REFUSED_TOKEN;
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
