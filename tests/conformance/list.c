/* list.c: counters in byte order, page after page, each that exists once. */
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct footfall *with_counters(struct suite *s)
{
    struct footfall *ff = suite_open(s, NULL);
    EXPECT_ADD(ff, "b", 2, 2, 0);
    EXPECT_ADD(ff, "a/2", 12, 12, 0);
    EXPECT_ADD(ff, "a", 1, 1, 0);
    EXPECT_ADD(ff, "a/1", 11, 11, 0);
    EXPECT_ADD(ff, "a/10", 110, 110, 0);
    EXPECT_ADD(ff, "c", 3, 3, 0);
    return ff;
}

static void list_of_nothing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_LIST(ff, "", NULL, "");
    EXPECT_LIST(ff, "a", "b", "");
}

static void list_in_byte_order(void **state)
{
    EXPECT_LIST(with_counters(*state), "", NULL, "a=1/0 a/1=11/0 a/10=110/0 a/2=12/0 b=2/0 c=3/0");
}

static void list_by_prefix(void **state)
{
    struct footfall *ff = with_counters(*state);
    EXPECT_LIST(ff, "a/", NULL, "a/1=11/0 a/10=110/0 a/2=12/0");
    EXPECT_LIST(ff, "a/1", NULL, "a/1=11/0 a/10=110/0");
    EXPECT_LIST(ff, "c", NULL, "c=3/0");
    EXPECT_LIST(ff, "d", NULL, "");
    EXPECT_LIST(ff, "a/100", NULL, "");
}

static void list_after_a_name(void **state)
{
    struct footfall *ff = with_counters(*state);
    EXPECT_LIST(ff, "", "a/10", "a/2=12/0 b=2/0 c=3/0");
    EXPECT_LIST(ff, "", "a/11", "a/2=12/0 b=2/0 c=3/0"); /* need not exist */
    EXPECT_LIST(ff, "", "c", "");
    EXPECT_LIST(ff, "a/", "a/1", "a/10=110/0 a/2=12/0");
    EXPECT_LIST(ff, "a/", "Z", "a/1=11/0 a/10=110/0 a/2=12/0");
    EXPECT_LIST(ff, "a/", "b", "");
}

static void list_prefixes_are_no_patterns(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a%b", 1, 1, 0);
    EXPECT_ADD(ff, "axb", 2, 2, 0);
    EXPECT_ADD(ff, "a_b", 3, 3, 0);
    EXPECT_ADD(ff, "*", 4, 4, 0);
    EXPECT_ADD(ff, "[a]", 5, 5, 0);
    EXPECT_LIST(ff, "a%", NULL, "a%b=1/0");
    EXPECT_LIST(ff, "a_", NULL, "a_b=3/0");
    EXPECT_LIST(ff, "*", NULL, "*=4/0");
    EXPECT_LIST(ff, "[a", NULL, "[a]=5/0");
    EXPECT_LIST(ff, "?", NULL, "");
    EXPECT_LIST(ff, "A", NULL, "");
}

static void list_prefixes_at_the_end_of_the_alphabet(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "\xf4\x8f\xbf\xbf", 1, 1, 0);
    EXPECT_ADD(ff, "\xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf", 2, 2, 0);
    EXPECT_ADD(ff, "~", 3, 3, 0);
    EXPECT_LIST(ff, "\xf4\x8f\xbf\xbf", NULL, "\xf4\x8f\xbf\xbf=1/0 \xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf=2/0");
    EXPECT_LIST(ff, "", "~", "\xf4\x8f\xbf\xbf=1/0 \xf4\x8f\xbf\xbf\xf4\x8f\xbf\xbf=2/0");
}

static void list_shows_no_deleted_counters(void **state)
{
    struct footfall *ff = with_counters(*state);
    EXPECT_VISIT(ff, "b", "203.0.113.7", NOON, 1, 3, 1);
    EXPECT_DELETE(ff, "b", 3, 1);
    EXPECT_DELETE(ff, "a/10", 110, 0);
    EXPECT_LIST(ff, "", NULL, "a=1/0 a/1=11/0 a/2=12/0 c=3/0");
    EXPECT_ADD(ff, "b", 0, 0, 0);
    EXPECT_LIST(ff, "", NULL, "a=1/0 a/1=11/0 a/2=12/0 b=0/0 c=3/0");
}

static void list_shows_counters_at_zero(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_ADD(ff, "a", 0, 0, 0);
    EXPECT_SET(ff, "b", 0, 0);
    EXPECT_LIST(ff, "", NULL, "a=0/0 b=0/0");
}

static void list_shows_nothing_that_a_refusal_left(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_DELETE(ff, "deleted", 0, 0);
    EXPECT_FORGET(ff, "forgotten", "203.0.113.7", NOON, 0, 0);
    EXPECT_ANSWER(suite_apply(ff, suite_strict(suite_visit("strict", &who))), FOOTFALL_ABSENT, 0, 0, 0);
    EXPECT_LIST(ff, "", NULL, "");
}

/* ---- more than a page -------------------------------------------------------------------------------------------------------- */

enum { MANY = 2500 };

static int many(void)
{
    return suite_rounds(MANY);
}

struct walk {
    struct footfall *ff;
    int next, seen, stop_after, failed;
    char last[16];
};

static int check_next(void *user, const char *name, int64_t total, int64_t unique)
{
    struct walk *walk = user;
    char expected[16];
    (void)snprintf(expected, sizeof(expected), "n%05d", walk->next);
    if (strcmp(name, expected) != 0 || total != walk->next || unique != 1)
        walk->failed++;
    walk->next++;
    walk->seen++;
    (void)snprintf(walk->last, sizeof(walk->last), "%s", name);
    return walk->seen == walk->stop_after;
}

