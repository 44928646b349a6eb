/* test_memory_upkeep.c: the memory backend through its vtable alone: purge, paging, epoch keys, and who shares a store. */
#include "test_memory.h"

#include "random.h"

/* ---- purge ---------------------------------------------------------------------------------------------------------------- */

static size_t purge(struct footfall_store *store, int64_t now_ms, size_t budget, int expect_more)
{
    struct footfall_store_call call = call_at(now_ms);
    size_t dropped[3] = { 0, 0, 0 };
    int more = 9;
    assert_int_equal(memory->purge(store, now_ms, budget, dropped, &more, &call), 0);
    assert_int_equal(more, expect_more);
    assert_true(dropped[0] + dropped[1] <= budget);
    return dropped[0] * 10000 + dropped[1] * 100 + dropped[2];
}

static void purge_goes_by_the_stored_expiry(void **state)
{
    apply(*state, visit_of("a", 1, 0, 1)); /* until 1 + HOUR */
    apply(*state, visit_of("a", 2, 0, 2));
    apply(*state, visit_of("a", 3, 0, FOREVER));
    apply(*state, with_token(add_of("a", 1), token_a, 1)); /* until 500 */
    numbered(*state, add_of("a", 1), 1, 0);                /* until 1900 */
    assert_int_equal(purge(*state, 499, 100, 0), 0);
    assert_true(apply(*state, with_token(add_of("a", 1), token_a, 1)).replayed);
    assert_int_equal(purge(*state, 500, 100, 0), 100);
    assert_int_equal(purge(*state, 1899, 100, 0), 0);
    assert_int_equal(purge(*state, 1900, 100, 0), 100);
    assert_int_equal(purge(*state, HOUR, 100, 0), 0);
    assert_int_equal(purge(*state, HOUR + 1, 100, 0), 10000);
    assert_int_equal(purge(*state, INT64_MAX, 100, 0), 10000);
    expect_held(*state, 1, 1, 0, 0);
    assert_true(exists(*state, "a", 5, 3));
}

static void a_visit_again_keeps_a_record_longer(void **state)
{
    struct footfall_store_op op = visit_of("a", 1, 0, 1000);
    op.sliding = 1;
    apply(*state, op);
    op.now_ms = 10;
    op.expire_ms += 10;
    apply(*state, op);
    op.expire_ms -= 20; /* a host whose clock is behind must not shorten it */
    apply(*state, op);
    assert_int_equal(purge(*state, 1000 + HOUR + 9, 10, 0), 0);
    assert_int_equal(purge(*state, 1000 + HOUR + 10, 10, 0), 10000);
}

static void purge_takes_the_dead_within_its_budget(void **state)
{
    for (uint8_t i = 0; i < 10; i++)
        apply(*state, visit_of("a", i, 0, FOREVER));
    apply(*state, visit_of("b", 1, 0, FOREVER));
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    apply(*state, visit_of("a", 1, 0, FOREVER));
    assert_int_equal(purge(*state, 0, 4, 1), 40000);
    assert_int_equal(purge(*state, 0, 5, 1), 50000);
    assert_int_equal(purge(*state, 0, 1, 0), 10000);
    expect_held(*state, 2, 2, 0, 0);
    expect(apply(*state, visit_of("a", 1, 0, FOREVER)), 0, 0, 2, 1);
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "a"));
    assert_int_equal(purge(*state, 0, 9, 0), 10001); /* and the counter with its last record */
}

static void purge_finds_exactly_what_has_expired(void **state)
{
    uint64_t random = 42;
    size_t expired = 0;
    size_t left = 0;
    for (int i = 0; i < 2000; i++) {
        struct footfall_store_op op = visit_of("a", 0, 0, 1);
        memcpy(op.ids[0].bytes, &i, sizeof(i));
        op.expire_ms = footfall__random_below(&random, 1000);
        expired += op.expire_ms <= 300;
        left += op.expire_ms > 300 && i % 5 != 0;
        apply(*state, op);
    }
    assert_int_equal(purge(*state, 300, 5000, 0), expired * 10000);
    for (int i = 0; i < 2000; i += 5) {
        struct footfall_store_op op = op_of(FOOTFALL_STORE_FORGET, "a");
        memcpy(op.ids[0].bytes, &i, sizeof(i));
        apply(*state, op);
    }
    assert_int_equal(purge(*state, 1000, 5000, 0), left * 10000);
    expect_held(*state, 1, 0, 0, 0);
}

