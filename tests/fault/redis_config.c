/* redis_config.c: settings that are wrong, servers that are not fit to count on, and what footfall_check says of them. */
#include "cmocka_all.h"

#include "folder.h"
#include "footfall_admin.h"
#include "handle.h"
#include "process.h"
#include "redis_ask.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG_MS = 30000, SHORT_MS = 300 };

static void refused(const char *key, const char *value, int status, const char *word)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    int rc = redis_try_open(&ff, &err, "config", key, value, "deadline", "1s", NULL);
    if (rc != status || strstr(err.text, word) == NULL)
        fail_msg("%s = \"%s\": %s: \"%s\"; wanted %s: %s", key, value, footfall_status_name((enum footfall_status)rc),
                 err.text, footfall_status_name((enum footfall_status)status), word);
    assert_null(ff);
    assert_null(strstr(err.text, "swordfish"));
}

static void wrong_urls(void **state)
{
    static const char *const urls[] = {
        "127.0.0.1:6379",
        "http://127.0.0.1",
        "redis:/127.0.0.1",
        "REDIS://127.0.0.1",
        "redis://",
        "redis:///0",
        "redis://:6379",
        "redis://us er",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:port",
        "redis://host:",
        "redis://host:-1",
        "redis://host:6379/x",
        "redis://host:6379/-1",
        "redis://host:6379/65536",
        "redis://host:6379/0/0",
        "redis://host:6379/0?timeout=1",
        "redis://host:6379?db=1",
        "redis://host#x",
        "redis://[::1",
        "redis://[::1]6379",
        "redis://[]:6379",
        "redis://u%zz:swordfish@host",
        "redis://u:swordfish%0@host",
        "redis://u:swordfish%@host",
        "redis://u:swordfish%00@host",
        "redis://u:swordfish@",
        "redis://u:swordfish@host:x",
        "rediss://u:swordfish@host/x",
        "unix://relative/path",
        "unix://",
        "unix://u:swordfish@relative",
        "unix:///path?database=1",
        "unix:///path?db=x",
        "unix:///path%0",
    };
    char *longest = support_format("unix:///%0200d", 1);
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        refused("redis.url", urls[i], FOOTFALL_CONFIG, "redis.url");
    refused("redis.url", longest, FOOTFALL_CONFIG, "too long");
    free(longest);
}

static void wrong_settings(void **state)
{
    char *longest = support_format("%0128d", 1);
    (void)state;
    refused("redis.prefix", "a{b", FOOTFALL_CONFIG, "redis.prefix");
    refused("redis.prefix", "a}b", FOOTFALL_CONFIG, "redis.prefix");
    refused("redis.prefix", "a b", FOOTFALL_CONFIG, "redis.prefix");
    refused("redis.prefix", "", FOOTFALL_CONFIG, "redis.prefix");
    refused("redis.prefix", longest, FOOTFALL_CONFIG, "redis.prefix");
    refused("redis.sentinel", "master@127.0.0.1:26379", FOOTFALL_CONFIG, "not supported yet");
    refused("redis.wait_replicas", "-1", FOOTFALL_CONFIG, "redis.wait_replicas");
    refused("redis.wait_replicas", "101", FOOTFALL_CONFIG, "redis.wait_replicas");
    refused("redis.wait_replicas", "one", FOOTFALL_CONFIG, "redis.wait_replicas");
    refused("redis.wait_replicas", "99999999999999999999", FOOTFALL_CONFIG, "redis.wait_replicas");
    refused("redis.allow_eviction", "maybe", FOOTFALL_CONFIG, "redis.allow_eviction");
    refused("redis.lanes", "0", FOOTFALL_CONFIG, "redis.lanes");
    refused("redis.lanes", "65", FOOTFALL_CONFIG, "redis.lanes");
    refused("redis.ca_file", "/dev/null", FOOTFALL_CONFIG, "redis.ca_file");
    refused("redis.password_file", "/no/such/file", FOOTFALL_CONFIG, "redis.password_file");
    refused("redis.passwort_file", "/no/such/file", FOOTFALL_CONFIG, "redis.passwort_file");
    free(longest);
}

