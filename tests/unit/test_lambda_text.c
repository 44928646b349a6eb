/* test_lambda_text.c: texts that are no event or not quite one: no JSON, NULs in keys, refused kinds; and every field of the fixtures
 * as null, of another type and missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "folder.h"
#include "lambda_case.h"

/* A NUL in a key would make the library refuse all of it. */
static void nul_in_keys(void **state)
{
    static const char in_value[] =
        "{\"\\u0000\":1,\"rawPath\":\"/visit/"
        "a\\u0000\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}";
    static const struct {
        const char *text;
        int rc;
    } texts[] = {
        { "{\"a\\u0000\":1,\"rawPath\":\"/visit/"
          "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          0 },
        { "{\"\\u0000\" : "
          "{\"\\u0000\":[\"\\u0000\",\"\\\\u0000\"]},\"rawPath\":\"/visit/"
          "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          0 },
        { "{\"\\u0000\\u0000\\\"\\u0000\":1,\"\\u0000\":2,\"rawPath\":\"/visit/"
          "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          0 },
        { "{\"x\":\"\\u0000\",\"rawPath\":\"/visit/"
          "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          0 },
        { "{\"rawPath\":\"/visit/a\",\"rawPath\\u0000\":\"/visit/"
          "b\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          0 },
        { "{\"rawPath\\u0000\":\"/visit/"
          "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}",
          FOOTFALL_INVALID },
        { "{\"\\u0000", FOOTFALL_INVALID },
        { "{\"\\u0000\\", FOOTFALL_INVALID },
        { "{\"\\u0000\":", FOOTFALL_INVALID },
        { "{\"x\":\"\\ud800\"}", FOOTFALL_INVALID },
    };
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0, counted = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct answered *answered = text_answer(&site, texts[i].text, strlen(texts[i].text), INT64_MAX);
        if (answered->rc != texts[i].rc)
            fail_msg("%s: %d %s", texts[i].text, answered->rc, answered->err.text);
        counted += answered->rc == FOOTFALL_OK;
        if (counted > 0)
            expect_numbers(&site, "a", 1, (int64_t)counted, 1);
    }
    expect_numbers(&site, "b", 0, 0, 0);
    answered_expect(text_answer(&site, in_value, strlen(in_value), INT64_MAX), 400, "bad_counter");
    site_close(&site);
}

/* Numbers that nobody reads may be as large as they like, but for those that the library cannot hold. */
static void numbers(void **state)
{
    static const struct {
        const char *number, *what; /* NULL: counted */
    } texts[] = {
        { "18446744073709551616", NULL },
        { "-123456789012345678901234567890", NULL },
        { "1e308", NULL },
        { "1e-999", NULL },
        { "1e999", "an event that has a number too large to be read (line 1, column 10)" },
        { "01", "an event that is no JSON (line 1, column 6)" },
    };
    struct site site;
    int64_t counted = 0;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[256];
        int bytes = snprintf(text, sizeof text,
                             "{\"n\":%s,\"rawPath\":\"/visit/a\",\"requestContext\":{\"http\":{\"method\":\"GET\","
                             "\"sourceIp\":\"192.0.2.1\"}}}",
                             texts[i].number);
        if (texts[i].what == NULL) {
            answered_expect(text_answer(&site, text, (size_t)bytes, INT64_MAX), 200, "count");
            counted++;
        } else {
            refused_expect(text_answer(&site, text, (size_t)bytes, INT64_MAX), texts[i].what);
        }
        expect_numbers(&site, "a", 1, counted, 1);
    }
    site_close(&site);
}

/* Much is no reason to fall over. */
static void nested(void **state)
{
    enum { DEPTH = 100000 };
    static char text[2 * DEPTH];
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    memset(text, '[', sizeof text);
    refused_expect(text_answer(&site, text, sizeof text, INT64_MAX),
                   "an event that is nested too deep (line 1, column 2049)");
    site_close(&site);
}

static void twice(void **state)
{
    static const char text[] =
        "{\"rawPath\":\"/visit/b\",\"rawPath\":\"/visit/a\",\"requestContext\":{\"http\":{\"method\":\"PUT\","
        "\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}";
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    answered_expect(text_answer(&site, text, strlen(text), INT64_MAX), 200, "\"count\":1,");
    expect_numbers(&site, "a", 1, 1, 1); /* the last time counts */
    site_close(&site);
}

/* Fields that would say that it is something else, if they were there; or were not. */
static void nearly_others(void **state)
{
    static const char *const nulls[] = { "type", "methodArn", "routeArn", "Records", "source", "version" };
    struct site site;
    json_t *event = event_load("rest");
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
        event_set(event, nulls[i], json_null());
    answered_expect(event_answer(&site, event), 200, "\"count\":1,");
    event_set(event, "type", json_string("REQUEST"));
    event_set(event, "requestContext.connectionId", json_string("AbCdEfGhIjKlMnO="));
    event_set(event, "requestContext.elb", json_null());
    event_set(event, "requestContext.http", json_null());
    answered_expect(event_answer(&site, event), 200, "\"count\":2,");
    event_set(event, "methodArn", json_string("arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/"));
    refused_expect(event_answer(&site, event), "a question to an authorizer");
    event_set(event, "methodArn", json_null());
    event_set(event, "httpMethod", json_null());
    refused_expect(event_answer(&site, event), "an event of a WebSocket API");
    expect_numbers(&site, "rest", 1, 2, 1);
    json_decref(event);
    event = event_with("http-2", "requestContext.domainName", json_string("lambda-url.example.org")); /* of one's own */
    event_set(event, "rawPath", json_string("/visit/a%2Fb"));
    answered_expect(event_answer(&site, event), 200, "\"count\":1,");
    expect_numbers(&site, "a%2Fb", 1, 1, 1);
    site_close(&site);
    json_decref(event);
}

static void no_json(void **state)
{
    static const struct {
        const char *text, *what;
    } texts[] = {
        { "", "an event that is no JSON (line 1, column 0)" },
        { "x", "an event that is no JSON (line 1, column 1)" },
        { "{\n\"a\": 192.0.2.1}", "an event that is no JSON (line 2, column 11)" },
        { "{}{}", "an event that is no JSON (line 1, column 3)" },
        { "null", "an event that is no object" },
        { "5", "an event that is no object" },
        { "\"GET / HTTP/1.1\"", "an event that is no object" },
        { "{\"Records\":[]}", "an event of no kind that is known here" },
        { "{\"Records\":[{\"eventSource\":\"192.0.2.1\"}]}", "an event of another service" },
        { "{\"Records\":[{\"eventSource\":\"aws:192.0.2.1\"}]}", "an event of another service" },
        { "{\"Records\":[{\"eventSource\":\"a b\"}]}", "an event of another service" },
        { "{\"eventSource\":\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\"}", "an event of another service" },
        { "{\"eventSource\":\"SelfManagedKafka\"}", "an event of SelfManagedKafka" },
        { "{\"warmup\":true}", "a warm-up ping" },
        { "{\"warmup\":1}", "an event of no kind that is known here" },
        { "{\"requestContext\":{\"connectionId\":\"a\"}}", "an event of a WebSocket API" },
        { "{\"requestContext\":{\"eventType\":\"CONNECT\"}}", "an event of a WebSocket API" },
        { "{\"source\":\"aws.s3\"}", "an event of no kind that is known here" },
        { "{\"httpMethod\":\"GET\"}", "a request without a method or a path" },
        { "{\"path\":\"/\"}", "a request without a method or a path" },
        { "{\"path\":\"/\",\"httpMethod\":5}", "a request without a method or a path" },
        { "{\"requestContext\":{\"elb\":{}},\"path\":\"/\"}", "a request without a method or a path" },
        { "{\"requestContext\":{\"http\":{}},\"rawPath\":\"/\"}", "a request without a method or a path" },
        { "{\"requestContext\":{\"http\":{\"method\":\"GET\"}}}", "a request without a method or a path" },
        { "{\"version\":\"2.0\",\"rawPath\":\"/\",\"requestContext\":null}", "a request without requestContext.http" },
        { "{\"version\":\"2.0\"}", "an event of VPC Lattice" },
    };
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refused_expect(text_answer(&site, texts[i].text, strlen(texts[i].text), INT64_MAX), texts[i].what);
    refused_expect(text_answer(&site, NULL, 0, INT64_MAX), texts[0].what);
    assert_int_equal(site_sum(&site), 0);
    site_close(&site);
}

/* ---- every field as null, of another type, and missing ------------------------------------------------------------------------ */

static const char *const fixtures[] = {
    "rest",
    "rest-duplicates",
    "rest-console-test",
    "rest-preflight",
    "http-1",
    "http-1-stage",
    "http-2",
    "http-2-stage",
    "url",
    "url-visit",
    "url-cloudfront",
    "url-cookies",
    "alb",
    "alb-multi-value",
    "alb-health",
    "rest-put-base64",
    "no-sqs",
    "no-authorizer-1",
    "no-edge",
    "no-authorizer-2",
    "no-websocket",
    "no-lattice",
    "no-eventbridge",
    "http-2-post-base64",
};

/* What says what the event is, or whose request for what: without it, it may be refused, or another request. */
static int decides(const char *field)
{
    static const char *const fields[] = { "httpMethod",
                                          "path",
                                          "rawPath",
                                          "version",
                                          "headers.x-forwarded-for",
                                          "headers",
                                          "multiValueHeaders",
                                          "multiValueHeaders.x-forwarded-for",
                                          "requestContext",
                                          "requestContext.elb",
                                          "requestContext.domainName",
                                          "requestContext.http",
                                          "requestContext.http.method",
                                          "requestContext.http.sourceIp",
                                          "requestContext.identity",
                                          "requestContext.identity.sourceIp",
                                          "requestContext.stage" };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(field, fields[i]) == 0)
            return 1;
    return 0;
}

struct whole {
    struct site site;
    const char *fixture;
    json_t *event;
    int rc, status;  /* of the event as it is */
    int64_t counted; /* by it */
    size_t changes;
};

static int add_total(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)unique;
    *(int64_t *)user += total;
    return 0;
}

static int64_t total_of(struct site *site)
{
    int64_t total = 0;
    assert_int_equal(footfall_list(site->ff, "", NULL, NULL, add_total, &total, NULL), FOOTFALL_OK);
    return total;
}

static const struct answered *answer_counted(struct whole *whole, int64_t *counted)
{
    int64_t before = total_of(&whole->site);
    const struct answered *answered = event_answer(&whole->site, whole->event);
    *counted = total_of(&whole->site) - before;
    return answered;
}

static void answer_changed(struct whole *whole, const char *field)
{
    int64_t counted = 0;
    const struct answered *answered = answer_counted(whole, &counted);
    whole->changes++;
    if (counted != 0 && counted != 1)
        fail_msg("%s: with another %s it counts %d times", whole->fixture, field, (int)counted);
    if (answered->rc != FOOTFALL_OK || answered->status >= 300)
        assert_int_equal(counted, 0);
    if (answered->rc != FOOTFALL_OK)
        assert_int_equal(answered->rc, FOOTFALL_INVALID);
    else
        assert_true(answered->status < 500);
    if (whole->rc == FOOTFALL_OK && whole->counted == 1 && !decides(field) &&
        (counted != whole->counted || answered->status != whole->status))
        fail_msg("%s: with another %s it counts %d and is %d", whole->fixture, field, (int)counted, answered->status);
}

static void change_object(struct whole *whole, json_t *object, const char *before);

static void change_field(struct whole *whole, json_t *object, const char *key, const char *field)
{
    json_t *was = json_incref(json_object_get(object, key));
    json_t *others[] = { json_null(),
                         json_true(),
                         json_integer(7),
                         json_real(0.5),
                         json_string(""),
                         json_string("?"),
                         json_stringn("x\0y", 3),
                         json_array(),
                         json_object(),
                         json_pack("[n,[s],{s:n}]", "x", "y"),
                         json_pack("{s:{s:n},s:[i]}", "a", "b", "c", 1) };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        json_object_set_new(object, key, others[i]);
        answer_changed(whole, field);
    }
    json_object_set(object, key, was);
    if (json_is_object(was))
        change_object(whole, was, field);
    json_decref(was);
}

