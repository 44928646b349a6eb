/* submit_read.c: reads without waiting: each completion runs exactly once, and what it tells is no older than the call. Among
 * visits that are submitted too. */
#include "board.h"
#include "cases.h"
#include "suite_asks.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = { "a", "b", "none" };
enum { NAMES = 3 };

/* For many at once on whatever machine */
static const struct footfall_call patient = { sizeof(struct footfall_call), 60000, NULL, 0, NULL, 0, 0 };

static void read_later(struct footfall *ff, const char *name, footfall_done *done, struct note *note)
{
    struct footfall_error err;
    memset(&err, 0x5a, sizeof(err));
    assert_int_equal(footfall_submit_read(ff, name, &patient, done, note, &err), FOOTFALL_OK);
    assert_int_equal(err.status, FOOTFALL_OK);
    assert_string_equal(err.text, "");
}

static void submit_read_runs_each_completion_once(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    EXPECT_SET(ff, "a", 7, 3);
    EXPECT_SET(ff, "b", INT64_MIN, INT64_MAX);
    for (int i = 0; i < MANY; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "%s", names[i % NAMES]);
        read_later(ff, name, take_note, &notes[i]);
        memset(name, 'x', sizeof(name)); /* it was copied */
    }
    wait_for(&board, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].runs, 1);
        assert_int_equal(notes[i].err_status, FOOTFALL_OK);
        if (i % NAMES == 0)
            EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, FOOTFALL_EXISTS, 7, 3);
        else if (i % NAMES == 1)
            EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, FOOTFALL_EXISTS, INT64_MIN, INT64_MAX);
        else
            EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, 0, 0, 0);
    }
    EXPECT_LIST(ff, "", NULL, "a=7/3 b=-9223372036854775808/9223372036854775807"); /* nothing was counted or made */
}

static void submit_read_sees_what_was_acknowledged(void **state)
{
    struct board board = BOARD_INIT;
    struct suite *s = *state;
    struct footfall *ff = suite_open(s, NULL);
    struct footfall *other = suite_open(s, NULL);
    int rounds = suite_rounds(100);
    prepare(&board, ff);
    for (int i = 0; i < rounds; i++) {
        EXPECT_ADD(i % 3 == 2 ? other : ff, "a", 1, i + 1, 0);
        read_later(i % 2 ? other : ff, "a", take_note, &notes[i]);
        wait_for(&board, i + 1);
        EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, FOOTFALL_EXISTS, i + 1, 0);
    }
    EXPECT_DELETE(ff, "a", rounds, 0);
    read_later(ff, "a", take_note, &notes[rounds]);
    wait_for(&board, rounds + 1);
    EXPECT_ANSWER(notes[rounds].r, FOOTFALL_OK, 0, 0, 0);
}

static void submit_read_refuses_bad_form_at_once(void **state)
{
    static char long_name[FOOTFALL_NAME_BYTES + 2];
    const char *const bad[] = { "", "a\nb", "\xff", long_name };
    const uint8_t series[FOOTFALL_SERIES_BYTES] = { 1 };
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall_call token = suite_with_token("t");
    struct footfall_call numbered = suite_numbered(series, 1);
    struct footfall_error err;
    prepare(&board, ff);
    memset(long_name, 'x', sizeof(long_name) - 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT_REFUSED(footfall_submit_read(ff, bad[i], NULL, take_note, &notes[0], &err), err, FOOTFALL_INVALID,
                       "name");
    EXPECT_REFUSED(footfall_submit_read(ff, "a", &token, take_note, &notes[0], &err), err, FOOTFALL_INVALID, "token");
    EXPECT_REFUSED(footfall_submit_read(ff, "a", &numbered, take_note, &notes[0], &err), err, FOOTFALL_INVALID,
                   "series");
    read_later(ff, "a", take_note, &notes[1]);
    suite_close(*state, ff);
    assert_int_equal(board.done, 1);
    assert_int_equal(notes[1].runs, 1);
    EXPECT_ANSWER(notes[1].r, FOOTFALL_OK, 0, 0, 0);
}

static void submit_read_close_completes_what_is_queued(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    EXPECT_ADD(ff, "a", 5, 5, 0);
    for (int i = 0; i < MANY; i++)
        read_later(ff, names[i % NAMES], take_note, &notes[i]);
    suite_close(*state, ff);
    assert_int_equal(board.done, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].runs, 1);
        EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, i % NAMES ? 0 : FOOTFALL_EXISTS, i % NAMES ? 0 : 5, 0);
    }
}

/* ---- from completions ------------------------------------------------------------------------------------------------- */

enum { CHAIN = 50 };

static void count_next(void *user, const struct footfall_result *r, const struct footfall_error *err);

/* A read follows each addition, and an addition each read */
static void read_next(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    if (note + 1 < notes + CHAIN &&
        footfall_submit_read(note->board->ff, "a", &patient, count_next, note + 1, NULL) != FOOTFALL_OK)
        note->board->inner = 1;
    take_note(user, r, err);
}

static void count_next(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    struct footfall_op op = suite_add("a", 1);
    struct footfall_result blocked;
    const char *name = "a";
    if (footfall_read(note->board->ff, &name, 1, NULL, &blocked, NULL) != FOOTFALL_MISUSE)
        note->board->inner = 1;
    if (note + 1 < notes + CHAIN &&
        footfall_submit(note->board->ff, &op, &patient, read_next, note + 1, NULL) != FOOTFALL_OK)
        note->board->inner = 1;
    take_note(user, r, err);
}

