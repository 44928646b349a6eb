/* answer.c: from an event to its reply (lambda.h): reads it, lets the handler answer within the time that is left, and writes. */
#include "lambda.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "event.h"
#include "reply.h"

enum {
    REPLY_MS = 100, /* for the reply, on its way through Lambda */
    STORE_MS = 50   /* with less it is not worth asking */
};

/* What a load balancer's own check wants to see. No store is asked, so that a store's bad day does not take targets out. */
static const char healthy[] = "{\"status\":\"ok\"}\n";
static const struct footfall_web_response health = { .status = 200,
                                                     .headers = { { "Content-Type", "application/json" },
                                                                  { "Cache-Control", "no-store" } },
                                                     .header_count = 2,
                                                     .body = healthy,
                                                     .body_bytes = sizeof healthy - 1 };

static struct footfall_web_exchange *exchange(struct footfall_web *web, const struct footfall__lambda_event *event,
                                              int64_t left_ms)
{
    struct footfall_web_exchange *x = NULL;
    if (event->request.body_bytes > footfall__web_body_most(web))
        return footfall__web_refuse(web, &event->request, FOOTFALL_WEB_BODY_TOO_LARGE);
    x = footfall__web_begin(web, &event->request);
    if (x == NULL || footfall__web_state(x) == FOOTFALL_WEB_ANSWERED)
        return x;
    if (left_ms < REPLY_MS + STORE_MS) {
        footfall__web_end(x);
        return footfall__web_refuse(web, &event->request, FOOTFALL_WEB_BUSY);
    }
    footfall__web_wait(x, left_ms - REPLY_MS < UINT32_MAX ? (uint32_t)(left_ms - REPLY_MS) : 0);
    footfall__web_run(x);
    return x;
}

static void write_health(struct footfall__lambda_reply *reply, const struct footfall__lambda_event *event)
{
    struct footfall_web_response response = health;
    response.without_body = strcmp(event->request.method, "HEAD") == 0;
    footfall__lambda_reply_write(reply, event, &response);
}

static int no_memory(struct footfall_error *err)
{
    err->status = FOOTFALL_NO_MEMORY;
    footfall__format(err->text, sizeof err->text, "no memory for a request");
    return FOOTFALL_NO_MEMORY;
}

int footfall__lambda_answer(char **reply, size_t *reply_bytes, struct footfall_web *web, const char *event,
                            size_t event_bytes, int64_t left_ms, struct footfall_error *err)
{
    struct footfall__lambda_event read;
    struct footfall__lambda_reply written = { 0 };
    struct footfall_web_exchange *x = NULL;
    struct footfall_error own;
    int rc = FOOTFALL_OK;
    *reply = NULL;
    *reply_bytes = 0;
    err = err != NULL ? err : &own;
    rc = footfall__lambda_event_read(&read, event, event_bytes, err);
    if (rc != FOOTFALL_OK)
        goto cleanup;
    if (footfall__web_peer_key(web, read.request.peer) != 0)
        footfall__lambda_hide_service(&read);
    if (footfall__lambda_reply_begin(&written, &read) == 0 && !read.health_check)
        x = exchange(web, &read, left_ms);
    if (written.text == NULL || (x == NULL && !read.health_check)) {
        rc = no_memory(err);
        goto cleanup;
    }
    if (read.health_check)
        write_health(&written, &read);
    else
        footfall__lambda_reply_write(&written, &read, footfall__web_response(x));
    *reply = written.text;
    *reply_bytes = written.bytes;
    written.text = NULL;
cleanup:
    footfall__web_end(x);
    free(written.text);
    footfall__lambda_event_free(&read);
    return rc;
}
