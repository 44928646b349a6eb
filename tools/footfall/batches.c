/* batches.c: a batch of operations, applied with time enough for all of it, and what became of it (batches.h). */
#include "batches.h"

#include <inttypes.h>

#define OPS_A_DEADLINE 50

struct footfall_call footfall__cli_patience(const struct footfall_cli *cli, size_t count)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    int64_t deadline_ms = 0;
    if (footfall_config_duration(&deadline_ms, cli->config, "deadline", 1, FOOTFALL_WAIT_MAX_MS, NULL) != FOOTFALL_OK)
        return call;
    deadline_ms *= (int64_t)(count + OPS_A_DEADLINE - 1) / OPS_A_DEADLINE;
    call.wait_ms = deadline_ms < FOOTFALL_WAIT_MAX_MS ? (uint32_t)deadline_ms : FOOTFALL_WAIT_MAX_MS;
    return call;
}

int footfall__cli_apply(struct footfall_cli *cli, const struct footfall_op *ops, size_t count,
                        struct footfall_result *results, struct footfall_cli_applied *sum)
{
    struct footfall_call call = footfall__cli_patience(cli, count);
    struct footfall_error err;
    int status = footfall_apply(cli->handle, ops, count, &call, results, &err);
    for (size_t i = 0; i < count; i++) {
        sum->done += results[i].status == FOOTFALL_OK;
        sum->unknown += results[i].status == FOOTFALL_UNKNOWN;
    }
    return status == FOOTFALL_OK ? 0 : footfall__cli_failed(&err);
}

int footfall__cli_tell_applied(int exit, const struct footfall_cli_applied *sum, uint64_t all, const char *what,
                               const char *after)
{
    char unknown[64] = "";
    if (sum->unknown > 0)
        snprintf(unknown, sizeof unknown, ", %" PRIu64 " more may be", sum->unknown);
    return footfall__cli_complain(exit, "%s%" PRIu64 " of %" PRIu64 " %s%s%s",
                                  footfall__cli_interrupted() ? "interrupted: " : "", sum->done, all, what, unknown,
                                  after);
}
