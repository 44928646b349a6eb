/* test_web_faults.c: what is answered when the store fails, does not say what became of an operation, or memory runs out; and
 * that a place for a counter is neither lost nor given twice then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "fault_store.h"
#include "folder.h"
#include "handle.h"
#include "process.h"
#include "web_site.h"

#define FAULTY(name, ...)                                                                                              \
    HEADERS("backend", "faulty", "faulty.name", name, "deadline", "1s", "http.max_counters", "2", ##__VA_ARGS__)

/* What every attempt meets from now on. */
static void from_now_on(enum fault fault, const enum fault *script, size_t count)
{
    const struct fault_plan plan = {
        .marks = 1, .no_resend = 1, .script = script, .script_count = count, .rest = fault
    };
    fault_store_plan(&plan);
}

/* The store could not be opened yet. */
static void without_store(struct site *site)
{
    static const char *const asks[] = { "/visit/a", "/counter/a", "/badge/a", "/badge/a?hit=1", "/readyz", NULL };
    const struct reply *reply = NULL;
    from_now_on(FAULT_NONE, NULL, 0);
    footfall__web_use(site->web, NULL);
    for (size_t i = 0; asks[i] != NULL; i++) {
        reply = site_get(site, asks[i]);
        expect_code(reply, 503, "temporary");
        assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "*");
    }
    expect_status(site_get(site, "/"), 200);
    expect_status(site_get(site, "/healthz"), 200);
    expect_body(site_ask(site, "GET", "/metrics", HEADERS("peer", "127.0.0.1")), "footfall_visits_total");
    expect_code(site_ask(site, "GET", "/visit/a", HEADERS("peer", "none")), 400, "bad_address");
    footfall__web_use(site->web, site->ff);
    expect_status(site_get(site, "/visit/a"), 200);
    expect_numbers(site, "a", 1, 1, 1);
}

static void needs_the_store(void **state)
{
    (void)state;
    both_ways(without_store, NULL, FAULTY("without_store"));
}

static void statuses_of(struct site *site)
{
    const char *const *key = HEADERS("Idempotency-Key", "x");
    const struct reply *reply = NULL;
    from_now_on(FAULT_NONE, NULL, 0);
    expect_status(site_get(site, "/visit/a"), 200);
    from_now_on(FAULT_TEMPORARY, NULL, 0);
    reply = site_get(site, "/visit/a");
    expect_code(reply, 503, "temporary");
    assert_string_equal(header_of(reply, "Retry-After"), "1");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "*");
    from_now_on(FAULT_NO_MEMORY, NULL, 0);
    expect_code(site_get(site, "/visit/a"), 503, "temporary");
    from_now_on(FAULT_LOSE_BEFORE, NULL, 0);
    reply = site_get(site, "/visit/a");
    expect_code(reply, 504, "unknown_outcome");
    assert_string_equal(header_of(reply, "Retry-After"), "");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "*");
    reply = site_ask(site, "GET", "/visit/a", key);
    expect_code(reply, 504, "unknown_outcome");
    assert_string_equal(header_of(reply, "Retry-After"), "1");
    expect_code(site_get(site, "/badge/a?hit=1"), 504, "unknown_outcome");
    assert_string_equal(site->log, "");
    from_now_on(FAULT_BROKEN, NULL, 0);
    expect_code(site_get(site, "/visit/a"), 500, "broken_store");
    expect_code(site_get(site, "/visit/a"), 500, "broken_store");
    if (strncmp(site->log, "0 /visit was answered 500: ", 27) != 0 ||
        strchr(site->log, '\n') != site->log + strlen(site->log) - 1)
        fail_msg("%s", site->log);
    from_now_on(FAULT_UNSUPPORTED, NULL, 0);
    expect_code(site_get(site, "/visit/a"), 500, "broken_store");
    from_now_on(FAULT_NONE, NULL, 0);
    expect_body(site_get(site, "/visit/a"), "\"count\":2,");
    expect_body(site_ask(site, "GET", "/metrics", HEADERS("peer", "127.0.0.1")),
                "footfall_visits_total{result=\"failed\"} 5\nfootfall_visits_total{result=\"unknown\"} 2\n");
}

static void statuses(void **state)
{
    (void)state;
    both_ways(statuses_of, NULL, FAULTY("statuses"));
}

