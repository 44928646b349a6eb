/* redis_bad_server.c: see redis_bad_server.h. It knows of RESP where commands end and what the first word is. */
#include "redis_bad_server.h"

#include "folder.h"
#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { COME, QUIT, PIECE = 65536, KEY_COUNT = 9 + 5 + 42 + 4 /* in EVALSHA, a SHA-1, the number */ };

struct bad_server {
    const struct bad_way *ways;
    size_t count;
    char *url, *path;
    int listener, control[2]; /* a byte: 'd' drain, 'q' quit */
    pthread_t thread;
    atomic_size_t connections;
    int fd; /* of the connection */
    const struct bad_way *way;
    int number, misbehaved; /* commands so far, and those that were answered badly */
    char *in;
    size_t in_bytes, in_room;
    int drained[2]; /* the number that bad_server_drain waits for */
    int probed;     /* open has asked for its rights */
};

/* ---- what came ------------------------------------------------------------------------------------------------------------ */

/* The length of the first command, an array of bulk strings; 0: it is not whole yet. *word: its first word. */
static size_t command_bytes(const char *at, size_t have, const char **word)
{
    const char *end = have > 0 ? at + have : at;
    const char *from = at;
    long words = -1;
    *word = NULL;
    while (words != 0) {
        const char *line = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        long number = 0;
        if (line == NULL)
            return 0;
        number = strtol(from + 1, NULL, 10);
        from = line + 1;
        if (words < 0) {
            words = number;
            continue;
        }
        if (end - from < number + 2)
            return 0;
        *word = *word == NULL ? from : *word;
        from += number + 2;
        words--;
    }
    return (size_t)(from - at);
}

/* Waits for poll's events on the connection: QUIT when the test says so first. */
static int wait_for(struct bad_server *s, short events, int ms)
{
    struct pollfd both[2] = { { .fd = s->control[0], .events = POLLIN }, { .fd = s->fd, .events = events } };
    for (;;) {
        int ready = poll(both, 2, ms);
        if (ready < 0 && errno != EINTR)
            support_die("poll");
        if (ready >= 0)
            return (both[0].revents & POLLIN) != 0 ? QUIT : COME;
    }
}

static void wait_for_test(const struct bad_server *s)
{
    struct pollfd control = { .fd = s->control[0], .events = POLLIN };
    while (poll(&control, 1, -1) < 0)
        if (errno != EINTR)
            support_die("poll");
}

/* 1: more has come; 0: the client is gone, or the test quits. */
static int receive(struct bad_server *s)
{
    ssize_t got = 0;
    if (s->in_room - s->in_bytes < PIECE) {
        s->in_room = s->in_room * 2 + 2 * PIECE;
        s->in = realloc(s->in, s->in_room);
        if (s->in == NULL)
            support_die("realloc");
    }
    if (wait_for(s, POLLIN, -1) == QUIT)
        return 0;
    got = recv(s->fd, s->in + s->in_bytes, s->in_room - s->in_bytes, 0);
    if (got <= 0)
        return 0;
    s->in_bytes += (size_t)got;
    return 1;
}

static void take_off(struct bad_server *s, size_t bytes)
{
    s->in_bytes -= bytes;
    memmove(s->in, s->in + bytes, s->in_bytes);
}

/* ---- what is said ----------------------------------------------------------------------------------------------------------- */

static int say(struct bad_server *s, const char *from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = send(s->fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            return 0;
        if (put < 0 && wait_for(s, POLLOUT, -1) == QUIT)
            return 0;
        if (put > 0) {
            from += put;
            bytes -= (size_t)put;
        }
    }
    return 1;
}

static int say_text(struct bad_server *s, const char *text)
{
    return say(s, text, strlen(text));
}

static int say_bulk(struct bad_server *s, const char *text)
{
    char head[32];
    (void)snprintf(head, sizeof(head), "$%zu\r\n", strlen(text));
    return say_text(s, head) && say_text(s, text) && say_text(s, "\r\n");
}

