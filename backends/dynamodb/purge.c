/* purge.c: what never goes by itself: visitors of dead generations, and the trace that deleted counters leave in the index. What
 * has a time goes by TTL. A round goes through the deleted counters and then through the others; a store goes on where it stopped. */
#include "store.h"

#include "alloc.h"
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 25, PAGES_A_CALL = 8, KEYS_A_QUERY = 50, PARTS = 16 };

struct dynamodb_upkeep {
    char phase; /* d of those it goes through: 'x', then 'c'; 0: no round is under way */
    char after[DYNAMODB_NAME_BYTES];
    size_t after_bytes;
    /* the counter at hand, if any */
    int at_hand;
    char name[DYNAMODB_NAME_BYTES];
    size_t name_bytes;
    int64_t w, g; /* generations from w to g - 1 are to be emptied */
    int part;     /* of w */
};

struct sweep {
    struct footfall_store *store;
    struct dynamodb_upkeep *upkeep;
    struct footfall_store_call *call;
    size_t left; /* of the budget */
    size_t *dropped;
    int64_t until_ms; /* when this call should end, well before its deadline */
    int steps;        /* made by this call */
};

/* A call that has got on ends in time rather than fails: the next one goes on from here. */
static int is_late(const struct sweep *s)
{
    return s->steps > 0 && footfall__boottime_ms() >= s->until_ms;
}

/* ---- visitors of a dead generation ---------------------------------------------------------------------------------------------- */

