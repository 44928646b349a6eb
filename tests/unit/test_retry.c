/* test_retry.c: what becomes of a fault, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "footfall_store.h"
#include "retry.h"

static void an_answer_stands(void **state)
{
    static const int decided[] = { FOOTFALL_STORE_OK, FOOTFALL_STORE_RANGE, FOOTFALL_STORE_TOKEN,
                                   FOOTFALL_STORE_ABSENT };
    (void)state;
    for (size_t i = 0; i < sizeof decided / sizeof decided[0]; i++)
        for (int doubted = 0; doubted < 2; doubted++) {
            assert_int_equal(footfall__retry_verdict(decided[i], doubted, 0), FOOTFALL__DECIDED);
            assert_int_equal(footfall__retry_verdict(decided[i], doubted, FOOTFALL_STORE_CAP_RESEND),
                             FOOTFALL__DECIDED);
        }
}

static void doubt_ends_only_by_proof(void **state)
{
    const uint32_t resend = FOOTFALL_STORE_CAP_RESEND;
    (void)state;
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_UNKNOWN, 0, resend), FOOTFALL__RESEND);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_UNKNOWN, 0, 0), FOOTFALL__DOUBT);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_TEMPORARY, 1, resend), FOOTFALL__RESEND);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_BROKEN, 1, resend), FOOTFALL__DOUBT);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_NO_MEMORY, 1, resend), FOOTFALL__DOUBT);
}

static void certain_faults(void **state)
{
    (void)state;
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_TEMPORARY, 0, 0), FOOTFALL__REGROUP);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_BROKEN, 0, 0), FOOTFALL__FAILED);
    assert_int_equal(footfall__retry_verdict(FOOTFALL_STORE_UNSUPPORTED, 0, 0), FOOTFALL__FAILED);
}

static void delays_grow_to_a_cap(void **state)
{
    uint64_t random_state = 42;
    (void)state;
    for (unsigned failures = 0; failures < 70; failures++) {
        int64_t most = 0;
        int64_t limit = failures < 6 && (25 << failures) < 1000 ? 25 << failures : 1000;
        for (int i = 0; i < 2000; i++) {
            int64_t delay = footfall__retry_delay_ms(failures, &random_state);
            assert_true(delay >= 0 && delay <= limit);
            if (delay > most)
                most = delay;
        }
        assert_true(most > limit / 2); /* full jitter: up to the limit */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_stands),
        cmocka_unit_test(doubt_ends_only_by_proof),
        cmocka_unit_test(certain_faults),
        cmocka_unit_test(delays_grow_to_a_cap),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
