/* redis_foreign.c: keys of somebody else where ours should be, of every kind that we have. Whoever meets one is told that it is not
 * ours, and neither that key nor anything else changes. */
#include "cmocka_all.h"

#include "handle.h"
#include "redis_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 30000, DAY_MS = 86400000 };

/* Puts a string, a list, a set, a hash in the place of every key that matches; how many did. */
static int64_t replace(const char *pattern, const char *command, const char *value, const char *more)
{
    return REDIS_NUMBER("EVAL",
                        "local keys = redis.call('KEYS', ARGV[1]) for _, k in ipairs(keys) do redis.call('DEL', k) "
                        "if ARGV[4] == '' then redis.call(ARGV[2], k, ARGV[3]) "
                        "else redis.call(ARGV[2], k, ARGV[3], ARGV[4]) end end return #keys",
                        "0", pattern, command, value, more);
}

static struct footfall *open_one(const char *window)
{
    struct footfall *ff = redis_open("f", "redis.lanes", "1", "window", window, NULL);
    struct footfall_error err;
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    return ff;
}

/* Each operation on x is refused, and changes nothing. */
static void all_refused(struct footfall *ff, int reads)
{
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_result r;
    struct footfall_error err;
    const char *name = "x";
    char *before = redis_digest();
    who.address = "10.0.0.1";
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_set(ff, "x", 7, 7, NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_forget(ff, "x", &who, NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    if (reads)
        EXPECT_FAULT(footfall_read(ff, &name, 1, NULL, &r, &err), err, FOOTFALL_BROKEN, "ours");
    REDIS_UNCHANGED(before);
}

static void a_counter(void **state)
{
    struct footfall *ff = open_one("24h");
    (void)state;
    assert_int_equal(replace("f:{x}", "SET", "a string", ""), 1);
    all_refused(ff, 1);
    assert_int_equal(replace("f:{x}", "RPUSH", "a list", ""), 1);
    all_refused(ff, 1);
    assert_int_equal(replace("f:{x}", "HSET", "t", "many"), 1);
    all_refused(ff, 1);
    footfall_close(ff);
}

/* A hash without our fields: x does not exist for us, and cannot come to be. */
static void a_hash_of_others(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    assert_int_equal(replace("f:{x}", "HSET", "their field", "their value"), 1);
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_set(ff, "x", 7, 7, NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    footfall_close(ff);
}

static void a_mark(void **state)
{
    struct footfall *ff = open_one("24h");
    (void)state;
    assert_int_equal(replace("f:{x}:m:*", "RPUSH", "a list", ""), 1);
    all_refused(ff, 0);
    assert_int_equal(support_read(ff, "x").total, 1);
    footfall_close(ff);
}

static void a_token(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    call.token = "token";
    call.token_bytes = 5;
    EXPECT_FAULT(footfall_add(ff, "x", 1, &call, NULL, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(replace("f:{x}:t:*", "RPUSH", "a list", ""), 1);
    before = redis_digest();
    EXPECT_FAULT(footfall_add(ff, "x", 1, &call, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_delete(ff, "x", &call, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
}

static void a_series(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    op.name = "x";
    op.delta = 1;
    call.series = (const uint8_t *)"sixteen bytes :)";
    call.number = 1;
    EXPECT_FAULT(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(replace("f:{x}:s:*", "RPUSH", "a list", ""), 1);
    before = redis_digest();
    EXPECT_FAULT(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_BROKEN, "not ours");
    call.number = 2;
    EXPECT_FAULT(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
}

static int count_one(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)total;
    (void)unique;
    ++*(int *)user;
    return 0;
}

static void the_names(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_error err;
    char *before = NULL;
    int told = 0;
    (void)state;
    assert_int_equal(replace("f:names", "SET", "a string", ""), 1);
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "new", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(redis_add(ff, "new", LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_set(ff, "new", 1, 1, NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_list(ff, "", NULL, NULL, count_one, &told, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    assert_int_equal(told, 0);
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL); /* needs them not */
    footfall_close(ff);
}

static void the_visitors(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    who.address = "10.0.0.1";
    assert_int_equal(replace("f:{x}:v:*", "SET", "a string", ""), 1);
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_forget(ff, "x", &who, NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL); /* another generation */
    footfall_close(ff);
}

/* One of many hashes of visitors: those of the others go on. */
static void a_hash_of_visitors(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_error err;
    int refused = 0;
    int counted = 0;
    (void)state;
    for (uint32_t v = 2; v <= 400; v++)
        EXPECT_FAULT(redis_visit(ff, "x", v, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(replace("f:{x}:v:*:*:3", "SET", "a string", ""), 1);
    for (uint32_t v = 1; v <= 400; v++) {
        char *before = redis_digest();
        int rc = redis_visit(ff, "x", v, LONG_MS, &err);
        counted += rc == FOOTFALL_OK;
        if (rc == FOOTFALL_OK) {
            free(before);
            continue;
        }
        EXPECT_FAULT(rc, err, FOOTFALL_BROKEN, "not ours");
        REDIS_UNCHANGED(before);
        refused++;
    }
    assert_true(refused > 0 && counted > refused);
    assert_int_equal(support_read(ff, "x").total, 400 + counted);
    assert_int_equal(support_read(ff, "x").unique, 400);
    footfall_close(ff);
}

/* Where the next hash of visitors would be: then there is none, and everybody is remembered in the others. */
static void the_next_hash_of_visitors(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_error err;
    (void)state;
    assert_int_equal(REDIS_NUMBER("EVAL",
                                  "local base = redis.call('KEYS', 'f:{x}:v:*') redis.call('SET', base[1] .. ':1', "
                                  "'a string') return #base",
                                  "0"),
                     1);
    for (int round = 0; round < 2; round++)
        for (uint32_t v = 1; v <= 300; v++)
            EXPECT_FAULT(redis_visit(ff, "x", v, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(ff, "x").unique, 300);
    REDIS_SAYS("a string", "EVAL", "return redis.call('GET', redis.call('KEYS', 'f:{x}:v:*:*:1')[1])", "0");
    footfall_close(ff);
}

static void the_list_of_the_dead(void **state)
{
    struct footfall *ff = open_one("forever");
    struct footfall_purge_result purged;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    REDIS_OK("SET", "f:dead", "a string");
    before = redis_digest();
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_BROKEN, "not ours");
    EXPECT_FAULT(footfall_purge(ff, FOOTFALL_NOW, 100, NULL, &purged, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(ff, "x").total, 2);
    footfall_close(ff);
}

static void an_epoch_key(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    footfall_close(ff); /* it would remember */
    assert_true(replace("f:epoch:*", "RPUSH", "a list", "") > 0);
    before = redis_digest();
    ff = redis_open("f", NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    assert_true(replace("f:epoch:*", "SET", "a string", "") > 0);
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "not ours");
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
}

static void the_index_of_epochs(void **state)
{
    struct footfall *ff = open_one("24h");
    struct footfall_result r;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    assert_int_equal(replace("f:epochs", "SET", "a string", ""), 1);
    before = redis_digest();
    assert_int_equal(support_visit(ff, "x", 2, 5 * (int64_t)DAY_MS, LONG_MS, &r), FOOTFALL_BROKEN);
    REDIS_UNCHANGED(before);
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL); /* has its key */
    footfall_close(ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_counter, redis_flush),
        cmocka_unit_test_setup(a_hash_of_others, redis_flush),
        cmocka_unit_test_setup(a_mark, redis_flush),
        cmocka_unit_test_setup(a_token, redis_flush),
        cmocka_unit_test_setup(a_series, redis_flush),
        cmocka_unit_test_setup(the_names, redis_flush),
        cmocka_unit_test_setup(the_visitors, redis_flush),
        cmocka_unit_test_setup(a_hash_of_visitors, redis_flush),
        cmocka_unit_test_setup(the_next_hash_of_visitors, redis_flush),
        cmocka_unit_test_setup(the_list_of_the_dead, redis_flush),
        cmocka_unit_test_setup(an_epoch_key, redis_flush),
        cmocka_unit_test_setup(the_index_of_epochs, redis_flush),
    };
    return cmocka_run_group_tests_name("Redis, keys of others", tests, NULL, NULL);
}