static json_t *query_part(const struct footfall_store *store, const char *pk, size_t pk_bytes, size_t limit)
{
    json_t *body = json_object();
    json_t *values = json_object();
    int bad = footfall__dynamodb_put(values, ":pk", footfall__dynamodb_s(pk, pk_bytes)) |
              footfall__dynamodb_put(body, "TableName", json_string(store->table)) |
              footfall__dynamodb_put(body, "KeyConditionExpression", json_string("pk = :pk")) |
              footfall__dynamodb_put(body, "ExpressionAttributeValues", values) |
              footfall__dynamodb_put(body, "ProjectionExpression", json_string("pk, sk")) |
              footfall__dynamodb_put(body, "ConsistentRead", json_true()) |
              footfall__dynamodb_put(body, "Limit", json_integer((json_int_t)limit));
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

static json_t *delete_body(const struct footfall_store *store, json_t *item)
{
    json_t *body = json_object();
    json_t *key = json_object();
    int bad = footfall__dynamodb_put(key, "pk", json_incref(json_object_get(item, "pk"))) |
              footfall__dynamodb_put(key, "sk", json_incref(json_object_get(item, "sk"))) |
              footfall__dynamodb_put(body, "TableName", json_string(store->table)) |
              footfall__dynamodb_put(body, "Key", key);
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

/* Nothing is deleted but what was asked for. */
static int is_of(const json_t *item, const char *pk, size_t pk_bytes)
{
    const json_t *is = json_object_get(json_object_get(item, "pk"), "S");
    return json_string_length(is) == pk_bytes && memcmp(json_string_value(is), pk, pk_bytes) == 0 &&
           json_is_string(json_object_get(json_object_get(item, "sk"), "B"));
}

static int unreadable(const struct sweep *s, const char *what)
{
    return footfall__dynamodb_fault(s->call, FOOTFALL_STORE_BROKEN, "%s table %s cannot be read", what,
                                    s->store->table);
}

static int empty_part(struct sweep *s, int *empty)
{
    struct dynamodb_upkeep *u = s->upkeep;
    char pk[DYNAMODB_PK_BYTES];
    size_t limit = s->left < KEYS_A_QUERY ? s->left : KEYS_A_QUERY;
    json_t *bodies[KEYS_A_QUERY];
    json_t *reply = NULL;
    const json_t *items = NULL;
    enum dynamodb_answer answer = DYNAMODB_ANSWERED;
    size_t count = 0;
    size_t pk_bytes = 0;
    int rc = 0;
    memcpy(pk, u->name, u->name_bytes);
    pk[u->name_bytes] = '\0';
    count =
        u->name_bytes + 1 + (size_t)snprintf(pk + u->name_bytes + 1, sizeof(pk) - u->name_bytes - 1, "%" PRId64, u->w);
    pk[count++] = '\0';
    pk[count++] = "0123456789abcdef"[u->part];
    pk_bytes = count;
    answer = footfall__dynamodb_ask(s->store->client, DYNAMODB_QUERY, query_part(s->store, pk, pk_bytes, limit), &reply,
                                    s->call);
    rc = footfall__dynamodb_status(answer, DYNAMODB_QUERY, s->store->table, s->call);
    items = json_object_get(reply, "Items");
    count = json_array_size(items) < limit ? json_array_size(items) : limit;
    if (rc == 0 && !json_is_array(items))
        rc = unreadable(s, "a visitor's records in");
    for (size_t i = 0; i < count && rc == 0; i++)
        if (!is_of(json_array_get(items, i), pk, pk_bytes))
            rc = unreadable(s, "a visitor's record in");
    for (size_t i = 0; i < count && rc == 0; i++)
        bodies[i] = delete_body(s->store, json_array_get(items, i));
    *empty = rc == 0 && json_object_get(reply, "LastEvaluatedKey") == NULL;
    json_decref(reply);
    if (count == 0 || rc != 0)
        return rc;
    answer = footfall__dynamodb_ask_all(s->store->client, DYNAMODB_DELETE_ITEM, bodies, count, s->call);
    rc = footfall__dynamodb_status(answer, DYNAMODB_DELETE_ITEM, s->store->table, s->call);
    if (rc == 0) {
        s->dropped[0] += count;
        s->left -= count;
    }
    return rc;
}

/* ---- a counter ----------------------------------------------------------------------------------------------------------------------- */

/* Its dead generations are empty; a deleted one leaves the index. */
static int note_swept(struct sweep *s)
{
    struct dynamodb_upkeep *u = s->upkeep;
    struct dynamodb_key key;
    struct dynamodb_name name = { u->name, u->name_bytes };
    int deleted = u->phase == 'x';
    json_t *body = json_object();
    json_t *values = json_object();
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    int bad = footfall__dynamodb_put(values, ":g", footfall__dynamodb_n(u->g));
    footfall__dynamodb_counter_key(&key, name);
    if (deleted)
        bad |= footfall__dynamodb_put(values, ":x", footfall__dynamodb_s("x", 1));
    bad |=
        footfall__dynamodb_put(body, "TableName", json_string(s->store->table)) |
        footfall__dynamodb_put(body, "Key", footfall__dynamodb_key_json(&key)) |
        footfall__dynamodb_put(body, "UpdateExpression", json_string(deleted ? "SET w = :g REMOVE d" : "SET w = :g")) |
        footfall__dynamodb_put(body, "ConditionExpression",
                               json_string(deleted ? "g = :g AND d = :x AND attribute_not_exists(t)" : "g = :g")) |
        footfall__dynamodb_put(body, "ExpressionAttributeValues", values);
    if (bad) {
        json_decref(body);
        body = NULL;
    }
    answer = footfall__dynamodb_ask(s->store->client, DYNAMODB_UPDATE_ITEM, body, NULL, s->call);
    u->at_hand = 0;
    if (answer == DYNAMODB_CONDITION) /* it lives again, or was deleted once more: the next round's */
        return 0;
    s->dropped[2] += answer == DYNAMODB_ANSWERED && deleted;
    return footfall__dynamodb_status(answer, DYNAMODB_UPDATE_ITEM, s->store->table, s->call);
}

static int sweep_counter(struct sweep *s)
{
    struct dynamodb_upkeep *u = s->upkeep;
    while (u->w < u->g) {
        int empty = 0;
        int rc = 0;
        if (s->left == 0 || is_late(s))
            return 0;
        rc = empty_part(s, &empty);
        if (rc != 0)
            return rc;
        s->steps++;
        if (!empty)
            continue;
        if (++u->part == PARTS) {
            u->part = 0;
            u->w++;
        }
    }
    return note_swept(s);
}

/* ---- a round -------------------------------------------------------------------------------------------------------------------------- */

static json_t *query_names(const struct sweep *s)
{
    const struct dynamodb_upkeep *u = s->upkeep;
    json_t *body = json_object();
    json_t *values = json_object();
    int bad = footfall__dynamodb_put(values, ":d", footfall__dynamodb_s(&u->phase, 1)) |
              footfall__dynamodb_put(body, "TableName", json_string(s->store->table)) |
              footfall__dynamodb_put(body, "IndexName", json_string("list")) |
              footfall__dynamodb_put(body, "KeyConditionExpression", json_string("d = :d")) |
              footfall__dynamodb_put(body, "ExpressionAttributeValues", values) |
              footfall__dynamodb_put(body, "Limit", json_integer(PAGE));
    if (u->after_bytes > 0) {
        struct dynamodb_key key;
        struct dynamodb_name name = { u->after, u->after_bytes };
        json_t *start = NULL;
        footfall__dynamodb_counter_key(&key, name);
        start = footfall__dynamodb_key_json(&key);
        bad |= footfall__dynamodb_put(start, "d", footfall__dynamodb_s(&u->phase, 1)) |
               footfall__dynamodb_put(body, "ExclusiveStartKey", start);
    }
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

static int look_at(struct sweep *s, const json_t *pk)
{
    struct dynamodb_upkeep *u = s->upkeep;
    struct dynamodb_key key;
    struct dynamodb_name name = { json_string_value(pk), json_string_length(pk) };
    json_t *body = json_object();
    json_t *reply = NULL;
    const json_t *item = NULL;
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    int rc = 0;
    int bad = 0;
    if (name.at == NULL || name.bytes < 1 || name.bytes > DYNAMODB_NAME_BYTES) {
        json_decref(body);
        return unreadable(s, "the index \"list\" of");
    }
    footfall__dynamodb_counter_key(&key, name);
    memcpy(u->after, name.at, name.bytes);
    u->after_bytes = name.bytes;
    bad = footfall__dynamodb_put(body, "TableName", json_string(s->store->table)) |
          footfall__dynamodb_put(body, "Key", footfall__dynamodb_key_json(&key)) |
          footfall__dynamodb_put(body, "ConsistentRead", json_true()) |
          footfall__dynamodb_put(body, "ProjectionExpression", json_string("g, w, t, d"));
    if (bad) {
        json_decref(body);
        body = NULL;
    }
    answer = footfall__dynamodb_ask(s->store->client, DYNAMODB_GET_ITEM, body, &reply, s->call);
    rc = footfall__dynamodb_status(answer, DYNAMODB_GET_ITEM, s->store->table, s->call);
    item = json_object_get(reply, "Item");
    u->w = u->g = 0;
    u->part = 0;
    if (rc == 0 && (footfall__dynamodb_take_n(item, "g", &u->g) < 0 ||
                    footfall__dynamodb_take_n(item, "w", &u->w) < 0 || u->g < 0 || u->w < 0))
        rc = unreadable(s, "a counter in");
    if (rc == 0 && item != NULL && u->w < u->g) {
        u->at_hand = 1;
        memcpy(u->name, u->after, u->after_bytes);
        u->name_bytes = u->after_bytes;
    }
    json_decref(reply);
    return rc;
}

/* Names of the index one after the other, until one has something to sweep, or the page ends. */
static int next_counter(struct sweep *s)
{
    struct dynamodb_upkeep *u = s->upkeep;
    json_t *reply = NULL;
    const json_t *items = NULL;
    size_t count = 0;
    size_t i = 0;
    enum dynamodb_answer answer =
        footfall__dynamodb_ask(s->store->client, DYNAMODB_QUERY, query_names(s), &reply, s->call);
    int rc = footfall__dynamodb_status(answer, DYNAMODB_QUERY, s->store->table, s->call);
    items = json_object_get(reply, "Items");
    count = json_array_size(items);
    if (rc == 0 && !json_is_array(items))
        rc = unreadable(s, "the index \"list\" of");
    for (; rc == 0 && i < count && !u->at_hand && !is_late(s); i++) {
        rc = look_at(s, json_object_get(json_object_get(json_array_get(items, i), "pk"), "S"));
        s->steps++;
    }
    if (rc == 0 && !u->at_hand && i == count && (count == 0 || json_object_get(reply, "LastEvaluatedKey") == NULL)) {
        u->phase = u->phase == 'x' ? 'c' : '\0';
        u->after_bytes = 0;
    }
    json_decref(reply);
    return rc;
}

int footfall__dynamodb_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                             struct footfall_store_call *call)
{
    struct sweep s = { .store = store, .upkeep = store->upkeep, .call = call, .left = budget };
    int64_t begun_ms = footfall__boottime_ms();
    int rc = 0;
    int pages = 0;
    (void)now_ms; /* what has a time goes by itself */
    *more = 1;
    s.dropped = dropped;
    s.until_ms = call->deadline_ms > begun_ms ? begun_ms + (call->deadline_ms - begun_ms) / 2 : begun_ms;
    if (s.upkeep == NULL)
        s.upkeep = store->upkeep = footfall__calloc(1, sizeof(*s.upkeep));
    if (s.upkeep == NULL)
        return footfall__dynamodb_no_memory(call);
    if (s.upkeep->phase == '\0')
        s.upkeep->phase = 'x';
    while (rc == 0 && s.left > 0 && s.upkeep->phase != '\0' && !is_late(&s)) {
        if (s.upkeep->at_hand)
            rc = sweep_counter(&s);
        else if (pages++ < PAGES_A_CALL)
            rc = next_counter(&s);
        else
            break;
    }
    *more = s.upkeep->phase != '\0';
    if (rc != 0) /* the next call begins anew */
        memset(s.upkeep, 0, sizeof(*s.upkeep));
    return rc;
}
