/* config_settings.c: the settings that the engine and the chosen backend get, checked (config.h). */
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "config_items.h"
#include "error.h"
#include "registry.h"

/* Puts the place of value among words, of which the last is NULL, into *out */
static int choice(int *out, const struct footfall_config *config, const char *key, const char *const *words,
                  const char *wanted, struct footfall_error *err)
{
    const struct footfall__config_item *item = footfall__config_find(config, key, strlen(key));
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(item->entry.value, words[i]) == 0) {
            *out = i;
            return FOOTFALL_OK;
        }
    return footfall__config_wrong(item, err, "%s", wanted);
}

static int read_backend(struct footfall__settings *out, const struct footfall_config *config,
                        struct footfall_error *err)
{
    const struct footfall__config_item *item = footfall__config_find(config, "backend", strlen("backend"));
    const char *const *names = footfall_backends();
    char place[FOOTFALL__PLACE_BYTES];
    char list[96] = "";
    out->backend = footfall__registry_find(item->entry.value);
    if (out->backend != NULL)
        return FOOTFALL_OK;
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t end = strlen(list);
        footfall__format(list + end, sizeof list - end, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (item->entry.source == FOOTFALL_FROM_DEFAULT)
        return footfall__fail(err, FOOTFALL_CONFIG, 0,
                              "backend is not set, and %s, the default, is not built in; set it to one of: %s",
                              item->entry.value, list);
    footfall__config_place(place, item->entry.source_name, item->entry.line);
    return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: backend %.32s is not built in; built in: %s", place,
                          item->entry.value[0] != '\0' ? item->entry.value : "\"\"", list[0] != '\0' ? list : "none");
}

static int read_window(struct footfall__settings *out, const struct footfall_config *config, struct footfall_error *err)
{
    int rc = footfall_config_duration(&out->window_ms, config, "window", FOOTFALL__WINDOW_MIN_MS, INT64_MAX, err);
    if (rc != FOOTFALL_OK || out->window_ms == INT64_MAX)
        return rc;
    return footfall_config_duration(&out->window_ms, config, "window", FOOTFALL__WINDOW_MIN_MS, FOOTFALL__WINDOW_MAX_MS,
                                    err);
}

static int read_numbers(struct footfall__settings *out, const struct footfall_config *config,
                        struct footfall_error *err)
{
    int64_t number = 0;
    int rc = footfall_config_duration(&number, config, "deadline", 1, FOOTFALL_WAIT_MAX_MS, err);
    if (rc != FOOTFALL_OK)
        return rc;
    out->deadline_ms = (uint32_t)number;
    rc = footfall_config_integer(&number, config, "ipv4_prefix", 1, 32, err);
    if (rc != FOOTFALL_OK)
        return rc;
    out->ipv4_prefix = (unsigned)number;
    rc = footfall_config_integer(&number, config, "ipv6_prefix", 1, 128, err);
    if (rc != FOOTFALL_OK)
        return rc;
    out->ipv6_prefix = (unsigned)number;
    return FOOTFALL_OK;
}

static int read_choices(struct footfall__settings *out, const struct footfall_config *config,
                        struct footfall_error *err)
{
    static const char *const modes[] = { "fixed", "sliding", NULL };
    static const char *const visitors[] = { "address", "address+agent", NULL };
    static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
    int level = FOOTFALL_LOG_WARN;
    int rc = choice(&out->sliding, config, "window_mode", modes, "fixed or sliding", err);
    if (rc == FOOTFALL_OK)
        rc = choice(&out->visitor_agent, config, "visitor", visitors, "address or address+agent", err);
    if (rc == FOOTFALL_OK)
        rc = choice(&level, config, "log_level", levels, "error, warn, info or debug", err);
    out->log_level = (enum footfall_log_level)level;
    return rc;
}

static int read_secret(struct footfall__settings *out, const struct footfall_config *config, struct footfall_error *err)
{
    const struct footfall__config_item *secret = footfall__config_find(config, "secret", strlen("secret"));
    const struct footfall__config_item *file = footfall__config_find(config, "secret_file", strlen("secret_file"));
    char place[FOOTFALL__PLACE_BYTES];
    char other[FOOTFALL__PLACE_BYTES];
    footfall__config_place(place, secret->entry.source_name, secret->entry.line);
    footfall__config_place(other, file->entry.source_name, file->entry.line);
    out->secret = secret->entry.value;
    out->secret_file = file->entry.value;
    if (out->secret != NULL && out->secret_file != NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "secret (%s) and secret_file (%s) are both set: give one", place,
                              other);
    if (out->secret != NULL && strlen(out->secret) < FOOTFALL__SECRET_MIN_BYTES)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: secret: too short, at least %d bytes are needed", place,
                              FOOTFALL__SECRET_MIN_BYTES);
    if (out->secret_file != NULL && out->secret_file[0] == '\0')
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: secret_file: empty; it must be the name of a file", other);
    return FOOTFALL_OK;
}

int footfall__config_settings(struct footfall__settings *out, const struct footfall_config *config,
                              struct footfall_error *err)
{
    int rc;
    memset(out, 0, sizeof *out);
    rc = read_backend(out, config, err);
    if (rc == FOOTFALL_OK)
        rc = read_window(out, config, err);
    if (rc == FOOTFALL_OK)
        rc = read_numbers(out, config, err);
    if (rc == FOOTFALL_OK)
        rc = read_choices(out, config, err);
    if (rc == FOOTFALL_OK)
        rc = read_secret(out, config, err);
    if (rc != FOOTFALL_OK)
        memset(out, 0, sizeof *out);
    return rc;
}

int footfall__config_section(struct footfall_store_setting **out, size_t *count, const struct footfall_config *config,
                             const struct footfall_backend *backend, struct footfall_error *err)
{
    const size_t section = strlen(backend->name) + 1;
    struct footfall_store_setting *settings;
    size_t keys = 0;
    *out = NULL;
    *count = 0;
    while (backend->keys != NULL && backend->keys[keys].key != NULL)
        keys++;
    if (keys == 0)
        return FOOTFALL_OK;
    settings = footfall__calloc(keys, sizeof *settings);
    if (settings == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the configuration");
    for (size_t i = 0; i < keys; i++)
        for (size_t j = 0; j < config->count; j++) {
            const struct footfall_config_entry *entry = &config->items[j].entry;
            if (strncmp(entry->key, backend->name, section - 1) != 0 || entry->key[section - 1] != '.' ||
                strcmp(entry->key + section, backend->keys[i].key) != 0 || entry->value == NULL)
                continue;
            settings[*count].key = backend->keys[i].key;
            settings[(*count)++].value = entry->value;
        }
    if (*count > 0)
        *out = settings;
    else
        footfall__free(settings);
    return FOOTFALL_OK;
}
