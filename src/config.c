/* config.c: loading a configuration from its four sources, listing and freeing it (footfall_admin.h). What keys there are
 * is in config_keys.c, how sources are read in config_sources.c, what values mean in config_settings.c. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"
#include "config_items.h"
#include "error.h"
#include "ini.h"

static int check_arguments(struct footfall_config **out, const struct footfall_options *options,
                           const struct footfall_config_key *own, size_t own_count, struct footfall_error *err)
{
    if (out == NULL || (own == NULL && own_count > 0))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "configuration: a required pointer is NULL");
    *out = NULL;
    if (options != NULL && options->size != sizeof *options)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_options has a size this library does not know");
    if (options != NULL && options->settings == NULL && options->setting_count > 0)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "struct footfall_options has settings NULL, but a count");
    return FOOTFALL_OK;
}

/* Warnings obey the configured level, also when that comes from a configuration that is then refused for something else. */
static void warn(const struct footfall_config *config, const struct footfall_options *options)
{
    const char *level = footfall_config_get(config, "log_level");
    if (options != NULL && options->use_environment && options->log != NULL && strcmp(level, "error") != 0)
        footfall__config_warn(config, options);
}

int footfall__config_load_text(struct footfall_config **out, const char *name, const char *text, size_t bytes,
                               const struct footfall_options *options, const struct footfall_config_key *own,
                               size_t own_count, struct footfall_error *err)
{
    struct footfall__settings ignored;
    struct footfall_config *config = NULL;
    int rc = check_arguments(out, options, own, own_count, err);
    if (rc != FOOTFALL_OK)
        return rc;
    config = footfall__calloc(1, sizeof *config);
    if (config != NULL && text != NULL)
        config->file = footfall__strndup(name, strlen(name));
    if (config == NULL || (text != NULL && config->file == NULL)) {
        rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the configuration");
        goto cleanup;
    }
    rc = footfall__config_known(config, own, own_count, err);
    if (rc == FOOTFALL_OK && text != NULL)
        rc = footfall__config_from_text(config, text, bytes, err);
    if (rc == FOOTFALL_OK && options != NULL && options->use_environment)
        rc = footfall__config_from_environment(config, err);
    if (rc == FOOTFALL_OK && options != NULL)
        rc = footfall__config_from_settings(config, options->settings, options->setting_count, err);
    if (rc != FOOTFALL_OK)
        goto cleanup;
    warn(config, options);
    rc = footfall__config_settings(&ignored, config, err);
    if (rc != FOOTFALL_OK)
        goto cleanup;
    footfall__fine(err);
    *out = config;
    return FOOTFALL_OK;
cleanup:
    footfall_config_free(config);
    return rc;
}

/* ---- the file --------------------------------------------------------------------------------------------------------- */

static int unreadable(const char *path, int number, struct footfall_error *err)
{
    char place[FOOTFALL__PLACE_BYTES];
    char why[80];
    footfall__config_place(place, path, 0);
    return footfall__fail(err, FOOTFALL_CONFIG, number, "%s: cannot read the configuration file: %s", place,
                          strerror_r(number, why, sizeof why));
}

/* Reads at most `room` bytes, fewer only at the end of the file; *have counts them also on failure. 0 or errno */
static int read_all(size_t *have, int fd, char *buffer, size_t room)
{
    while (*have < room) {
        ssize_t got = read(fd, buffer + *have, room - *have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        *have += (size_t)got;
    }
    return 0;
}

int footfall_config_load(struct footfall_config **out, const struct footfall_options *options,
                         const struct footfall_config_key *own, size_t own_count, struct footfall_error *err)
{
    enum { ROOM = FOOTFALL__INI_BYTES + 1 }; /* one more, to tell a file that is too large */
    const char *path = options != NULL ? options->file : NULL;
    char *buffer = NULL;
    size_t bytes = 0;
    int number = 0;
    int fd = -1;
    int rc = check_arguments(out, options, own, own_count, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (path == NULL && options != NULL && options->use_environment) {
        path = getenv(FOOTFALL__VARIABLE_FILE);
        if (path != NULL && path[0] == '\0')
            path = NULL;
    }
    if (path == NULL)
        return footfall__config_load_text(out, NULL, NULL, 0, options, own, own_count, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return unreadable(path, errno, err);
    buffer = footfall__malloc(ROOM);
    if (buffer == NULL) {
        rc = footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the configuration");
        goto cleanup;
    }
    number = read_all(&bytes, fd, buffer, ROOM);
    rc = number != 0 ? unreadable(path, number, err)
                     : footfall__config_load_text(out, path, buffer, bytes, options, own, own_count, err);
cleanup:
    if (buffer != NULL)
        OPENSSL_cleanse(buffer, bytes);
    footfall__free(buffer);
    close(fd);
    return rc;
}

/* ---- the rest --------------------------------------------------------------------------------------------------------- */

void footfall_config_free(struct footfall_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->count; i++) {
        struct footfall__config_item *item = &config->items[i];
        if (item->value != NULL)
            OPENSSL_cleanse(item->value, strlen(item->value));
        footfall__free(item->value);
        footfall__free(item->key);
        footfall__free(item->variable);
    }
    footfall__free(config->items);
    footfall__free(config->file);
    footfall__free(config);
}

void footfall_config_list(const struct footfall_config *config, footfall_config_each *each, void *user)
{
    for (size_t i = 0; config != NULL && each != NULL && i < config->count; i++)
        if (each(user, &config->items[i].entry) != 0)
            return;
}
