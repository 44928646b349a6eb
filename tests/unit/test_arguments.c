/* test_arguments.c: command lines taken apart, and the numbers, times and lists in them. What commands do is tested from
 * outside, in tests/cli. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"

#define WORDS 20

/* `line` is cut at spaces; "~" stands for an empty word. */
static int parse(struct footfall_cli_arguments *out, char *text, size_t text_bytes, char *line)
{
    static char program[] = "footfall", empty[] = "";
    char *argv[WORDS + 1] = { program }, *word = NULL;
    int argc = 1;
    while ((word = strsep(&line, " ")) != NULL && argc < WORDS)
        if (*word != '\0')
            argv[argc++] = strcmp(word, "~") == 0 ? empty : word;
    return footfall__cli_parse(out, argc, argv, text, text_bytes);
}

static void test_commands_and_operands(void **state)
{
    static const struct {
        const char *line;
        enum footfall_cli_command command;
        size_t operands;
        const char *last;
    } cases[] = {
        { "visit main_page 203.0.113.7", FOOTFALL_CLI_VISIT, 2, "203.0.113.7" },
        { "--json visit --at 5 main_page 203.0.113.7", FOOTFALL_CLI_VISIT, 2, "203.0.113.7" },
        { "--at 5 visit main_page ::1 --json", FOOTFALL_CLI_VISIT, 2, "::1" },
        { "add x -5", FOOTFALL_CLI_ADD, 2, "-5" },
        { "add x", FOOTFALL_CLI_ADD, 1, "x" },
        { "add -- -x -5", FOOTFALL_CLI_ADD, 2, "-5" },
        { "-- add -x", FOOTFALL_CLI_ADD, 1, "-x" },
        { "get -- --json --", FOOTFALL_CLI_GET, 2, "--" },
        { "set x -9223372036854775808 -1", FOOTFALL_CLI_SET, 3, "-1" },
        { "ingest -", FOOTFALL_CLI_INGEST, 1, "-" },
        { "ingest a b c d", FOOTFALL_CLI_INGEST, 4, "d" },
        { "list ~", FOOTFALL_CLI_LIST, 1, "" },
        { "bench", FOOTFALL_CLI_BENCH, 0, NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_cli_arguments got;
        char text[200] = "", line[100];
        snprintf(line, sizeof line, "%s", cases[i].line);
        if (parse(&got, text, sizeof text, line) != 0)
            fail_msg("%s: %s", cases[i].line, text);
        assert_int_equal(got.command, cases[i].command);
        assert_int_equal(got.operand_count, cases[i].operands);
        if (cases[i].last != NULL)
            assert_string_equal(got.operands[got.operand_count - 1], cases[i].last);
        footfall__cli_free(&got);
    }
}

static void test_option_values(void **state)
{
    struct footfall_cli_arguments got;
    char text[200],
        line[] = "-cfile.ini -o a=b --token=x=y visit -o sqlite.path=/tmp/a=b n 192.0.2.1 --agent ~ -owindow=";
    (void)state;
    assert_int_equal(parse(&got, text, sizeof text, line), 0);
    assert_string_equal(got.values[FOOTFALL_CLI_FILE], "file.ini");
    assert_string_equal(got.values[FOOTFALL_CLI_TOKEN], "x=y");
    assert_string_equal(got.values[FOOTFALL_CLI_AGENT], "");
    assert_null(got.values[FOOTFALL_CLI_AT]);
    assert_null(got.values[FOOTFALL_CLI_JSON]);
    assert_int_equal(got.setting_count, 3);
    assert_string_equal(got.settings[0].key, "a");
    assert_string_equal(got.settings[0].value, "b");
    assert_string_equal(got.settings[1].key, "sqlite.path");
    assert_string_equal(got.settings[1].value, "/tmp/a=b");
    assert_string_equal(got.settings[2].key, "window");
    assert_string_equal(got.settings[2].value, "");
    footfall__cli_free(&got);
}

static void test_help_and_version_need_no_operands(void **state)
{
    static const char *const lines[] = { "--help", "-h", "visit --help", "--version", "--help ingest", "get -h" };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct footfall_cli_arguments got;
        char text[200], line[100];
        snprintf(line, sizeof line, "%s", lines[i]);
        assert_int_equal(parse(&got, text, sizeof text, line), 0);
        assert_true(got.values[FOOTFALL_CLI_HELP] != NULL || got.values[FOOTFALL_CLI_VERSION] != NULL);
        footfall__cli_free(&got);
    }
}

