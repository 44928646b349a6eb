/* fuzz_config.c: any bytes as the text of a configuration file. What is accepted is typed and in range, and written down
 * again gives the same configuration; what is refused is refused in one clean line that names the place. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "config.h"
#include "registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* never opened; bears the default's name, so that none needs to be built in */
static const struct footfall_store_key keys[] = { { "path", "footfall.db", "the file", 0 },
                                                  { "label", NULL, "a label", 0 },
                                                  { NULL, NULL, NULL, 0 } };
static const struct footfall_backend backend = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof backend, .name = "sqlite", .keys = keys
};

static void must(int holds)
{
    if (!holds)
        abort();
}

static int is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return 0;
    return 1;
}

/* What was set, as a file again */
struct writer {
    const struct footfall_config *config;
    char *text;
    size_t bytes, room;
};

static void write_down(struct writer *writer, const char *text, size_t bytes)
{
    must(bytes <= writer->room - writer->bytes);
    memcpy(writer->text + writer->bytes, text, bytes);
    writer->bytes += bytes;
}

static int check_entry(void *user, const struct footfall_config_entry *entry)
{
    struct writer *writer = user;
    const char *dot = strchr(entry->key, '.');
    const char *key = dot != NULL ? dot + 1 : entry->key;
    must(footfall_config_get(writer->config, entry->key) == entry->value);
    must(entry->help != NULL && (entry->source == FOOTFALL_FROM_DEFAULT || entry->source == FOOTFALL_FROM_FILE));
    if (entry->source == FOOTFALL_FROM_DEFAULT) {
        must(entry->line == 0 && strcmp(entry->source_name, "default") == 0);
        return 0;
    }
    must(entry->line >= 1 && strcmp(entry->source_name, "fuzz") == 0 && is_clean(entry->value));
    must(strchr(" \t", entry->value[0]) == NULL || entry->value[0] == '\0');
    if (dot != NULL) {
        write_down(writer, "[", 1);
        write_down(writer, entry->key, (size_t)(dot - entry->key));
        write_down(writer, "]\n", 2);
    }
    write_down(writer, key, strlen(key));
    write_down(writer, "=", 1);
    write_down(writer, entry->value, strlen(entry->value));
    write_down(writer, "\r\n", 2);
    return 0;
}

struct comparison {
    const struct footfall_config *other;
};

static int compare_entry(void *user, const struct footfall_config_entry *entry)
{
    const struct comparison *comparison = user;
    const char *other = footfall_config_get(comparison->other, entry->key);
    must((other == NULL) == (entry->value == NULL));
    must(other == NULL || strcmp(other, entry->value) == 0);
    return 0;
}

static void check_settings(const struct footfall_config *config)
{
    struct footfall__settings settings;
    struct footfall_store_setting *section = NULL;
    size_t count = 0;
    must(footfall__config_settings(&settings, config, NULL) == FOOTFALL_OK);
    must(settings.backend == &backend);
    must(settings.window_ms == INT64_MAX ||
         (settings.window_ms >= FOOTFALL__WINDOW_MIN_MS && settings.window_ms <= FOOTFALL__WINDOW_MAX_MS));
    must(settings.deadline_ms >= 1 && settings.deadline_ms <= FOOTFALL_WAIT_MAX_MS);
    must(settings.ipv4_prefix >= 1 && settings.ipv4_prefix <= 32);
    must(settings.ipv6_prefix >= 1 && settings.ipv6_prefix <= 128);
    must((settings.sliding | settings.visitor_agent) >> 1 == 0);
    must(settings.log_level >= FOOTFALL_LOG_ERROR && settings.log_level <= FOOTFALL_LOG_DEBUG);
    must(settings.secret == NULL || (settings.secret_file == NULL && strlen(settings.secret) >= 32));
    must(footfall__config_section(&section, &count, config, &backend, NULL) == FOOTFALL_OK);
    must(count >= 1 && count <= 2 && strcmp(section[0].key, "path") == 0 && section[0].value != NULL);
    footfall__free(section);
}

static void check_duration(const char *text)
{
    char again[32];
    int64_t ms = -1;
    int64_t same = -1;
    if (footfall__duration_parse(&ms, text) != 0) {
        must(ms == 0);
        return;
    }
    must(ms >= 0 && (ms == INT64_MAX) == (strcmp(text, "forever") == 0));
    if (ms == INT64_MAX)
        return;
    snprintf(again, sizeof again, "%" PRId64 "ms", ms);
    must(footfall__duration_parse(&same, again) == 0 && same == ms);
}

static void check_config(const struct footfall_config *config, size_t size)
{
    struct writer writer = { .config = config, .room = 4096 + 2 * size };
    struct footfall_config *again = NULL;
    struct comparison comparison;
    writer.text = malloc(writer.room);
    if (writer.text == NULL)
        return;
    check_settings(config);
    footfall_config_list(config, check_entry, &writer);
    if (writer.bytes <= 1024 * 1024) {
        must(footfall__config_load_text(&again, "again", writer.text, writer.bytes, NULL, NULL, 0, NULL) ==
             FOOTFALL_OK);
        comparison.other = again;
        footfall_config_list(config, compare_entry, &comparison);
        footfall_config_free(again);
    }
    free(writer.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static int ready;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (!ready)
        footfall__registry_add(&backend);
    ready = 1;
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    check_duration(text);
    text = realloc(text, size > 0 ? size : 1); /* no NUL after it, so that reading past the end is seen */
    must(text != NULL);
    if (footfall__config_load_text(&config, "fuzz", text, size, NULL, NULL, 0, &err) == FOOTFALL_OK) {
        must(config != NULL && err.status == FOOTFALL_OK && err.text[0] == '\0');
        check_config(config, size);
    } else {
        must(config == NULL && err.status == FOOTFALL_CONFIG && is_clean(err.text));
        must(strncmp(err.text, "fuzz:", 5) == 0 || strncmp(err.text, "secret (fuzz:", 13) == 0);
    }
    footfall_config_free(config);
    free(text);
    return 0;
}
