/* import.c: moving in from a table that one of the usual tutorials fills (tables.h, footfall_store.h: import_foreign). Reads it
 * page by page, then adds to our counter what it has gained since the last import, in one transaction with the record of what
 * has been imported. Counting is elsewhere, and goes on meanwhile. */
#include "store.h"
#include "tables.h"

#include "alloc.h"

#include <inttypes.h>
#include <string.h>
#include <openssl/evp.h>

enum { NEITHER, VISITORS, VIEWS }; /* the shape of the items */
enum { RECORD_KEY_BYTES = 16 };

/* ---- reading the other table ------------------------------------------------------------------------------------------------ */

static int wrong_item(struct footfall_store_call *call, const struct footfall_store_import *import, const char *what)
{
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "table %s: %s", import->source, what);
}

static int shape_of(const json_t *item)
{
    int address = json_object_get(item, "ip_address") != NULL;
    int visits = json_object_get(item, "visit_count") != NULL;
    int id = json_object_get(item, "id") != NULL;
    int views = json_object_get(item, "views") != NULL;
    if (address && visits && !id && !views)
        return VISITORS;
    return id && views && !address && !visits ? VIEWS : NEITHER;
}

/* 0, or -1 when it is not a whole number from 0 to INT64_MAX. Leading zeros are fine: some services keep them. */
static int parse_count(int64_t *out, const char *text)
{
    int64_t value = 0;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return -1;
    *out = value;
    return 0;
}

static int take_item(struct footfall_store_import *import, const json_t *item, struct footfall_store_call *call)
{
    int shape = shape_of(item);
    const char *attribute = shape == VISITORS ? "visit_count" : "views";
    const char *text = json_string_value(json_object_get(json_object_get(item, attribute), "N"));
    int64_t value = 0;
    if (shape == NEITHER)
        return wrong_item(call, import, "an item has neither ip_address and visit_count, nor id and views");
    if (import->shape != NEITHER && import->shape != shape)
        return wrong_item(call, import, "some items have ip_address and visit_count, others id and views");
    if (text == NULL)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "table %s: %s of an item is not a number",
                                        import->source, attribute);
    if (parse_count(&value, text) != 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID,
                                        "table %s: %s of an item is %.40s, not a whole number from 0 to %" PRId64,
                                        import->source, attribute, text, INT64_MAX);
    if (__builtin_add_overflow(import->source_total, value, &value))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_RANGE, "table %s: the sum of %s is larger than %" PRId64,
                                        import->source, attribute, INT64_MAX);
    import->source_total = value;
    import->source_unique += shape == VISITORS;
    import->shape = shape;
    import->items++;
    return 0;
}

/* Only what is needed to tell the shape and to add up. A visitor's hash comes along with it, and goes no further. */
static json_t *scan_body(const struct footfall_store_import *import)
{
    json_t *start = NULL;
    json_t *body = json_pack("{s:s, s:b, s:s, s:{s:s, s:s, s:s, s:s}}", "TableName", import->source, "ConsistentRead",
                             1, "ProjectionExpression", "#a, #c, #i, #v", "ExpressionAttributeNames", "#a",
                             "ip_address", "#c", "visit_count", "#i", "id", "#v", "views");
    if (body == NULL || import->cursor[0] == '\0')
        return body;
    start = json_loads(import->cursor, JSON_ALLOW_NUL, NULL);
    if (start != NULL && json_object_set_new(body, "ExclusiveStartKey", start) == 0)
        return body;
    json_decref(body);
    return NULL;
}

/* Where the next page begins. An empty object, too, is an end. */
static int keep_cursor(struct footfall_store_import *import, const json_t *last, struct footfall_store_call *call)
{
    char *text = NULL;
    size_t bytes = 0;
    int rc = 0;
    if (last != NULL && !json_is_object(last))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                        "table %s: where its next page begins cannot be read", import->source);
    import->all_read = json_object_size(last) == 0;
    if (import->all_read) {
        memset(import->cursor, 0, sizeof import->cursor);
        return 0;
    }
    text = footfall__dynamodb_text(last, &bytes);
    if (text == NULL)
        rc = footfall__dynamodb_no_memory(call);
    else if (bytes >= sizeof import->cursor)
        rc = wrong_item(call, import, "its keys are too long");
    else {
        memset(import->cursor, 0, sizeof import->cursor);
        memcpy(import->cursor, text, bytes);
    }
    footfall__free(text);
    return rc;
}

