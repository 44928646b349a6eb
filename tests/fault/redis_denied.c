/* redis_denied.c: passwords, users and rights. Who may not do all that counting takes is told so when he opens, by a text that says
 * what to do and shows no password; nothing is ever half done. Run it by with_redis.py with --password. */
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"
#include "redis_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD "a pass/word:of@bob%"
#define ENCODED "a%20pass%2Fword%3Aof%40bob%25"

enum { LONG_MS = 30000, HALF_MS = 500 };

/* The server's URL with this before the host. */
static const char *url_of(const char *who)
{
    static char url[256];
    snprintf(url, sizeof url, "redis://%s127.0.0.1:%d/0", who, support_redis_port());
    return url;
}

static void expect_refusal(const char *url, const char *word)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url, NULL), err, FOOTFALL_BROKEN, word);
    assert_null(ff);
    assert_null(strstr(err.text, PASSWORD));
    assert_null(strstr(err.text, "swordfish"));
}

static void wrong_credentials(void **state)
{
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
    expect_refusal(url_of(":swordfish@"), "is wrong");
    expect_refusal(url_of("bob:swordfish@"), "is wrong");
    expect_refusal(url_of("nobody:swordfish@"), "user or ");
}

static void no_password(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of(""), NULL), err, FOOTFALL_BROKEN,
                 "redis.password_file");
    assert_null(ff);
}

static void a_password_from_a_file(void **state)
{
    char *dir = support_folder_make();
    char *path = support_path(dir, "password");
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
    support_file_write(path, PASSWORD "\n", strlen(PASSWORD) + 1);
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob@"), "redis.password_file", path, NULL),
                 err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
    support_file_write(path, "swordfish\n", 10);
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob@"), "redis.password_file", path, NULL),
                 err, FOOTFALL_BROKEN, "is wrong");
    assert_null(strstr(err.text, "swordfish"));
    free(path);
    support_folder_remove(dir);
}

static void encoded_in_the_url(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    REDIS_OK("ACL", "SETUSER", "b:o@b", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("b%3ao%40b:" ENCODED "@"), NULL), err,
                 FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
}

/* Every command of the scripts, taken from a user who may do everything else: nobody counts, nothing is left behind. */
static void a_right_is_missing(void **state)
{
    static const char *const commands[] = {
        "hset",   "hdel",          "hget",  "hmget",  "hgetall", "hkeys",  "pexpire", "pexpireat", "persist",
        "pttl",   "set",           "get",   "exists", "del",     "unlink", "zadd",    "zrem",      "zscore",
        "zrange", "zrangebyscore", "rpush", "lpop",   "llen",    "lindex", "time",    "eval",      "evalsha",
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char minus[32];
        char upper[32];
        char *before = NULL;
        struct footfall *ff = NULL;
        struct footfall_error err;
        snprintf(minus, sizeof minus, "-%s", commands[i]);
        snprintf(upper, sizeof upper, "%s", commands[i]);
        for (char *at = upper; *at != '\0' && strncmp(commands[i], "eval", 4) != 0 && strcmp(commands[i], "time") != 0;
             at++)
            *at = (char)(*at - 'a' + 'A');
        REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all", minus);
        before = redis_digest();
        EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob:" ENCODED "@"), NULL), err,
                     FOOTFALL_BROKEN, upper);
        assert_null(ff);
        assert_null(strstr(err.text, PASSWORD));
        REDIS_UNCHANGED(before);
    }
}

static void another_prefix_is_denied(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~mine:*", "&*", "+@all");
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob:" ENCODED "@"), NULL), err,
                 FOOTFALL_BROKEN, "right");
    assert_null(ff);
    EXPECT_FAULT(redis_try_open(&ff, &err, "mine", "redis.url", url_of("bob:" ENCODED "@"), NULL), err, FOOTFALL_OK,
                 NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
}

