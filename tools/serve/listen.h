/* listen.h: where connections come in: a TCP or Unix socket that is opened here, or one that a service manager has opened. */
#ifndef FOOTFALL_SERVE_LISTEN_H
#define FOOTFALL_SERVE_LISTEN_H
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "footfall.h"

struct footfall_serve_place { /* http.listen, read */
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
        struct sockaddr_un local;
    } address;
    socklen_t address_bytes;
};

/* "127.0.0.1:8080", "[::1]:0", "unix:/path". CONFIG says what is wrong with the text. */
int footfall__serve_place_read(struct footfall_serve_place *out, const char *text, struct footfall_error *err);

struct footfall_serve_listener {
    int fd; /* does not block; -1: none */
    int is_unix;
    char where[160];                       /* "http://127.0.0.1:8080/" or "unix:/path" */
    char path[sizeof(struct sockaddr_un)]; /* of the Unix socket that was made here and is to be removed; or "" */
    struct stat made;                      /* it */
};

/* Listens there, or where LISTEN_FDS says (sd_listen_fds(3)): exactly one socket. A Unix socket gets mode 0666: the folder it
 * is in says who may connect. One that nobody listens on any more is replaced, a living one never. On failure out->fd is -1;
 * CONFIG, or BROKEN: somebody else is there, or the system says no. */
int footfall__serve_listen(struct footfall_serve_listener *out, const struct footfall_serve_place *place,
                           struct footfall_error *err);
void footfall__serve_listen_end(struct footfall_serve_listener *listener); /* fd -1 is fine; removes what was made */

/* The same for a Unix socket alone (listen_unix.c). */
int footfall__serve_listen_unix(struct footfall_serve_listener *out, const struct footfall_serve_place *place,
                                struct footfall_error *err);
void footfall__serve_remove_unix(const struct footfall_serve_listener *listener);
#endif
