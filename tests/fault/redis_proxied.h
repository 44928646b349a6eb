/* redis_proxied.h: what the fault tests of the Redis backend stand on: a proxy in front of the server that with_redis.py gave
 * the program, handles through it or past it, and plans for what it does. */
#ifndef REDIS_PROXIED_H
#define REDIS_PROXIED_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"
#include "proxy.h"

struct support_proxy *redis_proxied_start(void);
/* A handle on the counters under this prefix. backend: "redis", or one that forwards to it. port: the proxy's, 0: the server's. */
struct footfall *redis_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes);

/* For plans, as `matches`: any script, by EVALSHA or EVAL; the one that applies operations; the one that puts epoch keys. */
int redis_proxied_is_script(const void *request, size_t bytes, void *user);
int redis_proxied_is_apply(const void *request, size_t bytes, void *user);
int redis_proxied_is_epoch(const void *request, size_t bytes, void *user);

/* One test's surroundings, for cmocka: a proxy without faults, and a handle of one lane through it. Prefix and epoch key are the
 * test's own, the server has the script already. */
struct redis_proxied {
    struct support_proxy *proxy;
    struct footfall *ff;
    char prefix[16];
};
int redis_proxied_setup(void **state);
int redis_proxied_teardown(void **state);
/* A handle of somebody else on the same counters, past the proxy. */
struct footfall *redis_proxied_direct(const struct redis_proxied *p);

/* From now on the requests that apply operations meet these in turn, and those after them `rest`. */
void redis_proxied_plan(const struct redis_proxied *p, const enum support_proxy_fault *faults, size_t count,
                        enum support_proxy_fault rest, int64_t delay_ms);
/* No faults any more; counts start at 0. */
void redis_proxied_calm(const struct redis_proxied *p);
/* Waits until nothing is on its way; ends the test when that takes a minute. */
void redis_proxied_settle(struct support_proxy *proxy);
uint64_t redis_proxied_retries(const struct redis_proxied *p);
#endif
