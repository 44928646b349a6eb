/* test_proxy_faults.c: what each fault does to a client, and to the server, and what is counted of it (test_proxy.h). Mostly
 * three requests in one send, and the second meets the fault. */
#include "test_proxy.h"

#include <unistd.h>

static char got[4096];

/* Starts a client that sends a, b and c, of which b meets the fault, and gets the reply of a. */
static int second_meets(struct kit *kit, enum support_proxy_fault fault)
{
    int client = 0;
    kit_script(kit, 2, fault);
    client = client_open(kit);
    client_put(kit, client, "abc");
    client_expect(kit, client, 1, 1);
    return client;
}

static void expect_counts(struct kit *kit, uint64_t requests, uint64_t forwarded, uint64_t replies, uint64_t lost_after)
{
    const struct support_proxy_counts counts = kit_counts(kit);
    assert_int_equal(counts.requests, requests);
    assert_int_equal(counts.matching, requests);
    assert_int_equal(counts.forwarded, forwarded);
    assert_int_equal(counts.replies, replies);
    assert_int_equal(counts.lost_after, lost_after);
    assert_int_equal(counts.broken, 0);
}

static void no_fault(void **state)
{
    struct kit *kit = *state;
    int client = second_meets(kit, SUPPORT_PROXY_NONE);
    client_expect(kit, client, 2, 3);
    client_put(kit, client, "d");
    client_expect(kit, client, 4, 4);
    close(client);
    expect_counts(kit, 4, 4, 4, 0);
    assert_int_equal(kit_counts(kit).connections, 1);
    stub_expect(&kit->stub, "abcd");
}

static void drop_request(void **state)
{
    struct kit *kit = *state;
    client_expect_mute(kit, second_meets(kit, SUPPORT_PROXY_DROP_REQUEST));
    expect_counts(kit, 2, 1, 1, 0);
    assert_int_equal(kit_counts(kit).by_fault[SUPPORT_PROXY_DROP_REQUEST], 1);
    stub_expect(&kit->stub, "a");
}

static void reset_before(void **state)
{
    struct kit *kit = *state;
    int client = second_meets(kit, SUPPORT_PROXY_RESET_BEFORE);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    expect_counts(kit, 2, 1, 1, 0);
    stub_expect(&kit->stub, "a");
}

static void cut_request(void **state)
{
    struct kit *kit = *state;
    struct stub_seen seen;
    int client = second_meets(kit, SUPPORT_PROXY_CUT_REQUEST);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    expect_counts(kit, 2, 1, 1, 0);
    stub_expect(&kit->stub, "a");
    for (stub_look(&kit->stub, &seen); seen.cut_bytes == 0; stub_look(&kit->stub, &seen))
        support_sleep_ms(1);
    assert_int_equal(seen.cut_bytes, make_request(kit->kind, got, 'b') / 2);
}

static void reset_after(void **state)
{
    struct kit *kit = *state;
    int client = second_meets(kit, SUPPORT_PROXY_RESET_AFTER);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    expect_counts(kit, 2, 2, 1, 1);
    stub_expect(&kit->stub, "ab");
}

static void drop_reply(void **state)
{
    struct kit *kit = *state;
    client_expect_mute(kit, second_meets(kit, SUPPORT_PROXY_DROP_REPLY));
    expect_counts(kit, 2, 2, 1, 1);
    stub_expect(&kit->stub, "ab");
}

static void cut_reply(void **state)
{
    struct kit *kit = *state;
    char whole[128];
    const size_t bytes = make_reply(kit->kind, whole, 2);
    int client = second_meets(kit, SUPPORT_PROXY_CUT_REPLY);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), bytes / 2);
    assert_memory_equal(got, whole, bytes / 2);
    expect_counts(kit, 2, 2, 1, 1);
    stub_expect(&kit->stub, "ab");
}

static void delay(void **state)
{
    struct kit *kit = *state;
    const int64_t from_ns = support_now_ns();
    int client = second_meets(kit, SUPPORT_PROXY_DELAY);
    client_expect(kit, client, 2, 3);
    assert_true(support_now_ns() - from_ns >= 100 * 1000000);
    close(client);
    expect_counts(kit, 3, 3, 3, 0);
    stub_expect(&kit->stub, "abc");
}

