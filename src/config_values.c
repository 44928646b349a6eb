/* config_values.c: values in force, as text and typed (footfall_admin.h, config.h). */
#include <stdarg.h>
#include <string.h>

#include "bytes.h"
#include "config_items.h"
#include "error.h"

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = { { "w", 604800000 }, { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
enum { UNITS = sizeof units / sizeof units[0], SHOWN_VALUE = 40 };

const char *footfall_config_get(const struct footfall_config *config, const char *key)
{
    const struct footfall__config_item *item =
        config != NULL && key != NULL ? footfall__config_find(config, key, strlen(key)) : NULL;
    return item != NULL ? item->entry.value : NULL;
}

int footfall__config_wrong(const struct footfall__config_item *item, struct footfall_error *err, const char *wanted,
                           ...)
{
    char place[FOOTFALL__PLACE_BYTES];
    char rest[160];
    const char *value = item->entry.value;
    va_list args;
    va_start(args, wanted);
    footfall__vformat(rest, sizeof rest, wanted, args);
    va_end(args);
    footfall__config_place(place, item->entry.source_name, item->entry.line);
    if (value == NULL || value[0] == '\0')
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: %s: %s; it must be %s", place, item->key,
                              value == NULL ? "not set" : "empty", rest);
    if (item->entry.secret)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: %s: *** is not %s", place, item->key, rest);
    return footfall__fail(err, FOOTFALL_CONFIG, 0, "%s: %s: \"%.*s%s\" is not %s", place, item->key, SHOWN_VALUE, value,
                          strlen(value) > SHOWN_VALUE ? "..." : "", rest);
}

/* What the typed readers begin with: the item, or NULL and why in *rc */
static const struct footfall__config_item *look_up(int *rc, const void *out, const struct footfall_config *config,
                                                   const char *key, struct footfall_error *err)
{
    const struct footfall__config_item *item;
    if (out == NULL || config == NULL || key == NULL) {
        *rc = footfall__fail(err, FOOTFALL_INVALID, 0, "configuration: a required pointer is NULL");
        return NULL;
    }
    item = footfall__config_find(config, key, strlen(key));
    if (item == NULL)
        *rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "configuration: unknown key \"%.64s\"", key);
    return item;
}

/* ---- integer and bool ------------------------------------------------------------------------------------------------- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* An optional minus and digits, nothing else */
static int parse_integer(int64_t *out, const char *text)
{
    int negative = text[0] == '-';
    int64_t sum = 0;
    const char *at = text + negative;
    if (!is_digit(*at))
        return -1;
    for (; is_digit(*at); at++) {
        int digit = *at - '0';
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, negative ? -digit : digit, &sum))
            return -1;
    }
    *out = sum;
    return *at == '\0' ? 0 : -1;
}

int footfall_config_integer(int64_t *out, const struct footfall_config *config, const char *key, int64_t min,
                            int64_t max, struct footfall_error *err)
{
    int64_t value = 0;
    int rc = FOOTFALL_OK;
    const struct footfall__config_item *item = look_up(&rc, out, config, key, err);
    if (out != NULL)
        *out = 0;
    if (item == NULL)
        return rc;
    if (item->entry.value == NULL || parse_integer(&value, item->entry.value) != 0 || value < min || value > max)
        return footfall__config_wrong(item, err, "an integer from %lld to %lld", (long long)min, (long long)max);
    *out = value;
    footfall__fine(err);
    return FOOTFALL_OK;
}

int footfall_config_bool(int *out, const struct footfall_config *config, const char *key, struct footfall_error *err)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    int rc = FOOTFALL_OK;
    const struct footfall__config_item *item = look_up(&rc, out, config, key, err);
    if (out != NULL)
        *out = 0;
    if (item == NULL)
        return rc;
    for (size_t i = 0; item->entry.value != NULL && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(item->entry.value, words[i]) == 0) {
            *out = (int)(i % 2);
            footfall__fine(err);
            return FOOTFALL_OK;
        }
    return footfall__config_wrong(item, err, "true or false (yes, no, on, off, 1, 0)");
}

/* ---- durations -------------------------------------------------------------------------------------------------------- */

/* Milliseconds of the unit at *at, which is stepped over; 0 when there is none */
static int64_t unit_at(const char **at)
{
    size_t bytes = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < UNITS; i++)
        if (strlen(units[i].name) == bytes && strncmp(*at, units[i].name, bytes) == 0) {
            *at += bytes;
            return units[i].ms;
        }
    return 0;
}

int footfall__duration_parse(int64_t *out_ms, const char *text)
{
    int64_t sum = 0;
    int64_t last = INT64_MAX;
    const char *at = text;
    *out_ms = 0;
    if (strcmp(text, "forever") == 0) {
        *out_ms = INT64_MAX;
        return 0;
    }
    do {
        int64_t part = 0;
        int64_t unit;
        if (!is_digit(*at))
            return -1;
        for (; is_digit(*at); at++)
            if (__builtin_mul_overflow(part, 10, &part) || __builtin_add_overflow(part, *at - '0', &part))
                return -1;
        unit = unit_at(&at);
        if (unit == 0 || unit >= last || __builtin_mul_overflow(part, unit, &part) ||
            __builtin_add_overflow(sum, part, &sum) || sum == INT64_MAX)
            return -1;
        last = unit;
    } while (*at != '\0');
    *out_ms = sum;
    return 0;
}

/* In the largest unit that divides it: 600000 is "10m" */
static void duration_text(char out[32], int64_t ms)
{
    if (ms == INT64_MAX) {
        footfall__format(out, 32, "forever");
        return;
    }
    for (size_t i = 1; i < UNITS; i++) /* weeks read badly */
        if (ms % units[i].ms == 0 && (ms != 0 || i == UNITS - 1)) {
            footfall__format(out, 32, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
            return;
        }
}

int footfall_config_duration(int64_t *out_ms, const struct footfall_config *config, const char *key, int64_t min_ms,
                             int64_t max_ms, struct footfall_error *err)
{
    const char *value;
    char min[32];
    char max[32];
    int64_t ms = 0;
    int rc = FOOTFALL_OK;
    const struct footfall__config_item *item = look_up(&rc, out_ms, config, key, err);
    if (out_ms != NULL)
        *out_ms = 0;
    if (item == NULL)
        return rc;
    value = item->entry.value;
    if (value == NULL || footfall__duration_parse(&ms, value) != 0 || ms < min_ms || ms > max_ms) {
        int bare = value != NULL && value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
        duration_text(min, min_ms);
        duration_text(max, max_ms);
        return footfall__config_wrong(item, err, "a duration from %s to %s%s", min, max,
                                      bare ? ": it needs a unit (ms, s, m, h, d or w)" : "");
    }
    *out_ms = ms;
    footfall__fine(err);
    return FOOTFALL_OK;
}
