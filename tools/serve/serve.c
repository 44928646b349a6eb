/* serve.c: a server's life: it is put together, runs until it is interrupted, answers what is under way, and ends. */
#include "server.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    STACK_BYTES = 256 * 1024,
    QUIET_MS = 200,     /* stopping: nothing under way for so long, and what comes then is refused */
    PATIENCE_MS = 5000, /* the same, whatever is under way */
    STOP_MS = 8000      /* and by then it ends */
};

/* ---- messages ----------------------------------------------------------------------------------------------------------- */

static void log_va(const struct footfall_serve *server, enum footfall_log_level level, const char *format, va_list args)
{
    char line[512];
    if (level > server->settings.log_level || server->options.log == NULL)
        return;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    server->options.log(server->options.log_user, level, line);
}

void footfall__serve_log(const struct footfall_serve *server, enum footfall_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_va(server, level, format, args);
    va_end(args);
}

static void log_web(void *user, enum footfall_log_level level, const char *line)
{
    footfall__serve_log(user, level, "%s", line);
}

/* libmicrohttpd's own: mostly about clients that have gone. */
static void log_mhd(void *user, const char *format, va_list args)
{
    log_va(user, FOOTFALL_LOG_DEBUG, format, args);
}

static void panic(void *user, const char *file, unsigned line, const char *reason)
{
    footfall__serve_log(user, FOOTFALL_LOG_ERROR, "libmicrohttpd gives up (%s:%u): %s", file, line,
                        reason != NULL ? reason : "?");
    abort();
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

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

/* ---- start -------------------------------------------------------------------------------------------------------------- */

int footfall__serve_check(const struct footfall_config *config, struct footfall_error *err)
{
    struct footfall_serve_settings settings;
    return footfall__serve_settings_read(&settings, config, err);
}

/* Few arenas and short-lived memory given back: the answers of many threads would otherwise leave holes in all of them. */
static void keep_memory_small(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

static struct footfall_serve *new_server(struct footfall *ff, const struct footfall_serve_options *options)
{
    struct footfall_serve *server = calloc(1, sizeof *server);
    pthread_condattr_t clock;
    if (server == NULL)
        return NULL;
    server->ff = ff;
    server->options = *options;
    server->listener.fd = -1;
    server->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->blocking.lock, NULL);
    pthread_mutex_init(&server->upkeep.lock, NULL);
    pthread_cond_init(&server->blocking.changed, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&server->upkeep.changed, &clock);
    pthread_condattr_destroy(&clock);
    return server;
}

static void make_room(struct footfall_serve *server)
{
    uint32_t wanted = server->settings.max_connections, room = footfall__serve_room(wanted);
    if (room >= wanted)
        return;
    server->settings.max_connections = room;
    footfall__serve_log(server, FOOTFALL_LOG_WARN,
                        "http.max_connections is %u, but the limit of open files (ulimit -n) leaves room for %u",
                        wanted, room);
}

static int open_web(struct footfall_serve *server, const struct footfall_config *config, struct footfall_error *err)
{
    struct footfall_web_options options = { .page_at_root = 1,
                                            .limit_counters = 1,
                                            .log = log_web,
                                            .log_user = server,
                                            .measure = footfall__serve_measure,
                                            .measure_user = server };
    struct footfall_error why;
    int rc = footfall__web_open(&server->web, server->ff, config, &options, err);
    if (rc != FOOTFALL_OK)
        return rc;
    server->knows_counters = footfall__web_know_counters(server->web, &why) == FOOTFALL_OK;
    if (!server->knows_counters)
        footfall__serve_log(server, FOOTFALL_LOG_WARN, "cannot count the counters yet, so no new ones are made: %s",
                            why.text);
    return FOOTFALL_OK;
}

/* A connection's memory holds the header as it came, what libmicrohttpd notes of each line, a copy of the cookies, and the
 * header of the answer. */
static size_t memory_of(size_t header_bytes)
{
    return header_bytes + header_bytes / 2 + 4096;
}

static int start_mhd(struct footfall_serve *server, struct footfall_error *err)
{
    const struct footfall_serve_settings *settings = &server->settings;
    uint64_t per_thread = settings->max_connections; /* the limit over all is accept.c's */
    uint64_t limit = per_thread * settings->threads;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)limit, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)memory_of(settings->header_bytes), NULL },
        { MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
        { settings->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)settings->threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    MHD_set_panic_func(panic, server);
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                             MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG,
                         0, NULL, NULL, footfall__serve_handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, server,
                         MHD_OPTION_URI_LOG_CALLBACK, footfall__serve_line, server, MHD_OPTION_NOTIFY_COMPLETED,
                         footfall__serve_completed, server, MHD_OPTION_NOTIFY_CONNECTION, footfall__serve_notified,
                         server, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (server->daemon != NULL)
        return FOOTFALL_OK;
    return footfall__serve_fail(err, FOOTFALL_BROKEN, errno, "cannot start the HTTP server: %s", strerror(errno));
}

