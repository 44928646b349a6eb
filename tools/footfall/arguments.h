/* arguments.h: the words of a command line, taken apart by the table. Opens nothing and prints nothing but help. */
#ifndef FOOTFALL_CLI_ARGUMENTS_H
#define FOOTFALL_CLI_ARGUMENTS_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "footfall.h"
#include "table.h"

struct footfall_cli_arguments {
    enum footfall_cli_command command;        /* FOOTFALL_CLI_NONE with --help or --version alone */
    const char **operands;                    /* what follows the command's name; points into argv */
    size_t operand_count;                     /* within the command's least and most, unless help is asked for */
    const char *values[FOOTFALL_CLI_OPTIONS]; /* NULL: not given; "" for one that takes no value */
    struct footfall_setting *settings;        /* of -o, in order */
    size_t setting_count;
};

/* Takes argv apart. 0, and *out is to be freed; or -1 with a sentence in text, and *out needs no freeing: it has the values
 * of the options before the mistake and nothing else. The strings of argv must outlive *out. */
int footfall__cli_parse(struct footfall_cli_arguments *out, int argc, char *const argv[], char *text,
                        size_t text_bytes);
void footfall__cli_free(struct footfall_cli_arguments *arguments);

/* Help for one command, or for the whole (FOOTFALL_CLI_NONE). */
void footfall__cli_help(FILE *out, enum footfall_cli_command command);

/* ---- values ----------------------------------------------------------------------------------------------------------- */

/* A decimal integer, sign allowed, nothing else around it, min … max. 0; -1 no number; -2 out of range. */
int footfall__cli_integer(int64_t *out, const char *text, int64_t min, int64_t max);

/* RFC 3339, or milliseconds since 1970. NULL and *out in 0 … INT64_MAX; or what is wrong (static text). A space or a
 * small t may stand for the T; more than three digits of a fraction are cut; second 60 is 59.999. */
const char *footfall__cli_time(int64_t *out_ms, const char *text);

/* "200-399", "200,204,301-308": sets[status] becomes 1 for each of 0 … 999. 0, or -1 when it is no such list. */
#define FOOTFALL_CLI_STATUSES 1000
int footfall__cli_statuses(unsigned char sets[FOOTFALL_CLI_STATUSES], const char *text);
#endif
