/* test_moving.c: footfall_rights and footfall_import_foreign over a backend of the test's own, which is the memory backend with
 * the two slots that it lacks: what the engine checks, how it goes on after a fault, and what it says of a doubt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "footfall_admin.h"
#include "registry.h"

static struct footfall_backend backend; /* "moving" */

/* What the slot answers, call by call: a status, or MORE. The last stays. */
enum { MORE = 1 };
static const int *answers;
static int calls;
static char told[1024];

static int import_foreign(struct footfall_store *store, struct footfall_store_import *import, int *more,
                          struct footfall_store_call *call)
{
    int answer = answers[calls];
    (void)store;
    if (calls == 0) { /* all zero at first */
        for (size_t i = 0; i < sizeof(import->cursor); i++)
            assert_int_equal(import->cursor[i], 0);
        assert_int_equal(import->items, 0);
        assert_int_equal(import->name_bytes, strlen(import->name));
        snprintf(told, sizeof(told), "%s -> %s", import->source, import->name);
    }
    assert_int_equal(import->items, calls); /* the struct is kept from call to call */
    import->items++;
    calls++;
    if (answer == MORE) {
        *more = 1;
        return 0;
    }
    if (answer != 0)
        snprintf(call->text, call->text_bytes, "answer %d", answer);
    import->source_total = 1;
    import->source_unique = 2;
    import->added_total = 3;
    import->added_unique = 4;
    import->total = 5;
    import->unique = 6;
    return answer;
}

static int rights(const struct footfall_store_setting *settings, size_t count,
                  const struct footfall_store_rights *wanted, footfall_store_right *each, void *user,
                  struct footfall_store_call *call)
{
    char resource[200];
    (void)settings;
    assert_int_equal(count, 0); /* the memory backend has no settings */
    if (wanted->account != NULL && strcmp(wanted->account, "999999999999") == 0) {
        snprintf(call->text, call->text_bytes, "not that account");
        return FOOTFALL_STORE_INVALID;
    }
    snprintf(resource, sizeof(resource), "%d:%s:%s", (int)wanted->purpose,
             wanted->account != NULL ? wanted->account : "*", wanted->source != NULL ? wanted->source : "-");
    each(user, "Look", resource);
    return 0;
}

static struct footfall_config *config_of(const char *name)
{
    struct footfall_setting setting = { "backend", name };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    options.settings = &setting;
    options.setting_count = 1;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, NULL), 0);
    return config;
}

/* ---- import ------------------------------------------------------------------------------------------------------------- */

static int import(const int *what, struct footfall_import_result *out, struct footfall_error *err)
{
    struct footfall_config *config = config_of("moving");
    struct footfall_call how = FOOTFALL_CALL_INIT;
    struct footfall *ff = NULL;
    int rc;
    how.wait_ms = 300;
    assert_int_equal(footfall_import_supported(config, err), 0);
    assert_int_equal(footfall_open_config(&ff, config, NULL, err), 0);
    answers = what;
    calls = 0;
    memset(out, 1, sizeof(*out));
    rc = footfall_import_foreign(ff, "old", "page", &how, out, err);
    assert_int_equal(err->status, rc);
    footfall_close(ff);
    footfall_config_free(config);
    return rc;
}

static void test_import_goes_on_until_done(void **state)
{
    static const int pages[] = { MORE, MORE, FOOTFALL_STORE_TEMPORARY, MORE, 0 };
    struct footfall_import_result r;
    struct footfall_error err;
    (void)state;
    assert_int_equal(import(pages, &r, &err), 0);
    assert_int_equal(calls, 5);
    assert_string_equal(told, "old -> page");
    assert_int_equal(r.source_total, 1);
    assert_int_equal(r.source_unique, 2);
    assert_int_equal(r.added_total, 3);
    assert_int_equal(r.added_unique, 4);
    assert_int_equal(r.total, 5);
    assert_int_equal(r.unique, 6);
}

static void test_a_doubt_is_asked_again(void **state)
{
    static const int resolved[] = { MORE, FOOTFALL_STORE_UNKNOWN, FOOTFALL_STORE_TEMPORARY, 0 };
    static const int refused[] = { FOOTFALL_STORE_UNKNOWN, FOOTFALL_STORE_BROKEN };
    struct footfall_import_result r;
    struct footfall_error err;
    (void)state;
    assert_int_equal(import(resolved, &r, &err), 0);
    assert_int_equal(calls, 4);
    assert_int_equal(import(refused, &r, &err), FOOTFALL_UNKNOWN); /* the first may still land */
    assert_int_equal(calls, 2);
}

static void test_refusals_are_passed_on(void **state)
{
    static const int statuses[] = { FOOTFALL_STORE_INVALID, FOOTFALL_STORE_RANGE, FOOTFALL_STORE_BROKEN,
                                    FOOTFALL_STORE_NO_MEMORY };
    struct footfall_import_result r;
    struct footfall_error err;
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        char text[20];
        assert_int_equal(import(&statuses[i], &r, &err), statuses[i]);
        snprintf(text, sizeof(text), "answer %d", statuses[i]);
        assert_string_equal(err.text, text);
        assert_int_equal(r.total, 0);
        assert_int_equal(r.source_total, 0);
    }
}

