/* outcome.c: what the replies to a plan mean (group.h): applied, not applied and never to be, or to be looked at, in the order
 * that docs/dynamodb.md gives. */
#include "group.h"

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
    footfall__dynamodb_applied(g, slot->x, slot->y);
}

void footfall__dynamodb_find_spilled(struct dynamodb_group *g)
{
    struct dynamodb_key key;
    footfall__dynamodb_other_key(&key, g->name, 'm', g->plan.mark.bytes, sizeof(g->plan.mark.bytes));
    footfall__dynamodb_send_get(g, DYNAMODB_FIND, &key);
}

int footfall__dynamodb_take_get(struct dynamodb_group *g)
{
    struct dynamodb_counter_item item;
    if (footfall__dynamodb_take_counter(&item, json_object_get(g->calls->reply, "Item")) != 0) {
        footfall__dynamodb_unreadable(g, FOOTFALL_STORE_BROKEN);
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
void footfall__dynamodb_reclaim(struct dynamodb_group *g)
{
    g->step = DYNAMODB_RECLAIM;
    g->consistent = 1;
    g->want_counter = g->want_series = g->want_tokens = 0;
    if (footfall__dynamodb_reclaim_marks(g) == 0)
        footfall__dynamodb_plan_dead(g);
    else
        footfall__dynamodb_send_reads(g);
}

static void another_plan(struct dynamodb_group *g)
{
    g->exact = g->plan.bound_failed;
    if (g->claims && g->claim_r != g->counter->r) {
        g->doubt = 0;
        footfall__dynamodb_reclaim(g);
        return;
    }
    footfall__dynamodb_plan_dead(g);
}

/* Also when no attempt is in doubt: something on the way may have sent the plan twice, and only the second copy's refusal came. */
static void slot_is_taken(struct dynamodb_group *g)
{
    g->counter->slot = -1;
    g->doubt = 1;
    footfall__dynamodb_find_spilled(g);
}

/* A condition failed; g->item is the counter as it was then, or as it is now. */
void footfall__dynamodb_judge_slot(struct dynamodb_group *g)
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
        footfall__dynamodb_enter(g, DYNAMODB_FENCE);
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
            footfall__dynamodb_unreadable(g, FOOTFALL_STORE_BROKEN);
            return;
        }
        footfall__dynamodb_learn_counter(g, &counter);
    }
    for (size_t i = 1; i < g->plan.part_count && status == 0; i++)
        if (reason_of(g, i, &item) && (g->plan.parts[i].kind != DYNAMODB_PART_VISITOR || generation == g->counter->g))
            status = learn_part(g, &g->plan.parts[i], item);
    if (status != 0) {
        footfall__dynamodb_unreadable(g, status);
        return;
    }
    if (counter_failed) {
        footfall__dynamodb_judge_slot(g);
        return;
    }
    if (g->doubt) { /* the service may name one of several failures only: look */
        footfall__dynamodb_enter(g, DYNAMODB_LOOK);
        return;
    }
    g->plan.bound_failed = g->exact;
    another_plan(g);
}

void footfall__dynamodb_took_plan(struct dynamodb_group *g)
{
    const struct dynamodb_call *call = g->calls;
    int64_t x = 0;
    int64_t y = 0;
    if (call->request.answer != DYNAMODB_ANSWERED) {
        plan_failed(g);
        return;
    }
    if (!g->plan.transaction && read_values(json_object_get(call->reply, "Attributes"), g->plan.slot, &x, &y)) {
        footfall__dynamodb_applied(g, x, y);
        return;
    }
    g->applied = 1;
    footfall__dynamodb_enter(g, DYNAMODB_VALUES);
}

void footfall__dynamodb_took_values(struct dynamodb_group *g)
{
    if (!footfall__dynamodb_take_get(g))
        return;
    if (holds_mark(g, &g->plan.mark))
        applied_by_slot(g);
    else
        footfall__dynamodb_find_spilled(g);
}

void footfall__dynamodb_took_spilled(struct dynamodb_group *g)
{
    const json_t *item = json_object_get(g->calls->reply, "Item");
    int64_t x = 0;
    int64_t y = 0;
    if (item != NULL &&
        (footfall__dynamodb_take_n(item, "x", &x) != 1 || footfall__dynamodb_take_n(item, "y", &y) != 1)) {
        footfall__dynamodb_unreadable(g, FOOTFALL_STORE_BROKEN); /* it may be ours: the doubt stays */
        return;
    }
    if (item != NULL) {
        footfall__dynamodb_applied(g, x, y);
        return;
    }
    if (g->applied) {
        (void)footfall__dynamodb_fault(g->batch->call, FOOTFALL_STORE_UNKNOWN,
                                       "what an update of table %s found is no longer there", g->store->table);
        footfall__dynamodb_fail(g, FOOTFALL_STORE_UNKNOWN);
        return;
    }
    g->doubt = 0;
    another_plan(g);
}

void footfall__dynamodb_took_fence(struct dynamodb_group *g)
{
    struct dynamodb_counter_item counter;
    if (g->calls->request.answer == DYNAMODB_CONDITION) {
        if (footfall__dynamodb_take_counter(&counter, json_object_get(g->calls->reply, "Item")) != 0) {
            footfall__dynamodb_unreadable(g, FOOTFALL_STORE_BROKEN);
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

void footfall__dynamodb_took_replay(struct dynamodb_group *g)
{
    if (footfall__dynamodb_take_get(g))
        footfall__dynamodb_proceed(g);
}
