/* terminal.c: what a terminal may get that a pipe never does: colour, lines as wide as it is, and one that is rewritten. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum when { AUTO, ALWAYS, NEVER };
static enum when when = AUTO;
static int line_shown; /* guarded by the lock of stderr */

int footfall__cli_take_colour(const struct footfall_cli_arguments *arguments)
{
    const char *word = arguments->values[FOOTFALL_CLI_COLOR];
    if (word == NULL || strcmp(word, "auto") == 0)
        when = AUTO;
    else if (strcmp(word, "always") == 0)
        when = ALWAYS;
    else if (strcmp(word, "never") == 0)
        when = NEVER;
    else
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--color: auto, always or never");
    return 0;
}

int footfall__cli_is_terminal(FILE *out)
{
    return isatty(fileno(out)) == 1;
}

size_t footfall__cli_columns(FILE *out)
{
    struct winsize size;
    int64_t columns = 0;
    const char *text = getenv("COLUMNS");
    if (text != NULL && footfall__cli_integer(&columns, text, 1, 10000) == 0)
        return (size_t)columns;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

int footfall__cli_can_rewrite(FILE *out)
{
    const char *terminal = getenv("TERM");
    return terminal != NULL && *terminal != '\0' && strcmp(terminal, "dumb") != 0 && footfall__cli_is_terminal(out);
}

int footfall__cli_is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    const char *locale = "";
    for (size_t i = 0; *locale == '\0' && i < sizeof names / sizeof names[0]; i++)
        locale = getenv(names[i]) != NULL ? getenv(names[i]) : "";
    return strcasestr(locale, "utf-8") != NULL || strcasestr(locale, "utf8") != NULL;
}

/* no-color.org: any value but the empty one; what the user says on the command line goes before it. */
static int is_coloured(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    if (when != AUTO)
        return when == ALWAYS;
    return (no_color == NULL || *no_color == '\0') && footfall__cli_can_rewrite(out);
}

const char *footfall__cli_style(FILE *out, enum footfall_cli_style style)
{
    static const char *const codes[] = {
        [FOOTFALL_CLI_NORMAL] = "\033[0m", [FOOTFALL_CLI_BOLD] = "\033[1m",   [FOOTFALL_CLI_DIM] = "\033[2m",
        [FOOTFALL_CLI_RED] = "\033[31m",   [FOOTFALL_CLI_GREEN] = "\033[32m", [FOOTFALL_CLI_YELLOW] = "\033[33m",
        [FOOTFALL_CLI_CYAN] = "\033[36m",
    };
    return is_coloured(out) ? codes[style] : "";
}

/* Of a shell's jobs: the line would be drawn over what is at the front. A terminal that is nobody's has no front. */
static int is_in_background(void)
{
    pid_t front = tcgetpgrp(STDERR_FILENO);
    return front > 0 && front != getpgrp();
}

void footfall__cli_show_line(const char *line)
{
    if (is_in_background())
        return;
    flockfile(stderr);
    fprintf(stderr, "\r%s\033[K", line);
    line_shown = 1;
    funlockfile(stderr);
}

void footfall__cli_hide_line(void)
{
    flockfile(stderr);
    if (line_shown)
        fputs("\r\033[K", stderr);
    line_shown = 0;
    funlockfile(stderr);
}