/* The client comes back and sends more before the server acts on what was sent first. */
static void late_copy(void **state)
{
    struct kit *kit = *state;
    const struct support_proxy_step step = { 2, SUPPORT_PROXY_LATE_COPY };
    const struct support_proxy_plan plan = { .script = &step, .script_count = 1, .delay_ms = 400 };
    const int64_t from_ns = support_now_ns();
    int client = client_open(kit);
    support_proxy_plan(kit->proxy, &plan);
    client_put(kit, client, "abc");
    client_expect(kit, client, 1, 1);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    client = client_open(kit);
    client_put(kit, client, "bd");
    client_expect(kit, client, 2, 3);
    expect_counts(kit, 4, 4, 3, 0);
    assert_true(support_now_ns() - from_ns >= 400 * 1000000);
    assert_int_equal(kit_counts(kit).late_delivered, 1);
    stub_expect(&kit->stub, "abdb");
    close(client);
}

static void repeat(void **state)
{
    struct kit *kit = *state;
    int client = second_meets(kit, SUPPORT_PROXY_REPEAT);
    client_expect(kit, client, 2, 2);
    client_expect(kit, client, 4, 4);
    close(client);
    expect_counts(kit, 3, 4, 3, 0);
    assert_int_equal(kit_counts(kit).repeated, 1);
    stub_expect(&kit->stub, "abbc");
}

static void trickle(void **state)
{
    struct kit *kit = *state;
    const int64_t from_ns = support_now_ns();
    int client = second_meets(kit, SUPPORT_PROXY_TRICKLE);
    client_expect(kit, client, 2, 3);
    assert_true(support_now_ns() - from_ns >= (int64_t)(make_reply(kit->kind, got, 2) - 1) * 1000000);
    close(client);
    expect_counts(kit, 3, 3, 3, 0);
    stub_expect(&kit->stub, "abc");
}

static void silent(void **state)
{
    struct kit *kit = *state;
    client_expect_mute(kit, second_meets(kit, SUPPORT_PROXY_SILENT));
    expect_counts(kit, 2, 1, 1, 0);
    stub_expect(&kit->stub, "a");
}

/* The replies of a and b are still out when c meets its fault, all three having come together. */
static void lose_earlier(void **state)
{
    struct kit *kit = *state;
    const struct support_proxy_step step = { 3, SUPPORT_PROXY_RESET_AFTER };
    const struct support_proxy_plan plan = { .script = &step, .script_count = 1, .lose_earlier = 1 };
    int client = client_open(kit);
    support_proxy_plan(kit->proxy, &plan);
    client_put(kit, client, "abcd");
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    expect_counts(kit, 3, 3, 0, 3);
    stub_expect(&kit->stub, "abc");
}

static void first_meets(void **state)
{
    struct kit *kit = *state;
    const enum support_proxy_fault faults[] = { SUPPORT_PROXY_RESET_BEFORE, SUPPORT_PROXY_RESET_AFTER,
                                                SUPPORT_PROXY_LATE_COPY };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        int client = client_open(kit);
        kit_script(kit, 1, faults[i]);
        client_put(kit, client, "a");
        assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
        kit_settle(kit);
    }
    stub_expect(&kit->stub, "aa");
}

static int is_b(const void *request, size_t bytes, void *user)
{
    const struct kit *kit = user;
    const char *at = request;
    return (kit->kind->is_http ? at[6] : at[bytes - 3]) == 'b';
}

/* The handshake, a, is left alone on each connection and not counted. */
static void filter(void **state)
{
    struct kit *kit = *state;
    const struct support_proxy_step steps[] = { { 3, SUPPORT_PROXY_RESET_AFTER }, { 2, SUPPORT_PROXY_REPEAT } };
    const struct support_proxy_plan plan = { .script = steps, .script_count = 2, .matches = is_b, .user = kit };
    struct support_proxy_counts counts;
    int client = client_open(kit);
    support_proxy_plan(kit->proxy, &plan);
    client_put(kit, client, "abaab");
    client_expect(kit, client, 1, 5);
    client_put(kit, client, "ab");
    client_expect(kit, client, 7, 7);
    assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    counts = kit_counts(kit);
    assert_int_equal(counts.requests, 7);
    assert_int_equal(counts.matching, 3);
    assert_int_equal(counts.by_fault[SUPPORT_PROXY_NONE], 1);
    stub_expect(&kit->stub, "abaabbab");
}

