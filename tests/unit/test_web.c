/* test_web.c: requests and what is answered to them: routes and methods, names from paths, what counts and what never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "web_site.h"

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A200 A50 A50 A50 A50
#define T64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- routes, methods, names -------------------------------------------------------------------------------------------------- */

struct row {
    const char *method, *target;
    int status;
    const char *body;      /* a part of it */
    int counted;           /* visits */
    const char *header[2]; /* of the request */
};

static const struct row rows[] = {
    { "GET", "/visit", 200, "{\"counter\":\"main_page\",\"count\":", 1 },
    { "POST", "/visit", 200, "{\"counter\":\"main_page\",", 1 },
    { "GET", "/visit/", 200, "{\"counter\":\"main_page\",", 1 },
    { "GET", "/visit?", 200, "{\"counter\":\"main_page\",", 1 },
    { "GET", "/visit/?counter=x", 200, "{\"counter\":\"main_page\",", 1 },
    { "GET", "/visit/a", 200, "{\"counter\":\"a\",", 1 },
    { "POST", "/visit/a?_=%zz&%", 200, "{\"counter\":\"a\",", 1 },
    { "GET", "/visit/a/", 200, "{\"counter\":\"a/\",", 1 },
    { "GET", "/visit//a", 200, "{\"counter\":\"/a\",", 1 },
    { "GET", "/visit/../a", 200, "{\"counter\":\"../a\",", 1 },
    { "GET", "/visit/a%2Fb", 200, "{\"counter\":\"a/b\",", 1 },
    { "GET", "/visit/%2f", 200, "{\"counter\":\"/\",", 1 },
    { "GET", "/visit/a+b", 200, "{\"counter\":\"a+b\",", 1 },
    { "GET", "/visit/a%20b", 200, "{\"counter\":\"a b\",", 1 },
    { "GET", "/visit/a%3Fb", 200, "{\"counter\":\"a?b\",", 1 },
    { "GET", "/visit/%2541", 200, "{\"counter\":\"%41\",", 1 },
    { "GET", "/visit/%25252541", 200, "{\"counter\":\"%252541\",", 1 },
    { "GET", "/visit/%22%5c", 200, "{\"counter\":\"\\\"\\\\\",", 1 },
    { "GET", "/visit/%E2%82%AC", 200, "{\"counter\":\"\xe2\x82\xac\",", 1 },
    { "GET", "/visit/\xe2\x82\xac", 200, "{\"counter\":\"\xe2\x82\xac\",", 1 },
    { "GET", "/visit/" A200, 200, "{\"counter\":\"" A200 "\",", 1 },
    { "GET", "http://example.org/visit/a", 200, "{\"counter\":\"a\",", 1 },
    { "GET", "HTTPS://example.org:8/visit/http://b", 200, "{\"counter\":\"http://b\",", 1 },

    { "GET", "/visit/" A200 "a", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%00", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/a%00b", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/a%0ab", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%7F", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%ff", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%c0%af", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%ed%a0%80", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%e2%82", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/\x80", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%4", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/a%4g", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/visit/%u0041", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/counter/%", 400, "\"code\":\"bad_counter\"", 0 },
    { "GET", "/badge/%00", 400, "\"code\":\"bad_counter\"", 0 },
    { "HEAD", "/visit/%00", 400, "\"code\":\"bad_counter\"", 0 },

    { "GET", "/", 200, "<", 0 },
    { "GET", "/?x=1", 200, "<", 0 },
    { "GET", "http://example.org", 200, "<", 0 },
    { "GET", "http://example.org?x", 200, "<", 0 },
    { "POST", "/", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "GET", "/footfall.js", 200, "document", 0 },
    { "POST", "/footfall.js", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "GET", "/healthz", 200, "{\"status\":\"ok\"}\n", 0 },
    { "GET", "/readyz", 200, "{\"status\":\"ready\"}\n", 0 },
    { "DELETE", "/readyz", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "GET", "/counter/nobody", 404, "\"code\":\"no_such_counter\"", 0 },
    { "GET", "/counter/a", 200, "{\"counter\":\"a\",\"count\":", 0 },
    { "GET", "/counter/", 200, "{\"counter\":\"main_page\",\"count\":", 0 },
    { "POST", "/counter/a", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "PUT", "/counter/a", 404, "\"code\":\"not_found\"", 0 },
    { "DELETE", "/counter/a", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/counters", 404, "\"code\":\"not_found\"", 0 },
    { "OPTIONS", "/counters", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/badge/a", 200, "<svg", 0 },
    { "GET", "/badge/nobody", 200, "<svg", 0 },
    { "POST", "/badge/a", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "POST", "/badge/a?hit=1", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "GET", "/metrics", 404, "\"code\":\"not_found\"", 0 },

    { "PUT", "/visit", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "PATCH", "/visit/a", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "get", "/visit/a", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "", "/visit/a", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "BREW", "/nothing", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/visits", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/visit%2Fa", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "//visit", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/VISIT", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/counter", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "/healthz/", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "visit", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "", 404, "\"code\":\"not_found\"", 0 },
    { "GET", "*", 405, "\"code\":\"method_not_allowed\"", 0 },
    { "OPTIONS", "*", 204, "", 0 },
    { "OPTIONS", "/visit", 204, "", 0 },
    { "OPTIONS", "/nothing", 404, "\"code\":\"not_found\"", 0 },

    { "HEAD", "/visit", 200, "{\"counter\":\"main_page\",", 0 },
    { "HEAD", "/visit/new", 200, "\"count\":0,\"total_visits\":0,\"unique_visitors\":0}\n", 0 },
    { "HEAD", "/badge/a?hit=1", 200, "<svg", 0 },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "Sec-Purpose", "prefetch" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "sec-purpose", "prefetch;prerender" } },
    { "POST", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "SEC-PURPOSE", "Prerender" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "Purpose", "prefetch" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "X-Purpose", "preview" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "X-moz", "prefetch" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "kube-probe/1.30" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "ELB-HealthChecker/2.0" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "GoogleHC/1.0" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "Consul Health Check" } },
    { "GET",
      "/visit/new",
      200,
      "\"unique_visitors\":0}\n",
      0,
      { "User-Agent", "Amazon-Route53-Health-Check-Service (ref 1; report http://amzn.to/1vsZADi)" } },
    { "GET",
      "/visit/new",
      200,
      "\"unique_visitors\":0}\n",
      0,
      { "User-Agent", "Mozilla/5.0 (compatible; Cloudflare-Healthchecks/1.0; +https://www.cloudflare.com/)" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "Envoy/HC" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "Edge Health Probe" } },
    { "GET", "/visit/new", 200, "\"unique_visitors\":0}\n", 0, { "User-Agent", "Load Balancer Agent" } },
    { "GET",
      "/visit/new",
      200,
      "\"unique_visitors\":0}\n",
      0,
      { "User-Agent", "Amazon Route 53 Health Check Service; ref:1; report http://amzn.to/1vsZADi" } },
    { "GET",
      "/visit/new",
      200,
      "\"unique_visitors\":0}\n",
      0,
      { "User-Agent",
        "Mozilla/5.0 (compatible;Cloudflare-Traffic-Manager/1.0;+https://www.cloudflare.com/traffic-manager/;pool-id: "
        "1)" } },
    { "GET", "/badge/a?hit=1", 200, "<svg", 0, { "Sec-Purpose", "prefetch" } },
    { "GET", "/visit/a", 200, "\"is_new_visitor\":false", 1, { "Sec-Purpose", "navigate" } },
    { "GET", "/visit/a", 200, "\"is_new_visitor\":false", 1, { "User-Agent", "I am no kube-probe/1.30" } },
    { "GET", "/badge/a?hit=1", 200, "<svg", 1 },

    { "GET", "/visit/a", 400, "has 1 to 64 bytes\",\"code\":\"bad_token\"", 0, { "Idempotency-Key", "" } },
    { "GET", "/visit/a", 400, "has 1 to 64 bytes\",\"code\":\"bad_token\"", 0, { "Idempotency-Key", T64 "0" } },
    { "GET", "/visit/a", 200, "\"is_new_visitor\":false", 1, { "idempotency-key", T64 } },
    { "GET", "/visit/a", 400, "\"code\":\"bad_address\"", 0, { "peer", "none" } },
    { "GET", "/visit/a", 400, "\"code\":\"bad_address\"", 0, { "peer", "unix" } },
    { "GET", "/visit/a", 400, "\"code\":\"bad_address\"", 0, { "peer", "0.0.0.0" } },
    { "GET", "/visit/a", 200, "\"is_new_visitor\":true", 1, { "peer", "2001:db8::1" } },
    { "GET", "/visit/a", 200, "\"is_new_visitor\":false", 1, { "peer", "2001:db8::2" } },

    { "GET", "/badge/a?color=nope", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?value=both", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?value=", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=2", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&label=%0a", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&label=%ff", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&label=%00", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&label=50%", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&%=1", 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?hit=1&label=" A200, 400, "\"code\":\"bad_parameter\"", 0 },
    { "GET", "/badge/a?label=a+b%2Bc", 200, "a b+c", 0 },
    { "GET", "/badge/a?l%61bel=x1&label=x2", 200, "x1", 0 },
    { "GET", "/badge/a?&&label=&x&color=%23123456", 200, "#123456", 0 },
    { "GET", "/badge/a?hit=0&hit=1", 200, "<svg", 0 },
    { "GET", "/badge/a?value=unique", 200, "visitors", 0 },
};

