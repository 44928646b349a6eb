/* output.c: messages, exit statuses, counters for people and for programs. A broken or full standard output is noticed here;
 * what is said is the commands' affair. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static int output_errno;

int footfall__cli_complain(int exit, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || ((unsigned char)*c == 0xc2 && (unsigned char)c[1] < 0xa0))
            *c = '?';
    fprintf(stderr, "footfall: %s\n", line);
    return exit;
}

int footfall__cli_exit_of(int status)
{
    switch (status) {
    case FOOTFALL_OK:
        return FOOTFALL_CLI_DONE;
    case FOOTFALL_INVALID:
        return FOOTFALL_CLI_USAGE;
    case FOOTFALL_CONFIG:
        return FOOTFALL_CLI_CONFIG_EXIT;
    case FOOTFALL_TEMPORARY:
        return FOOTFALL_CLI_TEMPORARY;
    case FOOTFALL_UNKNOWN:
        return FOOTFALL_CLI_UNKNOWN;
    default:
        return FOOTFALL_CLI_FAILED;
    }
}

int footfall__cli_failed(const struct footfall_error *err)
{
    return footfall__cli_complain(footfall__cli_exit_of(err->status), "%s",
                                  err->text[0] != '\0' ? err->text : footfall_status_name(err->status));
}

int footfall__cli_check_name(const char *name)
{
    struct footfall_error err;
    if (footfall_name_check(name, strlen(name), &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "COUNTER: %s", err.text);
}

int footfall__cli_check_address(const char *address)
{
    struct footfall_error err;
    if (footfall_address_check(address, &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "ADDRESS: %s", err.text);
}

int footfall__cli_number(int64_t *out, const char *argument, const char *text, int64_t min, int64_t max)
{
    switch (footfall__cli_integer(out, text, min, max)) {
    case 0:
        return 0;
    case -2:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: out of range, %" PRId64 " to %" PRId64, argument, min,
                                      max);
    default:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: not a whole number", argument);
    }
}

void footfall__cli_written(void)
{
    if (output_errno == 0 && ferror(stdout))
        output_errno = errno != 0 ? errno : EIO;
}

int footfall__cli_output_failed(void)
{
    footfall__cli_written();
    return output_errno != 0;
}

int footfall__cli_finish_output(int exit)
{
    if (fflush(stdout) != 0 && output_errno == 0)
        output_errno = errno != 0 ? errno : EIO;
    footfall__cli_written();
    if (output_errno == 0 || output_errno == EPIPE)
        return exit;
    footfall__cli_complain(FOOTFALL_CLI_FAILED, "cannot write to standard output: %s", strerror(output_errno));
    return exit == FOOTFALL_CLI_DONE ? FOOTFALL_CLI_FAILED : exit;
}

/* ---- text that a terminal may have ------------------------------------------------------------------------------------ */

/* The code point at text and its length; length 0 when it is no UTF-8. */
static unsigned long code_point(const char *text, size_t *length)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t bytes = b[0] < 0x80 ? 1 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc2 ? 2 : 0;
    unsigned long code = bytes == 1 ? b[0] : bytes == 2 ? b[0] & 0x1fU : bytes == 3 ? b[0] & 0x0fU : b[0] & 0x07U;
    *length = 0;
    if (bytes == 0 || b[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < bytes; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (b[i] & 0x3fU);
    }
    if ((bytes == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (bytes == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    *length = bytes;
    return code;
}

static int is_harmless(unsigned long code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0xfeff)
        return 0;
    return !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
           !(code >= 0x2060 && code <= 0x206f) && !(code >= 0xe0000 && code <= 0xe0fff);
}

/* Columns that `code` takes, by the C.UTF-8 locale where there is one. */
static int columns(unsigned long code)
{
    static locale_t utf8;
    static int asked;
    int width = 1;
    if (code < 0x300)
        return 1;
    if (!asked)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    asked = 1;
    if (utf8 != (locale_t)0) {
        locale_t before = uselocale(utf8);
        width = wcwidth((wchar_t)code);
        uselocale(before);
    }
    return width < 0 ? 1 : width;
}

/* Prints (out not NULL) and tells how many columns that takes. */
static size_t show_text(FILE *out, const char *text)
{
    size_t width = 0, length = 0;
    for (; *text != '\0'; text += length) {
        unsigned long code = code_point(text, &length);
        char escaped[16];
        if (length > 0 && is_harmless(code)) {
            width += (size_t)columns(code);
            if (out != NULL)
                fwrite(text, 1, length, out);
            continue;
        }
        snprintf(escaped, sizeof escaped, length > 0 ? "\\u{%lx}" : "\\x%02lx",
                 length > 0 ? code : (unsigned long)(unsigned char)*text);
        length = length > 0 ? length : 1;
        width += strlen(escaped);
        if (out != NULL)
            fputs(escaped, out);
    }
    return width;
}

void footfall__cli_print_text(const char *text)
{
    show_text(stdout, text);
}

/* ---- counters --------------------------------------------------------------------------------------------------------- */

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

static size_t digits(int64_t number)
{
    return (size_t)snprintf(NULL, 0, "%" PRId64, number);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void print_table(const struct footfall_cli_row *rows, size_t count)
{
    size_t name = strlen("COUNTER"), total = strlen("VISITS"), unique = strlen("VISITORS");
    for (size_t i = 0; i < count; i++) {
        name = larger(name, show_text(NULL, rows[i].name));
        total = larger(total, digits(rows[i].total));
        unique = larger(unique, digits(rows[i].unique));
    }
    printf("%-*s  %*s  %*s\n", (int)name, "COUNTER", (int)total, "VISITS", (int)unique, "VISITORS");
    for (size_t i = 0; i < count && !footfall__cli_output_failed(); i++) {
        size_t width = show_text(stdout, rows[i].name);
        printf("%*s  %*" PRId64 "  %*" PRId64 "\n", (int)(name - width), "", (int)total, rows[i].total, (int)unique,
               rows[i].unique);
    }
}

void footfall__cli_print_rows(const struct footfall_cli_row *rows, size_t count, int json)
{
    if (!json && count > 0)
        print_table(rows, count);
    for (size_t i = 0; json && i < count && !footfall__cli_output_failed(); i++)
        footfall__cli_print_json(rows[i].name, rows[i].total, rows[i].unique, 0, FOOTFALL_CLI_PLAIN);
    footfall__cli_written();
}
