/* fault_store.c: the vtable of the faulty backend (fault_store.h). Marks, and copies that come late, are in fault_marks.c;
 * how counters are stored is the memory backend's. */
#include "fault_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fault_marks.h"
#include "folder.h"
#include "footfall_store.h"
#include "process.h"
#include "registry.h"

enum { MOST_LATE = 8 };

struct footfall_store {
    struct footfall_store *inner;
    struct fault_batch *late[MOST_LATE]; /* copies on their way, oldest first */
    size_t late_count;
};

static const struct footfall_backend *inner;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* plan, counts, script position, generator */
static struct fault_plan plan;
static struct fault_counts counts;
static size_t script_at;
static uint64_t random_state;

void fault_store_plan(const struct fault_plan *next)
{
    pthread_mutex_lock(&lock);
    plan = *next;
    memset(&counts, 0, sizeof counts);
    script_at = 0;
    random_state = plan.seed | 1;
    pthread_mutex_unlock(&lock);
}

struct fault_counts fault_store_counts(void)
{
    struct fault_counts copy;
    pthread_mutex_lock(&lock);
    copy = counts;
    pthread_mutex_unlock(&lock);
    return copy;
}

static void count(uint64_t *which)
{
    pthread_mutex_lock(&lock);
    ++*which;
    pthread_mutex_unlock(&lock);
}

static uint64_t below(uint64_t limit)
{
    uint64_t drawn = 0;
    pthread_mutex_lock(&lock);
    drawn = support_random_below(&random_state, limit);
    pthread_mutex_unlock(&lock);
    return drawn;
}

static unsigned chance_of_reads(void)
{
    unsigned chance = 0;
    pthread_mutex_lock(&lock);
    chance = plan.reads_per_mille;
    pthread_mutex_unlock(&lock);
    return chance;
}

static enum fault choose(const struct footfall_store_call *call)
{
    enum fault kind = FAULT_NONE;
    uint64_t drawn = below(1000);
    unsigned sum = 0;
    pthread_mutex_lock(&lock);
    for (int i = 1; i < FAULT_KINDS; i++) {
        if (kind == FAULT_NONE && drawn >= sum && drawn < sum + plan.per_mille[i])
            kind = (enum fault)i;
        sum += plan.per_mille[i];
    }
    if (sum == 0)
        kind = script_at < plan.script_count ? plan.script[script_at++] : plan.rest;
    counts.attempts++;
    counts.resends += call->attempt > 0;
    counts.by_kind[kind]++;
    pthread_mutex_unlock(&lock);
    return kind;
}

/* One counter's ops of a batch, as the store of the contract does it: mark first, then apply and mark in one step (only this
 * lane has this writer's number, and it is inside this call). */
static void apply_counter(struct footfall_store *store, const struct footfall_store_op *ops, size_t n,
                          struct footfall_store_result *results, struct footfall_store_call *call, int is_late)
{
    enum fault_mark_verdict verdict = FAULT_MARK_APPLY;
    int rc = 0;
    if (plan.marks) {
        verdict = fault_marks_ask(call, ops, n, results);
        if (verdict == FAULT_MARK_CHANGED)
            count(&counts.contract);
        if (verdict != FAULT_MARK_APPLY) {
            count(is_late ? &counts.late_refused : &counts.from_mark);
            for (size_t i = 0; verdict != FAULT_MARK_ANSWERED && i < n; i++)
                results[i].status = FOOTFALL_STORE_UNKNOWN;
            return;
        }
    }
    rc = inner->apply(store->inner, ops, n, results, call);
    if (rc != 0)
        support_die("the memory backend refused a batch");
    if (is_late)
        count(&counts.late_applied);
    if (plan.marks)
        fault_marks_put(call, ops, n, results);
}

static void set_status(struct footfall_store_result *results, size_t n, int status)
{
    memset(results, 0, n * sizeof *results);
    for (size_t i = 0; i < n; i++)
        results[i].status = (enum footfall_store_status)status;
}

