/* load.c: what a run reads before it is planned (group.h): the counter, visitors, tokens, a caller's series. */
#include "group.h"

static const char *table_of(const struct dynamodb_group *g)
{
    return g->store->table;
}

/* ---- reads ------------------------------------------------------------------------------------------------------------------------- */

struct reading { /* keys that are gathered, a request for every hundred */
    struct dynamodb_group *g;
    json_t *keys;
};

static void flush(struct reading *r)
{
    if (json_array_size(r->keys) > 0)
        (void)footfall__dynamodb_call(r->g, DYNAMODB_BATCH_GET_ITEM,
                                      footfall__dynamodb_read_body(r->g->store, json_incref(r->keys), r->g->consistent),
                                      0, 0);
    json_decref(r->keys);
    r->keys = NULL;
}

static void read_key(struct reading *r, const struct dynamodb_key *key)
{
    if (r->keys == NULL)
        r->keys = json_array();
    if (json_array_append_new(r->keys, footfall__dynamodb_key_json(key)) != 0)
        r->g->short_of_memory = 1;
    if (json_array_size(r->keys) == DYNAMODB_READ_KEYS)
        flush(r);
}

/* Sends what is wanted: visitors marked to_read, the counter, the series, tokens. */
void footfall__dynamodb_send_reads(struct dynamodb_group *g)
{
    struct reading r = { g, NULL };
    struct dynamodb_key key;
    footfall__dynamodb_drop_calls(g);
    g->read_g = g->counter->g;
    if (g->want_counter) {
        footfall__dynamodb_counter_key(&key, g->name);
        read_key(&r, &key);
    }
    if (g->want_series) {
        footfall__dynamodb_series_key(g, &key);
        read_key(&r, &key);
    }
    for (size_t i = 0; i < g->visitor_count; i++)
        if (g->visitors[i].to_read) {
            footfall__dynamodb_visitor_key(&key, g->name, g->read_g, g->visitors[i].id);
            read_key(&r, &key);
        }
    for (size_t i = 0; g->want_tokens && i < g->run_count; i++)
        if (g->turns[i].binds && footfall__dynamodb_token(g, footfall__dynamodb_op(g, i)->token) == NULL) {
            footfall__dynamodb_other_key(&key, g->name, 't', footfall__dynamodb_op(g, i)->token,
                                         FOOTFALL_STORE_TOKEN_BYTES);
            read_key(&r, &key);
        }
    flush(&r);
    (void)footfall__dynamodb_is_stuck(g);
}

static void take_record(struct dynamodb_group *g, struct dynamodb_visitor *v, const struct dynamodb_record *record)
{
    if (g->step == DYNAMODB_RECLAIM || (v->claim == DYNAMODB_WON && g->consistent))
        footfall__dynamodb_reclaim_take(g, v, record);
    else if (v->claim == DYNAMODB_WON)
        v->to_read = 0;
    else
        footfall__dynamodb_learn_visitor(g, v, record, g->step == DYNAMODB_READ && g->consistent);
}

static int take_item(struct dynamodb_group *g, const json_t *item)
{
    struct dynamodb_key key;
    uint8_t sk[FOOTFALL_STORE_ID_BYTES];
    size_t count = 0;
    struct dynamodb_visitor *v = NULL;
    footfall__dynamodb_counter_key(&key, g->name);
    if (g->want_counter && footfall__dynamodb_has_key(item, &key)) {
        g->want_counter = 0;
        return footfall__dynamodb_take_counter(&g->item, item) == 0 ? 0 : FOOTFALL_STORE_BROKEN;
    }
    if (footfall__dynamodb_take_b(item, "sk", sk, sizeof(sk), &count) != 1 || count != sizeof(sk))
        return FOOTFALL_STORE_BROKEN;
    if (g->want_series) {
        footfall__dynamodb_series_key(g, &key);
        if (footfall__dynamodb_has_key(item, &key)) {
            g->want_series = 0;
            return footfall__dynamodb_series_learn(g, item);
        }
    }
    footfall__dynamodb_other_key(&key, g->name, 't', sk, count);
    if (g->want_tokens && footfall__dynamodb_has_key(item, &key))
        return footfall__dynamodb_learn_token(g, sk, item);
    v = footfall__dynamodb_visitor(g, sk);
    footfall__dynamodb_visitor_key(&key, g->name, g->read_g, sk);
    if (v != NULL && v->to_read && footfall__dynamodb_has_key(item, &key)) {
        struct dynamodb_record record;
        if (footfall__dynamodb_take_record(&record, item) != 0)
            return FOOTFALL_STORE_BROKEN;
        take_record(g, v, &record);
        return 0;
    }
    return FOOTFALL_STORE_BROKEN; /* nothing that was asked for */
}