/* Of "a", which exists, and of others in two steps: the first attempt says that there is none. */
static void places_of(struct site *site)
{
    static const enum fault lost[] = { FAULT_NONE, FAULT_LOSE_AFTER }, broken[] = { FAULT_NONE, FAULT_BROKEN };
    from_now_on(FAULT_NONE, NULL, 0);
    expect_status(site_get(site, "/visit/a"), 200);
    from_now_on(FAULT_BROKEN, broken, 2);
    expect_code(site_get(site, "/visit/b"), 500, "broken_store"); /* its place is given back */
    from_now_on(FAULT_NONE, lost, 2);
    expect_code(site_get(site, "/visit/b"), 504, "unknown_outcome"); /* and here it is kept */
    expect_numbers(site, "b", 1, 1, 1);
    expect_code(site_get(site, "/visit/c"), 403, "too_many_counters");
    expect_status(site_get(site, "/visit/b"), 200);
}

static void places(void **state)
{
    struct site site;
    (void)state;
    for (int blocking = 0; blocking < 2; blocking++) { /* each with counters of its own */
        site_open(&site, NULL, blocking ? FAULTY("places-1") : FAULTY("places-2"));
        site.blocking = blocking;
        places_of(&site);
        site_close(&site);
    }
}

/* What administration may have made has a place. */
static void place_of_administration(void **state)
{
    static const enum fault lost[] = { FAULT_NONE, FAULT_LOSE_AFTER };
    static const char body[] = "{\"total_visits\":5}";
    const char *const *admin = HEADERS("Authorization", "Bearer 0123456789abcdef");
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef", 16);
    site_open(&site, NULL, FAULTY("administration", "http.admin_token_file", path));
    from_now_on(FAULT_NONE, lost, 2);
    expect_code(site_send(&site, "PUT", "/counter/b", admin, body, sizeof body - 1), 504, "unknown_outcome");
    expect_numbers(&site, "b", 1, 5, 0);
    expect_status(site_get(&site, "/visit/a"), 200);
    expect_code(site_get(&site, "/visit/c"), 403, "too_many_counters");
    site_close(&site);
    support_folder_remove(folder);
}

static struct footfall_web_exchange *begin(struct site *site, const struct footfall_web_request *request)
{
    struct footfall_web_exchange *x = footfall__web_begin(site->web, request);
    assert_non_null(x);
    assert_int_equal(footfall__web_state(x), FOOTFALL_WEB_STARTS);
    return x;
}

static void resumed(void *user)
{
    (void)user;
}

/* A front end that gives an exchange up leaves no place behind. */
static void given_up(void **state)
{
    struct site site;
    struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
    struct footfall_web_exchange *x = NULL;
    (void)state;
    site_open(&site, NULL, HEADERS("http.max_counters", "1"));
    footfall__web_target(&request, "/visit/a", 8);
    footfall__web_end(begin(&site, &request));
    x = begin(&site, &request);
    footfall__web_block(x); /* absent: it has a place now */
    assert_int_equal(footfall__web_state(x), FOOTFALL_WEB_STARTS);
    footfall__web_end(x);
    expect_status(site_get(&site, "/visit/b"), 200);
    expect_status(site_get(&site, "/visit/b"), 200);
    expect_code(site_get(&site, "/visit/a"), 403, "too_many_counters");
    site_close(&site);
}

/* Both find that there is no such counter; only then they go on. */
static void two_at_once(struct site *site, const struct footfall_web_request *request, int first, int second)
{
    struct footfall_web_exchange *x[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++) {
        x[i] = begin(site, request);
        footfall__web_block(x[i]);
        assert_int_equal(footfall__web_state(x[i]), FOOTFALL_WEB_STARTS);
    }
    for (int i = 0; i < 2; i++) {
        footfall__web_run(x[i]);
        assert_int_equal(footfall__web_response(x[i])->status, i == 0 ? first : second);
        assert_int_equal(strstr(footfall__web_response(x[i])->body, "\"replayed\":true") != NULL, i);
        footfall__web_end(x[i]);
    }
}

/* With the same key: the counter is made once, and a visit's takes one place. */
static void same_key_at_once(void **state)
{
    static const struct footfall_web_header headers[] = { { "Idempotency-Key", "k" },
                                                          { "Authorization", "Bearer 0123456789abcdef" } };
    static const char body[] = "{\"total_visits\":5}";
    struct footfall_web_request request = {
        .method = "GET", .headers = headers, .header_count = 2, .peer = "192.0.2.1"
    };
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef", 16);
    site_open(&site, NULL, HEADERS("http.max_counters", "3", "http.admin_token_file", path));
    footfall__web_target(&request, "/visit/a", 8);
    two_at_once(&site, &request, 200, 200);
    expect_numbers(&site, "a", 1, 1, 1);
    request.method = "PUT";
    request.body = body;
    request.body_bytes = sizeof body - 1;
    footfall__web_target(&request, "/counter/b", 10);
    two_at_once(&site, &request, 201, 200);
    expect_numbers(&site, "b", 1, 5, 0);
    expect_status(site_get(&site, "/visit/c"), 200);
    expect_code(site_get(&site, "/visit/d"), 403, "too_many_counters");
    site_close(&site);
    support_folder_remove(folder);
}

