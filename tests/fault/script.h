/* script.h: a short list of operations for the I/O error tests, what each of them must answer, and what a store must hold
 * after any subset of them took effect. The model is plain arithmetic; it shares no code with the library. */
#ifndef FAULT_SCRIPT_H
#define FAULT_SCRIPT_H
#include "footfall.h"

enum { SCRIPT_OPS = 18, SCRIPT_COUNTERS = 5, SCRIPT_VISITORS = 3 };

/* What the store holds, as far as the script can tell. */
struct script_state {
    struct {
        int exists;
        int64_t total, unique;
    } counters[SCRIPT_COUNTERS];
    int remembered[SCRIPT_COUNTERS][SCRIPT_VISITORS];
    int token_bound;
};
/* What a run of the script was told. */
struct script_outcome {
    int open_status;
    struct footfall_result results[SCRIPT_OPS]; /* status 1: not asked */
    long io_calls;
    char struck[128]; /* which I/O call failed */
    char text[256];   /* the first error's */
    char no_text;     /* 1: an error came without a text */
};

/* Puts into an empty store what the script expects there. */
void script_prepare(struct footfall *ff);
/* Runs all of it; errors do not stop it. */
void script_run(struct footfall *ff, struct script_outcome *outcome);
/* Reads everything back. Changes the store: it visits. */
void script_observe(struct footfall *ff, struct script_state *out);
/* NULL when the observed state is one that the outcome allows: what was OK is there and was answered rightly, what was not
 * applied is not there, what is unknown is either. Otherwise what is wrong, in static storage. prepared: the store had
 * been prepared; else it was empty. */
const char *script_judge(const struct script_outcome *outcome, const struct script_state *observed, int prepared);
#endif
