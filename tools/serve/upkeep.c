/* upkeep.c: what has to be done once in a while: a ping, so that expired keys are erased; a round of purge in slices; and
 * counting the counters again when that failed at the start. */
#include "server.h"

#include <errno.h>

enum {
    PING_MS = 60000,
    KNOW_MS = 10000,
    FIRST_PURGE_MS = 600000, /* after the start */
    PURGE_MS = 86400000,     /* a whole round */
    SLICE = 1000,            /* records */
    SLICE_PAUSE_MS = 20,     /* between slices, at least, and as long as the slice took: others want the store too */
    PURGE_AGAIN_MS = 60000   /* after one has failed */
};

/* Waits. 1: the server ends. */
static int waits(struct footfall_serve *server, int64_t ms)
{
    struct footfall_serve_upkeep *u = &server->upkeep;
    struct timespec until = { 0 };
    int rc = 0, ending = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&u->lock);
    while (!u->ending && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&u->changed, &u->lock, &until);
    ending = u->ending;
    pthread_mutex_unlock(&u->lock);
    return ending;
}

static void say(const struct footfall_serve *server, const char *what, const struct footfall_error *err)
{
    footfall__serve_log(server, FOOTFALL_LOG_WARN, "%s: %s", what, err->text);
}

/* Returns when it is to be done again, from now. */
static int64_t purge(struct footfall_serve *server)
{
    struct footfall_purge_result slice = { 0 };
    struct footfall_error err;
    while (!slice.done) {
        int64_t began_ms = footfall__serve_ms(), took_ms = 0;
        int rc = footfall_purge(server->ff, FOOTFALL_NOW, SLICE, NULL, &slice, &err);
        if (rc != FOOTFALL_OK && rc != FOOTFALL_UNKNOWN) {
            say(server, "purge", &err);
            return PURGE_AGAIN_MS;
        }
        took_ms = footfall__serve_ms() - began_ms;
        if (!slice.done && waits(server, took_ms > SLICE_PAUSE_MS ? took_ms : SLICE_PAUSE_MS))
            break;
    }
    return PURGE_MS;
}

/* When each is due next, on footfall__serve_ms. */
struct times {
    int64_t know, ping, purge;
};

static int64_t wait_of(const struct times *next)
{
    int64_t first = next->know < next->ping ? next->know : next->ping;
    int64_t wait = (first < next->purge ? first : next->purge) - footfall__serve_ms();
    return wait > 0 ? wait : 0;
}

static void *run(void *user)
{
    struct footfall_serve *server = user;
    int64_t now = footfall__serve_ms();
    struct times next = { server->upkeep.knows_counters ? INT64_MAX : now + KNOW_MS, now + PING_MS,
                          now + FIRST_PURGE_MS };
    while (!waits(server, wait_of(&next))) {
        struct footfall_error err;
        now = footfall__serve_ms();
        if (now >= next.know)
            next.know = footfall__web_know_counters(server->web, &err) == FOOTFALL_OK ? INT64_MAX : now + KNOW_MS;
        if (now >= next.ping) {
            if (footfall_ping(server->ff, NULL, &err) != FOOTFALL_OK)
                say(server, "the store does not answer", &err);
            next.ping = now + PING_MS;
        }
        if (now >= next.purge)
            next.purge = now + purge(server);
    }
    atomic_store(&server->upkeep.is_over, 1);
    return NULL;
}

int footfall__serve_upkeep_start(struct footfall_serve *server)
{
    int reason = footfall__serve_thread(&server->upkeep.thread, run, server);
    server->upkeep.started = reason == 0;
    return reason;
}

void footfall__serve_upkeep_stop(struct footfall_serve *server)
{
    struct footfall_serve_upkeep *u = &server->upkeep;
    pthread_mutex_lock(&u->lock);
    u->ending = 1;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->lock);
}

void footfall__serve_upkeep_end(struct footfall_serve *server)
{
    struct footfall_serve_upkeep *u = &server->upkeep;
    footfall__serve_upkeep_stop(server);
    if (u->started)
        pthread_join(u->thread, NULL);
    u->started = 0;
}
