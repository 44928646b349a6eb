/* fuzz_lambda.c: any bytes as an event of Lambda, to a site on the memory backend. It is refused, with a sentence, and counts
 * nothing; or there is a reply with the fields that AWS documents and no others, and it counts at most once, and never when the
 * reply does not say so. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "footfall_admin.h"
#include "lambda.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { RUNS_OF_A_SITE = 200 };

static void must(int holds)
{
    if (!holds)
        abort();
}

/* ---- the site -------------------------------------------------------------------------------------------------------------- */

static struct site {
    struct footfall_config *config;
    struct footfall *ff;
    struct footfall_web *web;
    int runs;
} site;

static void open_site(void)
{
    static const struct footfall_setting settings[] = { { "backend", "memory" },
                                                        { "secret", "a secret of 32 bytes or more, for tests" },
                                                        { "http.trusted_proxies", "198.51.100.0/24" } };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_web_options web = { .page_at_root = 0, .limit_counters = 0, .metrics_want_token = 1 };
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof settings[0];
    must(footfall_config_load(&site.config, &options, NULL, 0, NULL) == FOOTFALL_OK);
    must(footfall_open_config(&site.ff, site.config, NULL, NULL) == FOOTFALL_OK);
    must(footfall__web_open(&site.web, site.ff, site.config, &web, NULL) == FOOTFALL_OK);
    site.runs = 0;
}

static void close_site(void)
{
    footfall__web_close(site.web);
    footfall_close(site.ff);
    footfall_config_free(site.config);
    memset(&site, 0, sizeof site);
}

static int add_up(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)unique;
    *(int64_t *)user += total;
    return 0;
}

static int64_t total_now(void)
{
    int64_t total = 0;
    must(footfall_list(site.ff, "", NULL, NULL, add_up, &total, NULL) == FOOTFALL_OK);
    return total;
}

/* ---- the reply --------------------------------------------------------------------------------------------------------------- */

static void check_values(json_t *value, int as_array)
{
    must(as_array ? json_is_array(value) && json_array_size(value) > 0 : json_is_string(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        must(json_is_string(json_array_get(value, i)));
}

static void check_headers(const json_t *root)
{
    json_t *one = json_object_get(root, "headers");
    json_t *many = json_object_get(root, "multiValueHeaders");
    const char *name = NULL;
    json_t *value = NULL;
    must((one == NULL) != (many == NULL) && json_is_object(one != NULL ? one : many));
    json_object_foreach(one != NULL ? one : many, name, value) check_values(value, one == NULL);
}

/* The number of visits that the reply speaks of. */
static int64_t check_reply(const char *text, size_t bytes)
{
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *status = json_object_get(root, "statusCode");
    json_t *description = json_object_get(root, "statusDescription");
    json_t *body = json_object_get(root, "body");
    const char *said = json_string_value(body);
    int visited = 0;
    must(json_is_object(root) && json_is_integer(status) && json_is_string(body));
    must(json_is_false(json_object_get(root, "isBase64Encoded")));
    must(json_integer_value(status) >= 200 && json_integer_value(status) <= 503);
    must(description == NULL || json_is_string(description));
    must(json_object_size(root) == (description != NULL ? 5 : 4));
    check_headers(root);
    visited = json_integer_value(status) == 200 && strstr(said, "\"is_new_visitor\":") != NULL &&
              strstr(said, "\"replayed\":true") == NULL;
    if (strncmp(said, "<svg", 4) == 0)
        visited = -1; /* a badge: perhaps */
    json_decref(root);
    return visited;
}

static void check_refusal(const struct footfall_error *err)
{
    static const char wanted[] =
        "; wanted is an HTTP request of a REST API, an HTTP API, a Function URL or a load balancer";
    const char *at = strstr(err->text, wanted);
    must(err->status == FOOTFALL_INVALID && at != NULL && at[sizeof wanted - 1] == '\0');
    for (const char *c = err->text; *c != '\0'; c++)
        must(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct footfall_error err;
    char *reply = NULL;
    size_t reply_bytes = 0;
    int64_t before = 0;
    int64_t visited = 0;
    int64_t counted = 0;
    int late = size % 16 == 15;
    int rc = FOOTFALL_OK;
    if (site.web == NULL)
        open_site();
    before = total_now();
    rc = footfall__lambda_answer(&reply, &reply_bytes, site.web, (const char *)bytes, size, late ? 100 : INT64_MAX,
                                 &err);
    counted = total_now() - before;
    if (rc == FOOTFALL_OK) {
        visited = check_reply(reply, reply_bytes);
        must(counted == visited || (visited == -1 && (counted == 0 || counted == 1)));
        must(counted == 0 || !late);
    } else {
        must(rc == FOOTFALL_INVALID && reply == NULL && reply_bytes == 0 && counted == 0);
        check_refusal(&err);
    }
    free(reply);
    if (++site.runs == RUNS_OF_A_SITE)
        close_site();
    return 0;
}