static int start_threads(struct footfall_serve *server, struct footfall_error *err)
{
    sigset_t all, before;
    int reason = 0, rc = FOOTFALL_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all,
                    &before); /* those that the engine starts, when it is first asked, have it from these */
    reason = footfall__serve_blocking_start(server);
    if (reason == 0)
        reason = footfall__serve_upkeep_start(server);
    if (reason != 0)
        rc = footfall__serve_fail(err, FOOTFALL_NO_MEMORY, reason, "cannot start a thread: %s", strerror(reason));
    else
        rc = start_mhd(server, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int footfall__serve_start(struct footfall_serve **out, struct footfall *ff, const struct footfall_config *config,
                          const struct footfall_serve_options *options, struct footfall_error *err)
{
    struct footfall_serve *server = NULL;
    int rc = FOOTFALL_OK;
    *out = NULL;
    keep_memory_small();
    server = new_server(ff, options);
    if (server == NULL || server->wake < 0) {
        footfall__serve_end(server);
        return footfall__serve_fail(err, FOOTFALL_NO_MEMORY, errno, "cannot start the HTTP server: %s",
                                    strerror(errno));
    }
    rc = footfall__serve_settings_read(&server->settings, config, err);
    if (rc != FOOTFALL_OK)
        goto cleanup;
    make_room(server);
    if (footfall__serve_connections_init(server) != 0) {
        rc = footfall__serve_fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while starting the HTTP server");
        goto cleanup;
    }
    rc = open_web(server, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__serve_listen(&server->listener, &server->settings.place, err);
    if (rc == FOOTFALL_OK)
        rc = start_threads(server, err);
cleanup:
    if (rc == FOOTFALL_OK)
        *out = server;
    else
        footfall__serve_end(server);
    return rc;
}

const char *footfall__serve_where(const struct footfall_serve *server)
{
    return server->listener.where;
}

/* ---- run and stop ------------------------------------------------------------------------------------------------------- */

/* 1: nothing has been under way for a while. */
static int is_quiet(const struct footfall_serve *server, int64_t begin_ms)
{
    int64_t since = atomic_load(&server->active_ms);
    if (since < begin_ms)
        since = begin_ms;
    return atomic_load(&server->under_way) == 0 && footfall__serve_ms() - since >= QUIET_MS;
}

static int is_busy(const struct footfall_serve *server)
{
    return atomic_load(&server->busy) > 0 || atomic_load(&server->resuming) > 0;
}

/* Requests that still wait for the store. */
static int are_waiting(struct footfall_serve *server)
{
    int found = 0;
    pthread_mutex_lock(&server->lock);
    for (struct footfall_serve_connection *c = server->all; c != NULL && !found; c = c->after)
        found = atomic_load(&c->phase) == FOOTFALL_SERVE_WORKING;
    pthread_mutex_unlock(&server->lock);
    return found || atomic_load(&server->resuming) > 0;
}

/* 0; 1: there are some of those. */
static int stop(struct footfall_serve *server)
{
    int64_t begin_ms = footfall__serve_ms(), waited_ms = 0;
    footfall__serve_notify("STOPPING=1");
    atomic_store(&server->mode, FOOTFALL_SERVE_STOPPING);
    footfall__serve_listen_end(&server->listener);
    while (!is_quiet(server, begin_ms) && waited_ms < PATIENCE_MS) {
        footfall__serve_pause(10);
        footfall__serve_sweep(server);
        waited_ms = footfall__serve_ms() - begin_ms;
    }
    atomic_store(&server->mode, FOOTFALL_SERVE_REFUSING);
    while (is_busy(server) && waited_ms < STOP_MS) {
        footfall__serve_pause(5);
        footfall__serve_sweep(server);
        waited_ms = footfall__serve_ms() - begin_ms;
    }
    return are_waiting(server);
}

int footfall__serve_run(struct footfall_serve *server, int (*interrupted)(void))
{
    int64_t next_ms = footfall__serve_ms();
    footfall__serve_notify("READY=1");
    while (!interrupted()) {
        int64_t wait_ms = next_ms - footfall__serve_ms();
        if (wait_ms <= 0) {
            wait_ms = footfall__serve_sweep(server);
            next_ms = footfall__serve_ms() + wait_ms;
        }
        footfall__serve_accept(server, wait_ms, interrupted);
    }
    return stop(server);
}

void footfall__serve_end(struct footfall_serve *server)
{
    if (server == NULL)
        return;
    footfall__serve_listen_end(&server->listener);
    footfall__serve_blocking_end(server);
    footfall__serve_upkeep_end(server);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    if (server->by_fd != NULL)
        footfall__serve_connections_free(server);
    footfall__web_close(server->web);
    if (server->wake >= 0)
        close(server->wake);
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->blocking.lock);
    pthread_mutex_destroy(&server->upkeep.lock);
    pthread_cond_destroy(&server->blocking.changed);
    pthread_cond_destroy(&server->upkeep.changed);
    free(server);
}
