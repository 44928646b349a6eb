/* test_lambda_limits.c: what is answered when there is too little time, no store, an unknown outcome or no memory, and that
 * nothing is counted that is not said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "fault_store.h"
#include "handle.h"
#include "lambda_case.h"

static json_t *visit(size_t k)
{
    return event_with(event_kinds[k].fixture, event_kinds[k].path_field, json_string("/visit/a"));
}

static void from_now_on(enum fault fault)
{
    const struct fault_plan plan = { .marks = 1, .no_resend = 1, .rest = fault };
    fault_store_plan(&plan);
}

/* ---- time -------------------------------------------------------------------------------------------------------------------- */

static void too_late(void **state)
{
    static const int64_t late[] = { INT64_MIN, -5000, -1, 0, 1, 100, 149 };
    static const int64_t enough[] = { 1000, UINT32_MAX, UINT32_MAX + INT64_C(100), UINT32_MAX + INT64_C(101),
                                      INT64_MAX };
    (void)state;
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        struct site site;
        json_t *event = visit(k);
        const struct answered *answered = NULL;
        lambda_site_open(&site, NULL);
        for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
            answered = event_answer_in(&site, event, late[i]);
            answered_expect(answered, 503, "\"code\":\"temporary\"");
            assert_string_equal(reply_header(answered->root, "Retry-After"), "1");
            assert_string_equal(reply_header(answered->root, "Access-Control-Allow-Origin"), "*");
        }
        assert_int_equal(site_sum(&site), 0);
        for (size_t i = 0; i < sizeof enough / sizeof enough[0]; i++)
            answered_expect(event_answer_in(&site, event, enough[i]), 200, "count");
        expect_numbers(&site, "a", 1, sizeof enough / sizeof enough[0], 1);
        json_decref(event);
        site_close(&site);
    }
}

/* What needs no store is answered at any time. */
static void never_too_late(void **state)
{
    struct site site;
    json_t *event = event_load("url");
    (void)state;
    lambda_site_open(&site, NULL);
    event_set(event, "rawPath", json_string("/healthz"));
    answered_expect(event_answer_in(&site, event, -1), 200, "ok");
    event_set(event, "rawPath", json_string("/nothing"));
    answered_expect(event_answer_in(&site, event, -1), 404, "not_found");
    event_set(event, "rawPath", json_string("/visit/a"));
    event_set(event, "requestContext.http.sourceIp", json_string("IP"));
    answered_expect(event_answer_in(&site, event, -1), 400, "bad_address");
    json_decref(event);
    event = event_load("rest-preflight");
    assert_int_equal(event_answer_in(&site, event, -1)->status, 204);
    json_decref(event);
    assert_int_equal(site_sum(&site), 0);
    site_close(&site);
}

/* With 50 ms left for the store it is asked, whatever it says; with less it is not. */
static void just_enough(void **state)
{
    struct site site;
    json_t *event = visit(0);
    int asked = 0;
    (void)state;
    lambda_site_open(&site, HEADERS("backend", "faulty", "faulty.name", "just_enough"));
    from_now_on(FAULT_BROKEN);
    event_answer_in(&site, event, 149);
    assert_int_equal(fault_store_counts().attempts, 0);
    for (int i = 0; i < 100 && !asked; i++) { /* a machine may take 50 ms for nothing */
        event_answer_in(&site, event, 150);
        asked = fault_store_counts().attempts > 0;
    }
    assert_true(asked);
    site_close(&site);
    json_decref(event);
}

/* Who does not ask why is not told. */
static void without_error(void **state)
{
    struct site site;
    char *reply = NULL;
    size_t bytes = 0;
    (void)state;
    lambda_site_open(&site, NULL);
    assert_int_equal(footfall__lambda_answer(&reply, &bytes, site.web, "{}", 2, INT64_MAX, NULL), FOOTFALL_INVALID);
    assert_null(reply);
    site_close(&site);
}

/* ---- stores ------------------------------------------------------------------------------------------------------------------ */

static void stores(void **state)
{
    static const struct {
        enum fault fault;
        int status;
        const char *code;
    } faults[] = { { FAULT_TEMPORARY, 503, "temporary" },
                   { FAULT_LOSE_BEFORE, 504, "unknown_outcome" },
                   { FAULT_BROKEN, 500, "broken_store" } };
    static const struct fault_plan no_reads = { .marks = 1, .reads_per_mille = 1000 };
    struct site site;
    json_t *event = visit(0);
    json_t *health = event_load("alb-health");
    (void)state;
    lambda_site_open(&site, HEADERS("backend", "faulty", "faulty.name", "stores", "deadline", "1s"));
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        from_now_on(faults[i].fault);
        answered_expect(event_answer(&site, event), faults[i].status, faults[i].code);
    }
    fault_store_plan(&no_reads);
    event_set(health, "path", json_string("/counter/a"));
    answered_expect(event_answer(&site, health), 200, "ok"); /* which asks none */
    assert_int_equal(fault_store_counts().reads_refused, 0);
    json_decref(health);
    from_now_on(FAULT_NONE);
    footfall__web_use(site.web, NULL);
    answered_expect(event_answer(&site, event), 503, "temporary");
    footfall__web_use(site.web, site.ff);
    answered_expect(event_answer(&site, event), 200, "\"count\":1,");
    site_close(&site);
    json_decref(event);
}

