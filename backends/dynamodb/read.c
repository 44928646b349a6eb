/* read.c: reading counters, and listing them: names from the index, which is a moment late, then their numbers, which are not. */
#include "store.h"

#include "alloc.h"
#include "bytes.h"

#include <stdlib.h>

/* ---- fetch ------------------------------------------------------------------------------------------------------------------------- */

struct wanted { /* a name, once */
    struct dynamodb_name name;
    int found;
    int64_t t, u;
};
struct reading {
    struct footfall_store *store;
    struct wanted *wanted;
    size_t count, sent; /* that were asked for */
    int status;
    size_t replies;
};
struct part { /* a request for up to a hundred of them */
    struct dynamodb_request request;
    struct reading *reading;
    char *body;
    size_t first, count;
};

static int by_name(const void *a, const void *b)
{
    const struct dynamodb_name *x = &((const struct wanted *)a)->name;
    const struct dynamodb_name *y = &((const struct wanted *)b)->name;
    int order = memcmp(x->at, y->at, x->bytes < y->bytes ? x->bytes : y->bytes);
    return order != 0 ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static struct wanted *find(const struct reading *r, struct dynamodb_name name)
{
    struct wanted key = { .name = name };
    return bsearch(&key, r->wanted, r->count, sizeof(key), by_name);
}

static int take_items(struct reading *r, const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        const json_t *pk = json_object_get(json_object_get(item, "pk"), "S");
        struct dynamodb_name name = { json_string_value(pk), json_string_length(pk) };
        struct wanted *w = name.at != NULL ? find(r, name) : NULL;
        if (w == NULL || w->found) /* not asked for, or answered already */
            return -1;
        w->found = footfall__dynamodb_take_n(item, "t", &w->t);
        if (w->found < 0 || footfall__dynamodb_take_n(item, "u", &w->u) < 0)
            return -1;
    }
    return 0;
}

static char *body_of(struct reading *r, json_t *requests, size_t *bytes)
{
    json_t *body = json_object();
    char *text = NULL;
    int bad = footfall__dynamodb_put(body, "RequestItems", requests);
    if (footfall__dynamodb_capacity(r->store->client))
        bad |= footfall__dynamodb_put(body, "ReturnConsumedCapacity", json_string("TOTAL"));
    text = bad ? NULL : footfall__dynamodb_text(body, bytes);
    json_decref(body);
    return text;
}

static void take_part(struct dynamodb_request *request)
{
    struct part *part = request->user;
    struct reading *r = part->reading;
    const json_t *items = NULL;
    json_t *left = NULL;
    if (request->answer != DYNAMODB_ANSWERED)
        return;
    if (footfall__dynamodb_batch_reply(request->reply, r->store->table, &items, &left) != 0 ||
        take_items(r, items) != 0) {
        r->status = FOOTFALL_STORE_BROKEN;
        return;
    }
    if (left == NULL) {
        r->replies++;
        return;
    }
    footfall__free(part->body);
    part->body = body_of(r, json_incref(left), &request->body_bytes);
    request->body = part->body;
    if (part->body == NULL) {
        r->status = FOOTFALL_STORE_NO_MEMORY;
        return;
    }
    footfall__dynamodb_send(r->store->client, request);
    footfall__dynamodb_delay(r->store->client, request);
}

static json_t *keys_of(struct reading *r, size_t first, size_t count)
{
    json_t *requests = json_object();
    json_t *table = json_object();
    json_t *keys = json_array();
    int bad = 0;
    for (size_t i = first; i < first + count; i++) {
        struct dynamodb_key key;
        footfall__dynamodb_counter_key(&key, r->wanted[i].name);
        bad |= json_array_append_new(keys, footfall__dynamodb_key_json(&key));
    }
    bad |= footfall__dynamodb_put(table, "Keys", keys) | footfall__dynamodb_put(table, "ConsistentRead", json_true()) |
           footfall__dynamodb_put(table, "ProjectionExpression", json_string("pk, t, u")) |
           footfall__dynamodb_put(requests, r->store->table, table);
    if (!bad)
        return requests;
    json_decref(requests);
    return NULL;
}

