/* test_config_settings.c: what the engine and the backends get, keys of applications, the list, and running out of memory
 * at every allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "config.h"
#include "registry.h"

#define SECRET "0123456789abcdef0123456789ABCDEF"
#define DAY INT64_C(86400000)

/* Never opened. The first bears the default's name, so that this test needs no backend built in. */
static const struct footfall_store_key sqlite_keys[] = { { "path", "shelf.db", "where the shelf stands", 0 },
                                                         { "durability", "normal", "how firm it stands", 0 },
                                                         { NULL, NULL, NULL, 0 } };
static const struct footfall_store_key shelf_keys[] = { { "boards", "3", "how many boards", 0 },
                                                        { "label", NULL, "what stands on it", 0 },
                                                        { "pin", NULL, "what opens it", 1 },
                                                        { NULL, NULL, NULL, 0 } };
static const struct footfall_backend fake_sqlite = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof fake_sqlite, .name = "sqlite", .keys = sqlite_keys
};
static const struct footfall_backend fake_shelf = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof fake_shelf, .name = "shelf", .keys = shelf_keys
};
static const struct footfall_backend fake_bare = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof fake_bare, .name = "bare", .keys = NULL
};
static const struct footfall_backend hidden_bare = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof hidden_bare, .name = "bare", .keys = shelf_keys
};

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* A configuration of one setting, which must be accepted */
static struct footfall_config *config_of(const char *key, const char *value)
{
    struct footfall_setting setting = { key, value };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    options.settings = &setting;
    options.setting_count = 1;
    if (footfall_config_load(&config, &options, NULL, 0, &err) != FOOTFALL_OK)
        fail_msg("%s = %s: %s", key, value, err.text);
    return config;
}

/* ---- the engine's settings -------------------------------------------------------------------------------------------- */

static void defaults(void **state)
{
    struct footfall__settings settings;
    struct footfall_config *config = NULL;
    (void)state;
    assert_int_equal(footfall_config_load(&config, NULL, NULL, 0, NULL), FOOTFALL_OK);
    assert_int_equal(footfall__config_settings(&settings, config, NULL), FOOTFALL_OK);
    assert_ptr_equal(settings.backend, &fake_sqlite);
    assert_true(settings.window_ms == DAY);
    assert_int_equal(settings.sliding, 0);
    assert_int_equal(settings.deadline_ms, 2000);
    assert_int_equal(settings.ipv4_prefix, 32);
    assert_int_equal(settings.ipv6_prefix, 64);
    assert_int_equal(settings.visitor_agent, 0);
    assert_int_equal(settings.log_level, FOOTFALL_LOG_WARN);
    assert_null(settings.secret);
    assert_null(settings.secret_file);
    footfall_config_free(config);
}

static struct footfall__settings settings_of(const char *key, const char *value)
{
    struct footfall__settings settings;
    struct footfall_config *config = config_of(key, value);
    assert_int_equal(footfall__config_settings(&settings, config, NULL), FOOTFALL_OK);
    settings.secret = settings.secret_file = NULL; /* these end with the configuration */
    footfall_config_free(config);
    return settings;
}

static void edges(void **state)
{
    struct footfall_config *config = config_of("secret", SECRET);
    struct footfall__settings settings;
    (void)state;
    assert_true(settings_of("window", "1s").window_ms == 1000);
    assert_true(settings_of("window", "3660d").window_ms == 3660 * DAY);
    assert_true(settings_of("window", "3650d").window_ms == 3650 * DAY);
    assert_true(settings_of("window", "forever").window_ms == INT64_MAX);
    assert_int_equal(settings_of("window_mode", "sliding").sliding, 1);
    assert_int_equal(settings_of("deadline", "1ms").deadline_ms, 1);
    assert_int_equal(settings_of("deadline", "10m").deadline_ms, 600000);
    assert_int_equal(settings_of("ipv4_prefix", "1").ipv4_prefix, 1);
    assert_int_equal(settings_of("ipv6_prefix", "1").ipv6_prefix, 1);
    assert_int_equal(settings_of("ipv6_prefix", "128").ipv6_prefix, 128);
    assert_int_equal(settings_of("visitor", "address+agent").visitor_agent, 1);
    assert_int_equal(settings_of("log_level", "error").log_level, FOOTFALL_LOG_ERROR);
    assert_int_equal(settings_of("log_level", "info").log_level, FOOTFALL_LOG_INFO);
    assert_int_equal(settings_of("log_level", "debug").log_level, FOOTFALL_LOG_DEBUG);
    assert_ptr_equal(settings_of("backend", "shelf").backend, &fake_shelf);
    assert_int_equal(footfall__config_settings(&settings, config, NULL), FOOTFALL_OK);
    assert_string_equal(settings.secret, SECRET);
    assert_null(settings.secret_file);
    footfall_config_free(config);
}

