/* dynamodb_import.c: moving in from a tutorial's table while requests and replies are lost, cut, repeated and late: the counter
 * has each visit of the source once, whatever the caller was told. The real client speaks to DynamoDB Local through a proxy. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "process.h"
#include "proxy.h"
#include "tables.h"

enum { LONG_MS = 5000, SHORT_MS = 250, LATE_MS = 800, TRIES = 40, NAME_BYTES = 128 };

static struct support_proxy *proxy;
static struct dynamodb_client *client, *direct; /* through the proxy, and past it */
static char counts[NAME_BYTES], keys[NAME_BYTES], old[NAME_BYTES];
static char text[256];
static const char *name; /* the counter, a fresh one for each case */

static struct footfall_store_call call_within(int64_t ms)
{
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    call.deadline_ms = footfall__boottime_ms() + ms;
    call.wall_ms = footfall__wall_ms();
    return call;
}

static void ask(enum dynamodb_action action, json_t *body, json_t **reply)
{
    struct footfall_store_call call = call_within(LONG_MS);
    json_t *ignored = NULL;
    assert_non_null(body);
    if (footfall__dynamodb_ask(direct, action, body, reply != NULL ? reply : &ignored, &call) != DYNAMODB_ANSWERED)
        fail_msg("%s: %s", footfall__dynamodb_action_name(action), text);
    json_decref(ignored);
}

/* The source has so many views from now on. */
static void source_has(int64_t views)
{
    char number[24];
    snprintf(number, sizeof(number), "%lld", (long long)views);
    ask(DYNAMODB_PUT_ITEM,
        json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "TableName", old, "Item", "id", "S", "home", "views", "N", number),
        NULL);
}

static int64_t total(void)
{
    json_t *reply = NULL;
    const char *number = NULL;
    int64_t value = 0;
    ask(DYNAMODB_GET_ITEM,
        json_pack("{s:s, s:b, s:{s:{s:s}, s:{s:s}}}", "TableName", counts, "ConsistentRead", 1, "Key", "pk", "S", name,
                  "sk", "B", "AA=="),
        &reply);
    number = json_string_value(json_object_get(json_object_get(json_object_get(reply, "Item"), "t"), "N"));
    value = number != NULL ? strtoll(number, NULL, 10) : -1;
    json_decref(reply);
    return value;
}

static void begin(struct footfall_store_import *import)
{
    memset(import, 0, sizeof(*import));
    import->source = old;
    import->name = name;
    import->name_bytes = strlen(name);
}

/* One call after another as the engine makes them, each with so much time; at most `tries` that fail. The last status. */
static int run(struct dynamodb_client *through, struct footfall_store_import *import, int64_t within_ms, int tries)
{
    int more = 1;
    int rc = 0;
    while (rc == 0 ? more : tries > 0) {
        struct footfall_store_call call = call_within(within_ms);
        rc = footfall__dynamodb_import(through, counts, import, &more, &call);
        if (rc != 0 && rc != FOOTFALL_STORE_TEMPORARY && rc != FOOTFALL_STORE_UNKNOWN)
            fail_msg("status %d: %s", rc, text);
        tries -= rc != 0;
    }
    return rc;
}

static int is_transaction(const void *request, size_t bytes, void *user)
{
    static const char target[] = ".TransactWriteItems";
    (void)user;
    return memmem(request, bytes, target, sizeof(target) - 1) != NULL;
}

/* The next transaction meets `first`, those after it `rest`. */
static void plan(enum support_proxy_fault first, enum support_proxy_fault rest)
{
    const struct support_proxy_step script = { 1, first };
    struct support_proxy_plan p = { .matches = is_transaction, .script = &script, .script_count = 1 };
    p.permille[rest] = 1000;
    p.delay_ms = LATE_MS;
    support_proxy_plan(proxy, &p);
}

static void settle(void)
{
    assert_int_equal(support_proxy_settle(proxy, support_now_ns() + INT64_C(10000000000)), 0);
}

static void import_expecting(struct dynamodb_client *through, int64_t added, int64_t now)
{
    static struct footfall_store_import import;
    begin(&import);
    assert_int_equal(run(through, &import, LONG_MS, TRIES), 0);
    assert_int_equal(import.added_total, added);
    assert_int_equal(import.total, now);
}

/* ---- cases ---------------------------------------------------------------------------------------------------------------- */

static void each_fault_once(void **state)
{
    static const enum support_proxy_fault faults[] = { SUPPORT_PROXY_RESET_BEFORE, SUPPORT_PROXY_CUT_REQUEST,
                                                       SUPPORT_PROXY_RESET_AFTER,  SUPPORT_PROXY_CUT_REPLY,
                                                       SUPPORT_PROXY_REPEAT,       SUPPORT_PROXY_LATE_COPY,
                                                       SUPPORT_PROXY_DELAY };
    int64_t views = 100;
    (void)state;
    name = "once";
    support_proxy_plan(proxy, NULL);
    source_has(views);
    import_expecting(client, 100, 100);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        source_has(views += 10);
        plan(faults[i], SUPPORT_PROXY_NONE);
        import_expecting(client, 10, views);
        settle();
        if (support_proxy_counts(proxy).by_fault[faults[i]] != 1)
            fail_msg("no %s", support_proxy_fault_name(faults[i]));
        assert_int_equal(total(), views);
        import_expecting(client, 0, views);
    }
}

