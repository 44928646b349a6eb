/* model_plan.c: choosing the model test's steps (model_plan.h). It knows the contract's limits: clocks differ by less than an hour,
 * a number of a series comes again with the same operations only. */
#include "model_plan.h"

#include <stdio.h>
#include <string.h>

#include "process.h"

const struct plan_window plan_windows[PLAN_HANDLES] = {
    { "1h", "fixed" },    { "24h", "sliding" }, { "24h", "fixed" },
    { "20m", "sliding" }, { "3d", "fixed" },    { "forever", "sliding" },
};

static const char *const names[] = { "a",         "b", "/index.html", "page {1}#:%", "\xf0\x9f\x90\xbe",
                                     "__proto__", "z", "aa",          "a b",         "'quoted\"",
                                     "*" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };
static const char *const bad_names[] = { "", "a\n", "\xff" };

static const char *const addresses[] = {
    "203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8", "203.0.113.9", "198.51.100.1",  "198.51.100.2", "198.51.100.3",
    "192.0.2.1",   "192.0.2.2",          "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1%eth0", "fe80::2",
};
enum { ADDRESSES = sizeof(addresses) / sizeof(addresses[0]) };

static const int64_t extremes[] = { INT64_MAX,
                                    INT64_MIN,
                                    INT64_MAX - 1,
                                    INT64_MIN + 1,
                                    -1,
                                    0,
                                    INT64_C(10000000000),
                                    INT64_C(-10000000000),
                                    INT64_C(-20000000001),
                                    INT64_C(9999999999) };

static int64_t below(struct plan *plan, int64_t limit)
{
    return (int64_t)support_random_below(&plan->random, (uint64_t)limit);
}

static int chance(struct plan *plan, int in_a_thousand)
{
    return below(plan, 1000) < in_a_thousand;
}

/* ---- time -------------------------------------------------------------------------------------------------------------------- */

static void move_clocks(struct plan *plan)
{
    if (chance(plan, 600))
        plan->time_ms += below(plan, 2 * MINUTE);
    if (chance(plan, 20)) /* to the last minutes before an epoch ends */
        plan->time_ms = (plan->time_ms / DAY + 1) * DAY - below(plan, 70 * MINUTE);
    if (chance(plan, 5))
        plan->time_ms += below(plan, 4 * DAY);
    for (int i = 0; i < PLAN_HANDLES; i++) {
        int64_t now_ms = atomic_load(&plan->clocks[i].now_ms);
        int64_t ahead = now_ms - plan->time_ms;
        if (ahead < 0 || chance(plan, 50))
            ahead = chance(plan, 400) ? 0 : below(plan, 59 * MINUTE);
        if (chance(plan, 600) || plan->time_ms + ahead > now_ms || ahead == 0)
            atomic_store(&plan->clocks[i].now_ms, plan->time_ms + ahead);
    }
}

static int64_t choose_time(struct plan *plan, int handle)
{
    int64_t now_ms = atomic_load(&plan->clocks[handle].now_ms);
    int64_t kind = below(plan, 1000);
    if (kind < 700)
        return FOOTFALL_NOW;
    if (kind < 850)
        return now_ms - 2 * HOUR + below(plan, 3 * HOUR + 1);
    if (kind < 945)
        return now_ms - below(plan, 10 * DAY);
    if (kind < 995)
        return T0 - (1 + below(plan, 3)) * 365 * DAY + below(plan, DAY + HOUR);
    return chance(plan, 500) ? now_ms + HOUR + 1 + below(plan, DAY) : -1 - below(plan, DAY);
}

/* ---- operations ---------------------------------------------------------------------------------------------------------------- */

void plan_link(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct footfall_op *op = &batch->ops[i];
        op->visitor = op->kind == FOOTFALL_OP_VISIT || op->kind == FOOTFALL_OP_FORGET ? &batch->people[i] : NULL;
        op->token = op->token_bytes > 0 ? batch->tokens[i] : NULL;
    }
}

