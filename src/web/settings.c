/* settings.c: words of a list, and errors (settings.h, web.h). */
#include "settings.h"

#include <stdarg.h>
#include <string.h>

#include "bytes.h"
#include "web.h"

const char *footfall__web_word(const char **at, size_t *bytes)
{
    static const char between[] = ", \t";
    const char *word = *at + strspn(*at, between);
    *bytes = strcspn(word, between);
    *at = word + *bytes;
    return *bytes > 0 ? word : NULL;
}

int footfall__web_fail(struct footfall_error *err, int status, const char *format, ...)
{
    va_list args;
    if (err != NULL) {
        err->status = (enum footfall_status)status;
        err->native = 0;
        va_start(args, format);
        footfall__vformat(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

int footfall__web_no_memory(struct footfall_error *err, const char *what)
{
    return footfall__web_fail(err, FOOTFALL_NO_MEMORY, "no memory for %s", what);
}

enum { PLACE_BYTES = 100 };
struct place {
    const struct footfall_error *err;
    char text[PLACE_BYTES];
};

static int find_place(void *user, const struct footfall_config_entry *entry)
{
    struct place *place = user;
    size_t bytes = strlen(entry->key);
    if (strncmp(place->err->text, entry->key, bytes) != 0 || place->err->text[bytes] != ':')
        return 0;
    if (entry->line > 0)
        footfall__format(place->text, sizeof place->text, "%s:%d: ", entry->source_name, entry->line);
    else
        footfall__format(place->text, sizeof place->text, "%s: ", entry->source_name);
    return 1;
}

void footfall__web_name_place(struct footfall_error *err, const struct footfall_config *config)
{
    struct place place = { .err = err };
    struct footfall_error whole;
    if (err == NULL || err->status != FOOTFALL_CONFIG)
        return;
    footfall_config_list(config, find_place, &place);
    footfall__format(whole.text, sizeof whole.text, "%s%s", place.text, err->text);
    memcpy(err->text, whole.text, sizeof err->text);
}
