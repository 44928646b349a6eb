/* wake.c: a lane's lock, and sleeping and waking around it (lane.h). Callers sleep on futex words instead of a condition
 * variable, because a thread that wakes to find its answer has no business with the lock: a condition variable would queue
 * all callers of a batch up for it again. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lane.h"

enum { WAIT_SLICE_MS = 1000, EVERYBODY = INT32_MAX };

void footfall__lane_lock(struct footfall__lane *lane)
{
    pthread_mutex_lock(&lane->lock);
}

static void wake(struct footfall__bed *bed, int how_many)
{
    if (atomic_load(&bed->sleepers) > 0)
        (void)syscall(SYS_futex, &bed->word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
}

void footfall__lane_unlock(struct footfall__lane *lane)
{
    unsigned all = lane->wake_all;
    unsigned one = lane->wake_one & ~all;
    lane->wake_all = lane->wake_one = 0;
    for (unsigned i = 0; i < FOOTFALL__BEDS; i++)
        if ((all | one) & (1U << i))
            atomic_fetch_add(&lane->beds[i].word, 1);
    pthread_mutex_unlock(&lane->lock);
    for (unsigned i = 0; i < FOOTFALL__BEDS; i++) {
        if (all & (1U << i))
            wake(&lane->beds[i], EVERYBODY);
        else if (one & (1U << i))
            wake(&lane->beds[i], 1);
    }
}

void footfall__lane_sleep(struct footfall__lane *lane, unsigned which, int64_t until_ms)
{
    struct footfall__bed *bed = &lane->beds[which];
    uint32_t seen = atomic_load(&bed->word);
    int64_t left = until_ms - footfall__boottime_ms();
    struct timespec slice;
    if (left > WAIT_SLICE_MS)
        left = WAIT_SLICE_MS;
    if (left < 1)
        left = 1;
    slice.tv_sec = (time_t)(left / 1000);
    slice.tv_nsec = (long)(left % 1000) * 1000000;
    atomic_fetch_add(&bed->sleepers, 1);
    footfall__lane_unlock(lane);
    (void)syscall(SYS_futex, &bed->word, FUTEX_WAIT_PRIVATE, seen, &slice, NULL, 0);
    atomic_fetch_sub(&bed->sleepers, 1);
}

void footfall__lane_wait_for_work(struct footfall__lane *lane, int64_t until_ms)
{
    int64_t left;
    struct timespec until;
    if ((lane->wake_all | lane->wake_one) != 0) { /* the condition variable gives the lock up without waking anybody */
        footfall__lane_unlock(lane);
        footfall__lane_lock(lane);
        return;
    }
    if (until_ms == INT64_MAX) {
        pthread_cond_wait(&lane->work, &lane->lock);
        return;
    }
    left = until_ms - footfall__boottime_ms();
    if (left > WAIT_SLICE_MS)
        left = WAIT_SLICE_MS;
    if (left < 1)
        left = 1;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(left / 1000);
    until.tv_nsec += (long)(left % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&lane->work, &lane->lock, &until);
}
