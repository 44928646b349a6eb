/* apply.c: a batch: its operations by counter, one script call a counter, all in one round trip; then what each reply, or its
 * absence, says of the operations. */
#include "redis.h"

#include "bytes.h"
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_SIZE = 2 * REDIS_MAX_BATCH, NOBODY = -1 };

struct batch {
    struct footfall_store *store;
    const struct footfall_store_op *ops;
    struct footfall_store_result *results;
    struct footfall_store_call *call;
    size_t group_count;
    uint32_t sent[REDIS_MAX_BATCH]; /* the groups in the order in which they were sent */
    size_t sent_count;
    int hang_up;      /* the replies make no sense, or another connection would do better */
    int64_t replicas; /* what WAIT said; NOBODY: nothing */
};

/* ---- by counter ----------------------------------------------------------------------------------------------------------- */

static int same_name(const struct footfall_store_op *a, const struct footfall_store_op *b)
{
    return a->name_bytes == b->name_bytes && memcmp(a->name, b->name, a->name_bytes) == 0;
}

static void collect(struct batch *b, size_t count)
{
    struct footfall_store *s = b->store;
    memset(s->table, 0xff, TABLE_SIZE * sizeof(s->table[0]));
    b->group_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = footfall__hash(s->hash_key, b->ops[i].name, b->ops[i].name_bytes) % TABLE_SIZE;
        s->next[i] = UINT32_MAX;
        while (s->table[at] != UINT32_MAX && !same_name(&b->ops[s->groups[s->table[at]].first], &b->ops[i]))
            at = (at + 1) % TABLE_SIZE;
        if (s->table[at] == UINT32_MAX) {
            s->groups[b->group_count] = (struct redis_group){ .first = i, .last = i };
            s->table[at] = (uint32_t)b->group_count++;
        } else {
            struct redis_group *group = &s->groups[s->table[at]];
            s->next[group->last] = i;
            group->last = i;
        }
    }
}

static void set_status(const struct batch *b, const struct redis_group *group, int status)
{
    for (uint32_t i = group->first; i != UINT32_MAX; i = b->store->next[i]) {
        memset(&b->results[i], 0, sizeof(b->results[i]));
        b->results[i].status = (enum footfall_store_status)status;
    }
}

/* ---- sending -------------------------------------------------------------------------------------------------------------- */

/* The script gets the server's time of the batch's first attempt, by which it tells a copy that comes too late for marks. */
static void date(struct footfall_store *s, const struct footfall_store_call *call)
{
    if (call->attempt > 0 && s->sequence == call->sequence)
        return;
    s->sequence = call->sequence;
    s->first_ms = footfall__boottime_ms() + s->connection.server_ahead_ms;
}

static int put_call(struct batch *b, const struct redis_group *group, int whole)
{
    struct footfall_store *s = b->store;
    const struct footfall_store_call *call = b->call;
    const struct footfall_store_op *op = &b->ops[group->first];
    const struct redis_script *script = &footfall__redis_script_apply;
    struct redis_key counter, mark, names, dead;
    char sequence[24], keep[24], generation[40], number[24], series_keep[24];
    (void)snprintf(sequence, sizeof(sequence), "%020" PRIu64, call->sequence);
    (void)snprintf(keep, sizeof(keep), "%" PRId64, call->mark_keep_ms > 1 ? call->mark_keep_ms : 1);
    (void)snprintf(generation, sizeof(generation), "%" PRIx64 ".%" PRIx64, call->writer, call->sequence);
    (void)snprintf(number, sizeof(number), "%020" PRIu64, call->series_number);
    (void)snprintf(series_keep, sizeof(series_keep), "%" PRId64,
                   call->series_keep_ms < 1                  ? 1
                   : call->series_keep_ms < INT64_C(1) << 52 ? call->series_keep_ms
                                                             : INT64_C(1) << 52);
    footfall__redis_counter_key(&counter, s->prefix, op->name, op->name_bytes);
    mark = counter;
    footfall__redis_key_add(&mark, ":m:", 3);
    footfall__redis_key_add(&mark, generation, strcspn(generation, "."));
    footfall__redis_key(&names, s->prefix, "names");
    footfall__redis_key(&dead, s->prefix, "dead");
    {
        const struct redis_argument arguments[] = {
            footfall__redis_text(whole ? "EVAL" : "EVALSHA"),
            whole ? (struct redis_argument){ script->source, script->bytes } : footfall__redis_text(script->sha1),
            footfall__redis_text("4"),
            footfall__redis_key_argument(&counter),
            footfall__redis_key_argument(&mark),
            footfall__redis_key_argument(&names),
            footfall__redis_key_argument(&dead),
            footfall__redis_text(sequence),
            footfall__redis_text(keep),
            { op->name, op->name_bytes },
            footfall__redis_text(generation),
            { s->packed.at, s->packed.count },
            { call->series, FOOTFALL_STORE_SERIES_BYTES },
            footfall__redis_text(number),
            footfall__redis_text(series_keep),
            { s->places.at, s->places.count },
        };
        size_t all = sizeof(arguments) / sizeof(arguments[0]);
        return footfall__redis_command(&s->connection, arguments, call->series != NULL ? all : all - 4);
    }
}

