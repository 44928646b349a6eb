/* test_config_values.c: typed values, what the engine and the backends get, keys of applications, the list, and running out
 * of memory at every allocation. */
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

/* ---- typed reading ---------------------------------------------------------------------------------------------------- */

static void integers(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max, value;
        int status;
    } cases[] = {
        { "0", 0, 0, 0, 0 },
        { "-0", 0, 0, 0, 0 },
        { "007", 0, 9, 7, 0 },
        { "-5", -5, 5, -5, 0 },
        { "5", -5, 5, 5, 0 },
        { "6", -5, 5, 0, FOOTFALL_CONFIG },
        { "-6", -5, 5, 0, FOOTFALL_CONFIG },
        { "9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, 0 },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, 0 },
        { "9223372036854775808", INT64_MIN, INT64_MAX, 0, FOOTFALL_CONFIG },
        { "-9223372036854775809", INT64_MIN, INT64_MAX, 0, FOOTFALL_CONFIG },
        { "18446744073709551617", INT64_MIN, INT64_MAX, 0, FOOTFALL_CONFIG },
        { "", 0, 9, 0, FOOTFALL_CONFIG },
        { "-", -9, 9, 0, FOOTFALL_CONFIG },
        { "+5", 0, 9, 0, FOOTFALL_CONFIG },
        { "--5", -9, 9, 0, FOOTFALL_CONFIG },
        { " 5", 0, 9, 0, FOOTFALL_CONFIG },
        { "5 ", 0, 9, 0, FOOTFALL_CONFIG },
        { "5k", 0, 9, 0, FOOTFALL_CONFIG },
        { "0x5", 0, 9, 0, FOOTFALL_CONFIG },
        { "5.0", 0, 9, 0, FOOTFALL_CONFIG },
        { "five", 0, 9, 0, FOOTFALL_CONFIG },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = config_of("shelf.boards", cases[i].text);
        struct footfall_error err;
        int64_t value = 77;
        memset(&err, 'x', sizeof err);
        assert_int_equal(footfall_config_integer(&value, config, "shelf.boards", cases[i].min, cases[i].max, &err),
                         cases[i].status);
        assert_true(value == cases[i].value);
        assert_int_equal(err.status, cases[i].status);
        assert_has(err.text, cases[i].status != 0 ? "setting: shelf.boards: " : "");
        footfall_config_free(config);
    }
}

