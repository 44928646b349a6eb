/* names.c: what may be a counter's name is ordinary in every byte; what may not is refused by every operation, with a text that
 * says what is wrong, and nothing is written. */
#include "cases.h"
#include "suite_asks.h"

#include <string.h>

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* In byte order. */
static const char *const good[] = {
    " ",
    " a",
    "!",
    "\"",
    "#",
    "%",
    "%00",
    "%2F",
    "'; DROP TABLE counters; --",
    "*",
    "..",
    "/",
    "//",
    "/index.html",
    "/index.html/",
    HUNDRED HUNDRED,
    ":",
    "A",
    "INF",
    "[a-z]*",
    "\\",
    "__proto__",
    "a",
    "a ",
    "a b",
    "a%",
    "a_b",
    "aa",
    "cafe\xcc\x81",
    "caf\xc3\xa9",
    "null",
    "{a}",
    "}",
    "~",
    "\xc2\x80",
    "\xd8\xa7\xd9\x84\xd8\xb1",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x9f\x90\xbe",
    "\xf4\x8f\xbf\xbf",
};
enum { GOOD = sizeof(good) / sizeof(good[0]) };

struct bad_name {
    const char *name;
    const char *word; /* that the refusal must hold */
};
static const struct bad_name bad[] = {
    { "", "empty" },
    { HUNDRED HUNDRED "x", "200" },
    { "a\nb", "control" },
    { "\t", "control" },
    { "\x01", "control" },
    { "tail\x1f", "control" },
    { "\x7f", "control" },
    { "\x80", "UTF-8" },
    { "\xff", "UTF-8" },
    { "a\xc0\x80", "UTF-8" },        /* NUL, overlong */
    { "\xc1\xbf", "UTF-8" },         /* overlong */
    { "\xe0\x9f\xbf", "UTF-8" },     /* overlong */
    { "\xed\xa0\x80", "UTF-8" },     /* a surrogate */
    { "\xed\xbf\xbf", "UTF-8" },     /* a surrogate */
    { "\xf0\x8f\xbf\xbf", "UTF-8" }, /* overlong */
    { "\xf4\x90\x80\x80", "UTF-8" }, /* past U+10FFFF */
    { "\xf8\x88\x80\x80\x80", "UTF-8" },
    { "cut \xe2\x82", "UTF-8" },
    { "latin\xe9", "UTF-8" },
};
enum { BAD = sizeof(bad) / sizeof(bad[0]) };

