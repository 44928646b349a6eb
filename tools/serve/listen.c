/* listen.c: reads http.listen, opens a TCP socket there, or takes the one that a service manager has opened. Unix sockets are
 * made in listen_unix.c. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"

#define UNIX_PREFIX "unix:"
#define HANDED_FD 3 /* SD_LISTEN_FDS_START */

/* ---- http.listen ------------------------------------------------------------------------------------------------------ */

static int wanted(struct footfall_error *err, const char *text, const char *what)
{
    return footfall__serve_fail(err, FOOTFALL_CONFIG, 0,
                                "http.listen: \"%.80s\": %s; wanted is ADDRESS:PORT, [ADDRESS]:PORT or unix:/path",
                                text, what);
}

static int read_unix(struct footfall_serve_place *out, const char *text, struct footfall_error *err)
{
    const char *path = text + sizeof UNIX_PREFIX - 1;
    size_t bytes = strlen(path);
    struct sockaddr_un *address = &out->address.local;
    if (path[0] != '/')
        return wanted(err, text, "the path does not begin with /");
    if (path[bytes - 1] == '/')
        return wanted(err, text, "the path is a folder's");
    if (bytes >= sizeof address->sun_path)
        return footfall__serve_fail(err, FOOTFALL_CONFIG, 0,
                                    "http.listen: the path of a Unix socket has at most %zu bytes, this one has %zu",
                                    sizeof address->sun_path - 1, bytes);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, bytes + 1);
    out->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + 1);
    return FOOTFALL_OK;
}

/* Digits alone, at most 65535. */
static int is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0' && strtol(text, NULL, 10) <= 65535;
}

/* "127.0.0.1" or "::1" without the brackets, and digits. */
static int read_numbers(struct footfall_serve_place *out, const char *host, const char *port, int family)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                              .ai_family = family,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    struct in_addr strict;
    if (family == AF_INET && inet_pton(AF_INET, host, &strict) != 1) /* getaddrinfo takes "127.1" too */
        return -1;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    memcpy(&out->address.room, found->ai_addr, found->ai_addrlen);
    out->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int footfall__serve_place_read(struct footfall_serve_place *out, const char *text, struct footfall_error *err)
{
    char host[128];
    const char *colon = NULL, *begin = text;
    size_t bytes = 0;
    int family = AF_INET;
    memset(out, 0, sizeof *out);
    if (text == NULL || text[0] == '\0')
        return footfall__serve_fail(err, FOOTFALL_CONFIG, 0, "http.listen has no value");
    if (strncmp(text, UNIX_PREFIX, sizeof UNIX_PREFIX - 1) == 0)
        return read_unix(out, text, err);
    colon = strrchr(text, ':');
    if (colon == NULL)
        return wanted(err, text, "there is no port");
    if (!is_port(colon + 1))
        return wanted(err, text, "the port is no number from 0 to 65535");
    bytes = (size_t)(colon - text);
    if (text[0] == '[') {
        if (bytes < 2 || colon[-1] != ']')
            return wanted(err, text, "the bracket is not closed");
        begin++;
        bytes -= 2;
        family = AF_INET6;
    }
    if (bytes == 0)
        return wanted(err, text, "there is no address");
    if (bytes >= sizeof host)
        return wanted(err, text, "that is no address");
    memcpy(host, begin, bytes);
    host[bytes] = '\0';
    if (family == AF_INET && strchr(host, ':') != NULL)
        return wanted(err, text, "an IPv6 address needs brackets");
    if (read_numbers(out, host, colon + 1, family) != 0)
        return wanted(err, text, "that is no address");
    return FOOTFALL_OK;
}

/* ---- sockets ---------------------------------------------------------------------------------------------------------- */

