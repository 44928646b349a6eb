/* serve.h: counters over HTTP: brings requests to the handler (web.h) and its answers back, with libmicrohttpd. Sockets, threads
 * and limits are its affair; what is answered is the handler's. One server a process. */
#ifndef FOOTFALL_SERVE_H
#define FOOTFALL_SERVE_H
#include "footfall.h"
#include "footfall_admin.h"

struct footfall_serve; /* opaque */

struct footfall_serve_options {
    void (*log)(void *user, enum footfall_log_level level, const char *line); /* lines up to log_level. Any thread */
    void *log_user;
};

/* Can a server be made of this configuration, as far as http.* goes that is read here? Opens nothing. OK or CONFIG. */
int footfall__serve_check(const struct footfall_config *config, struct footfall_error *err);

/* Counts the counters, listens, starts the threads, and tells a service manager. ff, config and what the options point to must
 * outlive the server. Called from the process's main thread, before there are others: signals are blocked in those that it
 * starts. The caller owns *out and ends it with footfall__serve_end. Errors: CONFIG, BROKEN (it cannot listen there),
 * NO_MEMORY. */
int footfall__serve_start(struct footfall_serve **out, struct footfall *ff, const struct footfall_config *config,
                          const struct footfall_serve_options *options, struct footfall_error *err);

/* Where it listens: "http://127.0.0.1:8080/", "unix:/run/footfall.sock". Lives as long as the server. */
const char *footfall__serve_where(const struct footfall_serve *server);

enum footfall_serve_left { /* with the store, which has not come back in time */
                           FOOTFALL_SERVE_LEFT_NOTHING,
                           FOOTFALL_SERVE_LEFT_UPKEEP,  /* every request is answered */
                           FOOTFALL_SERVE_LEFT_REQUESTS /* some are not */
};

/* Serves until interrupted() is not 0: it is asked whenever a signal has come, and once in a while. Then no more connections
 * are taken, and what is under way is answered. When anything is left, the process had better end, without
 * footfall__serve_end, which would wait for it. */
enum footfall_serve_left footfall__serve_run(struct footfall_serve *server, int (*interrupted)(void));

void footfall__serve_end(struct footfall_serve *server); /* NULL is fine */
#endif
