/* test_web_limits.c: how many counters there may be, also when many ask at once; requests a second; what a front end refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "footfall_admin.h"
#include "handle.h"
#include "web_site.h"

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
enum { THREADS = 8 };

static int count_one(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)total;
    (void)unique;
    ++*(int *)user;
    return 0;
}

static int counters(struct site *site)
{
    int count = 0;
    assert_int_equal(footfall_list(site->ff, "", NULL, NULL, count_one, &count, NULL), FOOTFALL_OK);
    return count;
}

/* ---- one after another --------------------------------------------------------------------------------------------------- */

static void three(struct site *site)
{
    expect_status(site_get(site, "/visit/a"), 200);
    expect_status(site_get(site, "/badge/b?hit=1"), 200);
    expect_status(site_get(site, "/visit/c"), 200);
    expect_code(site_get(site, "/visit/d"), 403, "too_many_counters");
    expect_code(site_get(site, "/badge/d?hit=1"), 403, "too_many_counters");
    expect_code(site_get(site, "/visit"), 403, "too_many_counters");
    expect_status(site_ask(site, "HEAD", "/visit/d", NULL), 200);
    expect_status(site_get(site, "/badge/d"), 200);
    expect_body(site_get(site, "/visit/a"), "\"count\":2,");
    expect_body(site_get(site, "/visit/b"), "\"count\":2,");
    expect_body(site_get(site, "/visit/c"), "\"count\":2,");
    assert_int_equal(counters(site), 3);
    expect_numbers(site, "d", 0, 0, 0);
}

static void existing_only(struct site *site)
{
    expect_code(site_get(site, "/visit/a"), 404, "no_such_counter");
    expect_code(site_get(site, "/badge/a?hit=1"), 404, "no_such_counter");
    expect_code(site_get(site, "/visit"), 404, "no_such_counter");
    assert_int_equal(counters(site), 0);
    assert_int_equal(support_add(site->ff, "a", 0, 0, NULL), FOOTFALL_OK);
    expect_body(site_get(site, "/visit/a"), "\"count\":1,");
    expect_status(site_get(site, "/badge/a?hit=1"), 200);
    expect_numbers(site, "a", 1, 2, 1);
}

static void limits(void **state)
{
    const struct footfall_web_options free_of_limits = { .limit_counters = 0 };
    struct site site;
    (void)state;
    both_ways(three, NULL, HEADERS("http.max_counters", "3"));
    both_ways(existing_only, NULL, HEADERS("http.create", "false", "http.max_counters", "1"));
    both_ways(existing_only, &free_of_limits, HEADERS("http.create", "no"));
    site_open(&site, &free_of_limits, HEADERS("http.max_counters", "1"));
    expect_status(site_get(&site, "/visit/a"), 200);
    expect_status(site_get(&site, "/visit/b"), 200);
    site_close(&site);
}

static void not_known_yet(void **state)
{
    struct site site;
    struct footfall_error err;
    const struct reply *reply = NULL;
    (void)state;
    site_open_unknown(&site, NULL, HEADERS("http.max_counters", "2"));
    assert_int_equal(support_add(site.ff, "a", 1, 0, NULL), FOOTFALL_OK);
    expect_body(site_get(&site, "/visit/a"), "\"count\":2,");
    reply = site_get(&site, "/visit/b");
    expect_code(reply, 503, "temporary");
    assert_string_equal(header_of(reply, "Retry-After"), "1");
    expect_numbers(&site, "b", 0, 0, 0);
    assert_int_equal(footfall__web_know_counters(site.web, &err), FOOTFALL_OK);
    expect_status(site_get(&site, "/visit/b"), 200);
    expect_code(site_get(&site, "/visit/c"), 403, "too_many_counters");
    assert_int_equal(footfall__web_know_counters(site.web, NULL), FOOTFALL_OK);
    expect_code(site_get(&site, "/visit/c"), 403, "too_many_counters");
    site_close(&site);
}

