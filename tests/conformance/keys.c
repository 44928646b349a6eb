/* keys.c: epoch keys end. One hour after max(end of the next epoch, two lengths after it was made, by the host's clock) the next
 * call of any handle erases a key from the store; then nobody can tell who came. `forever` has one key and no such end. */
#include "cases.h"
#include "suite_asks.h"

#include <string.h>

#include "footfall_admin.h"
#include "registry.h"

#define EPOCH0 (T0 / DAY)

static void expect_key(struct suite *s, int64_t epoch, int there)
{
    assert_int_equal(suite_epoch_key_there(s, DAY, epoch), there);
}

static void keys_open_and_read_make_none(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_NOTHING(ff, "a");
    EXPECT_ADD(ff, "a", 1, 1, 0);
    expect_key(*state, EPOCH0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 2, 1);
    expect_key(*state, EPOCH0, 1);
}

/* The visit's epoch is the host's own: two lengths after it was made is later than the end of the next epoch. */
static void keys_end_an_hour_after_two_lengths(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR - 1);
    EXPECT_ADD(ff, "a", 0, 1, 1);
    expect_key(*state, EPOCH0, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    EXPECT_ADD(ff, "a", 0, 2, 1);
    expect_key(*state, EPOCH0, 0);
}

/* The visit is from an epoch that the host's clock has not reached yet: the end of the next epoch is the later one. */
static void keys_end_an_hour_after_the_next_epoch(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    suite_set_clock(*state, T0 - 30 * MINUTE);
    EXPECT_VISIT(ff, "a", "203.0.113.7", T0, 1, 1, 1);
    suite_set_clock(*state, T0 + 2 * DAY + HOUR - 1);
    EXPECT_ADD(ff, "a", 0, 1, 1);
    expect_key(*state, EPOCH0, 1);
    expect_key(*state, EPOCH0 - 1, 0); /* made at the same time, and of an earlier epoch */
    suite_set_clock(*state, T0 + 2 * DAY + HOUR);
    EXPECT_ADD(ff, "a", 0, 1, 1);
    expect_key(*state, EPOCH0, 0);
}

static void keys_of_the_past_live_two_lengths_from_when_they_were_made(void **state)
{
    const int64_t then = T0 - 700 * DAY;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then, 1, 1, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR - 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 1, 0, 2, 1);
    expect_key(*state, EPOCH0 - 700, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    EXPECT_ADD(ff, "a", 0, 2, 1);
    expect_key(*state, EPOCH0 - 700, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 2, 1, 3, 2); /* nobody can tell any more */
    EXPECT_VISIT(ff, "a", "203.0.113.7", then + 3, 0, 4, 2);
}

static int look_at(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)user;
    (void)name;
    (void)total;
    (void)unique;
    return 0;
}

static int call_of_kind(struct footfall *ff, int kind)
{
    const char *name = "a";
    struct footfall_result r;
    switch (kind) {
    case 0:
        return footfall_read(ff, &name, 1, NULL, &r, NULL);
    case 1:
        return footfall_list(ff, "", NULL, NULL, look_at, NULL, NULL);
    case 2:
        return footfall_ping(ff, NULL, NULL);
    case 3:
        return footfall_delete(ff, "b", NULL, NULL, NULL);
    default:
        return footfall_set(ff, "a", 0, 0, NULL, NULL, NULL);
    }
}

static void keys_any_call_of_any_handle_erases_them(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    for (int kind = 0; kind < 5; kind++) {
        const int64_t now_ms = NOON + kind * 10 * DAY;
        suite_set_clock(*state, now_ms);
        assert_true(suite_visit_is_new(ff, "a", "203.0.113.7", now_ms));
        suite_set_clock(*state, now_ms + 2 * DAY + HOUR);
        expect_key(*state, now_ms / DAY, 1);
        assert_int_equal(call_of_kind(other, kind), FOOTFALL_OK);
        if (suite_epoch_key_there(*state, DAY, now_ms / DAY))
            fail_msg("kind %d leaves the key", kind);
    }
}

