/* dynamodb_sim_table.c: see dynamodb_sim.h. */
#include "dynamodb_sim.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t sim_random(uint64_t *state, uint64_t below)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------------ */

static void key_text(char out[1024], const json_t *key)
{
    const json_t *pk = json_object_get(json_object_get(key, "pk"), "S");
    const char *sk = json_string_value(json_object_get(json_object_get(key, "sk"), "B"));
    const char *at = json_string_value(pk);
    size_t bytes = json_string_length(pk);
    size_t used = 0;
    if (at == NULL || sk == NULL || bytes == 0 || bytes > 300)
        sim_die("a key that the service would refuse");
    for (size_t i = 0; i < bytes; i++)
        used += (size_t)snprintf(out + used, 1024 - used, "%02x", (unsigned char)at[i]);
    (void)snprintf(out + used, 1024 - used, "/%s", sk);
}

const json_t *sim_table_item(const struct sim_table *t, const json_t *key)
{
    char text[1024];
    key_text(text, key);
    return json_object_get(t->items, text);
}

/* item: taken over; NULL removes it. */
static void store(struct sim_table *t, const json_t *key, json_t *item)
{
    char text[1024];
    json_t *old = NULL;
    key_text(text, key);
    old = json_object_get(t->items, text);
    json_object_set_new(t->before, text, json_pack("{sO?sI}", "item", old, "until", (json_int_t)t->now_ms));
    if (item == NULL)
        json_object_del(t->items, text);
    else
        json_object_set_new(t->items, text, item);
}

static const json_t *stale(struct sim_table *t, const json_t *key)
{
    char text[1024];
    const json_t *before = NULL;
    key_text(text, key);
    before = json_object_get(t->before, text);
    if (before == NULL || json_integer_value(json_object_get(before, "until")) + t->stale_ms < t->now_ms ||
        sim_random(t->random, 3) != 0)
        return json_object_get(t->items, text);
    before = json_object_get(before, "item");
    return json_is_null(before) ? NULL : before;
}

/* ---- expressions ------------------------------------------------------------------------------------------------------------------- */

struct parse {
    const char *at;
    const json_t *item, *values;
    json_t *used; /* values that were named: the service refuses others */
    int dry;      /* its condition does not hold */
};

static void skip(struct parse *p)
{
    while (*p->at == ' ')
        p->at++;
}

