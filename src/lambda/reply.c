/* reply.c: the replies of each kind (reply.h). They are written here and not by a library, because after a visit has counted there
 * must be nothing left that can fail. */
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "alloc.h"
#include "bytes.h"

enum { FIRST_ROOM = 32768 };

/* ---- text ------------------------------------------------------------------------------------------------------------------- */

/* Where `bytes` more can be written; NULL: nowhere. */
static char *grow(struct footfall__lambda_reply *reply, size_t bytes)
{
    size_t room = reply->room;
    char *text = NULL;
    if (reply->failed || bytes > reply->most - reply->bytes) {
        reply->failed = 1;
        return NULL;
    }
    while (room - reply->bytes < bytes)
        room *= 2;
    if (room > reply->room) {
        text = footfall__realloc(reply->text, room);
        if (text == NULL) {
            reply->failed = 1;
            return NULL;
        }
        reply->text = text;
        reply->room = room;
    }
    reply->bytes += bytes;
    return reply->text + reply->bytes - bytes;
}

static void put(struct footfall__lambda_reply *reply, const char *text, size_t bytes)
{
    char *at = grow(reply, bytes);
    if (at != NULL)
        memcpy(at, text, bytes);
}

static void put_text(struct footfall__lambda_reply *reply, const char *text)
{
    put(reply, text, strlen(text));
}

/* The inside of a string. What is no UTF-8 becomes '?'. */
static void put_escaped(struct footfall__lambda_reply *reply, const char *text, size_t bytes)
{
    for (size_t at = 0, length = 0; at < bytes; at += length) {
        char escape[8];
        char c = text[at];
        length = footfall__utf8_length(text + at, bytes - at);
        if (c == '\n')
            put_text(reply, "\\n");
        else if (c == '"' || c == '\\')
            put(reply, (const char[]){ '\\', c }, 2);
        else if (length == 1 && (unsigned char)c < ' ')
            put(reply, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c));
        else if (length > 0)
            put(reply, text + at, length);
        else
            put_text(reply, "?");
        length = length > 0 ? length : 1;
    }
}

static void put_string(struct footfall__lambda_reply *reply, const char *text)
{
    put_text(reply, "\"");
    put_escaped(reply, text, strlen(text));
    put_text(reply, "\"");
}

/* ---- headers ---------------------------------------------------------------------------------------------------------------- */

static int is_format_2(const struct footfall__lambda_event *event)
{
    return event->kind == FOOTFALL__LAMBDA_HTTP_2 || event->kind == FOOTFALL__LAMBDA_URL;
}

static int is_same(const struct footfall_web_response *response, size_t one, size_t other)
{
    return strcasecmp(response->headers[one].name, response->headers[other].name) == 0;
}

static int is_first(const struct footfall_web_response *response, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (is_same(response, i, at))
            return 0;
    return 1;
}

/* All of that name: ["a","b"], or "a, b". */
static void put_values(struct footfall__lambda_reply *reply, const struct footfall_web_response *response, size_t first,
                       int as_array)
{
    put_text(reply, as_array ? "[" : "\"");
    for (size_t i = first; i < response->header_count; i++) {
        const char *value = response->headers[i].value;
        if (!is_same(response, i, first))
            continue;
        if (i > first)
            put_text(reply, as_array ? "," : ", ");
        if (as_array)
            put_string(reply, value);
        else
            put_escaped(reply, value, strlen(value));
    }
    put_text(reply, as_array ? "]" : "\"");
}

static void put_headers(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event,
                        const struct footfall_web_response *response)
{
    const char *between = "";
    size_t cookies = response->header_count;
    put_text(reply, event->multi_value ? ",\"multiValueHeaders\":{" : ",\"headers\":{");
    for (size_t i = 0; i < response->header_count; i++) {
        if (!is_first(response, i))
            continue;
        if (is_format_2(event) && strcasecmp(response->headers[i].name, "Set-Cookie") == 0) {
            cookies = i; /* which cannot be joined */
            continue;
        }
        put_text(reply, between);
        between = ",";
        put_string(reply, response->headers[i].name);
        put_text(reply, ":");
        put_values(reply, response, i, event->multi_value);
    }
    put_text(reply, "}");
    if (cookies < response->header_count) {
        put_text(reply, ",\"cookies\":");
        put_values(reply, response, cookies, 1);
    }
}

