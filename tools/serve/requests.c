/* requests.c: from libmicrohttpd's callbacks to the handler's exchange. While the store works the connection is suspended; the
 * completion resumes it. How the answer is sent is answer.c's affair.
 *
 * A request is handed over in two passes of libmicrohttpd's loop: the exchange begins in the first, and only in the second is
 * the connection suspended, and the store asked. In between libmicrohttpd notes that it waits for us alone. Suspended at once
 * it would try to read first when it is resumed: a call in vain for each request, and one whose client has closed its sending
 * side would get no answer although it was counted. */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LINGER_BYTES = 1 << 20, /* of a body that is too large: read and dropped, so that the client gets to read why */
    TARGET_KEPT = 1024      /* memory for a target that a connection keeps for its next request */
};

/* ---- the request line, as it was on the wire ---------------------------------------------------------------------------- */

static int copy_target(struct footfall_serve_request *r, const char *target)
{
    size_t bytes = strlen(target) + 1;
    if (bytes > r->target_room) {
        size_t room = bytes < 128 ? 128 : bytes;
        char *copy = realloc(r->target, room);
        if (copy == NULL)
            return -1;
        r->target = copy;
        r->target_room = room;
    }
    memcpy(r->target, target, bytes);
    r->target_bytes = bytes - 1;
    return 0;
}

