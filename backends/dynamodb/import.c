/* import.c: moving in from a table that one of the usual tutorials fills (tables.h, footfall_store.h: import_foreign). Reads it
 * page by page, then adds to our counter what it has gained since the last import, in one transaction with the record of what
 * has been imported. Counting is elsewhere, and goes on meanwhile. */
#include "tables.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

enum { NEITHER, VISITORS, VIEWS }; /* the shape of the items */
enum { KEY_BYTES = 16, KEY_TEXT_BYTES = 25, NAME_BYTES = 200 + 2, NUMBER_BYTES = 24 };

#define COUNTER_KEY "AA==" /* one byte 0 */

/* ---- numbers -------------------------------------------------------------------------------------------------------------- */

/* 0: a whole number within int64; 1: a whole number beyond; -1: none. Leading zeros are fine: some services keep them. */
static int parse_number(int64_t *out, const char *text)
{
    int minus = *text == '-';
    int64_t value = 0;
    int beyond = 0;
    text += minus;
    *out = 0;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        beyond |= __builtin_mul_overflow(value, 10, &value);
        beyond |= minus ? __builtin_sub_overflow(value, *text - '0', &value)
                        : __builtin_add_overflow(value, *text - '0', &value);
    }
    *out = beyond ? 0 : value;
    return beyond;
}

static json_t *number(int64_t value)
{
    char text[NUMBER_BYTES];
    footfall__format(text, sizeof text, "%" PRId64, value);
    return json_pack("{s:s}", "N", text);
}

/* An attribute of an item of ours, absent = 0. -1: it is no number. */
static int number_of(int64_t *out, const json_t *item, const char *attribute)
{
    const json_t *value = json_object_get(item, attribute);
    const char *text = json_string_value(json_object_get(value, "N"));
    *out = 0;
    if (value == NULL)
        return 0;
    return text != NULL && parse_number(out, text) == 0 ? 0 : -1;
}

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

static int take_item(struct footfall_store_import *import, const json_t *item, struct footfall_store_call *call)
{
    int shape = shape_of(item);
    const char *attribute = shape == VISITORS ? "visit_count" : "views";
    const char *text = json_string_value(json_object_get(json_object_get(item, attribute), "N"));
    int64_t value = 0;
    int parsed = 0;
    if (shape == NEITHER)
        return wrong_item(call, import, "an item has neither ip_address and visit_count, nor id and views");
    if (import->shape != NEITHER && import->shape != shape)
        return wrong_item(call, import, "some items have ip_address and visit_count, others id and views");
    if (text == NULL)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_INVALID, "table %s: %s of an item is not a number",
                                        import->source, attribute);
    parsed = parse_number(&value, text);
    if (parsed != 0 || value < 0)
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
    int rc = 0;
    import->all_read = json_object_size(last) == 0;
    if (!import->all_read) {
        text = json_dumps(last, JSON_COMPACT);
        if (text == NULL)
            rc = footfall__dynamodb_no_memory(call);
        else if (strlen(text) >= sizeof import->cursor)
            rc = wrong_item(call, import, "its keys are too long");
        else
            memcpy(import->cursor, text, strlen(text) + 1);
        free(text); /* jansson's */
    } else
        memset(import->cursor, 0, sizeof import->cursor);
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
    char record_name[NAME_BYTES];      /* counter's name, NUL, 'i' */
    char record_key[KEY_TEXT_BYTES];   /* base64 of the sort key */
    int64_t generation, total, unique; /* the counter's */
    int has_record;
    int64_t imported_total, imported_unique, number; /* the record's; number: how often it was written */
};

/* The record belongs to a source and to one life of the counter: after a DELETE everything counts anew. */
static int make_record_key(struct standing *s, const struct footfall_store_import *import)
{
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
    if (!ok)
        return -1;
    EVP_EncodeBlock((unsigned char *)s->record_key, digest, KEY_BYTES);
    memcpy(s->record_name, import->name, import->name_bytes);
    memcpy(s->record_name + import->name_bytes, "\0i", 2);
    return 0;
}

