/* server.h: what a server is made of, and how its parts meet. Seen by tools/serve only.
 *
 * The main thread takes connections (accept.c) and waits for signals. Each connection belongs to one of a few loops (loops.c), a
 * thread with a libmicrohttpd of its own that reads requests, writes answers and cuts off who takes too long (connections.c,
 * requests.c, answer.c). Completions come on threads of the engine, which hand the connection back to its loop. What has to
 * wait for the store is done on two threads (blocking.c), and what is to be done once in a while on another (upkeep.c). */
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

/* ---- a connection, and the request that is under way on it: touched by its loop's thread alone ----------------------------- */

enum footfall_serve_phase {                         /* what the other side is waited for, if it is */
                            FOOTFALL_SERVE_WAITING, /* for a request's first line */
                            FOOTFALL_SERVE_READING, /* for the rest of it */
                            FOOTFALL_SERVE_WORKING, /* for nothing: the store has it */
                            FOOTFALL_SERVE_SENDING  /* to take the answer */
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
    uint64_t length;     /* of the body, as announced; 0 too when it comes in chunks */
    int is_malformed, keeps_body, too_large;
    struct footfall_web_request asked;
    struct footfall_web_header few[FOOTFALL_SERVE_HEADERS], *many;
    struct footfall_web_exchange *exchange;
    int status; /* that was answered */
};

#define FOOTFALL_SERVE_UNSEEN UINT64_MAX

struct footfall_serve_connection {
    struct footfall_serve_loop *loop;
    struct footfall_serve_connection *before, *after; /* of the loop's */
    struct footfall_serve_connection *next; /* of those that wait for blocking.c, or that come back to the loop */
    struct MHD_Connection *mhd;             /* NULL until it has started */
    int fd;
    uint64_t key; /* of the peer's address, if that is counted; 0: none */
    char peer[INET6_ADDRSTRLEN];

    enum footfall_serve_phase phase;
    int64_t since_ms; /* of the phase */
    int is_cut;       /* it has taken too long, and its socket is shut down: what still comes must not count */

    /* of a request whose first line is not there yet */
    uint64_t seen_bytes; /* or FOOTFALL_SERVE_UNSEEN */
    int64_t begun_ms;    /* when it was first seen to have begun; 0: it has not */

    struct footfall_serve_request request;
};

/* ---- loops ---------------------------------------------------------------------------------------------------------------- */

enum footfall_serve_mode {
    FOOTFALL_SERVE_OPEN,
    FOOTFALL_SERVE_STOPPING, /* every answer is the last of its connection */
    FOOTFALL_SERVE_REFUSING, /* what comes now is answered 503 */
    FOOTFALL_SERVE_ENDING    /* the loops end */
};

/* Written by its loop's thread alone, read by others. */
struct footfall_serve_tally {
    _Atomic uint32_t under_way; /* requests, from their first line until they have ended */
    _Atomic uint32_t busy;      /* those of them that are there as a whole */
    _Atomic uint32_t suspended; /* and of those, which wait for the store */
    _Atomic int64_t active_ms;  /* when one last ended */
};

struct footfall_serve_loop {
    struct footfall_serve *server;
    struct MHD_Daemon *daemon;
    int poll_fd; /* libmicrohttpd's */
    int wake_fd; /* an eventfd */
    pthread_t thread;
    int is_started;

    _Atomic(struct footfall_serve_connection *) back; /* a stack of those that are new, or whose outcome is there */
    _Atomic int is_asleep;
    _Atomic int gives_way; /* somebody wants in: one that has nothing to do is to go */
    _Atomic int seen_mode; /* enum footfall_serve_mode: the loop acts by it */
    _Atomic uint32_t open; /* connections */
    struct footfall_serve_tally tally;

    /* the thread's own */
    struct footfall_serve_connection *all, *starting;
    int64_t now_ms, sweep_ms;
    enum footfall_serve_mode mode;
};

