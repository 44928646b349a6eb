/* store.c: checked calls into a backend (store.h). */
#include "store.h"

#include <stdio.h>
#include <string.h>

enum { NOT_ANSWERED = 1 };

int footfall__backend_normalise(struct footfall_backend *out, const struct footfall_backend *backend, const char **why)
{
    size_t size = backend->size < sizeof *out ? backend->size : sizeof *out;
    memset(out, 0, sizeof *out);
    memcpy(out, backend, size);
    out->size = sizeof *out;
    *why = NULL;
    if (out->version < 1 || out->version > FOOTFALL_STORE_VERSION)
        *why = "was written for another version of footfall_store.h";
    else if (out->name == NULL || out->max_batch < 1 || out->lanes_default < 1 || out->lanes_max < out->lanes_default)
        *why = "has no name, no max_batch or no lanes";
    else if (out->caps == NULL || out->open == NULL || out->close == NULL || out->apply == NULL || out->fetch == NULL ||
             out->scan == NULL || out->epoch_key == NULL || out->epoch_drop == NULL)
        *why = "lacks a slot that every backend must have";
    return *why == NULL ? 0 : -1;
}

/* What a whole call may answer: 0 or a negative status, with some text. Anything else breaks the contract. */
static int checked(const char *slot, int rc, struct footfall_store_call *call)
{
    if (call->text_bytes > 0)
        call->text[call->text_bytes - 1] = '\0';
    if (rc > 0 || rc < FOOTFALL_STORE_ABSENT) {
        (void)snprintf(call->text, call->text_bytes, "the backend's %s answered %d, which is no status", slot, rc);
        return FOOTFALL_STORE_BROKEN;
    }
    if (rc != 0 && call->text_bytes > 0 && call->text[0] == '\0')
        (void)snprintf(call->text, call->text_bytes, "%s%s", slot,
                       rc == FOOTFALL_STORE_NO_MEMORY ? " ran out of memory" : " failed");
    return rc;
}

/* Calls that change nothing, or that may be repeated at will, are never in doubt. */
static int repeatable(int rc)
{
    return rc == FOOTFALL_STORE_UNKNOWN ? FOOTFALL_STORE_TEMPORARY : rc;
}

static void begin(struct footfall_store_call *call)
{
    if (call->text_bytes > 0)
        call->text[0] = '\0';
    call->native = 0;
}

int footfall__store_open(struct footfall__store *out, const struct footfall_backend *backend,
                         const struct footfall_store_setting *settings, size_t count, uint32_t lane,
                         struct footfall_store_call *call)
{
    int rc;
    out->backend = backend;
    out->store = NULL;
    out->caps = 0;
    begin(call);
    rc = repeatable(checked("open", backend->open(&out->store, settings, count, lane, call), call));
    if (rc == 0 && out->store == NULL)
        rc = checked("open", NOT_ANSWERED, call);
    if (rc == 0)
        out->caps = backend->caps(out->store);
    else
        out->store = NULL;
    return rc;
}

void footfall__store_close(struct footfall__store *s, int inherited)
{
    if (s->store != NULL)
        s->backend->close(s->store, inherited);
    s->store = NULL;
}

int footfall__store_apply(struct footfall__store *s, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call)
{
    int rc;
    for (size_t i = 0; i < count; i++) {
        memset(&results[i], 0, sizeof results[i]);
        results[i].status = (enum footfall_store_status)NOT_ANSWERED;
    }
    begin(call);
    rc = s->backend->apply(s->store, ops, count, results, call);
    if (rc > 0) { /* something was done, nobody knows what */
        for (size_t i = 0; i < count; i++)
            results[i].status = (enum footfall_store_status)NOT_ANSWERED;
        rc = 0;
    }
    rc = checked("apply", rc, call);
    for (size_t i = 0; i < count; i++) {
        int status = results[i].status;
        if (rc != 0)
            results[i].status = (enum footfall_store_status)rc;
        else if (status > 0 || status < FOOTFALL_STORE_ABSENT || status == FOOTFALL_STORE_CONFIG ||
                 status == FOOTFALL_STORE_MISUSE) {
            results[i].status = FOOTFALL_STORE_UNKNOWN; /* it may have been applied: never a guess */
            if (call->text_bytes > 0 && call->text[0] == '\0')
                (void)snprintf(call->text, call->text_bytes, "the backend gave no proper status for an operation");
        }
    }
    return rc;
}

int footfall__store_fetch(struct footfall__store *s, const char *const *names, const size_t *name_bytes, size_t count,
                          int64_t *totals, int64_t *uniques, uint8_t *exists, struct footfall_store_call *call)
{
    int rc;
    memset(totals, 0, count * sizeof *totals);
    memset(uniques, 0, count * sizeof *uniques);
    memset(exists, 0, count * sizeof *exists);
    begin(call);
    rc = s->backend->fetch(s->store, names, name_bytes, count, totals, uniques, exists, call);
    return repeatable(checked("fetch", rc, call));
}

