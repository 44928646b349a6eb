/* credentials.c: the chain of sources of credentials (client.h): who is asked in which order, what is kept, and when it is renewed.
 * The sources themselves are files.c, container.c and instance.c (credentials.h). */
#include "credentials.h"

#include "alloc.h"
#include "clock.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY_MS = 5 * 60 * 1000, PAUSE_MS = 60 * 1000, REGION_BYTES = 63 };

const char *const footfall__dynamodb_variables[DYNAMODB_VARIABLES] = {
    [DYNAMODB_ACCESS_KEY_ID] = "AWS_ACCESS_KEY_ID",
    [DYNAMODB_SECRET_ACCESS_KEY] = "AWS_SECRET_ACCESS_KEY",
    [DYNAMODB_SESSION_TOKEN] = "AWS_SESSION_TOKEN",
    [DYNAMODB_REGION] = "AWS_REGION",
    [DYNAMODB_DEFAULT_REGION] = "AWS_DEFAULT_REGION",
    [DYNAMODB_PROFILE] = "AWS_PROFILE",
    [DYNAMODB_CREDENTIALS_FILE] = "AWS_SHARED_CREDENTIALS_FILE",
    [DYNAMODB_CONFIG_FILE] = "AWS_CONFIG_FILE",
    [DYNAMODB_HOME] = "HOME",
    [DYNAMODB_WEB_IDENTITY] = "AWS_WEB_IDENTITY_TOKEN_FILE",
    [DYNAMODB_RELATIVE_URI] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    [DYNAMODB_FULL_URI] = "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    [DYNAMODB_TOKEN] = "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    [DYNAMODB_TOKEN_FILE] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    [DYNAMODB_METADATA_DISABLED] = "AWS_EC2_METADATA_DISABLED",
    [DYNAMODB_METADATA_ENDPOINT] = "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    [DYNAMODB_METADATA_MODE] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
};

struct dynamodb_chain {
    struct dynamodb_sources from;
    struct dynamodb_credentials now; /* in force; access_key_id NULL: none */
    int refused;                     /* by the service */
    int64_t again_ms;                /* BOOTTIME: no renewal before, while they are good: the last one did not help */
    char *region;
};

/* ---- texts ------------------------------------------------------------------------------------------------------- */

void footfall__dynamodb_cleanse(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    footfall__free(text);
}

void footfall__dynamodb_drop(struct dynamodb_credentials *credentials)
{
    footfall__dynamodb_cleanse(credentials->access_key_id);
    footfall__dynamodb_cleanse(credentials->secret_access_key);
    footfall__dynamodb_cleanse(credentials->session_token);
    memset(credentials, 0, sizeof *credentials);
}

int footfall__dynamodb_is_plain(const char *text, size_t max_bytes)
{
    size_t bytes = 0;
    for (; text[bytes] != '\0'; bytes++)
        if (bytes == max_bytes || text[bytes] <= 0x20 || text[bytes] >= 0x7f)
            return 0;
    return bytes > 0;
}

int footfall__dynamodb_take(struct dynamodb_credentials *out, const char *const texts[3], const char *const names[3],
                            int status, const char *where, struct footfall_store_call *call)
{
    static const size_t max_bytes[] = { DYNAMODB_ID_BYTES, DYNAMODB_SECRET_BYTES, DYNAMODB_TOKEN_BYTES };
    char **slots[] = { &out->access_key_id, &out->secret_access_key, &out->session_token };
    memset(out, 0, sizeof *out);
    if (texts[0] == NULL && texts[1] == NULL)
        return 0;
    if (texts[0] == NULL || texts[1] == NULL)
        return footfall__dynamodb_fault(call, status, "%s%s is not set, but %s is", where, names[texts[0] != NULL],
                                        names[texts[0] == NULL]);
    for (int i = 0; i < 3; i++)
        if (texts[i] != NULL &&
            (!footfall__dynamodb_is_plain(texts[i], max_bytes[i]) || (i == 0 && strpbrk(texts[i], "/,") != NULL)))
            return footfall__dynamodb_fault(
                call, status, "%s%s is empty, too long, or holds a character that is not allowed", where, names[i]);
    for (int i = 0; i < 3; i++) {
        if (texts[i] == NULL)
            continue;
        *slots[i] = footfall__strndup(texts[i], strlen(texts[i]));
        if (*slots[i] == NULL) {
            footfall__dynamodb_drop(out);
            return footfall__dynamodb_no_memory(call);
        }
    }
    out->expires_ms = INT64_MAX;
    return 0;
}

