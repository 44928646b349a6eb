/* test_config_values.c: values read as integers, truth and durations, and how refusals name key, source and value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "registry.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(bools),
        cmocka_unit_test(durations),
        cmocka_unit_test(durations_in_their_range),
        cmocka_unit_test(typed_reading_of_what_is_not_there),
    };
    footfall__registry_add(&fake_sqlite);
    footfall__registry_add(&fake_shelf);
    return cmocka_run_group_tests_name("config_values", tests, NULL, NULL);
}
