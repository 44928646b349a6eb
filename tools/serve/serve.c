/* serve.c: a server's life: it is put together, runs until it is interrupted, answers what is under way, and ends. */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    QUIET_MS = 200,     /* stopping: nothing under way for so long, and what comes then is refused */
    PATIENCE_MS = 5000, /* the same, whatever is under way */
    STOP_MS = 8000,     /* and by then it ends */
    WAIT_MS = 10000     /* for a connection, at a time */
};

/* ---- messages ----------------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 3, 0)))
log_va(const struct footfall_serve *server, enum footfall_log_level level, const char *format, va_list args)
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
void footfall__serve_log_mhd(void *server, const char *format, va_list args)
{
    log_va(server, FOOTFALL_LOG_DEBUG, format, args);
}

static void panic(void *user, const char *file, unsigned line, const char *reason)
{
    footfall__serve_log(user, FOOTFALL_LOG_ERROR, "libmicrohttpd gives up (%s:%u): %s", file, line,
                        reason != NULL ? reason : "?");
    abort();
}

/* ---- start -------------------------------------------------------------------------------------------------------------- */

int footfall__serve_check(const struct footfall_config *config, struct footfall_error *err)
{
    static const struct footfall_web_options silent;
    struct footfall_serve_settings settings;
    struct footfall_web *web = NULL;
    int rc = footfall__serve_settings_read(&settings, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__web_open(&web, NULL, config, &silent, err); /* reads, and asks nothing of the store */
    footfall__web_close(web);
    return rc;
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
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&server->addresses.lock, NULL);
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
    server->upkeep.knows_counters = footfall__web_know_counters(server->web, &why) == FOOTFALL_OK;
    if (!server->upkeep.knows_counters)
        footfall__serve_log(server, FOOTFALL_LOG_WARN, "cannot count the counters yet, so no new ones are made: %s",
                            why.text);
    return FOOTFALL_OK;
}

/* Signals are for the main thread: others, and those that they start, have them blocked. */
static int start_threads(struct footfall_serve *server, struct footfall_error *err)
{
    sigset_t all, before;
    int reason = 0, rc = FOOTFALL_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reason = footfall__serve_blocking_start(server);
    if (reason == 0)
        reason = footfall__serve_upkeep_start(server);
    if (reason != 0)
        rc = footfall__serve_fail(err, FOOTFALL_NO_MEMORY, reason, "cannot start a thread: %s", strerror(reason));
    else
        rc = footfall__serve_loops_start(server, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int footfall__serve_start(struct footfall_serve **out, struct footfall *ff, const struct footfall_config *config,
                          const struct footfall_serve_options *options, struct footfall_error *err)
{
    struct footfall_serve *server = NULL;
    int rc = FOOTFALL_OK;
    *out = NULL;
    footfall__serve_keep_memory_small();
    server = new_server(ff, options);
    MHD_set_panic_func(panic, server);
    if (server == NULL || server->wake_fd < 0) {
        footfall__serve_end(server);
        return footfall__serve_fail(err, FOOTFALL_NO_MEMORY, errno, "cannot start the HTTP server: %s",
                                    strerror(errno));
    }
    rc = footfall__serve_settings_read(&server->settings, config, err);
    if (rc != FOOTFALL_OK)
        goto cleanup;
    make_room(server);
    if (footfall__serve_addresses_init(server) != 0) {
        rc = footfall__serve_fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while starting the HTTP server");
        goto cleanup;
    }
    rc = open_web(server, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__serve_listen(&server->listener, &server->settings.place, err);
    server->is_unix = server->listener.is_unix;
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

struct load { /* of all loops */
    uint32_t under_way, busy, suspended;
    int64_t active_ms;
    int modes_agree; /* all loops act by the server's mode */
};

static struct load load_of(struct footfall_serve *server)
{
    struct load load = { .modes_agree = 1 };
    int mode = atomic_load(&server->mode);
    for (uint32_t i = 0; i < server->settings.threads; i++) {
        struct footfall_serve_loop *loop = &server->loops[i];
        int64_t active_ms = atomic_load(&loop->tally.active_ms);
        load.modes_agree &= atomic_load(&loop->seen_mode) == mode; /* before the counts: after it nothing new begins */
        load.under_way += atomic_load(&loop->tally.under_way);
        load.busy += atomic_load(&loop->tally.busy);
        load.suspended += atomic_load(&loop->tally.suspended);
        load.active_ms = active_ms > load.active_ms ? active_ms : load.active_ms;
    }
    return load;
}

/* Nothing has been under way for a while. */
static int is_quiet(struct footfall_serve *server, int64_t begin_ms)
{
    struct load load = load_of(server);
    int64_t since_ms = load.active_ms > begin_ms ? load.active_ms : begin_ms;
    return load.modes_agree && load.under_way == 0 && footfall__serve_ms() - since_ms >= QUIET_MS;
}

static int is_busy(struct footfall_serve *server)
{
    struct load load = load_of(server);
    return !load.modes_agree || load.busy > 0;
}

/* Of what the loops have given away something is not back. */
static int is_waiting(struct footfall_serve *server)
{
    return load_of(server).suspended > 0 || atomic_load(&server->handing_back) > 0;
}

static enum footfall_serve_left left(struct footfall_serve *server)
{
    if (is_waiting(server))
        return FOOTFALL_SERVE_LEFT_REQUESTS;
    return atomic_load(&server->upkeep.is_over) ? FOOTFALL_SERVE_LEFT_NOTHING : FOOTFALL_SERVE_LEFT_UPKEEP;
}

static enum footfall_serve_left stop(struct footfall_serve *server)
{
    int64_t begin_ms = footfall__serve_ms();
    footfall__serve_notify("STOPPING=1");
    footfall__serve_upkeep_stop(server);
    footfall__serve_set_mode(server, FOOTFALL_SERVE_STOPPING);
    footfall__serve_accept_last(server);
    footfall__serve_listen_end(&server->listener);
    while (!is_quiet(server, begin_ms) && footfall__serve_ms() - begin_ms < PATIENCE_MS)
        footfall__serve_pause(10);
    footfall__serve_set_mode(server, FOOTFALL_SERVE_REFUSING);
    while (is_busy(server) && footfall__serve_ms() - begin_ms < STOP_MS)
        footfall__serve_pause(5);
    while (left(server) != FOOTFALL_SERVE_LEFT_NOTHING && footfall__serve_ms() - begin_ms < STOP_MS)
        footfall__serve_pause(5);
    return left(server);
}

enum footfall_serve_left footfall__serve_run(struct footfall_serve *server, int (*interrupted)(void))
{
    footfall__serve_give_back_code();
    footfall__serve_notify("READY=1");
    while (!interrupted())
        footfall__serve_accept(server, WAIT_MS, interrupted);
    return stop(server);
}

void footfall__serve_end(struct footfall_serve *server)
{
    if (server == NULL)
        return;
    footfall__serve_listen_end(&server->listener);
    footfall__serve_loops_end(server);
    footfall__serve_blocking_end(server);
    footfall__serve_upkeep_end(server);
    footfall__serve_addresses_free(server);
    footfall__web_close(server->web);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    pthread_mutex_destroy(&server->addresses.lock);
    pthread_mutex_destroy(&server->blocking.lock);
    pthread_mutex_destroy(&server->upkeep.lock);
    pthread_cond_destroy(&server->blocking.changed);
    pthread_cond_destroy(&server->upkeep.changed);
    free(server);
}