static int read_page(struct dynamodb_client *client, struct footfall_store_import *import,
                     struct footfall_store_call *call)
{
    const int64_t total = import->source_total, unique = import->source_unique, count = import->items;
    json_t *reply = NULL;
    const json_t *items = NULL;
    int rc = 0;
    enum dynamodb_answer answer = footfall__dynamodb_ask(client, DYNAMODB_SCAN, scan_body(import), &reply, call);
    if (answer == DYNAMODB_NOT_FOUND) {
        if (call->text_bytes > 0)
            call->text[0] = '\0';
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "there is no table %s in region %s",
                                        import->source, footfall__dynamodb_client_region(client));
    }
    if (answer != DYNAMODB_ANSWERED)
        return footfall__dynamodb_status(answer, DYNAMODB_SCAN, import->source, call);
    items = json_object_get(reply, "Items");
    if (!json_is_array(items))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "table %s: a page of it cannot be read",
                                      import->source);
    for (size_t i = 0; i < json_array_size(items) && rc == 0; i++)
        rc = take_item(import, json_array_get(items, i), call);
    if (rc == 0)
        rc = keep_cursor(import, json_object_get(reply, "LastEvaluatedKey"), call);
    json_decref(reply);
    if (rc != 0) { /* a page counts as a whole or not at all */
        import->source_total = total;
        import->source_unique = unique;
        import->items = count;
    }
    return rc;
}

/* ---- what is on our side ------------------------------------------------------------------------------------------------------ */

struct standing {
    struct dynamodb_key counter, record;
    int64_t generation, total, unique; /* the counter's */
    int has_record;
    int64_t imported_total, imported_unique, number; /* the record's; number: how often it was written */
};

/* The record belongs to a source and to one life of the counter: after a DELETE everything counts anew. */
static int make_record_key(struct standing *s, const struct footfall_store_import *import)
{
    const struct dynamodb_name name = { import->name, import->name_bytes };
    uint8_t digest[EVP_MAX_MD_SIZE], generation[8];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context != NULL;
    for (size_t i = 0; i < sizeof generation; i++)
        generation[i] = (uint8_t)((uint64_t)s->generation >> (56 - 8 * i));
    ok = ok && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
         EVP_DigestUpdate(context, generation, sizeof generation) == 1 &&
         EVP_DigestUpdate(context, import->source, strlen(import->source)) == 1 &&
         EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (ok)
        footfall__dynamodb_other_key(&s->record, name, 'i', digest, RECORD_KEY_BYTES);
    return ok ? 0 : -1;
}

/* A consistent read of one item; *item is NULL when there is none. */
static int get_item(struct dynamodb_client *client, const char *table, const struct dynamodb_key *key, json_t **item,
                    struct footfall_store_call *call)
{
    json_t *reply = NULL;
    json_t *body =
        json_pack("{s:s, s:b, s:o}", "TableName", table, "ConsistentRead", 1, "Key", footfall__dynamodb_key_json(key));
    enum dynamodb_answer answer = footfall__dynamodb_ask(client, DYNAMODB_GET_ITEM, body, &reply, call);
    *item = NULL;
    if (answer != DYNAMODB_ANSWERED)
        return footfall__dynamodb_status(answer, DYNAMODB_GET_ITEM, table, call);
    *item = json_incref(json_object_get(reply, "Item"));
    json_decref(reply);
    return 0;
}

static int damaged(struct footfall_store_call *call, const char *table)
{
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                    "table %s: a number of the counter or of its import cannot be read", table);
}

