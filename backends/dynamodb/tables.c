/* tables.c: makes the two tables and waits for them (tables.h). What else may be said of existing ones is check.c's. */
#include "tables.h"

#include "bytes.h"
#include "clock.h"

#include <string.h>

enum { PAUSE_FIRST_MS = 20, PAUSE_MOST_MS = 1000, WHY_BYTES = 128 };

/* ---- what a table looks like ------------------------------------------------------------------------------------------ */

const char *footfall__dynamodb_member(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

const json_t *footfall__dynamodb_index(const json_t *table, const char *name)
{
    const json_t *indexes = json_object_get(table, "GlobalSecondaryIndexes");
    for (size_t i = 0; i < json_array_size(indexes); i++)
        if (strcmp(footfall__dynamodb_member(json_array_get(indexes, i), "IndexName"), name) == 0)
            return json_array_get(indexes, i);
    return NULL;
}

/* Type of an attribute that is a key somewhere, "" when it is none. */
static const char *type_of(const json_t *table, const char *attribute)
{
    const json_t *all = json_object_get(table, "AttributeDefinitions");
    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(footfall__dynamodb_member(json_array_get(all, i), "AttributeName"), attribute) == 0)
            return footfall__dynamodb_member(json_array_get(all, i), "AttributeType");
    return "";
}

/* Are the keys of `keyed` (the table or an index) these two? "pk S" names an attribute and its type. */
static int has_keys(const json_t *table, const json_t *keyed, const char *hash, const char *range)
{
    const json_t *schema = json_object_get(keyed, "KeySchema");
    int right = json_array_size(schema) == 2;
    for (size_t i = 0; right && i < 2; i++) {
        const json_t *key = json_array_get(schema, i);
        const char *wanted = strcmp(footfall__dynamodb_member(key, "KeyType"), "HASH") == 0 ? hash : range;
        const char *name = footfall__dynamodb_member(key, "AttributeName");
        size_t bytes = strlen(wanted) - 2;
        right = strlen(name) == bytes && memcmp(name, wanted, bytes) == 0 &&
                strcmp(type_of(table, name), wanted + bytes + 1) == 0;
    }
    return right;
}

int footfall__dynamodb_layout_wrong(const json_t *table, int must_list, char *why, size_t why_bytes)
{
    const json_t *index = footfall__dynamodb_index(table, DYNAMODB_LIST_INDEX);
    if (!has_keys(table, table, "pk S", "sk B"))
        footfall__format(why, why_bytes, "its keys are not pk (S) and sk (B)");
    else if (must_list && index == NULL)
        footfall__format(why, why_bytes, "it has no index '" DYNAMODB_LIST_INDEX "' with keys d (S) and pk (S)");
    else if (must_list && !has_keys(table, index, "d S", "pk S"))
        footfall__format(why, why_bytes, "the keys of its index '" DYNAMODB_LIST_INDEX "' are not d (S) and pk (S)");
    else
        return 0;
    return 1;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------- */

enum dynamodb_answer footfall__dynamodb_describe(struct dynamodb_client *client, enum dynamodb_action action,
                                                 const char *table, json_t **reply, struct footfall_store_call *call)
{
    return footfall__dynamodb_ask(client, action, json_pack("{s:s}", "TableName", table), reply, call);
}

static void forget_fault(struct footfall_store_call *call)
{
    if (call->text_bytes > 0)
        call->text[0] = '\0';
    call->native = 0;
}

/* 0: the table is there, as it should be, and *ready says whether it can be used; 1: there is none; or a negative status. */
static int look(struct dynamodb_client *client, const char *table, int must_list, int *ready,
                struct footfall_store_call *call)
{
    char why[WHY_BYTES];
    json_t *reply = NULL;
    const json_t *described = NULL, *index = NULL;
    int rc = 0;
    enum dynamodb_answer answer = footfall__dynamodb_describe(client, DYNAMODB_DESCRIBE_TABLE, table, &reply, call);
    *ready = 0;
    if (answer == DYNAMODB_NOT_FOUND) {
        forget_fault(call);
        return 1;
    }
    if (answer != DYNAMODB_ANSWERED)
        return footfall__dynamodb_status(answer, DYNAMODB_DESCRIBE_TABLE, table, call);
    described = json_object_get(reply, "Table");
    index = footfall__dynamodb_index(described, DYNAMODB_LIST_INDEX);
    if (strcmp(footfall__dynamodb_member(described, "TableStatus"), "DELETING") == 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "table %s is being deleted", table);
    else if (footfall__dynamodb_layout_wrong(described, must_list, why, sizeof why))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "table %s is not one of ours: %s", table, why);
    else
        *ready = strcmp(footfall__dynamodb_member(described, "TableStatus"), "CREATING") != 0 &&
                 (!must_list || strcmp(footfall__dynamodb_member(index, "IndexStatus"), "CREATING") != 0);
    json_decref(reply);
    return rc;
}

#define ON_DEMAND                                                                                                      \
    "\"BillingMode\":\"PAY_PER_REQUEST\","                                                                             \
    "\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}]"
#define TYPES "{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},{\"AttributeName\":\"sk\",\"AttributeType\":\"B\"}"
#define INDEX                                                                                                          \
    "{\"IndexName\":\"" DYNAMODB_LIST_INDEX "\",\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"},"                    \
    "\"KeySchema\":[{\"AttributeName\":\"d\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"pk\",\"KeyType\":\"RANGE\"}]}"

static const char keys_layout[] = "{" ON_DEMAND ",\"AttributeDefinitions\":[" TYPES "]}";
static const char counts_layout[] =
    "{" ON_DEMAND ",\"AttributeDefinitions\":[" TYPES ",{\"AttributeName\":\"d\",\"AttributeType\":\"S\"}],"
    "\"GlobalSecondaryIndexes\":[" INDEX "]}";

