/* lane.h: how concurrent callers become one write. A lane is one store and the queue in front of it; a counter always takes
 * the same lane. A caller that finds the lane idle runs its own operations itself; who finds it busy queues up, and whoever
 * is free next takes everything that queued as one batch. Submissions are led by the lane's worker. Nothing is answered
 * before the batch is stored. lane.c: the queue and who leads. batch.c, batch_form.c: one batch. worker.c: submissions. */
#ifndef FOOTFALL_LANE_H
#define FOOTFALL_LANE_H
#include <pthread.h>
#include <stdatomic.h>

#include "request.h"
#include "store.h"
#include "tally.h"

struct footfall;

enum { FOOTFALL__QUEUE_MAX = 65536 };

/* The batch under way, or in doubt between two attempts. */
struct footfall__batch {
    struct footfall__request **members; /* in queue order, all of one kind; each holds a reference */
    size_t member_count, member_room;
    const struct footfall_store_op
        *ops; /* what is sent, and sent again as it is: the copies, or the only member's own */
    struct footfall_store_op *copies;
    struct footfall_store_result *results;
    uint32_t *member_of; /* ops[i] belongs to members[member_of[i]] … */
    uint32_t *op_of;     /* … as its op op_of[i] */
    uint8_t *doubted;    /* an attempt at ops[i] ended in doubt */
    size_t count, room;
    uint32_t attempt;
    int sent;     /* the store may have seen it */
    int in_doubt; /* to be sent again as it is */
};

/* Requests of one kind that wait for a batch, by their tickets: a batch is of one kind, and takes what is of its own past what is
 * not. So reads and writes that come in turn still go together; within a kind nobody overtakes. */
struct footfall__queue {
    struct footfall__request *head, *tail;
};

/* Where threads sleep that wait for a lane: a futex word that changes with every waking. */
struct footfall__bed {
    _Atomic uint32_t word, sleepers;
};
enum { FOOTFALL__BED_BORROWERS = 2, FOOTFALL__BEDS = 3 };

struct footfall__lane {
    struct footfall *ff;
    struct footfall__store store;
    pthread_mutex_t lock;
    struct footfall__bed
        beds[FOOTFALL__BEDS];    /* callers sleep in the one their request's slot says: batches take turns */
    unsigned wake_all, wake_one; /* beds to wake when the lock is given up; bits */
    pthread_cond_t work;         /* the worker waits here */
    int busy;                    /* somebody has the store to himself */
    unsigned borrowers;          /* that wait, see footfall__lane_borrow */
    int reserved;                /* the store goes to one of those next, not to a batch */
    struct footfall__queue queues[FOOTFALL__REQUEST_KINDS];
    uint64_t tickets;  /* given out */
    size_t queued_ops; /* pending ones of the queues */
    size_t queued_requests, queued_submissions;
    int64_t overdue_ms;  /* no queued submission's time is up before */
    size_t last_members; /* of the last batch: what to expect of the next */
    unsigned slot;
    struct footfall__batch batch;
    uint64_t writer, sequence;
    struct footfall__tally tally;
    unsigned failures;     /* attempts that failed one after another */
    int64_t not_before_ms; /* CLOCK_BOOTTIME: backoff */
    uint64_t random_state;
    struct footfall__request *completions, *completions_tail; /* submissions that are done, for the worker to tell */
    size_t open_submissions;                                  /* not told yet */
    int has_worker, stop;
    pthread_t worker;
};

int footfall__lane_init(struct footfall__lane *lane, struct footfall *ff, uint32_t number); /* 0, or NO_MEMORY */
void footfall__lane_destroy(struct footfall__lane *lane, int inherited);

/* Brings a request of a waiting caller to its end: answered, or its deadline has passed (then what was not sent is TEMPORARY
 * and what was is UNKNOWN). Afterwards r->results have final statuses; the caller's reference goes with
 * footfall__lane_release. */
void footfall__lane_run(struct footfall__lane *lane, struct footfall__request *r);

/* Queues a submission (taking the reference over); the worker answers it. OK; TEMPORARY: the queue is full; NO_MEMORY: the
 * worker cannot be started; then the request is still the caller's. */
