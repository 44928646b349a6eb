/* test_lambda_fields.c: targets and bodies of events: paths that are decoded once, stages, queries, base64; and what is answered
 * to other requests than visits, for every kind. */
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

/* ---- paths ------------------------------------------------------------------------------------------------------------------ */

/* counter NULL: refused as no counter's name. */
struct path {
    const char *path, *counter;
};

static void count_path(const char *fixture, const char *field, json_t *path, const char *counter)
{
    struct site site;
    json_t *event = event_load(fixture);
    lambda_site_open(&site, NULL);
    event_set(event, field, path);
    answered_expect(event_answer(&site, event), counter != NULL ? 200 : 400,
                    counter != NULL ? "\"is_new_visitor\":true" : "bad_counter");
    if (counter != NULL)
        expect_numbers(&site, counter, 1, 1, 1);
    assert_int_equal(site_sum(&site), counter != NULL ? 2 : 0);
    json_decref(event);
    site_close(&site);
}

static void paths_are_decoded_once(void **state)
{
    static const struct path encoded[] = {
        { "/visit/a%2Fb", "a/b" },  { "/visit/a%252Fb", "a%2Fb" }, { "/visit/a%00b", NULL },
        { "/visit/%ff", NULL },     { "/visit/%C3", NULL },        { "/visit/a%2", NULL },
        { "/visit/a%zz", NULL },    { "/visit/a+b", "a+b" },       { "/visit/caf%C3%A9", "café" },
        { "/visit/café", "café" },  { "/visit//a/", "/a/" },       { "/visit/%2525", "%25" },
        { "/visit/a%20b", "a b" },  { "/visit/a%3Fb", "a?b" },     { "/visit", "main_page" },
        { "/visit/", "main_page" }, { "/", "main_page" },          { "", "main_page" },
    };
    static const struct path decoded[] = {
        { "/visit/a/b", "a/b" },    { "/visit/a%2Fb", "a%2Fb" }, { "/visit/a%252Fb", "a%252Fb" },
        { "/visit/%ff", "%ff" },    { "/visit/a%2", "a%2" },     { "/visit/a%00b", "a%00b" },
        { "/visit/a+b", "a+b" },    { "/visit/café", "café" },   { "/visit//a/", "/a/" },
        { "/visit/a b", "a b" },    { "/visit/a?b", "a?b" },     { "/visit", "main_page" },
        { "/visit/", "main_page" }, { "/", "main_page" },        { "", "main_page" },
    };
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        const struct path *paths = event_kinds[k].decoded ? decoded : encoded;
        size_t count = event_kinds[k].decoded ? sizeof decoded / sizeof decoded[0] : sizeof encoded / sizeof encoded[0];
        for (size_t i = 0; i < count; i++)
            count_path(event_kinds[k].fixture, event_kinds[k].path_field, json_string(paths[i].path), paths[i].counter);
        count_path(event_kinds[k].fixture, event_kinds[k].path_field, json_stringn("/visit/a\0b", 10), NULL);
        count_path(event_kinds[k].fixture, event_kinds[k].path_field, json_stringn("/visit/\0", 8), NULL);
    }
}

/* path: of the event, before which no stage was cut but its own. */
static const struct {
    const char *fixture, *stage, *path, *proxy, *wanted;
} stages[] = {
    { "http-2", "prod", "/prod/visit/a", NULL, "/visit/a" },
    { "http-2", "prod", "/prod/visit/a", "visit/a", "/visit/a" },
    { "http-2", "prod", "/prod/visit/a", "prod/visit/a", "/prod/visit/a" },
    { "http-2", "prod", "/prod/prod/visit/a", "prod/visit/a", "/prod/visit/a" },
    { "http-2", "prod", "/production/visit/a", NULL, "/production/visit/a" },
    { "http-2", "prod", "/Prod/visit/a", NULL, "/Prod/visit/a" },
    { "http-2", "prod", "/visit/prod", NULL, "/visit/prod" },
    { "http-2", "prod", "/prod", NULL, "/" },
    { "http-2", "prod", "/prod/", NULL, "/" },
    { "http-2", "prod", "/", NULL, "/" },
    { "http-2", "prod", "", NULL, "/" },
    { "http-2", "prod", "prod/visit", NULL, "prod/visit" },
    { "http-2", "prod", "xprod/visit", NULL, "xprod/visit" },
    { "http-2", "", "//visit", NULL, "//visit" },
    { "http-2", "$default", "/$default/visit", NULL, "/$default/visit" },
    { "http-2", NULL, "/prod/visit", NULL, "/prod/visit" },
    { "http-1", "prod", "/prod/visit/a", NULL, "/visit/a" },
    { "http-1", "prod", "/prod/visit/a", "prod/visit/a", "/prod/visit/a" },
    { "http-1", "$default", "/visit/a", "visit/a", "/visit/a" },
    { "rest", "prod", "/prod/visit/a", NULL, "/prod/visit/a" },
    { "url-visit", "$default", "/prod/visit/a", NULL, "/prod/visit/a" },
};