/* Per counter, by chance, for a batch whose reply is a patchwork. */
static void apply_some(struct footfall_store *store, const struct footfall_store_op *ops, size_t n,
                       struct footfall_store_result *results, struct footfall_store_call *call)
{
    switch (below(4)) {
    case 0:
        set_status(results, n, FOOTFALL_STORE_TEMPORARY);
        break;
    case 1:
        set_status(results, n, FOOTFALL_STORE_UNKNOWN);
        break;
    case 2:
        apply_counter(store, ops, n, results, call, 0);
        set_status(results, n, FOOTFALL_STORE_UNKNOWN);
        break;
    default:
        apply_counter(store, ops, n, results, call, 0);
        break;
    }
}

enum how { ALL, SOME, LATE_COPY };

/* Cuts the batch into its counters and applies each; results land where their ops are. */
static void apply_batch(struct footfall_store *store, const struct footfall_store_op *ops, size_t n,
                        struct footfall_store_result *results, struct footfall_store_call *call, enum how how)
{
    struct footfall_store_op *group = calloc(n, sizeof *group);
    struct footfall_store_result *answers = calloc(n, sizeof *answers);
    size_t *where = calloc(n, sizeof *where);
    unsigned char *done = calloc(n, 1);
    if (group == NULL || answers == NULL || where == NULL || done == NULL)
        support_die("calloc");
    for (size_t i = 0; i < n; i++) {
        size_t members = 0;
        for (size_t j = i; j < n && !done[i]; j++)
            if (!done[j] && fault_same_counter(&ops[i], &ops[j])) {
                where[members] = j;
                group[members++] = ops[j];
            }
        if (members == 0)
            continue;
        memset(answers, 0, members * sizeof *answers);
        if (how == SOME)
            apply_some(store, group, members, answers, call);
        else
            apply_counter(store, group, members, answers, call, how == LATE_COPY);
        for (size_t j = 0; j < members; j++) {
            results[where[j]] = answers[j];
            done[where[j]] = 1;
        }
    }
    free(group);
    free(answers);
    free(where);
    free(done);
}

static void deliver_late(struct footfall_store *store)
{
    struct fault_batch *batch = store->late[0];
    char text[64] = "";
    struct footfall_store_result *nobody = calloc(batch->count, sizeof *nobody);
    if (nobody == NULL)
        support_die("calloc");
    batch->call.text = text;
    batch->call.text_bytes = sizeof text;
    apply_batch(store, batch->ops, batch->count, nobody, &batch->call, LATE_COPY);
    free(nobody);
    fault_batch_free(batch);
    store->late_count--;
    memmove(store->late, store->late + 1, store->late_count * sizeof *store->late);
}

static int faulty_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t n,
                        struct footfall_store_result *results, struct footfall_store_call *call)
{
    size_t were_late = store->late_count;
    enum fault kind = choose(call);
    int rc = 0;
    if (plan.marks && !fault_marks_in_order(call, ops, n))
        count(&counts.contract);
    switch (kind) {
    case FAULT_LATE:
        if (store->late_count < MOST_LATE)
            store->late[store->late_count++] = fault_batch_copy(ops, n, call);
        set_status(results, n, FOOTFALL_STORE_UNKNOWN);
        break;
    case FAULT_LOSE_BEFORE:
        set_status(results, n, FOOTFALL_STORE_UNKNOWN);
        break;
    case FAULT_TEMPORARY:
        set_status(results, n, FOOTFALL_STORE_TEMPORARY);
        break;
    case FAULT_BROKEN:
        set_status(results, n, FOOTFALL_STORE_BROKEN);
        break;
    case FAULT_NO_MEMORY:
        rc = FOOTFALL_STORE_NO_MEMORY;
        break;
    case FAULT_UNSUPPORTED:
        rc = FOOTFALL_STORE_UNSUPPORTED;
        break;
    case FAULT_BAD_UNWRITTEN: {
        struct footfall_store_result *mine = calloc(n, sizeof *mine);
        if (mine == NULL)
            support_die("calloc");
        apply_batch(store, ops, n, mine, call, ALL);
        free(mine);
        break;
    }
    default:
        apply_batch(store, ops, n, results, call, kind == FAULT_LOSE_SOME ? SOME : ALL);
        break;
    }
    if (kind == FAULT_LOSE_AFTER || kind == FAULT_BAD_POSITIVE || kind == FAULT_BAD_NEGATIVE)
        set_status(results, n,
                   kind == FAULT_LOSE_AFTER     ? FOOTFALL_STORE_UNKNOWN
                   : kind == FAULT_BAD_POSITIVE ? 7
                                                : -77);
    if (kind == FAULT_SLOW)
        support_sleep_ms(300);
    /* Between attempts at the same batch by chance only: a script wants it after a later batch. */
    if (were_late > 0 && (store->late[0]->call.sequence < call->sequence || (plan.seed != 0 && below(2) == 0)))
        deliver_late(store);
    return kind == FAULT_BAD_RETURN ? 1 : rc;
}

