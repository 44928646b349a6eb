/* rows.c: counters for people and for programs. On a terminal a table has a bar for the eye and fits its width; whatever reads a
 * pipe gets whole names and nothing else. */
#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define LEAST_NAME 8 /* columns, even where a row does not fit then */
#define GOOD_NAME 24 /* that a name keeps beside a bar */
#define LEAST_BAR 8
#define MOST_BAR 40

void footfall__cli_print_numbers(const char *name, int64_t total, int64_t unique)
{
    footfall__cli_print_text(name);
    printf(": %" PRId64 " visit%s, %" PRId64 " visitor%s", total, total == 1 ? "" : "s", unique,
           unique == 1 ? "" : "s");
}

void footfall__cli_print_json(const char *name, int64_t total, int64_t unique, uint32_t flags,
                              enum footfall_cli_json_extra extra)
{
    json_t *line = json_pack("{s:s, s:I, s:I, s:I}", "counter", name, "count", (json_int_t)total, "total_visits",
                             (json_int_t)total, "unique_visitors", (json_int_t)unique);
    int failed = line == NULL;
    if (extra == FOOTFALL_CLI_AFTER_VISIT)
        failed = failed || json_object_set_new(line, "is_new_visitor", json_boolean(flags & FOOTFALL_IS_NEW)) != 0;
    if (extra == FOOTFALL_CLI_AFTER_DELETE)
        failed = failed || json_object_set_new(line, "deleted", json_true()) != 0;
    if (flags & FOOTFALL_REPLAYED)
        failed = failed || json_object_set_new(line, "replayed", json_true()) != 0;
    if (failed)
        footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    else if (json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(line);
}

/* ---- a table ---------------------------------------------------------------------------------------------------------- */

struct layout { /* columns of each column */
    size_t name, total, unique, bar;
    enum footfall_cli_bar of;
    int64_t largest; /* what the bar is longest for */
    int utf8;
    const char *bold, *colour, *normal;
};

static size_t digits(int64_t number)
{
    return (size_t)snprintf(NULL, 0, "%" PRId64, number);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int64_t barred(const struct layout *layout, const struct footfall_cli_row *row)
{
    return layout->of == FOOTFALL_CLI_BAR_OF_UNIQUE ? row->unique : row->total;
}

/* Gives the bar what names leave of a terminal's width, or takes from the names what is missing. */
static void fit(struct layout *layout, size_t width)
{
    size_t numbers = 2 + layout->total + 2 + layout->unique, room = width > numbers ? width - numbers : 0;
    int wants_bar = layout->largest > 0;
    if (wants_bar && layout->name + 2 + LEAST_BAR <= room) {
        layout->bar = room - 2 - layout->name < MOST_BAR ? room - 2 - layout->name : MOST_BAR;
    } else if (wants_bar && GOOD_NAME + 2 + LEAST_BAR <= room) {
        layout->bar = LEAST_BAR;
        layout->name = room - 2 - LEAST_BAR;
    } else if (layout->name > room) {
        layout->name = larger(room, LEAST_NAME);
    }
}

static struct layout lay_out(const struct footfall_cli_row *rows, size_t count, enum footfall_cli_bar bar)
{
    struct layout layout = { .name = strlen("COUNTER"),
                             .total = strlen("VISITS"),
                             .unique = strlen("VISITORS"),
                             .of = bar,
                             .utf8 = footfall__cli_is_utf8(),
                             .bold = footfall__cli_style(stdout, FOOTFALL_CLI_BOLD),
                             .colour = footfall__cli_style(stdout, FOOTFALL_CLI_CYAN),
                             .normal = footfall__cli_style(stdout, FOOTFALL_CLI_NORMAL) };
    for (size_t i = 0; i < count; i++) {
        layout.name = larger(layout.name, footfall__cli_text_columns(rows[i].name));
        layout.total = larger(layout.total, digits(rows[i].total));
        layout.unique = larger(layout.unique, digits(rows[i].unique));
        if (barred(&layout, &rows[i]) > layout.largest)
            layout.largest = barred(&layout, &rows[i]);
    }
    if (bar != FOOTFALL_CLI_NO_BAR && footfall__cli_is_terminal(stdout))
        fit(&layout, footfall__cli_columns(stdout));
    return layout;
}

/* However small a number above 0 is, there is something to see. */
static void print_bar(const struct layout *layout, int64_t number)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    size_t steps = layout->utf8 ? 8 : 1; /* in a column */
    size_t length = 0;
    if (layout->bar == 0 || number <= 0)
        return;
    length = (size_t)((double)number / (double)layout->largest * (double)(layout->bar * steps) + 0.5);
    length = larger(length, 1);
    printf("  %s", layout->colour);
    for (size_t i = 0; i < length / steps; i++)
        fputs(layout->utf8 ? "█" : "#", stdout);
    printf("%s%s", layout->utf8 ? eighths[length % steps] : "", layout->normal);
}

void footfall__cli_print_table(const struct footfall_cli_row *rows, size_t count, enum footfall_cli_bar bar)
{
    struct layout layout = { 0 };
    if (count == 0)
        return;
    layout = lay_out(rows, count, bar);
    printf("%s%-*s  %*s  %*s%s\n", layout.bold, (int)layout.name, "COUNTER", (int)layout.total, "VISITS",
           (int)layout.unique, "VISITORS", layout.normal);
    for (size_t i = 0; i < count && !footfall__cli_output_failed(); i++) {
        size_t width = footfall__cli_print_cut(rows[i].name, layout.name, layout.utf8);
        printf("%*s  %*" PRId64 "  %*" PRId64, (int)(layout.name - width), "", (int)layout.total, rows[i].total,
               (int)layout.unique, rows[i].unique);
        print_bar(&layout, barred(&layout, &rows[i]));
        putchar('\n');
    }
    footfall__cli_written();
}

void footfall__cli_print_rows(const struct footfall_cli_row *rows, size_t count, int json)
{
    if (!json)
        footfall__cli_print_table(rows, count, FOOTFALL_CLI_NO_BAR);
    for (size_t i = 0; json && i < count && !footfall__cli_output_failed(); i++)
        footfall__cli_print_json(rows[i].name, rows[i].total, rows[i].unique, 0, FOOTFALL_CLI_PLAIN);
    footfall__cli_written();
}