/* ---- the server ----------------------------------------------------------------------------------------------------------- */

struct footfall_serve_counts { /* all relaxed */
    _Atomic uint64_t connections, refused, cut, accept_failures;
};

struct footfall_serve_addresses { /* addresses.c */
    pthread_mutex_t lock;
    struct footfall_serve_address **buckets; /* NULL: there is no limit */
};

struct footfall_serve_blocking { /* blocking.c */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct footfall_serve_connection *first, *last;
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
    _Atomic int is_over; /* the store has nothing more of it */
    int knows_counters;
};

struct footfall_serve {
    struct footfall_serve_settings settings;
    struct footfall_serve_options options;
    struct footfall *ff;
    struct footfall_web *web;
    struct footfall_serve_listener listener;
    int is_unix;                   /* as the listener says, which is ended before the connections */
    int wake_fd;                   /* an eventfd: a connection has ended, and there is room again */
    _Atomic int is_full;           /* somebody wants to be woken for that */
    uint32_t next_to_give;         /* the loop that is asked next for a connection to end */
    int64_t pause_end_ms;          /* accept has failed: not before this */
    int64_t warned_ms;             /* of that, last */
    _Atomic int mode;              /* enum footfall_serve_mode */
    _Atomic uint32_t open;         /* connections */
    _Atomic uint32_t handing_back; /* calls of footfall__serve_back on other threads */
    struct footfall_serve_counts counts;
    struct footfall_serve_addresses addresses;
    struct footfall_serve_blocking blocking;
    struct footfall_serve_upkeep upkeep;
    struct footfall_serve_loop *loops; /* settings.threads of them */
};

static inline int64_t footfall__serve_ms(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For what one thread writes and others read. */
static inline void footfall__serve_count(_Atomic uint32_t *n, int change)
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + (uint32_t)change, memory_order_release);
}

