/* proxy.c: the fault proxy's thread (proxy.h): listens, polls, decides which request meets which fault, and takes orders. What
 * happens on a connection is proxy_link.c's. */
#include "proxy.h"
#include "proxy_link.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "process.h"

enum { WAKE, LISTEN, LINKS }; /* in the array of what is polled; two for each link */

struct support_proxy {
    struct proxy_socket listen_at, upstream;
    char *path;   /* of the listening socket, or NULL */
    int holder;   /* keeps the TCP port while nobody listens there */
    int listener; /* -1: refusing */
    int wake;
    pthread_t thread;

    pthread_mutex_t lock; /* over everything below; let go of while polling */
    pthread_cond_t done;
    uint64_t asked, obeyed; /* orders */
    int stops, refuses, cuts, cuts_by_reset;
    uint64_t settle_asked, settled;
    struct proxy_core core;
    struct support_proxy_step *script; /* the plan's, a copy */
    struct proxy_link *links;
    size_t link_count;
    struct pollfd *polled;
    size_t polled_room;
};

static void start_listening(struct support_proxy *proxy)
{
    const int on = 1;
    proxy->listener = proxy_socket_open(&proxy->listen_at);
    if (proxy->path != NULL)
        unlink(proxy->path);
    else
        setsockopt(proxy->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(proxy->listener, &proxy->listen_at.at.any, proxy->listen_at.bytes) != 0 ||
        listen(proxy->listener, 1024) != 0)
        support_die("proxy: listen");
}

/* A port of our own: the socket that holds it never listens. */
static void find_port(struct support_proxy *proxy)
{
    struct proxy_socket *at = &proxy->listen_at;
    const int on = 1;
    proxy->holder = proxy_socket_open(at);
    setsockopt(proxy->holder, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(proxy->holder, &at->at.any, at->bytes) != 0 || getsockname(proxy->holder, &at->at.any, &at->bytes) != 0)
        support_die("proxy: bind");
}

static void accept_clients(struct support_proxy *proxy)
{
    int client = -1;
    while (proxy->listener >= 0 && (client = proxy_socket_accept(proxy->listener)) >= 0) {
        struct proxy_link *link = calloc(1, sizeof *link);
        if (link == NULL)
            support_die("proxy: calloc");
        proxy->core.counts.connections++;
        link->client = client;
        link->server = proxy_socket_open(&proxy->upstream);
        if (connect(link->server, &proxy->upstream.at.any, proxy->upstream.bytes) != 0)
            link->connecting = errno == EINPROGRESS ? 1 : -1;
        if (link->connecting < 0) {
            proxy_link_free(link);
            continue;
        }
        link->next = proxy->links;
        proxy->links = link;
        proxy->link_count++;
    }
}

/* Every link that has events (in the order of the list), or whose time has come, goes on. events NULL: none has. */
static void step_links(struct support_proxy *proxy, const struct pollfd *events, int all)
{
    const int64_t now_ns = support_now_ns();
    struct proxy_link **at = &proxy->links;
    while (*at != NULL) {
        struct proxy_link *link = *at;
        const short client = events != NULL ? events[0].revents : 0, server = events != NULL ? events[1].revents : 0;
        const int is_due = all || client != 0 || server != 0 || proxy_link_wakes_ns(link) <= now_ns;
        events = events != NULL ? events + 2 : NULL;
        if (is_due && proxy_link_step(&proxy->core, link, client, server)) {
            *at = link->next;
            proxy->link_count--;
            proxy_link_free(link);
        } else {
            at = &link->next;
        }
    }
}

static void obey(struct support_proxy *proxy)
{
    if (proxy->cuts) {
        accept_clients(proxy);
        for (struct proxy_link *link = proxy->links; link != NULL; link = link->next)
            proxy_link_cut(&proxy->core, link, proxy->cuts_by_reset);
        step_links(proxy, NULL, 1);
        proxy->cuts = 0;
    }
    if (proxy->refuses && proxy->listener >= 0)
        proxy_socket_end(&proxy->listener, PROXY_CLOSE);
    else if (!proxy->refuses && proxy->listener < 0)
        start_listening(proxy);
    if (proxy->obeyed != proxy->asked) {
        proxy->obeyed = proxy->asked;
        pthread_cond_broadcast(&proxy->done);
    }
}

static void set_poll(struct pollfd *polled, int fd, short events)
{
    /* Without this a descriptor that nobody wants to hear of would still report its errors, again and again. */
    *polled = (struct pollfd){ .fd = events != 0 ? fd : -1, .events = events };
}

