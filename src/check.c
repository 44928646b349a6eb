/* check.c: what there is to know of a configuration and of the store behind it, in words (footfall_admin.h). What a store is
 * asked is its backend's affair. */
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"
#include "clock.h"
#include "config_items.h"
#include "engine.h"
#include "error.h"
#include "footfall_admin.h"

enum { TEXT_BYTES = 400 };

/* 2024 and 2100: outside of these a clock was never set. */
#define EARLIEST_MS INT64_C(1704067200000)
#define LATEST_MS INT64_C(4102444800000)

struct checking {
    footfall_each_finding *each;
    void *user;
    size_t at, told; /* a second attempt tells only what the first has not */
    int settings_told;
};

static void tell_finding(void *user, int severity, const char *text, const char *advice)
{
    struct checking *c = user;
    struct footfall_finding finding = { FOOTFALL_WRONG, text, advice };
    if (c->at++ < c->told)
        return;
    c->told++;
    if (severity >= FOOTFALL_FINE && severity <= FOOTFALL_WRONG)
        finding.severity = (enum footfall_severity)severity;
    c->each(c->user, &finding);
}

static void tell(struct checking *c, enum footfall_severity severity, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(struct checking *c, enum footfall_severity severity, const char *advice, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    footfall__vformat(text, sizeof text, format, args);
    va_end(args);
    tell_finding(c, (int)severity, text, advice);
}

/* ---- settings --------------------------------------------------------------------------------------------------------- */

static void check_settings(struct checking *c, const struct footfall__settings *settings, int64_t wall_ms)
{
    if (wall_ms < EARLIEST_MS || wall_ms >= LATEST_MS)
        tell(c, FOOTFALL_WRONG, "Set the clock (NTP): windows and expiries depend on it.", "This host's clock is %s.",
             wall_ms < EARLIEST_MS ? "before 2024" : "past 2100");
    else
        tell(c, FOOTFALL_FINE, NULL, "This host's clock is plausible.");
    if (settings->ipv6_prefix > 64)
        tell(c, FOOTFALL_NOTE, "Leave ipv6_prefix at 64 unless you know better.",
             "ipv6_prefix is longer than 64: one household counts as many visitors.");
    if (settings->window_ms == INT64_MAX)
        tell(c, FOOTFALL_NOTE, "Choose a window, unless each visitor is to count once and never again.",
             "window is forever: its key is never erased, so who has store and secret can always tell whether an "
             "address came.");
}

/* ---- files that hold secrets ------------------------------------------------------------------------------------------ */

static int ends_with(const char *key, const char *end)
{
    size_t key_bytes = strlen(key), bytes = strlen(end);
    return key_bytes >= bytes && strcmp(key + key_bytes - bytes, end) == 0;
}

static void check_mode(struct checking *c, const char *path, const char *what)
{
    struct stat about;
    char shown[FOOTFALL__PLACE_BYTES];
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return; /* whoever needs it says so */
    footfall__config_place(shown, path, 0);
    if (about.st_mode & S_IRWXO)
        tell(c, FOOTFALL_WARNING, "chmod 600 it, and think of the secret as known to who could read it.",
             "%s (%s) is open to every user of this host (mode %04o).", shown, what, (unsigned)about.st_mode & 07777U);
    else if (about.st_mode & S_IRWXG)
        tell(c, FOOTFALL_NOTE, "chmod 600 it, unless that group is meant.", "%s (%s) is open to its group (mode %04o).",
             shown, what, (unsigned)about.st_mode & 07777U);
    else
        tell(c, FOOTFALL_FINE, NULL, "Only its owner may read %s (%s).", shown, what);
}

/* A URL is as secret as what stands before its '@'. */
static int is_secret(const struct footfall_config_entry *entry)
{
    const char *authority = entry->value != NULL ? strstr(entry->value, "://") : NULL;
    return entry->secret && entry->value != NULL && (authority == NULL || strchr(authority, '@') != NULL);
}

/* Is the key the engine's, the backend's or the web front end's? Other backends' keys may stand there unread. */
static int is_read(const char *key, const char *backend)
{
    const char *dot = strchr(key, '.');
    size_t section = dot != NULL ? (size_t)(dot - key) : 0;
    return dot == NULL || (strlen(backend) == section && strncmp(key, backend, section) == 0) ||
           strncmp(key, "http.", 5) == 0;
}

static void check_files(struct checking *c, const struct footfall_config *config, const char *backend)
{
    int in_file = 0;
    for (size_t i = 0; i < config->count; i++)
        in_file |= config->items[i].entry.source == FOOTFALL_FROM_FILE && is_secret(&config->items[i].entry);
    if (in_file)
        check_mode(c, config->file, "it holds a secret");
    for (size_t i = 0; i < config->count; i++) {
        const struct footfall_config_entry *entry = &config->items[i].entry;
        if (entry->value != NULL && is_read(entry->key, backend) &&
            (ends_with(entry->key, "secret_file") || ends_with(entry->key, "password_file") ||
             ends_with(entry->key, "token_file")))
            check_mode(c, entry->value, entry->key);
    }
}

static void check_sources(struct checking *c, const struct footfall_config *config)
{
    char file[FOOTFALL__PLACE_BYTES] = "";
    int environment = 0, settings = 0;
    for (size_t i = 0; i < config->count; i++) {
        environment |= config->items[i].entry.source == FOOTFALL_FROM_ENVIRONMENT;
        settings |= config->items[i].entry.source == FOOTFALL_FROM_SETTING;
    }
    if (config->file != NULL)
        footfall__config_place(file, config->file, 0);
    if (file[0] != '\0')
        tell(c, FOOTFALL_FINE, NULL, "The configuration comes from %s%s%s.", file,
             !environment ? ""
             : settings   ? ", the environment"
                          : " and the environment",
             settings ? " and settings" : "");
    else if (environment || settings)
        tell(c, FOOTFALL_FINE, NULL, "The configuration comes from %s%s%s; no file is read.",
             environment ? "the environment" : "", environment && settings ? " and " : "", settings ? "settings" : "");
    else
        tell(c, FOOTFALL_FINE, NULL, "Nothing is configured: every key has its default.");
}

/* ---- the store -------------------------------------------------------------------------------------------------------- */

static int run_check(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    struct checking *c = user;
    c->at = 0;
    if (!c->settings_told)
        check_settings(c, &ff->settings, footfall__now(ff));
    if (!(ff->caps & FOOTFALL_STORE_CAP_DURABLE))
        tell(c, FOOTFALL_WARNING, "Choose a backend that keeps counters, unless this is a test.",
             "This backend keeps nothing: counters end with the process.");
    if (ff->lacks_secret)
        tell(c, FOOTFALL_NOTE, "The first visit makes it. Then keep a copy, apart from those of the counters.",
             "The secret that keys the visitors' ids is not made yet.");
    return footfall__store_check(store, tell_finding, c, call);
}

static int check_store(struct footfall *ff, const struct footfall_call *call, struct checking *c,
                       struct footfall_error *err)
{
    int rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    c->told = 0;
    rc = footfall__exclusively(ff, call, run_check, c, err);
    footfall__leave(ff);
    return rc;
}

int footfall_check(struct footfall *ff, const struct footfall_call *call, footfall_each_finding *each, void *user,
                   struct footfall_error *err)
{
    struct checking checking = { .each = each, .user = user };
    if (each == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "each is NULL");
    return check_store(ff, call, &checking, err);
}

int footfall_check_config(const struct footfall_config *config, const struct footfall_options *options,
                          const struct footfall_call *call, footfall_each_finding *each, void *user,
                          struct footfall_error *err)
{
    struct checking checking = { .each = each, .user = user, .settings_told = 1 };
    struct footfall__settings settings;
    struct footfall *ff = NULL;
    struct footfall_error why = { FOOTFALL_OK, 0, "" };
    int rc;
    if (config == NULL || each == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "config or each is NULL");
    if (options != NULL && options->size != sizeof *options)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_options has size %zu, not %zu", options->size,
                              sizeof *options);
    rc = footfall__config_settings(&settings, config, err);
    if (rc != FOOTFALL_OK)
        return rc;
    check_sources(&checking, config);
    check_settings(&checking, &settings,
                   options != NULL && options->clock != NULL ? options->clock(options->clock_user)
                                                             : footfall__wall_ms());
    check_files(&checking, config, settings.backend->name);
    rc = footfall__open_to_look(&ff, config, options, &why);
    if (rc == FOOTFALL_ABSENT) {
        tell(&checking, FOOTFALL_NOTE, "The first visit makes it.", "%s", why.text);
        footfall__fine(err);
        return FOOTFALL_OK;
    }
    if (rc != FOOTFALL_OK)
        return footfall__fail(err, rc, why.native, "%s", why.text);
    /* Looking may take longer than calls may: whether there is anybody to be asked is found out before. */
    rc = footfall_ping(ff, NULL, err);
    if (rc != FOOTFALL_TEMPORARY)
        rc = check_store(ff, call, &checking, err);
    footfall_close(ff);
    return rc;
}