static void test_mistakes_are_named(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        { "", "no command; see footfall --help" },
        { "--json", "no command; see footfall --help" },
        { "vist a b", "there is no command 'vist'; did you mean 'visit'?" },
        { "ivsit a b", "there is no command 'ivsit'; did you mean 'visit'?" },
        { "lst", "there is no command 'lst'; did you mean 'list'?" },
        { "frobnicate", "there is no command 'frobnicate'; see footfall --help" },
        { "~", "there is no command ''; see footfall --help" },
        { "\x1b[31mred", "there is no command '?[31mred'; see footfall --help" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "there is no command 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; see footfall --help" },
        { "list --sotr x", "there is no option '--sotr'; did you mean '--sort'?" },
        { "serve --port 80", "there is no option '--port'; see footfall --help" },
        { "list --limits=5", "there is no option '--limits'; did you mean '--limit'?" },
        { "list --colour", "there is no option '--colour'; did you mean '--color'?" },
        { "list --colossal", "there is no option '--colossal'; see footfall --help" },
        { "list -x", "there is no option '-x'; see footfall --help" },
        { "list --at 5", "--at does not go with 'list'; see footfall list --help" },
        { "list --strict", "--strict does not go with 'list'; see footfall list --help" },
        { "list --json=yes", "--json takes no value" },
        { "list --limit", "--limit needs a value: N" },
        { "list -o", "-o needs a value: KEY=VALUE" },
        { "list -o window", "-o needs KEY=VALUE" },
        { "list -o =5", "-o needs KEY=VALUE" },
        { "list --limit 1 --limit 1", "--limit was given twice" },
        { "list -c a -c b", "-c was given twice" },
        { "list a b", "too many arguments; usage: footfall list [PREFIX]" },
        { "visit a", "too few arguments; usage: footfall visit COUNTER ADDRESS" },
        { "get", "too few arguments; usage: footfall get COUNTER..." },
        { "purge now", "too many arguments; usage: footfall purge" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_cli_arguments got;
        char text[200] = "", line[100];
        snprintf(line, sizeof line, "%s", cases[i].line);
        if (parse(&got, text, sizeof text, line) == 0)
            fail_msg("'%s' was taken", cases[i].line);
        assert_string_equal(text, cases[i].text);
    }
}

/* What is said before a mistake is told may matter for how it is told. */
static void test_values_before_a_mistake_stay(void **state)
{
    struct footfall_cli_arguments got;
    char text[200] = "", line[] = "-o a=b --color never list --sotr x";
    (void)state;
    assert_int_equal(parse(&got, text, sizeof text, line), -1);
    assert_string_equal(got.values[FOOTFALL_CLI_COLOR], "never");
    assert_null(got.settings);
    assert_null(got.operands);
    assert_int_equal(got.setting_count + got.operand_count, 0);
}

/* Lines are broken where there is room: one blank for each run of them. */
static void join_lines(char *text)
{
    char *to = text, last = ' ';
    for (; *text != '\0'; text++) {
        char c = (char)(*text == '\n' ? ' ' : *text);
        if (c != ' ' || last != ' ')
            *to++ = c;
        last = c;
    }
    *to = '\0';
}

/* Whatever the table says must come out in the help, or nobody learns of it. */
static void test_help_tells_all(void **state)
{
    char *help = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&help, &bytes);
    (void)state;
    assert_non_null(out);
    footfall__cli_help(out, FOOTFALL_CLI_NONE);
    for (size_t i = 0; i < FOOTFALL_CLI_COMMANDS; i++)
        footfall__cli_help(out, (enum footfall_cli_command)i);
    assert_int_equal(fclose(out), 0);
    join_lines(help);
    for (size_t i = 0; i < FOOTFALL_CLI_COMMANDS; i++) {
        const struct footfall_cli_command_row *row = &footfall__cli_commands[i];
        char *details = strdup(row->details != NULL ? row->details : "");
        assert_non_null(details);
        join_lines(details);
        assert_non_null(strstr(help, row->name));
        assert_non_null(strstr(help, row->help));
        assert_non_null(strstr(help, details));
        for (const struct footfall_cli_own_option *own = row->own; own->option != FOOTFALL_CLI_END; own++)
            assert_non_null(strstr(help, own->help));
        free(details);
    }
    for (size_t i = 1; i < FOOTFALL_CLI_OPTIONS; i++) {
        char word[64];
        snprintf(word, sizeof word, footfall__cli_options[i].name != NULL ? "--%s" : "-%s",
                 footfall__cli_options[i].name != NULL ? footfall__cli_options[i].name
                                                       : (char[]){ footfall__cli_options[i].letter, '\0' });
        if (strstr(help, word) == NULL)
            fail_msg("%s is in no help", word);
    }
    free(help);
}

