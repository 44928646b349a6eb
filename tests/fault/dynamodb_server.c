/* dynamodb_server.c: what DynamoDB Local can do to those who count on it: be gone, stand still, come back without its tables, lack
 * one of them, lose one under load. What is said of each operation is true, in time, and names what is missing. Run it by
 * with_dynamodb.py --own. */
#include "cmocka_all.h"

#include "dynamodb_items.h"
#include "dynamodb_proxied.h"
#include "folder.h"
#include "handle.h"
#include "load.h"
#include "process.h"
#include "server_control.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORT_MS = 300,
    ABSURD_MS = 2500, /* nobody waits that long for a deadline of SHORT_MS */
    LONG_MS = 30000,
    PAUSES = 10,
    PROCESSES = 2,
    ADDERS = 4
};

static void control(const char *command)
{
    const char *path = getenv("FOOTFALL_TEST_DYNAMODB_CONTROL");
    if (path == NULL)
        support_die("run the program by with_dynamodb.py --own");
    support_server_control(path, command);
}

static struct footfall *opened(const char *prefix)
{
    return proxied_open("dynamodb", 0, prefix, "", "");
}

/* footfall_open with a short deadline; what it says. */
static int try_open(const char *table, const char *key_table, struct footfall_error *err)
{
    const char *pairs[] = { "backend",
                            "dynamodb",
                            "secret",
                            SUPPORT_SECRET,
                            "deadline",
                            "300ms",
                            "dynamodb.endpoint",
                            getenv("FOOTFALL_TEST_DYNAMODB_URL"),
                            "dynamodb.table",
                            table,
                            "dynamodb.key_table",
                            key_table,
                            NULL };
    struct footfall *ff = NULL;
    const int rc = support_try_open(&ff, err, pairs);
    footfall_close(ff);
    return rc;
}

static void expect(int rc, const struct footfall_error *err, int want, const char *word)
{
    if (rc != want || (want != FOOTFALL_OK && err->status != want) || (word != NULL && strstr(err->text, word) == NULL))
        fail_msg("%s: \"%s\"; wanted %s: %s", footfall_status_name((enum footfall_status)rc), err->text,
                 footfall_status_name((enum footfall_status)want), word != NULL ? word : "");
}

static int add(struct footfall *ff, const char *name, uint32_t wait_ms, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    int64_t begun_ns = support_now_ns();
    int rc = 0;
    call.wait_ms = wait_ms;
    rc = footfall_add(ff, name, 1, &call, NULL, err);
    if (wait_ms == SHORT_MS)
        assert_true(support_now_ns() - begun_ns < ABSURD_MS * INT64_C(1000000));
    return rc;
}

static int visit(struct footfall *ff, const char *name, uint32_t wait_ms, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    call.wait_ms = wait_ms;
    who.address = "10.9.8.7";
    who.now_ms = SUPPORT_TIME_MS;
    return footfall_visit(ff, name, &who, &call, NULL, err);
}

static int read_one(struct footfall *ff, const char *name, uint32_t wait_ms, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = wait_ms;
    return footfall_read(ff, &name, 1, &call, &r, err);
}

static int64_t held(struct footfall *ff, const char *name)
{
    return support_read(ff, name).total;
}

