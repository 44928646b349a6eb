/* late.c: copies of a batch that reach the server long after the client gave the connection up: after the resend, after the next
 * batch of the same lane, after the death of who sent them. The marks, and tokens, keep them out. For each backend with a server
 * (proxied.h). */
#include "cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "proxied.h"

enum { LONG_MS = 60000, SHORT_MS = 150, ROUNDS = 6, TRIES = 5, VISITOR = 5 };

static const enum support_proxy_fault late_copy = SUPPORT_PROXY_LATE_COPY;

/* ---- operations, each answered with its own values -------------------------------------------------------------------------- */

static void assert_answer(const struct footfall_result *r, int64_t total, int64_t unique)
{
    assert_int_equal(r->status, FOOTFALL_OK);
    assert_false(r->flags & (FOOTFALL_REPLAYED | FOOTFALL_CURRENT));
    assert_int_equal(r->total, total);
    assert_int_equal(r->unique, unique);
}

static void adds(struct footfall *ff, const char *name, int64_t delta, int64_t total)
{
    struct footfall_result r;
    (void)support_add(ff, name, delta, LONG_MS, &r);
    assert_answer(&r, total, 0);
}

static void visits(struct footfall *ff, const char *name, int is_new, int64_t total, int64_t unique)
{
    struct footfall_result r;
    (void)support_visit(ff, name, VISITOR, SUPPORT_TIME_MS, LONG_MS, &r);
    assert_answer(&r, total, unique);
    assert_int_equal((r.flags & FOOTFALL_IS_NEW) != 0, is_new);
}

static void sets(struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = LONG_MS;
    (void)footfall_set(ff, name, total, unique, &call, &r, NULL);
    assert_answer(&r, total, unique);
}

static void deletes(struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = LONG_MS;
    (void)footfall_delete(ff, name, &call, &r, NULL);
    assert_answer(&r, total, unique);
}

static void forgets(struct footfall *ff, const char *name, int64_t total, int64_t unique)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_result r;
    char address[16];
    support_address(address, VISITOR);
    who.address = address;
    who.now_ms = SUPPORT_TIME_MS;
    call.wait_ms = LONG_MS;
    (void)footfall_forget(ff, name, &who, &call, &r, NULL);
    assert_answer(&r, total, unique);
}

static void holds(struct footfall *ff, const char *name, int64_t total, int64_t unique, int exists)
{
    struct footfall_result r = support_read(ff, name);
    assert_int_equal(r.total, total);
    assert_int_equal(r.unique, unique);
    assert_int_equal((r.flags & FOOTFALL_EXISTS) != 0, exists);
}

/* ---- a copy that comes after the next batch ------------------------------------------------------------------------------------ */

struct scene { /* each on a counter of its own */
    void (*before)(struct footfall *ff, const char *name);
    void (*late)(struct footfall *ff,
                 const char *name); /* its first attempt is the late copy, the second is answered */
    void (*next)(struct footfall *ff, const char *name);
    void (*after)(struct footfall *ff, const char *name); /* when the copy has come */
};

/* What is asserted holds wherever the copy comes in between; played again, with more time, until it came last. */
static void play(struct proxied *p, const struct scene *scene)
{
    int came_last = 0;
    for (int round = 0; round < ROUNDS && !came_last; round++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", round);
        if (scene->before != NULL)
            scene->before(p->ff, name);
        proxied_plan(p, &late_copy, 1, SUPPORT_PROXY_NONE, 150 << round);
        scene->late(p->ff, name);
        assert_true(support_proxy_counts(p->proxy).matching >= 2); /* it was sent again, and that was answered */
        scene->next(p->ff, name);
        came_last = support_proxy_counts(p->proxy).late_delivered == 0;
        proxied_settle(p->proxy);
        assert_int_equal(support_proxy_counts(p->proxy).late_delivered, 1);
        scene->after(p->ff, name);
        proxied_calm(p);
    }
    assert_true(came_last);
}

static void add_5(struct footfall *ff, const char *name)
{
    adds(ff, name, 5, 5);
}

static void delete_5(struct footfall *ff, const char *name)
{
    deletes(ff, name, 5, 0);
}

static void is_absent(struct footfall *ff, const char *name)
{
    holds(ff, name, 0, 0, 0);
}

static void late_add_after_delete(void **state)
{
    static const struct scene scene = { NULL, add_5, delete_5, is_absent };
    play(*state, &scene);
}

static void add_5_more(struct footfall *ff, const char *name)
{
    adds(ff, name, 5, 10);
}

static void holds_10(struct footfall *ff, const char *name)
{
    holds(ff, name, 10, 0, 1);
}

static void late_add_after_add(void **state)
{
    static const struct scene scene = { NULL, add_5, add_5_more, holds_10 };
    play(*state, &scene);
}

