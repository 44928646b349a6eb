/* test_check.c: what is said of a configuration before and after its store is opened: clock, settings, files that hold secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "folder.h"
#include "footfall_admin.h"

#define SECRET "a secret of 32 bytes or more, for tests"
#define NOW_MS INT64_C(1767225600000) /* 2026 */

static char *folder, findings[4096]; /* "2 text\n" for each */
static int64_t clock_ms = NOW_MS;

static int64_t now(void *user)
{
    (void)user;
    return clock_ms;
}

static void each_finding(void *user, const struct footfall_finding *finding)
{
    size_t bytes = strlen(findings);
    (void)user;
    assert_true(finding->severity == FOOTFALL_FINE || finding->advice != NULL);
    snprintf(findings + bytes, sizeof findings - bytes, "%d %s\n", (int)finding->severity, finding->text);
}

static void expect(const char *finding)
{
    if (strstr(findings, finding) == NULL)
        fail_msg("no \"%s\" among\n%s", finding, findings);
}

static void expect_none(const char *words)
{
    if (strstr(findings, words) != NULL)
        fail_msg("\"%s\" is among\n%s", words, findings);
}

static const char *path_of(char out[96], const char *name)
{
    snprintf(out, 96, "%s/%s", folder, name);
    return out;
}

static const char *write_file(char out[96], const char *name, const char *text, mode_t mode)
{
    support_file_write(path_of(out, name), text, strlen(text));
    assert_int_equal(chmod(out, mode), 0);
    return out;
}

/* `more`: one setting beside the backend's, or NULL. */
static int check(const char *file, const struct footfall_setting *more, struct footfall_error *err)
{
    struct footfall_setting settings[2] = { { "backend", "memory" } };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    int rc = FOOTFALL_OK;
    findings[0] = '\0';
    options.file = file;
    options.settings = settings;
    options.setting_count = 1;
    options.clock = now;
    if (more != NULL)
        settings[options.setting_count++] = *more;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, err), FOOTFALL_OK);
    rc = footfall_check_config(config, &options, NULL, each_finding, NULL, err);
    footfall_config_free(config);
    return rc;
}

static void fine(const char *file, const char *key, const char *value)
{
    struct footfall_setting setting = { key, value };
    struct footfall_error err;
    if (check(file, key != NULL ? &setting : NULL, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(err.status, FOOTFALL_OK);
}

static void clocks(void **state)
{
    (void)state;
    fine(NULL, NULL, NULL);
    expect("0 This host's clock is plausible.\n");
    clock_ms = INT64_C(1704067199999);
    fine(NULL, NULL, NULL);
    expect("3 This host's clock is before 2024.\n");
    clock_ms = INT64_C(4102444800000);
    fine(NULL, NULL, NULL);
    expect("3 This host's clock is past 2100.\n");
    clock_ms = -1;
    fine(NULL, NULL, NULL);
    expect("3 This host's clock is before 2024.\n");
    clock_ms = NOW_MS;
}

static void settings(void **state)
{
    (void)state;
    fine(NULL, "ipv6_prefix", "65");
    expect("1 ipv6_prefix is longer than 64");
    fine(NULL, "ipv6_prefix", "64");
    expect_none("ipv6_prefix");
    expect_none("forever");
    fine(NULL, "window", "forever");
    expect("1 window is forever");
    expect("2 This backend keeps nothing");
}

static void where_it_comes_from(void **state)
{
    char path[96], line[160];
    (void)state;
    fine(NULL, NULL, NULL);
    expect("0 The configuration comes from settings; no file is read.\n");
    fine(write_file(path, "ff.ini", "window = 30d\n", 0644), NULL, NULL);
    snprintf(line, sizeof line, "0 The configuration comes from %s and settings.\n", path);
    expect(line);
    expect_none("holds a secret"); /* it does not */
}

static void files_with_secrets(void **state)
{
    char path[96], other[96];
    (void)state;
    fine(write_file(path, "ff.ini", "secret = " SECRET "\n", 0644), NULL, NULL);
    expect("2 ");
    expect("ff.ini (it holds a secret) is open to every user of this host (mode 0644).\n");
    fine(write_file(path, "ff.ini", "secret = " SECRET "\n", 0640), NULL, NULL);
    expect("ff.ini (it holds a secret) is open to its group (mode 0640).\n");
    fine(write_file(path, "ff.ini", "secret = " SECRET "\n", 0400), NULL, NULL);
    expect("ff.ini (it holds a secret).\n");
    expect_none("open to");
    expect_none(SECRET);
    fine(NULL, "secret_file", write_file(path, "secret", SECRET, 0604));
    expect("secret (secret_file) is open to every user of this host (mode 0604).\n");
    fine(NULL, "secret_file", write_file(path, "secret", SECRET, 0600));
    expect("0 Only its owner may read ");
    fine(NULL, "http.admin_token_file", write_file(path, "token", "t", 0666));
    expect("token (http.admin_token_file) is open to every user of this host (mode 0666).\n");
    fine(NULL, "http.admin_token_file", path_of(other, "not there")); /* who needs it says so */
    expect_none("admin_token");
    fine(NULL, "redis.password_file", path); /* nobody reads it */
    expect_none("password_file");
}

/* Only a URL with a password is a secret, and a file that holds one. */
static void urls(void **state)
{
    char path[96];
    (void)state;
    fine(write_file(path, "ff.ini", "[redis]\nurl = redis://cache.example:6379/0\n", 0644), NULL, NULL);
    expect_none("holds a secret");
    fine(write_file(path, "ff.ini", "[redis]\nurl = redis://bob:pass@cache.example:6379/0\n", 0644), NULL, NULL);
    expect("ff.ini (it holds a secret) is open to every user");
    expect_none("pass@");
}

static void failures(void **state)
{
    struct footfall_setting setting = { "secret_file", "/nobody/has/such/a/file" };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    char path[96];
    (void)state;
    assert_int_equal(check(NULL, &setting, &err), FOOTFALL_CONFIG);
    assert_non_null(strstr(err.text, "/nobody/has/such/a/file"));
    expect("0 This host's clock is plausible.\n"); /* what was found before stands */
    setting.value = write_file(path, "short", "x", 0600);
    assert_int_equal(check(NULL, &setting, &err), FOOTFALL_CONFIG);
    assert_non_null(strstr(err.text, "too short"));
    assert_int_equal(footfall_config_load(&config, NULL, NULL, 0, NULL), FOOTFALL_OK);
    assert_int_equal(footfall_check_config(NULL, NULL, NULL, each_finding, NULL, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_check_config(config, NULL, NULL, NULL, NULL, &err), FOOTFALL_INVALID);
    options.size = 1;
    assert_int_equal(footfall_check_config(config, &options, NULL, each_finding, NULL, &err), FOOTFALL_MISUSE);
    footfall_config_free(config);
}

static int make_folder(void **state)
{
    (void)state;
    folder = support_folder_make();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    support_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks), cmocka_unit_test(settings), cmocka_unit_test(where_it_comes_from),
        cmocka_unit_test(urls),   cmocka_unit_test(failures), cmocka_unit_test(files_with_secrets),
    };
    return cmocka_run_group_tests_name("check", tests, make_folder, remove_folder);
}
