/* test_web.c: requests and what is answered to them: routes, names, what counts and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_site.h"

/* As an event loop does it, and waiting. */
static void both_ways(void (*test)(struct site *site), const struct footfall_web_options *options, const char *const *pairs)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        struct site site;
        site_open(&site, options, pairs);
        site.blocking = blocking;
        test(&site);
        site_close(&site);
    }
}

static void visit(struct site *site)
{
    const struct reply *reply = site_ask(site, "GET", "/visit", NULL);
    expect_status(reply, 200);
    assert_string_equal(reply->body, "{\"counter\":\"main_page\",\"count\":1,\"total_visits\":1,\"unique_visitors\":1,"
                                     "\"is_new_visitor\":true}\n");
    assert_string_equal(header_of(reply, "Content-Type"), "application/json");
    assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(header_of(reply, "X-Content-Type-Options"), "nosniff");
    reply = site_ask(site, "POST", "/visit/", NULL);
    assert_string_equal(reply->body, "{\"counter\":\"main_page\",\"count\":2,\"total_visits\":2,\"unique_visitors\":1,"
                                     "\"is_new_visitor\":false}\n");
    expect_numbers(site, "main_page", 1, 2, 1);
}

static void visits(void **state)
{
    (void)state;
    both_ways(visit, NULL, NULL);
}

static void read_counter(struct site *site)
{
    const struct reply *reply = site_ask(site, "GET", "/counter/a", NULL);
    expect_code(reply, 404, "no_such_counter");
    expect_status(site_ask(site, "GET", "/visit/a", NULL), 200);
    reply = site_ask(site, "GET", "/counter/a", NULL);
    expect_status(reply, 200);
    assert_string_equal(reply->body, "{\"counter\":\"a\",\"count\":1,\"total_visits\":1,\"unique_visitors\":1}\n");
    assert_string_equal(header_of(reply, "Cache-Control"), "public, max-age=5");
    assert_int_equal(strlen(header_of(reply, "ETag")), 34);
    expect_status(site_ask(site, "GET", "/healthz", NULL), 200);
    expect_status(site_ask(site, "GET", "/readyz", NULL), 200);
}

static void reads(void **state)
{
    (void)state;
    both_ways(read_counter, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(visits), cmocka_unit_test(reads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