static void first_visit(struct footfall *ff, const char *name)
{
    visits(ff, name, 1, 1, 1);
}

static void forget_after_visit(struct footfall *ff, const char *name)
{
    forgets(ff, name, 1, 1);
}

static void is_forgotten(struct footfall *ff, const char *name)
{
    holds(ff, name, 1, 1, 1);
    visits(ff, name, 1, 2, 2);
}

static void late_visit_after_forget(void **state)
{
    static const struct scene scene = { NULL, first_visit, forget_after_visit, is_forgotten };
    play(*state, &scene);
}

static void delete_after_visit(struct footfall *ff, const char *name)
{
    deletes(ff, name, 1, 1);
}

static void is_as_if_never_visited(struct footfall *ff, const char *name)
{
    holds(ff, name, 0, 0, 0);
    visits(ff, name, 1, 1, 1);
}

static void late_visit_after_delete(void **state)
{
    static const struct scene scene = { NULL, first_visit, delete_after_visit, is_as_if_never_visited };
    play(*state, &scene);
}

static void set_100(struct footfall *ff, const char *name)
{
    sets(ff, name, 100, 50);
}

static void visit_101(struct footfall *ff, const char *name)
{
    visits(ff, name, 1, 101, 51);
}

static void holds_101(struct footfall *ff, const char *name)
{
    holds(ff, name, 101, 51, 1);
}

static void late_set_after_visit(void **state)
{
    static const struct scene scene = { add_5, set_100, visit_101, holds_101 };
    play(*state, &scene);
}

static void add_7(struct footfall *ff, const char *name)
{
    adds(ff, name, 7, 7);
}

static void holds_7(struct footfall *ff, const char *name)
{
    holds(ff, name, 7, 0, 1);
}

static void late_delete_after_add(void **state)
{
    static const struct scene scene = { add_5, delete_5, add_7, holds_7 };
    play(*state, &scene);
}

static void new_visit_again(struct footfall *ff, const char *name)
{
    visits(ff, name, 1, 2, 2);
}

static void is_remembered(struct footfall *ff, const char *name)
{
    visits(ff, name, 0, 3, 2);
}

static void late_forget_after_visit(void **state)
{
    static const struct scene scene = { first_visit, forget_after_visit, new_visit_again, is_remembered };
    play(*state, &scene);
}

/* The same value is there again: it is the mark that tells. */
static void set_back(struct footfall *ff, const char *name)
{
    sets(ff, name, 5, 0);
}

static void holds_5(struct footfall *ff, const char *name)
{
    holds(ff, name, 5, 0, 1);
}

static void late_add_after_setting_back(void **state)
{
    static const struct scene scene = { add_5, add_5_more, set_back, holds_5 };
    play(*state, &scene);
}

/* Refused, for the sum would be too much; later it would not. */
static void set_to_the_edge(struct footfall *ff, const char *name)
{
    sets(ff, name, INT64_MAX - 3, 0);
}

static void add_too_much(struct footfall *ff, const char *name)
{
    assert_int_equal(support_add(ff, name, 5, LONG_MS, NULL), FOOTFALL_RANGE);
}

static void late_add_after_range(void **state)
{
    static const struct scene scene = { set_to_the_edge, add_too_much, set_back, holds_5 };
    play(*state, &scene);
}

static void visit_too_much(struct footfall *ff, const char *name)
{
    assert_int_equal(support_visit(ff, name, VISITOR, SUPPORT_TIME_MS, LONG_MS, NULL), FOOTFALL_RANGE);
}

static void set_to_the_last(struct footfall *ff, const char *name)
{
    sets(ff, name, INT64_MAX, 0);
}

static void holds_5_and_nobody(struct footfall *ff, const char *name)
{
    holds(ff, name, 5, 0, 1);
    visits(ff, name, 1, 6, 1);
}

static void late_visit_after_range(void **state)
{
    static const struct scene scene = { set_to_the_last, visit_too_much, set_back, holds_5_and_nobody };
    play(*state, &scene);
}

/* ---- a call that was given up --------------------------------------------------------------------------------------------------- */

