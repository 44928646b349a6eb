/* json.h: what the parts of the JSON reader share. json.c reads a line, json_keys.c finds what it wants in it, json_time.c
 * understands the time, json_bytes.c helps over bytes that are no UTF-8. */
#ifndef FOOTFALL_LOGS_JSON_H
#define FOOTFALL_LOGS_JSON_H
#include <jansson.h>

#include "logs.h"

const char *footfall__logs_json(struct footfall_logs_line *out, struct footfall_logs_reader *reader, const char *line,
                                size_t bytes);

/* What the line has for that part: a string, neither "" nor "-"; for time and status a number too. NULL: nothing. */
const json_t *footfall__logs_find(const json_t *line, const struct footfall_logs_keys *keys,
                                  enum footfall_logs_part part);

/* 0, or -1 when it is no time. */
int footfall__logs_json_time(int64_t *time_ms, struct footfall_logs_minute *minute, const json_t *value);

/* Writes each byte that is no part of valid UTF-8 as a code point of its own, so that the result is UTF-8; `out` has room
 * for four times the bytes. And back: `out` has room for `bytes`. Both return how many bytes were written. */
size_t footfall__logs_mend(char *out, const char *text, size_t bytes);
size_t footfall__logs_unmend(char *out, const char *text, size_t bytes);
#endif
