/* probes.c: which of the rights that counting needs are missing. Each is tried by one request that changes nothing: reads of a
 * key that no counter has, writes of it under a condition that cannot hold. IAM decides before the condition is looked at. */
#include "tables.h"

#include "bytes.h"

#include <string.h>

enum { FINE, NOTE, WARNING, WRONG, TEXT_BYTES = 400 };

/* No name holds a NUL, and "epoch" has none: this item is never there. */
#define NOBODY "\\u0000check"
#define ITEM "{\"pk\":{\"S\":\"" NOBODY "\"},\"sk\":{\"B\":\"AA==\"}}"
#define KEY "\"Key\":" ITEM
#define NEVER "\"ConditionExpression\":\"attribute_exists(pk) AND attribute_not_exists(pk)\""
#define QUERY(partition)                                                                                               \
    "\"KeyConditionExpression\":\"" partition                                                                          \
    " = :p\",\"Limit\":1,\"ExpressionAttributeValues\":{\":p\":{\"S\":\"" NOBODY "\"}}"
#define TABLE "{\"TableName\":\""

struct probe {
    const char *right;          /* as IAM calls it */
    const char *before, *after; /* the request, around the table's name */
    enum dynamodb_action action;
    int of_counts, of_keys; /* asked for on the one table, on the other */
    int on_index;
};
static const struct probe probes[] = {
    { "GetItem", TABLE, "\"," KEY "}", DYNAMODB_GET_ITEM, 1, 0, 0 },
    { "BatchGetItem", "{\"RequestItems\":{\"", "\":{\"Keys\":[" ITEM "]}}}", DYNAMODB_BATCH_GET_ITEM, 1, 0, 0 },
    { "Query", TABLE, "\"," QUERY("pk") "}", DYNAMODB_QUERY, 1, 1, 0 },
    { "Query", TABLE, "\",\"IndexName\":\"" DYNAMODB_LIST_INDEX "\"," QUERY("d") "}", DYNAMODB_QUERY, 1, 0, 1 },
    { "UpdateItem", TABLE, "\"," KEY ",\"UpdateExpression\":\"REMOVE z\"," NEVER "}", DYNAMODB_UPDATE_ITEM, 1, 0, 0 },
    { "PutItem", TABLE, "\",\"Item\":" ITEM "," NEVER "}", DYNAMODB_PUT_ITEM, 1, 1, 0 },
    { "DeleteItem", TABLE, "\"," KEY "," NEVER "}", DYNAMODB_DELETE_ITEM, 1, 1, 0 },
    { "ConditionCheckItem", "{\"TransactItems\":[{\"ConditionCheck\":" TABLE, "\"," KEY "," NEVER "}}]}",
      DYNAMODB_TRANSACT_WRITE_ITEMS, 1, 0, 0 },
};

/* 0 with *denied, or a negative status when no answer came. */
static int ask(struct dynamodb_client *client, const struct probe *probe, const char *table, int *denied,
               struct footfall_store_call *call)
{
    char body[1024];
    json_t *reply = NULL;
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    footfall__format(body, sizeof body, "%s%s%s", probe->before, table, probe->after);
    answer = footfall__dynamodb_ask(client, probe->action, json_loads(body, JSON_ALLOW_NUL, NULL), &reply, call);
    json_decref(reply);
    *denied = answer == DYNAMODB_DENIED || answer == DYNAMODB_STRANGER;
    if (answer == DYNAMODB_NO_ANSWER || answer == DYNAMODB_OUT_OF_MEMORY)
        return footfall__dynamodb_status(answer, probe->action, table, call);
    if (call->text_bytes > 0) /* it is a finding, not a fault */
        call->text[0] = '\0';
    call->native = 0;
    return 0;
}

int footfall__dynamodb_probe_rights(struct dynamodb_client *client, const char *table, int is_key_table, int has_index,
                                    footfall_store_finding *each, void *user, struct footfall_store_call *call)
{
    char text[TEXT_BYTES];
    size_t missing = 0;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const struct probe *probe = &probes[i];
        int denied = 0;
        int rc = 0;
        if (!(is_key_table ? probe->of_keys : probe->of_counts) || (probe->on_index && !has_index))
            continue;
        rc = ask(client, probe, table, &denied, call);
        if (rc != 0)
            return rc;
        if (!denied)
            continue;
        missing++;
        footfall__format(text, sizeof text, "There is no right to %s on %stable %s.", probe->right,
                         probe->on_index ? "index " DYNAMODB_LIST_INDEX " of " : "", table);
        each(user, WRONG, text, "Grant it; footfall iam-policy prints the rights that are needed.");
    }
    if (missing > 0)
        return 0;
    footfall__format(text, sizeof text, "The rights to count in table %s are there.", table);
    each(user, FINE, text, NULL);
    return 0;
}
