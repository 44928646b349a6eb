/* config_sources.c: values from the text of a file, from the environment and from settings (config_items.h). The order in
 * which they win is config.c's, what the values mean config_settings.c's. */
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "config_items.h"
#include "error.h"
#include "ini.h"

enum { SHOWN_KEY = 56, HINT_BYTES = 96 };

static int shown(size_t bytes)
{
    return (int)(bytes < SHOWN_KEY ? bytes : SHOWN_KEY);
}

/* "" or "; did you mean "window"?" */
static void hint(char out[HINT_BYTES], const struct footfall_config *config, const char *key, size_t bytes, int in_file)
{
    const struct footfall__config_item *meant = footfall__config_near(config, key, bytes);
    const char *dot = meant != NULL ? strchr(meant->key, '.') : NULL;
    out[0] = '\0';
    if (meant == NULL)
        return;
    if (!in_file)
        footfall__format(out, HINT_BYTES, "; did you mean \"%s\"?", meant->key);
    else if (dot != NULL)
        footfall__format(out, HINT_BYTES, "; did you mean \"%s\" under [%.*s]?", dot + 1, (int)(dot - meant->key),
                         meant->key);
    else
        footfall__format(out, HINT_BYTES, "; did you mean \"%s\", before any [section]?", meant->key);
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

static int section_is_known(const struct footfall_config *config, const char *section, size_t bytes)
{
    for (size_t i = 0; i < config->count; i++)
        if (strncmp(config->items[i].key, section, bytes) == 0 && config->items[i].key[bytes] == '.')
            return 1;
    return 0;
}

static int unknown_in_file(const struct footfall_config *config, const struct footfall__ini_line *line,
                           const char *full, size_t full_bytes, const char *place, struct footfall_error *err)
{
    char meant[HINT_BYTES];
    hint(meant, config, full, full_bytes, 1);
    return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: unknown key \"%.*s\"%s%.*s%s%s", place, shown(line->key_bytes),
                          line->key, line->section != NULL ? " under [" : "", shown(line->section_bytes),
                          line->section != NULL ? line->section : "", line->section != NULL ? "]" : "", meant);
}

static int take_line(void *user, const struct footfall__ini_line *line, struct footfall_error *err)
{
    struct footfall_config *config = user;
    struct footfall__config_item *item = NULL;
    char place[FOOTFALL__PLACE_BYTES];
    char full[128]; /* longer than any known key: what does not fit is unknown */
    size_t full_bytes = 0;
    footfall__config_place(place, config->file, line->line);
    if (line->key == NULL) {
        if (section_is_known(config, line->section, line->section_bytes))
            return FOOTFALL_OK;
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: unknown section [%.*s]", place, shown(line->section_bytes),
                              line->section);
    }
    if (line->section_bytes + 1 + line->key_bytes <= sizeof full) {
        if (line->section != NULL) {
            memcpy(full, line->section, line->section_bytes);
            full_bytes = line->section_bytes;
            full[full_bytes++] = '.';
        }
        memcpy(full + full_bytes, line->key, line->key_bytes);
        full_bytes += line->key_bytes;
        item = footfall__config_find(config, full, full_bytes);
    }
    if (item == NULL || memchr(line->key, '.', line->key_bytes) != NULL)
        return unknown_in_file(config, line, full, full_bytes, place, err);
    if (item->entry.source == FOOTFALL_FROM_FILE)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: %s: given twice, first in line %d", place, item->key,
                              item->entry.line);
    return footfall__config_set(item, FOOTFALL_FROM_FILE, config->file, line->line, line->value, line->value_bytes,
                                err);
}

int footfall__config_from_text(struct footfall_config *config, const char *text, size_t bytes,
                               struct footfall_error *err)
{
    char place[FOOTFALL__PLACE_BYTES];
    footfall__config_place(place, config->file, 0);
    return footfall__ini_read(place, text, bytes, take_line, config, err);
}

