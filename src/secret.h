/* secret.h: where the secret comes from that keys the visitors' ids. What is made of it is identity's business.
 *
 * A file of a secret is a regular file (a link to one will do) of at most 4096 bytes. When it is printable ASCII and one
 * newline ("\n" or "\r\n") at the end, the newline is dropped; otherwise every byte counts. At least 32 bytes must be left. */
#ifndef FOOTFALL_SECRET_H
#define FOOTFALL_SECRET_H
#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* Gets a warning when group or others may read the file. May be NULL; levels are for the caller to sift. */
typedef void footfall__secret_log(void *user, enum footfall_log_level level, const char *line);

/* The configured secret, settings->secret or settings->secret_file; one of them is not NULL. The caller ends *out with
 * footfall__secret_free. CONFIG (names the path and what is wrong with it, never its bytes), NO_MEMORY; then *out is NULL. */
int footfall__secret_load(uint8_t **out, size_t *bytes, const struct footfall__settings *settings,
                          footfall__secret_log *log, void *log_user, struct footfall_error *err);

/* The secret that a store on this machine keeps beside itself: reads path, or makes it when it is missing and the store
 * holds no visitors yet (else CONFIG: a new secret would count every visitor anew). It is made whole under another name and
 * then linked, so that of several processes one wins and all read the same; it is on the disk when this returns. A file
 * system without hard links gets the file under its own name at once: then a machine that stops in between may leave it
 * short, which the next call refuses. No other file is left behind unless the process is killed.
 * CONFIG as above; BROKEN when it cannot be made (read-only, full, no such folder); NO_MEMORY. Then *out is NULL. */
int footfall__secret_own(uint8_t **out, size_t *bytes, const char *path, int has_visitors, footfall__secret_log *log,
                         void *log_user, struct footfall_error *err);

void footfall__secret_free(uint8_t *secret, size_t bytes); /* cleanses; NULL is fine */
#endif
