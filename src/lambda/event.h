/* event.h: an event of Lambda, read into a request of the handler's (web.h). Tests and the files of this folder include it. */
#ifndef FOOTFALL_LAMBDA_EVENT_H
#define FOOTFALL_LAMBDA_EVENT_H
#include <jansson.h>

#include "web.h"

enum footfall__lambda_kind {
    FOOTFALL__LAMBDA_NONE,   /* nothing that is answered here */
    FOOTFALL__LAMBDA_REST,   /* API Gateway's REST API */
    FOOTFALL__LAMBDA_HTTP_1, /* an HTTP API, format 1.0 */
    FOOTFALL__LAMBDA_HTTP_2, /* and 2.0 */
    FOOTFALL__LAMBDA_URL,    /* a Function URL: format 2.0, but its path is encoded */
    FOOTFALL__LAMBDA_BALANCER
};

enum {
    FOOTFALL__LAMBDA_QUERY_ROOM = 12288, /* more than the handler takes of a query */
    FOOTFALL__LAMBDA_PEER_ROOM = 64
};

struct footfall__lambda_event {
    enum footfall__lambda_kind kind;
    int multi_value;  /* it has multiValueHeaders, and so must the reply */
    int health_check; /* a load balancer's own: no request to count */
    struct footfall_web_request request;
    /* what the request points to */
    json_t *root;
    struct footfall_web_header *headers;
    char *cookie, *body;
    char peer[FOOTFALL__LAMBDA_PEER_ROOM];
    char query[FOOTFALL__LAMBDA_QUERY_ROOM];
};

/* OK; INVALID (no JSON, no such event) or NO_MEMORY with a sentence in err. Always followed by _free. */
int footfall__lambda_event_read(struct footfall__lambda_event *out, const char *text, size_t bytes,
                                struct footfall_error *err);
void footfall__lambda_event_free(struct footfall__lambda_event *event);

/* ---- its parts ------------------------------------------------------------------------------------------------------------ */

/* kind.c: NONE: `what` says in a few words what it is instead. */
enum footfall__lambda_kind footfall__lambda_kind_of(const json_t *root, char *what, size_t what_room);

/* json.c: text to values, with NULs where strings have them, and fields that are absent when they are null or of another type.
 * _parse: NULL, and *no_memory or where it stopped in *why. */
json_t *footfall__lambda_parse(const char *text, size_t bytes, json_error_t *why, int *no_memory);
json_t *footfall__lambda_object(const json_t *in, const char *key);
/* May have a NUL inside: *bytes says how long it is. */
const char *footfall__lambda_string(const json_t *in, const char *key, size_t *bytes);
/* The same where a NUL would cut it: absent then. */
const char *footfall__lambda_text(const json_t *in, const char *key);
int footfall__lambda_is(const json_t *in, const char *key, const char *wanted);

/* 0, or -1: no memory. */
int footfall__lambda_headers(struct footfall__lambda_event *event); /* headers.c: with the cookies */
int footfall__lambda_body(struct footfall__lambda_event *event);    /* body.c */

void footfall__lambda_target(struct footfall__lambda_event *event); /* path.c: path and query */
void footfall__lambda_peer(struct footfall__lambda_event *event);   /* peer.c: after the headers */

/* peer.c: for a peer that is no trusted proxy. Every request has X-Forwarded-For and the like from the service itself; taken out
 * where they say no more than that, they do not make the handler warn of a proxy that is not there. */
void footfall__lambda_hide_service(struct footfall__lambda_event *event);
#endif
