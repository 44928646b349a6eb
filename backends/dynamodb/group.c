/* group.c: a batch into groups, their requests, and what becomes of a batch in doubt (group.h). */
#include "group.h"

#include "alloc.h"
#include "bytes.h"

#include <stdlib.h>

/* ---- requests -------------------------------------------------------------------------------------------------------------------- */

static void take_done(struct dynamodb_request *r)
{
    struct dynamodb_call *call = r->user;
    struct dynamodb_group *g = call->group;
    json_decref(call->reply);
    call->reply = json_incref(r->reply);
    call->done = r->answer == DYNAMODB_ANSWERED || r->answer == DYNAMODB_CONDITION || r->answer == DYNAMODB_CANCELED;
    if (--g->under_way == 0)
        footfall__dynamodb_step(g);
}

struct dynamodb_call *footfall__dynamodb_call(struct dynamodb_group *g, enum dynamodb_action action, json_t *body,
                                              unsigned items, uint32_t about)
{
    struct dynamodb_call *call = footfall__calloc(1, sizeof(*call));
    struct dynamodb_call **end = &g->calls;
    if (body != NULL && footfall__dynamodb_capacity(g->store->client) &&
        footfall__dynamodb_put(body, "ReturnConsumedCapacity", json_string("TOTAL")) != 0) {
        json_decref(body);
        body = NULL;
    }
    if (call != NULL && body != NULL)
        call->body = footfall__dynamodb_text(body, &call->request.body_bytes);
    json_decref(body);
    if (call == NULL || call->body == NULL) {
        footfall__free(call);
        (void)footfall__dynamodb_no_memory(g->batch->call);
        g->short_of_memory = 1;
        return NULL;
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = call;
    call->group = g;
    call->about = about;
    call->request.action = action;
    call->request.body = call->body;
    call->request.items = items;
    call->request.done = take_done;
    call->request.user = call;
    g->under_way++;
    footfall__dynamodb_send(g->store->client, &call->request);
    return call;
}

void footfall__dynamodb_free_calls(struct dynamodb_call *calls)
{
    while (calls != NULL) {
        struct dynamodb_call *next = calls->next;
        json_decref(calls->reply);
        footfall__free(calls->body);
        footfall__free(calls);
        calls = next;
    }
}

void footfall__dynamodb_drop_calls(struct dynamodb_group *g)
{
    footfall__dynamodb_free_calls(g->calls);
    g->calls = NULL;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------------------- */

static void free_group(struct dynamodb_group *g)
{
    footfall__dynamodb_drop_calls(g);
    footfall__free(g->visitors);
    footfall__free(g->visitor_table);
    footfall__free(g->tokens);
    footfall__free(g->ops);
    footfall__free(g->turns);
    footfall__free(g);
}

static void clear(struct dynamodb_batch *b)
{
    for (size_t i = 0; i < b->group_count; i++)
        free_group(b->groups[i]);
    b->group_count = b->count = 0;
    b->live = 0;
}

void footfall__dynamodb_batch_free(struct footfall_store *store)
{
    if (store->batch != NULL)
        clear(store->batch);
    footfall__free(store->batch);
    store->batch = NULL;
}

static struct dynamodb_group *group_of(struct footfall_store *store, struct dynamodb_name name)
{
    struct dynamodb_batch *b = store->batch;
    size_t room = sizeof(b->table) / sizeof(b->table[0]);
    size_t at = footfall__hash(store->memory.hash_key, name.at, name.bytes) % room;
    struct dynamodb_group *g = NULL;
    for (; b->table[at] != 0; at = (at + 1) % room) {
        g = b->groups[b->table[at] - 1];
        if (g->name.bytes == name.bytes && memcmp(g->name.at, name.at, name.bytes) == 0)
            return g;
    }
    g = footfall__calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->counter = footfall__dynamodb_recall(&store->memory, name);
    if (g->counter == NULL) {
        footfall__free(g);
        return NULL;
    }
    g->store = store;
    g->batch = b;
    g->name.at = g->counter->name;
    g->name.bytes = g->counter->name_bytes;
    g->first = g->at = DYNAMODB_NO_OP;
    b->groups[b->group_count++] = g;
    b->table[at] = (uint16_t)b->group_count;
    return g;
}

/* A batch that was not seen before: whatever was in doubt of the last one is let go of. */
static int collect(struct footfall_store *store, const struct footfall_store_op *ops, size_t count)
{
    struct dynamodb_batch *b = store->batch;
    clear(b);
    footfall__dynamodb_memory_trim(&store->memory);
    memset(b->table, 0, sizeof(b->table));
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_name name = { ops[i].name, ops[i].name_bytes };
        struct dynamodb_group *g = group_of(store, name);
        if (g == NULL) {
            clear(b);
            return FOOTFALL_STORE_NO_MEMORY;
        }
        memset(&b->states[i], 0, sizeof(b->states[i]));
        b->states[i].next = DYNAMODB_NO_OP;
        if (g->first == DYNAMODB_NO_OP)
            g->first = g->at = (uint32_t)i;
        else
            b->states[g->last].next = (uint32_t)i;
        g->last = (uint32_t)i;
    }
    b->count = count;
    b->live = 1;
    return 0;
}

const struct footfall_store_op *footfall__dynamodb_op(const struct dynamodb_group *g, size_t i)
{
    return &g->batch->ops[g->ops[i]];
}

/* ---- failing ----------------------------------------------------------------------------------------------------------------------- */

static int in_doubt(const struct dynamodb_group *g)
{
    return g->doubt || g->applied || g->claims || g->step == DYNAMODB_FENCE || g->step == DYNAMODB_GIVE_BACK;
}

void footfall__dynamodb_fail(struct dynamodb_group *g, int status)
{
    size_t run = g->run_count > 0 ? g->run_count : g->op_count;
    size_t i = 0;
    if (status == FOOTFALL_STORE_NO_MEMORY)
        (void)footfall__dynamodb_no_memory(g->batch->call);
    if (in_doubt(g)) { /* stays where it is; what comes after this run was never sent */
        for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next, i++)
            g->batch->states[at].result.status = i < run ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_TEMPORARY;
        return;
    }
    for (uint32_t at = g->at; at != DYNAMODB_NO_OP; at = g->batch->states[at].next)
        g->batch->states[at].result.status = (enum footfall_store_status)status;
    if (g->step == DYNAMODB_SPILL)
        g->counter->slot = -1; /* not to be used before it is put aside */
    footfall__dynamodb_drop_calls(g);
    g->step = DYNAMODB_BEGIN;
}

