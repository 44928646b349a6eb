/* test_logs.c: log lines as servers write them, as people edit them, and as attackers would like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "logs.h"

#define TIME "[10/Oct/2000:13:55:36 -0700]"
#define TIME_MS INT64_C(971211336000)
#define COMMON FOOTFALL_LOGS_COMMON
#define COMBINED FOOTFALL_LOGS_COMBINED

/* Only the sizes of the fields may be looked at afterwards. */
static const char *read_line(struct footfall_logs_line *out, enum footfall_logs_format format, const char *line,
                             size_t bytes)
{
    struct footfall_logs_minute minute = { { 0 }, 0, 0 };
    char *copy = malloc(bytes > 0 ? bytes : 1); /* of that size, so that a sanitizer sees what is read past its end */
    const char *reason = NULL;
    assert_non_null(copy);
    memcpy(copy, line, bytes);
    reason = footfall__logs_line(out, &minute, format, copy, bytes);
    free(copy);
    return reason;
}

static void assert_field(const char *line, struct footfall_logs_field field, const char *wanted)
{
    if (field.bytes != strlen(wanted) || memcmp(field.text, wanted, field.bytes) != 0)
        fail_msg("in '%s': '%.*s' instead of '%s'", line, (int)field.bytes, field.text, wanted);
}

struct good {
    enum footfall_logs_format format;
    const char *line, *host, *user, *method, *target, *protocol;
    int status;
    int64_t body_bytes;
    const char *referer, *agent;
};

static const struct good good_lines[] = {
    { COMMON, "127.0.0.1 - frank " TIME " \"GET /apache_pb.gif HTTP/1.0\" 200 2326", "127.0.0.1", "frank", "GET",
      "/apache_pb.gif", "HTTP/1.0", 200, 2326, "", "" },
    { COMBINED,
      "203.0.113.7 - - " TIME " \"GET / HTTP/1.1\" 304 - \"https://example.org/a?b\" \"Mozilla/5.0 (X11; Linux)\"",
      "203.0.113.7", "-", "GET", "/", "HTTP/1.1", 304, -1, "https://example.org/a?b", "Mozilla/5.0 (X11; Linux)" },
    { COMBINED, "2001:db8::7 - - " TIME " \"POST /form HTTP/2.0\" 499 0 \"-\" \"-\"\r", "2001:db8::7", "-", "POST",
      "/form", "HTTP/2.0", 499, 0, "-", "-" },
    { COMBINED, "192.0.2.1 - John Q. Public " TIME " \"GET /a HTTP/1.1\" 200 1 \"\" \"\"", "192.0.2.1",
      "John Q. Public", "GET", "/a", "HTTP/1.1", 200, 1, "", "" },
    { COMMON, "192.0.2.1 - a [b] c " TIME " \"GET /a HTTP/1.1\" 200 1", "192.0.2.1", "a [b] c", "GET", "/a", "HTTP/1.1",
      200, 1, "", "" },
    { COMMON, "192.0.2.1 - \"\" " TIME " \"GET /a HTTP/1.1\" 401 1", "192.0.2.1", "\"\"", "GET", "/a", "HTTP/1.1", 401,
      1, "", "" },
    { COMMON, "192.0.2.1 -  " TIME " \"GET /a HTTP/1.1\" 401 1", "192.0.2.1", "", "GET", "/a", "HTTP/1.1", 401, 1, "",
      "" },
    /* a user who calls himself a log line: the quote is escaped, so this is all his name */
    { COMMON,
      "192.0.2.1 - x [01/Jan/2030:00:00:00 +0000] \\\"GET /forged HTTP/1.1\\\" 200 5 " TIME
      " \"GET /true HTTP/1.1\" 401 1",
      "192.0.2.1", "x [01/Jan/2030:00:00:00 +0000] \\\"GET /forged HTTP/1.1\\\" 200 5", "GET", "/true", "HTTP/1.1", 401,
      1, "", "" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET /\" 200 5", "192.0.2.1", "-", "GET", "/", "", 200, 5, "", "" },
    { COMMON, "192.0.2.1 - - " TIME " \"-\" 408 -", "192.0.2.1", "-", "", "", "", 408, -1, "", "" },
    { COMMON, "192.0.2.1 - - " TIME " \"\" 400 0", "192.0.2.1", "-", "", "", "", 400, 0, "", "" },
    { COMMON, "192.0.2.1 - - " TIME " \"\\x16\\x03\\x01 \\x02 /\" 400 150", "192.0.2.1", "-", "", "", "", 400, 150, "",
      "" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET /a b  c HTTP/1.1\" 400 150", "192.0.2.1", "-", "GET", "/a b  c", "HTTP/1.1",
      400, 150, "", "" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET /say/\\\"hi\\\" HTTP/1.1\" 200 1", "192.0.2.1", "-", "GET",
      "/say/\\\"hi\\\"", "HTTP/1.1", 200, 1, "", "" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"\\\\\" \"a\\\\\\\" b\"", "192.0.2.1", "-", "GET",
      "/", "HTTP/1.1", 200, 1, "\\\\", "a\\\\\\\" b" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"x\" \"198.51.100.1\" rt=0.01", "192.0.2.1",
      "-", "GET", "/", "HTTP/1.1", 200, 1, "-", "x" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"x\"", "192.0.2.1", "-", "GET", "/", "HTTP/1.1",
      200, 1, "", "" },
    { COMMON, "crawler.example.org - - " TIME " \"HEAD http://example.org/x HTTP/1.1\" 000 9223372036854775807",
      "crawler.example.org", "-", "HEAD", "http://example.org/x", "HTTP/1.1", 0, INT64_MAX, "", "" },
};

