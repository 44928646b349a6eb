/* test_lambda_trust.c: whose visit it is: by the word of the service, of proxies that are trusted, and of nobody else; and when
 * nothing is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lambda_case.h"

/* Would it be a new visitor? Counts. */
static int is_new(struct site *site, const char *address)
{
    struct footfall_visitor visitor = FOOTFALL_VISITOR_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    struct footfall_result result = { 0 };
    visitor.address = address;
    op.name = "a";
    op.visitor = &visitor;
    assert_int_equal(footfall_apply(site->ff, &op, 1, NULL, &result, NULL), FOOTFALL_OK);
    return (result.flags & FOOTFALL_IS_NEW) != 0;
}

static json_t *visit(size_t k)
{
    return event_with(event_kinds[k].fixture, event_kinds[k].path_field, json_string("/visit/a"));
}

/* Takes event over. address NULL: 400, and nothing is counted. */
static void expect_client(const char *const *pairs, json_t *event, const char *address)
{
    struct site site;
    lambda_site_open(&site, pairs);
    answered_expect(event_answer(&site, event), address != NULL ? 200 : 400, address != NULL ? "count" : "bad_address");
    assert_int_equal(site_sum(&site), address != NULL ? 2 : 0);
    if (address != NULL && is_new(&site, address))
        fail_msg("it was not %s", address);
    site_close(&site);
    json_decref(event);
}

/* ---- no proxy --------------------------------------------------------------------------------------------------------------- */

static const char *const forged[] = { "X-Forwarded-For",  "x-real-ip",
                                      "cf-connecting-ip", "cloudfront-viewer-address",
                                      "Forwarded",        "true-client-ip",
                                      "x-client-ip" };

static void nobody_is_believed(void **state)
{
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        if (strcmp(event_kinds[k].fixture, "alb") == 0)
            continue; /* whose last entry is the balancer's word */
        for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
            json_t *event = visit(k);
            event_set(event, event_kinds[k].address_field, json_string("198.51.100.9"));
            event_set_header(event, forged[i], "203.0.113.1");
            expect_client(NULL, event, "198.51.100.9");
            event = visit(k);
            event_set(event, event_kinds[k].address_field, json_string("198.51.100.9"));
            event_set_header(event, forged[i], "203.0.113.1");
            expect_client(HEADERS("http.trusted_proxies", "192.0.2.0/24", "http.address_header",
                                  forged[i][0] == 'F' ? "X-Forwarded-For" : forged[i]),
                          event, "198.51.100.9");
        }
    }
}

/* Whatever headers say, trusted or not. */
static void no_address(void **state)
{
    static const char *const none[] = { "",
                                        "IP",
                                        "192.168.0.1/32",
                                        "test-invoke-source-ip",
                                        "192.0.2",
                                        "::g",
                                        "192.0.2.1:1",
                                        "192.0.2.1 ",
                                        " 192.0.2.1",
                                        "[2001:db8::1]",
                                        "unknown" };
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        if (strcmp(event_kinds[k].fixture, "alb") == 0)
            continue;
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
            json_t *event = visit(k);
            event_set(event, event_kinds[k].address_field, json_string(none[i]));
            expect_client(NULL, event, NULL);
            event = visit(k);
            event_set(event, event_kinds[k].address_field, json_string(none[i]));
            expect_client(HEADERS("http.trusted_proxies", "any"), event, NULL);
        }
        expect_client(NULL, event_with(event_kinds[k].fixture, event_kinds[k].address_field, NULL), NULL);
        expect_client(NULL, event_with(event_kinds[k].fixture, event_kinds[k].address_field, json_integer(1)), NULL);
        expect_client(NULL,
                      event_with(event_kinds[k].fixture, event_kinds[k].address_field, json_stringn("192.0.2.1\0", 10)),
                      NULL);
        expect_client(
            NULL, event_with(event_kinds[k].fixture, event_kinds[k].address_field, json_stringn("192.0.2.1\0.7", 12)),
            NULL);
    }
    expect_client(NULL, event_with("rest", "requestContext", json_null()), NULL);
}