static void ask_rows(struct site *site)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const char *headers[3] = { row->header[0], row->header[1], NULL };
        int64_t before = site_sum(site);
        const struct reply *reply = site_ask(site, row->method, row->target, headers);
        int64_t counted = site_sum(site) - before;
        if (strstr(reply->body, "\"is_new_visitor\":true") != NULL)
            counted--; /* who is new is in the sum too */
        if (reply->status != row->status || strstr(reply->body, row->body) == NULL || counted != row->counted)
            fail_msg("row %zu: %s %s: %d, %lld counted\n%s%s", i, row->method, row->target, reply->status,
                     (long long)counted, reply->headers, reply->body);
        assert_int_equal(reply->without_body, strcmp(row->method, "HEAD") == 0);
        assert_string_equal(header_of(reply, "X-Content-Type-Options"), "nosniff");
        assert_int_equal(strcmp(header_of(reply, "Allow"), "") != 0,
                         reply->status == 405 || (reply->status == 204 && strcmp(row->method, "OPTIONS") == 0));
        if (reply->status >= 400)
            assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
    }
}

static void routes(void **state)
{
    (void)state;
    both_ways(ask_rows, NULL, NULL);
}

static void whole_answers(struct site *site)
{
    const struct reply *reply = site_get(site, "/visit/x");
    expect_status(reply, 200);
    assert_string_equal(reply->body, "{\"counter\":\"x\",\"count\":1,\"total_visits\":1,\"unique_visitors\":1,"
                                     "\"is_new_visitor\":true}\n");
    assert_string_equal(reply->headers, "Content-Type: application/json\nX-Content-Type-Options: nosniff\n"
                                        "Cache-Control: no-store\nAccess-Control-Allow-Origin: *\n");
    assert_string_equal(reply->logged, "/visit/x");
    reply = site_ask(site, "POST", "/visit/x?y", NULL);
    assert_string_equal(reply->body, "{\"counter\":\"x\",\"count\":2,\"total_visits\":2,\"unique_visitors\":1,"
                                     "\"is_new_visitor\":false}\n");
    assert_string_equal(reply->logged, "/visit/x");
    reply = site_ask(site, "HEAD", "/visit/x", NULL);
    assert_string_equal(reply->body, "{\"counter\":\"x\",\"count\":2,\"total_visits\":2,\"unique_visitors\":1}\n");
    reply = site_get(site, "/counter/x");
    assert_string_equal(reply->body, "{\"counter\":\"x\",\"count\":2,\"total_visits\":2,\"unique_visitors\":1}\n");
    assert_string_equal(header_of(reply, "Cache-Control"), "public, max-age=5");
    reply = site_get(site, "/counter/y");
    assert_string_equal(reply->body, "{\"error\":\"there is no such counter\",\"code\":\"no_such_counter\"}\n");
    reply = site_get(site, "/badge/x");
    assert_string_equal(header_of(reply, "Content-Type"), "image/svg+xml");
    assert_string_equal(header_of(reply, "Cache-Control"), "public, max-age=60");
    assert_string_equal(header_of(reply, "Cross-Origin-Resource-Policy"), "cross-origin");
    expect_body(reply, ">2</");
    reply = site_get(site, "/badge/x?hit=1");
    assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
    assert_string_equal(header_of(reply, "ETag"), "");
    expect_body(reply, ">3</");
    reply = site_ask(site, "HEAD", "/badge/x?hit=1", NULL);
    assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
    expect_body(reply, ">3</");
    expect_body(site_get(site, "/badge/x?value=unique"), ">1</");
    expect_numbers(site, "x", 1, 3, 1);
    reply = site_get(site, "/");
    assert_string_equal(header_of(reply, "Cache-Control"), "no-cache");
    assert_true(strncmp(header_of(reply, "Content-Type"), "text/html", 9) == 0);
    assert_string_not_equal(header_of(reply, "Content-Security-Policy"), "");
    reply = site_get(site, "/footfall.js");
    assert_string_equal(header_of(reply, "Cache-Control"), "public, max-age=3600");
    assert_string_equal(header_of(reply, "Cross-Origin-Resource-Policy"), "cross-origin");
    assert_string_equal(header_of(site_ask(site, "PATCH", "/visit", NULL), "Allow"), "GET, HEAD, POST, OPTIONS");
    assert_string_equal(header_of(site_ask(site, "PATCH", "/counter/x", NULL), "Allow"), "GET, HEAD, OPTIONS");
}

