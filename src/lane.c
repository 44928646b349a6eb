/* lane.c: the queues of a lane, and who leads it (lane.h). What a leader does with a batch is batch.c's. */
#include "lane.h"

#include <string.h>
#include <time.h>

#include "clock.h"
#include "engine.h"
#include "random.h"

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
    for (size_t kind = 0; kind < FOOTFALL__REQUEST_KINDS && inherited; kind++)
        while ((r = lane->queues[kind].head) != NULL) { /* callers of the parent: nobody here waits for them */
            lane->queues[kind].head = r->next;
            footfall__request_free(r);
        }
    footfall__batch_destroy(&lane->batch);
    if (inherited)
        return; /* a lock that a thread of the parent held cannot be destroyed */
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->work);
}

void footfall__lane_unref(struct footfall__request *r)
{
    if (atomic_fetch_sub(&r->references, 1) == 1)
        footfall__request_free(r);
}

/* ---- the queues; lock held -------------------------------------------------------------------------------------------- */

static void queued(struct footfall__lane *lane, const struct footfall__request *r, int by)
{
    lane->queued_requests += (size_t)by;
    lane->queued_ops += by > 0 ? r->pending : (size_t)0 - r->pending;
    if (r->done != NULL) {
        lane->queued_submissions += (size_t)by;
        if (by > 0 && r->deadline_ms < lane->overdue_ms)
            lane->overdue_ms = r->deadline_ms;
    }
    atomic_fetch_add_explicit(&lane->ff->counts.queued_now, by > 0 ? r->pending : (uint64_t)0 - r->pending,
                              memory_order_relaxed);
}

void footfall__lane_put_last(struct footfall__lane *lane, struct footfall__request *r)
{
    struct footfall__queue *queue = &lane->queues[r->kind];
    r->next = NULL;
    r->state = FOOTFALL__QUEUED;
    r->slot = lane->slot;
    r->ticket = lane->tickets++;
    if (queue->tail != NULL)
        queue->tail->next = r;
    else
        queue->head = r;
    queue->tail = r;
    r->references++;
    queued(lane, r, 1);
}

void footfall__lane_put_back(struct footfall__lane *lane, struct footfall__request *r)
{
    struct footfall__queue *queue = &lane->queues[r->kind];
    r->next = queue->head;
    r->state = FOOTFALL__QUEUED;
    queue->head = r;
    if (queue->tail == NULL)
        queue->tail = r;
    r->references++;
    queued(lane, r, 1);
}

struct footfall__request *footfall__lane_oldest(const struct footfall__lane *lane)
{
    struct footfall__request *oldest = NULL;
    for (size_t kind = 0; kind < FOOTFALL__REQUEST_KINDS; kind++) {
        struct footfall__request *head = lane->queues[kind].head;
        if (head != NULL && (oldest == NULL || head->ticket < oldest->ticket))
            oldest = head;
    }
    return oldest;
}

/* The queue's reference is the caller's then. */
void footfall__lane_take(struct footfall__lane *lane, struct footfall__request *r)
{
    struct footfall__queue *queue = &lane->queues[r->kind];
    queue->head = r->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    r->next = NULL;
    r->state = FOOTFALL__TAKEN;
    queued(lane, r, -1);
}

static void unlink_request(struct footfall__lane *lane, struct footfall__request *r)
{
    struct footfall__queue *queue = &lane->queues[r->kind];
    struct footfall__request *before = NULL;
    for (struct footfall__request *at = queue->head; at != r; at = at->next)
        before = at;
    if (before != NULL)
        before->next = r->next;
    else
        queue->head = r->next;
    if (queue->tail == r)
        queue->tail = before;
    r->next = NULL;
    queued(lane, r, -1);
    footfall__lane_unref(r);
}

static int drop_overdue(struct footfall__lane *lane, struct footfall__request *r, int64_t now_ms, int closing)
{
    int dropped = 0;
    for (struct footfall__request *next; r != NULL; r = next) {
        next = r->next;
        if (r->done == NULL)
            continue;
        if (r->deadline_ms > now_ms && !closing) {
            lane->overdue_ms = r->deadline_ms < lane->overdue_ms ? r->deadline_ms : lane->overdue_ms;
            continue;
        }
        r->references++;
        unlink_request(lane, r);
        footfall__lane_finish(lane, r, FOOTFALL_STORE_TEMPORARY);
        footfall__lane_unref(r);
        dropped = 1;
    }
    return dropped;
}

