/* loops.c: threads that each run a libmicrohttpd without threads of its own. So a connection is touched by one thread alone,
 * and whoever hands one back (a completion of the engine's, as a rule one of a batch) wakes the thread only when it sleeps:
 * libmicrohttpd's own threads would be woken by a system call for each. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024 };

int footfall__serve_thread(pthread_t *out, void *(*run)(void *), void *user)
{
    pthread_attr_t attributes;
    int reason = pthread_attr_init(&attributes);
    if (reason != 0)
        return reason;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    reason = pthread_create(out, &attributes, run, user);
    pthread_attr_destroy(&attributes);
    return reason;
}

/* ---- what comes back ---------------------------------------------------------------------------------------------------- */

static void wake(struct footfall_serve_loop *loop)
{
    uint64_t one = 1;
    if (atomic_exchange(&loop->is_asleep, 0))
        while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

void footfall__serve_back(void *connection)
{
    struct footfall_serve_connection *c = connection;
    struct footfall_serve_loop *loop = c->loop;
    struct footfall_serve *server = loop->server;
    struct footfall_serve_connection *top = atomic_load_explicit(&loop->back, memory_order_relaxed);
    atomic_fetch_add(&server->handing_back, 1);
    do
        c->next = top;
    while (!atomic_compare_exchange_weak(&loop->back, &top, c));
    wake(loop);
    atomic_fetch_sub(&server->handing_back, 1); /* the last that is touched here: the server may end now */
}

static void start_connection(struct footfall_serve_loop *loop, struct footfall_serve_connection *c)
{
    static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC }; /* addresses are our own affair */
    loop->starting = c;
    if (MHD_add_connection(loop->daemon, c->fd, &nowhere, sizeof nowhere) != MHD_YES && loop->starting != NULL)
        footfall__serve_disconnect(c); /* its socket is closed */
    loop->starting = NULL;
}

/* In the order in which they came. */
static void take_back(struct footfall_serve_loop *loop)
{
    struct footfall_serve_connection *c = NULL, *first = NULL;
    if (atomic_load_explicit(&loop->back, memory_order_relaxed) == NULL)
        return;
    c = atomic_exchange(&loop->back, NULL);
    while (c != NULL) {
        struct footfall_serve_connection *next = c->next;
        c->next = first;
        first = c;
        c = next;
    }
    while (first != NULL) {
        c = first;
        first = c->next;
        if (c->mhd == NULL)
            start_connection(loop, c);
        else
            MHD_resume_connection(c->mhd);
    }
}

/* ---- the thread --------------------------------------------------------------------------------------------------------- */

/* Until something comes, or the next sweep. */
static void sleep_for(struct footfall_serve_loop *loop, int64_t wait_ms)
{
    struct pollfd what[2] = { { .fd = loop->poll_fd, .events = POLLIN }, { .fd = loop->wake_fd, .events = POLLIN } };
    uint64_t woken = 0;
    atomic_store(&loop->is_asleep, 1);
    if (atomic_load(&loop->back) == NULL && atomic_load(&loop->server->mode) == (int)loop->mode &&
        poll(what, 2, wait_ms > 0 ? (int)wait_ms : 0) > 0 && what[1].revents != 0)
        (void)!read(loop->wake_fd, &woken, sizeof woken);
    atomic_store(&loop->is_asleep, 0);
}

static int has_more_to_do(struct footfall_serve_loop *loop)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    return MHD_get_timeout(loop->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
}

static void *run(void *user)
{
    struct footfall_serve_loop *loop = user;
    loop->now_ms = footfall__serve_ms();
    loop->sweep_ms = loop->now_ms;
    while (loop->mode != FOOTFALL_SERVE_ENDING) {
        take_back(loop);
        MHD_run(loop->daemon);
        if (!has_more_to_do(loop))
            sleep_for(loop, loop->sweep_ms - loop->now_ms);
        loop->now_ms = footfall__serve_ms();
        loop->mode = (enum footfall_serve_mode)atomic_load(&loop->server->mode);
        atomic_store(&loop->seen_mode, (int)loop->mode);
        if (loop->now_ms >= loop->sweep_ms)
            loop->sweep_ms = loop->now_ms + footfall__serve_sweep(loop);
    }
    take_back(loop);
    return NULL;
}

/* ---- start and end ------------------------------------------------------------------------------------------------------ */

/* A connection's memory holds the header as it came, what libmicrohttpd notes of each of its lines, a copy of the cookies, and
 * the header of the answer. */
size_t footfall__serve_memory(size_t header_bytes)
{
    return header_bytes + 4096;
}

static struct MHD_Daemon *new_daemon(struct footfall_serve_loop *loop)
{
    const struct footfall_serve_settings *settings = &loop->server->settings;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)settings->max_connections, NULL }, /* over all it is accept.c's */
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)footfall__serve_memory(settings->header_bytes), NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        footfall__serve_handle, loop, MHD_OPTION_EXTERNAL_LOGGER, footfall__serve_log_mhd, loop->server,
        MHD_OPTION_URI_LOG_CALLBACK, footfall__serve_line, loop, MHD_OPTION_NOTIFY_COMPLETED, footfall__serve_completed,
        loop, MHD_OPTION_NOTIFY_CONNECTION, footfall__serve_notified, loop, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int start_loop(struct footfall_serve_loop *loop, struct footfall_serve *server)
{
    const union MHD_DaemonInfo *known = NULL;
    int reason = 0;
    loop->server = server;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        return errno;
    loop->daemon = new_daemon(loop);
    if (loop->daemon == NULL)
        return errno != 0 ? errno : ENOMEM;
    known = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (known == NULL)
        return ENOTSUP;
    loop->poll_fd = known->epoll_fd;
    reason = footfall__serve_thread(&loop->thread, run, loop);
    loop->is_started = reason == 0;
    return reason;
}

int footfall__serve_loops_start(struct footfall_serve *server, struct footfall_error *err)
{
    uint32_t count = server->settings.threads;
    int reason = ENOMEM;
    server->loops = calloc(count, sizeof *server->loops);
    if (server->loops == NULL)
        goto failed;
    for (uint32_t i = 0; i < count; i++)
        server->loops[i].wake_fd = -1;
    for (uint32_t i = 0; i < count; i++) {
        reason = start_loop(&server->loops[i], server);
        if (reason != 0)
            goto failed;
    }
    return FOOTFALL_OK;
failed:
    return footfall__serve_fail(err, FOOTFALL_BROKEN, reason, "cannot start the HTTP server: %s", strerror(reason));
}

void footfall__serve_set_mode(struct footfall_serve *server, enum footfall_serve_mode mode)
{
    atomic_store(&server->mode, (int)mode);
    for (uint32_t i = 0; server->loops != NULL && i < server->settings.threads; i++)
        if (server->loops[i].is_started)
            wake(&server->loops[i]);
}

void footfall__serve_loops_end(struct footfall_serve *server)
{
    footfall__serve_set_mode(server, FOOTFALL_SERVE_ENDING);
    for (uint32_t i = 0; server->loops != NULL && i < server->settings.threads; i++) {
        struct footfall_serve_loop *loop = &server->loops[i];
        if (loop->is_started)
            pthread_join(loop->thread, NULL);
        if (loop->daemon != NULL)
            MHD_stop_daemon(loop->daemon);
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
    }
    free(server->loops);
    server->loops = NULL;
}