static void submit_read_from_a_completion(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    prepare(&board, ff);
    read_later(ff, "a", count_next, &notes[0]);
    wait_for(&board, CHAIN);
    assert_int_equal(board.inner, 0);
    EXPECT_ANSWER(notes[0].r, FOOTFALL_OK, 0, 0, 0);
    for (int i = 1; i < CHAIN; i++)
        EXPECT_ANSWER(notes[i].r, FOOTFALL_OK, i % 2 ? 0 : FOOTFALL_EXISTS, (i + 1) / 2, 0);
}

static atomic_int endless; /* 1: as long as there is no end, each read is followed by another */

static void read_again(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct note *note = user;
    if (atomic_load(&endless) &&
        footfall_submit_read(note->board->ff, "a", &patient, read_again, note, NULL) == FOOTFALL_OK)
        return;
    take_note(user, r, err);
}

static void submit_read_leaves_visits_their_turn(void **state)
{
    enum { READERS = 64 };
    struct board board = BOARD_INIT;
    struct board counted = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    int rounds = suite_rounds(50);
    prepare(&board, ff);
    atomic_store(&endless, 1);
    for (int i = 0; i < READERS; i++)
        read_later(ff, "a", read_again, &notes[i]);
    for (int i = 0; i < rounds; i++) {
        struct footfall_op op = suite_add("a", 1);
        notes[READERS + i].board = &counted;
        assert_int_equal(footfall_submit(ff, &op, NULL, take_note, &notes[READERS + i], NULL), FOOTFALL_OK);
        wait_for(&counted, i + 1);
        EXPECT_ANSWER(notes[READERS + i].r, FOOTFALL_OK, 0, i + 1, 0);
    }
    atomic_store(&endless, 0);
    wait_for(&board, READERS);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(notes[i].runs, 1);
}

/* ---- among visits ----------------------------------------------------------------------------------------------------- */

enum { VISITED = 2 }; /* names that are visited, in turn with reads of them */

static struct {
    atomic_int begun, acknowledged;
} visits[VISITED];
static struct {
    int acknowledged, begun; /* of its counter: at the least when it was called, at the most when it was answered */
} bounds[MANY];

static void note_visit(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    const struct note *note = user;
    if (r->status == FOOTFALL_OK)
        atomic_fetch_add(&visits[(note - notes) / 2 % VISITED].acknowledged, 1);
    take_note(user, r, err);
}

static void note_read(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    const struct note *note = user;
    bounds[note - notes].begun = atomic_load(&visits[(note - notes) / 2 % VISITED].begun);
    take_note(user, r, err);
}

static void submit_one_of_the_two(struct footfall *ff, int i)
{
    int which = i / 2 % VISITED;
    char address[32];
    struct footfall_visitor who;
    struct footfall_op op;
    if (i % 2) {
        bounds[i].acknowledged = atomic_load(&visits[which].acknowledged);
        read_later(ff, names[which], note_read, &notes[i]);
        return;
    }
    (void)snprintf(address, sizeof(address), "198.51.100.%d", i % 100);
    who = suite_visitor(address, NOON);
    op = suite_visit(names[which], &who);
    atomic_fetch_add(&visits[which].begun, 1);
    assert_int_equal(footfall_submit(ff, &op, &patient, note_visit, &notes[i], NULL), FOOTFALL_OK);
}

/* Visits of one counter keep their order, reads of one counter too, and each read is between its bounds. */
static void check_order(int count)
{
    int64_t visited[VISITED] = { 0 };
    int64_t seen[VISITED] = { 0 };
    for (int i = 0; i < count; i++) {
        int which = i / 2 % VISITED;
        const struct footfall_result *r = &notes[i].r;
        assert_int_equal(notes[i].runs, 1);
        assert_int_equal(r->status, FOOTFALL_OK);
        if (i % 2 == 0) {
            assert_int_equal(r->total, ++visited[which]);
            continue;
        }
        assert_int_equal(r->flags, r->total > 0 ? FOOTFALL_EXISTS : 0);
        assert_in_range(r->total, seen[which], bounds[i].begun);
        assert_in_range(r->total, bounds[i].acknowledged, bounds[i].begun);
        assert_in_range(r->unique, r->total > 0, r->total);
        seen[which] = r->total;
    }
}

static void submit_read_among_visits(void **state)
{
    struct board board = BOARD_INIT;
    struct footfall *ff = suite_open(*state, NULL);
    int count = suite_rounds(MANY);
    prepare(&board, ff);
    memset(bounds, 0, sizeof(bounds));
    for (int i = 0; i < VISITED; i++) {
        atomic_store(&visits[i].begun, 0);
        atomic_store(&visits[i].acknowledged, 0);
    }
    for (int i = 0; i < count; i++)
        submit_one_of_the_two(ff, i);
    wait_for(&board, count);
    check_order(count);
    EXPECT_READ(ff, "a", count / 4, 25);
    EXPECT_READ(ff, "b", count / 4, 25);
}

const struct suite_case suite_submit_read[] = {
    SUITE_CASE(submit_read_runs_each_completion_once),
    SUITE_CASE(submit_read_sees_what_was_acknowledged),
    SUITE_CASE(submit_read_refuses_bad_form_at_once),
    SUITE_CASE(submit_read_close_completes_what_is_queued),
    SUITE_CASE(submit_read_from_a_completion),
    SUITE_CASE(submit_read_leaves_visits_their_turn),
    SUITE_CASE(submit_read_among_visits),
    SUITE_CASES_END,
};
