/* redis_replicas.c: redis.wait_replicas: nothing is acknowledged that a failover may lose. Two servers: the program is run by
 * with_redis.py twice, the outer one's server is the master (its URL is the argument), the inner one's the replica. */
#include "cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "redis_control.h"
#include "proxied.h"

enum { LONG_MS = 60000, SHORT_MS = 500, SOON_MS = 300, TRIES = 5, VISITOR = 1 };

static const char *master_url;

static struct footfall *opened_at(const char *url, const char *prefix, const char *wait_replicas)
{
    const char *pairs[] = {
        "backend", "redis",       "secret", SUPPORT_SECRET,        "redis.url",   url, "redis.prefix",
        prefix,    "redis.lanes", "1",      "redis.wait_replicas", wait_replicas, NULL
    };
    return support_open(pairs);
}

static struct footfall *opened(const char *prefix, const char *wait_replicas)
{
    return opened_at(master_url, prefix, wait_replicas);
}

/* The server has script and epoch key, so that an attempt is what it looks like. */
static void warm(const char *prefix)
{
    struct footfall *ff = opened(prefix, "0");
    assert_int_equal(support_visit(ff, "warm", VISITOR, SUPPORT_TIME_MS, LONG_MS, NULL), FOOTFALL_OK);
    footfall_close(ff);
}

static void assert_held(struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_result r = support_read(ff, name);
    assert_int_equal(r.total, total);
    assert_int_equal(r.unique, unique);
}

static void assert_new(const struct footfall_result *r, int64_t total, int64_t unique)
{
    assert_int_equal(r->status, FOOTFALL_OK);
    assert_int_equal(r->total, total);
    assert_int_equal(r->unique, unique);
    assert_true(r->flags & FOOTFALL_IS_NEW);
    assert_false(r->flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT));
}

static int master_port(void)
{
    return (int)strtol(strrchr(master_url, ':') + 1, NULL, 10);
}

static void follow(const char *host, const char *port)
{
    char *said = support_redis_command("REPLICAOF", host, port, NULL);
    assert_string_equal(said, "OK");
    free(said);
}

static void follow_master(void)
{
    char *number = support_format("%d", master_port());
    int is_up = 0;
    follow("127.0.0.1", number);
    for (int i = 0; i < 600 && !is_up; i++) {
        char *info = support_redis_command("INFO", "replication", NULL);
        is_up = strstr(info, "master_link_status:up") != NULL;
        free(info);
        support_sleep_ms(50);
    }
    assert_true(is_up);
    free(number);
}

/* One add, with a token or NULL, while too few replicas follow: in doubt when its time is up. */
static void add_in_doubt(struct footfall *ff, const char *token)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = SHORT_MS;
    call.token = token;
    call.token_bytes = token != NULL ? strlen(token) : 0;
    /* Not even sent, on a machine that stands still: once more. */
    for (int i = 0; i < TRIES && footfall_add(ff, "a", 1, &call, &r, NULL) == FOOTFALL_TEMPORARY; i++)
        ;
    assert_int_equal(r.status, FOOTFALL_UNKNOWN);
    assert_int_equal(r.total, 0);
}

/* It stands on the master, but that is not enough: doubt, and counted once however many attempts there were. */
static void without_a_replica(void **state)
{
    struct footfall *ff = NULL, *careless = NULL;
    struct footfall_result r;
    (void)state;
    warm("alone");
    ff = opened("alone", "1");
    careless = opened("alone", "0");
    add_in_doubt(ff, NULL);
    assert_held(ff, "a", 1, 0);
    assert_int_equal(support_visit(careless, "a", VISITOR, SUPPORT_TIME_MS, LONG_MS, &r), FOOTFALL_OK);
    assert_new(&r, 2, 1);
    footfall_close(careless);
    footfall_close(ff);
}

static void with_a_replica(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_result r;
    (void)state;
    warm("two");
    follow_master();
    ff = opened("two", "1");
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(support_visit(ff, "a", VISITOR + i, SUPPORT_TIME_MS, LONG_MS, &r), FOOTFALL_OK);
        assert_new(&r, (int64_t)i + 1, (int64_t)i + 1);
    }
    footfall_close(ff);
    /* One more than there are is one too many. */
    ff = opened("two", "2");
    add_in_doubt(ff, NULL);
    assert_held(ff, "a", 101, 100);
    footfall_close(ff);
    follow("NO", "ONE");
}

