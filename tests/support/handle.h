/* handle.h: handles and calls as tests like them: one line each, through the public header alone. */
#ifndef SUPPORT_HANDLE_H
#define SUPPORT_HANDLE_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"

/* A past time that every test may count at: 2024-03-01 00:00 UTC. */
#define SUPPORT_TIME_MS INT64_C(1709251200000)

/* For stores that do not keep a secret themselves. */
#define SUPPORT_SECRET "a secret of 32 bytes or more, for tests"

/* footfall_open with these settings ("backend", "memory", …; NULL at the end): key and value in turn, no file, no
 * environment. The text goes to *err (may be NULL). */
int support_try_open(struct footfall **out, struct footfall_error *err, const char *const *pairs);
/* The same, but a failure ends the process with the reason. */
struct footfall *support_open(const char *const *pairs);
/* An SQLite handle on dir/footfall.db. durability NULL: the default. */
struct footfall *support_open_sqlite(const char *dir, const char *durability);

int support_add(struct footfall *ff, const char *name, int64_t delta, uint32_t wait_ms, struct footfall_result *r);
/* A visit by the visitor of this number, an address of its own for each of 16,777,216. */
int support_visit(struct footfall *ff, const char *name, uint32_t visitor, int64_t now_ms, uint32_t wait_ms,
                  struct footfall_result *r);
/* One counter's numbers; ends the process when they cannot be read. */
struct footfall_result support_read(struct footfall *ff, const char *name);
void support_address(char out[16], uint32_t visitor);
#endif
