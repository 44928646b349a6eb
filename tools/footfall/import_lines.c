/* import_lines.c: reads the lines of an export and checks every one before anything is set. What they change is import_set.c's
 * affair. */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES 65536 /* longest line; one that sets a counter has a few hundred */
#define REASON_BYTES 320

struct reading {
    struct footfall_import_rows *rows;
    FILE *in;
    uint64_t line;
    char reason[REASON_BYTES]; /* what is wrong with that line */
    size_t bytes;
    char text[LINE_BYTES];
};

/* ---- one line --------------------------------------------------------------------------------------------------------- */

/* Reasons: each function returns 0, or the exit status that goes with r->reason. */
__attribute__((format(printf, 2, 3))) static int wrong(struct reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, sizeof r->reason, format, args);
    va_end(args);
    return FOOTFALL_CLI_USAGE;
}

static int no_memory(struct reading *r)
{
    wrong(r, "out of memory");
    return FOOTFALL_CLI_FAILED;
}

/* What jansson says repeats the line, and in a file given by mistake that may be anything. */
static int no_json(struct reading *r, const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_numeric_overflow:
        return wrong(r, "a number is out of range, %" PRId64 " to %" PRId64, INT64_MIN, INT64_MAX);
    case json_error_duplicate_key:
        return wrong(r, "has a field twice");
    case json_error_invalid_utf8:
        return wrong(r, "is no valid UTF-8");
    case json_error_out_of_memory:
        return no_memory(r);
    default:
        return wrong(r, "is no JSON object (column %d)", error->column);
    }
}

/* A key that reads like a word may be repeated. */
static int unknown_field(struct reading *r, const char *key)
{
    size_t bytes = 0;
    while (isalpha((unsigned char)key[0]) && (isalnum((unsigned char)key[bytes]) || key[bytes] == '_'))
        bytes++;
    if (bytes == 0 || key[bytes] != '\0' || bytes > 40)
        return wrong(r, "has a field that this version does not know");
    return wrong(r, "has a field that this version does not know, %s", key);
}

/* Records of other kinds may come in later exports: they must not be dropped in silence. */
static int check_fields(struct reading *r, json_t *object)
{
    static const char *const known[] = { "counter", "count", "total_visits", "unique_visitors" };
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(key, known[i]) != 0)
            i++;
        if (i == sizeof known / sizeof known[0])
            return unknown_field(r, key);
        if (i > 0 && !json_is_integer(value))
            return wrong(r, "%s is no whole number", key);
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (i != 1 && json_object_get(object, known[i]) == NULL)
            return wrong(r, "has no %s", known[i]);
    return 0;
}

