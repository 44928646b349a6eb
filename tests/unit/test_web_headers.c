/* test_web_headers.c: headers in and out: CORS, ETag, tokens, whose visit it is, and what is warned of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "footfall_admin.h"
#include "handle.h"
#include "web_site.h"

/* ---- other origins ------------------------------------------------------------------------------------------------------- */

#define OURS "https://a.example"
#define PREFLIGHT(origin, method) HEADERS("Origin", origin, "Access-Control-Request-Method", method)

static void expect_origin(const struct reply *reply, const char *origin, const char *vary)
{
    if (strcmp(header_of(reply, "Access-Control-Allow-Origin"), origin) != 0 ||
        strcmp(header_of(reply, "Vary"), vary) != 0)
        fail_msg("not \"%s\", Vary \"%s\":\n%s", origin, vary, reply->headers);
    assert_string_equal(header_of(reply, "Access-Control-Allow-Credentials"), "");
}

/* Answers of every kind, errors included. */
static const char *const open_targets[] = { "/visit",          "/visit/%", "/counter/main_page",
                                            "/counter/nobody", "/nothing", "/badge/x",
                                            "/badge/x?hit=9",  "/",        "/readyz",
                                            "/footfall.js",    "/healthz" };
enum { OPEN_TARGETS = sizeof open_targets / sizeof open_targets[0] };

static void any_origin(struct site *site)
{
    const struct reply *reply = NULL;
    for (size_t i = 0; i < OPEN_TARGETS; i++) {
        expect_origin(site_get(site, open_targets[i]), "*", "");
        expect_origin(site_ask(site, "GET", open_targets[i], HEADERS("Origin", OURS)), "*", "");
        expect_origin(site_ask(site, "PATCH", open_targets[i], HEADERS("Origin", "null")), "*", "");
    }
    reply = site_ask(site, "OPTIONS", "/visit/x", PREFLIGHT(OURS, "POST"));
    expect_status(reply, 204);
    expect_origin(reply, "*", "");
    assert_int_equal(reply->bytes, 0);
    assert_string_equal(header_of(reply, "Access-Control-Allow-Methods"), "GET, POST, HEAD");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Headers"), "Idempotency-Key, Content-Type");
    assert_string_equal(header_of(reply, "Access-Control-Max-Age"), "86400");
    assert_string_equal(header_of(reply, "Content-Type"), "");
    expect_numbers(site, "x", 0, 0, 0);
    assert_string_equal(header_of(site_get(site, "/counter/main_page"), "Access-Control-Expose-Headers"), "ETag");
}

static void listed_origins(struct site *site)
{
    static const char *const others[] = {
        "https://a.example.org", "https://A.example",  "http://a.example",     "null", "",
        "https://a.example ",    "https://a.example/", "https://a.example:443"
    };
    const struct reply *reply = NULL;
    for (size_t i = 0; i < OPEN_TARGETS; i++) {
        expect_origin(site_get(site, open_targets[i]), "", "Origin");
        expect_origin(site_ask(site, "GET", open_targets[i], HEADERS("origin", OURS)), OURS, "Origin");
        expect_origin(site_ask(site, "PATCH", open_targets[i], HEADERS("Origin", "http://localhost:3000")),
                      "http://localhost:3000", "Origin");
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        expect_origin(site_ask(site, "GET", "/visit", HEADERS("Origin", others[i])), "", "Origin");
        reply = site_ask(site, "OPTIONS", "/visit/x", PREFLIGHT(others[i], "POST"));
        expect_status(reply, 204);
        expect_origin(reply, "", "Origin");
        assert_string_equal(header_of(reply, "Access-Control-Allow-Methods"), "");
    }
    reply = site_ask(site, "OPTIONS", "/visit/x", PREFLIGHT(OURS, "POST"));
    expect_status(reply, 204);
    expect_origin(reply, OURS, "Origin");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Methods"), "GET, POST, HEAD");
    reply = site_ask(site, "GET", "/counter/main_page", HEADERS("Origin", OURS));
    reply =
        site_ask(site, "GET", "/counter/main_page", HEADERS("Origin", OURS, "If-None-Match", header_of(reply, "ETag")));
    expect_status(reply, 304);
    expect_origin(reply, OURS, "Origin");
    expect_numbers(site, "x", 0, 0, 0);
}

static void no_origin(struct site *site)
{
    for (size_t i = 0; i < OPEN_TARGETS; i++)
        expect_origin(site_ask(site, "GET", open_targets[i], HEADERS("Origin", OURS)), "", "");
    expect_status(site_ask(site, "OPTIONS", "/visit/x", PREFLIGHT(OURS, "POST")), 204);
}

