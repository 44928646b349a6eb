/* run.c: the steps of a run (group.h): what is read, what is sent, and what each reply means. docs/dynamodb.md has the
 * protocol, and why each rule is there. */
#include "group.h"

#include <stdio.h>

static void enter(struct dynamodb_group *g, enum dynamodb_step step);

/* ---- requests of one step ---------------------------------------------------------------------------------------------------------- */

static const char *table_of(const struct dynamodb_group *g)
{
    return g->store->table;
}

/* Requests could not be made for want of memory: those that could are waited for. 1: the step is over. */
static int is_stuck(struct dynamodb_group *g)
{
    if (g->under_way > 0)
        return 1; /* goes on in footfall__dynamodb_step */
    if (!g->short_of_memory)
        return 0;
    g->short_of_memory = 0;
    footfall__dynamodb_fail(g, FOOTFALL_STORE_NO_MEMORY);
    return 1;
}

static void send_one(struct dynamodb_group *g, enum dynamodb_step step, enum dynamodb_action action, json_t *body,
                     unsigned items)
{
    footfall__dynamodb_drop_calls(g);
    g->step = step;
    (void)footfall__dynamodb_call(g, action, body, items, 0);
    (void)is_stuck(g);
}

static void send_get(struct dynamodb_group *g, enum dynamodb_step step, const struct dynamodb_key *key)
{
    send_one(g, step, DYNAMODB_GET_ITEM, footfall__dynamodb_get_body(g->store, key), 0);
}

static void send_get_counter(struct dynamodb_group *g, enum dynamodb_step step)
{
    struct dynamodb_key key;
    footfall__dynamodb_counter_key(&key, g->name);
    send_get(g, step, &key);
}

/* ---- reads ------------------------------------------------------------------------------------------------------------------------- */

struct reading { /* keys that are gathered, a request for every hundred */
    struct dynamodb_group *g;
    json_t *keys;
};

static void flush(struct reading *r)
{
    if (json_array_size(r->keys) > 0)
        (void)footfall__dynamodb_call(r->g, DYNAMODB_BATCH_GET_ITEM,
                                      footfall__dynamodb_read_body(r->g->store, json_incref(r->keys), r->g->consistent),
                                      0, 0);
    json_decref(r->keys);
    r->keys = NULL;
}

static void read_key(struct reading *r, const struct dynamodb_key *key)
{
    if (r->keys == NULL)
        r->keys = json_array();
    if (json_array_append_new(r->keys, footfall__dynamodb_key_json(key)) != 0)
        r->g->short_of_memory = 1;
    if (json_array_size(r->keys) == DYNAMODB_READ_KEYS)
        flush(r);
}

/* Sends what is wanted: visitors marked to_read, the counter, the series, tokens. */
static void send_reads(struct dynamodb_group *g)
{
    struct reading r = { g, NULL };
    struct dynamodb_key key;
    footfall__dynamodb_drop_calls(g);
    g->read_g = g->counter->g;
    if (g->want_counter) {
        footfall__dynamodb_counter_key(&key, g->name);
        read_key(&r, &key);
    }
    if (g->want_series) {
        footfall__dynamodb_series_key(g, &key);
        read_key(&r, &key);
    }
    for (size_t i = 0; i < g->visitor_count; i++)
        if (g->visitors[i].to_read) {
            footfall__dynamodb_visitor_key(&key, g->name, g->read_g, g->visitors[i].id);
            read_key(&r, &key);
        }
    for (size_t i = 0; g->want_tokens && i < g->run_count; i++)
        if (g->turns[i].binds && footfall__dynamodb_token(g, footfall__dynamodb_op(g, i)->token) == NULL) {
            footfall__dynamodb_other_key(&key, g->name, 't', footfall__dynamodb_op(g, i)->token,
                                         FOOTFALL_STORE_TOKEN_BYTES);
            read_key(&r, &key);
        }
    flush(&r);
    (void)is_stuck(g);
}

static void take_record(struct dynamodb_group *g, struct dynamodb_visitor *v, const struct dynamodb_record *record)
{
    if (g->step == DYNAMODB_RECLAIM || (v->claim == DYNAMODB_WON && g->consistent))
        footfall__dynamodb_reclaim_take(g, v, record);
    else if (v->claim == DYNAMODB_WON)
        v->to_read = 0;
    else
        footfall__dynamodb_learn_visitor(g, v, record, g->step == DYNAMODB_READ && g->consistent);
}

