/* settings.h: what the readers of settings have in common: words of a list, and errors. */
#ifndef FOOTFALL_WEB_SETTINGS_H
#define FOOTFALL_WEB_SETTINGS_H
#include <stddef.h>

#include "footfall.h"

/* The next word of a list that has commas or blanks between; *at goes past it. NULL: there is none left. */
const char *footfall__web_word(const char **at, size_t *bytes);

/* Writes status and one line of text when err is not NULL, and returns status. The text may hold what stands in the
 * configuration, never what came with a request. */
int footfall__web_fail(struct footfall_error *err, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int footfall__web_no_memory(struct footfall_error *err, const char *what);
#endif
