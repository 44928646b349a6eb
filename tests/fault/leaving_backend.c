/* leaving_backend.c: the vtable of the backend "leaving" (leaving_backend.h). How counters are stored is the memory
 * backend's; what a store answers otherwise is each test's. */
#include "leaving_backend.h"

#include <stdatomic.h>
#include <string.h>

#include "folder.h"
#include "process.h"
#include "registry.h"

enum { LONGEST_HOLD_MS = 60000 };

static const struct footfall_backend *inner;
static struct footfall_backend leaving;
static leaving_apply *_Atomic before_apply;
static leaving_refuse *_Atomic before_fetch, *_Atomic before_purge;
static atomic_int held, released;

void leaving_set(leaving_apply *apply, leaving_refuse *fetch, leaving_refuse *purge)
{
    atomic_store(&before_apply, apply);
    atomic_store(&before_fetch, fetch);
    atomic_store(&before_purge, purge);
}

int leaving_is(const struct footfall_store_op *op, const char *name)
{
    return op->name_bytes == strlen(name) && memcmp(op->name, name, op->name_bytes) == 0;
}

/* ---- holding ---------------------------------------------------------------------------------------------------------- */

static void wait_until_more(atomic_int *which, int than)
{
    for (int waited = 0; atomic_load(which) <= than; waited++) {
        if (waited > LONGEST_HOLD_MS)
            support_die("a call was held for a minute");
        support_sleep_ms(1);
    }
}

void leaving_hold(void)
{
    int before = atomic_fetch_add(&held, 1);
    wait_until_more(&released, before);
}

void leaving_await_held(void)
{
    wait_until_more(&held, atomic_load(&released));
}

void leaving_release(void)
{
    atomic_fetch_add(&released, 1);
}

/* ---- the vtable ------------------------------------------------------------------------------------------------------- */

int leaving_pass(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                 struct footfall_store_result *results, struct footfall_store_call *call)
{
    return inner->apply(store, ops, count, results, call);
}

int leaving_answer(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                   struct footfall_store_result *results, struct footfall_store_call *call, leaving_status *status_of)
{
    for (size_t i = 0; i < count; i++) {
        int status = status_of(&ops[i]);
        memset(&results[i], 0, sizeof results[i]);
        results[i].status = (enum footfall_store_status)status;
        if (status == 0 && inner->apply(store, &ops[i], 1, &results[i], call) != 0)
            support_die("the memory backend refused a batch");
    }
    return 0;
}

static int hooked_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                        struct footfall_store_result *results, struct footfall_store_call *call)
{
    leaving_apply *mine = atomic_load(&before_apply);
    if (leaving_is(&ops[0], LEAVING_GATE)) {
        leaving_hold();
        mine = NULL;
    }
    return mine != NULL ? mine(store, ops, count, results, call) : inner->apply(store, ops, count, results, call);
}

static int hooked_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes, size_t count,
                        int64_t *totals, int64_t *uniques, uint8_t *exists, struct footfall_store_call *call)
{
    leaving_refuse *mine = atomic_load(&before_fetch);
    int rc = 0;
    if (name_bytes[0] == strlen(LEAVING_GATE) && memcmp(names[0], LEAVING_GATE, name_bytes[0]) == 0)
        leaving_hold();
    else if (mine != NULL)
        rc = mine(call);
    return rc != 0 ? rc : inner->fetch(store, names, name_bytes, count, totals, uniques, exists, call);
}

static int hooked_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                        struct footfall_store_call *call)
{
    leaving_refuse *mine = atomic_load(&before_purge);
    int rc = mine != NULL ? mine(call) : 0;
    return rc != 0 ? rc : inner->purge(store, now_ms, budget, dropped, more, call);
}

static uint32_t hooked_caps(const struct footfall_store *store)
{
    return inner->caps(store) | FOOTFALL_STORE_CAP_RESEND;
}

void leaving_register(void)
{
    inner = footfall__registry_find("memory");
    if (inner == NULL)
        support_die("no memory backend");
    memcpy(&leaving, inner, inner->size < sizeof leaving ? inner->size : sizeof leaving);
    leaving.size = sizeof leaving;
    leaving.name = "leaving";
    leaving.max_batch = LEAVING_MAX_BATCH;
    leaving.lanes_default = leaving.lanes_max = 1;
    leaving.caps = hooked_caps;
    leaving.apply = hooked_apply;
    leaving.fetch = hooked_fetch;
    leaving.purge = hooked_purge;
    footfall__registry_add(&leaving);
}
