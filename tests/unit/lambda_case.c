/* lambda_case.c: events, and their replies held against what AWS documents (lambda_case.h). */
#include "lambda_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "folder.h"

const char *events_folder;

void lambda_site_open(struct site *site, const char *const *pairs)
{
    static const struct footfall_web_options options = { .page_at_root = 0,
                                                         .limit_counters = 0,
                                                         .metrics_want_token = 1 };
    site_open(site, &options, pairs);
}

json_t *event_load(const char *name)
{
    char *path = support_format("%s/%s.json", events_folder, name);
    json_error_t err;
    json_t *event = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
    if (event == NULL)
        fail_msg("%s: %s", path, err.text);
    free(path);
    return event;
}

void event_set(json_t *event, const char *field, json_t *value)
{
    char key[64];
    for (const char *dot; (dot = strchr(field, '.')) != NULL; field = dot + 1) {
        snprintf(key, sizeof key, "%.*s", (int)(dot - field), field);
        event = json_object_get(event, key);
        assert_true(json_is_object(event));
    }
    if (value != NULL)
        assert_int_equal(json_object_set_new(event, field, value), 0);
    else
        json_object_del(event, field);
}

void event_set_header(json_t *event, const char *name, const char *value)
{
    json_t *multi = json_object_get(event, "multiValueHeaders");
    if (json_is_object(multi))
        json_object_set_new(multi, name, json_pack("[s]", value));
    else
        json_object_set_new(json_object_get(event, "headers"), name, json_string(value));
}

json_t *event_with(const char *name, const char *field, json_t *value)
{
    json_t *event = event_load(name);
    event_set(event, field, value);
    return event;
}

