/* fault_store.h: a backend for tests, "faulty", that loses replies, refuses for a while and delivers copies late. Behind it
 * is the memory backend; in front it keeps marks exactly as footfall_store.h says, so that it may claim RESEND. One setting,
 * faulty.name, is the memory backend's `name`. The plan and the counts are the process's; change the plan only while no
 * call is inside the library. */
#ifndef FAULT_STORE_H
#define FAULT_STORE_H
#include <stddef.h>
#include <stdint.h>

enum fault { /* what becomes of one attempt at a batch */
             FAULT_NONE,
             FAULT_LOSE_BEFORE,   /* never arrives: UNKNOWN for every op */
             FAULT_LOSE_AFTER,    /* applied, the reply is lost: UNKNOWN for every op */
             FAULT_LOSE_SOME,     /* per counter, by chance: applied and answered, applied and lost, lost, TEMPORARY */
             FAULT_LATE,          /* like LOSE_BEFORE; a copy arrives after a later batch of the same lane */
             FAULT_TEMPORARY,     /* TEMPORARY for every op, none applied */
             FAULT_BROKEN,        /* BROKEN for every op, none applied */
             FAULT_NO_MEMORY,     /* the call answers NO_MEMORY, none applied */
             FAULT_UNSUPPORTED,   /* the call answers UNSUPPORTED, none applied */
             FAULT_SLOW,          /* applied and answered 300 ms later */
             FAULT_BAD_UNWRITTEN, /* breach of contract: applied, no status written */
             FAULT_BAD_POSITIVE,  /* breach: applied, statuses 7 */
             FAULT_BAD_RETURN,    /* breach: applied, the call answers 1 */
             FAULT_BAD_NEGATIVE,  /* breach: applied, statuses -77 */
             FAULT_KINDS
};

struct fault_plan {
    int marks;                /* 0: resends are applied again. RESEND is claimed all the same */
    int no_resend;            /* 1: RESEND is not claimed (read at open) */
    const enum fault *script; /* for the attempts in turn … */
    size_t script_count;
    enum fault rest;                 /* … and for those after */
    unsigned per_mille[FAULT_KINDS]; /* chances of each, when not all 0; then script and rest are not asked */
    unsigned reads_per_mille; /* chance of a fetch to be refused: TEMPORARY, or UNKNOWN, which is the same of a read */
    uint64_t seed;
};

struct fault_counts {
    uint64_t attempts; /* apply calls */
    uint64_t resends;  /* with call->attempt > 0 */
    uint64_t by_kind[FAULT_KINDS];
    uint64_t reads_refused;
    uint64_t from_mark;    /* counters answered from a mark */
    uint64_t late_applied; /* counters of a late copy that the marks let in */
    uint64_t late_refused; /* … or kept out */
    uint64_t contract;     /* calls that break the contract: a batch changed under its number, a number going down */
};

void fault_store_register(void); /* once in a process; aborts when there is no memory backend */
/* Starts over with this plan: counts 0, script at its beginning. Marks stay. */
void fault_store_plan(const struct fault_plan *plan);
struct fault_counts fault_store_counts(void);
#endif
