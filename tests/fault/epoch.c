/* epoch.c: epoch keys, and opening a handle, while requests for keys are lost, repeated and late: whoever asks, all have the
 * same key, and a lost reply costs an attempt, nothing more. */
#include "cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "proxied.h"

enum { ROUNDS = 20, LONG_MS = 60000 };

/* A reply that does not come is an attempt's loss, not footfall_open's. */
static void opening_tries_again(void **state)
{
    static const enum support_proxy_fault kinds[] = { SUPPORT_PROXY_SILENT, SUPPORT_PROXY_CUT_REPLY };
    struct proxied *p = *state;
    for (int i = 0; i < 2; i++) {
        const struct support_proxy_step first = { 1, kinds[i] };
        struct support_proxy_plan plan = { .matches = proxied_is_epoch, .script = &first, .script_count = 1 };
        struct footfall *ff = NULL;
        support_proxy_plan(p->proxy, &plan);
        ff = proxied_open(proxied_backend, support_proxy_port(p->proxy), p->prefix, "1", "");
        assert_true(support_proxy_counts(p->proxy).matching > 1);
        footfall_close(ff);
    }
}

/* program visit PORT PREFIX: one visit by the same visitor, once there is something to read; reports the flags. */
static int visit_once(char **argv)
{
    struct footfall *ff = proxied_open(proxied_backend, (uint16_t)strtoul(argv[2], NULL, 10), argv[3], "1", "");
    struct footfall_result r;
    (void)getchar();
    if (support_visit(ff, "a", 3, SUPPORT_TIME_MS, LONG_MS, &r) != FOOTFALL_OK)
        support_die("visit");
    support_report(&r, sizeof r);
    footfall_close(ff);
    return 0;
}

/* Two fresh processes make the epochs' keys at once while requests for them are lost and repeated: both know the visitor under
 * the same key, so one visit is new. */
static void two_agree_on_the_epoch(void **state)
{
    struct proxied *p = *state;
    uint64_t random = support_seed(), lost = 0, late = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct support_proxy_plan plan = { .matches = proxied_is_epoch,
                                           .seed = support_random(&random),
                                           .delay_ms = 30 };
        char port[8], prefix[40];
        const char *args[] = { "visit", port, prefix, NULL };
        struct support_process processes[2];
        int64_t totals = 0;
        int news = 0;
        plan.permille[SUPPORT_PROXY_RESET_AFTER] = 120;
        plan.permille[SUPPORT_PROXY_CUT_REPLY] = 50;
        plan.permille[SUPPORT_PROXY_RESET_BEFORE] = 50;
        plan.permille[SUPPORT_PROXY_LATE_COPY] = 120;
        plan.permille[SUPPORT_PROXY_REPEAT] = 100;
        support_proxy_plan(p->proxy, &plan);
        snprintf(port, sizeof port, "%d", support_proxy_port(p->proxy));
        snprintf(prefix, sizeof prefix, "%s.epoch%d", p->prefix, round);
        proxied_make(prefix);
        for (int i = 0; i < 2; i++)
            support_process_start(&processes[i], args);
        for (int i = 0; i < 2; i++)
            dprintf(processes[i].to, "\n");
        for (int i = 0; i < 2; i++) {
            struct support_bytes bytes = { 0 };
            struct footfall_result r;
            (void)support_process_read(&processes[i], &bytes, INT64_MAX);
            assert_int_equal(support_process_wait(&processes[i]), 0);
            assert_int_equal(bytes.count, sizeof r);
            memcpy(&r, bytes.at, sizeof r);
            free(bytes.at);
            totals += r.total;
            news += (r.flags & FOOTFALL_IS_NEW) != 0;
        }
        proxied_settle(p->proxy);
        lost += support_proxy_counts(p->proxy).lost_after;
        late += support_proxy_counts(p->proxy).late_delivered;
        assert_int_equal(totals, 3);
        assert_int_equal(news, 1);
    }
    printf("epoch keys: %" PRIu64 " replies lost, %" PRIu64 " copies late\n", lost, late);
    assert_true(lost > 0 && late > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening_tries_again, proxied_setup, proxied_teardown),
        cmocka_unit_test_setup_teardown(two_agree_on_the_epoch, proxied_setup, proxied_teardown),
    };
    if (argc == 4 && strcmp(argv[1], "visit") == 0)
        return visit_once(argv);
    return cmocka_run_group_tests_name("epoch keys under faults", tests, NULL, NULL);
}
