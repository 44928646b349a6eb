/* help.c: --help for the whole and for each command, made from the table, in lines that any terminal has room for. */
#include "arguments.h"

#include <ctype.h>
#include <string.h>

#define WIDTH 79
#define COMMAND_COLUMN 30
#define OPTION_COLUMN 27

/* The words up to `end`, in lines that begin at `column`; the first line is there up to `at`. Ends the line. */
static void wrap(FILE *out, const char *text, const char *end, size_t column, size_t at)
{
    while (text < end) {
        size_t word = strcspn(text, " \n");
        if (at > column && at + 1 + word > WIDTH) {
            fputc('\n', out);
            at = 0;
        }
        if (at > column)
            at += (size_t)fprintf(out, " ");
        else
            at += (size_t)fprintf(out, "%*s", (int)(column - at), "");
        at += fwrite(text, 1, word, out);
        text += word;
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void wrap_all(FILE *out, const char *text, size_t column, size_t at)
{
    wrap(out, text, text + strlen(text), column, at);
}

/* An empty line before each; a line that begins with a space, as in a list or an example, stays as it is. */
static void paragraphs(FILE *out, const char *text)
{
    fputc('\n', out);
    while (*text != '\0') {
        const char *end = text + strcspn(text, "\n");
        if (*text == ' ' || *text == '\n') {
            fprintf(out, "%.*s\n", (int)(end - text), text);
        } else {
            while (end[0] == '\n' && end[1] != '\0' && end[1] != ' ' && end[1] != '\n')
                end += 1 + strcspn(end + 1, "\n");
            wrap(out, text, end, 0, 0);
        }
        text = *end == '\0' ? end : end + 1;
    }
}

/* What it is on the left, what it does from `column` on; on a line of its own when it is too long for that. */
static void entry(FILE *out, const char *what, size_t column, const char *help)
{
    size_t at = 2 + strlen(what);
    fprintf(out, "  %s", what);
    if (at + 1 > column) {
        fputc('\n', out);
        at = 0;
    }
    wrap_all(out, help, column, at);
}

static void option_entry(FILE *out, enum footfall_cli_option option, const char *help)
{
    const struct footfall_cli_option_row *row = &footfall__cli_options[option];
    char word[64];
    char letter[3] = { '-', row->letter, '\0' };
    snprintf(word, sizeof word, "%s%s%s%s%s%s", row->letter != '\0' ? letter : "",
             row->letter != '\0' && row->name != NULL ? ", " : "", row->name != NULL ? "--" : "",
             row->name != NULL ? row->name : "", row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
    entry(out, word, OPTION_COLUMN, help);
}

static void common_options(FILE *out)
{
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++)
        if (footfall__cli_options[i].help != NULL)
            option_entry(out, (enum footfall_cli_option)i, footfall__cli_options[i].help);
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
        entry(out, usage, COMMAND_COLUMN, row->help);
    }
    fputs("\nOptions:\n", out);
    common_options(out);
    paragraphs(out, footfall__cli_epilogue);
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
    fprintf(out, "%c%s.\n", toupper((unsigned char)row->help[0]), row->help + 1);
    if (row->details != NULL)
        paragraphs(out, row->details);
    fputs("\nOptions:\n", out);
    for (const struct footfall_cli_own_option *own = row->own; own->option != FOOTFALL_CLI_END; own++)
        option_entry(out, own->option, own->help);
    common_options(out);
}
