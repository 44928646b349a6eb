/* exchange.h: one attempt at a request over one curl handle. Handles are kept; curl's multi handle keeps the connections. */
#ifndef FOOTFALL_DYNAMODB_EXCHANGE_H
#define FOOTFALL_DYNAMODB_EXCHANGE_H
#include "answer.h"
#include "client.h"

#include <curl/curl.h>

enum {
    DYNAMODB_REPLY_BYTES = 6 << 20
}; /* a page is a megabyte as the service counts, longer in JSON; more is no reply */

struct dynamodb_exchange {
    CURL *easy;
    struct curl_slist *headers;
    struct dynamodb_request *request; /* NULL: free */
    char *body;
    size_t body_bytes, body_room;
    int sent; /* how often a connection stood, so that bytes of the request may have left: more than once when curl
                      * found that a kept connection had ended, and took another one by itself */
    int out_of_room; /* the reply is too long, or memory ran out */
    int64_t signed_offset_ms;
    int64_t date_ms; /* of the reply; -1: none */
    int64_t retry_after_ms;
    int has_crc;
    uint32_t crc;
    char error[CURL_ERROR_SIZE]; /* curl's own words for what went wrong, when it has any */
};
struct dynamodb_heading { /* what an attempt says beside its body; strings live during the call */
    const char *url, *host, *date, *target, *authorization, *session_token;
    int64_t timeout_ms;
};

/* 0, or NO_MEMORY. */
int footfall__dynamodb_exchange_init(struct dynamodb_exchange *exchange);
void footfall__dynamodb_exchange_free(struct dynamodb_exchange *exchange);
/* Makes the handle ready for an attempt: 0, or NO_MEMORY. */
int footfall__dynamodb_exchange_set(struct dynamodb_exchange *exchange, struct dynamodb_request *request,
                                    const struct dynamodb_heading *heading);
/* After it: the request is let go of. */
void footfall__dynamodb_exchange_end(struct dynamodb_exchange *exchange);
#endif
