/* answer.c: from an event to its reply (lambda.h). */
#include "lambda.h"

int footfall__lambda_answer(char **reply, size_t *reply_bytes, struct footfall_web *web, const char *event,
                            size_t event_bytes, int64_t left_ms, struct footfall_error *err)
{
    (void)web;
    (void)event;
    (void)event_bytes;
    (void)left_ms;
    *reply = NULL;
    *reply_bytes = 0;
    err->status = FOOTFALL_INVALID;
    return FOOTFALL_INVALID;
}