/* Nobody listens: surely not applied. It comes back with nothing in it, and a handle from before goes on. */
static void gone_and_back(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    char *table = dynamodb_table("gone");
    char *key_table = support_format("%s-keys", table);
    (void)state;
    proxied_make("gone");
    ff = opened("gone");
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    control("stop");
    for (int i = 0; i < 3; i++)
        expect(add(ff, "x", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, "not applied");
    expect(visit(ff, "x", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, NULL);
    expect(add(ff, "new", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, NULL);
    expect(read_one(ff, "x", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, NULL);
    expect(try_open(table, key_table, &err), &err, FOOTFALL_TEMPORARY, NULL);
    control("start");
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, table);
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, table);
    expect(read_one(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, table);
    proxied_make("gone");
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "x"), 2);
    assert_int_equal(support_read(ff, "x").unique, 1); /* nobody remembers the visitor */
    footfall_close(ff);
    free(key_table);
    free(table);
}

static void *start_later(void *arg)
{
    (void)arg;
    support_sleep_ms(1000);
    control("resume");
    return NULL;
}

/* It takes bytes and says nothing: what was sent is in doubt, what was not even read is not. */
static void stands_still(void **state)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    pthread_t thread;
    int64_t now = 0;
    (void)state;
    proxied_make("still");
    ff = opened("still");
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    control("pause");
    expect(add(ff, "x", SHORT_MS, &err), &err, FOOTFALL_UNKNOWN, NULL);
    expect(visit(ff, "y", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, NULL); /* its visitor could not be read */
    expect(read_one(ff, "x", SHORT_MS, &err), &err, FOOTFALL_TEMPORARY, NULL);
    control("resume");
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    now = held(ff, "x");
    assert_in_range(now, 2, 3);
    expect(visit(ff, "y", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "y"), 1);
    control("pause"); /* a call that may wait does so */
    assert_int_equal(pthread_create(&thread, NULL, start_later, NULL), 0);
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(held(ff, "x"), now + 1);
    footfall_close(ff);
}

static void stands_still_under_load(void **state)
{
    struct load_ledger ledger = { .prefix = "pauses" };
    uint64_t random = support_seed();
    struct load load;
    (void)state;
    proxied_make("pauses");
    load_start(&load, &ledger, PROCESSES, support_random(&random));
    for (int i = 0; i < PAUSES; i++) {
        load_wait(&load, 60);
        control("pause");
        support_sleep_ms((int64_t)support_random_below(&random, i % 3 == 0 ? 1600 : 200)); /* an attempt has a second */
        control("resume");
    }
    load_wait(&load, 200);
    load_stop(&load);
    load_compare(&load, &ledger, 1);
    printf("paused %d times: %zu operations\n", PAUSES, ledger.acknowledged);
}

/* Either table may be missing; the error names it, and the setting that makes it. */
static void tables_missing(void **state)
{
    char *table = dynamodb_table("there");
    char *key_table = support_format("%s-keys", table);
    char *absent = dynamodb_table("absent");
    char *words = NULL;
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    proxied_make("there");
    words = support_format(".key_table=%s", absent);
    ff = proxied_open("dynamodb", 0, "there", "", words);
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_OK, NULL); /* needs no key */
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, absent);
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, "dynamodb.create_table");
    assert_int_equal(held(ff, "x"), 1);
    footfall_close(ff);
    free(words);
    words = support_format(".key_table=%s", key_table);
    ff = proxied_open("dynamodb", 0, "absent", "", words);
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, absent);
    expect(add(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, "dynamodb.create_table");
    expect(visit(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, absent);
    expect(read_one(ff, "x", LONG_MS, &err), &err, FOOTFALL_BROKEN, absent);
    footfall_close(ff);
    free(words);
    free(absent);
    free(key_table);
    free(table);
}

struct adder {
    pthread_t thread;
    struct footfall *ff;
    atomic_int *phase; /* 0: the table is there; 1: it is being deleted; 2: made again; 3: enough */
    const char *table;
    atomic_int *done; /* adds in each phase, of all */
    char wrong[128];
};

static void *add_on(void *arg)
{
    struct adder *a = arg;
    while (atomic_load(a->phase) < 3) {
        struct footfall_error err;
        const int before = atomic_load(a->phase);
        const int rc = add(a->ff, "x", LONG_MS, &err);
        const int after = atomic_load(a->phase);
        if (rc == FOOTFALL_OK && before == after)
            atomic_fetch_add(&a->done[before], 1);
        else if (rc != FOOTFALL_OK &&
                 (rc != FOOTFALL_BROKEN || strstr(err.text, a->table) == NULL || (before == after && before != 1)))
            snprintf(a->wrong, sizeof a->wrong, "%d, %d: %.100s", before, after, err.text);
    }
    return NULL;
}

static void wait_for_some(atomic_int *done)
{
    for (int64_t until = support_now_ns() + INT64_C(30000000000); atomic_load(done) == 0 && support_now_ns() < until;)
        support_sleep_ms(10);
}

/* Whoever counts while the table goes hears that it is gone, and goes on when it is there again. */
static void deleted_under_load(void **state)
{
    struct adder adders[ADDERS] = { 0 };
    atomic_int phase = 0;
    struct footfall *ff = NULL;
    char *table = dynamodb_table("deleted");
    atomic_int done[4] = { 0 };
    char *body = support_format("{\"TableName\":\"%s\"}", table);
    (void)state;
    proxied_make("deleted");
    ff = opened("deleted");
    for (size_t i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){ .ff = ff, .phase = &phase, .table = table, .done = done };
        assert_int_equal(pthread_create(&adders[i].thread, NULL, add_on, &adders[i]), 0);
    }
    support_sleep_ms(500);
    wait_for_some(&done[0]);
    atomic_store(&phase, 1);
    dynamodb_says_raw("DeleteTable", body);
    support_sleep_ms(300);
    proxied_make("deleted");
    atomic_store(&phase, 2);
    support_sleep_ms(500);
    wait_for_some(&done[2]);
    atomic_store(&phase, 3);
    for (size_t i = 0; i < ADDERS; i++) {
        pthread_join(adders[i].thread, NULL);
        if (adders[i].wrong[0] != '\0')
            fail_msg("%s", adders[i].wrong);
    }
    printf("%d adds before, %d after; the counter has %" PRId64 "\n", done[0], done[2], held(ff, "x"));
    assert_true(done[0] > 0 && done[2] > 0);
    assert_true(held(ff, "x") >= done[2]);
    footfall_close(ff);
    free(body);
    free(table);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_and_back),           cmocka_unit_test(stands_still),
        cmocka_unit_test(stands_still_under_load), cmocka_unit_test(tables_missing),
        cmocka_unit_test(deleted_under_load),
    };
    load_role(argc, argv);
    return cmocka_run_group_tests_name("DynamoDB, server faults", tests, NULL, NULL);
}
