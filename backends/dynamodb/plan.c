/* plan.c: the bodies of a group's requests (group.h): reads, the plan (one UpdateItem, or a transaction with the counter first),
 * fence, spill and claims. Expressions are those of docs/dynamodb.md. */
#include "group.h"

#include <stdarg.h>
#include <stdio.h>

enum { EXPRESSION_BYTES = 512, SPILL_SECONDS = 3600 };

#define ALL_OLD "ALL_OLD"
static const char digits[] = "0123456789abcdef";

/* ---- small things ---------------------------------------------------------------------------------------------------------------- */

static json_t *good(json_t *body, int bad)
{
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

static int put_text(json_t *object, const char *key, const char *text)
{
    return footfall__dynamodb_put(object, key, json_string(text));
}

static int put_key(const struct footfall_store *store, json_t *object, const struct dynamodb_key *key)
{
    return put_text(object, "TableName", store->table) |
           footfall__dynamodb_put(object, "Key", footfall__dynamodb_key_json(key));
}

static int put_mark(json_t *values, const char *name, const struct dynamodb_mark *mark)
{
    return footfall__dynamodb_put(values, name, footfall__dynamodb_b(mark->bytes, sizeof(mark->bytes)));
}

static int put_n(json_t *values, const char *name, int64_t number)
{
    return footfall__dynamodb_put(values, name, footfall__dynamodb_n(number));
}

/* An expression that grows; too long is a mistake of ours, and an empty expression is refused by the service. */
struct expression {
    char text[EXPRESSION_BYTES];
    size_t bytes;
};

static void add(struct expression *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct expression *to, const char *format, ...)
{
    va_list args;
    int count = 0;
    va_start(args, format);
    count = vsnprintf(to->text + to->bytes, sizeof(to->text) - to->bytes, format, args);
    va_end(args);
    if (count > 0 && to->bytes + (size_t)count < sizeof(to->text))
        to->bytes += (size_t)count;
}

/* ---- reads ------------------------------------------------------------------------------------------------------------------------- */

json_t *footfall__dynamodb_read_body(const struct footfall_store *store, json_t *keys, int consistent)
{
    json_t *body = json_object();
    json_t *tables = json_object();
    json_t *table = json_object();
    int bad = footfall__dynamodb_put(table, "Keys", keys);
    if (consistent)
        bad |= footfall__dynamodb_put(table, "ConsistentRead", json_true());
    bad |= footfall__dynamodb_put(tables, store->table, table);
    bad |= footfall__dynamodb_put(body, "RequestItems", tables);
    return good(body, bad);
}

json_t *footfall__dynamodb_get_body(const struct footfall_store *store, const struct dynamodb_key *key)
{
    json_t *body = json_object();
    int bad = put_key(store, body, key) | footfall__dynamodb_put(body, "ConsistentRead", json_true());
    return good(body, bad);
}

/* ---- the counter's part ------------------------------------------------------------------------------------------------------------- */

static void add_slot_condition(struct expression *to, const struct dynamodb_plan *plan)
{
    if (plan->has_prev)
        add(to, "m%c = :p", digits[plan->slot]);
    else
        add(to, "attribute_not_exists(m%c)", digits[plan->slot]);
}

static int add_bounds(const struct dynamodb_group *g, const struct footfall_store_op *op, struct expression *to,
                      json_t *values)
{
    const struct dynamodb_plan *plan = &g->plan;
    int additive = op->kind == FOOTFALL_STORE_ADD || op->kind == FOOTFALL_STORE_VISIT;
    int bad = 0;
    if (plan->exact && plan->base_exists) {
        add(to, " AND t = :t0 AND u = :u0");
        return put_n(values, ":t0", plan->base_t) | put_n(values, ":u0", plan->base_u);
    }
    if (plan->exact) {
        add(to, " AND attribute_not_exists(t)");
        return 0;
    }
    if (op->must_exist && !additive)
        add(to, " AND attribute_exists(t)");
    if (!additive)
        return 0;
    add(to, op->must_exist ? " AND attribute_exists(t) AND t BETWEEN :lo AND :hi"
                           : " AND (attribute_not_exists(t) OR t BETWEEN :lo AND :hi)");
    bad |= put_n(values, ":lo", plan->low) | put_n(values, ":hi", plan->high);
    if (g->k > 0) {
        add(to, " AND (attribute_not_exists(u) OR u <= :uh)");
        bad |= put_n(values, ":uh", plan->unique_high);
    }
    return bad;
}

/* Does the run change numbers, or is it only there to be remembered (all of it refused)? */
static int changes(const struct dynamodb_group *g)
{
    for (size_t i = 0; i < g->run_count; i++)
        if (g->turns[i].outcome == DYNAMODB_COUNTS)
            return 1;
    return 0;
}

static int add_change(const struct dynamodb_group *g, const struct footfall_store_op *op, struct expression *to,
                      json_t *values)
{
    switch (op->kind) {
    case FOOTFALL_STORE_ADD:
    case FOOTFALL_STORE_VISIT:
        add(to, ", t = if_not_exists(t, :z) + :n, u = if_not_exists(u, :z) + :k, d = :c");
        return put_n(values, ":n", g->n) | put_n(values, ":k", g->k) |
               footfall__dynamodb_put(values, ":c", footfall__dynamodb_s("c", 1));
    case FOOTFALL_STORE_SET:
        add(to, ", t = :n, u = :k, d = :c");
        return put_n(values, ":n", op->a) | put_n(values, ":k", op->b) |
               footfall__dynamodb_put(values, ":c", footfall__dynamodb_s("c", 1));
    case FOOTFALL_STORE_DELETE:
        add(to, ", r = if_not_exists(r, :z) + :one, g = if_not_exists(g, :z) + :one, d = :x REMOVE t, u");
        return put_n(values, ":one", 1) | footfall__dynamodb_put(values, ":x", footfall__dynamodb_s("x", 1));
    default:
        add(to, ", r = if_not_exists(r, :z) + :one");
        return put_n(values, ":one", 1);
    }
}

static int add_revision(const struct dynamodb_group *g, const struct footfall_store_op *op, struct expression *to,
                        json_t *values)
{
    int wanted = op->kind == FOOTFALL_STORE_FORGET;
    for (size_t i = 0; i < g->run_count; i++)
        wanted |= footfall__dynamodb_op(g, i)->kind == FOOTFALL_STORE_VISIT;
    if (!wanted)
        return 0;
    if (g->counter->r == 0) {
        add(to, " AND attribute_not_exists(r)");
        return 0;
    }
    add(to, " AND r = :r");
    return put_n(values, ":r", g->counter->r);
}

static int put_counter(const struct dynamodb_group *g, json_t *part)
{
    const struct dynamodb_plan *plan = &g->plan;
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    struct expression update = { "", 0 };
    struct expression condition = { "", 0 };
    struct dynamodb_key key;
    json_t *values = json_object();
    char slot = digits[plan->slot];
    int bad = 0;
    footfall__dynamodb_counter_key(&key, g->name);
    add(&update, "SET m%c = :m, x%c = if_not_exists(t, :z), y%c = if_not_exists(u, :z)", slot, slot, slot);
    bad |= put_mark(values, ":m", &plan->mark) | put_n(values, ":z", 0);
    if (changes(g))
        bad |= add_change(g, op, &update, values);
    add_slot_condition(&condition, plan);
    if (plan->has_prev)
        bad |= put_mark(values, ":p", &plan->prev);
    bad |= add_revision(g, op, &condition, values);
    bad |= add_bounds(g, op, &condition, values);
    bad |= put_key(g->store, part, &key) | put_text(part, "UpdateExpression", update.text) |
           put_text(part, "ConditionExpression", condition.text) |
           put_text(part, "ReturnValuesOnConditionCheckFailure", ALL_OLD) |
           footfall__dynamodb_put(part, "ExpressionAttributeValues", values);
    return bad;
}

/* ---- the other parts ------------------------------------------------------------------------------------------------------------------ */

/* values must not be empty: the service refuses that */
static int put_values(json_t *part, json_t *values)
{
    if (json_object_size(values) > 0)
        return footfall__dynamodb_put(part, "ExpressionAttributeValues", values);
    json_decref(values);
    return 0;
}

static int put_as_read(const struct dynamodb_visitor *v, json_t *part, json_t *values)
{
    int there = v->state == DYNAMODB_THERE;
    return put_text(part, "ConditionExpression", there ? "s = :old" : "attribute_not_exists(s)") |
           put_text(part, "ReturnValuesOnConditionCheckFailure", ALL_OLD) | (there ? put_n(values, ":old", v->s) : 0);
}

/* With mark: it is claimed, before the counter is written. */
static int put_record(const struct dynamodb_group *g, const struct dynamodb_visitor *v, json_t *part, json_t *values,
                      const struct dynamodb_mark *mark)
{
    int forever = v->expire_ms == FOOTFALL_STORE_FOREVER;
    struct expression update = { "", 0 };
    int bad = put_n(values, ":s", v->now_s) | put_n(values, ":r", g->counter->r);
    add(&update, "SET s = :s, r = :r%s%s%s", forever ? "" : ", e = :e", mark != NULL ? ", c = :c" : "",
        forever ? " REMOVE e" : "");
    if (!forever)
        bad |= put_n(values, ":e", footfall__dynamodb_expiry(g->store, v->expire_ms, g->batch->call));
    if (mark != NULL)
        bad |= put_mark(values, ":c", mark);
    return bad | put_text(part, "UpdateExpression", update.text);
}

static void key_of(const struct dynamodb_group *g, const struct dynamodb_visitor *v, struct dynamodb_key *out)
{
    footfall__dynamodb_visitor_key(out, g->name, g->counter->g, v->id);
}

static json_t *visitor_part(const struct dynamodb_group *g, const struct dynamodb_visitor *v, const char **kind)
{
    json_t *part = json_object();
    json_t *values = json_object();
    struct dynamodb_key key;
    int bad = 0;
    key_of(g, v, &key);
    bad |= put_key(g->store, part, &key);
    if (footfall__dynamodb_op(g, 0)->kind == FOOTFALL_STORE_FORGET) {
        *kind = "Delete";
        json_decref(values);
        return good(part, bad);
    }
    *kind = v->written ? "Update" : "ConditionCheck";
    if (v->written)
        bad |= put_record(g, v, part, values, NULL);
    bad |= put_as_read(v, part, values);
    return good(part, bad | put_values(part, values));
}

static json_t *token_part(const struct dynamodb_group *g, size_t i, const char **kind)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
    const struct dynamodb_turn *turn = &g->turns[i];
    int visitors = op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
    size_t f_bytes = (visitors && op->write_count > 0 ? op->write_count : 1) * FOOTFALL_STORE_FINGERPRINT_BYTES;
    json_t *part = json_object();
    json_t *item = NULL;
    struct dynamodb_key key;
    int bad = 0;
    footfall__dynamodb_other_key(&key, g->name, 't', op->token, FOOTFALL_STORE_TOKEN_BYTES);
    bad |= put_text(part, "ConditionExpression", "attribute_not_exists(pk)") |
           put_text(part, "ReturnValuesOnConditionCheckFailure", ALL_OLD);
    if (turn->outcome != DYNAMODB_COUNTS) {
        *kind = "ConditionCheck";
        return good(part, bad | put_key(g->store, part, &key));
    }
    *kind = "Put";
    item = footfall__dynamodb_key_json(&key);
    bad |= footfall__dynamodb_put(item, "f", footfall__dynamodb_b(&op->fingerprints[0][0], f_bytes)) |
           put_n(item, "n", turn->is_new) |
           put_n(item, "e", footfall__dynamodb_expiry(g->store, op->token_expire_ms, g->batch->call));
    bad |= put_text(part, "TableName", g->store->table) | footfall__dynamodb_put(part, "Item", item);
    return good(part, bad);
}