static void test_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        int answer;
        int64_t value;
    } cases[] = {
        { "0", INT64_MIN, INT64_MAX, 0, 0 },
        { "-0", 0, 5, 0, 0 },
        { "+7", INT64_MIN, INT64_MAX, 0, 7 },
        { "007", INT64_MIN, INT64_MAX, 0, 7 },
        { "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN },
        { "-9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MIN + 1 },
        { "9223372036854775808", INT64_MIN, INT64_MAX, -2, 0 },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, -2, 0 },
        { "18446744073709551616", INT64_MIN, INT64_MAX, -2, 0 },
        { "99999999999999999999999999999999", INT64_MIN, INT64_MAX, -2, 0 },
        { "6", 1, 5, -2, 0 },
        { "0", 1, 5, -2, 0 },
        { "", INT64_MIN, INT64_MAX, -1, 0 },
        { "-", INT64_MIN, INT64_MAX, -1, 0 },
        { "+-1", INT64_MIN, INT64_MAX, -1, 0 },
        { " 1", INT64_MIN, INT64_MAX, -1, 0 },
        { "1 ", INT64_MIN, INT64_MAX, -1, 0 },
        { "1.0", INT64_MIN, INT64_MAX, -1, 0 },
        { "0x1", INT64_MIN, INT64_MAX, -1, 0 },
        { "1e3", INT64_MIN, INT64_MAX, -1, 0 },
        { "99999999999999999999x", INT64_MIN, INT64_MAX, -1, 0 },
        { "\xd9\xa1", INT64_MIN, INT64_MAX, -1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        int answer = footfall__cli_integer(&value, cases[i].text, cases[i].min, cases[i].max);
        if (answer != cases[i].answer || (answer == 0 && value != cases[i].value))
            fail_msg("'%s': %d, %lld", cases[i].text, answer, (long long)value);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        { "0", 0 },
        { "1772323200123", INT64_C(1772323200123) },
        { "9223372036854775807", INT64_MAX },
        { "1970-01-01T00:00:00Z", 0 },
        { "1970-01-01t00:00:00.001z", 1 },
        { "1970-01-01 01:00:00+01:00", 0 },
        { "1969-12-31T23:00:00-01:00", 0 },
        { "2026-03-01T00:00:00Z", INT64_C(1772323200000) },
        { "2026-03-01T00:00:00.5+05:30", INT64_C(1772303400500) },
        { "2026-03-01T00:00:00.1239999Z", INT64_C(1772323200123) },
        { "2024-02-29T23:59:59.999Z", INT64_C(1709251199999) },
        { "2016-12-31T23:59:60Z", INT64_C(1483228799999) },
        { "9999-12-31T23:59:59Z", INT64_C(253402300799000) },
    };
    static const struct {
        const char *text, *wrong;
    } refused[] = {
        { "", "is neither" },
        { "now", "is neither" },
        { "2026-03-01", "is neither" },
        { "2026-03-01T00:00Z", "is neither" },
        { "2026-03-01T00:00:00", "has no offset" },
        { "2026-03-01T00:00:00.Z", "is neither" },
        { "2026-03-01T00:00:00+0100", "is neither" },
        { "2026-03-01T00:00:00+24:00", "is neither" },
        { "2026-03-01T00:00:00Z ", "is neither" },
        { "2026-3-1T00:00:00Z", "is neither" },
        { "26-03-01T00:00:00Z", "is neither" },
        { "2026-02-29T00:00:00Z", "is no date" },
        { "2026-13-01T00:00:00Z", "is no date" },
        { "2026-00-01T00:00:00Z", "is no date" },
        { "2026-03-00T00:00:00Z", "is no date" },
        { "2026-03-01T24:00:00Z", "is no date" },
        { "2026-03-01T00:60:00Z", "is no date" },
        { "2026-03-01T00:00:61Z", "is no date" },
        { "1969-12-31T23:59:59.999Z", "is before 1970" },
        { "1970-01-01T00:00:00+00:01", "is before 1970" },
        { "0000-01-01T00:00:00Z", "is before 1970" },
        { "-1", "is before 1970" },
        { "9223372036854775808", "is out of range" },
        { "12.5", "is neither" },
        { "1e12", "is neither" },
    };
    int64_t ms = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *wrong = footfall__cli_time(&ms, cases[i].text);
        if (wrong != NULL || ms != cases[i].ms)
            fail_msg("'%s': %s, %lld", cases[i].text, wrong == NULL ? "fine" : wrong, (long long)ms);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *wrong = footfall__cli_time(&ms, refused[i].text);
        if (wrong == NULL || strncmp(wrong, refused[i].wrong, strlen(refused[i].wrong)) != 0)
            fail_msg("'%s': %s", refused[i].text, wrong == NULL ? "fine" : wrong);
    }
}

static void test_statuses(void **state)
{
    static const char *const wrong[] = { "",     "200-",    "-200",    "200,",        ",200", "20",
                                         "2000", "300-200", "200 300", "200-300-400", "2xx",  "200;300" };
    unsigned char sets[FOOTFALL_CLI_STATUSES];
    size_t count = 0;
    (void)state;
    assert_int_equal(footfall__cli_statuses(sets, "200-399"), 0);
    for (size_t i = 0; i < sizeof sets; i++)
        assert_int_equal(sets[i], i >= 200 && i <= 399);
    assert_int_equal(footfall__cli_statuses(sets, "204,000,301-303,999,302-304"), 0);
    for (size_t i = 0; i < sizeof sets; i++)
        count += sets[i];
    assert_int_equal(count, 7);
    assert_true(sets[0] && sets[204] && sets[301] && sets[304] && sets[999] && !sets[200]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (footfall__cli_statuses(sets, wrong[i]) == 0)
            fail_msg("'%s' was taken", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_and_operands),
        cmocka_unit_test(test_option_values),
        cmocka_unit_test(test_help_and_version_need_no_operands),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_values_before_a_mistake_stay),
        cmocka_unit_test(test_help_tells_all),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_statuses),
    };
    return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