static void change_object(struct whole *whole, json_t *object, const char *before)
{
    json_t *keys = json_array();
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value) json_array_append_new(keys, json_string(key));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *name = json_string_value(json_array_get(keys, i));
        char *field = support_format("%s%s%s", before, before[0] != '\0' ? "." : "", name);
        json_t *was = json_incref(json_object_get(object, name));
        change_field(whole, object, name, field);
        json_object_del(object, name);
        answer_changed(whole, field);
        json_object_set_new(object, name, was);
        free(field);
    }
    json_decref(keys);
}

static void every_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        struct whole whole = { .fixture = fixtures[i], .event = event_load(fixtures[i]) };
        const struct answered *answered = NULL;
        lambda_site_open(&whole.site, NULL);
        answered = answer_counted(&whole, &whole.counted);
        whole.rc = answered->rc;
        whole.status = answered->status;
        change_object(&whole, whole.event, "");
        assert_true(whole.changes >= 12);
        site_close(&whole.site);
        json_decref(whole.event);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nul_in_keys), cmocka_unit_test(twice),         cmocka_unit_test(numbers),
        cmocka_unit_test(nested),      cmocka_unit_test(nearly_others), cmocka_unit_test(no_json),
        cmocka_unit_test(every_field),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    return cmocka_run_group_tests_name("lambda_text", tests, NULL, NULL);
}