static json_t *item_key(const char *name, size_t name_bytes, const char *key)
{
    return json_pack("{s:{s:s%}, s:{s:s}}", "pk", "S", name, name_bytes, "sk", "B", key);
}

/* A consistent read of one item; *item is NULL when there is none. */
static int get_item(struct dynamodb_client *client, const char *table, json_t *key, json_t **item,
                    struct footfall_store_call *call)
{
    json_t *reply = NULL;
    json_t *body = json_pack("{s:s, s:b, s:o}", "TableName", table, "ConsistentRead", 1, "Key", key);
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
    json_t *item = NULL;
    int bad = 0;
    int rc = get_item(client, table, item_key(import->name, import->name_bytes, COUNTER_KEY), &item, call);
    if (rc != 0)
        return rc;
    bad = number_of(&s->generation, item, "g") | number_of(&s->total, item, "t") | number_of(&s->unique, item, "u");
    json_decref(item);
    if (bad != 0)
        return damaged(call, table);
    if (make_record_key(s, import) != 0)
        return footfall__dynamodb_no_memory(call);
    rc = get_item(client, table, item_key(s->record_name, import->name_bytes + 2, s->record_key), &item, call);
    if (rc != 0)
        return rc;
    s->has_record = item != NULL;
    bad = number_of(&s->imported_total, item, "t") | number_of(&s->imported_unique, item, "u") |
          number_of(&s->number, item, "n");
    json_decref(item);
    return bad != 0 ? damaged(call, table) : 0;
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
    json_t *values = json_pack("{s:o, s:o, s:o, s:o, s:o, s:{s:s}}", ":z", number(0), ":t", number(import->added_total),
                               ":u", number(import->added_unique), ":tm", number(INT64_MAX - import->added_total),
                               ":um", number(INT64_MAX - import->added_unique), ":c", "S", "c");
    if (values != NULL && s->generation != 0 && json_object_set_new(values, ":g", number(s->generation)) != 0) {
        json_decref(values);
        values = NULL;
    }
    return json_pack("{s:s, s:o, s:s, s:s, s:o}", "TableName", table, "Key",
                     item_key(import->name, import->name_bytes, COUNTER_KEY), "UpdateExpression",
                     "SET t = if_not_exists(t, :z) + :t, u = if_not_exists(u, :z) + :u, d = :c", "ConditionExpression",
                     s->generation == 0 ? until_deleted : later, "ExpressionAttributeValues", values);
}

static json_t *record_part(const char *table, const struct standing *s, const struct footfall_store_import *import)
{
    json_t *item = item_key(s->record_name, import->name_bytes + 2, s->record_key);
    json_t *part = NULL;
    int failed = item == NULL;
    failed = failed || json_object_set_new(item, "t", number(import->source_total)) != 0 ||
             json_object_set_new(item, "u", number(import->source_unique)) != 0 ||
             json_object_set_new(item, "n", number(s->number + 1)) != 0;
    if (failed) {
        json_decref(item);
        return NULL;
    }
    part = json_pack("{s:s, s:o, s:s}", "TableName", table, "Item", item, "ConditionExpression",
                     s->has_record ? "n = :n" : "attribute_not_exists(pk)");
    if (part != NULL && s->has_record &&
        json_object_set_new(part, "ExpressionAttributeValues", json_pack("{s:o}", ":n", number(s->number))) != 0) {
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
    struct dynamodb_request request = { .action = DYNAMODB_TRANSACT_WRITE_ITEMS, .done = no_more };
    json_t *body = json_pack("{s:[{s:o}, {s:o}]}", "TransactItems", "Update", counter_part(table, s, import), "Put",
                             record_part(table, s, import));
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text == NULL)
        return footfall__dynamodb_no_memory(call);
    request.body = text;
    request.body_bytes = strlen(text);
    footfall__dynamodb_send(client, &request);
    footfall__dynamodb_pump(client, call);
    free(text); /* jansson's */
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
        struct standing s = { .generation = 0 };
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