static void refused_by_load(void **state)
{
    static const struct {
        struct footfall_setting setting;
        const char *why;
    } cases[] = {
        { { "window", "999ms" }, "window: \"999ms\" is not a duration from 1s" },
        { { "window", "3661d" }, "window: \"3661d\" is not a duration from 1s to 3660d" },
        { { "window", "316224001s" }, "from 1s to 3660d" },
        { { "window", "24" }, "needs a unit" },
        { { "window", "-1s" }, "window: \"-1s\"" },
        { { "window_mode", "Fixed" }, "window_mode: \"Fixed\" is not fixed or sliding" },
        { { "window_mode", "" }, "window_mode: empty; it must be fixed or sliding" },
        { { "deadline", "0s" }, "deadline: \"0s\" is not a duration from 1ms to 10m" },
        { { "deadline", "601s" }, "deadline: \"601s\"" },
        { { "deadline", "forever" }, "deadline: \"forever\" is not a duration from 1ms to 10m" },
        { { "ipv4_prefix", "0" }, "ipv4_prefix: \"0\" is not an integer from 1 to 32" },
        { { "ipv4_prefix", "33" }, "ipv4_prefix: \"33\" is not an integer from 1 to 32" },
        { { "ipv6_prefix", "0" }, "ipv6_prefix: \"0\" is not an integer from 1 to 128" },
        { { "ipv6_prefix", "129" }, "ipv6_prefix: \"129\" is not an integer from 1 to 128" },
        { { "ipv6_prefix", "4294967360" }, "ipv6_prefix: \"4294967360\"" },
        { { "visitor", "agent" }, "visitor: \"agent\" is not address or address+agent" },
        { { "log_level", "warning" }, "log_level: \"warning\" is not error, warn, info or debug" },
        { { "backend", "attic" }, "backend attic is not built in; built in: bare, " },
        { { "backend", "Sqlite" }, "backend Sqlite is not built in; built in: bare, " },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_options options = FOOTFALL_OPTIONS_INIT;
        struct footfall_config *config = NULL;
        struct footfall_error err;
        options.settings = &cases[i].setting;
        options.setting_count = 1;
        assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
        assert_null(config);
        assert_has(err.text, "setting: ");
        assert_has(err.text, cases[i].why);
    }
}

/* ---- a backend's settings --------------------------------------------------------------------------------------------- */

static void sections(void **state)
{
    struct footfall_config *config = config_of("shelf.pin", "");
    struct footfall_store_setting *settings = NULL;
    size_t count = 77;
    (void)state;
    assert_int_equal(footfall__config_section(&settings, &count, config, &fake_shelf, NULL), FOOTFALL_OK);
    assert_int_equal(count, 2); /* label has no value and is not handed over */
    assert_string_equal(settings[0].key, "boards");
    assert_string_equal(settings[0].value, "3");
    assert_string_equal(settings[1].key, "pin");
    assert_string_equal(settings[1].value, "");
    footfall__free(settings);
    assert_null(footfall_config_get(config, "bare.boards")); /* of a backend that is hidden */
    assert_int_equal(footfall__config_section(&settings, &count, config, &fake_bare, NULL), FOOTFALL_OK);
    assert_null(settings);
    assert_int_equal(count, 0);
    footfall_config_free(config);
}

static void backends(void **state)
{
    const char *const *names = footfall_backends();
    size_t bare = 0;
    size_t count = 0;
    (void)state;
    for (; names[count] != NULL; count++) {
        assert_non_null(footfall__registry_find(names[count]));
        assert_true(count == 0 || strcmp(names[count - 1], names[count]) < 0);
        bare += strcmp(names[count], "bare") == 0;
    }
    assert_int_equal(bare, 1);
    assert_true(count >= 3);
    assert_ptr_equal(footfall__registry_find("sqlite"), &fake_sqlite); /* also when the true one is built in */
    assert_ptr_equal(footfall__registry_find("bare"), &fake_bare);     /* the later of the two */
    assert_ptr_equal(footfall__registry_at(0), &fake_bare);
    assert_ptr_equal(footfall__registry_at(1), &hidden_bare);
    assert_null(footfall__registry_find("shel"));
    assert_null(footfall__registry_find(""));
    assert_null(footfall__registry_find(NULL));
    for (count = 0; footfall__registry_at(count) != NULL; count++)
        assert_true(count < 100);
    assert_null(footfall__registry_at(count + 1));
    assert_null(footfall__registry_at(SIZE_MAX / 2));
}

/* ---- keys of applications, and the list ------------------------------------------------------------------------------- */

