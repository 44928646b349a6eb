/* claim.c: dynamodb.atomic = false: the visitors of a run are claimed one by one, each under its condition, before the counter is
 * written (group.h). A record keeps the claim's mark `c`, so that a lost reply can be told from a lost race. */
#include "group.h"

static int is_satisfied(const struct dynamodb_visitor *v)
{
    return !v->written || (v->claim == DYNAMODB_WON && v->claim_s >= v->now_s);
}

static struct dynamodb_visitor *visitor_of(const struct dynamodb_group *g, const struct footfall_store_op *op,
                                           uint32_t j)
{
    return footfall__dynamodb_visitor(g, op->ids[j].bytes);
}

/* Of an operation with two ids the older one comes first, always: so two that race meet at the same record. */
static struct dynamodb_visitor *next_claim(const struct dynamodb_group *g, size_t i)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
    if (!g->turns[i].writes || g->turns[i].outcome != DYNAMODB_COUNTS)
        return NULL;
    for (uint32_t j = op->write_count; j-- > 0;)
        if (!is_satisfied(visitor_of(g, op, j)))
            return visitor_of(g, op, j);
    return NULL;
}

int footfall__dynamodb_claims_wanted(const struct dynamodb_group *g)
{
    if (g->transaction)
        return 0;
    for (size_t i = 0; i < g->run_count; i++)
        if (next_claim(g, i) != NULL)
            return 1;
    return 0;
}

void footfall__dynamodb_claim(struct dynamodb_group *g)
{
    footfall__dynamodb_drop_calls(g);
    g->step = DYNAMODB_CLAIM;
    if (!g->claims) {
        g->claim = footfall__dynamodb_mark(&g->store->marker, footfall__dynamodb_now_ms(g->store->client));
        g->claim_r = g->counter->r;
    }
    for (size_t i = 0; i < g->run_count; i++) {
        struct dynamodb_visitor *v = next_claim(g, i);
        if (v == NULL || v->to_read)
            continue;
        v->to_read = 1; /* once, whoever needs it */
        v->reclaims = v->claim == DYNAMODB_WON;
        if (footfall__dynamodb_call(g, DYNAMODB_UPDATE_ITEM, footfall__dynamodb_claim_body(g, v), 1,
                                    (uint32_t)(v - g->visitors)) == NULL)
            break;
        v->asked_s = v->now_s;
    }
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].to_read = 0;
    if (g->under_way > 0)
        return;
    if (g->short_of_memory) {
        g->short_of_memory = 0;
        footfall__dynamodb_fail(g, FOOTFALL_STORE_NO_MEMORY);
        return;
    }
    footfall__dynamodb_proceed(g);
}

static void win(struct dynamodb_group *g, struct dynamodb_visitor *v, const json_t *before)
{
    struct dynamodb_record record;
    if (v->claim != DYNAMODB_WON && v->state == DYNAMODB_THERE && before != NULL &&
        footfall__dynamodb_take_record(&record, before) == 0 && record.there) {
        v->r = record.r; /* for giving it back */
        v->e = record.e;
    }
    v->remembered = 0;
    v->claim = DYNAMODB_WON;
    v->claim_s = v->asked_s;
    g->claims = 1;
}

static int is_ours(const struct dynamodb_group *g, const struct dynamodb_record *record, int64_t s)
{
    return record->there && record->claimed && record->s == s && footfall__dynamodb_same_mark(&record->c, &g->claim);
}

void footfall__dynamodb_claimed(struct dynamodb_group *g)
{
    int lost = 0;
    for (const struct dynamodb_call *call = g->calls; call != NULL; call = call->next) {
        struct dynamodb_visitor *v = &g->visitors[call->about];
        struct dynamodb_record record;
        if (call->request.answer == DYNAMODB_ANSWERED) {
            win(g, v, json_object_get(call->reply, "Attributes"));
            continue;
        }
        if (footfall__dynamodb_take_record(&record, json_object_get(call->reply, "Item")) != 0) {
            (void)footfall__dynamodb_fault(g->batch->call, FOOTFALL_STORE_BROKEN, "an item in table %s is none of ours",
                                           g->store->table);
            footfall__dynamodb_fail(g, FOOTFALL_STORE_BROKEN);
            return;
        }
        if (is_ours(g, &record, v->asked_s)) {
            win(g, v, NULL);
            continue;
        }
        footfall__dynamodb_learn_visitor(g, v, &record, 1);
        v->claim = DYNAMODB_UNCLAIMED;
        lost = 1;
    }
    if (lost) { /* what was won beside it stays won: it decides by what was there before, and is given back if it comes to nothing */
        footfall__dynamodb_drop_calls(g);
        footfall__dynamodb_proceed(g);
        return;
    }
    footfall__dynamodb_claim(g);
}

/* ---- the revision has moved: somebody forgot a visitor --------------------------------------------------------------------------- */

size_t footfall__dynamodb_reclaim_marks(struct dynamodb_group *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->visitor_count; i++) {
        struct dynamodb_visitor *v = &g->visitors[i];
        if (v->claim == DYNAMODB_WON && v->state == DYNAMODB_UNREAD)
            v->claim = DYNAMODB_UNCLAIMED; /* of a dead generation */
        v->to_read = v->claim == DYNAMODB_WON;
        count += v->claim == DYNAMODB_WON;
    }
    g->claim_r = g->counter->r;
    return count;
}

void footfall__dynamodb_reclaim_take(struct dynamodb_group *g, struct dynamodb_visitor *v,
                                     const struct dynamodb_record *record)
{
    v->to_read = 0;
    if (is_ours(g, record, v->claim_s)) {
        v->read_for = g->counter->r;
        return;
    }
    v->claim = DYNAMODB_UNCLAIMED;
    footfall__dynamodb_learn_visitor(g, v, record, 1);
}

/* ---- giving back -------------------------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_give_back(struct dynamodb_group *g)
{
    if (!g->claims)
        return 0;
    footfall__dynamodb_drop_calls(g);
    g->step = DYNAMODB_GIVE_BACK;
    for (size_t i = 0; i < g->visitor_count; i++) {
        const struct dynamodb_visitor *v = &g->visitors[i];
        int deletes = 0;
        json_t *body = NULL;
        if (v->claim != DYNAMODB_WON || v->written)
            continue;
        body = footfall__dynamodb_give_back_body(g, v, &deletes);
        if (footfall__dynamodb_call(g, deletes ? DYNAMODB_DELETE_ITEM : DYNAMODB_UPDATE_ITEM, body, 1, 0) == NULL)
            break;
    }
    if (g->under_way > 0)
        return 1;
    if (!g->short_of_memory)
        return 0;
    g->short_of_memory = 0;
    footfall__dynamodb_fail(g, FOOTFALL_STORE_NO_MEMORY);
    return 1;
}
