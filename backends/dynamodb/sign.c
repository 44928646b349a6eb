/* sign.c: Signature Version 4 for a POST to "/" (client.h), over OpenSSL. What goes over the wire, and when, is the client's. */
#include "credentials.h"

#include "bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SERVICE "dynamodb"

enum { DIGEST = 32, HEX = 2 * DIGEST + 1, DAY_BYTES = 8, REGION_MAX = 63 };

void footfall__dynamodb_date(char out[DYNAMODB_DATE_BYTES], int64_t utc_ms)
{
    time_t seconds = (time_t)(utc_ms / 1000 - (utc_ms % 1000 < 0));
    struct tm t;
    if (gmtime_r(&seconds, &t) == NULL || strftime(out, DYNAMODB_DATE_BYTES, "%Y%m%dT%H%M%SZ", &t) == 0)
        out[0] = '\0'; /* a year of five digits: sign refuses it */
}

static int is_date(const char *date)
{
    for (int i = 0; i < DYNAMODB_DATE_BYTES - 1; i++)
        if (i == 8 ? date[i] != 'T' : i == 15 ? date[i] != 'Z' : date[i] < '0' || date[i] > '9')
            return 0;
    return date[DYNAMODB_DATE_BYTES - 1] == '\0';
}

/* Visible ASCII only: then no value ends its header, and none is changed by the trimming of blanks that the rules ask for. */
static int fits(const struct dynamodb_credentials *who, const struct dynamodb_signable *request)
{
    const char *const plain[] = { request->host, request->target, who->session_token };
    for (int i = 0; i < 3; i++)
        if (plain[i] != NULL && !footfall__dynamodb_is_plain(plain[i], SIZE_MAX))
            return 0;
    return footfall__dynamodb_is_plain(who->access_key_id, DYNAMODB_ID_BYTES) && who->secret_access_key[0] != '\0' &&
           footfall__dynamodb_is_plain(request->region, REGION_MAX) && is_date(request->date);
}

/* Hashes texts one after the other, NULL ends them: 0 or -1. */
static int digest(uint8_t out[DIGEST], const char *const *texts)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int fine = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    for (; fine && *texts != NULL; texts++)
        fine = EVP_DigestUpdate(hash, *texts, strlen(*texts)) == 1;
    fine = fine && EVP_DigestFinal_ex(hash, out, NULL) == 1;
    EVP_MD_CTX_free(hash); /* cleanses */
    return fine ? 0 : -1;
}

static int mac(uint8_t out[DIGEST], const void *key, size_t key_bytes, const char *text, size_t bytes)
{
    return HMAC(EVP_sha256(), key, (int)key_bytes, (const uint8_t *)text, bytes, out, NULL) != NULL ? 0 : -1;
}

static int derive(uint8_t out[DIGEST], const char *secret, const char *day, const char *region)
{
    static const char end[] = "aws4_request";
    char first[512] = "AWS4";
    size_t bytes = strlen(secret);
    int rc = -1;
    if (bytes <= sizeof first - 4) {
        memcpy(first + 4, secret, bytes);
        rc = mac(out, first, 4 + bytes, day, DAY_BYTES);
        rc = rc == 0 ? mac(out, out, DIGEST, region, strlen(region)) : rc;
        rc = rc == 0 ? mac(out, out, DIGEST, SERVICE, strlen(SERVICE)) : rc;
        rc = rc == 0 ? mac(out, out, DIGEST, end, strlen(end)) : rc;
    }
    OPENSSL_cleanse(first, sizeof first);
    return rc;
}

/* The day's key: the one that is kept when it was made from the same day, region and secret. */
static int renew(struct dynamodb_signer *signer, const char *secret, const char *day, const char *region)
{
    const char *const parts[] = { day, "/", region, "/", secret, NULL };
    uint8_t of[DIGEST];
    int rc = digest(of, parts);
    if (rc == 0 && (!signer->has_key || CRYPTO_memcmp(of, signer->of, sizeof of) != 0)) {
        rc = derive(signer->key, secret, day, region);
        memcpy(signer->of, of, sizeof of);
        signer->has_key = rc == 0;
    }
    OPENSSL_cleanse(of, sizeof of);
    return rc;
}

/* The digest of the canonical request, in hex. */
static int canonical(char out[HEX], const struct dynamodb_signable *request, const char *token, const char *headers)
{
    uint8_t hash[DIGEST];
    char body[HEX];
    const char *const parts[] = { "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:",
                                  request->host,
                                  "\nx-amz-date:",
                                  request->date,
                                  token != NULL ? "\nx-amz-security-token:" : "",
                                  token != NULL ? token : "",
                                  "\nx-amz-target:",
                                  request->target,
                                  "\n\n",
                                  headers,
                                  "\n",
                                  body,
                                  NULL };
    if (EVP_Digest(request->body, request->body_bytes, hash, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    footfall__hex(body, hash, sizeof hash);
    if (digest(hash, parts) != 0)
        return -1;
    footfall__hex(out, hash, sizeof hash);
    return 0;
}

int footfall__dynamodb_sign(char out[DYNAMODB_AUTHORIZATION_BYTES], struct dynamodb_signer *signer,
                            const struct dynamodb_credentials *credentials, const struct dynamodb_signable *request)
{
    const char *token = credentials->session_token;
    const char *headers = token != NULL ? "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
                                        : "content-type;host;x-amz-date;x-amz-target";
    char day[DAY_BYTES + 1];
    char hex[HEX];
    char text[256];
    char scope[128];
    uint8_t signature[DIGEST];
    int bytes;
    out[0] = '\0';
    if (!fits(credentials, request))
        return -1;
    (void)snprintf(day, sizeof day, "%.8s", request->date);
    (void)snprintf(scope, sizeof scope, "%s/%s/" SERVICE "/aws4_request", day, request->region);
    if (renew(signer, credentials->secret_access_key, day, request->region) != 0 ||
        canonical(hex, request, token, headers) != 0)
        return -1;
    bytes = snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->date, scope, hex);
    if (mac(signature, signer->key, sizeof signer->key, text, (size_t)bytes) != 0)
        return -1;
    footfall__hex(hex, signature, sizeof signature);
    (void)snprintf(out, DYNAMODB_AUTHORIZATION_BYTES,
                   "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", credentials->access_key_id,
                   scope, headers, hex);
    return 0;
}
