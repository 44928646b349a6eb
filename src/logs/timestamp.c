/* timestamp.c: times as logs and people write them: the common log format, RFC 3339. The calendar is the proleptic Gregorian
 * one, without leap seconds. Where a time stands in a line others know. */
#include "logs.h"

#include <string.h>

#define MINUTE_BYTES 17 /* "10/Oct/2000:13:55" */
#define ZONE_AT 20      /* " -0700" */
#define ZONE_BYTES 6

int footfall__logs_month_days(int year, int month)
{
    static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

int64_t footfall__logs_days(int year, int month, int day)
{
    /* Years begin in March, so that the leap day is the last of one. */
    int64_t y = (int64_t)year + 400 - (month <= 2 ? 1 : 0);
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468 - 146097;
}

/* `count` digits as a number, -1 when one is none. */
static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* 1 … 12, or 0. */
static int month_number(const char *text)
{
    static const char names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    for (int i = 0; i < 12; i++)
        if (memcmp(text, names[i], 3) == 0)
            return i + 1;
    return 0;
}

/* Minutes east of UTC into *minutes: 0, or -1. */
static int read_zone(int *minutes, const char *text)
{
    int hour = digits(text + 2, 2), minute = digits(text + 4, 2);
    if (text[0] != ' ' || (text[1] != '+' && text[1] != '-') || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return -1;
    *minutes = (hour * 60 + minute) * (text[1] == '-' ? -1 : 1);
    return 0;
}

static int read_minute(int64_t *minute_ms, const char *text)
{
    int day = digits(text, 2), month = month_number(text + 3), year = digits(text + 7, 4);
    int hour = digits(text + 12, 2), minute = digits(text + 15, 2), zone = 0;
    if (text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':')
        return -1;
    if (month == 0 || year < 0 || day < 1 || day > footfall__logs_month_days(year, month))
        return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || read_zone(&zone, text + ZONE_AT) != 0)
        return -1;
    *minute_ms = ((footfall__logs_days(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000;
    return 0;
}

int footfall__logs_time(int64_t *time_ms, struct footfall_logs_minute *minute, const char *text)
{
    int second = digits(text + 18, 2);
    if (text[MINUTE_BYTES] != ':' || second < 0 || second > 60)
        return -1;
    if (!minute->known || memcmp(minute->text, text, MINUTE_BYTES) != 0 ||
        memcmp(minute->text + MINUTE_BYTES, text + ZONE_AT, ZONE_BYTES) != 0) {
        int64_t minute_ms = 0;
        if (read_minute(&minute_ms, text) != 0)
            return -1;
        memcpy(minute->text, text, MINUTE_BYTES);
        memcpy(minute->text + MINUTE_BYTES, text + ZONE_AT, ZONE_BYTES);
        minute->minute_ms = minute_ms;
        minute->known = 1;
    }
    *time_ms = minute->minute_ms + (second == 60 ? 59999 : second * 1000);
    return 0;
}

/* ---- RFC 3339 --------------------------------------------------------------------------------------------------------- */

struct cursor {
    const char *at, *end;
};

static int next_is(const struct cursor *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static int pass(struct cursor *c, char wanted)
{
    if (!next_is(c, wanted))
        return -1;
    c->at++;
    return 0;
}

/* Exactly `count` digits; -1 when they are not there. */
static int number(struct cursor *c, int count)
{
    int value = c->end - c->at < count ? -1 : digits(c->at, count);
    c->at += value < 0 ? 0 : count;
    return value;
}

/* ".5", ".123456": milliseconds, the rest cut. No point: 0. */
static int read_fraction(int *ms, struct cursor *c)
{
    int scale = 100;
    *ms = 0;
    if (pass(c, '.') != 0)
        return 0;
    if (c->at == c->end || *c->at < '0' || *c->at > '9')
        return -1;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, scale /= 10)
        *ms += (*c->at - '0') * scale;
    return 0;
}

/* "Z", "+01:00" or "+0100": minutes east of UTC, up to the end. */
static int read_offset(int *minutes, struct cursor *c)
{
    int hour = 0, minute = 0, sign = next_is(c, '-') ? -1 : 1;
    *minutes = 0;
    if (pass(c, 'Z') == 0 || pass(c, 'z') == 0)
        return c->at == c->end ? 0 : -1;
    if (pass(c, '+') != 0 && pass(c, '-') != 0)
        return -1;
    if ((hour = number(c, 2)) < 0)
        return -1;
    (void)pass(c, ':');
    if ((minute = number(c, 2)) < 0 || c->at != c->end)
        return -1;
    *minutes = sign * (hour * 60 + minute);
    return hour > 23 || minute > 59 ? -1 : 0;
}

enum footfall_logs_date_form footfall__logs_rfc3339(int64_t *time_ms, const char *text, size_t bytes)
{
    struct cursor c = { text, text + bytes };
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, east = 0;
    int64_t minutes = 0;
    if ((year = number(&c, 4)) < 0 || pass(&c, '-') != 0 || (month = number(&c, 2)) < 0 || pass(&c, '-') != 0 ||
        (day = number(&c, 2)) < 0)
        return FOOTFALL_LOGS_NO_DATE;
    if (pass(&c, 'T') != 0 && pass(&c, 't') != 0 && pass(&c, ' ') != 0)
        return FOOTFALL_LOGS_NO_DATE;
    if ((hour = number(&c, 2)) < 0 || pass(&c, ':') != 0 || (minute = number(&c, 2)) < 0 || pass(&c, ':') != 0 ||
        (second = number(&c, 2)) < 0 || read_fraction(&ms, &c) != 0)
        return FOOTFALL_LOGS_NO_DATE;
    if (c.at == c.end)
        return FOOTFALL_LOGS_NO_OFFSET;
    if (read_offset(&east, &c) != 0)
        return FOOTFALL_LOGS_NO_DATE;
    if (month < 1 || month > 12 || day < 1 || day > footfall__logs_month_days(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return FOOTFALL_LOGS_BAD_DATE;
    minutes = (footfall__logs_days(year, month, day) * 24 + hour) * 60 + minute - east;
    *time_ms = minutes * 60000 + (second == 60 ? 59999 : second * 1000 + ms);
    return FOOTFALL_LOGS_DATE;
}
