/* test_proxy_answers.c: replies of the proxy's own making, and real ones rewritten (test_proxy.h). Mostly three requests in one
 * send, and the second is answered otherwise. */
#include "test_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder.h"

enum { OWN = 77, LATER = 70 };

struct otherwise {
    const struct kit *kit;
    enum support_proxy_then then;
    char picked_for; /* the first letter that was asked about */
    size_t replies;  /* that `make` was given */
    struct support_proxy_answers answers;
};

/* The signature of support_proxy_answers. NOLINTNEXTLINE(readability-non-const-parameter) */
static int pick(const void *request, size_t bytes, enum support_proxy_fault fault, uint64_t *random, void *user)
{
    struct otherwise *o = user;
    const char *at = request;
    (void)random;
    o->picked_for = o->kit->kind->is_http ? at[6] : at[bytes - 3];
    return fault == SUPPORT_PROXY_ANSWER_BEFORE ? OWN : LATER;
}

/* Before: the number that was picked. After: that and the real one together. */
static struct support_proxy_answer make(int picked, const void *reply, size_t bytes, void *user)
{
    struct otherwise *o = user;
    struct support_proxy_answer answer = { .then = o->then };
    char real[128];
    unsigned long number = (unsigned long)picked;
    for (unsigned long i = 1; reply != NULL && i < 10; i++)
        if (make_reply(o->kit->kind, real, i) == bytes && memcmp(real, reply, bytes) == 0) {
            number += i;
            o->replies++;
        }
    answer.bytes = malloc(128);
    if (answer.bytes == NULL)
        support_die("malloc");
    answer.count = make_reply(o->kit->kind, answer.bytes, number);
    return answer;
}

/* Starts a client that sends a, b and c, of which b meets the fault, and gets the reply of a. */
static int second_meets(struct kit *kit, struct otherwise *o, enum support_proxy_fault fault)
{
    const struct support_proxy_step step = { 2, fault };
    struct support_proxy_plan plan = { .script = &step, .script_count = 1, .answers = &o->answers };
    int client = -1;
    o->kit = kit;
    o->answers = (struct support_proxy_answers){ pick, make, o };
    support_proxy_plan(kit->proxy, &plan);
    client = client_open(kit);
    client_put(kit, client, "abc");
    client_expect(kit, client, 1, 1);
    assert_int_equal(client_get(kit, client), fault == SUPPORT_PROXY_ANSWER_BEFORE ? OWN : LATER + 2);
    assert_int_equal(o->picked_for, 'b');
    assert_int_equal(o->replies, fault == SUPPORT_PROXY_ANSWER_AFTER);
    return client;
}

static void expect_counts(struct kit *kit, uint64_t forwarded, uint64_t replies, uint64_t lost_after)
{
    const struct support_proxy_counts counts = kit_counts(kit);
    assert_int_equal(counts.forwarded, forwarded);
    assert_int_equal(counts.replies, replies);
    assert_int_equal(counts.answered, 1);
    assert_int_equal(counts.lost_after, lost_after);
}

static void before(void **state)
{
    struct kit *kit = *state;
    struct otherwise o = { .then = SUPPORT_PROXY_GOES_ON };
    int client = second_meets(kit, &o, SUPPORT_PROXY_ANSWER_BEFORE);
    client_expect(kit, client, 2, 2);
    close(client);
    expect_counts(kit, 2, 2, 0);
    stub_expect(&kit->stub, "ac");
}

static void after(void **state)
{
    struct kit *kit = *state;
    struct otherwise o = { .then = SUPPORT_PROXY_GOES_ON };
    int client = second_meets(kit, &o, SUPPORT_PROXY_ANSWER_AFTER);
    client_expect(kit, client, 3, 3);
    close(client);
    expect_counts(kit, 3, 2, 1);
    stub_expect(&kit->stub, "abc");
}

/* What the client has sent meanwhile may have been forwarded: its reply is lost then, never passed on. */
static void nothing_comes_after(struct kit *kit)
{
    const struct support_proxy_counts counts = kit_counts(kit);
    assert_int_equal(counts.replies, 1);
    assert_int_equal(counts.answered, 1);
    assert_int_equal(counts.forwarded, counts.replies + counts.lost_after);
}

static void closes(struct kit *kit, enum support_proxy_fault fault)
{
    struct otherwise o = { .then = SUPPORT_PROXY_CLOSES };
    char got[64];
    assert_int_equal(client_expect_end(second_meets(kit, &o, fault), got, sizeof got), 0);
    nothing_comes_after(kit);
}

static void before_and_closes(void **state)
{
    closes(*state, SUPPORT_PROXY_ANSWER_BEFORE);
}

static void after_and_closes(void **state)
{
    closes(*state, SUPPORT_PROXY_ANSWER_AFTER);
}

static void stays_mute(struct kit *kit, enum support_proxy_fault fault)
{
    struct otherwise o = { .then = SUPPORT_PROXY_STAYS_MUTE };
    client_expect_mute(kit, second_meets(kit, &o, fault));
    nothing_comes_after(kit);
}

static void before_and_mute(void **state)
{
    stays_mute(*state, SUPPORT_PROXY_ANSWER_BEFORE);
}

static void after_and_mute(void **state)
{
    stays_mute(*state, SUPPORT_PROXY_ANSWER_AFTER);
}

/* Some come soon, some late. */
static void late_by_chance(void **state)
{
    struct kit *kit = *state;
    struct support_proxy_plan plan = { .seed = 5, .delay_ms = 1, .late_ms = 200 };
    const int64_t from_ns = support_now_ns();
    uint64_t soon = 0;
    char got[64];
    plan.permille[SUPPORT_PROXY_LATE_COPY] = 1000;
    support_proxy_plan(kit->proxy, &plan);
    for (int i = 0; i < 20; i++) {
        int client = client_open(kit);
        client_put(kit, client, "a");
        assert_int_equal(client_expect_reset(kit, client, got, sizeof got), 0);
    }
    support_sleep_ms(100);
    soon = kit_counts(kit).late_delivered;
    kit_settle(kit);
    assert_int_equal(kit_counts(kit).late_delivered, 20);
    assert_true(soon > 0);
    assert_true(support_now_ns() - from_ns >= 100 * 1000000);
}

const struct CMUnitTest proxy_answers[] = {
    OF_ALL(before),          OF_ALL(after),          OF_ALL(before_and_closes),    OF_ALL(after_and_closes),
    OF_ALL(before_and_mute), OF_ALL(after_and_mute), OF(late_by_chance, http_tcp),
};
const size_t proxy_answers_count = sizeof proxy_answers / sizeof proxy_answers[0];