static void keys_a_handle_opened_later_erases_them(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_close(*state, ff);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    ff = suite_open(*state, NULL);
    EXPECT_READ(ff, "a", 1, 1);
    expect_key(*state, EPOCH0, 0);
}

/* Whoever opens alone has no call wait for it, and sees to it afterwards. */
static void keys_a_handle_alone_erases_them_when_told_to(void **state)
{
    const struct suite_knobs alone = { .alone = 1 };
    struct footfall *ff = suite_open(*state, &alone);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    assert_int_equal(footfall_upkeep(ff, NULL, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    EXPECT_ADD(ff, "a", 1, 2, 1);
    EXPECT_VISIT(ff, "b", "203.0.113.7", FOOTFALL_NOW, 1, 1, 1);
    assert_int_equal(footfall_ping(ff, NULL, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 1);
    assert_int_equal(footfall_upkeep(ff, NULL, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 3, 2); /* nobody can tell any more */
}

/* But for who asks for it by another name. */
static void keys_a_handle_alone_erases_them_when_it_purges(void **state)
{
    const struct suite_knobs alone = { .alone = 1 };
    struct footfall *ff = suite_open(*state, &alone);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 100, NULL, NULL, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 0);
}

static void keys_upkeep_is_done_by_other_handles_too(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    assert_int_equal(footfall_upkeep(other, NULL, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 0);
    assert_int_equal(footfall_upkeep(NULL, NULL, NULL), FOOTFALL_INVALID);
}

static void keys_purge_erases_them(void **state)
{
    struct footfall_purge_result purged;
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1000, NULL, &purged, NULL), FOOTFALL_OK);
    expect_key(*state, EPOCH0, 0);
}

static void keys_a_handle_does_not_go_on_with_an_erased_one(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 0, 2, 1);
    suite_set_clock(*state, NOON + 2 * DAY + HOUR);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 3, 2);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 0, 4, 2); /* both have the new key */
}

static void keys_long_windows_have_long_epochs(void **state)
{
    const int64_t length = 30 * DAY;
    const int64_t epoch = T0 / length;
    const struct suite_knobs knobs = { .window = "30d" };
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    assert_true(suite_epoch_key_there(*state, length, epoch));
    suite_set_clock(*state, NOON + 2 * length + HOUR - 1);
    EXPECT_ADD(ff, "a", 0, 1, 1);
    assert_true(suite_epoch_key_there(*state, length, epoch));
    suite_set_clock(*state, NOON + 2 * length + HOUR);
    EXPECT_ADD(ff, "a", 0, 1, 1);
    assert_false(suite_epoch_key_there(*state, length, epoch));
}

static void keys_forever_has_one_that_stays(void **state)
{
    const struct suite_knobs knobs = { .window = "forever" };
    struct footfall_purge_result purged;
    struct footfall *ff = suite_open(*state, &knobs);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 0, 1, 1, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 2, 1);
    suite_set_clock(*state, NOON + 100 * 3650 * DAY);
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1000, NULL, &purged, NULL), FOOTFALL_OK);
    assert_int_equal(purged.visitors, 0);
    EXPECT_VISIT(ff, "a", "203.0.113.7", FOOTFALL_NOW, 0, 3, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", 1, 0, 4, 1);
    assert_true(suite_epoch_key_there(*state, FOOTFALL_STORE_FOREVER, 0));
}

/* ---- another window ------------------------------------------------------------------------------------------------------------- */

struct told {
    int warned;
};

static void listen_for_window(void *user, enum footfall_log_level level, const char *line)
{
    struct told *told = user;
    if (level <= FOOTFALL_LOG_WARN && strstr(line, "window") != NULL)
        told->warned++;
}

static void keys_another_length_counts_anew_once_and_says_so(void **state)
{
    struct told told = { 0 };
    const struct suite_knobs month = { .window = "30d", .log = listen_for_window, .log_user = &told };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = NULL;
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    other = suite_open(*state, &month);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 1, 2, 2);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 0, 3, 2);
    assert_int_equal(told.warned, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 4, 2);
}

