/* body.c: an event's body (event.h). */
#include "event.h"

#include <string.h>

#include <openssl/evp.h>

#include "alloc.h"

/* How many bytes it is when it is decoded; -1: it is no base64, whatever the event says. */
static long decoded_bytes(const char *text, size_t bytes)
{
    static const char taken[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (padding < 2 && padding < bytes && text[bytes - 1 - padding] == '=')
        padding++;
    if (bytes % 4 != 0)
        return -1;
    for (size_t i = 0; i < bytes - padding; i++)
        if (memchr(taken, text[i], sizeof taken - 1) == NULL)
            return -1;
    return (long)(bytes / 4 * 3 - padding);
}

static int decode(struct footfall__lambda_event *event, size_t decoded)
{
    struct footfall_web_request *request = &event->request;
    event->body = footfall__malloc(request->body_bytes / 4 * 3);
    if (event->body == NULL)
        return -1;
    if (EVP_DecodeBlock((unsigned char *)event->body, (const unsigned char *)request->body, (int)request->body_bytes) <
        0)
        return 0; /* cannot be: it was looked at */
    request->body = event->body;
    request->body_bytes = decoded;
    return 0;
}

int footfall__lambda_body(struct footfall__lambda_event *event)
{
    struct footfall_web_request *request = &event->request;
    long decoded = -1;
    request->body = footfall__lambda_string(event->root, "body", &request->body_bytes);
    if (request->body_bytes > 0 && json_is_true(json_object_get(event->root, "isBase64Encoded")))
        decoded = decoded_bytes(request->body, request->body_bytes);
    return decoded >= 0 ? decode(event, (size_t)decoded) : 0;
}