/* No longer than what is left, less what the reply takes; a test that waits for the deadline is killed. */
static void waits_for_what_is_left(void **state)
{
    struct site site;
    json_t *event = visit(3);
    int in_time = 0;
    (void)state;
    lambda_site_open(&site, HEADERS("backend", "faulty", "faulty.name", "waits", "deadline", "60s"));
    from_now_on(FAULT_TEMPORARY);
    for (int i = 0; i < 20 && !in_time; i++) { /* a machine may be slow, but not always */
        int64_t began_ms = footfall__boottime_ms();
        answered_expect(event_answer_in(&site, event, 300), 503, "temporary");
        in_time = footfall__boottime_ms() - began_ms < 300;
    }
    assert_true(in_time);
    assert_true(fault_store_counts().attempts >= 1);
    from_now_on(FAULT_NONE);
    answered_expect(event_answer_in(&site, event, 5000), 200, "\"count\":1,");
    site_close(&site);
    json_decref(event);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------- */

static struct {
    int at; /* which allocation fails; 0: none */
    int count;
} failing;

static int refuse_one(void *user)
{
    (void)user;
    return ++failing.count == failing.at;
}

static void *fail_one(size_t bytes)
{
    return ++failing.count == failing.at ? NULL : malloc(bytes);
}

static int64_t total_of(struct site *site)
{
    return support_read(site->ff, "a").total;
}

/* jansson's own reading does not survive that memory is short (2.14 drops bytes and goes on), so only what comes after it is
 * tried. */
static int allocations_of_reading(const char *text)
{
    failing.at = failing.count = 0;
    json_set_alloc_funcs(fail_one, free);
    json_decref(json_loads(text, JSON_ALLOW_NUL, NULL));
    return failing.count;
}

/* With one allocation after the other failing. */
static void fail_each(const char *text, int in_json)
{
    struct site site;
    json_malloc_t make = NULL;
    json_free_t drop = NULL;
    int failed = 0;
    int first = 1;
    lambda_site_open(&site, NULL);
    json_get_alloc_funcs(&make, &drop);
    if (in_json)
        first += allocations_of_reading(text);
    for (int at = first, done = 0; !done; at++) {
        int64_t before = total_of(&site);
        struct footfall_error err;
        char *reply = NULL;
        size_t bytes = 0;
        int rc = 0;
        failing.at = at;
        failing.count = 0;
        if (in_json)
            json_set_alloc_funcs(fail_one, drop);
        else
            footfall__alloc_hook(refuse_one, NULL);
        rc = footfall__lambda_answer(&reply, &bytes, site.web, text, strlen(text), INT64_MAX, &err);
        footfall__alloc_hook(NULL, NULL);
        json_set_alloc_funcs(make, drop);
        done = failing.count < at;
        assert_int_equal(err.status, rc);
        if (rc != FOOTFALL_OK) {
            assert_int_equal(rc, FOOTFALL_NO_MEMORY);
            assert_null(reply);
            assert_int_equal(total_of(&site), before);
            failed++;
        } else {
            json_t *root = json_loadb(reply, bytes, 0, NULL);
            json_int_t status = json_integer_value(json_object_get(root, "statusCode"));
            assert_true(status == 200 || status == 500 || status == 503 || status == 504);
            if (status == 200 || status == 504)
                assert_int_equal(total_of(&site), before + 1);
            else
                assert_int_equal(total_of(&site), before);
            json_decref(root);
        }
        assert_true(!done || rc == FOOTFALL_OK);
        free(reply);
    }
    assert_true(in_json || failed >= 3);
    site_close(&site);
}

static void no_memory(void **state)
{
    static const char nul_key[] = "{\"\\u0000\":1,\"cookies\":[\"a\\nb\"],\"rawPath\":\"/visit/"
                                  "a\",\"requestContext\":{\"http\":{\"method\":\"GET\",\"sourceIp\":\"192.0.2.1\"}}}";
    (void)state;
    from_now_on(FAULT_NONE);
    for (size_t k = 0; k < EVENT_KINDS; k++) {
        json_t *event = visit(k);
        char *text = NULL;
        if (k == 2) { /* with everything that is allocated */
            event_set(event, "cookies", json_pack("[s]", "a\nb"));
            event_set(event, "body", json_string("YWJj"));
            event_set(event, "isBase64Encoded", json_true());
            event_set(event, "headers.x", json_string("a\nb"));
        }
        text = json_dumps(event, 0);
        fail_each(text, 0);
        fail_each(text, 1);
        free(text);
        json_decref(event);
    }
    fail_each(nul_key, 0);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_late),
        cmocka_unit_test(just_enough),
        cmocka_unit_test(never_too_late),
        cmocka_unit_test(stores),
        cmocka_unit_test(without_error),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(waits_for_what_is_left),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    fault_store_register();
    from_now_on(FAULT_NONE);
    return cmocka_run_group_tests_name("lambda_limits", tests, NULL, NULL);
}
