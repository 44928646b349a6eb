/* list.c: every counter, in byte order or by its numbers. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    struct footfall_cli_row *rows; /* names are its own */
    size_t count, room;
    size_t limit; /* of rows to show */
    int stop_at_limit;
    int stream; /* print each at once instead of keeping it */
    int failed;
};

static int keep_row(struct listing *l, const char *name, int64_t total, int64_t unique)
{
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
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
    return (l->stop_at_limit && l->count == l->limit) || footfall__cli_output_failed();
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

static int take_sort(const char *text, int (**compare)(const void *, const void *))
{
    *compare = NULL;
    if (text == NULL || strcmp(text, "name") == 0)
        return 0;
    *compare = strcmp(text, "total") == 0 ? by_total : strcmp(text, "unique") == 0 ? by_unique : NULL;
    return *compare != NULL ? 0 : footfall__cli_complain(FOOTFALL_CLI_USAGE, "--sort: name, total or unique");
}

static void free_rows(struct listing *l)
{
    for (size_t i = 0; l->rows != NULL && i < l->count; i++)
        free((void *)(uintptr_t)l->rows[i].name);
    free(l->rows);
}

int footfall__cli_list(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    const char *prefix = arguments->operand_count == 1 ? arguments->operands[0] : "";
    const char *limit_text = arguments->values[FOOTFALL_CLI_LIMIT];
    struct listing l = { NULL, 0, 0, SIZE_MAX, 0, 0, 0 };
    int (*compare)(const void *, const void *) = NULL;
    struct footfall_error err;
    int64_t limit = INT64_MAX;
    int exit = take_sort(arguments->values[FOOTFALL_CLI_SORT], &compare);
    if (exit == 0 && limit_text != NULL)
        exit = footfall__cli_number(&limit, "--limit", limit_text, 1, INT64_MAX);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    l.limit = (size_t)limit;
    l.stop_at_limit = compare == NULL;
    l.stream = cli->json && compare == NULL;
    if (footfall_list(cli->handle, prefix, NULL, NULL, each_counter, &l, &err) != FOOTFALL_OK)
        exit = footfall__cli_failed(&err);
    if (l.failed)
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    if (exit == 0 && !l.stream) {
        if (compare != NULL && l.count > 0)
            qsort(l.rows, l.count, sizeof *l.rows, compare);
        footfall__cli_print_rows(l.rows, l.count < l.limit ? l.count : l.limit, cli->json);
    }
    free_rows(&l);
    return exit;
}
