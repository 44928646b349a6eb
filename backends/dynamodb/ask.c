/* ask.c: one request that may be repeated, from JSON to JSON (client.h). */
#include "client.h"

#include "alloc.h"
#include "bytes.h"

#include <string.h>

enum { FIRST_ROOM = 512 };

struct text {
    char *at;
    size_t bytes, room;
    int failed; /* jansson does not look at what comes of an object's key */
};

static int append(const char *bytes, size_t count, void *user)
{
    struct text *text = user;
    size_t room = text->room;
    if (text->failed)
        return -1;
    while (room < text->bytes + count)
        room = room > 0 ? 2 * room : FIRST_ROOM;
    if (room > text->room) {
        char *grown = footfall__realloc(text->at, room);
        if (grown == NULL) {
            text->failed = 1;
            return -1;
        }
        text->at = grown;
        text->room = room;
    }
    memcpy(text->at + text->bytes, bytes, count);
    text->bytes += count;
    return 0;
}

char *footfall__dynamodb_text(const json_t *body, size_t *bytes)
{
    struct text text = { NULL, 0, 0, 0 };
    *bytes = 0;
    if (body == NULL || json_dump_callback(body, append, &text, JSON_COMPACT) != 0 || text.failed) {
        footfall__free(text.at);
        return NULL;
    }
    *bytes = text.bytes;
    return text.at;
}

static void take(struct dynamodb_request *r)
{
    json_t **reply = r->user;
    if (reply != NULL)
        *reply = json_incref(r->reply);
}

static unsigned items_of(enum dynamodb_action action, const json_t *body)
{
    if (action == DYNAMODB_TRANSACT_WRITE_ITEMS)
        return (unsigned)json_array_size(json_object_get(body, "TransactItems"));
    return action == DYNAMODB_UPDATE_ITEM || action == DYNAMODB_PUT_ITEM || action == DYNAMODB_DELETE_ITEM;
}

/* Queues it; takes over body. -1: out of memory. */
static int queue(struct dynamodb_client *client, struct dynamodb_request *r, enum dynamodb_action action, json_t *body)
{
    int bad = body == NULL;
    memset(r, 0, sizeof(*r));
    r->action = action;
    r->done = take;
    r->items = items_of(action, body);
    if (action <= DYNAMODB_SCAN && footfall__dynamodb_capacity(client))
        bad |= json_object_set_new(body, "ReturnConsumedCapacity", json_string("TOTAL"));
    r->body = bad ? NULL : footfall__dynamodb_text(body, &r->body_bytes);
    json_decref(body);
    if (r->body == NULL) {
        r->answer = DYNAMODB_OUT_OF_MEMORY;
        return -1;
    }
    footfall__dynamodb_send(client, r);
    return 0;
}

static void free_body(struct dynamodb_request *r)
{
    footfall__free((char *)(uintptr_t)r->body);
}

enum dynamodb_answer footfall__dynamodb_ask(struct dynamodb_client *client, enum dynamodb_action action, json_t *body,
                                            json_t **reply, struct footfall_store_call *call)
{
    struct dynamodb_request r;
    if (reply != NULL)
        *reply = NULL;
    if (queue(client, &r, action, body) != 0) {
        (void)footfall__dynamodb_no_memory(call);
        return DYNAMODB_OUT_OF_MEMORY;
    }
    r.user = reply;
    footfall__dynamodb_pump(client, call);
    free_body(&r);
    return r.answer;
}

enum dynamodb_answer footfall__dynamodb_ask_all(struct dynamodb_client *client, enum dynamodb_action action,
                                                json_t *const *bodies, size_t count, struct footfall_store_call *call)
{
    struct dynamodb_request *requests = footfall__array(NULL, count > 0 ? count : 1, sizeof(*requests));
    enum dynamodb_answer worst = requests != NULL ? DYNAMODB_ANSWERED : DYNAMODB_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (requests == NULL)
            json_decref(bodies[i]);
        else
            (void)queue(client, &requests[i], action, bodies[i]);
    footfall__dynamodb_pump(client, call);
    for (size_t i = 0; requests != NULL && i < count; i++) {
        if (worst == DYNAMODB_ANSWERED && requests[i].answer != DYNAMODB_CONDITION)
            worst = requests[i].answer;
        free_body(&requests[i]);
    }
    footfall__free(requests);
    if (worst == DYNAMODB_OUT_OF_MEMORY)
        (void)footfall__dynamodb_no_memory(call);
    return worst;
}

/* The client says what was refused, and does not know of tables. */
static int refused(const char *action, const char *how, const char *table, struct footfall_store_call *call)
{
    size_t bytes = call->text_bytes > 0 ? strlen(call->text) : 0;
    if (bytes > 0 && strncmp(call->text, action, strlen(action)) == 0 && strstr(call->text, table) == NULL)
        footfall__format(call->text + bytes, call->text_bytes - bytes, " (table %s)", table);
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s: %s (table %s)", action, how, table);
}

int footfall__dynamodb_status(enum dynamodb_answer answer, enum dynamodb_action action, const char *table,
                              struct footfall_store_call *call)
{
    const char *name = footfall__dynamodb_action_name(action);
    switch (answer) {
    case DYNAMODB_ANSWERED:
        return 0;
    case DYNAMODB_NO_ANSWER:
    case DYNAMODB_IN_USE:
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: no answer in time", name);
    case DYNAMODB_OUT_OF_MEMORY:
        return footfall__dynamodb_no_memory(call);
    case DYNAMODB_NOT_FOUND:
        return footfall__dynamodb_fault(
            call, FOOTFALL_STORE_BROKEN,
            "%s: there is no table %s in this account and region (dynamodb.create_table makes it)", name, table);
    case DYNAMODB_DENIED:
    case DYNAMODB_STRANGER:
        return refused(name, "denied", table, call);
    default:
        return refused(name, "refused", table, call);
    }
}
