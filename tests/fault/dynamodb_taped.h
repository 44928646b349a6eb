/* dynamodb_taped.h: handles whose requests to DynamoDB Local are kept on a tape, and what they may ask and cost. The clock of all
 * of them is the test's. */
#ifndef FAULT_DYNAMODB_TAPED_H
#define FAULT_DYNAMODB_TAPED_H
#include "cmocka_all.h"

#include "dynamodb_tape.h"
#include "footfall.h"

#define TAPED_HOUR INT64_C(3600000)
#define TAPED_MIDNIGHT (INT64_C(20000) * 24 * TAPED_HOUR) /* the first millisecond of an epoch of one day */
#define TAPED_NOON (TAPED_MIDNIGHT + 12 * TAPED_HOUR)

extern struct dynamodb_tape *taped;

/* cmocka's group setup and teardown: the tape, the tables. */
int taped_set_up(void **state);
int taped_tear_down(void **state);

void taped_clock(int64_t now_ms);
/* A handle of one lane on the tape, with its epoch keys looked up and the tape cleared. extra: settings in turn, NULL at the end;
 * may be NULL. Ended by footfall_close. */
struct footfall *taped_open(const char *const *extra);
/* The handle as footfall_open leaves it, what that asked still on the tape. */
struct footfall *taped_open_bare(const char *const *extra);
/* The clock at noon; a counter's name that no other test has. */
const char *taped_begin(void);

/* One visit by the visitor of this number, which must be OK. 1: new. */
int taped_visit(struct footfall *ff, const char *name, uint32_t visitor, int64_t now_ms);
/* Visits by `count` visitors from number `first` on in one call. How many were new. */
size_t taped_visits(struct footfall *ff, const char *name, uint32_t first, size_t count);

/* Exactly these requests (dynamodb_tape_lines) since the tape was last cleared; clears it. */
#define EXPECT_CALLS(lines) taped_expect_calls(lines, __FILE__, __LINE__)
void taped_expect_calls(const char *lines, const char *file, int line);
struct dynamodb_bill taped_bill(void); /* of what is on the tape; leaves it alone */
#endif
