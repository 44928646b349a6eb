/* ini.h: the lines of an INI text, handed out one by one. The dialect is described in config.h; what keys mean is not known
 * here. Pure, any thread, no allocation. */
#ifndef FOOTFALL_INI_H
#define FOOTFALL_INI_H
#include <stddef.h>

#include "footfall.h"

enum { FOOTFALL__INI_LINE_BYTES = 65536, FOOTFALL__INI_BYTES = 1048576 };

struct footfall__ini_line { /* no NUL after any of these; they point into the text */
    int line;               /* from 1 */
    const char *section;    /* of the last "[section]"; NULL before the first */
    size_t section_bytes;
    const char *key; /* NULL: this is the line "[section]" itself */
    size_t key_bytes;
    const char *value;
    size_t value_bytes;
};
/* OK to go on; anything else stops and is what footfall__ini_read returns. */
typedef int footfall__ini_each(void *user, const struct footfall__ini_line *line, struct footfall_error *err);

/* OK, what `each` returned, or CONFIG: "SOURCE:LINE: what is wrong", which never shows a value. err is touched only on
 * failure. */
int footfall__ini_read(const char *source, const char *text, size_t bytes, footfall__ini_each *each, void *user,
                       struct footfall_error *err);

/* NULL when text is fit to be a line or a value, else what it holds that it must not: "a NUL byte" and so on. */
const char *footfall__ini_fault(const char *text, size_t bytes);
#endif
