/* test_proxy.c: tests of the fault proxy (tests/support/proxy.h): each fault (test_proxy_faults.c), answers of its own
 * (test_proxy_answers.c), connections as a whole (test_proxy_links.c), where messages end (test_proxy_frames.c). This file has what
 * they share (test_proxy.h). */
#include "test_proxy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"

enum { PATIENCE_S = 10, MUTE_MS = 30 };

const struct kind redis_tcp = { &support_proxy_redis, 0, 0 }, redis_unix = { &support_proxy_redis, 0, 1 },
                  http_tcp = { &support_proxy_http, 1, 0 };

size_t make_request(const struct kind *kind, char out[128], char letter)
{
    const int bytes = kind->is_http ? snprintf(out, 128, "POST /%c HTTP/1.1\r\nContent-Length: 4\r\n\r\nINCR", letter)
                                    : snprintf(out, 128, "*2\r\n$4\r\nINCR\r\n$1\r\n%c\r\n", letter);
    return (size_t)bytes;
}

static char letter_of(const struct kind *kind, const void *request, size_t bytes)
{
    const char *at = request;
    return kind->is_http ? at[6] : at[bytes - 3];
}

size_t make_reply(const struct kind *kind, char out[128], unsigned long number)
{
    const int bytes = kind->is_http ? snprintf(out, 128,
                                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                               "8\r\n%08lu\r\n0\r\n\r\n",
                                               number)
                                    : snprintf(out, 128, ":%lu\r\n", number);
    return (size_t)bytes;
}

static unsigned long number_of(const struct kind *kind, const char *reply)
{
    const char *at = kind->is_http ? strstr(reply, "8\r\n") : reply;
    assert_non_null(at);
    return strtoul(at + (kind->is_http ? 3 : 1), NULL, 10);
}

static socklen_t socket_address(struct sockaddr_storage *out, const struct support_proxy_address *at)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)out;
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
    memset(out, 0, sizeof *out);
    if (at->path != NULL) {
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, at->path, strlen(at->path));
        return sizeof *un;
    }
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(at->port);
    return sizeof *in;
}

