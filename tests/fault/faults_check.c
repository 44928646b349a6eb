/* faults_check.c: whether what callers were answered and what counters hold can be true together, and stores that try no hard to
 * be exact (faults_run.h). */
#include "faults_run.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "folder.h"
#include "footfall_store.h"
#include "handle.h"
#include "process.h"
#include "registry.h"

enum { BRIEF_MS = 50 };

/* ---- stores that forward ------------------------------------------------------------------------------------------------------ */

static const struct footfall_backend *honest;
static struct footfall_backend brief, unmarked;

static int brief_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                       struct footfall_store_result *results, struct footfall_store_call *call)
{
    const int64_t deadline_ms = call->deadline_ms;
    const int64_t sooner_ms = footfall__boottime_ms() + BRIEF_MS;
    int rc = 0;
    call->deadline_ms = sooner_ms < deadline_ms ? sooner_ms : deadline_ms;
    rc = honest->apply(store, ops, count, results, call);
    call->deadline_ms = deadline_ms;
    return rc;
}

static int unmarked_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    static _Atomic uint64_t last;
    uint64_t sequence = call->sequence;
    int rc = 0;
    call->sequence = atomic_fetch_add(&last, 1) + 1;
    rc = brief_apply(store, ops, count, results, call);
    call->sequence = sequence;
    return rc;
}

static void add_forwarding(struct footfall_backend *out, const char *name, __typeof__(&brief_apply) apply)
{
    memcpy(out, honest, honest->size < sizeof *out ? honest->size : sizeof *out);
    out->size = sizeof *out;
    out->name = name;
    out->apply = apply;
    footfall__registry_add(out);
}

void faults_register(const char *backend)
{
    honest = footfall__registry_find(backend);
    if (honest == NULL)
        support_die("no such backend");
    add_forwarding(&brief, "brief", brief_apply);
    add_forwarding(&unmarked, "unmarked", unmarked_apply);
}

/* ---- what must have happened, and what must be there -------------------------------------------------------------------------- */

void faults_tell(const char *what, const struct faults_outcome *out)
{
    const struct support_proxy_counts *c = &out->counts;
    printf("%s: %zu operations in %.1f s, %" PRIu64 " retries; of %" PRIu64 " requests:", what, out->count,
           out->seconds, out->retries, c->matching);
    for (int i = 1; i < SUPPORT_PROXY_FAULTS; i++)
        printf(" %s %" PRIu64, support_proxy_fault_name((enum support_proxy_fault)i), c->by_fault[i]);
    printf("; replies lost after the server had acted: %" PRIu64 ", late copies: %" PRIu64 ", repeated: %" PRIu64 "\n",
           c->lost_after, c->late_delivered, c->repeated);
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* These are 1 … n in some order. */
static void assert_gapless(int64_t *numbers, size_t n)
{
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(numbers[i], (int64_t)i + 1);
}

void faults_check_exact(struct footfall *ff, const struct faults_outcome *out, uint32_t counter)
{
    int64_t *totals = calloc(out->count, sizeof *totals);
    int64_t uniques[FAULTS_VISITORS];
    char is_new[FAULTS_VISITORS] = { 0 }, is_visited[FAULTS_VISITORS] = { 0 };
    size_t n = 0, new_count = 0, visited_count = 0;
    struct footfall_result now;
    char name[8];
    if (totals == NULL)
        support_die("calloc");
    for (size_t i = 0; i < out->count; i++) {
        const struct faults_answer *answer = &out->answers[i];
        if (answer->counter != counter)
            continue;
        assert_int_equal(answer->status, FOOTFALL_OK);
        assert_false(answer->flags & (FOOTFALL_CURRENT | FOOTFALL_REPLAYED));
        totals[n++] = answer->total;
        if (counter < FAULTS_ADDED) {
            assert_int_equal(answer->unique, 0);
            continue;
        }
        is_visited[answer->visitor] = 1;
        if (answer->flags & FOOTFALL_IS_NEW) {
            assert_false(is_new[answer->visitor]);
            is_new[answer->visitor] = 1;
            uniques[new_count++] = answer->unique;
        }
    }
    for (size_t i = 0; i < FAULTS_VISITORS; i++) {
        assert_int_equal(is_new[i], is_visited[i]);
        visited_count += is_visited[i] != 0;
    }
    assert_gapless(totals, n);
    assert_gapless(uniques, new_count);
    faults_name(name, counter);
    now = support_read(ff, name);
    assert_int_equal(now.total, n);
    assert_int_equal(now.unique, visited_count);
    free(totals);
}

struct doubts { /* about one counter */
    int64_t sure, doubtful, sure_new;
    uint8_t is_doubtful[FAULTS_VISITORS], is_visited[FAULTS_VISITORS], is_new[FAULTS_VISITORS];
};

static void add_up(struct doubts *d, const struct faults_answer *answer, size_t statuses[3])
{
    if (answer->status == FOOTFALL_OK) {
        d->sure++;
        d->is_visited[answer->visitor] = 1;
        if (answer->flags & FOOTFALL_IS_NEW)
            d->is_new[answer->visitor]++;
        d->sure_new += (answer->flags & FOOTFALL_IS_NEW) != 0;
        statuses[0]++;
    } else if (answer->status == FOOTFALL_UNKNOWN) {
        d->doubtful++;
        d->is_doubtful[answer->visitor] = 1;
        statuses[1]++;
    } else {
        assert_int_equal(answer->status, FOOTFALL_TEMPORARY);
        statuses[2]++;
    }
}

void faults_check_bounds(struct footfall *ff, const struct faults_outcome *out, uint32_t counter, int may_lag,
                         size_t statuses[3])
{
    struct doubts d = { 0 };
    struct footfall_result now;
    char name[8];
    int64_t least = 0, most = 0;
    for (size_t i = 0; i < out->count; i++)
        if (out->answers[i].counter == counter)
            add_up(&d, &out->answers[i], statuses);
    faults_name(name, counter);
    now = support_read(ff, name);
    if (now.total < d.sure || now.total > d.sure + d.doubtful)
        fail_msg("%s: %" PRId64 " held, %" PRId64 " acknowledged, %" PRId64 " unknown", name, now.total, d.sure,
                 d.doubtful);
    least = d.sure_new;
    for (size_t i = 0; counter >= FAULTS_ADDED && i < FAULTS_VISITORS; i++) {
        if (d.is_new[i] > 1 || (d.is_visited[i] && !d.is_new[i] && !d.is_doubtful[i]))
            fail_msg("%s: visitor %zu was new %d times", name, i, d.is_new[i]);
        least += !may_lag && d.is_visited[i] && !d.is_new[i]; /* then it was new to a visit in doubt */
        most += d.is_new[i] || d.is_doubtful[i];
    }
    assert_in_range(now.unique, least, most);
}

int64_t faults_held(struct footfall *ff)
{
    int64_t held = 0;
    for (uint32_t i = 0; i < FAULTS_COUNTERS; i++) {
        char name[8];
        faults_name(name, i);
        held += support_read(ff, name).total;
    }
    return held;
}
