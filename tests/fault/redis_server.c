/* redis_server.c: what a running server can do to those who count on it: forget the scripts, pause, hang up, sleep, run out of
 * memory, become a replica, load, be busy with a script, fail to save. What is said of each operation is true afterwards, in time
 * and exact. */
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"
#include "process.h"
#include "redis_ask.h"
#include "load.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SHORT_MS = 200,
    ABSURD_MS = 1500, /* nobody waits that long for a deadline of SHORT_MS */
    LONG_MS = 30000,
    ROUNDS = 20,
    PROCESSES = 2
};

/* A command on a thread of its own, for those that keep the server from answering. */
struct aside {
    pthread_t thread;
    const char *words[4];
};

static void *say_aside(void *arg)
{
    struct aside *aside = arg;
    free(support_redis_command(aside->words[0], aside->words[1], aside->words[2], aside->words[3], NULL));
    return NULL;
}

static void begin_aside(struct aside *aside)
{
    if (pthread_create(&aside->thread, NULL, say_aside, aside) != 0)
        support_die("pthread_create");
}

/* Until a PING is answered otherwise than by PONG, with that. */
static void wait_for_ping(const char *answer)
{
    for (int i = 0; i < 10000; i++) {
        char *reply = support_redis_command("PING", NULL);
        int found = strncmp(reply, answer, strlen(answer)) == 0;
        free(reply);
        if (found)
            return;
        support_sleep_ms(1);
    }
    fail_msg("no %s", answer);
}

static int64_t ms_since(int64_t begun_ns)
{
    return (support_now_ns() - begun_ns) / 1000000;
}

static int64_t held(struct footfall *ff, const char *name)
{
    return support_read(ff, name).total;
}

/* The server's word, or that the time was up: the last attempt may begin just before the deadline. */
static void check_text(const struct footfall_error *err, const char *word)
{
    if (strstr(err->text, word) == NULL && strstr(err->text, "in time") == NULL &&
        strstr(err->text, "deadline") == NULL)
        fail_msg("%s: \"%s\" says nothing of %s", footfall_status_name(err->status), err->text, word);
}

/* An add that its deadline ends: its status, in time. */
static int cut_short(struct footfall *ff, const char *name, const char *word)
{
    struct footfall_error err;
    int64_t begun = support_now_ns();
    int rc = redis_add(ff, name, SHORT_MS, &err);
    assert_true(ms_since(begun) < ABSURD_MS);
    if (word != NULL && rc != FOOTFALL_OK)
        check_text(&err, word);
    return rc;
}

static void under_load(const char *prefix, void (*disturb)(void))
{
    struct load_ledger ledger = { .prefix = prefix };
    struct load load;
    load_start(&load, &ledger, PROCESSES, support_seed());
    for (int i = 0; i < ROUNDS; i++) {
        load_wait(&load, 100);
        disturb();
    }
    load_wait(&load, 500);
    load_stop(&load);
    load_compare(&load, &ledger, 1);
    printf("%s: %zu operations\n", prefix, ledger.acknowledged);
}

static void flush_scripts(void)
{
    REDIS_OK("SCRIPT", "FLUSH", "SYNC");
}

static void scripts_forgotten_under_load(void **state)
{
    (void)state;
    under_load("flush", flush_scripts);
}

