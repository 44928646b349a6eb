/* runtime.h: AWS Lambda's Runtime API, by libcurl: the next invocation, its answer, errors. What is answered, and what is done
 * when nothing more is to be had, is the caller's affair. One thread. */
#ifndef FOOTFALL_RUNTIME_H
#define FOOTFALL_RUNTIME_H
#include <stddef.h>
#include <stdint.h>

enum { FOOTFALL_RUNTIME_ID_BYTES = 128 };

struct footfall_runtime; /* opaque */

struct footfall_invocation {
    char id[FOOTFALL_RUNTIME_ID_BYTES + 1]; /* "": it came without, and cannot be answered */
    const char *event;                      /* not NUL-terminated; lives until the next call */
    size_t event_bytes;
    int not_kept;        /* 1: the event is larger than any that Lambda sends, or no memory was left */
    int64_t deadline_ms; /* UTC; INT64_MAX: none is known */
};

/* api: HOST:PORT, as Lambda says it. NULL: no memory, or it is longer than such a one can be. The caller ends it with
 * footfall__runtime_close. */
struct footfall_runtime *footfall__runtime_open(const char *api);
void footfall__runtime_close(struct footfall_runtime *runtime); /* NULL is fine */

/* All return 1 when there is reason to go on; 0, after a line in the log, when the runtime must end: the API is not there any
 * more, or says so. They wait as long as it takes: the process may be frozen meanwhile. A connection that fails is made anew,
 * once. */

/* Waits for the next invocation, and sets _X_AMZN_TRACE_ID for it. */
int footfall__runtime_next(struct footfall_runtime *runtime, struct footfall_invocation *out);
/* The answer; what the API will not take is logged, and the caller may go on. */
int footfall__runtime_answer(struct footfall_runtime *runtime, const struct footfall_invocation *of, const char *json,
                             size_t json_bytes);
/* Instead of an answer: type ("Footfall.Event") and one sentence. */
int footfall__runtime_fail(struct footfall_runtime *runtime, const struct footfall_invocation *of, const char *type,
                           const char *text);
/* Instead of a first footfall__runtime_next. */
int footfall__runtime_fail_start(struct footfall_runtime *runtime, const char *type, const char *text);
#endif
