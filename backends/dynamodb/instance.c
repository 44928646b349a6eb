/* instance.c: the credentials of an EC2 instance's role, from its metadata service, version 2 only (credentials.h): a session token
 * first, then the role's name, then its keys. HTTP is metadata.c's. */
#include "credentials.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN_HEADER "X-aws-ec2-metadata-token: "

enum { URL_BYTES = 512, TOKEN_MAX = 1024, ROLE_MAX = 64 };

struct instance {
    const char *endpoint;
    size_t endpoint_bytes; /* without a slash at its end */
    char header[sizeof TOKEN_HEADER + TOKEN_MAX];
    char role[ROLE_MAX + 1];
};

static const char what[] = "instance metadata";

static int refused(const char *asked, long status, struct footfall_store_call *call)
{
    return footfall__dynamodb_fault(call, status == 401 ? FOOTFALL_STORE_TEMPORARY : FOOTFALL_STORE_BROKEN,
                                    "%s: %s: HTTP status %ld", what, asked, status);
}

static int ask(struct dynamodb_metadata *metadata, const struct instance *instance, const char *path, const char *role,
               struct footfall_store_call *call)
{
    char url[URL_BYTES];
    (void)snprintf(url, sizeof url, "%.*s%s%s", (int)instance->endpoint_bytes, instance->endpoint, path, role);
    metadata->what = what;
    return footfall__dynamodb_metadata(metadata, url, call);
}

/* The reply as one line of visible characters. */
static int is_line(struct dynamodb_metadata *metadata, size_t max_bytes)
{
    size_t bytes = metadata->reply_bytes;
    while (bytes > 0 && (metadata->reply[bytes - 1] == '\n' || metadata->reply[bytes - 1] == '\r'))
        metadata->reply[--bytes] = '\0';
    return strlen(metadata->reply) == bytes && footfall__dynamodb_is_plain(metadata->reply, max_bytes);
}

static int get_token(struct instance *instance, int *unreachable, struct footfall_store_call *call)
{
    struct dynamodb_metadata metadata = { .method = "PUT", .header = "X-aws-ec2-metadata-token-ttl-seconds: 300" };
    int rc = ask(&metadata, instance, "/latest/api/token", "", call);
    *unreachable = metadata.unreachable;
    if (rc == 0 && metadata.status != 200)
        rc = refused("it gives no token", metadata.status, call);
    else if (rc == 0 && !is_line(&metadata, TOKEN_MAX))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: the answer is no token", what);
    if (rc == 0)
        (void)snprintf(instance->header, sizeof instance->header, TOKEN_HEADER "%s", metadata.reply);
    footfall__dynamodb_metadata_drop(&metadata);
    return rc;
}

static int get_role(struct instance *instance, struct footfall_store_call *call)
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-";
    struct dynamodb_metadata metadata = { .header = instance->header };
    int rc = ask(&metadata, instance, ROLES, "", call);
    if (rc == 0 && (metadata.status == 404 || (metadata.status == 200 && metadata.reply_bytes == 0)))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s: the instance has no role", what);
    else if (rc == 0 && metadata.status != 200)
        rc = refused("the role", metadata.status, call);
    else if (rc == 0 && (!is_line(&metadata, ROLE_MAX) || metadata.reply[strspn(metadata.reply, fine)] != '\0'))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "%s: the answer is not the name of one role",
                                      what);
    if (rc == 0)
        (void)snprintf(instance->role, sizeof instance->role, "%s", metadata.reply);
    footfall__dynamodb_metadata_drop(&metadata);
    return rc;
}

static int get_credentials(struct dynamodb_credentials *out, const struct instance *instance, int64_t now_ms,
                           struct footfall_store_call *call)
{
    struct dynamodb_metadata metadata = { .header = instance->header };
    int rc = ask(&metadata, instance, ROLES, instance->role, call);
    if (rc == 0 && metadata.status != 200)
        rc = refused("the role's credentials", metadata.status, call);
    if (rc == 0)
        rc = footfall__dynamodb_metadata_parse(out, &metadata, 0, now_ms, call);
    footfall__dynamodb_metadata_drop(&metadata);
    return rc;
}

static int find(struct instance *instance, const struct dynamodb_sources *from, struct footfall_store_call *call)
{
    const char *mode = from->env[DYNAMODB_METADATA_MODE];
    const char *named = from->env[DYNAMODB_METADATA_ENDPOINT];
    if (named != NULL)
        instance->endpoint = named;
    else
        instance->endpoint =
            mode != NULL && strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    instance->endpoint_bytes = strlen(instance->endpoint);
    while (instance->endpoint_bytes > 0 && instance->endpoint[instance->endpoint_bytes - 1] == '/')
        instance->endpoint_bytes--;
    if (!footfall__dynamodb_is_plain(instance->endpoint, URL_BYTES - sizeof ROLES - ROLE_MAX) ||
        (strncmp(instance->endpoint, "http://", 7) != 0 && strncmp(instance->endpoint, "https://", 8) != 0) ||
        strpbrk(instance->endpoint, "?#@") != NULL)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s: is no URL as http://HOST[:PORT]",
                                        footfall__dynamodb_variables[DYNAMODB_METADATA_ENDPOINT]);
    return 0;
}

int footfall__dynamodb_instance(struct dynamodb_credentials *out, struct dynamodb_sources *from, int64_t now_ms,
                                struct footfall_store_call *call)
{
    const char *disabled = from->env[DYNAMODB_METADATA_DISABLED];
    struct footfall_store_call own = *call;
    char text[256] = "";
    struct instance instance = { 0 };
    int unreachable = 0;
    int rc = 0;
    memset(out, 0, sizeof *out);
    if (disabled != NULL && strcasecmp(disabled, "true") == 0)
        return 0;
    own.text = text;
    own.text_bytes = sizeof text;
    rc = find(&instance, from, &own);
    if (rc == 0)
        rc = get_token(&instance, &unreachable, &own);
    if (rc == 0)
        rc = get_role(&instance, &own);
    if (rc == 0)
        rc = get_credentials(out, &instance, now_ms, &own);
    OPENSSL_cleanse(instance.header, sizeof instance.header);
    if (rc == 0)
        from->on_instance = 1;
    /* nobody there, there never was, and nobody said so: this is no instance */
    if (rc == FOOTFALL_STORE_TEMPORARY && unreachable && !from->on_instance &&
        from->env[DYNAMODB_METADATA_ENDPOINT] == NULL)
        return 0;
    return rc == 0 ? 0 : footfall__dynamodb_fault(call, rc, "%s", text);
}