static void hang_up(void)
{
    (void)REDIS_NUMBER("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

static void connections_killed_under_load(void **state)
{
    (void)state;
    under_load("hang_up", hang_up);
}

static void pause_briefly(void)
{
    REDIS_OK("CLIENT", "PAUSE", "50", "ALL");
}

static void paused_under_load(void **state)
{
    (void)state;
    under_load("pause", pause_briefly);
}

static void calls_wait_for_a_pause_to_end(void **state)
{
    struct footfall *ff = redis_open("paused", NULL);
    struct footfall_error err;
    int64_t begun = 0;
    (void)state;
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    begun = support_now_ns();
    REDIS_OK("CLIENT", "PAUSE", "1000", "ALL");
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_true(ms_since(begun) >= 990);
    assert_int_equal(held(ff, "x"), 2);
    footfall_close(ff);
}

/* The deadline comes first, or it does not: what is said is true, whenever the server fell asleep. */
static void asleep(void **state)
{
    struct footfall *ff = redis_open("asleep", NULL);
    struct aside aside = { .words = { "DEBUG", "SLEEP", "1" } };
    int64_t sure = 0;
    int64_t doubtful = 0;
    (void)state;
    begin_aside(&aside);
    for (int i = 0; i < 4; i++) {
        int rc = cut_short(ff, "x", NULL);
        assert_true(rc == FOOTFALL_OK || rc == FOOTFALL_UNKNOWN || rc == FOOTFALL_TEMPORARY);
        sure += rc == FOOTFALL_OK;
        doubtful += rc == FOOTFALL_UNKNOWN;
    }
    assert_int_equal(support_add(ff, "x", 1, LONG_MS, NULL), FOOTFALL_OK);
    pthread_join(aside.thread, NULL);
    sure++;
    assert_in_range(held(ff, "x"), sure, sure + doubtful);
    footfall_close(ff);
}

/* A server that is stopped takes bytes and answers nothing: what was sent is in doubt. */
static void stopped(void **state)
{
    struct footfall *ff = redis_open("stopped", "redis.lanes", "1", NULL);
    struct footfall_error err;
    int64_t now = 0;
    (void)state;
    assert_int_equal(support_add(ff, "x", 1, LONG_MS, NULL), FOOTFALL_OK);
    support_redis_control("pause");
    assert_int_equal(cut_short(ff, "x", "in time"), FOOTFALL_UNKNOWN);
    assert_int_equal(redis_visit(ff, "y", 1, SHORT_MS, &err), FOOTFALL_TEMPORARY);
    support_redis_control("resume");
    assert_int_equal(support_add(ff, "x", 1, LONG_MS, NULL), FOOTFALL_OK);
    now = held(ff, "x");
    assert_in_range(now, 2, 3);
    EXPECT_FAULT(redis_visit(ff, "y", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "y"), 1);
    footfall_close(ff);
}

static void memory_is_short(void **state)
{
    struct footfall *ff = redis_open("oom", NULL);
    struct footfall *other = NULL;
    struct footfall_error err;
    char *before = NULL;
    (void)state;
    for (int i = 0; i < 3; i++)
        EXPECT_FAULT(redis_visit(ff, i < 2 ? "x" : "gone", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    REDIS_OK("CONFIG", "SET", "maxmemory", "1");
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "OOM");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "OOM");
    EXPECT_FAULT(redis_visit(ff, "new", 1, LONG_MS, &err), err, FOOTFALL_BROKEN, "OOM");
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_BROKEN, "OOM");
    EXPECT_FAULT(redis_add(ff, "new", LONG_MS, &err), err, FOOTFALL_BROKEN, "OOM");
    EXPECT_FAULT(footfall_set(ff, "x", 9, 9, NULL, NULL, &err), err, FOOTFALL_BROKEN, "OOM");
    REDIS_UNCHANGED(before);
    other = redis_open("oom", NULL); /* who has to make room must get in */
    assert_int_equal(held(other, "x"), 2);
    EXPECT_FAULT(footfall_delete(other, "gone", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    footfall_close(other);
    REDIS_SAYS("x", "ZRANGE", "oom:names", "0", "-1");
    REDIS_OK("CONFIG", "SET", "maxmemory", "0");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "gone", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(support_read(ff, "x").unique, 2);
    assert_int_equal(support_read(ff, "x").total, 3);
    assert_int_equal(support_read(ff, "gone").unique, 1);
    footfall_close(ff);
}

static int count_line(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)total;
    (void)unique;
    ++*(int *)user;
    return 0;
}

static void a_replica_refuses(void **state)
{
    struct footfall *ff = redis_open("replica", NULL);
    struct footfall *other = NULL;
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    struct footfall_error err;
    const char *name = "x";
    int lines = 0;
    (void)state;
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    REDIS_OK("REPLICAOF", "127.0.0.1", "1");
    call.wait_ms = SHORT_MS; /* its numbers may be old ones: not read either, also not on the connection from before */
    EXPECT_FAULT(footfall_read(ff, &name, 1, &call, &r, &err), err, FOOTFALL_TEMPORARY, NULL);
    check_text(&err, "replica");
    assert_int_equal(footfall_list(ff, "", NULL, &call, count_line, &lines, &err), FOOTFALL_TEMPORARY);
    assert_int_equal(lines, 0);
    assert_int_equal(cut_short(ff, "x", "replica"), FOOTFALL_TEMPORARY);
    assert_int_equal(redis_visit(ff, "x", 2, SHORT_MS, &err), FOOTFALL_TEMPORARY);
    check_text(&err, "replica");
    assert_int_equal(redis_try_open(&other, &err, "replica", "deadline", "300ms", NULL), FOOTFALL_TEMPORARY);
    check_text(&err, "replica");
    REDIS_OK("REPLICAOF", "NO", "ONE");
    assert_int_equal(held(ff, "x"), 1);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "x"), 3);
    footfall_close(ff);
}

/* A call that begins while the server refuses ends well when it is promoted within the deadline. */
static void *promote(void *arg)
{
    (void)arg;
    support_sleep_ms(300);
    REDIS_OK("REPLICAOF", "NO", "ONE");
    return NULL;
}

static void a_replica_is_promoted_meanwhile(void **state)
{
    struct footfall *ff = redis_open("promoted", NULL);
    struct footfall_error err;
    pthread_t thread;
    (void)state;
    REDIS_OK("REPLICAOF", "127.0.0.1", "1");
    if (pthread_create(&thread, NULL, promote, NULL) != 0)
        support_die("pthread_create");
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(held(ff, "x"), 1);
    footfall_close(ff);
}

