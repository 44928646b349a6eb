/* test_web_rates.c: what stands for an address, and how many requests a second of it go on: the time is the test's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "rates.h"

enum { SETS = 4096, PLACES = 8 }; /* of the table: only to fill it up */

static struct footfall_web_keys *keys_new(void)
{
    struct footfall_web_keys *keys;
    assert_int_equal(footfall__web_keys_new(&keys, NULL), FOOTFALL_OK);
    return keys;
}

static struct footfall_web_rates *rates_new(uint32_t per_second)
{
    struct footfall_web_rates *rates;
    assert_int_equal(footfall__web_rates_new(&rates, per_second, NULL), FOOTFALL_OK);
    return rates;
}

/* Asks `times` times; returns how many go on. */
static int take(struct footfall_web_rates *rates, uint64_t key, int64_t now_ms, int times)
{
    int taken = 0;
    for (int i = 0; i < times; i++)
        taken += footfall__web_rates_take(rates, key, now_ms);
    return taken;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------- */

static void one_key_an_address(void **state)
{
    static const struct {
        const char *a, *b;
        int same;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1", 1 },
        { "192.0.2.1", "::ffff:192.0.2.1", 1 },
        { "192.0.2.1", "::ffff:c000:201", 1 },
        { "192.0.2.1", "192.0.2.2", 0 },
        { "192.0.2.1", "::192.0.2.1", 0 },
        { "192.0.2.1", "c000:201::", 0 },
        { "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", 1 },
        { "2001:db8::1", "2001:DB8:0:0:1::", 1 },
        { "2001:db8::1", "2001:db8:0:1::1", 0 },
        { "2001:db8::1", "2001:db9::1", 0 },
        { "fe80::1%eth0", "fe80::1", 1 },
        { "fe80::1%eth0", "fe80::2%eth1", 1 },
        { "0.0.0.0", "::", 0 },
    };
    struct footfall_web_keys *keys = keys_new();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t a = footfall__web_keys_of(keys, cases[i].a);
        uint64_t b = footfall__web_keys_of(keys, cases[i].b);
        assert_true(a != 0 && b != 0);
        if ((a == b) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
    footfall__web_keys_free(keys);
}

static void no_key(void **state)
{
    static const char *const none[] = { NULL,          "",    "unix", "192.0.2", "192.0.2.1:80", "[::1]",
                                        "192.0.2.1%1", "::g", " ::1" };
    struct footfall_web_keys *keys = keys_new();
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_true(footfall__web_keys_of(keys, none[i]) == 0);
    footfall__web_keys_free(keys);
    footfall__web_keys_free(NULL);
}

static void each_has_a_key_of_its_own(void **state)
{
    struct footfall_web_keys *one = keys_new();
    struct footfall_web_keys *other = keys_new();
    (void)state;
    assert_true(footfall__web_keys_of(one, "192.0.2.1") != footfall__web_keys_of(other, "192.0.2.1"));
    assert_true(footfall__web_keys_of(one, "2001:db8::1") != footfall__web_keys_of(other, "2001:db8::1"));
    footfall__web_keys_free(one);
    footfall__web_keys_free(other);
}

/* ---- one bucket ------------------------------------------------------------------------------------------------------- */

static void a_second_has_so_many(void **state)
{
    static const uint32_t rates_of[] = { 1, 2, 3, 7, 10, 999, 1000, 1001, 1000000 };
    (void)state;
    for (size_t i = 0; i < sizeof rates_of / sizeof rates_of[0]; i++) {
        int per_second = (int)rates_of[i];
        struct footfall_web_rates *rates = rates_new(rates_of[i]);
        assert_int_equal(take(rates, 5, 1000, per_second + 3), per_second);    /* at once */
        assert_int_equal(take(rates, 6, 1000, 1), 1);                          /* another's is full */
        assert_int_equal(take(rates, 5, 2000, per_second + 3), per_second);    /* a second later */
        assert_int_equal(take(rates, 5, 1000000, per_second + 3), per_second); /* no more after a long time */
        assert_int_equal(take(rates, 5, INT64_MAX, per_second + 3), per_second);
        footfall__web_rates_free(rates);
    }
}

static void runs_in_evenly(void **state)
{
    struct footfall_web_rates *rates = rates_new(3);
    int taken = 0;
    (void)state;
    assert_int_equal(take(rates, 9, 0, 9), 3);
    assert_int_equal(take(rates, 9, 333, 9), 0);
    assert_int_equal(take(rates, 9, 334, 9), 1);
    assert_int_equal(take(rates, 9, 666, 9), 0);
    assert_int_equal(take(rates, 9, 667, 9), 1);
    assert_int_equal(take(rates, 9, 999, 9), 0);
    assert_int_equal(take(rates, 9, 1000, 9), 1);
    for (int64_t ms = 1001; ms <= 101000; ms++) /* asked at every millisecond: what is refused costs nothing */
        taken += footfall__web_rates_take(rates, 9, ms);
    assert_int_equal(taken, 300);
    footfall__web_rates_free(rates);
}

static void a_clock_that_steps_back(void **state)
{
    struct footfall_web_rates *rates = rates_new(10);
    (void)state;
    assert_int_equal(take(rates, 1, 5000, 20), 10);
    assert_int_equal(take(rates, 1, 4000, 20), 0);
    assert_int_equal(take(rates, 1, INT64_MIN, 20), 0);
    assert_int_equal(take(rates, 1, 5000, 20), 0);
    assert_int_equal(take(rates, 1, 5100, 20), 1);
    assert_int_equal(take(rates, 2, INT64_MIN, 20), 10);
    assert_int_equal(take(rates, 2, INT64_MAX, 20), 10);
    footfall__web_rates_free(rates);
}

static void nobody_has_no_limit(void **state)
{
    struct footfall_web_rates *rates = rates_new(1);
    (void)state;
    assert_int_equal(take(rates, 0, 0, 1000), 1000);
    footfall__web_rates_free(rates);
    footfall__web_rates_free(NULL);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static void a_full_set_forgets_the_oldest(void **state)
{
    struct footfall_web_rates *rates = rates_new(1);
    (void)state;
    for (uint64_t i = 1; i <= PLACES; i++) /* all of one set */
        assert_int_equal(take(rates, i * SETS, (int64_t)i, 2), 1);
    assert_int_equal(take(rates, 1 * SETS, 20, 2), 0); /* the first came again, though in vain */
    assert_int_equal(take(rates, 9 * SETS, 21, 2), 1);
    assert_int_equal(take(rates, 1 * SETS, 22, 2), 0);
    for (uint64_t i = 3; i <= PLACES; i++)
        assert_int_equal(take(rates, i * SETS, 23, 2), 0);
    assert_int_equal(take(rates, 2 * SETS, 24, 2), 1); /* it is the second that was forgotten */
    footfall__web_rates_free(rates);
}

static void holds_many_addresses(void **state)
{
    enum { MANY = 10000 };
    struct footfall_web_rates *rates = rates_new(1);
    struct footfall_web_keys *keys = keys_new();
    int again = 0;
    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            char address[32];
            int went_on;
            (void)snprintf(address, sizeof address, "10.%d.%d.1", i / 256, i % 256);
            went_on = footfall__web_rates_take(rates, footfall__web_keys_of(keys, address), 100);
            if (round == 0)
                assert_int_equal(went_on, 1);
            again += round == 1 && went_on;
        }
    assert_in_range(again, 0, MANY / 50); /* about 10 of 10,000 have a ninth in their set */
    footfall__web_keys_free(keys);
    footfall__web_rates_free(rates);
}

static int refuse(void *user)
{
    (void)user;
    return 1;
}

static void refused(void **state)
{
    static const uint32_t bad[] = { 0, 1000001, UINT32_MAX };
    struct footfall_web_rates *rates;
    struct footfall_web_keys *keys;
    struct footfall_error err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(footfall__web_rates_new(&rates, bad[i], &err), FOOTFALL_INVALID);
        assert_null(rates);
        assert_int_equal(err.status, FOOTFALL_INVALID);
    }
    footfall__alloc_hook(refuse, NULL);
    assert_int_equal(footfall__web_rates_new(&rates, 1, &err), FOOTFALL_NO_MEMORY);
    assert_int_equal(footfall__web_keys_new(&keys, &err), FOOTFALL_NO_MEMORY);
    footfall__alloc_hook(NULL, NULL);
    assert_null(rates);
    assert_null(keys);
    assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
}

/* ---- threads ---------------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ADDRESSES = 64, ROUNDS = 400, PER_SECOND = 100 };

struct crowd {
    struct footfall_web_rates *rates;
    const struct footfall_web_keys *keys;
    int taken[ADDRESSES];
};

/* Each address comes ROUNDS times within one second of the crowd's own clock, by every thread. */
static void *come(void *user)
{
    struct crowd *crowd = user;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < ADDRESSES; i++) {
            char address[32];
            (void)snprintf(address, sizeof address, "198.51.100.%d", i);
            crowd->taken[i] +=
                footfall__web_rates_take(crowd->rates, footfall__web_keys_of(crowd->keys, address), round / 4 * 5);
        }
    return NULL;
}