/* The service may leave keys unprocessed: they are asked for again. */
static void ask_for_rest(struct dynamodb_group *g, json_t *keys)
{
    json_t *body = json_object();
    struct dynamodb_call *next = NULL;
    if (footfall__dynamodb_put(body, "RequestItems", json_incref(keys)) == 0)
        next = footfall__dynamodb_call(g, DYNAMODB_BATCH_GET_ITEM, body, 0, 0);
    else
        json_decref(body);
    if (next != NULL)
        footfall__dynamodb_delay(g->store->client, &next->request);
    else
        g->short_of_memory = 1;
}

/* Items of all replies. 1: more of them are under way. */
static int take_items(struct dynamodb_group *g, int *status)
{
    struct dynamodb_call *calls = g->calls;
    int again = 0;
    g->calls = NULL;
    for (const struct dynamodb_call *call = calls; call != NULL; call = call->next) {
        const json_t *items = NULL;
        json_t *keys = NULL;
        if (*status == 0 && footfall__dynamodb_batch_reply(call->reply, table_of(g), &items, &keys) != 0)
            *status = FOOTFALL_STORE_BROKEN;
        for (size_t i = 0; i < json_array_size(items) && *status == 0; i++)
            *status = take_item(g, json_array_get(items, i));
    }
    for (const struct dynamodb_call *call = calls; call != NULL && *status == 0; call = call->next) {
        const json_t *items = NULL;
        json_t *keys = NULL;
        if (footfall__dynamodb_batch_reply(call->reply, table_of(g), &items, &keys) != 0 || keys == NULL)
            continue;
        ask_for_rest(g, keys);
        again = 1;
    }
    footfall__dynamodb_free_calls(calls);
    return again;
}

/* What was asked for and not found is not there. */
static int take_absences(struct dynamodb_group *g)
{
    static const struct dynamodb_record none;
    int status = 0;
    for (size_t i = 0; i < g->visitor_count; i++)
        if (g->visitors[i].to_read)
            take_record(g, &g->visitors[i], &none);
    if (g->want_series)
        status = footfall__dynamodb_series_learn(g, NULL);
    for (size_t i = 0; g->want_tokens && i < g->run_count && status == 0; i++)
        if (g->turns[i].binds && footfall__dynamodb_token(g, footfall__dynamodb_op(g, i)->token) == NULL)
            status = footfall__dynamodb_learn_token(g, footfall__dynamodb_op(g, i)->token, NULL);
    g->want_counter = g->want_series = g->want_tokens = 0;
    return status;
}

void footfall__dynamodb_took_reads(struct dynamodb_group *g)
{
    int status = 0;
    int loads = g->step == DYNAMODB_LOAD;
    if (loads && g->want_counter)
        memset(&g->item, 0, sizeof(g->item));
    if (take_items(g, &status)) {
        (void)footfall__dynamodb_is_stuck(g);
        return;
    }
    if (status == 0)
        status = take_absences(g);
    if (status != 0) {
        footfall__dynamodb_unreadable(g, status);
        return;
    }
    if (loads) {
        struct dynamodb_counter_item item = g->item;
        footfall__dynamodb_learn_counter(g, &item);
    }
    footfall__dynamodb_proceed(g);
}

/* ---- beginning ----------------------------------------------------------------------------------------------------------------------- */

/* The counter's item and, at the first touch, all that the run looks up. */
void footfall__dynamodb_load(struct dynamodb_group *g)
{
    int first = !g->counter->known;
    g->step = DYNAMODB_LOAD;
    g->consistent = 1;
    g->want_counter = 1;
    g->want_tokens = 0;
    g->want_series = g->batch->call->series != NULL && !footfall__dynamodb_series_known(g);
    for (size_t i = 0; i < g->visitor_count; i++)
        g->visitors[i].to_read = 0;
    for (size_t i = 0; first && i < g->op_count; i++) {
        const struct footfall_store_op *op = footfall__dynamodb_op(g, i);
        for (uint32_t j = 0; op->kind == FOOTFALL_STORE_VISIT && j < op->id_count; j++)
            footfall__dynamodb_visitor(g, op->ids[j].bytes)->to_read = 1;
    }
    footfall__dynamodb_send_reads(g);
}

void footfall__dynamodb_read_visitors(struct dynamodb_group *g, int consistent)
{
    g->step = DYNAMODB_READ;
    g->consistent = consistent;
    g->want_counter = g->want_series = 0;
    footfall__dynamodb_send_reads(g);
}
