/* test_name.c: what may be a counter's name and a list's prefix, and how errors show what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "name.h"

static const char long_name[] = /* 201 bytes */
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x";

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void good_names(void **state)
{
    static const char *const names[] = {
        "a",
        " ",
        "main_page",
        "/index.html?q=1#top",
        "{curly}:{braces}",
        "a b  c ",
        "..",
        "\"quoted\"",
        "\xc2\x80",             /* U+0080 */
        "\xc3\xa9t\xc3\xa9",    /* été */
        "\xe0\xa0\x80",         /* U+0800 */
        "\xed\x9f\xbf",         /* U+D7FF, just below the surrogates */
        "\xee\x80\x80",         /* U+E000, just above them */
        "\xef\xbf\xbf",         /* U+FFFF */
        "\xef\xbb\xbfx",        /* a byte order mark is a character like others */
        "\xf0\x90\x80\x80",     /* U+10000 */
        "\xf4\x8f\xbf\xbf",     /* U+10FFFF */
        "\xf0\x9f\x98\x80 \x7e" /* 0x7e is the last below 0x7f */
    };
    struct footfall_error err;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memset(&err, 'x', sizeof err);
        assert_int_equal(footfall_name_check(names[i], strlen(names[i]), &err), FOOTFALL_OK);
        assert_int_equal(err.status, FOOTFALL_OK);
        assert_string_equal(err.text, "");
        assert_int_equal(footfall_name_check(names[i], strlen(names[i]), NULL), FOOTFALL_OK);
    }
}

