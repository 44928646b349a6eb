/* cli.h: what the commands share: one run of the program, messages and exit statuses, and how counters are shown. */
#ifndef FOOTFALL_CLI_H
#define FOOTFALL_CLI_H
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"
#include "footfall.h"
#include "footfall_admin.h"

enum footfall_cli_exit {
    FOOTFALL_CLI_DONE = 0,
    FOOTFALL_CLI_FAILED = 1,
    FOOTFALL_CLI_USAGE = 2, /* usage or bad input; nothing touched */
    FOOTFALL_CLI_CONFIG_EXIT = 3,
    FOOTFALL_CLI_TEMPORARY = 4,
    FOOTFALL_CLI_UNKNOWN = 5
};

struct footfall_cli {
    struct footfall_cli_arguments arguments;
    struct footfall_config *config; /* NULL until footfall__cli_configure */
    struct footfall *handle;        /* NULL until footfall__cli_open */
    int json;
    int ended_well; /* an interrupt was the way to end it: no reason to die of it */
};

/* One per command: checks its arguments, opens, does it, prints. Return an exit status. */
int footfall__cli_visit(struct footfall_cli *cli);
int footfall__cli_add(struct footfall_cli *cli);
int footfall__cli_get(struct footfall_cli *cli);
int footfall__cli_list(struct footfall_cli *cli);
int footfall__cli_set(struct footfall_cli *cli);
int footfall__cli_delete(struct footfall_cli *cli);
int footfall__cli_forget(struct footfall_cli *cli);
int footfall__cli_ingest(struct footfall_cli *cli);
int footfall__cli_purge(struct footfall_cli *cli);
int footfall__cli_config(struct footfall_cli *cli);
int footfall__cli_bench(struct footfall_cli *cli);
int footfall__cli_import(struct footfall_cli *cli);
int footfall__cli_iam_policy(struct footfall_cli *cli);
int footfall__cli_export(struct footfall_cli *cli);
int footfall__cli_demo(struct footfall_cli *cli);
int footfall__cli_doctor(struct footfall_cli *cli);
int footfall__cli_serve(struct footfall_cli *cli);

/* ---- opening (main.c) ------------------------------------------------------------------------------------------------- */

/* Loads the configuration; opens the store too. 0, or an exit status after a message. Arguments are checked before, so
 * that a mistake there touches nothing. */
int footfall__cli_configure(struct footfall_cli *cli);
int footfall__cli_open(struct footfall_cli *cli);

/* ---- messages (output.c) ---------------------------------------------------------------------------------------------- */

