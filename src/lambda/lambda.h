/* lambda.h: events of AWS Lambda in, replies out, by the handler of src/web. What an event is, its shape says: REST API, HTTP API
 * (formats 1.0 and 2.0), Function URL, load balancer. No sockets, no clock, no environment: tools/lambda brings events and sends
 * replies. docs/lambda.md says what is read of them. */
#ifndef FOOTFALL_LAMBDA_H
#define FOOTFALL_LAMBDA_H
#include <stddef.h>
#include <stdint.h>

#include "web.h"

/* Answers one event (JSON, event_bytes of it, need not be NUL-terminated): OK, and *reply is the JSON to send back, in the format that
 * belongs to the event; free() it. A request that fails is answered too: the reply says statusCode 500.
 * left_ms: how long the invocation may still take, for the store and the reply; when that is not enough to ask the store, the
 * reply says 503 and nothing is counted. INT64_MAX: no limit.
 * INVALID: the event is no JSON, or no HTTP request that is answered here (a queue's, an authorizer's, a warm-up's, {} …): *reply is
 * NULL, nothing was counted, and err says in one sentence what came and what is wanted, without anything of what came but names of
 * services. NO_MEMORY likewise. One call at a time for one site. */
int footfall__lambda_answer(char **reply, size_t *reply_bytes, struct footfall_web *web, const char *event,
                            size_t event_bytes, int64_t left_ms, struct footfall_error *err);
#endif
