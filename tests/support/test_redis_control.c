/* test_redis_control.c: redis_control.h against a server that keeps what it acknowledged, in database 3, as a user with a
 * password. with_redis.py runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "redis_control.h"

/* The command, up to a NULL, must be answered so. */
#define expect(reply, ...) expect_reply(reply, support_redis_command(__VA_ARGS__, (char *)NULL))
static void expect_reply(const char *reply, char *got)
{
    assert_string_equal(got, reply);
    free(got);
}

static void replies_of_every_kind(void **state)
{
    (void)state;
    expect("PONG", "PING");
    expect("OK", "SET", "text", "two\r\nlines");
    expect("two\r\nlines", "GET", "text");
    expect("(nil)", "GET", "nothing");
    expect("", "ECHO", "");
    expect("2", "RPUSH", "list", "a", "b");
    expect("a\nb", "LRANGE", "list", "0", "-1");
    expect("", "LRANGE", "nothing", "0", "-1");
    expect("a\n(nil)\n1", "EVAL", "return {'a', {false, 1}}", "0");
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value", "GET", "list");
}

static void a_reply_longer_than_one_read(void **state)
{
    char *big = malloc(100001);
    (void)state;
    assert_non_null(big);
    memset(big, 'x', 100000);
    big[100000] = '\0';
    expect("OK", "SET", "big", big);
    expect(big, "GET", "big");
    free(big);
}

static void user_and_database_are_the_urls(void **state)
{
    char *info = support_redis_command("CLIENT", "INFO", (char *)NULL);
    (void)state;
    assert_non_null(strstr(info, " db=3 "));
    expect("us:er/@", "ACL", "WHOAMI");
    free(info);
}

static void acknowledged_writes_outlive_a_kill(void **state)
{
    (void)state;
    expect("OK", "SET", "kept", "before the kill");
    support_redis_control("restart");
    expect("before the kill", "GET", "kept");
    support_redis_control("kill");
    support_redis_control("kill");
    support_redis_control("start");
    expect("before the kill", "GET", "kept");
}

static void a_stopped_server_starts_again(void **state)
{
    (void)state;
    expect("OK", "SET", "kept", "before the stop");
    support_redis_control("stop");
    support_redis_control("start");
    expect("before the stop", "GET", "kept");
    support_redis_control("pause");
    support_redis_control("stop");
    support_redis_control("restart");
    expect("before the stop", "GET", "kept");
}

static void a_paused_server_answers_once_it_is_resumed(void **state)
{
    pid_t child = 0;
    int status = 0;
    (void)state;
    support_redis_control("pause");
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        free(support_redis_command("PING", (char *)NULL));
        _exit(0);
    }
    support_sleep_ms(100);
    assert_int_equal(waitpid(child, &status, WNOHANG), 0);
    support_redis_control("resume");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The process must end with status 99. */
static void dies(void (*call)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fclose(stderr);
        call();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 99);
}

static void unknown(void)
{
    support_redis_control("explode");
}

static void start_twice(void)
{
    support_redis_control("start");
}

static void ask_nobody(void)
{
    support_redis_command("PING", (char *)NULL);
}

static void pause_nobody(void)
{
    support_redis_control("pause");
}

static void without_wrapper(void)
{
    unsetenv("FOOTFALL_TEST_REDIS_URL");
    support_redis_url();
}

static void what_cannot_be_done_is_loud(void **state)
{
    (void)state;
    dies(unknown);
    dies(start_twice);
    dies(without_wrapper);
    support_redis_control("kill");
    dies(ask_nobody);
    dies(pause_nobody);
    support_redis_control("start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_every_kind),          cmocka_unit_test(a_reply_longer_than_one_read),
        cmocka_unit_test(user_and_database_are_the_urls), cmocka_unit_test(acknowledged_writes_outlive_a_kill),
        cmocka_unit_test(a_stopped_server_starts_again),  cmocka_unit_test(a_paused_server_answers_once_it_is_resumed),
        cmocka_unit_test(what_cannot_be_done_is_loud),
    };
    return cmocka_run_group_tests_name("redis_control", tests, NULL, NULL);
}
