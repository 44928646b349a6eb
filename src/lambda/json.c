/* json.c: an event's text to values, and its fields (event.h). */
#include "event.h"

#include <string.h>

#include "alloc.h"

static const char nul[] = "\\u0000", no_character[] = "\\ufffd";
enum { NUL_BYTES = sizeof nul - 1 };

/* Where the string that begins behind the quote at text[at] ends: at its closing quote, or at the end. */
static size_t end_of_string(const char *text, size_t bytes, size_t at)
{
    for (at++; at < bytes && text[at] != '"'; at++)
        if (text[at] == '\\' && at + 1 < bytes)
            at++;
    return at;
}

static int is_key(const char *text, size_t bytes, size_t end)
{
    for (end++; end < bytes && strchr(" \t\r\n", text[end]) != NULL && text[end] != '\0'; end++)
        continue;
    return end < bytes && text[end] == ':';
}

static void replace_nuls(char *text, size_t at, size_t end)
{
    for (; at + NUL_BYTES <= end; at++) {
        if (text[at] != '\\')
            continue;
        if (memcmp(text + at, nul, NUL_BYTES) == 0)
            memcpy(text + at, no_character, NUL_BYTES);
        at++;
    }
}

/* jansson has no keys with a NUL inside, and refuses all of it for one. Nobody asks for such a key: it gets another character. */
static json_t *without_nul_keys(const char *text, size_t bytes, size_t flags, json_error_t *why, int *no_memory)
{
    char *copy = footfall__strndup(text, bytes);
    json_t *root = NULL;
    *no_memory = copy == NULL;
    if (copy == NULL)
        return NULL;
    for (size_t at = 0; at < bytes; at++) {
        size_t end = copy[at] == '"' ? end_of_string(copy, bytes, at) : at;
        if (end > at && is_key(copy, bytes, end))
            replace_nuls(copy, at + 1, end);
        at = end;
    }
    root = json_loadb(copy, bytes, flags, why);
    footfall__free(copy);
    return root;
}

json_t *footfall__lambda_parse(const char *text, size_t bytes, json_error_t *why, int *no_memory)
{
    /* No number is read, so one that no integer holds (an authorizer may put any there) need not be one. */
    static const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
    json_t *root = NULL;
    memset(why, 0, sizeof *why);
    *no_memory = 0;
    root = json_loadb(bytes > 0 ? text : "", bytes, flags, why);
    if (root == NULL && json_error_code(why) == json_error_null_byte_in_key)
        root = without_nul_keys(text, bytes, flags, why, no_memory);
    if (root == NULL && json_error_code(why) == json_error_out_of_memory)
        *no_memory = 1;
    return root;
}

json_t *footfall__lambda_object(const json_t *in, const char *key)
{
    json_t *value = json_object_get(in, key);
    return json_is_object(value) ? value : NULL;
}

const char *footfall__lambda_string(const json_t *in, const char *key, size_t *bytes)
{
    const json_t *value = json_object_get(in, key);
    *bytes = json_string_length(value);
    return json_string_value(value);
}

const char *footfall__lambda_text(const json_t *in, const char *key)
{
    size_t bytes = 0;
    const char *text = footfall__lambda_string(in, key, &bytes);
    return text != NULL && strlen(text) == bytes ? text : NULL;
}

int footfall__lambda_is(const json_t *in, const char *key, const char *wanted)
{
    const char *text = footfall__lambda_text(in, key);
    return text != NULL && strcmp(text, wanted) == 0;
}
