/* dynamodb_replies.h: what the service, or something before it, says in the place of the reply that a request should have had: for
 * the proxy's ANSWER_ faults. */
#ifndef FAULT_DYNAMODB_REPLIES_H
#define FAULT_DYNAMODB_REPLIES_H
#include <stdint.h>

#include "proxy.h"

enum dynamodb_reply {
    DYNAMODB_REPLY_500,         /* InternalServerError */
    DYNAMODB_REPLY_503,         /* of a load balancer, in HTML */
    DYNAMODB_REPLY_IN_PROGRESS, /* TransactionInProgressException */
    DYNAMODB_REPLY_SHORT,       /* a body that ends too soon */
    DYNAMODB_REPLY_ENDLESS,     /* a body that does not end */
    DYNAMODB_REPLY_STRANGE,     /* 200, and no object of JSON */
    DYNAMODB_REPLY_EMPTY,       /* 200, and nothing */
    DYNAMODB_REPLY_DAMAGED,     /* the real one, but its checksum is another; only after the server has acted */
    DYNAMODB_REPLY_REFUSED,     /* from here on only before: the service has surely not acted */
    DYNAMODB_REPLY_THROUGHPUT = DYNAMODB_REPLY_REFUSED,
    DYNAMODB_REPLY_THROTTLED,
    DYNAMODB_REPLY_CONFLICT, /* TransactionConflictException, or a cancelled transaction's reason */
    DYNAMODB_REPLY_EXPIRED,  /* ExpiredTokenException */
    DYNAMODB_REPLY_UNSIGNED, /* InvalidSignatureException, with a Date that is minutes off */
    DYNAMODB_REPLY_SKEWED,   /* RequestExpired, the same */
    DYNAMODB_REPLIES
};

enum { DYNAMODB_BODIES = 4096 };
struct dynamodb_replies {
    struct support_proxy_answers answers; /* for the plan */
    int only;                             /* always this one, or -1: any that fits */
    uint64_t made[DYNAMODB_REPLIES];      /* read them when the proxy has settled */
    uint64_t
        bodies[DYNAMODB_BODIES]; /* of requests that were said to be signed wrongly: once each, as the client asks */
    size_t body_count;
};
/* It must stay where it is. */
void dynamodb_replies_init(struct dynamodb_replies *replies, int only);
/* Can it be made by this fault, to this request? */
int dynamodb_reply_fits(enum dynamodb_reply reply, enum support_proxy_fault fault);
const char *dynamodb_reply_name(enum dynamodb_reply reply);
#endif