static void stages_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        struct footfall__lambda_event read;
        json_t *event = event_load(stages[i].fixture);
        event_set(event,
                  strcmp(stages[i].fixture, "http-2") == 0 || strcmp(stages[i].fixture, "url-visit") == 0 ? "rawPath"
                                                                                                          : "path",
                  json_string(stages[i].path));
        event_set(event, "requestContext.stage", stages[i].stage != NULL ? json_string(stages[i].stage) : NULL);
        event_set(event, "pathParameters", json_object());
        if (stages[i].proxy != NULL)
            event_set(event, "pathParameters.proxy", json_string(stages[i].proxy));
        event_read(&read, event);
        if (read.request.path_bytes != strlen(stages[i].wanted) ||
            memcmp(read.request.path, stages[i].wanted, read.request.path_bytes) != 0)
            fail_msg("%s in stage %s became %.*s", stages[i].path, stages[i].stage, (int)read.request.path_bytes,
                     read.request.path);
        footfall__lambda_event_free(&read);
        json_decref(event);
    }
}

/* ---- queries ---------------------------------------------------------------------------------------------------------------- */

static void expect_query(const char *fixture, const char *field, json_t *value, const char *wanted)
{
    struct footfall__lambda_event read;
    json_t *event = event_load(fixture);
    event_set(event, "queryStringParameters", NULL);
    event_set(event, "multiValueQueryStringParameters", NULL);
    event_set(event, field, value);
    event_read(&read, event);
    if (wanted == NULL)
        assert_true(read.request.query == NULL && read.request.query_bytes == 0);
    else if (read.request.query_bytes != strlen(wanted) ||
             memcmp(read.request.query, wanted, read.request.query_bytes) != 0)
        fail_msg("%s: %.*s is not %s", fixture, (int)read.request.query_bytes, read.request.query, wanted);
    footfall__lambda_event_free(&read);
    json_decref(event);
}

static void queries(void **state)
{
    static const char one[] = "queryStringParameters", many[] = "multiValueQueryStringParameters";
    struct footfall__lambda_event read;
    json_t *event = event_load("rest");
    (void)state;
    expect_query("rest", one, json_pack("{s:s,s:s}", "a b", "c&d=e", "é", "+%"), "a%20b=c%26d%3De&%C3%A9=%2B%25");
    expect_query("http-1", many, json_pack("{s:[s,s],s:[]}", "a", "1", "2%20", "b"), "a=1&a=2%2520");
    expect_query("rest", many, json_pack("{s:[n,i,s],s:n,s:i}", "a", 1, "x", "b", "c", 1), "a=x");
    expect_query("rest", one, json_pack("{s:s#}", "a", "x\0y", 3), "a=x%00y");
    expect_query("rest", one, json_pack("{s:s}", "a", ""), "a=");
    expect_query("rest", one, json_object(), NULL);
    json_object_set_new(event, many, json_object());
    event_set(event, one, json_pack("{s:s}", "a", "1"));
    event_read(&read, event);
    assert_int_equal(read.request.query_bytes, 3); /* nothing is in there, as with headers */
    footfall__lambda_event_free(&read);
    json_decref(event);
    expect_query("alb", one, json_pack("{s:s,s:s}", "a%20b", "c%26d", "e", "+%"), "a%20b=c%26d&e=+%");
    expect_query("alb-multi-value", many, json_pack("{s:[s,s]}", "a", "1", "2%20"), "a=1&a=2%20");
    expect_query("http-2", "rawQueryString", json_string("a=%26&b"), "a=%26&b");
    expect_query("url-visit", "rawQueryString", json_string("a=%26&b"), "a=%26&b");
    expect_query("url-visit", "rawQueryString", json_null(), NULL);
    expect_query("url-visit", "rawQueryString", json_integer(1), NULL);
}

/* A map with nothing in it hides no other. */
static void empty_map(void **state)
{
    struct footfall__lambda_event read;
    json_t *event = event_load("rest");
    (void)state;
    event_set(event, "multiValueQueryStringParameters", json_object());
    event_set(event, "queryStringParameters", json_pack("{s:s}", "hit", "1"));
    event_read(&read, event);
    assert_int_equal(read.request.query_bytes, 5);
    assert_memory_equal(read.request.query, "hit=1", 5);
    footfall__lambda_event_free(&read);
    json_decref(event);
}