static int64_t choose_number(struct plan *plan)
{
    return chance(plan, 40) ? extremes[below(plan, sizeof(extremes) / sizeof(extremes[0]))] : below(plan, 41) - 20;
}

static enum footfall_op_kind choose_kind(struct plan *plan)
{
    int64_t kind = below(plan, 1000);
    if (kind < 620)
        return FOOTFALL_OP_VISIT;
    if (kind < 850)
        return FOOTFALL_OP_ADD;
    if (kind < 910)
        return FOOTFALL_OP_SET;
    return kind < 960 ? FOOTFALL_OP_FORGET : FOOTFALL_OP_DELETE;
}

static void add_op(struct plan *plan, struct batch *batch, int handle)
{
    size_t at = batch->count++;
    struct footfall_op op = FOOTFALL_OP_INIT(choose_kind(plan));
    op.name = names[below(plan, chance(plan, 500) ? 3 : NAMES)];
    op.delta = choose_number(plan);
    op.total = choose_number(plan);
    op.unique = choose_number(plan);
    op.must_exist = chance(plan, 150);
    batch->people[at] = suite_visitor(addresses[below(plan, ADDRESSES)], choose_time(plan, handle));
    if (chance(plan, 3))
        op.name = bad_names[below(plan, 3)];
    if (chance(plan, 3))
        batch->people[at].address = "no address";
    if (chance(plan, 200)) {
        (void)snprintf(batch->tokens[at], PLAN_TOKEN_BYTES, "t%llu",
                       (unsigned long long)(chance(plan, 800) ? ++plan->tokens_made : plan->tokens_made));
        op.token_bytes = strlen(batch->tokens[at]);
    }
    batch->ops[at] = op;
}

static void remember(struct plan *plan, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        size_t at = plan->recent_count % PLAN_RECENT;
        if (batch->ops[i].token_bytes == 0)
            continue;
        plan->recent[at].count = 1;
        plan->recent[at].ops[0] = batch->ops[i];
        plan->recent[at].people[0] = batch->people[i];
        memcpy(plan->recent[at].tokens[0], batch->tokens[i], PLAN_TOKEN_BYTES);
        plan->recent_ms[at] = plan->time_ms;
        plan->recent_count++;
    }
}

/* One that was asked before, with its token: as it was, at another time, or turned into something else. */
static int recall(struct plan *plan, struct batch *batch, int handle)
{
    size_t held = plan->recent_count < PLAN_RECENT ? plan->recent_count : PLAN_RECENT;
    size_t at = 0;
    size_t end = batch->count;
    if (held == 0)
        return 0;
    at = (size_t)below(plan, (int64_t)held);
    if (!plan->tokens_may_be_old && plan->time_ms - plan->recent_ms[at] > 5 * MINUTE)
        return 0;
    batch->ops[end] = plan->recent[at].ops[0];
    batch->people[end] = plan->recent[at].people[0];
    memcpy(batch->tokens[end], plan->recent[at].tokens[0], PLAN_TOKEN_BYTES);
    if (chance(plan, 300))
        batch->people[end].now_ms = choose_time(plan, handle);
    if (chance(plan, 50))
        batch->ops[end].delta ^= 1;
    if (chance(plan, 50))
        batch->people[end].address = addresses[below(plan, ADDRESSES)];
    if (chance(plan, 50))
        batch->ops[end].name = names[below(plan, NAMES)];
    batch->count++;
    return 1;
}

static void fill(struct plan *plan, struct batch *batch, size_t count, int handle)
{
    batch->count = 0;
    while (batch->count < count)
        if (!chance(plan, 60) || !recall(plan, batch, handle))
            add_op(plan, batch, handle);
    remember(plan, batch);
    plan_link(batch);
}

/* The times in a numbered batch are the caller's, so that it can come again just as it was. */
static void fix_times(struct plan *plan, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->people[i].now_ms == FOOTFALL_NOW)
            batch->people[i].now_ms = plan->time_ms;
}

