/* test_lambda.c: one event of every kind and more: what is read of it, that it counts once, by the right address, and is answered
 * in its format; or is refused with its sentence and counts nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "lambda_case.h"

#define REST FOOTFALL__LAMBDA_REST
#define HTTP_1 FOOTFALL__LAMBDA_HTTP_1
#define HTTP_2 FOOTFALL__LAMBDA_HTTP_2
#define URL FOOTFALL__LAMBDA_URL
#define ALB FOOTFALL__LAMBDA_BALANCER

/* counter NULL: none is counted. peer NULL: there is none. */
static const struct {
    const char *name;
    enum footfall__lambda_kind kind;
    const char *path, *query, *peer;
    int status;
    const char *counter;
} taken[] = {
    { "rest", REST, "/visit/rest", NULL, "192.0.2.10", 200, "rest" },
    { "rest-duplicates", REST, "/visit/rest%2Fencoded%20name", "_=1&_=2&hit=a%20b%26c", "192.0.2.10", 200,
      "rest/encoded name" },
    { "rest-nulls", REST, "/visit/rest-nulls", NULL, "192.0.2.10", 200, "rest-nulls" },
    { "rest-console-test", REST, "/visit/rest-test", NULL, "test-invoke-source-ip", 400, NULL },
    { "rest-put-base64", REST, "/counter/rest-put", NULL, "192.0.2.10", 404, NULL },
    { "rest-preflight", REST, "/visit/rest-preflight", NULL, "192.0.2.10", 204, NULL },
    { "rest-root", REST, "/", NULL, "192.0.2.10", 200, "main_page" },
    { "http-1", HTTP_1, "/visit/http-1", NULL, "192.0.2.11", 200, "http-1" },
    { "http-1-stage", HTTP_1, "/visit/http-1 stage", NULL, "192.0.2.11", 200, "http-1 stage" },
    { "http-1-custom-domain", HTTP_1, "/visit/http-1-domain", NULL, "192.0.2.11", 200, "http-1-domain" },
    { "http-2", HTTP_2, "/visit/http-2", "_=1&_=2", "192.0.2.12", 200, "http-2" },
    { "http-2-stage", HTTP_2, "/visit/http-2/Café ☕", "", "192.0.2.12", 200, "http-2/Café ☕" },
    { "http-2-custom-domain", HTTP_2, "/visit/http-2-domain", "", "192.0.2.12", 200, "http-2-domain" },
    { "http-2-custom-domain-like-stage", HTTP_2, "/visit/x", "", "192.0.2.12", 200, "x" },
    { "http-2-post-base64", HTTP_2, "/visit/http-2-post", "", "192.0.2.12", 200, "http-2-post" },
    { "http-2-cloudflare", HTTP_2, "/visit/http-2-cloudflare", "", "198.51.100.77", 200, "http-2-cloudflare" },
    { "url", URL, "/", "", "192.0.2.13", 200, "main_page" },
    { "url-visit", URL, "/visit/url%2Fencoded%252F", "", "2001:db8::13", 200, "url/encoded%2F" },
    { "url-head", URL, "/visit/url-head", "", "192.0.2.13", 200, NULL },
    { "url-cloudfront", URL, "/visit/url-cloudfront", "", "198.51.100.20", 200, "url-cloudfront" },
    { "url-cloudflare", URL, "/visit/url-cloudflare", "", "198.51.100.78", 200, "url-cloudflare" },
    { "url-cookies", URL, "/visit/url-cookies", "", "192.0.2.13", 200, "url-cookies" },
    { "alb", ALB, "/visit/alb%2Fname", "q=a%20b%26c&_=1", "192.0.2.14", 200, "alb/name" },
    { "alb-multi-value", ALB, "/visit/alb-multi", "q=a%20b&q=c", "192.0.2.14", 200, "alb-multi" },
    { "alb-forwarded", ALB, "/visit/alb-forwarded", NULL, "2001:db8::14", 200, "alb-forwarded" },
    { "alb-port", ALB, "/visit/alb-port", NULL, "192.0.2.14", 200, "alb-port" },
    { "alb-health", ALB, "/visit/alb-health", NULL, NULL, 200, NULL },
    { "alb-health-multi-value", ALB, "/visit/alb-health", NULL, NULL, 200, NULL },
};