/* Answered UNKNOWN, and the copy comes after the lane's next batch: not counted, as the next batch has told. */
static void late_after_giving_up(void **state)
{
    struct proxied *p = *state;
    int came_last = 0;
    for (int round = 0; round < ROUNDS && !came_last; round++) {
        struct footfall_result r;
        int64_t seen = 0;
        char name[16];
        snprintf(name, sizeof name, "c%d", round);
        proxied_plan(p, &late_copy, 1, SUPPORT_PROXY_RESET_BEFORE, 500 << round);
        /* Not even sent, on a machine that stands still: once more. */
        for (int i = 0; i < TRIES && support_add(p->ff, name, 1, SHORT_MS, &r) == FOOTFALL_TEMPORARY; i++)
            ;
        assert_int_equal(r.status, FOOTFALL_UNKNOWN);
        came_last = support_proxy_counts(p->proxy).late_delivered == 0;
        proxied_calm(p);
        assert_int_equal(support_add(p->ff, name, 10, LONG_MS, &r), FOOTFALL_OK);
        seen = r.total;
        assert_true(seen == 10 || seen == 11);
        came_last &= seen == 10 && support_proxy_counts(p->proxy).late_delivered == 0;
        proxied_settle(p->proxy);
        holds(p->ff, name, seen, 0, 1);
    }
    assert_true(came_last);
}

/* program die PORT PREFIX NAME TOKEN: an add of 1, its status reported; then death without any farewell. */
static _Noreturn void add_and_die(char **argv)
{
    struct footfall *ff = proxied_open(proxied_backend, (uint16_t)strtoul(argv[2], NULL, 10), argv[3], "1", "");
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = SHORT_MS;
    if (argv[5][0] != '\0') {
        call.token = argv[5];
        call.token_bytes = strlen(argv[5]);
    }
    (void)footfall_add(ff, argv[4], 1, &call, &r, NULL);
    support_report(&r.status, sizeof r.status);
    (void)kill(getpid(), SIGKILL);
    _exit(98);
}

static enum footfall_status run_add_and_die(const struct proxied *p, const char *name, const char *token)
{
    struct support_process process;
    struct support_bytes bytes = { 0 };
    char port[8];
    const char *args[] = { "die", port, p->prefix, name, token, NULL };
    enum footfall_status status = FOOTFALL_OK;
    int how = 0;
    snprintf(port, sizeof port, "%d", support_proxy_port(p->proxy));
    support_process_start(&process, args);
    (void)support_process_read(&process, &bytes, INT64_MAX);
    how = support_process_wait(&process);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    assert_int_equal(bytes.count, sizeof status);
    memcpy(&status, bytes.at, sizeof status);
    free(bytes.at);
    return status;
}

/* The writer is gone, another handle goes on, then the copy comes. No mark of that writer stands against it, so it is counted,
 * once (unless it meets the other's mark); a reading afterwards tells. With a token that the other handle used again it is not. */
static void late_after_death(void **state)
{
    struct proxied *p = *state;
    struct footfall *other = proxied_direct(p);
    for (int with_token = 0; with_token < 2; with_token++) {
        int came_last = 0;
        for (int round = 0; round < ROUNDS && !came_last; round++) {
            struct footfall_call call = FOOTFALL_CALL_INIT;
            enum footfall_status status = FOOTFALL_TEMPORARY;
            struct footfall_result r;
            char name[16];
            snprintf(name, sizeof name, "d%d.%d", with_token, round);
            proxied_plan(p, &late_copy, 1, SUPPORT_PROXY_RESET_BEFORE, 1000 << round);
            for (int i = 0; i < TRIES && status == FOOTFALL_TEMPORARY; i++)
                status = run_add_and_die(p, name, with_token ? "its token" : "");
            assert_int_equal(status, FOOTFALL_UNKNOWN);
            call.wait_ms = LONG_MS;
            if (with_token) {
                call.token = "its token";
                call.token_bytes = 9;
            }
            assert_int_equal(footfall_add(other, name, with_token ? 1 : 10, &call, &r, NULL), FOOTFALL_OK);
            came_last = support_proxy_counts(p->proxy).late_delivered == 0;
            came_last &= with_token ? (r.flags & FOOTFALL_REPLAYED) == 0 : r.total == 10;
            assert_true(r.total == (with_token ? 1 : 10) || (!with_token && r.total == 11));
            proxied_settle(p->proxy);
            assert_int_equal(support_proxy_counts(p->proxy).late_delivered, 1);
            if (!with_token && !proxied_dead_copy_counts && support_read(other, name).total == 10)
                continue;
            holds(other, name, with_token ? 1 : 11, 0, 1);
        }
        assert_true(came_last);
    }
    footfall_close(other);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, proxied_setup, proxied_teardown)
        CASE(late_add_after_delete),   CASE(late_add_after_add),          CASE(late_visit_after_forget),
        CASE(late_visit_after_delete), CASE(late_set_after_visit),        CASE(late_delete_after_add),
        CASE(late_forget_after_visit), CASE(late_add_after_setting_back), CASE(late_add_after_range),
        CASE(late_visit_after_range),  CASE(late_after_giving_up),        CASE(late_after_death),
    };
    if (argc == 6 && strcmp(argv[1], "die") == 0)
        add_and_die(argv);
    return cmocka_run_group_tests_name("late copies", tests, NULL, NULL);
}
