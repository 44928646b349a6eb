/* batch_form.c: who is in a batch and which operations are sent (lane.h). */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "engine.h"
#include "lane.h"

enum { YIELDS = 4, ROOM_KEPT = 1024 };

static int reserve_members(struct footfall__batch *b, size_t count)
{
    struct footfall__request **grown;
    if (count <= b->member_room)
        return 0;
    grown = footfall__array(b->members, count * 2, sizeof *grown);
    if (grown == NULL)
        return FOOTFALL_NO_MEMORY;
    b->members = grown;
    b->member_room = count * 2;
    return 0;
}

static void free_room(struct footfall__batch *b)
{
    footfall__free(b->copies);
    footfall__free(b->results);
    footfall__free(b->member_of);
    footfall__free(b->op_of);
    footfall__free(b->doubted);
    b->copies = NULL;
    b->results = NULL;
    b->member_of = NULL;
    b->op_of = NULL;
    b->doubted = NULL;
    b->room = 0;
}

static int reserve_ops(struct footfall__batch *b, size_t count, int with_copies)
{
    if (count > b->room || (with_copies && b->copies == NULL)) {
        free_room(b);
        b->copies = with_copies ? footfall__array(NULL, count, sizeof *b->copies) : NULL;
        b->results = footfall__array(NULL, count, sizeof *b->results);
        b->member_of = footfall__array(NULL, count, sizeof *b->member_of);
        b->op_of = footfall__array(NULL, count, sizeof *b->op_of);
        b->doubted = footfall__malloc(count);
        if ((with_copies && b->copies == NULL) || b->results == NULL || b->member_of == NULL || b->op_of == NULL ||
            b->doubted == NULL) {
            free_room(b);
            return FOOTFALL_NO_MEMORY;
        }
        b->room = count;
    }
    return 0;
}

void footfall__batch_shrink(struct footfall__batch *b)
{
    if (b->room > ROOM_KEPT)
        free_room(b);
}

void footfall__batch_destroy(struct footfall__batch *b)
{
    for (size_t i = 0; i < b->member_count; i++)
        footfall__lane_unref(b->members[i]);
    free_room(b);
    footfall__free(b->members);
    memset(b, 0, sizeof *b);
}

/* Where several callers took part last time, their next operations are about to come: a commit costs more than a yield. */
static void let_it_grow(struct footfall__lane *lane)
{
    for (int i = 0; i < YIELDS && lane->queued_requests < lane->last_members; i++) {
        size_t before = lane->queued_requests;
        footfall__lane_unlock(lane);
        sched_yield();
        footfall__lane_lock(lane);
        if (lane->queued_requests == before)
            break;
    }
}

static void refuse_head(struct footfall__lane *lane, struct footfall__request *r, int status)
{
    footfall__lane_take(lane, r);
    footfall__lane_finish(lane, r, status);
    footfall__lane_unref(r);
}

/* Takes whoever has waited for longest, and more of that kind in their order, as many as the backend takes ops; a caller's
 * numbered batch goes alone. A read that goes ahead of a write which came before it misses nothing: only what was acknowledged
 * before it came must be seen. */
static void take_members(struct footfall__lane *lane, int64_t now)
{
    struct footfall__batch *b = &lane->batch;
    size_t ops = 0;
    for (;;) {
        const struct footfall__request *first = b->member_count > 0 ? b->members[0] : NULL;
        struct footfall__request *r = first == NULL ? footfall__lane_oldest(lane) : lane->queues[first->kind].head;
        if (r == NULL)
            break;
        if (r->deadline_ms <= now) {
            refuse_head(lane, r, FOOTFALL_STORE_TEMPORARY);
            continue;
        }
        if (first != NULL && (r->numbered || first->numbered || ops + r->pending > lane->ff->backend.max_batch))
            break;
        if (reserve_members(b, b->member_count + 1) != 0) {
            if (first != NULL)
                break;
            refuse_head(lane, r, FOOTFALL_STORE_NO_MEMORY);
            continue;
        }
        footfall__lane_take(lane, r);
        b->members[b->member_count++] = r;
        ops += r->pending;
        if (r->kind == FOOTFALL__APPLY && !r->counted)
            atomic_fetch_add_explicit(&lane->ff->counts.operations, r->count, memory_order_relaxed);
        r->counted = 1;
    }
    lane->slot ^= 1;
}

int64_t footfall__batch_take(struct footfall__lane *lane)
{
    int64_t now;
    let_it_grow(lane);
    now = footfall__boottime_ms();
    take_members(lane, now);
    return now;
}

/* Ids that could not be made at once: their keys are in the store. A member that fails here leaves the others be. */
static void resolve_members(struct footfall__lane *lane, struct footfall_store_call *call, int *temporary)
{
    struct footfall__batch *b = &lane->batch;
    for (size_t i = 0; i < b->member_count; i++) {
        struct footfall__request *r = b->members[i];
        int rc;
        if (r->unresolved == 0)
            continue;
        footfall__lane_unlock(lane);
        rc = footfall__request_resolve(lane->ff, r, &lane->store, call);
        footfall__lane_lock(lane);
        if (rc == 0 || r->state == FOOTFALL__DONE)
            continue;
        (void)snprintf(r->text, sizeof r->text, "%s", call->text[0] != '\0' ? call->text : "out of memory");
        r->native = call->native;
        if (rc == FOOTFALL_STORE_TEMPORARY) {
            *temporary = 1;
            continue;
        }
        footfall__lane_finish(lane, r, rc);
    }
}

/* Lets go of members that are done (abandoned, failed) or could not be resolved yet; those go back to the queue. */
static void keep_resolved(struct footfall__lane *lane)
{
    struct footfall__batch *b = &lane->batch;
    size_t kept = b->member_count;
    for (size_t i = b->member_count; i-- > 0;) { /* from the last, so that the queue keeps its order */
        struct footfall__request *r = b->members[i];
        if (r->state != FOOTFALL__DONE && r->unresolved == 0) {
            b->members[--kept] = r;
            continue;
        }
        if (r->state != FOOTFALL__DONE)
            footfall__lane_put_back(lane, r);
        footfall__lane_unref(r);
    }
    b->member_count -= kept;
    if (b->member_count > 0)
        memmove(b->members, b->members + kept, b->member_count * sizeof(struct footfall__request *));
}

void footfall__batch_resolve(struct footfall__lane *lane, struct footfall_store_call *call, int *temporary)
{
    resolve_members(lane, call, temporary);
    keep_resolved(lane);
}

int footfall__batch_gather(struct footfall__lane *lane)
{
    struct footfall__batch *b = &lane->batch;
    struct footfall__request *first = b->members[0];
    size_t max = lane->ff->backend.max_batch;
    size_t total = 0;
    int whole = b->member_count == 1 && first->pending == first->count && first->count <= max;
    for (size_t m = 0; m < b->member_count; m++)
        total += b->members[m]->pending;
    if (total > max)
        total = max;
    if (total > 0 && reserve_ops(b, total, !whole) != 0)
        return FOOTFALL_NO_MEMORY;
    for (size_t m = 0; m < b->member_count; m++) {
        struct footfall__request *r = b->members[m];
        for (size_t i = 0; i < r->count && b->count < total; i++) {
            if ((int)r->results[i].status != FOOTFALL__PENDING)
                continue;
            if (!whole)
                b->copies[b->count] = r->ops[i];
            b->member_of[b->count] = (uint32_t)m;
            b->op_of[b->count++] = (uint32_t)i;
        }
    }
    b->ops = whole ? first->ops : b->copies;
    memset(b->doubted, 0, b->count);
    return 0;
}
