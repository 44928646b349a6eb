/* exchange.c: from a request to its answer: which route, what is asked of the store, started or waited for (web.h). What a
 * route answers is the affair of its own file. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "alloc.h"
#include "clock.h"
#include "respond.h"

enum { TARGET_MAX = 8192 };

/* ---- taking a request up ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t bytes;
} known_names[FOOTFALL__WEB_KNOWN] = {
    [FOOTFALL__WEB_ORIGIN] = { "origin", 6 },
    [FOOTFALL__WEB_REQUEST_METHOD] = { "access-control-request-method", 29 },
    [FOOTFALL__WEB_TOKEN] = { "idempotency-key", 15 },
    [FOOTFALL__WEB_AGENT] = { "user-agent", 10 },
    [FOOTFALL__WEB_PURPOSE] = { "sec-purpose", 11 },
    [FOOTFALL__WEB_PURPOSE_2] = { "purpose", 7 },
    [FOOTFALL__WEB_PURPOSE_3] = { "x-purpose", 9 },
    [FOOTFALL__WEB_PURPOSE_4] = { "x-moz", 5 },
    [FOOTFALL__WEB_MATCH] = { "if-none-match", 13 },
    [FOOTFALL__WEB_AUTHORIZATION] = { "authorization", 13 },
};

static void find_headers(struct footfall_web_exchange *x)
{
    const struct footfall_web_request *request = x->request;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct footfall_web_header *header = &request->headers[i];
        size_t bytes = strlen(header->name);
        for (size_t k = 0; k < FOOTFALL__WEB_KNOWN; k++)
            if (bytes == known_names[k].bytes && x->known[k] == NULL &&
                strncasecmp(header->name, known_names[k].name, bytes) == 0)
                x->known[k] = header->value;
    }
}

/* Nothing in it that ends a line or a quoted field of a log. */
static void keep_path(struct footfall_web_exchange *x)
{
    size_t bytes = x->request->path_bytes;
    size_t at = 0;
    for (; at < bytes && at + 4 < sizeof x->logged; at++) {
        char c = x->request->path[at];
        x->logged[at] = c > ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '?';
    }
    for (int dots = 0; at < bytes && dots < 3; dots++)
        x->logged[at + (size_t)dots] = '.';
}

static struct footfall_web_exchange *new_exchange(struct footfall_web *web, const struct footfall_web_request *request)
{
    struct footfall_web_exchange *x = footfall__calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->web = web;
    x->request = request;
    x->op = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    x->visitor = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
    x->route = footfall__web_route_of(web, request->path, request->path_bytes);
    x->method = footfall__web_method_of(request->method);
    find_headers(x);
    keep_path(x);
    return x;
}

static int too_many(struct footfall_web_exchange *x)
{
    const struct footfall_web *web = x->web;
    char why[160];
    if (web->rates == NULL || x->route->quiet ||
        footfall__web_client_address(x->address, why, web->clients, x->request) != NULL)
        return 0;
    return !footfall__web_rates_take(web->rates, footfall__web_keys_of(web->keys, x->address), footfall__boottime_ms());
}

/* What is nothing but administration is not there without a token. */
static int is_there(const struct footfall_web_exchange *x)
{
    const struct footfall__web_route *route = x->route;
    int only_admin = route->admin != 0 && route->methods == (route->admin | FOOTFALL__WEB_OPTIONS);
    return route->methods != 0 && (x->web->has_admin || !only_admin);
}

/* 1; 0: answered. */
static int may(struct footfall_web_exchange *x)
{
    unsigned method = (unsigned)x->method;
    int is_admin = (x->route->admin & method) != 0;
    if ((x->route->methods & method) == 0)
        footfall__web_error(x, FOOTFALL__WEB_METHOD_NOT_ALLOWED, NULL);
    else if (is_admin && !x->web->has_admin)
        footfall__web_error(x, FOOTFALL__WEB_NOT_FOUND, "administration is not switched on");
    else if (is_admin && !footfall__web_token_matches(x->web->admin, x->known[FOOTFALL__WEB_AUTHORIZATION]))
        footfall__web_error(x, FOOTFALL__WEB_UNAUTHORIZED, NULL);
    else
        return 1;
    return 0;
}

