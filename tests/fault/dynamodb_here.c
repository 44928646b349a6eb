/* dynamodb_here.c: see dynamodb_here.h. */
#include "dynamodb_here.h"

#include "clock.h"
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct footfall_backend footfall__backend_dynamodb;
enum { LATE_MS = 5000 /* machines are slow; what hangs does so for ever */ };
static const struct footfall_backend *const dynamodb = &footfall__backend_dynamodb;

const char *const here_names[HERE_ASKS] = { "ADD", "VISIT", "SET",  "DELETE", "FORGET", "TOKEN",  "FETCH", "SCAN",
                                            "KEY", "LOOK",  "DROP", "OTHER",  "PURGE",  "IMPORT", "PING",  "CHECK" };
char here_findings[16384];

char here_letter(int status)
{
    switch (status) {
    case FOOTFALL_STORE_OK:
        return 'o';
    case 1:
        return '1';
    case FOOTFALL_STORE_BROKEN:
        return 'b';
    case FOOTFALL_STORE_TEMPORARY:
        return 't';
    case FOOTFALL_STORE_UNKNOWN:
        return 'u';
    case FOOTFALL_STORE_INVALID:
        return 'i';
    case FOOTFALL_STORE_NO_MEMORY:
        return 'm';
    case FOOTFALL_STORE_RANGE:
        return 'r';
    default:
        return '?';
    }
}

int here_environment(void **state)
{
    static const char *const off[] = { "AWS_PROFILE",
                                       "AWS_SESSION_TOKEN",
                                       "AWS_ENDPOINT_URL",
                                       "AWS_ENDPOINT_URL_DYNAMODB",
                                       "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                       "AWS_ACCESS_KEY_ID",
                                       "AWS_SECRET_ACCESS_KEY",
                                       "AWS_REGION",
                                       "AWS_DEFAULT_REGION",
                                       "http_proxy",
                                       "https_proxy",
                                       "HTTPS_PROXY",
                                       "all_proxy",
                                       "ALL_PROXY" };
    (void)state;
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        (void)unsetenv(off[i]);
    assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "true", 1), 0);
    assert_int_equal(setenv("AWS_CONFIG_FILE", "/dev/null", 1), 0);
    assert_int_equal(setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1), 0);
    return 0;
}

/* ---- a service that holds a counter ----------------------------------------------------------------------------------------------- */

static char slot = '0', mark[32] = "AAAAAAAAAAAAAAAA"; /* of the last plan */

static json_t *record; /* that an import has left */

static void remember_record(const json_t *put)
{
    if (put == NULL)
        return;
    json_decref(record);
    record = json_deep_copy(json_object_get(put, "Item"));
}

static int is_record(const json_t *key)
{
    return record != NULL && json_equal(json_object_get(record, "pk"), json_object_get(key, "pk")) &&
           json_equal(json_object_get(record, "sk"), json_object_get(key, "sk"));
}

static void remember_plan(const json_t *update)
{
    const char *text = json_string_value(json_object_get(update, "UpdateExpression"));
    const char *value = json_string_value(
        json_object_get(json_object_get(json_object_get(update, "ExpressionAttributeValues"), ":m"), "B"));
    if (text != NULL && value != NULL && strncmp(text, "SET m", 5) == 0) {
        slot = text[5];
        (void)snprintf(mark, sizeof mark, "%s", value);
    }
}

static json_t *number(int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return json_pack("{s:s}", "N", text);
}

static void put_slot(json_t *item)
{
    char name[] = { 'm', slot, '\0' };
    json_object_set_new(item, name, json_pack("{s:s}", "B", mark));
    name[0] = 'x';
    json_object_set_new(item, name, number(HERE_TOTAL));
    name[0] = 'y';
    json_object_set_new(item, name, number(HERE_UNIQUE));
}

static int is_counter(const json_t *key)
{
    const char *sk = json_string_value(json_object_get(json_object_get(key, "sk"), "B"));
    const char *pk = json_string_value(json_object_get(json_object_get(key, "pk"), "S"));
    return sk != NULL && pk != NULL && strcmp(sk, "AA==") == 0 && strcmp(pk, "a") == 0;
}

static json_t *counter(const json_t *key)
{
    json_t *item = json_deep_copy(key);
    json_object_set_new(item, "t", number(HERE_TOTAL));
    json_object_set_new(item, "u", number(HERE_UNIQUE));
    json_object_set_new(item, "d", json_pack("{s:s}", "S", "c"));
    return item;
}

static json_t *good_get(const json_t *body)
{
    json_t *key = json_object_get(body, "Key");
    json_t *item = NULL;
    if (is_record(key))
        item = json_incref(record);
    else if (is_counter(key)) {
        item = counter(key);
        put_slot(item);
    }
    return item != NULL ? json_pack("{s:o}", "Item", item) : json_object();
}

