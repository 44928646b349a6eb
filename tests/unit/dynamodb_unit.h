/* dynamodb_unit.h: what the tests of single parts of the DynamoDB backend share: cmocka, and JSON that is readable in C. */
#ifndef DYNAMODB_UNIT_H
#define DYNAMODB_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "folder.h"

/* The text with " for '; its length. */
static inline size_t quoted(char *out, size_t room, const char *text)
{
    size_t bytes = strlen(text);
    assert_true(bytes < room);
    for (size_t i = 0; i <= bytes; i++)
        out[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    return bytes;
}

/* JSON with ' for "; it must be some. */
static inline json_t *json_of(const char *text)
{
    char json[4096];
    size_t bytes = quoted(json, sizeof(json), text);
    json_t *value = json_loadb(json, bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (value == NULL)
        fail_msg("no JSON: %s", text);
    return value;
}
#endif