static void test_good_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_lines / sizeof good_lines[0]; i++) {
        const struct good *want = &good_lines[i];
        struct footfall_logs_line got;
        struct footfall_logs_minute minute = { { 0 }, 0, 0 };
        const char *reason = footfall__logs_line(&got, &minute, want->format, want->line, strlen(want->line));
        if (reason != NULL)
            fail_msg("'%s': %s", want->line, reason);
        assert_field(want->line, got.host, want->host);
        assert_field(want->line, got.user, want->user);
        assert_field(want->line, got.method, want->method);
        assert_field(want->line, got.target, want->target);
        assert_field(want->line, got.protocol, want->protocol);
        assert_field(want->line, got.referer, want->referer);
        assert_field(want->line, got.agent, want->agent);
        assert_int_equal(got.status, want->status);
        assert_true(got.body_bytes == want->body_bytes);
        assert_true(got.time_ms == TIME_MS);
        assert_false(got.plain);
    }
}

static const struct bad {
    enum footfall_logs_format format;
    const char *line, *reason;
} bad_lines[] = {
    { COMMON, "", "empty line" },
    { COMMON, "\r", "empty line" },
    { COMMON, " - - " TIME " \"GET / HTTP/1.1\" 200 1", "no host" },
    { COMMON, "example.org:80 192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1", "bad host" },
    { COMMON, "192.0.2.1\x01 - - " TIME " \"GET / HTTP/1.1\" 200 1", "bad host" },
    { COMMON, "192.0.2.\xc3\xa9 - - " TIME " \"GET / HTTP/1.1\" 200 1", "bad host" },
    { COMMON, "192.0.2.1", "no time" },
    { COMMON, "192.0.2.1 - -", "no time" },
    { COMMON, "192.0.2.1 " TIME " \"GET / HTTP/1.1\" 200 1", "too few fields" },
    { COMMON, "192.0.2.1 - " TIME " \"GET / HTTP/1.1\" 200 1", "too few fields" },
    { COMMON, "192.0.2.1  - " TIME " \"GET / HTTP/1.1\" 200 1", "too few fields" },
    { COMMON, "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700", "bad time" },
    { COMMON, "192.0.2.1 - - [10/Oct/2000:13:55:36] \"GET / HTTP/1.1\" 200 1", "bad time" },
    { COMMON, "192.0.2.1 - - [2000-10-10T13:55:36+00:00] \"GET / HTTP/1.1\" 200 1", "bad time" },
    { COMMON, "192.0.2.1 - - [31/Apr/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1", "bad time" },
    { COMMON, "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700]", "no request" },
    { COMMON, "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] GET / HTTP/1.1 200 1", "no request" },
    { COMMON, "192.0.2.1 - - " TIME " \"", "no closing quote" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1", "no closing quote" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\\\" 200 1", "no closing quote" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\"", "no status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 20", "no status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 20 1", "bad status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 2000 1", "bad status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" - 1", "bad status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" -20 1", "bad status" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200", "no size" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 ", "no size" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200  1", "no size" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1k", "bad size" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 -1", "bad size" },
    { COMMON, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 9223372036854775808", "bad size" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1", "no referer" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 - -", "no referer" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-", "no closing quote" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\"", "no user agent" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla", "no closing quote" },
    { COMBINED, "192.0.2.1 - - " TIME " \"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla \\\"", "no closing quote" },
    { COMMON, "{\"remote_addr\":\"192.0.2.1\",\"status\":200}", "no time" },
    { COMMON, "# a comment", "no time" },
};

static void test_bad_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++) {
        struct footfall_logs_line got;
        const char *reason = read_line(&got, bad_lines[i].format, bad_lines[i].line, strlen(bad_lines[i].line));
        if (reason == NULL || strcmp(reason, bad_lines[i].reason) != 0)
            fail_msg("'%s': '%s' instead of '%s'", bad_lines[i].line, reason == NULL ? "fine" : reason,
                     bad_lines[i].reason);
    }
}

