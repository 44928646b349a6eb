/* config_items.c: finding, setting and naming the items of a configuration (config_items.h). */
#include "config_items.h"

#include <openssl/crypto.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "error.h"

struct footfall__config_item *footfall__config_find(const struct footfall_config *config, const char *key, size_t bytes)
{
    for (size_t i = 0; i < config->count; i++)
        if (strncmp(config->items[i].key, key, bytes) == 0 && config->items[i].key[bytes] == '\0')
            return &config->items[i];
    return NULL;
}

int footfall__config_set(struct footfall__config_item *item, enum footfall_source source, const char *source_name,
                         int line, const char *value, size_t value_bytes, struct footfall_error *err)
{
    char *copy = footfall__strndup(value, value_bytes);
    if (copy == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the configuration");
    if (item->value != NULL)
        OPENSSL_cleanse(item->value, strlen(item->value));
    footfall__free(item->value);
    item->value = copy;
    item->entry.value = copy;
    item->entry.source = source;
    item->entry.source_name = source_name;
    item->entry.line = line;
    return FOOTFALL_OK;
}

void footfall__config_place(char out[FOOTFALL__PLACE_BYTES], const char *source_name, int line)
{
    enum { KEPT = FOOTFALL__PLACE_BYTES - 16 };
    size_t bytes = strlen(source_name);
    const char *dots = "";
    if (bytes > KEPT) {
        source_name += bytes - KEPT;
        while (((unsigned char)*source_name & 0xc0) == 0x80)
            source_name++;
        dots = "...";
    }
    if (line > 0)
        footfall__format(out, FOOTFALL__PLACE_BYTES, "%s%s:%d", dots, source_name, line);
    else
        footfall__format(out, FOOTFALL__PLACE_BYTES, "%s%s", dots, source_name);
}

/* ---- what was probably meant ------------------------------------------------------------------------------------------ */

enum { NEAR_BYTES = 48 };

char footfall__config_fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if (c == '.')
        return '_';
    return c;
}

/* Insertions, deletions, substitutions and swaps of neighbours between the folded texts. */
static size_t distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    size_t rows[3][NEAR_BYTES + 1] = { { 0 } }; /* the row before the last, the last, this one */
    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = rows[1][j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        rows[2][0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            char x = footfall__config_fold(a[i - 1]);
            char y = footfall__config_fold(b[j - 1]);
            size_t best = rows[1][j - 1] + (x != y);
            if (best > rows[1][j] + 1)
                best = rows[1][j] + 1;
            if (best > rows[2][j - 1] + 1)
                best = rows[2][j - 1] + 1;
            if (i > 1 && j > 1 && x == footfall__config_fold(b[j - 2]) && y == footfall__config_fold(a[i - 2]) &&
                best > rows[0][j - 2] + 1)
                best = rows[0][j - 2] + 1;
            rows[2][j] = best;
        }
        memcpy(rows[0], rows[1], sizeof rows[0]);
        memcpy(rows[1], rows[2], sizeof rows[1]);
    }
    return rows[1][b_bytes];
}

static const char *after_dot(const char *key, size_t bytes)
{
    const char *dot = memchr(key, '.', bytes);
    return dot != NULL ? dot + 1 : key;
}

const struct footfall__config_item *footfall__config_near(const struct footfall_config *config, const char *name,
                                                          size_t bytes)
{
    const struct footfall__config_item *best = NULL;
    const struct footfall__config_item *elsewhere = NULL; /* the same word in another section, or in none */
    const char *word = after_dot(name, bytes);
    size_t word_bytes = bytes - (size_t)(word - name);
    size_t best_distance = bytes < 5 ? 2 : 3; /* must be below */
    if (bytes == 0 || bytes > NEAR_BYTES)
        return NULL;
    for (size_t i = 0; i < config->count; i++) {
        const char *key = config->items[i].key;
        size_t key_bytes = strlen(key);
        const char *key_word = after_dot(key, key_bytes);
        size_t found;
        if (elsewhere == NULL && strncmp(key_word, word, word_bytes) == 0 && key_word[word_bytes] == '\0')
            elsewhere = &config->items[i];
        if (key_bytes > NEAR_BYTES)
            continue;
        found = distance(name, bytes, key, key_bytes);
        if (found < best_distance) {
            best_distance = found;
            best = &config->items[i];
        }
    }
    return elsewhere != NULL && (best == NULL || best_distance > 1) ? elsewhere : best;
}