static int take_item(struct dynamodb_group *g, const json_t *item)
{
    struct dynamodb_key key;
    uint8_t sk[FOOTFALL_STORE_ID_BYTES];
    size_t count = 0;
    struct dynamodb_visitor *v = NULL;
    footfall__dynamodb_counter_key(&key, g->name);
    if (g->want_counter && footfall__dynamodb_has_key(item, &key)) {
        g->want_counter = 0;
        return footfall__dynamodb_take_counter(&g->item, item) == 0 ? 0 : FOOTFALL_STORE_BROKEN;
    }
    if (footfall__dynamodb_take_b(item, "sk", sk, sizeof(sk), &count) != 1 || count != sizeof(sk))
        return FOOTFALL_STORE_BROKEN;
    if (g->want_series) {
        footfall__dynamodb_series_key(g, &key);
        if (footfall__dynamodb_has_key(item, &key)) {
            g->want_series = 0;
            return footfall__dynamodb_series_learn(g, item);
        }
    }
    footfall__dynamodb_other_key(&key, g->name, 't', sk, count);
    if (g->want_tokens && footfall__dynamodb_has_key(item, &key))
        return footfall__dynamodb_learn_token(g, sk, item);
    v = footfall__dynamodb_visitor(g, sk);
    footfall__dynamodb_visitor_key(&key, g->name, g->read_g, sk);
    if (v != NULL && v->to_read && footfall__dynamodb_has_key(item, &key)) {
        struct dynamodb_record record;
        if (footfall__dynamodb_take_record(&record, item) != 0)
            return FOOTFALL_STORE_BROKEN;
        take_record(g, v, &record);
        return 0;
    }
    return FOOTFALL_STORE_BROKEN; /* nothing that was asked for */
}

/* The service may leave keys unprocessed: they are asked for again. */
static void ask_for_rest(struct dynamodb_group *g, json_t *keys)
{
    json_t *body = json_object();
    struct dynamodb_call *next = NULL;
    if (footfall__dynamodb_put(body, "RequestItems", json_incref(keys)) == 0)
        next = footfall__dynamodb_call(g, DYNAMODB_BATCH_GET_ITEM, body, 0, 0);
    else
        json_decref(body);
    if (next != NULL)
        footfall__dynamodb_delay(g->store->client, &next->request);
    else
        g->short_of_memory = 1;
}

/* Items of all replies. 1: more of them are under way. */
static int take_items(struct dynamodb_group *g, int *status)
{
    struct dynamodb_call *calls = g->calls;
    int again = 0;
    g->calls = NULL;
    for (const struct dynamodb_call *call = calls; call != NULL; call = call->next) {
        const json_t *items = NULL;
        json_t *keys = NULL;
        if (*status == 0 && footfall__dynamodb_batch_reply(call->reply, table_of(g), &items, &keys) != 0)
            *status = FOOTFALL_STORE_BROKEN;
        for (size_t i = 0; i < json_array_size(items) && *status == 0; i++)
            *status = take_item(g, json_array_get(items, i));
    }
    for (const struct dynamodb_call *call = calls; call != NULL && *status == 0; call = call->next) {
        const json_t *items = NULL;
        json_t *keys = NULL;
        if (footfall__dynamodb_batch_reply(call->reply, table_of(g), &items, &keys) != 0 || keys == NULL)
            continue;
        ask_for_rest(g, keys);
        again = 1;
    }
    footfall__dynamodb_free_calls(calls);
    return again;
}

/* What was asked for and not found is not there. */
static int take_absences(struct dynamodb_group *g)
{
    static const struct dynamodb_record none;
    int status = 0;
    for (size_t i = 0; i < g->visitor_count; i++)
        if (g->visitors[i].to_read)
            take_record(g, &g->visitors[i], &none);
    if (g->want_series)
        status = footfall__dynamodb_series_learn(g, NULL);
    for (size_t i = 0; g->want_tokens && i < g->run_count && status == 0; i++)
        if (g->turns[i].binds && footfall__dynamodb_token(g, footfall__dynamodb_op(g, i)->token) == NULL)
            status = footfall__dynamodb_learn_token(g, footfall__dynamodb_op(g, i)->token, NULL);
    g->want_counter = g->want_series = g->want_tokens = 0;
    return status;
}

static void unreadable(struct dynamodb_group *g, int status)
{
    if (status == FOOTFALL_STORE_NO_MEMORY)
        (void)footfall__dynamodb_no_memory(g->batch->call);
    else
        (void)footfall__dynamodb_fault(g->batch->call, status, "an item in table %s is none of ours", table_of(g));
    footfall__dynamodb_fail(g, status);
}

