/* accept.c: takes connections and hands them to the loops, on the main thread, where signals arrive too. Taken here and not by
 * libmicrohttpd so that limits hold over all threads, a lack of descriptors is waited out, and to stop is not to take any more. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
    AT_ONCE = 64,   /* connections, before other things are looked after */
    AT_END = 4096,  /* connections; as long as the system's queue may be */
    PAUSE_MS = 100, /* after accept has failed for want of something */
    WAY_MS = 50,    /* for a connection to make way */
    WARN_EVERY_MS = 60000
};

/* "192.0.2.1"; NULL: it has no address. */
static const char *peer_of(char out[INET6_ADDRSTRLEN], const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, out, INET6_ADDRSTRLEN);
    if (address->ss_family == AF_INET6)
        return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, out, INET6_ADDRSTRLEN);
    return NULL;
}

static void hand_over(struct footfall_serve *server, int fd, const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN];
    struct footfall_serve_connection *c = footfall__serve_connect(server, fd, peer_of(text, address));
    atomic_fetch_add_explicit(&server->counts.connections, 1, memory_order_relaxed);
    if (c != NULL) {
        footfall__serve_back(c);
        return;
    }
    atomic_fetch_add_explicit(&server->counts.refused, 1, memory_order_relaxed);
    close(fd);
}

/* There is something that accept lacks (descriptors, memory). Trying at once again would only burn time. */
static void pause_for(struct footfall_serve *server, int reason)
{
    int64_t now_ms = footfall__serve_ms();
    atomic_fetch_add_explicit(&server->counts.accept_failures, 1, memory_order_relaxed);
    server->pause_end_ms = now_ms + PAUSE_MS;
    if (server->warned_ms != 0 && now_ms - server->warned_ms < WARN_EVERY_MS)
        return;
    server->warned_ms = now_ms;
    footfall__serve_log(server, FOOTFALL_LOG_WARN, "cannot take a connection: %s", strerror(reason));
}

/* 1: there may be more. */
static int take_one(struct footfall_serve *server)
{
    struct sockaddr_storage address = { 0 };
    socklen_t bytes = sizeof address;
    int fd = accept4(server->listener.fd, (struct sockaddr *)&address, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        hand_over(server, fd, &address);
        return 1;
    }
    switch (errno) {
    case EAGAIN:
        return 0;
    case EINTR:
    case ECONNABORTED: /* that one is gone already */
    case EPROTO:
    case EPERM: /* a firewall says no */
        return 1;
    default:
        pause_for(server, errno);
        return 0;
    }
}

/* 1: as many as there may be. From then on the end of one is told. */
static int is_full(struct footfall_serve *server)
{
    atomic_store(&server->is_full, 1);
    if (atomic_load(&server->open) >= server->settings.max_connections)
        return 1;
    atomic_store(&server->is_full, 0);
    return 0;
}

/* Signals come only while this waits, so that none comes between the question and the wait. */
static int wait_for(struct pollfd *what, nfds_t count, int64_t wait_ms, int (*interrupted)(void))
{
    struct timespec wait = { .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000 };
    sigset_t all, before;
    int ready = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!interrupted())
        ready = ppoll(what, count, &wait, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ready;
}

void footfall__serve_accept(struct footfall_serve *server, int64_t wait_ms, int (*interrupted)(void))
{
    struct pollfd what[2] = { { .fd = server->wake_fd, .events = POLLIN },
                              { .fd = server->listener.fd, .events = POLLIN } };
    int64_t pause_ms = server->pause_end_ms - footfall__serve_ms();
    int full = is_full(server);
    uint64_t woken = 0;
    if (pause_ms > 0 && pause_ms < wait_ms)
        wait_ms = pause_ms;
    if (wait_for(what, pause_ms <= 0 ? 2 : 1, wait_ms, interrupted) <= 0)
        return;
    if (what[0].revents != 0 && read(server->wake_fd, &woken, sizeof woken) < 0)
        return;
    if (full && what[0].revents == 0) {
        footfall__serve_make_way(server);
        wait_for(what, 1, WAY_MS, interrupted);
        return;
    }
    for (int i = 0; what[1].revents != 0 && i < AT_ONCE; i++)
        if (is_full(server) || !take_one(server))
            return;
}

void footfall__serve_accept_last(struct footfall_serve *server)
{
    for (int i = 0; i < AT_END && !is_full(server); i++)
        if (!take_one(server))
            return;
}

static int never(void)
{
    return 0;
}

void footfall__serve_pause(int64_t wait_ms)
{
    wait_for(NULL, 0, wait_ms, never);
}
