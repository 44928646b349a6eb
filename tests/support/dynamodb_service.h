/* dynamodb_service.h: an HTTP/1.1 server on 127.0.0.1 in the place of DynamoDB, that answers what a test's function says: a thread a
 * connection, many requests over each, plain or TLS. It keeps what it was asked, and misbehaves on demand. */
#ifndef SUPPORT_DYNAMODB_SERVICE_H
#define SUPPORT_DYNAMODB_SERVICE_H
#include <stddef.h>
#include <stdint.h>

struct support_service_request {
    const char *action; /* "GetItem"; "" when there is no X-Amz-Target */
    const char *head;   /* the request line and the headers */
    const char *body;   /* NUL-terminated */
    size_t body_bytes;
    int number, connection; /* from 0 */
};
enum support_service_way {
    SUPPORT_SERVICE_REPLY,
    SUPPORT_SERVICE_RAW,       /* the body is all that is said, then the end */
    SUPPORT_SERVICE_SILENT,    /* nothing, until the client goes */
    SUPPORT_SERVICE_HANG_UP,   /* the end */
    SUPPORT_SERVICE_TRUNCATED, /* a Content-Length of more than there is, then the end */
    SUPPORT_SERVICE_ENDLESS    /* the body in chunks, again and again */
};
enum support_service_crc { SUPPORT_SERVICE_CRC, SUPPORT_SERVICE_NO_CRC, SUPPORT_SERVICE_WRONG_CRC };
struct support_service_reply { /* zeros: 0, which becomes 200, with {} */
    enum support_service_way way;
    enum support_service_crc crc;
    int status;
    const char *headers; /* more lines, each with CRLF; or NULL */
    char *body;          /* freed by the server; NULL: {} */
    size_t body_bytes;   /* 0: its length as text */
    int64_t date_ms;     /* how far its Date is ahead of the host's clock */
    int delay_ms;        /* before anything is said */
};
/* Called from several threads, one at a time. */
typedef void support_service_answer(void *user, const struct support_service_request *request,
                                    struct support_service_reply *reply);

struct support_service;
/* ca_file: where to write the certificate that it shows; NULL: plain HTTP. */
struct support_service *support_service_start(support_service_answer *answer, void *user, const char *ca_file);
void support_service_stop(struct support_service *service); /* NULL is fine */
int support_service_port(const struct support_service *service);
const char *support_service_url(const struct support_service *service);
/* Since the start, or the last support_service_forget. */
int support_service_asked(struct support_service *service);
int support_service_connections(struct support_service *service); /* that got as far as a request or a handshake */
void support_service_forget(struct support_service *service);
/* The number-th of the first hundred, from 0; "" when there was none. Good until forgotten. */
const char *support_service_head(struct support_service *service, int number);
const char *support_service_body(struct support_service *service, int number);
#endif