static int take_entry(void *user, const struct footfall_config_entry *entry)
{
    const struct footfall_config_entry **last = user;
    assert_non_null(entry->help);
    assert_true(entry->help[0] != '\0' && strchr(entry->help, '\n') == NULL);
    if (*last != NULL) {
        int section = strchr(entry->key, '.') != NULL;
        int last_section = strchr((*last)->key, '.') != NULL;
        assert_true(last_section < section || (last_section == section && strcmp((*last)->key, entry->key) < 0));
    }
    *last = entry;
    return 0;
}

static int count_two(void *user, const struct footfall_config_entry *entry)
{
    int *count = user;
    assert_string_equal(entry->key, *count == 0 ? "backend" : "deadline");
    return ++*count == 2;
}

struct wanted {
    const char *key;
    struct footfall_config_entry found;
};

static int take_wanted(void *user, const struct footfall_config_entry *entry)
{
    struct wanted *wanted = user;
    if (strcmp(entry->key, wanted->key) == 0)
        wanted->found = *entry;
    return 0;
}

static struct footfall_config_entry entry_of(const struct footfall_config *config, const char *key)
{
    struct wanted wanted = { .key = key };
    footfall_config_list(config, take_wanted, &wanted);
    assert_non_null(wanted.found.key);
    return wanted.found;
}

static void listing(void **state)
{
    struct footfall_config *config = config_of("secret", SECRET);
    const struct footfall_config_entry *last = NULL;
    int count = 0;
    (void)state;
    footfall_config_list(config, take_entry, &last);
    assert_non_null(last);
    footfall_config_list(config, count_two, &count);
    assert_int_equal(count, 2);
    assert_int_equal(entry_of(config, "secret").secret, 1);
    assert_int_equal(entry_of(config, "secret_file").secret, 0);
    assert_int_equal(entry_of(config, "shelf.pin").secret, 1);
    assert_int_equal(entry_of(config, "redis.url").secret, 1); /* may hold a password */
    assert_int_equal(entry_of(config, "dynamodb.secret_access_key").secret, 1);
    assert_string_equal(entry_of(config, "sqlite.path").help, "where the shelf stands"); /* the backend's own words */
    footfall_config_free(config);
}

static void own_keys(void **state)
{
    static const struct footfall_config_key own[] = {
        { "myapp.colour", "red", "its colour", 0 },
        { "myapp.pass", NULL, NULL, 1 },
        { "http.idle_timeout", "5s", "our words", 0 },
        { "window", "1h", "a window for cats", 0 },
        { "shelf.boards", "9", NULL, 1 },
    };
    static const char text[] = "[myapp]\npass = hush-hush\ncolour = blue\n";
    struct footfall_config *config = NULL;
    struct footfall_error err;
    (void)state;
    assert_int_equal(footfall__config_load_text(&config, "f", text, sizeof text - 1, NULL, own, 5, &err), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "myapp.colour"), "blue");
    assert_int_equal(entry_of(config, "myapp.pass").secret, 1);
    assert_string_equal(entry_of(config, "myapp.pass").help, "");
    assert_string_equal(entry_of(config, "http.idle_timeout").value, "5s");
    assert_string_equal(entry_of(config, "http.idle_timeout").help, "our words");
    assert_string_equal(entry_of(config, "window").value, "24h"); /* only the engine says that */
    assert_string_equal(entry_of(config, "window").help, "a window for cats");
    assert_string_equal(entry_of(config, "shelf.boards").value, "3");
    assert_string_equal(entry_of(config, "shelf.boards").help, "how many boards");
    assert_int_equal(entry_of(config, "shelf.boards").secret, 1);
    footfall_config_free(config);
    assert_int_equal(footfall__config_load_text(&config, "f", text, sizeof text - 1, NULL, NULL, 0, &err),
                     FOOTFALL_CONFIG);
    assert_has(err.text, "f:1: unknown section [myapp]");
}