/* Appends the calls of all groups that have no answer: 0, or NO_MEMORY. A group whose ops cannot be packed is answered. */
static int put_calls(struct batch *b, int whole)
{
    struct footfall_store *s = b->store;
    b->sent_count = 0;
    for (uint32_t g = 0; g < b->group_count; g++) {
        struct redis_group *group = &s->groups[g];
        int rc = 0;
        if (group->answered)
            continue;
        rc = footfall__redis_encode(s, group, b->ops, b->call);
        if (rc == FOOTFALL_STORE_UNSUPPORTED) {
            set_status(b, group, rc);
            group->answered = 1;
            (void)footfall__redis_fault(b->call, rc, "a time past the year 140,000 cannot be stored in Redis");
            continue;
        }
        if (rc == 0) /* the first brings the script, the others find it */
            rc = put_call(b, group, whole && b->sent_count == 0);
        if (rc != 0)
            return footfall__redis_fault(b->call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
        group->end = s->connection.out.count;
        group->again = 0;
        b->sent[b->sent_count++] = g;
    }
    return 0;
}

static int put_wait(struct batch *b)
{
    char count[24], ms[24];
    int64_t left = b->call->deadline_ms - footfall__boottime_ms();
    if (b->store->wait_replicas == 0)
        return 0;
    (void)snprintf(count, sizeof(count), "%" PRId64, b->store->wait_replicas);
    (void)snprintf(ms, sizeof(ms), "%" PRId64, left > 20 ? left - 10 : left > 1 ? left / 2 + 1 : 1);
    return footfall__redis_say(&b->store->connection, "WAIT", count, ms, NULL);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static void take_reply(void *user, size_t i, redisReply **reply)
{
    struct batch *b = user;
    struct redis_group *group = i < b->sent_count ? &b->store->groups[b->sent[i]] : NULL;
    int reconnect = 0;
    if (group == NULL) {
        if ((*reply)->type == REDIS_REPLY_INTEGER)
            b->replicas = (*reply)->integer;
        else if ((*reply)->type == REDIS_REPLY_ERROR)
            (void)footfall__redis_error(b->call, *reply, &reconnect);
        return;
    }
    if (footfall__redis_is_noscript(*reply)) {
        group->again = 1;
        return;
    }
    group->answered = 1;
    if ((*reply)->type == REDIS_REPLY_ERROR) {
        set_status(b, group, footfall__redis_error(b->call, *reply, &reconnect));
        b->hang_up |= reconnect;
    } else if (footfall__redis_decode(b->store, group, b->ops, b->results, *reply) != 0) {
        set_status(b, group, FOOTFALL_STORE_UNKNOWN);
        (void)footfall__redis_fault(b->call, FOOTFALL_STORE_UNKNOWN,
                                    "what Redis answers to a batch is no answer to it");
        b->hang_up = 1;
    }
}

/* One round trip for the groups without an answer. 1 when some of them are to be sent again. */
static int round_trip(struct batch *b, int whole)
{
    struct redis_connection *c = &b->store->connection;
    size_t count = 0;
    size_t got = 0;
    int again = 0;
    int rc = 0;
    b->replicas = NOBODY;
    rc = put_calls(b, whole);
    if (rc == 0 && b->sent_count > 0)
        rc = put_wait(b);
    if (rc != 0 || b->sent_count == 0) {
        c->out.count = c->sent = 0;
        for (size_t g = 0; g < b->group_count; g++)
            if (!b->store->groups[g].answered)
                set_status(b, &b->store->groups[g], rc);
        return 0;
    }
    count = b->sent_count + (b->store->wait_replicas > 0 ? 1 : 0);
    got = footfall__redis_exchange(c, count, take_reply, b, b->call);
    for (size_t i = 0; i < b->sent_count; i++) {
        struct redis_group *group = &b->store->groups[b->sent[i]];
        if (i >= got) /* what did not leave us whole cannot be carried out */
            set_status(b, group, c->sent < group->end ? FOOTFALL_STORE_TEMPORARY : FOOTFALL_STORE_UNKNOWN);
        else if (group->again) /* certainly not run */
            set_status(b, group, FOOTFALL_STORE_TEMPORARY);
        again |= group->again;
    }
    c->sent = 0;
    return again && got == count && !b->hang_up;
}

/* Fewer replicas than were asked for have the batch: it stands here, and a failover may undo it. */
static void doubt_all(struct batch *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (b->results[i].status == FOOTFALL_STORE_OK || b->results[i].status == FOOTFALL_STORE_RANGE ||
            b->results[i].status == FOOTFALL_STORE_TOKEN || b->results[i].status == FOOTFALL_STORE_ABSENT) {
            memset(&b->results[i], 0, sizeof(b->results[i]));
            b->results[i].status = FOOTFALL_STORE_UNKNOWN;
        }
    (void)footfall__redis_fault(b->call, FOOTFALL_STORE_UNKNOWN,
                                "%" PRId64 " of %" PRId64 " replicas (redis.wait_replicas) have it",
                                b->replicas > 0 ? b->replicas : 0, b->store->wait_replicas);
}

int footfall__redis_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    struct batch b = { .store = store, .ops = ops, .results = results, .call = call };
    int rc = footfall__redis_ready(store, call);
    if (rc != 0)
        return rc;
    date(store, call);
    collect(&b, count);
    if (round_trip(&b, 0)) {
        atomic_fetch_add_explicit(&store->connection.reloads, 1, memory_order_relaxed);
        (void)round_trip(&b, 1);
    }
    if (store->wait_replicas > 0 && b.replicas < store->wait_replicas)
        doubt_all(&b, count);
    if (b.hang_up)
        footfall__redis_hang_up(&store->connection);
    return 0;
}