/* Sends `requests` of them, 50 at a time, each after the replies of the last. */
static struct support_proxy_counts send_many(struct kit *kit, const struct support_proxy_plan *plan, int requests)
{
    static const char fifty[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    int client = client_open(kit);
    support_proxy_plan(kit->proxy, plan);
    for (; requests > 0; requests -= 50) {
        client_put(kit, client, fifty);
        for (int i = 0; i < 50; i++)
            assert_true(client_get(kit, client) > 0);
    }
    close(client);
    return kit_counts(kit);
}

static void chances(void **state)
{
    struct kit *kit = *state;
    struct support_proxy_plan plan = { .seed = 7 };
    struct support_proxy_counts first, again, other;
    struct stub_seen seen;
    plan.permille[SUPPORT_PROXY_REPEAT] = 100;
    plan.permille[SUPPORT_PROXY_DELAY] = 50;
    plan.permille[SUPPORT_PROXY_TRICKLE] = 10;
    first = send_many(kit, &plan, 3000);
    assert_in_range(first.by_fault[SUPPORT_PROXY_REPEAT], 240, 360);
    assert_in_range(first.by_fault[SUPPORT_PROXY_DELAY], 105, 195);
    assert_in_range(first.by_fault[SUPPORT_PROXY_TRICKLE], 10, 50);
    assert_int_equal(first.requests, 3000);
    assert_int_equal(first.replies, 3000);
    assert_int_equal(first.repeated, first.by_fault[SUPPORT_PROXY_REPEAT]);
    stub_look(&kit->stub, &seen);
    assert_int_equal(seen.acted, first.forwarded);
    assert_int_equal(first.forwarded, 3000 + first.repeated);
    again = send_many(kit, &plan, 3000);
    assert_memory_equal(again.by_fault, first.by_fault, sizeof first.by_fault);
    plan.seed = 8;
    other = send_many(kit, &plan, 3000);
    assert_memory_not_equal(other.by_fault, first.by_fault, sizeof first.by_fault);
}

/* A client that begins anew after each fault: what the server has acted on is what came back, and what is known as lost. */
static void every_fault_by_chance(void **state)
{
    struct kit *kit = *state;
    struct support_proxy_plan plan = { .seed = 3 };
    struct support_proxy_counts counts;
    struct stub_seen seen;
    uint64_t told = 0;
    for (int fault = SUPPORT_PROXY_RESET_BEFORE; fault < SUPPORT_PROXY_SILENT; fault++)
        plan.permille[fault] = fault == SUPPORT_PROXY_DROP_REPLY ? 0 : 20;
    support_proxy_plan(kit->proxy, &plan);
    for (int i = 0; i < 200; i++) {
        int client = client_open(kit);
        client_put(kit, client, "abcdabcd");
        for (int k = 0; k < 8 && client_get(kit, client) > 0; k++)
            told++;
        close(client);
    }
    counts = kit_counts(kit);
    stub_look(&kit->stub, &seen);
    assert_int_equal(seen.acted, counts.forwarded);
    assert_int_equal(told, counts.replies);
    assert_int_equal(seen.acted, counts.replies + counts.lost_after + counts.repeated + counts.late_delivered);
    assert_int_equal(counts.late_delivered, counts.by_fault[SUPPORT_PROXY_LATE_COPY]);
    assert_int_equal(counts.lost_after,
                     counts.by_fault[SUPPORT_PROXY_RESET_AFTER] + counts.by_fault[SUPPORT_PROXY_CUT_REPLY]);
    assert_int_equal(counts.connections, 200);
}

const struct CMUnitTest proxy_faults[] = {
    OF_ALL(no_fault),
    OF_ALL(drop_request),
    OF_ALL(reset_before),
    OF_ALL(cut_request),
    OF_ALL(reset_after),
    OF_ALL(drop_reply),
    OF_ALL(cut_reply),
    OF_ALL(delay),
    OF_ALL(late_copy),
    OF_ALL(repeat),
    OF_ALL(trickle),
    OF_ALL(silent),
    OF_ALL(lose_earlier),
    OF_ALL(filter),
    OF(first_meets, redis_tcp),
    OF(chances, redis_tcp),
    OF_ALL(every_fault_by_chance),
};
const size_t proxy_faults_count = sizeof proxy_faults / sizeof proxy_faults[0];