static void bad_own_keys(void **state)
{
    static const struct {
        const char *keys[2];
        int status;
        const char *why;
    } cases[] = {
        { { "colour", NULL }, FOOTFALL_MISUSE, "\"colour\"" },
        { { "my.app.colour", NULL }, FOOTFALL_MISUSE, "\"my.app.colour\"" },
        { { "myapp.Colour", NULL }, FOOTFALL_MISUSE, "\"myapp.Colour\"" },
        { { ".colour", NULL }, FOOTFALL_MISUSE, "\".colour\"" },
        { { "myapp.", NULL }, FOOTFALL_MISUSE, "\"myapp.\"" },
        { { "", NULL }, FOOTFALL_MISUSE, "\"\"" },
        { { "myapp.a", "myapp.a" }, FOOTFALL_MISUSE, "myapp.a twice" },
        { { "window", "window" }, FOOTFALL_MISUSE, "window twice" },
        { { "myapp.a_b", "myapp_a.b" }, FOOTFALL_MISUSE, "FOOTFALL_MYAPP_A_B" },
        { { "window.mode", NULL }, FOOTFALL_MISUSE, "FOOTFALL_WINDOW_MODE" },
        { { NULL, NULL }, FOOTFALL_INVALID, "NULL" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct footfall_config_key own[2] = { { cases[i].keys[0], NULL, "x", 0 },
                                                    { cases[i].keys[1], NULL, "x", 0 } };
        struct footfall_config *config = NULL;
        struct footfall_error err;
        assert_int_equal(footfall_config_load(&config, NULL, own, cases[i].keys[1] != NULL ? 2 : 1, &err),
                         cases[i].status);
        assert_null(config);
        assert_has(err.text, cases[i].why);
    }
}

/* ---- misuse and memory ------------------------------------------------------------------------------------------------ */

static void misuse(void **state)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = (struct footfall_config *)state; /* not NULL */
    struct footfall_error err;
    options.size--;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_MISUSE);
    assert_null(config);
    assert_int_equal(footfall_config_load(NULL, NULL, NULL, 0, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_config_load(&config, NULL, NULL, 1, &err), FOOTFALL_INVALID);
    options.size++;
    options.setting_count = 1;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_INVALID);
    footfall_config_free(NULL);
    footfall_config_list(NULL, take_wanted, NULL);
    assert_null(footfall_config_get(NULL, "window"));
}

struct refusal {
    long calls, refused_call; /* from 1 */
};

static int refuse_one(void *user)
{
    struct refusal *refusal = user;
    return ++refusal->calls == refusal->refused_call;
}

static int load_all(struct footfall_error *err)
{
    static const struct footfall_setting settings[] = { { "window", "3h" }, { "window", "4h" }, { "secret", SECRET } };
    static const struct footfall_config_key own = { "myapp.colour", "red", "its colour", 0 };
    char path[] = "/tmp/footfall-config-XXXXXX";
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = (struct footfall_config *)&options; /* not NULL */
    struct footfall_store_setting *section = NULL;
    size_t count;
    int rc;
    int fd = mkstemp(path);
    static const char text[] = "window = 1h\n[shelf]\nlabel = books\n";
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    options.file = path;
    options.settings = settings;
    options.setting_count = 3;
    options.use_environment = 1;
    rc = footfall_config_load(&config, &options, &own, 1, err);
    unlink(path);
    assert_int_equal(config == NULL, rc != FOOTFALL_OK);
    if (rc != FOOTFALL_OK)
        return rc;
    rc = footfall__config_section(&section, &count, config, &fake_shelf, err);
    assert_int_equal(section == NULL, rc != FOOTFALL_OK);
    assert_int_equal(count, rc == FOOTFALL_OK ? 2 : 0);
    footfall__free(section);
    footfall_config_free(config);
    return rc;
}

static void out_of_memory_everywhere(void **state)
{
    struct refusal refusal = { 0, 0 };
    struct footfall_error err;
    int rc = FOOTFALL_NO_MEMORY;
    (void)state;
    setenv("FOOTFALL_DEADLINE", "3s", 1);
    for (long n = 1; rc != FOOTFALL_OK && n < 10000; n++) {
        refusal = (struct refusal){ 0, n };
        footfall__alloc_hook(refuse_one, &refusal);
        rc = load_all(&err);
        footfall__alloc_hook(NULL, NULL);
        if (rc == FOOTFALL_OK) {
            assert_int_equal(refusal.calls, n - 1); /* every allocation had its turn */
        } else {
            assert_int_equal(rc, FOOTFALL_NO_MEMORY);
            assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
            assert_has(err.text, "memory");
        }
    }
    unsetenv("FOOTFALL_DEADLINE");
    assert_int_equal(rc, FOOTFALL_OK);
    assert_true(refusal.calls > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(edges),
        cmocka_unit_test(refused_by_load), cmocka_unit_test(sections),
        cmocka_unit_test(backends),        cmocka_unit_test(listing),
        cmocka_unit_test(own_keys),        cmocka_unit_test(bad_own_keys),
        cmocka_unit_test(misuse),          cmocka_unit_test(out_of_memory_everywhere),
    };
    footfall__registry_add(&fake_sqlite);
    footfall__registry_add(&fake_shelf);
    footfall__registry_add(&hidden_bare);
    footfall__registry_add(&fake_bare);
    return cmocka_run_group_tests_name("config_settings", tests, NULL, NULL);
}
