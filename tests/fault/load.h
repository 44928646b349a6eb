/* load.h: processes that count on the test's server from several threads, report what they begin and what was
 * acknowledged, and whether the numbers in the store can be true then. Failures end the running cmocka test. */
#ifndef FAULT_LOAD_H
#define FAULT_LOAD_H
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"
#include "process.h"

enum {
    LOAD_WORKERS_MAX = 4, /* processes */
    LOAD_THREADS = 3,     /* of each */
    LOAD_ADDED = 2,       /* counters k0, k1 are added to; k2, k3 visited */
    LOAD_COUNTERS = 4,
    LOAD_VISITORS = 300, /* new ones a load, visited again and again by all threads */
    LOAD_WAIT_MS = 60000 /* deadline of each operation: whatever happens to the server is over long before */
};

struct load_worker {
    struct support_process process;
    struct support_bytes bytes;
    _Atomic size_t count; /* bytes so far */
    pthread_t collector;
};
struct load {
    struct load_worker workers[LOAD_WORKERS_MAX];
    size_t worker_count;
    size_t others; /* connections that were there before */
};

struct load_ledger { /* what the loads on one prefix have left behind so far; starts with zeros and a prefix */
    const char *prefix;
    const char *settings; /* for load_open; NULL: "" */
    int64_t now_ms;       /* of all visits; 0: SUPPORT_TIME_MS */
    int may_lag;          /* visits of a process that died may leave visitors remembered and not counted */
    uint32_t next_visitor;
    int64_t total[LOAD_COUNTERS], unique[LOAD_COUNTERS];
    size_t acknowledged, in_flight, lost_in_flight;
};

/* Each backend's own, redis_load.c and dynamodb_load.c: a handle on the counters under this prefix, with more settings if the
 * backend knows any; and how many connections the server has, those of dead processes too. */
struct footfall *load_open(const char *prefix, const char *settings);
size_t load_connections(void);

/* First thing in main: a process of a load never returns from it. */
void load_role(int argc, char **argv);

void load_start(struct load *load, const struct load_ledger *ledger, size_t workers, uint64_t seed);
/* Until so many operations more have been acknowledged, by all together. */
void load_wait(struct load *load, size_t more);
void load_stop(struct load *load); /* each thread ends after the operation under way */
void load_kill(struct load *load); /* SIGKILL; returns when the server knows of none of their connections any more */

/* Everything acknowledged is in the store, nothing twice, at most what was under way more. `exact`: the load was stopped, and
 * every operation must have been OK. Frees what the load holds and brings the ledger up to date. */
void load_compare(struct load *load, struct load_ledger *ledger, int exact);
#endif
