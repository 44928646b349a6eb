/* list.c: every counter, in byte order or by its numbers. How rows look is rows.c's affair. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64 /* rows */

struct listing {
    struct footfall_cli_row *rows; /* names are its own */
    size_t count, room;
    size_t limit;                               /* of rows to show */
    int (*compare)(const void *, const void *); /* NULL: they come in their order, and `limit` is the end */
    int stream;                                 /* print each at once instead of keeping it */
    int failed;
};

static void free_names(const struct footfall_cli_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)rows[i].name);
}

/* Sorts, and drops what is not to be shown. */
static void keep_best(struct listing *l)
{
    if (l->compare != NULL && l->count > 0)
        qsort(l->rows, l->count, sizeof *l->rows, l->compare);
    if (l->count <= l->limit)
        return;
    free_names(l->rows + l->limit, l->count - l->limit);
    l->count = l->limit;
}

static int keep_row(struct listing *l, const char *name, int64_t total, int64_t unique)
{
    if (l->count == l->room && l->limit <= l->room / 2)
        keep_best(l);
    if (l->count == l->room) {
        size_t room = l->room == 0 ? FIRST_ROOM : l->room * 2;
        struct footfall_cli_row *grown = realloc(l->rows, room * sizeof *grown);
        if (grown == NULL)
            return -1;
        l->rows = grown;
        l->room = room;
    }
    l->rows[l->count] = (struct footfall_cli_row){ strdup(name), total, unique };
    return l->rows[l->count].name == NULL ? -1 : 0;
}

static int each_counter(void *user, const char *name, int64_t total, int64_t unique)
{
    struct listing *l = user;
    if (l->stream) {
        footfall__cli_print_json(name, total, unique, 0, FOOTFALL_CLI_PLAIN);
    } else if (keep_row(l, name, total, unique) != 0) {
        l->failed = 1;
        return 1;
    }
    l->count++;
    return (l->compare == NULL && l->count == l->limit) || footfall__cli_output_failed();
}

/* Largest first, equal ones by name. */
static int by_number(int64_t a, int64_t b, const char *name_a, const char *name_b)
{
    return a != b ? (a < b ? 1 : -1) : strcmp(name_a, name_b);
}

static int by_total(const void *left, const void *right)
{
    const struct footfall_cli_row *a = left, *b = right;
    return by_number(a->total, b->total, a->name, b->name);
}

static int by_unique(const void *left, const void *right)
{
    const struct footfall_cli_row *a = left, *b = right;
    return by_number(a->unique, b->unique, a->name, b->name);
}

static int take_sort(struct listing *l, const char *text)
{
    if (text == NULL || strcmp(text, "name") == 0)
        return 0;
    l->compare = strcmp(text, "total") == 0 ? by_total : strcmp(text, "unique") == 0 ? by_unique : NULL;
    return l->compare != NULL ? 0 : footfall__cli_complain(FOOTFALL_CLI_USAGE, "--sort: name, total or unique");
}

static void print(struct listing *l, int json)
{
    keep_best(l);
    if (json)
        footfall__cli_print_rows(l->rows, l->count, 1);
    else
        footfall__cli_print_table(l->rows, l->count,
                                  l->compare == by_unique ? FOOTFALL_CLI_BAR_OF_UNIQUE : FOOTFALL_CLI_BAR_OF_TOTAL);
}

int footfall__cli_list(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    const char *prefix = arguments->operand_count == 1 ? arguments->operands[0] : "";
    const char *limit_text = arguments->values[FOOTFALL_CLI_LIMIT];
    struct listing l = { NULL, 0, 0, SIZE_MAX, NULL, 0, 0 };
    struct footfall_error err;
    int64_t limit = INT64_MAX;
    int exit = take_sort(&l, arguments->values[FOOTFALL_CLI_SORT]);
    if (exit == 0 && limit_text != NULL)
        exit = footfall__cli_number(&limit, "--limit", limit_text, 1, INT64_MAX);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    l.limit = (size_t)limit;
    l.stream = cli->json && l.compare == NULL;
    if (footfall_list(cli->handle, prefix, NULL, NULL, each_counter, &l, &err) != FOOTFALL_OK)
        exit = footfall__cli_failed(&err);
    if (l.failed)
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    if (exit == 0 && !l.stream)
        print(&l, cli->json);
    if (l.rows != NULL)
        free_names(l.rows, l.count);
    free(l.rows);
    return exit;
}
