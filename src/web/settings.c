/* settings.c: words of a list, and errors (settings.h). */
#include "settings.h"

#include <stdarg.h>
#include <string.h>

#include "bytes.h"

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
