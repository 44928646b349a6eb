/* redis_tls.c: whom the TLS connection trusts, and that it counts as exactly as any other. Run it by with_redis.py --transport tls
 * --appendonly always. */
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"
#include "process.h"
#include "redis_ask.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 30000, KILLS = 5, PROCESSES = 2 };

static char *url_of(const char *scheme, const char *host)
{
    return support_format("%s://%s:%d", scheme, host, support_redis_port());
}

static void opens(const char *host)
{
    char *url = url_of("rediss", host);
    struct footfall *ff = NULL;
    struct footfall_error err;
    EXPECT_FAULT(redis_try_open(&ff, &err, "trusted", "redis.url", url, NULL), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    footfall_close(ff);
    free(url);
}

static void refuses(const char *host, const char *ca_file, const char *word)
{
    char *url = url_of("rediss", host);
    struct footfall *ff = NULL;
    struct footfall_error err;
    int64_t begun = support_now_ns();
    EXPECT_FAULT(
        redis_try_open(&ff, &err, "refused", "redis.url", url, "redis.ca_file", ca_file, "deadline", "60s", NULL), err,
        FOOTFALL_BROKEN, word);
    assert_null(ff);
    assert_true(support_now_ns() - begun < INT64_C(30000000000)); /* no trying again and again */
    free(url);
}

static void the_right_certificate(void **state)
{
    (void)state;
    opens("localhost");
    opens("127.0.0.1"); /* an address, which the certificate names as such */
}

static void another_authority(void **state)
{
    (void)state;
    refuses("localhost", support_redis_bad_ca(), "certificate");
    refuses("127.0.0.1", support_redis_bad_ca(), "certificate");
    refuses("localhost", NULL, "certificate"); /* the system's */
}

/* 127.1 leads to the server, and is no name of its certificate. */
static void another_name(void **state)
{
    (void)state;
    refuses("127.1", support_redis_ca(), "certificate");
    refuses("2130706433", support_redis_ca(), "certificate");
}

static void a_file_without_certificates(void **state)
{
    char *dir = support_folder_make();
    char *path = support_path(dir, "ca");
    (void)state;
    support_file_write(path, "nothing\n", 8);
    refuses("localhost", path, "redis.ca_file");
    free(path);
    support_folder_remove(dir);
}

/* Plain Redis to a port that speaks TLS. */
static void without_tls(void **state)
{
    char *url = url_of("redis", "127.0.0.1");
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    EXPECT_FAULT(redis_try_open(&ff, &err, "plain", "redis.url", url, "redis.ca_file", NULL, "deadline", "500ms", NULL),
                 err, FOOTFALL_TEMPORARY, "Redis");
    assert_null(ff);
    free(url);
}

static void restarts_under_load(void **state)
{
    struct load_ledger ledger = { .prefix = "load" };
    struct load load;
    (void)state;
    load_start(&load, &ledger, PROCESSES, support_seed());
    for (int i = 0; i < KILLS; i++) {
        load_wait(&load, 500);
        support_redis_control("restart");
    }
    load_wait(&load, 500);
    load_stop(&load);
    load_compare(&load, &ledger, 1);
    printf("the server killed %d times: %zu operations over TLS\n", KILLS, ledger.acknowledged);
}

/* A batch of many pieces, both ways. */
static void big_batches(void **state)
{
    enum { MANY = 5000 };
    struct footfall *ff = redis_open("big", NULL);
    struct footfall_op *ops = calloc(MANY, sizeof *ops);
    struct footfall_result *results = calloc(MANY, sizeof *results);
    char(*names)[FOOTFALL_NAME_BYTES + 1] = calloc(MANY, sizeof *names);
    struct footfall_error err;
    (void)state;
    if (ops == NULL || results == NULL || names == NULL)
        support_die("calloc");
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%0150d", i);
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
        ops[i].name = names[i];
        ops[i].delta = i;
    }
    EXPECT_FAULT(footfall_apply(ff, ops, MANY, NULL, results, &err), err, FOOTFALL_OK, NULL);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(support_read(ff, names[i]).total, i);
    footfall_close(ff);
    free(ops);
    free(results);
    free(names);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_certificate), cmocka_unit_test(another_authority),
        cmocka_unit_test(another_name),          cmocka_unit_test(a_file_without_certificates),
        cmocka_unit_test(without_tls),           cmocka_unit_test(restarts_under_load),
        cmocka_unit_test(big_batches),
    };
    load_role(argc, argv);
    return cmocka_run_group_tests_name("Redis, TLS", tests, NULL, NULL);
}