/* ---- the chain --------------------------------------------------------------------------------------------------- */

static int from_settings(struct dynamodb_credentials *out, const struct dynamodb_sources *from,
                         struct footfall_store_call *call)
{
    static const char *const names[] = { "dynamodb.access_key_id", "dynamodb.secret_access_key",
                                         "dynamodb.session_token" };
    const char *const texts[] = { from->access_key_id, from->secret_access_key, from->session_token };
    if (texts[2] != NULL && texts[0] == NULL && texts[1] == NULL)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG, "%s is not set, but %s is", names[0], names[2]);
    return footfall__dynamodb_take(out, texts, names, FOOTFALL_STORE_CONFIG, "", call);
}

/* A profile that the configuration names goes before the environment, as --profile does in the AWS CLI. */
static int from_environment(struct dynamodb_credentials *out, const struct dynamodb_sources *from, int status,
                            struct footfall_store_call *call)
{
    const char *const texts[] = { from->env[DYNAMODB_ACCESS_KEY_ID], from->env[DYNAMODB_SECRET_ACCESS_KEY],
                                  from->env[DYNAMODB_SESSION_TOKEN] };
    memset(out, 0, sizeof *out);
    if (from->profile != NULL)
        return 0;
    return footfall__dynamodb_take(out, texts, footfall__dynamodb_variables, status, "", call);
}

static int find(struct dynamodb_credentials *out, struct dynamodb_sources *from, int64_t now_ms,
                struct footfall_store_call *call)
{
    int rc = from_settings(out, from, call);
    if (rc == 0 && out->access_key_id == NULL)
        rc = from_environment(out, from, FOOTFALL_STORE_BROKEN, call);
    if (rc == 0 && out->access_key_id == NULL && from->profile == NULL && from->env[DYNAMODB_WEB_IDENTITY] != NULL)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                      "%s asks for web identity, which is not supported; give keys instead",
                                      footfall__dynamodb_variables[DYNAMODB_WEB_IDENTITY]);
    if (rc == 0 && out->access_key_id == NULL)
        rc = footfall__dynamodb_files(out, from, call);
    if (rc == 0 && out->access_key_id == NULL)
        rc = footfall__dynamodb_container(out, from, now_ms, call);
    if (rc == 0 && out->access_key_id == NULL)
        rc = footfall__dynamodb_instance(out, from, now_ms, call);
    if (rc == 0 && out->access_key_id == NULL)
        rc = footfall__dynamodb_fault(
            call, FOOTFALL_STORE_BROKEN,
            "no AWS credentials: looked at dynamodb.access_key_id, AWS_ACCESS_KEY_ID, the "
            "files credentials and config in ~/.aws, the container's endpoint, instance metadata");
    return rc;
}

static int renew(struct dynamodb_chain *chain, int64_t now_ms, struct footfall_store_call *call)
{
    struct dynamodb_credentials found = { 0 };
    int rc = find(&found, &chain->from, now_ms, call);
    int lasts = rc == 0 && now_ms < found.expires_ms - EARLY_MS;
    chain->again_ms = lasts ? INT64_MIN : footfall__boottime_ms() + PAUSE_MS;
    if (rc != 0)
        return rc;
    footfall__dynamodb_drop(&chain->now);
    chain->now = found;
    chain->refused = 0;
    return 0;
}

int footfall__dynamodb_credentials(struct dynamodb_chain *chain, const struct dynamodb_credentials **out,
                                   int64_t now_ms, struct footfall_store_call *call)
{
    const struct dynamodb_credentials *now = &chain->now;
    int64_t boot_ms = footfall__boottime_ms();
    int rc = 0;
    *out = NULL;
    if (now->access_key_id == NULL || chain->refused || now_ms >= now->expires_ms) {
        rc = renew(chain, now_ms, call);
    } else if (now_ms >= now->expires_ms - EARLY_MS && boot_ms >= chain->again_ms) {
        /* the old ones are good still: no word of what goes wrong, and half of the time is left for the call itself */
        struct footfall_store_call quiet = *call;
        quiet.text_bytes = 0;
        if (quiet.deadline_ms > boot_ms)
            quiet.deadline_ms = boot_ms + (quiet.deadline_ms - boot_ms) / 2;
        (void)renew(chain, now_ms, &quiet);
    }
    if (rc == 0)
        *out = now;
    return rc;
}

