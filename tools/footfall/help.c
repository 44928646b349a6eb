/* help.c: --help for the whole and for each command, made from the table. */
#include "arguments.h"

#include <string.h>

#define COLUMN 24

static void option_line(FILE *out, enum footfall_cli_option option, const char *help)
{
    const struct footfall_cli_option_row *row = &footfall__cli_options[option];
    char word[COLUMN + 16];
    char letter[3] = { '-', row->letter, '\0' };
    snprintf(word, sizeof word, "%s%s%s%s%s%s", row->letter != '\0' ? letter : "",
             row->letter != '\0' && row->name != NULL ? ", " : "", row->name != NULL ? "--" : "",
             row->name != NULL ? row->name : "", row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
    if (strlen(word) > COLUMN) {
        fprintf(out, "  %s\n", word);
        word[0] = '\0';
    }
    fprintf(out, "  %-*s %s\n", COLUMN, word, help);
}

static void common_options(FILE *out)
{
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++)
        if (footfall__cli_options[i].help != NULL)
            option_line(out, (enum footfall_cli_option)i, footfall__cli_options[i].help);
}

static void whole_help(FILE *out)
{
    fputs("usage: footfall [-c FILE] [-o KEY=VALUE]... COMMAND [ARGUMENTS]\n"
          "Counts visits and unique visitors.\n\nCommands:\n",
          out);
    for (size_t i = 0; i < FOOTFALL_CLI_COMMANDS; i++) {
        const struct footfall_cli_command_row *row = &footfall__cli_commands[i];
        char usage[64];
        snprintf(usage, sizeof usage, "%s%s%s", row->name, *row->operands ? " " : "", row->operands);
        fprintf(out, "  %-*s %s\n", 30, usage, row->help);
    }
    fputs("\nOptions:\n", out);
    common_options(out);
    fprintf(out, "\nfootfall COMMAND --help tells more. %s", footfall__cli_epilogue);
}

void footfall__cli_help(FILE *out, enum footfall_cli_command command)
{
    const struct footfall_cli_command_row *row = NULL;
    if (command == FOOTFALL_CLI_NONE) {
        whole_help(out);
        return;
    }
    row = &footfall__cli_commands[command];
    fprintf(out, "usage: footfall %s%s%s%s\n", row->name, row->own[0].option != FOOTFALL_CLI_END ? " [OPTIONS]" : "",
            *row->operands ? " " : "", row->operands);
    fprintf(out, "%c%s.\n", row->help[0] - 'a' + 'A', row->help + 1);
    if (row->details != NULL)
        fprintf(out, "\n%s\n", row->details);
    fputs("\nOptions:\n", out);
    for (const struct footfall_cli_own_option *own = row->own; own->option != FOOTFALL_CLI_END; own++)
        option_line(out, own->option, own->help);
    common_options(out);
}
