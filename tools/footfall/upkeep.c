/* upkeep.c: purge in slices until nothing is left to drop, and what is configured. */
#include "cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define SLICE 10000        /* records: short enough for other users of the store */
#define WIDEST_VALUE 28    /* that the column of values grows for */
#define UNKNOWN_IN_A_ROW 5 /* an unknown outcome of a purge only means: again */

static void print_purged(const struct footfall_cli *cli, const struct footfall_purge_result *sum)
{
    json_t *line = NULL;
    if (!cli->json) {
        printf("dropped %" PRId64 " visitor record%s, %" PRId64 " token%s and the like, %" PRId64
               " deleted counter%s\n",
               sum->visitors, sum->visitors == 1 ? "" : "s", sum->tokens, sum->tokens == 1 ? "" : "s", sum->counters,
               sum->counters == 1 ? "" : "s");
        footfall__cli_written();
        return;
    }
    line = json_pack("{s:I, s:I, s:I, s:b}", "visitors", (json_int_t)sum->visitors, "tokens", (json_int_t)sum->tokens,
                     "counters", (json_int_t)sum->counters, "done", sum->done);
    if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(line);
}

int footfall__cli_purge(struct footfall_cli *cli)
{
    struct footfall_purge_result sum = { 0, 0, 0, 0 };
    struct footfall_error err;
    int unknown = 0, exit = footfall__cli_open(cli);
    if (exit != 0)
        return exit;
    while (!sum.done) {
        struct footfall_purge_result slice = { 0, 0, 0, 0 };
        int status = footfall_purge(cli->handle, FOOTFALL_NOW, SLICE, NULL, &slice, &err);
        if (status == FOOTFALL_UNKNOWN && ++unknown < UNKNOWN_IN_A_ROW)
            continue;
        if (status != FOOTFALL_OK) {
            exit = footfall__cli_failed(&err);
            break;
        }
        unknown = 0;
        sum.visitors += slice.visitors;
        sum.tokens += slice.tokens;
        sum.counters += slice.counters;
        sum.done = slice.done;
    }
    print_purged(cli, &sum);
    return exit;
}

static const char *shown_value(const struct footfall_config_entry *entry)
{
    return entry->value == NULL ? "" : entry->secret ? "***" : entry->value;
}

struct widths {
    size_t key, value;
};

static int each_width(void *user, const struct footfall_config_entry *entry)
{
    struct widths *widths = user;
    size_t key = strlen(entry->key), value = strlen(shown_value(entry));
    widths->key = key > widths->key ? key : widths->key;
    if (value <= WIDEST_VALUE && value > widths->value)
        widths->value = value;
    return 0;
}

static int each_as_text(void *user, const struct footfall_config_entry *entry)
{
    const struct widths *widths = user;
    size_t value = strlen(shown_value(entry));
    printf("%-*s  ", (int)widths->key, entry->key);
    footfall__cli_print_text(shown_value(entry));
    printf("%*s  (", value < widths->value ? (int)(widths->value - value) : 0, "");
    footfall__cli_print_text(entry->source_name);
    if (entry->line > 0)
        printf(":%d", entry->line);
    printf(") %s\n", entry->help != NULL ? entry->help : "");
    return footfall__cli_output_failed();
}

/* A value may come from a file and hold any bytes: what is no UTF-8 is no JSON either. */
static json_t *text_or_null(const char *text)
{
    char copy[1024];
    json_t *value = text == NULL ? json_null() : json_string(text);
    if (value != NULL)
        return value;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *c = copy; *c != '\0'; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    return json_string(copy);
}

static int each_as_json(void *user, const struct footfall_config_entry *entry)
{
    static const char *const sources[] = { "default", "file", "environment", "setting" };
    json_t *line = json_pack("{s:o, s:o, s:s, s:o, s:i, s:o}", "key", text_or_null(entry->key), "value",
                             text_or_null(entry->value != NULL && entry->secret ? "***" : entry->value), "source",
                             sources[entry->source], "source_name", text_or_null(entry->source_name), "line",
                             entry->line, "help", text_or_null(entry->help));
    (void)user;
    if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(line);
    return footfall__cli_output_failed();
}

int footfall__cli_config(struct footfall_cli *cli)
{
    int exit = footfall__cli_configure(cli);
    struct widths widths = { 0, 0 };
    if (exit != 0)
        return exit;
    footfall_config_list(cli->config, each_width, &widths);
    footfall_config_list(cli->config, cli->json ? each_as_json : each_as_text, &widths);
    return 0;
}
