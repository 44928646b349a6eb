/* url.c: redis.url into an address: redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], rediss:// the same with TLS,
 * unix://[USER[:PASSWORD]@]/PATH[?db=DATABASE]. User and password are percent-decoded. No text ever shows the URL: it may hold a
 * password. */
#include "redis.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { PASSWORD_BYTES = 4096, DATABASE_MAX = 65535 };

static int wrong(struct footfall_store_call *call, const char *what)
{
    return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.url: %s", what);
}

static void cleanse(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    footfall__free(text);
}

void footfall__redis_address_free(struct redis_address *address)
{
    cleanse(address->user);
    cleanse(address->password);
    footfall__free(address->host);
    footfall__free(address->path);
    footfall__free(address->ca_file);
    footfall__redis_tls_forget(address);
    memset(address, 0, sizeof(*address));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A decoded copy: 0, CONFIG or NO_MEMORY. */
static int decode(char **out, const char *from, size_t bytes, struct footfall_store_call *call)
{
    size_t end = 0;
    char *text = footfall__strndup(from, bytes);
    if (text == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    *out = text;
    for (size_t i = 0; i < bytes; i++) {
        char c = from[i];
        if (c == '%') {
            int high = i + 2 < bytes ? hex_digit(from[i + 1]) : -1;
            int low = i + 2 < bytes ? hex_digit(from[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return wrong(call, "a '%' in user, password or path is not followed by two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        }
        text[end++] = c;
    }
    OPENSSL_cleanse(text + end, bytes - end);
    text[end] = '\0';
    return 0;
}

static int take_credentials(struct redis_address *out, const char *from, size_t bytes, struct footfall_store_call *call)
{
    const char *colon = memchr(from, ':', bytes);
    size_t user_bytes = colon != NULL ? (size_t)(colon - from) : bytes;
    int rc = 0;
    if (user_bytes > 0)
        rc = decode(&out->user, from, user_bytes, call);
    if (rc == 0 && colon != NULL)
        rc = decode(&out->password, colon + 1, bytes - user_bytes - 1, call);
    return rc;
}

static int take_database(struct redis_address *out, const char *digits, struct footfall_store_call *call)
{
    int64_t number = 0;
    if (digits[0] == '\0')
        return 0;
    if (footfall__redis_parse(digits, strlen(digits), &number) != 0 || number < 0 || number > DATABASE_MAX)
        return wrong(call, "the database is not a number from 0 to 65535");
    out->database = (int)number;
    return 0;
}

static int take_port(struct redis_address *out, const char *digits, size_t bytes, struct footfall_store_call *call)
{
    int64_t number = 0;
    if (footfall__redis_parse(digits, bytes, &number) != 0 || number < 1 || number > 65535)
        return wrong(call, "the port is not a number from 1 to 65535");
    (void)snprintf(out->port, sizeof(out->port), "%d", (int)number);
    return 0;
}

/* HOST[:PORT][/DATABASE] */
static int take_host(struct redis_address *out, const char *from, struct footfall_store_call *call)
{
    size_t bytes = strcspn(from, "/?#");
    const char *rest = from + bytes;
    const char *host = from;
    const char *port = NULL;
    size_t host_bytes = 0;
    int rc = 0;
    if (rest[0] == '?' || rest[0] == '#' || strpbrk(rest, "?#") != NULL)
        return wrong(call, "has parts after the database that are not known");
    if (from[0] == '[') {
        const char *end = memchr(from, ']', bytes);
        if (end == NULL)
            return wrong(call, "a '[' without ']'");
        host = from + 1;
        host_bytes = (size_t)(end - host);
        port = end + 1 < from + bytes ? end + 1 : NULL;
        if (port != NULL && *port != ':')
            return wrong(call, "nothing but a port may follow ']'");
    } else {
        port = memchr(from, ':', bytes);
        host_bytes = port != NULL ? (size_t)(port - from) : bytes;
    }
    if (host_bytes == 0 || host_bytes > 253 || memchr(host, ' ', host_bytes) != NULL)
        return wrong(call, "has no host");
    out->host = footfall__strndup(host, host_bytes);
    if (out->host == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    (void)snprintf(out->port, sizeof(out->port), "6379");
    if (port != NULL)
        rc = take_port(out, port + 1, (size_t)(from + bytes - port - 1), call);
    return rc == 0 && rest[0] == '/' ? take_database(out, rest + 1, call) : rc;
}

/* /PATH[?db=DATABASE] */
static int take_path(struct redis_address *out, const char *from, struct footfall_store_call *call)
{
    size_t bytes = strcspn(from, "?");
    int rc = 0;
    if (from[0] != '/')
        return wrong(call, "unix:// wants an absolute path, as unix:///run/redis/redis.sock");
    rc = decode(&out->path, from, bytes, call);
    if (rc != 0)
        return rc;
    if (strlen(out->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return wrong(call, "the path of the socket is too long (107 bytes)");
    if (from[bytes] == '\0')
        return 0;
    if (strncmp(from + bytes, "?db=", 4) != 0)
        return wrong(call, "after the path only ?db=NUMBER is known");
    return take_database(out, from + bytes + 4, call);
}

int footfall__redis_url(struct redis_address *out, const char *url, struct footfall_store_call *call)
{
    static const char *const schemes[] = { "redis://", "rediss://", "unix://" };
    const char *rest = NULL;
    const char *at = NULL;
    size_t scheme = 0;
    int rc = 0;
    memset(out, 0, sizeof(*out));
    while (scheme < 3 && strncmp(url, schemes[scheme], strlen(schemes[scheme])) != 0)
        scheme++;
    if (scheme == 3)
        return wrong(call, "begins with none of redis://, rediss://, unix://");
    rest = url + strlen(schemes[scheme]);
    out->tls = scheme == 1;
    for (const char *p = rest; *p != '\0' && *p != '/' && *p != '?'; p++)
        if (*p == '@')
            at = p;
    if (at != NULL) {
        rc = take_credentials(out, rest, (size_t)(at - rest), call);
        rest = at + 1;
    }
    if (rc != 0)
        return rc;
    return scheme == 2 ? take_path(out, rest, call) : take_host(out, rest, call);
}

int footfall__redis_password_file(struct redis_address *address, const char *path, struct footfall_store_call *call)
{
    char text[PASSWORD_BYTES];
    size_t bytes = 0;
    int rc = 0;
    FILE *file = NULL;
    if (path == NULL && address->user != NULL && address->password == NULL)
        return wrong(call, "has a user and no password, and there is no redis.password_file");
    if (path == NULL)
        return 0;
    if (address->password != NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG,
                                     "redis.password_file: redis.url holds a password already");
    file = fopen(path, "re");
    if (file == NULL)
        return footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.password_file: cannot read %s", path);
    setbuf(file, NULL);
    bytes = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
        bytes--;
    if (bytes == 0 || bytes == sizeof(text) || memchr(text, '\0', bytes) != NULL || memchr(text, '\n', bytes) != NULL)
        rc = footfall__redis_fault(call, FOOTFALL_STORE_CONFIG, "redis.password_file: %s does not hold one line", path);
    else if ((address->password = footfall__strndup(text, bytes)) == NULL)
        rc = footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    OPENSSL_cleanse(text, sizeof(text));
    return rc;
}