/* An IPv4 address is one visitor, however it is written; and of IPv6 the first 64 bits are. */
static void addresses(void **state)
{
    json_t *event = NULL;
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        event = visit(k);
        event_set(event, event_kinds[k].address_field, json_string("2001:DB8:0:0::7"));
        expect_client(NULL, event, "2001:db8::8");
    }
    event = event_with("url-visit", "requestContext.http.sourceIp", json_null());
    event_set(event, "rawPath", json_string("/visit/a"));
    event_set(event, "requestContext.identity", json_pack("{s:s}", "sourceIp", "198.51.100.9"));
    expect_client(NULL, event, "198.51.100.9");
}

/* ---- behind proxies ------------------------------------------------------------------------------------------------------------ */

#define ANY(header) HEADERS("http.trusted_proxies", "any", "http.address_header", header)
#define EDGES(header) HEADERS("http.trusted_proxies", "198.51.100.0/24 2001:db8:2::/48", "http.address_header", header)

static json_t *with_header(const char *fixture, const char *name, const char *value)
{
    json_t *event = event_load(fixture);
    event_set(event, "rawPath", json_string("/visit/a"));
    event_set_header(event, name, value);
    return event;
}

static void proxies(void **state)
{
    static const char viewer[] = "cloudfront-viewer-address", cf[] = "cf-connecting-ip", xff[] = "x-forwarded-for";
    (void)state;
    expect_client(ANY("CloudFront-Viewer-Address"), with_header("url-cloudfront", "x", "y"), "2001:db8:1::7");
    expect_client(EDGES("CloudFront-Viewer-Address"), with_header("url-cloudfront", "x", "y"), "2001:db8:1::7");
    expect_client(EDGES("CloudFront-Viewer-Address"), with_header("url-cloudfront", viewer, "203.0.113.5:4711"),
                  "203.0.113.5");
    expect_client(EDGES("CloudFront-Viewer-Address"), with_header("url-cloudfront", viewer, "203.0.113.5"), NULL);
    expect_client(EDGES("CloudFront-Viewer-Address"), with_header("url-cloudfront", viewer, ""), NULL);
    expect_client(EDGES("CloudFront-Viewer-Address"), event_with("url-cloudfront", "headers", json_object()), NULL);
    expect_client(NULL, with_header("url-cloudfront", "x", "y"), "198.51.100.20");
    expect_client(EDGES("CF-Connecting-IP"), with_header("url-cloudflare", "x", "y"), "203.0.113.13");
    expect_client(EDGES("CF-Connecting-IP"), with_header("http-2-cloudflare", "x", "y"), "203.0.113.12");
    expect_client(EDGES("CF-Connecting-IP"), with_header("http-2-cloudflare", cf, "unknown"), NULL);
    expect_client(EDGES("X-Forwarded-For"), with_header("http-2-cloudflare", "x", "y"), "203.0.113.12");
    expect_client(EDGES("X-Forwarded-For"),
                  with_header("http-2-cloudflare", xff, "203.0.113.9, 203.0.113.8, 198.51.100.77"), "203.0.113.8");
    expect_client(EDGES("X-Forwarded-For"),
                  with_header("http-2-cloudflare", xff, "203.0.113.9,203.0.113.8,198.51.100.3 , 198.51.100.77"),
                  "203.0.113.8");
    expect_client(EDGES("X-Forwarded-For"), with_header("http-2-cloudflare", xff, "203.0.113.8, , 198.51.100.77"),
                  NULL);
    expect_client(ANY("X-Forwarded-For"), with_header("url", "x", "y"), "192.0.2.13");
}

