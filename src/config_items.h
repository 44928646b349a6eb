/* config_items.h: what the files config*.c share: the known keys, each with the value in force. Nobody else includes it. */
#ifndef FOOTFALL_CONFIG_ITEMS_H
#define FOOTFALL_CONFIG_ITEMS_H
#include <stddef.h>

#include "config.h"

enum { FOOTFALL__PLACE_BYTES = 88 };
#define FOOTFALL__VARIABLE_PREFIX "FOOTFALL_"
#define FOOTFALL__VARIABLE_FILE "FOOTFALL_CONFIG"

struct footfall__config_item {
    struct footfall_config_entry entry; /* as footfall_config_list shows it; borrows the three below */
    char *key;                          /* owned */
    char *value;                        /* owned, NULL while the default holds; cleansed before it is freed */
    char *variable;                     /* owned, "FOOTFALL_WINDOW" */
    int fixed;                          /* the engine or a backend reads it: an application may only say better help */
};

struct footfall_config {
    struct footfall__config_item *items; /* keys without a section first, then in byte order */
    size_t count, room;
    char *file; /* owned: its name as it was given, NULL when none was read */
};

/* config_keys.c: fills an empty config with every known key and its default. NO_MEMORY; MISUSE and INVALID for `own`. */
int footfall__config_known(struct footfall_config *config, const struct footfall_config_key *own, size_t own_count,
                           struct footfall_error *err);

/* config_sources.c: what gives values. Each sets items and stops at the first error. */
int footfall__config_from_text(struct footfall_config *config, const char *text, size_t bytes,
                               struct footfall_error *err);
int footfall__config_from_environment(struct footfall_config *config, struct footfall_error *err);
int footfall__config_from_settings(struct footfall_config *config, const struct footfall_setting *settings,
                                   size_t count, struct footfall_error *err);
/* Tells options->log of each FOOTFALL_* variable that is no key's. */
void footfall__config_warn(const struct footfall_config *config, const struct footfall_options *options);

/* config_items.c. _find: NULL when there is none. _set: copies value; NO_MEMORY leaves the item as it was. _place:
 * "footfall.conf:12", "FOOTFALL_WINDOW", "setting" or "default"; the front of a long path gives way. _near: the known key
 * that was probably meant, or NULL; `name` may also be a variable without its prefix. */
struct footfall__config_item *footfall__config_find(const struct footfall_config *config, const char *key,
                                                    size_t bytes);
int footfall__config_set(struct footfall__config_item *item, enum footfall_source source, const char *source_name,
                         int line, const char *value, size_t value_bytes, struct footfall_error *err);
void footfall__config_place(char out[FOOTFALL__PLACE_BYTES], const char *source_name, int line);
const struct footfall__config_item *footfall__config_near(const struct footfall_config *config, const char *name,
                                                          size_t bytes);
/* A key folded so that "sqlite.path", "sqlite_path" and "SQLITE_PATH" are one. */
char footfall__config_fold(char c);

/* config_values.c: CONFIG, "PLACE: KEY: "VALUE" is not WANTED", the value as *** for a secret. */
int footfall__config_wrong(const struct footfall__config_item *item, struct footfall_error *err, const char *wanted,
                           ...) __attribute__((format(printf, 3, 4)));
#endif
