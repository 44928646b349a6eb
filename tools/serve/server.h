/* server.h: what a server is made of, and how its parts meet. Seen by tools/serve only.
 *
 * The main thread takes connections (accept.c), looks after those that take too long (connections.c) and waits for signals.
 * libmicrohttpd's threads read requests and write answers (requests.c, answer.c). Completions come on threads of the engine;
 * what has to wait for the store is done on two of blocking.c; upkeep.c has one. */
#ifndef FOOTFALL_SERVE_SERVER_H
#define FOOTFALL_SERVE_SERVER_H
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "listen.h"
#include "serve.h"
#include "settings.h"
#include "web.h"

/* ---- a connection, and the request that is under way on it ------------------------------------------------------------- */

enum footfall_serve_phase {                         /* what the other side is waited for, if it is */
                            FOOTFALL_SERVE_WAITING, /* for a request's first line */
                            FOOTFALL_SERVE_READING, /* for the rest of it */
                            FOOTFALL_SERVE_WORKING, /* for nothing: the store has it */
                            FOOTFALL_SERVE_SENDING, /* to take the answer */
                            FOOTFALL_SERVE_CUT /* for nothing any more: it has taken too long, and its socket is shut down */
};

enum footfall_serve_step {
    FOOTFALL_SERVE_NONE,
    FOOTFALL_SERVE_LINE,    /* the request line is there */
    FOOTFALL_SERVE_BODY,    /* the header too */
    FOOTFALL_SERVE_TAKEN,   /* all of it, and the exchange has begun */
    FOOTFALL_SERVE_STARTED, /* the store has it; the connection is suspended */
    FOOTFALL_SERVE_BLOCKED, /* blocking.c has it; suspended */
    FOOTFALL_SERVE_CROWDED, /* blocking.c would not have it */
    FOOTFALL_SERVE_ANSWERED /* the response is libmicrohttpd's to send */
};

enum { FOOTFALL_SERVE_HEADERS = 24 /* that need no memory of their own */ };

struct footfall_serve_request {
    enum footfall_serve_step step;
    int64_t began_us; /* 0 unless it is logged */
    const char *wire; /* the target where libmicrohttpd read it; only to be compared */
    char *target;     /* a copy of it, as it was on the wire; the memory stays with the connection */
    size_t target_bytes, target_room;
    char *body;          /* or NULL */
    uint64_t body_bytes; /* that have come, whether they are kept or not */
    int keeps_body, too_large;
    int is_busy; /* counted so */
    struct footfall_web_request asked;
    struct footfall_web_header few[FOOTFALL_SERVE_HEADERS], *many;
    struct footfall_web_exchange *exchange;
    int status; /* that was answered */
};

struct footfall_serve_connection {
    struct footfall_serve *server;
    struct footfall_serve_connection *before, *after; /* of all; under the lock of the connections */
    struct footfall_serve_connection *next_blocked;   /* blocking.c */
    struct MHD_Connection *mhd;                       /* NULL until it has started */
    int fd;
    uint64_t key; /* of the peer's address, 0: none */
    char peer[INET6_ADDRSTRLEN];

    _Atomic int phase;         /* enum footfall_serve_phase */
    _Atomic int64_t since_ms;  /* of the phase */
    _Atomic uint32_t requests; /* that have ended */

    /* the sweep's own */
    uint64_t seen_bytes;
    uint32_t seen_requests;
    int64_t begun_ms; /* when a request was first seen to have begun; 0: it has not */

    struct footfall_serve_request request;
};

/* ---- the server ----------------------------------------------------------------------------------------------------------- */

enum footfall_serve_mode {
    FOOTFALL_SERVE_OPEN,
    FOOTFALL_SERVE_STOPPING, /* no new connections; every answer is the last of its connection */
    FOOTFALL_SERVE_REFUSING  /* what comes now is answered 503 */
};

struct footfall_serve_counts { /* all relaxed */
    _Atomic uint64_t connections, refused, cut, accept_failures;
};

struct footfall_serve_blocking { /* blocking.c */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct footfall_serve_connection *first, *last;
    void (*resume)(void *user);
    uint32_t length;
    int ending;
    pthread_t threads[2];
    int started;
};

struct footfall_serve_upkeep { /* upkeep.c */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ending;
    pthread_t thread;
    int started;
};

