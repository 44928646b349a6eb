/* conformance.c: asks one backend for every promise of docs/semantics.md.
 * usage: conformance BACKEND [--slow] [--filter PATTERN] [KEY=VALUE]...    (@DIR@ in a value: the test's own folder, @NAME@: a name) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "suite_fixture.h"

enum { TESTS_MAX = 512 };

static const struct suite_case *const themes[] = {
    suite_windows, suite_epochs, suite_keys,        suite_numbers,     suite_names,   suite_addresses,
    suite_tokens,  suite_series, suite_list,        suite_forgetting,  suite_batches, suite_upkeep,
    suite_misuse,  suite_submit, suite_submit_read, suite_concurrency,
};

static size_t collect(struct CMUnitTest *tests)
{
    size_t count = 0;
    for (size_t theme = 0; theme < sizeof(themes) / sizeof(themes[0]); theme++)
        for (const struct suite_case *one = themes[theme]; one->name != NULL; one++) {
            if ((one->needs & suite_caps()) != one->needs)
                continue;
            if (count == TESTS_MAX)
                abort();
            tests[count++] = (struct CMUnitTest){ one->name, one->run, suite_set_up, suite_tear_down, NULL };
        }
    return count;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[TESTS_MAX];
    static char title[64];
    int at = 2;
    if (argc < 2) {
        fprintf(stderr, "usage: conformance BACKEND [--slow] [--filter PATTERN] [KEY=VALUE]...\n");
        return 2;
    }
    if (at < argc && strcmp(argv[at], "--slow") == 0) {
        suite_is_slow();
        at++;
    }
    if (at + 1 < argc && strcmp(argv[at], "--filter") == 0) {
        cmocka_set_test_filter(argv[at + 1]);
        at += 2;
    }
    suite_configure(argv[1], argv + at, argc - at);
    (void)snprintf(title, sizeof(title), "conformance_%s", suite_backend());
    return _cmocka_run_group_tests(title, tests, collect(tests), NULL, NULL) == 0 ? 0 : 1;
}
