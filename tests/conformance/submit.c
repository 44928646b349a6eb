/* submit.c: operations without waiting: each completion runs exactly once, with the operation's own answer. Reads are
 * submit_read.c's. */
#include "board.h"
#include "cases.h"
#include "suite_asks.h"

#include <stdio.h>
#include <string.h>

static void submit_runs_each_completion_once(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    static char seen[MANY + 1];
    prepare(&board, ff);
    memset(seen, 0, sizeof(seen));
    for (int i = 0; i < MANY; i++) {
        struct footfall_op op = suite_add("a", 1);
        struct footfall_error err;
        assert_int_equal(footfall_submit(ff, &op, NULL, take_note, &notes[i], &err), FOOTFALL_OK);
        assert_int_equal(err.status, FOOTFALL_OK);
    }
    wait_for(&board, MANY);
    EXPECT_READ(ff, "a", MANY, 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].runs, 1);
        assert_int_equal(notes[i].err_status, FOOTFALL_OK);
        assert_in_range(notes[i].r.total, 1, MANY);
        assert_int_equal(seen[notes[i].r.total]++, 0);
        EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, 0, notes[i].r.total, 0);
    }
}

static void submit_copies_what_it_needs(void **state)
{
    struct board board = BOARD_INIT;
    char name[8] = "a";
    char address[16] = "203.0.113.7";
    char token[8] = "token";
    struct footfall_visitor who = suite_visitor(address, NOON);
    struct footfall_op op = suite_visit(name, &who);
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    op = suite_token(op, token);
    assert_int_equal(footfall_submit(ff, &op, NULL, take_note, &notes[0], NULL), FOOTFALL_OK);
    memset(name, 'x', sizeof(name));
    memset(address, 'x', sizeof(address));
    memset(token, 'x', sizeof(token));
    memset(&who, 0, sizeof(who));
    memset(&op, 0, sizeof(op));
    wait_for(&board, 1);
    EXPECT_ANSWER(notes[0].r, FOOTFALL_OK, FOOTFALL_IS_NEW, 1, 1);
    who = suite_visitor("203.0.113.7", NOON);
    EXPECT_ANSWER(suite_apply(ff, suite_token(suite_visit("a", &who), "token")), FOOTFALL_OK,
                  FOOTFALL_IS_NEW | FOOTFALL_REPLAYED | FOOTFALL_CURRENT, 1, 1);
}

static void submit_tells_the_completion_of_failures(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op range = suite_add("a", 1);
    struct footfall_op absent = suite_strict(suite_add("b", 1));
    prepare(&board, ff);
    EXPECT_SET(ff, "a", INT64_MAX, 0);
    assert_int_equal(footfall_submit(ff, &range, NULL, take_note, &notes[0], NULL), FOOTFALL_OK);
    assert_int_equal(footfall_submit(ff, &absent, NULL, take_note, &notes[1], NULL), FOOTFALL_OK);
    wait_for(&board, 2);
    EXPECT_ANSWER(notes[0].r, FOOTFALL_RANGE, 0, 0, 0);
    assert_int_equal(notes[0].err_status, FOOTFALL_RANGE);
    EXPECT_ANSWER(notes[1].r, FOOTFALL_ABSENT, 0, 0, 0);
    assert_int_equal(notes[1].err_status, FOOTFALL_ABSENT);
}

static void submit_refuses_bad_form_at_once(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall_visitor nowhere = suite_visitor("nowhere", NOON);
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_op bad[3] = { suite_add("", 1), suite_visit("a", &nowhere), suite_token(suite_add("a", 1), "") };
    struct footfall_op good = suite_add("a", 1);
    struct footfall_error err;
    prepare(&board, ff);
    for (int i = 0; i < 3; i++)
        EXPECT_REFUSED(footfall_submit(ff, &bad[i], NULL, take_note, &notes[i], &err), err, FOOTFALL_INVALID, "");
    assert_int_equal(footfall_submit(ff, &good, NULL, take_note, &notes[3], &err), FOOTFALL_OK);
    suite_close(*state, ff);
    assert_int_equal(board.done, 1);
    assert_int_equal(notes[3].runs, 1);
}

static void block_inside(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    const char *name = "a";
    struct footfall_result result;
    struct footfall_error inner;
    note->board->inner = footfall_add(note->board->ff, "a", 1, NULL, NULL, &inner);
    if (footfall_read(note->board->ff, &name, 1, NULL, &result, NULL) != FOOTFALL_MISUSE ||
        footfall_ping(note->board->ff, NULL, NULL) != FOOTFALL_MISUSE)
        note->board->inner = 1;
    take_note(user, r, err);
}

