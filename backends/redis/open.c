/* open.c: settings into a store, and the table of this backend's slots. The first connection is made here, so that a wrong
 * address, password or server is found at once. */
#include "redis.h"

#include "alloc.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

enum { LANES_DEFAULT = 4, LANES_MAX = 64, REPLICAS_MAX = 100 };

static const char *setting(const struct footfall_store_setting *settings, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, key) == 0)
            return settings[i].value;
    return NULL;
}

static int take_bool(int *out, const char *key, const char *value, struct footfall_store_call *call)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; value != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(value, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    return value == NULL
               ? 0
               : footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.%s is neither true nor false", key);
}

static int take_prefix(struct footfall_store *store, const char *value, struct footfall_store_call *call)
{
    size_t bytes = value != NULL ? strlen(value) : 0;
    if (bytes == 0 || bytes >= sizeof(store->prefix) || strpbrk(value, "{} \r\n\t") != NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.prefix is not 1 to %zu bytes without braces and spaces",
                                     sizeof(store->prefix) - 1);
    memcpy(store->prefix, value, bytes + 1);
    return 0;
}

static int take_settings(struct footfall_store *store, const struct footfall_store_setting *settings, size_t count,
                         struct footfall_store_call *call)
{
    const char *url = setting(settings, count, "url");
    const char *password_file = setting(settings, count, "password_file");
    const char *ca_file = setting(settings, count, "ca_file");
    const char *replicas = setting(settings, count, "wait_replicas");
    int rc = 0;
    if (setting(settings, count, "sentinel") != NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.sentinel: Sentinel is not supported yet; give the master's redis.url");
    rc = footfall__redis_url(&store->address, url != NULL ? url : "", call);
    if (rc == 0)
        rc = footfall__redis_password_file(&store->address, password_file, call);
    if (rc == 0 && store->address.user != NULL && store->address.password == NULL)
        rc = footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                   "redis.url: a user without a password, and no redis.password_file");
    if (rc == 0)
        rc = take_prefix(store, setting(settings, count, "prefix"), call);
    if (rc == 0)
        rc = take_bool(&store->allow_eviction, "allow_eviction", setting(settings, count, "allow_eviction"), call);
    if (rc != 0)
        return rc;
    if (replicas != NULL && (footfall__redis_parse(replicas, strlen(replicas), &store->wait_replicas) != 0 ||
                             store->wait_replicas < 0 || store->wait_replicas > REPLICAS_MAX))
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.wait_replicas is not a number from 0 to %d",
                                     REPLICAS_MAX);
    if (ca_file != NULL && !store->address.tls)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.ca_file: redis.url is not a rediss:// one");
    if (ca_file != NULL) {
        FILE *file = fopen(ca_file, "re");
        if (file == NULL)
            return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.ca_file: cannot read %s", ca_file);
        (void)fclose(file);
        store->address.ca_file = footfall__strndup(ca_file, strlen(ca_file));
        if (store->address.ca_file == NULL)
            return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    }
    return 0;
}