/* A parameter comes through, whatever the service does with it. */
static void parameters_arrive(void **state)
{
    static const struct {
        const char *fixture, *path_field, *field, *label;
    } asks[] = {
        { "rest", "path", "queryStringParameters", "a&b %25 é" },
        { "http-1", "path", "queryStringParameters", "a&b %25 é" },
        { "alb", "path", "queryStringParameters", "a%26b+%2525 %C3%A9" },
        { "http-2", "rawPath", "rawQueryString", "label=a%26b+%2525+%C3%A9" },
        { "url-visit", "rawPath", "rawQueryString", "label=a%26b+%2525+%C3%A9" },
    };
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        json_t *event = event_load(asks[i].fixture);
        event_set(event, asks[i].path_field, json_string("/badge/a"));
        event_set(event, "multiValueQueryStringParameters", NULL);
        event_set(event, asks[i].field,
                  strcmp(asks[i].field, "rawQueryString") == 0 ? json_string(asks[i].label)
                                                               : json_pack("{s:s}", "label", asks[i].label));
        answered_expect(event_answer(&site, event), 200, "a&amp;b %25 é");
        json_decref(event);
    }
    site_close(&site);
}

static void long_targets(void **state)
{
    enum { LONG = 400000 };
    static char text[LONG + 1];
    struct site site;
    (void)state;
    memset(text, '&', LONG);
    lambda_site_open(&site, NULL);
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        json_t *event = event_load(event_kinds[k].fixture);
        event_set(event, "multiValueQueryStringParameters", NULL);
        event_set(event, "queryStringParameters", json_pack("{s:s}", "a", text));
        event_set(event, "rawQueryString", json_string(text));
        answered_expect(event_answer(&site, event), 414, "target_too_long");
        json_decref(event);
    }
    assert_int_equal(site_sum(&site), 0);
    site_close(&site);
}

/* ---- bodies ----------------------------------------------------------------------------------------------------------------- */

/* wanted NULL: no body. */
static const struct {
    const char *body;
    int encoded;
    const char *wanted;
} bodies[] = {
    { "", 0, NULL },           { "", 1, NULL },
    { "abc", 0, "abc" },       { "YWJj", 0, "YWJj" },
    { "YWJj", 1, "abc" },      { "YWI=", 1, "ab" },
    { "YQ==", 1, "a" },        { "YQ=", 1, "YQ=" },
    { "Y===", 1, "Y===" },     { "====", 1, "====" },
    { "YQ", 1, "YQ" },         { "YW=j", 1, "YW=j" },
    { "YWJj\n", 1, "YWJj\n" }, { "{\"a\":1}!", 1, "{\"a\":1}!" },
};

static void bodies_are_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct footfall__lambda_event read;
        json_t *event = event_with("rest", "body", json_string(bodies[i].body));
        event_set(event, "isBase64Encoded", json_boolean(bodies[i].encoded));
        event_read(&read, event);
        if (bodies[i].wanted == NULL)
            assert_int_equal(read.request.body_bytes, 0);
        else if (read.request.body_bytes != strlen(bodies[i].wanted) ||
                 memcmp(read.request.body, bodies[i].wanted, read.request.body_bytes) != 0)
            fail_msg("%s became %.*s", bodies[i].body, (int)read.request.body_bytes, read.request.body);
        footfall__lambda_event_free(&read);
        json_decref(event);
    }
}

static void large_body(const char *most, int bytes, int encoded, int status)
{
    struct site site;
    json_t *event = event_load("http-2-post-base64");
    char *text = malloc((size_t)bytes);
    assert_non_null(text);
    memset(text, 'A', (size_t)bytes);
    lambda_site_open(&site, most != NULL ? HEADERS("http.body_bytes", most) : NULL);
    event_set(event, "body", json_stringn(text, (size_t)bytes));
    event_set(event, "isBase64Encoded", json_boolean(encoded));
    answered_expect(event_answer(&site, event), status, status == 200 ? "count" : "body_too_large");
    assert_int_equal(site_sum(&site), status == 200 ? 2 : 0);
    site_close(&site);
    free(text);
    json_decref(event);
}

static void large_bodies(void **state)
{
    (void)state;
    large_body(NULL, 65536, 0, 200);
    large_body(NULL, 65537, 0, 413);
    large_body(NULL, 87380, 1, 200); /* 65,535 */
    large_body(NULL, 87384, 1, 413);
    large_body(NULL, 65535, 1, 200); /* no base64 */
    large_body(NULL, 5000000, 0, 413);
    large_body(NULL, 5000000, 1, 413);
    large_body("0", 1, 0, 413);
    large_body("100000", 100000, 0, 200);
    large_body("100000", 100001, 0, 413);
    large_body("3", 4, 1, 200);
}

