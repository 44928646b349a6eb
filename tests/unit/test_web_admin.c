/* test_web_admin.c: administration: who may, listing, setting, deleting; and /metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "footfall_admin.h"
#include "handle.h"
#include "web_site.h"

#define TOKEN "0123456789abcdef"
#define ADMIN HEADERS("Authorization", "Bearer " TOKEN)

static char *folder, token_path[128];

static int make_token(void **state)
{
    (void)state;
    folder = support_folder_make();
    snprintf(token_path, sizeof token_path, "%s/token", folder);
    support_file_write(token_path, TOKEN "\n", sizeof TOKEN);
    return 0;
}

static int remove_token(void **state)
{
    (void)state;
    support_folder_remove(folder);
    return 0;
}

#define WITH_ADMIN HEADERS("http.admin_token_file", token_path)

/* ---- who may ------------------------------------------------------------------------------------------------------------------ */

static void expect_private(const struct reply *reply)
{
    assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Methods"), "");
}

static void who_may(struct site *site)
{
    static const char *const wrong[] = { "",
                                         "Bearer",
                                         "Bearer ",
                                         "Bearer 0123456789abcde",
                                         "Bearer 0123456789abcdefg",
                                         "Bearer 0123456789abcdeF",
                                         "Bearer 0123456789abcdef 0123456789abcdef",
                                         TOKEN,
                                         "Basic " TOKEN,
                                         "Bearer" TOKEN };
    static const char *const right[] = { "Bearer " TOKEN, "bearer " TOKEN, "BEARER   " TOKEN, "Bearer " TOKEN " \t" };
    static const char *const asked[][2] = {
        { "GET", "/counters" }, { "HEAD", "/counters" }, { "PUT", "/counter/a" }, { "DELETE", "/counter/a" }
    };
    const struct reply *reply = NULL;
    expect_status(site_get(site, "/visit/a"), 200);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        for (size_t j = 0; j <= sizeof wrong / sizeof wrong[0]; j++) {
            const char *const *headers =
                j > 0 ? HEADERS("Authorization", wrong[j - 1], "Origin", "https://a.example") : NULL;
            reply = site_ask(site, asked[i][0], asked[i][1], headers);
            expect_code(reply, 401, "unauthorized");
            assert_string_equal(header_of(reply, "WWW-Authenticate"), "Bearer");
            expect_private(reply);
        }
    }
    for (int i = 0; i < 5000; i++) { /* none of them is like the right one in a part of what is compared */
        char guess[64];
        snprintf(guess, sizeof guess, "Bearer 0123456789abcde%d", i);
        expect_status(site_ask(site, "DELETE", "/counter/a", HEADERS("Authorization", guess)), 401);
    }
    expect_numbers(site, "a", 1, 1, 1);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        reply = site_ask(site, "GET", "/counters", HEADERS("authorization", right[i], "Origin", "https://a.example"));
        expect_status(reply, 200);
        expect_private(reply);
    }
    reply = site_ask(site, "OPTIONS", "/counters",
                     HEADERS("Origin", "https://a.example", "Access-Control-Request-Method", "GET"));
    expect_status(reply, 204);
    expect_private(reply);
    assert_string_equal(header_of(reply, "Allow"), "GET, HEAD, OPTIONS");
    reply = site_ask(site, "POST", "/counter/a", NULL);
    expect_code(reply, 405, "method_not_allowed");
    assert_string_equal(header_of(reply, "Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    reply = site_ask(site, "OPTIONS", "/counter/a",
                     HEADERS("Origin", "https://a.example", "Access-Control-Request-Method", "PUT"));
    assert_string_equal(header_of(reply, "Access-Control-Allow-Methods"), "GET, POST, HEAD");
    expect_private(site_ask(site, "PUT", "/counter/a", ADMIN));
}

static void rights(void **state)
{
    (void)state;
    both_ways(who_may, NULL, WITH_ADMIN);
}

