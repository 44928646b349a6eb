/* redis_ask.h: handles on the test's Redis server, and one line for a command to it and what it must say. The macros end the
 * running cmocka test at the line that asks. */
#ifndef FAULT_REDIS_ASK_H
#define FAULT_REDIS_ASK_H
#include <stdint.h>

#include "footfall.h"
#include "redis_control.h"

/* A handle on the server under this prefix, with more settings ("window", "forever", …; a NULL at the end; a later one of a key
 * wins, and the value NULL takes it away). redis_open ends the process when it cannot. */
struct footfall *redis_open(const char *prefix, ...) __attribute__((sentinel));
int redis_try_open(struct footfall **out, struct footfall_error *err, const char *prefix, ...)
    __attribute__((sentinel));

/* A command that must say so. */
#define REDIS_SAYS(want, ...)                                                                                          \
    redis_expect(want, support_redis_command(__VA_ARGS__, (const char *)NULL), __FILE__, __LINE__)
#define REDIS_OK(...) REDIS_SAYS("OK", __VA_ARGS__)
/* A command that must say a number: that. */
#define REDIS_NUMBER(...) redis_number(support_redis_command(__VA_ARGS__, (const char *)NULL), __FILE__, __LINE__)
void redis_expect(const char *want, char *reply, const char *file, int line);
int64_t redis_number(char *reply, const char *file, int line);

/* Of everything in the database, expiries aside but for their being there: differs when anything was changed. free() it. */
char *redis_digest(void);
/* Has nothing changed since? Frees `before`. */
#define REDIS_UNCHANGED(before) redis_expect(redis_digest_kept(before), redis_digest(), __FILE__, __LINE__)
const char *redis_digest_kept(char *digest);

/* How many keys match the pattern (glob), and the value of a field of INFO ("" when it is not there; free() it). */
int64_t redis_key_count(const char *pattern);
char *redis_info(const char *field);

/* An error of this status whose text has the word; NULL: any. */
#define EXPECT_FAULT(rc, err, want, word) redis_expect_fault(rc, &(err), want, word, __FILE__, __LINE__)
void redis_expect_fault(int rc, const struct footfall_error *err, int want, const char *word, const char *file,
                        int line);

/* One operation with its error's text. */
int redis_add(struct footfall *ff, const char *name, uint32_t wait_ms, struct footfall_error *err);
int redis_visit(struct footfall *ff, const char *name, uint32_t visitor, uint32_t wait_ms, struct footfall_error *err);

/* cmocka's setup of each case: an empty server. */
int redis_flush(void **state);
#endif
