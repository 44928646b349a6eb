/* json.c: one line that is a JSON object. Where in it things stand is json_keys.c's affair; which formats there are besides
 * is reader.c's. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESS_BYTES 255

/* ---- parsing ---------------------------------------------------------------------------------------------------------- */

/* NULL: *code says why. */
static json_t *load_with(size_t flags, const char *text, size_t bytes, enum json_error_code *code)
{
    json_error_t error;
    json_t *root = json_loadb(text, bytes, flags | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (root == NULL)
        *code = error.text[0] != '\0' ? json_error_code(&error) : json_error_out_of_memory;
    return root;
}

/* Integers past 64 bits, which some key that nobody asks for may have, become doubles. */
static json_t *load(const char *text, size_t bytes, enum json_error_code *code)
{
    json_t *root = load_with(0, text, bytes, code);
    if (root == NULL && *code == json_error_numeric_overflow)
        root = load_with(JSON_DECODE_INT_AS_REAL, text, bytes, code);
    return root;
}

/* A line that is no UTF-8, into reader->bytes, where there is room for three times the line afterwards. */
static json_t *load_mended(struct footfall_logs_reader *reader, const char *line, size_t bytes,
                           enum json_error_code *code)
{
    if (reader->room < 4 * bytes) {
        char *grown = realloc(reader->bytes, 4 * bytes);
        if (grown == NULL) {
            *code = json_error_out_of_memory;
            return NULL;
        }
        reader->bytes = grown;
        reader->room = 4 * bytes;
    }
    return load(reader->bytes, footfall__logs_mend(reader->bytes, line, bytes), code);
}

/* As nginx escapes unless told otherwise, which JSON does not know. */
static int has_hex_escape(const char *line, size_t bytes)
{
    for (size_t i = 0; i + 1 < bytes; i++)
        if (line[i] == '\\' && line[++i] == 'x')
            return 1;
    return 0;
}

static const char *why_not(enum json_error_code code, const char *line, size_t bytes)
{
    switch (code) {
    case json_error_out_of_memory:
        return footfall__logs_no_memory;
    case json_error_numeric_overflow:
        return "a number out of range";
    case json_error_null_byte_in_key:
        return "a key with a NUL";
    case json_error_stack_overflow:
        return "nested too deeply";
    default:
        return line[0] == '{' && has_hex_escape(line, bytes) ? "no JSON: nginx wants escape=json" : "no JSON";
    }
}

/* ---- fields ----------------------------------------------------------------------------------------------------------- */

/* The text of a value that may be NULL. `mended`: where its bytes go, which are no UTF-8; NULL: they are as they stand. */
static struct footfall_logs_field text_of(const json_t *value, char **mended)
{
    struct footfall_logs_field out = { value != NULL ? json_string_value(value) : "",
                                       value != NULL ? json_string_length(value) : 0 };
    if (*mended != NULL) {
        out.bytes = footfall__logs_unmend(*mended, out.text, out.bytes);
        out.text = *mended;
        *mended += out.bytes;
    }
    return out;
}

static int all_of(const char *text, size_t bytes, const char *these)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] == '\0' || strchr(these, text[i]) == NULL)
            return 0;
    return bytes > 0;
}

/* "[::1]:80" and "192.0.2.1:80": without what is no part of the address. IPv6 without brackets has no port: where it would
 * begin nobody could say. */
static struct footfall_logs_field without_port(struct footfall_logs_field host)
{
    const char *end = host.text + host.bytes, *cut = NULL, *rest = NULL;
    if (host.bytes > 0 && *host.text == '[') {
        cut = memchr(host.text, ']', host.bytes);
        rest = cut == NULL ? NULL : cut + 1;
        if (rest == NULL || (rest < end && (*rest != ':' || !all_of(rest + 1, (size_t)(end - rest - 1), "0123456789"))))
            return host;
        return (struct footfall_logs_field){ host.text + 1, (size_t)(cut - host.text - 1) };
    }
    cut = memchr(host.text, ':', host.bytes);
    if (cut == NULL || !all_of(host.text, (size_t)(cut - host.text), "0123456789.") ||
        !all_of(cut + 1, (size_t)(end - cut - 1), "0123456789"))
        return host;
    return (struct footfall_logs_field){ host.text, (size_t)(cut - host.text) };
}

