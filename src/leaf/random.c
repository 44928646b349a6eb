/* random.c: getrandom, and xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
#include "random.h"

#include <errno.h>
#include <sys/random.h>

int footfall__random_bytes(void *out, size_t bytes)
{
    unsigned char *at = out;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

uint64_t footfall__random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(2685821657736338717);
}

int64_t footfall__random_below(uint64_t *state, int64_t limit)
{
    if (limit < 1)
        return 0;
    return (int64_t)(footfall__random_next(state) % (uint64_t)limit);
}
