/* test_sqlite_reading.c: reading and listing. */
#include "test_sqlite.h"

#include <stdio.h>
#include <stdlib.h>

struct listed {
    char names[64][32];
    size_t count, stop_at;
};

static int list_one(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    struct listed *listed = user;
    assert_true(name_bytes < sizeof listed->names[0] && total == (int64_t)name_bytes && unique == -1);
    memcpy(listed->names[listed->count], name, name_bytes);
    listed->names[listed->count++][name_bytes] = '\0';
    return listed->count == listed->stop_at;
}

static size_t list(struct kit *kit, struct listed *listed, const char *prefix, const char *after, size_t limit,
                   int *more)
{
    memset(listed->names, 0, sizeof listed->names);
    listed->count = 0;
    assert_int_equal(
        SQ.scan(kit->store, prefix, strlen(prefix), after, strlen(after), limit, list_one, listed, more, kit_call(kit)),
        0);
    return listed->count;
}

static void listing_in_byte_order(void **state)
{
    static const char *const sorted[] = { "A", "a",     "a/",       "a/1",      "a/2",
                                          "b", "z{}#:", "\xc3\xa9", "\xc3\xaa", "\xe2\x82\xac" };
    enum { NAMES = sizeof sorted / sizeof sorted[0] };
    struct kit *kit = *state;
    struct listed listed = { .stop_at = 0 };
    struct footfall_store_op op;
    int more;
    for (size_t i = 0; i < NAMES; i++) {
        const char *name = sorted[(i * 7 + 3) % NAMES];
        op = op_set(name, (int64_t)strlen(name), -1);
        apply_one(kit, &op);
    }
    op = op_set("a/0", 3, -1);
    apply_one(kit, &op);
    op = op_delete("a/0");
    apply_one(kit, &op);
    assert_int_equal(list(kit, &listed, "", "", 100, &more), NAMES);
    assert_int_equal(more, 0);
    for (size_t i = 0; i < NAMES; i++)
        assert_string_equal(listed.names[i], sorted[i]);
    assert_int_equal(list(kit, &listed, "", "", NAMES, &more), NAMES);
    assert_int_equal(list(kit, &listed, "a", "", 2, &more), 2);
    assert_int_equal(more, 1);
    assert_int_equal(list(kit, &listed, "a", "a/", 2, &more), 2);
    assert_string_equal(listed.names[1], "a/2");
    assert_int_equal(list(kit, &listed, "a", "a/2", 2, &more), 0);
    assert_int_equal(more, 0);
    assert_int_equal(list(kit, &listed, "a", "b", 2, &more), 0);
    assert_int_equal(list(kit, &listed, "b", "a", 2, &more), 1);
    assert_int_equal(list(kit, &listed, "\xc3", "", 9, &more), 2); /* a prefix may end inside a character */
    assert_int_equal(list(kit, &listed, "a", "a/0", 9, &more), 2); /* and after may be gone */
    listed.stop_at = 3;
    assert_int_equal(list(kit, &listed, "", "", 100, &more), 3);
    assert_int_equal(more, 1);
}

static int count_one(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    (void)name;
    (void)name_bytes;
    (void)total;
    (void)unique;
    ++*(size_t *)user;
    return 0;
}

static void listing_many(void **state)
{
    enum { COUNT = 2500 };
    struct kit *kit = *state;
    struct footfall_store_op *ops = calloc(COUNT, sizeof *ops);
    struct footfall_store_result *results = calloc(COUNT, sizeof *results);
    char(*names)[16] = calloc(COUNT, sizeof *names);
    size_t told = 0;
    int more = 9;
    assert_true(ops != NULL && results != NULL && names != NULL);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        ops[i] = op_add(names[i], 1);
    }
    assert_int_equal(SQ.apply(kit->store, ops, COUNT, results, kit_call(kit)), 0);
    assert_int_equal(SQ.scan(kit->store, "", 0, NULL, 0, 2400, count_one, &told, &more, kit_call(kit)), 0);
    assert_true(told == 2400 && more == 1);
    assert_int_equal(SQ.scan(kit->store, "n1", 2, NULL, 0, 100000, count_one, &told, &more, kit_call(kit)), 0);
    assert_true(told == 2400 + 1111 && more == 0); /* n1, n1_, n1__, n1___ */
    free(ops);
    free(results);
    free(names);
}

static void fetching(void **state)
{
    static const char *const names[] = { "a", "no", "a", "b" };
    static const size_t bytes[] = { 1, 2, 1, 1 };
    struct kit *kit = *state;
    struct footfall_store_op op = op_set("a", -5, 6);
    int64_t totals[4], uniques[4];
    uint8_t exists[4];
    apply_one(kit, &op);
    op = op_set("b", INT64_MIN, INT64_MAX);
    apply_one(kit, &op);
    assert_int_equal(SQ.fetch(kit->store, names, bytes, 4, totals, uniques, exists, kit_call(kit)), 0);
    assert_true(exists[0] == 1 && totals[0] == -5 && uniques[0] == 6);
    assert_true(exists[1] == 0 && totals[1] == 0 && uniques[1] == 0);
    assert_true(exists[2] == 1 && totals[2] == -5);
    assert_true(exists[3] == 1 && totals[3] == INT64_MIN && uniques[3] == INT64_MAX);
    assert_int_equal(SQ.ping(kit->store, kit_call(kit)), 0);
}

const struct CMUnitTest sqlite_reading[] = {
    cmocka_unit_test_setup_teardown(listing_in_byte_order, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(listing_many, kit_setup, kit_teardown),
    cmocka_unit_test_setup_teardown(fetching, kit_setup, kit_teardown),
};
const size_t sqlite_reading_count = sizeof sqlite_reading / sizeof sqlite_reading[0];
