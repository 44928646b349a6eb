/* ini.c: cutting INI text into lines, and lines into key and value (ini.h). */
#include "ini.h"

#include <string.h>

#include "bytes.h"
#include "error.h"

struct reader {
    const char *source;
    footfall__ini_each *each;
    void *user;
    struct footfall__ini_line now;
};

struct span {
    const char *at;
    size_t bytes;
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(const char *at, size_t bytes)
{
    while (bytes > 0 && is_blank(at[0])) {
        at++;
        bytes--;
    }
    while (bytes > 0 && is_blank(at[bytes - 1]))
        bytes--;
    return (struct span){ at, bytes };
}

const char *footfall__ini_fault(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        unsigned char c = (unsigned char)text[at];
        size_t length = footfall__utf8_length(text + at, bytes - at);
        if (c == '\0')
            return "a NUL byte";
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "a control character";
        if (length == 0)
            return "invalid UTF-8";
        at += length;
    }
    return bytes > FOOTFALL__INI_LINE_BYTES ? "more than 65536 bytes" : NULL;
}

static int section_line(struct reader *reader, struct span line, struct footfall_error *err)
{
    struct footfall__ini_line *now = &reader->now;
    if (line.bytes < 3 || line.at[line.bytes - 1] != ']' || memchr(line.at + 1, '[', line.bytes - 1) != NULL ||
        memchr(line.at, ']', line.bytes - 1) != NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s:%d: a section is written [name], alone on its line",
                              reader->source, now->line);
    now->section = line.at + 1;
    now->section_bytes = line.bytes - 2;
    now->key = now->value = NULL;
    now->key_bytes = now->value_bytes = 0;
    return reader->each(reader->user, now, err);
}

static int pair_line(struct reader *reader, struct span line, struct footfall_error *err)
{
    struct footfall__ini_line *now = &reader->now;
    const char *equals = memchr(line.at, '=', line.bytes);
    struct span key;
    struct span value;
    if (equals == NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0,
                              "%s:%d: no '=': a line is \"key = value\", [section] or # comment", reader->source,
                              now->line);
    key = trim(line.at, (size_t)(equals - line.at));
    value = trim(equals + 1, line.bytes - (size_t)(equals - line.at) - 1);
    if (key.bytes == 0)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s:%d: no key before the '='", reader->source, now->line);
    if (value.bytes >= 2 && value.at[0] == '"' && value.at[value.bytes - 1] == '"')
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s:%d: %.*s: write the value without the double quotes",
                              reader->source, now->line, (int)(key.bytes < 64 ? key.bytes : 64), key.at);
    now->key = key.at;
    now->key_bytes = key.bytes;
    now->value = value.at;
    now->value_bytes = value.bytes;
    return reader->each(reader->user, now, err);
}

static int one_line(struct reader *reader, const char *text, size_t bytes, struct footfall_error *err)
{
    const char *fault;
    struct span line;
    if (bytes > 0 && text[bytes - 1] == '\r')
        bytes--;
    fault = footfall__ini_fault(text, bytes);
    if (fault != NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s:%d: the line holds %s", reader->source, reader->now.line,
                              fault);
    line = trim(text, bytes);
    if (line.bytes == 0 || line.at[0] == '#' || line.at[0] == ';')
        return FOOTFALL_OK;
    return line.at[0] == '[' ? section_line(reader, line, err) : pair_line(reader, line, err);
}

int footfall__ini_read(const char *source, const char *text, size_t bytes, footfall__ini_each *each, void *user,
                       struct footfall_error *err)
{
    struct reader reader = { .source = source, .each = each, .user = user };
    size_t at = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (bytes > FOOTFALL__INI_BYTES)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: larger than 1 MiB", source);
    while (at < bytes) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end != NULL ? (size_t)(end - (text + at)) : bytes - at;
        int rc;
        reader.now.line++;
        rc = one_line(&reader, text + at, length, err);
        if (rc != FOOTFALL_OK)
            return rc;
        at += length + (end != NULL ? 1 : 0);
    }
    return FOOTFALL_OK;
}