static int add_row(struct reading *r, const char *name, int64_t total, int64_t unique)
{
    struct footfall_import_rows *rows = r->rows;
    if (rows->count == rows->room) {
        size_t room = rows->room == 0 ? 64 : rows->room * 2;
        struct footfall_import_row *grown = realloc(rows->rows, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(r);
        rows->rows = grown;
        rows->room = room;
    }
    rows->rows[rows->count] =
        (struct footfall_import_row){ strdup(name), total, unique, r->line, FOOTFALL_IMPORT_UNCHANGED };
    return rows->rows[rows->count].name != NULL ? (rows->count++, 0) : no_memory(r);
}

static int take_object(struct reading *r, json_t *object)
{
    const json_t *name = json_object_get(object, "counter"), *count = json_object_get(object, "count");
    json_int_t total = json_integer_value(json_object_get(object, "total_visits"));
    struct footfall_error err;
    int exit = check_fields(r, object);
    if (exit != 0)
        return exit;
    if (!json_is_string(name))
        return wrong(r, "counter is no text");
    if (footfall_name_check(json_string_value(name), json_string_length(name), &err) != FOOTFALL_OK)
        return wrong(r, "%s", err.text);
    if (count != NULL && json_integer_value(count) != total)
        return wrong(r, "count and total_visits differ");
    return add_row(r, json_string_value(name), total, json_integer_value(json_object_get(object, "unique_visitors")));
}

/* A blank line is passed over. */
static int take_line(struct reading *r)
{
    json_error_t error;
    json_t *object = NULL;
    int exit = 0;
    if (r->line == 1 && r->bytes >= 2 && memcmp(r->text, "\x1f\x8b", 2) == 0)
        return wrong(r, "is compressed; give it to standard input through zcat");
    if (strspn(r->text, " \t\r") >= r->bytes)
        return 0;
    object = json_loadb(r->text, r->bytes, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return no_json(r, &error);
    exit = json_is_object(object) ? take_object(r, object) : wrong(r, "is no JSON object");
    json_decref(object);
    return exit;
}

/* ---- all lines -------------------------------------------------------------------------------------------------------- */

/* 1: a line, or as much of it as there is room for; 0: none is left. */
static int next_line(struct reading *r)
{
    int c = EOF;
    r->bytes = 0;
    r->line++;
    while (r->bytes < LINE_BYTES - 1 && (c = getc_unlocked(r->in)) != EOF && c != '\n')
        r->text[r->bytes++] = (char)c;
    r->text[r->bytes] = '\0';
    return c != EOF || (r->bytes > 0 && !ferror(r->in));
}

static int take_lines(struct reading *r)
{
    while (next_line(r)) {
        int exit = take_line(r);
        if (r->bytes == LINE_BYTES - 1)
            exit = wrong(r, "is too long for a counter");
        if (exit != 0)
            return footfall__cli_complain(exit, "%s:%" PRIu64 ": %s; nothing is imported", r->rows->file, r->line,
                                          r->reason);
    }
    if (!ferror(r->in))
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "%s: cannot be read after line %" PRIu64 ": %s", r->rows->file,
                                  r->line - 1, strerror(errno));
}

static int by_name(const void *left, const void *right)
{
    const struct footfall_import_row *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

/* Byte order of names, as an export has it already; and none twice. */
static int sort_rows(struct footfall_import_rows *rows)
{
    const struct footfall_import_row *twice = NULL;
    size_t i = 1;
    while (i < rows->count && strcmp(rows->rows[i - 1].name, rows->rows[i].name) < 0)
        i++;
    if (i >= rows->count)
        return 0;
    qsort(rows->rows, rows->count, sizeof *rows->rows, by_name);
    for (i = 1; i < rows->count; i++)
        if (strcmp(rows->rows[i - 1].name, rows->rows[i].name) == 0 &&
            (twice == NULL || rows->rows[i].line < twice->line))
            twice = &rows->rows[i];
    if (twice == NULL)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE,
                                  "%s:%" PRIu64 ": '%s' is in line %" PRIu64 " already; nothing is imported",
                                  rows->file, twice->line, twice->name, twice[-1].line);
}

static FILE *open_input(const char *file)
{
    struct stat kind;
    FILE *in = fopen(file, "re");
    int failed = in == NULL || fstat(fileno(in), &kind) != 0;
    if (!failed && !S_ISDIR(kind.st_mode))
        return in;
    footfall__cli_complain(0, "%s: %s", file, failed ? strerror(errno) : "is a directory");
    if (in != NULL)
        fclose(in);
    return NULL;
}

int footfall__import_read(struct footfall_import_rows *out, const char *file)
{
    struct reading r = { .rows = out };
    int is_input = file == NULL || strcmp(file, "-") == 0, exit = 0;
    memset(out, 0, sizeof *out);
    out->file = is_input ? "(standard input)" : file;
    r.in = is_input ? stdin : open_input(file);
    if (r.in == NULL)
        return FOOTFALL_CLI_USAGE;
    exit = take_lines(&r);
    if (exit == 0)
        exit = sort_rows(out);
    if (!is_input)
        fclose(r.in);
    return exit;
}

void footfall__import_free(struct footfall_import_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->rows[i].name);
    free(rows->rows);
    memset(rows, 0, sizeof *rows);
}