static void expect_token(const char *text, size_t bytes, const char *wrong)
{
    char path[160];
    struct footfall_error err;
    snprintf(path, sizeof path, "%s/other", folder);
    support_file_write(path, text, bytes);
    if (site_try(HEADERS("http.admin_token_file", path), &err) != (wrong != NULL ? FOOTFALL_CONFIG : FOOTFALL_OK))
        fail_msg("%zu bytes: %s", bytes, err.text);
    if (wrong != NULL &&
        (strncmp(err.text, "setting: http.admin_token_file: ", 32) != 0 || strstr(err.text, wrong) == NULL))
        fail_msg("%s is not %s", err.text, wrong);
}

static void token_files(void **state)
{
    static char text[2048];
    (void)state;
    memset(text, 'a', sizeof text);
    expect_token(text, 16, NULL);
    expect_token(text, 1024, NULL);
    expect_token(text, 15, "16 to 1024 bytes");
    expect_token(text, 1025, "16 to 1024 bytes");
    expect_token(text, sizeof text, "16 to 1024 bytes");
    expect_token("", 0, "16 to 1024 bytes");
    expect_token("                     \n", 22, "16 to 1024 bytes");
    expect_token("0123456789 abcdef", 17, "printable");
    expect_token("0123456789\0abcdef", 17, "printable");
    expect_token("0123456789abcde\xc3\xa9", 17, "printable");
    expect_token("0123456789abcdef\r\n\t \n", 21, NULL);
    assert_int_equal(site_try(HEADERS("http.admin_token_file", folder), NULL), FOOTFALL_CONFIG); /* no file */
    assert_int_equal(site_try(HEADERS("http.admin_token_file", ""), NULL), FOOTFALL_OK);         /* none */
}

/* ---- listing ------------------------------------------------------------------------------------------------------------------ */

static json_t *list(struct site *site, const char *query)
{
    char target[512];
    const struct reply *reply = NULL;
    json_t *body = NULL;
    snprintf(target, sizeof target, "/counters%s", query);
    reply = site_ask(site, "GET", target, ADMIN);
    expect_status(reply, 200);
    assert_string_equal(header_of(reply, "Content-Type"), "application/json");
    assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
    body = json_loadb(reply->body, reply->bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    assert_int_equal(json_object_size(body), 2);
    return body;
}

static void lists(struct site *site)
{
    static const char *const wrong[] = { "?limit=0",  "?limit=1001", "?limit=",         "?limit=x",
                                         "?limit=-1", "?limit=1e2",  "?limit=99999999", "?prefix=%00",
                                         "?prefix=%", "?cursor=%0a", "?cursor=%ff%",    "?limit=%31%00" };
    char cursor[64] = "";
    size_t seen = 0;
    int pages = 0;
    json_t *body = list(site, "");
    assert_int_equal(json_array_size(json_object_get(body, "counters")), 0);
    assert_true(json_is_null(json_object_get(body, "cursor")));
    json_decref(body);
    expect_status(site_get(site, "/visit/a%22%26"), 200);
    assert_string_equal(site_ask(site, "GET", "/counters", ADMIN)->body,
                        "{\"counters\":[{\"counter\":\"a\\\"&\",\"count\":1,\"total_visits\":1,\"unique_visitors\":1}],"
                        "\"cursor\":null}\n");
    for (int i = 0; i < 1010; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%04d", i);
        assert_int_equal(support_add(site->ff, name, i, 0, NULL), FOOTFALL_OK);
    }
    body = list(site, "");
    assert_int_equal(json_array_size(json_object_get(body, "counters")), 1000);
    assert_string_equal(json_string_value(json_object_get(body, "cursor")), "b0998");
    json_decref(body);
    do { /* 1010, by 101 */
        char query[128];
        json_t *rows = NULL;
        snprintf(query, sizeof query, "?x&prefix=%%62&limit=101&cursor=%s", cursor);
        body = list(site, query);
        rows = json_object_get(body, "counters");
        for (size_t i = 0; i < json_array_size(rows); i++) {
            json_t *row = json_array_get(rows, i);
            char name[16];
            snprintf(name, sizeof name, "b%04zu", seen);
            assert_string_equal(json_string_value(json_object_get(row, "counter")), name);
            assert_int_equal(json_integer_value(json_object_get(row, "total_visits")), seen++);
            assert_int_equal(json_object_size(row), 4);
        }
        pages++;
        cursor[0] = '\0';
        if (json_is_string(json_object_get(body, "cursor")))
            snprintf(cursor, sizeof cursor, "%s", json_string_value(json_object_get(body, "cursor")));
        json_decref(body);
    } while (cursor[0] != '\0');
    assert_true(seen == 1010 && pages == 10);
    body = list(site, "?prefix=b0009&prefix=a");
    assert_int_equal(json_array_size(json_object_get(body, "counters")), 1);
    json_decref(body);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char target[64];
        snprintf(target, sizeof target, "/counters%s", wrong[i]);
        expect_code(site_ask(site, "GET", target, ADMIN), 400, "bad_parameter");
    }
}

