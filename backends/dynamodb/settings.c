/* settings.c: reading settings (tables.h). */
#include "tables.h"

#include <stdio.h>
#include <string.h>

enum { TABLE_MIN = 3 };

const char *footfall__dynamodb_setting(const struct footfall_store_setting *settings, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, key) == 0 && settings[i].value[0] != '\0')
            return settings[i].value;
    return NULL;
}

int footfall__dynamodb_bool(int *out, const struct footfall_store_setting *settings, size_t count, const char *key,
                            struct footfall_store_call *call)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    const char *value = footfall__dynamodb_setting(settings, count, key);
    for (size_t i = 0; value != NULL && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(value, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    return value == NULL
               ? 0
               : footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG, "dynamodb.%s is neither true nor false", key);
}

int footfall__dynamodb_is_table(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t bytes = strlen(name);
    return bytes >= TABLE_MIN && bytes < DYNAMODB_TABLE_NAME_BYTES && strspn(name, letters) == bytes;
}

static int take_table(char *out, const char *key, const char *name, struct footfall_store_call *call)
{
    if (!footfall__dynamodb_is_table(name))
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG,
                                        "dynamodb.%s is not %d to %d of a-z, A-Z, 0-9, _, . and -", key, TABLE_MIN,
                                        DYNAMODB_TABLE_NAME_BYTES - 1);
    memcpy(out, name, strlen(name) + 1);
    return 0;
}

int footfall__dynamodb_table_names(char *table, char *key_table, const struct footfall_store_setting *settings,
                                   size_t count, struct footfall_store_call *call)
{
    const char *name = footfall__dynamodb_setting(settings, count, "table");
    const char *key_name = footfall__dynamodb_setting(settings, count, "key_table");
    char made[DYNAMODB_TABLE_NAME_BYTES + 8];
    int rc = take_table(table, "table", name != NULL ? name : "", call);
    if (rc != 0)
        return rc;
    (void)snprintf(made, sizeof(made), "%s-keys", table);
    if (key_name == NULL && strlen(made) >= DYNAMODB_TABLE_NAME_BYTES)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG,
                                        "dynamodb.table leaves no room for -keys behind it: set dynamodb.key_table");
    rc = take_table(key_table, "key_table", key_name != NULL ? key_name : made, call);
    if (rc == 0 && strcmp(table, key_table) == 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG,
                                      "dynamodb.key_table is dynamodb.table: epoch keys need a table of their own");
    return rc;
}
