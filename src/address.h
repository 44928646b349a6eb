/* address.h: from a visitor's address in text to the canonical bytes that identify it. Pure, any thread, no allocation. */
#ifndef FOOTFALL_ADDRESS_H
#define FOOTFALL_ADDRESS_H
#include <stdint.h>

#include "footfall.h"

struct footfall__address {
    uint8_t bytes[16]; /* network byte order; zero past `length` */
    uint8_t length;    /* 4 or 16 */
};

/* Reads what inet_pton(3) reads. ::ffff:a.b.c.d becomes IPv4 (and then ipv4_prefix holds); a zone id ("%eth0": 1 to 64 of
 * letters, digits and ".-_~") is dropped after IPv6; bits past the prefix (ipv4_prefix 1 … 32, ipv6_prefix 1 … 128) become
 * zero. 0.0.0.0 and ::, mapped or not, are refused, judged before the prefix is applied.
 * OK or INVALID, then *out is all zero; err (may be NULL) is touched only on failure, and its text never holds the address. */
int footfall__address_parse(struct footfall__address *out, const char *text, unsigned ipv4_prefix, unsigned ipv6_prefix,
                            struct footfall_error *err);
#endif
