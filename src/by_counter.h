/* by_counter.h: which of many operations belong to the same counter, found by their names. */
#ifndef FOOTFALL_BY_COUNTER_H
#define FOOTFALL_BY_COUNTER_H
#include "footfall.h"

#define FOOTFALL__NO_OP UINT32_MAX

struct footfall__by_counter {
    uint32_t *next;  /* the next op of the same counter, FOOTFALL__NO_OP: none */
    uint32_t *place; /* how many ops of the same counter come before; 0: this is its first */
};

/* Of `count` ops (a NULL name and names that are too long are told apart like others). 0 or NO_MEMORY; free ends it either
 * way. Start *out with zeros. */
int footfall__by_counter(struct footfall__by_counter *out, const uint64_t hash_key[2], const struct footfall_op *ops,
                         size_t count);
void footfall__by_counter_free(struct footfall__by_counter *by);
#endif
