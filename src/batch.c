/* batch.c: what the leader of a lane does: has a batch formed from the queue (batch_form.c), sends it, hands out the answers
 * (lane.h). What becomes of a fault is retry.c's to say. */
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "engine.h"
#include "lane.h"
#include "retry.h"

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

static int64_t attempt_deadline(const struct footfall__lane *lane, const struct footfall__request *mine, int64_t now)
{
    int64_t latest = now;
    for (size_t i = 0; i < lane->batch.member_count; i++)
        if (lane->batch.members[i]->state != FOOTFALL__DONE && lane->batch.members[i]->deadline_ms > latest)
            latest = lane->batch.members[i]->deadline_ms;
    if (mine != NULL && mine->deadline_ms < latest)
        latest = mine->deadline_ms; /* the leader must be back by then; another leads on */
    return latest < now + FOOTFALL__ATTEMPT_MS ? latest : now + FOOTFALL__ATTEMPT_MS;
}

static void send_reads(struct footfall__lane *lane, struct footfall_store_call *call)
{
    struct footfall__batch *b = &lane->batch;
    size_t each = sizeof(char *) + sizeof(size_t) + 2 * sizeof(int64_t) + 1;
    char *room = footfall__array(NULL, b->count, each);
    const char **names = (const char **)(void *)room;
    size_t *sizes = (size_t *)(void *)(room + b->count * sizeof(char *));
    int64_t *totals = (int64_t *)(void *)(sizes + b->count);
    int64_t *uniques = totals + b->count;
    uint8_t *exists = (uint8_t *)(uniques + b->count);
    int rc = FOOTFALL_STORE_NO_MEMORY;
    for (size_t i = 0; room != NULL && i < b->count; i++) {
        names[i] = b->ops[i].name;
        sizes[i] = b->ops[i].name_bytes;
    }
    if (room != NULL)
        rc = footfall__store_fetch(&lane->store, names, sizes, b->count, totals, uniques, exists, call);
    for (size_t i = 0; i < b->count; i++) {
        memset(&b->results[i], 0, sizeof b->results[i]);
        b->results[i].status = (enum footfall_store_status)rc;
        if (rc == 0) {
            b->results[i].total = totals[i];
            b->results[i].unique = uniques[i];
            b->results[i].is_new = exists[i];
        }
    }
    footfall__free(room);
}

static void send_batch(struct footfall__lane *lane, struct footfall_store_call *call)
{
    struct footfall__batch *b = &lane->batch;
    const struct footfall__request *first = b->members[0];
    call->writer = lane->writer;
    call->sequence = lane->sequence;
    call->attempt = b->attempt;
    if (first->numbered) {
        call->series = first->series;
        call->series_number = first->number;
        call->series_keep_ms = first->series_keep_ms;
    }
    if (first->kind == FOOTFALL__READ)
        send_reads(lane, call);
    else
        (void)footfall__store_apply(&lane->store, b->ops, b->count, b->results, call);
}

static void count_attempt(struct footfall__lane *lane)
{
    struct footfall__counts *c = &lane->ff->counts;
    struct footfall__batch *b = &lane->batch;
    uint64_t longest = atomic_load_explicit(&c->longest_batch, memory_order_relaxed);
    if (b->members[0]->kind == FOOTFALL__READ)
        return;
    if (b->attempt > 0 || lane->failures > 0)
        atomic_fetch_add_explicit(&c->retries, 1, memory_order_relaxed);
    if (b->attempt > 0)
        return;
    atomic_fetch_add_explicit(&c->batches, 1, memory_order_relaxed);
    footfall__tally_size(&lane->tally, b->count);
    while (b->count > longest && !atomic_compare_exchange_weak(&c->longest_batch, &longest, b->count))
        ;
}

/* ---- answering -------------------------------------------------------------------------------------------------------- */

static struct footfall__request *pending_member(const struct footfall__batch *b, size_t i)
{
    struct footfall__request *r = b->members[b->member_of[i]];
    int waits = r->state != FOOTFALL__DONE && (int)r->results[b->op_of[i]].status == FOOTFALL__PENDING;
    return waits ? r : NULL;
}

static void decide(const struct footfall__batch *b, size_t i, struct footfall__request *r, int status)
{
    r->results[b->op_of[i]] = b->results[i];
    r->results[b->op_of[i]].status = (enum footfall_store_status)status;
    r->pending--;
}

