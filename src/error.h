/* error.h: filling in the caller's struct footfall_error. */
#ifndef FOOTFALL_ERROR_H
#define FOOTFALL_ERROR_H
#include "footfall.h"

/* Writes status, native and one line of text (cut at a UTF-8 boundary) when err is not NULL; returns status, so that
 * `return footfall__fail(err, FOOTFALL_INVALID, 0, "…")` reads well. The text must hold no address, secret or id. */
int footfall__fail(struct footfall_error *err, int status, int32_t native, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void footfall__fine(struct footfall_error *err); /* OK, 0, "" */
#endif
