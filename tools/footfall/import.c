/* import.c: taking over what another program has counted; a file of lines is import_set.c's. What can be read of another
 * program, and how it is added exactly once, is the library's and the store's affair. */
#include "import.h"

#include <inttypes.h>
#include <jansson.h>

static const char *plural(int64_t number)
{
    return number == 1 ? "" : "s";
}

static void print_imported(const struct footfall_cli *cli, const char *name, const struct footfall_import_result *r)
{
    json_t *line = NULL;
    if (!cli->json) {
        footfall__cli_print_numbers(name, r->total, r->unique);
        if (r->added_total == 0 && r->added_unique == 0)
            printf(" (nothing new)\n");
        else
            printf(" (%" PRId64 " visit%s and %" PRId64 " visitor%s added)\n", r->added_total, plural(r->added_total),
                   r->added_unique, plural(r->added_unique));
        footfall__cli_written();
        return;
    }
    line = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "counter", name, "count", (json_int_t)r->total, "total_visits",
                     (json_int_t)r->total, "unique_visitors", (json_int_t)r->unique, "added_visits",
                     (json_int_t)r->added_total, "added_visitors", (json_int_t)r->added_unique);
    if (line == NULL)
        footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    else if (json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(line);
}

static int from_program(struct footfall_cli *cli, const char *source, const char *name)
{
    struct footfall_import_result result;
    struct footfall_error err;
    int exit = footfall__cli_check_name(name);
    if (exit == 0 && source[0] == '\0')
        exit = footfall__cli_complain(FOOTFALL_CLI_USAGE, "--%s: empty",
                                      footfall__cli_options[FOOTFALL_CLI_FROM_TUTORIAL].name);
    if (exit == 0)
        exit = footfall__cli_configure(cli);
    if (exit != 0)
        return exit;
    if (footfall_import_supported(cli->config, &err) != FOOTFALL_OK) /* before a store is made that cannot do it */
        return footfall__cli_failed(&err);
    exit = footfall__cli_open(cli);
    if (exit != 0)
        return exit;
    if (footfall_import_foreign(cli->handle, source, name, NULL, &result, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    print_imported(cli, name, &result);
    return 0;
}

int footfall__cli_import(struct footfall_cli *cli)
{
    const char *source = cli->arguments.values[FOOTFALL_CLI_FROM_TUTORIAL];
    const char *name = cli->arguments.values[FOOTFALL_CLI_COUNTER];
    const char *from = footfall__cli_options[FOOTFALL_CLI_FROM_TUTORIAL].name;
    if (source == NULL && name == NULL)
        return footfall__import_lines(cli);
    if (source == NULL || name == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--%s and --%s go together", from,
                                      footfall__cli_options[FOOTFALL_CLI_COUNTER].name);
    if (cli->arguments.operand_count > 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "FILE does not go with --%s", from);
    if (cli->arguments.values[FOOTFALL_CLI_OVERWRITE] != NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--%s does not go with --%s",
                                      footfall__cli_options[FOOTFALL_CLI_OVERWRITE].name, from);
    return from_program(cli, source, name);
}
