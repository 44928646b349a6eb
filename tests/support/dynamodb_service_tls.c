/* dynamodb_service_tls.c: see dynamodb_service_tls.h. */
#include "dynamodb_service_tls.h"

#include "folder.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALID_SECONDS = 86400 };

struct service_tls {
    SSL_CTX *context;
};

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = x != NULL ? X509_get_subject_name(x) : NULL;
    X509_EXTENSION *alternative = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_EXTENSION *basic = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    if (name == NULL || alternative == NULL || basic == NULL || X509_set_version(x, 2) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(x), -VALID_SECONDS) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(x), VALID_SECONDS) == NULL || X509_set_pubkey(x, key) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mock", -1, -1, 0) != 1 ||
        X509_set_issuer_name(x, name) != 1 || X509_add_ext(x, alternative, -1) != 1 ||
        X509_add_ext(x, basic, -1) != 1 || X509_sign(x, key, EVP_sha256()) == 0)
        support_die("certificate");
    X509_EXTENSION_free(alternative);
    X509_EXTENSION_free(basic);
    return x;
}

struct service_tls *service_tls_new(const char *ca_file)
{
    struct service_tls *tls = calloc(1, sizeof *tls);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key != NULL ? make_certificate(key) : NULL;
    FILE *file = fopen(ca_file, "we");
    if (tls == NULL || x == NULL || file == NULL || PEM_write_X509(file, x) != 1 || fclose(file) != 0)
        support_die("certificate");
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context == NULL || SSL_CTX_use_certificate(tls->context, x) != 1 ||
        SSL_CTX_use_PrivateKey(tls->context, key) != 1)
        support_die("TLS");
    X509_free(x);
    EVP_PKEY_free(key);
    return tls;
}

void service_tls_free(struct service_tls *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->context);
    free(tls);
}

void *service_tls_accept(struct service_tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        support_die("TLS");
    SSL_set_accept_state(ssl);
    return ssl;
}

static int wanted(const SSL *ssl, int rc)
{
    int error = SSL_get_error(ssl, rc);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ ? 1 : error == SSL_ERROR_WANT_WRITE ? 2 : 0;
}

int service_tls_handshake(void *ssl, int *want)
{
    int rc = SSL_do_handshake(ssl);
    *want = rc == 1 ? 0 : wanted(ssl, rc);
    return rc;
}

ssize_t service_tls_read(void *ssl, void *to, size_t bytes, int *want)
{
    int rc = SSL_read(ssl, to, (int)bytes);
    *want = rc > 0 ? 0 : wanted(ssl, rc);
    return rc;
}

ssize_t service_tls_write(void *ssl, const void *from, size_t bytes, int *want)
{
    int rc = SSL_write(ssl, from, (int)bytes);
    *want = rc > 0 ? 0 : wanted(ssl, rc);
    return rc;
}

void service_tls_end(void *ssl)
{
    SSL_free(ssl);
}
