/* path.c: what a request's target means: log escapes undone, the path cut out and percent-decoded. Whether the result may
 * be a counter's name is for others to say. */
#include "logs.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that two hex digits stand for, -1 when they are none. */
static int hex_byte(const char *text)
{
    int high = hex_digit(text[0]), low = hex_digit(text[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* What a backslash and this letter stand for, -1 for nothing known. */
static int escaped_byte(char letter)
{
    static const char letters[] = "\"\\/bnrtvf", bytes[] = "\"\\/\b\n\r\t\v\f";
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    return found == NULL ? -1 : bytes[found - letters];
}

size_t footfall__logs_unescape(char *out, struct footfall_logs_field field)
{
    const char *from = field.text, *end = from + field.bytes;
    char *to = out;
    while (from < end) {
        const char *next = memchr(from, '\\', (size_t)(end - from));
        size_t plain = (size_t)((next == NULL ? end : next) - from);
        int byte = -1;
        memmove(to, from, plain);
        to += plain;
        from += plain;
        if (next == NULL)
            break;
        if (end - from >= 4 && from[1] == 'x' && (byte = hex_byte(from + 2)) >= 0) {
            *to++ = (char)byte;
            from += 4;
        } else if (end - from >= 2 && (byte = escaped_byte(from[1])) >= 0) {
            *to++ = (char)byte;
            from += 2;
        } else {
            *to++ = *from++;
        }
    }
    return (size_t)(to - out);
}

/* Percent escapes undone, once, into bytes of the same place. */
static size_t percent_decode(char *text, size_t bytes)
{
    char *from = memchr(text, '%', bytes), *to = from, *end = text + bytes;
    if (from == NULL)
        return bytes;
    while (from < end) {
        int byte = *from == '%' && end - from >= 3 ? hex_byte(from + 1) : -1;
        *to++ = byte >= 0 ? (char)byte : *from;
        from += byte >= 0 ? 3 : 1;
    }
    return (size_t)(to - text);
}

/* Of "http://host/path" what begins with the path: empty when there is none. NULL: another form. */
static char *after_authority(char *text, const char *end)
{
    size_t bytes = (size_t)(end - text), scheme = 0;
    if (bytes >= 7 && strncasecmp(text, "http://", 7) == 0)
        scheme = 7;
    else if (bytes >= 8 && strncasecmp(text, "https://", 8) == 0)
        scheme = 8;
    else
        return NULL;
    text += scheme;
    if (text == end || *text == '/' || *text == '?' || *text == '#')
        return NULL;
    while (text < end && *text != '/' && *text != '?' && *text != '#')
        text++;
    return text;
}

const char *footfall__logs_path(char *out, size_t *bytes, struct footfall_logs_field target, int plain)
{
    char *begin = out, *end = NULL, *cut = NULL;
    *bytes = 0;
    out[0] = '\0';
    if (target.bytes == 0)
        return "no request";
    if (plain)
        memmove(out, target.text, target.bytes);
    end = out + (plain ? target.bytes : footfall__logs_unescape(out, target));
    if (*begin != '/' && (begin = after_authority(begin, end)) == NULL)
        return "no path";
    if ((cut = memchr(begin, '?', (size_t)(end - begin))) != NULL)
        end = cut;
    if ((cut = memchr(begin, '#', (size_t)(end - begin))) != NULL)
        end = cut;
    if (begin == end) {
        memcpy(out, "/", 2);
        *bytes = 1;
        return NULL;
    }
    *bytes = percent_decode(begin, (size_t)(end - begin));
    if (begin != out)
        memmove(out, begin, *bytes);
    out[*bytes] = '\0';
    return NULL;
}
