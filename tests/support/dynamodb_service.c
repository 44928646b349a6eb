/* dynamodb_service.c: see dynamodb_service.h. TLS is in dynamodb_service_tls.c. */
#include "dynamodb_service.h"
#include "dynamodb_service_tls.h"

#include "folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { KEPT = 100, HEAD_BYTES = 65536, IDLE_MS = 60000 };

struct support_service {
    int listener, quit[2], port;
    char url[64];
    support_service_answer *answer;
    void *user;
    struct service_tls *tls;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t gone;
    int threads, asked, connections, numbered;
    char *heads[KEPT], *bodies[KEPT];
};
struct connection {
    struct support_service *service;
    int fd, number;
    void *ssl;
    char head[HEAD_BYTES];
    size_t have; /* bytes in head: of this request, and what came behind it */
};

/* ---- bytes ---------------------------------------------------------------------------------------------------------------------- */

/* 1: it came to that; 0: the test ends, or `ms` have passed. */
static int wait_for(const struct support_service *s, int fd, short events, int ms)
{
    struct pollfd both[2] = { { .fd = s->quit[0], .events = POLLIN }, { .fd = fd, .events = events } };
    int ready = 0;
    do
        ready = poll(both, 2, ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && both[0].revents == 0;
}

static ssize_t take(struct connection *c, void *to, size_t bytes)
{
    for (;;) {
        int want = 0;
        ssize_t got =
            c->ssl != NULL ? service_tls_read(c->ssl, to, bytes, &want) : recv(c->fd, to, bytes, MSG_DONTWAIT);
        if (got > 0 || (c->ssl != NULL ? want == 0 : got == 0 || (errno != EAGAIN && errno != EINTR)))
            return got;
        if (!wait_for(c->service, c->fd, want == 2 ? POLLOUT : POLLIN, IDLE_MS))
            return -1;
    }
}

static int say(struct connection *c, const char *bytes, size_t count)
{
    while (count > 0) {
        int want = 0;
        ssize_t put = c->ssl != NULL ? service_tls_write(c->ssl, bytes, count, &want)
                                     : send(c->fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put <= 0 && (c->ssl != NULL ? want == 0 : errno != EAGAIN && errno != EINTR))
            return 0;
        if (put <= 0 && !wait_for(c->service, c->fd, want == 1 ? POLLIN : POLLOUT, IDLE_MS))
            return 0;
        if (put > 0) {
            bytes += put;
            count -= (size_t)put;
        }
    }
    return 1;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------- */

/* The header's value, or NULL. */
static const char *value_of(const char *head, const char *name, char *out, size_t room)
{
    size_t bytes = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, bytes) == 0 && line[2 + bytes] == ':') {
            const char *at = line + 3 + bytes;
            at += strspn(at, " ");
            (void)snprintf(out, room, "%.*s", (int)strcspn(at, "\r\n"), at);
            return out;
        }
    return NULL;
}

/* 1: a whole one, its head NUL-terminated, its body malloc'd. */
static int take_request(struct connection *c, char **head, char **body, size_t *body_bytes)
{
    char *end = NULL;
    char length[32];
    size_t head_bytes = 0;
    size_t rest = 0;
    c->head[c->have] = '\0';
    while ((end = strstr(c->head, "\r\n\r\n")) == NULL) {
        ssize_t got = c->have < HEAD_BYTES - 1 ? take(c, c->head + c->have, HEAD_BYTES - 1 - c->have) : -1;
        if (got <= 0)
            return 0;
        c->have += (size_t)got;
        c->head[c->have] = '\0';
    }
    head_bytes = (size_t)(end + 4 - c->head);
    *head = support_format("%.*s", (int)(head_bytes - 2), c->head);
    *body_bytes = value_of(*head, "Content-Length", length, sizeof length) != NULL ? strtoul(length, NULL, 10) : 0;
    *body = malloc(*body_bytes + 1);
    if (*body == NULL)
        support_die("malloc");
    rest = c->have - head_bytes < *body_bytes ? c->have - head_bytes : *body_bytes;
    memcpy(*body, c->head + head_bytes, rest);
    memmove(c->head, c->head + head_bytes + rest, c->have - head_bytes - rest);
    c->have -= head_bytes + rest;
    while (rest < *body_bytes) {
        ssize_t got = take(c, *body + rest, *body_bytes - rest);
        if (got <= 0)
            return 0;
        rest += (size_t)got;
    }
    (*body)[*body_bytes] = '\0';
    return 1;
}