static void took_reads(struct dynamodb_group *g)
{
    int status = 0;
    int loads = g->step == DYNAMODB_LOAD;
    if (loads && g->want_counter)
        memset(&g->item, 0, sizeof(g->item));
    if (take_items(g, &status)) {
        (void)is_stuck(g);
        return;
    }
    if (status == 0)
        status = take_absences(g);
    if (status != 0) {
        unreadable(g, status);
        return;
    }
    if (loads) {
        struct dynamodb_counter_item item = g->item;
        footfall__dynamodb_learn_counter(g, &item);
    }
    footfall__dynamodb_proceed(g);
}

/* ---- beginning ----------------------------------------------------------------------------------------------------------------------- */

static int must_load(const struct dynamodb_group *g)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    if (!g->counter->known)
        return 1;
    if (g->batch->call->series != NULL && !footfall__dynamodb_series_known(g))
        return 1;
    return !g->has_item &&
           (g->counter->slot < 0 || op->kind == FOOTFALL_STORE_DELETE || op->kind == FOOTFALL_STORE_FORGET);
}

/* The counter's item and, at the first touch, all that the run looks up. */
static void load(struct dynamodb_group *g)
{
    int first = !g->counter->known;
    g->step = DYNAMODB_LOAD;
    g->consistent = 1;
    g->want_counter = 1;
    g->want_tokens = 0;
    g->want_series = g->batch->call->series != NULL && !footfall__dynamodb_series_known(g);
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].to_read = 0;
    for (size_t i = 0; first && i < g->op_count; i++) {
        const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
        for (uint32_t j = 0; op->kind == FOOTFALL_STORE_VISIT && j < op->id_count; j++)
            footfall__dynamodb_visitor(g, op->ids[j].bytes)->to_read = 1;
    }
    send_reads(g);
}

static void read_visitors(struct dynamodb_group *g, int consistent)
{
    g->step = DYNAMODB_READ;
    g->consistent = consistent;
    g->want_counter = g->want_series = 0;
    send_reads(g);
}

/* ---- the end of a run -------------------------------------------------------------------------------------------------------------- */

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

static int bind_tokens(struct dynamodb_group *g)
{
    for (size_t i = 0; i < g->run_count; i++) {
        const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
        struct dynamodb_token *known = NULL;
        int visitors = op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
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
    return 0;
}

/* x and y are there: every operation of the run has its answer. */
static void end_run(struct dynamodb_group *g)
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
        (void)bind_tokens(g);
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

static void applied(struct dynamodb_group *g, int64_t x, int64_t y)
{
    g->applied = 1;
    if (!is_plausible(g, x, y)) {
        unreadable(g, FOOTFALL_STORE_BROKEN);
        return;
    }
    g->x = x;
    g->y = y;
    if (!footfall__dynamodb_give_back(g))
        end_run(g);
}

/* ---- the plan ------------------------------------------------------------------------------------------------------------------------ */

static void send_plan(struct dynamodb_group *g)
{
    json_t *body = NULL;
    footfall__dynamodb_drop_calls(g);
    g->step = DYNAMODB_PLAN;
    g->doubt = 0;
    g->plan.mark = footfall__dynamodb_mark(&g->store->marker, footfall__dynamodb_now_ms(g->store->client));
    body = footfall__dynamodb_plan_body(g);
    send_one(g, DYNAMODB_PLAN, g->plan.transaction ? DYNAMODB_TRANSACT_WRITE_ITEMS : DYNAMODB_UPDATE_ITEM, body,
             (unsigned)g->plan.part_count);
}

void footfall__dynamodb_proceed(struct dynamodb_group *g)
{
    int forgets = footfall__dynamodb_op(g, 0)->kind == FOOTFALL_STORE_FORGET;
    if (must_load(g)) {
        load(g);
        return;
    }
    g->want_tokens = 0;
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].to_read = 0;
    if (footfall__dynamodb_wanted(g) > 0) {
        read_visitors(g, forgets);
        return;
    }
    if (footfall__dynamodb_decide(g) > 0 || g->want_tokens) {
        read_visitors(g, 1);
        return;
    }
    if (!g->sends && g->batch->call->series != NULL && !g->series_fresh) { /* nothing would check what is remembered */
        g->counter->series.known = 0;
        load(g);
        return;
    }
    if (!g->sends && g->asks && !g->has_item) {
        send_get_counter(g, DYNAMODB_REPLAY);
        return;
    }
    if (!g->sends) {
        applied(g, g->item.t, g->item.u);
        return;
    }
    if (footfall__dynamodb_claims_wanted(g)) {
        footfall__dynamodb_claim(g);
        return;
    }
    if (g->counter->slot < 0 && footfall__dynamodb_choose_slot(g)) {
        send_one(g, DYNAMODB_SPILL, DYNAMODB_PUT_ITEM, footfall__dynamodb_spill_body(g), 1);
        return;
    }
    send_plan(g);
}