/* ---- environment and settings ----------------------------------------------------------------------------------------- */

/* A value that comes from outside a file, held to a file's rules */
static int set_checked(struct footfall__config_item *item, enum footfall_source source, const char *source_name,
                       const char *value, struct footfall_error *err)
{
    size_t bytes = strlen(value);
    const char *fault = footfall__ini_fault(value, bytes);
    if (fault != NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: %s: the value holds %s", source_name, item->key, fault);
    return footfall__config_set(item, source, source_name, 0, value, bytes, err);
}

static struct footfall__config_item *find_variable(const struct footfall_config *config, const char *name, size_t bytes)
{
    for (size_t i = 0; i < config->count; i++)
        if (strncmp(config->items[i].variable, name, bytes) == 0 && config->items[i].variable[bytes] == '\0')
            return &config->items[i];
    return NULL;
}

/* Length of the variable's name when it is one of ours, else 0 */
static size_t our_name(const char *variable)
{
    const char *equals = strchr(variable, '=');
    if (equals == NULL || strncmp(variable, FOOTFALL__VARIABLE_PREFIX, sizeof FOOTFALL__VARIABLE_PREFIX - 1) != 0)
        return 0;
    return (size_t)(equals - variable);
}

int footfall__config_from_environment(struct footfall_config *config, struct footfall_error *err)
{
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        size_t bytes = our_name(*at);
        struct footfall__config_item *item = bytes > 0 ? find_variable(config, *at, bytes) : NULL;
        int rc;
        /* of a name that stands there twice the first counts, as for getenv */
        if (item == NULL || item->entry.source == FOOTFALL_FROM_ENVIRONMENT)
            continue;
        rc = set_checked(item, FOOTFALL_FROM_ENVIRONMENT, item->variable, *at + bytes + 1, err);
        if (rc != FOOTFALL_OK)
            return rc;
    }
    return FOOTFALL_OK;
}

void footfall__config_warn(const struct footfall_config *config, const struct footfall_options *options)
{
    const size_t prefix = sizeof FOOTFALL__VARIABLE_PREFIX - 1;
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        const struct footfall__config_item *meant;
        char line[256];
        size_t bytes = our_name(*at);
        if (bytes == 0 || find_variable(config, *at, bytes) != NULL ||
            (bytes == sizeof FOOTFALL__VARIABLE_FILE - 1 && strncmp(*at, FOOTFALL__VARIABLE_FILE, bytes) == 0))
            continue;
        meant = footfall__config_near(config, *at + prefix, bytes - prefix);
        footfall__format(line, sizeof line, "environment: %.*s is not a known variable%s%s%s",
                         (int)(bytes < 96 ? bytes : 96), *at, meant != NULL ? "; did you mean " : "",
                         meant != NULL ? meant->variable : "", meant != NULL ? "?" : "");
        options->log(options->log_user, FOOTFALL_LOG_WARN, line);
    }
}

int footfall__config_from_settings(struct footfall_config *config, const struct footfall_setting *settings,
                                   size_t count, struct footfall_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *key = settings[i].key;
        struct footfall__config_item *item;
        int rc;
        if (key == NULL || settings[i].value == NULL)
            return footfall__fail(err, FOOTFALL_INVALID, 0, "setting: number %zu has no %s (NULL)", i + 1,
                                  key == NULL ? "key" : "value");
        item = footfall__config_find(config, key, strlen(key));
        if (item == NULL) {
            char meant[HINT_BYTES];
            hint(meant, config, key, strlen(key), 0);
            return footfall__fail(err, FOOTFALL_CONFIG, 0, "setting: unknown key \"%.*s\"%s", shown(strlen(key)), key,
                                  meant);
        }
        rc = set_checked(item, FOOTFALL_FROM_SETTING, "setting", settings[i].value, err);
        if (rc != FOOTFALL_OK)
            return rc;
    }
    return FOOTFALL_OK;
}
