/* test_serve.c: what the configuration says to the HTTP front end, how many connections there is room for, and how many an
 * address has. Sockets are in test_serve_listen.c, the rest is tried from outside (tests/http). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server.h"

static struct footfall_config *config_of(const char *key, const char *value)
{
    struct footfall_setting setting = { key, value };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    options.settings = &setting;
    options.setting_count = key != NULL;
    if (footfall_config_load(&config, &options, NULL, 0, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    return config;
}

static struct footfall_serve_settings settings_of(const char *key, const char *value)
{
    struct footfall_serve_settings settings;
    struct footfall_config *config = config_of(key, value);
    struct footfall_error err;
    if (footfall__serve_settings_read(&settings, config, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(footfall__serve_check(config, NULL), FOOTFALL_OK);
    footfall_config_free(config);
    return settings;
}

static void test_defaults(void **state)
{
    struct footfall_serve_settings settings = settings_of(NULL, NULL);
    (void)state;
    assert_int_equal(settings.place.address.any.sa_family, AF_INET);
    assert_int_equal(settings.max_connections, 1024);
    assert_int_equal(settings.max_per_address, 0);
    assert_in_range(settings.threads, 1, 8);
    assert_int_equal(settings.header_bytes, 16384);
    assert_int_equal(settings.body_bytes, 65536);
    assert_int_equal(settings.idle_ms, 60000);
    assert_int_equal(settings.request_ms, 10000);
    assert_int_equal(settings.log_level, FOOTFALL_LOG_WARN);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(settings_of("http.threads", "64").threads, 64);
    assert_int_equal(settings_of("http.threads", "1").threads, 1);
    assert_int_equal(settings_of("http.max_connections", "1").max_connections, 1);
    assert_int_equal(settings_of("http.max_connections_per_address", "7").max_per_address, 7);
    assert_int_equal(settings_of("http.header_bytes", "1024").header_bytes, 1024);
    assert_int_equal(settings_of("http.body_bytes", "0").body_bytes, 0);
    assert_int_equal(settings_of("http.idle_timeout", "1h").idle_ms, 3600000);
    assert_int_equal(settings_of("http.request_timeout", "100ms").request_ms, 100);
    assert_int_equal(settings_of("log_level", "error").log_level, FOOTFALL_LOG_ERROR);
    assert_int_equal(settings_of("log_level", "debug").log_level, FOOTFALL_LOG_DEBUG);
    assert_int_equal(settings_of("http.listen", "unix:/run/x").place.address.any.sa_family, AF_UNIX);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *key, *value;
    } cases[] = { { "http.listen", "8080" },
                  { "http.listen", "" },
                  { "http.threads", "65" },
                  { "http.threads", "-1" },
                  { "http.threads", "two" },
                  { "http.threads", "" },
                  { "http.max_connections", "0" },
                  { "http.max_connections", "100001" },
                  { "http.max_connections_per_address", "-1" },
                  { "http.header_bytes", "1023" },
                  { "http.header_bytes", "1048577" },
                  { "http.body_bytes", "16777217" },
                  { "http.idle_timeout", "99ms" },
                  { "http.idle_timeout", "60" },
                  { "http.idle_timeout", "forever" },
                  { "http.request_timeout", "2h" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = config_of(cases[i].key, cases[i].value);
        struct footfall_serve_settings settings;
        struct footfall_error err = { 0 };
        assert_int_equal(footfall__serve_settings_read(&settings, config, &err), FOOTFALL_CONFIG);
        if (strstr(err.text, cases[i].key) == NULL)
            fail_msg("%s is not in \"%s\"", cases[i].key, err.text);
        footfall_config_free(config);
    }
}

/* In a child, with these limits of descriptors: how many of `wanted` connections there is room for, and the soft limit then. */
static void room_of(uint32_t wanted, rlim_t soft, rlim_t hard, uint32_t room, rlim_t soft_after)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = { soft, hard };
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(2);
        if (footfall__serve_room(wanted) != room || getrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(3);
        _exit(limit.rlim_cur == soft_after ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_room(void **state)
{
    (void)state;
    room_of(100, 300, 300, 100, 300);
    room_of(100, 164, 164, 100, 164);
    room_of(100, 80, 300, 100, 164);
    room_of(100, 80, 163, 99, 163);
    room_of(100, 80, 80, 16, 80);
    room_of(100, 60, 60, 1, 60);
}

static void test_addresses(void **state)
{
    struct footfall_serve server = { .settings.max_per_address = 2, .addresses.lock = PTHREAD_MUTEX_INITIALIZER };
    (void)state;
    assert_int_equal(footfall__serve_addresses_init(&server), 0);
    for (uint64_t key = 1; key < 5000; key += 1024) { /* in one bucket */
        assert_int_equal(footfall__serve_address_enter(&server, key), 0);
        assert_int_equal(footfall__serve_address_enter(&server, key), 0);
        assert_int_equal(footfall__serve_address_enter(&server, key), -1);
    }
    footfall__serve_address_leave(&server, 1025);
    assert_int_equal(footfall__serve_address_enter(&server, 1), -1);
    assert_int_equal(footfall__serve_address_enter(&server, 1025), 0);
    assert_int_equal(footfall__serve_address_enter(&server, 1025), -1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(footfall__serve_address_enter(&server, 0), 0); /* nobody's */
    for (uint64_t key = 1; key < 5000; key += 1024) {
        footfall__serve_address_leave(&server, key);
        footfall__serve_address_leave(&server, key);
    }
    footfall__serve_address_leave(&server, 1); /* was not there */
    footfall__serve_addresses_free(&server);
    server.settings.max_per_address = 0;
    assert_int_equal(footfall__serve_addresses_init(&server), 0);
    assert_int_equal(footfall__serve_address_enter(&server, 1), 0);
    footfall__serve_address_leave(&server, 1);
    footfall__serve_addresses_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),    cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_room),     cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
