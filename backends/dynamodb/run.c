/* run.c: a run from step to step (group.h): what is done next, and what each step begins with. What was read is load.c's, what
 * became of a plan outcome.c's, and the end of a run finish.c's. docs/dynamodb.md has the protocol, and why each rule is there. */
#include "group.h"

/* ---- requests of one step ---------------------------------------------------------------------------------------------------------- */

/* Requests could not be made for want of memory: those that could are waited for. 1: the step is over. */
int footfall__dynamodb_is_stuck(struct dynamodb_group *g)
{
    if (g->under_way > 0)
        return 1; /* goes on in footfall__dynamodb_step */
    if (!g->short_of_memory)
        return 0;
    g->short_of_memory = 0;
    footfall__dynamodb_fail(g, FOOTFALL_STORE_NO_MEMORY);
    return 1;
}

void footfall__dynamodb_send_one(struct dynamodb_group *g, enum dynamodb_step step, enum dynamodb_action action,
                                 json_t *body, unsigned items)
{
    footfall__dynamodb_drop_calls(g);
    g->step = step;
    (void)footfall__dynamodb_call(g, action, body, items, 0);
    (void)footfall__dynamodb_is_stuck(g);
}

void footfall__dynamodb_send_get(struct dynamodb_group *g, enum dynamodb_step step, const struct dynamodb_key *key)
{
    footfall__dynamodb_send_one(g, step, DYNAMODB_GET_ITEM, footfall__dynamodb_get_body(g->store, key), 0);
}

void footfall__dynamodb_get_counter(struct dynamodb_group *g, enum dynamodb_step step)
{
    struct dynamodb_key key;
    footfall__dynamodb_counter_key(&key, g->name);
    footfall__dynamodb_send_get(g, step, &key);
}

void footfall__dynamodb_unreadable(struct dynamodb_group *g, int status)
{
    if (status == FOOTFALL_STORE_NO_MEMORY)
        (void)footfall__dynamodb_no_memory(g->batch->call);
    else
        (void)footfall__dynamodb_fault(g->batch->call, status, "an item in table %s is none of ours", g->store->table);
    footfall__dynamodb_fail(g, status);
}

/* ---- the plan ------------------------------------------------------------------------------------------------------------------------ */

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

static void send_plan(struct dynamodb_group *g)
{
    json_t *body = NULL;
    footfall__dynamodb_drop_calls(g);
    g->step = DYNAMODB_PLAN;
    g->doubt = 0;
    g->plan.mark = footfall__dynamodb_mark(&g->store->marker, footfall__dynamodb_now_ms(g->store->client));
    body = footfall__dynamodb_plan_body(g);
    footfall__dynamodb_send_one(g, DYNAMODB_PLAN,
                                g->plan.transaction ? DYNAMODB_TRANSACT_WRITE_ITEMS : DYNAMODB_UPDATE_ITEM, body,
                                (unsigned)g->plan.part_count);
}

void footfall__dynamodb_proceed(struct dynamodb_group *g)
{
    int forgets = footfall__dynamodb_op(g, 0)->kind == FOOTFALL_STORE_FORGET;
    if (must_load(g)) {
        footfall__dynamodb_load(g);
        return;
    }
    g->want_tokens = 0;
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].to_read = 0;
    if (footfall__dynamodb_wanted(g) > 0) {
        footfall__dynamodb_read_visitors(g, forgets);
        return;
    }
    if (footfall__dynamodb_decide(g) > 0 || g->want_tokens) {
        footfall__dynamodb_read_visitors(g, 1);
        return;
    }
    if (!g->sends && g->batch->call->series != NULL && !g->series_fresh) { /* nothing would check what is remembered */
        g->counter->series.known = 0;
        footfall__dynamodb_load(g);
        return;
    }
    if (!g->sends && g->asks && !g->has_item) {
        footfall__dynamodb_get_counter(g, DYNAMODB_REPLAY);
        return;
    }
    if (!g->sends) {
        footfall__dynamodb_applied(g, g->item.t, g->item.u);
        return;
    }
    if (footfall__dynamodb_claims_wanted(g)) {
        footfall__dynamodb_claim(g);
        return;
    }
    if (g->counter->slot < 0 && footfall__dynamodb_choose_slot(g)) {
        footfall__dynamodb_send_one(g, DYNAMODB_SPILL, DYNAMODB_PUT_ITEM, footfall__dynamodb_spill_body(g), 1);
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

/* ---- steps ---------------------------------------------------------------------------------------------------------------------------------- */

/* Sends what a step begins with; also when that could not be made before. */
void footfall__dynamodb_enter(struct dynamodb_group *g, enum dynamodb_step step)
{
    switch (step) {
    case DYNAMODB_REPLAY:
    case DYNAMODB_VALUES:
    case DYNAMODB_LOOK:
        footfall__dynamodb_get_counter(g, step);
        break;
    case DYNAMODB_FIND:
        footfall__dynamodb_find_spilled(g);
        break;
    case DYNAMODB_FENCE:
        g->plan.fence = footfall__dynamodb_mark(&g->store->marker, footfall__dynamodb_now_ms(g->store->client));
        footfall__dynamodb_send_one(g, DYNAMODB_FENCE, DYNAMODB_UPDATE_ITEM, footfall__dynamodb_fence_body(g), 1);
        break;
    case DYNAMODB_SPILL:
        g->counter->slot = -1; /* it could not be put aside */
        footfall__dynamodb_proceed(g);
        break;
    case DYNAMODB_CLAIM:
        footfall__dynamodb_claim(g);
        break;
    case DYNAMODB_RECLAIM:
        footfall__dynamodb_reclaim(g);
        break;
    case DYNAMODB_GIVE_BACK:
        footfall__dynamodb_applied(g, g->x, g->y);
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
            status =
                footfall__dynamodb_status(call->request.answer, call->request.action, g->store->table, g->batch->call);
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
        footfall__dynamodb_enter(g, g->step);
        return;
    }
    switch (g->step) {
    case DYNAMODB_LOAD:
    case DYNAMODB_READ:
    case DYNAMODB_RECLAIM:
        footfall__dynamodb_took_reads(g);
        break;
    case DYNAMODB_REPLAY:
        footfall__dynamodb_took_replay(g);
        break;
    case DYNAMODB_SPILL:
        send_plan(g);
        break;
    case DYNAMODB_CLAIM:
        footfall__dynamodb_claimed(g);
        break;
    case DYNAMODB_PLAN:
        footfall__dynamodb_took_plan(g);
        break;
    case DYNAMODB_VALUES:
        footfall__dynamodb_took_values(g);
        break;
    case DYNAMODB_LOOK:
        if (footfall__dynamodb_take_get(g))
            footfall__dynamodb_judge_slot(g);
        break;
    case DYNAMODB_FIND:
        footfall__dynamodb_took_spilled(g);
        break;
    case DYNAMODB_FENCE:
        footfall__dynamodb_took_fence(g);
        break;
    case DYNAMODB_GIVE_BACK:
        footfall__dynamodb_end_run(g);
        break;
    default:
        break;
    }
}
