/* tally.c: counting into the places of a histogram (tally.h). */
#include "tally.h"

static const char *const size_labels[FOOTFALL__TALLY_SIZES] = { "1",    "2",    "4",     "8",     "16",    "32",
                                                                "64",   "128",  "256",   "512",   "1024",  "2048",
                                                                "4096", "8192", "16384", "32768", "65536", "+Inf" };

static const struct {
    int64_t us;
    const char *seconds;
} times[FOOTFALL__TALLY_TIMES] = {
    { 10, "0.00001" }, { 20, "0.00002" }, { 50, "0.00005" }, { 100, "0.0001" },  { 200, "0.0002" },
    { 500, "0.0005" }, { 1000, "0.001" }, { 2000, "0.002" }, { 5000, "0.005" },  { 10000, "0.01" },
    { 20000, "0.02" }, { 50000, "0.05" }, { 100000, "0.1" }, { 200000, "0.2" },  { 500000, "0.5" },
    { 1000000, "1" },  { 2000000, "2" },  { 5000000, "5" },  { 10000000, "10" }, { INT64_MAX, "+Inf" },
};

/* Under the lane's lock there is one writer: no need for an addition that others could come between. */
static void grow(_Atomic uint64_t *count, uint64_t by)
{
    atomic_store_explicit(count, footfall__tally_read(count) + by, memory_order_relaxed);
}

uint64_t footfall__tally_read(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

void footfall__tally_size(struct footfall__tally *tally, size_t operations)
{
    size_t place = 0;
    while (place + 1 < FOOTFALL__TALLY_SIZES && operations > (size_t)1 << place)
        place++;
    grow(&tally->sizes[place], 1);
    grow(&tally->operations, operations);
}

void footfall__tally_time(struct footfall__tally *tally, enum footfall__tally_kind kind, int64_t us)
{
    size_t place = 0;
    while (us > times[place].us)
        place++;
    grow(&tally->times[kind][place], 1);
    grow(&tally->us[kind], us > 0 ? (uint64_t)us : 0);
}

const char *footfall__tally_size_label(size_t place)
{
    return size_labels[place];
}

const char *footfall__tally_time_label(size_t place)
{
    return times[place].seconds;
}
