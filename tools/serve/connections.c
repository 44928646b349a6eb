/* connections.c: a record for each connection, and a sweep that cuts off those that take too long: libmicrohttpd's own timeout
 * begins anew with every byte. */
#include "server.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SWEEP_MIN_MS = 25,
    SWEEP_MAX_MS = 1000,
    IDLE_MS = 1000 /* without a request, and it may have to make way for others */
};

/* ---- records ------------------------------------------------------------------------------------------------------------ */

static struct footfall_serve_loop *least_of(const struct footfall_serve *server)
{
    struct footfall_serve_loop *least = &server->loops[0];
    for (uint32_t i = 1; i < server->settings.threads; i++)
        if (atomic_load(&server->loops[i].open) < atomic_load(&least->open))
            least = &server->loops[i];
    return least;
}

struct footfall_serve_connection *footfall__serve_connect(struct footfall_serve *server, int fd, const char *peer)
{
    struct footfall_serve_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    if (server->settings.max_per_address > 0)
        c->key = footfall__web_peer_key(server->web, peer);
    if (footfall__serve_address_enter(server, c->key) != 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    if (peer != NULL)
        memcpy(c->peer, peer, strlen(peer) + 1);
    c->since_ms = footfall__serve_ms();
    c->loop = least_of(server);
    atomic_fetch_add(&c->loop->open, 1);
    atomic_fetch_add(&server->open, 1);
    return c;
}

void footfall__serve_disconnect(struct footfall_serve_connection *c)
{
    struct footfall_serve *server = c->loop->server;
    uint64_t one = 1;
    footfall__serve_address_leave(server, c->key);
    footfall__serve_request_free(&c->request);
    atomic_fetch_sub(&c->loop->open, 1);
    atomic_fetch_sub(&server->open, 1);
    free(c);
    if (atomic_load(&server->is_full) && atomic_exchange(&server->is_full, 0))
        while (write(server->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

static void enter(struct footfall_serve_connection *c)
{
    struct footfall_serve_loop *loop = c->loop;
    c->after = loop->all;
    if (loop->all != NULL)
        loop->all->before = c;
    loop->all = c;
}

static void leave(struct footfall_serve_connection *c)
{
    if (c->before != NULL)
        c->before->after = c->after;
    else
        c->loop->all = c->after;
    if (c->after != NULL)
        c->after->before = c->before;
}

void footfall__serve_notified(void *user, struct MHD_Connection *mhd, void **context,
                              enum MHD_ConnectionNotificationCode code)
{
    struct footfall_serve_loop *loop = user;
    struct footfall_serve_connection *c = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = loop->starting;
        loop->starting = NULL;
        c->mhd = mhd;
        enter(c);
        *context = c;
    } else if (c != NULL) {
        *context = NULL;
        leave(c);
        footfall__serve_disconnect(c);
    }
}

/* ---- what takes too long ------------------------------------------------------------------------------------------------ */

void footfall__serve_set_phase(struct footfall_serve_connection *c, enum footfall_serve_phase phase)
{
    c->phase = phase;
    c->since_ms = c->loop->now_ms;
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

/* Has a request begun whose first line is not there yet? The first look after an answer only notes how much has come. */
static void look_for_begin(struct footfall_serve_connection *c)
{
    uint64_t bytes = bytes_received(c->fd);
    if (c->begun_ms == 0 && bytes != c->seen_bytes && c->seen_bytes != FOOTFALL_SERVE_UNSEEN)
        c->begun_ms = c->loop->now_ms;
    c->seen_bytes = bytes;
}

static int is_overdue(struct footfall_serve_connection *c)
{
    const struct footfall_serve_settings *settings = &c->loop->server->settings;
    int64_t since_ms = c->since_ms, longest_ms = settings->request_ms;
    if (c->phase == FOOTFALL_SERVE_WAITING)
        look_for_begin(c);
    switch (c->phase) {
    case FOOTFALL_SERVE_WAITING:
    case FOOTFALL_SERVE_READING:
        if (c->begun_ms != 0)
            since_ms = c->begun_ms;
        else if (c->phase == FOOTFALL_SERVE_WAITING)
            longest_ms = settings->idle_ms;
        break;
    case FOOTFALL_SERVE_SENDING:
        if (settings->idle_ms > longest_ms)
            longest_ms = settings->idle_ms;
        break;
    default:
        return 0;
    }
    return c->loop->now_ms - since_ms > longest_ms;
}

static void cut(struct footfall_serve_connection *c)
{
    c->is_cut = 1;
    shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees it end, and closes it */
}

static void cut_late(struct footfall_serve_connection *c)
{
    cut(c);
    atomic_fetch_add_explicit(&c->loop->server->counts.cut, 1, memory_order_relaxed);
}

/* What is there to be read: 1: something; 0: the end; -1: nothing yet. */
static int peek(const struct footfall_serve_connection *c)
{
    char next = 0;
    return (int)recv(c->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
}

/* The other side is gone, or will send no more, and its request will never be whole: libmicrohttpd does not see that when the
 * end comes together with bytes before it. */
static int has_hung_up(const struct footfall_serve_connection *c)
{
    return c->phase <= FOOTFALL_SERVE_READING && peek(c) == 0;
}

void footfall__serve_give_way(struct footfall_serve_loop *loop)
{
    struct footfall_serve_connection *longest = NULL;
    for (struct footfall_serve_connection *c = loop->all; c != NULL; c = c->after)
        if (c->phase == FOOTFALL_SERVE_WAITING && c->begun_ms == 0 && !c->is_cut &&
            (longest == NULL || c->since_ms < longest->since_ms))
            longest = c;
    if (longest == NULL || loop->now_ms - longest->since_ms < IDLE_MS)
        return;
    look_for_begin(longest);
    if (longest->begun_ms == 0 && peek(longest) < 0)
        cut_late(longest);
}

int64_t footfall__serve_sweep(struct footfall_serve_loop *loop)
{
    const struct footfall_serve_settings *settings = &loop->server->settings;
    int64_t next_ms = (settings->request_ms < settings->idle_ms ? settings->request_ms : settings->idle_ms) / 8;
    for (struct footfall_serve_connection *c = loop->all; c != NULL; c = c->after) {
        if (!c->is_cut && is_overdue(c))
            cut_late(c);
        else if (!c->is_cut && has_hung_up(c))
            cut(c);
    }
    return next_ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : next_ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : next_ms;
}
