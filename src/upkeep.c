/* upkeep.c: purge, erasing of expired epoch keys, ping and statistics (footfall.h). */
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "engine.h"
#include "error.h"
#include "retry.h"

enum { TEXT_BYTES = 200, BUDGET_MAX = 1000000, RETRY_DROP_MS = 60000, ERASE_MS = 500 };

/* A new key's expiry is more than two lengths of at least a day away: looking this often finds those of other handles. */
#define LOOK_AGAIN_MS (2 * (int64_t)FOOTFALL__DAY_MS)

int footfall__upkeep_due(const struct footfall *ff, int64_t wall_ms, int64_t now_ms)
{
    return wall_ms >= atomic_load_explicit(&ff->next_drop_ms, memory_order_relaxed) ||
           now_ms >= atomic_load_explicit(&ff->next_keys_ms, memory_order_relaxed);
}

static void refresh_keys(struct footfall *ff, struct footfall__store *store, int64_t deadline_ms)
{
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    int64_t now = footfall__boottime_ms();
    int64_t due = atomic_load(&ff->next_keys_ms);
    int changed = 0;
    if (now < due || now >= deadline_ms ||
        !atomic_compare_exchange_strong(&ff->next_keys_ms, &due, now + FOOTFALL__KEYS_AGREE_MS))
        return;
    footfall__store_call_init(ff, &call, deadline_ms < now + ERASE_MS ? deadline_ms : now + ERASE_MS, text,
                              sizeof text);
    if (call.wall_ms >= 0 && footfall__identity_refresh(&ff->identity, call.wall_ms, store, &call, &changed) != 0)
        footfall__log(ff, FOOTFALL_LOG_INFO, "epoch keys could not be compared, will try again: %s", call.text);
    if (changed)
        footfall__log(ff, FOOTFALL_LOG_WARN,
                      "the store had lost an epoch key, and has another now: visitors since count anew once");
}

void footfall__upkeep(struct footfall *ff, struct footfall__store *store, int64_t deadline_ms)
{
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    int64_t claimed = atomic_load(&ff->next_drop_ms);
    int64_t next_ms;
    int64_t own_ms;
    int rc;
    int64_t now = 0;
    refresh_keys(ff, store, deadline_ms);
    now = footfall__boottime_ms();
    footfall__store_call_init(ff, &call, deadline_ms < now + ERASE_MS ? deadline_ms : now + ERASE_MS, text,
                              sizeof text);
    if (call.wall_ms < claimed || now >= deadline_ms ||
        !atomic_compare_exchange_strong(&ff->next_drop_ms, &claimed, INT64_MAX))
        return;
    own_ms = footfall__identity_expire(&ff->identity, call.wall_ms);
    rc = footfall__store_epoch_drop(store, call.wall_ms, &next_ms, &call);
    if (rc != 0) {
        footfall__log(ff, FOOTFALL_LOG_WARN, "expired epoch keys could not be erased, will try again: %s", call.text);
        next_ms = footfall__add_saturated(call.wall_ms, RETRY_DROP_MS);
    }
    if (next_ms > footfall__add_saturated(call.wall_ms, LOOK_AGAIN_MS))
        next_ms = footfall__add_saturated(call.wall_ms, LOOK_AGAIN_MS);
    atomic_store(&ff->next_drop_ms, next_ms < own_ms ? next_ms : own_ms);
}

/* ---- calls that have the store to themselves ---------------------------------------------------------------------------- */

int footfall__exclusively(struct footfall *ff, const struct footfall_call *how, footfall__with_store *run, void *user,
                          struct footfall_error *err)
{
    struct footfall__lane *lane = &ff->lanes[0];
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    int64_t deadline_ms = footfall__deadline(ff, how);
    uint64_t random_state = (uint64_t)deadline_ms | 1;
    unsigned failures = 0;
    int64_t attempt_ms;
    int rc;
    for (;;) {
        if (footfall__lane_borrow(lane, deadline_ms) != FOOTFALL_OK)
            return footfall__fail(err, FOOTFALL_TEMPORARY, 0, "the deadline passed before the store was free");
        attempt_ms = ff->looks ? deadline_ms : footfall__boottime_ms() + FOOTFALL__ATTEMPT_MS;
        footfall__store_call_init(ff, &call, attempt_ms < deadline_ms ? attempt_ms : deadline_ms, text, sizeof text);
        rc = run(ff, &lane->store, user, &call);
        if (!ff->alone)
            footfall__upkeep(ff, &lane->store, deadline_ms);
        footfall__lane_give_back(lane);
        if (rc != FOOTFALL_STORE_TEMPORARY || !footfall__retry_wait(failures++, &random_state, deadline_ms))
            break;
    }
    if (rc != 0)
        return footfall__fail(err, rc, call.native, "%s", call.text);
    footfall__fine(err);
    return FOOTFALL_OK;
}

