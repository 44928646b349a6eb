/* sockets.c: the sockets of a client (sockets.h). */
#include "sockets.h"

#include <fcntl.h>
#include <unistd.h>

void footfall__dynamodb_sockets_init(struct dynamodb_sockets *s, _Atomic uint64_t *connects)
{
    for (size_t i = 0; i < DYNAMODB_SOCKETS; i++)
        s->fds[i] = -1;
    s->connects = connects;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct dynamodb_sockets *s = user;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    (void)purpose;
    for (size_t i = 0; fd >= 0 && i < DYNAMODB_SOCKETS; i++)
        if (s->fds[i] < 0) {
            s->fds[i] = fd;
            atomic_fetch_add_explicit(s->connects, 1, memory_order_relaxed);
            return fd;
        }
    if (fd >= 0)
        (void)close(fd);
    return CURL_SOCKET_BAD;
}

static int close_socket(void *user, curl_socket_t fd)
{
    struct dynamodb_sockets *s = user;
    for (size_t i = 0; i < DYNAMODB_SOCKETS; i++)
        if (s->fds[i] == fd)
            s->fds[i] = -1;
    return close(fd);
}

void footfall__dynamodb_sockets_disown(struct dynamodb_sockets *s)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (size_t i = 0; i < DYNAMODB_SOCKETS; i++)
        if (s->fds[i] >= 0 && (nowhere < 0 || dup3(nowhere, s->fds[i], O_CLOEXEC) < 0))
            (void)close(s->fds[i]);
    if (nowhere >= 0)
        (void)close(nowhere);
}

int footfall__dynamodb_sockets_use(struct dynamodb_sockets *s, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, s) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, s) == CURLE_OK
               ? 0
               : -1;
}
