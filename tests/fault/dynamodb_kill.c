/* dynamodb_kill.c: kill -9 of those who count on DynamoDB Local, under load: what was acknowledged is there, once. Run it by
 * with_dynamodb.py --own. */
#include "cmocka_all.h"

#include "dynamodb_proxied.h"
#include "load.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>

enum { KILLS = 10, PROCESSES = 3 };

static void kill_clients(struct load_ledger *ledger)
{
    uint64_t random = support_seed();
    proxied_make(ledger->prefix);
    for (int i = 0; i < KILLS; i++) {
        struct load load;
        load_start(&load, ledger, PROCESSES, support_random(&random));
        load_wait(&load, 50 + support_random_below(&random, 200));
        support_sleep_ms((int64_t)support_random_below(&random, 20));
        load_kill(&load);
        load_compare(&load, ledger, 0);
    }
    printf("%s: %d processes killed %d times: %zu operations acknowledged, %zu under way, %zu of those not counted\n",
           ledger->prefix, PROCESSES, KILLS, ledger->acknowledged, ledger->in_flight, ledger->lost_in_flight);
    assert_true(ledger->acknowledged > (size_t)KILLS * 50);
    assert_true(ledger->in_flight > 0);
    assert_true(ledger->in_flight <= (size_t)KILLS * PROCESSES * LOAD_THREADS);
}

static void clients_killed_ten_times(void **state)
{
    struct load_ledger ledger = { .prefix = "killed" };
    (void)state;
    kill_clients(&ledger);
}

/* dynamodb.atomic=false: own totals are exact, unique may lag by the visits that were under way. */
static void plain_clients_killed_ten_times(void **state)
{
    struct load_ledger ledger = { .prefix = "plainkilled", .may_lag = 1 };
    char *settings = dynamodb_plain(&ledger.now_ms, 2);
    (void)state;
    ledger.settings = settings;
    kill_clients(&ledger);
    free(settings);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_killed_ten_times),
        cmocka_unit_test(plain_clients_killed_ten_times),
    };
    load_role(argc, argv);
    return cmocka_run_group_tests_name("DynamoDB, kill -9", tests, NULL, NULL);
}
