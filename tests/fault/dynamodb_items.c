/* dynamodb_items.c: see dynamodb_items.h. */
#include "dynamodb_items.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "folder.h"
#include "server_control.h"

enum { PATIENCE_MS = 20000 };

json_t *dynamodb_says(enum dynamodb_action action, json_t *body)
{
    struct dynamodb_client_options options = { .endpoint = getenv("FOOTFALL_TEST_DYNAMODB_URL") };
    char text[256] = "";
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof text };
    struct dynamodb_client *client = NULL;
    json_t *reply = NULL;
    call.deadline_ms = footfall__boottime_ms() + PATIENCE_MS;
    call.wall_ms = footfall__wall_ms();
    assert_non_null(body);
    if (footfall__dynamodb_client_new(&client, &options, &call) != 0 ||
        footfall__dynamodb_ask(client, action, body, &reply, &call) != DYNAMODB_ANSWERED)
        fail_msg("%s: %s", footfall__dynamodb_action_name(action), text);
    footfall__dynamodb_client_free(client, 0);
    return reply;
}

void dynamodb_says_raw(const char *action, const char *body)
{
    FILE *stream = support_dial_tcp((int)strtol(getenv("FOOTFALL_TEST_DYNAMODB_PORT"), NULL, 10));
    char *request = support_format(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: "
        "DynamoDB_20120810.%s\r\nAuthorization: AWS4-HMAC-SHA256 Credential=FOOTFALLTEST/20260101/us-east-1/dynamodb/"
        "aws4_request, SignedHeaders=host;x-amz-target, Signature=%064d\r\nContent-Length: %zu\r\n\r\n%s",
        action, 0, strlen(body), body);
    char *line = NULL;
    support_send_all(stream, request, strlen(request));
    line = support_read_line(stream, "\r\n");
    if (strstr(line, " 200 ") == NULL)
        fail_msg("%s: %s", action, line);
    free(line);
    free(request);
    fclose(stream);
}

json_t *dynamodb_counter_item(const char *table, const char *name)
{
    json_t *reply =
        dynamodb_says(DYNAMODB_GET_ITEM, json_pack("{s:s, s:b, s:{s:{s:s}, s:{s:s}}}", "TableName", table,
                                                   "ConsistentRead", 1, "Key", "pk", "S", name, "sk", "B", "AA=="));
    json_t *item = json_incref(json_object_get(reply, "Item"));
    json_decref(reply);
    return item;
}

int64_t dynamodb_count_items(const char *table, const char *name, char kind)
{
    const size_t bytes = strlen(name);
    char pk[256];
    json_t *reply = NULL;
    int64_t count = 0;
    assert_true(bytes + 2 < sizeof pk);
    memcpy(pk, name, bytes + 1); /* NUL and all */
    pk[bytes + 1] = kind;
    reply = dynamodb_says(DYNAMODB_QUERY, json_pack("{s:s, s:b, s:s, s:s, s:{s:{s:s%}}}", "TableName", table,
                                                    "ConsistentRead", 1, "Select", "COUNT", "KeyConditionExpression",
                                                    "pk = :p", "ExpressionAttributeValues", ":p", "S", pk, bytes + 2));
    count = json_integer_value(json_object_get(reply, "Count"));
    json_decref(reply);
    return count;
}

/* Two digits a byte, without leading and trailing zeros, one more byte, and one for the sign. */
static size_t number_bytes(const char *text)
{
    const int is_negative = text[0] == '-';
    const char *first = text + is_negative + strspn(text + is_negative, "0");
    size_t digits = strlen(first);
    while (digits > 0 && first[digits - 1] == '0')
        digits--;
    return (digits + 1) / 2 + 1 + (size_t)is_negative;
}

static size_t value_bytes(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "B"));
    if (text != NULL) {
        const size_t count = strlen(text);
        return count / 4 * 3 - (count > 0 && text[count - 1] == '=') - (count > 1 && text[count - 2] == '=');
    }
    text = json_string_value(json_object_get(value, "N"));
    if (text != NULL)
        return number_bytes(text);
    assert_true(json_is_string(json_object_get(value, "S")));
    return json_string_length(json_object_get(value, "S"));
}

size_t dynamodb_item_bytes(const json_t *item)
{
    size_t bytes = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)item, name, value) bytes += strlen(name) + value_bytes(value);
    return bytes;
}
