/* retry.h: the one place that decides what becomes of a fault. Backends only classify. Pure functions, any thread. */
#ifndef FOOTFALL_RETRY_H
#define FOOTFALL_RETRY_H
#include <stdint.h>

enum {
    FOOTFALL__ATTEMPT_MS =
        2000, /* one attempt lasts no longer, so that close and leaving callers need not wait longer */
    FOOTFALL__MARK_KEEP_MS = 900000, /* 15 minutes: a call lasts at most 10 */
    FOOTFALL__BACKOFF_BASE_MS = 25,
    FOOTFALL__BACKOFF_CAP_MS = 1000
};

enum footfall__verdict {
    FOOTFALL__DECIDED, /* the store's answer stands: applied, or refused for good (range, token, absent) */
    FOOTFALL__RESEND,  /* in doubt: the same batch under the same number again */
    FOOTFALL__REGROUP, /* not applied: may go with another batch */
    FOOTFALL__DOUBT,   /* in doubt, and nothing to be done: unknown */
    FOOTFALL__FAILED   /* not applied, and no use trying */
};

/* What an op's status means, after whether an earlier attempt at it ended in doubt: then only an answer that proves the
 * outcome ends the doubt, and "not applied" of a later attempt proves nothing. caps: enum footfall_store_caps. */
enum footfall__verdict footfall__retry_verdict(int store_status, int doubted, uint32_t caps);

/* Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): 0 … min(cap, base * 2^failures) milliseconds. */
int64_t footfall__retry_delay_ms(unsigned failures, uint64_t *random_state);
/* Sleeps that long before another attempt. 0: no time is left for one before deadline_ms (CLOCK_BOOTTIME), and what was said of
 * the last stands. */
int footfall__retry_wait(unsigned failures, uint64_t *random_state, int64_t deadline_ms);
#endif