/* More than there may be, from before: deleting one makes no room yet. */
static void too_many_already(void **state)
{
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    const char *const *admin = HEADERS("Authorization", "Bearer 0123456789abcdef");
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef\n", 17);
    site_open_unknown(&site, NULL, HEADERS("http.max_counters", "2", "http.admin_token_file", path));
    for (char name[] = "a"; name[0] <= 'e'; name[0]++)
        assert_int_equal(support_add(site.ff, name, 1, 0, NULL), FOOTFALL_OK);
    assert_int_equal(footfall__web_know_counters(site.web, NULL), FOOTFALL_OK);
    expect_code(site_get(&site, "/visit/f"), 403, "too_many_counters");
    expect_status(site_get(&site, "/visit/e"), 200);
    expect_status(site_ask(&site, "DELETE", "/counter/a", admin), 200);
    expect_status(site_ask(&site, "DELETE", "/counter/b", admin), 200); /* and three are left */
    expect_code(site_get(&site, "/visit/f"), 403, "too_many_counters");
    site_close(&site);
    support_folder_remove(folder);
}

static void places_come_free(void **state)
{
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    const char *const *admin = HEADERS("Authorization", "Bearer 0123456789abcdef");
    const char *const *once = HEADERS("Authorization", "Bearer 0123456789abcdef", "Idempotency-Key", "once");
    static const char body[] = "{\"total_visits\":1}";
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef\n", 17);
    site_open(&site, NULL, HEADERS("http.max_counters", "2", "http.admin_token_file", path));
    expect_status(site_get(&site, "/visit/a"), 200);
    expect_status(site_get(&site, "/visit/b"), 200);
    expect_code(site_get(&site, "/visit/c"), 403, "too_many_counters");
    expect_code(site_ask(&site, "DELETE", "/counter/c", admin), 404, "no_such_counter");
    expect_code(site_get(&site, "/visit/c"), 403, "too_many_counters");
    expect_status(site_ask(&site, "DELETE", "/counter/a", once), 200);
    expect_body(site_ask(&site, "DELETE", "/counter/a", once),
                "\"replayed\":true"); /* and no second place comes free */
    expect_status(site_get(&site, "/visit/c"), 200);
    expect_code(site_get(&site, "/visit/a"), 403, "too_many_counters");
    expect_status(site_send(&site, "PUT", "/counter/d", admin, body, sizeof body - 1), 201); /* may always */
    expect_status(site_send(&site, "PUT", "/counter/d", admin, body, sizeof body - 1), 200);
    expect_status(site_ask(&site, "DELETE", "/counter/b", admin), 200);
    expect_code(site_get(&site, "/visit/a"), 403, "too_many_counters"); /* c and d */
    expect_status(site_ask(&site, "DELETE", "/counter/d", admin), 200);
    expect_status(site_get(&site, "/visit/a"), 200);
    expect_code(site_get(&site, "/visit/b"), 403, "too_many_counters");
    site_close(&site);
    support_folder_remove(folder);
}

/* Counters that somebody else made have no place of their own, and leave none when they go. */
static void made_elsewhere(void **state)
{
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    const char *const *admin = HEADERS("Authorization", "Bearer 0123456789abcdef");
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef\n", 17);
    site_open(&site, NULL, HEADERS("http.max_counters", "1", "http.admin_token_file", path));
    assert_int_equal(support_add(site.ff, "x", 1, 0, NULL), FOOTFALL_OK);
    expect_status(site_ask(&site, "DELETE", "/counter/x", admin), 200);
    expect_status(site_get(&site, "/visit/a"), 200);
    expect_code(site_get(&site, "/visit/b"), 403, "too_many_counters");
    site_close(&site);
    support_folder_remove(folder);
}

/* ---- at once ------------------------------------------------------------------------------------------------------------------ */

struct crowd {
    struct footfall_web *web;
    int same; /* all for one counter; else each for its own */
    int rounds;
    atomic_int waiting, statuses[1000];
};

static void *ask_at_once(void *user)
{
    struct crowd *crowd = user;
    int me = atomic_fetch_add(&crowd->waiting, 1);
    while (atomic_load(&crowd->waiting) < THREADS)
        continue;
    for (int i = 0; i < crowd->rounds; i++) {
        struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
        struct footfall_web_exchange *x = NULL;
        char target[32];
        snprintf(target, sizeof target, "/visit/%d-%d", i, crowd->same ? 0 : me);
        footfall__web_target(&request, target, strlen(target));
        x = footfall__web_begin(crowd->web, &request);
        footfall__web_run(x);
        atomic_fetch_add(&crowd->statuses[footfall__web_response(x)->status], 1);
        footfall__web_end(x);
    }
    return NULL;
}

