/* known.c: the operations and ids of a run that begins, and what is known of visitors and tokens (group.h). */
#include "group.h"

#include "alloc.h"

enum { FIRST_TOKENS = 8 };

/* ---- a run that begins ---------------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_has_visitors(const struct footfall_store_op *op)
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
        if (footfall__dynamodb_has_visitors(&g->batch->ops[at]))
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
        for (uint32_t j = 0; footfall__dynamodb_has_visitors(&g->batch->ops[at]) && j < g->batch->ops[at].id_count; j++)
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

int footfall__dynamodb_is_proven(const struct dynamodb_group *g, const struct dynamodb_visitor *v)
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
        if (footfall__dynamodb_has_visitors(footfall__dynamodb_op(g, i)))
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

int footfall__dynamodb_is_same_operation(const struct footfall_store_op *op, const struct dynamodb_token *known)
{
    uint32_t count = footfall__dynamodb_has_visitors(op) ? op->id_count : 1;
    for (uint32_t i = 0; i < count; i++)
        for (size_t at = 0; at < known->f_bytes; at += FOOTFALL_STORE_FINGERPRINT_BYTES)
            if (memcmp(op->fingerprints[i], known->f + at, FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}
