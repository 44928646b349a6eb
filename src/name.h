/* name.h: what may be a counter's name, and what may be the prefix of a list. Pure functions, any thread, no allocation. */
#ifndef FOOTFALL_NAME_H
#define FOOTFALL_NAME_H
#include <stddef.h>

#include "footfall.h"

/* The rule of footfall_name_check; err (may be NULL) is touched only on failure. `name` needs no NUL after it, and no more
 * than FOOTFALL_NAME_BYTES of it are read. OK or INVALID; the text shows the name cut and cleaned, and says what is wrong
 * at which offset. */
int footfall__name_check(const char *name, size_t bytes, struct footfall_error *err);

/* A prefix of names: 0 to 200 bytes, none below 0x20 and no 0x7f. It may end (or be) inside a UTF-8 sequence: it is compared
 * byte for byte, and what is no name's beginning merely finds nothing. OK or INVALID, as above. */
int footfall__prefix_check(const char *prefix, size_t bytes, struct footfall_error *err);
#endif
