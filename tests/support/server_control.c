/* server_control.c: see server_control.h. */
#include "server_control.h"
#include "folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static _Noreturn void refuse(const char *what, const char *why)
{
    fprintf(stderr, "test support: server: %s: %s\n", what, why);
    _exit(99);
}

/* Connects; what comes is read from the stream, what goes is sent to its descriptor. fclose() it. */
static FILE *dial(int family, const void *address, size_t bytes, const char *name)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;
    FILE *stream = NULL;
    if (fd < 0)
        support_die("socket");
    do
        rc = connect(fd, address, (socklen_t)bytes);
    while (rc != 0 && errno == EINTR);
    if (rc != 0)
        support_die(name);
    stream = fdopen(fd, "r");
    if (stream == NULL)
        support_die("fdopen");
    return stream;
}

FILE *support_dial_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t bytes = strlen(path);
    if (bytes >= sizeof address.sun_path)
        refuse(path, "too long for a socket");
    memcpy(address.sun_path, path, bytes);
    return dial(AF_UNIX, &address, sizeof address, path);
}

FILE *support_dial_tcp(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return dial(AF_INET, &address, sizeof address, "connect");
}

void support_send_all(FILE *stream, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t put = send(fileno(stream), bytes, count, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            support_die("send");
        bytes += put;
        count -= (size_t)put;
    }
}

char *support_read_line(FILE *stream, const char *end)
{
    char *line = NULL;
    size_t room = 0, want = strlen(end);
    ssize_t got = getline(&line, &room, stream);
    if (got < (ssize_t)want || memcmp(line + got - want, end, want) != 0)
        refuse("reading", "the other side hung up");
    line[(size_t)got - want] = '\0';
    return line;
}

void support_server_control(const char *path, const char *command)
{
    FILE *stream = support_dial_unix(path);
    char *line = support_format("%s\n", command), *answer = NULL;
    support_send_all(stream, line, strlen(line));
    answer = support_read_line(stream, "\n");
    if (strcmp(answer, "ok") != 0)
        refuse(command, answer);
    free(answer);
    free(line);
    fclose(stream);
}
