/* leaving_callers.h: callers in threads of their own, and submissions, of a handle on the backend "leaving"; what each was
 * told, and after how long. */
#ifndef FAULT_LEAVING_CALLERS_H
#define FAULT_LEAVING_CALLERS_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "footfall.h"

enum { PATIENT_MS = 60000 };

enum kind { ADD, SUBMIT, READ, SUBMIT_READ, PURGE };

struct caller {
    struct footfall *ff;
    enum kind kind;
    const char *name;
    struct footfall_call call;
    pthread_t thread; /* not of a submission */
    int64_t start_ms, took_ms;
    int status;
    int64_t total;
    struct footfall_error err;
    atomic_int answered;
};

/* A handle on a fresh store; leaving_set is undone. */
struct footfall *leaving_open(const char *deadline);

void caller_start(struct caller *c, struct footfall *ff, enum kind kind, const char *name, uint32_t wait_ms);
/* The same, and it is in the queue: somebody must have the store. */
void caller_start_queued(struct caller *c, struct footfall *ff, enum kind kind, const char *name, uint32_t wait_ms);
/* Keeps the lane busy until leaving_release, so that what is started meanwhile makes one batch. */
void caller_start_gate(struct caller *c, struct footfall *ff, enum kind kind);
void caller_end(struct caller *c); /* waits for the answer; *c may go */

void await_more(atomic_int *what, int than);
struct footfall_stats stats_of(struct footfall *ff);
#endif
