/* bind_loopback.c: preloaded into DynamoDB Local, which listens on every address and has no flag against that: whatever address
 * of IPv4 it binds to becomes 127.0.0.1. The JVM that runs it is told to use no IPv6. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
    struct sockaddr_in loopback;
    if (bytes >= sizeof(loopback) && address->sa_family == AF_INET) {
        memcpy(&loopback, address, sizeof(loopback));
        loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return (int)syscall(SYS_bind, fd, &loopback, sizeof(loopback));
    }
    return (int)syscall(SYS_bind, fd, address, bytes);
}