static int socket_open(const struct support_proxy_address *at)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    const int fd = socket(at->path != NULL ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        support_die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static void send_all(int fd, const void *bytes, size_t count)
{
    for (const char *at = bytes; count > 0;) {
        ssize_t put = send(fd, at, count, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        at += put;
        count -= (size_t)put;
    }
}

/* The server. Gives 0 when it has hung up. */
static int stub_act(struct stub *stub, int fd, char letter)
{
    char reply[128];
    unsigned long acted = 0;
    size_t bytes = 0;
    pthread_mutex_lock(&stub->lock);
    acted = ++stub->seen.acted;
    if (acted < STUB_LOG_BYTES)
        stub->seen.log[acted - 1] = letter;
    pthread_mutex_unlock(&stub->lock);
    while (atomic_load(&stub->holds) && !atomic_load(&stub->stops))
        support_sleep_ms(1);
    bytes = make_reply(stub->kind, reply, acted);
    if (letter == 'g')
        bytes = (size_t)snprintf(reply, sizeof reply, "what?\r\n");
    if (letter == 'e')
        bytes = (size_t)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\n\r\nto the end");
    if (letter != 'q')
        send_all(fd, reply, bytes);
    return letter != 'q' && letter != 'e';
}

static void stub_hang_up(struct stub *stub, struct stub_link *link)
{
    pthread_mutex_lock(&stub->lock);
    stub->seen.cut_bytes += link->count;
    pthread_mutex_unlock(&stub->lock);
    close(link->fd);
    link->fd = -1;
    link->count = 0;
}

static void stub_read(struct stub *stub, struct stub_link *link)
{
    ssize_t got = 0;
    size_t taken = 0;
    int64_t bytes = 0;
    if (link->room - link->count < 65536) {
        link->room = link->room * 2 + 65536;
        link->at = realloc(link->at, link->room);
        if (link->at == NULL)
            support_die("realloc");
    }
    got = recv(link->fd, link->at + link->count, link->room - link->count, 0);
    if (got <= 0) {
        stub_hang_up(stub, link);
        return;
    }
    link->count += (size_t)got;
    while ((bytes = stub->kind->framing->request_bytes(link->at + taken, link->count - taken)) > 0) {
        const char letter = letter_of(stub->kind, link->at + taken, (size_t)bytes);
        taken += (size_t)bytes;
        if (!stub_act(stub, link->fd, letter)) {
            link->count = 0;
            stub_hang_up(stub, link);
            return;
        }
    }
    memmove(link->at, link->at + taken, link->count - taken);
    link->count -= taken;
}

static void *stub_run(void *user)
{
    struct stub *stub = user;
    struct pollfd polled[STUB_LINKS + 1];
    while (!atomic_load(&stub->stops)) {
        polled[STUB_LINKS] = (struct pollfd){ .fd = stub->listener, .events = POLLIN };
        for (size_t i = 0; i < STUB_LINKS; i++)
            polled[i] = (struct pollfd){ .fd = stub->links[i].fd, .events = POLLIN };
        if (poll(polled, STUB_LINKS + 1, 2) <= 0)
            continue;
        for (size_t i = 0; i < STUB_LINKS; i++)
            if (polled[i].revents != 0)
                stub_read(stub, &stub->links[i]);
        for (size_t i = 0; i < STUB_LINKS && polled[STUB_LINKS].revents != 0; i++)
            if (stub->links[i].fd < 0) {
                stub->links[i].fd = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC);
                break;
            }
    }
    return NULL;
}

static void stub_start(struct stub *stub, const struct kind *kind, const char *path)
{
    struct sockaddr_storage at;
    socklen_t bytes = 0;
    stub->kind = kind;
    stub->at.path = path;
    bytes = socket_address(&at, &stub->at);
    stub->listener = socket_open(&stub->at);
    if (bind(stub->listener, (struct sockaddr *)&at, bytes) != 0 || listen(stub->listener, STUB_LINKS) != 0 ||
        getsockname(stub->listener, (struct sockaddr *)&at, &bytes) != 0)
        support_die("stub");
    if (path == NULL)
        stub->at.port = ntohs(((struct sockaddr_in *)&at)->sin_port);
    for (size_t i = 0; i < STUB_LINKS; i++)
        stub->links[i].fd = -1;
    pthread_mutex_init(&stub->lock, NULL);
    if (pthread_create(&stub->thread, NULL, stub_run, stub) != 0)
        support_die("stub");
}

static void stub_stop(struct stub *stub)
{
    atomic_store(&stub->stops, 1);
    pthread_join(stub->thread, NULL);
    for (size_t i = 0; i < STUB_LINKS; i++) {
        if (stub->links[i].fd >= 0)
            close(stub->links[i].fd);
        free(stub->links[i].at);
    }
    close(stub->listener);
    pthread_mutex_destroy(&stub->lock);
}

void stub_look(struct stub *stub, struct stub_seen *seen)
{
    pthread_mutex_lock(&stub->lock);
    *seen = stub->seen;
    pthread_mutex_unlock(&stub->lock);
}

void stub_expect(struct stub *stub, const char *letters)
{
    struct stub_seen seen;
    for (int i = 0; i < PATIENCE_S * 1000; i++) {
        stub_look(stub, &seen);
        if (seen.acted >= strlen(letters))
            break;
        support_sleep_ms(1);
    }
    assert_string_equal(seen.log, letters);
}

int kit_setup(void **state)
{
    struct kit *kit = calloc(1, sizeof *kit);
    if (kit == NULL)
        return -1;
    kit->kind = *state;
    if (kit->kind->is_unix) {
        kit->dir = support_folder_make();
        kit->server_path = support_path(kit->dir, "server");
        kit->at.path = kit->path = support_path(kit->dir, "proxy");
    }
    stub_start(&kit->stub, kit->kind, kit->server_path);
    kit->proxy = support_proxy_start(kit->kind->framing, kit->at, kit->stub.at);
    kit->at.port = support_proxy_port(kit->proxy);
    *state = kit;
    return 0;
}

int kit_teardown(void **state)
{
    struct kit *kit = *state;
    support_proxy_stop(kit->proxy);
    stub_stop(&kit->stub);
    if (kit->dir != NULL)
        support_folder_remove(kit->dir);
    free(kit->server_path);
    free(kit->path);
    free(kit);
    return 0;
}

void kit_script(struct kit *kit, uint64_t nth, enum support_proxy_fault fault)
{
    const struct support_proxy_step step = { nth, fault };
    const struct support_proxy_plan plan = { .script = &step, .script_count = 1, .delay_ms = 100, .trickle_ms = 1 };
    support_proxy_plan(kit->proxy, &plan);
}

void kit_settle(struct kit *kit)
{
    assert_int_equal(support_proxy_settle(kit->proxy, support_now_ns() + PATIENCE_S * INT64_C(1000000000)), 0);
}

struct support_proxy_counts kit_counts(struct kit *kit)
{
    kit_settle(kit);
    return support_proxy_counts(kit->proxy);
}

int client_open(struct kit *kit)
{
    struct sockaddr_storage at;
    const socklen_t bytes = socket_address(&at, &kit->at);
    int fd = socket_open(&kit->at);
    if (connect(fd, (struct sockaddr *)&at, bytes) == 0)
        return fd;
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    return -1;
}

void client_put(struct kit *kit, int fd, const char *letters)
{
    char all[4096], one[128];
    size_t count = 0;
    for (; *letters != '\0'; letters++) {
        const size_t bytes = make_request(kit->kind, one, *letters);
        assert_true(count + bytes <= sizeof all);
        memcpy(all + count, one, bytes);
        count += bytes;
    }
    send_all(fd, all, count);
}

unsigned long client_get(struct kit *kit, int fd)
{
    char reply[128] = "";
    for (size_t count = 0; count < sizeof reply - 1; count++) {
        if (kit->kind->framing->reply_bytes(reply, count, 0) > 0)
            return number_of(kit->kind, reply);
        if (recv(fd, reply + count, 1, 0) <= 0)
            return 0;
    }
    return 0;
}

void client_expect(struct kit *kit, int fd, unsigned long first, unsigned long last)
{
    for (; first <= last; first++)
        assert_int_equal(client_get(kit, fd), first);
}

static size_t read_to_end(int fd, char *got, size_t most, int *error)
{
    size_t count = 0;
    ssize_t more = 0;
    do {
        more = recv(fd, got + count, most - count, 0);
        count += more > 0 ? (size_t)more : 0;
    } while (more > 0 && count < most);
    *error = more < 0 ? errno : 0;
    if (more > 0)
        fail_msg("no end comes");
    close(fd);
    return count;
}

size_t client_expect_reset(struct kit *kit, int fd, char *got, size_t most)
{
    int error = 0;
    const size_t count = read_to_end(fd, got, most, &error);
    if (error != ECONNRESET && !(kit->kind->is_unix && error == 0))
        fail_msg("no reset: %s", strerror(error));
    return count;
}

size_t client_expect_end(int fd, char *got, size_t most)
{
    int error = 0;
    const size_t count = read_to_end(fd, got, most, &error);
    assert_int_equal(error, 0);
    return count;
}

void client_expect_mute(struct kit *kit, int fd)
{
    struct pollfd polled = { .fd = fd, .events = POLLIN | POLLRDHUP };
    client_put(kit, fd, "xy");
    assert_int_equal(poll(&polled, 1, MUTE_MS), 0);
    close(fd);
}

int main(void)
{
    const struct {
        const struct CMUnitTest *tests;
        size_t count;
    } parts[] = { { proxy_frames, proxy_frames_count },
                  { proxy_faults, proxy_faults_count },
                  { proxy_answers, proxy_answers_count },
                  { proxy_links, proxy_links_count } };
    struct CMUnitTest *all =
        calloc(proxy_frames_count + proxy_faults_count + proxy_answers_count + proxy_links_count, sizeof *all);
    size_t count = 0;
    int failed = 0;
    if (all == NULL)
        return 99;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(all + count, parts[i].tests, parts[i].count * sizeof *all);
        count += parts[i].count;
    }
    failed = _cmocka_run_group_tests("proxy", all, count, NULL, NULL);
    free(all);
    return failed;
}