/* One line, if log_level has it (serve.c). */
void footfall__serve_log(const struct footfall_serve *server, enum footfall_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void footfall__serve_log_mhd(void *server, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* ---- loops.c -------------------------------------------------------------------------------------------------------------- */

/* Starts a thread, with a small stack. 0, or an errno. */
int footfall__serve_thread(pthread_t *out, void *(*run)(void *), void *user);

int footfall__serve_loops_start(struct footfall_serve *server, struct footfall_error *err);
/* Sets the mode, and wakes the loops for it. */
void footfall__serve_set_mode(struct footfall_serve *server, enum footfall_serve_mode mode);
void footfall__serve_loops_end(struct footfall_serve *server); /* ends the threads; nothing may be suspended */

/* There are as many connections as there may be, and one more wants in: asks a loop to end one that waits for nothing. */
void footfall__serve_make_way(struct footfall_serve *server);

/* To its loop: a new connection, or one that is suspended and goes on. Any thread. It may be gone when this returns. */
void footfall__serve_back(void *connection);

/* ---- memory.c ------------------------------------------------------------------------------------------------------------- */

void footfall__serve_keep_memory_small(void); /* before there are threads */
void footfall__serve_give_back_code(void);    /* after the start; memory too */
void footfall__serve_give_back_memory(void);  /* that is free, to the system */

/* ---- accept.c ------------------------------------------------------------------------------------------------------------- */

/* Waits for connections and takes them, for wait_ms at most; a signal ends it early when interrupted() is not 0. */
void footfall__serve_accept(struct footfall_serve *server, int64_t wait_ms, int (*interrupted)(void));
/* Takes those that wait in the system's queue, which would be reset when the listening socket is closed. */
void footfall__serve_accept_last(struct footfall_serve *server);
/* Only waits, also for signals. */
void footfall__serve_pause(int64_t wait_ms);

/* ---- connections.c -------------------------------------------------------------------------------------------------------- */

/* A record for a new connection, which a loop is to have. NULL: there is none for it (no memory, or its address has too many);
 * close it. */
struct footfall_serve_connection *footfall__serve_connect(struct footfall_serve *server, int fd, const char *peer);
void footfall__serve_disconnect(struct footfall_serve_connection *c);

/* The rest on the loop's thread. libmicrohttpd's notification: */
void footfall__serve_notified(void *loop, struct MHD_Connection *mhd, void **context,
                              enum MHD_ConnectionNotificationCode code);
/* Cuts those off that take too long. Returns when it is to be called again, in milliseconds from now. */
int64_t footfall__serve_sweep(struct footfall_serve_loop *loop);
/* Ends the connection that has waited longest for its next request. */
void footfall__serve_give_way(struct footfall_serve_loop *loop);
void footfall__serve_set_phase(struct footfall_serve_connection *c, enum footfall_serve_phase phase);

/* ---- addresses.c ---------------------------------------------------------------------------------------------------------- */

int footfall__serve_addresses_init(struct footfall_serve *server); /* 0; -1: no memory */
void footfall__serve_addresses_free(struct footfall_serve *server);
/* One connection more from there: 0; -1: there are too many already, or there is no memory. key 0 is not counted. Any thread. */
int footfall__serve_address_enter(struct footfall_serve *server, uint64_t key);
void footfall__serve_address_leave(struct footfall_serve *server, uint64_t key);

/* ---- requests.c ----------------------------------------------------------------------------------------------------------- */

/* libmicrohttpd's callbacks, in the order in which they come. */
void *footfall__serve_line(void *loop, const char *target, struct MHD_Connection *mhd);
enum MHD_Result footfall__serve_handle(void *loop, struct MHD_Connection *mhd, const char *url, const char *method,
                                       const char *version, const char *body, size_t *body_bytes, void **context);
void footfall__serve_completed(void *loop, struct MHD_Connection *mhd, void **context,
                               enum MHD_RequestTerminationCode why);
void footfall__serve_request_free(struct footfall_serve_request *request);

/* ---- headers.c ------------------------------------------------------------------------------------------------------------ */

/* Fills in the request's headers, length and is_malformed. 0; -1: no memory. */
int footfall__serve_take_headers(struct footfall_serve_connection *c, const char *method, const char *version);

/* What libmicrohttpd gets for each connection, in bytes. */
size_t footfall__serve_memory_of(size_t header_bytes);
/* When all of a request is there: whether the connection's memory still has room for an answer's header. */
int footfall__serve_has_room(const struct footfall_serve_connection *c);

/* ---- answer.c ------------------------------------------------------------------------------------------------------------- */

/* Hands the exchange's response to libmicrohttpd. */
enum MHD_Result footfall__serve_answer(struct footfall_serve_connection *c);
/* A status and nothing else, and the connection ends. */
enum MHD_Result footfall__serve_answer_bare(struct footfall_serve_connection *c, int status);
/* The access log's line. */
void footfall__serve_log_access(const struct footfall_serve_connection *c, int64_t took_us);

/* ---- blocking.c, upkeep.c, metrics.c, notify.c ---------------------------------------------------------------------------- */

int footfall__serve_blocking_start(struct footfall_serve *server); /* 0, or an errno */
void footfall__serve_blocking_end(struct footfall_serve *server);
/* Does the exchange's step on one of the threads, and hands the connection back. 0; -1: too many wait already. */
int footfall__serve_block(struct footfall_serve_connection *c);

int footfall__serve_upkeep_start(struct footfall_serve *server);
void footfall__serve_upkeep_stop(struct footfall_serve *server); /* begins nothing more, and waits for nothing */
void footfall__serve_upkeep_end(struct footfall_serve *server);

void footfall__serve_measure(void *server, footfall_each_metric *each, void *each_user);

/* Tells the service manager ("READY=1"), when there is one. */
void footfall__serve_notify(const char *state);
#endif