static const struct {
    const char *name, *what;
} refused[] = {
    { "no-empty", "an empty event" },
    { "no-array", "an event that is no object" },
    { "no-console-template", "an event of no kind that is known here" },
    { "no-sqs", "an event of aws:sqs" },
    { "no-s3", "an event of aws:s3" },
    { "no-sns", "an event of aws:sns" },
    { "no-kafka", "an event of aws:kafka" },
    { "no-edge", "an event of Lambda@Edge" },
    { "no-eventbridge", "an event of EventBridge" },
    { "no-warm-up", "a warm-up ping" },
    { "no-warmer", "a warm-up ping" },
    { "no-authorizer-1", "a question to an authorizer" },
    { "no-authorizer-token", "a question to an authorizer" },
    { "no-authorizer-2", "a question to an authorizer" },
    { "no-websocket", "an event of a WebSocket API" },
    { "no-websocket-connect", "an event of a WebSocket API" },
    { "no-websocket-method", "an event of a WebSocket API" },
    { "no-lattice", "an event of VPC Lattice" },
    { "no-lattice-1", "an event of VPC Lattice" },
};

enum { TAKEN = sizeof taken / sizeof taken[0], REFUSED = sizeof refused / sizeof refused[0] };

static void expect_text(const char *name, const char *what, const char *text, size_t bytes, const char *wanted)
{
    if ((wanted == NULL) != (text == NULL) ||
        (text != NULL && (bytes != strlen(wanted) || memcmp(text, wanted, bytes) != 0)))
        fail_msg("%s: the %s is %.*s, not %s", name, what, (int)bytes, text != NULL ? text : "", wanted);
}

static void read_one(size_t i)
{
    struct footfall__lambda_event event;
    struct footfall_error err;
    json_t *root = event_load(taken[i].name);
    char *text = json_dumps(root, JSON_COMPACT);
    const struct footfall_web_request *request = &event.request;
    assert_int_equal(footfall__lambda_event_read(&event, text, strlen(text), &err), FOOTFALL_OK);
    assert_int_equal(event.kind, taken[i].kind);
    assert_int_equal(request->path_decoded, event.kind == HTTP_1 || event.kind == HTTP_2);
    expect_text(taken[i].name, "path", request->path, request->path_bytes, taken[i].path);
    expect_text(taken[i].name, "query", request->query, request->query_bytes, taken[i].query);
    expect_text(taken[i].name, "peer", request->peer, request->peer != NULL ? strlen(request->peer) : 0, taken[i].peer);
    assert_int_equal(event.health_check, strncmp(taken[i].name, "alb-health", 10) == 0);
    footfall__lambda_event_free(&event);
    free(text);
    json_decref(root);
}

static void are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAKEN; i++)
        read_one(i);
}

/* The same visitor again, at the site itself, is no new one; somebody else is. */
static void expect_visitor(struct site *site, const char *counter, const char *address)
{
    struct footfall_visitor visitor = FOOTFALL_VISITOR_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    struct footfall_result result = { 0 };
    visitor.address = address;
    op.name = counter;
    op.visitor = &visitor;
    assert_int_equal(footfall_apply(site->ff, &op, 1, NULL, &result, NULL), FOOTFALL_OK);
    if ((result.flags & FOOTFALL_IS_NEW) != 0)
        fail_msg("%s was not counted for %s", counter, address);
    visitor.address = "203.0.113.200";
    assert_int_equal(footfall_apply(site->ff, &op, 1, NULL, &result, NULL), FOOTFALL_OK);
    assert_true((result.flags & FOOTFALL_IS_NEW) != 0);
}

static void count_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAKEN; i++) {
        struct site site;
        json_t *event = event_load(taken[i].name);
        const struct answered *answered = NULL;
        lambda_site_open(&site, NULL);
        answered = event_answer(&site, event);
        if (answered->rc != FOOTFALL_OK || answered->status != taken[i].status)
            fail_msg("%s: %d %s", taken[i].name, answered->status, answered->err.text);
        assert_int_equal(site_sum(&site), taken[i].counter != NULL ? 2 : 0);
        if (taken[i].counter != NULL) {
            expect_numbers(&site, taken[i].counter, 1, 1, 1);
            expect_visitor(&site, taken[i].counter, taken[i].peer);
        }
        json_decref(event);
        site_close(&site);
    }
}

static void are_refused(void **state)
{
    struct site site;
    (void)state;
    lambda_site_open(&site, NULL);
    for (size_t i = 0; i < REFUSED; i++) {
        json_t *event = event_load(refused[i].name);
        refused_expect(event_answer(&site, event), refused[i].what);
        json_decref(event);
    }
    assert_int_equal(site_sum(&site), 0);
    assert_string_equal(site.log, "");
    site_close(&site);
}

/* Every fixture is in a table above. */
static void are_all(void **state)
{
    DIR *folder = opendir(events_folder);
    const struct dirent *entry = NULL;
    size_t count = 0;
    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        count += strstr(entry->d_name, ".json") != NULL;
    closedir(folder);
    assert_int_equal(count, TAKEN + REFUSED);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_all),
        cmocka_unit_test(are_read),
        cmocka_unit_test(count_once),
        cmocka_unit_test(are_refused),
    };
    events_folder = count > 1 ? arguments[1] : ".";
    return cmocka_run_group_tests_name("lambda", tests, NULL, NULL);
}
