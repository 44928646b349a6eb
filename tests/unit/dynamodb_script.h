/* dynamodb_script.h: a DynamoDB client that answers from a script, linked in place of the real one (client.h). Each request must
 * be the next one of the script; the client itself is a pointer that nobody looks behind. */
#ifndef DYNAMODB_SCRIPT_H
#define DYNAMODB_SCRIPT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "tables.h"

struct script_step {
    enum dynamodb_action action;
    const char
        *says; /* what the request must hold, as compact JSON with sorted keys; NULL: anything. '$' parts several */
    enum dynamodb_answer answer;
    const char *reply; /* JSON with ' for ", when ANSWERED; NULL: {} */
    int doubt;         /* of NO_ANSWER, CANCELED: an earlier attempt may have been carried out */
};

extern int64_t script_clock_ahead_ms; /* of the service */
/* So many allocations for JSON succeed from now on, then none; the script's own always do. -1: all. */
void script_memory(int allocations);

/* What comes next, ended by the array's length; all of it must have been asked for by script_done. */
void script_begin(const struct script_step *steps, size_t count);
void script_done(void);
#define SCRIPT(...)                                                                                                    \
    const struct script_step steps_[] = { __VA_ARGS__ };                                                               \
    script_begin(steps_, sizeof(steps_) / sizeof(steps_[0]))

/* A call with its text empty, and so much time. */
struct footfall_store_call script_call(int64_t within_ms);
extern char script_text[256];

#define THE_CLIENT ((struct dynamodb_client *)(uintptr_t)1)
#endif