int footfall__lane_drop_overdue(struct footfall__lane *lane, int64_t now_ms, int closing)
{
    int dropped = 0;
    if (lane->queued_submissions == 0 || (lane->overdue_ms > now_ms && !closing))
        return 0;
    lane->overdue_ms = INT64_MAX;
    for (size_t kind = 0; kind < FOOTFALL__REQUEST_KINDS; kind++)
        dropped |= drop_overdue(lane, lane->queues[kind].head, now_ms, closing);
    return dropped;
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
    count_answers(lane->ff, r);
    if (r->done == NULL) {
        r->state = FOOTFALL__DONE;
        lane->wake_all |= 1U << r->slot;
        return;
    }
    r->state = FOOTFALL__DONE;
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
    return !lane->busy && !lane->reserved && (lane->queued_requests > 0 || lane->batch.in_doubt) &&
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
        lane->wake_one |= 1U << FOOTFALL__BED_BORROWERS;
        return;
    }
    if (submissions)
        pthread_cond_signal(&lane->work);
    else if (waiting && lane->batch.in_doubt)
        lane->wake_all |= 3;
    else if (waiting)
        lane->wake_one |= 1U << footfall__lane_oldest(lane)->slot;
}

/* The caller's time is up, or the handle is being closed: what was never sent is surely not applied. */
static void walk_away(struct footfall__lane *lane, struct footfall__request *r)
{
    int sent = r->state == FOOTFALL__TAKEN && lane->batch.sent && r->kind != FOOTFALL__READ;
    if (r->state == FOOTFALL__QUEUED)
        unlink_request(lane, r);
    r->state = FOOTFALL__DONE; /* the batch that holds it goes on unchanged, and no longer answers it */
    if (sent && lane->batch.in_doubt && !lane->busy && !footfall__batch_wanted(lane))
        footfall__batch_settle(lane, r, 0);
    for (size_t i = 0; i < r->count && r->pending > 0; i++)
        if ((int)r->results[i].status == FOOTFALL__PENDING) {
            r->results[i].status = sent ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_TEMPORARY;
            r->pending--;
        }
    count_answers(lane->ff, r);
}

void footfall__lane_run(struct footfall__lane *lane, struct footfall__request *r)
{
    footfall__lane_lock(lane);
    footfall__lane_put_last(lane, r);
    while (r->state != FOOTFALL__DONE) {
        int64_t now = footfall__boottime_ms();
        int64_t until = r->deadline_ms;
        if (now >= r->deadline_ms || atomic_load_explicit(&lane->ff->closing, memory_order_relaxed) > 1) {
            walk_away(lane, r);
            footfall__lane_next(lane); /* a wake-up that was meant for this caller goes on to another */
            continue;
        }
        if (footfall__lane_ready(lane, now)) {
            footfall__lane_lead(lane, r);
            continue;
        }
        if (lane->not_before_ms > now && lane->not_before_ms < until)
            until = lane->not_before_ms;
        footfall__lane_sleep(lane, r->slot, until);
        if (r->state == FOOTFALL__DONE)
            return;
        footfall__lane_lock(lane);
    }
    footfall__lane_unlock(lane);
}

void footfall__lane_lead(struct footfall__lane *lane, const struct footfall__request *mine)
{
    lane->busy = 1;
    footfall__batch_step(lane, mine);
    lane->busy = 0;
    lane->reserved = lane->borrowers > 0;
    footfall__lane_next(lane);
}

int footfall__lane_borrow(struct footfall__lane *lane, int64_t deadline_ms)
{
    int got = 0;
    footfall__lane_lock(lane);
    lane->borrowers++;
    while (!(got = !lane->busy)) {
        if (footfall__boottime_ms() >= deadline_ms || atomic_load(&lane->ff->closing) > 1)
            break;
        footfall__lane_sleep(lane, FOOTFALL__BED_BORROWERS, deadline_ms);
        footfall__lane_lock(lane);
    }
    got = got && atomic_load(&lane->ff->closing) <= 1;
    lane->borrowers--;
    if (got)
        lane->busy = 1;
    if (got || lane->borrowers == 0)
        lane->reserved = 0;
    if (!got)
        footfall__lane_next(lane);
    footfall__lane_unlock(lane);
    return got ? FOOTFALL_OK : FOOTFALL_TEMPORARY;
}

void footfall__lane_give_back(struct footfall__lane *lane)
{
    footfall__lane_lock(lane);
    lane->busy = 0;
    footfall__lane_next(lane);
    if (lane->borrowers > 0)
        lane->wake_one |= 1U << FOOTFALL__BED_BORROWERS;
    footfall__lane_unlock(lane);
}
