/* proxy_frames.c: where a message ends, in the protocols that the proxy knows (proxy.h). Everything starts at the message's first
 * byte again whenever more has come, so there is no state to keep. */
#include "proxy.h"

#include <string.h>
#include <strings.h>

enum { MOST_ARGUMENTS = 1 << 20, MOST_HEADER_BYTES = 1 << 16 };
static const int64_t most_body_bytes = INT64_C(1) << 40;

struct view { /* what is left to look at */
    const char *at;
    size_t count;
};

static void skip(struct view *view, size_t count)
{
    view->at += count;
    view->count -= count;
}

/* The bytes of the line at the start with its CR LF, or PARTIAL, or BROKEN. */
static int64_t line_bytes(const struct view *view)
{
    const char *end = view->count == 0 ? NULL : memchr(view->at, '\n', view->count);
    if (end == NULL)
        return SUPPORT_PROXY_PARTIAL;
    return end > view->at && end[-1] == '\r' ? end - view->at + 1 : SUPPORT_PROXY_BROKEN;
}

static int digit(char c, int base)
{
    int value = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : base;
    return value < base ? value : -1;
}

/* The number at the start, skipped, up to most; -1 when there is none. */
static int64_t number(struct view *view, int base, int64_t most)
{
    int64_t value = 0;
    size_t digits = 0;
    for (; digits < view->count && digit(view->at[digits], base) >= 0; digits++) {
        value = value * base + digit(view->at[digits], base);
        if (value > most)
            return -1;
    }
    skip(view, digits);
    return digits > 0 ? value : -1;
}

/* Redis. A line of a type and a number: skipped, the number in *value, -1 for "$-1" and "*-1". What has come of it is looked at
 * before it is complete: a stream of garbage need not have an end. */
static int64_t redis_count(struct view *view, int64_t most, int64_t *value)
{
    struct view rest = *view;
    const int64_t bytes = line_bytes(view);
    skip(&rest, 1);
    if (rest.count > 0 && rest.at[0] == '-') {
        skip(&rest, 1);
        *value = number(&rest, 10, 1) == 1 ? -1 : -2;
    } else if (rest.count > 0) {
        *value = number(&rest, 10, most);
        *value = *value < 0 ? -2 : *value;
    }
    if (bytes == SUPPORT_PROXY_PARTIAL)
        return rest.count == 0 || (rest.count == 1 && rest.at[0] == '\r') ? SUPPORT_PROXY_PARTIAL
                                                                          : SUPPORT_PROXY_BROKEN;
    if (bytes < 0 || *value == -2 || rest.at != view->at + bytes - 2)
        return SUPPORT_PROXY_BROKEN;
    skip(view, (size_t)bytes);
    return bytes;
}

/* A bulk string: skipped. */
static int64_t redis_bulk(struct view *view)
{
    struct view rest = *view;
    int64_t length = 0;
    const int64_t got = redis_count(&rest, 512 << 20, &length);
    if (got <= 0 || length < 0) {
        *view = got > 0 ? rest : *view;
        return got;
    }
    if (rest.count < (size_t)length + 2)
        return SUPPORT_PROXY_PARTIAL;
    if (memcmp(rest.at + length, "\r\n", 2) != 0)
        return SUPPORT_PROXY_BROKEN;
    skip(&rest, (size_t)length + 2);
    *view = rest;
    return 1;
}

static int64_t redis_request_bytes(const void *at, size_t count)
{
    struct view view = { at, count };
    int64_t arguments = 0, got = 0;
    if (count > 0 && view.at[0] != '*')
        return SUPPORT_PROXY_BROKEN;
    got = count == 0 ? SUPPORT_PROXY_PARTIAL : redis_count(&view, MOST_ARGUMENTS, &arguments);
    if (got > 0 && arguments < 1)
        return SUPPORT_PROXY_BROKEN;
    for (; got > 0 && arguments > 0; arguments--) {
        if (view.count > 0 && (view.at[0] != '$' || (view.count > 1 && view.at[1] == '-')))
            return SUPPORT_PROXY_BROKEN;
        got = view.count == 0 ? SUPPORT_PROXY_PARTIAL : redis_bulk(&view);
    }
    return got > 0 ? view.at - (const char *)at : got;
}

/* One value without what it holds: skipped, and *more is how many values come after it as part of it. */
static int64_t redis_value(struct view *view, int64_t *more)
{
    const char type = view->at[0];
    int64_t got = 0;
    *more = 0;
    if (strchr("$=!", type) != NULL && type != '\0')
        return redis_bulk(view);
    if (strchr("*~>%|", type) != NULL && type != '\0') {
        got = redis_count(view, MOST_ARGUMENTS, more);
        *more = *more < 0 ? 0 : *more * (type == '%' || type == '|' ? 2 : 1) + (type == '|');
        return got;
    }
    if (strchr("+-:_,#(", type) == NULL || type == '\0')
        return SUPPORT_PROXY_BROKEN;
    got = line_bytes(view);
    if (got > 0)
        skip(view, (size_t)got);
    return got;
}

static int64_t redis_reply_bytes(const void *at, size_t count, int note)
{
    struct view view = { at, count };
    int64_t values = 1;
    (void)note;
    while (values > 0) {
        int64_t more = 0, got = view.count == 0 ? SUPPORT_PROXY_PARTIAL : redis_value(&view, &more);
        if (got <= 0)
            return got;
        values += more - 1;
    }
    return view.at - (const char *)at;
}

const struct support_proxy_framing support_proxy_redis = { redis_request_bytes, redis_reply_bytes, NULL };

/* HTTP. The head of a message: its first line, and what its header says of the body. */
struct head {
    struct view line; /* without CR LF */
    int64_t bytes;    /* with the empty line */
    int64_t length;   /* -1: not said */
    int chunked;
};