static int say_info(struct bad_server *s, const char *text)
{
    return strchr("$*+-:", text[0]) != NULL ? say_text(s, text) : say_bulk(s, text);
}

static int is_batch(const char *word)
{
    return strncmp(word, "EVALSHA\r", 8) == 0 && word[KEY_COUNT] == '4';
}

/* Its key ends the command: by the script's text, then by its hash. With replicas to wait for, a WAIT for none. */
static int is_probe(const char *word, size_t bytes)
{
    return word != NULL && ((strncmp(word, "EVAL", 4) == 0 && memmem(word, bytes, ":probe\r\n", 8) != NULL) ||
                            strncmp(word, "WAIT\r\n$1\r\n0\r", 12) == 0);
}

static int answer(struct bad_server *s, const char *word)
{
    if (strncmp(word, "TIME\r", 5) == 0)
        return say_text(s, s->way->time != NULL ? s->way->time : "*2\r\n$10\r\n1700000000\r\n$6\r\n123456\r\n");
    if (strncmp(word, "ROLE\r", 5) == 0)
        return say_text(s, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    if (strncmp(word, "INFO\r\n$6\r\nserver", 16) == 0)
        return s->way->server != NULL ? say_info(s, s->way->server)
                                      : say_bulk(s, "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n");
    if (strncmp(word, "INFO\r\n$6\r\nmemory", 16) == 0)
        return s->way->memory != NULL ? say_info(s, s->way->memory)
                                      : say_bulk(s, "# Memory\r\nmaxmemory_policy:noeviction\r\n");
    if (strncmp(word, "AUTH\r", 5) == 0 || strncmp(word, "SELECT\r", 7) == 0)
        return say_text(s, "+OK\r\n");
    if (strncmp(word, "PING\r", 5) == 0)
        return say_text(s, "+PONG\r\n");
    if (is_batch(word)) /* one operation, and nothing there before it */
        return say_text(s, "*3\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n");
    if (strncmp(word, "EVALSHA\r", 8) == 0) /* no epoch key, and none to drop */
        return say_text(s, word[KEY_COUNT] == '2' ? "$-1\r\n" : "*2\r\n$0\r\n\r\n$1\r\n0\r\n");
    return say_text(s, "-ERR this is no Redis\r\n");
}

static void repeat(struct bad_server *s)
{
    char bytes[PIECE];
    uint64_t seed = 1;
    size_t count = 0;
    if (s->way->random)
        count = sizeof(bytes);
    else
        while (count + s->way->repeat_bytes <= sizeof(bytes) && (count == 0 || s->way->pause_ms == 0)) {
            memcpy(bytes + count, s->way->repeats, s->way->repeat_bytes);
            count += s->way->repeat_bytes;
        }
    for (;;) {
        for (size_t i = 0; i < count && s->way->random; i++)
            bytes[i] = (char)support_random(&seed);
        if ((s->way->pause_ms > 0 && wait_for(s, 0, s->way->pause_ms) == QUIT) || !say(s, bytes, count))
            return;
    }
}

/* 1: the connection goes on. */
static int misbehave(struct bad_server *s)
{
    const struct bad_way *way = s->way;
    s->misbehaved++;
    if (way->says != NULL && !say(s, way->says, way->bytes > 0 ? way->bytes : strlen(way->says)))
        return 0;
    if (way->times > 0)
        return 1;
    if (way->repeats != NULL || way->random)
        repeat(s);
    else if (way->never_reads)
        wait_for_test(s);
    else
        while (!way->closes && receive(s))
            s->in_bytes = 0;
    return 0;
}

static int is_time_to(const struct bad_server *s, const char *word)
{
    const struct bad_way *way = s->way;
    return s->number >= way->at && (!way->batches_only || is_batch(word)) &&
           (way->times == 0 || s->misbehaved < way->times);
}

static void serve(struct bad_server *s)
{
    s->number = s->misbehaved = 0;
    s->in_bytes = 0;
    if (s->way->at < 0) {
        (void)misbehave(s);
        return;
    }
    for (;;) {
        const char *word = NULL;
        size_t bytes = command_bytes(s->in, s->in_bytes, &word);
        if (bytes == 0) {
            if (s->way->never_reads && s->number >= s->way->at && s->probed) {
                (void)misbehave(s);
                return;
            }
            if (!receive(s))
                return;
        } else if (is_probe(word, bytes)) {
            s->probed = strncmp(word, "EVAL\r", 5) != 0;
            if (!say_text(s, word[0] == 'W' ? ":0\r\n" : "$0\r\n\r\n"))
                return;
            take_off(s, bytes);
        } else {
            int bad = is_time_to(s, word);
            s->number++;
            if (bad ? !misbehave(s) : !answer(s, word))
                return;
            take_off(s, bytes);
        }
    }
}

/* After the client has gone: what it sent is still to be read. */
static void count_rest(struct bad_server *s)
{
    size_t commands = 0;
    size_t at = 0;
    size_t bytes = 0;
    const char *word = NULL;
    while (receive(s))
        ;
    while ((bytes = command_bytes(s->in + at, s->in_bytes - at, &word)) > 0) {
        at += bytes;
        commands++;
    }
    if (write(s->drained[1], &commands, sizeof(commands)) != (ssize_t)sizeof(commands))
        support_die("write");
}

static void *run(void *user)
{
    struct bad_server *s = user;
    char word = 0;
    while (word != 'q') {
        size_t i = atomic_load(&s->connections);
        s->fd = s->listener;
        s->way = &s->ways[i < s->count ? i : s->count - 1];
        if (wait_for(s, POLLIN, -1) == COME) {
            s->fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
            if (s->fd < 0)
                support_die("accept");
            atomic_fetch_add(&s->connections, 1);
            serve(s);
        }
        if (wait_for(s, 0, 0) == QUIT && read(s->control[0], &word, 1) != 1)
            support_die("read");
        if (word == 'd') {
            count_rest(s);
            word = 0;
        }
        if (s->fd != s->listener)
            close(s->fd);
    }
    return NULL;
}

/* ---- for the test ----------------------------------------------------------------------------------------------------------- */

static void listen_tcp(struct bad_server *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(address);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, bytes) != 0 || listen(s->listener, 16) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &bytes) != 0)
        support_die("listen");
    s->url = support_format("redis://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
}

