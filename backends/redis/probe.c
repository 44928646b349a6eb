/* probe.c: may our user do what the scripts do? Asked once, when the first lane opens: by the script's text and by its hash, as
 * batches are sent. */
#include "redis.h"

enum { WHOLE, BY_HASH };

struct probe {
    const struct footfall_store *store;
    struct footfall_store_call *call;
    int status, reconnect;
};

static void take_answer(void *user, size_t i, redisReply **reply)
{
    struct probe *p = user;
    if (p->status != 0)
        return;
    if ((*reply)->type == REDIS_REPLY_ERROR) {
        p->status = footfall__redis_error(p->call, *reply, &p->reconnect);
        if (p->status == FOOTFALL_STORE_UNKNOWN) /* nothing that counts was asked */
            p->status = FOOTFALL_STORE_BROKEN;
    } else if (i == BY_HASH + 1) { /* WAIT's: that it is allowed is enough */
        return;
    } else if (!footfall__redis_is_text(*reply)) {
        p->status = footfall__redis_fault(p->call, FOOTFALL_STORE_BROKEN, "what Redis says to a script is unexpected");
    } else if ((*reply)->len > 0) {
        p->status = footfall__redis_fault(p->call, FOOTFALL_STORE_BROKEN,
                                          "the user in redis.url may not run %.20s on keys that begin with \"%s:\"",
                                          (*reply)->str, p->store->prefix);
    }
}

static int ask(struct footfall_store *store)
{
    const struct redis_script *script = &footfall__redis_script_probe;
    struct redis_key key;
    footfall__redis_key(&key, store->prefix, "probe");
    {
        const struct redis_argument whole[] = {
            { "EVAL", 4 }, { script->source, script->bytes }, { "1", 1 }, footfall__redis_key_argument(&key)
        };
        const struct redis_argument by_hash[] = {
            { "EVALSHA", 7 }, footfall__redis_text(script->sha1), { "1", 1 }, footfall__redis_key_argument(&key)
        };
        int rc = footfall__redis_command(&store->connection, whole, 4);
        if (rc == 0)
            rc = footfall__redis_command(&store->connection, by_hash, 4);
        if (rc == 0 && store->wait_replicas > 0)
            rc = footfall__redis_say(&store->connection, "WAIT", "0", "1", NULL);
        return rc;
    }
}

int footfall__redis_probe(struct footfall_store *store, struct footfall_store_call *call)
{
    struct probe p = { store, call, 0, 0 };
    size_t count = 0;
    if (ask(store) != 0)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    count = store->wait_replicas > 0 ? 3 : 2;
    if (footfall__redis_exchange(&store->connection, count, take_answer, &p, call) != count && p.status == 0)
        p.status = FOOTFALL_STORE_TEMPORARY;
    return p.status;
}
