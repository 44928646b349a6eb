/* kind.c: what an event is, by its shape, or what it seems to be instead (event.h). */
#include "event.h"

#include <string.h>

#include "bytes.h"

enum { SERVICE_MAX = 32 };

static const char lattice[] = "an event of VPC Lattice";

static int is_there(const json_t *in, const char *key)
{
    const json_t *value = json_object_get(in, key);
    return value != NULL && !json_is_null(value);
}

/* What may be repeated in an error: "aws:sqs", "SelfManagedKafka"; nothing that could be an address. */
static int is_service(const char *name)
{
    static const char taken[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789";
    size_t bytes = name != NULL ? strlen(name) : 0;
    if (bytes == 0 || bytes > SERVICE_MAX)
        return 0;
    if (strncmp(name, "aws:", 4) == 0)
        name += 4;
    return strspn(name, taken) == strlen(name);
}

static const char *source_of(const json_t *in)
{
    const char *source = footfall__lambda_text(in, "eventSource");
    return source != NULL ? source : footfall__lambda_text(in, "EventSource");
}

static int is_warm_up(const json_t *root)
{
    return footfall__lambda_is(root, "source", "serverless-plugin-warmup") ||
           json_is_true(json_object_get(root, "warmer")) || json_is_true(json_object_get(root, "warmup"));
}

static void say_what(const json_t *root, char *what, size_t room)
{
    const json_t *record = json_array_get(json_object_get(root, "Records"), 0);
    const char *source = source_of(record != NULL ? record : root);
    const char *text = "an event of no kind that is known here";
    if (json_object_size(root) == 0)
        text = "an empty event";
    else if (footfall__lambda_object(record, "cf") != NULL)
        text = "an event of Lambda@Edge";
    else if (is_service(source))
        text = NULL;
    else if (record != NULL || source != NULL)
        text = "an event of another service";
    else if (footfall__lambda_text(root, "source") != NULL && footfall__lambda_text(root, "detail-type") != NULL)
        text = "an event of EventBridge";
    else if (is_warm_up(root))
        text = "a warm-up ping";
    else if (footfall__lambda_text(root, "raw_path") != NULL)
        text = lattice;
    else if (is_there(root, "httpMethod") || is_there(root, "path"))
        text = "a request without a method or a path";
    if (text == NULL)
        footfall__format(what, room, "an event of %s", source);
    else
        footfall__format(what, room, "%s", text);
}

static enum footfall__lambda_kind none(char *what, size_t room, const char *text)
{
    footfall__format(what, room, "%s", text);
    return FOOTFALL__LAMBDA_NONE;
}

static enum footfall__lambda_kind of_format_2(const json_t *context)
{
    const char *domain = footfall__lambda_text(context, "domainName");
    return domain != NULL && strstr(domain, ".lambda-url.") != NULL ? FOOTFALL__LAMBDA_URL : FOOTFALL__LAMBDA_HTTP_2;
}

/* Some captures of a WebSocket API's events have a method and a path as well; what happened on which connection, no request has. */
static int is_websocket(const json_t *root, const json_t *context)
{
    int connection = is_there(context, "connectionId");
    int event = is_there(context, "eventType");
    return (connection && event) || ((connection || event) && !is_there(root, "httpMethod"));
}

enum footfall__lambda_kind footfall__lambda_kind_of(const json_t *root, char *what, size_t room)
{
    const json_t *context = footfall__lambda_object(root, "requestContext");
    size_t bytes = 0;
    if (!json_is_object(root))
        return none(what, room, "an event that is no object");
    if (is_there(root, "type") && (is_there(root, "routeArn") || is_there(root, "methodArn")))
        return none(what, room, "a question to an authorizer");
    if (footfall__lambda_object(context, "elb") != NULL)
        return FOOTFALL__LAMBDA_BALANCER;
    if (is_websocket(root, context))
        return none(what, room, "an event of a WebSocket API");
    if (footfall__lambda_object(context, "http") != NULL)
        return of_format_2(context);
    if (footfall__lambda_is(root, "version", "2.0"))
        return none(what, room, is_there(root, "rawPath") ? "a request without requestContext.http" : lattice);
    if (footfall__lambda_string(root, "httpMethod", &bytes) != NULL &&
        footfall__lambda_string(root, "path", &bytes) != NULL)
        return footfall__lambda_is(root, "version", "1.0") ? FOOTFALL__LAMBDA_HTTP_1 : FOOTFALL__LAMBDA_REST;
    say_what(root, what, room);
    return FOOTFALL__LAMBDA_NONE;
}