static int read_standing(struct standing *s, struct dynamodb_client *client, const char *table,
                         const struct footfall_store_import *import, struct footfall_store_call *call)
{
    const struct dynamodb_name name = { import->name, import->name_bytes };
    json_t *item = NULL;
    int bad = 0;
    int rc = 0;
    memset(s, 0, sizeof *s);
    footfall__dynamodb_counter_key(&s->counter, name);
    rc = get_item(client, table, &s->counter, &item, call);
    if (rc != 0)
        return rc;
    bad = (item != NULL && !json_is_object(item)) || footfall__dynamodb_take_n(item, "g", &s->generation) < 0 ||
          footfall__dynamodb_take_n(item, "t", &s->total) < 0 || footfall__dynamodb_take_n(item, "u", &s->unique) < 0;
    json_decref(item);
    if (bad || s->generation < 0)
        return damaged(call, table);
    if (make_record_key(s, import) != 0)
        return footfall__dynamodb_no_memory(call);
    rc = get_item(client, table, &s->record, &item, call);
    if (rc != 0)
        return rc;
    s->has_record = item != NULL;
    bad = (item != NULL && !json_is_object(item)) || footfall__dynamodb_take_n(item, "t", &s->imported_total) < 0 ||
          footfall__dynamodb_take_n(item, "u", &s->imported_unique) < 0 ||
          footfall__dynamodb_take_n(item, "n", &s->number) < 0;
    json_decref(item);
    bad |= s->imported_total < 0 || s->imported_unique < 0 || s->number < 0 || s->number == INT64_MAX;
    return bad ? damaged(call, table) : 0;
}

/* ---- the transaction ------------------------------------------------------------------------------------------------------------ */

/* Bounds, and the life of the counter that the record belongs to. No slot: what became of the transaction is told by the
 * record, whose condition also kills late copies. */
static json_t *counter_part(const char *table, const struct standing *s, const struct footfall_store_import *import)
{
    static const char until_deleted[] =
        "attribute_not_exists(g) AND (attribute_not_exists(t) OR t <= :tm) AND (attribute_not_exists(u) OR u <= :um)";
    static const char later[] =
        "g = :g AND (attribute_not_exists(t) OR t <= :tm) AND (attribute_not_exists(u) OR u <= :um)";
    json_t *values =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:{s:s}}", ":z", footfall__dynamodb_n(0), ":t",
                  footfall__dynamodb_n(import->added_total), ":u", footfall__dynamodb_n(import->added_unique), ":tm",
                  footfall__dynamodb_n(INT64_MAX - import->added_total), ":um",
                  footfall__dynamodb_n(INT64_MAX - import->added_unique), ":c", "S", "c");
    if (values != NULL && s->generation != 0 &&
        json_object_set_new(values, ":g", footfall__dynamodb_n(s->generation)) != 0) {
        json_decref(values);
        values = NULL;
    }
    return json_pack("{s:s, s:o, s:s, s:s, s:o}", "TableName", table, "Key", footfall__dynamodb_key_json(&s->counter),
                     "UpdateExpression", "SET t = if_not_exists(t, :z) + :t, u = if_not_exists(u, :z) + :u, d = :c",
                     "ConditionExpression", s->generation == 0 ? until_deleted : later, "ExpressionAttributeValues",
                     values);
}

static json_t *record_part(const char *table, const struct standing *s, const struct footfall_store_import *import)
{
    json_t *item = footfall__dynamodb_key_json(&s->record);
    json_t *part = NULL;
    int failed = item == NULL;
    failed = failed || json_object_set_new(item, "t", footfall__dynamodb_n(import->source_total)) != 0 ||
             json_object_set_new(item, "u", footfall__dynamodb_n(import->source_unique)) != 0 ||
             json_object_set_new(item, "n", footfall__dynamodb_n(s->number + 1)) != 0;
    if (failed) {
        json_decref(item);
        return NULL;
    }
    part = json_pack("{s:s, s:o, s:s}", "TableName", table, "Item", item, "ConditionExpression",
                     s->has_record ? "n = :n" : "attribute_not_exists(pk)");
    if (part != NULL && s->has_record &&
        json_object_set_new(part, "ExpressionAttributeValues",
                            json_pack("{s:o}", ":n", footfall__dynamodb_n(s->number))) != 0) {
        json_decref(part);
        return NULL;
    }
    return part;
}

static void no_more(struct dynamodb_request *request)
{
    (void)request;
}