static int status_of(struct site *site, const char *target)
{
    struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
    struct footfall_web_exchange *x = NULL;
    int status = 0;
    footfall__web_target(&request, target, strlen(target));
    x = footfall__web_begin(site->web, &request);
    footfall__web_run(x);
    status = footfall__web_response(x)->status;
    footfall__web_end(x);
    return status;
}

/* A handle that this process has inherited answers nothing, but is no broken store. */
static void after_fork(void **state)
{
    struct site site;
    int ended = 0;
    pid_t child = 0;
    (void)state;
    site_open(&site, NULL, NULL);
    child = fork();
    if (child == 0)
        _exit(status_of(&site, "/visit/a") == 503 && status_of(&site, "/counter/a") == 503 &&
                      status_of(&site, "/readyz") == 503 && status_of(&site, "/healthz") == 200
                  ? 0
                  : 1);
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_int_equal(status_of(&site, "/readyz"), 200);
    site_close(&site);
}

static void wait_for(const char *name, const char *deadline, uint32_t wait_ms)
{
    struct site site;
    struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
    struct footfall_web_exchange *x = NULL;
    site_open(&site, NULL, HEADERS("backend", "faulty", "faulty.name", name, "deadline", deadline));
    from_now_on(FAULT_TEMPORARY, NULL, 0);
    footfall__web_target(&request, "/visit/a", 8);
    x = begin(&site, &request);
    footfall__web_wait(x, wait_ms);
    footfall__web_run(x); /* a test that waits for a minute is killed */
    assert_int_equal(footfall__web_response(x)->status, 503);
    footfall__web_end(x);
    site_close(&site);
}

/* Less time than the deadline, and never more. */
static void waiting(void **state)
{
    (void)state;
    wait_for("waiting-1", "60s", 50);
    wait_for("waiting-2", "50ms", 60000);
    wait_for("waiting-3", "50ms", 0);
}