/* Lines of their own: the last entry of the last line is the nearest. */
static void lines(void **state)
{
    json_t *event = event_load("rest");
    (void)state;
    event_set(event, "path", json_string("/visit/a"));
    event_set(event, "requestContext.identity.sourceIp", json_string("198.51.100.1"));
    event_set(event, "multiValueHeaders.X-Forwarded-For",
              json_pack("[s,s,s]", "203.0.113.1", "203.0.113.2, 203.0.113.3", "198.51.100.1"));
    event_set(event, "headers.X-Forwarded-For", json_string("203.0.113.4"));
    expect_client(EDGES("X-Forwarded-For"), event, "203.0.113.3");
}

/* ---- a load balancer ----------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *forwarded, *address; /* NULL: 400 */
} balanced[] = {
    { "192.0.2.1", "192.0.2.1" },
    { "203.0.113.1, 192.0.2.1", "192.0.2.1" },
    { "203.0.113.1,192.0.2.1", "192.0.2.1" },
    { "203.0.113.1,\t192.0.2.1 ", "192.0.2.1" },
    { "192.0.2.1:65535", "192.0.2.1" },
    { "203.0.113.1:1, 192.0.2.1:2", "192.0.2.1" },
    { "2001:db8:7::1", "2001:db8:7::1" },
    { "[2001:db8:7::1]", "2001:db8:7::1" },
    { "[2001:db8:7::1]:443", "2001:db8:7::1" },
    { "", NULL },
    { ",", NULL },
    { "192.0.2.1,", NULL },
    { "192.0.2.1, unknown", NULL },
    { "192.0.2.1:", NULL },
    { "192.0.2.1:x", NULL },
    { "192.0.2.1:123456", NULL },
    { "192.0.2.1:1:2", NULL },
    { "[192.0.2.1]:1", NULL },
    { "[2001:db8:7::1", NULL },
    { "[2001:db8:7::1]443", NULL },
    { "[2001:db8:7::1]:", NULL },
    { "[]", NULL },
    { "192.0.2.1 203.0.113.1", NULL },
    { "0000000000000000000000000000000000000000000000000000000000192.0.2.1", NULL },
};

static void last_entry(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof balanced / sizeof balanced[0]; i++) {
        json_t *event = event_with("alb", "headers.x-forwarded-for", json_string(balanced[i].forwarded));
        event_set(event, "path", json_string("/visit/a"));
        expect_client(NULL, event, balanced[i].address);
        event = event_with("alb-multi-value", "multiValueHeaders.x-forwarded-for",
                           json_pack("[s,s]", "203.0.113.9", balanced[i].forwarded));
        event_set(event, "path", json_string("/visit/a"));
        expect_client(NULL, event, balanced[i].address);
    }
    expect_client(NULL, event_with("alb", "headers.x-forwarded-for", NULL), NULL);
    expect_client(NULL, event_with("alb", "headers", NULL), NULL);
}

static void proxy_before_balancer(void **state)
{
    json_t *event =
        event_with("alb", "headers.x-forwarded-for", json_string("203.0.113.1, 203.0.113.2, 198.51.100.4:99"));
    (void)state;
    event_set(event, "path", json_string("/visit/a"));
    expect_client(EDGES("X-Forwarded-For"), event, "203.0.113.2");
    event = event_with("alb", "headers.x-forwarded-for", json_string("203.0.113.1, 198.51.100.4"));
    event_set(event, "path", json_string("/visit/a"));
    event_set(event, "headers.cf-connecting-ip", json_string("203.0.113.5"));
    expect_client(EDGES("CF-Connecting-IP"), event, "203.0.113.5");
}

