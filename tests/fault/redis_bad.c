/* redis_bad.c: servers that talk nonsense, too much, too slowly or not at all. Whatever they do, a call ends by its deadline with a
 * status that says no more than is known, and takes no more memory than a reply may have. */
#include "redis_bad.h"

#include "folder.h"
#include "handle.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOON_MS = 60, SENT_MS = 400 /* surely enough to send in */, LATER_MS = 4000, MOST_KIB = 40 * 1024 };
#define MANY "*16384\r\n"
#define NEST "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"
#define REPEATS(text) .repeats = (text), .repeat_bytes = sizeof(text) - 1

struct disturbance {
    const char *name;
    struct bad_way way; /* `at` is filled in */
    int waits;          /* it says nothing that could end the call: that ends with its deadline */
};

static const struct disturbance disturbances[] = {
    { "random bytes", { .random = 1 }, 0 },
    { "another protocol", { .says = "HTTP/1.1 400 Bad Request\r\n\r\n" }, 0 },
    { "a long text without its bytes", { .says = "$999999999\r\n" }, 1 },
    { "an endless text", { .says = "$2147483647\r\n", REPEATS("0123456789abcdef") }, 0 },
    { "a text longer than memory", { .says = "$9223372036854775807\r\n", REPEATS("0123456789abcdef") }, 0 },
    { "a text of a wrong length", { .says = "$-2\r\n" }, 0 },
    { "a long array", { .says = "*1000000000\r\n" }, 0 },
    { "a long array and its elements", { .says = "*2147483647\r\n", REPEATS(":1\r\n") }, 0 },
    { "an array as long as may be", { .says = MANY }, 1 },
    { "arrays of arrays of arrays", { .says = "", REPEATS("*1\r\n") }, 0 },
    { "wide arrays in wide arrays", { .says = MANY MANY MANY MANY MANY, REPEATS(":1\r\n") }, 0 },
    { "arrays of tiny arrays", { .says = MANY MANY, REPEATS(NEST) }, 0 },
    { "nothing but empty arrays", { .says = MANY MANY MANY, REPEATS("*0\r\n") }, 0 },
    { "a line without an end", { .says = "+", REPEATS("0123456789abcdef") }, 0 },
    { "an error without an end", { .says = "-", REPEATS("0123456789abcdef") }, 0 },
    { "a number too long", { .says = ":99999999999999999999", REPEATS("9") }, 0 },
    { "zero bytes", { .says = "", .repeats = "\0\0\0\0", .repeat_bytes = 4 }, 0 },
    { "errors without end", { .says = "", REPEATS("-LOADING x\r\n") }, 0 },
    { "answers without end", { .says = "", REPEATS("+PONG\r\n") }, 0 },
    { "half a reply, then silence", { .says = "*3\r\n$1\r\n0\r\n$1\r\n" }, 1 },
    { "half a reply, then the end", { .says = "*3\r\n$1\r\n0\r\n$1\r\n", .closes = 1 }, 0 },
    { "silence", { .says = NULL }, 1 },
    { "the end", { .closes = 1 }, 0 },
    { "a byte now and then", { .says = "$1000000\r\n", REPEATS("x"), .pause_ms = 20 }, 1 },
    { "a byte of a line now and then", { .says = "-", REPEATS("x"), .pause_ms = 20 }, 1 },
};
enum { DISTURBANCES = sizeof(disturbances) / sizeof(disturbances[0]) };

static void expect(const struct bad *bad, const char *name, const char *asked, int status, char wanted)
{
    long grown = bad_memory_grown();
    if (bad_letter(status) != wanted || bad->text[0] == '\0')
        fail_msg("%s: %s answered '%c' instead of '%c': %s", name, asked, bad_letter(status), wanted, bad->text);
    if (grown > MOST_KIB)
        fail_msg("%s: %s took %ld KiB", name, asked, grown);
}

/* Only a batch is ever in doubt; it always is, for it had left. */
static void every_call_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < DISTURBANCES; i++)
        for (int ask = 0; ask < ASKS; ask++) {
            struct bad_way way = disturbances[i].way;
            struct bad bad = { 0 };
            int ms = !disturbances[i].waits ? LATER_MS : ask == APPLY ? SENT_MS : SOON_MS;
            way.at = HANDSHAKE;
            bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
            assert_int_equal(bad.opened, 0);
            bad_memory_begin();
            expect(&bad, disturbances[i].name, ask_names[ask], bad_ask(&bad, (enum ask)ask, ms),
                   ask == APPLY ? 'u' : 't');
            bad_close(&bad);
        }
}

/* Instead of any of the handshake's replies, and before them: nothing can have been applied. */
static void every_handshake_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < DISTURBANCES; i++)
        for (int at = -1; at < HANDSHAKE; at++) {
            struct bad_way ways[2] = { { .at = HANDSHAKE, .closes = 1 }, disturbances[i].way };
            struct bad bad = { 0 };
            int ms = disturbances[i].waits ? SOON_MS : LATER_MS;
            ways[1].at = at;
            bad_memory_begin();
            bad_open(&bad, &ways[1], 1, NULL, NULL, ms);
            expect(&bad, disturbances[i].name, "open", bad.opened, 't');
            bad_close(&bad);
            bad_open(&bad, ways, 2, NULL, NULL, LATER_MS);
            assert_int_equal(bad.opened, 0);
            (void)bad_ask(&bad, PING, LATER_MS); /* loses the connection */
            expect(&bad, disturbances[i].name, "apply", bad_ask(&bad, APPLY, ms), 't');
            assert_true(disturbances[i].waits || bad_server_connections(bad.server) == 2);
            bad_close(&bad);
        }
}

