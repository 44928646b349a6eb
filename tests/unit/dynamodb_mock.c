/* dynamodb_mock.c: see dynamodb_mock.h. */
#include "dynamodb_mock.h"

#include "folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEPT = 32, HEAD_BYTES = 32768 };

struct mock {
    int listener, quit[2], port;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    const struct mock_answer *answers;
    int used[KEPT]; /* how often each answer was given */
    char *requests[KEPT];
    int asked;
};

/* 1: it came to that; 0: the test ends, or `ms` have passed. */
static int wait_for(const struct mock *mock, int fd, short events, int ms)
{
    struct pollfd both[2] = { { .fd = mock->quit[0], .events = POLLIN }, { .fd = fd, .events = events } };
    int ready = 0;
    do
        ready = poll(both, 2, ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && both[0].revents == 0;
}

/* Until an empty line; the length, or 0. */
static size_t read_head(const struct mock *mock, int fd, char head[HEAD_BYTES])
{
    size_t have = 0;
    while (have < HEAD_BYTES - 1 && wait_for(mock, fd, POLLIN, 10000)) {
        ssize_t got = recv(fd, head + have, HEAD_BYTES - 1 - have, 0);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        head[have] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return have;
    }
    return 0;
}

static int say(const struct mock *mock, int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = wait_for(mock, fd, POLLOUT, -1) ? send(fd, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
        if (put < 0)
            return 0;
        text += put;
        bytes -= (size_t)put;
    }
    return 1;
}

static void say_head(const struct mock *mock, int fd, int status, const char *more)
{
    char head[256];
    int bytes = snprintf(head, sizeof(head), "HTTP/1.1 %d Mock\r\n%s\r\nConnection: close\r\n\r\n", status, more);
    (void)say(mock, fd, head, (size_t)bytes);
}

static void say_without_end(const struct mock *mock, int fd, int pause_ms)
{
    char piece[4096];
    memset(piece, ' ', sizeof(piece));
    say_head(mock, fd, 200, "Content-Type: text/plain");
    while (say(mock, fd, piece, pause_ms > 0 ? 1 : sizeof(piece)))
        if (pause_ms > 0 && wait_for(mock, fd, POLLIN, pause_ms))
            return;
}

static void say_answer(const struct mock *mock, int fd, const struct mock_answer *answer)
{
    char more[128];
    const char *body = answer->body != NULL ? answer->body : "";
    switch (answer->way) {
    case MOCK_PLAIN:
        (void)snprintf(more, sizeof(more), "Content-Length: %zu%s", strlen(body),
                       answer->status / 100 == 3 ? "\r\nLocation: /elsewhere" : "");
        say_head(mock, fd, answer->status, more);
        (void)say(mock, fd, body, strlen(body));
        return;
    case MOCK_RAW:
        (void)say(mock, fd, body, strlen(body));
        return;
    case MOCK_SILENT:
        (void)wait_for(mock, fd, POLLIN, -1);
        return;
    case MOCK_ENDLESS:
        say_without_end(mock, fd, 0);
        return;
    case MOCK_DRIP:
        say_without_end(mock, fd, 50);
        return;
    case MOCK_HANG_UP:
        return;
    }
}

static const struct mock_answer *choose(struct mock *mock, const char *head)
{
    static const struct mock_answer none = { NULL, MOCK_PLAIN, 404, "no such answer", 0 };
    const struct mock_answer *chosen = &none;
    pthread_mutex_lock(&mock->lock);
    for (int i = 0; mock->answers != NULL && chosen == &none; i++) {
        const struct mock_answer *a = &mock->answers[i];
        int fits = a->request == NULL || strncmp(head, a->request, strlen(a->request)) == 0;
        if (fits && (a->times == 0 || mock->used[i]++ < a->times))
            chosen = a;
        if (a->request == NULL)
            break;
    }
    if (mock->asked < KEPT)
        mock->requests[mock->asked] = support_format("%s", head);
    mock->asked++;
    pthread_mutex_unlock(&mock->lock);
    return chosen;
}

static void *serve(void *user)
{
    struct mock *mock = user;
    char *head = malloc(HEAD_BYTES);
    if (head == NULL)
        support_die("malloc");
    while (wait_for(mock, mock->listener, POLLIN, -1)) {
        int fd = accept(mock->listener, NULL, NULL);
        if (fd < 0)
            continue;
        if (read_head(mock, fd, head) > 0) {
            say_answer(mock, fd, choose(mock, head));
            (void)shutdown(fd, SHUT_WR);
            (void)wait_for(mock, fd, POLLIN, 2000);
        }
        (void)close(fd);
    }
    free(head);
    return NULL;
}

struct mock *mock_start(void)
{
    struct mock *mock = calloc(1, sizeof(*mock));
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    if (mock == NULL)
        support_die("calloc");
    mock->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mock->listener < 0 || bind(mock->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(mock->listener, 16) != 0 || getsockname(mock->listener, (struct sockaddr *)&at, &bytes) != 0 ||
        pipe2(mock->quit, O_CLOEXEC) != 0 || pthread_mutex_init(&mock->lock, NULL) != 0)
        support_die("mock server");
    mock->port = ntohs(at.sin_port);
    if (pthread_create(&mock->thread, NULL, serve, mock) != 0)
        support_die("pthread_create");
    return mock;
}

void mock_answers(struct mock *mock, const struct mock_answer *answers)
{
    pthread_mutex_lock(&mock->lock);
    mock->answers = answers;
    memset(mock->used, 0, sizeof(mock->used));
    for (int i = 0; i < KEPT; i++) {
        free(mock->requests[i]);
        mock->requests[i] = NULL;
    }
    mock->asked = 0;
    pthread_mutex_unlock(&mock->lock);
}

void mock_stop(struct mock *mock)
{
    if (mock == NULL)
        return;
    (void)close(mock->quit[1]);
    (void)pthread_join(mock->thread, NULL);
    mock_answers(mock, NULL);
    (void)close(mock->quit[0]);
    (void)close(mock->listener);
    (void)pthread_mutex_destroy(&mock->lock);
    free(mock);
}

int mock_port(const struct mock *mock)
{
    return mock->port;
}

int mock_asked(struct mock *mock)
{
    int asked = 0;
    pthread_mutex_lock(&mock->lock);
    asked = mock->asked;
    pthread_mutex_unlock(&mock->lock);
    return asked;
}

const char *mock_request(struct mock *mock, int number)
{
    const char *request = NULL;
    pthread_mutex_lock(&mock->lock);
    request = number < KEPT ? mock->requests[number] : NULL;
    pthread_mutex_unlock(&mock->lock);
    return request != NULL ? request : "";
}