static void bools(void **state)
{
    static const struct {
        const char *text;
        int value; /* -1: none */
    } cases[] = {
        { "true", 1 }, { "yes", 1 }, { "on", 1 }, { "1", 1 },     { "false", 0 }, { "no", 0 }, { "off", 0 },
        { "0", 0 },    { "", -1 },   { "2", -1 }, { "TRUE", -1 }, { "yes ", -1 }, { "y", -1 }, { "01", -1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = config_of("http.create", cases[i].text);
        struct footfall_error err;
        int value = 77;
        int rc = footfall_config_bool(&value, config, "http.create", &err);
        assert_int_equal(rc, cases[i].value < 0 ? FOOTFALL_CONFIG : FOOTFALL_OK);
        assert_int_equal(value, cases[i].value < 0 ? 0 : cases[i].value);
        assert_has(err.text, cases[i].value < 0 ? "setting: http.create: " : "");
        footfall_config_free(config);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {
        { "0ms", 0 },
        { "1ms", 1 },
        { "1500ms", 1500 },
        { "2s", 2000 },
        { "90m", 5400000 },
        { "24h", DAY },
        { "30d", 30 * DAY },
        { "2w", 14 * DAY },
        { "1h30m", 5400000 },
        { "1w2d3h4m5s6ms", 9 * DAY + 3 * 3600000 + 4 * 60000 + 5006 },
        { "007s", 7000 },
        { "forever", INT64_MAX },
        { "9223372036854775806ms", INT64_MAX - 1 },
        { "9223372036854775807ms", -1 }, /* that would be forever */
        { "9223372036854775808ms", -1 },
        { "9223372036854775s808ms", -1 },
        { "9223372036854776s", -1 },
        { "15250284453w", -1 },
        { "99999999999999999999ms", -1 },
        { "", -1 },
        { "24", -1 },
        { "h", -1 },
        { "24 h", -1 },
        { " 24h", -1 },
        { "24h ", -1 },
        { "-1h", -1 },
        { "+1h", -1 },
        { "1.5h", -1 },
        { "1H", -1 },
        { "1min", -1 },
        { "1y", -1 },
        { "1hh", -1 },
        { "1sm", -1 },
        { "30m1h", -1 },
        { "1h1h", -1 },
        { "1h30", -1 },
        { "Forever", -1 },
        { "forever1s", -1 },
        { "1s forever", -1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 77;
        if (footfall__duration_parse(&ms, cases[i].text) != (cases[i].ms < 0 ? -1 : 0))
            fail_msg("\"%s\"", cases[i].text);
        assert_true(ms == (cases[i].ms < 0 ? 0 : cases[i].ms));
    }
}

static void durations_in_their_range(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        const char *why; /* NULL: fine */
    } cases[] = {
        { "10s", 10000, 10000, NULL },
        { "9999ms", 10000, 20000, "\"9999ms\" is not a duration from 10s to 20s" },
        { "20001ms", 10000, 20000, "from 10s to 20s" },
        { "0s", 1, 600000, "from 1ms to 10m" },
        { "x", 0, 1500, "from 0ms to 1500ms" },
        { "forever", 1, 600000, "from 1ms to 10m" },
        { "forever", 1, INT64_MAX - 1, "9223372036854775806ms" },
        { "forever", 1, INT64_MAX, NULL },
        { "10", 1000, INT64_MAX, "from 1s to forever: it needs a unit (ms, s, m, h, d or w)" },
        { "", 1, 2, "empty" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = config_of("http.idle_timeout", cases[i].text);
        struct footfall_error err;
        int64_t ms = 77;
        int rc = footfall_config_duration(&ms, config, "http.idle_timeout", cases[i].min, cases[i].max, &err);
        assert_int_equal(rc, cases[i].why == NULL ? FOOTFALL_OK : FOOTFALL_CONFIG);
        assert_int_equal(ms == 0, cases[i].why != NULL);
        if (cases[i].why != NULL) {
            assert_has(err.text, "setting: http.idle_timeout: ");
            assert_has(err.text, cases[i].why);
        }
        footfall_config_free(config);
    }
}

static void typed_reading_of_what_is_not_there(void **state)
{
    struct footfall_config *config = config_of("shelf.pin", "hush-hush");
    struct footfall_error err;
    int64_t value = 77;
    int truth = 77;
    (void)state;
    assert_int_equal(footfall_config_integer(&value, config, "shelf.feet", 0, 9, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "unknown key \"shelf.feet\"");
    assert_int_equal(footfall_config_integer(&value, config, "shelf.label", 0, 9, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "default: shelf.label: not set");
    assert_int_equal(footfall_config_bool(&truth, config, "shelf.label", &err), FOOTFALL_CONFIG);
    assert_int_equal(footfall_config_duration(&value, config, "shelf.label", 0, 9, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "default: shelf.label: not set");
    assert_int_equal(footfall_config_integer(&value, config, "shelf.pin", 0, 9, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "setting: shelf.pin: *** is not an integer from 0 to 9");
    assert_null(strstr(err.text, "hush"));
    assert_true(value == 0 && truth == 0);
    assert_int_equal(footfall_config_integer(NULL, config, "shelf.boards", 0, 9, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_config_bool(NULL, config, "shelf.boards", &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_config_duration(NULL, config, "shelf.boards", 0, 9, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_config_integer(&value, NULL, "shelf.boards", 0, 9, &err), FOOTFALL_INVALID);
    assert_int_equal(footfall_config_integer(&value, config, NULL, 0, 9, NULL), FOOTFALL_INVALID);
    assert_null(footfall_config_get(config, "shelf.label"));
    assert_null(footfall_config_get(config, "shelf.feet"));
    assert_null(footfall_config_get(config, NULL));
    assert_string_equal(footfall_config_get(config, "shelf.pin"), "hush-hush");
    footfall_config_free(config);
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
        { { "backend", "redis" }, "backend redis is not built in; built in: bare, " },
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
        cmocka_unit_test(integers),
        cmocka_unit_test(bools),
        cmocka_unit_test(durations),
        cmocka_unit_test(durations_in_their_range),
        cmocka_unit_test(typed_reading_of_what_is_not_there),
        cmocka_unit_test(defaults),
        cmocka_unit_test(edges),
        cmocka_unit_test(refused_by_load),
        cmocka_unit_test(sections),
        cmocka_unit_test(backends),
        cmocka_unit_test(listing),
        cmocka_unit_test(own_keys),
        cmocka_unit_test(bad_own_keys),
        cmocka_unit_test(misuse),
        cmocka_unit_test(out_of_memory_everywhere),
    };
    footfall__registry_add(&fake_sqlite);
    footfall__registry_add(&fake_shelf);
    footfall__registry_add(&fake_bare);
    return cmocka_run_group_tests_name("config_values", tests, NULL, NULL);
}
