/* notify.c: tells a service manager how far the server is (sd_notify(3)), so that no library is needed for one datagram. */
#include "server.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

void footfall__serve_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    union {
        struct sockaddr any;
        struct sockaddr_un local;
    } to = { .local.sun_family = AF_UNIX };
    size_t bytes = path != NULL ? strlen(path) : 0;
    int fd = -1;
    if (bytes < 2 || bytes >= sizeof to.local.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.local.sun_path, path, bytes);
    if (path[0] == '@')
        to.local.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, &to.any,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes)) < 0) {
        /* it does not listen: nothing depends on it here */
    }
    close(fd);
}
