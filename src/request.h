/* request.h: one call's operations on their way through a lane. A request owns copies of all that it needs, because the
 * caller may leave (deadline) while the store still works on it. request.c checks and builds it; lane.c moves it. */
#ifndef FOOTFALL_REQUEST_H
#define FOOTFALL_REQUEST_H
#include <stdatomic.h>

#include "footfall.h"
#include "footfall_store.h"
#include "identity.h"

struct footfall;

enum { FOOTFALL__PENDING = 1 }; /* status of an op of a request that has no final answer yet */

enum footfall__request_kind { FOOTFALL__APPLY, FOOTFALL__READ, FOOTFALL__REQUEST_KINDS };
enum footfall__request_state { FOOTFALL__QUEUED, FOOTFALL__TAKEN, FOOTFALL__DONE };

struct footfall__request {
    struct footfall__request *next; /* in the queue, or among completions */
    enum footfall__request_kind kind;
    uint64_t ticket;             /* its place among all that came to the lane */
    _Atomic int state;           /* enum footfall__request_state; DONE is told without the lane's lock */
    _Atomic unsigned references; /* the caller's, the lane's */
    unsigned slot;               /* which of the lane's beds its caller sleeps in */
    int counted;                 /* in the handle's statistics */
    int64_t deadline_ms;         /* CLOCK_BOOTTIME */
    size_t count;
    size_t pending;                        /* ops without a final answer. Lane's lock */
    struct footfall_store_op *ops;         /* READ: name and name_bytes only */
    struct footfall_store_result *results; /* READ: total, unique; is_new says that it exists */
    struct footfall__person *people;       /* NULL when no op has a visitor */
    uint32_t *index;                       /* which of the caller's ops this one is; NULL: the same */
    size_t unresolved;                     /* VISIT and FORGET whose ids are still to be made (id_count 0) */
    int numbered;                          /* part of a caller's series */
    int interrupted;                       /* an op of the series failed: what follows would leave a gap */
    uint8_t series[FOOTFALL_SERIES_BYTES];
    uint64_t number;
    int64_t series_keep_ms;
    footfall_done *done; /* a submission's; NULL: somebody waits */
    void *user;
    int32_t native; /* of the fault that text tells of */
    char text[200];
    char *arena; /* what is left of the room for strings */
};

/* Room for `count` ops with `arena_bytes` of strings, all pending; NULL: no memory. One reference. */
struct footfall__request *footfall__request_new(enum footfall__request_kind kind, size_t count, size_t arena_bytes,
                                                int with_people, int with_index);
void footfall__request_free(struct footfall__request *r); /* cleanses; NULL is fine */

/* Checks op (with `token`, when not NULL, in place of the op's own) and adds it as r->ops[r->count]. 0, or the refusal in
 * err: INVALID, MISUSE, NO_MEMORY; then r is as it was. */
int footfall__request_add(struct footfall *ff, struct footfall__request *r, struct footfall__hasher *h,
                          const struct footfall_op *op, const void *token, size_t token_bytes, int64_t now_ms,
                          struct footfall_error *err);
/* The same for a name to be read. The name has been checked. */
void footfall__request_add_name(struct footfall__request *r, const char *name, size_t name_bytes);
/* Bytes that `op` needs in the arena. NULLs are fine. */
size_t footfall__request_arena(const struct footfall *ff, const struct footfall_op *op, size_t token_bytes);

/* Makes the ids that are still missing; keys are fetched from the store, which the caller has to itself. 0, or a store
 * status with call->text. */
int footfall__request_resolve(struct footfall *ff, struct footfall__request *r, struct footfall__store *store,
                              struct footfall_store_call *call);

/* The public answer to ops[i], and its error text (the lane's fault for the kinds that are not the op's own doing). */
void footfall__request_answer(const struct footfall__request *r, size_t i, struct footfall_result *out);
void footfall__request_error(const struct footfall__request *r, size_t i, struct footfall_error *err);
#endif
