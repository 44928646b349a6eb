/* faults_own.h: operations of every kind on counters that one thread has to itself, so that each answer is known beforehand:
 * what the shared counters of faults_run.h cannot have. */
#ifndef FAULTS_OWN_H
#define FAULTS_OWN_H
#include <stdint.h>

#include "footfall.h"

enum { OWN_VISITORS = 6, OWN_OPS = 3 /* of a batch */ };

struct faults_own { /* zeros, but for the first five */
    struct footfall *ff;
    uint64_t random;
    int64_t now_ms; /* of visits */
    uint32_t wait_ms;
    const char *name;
    int exists;
    int64_t total, unique;
    uint8_t is_known[OWN_VISITORS];
    uint64_t tokens, number;
    uint64_t operations; /* done so far, replays included */
    uint8_t series[FOOTFALL_SERIES_BYTES];
};

/* An operation, or a batch, and mostly the same once more under its token or number. An answer that is wrong ends the process. */
void faults_own_step(struct faults_own *own);
/* What the store has now must be what was answered. */
void faults_own_end(struct faults_own *own);
#endif