static void loading(void **state)
{
    struct footfall *ff = redis_open("loading", NULL);
    struct footfall *late = NULL;
    struct footfall_error err;
    struct aside aside = { .words = { "DEBUG", "RELOAD" } };
    char *still = NULL;
    int rc = 0;
    int rc_open = 0;
    (void)state;
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    free(support_redis_command("DEBUG", "POPULATE", "2000", "loading:filler", NULL));
    REDIS_OK("CONFIG", "SET", "loading-process-events-interval-bytes", "1024");
    REDIS_OK("CONFIG", "SET", "key-load-delay", "1000"); /* us; 2 s and more */
    begin_aside(&aside);
    wait_for_ping("-LOADING");
    rc = cut_short(ff, "x", "LOADING");
    rc_open = redis_try_open(&late, &err, "loading", "deadline", "100ms", NULL);
    still = redis_info("loading");
    if (strcmp(still, "1") == 0) {                                       /* a slow machine may miss it */
        assert_true(rc == FOOTFALL_TEMPORARY || rc == FOOTFALL_UNKNOWN); /* it answers late between keys */
        assert_int_equal(rc_open, FOOTFALL_TEMPORARY);
        check_text(&err, "LOADING");
    }
    footfall_close(late);
    free(still);
    EXPECT_FAULT(redis_try_open(&late, &err, "loading", "deadline", "60s", NULL), err, FOOTFALL_OK, NULL);
    EXPECT_FAULT(redis_add(late, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    pthread_join(aside.thread, NULL);
    assert_in_range(held(ff, "x"), 2 + (rc == FOOTFALL_OK), 2 + (rc == FOOTFALL_OK || rc == FOOTFALL_UNKNOWN));
    footfall_close(late);
    footfall_close(ff);
    REDIS_OK("CONFIG", "SET", "key-load-delay", "0");
}

static void busy_with_a_script(void **state)
{
    struct footfall *ff = redis_open("busy", NULL);
    struct footfall_error err;
    struct aside aside = { .words = { "EVAL", "while true do end", "0" } };
    (void)state;
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    REDIS_OK("CONFIG", "SET", "lua-time-limit", "50");
    begin_aside(&aside);
    wait_for_ping("-BUSY");
    assert_int_equal(cut_short(ff, "x", "BUSY"), FOOTFALL_TEMPORARY);
    REDIS_OK("SCRIPT", "KILL");
    pthread_join(aside.thread, NULL);
    EXPECT_FAULT(redis_add(ff, "x", LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "x"), 2);
    footfall_close(ff);
}

/* A snapshot that fails, because a folder is in its place, makes the server refuse writes. */
static void snapshots_fail(void **state)
{
    struct footfall *ff = redis_open("misconf", NULL);
    struct footfall_error err;
    char *reply = support_redis_command("CONFIG", "GET", "dir", NULL);
    char *folder = support_format("%s/dump.rdb", strchr(reply, '\n') + 1);
    char *before = NULL;
    char *last = NULL;
    (void)state;
    EXPECT_FAULT(redis_visit(ff, "x", 1, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    (void)remove(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    REDIS_OK("CONFIG", "SET", "save", "100000 1");
    free(support_redis_command("BGSAVE", NULL));
    for (int i = 0; i < 10000 && (last == NULL || strcmp(last, "err") != 0); i++) {
        free(last);
        support_sleep_ms(2);
        last = redis_info("rdb_last_bgsave_status");
    }
    assert_string_equal(last, "err");
    before = redis_digest();
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_BROKEN, "MISCONF");
    EXPECT_FAULT(redis_add(ff, "new", LONG_MS, &err), err, FOOTFALL_BROKEN, "MISCONF");
    REDIS_UNCHANGED(before);
    REDIS_OK("CONFIG", "SET", "save", "");
    EXPECT_FAULT(redis_visit(ff, "x", 2, LONG_MS, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(held(ff, "x"), 2);
    footfall_close(ff);
    free(last);
    free(folder);
    free(reply);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(scripts_forgotten_under_load, redis_flush),
        cmocka_unit_test_setup(connections_killed_under_load, redis_flush),
        cmocka_unit_test_setup(paused_under_load, redis_flush),
        cmocka_unit_test_setup(calls_wait_for_a_pause_to_end, redis_flush),
        cmocka_unit_test_setup(asleep, redis_flush),
        cmocka_unit_test_setup(stopped, redis_flush),
        cmocka_unit_test_setup(memory_is_short, redis_flush),
        cmocka_unit_test_setup(a_replica_refuses, redis_flush),
        cmocka_unit_test_setup(a_replica_is_promoted_meanwhile, redis_flush),
        cmocka_unit_test_setup(loading, redis_flush),
        cmocka_unit_test_setup(busy_with_a_script, redis_flush),
        cmocka_unit_test_setup(snapshots_fail, redis_flush),
    };
    load_role(argc, argv);
    return cmocka_run_group_tests_name("Redis, server faults", tests, NULL, NULL);
}
