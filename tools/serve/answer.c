/* answer.c: an exchange's response, handed to libmicrohttpd to be sent; and the access log. */
#include "server.h"

#include <string.h>

/* The body stays the exchange's, which ends after it has been sent. For the answer to HEAD libmicrohttpd tells how long it is and
 * never looks at it. */
static struct MHD_Response *response_of(const struct footfall_web_response *from)
{
    union {
        const char *read;
        void *written;
    } body = { .read = from->body != NULL ? from->body : "" }; /* libmicrohttpd does not write there */
    return MHD_create_response_from_buffer(from->body_bytes, body.written, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_it(struct footfall_serve_connection *c, int status, struct MHD_Response *response,
                               int is_last)
{
    enum MHD_Result result = MHD_NO;
    if (is_last && MHD_add_response_header(response, "Connection", "close") != MHD_YES)
        return MHD_NO;
    c->request.step = FOOTFALL_SERVE_ANSWERED;
    footfall__serve_set_phase(c, FOOTFALL_SERVE_SENDING);
    result = MHD_queue_response(c->mhd, (unsigned)status, response);
    if (result == MHD_YES)
        c->request.status = status;
    return result;
}

enum MHD_Result footfall__serve_answer(struct footfall_serve_connection *c)
{
    const struct footfall_web_response *from = footfall__web_response(c->request.exchange);
    struct MHD_Response *response = from != NULL ? response_of(from) : NULL;
    enum MHD_Result result = MHD_YES;
    int is_last = c->request.too_large || c->request.is_malformed ||
                  atomic_load(&c->loop->server->mode) != (int)FOOTFALL_SERVE_OPEN;
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; result == MHD_YES && i < from->header_count; i++)
        result = MHD_add_response_header(response, from->headers[i].name, from->headers[i].value);
    if (result == MHD_YES)
        result = send_it(c, from->status, response, is_last);
    MHD_destroy_response(response); /* libmicrohttpd has its own hold on it */
    return result;
}

enum MHD_Result footfall__serve_answer_bare(struct footfall_serve_connection *c, int status)
{
    static char nothing[1];
    struct MHD_Response *response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = response != NULL ? send_it(c, status, response, 1) : MHD_NO;
    if (response != NULL)
        MHD_destroy_response(response);
    return result;
}

void footfall__serve_log_access(const struct footfall_serve_connection *c, int64_t took_us)
{
    const struct footfall_serve_request *r = &c->request;
    const char *path = r->exchange != NULL ? footfall__web_logged(r->exchange) : "?";
    footfall__serve_log(c->loop->server, FOOTFALL_LOG_INFO, "%.16s %s %d %lld us", r->asked.method, path, r->status,
                        (long long)took_us);
}
