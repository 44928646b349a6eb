/* json_bytes.c: lines with bytes that are no UTF-8, which no JSON parser takes. nginx writes what a client sent as it came;
 * such a line counts like any other, so these bytes pass the parser as code points that nobody uses. */
#include "json.h"

#include <string.h>

#include "bytes.h"

/* U+10FF80 to U+10FFFF stand for the bytes 0x80 to 0xff. They are private or no characters at all; a line that has them
 * itself keeps them, because their bytes pass one by one too. */
static const char prefix[2] = { '\xf4', '\x8f' };

static int is_mended(const char *text, size_t bytes)
{
    return bytes >= 4 && memcmp(text, prefix, sizeof prefix) == 0 && ((unsigned char)text[2] & 0xfe) == 0xbe;
}

size_t footfall__logs_mend(char *out, const char *text, size_t bytes)
{
    char *to = out;
    size_t length = 0;
    for (size_t i = 0; i < bytes; i += length) {
        unsigned char byte = (unsigned char)text[i];
        length = footfall__utf8_length(text + i, bytes - i);
        if (length > 0 && !is_mended(text + i, length)) {
            memcpy(to, text + i, length);
            to += length;
            continue;
        }
        memcpy(to, prefix, sizeof prefix);
        to[2] = (char)(0xbc | byte >> 6);
        to[3] = (char)(0x80 | (byte & 0x3f));
        to += 4;
        length = 1;
    }
    return (size_t)(to - out);
}

size_t footfall__logs_unmend(char *out, const char *text, size_t bytes)
{
    char *to = out;
    for (size_t i = 0; i < bytes;) {
        if (is_mended(text + i, bytes - i)) {
            *to++ = (char)(((unsigned char)text[i + 2] & 0x03) << 6 | ((unsigned char)text[i + 3] & 0x3f));
            i += 4;
        } else {
            *to++ = text[i++];
        }
    }
    return (size_t)(to - out);
}
