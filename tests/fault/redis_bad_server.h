/* redis_bad_server.h: a server that answers the handshake of the Redis backend as a Redis would, and then misbehaves as it is
 * told. One thread, one connection at a time. */
#ifndef FAULT_REDIS_BAD_SERVER_H
#define FAULT_REDIS_BAD_SERVER_H
#include <stddef.h>

/* What happens on one connection. Commands are answered properly until command number `at` of the connection, counted from 0 (TIME,
 * ROLE and two INFO come first, AUTH and SELECT before them when they are asked for; the probe of rights at open is answered
 * properly and not counted); -1: nothing is read at all. */
struct bad_way {
    int at;
    const char *says;    /* sent then; NULL: nothing */
    size_t bytes;        /* of it; 0: as a C string */
    const char *repeats; /* sent over and over after it, until the client is gone; NULL: nothing */
    size_t repeat_bytes;
    int pause_ms;     /* before each of them */
    int random;       /* 1: repeats random bytes instead */
    int closes;       /* 1: then closes; 0: reads what comes, and is silent */
    int never_reads;  /* 1: does not even read, until bad_server_drain */
    int times;        /* more than 0: only for that many commands, each of them; then all are answered properly */
    int batches_only; /* 1: only where a batch is asked for */
    const char *time, *server,
        *memory; /* said to TIME, INFO server, INFO memory: a reply, or the text of INFO; NULL: what is proper */
};

struct bad_server;

/* ways[i] is for connection i, the last one for all that follow. is_unix: on a Unix socket in `folder`. */
struct bad_server *bad_server_start(const struct bad_way *ways, size_t count, const char *folder);
const char *bad_server_url(const struct bad_server *server); /* redis://127.0.0.1:PORT or unix://… */
/* How many commands came whole on the connection that did not read, counted once the client is gone. */
size_t bad_server_drain(struct bad_server *server);
size_t bad_server_connections(const struct bad_server *server);
void bad_server_stop(struct bad_server *server);
#endif