static int64_t now_us(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void *footfall__serve_line(void *user, const char *target, struct MHD_Connection *mhd)
{
    struct footfall_serve_loop *loop = user;
    const union MHD_ConnectionInfo *known = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct footfall_serve_connection *c = known != NULL ? known->socket_context : NULL;
    if (c == NULL)
        return NULL;
    footfall__serve_count(&loop->tally.under_way, 1);
    footfall__serve_set_phase(c, FOOTFALL_SERVE_READING);
    if (loop->server->settings.log_level >= FOOTFALL_LOG_INFO)
        c->request.began_us = now_us();
    c->request.step = FOOTFALL_SERVE_LINE;
    c->request.wire = target;
    if (target == NULL || copy_target(&c->request, target) != 0)
        c->request.wire = NULL; /* the connection ends with this request */
    return c;
}

/* libmicrohttpd ends the target at a NUL. What stood behind it is lost, but not that there was one: it names nothing. */
static void mark_nul(struct footfall_serve_request *r, const char *version)
{
    if (version > r->wire && (size_t)(version - 1 - r->wire) != r->target_bytes)
        r->target_bytes++;
}

/* ---- the header --------------------------------------------------------------------------------------------------------- */

static int expects_continue(const struct footfall_serve_request *r)
{
    const char *expect = footfall__web_header_of(&r->asked, "Expect");
    return expect != NULL && strcasecmp(expect, "100-continue") == 0;
}

static enum MHD_Result refuse_now(struct footfall_serve_connection *c, enum footfall_web_refusal why);

static enum MHD_Result begin(struct footfall_serve_connection *c, const char *method, const char *version)
{
    struct footfall_serve_request *r = &c->request;
    const struct footfall_serve_settings *settings = &c->loop->server->settings;
    if (r->wire == NULL || footfall__serve_take_headers(c, method, version) != 0)
        return MHD_NO;
    r->step = FOOTFALL_SERVE_BODY;
    mark_nul(r, version);
    r->asked.method = method;
    r->asked.peer = c->peer[0] != '\0' ? c->peer : NULL;
    r->asked.peer_is_unix = c->loop->server->is_unix;
    footfall__web_target(&r->asked, r->target, r->target_bytes);
    r->keeps_body = strcmp(method, "PUT") == 0;
    if (r->is_malformed)
        return refuse_now(c, FOOTFALL_WEB_MALFORMED);
    r->too_large = r->length > settings->body_bytes;
    if (r->too_large && (r->length - settings->body_bytes > LINGER_BYTES || expects_continue(r)))
        return refuse_now(c, FOOTFALL_WEB_BODY_TOO_LARGE);
    return MHD_YES;
}

/* ---- the body ----------------------------------------------------------------------------------------------------------- */

static enum MHD_Result take_body(struct footfall_serve_connection *c, const char *body, size_t bytes)
{
    struct footfall_serve_request *r = &c->request;
    size_t most = c->loop->server->settings.body_bytes;
    if (r->body_bytes + bytes > most)
        r->too_large = 1;
    if (r->body_bytes + bytes > (uint64_t)most + LINGER_BYTES)
        return MHD_NO;
    if (r->keeps_body && !r->too_large) {
        char *grown = realloc(r->body, (size_t)r->body_bytes + bytes);
        if (grown == NULL)
            return MHD_NO;
        memcpy(grown + r->body_bytes, body, bytes);
        r->body = grown;
    }
    r->body_bytes += bytes;
    return MHD_YES;
}

/* ---- the exchange ------------------------------------------------------------------------------------------------------- */

static enum MHD_Result refuse(struct footfall_serve_connection *c, enum footfall_web_refusal why)
{
    struct footfall_serve_request *r = &c->request;
    footfall__web_end(r->exchange);
    r->exchange = footfall__web_refuse(c->loop->server->web, &r->asked, why);
    return r->exchange != NULL ? footfall__serve_answer(c) : MHD_NO;
}

/* It is all there, and from here on nobody cuts it off. */
static int begin_work(struct footfall_serve_connection *c)
{
    if (c->is_cut)
        return -1;
    footfall__serve_set_phase(c, FOOTFALL_SERVE_WORKING);
    footfall__serve_count(&c->loop->tally.busy, 1);
    return 0;
}

static enum MHD_Result refuse_now(struct footfall_serve_connection *c, enum footfall_web_refusal why)
{
    return begin_work(c) == 0 ? refuse(c, why) : MHD_NO;
}

static enum MHD_Result take_up(struct footfall_serve_connection *c)
{
    struct footfall_serve_request *r = &c->request;
    if (r->too_large)
        return refuse_now(c, FOOTFALL_WEB_BODY_TOO_LARGE);
    if (begin_work(c) != 0)
        return MHD_NO;
    if (!footfall__serve_has_room(c))
        return footfall__serve_answer_bare(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE);
    if (c->loop->mode >= FOOTFALL_SERVE_REFUSING)
        return refuse(c, FOOTFALL_WEB_BUSY);
    if (r->body != NULL) {
        r->asked.body = r->body;
        r->asked.body_bytes = (size_t)r->body_bytes;
    }
    r->exchange = footfall__web_begin(c->loop->server->web, &r->asked);
    if (r->exchange == NULL)
        return MHD_NO;
    r->step = FOOTFALL_SERVE_TAKEN;
    return footfall__web_state(r->exchange) == FOOTFALL_WEB_ANSWERED ? footfall__serve_answer(c) : MHD_YES;
}

static void suspend(struct footfall_serve_connection *c, enum footfall_serve_step step)
{
    MHD_suspend_connection(c->mhd);
    c->request.step = step;
    footfall__serve_count(&c->loop->tally.suspended, 1);
}

/* Suspends first: the outcome may be there at once. */
static enum MHD_Result go_on(struct footfall_serve_connection *c)
{
    switch (footfall__web_state(c->request.exchange)) {
    case FOOTFALL_WEB_STARTS:
        suspend(c, FOOTFALL_SERVE_STARTED);
        footfall__web_start(c->request.exchange, footfall__serve_back, c);
        return MHD_YES;
    case FOOTFALL_WEB_BLOCKS:
        suspend(c, FOOTFALL_SERVE_BLOCKED);
        if (footfall__serve_block(c) != 0) {
            c->request.step = FOOTFALL_SERVE_CROWDED;
            footfall__serve_back(c);
        }
        return MHD_YES;
    default:
        return footfall__serve_answer(c);
    }
}

/* The outcome is there. */
static enum MHD_Result resumed(struct footfall_serve_connection *c)
{
    footfall__serve_count(&c->loop->tally.suspended, -1);
    if (c->request.step == FOOTFALL_SERVE_CROWDED)
        return refuse(c, FOOTFALL_WEB_BUSY);
    if (c->request.step == FOOTFALL_SERVE_STARTED)
        footfall__web_go_on(c->request.exchange);
    return go_on(c);
}

enum MHD_Result footfall__serve_handle(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                       const char *version, const char *body, size_t *body_bytes, void **context)
{
    struct footfall_serve_connection *c = *context;
    enum MHD_Result result = MHD_NO;
    (void)user;
    (void)mhd;
    (void)url;
    if (c == NULL)
        return MHD_NO;
    switch (c->request.step) {
    case FOOTFALL_SERVE_LINE:
        return begin(c, method, version);
    case FOOTFALL_SERVE_BODY:
        if (*body_bytes == 0)
            return take_up(c);
        result = take_body(c, body, *body_bytes);
        *body_bytes = 0;
        return result;
    case FOOTFALL_SERVE_TAKEN:
        return go_on(c);
    case FOOTFALL_SERVE_STARTED:
    case FOOTFALL_SERVE_BLOCKED:
    case FOOTFALL_SERVE_CROWDED:
        return resumed(c);
    default:
        return MHD_NO;
    }
}

/* ---- its end ------------------------------------------------------------------------------------------------------------ */

void footfall__serve_request_free(struct footfall_serve_request *request)
{
    footfall__web_end(request->exchange);
    free(request->target);
    free(request->body);
    free(request->many);
    *request = (struct footfall_serve_request){ 0 };
}

/* The next one on this connection begins with nothing but the memory for its target. */
static void make_ready(struct footfall_serve_request *r)
{
    char *target = r->target;
    size_t room = r->target_room;
    r->target = NULL;
    footfall__serve_request_free(r);
    if (room > TARGET_KEPT) {
        free(target);
        return;
    }
    r->target = target;
    r->target_room = room;
}

/* Of a connection that has failed libmicrohttpd may say only that it ends, although its outcome has come and it was resumed. */
static void take_up_in_vain(struct footfall_serve_connection *c)
{
    if (c->request.step < FOOTFALL_SERVE_STARTED || c->request.step > FOOTFALL_SERVE_CROWDED)
        return;
    footfall__serve_count(&c->loop->tally.suspended, -1);
    if (c->request.step == FOOTFALL_SERVE_STARTED)
        footfall__web_go_on(c->request.exchange);
}

void footfall__serve_completed(void *user, struct MHD_Connection *mhd, void **context,
                               enum MHD_RequestTerminationCode why)
{
    struct footfall_serve_loop *loop = user;
    struct footfall_serve_connection *c = *context;
    int was_busy = 0;
    (void)mhd;
    (void)why;
    if (c == NULL)
        return;
    *context = NULL;
    take_up_in_vain(c);
    was_busy = c->phase >= FOOTFALL_SERVE_WORKING;
    if (c->request.began_us != 0 && c->request.status != 0)
        footfall__serve_log_access(c, now_us() - c->request.began_us);
    make_ready(&c->request);
    footfall__serve_set_phase(c, FOOTFALL_SERVE_WAITING);
    c->seen_bytes = FOOTFALL_SERVE_UNSEEN;
    c->begun_ms = 0;
    atomic_store_explicit(&loop->tally.active_ms, loop->now_ms, memory_order_relaxed);
    footfall__serve_count(&loop->tally.under_way, -1);
    if (was_busy)
        footfall__serve_count(&loop->tally.busy, -1);
}
