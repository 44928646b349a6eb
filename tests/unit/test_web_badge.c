/* test_web_badge.c: a counter as an SVG badge: short numbers, colours, the image. Whether it looks well tests/browser shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "badge.h"
#include "badge_font.h"

static void test_numbers(void **state)
{
    static const struct {
        int64_t value;
        const char *is;
    } cases[] = {
        { 0, "0" },
        { 1, "1" },
        { -1, "-1" },
        { 999, "999" },
        { -999, "-999" },
        { 1000, "1k" },
        { 1099, "1k" },
        { 1100, "1.1k" },
        { 1299, "1.2k" },
        { -1299, "-1.2k" },
        { 9999, "9.9k" },
        { 10000, "10k" },
        { 12999, "12k" },
        { 999999, "999k" },
        { 1000000, "1M" },
        { 3499999, "3.4M" },
        { -3499999, "-3.4M" },
        { 999999999, "999M" },
        { INT64_C(1000000000), "1G" },
        { INT64_C(9007199254740993), "9P" },
        { INT64_C(2500000000000), "2.5T" },
        { INT64_C(999999999999999999), "999P" },
        { INT64_MAX, "9.2E" },
        { INT64_MIN, "-9.2E" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        assert_int_equal(footfall__web_badge_number(out, cases[i].value), strlen(cases[i].is));
        assert_string_equal(out, cases[i].is);
    }
}

static void test_colors(void **state)
{
    static const struct {
        const char *text, *is;
    } cases[] = {
        { "brightgreen", "#44cc11" },
        { "BrightGreen", "#44cc11" },
        { "blue", "#007ec6" },
        { "lightgrey", "#9f9f9f" },
        { "lightgray", "#9f9f9f" },
        { "teal", "#008080" },
        { "4c1", "#4c1" },
        { "#4C1", "#4c1" },
        { "07EC6f", "#07ec6f" },
        { "#abcdef", "#abcdef" },
        { "", NULL },
        { "#", NULL },
        { "##4c1", NULL },
        { "4c", NULL },
        { "4c11", NULL },
        { "#4c1f0", NULL },
        { "#abcdef0", NULL },
        { "xyz", NULL },
        { "4c1\"", NULL },
        { "blue ", NULL },
        { "bluea", NULL },
        { "blu", NULL },
        { "url(#a)", NULL },
    };
    char out[8];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *color = footfall__web_badge_color(out, cases[i].text, strlen(cases[i].text));
        if (cases[i].is)
            assert_string_equal(color, cases[i].is);
        else
            assert_null(color);
    }
    assert_null(footfall__web_badge_color(out, "ab\0", 3));
    assert_string_equal(footfall__web_badge_color(out, "blueish", 4), "#007ec6"); /* not beyond its bytes */
}

static void test_characters(void **state)
{
    static const struct {
        const char *text;
        size_t bytes, length;
        uint32_t is;
    } cases[] = {
        { "a", 1, 1, 'a' },
        { "\xc3\xa9", 2, 2, 0xe9 },
        { "\xe2\x82\xac", 3, 3, 0x20ac },
        { "\xf0\x9f\x99\x82", 4, 4, 0x1f642 },
        { "\xc3", 1, 1, 0xfffd },
        { "\xe2\x82", 2, 1, 0xfffd },
        { "\xff", 1, 1, 0xfffd },
        { "\xed\xa0\x80", 3, 1, 0xfffd }, /* half of a pair */
        { "\xc0\x80", 2, 1, 0xfffd },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = 0;
        assert_int_equal(footfall__web_character(cases[i].text, cases[i].bytes, &length), cases[i].is);
        assert_int_equal(length, cases[i].length);
    }
}

