/* connections.c: a record for each connection, limits on how many there are, and a sweep that cuts off those that take too long:
 * libmicrohttpd's own timeout begins anew with every byte. */
#include "server.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SWEEP_MIN_MS = 25, SWEEP_MAX_MS = 1000, DESCRIPTORS_MAX = 1 << 20 };

int footfall__serve_connections_init(struct footfall_serve *server)
{
    struct rlimit limit;
    server->fd_room = DESCRIPTORS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS_MAX)
        server->fd_room = (uint32_t)limit.rlim_cur;
    server->by_fd = calloc(server->fd_room, sizeof(struct footfall_serve_connection *));
    return server->by_fd != NULL ? 0 : -1;
}

void footfall__serve_connections_free(struct footfall_serve *server)
{
    while (server->all != NULL)
        footfall__serve_disconnect(server->all);
    free(server->by_fd);
    server->by_fd = NULL;
}

/* ---- records ---------------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static int has_too_many(const struct footfall_serve *server, uint64_t key)
{
    uint32_t count = 0;
    if (server->settings.max_per_address == 0 || key == 0)
        return 0;
    for (const struct footfall_serve_connection *c = server->all; c != NULL; c = c->after)
        count += c->key == key;
    return count >= server->settings.max_per_address;
}

/* With the lock held. */
static void enter(struct footfall_serve *server, struct footfall_serve_connection *c)
{
    c->after = server->all;
    if (server->all != NULL)
        server->all->before = c;
    server->all = c;
    server->by_fd[c->fd] = c;
    server->open++;
}

struct footfall_serve_connection *footfall__serve_connect(struct footfall_serve *server, int fd, const char *peer)
{
    struct footfall_serve_connection *c = NULL;
    int refused = 0;
    if ((uint32_t)fd >= server->fd_room)
        return NULL;
    if (server->by_fd[fd] != NULL) /* libmicrohttpd had no memory for it, and told nobody */
        footfall__serve_disconnect(server->by_fd[fd]);
    c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->server = server;
    c->fd = fd;
    if (peer != NULL)
        memcpy(c->peer, peer, strlen(peer) + 1);
    if (server->settings.max_per_address > 0)
        c->key = footfall__web_peer_key(server->web, peer);
    atomic_init(&c->phase, FOOTFALL_SERVE_WAITING);
    atomic_init(&c->since_ms, footfall__serve_ms());
    pthread_mutex_lock(&server->lock);
    refused = has_too_many(server, c->key);
    if (!refused)
        enter(server, c);
    pthread_mutex_unlock(&server->lock);
    if (refused) {
        free(c);
        return NULL;
    }
    return c;
}

void footfall__serve_disconnect(struct footfall_serve_connection *c)
{
    struct footfall_serve *server = c->server;
    pthread_mutex_lock(&server->lock);
    if (c->before != NULL)
        c->before->after = c->after;
    else
        server->all = c->after;
    if (c->after != NULL)
        c->after->before = c->before;
    if (server->by_fd[c->fd] == c)
        server->by_fd[c->fd] = NULL;
    server->open--;
    pthread_mutex_unlock(&server->lock);
    footfall__serve_request_free(&c->request);
    free(c);
    if (atomic_exchange(&server->is_full, 0)) {
        uint64_t one = 1;
        while (write(server->wake, &one, sizeof one) < 0 && errno == EINTR)
            ;
    }
}

void footfall__serve_notified(void *user, struct MHD_Connection *mhd, void **context,
                              enum MHD_ConnectionNotificationCode code)
{
    struct footfall_serve *server = user;
    struct footfall_serve_connection *c = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *known = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        pthread_mutex_lock(&server->lock);
        c = known != NULL ? server->by_fd[known->connect_fd] : NULL;
        pthread_mutex_unlock(&server->lock);
        if (c != NULL)
            c->mhd = mhd;
        *context = c;
    } else if (c != NULL) { /* its descriptor is still open */
        *context = NULL;
        footfall__serve_disconnect(c);
    }
}

/* ---- what takes too long ---------------------------------------------------------------------------------------------- */

int footfall__serve_phase(struct footfall_serve_connection *c, enum footfall_serve_phase phase)
{
    int now = atomic_load_explicit(&c->phase, memory_order_relaxed);
    if (now == FOOTFALL_SERVE_CUT)
        return -1;
    atomic_store_explicit(&c->since_ms, footfall__serve_ms(),
                          memory_order_relaxed); /* before: the sweep must not see an old one */
    return atomic_compare_exchange_strong(&c->phase, &now, (int)phase) ? 0 : -1;
}

/* What has come in so far; 0 where nobody knows (a Unix socket). */
static uint64_t bytes_received(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t bytes = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0 ||
        bytes < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return 0;
    return info.tcpi_bytes_received;
}

/* Has a request begun whose first line is not there yet? */
static void look_for_begin(struct footfall_serve_connection *c, int64_t now_ms)
{
    uint32_t requests = atomic_load_explicit(&c->requests, memory_order_relaxed);
    uint64_t bytes = bytes_received(c->fd);
    if (requests != c->seen_requests) {
        c->seen_requests = requests;
        c->begun_ms = 0;
    } else if (bytes != c->seen_bytes && c->begun_ms == 0) {
        c->begun_ms = now_ms;
    }
    c->seen_bytes = bytes;
}

static int is_overdue(struct footfall_serve_connection *c, enum footfall_serve_phase phase, int64_t now_ms)
{
    const struct footfall_serve_settings *settings = &c->server->settings;
    int64_t since = atomic_load_explicit(&c->since_ms, memory_order_relaxed);
    int64_t longest = settings->request_ms;
    if (phase == FOOTFALL_SERVE_WAITING)
        look_for_begin(c, now_ms);
    switch (phase) {
    case FOOTFALL_SERVE_WAITING:
        if (c->begun_ms == 0)
            longest = settings->idle_ms;
        else
            since = c->begun_ms;
        break;
    case FOOTFALL_SERVE_READING:
        if (c->begun_ms != 0 && atomic_load_explicit(&c->requests, memory_order_relaxed) == c->seen_requests)
            since = c->begun_ms;
        break;
    case FOOTFALL_SERVE_SENDING:
        if (settings->idle_ms > longest)
            longest = settings->idle_ms;
        break;
    default:
        return 0;
    }
    return now_ms - since > longest;
}

int64_t footfall__serve_sweep(struct footfall_serve *server)
{
    const struct footfall_serve_settings *settings = &server->settings;
    int64_t now_ms = footfall__serve_ms();
    int64_t next = (settings->request_ms < settings->idle_ms ? settings->request_ms : settings->idle_ms) / 8;
    pthread_mutex_lock(&server->lock); /* no descriptor is closed, and perhaps reused, meanwhile */
    for (struct footfall_serve_connection *c = server->all; c != NULL; c = c->after) {
        int phase = atomic_load(&c->phase);
        if (!is_overdue(c, (enum footfall_serve_phase)phase, now_ms) ||
            !atomic_compare_exchange_strong(&c->phase, &phase, FOOTFALL_SERVE_CUT))
            continue;
        shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees it end, and closes it */
        atomic_fetch_add_explicit(&server->counts.cut, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&server->lock);
    return next < SWEEP_MIN_MS ? SWEEP_MIN_MS : next > SWEEP_MAX_MS ? SWEEP_MAX_MS : next;
}