static void crowd_comes(struct crowd *crowd)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_at_once, crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Whoever asks for the counter that another one is just making gets it, although the last place is taken. */
static void one_new_counter(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct site site;
        struct crowd crowd = { .same = 1, .rounds = 1 };
        site_open(&site, NULL, HEADERS("http.max_counters", "1"));
        crowd.web = site.web;
        crowd_comes(&crowd);
        assert_int_equal(atomic_load(&crowd.statuses[200]), THREADS);
        expect_numbers(&site, "0-0", 1, THREADS, 1);
        expect_code(site_get(&site, "/visit/other"), 403, "too_many_counters");
        site_close(&site);
    }
}

static void many_new_counters(void **state)
{
    struct site site;
    struct crowd crowd = { .rounds = 50 };
    (void)state;
    site_open(&site, NULL, HEADERS("http.max_counters", "123"));
    crowd.web = site.web;
    crowd_comes(&crowd);
    assert_int_equal(counters(&site), 123);
    assert_int_equal(atomic_load(&crowd.statuses[200]), 123);
    assert_int_equal(atomic_load(&crowd.statuses[403]), 50 * THREADS - 123);
    site_close(&site);
}

/* Nobody keeps a place that somebody else's counter has. */
static void shared_new_counters(void **state)
{
    struct site site;
    struct crowd crowd = { .same = 1, .rounds = 50 };
    (void)state;
    site_open(&site, NULL, HEADERS("http.max_counters", "51"));
    crowd.web = site.web;
    crowd_comes(&crowd);
    assert_int_equal(atomic_load(&crowd.statuses[200]), 50 * THREADS);
    expect_status(site_get(&site, "/visit/last"), 200);
    expect_code(site_get(&site, "/visit/more"), 403, "too_many_counters");
    site_close(&site);
}

struct late {
    struct footfall_web *web;
    atomic_int begun;
    int spins;
};

static void *make_one(void *user)
{
    static const struct footfall_web_header token = { "Authorization", "Bearer 0123456789abcdef" };
    static const char body[] = "{\"total_visits\":1}";
    struct late *late = user;
    struct footfall_web_request request = {
        .method = "PUT", .headers = &token, .header_count = 1, .body = body, .body_bytes = sizeof body - 1
    };
    struct footfall_web_exchange *x = NULL;
    footfall__web_target(&request, "/counter/first", 14);
    while (!atomic_load(&late->begun))
        continue;
    for (volatile int i = 0; i < late->spins; i++)
        continue;
    x = footfall__web_begin(late->web, &request);
    footfall__web_run(x);
    if (footfall__web_response(x)->status != 201)
        abort();
    footfall__web_end(x);
    return NULL;
}

/* What administration makes while counters are counted has a place, whether the list had come past it or not. */
static void made_while_counting(void **state)
{
    enum { MANY = 1500, ROUNDS = 60 };
    const struct footfall_web_options options = { .limit_counters = 1 };
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef\n", 17);
    site_open_unknown(&site, NULL, HEADERS("http.max_counters", "1501", "http.admin_token_file", path));
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        assert_int_equal(support_add(site.ff, name, 1, 0, NULL), FOOTFALL_OK);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct late late = { .spins = round * 2500 };
        pthread_t thread;
        footfall__web_close(site.web);
        assert_int_equal(footfall__web_open(&site.web, site.ff, site.config, &options, NULL), FOOTFALL_OK);
        late.web = site.web;
        assert_int_equal(pthread_create(&thread, NULL, make_one, &late), 0);
        atomic_store(&late.begun, 1);
        assert_int_equal(footfall__web_know_counters(site.web, NULL), FOOTFALL_OK);
        pthread_join(thread, NULL);
        assert_int_equal(counters(&site), MANY + 1);
        expect_code(site_get(&site, "/visit/more"), 403, "too_many_counters");
        expect_status(site_ask(&site, "DELETE", "/counter/first", HEADERS("Authorization", "Bearer 0123456789abcdef")),
                      200);
    }
    site_close(&site);
    support_folder_remove(folder);
}

/* ---- requests a second ---------------------------------------------------------------------------------------------------------- */

