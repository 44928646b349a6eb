/* lane.c: the queue of a lane, and who leads it (lane.h). What a leader does with a batch is batch.c's. */
#include "lane.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "engine.h"
#include "error.h"
#include "random.h"
#include "retry.h"

enum { WAIT_SLICE_MS = 1000 };

int footfall__lane_init(struct footfall__lane *lane, struct footfall *ff, uint32_t number)
{
    uint64_t seed[2];
    pthread_condattr_t monotonic;
    if (footfall__random_bytes(seed, sizeof seed) != 0)
        return FOOTFALL_NO_MEMORY;
    lane->ff = ff;
    lane->writer = (seed[0] ^ number) & ((UINT64_C(1) << 48) - 1);
    lane->random_state = seed[1] | 1;
    pthread_mutex_init(&lane->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* glibc refuses CLOCK_BOOTTIME here */
    pthread_cond_init(&lane->answered[0], &monotonic);
    pthread_cond_init(&lane->answered[1], &monotonic);
    pthread_cond_init(&lane->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return FOOTFALL_OK;
}

void footfall__lane_destroy(struct footfall__lane *lane, int inherited)
{
    struct footfall__request *r;
    if (lane->ff == NULL)
        return;
    footfall__store_close(&lane->store, inherited);
    while (inherited && (r = lane->head) != NULL) { /* callers of the parent: nobody here waits for them */
        lane->head = r->next;
        footfall__request_free(r);
    }
    footfall__batch_destroy(&lane->batch);
    if (inherited)
        return; /* a lock that a thread of the parent held cannot be destroyed */
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->answered[0]);
    pthread_cond_destroy(&lane->answered[1]);
    pthread_cond_destroy(&lane->work);
}

void footfall__lane_unref(struct footfall__request *r)
{
    if (--r->references == 0)
        footfall__request_free(r);
}

void footfall__lane_release(struct footfall__lane *lane, struct footfall__request *r)
{
    pthread_mutex_lock(&lane->lock);
    footfall__lane_unref(r);
    pthread_mutex_unlock(&lane->lock);
}

/* ---- the queue; lock held --------------------------------------------------------------------------------------------- */

static void queued(struct footfall__lane *lane, const struct footfall__request *r, int by)
{
    lane->queued_requests += (size_t)by;
    lane->queued_ops += by > 0 ? r->pending : (size_t)0 - r->pending;
    if (r->done != NULL)
        lane->queued_submissions += (size_t)by;
    atomic_fetch_add_explicit(&lane->ff->counts.queued_now, by > 0 ? r->pending : (uint64_t)0 - r->pending,
                              memory_order_relaxed);
}

void footfall__lane_put_last(struct footfall__lane *lane, struct footfall__request *r)
{
    r->next = NULL;
    r->state = FOOTFALL__QUEUED;
    r->slot = lane->slot;
    if (lane->tail != NULL)
        lane->tail->next = r;
    else
        lane->head = r;
    lane->tail = r;
    r->references++;
    queued(lane, r, 1);
}

void footfall__lane_put_back(struct footfall__lane *lane, struct footfall__request *r)
{
    r->next = lane->head;
    r->state = FOOTFALL__QUEUED;
    lane->head = r;
    if (lane->tail == NULL)
        lane->tail = r;
    r->references++;
    queued(lane, r, 1);
}

struct footfall__request *footfall__lane_take(struct footfall__lane *lane)
{
    struct footfall__request *r = lane->head;
    if (r == NULL)
        return NULL;
    lane->head = r->next;
    if (lane->head == NULL)
        lane->tail = NULL;
    r->next = NULL;
    r->state = FOOTFALL__TAKEN;
    queued(lane, r, -1);
    return r; /* with the queue's reference */
}

static void unlink_request(struct footfall__lane *lane, struct footfall__request *r)
{
    struct footfall__request *before = NULL;
    for (struct footfall__request *at = lane->head; at != r; at = at->next)
        before = at;
    if (before != NULL)
        before->next = r->next;
    else
        lane->head = r->next;
    if (lane->tail == r)
        lane->tail = before;
    r->next = NULL;
    queued(lane, r, -1);
    footfall__lane_unref(r);
}

static void count_answers(struct footfall *ff, const struct footfall__request *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->results[i].status == FOOTFALL_STORE_UNKNOWN)
            atomic_fetch_add_explicit(&ff->counts.unknown, 1, memory_order_relaxed);
        else if (r->results[i].status == FOOTFALL_STORE_TEMPORARY)
            atomic_fetch_add_explicit(&ff->counts.temporary, 1, memory_order_relaxed);
        else if (r->results[i].replayed)
            atomic_fetch_add_explicit(&ff->counts.replayed, 1, memory_order_relaxed);
    }
}

