/* import.h: the lines of an export, as import takes them: import_lines.c reads and checks them, import_set.c sets counters. */
#ifndef FOOTFALL_CLI_IMPORT_H
#define FOOTFALL_CLI_IMPORT_H
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

enum footfall_import_kind { FOOTFALL_IMPORT_UNCHANGED, FOOTFALL_IMPORT_CHANGED, FOOTFALL_IMPORT_NEW };

struct footfall_import_row {
    char *name; /* its own */
    int64_t total, unique;
    uint64_t line; /* from 1 */
    enum footfall_import_kind kind;
};

struct footfall_import_rows {
    const char *file; /* as messages call it */
    struct footfall_import_row *rows;
    size_t count, room;
};

/* Reads and checks all of `file` (NULL or "-": standard input); the string is borrowed. 0, and the rows are in byte order of
 * their names; or an exit status after a message that names the line. To be freed in any case. */
int footfall__import_read(struct footfall_import_rows *out, const char *file);
void footfall__import_free(struct footfall_import_rows *rows);

/* `footfall import [FILE]`. */
int footfall__import_lines(struct footfall_cli *cli);
#endif
