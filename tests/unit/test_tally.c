/* test_tally.c: what falls into which place of a histogram, and how the places are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tally.h"

static void sizes(void **state)
{
    struct footfall__tally tally;
    (void)state;
    memset(&tally, 0, sizeof tally);
    for (size_t operations = 1; operations <= 8; operations++)
        footfall__tally_size(&tally, operations);
    footfall__tally_size(&tally, 65536);
    footfall__tally_size(&tally, 65537);
    assert_int_equal(footfall__tally_read(&tally.sizes[0]), 1); /* 1 */
    assert_int_equal(footfall__tally_read(&tally.sizes[1]), 1); /* 2 */
    assert_int_equal(footfall__tally_read(&tally.sizes[2]), 2); /* 3, 4 */
    assert_int_equal(footfall__tally_read(&tally.sizes[3]), 4); /* 5 to 8 */
    assert_int_equal(footfall__tally_read(&tally.sizes[FOOTFALL__TALLY_SIZES - 2]), 1);
    assert_int_equal(footfall__tally_read(&tally.sizes[FOOTFALL__TALLY_SIZES - 1]), 1);
    assert_int_equal(footfall__tally_read(&tally.operations), 36 + 65536 + 65537);
}

static void times(void **state)
{
    struct footfall__tally tally;
    (void)state;
    memset(&tally, 0, sizeof tally);
    footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, 0);
    footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, 10);
    footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, 11);
    footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, -5); /* no clock runs so, and if one does nothing breaks */
    footfall__tally_time(&tally, FOOTFALL__TALLY_READ, INT64_C(10000001));
    assert_int_equal(footfall__tally_read(&tally.times[FOOTFALL__TALLY_WRITE][0]), 3);
    assert_int_equal(footfall__tally_read(&tally.times[FOOTFALL__TALLY_WRITE][1]), 1);
    assert_int_equal(footfall__tally_read(&tally.times[FOOTFALL__TALLY_READ][FOOTFALL__TALLY_TIMES - 1]), 1);
    assert_int_equal(footfall__tally_read(&tally.us[FOOTFALL__TALLY_WRITE]), 21);
    assert_int_equal(footfall__tally_read(&tally.us[FOOTFALL__TALLY_READ]), 10000001);
}

/* A label must say what its place holds: the number itself falls into it, one more does not. */
static void labels(void **state)
{
    struct footfall__tally tally;
    (void)state;
    memset(&tally, 0, sizeof tally);
    for (size_t i = 0; i + 1 < FOOTFALL__TALLY_SIZES; i++) {
        size_t operations = strtoul(footfall__tally_size_label(i), NULL, 10);
        footfall__tally_size(&tally, operations);
        footfall__tally_size(&tally, operations + 1);
        assert_int_equal(footfall__tally_read(&tally.sizes[i]), i == 0 ? 1 : 2);
    }
    for (size_t i = 0; i + 1 < FOOTFALL__TALLY_TIMES; i++) {
        int64_t us = (int64_t)(strtod(footfall__tally_time_label(i), NULL) * 1e6 + 0.5);
        footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, us);
        footfall__tally_time(&tally, FOOTFALL__TALLY_WRITE, us + 1);
        assert_int_equal(footfall__tally_read(&tally.times[FOOTFALL__TALLY_WRITE][i]), i == 0 ? 1 : 2);
    }
    assert_string_equal(footfall__tally_size_label(FOOTFALL__TALLY_SIZES - 1), "+Inf");
    assert_string_equal(footfall__tally_time_label(FOOTFALL__TALLY_TIMES - 1), "+Inf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(times),
        cmocka_unit_test(labels),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
