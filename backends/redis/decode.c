/* decode.c: from scripts/apply.lua's answer, the totals it found and a letter an operation, to each operation's own values. The
 * server is not trusted: an answer that does not fit the operations is none. */
#include "redis.h"

#include <string.h>

/* 0 done, 1 done and new, q and r the same in a replay, T token, G range, A absent, t, g, a the same in a replay, S an earlier
 * operation of the series is missing. */
static int read_letter(char letter, struct footfall_store_result *result)
{
    result->is_new = letter == '1' || letter == 'r';
    result->replayed = result->current = letter >= 'a';
    switch (letter) {
    case '0':
    case '1':
    case 'q':
    case 'r':
        result->status = FOOTFALL_STORE_OK;
        return 0;
    case 'T':
    case 't':
        result->status = FOOTFALL_STORE_TOKEN;
        return 0;
    case 'G':
    case 'g':
        result->status = FOOTFALL_STORE_RANGE;
        return 0;
    case 'A':
    case 'a':
        result->status = FOOTFALL_STORE_ABSENT;
        return 0;
    case 'S':
        result->status = FOOTFALL_STORE_TEMPORARY;
        return 0;
    default:
        return -1;
    }
}

struct totals {
    int64_t total, unique;
};

/* What a new operation that was done made of the totals: 0, or -1 when it cannot have been done. */
static int apply_to(struct totals *now, const struct footfall_store_op *op, int is_new)
{
    switch (op->kind) {
    case FOOTFALL_STORE_ADD:
        return __builtin_add_overflow(now->total, op->a, &now->total) ? -1 : 0;
    case FOOTFALL_STORE_VISIT:
        return __builtin_add_overflow(now->total, 1, &now->total) ||
                       __builtin_add_overflow(now->unique, is_new, &now->unique)
                   ? -1
                   : 0;
    case FOOTFALL_STORE_SET:
        *now = (struct totals){ op->a, op->b };
        return 0;
    case FOOTFALL_STORE_DELETE:
    case FOOTFALL_STORE_FORGET:
        return 0;
    }
    return -1;
}

static int walk(const struct footfall_store *store, const struct redis_group *group,
                const struct footfall_store_op *ops, struct footfall_store_result *results, struct totals now,
                const char *letters, size_t count)
{
    size_t at = 0;
    for (uint32_t i = group->first; i != UINT32_MAX; i = store->next[i]) {
        struct footfall_store_result result = { 0 };
        if (at == count || read_letter(letters[at++], &result) != 0 ||
            (result.is_new && !result.replayed && ops[i].kind != FOOTFALL_STORE_VISIT))
            return -1;
        if (result.status == FOOTFALL_STORE_OK && !result.replayed && apply_to(&now, &ops[i], result.is_new) != 0)
            return -1;
        if (result.status == FOOTFALL_STORE_OK) {
            result.total = now.total;
            result.unique = now.unique;
            if (ops[i].kind == FOOTFALL_STORE_DELETE && !result.replayed)
                now = (struct totals){ 0, 0 };
        }
        results[i] = result;
    }
    return at == count ? 0 : -1;
}

int footfall__redis_decode(const struct footfall_store *store, const struct redis_group *group,
                           const struct footfall_store_op *ops, struct footfall_store_result *results,
                           const redisReply *reply)
{
    struct totals found = { 0, 0 };
    const redisReply *letters = NULL;
    if (!footfall__redis_is_array(reply, 3) || footfall__redis_number(reply->element[0], &found.total) != 0 ||
        footfall__redis_number(reply->element[1], &found.unique) != 0)
        return -1;
    letters = reply->element[2];
    if (!footfall__redis_is_text(letters))
        return -1;
    return walk(store, group, ops, results, found, letters->str, (size_t)letters->len);
}