int footfall__store_scan(struct footfall__store *s, const char *prefix, size_t prefix_bytes, const char *after,
                         size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                         struct footfall_store_call *call)
{
    int rc;
    *more = 0;
    begin(call);
    rc = s->backend->scan(s->store, prefix, prefix_bytes, after, after_bytes, limit, each, user, more, call);
    return repeatable(checked("scan", rc, call));
}

int footfall__store_epoch_key(struct footfall__store *s, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                              int64_t expire_ms, uint8_t *winner, int64_t *kept_until, struct footfall_store_call *call)
{
    int rc;
    *kept_until = 0;
    begin(call);
    rc = s->backend->epoch_key(s->store, epoch_ms, epoch, candidate, expire_ms, winner, kept_until, call);
    if (rc == 1 && candidate == NULL)
        return 1;
    return repeatable(checked("epoch_key", rc, call));
}

int footfall__store_epoch_drop(struct footfall__store *s, int64_t wall_ms, int64_t *next_ms,
                               struct footfall_store_call *call)
{
    *next_ms = FOOTFALL_STORE_FOREVER;
    begin(call);
    return repeatable(checked("epoch_drop", s->backend->epoch_drop(s->store, wall_ms, next_ms, call), call));
}

int footfall__store_epoch_other(struct footfall__store *s, int64_t epoch_ms, int *found,
                                struct footfall_store_call *call)
{
    *found = 0;
    begin(call);
    if (s->backend->epoch_other == NULL)
        return 0;
    return repeatable(checked("epoch_other", s->backend->epoch_other(s->store, epoch_ms, found, call), call));
}

int footfall__store_purge(struct footfall__store *s, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                          struct footfall_store_call *call)
{
    dropped[0] = dropped[1] = dropped[2] = 0;
    *more = 0;
    begin(call);
    if (s->backend->purge == NULL)
        return 0;
    return repeatable(checked("purge", s->backend->purge(s->store, now_ms, budget, dropped, more, call), call));
}

int footfall__store_ping(struct footfall__store *s, struct footfall_store_call *call)
{
    uint8_t key[FOOTFALL_STORE_KEY_BYTES];
    int64_t kept_until;
    int rc;
    begin(call);
    if (s->backend->ping != NULL)
        return repeatable(checked("ping", s->backend->ping(s->store, call), call));
    rc = footfall__store_epoch_key(s, 1, 0, NULL, 0, key, &kept_until, call);
    return rc == 1 ? 0 : rc;
}

int footfall__store_own_secret(struct footfall__store *s, char *path, size_t path_bytes, int *has_visitors,
                               struct footfall_store_call *call)
{
    int rc;
    path[0] = '\0';
    *has_visitors = 0;
    begin(call);
    if (s->backend->own_secret == NULL)
        return FOOTFALL_STORE_UNSUPPORTED;
    rc =
        repeatable(checked("own_secret", s->backend->own_secret(s->store, path, path_bytes, has_visitors, call), call));
    path[path_bytes - 1] = '\0';
    return rc;
}

int footfall__store_check(struct footfall__store *s, footfall_store_finding *each, void *user,
                          struct footfall_store_call *call)
{
    begin(call);
    if (s->backend->check == NULL)
        return 0;
    return repeatable(checked("check", s->backend->check(s->store, each, user, call), call));
}

void footfall__store_metrics(struct footfall__store *s, footfall_store_metric *each, void *user)
{
    if (s->backend->metrics != NULL)
        s->backend->metrics(s->store, each, user);
}

int footfall__store_rights(const struct footfall_backend *backend, const struct footfall_store_setting *settings,
                           size_t count, const struct footfall_store_rights *wanted, footfall_store_right *each,
                           void *user, struct footfall_store_call *call)
{
    begin(call);
    if (backend->rights == NULL) {
        (void)snprintf(call->text, call->text_bytes, "there is nothing to grant");
        return FOOTFALL_STORE_UNSUPPORTED;
    }
    return repeatable(checked("rights", backend->rights(settings, count, wanted, each, user, call), call));
}

int footfall__store_import_foreign(struct footfall__store *s, struct footfall_store_import *import, int *more,
                                   struct footfall_store_call *call)
{
    int rc;
    *more = 0;
    begin(call);
    if (s->backend->import_foreign == NULL) {
        (void)snprintf(call->text, call->text_bytes, "cannot import from another program's table");
        return FOOTFALL_STORE_UNSUPPORTED;
    }
    rc = checked("import_foreign", s->backend->import_foreign(s->store, import, more, call), call);
    *more = rc == 0 && *more != 0;
    return rc;
}
