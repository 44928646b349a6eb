/* socket.c: a connected socket within a deadline, the look-up of the host's name included. */
#include "redis.h"

#include "alloc.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int footfall__redis_wait(int fd, short events, int64_t deadline_ms)
{
    struct pollfd one = { .fd = fd, .events = events };
    for (;;) {
        int64_t left = deadline_ms - footfall__boottime_ms();
        int ready = 0;
        if (left <= 0)
            return 0;
        ready = poll(&one, 1, left < 1000 ? (int)left : 1000); /* in steps: poll's clock stops while a machine sleeps */
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return 1; /* what is wrong with it the next call on it tells */
    }
}

/* ---- names: getaddrinfo knows no deadline, so it has a thread of its own, which outlives a caller who leaves ------------------ */

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t done;
    int references; /* the caller's and the thread's */
    int finished, error;
    struct addrinfo *found;
    char *host;
    char port[8];
};

static void let_go(struct lookup *lookup)
{
    int last = 0;
    pthread_mutex_lock(&lookup->lock);
    last = --lookup->references == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!last)
        return;
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    pthread_cond_destroy(&lookup->done);
    pthread_mutex_destroy(&lookup->lock);
    footfall__free(lookup->host);
    footfall__free(lookup);
}

static int ask_resolver(const char *host, const char *port, int flags, struct addrinfo **found)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
    return getaddrinfo(host, port, &hints, found);
}

static void *look_up(void *user)
{
    struct lookup *lookup = user;
    struct addrinfo *found = NULL;
    int error = ask_resolver(lookup->host, lookup->port, AI_ADDRCONFIG, &found);
    pthread_mutex_lock(&lookup->lock);
    lookup->error = error;
    lookup->found = found;
    lookup->finished = 1;
    pthread_cond_signal(&lookup->done);
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
    return NULL;
}

static struct lookup *lookup_new(const struct redis_address *address)
{
    struct lookup *lookup = footfall__calloc(1, sizeof(*lookup));
    pthread_condattr_t clock;
    if (lookup == NULL)
        return NULL;
    lookup->host = footfall__strndup(address->host, strlen(address->host));
    if (lookup->host == NULL) {
        footfall__free(lookup);
        return NULL;
    }
    memcpy(lookup->port, address->port, sizeof(lookup->port));
    lookup->references = 2;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_cond_init(&lookup->done, &clock);
    pthread_condattr_destroy(&clock);
    return lookup;
}

static int start_detached(struct lookup *lookup)
{
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t all, before;
    int rc = 0;
    sigfillset(&all); /* the program's signals are for its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &detached, look_up, lookup);
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void wait_for(struct lookup *lookup, int64_t deadline_ms)
{
    while (!lookup->finished) {
        int64_t left = deadline_ms - footfall__boottime_ms();
        struct timespec until;
        if (left <= 0)
            return;
        if (left > 1000)
            left = 1000;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(left % 1000) * 1000000;
        until.tv_sec += (time_t)(left / 1000) + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&lookup->done, &lookup->lock, &until);
    }
}

static int resolve(struct addrinfo **found, const struct redis_address *address, struct footfall_store_call *call)
{
    struct lookup *lookup = NULL;
    int error = 0;
    int finished = 0;
    if (ask_resolver(address->host, address->port, AI_NUMERICHOST | AI_NUMERICSERV, found) == 0)
        return 0;
    lookup = lookup_new(address);
    if (lookup == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    if (start_detached(lookup) != 0) {
        lookup->references = 1;
        let_go(lookup);
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "no thread to look up %s", address->host);
    }
    pthread_mutex_lock(&lookup->lock);
    wait_for(lookup, call->deadline_ms);
    finished = lookup->finished;
    error = lookup->error;
    *found = lookup->found;
    lookup->found = NULL;
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
    if (!finished)
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "the look-up of %s took too long", address->host);
    if (error != 0 || *found == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: %s", address->host, gai_strerror(error));
    return 0;
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------ */

static int connect_to(const struct sockaddr *to, socklen_t bytes, int64_t deadline_ms, int *reason)
{
    int one = 1;
    socklen_t reason_bytes = sizeof(*reason);
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *reason = errno;
    if (fd < 0)
        return -1;
    if (connect(fd, to, bytes) != 0) {
        *reason = errno;
        if (*reason != EINPROGRESS && *reason != EINTR)
            goto fail;
        *reason = ETIMEDOUT;
        if (!footfall__redis_wait(fd, POLLOUT, deadline_ms))
            goto fail;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, reason, &reason_bytes) != 0 || *reason != 0)
            goto fail;
    }
    if (to->sa_family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    return fd;
fail:
    (void)close(fd);
    return -1;
}

static int unreachable(struct footfall_store_call *call, const char *where, const char *port, int reason)
{
    char text[64] = "";
    const char *words = strerror_r(reason, text, sizeof(text));
    call->native = reason;
    return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "cannot connect to Redis at %s%s%s: %s", where,
                                 port != NULL ? " port " : "", port != NULL ? port : "", words);
}

static int connect_unix(const struct redis_address *address, struct footfall_store_call *call)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t bytes = strlen(address->path);
    int reason = 0;
    int fd = -1;
    memcpy(to.sun_path, address->path, bytes + 1); /* url.c has seen to its length */
    fd = connect_to((const struct sockaddr *)&to, (socklen_t)sizeof(to), call->deadline_ms, &reason);
    return fd >= 0 ? fd : unreachable(call, address->path, NULL, reason);
}

int footfall__redis_connect(const struct redis_address *address, struct footfall_store_call *call)
{
    struct addrinfo *found = NULL;
    int reason = 0;
    int fd = -1;
    int rc = 0;
    if (address->path != NULL)
        return connect_unix(address, call);
    rc = resolve(&found, address, call);
    if (rc != 0)
        return rc;
    for (const struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
        int64_t now = footfall__boottime_ms();
        int64_t until = one->ai_next != NULL ? now + (call->deadline_ms - now) / 2 : call->deadline_ms;
        fd = connect_to(one->ai_addr, one->ai_addrlen, until, &reason);
    }
    freeaddrinfo(found);
    return fd >= 0 ? fd : unreachable(call, address->host, address->port, reason);
}
