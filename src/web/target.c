/* target.c: a request's target: path and query, percent encoding, names and parameters (web.h, exchange.h). Everything is decoded
 * once, never twice. */
#include "exchange.h"

#include <string.h>
#include <strings.h>

#include "bytes.h"
#include "respond.h"

void footfall__web_target(struct footfall_web_request *request, const char *target, size_t target_bytes)
{
    const char *end = target + target_bytes;
    const char *query = NULL;
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < 2; i++) {
        size_t scheme = strlen(schemes[i]);
        if (target_bytes >= scheme && strncasecmp(target, schemes[i], scheme) == 0) {
            target += scheme;
            while (target < end && *target != '/' && *target != '?')
                target++;
            break;
        }
    }
    query = target < end ? memchr(target, '?', (size_t)(end - target)) : NULL;
    request->path = target;
    request->path_bytes = (size_t)((query != NULL ? query : end) - target);
    request->query = query != NULL ? query + 1 : NULL;
    request->query_bytes = query != NULL ? (size_t)(end - query) - 1 : 0;
    request->path_decoded = 0;
    if (request->path_bytes == 0 && target_bytes > 0) { /* "http://host" */
        request->path = "/";
        request->path_bytes = 1;
    }
}

const char *footfall__web_header_of(const struct footfall_web_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

long footfall__web_decode(char *out, size_t room, const char *text, size_t bytes, int form)
{
    size_t length = 0;
    for (size_t at = 0; at < bytes; at++, length++) {
        char c = text[at];
        if (c == '%') {
            int high = at + 2 < bytes ? digit(text[at + 1]) : -1;
            int low = high >= 0 ? digit(text[at + 2]) : -1;
            if (low < 0)
                return -1;
            c = (char)(high * 16 + low);
            at += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (length < room)
            out[length] = c;
    }
    return (long)length;
}

int footfall__web_name(struct footfall_web_exchange *x)
{
    const struct footfall_web_request *request = x->request;
    size_t before = strlen(x->route->path) + 1; /* and its slash */
    const char *name = x->web->default_counter;
    size_t bytes = x->web->default_bytes;
    struct footfall_error err;
    x->op.name = x->name;
    if (request->path_bytes > before && x->route->named) {
        const char *rest = request->path + before;
        size_t rest_bytes = request->path_bytes - before;
        long decoded = (long)rest_bytes;
        if (request->path_decoded)
            memcpy(x->name, rest, rest_bytes < sizeof x->name ? rest_bytes : sizeof x->name);
        else
            decoded = footfall__web_decode(x->name, sizeof x->name, rest, rest_bytes, 0);
        if (decoded < 0) {
            footfall__web_error(x, FOOTFALL__WEB_BAD_COUNTER, "a % in the path is not followed by two hex digits");
            return 0;
        }
        if (footfall_name_check(x->name, (size_t)decoded, &err) != FOOTFALL_OK) {
            footfall__web_error(x, FOOTFALL__WEB_BAD_COUNTER, err.text);
            return 0;
        }
        x->name[decoded] = '\0';
        return 1;
    }
    memcpy(x->name, name, bytes + 1);
    return 1;
}

static int bad_parameter(struct footfall_web_exchange *x, const char *text)
{
    footfall__web_error(x, FOOTFALL__WEB_BAD_PARAMETER, text);
    return -1;
}

int footfall__web_parameter(struct footfall_web_exchange *x, char *out, size_t room, const char *key)
{
    const char *at = x->request->query;
    const char *end = at != NULL ? at + x->request->query_bytes : NULL;
    size_t key_bytes = strlen(key);
    while (at != NULL && at < end) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        const char *stop = next != NULL ? next : end;
        const char *is = memchr(at, '=', (size_t)(stop - at));
        const char *value = is != NULL ? is + 1 : stop;
        char found[16];
        long bytes = footfall__web_decode(found, sizeof found, at, (size_t)((is != NULL ? is : stop) - at), 1);
        if (bytes < 0)
            return bad_parameter(x, "a % in the query is not followed by two hex digits");
        if ((size_t)bytes == key_bytes && memcmp(found, key, key_bytes) == 0) {
            bytes = footfall__web_decode(out, room, value, (size_t)(stop - value), 1);
            if (bytes < 0)
                return bad_parameter(x, "a % in the query is not followed by two hex digits");
            if ((size_t)bytes >= room || memchr(out, '\0', (size_t)bytes) != NULL) {
                char text[80];
                footfall__format(text, sizeof text, "%s is too long, or has a NUL", key);
                return bad_parameter(x, text);
            }
            out[bytes] = '\0';
            return 1;
        }
        at = next != NULL ? next + 1 : end;
    }
    return 0;
}