/* ---- body ------------------------------------------------------------------------------------------------------------------- */

static int is_utf8(const char *text, size_t bytes)
{
    for (size_t at = 0, length = 0; at < bytes; at += length) {
        length = footfall__utf8_length(text + at, bytes - at);
        if (length == 0)
            return 0;
    }
    return 1;
}

static void put_base64(struct footfall__lambda_reply *reply, const char *bytes, size_t count)
{
    size_t length = (count + 2) / 3 * 4;
    char *at = grow(reply, length + 1); /* and its NUL */
    if (at == NULL)
        return;
    EVP_EncodeBlock((unsigned char *)at, (const unsigned char *)bytes, (int)count);
    reply->bytes--;
}

static void put_body(struct footfall__lambda_reply *reply, const struct footfall_web_response *response)
{
    int without = response->without_body || response->status == 204 || response->status == 304;
    size_t bytes = without ? 0 : response->body_bytes;
    int as_text = is_utf8(response->body, bytes);
    put_text(reply, ",\"body\":\"");
    if (as_text)
        put_escaped(reply, response->body, bytes);
    else
        put_base64(reply, response->body, bytes);
    put_text(reply, as_text ? "\",\"isBase64Encoded\":false}" : "\",\"isBase64Encoded\":true}");
}

/* ---- replies ---------------------------------------------------------------------------------------------------------------- */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

static void write_all(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event,
                      const struct footfall_web_response *response)
{
    char line[96];
    reply->bytes = 0;
    reply->failed = 0;
    footfall__format(line, sizeof line, "{\"statusCode\":%d", response->status);
    put_text(reply, line);
    if (event->kind == FOOTFALL__LAMBDA_BALANCER) {
        footfall__format(line, sizeof line, ",\"statusDescription\":\"%d %s\"", response->status,
                         reason(response->status));
        put_text(reply, line);
    }
    put_headers(reply, event, response);
    put_body(reply, response);
}

/* With what lets pages of other origins read the error. */
static void write_too_large(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event,
                            const struct footfall_web_response *instead_of)
{
    static const char body[] = "{\"error\":\"the answer is too large for Lambda\",\"code\":\"answer_too_large\"}\n";
    struct footfall_web_response response = { .status = 500,
                                              .headers = { { "Content-Type", "application/json" },
                                                           { "X-Content-Type-Options", "nosniff" },
                                                           { "Cache-Control", "no-store" } },
                                              .header_count = 3,
                                              .body = body,
                                              .body_bytes = sizeof body - 1 };
    for (size_t i = 0; i < instead_of->header_count; i++) {
        const struct footfall_web_header *header = &instead_of->headers[i];
        if ((strcasecmp(header->name, "Vary") == 0 || strcasecmp(header->name, "Access-Control-Allow-Origin") == 0) &&
            response.header_count < FOOTFALL_WEB_HEADERS)
            response.headers[response.header_count++] = *header;
    }
    write_all(reply, event, &response);
}

int footfall__lambda_reply_begin(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event)
{
    memset(reply, 0, sizeof *reply);
    reply->most = event->kind == FOOTFALL__LAMBDA_BALANCER ? (size_t)FOOTFALL__LAMBDA_BALANCER_MAX
                                                           : (size_t)FOOTFALL__LAMBDA_REPLY_MAX;
    reply->room = FIRST_ROOM;
    reply->text = footfall__malloc(reply->room);
    return reply->text != NULL ? 0 : -1;
}

void footfall__lambda_reply_write(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event,
                                  const struct footfall_web_response *response)
{
    write_all(reply, event, response);
    if (reply->failed)
        write_too_large(reply, event, response);
}