static json_t *good_batch(const json_t *body)
{
    json_t *items = json_array();
    const json_t *keys = json_object_get(json_object_get(json_object_get(body, "RequestItems"), HERE_TABLE), "Keys");
    for (size_t i = 0; i < json_array_size(keys); i++)
        if (is_counter(json_array_get(keys, i)))
            json_array_append_new(items, counter(json_array_get(keys, i)));
    return json_pack("{s:{s:o}, s:{}}", "Responses", HERE_TABLE, items, "UnprocessedKeys");
}

static json_t *good_query(const json_t *body)
{
    const char *condition = json_string_value(json_object_get(body, "KeyConditionExpression"));
    const char *table = json_string_value(json_object_get(body, "TableName"));
    if (condition != NULL && strncmp(condition, "d = :d", 6) == 0)
        return json_pack("{s:[{s:{s:s}, s:{s:s}, s:{s:s}}], s:i}", "Items", "pk", "S", "a", "sk", "B", "AA==", "d", "S",
                         "c", "Count", 1);
    if (table != NULL && strcmp(table, HERE_KEYS) == 0)
        return json_pack("{s:[{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}]}", "Items", "pk", "S", "epoch", "sk", "B",
                         "AAAAAAUmXAAAAAAAAAAABQ==", "k", "B", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "x", "N",
                         "1795824000000");
    return json_pack("{s:[], s:i}", "Items", "Count", 0);
}

static json_t *good_table(const json_t *body)
{
    const char *table = json_string_value(json_object_get(body, "TableName"));
    json_t *reply = json_pack(
        "{s:{s:s, s:[{s:s, s:s}, {s:s, s:s}], s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}], s:{s:s}, s:b}}", "Table",
        "TableStatus", "ACTIVE", "KeySchema", "AttributeName", "pk", "KeyType", "HASH", "AttributeName", "sk",
        "KeyType", "RANGE", "AttributeDefinitions", "AttributeName", "pk", "AttributeType", "S", "AttributeName", "sk",
        "AttributeType", "B", "AttributeName", "d", "AttributeType", "S", "BillingModeSummary", "BillingMode",
        "PAY_PER_REQUEST", "DeletionProtectionEnabled", 1);
    if (table != NULL && strcmp(table, HERE_TABLE) == 0)
        json_object_set_new(json_object_get(reply, "Table"), "GlobalSecondaryIndexes",
                            json_pack("[{s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}], s:{s:s}}]", "IndexName", "list",
                                      "IndexStatus", "ACTIVE", "KeySchema", "AttributeName", "d", "KeyType", "HASH",
                                      "AttributeName", "pk", "KeyType", "RANGE", "Projection", "ProjectionType",
                                      "KEYS_ONLY"));
    return reply;
}