static void bad_names(void **state)
{
    static const struct {
        const char *name;
        size_t bytes;
        const char *parts[3]; /* all must be in the text */
    } cases[] = {
        { NULL, 0, { "missing", "NULL" } },
        { NULL, 5, { "missing", "NULL" } },
        { "", 0, { "empty" } },
        { "a\0b", 3, { "\"a?b\"", "NUL at offset 1", "0x00" } },
        { "\0", 1, { "\"?\"", "NUL at offset 0" } },
        { "line\n", 5, { "\"line?\"", "control character at offset 4", "0x0a" } },
        { "\x1b[2J", 4, { "\"?[2J\"", "control character at offset 0", "0x1b" } },
        { "ab\x1f", 3, { "\"ab?\"", "control character at offset 2", "0x1f" } },
        { "ab\x7f", 3, { "\"ab?\"", "control character at offset 2", "0x7f" } },
        { "ab\x80", 3, { "\"ab?\"", "no valid UTF-8 at offset 2", "0x80" } },
        { "\xc0\xaf", 2, { "\"\?\?\"", "no valid UTF-8 at offset 0", "0xc0" } },           /* overlong / */
        { "\xc1\xbf", 2, { "no valid UTF-8 at offset 0", "0xc1" } },                       /* overlong */
        { "x\xe0\x9f\xbf", 4, { "no valid UTF-8 at offset 1", "0xe0" } },                  /* overlong */
        { "\xf0\x8f\xbf\xbf", 4, { "no valid UTF-8 at offset 0", "0xf0" } },               /* overlong */
        { "\xed\xa0\x80", 3, { "no valid UTF-8 at offset 0", "0xed" } },                   /* U+D800 */
        { "\xed\xbf\xbf", 3, { "no valid UTF-8 at offset 0", "0xed" } },                   /* U+DFFF */
        { "\xf4\x90\x80\x80", 4, { "no valid UTF-8 at offset 0", "0xf4" } },               /* U+110000 */
        { "\xf5\x80\x80\x80", 4, { "no valid UTF-8 at offset 0", "0xf5" } },               /* never */
        { "\xfe\xff", 2, { "no valid UTF-8 at offset 0", "0xfe" } },                       /* never */
        { "caf\xc3", 4, { "\"caf?\"", "no valid UTF-8 at offset 3", "0xc3" } },            /* truncated */
        { "\xe2\x82", 2, { "\"\?\?\"", "no valid UTF-8 at offset 0", "0xe2" } },           /* truncated */
        { "\xf0\x9f\x98", 3, { "no valid UTF-8 at offset 0", "0xf0" } },                   /* truncated */
        { "\xe2\x82\xac\n", 4, { "\"\xe2\x82\xac?\"", "control character at offset 3" } }, /* good, then bad */
        { "\xc2\x9b"
          "2J\n",
          5,
          { "\"?2J?\"", "control character at offset 4" } }, /* CSI for terminals */
        { long_name, 201, { "too long", "201 bytes", "at most 200" } },
        { long_name, SIZE_MAX, { "too long", "at most 200" } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_error err;
        memset(&err, 'x', sizeof err);
        assert_int_equal(footfall_name_check(cases[i].name, cases[i].bytes, &err), FOOTFALL_INVALID);
        assert_int_equal(err.status, FOOTFALL_INVALID);
        assert_int_equal(err.native, 0);
        assert_has(err.text, "name");
        for (size_t j = 0; j < 3 && cases[i].parts[j] != NULL; j++)
            assert_has(err.text, cases[i].parts[j]);
        assert_int_equal(footfall_name_check(cases[i].name, cases[i].bytes, NULL), FOOTFALL_INVALID);
    }
}

static void two_hundred_bytes_and_no_more(void **state)
{
    char euros[201];
    struct footfall_error err;
    (void)state;
    assert_int_equal(sizeof long_name - 1, 201);
    assert_int_equal(footfall_name_check(long_name, 200, &err), FOOTFALL_OK);
    assert_int_equal(footfall_name_check(long_name, 201, &err), FOOTFALL_INVALID);
    for (size_t i = 0; i + 3 <= sizeof euros; i += 3)
        memcpy(euros + i, "\xe2\x82\xac", 3);
    assert_int_equal(footfall_name_check(euros, 198, &err), FOOTFALL_OK);
    assert_int_equal(footfall_name_check(euros, 200, &err), FOOTFALL_INVALID); /* ends inside the 67th */
    assert_has(err.text, "offset 198");
    assert_int_equal(footfall_name_check(euros, 201, &err), FOOTFALL_INVALID);
    assert_has(err.text, "201 bytes");
}

static void long_names_are_shown_cut(void **state)
{
    char name[200];
    struct footfall_error err;
    (void)state;
    memset(name, 'a', sizeof name);
    name[199] = '\n';
    assert_int_equal(footfall_name_check(name, sizeof name, &err), FOOTFALL_INVALID);
    assert_has(err.text, "aaa...\"");
    assert_has(err.text, "offset 199");
    for (size_t i = 0; i + 4 <= sizeof name; i += 4) /* never cut inside a sequence */
        memcpy(name + i, "\xf0\x9f\x98\x80", 4);
    name[199] = 'x';
    assert_int_equal(footfall_name_check(name, sizeof name, &err), FOOTFALL_INVALID);
    assert_has(err.text, "\xf0\x9f\x98\x80...\"");
    assert_null(strchr(err.text, '?'));
}

static void prefixes(void **state)
{
    struct footfall_error err;
    (void)state;
    assert_int_equal(footfall__prefix_check("", 0, &err), FOOTFALL_OK);
    assert_int_equal(footfall__prefix_check("/blog/", 6, &err), FOOTFALL_OK);
    assert_int_equal(footfall__prefix_check("caf\xc3", 4, &err), FOOTFALL_OK); /* cut inside a sequence */
    assert_int_equal(footfall__prefix_check("\xa9", 1, &err), FOOTFALL_OK);    /* finds nothing, harms nothing */
    assert_int_equal(footfall__prefix_check(long_name, 200, &err), FOOTFALL_OK);
    assert_int_equal(footfall__prefix_check(long_name, 201, &err), FOOTFALL_INVALID);
    assert_has(err.text, "prefix");
    assert_has(err.text, "at most 200");
    assert_int_equal(footfall__prefix_check("a\0b", 3, &err), FOOTFALL_INVALID);
    assert_has(err.text, "prefix \"a?b\": NUL at offset 1");
    assert_int_equal(footfall__prefix_check("\t", 1, &err), FOOTFALL_INVALID);
    assert_has(err.text, "control character at offset 0");
    assert_int_equal(footfall__prefix_check("\x7f", 1, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall__prefix_check(NULL, 0, &err), FOOTFALL_INVALID);
    assert_has(err.text, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(two_hundred_bytes_and_no_more),
        cmocka_unit_test(long_names_are_shown_cut),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
