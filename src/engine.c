/* engine.c: what every part of the core asks of a handle: its clock and log, whether it may be used, deadlines, lanes
 * (engine.h). Who opens and closes it is open.c. */
#include "engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "error.h"
#include "retry.h"

int64_t footfall__now(const struct footfall *ff)
{
    return ff->clock(ff->clock_user);
}

void footfall__log(const struct footfall *ff, enum footfall_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    if (ff->log == NULL || level > ff->settings.log_level)
        return;
    va_start(args, format);
    footfall__vformat(line, sizeof line, format, args);
    va_end(args);
    ff->log(ff->log_user, level, line);
}

void footfall__store_call_init(const struct footfall *ff, struct footfall_store_call *out, int64_t deadline_ms,
                               char *text, size_t text_bytes)
{
    memset(out, 0, sizeof *out);
    text[0] = '\0';
    out->deadline_ms = deadline_ms;
    out->wall_ms = footfall__now(ff);
    out->mark_keep_ms = FOOTFALL__MARK_KEEP_MS;
    out->text = text;
    out->text_bytes = text_bytes;
}

int footfall__inherited(const struct footfall *ff)
{
    return ff->mine != NULL ? *ff->mine == 0 : getpid() != ff->pid;
}

static int check_call(const struct footfall_call *call, struct footfall_error *err)
{
    if (call == NULL)
        return FOOTFALL_OK;
    if (call->size != sizeof *call)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_call has size %zu, not %zu", call->size,
                              sizeof *call);
    if (call->wait_ms > FOOTFALL_WAIT_MAX_MS)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "wait_ms is %" PRIu32 ", more than %d", call->wait_ms,
                              FOOTFALL_WAIT_MAX_MS);
    return FOOTFALL_OK;
}

int footfall__enter(struct footfall *ff, const struct footfall_call *call, int may_block, struct footfall_error *err)
{
    int rc;
    if (ff == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the handle is NULL");
    if (footfall__inherited(ff))
        return footfall__fail(err, FOOTFALL_MISUSE, 0,
                              "this handle was opened before fork: close it and open a new one");
    if (may_block && footfall__lane_telling(ff))
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "a completion may not call what blocks");
    rc = check_call(call, err);
    if (rc != FOOTFALL_OK)
        return rc;
    atomic_fetch_add(&ff->active, 1);
    if (atomic_load(&ff->closing) == 0)
        return FOOTFALL_OK;
    atomic_fetch_sub(&ff->active, 1);
    return footfall__fail(err, FOOTFALL_MISUSE, 0, "this handle is being closed");
}

void footfall__leave(struct footfall *ff)
{
    atomic_fetch_sub(&ff->active, 1);
}

int64_t footfall__deadline(const struct footfall *ff, const struct footfall_call *call)
{
    uint32_t wait_ms =
        call != NULL && call->wait_ms != FOOTFALL_WAIT_DEFAULT ? call->wait_ms : ff->settings.deadline_ms;
    return footfall__boottime_ms() + wait_ms;
}

struct footfall__lane *footfall__lane_of(struct footfall *ff, const char *name, size_t name_bytes)
{
    if (ff->lane_count == 1)
        return &ff->lanes[0];
    return &ff->lanes[footfall__hash(ff->hash_key, name, name_bytes) % ff->lane_count];
}