static int send_parts(struct reading *r, struct part *parts, size_t part_count, struct footfall_store_call *call)
{
    int status = 0;
    for (size_t i = 0; i < part_count; i++) {
        struct part *part = &parts[i];
        part->first = i * DYNAMODB_READ_KEYS;
        part->count = r->count - part->first < DYNAMODB_READ_KEYS ? r->count - part->first : DYNAMODB_READ_KEYS;
        part->reading = r;
        part->body = body_of(r, keys_of(r, part->first, part->count), &part->request.body_bytes);
        part->request.body = part->body;
        part->request.action = DYNAMODB_BATCH_GET_ITEM;
        part->request.done = take_part;
        part->request.user = part;
        if (part->body == NULL)
            r->status = FOOTFALL_STORE_NO_MEMORY;
        else
            footfall__dynamodb_send(r->store->client, &part->request);
    }
    footfall__dynamodb_pump(r->store->client, call);
    for (size_t i = 0; i < part_count && status == 0; i++)
        if (parts[i].body != NULL && parts[i].request.answer != DYNAMODB_ANSWERED)
            status = footfall__dynamodb_status(parts[i].request.answer, DYNAMODB_BATCH_GET_ITEM, r->store->table, call);
    for (size_t i = 0; i < part_count; i++)
        footfall__free(parts[i].body);
    if (r->status == FOOTFALL_STORE_NO_MEMORY)
        return footfall__dynamodb_no_memory(call);
    if (r->status != 0)
        return footfall__dynamodb_fault(call, r->status, "an item in table %s is no counter of ours", r->store->table);
    return status;
}

int footfall__dynamodb_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                             size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                             struct footfall_store_call *call)
{
    struct reading r = { .store = store, .wanted = footfall__calloc(count, sizeof(*r.wanted)) };
    size_t part_count = (count + DYNAMODB_READ_KEYS - 1) / DYNAMODB_READ_KEYS;
    struct part *parts = footfall__calloc(part_count, sizeof(*parts));
    int rc = FOOTFALL_STORE_NO_MEMORY;
    if (r.wanted == NULL || parts == NULL) {
        (void)footfall__dynamodb_no_memory(call);
        goto cleanup;
    }
    for (size_t i = 0; i < count; i++) {
        r.wanted[i].name.at = names[i];
        r.wanted[i].name.bytes = name_bytes[i];
    }
    qsort(r.wanted, count, sizeof(*r.wanted), by_name);
    for (size_t i = 0; i < count; i++) /* a key must not come twice */
        if (r.count == 0 || by_name(&r.wanted[r.count - 1], &r.wanted[i]) != 0)
            r.wanted[r.count++] = r.wanted[i];
    rc = send_parts(&r, parts, (r.count + DYNAMODB_READ_KEYS - 1) / DYNAMODB_READ_KEYS, call);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct dynamodb_name name = { names[i], name_bytes[i] };
        const struct wanted *w = find(&r, name);
        exists[i] = w->found == 1;
        totals[i] = exists[i] ? w->t : 0;
        uniques[i] = exists[i] ? w->u : 0;
    }
cleanup:
    footfall__free(r.wanted);
    footfall__free(parts);
    return rc;
}

/* ---- scan -------------------------------------------------------------------------------------------------------------------------- */

static int compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t shared = a_bytes < b_bytes ? a_bytes : b_bytes;
    int order = shared > 0 ? memcmp(a, b, shared) : 0;
    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static json_t *start_key(const char *after, size_t after_bytes)
{
    struct dynamodb_key key;
    struct dynamodb_name name = { after, after_bytes };
    json_t *start = NULL;
    footfall__dynamodb_counter_key(&key, name);
    start = footfall__dynamodb_key_json(&key);
    if (footfall__dynamodb_put(start, "d", footfall__dynamodb_s("c", 1)) == 0)
        return start;
    json_decref(start);
    return NULL;
}

