/* proxied.c: see proxied.h: what is the same for every backend. What the proxy can do is support/proxy.h's. */
#include "proxied.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "folder.h"
#include "handle.h"
#include "process.h"

enum { MOST_STEPS = 16, SETTLE_MS = 60000 };

int proxied_setup(void **state)
{
    static int number;
    struct proxied *p = calloc(1, sizeof *p);
    if (p == NULL)
        support_die("calloc");
    snprintf(p->prefix, sizeof p->prefix, "test%d", ++number);
    p->proxy = proxied_start();
    proxied_make(p->prefix);
    p->ff = proxied_open(proxied_backend, support_proxy_port(p->proxy), p->prefix, "1", "");
    if (support_visit(p->ff, "warm", 0, SUPPORT_TIME_MS, 60000, NULL) != FOOTFALL_OK)
        support_die("visit");
    *state = p;
    return 0;
}

int proxied_teardown(void **state)
{
    struct proxied *p = *state;
    footfall_close(p->ff);
    support_proxy_stop(p->proxy);
    free(p);
    return 0;
}

struct footfall *proxied_direct(const struct proxied *p)
{
    return proxied_open(proxied_backend, 0, p->prefix, "1", "");
}

void proxied_plan(const struct proxied *p, const enum support_proxy_fault *faults, size_t count,
                  enum support_proxy_fault rest, int64_t delay_ms)
{
    struct support_proxy_step steps[MOST_STEPS];
    struct support_proxy_plan plan = {
        .matches = proxied_is_apply, .script = steps, .script_count = count, .delay_ms = delay_ms, .trickle_ms = 1
    };
    assert_true(count <= MOST_STEPS);
    for (size_t i = 0; i < count; i++)
        steps[i] = (struct support_proxy_step){ i + 1, faults[i] };
    plan.permille[rest] = 1000;
    support_proxy_plan(p->proxy, &plan);
}

void proxied_calm(const struct proxied *p)
{
    support_proxy_plan(p->proxy, NULL);
}

void proxied_settle(struct support_proxy *proxy)
{
    assert_int_equal(support_proxy_settle(proxy, support_now_ns() + SETTLE_MS * INT64_C(1000000)), 0);
}

uint64_t proxied_retries(const struct proxied *p)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    footfall_stats(p->ff, &stats);
    return stats.retries;
}
