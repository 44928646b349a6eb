/* bench.h: what the files bench*.c share: how long calls took, and what is reported. */
#ifndef FOOTFALL_CLI_BENCH_H
#define FOOTFALL_CLI_BENCH_H
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/* ---- call times (bench_times.c) --------------------------------------------------------------------------------------- */

enum {
    FOOTFALL_CLI_FINE = 64,                       /* steps from one power of two to the next */
    FOOTFALL_CLI_PLACES = FOOTFALL_CLI_FINE * 60, /* in nanoseconds: exact up to 128, then in such steps */
    FOOTFALL_CLI_ROWS = 28                        /* up to 1 us, 2, 5, 10 … 1000 s; the last: also longer */
};
struct footfall_cli_times { /* all zero: none */
    uint64_t places[FOOTFALL_CLI_PLACES], rows[FOOTFALL_CLI_ROWS];
    uint64_t calls, slowest_ns;
};
void footfall__cli_times_note(struct footfall_cli_times *times, uint64_t ns);
void footfall__cli_times_merge(struct footfall_cli_times *into, const struct footfall_cli_times *from);
/* The time that this share of the calls did not exceed, good to 1/64; 0 of none. */
double footfall__cli_times_us(const struct footfall_cli_times *times, double share);
int64_t footfall__cli_times_row_us(size_t row); /* the longest that falls into it */

/* ---- the report (bench_report.c) -------------------------------------------------------------------------------------- */

struct footfall_cli_bench {
    int64_t visits, new_visitors, threads, batch;
    double seconds;
    const struct footfall_cli_times *times;
};
/* Prints it, with what the handle's metrics say of batches and of units that a service bills. */
void footfall__cli_bench_report(const struct footfall_cli *cli, const struct footfall_cli_bench *bench);
#endif
