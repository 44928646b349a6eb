/* test_logs_json.h: what the parts of the JSON lines' test share. */
#ifndef TEST_LOGS_JSON_H
#define TEST_LOGS_JSON_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logs.h"

/* A line is written with ' for ", since JSON is full of them; the caller frees it. */
char *quoted(const char *line);
/* Reads it with a fresh reader; its fields live until the next call. */
const char *read_quoted(struct footfall_logs_line *out, const struct footfall_logs_keys *keys, const char *line);
void forget_line(void);

void assert_field(const char *line, struct footfall_logs_field field, const char *wanted);

void test_keys_that_are_taken(void **state);
void test_keys_that_are_wrong(void **state);
void test_usual_keys(void **state);
void test_given_keys(void **state);
void test_times_of_values(void **state);
void test_no_times(void **state);
void test_milliseconds_are_exact(void **state);
#endif
