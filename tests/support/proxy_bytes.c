/* proxy_bytes.c: the proxy's buffers and sockets (proxy_link.h). */
#include "proxy_link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"

enum { RECV_BYTES = 128 << 10 };

/* Room for this many more bytes. */
static void make_room(struct proxy_buffer *buffer, size_t more)
{
    if (buffer->room - buffer->first - buffer->count >= more)
        return;
    if (buffer->first > 0 && buffer->count > 0)
        memmove(buffer->room_at, buffer->room_at + buffer->first, buffer->count);
    buffer->first = 0;
    if (buffer->room - buffer->count >= more)
        return;
    buffer->room = (buffer->count + more) * 2;
    buffer->room_at = realloc(buffer->room_at, buffer->room);
    if (buffer->room_at == NULL)
        support_die("proxy: realloc");
}

void proxy_buffer_add(struct proxy_buffer *buffer, const void *bytes, size_t count)
{
    if (count == 0)
        return;
    make_room(buffer, count);
    memcpy(buffer->room_at + buffer->first + buffer->count, bytes, count);
    buffer->count += count;
}

void proxy_buffer_take(struct proxy_buffer *buffer, size_t count)
{
    buffer->first += count;
    buffer->count -= count;
    if (buffer->count == 0)
        buffer->first = 0;
}

const unsigned char *proxy_buffer_at(const struct proxy_buffer *buffer)
{
    return buffer->count > 0 ? buffer->room_at + buffer->first : (const unsigned char *)"";
}

static ssize_t moved(ssize_t bytes)
{
    if (bytes >= 0)
        return bytes > 0 ? bytes : -1;
    return errno == EAGAIN || errno == EINTR ? 0 : -2;
}

ssize_t proxy_buffer_recv(struct proxy_buffer *buffer, int fd)
{
    ssize_t got = 0;
    make_room(buffer, RECV_BYTES);
    got = moved(recv(fd, buffer->room_at + buffer->first + buffer->count, RECV_BYTES, 0));
    buffer->count += got > 0 ? (size_t)got : 0;
    return got;
}

ssize_t proxy_buffer_send(struct proxy_buffer *buffer, int fd, size_t most)
{
    ssize_t put = 0;
    if (most > buffer->count)
        most = buffer->count;
    if (most == 0)
        return 0;
    put = moved(send(fd, proxy_buffer_at(buffer), most, MSG_NOSIGNAL));
    if (put > 0)
        proxy_buffer_take(buffer, (size_t)put);
    return put;
}

void proxy_socket_address(struct proxy_socket *out, const struct support_proxy_address *address)
{
    *out = (struct proxy_socket){ 0 };
    if (address->path != NULL) {
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->at.room;
        const size_t length = strlen(address->path);
        if (length >= sizeof un->sun_path)
            support_die("proxy: the socket's path is too long");
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, address->path, length);
        out->bytes = sizeof *un;
    } else {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)&out->at.room;
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons(address->port);
        out->bytes = sizeof *in;
    }
}

int proxy_socket_open(const struct proxy_socket *address)
{
    const int fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0)
        support_die("proxy: socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a Unix socket, which needs none */
    return fd;
}

int proxy_socket_accept(int listener)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int proxy_socket_holds(int fd)
{
    int bytes = 0;
    return ioctl(fd, SIOCOUTQNSD, &bytes) == 0 && bytes > 0; /* a Unix socket has no such queue */
}

void proxy_socket_end(int *fd, enum proxy_end how)
{
    const struct linger at_once = { .l_onoff = 1 };
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
    if (*fd < 0)
        return;
    /* Closing alone does nothing while a child between fork and exec has the descriptor too. */
    if (how == PROXY_RESET) {
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        (void)connect(*fd, &nowhere, sizeof nowhere);
    }
    shutdown(*fd, SHUT_RDWR);
    close(*fd);
    *fd = -1;
}