static json_t *table_body(const char *table, int must_list)
{
    json_t *body = json_loads(must_list ? counts_layout : keys_layout, 0, NULL);
    if (json_object_set_new(body, "TableName", json_string(table)) == 0)
        return body;
    json_decref(body);
    return NULL;
}

static int create(struct dynamodb_client *client, const char *table, int must_list, struct footfall_store_call *call)
{
    json_t *reply = NULL;
    enum dynamodb_answer answer =
        footfall__dynamodb_ask(client, DYNAMODB_CREATE_TABLE, table_body(table, must_list), &reply, call);
    json_decref(reply);
    if (answer == DYNAMODB_IN_USE) { /* another process was faster, or this one's reply was lost */
        forget_fault(call);
        return 0;
    }
    return answer == DYNAMODB_ANSWERED ? 0 : footfall__dynamodb_status(answer, DYNAMODB_CREATE_TABLE, table, call);
}

/* Sleeps a little longer each time. 0: the deadline comes first. */
static int rest(int64_t *pause_ms, const struct footfall_store_call *call)
{
    if (footfall__boottime_ms() + *pause_ms >= call->deadline_ms)
        return 0;
    footfall__sleep_us(*pause_ms * 1000);
    *pause_ms = *pause_ms * 2 < PAUSE_MOST_MS ? *pause_ms * 2 : PAUSE_MOST_MS;
    return 1;
}

static int await_table(struct dynamodb_client *client, const char *table, int must_list,
                       struct footfall_store_call *call)
{
    int64_t pause_ms = PAUSE_FIRST_MS;
    int ready = 0;
    for (;;) {
        int rc = look(client, table, must_list, &ready, call);
        if (rc < 0 || ready)
            return rc;
        if (!rest(&pause_ms, call)) /* one just made may not be seen yet: that is no failure either */
            return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY,
                                            "table %s is still being made; try again in a moment", table);
    }
}

/* ---- expiry ------------------------------------------------------------------------------------------------------------- */

/* 1: it is on, as it should be; 0: it is off; or a negative status. */
static int expiry(struct dynamodb_client *client, const char *table, struct footfall_store_call *call)
{
    json_t *reply = NULL;
    const json_t *described = NULL;
    const char *state = NULL;
    int rc = 0;
    enum dynamodb_answer answer =
        footfall__dynamodb_describe(client, DYNAMODB_DESCRIBE_TIME_TO_LIVE, table, &reply, call);
    if (answer != DYNAMODB_ANSWERED)
        return footfall__dynamodb_status(answer, DYNAMODB_DESCRIBE_TIME_TO_LIVE, table, call);
    described = json_object_get(reply, "TimeToLiveDescription");
    state = footfall__dynamodb_member(described, "TimeToLiveStatus");
    if (strcmp(state, "DISABLING") == 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY,
                                      "expiry of table %s is being switched off; try again in an hour", table);
    else if (strncmp(state, "ENABL", 5) == 0) {
        const char *attribute = footfall__dynamodb_member(described, "AttributeName");
        rc = strcmp(attribute, DYNAMODB_TTL_ATTRIBUTE) == 0
                 ? 1
                 : footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                            "items of table %s expire by '%s', not by '" DYNAMODB_TTL_ATTRIBUTE "'",
                                            table, attribute);
    }
    json_decref(reply);
    return rc;
}

static int switch_expiry_on(struct dynamodb_client *client, const char *table, struct footfall_store_call *call)
{
    json_t *reply = NULL, *body = NULL;
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    int rc = expiry(client, table, call);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    body = json_pack("{s:s, s:{s:s, s:b}}", "TableName", table, "TimeToLiveSpecification", "AttributeName",
                     DYNAMODB_TTL_ATTRIBUTE, "Enabled", 1);
    answer = footfall__dynamodb_ask(client, DYNAMODB_UPDATE_TIME_TO_LIVE, body, &reply, call);
    json_decref(reply);
    if (answer == DYNAMODB_ANSWERED)
        return 0;
    if (answer == DYNAMODB_INVALID ||
        answer == DYNAMODB_IN_USE) { /* enabled already: by another, or a reply was lost */
        struct footfall_store_call again = *call;
        char text[2] = "";
        again.text = text;
        again.text_bytes = sizeof text;
        if (expiry(client, table, &again) == 1) {
            forget_fault(call);
            return 0;
        }
        if (answer == DYNAMODB_IN_USE) /* an update of the table is under way */
            return footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "table %s is being changed", table);
    }
    return footfall__dynamodb_status(answer, DYNAMODB_UPDATE_TIME_TO_LIVE, table, call);
}

/* ---- both ---------------------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_create_tables(struct dynamodb_client *client, const char *table, const char *key_table,
                                     struct footfall_store_call *call)
{
    const char *const tables[2] = { table, key_table };
    int there[2] = { 0, 0 };
    int rc = 0;
    for (int i = 0; i < 2 && rc >= 0; i++) { /* both are looked at before anything is made */
        int ready = 0;
        rc = look(client, tables[i], i == 0, &ready, call);
        there[i] = rc == 0;
        if (rc == 0 && ready)
            rc = expiry(client, tables[i], call);
    }
    for (int i = 0; i < 2 && rc >= 0; i++)
        rc = there[i] ? 0 : create(client, tables[i], i == 0, call);
    for (int i = 0; i < 2 && rc >= 0; i++)
        rc = await_table(client, tables[i], i == 0, call);
    for (int i = 0; i < 2 && rc >= 0; i++)
        rc = switch_expiry_on(client, tables[i], call);
    return rc < 0 ? rc : 0;
}