static void administration(void **state)
{
    char *folder = support_folder_make();
    char *path = support_path(folder, "token");
    struct site site;
    json_t *event = event_load("rest-put-base64");
    (void)state;
    support_file_write(path, "0123456789abcdef", 16);
    lambda_site_open(&site, HEADERS("http.admin_token_file", path));
    answered_expect(event_answer(&site, event), 201, "\"count\":41,");
    expect_numbers(&site, "rest-put", 1, 41, 7);
    event_set(event, "isBase64Encoded", json_false());
    answered_expect(event_answer(&site, event), 400, "bad_body");
    event_set(event, "body", json_string("{\"total_visits\":5}"));
    answered_expect(event_answer(&site, event), 200, "\"count\":5,");
    event_set(event, "multiValueHeaders.Authorization", json_pack("[s]", "Bearer x"));
    answered_expect(event_answer(&site, event), 401, "unauthorized");
    expect_numbers(&site, "rest-put", 1, 5, 0);
    site_close(&site);
    json_decref(event);
    free(path);
    support_folder_remove(folder);
}

/* Whoever the service names, it is nobody of this host. */
static void metrics_want_the_token(void **state)
{
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        json_t *event = event_with(event_kinds[k].fixture, event_kinds[k].path_field, json_string("/metrics"));
        event_set(event, event_kinds[k].address_field, json_string("127.0.0.1"));
        answered_expect(event_answer(&site, event), 404, "not_found");
        json_decref(event);
    }
    site_close(&site);
}

/* ---- answers of other kinds --------------------------------------------------------------------------------------------------- */

static void other_answers_of(size_t k)
{
    const struct answered *answered = NULL;
    char tag[64];
    struct site site;
    json_t *event = event_load(event_kinds[k].fixture);
    lambda_site_open(&site, NULL);
    event_set(event, event_kinds[k].path_field, json_string("/visit/a"));
    answered_expect(event_answer(&site, event), 200, "count");
    event_set(event, event_kinds[k].method_field, json_string("HEAD"));
    answered = event_answer(&site, event);
    answered_expect(answered, 200, "");
    assert_int_equal(answered->body_bytes, 0);
    assert_string_equal(reply_header(answered->root, "Content-Type"), "application/json");
    event_set(event, event_kinds[k].method_field, json_string("PATCH"));
    answered = event_answer(&site, event);
    answered_expect(answered, 405, "method_not_allowed");
    assert_string_equal(reply_header(answered->root, "Allow"), "GET, HEAD, POST, OPTIONS");
    event_set(event, event_kinds[k].method_field, json_stringn("GET\0", 4));
    assert_int_equal(event_answer(&site, event)->rc, FOOTFALL_INVALID);
    event_set(event, event_kinds[k].method_field, json_string("OPTIONS"));
    event_set_header(event, "Origin", "https://www.example.org");
    event_set_header(event, "Access-Control-Request-Method", "GET");
    answered = event_answer(&site, event);
    answered_expect(answered, 204, "");
    assert_string_equal(reply_header(answered->root, "Access-Control-Allow-Methods"), "GET, POST, HEAD");
    event_set(event, event_kinds[k].method_field, json_string("GET"));
    event_set(event, event_kinds[k].path_field, json_string("/nothing"));
    answered_expect(event_answer(&site, event), 404, "not_found");
    event_set(event, event_kinds[k].path_field, json_string("/counter/a"));
    answered = event_answer(&site, event);
    answered_expect(answered, 200, "\"count\":1,");
    snprintf(tag, sizeof tag, "%s", reply_header(answered->root, "ETag"));
    event_set_header(event, "If-None-Match", tag);
    answered = event_answer(&site, event);
    answered_expect(answered, 304, "");
    assert_int_equal(answered->body_bytes, 0);
    event_set(event, event_kinds[k].path_field, json_string("/footfall.js"));
    answered = event_answer(&site, event);
    answered_expect(answered, 200, "prerendering");
    expect_numbers(&site, "a", 1, 1, 1);
    site_close(&site);
    json_decref(event);
}

static void other_answers(void **state)
{
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++)
        other_answers_of(k);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once),
        cmocka_unit_test(stages_are_cut),
        cmocka_unit_test(queries),
        cmocka_unit_test(empty_map),
        cmocka_unit_test(parameters_arrive),
        cmocka_unit_test(long_targets),
        cmocka_unit_test(bodies_are_decoded),
        cmocka_unit_test(large_bodies),
        cmocka_unit_test(administration),
        cmocka_unit_test(metrics_want_the_token),
        cmocka_unit_test(other_answers),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    return cmocka_run_group_tests_name("lambda_fields", tests, NULL, NULL);
}
