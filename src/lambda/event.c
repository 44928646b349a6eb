/* event.c: an event's text to a request (event.h). Its parts are read by files of their own. */
#include "event.h"

#include <string.h>

#include "alloc.h"
#include "bytes.h"

enum { WHAT_ROOM = 96 };

static int refuse(struct footfall_error *err, const char *what)
{
    err->status = FOOTFALL_INVALID;
    footfall__format(err->text, sizeof err->text,
                     "%s; wanted is an HTTP request of a REST API, an HTTP API, a Function URL or a load balancer",
                     what);
    return FOOTFALL_INVALID;
}

static int no_memory(struct footfall_error *err)
{
    err->status = FOOTFALL_NO_MEMORY;
    footfall__format(err->text, sizeof err->text, "no memory for an event");
    return FOOTFALL_NO_MEMORY;
}

static int no_json(struct footfall_error *err, const json_error_t *why)
{
    char what[WHAT_ROOM];
    const char *how = "is no JSON";
    if (json_error_code(why) == json_error_stack_overflow)
        how = "is nested too deep";
    else if (json_error_code(why) == json_error_numeric_overflow)
        how = "has a number too large to be read";
    footfall__format(what, sizeof what, "an event that %s (line %d, column %d)", how, why->line, why->column);
    return refuse(err, what);
}

static const char *method_of(const struct footfall__lambda_event *event)
{
    const json_t *context = footfall__lambda_object(event->root, "requestContext");
    if (event->kind == FOOTFALL__LAMBDA_HTTP_2 || event->kind == FOOTFALL__LAMBDA_URL)
        return footfall__lambda_text(footfall__lambda_object(context, "http"), "method");
    return footfall__lambda_text(event->root, "httpMethod");
}

int footfall__lambda_event_read(struct footfall__lambda_event *out, const char *text, size_t bytes,
                                struct footfall_error *err)
{
    char what[WHAT_ROOM];
    json_error_t why;
    int out_of_memory = 0;
    memset(out, 0, sizeof *out);
    err->native = 0;
    out->root = footfall__lambda_parse(text, bytes, &why, &out_of_memory);
    if (out->root == NULL)
        return out_of_memory ? no_memory(err) : no_json(err, &why);
    out->kind = footfall__lambda_kind_of(out->root, what, sizeof what);
    if (out->kind == FOOTFALL__LAMBDA_NONE)
        return refuse(err, what);
    out->request.method = method_of(out);
    footfall__lambda_target(out);
    if (out->request.method == NULL || out->request.path == NULL)
        return refuse(err, "a request without a method or a path");
    if (footfall__lambda_headers(out) != 0 || footfall__lambda_body(out) != 0)
        return no_memory(err);
    footfall__lambda_peer(out);
    err->status = FOOTFALL_OK;
    err->text[0] = '\0';
    return FOOTFALL_OK;
}

void footfall__lambda_event_free(struct footfall__lambda_event *event)
{
    footfall__free(event->headers);
    footfall__free(event->cookie);
    footfall__free(event->body);
    json_decref(event->root);
}