static int word(struct parse *p, const char *text)
{
    size_t n = strlen(text);
    skip(p);
    if (strncmp(p->at, text, n) != 0 ||
        (isalpha((unsigned char)text[n - 1]) && (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')))
        return 0;
    p->at += n;
    return 1;
}

static void need(struct parse *p, const char *text)
{
    if (!word(p, text))
        sim_die("expected %s at: %s", text, p->at);
}

static void name(struct parse *p, char out[32])
{
    size_t n = 0;
    skip(p);
    while (n < 31 && (isalnum((unsigned char)*p->at) || *p->at == '_' || *p->at == ':'))
        out[n++] = *p->at++;
    out[n] = '\0';
    if (n == 0)
        sim_die("expected a name at: %s", p->at);
}

static const json_t *operand(struct parse *p)
{
    char text[32];
    name(p, text);
    if (text[0] != ':')
        return json_object_get(p->item, text);
    if (json_object_get(p->values, text) == NULL)
        sim_die("no value %s", text);
    json_object_set_new(p->used, text, json_true());
    return json_object_get(p->values, text);
}

static int64_t number(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "N"));
    if (text == NULL)
        sim_die("not a number");
    return strtoll(text, NULL, 10);
}

/* -2: not comparable */
static int compare(const json_t *a, const json_t *b)
{
    if (a == NULL || b == NULL)
        return -2;
    if (json_object_get(a, "N") != NULL && json_object_get(b, "N") != NULL)
        return (number(a) > number(b)) - (number(a) < number(b));
    return json_equal(a, b) ? 0 : -2;
}

static int either(struct parse *p);
static int primary(struct parse *p)
{
    char text[32];
    const json_t *a = NULL;
    if (word(p, "(")) {
        int is = either(p);
        need(p, ")");
        return is;
    }
    if (word(p, "attribute_exists") || word(p, "attribute_not_exists")) {
        int not = p->at[-8] == 't';
        need(p, "(");
        name(p, text);
        need(p, ")");
        return (json_object_get(p->item, text) != NULL) != not ;
    }
    a = operand(p);
    if (word(p, "BETWEEN")) {
        const json_t *low = operand(p);
        const json_t *high = NULL;
        need(p, "AND");
        high = operand(p);
        if (compare(low, high) > 0)
            sim_die("BETWEEN that is empty");
        return a != NULL && compare(a, low) >= 0 && compare(a, high) <= 0;
    }
    if (word(p, "<=")) {
        int c = compare(a, operand(p));
        return c == 0 || c == -1;
    }
    if (word(p, "<"))
        return compare(a, operand(p)) == -1;
    need(p, "=");
    return compare(a, operand(p)) == 0;
}

static int both(struct parse *p)
{
    int is = primary(p);
    while (word(p, "AND"))
        is &= primary(p);
    return is;
}

static int either(struct parse *p)
{
    int is = both(p);
    while (word(p, "OR"))
        is |= both(p);
    return is;
}

static json_t *term(struct parse *p)
{
    if (word(p, "if_not_exists")) {
        char text[32];
        const json_t *other = NULL;
        const json_t *value = NULL;
        need(p, "(");
        name(p, text);
        need(p, ",");
        other = operand(p);
        need(p, ")");
        value = json_object_get(p->item, text);
        return json_deep_copy(value != NULL ? value : other);
    }
    {
        const json_t *value = operand(p);
        if (value == NULL)
            sim_die("an attribute that is not there");
        return json_deep_copy(value);
    }
}

static void set(struct parse *p, json_t *to)
{
    do {
        char text[32];
        char sum[32];
        json_t *value = NULL;
        name(p, text);
        need(p, "=");
        value = term(p);
        if (word(p, "+")) {
            json_t *more = term(p);
            int64_t out = 0;
            if (__builtin_add_overflow(number(value), number(more), &out) && !p->dry)
                sim_die("%s left int64", text);
            (void)snprintf(sum, sizeof(sum), "%" PRId64, out);
            json_object_set_new(value, "N", json_string(sum));
            json_decref(more);
        }
        json_object_set_new(to, text, value);
    } while (word(p, ","));
}

static json_t *update(struct parse *p, const json_t *key)
{
    json_t *to = p->item != NULL ? json_deep_copy(p->item) : json_deep_copy(key);
    while (skip(p), *p->at != '\0') {
        if (word(p, "SET")) {
            set(p, to);
            continue;
        }
        need(p, "REMOVE");
        do {
            char text[32];
            name(p, text);
            json_object_del(to, text);
        } while (word(p, ","));
    }
    return to;
}

/* ---- writes -------------------------------------------------------------------------------------------------------------------------- */

static json_t *key_of(const json_t *part)
{
    const json_t *from =
        json_object_get(part, "Key") != NULL ? json_object_get(part, "Key") : json_object_get(part, "Item");
    return json_pack("{sOsO}", "pk", json_object_get(from, "pk"), "sk", json_object_get(from, "sk"));
}

static int holds(struct sim_table *t, const json_t *part, const json_t *key, json_t *used)
{
    const char *condition = json_string_value(json_object_get(part, "ConditionExpression"));
    struct parse p = { condition, sim_table_item(t, key), json_object_get(part, "ExpressionAttributeValues"), used, 0 };
    int is = 0;
    if (condition == NULL)
        return 1;
    is = either(&p);
    skip(&p);
    if (*p.at != '\0')
        sim_die("trailing: %s", p.at);
    return is;
}

static json_t *changed(struct sim_table *t, const json_t *part, const json_t *key, json_t *used, int dry)
{
    const char *text = json_string_value(json_object_get(part, "UpdateExpression"));
    struct parse p = { text, sim_table_item(t, key), json_object_get(part, "ExpressionAttributeValues"), used, dry };
    return update(&p, key);
}

static void all_used(const json_t *part, const json_t *used)
{
    const json_t *values = json_object_get(part, "ExpressionAttributeValues");
    if (values != NULL && (json_object_size(values) == 0 || json_object_size(values) != json_object_size(used)))
        sim_die("values that are not used");
}

static void tell(struct sim_table *t, const json_t *part)
{
    const json_t *mark = json_object_get(json_object_get(part, "ExpressionAttributeValues"), ":m");
    if (mark != NULL)
        t->committed(t->user, json_string_value(json_object_get(mark, "B")));
}

enum what { UPDATE, PUT, DELETE, CHECK };
static void write_part(struct sim_table *t, enum what what, const json_t *part, const json_t *key, json_t *new_item)
{
    (void)part;
    if (what == UPDATE)
        store(t, key, new_item);
    else if (what == PUT)
        store(t, key, json_deep_copy(json_object_get(part, "Item")));
    else if (what == DELETE && sim_table_item(t, key) != NULL)
        store(t, key, NULL);
}

static json_t *one(struct sim_table *t, enum what what, const json_t *body, enum dynamodb_answer *answer)
{
    json_t *key = key_of(body);
    json_t *used = json_object();
    json_t *reply = json_object();
    const char *wants = json_string_value(json_object_get(body, "ReturnValues"));
    int ok = holds(t, body, key, used);
    json_t *after = what == UPDATE ? changed(t, body, key, used, !ok) : NULL;
    const json_t *before = sim_table_item(t, key);
    all_used(body, used);
    if (!ok) {
        *answer = DYNAMODB_CONDITION;
        if (before != NULL && json_object_get(body, "ReturnValuesOnConditionCheckFailure") != NULL)
            json_object_set_new(reply, "Item", json_deep_copy(before));
        json_decref(after);
    } else {
        *answer = DYNAMODB_ANSWERED;
        if (wants != NULL && strcmp(wants, "ALL_OLD") == 0 && before != NULL)
            json_object_set_new(reply, "Attributes", json_deep_copy(before));
        if (wants != NULL && strcmp(wants, "UPDATED_NEW") == 0)
            json_object_set_new(reply, "Attributes", json_deep_copy(after));
        write_part(t, what, body, key, after);
        tell(t, body);
    }
    json_decref(key);
    json_decref(used);
    return reply;
}

static const json_t *open_part(const json_t *wrapped, enum what *what)
{
    static const char *const kinds[] = { "Update", "Put", "Delete", "ConditionCheck" };
    for (int i = 0; i < 4; i++)
        if (json_object_get(wrapped, kinds[i]) != NULL) {
            *what = (enum what)i;
            return json_object_get(wrapped, kinds[i]);
        }
    sim_die("a part of no kind");
}

static json_t *reason(struct sim_table *t, const json_t *part, const json_t *key, int named)
{
    json_t *r = json_pack("{ss}", "Code", named ? "ConditionalCheckFailed" : "None");
    if (named && json_object_get(part, "ReturnValuesOnConditionCheckFailure") != NULL && sim_table_item(t, key) != NULL)
        json_object_set_new(r, "Item", json_deep_copy(sim_table_item(t, key)));
    return r;
}

static json_t *transact(struct sim_table *t, const json_t *body, enum dynamodb_answer *answer)
{
    const json_t *items = json_object_get(body, "TransactItems");
    size_t count = json_array_size(items);
    json_t *keys[100];
    int ok[100];
    size_t failed = 0;
    size_t chosen = 0;
    json_t *reply = json_object();
    json_t *reasons = json_array();
    json_t *seen = json_object();
    if (count < 1 || count > 100)
        sim_die("a transaction of %zu items", count);
    for (size_t i = 0; i < count; i++) {
        enum what what = CHECK;
        const json_t *part = open_part(json_array_get(items, i), &what);
        char text[1024];
        json_t *used = json_object();
        keys[i] = key_of(part);
        key_text(text, keys[i]);
        if (json_object_get(seen, text) != NULL)
            sim_die("an item comes twice in a transaction");
        json_object_set_new(seen, text, json_true());
        ok[i] = holds(t, part, keys[i], used);
        if (what == UPDATE)
            json_decref(changed(t, part, keys[i], used, 1));
        all_used(part, used);
        json_decref(used);
        failed += !ok[i];
    }
    if (failed > 0 && t->names_one_reason)
        chosen = 1 + sim_random(t->random, failed);
    *answer = failed > 0 ? DYNAMODB_CANCELED : DYNAMODB_ANSWERED;
    for (size_t i = 0, at = 0; i < count; i++) {
        enum what what = CHECK;
        const json_t *part = open_part(json_array_get(items, i), &what);
        if (failed > 0) {
            at += !ok[i];
            json_array_append_new(reasons, reason(t, part, keys[i], !ok[i] && (chosen == 0 || chosen == at)));
        } else {
            json_t *used = json_object();
            write_part(t, what, part, keys[i], what == UPDATE ? changed(t, part, keys[i], used, 0) : NULL);
            json_decref(used);
        }
    }
    if (failed == 0) {
        enum what what = CHECK;
        tell(t, open_part(json_array_get(items, 0), &what));
        json_decref(reasons);
    } else {
        json_object_set_new(reply, "CancellationReasons", reasons);
    }
    for (size_t i = 0; i < count; i++)
        json_decref(keys[i]);
    json_decref(seen);
    return reply;
}

/* ---- reads --------------------------------------------------------------------------------------------------------------------------- */

static json_t *get_many(struct sim_table *t, const json_t *body)
{
    const char *name_of = NULL;
    json_t *table = NULL;
    json_t *out = json_object();
    json_object_foreach(json_object_get(body, "RequestItems"), name_of, table)
    {
        const json_t *keys = json_object_get(table, "Keys");
        int consistent = json_is_true(json_object_get(table, "ConsistentRead"));
        size_t count = json_array_size(keys);
        size_t take = count > 1 && sim_random(t->random, 10) == 0 ? 1 + sim_random(t->random, count - 1) : count;
        json_t *items = json_array();
        json_t *left = json_array();
        json_t *responses = json_object();
        json_t *unprocessed = json_object();
        for (size_t i = 0; i < count; i++) {
            json_t *key = json_array_get(keys, i);
            const json_t *item = consistent ? sim_table_item(t, key) : stale(t, key);
            if (i >= take)
                json_array_append(left, key);
            else if (item != NULL)
                json_array_append_new(items, json_deep_copy(item));
        }
        json_object_set_new(responses, name_of, items);
        if (json_array_size(left) > 0) {
            json_t *again = json_copy(table);
            json_object_set(again, "Keys", left);
            json_object_set_new(unprocessed, name_of, again);
        }
        json_decref(left);
        json_object_set_new(out, "Responses", responses);
        json_object_set_new(out, "UnprocessedKeys", unprocessed);
    }
    return out;
}

json_t *sim_table_execute(struct sim_table *t, enum dynamodb_action action, const json_t *body,
                          enum dynamodb_answer *answer)
{
    json_t *reply = NULL;
    *answer = DYNAMODB_ANSWERED;
    switch (action) {
    case DYNAMODB_GET_ITEM:
        reply = json_object();
        {
            const json_t *item = sim_table_item(t, json_object_get(body, "Key"));
            if (item != NULL)
                json_object_set_new(reply, "Item", json_deep_copy(item));
        }
        return reply;
    case DYNAMODB_BATCH_GET_ITEM:
        return get_many(t, body);
    case DYNAMODB_UPDATE_ITEM:
        return one(t, UPDATE, body, answer);
    case DYNAMODB_PUT_ITEM:
        return one(t, PUT, body, answer);
    case DYNAMODB_DELETE_ITEM:
        return one(t, DELETE, body, answer);
    case DYNAMODB_TRANSACT_WRITE_ITEMS:
        return transact(t, body, answer);
    default:
        sim_die("an action that is not known here");
    }
}

void sim_table_open(struct sim_table *t)
{
    t->items = json_object();
    t->before = json_object();
}

void sim_table_close(struct sim_table *t)
{
    json_decref(t->items);
    json_decref(t->before);
}