static void listing(void **state)
{
    (void)state;
    both_ways(lists, NULL, WITH_ADMIN);
}

/* ---- setting and deleting ------------------------------------------------------------------------------------------------------- */

static const struct reply *put(struct site *site, const char *target, const char *body)
{
    return site_send(site, "PUT", target, ADMIN, body, strlen(body));
}

static void sets(struct site *site)
{
    static const char *const wrong[] = { "",
                                         " ",
                                         "5",
                                         "[]",
                                         "{}",
                                         "null",
                                         "{\"total_visits\":5",
                                         "{\"total_visits\":5}x",
                                         "{\"total_visits\":5}{}",
                                         "{\"total_visits\":5,\"total_visits\":5}",
                                         "{\"total_visits\":5.0}",
                                         "{\"total_visits\":5e0}",
                                         "{\"total_visits\":\"5\"}",
                                         "{\"total_visits\":null}",
                                         "{\"total_visits\":9223372036854775808}",
                                         "{\"total_visits\":-9223372036854775809}",
                                         "{\"unique_visitors\":5}",
                                         "{\"total_visits\":5,\"unique_visitors\":true}",
                                         "{\"total_visits\":5,\"unique_visitors\":null}",
                                         "{\"total_visits\":5,\"count\":5}",
                                         "{\"total_visits\":5,\"unique_visitors\":5,\"\":1}",
                                         "{'total_visits':5}",
                                         "{\"total_visits\":05}",
                                         "{\"total_visits\":5}\xff",
                                         "\xef\xbb\xbf{\"total_visits\":5}" };
    const struct reply *reply = put(site, "/counter/a", "{\"total_visits\":5,\"unique_visitors\":2}");
    expect_status(reply, 201);
    assert_string_equal(reply->body, "{\"counter\":\"a\",\"count\":5,\"total_visits\":5,\"unique_visitors\":2}\n");
    reply = put(site, "/counter/a",
                " {\"unique_visitors\" : -9223372036854775808,\n\"total_visits\":9223372036854775807 } ");
    expect_status(reply, 200);
    expect_numbers(site, "a", 1, INT64_MAX, INT64_MIN);
    expect_code(site_get(site, "/visit/a"), 409, "out_of_range");
    expect_code(site_get(site, "/badge/a?hit=1"), 409, "out_of_range");
    expect_status(put(site, "/counter/a", "{\"total_visits\":7}"), 200);
    expect_numbers(site, "a", 1, 7, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_code(put(site, "/counter/a", wrong[i]), 400, "bad_body");
        expect_code(put(site, "/counter/b", wrong[i]), 400, "bad_body");
    }
    expect_code(site_send(site, "PUT", "/counter/a", ADMIN, "{\"total_visits\":5}\0", 19), 400, "bad_body");
    expect_code(site_ask(site, "PUT", "/counter/a", ADMIN), 400, "bad_body");
    expect_code(put(site, "/counter/%ff", "{\"total_visits\":7}"), 400, "bad_counter");
    expect_numbers(site, "a", 1, 7, 0);
    expect_numbers(site, "b", 0, 0, 0);
    expect_status(put(site, "/counter/", "{\"total_visits\":1}"), 201);
    expect_numbers(site, "main_page", 1, 1, 0);
}