void event_read(struct footfall__lambda_event *read, json_t *event)
{
    struct footfall_error err;
    char *text = json_dumps(event, 0);
    if (footfall__lambda_event_read(read, text, strlen(text), &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    free(text);
}

const struct event_kind event_kinds[EVENT_KINDS] = {
    { "rest", "path", "requestContext.identity.sourceIp", "httpMethod", 0 },
    { "http-1", "path", "requestContext.identity.sourceIp", "httpMethod", 1 },
    { "http-2", "rawPath", "requestContext.http.sourceIp", "requestContext.http.method", 1 },
    { "url-visit", "rawPath", "requestContext.http.sourceIp", "requestContext.http.method", 0 },
    { "alb", "path", "headers.x-forwarded-for", "httpMethod", 0 },
};

/* ---- replies ---------------------------------------------------------------------------------------------------------------- */

static void check_name(const char *name)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* RFC 9110 */
    assert_true(name[0] != '\0' && name[strspn(name, token)] == '\0');
}

static void check_value(const json_t *value)
{
    const char *text = json_string_value(value);
    assert_non_null(text);
    assert_int_equal(strlen(text), json_string_length(value));
    for (; *text != '\0'; text++)
        assert_true((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void check_values(const json_t *values)
{
    assert_true(json_is_array(values) && json_array_size(values) > 0);
    for (size_t i = 0; i < json_array_size(values); i++)
        check_value(json_array_get(values, i));
}

static void check_headers(json_t *headers, int as_array)
{
    const char *name = NULL;
    json_t *value = NULL;
    assert_true(json_is_object(headers));
    json_object_foreach(headers, name, value)
    {
        const char *other = NULL;
        json_t *unused = NULL;
        check_name(name);
        json_object_foreach(headers, other, unused) assert_true(other == name || strcasecmp(other, name) != 0);
        if (as_array)
            check_values(value);
        else
            check_value(value);
    }
}

static void check_body(const json_t *root, json_int_t status)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    const json_t *body = json_object_get(root, "body");
    const json_t *encoded = json_object_get(root, "isBase64Encoded");
    assert_true(json_is_string(body) && json_is_boolean(encoded));
    if (json_is_true(encoded))
        assert_true(json_string_length(body) % 4 == 0 &&
                    strspn(json_string_value(body), base64) == json_string_length(body));
    if (status == 204 || status == 304)
        assert_int_equal(json_string_length(body), 0);
}

static void check_description(const json_t *root, json_int_t status)
{
    const char *description = json_string_value(json_object_get(root, "statusDescription"));
    char number[16];
    assert_non_null(description);
    snprintf(number, sizeof number, "%d ", (int)status);
    assert_int_equal(strncmp(description, number, strlen(number)), 0);
    assert_true(strlen(description) > strlen(number));
    assert_string_not_equal(description + strlen(number), "Unknown");
}

void reply_check(const json_t *event, const json_t *root)
{
    const json_t *context = json_object_get(event, "requestContext");
    int balancer = json_is_object(json_object_get(context, "elb"));
    int format_2 = !balancer && json_is_object(json_object_get(context, "http"));
    int multi = !format_2 && json_is_object(json_object_get(event, "multiValueHeaders"));
    json_int_t status = json_integer_value(json_object_get(root, "statusCode"));
    size_t fields = 4;
    assert_true(json_is_object(root) && json_is_integer(json_object_get(root, "statusCode")));
    assert_true(status >= 200 && status <= 599);
    check_headers(json_object_get(root, multi ? "multiValueHeaders" : "headers"), multi);
    check_body(root, status);
    if (balancer) {
        check_description(root, status);
        fields++;
    }
    if (format_2 && json_object_get(root, "cookies") != NULL) {
        check_values(json_object_get(root, "cookies"));
        fields++;
    }
    assert_int_equal(json_object_size(root), fields);
}

const char *reply_header(const json_t *root, const char *name)
{
    json_t *all = json_object_get(root, "headers");
    const char *key = NULL;
    json_t *value = NULL;
    if (all == NULL)
        all = json_object_get(root, "multiValueHeaders");
    json_object_foreach(all, key, value)
    {
        if (strcasecmp(key, name) != 0)
            continue;
        assert_true(!json_is_array(value) || json_array_size(value) == 1);
        return json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
    }
    return "";
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static json_t *event_of(const char *text, size_t bytes)
{
    return json_loadb(text, bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

const struct answered *text_answer(struct site *site, const char *text, size_t bytes, int64_t left_ms)
{
    static struct answered answered;
    char *reply = NULL;
    size_t reply_bytes = 0;
    json_error_t err;
    json_decref(answered.root);
    memset(&answered, 0, sizeof answered);
    memset(&answered.err, 'x', sizeof answered.err);
    answered.rc = footfall__lambda_answer(&reply, &reply_bytes, site->web, text, bytes, left_ms, &answered.err);
    assert_int_equal(answered.err.status, answered.rc);
    assert_non_null(memchr(answered.err.text, '\0', sizeof answered.err.text));
    if (answered.rc != FOOTFALL_OK) {
        assert_null(reply);
        assert_int_equal(reply_bytes, 0);
        assert_true(answered.err.text[0] != '\0');
        return &answered;
    }
    assert_string_equal(answered.err.text, "");
    answered.root = json_loadb(reply, reply_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
    if (answered.root == NULL)
        fail_msg("%s in %.*s", err.text, (int)reply_bytes, reply);
    free(reply);
    answered.status = (int)json_integer_value(json_object_get(answered.root, "statusCode"));
    answered.body = json_string_value(json_object_get(answered.root, "body"));
    answered.body_bytes = json_string_length(json_object_get(answered.root, "body"));
    return &answered;
}

const struct answered *event_answer_in(struct site *site, json_t *event, int64_t left_ms)
{
    const struct answered *answered = NULL;
    char *text = json_dumps(event, JSON_ENCODE_ANY);
    json_t *read = NULL;
    assert_non_null(text);
    answered = text_answer(site, text, strlen(text), left_ms);
    if (answered->rc == FOOTFALL_OK) {
        read = event_of(text, strlen(text));
        reply_check(read, answered->root);
        json_decref(read);
    }
    free(text);
    return answered;
}

const struct answered *event_answer(struct site *site, json_t *event)
{
    return event_answer_in(site, event, INT64_MAX);
}

void answered_expect(const struct answered *answered, int status, const char *part_of_body)
{
    if (answered->rc != FOOTFALL_OK)
        fail_msg("refused: %s", answered->err.text);
    if (answered->status != status || strstr(answered->body, part_of_body) == NULL)
        fail_msg("not %d with %s, but %d: %s", status, part_of_body, answered->status, answered->body);
}

void refused_expect(const struct answered *answered, const char *what)
{
    char text[256];
    snprintf(text, sizeof text,
             "%s; wanted is an HTTP request of a REST API, an HTTP API, a Function URL or a load balancer", what);
    assert_int_equal(answered->rc, FOOTFALL_INVALID);
    assert_string_equal(answered->err.text, text);
}