static void tls_with_a_bad_server_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < DISTURBANCES; i++) {
        struct bad_way way = disturbances[i].way;
        struct bad bad = { 0 };
        char *url = NULL;
        way.at = -1;
        bad.server = bad_server_start(&way, 1, NULL);
        url = support_format("rediss%s", bad_server_url(bad.server) + strlen("redis"));
        bad_memory_begin();
        expect(&bad, disturbances[i].name, "open over TLS", bad_open_store(&bad, url, NULL, SOON_MS), 't');
        free(url);
        bad_close(&bad);
    }
}

/* Half a second of a byte each 100 ms: each of them wakes the client, none may give it more time. */
static void a_trickle_gains_no_time(void **state)
{
    static const struct bad_way way = { .at = HANDSHAKE, REPEATS("$"), .says = "$9999", .pause_ms = 100 };
    struct bad bad = { 0 };
    int64_t begun = 0;
    (void)state;
    bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
    begun = support_now_ns();
    expect(&bad, "a trickle", "apply", bad_ask(&bad, APPLY, 500), 'u');
    assert_true(support_now_ns() - begun >= INT64_C(490000000) || strstr(bad.text, "in time") == NULL);
    bad_close(&bad);
}

/* Nothing goes out after the deadline, so nothing is in doubt. */
static void a_call_past_its_deadline_sends_nothing(void **state)
{
    static const struct bad_way way = { .at = HANDSHAKE, .closes = 1 };
    (void)state;
    for (int ask = 0; ask < ASKS; ask++) {
        struct bad bad = { 0 };
        bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
        bad_memory_begin();
        expect(&bad, "too late", ask_names[ask], bad_ask(&bad, (enum ask)ask, -100), 't');
        expect(&bad, "too late, and not connected", ask_names[ask], bad_ask(&bad, (enum ask)ask, -100), 't');
        assert_int_equal(bad_server_connections(bad.server), 1);
        bad_close(&bad);
    }
}

/* Nobody reads: what has not left whole was certainly not carried out, the rest may have been. */
static void a_batch_that_is_not_read_ends(void **state)
{
    static const struct bad_way way = { .at = HANDSHAKE, .never_reads = 1 };
    static struct footfall_store_result results[1024];
    struct bad bad = { .folder = support_folder_make() };
    size_t unknown = 0;
    (void)state;
    bad_open(&bad, &way, 1, NULL, NULL, LATER_MS);
    assert_int_equal(bad.opened, 0);
    assert_int_equal(bad_apply(&bad, 1024, results, 1000), 0);
    for (size_t i = 0; i < 1024; i++) {
        assert_true(results[i].status == FOOTFALL_STORE_UNKNOWN || results[i].status == FOOTFALL_STORE_TEMPORARY);
        unknown += results[i].status == FOOTFALL_STORE_UNKNOWN;
        assert_true(i == 0 || results[i - 1].status <= results[i].status); /* sent in order */
    }
    assert_in_range(unknown, 1, 1023);
    assert_int_equal(bad_server_drain(bad.server), unknown);
    bad_close(&bad);
    support_folder_remove(bad.folder);
}

static void nobody_is_there(void **state)
{
    static const char *const urls[] = { "redis://no-such-host.invalid",
                                        "redis://127.0.0.1:1",
                                        "redis://[::1]:1",
                                        "unix:///nonexistent/redis.sock",
                                        "rediss://no-such-host.invalid:1",
                                        "redis://999.999.999.999" };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct bad bad = { 0 };
        expect(&bad, urls[i], "open", bad_open_store(&bad, urls[i], NULL, 500), 't');
        bad_close(&bad);
    }
}

/* With the engine over it: a server that loads its data for a while is waited for, by a batch and by open. */
static void loading_is_waited_for(void **state)
{
    static const struct bad_way ways[] = {
        { .at = HANDSHAKE, .says = "-LOADING Redis is loading\r\n", .times = 4, .batches_only = 1 },
        { .at = HANDSHAKE, .says = "-LOADING Redis is loading\r\n", .times = 4 },
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bad_server *server = bad_server_start(&ways[i], 1, NULL);
        const char *pairs[] = { "backend", "redis",        "redis.url", bad_server_url(server), "redis.lanes", "1",
                                "secret",  SUPPORT_SECRET, NULL };
        struct footfall *ff = support_open(pairs);
        struct footfall_result r;
        struct footfall_stats stats = FOOTFALL_STATS_INIT;
        assert_int_equal(support_add(ff, "a", 5, 10000, &r), FOOTFALL_OK);
        assert_int_equal(r.total, 5);
        footfall_stats(ff, &stats);
        assert_int_equal(stats.batches, i == 0 ? 5 : 1);
        footfall_close(ff);
        bad_server_stop(server);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_ends),
        cmocka_unit_test(every_handshake_ends),
        cmocka_unit_test(tls_with_a_bad_server_ends),
        cmocka_unit_test(a_trickle_gains_no_time),
        cmocka_unit_test(a_call_past_its_deadline_sends_nothing),
        cmocka_unit_test(a_batch_that_is_not_read_ends),
        cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(loading_is_waited_for),
    };
    int failed = cmocka_run_group_tests_name("bad Redis servers", tests, NULL, NULL);
    return failed +
           _cmocka_run_group_tests("wrong replies of Redis", redis_bad_types, redis_bad_types_count, NULL, NULL);
}