static void wrong_files(void **state)
{
    static const char big[5000] = { 'x' };
    char *dir = support_folder_make();
    char *path = support_path(dir, "password");
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    support_file_write(path, "", 0);
    refused("redis.password_file", path, FOOTFALL_CONFIG, "redis.password_file");
    support_file_write(path, "\n\n", 2);
    refused("redis.password_file", path, FOOTFALL_CONFIG, "redis.password_file");
    support_file_write(path, "swordfish\nswordfish\n", 20);
    refused("redis.password_file", path, FOOTFALL_CONFIG, "redis.password_file");
    support_file_write(path, big, sizeof big);
    refused("redis.password_file", path, FOOTFALL_CONFIG, "redis.password_file");
    support_file_write(path, "swordfish\n", 10);
    EXPECT_FAULT(redis_try_open(&ff, &err, "config", "redis.password_file", path, "redis.url",
                                "redis://:swordfish@127.0.0.1", NULL),
                 err, FOOTFALL_CONFIG, "redis.password_file");
    assert_null(strstr(err.text, "swordfish"));
    EXPECT_FAULT(
        redis_try_open(&ff, &err, "config", "redis.ca_file", "/no/such/file", "redis.url", "rediss://127.0.0.1", NULL),
        err, FOOTFALL_CONFIG, "redis.ca_file");
    free(path);
    support_folder_remove(dir);
}

static void not_there(void **state)
{
    char *url = support_format("redis://127.0.0.1:%d/99", support_redis_port());
    char *rediss = support_format("rediss://127.0.0.1:%d", support_redis_port());
    (void)state;
    refused("redis.url", url, FOOTFALL_BROKEN, "out of range");
    refused("redis.url", "redis://127.0.0.1:1", FOOTFALL_TEMPORARY, "cannot connect");
    refused("redis.url", "redis://[::1]:1", FOOTFALL_TEMPORARY, "cannot connect");
    refused("redis.url", "redis://no-such-host.invalid", FOOTFALL_TEMPORARY, "no-such-host.invalid");
    refused("redis.url", rediss, FOOTFALL_TEMPORARY, "TLS");
    refused("redis.url", "unix:///no/such/socket", FOOTFALL_TEMPORARY, "cannot connect");
    free(rediss);
    free(url);
}

/* A server that takes the connection and says nothing. */
static void silent(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *url = NULL;
    char *rediss = NULL;
    int64_t begun = support_now_ns();
    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    url = support_format("redis://127.0.0.1:%d", ntohs(address.sin_port));
    rediss = support_format("rediss://127.0.0.1:%d", ntohs(address.sin_port));
    refused("redis.url", url, FOOTFALL_TEMPORARY, "in time");
    refused("redis.url", rediss, FOOTFALL_TEMPORARY, "in time");
    assert_true(support_now_ns() - begun < INT64_C(5000000000));
    close(listener);
    free(rediss);
    free(url);
}

/* ---- findings ---------------------------------------------------------------------------------------------------------------- */

struct wanted {
    enum footfall_severity severity;
    const char *word;
    int found;
    char *all;
};

static void compare(void *user, const struct footfall_finding *finding)
{
    struct wanted *wanted = user;
    char *all =
        support_format("%s%d %s\n", wanted->all != NULL ? wanted->all : "", (int)finding->severity, finding->text);
    free(wanted->all);
    wanted->all = all;
    if (finding->severity == wanted->severity && strstr(finding->text, wanted->word) != NULL) {
        wanted->found++;
        if (finding->severity >= FOOTFALL_WARNING)
            assert_non_null(finding->advice);
    }
}

static void expect_finding(struct footfall *ff, enum footfall_severity severity, const char *word)
{
    struct wanted wanted = { severity, word, 0, NULL };
    struct footfall_error err;
    EXPECT_FAULT(footfall_check(ff, NULL, compare, &wanted, &err), err, FOOTFALL_OK, NULL);
    if (wanted.found != 1)
        fail_msg("%d findings of severity %d speak of \"%s\":\n%s", wanted.found, (int)severity, word, wanted.all);
    free(wanted.all);
}