/* The time runs from the first step on: when it is over, the second is not begun. */
static void waiting_between_steps(void **state)
{
    enum { WAIT_MS = 1000 };
    struct site site;
    struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
    struct footfall_web_exchange *x = NULL;
    int64_t until = 0;
    (void)state;
    site_open(&site, NULL, HEADERS("backend", "faulty", "faulty.name", "between", "deadline", "60s"));
    from_now_on(FAULT_NONE, NULL, 0);
    footfall__web_target(&request, "/visit/a", 8);
    x = begin(&site, &request);
    footfall__web_wait(x, WAIT_MS);
    footfall__web_block(x); /* absent */
    assert_int_equal(footfall__web_state(x), FOOTFALL_WEB_STARTS);
    for (until = support_now_ns() + WAIT_MS * INT64_C(1000000); support_now_ns() <= until;)
        usleep(10000);
    footfall__web_run(x);
    assert_int_equal(footfall__web_response(x)->status, 503);
    assert_int_equal(fault_store_counts().attempts, 1);
    footfall__web_end(x);
    site_close(&site);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

static int refuse_all(void *user)
{
    (void)user;
    return 1;
}

static void *no_json(size_t bytes)
{
    (void)bytes;
    return NULL;
}

static void no_memory_for_json(struct site *site)
{
    json_malloc_t make = NULL;
    json_free_t drop = NULL;
    const struct reply *reply = NULL;
    json_get_alloc_funcs(&make, &drop);
    json_set_alloc_funcs(no_json, drop);
    reply = site_get(site, "/visit/a");
    json_set_alloc_funcs(make, drop);
    expect_code(reply, 504, "unknown_outcome"); /* counted it is */
    expect_numbers(site, "a", 1, 1, 1);
    json_set_alloc_funcs(no_json, drop);
    reply = site_get(site, "/counter/a");
    json_set_alloc_funcs(make, drop);
    expect_code(reply, 503, "temporary");
    json_set_alloc_funcs(no_json, drop);
    reply = site_get(site, "/nothing");
    json_set_alloc_funcs(make, drop);
    expect_code(reply, 404, "not_found");
}

static int failing; /* how many allocations are to fail */

static void *fail_some(size_t bytes)
{
    return failing > 0 && failing-- > 0 ? NULL : malloc(bytes);
}

static void note_resumed(void *user)
{
    atomic_store((atomic_int *)user, 1);
}

/* The store has done it, and then memory is short. */
static int status_without_memory(struct site *site, const char *method, const char *target)
{
    static const struct footfall_web_header token = { "Authorization", "Bearer 0123456789abcdef" };
    static const char body[] = "{\"total_visits\":5}";
    struct footfall_web_request request = { .method = method,
                                            .headers = &token,
                                            .header_count = 1,
                                            .peer = "192.0.2.1",
                                            .body = body,
                                            .body_bytes = sizeof body - 1 };
    struct footfall_web_exchange *x = NULL;
    atomic_int is_back = 0;
    int status = 0;
    json_malloc_t make = NULL;
    json_free_t drop = NULL;
    json_get_alloc_funcs(&make, &drop);
    footfall__web_target(&request, target, strlen(target));
    x = footfall__web_begin(site->web, &request);
    failing = 1;
    json_set_alloc_funcs(fail_some, drop);
    if (footfall__web_state(x) == FOOTFALL_WEB_BLOCKS) {
        footfall__web_block(x);
    } else {
        footfall__web_start(x, note_resumed, &is_back);
        while (!atomic_load(&is_back))
            usleep(100);
        footfall__alloc_hook(refuse_all, NULL);
        footfall__web_go_on(x);
        footfall__alloc_hook(NULL, NULL);
    }
    json_set_alloc_funcs(make, drop);
    assert_int_equal(failing, 0);
    status = footfall__web_response(x)->status;
    footfall__web_end(x);
    return status;
}

static void no_memory_afterwards(void **state)
{
    char *folder = support_folder_make();
    char path[128];
    struct site site;
    (void)state;
    snprintf(path, sizeof path, "%s/token", folder);
    support_file_write(path, "0123456789abcdef", 16);
    site_open(&site, NULL, HEADERS("http.admin_token_file", path));
    expect_status(site_get(&site, "/visit/a"), 200);
    assert_int_equal(status_without_memory(&site, "GET", "/badge/a?hit=1"), 504);
    expect_numbers(&site, "a", 1, 2, 1);
    assert_int_equal(status_without_memory(&site, "GET", "/badge/a"), 503);
    assert_int_equal(status_without_memory(&site, "PUT", "/counter/a"), 504);
    expect_numbers(&site, "a", 1, 5, 0);
    assert_int_equal(status_without_memory(&site, "GET", "/counters"), 503);
    assert_int_equal(status_without_memory(&site, "DELETE", "/counter/a"), 504);
    expect_numbers(&site, "a", 0, 0, 0);
    site_close(&site);
    support_folder_remove(folder);
}

static void no_memory(void **state)
{
    struct site site;
    struct footfall_web_request request = { .method = "GET", .peer = "192.0.2.1" };
    struct footfall_web_exchange *x = NULL;
    (void)state;
    from_now_on(FAULT_NONE, NULL, 0);
    both_ways(no_memory_for_json, NULL, NULL);
    site_open(&site, NULL, NULL);
    footfall__web_target(&request, "/visit/a", 8);
    footfall__alloc_hook(refuse_all, NULL);
    assert_null(footfall__web_begin(site.web, &request));
    assert_null(footfall__web_refuse(site.web, &request, FOOTFALL_WEB_BUSY));
    footfall__alloc_hook(NULL, NULL);
    x = begin(&site, &request);
    footfall__alloc_hook(refuse_all, NULL);
    footfall__web_start(x, resumed, NULL); /* refused at once */
    footfall__alloc_hook(NULL, NULL);
    footfall__web_go_on(x);
    assert_int_equal(footfall__web_response(x)->status, 503);
    footfall__web_end(x);
    expect_numbers(&site, "a", 0, 0, 0);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(needs_the_store),
        cmocka_unit_test(place_of_administration),
        cmocka_unit_test(waiting_between_steps),
        cmocka_unit_test(places),
        cmocka_unit_test(given_up),
        cmocka_unit_test(same_key_at_once),
        cmocka_unit_test(after_fork),
        cmocka_unit_test(waiting),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(no_memory_afterwards),
    };
    fault_store_register();
    from_now_on(FAULT_NONE, NULL, 0);
    return cmocka_run_group_tests_name("web_faults", tests, NULL, NULL);
}
