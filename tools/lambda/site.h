/* site.h: what the runtime answers from: the configuration of the environment, the store that it names, the site over both. */
#ifndef FOOTFALL_RUNTIME_SITE_H
#define FOOTFALL_RUNTIME_SITE_H
#include <stdint.h>

#include "footfall.h"
#include "web.h"

struct footfall_runtime_site; /* opaque */

/* Reads the configuration and opens the store. One that is not there is no error: the log tells, and requests try again. Errors:
 * CONFIG (names the key), NO_MEMORY. The caller ends *out with footfall__runtime_site_close. */
int footfall__runtime_site_open(struct footfall_runtime_site **out, struct footfall_error *err);
void footfall__runtime_site_close(struct footfall_runtime_site *site); /* NULL is fine */

/* The site. A store that could not be opened yet is tried again by each request that needs it, in a part of that one's time. */
struct footfall_web *footfall__runtime_site_web(struct footfall_runtime_site *site);

/* What the store wants done now and then, once an invocation has its reply, so that nobody waits for it. With too little left of the
 * invocation's time it is for another one. */
void footfall__runtime_site_upkeep(struct footfall_runtime_site *site, int64_t left_ms);
#endif
