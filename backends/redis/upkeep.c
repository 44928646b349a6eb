/* upkeep.c: epoch keys and purge, each by a script of its own: keys expire by themselves, on the server's clock, and are removed
 * when the caller's clock says so; one sorted set knows them all. */
#include "redis.h"

#include "bytes.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16, PURGE_AT_ONCE = 1000 };

static redisReply *run_once(struct footfall_store *store, const struct redis_script *script, int whole,
                            const struct redis_argument *tail, size_t tail_count, int *status,
                            struct footfall_store_call *call)
{
    struct redis_argument arguments[ARGUMENTS_MAX];
    redisReply *reply = NULL;
    *status = footfall__redis_ready(store, call);
    if (*status != 0)
        return NULL;
    arguments[0] = footfall__redis_text(whole ? "EVAL" : "EVALSHA");
    arguments[1] =
        whole ? (struct redis_argument){ script->source, script->bytes } : footfall__redis_text(script->sha1);
    memcpy(arguments + 2, tail, tail_count * sizeof(arguments[0]));
    *status = footfall__redis_command(&store->connection, arguments, tail_count + 2);
    if (*status != 0) {
        store->connection.out.count = 0;
        (void)footfall__redis_fault(call, *status, "out of memory");
        return NULL;
    }
    reply = footfall__redis_ask(&store->connection, call);
    if (reply == NULL)
        *status = FOOTFALL_STORE_TEMPORARY;
    return reply;
}

redisReply *footfall__redis_run(struct footfall_store *store, const struct redis_script *script,
                                const struct redis_argument *keys, size_t key_count,
                                const struct redis_argument *arguments, size_t argument_count, int *status,
                                struct footfall_store_call *call)
{
    struct redis_argument tail[ARGUMENTS_MAX];
    char count[8];
    redisReply *reply = NULL;
    int reconnect = 0;
    (void)snprintf(count, sizeof(count), "%zu", key_count);
    tail[0] = footfall__redis_text(count);
    memcpy(tail + 1, keys, key_count * sizeof(tail[0]));
    memcpy(tail + 1 + key_count, arguments, argument_count * sizeof(tail[0]));
    for (int whole = 0; whole < 2; whole++) {
        reply = run_once(store, script, whole, tail, 1 + key_count + argument_count, status, call);
        if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
            return reply;
        if (!footfall__redis_is_noscript(reply) || whole)
            break;
        atomic_fetch_add_explicit(&store->connection.reloads, 1, memory_order_relaxed);
        freeReplyObject(reply);
    }
    *status = footfall__redis_error(call, reply, &reconnect);
    if (*status == FOOTFALL_STORE_UNKNOWN) /* it may be said again at will: nothing is in doubt */
        *status = FOOTFALL_STORE_BROKEN;
    freeReplyObject(reply);
    if (reconnect)
        footfall__redis_hang_up(&store->connection);
    return NULL;
}

static int nonsense(struct footfall_store *store, struct footfall_store_call *call, redisReply *reply)
{
    freeReplyObject(reply);
    footfall__redis_hang_up(&store->connection);
    return footfall__redis_fault(call, FOOTFALL_STORE_BROKEN, "a key under redis.prefix holds what is not ours");
}

/* ---- epoch keys ------------------------------------------------------------------------------------------------------------- */

static int read_key(const redisReply *reply, uint8_t *key, int64_t *kept_until)
{
    const char *rest = NULL;
    size_t bytes = 0;
    if (!footfall__redis_is_text(reply) || reply->len <= FOOTFALL_STORE_KEY_BYTES)
        return -1;
    rest = reply->str + FOOTFALL_STORE_KEY_BYTES;
    bytes = (size_t)reply->len - FOOTFALL_STORE_KEY_BYTES;
    if (bytes == 3 && memcmp(rest, "inf", 3) == 0)
        *kept_until = FOOTFALL_STORE_FOREVER;
    else if (footfall__redis_parse(rest, bytes, kept_until) != 0)
        return -1;
    memcpy(key, reply->str, FOOTFALL_STORE_KEY_BYTES);
    return 0;
}