static void scanning_pages_in_byte_order(void **state)
{
    static const char *const names[] = { "b", "a", "ab", "\xc3\xa9", "B", "a/", "gone", "stop" };
    struct footfall_store_call call = call_at(0);
    char line[200] = "";
    int more = 9;
    for (size_t i = 0; i < 8; i++)
        apply(*state, set_of(names[i], (int)i, 1));
    apply(*state, op_of(FOOTFALL_STORE_DELETE, "gone"));
    assert_int_equal(memory->scan(*state, "", 0, "", 0, 4, join_names, line, &more, &call), 0);
    assert_string_equal(line, "B=4/1 a=1/1 a/=5/1 ab=2/1 ");
    assert_int_equal(more, 1);
    line[0] = '\0';
    assert_int_equal(memory->scan(*state, "", 0, "ab", 2, 4, join_names, line, &more, &call), 0);
    assert_string_equal(line, "b=0/1 stop=7/1 "); /* told to stop */
    assert_int_equal(more, 1);
    line[0] = '\0';
    assert_int_equal(memory->scan(*state, "a", 1, "a", 1, 2, join_names, line, &more, &call), 0);
    assert_string_equal(line, "a/=5/1 ab=2/1 ");
    assert_int_equal(more, 0);
}

static void epoch_keys_are_put_once_and_dropped_in_time(void **state)
{
    uint8_t one[FOOTFALL_STORE_KEY_BYTES] = "one";
    uint8_t two[FOOTFALL_STORE_KEY_BYTES] = "two";
    uint8_t winner[FOOTFALL_STORE_KEY_BYTES] = "";
    int64_t until = 0;
    int other = 9;
    struct footfall_store_call call = call_at(0);
    assert_int_equal(memory->epoch_key(*state, 24, 5, NULL, 0, winner, &until, &call), 1);
    assert_int_equal(memory->epoch_key(*state, 24, 5, one, 100, winner, &until, &call), 0);
    assert_int_equal(memory->epoch_key(*state, 24, 5, two, 200, winner, &until, &call), 0);
    assert_memory_equal(winner, one, sizeof(one));
    assert_int_equal(until, 100);
    assert_int_equal(memory->epoch_key(*state, 25, 5, two, FOREVER, winner, &until, &call), 0);
    assert_memory_equal(winner, two, sizeof(two));
    assert_int_equal(memory->epoch_other(*state, 24, &other, &call), 0);
    assert_int_equal(other, 1);
    assert_int_equal(memory->epoch_drop(*state, 99, &until, &call), 0);
    assert_int_equal(until, 100);
    assert_int_equal(memory->epoch_drop(*state, 100, &until, &call), 0);
    assert_int_equal(until, FOREVER);
    assert_int_equal(memory->epoch_key(*state, 24, 5, NULL, 0, winner, &until, &call), 1);
    assert_int_equal(memory->epoch_other(*state, 25, &other, &call), 0);
    assert_int_equal(other, 0);
    assert_int_equal(memory->epoch_drop(*state, FOREVER, &until, &call), 0);
    assert_int_equal(memory->epoch_key(*state, 25, 5, NULL, 0, winner, &until, &call), 0);
}

static void one_name_is_one_store(void **state)
{
    struct footfall_store *left = open_store("shared");
    struct footfall_store *right = open_store("shared");
    struct footfall_store *other = open_store("other");
    (void)state;
    apply(left, add_of("a", 3));
    assert_true(exists(right, "a", 3, 0));
    assert_false(exists(other, "a", 0, 0));
    assert_true((memory->caps(left) & FOOTFALL_STORE_CAP_SHARED) != 0);
    assert_false((memory->caps(*state) & FOOTFALL_STORE_CAP_SHARED) != 0);
    memory->close(left, 0);
    assert_true(exists(right, "a", 3, 0));
    memory->close(right, 0);
    right = open_store("shared");
    assert_false(exists(right, "a", 0, 0));
    memory->close(right, 0);
    memory->close(other, 1);
}

static void opening_and_scanning_survive_want_of_memory(void **state)
{
    struct footfall_store_setting setting = { "name", "pressed" };
    struct footfall_store *store = *state;
    char line[200] = "";
    int status = FOOTFALL_STORE_NO_MEMORY;
    apply(*state, add_of("a", 1));
    for (int tries = 0; status == FOOTFALL_STORE_NO_MEMORY; tries++) {
        struct footfall_store_call call = call_at(0);
        int left = tries;
        footfall__alloc_hook(refuse_at, &left);
        status = memory->open(&store, &setting, 1, 0, &call);
        footfall__alloc_hook(NULL, NULL);
        assert_true(status == 0 ? store != NULL : store == NULL);
    }
    assert_int_equal(status, 0);
    memory->close(store, 0);
    status = FOOTFALL_STORE_NO_MEMORY;
    for (int tries = 0; status == FOOTFALL_STORE_NO_MEMORY; tries++) {
        struct footfall_store_call call = call_at(0);
        int more = 0;
        int left = tries;
        footfall__alloc_hook(refuse_at, &left);
        status = memory->scan(*state, "", 0, "", 0, 9, join_names, line, &more, &call);
        footfall__alloc_hook(NULL, NULL);
    }
    assert_string_equal(line, "a=1/0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(purge_goes_by_the_stored_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_visit_again_keeps_a_record_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purge_takes_the_dead_within_its_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(purge_finds_exactly_what_has_expired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scanning_pages_in_byte_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epoch_keys_are_put_once_and_dropped_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_name_is_one_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_and_scanning_survive_want_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("memory_upkeep", tests, NULL, NULL);
}