/* Fills proxy->polled; gives when to stop waiting. */
static int64_t prepare_poll(struct support_proxy *proxy, int *is_busy)
{
    const int64_t now_ns = support_now_ns();
    const size_t count = LINKS + 2 * proxy->link_count;
    struct pollfd *at = NULL;
    int64_t until_ns = INT64_MAX;
    if (count > proxy->polled_room) {
        proxy->polled_room = count * 2;
        proxy->polled = realloc(proxy->polled, proxy->polled_room * sizeof *proxy->polled);
        if (proxy->polled == NULL)
            support_die("proxy: realloc");
    }
    set_poll(&proxy->polled[WAKE], proxy->wake, POLLIN);
    set_poll(&proxy->polled[LISTEN], proxy->listener, POLLIN);
    at = proxy->polled + LINKS;
    *is_busy = 0;
    for (const struct proxy_link *link = proxy->links; link != NULL; link = link->next, at += 2) {
        const int64_t wakes_ns = proxy_link_wakes_ns(link);
        set_poll(at, link->client, proxy_link_client_events(link, now_ns));
        set_poll(at + 1, link->server, proxy_link_server_events(link));
        until_ns = wakes_ns < until_ns ? wakes_ns : until_ns;
        *is_busy |= proxy_link_is_busy(link);
    }
    return until_ns;
}

static int wait_ms(int64_t until_ns)
{
    const int64_t left_ns = until_ns - support_now_ns();
    if (until_ns == INT64_MAX)
        return -1;
    return left_ns <= 0 ? 0 : left_ns > INT64_C(1000000000) ? 1000 : (int)((left_ns + 999999) / 1000000);
}

/* One round: the lock is held but for the wait. */
static void go_round(struct support_proxy *proxy)
{
    int is_busy = 0, got = 0;
    int64_t until_ns = prepare_poll(proxy, &is_busy);
    const uint64_t settles = proxy->settle_asked;
    const size_t count = LINKS + 2 * proxy->link_count;
    const int may_settle = !is_busy && settles != proxy->settled;
    uint64_t drained = 0;
    pthread_mutex_unlock(&proxy->lock);
    got = poll(proxy->polled, (nfds_t)count, may_settle ? 0 : wait_ms(until_ns));
    pthread_mutex_lock(&proxy->lock);
    if (got < 0) {
        if (errno != EINTR)
            support_die("proxy: poll");
        return;
    }
    if (proxy->polled[WAKE].revents != 0 && read(proxy->wake, &drained, sizeof drained) > 0)
        got--;
    if (got == 0 && may_settle) {
        proxy->settled = settles;
        pthread_cond_broadcast(&proxy->done);
    }
    step_links(proxy, proxy->polled + LINKS, 0);
    if (proxy->polled[LISTEN].revents != 0)
        accept_clients(proxy);
}

static void *run(void *user)
{
    struct support_proxy *proxy = user;
    pthread_mutex_lock(&proxy->lock);
    for (;;) {
        obey(proxy);
        if (proxy->stops)
            break;
        go_round(proxy);
    }
    pthread_mutex_unlock(&proxy->lock);
    return NULL;
}

static void wake(struct support_proxy *proxy)
{
    const uint64_t one = 1;
    if (write(proxy->wake, &one, sizeof one) < 0)
        support_die("proxy: eventfd");
}

struct support_proxy *support_proxy_start(const struct support_proxy_framing *framing,
                                          struct support_proxy_address listen_at, struct support_proxy_address upstream)
{
    struct support_proxy *proxy = calloc(1, sizeof *proxy);
    pthread_condattr_t attr;
    if (proxy == NULL)
        support_die("proxy: calloc");
    proxy_socket_address(&proxy->listen_at, &listen_at);
    proxy_socket_address(&proxy->upstream, &upstream);
    proxy->holder = -1;
    proxy->core.framing = framing;
    if (listen_at.path != NULL)
        proxy->path = support_format("%s", listen_at.path);
    else
        find_port(proxy);
    start_listening(proxy);
    proxy->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&proxy->done, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&proxy->lock, NULL);
    if (proxy->wake < 0 || pthread_create(&proxy->thread, NULL, run, proxy) != 0)
        support_die("proxy: thread");
    return proxy;
}

void support_proxy_stop(struct support_proxy *proxy)
{
    if (proxy == NULL)
        return;
    pthread_mutex_lock(&proxy->lock);
    proxy->stops = 1;
    pthread_mutex_unlock(&proxy->lock);
    wake(proxy);
    pthread_join(proxy->thread, NULL);
    while (proxy->links != NULL) {
        struct proxy_link *link = proxy->links;
        proxy->links = link->next;
        proxy_link_free(link);
    }
    proxy_socket_end(&proxy->listener, PROXY_CLOSE);
    proxy_socket_end(&proxy->holder, PROXY_CLOSE);
    if (proxy->path != NULL)
        unlink(proxy->path);
    close(proxy->wake);
    pthread_cond_destroy(&proxy->done);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy->script);
    free(proxy->polled);
    free(proxy->path);
    free(proxy);
}