/* ---- the plan ---------------------------------------------------------------------------------------------------------------------------- */

static int put_part(struct dynamodb_group *g, json_t *parts, const char *kind, json_t *part,
                    enum dynamodb_part_kind what, uint32_t about)
{
    json_t *wrapped = json_object();
    int bad = footfall__dynamodb_put(wrapped, kind, part);
    if (g->plan.part_count >= DYNAMODB_TRANSACTION_ITEMS || bad) {
        json_decref(wrapped);
        return -1;
    }
    g->plan.parts[g->plan.part_count].kind = what;
    g->plan.parts[g->plan.part_count++].about = about;
    return json_array_append_new(parts, wrapped);
}

static int put_visitor(struct dynamodb_group *g, json_t *parts, const struct dynamodb_visitor *v)
{
    const char *kind = "";
    json_t *part = visitor_part(g, v, &kind);
    return put_part(g, parts, kind, part, DYNAMODB_PART_VISITOR, (uint32_t)(v - g->visitors));
}

/* FORGET deletes under every id, seen or not: a visit under way may just have stored one. */
static int put_visitors(struct dynamodb_group *g, json_t *parts)
{
    const struct footfall_store_op *op = footfall__dynamodb_op(g, 0);
    int bad = 0;
    if (op->kind != FOOTFALL_STORE_FORGET) {
        for (size_t i = 0; i < g->visitor_count; i++)
            if (g->visitors[i].written || g->visitors[i].checked)
                bad |= put_visitor(g, parts, &g->visitors[i]);
        return bad;
    }
    for (uint32_t j = 0; j < op->id_count && changes(g); j++)
        if (j == 0 || memcmp(&op->ids[0], &op->ids[j], sizeof(op->ids[0])) != 0)
            bad |= put_visitor(g, parts, footfall__dynamodb_visitor(g, op->ids[j].bytes));
    return bad;
}