static void dispatch(struct footfall_web_exchange *x)
{
    const struct footfall__web_route *route = x->route;
    if (!is_there(x)) {
        footfall__web_error(x, FOOTFALL__WEB_NOT_FOUND, NULL);
    } else if (x->method == FOOTFALL__WEB_OPTIONS) {
        footfall__web_answer(x, 204, NULL, NULL, NULL, 0);
        footfall__web_header(x, "Allow", footfall__web_allow(x->web, route));
    } else if (may(x)) {
        footfall__web_step *step = x->method == FOOTFALL__WEB_POST     ? route->post
                                   : x->method == FOOTFALL__WEB_PUT    ? route->put
                                   : x->method == FOOTFALL__WEB_DELETE ? route->erase
                                                                       : route->get;
        step(x);
    }
}

struct footfall_web_exchange *footfall__web_begin(struct footfall_web *web, const struct footfall_web_request *request)
{
    struct footfall_web_exchange *x = new_exchange(web, request);
    if (x == NULL)
        return NULL;
    if (request->path_bytes + request->query_bytes > TARGET_MAX)
        footfall__web_error(x, FOOTFALL__WEB_TARGET_TOO_LONG, NULL);
    else if (too_many(x))
        footfall__web_error(x, FOOTFALL__WEB_TOO_MANY_REQUESTS, NULL);
    else if (x->method == FOOTFALL__WEB_OPTIONS && x->known[FOOTFALL__WEB_ORIGIN] != NULL &&
             x->known[FOOTFALL__WEB_REQUEST_METHOD] != NULL && !x->route->private)
        footfall__web_preflight(x);
    else
        dispatch(x);
    return x;
}

struct footfall_web_exchange *footfall__web_refuse(struct footfall_web *web, const struct footfall_web_request *request,
                                                   enum footfall_web_refusal why)
{
    struct footfall_web_exchange *x = new_exchange(web, request);
    if (x == NULL)
        return NULL;
    if (why == FOOTFALL_WEB_BODY_TOO_LARGE)
        footfall__web_error(x, FOOTFALL__WEB_TOO_LARGE, NULL);
    else if (why == FOOTFALL_WEB_MALFORMED)
        footfall__web_error(x, FOOTFALL__WEB_BAD_REQUEST,
                            "the header is malformed, or does not tell where the body ends");
    else
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "stopping, or too much is under way; nothing was counted");
    return x;
}

/* ---- asking the store ---------------------------------------------------------------------------------------------------- */

void footfall__web_ask(struct footfall_web_exchange *x, enum footfall__web_ask ask, footfall__web_step *take_up)
{
    x->ask = ask;
    x->take_up = take_up;
    if (x->asked_ms == 0)
        x->asked_ms = footfall__boottime_ms();
}

/* How long may be waited for this step: what is left for the exchange, which may have waited for a thread. 0: nothing is. */
static uint32_t time_left(const struct footfall_web_exchange *x)
{
    uint32_t all = x->wait_ms > 0 && x->wait_ms < x->web->deadline_ms ? x->wait_ms : x->web->deadline_ms;
    int64_t left = x->asked_ms + (int64_t)all - footfall__boottime_ms();
    return left > 0 ? (uint32_t)left : 0;
}

/* The call for this step: 1; 0: its time is over, or there is no store, and that is the outcome. */
static int may_call(struct footfall_web_exchange *x, struct footfall_call *call)
{
    const struct footfall_web_options *options = &x->web->options;
    *call = (struct footfall_call)FOOTFALL_CALL_INIT;
    if (x->web->ff == NULL && options->open != NULL)
        options->open(options->open_user, time_left(x));
    call->wait_ms = x->web->ff != NULL ? time_left(x) : 0;
    if (call->wait_ms == 0)
        x->result = (struct footfall_result){ .status = FOOTFALL_TEMPORARY };
    return call->wait_ms > 0;
}

