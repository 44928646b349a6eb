/* misuse.c: bad arguments of the C API, bad configuration, and handles carried over fork: refused with words, nothing touched. */
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ignore(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)user;
    (void)name;
    (void)total;
    (void)unique;
    return 0;
}

static void ignore_done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    (void)user;
    (void)r;
    (void)err;
}

static void misuse_no_handle(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_op op = suite_add("a", 1);
    const char *name = "a";
    struct footfall_result r;
    struct footfall_error err;
    (void)state;
    EXPECT_REFUSED(footfall_visit(NULL, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_ANSWER(r, FOOTFALL_INVALID, 0, 0, 0);
    EXPECT_REFUSED(footfall_add(NULL, "a", 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_set(NULL, "a", 1, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_delete(NULL, "a", NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_forget(NULL, "a", &who, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_apply(NULL, &op, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit(NULL, &op, NULL, ignore_done, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit_read(NULL, "a", NULL, ignore_done, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_read(NULL, &name, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_list(NULL, "", NULL, NULL, ignore, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_purge(NULL, FOOTFALL_NOW, 1, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_ping(NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_open(NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    footfall_close(NULL);
}

static void misuse_required_pointers(void **state)
{
    struct footfall_op op = suite_add("a", 1);
    const char *name = "a";
    const char *none = NULL;
    struct footfall_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_add(ff, NULL, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_delete(ff, NULL, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_apply(ff, NULL, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit(ff, NULL, NULL, ignore_done, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit(ff, &op, NULL, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit_read(ff, NULL, NULL, ignore_done, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_submit_read(ff, "a", NULL, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_read(ff, NULL, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_read(ff, &name, 1, NULL, NULL, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_REFUSED(footfall_read(ff, &none, 1, NULL, &r, &err), err, FOOTFALL_INVALID, "NULL");
    EXPECT_LIST(ff, "", NULL, "");
}

static void misuse_structs_of_a_wrong_size(void **state)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_op op = suite_add("a", 1);
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall *opened = (struct footfall *)&who;
    struct footfall_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    who.size -= 1;
    EXPECT_REFUSED(footfall_visit(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_MISUSE, "size");
    EXPECT_ANSWER(r, FOOTFALL_MISUSE, 0, 0, 0);
    EXPECT_REFUSED(footfall_forget(ff, "a", &who, NULL, &r, &err), err, FOOTFALL_MISUSE, "size");
    call.size = 0;
    EXPECT_REFUSED(footfall_add(ff, "a", 1, &call, &r, &err), err, FOOTFALL_MISUSE, "size");
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_MISUSE, "size");
    EXPECT_REFUSED(footfall_submit_read(ff, "a", &call, ignore_done, NULL, &err), err, FOOTFALL_MISUSE, "size");
    op.size += 8;
    EXPECT_REFUSED(footfall_apply(ff, &op, 1, NULL, &r, &err), err, FOOTFALL_MISUSE, "size");
    EXPECT_REFUSED(footfall_submit(ff, &op, NULL, ignore_done, NULL, &err), err, FOOTFALL_MISUSE, "size");
    options.size = 3;
    EXPECT_REFUSED(footfall_open(&opened, &options, &err), err, FOOTFALL_MISUSE, "size");
    assert_null(opened);
    EXPECT_LIST(ff, "", NULL, "");
}

static void misuse_too_many_operations(void **state)
{
    struct footfall_op op = suite_add("a", 1);
    struct footfall_result r;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_REFUSED(footfall_apply(ff, &op, 16777217, NULL, &r, &err), err, FOOTFALL_INVALID, "16777217");
    EXPECT_NOTHING(ff, "a");
}

static void misuse_deadlines(void **state)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    call.wait_ms = FOOTFALL_WAIT_MAX_MS + 1;
    EXPECT_REFUSED(footfall_add(ff, "a", 1, &call, NULL, &err), err, FOOTFALL_INVALID, "wait_ms");
    EXPECT_REFUSED(footfall_submit_read(ff, "a", &call, ignore_done, NULL, &err), err, FOOTFALL_INVALID, "wait_ms");
    EXPECT_REFUSED(footfall_ping(ff, &call, &err), err, FOOTFALL_INVALID, "wait_ms");
    call.wait_ms = FOOTFALL_WAIT_MAX_MS;
    assert_int_equal(footfall_add(ff, "a", 1, &call, NULL, &err), FOOTFALL_OK);
    EXPECT_READ(ff, "a", 1, 0);
}

static void misuse_errors_are_cleared_on_success(void **state)
{
    struct footfall_error err;
    struct footfall *ff = suite_open(*state, NULL);
    memset(&err, 0x5a, sizeof(err));
    assert_int_equal(footfall_add(ff, "", 1, NULL, NULL, &err), FOOTFALL_INVALID);
    assert_true(err.text[0] != '\0');
    assert_int_equal(footfall_add(ff, "a", 1, NULL, NULL, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    assert_int_equal(err.native, 0);
    assert_string_equal(err.text, "");
}

/* ---- configuration --------------------------------------------------------------------------------------------------------------- */

static void refuse_setting(struct suite *s, const char *key, const char *value)
{
    struct footfall_setting setting = { key, value };
    const struct suite_knobs knobs = { .more = &setting, .more_count = 1 };
    struct footfall *ff = (struct footfall *)s;
    struct footfall_error err;
    int rc = suite_try_open(&ff, s, &knobs, &err);
    if (rc == FOOTFALL_OK)
        footfall_close(ff);
    EXPECT_REFUSED(rc, err, FOOTFALL_CONFIG, key);
    assert_null(ff);
}

static void configuration_refuses_what_it_does_not_know(void **state)
{
    char unknown[64];
    (void)snprintf(unknown, sizeof(unknown), "%s.no_such_key", suite_backend());
    refuse_setting(*state, "no_such_key", "1");
    refuse_setting(*state, unknown, "1");
    refuse_setting(*state, "backend", "no such backend");
}

static void configuration_refuses_bad_windows(void **state)
{
    static const char *const bad[] = { "", "0", "0s", "999ms", "-1h", "-24h", "1", "3661d", "24 hours", "never" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuse_setting(*state, "window", bad[i]);
    refuse_setting(*state, "window_mode", "rolling");
    refuse_setting(*state, "ipv4_prefix", "33");
    refuse_setting(*state, "ipv6_prefix", "129");
    refuse_setting(*state, "visitor", "agent");
    refuse_setting(*state, "deadline", "11m");
}

static void configuration_takes_the_shortest_and_longest_window(void **state)
{
    static const char *const good[] = { "1s", "1000ms", "90m", "24h", "30d", "52w", "3650d", "forever" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const struct suite_knobs knobs = { .window = good[i] };
        suite_close(*state, suite_open(*state, &knobs));
    }
}

static void configuration_refuses_a_short_secret_and_never_shows_it(void **state)
{
    struct footfall_setting setting = { "secret", "thirty-one bytes are not enough" };
    const struct suite_knobs knobs = { .more = &setting, .more_count = 1 };
    struct footfall *ff = NULL;
    struct footfall_error err;
    EXPECT_REFUSED(suite_try_open(&ff, *state, &knobs, &err), err, FOOTFALL_CONFIG, "secret");
    assert_null(strstr(err.text, "thirty-one"));
}

static void configuration_wants_a_secret_for_shared_stores(void **state)
{
    const struct suite_knobs knobs = { .without_secret = 1 };
    struct footfall *ff = NULL;
    struct footfall_error err;
    EXPECT_REFUSED(suite_try_open(&ff, *state, &knobs, &err), err, FOOTFALL_CONFIG, "secret");
    assert_null(ff);
}

static void another_secret_is_another_set_of_visitors(void **state)
{
    struct footfall_setting setting = { "secret", "quite another secret of the conformance suite" };
    const struct suite_knobs knobs = { .more = &setting, .more_count = 1 };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 1, 2, 2);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 3, 2);
}

/* ---- fork ---------------------------------------------------------------------------------------------------------------------------- */

static int all_refused(struct footfall *ff)
{
    struct footfall_visitor who = suite_visitor("203.0.113.7", NOON);
    struct footfall_op op = suite_add("a", 1);
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    const char *name = "a";
    struct footfall_result r;
    struct footfall_error err;
    if (footfall_visit(ff, "a", &who, NULL, &r, &err) != FOOTFALL_MISUSE || r.status != FOOTFALL_MISUSE ||
        strstr(err.text, "fork") == NULL)
        return 1;
    if (footfall_add(ff, "a", 1, NULL, NULL, NULL) != FOOTFALL_MISUSE ||
        footfall_set(ff, "a", 1, 1, NULL, NULL, NULL) != FOOTFALL_MISUSE ||
        footfall_delete(ff, "a", NULL, NULL, NULL) != FOOTFALL_MISUSE ||
        footfall_forget(ff, "a", &who, NULL, NULL, NULL) != FOOTFALL_MISUSE)
        return 2;
    if (footfall_apply(ff, &op, 1, NULL, &r, NULL) != FOOTFALL_MISUSE ||
        footfall_submit(ff, &op, NULL, ignore_done, NULL, NULL) != FOOTFALL_MISUSE)
        return 3;
    if (footfall_read(ff, &name, 1, NULL, &r, NULL) != FOOTFALL_MISUSE ||
        footfall_list(ff, "", NULL, NULL, ignore, NULL, NULL) != FOOTFALL_MISUSE)
        return 4;
    if (footfall_purge(ff, FOOTFALL_NOW, 1, NULL, NULL, NULL) != FOOTFALL_MISUSE ||
        footfall_ping(ff, NULL, NULL) != FOOTFALL_MISUSE)
        return 5;
    stats.batches = 77;
    footfall_stats(ff, &stats);
    return stats.batches == 77 ? 0 : 6;
}

static void expect_child(pid_t child)
{
    int status = -1;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void fork_a_child_is_refused_and_the_parent_goes_on(void **state)
{
    struct suite *s = *state;
    struct footfall *ff = suite_open(s, NULL);
    pid_t child = -1;
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    child = fork();
    if (child == 0) {
        int failed = all_refused(ff);
        footfall_close(ff);
        _exit(failed);
    }
    expect_child(child);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
    EXPECT_VISIT(suite_open(s, NULL), "a", "203.0.113.7", NOON, 0, 3, 1);
}

/* After footfall_submit there are worker threads that the child does not have: close must not wait for them. */
static void fork_a_child_may_close_what_had_workers(void **state)
{
    struct suite *s = *state;
    struct footfall *ff = suite_open(s, NULL);
    struct footfall_op op = suite_add("a", 1);
    pid_t child = -1;
    assert_int_equal(footfall_submit(ff, &op, NULL, ignore_done, NULL, NULL), FOOTFALL_OK);
    while (suite_apply(ff, suite_add("a", 0)).total == 0)
        ;
    child = fork();
    if (child == 0) {
        alarm(20);
        footfall_close(ff);
        _exit(0);
    }
    expect_child(child);
    EXPECT_ADD(ff, "a", 1, 2, 0);
}

static void fork_a_child_opens_anew_after_closing(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op op = suite_add("a", 10);
    struct footfall_result r;
    EXPECT_ADD(ff, "a", 1, 1, 0);
    assert_int_equal(suite_apply_elsewhere(*state, NULL, &op, 1, NULL, &r), FOOTFALL_OK);
    EXPECT_ANSWER(r, FOOTFALL_OK, 0, 11, 0);
    EXPECT_ADD(ff, "a", 1, 12, 0);
}

const struct suite_case suite_misuse[] = {
    SUITE_CASE(misuse_no_handle),
    SUITE_CASE(misuse_required_pointers),
    SUITE_CASE(misuse_structs_of_a_wrong_size),
    SUITE_CASE(misuse_too_many_operations),
    SUITE_CASE(misuse_deadlines),
    SUITE_CASE(misuse_errors_are_cleared_on_success),
    SUITE_CASE(configuration_refuses_what_it_does_not_know),
    SUITE_CASE(configuration_refuses_bad_windows),
    SUITE_CASE(configuration_takes_the_shortest_and_longest_window),
    SUITE_CASE(configuration_refuses_a_short_secret_and_never_shows_it),
    SUITE_CASE_NEEDS(configuration_wants_a_secret_for_shared_stores, FOOTFALL_STORE_CAP_SHARED),
    SUITE_CASE(another_secret_is_another_set_of_visitors),
    SUITE_CASE(fork_a_child_is_refused_and_the_parent_goes_on),
    SUITE_CASE(fork_a_child_may_close_what_had_workers),
    SUITE_CASE_NEEDS(fork_a_child_opens_anew_after_closing, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASES_END,
};