static void answers(void **state)
{
    (void)state;
    both_ways(whole_answers, NULL, NULL);
}

static void root_of_lambda(struct site *site)
{
    const struct reply *reply = site_get(site, "/");
    expect_body(reply, "{\"counter\":\"home\",\"count\":1,");
    expect_body(site_ask(site, "POST", "/?a=b", NULL), "{\"counter\":\"home\",\"count\":2,");
    expect_body(site_ask(site, "HEAD", "/", NULL), "{\"counter\":\"home\",\"count\":2,");
    expect_body(site_get(site, "/visit"), "{\"counter\":\"home\",\"count\":3,");
    expect_status(site_ask(site, "PUT", "/", NULL), 405);
    expect_numbers(site, "home", 1, 3, 1);
}

static void root(void **state)
{
    const struct footfall_web_options options = { .page_at_root = 0 };
    (void)state;
    both_ways(root_of_lambda, &options, HEADERS("http.default_counter", "home", "http.max_counters", "1"));
}

/* ---- what HEAD and others that do not count are told ------------------------------------------------------------------------------ */

static void heads(struct site *site)
{
    static const char *const targets[] = { "/counter/a", "/counter/b", "/badge/a", "/",        "/footfall.js",
                                           "/healthz",   "/readyz",    "/nothing", "/visit/%", "/badge/a?color=nope" };
    expect_status(site_get(site, "/visit/a"), 200);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        static struct reply got;
        const struct reply *head = NULL;
        got = *site_get(site, targets[i]);
        head = site_ask(site, "HEAD", targets[i], NULL);
        assert_int_equal(head->status, got.status);
        assert_int_equal(head->bytes, got.bytes);
        assert_string_equal(head->headers, got.headers);
        assert_true(head->without_body && !got.without_body);
    }
    expect_numbers(site, "a", 1, 1, 1);
    expect_numbers(site, "b", 0, 0, 0);
}

