/* test_lambda_headers.c: headers of events: of one value and of several, with what cannot be in a line, cookies, and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "lambda_case.h"

/* lines: "Name: value" each. */
static void expect_headers(json_t *event, const char *const *lines)
{
    struct footfall__lambda_event read;
    char line[128];
    size_t count = 0;
    event_read(&read, event);
    for (; lines[count] != NULL; count++) {
        assert_true(count < read.request.header_count);
        snprintf(line, sizeof line, "%s: %s", read.request.headers[count].name, read.request.headers[count].value);
        assert_string_equal(line, lines[count]);
    }
    assert_int_equal(read.request.header_count, count);
    footfall__lambda_event_free(&read);
    json_decref(event);
}

static void headers(void **state)
{
    json_t *event = NULL;
    (void)state;
    event = event_with("rest", "multiValueHeaders",
                       json_pack("{s:[s,s,n,i],s:s,s:i,s:n}", "A", "1", "2", 3, "B", "x", "C", 1, "D"));
    expect_headers(event, HEADERS("A: 1", "A: 2", "B: x")); /* those of "headers" are the same once more */
    event = event_with("rest", "multiValueHeaders", json_null());
    event_set(event, "headers", json_pack("{s:s,s:[s],s:n}", "A", "1", "B", "2", "C"));
    expect_headers(event, HEADERS("A: 1"));
    event = event_with("rest", "multiValueHeaders", json_object()); /* nothing is in there */
    event_set(event, "headers", json_pack("{s:s}", "A", "1"));
    expect_headers(event, HEADERS("A: 1"));
    event = event_with("alb", "headers", json_pack("{s:s#}", "A", "x\r\ny\0z", 6));
    expect_headers(event, HEADERS("A: x  y z"));
    event = event_with("url-visit", "headers", json_pack("{s:s,s:s}", "a", "1, 2", "", "\n"));
    event_set(event, "multiValueHeaders", json_pack("{s:[s]}", "b", "3"));
    expect_headers(event, HEADERS("a: 1, 2", ":  "));
    event = event_with("rest", "multiValueHeaders", json_integer(1));
    event_set(event, "headers", json_string("x"));
    expect_headers(event, HEADERS(NULL));
}

static void cookies(void **state)
{
    json_t *event = NULL;
    (void)state;
    event = event_with("http-2", "headers", json_object());
    expect_headers(event, HEADERS("Cookie: theme=dark; lang=en"));
    event = event_with("url-cookies", "headers", json_pack("{s:s}", "cookie", "own=1"));
    expect_headers(event, HEADERS("cookie: own=1"));
    event = event_with("url-cookies", "headers", json_object());
    event_set(event, "cookies", json_pack("[n,s,i,s#]", "a=1", 5, "b\r\n\0=2", 6));
    expect_headers(event, HEADERS("Cookie: a=1; b   =2"));
    event = event_with("url-cookies", "headers", json_object());
    event_set(event, "cookies", json_pack("[n,i]", 1));
    expect_headers(event, HEADERS(NULL));
    event = event_with("url-cookies", "headers", json_object());
    event_set(event, "cookies", json_string("a=1"));
    expect_headers(event, HEADERS(NULL));
    event = event_with("rest", "multiValueHeaders", json_object()); /* format 2.0 only */
    event_set(event, "headers", json_object());
    event_set(event, "cookies", json_pack("[s]", "a=1"));
    expect_headers(event, HEADERS(NULL));
}

/* The same key in each kind: the second time it is replayed. */
static void keys_arrive(void **state)
{
    struct site site;
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        json_t *event = event_load(event_kinds[k].fixture);
        lambda_site_open(&site, NULL);
        event_set(event, event_kinds[k].path_field, json_string("/visit/a"));
        if (json_is_object(json_object_get(event, "multiValueHeaders")))
            event_set(event, "multiValueHeaders.Idempotency-Key", json_pack("[s]", "k1"));
        else
            event_set(event, "headers.idempotency-key", json_string("k1"));
        answered_expect(event_answer(&site, event), 200, "\"count\":1,");
        answered_expect(event_answer(&site, event), 200, "\"replayed\":true");
        expect_numbers(&site, "a", 1, 1, 1);
        site_close(&site);
        json_decref(event);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(cookies),
        cmocka_unit_test(keys_arrive),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    return cmocka_run_group_tests_name("lambda_headers", tests, NULL, NULL);
}