json_t *here_good(const struct support_service_request *request)
{
    json_t *body = json_loadb(request->body, request->body_bytes, JSON_ALLOW_NUL, NULL);
    json_t *reply = NULL;
    if (strcmp(request->action, "GetItem") == 0)
        reply = good_get(body);
    else if (strcmp(request->action, "BatchGetItem") == 0)
        reply = good_batch(body);
    else if (strcmp(request->action, "Query") == 0)
        reply = good_query(body);
    else if (strcmp(request->action, "DescribeTable") == 0)
        reply = good_table(body);
    else if (strcmp(request->action, "DescribeTimeToLive") == 0)
        reply =
            json_pack("{s:{s:s, s:s}}", "TimeToLiveDescription", "TimeToLiveStatus", "ENABLED", "AttributeName", "e");
    else if (strcmp(request->action, "Scan") == 0)
        reply = json_pack("{s:[{s:{s:s}, s:{s:s}}]}", "Items", "id", "S", "home", "views", "N", "5");
    else if (strcmp(request->action, "UpdateItem") == 0) {
        json_t *attributes = json_object();
        remember_plan(body);
        put_slot(attributes);
        reply = json_pack("{s:o}", "Attributes", attributes);
    } else {
        const json_t *parts = json_object_get(body, "TransactItems");
        remember_plan(json_object_get(json_array_get(parts, 0), "Update"));
        if (strstr(request->body, "\"n\":{") != NULL &&
            strstr(request->body, "\"u\":{") != NULL) /* an import's, no token */
            remember_record(json_object_get(json_array_get(parts, 1), "Put"));
        reply = json_object();
    }
    json_decref(body);
    return reply;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------- */

void here_open(struct here *here, support_service_answer *answer, void *user)
{
    memset(here, 0, sizeof *here);
    here->service = support_service_start(answer, user, NULL);
    {
        const struct footfall_store_setting settings[] = {
            { "table", HERE_TABLE },         { "key_table", HERE_KEYS },
            { "region", "eu-west-1" },       { "access_key_id", "AKID" },
            { "secret_access_key", "PSWQ" }, { "endpoint", support_service_url(here->service) }
        };
        struct footfall_store_call call = { .text = here->text, .text_bytes = sizeof here->text };
        call.deadline_ms = footfall__boottime_ms() + 10000;
        if (dynamodb->open(&here->store, settings, sizeof settings / sizeof settings[0], 0, &call) != 0)
            fail_msg("open: %s", here->text);
    }
}

void here_close(struct here *here)
{
    dynamodb->close(here->store, 0);
    support_service_stop(here->service);
    json_decref(record);
    record = NULL;
}

static int apply(struct here *here, enum here_ask ask, struct footfall_store_call *call)
{
    static const enum footfall_store_kind kinds[] = {
        FOOTFALL_STORE_ADD,    FOOTFALL_STORE_VISIT,  FOOTFALL_STORE_SET,
        FOOTFALL_STORE_DELETE, FOOTFALL_STORE_FORGET, FOOTFALL_STORE_ADD
    };
    static const uint8_t token[FOOTFALL_STORE_TOKEN_BYTES] = { 3 };
    static uint64_t sequence;
    struct footfall_store_op op = { .kind = kinds[ask], .name = "a", .name_bytes = 1, .a = 1, .b = 1 };
    struct footfall_store_result result;
    int rc = 0;
    op.id_count = op.write_count = 1;
    op.ids[0].bytes[0] = 9;
    op.now_ms = call->wall_ms;
    op.window_ms = 1000;
    op.expire_ms = op.token_expire_ms = call->wall_ms + 1000;
    op.token = ask == TOKEN || ask == FORGET ? token : NULL;
    call->sequence = ++sequence;
    memset(&result, 0x5a, sizeof result);
    rc = dynamodb->apply(here->store, &op, 1, &result, call);
    here->total = result.total;
    here->unique = result.unique;
    here->is_new = result.is_new;
    return rc != 0 ? rc : (int)result.status;
}

static int each_counter(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    struct here *here = user;
    if (name_bytes == 1 && name[0] == 'a') {
        here->total = total;
        here->unique = unique;
    }
    here->told++;
    return 0;
}

static void each_finding(void *user, int severity, const char *line, const char *advice)
{
    size_t bytes = strlen(here_findings);
    (void)user;
    (void)advice;
    (void)snprintf(here_findings + bytes, sizeof here_findings - bytes, "%d %s\n", severity, line);
}

static int import(struct here *here, struct footfall_store_call *call)
{
    static struct footfall_store_import import;
    int more = 1;
    int rc = 0;
    memset(&import, 0, sizeof import);
    import.source = HERE_SOURCE;
    import.name = "a";
    import.name_bytes = 1;
    while (rc == 0 && more && footfall__boottime_ms() < call->deadline_ms)
        rc = dynamodb->import_foreign(here->store, &import, &more, call);
    here->total = import.total;
    here->unique = import.added_total;
    return rc == 0 && more ? FOOTFALL_STORE_TEMPORARY : rc;
}

static int run(struct here *here, enum here_ask ask, struct footfall_store_call *call)
{
    static const char *const name = "a";
    static const size_t bytes = 1;
    uint8_t key[FOOTFALL_STORE_KEY_BYTES] = { 7 };
    uint8_t exists = 0;
    size_t dropped[3] = { 0 };
    int64_t ms = 0;
    int flag = 0;
    int rc = 0;
    switch (ask) {
    case FETCH:
        rc = dynamodb->fetch(here->store, &name, &bytes, 1, &here->total, &here->unique, &exists, call);
        here->exists = exists;
        return rc;
    case SCAN:
        return dynamodb->scan(here->store, "", 0, "", 0, 50, each_counter, here, &flag, call);
    case KEY:
    case LOOK:
        return dynamodb->epoch_key(here->store, 86400000, 5, ask == KEY ? key : NULL, call->wall_ms + 1000, key, &ms,
                                   call);
    case DROP:
        return dynamodb->epoch_drop(here->store, INT64_MAX - 1, &ms, call);
    case OTHER:
        return dynamodb->epoch_other(here->store, 86400000, &flag, call);
    case PURGE:
        flag = 1;
        while (rc == 0 && flag && footfall__boottime_ms() < call->deadline_ms)
            rc = dynamodb->purge(here->store, call->wall_ms, 50, dropped, &flag, call);
        return rc;
    case IMPORT:
        return import(here, call);
    case PING:
        return dynamodb->ping(here->store, call);
    case CHECK:
        here_findings[0] = '\0';
        return dynamodb->check(here->store, each_finding, NULL, call);
    default:
        return apply(here, ask, call);
    }
}

int here_ask(struct here *here, enum here_ask ask, int deadline_ms)
{
    struct footfall_store_call call = {
        .writer = 9, .mark_keep_ms = 900000, .text = here->text, .text_bytes = sizeof here->text
    };
    int64_t begun = footfall__boottime_ms();
    int rc = 0;
    here->text[0] = '\0';
    here->total = here->unique = -1;
    here->is_new = here->exists = here->told = 0;
    call.deadline_ms = begun + deadline_ms;
    call.wall_ms = footfall__wall_ms();
    rc = run(here, ask, &call);
    if (footfall__boottime_ms() - begun > deadline_ms + LATE_MS)
        fail_msg("%s ended %lld ms late", here_names[ask], (long long)(footfall__boottime_ms() - begun - deadline_ms));
    return rc;
}