int footfall__lane_submit(struct footfall__lane *lane, struct footfall__request *r, struct footfall_error *err);

/* The store for oneself, for what is no batch (scan, purge, ping): 0, or TEMPORARY when the deadline passed. */
int footfall__lane_borrow(struct footfall__lane *lane, int64_t deadline_ms);
void footfall__lane_give_back(struct footfall__lane *lane);

/* ---- between lane.c, batch.c and worker.c; the lane's lock is held -------------------------------------------------- */

/* One step as the leader: forms a batch and sends it, or sends the one in doubt again. `mine` is the leader's own request,
 * NULL for the worker. busy must be set; the lock is given up meanwhile. */
void footfall__batch_step(struct footfall__lane *lane, const struct footfall__request *mine);
/* The final answer to what is pending of a member of the batch in doubt: UNKNOWN where an attempt ended in doubt, TEMPORARY
 * where each was refused. */
void footfall__batch_settle(struct footfall__lane *lane, struct footfall__request *r, int goes_on);
/* Tells submissions of the batch in doubt whose time is up; returns when the next one's is, INT64_MAX: never. */
int64_t footfall__batch_settle_overdue(struct footfall__lane *lane, int64_t now_ms);
/* The same for the queues (every submission of them, when the handle is being closed). Says whether any was dropped. */
int footfall__lane_drop_overdue(struct footfall__lane *lane, int64_t now_ms, int closing);
/* Ends the batch in doubt for good, each member settled. */
void footfall__batch_give_up(struct footfall__lane *lane);
int footfall__batch_wanted(const struct footfall__lane *lane); /* somebody still waits for the batch in doubt */

/* batch_form.c. _take: members from the queue, as many as one batch may have; the time at which that was. _resolve: ids whose keys are
 * in the store; who is done, or could not be resolved, is no member any more (*temporary: and goes back to the queue). _gather: the
 * ops to send: what is pending of the members, in order; of a request that is larger than a batch, its first part. 0, or
 * NO_MEMORY. */
int64_t footfall__batch_take(struct footfall__lane *lane);
void footfall__batch_resolve(struct footfall__lane *lane, struct footfall_store_call *call, int *temporary);
int footfall__batch_gather(struct footfall__lane *lane);
void footfall__batch_shrink(struct footfall__batch *batch); /* a large one's room is not kept */
void footfall__batch_destroy(struct footfall__batch *batch);

/* Takes the lead for one step: the lock is given up meanwhile. mine as in footfall__batch_step. */
void footfall__lane_lead(struct footfall__lane *lane, const struct footfall__request *mine);
int footfall__lane_ready(const struct footfall__lane *lane,
                         int64_t now_ms);              /* there is something to do, and it may begin */
void footfall__lane_next(struct footfall__lane *lane); /* wakes who should lead now */
/* Gives the lock up and sleeps until woken, `until_ms` (CLOCK_BOOTTIME) or a second has passed. Does not take the lock. */
void footfall__lane_sleep(struct footfall__lane *lane, unsigned bed, int64_t until_ms);
/* The worker waits, INT64_MAX: until woken. Takes the lock again. */
void footfall__lane_wait_for_work(struct footfall__lane *lane, int64_t until_ms);
void footfall__lane_lock(struct footfall__lane *lane);
void footfall__lane_unlock(struct footfall__lane *lane); /* and wakes whom wake_all and wake_one say */
void footfall__lane_put_last(struct footfall__lane *lane, struct footfall__request *r); /* adds a reference */
struct footfall__request *footfall__lane_oldest(const struct footfall__lane *lane);     /* whose turn it is, or NULL */
void footfall__lane_take(struct footfall__lane *lane, struct footfall__request *r);     /* r: the head of a queue */
void footfall__lane_put_back(struct footfall__lane *lane, struct footfall__request *r); /* to the head */
/* Everything pending gets `status`; the request is done: its caller is woken, its completion queued. */
void footfall__lane_finish(struct footfall__lane *lane, struct footfall__request *r, int status);
void footfall__lane_unref(struct footfall__request *r);
void *footfall__lane_worker(void *lane);
/* This thread is telling a completion of ff: it may not block on it. */
int footfall__lane_telling(const struct footfall *ff);
#endif