void footfall__dynamodb_plan_dead(struct dynamodb_group *g)
{
    g->doubt = 0;
    footfall__dynamodb_drop_calls(g);
    footfall__dynamodb_proceed(g);
}

/* ---- replies ---------------------------------------------------------------------------------------------------------------------------- */

static int read_values(const json_t *attributes, int slot, int64_t *x, int64_t *y)
{
    const char xs[] = { 'x', "0123456789abcdef"[slot], '\0' };
    const char ys[] = { 'y', xs[1], '\0' };
    return footfall__dynamodb_take_n(attributes, xs, x) == 1 && footfall__dynamodb_take_n(attributes, ys, y) == 1;
}

static int holds_mark(const struct dynamodb_group *g, const struct dynamodb_mark *mark)
{
    const struct dynamodb_slot *slot = &g->item.slots[g->plan.slot];
    return slot->used && footfall__dynamodb_same_mark(&slot->mark, mark);
}

static int holds_prev(const struct dynamodb_group *g)
{
    return g->plan.has_prev ? holds_mark(g, &g->plan.prev) : !g->item.slots[g->plan.slot].used;
}

static void applied_by_slot(struct dynamodb_group *g)
{
    const struct dynamodb_slot *slot = &g->item.slots[g->plan.slot];
    applied(g, slot->x, slot->y);
}

static void find_spilled(struct dynamodb_group *g)
{
    struct dynamodb_key key;
    footfall__dynamodb_other_key(&key, g->name, 'm', g->plan.mark.bytes, sizeof(g->plan.mark.bytes));
    send_get(g, DYNAMODB_FIND, &key);
}

static int take_get(struct dynamodb_group *g)
{
    struct dynamodb_counter_item item;
    if (footfall__dynamodb_take_counter(&item, json_object_get(g->calls->reply, "Item")) != 0) {
        unreadable(g, FOOTFALL_STORE_BROKEN);
        return 0;
    }
    footfall__dynamodb_learn_counter(g, &item);
    return 1;
}

/* Could what failed become true again? */
static int bounds_failed(const struct dynamodb_group *g)
{
    const struct dynamodb_plan *plan = &g->plan;
    const struct dynamodb_counter_item *now = &g->item;
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    if (plan->exact)
        return now->exists != plan->base_exists || (now->exists && (now->t != plan->base_t || now->u != plan->base_u));
    if (op->must_exist && !now->exists)
        return 1;
    return (op->kind == FOOTFALL_STORE_ADD || op->kind == FOOTFALL_STORE_VISIT) && now->exists &&
           (now->t < plan->low || now->t > plan->high || now->u > plan->unique_high);
}

/* Are claims still ours, now that the revision is another? */
static void reclaim(struct dynamodb_group *g)
{
    g->step = DYNAMODB_RECLAIM;
    g->consistent = 1;
    g->want_counter = g->want_series = g->want_tokens = 0;
    if (footfall__dynamodb_reclaim_marks(g) == 0)
        footfall__dynamodb_plan_dead(g);
    else
        send_reads(g);
}

static void another_plan(struct dynamodb_group *g)
{
    g->exact = g->plan.bound_failed;
    if (g->claims && g->claim_r != g->counter->r) {
        g->doubt = 0;
        reclaim(g);
        return;
    }
    footfall__dynamodb_plan_dead(g);
}

static void slot_is_taken(struct dynamodb_group *g)
{
    g->counter->slot = -1;
    if (g->doubt) {
        find_spilled(g);
        return;
    }
    another_plan(g);
}

/* A condition failed; g->item is the counter as it was then, or as it is now. */
static void judge(struct dynamodb_group *g)
{
    if (holds_mark(g, &g->plan.mark)) {
        applied_by_slot(g);
        return;
    }
    g->plan.bound_failed = bounds_failed(g);
    if (!holds_prev(g)) {
        slot_is_taken(g);
        return;
    }
    if (g->doubt || g->plan.bound_failed) {
        enter(g, DYNAMODB_FENCE);
        return;
    }
    another_plan(g);
}

