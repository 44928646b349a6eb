/* container.c: credentials from the endpoint that a container's environment names (credentials.h): ECS, EKS Pod Identity,
 * CloudShell. Whom the environment may name is decided here: a token is shown to that host. HTTP is metadata.c's. */
#include "credentials.h"

#include "alloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ECS_HOST "169.254.170.2"
#define EKS_HOST "169.254.170.23"
#define EKS_HOST_V6 "fd00:ec2::23"
#define HEADER "Authorization: "

static int refuse(const struct dynamodb_sources *from, const char *what, struct footfall_store_call *call)
{
    int which = from->env[DYNAMODB_RELATIVE_URI] != NULL ? DYNAMODB_RELATIVE_URI : DYNAMODB_FULL_URI;
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s: %s", footfall__dynamodb_variables[which], what);
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

static int is_address(int family, const void *binary, const char *text)
{
    unsigned char other[sizeof(struct in6_addr)];
    return inet_pton(family, text, other) == 1 &&
           memcmp(binary, other, family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr)) == 0;
}

/* A host as curl has read it. libcurl answers "localhost" by itself, without a resolver (since 7.78). */
static int may_be_asked(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char bare[INET6_ADDRSTRLEN] = "";
    size_t bytes = strlen(host);
    if (strcasecmp(host, "localhost") == 0)
        return 1;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127 || is_address(AF_INET, &v4, ECS_HOST) ||
               is_address(AF_INET, &v4, EKS_HOST);
    if (host[0] != '[' || bytes < 2 || bytes - 2 >= sizeof bare)
        return 0;
    memcpy(bare, host + 1, bytes - 2);
    return inet_pton(AF_INET6, bare, &v6) == 1 && (IN6_IS_ADDR_LOOPBACK(&v6) || is_address(AF_INET6, &v6, EKS_HOST_V6));
}

/* curl makes an address of 2130706433, 127.1 and 0x7f.0.0.1, and takes the zone off one; that the host stands in the text as it was
 * read excludes these. */
static int is_as_written(const char *url, const char *host)
{
    const char *at = strstr(url, "//");
    return at != NULL && strncasecmp(at + 2, host, strlen(host)) == 0;
}

/* NULL, or why not; "" is no memory. */
static const char *judge(CURLU *parts, const char *url)
{
    char *scheme = NULL;
    char *host = NULL;
    const char *why = NULL;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        why = "";
    else if (code == CURLUE_USER_NOT_ALLOWED)
        why = "a URL with a user is refused";
    else if (code != CURLUE_OK)
        why = "is no URL";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        why = "is no http or https URL";
    else if (strcmp(scheme, "http") == 0 && (!may_be_asked(host) || !is_as_written(url, host)))
        why = "over http only loopback, " ECS_HOST ", " EKS_HOST " and [" EKS_HOST_V6 "] are asked";
    curl_free(scheme);
    curl_free(host);
    return why;
}

int footfall__dynamodb_container_url(char **out, const struct dynamodb_sources *from, struct footfall_store_call *call)
{
    enum { ROOM = 2048 };
    const char *relative = from->env[DYNAMODB_RELATIVE_URI];
    const char *given = relative != NULL ? relative : from->env[DYNAMODB_FULL_URI];
    char url[ROOM + sizeof ECS_HOST + 8];
    CURLU *parts = NULL;
    const char *why = NULL;
    *out = NULL;
    if (given == NULL)
        return 0;
    if (!footfall__dynamodb_is_plain(given, ROOM))
        return refuse(from, "is too long, or holds a space or a control character", call);
    if (relative != NULL && relative[0] != '/')
        return refuse(from, "does not begin with '/'", call);
    (void)snprintf(url, sizeof url, "%s%s", relative != NULL ? "http://" ECS_HOST : "", given);
    parts = footfall__dynamodb_curl() == 0 ? curl_url() : NULL;
    why = parts != NULL ? judge(parts, url) : "";
    curl_url_cleanup(parts);
    if (why != NULL && why[0] != '\0')
        return refuse(from, why, call);
    if (why == NULL)
        *out = footfall__strndup(url, strlen(url));
    return *out != NULL ? 0 : footfall__dynamodb_no_memory(call);
}

/* ---- with what --------------------------------------------------------------------------------------------------- */

/* "Authorization: TOKEN", allocated; NULL: no token is set. A file is read each time: tokens in it are short-lived. */
static int make_header(char **out, const struct dynamodb_sources *from, struct footfall_store_call *call)
{
    const char *path = from->env[DYNAMODB_TOKEN_FILE];
    const char *token = from->env[DYNAMODB_TOKEN];
    const char *name = footfall__dynamodb_variables[path != NULL ? DYNAMODB_TOKEN_FILE : DYNAMODB_TOKEN];
    char why[80];
    char *text = NULL;
    size_t bytes = 0;
    int rc = 0;
    int number = path != NULL ? footfall__dynamodb_file_read(&text, &bytes, path, DYNAMODB_TOKEN_BYTES) : 0;
    *out = NULL;
    if (number == ENOMEM)
        return footfall__dynamodb_no_memory(call);
    if (number != 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s: %s cannot be read: %s", name,
                                        footfall__dynamodb_path_end(path), strerror_r(number, why, sizeof why));
    if (path != NULL) {
        size_t end = bytes;
        while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r'))
            text[--end] = '\0';
        token = strlen(text) == end ? text : "";
    }
    if (token != NULL && !footfall__dynamodb_is_plain(token, DYNAMODB_TOKEN_BYTES))
        rc =
            footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                     "%s: the token is empty, too long, or holds a space or a control character", name);
    if (rc == 0 && token != NULL) {
        size_t length = sizeof HEADER + strlen(token);
        *out = footfall__malloc(length);
        if (*out != NULL)
            (void)snprintf(*out, length, HEADER "%s", token);
        else
            rc = footfall__dynamodb_no_memory(call);
    }
    footfall__dynamodb_cleanse_bytes(text, bytes);
    return rc;
}

int footfall__dynamodb_container(struct dynamodb_credentials *out, const struct dynamodb_sources *from, int64_t now_ms,
                                 struct footfall_store_call *call)
{
    struct dynamodb_metadata metadata = { .what = "the container's credentials endpoint" };
    char *url = NULL;
    char *header = NULL;
    int rc = footfall__dynamodb_container_url(&url, from, call);
    memset(out, 0, sizeof *out);
    if (rc != 0 || url == NULL)
        return rc;
    rc = make_header(&header, from, call);
    metadata.header = header;
    if (rc == 0)
        rc = footfall__dynamodb_metadata(&metadata, url, call);
    if (rc == 0 && metadata.status != 200)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: HTTP status %ld", metadata.what,
                                      metadata.status);
    if (rc == 0)
        rc = footfall__dynamodb_metadata_parse(out, &metadata, 1, now_ms, call);
    footfall__dynamodb_metadata_drop(&metadata);
    footfall__dynamodb_cleanse(header);
    footfall__free(url);
    return rc;
}
