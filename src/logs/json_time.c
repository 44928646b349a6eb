/* json_time.c: a time as a JSON log has it: text in either form of timestamp.c, or a number whose size tells its unit. All is
 * cut to milliseconds, and exactly so: what a server wrote as .999 is never .998. */
#include "json.h"

#include <string.h>

/* Each from there on; before the first there are no times. */
#define SECONDS UINT64_C(100000000)
#define MILLISECONDS UINT64_C(100000000000)
#define MICROSECONDS UINT64_C(100000000000000)
#define NANOSECONDS UINT64_C(100000000000000000)

static int scale(int64_t *time_ms, uint64_t whole, uint64_t thousandths)
{
    uint64_t ms = 0;
    if (whole < SECONDS || whole > INT64_MAX)
        return -1;
    if (whole < MILLISECONDS)
        ms = whole * 1000 + thousandths;
    else if (whole < MICROSECONDS)
        ms = whole;
    else if (whole < NANOSECONDS)
        ms = whole / 1000;
    else
        ms = whole / 1000000;
    *time_ms = (int64_t)ms;
    return 0;
}

static int scale_real(int64_t *time_ms, double value)
{
    int64_t ms = 0;
    if (!(value >= (double)SECONDS && value < 9223372036854775808.0))
        return -1;
    if (value >= (double)MILLISECONDS)
        return scale(time_ms, (uint64_t)value, 0);
    /* The nearest millisecond, or the one before when the number is less than what is nearest to that. */
    ms = (int64_t)(value * 1000 + 0.5);
    *time_ms = (double)ms / 1000 > value ? ms - 1 : ms;
    return 0;
}

/* "1646861401" or "1646861401.524", and nothing else. */
static int read_decimal(uint64_t *whole, uint64_t *thousandths, const char *text, size_t bytes)
{
    size_t i = 0;
    uint64_t unit = 100;
    *whole = *thousandths = 0;
    for (; i < bytes && text[i] >= '0' && text[i] <= '9'; i++) {
        if (*whole > INT64_MAX / 10)
            return -1;
        *whole = *whole * 10 + (uint64_t)(text[i] - '0');
    }
    if (i == 0 || i == bytes)
        return i == 0 ? -1 : 0;
    if (text[i++] != '.' || i == bytes)
        return -1;
    for (; i < bytes && text[i] >= '0' && text[i] <= '9'; i++, unit /= 10)
        *thousandths += (uint64_t)(text[i] - '0') * unit;
    return i == bytes ? 0 : -1;
}

static int read_text(int64_t *time_ms, struct footfall_logs_minute *minute, const char *text, size_t bytes)
{
    uint64_t whole = 0, thousandths = 0;
    if (bytes >= 2 && text[0] == '[' && text[bytes - 1] == ']') {
        text++;
        bytes -= 2;
    }
    if (bytes == FOOTFALL_LOGS_TIME_BYTES && text[2] == '/')
        return footfall__logs_time(time_ms, minute, text);
    if (read_decimal(&whole, &thousandths, text, bytes) == 0)
        return scale(time_ms, whole, thousandths);
    return footfall__logs_rfc3339(time_ms, text, bytes) == FOOTFALL_LOGS_DATE ? 0 : -1;
}

int footfall__logs_json_time(int64_t *time_ms, struct footfall_logs_minute *minute, const json_t *value)
{
    if (json_is_string(value))
        return read_text(time_ms, minute, json_string_value(value), json_string_length(value));
    if (json_is_real(value))
        return scale_real(time_ms, json_real_value(value));
    return json_integer_value(value) < 0 ? -1 : scale(time_ms, (uint64_t)json_integer_value(value), 0);
}