static void test_bytes_of_any_value(void **state)
{
    static const char nul_in_host[] = "192.0.2.1\0 - - " TIME " \"GET / HTTP/1.1\" 200 1";
    static const char nul_in_target[] = "192.0.2.1 - - " TIME " \"GET /a\0b HTTP/1.1\" 200 1";
    static const char zeros[300] = { 0 };
    struct footfall_logs_line got;
    char host[400];
    (void)state;
    assert_string_equal(read_line(&got, COMMON, nul_in_host, sizeof nul_in_host - 1), "bad host");
    assert_string_equal(read_line(&got, COMMON, zeros, sizeof zeros), "bad host");
    assert_null(read_line(&got, COMMON, nul_in_target, sizeof nul_in_target - 1));
    assert_int_equal(got.target.bytes, 4);
    memset(host, 'a', sizeof host);
    assert_string_equal(read_line(&got, COMMON, host, 256), "bad host");
    assert_string_equal(read_line(&got, COMMON, host, 255), "no time");
}

/* What a server has written only half of yet must be no line, or say the same as the whole will. */
static void test_every_beginning_of_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_lines / sizeof good_lines[0]; i++) {
        const struct good *want = &good_lines[i];
        for (size_t bytes = 0; bytes < strlen(want->line); bytes++) {
            struct footfall_logs_minute minute = { { 0 }, 0, 0 };
            struct footfall_logs_line got;
            if (footfall__logs_line(&got, &minute, want->format, want->line, bytes) != NULL)
                continue;
            assert_field(want->line, got.host, want->host);
            assert_field(want->line, got.target, want->target);
            assert_field(want->line, got.agent, want->agent);
            assert_int_equal(got.status, want->status);
            assert_true(got.time_ms == TIME_MS);
            assert_true(want->format == COMMON || bytes + 30 > strlen(want->line));
            (void)read_line(&got, want->format, want->line, bytes);
        }
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t wanted;
    } cases[] = {
        { "01/Jan/1970:00:00:00 +0000", 0 },
        { "31/Dec/1969:23:59:59 +0000", -1000 },
        { "01/Jan/1970:01:00:00 +0100", 0 },
        { "31/Dec/1969:16:00:01 -0800", 1000 },
        { "29/Feb/2000:12:00:00 +0000", INT64_C(951825600000) },
        { "29/Feb/2024:23:59:59 +0530", INT64_C(1709231399000) },
        { "31/Dec/2016:23:59:60 +0000", INT64_C(1483228799999) },
        { "31/Dec/9999:23:59:59 +0000", INT64_C(253402300799000) },
        { "01/Mar/0000:00:00:00 +0000", INT64_C(-62162035200000) },
        { "28/Nov/2026:10:11:12 -2359", INT64_C(1795947012000) },
    };
    static const char *const wrong[] = {
        "29/Feb/1900:12:00:00 +0000", "29/Feb/2023:12:00:00 +0000", "00/Jan/2023:12:00:00 +0000",
        "32/Jan/2023:12:00:00 +0000", "01/jan/2023:12:00:00 +0000", "01/Foo/2023:12:00:00 +0000",
        "01/Jan/2023:24:00:00 +0000", "01/Jan/2023:12:60:00 +0000", "01/Jan/2023:12:00:61 +0000",
        "01/Jan/2023:12:00:00 +2400", "01/Jan/2023:12:00:00 +0060", "01/Jan/2023:12:00:00 00000",
        "01/Jan/2023:12:00:00+00000", "01-Jan-2023:12:00:00 +0000", "01/Jan/2023 12:00:00 +0000",
        " 1/Jan/2023:12:00:00 +0000", "01/Jan/-023:12:00:00 +0000", "01/Jan/2023:12:00:0x +0000",
    };
    struct footfall_logs_minute minute = { { 0 }, 0, 0 };
    int64_t got = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(strlen(cases[i].text), FOOTFALL_LOGS_TIME_BYTES);
        assert_int_equal(footfall__logs_time(&got, &minute, cases[i].text), 0);
        if (got != cases[i].wanted)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
        assert_int_equal(footfall__logs_time(&got, &minute, cases[i].text), 0); /* from the minute that is known */
        assert_true(got == cases[i].wanted);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (footfall__logs_time(&got, &minute, wrong[i]) == 0)
            fail_msg("%s was read", wrong[i]);
}