static void done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct footfall_web_exchange *x = user;
    x->result = *r;
    if (r->status != FOOTFALL_OK)
        x->err = *err;
    x->resume(x->resume_user);
}

/* 1: on its way, and the exchange is no longer this thread's; 0: the outcome is there. */
static int submitted(struct footfall_web_exchange *x)
{
    struct footfall_call call;
    struct footfall_error err;
    int rc = FOOTFALL_OK;
    if (!may_call(x, &call))
        return 0;
    if (x->ask == FOOTFALL__WEB_ASK_OP)
        rc = footfall_submit(x->web->ff, &x->op, &call, done, x, &err);
    else
        rc = footfall_submit_read(x->web->ff, x->name, &call, done, x, &err);
    if (rc == FOOTFALL_OK)
        return 1;
    x->result = (struct footfall_result){ .status = (enum footfall_status)rc };
    x->err = err;
    return 0;
}

void footfall__web_start(struct footfall_web_exchange *x, void (*resume)(void *user), void *user)
{
    x->resume = resume;
    x->resume_user = user;
    if (!submitted(x))
        resume(user);
}

void footfall__web_go_on(struct footfall_web_exchange *x)
{
    footfall__web_step *take_up = x->take_up;
    if (take_up == NULL)
        return;
    x->ask = FOOTFALL__WEB_ASK_NOTHING;
    x->take_up = NULL;
    take_up(x);
}

void footfall__web_block(struct footfall_web_exchange *x)
{
    const char *name = x->name;
    struct footfall *ff = NULL;
    struct footfall_call call;
    int rc = FOOTFALL_OK;
    if (may_call(x, &call)) {
        ff = x->web->ff;
        if (x->ask == FOOTFALL__WEB_ASK_OP)
            rc = footfall_apply(ff, &x->op, 1, &call, &x->result, &x->err);
        else if (x->ask == FOOTFALL__WEB_ASK_READ)
            rc = footfall_read(ff, &name, 1, &call, &x->result, &x->err);
        else if (x->ask == FOOTFALL__WEB_ASK_LIST)
            rc = footfall__web_list_all(x, &call);
        else if (x->ask == FOOTFALL__WEB_ASK_PING)
            rc = footfall_ping(ff, &call, &x->err);
        x->result.status = (enum footfall_status)rc;
    }
    footfall__web_go_on(x);
}

void footfall__web_run(struct footfall_web_exchange *x)
{
    while (footfall__web_state(x) != FOOTFALL_WEB_ANSWERED)
        footfall__web_block(x);
}

void footfall__web_wait(struct footfall_web_exchange *x, uint32_t wait_ms)
{
    x->wait_ms = wait_ms;
}

/* ---- what others see of it ------------------------------------------------------------------------------------------------ */

enum footfall_web_state footfall__web_state(const struct footfall_web_exchange *x)
{
    switch (x->ask) {
    case FOOTFALL__WEB_ASK_OP:
    case FOOTFALL__WEB_ASK_READ:
        return FOOTFALL_WEB_STARTS;
    case FOOTFALL__WEB_ASK_LIST:
    case FOOTFALL__WEB_ASK_PING:
        return FOOTFALL_WEB_BLOCKS;
    default:
        return FOOTFALL_WEB_ANSWERED;
    }
}

const struct footfall_web_response *footfall__web_response(const struct footfall_web_exchange *x)
{
    return footfall__web_state(x) == FOOTFALL_WEB_ANSWERED ? &x->response : NULL;
}

const char *footfall__web_logged(const struct footfall_web_exchange *x)
{
    return x->logged;
}

void footfall__web_end(struct footfall_web_exchange *x)
{
    if (x == NULL)
        return;
    if (footfall__web_state(x) == FOOTFALL_WEB_ANSWERED)
        footfall__web_tell(x);
    footfall__web_settle(x);
    footfall__web_listing_free(x->listing);
    free(x->owned);
    OPENSSL_cleanse(x->address, sizeof x->address);
    footfall__free(x);
}