static void origins(void **state)
{
    (void)state;
    both_ways(any_origin, NULL, NULL);
    both_ways(listed_origins, NULL, HEADERS("http.cors_origins", OURS ", http://localhost:3000"));
    both_ways(no_origin, NULL, HEADERS("http.cors_origins", ""));
}

/* ---- what a cache is told --------------------------------------------------------------------------------------------------- */

static void expect_match(struct site *site, const char *target, const char *list, int status)
{
    const struct reply *reply = site_ask(site, "GET", target, HEADERS("If-None-Match", list));
    if (reply->status != status)
        fail_msg("%s, If-None-Match: %s: %d", target, list, reply->status);
    if (status == 304) {
        assert_int_equal(reply->bytes, 0);
        assert_string_equal(header_of(reply, "Content-Type"), "");
        assert_int_equal(strlen(header_of(reply, "ETag")), 34);
        assert_string_not_equal(header_of(reply, "Cache-Control"), "");
    }
}

static void tags_match(struct site *site)
{
    static const char *const targets[] = { "/counter/a", "/badge/a", "/", "/footfall.js",
                                           "/badge/a?value=unique&label=x" };
    expect_status(site_get(site, "/visit/a"), 200);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char tag[64];
        char list[256];
        snprintf(tag, sizeof tag, "%s", header_of(site_get(site, targets[i]), "ETag"));
        assert_int_equal(strlen(tag), 34);
        assert_string_equal(header_of(site_get(site, targets[i]), "ETag"), tag);
        expect_match(site, targets[i], tag, 304);
        expect_match(site, targets[i], "*", 304);
        expect_match(site, targets[i], "\"other\"", 200);
        expect_match(site, targets[i], "", 200);
        expect_match(site, targets[i], ",,\"", 200);
        expect_match(site, targets[i], "W/", 200);
        snprintf(list, sizeof list, "W/%s", tag);
        expect_match(site, targets[i], list, 304);
        snprintf(list, sizeof list, "\"x\", W/\"a, \", \t%s,\"y\"", tag);
        expect_match(site, targets[i], list, 304);
        snprintf(list, sizeof list, "\"%s\"", tag); /* inside of another */
        expect_match(site, targets[i], list, 200);
        snprintf(list, sizeof list, "\"x%s", tag + 1);
        expect_match(site, targets[i], list, 200);
    }
    expect_match(site, "/visit/a", "*", 200);
    expect_match(site, "/badge/a?hit=1", "*", 200);
    expect_match(site, "/counter/nobody", "*", 404);
}

static void tags_differ(struct site *site)
{
    static const char *const targets[] = { "/badge/a",
                                           "/badge/a?label=x",
                                           "/badge/a?label=",
                                           "/badge/a?color=red",
                                           "/badge/a?color=%23123",
                                           "/badge/a?value=unique",
                                           "/badge/b",
                                           "/counter/a",
                                           "/counter/b" };
    char tags[sizeof targets / sizeof targets[0]][64];
    expect_status(site_get(site, "/visit/a"), 200);
    expect_status(site_get(site, "/visit/b"), 200);
    expect_status(site_get(site, "/visit/b"), 200);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        snprintf(tags[i], sizeof tags[i], "%s", header_of(site_get(site, targets[i]), "ETag"));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(tags[i], tags[j]);
    }
    expect_status(site_get(site, "/visit/a"), 200);
    assert_string_not_equal(header_of(site_get(site, "/badge/a"), "ETag"), tags[0]);
    assert_string_not_equal(header_of(site_get(site, "/counter/a"), "ETag"), tags[7]);
}

