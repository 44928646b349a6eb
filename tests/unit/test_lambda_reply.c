/* test_lambda_reply.c: answers as replies, to the byte: of each kind, with several headers of a name, cookies, bodies that are no
 * text, and what is too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "lambda_case.h"
#include "reply.h"

static const struct footfall__lambda_event of_rest = { .kind = FOOTFALL__LAMBDA_REST },
                                           of_rest_multi = { .kind = FOOTFALL__LAMBDA_REST, .multi_value = 1 },
                                           of_http_1 = { .kind = FOOTFALL__LAMBDA_HTTP_1, .multi_value = 1 },
                                           of_http_2 = { .kind = FOOTFALL__LAMBDA_HTTP_2 },
                                           of_url = { .kind = FOOTFALL__LAMBDA_URL },
                                           of_balancer = { .kind = FOOTFALL__LAMBDA_BALANCER },
                                           of_balancer_multi = { .kind = FOOTFALL__LAMBDA_BALANCER, .multi_value = 1 };

static struct footfall_web_response answer(int status, const char *body, size_t body_bytes)
{
    return (struct footfall_web_response){ .status = status,
                                           .headers = { { "Content-Type", "text/plain" },
                                                        { "Vary", "Origin" },
                                                        { "Set-Cookie", "a=1" },
                                                        { "vary", "Accept" },
                                                        { "set-cookie", "b=\"2\"" } },
                                           .header_count = 5,
                                           .body = body,
                                           .body_bytes = body_bytes };
}

static void expect_reply(const struct footfall__lambda_event *event, const struct footfall_web_response *response,
                         const char *wanted)
{
    struct footfall__lambda_reply reply;
    assert_int_equal(footfall__lambda_reply_begin(&reply, event), 0);
    footfall__lambda_reply_write(&reply, event, response);
    if (reply.bytes != strlen(wanted) || memcmp(reply.text, wanted, reply.bytes) != 0)
        fail_msg("%.*s\nis not\n%s", (int)reply.bytes, reply.text, wanted);
    free(reply.text);
}

static void formats(void **state)
{
    const struct footfall_web_response response = answer(200, "x\n", 2);
    (void)state;
    expect_reply(&of_rest, &response,
                 "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/plain\",\"Vary\":\"Origin, "
                 "Accept\",\"Set-Cookie\":\"a=1, "
                 "b=\\\"2\\\"\"},\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(
        &of_rest_multi, &response,
        "{\"statusCode\":200,\"multiValueHeaders\":{\"Content-Type\":[\"text/plain\"],\"Vary\":[\"Origin\",\"Accept\"],"
        "\"Set-Cookie\":[\"a=1\",\"b=\\\"2\\\"\"]},\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(
        &of_http_1, &response,
        "{\"statusCode\":200,\"multiValueHeaders\":{\"Content-Type\":[\"text/plain\"],\"Vary\":[\"Origin\",\"Accept\"],"
        "\"Set-Cookie\":[\"a=1\",\"b=\\\"2\\\"\"]},\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(&of_http_2, &response,
                 "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/plain\",\"Vary\":\"Origin, "
                 "Accept\"},\"cookies\":[\"a=1\","
                 "\"b=\\\"2\\\"\"],\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(&of_url, &response,
                 "{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/plain\",\"Vary\":\"Origin, "
                 "Accept\"},\"cookies\":[\"a=1\","
                 "\"b=\\\"2\\\"\"],\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(&of_balancer, &response,
                 "{\"statusCode\":200,\"statusDescription\":\"200 "
                 "OK\",\"headers\":{\"Content-Type\":\"text/plain\",\"Vary\":\"Origin, "
                 "Accept\",\"Set-Cookie\":\"a=1, b=\\\"2\\\"\"},\"body\":\"x\\n\",\"isBase64Encoded\":false}");
    expect_reply(&of_balancer_multi, &response,
                 "{\"statusCode\":200,\"statusDescription\":\"200 "
                 "OK\",\"multiValueHeaders\":{\"Content-Type\":[\"text/plain\"],\"Vary\":["
                 "\"Origin\",\"Accept\"],\"Set-Cookie\":[\"a=1\",\"b=\\\"2\\\"\"]},\"body\":\"x\\n\","
                 "\"isBase64Encoded\":false}");
}

static void bodies(void **state)
{
    static const struct {
        int status;
        const char *body;
        size_t bytes;
        int head;
        const char *wanted;
    } all[] = {
        { 200, NULL, 0, 0, "\"body\":\"\",\"isBase64Encoded\":false" },
        { 200, "abc", 3, 1, "\"body\":\"\",\"isBase64Encoded\":false" },
        { 204, "abc", 3, 0, "\"body\":\"\",\"isBase64Encoded\":false" },
        { 304, "abc", 3, 0, "\"body\":\"\",\"isBase64Encoded\":false" },
        { 200, "\"\\/\b\t\n\x01\x1f\x7f\0é☕𝄞", 19, 0,
          "\"body\":\"\\\"\\\\/\\u0008\\u0009\\n\\u0001\\u001f\x7f\\u0000é☕𝄞\",\"isBase64Encoded\":false" },
        { 200, "\xff", 1, 0, "\"body\":\"/w==\",\"isBase64Encoded\":true" },
        { 200, "ab\xc3", 3, 0, "\"body\":\"YWLD\",\"isBase64Encoded\":true" },
        { 200, "\xed\xa0\x80 ", 4, 0, "\"body\":\"7aCAIA==\",\"isBase64Encoded\":true" },
        { 200, "\xff\xfe", 2, 1, "\"body\":\"\",\"isBase64Encoded\":false" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct footfall_web_response response = {
            .status = all[i].status, .body = all[i].body, .body_bytes = all[i].bytes, .without_body = all[i].head
        };
        char wanted[256];
        snprintf(wanted, sizeof wanted, "{\"statusCode\":%d,\"headers\":{},%s}", all[i].status, all[i].wanted);
        expect_reply(&of_url, &response, wanted);
    }
}

static void statuses(void **state)
{
    static const struct {
        int status;
        const char *description;
    } all[] = { { 200, "200 OK" },
                { 201, "201 Created" },
                { 204, "204 No Content" },
                { 304, "304 Not Modified" },
                { 400, "400 Bad Request" },
                { 401, "401 Unauthorized" },
                { 403, "403 Forbidden" },
                { 404, "404 Not Found" },
                { 405, "405 Method Not Allowed" },
                { 409, "409 Conflict" },
                { 413, "413 Content Too Large" },
                { 414, "414 URI Too Long" },
                { 429, "429 Too Many Requests" },
                { 500, "500 Internal Server Error" },
                { 503, "503 Service Unavailable" },
                { 504, "504 Gateway Timeout" } };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct footfall_web_response response = { .status = all[i].status };
        char wanted[256];
        snprintf(
            wanted, sizeof wanted,
            "{\"statusCode\":%d,\"statusDescription\":\"%s\",\"headers\":{},\"body\":\"\",\"isBase64Encoded\":false}",
            all[i].status, all[i].description);
        expect_reply(&of_balancer, &response, wanted);
    }
}

/* ---- large -------------------------------------------------------------------------------------------------------------------- */

