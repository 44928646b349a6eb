/* encode.c: the operations of one counter, packed as scripts/apply.lua unpacks them: runs of operations that have their
 * parameters in common, each parameter once, then what each operation has of its own. Big endian. */
#include "redis.h"

#include <string.h>

enum {
    SLIDING = 1,
    TWO_IDS = 2,
    BOTH_WRITTEN = 4,
    NEVER_EXPIRES = 8,
    MUST_EXIST = 16,
    ANY_TOKEN = 32, /* somewhere in the batch */
    HAS_TOKEN = 64,
    RUN_MAX = 65535
};

/* Lua's numbers are doubles. Windows and expiries beyond this mean the same as this; times are refused. */
#define EXACT_MAX (INT64_C(1) << 52)
#define LIMB INT64_C(10000000000)
#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

struct packing {
    struct redis_bytes *to;
    int failed;
};

static void put_number(struct packing *p, uint64_t value, size_t bytes)
{
    uint8_t big[8];
    for (size_t i = 0; i < bytes; i++)
        big[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    p->failed |= footfall__redis_put(p->to, big, bytes);
}

static void put_bytes(struct packing *p, const void *bytes, size_t count)
{
    p->failed |= footfall__redis_put(p->to, bytes, count);
}

static void put_limbs(struct packing *p, int64_t value)
{
    int64_t low = value % LIMB;
    int64_t high = value / LIMB;
    if (low < 0) {
        low += LIMB;
        high--;
    }
    put_number(p, (uint64_t)high, 4);
    put_number(p, (uint64_t)low, 8);
}

/* In decimal, with a NUL: how the script names the group of visitors. */
static void put_epoch(struct packing *p, int64_t epoch)
{
    char text[24];
    size_t at = sizeof(text) - 1;
    uint64_t left = epoch < 0 ? 0 - (uint64_t)epoch : (uint64_t)epoch;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (epoch < 0)
        text[--at] = '-';
    put_bytes(p, text + at, sizeof(text) - at);
}

static int has_ids(const struct footfall_store_op *op)
{
    return op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
}

static unsigned flags_of(const struct footfall_store_op *op)
{
    unsigned flags = (op->must_exist ? MUST_EXIST : 0U) | (op->token != NULL ? HAS_TOKEN : 0U);
    if (has_ids(op))
        flags |= (op->sliding ? SLIDING : 0U) | (op->id_count > 1 ? TWO_IDS : 0U) |
                 (op->write_count > 1 ? BOTH_WRITTEN : 0U) |
                 (op->expire_ms == FOOTFALL_STORE_FOREVER ? NEVER_EXPIRES : 0U);
    return flags;
}

static int same_run(const struct footfall_store_op *a, const struct footfall_store_op *b)
{
    if (a->kind != b->kind || flags_of(a) != flags_of(b))
        return 0;
    return !has_ids(a) || (a->window_ms == b->window_ms && a->epochs[0] == b->epochs[0] &&
                           (a->id_count < 2 || a->epochs[1] == b->epochs[1]));
}

/* until - from, at least 1 and within what Lua holds */
static int64_t span(int64_t from, int64_t until)
{
    int64_t ms = 0;
    if (__builtin_sub_overflow(until, from, &ms) || ms > EXACT_MAX)
        return EXACT_MAX;
    return ms > 1 ? ms : 1;
}

/* What a group's expiry is given on top when it is set, so that the live visits of its epoch need not move it: what is left of
 * the epoch, whose length is the window's but a day at least (docs/semantics.md), and two hours for clocks and second ids.
 * A wrong guess costs an update of the expiry, never a record. */
static int64_t grace_of(const struct footfall_store_op *op)
{
    int64_t length = op->window_ms > DAY_MS ? op->window_ms : DAY_MS;
    int64_t left = 0;
    if (length > EXACT_MAX || op->expire_ms == FOOTFALL_STORE_FOREVER)
        return 0;
    if (op->epochs[0] == op->now_ms / length)
        left = length - op->now_ms % length;
    return left + 2 * HOUR_MS;
}

static void put_common(struct packing *p, const struct footfall_store_op *ops, const uint32_t *next, uint32_t first,
                       size_t count, const struct footfall_store_call *call)
{
    const struct footfall_store_op *op = &ops[first];
    int64_t keep = 1;
    int64_t grace = 0;
    for (uint32_t i = first; count > 0; i = next[i], count--) {
        int64_t own = op->expire_ms == FOOTFALL_STORE_FOREVER ? EXACT_MAX : span(call->wall_ms, ops[i].expire_ms);
        int64_t more = grace_of(&ops[i]);
        keep = own > keep ? own : keep;
        grace = more > grace ? more : grace;
    }
    put_number(p, (uint64_t)(op->window_ms < EXACT_MAX ? op->window_ms : EXACT_MAX), 8);
    put_number(p, (uint64_t)keep, 8);
    put_number(p, (uint64_t)grace, 8);
    put_epoch(p, op->epochs[0]);
    if (op->id_count > 1)
        put_epoch(p, op->epochs[1]);
    else
        put_bytes(p, "", 1);
}

static void put_token(struct packing *p, const struct footfall_store_op *op, const struct footfall_store_call *call)
{
    size_t count = has_ids(op) ? op->id_count : 1;
    size_t stored = has_ids(op) ? op->write_count : 1;
    put_bytes(p, op->token, FOOTFALL_STORE_TOKEN_BYTES);
    put_number(p, (uint64_t)span(call->wall_ms, op->token_expire_ms), 8);
    put_number(p, stored * FOOTFALL_STORE_FINGERPRINT_BYTES, 1);
    put_number(p, count * FOOTFALL_STORE_FINGERPRINT_BYTES, 1);
    put_bytes(p, op->fingerprints, sizeof(op->fingerprints));
}

static void put_op(struct packing *p, const struct footfall_store_op *op, const struct footfall_store_call *call)
{
    if (op->token != NULL)
        put_token(p, op, call);
    if (has_ids(op)) {
        put_bytes(p, op->ids, sizeof(op->ids[0]));
        put_number(p, (uint64_t)op->now_ms, 8);
        put_bytes(p, op->ids, 3); /* as a number: where the visitor is stored */
    } else if (op->kind == FOOTFALL_STORE_ADD) {
        put_limbs(p, op->a);
    } else if (op->kind == FOOTFALL_STORE_SET) {
        put_limbs(p, op->a);
        put_limbs(p, op->b);
    }
}

/* Between which times of the server's clock the script may run: long before the mark of any later batch may be dropped, so that no
 * copy comes after it; and not much before its first attempt, or the mark could be dropped before that. */
static void put_bounds(struct packing *p, int64_t first_ms, int64_t mark_keep_ms)
{
    int64_t earliest = first_ms - mark_keep_ms / 15;
    int64_t latest = 0;
    if (__builtin_add_overflow(first_ms, mark_keep_ms / 3 * 2, &latest) || latest > EXACT_MAX)
        latest = EXACT_MAX;
    put_number(p, (uint64_t)(earliest > 0 ? earliest : 0), 8);
    put_number(p, (uint64_t)latest, 8);
}

int footfall__redis_encode(struct footfall_store *store, const struct redis_group *group,
                           const struct footfall_store_op *ops, const struct footfall_store_call *call)
{
    struct packing p = { &store->packed, 0 };
    struct packing places = { &store->places, 0 };
    const uint32_t *next = store->next;
    uint32_t i = group->first;
    unsigned any_token = 0;
    for (uint32_t j = i; j != UINT32_MAX; j = next[j])
        any_token |= ops[j].token != NULL ? ANY_TOKEN : 0U;
    store->packed.count = store->places.count = 0;
    put_bounds(&p, store->first_ms, call->mark_keep_ms);
    while (i != UINT32_MAX) {
        uint32_t first = i;
        size_t count = 0;
        for (; i != UINT32_MAX && count < RUN_MAX && same_run(&ops[first], &ops[i]); i = next[i]) {
            if (has_ids(&ops[i]) && ops[i].now_ms >= EXACT_MAX)
                return FOOTFALL_STORE_UNSUPPORTED;
            count++;
        }
        put_number(&p, ops[first].kind, 1);
        put_number(&p, flags_of(&ops[first]) | any_token, 1);
        put_number(&p, count, 2);
        if (has_ids(&ops[first]))
            put_common(&p, ops, next, first, count, call);
        for (uint32_t j = first; j != i; j = next[j]) {
            put_op(&p, &ops[j], call);
            if (call->series != NULL)
                put_number(&places, ops[j].series_at, 4);
        }
        for (uint32_t j = first; j != i && has_ids(&ops[j]) && ops[j].id_count > 1; j = next[j])
            put_bytes(&p, &ops[j].ids[1], sizeof(ops[j].ids[1]));
    }
    return p.failed || places.failed ? FOOTFALL_STORE_NO_MEMORY : 0;
}
