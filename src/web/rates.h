/* rates.h: requests a second from one client address: a bounded table of token buckets, in which no address stands in plain. */
#ifndef FOOTFALL_WEB_RATES_H
#define FOOTFALL_WEB_RATES_H
#include <stdint.h>

#include "footfall.h"

/* A keyed hash of an address (SipHash by OpenSSL, a random key for each): what stands for it in tables. Any thread. */
struct footfall_web_keys;
int footfall__web_keys_new(struct footfall_web_keys **out, struct footfall_error *err); /* NO_MEMORY */
void footfall__web_keys_free(struct footfall_web_keys *keys); /* NULL is fine; the key is cleansed */
/* address: IPv4, or IPv6 of which the first 64 bits count; ::ffff:a.b.c.d is a.b.c.d. Never 0; 0 when it is no address. */
uint64_t footfall__web_keys_of(const struct footfall_web_keys *keys, const char *address);

struct footfall_web_rates;
/* per_second: 1 … 1,000,000, also the most that may come at once. The table has a fixed size (at most 1 MiB); when it is full
 * whoever has not come for longest is forgotten. NO_MEMORY. */
int footfall__web_rates_new(struct footfall_web_rates **out, uint32_t per_second, struct footfall_error *err);
void footfall__web_rates_free(struct footfall_web_rates *rates); /* NULL is fine */
/* 1: this request may go on; 0: too many. now_ms: a clock that does not jump. Any thread. */
int footfall__web_rates_take(struct footfall_web_rates *rates, uint64_t key, int64_t now_ms);
#endif