/* Records are proven for the revision of the plan: another may have been learnt from the counter's part, and be younger. */
static int learn_part(struct dynamodb_group *g, const struct dynamodb_part *part, const json_t *item)
{
    struct dynamodb_record record;
    switch (part->kind) {
    case DYNAMODB_PART_VISITOR:
        if (footfall__dynamodb_take_record(&record, item) != 0)
            return FOOTFALL_STORE_BROKEN;
        footfall__dynamodb_learn_visitor(g, &g->visitors[part->about], &record, g->counter->r == g->plan.r);
        return 0;
    case DYNAMODB_PART_TOKEN:
        return footfall__dynamodb_learn_token(g, footfall__dynamodb_op(g, part->about)->token, item);
    case DYNAMODB_PART_SERIES:
        return footfall__dynamodb_series_learn(g, item);
    default:
        return 0;
    }
}

/* The item that a failed part of the plan has, if it failed. */
static int reason_of(const struct dynamodb_group *g, size_t part, const json_t **item)
{
    const json_t *reply = g->calls->reply;
    const json_t *reason = reply;
    const char *code = NULL;
    if (g->plan.transaction) {
        reason = json_array_get(json_object_get(reply, "CancellationReasons"), part);
        code = json_string_value(json_object_get(reason, "Code"));
        if (code == NULL || strcmp(code, "ConditionalCheckFailed") != 0)
            return 0;
    }
    *item = json_object_get(reason, "Item");
    return 1;
}

static void plan_failed(struct dynamodb_group *g)
{
    const json_t *item = NULL;
    struct dynamodb_counter_item counter;
    int counter_failed = reason_of(g, 0, &item);
    int64_t generation = g->counter->g;
    int status = 0;
    if (counter_failed) {
        if (footfall__dynamodb_take_counter(&counter, item) != 0) {
            unreadable(g, FOOTFALL_STORE_BROKEN);
            return;
        }
        footfall__dynamodb_learn_counter(g, &counter);
    }
    for (size_t i = 1; i < g->plan.part_count && status == 0; i++)
        if (reason_of(g, i, &item) && (g->plan.parts[i].kind != DYNAMODB_PART_VISITOR || generation == g->counter->g))
            status = learn_part(g, &g->plan.parts[i], item);
    if (status != 0) {
        unreadable(g, status);
        return;
    }
    if (counter_failed) {
        judge(g);
        return;
    }
    if (g->doubt) { /* the service may name one of several failures only: look */
        enter(g, DYNAMODB_LOOK);
        return;
    }
    g->plan.bound_failed = g->exact;
    another_plan(g);
}

static void took_plan(struct dynamodb_group *g)
{
    const struct dynamodb_call *call = g->calls;
    int64_t x = 0;
    int64_t y = 0;
    if (call->request.answer != DYNAMODB_ANSWERED) {
        plan_failed(g);
        return;
    }
    if (!g->plan.transaction && read_values(json_object_get(call->reply, "Attributes"), g->plan.slot, &x, &y)) {
        applied(g, x, y);
        return;
    }
    g->applied = 1;
    enter(g, DYNAMODB_VALUES);
}

static void took_values(struct dynamodb_group *g)
{
    if (!take_get(g))
        return;
    if (holds_mark(g, &g->plan.mark))
        applied_by_slot(g);
    else
        find_spilled(g);
}

static void took_spilled(struct dynamodb_group *g)
{
    const json_t *item = json_object_get(g->calls->reply, "Item");
    int64_t x = 0;
    int64_t y = 0;
    if (item != NULL &&
        (footfall__dynamodb_take_n(item, "x", &x) != 1 || footfall__dynamodb_take_n(item, "y", &y) != 1)) {
        unreadable(g, FOOTFALL_STORE_BROKEN); /* it may be ours: the doubt stays */
        return;
    }
    if (item != NULL) {
        applied(g, x, y);
        return;
    }
    if (g->applied) {
        (void)footfall__dynamodb_fault(g->batch->call, FOOTFALL_STORE_UNKNOWN,
                                       "what an update of table %s found is no longer there", table_of(g));
        footfall__dynamodb_fail(g, FOOTFALL_STORE_UNKNOWN);
        return;
    }
    g->doubt = 0;
    another_plan(g);
}