static void keys_the_same_length_says_nothing(void **state)
{
    struct told told = { 0 };
    const struct suite_knobs hour = { .window = "1h", .log = listen_for_window, .log_user = &told };
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = suite_open(*state, &hour);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    suite_set_clock(*state, NOON + DAY);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON + 5 * MINUTE, 0, 2, 1);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON + DAY, 1, 3, 2);
    assert_int_equal(told.warned, 0);
}

/* What a restart without persistence, or a failover, does to a store. */
static void lose_keys(struct suite *s)
{
    char text[200] = "";
    struct footfall_store_call call = {
        .deadline_ms = INT64_MAX, .wall_ms = NOON, .text = text, .text_bytes = sizeof(text)
    };
    struct footfall_store *store = suite_store_open(s);
    int64_t next_ms = 0;
    assert_int_equal(footfall__registry_find(suite_backend())->epoch_drop(store, NOON + 3650 * DAY, &next_ms, &call),
                     0);
    suite_store_close(store);
    expect_key(s, EPOCH0, 0);
}

static void refresh(struct footfall *ff)
{
    assert_int_equal(footfall_purge(ff, FOOTFALL_NOW, 1, NULL, NULL, NULL),
                     FOOTFALL_OK); /* or within a minute, by itself */
}

static void keys_that_the_store_lost_are_put_back(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    lose_keys(*state);
    refresh(ff);
    expect_key(*state, EPOCH0, 1);
    EXPECT_VISIT(suite_open(*state, NULL), "a", "203.0.113.7", NOON, 0, 2, 1);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 3, 1);
}

static void keys_made_anew_meanwhile_are_taken_over(void **state)
{
    struct footfall *ff = suite_open(*state, NULL);
    struct footfall *other = NULL;
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 1, 1, 1);
    lose_keys(*state);
    other = suite_open(*state, NULL);
    EXPECT_VISIT(other, "a", "203.0.113.7", NOON, 1, 2, 2); /* nobody can tell */
    refresh(ff);
    EXPECT_VISIT(ff, "a", "203.0.113.7", NOON, 0, 3, 2); /* but from now on they agree */
    EXPECT_VISIT(ff, "a", "203.0.113.8", NOON, 1, 4, 3);
    EXPECT_VISIT(other, "a", "203.0.113.8", NOON, 0, 5, 3);
}

const struct suite_case suite_keys[] = {
    SUITE_CASE(keys_open_and_read_make_none),
    SUITE_CASE(keys_end_an_hour_after_two_lengths),
    SUITE_CASE(keys_end_an_hour_after_the_next_epoch),
    SUITE_CASE(keys_of_the_past_live_two_lengths_from_when_they_were_made),
    SUITE_CASE(keys_any_call_of_any_handle_erases_them),
    SUITE_CASE_NEEDS(keys_a_handle_opened_later_erases_them, FOOTFALL_STORE_CAP_DURABLE),
    SUITE_CASE(keys_a_handle_alone_erases_them_when_told_to),
    SUITE_CASE(keys_a_handle_alone_erases_them_when_it_purges),
    SUITE_CASE(keys_upkeep_is_done_by_other_handles_too),
    SUITE_CASE(keys_purge_erases_them),
    SUITE_CASE(keys_a_handle_does_not_go_on_with_an_erased_one),
    SUITE_CASE(keys_long_windows_have_long_epochs),
    SUITE_CASE(keys_forever_has_one_that_stays),
    SUITE_CASE(keys_another_length_counts_anew_once_and_says_so),
    SUITE_CASE(keys_the_same_length_says_nothing),
    SUITE_CASE(keys_that_the_store_lost_are_put_back),
    SUITE_CASE(keys_made_anew_meanwhile_are_taken_over),
    SUITE_CASES_END,
};
