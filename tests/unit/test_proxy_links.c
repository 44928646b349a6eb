/* test_proxy_links.c: the fault proxy's connections as a whole: cut, refused, left by the client or the server, many at once, and
 * bytes that are no message (test_proxy.h). */
#include "test_proxy.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char got[4096];

/* One client is idle, the other awaits a reply that the server gives only when nobody is there to get it. */
static void cut_all(void **state)
{
    struct kit *kit = *state;
    struct support_proxy_counts counts;
    int idle = client_open(kit), waiting = client_open(kit), unaccepted = 0;
    atomic_store(&kit->stub.holds, 1);
    client_put(kit, waiting, "ab");
    stub_expect(&kit->stub, "a");
    unaccepted = client_open(kit);
    support_proxy_cut_all(kit->proxy, 1);
    assert_int_equal(client_expect_reset(kit, idle, got, sizeof got), 0);
    assert_int_equal(client_expect_reset(kit, waiting, got, sizeof got), 0);
    assert_int_equal(client_expect_reset(kit, unaccepted, got, sizeof got), 0);
    assert_int_equal(support_proxy_settle(kit->proxy, support_now_ns() + 20000000), 1);
    atomic_store(&kit->stub.holds, 0);
    counts = kit_counts(kit);
    assert_int_equal(counts.lost_after, 2);
    assert_int_equal(counts.replies, 0);
    assert_int_equal(counts.connections, 3);
    stub_expect(&kit->stub, "ab");
}

static void cut_all_orderly(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit);
    client_put(kit, client, "a");
    client_expect(kit, client, 1, 1);
    support_proxy_cut_all(kit->proxy, 0);
    assert_int_equal(client_expect_end(client, got, sizeof got), 0);
    client = client_open(kit);
    client_put(kit, client, "b");
    client_expect(kit, client, 2, 2);
    close(client);
}

/* A request that is delayed goes with its connection, a late copy does not. */
static void cut_all_and_what_waits(void **state)
{
    struct kit *kit = *state;
    const struct support_proxy_step steps[] = { { 1, SUPPORT_PROXY_LATE_COPY }, { 3, SUPPORT_PROXY_DELAY } };
    const struct support_proxy_plan plan = { .script = steps, .script_count = 2, .delay_ms = 300 };
    int client = client_open(kit);
    support_proxy_plan(kit->proxy, &plan);
    client_put(kit, client, "a");
    client_expect_reset(kit, client, got, sizeof got);
    client = client_open(kit);
    client_put(kit, client, "bc");
    client_expect(kit, client, 1, 1);
    support_proxy_cut_all(kit->proxy, 1);
    client_expect_reset(kit, client, got, sizeof got);
    assert_int_equal(kit_counts(kit).late_delivered, 1);
    support_sleep_ms(50);
    stub_expect(&kit->stub, "ba");
}

static void refuse(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit), other = -1;
    client_put(kit, client, "a");
    client_expect(kit, client, 1, 1);
    for (int i = 0; i < 3; i++) {
        support_proxy_refuse(kit->proxy, 1);
        assert_int_equal(client_open(kit), -1);
        client_put(kit, client, "b");
        assert_true(client_get(kit, client) > 0);
        support_proxy_refuse(kit->proxy, 0);
        other = client_open(kit);
        assert_true(other >= 0);
        client_put(kit, other, "c");
        assert_true(client_get(kit, other) > 0);
        close(other);
    }
    close(client);
    stub_expect(&kit->stub, "abcbcbc");
}

/* What the client has sent before it left is still delayed, delivered, answered; only nobody hears of it. */
static void client_leaves(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit);
    struct support_proxy_counts counts;
    kit_script(kit, 2, SUPPORT_PROXY_DELAY);
    client_put(kit, client, "abc");
    client_expect(kit, client, 1, 1);
    close(client);
    counts = kit_counts(kit);
    assert_int_equal(counts.forwarded, 3);
    assert_int_equal(counts.replies + counts.lost_after, 3);
    stub_expect(&kit->stub, "abc");
    atomic_store(&kit->stub.holds, 1);
    kit_script(kit, 1, SUPPORT_PROXY_NONE);
    client = client_open(kit);
    client_put(kit, client, "d");
    stub_expect(&kit->stub, "abcd");
    close(client);
    assert_int_equal(support_proxy_settle(kit->proxy, support_now_ns() + 20000000), 1);
    atomic_store(&kit->stub.holds, 0);
    counts = kit_counts(kit);
    assert_int_equal(counts.replies, 0);
    assert_int_equal(counts.lost_after, 1);
}

static void server_leaves(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit);
    client_put(kit, client, "aq");
    client_expect(kit, client, 1, 1);
    assert_int_equal(client_expect_end(client, got, sizeof got), 0);
    assert_int_equal(kit_counts(kit).replies, 1);
    assert_int_equal(kit_counts(kit).lost_after, 0);
}

/* Nobody listens at the server's address any more. */
static void server_is_not_there(void **state)
{
    struct kit *kit = *state;
    int client = -1;
    shutdown(kit->stub.listener, SHUT_RDWR);
    client = client_open(kit);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    assert_int_equal(kit_counts(kit).connections, 1);
}

static void broken_request(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit);
    client_put(kit, client, "ab");
    assert_true(send(client, "what?\r\n", 7, MSG_NOSIGNAL) == 7);
    client_expect(kit, client, 1, 2);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    assert_int_equal(kit_counts(kit).broken, 1);
    stub_expect(&kit->stub, "ab");
}

