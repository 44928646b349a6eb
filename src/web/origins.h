/* origins.h: whose pages may read the answers: http.cors_origins. Which headers that makes is respond.c's. */
#ifndef FOOTFALL_WEB_ORIGINS_H
#define FOOTFALL_WEB_ORIGINS_H
#include "web.h"

struct footfall_web_origins; /* never changes: any thread */

/* text: "*" alone, or origins ("https://example.org", "http://localhost:3000") with commas or blanks between; NULL or "": none.
 * An origin is what a browser sends: a scheme, a host and perhaps a port, in lower case; no path (not even a slash), no port
 * that is its scheme's own, no wildcard in it, no letters but ASCII (xn--), IPv6 as short as can be; and never "null".
 * Errors: CONFIG (names key and entry), NO_MEMORY. */
int footfall__web_origins_read(struct footfall_web_origins **out, const char *text, struct footfall_error *err);
void footfall__web_origins_free(struct footfall_web_origins *origins); /* NULL is fine */

int footfall__web_origins_any(const struct footfall_web_origins *origins); /* 1: "*" */
/* 1: exactly this one is in the list. origin as the Origin header has it; NULL: 0. */
int footfall__web_origins_has(const struct footfall_web_origins *origins, const char *origin);
#endif