static void rates(void **state)
{
    struct site site;
    int told = 0;
    const struct reply *reply = NULL;
    (void)state;
    site_open(&site, NULL, HEADERS("http.requests_per_second", "1"));
    expect_status(site_get(&site, "/visit/a"), 200);
    for (int i = 0; i < 200 && !told; i++) {
        reply = site_get(&site, "/visit/a");
        told = reply->status == 429;
    }
    assert_true(told);
    expect_code(reply, 429, "too_many_requests");
    assert_string_equal(header_of(reply, "Retry-After"), "1");
    assert_string_equal(header_of(reply, "Access-Control-Expose-Headers"), "Retry-After");
    expect_status(site_ask(&site, "GET", "/visit/a", HEADERS("peer", "192.0.2.2")), 200);
    for (int i = 0; i < 20; i++) {
        expect_status(site_get(&site, "/healthz"), 200); /* machines that watch ask often */
        expect_status(site_ask(&site, "GET", "/counter/a", HEADERS("peer", "none")), 200);
    }
    site_close(&site);
}

/* ---- refused by the front end ----------------------------------------------------------------------------------------------------- */

static const struct footfall_web_response *refuse(struct footfall_web_exchange **x, struct site *site,
                                                  const char *target, enum footfall_web_refusal why)
{
    struct footfall_web_request request = { .method = "POST", .peer = "192.0.2.1" };
    footfall__web_target(&request, target, strlen(target));
    *x = footfall__web_refuse(site->web, &request, why);
    assert_non_null(*x);
    assert_int_equal(footfall__web_state(*x), FOOTFALL_WEB_ANSWERED);
    return footfall__web_response(*x);
}

static void refusals(void **state)
{
    struct site site;
    struct footfall_web_exchange *x = NULL;
    const struct footfall_web_response *response = NULL;
    (void)state;
    site_open(&site, NULL, NULL);
    response = refuse(&x, &site, "/visit/a", FOOTFALL_WEB_BODY_TOO_LARGE);
    assert_int_equal(response->status, 413);
    assert_non_null(strstr(response->body, "\"code\":\"body_too_large\""));
    footfall__web_end(x);
    response = refuse(&x, &site, "/visit/a", FOOTFALL_WEB_MALFORMED);
    assert_int_equal(response->status, 400);
    assert_non_null(strstr(response->body, "\"code\":\"bad_request\""));
    footfall__web_end(x);
    response = refuse(&x, &site, "/visit/a", FOOTFALL_WEB_BUSY);
    assert_int_equal(response->status, 503);
    assert_non_null(strstr(response->body, "\"code\":\"temporary\""));
    footfall__web_end(x);
    footfall__web_end(NULL);
    expect_numbers(&site, "a", 0, 0, 0);
    site_close(&site);
}

/* ---- configuration ------------------------------------------------------------------------------------------------------------------ */

static void configuration(void **state)
{
    static const char *const wrong[][2] = {
        { "http.create", "perhaps" },
        { "http.max_counters", "0" },
        { "http.max_counters", "2147483648" },
        { "http.default_counter", "" },
        { "http.default_counter", A50 A50 A50 A50 "a" },
        { "http.requests_per_second", "-1" },
        { "http.requests_per_second", "1000001" },
        { "http.cors_origins", "example.org" },
        { "http.trusted_proxies", "10.0.0.0/33" },
        { "http.address_header", "a b" },
        { "http.admin_token_file", "/nowhere/token" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct footfall_error err;
        if (site_try(HEADERS(wrong[i][0], wrong[i][1]), &err) != FOOTFALL_CONFIG ||
            strstr(err.text, wrong[i][0]) == NULL || err.status != FOOTFALL_CONFIG)
            fail_msg("%s = %s: %s", wrong[i][0], wrong[i][1], err.text);
        assert_int_equal(site_try(HEADERS(wrong[i][0], wrong[i][1]), NULL), FOOTFALL_CONFIG);
    }
    assert_int_equal(site_try(NULL, NULL), FOOTFALL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),
        cmocka_unit_test(not_known_yet),
        cmocka_unit_test(too_many_already),
        cmocka_unit_test(places_come_free),
        cmocka_unit_test(made_elsewhere),
        cmocka_unit_test(one_new_counter),
        cmocka_unit_test(many_new_counters),
        cmocka_unit_test(shared_new_counters),
        cmocka_unit_test(made_while_counting),
        cmocka_unit_test(rates),
        cmocka_unit_test(refusals),
        cmocka_unit_test(configuration),
    };
    return cmocka_run_group_tests_name("web_limits", tests, NULL, NULL);
}
