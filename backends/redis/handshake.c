/* handshake.c: a working connection: connected, authenticated, the database chosen, and the server found fit to count on. */
#include "redis.h"

#include "bytes.h"
#include "clock.h"

#include <poll.h>
#include <string.h>

enum { OLDEST_VERSION = 5 };

struct handshake {
    struct footfall_store *store;
    struct footfall_store_call *call;
    int has_auth, has_database;
    int status, reconnect;
    int64_t begun_ms;
};

void footfall__redis_info_value(char *out, size_t out_bytes, const char *info, const char *key)
{
    size_t key_bytes = strlen(key);
    out[0] = '\0';
    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, key, key_bytes) == 0 && line[key_bytes] == ':') {
            const char *value = line + key_bytes + 1;
            footfall__format(out, out_bytes, "%.*s", (int)strcspn(value, "\r\n"), value);
            return;
        }
    }
}

static void learn_info(struct redis_server *server, const char *info)
{
    const struct {
        const char *key;
        char *out;
        size_t out_bytes;
    } wanted[] = {
        { "redis_version", server->version, sizeof(server->version) },
        { "redis_mode", server->mode, sizeof(server->mode) },
        { "maxmemory_policy", server->policy, sizeof(server->policy) },
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (wanted[i].out[0] == '\0')
            footfall__redis_info_value(wanted[i].out, wanted[i].out_bytes, info, wanted[i].key);
}

static void learn_time(struct handshake *h, const redisReply *reply)
{
    int64_t seconds = 0;
    int64_t us = 0;
    int64_t now = footfall__boottime_ms();
    if (!footfall__redis_is_array(reply, 2) || footfall__redis_number(reply->element[0], &seconds) != 0 ||
        footfall__redis_number(reply->element[1], &us) != 0 || seconds < 0 || seconds > INT64_MAX / 2000 || us < 0 ||
        us > 999999) {
        h->status = footfall__redis_fault(h->call, FOOTFALL_STORE_TEMPORARY, "what Redis says to TIME is no time");
        return;
    }
    h->store->connection.server_ahead_ms = seconds * 1000 + us / 1000 - now;
}

static void refused(struct handshake *h, const redisReply *reply, const char *what)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        h->status = footfall__redis_error(h->call, reply, &h->reconnect);
        if (h->status == FOOTFALL_STORE_UNKNOWN) /* nothing that counts was asked: it said no, and that is that */
            h->status = FOOTFALL_STORE_BROKEN;
    } else {
        h->status =
            footfall__redis_fault(h->call, FOOTFALL_STORE_TEMPORARY, "what Redis says to %s is unexpected", what);
    }
}

static void learn(void *user, size_t i, redisReply **reply)
{
    struct handshake *h = user;
    struct redis_server *server = &h->store->connection.server;
    size_t at = i;
    if (h->status != 0)
        return;
    if (h->has_auth && at-- == 0) {
        if ((*reply)->type != REDIS_REPLY_STATUS)
            refused(h, *reply, "AUTH");
        return;
    }
    if (h->has_database && at-- == 0) {
        if ((*reply)->type != REDIS_REPLY_STATUS)
            refused(h, *reply, "SELECT");
        return;
    }
    if (at == 0) {
        if ((*reply)->type == REDIS_REPLY_ERROR)
            refused(h, *reply, "TIME");
        else
            learn_time(h, *reply);
    } else if ((*reply)->type == REDIS_REPLY_ERROR) {
        if (strncmp((*reply)->str, "LOADING", 7) == 0) /* else it may be denied; `check` says so */
            refused(h, *reply, "INFO");
    } else if (at == 1) {
        server->is_replica = footfall__redis_is_replica(*reply);
    } else if (footfall__redis_is_text(*reply)) {
        learn_info(server, (*reply)->str);
    } else {
        refused(h, *reply, "INFO");
    }
}