static void head_is_get_without_a_body(void **state)
{
    (void)state;
    both_ways(heads, NULL, NULL);
}

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

static void decoded_already(void **state)
{
    struct site site;
    struct footfall_web_request request = {
        .method = "GET", .path = "/visit/a%41\0b", .path_bytes = 11, .path_decoded = 1
    };
    struct footfall_web_exchange *x = NULL;
    (void)state;
    site_open(&site, NULL, NULL);
    request.peer = "192.0.2.1";
    x = footfall__web_begin(site.web, &request);
    footfall__web_run(x);
    assert_non_null(strstr(footfall__web_response(x)->body, "\"counter\":\"a%41\""));
    footfall__web_end(x);
    request.path_bytes = 13; /* with its NUL */
    x = footfall__web_begin(site.web, &request);
    assert_int_equal(footfall__web_response(x)->status, 400);
    assert_string_equal(footfall__web_logged(x), "/visit/a%41?b");
    footfall__web_end(x);
    site_close(&site);
}

static void every_byte(void **state)
{
    struct site site;
    (void)state;
    site_open(&site, NULL, NULL);
    for (int c = 0; c < 256; c++) {
        char target[32];
        const char name[2] = { (char)c, '\0' };
        const struct reply *reply = NULL;
        json_t *body = NULL;
        snprintf(target, sizeof target, "/visit/%%%02x", (unsigned)c);
        reply = site_get(&site, target);
        expect_status(reply, c >= 0x20 && c < 0x7f ? 200 : 400);
        body = json_loads(reply->body, 0, NULL);
        assert_non_null(body);
        if (reply->status == 200)
            assert_string_equal(json_string_value(json_object_get(body, "counter")), name);
        json_decref(body);
    }
    site_close(&site);
}