int footfall_upkeep(struct footfall *ff, const struct footfall_call *call, struct footfall_error *err)
{
    struct footfall__lane *lane = NULL;
    int64_t deadline_ms = 0;
    int rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    lane = &ff->lanes[0];
    if (footfall__upkeep_due(ff, footfall__now(ff), footfall__boottime_ms())) {
        deadline_ms = footfall__deadline(ff, call);
        rc = footfall__lane_borrow(lane, deadline_ms);
        if (rc == FOOTFALL_OK) {
            footfall__upkeep(ff, &lane->store, deadline_ms);
            footfall__lane_give_back(lane);
        } else {
            rc = footfall__fail(err, FOOTFALL_TEMPORARY, 0, "the deadline passed before the store was free");
        }
    }
    footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}

struct purging {
    int64_t now_ms;
    size_t budget;
    struct footfall_purge_result *out;
};

static int run_purge(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    struct purging *p = user;
    size_t dropped[3];
    int more = 0;
    int rc;
    atomic_store(&ff->next_drop_ms, INT64_MIN); /* erasing is due now */
    atomic_store(&ff->next_keys_ms, INT64_MIN);
    rc = footfall__store_purge(store, p->now_ms, p->budget, dropped, &more, call);
    if (rc != 0)
        return rc;
    p->out->visitors = (int64_t)dropped[0];
    p->out->tokens = (int64_t)dropped[1];
    p->out->counters = (int64_t)dropped[2];
    p->out->done = !more;
    footfall__upkeep(ff, store, call->deadline_ms);
    return 0;
}

int footfall_purge(struct footfall *ff, int64_t now_ms, size_t budget, const struct footfall_call *call,
                   struct footfall_purge_result *out, struct footfall_error *err)
{
    struct footfall_purge_result ignored;
    struct purging purging = { now_ms, budget, out != NULL ? out : &ignored };
    int64_t clock_ms;
    int rc;
    memset(purging.out, 0, sizeof *purging.out);
    rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    clock_ms = footfall__now(ff);
    if (now_ms == FOOTFALL_NOW)
        purging.now_ms = clock_ms;
    if (purging.now_ms > clock_ms)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "now_ms is in the future of this host's clock (%" PRId64 ")",
                            now_ms);
    else if (now_ms != FOOTFALL_NOW && now_ms < 0)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "now_ms is before 1970 (%" PRId64 ")", now_ms);
    else if (budget < 1 || budget > BUDGET_MAX)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "budget is %zu, not 1 to %d", budget, BUDGET_MAX);
    else
        rc = footfall__exclusively(ff, call, run_purge, &purging, err);
    footfall__leave(ff);
    return rc;
}

static int run_ping(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    (void)ff;
    (void)user;
    return footfall__store_ping(store, call);
}

int footfall_ping(struct footfall *ff, const struct footfall_call *call, struct footfall_error *err)
{
    int rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    rc = footfall__exclusively(ff, call, run_ping, NULL, err);
    footfall__leave(ff);
    return rc;
}

/* ---- statistics ------------------------------------------------------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void footfall_stats(struct footfall *ff, struct footfall_stats *out)
{
    const struct footfall__counts *c;
    if (ff == NULL || out == NULL || out->size != sizeof *out || footfall__inherited(ff))
        return;
    c = &ff->counts;
    out->operations = load(&c->operations);
    out->batches = load(&c->batches);
    out->retries = load(&c->retries);
    out->unknown = load(&c->unknown);
    out->temporary = load(&c->temporary);
    out->replayed = load(&c->replayed);
    out->queued_now = load(&c->queued_now);
    out->longest_batch = load(&c->longest_batch);
    out->backend = ff->backend.name;
}
