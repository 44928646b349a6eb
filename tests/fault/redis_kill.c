/* redis_kill.c: kill -9 under load, of the server (with appendfsync always) and of those who count: what was acknowledged is
 * there, once. Run it by with_redis.py --appendonly always. */
#include "cmocka_all.h"

#include "process.h"
#include "redis_ask.h"
#include "load.h"

#include <signal.h>
#include <stdio.h>

enum { KILLS = 10, PROCESSES = 3 };

static void server_killed_ten_times(void **state)
{
    struct load_ledger ledger = { .prefix = "server" };
    uint64_t random = support_seed();
    struct load load;
    (void)state;
    load_start(&load, &ledger, PROCESSES, support_random(&random));
    for (int i = 0; i < KILLS; i++) {
        load_wait(&load, 300 + support_random_below(&random, 2000));
        support_sleep_ms((int64_t)support_random_below(&random, 20));
        support_redis_control("restart");
    }
    load_wait(&load, 500);
    load_stop(&load);
    load_compare(&load, &ledger, 1);
    printf("the server killed %d times: %zu operations, all of them acknowledged and counted once\n", KILLS,
           ledger.acknowledged);
    assert_int_equal(ledger.in_flight, 0);
    assert_true(ledger.acknowledged > (size_t)KILLS * 100);
}

static void clients_killed_ten_times(void **state)
{
    struct load_ledger ledger = { .prefix = "clients" };
    uint64_t random = support_seed();
    (void)state;
    for (int i = 0; i < KILLS; i++) {
        struct load load;
        load_start(&load, &ledger, PROCESSES, support_random(&random));
        load_wait(&load, 50 + support_random_below(&random, 400));
        load_kill(&load);
        load_compare(&load, &ledger, 0);
    }
    printf("%d processes killed %d times: %zu operations acknowledged, %zu under way, %zu of those not counted\n",
           PROCESSES, KILLS, ledger.acknowledged, ledger.in_flight, ledger.lost_in_flight);
    assert_true(ledger.acknowledged > (size_t)KILLS * 50);
    assert_true(ledger.in_flight > 0);
    assert_true(ledger.in_flight <= (size_t)KILLS * PROCESSES * LOAD_THREADS);
}

/* Both at once: the server goes while a client does. */
static void both_killed(void **state)
{
    struct load_ledger ledger = { .prefix = "both" };
    uint64_t random = support_seed();
    (void)state;
    for (int i = 0; i < KILLS / 2; i++) {
        struct load load;
        load_start(&load, &ledger, PROCESSES, support_random(&random));
        load_wait(&load, 50 + support_random_below(&random, 400));
        support_redis_control("kill");
        support_sleep_ms((int64_t)support_random_below(&random, 5));
        for (size_t w = 0; w < load.worker_count; w += 2)
            kill(load.workers[w].process.pid, SIGKILL);
        support_redis_control("start");
        load_kill(&load);
        load_compare(&load, &ledger, 0);
    }
    assert_true(ledger.acknowledged > (size_t)KILLS / 2 * 50);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_killed_ten_times),
        cmocka_unit_test(clients_killed_ten_times),
        cmocka_unit_test(both_killed),
    };
    load_role(argc, argv);
    return cmocka_run_group_tests_name("Redis, kill -9", tests, NULL, NULL);
}