/* Another second, minute or zone is not taken from the one before. */
static void test_times_one_after_another(void **state)
{
    struct footfall_logs_minute minute = { { 0 }, 0, 0 };
    int64_t first = 0, then = 0;
    (void)state;
    assert_int_equal(footfall__logs_time(&first, &minute, "10/Oct/2000:13:55:36 -0700"), 0);
    assert_int_equal(footfall__logs_time(&then, &minute, "10/Oct/2000:13:55:37 -0700"), 0);
    assert_int_equal(then - first, 1000);
    assert_int_equal(footfall__logs_time(&then, &minute, "10/Oct/2000:13:55:36 -0600"), 0);
    assert_int_equal(then - first, -3600000);
    assert_int_equal(footfall__logs_time(&then, &minute, "10/Oct/2000:13:56:36 -0600"), 0);
    assert_int_equal(then - first, -3540000);
    assert_int_equal(footfall__logs_time(&then, &minute, "10/Oct/2000:13:5x:36 -0600"), -1);
    assert_int_equal(footfall__logs_time(&then, &minute, "10/Oct/2000:13:56:36 -0700"), 0);
    assert_int_equal(then - first, 60000);
}

static void test_rfc3339(void **state)
{
    static const struct {
        const char *text;
        enum footfall_logs_date_form form;
        int64_t time_ms;
    } cases[] = {
        { "2026-03-01T00:00:00Z", FOOTFALL_LOGS_DATE, INT64_C(1772323200000) },
        { "2026-03-01t00:00:00z", FOOTFALL_LOGS_DATE, INT64_C(1772323200000) },
        { "2026-03-01 01:00:00+01:00", FOOTFALL_LOGS_DATE, INT64_C(1772323200000) },
        { "2026-03-01T01:00:00+0100", FOOTFALL_LOGS_DATE, INT64_C(1772323200000) },
        { "2026-02-28T18:30:00.9999999-05:30", FOOTFALL_LOGS_DATE, INT64_C(1772323200999) },
        { "2016-12-31T23:59:60.5Z", FOOTFALL_LOGS_DATE, INT64_C(1483228799999) },
        { "1969-12-31T23:59:59.999Z", FOOTFALL_LOGS_DATE, -1 },
        { "2026-03-01T00:00:00", FOOTFALL_LOGS_NO_OFFSET, 0 },
        { "2026-03-01T00:00:00.123", FOOTFALL_LOGS_NO_OFFSET, 0 },
        { "2026-02-29T00:00:00Z", FOOTFALL_LOGS_BAD_DATE, 0 },
        { "2026-13-01T00:00:00Z", FOOTFALL_LOGS_BAD_DATE, 0 },
        { "2026-03-01T24:00:00Z", FOOTFALL_LOGS_BAD_DATE, 0 },
        { "2026-03-01T00:00:61Z", FOOTFALL_LOGS_BAD_DATE, 0 },
        { "", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:0", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00.", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00.Z", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00+", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00+1", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00+01:", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00+24:00", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00+00:60", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-03-01T00:00:00Z ", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026/03/01 00:00:00Z", FOOTFALL_LOGS_NO_DATE, 0 },
        { "2026-3-01T00:00:00Z", FOOTFALL_LOGS_NO_DATE, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        size_t bytes = strlen(cases[i].text);
        char *copy = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(copy);
        memcpy(copy, cases[i].text, bytes);
        if (footfall__logs_rfc3339(&ms, copy, bytes) != cases[i].form || ms != cases[i].time_ms)
            fail_msg("'%s': %lld", cases[i].text, (long long)ms);
        free(copy);
    }
}

static void test_days_against_the_c_library(void **state)
{
    int64_t day = -200000;
    (void)state;
    for (; day < 400000; day += 1) {
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(footfall__logs_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) == day);
    }
}