static void submit_a_completion_may_not_block(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall_op op = suite_add("a", 1);
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    assert_int_equal(footfall_submit(ff, &op, NULL, block_inside, &notes[0], NULL), FOOTFALL_OK);
    wait_for(&board, 1);
    assert_int_equal(board.inner, FOOTFALL_MISUSE);
    EXPECT_READ(ff, "a", 1, 0);
}

static void submit_inside(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    struct footfall_op op = suite_add("a", 1);
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    footfall_stats(note->board->ff, &stats);
    if (stats.operations == 0 ||
        footfall_submit(note->board->ff, &op, NULL, note + 2 < notes + 50 ? submit_inside : take_note, note + 1,
                        NULL) != FOOTFALL_OK)
        note->board->inner = 1;
    take_note(user, r, err);
}

static void submit_from_a_completion(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall_op op = suite_add("a", 1);
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    assert_int_equal(footfall_submit(ff, &op, NULL, submit_inside, &notes[0], NULL), FOOTFALL_OK);
    wait_for(&board, 50);
    assert_int_equal(board.inner, 0);
    for (int i = 0; i < 50; i++)
        EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, 0, i + 1, 0);
    EXPECT_READ(ff, "a", 50, 0);
}

static void submit_close_completes_what_is_queued(void **state)
{
    struct board board = BOARD_INIT;
    struct suite *s = *state;
    struct footfall *ff = suite_open(s, NULL);
    struct footfall *other = suite_open(s, NULL);
    prepare(&board, ff);
    for (int i = 0; i < MANY; i++) {
        struct footfall_op op = suite_add(i % 2 ? "a" : "b", 1);
        assert_int_equal(footfall_submit(ff, &op, NULL, take_note, &notes[i], NULL), FOOTFALL_OK);
    }
    suite_close(s, ff);
    assert_int_equal(board.done, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].runs, 1);
        assert_int_equal(notes[i].r.status, FOOTFALL_OK);
    }
    EXPECT_LIST(other, "", NULL, "a=1000/0 b=1000/0");
}

static void submit_one_new_visit_a_visitor(void **state)
{
    enum { VISITORS = 20, EACH = 50 };
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    for (int i = 0; i < VISITORS * EACH; i++) {
        char address[32];
        struct footfall_visitor who;
        struct footfall_op op;
        (void)snprintf(address, sizeof(address), "198.51.100.%d", i % VISITORS + 1);
        who = suite_visitor(address, NOON);
        op = suite_visit("a", &who);
        assert_int_equal(footfall_submit(ff, &op, NULL, take_note, &notes[i], NULL), FOOTFALL_OK);
    }
    wait_for(&board, VISITORS * EACH);
    for (int visitor = 0; visitor < VISITORS; visitor++) {
        int news = 0;
        for (int i = visitor; i < VISITORS * EACH; i += VISITORS)
            news += (notes[i].r.flags & FOOTFALL_IS_NEW) != 0;
        assert_int_equal(news, 1);
    }
    EXPECT_READ(ff, "a", VISITORS * EACH, VISITORS);
}

static void submit_with_a_token_counts_once(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_call call = suite_with_token("t");
    int first = 0;
    prepare(&board, ff);
    for (int i = 0; i < 100; i++) {
        struct footfall_op op = suite_add("a", 7);
        assert_int_equal(footfall_submit(ff, &op, &call, take_note, &notes[i], NULL), FOOTFALL_OK);
    }
    wait_for(&board, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(notes[i].r.status, FOOTFALL_OK);
        assert_int_equal(notes[i].r.total, 7);
        first += (notes[i].r.flags & FOOTFALL_REPLAYED) == 0;
    }
    assert_int_equal(first, 1);
}

const struct suite_case suite_submit[] = {
    SUITE_CASE(submit_runs_each_completion_once),        SUITE_CASE(submit_copies_what_it_needs),
    SUITE_CASE(submit_tells_the_completion_of_failures), SUITE_CASE(submit_refuses_bad_form_at_once),
    SUITE_CASE(submit_a_completion_may_not_block),       SUITE_CASE(submit_from_a_completion),
    SUITE_CASE(submit_close_completes_what_is_queued),   SUITE_CASE(submit_one_new_visit_a_visitor),
    SUITE_CASE(submit_with_a_token_counts_once),         SUITE_CASES_END,
};
