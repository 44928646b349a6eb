/* dynamodb_tables.c: making the tables and looking at them on DynamoDB Local: several at once, other people's tables, and that a
 * check leaves nothing behind. */
#include "cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "tables.h"

enum { MAKERS = 6, LONG_MS = 20000, NAME_BYTES = 128 };

static struct dynamodb_client *client;
static char counts[NAME_BYTES], keys[NAME_BYTES];
static char text[256];

static struct footfall_store_call call_with(char *said, size_t bytes)
{
    struct footfall_store_call call = { .text = said, .text_bytes = bytes };
    said[0] = '\0';
    call.deadline_ms = footfall__boottime_ms() + LONG_MS;
    call.wall_ms = footfall__wall_ms();
    return call;
}

static struct dynamodb_client *new_client(void)
{
    struct dynamodb_client_options options = { .endpoint = getenv("FOOTFALL_TEST_DYNAMODB_URL") };
    struct footfall_store_call call = call_with(text, sizeof(text));
    struct dynamodb_client *made = NULL;
    assert_non_null(options.endpoint);
    if (footfall__dynamodb_client_new(&made, &options, &call) != 0)
        fail_msg("%s", text);
    return made;
}

static enum dynamodb_answer ask(enum dynamodb_action action, json_t *body, json_t **reply)
{
    struct footfall_store_call call = call_with(text, sizeof(text));
    assert_non_null(body);
    return footfall__dynamodb_ask(client, action, body, reply, &call);
}

/* Fresh names. */
static void names(const char *of_case)
{
    const char *prefix = getenv("FOOTFALL_TEST_NAME_PREFIX");
    assert_non_null(prefix);
    snprintf(counts, sizeof(counts), "%s%s", prefix, of_case);
    snprintf(keys, sizeof(keys), "%s%s-keys", prefix, of_case);
}

static int create(void)
{
    struct footfall_store_call call = call_with(text, sizeof(text));
    return footfall__dynamodb_create_tables(client, counts, keys, &call);
}

static char findings[8192]; /* "2 text\n" for each that is no FINE */

static void each_finding(void *user, int severity, const char *said, const char *advice)
{
    size_t bytes = strlen(findings);
    (void)user;
    (void)advice;
    if (severity > 0)
        snprintf(findings + bytes, sizeof(findings) - bytes, "%d %s\n", severity, said);
}

static void expect_findings(const char *first, const char *second, const char *third)
{
    struct footfall_store_call call = call_with(text, sizeof(text));
    const char *const expected[] = { first, second, third };
    findings[0] = '\0';
    if (footfall__dynamodb_check(client, counts, keys, 0, each_finding, NULL, &call) != 0)
        fail_msg("%s", text);
    for (size_t i = 0; i < 3 && expected[i] != NULL; i++)
        if (strstr(findings, expected[i]) == NULL)
            fail_msg("%s is not among\n%s", expected[i], findings);
    if (first == NULL && (strstr(findings, "2 ") == findings || strstr(findings, "\n2 ") || strstr(findings, "\n3 ")))
        fail_msg("%s", findings);
}

static int64_t items_in(const char *table)
{
    json_t *reply = NULL;
    int64_t count = 0;
    assert_int_equal(ask(DYNAMODB_SCAN, json_pack("{s:s, s:b}", "TableName", table, "ConsistentRead", 1), &reply),
                     DYNAMODB_ANSWERED);
    count = json_integer_value(json_object_get(reply, "Count"));
    json_decref(reply);
    return count;
}

/* ---- cases ------------------------------------------------------------------------------------------------------------------ */

struct maker {
    pthread_t thread;
    struct dynamodb_client *client;
    int rc;
    char text[256];
};

static void *make(void *user)
{
    struct maker *m = user;
    struct footfall_store_call call = call_with(m->text, sizeof(m->text));
    m->rc = footfall__dynamodb_create_tables(m->client, counts, keys, &call);
    return NULL;
}

static void several_at_once(void **state)
{
    static struct maker makers[MAKERS];
    (void)state;
    names("several");
    for (size_t i = 0; i < MAKERS; i++) {
        makers[i].client = new_client();
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    }
    for (size_t i = 0; i < MAKERS; i++) {
        pthread_join(makers[i].thread, NULL);
        footfall__dynamodb_client_free(makers[i].client, 0);
        if (makers[i].rc != 0 || makers[i].text[0] != '\0')
            fail_msg("status %d: %s", makers[i].rc, makers[i].text);
    }
    expect_findings(NULL, NULL, NULL);
    assert_int_equal(create(), 0);
}

static void a_check_leaves_nothing_behind(void **state)
{
    (void)state;
    names("nothing");
    assert_int_equal(create(), 0);
    expect_findings(NULL, NULL, NULL);
    assert_int_equal(items_in(counts), 0);
    assert_int_equal(items_in(keys), 0);
}

static void what_is_missing_is_told(void **state)
{
    json_t *reply = NULL;
    char there[sizeof(counts) + 40], off[sizeof(keys) + 80];
    (void)state;
    names("missing");
    snprintf(there, sizeof(there), "3 There is no table %s in region", counts);
    snprintf(off, sizeof(off), "3 There is no table %s in region", keys);
    expect_findings(there, off, NULL);
    assert_int_equal(create(), 0);
    assert_int_equal(ask(DYNAMODB_UPDATE_TIME_TO_LIVE,
                         json_pack("{s:s, s:{s:s, s:b}}", "TableName", keys, "TimeToLiveSpecification", "AttributeName",
                                   "e", "Enabled", 0),
                         &reply),
                     DYNAMODB_ANSWERED);
    json_decref(reply);
    snprintf(off, sizeof(off), "2 Nothing expires in table %s", keys);
    expect_findings(off, NULL, NULL);
    assert_int_equal(create(), 0); /* and switches it on again */
    expect_findings(NULL, NULL, NULL);
}

static void other_peoples_tables_stay_as_they_are(void **state)
{
    json_t *reply = NULL;
    char wrong[sizeof(keys) + 80];
    (void)state;
    names("others");
    assert_int_equal(ask(DYNAMODB_CREATE_TABLE,
                         json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[{s:s, s:s}]}", "TableName", keys, "BillingMode",
                                   "PAY_PER_REQUEST", "KeySchema", "AttributeName", "id", "KeyType", "HASH",
                                   "AttributeDefinitions", "AttributeName", "id", "AttributeType", "S"),
                         &reply),
                     DYNAMODB_ANSWERED);
    json_decref(reply);
    assert_int_equal(create(), FOOTFALL_STORE_BROKEN);
    assert_non_null(strstr(text, "is not one of ours: its keys are not pk (S) and sk (B)"));
    assert_int_equal(ask(DYNAMODB_DESCRIBE_TABLE, json_pack("{s:s}", "TableName", counts), &reply), DYNAMODB_NOT_FOUND);
    snprintf(wrong, sizeof(wrong), "3 Table %s is not one of ours", keys);
    expect_findings(wrong, NULL, NULL);
    assert_int_equal(items_in(keys), 0);
}

static int set_up(void **state)
{
    (void)state;
    client = new_client();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    footfall__dynamodb_client_free(client, 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(a_check_leaves_nothing_behind),
        cmocka_unit_test(what_is_missing_is_told),
        cmocka_unit_test(other_peoples_tables_stay_as_they_are),
    };
    return cmocka_run_group_tests_name("dynamodb_tables_real", tests, set_up, tear_down);
}
