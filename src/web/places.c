/* places.c: how many counters there may be (site.h). One atomic holds how many places are taken and, in its upper half, for how
 * many of them that is not sure yet, so that both are always seen together. Nobody waits. */
#include "site.h"

#define PENDING UINT64_C(0x100000000)

static uint64_t taken(uint64_t both)
{
    return both % PENDING;
}

int footfall__web_place_take(struct footfall__web_places *places, unsigned settled)
{
    uint64_t both = atomic_load(&places->both);
    while (taken(both) < places->most)
        if (atomic_compare_exchange_weak(&places->both, &both, both + PENDING + 1))
            return 1;
    return both >= PENDING || atomic_load(&places->settled) != settled ? -1 : 0;
}

/* In this order: whoever no longer sees it pending sees that something was settled. */
void footfall__web_place_settle(struct footfall__web_places *places, int kept)
{
    uint64_t both = 0;
    atomic_fetch_add(&places->settled, 1);
    both = atomic_load(&places->both);
    while (!atomic_compare_exchange_weak(&places->both, &both, both - PENDING - (!kept && taken(both) > 0)))
        continue;
}

void footfall__web_place_made(struct footfall__web_places *places)
{
    atomic_fetch_add(&places->outside, 1);
    atomic_fetch_add(&places->both, 1);
}

void footfall__web_place_freed(struct footfall__web_places *places)
{
    uint64_t both = atomic_load(&places->both);
    atomic_fetch_add(&places->outside, 1);
    while (taken(both) > 0 && !atomic_load(&places->beyond))
        if (atomic_compare_exchange_weak(&places->both, &both, both - 1))
            break;
}

struct counting {
    uint64_t count, most;
};

static int count_one(void *user, const char *name, int64_t total, int64_t unique)
{
    struct counting *counting = user;
    (void)name;
    (void)total;
    (void)unique;
    return ++counting->count > counting->most; /* how many more is not worth a list without end */
}

/* Until all is known nobody takes a place; only administration makes and deletes meanwhile, and then it is counted again. */
int footfall__web_know_counters(struct footfall_web *web, struct footfall_error *err)
{
    struct footfall__web_places *places = &web->places;
    int rc = FOOTFALL_OK;
    while (web->create && web->options.limit_counters && !atomic_load(&places->known)) {
        struct counting counting = { 0, places->most };
        unsigned outside = atomic_load(&places->outside);
        rc = footfall_list(web->ff, "", NULL, NULL, count_one, &counting, err);
        if (rc != FOOTFALL_OK)
            return rc;
        atomic_store(&places->both, counting.count);
        atomic_store(&places->beyond, counting.count > counting.most);
        atomic_store(&places->known, atomic_load(&places->outside) == outside);
    }
    if (err != NULL)
        *err = (struct footfall_error){ .status = FOOTFALL_OK };
    return FOOTFALL_OK;
}
