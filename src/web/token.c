/* token.c: the token of administration: read from its file, kept and compared as a SHA-256 (site.h). */
#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "settings.h"

enum { LEAST = 16, MOST = 1024, ROOM = MOST + 64 /* and what is blank after it */ };

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int digest_of(uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *token, size_t bytes)
{
    return EVP_Digest(token, bytes, digest, NULL, EVP_sha256(), NULL) == 1;
}

static int take(uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *text, size_t bytes, struct footfall_error *err)
{
    while (bytes > 0 && is_blank(text[bytes - 1]))
        bytes--;
    if (bytes < LEAST || bytes > MOST)
        return footfall__web_fail(err, FOOTFALL_CONFIG, "http.admin_token_file: a token has %d to %d bytes", LEAST,
                                  MOST);
    for (size_t i = 0; i < bytes; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return footfall__web_fail(err, FOOTFALL_CONFIG,
                                      "http.admin_token_file: a token has printable ASCII characters alone, no blanks");
    if (!digest_of(digest, text, bytes))
        return footfall__web_fail(err, FOOTFALL_NO_MEMORY, "no memory for the token of administration");
    return FOOTFALL_OK;
}

int footfall__web_token_read(uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *path, struct footfall_error *err)
{
    char text[ROOM];
    size_t bytes = 0;
    int failed = 0;
    int rc = FOOTFALL_OK;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return footfall__web_fail(err, FOOTFALL_CONFIG, "http.admin_token_file: cannot open %s: %s", path,
                                  strerror(errno));
    setvbuf(file, NULL, _IONBF, 0); /* no copy of it elsewhere */
    bytes = fread(text, 1, sizeof text, file);
    failed = ferror(file);
    fclose(file);
    if (failed)
        rc = footfall__web_fail(err, FOOTFALL_CONFIG, "http.admin_token_file: cannot read %s", path);
    else if (bytes == sizeof text)
        rc = footfall__web_fail(err, FOOTFALL_CONFIG, "http.admin_token_file: a token has %d to %d bytes", LEAST, MOST);
    else
        rc = take(digest, text, bytes, err);
    OPENSSL_cleanse(text, sizeof text);
    return rc;
}

int footfall__web_token_matches(const uint8_t digest[FOOTFALL__WEB_DIGEST_BYTES], const char *authorization)
{
    uint8_t shown[FOOTFALL__WEB_DIGEST_BYTES];
    size_t bytes = 0;
    if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
        return 0;
    authorization += 7;
    authorization += strspn(authorization, " ");
    bytes = strlen(authorization);
    while (bytes > 0 && is_blank(authorization[bytes - 1]))
        bytes--;
    return digest_of(shown, authorization, bytes) && CRYPTO_memcmp(shown, digest, sizeof shown) == 0;
}