static int refuse_all(void *user)
{
    (void)user;
    return 1;
}

/* What is written for a body of so many of these bytes: its length; 0: the 500. */
static size_t length_of(const struct footfall__lambda_event *event, size_t bytes, char byte, int without_memory)
{
    struct footfall__lambda_reply reply;
    struct footfall_web_response response = {
        .status = 200,
        .headers = { { "Vary", "Origin" }, { "Access-Control-Allow-Origin", "*" }, { "X", "y" } },
        .header_count = 3
    };
    char *body = malloc(bytes);
    json_t *root = NULL;
    size_t length = 0;
    assert_non_null(body);
    memset(body, byte, bytes);
    response.body = body;
    response.body_bytes = bytes;
    assert_int_equal(footfall__lambda_reply_begin(&reply, event), 0);
    footfall__alloc_hook(without_memory ? refuse_all : NULL, NULL);
    footfall__lambda_reply_write(&reply, event, &response);
    footfall__alloc_hook(NULL, NULL);
    root = json_loadb(reply.text, reply.bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_string_equal(reply_header(root, "Vary"), "Origin");
    assert_string_equal(reply_header(root, "Access-Control-Allow-Origin"), "*");
    if (json_integer_value(json_object_get(root, "statusCode")) == 200) {
        length = reply.bytes;
        assert_string_equal(reply_header(root, "X"), "y");
    } else {
        assert_int_equal(json_integer_value(json_object_get(root, "statusCode")), 500);
        assert_string_equal(json_string_value(json_object_get(root, "body")),
                            "{\"error\":\"the answer is too large for Lambda\",\"code\":\"answer_too_large\"}\n");
        assert_string_equal(reply_header(root, "X"), "");
        assert_string_equal(reply_header(root, "Cache-Control"), "no-store");
    }
    json_decref(root);
    free(reply.text);
    free(body);
    return length;
}

static void large(void **state)
{
    (void)state;
    assert_in_range(length_of(&of_url, 6000000, 'a', 0), 6000000, 6 << 20);
    assert_int_equal(length_of(&of_url, 6 << 20, 'a', 0), 0);
    assert_in_range(length_of(&of_url, 4500000, '\xff', 0), 6000000, 6 << 20);
    assert_int_equal(length_of(&of_url, 4800000, '\xff', 0), 0);
    assert_int_equal(length_of(&of_rest_multi, 3200000, '"', 0), 0);
    assert_in_range(length_of(&of_balancer, 990000, 'a', 0), 990000, 1000000);
    assert_int_equal(length_of(&of_balancer, 997000, 'a', 0), 0); /* some is left for what the balancer may add */
    assert_int_equal(length_of(&of_balancer_multi, 200000, '\x01', 0), 0);
    assert_true(length_of(&of_balancer_multi, 20000, 'a', 1) > 0); /* fits into what was taken before */
    assert_int_equal(length_of(&of_url, 40000, 'a', 1), 0);
    assert_int_equal(length_of(&of_url, 40000, '\xff', 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(bodies),
        cmocka_unit_test(statuses),
        cmocka_unit_test(large),
    };
    return cmocka_run_group_tests_name("lambda_reply", tests, NULL, NULL);
}
