/* test_bytes.c: the leaf helpers for hashes, hex, UTF-8 and clean text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"

/* ---- hash ------------------------------------------------------------------------------------------------------------- */

/* SipHash-1-3 under the key 00 01 … 0f of the message 00 01 …, worked out by a program of its own that also gives the
 * paper's SipHash-2-4 vector. */
static void hash_vectors(void **state)
{
    static const struct {
        size_t bytes;
        uint64_t hash;
    } cases[] = {
        { 0, UINT64_C(0xabac0158050fc4dc) }, { 1, UINT64_C(0xc9f49bf37d57ca93) },  { 7, UINT64_C(0xd3927d989bb11140) },
        { 8, UINT64_C(0x369095118d299a8e) }, { 15, UINT64_C(0xd320d86d2a519956) }, { 63, UINT64_C(0x9d199062b7bbb3a8) },
    };
    static const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
    uint8_t message[64];
    (void)state;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(footfall__hash(key, message, cases[i].bytes) == cases[i].hash);
}

static void hash_depends_on_key_and_every_byte(void **state)
{
    uint64_t key[2] = { 1, 2 };
    uint8_t message[24] = { 0 };
    uint64_t first = footfall__hash(key, message, sizeof message);
    (void)state;
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = 1;
        assert_true(footfall__hash(key, message, sizeof message) != first);
        message[i] = 0;
    }
    assert_true(footfall__hash(key, message, sizeof message - 1) != first);
    key[0] = 3;
    assert_true(footfall__hash(key, message, sizeof message) != first);
    key[0] = 1;
    key[1] = 3;
    assert_true(footfall__hash(key, message, sizeof message) != first);
    key[1] = 2;
    assert_true(footfall__hash(key, message, sizeof message) == first);
}

/* ---- hex -------------------------------------------------------------------------------------------------------------- */

static void hex_of_bytes(void **state)
{
    static const uint8_t bytes[] = { 0x00, 0x01, 0x7f, 0x80, 0xab, 0xff };
    char out[2 * sizeof bytes + 2];
    (void)state;
    memset(out, '!', sizeof out);
    footfall__hex(out, bytes, sizeof bytes);
    assert_string_equal(out, "00017f80abff");
    assert_int_equal(out[2 * sizeof bytes + 1], '!');
    footfall__hex(out, bytes, 0);
    assert_string_equal(out, "");
}

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------------ */

static void utf8_lengths(void **state)
{
    static const struct {
        const char *text;
        size_t left, length;
    } cases[] = {
        { "", 0, 0 },
        { "\0", 1, 1 },
        { "a", 1, 1 },
        { "\x7f", 1, 1 },
        { "\x80", 1, 0 },                 /* a continuation alone */
        { "\xbf\xbf", 2, 0 },             /* the same */
        { "\xc0\x80", 2, 0 },             /* overlong NUL */
        { "\xc1\xbf", 2, 0 },             /* overlong U+007F */
        { "\xc2\x80", 2, 2 },             /* U+0080 */
        { "\xc2\x7f", 2, 0 },             /* no continuation */
        { "\xc2\xc0", 2, 0 },             /* no continuation */
        { "\xdf\xbf", 2, 2 },             /* U+07FF */
        { "\xc3\xa9", 1, 0 },             /* cut */
        { "\xe0\x9f\xbf", 3, 0 },         /* overlong U+07FF */
        { "\xe0\xa0\x80", 3, 3 },         /* U+0800 */
        { "\xe2\x82\xac", 3, 3 },         /* the euro */
        { "\xe2\x82\xac", 2, 0 },         /* cut */
        { "\xe2\x82\x41", 3, 0 },         /* third byte wrong */
        { "\xed\x9f\xbf", 3, 3 },         /* U+D7FF */
        { "\xed\xa0\x80", 3, 0 },         /* U+D800, a surrogate */
        { "\xed\xbf\xbf", 3, 0 },         /* U+DFFF */
        { "\xee\x80\x80", 3, 3 },         /* U+E000 */
        { "\xef\xbf\xbf", 3, 3 },         /* U+FFFF */
        { "\xf0\x8f\xbf\xbf", 4, 0 },     /* overlong U+FFFF */
        { "\xf0\x90\x80\x80", 4, 4 },     /* U+10000 */
        { "\xf0\x9f\x98\x80", 4, 4 },     /* a smiling face */
        { "\xf0\x9f\x98\x80", 3, 0 },     /* cut */
        { "\xf0\x9f\x98\xc0", 4, 0 },     /* fourth byte wrong */
        { "\xf4\x8f\xbf\xbf", 4, 4 },     /* U+10FFFF */
        { "\xf4\x90\x80\x80", 4, 0 },     /* past it */
        { "\xf5\x80\x80\x80", 4, 0 },     /* far past it */
        { "\xf8\x88\x80\x80\x80", 5, 0 }, /* five bytes */
        { "\xfe", 1, 0 },
        { "\xff", 1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(footfall__utf8_length(cases[i].text, cases[i].left), cases[i].length);
}

/* ---- text ------------------------------------------------------------------------------------------------------------- */

static void format_cuts_between_sequences(void **state)
{
    static const struct {
        size_t room;
        const char *text, *out;
    } cases[] = {
        { 8, "abcdefg", "abcdefg" },
        { 7, "abcdefg", "abcdef" },
        { 1, "abcdefg", "" },
        { 4, "ab\xc3\xa9", "ab" },
        { 5, "ab\xc3\xa9", "ab\xc3\xa9" },
        { 4, "\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac" },
        { 5, "\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac" },
        { 6, "\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac" },
        { 7, "\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac\xe2\x82\xac" },
        { 4, "\xf0\x9f\x98\x80", "" },
        { 5, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        memset(out, '!', sizeof out);
        footfall__format(out, cases[i].room, "%s", cases[i].text);
        assert_string_equal(out, cases[i].out);
        assert_int_equal(out[cases[i].room], '!');
    }
}

static void format_is_one_clean_line(void **state)
{
    char out[32];
    (void)state;
    footfall__format(out, sizeof out, "%s|%d", "a\nb\tc\x1b\x7f", 7);
    assert_string_equal(out, "a?b?c??|7");
    footfall__format(out, sizeof out, "%s", "\xff\xc3(\xed\xa0\x80"); /* nothing of it is UTF-8 but the bracket */
    assert_string_equal(out, "\?\?(\?\?\?");
    footfall__format(out, sizeof out, "%s", "whole \xc3"); /* not cut by us: shown as wrong */
    assert_string_equal(out, "whole ?");
}

static void format_without_room_does_nothing(void **state)
{
    char out[2] = "x";
    (void)state;
    footfall__format(NULL, 10, "%s", "text");
    footfall__format(out, 0, "%s", "text");
    assert_string_equal(out, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_vectors),
        cmocka_unit_test(hash_depends_on_key_and_every_byte),
        cmocka_unit_test(hex_of_bytes),
        cmocka_unit_test(utf8_lengths),
        cmocka_unit_test(format_cuts_between_sequences),
        cmocka_unit_test(format_is_one_clean_line),
        cmocka_unit_test(format_without_room_does_nothing),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
