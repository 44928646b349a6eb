/* tls.c: TLS over a non-blocking socket, by OpenSSL: the server's certificate and the name it stands for are checked, always. */
#include "redis.h"

#include "alloc.h"

#include <errno.h>
#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

struct redis_tls {
    SSL *session;
};

static int failed(struct footfall_store_call *call, int status, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return footfall__redis_fault(call, status, "%s%s%s", what, reason != NULL ? ": " : "",
                                 reason != NULL ? reason : "");
}

static int make_context(struct redis_address *address, struct footfall_store_call *call)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int rc = 0;
    if (context == NULL)
        return failed(call, FOOTFALL_STORE_NO_MEMORY, "TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (address->ca_file == NULL && SSL_CTX_set_default_verify_paths(context) != 1)
        rc = failed(call, FOOTFALL_STORE_BROKEN, "the system's certificates cannot be read");
    if (address->ca_file != NULL && SSL_CTX_load_verify_locations(context, address->ca_file, NULL) != 1)
        rc = failed(call, FOOTFALL_STORE_BROKEN, "redis.ca_file cannot be read");
    if (rc == 0)
        address->tls_context = context;
    else
        SSL_CTX_free(context);
    return rc;
}

void footfall__redis_tls_forget(struct redis_address *address)
{
    SSL_CTX_free(address->tls_context);
    address->tls_context = NULL;
}

/* A socket BIO whose writes raise no SIGPIPE: a library may not end its program because a server went away. */
static BIO_METHOD *quiet_socket;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int send_quietly(BIO *bio, const char *from, int bytes)
{
    int fd = (int)BIO_get_fd(bio, NULL);
    ssize_t gone = send(fd, from, (size_t)bytes, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (gone < 0 && BIO_sock_should_retry((int)gone))
        BIO_set_retry_write(bio);
    return (int)gone;
}

static void make_quiet_socket(void)
{
    const BIO_METHOD *plain = BIO_s_socket();
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "socket without SIGPIPE");
    if (method == NULL)
        return;
    BIO_meth_set_write(method, send_quietly);
    BIO_meth_set_read(method, BIO_meth_get_read(plain));
    BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(plain));
    BIO_meth_set_create(method, BIO_meth_get_create(plain));
    BIO_meth_set_destroy(method, BIO_meth_get_destroy(plain));
    quiet_socket = method;
}

static int attach(SSL *session, int fd)
{
    BIO *bio = NULL;
    (void)pthread_once(&once, make_quiet_socket);
    if (quiet_socket == NULL || (bio = BIO_new(quiet_socket)) == NULL)
        return -1;
    (void)BIO_set_fd(bio, fd, BIO_NOCLOSE);
    SSL_set_bio(session, bio, bio);
    return 0;
}

static int make_session(struct redis_tls *tls, int fd, const struct redis_address *address,
                        struct footfall_store_call *call)
{
    unsigned char binary[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *checks = NULL;
    int is_address = 0;
    tls->session = SSL_new(address->tls_context);
    if (tls->session == NULL || attach(tls->session, fd) != 0)
        return failed(call, FOOTFALL_STORE_NO_MEMORY, "TLS");
    checks = SSL_get0_param(tls->session);
    is_address = inet_pton(AF_INET, address->host, binary) == 1 || inet_pton(AF_INET6, address->host, binary) == 1;
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address ? X509_VERIFY_PARAM_set1_ip_asc(checks, address->host) != 1
                   : X509_VERIFY_PARAM_set1_host(checks, address->host, 0) != 1 ||
                         SSL_set_tlsext_host_name(tls->session, address->host) != 1)
        return failed(call, FOOTFALL_STORE_BROKEN, "the host in redis.url cannot be checked");
    return 0;
}

static short wanted(const struct redis_tls *tls, int result)
{
    int error = SSL_get_error(tls->session, result);
    return error == SSL_ERROR_WANT_READ ? POLLIN : error == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

static int shake_hands(const struct redis_tls *tls, int fd, struct footfall_store_call *call)
{
    for (;;) {
        int result = 0;
        short events = 0;
        long verified = 0;
        ERR_clear_error();
        result = SSL_connect(tls->session);
        if (result == 1)
            return 0;
        events = wanted(tls, result);
        verified = SSL_get_verify_result(tls->session);
        if (events == 0 && verified != X509_V_OK) {
            ERR_clear_error();
            return footfall__redis_fault(call, FOOTFALL_STORE_BROKEN, "the certificate of Redis is not accepted: %s",
                                         X509_verify_cert_error_string(verified));
        }
        if (events == 0)
            return failed(call, FOOTFALL_STORE_TEMPORARY, "no TLS with Redis");
        if (!footfall__redis_wait(fd, events, call->deadline_ms))
            return footfall__redis_fault(call, FOOTFALL_STORE_TEMPORARY, "Redis did not answer in time (TLS)");
    }
}

int footfall__redis_tls_start(struct redis_tls **out, int fd, struct redis_address *address,
                              struct footfall_store_call *call)
{
    struct redis_tls *tls = footfall__calloc(1, sizeof(*tls));
    int rc = 0;
    *out = NULL;
    if (tls == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    if (address->tls_context == NULL)
        rc = make_context(address, call);
    if (rc == 0)
        rc = make_session(tls, fd, address, call);
    if (rc == 0)
        rc = shake_hands(tls, fd, call);
    if (rc != 0)
        footfall__redis_tls_end(tls);
    else
        *out = tls;
    return rc;
}

void footfall__redis_tls_end(struct redis_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->session);
    footfall__free(tls);
}

/* What SSL_read and SSL_write came to, as recv and send tell it. */
static long outcome(const struct redis_tls *tls, int result, short *wait)
{
    short events = 0;
    if (result > 0)
        return result;
    if (SSL_get_error(tls->session, result) == SSL_ERROR_ZERO_RETURN)
        return 0;
    events = wanted(tls, result);
    ERR_clear_error();
    errno = events != 0 ? EAGAIN : ECONNRESET;
    *wait |= events;
    return -1;
}

static int piece(size_t bytes)
{
    return bytes < INT_MAX ? (int)bytes : INT_MAX;
}

long footfall__redis_tls_read(struct redis_tls *tls, void *out, size_t bytes, short *wait)
{
    ERR_clear_error();
    return outcome(tls, SSL_read(tls->session, out, piece(bytes)), wait);
}

long footfall__redis_tls_write(struct redis_tls *tls, const void *from, size_t bytes, short *wait)
{
    long gone = 0;
    ERR_clear_error();
    gone = outcome(tls, SSL_write(tls->session, from, piece(bytes)), wait);
    if (gone == 0) {
        errno = ECONNRESET;
        return -1;
    }
    return gone;
}

int footfall__redis_tls_pending(const struct redis_tls *tls)
{
    return SSL_pending(tls->session) > 0;
}
