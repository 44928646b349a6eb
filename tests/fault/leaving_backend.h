/* leaving_backend.h: a backend for tests, "leaving", over the memory backend: one lane, batches of LEAVING_MAX_BATCH, RESEND
 * claimed. A test puts functions of its own before the store's calls, and holds a call inside the store until everybody is
 * queued whom it wants there. What is answered in doubt must not be applied: marks are not kept. */
#ifndef FAULT_LEAVING_BACKEND_H
#define FAULT_LEAVING_BACKEND_H
#include <stddef.h>

#include "footfall_store.h"

enum { LEAVING_MAX_BATCH = 4 };
#define LEAVING_GATE "gate" /* a batch or a fetch that begins with this name is held, then goes to the memory backend */

typedef int leaving_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call);
typedef int leaving_refuse(struct footfall_store_call *call); /* 0: the call goes on to the memory backend */
typedef int leaving_status(const struct footfall_store_op *op);

void leaving_register(void); /* once in a process; aborts when there is no memory backend */
/* From the next call on, from any thread; NULL: the memory backend's alone. */
void leaving_set(leaving_apply *apply, leaving_refuse *fetch, leaving_refuse *purge);

int leaving_is(const struct footfall_store_op *op, const char *name);
leaving_apply leaving_pass; /* the memory backend's */
/* Ops for which status_of gives 0 are applied, the others get that status. */
int leaving_answer(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                   struct footfall_store_result *results, struct footfall_store_call *call, leaving_status *status_of);

void leaving_hold(void);       /* inside the store: waits for leaving_release */
void leaving_await_held(void); /* until a call is held */
void leaving_release(void);    /* lets it go on */
#endif
