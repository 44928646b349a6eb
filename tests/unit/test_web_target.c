/* test_web_target.c: request lines cut into path and query, and headers found by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "web.h"

static void targets(void **state)
{
    static const struct {
        const char *target, *path, *query; /* query NULL: none */
    } rows[] = {
        { "/", "/", NULL },
        { "/a", "/a", NULL },
        { "/a?", "/a", "" },
        { "/a?b=c?d", "/a", "b=c?d" },
        { "/a%3Fb", "/a%3Fb", NULL },
        { "/a#b?c", "/a#b", "c" },
        { "?a", "/", "a" },
        { "", "", NULL },
        { "*", "*", NULL },
        { "a", "a", NULL },
        { "http://host/a?b", "/a", "b" },
        { "HttpS://host:1/a//b", "/a//b", NULL },
        { "http://host", "/", NULL },
        { "http://host?a", "/", "a" },
        { "http://", "/", NULL },
        { "http:///a", "/a", NULL },
        { "http:/a", "http:/a", NULL },
        { "ftp://host/a", "ftp://host/a", NULL },
        { "/http://host/a", "/http://host/a", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct footfall_web_request request = { .path_decoded = 1 };
        footfall__web_target(&request, rows[i].target, strlen(rows[i].target));
        if (request.path_bytes != strlen(rows[i].path) || memcmp(request.path, rows[i].path, request.path_bytes) != 0 ||
            (request.query != NULL) != (rows[i].query != NULL) ||
            (request.query != NULL && (request.query_bytes != strlen(rows[i].query) ||
                                       memcmp(request.query, rows[i].query, request.query_bytes) != 0)))
            fail_msg("%s: %.*s %.*s", rows[i].target, (int)request.path_bytes, request.path, (int)request.query_bytes,
                     request.query != NULL ? request.query : "");
        assert_int_equal(request.path_decoded, 0);
    }
}

static void not_past_the_end(void **state)
{
    struct footfall_web_request request = { 0 };
    (void)state;
    footfall__web_target(&request, "http://host/a?b", 11);
    assert_int_equal(request.path_bytes, 1); /* "http://host", and its '/' is not part of it */
    assert_memory_equal(request.path, "/", 1);
    footfall__web_target(&request, "/a?b", 2);
    assert_true(request.path_bytes == 2 && request.query == NULL);
    footfall__web_target(&request, "http://host", 6);
    assert_true(request.path_bytes == 6);
}

static void headers(void **state)
{
    const struct footfall_web_header all[] = { { "A", "1" }, { "b-C", "2" }, { "B-c", "3" }, { "D", "" } };
    const struct footfall_web_request request = { .headers = all, .header_count = 4 };
    (void)state;
    assert_string_equal(footfall__web_header_of(&request, "a"), "1");
    assert_string_equal(footfall__web_header_of(&request, "B-C"), "2");
    assert_string_equal(footfall__web_header_of(&request, "d"), "");
    assert_null(footfall__web_header_of(&request, "b"));
    assert_null(footfall__web_header_of(&request, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(targets), cmocka_unit_test(not_past_the_end),
                                        cmocka_unit_test(headers) };
    return cmocka_run_group_tests_name("web_target", tests, NULL, NULL);
}
