/* timestamp.c: the time of a log line. Who reads the rest of the line is line.c; the calendar here is the proleptic
 * Gregorian one, without leap seconds. */
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