/* Whatever the order in which threads come, a bucket gives what was in it and what ran in, no more and no less. */
static void exact_among_threads(void **state)
{
    struct footfall_web_keys *keys = keys_new();
    struct footfall_web_rates *rates = rates_new(PER_SECOND);
    static struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){ .rates = rates, .keys = keys };
        assert_int_equal(pthread_create(&threads[i], NULL, come, &crowds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < ADDRESSES; i++) {
        int taken = 0;
        for (int t = 0; t < THREADS; t++)
            taken += crowds[t].taken[i];
        assert_int_equal(taken, PER_SECOND + (ROUNDS - 1) / 4 * 5 * PER_SECOND / 1000);
    }
    footfall__web_rates_free(rates);
    footfall__web_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_an_address),
        cmocka_unit_test(no_key),
        cmocka_unit_test(each_has_a_key_of_its_own),
        cmocka_unit_test(a_second_has_so_many),
        cmocka_unit_test(runs_in_evenly),
        cmocka_unit_test(a_clock_that_steps_back),
        cmocka_unit_test(nobody_has_no_limit),
        cmocka_unit_test(a_full_set_forgets_the_oldest),
        cmocka_unit_test(holds_many_addresses),
        cmocka_unit_test(refused),
        cmocka_unit_test(exact_among_threads),
    };
    return cmocka_run_group_tests_name("web_rates", tests, NULL, NULL);
}