/* 0: sent, and what became of it is to be read; or a negative status. */
static int send_transaction(struct dynamodb_client *client, const char *table, const struct standing *s,
                            struct footfall_store_import *import, struct footfall_store_call *call)
{
    struct dynamodb_request request = { .action = DYNAMODB_TRANSACT_WRITE_ITEMS, .done = no_more, .items = 2 };
    char *text = NULL;
    int failed = 0;
    json_t *body = json_pack("{s:[{s:o}, {s:o}]}", "TransactItems", "Update", counter_part(table, s, import), "Put",
                             record_part(table, s, import));
    if (body != NULL && footfall__dynamodb_capacity(client))
        failed = json_object_set_new(body, "ReturnConsumedCapacity", json_string("TOTAL")) != 0;
    text = failed ? NULL : footfall__dynamodb_text(body, &request.body_bytes);
    json_decref(body);
    if (text == NULL)
        return footfall__dynamodb_no_memory(call);
    request.body = text;
    footfall__dynamodb_send(client, &request);
    footfall__dynamodb_pump(client, call);
    footfall__free(text);
    import->doubt |= request.doubt;
    if (request.answer == DYNAMODB_ANSWERED || request.answer == DYNAMODB_CANCELED) {
        if (call->text_bytes > 0)
            call->text[0] = '\0';
        return 0;
    }
    return footfall__dynamodb_status(request.answer, request.action, table, call);
}

/* Is it done? 1, with the answers in *import; 0, with what is to be added; or a negative status. */
static int compare(struct footfall_store_import *import, const struct standing *s, struct footfall_store_call *call)
{
    int64_t sum = 0;
    int same =
        s->has_record && s->imported_total == import->source_total && s->imported_unique == import->source_unique;
    import->total = s->total;
    import->unique = s->unique;
    if (same) {
        if (s->number != import->sent_number) /* not by this call: there was nothing to add */
            import->added_total = import->added_unique = 0;
        return 1;
    }
    if (import->source_total < s->imported_total || import->source_unique < s->imported_unique)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID,
                                        "table %s holds fewer (%" PRId64 ", %" PRId64
                                        ") than were imported from it before (%" PRId64 ", %" PRId64 ")",
                                        import->source, import->source_total, import->source_unique, s->imported_total,
                                        s->imported_unique);
    import->added_total = import->source_total - s->imported_total;
    import->added_unique = import->source_unique - s->imported_unique;
    import->sent_number = s->number + 1;
    if (__builtin_add_overflow(s->total, import->added_total, &sum) ||
        __builtin_add_overflow(s->unique, import->added_unique, &sum))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_RANGE, "the counter would leave the range of 64 bits");
    return 0;
}

/* Every way that the transaction can end is told by reading again: done, to be done anew from what is there now, or impossible. */
static int add_gain(struct dynamodb_client *client, const char *table, struct footfall_store_import *import,
                    struct footfall_store_call *call)
{
    for (;;) {
        struct standing s;
        int rc = read_standing(&s, client, table, import, call);
        if (rc == 0)
            rc = compare(import, &s, call);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = send_transaction(client, table, &s, import, call);
        if (rc != 0)
            return rc;
    }
}

int footfall__dynamodb_import(struct dynamodb_client *client, const char *table, struct footfall_store_import *import,
                              int *more, struct footfall_store_call *call)
{
    int rc = 0;
    *more = 0;
    if (!footfall__dynamodb_is_table(import->source))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID,
                                        "%.60s is no table's name (3 to 255 letters, digits, _ . -)", import->source);
    if (strcmp(import->source, table) == 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "table %s is the one that counters are in",
                                        table);
    if (!import->all_read) {
        *more = 1;
        return read_page(client, import, call);
    }
    if (import->items == 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "table %s is empty", import->source);
    rc = add_gain(client, table, import, call);
    if (rc == 0 || !import->doubt) /* while a copy may still be under way, nothing but success is certain */
        return rc;
    (void)footfall__dynamodb_fault(call, 0, "the import's outcome is not known");
    return FOOTFALL_STORE_UNKNOWN;
}
