/* logs.h: one line of a web server's log, read into its fields. Pure functions on bytes that the caller owns: no files, no
 * sockets, no allocation; any thread (a struct footfall_logs_minute belongs to one at a time). What a line then counts is
 * the caller's affair. */
#ifndef FOOTFALL_LOGS_H
#define FOOTFALL_LOGS_H
#include <stddef.h>
#include <stdint.h>

enum footfall_logs_format {
    FOOTFALL_LOGS_COMMON,  /* host ident user [time] "request" status bytes */
    FOOTFALL_LOGS_COMBINED /* and "referer" "agent" */
};

/* A part of the line as it stands there, escapes included; not terminated. bytes 0: empty or not there. */
struct footfall_logs_field {
    const char *text;
    size_t bytes;
};

struct footfall_logs_line {
    struct footfall_logs_field host; /* printable ASCII without spaces, at most 255 bytes; an address, or a name */
    struct footfall_logs_field user; /* may hold spaces; "-" for none, as written */
    struct footfall_logs_field method, target, protocol; /* all empty for "-" and for what is no request; protocol is
                                                            empty for HTTP/0.9 */
    struct footfall_logs_field referer, agent;           /* combined only */
    int64_t time_ms;                                     /* UTC since 1970; negative before */
    int64_t body_bytes;                                  /* -1 for "-" */
    int status;                                          /* 0 … 999, three digits */
};

/* The minute and zone read last, so that the next line of the same minute costs a comparison. Start with zeros. */
struct footfall_logs_minute {
    char text[23]; /* "10/Oct/2000:13:55" and " -0700" */
    int64_t minute_ms;
    int known;
};

/* Reads one line, given without its newline; a CR at its end is passed over. Any bytes may stand in it. Returns NULL and
 * fills *out, whose fields point into `line`; or says in a few words why this is no such line (static text, never a part
 * of the line), and *out is undefined. Whatever follows the last field known is passed over, so a combined line may be read
 * as common. A virtual host before the address is not known here: "example.org:80 192.0.2.1 - - […" is a bad line.
 * Second 60 is 59.999, so that a leap second stays in its minute.
 * The beginning of a line that a server has not wholly written yet either is no line, or gives the same fields as the whole
 * one will, but for body_bytes. */
const char *footfall__logs_line(struct footfall_logs_line *out, struct footfall_logs_minute *minute,
                                enum footfall_logs_format format, const char *line, size_t bytes);

/* Undoes what servers write inside quotes: \" \\ \/ \b \n \r \t \v \f and \xhh; anything else stands as it is. `out` has
 * room for field.bytes, and gets no NUL; it may be field.text. Returns how many bytes were written. */
size_t footfall__logs_unescape(char *out, struct footfall_logs_field field);

/* The path of a request's target: log escapes undone, cut before the first '?' or '#', its leading slash kept,
 * percent-decoded once ("%zz" stands as it is). "http://host/path" (or https) gives "/path", "/" when there is none.
 * `out` has room for target.bytes + 2; a NUL follows the *bytes written, which may hold NULs of their own.
 * Returns NULL, or why there is no path (static text): "*", "host:443", empty. */
const char *footfall__logs_path(char *out, size_t *bytes, struct footfall_logs_field target);

/* ---- times ---------------------------------------------------------------------------------------------------------- */

/* Reads the FOOTFALL_LOGS_TIME_BYTES between the brackets, "10/Oct/2000:13:55:36 -0700". 0, or -1 when it is none. */
#define FOOTFALL_LOGS_TIME_BYTES 26
int footfall__logs_time(int64_t *time_ms, struct footfall_logs_minute *minute, const char *text);

enum footfall_logs_date_form {
    FOOTFALL_LOGS_DATE,
    FOOTFALL_LOGS_NO_DATE,   /* not of this form */
    FOOTFALL_LOGS_NO_OFFSET, /* it ends where the offset should be */
    FOOTFALL_LOGS_BAD_DATE   /* no date of the calendar, or no time of day */
};
/* RFC 3339, "2026-03-01T12:00:00.5+01:00"; also with a space for the T, and without the colon in the offset. Digits past
 * the milliseconds are cut. *time_ms may be negative. */
enum footfall_logs_date_form footfall__logs_rfc3339(int64_t *time_ms, const char *text, size_t bytes);

/* Days from 1970-01-01 to that date of the Gregorian calendar. month 1 … 12. */
int64_t footfall__logs_days(int year, int month, int day);
int footfall__logs_month_days(int year, int month); /* 28 … 31 */
#endif
