/* retry.c: what becomes of a fault (retry.h). */
#include "retry.h"

#include "clock.h"
#include "footfall_store.h"
#include "random.h"

enum { LAST_ATTEMPT_MS = 10 }; /* less is not worth one */

enum footfall__verdict footfall__retry_verdict(int store_status, int doubted, uint32_t caps)
{
    int can_resend = (caps & FOOTFALL_STORE_CAP_RESEND) != 0;
    switch (store_status) {
    case FOOTFALL_STORE_OK:
    case FOOTFALL_STORE_RANGE:
    case FOOTFALL_STORE_TOKEN:
    case FOOTFALL_STORE_ABSENT:
        return FOOTFALL__DECIDED;
    case FOOTFALL_STORE_UNKNOWN:
        return can_resend ? FOOTFALL__RESEND : FOOTFALL__DOUBT;
    case FOOTFALL_STORE_TEMPORARY:
        return doubted ? FOOTFALL__RESEND : FOOTFALL__REGROUP;
    default:
        return doubted ? FOOTFALL__DOUBT : FOOTFALL__FAILED;
    }
}

int64_t footfall__retry_delay_ms(unsigned failures, uint64_t *random_state)
{
    int64_t limit = FOOTFALL__BACKOFF_CAP_MS;
    if (failures < 6 && (FOOTFALL__BACKOFF_BASE_MS << failures) < FOOTFALL__BACKOFF_CAP_MS)
        limit = FOOTFALL__BACKOFF_BASE_MS << failures;
    return footfall__random_below(random_state, limit + 1);
}

int footfall__retry_wait(unsigned failures, uint64_t *random_state, int64_t deadline_ms)
{
    int64_t left = deadline_ms - footfall__boottime_ms();
    int64_t delay = footfall__retry_delay_ms(failures, random_state);
    if (left <= LAST_ATTEMPT_MS)
        return 0;
    footfall__sleep_us(1000 * (delay < left ? delay : left / 2));
    return footfall__boottime_ms() < deadline_ms;
}
