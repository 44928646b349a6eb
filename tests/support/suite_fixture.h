/* suite_fixture.h: what a test of the conformance suite stands on: a fresh folder, handles on the backend under test whose
 * clock is the test's, and the backend's own store beside them. What a backend can is asked by caps, never by its name.
 * Everything here ends the running test by cmocka's means when it fails; use it on the test's own thread only. */
#ifndef SUITE_FIXTURE_H
#define SUITE_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "footfall.h"
#include "footfall_store.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define T0 (20000 * DAY) /* 2024-10-04 00:00 UTC: the first millisecond of an epoch of one day */
#define NOON (T0 + 12 * HOUR)

struct suite_clock {
    _Atomic int64_t now_ms;
};

enum { SUITE_HANDLES = 16 };

struct suite { /* one test's surroundings */
    char *dir;
    struct suite_clock clock; /* of every handle that is opened without another one. Starts at NOON */
    struct footfall *handles[SUITE_HANDLES];
    size_t handle_count;
};

struct suite_knobs {           /* how to open a handle; all zero is fine */
    const char *window, *mode; /* NULL: 24h, fixed */
    struct suite_clock *clock; /* NULL: the suite's */
    const struct footfall_setting *more;
    size_t more_count;
    int without_secret;
    int alone; /* as in struct footfall_options */
    void (*log)(void *user, enum footfall_log_level level, const char *line);
    void *log_user;
};

/* Once, from main: the backend under test and its settings, KEY=VALUE with @DIR@ for the test's folder and @NAME@ for a name of
 * its own, of letters, digits and '-' ($FOOTFALL_TEST_NAME_PREFIX and the folder's). Exits with a message when it is not built in or
 * cannot be opened. */
void suite_configure(const char *backend, char *const *settings, int count);
const char *suite_backend(void); /* for titles only */
uint32_t suite_caps(void);       /* enum footfall_store_caps, of an open store with these settings */
uint32_t suite_max_batch(void);
/* For loops that take their time: count, or a fifth of it on a store that is slow (and not FOOTFALL_TEST_LONG=1). */
int suite_rounds(int count);
void suite_is_slow(void);

/* cmocka's setup and teardown of each test. *state is the struct suite; the folder goes, whatever the test left in it. */
int suite_set_up(void **state);
int suite_tear_down(void **state);

/* A handle; another one on the same store when called again. Closed by the teardown, or by suite_close. */
struct footfall *suite_open(struct suite *s, const struct suite_knobs *knobs);
void suite_close(struct suite *s, struct footfall *ff);
/* footfall_open itself, without an assertion. */
int suite_try_open(struct footfall **out, struct suite *s, const struct suite_knobs *knobs, struct footfall_error *err);
void suite_set_clock(struct suite *s, int64_t now_ms);

/* The backend's own store, opened beside the handles with the same settings. */
struct footfall_store *suite_store_open(struct suite *s);
void suite_store_close(struct footfall_store *store);
/* Is there a key for this epoch? Looks with a store of its own. */
int suite_epoch_key_there(struct suite *s, int64_t epoch_ms, int64_t epoch);

/* Another process opens the same store, applies the operations and ends: its answers. Only for DURABLE stores. */
int suite_apply_elsewhere(struct suite *s, const struct suite_knobs *knobs, const struct footfall_op *ops, size_t count,
                          const struct footfall_call *call, struct footfall_result *results);
#endif