static void health_checks(void **state)
{
    struct site site;
    const struct answered *answered = NULL;
    json_t *event = event_load("alb-health");
    (void)state;
    lambda_site_open(&site, NULL);
    footfall__web_use(site.web, NULL); /* nor does it need a store */
    answered = event_answer_in(&site, event, -1);
    answered_expect(answered, 200, "{\"status\":\"ok\"}\n");
    assert_string_equal(json_string_value(json_object_get(answered->root, "statusDescription")), "200 OK");
    assert_string_equal(reply_header(answered->root, "Cache-Control"), "no-store");
    assert_string_equal(reply_header(answered->root, "Content-Type"), "application/json");
    event_set(event, "path", json_string("/nothing"));
    event_set(event, "httpMethod", json_string("POST"));
    answered_expect(event_answer(&site, event), 200, "{\"status\":\"ok\"}\n");
    event_set(event, "httpMethod", json_string("HEAD"));
    assert_int_equal(event_answer(&site, event)->body_bytes, 0);
    event_set(event, "headers.x-forwarded-for", json_string("192.0.2.1"));
    answered_expect(event_answer(&site, event), 404, "");
    json_decref(event);
    event = event_with("alb-health", "headers.user-agent", json_string("x ELB-HealthChecker/2.0"));
    answered_expect(event_answer(&site, event), 400, "bad_address");
    json_decref(event);
    event = event_with("rest", "multiValueHeaders", json_pack("{s:[s]}", "User-Agent", "ELB-HealthChecker/2.0"));
    answered_expect(event_answer(&site, event), 503, "temporary"); /* of no balancer: a read like others */
    json_decref(event);
    site_close(&site);
}

/* Nobody is on the function's machine, whatever the service says his address is. */
static void metrics(void **state)
{
    static const char *const here[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t k = 0; k < EVENT_KINDS; k++)
        for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
            json_t *event = event_with(event_kinds[k].fixture, event_kinds[k].path_field, json_string("/metrics"));
            event_set(event, event_kinds[k].address_field, json_string(here[i]));
            event_set_header(
                event, strncmp(event_kinds[k].fixture, "alb", 3) == 0 ? "x-forwarded-for" : "X-Forwarded-For", here[i]);
            answered_expect(event_answer(&site, event), 404, "not_found");
            json_decref(event);
        }
    site_close(&site);
}

/* ---- warnings ------------------------------------------------------------------------------------------------------------------ */

static void expect_log(json_t *event, const char *part)
{
    struct site site;
    lambda_site_open(&site, NULL);
    event_answer(&site, event);
    if (part == NULL)
        assert_string_equal(site.log, "");
    else if (strstr(site.log, part) == NULL)
        fail_msg("no %s in %s", part, site.log);
    site_close(&site);
    json_decref(event);
}

/* Of a proxy that is not trusted, but not of what the service itself writes. */
static void warnings(void **state)
{
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++)
        expect_log(visit(k), NULL);
    expect_log(event_load("alb-forwarded"), "a request has X-Forwarded-For");
    expect_log(event_with("alb", "headers.x-forwarded-for", json_string("192.0.2.14:1234")), NULL);
    expect_log(event_load("url-cloudfront"), "a request has ");
    expect_log(event_load("url-cloudflare"), "a request has ");
    expect_log(with_header("url", "x-forwarded-for", "203.0.113.1, 192.0.2.13"), "a request has X-Forwarded-For");
    expect_log(with_header("url", "x-forwarded-for", "192.0.2.1"), "a request has X-Forwarded-For"); /* of 192.0.2.13 */
    expect_log(with_header("url", "via", "1.1 proxy.example.org"), "a request has Via");
    expect_log(event_load("rest-console-test"), "a visit is not counted: the request came from no address");
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_believed),
        cmocka_unit_test(no_address),
        cmocka_unit_test(addresses),
        cmocka_unit_test(proxies),
        cmocka_unit_test(lines),
        cmocka_unit_test(last_entry),
        cmocka_unit_test(proxy_before_balancer),
        cmocka_unit_test(health_checks),
        cmocka_unit_test(metrics),
        cmocka_unit_test(warnings),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    return cmocka_run_group_tests_name("lambda_trust", tests, NULL, NULL);
}