static struct footfall *with_many(struct suite *s)
{
    static char names[MANY][16];
    static struct footfall_op ops[MANY];
    static struct footfall_result r[MANY];
    struct footfall *ff = suite_open(s, NULL);
    for (int i = 0; i < many(); i++) {
        int n = (int)((long)i * 1237 % many()); /* not in order */
        (void)snprintf(names[i], sizeof(names[i]), "n%05d", n);
        ops[i] = suite_set(names[i], n, 1);
    }
    assert_int_equal(footfall_apply(ff, ops, (size_t)many(), NULL, r, NULL), FOOTFALL_OK);
    return ff;
}

static void list_many_each_once(void **state)
{
    struct walk walk = { 0 };
    struct footfall *ff = with_many(*state);
    assert_int_equal(footfall_list(ff, "n", NULL, NULL, check_next, &walk, NULL), FOOTFALL_OK);
    assert_int_equal(walk.failed, 0);
    assert_int_equal(walk.seen, many());
}

static void list_stops_when_told_and_goes_on_after(void **state)
{
    struct walk walk = { .stop_after = 77 };
    struct footfall *ff = with_many(*state);
    for (int pages = 0; walk.next < many(); pages++) {
        char after[16];
        struct footfall_error err;
        (void)snprintf(after, sizeof(after), "%s", walk.last);
        walk.seen = 0;
        assert_int_equal(footfall_list(ff, "", after[0] != '\0' ? after : NULL, NULL, check_next, &walk, &err),
                         FOOTFALL_OK);
        assert_int_equal(err.status, FOOTFALL_OK);
        assert_true(walk.seen == 77 || walk.next == many());
        assert_true(pages <= many() / 77);
    }
    assert_int_equal(walk.failed, 0);
}

/* In each callback: reads on the same handle, counts on, makes counters before and behind, and deletes those just made. */
static int busy_next(void *user, const char *name, int64_t total, int64_t unique)
{
    struct walk *walk = user;
    struct footfall_result r;
    char other[32];
    if (name[0] != 'n')
        return 0;
    if (footfall_read(walk->ff, &name, 1, NULL, &r, NULL) != FOOTFALL_OK || r.total != total || r.unique != unique)
        walk->failed++;
    (void)snprintf(other, sizeof(other), "%c%d", walk->seen / 50 % 2 ? 'a' : 'z', walk->seen);
    if (walk->seen % 50 == 0 && (footfall_add(walk->ff, other, 1, NULL, NULL, NULL) != FOOTFALL_OK ||
                                 footfall_add(walk->ff, "z", 1, NULL, NULL, NULL) != FOOTFALL_OK ||
                                 footfall_delete(walk->ff, "z", NULL, NULL, NULL) != FOOTFALL_OK))
        walk->failed++;
    return check_next(user, name, total, unique);
}

static void list_while_the_callback_uses_the_handle(void **state)
{
    struct walk walk = { .ff = with_many(*state) };
    assert_int_equal(footfall_list(walk.ff, "", NULL, NULL, busy_next, &walk, NULL), FOOTFALL_OK);
    assert_int_equal(walk.failed, 0);
    assert_int_equal(walk.seen, many());
}

static int never(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)total;
    (void)unique;
    *(int *)user += 1;
    return 0;
}

static void list_refuses_bad_prefixes(void **state)
{
    static char prefix[202];
    struct footfall_error err;
    int called = 0;
    struct footfall *ff = with_counters(*state);
    memset(prefix, 'x', 201);
    EXPECT_REFUSED(footfall_list(ff, prefix, NULL, NULL, never, &called, &err), err, FOOTFALL_INVALID, "200");
    EXPECT_REFUSED(footfall_list(ff, "a\n", NULL, NULL, never, &called, &err), err, FOOTFALL_INVALID, "control");
    EXPECT_REFUSED(footfall_list(ff, NULL, NULL, NULL, never, &called, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_list(ff, "", NULL, NULL, NULL, &called, &err), err, FOOTFALL_INVALID, "NULL");
    prefix[200] = '\0';
    assert_int_equal(footfall_list(ff, prefix, NULL, NULL, never, &called, &err), FOOTFALL_OK);
    assert_int_equal(called, 0);
}

static void list_of_another_handles_counters(void **state)
{
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_LIST(other, "", NULL, "");
    with_counters(*state);
    EXPECT_LIST(other, "a/", NULL, "a/1=11/0 a/10=110/0 a/2=12/0");
}

const struct suite_case suite_list[] = {
    SUITE_CASE(list_of_nothing),
    SUITE_CASE(list_in_byte_order),
    SUITE_CASE(list_by_prefix),
    SUITE_CASE(list_after_a_name),
    SUITE_CASE(list_prefixes_are_no_patterns),
    SUITE_CASE(list_prefixes_at_the_end_of_the_alphabet),
    SUITE_CASE(list_shows_no_deleted_counters),
    SUITE_CASE(list_shows_counters_at_zero),
    SUITE_CASE(list_shows_nothing_that_a_refusal_left),
    SUITE_CASE(list_many_each_once),
    SUITE_CASE(list_stops_when_told_and_goes_on_after),
    SUITE_CASE(list_while_the_callback_uses_the_handle),
    SUITE_CASE(list_refuses_bad_prefixes),
    SUITE_CASE(list_of_another_handles_counters),
    SUITE_CASES_END,
};
