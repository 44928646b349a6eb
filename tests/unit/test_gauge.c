/* test_gauge.c: the line of progress that ingest shows: figures short enough to be read, as many as a width has room for. When
 * it is shown is tested on a terminal, in tests/cli. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest.h"

static void draw(char out[512], struct footfall_ingest_gauge gauge, size_t columns)
{
    gauge.on = gauge.off = "";
    memset(out, 'x', 512);
    footfall__ingest_draw_gauge(out, 512, &gauge, columns);
}

static void test_figures(void **state)
{
    static const struct {
        struct footfall_ingest_gauge gauge;
        const char *line;
    } cases[] = {
        { { .lines = 0, .share = -1, .seconds_left = -1 }, "0 lines" },
        { { .lines = 1, .share = -1, .seconds_left = -1, .lines_per_second = 0.04 }, "1 line" },
        { { .lines = 2, .share = -1, .seconds_left = -1, .lines_per_second = 0.06 }, "2 lines  0.1/s" },
        { { .lines = 999, .share = -1, .seconds_left = -1, .lines_per_second = 9.94 }, "999 lines  9.9/s" },
        { { .lines = 1000, .share = -1, .seconds_left = -1, .lines_per_second = 9.96 }, "1,000 lines  10/s" },
        { { .lines = 12345678, .share = -1, .seconds_left = -1, .lines_per_second = 999.4 },
          "12,345,678 lines  999/s" },
        { { .lines = UINT64_MAX, .share = -1, .seconds_left = -1, .lines_per_second = 999.6 },
          "18,446,744,073,709,551,615 lines  1.0k/s" },
        { { .lines = 5, .share = -1, .seconds_left = -1, .lines_per_second = 9949 }, "5 lines  9.9k/s" },
        { { .lines = 5, .share = -1, .seconds_left = -1, .lines_per_second = 9951 }, "5 lines  10k/s" },
        { { .lines = 5, .share = -1, .seconds_left = -1, .lines_per_second = 999600 }, "5 lines  1.0M/s" },
        { { .lines = 5, .share = -1, .seconds_left = -1, .lines_per_second = 1.5e9 }, "5 lines  1.5G/s" },
        { { .lines = 5, .share = -1, .seconds_left = -1, .lines_per_second = 1e18 }, "5 lines  1000000T/s" },
        { { .lines = 5, .share = 0, .seconds_left = -1 }, "  0%  5 lines" },
        { { .lines = 5, .share = 0.429, .seconds_left = 0 }, " 42%  5 lines  0:00 left" },
        { { .lines = 5, .share = 1, .seconds_left = 0.2 }, "100%  5 lines  0:01 left" },
        { { .lines = 5, .share = 0.5, .seconds_left = 59.5 }, " 50%  5 lines  1:00 left" },
        { { .lines = 5, .share = 0.5, .seconds_left = 3599 }, " 50%  5 lines  59:59 left" },
        { { .lines = 5, .share = 0.5, .seconds_left = 3600 }, " 50%  5 lines  1:00:00 left" },
        { { .lines = 5, .share = 0.5, .seconds_left = 359999 }, " 50%  5 lines  99:59:59 left" },
        { { .lines = 5, .share = 0.5, .seconds_left = 1e300 }, " 50%  5 lines" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[512];
        draw(line, cases[i].gauge, strlen(cases[i].line));
        assert_string_equal(line, cases[i].line);
    }
}

static void test_widths(void **state)
{
    static const struct {
        size_t columns;
        const char *line;
    } cases[] = {
        { 500, " 40%  [###########.................]  12,345,678 lines  1.2M/s  0:12 left" },
        { 73, " 40%  [###########.................]  12,345,678 lines  1.2M/s  0:12 left" },
        { 72, " 40%  [##########.................]  12,345,678 lines  1.2M/s  0:12 left" },
        { 53, " 40%  [###.....]  12,345,678 lines  1.2M/s  0:12 left" },
        { 52, " 40%  12,345,678 lines  1.2M/s  0:12 left" },
        { 41, " 40%  12,345,678 lines  1.2M/s  0:12 left" },
        { 40, " 40%  12,345,678 lines  0:12 left" },
        { 33, " 40%  12,345,678 lines  0:12 left" },
        { 32, " 40%  [#####........]  0:12 left" },
        { 29, " 40%  [####......]  0:12 left" },
        { 28, " 40%  [###......]  0:12 left" },
        { 27, " 40%  [###.....]  0:12 left" },
        { 26, " 40%  0:12 left" },
        { 15, " 40%  0:12 left" },
        { 14, " 40%" },
        { 4, " 40%" },
        { 3, "" },
        { 0, "" },
    };
    static const struct footfall_ingest_gauge gauge = {
        .lines = 12345678, .lines_per_second = 1234567, .share = 0.4, .seconds_left = 11.5
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[512];
        draw(line, gauge, cases[i].columns);
        assert_string_equal(line, cases[i].line);
        assert_true(strlen(line) <= cases[i].columns);
    }
}

/* However little room there is, nothing is written beyond it. */
static void test_bar(void **state)
{
    struct footfall_ingest_gauge gauge = {
        .lines = 1, .share = 0.5, .seconds_left = -1, .utf8 = 1, .on = "<", .off = ">"
    };
    char line[512];
    (void)state;
    footfall__ingest_draw_gauge(line, sizeof line, &gauge, 4 + 2 + 10 + 2 + 6);
    assert_string_equal(line, " 50%  <━━━━━>─────  1 line");
    gauge.share = 1;
    footfall__ingest_draw_gauge(line, sizeof line, &gauge, 4 + 2 + 10 + 2 + 6);
    assert_string_equal(line, "100%  <━━━━━━━━━━>  1 line");
    for (size_t size = 1; size < 60; size++) {
        memset(line, 'x', sizeof line);
        footfall__ingest_draw_gauge(line, size, &gauge, 80);
        assert_true(strlen(line) < size);
        assert_int_equal(line[size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_bar),
    };
    return cmocka_run_group_tests_name("gauge", tests, NULL, NULL);
}