static int make_room(struct footfall_store *store, struct footfall_store_call *call)
{
    store->groups = footfall__array(NULL, REDIS_MAX_BATCH, sizeof(store->groups[0]));
    store->next = footfall__array(NULL, REDIS_MAX_BATCH, sizeof(store->next[0]));
    store->table = footfall__array(NULL, (size_t)2 * REDIS_MAX_BATCH, sizeof(store->table[0]));
    if (store->groups == NULL || store->next == NULL || store->table == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    if (footfall__random_bytes(store->hash_key, sizeof(store->hash_key)) != 0)
        return footfall__redis_fault(call, FOOTFALL_STORE_BROKEN, "the kernel gives no random bytes");
    return 0;
}

static void store_close(struct footfall_store *store, int inherited)
{
    (void)inherited; /* nothing is sent either way: a TLS goodbye would be the parent's */
    footfall__redis_hang_up(&store->connection);
    footfall__redis_bytes_free(&store->connection.out);
    footfall__redis_bytes_free(&store->packed);
    footfall__redis_bytes_free(&store->places);
    footfall__redis_address_free(&store->address);
    footfall__free(store->groups);
    footfall__free(store->next);
    footfall__free(store->table);
    footfall__free(store);
}

static int store_open(struct footfall_store **out, const struct footfall_store_setting *settings, size_t count,
                      uint32_t lane, struct footfall_store_call *call)
{
    struct footfall_store *store = footfall__calloc(1, sizeof(*store));
    int rc = 0;
    *out = NULL;
    if (store == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    store->connection.fd = -1;
    rc = take_settings(store, settings, count, call);
    if (rc == 0)
        rc = make_room(store, call);
    if (rc == 0 && lane == 0) /* the others connect when they are needed */
        rc = footfall__redis_ready(store, call);
    if (rc == 0 && lane == 0)
        rc = footfall__redis_probe(store, call);
    store->is_open = 1;
    if (rc != 0)
        store_close(store, 0);
    else
        *out = store;
    return rc;
}

static uint32_t store_caps(const struct footfall_store *store)
{
    (void)store;
    return FOOTFALL_STORE_CAP_DURABLE | FOOTFALL_STORE_CAP_SHARED | FOOTFALL_STORE_CAP_EXPIRES |
           FOOTFALL_STORE_CAP_RESEND | FOOTFALL_STORE_CAP_OWN_VALUES | FOOTFALL_STORE_CAP_ATOMIC_VISIT;
}

static int store_ping(struct footfall_store *store, struct footfall_store_call *call)
{
    int reconnect = 0;
    redisReply *reply = NULL;
    int rc = footfall__redis_ready(store, call);
    if (rc == 0)
        rc = footfall__redis_say(&store->connection, "PING", NULL);
    if (rc != 0)
        return rc;
    reply = footfall__redis_ask(&store->connection, call);
    if (reply == NULL)
        return FOOTFALL_STORE_TEMPORARY;
    if (reply->type == REDIS_REPLY_ERROR) {
        rc = footfall__redis_error(call, reply, &reconnect);
        if (rc == FOOTFALL_STORE_UNKNOWN) /* nothing was to be done that could be in doubt */
            rc = FOOTFALL_STORE_BROKEN;
    } else if (reply->type != REDIS_REPLY_STATUS)
        rc = footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "what Redis says to PING is unexpected");
    freeReplyObject(reply);
    if (rc != 0)
        footfall__redis_hang_up(&store->connection);
    return rc;
}

static void store_metrics(struct footfall_store *store, footfall_store_metric *each, void *user)
{
    const struct redis_connection *c = &store->connection;
    each(user, "footfall_redis_connects_total", "Connections made.", "", 1,
         (double)atomic_load_explicit(&c->connects, memory_order_relaxed));
    each(user, "footfall_redis_round_trips_total", "Times that an answer was waited for.", "", 1,
         (double)atomic_load_explicit(&c->round_trips, memory_order_relaxed));
    each(user, "footfall_redis_commands_total", "Commands sent.", "", 1,
         (double)atomic_load_explicit(&c->commands, memory_order_relaxed));
    each(user, "footfall_redis_reloads_total", "Times that the server had forgotten a script.", "", 1,
         (double)atomic_load_explicit(&c->reloads, memory_order_relaxed));
}

static const struct footfall_store_key keys[] = {
    { "url", "redis://127.0.0.1:6379/0", "redis://, rediss:// or unix://; may hold user and password", 1 },
    { "prefix", "footfall", "what the names of all keys in Redis begin with", 0 },
    { "lanes", "4", "connections", 0 },
    { "wait_replicas", "0", "replicas that must have a write before it is acknowledged", 0 },
    { "allow_eviction", "false", "true: accept a server that may evict counters when memory is short", 0 },
    { "password_file", NULL, "file with the password", 0 },
    { "ca_file", NULL, "certificates to trust with rediss://, instead of the system's", 0 },
    { "sentinel", NULL, "reserved: NAME@host:port,host:port", 0 },
    { NULL, NULL, NULL, 0 },
};

extern const struct footfall_backend footfall__backend_redis;
const struct footfall_backend footfall__backend_redis = {
    .version = FOOTFALL_STORE_VERSION,
    .size = sizeof(struct footfall_backend),
    .name = "redis",
    .keys = keys,
    .max_batch = REDIS_MAX_BATCH,
    .lanes_default = LANES_DEFAULT,
    .lanes_max = LANES_MAX,
    .caps = store_caps,
    .open = store_open,
    .close = store_close,
    .apply = footfall__redis_apply,
    .fetch = footfall__redis_fetch,
    .scan = footfall__redis_scan,
    .epoch_key = footfall__redis_epoch_key,
    .epoch_drop = footfall__redis_epoch_drop,
    .purge = footfall__redis_purge,
    .ping = store_ping,
    .check = footfall__redis_check,
    .metrics = store_metrics,
    .epoch_other = footfall__redis_epoch_other,
};
