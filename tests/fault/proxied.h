/* proxied.h: what fault tests of a backend with a server stand on: a proxy in front of the server that with_SERVER.py gave the
 * program, handles through it or past it, and plans for what it does. A program is linked with one of redis_proxied.c and
 * dynamodb_proxied.c, which say what is its backend's, and with proxied.c. */
#ifndef FAULT_PROXIED_H
#define FAULT_PROXIED_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"
#include "proxy.h"

extern const char *const proxied_backend; /* "redis" */
/* Whether a copy that comes after its sender's death is counted for certain; else it may meet another's mark. */
extern const int proxied_dead_copy_counts;

struct support_proxy *proxied_start(void);
/* A handle on the counters under this prefix, which are there already (proxied_make). backend: proxied_backend, or one that
 * forwards to it. port: the proxy's, 0: the server's. settings: more of them, between blanks: "window=2h .atomic=false", where
 * what begins with a dot is the backend's; or "". */
struct footfall *proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes,
                              const char *settings);
/* Whatever must be there before a handle is opened. */
void proxied_make(const char *prefix);

/* For plans, as `matches`: requests that count or read; those that apply operations; those about epoch keys. */
int proxied_is_counting(const void *request, size_t bytes, void *user);
int proxied_is_apply(const void *request, size_t bytes, void *user);
int proxied_is_epoch(const void *request, size_t bytes, void *user);

/* One test's surroundings, for cmocka: a proxy without faults, and a handle of one lane through it. Prefix and epoch key are the
 * test's own, the connection is there already. */
struct proxied {
    struct support_proxy *proxy;
    struct footfall *ff;
    char prefix[24];
};
int proxied_setup(void **state);
int proxied_teardown(void **state);
/* A handle of somebody else on the same counters, past the proxy. */
struct footfall *proxied_direct(const struct proxied *p);

/* From now on the requests that apply operations meet these in turn, and those after them `rest`. */
void proxied_plan(const struct proxied *p, const enum support_proxy_fault *faults, size_t count,
                  enum support_proxy_fault rest, int64_t delay_ms);
/* No faults any more; counts start at 0. */
void proxied_calm(const struct proxied *p);
/* Waits until nothing is on its way; ends the test when that takes a minute. */
void proxied_settle(struct support_proxy *proxy);
/* Attempts that the engine repeated. */
uint64_t proxied_retries(const struct proxied *p);
#endif