static void note_fault(struct footfall__request *r, const struct footfall_store_call *call)
{
    (void)snprintf(r->text, sizeof r->text, "%s", call->text);
    r->native = call->native;
}

/* Each op's answer to its request. Says whether something is in doubt and to be sent again, or to go with another batch. */
static void distribute(struct footfall__lane *lane, const struct footfall_store_call *call, int *resend, int *regroup)
{
    struct footfall__batch *b = &lane->batch;
    for (size_t i = 0; i < b->count; i++)
        if (pending_member(b, i) != NULL &&
            footfall__retry_verdict(b->results[i].status, b->doubted[i], lane->ff->caps) == FOOTFALL__RESEND)
            *resend = 1;
    for (size_t i = 0; i < b->count; i++) {
        struct footfall__request *r = pending_member(b, i);
        int status = b->results[i].status;
        enum footfall__verdict verdict = footfall__retry_verdict(status, b->doubted[i], lane->ff->caps);
        if (status == FOOTFALL_STORE_UNKNOWN)
            b->doubted[i] = 1;
        if (r == NULL)
            continue;
        if (verdict != FOOTFALL__DECIDED)
            note_fault(r, call);
        if (verdict == FOOTFALL__REGROUP)
            *regroup = 1;
        if (verdict == FOOTFALL__RESEND || verdict == FOOTFALL__REGROUP || (verdict == FOOTFALL__FAILED && *resend))
            continue; /* what goes out again may yet be applied: a refusal is final only when nothing is in doubt */
        decide(b, i, r, verdict == FOOTFALL__DOUBT ? FOOTFALL_STORE_UNKNOWN : status);
        r->interrupted |= r->numbered && verdict != FOOTFALL__DECIDED;
    }
}

static void finish_decided(struct footfall__lane *lane)
{
    for (size_t m = 0; m < lane->batch.member_count; m++) {
        struct footfall__request *r = lane->batch.members[m];
        if (r->state == FOOTFALL__DONE || (r->pending > 0 && !(r->interrupted && !lane->batch.in_doubt)))
            continue;
        footfall__lane_finish(lane, r,
                              FOOTFALL_STORE_TEMPORARY); /* pending: only what would leave a gap in its series */
    }
}

/* The batch is over: members that still have something pending go back to the head of the queue, in their order. */
static void disband(struct footfall__lane *lane)
{
    struct footfall__batch *b = &lane->batch;
    for (size_t m = b->member_count; m-- > 0;) {
        if (b->members[m]->state != FOOTFALL__DONE)
            footfall__lane_put_back(lane, b->members[m]);
        footfall__lane_unref(b->members[m]);
    }
    b->member_count = b->count = 0;
    b->sent = b->in_doubt = 0;
    footfall__batch_shrink(b);
}

int footfall__batch_wanted(const struct footfall__lane *lane)
{
    for (size_t m = 0; m < lane->batch.member_count; m++)
        if (lane->batch.members[m]->state != FOOTFALL__DONE)
            return 1;
    return 0;
}

void footfall__batch_settle(struct footfall__lane *lane, struct footfall__request *r, int goes_on)
{
    struct footfall__batch *b = &lane->batch;
    for (size_t i = 0; i < b->count; i++)
        if (b->members[b->member_of[i]] == r && (int)r->results[b->op_of[i]].status == FOOTFALL__PENDING) {
            r->results[b->op_of[i]].status =
                b->doubted[i] || goes_on ? FOOTFALL_STORE_UNKNOWN : FOOTFALL_STORE_TEMPORARY;
            r->pending--;
        }
}

void footfall__batch_give_up(struct footfall__lane *lane)
{
    for (size_t m = 0; m < lane->batch.member_count; m++) {
        struct footfall__request *r = lane->batch.members[m];
        if (r->state == FOOTFALL__DONE)
            continue;
        footfall__batch_settle(lane, r, 0);
        footfall__lane_finish(lane, r, FOOTFALL_STORE_TEMPORARY);
    }
    disband(lane);
}

