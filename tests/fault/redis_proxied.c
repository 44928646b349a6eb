/* redis_proxied.c: see redis_proxied.h. What the proxy can do is support/proxy.h's, the server's life support/redis_control.h's. */
#include "redis_proxied.h"

#include "cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "handle.h"
#include "process.h"
#include "redis_control.h"

enum { MOST_STEPS = 16, SETTLE_MS = 60000 };

struct support_proxy *redis_proxied_start(void)
{
    struct support_proxy_address any = { .path = NULL };
    struct support_proxy_address server = { .port = (uint16_t)support_redis_port() };
    return support_proxy_start(&support_proxy_redis, any, server);
}

struct footfall *redis_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes)
{
    char *keys[] = { support_format("%s.url", backend), support_format("%s.prefix", backend),
                     support_format("%s.lanes", backend) };
    char *url = support_format("redis://127.0.0.1:%d/0", port != 0 ? (int)port : support_redis_port());
    const char *pairs[] = { "backend", backend, "secret", SUPPORT_SECRET, "deadline", "60s", keys[0],
                            url,       keys[1], prefix,   keys[2],        lanes,      NULL };
    struct footfall *ff = support_open(pairs);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        free(keys[i]);
    free(url);
    return ff;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

/* The nth word, from 0, of a whole request ("*2\r\n$4\r\nPING\r\n…"); NULL when it has fewer. */
static const char *word(const void *request, size_t bytes, unsigned nth, size_t *word_bytes)
{
    const char *at = request;
    const char *end = at + bytes;
    for (;; nth--) {
        size_t size = 0;
        at = memchr(at, '\n', (size_t)(end - at)); /* after "*2\r", or after a word */
        if (at == NULL || end - at < 2 || at[1] != '$')
            return NULL;
        for (at += 2; at < end && *at >= '0' && *at <= '9'; at++)
            size = size * 10 + (size_t)(*at - '0');
        if (end - at < 4 || size > (size_t)(end - at) - 4)
            return NULL;
        at += 2;
        *word_bytes = size;
        if (nth == 0)
            return at;
        at += size;
    }
}

static int is_word(const void *request, size_t bytes, unsigned nth, const char *text)
{
    size_t count = 0;
    const char *at = word(request, bytes, nth, &count);
    return at != NULL && count == strlen(text) && memcmp(at, text, count) == 0;
}

int redis_proxied_is_script(const void *request, size_t bytes, void *user)
{
    (void)user;
    return is_word(request, bytes, 0, "EVALSHA") || is_word(request, bytes, 0, "EVAL");
}

/* The scripts differ in how many keys they take: apply.lua 4, epoch_key.lua 2, the others 1. */
int redis_proxied_is_apply(const void *request, size_t bytes, void *user)
{
    return redis_proxied_is_script(request, bytes, user) && is_word(request, bytes, 2, "4");
}

int redis_proxied_is_epoch(const void *request, size_t bytes, void *user)
{
    return redis_proxied_is_script(request, bytes, user) && is_word(request, bytes, 2, "2");
}

/* ---- one test's surroundings --------------------------------------------------------------------------------------------- */

int redis_proxied_setup(void **state)
{
    static int number;
    struct redis_proxied *p = calloc(1, sizeof *p);
    if (p == NULL)
        support_die("calloc");
    snprintf(p->prefix, sizeof p->prefix, "test%d", ++number);
    p->proxy = redis_proxied_start();
    p->ff = redis_proxied_open("redis", support_proxy_port(p->proxy), p->prefix, "1");
    if (support_visit(p->ff, "warm", 0, SUPPORT_TIME_MS, 60000, NULL) != FOOTFALL_OK)
        support_die("visit");
    *state = p;
    return 0;
}

int redis_proxied_teardown(void **state)
{
    struct redis_proxied *p = *state;
    footfall_close(p->ff);
    support_proxy_stop(p->proxy);
    free(p);
    return 0;
}

struct footfall *redis_proxied_direct(const struct redis_proxied *p)
{
    return redis_proxied_open("redis", 0, p->prefix, "1");
}

void redis_proxied_plan(const struct redis_proxied *p, const enum support_proxy_fault *faults, size_t count,
                        enum support_proxy_fault rest, int64_t delay_ms)
{
    struct support_proxy_step steps[MOST_STEPS];
    struct support_proxy_plan plan = {
        .matches = redis_proxied_is_apply, .script = steps, .script_count = count, .delay_ms = delay_ms, .trickle_ms = 1
    };
    assert_true(count <= MOST_STEPS);
    for (size_t i = 0; i < count; i++)
        steps[i] = (struct support_proxy_step){ i + 1, faults[i] };
    plan.permille[rest] = 1000;
    support_proxy_plan(p->proxy, &plan);
}

void redis_proxied_calm(const struct redis_proxied *p)
{
    support_proxy_plan(p->proxy, NULL);
}

void redis_proxied_settle(struct support_proxy *proxy)
{
    assert_int_equal(support_proxy_settle(proxy, support_now_ns() + SETTLE_MS * INT64_C(1000000)), 0);
}

uint64_t redis_proxied_retries(const struct redis_proxied *p)
{
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    footfall_stats(p->ff, &stats);
    return stats.retries;
}
