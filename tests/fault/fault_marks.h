/* fault_marks.h: the faulty store's marks, and copies of batches that are still on their way. */
#ifndef FAULT_MARKS_H
#define FAULT_MARKS_H
#include <stddef.h>

#include "footfall_store.h"

enum fault_mark_verdict {
    FAULT_MARK_APPLY,    /* no mark, or a lower one */
    FAULT_MARK_ANSWERED, /* this very batch: results are the stored answers */
    FAULT_MARK_LATE,     /* a higher mark: a late copy */
    FAULT_MARK_CHANGED   /* this number, but other operations under it: the caller breaks the contract */
};

/* ops: those of one counter, in the batch's order. */
enum fault_mark_verdict fault_marks_ask(const struct footfall_store_call *call, const struct footfall_store_op *ops,
                                        size_t count, struct footfall_store_result *results);
void fault_marks_put(const struct footfall_store_call *call, const struct footfall_store_op *ops, size_t count,
                     const struct footfall_store_result *results);
/* Does the lane keep its word: numbers only grow, a resent batch is the same array, its attempts count up? Remembers. */
int fault_marks_in_order(const struct footfall_store_call *call, const struct footfall_store_op *ops, size_t count);

int fault_same_counter(const struct footfall_store_op *a, const struct footfall_store_op *b);

struct fault_batch { /* with copies of all that the ops point at */
    struct footfall_store_op *ops;
    size_t count;
    struct footfall_store_call call;
    unsigned char *bytes;
};
struct fault_batch *fault_batch_copy(const struct footfall_store_op *ops, size_t count,
                                     const struct footfall_store_call *call);
void fault_batch_free(struct fault_batch *batch);
#endif