static void deep_bodies(struct site *site)
{
    static char body[60000];
    memset(body, '[', sizeof body);
    expect_code(site_send(site, "PUT", "/counter/a", ADMIN, body, sizeof body), 400, "bad_body");
    for (size_t i = 0; i + 5 <= sizeof body; i += 5)
        memcpy(body + i, "{\"a\":", 5);
    expect_code(site_send(site, "PUT", "/counter/a", ADMIN, body, sizeof body), 400, "bad_body");
    memset(body, ' ', sizeof body);
    expect_code(site_send(site, "PUT", "/counter/a", ADMIN, body, sizeof body), 400, "bad_body");
    memset(body, '9', sizeof body);
    expect_code(site_send(site, "PUT", "/counter/a", ADMIN, body, sizeof body), 400, "bad_body");
}

static void deletes(struct site *site)
{
    const char *const *once = HEADERS("Authorization", "Bearer " TOKEN, "Idempotency-Key", "once");
    expect_code(site_ask(site, "DELETE", "/counter/a", ADMIN), 404, "no_such_counter");
    expect_status(site_get(site, "/visit/a"), 200);
    assert_string_equal(site_ask(site, "DELETE", "/counter/a", once)->body,
                        "{\"counter\":\"a\",\"count\":0,\"total_visits\":0,\"unique_visitors\":0,\"deleted\":true}\n");
    expect_numbers(site, "a", 0, 0, 0);
    expect_body(site_ask(site, "DELETE", "/counter/a", once), "\"replayed\":true,\"deleted\":true}");
    expect_code(site_ask(site, "DELETE", "/counter/a", ADMIN), 404, "no_such_counter");
    expect_body(site_get(site, "/visit/a"),
                "\"count\":1,\"total_visits\":1,\"unique_visitors\":1,\"is_new_visitor\":true");
    expect_body(site_ask(site, "DELETE", "/counter/a", once), "\"replayed\":true");
    expect_numbers(site, "a", 1, 1, 1);
}

static void changing(void **state)
{
    (void)state;
    both_ways(sets, NULL, WITH_ADMIN);
    both_ways(sets, NULL, HEADERS("http.admin_token_file", token_path, "http.create", "false"));
    both_ways(deep_bodies, NULL, WITH_ADMIN);
    both_ways(deletes, NULL, WITH_ADMIN);
}

/* ---- metrics ---------------------------------------------------------------------------------------------------------------------- */

static void measure(void *user, footfall_each_metric *each, void *each_user)
{
    const struct footfall_metric lines[] = {
        { "own_open", "Back\\slash\nand line.", "", 0, 3 },
        { "own_seconds_bucket", "Times.", "kind=\"a\",le=\"0.1\"", 1, 1 },
        { "own_seconds_bucket", "Times.", "kind=\"a\",le=\"+Inf\"", 1, 2 },
        { "own_seconds_sum", "Times.", "kind=\"a\"", 1, 0.1 },
        { "own_seconds_count", "Times.", "kind=\"a\"", 1, 2 },
        { "own_count", "Not of the histogram.", "", 1, 1e300 },
    };
    assert_ptr_equal(user, folder);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        each(each_user, &lines[i]);
}

/* Every family is told once, together, with HELP and TYPE before it. */
static void check_format(char *text)
{
    char seen[64][96];
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *end = NULL;
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_true(count < 64);
            snprintf(seen[count], sizeof seen[0], "%.*s", (int)strcspn(line + 7, " "), line + 7);
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(seen[i], seen[count]);
            line = strtok_r(NULL, "\n", &rest);
            assert_true(strncmp(line, "# TYPE ", 7) == 0);
            assert_true(strncmp(line + 7, seen[count], strlen(seen[count])) == 0);
            count++;
            continue;
        }
        assert_true(count > 0 && strncmp(line, seen[count - 1], strlen(seen[count - 1])) == 0);
        assert_non_null(strrchr(line, ' '));
        (void)strtod(strrchr(line, ' ') + 1, &end);
        assert_string_equal(end, "");
    }
    assert_true(count > 5);
}