static const char *read_address(struct footfall_logs_field *out, const json_t *value, char **mended)
{
    if (value == NULL)
        return "no address";
    *out = without_port(text_of(value, mended));
    for (size_t i = 0; i < out->bytes; i++)
        if (out->text[i] < 0x21 || out->text[i] > 0x7e)
            return "bad address";
    return out->bytes > 0 && out->bytes <= ADDRESS_BYTES ? NULL : "bad address";
}

/* 0 … 999, -1: none. */
static int read_status(const json_t *value)
{
    double number = json_number_value(value);
    const char *text = json_string_value(value);
    int status = 0;
    if (text == NULL)
        return json_is_number(value) && number >= 0 && number <= 999 && (int)number == number ? (int)number : -1;
    if (json_string_length(value) > 3 || !all_of(text, json_string_length(value), "0123456789"))
        return -1;
    for (; *text != '\0'; text++)
        status = status * 10 + (*text - '0');
    return status;
}

/* A whole request never begins with a slash, and what is one begins with a method and a space. */
static void read_target(struct footfall_logs_line *out, struct footfall_logs_field text)
{
    out->method = out->protocol = out->target = (struct footfall_logs_field){ text.text, 0 };
    if (text.bytes > 0 && *text.text != '/')
        footfall__logs_request(out, text);
    if (out->method.bytes == 0)
        out->target = text;
}

/* Caddy writes the request into lines of other loggers too, in the same file unless told otherwise. */
static int is_not_of_access_log(const json_t *line)
{
    const char *logger = json_string_value(json_object_get(line, "logger"));
    if (logger == NULL || strncmp(logger, "http.", 5) != 0 || !json_is_object(json_object_get(line, "request")))
        return 0;
    return strncmp(logger, "http.log.access", 15) != 0 &&
           (strncmp(logger, "http.log.", 9) == 0 || strncmp(logger, "http.handlers.", 14) == 0);
}

static const char *read_fields(struct footfall_logs_line *out, struct footfall_logs_reader *reader, char *mended)
{
    const json_t *line = reader->object, *time = NULL;
    const struct footfall_logs_keys *keys = reader->keys;
    const char *reason = NULL;
    if (!json_is_object(line))
        return "no JSON object";
    if (is_not_of_access_log(line))
        return "not of the access log";
    reason = read_address(&out->host, footfall__logs_find(line, keys, FOOTFALL_LOGS_ADDRESS), &mended);
    if (reason != NULL)
        return reason;
    if ((time = footfall__logs_find(line, keys, FOOTFALL_LOGS_TIME)) == NULL)
        return "no time";
    if (footfall__logs_json_time(&out->time_ms, &reader->minute, time) != 0)
        return "bad time";
    out->status = read_status(footfall__logs_find(line, keys, FOOTFALL_LOGS_STATUS));
    read_target(out, text_of(footfall__logs_find(line, keys, FOOTFALL_LOGS_TARGET), &mended));
    out->agent = text_of(footfall__logs_find(line, keys, FOOTFALL_LOGS_AGENT), &mended);
    out->user = out->referer = (struct footfall_logs_field){ out->agent.text, 0 };
    out->body_bytes = -1;
    out->plain = 1;
    return NULL;
}

const char *footfall__logs_json(struct footfall_logs_line *out, struct footfall_logs_reader *reader, const char *line,
                                size_t bytes)
{
    enum json_error_code code = json_error_unknown;
    int mended = 0;
    json_decref(reader->object);
    reader->object = NULL;
    if (bytes == 0 || (bytes == 1 && line[0] == '\r'))
        return "empty line";
    reader->object = load(line, bytes, &code);
    if (reader->object == NULL && code == json_error_invalid_utf8) {
        reader->object = load_mended(reader, line, bytes, &code);
        mended = 1;
    }
    if (reader->object == NULL)
        return why_not(code, line, bytes);
    return read_fields(out, reader, mended ? reader->bytes : NULL);
}
