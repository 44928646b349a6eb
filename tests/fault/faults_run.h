/* faults_run.h: many operations from several processes at once, each with handles of its own, through one proxy in front of one
 * server (proxied.h); what each of them was answered, and whether the numbers can be true. */
#ifndef FAULTS_RUN_H
#define FAULTS_RUN_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"
#include "proxy.h"

enum {
    FAULTS_ADDED = 5,   /* counters that are added to: a0 … */
    FAULTS_VISITED = 3, /* counters that are visited: v0 … */
    FAULTS_COUNTERS = FAULTS_ADDED + FAULTS_VISITED,
    FAULTS_VISITORS = 400 /* of each */
};

struct faults_answer { /* of one operation */
    uint32_t counter;  /* 0 … FAULTS_ADDED - 1: add 1; else visit */
    uint32_t visitor;
    int32_t status;
    uint32_t flags;
    int64_t total, unique;
};
struct faults_run {
    const char *backend; /* proxied_backend, or one that forwards to it */
    const char *prefix;
    const char *settings; /* "" or more, see proxied_open */
    int64_t now_ms;       /* of all visits */
    int has_own; /* and half as many operations again, of every kind, on counters of each thread's own (faults_own.h) */
    size_t operations; /* a multiple of 16 */
    uint32_t wait_ms;  /* each call's */
    const struct support_proxy_plan *plan;
};
struct faults_outcome {
    struct faults_answer *answers;      /* free() them */
    size_t count;                       /* as many as operations */
    uint64_t own;                       /* operations on threads' own counters: all of them were answered right */
    uint64_t operations, retries;       /* as the handles count them */
    struct support_proxy_counts counts; /* of the proxy, when nothing was on its way any more */
    double seconds;
};

void faults_name(char out[8], uint32_t counter);
/* Runs all of it, and waits until late copies have arrived. A process that fails ends the test. */
void faults_run(struct faults_outcome *out, const struct faults_run *run);
/* What a process does that faults_run starts: `program work …`. The exit status. */
int faults_work(char **argv);
enum { FAULTS_WORDS = 11 }; /* argc of that */

/* ---- faults_check.c ----------------------------------------------------------------------------------------------------------- */

void faults_tell(const char *what, const struct faults_outcome *out);
/* Everything was acknowledged: the totals answered are 1 … N and the counter holds N; each visitor was new once, over all
 * processes, and the uniques answered to those visits are 1 … U. */
void faults_check_exact(struct footfall *ff, const struct faults_outcome *out, uint32_t counter);
/* Calls ended by their deadlines: the counter holds what is OK, or more, but not more than that and what is unknown. may_lag: a
 * visit that is unknown may have left its visitor remembered and uncounted, so that only those of visitors that nobody was in
 * doubt about must be new once. Adds to statuses: OK, unknown, not applied. */
void faults_check_bounds(struct footfall *ff, const struct faults_outcome *out, uint32_t counter, int may_lag,
                         size_t statuses[3]);
/* What all counters hold together. */
int64_t faults_held(struct footfall *ff);

/* Registers stores that forward to the backend: "brief", whose attempts end after some 50 ms, so that the engine sends batches
 * again; and "unmarked", which besides gives each attempt a number of its own, so that no batch is known again. */
void faults_register(const char *backend);
#endif
