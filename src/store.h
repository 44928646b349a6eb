/* store.h: checked calls into a backend. The core reaches a store through these alone: they fill in what a slot may leave
 * out, and turn an answer that the contract does not allow into BROKEN. One thread at a time per store. */
#ifndef FOOTFALL_STORE_CALLS_H
#define FOOTFALL_STORE_CALLS_H
#include "footfall_store.h"

struct footfall__store {
    const struct footfall_backend *backend; /* a normalised copy: all slots there, or NULL */
    struct footfall_store *store;
    uint32_t caps;
};

/* Copies what the backend has into *out (slots past its size are NULL) and checks that nothing that must be is missing.
 * Returns 0, or -1 with a static text in *why. */
int footfall__backend_normalise(struct footfall_backend *out, const struct footfall_backend *backend, const char **why);

int footfall__store_open(struct footfall__store *out, const struct footfall_backend *backend,
                         const struct footfall_store_setting *settings, size_t count, uint32_t lane,
                         struct footfall_store_call *call);
void footfall__store_close(struct footfall__store *s, int inherited); /* an unopened one is fine */

/* Every results[i].status is a status of the enum afterwards, also when a negative status is returned. */
int footfall__store_apply(struct footfall__store *s, const struct footfall_store_op *ops, size_t count,
                          struct footfall_store_result *results, struct footfall_store_call *call);
int footfall__store_fetch(struct footfall__store *s, const char *const *names, const size_t *name_bytes, size_t count,
                          int64_t *totals, int64_t *uniques, uint8_t *exists, struct footfall_store_call *call);
int footfall__store_scan(struct footfall__store *s, const char *prefix, size_t prefix_bytes, const char *after,
                         size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                         struct footfall_store_call *call);
int footfall__store_epoch_key(struct footfall__store *s, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                              int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                              struct footfall_store_call *call);
int footfall__store_epoch_drop(struct footfall__store *s, int64_t wall_ms, int64_t *next_ms,
                               struct footfall_store_call *call);
int footfall__store_epoch_other(struct footfall__store *s, int64_t epoch_ms, int *found,
                                struct footfall_store_call *call);
int footfall__store_purge(struct footfall__store *s, int64_t now_ms, size_t budget, size_t dropped[3], int *more,
                          struct footfall_store_call *call);
int footfall__store_ping(struct footfall__store *s, struct footfall_store_call *call);
int footfall__store_own_secret(struct footfall__store *s, char *path, size_t path_bytes, int *has_visitors,
                               struct footfall_store_call *call); /* UNSUPPORTED when the backend has no such slot */
int footfall__store_check(struct footfall__store *s, footfall_store_finding *each, void *user,
                          struct footfall_store_call *call);
void footfall__store_metrics(struct footfall__store *s, footfall_store_metric *each, void *user);
/* UNSUPPORTED, with a text, when the backend has no such slot. */
int footfall__store_rights(const struct footfall_backend *backend, const struct footfall_store_setting *settings,
                           size_t count, const struct footfall_store_rights *wanted, footfall_store_right *each,
                           void *user, struct footfall_store_call *call);
/* The same. Besides apply the one call that may be UNKNOWN. */
int footfall__store_import_foreign(struct footfall__store *s, struct footfall_store_import *import, int *more,
                                   struct footfall_store_call *call);
#endif
