/* redis_failover.c: redis.wait_replicas with a replica that follows, lags, and takes over. Run it by two with_redis.py, one in the
 * other: the inner server is the master, the outer one, whose URL is the argument, its replica. */
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"
#include "process.h"
#include "redis_ask.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 30000, SHORT_MS = 400, ENOUGH = 300 };

static const char *replica_url;
static char *master_url, *master_port;

/* Where commands and handles without a redis.url of their own go from now on. */
static void turn_to(const char *url, const char *port)
{
    if (setenv("FOOTFALL_TEST_REDIS_URL", url, 1) != 0 || setenv("FOOTFALL_TEST_REDIS_PORT", port, 1) != 0)
        support_die("setenv");
}

static void to_replica(void)
{
    char *port = support_format("%d", (int)strtol(strrchr(replica_url, ':') + 1, NULL, 10));
    turn_to(replica_url, port);
    free(port);
}

static void to_master(void)
{
    turn_to(master_url, master_port);
}

static void wait_for_info(const char *field, const char *value)
{
    for (int i = 0; i < 5000; i++) {
        char *now = redis_info(field);
        int there = strcmp(now, value) == 0;
        free(now);
        if (there)
            return;
        support_sleep_ms(4);
    }
    fail_msg("%s does not become %s", field, value);
}

static int follow(void **state)
{
    (void)state;
    to_replica();
    free(support_redis_command("REPLICAOF", "127.0.0.1", master_port, NULL)); /* it may be so already */
    to_master();
    REDIS_OK("FLUSHALL");
    wait_for_info("connected_slaves", "1");
    to_replica();
    wait_for_info("master_link_status", "up");
    to_master();
    return 0;
}

static void acknowledged_is_on_the_replica(void **state)
{
    struct footfall *ff = redis_open("f", "redis.wait_replicas", "1", NULL);
    struct footfall *other = NULL;
    struct footfall_error err;
    (void)state;
    for (uint32_t v = 0; v < ENOUGH; v++)
        EXPECT_FAULT(redis_visit(ff, "x", v, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    to_replica();
    assert_int_equal(redis_try_open(&other, &err, "f", "deadline", "300ms", NULL), FOOTFALL_TEMPORARY);
    REDIS_OK("REPLICAOF", "NO", "ONE");
    other = redis_open("f", NULL);
    assert_int_equal(support_read(other, "x").total, ENOUGH);
    for (uint32_t v = 0; v < ENOUGH; v++)
        EXPECT_FAULT(redis_visit(other, "x", v, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(other, "x").unique, ENOUGH);
    footfall_close(other);
    footfall_close(ff);
}

/* A replica that does not keep up: in doubt, told in time, and counted once when it is back. */
static void a_replica_lags(void **state)
{
    struct footfall *ff = redis_open("f", "redis.wait_replicas", "1", NULL);
    struct footfall_error err;
    int64_t begun = 0;
    char *pid = NULL;
    (void)state;
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    to_replica();
    pid = redis_info("process_id");
    to_master();
    kill((pid_t)strtol(pid, NULL, 10), SIGSTOP);
    begun = support_now_ns();
    EXPECT_FAULT(redis_add(ff, "x", SHORT_MS, &err), err, FOOTFALL_UNKNOWN, NULL);
    assert_true(support_now_ns() - begun < INT64_C(1500000000));
    kill((pid_t)strtol(pid, NULL, 10), SIGCONT);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(ff, "x").total, 3);
    footfall_close(ff);
    free(pid);
}

static atomic_int enough;
static int64_t sure, doubtful;
static atomic_int progress;

static void *count_on(void *arg)
{
    while (!atomic_load(&enough)) {
        int status = support_add(arg, "x", 1, SHORT_MS, NULL);
        sure += status == FOOTFALL_OK;
        doubtful += status == FOOTFALL_UNKNOWN;
        atomic_fetch_add(&progress, 1);
    }
    return NULL;
}

/* The master is killed under way and the replica takes over: nothing acknowledged is lost. */
static void a_failover_loses_nothing(void **state)
{
    struct footfall *ff = redis_open("f", "redis.wait_replicas", "1", NULL);
    pthread_t thread;
    (void)state;
    atomic_store(&enough, 0);
    if (pthread_create(&thread, NULL, count_on, ff) != 0)
        support_die("pthread_create");
    while (atomic_load(&progress) < ENOUGH)
        support_sleep_ms(1);
    support_redis_control("kill");
    atomic_store(&enough, 1);
    pthread_join(thread, NULL);
    footfall_close(ff);
    to_replica();
    REDIS_OK("REPLICAOF", "NO", "ONE");
    ff = redis_open("f", NULL);
    printf("%d acknowledged, %d in doubt, %d held\n", (int)sure, (int)doubtful, (int)support_read(ff, "x").total);
    assert_in_range(support_read(ff, "x").total, sure, sure + doubtful);
    assert_true(sure > 0);
    footfall_close(ff);
    support_redis_control("start");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(acknowledged_is_on_the_replica, follow),
        cmocka_unit_test_setup(a_replica_lags, follow),
        cmocka_unit_test_setup(a_failover_loses_nothing, follow),
    };
    if (argc != 2)
        support_die("usage: redis_failover URL");
    replica_url = argv[1];
    master_url = support_format("%s", support_redis_url());
    master_port = support_format("%d", support_redis_port());
    return cmocka_run_group_tests_name("Redis, replicas", tests, NULL, NULL);
}