uint16_t support_proxy_port(const struct support_proxy *proxy)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&proxy->listen_at.at.room;
    return proxy->path == NULL ? ntohs(in->sin_port) : 0;
}

void support_proxy_plan(struct support_proxy *proxy, const struct support_proxy_plan *plan)
{
    const struct support_proxy_plan none = { 0 };
    struct support_proxy_step *script = NULL;
    unsigned chances = 0;
    if (plan == NULL)
        plan = &none;
    for (size_t i = 0; i < SUPPORT_PROXY_FAULTS; i++)
        chances += plan->permille[i];
    errno = EINVAL;
    if (plan->permille[SUPPORT_PROXY_ANSWER_BEFORE] + plan->permille[SUPPORT_PROXY_ANSWER_AFTER] > 0 &&
        plan->answers == NULL)
        support_die("proxy: no answers");
    if (chances > 1000)
        support_die("proxy: more than 1000 permille");
    if (plan->script_count > 0) {
        script = calloc(plan->script_count, sizeof *script);
        if (script == NULL)
            support_die("proxy: calloc");
        memcpy(script, plan->script, plan->script_count * sizeof *script);
    }
    pthread_mutex_lock(&proxy->lock);
    free(proxy->script);
    proxy->script = script;
    proxy->core.plan = *plan;
    proxy->core.plan.script = script;
    proxy->core.random = plan->seed + 1;
    memset(&proxy->core.counts, 0, sizeof proxy->core.counts);
    pthread_mutex_unlock(&proxy->lock);
}

enum support_proxy_fault proxy_choose(struct proxy_core *core, const void *request, size_t bytes)
{
    const struct support_proxy_plan *plan = &core->plan;
    enum support_proxy_fault fault = SUPPORT_PROXY_NONE;
    uint64_t nth = 0, drawn = 0;
    core->counts.requests++;
    if (plan->matches != NULL && !plan->matches(request, bytes, plan->user))
        return SUPPORT_PROXY_NONE;
    nth = ++core->counts.matching;
    drawn = support_random_below(&core->random, 1000);
    for (unsigned i = 0, chances = 0; i < SUPPORT_PROXY_FAULTS; i++) {
        chances += plan->permille[i];
        if (drawn < chances) {
            fault = (enum support_proxy_fault)i;
            break;
        }
    }
    for (size_t i = 0; i < plan->script_count; i++)
        if (plan->script[i].nth == nth)
            fault = plan->script[i].fault;
    core->counts.by_fault[fault]++;
    return fault;
}

/* Has the thread do what has been set under the lock, and lets go of that. */
static void order(struct support_proxy *proxy)
{
    const uint64_t mine = ++proxy->asked;
    wake(proxy);
    while (proxy->obeyed < mine)
        pthread_cond_wait(&proxy->done, &proxy->lock);
    pthread_mutex_unlock(&proxy->lock);
}

void support_proxy_cut_all(struct support_proxy *proxy, int reset)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->cuts = 1;
    proxy->cuts_by_reset = reset;
    order(proxy);
}

void support_proxy_refuse(struct support_proxy *proxy, int refuse)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->refuses = refuse;
    order(proxy);
}

struct support_proxy_counts support_proxy_counts(struct support_proxy *proxy)
{
    struct support_proxy_counts counts;
    pthread_mutex_lock(&proxy->lock);
    counts = proxy->core.counts;
    pthread_mutex_unlock(&proxy->lock);
    return counts;
}

int support_proxy_settle(struct support_proxy *proxy, int64_t until_ns)
{
    const struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000),
                                    .tv_nsec = (long)(until_ns % 1000000000) };
    uint64_t mine = 0;
    int is_late = 0;
    pthread_mutex_lock(&proxy->lock);
    mine = ++proxy->settle_asked;
    wake(proxy);
    while (proxy->settled < mine && !is_late)
        is_late = pthread_cond_timedwait(&proxy->done, &proxy->lock, &until) == ETIMEDOUT;
    is_late = proxy->settled < mine;
    pthread_mutex_unlock(&proxy->lock);
    return is_late;
}

const char *support_proxy_fault_name(enum support_proxy_fault fault)
{
    static const char *const names[SUPPORT_PROXY_FAULTS] = {
        "NONE",  "DROP_REQUEST", "RESET_BEFORE", "CUT_REQUEST", "RESET_AFTER", "DROP_REPLY",    "CUT_REPLY",
        "DELAY", "LATE_COPY",    "REPEAT",       "TRICKLE",     "SILENT",      "ANSWER_BEFORE", "ANSWER_AFTER"
    };
    return fault < SUPPORT_PROXY_FAULTS ? names[fault] : "?";
}
