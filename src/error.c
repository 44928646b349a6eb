/* error.c: names of the statuses, the library's version, and error texts. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>

#include "bytes.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

int footfall__fail(struct footfall_error *err, int status, int32_t native, const char *format, ...)
{
    va_list args;
    if (err != NULL) {
        err->status = (enum footfall_status)status;
        err->native = native;
        va_start(args, format);
        footfall__vformat(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

void footfall__fine(struct footfall_error *err)
{
    if (err == NULL)
        return;
    err->status = FOOTFALL_OK;
    err->native = 0;
    err->text[0] = '\0';
}

const char *footfall_status_name(enum footfall_status status)
{
    static const char *const names[] = { "ok",     "invalid", "range",  "config",      "temporary", "unknown",
                                         "broken", "memory",  "misuse", "unsupported", "absent" };
    int at = -(int)status;
    return at >= 0 && at < (int)(sizeof names / sizeof names[0]) ? names[at] : "?";
}

const char *footfall_version(void)
{
    return TEXT(FOOTFALL_VERSION_MAJOR) "." TEXT(FOOTFALL_VERSION_MINOR) "." TEXT(FOOTFALL_VERSION_PATCH);
}
