/* path.c: an event's path, without the stage, and its query (event.h). Who delivers them decoded and who does not is here: an HTTP
 * API decodes the path, and both formats of API Gateway with parameters in a map decode those; all else comes as it was sent. */
#include "event.h"

#include <string.h>

/* ---- path ------------------------------------------------------------------------------------------------------------------- */

/* A stage with a name stands in front of an HTTP API's path, but not under a domain of one's own: a route {proxy+} has all of the
 * path there. */
static void cut_stage(struct footfall__lambda_event *event)
{
    struct footfall_web_request *request = &event->request;
    size_t bytes = 0;
    size_t proxy_bytes = 0;
    const char *stage =
        footfall__lambda_string(footfall__lambda_object(event->root, "requestContext"), "stage", &bytes);
    const char *proxy =
        footfall__lambda_string(footfall__lambda_object(event->root, "pathParameters"), "proxy", &proxy_bytes);
    if (stage == NULL || bytes == 0 || (bytes == 8 && memcmp(stage, "$default", 8) == 0))
        return;
    if (request->path_bytes < bytes + 1 || request->path[0] != '/' || memcmp(request->path + 1, stage, bytes) != 0 ||
        (request->path_bytes > bytes + 1 && request->path[bytes + 1] != '/'))
        return;
    if (proxy != NULL && proxy_bytes + 1 == request->path_bytes && memcmp(proxy, request->path + 1, proxy_bytes) == 0)
        return;
    request->path += bytes + 1;
    request->path_bytes -= bytes + 1;
}

static void read_path(struct footfall__lambda_event *event)
{
    struct footfall_web_request *request = &event->request;
    int format_2 = event->kind == FOOTFALL__LAMBDA_HTTP_2 || event->kind == FOOTFALL__LAMBDA_URL;
    request->path = footfall__lambda_string(event->root, format_2 ? "rawPath" : "path", &request->path_bytes);
    request->path_decoded = event->kind == FOOTFALL__LAMBDA_HTTP_1 || event->kind == FOOTFALL__LAMBDA_HTTP_2;
    if (request->path == NULL)
        return;
    if (event->kind == FOOTFALL__LAMBDA_HTTP_1 || format_2)
        cut_stage(event);
    if (request->path_bytes == 0) {
        request->path = "/";
        request->path_bytes = 1;
    }
}

/* ---- query ------------------------------------------------------------------------------------------------------------------ */

/* What does not fit is too long for the handler too, which then looks no further than at the length. */
static void put(struct footfall__lambda_event *event, char c)
{
    size_t *bytes = &event->request.query_bytes;
    if (*bytes < sizeof event->query)
        event->query[(*bytes)++] = c;
}

static void put_text(struct footfall__lambda_event *event, const char *text, size_t bytes, int encode)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!encode || memchr(plain, c, sizeof plain - 1) != NULL) {
            put(event, text[i]);
            continue;
        }
        put(event, '%');
        put(event, digits[c >> 4]);
        put(event, digits[c & 15]);
    }
}

static void put_parameter(struct footfall__lambda_event *event, const char *key, const json_t *value, int encode)
{
    if (!json_is_string(value))
        return;
    if (event->request.query_bytes > 0)
        put(event, '&');
    put_text(event, key, strlen(key), encode);
    put(event, '=');
    put_text(event, json_string_value(value), json_string_length(value), encode);
}

static void join_query(struct footfall__lambda_event *event)
{
    int encode = event->kind != FOOTFALL__LAMBDA_BALANCER;
    json_t *map = footfall__lambda_object(event->root, "multiValueQueryStringParameters");
    const char *key = NULL;
    json_t *value = NULL;
    if (json_object_size(map) == 0)
        map = footfall__lambda_object(event->root, "queryStringParameters");
    json_object_foreach(map, key, value)
    {
        put_parameter(event, key, value, encode);
        for (size_t i = 0; i < json_array_size(value); i++)
            put_parameter(event, key, json_array_get(value, i), encode);
    }
    if (event->request.query_bytes > 0)
        event->request.query = event->query;
}

void footfall__lambda_target(struct footfall__lambda_event *event)
{
    read_path(event);
    if (event->kind == FOOTFALL__LAMBDA_HTTP_2 || event->kind == FOOTFALL__LAMBDA_URL)
        event->request.query = footfall__lambda_string(event->root, "rawQueryString", &event->request.query_bytes);
    else
        join_query(event);
}
