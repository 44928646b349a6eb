/* ingest_rules.c: what of a log counts, taken from the options. Judging a line by them is ingest_lines.c's affair. */
#include "ingest.h"

#include <string.h>

int footfall__ingest_take_rules(struct footfall_ingest_rules *rules, const struct footfall_cli_arguments *arguments)
{
    const char *const *values = arguments->values;
    const char *format = values[FOOTFALL_CLI_FORMAT], *by = values[FOOTFALL_CLI_BY];
    const char *status = values[FOOTFALL_CLI_STATUS];
    rules->format = FOOTFALL_LOGS_COMBINED;
    if (format != NULL && strcmp(format, "common") == 0)
        rules->format = FOOTFALL_LOGS_COMMON;
    else if (format != NULL && strcmp(format, "combined") != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--format: combined or common");
    if (by != NULL && strcmp(by, "path") != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by: path is all there is");
    rules->counter = values[FOOTFALL_CLI_COUNTER];
    if (by != NULL && rules->counter != NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by path and --counter exclude each other");
    rules->strict = values[FOOTFALL_CLI_STRICT] != NULL;
    rules->every_status = status == NULL;
    if (status != NULL && footfall__cli_statuses(rules->statuses, status) != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--status: a list such as 200-399 or 200,204,301-308");
    if (status != NULL && memchr(rules->statuses, 0, sizeof rules->statuses) == NULL)
        rules->every_status = 1;
    return rules->counter != NULL ? footfall__cli_check_name(rules->counter) : 0;
}

void footfall__ingest_free_rules(struct footfall_ingest_rules *rules)
{
    memset(rules, 0, sizeof *rules);
}
