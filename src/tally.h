/* tally.h: how many operations the batches of a lane had, and how long its store took. Written by whoever holds the lane's
 * lock, so that counting takes no locked instruction; read by anyone at any time. metrics.c tells it. */
#ifndef FOOTFALL_TALLY_H
#define FOOTFALL_TALLY_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { FOOTFALL__TALLY_SIZES = 18, FOOTFALL__TALLY_TIMES = 20 };
enum footfall__tally_kind { FOOTFALL__TALLY_WRITE, FOOTFALL__TALLY_READ, FOOTFALL__TALLY_KINDS };

struct footfall__tally {
    _Atomic uint64_t sizes[FOOTFALL__TALLY_SIZES]; /* batches of up to 1, 2, 4 … 65536 operations, the last: of more */
    _Atomic uint64_t operations;                   /* of all of them */
    _Atomic uint64_t
        times[FOOTFALL__TALLY_KINDS][FOOTFALL__TALLY_TIMES]; /* calls of up to 10 us, 20, 50 … 10 s, more */
    _Atomic uint64_t us[FOOTFALL__TALLY_KINDS];              /* of all of them */
};

void footfall__tally_size(struct footfall__tally *tally, size_t operations);
void footfall__tally_time(struct footfall__tally *tally, enum footfall__tally_kind kind, int64_t us);
uint64_t footfall__tally_read(const _Atomic uint64_t *count);
/* The most that falls into a place, as a label has it: "4096", "0.00002"; "+Inf" of the last. */
const char *footfall__tally_size_label(size_t place);
const char *footfall__tally_time_label(size_t place);
#endif
