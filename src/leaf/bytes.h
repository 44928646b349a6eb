/* bytes.h: a keyed hash for tables, hex, and text that is cut without breaking UTF-8. Pure functions, any thread. */
#ifndef FOOTFALL_LEAF_BYTES_H
#define FOOTFALL_LEAF_BYTES_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 under a key of the table's own, so that nobody can choose names that collide. */
uint64_t footfall__hash(const uint64_t key[2], const void *bytes, size_t size);

void footfall__hex(char *out /* 2 * size + 1 */, const void *bytes, size_t size);

/* snprintf that always terminates and, when it must cut, cuts before a UTF-8 sequence, not inside one. Control bytes and
 * what is no UTF-8 become '?': one line, fit for a log. */
void footfall__format(char *out, size_t out_bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
void footfall__vformat(char *out, size_t out_bytes, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Length in bytes (1 to 4) of the valid UTF-8 sequence (RFC 3629) at text, 0 when there is none within `left` bytes. */
size_t footfall__utf8_length(const void *text, size_t left);
#endif