static void test_escapes(void **state)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "a\\\"b\\\\c", "a\"b\\c" },
        { "\\x22\\x5C\\xe2\\x82\\xac", "\"\\\xe2\x82\xac" },
        { "\\n\\t\\r\\b\\v\\f\\/", "\n\t\r\b\v\f/" },
        { "\\q\\x4\\xg0\\", "\\q\\x4\\xg0\\" },
        { "\\\\x22", "\\x22" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_field field = { cases[i].text, strlen(cases[i].text) };
        char out[64] = { 0 };
        size_t bytes = footfall__logs_unescape(out, field);
        assert_int_equal(bytes, strlen(cases[i].wanted));
        assert_memory_equal(out, cases[i].wanted, bytes);
    }
}

static void test_paths(void **state)
{
    static const struct {
        const char *target, *path, *reason;
    } cases[] = {
        { "/", "/", NULL },
        { "/a/b.html", "/a/b.html", NULL },
        { "/a?b=/c#d", "/a", NULL },
        { "/a#b?c", "/a", NULL },
        { "/?", "/", NULL },
        { "//a", "//a", NULL },
        { "/a%20b%2Fc%3fd", "/a b/c?d", NULL },
        { "/caf%C3%A9", "/caf\xc3\xa9", NULL },
        { "/%2541", "/%41", NULL },
        { "/%zz%4%", "/%zz%4%", NULL },
        { "/%%41", "/%A", NULL },
        { "/say\\x22\\\"%22", "/say\"\"\"", NULL },
        { "/\\xd0\\xb6", "/\xd0\xb6", NULL },
        { "/a\\x3fb", "/a", NULL },
        { "http://example.org/a?b", "/a", NULL },
        { "HTTPS://example.org:8443/%41", "/A", NULL },
        { "http://example.org", "/", NULL },
        { "http://example.org?x/y", "/", NULL },
        { "http://h", "/", NULL },
        { "http://", NULL, "no path" },
        { "http:///a", NULL, "no path" },
        { "ftp://example.org/a", NULL, "no path" },
        { "example.org:443", NULL, "no path" },
        { "*", NULL, "no path" },
        { "a/b", NULL, "no path" },
        { "?x", NULL, "no path" },
        { "", NULL, "no request" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_logs_field field = { cases[i].target, strlen(cases[i].target) };
        char *out = malloc(field.bytes + 2);
        size_t bytes = 0;
        const char *reason = NULL;
        assert_non_null(out);
        reason = footfall__logs_path(out, &bytes, field, 0);
        if (cases[i].path == NULL) {
            assert_non_null(reason);
            assert_string_equal(reason, cases[i].reason);
        } else {
            assert_null(reason);
            assert_string_equal(out, cases[i].path);
            assert_int_equal(bytes, strlen(cases[i].path));
        }
        free(out);
    }
}

/* What no log has escaped keeps its backslashes. */
static void test_plain_path(void **state)
{
    struct footfall_logs_field field = { "/a\\x41\\\"%42?c", 12 };
    char out[16];
    size_t bytes = 0;
    (void)state;
    assert_null(footfall__logs_path(out, &bytes, field, 1));
    assert_string_equal(out, "/a\\x41\\\"B");
    assert_int_equal(bytes, 9);
    assert_null(footfall__logs_path(out, &bytes, field, 0));
    assert_string_equal(out, "/aA\"B");
}

static void test_path_with_nul(void **state)
{
    struct footfall_logs_field field = { "/a%00b", 6 };
    char out[8];
    size_t bytes = 0;
    (void)state;
    assert_null(footfall__logs_path(out, &bytes, field, 0));
    assert_int_equal(bytes, 4);
    assert_memory_equal(out, "/a\0b", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_lines),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_bytes_of_any_value),
        cmocka_unit_test(test_every_beginning_of_a_line),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_one_after_another),
        cmocka_unit_test(test_days_against_the_c_library),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_plain_path),
        cmocka_unit_test(test_path_with_nul),
        cmocka_unit_test(test_rfc3339),
    };
    return cmocka_run_group_tests_name("logs", tests, NULL, NULL);
}