/* The deadline comes before any reply does: the outcome is unknown, and asking again tells. */
static void lost_until_the_deadline(void **state)
{
    static struct footfall_store_import import;
    (void)state;
    name = "lost";
    source_has(5);
    for (int applied = 0; applied < 2; applied++) {
        enum support_proxy_fault fault = applied ? SUPPORT_PROXY_RESET_AFTER : SUPPORT_PROXY_CUT_REQUEST;
        begin(&import);
        plan(fault, fault);
        assert_int_equal(run(client, &import, SHORT_MS, 1), FOOTFALL_STORE_UNKNOWN);
        settle();
        assert_int_equal(total(), applied ? 12 : -1);
        support_proxy_plan(proxy, NULL);
        assert_int_equal(run(client, &import, LONG_MS, TRIES), 0);
        assert_int_equal(import.added_total, applied ? 7 : 5);
        assert_int_equal(total(), applied ? 12 : 5);
        source_has(12);
    }
}

/* Nobody waits for the outcome: another process imports anew. */
static void given_up_and_done_by_another(void **state)
{
    static struct footfall_store_import import;
    (void)state;
    name = "given_up";
    source_has(5);
    plan(SUPPORT_PROXY_RESET_AFTER, SUPPORT_PROXY_RESET_AFTER);
    begin(&import);
    assert_int_equal(run(client, &import, SHORT_MS, 1), FOOTFALL_STORE_UNKNOWN);
    support_proxy_plan(proxy, NULL);
    import_expecting(client, 0, 5);
    source_has(8);
    import_expecting(client, 3, 8);
}

/* A copy of a transaction that was given up arrives after the source has gained, and was imported again. */
static void late_copy_of_an_older_import(void **state)
{
    static struct footfall_store_import import;
    (void)state;
    name = "late";
    source_has(5);
    plan(SUPPORT_PROXY_LATE_COPY, SUPPORT_PROXY_RESET_BEFORE);
    begin(&import);
    assert_int_equal(run(client, &import, SHORT_MS, 1), FOOTFALL_STORE_UNKNOWN);
    assert_int_equal(total(), -1);
    source_has(8);
    import_expecting(direct, 8, 8);
    settle();
    assert_int_equal(support_proxy_counts(proxy).late_delivered, 1);
    assert_int_equal(total(), 8);
    import_expecting(direct, 0, 8);
}

/* ---- setting up ------------------------------------------------------------------------------------------------------------ */

static struct dynamodb_client *client_of(const char *url)
{
    struct dynamodb_client_options options = { .endpoint = url };
    struct footfall_store_call call = call_within(LONG_MS);
    struct dynamodb_client *made = NULL;
    if (footfall__dynamodb_client_new(&made, &options, &call) != 0)
        fail_msg("%s", text);
    return made;
}

static int set_up(void **state)
{
    const char *url = getenv("FOOTFALL_TEST_DYNAMODB_URL"), *port = getenv("FOOTFALL_TEST_DYNAMODB_PORT");
    const char *prefix = getenv("FOOTFALL_TEST_NAME_PREFIX");
    struct footfall_store_call call;
    char through[64];
    (void)state;
    assert_true(url != NULL && port != NULL && prefix != NULL);
    snprintf(counts, sizeof(counts), "%simport", prefix);
    snprintf(keys, sizeof(keys), "%simport-keys", prefix);
    snprintf(old, sizeof(old), "%sold", prefix);
    proxy = support_proxy_start(&support_proxy_http, (struct support_proxy_address){ NULL, 0 },
                                (struct support_proxy_address){ NULL, (uint16_t)strtol(port, NULL, 10) });
    snprintf(through, sizeof(through), "http://127.0.0.1:%u", (unsigned)support_proxy_port(proxy));
    direct = client_of(url);
    client = client_of(through);
    call = call_within(4 * LONG_MS);
    if (footfall__dynamodb_create_tables(direct, counts, keys, &call) != 0)
        fail_msg("%s", text);
    ask(DYNAMODB_CREATE_TABLE,
        json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[{s:s, s:s}]}", "TableName", old, "BillingMode", "PAY_PER_REQUEST",
                  "KeySchema", "AttributeName", "id", "KeyType", "HASH", "AttributeDefinitions", "AttributeName", "id",
                  "AttributeType", "S"),
        NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    footfall__dynamodb_client_free(client, 0);
    footfall__dynamodb_client_free(direct, 0);
    support_proxy_stop(proxy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_once),
        cmocka_unit_test(lost_until_the_deadline),
        cmocka_unit_test(given_up_and_done_by_another),
        cmocka_unit_test(late_copy_of_an_older_import),
    };
    return cmocka_run_group_tests_name("dynamodb_import_faults", tests, set_up, tear_down);
}