static void how_it_keeps(void **state)
{
    struct footfall *ff = redis_open("config", NULL);
    (void)state;
    expect_finding(ff, FOOTFALL_WARNING, "Nothing is kept on disk");
    REDIS_OK("CONFIG", "SET", "save", "3600 1");
    expect_finding(ff, FOOTFALL_WARNING, "snapshots only (save 3600 1)");
    REDIS_OK("CONFIG", "SET", "save", "");
    REDIS_OK("CONFIG", "SET", "appendonly", "yes");
    REDIS_OK("CONFIG", "SET", "appendfsync", "always");
    expect_finding(ff, FOOTFALL_FINE, "survives a power cut");
    REDIS_OK("CONFIG", "SET", "appendfsync", "everysec");
    expect_finding(ff, FOOTFALL_FINE, "up to two seconds");
    REDIS_OK("CONFIG", "SET", "appendfsync", "no");
    expect_finding(ff, FOOTFALL_WARNING, "appendfsync is no");
    expect_finding(ff, FOOTFALL_NOTE, "epoch key");
    REDIS_OK("CONFIG", "SET", "appendonly", "no");
    expect_finding(ff, FOOTFALL_FINE, "noeviction");
    expect_finding(ff, FOOTFALL_FINE, "server's clock");
    expect_finding(ff, FOOTFALL_FINE, "The server is Redis");
    footfall_close(ff);
}

static void a_replica(void **state)
{
    struct footfall *ff = redis_open("config", NULL);
    (void)state;
    REDIS_OK("REPLICAOF", "127.0.0.1", "1");
    expect_finding(ff, FOOTFALL_WRONG, "is a replica");
    REDIS_OK("REPLICAOF", "NO", "ONE");
    footfall_close(ff);
}

/* Nobody follows: what is counted may be lost, so it is in doubt, and said so in time. */
static void replicas_that_are_not_there(void **state)
{
    struct footfall *plain = redis_open("config", NULL);
    struct footfall *ff = redis_open("config", "redis.wait_replicas", "1", NULL);
    struct footfall_error err;
    int64_t begun = 0;
    (void)state;
    expect_finding(ff, FOOTFALL_WRONG, "redis.wait_replicas is 1 and 0");
    EXPECT_FAULT(redis_add(plain, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL); /* the script is known from now on */
    begun = support_now_ns();
    EXPECT_FAULT(redis_add(ff, "x", SHORT_MS, &err), err, FOOTFALL_UNKNOWN, NULL);
    assert_true(support_now_ns() - begun < INT64_C(1500000000));
    assert_int_equal(support_read(ff, "x").total, 2);
    footfall_close(ff);
    footfall_close(plain);
}

static void little_memory_is_left(void **state)
{
    struct footfall *ff = redis_open("config", NULL);
    (void)state;
    REDIS_OK("CONFIG", "SET", "maxmemory", "1mb");
    expect_finding(ff, FOOTFALL_WARNING, "of memory are used");
    REDIS_OK("CONFIG", "SET", "maxmemory", "0");
    footfall_close(ff);
}

/* A user who may count and not ask: check says that it cannot tell. */
static void a_server_that_tells_nothing(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    char *url = support_format("redis://bob:pw@127.0.0.1:%d/0", support_redis_port());
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">pw", "~*", "&*", "+@all", "-config");
    ff = redis_open("config", "redis.url", url, NULL);
    REDIS_OK("CONFIG", "SET", "appendonly", "yes");
    expect_finding(ff, FOOTFALL_NOTE, "appendfsync is not told");
    REDIS_OK("CONFIG", "SET", "appendonly", "no");
    footfall_close(ff);
    REDIS_OK("ACL", "SETUSER", "bob", "-info");
    ff = redis_open("config", "redis.url", url, NULL);
    expect_finding(ff, FOOTFALL_WARNING, "does not tell about itself");
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
    free(url);
}

