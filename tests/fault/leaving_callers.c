/* leaving_callers.c: threads and submissions that keep what they were told (leaving_callers.h). */
#include "leaving_callers.h"

#include <string.h>

#include "clock.h"
#include "folder.h"
#include "handle.h"
#include "leaving_backend.h"
#include "process.h"

struct footfall *leaving_open(const char *deadline)
{
    const char *pairs[] = { "backend", "leaving", "deadline", deadline, NULL };
    leaving_set(NULL, NULL, NULL);
    return support_open(pairs);
}

static void *run(void *user)
{
    struct caller *c = user;
    struct footfall_result r = { 0 };
    if (c->kind == ADD)
        c->status = footfall_add(c->ff, c->name, 1, &c->call, &r, &c->err);
    else if (c->kind == READ)
        c->status = footfall_read(c->ff, &c->name, 1, &c->call, &r, &c->err);
    else
        c->status = footfall_purge(c->ff, FOOTFALL_NOW, 1000, &c->call, NULL, &c->err);
    c->total = r.total;
    c->took_ms = footfall__boottime_ms() - c->start_ms;
    atomic_store(&c->answered, 1);
    return NULL;
}

static void note(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct caller *c = user;
    c->status = r->status;
    c->total = r->total;
    c->err = *err;
    c->took_ms = footfall__boottime_ms() - c->start_ms;
    atomic_store(&c->answered, 1);
}

static int is_submission(const struct caller *c)
{
    return c->kind == SUBMIT || c->kind == SUBMIT_READ;
}

void caller_start(struct caller *c, struct footfall *ff, enum kind kind, const char *name, uint32_t wait_ms)
{
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_error err; /* c->err is the completion's to write */
    memset(c, 0, sizeof *c);
    c->ff = ff;
    c->kind = kind;
    c->name = name;
    c->call = (struct footfall_call)FOOTFALL_CALL_INIT;
    c->call.wait_ms = wait_ms;
    c->start_ms = footfall__boottime_ms();
    op.name = name;
    op.delta = 1;
    if (!is_submission(c) && pthread_create(&c->thread, NULL, run, c) != 0)
        support_die("pthread_create");
    if (kind == SUBMIT && footfall_submit(ff, &op, &c->call, note, c, &err) != FOOTFALL_OK)
        support_die(err.text);
    if (kind == SUBMIT_READ && footfall_submit_read(ff, name, &c->call, note, c, &err) != FOOTFALL_OK)
        support_die(err.text);
}

void await_more(atomic_int *what, int than)
{
    while (atomic_load(what) <= than)
        support_sleep_ms(1);
}

void caller_end(struct caller *c)
{
    if (!is_submission(c))
        pthread_join(c->thread, NULL);
    await_more(&c->answered, 0);
}

struct footfall_stats stats_of(struct footfall *ff)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    footfall_stats(ff, &stats);
    return stats;
}

void caller_start_queued(struct caller *c, struct footfall *ff, enum kind kind, const char *name, uint32_t wait_ms)
{
    uint64_t before = stats_of(ff).queued_now;
    caller_start(c, ff, kind, name, wait_ms);
    while (stats_of(ff).queued_now <= before)
        support_sleep_ms(1);
}

void caller_start_gate(struct caller *c, struct footfall *ff, enum kind kind)
{
    caller_start(c, ff, kind, LEAVING_GATE, PATIENT_MS);
    leaving_await_held();
}