void footfall__lane_finish(struct footfall__lane *lane, struct footfall__request *r, int status)
{
    if (r->state == FOOTFALL__DONE)
        return;
    for (size_t i = 0; i < r->count && r->pending > 0; i++)
        if ((int)r->results[i].status == FOOTFALL__PENDING) {
            r->results[i].status = (enum footfall_store_status)status;
            r->pending--;
        }
    r->state = FOOTFALL__DONE;
    count_answers(lane->ff, r);
    if (r->done == NULL)
        return;
    r->references++; /* for the worker */
    r->next = NULL;
    if (lane->completions_tail != NULL)
        lane->completions_tail->next = r;
    else
        lane->completions = r;
    lane->completions_tail = r;
    pthread_cond_signal(&lane->work);
}

/* ---- who leads -------------------------------------------------------------------------------------------------------- */

int footfall__lane_ready(const struct footfall__lane *lane, int64_t now_ms)
{
    return !lane->busy && !lane->reserved && (lane->head != NULL || lane->batch.in_doubt) &&
           lane->not_before_ms <= now_ms;
}

void footfall__lane_next(struct footfall__lane *lane)
{
    int submissions = lane->queued_submissions > 0;
    int waiting = lane->queued_requests > lane->queued_submissions;
    for (size_t i = 0; i < lane->batch.member_count && lane->batch.in_doubt; i++)
        if (lane->batch.members[i]->state != FOOTFALL__DONE) {
            submissions |= lane->batch.members[i]->done != NULL;
            waiting |= lane->batch.members[i]->done == NULL;
        }
    if (lane->busy)
        return;
    if (lane->reserved) {
        pthread_cond_broadcast(&lane->answered[0]);
        pthread_cond_broadcast(&lane->answered[1]);
        return;
    }
    if (submissions)
        pthread_cond_signal(&lane->work);
    else if (waiting && lane->batch.in_doubt)
        for (int i = 0; i < 2; i++)
            pthread_cond_broadcast(&lane->answered[i]);
    else if (waiting)
        pthread_cond_signal(&lane->answered[lane->head->slot]);
}

void footfall__lane_wait(struct footfall__lane *lane, pthread_cond_t *on, int64_t until_ms)
{
    int64_t left;
    struct timespec until;
    if (until_ms == INT64_MAX) {
        pthread_cond_wait(on, &lane->lock);
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
    (void)pthread_cond_timedwait(on, &lane->lock, &until);
}

/* The caller's time is up, or the handle is being closed: what was never sent is surely not applied. */
static void walk_away(struct footfall__lane *lane, struct footfall__request *r)
{
    int sent = r->state == FOOTFALL__TAKEN && lane->batch.sent;
    if (r->state == FOOTFALL__QUEUED)
        unlink_request(lane, r);
    else if (lane->batch.in_doubt && !lane->busy)
        footfall__batch_settle(lane, r);
    r->state = FOOTFALL__DONE; /* the batch that holds it goes on unchanged, and no longer answers it */
    for (size_t i = 0; i < r->count && r->pending > 0; i++)
        if ((int)r->results[i].status == FOOTFALL__PENDING) {
            r->results[i].status = sent ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_TEMPORARY;
            r->pending--;
        }
    count_answers(lane->ff, r);
}

void footfall__lane_run(struct footfall__lane *lane, struct footfall__request *r)
{
    pthread_mutex_lock(&lane->lock);
    footfall__lane_put_last(lane, r);
    while (r->state != FOOTFALL__DONE) {
        int64_t now = footfall__boottime_ms();
        if (now >= r->deadline_ms || atomic_load_explicit(&lane->ff->closing, memory_order_relaxed) > 1) {
            walk_away(lane, r);
            footfall__lane_next(lane); /* a wake-up that was meant for this caller goes on to another */
        } else if (footfall__lane_ready(lane, now)) {
            lane->busy = 1;
            footfall__batch_step(lane, r);
            lane->busy = 0;
            lane->reserved = lane->visitors_waiting > 0;
            footfall__lane_next(lane);
        } else {
            int64_t until = r->deadline_ms;
            if (lane->not_before_ms > now && lane->not_before_ms < until)
                until = lane->not_before_ms;
            footfall__lane_wait(lane, &lane->answered[r->slot], until);
        }
    }
    pthread_mutex_unlock(&lane->lock);
}

int footfall__lane_borrow(struct footfall__lane *lane, int64_t deadline_ms)
{
    int got = 0;
    pthread_mutex_lock(&lane->lock);
    lane->visitors_waiting++;
    while (!got) {
        if (!lane->busy)
            got = 1;
        else if (footfall__boottime_ms() >= deadline_ms || atomic_load(&lane->ff->closing) > 1)
            break;
        else
            footfall__lane_wait(lane, &lane->answered[0], deadline_ms);
    }
    lane->visitors_waiting--;
    if (got)
        lane->busy = 1;
    if (got || lane->visitors_waiting == 0)
        lane->reserved = 0;
    if (!got)
        footfall__lane_next(lane);
    pthread_mutex_unlock(&lane->lock);
    return got ? FOOTFALL_OK : FOOTFALL_TEMPORARY;
}

void footfall__lane_give_back(struct footfall__lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->busy = 0;
    footfall__lane_next(lane);
    if (lane->visitors_waiting > 0)
        pthread_cond_broadcast(&lane->answered[0]);
    pthread_mutex_unlock(&lane->lock);
}
