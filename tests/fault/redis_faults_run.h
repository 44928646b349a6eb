/* redis_faults_run.h: many operations from several processes at once, each with handles of its own, through one proxy in front
 * of one Redis server; and what each of them was answered. What the numbers must be is redis_faults.c's to say. */
#ifndef REDIS_FAULTS_RUN_H
#define REDIS_FAULTS_RUN_H
#include <stddef.h>
#include <stdint.h>

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
    const char *backend; /* "redis", or one that forwards to it */
    const char *prefix;
    size_t operations; /* a multiple of 16 */
    uint32_t wait_ms;  /* each call's */
    const struct support_proxy_plan *plan;
};
struct faults_outcome {
    struct faults_answer *answers;      /* free() them */
    size_t count;                       /* as many as operations */
    uint64_t operations, retries;       /* as the handles count them */
    struct support_proxy_counts counts; /* of the proxy, when nothing was on its way any more */
    double seconds;
};

void faults_name(char out[8], uint32_t counter);
/* Runs all of it, and waits until late copies have arrived. A process that fails ends the test. */
void faults_run(struct faults_outcome *out, const struct faults_run *run);
/* What a process does that faults_run starts: `program work …`. The exit status. */
int faults_work(char **argv);
#endif
