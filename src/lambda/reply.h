/* reply.h: an answer of the handler's as the reply that belongs to an event. Tests and the files of this folder include it. */
#ifndef FOOTFALL_LAMBDA_REPLY_H
#define FOOTFALL_LAMBDA_REPLY_H
#include "event.h"

enum {
    FOOTFALL__LAMBDA_REPLY_MAX = (6 << 20) - 4096, /* bytes of JSON; Lambda takes 6 MiB, with what it adds itself */
    FOOTFALL__LAMBDA_BALANCER_MAX = 1000000 - 4096 /* a load balancer 1 MB */
};

struct footfall__lambda_reply {
    char *text; /* free() */
    size_t bytes, room;
    size_t most; /* that it may grow to */
    int failed;  /* it did not fit, or there was no memory */
};

/* Takes the memory that an answer to a visit needs, before it is counted: writing that cannot fail. 0, or -1: no memory. */
int footfall__lambda_reply_begin(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event);
/* Writes it, or in its place a 500 that says that it is too large. */
void footfall__lambda_reply_write(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event,
                                  const struct footfall_web_response *response);
#endif