static void longest_names(void **state)
{
    struct site site;
    char target[16 + 3 * 201];
    json_t *body = NULL;
    (void)state;
    site_open(&site, NULL, NULL);
    snprintf(target, sizeof target, "/visit/");
    for (int i = 0; i < 200; i++)
        snprintf(target + 7 + 3 * i, 4, "%%%02x", i % 2 ? '"' : '\\');
    body = json_loads(site_get(&site, target)->body, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(body, "counter")), 200);
    json_decref(body);
    snprintf(target + 7 + 600, 4, "%%41");
    expect_code(site_get(&site, target), 400, "bad_counter");
    site_close(&site);
}

static void long_targets(void **state)
{
    static char target[100001];
    struct site site;
    (void)state;
    site_open(&site, NULL, NULL);
    memset(target, 'a', sizeof target - 1);
    memcpy(target, "/visit/", 7);
    expect_code(site_get(&site, target), 414, "target_too_long");
    target[8194] = '\0'; /* '?' is neither path nor query */
    target[8] = '?';
    expect_code(site_get(&site, target), 414, "target_too_long");
    target[8193] = '\0';
    expect_body(site_get(&site, target), "{\"counter\":\"a\",");
    memset(target, '%', sizeof target - 1);
    memcpy(target, "/visit/", 7);
    target[8000] = '\0';
    expect_code(site_get(&site, target), 400, "bad_counter");
    assert_true(strlen(site_get(&site, target)->logged) < 256);
    memset(target, 'a', sizeof target - 1);
    memcpy(target, "/visit/", 7);
    target[8000] = '\0';
    expect_body(site_get(&site, target), "is too long: 7993 bytes");
    site_close(&site);
}

static void hostile_logs(void **state)
{
    struct site site;
    (void)state;
    site_open(&site, NULL, NULL);
    assert_string_equal(site_get(&site, "/a\"b\\c\x1b[1m\n \x7f\xe2?d")->logged, "/a?b?c?[1m????");
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),
        cmocka_unit_test(answers),
        cmocka_unit_test(root),
        cmocka_unit_test(head_is_get_without_a_body),
        cmocka_unit_test(decoded_already),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(longest_names),
        cmocka_unit_test(long_targets),
        cmocka_unit_test(hostile_logs),
    };
    return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