int footfall__redis_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                              int64_t expire_ms, uint8_t *winner, int64_t *kept_until, struct footfall_store_call *call)
{
    struct redis_key key, index;
    char member[64], until[24], left[24];
    int64_t ms = 0;
    int status = 0;
    redisReply *reply = NULL;
    if (__builtin_sub_overflow(expire_ms, call->wall_ms, &ms) || ms > INT64_C(1) << 52)
        ms = INT64_C(1) << 52;
    (void)snprintf(member, sizeof(member), "%" PRId64 ":%" PRId64, epoch_ms, epoch);
    (void)snprintf(until, sizeof(until), "%" PRId64, expire_ms);
    (void)snprintf(left, sizeof(left), "%" PRId64, ms > 1 ? ms : 1);
    footfall__redis_key(&key, store->prefix, "epoch:");
    footfall__redis_key_add(&key, member, strlen(member));
    footfall__redis_key(&index, store->prefix, "epochs");
    {
        const struct redis_argument keys[] = { footfall__redis_key_argument(&key),
                                               footfall__redis_key_argument(&index) };
        const struct redis_argument arguments[] = {
            footfall__redis_text(member),
            { candidate, candidate != NULL ? FOOTFALL_STORE_KEY_BYTES : 0 },
            footfall__redis_text(expire_ms == FOOTFALL_STORE_FOREVER ? "inf" : until),
            footfall__redis_text(left),
        };
        reply = footfall__redis_run(store, &footfall__redis_script_epoch_key, keys, 2, arguments, 4, &status, call);
    }
    if (reply == NULL)
        return status;
    if (reply->type == REDIS_REPLY_NIL && candidate == NULL)
        status = 1;
    else if (read_key(reply, winner, kept_until) != 0)
        return nonsense(store, call, reply);
    if (reply->str != NULL)
        OPENSSL_cleanse(reply->str, (size_t)reply->len);
    freeReplyObject(reply);
    footfall__redis_cleanse(&store->connection);
    return status;
}

int footfall__redis_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                               struct footfall_store_call *call)
{
    struct redis_key index, prefix;
    char wall[24];
    int status = 0;
    int more = 1;
    (void)snprintf(wall, sizeof(wall), "%" PRId64, wall_ms);
    footfall__redis_key(&index, store->prefix, "epochs");
    footfall__redis_key(&prefix, store->prefix, "epoch:");
    while (more) {
        const struct redis_argument keys[] = { footfall__redis_key_argument(&index) };
        const struct redis_argument arguments[] = { footfall__redis_text(wall), footfall__redis_key_argument(&prefix) };
        redisReply *reply =
            footfall__redis_run(store, &footfall__redis_script_epoch_drop, keys, 1, arguments, 2, &status, call);
        const redisReply *next = NULL;
        if (reply == NULL)
            return status;
        next = footfall__redis_is_array(reply, 2) ? reply->element[0] : NULL;
        if (!footfall__redis_is_text(next) || !footfall__redis_is_text(reply->element[1]))
            return nonsense(store, call, reply);
        more = reply->element[1]->str[0] == '1';
        if (next->len == 0 || strcmp(next->str, "inf") == 0)
            *next_ms = FOOTFALL_STORE_FOREVER;
        else if (footfall__redis_number(next, next_ms) != 0)
            return nonsense(store, call, reply);
        freeReplyObject(reply);
    }
    return 0;
}

int footfall__redis_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                struct footfall_store_call *call)
{
    struct redis_key index, prefix;
    char own[32];
    int64_t number = 0;
    int status = 0;
    redisReply *reply = NULL;
    (void)snprintf(own, sizeof(own), "%" PRId64 ":", epoch_ms);
    footfall__redis_key(&index, store->prefix, "epochs");
    footfall__redis_key(&prefix, store->prefix, "epoch:");
    {
        const struct redis_argument keys[] = { footfall__redis_key_argument(&index) };
        const struct redis_argument arguments[] = { footfall__redis_text(own), footfall__redis_key_argument(&prefix) };
        reply = footfall__redis_run(store, &footfall__redis_script_epoch_other, keys, 1, arguments, 2, &status, call);
    }
    if (reply == NULL)
        return status;
    if (footfall__redis_number(reply, &number) != 0)
        return nonsense(store, call, reply);
    *found = number == 1;
    freeReplyObject(reply);
    return 0;
}

/* ---- purge ------------------------------------------------------------------------------------------------------------------ */

/* What expires goes by itself: left are the visitors of deleted counters that would stay for ever. */
int footfall__redis_purge(struct footfall_store *store, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                          struct footfall_store_call *call)
{
    struct redis_key dead;
    size_t left = budget;
    int status = 0;
    (void)now_ms;
    footfall__redis_key(&dead, store->prefix, "dead");
    *more = 1;
    while (left > 0 && *more) {
        size_t piece = left < PURGE_AT_ONCE ? left : PURGE_AT_ONCE;
        char text[24];
        int64_t gone = 0;
        int64_t groups = 0;
        redisReply *reply = NULL;
        (void)snprintf(text, sizeof(text), "%zu", piece);
        {
            const struct redis_argument keys[] = { footfall__redis_key_argument(&dead) };
            const struct redis_argument arguments[] = { footfall__redis_text(text) };
            reply = footfall__redis_run(store, &footfall__redis_script_purge, keys, 1, arguments, 1, &status, call);
        }
        if (reply == NULL)
            return dropped[0] > 0 ? 0 : status; /* what went is told; the next call says what is wrong */
        if (!footfall__redis_is_array(reply, 2) || footfall__redis_number(reply->element[0], &gone) != 0 ||
            footfall__redis_number(reply->element[1], &groups) != 0 || gone < 0 || (size_t)gone > piece)
            return nonsense(store, call, reply);
        freeReplyObject(reply);
        dropped[0] += (size_t)gone;
        left -= (size_t)gone;
        *more = groups > 0;
    }
    return 0;
}