/* ---- replies -------------------------------------------------------------------------------------------------------------------- */

static void say_head(struct connection *c, const struct support_service_reply *reply, const char *length)
{
    char date[64];
    char crc[64] = "";
    time_t now = time(NULL) + (time_t)(reply->date_ms / 1000);
    struct tm tm;
    uint32_t sum = (uint32_t)crc32(0, (const Bytef *)reply->body, (uInt)reply->body_bytes);
    char *head = NULL;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    if (reply->crc != SUPPORT_SERVICE_NO_CRC && reply->status == 200)
        (void)snprintf(crc, sizeof crc, "x-amz-crc32: %u\r\n", reply->crc == SUPPORT_SERVICE_WRONG_CRC ? sum ^ 1 : sum);
    head = support_format("HTTP/1.1 %d Mock\r\nDate: %s\r\nContent-Type: application/x-amz-json-1.0\r\n%s%s%s\r\n",
                          reply->status, date, crc, length, reply->headers != NULL ? reply->headers : "");
    (void)say(c, head, strlen(head));
    free(head);
}

/* 1: the connection goes on. */
static int say_reply(struct connection *c, struct support_service_reply *reply)
{
    char length[64];
    size_t bytes = reply->body_bytes;
    if (reply->delay_ms > 0 && wait_for(c->service, -1, 0, reply->delay_ms))
        return 0;
    switch (reply->way) {
    case SUPPORT_SERVICE_REPLY:
    case SUPPORT_SERVICE_TRUNCATED:
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n",
                       bytes + (reply->way == SUPPORT_SERVICE_TRUNCATED ? 10 : 0));
        say_head(c, reply, length);
        return say(c, reply->body, bytes) && reply->way == SUPPORT_SERVICE_REPLY;
    case SUPPORT_SERVICE_RAW:
        (void)say(c, reply->body, bytes);
        return 0;
    case SUPPORT_SERVICE_SILENT:
        (void)wait_for(c->service, c->fd, POLLIN, IDLE_MS);
        return 0;
    case SUPPORT_SERVICE_ENDLESS:
        say_head(c, reply, "Transfer-Encoding: chunked\r\n");
        (void)snprintf(length, sizeof length, "%zx\r\n", bytes);
        while (say(c, length, strlen(length)) && say(c, reply->body, bytes) && say(c, "\r\n", 2))
            ;
        return 0;
    case SUPPORT_SERVICE_HANG_UP:
        break;
    }
    return 0;
}

/* Takes over head and body. */
static int serve_request(struct connection *c, char *head, char *body, size_t body_bytes)
{
    struct support_service *s = c->service;
    struct support_service_reply reply = { 0 };
    char target[128];
    const char *action = value_of(head, "X-Amz-Target", target, sizeof target);
    struct support_service_request request = { "", head, body, body_bytes, 0, c->number };
    int goes_on = 0;
    if (action != NULL && strchr(action, '.') != NULL)
        request.action = strchr(action, '.') + 1;
    pthread_mutex_lock(&s->lock);
    request.number = s->asked++;
    s->answer(s->user, &request, &reply);
    if (request.number < KEPT) {
        s->heads[request.number] = head;
        s->bodies[request.number] = body;
    } else {
        free(head);
        free(body);
    }
    pthread_mutex_unlock(&s->lock);
    if (reply.status == 0)
        reply.status = 200;
    if (reply.body == NULL)
        reply.body = support_format("{}");
    if (reply.body_bytes == 0)
        reply.body_bytes = strlen(reply.body);
    goes_on = say_reply(c, &reply);
    free(reply.body);
    return goes_on;
}

/* ---- threads -------------------------------------------------------------------------------------------------------------------- */