static int put_other_parts(struct dynamodb_group *g, json_t *parts)
{
    const char *kind = "";
    int bad = put_visitors(g, parts);
    for (size_t i = 0; i < g->run_count; i++)
        if (g->turns[i].binds) {
            json_t *part = token_part(g, i, &kind);
            bad |= put_part(g, parts, kind, part, DYNAMODB_PART_TOKEN, (uint32_t)i);
        }
    if (g->batch->call->series != NULL)
        bad |= put_part(g, parts, "Update", footfall__dynamodb_series_part(g), DYNAMODB_PART_SERIES, 0);
    return bad;
}

static void set_bounds(struct dynamodb_group *g)
{
    struct dynamodb_plan *plan = &g->plan;
    plan->exact = g->exact;
    plan->base_exists = g->item.exists;
    plan->base_t = g->item.t;
    plan->base_u = g->item.u;
    plan->low = INT64_MIN - g->n_min;
    plan->high = INT64_MAX - g->n_max;
    plan->unique_high = INT64_MAX - g->k;
    plan->g = g->counter->g;
    plan->r = g->counter->r;
    plan->slot = g->counter->slot;
    plan->has_prev = g->counter->has_prev;
    plan->prev = g->counter->prev;
    plan->part_count = 0;
}

json_t *footfall__dynamodb_plan_body(struct dynamodb_group *g)
{
    json_t *counter = json_object();
    json_t *parts = json_array();
    json_t *body = NULL;
    int bad = 0;
    set_bounds(g);
    bad = put_counter(g, counter);
    json_incref(counter);
    bad |= put_part(g, parts, "Update", counter, DYNAMODB_PART_COUNTER, 0);
    if (g->transaction || footfall__dynamodb_op(g, 0)->kind == FOOTFALL_STORE_FORGET)
        bad |= put_other_parts(g, parts);
    g->plan.transaction = g->plan.part_count > 1;
    if (g->plan.transaction) {
        json_decref(counter);
        body = json_object();
        bad |= footfall__dynamodb_put(body, "TransactItems", parts);
        return good(body, bad);
    }
    json_decref(parts);
    bad |= put_text(counter, "ReturnValues", "UPDATED_NEW");
    return good(counter, bad);
}