static void broken_reply(void **state)
{
    struct kit *kit = *state;
    int client = client_open(kit);
    client_put(kit, client, "ag");
    client_expect(kit, client, 1, 1);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    assert_int_equal(kit_counts(kit).broken, 1);
}

static void reply_to_the_end(void **state)
{
    struct kit *kit = *state;
    static const char reply[] = "HTTP/1.1 200 OK\r\n\r\nto the end";
    int client = client_open(kit);
    client_put(kit, client, "e");
    assert_int_equal(client_expect_end(client, got, sizeof got), sizeof reply - 1);
    assert_memory_equal(got, reply, sizeof reply - 1);
    assert_int_equal(kit_counts(kit).replies, 1);
    kit_script(kit, 1, SUPPORT_PROXY_RESET_AFTER);
    client = client_open(kit);
    client_put(kit, client, "e");
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    assert_int_equal(kit_counts(kit).lost_after, 1);
}

/* A request that comes a byte at a time is one request. */
static void byte_by_byte(void **state)
{
    struct kit *kit = *state;
    char request[128];
    const size_t bytes = make_request(kit->kind, request, 'a');
    int client = client_open(kit);
    for (int times = 0; times < 3; times++)
        for (size_t i = 0; i < bytes; i++)
            assert_true(send(client, request + i, 1, MSG_NOSIGNAL) == 1);
    client_expect(kit, client, 1, 3);
    close(client);
    assert_int_equal(kit_counts(kit).requests, 3);
}

struct sender { /* a client thread that begins anew whenever its connection ends */
    struct kit *kit;
    pthread_t thread;
    uint64_t replies, ends;
};

static void *send_and_begin_anew(void *user)
{
    struct sender *sender = user;
    int client = client_open(sender->kit);
    for (int i = 0; i < 100; i++) {
        int k = 0;
        client_put(sender->kit, client, "aaaaaaaaaa");
        for (; k < 10 && client_get(sender->kit, client) > 0; k++)
            sender->replies++;
        if (k < 10) {
            close(client);
            sender->ends++;
            client = client_open(sender->kit);
        }
    }
    close(client);
    return NULL;
}

static void many_clients(void **state)
{
    enum { SENDERS = 8 };
    struct kit *kit = *state;
    struct sender senders[SENDERS] = { { 0 } };
    struct support_proxy_plan plan = { .seed = 5, .delay_ms = 1, .lose_earlier = 1 };
    struct support_proxy_counts counts;
    struct stub_seen seen;
    uint64_t replies = 0, ends = 0;
    plan.permille[SUPPORT_PROXY_RESET_BEFORE] = plan.permille[SUPPORT_PROXY_RESET_AFTER] = 5;
    plan.permille[SUPPORT_PROXY_CUT_REPLY] = plan.permille[SUPPORT_PROXY_LATE_COPY] = 5;
    plan.permille[SUPPORT_PROXY_REPEAT] = plan.permille[SUPPORT_PROXY_DELAY] = 10;
    support_proxy_plan(kit->proxy, &plan);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].kit = kit;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_and_begin_anew, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        replies += senders[i].replies;
        ends += senders[i].ends;
    }
    counts = kit_counts(kit);
    stub_look(&kit->stub, &seen);
    assert_int_equal(counts.replies, replies);
    assert_int_equal(counts.connections, SENDERS + ends);
    assert_int_equal(seen.acted, counts.forwarded);
    assert_int_equal(seen.acted, replies + counts.lost_after + counts.repeated + counts.late_delivered);
    assert_true(ends > 0 && counts.late_delivered > 0 && counts.repeated > 0);
    assert_true(counts.lost_after >
                counts.by_fault[SUPPORT_PROXY_RESET_AFTER] + counts.by_fault[SUPPORT_PROXY_CUT_REPLY]);
}

/* No descriptor of the proxy (nor of this test) is there in a program that a child starts. */
static void closed_by_exec(void **state)
{
    struct kit *kit = *state;
    const int client = client_open(kit);
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry = NULL;
    int sockets = 0;
    client_put(kit, client, "a");
    client_expect(kit, client, 1, 1);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        const int fd = (int)strtol(entry->d_name, NULL, 10);
        char path[64] = "";
        if (entry->d_name[0] == '.' || readlinkat(dirfd(dir), entry->d_name, path, sizeof path - 1) < 0 || fd < 3)
            continue;
        if (strncmp(path, "socket:", 7) == 0 || strstr(path, "[eventfd]") != NULL) {
            sockets++;
            assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        }
    }
    closedir(dir);
    close(client);
    assert_true(sockets >= 7);
}

const struct CMUnitTest proxy_links[] = {
    OF_ALL(cut_all),
    OF_ALL(cut_all_orderly),
    OF(cut_all_and_what_waits, redis_tcp),
    OF_ALL(refuse),
    OF_ALL(client_leaves),
    OF_ALL(server_leaves),
    OF_ALL(server_is_not_there),
    OF_ALL(broken_request),
    OF_ALL(broken_reply),
    OF(reply_to_the_end, http_tcp),
    OF_ALL(byte_by_byte),
    OF_ALL(many_clients),
    OF(closed_by_exec, redis_tcp),
};
const size_t proxy_links_count = sizeof proxy_links / sizeof proxy_links[0];