/* ---- eviction ---------------------------------------------------------------------------------------------------------------- */

static void servers_that_evict(void **state)
{
    static const char *const policies[] = { "allkeys-lru",  "allkeys-lfu",  "allkeys-random", "volatile-lru",
                                            "volatile-lfu", "volatile-ttl", "volatile-random" };
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        struct footfall *ff = NULL;
        struct footfall_error err;
        REDIS_OK("CONFIG", "SET", "maxmemory-policy", policies[i]);
        refused("redis.prefix", "evict", FOOTFALL_CONFIG, "redis.allow_eviction");
        refused("redis.prefix", "evict", FOOTFALL_CONFIG, policies[i]);
        ff = redis_open("evict", "redis.allow_eviction", "true", NULL);
        expect_finding(ff, FOOTFALL_WRONG, policies[i]);
        EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
        footfall_close(ff);
    }
    REDIS_OK("CONFIG", "SET", "maxmemory-policy", "noeviction");
}

/* The server changes its mind and hangs up: the handle counts nothing there until it has changed it again. */
static void a_server_that_begins_to_evict(void **state)
{
    struct footfall *ff = redis_open("evict", "redis.lanes", "1", NULL);
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    REDIS_OK("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    (void)REDIS_NUMBER("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    support_sleep_ms(1200); /* a connection that lay idle is looked at before anything is sent */
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "allkeys-lru");
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_BROKEN, "redis.allow_eviction");
    REDIS_UNCHANGED(before);
    REDIS_OK("CONFIG", "SET", "maxmemory-policy", "noeviction");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(ff, "x").total, 2);
    assert_int_equal(support_read(ff, "x").unique, 2);
    footfall_close(ff);
}

/* How many connections a handle takes when three are configured. */
static int64_t connections(int alone)
{
    const struct footfall_setting settings[] = {
        { "backend", "redis" },
        { "redis.url", support_redis_url() },
        { "secret", SUPPORT_SECRET },
        { "redis.lanes", "3" },
        { "redis.ca_file", getenv("FOOTFALL_TEST_REDIS_CA") != NULL ? support_redis_ca() : "" }
    };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall *ff = NULL;
    struct footfall_error err;
    char *before = redis_info("total_connections_received");
    char *after = NULL;
    int64_t taken = 0;
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof settings[0] - (settings[4].value[0] == '\0');
    options.alone = alone;
    EXPECT_FAULT(footfall_open(&ff, &options, &err), err, FOOTFALL_OK, NULL);
    for (char name[] = "a"; name[0] <= 'z'; name[0]++)
        EXPECT_FAULT(redis_visit(ff, name, 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    after = redis_info("total_connections_received");
    taken = strtoll(after, NULL, 10) - strtoll(before, NULL, 10) - 1; /* the one that asks */
    footfall_close(ff);
    free(before);
    free(after);
    return taken;
}

static void as_many_lanes_as_suit_the_program(void **state)
{
    (void)state;
    assert_int_equal(connections(0), 3);
    assert_int_equal(connections(1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(wrong_urls, redis_flush),
        cmocka_unit_test_setup(wrong_settings, redis_flush),
        cmocka_unit_test_setup(wrong_files, redis_flush),
        cmocka_unit_test_setup(not_there, redis_flush),
        cmocka_unit_test_setup(silent, redis_flush),
        cmocka_unit_test_setup(how_it_keeps, redis_flush),
        cmocka_unit_test_setup(as_many_lanes_as_suit_the_program, redis_flush),
        cmocka_unit_test_setup(a_replica, redis_flush),
        cmocka_unit_test_setup(replicas_that_are_not_there, redis_flush),
        cmocka_unit_test_setup(little_memory_is_left, redis_flush),
        cmocka_unit_test_setup(a_server_that_tells_nothing, redis_flush),
        cmocka_unit_test_setup(servers_that_evict, redis_flush),
        cmocka_unit_test_setup(a_server_that_begins_to_evict, redis_flush),
    };
    return cmocka_run_group_tests_name("Redis, settings and findings", tests, NULL, NULL);
}