json_t *footfall__dynamodb_fence_body(const struct dynamodb_group *g)
{
    struct expression update = { "", 0 };
    struct expression condition = { "", 0 };
    struct dynamodb_key key;
    json_t *body = json_object();
    json_t *values = json_object();
    int bad = put_mark(values, ":f", &g->plan.fence);
    footfall__dynamodb_counter_key(&key, g->name);
    add(&update, "SET m%c = :f", digits[g->plan.slot]);
    add_slot_condition(&condition, &g->plan);
    if (g->plan.has_prev)
        bad |= put_mark(values, ":p", &g->plan.prev);
    bad |= put_key(g->store, body, &key) | put_text(body, "UpdateExpression", update.text) |
           put_text(body, "ConditionExpression", condition.text) |
           put_text(body, "ReturnValuesOnConditionCheckFailure", ALL_OLD) |
           footfall__dynamodb_put(body, "ExpressionAttributeValues", values);
    return good(body, bad);
}

json_t *footfall__dynamodb_spill_body(const struct dynamodb_group *g)
{
    const struct dynamodb_slot *slot = &g->item.slots[g->counter->slot];
    struct dynamodb_key key;
    json_t *body = json_object();
    json_t *item = NULL;
    int bad = 0;
    footfall__dynamodb_other_key(&key, g->name, 'm', slot->mark.bytes, sizeof(slot->mark.bytes));
    item = footfall__dynamodb_key_json(&key);
    bad |= put_n(item, "x", slot->x) | put_n(item, "y", slot->y) |
           put_n(item, "e", footfall__dynamodb_now_ms(g->store->client) / 1000 + SPILL_SECONDS);
    bad |= put_text(body, "TableName", g->store->table) | footfall__dynamodb_put(body, "Item", item);
    return good(body, bad);
}