static void names_of_every_good_kind_are_counters_of_their_own(void **state)
{
    struct footfall_result r[GOOD];
    struct footfall *ff = suite_open(*state, NULL);
    for (int i = 0; i < GOOD; i++)
        EXPECT_ADD(ff, good[i], i + 1, i + 1, 0);
    for (int i = 0; i < GOOD; i++)
        EXPECT_VISIT(ff, good[i], "203.0.113.7", NOON, 1, i + 2, 1);
    assert_int_equal(footfall_read(ff, good, GOOD, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < GOOD; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, FOOTFALL_EXISTS, i + 2, 1);
    for (int i = 0; i < GOOD; i += 2)
        EXPECT_DELETE(ff, good[i], i + 2, 1);
    assert_int_equal(footfall_read(ff, good, GOOD, NULL, r, NULL), FOOTFALL_OK);
    for (int i = 0; i < GOOD; i++)
        EXPECT_ANSWER(r[i], FOOTFALL_OK, i % 2 ? FOOTFALL_EXISTS : 0, i % 2 ? i + 2 : 0, i % 2);
}

struct walk {
    int next;
};

static int compare_next(void *user, const char *name, int64_t total, int64_t unique)
{
    struct walk *walk = user;
    assert_true(walk->next < GOOD);
    assert_string_equal(name, good[walk->next]);
    assert_int_equal(total, walk->next);
    assert_int_equal(unique, 0);
    walk->next++;
    return 0;
}

static void names_of_every_good_kind_are_listed_in_byte_order(void **state)
{
    struct walk walk = { 0 };
    struct footfall *ff = suite_open(*state, NULL);
    for (int i = GOOD - 1; i >= 0; i--)
        EXPECT_ADD(ff, good[i], i, i, 0);
    assert_int_equal(footfall_list(ff, "", NULL, NULL, compare_next, &walk, NULL), FOOTFALL_OK);
    assert_int_equal(walk.next, GOOD);
    for (int i = 0; i < GOOD; i++) {
        walk.next = i + 1;
        assert_int_equal(footfall_list(ff, "", good[i], NULL, compare_next, &walk, NULL), FOOTFALL_OK);
        assert_int_equal(walk.next, GOOD);
    }
}

static void names_of_every_single_byte(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    for (int byte = 1; byte < 256; byte++) {
        char name[2] = { (char)byte, '\0' };
        struct footfall_error err;
        int fine = byte >= 0x20 && byte < 0x7f;
        assert_int_equal(footfall_add(ff, name, byte, NULL, NULL, &err), fine ? FOOTFALL_OK : FOOTFALL_INVALID);
        assert_int_equal(footfall_name_check(name, 1, &err), fine ? FOOTFALL_OK : FOOTFALL_INVALID);
        if (fine)
            EXPECT_READ(ff, name, byte, 0);
    }
}

static void names_that_are_bad_are_refused_by_the_check(void **state)
{
    struct footfall_error err;
    (void)state;
    for (int i = 0; i < BAD; i++)
        EXPECT_REFUSED(footfall_name_check(bad[i].name, strlen(bad[i].name), &err), err, FOOTFALL_INVALID, bad[i].word);
    EXPECT_REFUSED(footfall_name_check("a\0b", 3, &err), err, FOOTFALL_INVALID, "NUL");
    EXPECT_REFUSED(footfall_name_check(NULL, 3, &err), err, FOOTFALL_INVALID, "NULL");
    for (int i = 0; i < GOOD; i++)
        assert_int_equal(footfall_name_check(good[i], strlen(good[i]), &err), FOOTFALL_OK);
}

static void names_that_are_bad_are_refused_by_every_call(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_error err;
    struct footfall_result r;
    struct footfall *ff = suite_open(*state, NULL);
    for (int i = 0; i < BAD; i++) {
        const char *name = bad[i].name;
        const char *word = bad[i].word;
        EXPECT_REFUSED(footfall_add(ff, name, 1, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
        EXPECT_REFUSED(footfall_visit(ff, name, &who, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_REFUSED(footfall_set(ff, name, 1, 1, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_REFUSED(footfall_delete(ff, name, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_REFUSED(footfall_forget(ff, name, &who, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_REFUSED(footfall_read(ff, &name, 1, NULL, &r, &err), err, FOOTFALL_INVALID, word);
        EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
        EXPECT_ANSWER(suite_apply(ff, suite_add(name, 1)), FOOTFALL_INVALID, 0, 0, 0);
    }
    EXPECT_LIST(ff, "", NULL, "");
}

static void names_that_are_bad_show_no_control_bytes_in_the_text(void **state)
{
    (void)state;
    for (int i = 0; i < BAD; i++) {
        struct footfall_error err;
        assert_int_equal(footfall_name_check(bad[i].name, strlen(bad[i].name), &err), FOOTFALL_INVALID);
        assert_true(strlen(err.text) < sizeof(err.text));
        for (const char *at = err.text; *at != '\0'; at++)
            assert_false((unsigned char)*at < 0x20 || *at == 0x7f);
    }
}

static void names_a_bad_one_in_a_batch_leaves_the_others_be(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op ops[3] = { suite_add("a", 1), suite_add("b\n", 2), suite_add("c", 3) };
    struct footfall_result r[3];
    struct footfall_error err;
    EXPECT_REFUSED(footfall_apply(ff, ops, 3, NULL, r, &err), err, FOOTFALL_INVALID, "control");
    EXPECT_ANSWER(r[0], FOOTFALL_OK, 0, 1, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, 0, 3, 0);
    EXPECT_LIST(ff, "", NULL, "a=1/0 c=3/0");
}

static void names_a_bad_one_in_a_read_leaves_the_others_be(void **state)
{
    const char *const names[4] = { "a", "\xff", "nothing", "a" };
    struct footfall_result r[4];
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", 4, 4, 0);
    EXPECT_REFUSED(footfall_read(ff, names, 4, NULL, r, &err), err, FOOTFALL_INVALID, "UTF-8");
    EXPECT_ANSWER(r[0], FOOTFALL_OK, FOOTFALL_EXISTS, 4, 0);
    EXPECT_ANSWER(r[1], FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_ANSWER(r[2], FOOTFALL_OK, 0, 0, 0);
    EXPECT_ANSWER(r[3], FOOTFALL_OK, FOOTFALL_EXISTS, 4, 0);
}

static void names_differ_by_any_byte(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "Page", 1, 1, 0);
    EXPECT_ADD(ff, "page", 2, 2, 0);
    EXPECT_ADD(ff, "page ", 3, 3, 0);
    EXPECT_ADD(ff, "p\xc3\xa4ge", 4, 4, 0);
    EXPECT_ADD(ff, "pa\xcc\x88ge", 5, 5, 0); /* the same letters, composed otherwise */
    EXPECT_LIST(ff, "", NULL, "Page=1/0 page=2/0 page =3/0 pa\xcc\x88ge=5/0 p\xc3\xa4ge=4/0");
}

const struct suite_case suite_names[] = {
    SUITE_CASE(names_of_every_good_kind_are_counters_of_their_own),
    SUITE_CASE(names_of_every_good_kind_are_listed_in_byte_order),
    SUITE_CASE(names_of_every_single_byte),
    SUITE_CASE(names_that_are_bad_are_refused_by_the_check),
    SUITE_CASE(names_that_are_bad_are_refused_by_every_call),
    SUITE_CASE(names_that_are_bad_show_no_control_bytes_in_the_text),
    SUITE_CASE(names_a_bad_one_in_a_batch_leaves_the_others_be),
    SUITE_CASE(names_a_bad_one_in_a_read_leaves_the_others_be),
    SUITE_CASE(names_differ_by_any_byte),
    SUITE_CASES_END,
};
