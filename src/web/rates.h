/* rates.h: requests a second from one client address: a bounded table of token buckets, in which no address stands in plain. */
#ifndef FOOTFALL_WEB_RATES_H
#define FOOTFALL_WEB_RATES_H
#include <stdint.h>

#include "footfall.h"

/* A keyed hash of an address (SipHash under a random key that nobody else has): what stands for it in tables. Any thread. */
struct footfall_web_keys;
int footfall__web_keys_new(struct footfall_web_keys **out, struct footfall_error *err); /* NO_MEMORY */
void footfall__web_keys_free(struct footfall_web_keys *keys); /* NULL is fine; the key is cleansed */
/* address: IPv4, or IPv6 of which the first 64 bits count; ::ffff:a.b.c.d is a.b.c.d, a zone id is left out. 0 when it is no
 * address (or NULL), and only then. */
uint64_t footfall__web_keys_of(const struct footfall_web_keys *keys, const char *address);

struct footfall_web_rates;
/* per_second: 1 … 1,000,000, also the most that may come at once. The table has a fixed size (less than 1 MiB, 32,768
 * addresses): a new one takes the place of whoever, of the eight that share its set, has not come for longest. Errors: INVALID
 * (per_second), NO_MEMORY. */
int footfall__web_rates_new(struct footfall_web_rates **out, uint32_t per_second, struct footfall_error *err);
void footfall__web_rates_free(struct footfall_web_rates *rates); /* NULL is fine */
/* 1: this request may go on; 0: too many. key: of footfall__web_keys_of; 0 always goes on. now_ms: a clock that does not jump;
 * one that goes back adds nothing. Any thread. */
int footfall__web_rates_take(struct footfall_web_rates *rates, uint64_t key, int64_t now_ms);
#endif
