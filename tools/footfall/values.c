/* values.c: numbers, times and lists of statuses as people write them. Strict: what is not wholly understood is refused. */
#include "arguments.h"

#include <string.h>

#include "logs.h"

int footfall__cli_integer(int64_t *out, const char *text, int64_t min, int64_t max)
{
    int negative = *text == '-', over = 0;
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (*text == '-' || *text == '+')
        text++;
    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9')
            return -1;
        over = over || value > (limit - digit) / 10;
        value = over ? 0 : value * 10 + digit;
    }
    if (over)
        return -2;
    *out = negative ? (value == 0 ? 0 : -(int64_t)(value - 1) - 1) : (int64_t)value;
    return *out < min || *out > max ? -2 : 0;
}

/* Exactly `count` digits; advances *text. -1 when they are not there. */
static int digits(const char **text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

static const char *rfc3339(int64_t *out_ms, const char *text)
{
    static const char wrong[] = "is neither RFC 3339 (2026-03-01T12:00:00Z) nor milliseconds since 1970";
    size_t bytes = strlen(text);
    switch (footfall__logs_rfc3339(out_ms, text, bytes)) {
    case FOOTFALL_LOGS_DATE:
        if (text[bytes - 1] >= '0' && text[bytes - 1] <= '9' && text[bytes - 3] != ':')
            return wrong; /* the form of some logs, "+0100" */
        return *out_ms < 0 ? "is before 1970" : NULL;
    case FOOTFALL_LOGS_NO_OFFSET:
        return "has no offset: write Z for UTC, or +01:00";
    case FOOTFALL_LOGS_BAD_DATE:
        return "is no date of the calendar or no time of day";
    default:
        return wrong;
    }
}

const char *footfall__cli_time(int64_t *out_ms, const char *text)
{
    switch (footfall__cli_integer(out_ms, text, 0, INT64_MAX)) {
    case 0:
        return NULL;
    case -2:
        return *text == '-' ? "is before 1970" : "is out of range";
    default:
        return rfc3339(out_ms, text);
    }
}

int footfall__cli_statuses(unsigned char sets[FOOTFALL_CLI_STATUSES], const char *text)
{
    memset(sets, 0, FOOTFALL_CLI_STATUSES);
    for (;; text++) {
        int low = digits(&text, 3), high = low;
        if (low < 0)
            return -1;
        if (*text == '-') {
            text++;
            high = digits(&text, 3);
        }
        if (high < low)
            return -1;
        memset(sets + low, 1, (size_t)high - (size_t)low + 1);
        if (*text == '\0')
            return 0;
        if (*text != ',')
            return -1;
    }
}