struct footfall_serve {
    struct footfall_serve_settings settings;
    struct footfall_serve_options options;
    struct footfall *ff;
    struct footfall_web *web;
    struct MHD_Daemon *daemon;
    struct footfall_serve_listener listener;
    int wake;                   /* an eventfd: a connection has ended, and there may be room again */
    _Atomic int is_full;        /* wants to be woken */
    int64_t pause_end_ms;       /* accept has failed: not before this */
    int64_t warned_ms;          /* of that, last */
    _Atomic int mode;           /* enum footfall_serve_mode */
    _Atomic uint32_t under_way; /* requests, from their first line until they have ended */
    _Atomic uint32_t busy;      /* those of them that the store has, or that are being answered */
    _Atomic uint32_t resuming;  /* calls of MHD_resume_connection on other threads, which must be over before it ends */
    _Atomic int64_t active_ms;  /* when something was last under way */
    int knows_counters;
    struct footfall_serve_counts counts;

    pthread_mutex_t lock; /* of the connections */
    struct footfall_serve_connection *all;
    uint32_t open;
    struct footfall_serve_connection *
        *by_fd; /* one slot a descriptor: written by the main thread and, under the lock, at the end */
    uint32_t fd_room;

    struct footfall_serve_blocking blocking;
    struct footfall_serve_upkeep upkeep;
};

static inline int64_t footfall__serve_ms(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One line, if log_level has it (serve.c). */
void footfall__serve_log(const struct footfall_serve *server, enum footfall_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Starts a thread; all of them but libmicrohttpd's. 0, or an errno. */
int footfall__serve_thread(pthread_t *out, void *(*run)(void *), void *user);

/* ---- accept.c ------------------------------------------------------------------------------------------------------------- */

/* Waits for connections and takes them, for wait_ms at most; a signal ends it early when interrupted() is not 0. */
void footfall__serve_accept(struct footfall_serve *server, int64_t wait_ms, int (*interrupted)(void));
/* Only waits, also for signals. */
void footfall__serve_pause(int64_t wait_ms);

/* ---- connections.c -------------------------------------------------------------------------------------------------------- */

int footfall__serve_connections_init(struct footfall_serve *server); /* 0; -1: no memory */
void footfall__serve_connections_free(struct footfall_serve *server);

/* A record for a new connection. NULL: there is none for it (no memory, or its address has too many); close it. */
struct footfall_serve_connection *footfall__serve_connect(struct footfall_serve *server, int fd, const char *peer);
void footfall__serve_disconnect(struct footfall_serve_connection *c);
/* libmicrohttpd's notification: sets the record as the connection's context, and ends it. */
void footfall__serve_notified(void *user, struct MHD_Connection *mhd, void **context,
                              enum MHD_ConnectionNotificationCode code);

/* Cuts those off that take too long. Returns when it is to be called again, in milliseconds from now. */
int64_t footfall__serve_sweep(struct footfall_serve *server);
/* The connection goes on to another phase, on libmicrohttpd's thread. 0; -1: it has been cut off just now, so what has come
 * must not count any more. */
int footfall__serve_phase(struct footfall_serve_connection *c, enum footfall_serve_phase phase);

/* ---- requests.c ----------------------------------------------------------------------------------------------------------- */

/* libmicrohttpd's callbacks, in the order in which they come. */
void *footfall__serve_line(void *user, const char *target, struct MHD_Connection *mhd);
enum MHD_Result footfall__serve_handle(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                       const char *version, const char *body, size_t *body_bytes, void **context);
void footfall__serve_completed(void *user, struct MHD_Connection *mhd, void **context,
                               enum MHD_RequestTerminationCode why);
void footfall__serve_request_free(struct footfall_serve_request *request);

/* ---- answer.c ------------------------------------------------------------------------------------------------------------- */

/* Hands the exchange's response to libmicrohttpd. */
enum MHD_Result footfall__serve_answer(struct footfall_serve_connection *c);
/* The same without an exchange, for what is no HTTP. */
enum MHD_Result footfall__serve_answer_malformed(struct footfall_serve_connection *c);
/* The access log's line. */
void footfall__serve_log_access(const struct footfall_serve_connection *c, int64_t took_us);

/* ---- blocking.c, upkeep.c, metrics.c, notify.c ---------------------------------------------------------------------------- */

int footfall__serve_blocking_start(struct footfall_serve *server); /* 0, or an errno */
void footfall__serve_blocking_end(struct footfall_serve *server);
/* Does the exchange's step, then calls resume(c), on one of the threads. 0; -1: too many wait already. */
int footfall__serve_block(struct footfall_serve_connection *c, void (*resume)(void *user));

int footfall__serve_upkeep_start(struct footfall_serve *server);
void footfall__serve_upkeep_end(struct footfall_serve *server);

void footfall__serve_measure(void *user, footfall_each_metric *each, void *each_user);

/* Tells the service manager ("READY=1"), when there is one. */
void footfall__serve_notify(const char *state);
#endif