static int faulty_open(struct footfall_store **out, const struct footfall_store_setting *settings, size_t n,
                       uint32_t lane, struct footfall_store_call *call)
{
    int rc = 0;
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return FOOTFALL_STORE_NO_MEMORY;
    rc = inner->open(&(*out)->inner, settings, n, lane, call);
    if (rc != 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

static void faulty_close(struct footfall_store *store, int inherited)
{
    for (size_t i = 0; i < store->late_count; i++)
        fault_batch_free(store->late[i]);
    inner->close(store->inner, inherited);
    free(store);
}

static uint32_t faulty_caps(const struct footfall_store *store)
{
    uint32_t caps = inner->caps(store->inner) & ~(uint32_t)FOOTFALL_STORE_CAP_RESEND;
    return plan.no_resend ? caps : caps | FOOTFALL_STORE_CAP_RESEND;
}

static int faulty_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes, size_t n,
                        int64_t *totals, int64_t *uniques, uint8_t *exists, struct footfall_store_call *call)
{
    uint64_t drawn = below(1000);
    if (drawn < chance_of_reads()) {
        count(&counts.reads_refused);
        return drawn % 2 != 0 ? FOOTFALL_STORE_TEMPORARY : FOOTFALL_STORE_UNKNOWN;
    }
    return inner->fetch(store->inner, names, name_bytes, n, totals, uniques, exists, call);
}

static int faulty_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                       size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                       struct footfall_store_call *call)
{
    return inner->scan(store->inner, prefix, prefix_bytes, after, after_bytes, limit, each, user, more, call);
}

static int faulty_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                            int64_t expire_ms, uint8_t *winner, int64_t *kept_until, struct footfall_store_call *call)
{
    return inner->epoch_key(store->inner, epoch_ms, epoch, candidate, expire_ms, winner, kept_until, call);
}

static int faulty_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                             struct footfall_store_call *call)
{
    return inner->epoch_drop(store->inner, wall_ms, next_ms, call);
}

static const struct footfall_store_key keys[] = {
    { "name", NULL, "the name of the memory store behind it", 0 },
    { NULL, NULL, NULL, 0 },
};

static const struct footfall_backend faulty = {
    .version = FOOTFALL_STORE_VERSION,
    .size = sizeof(struct footfall_backend),
    .name = "faulty",
    .keys = keys,
    .max_batch = 64,
    .lanes_default = 2,
    .lanes_max = 4,
    .caps = faulty_caps,
    .open = faulty_open,
    .close = faulty_close,
    .apply = faulty_apply,
    .fetch = faulty_fetch,
    .scan = faulty_scan,
    .epoch_key = faulty_epoch_key,
    .epoch_drop = faulty_epoch_drop,
};

void fault_store_register(void)
{
    inner = footfall__registry_find("memory");
    if (inner == NULL)
        support_die("no memory backend");
    footfall__registry_add(&faulty);
}