static void say_where(struct footfall_serve_listener *l)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
        struct sockaddr_un local;
    } bound = { 0 };
    socklen_t bytes = sizeof bound.room;
    char host[96] = "?", port[8] = "?";
    if (getsockname(l->fd, &bound.any, &bytes) != 0)
        return;
    if (bound.any.sa_family == AF_UNIX) {
        size_t length =
            bytes > offsetof(struct sockaddr_un, sun_path) ? bytes - offsetof(struct sockaddr_un, sun_path) : 0;
        l->is_unix = 1;
        if (length > 0 && bound.local.sun_path[0] == '\0') /* an abstract name of a service manager's */
            bound.local.sun_path[0] = '@';
        snprintf(l->where, sizeof l->where, UNIX_PREFIX "%.*s", (int)length, bound.local.sun_path);
        return;
    }
    getnameinfo(&bound.any, bytes, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(l->where, sizeof l->where, bound.any.sa_family == AF_INET6 ? "http://[%s]:%s/" : "http://%s:%s/", host,
             port);
}

static int listen_tcp(struct footfall_serve_listener *l, const struct footfall_serve_place *place,
                      struct footfall_error *err)
{
    const int on = 1, off = 0;
    char host[96] = "?", port[8] = "?";
    l->fd = socket(place->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (place->address.any.sa_family != AF_INET6 ||
         setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(l->fd, &place->address.any, place->address_bytes) == 0 && listen(l->fd, SOMAXCONN) == 0)
        return FOOTFALL_OK;
    getnameinfo(&place->address.any, place->address_bytes, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    return footfall__serve_fail(err, FOOTFALL_BROKEN, errno, "http.listen: cannot listen on %s, port %s: %s", host,
                                port, strerror(errno));
}

/* ---- from a service manager ------------------------------------------------------------------------------------------- */

/* Sockets that are meant for this process: how many; 0: none. */
static long handed(void)
{
    const char *process = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (process == NULL || count == NULL || strtol(process, NULL, 10) != (long)getpid())
        return 0;
    return strtol(count, NULL, 10);
}

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t bytes = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

static int take_handed(struct footfall_serve_listener *l, long count, struct footfall_error *err)
{
    int family = 0, flags = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (count != 1)
        return footfall__serve_fail(err, FOOTFALL_CONFIG, 0, "LISTEN_FDS: %ld sockets were handed over; one is wanted",
                                    count);
    family = option_of(HANDED_FD, SO_DOMAIN);
    if (option_of(HANDED_FD, SO_TYPE) != SOCK_STREAM || option_of(HANDED_FD, SO_ACCEPTCONN) != 1 ||
        (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
        return footfall__serve_fail(
            err, FOOTFALL_CONFIG, 0,
            "LISTEN_FDS: what was handed over is no TCP or Unix socket that listens (Accept=no is "
            "wanted)");
    flags = fcntl(HANDED_FD, F_GETFL);
    if (flags < 0 || fcntl(HANDED_FD, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(HANDED_FD, F_SETFD, FD_CLOEXEC) != 0)
        return footfall__serve_fail(err, FOOTFALL_BROKEN, errno, "LISTEN_FDS: %s", strerror(errno));
    l->fd = HANDED_FD;
    return FOOTFALL_OK;
}

int footfall__serve_listen(struct footfall_serve_listener *out, const struct footfall_serve_place *place,
                           struct footfall_error *err)
{
    long count = handed();
    int rc = FOOTFALL_OK;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (count > 0)
        rc = take_handed(out, count, err);
    else if (place->address.any.sa_family == AF_UNIX)
        rc = footfall__serve_listen_unix(out, place, err);
    else
        rc = listen_tcp(out, place, err);
    if (rc == FOOTFALL_OK)
        say_where(out);
    else
        footfall__serve_listen_end(out);
    return rc;
}

void footfall__serve_listen_end(struct footfall_serve_listener *listener)
{
    if (listener->fd < 0)
        return;
    footfall__serve_remove_unix(listener);
    close(listener->fd);
    listener->fd = -1;
    listener->path[0] = '\0';
}
