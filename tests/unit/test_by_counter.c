/* test_by_counter.c: operations linked by counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "by_counter.h"

static const uint64_t hash_key[2] = { 1, 2 };

static void test_links_and_places(void **state)
{
    static const char *const names[] = { "a", "b", "a", NULL, "ab", "a", "", "b", NULL };
    static const uint32_t next[] = {
        2, 7, 5, 6, FOOTFALL__NO_OP, FOOTFALL__NO_OP, 8, FOOTFALL__NO_OP, FOOTFALL__NO_OP
    };
    static const uint32_t place[] = { 0, 0, 1, 0, 0, 2, 1, 1, 2 };
    struct footfall_op ops[9];
    struct footfall__by_counter by = { NULL, NULL };
    (void)state;
    for (int i = 0; i < 9; i++) {
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        ops[i].name = names[i]; /* NULL and the empty name are refused later; here they are one counter */
    }
    assert_int_equal(footfall__by_counter(&by, hash_key, ops, 9), FOOTFALL_OK);
    assert_memory_equal(by.next, next, sizeof next);
    assert_memory_equal(by.place, place, sizeof place);
    footfall__by_counter_free(&by);
    assert_null(by.next);
}

static void test_many_counters(void **state)
{
    enum { COUNT = 20000, COUNTERS = 3001 };
    static char names[COUNTERS][8];
    static struct footfall_op ops[COUNT];
    struct footfall__by_counter by = { NULL, NULL };
    (void)state;
    for (int i = 0; i < COUNTERS; i++)
        (void)snprintf(names[i], sizeof names[i], "%d", i);
    for (int i = 0; i < COUNT; i++) {
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        ops[i].name = names[i % COUNTERS];
    }
    assert_int_equal(footfall__by_counter(&by, hash_key, ops, COUNT), FOOTFALL_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(by.place[i], i / COUNTERS);
        assert_int_equal(by.next[i], i + COUNTERS < COUNT ? (uint32_t)(i + COUNTERS) : FOOTFALL__NO_OP);
    }
    footfall__by_counter_free(&by);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_links_and_places), cmocka_unit_test(test_many_counters) };
    return cmocka_run_group_tests_name("by_counter", tests, NULL, NULL);
}