static void took_fence(struct dynamodb_group *g)
{
    struct dynamodb_counter_item counter;
    if (g->calls->request.answer == DYNAMODB_CONDITION) {
        if (footfall__dynamodb_take_counter(&counter, json_object_get(g->calls->reply, "Item")) != 0) {
            unreadable(g, FOOTFALL_STORE_BROKEN);
            return;
        }
        footfall__dynamodb_learn_counter(g, &counter);
        if (holds_mark(g, &g->plan.mark)) {
            applied_by_slot(g);
            return;
        }
        if (!holds_mark(g, &g->plan.fence)) {
            slot_is_taken(g);
            return;
        }
    }
    g->counter->has_prev = 1;
    g->counter->prev = g->plan.fence;
    g->doubt = 0;
    another_plan(g);
}

static void took_replay(struct dynamodb_group *g)
{
    if (take_get(g))
        footfall__dynamodb_proceed(g);
}

/* ---- steps ---------------------------------------------------------------------------------------------------------------------------------- */

/* Sends what a step begins with; also when that could not be made before. */
static void enter(struct dynamodb_group *g, enum dynamodb_step step)
{
    switch (step) {
    case DYNAMODB_REPLAY:
    case DYNAMODB_VALUES:
    case DYNAMODB_LOOK:
        send_get_counter(g, step);
        break;
    case DYNAMODB_FIND:
        find_spilled(g);
        break;
    case DYNAMODB_FENCE:
        g->plan.fence = footfall__dynamodb_mark(&g->store->marker, footfall__dynamodb_now_ms(g->store->client));
        send_one(g, DYNAMODB_FENCE, DYNAMODB_UPDATE_ITEM, footfall__dynamodb_fence_body(g), 1);
        break;
    case DYNAMODB_SPILL:
        g->counter->slot = -1; /* it could not be put aside */
        footfall__dynamodb_proceed(g);
        break;
    case DYNAMODB_CLAIM:
        footfall__dynamodb_claim(g);
        break;
    case DYNAMODB_RECLAIM:
        reclaim(g);
        break;
    case DYNAMODB_GIVE_BACK:
        applied(g, g->x, g->y);
        break;
    case DYNAMODB_BEGIN:
        if (footfall__dynamodb_collect(g) != 0) {
            (void)footfall__dynamodb_no_memory(g->batch->call);
            footfall__dynamodb_fail(g, FOOTFALL_STORE_NO_MEMORY);
            break;
        }
        footfall__dynamodb_proceed(g);
        break;
    default:
        footfall__dynamodb_proceed(g);
        break;
    }
}

/* The first request of the step that has no answer to go on with. */
static int refusal(struct dynamodb_group *g)
{
    int status = 0;
    for (struct dynamodb_call *call = g->calls; call != NULL; call = call->next) {
        if (g->step == DYNAMODB_PLAN)
            g->doubt |= call->request.doubt;
        if (g->step == DYNAMODB_CLAIM)
            g->claims |= call->request.doubt || call->request.answer == DYNAMODB_ANSWERED;
        if (!call->done && status == 0)
            status = footfall__dynamodb_status(call->request.answer, call->request.action, table_of(g), g->batch->call);
    }
    return status;
}

void footfall__dynamodb_step(struct dynamodb_group *g)
{
    int status = refusal(g);
    if (g->short_of_memory) { /* some requests of the step were never made: all of it again, if it goes on */
        status = status != 0 ? status : FOOTFALL_STORE_NO_MEMORY;
        footfall__dynamodb_drop_calls(g);
    }
    g->short_of_memory = 0;
    if (status != 0) {
        footfall__dynamodb_fail(g, status);
        return;
    }
    if (g->calls == NULL) {
        enter(g, g->step);
        return;
    }
    switch (g->step) {
    case DYNAMODB_LOAD:
    case DYNAMODB_READ:
    case DYNAMODB_RECLAIM:
        took_reads(g);
        break;
    case DYNAMODB_REPLAY:
        took_replay(g);
        break;
    case DYNAMODB_SPILL:
        send_plan(g);
        break;
    case DYNAMODB_CLAIM:
        footfall__dynamodb_claimed(g);
        break;
    case DYNAMODB_PLAN:
        took_plan(g);
        break;
    case DYNAMODB_VALUES:
        took_values(g);
        break;
    case DYNAMODB_LOOK:
        if (take_get(g))
            judge(g);
        break;
    case DYNAMODB_FIND:
        took_spilled(g);
        break;
    case DYNAMODB_FENCE:
        took_fence(g);
        break;
    case DYNAMODB_GIVE_BACK:
        end_run(g);
        break;
    default:
        break;
    }
}