/* ---- claims -------------------------------------------------------------------------------------------------------------------------------- */

json_t *footfall__dynamodb_claim_body(const struct dynamodb_group *g, const struct dynamodb_visitor *v)
{
    json_t *body = json_object();
    json_t *values = json_object();
    struct dynamodb_key key;
    int bad = 0;
    key_of(g, v, &key);
    bad |= put_key(g->store, body, &key) | put_record(g, v, body, values, &g->claim) |
           put_text(body, "ReturnValues", ALL_OLD);
    if (v->reclaims)
        bad |= put_text(body, "ConditionExpression", "c = :c AND s = :old") | put_n(values, ":old", v->claim_s) |
               put_text(body, "ReturnValuesOnConditionCheckFailure", ALL_OLD);
    else
        bad |= put_as_read(v, body, values);
    return good(body, bad | put_values(body, values));
}

/* The record as it was before the claim; removed when there was none. By its time too: a transaction that moved it since leaves c
 * alone. */
json_t *footfall__dynamodb_give_back_body(const struct dynamodb_group *g, const struct dynamodb_visitor *v,
                                          int *deletes)
{
    struct expression update = { "", 0 };
    struct dynamodb_key key;
    json_t *body = json_object();
    json_t *values = json_object();
    int bad = put_mark(values, ":c", &g->claim) | put_n(values, ":mine", v->claim_s) |
              put_text(body, "ConditionExpression", "c = :c AND s = :mine");
    key_of(g, v, &key);
    bad |= put_key(g->store, body, &key);
    *deletes = v->state != DYNAMODB_THERE;
    if (!*deletes) {
        int64_t e = v->e;
        if (e < 0) /* it was only remembered */
            e = v->expire_ms == FOOTFALL_STORE_FOREVER
                    ? 0
                    : footfall__dynamodb_expiry(g->store, v->expire_ms, g->batch->call);
        add(&update, "SET s = :s, r = :r%s REMOVE c%s", e != 0 ? ", e = :e" : "", e != 0 ? "" : ", e");
        bad |= put_n(values, ":s", v->s) | put_n(values, ":r", v->r >= 0 ? v->r : v->read_for);
        if (e != 0)
            bad |= put_n(values, ":e", e);
        bad |= put_text(body, "UpdateExpression", update.text);
    }
    return good(body, bad | put_values(body, values));
}
