/* name.c: judging the names of counters (name.h). What a backend makes of a good name is the backend's business. */
#include "name.h"

#include "bytes.h"
#include "error.h"

enum { SHOWN_BYTES = 48 };

static int is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* The name as it may stand in a log line: at most SHOWN_BYTES of it, what is no UTF-8 and every control (also those of
 * U+0080 to U+009F, which terminals obey) as '?'. */
static void show(char out[SHOWN_BYTES + 4], const char *name, size_t bytes)
{
    size_t at = 0;
    size_t end = 0;
    while (at < bytes) {
        unsigned char c = (unsigned char)name[at];
        size_t length = is_control(c) ? 0 : footfall__utf8_length(name + at, bytes - at);
        int bad = length == 0 || (c == 0xc2 && (unsigned char)name[at + 1] < 0xa0);
        size_t wanted = bad ? 1 : length;
        if (end + wanted > SHOWN_BYTES)
            break;
        if (bad)
            out[end++] = '?';
        else
            for (size_t i = 0; i < length; i++)
                out[end++] = name[at + i];
        at += length == 0 ? 1 : length;
    }
    if (at < bytes)
        for (int i = 0; i < 3; i++)
            out[end++] = '.';
    out[end] = '\0';
}

static int too_long(const char *what, const char *name, size_t bytes, struct footfall_error *err)
{
    char shown[SHOWN_BYTES + 4];
    show(shown, name, FOOTFALL_NAME_BYTES);
    return footfall__fail(err, FOOTFALL_INVALID, 0, "%s \"%s\" is too long: %zu bytes, at most %d are allowed", what,
                          shown, bytes, FOOTFALL_NAME_BYTES);
}

static int bad_byte(const char *what, const char *name, size_t bytes, size_t at, struct footfall_error *err)
{
    char shown[SHOWN_BYTES + 4];
    unsigned char c = (unsigned char)name[at];
    show(shown, name, bytes);
    return footfall__fail(err, FOOTFALL_INVALID, 0, "%s \"%s\": %s at offset %zu (byte 0x%02x)", what, shown,
                          c == 0 ? "NUL" : (is_control(c) ? "control character" : "no valid UTF-8"), at, c);
}

int footfall__name_check(const char *name, size_t bytes, struct footfall_error *err)
{
    size_t at = 0;
    if (name == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the counter name is missing (NULL)");
    if (bytes == 0)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the counter name is empty");
    if (bytes > FOOTFALL_NAME_BYTES)
        return too_long("counter name", name, bytes, err);
    while (at < bytes) {
        unsigned char c = (unsigned char)name[at];
        size_t length = 1;
        if (c >= 0x7f || c < 0x20)
            length = is_control(c) ? 0 : footfall__utf8_length(name + at, bytes - at);
        if (length == 0)
            return bad_byte("counter name", name, bytes, at, err);
        at += length;
    }
    return FOOTFALL_OK;
}

int footfall__prefix_check(const char *prefix, size_t bytes, struct footfall_error *err)
{
    if (prefix == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the prefix is missing (NULL)");
    if (bytes > FOOTFALL_NAME_BYTES)
        return too_long("prefix", prefix, bytes, err);
    for (size_t at = 0; at < bytes; at++)
        if (is_control((unsigned char)prefix[at]))
            return bad_byte("prefix", prefix, bytes, at, err);
    return FOOTFALL_OK;
}

int footfall_name_check(const char *name, size_t name_bytes, struct footfall_error *err)
{
    int rc = footfall__name_check(name, name_bytes, err);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}