static void numbers(struct site *site)
{
    const char *const *here = HEADERS("peer", "127.0.0.1");
    static char text[1 << 16];
    const struct reply *reply = NULL;
    expect_status(site_get(site, "/visit/a"), 200);
    expect_status(site_get(site, "/visit/a"), 200);
    expect_status(site_ask(site, "HEAD", "/visit/a", NULL), 200);
    expect_status(site_get(site, "/visit/%"), 400);
    expect_status(site_get(site, "/a"), 404);
    expect_status(site_get(site, "/b\"\\\n"), 404);
    reply = site_ask(site, "GET", "/metrics", here);
    expect_status(reply, 200);
    assert_string_equal(header_of(reply, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(header_of(reply, "Access-Control-Allow-Origin"), "");
    expect_body(reply, "# HELP footfall_http_requests_total Requests answered.\n"
                       "# TYPE footfall_http_requests_total counter\n"
                       "footfall_http_requests_total{route=\"/visit\",code=\"200\"} 3\n"
                       "footfall_http_requests_total{route=\"/visit\",code=\"400\"} 1\n"
                       "footfall_http_requests_total{route=\"other\",code=\"404\"} 2\n");
    expect_body(reply, "footfall_visits_total{result=\"new\"} 1\nfootfall_visits_total{result=\"returning\"} 1\n"
                       "footfall_visits_total{result=\"replayed\"} 0\nfootfall_visits_total{result=\"read\"} 1\n"
                       "footfall_visits_total{result=\"refused\"} 1\nfootfall_visits_total{result=\"failed\"} 0\n"
                       "footfall_visits_total{result=\"unknown\"} 0\n");
    expect_body(reply, "# HELP own_open Back\\\\slash\\nand line.\n# TYPE own_open gauge\nown_open 3\n"
                       "# HELP own_seconds Times.\n# TYPE own_seconds histogram\n"
                       "own_seconds_bucket{kind=\"a\",le=\"0.1\"} 1\nown_seconds_bucket{kind=\"a\",le=\"+Inf\"} 2\n"
                       "own_seconds_sum{kind=\"a\"} 0.1\nown_seconds_count{kind=\"a\"} 2\n"
                       "# HELP own_count Not of the histogram.\n# TYPE own_count counter\nown_count 1e+300\n");
    expect_body(reply, "# TYPE footfall_store_seconds histogram\n");
    expect_body(reply, "# TYPE footfall_batch_operations histogram\n");
    memcpy(text, reply->body, reply->bytes);
    text[reply->bytes] = '\0';
    check_format(text);
}

static void who_may_see(struct site *site)
{
    static const char *const loopback[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
    static const char *const others[] = {
        "192.0.2.1", "128.0.0.1", "::", "::2", "::ffff:192.0.2.1", "none", "unix", "x"
    };
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        expect_status(site_ask(site, "GET", "/metrics", HEADERS("peer", loopback[i])), 200);
        expect_code(site_ask(site, "GET", "/metrics", HEADERS("peer", loopback[i], "X-Forwarded-For", "127.0.0.1")),
                    404, "not_found");
        expect_code(site_ask(site, "GET", "/metrics", HEADERS("peer", loopback[i], "Forwarded", "for=127.0.0.1")), 404,
                    "not_found");
        expect_code(site_ask(site, "GET", "/metrics", HEADERS("peer", loopback[i], "X-Forwarded-For", "")), 404,
                    "not_found");
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        expect_code(site_ask(site, "GET", "/metrics", HEADERS("peer", others[i])), 404, "not_found");
        expect_code(site_ask(site, "GET", "/metrics", HEADERS("peer", others[i], "Authorization", "Bearer x")), 404,
                    "not_found");
        expect_status(
            site_ask(site, "GET", "/metrics", HEADERS("peer", others[i], "Authorization", "Bearer " TOKEN, "Via", "x")),
            200);
    }
}

static void metrics(void **state)
{
    const struct footfall_web_options options = { .measure = measure, .measure_user = folder };
    (void)state;
    both_ways(numbers, &options, NULL);
    both_ways(who_may_see, NULL, WITH_ADMIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights),   cmocka_unit_test(token_files), cmocka_unit_test(listing),
        cmocka_unit_test(changing), cmocka_unit_test(metrics),
    };
    return cmocka_run_group_tests_name("web_admin", tests, make_token, remove_token);
}
