/* site.c: configuration, store, site (site.h). The store is opened as suits a process that answers one request at a time and that is
 * told how long that may take. */
#include "site.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "footfall_admin.h"
#include "log.h"

enum {
    START_MS = 2000, /* for the store, at most; Lambda gives 10 s to all of the start */
    SPARE_MS = 150,  /* left of a request's time, or half of it, when the store could not be opened */
    REPLY_MS = 250,  /* left of an invocation when upkeep could not be done */
    UPKEEP_MS = 500  /* for that, at most */
};

struct footfall_runtime_site {
    struct footfall_config *config;
    struct footfall *ff; /* NULL: not opened yet */
    struct footfall_web *web;
    struct footfall_options options;
};

/* ---- the configuration ------------------------------------------------------------------------------------------------------ */

static int read_environment(struct footfall_config **out, const struct footfall_setting *setting,
                            struct footfall_error *err)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    options.use_environment = 1;
    options.settings = setting;
    options.setting_count = setting != NULL ? 1 : 0;
    options.log = setting == NULL ? footfall__runtime_log_line : NULL; /* warnings once */
    return footfall_config_load(out, &options, NULL, 0, err);
}

/* ---- the store -------------------------------------------------------------------------------------------------------------- */

/* Opens it within most_ms, or the configured deadline where that is shorter: each operation has its own time from the site, so that
 * the handle's is for this alone. */
static int open_store(struct footfall_runtime_site *site, int64_t most_ms, struct footfall_error *err)
{
    struct footfall_config *hurried = NULL;
    char text[32];
    struct footfall_setting setting = { "deadline", text };
    int64_t deadline_ms = 0;
    int rc = footfall_config_duration(&deadline_ms, site->config, "deadline", 1, FOOTFALL_WAIT_MAX_MS, err);
    if (rc == FOOTFALL_OK && most_ms < deadline_ms) {
        snprintf(text, sizeof text, "%" PRId64 "ms", most_ms);
        rc = read_environment(&hurried, &setting, err);
    }
    if (rc == FOOTFALL_OK)
        rc = footfall_open_config(&site->ff, hurried != NULL ? hurried : site->config, &site->options, err);
    footfall_config_free(hurried);
    if (rc == FOOTFALL_OK)
        footfall__web_use(site->web, site->ff);
    return rc;
}

/* For a request that needs it. */
static void open_late(void *user, uint32_t wait_ms)
{
    struct footfall_error err;
    uint32_t spare_ms = wait_ms / 2 < SPARE_MS ? wait_ms / 2 : SPARE_MS;
    if (wait_ms > 0 && open_store(user, wait_ms - spare_ms, &err) != FOOTFALL_OK)
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s", err.text);
}

/* ---- the site --------------------------------------------------------------------------------------------------------------- */

int footfall__runtime_site_open(struct footfall_runtime_site **out, struct footfall_error *err)
{
    struct footfall_web_options options = { .metrics_want_token = 1, .log = footfall__runtime_log_line };
    struct footfall_runtime_site *site = calloc(1, sizeof *site);
    int rc = FOOTFALL_OK;
    *out = NULL;
    if (site == NULL) {
        *err = (struct footfall_error){ FOOTFALL_NO_MEMORY, 0, "no memory to start" };
        return FOOTFALL_NO_MEMORY;
    }
    options.open = open_late;
    options.open_user = site;
    site->options = (struct footfall_options)FOOTFALL_OPTIONS_INIT;
    site->options.log = footfall__runtime_log_line;
    site->options.alone = 1;
    rc = read_environment(&site->config, NULL, err);
    if (rc == FOOTFALL_OK) {
        footfall__runtime_log_up_to(footfall__web_log_level(site->config));
        rc = footfall__web_open(&site->web, NULL, site->config, &options, err);
    }
    if (rc == FOOTFALL_OK) {
        rc = open_store(site, START_MS, err);
        if (rc != FOOTFALL_OK && rc != FOOTFALL_CONFIG && rc != FOOTFALL_NO_MEMORY) {
            footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s; it is tried again with each request that needs it",
                                  err->text);
            rc = FOOTFALL_OK;
        }
    }
    if (rc != FOOTFALL_OK) {
        footfall__runtime_site_close(site);
        return rc;
    }
    *out = site;
    return FOOTFALL_OK;
}

struct footfall_web *footfall__runtime_site_web(struct footfall_runtime_site *site)
{
    return site->web;
}

void footfall__runtime_site_upkeep(struct footfall_runtime_site *site, int64_t left_ms)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.wait_ms = UPKEEP_MS;
    if (site->ff != NULL && left_ms >= UPKEEP_MS + REPLY_MS)
        (void)footfall_upkeep(site->ff, &call, NULL);
}

void footfall__runtime_site_close(struct footfall_runtime_site *site)
{
    if (site == NULL)
        return;
    footfall__web_close(site->web);
    footfall_close(site->ff);
    footfall_config_free(site->config);
    free(site);
}