static void test_what_is_asked_is_checked(void **state)
{
    static const int fine = 0;
    struct footfall_config *config = config_of("moving");
    struct footfall *ff = NULL;
    struct footfall_error err;
    char name[202];
    (void)state;
    memset(name, 'x', sizeof(name));
    name[201] = '\0';
    assert_int_equal(footfall_open_config(&ff, config, NULL, &err), 0);
    answers = &fine;
    calls = 0;
    assert_int_equal(footfall_import_foreign(ff, NULL, "page", NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_import_foreign(ff, "", "page", NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_import_foreign(ff, "old", NULL, NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_import_foreign(ff, "old", name, NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_import_foreign(ff, "old", "a\nb", NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_import_foreign(NULL, "old", "page", NULL, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(calls, 0);
    name[200] = '\0';
    assert_int_equal(footfall_import_foreign(ff, "old", name, NULL, NULL, NULL), 0);
    footfall_close(ff);
    footfall_config_free(config);
}

static void test_a_backend_that_cannot_says_so(void **state)
{
    struct footfall_config *config = config_of("memory");
    struct footfall_rights_wanted wanted = FOOTFALL_RIGHTS_WANTED_INIT(FOOTFALL_RIGHTS_RUN);
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    assert_int_equal(footfall_import_supported(config, &err), FOOTFALL_UNSUPPORTED);
    assert_string_equal(err.text, "backend memory cannot import from another program's table");
    assert_int_equal(footfall_import_supported(NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_open_config(&ff, config, NULL, &err), 0);
    assert_int_equal(footfall_import_foreign(ff, "old", "page", NULL, NULL, &err), FOOTFALL_UNSUPPORTED);
    assert_int_equal(footfall_rights(config, &wanted, (footfall_each_right *)abort, NULL, &err), FOOTFALL_UNSUPPORTED);
    assert_string_equal(err.text, "backend memory: there is nothing to grant");
    footfall_close(ff);
    footfall_config_free(config);
}

/* ---- rights ------------------------------------------------------------------------------------------------------------- */

static void keep_right(void *user, const char *action, const char *resource)
{
    (void)user;
    snprintf(told, sizeof(told), "%s %s", action, resource);
}

static void test_rights(void **state)
{
    static const struct {
        enum footfall_rights_purpose purpose;
        const char *account, *source, *says; /* says NULL: INVALID */
    } cases[] = {
        { FOOTFALL_RIGHTS_RUN, NULL, NULL, "Look 1:*:-" },
        { FOOTFALL_RIGHTS_SET_UP, "012345678901", NULL, "Look 2:012345678901:-" },
        { FOOTFALL_RIGHTS_READ_ONLY, NULL, NULL, "Look 3:*:-" },
        { FOOTFALL_RIGHTS_IMPORT, NULL, "old", "Look 4:*:old" },
        { FOOTFALL_RIGHTS_IMPORT, NULL, NULL, NULL },
        { FOOTFALL_RIGHTS_IMPORT, NULL, "", NULL },
        { FOOTFALL_RIGHTS_RUN, NULL, "old", NULL },
        { FOOTFALL_RIGHTS_RUN, "12345678901", NULL, NULL },
        { FOOTFALL_RIGHTS_RUN, "12345678901x", NULL, NULL },
        { FOOTFALL_RIGHTS_RUN, "999999999999", NULL, NULL },
        { (enum footfall_rights_purpose)0, NULL, NULL, NULL },
        { (enum footfall_rights_purpose)5, NULL, NULL, NULL },
    };
    struct footfall_config *config = config_of("moving");
    struct footfall_rights_wanted wanted;
    struct footfall_error err;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wanted = (struct footfall_rights_wanted)FOOTFALL_RIGHTS_WANTED_INIT(cases[i].purpose);
        wanted.account = cases[i].account;
        wanted.source = cases[i].source;
        told[0] = '\0';
        assert_int_equal(footfall_rights(config, &wanted, keep_right, NULL, &err),
                         cases[i].says != NULL ? FOOTFALL_OK : FOOTFALL_INVALID);
        assert_string_equal(told, cases[i].says != NULL ? cases[i].says : "");
    }
    wanted.size--;
    assert_int_equal(footfall_rights(config, &wanted, keep_right, NULL, &err), FOOTFALL_MISUSE);
    assert_int_equal(footfall_rights(NULL, &wanted, keep_right, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_rights(config, NULL, keep_right, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_rights(config, &wanted, NULL, NULL, &err), FOOTFALL_INVALID);
    footfall_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import_goes_on_until_done),     cmocka_unit_test(test_a_doubt_is_asked_again),
        cmocka_unit_test(test_refusals_are_passed_on),        cmocka_unit_test(test_what_is_asked_is_checked),
        cmocka_unit_test(test_a_backend_that_cannot_says_so), cmocka_unit_test(test_rights),
    };
    const struct footfall_backend *memory = footfall__registry_find("memory");
    if (memory == NULL)
        return 77;
    backend = *memory;
    backend.name = "moving";
    backend.rights = rights;
    backend.import_foreign = import_foreign;
    footfall__registry_add(&backend);
    return cmocka_run_group_tests_name("moving", tests, NULL, NULL);
}