/* Appends what is asked of every new connection; how many replies that makes, or 0 when out of memory. */
static size_t ask(struct handshake *h)
{
    struct redis_connection *c = &h->store->connection;
    const struct redis_address *address = &h->store->address;
    char database[16];
    int rc = 0;
    h->has_auth = address->password != NULL;
    h->has_database = address->database != 0;
    footfall__format(database, sizeof(database), "%d", address->database);
    if (h->has_auth && address->user != NULL)
        rc = footfall__redis_say(c, "AUTH", address->user, address->password, NULL);
    else if (h->has_auth)
        rc = footfall__redis_say(c, "AUTH", address->password, NULL);
    if (rc == 0 && h->has_database)
        rc = footfall__redis_say(c, "SELECT", database, NULL);
    if (rc == 0)
        rc = footfall__redis_say(c, "TIME", NULL);
    if (rc == 0)
        rc = footfall__redis_say(c, "ROLE", NULL);
    if (rc == 0)
        rc = footfall__redis_say(c, "INFO", "server", NULL);
    if (rc == 0)
        rc = footfall__redis_say(c, "INFO", "memory", NULL);
    return rc == 0 ? (size_t)(h->has_auth + h->has_database + 4) : 0;
}

int footfall__redis_fit(const struct footfall_store *store, const struct redis_server *server,
                        struct footfall_store_call *call)
{
    int64_t major = 0;
    if (strcmp(server->mode, "cluster") == 0)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.url: the server is part of a Redis Cluster, which is not supported yet");
    if (strcmp(server->mode, "sentinel") == 0)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.url: the server is a Sentinel, which is not supported yet");
    if (server->is_replica) /* its numbers are yesterday's, and perhaps it is about to be the master */
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "the server is a replica, not the master");
    if (server->version[0] != '\0' &&
        (footfall__redis_parse(server->version, strcspn(server->version, "."), &major) != 0 || major < OLDEST_VERSION))
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.url: the server is Redis %s; %d.0 or newer is needed", server->version,
                                     OLDEST_VERSION);
    if (server->policy[0] != '\0' && strcmp(server->policy, "noeviction") != 0 && !store->allow_eviction)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.allow_eviction is false, and maxmemory-policy of the server is %s: it may "
                                     "throw counters and visitors "
                                     "away. Set maxmemory-policy noeviction",
                                     server->policy);
    return 0;
}

static int shake_hands(struct footfall_store *store, struct footfall_store_call *call)
{
    struct redis_connection *c = &store->connection;
    struct handshake h = { .store = store, .call = call };
    size_t count = 0;
    memset(&c->server, 0, sizeof(c->server));
    count = ask(&h);
    if (count == 0)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    if (footfall__redis_exchange(c, count, learn, &h, call) != count && h.status == 0)
        h.status = FOOTFALL_STORE_TEMPORARY;
    footfall__redis_cleanse(c); /* the password was sent */
    if (h.status == 0 && c->fd < 0)
        h.status = FOOTFALL_STORE_TEMPORARY;
    return h.status != 0 ? h.status : footfall__redis_fit(store, &c->server, call);
}

/* Between commands nothing may come: else the other end has closed the connection, which costs no doubt when it is found out now,
 * or has said more than it was asked, and what it says next would answer the wrong question. */
static int is_stale(const struct redis_connection *c)
{
    struct pollfd one = { .fd = c->fd, .events = POLLIN };
    return c->reply_bytes > 0 || (c->tls != NULL && footfall__redis_tls_pending(c->tls)) || poll(&one, 1, 0) != 0;
}

int footfall__redis_ready(struct footfall_store *store, struct footfall_store_call *call)
{
    struct redis_connection *c = &store->connection;
    int rc = 0;
    c->out.count = c->sent = 0;
    if (c->fd >= 0 && is_stale(c))
        footfall__redis_hang_up(c);
    if (c->fd >= 0)
        return 0;
    if (footfall__boottime_ms() >= call->deadline_ms)
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "the deadline has passed");
    c->fd = footfall__redis_connect(&store->address, call);
    if (c->fd < 0) {
        rc = c->fd;
        c->fd = -1;
        return rc;
    }
    atomic_fetch_add_explicit(&c->connects, 1, memory_order_relaxed);
    c->reader = footfall__redis_reader();
    if (c->reader == NULL)
        rc = footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    if (rc == 0 && store->address.tls)
        rc = footfall__redis_tls_start(&c->tls, c->fd, &store->address, call);
    if (rc == 0)
        rc = shake_hands(store, call);
    if (rc != 0)
        footfall__redis_hang_up(c);
    if (rc == FOOTFALL_STORE_CONFIG && store->is_open) /* the server has changed: nobody opens anything now */
        rc = FOOTFALL_STORE_BROKEN;
    return rc;
}
