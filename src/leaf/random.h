/* random.h: bytes from the kernel, and a cheap generator for jitter. */
#ifndef FOOTFALL_LEAF_RANDOM_H
#define FOOTFALL_LEAF_RANDOM_H
#include <stddef.h>
#include <stdint.h>

int footfall__random_bytes(void *out, size_t bytes); /* getrandom(2): 0, or -1 with errno */

/* For jitter and spreading only, never for keys. *state must start nonzero; one thread at a time. */
uint64_t footfall__random_next(uint64_t *state);
int64_t footfall__random_below(uint64_t *state, int64_t limit); /* 0 … limit - 1; 0 when limit < 1 */
#endif