static void test_widths(void **state)
{
    static const struct {
        const char *text;
        uint32_t least, most; /* in hundredths of an em */
    } cases[] = {
        { "", 0, 0 },
        { "0", 63, 64 },
        { "i", 27, 28 },
        { "W", 98, 100 },
        { "visits", 257, 260 },
        { "e\xcc\x81", 61, 62 },                                      /* a mark on it takes no room */
        { "\xc3\xa9", 61, 62 },                                       /* the same as one character */
        { "\xce\xa9", 76, 77 },                                       /* Greek */
        { "\xd0\xa9", 109, 110 },                                     /* Cyrillic */
        { "\xe8\xa8\xaa", 100, 100 },                                 /* Chinese */
        { "\xed\x95\x9c", 100, 100 },                                 /* Korean */
        { "\xf0\x9f\x91\xa9", 125, 125 },                             /* an emoji */
        { "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", 125, 125 }, /* two of them joined */
        { "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 124, 125 },             /* a flag */
        { "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", 125, 125 },             /* with a tone of skin */
        { "\xe2\x9d\xa4\xef\xb8\x8f", 100, 100 },                     /* as a picture */
        { "\xf4\x8f\xbf\xbd", 62, 63 },                               /* something */
        { "\xff\xff", 200, 200 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t width = footfall__web_text_width(cases[i].text, strlen(cases[i].text)) * 100;
        assert_in_range(width, cases[i].least * FOOTFALL_WEB_FONT_EM,
                        cases[i].most * FOOTFALL_WEB_FONT_EM + FOOTFALL_WEB_FONT_EM / 2);
    }
}

static char *svg_of(const char *label, size_t label_bytes, const char *color, int64_t value)
{
    const struct footfall_web_badge badge = { label, label_bytes, color, value };
    size_t bytes = 0;
    char *svg = footfall__web_badge_svg(&bytes, &badge);
    assert_non_null(svg);
    assert_int_equal(strlen(svg), bytes);
    return svg;
}

static void test_whole_images(void **state)
{
    static const char end[] = "</g></svg>\n";
    char *svg = svg_of("visits", 6, "#007ec6", 1234567);
    (void)state;
    assert_string_equal(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"77\" height=\"20\" role=\"img\" aria-label=\"visits: 1.2M\">"
        "<title>visits: 1234567</title>"
        "<path fill=\"#555\" d=\"M3 0H39v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\"/>"
        "<path fill=\"#007ec6\" d=\"M39 0H74a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H39z\"/>"
        "<g text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">"
        "<text x=\"19.5\" y=\"14\" fill=\"#fff\" textLength=\"28.4\">visits</text>"
        "<text x=\"58.0\" y=\"14\" fill=\"#fff\" textLength=\"27.1\">1.2M</text></g></svg>\n");
    free(svg);
    svg = svg_of("", 0, "#4c1", 7); /* the number alone */
    assert_string_equal(
        svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"18\" height=\"20\" role=\"img\" aria-label=\"7\">"
             "<title>7</title>"
             "<path fill=\"#4c1\" d=\"M3 0H15a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\"/>"
             "<g text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">"
             "<text x=\"9.0\" y=\"14\" fill=\"#111\" textLength=\"7.1\">7</text></g></svg>\n");
    free(svg);
    svg = svg_of("n", 1, "#4c1", INT64_MIN);
    assert_non_null(strstr(svg, "<title>n: -9223372036854775808</title>"));
    assert_non_null(strstr(svg, ">-9.2E</text></g></svg>\n"));
    assert_string_equal(svg + strlen(svg) - strlen(end), end);
    free(svg);
}

static void test_readable_on_every_color(void **state)
{
    static const struct {
        const char *color, *text;
    } cases[] = {
        { "#fff", "#111" },    { "#ffffff", "#111" }, { "#000", "#fff" },    { "#000000", "#fff" },
        { "#4c1", "#111" },    { "#44cc11", "#111" }, { "#dfb317", "#111" }, { "#fe7d37", "#111" },
        { "#e05d44", "#fff" }, { "#007ec6", "#fff" }, { "#9f9f9f", "#111" }, { "#555555", "#fff" },
        { "#00f", "#fff" },    { "#0f0", "#111" },    { "#f00", "#fff" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[64];
        char *svg = svg_of("n", 1, cases[i].color, 5);
        (void)snprintf(wanted, sizeof wanted, "fill=\"%s\" textLength=\"7.1\">5<", cases[i].text);
        assert_non_null(strstr(svg, wanted));
        free(svg);
    }
}

static void test_longest_labels(void **state)
{
    static const char *const parts[] = { "\"", "W", "\xff", "\xe8\xa8\xaa", "\xf0\x9f\x99\x82" };
    char label[FOOTFALL_WEB_LABEL_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const size_t part = strlen(parts[i]);
        size_t bytes = 0;
        for (; bytes + part <= sizeof label; bytes += part)
            memcpy(label + bytes, parts[i], part);
        char *svg = svg_of(label, bytes, "#44cc11", INT64_MIN);
        assert_non_null(strstr(svg, "</text></g></svg>\n"));
        free(svg);
    }
    char *whole = svg_of("\"", 1, "#4c1", 1); /* no more of it than its bytes, which no NUL ends */
    assert_null(strstr(whole, "&quot;&quot;"));
    free(whole);
}

static int refuse_all(void *user)
{
    (void)user;
    return 1;
}

static void test_no_memory(void **state)
{
    const struct footfall_web_badge badge = { "n", 1, "#4c1", 1 };
    size_t bytes = 0;
    (void)state;
    footfall__alloc_hook(refuse_all, NULL);
    assert_null(footfall__web_badge_svg(&bytes, &badge));
    footfall__alloc_hook(NULL, NULL);
}

/* Label, and what becomes of it in text and attributes. */
static void test_escapes(void **state)
{
    static const struct {
        const char *label;
        const char *is;
    } cases[] = {
        { "a&b", "a&amp;b" },
        { "<script>", "&lt;script&gt;" },
        { "\"quoted' ", "&quot;quoted&#39; " },
        { "]]>", "]]&gt;" },
        { "&amp;", "&amp;amp;" },
        { "\x01\x1f\x7f\t\n", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc2\x85", "\xef\xbf\xbd" },                             /* a control character, NEL */
        { "\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* U+FFFE and U+FFFF, which XML forbids */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* half of a pair */
        { "\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd(" },
        { "\xc3\xa9\xe8\xa8\xaa\xf0\x9f\x99\x82", "\xc3\xa9\xe8\xa8\xaa\xf0\x9f\x99\x82" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[3][256];
        char *svg = svg_of(cases[i].label, strlen(cases[i].label), "#4c1", 1234);
        (void)snprintf(wanted[0], sizeof wanted[0], " aria-label=\"%s: 1.2k\">", cases[i].is);
        (void)snprintf(wanted[1], sizeof wanted[1], "<title>%s: 1234</title>", cases[i].is);
        (void)snprintf(wanted[2], sizeof wanted[2], ">%s</text>", cases[i].is);
        for (int k = 0; k < 3; k++)
            assert_non_null(strstr(svg, wanted[k]));
        free(svg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_characters),     cmocka_unit_test(test_widths),
        cmocka_unit_test(test_whole_images),   cmocka_unit_test(test_readable_on_every_color),
        cmocka_unit_test(test_longest_labels), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_escapes),
    };
    return cmocka_run_group_tests_name("web_badge", tests, NULL, NULL);
}