static int has_name(const struct view *line, const char *name)
{
    const size_t length = strlen(name);
    return line->count > length && line->at[length] == ':' && strncasecmp(line->at, name, length) == 0;
}

static int has_word(const struct view *line, const char *word)
{
    const size_t length = strlen(word);
    for (size_t i = 0; i + length <= line->count; i++)
        if (strncasecmp(line->at + i, word, length) == 0)
            return 1;
    return 0;
}

static int64_t http_field(struct view line, struct head *head)
{
    if (has_name(&line, "transfer-encoding")) {
        head->chunked = has_word(&line, "chunked");
    } else if (has_name(&line, "content-length")) {
        skip(&line, sizeof "content-length:" - 1);
        while (line.count > 0 && (line.at[0] == ' ' || line.at[0] == '\t'))
            skip(&line, 1);
        head->length = number(&line, 10, most_body_bytes);
        if (head->length < 0)
            return SUPPORT_PROXY_BROKEN;
    }
    return 1;
}

/* Skips the head; is_first says of the first line, or of what has come of it, whether this is the protocol. */
static int64_t http_head(struct view *view, struct head *head, int (*is_first)(const struct view *line))
{
    const char *from = view->at;
    struct view line = *view;
    *head = (struct head){ .length = -1 };
    for (;;) {
        const int64_t got = line_bytes(view), first = view->at == from;
        line = (struct view){ view->at, got > 0 ? (size_t)got - 2 : view->count };
        if (got < 0 || (first && view->count > 0 && !is_first(&line)) || view->at - from > MOST_HEADER_BYTES ||
            (got == 0 && view->count > MOST_HEADER_BYTES))
            return SUPPORT_PROXY_BROKEN;
        if (got == 0)
            return SUPPORT_PROXY_PARTIAL;
        skip(view, (size_t)got);
        if (first)
            head->line = line;
        else if (line.count > 0 && http_field(line, head) < 0)
            return SUPPORT_PROXY_BROKEN;
        if (line.count == 0)
            return head->bytes = view->at - from;
    }
}

static int64_t http_chunks(struct view *view)
{
    int64_t length = 0, got = 0;
    do {
        struct view hex = *view;
        got = line_bytes(view);
        if (got <= 0)
            return view->count > MOST_HEADER_BYTES ? SUPPORT_PROXY_BROKEN : got;
        length = number(&hex, 16, most_body_bytes);
        if (length < 0)
            return SUPPORT_PROXY_BROKEN;
        skip(view, (size_t)got);
        if (length > 0 && view->count < (size_t)length + 2)
            return SUPPORT_PROXY_PARTIAL;
        if (length > 0 && memcmp(view->at + length, "\r\n", 2) != 0)
            return SUPPORT_PROXY_BROKEN;
        skip(view, length > 0 ? (size_t)length + 2 : 0);
    } while (length > 0);
    do { /* trailers, and the empty line */
        got = line_bytes(view);
        if (got <= 0)
            return got;
        skip(view, (size_t)got);
    } while (got > 2);
    return 1;
}

static int64_t http_body(struct view *view, const struct head *head)
{
    if (head->chunked)
        return http_chunks(view);
    if (head->length > 0 && view->count < (size_t)head->length)
        return SUPPORT_PROXY_PARTIAL;
    skip(view, head->length > 0 ? (size_t)head->length : 0);
    return 1;
}

static int is_request_line(const struct view *line)
{
    size_t letters = 0;
    while (letters < line->count && line->at[letters] >= 'A' && line->at[letters] <= 'Z')
        letters++;
    return letters == line->count ? letters < 32 : letters > 0 && line->at[letters] == ' ';
}

static int64_t http_request_bytes(const void *at, size_t count)
{
    struct view view = { at, count };
    struct head head;
    int64_t got = http_head(&view, &head, is_request_line);
    if (got > 0 && !has_word(&head.line, " HTTP/1."))
        return SUPPORT_PROXY_BROKEN;
    got = got > 0 ? http_body(&view, &head) : got;
    return got > 0 ? view.at - (const char *)at : got;
}

static int is_status_line(const struct view *line)
{
    static const char start[] = "HTTP/1.";
    const size_t bytes = line->count < sizeof start - 1 ? line->count : sizeof start - 1;
    return memcmp(line->at, start, bytes) == 0;
}

/* 100 to 999, or -1 */
static int64_t status_of(struct view line)
{
    int64_t status = -1;
    if (line.count >= sizeof "HTTP/1.1 200" - 1) {
        skip(&line, sizeof "HTTP/1.1 " - 1);
        line.count = 3;
        status = number(&line, 10, 999);
    }
    return status >= 100 && line.count == 0 ? status : -1;
}

static int64_t http_reply_bytes(const void *at, size_t count, int to_head)
{
    struct view view = { at, count };
    struct head head;
    int64_t got = 0, status = 0;
    do {
        got = http_head(&view, &head, is_status_line);
        status = got > 0 ? status_of(head.line) : 0;
        if (status < 0)
            return SUPPORT_PROXY_BROKEN;
    } while (got > 0 && status < 200 && status != 101);
    if (got > 0 && !to_head && status != 101 && status != 204 && status != 304) {
        if (!head.chunked && head.length < 0)
            return SUPPORT_PROXY_TO_END;
        got = http_body(&view, &head);
    }
    return got > 0 ? view.at - (const char *)at : got;
}

static int http_note(const void *request, size_t bytes)
{
    return bytes > 5 && memcmp(request, "HEAD ", 5) == 0;
}

const struct support_proxy_framing support_proxy_http = { http_request_bytes, http_reply_bytes, http_note };