static void tags(void **state)
{
    (void)state;
    both_ways(tags_match, NULL, NULL);
    both_ways(tags_differ, NULL, NULL);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------------- */

static void tokens_replay(struct site *site)
{
    const char *const *key = HEADERS("Idempotency-Key", "\"one\"");
    expect_body(site_ask(site, "POST", "/visit/a", key), "\"count\":1,\"total_visits\":1,\"unique_visitors\":1,"
                                                         "\"is_new_visitor\":true}");
    expect_status(site_ask(site, "POST", "/visit/a", NULL), 200);
    assert_string_equal(
        site_ask(site, "POST", "/visit/a", key)->body,
        "{\"counter\":\"a\",\"count\":2,\"total_visits\":2,\"unique_visitors\":1,\"is_new_visitor\":true,"
        "\"replayed\":true}\n");
    expect_code(site_ask(site, "GET", "/badge/a?hit=1", key), 400, "bad_token");
    expect_code(site_ask(site, "POST", "/visit/a", HEADERS("Idempotency-Key", "\"one\"", "peer", "192.0.2.77")), 400,
                "bad_token");
    expect_body(site_ask(site, "POST", "/visit/b", key), "\"count\":1,");
    expect_status(site_ask(site, "GET", "/badge/a?hit=1", HEADERS("Idempotency-Key", "two")), 200);
    expect_status(site_ask(site, "GET", "/badge/a?hit=1", HEADERS("Idempotency-Key", "two")), 200);
    expect_numbers(site, "a", 1, 3, 1);
}

static void tokens(void **state)
{
    (void)state;
    both_ways(tokens_replay, NULL, NULL);
}

/* ---- whose visit ---------------------------------------------------------------------------------------------------------------- */

static void direct(struct site *site)
{
    const char *const *forged = HEADERS("X-Forwarded-For", "198.51.100.1", "X-Forwarded-For", "198.51.100.2");
    expect_status(site_get(site, "/visit/a"), 200);
    assert_string_equal(site->log, "");
    expect_status(site_ask(site, "GET", "/visit/a", forged), 200);
    expect_status(site_ask(site, "GET", "/visit/a", forged), 200);
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("CF-Connecting-IP", "198.51.100.1")), 200);
    expect_numbers(site, "a", 1, 4, 1);
    if (strncmp(site->log, "1 a request has X-Forwarded-For, ", 33) != 0 ||
        strchr(site->log, '\n') != site->log + strlen(site->log) - 1 || strstr(site->log, "198.51.") != NULL ||
        strstr(site->log, "192.0.2") != NULL)
        fail_msg("%s", site->log);
}

static void proxied(struct site *site)
{
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("X-Forwarded-For", "198.51.100.1")), 200);
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("X-Forwarded-For", "198.51.100.1, 198.51.100.2")), 200);
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("X-Forwarded-For", "198.51.100.1")), 200);
    expect_numbers(site, "a", 1, 3, 2);
    expect_code(site_get(site, "/visit/a"), 400, "bad_address");
    expect_code(site_ask(site, "GET", "/visit/a", HEADERS("X-Forwarded-For", "unknown")), 400, "bad_address");
    expect_code(site_ask(site, "GET", "/visit/a", HEADERS("X-Forwarded-For", "0.0.0.0")), 400, "bad_address");
    expect_body(site_get(site, "/visit/a"), "X-Forwarded-For");
    expect_numbers(site, "a", 1, 3, 2);
    expect_status(site_ask(site, "HEAD", "/visit/a", NULL), 200); /* nobody's */
    expect_status(site_get(site, "/counter/a"), 200);
    assert_string_equal(
        site->log, "1 a visit is not counted: X-Forwarded-For, in which trusted proxies name the client, is missing\n");
}

static void agents(struct site *site)
{
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("User-Agent", "one")), 200);
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("User-Agent", "two")), 200);
    expect_status(site_ask(site, "GET", "/visit/a", HEADERS("user-agent", "one")), 200);
    expect_status(site_get(site, "/visit/a"), 200);
    expect_numbers(site, "a", 1, 4, 3);
}

static void visitors(void **state)
{
    (void)state;
    both_ways(direct, NULL, NULL);
    both_ways(proxied, NULL, HEADERS("http.trusted_proxies", "192.0.2.1"));
    both_ways(agents, NULL, HEADERS("visitor", "address+agent"));
}

static void peer_keys(void **state)
{
    struct site site;
    (void)state;
    site_open(&site, NULL, HEADERS("http.trusted_proxies", "192.0.2.1 unix"));
    assert_true(footfall__web_peer_key(site.web, "192.0.2.1") == 0);
    assert_true(footfall__web_peer_key(site.web, NULL) == 0);
    assert_true(footfall__web_peer_key(site.web, "192.0.2.2") != 0);
    assert_true(footfall__web_peer_key(site.web, "192.0.2.2") != footfall__web_peer_key(site.web, "192.0.2.3"));
    assert_true(footfall__web_peer_key(site.web, "2001:db8::2") == footfall__web_peer_key(site.web, "2001:db8::3"));
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),  cmocka_unit_test(tags),      cmocka_unit_test(tokens),
        cmocka_unit_test(visitors), cmocka_unit_test(peer_keys),
    };
    return cmocka_run_group_tests_name("web_headers", tests, NULL, NULL);
}
