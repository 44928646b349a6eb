/* dynamodb_replies.c: see dynamodb_replies.h. */
#include "dynamodb_replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"

enum { FIRST_DELAY = 0, KEYS_MOST = 100 };

static struct fuzz_bytes bytes;
static int requests_left, confirmed;
static int json_left = -1, is_own;
static struct dynamodb_request *queue, **queue_end = &queue;

/* ---- memory for JSON ---------------------------------------------------------------------------------------------------------- */

static void *json_allocate(size_t size)
{
    if (!is_own && json_left >= 0 && json_left-- == 0)
        return NULL;
    return malloc(size);
}

void fuzz_replies_memory(int allocations)
{
    json_set_alloc_funcs(json_allocate, free);
    json_left = allocations;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------------------- */

uint8_t fuzz_byte(struct fuzz_bytes *from)
{
    if (from->left == 0)
        return 0;
    from->left--;
    return *from->at++;
}

static uint8_t next(void)
{
    return fuzz_byte(&bytes);
}

void fuzz_replies_begin(const struct fuzz_bytes *from, int requests)
{
    bytes = *from;
    requests_left = requests;
    confirmed = 0;
    queue = NULL;
    queue_end = &queue;
}

int fuzz_replies_confirmed(void)
{
    return confirmed;
}

struct fuzz_bytes fuzz_replies_rest(void)
{
    return bytes;
}

/* ---- attributes --------------------------------------------------------------------------------------------------------------- */

struct asked { /* what a request holds that a reply may hand back */
    const json_t *keys[KEYS_MOST];
    size_t key_count;
    const json_t *values; /* :m, :p, :f, :c */
    char slot;            /* of its mark; '0' when it has none */
};

static json_t *number(void)
{
    static const int64_t usual[] = {
        0, 1, 2, 3, -1, 5, INT64_MAX, INT64_MIN, INT64_MAX - 1, FUZZ_NOW_MS, FUZZ_NOW_MS - 7200000
    };
    uint8_t kind = next();
    char text[24];
    if (kind < 200)
        return footfall__dynamodb_n(usual[kind % (sizeof(usual) / sizeof(usual[0]))]);
    switch (kind % 6) {
    case 0:
        return json_pack("{s:s}", "N", "");
    case 1:
        return json_pack("{s:s}", "N", "1e3");
    case 2:
        return json_pack("{s:s}", "N", "99999999999999999999");
    case 3:
        return json_pack("{s:i}", "N", 7);
    case 4:
        return json_pack("{s:s}", "S", "7");
    default:
        (void)snprintf(text, sizeof(text), "%d", (int)(int8_t)next());
        return json_pack("{s:s}", "N", text);
    }
}

static json_t *of_asked(const struct asked *a, const char *name)
{
    json_t *value = json_object_get(a->values, name);
    confirmed |= value != NULL && (strcmp(name, ":m") == 0 || strcmp(name, ":c") == 0);
    return json_incref(value);
}

static json_t *binary(const struct asked *a)
{
    uint8_t some[32];
    uint8_t kind = next();
    json_t *value = NULL;
    switch (kind % 8) {
    case 0:
        value = of_asked(a, ":m");
        break;
    case 1:
        value = of_asked(a, ":p");
        break;
    case 2:
        value = of_asked(a, ":f");
        break;
    case 3:
        value = of_asked(a, ":c");
        break;
    case 4:
        return json_pack("{s:s}", "B", kind < 128 ? "====" : "AAA");
    default:
        break;
    }
    if (value != NULL)
        return value;
    for (size_t i = 0; i < sizeof(some); i++)
        some[i] = (uint8_t)(kind + i);
    return footfall__dynamodb_b(some, kind % 3 == 0 ? 12 : kind % 3 == 1 ? 16 : 32);
}

static void put(json_t *item, const char *name, json_t *value)
{
    if (value != NULL)
        (void)json_object_set_new(item, name, value);
}

/* Fifteen slots of others, or all of them: old ones, young ones. */
static void put_slots(json_t *item, const struct asked *a, int except)
{
    uint32_t seconds = (uint32_t)(FUZZ_NOW_MS / 1000) - (next() & 1 ? 5000 : 10);
    for (int i = 0; i < DYNAMODB_SLOTS; i++) {
        char name[] = { 'm', "0123456789abcdef"[i], '\0' };
        uint8_t mark[DYNAMODB_MARK_BYTES] = { 9, 9, 9, 9, 9, (uint8_t)i };
        if (except && name[1] == a->slot)
            continue;
        for (int j = 0; j < 4; j++)
            mark[8 + j] = (uint8_t)(seconds >> (24 - 8 * j));
        put(item, name, footfall__dynamodb_b(mark, sizeof(mark)));
        name[0] = 'x';
        put(item, name, footfall__dynamodb_n(i));
        name[0] = 'y';
        put(item, name, footfall__dynamodb_n(i));
    }
}

static void put_own_slot(json_t *item, const struct asked *a, const char *value)
{
    char name[] = { 'm', a->slot, '\0' };
    put(item, name, of_asked(a, value));
    name[0] = 'x';
    put(item, name, number());
    name[0] = 'y';
    put(item, name, number());
}

static void put_counter(json_t *item, const struct asked *a)
{
    uint8_t kind = next();
    if (kind & 1) {
        put(item, "t", number());
        put(item, "u", number());
    }
    if (kind & 2)
        put(item, "r", number());
    if (kind & 4)
        put(item, "g", number());
    if (kind & 8)
        put_slots(item, a, (kind & 0x10) != 0);
    if (kind & 0x10)
        put_own_slot(item, a, kind & 0x20 ? ":m" : kind & 0x40 ? ":p" : ":f");
}

static void put_record(json_t *item, const struct asked *a)
{
    uint8_t kind = next();
    if (kind & 1)
        put(item, "s", number());
    if (kind & 2)
        put(item, "r", number());
    if (kind & 4)
        put(item, "e", number());
    if (kind & 8)
        put(item, "c", binary(a));
}

/* Of a token, a series, a spilled mark, or no sense. */
static void put_other(json_t *item, const struct asked *a)
{
    static const char *const names[] = { "f", "n", "q", "o", "e", "a", "x", "y", "t", "s", "m0", "pk" };
    for (uint8_t count = next() % 8; count > 0; count--) {
        const char *name = names[next() % (sizeof(names) / sizeof(names[0]))];
        put(item, name, next() & 1 ? number() : binary(a));
    }
}

static json_t *item_of(const struct asked *a, const json_t *key)
{
    uint8_t kind = next();
    json_t *item = NULL;
    if (kind >= 240)
        return kind < 245 ? json_null() : kind < 250 ? json_string("item") : json_array();
    item = kind % 16 != 0 && key != NULL ? json_deep_copy(key) : json_object();
    switch (kind % 4) {
    case 0:
        put_other(item, a);
        break;
    case 1:
        put_record(item, a);
        break;
    default:
        put_counter(item, a);
        break;
    }
    return item;
}

/* ---- replies ------------------------------------------------------------------------------------------------------------------ */

static void understand(struct asked *a, const json_t *body)
{
    const json_t *update = NULL;
    const char *text = NULL;
    const char *table = NULL;
    json_t *in = NULL;
    const json_t *parts = json_object_get(body, "TransactItems");
    memset(a, 0, sizeof(*a));
    a->slot = '0';
    update = parts != NULL ? json_object_get(json_array_get(parts, 0), "Update") : body;
    a->values = json_object_get(update, "ExpressionAttributeValues");
    text = json_string_value(json_object_get(update, "UpdateExpression"));
    if (text != NULL && strncmp(text, "SET m", 5) == 0)
        a->slot = text[5];
    if (json_object_get(body, "Key") != NULL)
        a->keys[a->key_count++] = json_object_get(body, "Key");
    json_object_foreach(json_object_get(body, "RequestItems"), table, in)
    {
        const json_t *keys = json_object_get(in, "Keys");
        for (size_t i = 0; i < json_array_size(keys) && a->key_count < KEYS_MOST; i++)
            a->keys[a->key_count++] = json_array_get(keys, i);
    }
}

static json_t *batch_reply(const struct asked *a, const json_t *body)
{
    json_t *items = json_array();
    json_t *reply = NULL;
    for (size_t i = 0; i < a->key_count; i++)
        if (next() & 1)
            (void)json_array_append_new(items, item_of(a, a->keys[i]));
    if (next() > 250)
        (void)json_array_append_new(items, item_of(a, NULL));
    if (next() > 250) {
        json_decref(items);
        items = json_string("items");
    }
    reply = json_pack("{s:{s:o}}", "Responses", next() > 250 ? "others" : "T", items);
    if (next() > 230)
        put(reply, "UnprocessedKeys",
            next() & 1 ? json_deep_copy(json_object_get(body, "RequestItems"))
                       : json_pack("{s:{s:[]}}", "strange", "Keys"));
    return reply;
}

static json_t *reply_to(enum dynamodb_action action, const struct asked *a, const json_t *body)
{
    json_t *reply = NULL;
    if (action == DYNAMODB_BATCH_GET_ITEM)
        return batch_reply(a, body);
    reply = json_object();
    if (action == DYNAMODB_GET_ITEM) {
        if (next() & 1) {
            put(reply, "Item", item_of(a, a->key_count > 0 ? a->keys[0] : NULL));
            confirmed |= json_object_get(json_object_get(json_object_get(reply, "Item"), "x"), "N") != NULL;
        }
        return reply;
    }
    confirmed = 1;
    if (action == DYNAMODB_UPDATE_ITEM && next() < 200) {
        json_t *attributes = json_object();
        put_own_slot(attributes, a, ":m");
        put_record(attributes, a);
        put(reply, "Attributes", attributes);
    }
    return reply;
}

static json_t *failure(const struct asked *a, const json_t *body, int canceled)
{
    static const char *const codes[] = { "ConditionalCheckFailed", "None", "TransactionConflict", "Strange" };
    size_t count = json_array_size(json_object_get(body, "TransactItems"));
    json_t *reply = json_object();
    json_t *reasons = NULL;
    if (!canceled) {
        if (next() & 1)
            put(reply, "Item", item_of(a, a->key_count > 0 ? a->keys[0] : NULL));
        return reply;
    }
    reasons = json_array();
    for (size_t i = 0; i < count + (next() > 250); i++) {
        uint8_t kind = next();
        json_t *reason = json_pack("{s:s}", "Code", codes[kind % 4]);
        if (kind & 4)
            put(reason, "Item", item_of(a, NULL));
        (void)json_array_append_new(reasons, kind == 255 ? json_null() : json_incref(reason));
        json_decref(reason);
    }
    put(reply, "CancellationReasons", reasons);
    return reply;
}

static void answer(struct dynamodb_request *r)
{
    static const enum dynamodb_answer refusals[] = { DYNAMODB_NO_ANSWER, DYNAMODB_DENIED, DYNAMODB_NOT_FOUND,
                                                     DYNAMODB_INVALID,   DYNAMODB_IN_USE, DYNAMODB_OUT_OF_MEMORY };
    uint8_t kind = bytes.left > 0 && requests_left > 0 ? next() : 255;
    int writes = r->items > 0;
    int transaction = r->action == DYNAMODB_TRANSACT_WRITE_ITEMS;
    struct asked asked;
    json_t *body = NULL;
    is_own = 1;
    body = json_loadb(r->body, r->body_bytes, JSON_ALLOW_NUL, NULL);
    if (body == NULL) {
        fprintf(stderr, "no JSON: %.*s\n", (int)r->body_bytes, r->body);
        abort();
    }
    requests_left--;
    understand(&asked, body);
    r->sent = 1;
    r->doubt |= writes && (kind & 1);
    if (kind < 140) {
        r->answer = DYNAMODB_ANSWERED;
        r->reply = reply_to(r->action, &asked, body);
    } else if (kind < 220 && writes) {
        int canceled = transaction != (kind == 219); /* sometimes what does not go with it */
        r->answer = canceled ? DYNAMODB_CANCELED : DYNAMODB_CONDITION;
        r->reply = failure(&asked, body, canceled);
    } else {
        r->answer = kind == 255 ? DYNAMODB_NO_ANSWER : refusals[kind % 6];
    }
    json_decref(body);
    is_own = 0;
}

/* ---- the client --------------------------------------------------------------------------------------------------------------- */

void footfall__dynamodb_send(struct dynamodb_client *client, struct dynamodb_request *request)
{
    (void)client;
    request->next = NULL;
    request->answer = DYNAMODB_NO_ANSWER;
    request->reply = NULL;
    *queue_end = request;
    queue_end = &request->next;
}

void footfall__dynamodb_delay(struct dynamodb_client *client, struct dynamodb_request *request)
{
    (void)client;
    request->not_before_ms = FIRST_DELAY;
}

void footfall__dynamodb_pump(struct dynamodb_client *client, struct footfall_store_call *call)
{
    (void)client;
    (void)call;
    while (queue != NULL) {
        struct dynamodb_request *r = queue;
        json_t *reply = NULL;
        queue = r->next;
        if (queue == NULL)
            queue_end = &queue;
        answer(r);
        reply = r->reply;
        r->done(r);
        json_decref(reply);
    }
}

int footfall__dynamodb_capacity(const struct dynamodb_client *client)
{
    (void)client;
    return 0;
}

int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *client)
{
    (void)client;
    return FUZZ_NOW_MS;
}

const char *footfall__dynamodb_client_region(const struct dynamodb_client *client)
{
    (void)client;
    return "eu-west-1";
}

const char *footfall__dynamodb_action_name(enum dynamodb_action action)
{
    (void)action;
    return "Action";
}

int footfall__dynamodb_client_new(struct dynamodb_client **out, const struct dynamodb_client_options *options,
                                  struct footfall_store_call *call)
{
    (void)options;
    (void)call;
    *out = NULL;
    return FOOTFALL_STORE_BROKEN;
}

void footfall__dynamodb_client_free(struct dynamodb_client *client, int inherited)
{
    (void)client;
    (void)inherited;
}

struct dynamodb_usage *footfall__dynamodb_usage(struct dynamodb_client *client)
{
    (void)client;
    return NULL;
}