static void number_step(struct plan *plan, struct step *step)
{
    size_t which = (size_t)below(plan, PLAN_SERIES);
    struct numbered *series = &plan->series[which];
    static const uint8_t ids[PLAN_SERIES][16] = { "one", "two", "three" };
    uint64_t number = series->number;
    /* A store that drops what has expired may have dropped the series: then it must go on, never repeat. */
    int fresh = plan->tokens_may_be_old || plan->time_ms - series->sent_ms < 10 * MINUTE;
    step->kind = STEP_APPLY;
    step->numbered = 1;
    if (series->number > 0 && fresh && chance(plan, 400)) {
        step->batch = series->batch;
        plan_link(&step->batch);
    } else {
        fill(plan, &step->batch, 1 + (size_t)below(plan, 24), step->handle);
        fix_times(plan, &step->batch);
        if (series->number > 0 && fresh && !series->lower_sent && chance(plan, 150)) {
            series->lower_sent = 1;
            number--;
        } else {
            number = series->number += 2;
            series->lower_sent = 0;
            series->batch = step->batch;
            series->sent_ms = plan->time_ms;
        }
    }
    step->call = suite_numbered(ids[which], number);
    if (chance(plan, 200))
        step->call.series_keep_ms = FOOTFALL_SERIES_KEEP_MIN_MS + below(plan, 3 * DAY);
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------- */

void plan_begin(struct plan *plan, uint64_t seed, int tokens_may_be_old)
{
    memset(plan, 0, sizeof(*plan));
    plan->random = seed * 2 + 1;
    plan->tokens_may_be_old = tokens_may_be_old;
    plan->time_ms = NOON;
    for (int i = 0; i < PLAN_HANDLES; i++)
        atomic_store(&plan->clocks[i].now_ms, plan->time_ms);
}

static void read_step(struct plan *plan, struct step *step)
{
    step->kind = STEP_READ;
    step->name_count = 1 + (size_t)below(plan, PLAN_NAMES);
    for (size_t i = 0; i < step->name_count; i++)
        step->names[i] = chance(plan, 10) ? bad_names[below(plan, 3)] : names[below(plan, NAMES)];
}

static void list_step(struct plan *plan, struct step *step)
{
    static const char *const prefixes[] = { "", "", "a", "a ", "/", "\xf0", "nothing" };
    step->kind = STEP_LIST;
    step->prefix = prefixes[below(plan, 7)];
    step->after = chance(plan, 300) ? names[below(plan, NAMES)] : NULL;
    step->stop_after = chance(plan, 200) ? 1 + (int)below(plan, 4) : 0;
}

void plan_next(struct plan *plan, struct step *step)
{
    int64_t kind = 0;
    move_clocks(plan);
    if (chance(plan, 300))
        plan->handle = (int)below(plan, PLAN_HANDLES);
    step->handle = plan->handle;
    step->batch.count = 0;
    step->numbered = 0;
    step->call = (struct footfall_call)FOOTFALL_CALL_INIT;
    kind = below(plan, 1000);
    if (kind < 450) {
        step->kind = STEP_SINGLE;
        fill(plan, &step->batch, 1, step->handle);
    } else if (kind < 700) {
        step->kind = STEP_APPLY;
        fill(plan, &step->batch, (size_t)below(plan, chance(plan, 100) ? PLAN_OPS : 16), step->handle);
    } else if (kind < 830) {
        number_step(plan, step);
    } else if (kind < 930) {
        read_step(plan, step);
    } else if (kind < 970) {
        list_step(plan, step);
    } else if (kind < 989) {
        step->kind = STEP_PURGE;
        step->budget = 1 + (size_t)below(plan, chance(plan, 500) ? 5 : 500);
    } else {
        step->kind = kind < 998 ? STEP_REOPEN : STEP_REOPEN_ALL;
    }
}
