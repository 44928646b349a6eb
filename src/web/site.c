/* site.c: a site: what the configuration says of http, read once (web.h). */
#include "site.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "alloc.h"
#include "assets.h"
#include "bytes.h"
#include "respond.h"
#include "settings.h"

enum { MAX_COUNTERS = INT32_MAX, MAX_PER_SECOND = 1000000, BODY_MAX = 1 << 24 };

void footfall__web_log(const struct footfall_web *web, enum footfall_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    if (web->options.log == NULL)
        return;
    va_start(args, format);
    footfall__vformat(line, sizeof line, format, args);
    va_end(args);
    web->options.log(web->options.log_user, level, line);
}

static int read_default(struct footfall_web *web, const char *name, struct footfall_error *err)
{
    struct footfall_error bad;
    size_t bytes = name != NULL ? strlen(name) : 0;
    if (footfall_name_check(name, bytes, &bad) != FOOTFALL_OK)
        return footfall__web_fail(err, FOOTFALL_CONFIG, "http.default_counter: %s", bad.text);
    memcpy(web->default_counter, name, bytes + 1);
    web->default_bytes = bytes;
    return FOOTFALL_OK;
}

enum footfall_log_level footfall__web_log_level(const struct footfall_config *config)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    const char *wanted = footfall_config_get(config, "log_level");
    for (size_t i = 0; wanted != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(wanted, names[i]) == 0)
            return (enum footfall_log_level)i;
    return FOOTFALL_LOG_WARN;
}

int footfall__web_body_bytes(size_t *out, const struct footfall_config *config, struct footfall_error *err)
{
    int64_t most = 0;
    int rc = footfall_config_integer(&most, config, "http.body_bytes", 0, BODY_MAX, err);
    *out = (size_t)most;
    return rc;
}

size_t footfall__web_body_most(const struct footfall_web *web)
{
    return web->body_most;
}

static int read_limits(struct footfall_web *web, const struct footfall_config *config, struct footfall_error *err)
{
    int64_t most = 0;
    int64_t per_second = 0;
    int64_t deadline = 0;
    int rc = footfall_config_bool(&web->create, config, "http.create", err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&most, config, "http.max_counters", 1, MAX_COUNTERS, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_integer(&per_second, config, "http.requests_per_second", 0, MAX_PER_SECOND, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_config_duration(&deadline, config, "deadline", 1, FOOTFALL_WAIT_MAX_MS, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__web_body_bytes(&web->body_most, config, err);
    if (rc == FOOTFALL_OK && per_second > 0)
        rc = footfall__web_rates_new(&web->rates, (uint32_t)per_second, err);
    web->places.most = (uint64_t)most;
    web->deadline_ms = (uint32_t)deadline;
    return rc;
}

static int read_config(struct footfall_web *web, const struct footfall_config *config, struct footfall_error *err)
{
    const char *token_file = footfall_config_get(config, "http.admin_token_file");
    const char *origins = footfall_config_get(config, "http.cors_origins");
    const char *at = origins != NULL ? origins : "";
    size_t word_bytes = 0;
    int rc = footfall__web_keys_new(&web->keys, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__web_clients_read(&web->clients, footfall_config_get(config, "http.trusted_proxies"),
                                        footfall_config_get(config, "http.address_header"), err);
    if (rc == FOOTFALL_OK)
        rc = footfall__web_origins_read(&web->origins, origins, err);
    if (rc == FOOTFALL_OK) {
        web->origins_any = footfall__web_origins_any(web->origins);
        web->origins_some = footfall__web_word(&at, &word_bytes) != NULL;
        rc = read_default(web, footfall_config_get(config, "http.default_counter"), err);
    }
    if (rc == FOOTFALL_OK)
        rc = read_limits(web, config, err);
    web->has_admin = token_file != NULL && token_file[0] != '\0';
    if (rc == FOOTFALL_OK && web->has_admin)
        rc = footfall__web_token_read(web->admin, token_file, err);
    return rc;
}

int footfall__web_open(struct footfall_web **out, struct footfall *ff, const struct footfall_config *config,
                       const struct footfall_web_options *options, struct footfall_error *err)
{
    struct footfall_web *web = footfall__calloc(1, sizeof *web);
    int rc = FOOTFALL_OK;
    *out = NULL;
    if (web == NULL)
        return footfall__web_fail(err, FOOTFALL_NO_MEMORY, "no memory for a site");
    web->ff = ff;
    web->options = *options;
    json_object_seed(0); /* before threads do it */
    footfall__web_tag(web->page_tag, footfall__web_page.body, footfall__web_page.body_bytes);
    footfall__web_tag(web->widget_tag, footfall__web_widget.body, footfall__web_widget.body_bytes);
    rc = read_config(web, config, err);
    if (rc != FOOTFALL_OK) {
        footfall__web_name_place(err, config);
        footfall__web_close(web);
        return rc;
    }
    *out = web;
    return FOOTFALL_OK;
}

void footfall__web_use(struct footfall_web *web, struct footfall *ff)
{
    web->ff = ff;
}

void footfall__web_close(struct footfall_web *web)
{
    if (web == NULL)
        return;
    footfall__web_rates_free(web->rates);
    footfall__web_keys_free(web->keys);
    footfall__web_origins_free(web->origins);
    footfall__web_clients_free(web->clients);
    OPENSSL_cleanse(web->admin, sizeof web->admin);
    footfall__free(web);
}

uint64_t footfall__web_peer_key(const struct footfall_web *web, const char *peer)
{
    if (peer == NULL || footfall__web_client_proxied(web->clients, peer, 0))
        return 0;
    return footfall__web_keys_of(web->keys, peer);
}