/* Submissions whose time is up have nobody who would walk away for them. */
int64_t footfall__batch_settle_overdue(struct footfall__lane *lane, int64_t now)
{
    int64_t next = INT64_MAX;
    int goes_on = 0;
    for (size_t m = 0; m < lane->batch.member_count; m++) {
        const struct footfall__request *r = lane->batch.members[m];
        if (r->state == FOOTFALL__DONE || (r->done != NULL && r->deadline_ms <= now))
            continue;
        goes_on = 1;
        if (r->done != NULL && r->deadline_ms < next)
            next = r->deadline_ms;
    }
    for (size_t m = 0; m < lane->batch.member_count; m++) {
        struct footfall__request *r = lane->batch.members[m];
        if (r->state == FOOTFALL__DONE || r->done == NULL || r->deadline_ms > now)
            continue;
        footfall__batch_settle(lane, r, goes_on);
        footfall__lane_finish(lane, r, FOOTFALL_STORE_TEMPORARY);
    }
    return next;
}

static void back_off(struct footfall__lane *lane)
{
    lane->not_before_ms = footfall__boottime_ms() + footfall__retry_delay_ms(lane->failures, &lane->random_state);
    lane->failures++;
}

/* Members whose ids are still to be made get their keys from the store first. Returns the time after that. */
static int64_t resolve(struct footfall__lane *lane, struct footfall_store_call *call,
                       const struct footfall__request *mine, int64_t now)
{
    int temporary = 0;
    size_t unresolved = 0;
    for (size_t m = 0; m < lane->batch.member_count; m++)
        unresolved += lane->batch.members[m]->unresolved;
    if (unresolved == 0)
        return now;
    call->deadline_ms = attempt_deadline(lane, mine, now);
    footfall__batch_resolve(lane, call, &temporary);
    if (temporary)
        back_off(lane);
    return footfall__boottime_ms();
}

/* A new batch, ready to be sent by call->deadline_ms: 1; 0 when nothing came of it. */
static int form(struct footfall__lane *lane, struct footfall_store_call *call, const struct footfall__request *mine)
{
    struct footfall__batch *b = &lane->batch;
    int64_t now = footfall__batch_take(lane);
    now = resolve(lane, call, mine, now);
    call->deadline_ms = attempt_deadline(lane, mine, now);
    b->count = 0;
    b->attempt = 0;
    if (b->member_count > 0 && footfall__batch_gather(lane) != 0)
        for (size_t m = 0; m < b->member_count; m++)
            footfall__lane_finish(lane, b->members[m], FOOTFALL_STORE_NO_MEMORY);
    if (b->count == 0)
        disband(lane);
    lane->last_members = b->member_count;
    if (b->member_count > 0)
        lane->sequence++;
    return b->member_count > 0;
}

/* The batch in doubt, to be sent again by call->deadline_ms: 1; 0 when nobody waits for it any more. */
static int renew(struct footfall__lane *lane, struct footfall_store_call *call, const struct footfall__request *mine)
{
    int64_t now = footfall__boottime_ms();
    (void)footfall__batch_settle_overdue(lane, now);
    if (!footfall__batch_wanted(lane)) {
        disband(lane);
        return 0;
    }
    call->deadline_ms = attempt_deadline(lane, mine, now);
    return 1;
}

void footfall__batch_step(struct footfall__lane *lane, const struct footfall__request *mine)
{
    struct footfall__batch *b = &lane->batch;
    struct footfall_store_call call;
    char text[200];
    int64_t began_us = 0;
    int64_t ended_us = 0;
    int resend = 0;
    int regroup = 0;
    footfall__store_call_init(lane->ff, &call, 0, text, sizeof text);
    if (!(b->in_doubt ? renew(lane, &call, mine) : form(lane, &call, mine)))
        return;
    b->sent = 1;
    count_attempt(lane);
    footfall__lane_unlock(lane);
    began_us = footfall__boottime_us();
    send_batch(lane, &call);
    ended_us = footfall__boottime_us();
    footfall__lane_lock(lane);
    footfall__tally_time(&lane->tally,
                         b->members[0]->kind == FOOTFALL__READ ? FOOTFALL__TALLY_READ : FOOTFALL__TALLY_WRITE,
                         ended_us - began_us);
    distribute(lane, &call, &resend, &regroup);
    b->in_doubt = resend;
    finish_decided(lane);
    if (resend || regroup) {
        back_off(lane);
    } else {
        lane->failures = 0;
        lane->not_before_ms = 0;
    }
    if (resend)
        b->attempt++;
    else
        disband(lane);
    if (!lane->ff->alone && footfall__upkeep_due(lane->ff, call.wall_ms, ended_us / 1000)) {
        footfall__lane_unlock(lane);
        footfall__upkeep(lane->ff, &lane->store, mine != NULL ? mine->deadline_ms : INT64_MAX);
        footfall__lane_lock(lane);
    }
}
