/* model_plan.h: the random steps of the model test: what is asked of both stores next, and when. One seed, one plan. */
#ifndef CONFORMANCE_MODEL_PLAN_H
#define CONFORMANCE_MODEL_PLAN_H
#include "suite_asks.h"

enum { PLAN_HANDLES = 6, PLAN_OPS = 64, PLAN_NAMES = 8, PLAN_RECENT = 24, PLAN_SERIES = 3, PLAN_TOKEN_BYTES = 24 };

struct batch { /* ops whose visitors and tokens lie beside them; plan_link after it was copied */
    size_t count;
    struct footfall_op ops[PLAN_OPS];
    struct footfall_visitor people[PLAN_OPS];
    char tokens[PLAN_OPS][PLAN_TOKEN_BYTES];
};

enum step_kind { STEP_SINGLE, STEP_APPLY, STEP_READ, STEP_LIST, STEP_PURGE, STEP_REOPEN, STEP_REOPEN_ALL };

struct step {
    enum step_kind kind;
    int handle; /* 0 … PLAN_HANDLES-1: which asks */
    struct batch batch;
    int numbered; /* APPLY: `call` has a series */
    struct footfall_call call;
    const char *names[PLAN_NAMES]; /* READ */
    size_t name_count;
    const char *prefix, *after; /* LIST */
    int stop_after;
    size_t budget; /* PURGE, as often as it takes */
};

struct plan {
    uint64_t random;
    int tokens_may_be_old; /* the store drops nothing by itself: an expired token is known until purge */
    int64_t time_ms;       /* never goes back */
    int handle;            /* that asked last */
    struct suite_clock clocks[PLAN_HANDLES]; /* up to 59 minutes after time_ms, so they do go back and forth */
    struct batch recent[PLAN_RECENT];        /* of one op with a token: asked again now and then */
    int64_t recent_ms[PLAN_RECENT];
    size_t recent_count;
    uint64_t tokens_made;
    struct numbered {
        uint64_t number;
        int lower_sent; /* a lower number was sent since: it may come with other operations only once */
        int64_t sent_ms;
        struct batch batch;
    } series[PLAN_SERIES];
};

struct plan_window {
    const char *window, *mode;
};
extern const struct plan_window plan_windows[PLAN_HANDLES]; /* of each handle */

void plan_begin(struct plan *plan, uint64_t seed, int tokens_may_be_old);
void plan_next(struct plan *plan, struct step *step); /* moves the clocks, too */
void plan_link(struct batch *batch);
#endif