static void listen_unix(struct bad_server *s, const char *folder)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    s->path = support_path(folder, "bad.sock");
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(s->listener, 16) != 0)
        support_die("listen");
    s->url = support_format("unix://%s", s->path);
}

struct bad_server *bad_server_start(const struct bad_way *ways, size_t count, const char *folder)
{
    struct bad_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        support_die("calloc");
    s->ways = ways;
    s->count = count;
    if (folder != NULL)
        listen_unix(s, folder);
    else
        listen_tcp(s);
    if (pipe(s->control) != 0 || pipe(s->drained) != 0 || pthread_create(&s->thread, NULL, run, s) != 0)
        support_die("thread");
    return s;
}

const char *bad_server_url(const struct bad_server *server)
{
    return server->url;
}

static void tell(struct bad_server *s, char word)
{
    if (write(s->control[1], &word, 1) != 1)
        support_die("write");
}

size_t bad_server_drain(struct bad_server *server)
{
    size_t commands = 0;
    tell(server, 'd');
    if (read(server->drained[0], &commands, sizeof(commands)) != (ssize_t)sizeof(commands))
        support_die("read");
    return commands;
}

size_t bad_server_connections(const struct bad_server *server)
{
    return atomic_load(&server->connections);
}

void bad_server_stop(struct bad_server *server)
{
    tell(server, 'q');
    (void)pthread_join(server->thread, NULL);
    close(server->listener);
    if (server->path != NULL)
        (void)unlink(server->path);
    for (int i = 0; i < 2; i++) {
        close(server->control[i]);
        close(server->drained[i]);
    }
    free(server->in);
    free(server->path);
    free(server->url);
    free(server);
}
