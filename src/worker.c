/* worker.c: submissions: the thread of a lane that leads their batches and tells their completions (lane.h). */
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "engine.h"
#include "error.h"
#include "lane.h"

static _Thread_local const struct footfall *telling;

int footfall__lane_telling(const struct footfall *ff)
{
    return telling == ff;
}

static int start_worker(struct footfall__lane *lane)
{
    sigset_t all, before;
    int rc;
    sigfillset(&all); /* an application's signals are for its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&lane->worker, NULL, footfall__lane_worker, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    lane->has_worker = rc == 0;
    return rc;
}

int footfall__lane_submit(struct footfall__lane *lane, struct footfall__request *r, struct footfall_error *err)
{
    int rc = FOOTFALL_OK;
    footfall__lane_lock(lane);
    if (lane->queued_ops >= FOOTFALL__QUEUE_MAX)
        rc = footfall__fail(err, FOOTFALL_TEMPORARY, 0, "not applied: the queue is full (%d operations)",
                            FOOTFALL__QUEUE_MAX);
    else if (!lane->has_worker && start_worker(lane) != 0)
        rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "cannot start a thread for submissions");
    if (rc == FOOTFALL_OK) {
        lane->open_submissions++;
        footfall__lane_put_last(lane, r);
        footfall__lane_unref(r);
        if (!lane->busy)
            pthread_cond_signal(&lane->work);
    }
    footfall__lane_unlock(lane);
    return rc;
}

/* Runs the completions of what is done; the lock is given up meanwhile, so that the lane goes on. */
static void tell(struct footfall__lane *lane)
{
    struct footfall__request *list = lane->completions;
    size_t told = 0;
    lane->completions = lane->completions_tail = NULL;
    footfall__lane_unlock(lane);
    telling = lane->ff;
    for (struct footfall__request *r = list; r != NULL; r = r->next, told++) {
        struct footfall_result result;
        struct footfall_error err;
        footfall__request_answer(r, 0, &result);
        footfall__request_error(r, 0, &err);
        r->done(r->user, &result, &err);
    }
    telling = NULL;
    footfall__lane_lock(lane);
    while (list != NULL) {
        struct footfall__request *next = list->next;
        footfall__lane_unref(list);
        list = next;
    }
    lane->open_submissions -= told;
}

static int has_submissions(const struct footfall__lane *lane)
{
    if (lane->queued_submissions > 0)
        return 1;
    for (size_t m = 0; m < lane->batch.member_count; m++)
        if (lane->batch.members[m]->done != NULL && lane->batch.members[m]->state != FOOTFALL__DONE)
            return 1;
    return 0;
}

static void wait_for_work(struct footfall__lane *lane, int64_t now)
{
    int64_t until = lane->batch.in_doubt && !lane->busy ? footfall__batch_settle_overdue(lane, now) : INT64_MAX;
    if (lane->completions != NULL) {
        footfall__lane_next(lane);
        return;
    }
    if (lane->queued_submissions > 0 && lane->overdue_ms < until)
        until = lane->overdue_ms;
    if (lane->not_before_ms > now && lane->not_before_ms < until && has_submissions(lane))
        until = lane->not_before_ms;
    footfall__lane_wait_for_work(lane, until);
}

void *footfall__lane_worker(void *argument)
{
    struct footfall__lane *lane = argument;
    footfall__lane_lock(lane);
    while (!lane->stop || lane->open_submissions > 0) {
        int64_t now = footfall__boottime_ms();
        int closing = atomic_load(&lane->ff->closing) > 1;
        if (lane->completions != NULL) {
            tell(lane);
        } else if (footfall__lane_drop_overdue(lane, now, closing)) {
            footfall__lane_next(lane); /* who was to wait for this thread may have nobody else to lead */
        } else if (closing && lane->batch.in_doubt && !lane->busy) {
            footfall__batch_give_up(lane);
        } else if (has_submissions(lane) && footfall__lane_ready(lane, now)) {
            footfall__lane_lead(lane, NULL);
        } else {
            wait_for_work(lane, now);
        }
    }
    footfall__lane_unlock(lane);
    return NULL;
}
