/* finish.c: the end of a run (group.h): each operation's answer, and what is remembered. */
#include "group.h"

static int status_of(const struct dynamodb_turn *turn)
{
    switch (turn->outcome) {
    case DYNAMODB_REFUSED_TOKEN:
        return FOOTFALL_STORE_TOKEN;
    case DYNAMODB_REFUSED_RANGE:
        return FOOTFALL_STORE_RANGE;
    case DYNAMODB_REFUSED_ABSENT:
        return FOOTFALL_STORE_ABSENT;
    default:
        return FOOTFALL_STORE_OK;
    }
}

static void answer(struct dynamodb_group *g, size_t i)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
    const struct dynamodb_turn *turn = &g->turns[i];
    struct dynamodb_op_state *state = &g->batch->states[g->ops[i]];
    memset(&state->result, 0, sizeof(state->result));
    state->decided = 1;
    state->result.status = (enum footfall_store_status)status_of(turn);
    if (state->result.status != FOOTFALL_STORE_OK)
        return;
    state->result.is_new = (uint8_t)turn->is_new;
    state->result.replayed = state->result.current = turn->outcome == DYNAMODB_REPLAYS;
    if (op->kind == FOOTFALL_STORE_SET && turn->outcome == DYNAMODB_COUNTS) {
        state->result.total = op->a;
        state->result.unique = op->b;
        return;
    }
    state->result.total = g->x + turn->n;
    state->result.unique = g->y + turn->k;
}

/* What was written holds for the revision it was written under: another that was learnt since may have taken it away again. */
static void remember_visitors(struct dynamodb_group *g)
{
    struct dynamodb_counter *c = g->counter;
    for (size_t i = 0; i < g->visitor_count; i++) {
        struct dynamodb_visitor *v = &g->visitors[i];
        if (v->written && g->plan.g == c->g) {
            v->state = DYNAMODB_THERE;
            v->s = v->now_s;
            v->r = v->read_for = g->plan.r;
            v->e = -1;
        }
        v->claim = DYNAMODB_UNCLAIMED;
        if (v->state == DYNAMODB_THERE)
            footfall__dynamodb_see(&g->store->memory, c, v->id, v->s, v->r == c->r || v->read_for == c->r ? c->r : -1);
    }
}

/* Nothing that was remembered holds after DELETE or FORGET. */
static void forget_all(struct dynamodb_group *g)
{
    footfall__dynamodb_forget_counter(&g->store->memory, g->counter);
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].state = DYNAMODB_UNREAD;
}

static void bind_tokens(struct dynamodb_group *g)
{
    for (size_t i = 0; i < g->run_count; i++) {
        const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
        struct dynamodb_token *known = NULL;
        int visitors = footfall__dynamodb_has_visitors(op);
        if (!g->turns[i].binds || g->turns[i].outcome != DYNAMODB_COUNTS)
            continue;
        if (footfall__dynamodb_learn_token(g, op->token, NULL) != 0)
            continue; /* its condition will tell */
        known = footfall__dynamodb_token(g, op->token);
        known->bound = 1;
        known->is_new = g->turns[i].is_new;
        known->f_bytes = (visitors && op->write_count > 0 ? op->write_count : 1) * FOOTFALL_STORE_FINGERPRINT_BYTES;
        memcpy(known->f, op->fingerprints, known->f_bytes);
    }
}

/* x and y are there: every operation of the run has its answer. */
void footfall__dynamodb_end_run(struct dynamodb_group *g)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    size_t count = g->run_count;
    if (op->kind == FOOTFALL_STORE_DELETE && !g->sends && g->turns[0].outcome == DYNAMODB_COUNTS)
        g->x = g->y = 0;
    for (size_t i = 0; i < count; i++)
        answer(g, i);
    if (g->sends) {
        g->counter->has_prev = 1;
        g->counter->prev = g->plan.mark;
        if (g->batch->call->series != NULL)
            footfall__dynamodb_series_moved(g);
        bind_tokens(g);
    }
    remember_visitors(g);
    if (g->sends && g->turns[0].outcome == DYNAMODB_COUNTS &&
        (op->kind == FOOTFALL_STORE_DELETE || op->kind == FOOTFALL_STORE_FORGET))
        forget_all(g);
    for (size_t i = 0; i < count; i++)
        g->at = g->batch->states[g->at].next;
    footfall__dynamodb_drop_calls(g);
    g->has_item = g->doubt = g->applied = g->claims = 0;
    g->step = g->at != DYNAMODB_NO_OP ? DYNAMODB_BEGIN : DYNAMODB_END;
    if (g->step == DYNAMODB_BEGIN)
        footfall__dynamodb_step(g);
}

/* What the run adds was within bounds when it was applied, so nothing else than a wrong answer leaves them. */
static int is_plausible(const struct dynamodb_group *g, int64_t x, int64_t y)
{
    int64_t sum = 0;
    return !g->sends || (!__builtin_add_overflow(x, g->n_min, &sum) && !__builtin_add_overflow(x, g->n_max, &sum) &&
                         !__builtin_add_overflow(y, g->k, &sum));
}

void footfall__dynamodb_applied(struct dynamodb_group *g, int64_t x, int64_t y)
{
    g->applied = 1;
    if (!is_plausible(g, x, y)) {
        footfall__dynamodb_unreadable(g, FOOTFALL_STORE_BROKEN);
        return;
    }
    g->x = x;
    g->y = y;
    if (!footfall__dynamodb_give_back(g))
        footfall__dynamodb_end_run(g);
}