/* The least that README may ask for: these commands on these keys, nothing else. */
static void the_least_rights(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    struct footfall_purge_result purged;
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~denied:*", "+eval", "+evalsha", "+ping", "+info",
             "+time", "+get", "+set", "+exists", "+del", "+unlink", "+pexpire", "+pexpireat", "+persist", "+pttl",
             "+hset", "+hdel", "+hget", "+hmget", "+hgetall", "+hkeys", "+zadd", "+zrem", "+zscore", "+zrange",
             "+zrangebyscore", "+zrangebylex", "+rpush", "+lpop", "+llen", "+lindex");
    EXPECT_FAULT(
        redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob:" ENCODED "@"), "window", "forever", NULL), err,
        FOOTFALL_OK, NULL);
    for (uint32_t i = 0; i < 200; i++)
        EXPECT_FAULT(redis_visit(ff, "x", i, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_set(ff, "x", 1, 1, NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_ping(ff, NULL, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_purge(ff, FOOTFALL_NOW, 1000, NULL, &purged, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(purged.visitors, 200);
    footfall_close(ff);
}

/* Rights that go while a handle is open. Where Redis looks before it runs the script nothing is done, and that is said. */
static void rights_are_taken_away(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    char *before = NULL;
    int rc = 0;
    (void)state;
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
    EXPECT_FAULT(redis_try_open(&ff, &err, "denied", "redis.url", url_of("bob:" ENCODED "@"), NULL), err, FOOTFALL_OK,
                 NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    before = redis_digest();
    REDIS_OK("ACL", "SETUSER", "bob", "-evalsha");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "evalsha");
    REDIS_OK("ACL", "SETUSER", "bob", "+evalsha", "resetkeys", "~other:*");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "right");
    REDIS_UNCHANGED(before);
    (void)REDIS_NUMBER("ACL", "DELUSER", "bob");
    rc = redis_visit(ff, "x", 2, LONG_MS, &err); /* the server hangs up, perhaps on what was sent just then */
    assert_true(rc == FOOTFALL_BROKEN || rc == FOOTFALL_UNKNOWN);
    assert_non_null(strstr(err.text, "is wrong"));
    REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_in_range(support_read(ff, "x").total, 2, 2 + (rc == FOOTFALL_UNKNOWN));
    footfall_close(ff);
}

/* … and where it is in the middle of the script, what stands is half an operation: in doubt however often it is sent again, never
 * acknowledged, and not done twice. */
static void a_batch_stops_half_way(void **state)
{
    static const char *const commands[] = { "hset", "pexpireat", "zadd", "unlink", "zrem" };
    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct footfall *ff = NULL;
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_error err;
        char *minus = support_format("-%s", commands[i]);
        int deletes = i >= 3;
        call.wait_ms = HALF_MS;
        (void)redis_flush(NULL);
        REDIS_OK("ACL", "SETUSER", "bob", "reset", "on", ">" PASSWORD, "~*", "&*", "+@all");
        EXPECT_FAULT(redis_try_open(&ff, &err, "half", "redis.url", url_of("bob:" ENCODED "@"), NULL), err, FOOTFALL_OK,
                     NULL);
        EXPECT_FAULT(redis_visit(ff, "other", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL); /* the epoch's key is there */
        if (deletes)
            EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
        REDIS_OK("ACL", "SETUSER", "bob", minus);
        if (deletes)
            EXPECT_FAULT(footfall_delete(ff, "x", &call, NULL, &err), err, FOOTFALL_UNKNOWN, NULL);
        else
            EXPECT_FAULT(redis_visit(ff, "x", 1, HALF_MS, &err), err, FOOTFALL_UNKNOWN, NULL);
        REDIS_OK("ACL", "SETUSER", "bob", "+@all");
        assert_in_range(support_read(ff, "x").total, 0, 1);
        footfall_close(ff);
        free(minus);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(wrong_credentials, redis_flush),
        cmocka_unit_test_setup(no_password, redis_flush),
        cmocka_unit_test_setup(a_password_from_a_file, redis_flush),
        cmocka_unit_test_setup(encoded_in_the_url, redis_flush),
        cmocka_unit_test_setup(a_right_is_missing, redis_flush),
        cmocka_unit_test_setup(another_prefix_is_denied, redis_flush),
        cmocka_unit_test_setup(the_least_rights, redis_flush),
        cmocka_unit_test_setup(rights_are_taken_away, redis_flush),
        cmocka_unit_test_setup(a_batch_stops_half_way, redis_flush),
    };
    return cmocka_run_group_tests_name("Redis, rights", tests, NULL, NULL);
}