void footfall__dynamodb_credentials_refused(struct dynamodb_chain *chain)
{
    chain->refused = 1;
}

/* ---- the region -------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_region(struct dynamodb_chain *chain, const char **out, struct footfall_store_call *call)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const struct dynamodb_sources *from = &chain->from;
    const char *region = chain->region;
    const char *name = "the AWS profile's region";
    *out = NULL;
    if (from->region != NULL) {
        region = from->region;
        name = "dynamodb.region";
    } else if (from->env[DYNAMODB_REGION] != NULL || from->env[DYNAMODB_DEFAULT_REGION] != NULL) {
        int which = from->env[DYNAMODB_REGION] != NULL ? DYNAMODB_REGION : DYNAMODB_DEFAULT_REGION;
        region = from->env[which];
        name = footfall__dynamodb_variables[which];
    } else if (region == NULL) {
        int rc = footfall__dynamodb_files_region(&chain->region, from, call);
        if (rc != 0)
            return rc == FOOTFALL_STORE_BROKEN ? FOOTFALL_STORE_CONFIG : rc;
        region = chain->region;
    }
    if (region == NULL)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG,
                                        "dynamodb.region is not set, nor AWS_REGION, nor a region in ~/.aws/config");
    if (!footfall__dynamodb_is_plain(region, REGION_BYTES) || region[strspn(region, fine)] != '\0')
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG, "%s is no region, as eu-west-1 is%s", name,
                                        from->region == NULL ? " (dynamodb.region, AWS_REGION)" : "");
    *out = region;
    return 0;
}

/* ---- making and freeing ------------------------------------------------------------------------------------------ */

static int copy(char **out, const char *text, struct footfall_store_call *call)
{
    if (text == NULL)
        return 0;
    *out = footfall__strndup(text, strlen(text));
    return *out != NULL ? 0 : footfall__dynamodb_no_memory(call);
}

static int gather(struct dynamodb_sources *from, const struct dynamodb_chain_options *options,
                  struct footfall_store_call *call)
{
    int rc = copy(&from->access_key_id, options->access_key_id, call);
    rc = rc == 0 ? copy(&from->secret_access_key, options->secret_access_key, call) : rc;
    rc = rc == 0 ? copy(&from->session_token, options->session_token, call) : rc;
    rc = rc == 0 ? copy(&from->profile, options->profile, call) : rc;
    rc = rc == 0 ? copy(&from->region, options->region, call) : rc;
    for (int i = 0; rc == 0 && i < DYNAMODB_VARIABLES; i++) {
        const char *value = getenv(footfall__dynamodb_variables[i]);
        if (value != NULL && value[0] != '\0')
            rc = copy(&from->env[i], value, call);
    }
    return rc;
}

int footfall__dynamodb_chain_new(struct dynamodb_chain **out, const struct dynamodb_chain_options *options,
                                 struct footfall_store_call *call)
{
    struct dynamodb_chain *chain = footfall__calloc(1, sizeof *chain);
    struct dynamodb_credentials tried = { 0 };
    int rc = 0;
    *out = NULL;
    if (chain == NULL)
        return footfall__dynamodb_no_memory(call);
    rc = gather(&chain->from, options, call);
    if (rc == 0)
        rc = from_settings(&tried, &chain->from, call);
    if (rc == 0 && tried.access_key_id == NULL)
        rc = from_environment(&tried, &chain->from, FOOTFALL_STORE_CONFIG, call);
    footfall__dynamodb_drop(&tried);
    if (rc == 0)
        *out = chain;
    else
        footfall__dynamodb_chain_free(chain);
    return rc;
}

void footfall__dynamodb_chain_free(struct dynamodb_chain *chain)
{
    if (chain == NULL)
        return;
    footfall__dynamodb_drop(&chain->now);
    footfall__dynamodb_cleanse(chain->from.access_key_id);
    footfall__dynamodb_cleanse(chain->from.secret_access_key);
    footfall__dynamodb_cleanse(chain->from.session_token);
    footfall__free(chain->from.profile);
    footfall__free(chain->from.region);
    footfall__free(chain->region);
    for (int i = 0; i < DYNAMODB_VARIABLES; i++)
        footfall__dynamodb_cleanse(chain->from.env[i]);
    footfall__free(chain);
}