static void *serve(void *user)
{
    struct connection *c = user;
    struct support_service *s = c->service;
    char *head = NULL;
    char *body = NULL;
    size_t body_bytes = 0;
    int goes_on = 1;
    sigset_t pipe;
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, NULL); /* a client that went away; of this thread alone */
    if (s->tls != NULL) {
        int want = 0;
        c->ssl = service_tls_accept(s->tls, c->fd);
        while (service_tls_handshake(c->ssl, &want) <= 0)
            if (want == 0 || !wait_for(s, c->fd, want == 2 ? POLLOUT : POLLIN, IDLE_MS)) {
                goes_on = 0;
                break;
            }
    }
    while (goes_on && take_request(c, &head, &body, &body_bytes)) {
        goes_on = serve_request(c, head, body, body_bytes);
        head = body = NULL;
    }
    free(head);
    free(body);
    service_tls_end(c->ssl);
    (void)shutdown(c->fd, SHUT_WR);
    (void)close(c->fd);
    free(c);
    pthread_mutex_lock(&s->lock);
    s->threads--;
    pthread_cond_signal(&s->gone);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *serve_all(void *user)
{
    struct support_service *s = user;
    while (wait_for(s, s->listener, POLLIN, -1)) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct connection *c = NULL;
        pthread_t thread;
        if (fd < 0)
            continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        c = calloc(1, sizeof *c);
        if (c == NULL)
            support_die("calloc");
        c->service = s;
        c->fd = fd;
        pthread_mutex_lock(&s->lock);
        s->connections++;
        c->number = s->numbered++;
        s->threads++;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&thread, NULL, serve, c) != 0)
            support_die("pthread_create");
        (void)pthread_detach(thread);
    }
    return NULL;
}

/* ---- the server ----------------------------------------------------------------------------------------------------------------- */

struct support_service *support_service_start(support_service_answer *answer, void *user, const char *ca_file)
{
    struct support_service *s = calloc(1, sizeof *s);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof at;
    if (s == NULL)
        support_die("calloc");
    s->answer = answer;
    s->user = user;
    s->tls = ca_file != NULL ? service_tls_new(ca_file) : NULL;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->listener, 64) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &bytes) != 0 || pipe2(s->quit, O_CLOEXEC) != 0 ||
        pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->gone, NULL) != 0)
        support_die("mock service");
    s->port = ntohs(at.sin_port);
    (void)snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%d", s->tls != NULL ? "https" : "http", s->port);
    if (pthread_create(&s->thread, NULL, serve_all, s) != 0)
        support_die("pthread_create");
    return s;
}

void support_service_forget(struct support_service *s)
{
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < KEPT; i++) {
        free(s->heads[i]);
        free(s->bodies[i]);
        s->heads[i] = s->bodies[i] = NULL;
    }
    s->asked = s->connections = 0;
    pthread_mutex_unlock(&s->lock);
}

void support_service_stop(struct support_service *s)
{
    if (s == NULL)
        return;
    (void)close(s->quit[1]);
    (void)pthread_join(s->thread, NULL);
    pthread_mutex_lock(&s->lock);
    while (s->threads > 0)
        pthread_cond_wait(&s->gone, &s->lock);
    pthread_mutex_unlock(&s->lock);
    support_service_forget(s);
    service_tls_free(s->tls);
    (void)close(s->quit[0]);
    (void)close(s->listener);
    (void)pthread_cond_destroy(&s->gone);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

int support_service_port(const struct support_service *s)
{
    return s->port;
}

const char *support_service_url(const struct support_service *s)
{
    return s->url;
}

static int number(struct support_service *s, const int *of)
{
    int value = 0;
    pthread_mutex_lock(&s->lock);
    value = *of;
    pthread_mutex_unlock(&s->lock);
    return value;
}

int support_service_asked(struct support_service *s)
{
    return number(s, &s->asked);
}

int support_service_connections(struct support_service *s)
{
    return number(s, &s->connections);
}

static const char *kept(struct support_service *s, char *const *of, int at)
{
    const char *text = NULL;
    pthread_mutex_lock(&s->lock);
    text = at < KEPT ? of[at] : NULL;
    pthread_mutex_unlock(&s->lock);
    return text != NULL ? text : "";
}

const char *support_service_head(struct support_service *s, int at)
{
    return kept(s, s->heads, at);
}

const char *support_service_body(struct support_service *s, int at)
{
    return kept(s, s->bodies, at);
}
