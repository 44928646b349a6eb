/* test_proxy.h: what the tests of the fault proxy share: a server that counts and writes down what it has acted on, clients in
 * one line a step, and all that for each protocol and kind of socket. */
#ifndef TEST_PROXY_H
#define TEST_PROXY_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "process.h"
#include "proxy.h"

enum { STUB_LINKS = 64, STUB_LOG_BYTES = 64 };
struct stub_link {
    int fd; /* -1: free */
    unsigned char *at;
    size_t count, room;
};
struct kind {
    const struct support_proxy_framing *framing;
    int is_http, is_unix;
};
struct stub_seen {
    unsigned long acted;
    char log[STUB_LOG_BYTES]; /* the first letters acted on */
    size_t cut_bytes;         /* of a request that did not come whole before the connection ended */
};
struct
    stub { /* the server. A request with the letter: q: closed without reply; g: garbage comes back; e: a reply to the end */
    const struct kind *kind;
    struct support_proxy_address at;
    int listener;
    atomic_int stops;
    pthread_t thread;
    struct stub_link links[STUB_LINKS];
    atomic_int holds;     /* acts, but replies only when this is 0 again */
    pthread_mutex_t lock; /* over the next */
    struct stub_seen seen;
};
struct kit { /* of one test */
    const struct kind *kind;
    char *dir, *path, *server_path; /* of Unix sockets */
    struct stub stub;
    struct support_proxy_address at; /* where the proxy listens */
    struct support_proxy *proxy;
};
extern const struct kind redis_tcp, redis_unix, http_tcp;

int kit_setup(void **state); /* *state: a kind; becomes the kit */
int kit_teardown(void **state);
/* One plan: the nth request meets this. The times are 100 ms and 1 ms. */
void kit_script(struct kit *kit, uint64_t nth, enum support_proxy_fault fault);
struct support_proxy_counts kit_counts(struct kit *kit);
void kit_settle(struct kit *kit);
void stub_look(struct stub *stub, struct stub_seen *seen);
/* The letters must come to be these, soon. */
void stub_expect(struct stub *stub, const char *letters);

int client_open(struct kit *kit);                              /* -1: refused */
void client_put(struct kit *kit, int fd, const char *letters); /* a request each, in one send */
/* The next reply's number, 0 when the connection ends first. */
unsigned long client_get(struct kit *kit, int fd);
void client_expect(struct kit *kit, int fd, unsigned long first, unsigned long last); /* these replies */
/* What comes before the end, at most `most`; the end must be a reset (or, on a Unix socket, any). Closes. */
size_t client_expect_reset(struct kit *kit, int fd, char *got, size_t most);
/* The same, but the end is an orderly one. */
size_t client_expect_end(int fd, char *got, size_t most);
/* Nothing comes, and the connection stays open; sends on. Closes. */
void client_expect_mute(struct kit *kit, int fd);
/* What a client sends, and what the stub answers: the number of requests it has acted on. */
size_t make_request(const struct kind *kind, char out[128], char letter);
size_t make_reply(const struct kind *kind, char out[128], unsigned long number);

extern const struct CMUnitTest proxy_faults[], proxy_answers[], proxy_links[], proxy_frames[];
extern const size_t proxy_faults_count, proxy_answers_count, proxy_links_count, proxy_frames_count;

/* A test for each kind. */
/* clang-format off */
#define OF(test, kind) { #test " " #kind, (test), kit_setup, kit_teardown, (void *)(uintptr_t)&(kind) }
/* clang-format on */
#define OF_ALL(test) OF(test, redis_tcp), OF(test, redis_unix), OF(test, http_tcp)
#endif
