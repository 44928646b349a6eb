/* dynamodb_service_tls.h: the server's side of TLS on a nonblocking socket, with a certificate for 127.0.0.1 made on the spot. */
#ifndef SUPPORT_DYNAMODB_SERVICE_TLS_H
#define SUPPORT_DYNAMODB_SERVICE_TLS_H
#include <stddef.h>
#include <sys/types.h>

struct service_tls;
struct service_tls *service_tls_new(const char *ca_file); /* writes the certificate there */
void service_tls_free(struct service_tls *tls);
void *service_tls_accept(struct service_tls *tls, int fd);
/* 1, or 0 and less with *want: 1 to read, 2 to write, 0: it is over. */
int service_tls_handshake(void *ssl, int *want);
ssize_t service_tls_read(void *ssl, void *to, size_t bytes, int *want);
ssize_t service_tls_write(void *ssl, const void *from, size_t bytes, int *want);
void service_tls_end(void *ssl);
#endif
