/* line.c: cuts a line of NCSA common or combined format into its fields. Escapes inside them are path.c's affair, the time
 * is timestamp.c's. Lenient where real logs vary, but never guesses: a quote ends only where the server meant it to. */
#include "logs.h"

#include <string.h>

#define HOST_BYTES 255
#define STAMP_BYTES (FOOTFALL_LOGS_TIME_BYTES + 2) /* with its brackets */

struct cursor {
    const char *at, *end;
};

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static struct footfall_logs_field field(const char *text, const char *end)
{
    return (struct footfall_logs_field){ text, (size_t)(end - text) };
}

/* One colon is a port: the line begins with a virtual host. IPv6 has two at least. */
static const char *read_host(struct footfall_logs_field *out, struct cursor *c)
{
    const char *begin = c->at;
    int colons = 0;
    while (c->at < c->end && *c->at != ' ') {
        if (*c->at < 0x21 || *c->at > 0x7e)
            return "bad host";
        colons += *c->at++ == ':';
    }
    *out = field(begin, c->at);
    if (out->bytes == 0)
        return "no host";
    return out->bytes > HOST_BYTES || colons == 1 ? "bad host" : NULL;
}

/* Ident and user, up to the time. A user's name may hold spaces and brackets, and whoever logs in chooses it: the time is
 * the first that is followed by a quote, which servers never let into a name unescaped. */
static const char *find_time(struct footfall_logs_field *user, struct cursor *c)
{
    const char *reason = "no time", *names = c->at, *space = NULL;
    for (const char *p = c->at; p < c->end && (p = memchr(p, '[', (size_t)(c->end - p))) != NULL; p++) {
        if (p[-1] != ' ')
            continue;
        if ((size_t)(c->end - p) < STAMP_BYTES || p[STAMP_BYTES - 1] != ']') {
            reason = "bad time";
            continue;
        }
        reason = "no request";
        if ((size_t)(c->end - p) < STAMP_BYTES + 2 || memcmp(p + STAMP_BYTES, " \"", 2) != 0)
            continue;
        /* " ident user [" */
        space = p - names >= 2 ? memchr(names + 1, ' ', (size_t)(p - names - 2)) : NULL;
        if (space == NULL || space == names + 1)
            return "too few fields";
        *user = field(space + 1, p - 1);
        c->at = p;
        return NULL;
    }
    return reason;
}

/* The cursor stands on the opening quote, and ends after the closing one. */
static const char *read_quoted(struct footfall_logs_field *out, struct cursor *c)
{
    const char *begin = c->at + 1, *p = begin;
    while ((p = memchr(p, '"', (size_t)(c->end - p))) != NULL) {
        const char *slash = p;
        while (slash > begin && slash[-1] == '\\')
            slash--;
        if ((p - slash) % 2 == 0) {
            *out = field(begin, p);
            c->at = p + 1;
            return NULL;
        }
        p++;
    }
    return "no closing quote";
}

static int is_method(const struct footfall_logs_field *text)
{
    for (size_t i = 0; i < text->bytes; i++) {
        char c = text->text[i];
        int letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && c != '-' && c != '_' && !(c >= '0' && c <= '9'))
            return 0;
    }
    return text->bytes > 0;
}

/* "GET /a b HTTP/1.1": some clients send spaces; the method ends at the first, the protocol begins after the last. */
void footfall__logs_request(struct footfall_logs_line *out, struct footfall_logs_field request)
{
    const char *begin = request.text, *end = begin + request.bytes, *last = NULL;
    const char *space = memchr(begin, ' ', request.bytes);
    out->method = out->target = out->protocol = field(begin, begin);
    if (space == NULL)
        return;
    out->method = field(begin, space);
    if (!is_method(&out->method)) {
        out->method.bytes = 0;
        return;
    }
    begin = space + 1;
    last = memrchr(begin, ' ', (size_t)(end - begin));
    if (last != NULL && end - last > 5 && memcmp(last + 1, "HTTP/", 5) == 0) {
        out->protocol = field(last + 1, end);
        end = last;
    }
    out->target = field(begin, end);
}

static int at_field_end(const struct cursor *c)
{
    return c->at == c->end || *c->at == ' ';
}

static const char *read_status(int *out, struct cursor *c)
{
    int status = 0;
    if (left(c) < 4 || c->at[0] != ' ')
        return "no status";
    c->at++;
    for (int i = 0; i < 3; i++, c->at++) {
        if (*c->at < '0' || *c->at > '9')
            return "bad status";
        status = status * 10 + (*c->at - '0');
    }
    *out = status;
    return at_field_end(c) ? NULL : "bad status";
}

static const char *read_size(int64_t *out, struct cursor *c)
{
    int64_t size = 0;
    if (left(c) < 2 || c->at[0] != ' ')
        return "no size";
    c->at++;
    if (*c->at == '-') {
        c->at++;
        *out = -1;
        return at_field_end(c) ? NULL : "bad size";
    }
    if (at_field_end(c))
        return "no size";
    for (; !at_field_end(c); c->at++) {
        int digit = *c->at - '0';
        if (digit < 0 || digit > 9 || size > (INT64_MAX - digit) / 10)
            return "bad size";
        size = size * 10 + digit;
    }
    *out = size;
    return NULL;
}

/* " \"referer\" \"agent\"" */
static const char *read_agent(struct footfall_logs_line *out, struct cursor *c)
{
    const char *reason = NULL;
    if (left(c) < 2 || memcmp(c->at, " \"", 2) != 0)
        return "no referer";
    c->at++;
    if ((reason = read_quoted(&out->referer, c)) != NULL)
        return reason;
    if (left(c) < 2 || memcmp(c->at, " \"", 2) != 0)
        return "no user agent";
    c->at++;
    return read_quoted(&out->agent, c);
}

const char *footfall__logs_line(struct footfall_logs_line *out, struct footfall_logs_minute *minute,
                                enum footfall_logs_format format, const char *line, size_t bytes)
{
    struct cursor c = { line, line + bytes };
    struct footfall_logs_field request = { line, 0 };
    const char *reason = NULL;
    if (bytes > 0 && line[bytes - 1] == '\r')
        c.end--;
    if (c.at == c.end)
        return "empty line";
    if ((reason = read_host(&out->host, &c)) != NULL || (reason = find_time(&out->user, &c)) != NULL)
        return reason;
    if (footfall__logs_time(&out->time_ms, minute, c.at + 1) != 0)
        return "bad time";
    c.at += STAMP_BYTES + 1;
    if ((reason = read_quoted(&request, &c)) != NULL || (reason = read_status(&out->status, &c)) != NULL ||
        (reason = read_size(&out->body_bytes, &c)) != NULL)
        return reason;
    out->plain = 0;
    out->referer = out->agent = field(c.end, c.end);
    if (format == FOOTFALL_LOGS_COMBINED && (reason = read_agent(out, &c)) != NULL)
        return reason;
    footfall__logs_request(out, request);
    return NULL;
}
