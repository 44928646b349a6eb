/* check.c: what an operator should know of the server behind the counters, in words (footfall_check). Changes nothing. */
#include "redis.h"

#include "bytes.h"
#include "clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FINE, NOTE, WARNING, WRONG, TEXT_BYTES = 400, VALUE_BYTES = 64 };

struct checking {
    struct footfall_store *store;
    struct footfall_store_call *call;
    footfall_store_finding *each;
    void *user;
    const char *info;
};

static void tell(const struct checking *c, int severity, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(const struct checking *c, int severity, const char *advice, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    footfall__vformat(text, sizeof(text), format, args);
    va_end(args);
    c->each(c->user, severity, text, advice);
}

static void value_of(const struct checking *c, char out[VALUE_BYTES], const char *key)
{
    footfall__redis_info_value(out, VALUE_BYTES, c->info, key);
}

static int64_t number_of(const struct checking *c, const char *key)
{
    char text[VALUE_BYTES];
    int64_t number = 0;
    value_of(c, text, key);
    return footfall__redis_parse(text, strlen(text), &number) == 0 ? number : 0;
}

/* One command; its reply, or NULL when the server refused it or none came (*status). */
static redisReply *ask(const struct checking *c, int *status, const char *one, const char *two, const char *three)
{
    redisReply *reply = NULL;
    *status = footfall__redis_ready(c->store, c->call);
    if (*status == 0)
        *status = footfall__redis_say(&c->store->connection, one, two, three, NULL);
    if (*status != 0)
        return NULL;
    reply = footfall__redis_ask(&c->store->connection, c->call);
    if (reply == NULL)
        *status = FOOTFALL_STORE_TEMPORARY;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

/* What CONFIG GET says of one parameter. *told = 0 when the server does not: managed ones refuse it. */
static int configured(const struct checking *c, char out[VALUE_BYTES], const char *parameter, int *told)
{
    int status = 0;
    redisReply *reply = ask(c, &status, "CONFIG", "GET", parameter);
    out[0] = '\0';
    *told = reply != NULL && footfall__redis_is_array(reply, 2) && footfall__redis_is_text(reply->element[1]);
    if (*told)
        footfall__format(out, VALUE_BYTES, "%s", reply->element[1]->str);
    if (reply != NULL)
        freeReplyObject(reply);
    return status;
}

static void check_version(const struct checking *c)
{
    char version[VALUE_BYTES], mode[VALUE_BYTES];
    value_of(c, version, "redis_version");
    value_of(c, mode, "redis_mode");
    if (strcmp(mode, "cluster") == 0)
        tell(c, WRONG, "Use a server that is not part of a cluster.",
             "The server is part of a Redis Cluster, which is not supported yet.");
    else if (strcmp(mode, "sentinel") == 0)
        tell(c, WRONG, "Give the master's own address.", "The server is a Sentinel, which is not supported yet.");
    else
        tell(c, FINE, NULL, "The server is Redis %s, %s.", version[0] != '\0' ? version : "of an unknown version",
             mode[0] != '\0' ? mode : "standalone");
}

static void check_memory(const struct checking *c)
{
    char policy[VALUE_BYTES];
    int64_t most = number_of(c, "maxmemory");
    int64_t used = number_of(c, "used_memory");
    value_of(c, policy, "maxmemory_policy");
    if (policy[0] == '\0')
        tell(c, WARNING, "Make sure that maxmemory-policy is noeviction.",
             "The server does not tell its maxmemory-policy: if it evicts keys, counts are wrong.");
    else if (strcmp(policy, "noeviction") != 0)
        tell(c, WRONG, "Set maxmemory-policy noeviction.",
             "maxmemory-policy is %s: when memory is short the server throws counters and visitors away%s.", policy,
             c->store->allow_eviction ? " (redis.allow_eviction accepts that)" : "");
    else
        tell(c, FINE, NULL, "maxmemory-policy is noeviction: nothing is thrown away.");
    if (most > 0 && used > most / 10 * 9)
        tell(c, WARNING, "Give the server more memory, or choose a shorter window.",
             "%" PRId64 " of %" PRId64 " MiB of memory are used; when it is full, nothing is counted.", used >> 20,
             most >> 20);
}

static int check_persistence(const struct checking *c)
{
    char save[VALUE_BYTES], sync[VALUE_BYTES], state[VALUE_BYTES];
    int save_told = 0;
    int sync_told = 0;
    int status = configured(c, save, "save", &save_told);
    if (status == 0)
        status = configured(c, sync, "appendfsync", &sync_told);
    if (status != 0)
        return status;
    if (number_of(c, "aof_enabled") == 1) {
        if (strcmp(sync, "always") == 0)
            tell(c, FINE, NULL, "appendfsync is always: what is acknowledged survives a power cut.");
        else if (strcmp(sync, "everysec") == 0)
            tell(c, FINE, NULL,
                 "appendfsync is everysec: a power cut loses up to two seconds, and so does kill -9 while the disk is "
                 "slow to flush.");
        else if (strcmp(sync, "no") == 0)
            tell(c, WARNING, "Set appendfsync everysec, or always.",
                 "appendfsync is no: a power cut loses what the kernel had not written, half a minute perhaps.");
        else
            tell(c, NOTE, "Let this user run CONFIG GET, or look yourself.",
                 "The append-only file is on; appendfsync is not told.");
        value_of(c, state, "aof_last_write_status");
        if (strcmp(state, "err") == 0)
            tell(c, WRONG, "See the server's log: the disk may be full.", "The append-only file cannot be written.");
    } else if (!save_told) {
        tell(c, NOTE, "Let this user run CONFIG GET, or look yourself.",
             "The append-only file is off; whether there are snapshots is not told.");
    } else if (save[0] != '\0') {
        tell(c, WARNING, "Set appendonly yes.",
             "There are snapshots only (save %s): a crash of the server loses what was counted since the last.", save);
    } else {
        tell(c, WARNING, "Set appendonly yes, unless counters may be lost.",
             "Nothing is kept on disk: counters end with the server.");
    }
    value_of(c, state, "rdb_last_bgsave_status");
    if (strcmp(state, "err") == 0)
        tell(c, WARNING, "See the server's log: disk or memory may be short.", "The last snapshot failed.");
    if (number_of(c, "aof_enabled") == 1 || save[0] != '\0')
        tell(c, NOTE, "Run BGREWRITEAOF or BGSAVE once a day if the erasure must reach the disk.",
             "An expired epoch key leaves the server's memory at once, and its files when they are written anew.");
    return 0;
}

static int check_role(const struct checking *c)
{
    int status = 0;
    redisReply *told = NULL;
    char role[VALUE_BYTES];
    int64_t replicas = number_of(c, "connected_slaves");
    value_of(c, role, "role");
    told = ask(c, &status, "ROLE", NULL, NULL);
    if (status != 0)
        return status;
    if (told == NULL)
        tell(c, WARNING, "Let this user run ROLE.",
             "The server does not tell its role: after a failover, a replica's old numbers would be read.");
    else
        freeReplyObject(told);
    if (strcmp(role, "slave") == 0) {
        tell(c, WRONG, "Give the master's address in redis.url.", "The server is a replica: it refuses to count.");
        return 0;
    }
    if (replicas < c->store->wait_replicas)
        tell(c, WRONG, "Connect the replicas, or lower redis.wait_replicas.",
             "redis.wait_replicas is %" PRId64 " and %" PRId64 " replicas are connected: nothing can be acknowledged.",
             c->store->wait_replicas, replicas);
    else if (replicas > 0 && c->store->wait_replicas == 0)
        tell(c, NOTE, "Set redis.wait_replicas if a failover may lose nothing that was acknowledged.",
             "%" PRId64 " replicas follow asynchronously: a failover loses the last moments.", replicas);
    return 0;
}

/* Windows go by this host's clock, expiries by the server's; more than an hour between them and records go too early. */
static void check_clock(const struct checking *c)
{
    int64_t server_ms = footfall__boottime_ms() + c->store->connection.server_ahead_ms;
    int64_t apart = server_ms - footfall__wall_ms();
    if (apart < 0)
        apart = -apart;
    if (apart > 60000)
        tell(c, WARNING, "Set both clocks (NTP).", "The server's clock is %" PRId64 " s off this host's.",
             apart / 1000);
    else
        tell(c, FINE, NULL, "The server's clock agrees with this host's.");
}

/* What was asked when the first lane opened, once more: rights may be taken away. */
static int check_rights(const struct checking *c)
{
    int status = footfall__redis_ready(c->store, c->call);
    if (status == 0)
        status = footfall__redis_probe(c->store, c->call);
    if (status == 0)
        tell(c, FINE, NULL, "The user may run every command that counting needs.");
    if (status != FOOTFALL_STORE_BROKEN)
        return status;
    tell(c, WRONG, "Grant it; docs/redis.md has the rights that are enough.", "Counting is not allowed: %s",
         c->call->text);
    if (c->call->text_bytes > 0) /* it is a finding, not a fault */
        c->call->text[0] = '\0';
    c->call->native = 0;
    return 0;
}

static void check_connection(const struct checking *c)
{
    const struct redis_address *address = &c->store->address;
    int local = address->path != NULL || strcmp(address->host, "localhost") == 0 ||
                strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0;
    if (!local && !address->tls)
        tell(c, WARNING, "Use rediss://.",
             "The connection crosses a network without TLS: ids and password can be read.");
    if (!local && address->password == NULL)
        tell(c, WARNING, "Set requirepass or an ACL user, and redis.password_file.",
             "The server asks for no password.");
}

int footfall__redis_check(struct footfall_store *store, footfall_store_finding *each, void *user,
                          struct footfall_store_call *call)
{
    struct checking c = { store, call, each, user, "" };
    int status = 0;
    redisReply *info = ask(&c, &status, "INFO", NULL, NULL);
    if (status != 0)
        return status;
    if (info == NULL || !footfall__redis_is_text(info)) {
        tell(&c, WARNING, "Let this user run INFO.",
             "The server does not tell about itself: eviction, persistence and replicas could not be checked.");
    } else {
        c.info = info->str;
        check_version(&c);
        check_memory(&c);
        status = check_persistence(&c);
        if (status == 0)
            status = check_role(&c);
    }
    if (status == 0)
        status = check_rights(&c);
    if (status == 0) {
        check_clock(&c);
        check_connection(&c);
    }
    if (info != NULL)
        freeReplyObject(info);
    return status;
}
