/* batches.h: operations that a command makes itself, a batch after the other, with time enough for each batch. */
#ifndef FOOTFALL_CLI_BATCHES_H
#define FOOTFALL_CLI_BATCHES_H
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

#define FOOTFALL_CLI_BATCH_OPS ((size_t)1000) /* what an interrupt waits for */

struct footfall_cli_applied {
    uint64_t done, unknown; /* operations */
};

/* A call for `count` counters or operations: the configured deadline for each 50 of them, 10 minutes at most. */
struct footfall_call footfall__cli_patience(const struct footfall_cli *cli, size_t count);
/* Applies them, and adds to *sum what became of them. 0, or an exit status after what the library said. */
int footfall__cli_apply(struct footfall_cli *cli, const struct footfall_op *ops, size_t count,
                        struct footfall_result *results, struct footfall_cli_applied *sum);
/* Says on standard error how far a command got that ends early: "interrupted: 3 of 5 visits are counted, 1 more may be"; `what` is
 * "visits are counted", and `after` what follows. Returns `exit`. */
int footfall__cli_tell_applied(int exit, const struct footfall_cli_applied *sum, uint64_t all, const char *what,
                               const char *after);
#endif