/* ---- apply --------------------------------------------------------------------------------------------------------------------------- */

static int has_open_op(const struct dynamodb_group *g)
{
    return g->at != DYNAMODB_NO_OP;
}

/* Takes up again what the time ended, or begins. */
static void resume(struct dynamodb_group *g)
{
    if (g->step == DYNAMODB_BEGIN) {
        g->visitor_count = g->token_count = 0; /* what was read is old by now */
        g->has_item = 0;
    }
    g->under_way = 1; /* while they are sent */
    for (struct dynamodb_call *call = g->calls; call != NULL; call = call->next)
        if (!call->done) {
            g->under_way++;
            footfall__dynamodb_send(g->store->client, &call->request);
        }
    if (--g->under_way == 0)
        footfall__dynamodb_step(g);
}

int footfall__dynamodb_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                             struct footfall_store_result *results, struct footfall_store_call *call)
{
    struct dynamodb_batch *b = store->batch;
    if (b == NULL) {
        b = store->batch = footfall__calloc(1, sizeof(*b));
        if (b == NULL)
            return footfall__dynamodb_no_memory(call);
    }
    if (!b->live || b->writer != call->writer || b->sequence != call->sequence || b->count != count) {
        if (collect(store, ops, count) != 0)
            return footfall__dynamodb_no_memory(call);
        b->writer = call->writer;
        b->sequence = call->sequence;
    }
    b->ops = ops;
    b->call = call;
    for (size_t i = 0; i < count; i++)
        if (!b->states[i].decided)
            b->states[i].result.status = FOOTFALL_STORE_UNKNOWN; /* until something better is known */
    for (size_t i = 0; i < b->group_count; i++)
        if (has_open_op(b->groups[i]))
            resume(b->groups[i]);
    footfall__dynamodb_pump(store->client, call);
    for (size_t i = 0; i < count; i++)
        results[i] = b->states[i].result;
    b->ops = NULL;
    b->call = NULL;
    return 0;
}
