/* bench_times.c: how long calls took, in places fine enough for percentiles and in rows for the eye. */
#include "bench.h"

static size_t place_of(uint64_t ns)
{
    size_t shift = 0, place = 0;
    if (ns < (uint64_t)2 * FOOTFALL_CLI_FINE)
        return (size_t)ns;
    shift = (size_t)(57 - __builtin_clzll(ns)); /* leaves 64 … 127 */
    place = shift * FOOTFALL_CLI_FINE + (size_t)(ns >> shift);
    return place < FOOTFALL_CLI_PLACES ? place : FOOTFALL_CLI_PLACES - 1;
}

/* The longest time that falls into a place. */
static uint64_t place_end(size_t place)
{
    size_t shift = place < (size_t)2 * FOOTFALL_CLI_FINE ? 0 : place / FOOTFALL_CLI_FINE - 1;
    return (((uint64_t)place - shift * FOOTFALL_CLI_FINE + 1) << shift) - 1;
}

int64_t footfall__cli_times_row_us(size_t row)
{
    static const int64_t us[FOOTFALL_CLI_ROWS] = {
        1,       2,        5,        10,       20,        50,        100,       200,        500,     1000,
        2000,    5000,     10000,    20000,    50000,     100000,    200000,    500000,     1000000, 2000000,
        5000000, 10000000, 20000000, 50000000, 100000000, 200000000, 500000000, 1000000000,
    };
    return us[row];
}

void footfall__cli_times_note(struct footfall_cli_times *times, uint64_t ns)
{
    size_t row = 0;
    while (row + 1 < FOOTFALL_CLI_ROWS && ns > (uint64_t)footfall__cli_times_row_us(row) * 1000)
        row++;
    times->rows[row]++;
    times->places[place_of(ns)]++;
    times->calls++;
    times->slowest_ns = ns > times->slowest_ns ? ns : times->slowest_ns;
}

void footfall__cli_times_merge(struct footfall_cli_times *into, const struct footfall_cli_times *from)
{
    for (size_t i = 0; i < FOOTFALL_CLI_PLACES; i++)
        into->places[i] += from->places[i];
    for (size_t i = 0; i < FOOTFALL_CLI_ROWS; i++)
        into->rows[i] += from->rows[i];
    into->calls += from->calls;
    into->slowest_ns = from->slowest_ns > into->slowest_ns ? from->slowest_ns : into->slowest_ns;
}

double footfall__cli_times_us(const struct footfall_cli_times *times, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < FOOTFALL_CLI_PLACES && times->calls > 0; i++) {
        seen += times->places[i];
        if ((double)seen >= share * (double)times->calls)
            return (double)(place_end(i) < times->slowest_ns ? place_end(i) : times->slowest_ns) / 1e3;
    }
    return 0;
}