static atomic_int is_resumed; /* or about to be */

static void *resume_soon(void *user)
{
    (void)user;
    support_sleep_ms(SOON_MS);
    atomic_store(&is_resumed, 1);
    support_redis_control("resume");
    return NULL;
}

static void *resume_after_a_retry(void *ff)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    do {
        support_sleep_ms(10);
        footfall_stats(ff, &stats);
    } while (stats.retries == 0);
    return resume_soon(NULL);
}

/* One that `resume` has the replica go on for: acknowledged, and not before. */
static struct footfall_result add_in_time(struct footfall *ff, const char *token, void *(*resume)(void *))
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    pthread_t thread;
    call.wait_ms = LONG_MS;
    call.token = token;
    call.token_bytes = token != NULL ? strlen(token) : 0;
    atomic_store(&is_resumed, 0);
    assert_int_equal(pthread_create(&thread, NULL, resume, ff), 0);
    (void)footfall_add(ff, "a", 1, &call, &r, NULL);
    assert_true(atomic_load(&is_resumed));
    assert_int_equal(r.status, FOOTFALL_OK);
    pthread_join(thread, NULL);
    return r;
}

static void with_a_paused_replica(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_result r;
    (void)state;
    warm("paused");
    follow_master();
    ff = opened("paused", "1");
    assert_int_equal(support_add(ff, "a", 1, LONG_MS, &r), FOOTFALL_OK);

    /* Doubt at the deadline, though it stands on the master; the same token makes sure. */
    support_redis_control("pause");
    add_in_doubt(ff, "token");
    assert_held(ff, "a", 2, 0);
    r = add_in_time(ff, "token", resume_soon);
    assert_true(r.flags & FOOTFALL_REPLAYED);
    assert_int_equal(r.total, 2);

    /* It stands still longer than an attempt lasts: the resend is answered by the mark, and waits anew. */
    footfall_close(ff);
    ff = opened("paused", "1");
    support_redis_control("pause");
    r = add_in_time(ff, NULL, resume_after_a_retry);
    assert_false(r.flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT));
    assert_int_equal(r.total, 3);
    assert_held(ff, "a", 3, 0);
    footfall_close(ff);
    follow("NO", "ONE");
}

/* The reply is lost with the connection: on the new one the resend is answered by the mark, and the new connection has written
 * nothing else that WAIT could wait for. */
static void with_a_lost_reply(void **state)
{
    const struct support_proxy_address any = { .path = NULL }, master = { .port = (uint16_t)master_port() };
    const struct support_proxy_step first = { 1, SUPPORT_PROXY_RESET_AFTER };
    const struct support_proxy_plan plan = { .matches = proxied_is_apply, .script = &first, .script_count = 1 };
    struct support_proxy *proxy = support_proxy_start(&support_proxy_redis, any, master);
    char *url = support_format("redis://127.0.0.1:%d/0", support_proxy_port(proxy));
    struct footfall *ff = NULL;
    struct footfall_result r;
    (void)state;
    warm("lost");
    follow_master();
    ff = opened_at(url, "lost", "1");
    support_redis_control("pause");
    support_proxy_plan(proxy, &plan);
    r = add_in_time(ff, NULL, resume_after_a_retry);
    assert_false(r.flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT));
    assert_int_equal(r.total, 1);
    assert_int_equal(support_proxy_counts(proxy).by_fault[first.fault], 1);
    assert_held(ff, "a", 1, 0);
    footfall_close(ff);
    free(url);
    support_proxy_stop(proxy);
    follow("NO", "ONE");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_replica),
        cmocka_unit_test(with_a_replica),
        cmocka_unit_test(with_a_paused_replica),
        cmocka_unit_test(with_a_lost_reply),
    };
    if (argc != 2)
        support_die("give the master's URL");
    master_url = argv[1];
    return cmocka_run_group_tests_name("Redis, waiting for replicas", tests, NULL, NULL);
}