static json_t *query(const struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                     size_t after_bytes, size_t limit)
{
    json_t *body = json_object();
    json_t *values = json_object();
    int bad = footfall__dynamodb_put(values, ":d", footfall__dynamodb_s("c", 1));
    if (prefix_bytes > 0)
        bad |= footfall__dynamodb_put(values, ":prefix", footfall__dynamodb_s(prefix, prefix_bytes));
    bad |= footfall__dynamodb_put(body, "TableName", json_string(store->table)) |
           footfall__dynamodb_put(body, "IndexName", json_string("list")) |
           footfall__dynamodb_put(body, "KeyConditionExpression",
                                  json_string(prefix_bytes > 0 ? "d = :d AND begins_with(pk, :prefix)" : "d = :d")) |
           footfall__dynamodb_put(body, "ExpressionAttributeValues", values) |
           footfall__dynamodb_put(body, "Limit", json_integer((json_int_t)limit));
    if (after_bytes > 0)
        bad |= footfall__dynamodb_put(body, "ExclusiveStartKey", start_key(after, after_bytes));
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

struct names { /* a page of them, pointing into the reply */
    const char *names[DYNAMODB_READ_KEYS];
    size_t sizes[DYNAMODB_READ_KEYS];
    int64_t totals[DYNAMODB_READ_KEYS], uniques[DYNAMODB_READ_KEYS];
    uint8_t exists[DYNAMODB_READ_KEYS];
    size_t count;
};

/* Names in order, behind where the page begins, no more than were asked for: else listing would go round in circles. */
static int take_names(struct names *out, const json_t *reply, const char *before, size_t before_bytes, size_t limit)
{
    const json_t *items = json_object_get(reply, "Items");
    out->count = json_array_size(items);
    if (!json_is_array(items) || out->count > limit)
        return -1;
    for (size_t i = 0; i < out->count; i++) {
        const json_t *pk = json_object_get(json_object_get(json_array_get(items, i), "pk"), "S");
        out->names[i] = json_string_value(pk);
        out->sizes[i] = json_string_length(pk);
        if (out->names[i] == NULL || out->sizes[i] < 1 || out->sizes[i] > DYNAMODB_NAME_BYTES ||
            compare(out->names[i], out->sizes[i], before, before_bytes) <= 0)
            return -1;
        before = out->names[i];
        before_bytes = out->sizes[i];
    }
    return 0;
}

/* What of these bytes is whole UTF-8: the service takes nothing else, and a prefix may end inside a character. */
static size_t whole(const char *text, size_t bytes)
{
    size_t at = 0;
    size_t length = 0;
    while (at < bytes && (length = footfall__utf8_length(text + at, bytes - at)) > 0)
        at += length;
    return at;
}

struct listing { /* what is asked for, and how far it has come */
    const char *prefix, *after;
    size_t prefix_bytes, after_bytes;
    char last[DYNAMODB_NAME_BYTES];
    size_t last_bytes; /* 0: from the start */
    size_t limit, told;
    int more;
};

static int belongs(const struct listing *l, const char *name, size_t bytes)
{
    return bytes >= l->prefix_bytes && memcmp(name, l->prefix, l->prefix_bytes) == 0 &&
           compare(name, bytes, l->after, l->after_bytes) > 0;
}

static int scan_page(struct footfall_store *store, struct listing *l, footfall_store_each *each, void *user,
                     struct footfall_store_call *call)
{
    struct names page = { .count = 0 };
    json_t *reply = NULL;
    json_t *body = query(store, l->prefix, whole(l->prefix, l->prefix_bytes), l->last, l->last_bytes, l->limit);
    enum dynamodb_answer answer = footfall__dynamodb_ask(store->client, DYNAMODB_QUERY, body, &reply, call);
    int rc = footfall__dynamodb_status(answer, DYNAMODB_QUERY, store->table, call);
    int go_on = 1;
    if (rc == 0 && take_names(&page, reply, l->last, l->last_bytes, l->limit) != 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "the index \"list\" of table %s cannot be read",
                                      store->table);
    l->more = rc == 0 && page.count > 0 && json_object_get(reply, "LastEvaluatedKey") != NULL;
    if (rc == 0 && page.count > 0)
        rc = footfall__dynamodb_fetch(store, page.names, page.sizes, page.count, page.totals, page.uniques, page.exists,
                                      call);
    for (size_t i = 0; rc == 0 && i < page.count && go_on; i++) {
        memcpy(l->last, page.names[i], page.sizes[i]);
        l->last_bytes = page.sizes[i];
        if (!page.exists[i] || !belongs(l, page.names[i], page.sizes[i]))
            continue;
        l->told++;
        go_on = each(user, page.names[i], page.sizes[i], page.totals[i], page.uniques[i]) == 0;
        l->more |= !go_on && i + 1 < page.count;
    }
    json_decref(reply);
    return rc;
}

int footfall__dynamodb_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                            size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                            struct footfall_store_call *call)
{
    struct listing l = { .prefix = prefix, .prefix_bytes = prefix_bytes, .after = after, .after_bytes = after_bytes };
    size_t start = whole(after, after_bytes < sizeof(l.last) ? after_bytes : sizeof(l.last));
    size_t shared = whole(prefix, prefix_bytes);
    int rc = 0;
    l.limit = limit < DYNAMODB_READ_KEYS ? limit : DYNAMODB_READ_KEYS;
    *more = 0;
    if (after_bytes > 0 && compare(after, after_bytes, prefix, prefix_bytes) > 0 &&
        (after_bytes < prefix_bytes || memcmp(after, prefix, prefix_bytes) != 0))
        return 0; /* behind all that begins with the prefix */
    if (start >= shared && shared > 0 ? memcmp(after, prefix, shared) == 0 : start > 0 && shared == 0) {
        memcpy(l.last, after, start);
        l.last_bytes = start;
    }
    do
        rc = scan_page(store, &l, each, user, call);
    while (rc == 0 && l.more && l.told == 0);
    *more = l.more;
    return rc;
}
