/* test_dynamodb_mark.c: marks: none twice, seconds that never go back, and what happens when a second's marks are used up. */
#include "dynamodb_unit.h"

#include "clock.h"
#include "group.h"

#define NOW_MS INT64_C(1795824000000)
enum { A_SECOND = 65536 };

static uint32_t seconds_of(const struct dynamodb_mark *m)
{
    return (uint32_t)m->bytes[8] << 24 | (uint32_t)m->bytes[9] << 16 | (uint32_t)m->bytes[10] << 8 | m->bytes[11];
}

static uint64_t number_of(const struct dynamodb_mark *m) /* seconds, count */
{
    return (uint64_t)seconds_of(m) << 16 | (uint64_t)m->bytes[6] << 8 | m->bytes[7];
}

static struct dynamodb_marker marker_of(uint8_t writer)
{
    struct dynamodb_marker marker = { .writer = { writer, 2, 3, 4, 5, 6 } };
    return marker;
}

static void their_parts(void **state)
{
    struct dynamodb_marker marker = marker_of(1);
    struct dynamodb_marker other = marker_of(9);
    struct dynamodb_mark a = footfall__dynamodb_mark(&marker, NOW_MS + 999);
    struct dynamodb_mark b = footfall__dynamodb_mark(&marker, NOW_MS + 999);
    struct dynamodb_mark c = footfall__dynamodb_mark(&other, NOW_MS + 999);
    (void)state;
    assert_memory_equal(a.bytes, marker.writer, 6);
    assert_int_equal(seconds_of(&a), NOW_MS / 1000);
    assert_true(footfall__dynamodb_same_mark(&a, &a));
    assert_false(footfall__dynamodb_same_mark(&a, &b));
    assert_false(footfall__dynamodb_same_mark(&a, &c));
    assert_memory_equal(a.bytes + 6, c.bytes + 6, 6);
    assert_int_equal(number_of(&b), number_of(&a) + 1);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A clock that jumps about, and stands still for more than a second's marks: each is new, and none is younger than one before. */
static void none_comes_twice(void **state)
{
    enum { COUNT = 5 * A_SECOND };
    struct dynamodb_marker marker = marker_of(1);
    uint64_t *numbers = calloc(COUNT, sizeof(*numbers));
    int64_t begun = footfall__boottime_ms();
    uint32_t last = 0;
    (void)state;
    assert_non_null(numbers);
    for (size_t i = 0; i < COUNT; i++) {
        int64_t now = i < 1000 ? NOW_MS : i % 3 == 0 ? NOW_MS - 3600000 : i % 3 == 1 ? NOW_MS - 1 : NOW_MS - (int64_t)i;
        struct dynamodb_mark m = footfall__dynamodb_mark(&marker, now);
        assert_true(seconds_of(&m) >= last);
        last = seconds_of(&m);
        numbers[i] = number_of(&m);
    }
    assert_true(footfall__boottime_ms() - begun < 3000); /* the hour is not waited for */
    assert_true(last - NOW_MS / 1000 <= COUNT / A_SECOND);
    qsort(numbers, COUNT, sizeof(*numbers), by_number);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(numbers[i] != numbers[i - 1]);
    free(numbers);
}

/* All of one second's, then the next one's, a little early: nobody waits. */
static void a_second_that_is_used_up(void **state)
{
    struct dynamodb_marker marker = marker_of(1);
    struct dynamodb_mark first = footfall__dynamodb_mark(&marker, NOW_MS + 900);
    struct dynamodb_mark m = first;
    (void)state;
    for (int i = 1; i < A_SECOND; i++)
        m = footfall__dynamodb_mark(&marker, NOW_MS + 900);
    assert_int_equal(seconds_of(&m), seconds_of(&first));
    m = footfall__dynamodb_mark(&marker, NOW_MS + 900);
    assert_int_equal(seconds_of(&m), seconds_of(&first) + 1);
    for (int i = 1; i < A_SECOND; i++)
        m = footfall__dynamodb_mark(&marker, NOW_MS + 1900);
    assert_int_equal(seconds_of(&m), seconds_of(&first) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(their_parts),
        cmocka_unit_test(none_comes_twice),
        cmocka_unit_test(a_second_that_is_used_up),
    };
    return cmocka_run_group_tests_name("dynamodb marks", tests, NULL, NULL);
}
