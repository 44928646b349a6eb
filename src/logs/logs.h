/* logs.h: one line of a web server's log, read into its fields. No files, no sockets; memory is allocated for JSON only, by
 * its reader and its keys. Any thread; a reader and a struct footfall_logs_minute belong to one at a time. What a line then
 * counts is the caller's affair. */
#ifndef FOOTFALL_LOGS_H
#define FOOTFALL_LOGS_H
#include <stddef.h>
#include <stdint.h>

enum footfall_logs_format {
    FOOTFALL_LOGS_COMMON,   /* host ident user [time] "request" status bytes */
    FOOTFALL_LOGS_COMBINED, /* and "referer" "agent" */
    FOOTFALL_LOGS_JSON      /* an object a line */
};

/* A part of the line as it stands there, escapes included (see `plain`); not terminated. bytes 0: empty or not there. */
struct footfall_logs_field {
    const char *text;
    size_t bytes;
};

struct footfall_logs_line {
    struct footfall_logs_field host; /* printable ASCII without spaces, at most 255 bytes; an address, or a name */
    struct footfall_logs_field user; /* may hold spaces; "-" for none, as written */
    struct footfall_logs_field method, target, protocol; /* all empty for "-" and for what is no request; protocol is
                                                            empty for HTTP/0.9 */
    struct footfall_logs_field referer, agent;           /* combined; agent in JSON too */
    int64_t time_ms;                                     /* UTC since 1970; negative before */
    int64_t body_bytes;                                  /* -1 for "-" */
    int status;                                          /* 0 … 999; -1: JSON without one, or with what is none */
    int plain; /* JSON: the fields are as the client sent them, there are no escapes of the log left to undo. Only host,
                  method, target, protocol, agent, time and status are read then; the others are empty, body_bytes -1 */
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

/* ---- JSON, or whatever format a log has (where Meson finds jansson) --------------------------------------------------- */

enum footfall_logs_part {
    FOOTFALL_LOGS_ADDRESS,
    FOOTFALL_LOGS_TIME,
    FOOTFALL_LOGS_TARGET,
    FOOTFALL_LOGS_STATUS,
    FOOTFALL_LOGS_AGENT,
    FOOTFALL_LOGS_PARTS
};
extern const char *const footfall__logs_part_names[FOOTFALL_LOGS_PARTS]; /* "address", "time" and so on */

/* A key "a.b" is looked for as it stands; then, within what "a" has, as "b", and so on. An array stands for its first
 * element. */
struct footfall_logs_key {
    char *whole;       /* NULL: none given */
    const char *parts; /* the same with NULs in place of the dots, and one more at the end */
};

/* Where a line has what; a part without a key is looked for under the usual ones, those of nginx's variables, Caddy and
 * Traefik (json_keys.c has them). X-Forwarded-For is none of these: anybody can send it. */
struct footfall_logs_keys {
    struct footfall_logs_key of[FOOTFALL_LOGS_PARTS];
};

/* Takes "address=KEY,time=KEY,…" apart. Returns NULL, or what is wrong with *part of it (static text; out of memory too).
 * What stands in *keys is the caller's to free in either case. */
const char *footfall__logs_take_keys(struct footfall_logs_keys *keys, const char *list,
                                     struct footfall_logs_field *part);
void footfall__logs_free_keys(struct footfall_logs_keys *keys);

/* Reads the lines of one log after another. Start with zeros but for the first two. */
struct footfall_logs_reader {
    enum footfall_logs_format format;
    const struct footfall_logs_keys *keys; /* JSON; NULL: the usual ones. Borrowed */
    struct footfall_logs_minute minute;
    struct json_t *object; /* the line read last */
    char *bytes;           /* the same when it was no UTF-8 */
    size_t room;
};

/* As footfall__logs_line, which it calls for the other formats; the fields live until the next call. A line may also be
 * refused as footfall__logs_no_memory (compare the pointer): then nothing is said about it.
 *
 * JSON: an object, and nothing but white space after it. Strings may hold bytes that are no UTF-8 (nginx writes such), they
 * come out as they are. Of two equal keys the last counts. null, "" and "-" are taken for a key that is not there.
 * address  a string. "[2001:db8::7]", "[2001:db8::7]:443" and "192.0.2.1:443" lose their brackets and port
 * target   a string: the target, or the whole request ("GET / HTTP/1.1")
 * status   a number or a string of up to three digits
 * agent    a string
 * time     a string: RFC 3339 as footfall__logs_rfc3339 reads it; "10/Oct/2000:13:55:36 -0700", in brackets or not; or a
 *          number, also in a string. Numbers are seconds since 1970 from 10^8 (in 1973) up to below 10^11, milliseconds to
 *          10^14, microseconds to 10^17, nanoseconds from there on (to 2262); others are no times. Cut to milliseconds
 * A line of Caddy's that tells of a request, but is not of its access log, is none: the request has a line there too. */
const char *footfall__logs_read(struct footfall_logs_line *out, struct footfall_logs_reader *reader, const char *line,
                                size_t bytes);
extern const char footfall__logs_no_memory[];
void footfall__logs_reader_free(struct footfall_logs_reader *reader); /* as after zeros; format and keys stay */

/* ---- what fields mean ------------------------------------------------------------------------------------------------- */

/* Takes "GET /a b HTTP/1.1" apart into method, target and protocol; all empty when it is no request. */
void footfall__logs_request(struct footfall_logs_line *out, struct footfall_logs_field request);

/* Undoes what servers write inside quotes: \" \\ \/ \b \n \r \t \v \f and \xhh; anything else stands as it is. `out` has
 * room for field.bytes, and gets no NUL; it may be field.text. Returns how many bytes were written. */
size_t footfall__logs_unescape(char *out, struct footfall_logs_field field);

/* The path of a request's target: log escapes undone (unless `plain`), cut before the first '?' or '#', its leading slash
 * kept, percent-decoded once ("%zz" stands as it is). "http://host/path" (or https) gives "/path", "/" when there is none.
 * `out` has room for target.bytes + 2; a NUL follows the *bytes written, which may hold NULs of their own.
 * Returns NULL, or why there is no path (static text): "*", "host:443", empty. */
const char *footfall__logs_path(char *out, size_t *bytes, struct footfall_logs_field target, int plain);

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