/* One line on standard error, "footfall: …"; bytes that could drive a terminal become '?'. Returns `exit`. Any thread. */
int footfall__cli_complain(int exit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what the library said. Returns the exit status that goes with err->status. */
int footfall__cli_failed(const struct footfall_error *err);
int footfall__cli_exit_of(int status); /* of an enum footfall_status */

/* Is it a counter's name, an address? 0, or FOOTFALL_CLI_USAGE after a message. */
int footfall__cli_check_name(const char *name);
int footfall__cli_check_address(const char *address);
/* "TOTAL" and so on: a decimal number in its range: 0, or FOOTFALL_CLI_USAGE after a message that names the argument. */
int footfall__cli_number(int64_t *out, const char *argument, const char *text, int64_t min, int64_t max);

/* Standard output: remembers the first failure after each line. footfall__cli_finish_output flushes, and turns `exit` into
 * FOOTFALL_CLI_FAILED after a message when something could not be written; a reader that went away is no failure. */
void footfall__cli_written(void);
int footfall__cli_output_failed(void); /* 1: nobody reads, or it cannot be written: stop */
int footfall__cli_finish_output(int exit);

/* ---- the terminal (terminal.c) ---------------------------------------------------------------------------------------- */

enum footfall_cli_style {
    FOOTFALL_CLI_NORMAL, /* ends the others */
    FOOTFALL_CLI_BOLD,
    FOOTFALL_CLI_DIM,
    FOOTFALL_CLI_RED,
    FOOTFALL_CLI_GREEN,
    FOOTFALL_CLI_YELLOW,
    FOOTFALL_CLI_CYAN
};
/* Takes --color: 0, or FOOTFALL_CLI_USAGE after a message. */
int footfall__cli_take_colour(const struct footfall_cli_arguments *arguments);
/* What switches to that style on `out` (stdout or stderr); "" where there is to be no colour: --color=never, NO_COLOR,
 * TERM=dumb or none, no terminal. --color=always goes before all but itself. */
const char *footfall__cli_style(FILE *out, enum footfall_cli_style style);
int footfall__cli_is_terminal(FILE *out);
int footfall__cli_can_rewrite(FILE *out); /* a terminal that does what escape sequences say: not TERM=dumb or none */
size_t footfall__cli_columns(FILE *out);  /* its width, $COLUMNS before what it says itself; 80 when nobody knows */
int footfall__cli_is_utf8(void);          /* by the first of $LC_ALL, $LC_CTYPE and $LANG that is set */

/* One line on standard error that stays until the next takes its place, and is wiped before a message. Only where
 * footfall__cli_can_rewrite and not in the background, and narrower than the terminal: the last column is the cursor's. Any
 * thread. */
void footfall__cli_show_line(const char *line);
void footfall__cli_hide_line(void);

/* ---- text (text.c) ---------------------------------------------------------------------------------------------------- */

/* Text on standard output as a terminal may have it: control characters (C1 too), direction marks and what is no UTF-8 are
 * written as "\u{9b}" or "\xff". */
void footfall__cli_print_text(const char *text);
size_t footfall__cli_text_columns(const char *text); /* that it takes then */
/* The same in at most so many columns, 8 or more: when it is longer, "…" (or "...") stands for its middle. Returns how many. */
size_t footfall__cli_print_cut(const char *text, size_t most, int utf8);
void footfall__cli_make_harmless(char *text); /* '?' for what would be escaped */

/* ---- interrupts (interrupt.c) ----------------------------------------------------------------------------------------- */

/* From here on the first SIGINT, SIGTERM or SIGHUP is only noted, for the command to end well; the second of the same kind
 * ends the program. Signals that were ignored stay so. */
void footfall__cli_catch_interrupts(void);
int footfall__cli_interrupted(void); /* the signal's number, 0: none. Any thread */
/* Dies of the signal that was noted, if any, so that a calling shell sees why. For main, when all is put away. */
void footfall__cli_end_by_interrupt(void);

/* ---- counters (rows.c) ------------------------------------------------------------------------------------------------ */

struct footfall_cli_row {
    const char *name;
    int64_t total, unique;
};

/* COUNTER VISITS VISITORS, aligned, with a line of headings; nothing for no rows. Or a JSON object for each. */
void footfall__cli_print_rows(const struct footfall_cli_row *rows, size_t count, int json);
enum footfall_cli_bar { FOOTFALL_CLI_NO_BAR, FOOTFALL_CLI_BAR_OF_TOTAL, FOOTFALL_CLI_BAR_OF_UNIQUE };
/* The same for people. With a bar, if standard output is a terminal, rows fit its width: names give way in their middle. */
void footfall__cli_print_table(const struct footfall_cli_row *rows, size_t count, enum footfall_cli_bar bar);

enum footfall_cli_json_extra { FOOTFALL_CLI_PLAIN, FOOTFALL_CLI_AFTER_VISIT, FOOTFALL_CLI_AFTER_DELETE };
/* The one JSON shape for a counter, in a line. flags: enum footfall_result_flags. */
void footfall__cli_print_json(const char *name, int64_t total, int64_t unique, uint32_t flags,
                              enum footfall_cli_json_extra extra);
/* "main_page: 42 visits, 17 visitors" without the newline. */
void footfall__cli_print_numbers(const char *name, int64_t total, int64_t unique);
#endif
