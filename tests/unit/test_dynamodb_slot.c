/* test_dynamodb_slot.c: which slot a writer takes: its own, an unused one, one that nobody asks for any more, else one of the older
 * half, which is put aside first; and what it learns of a counter's item. */
#include "dynamodb_script.h"

#include "group.h"

enum { KEEP_MS = 900000, TRIES = 2000 };

static struct footfall_store store;
static struct dynamodb_batch batch;
static struct footfall_store_call call;
static struct dynamodb_group group;
static struct dynamodb_counter *counter;

static int set_up(void **state)
{
    static const struct dynamodb_name name = { "n", 1 };
    (void)state;
    memset(&store, 0, sizeof(store));
    memset(&group, 0, sizeof(group));
    store.client = THE_CLIENT;
    store.random_state = 1;
    memset(store.marker.writer, 1, sizeof(store.marker.writer));
    call = script_call(1000);
    call.mark_keep_ms = KEEP_MS;
    batch.call = &call;
    counter = footfall__dynamodb_recall(&store.memory, name);
    assert_non_null(counter);
    group.store = &store;
    group.batch = &batch;
    group.counter = counter;
    script_clock_ahead_ms = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    footfall__dynamodb_memory_free(&store.memory);
    return 0;
}

static void put_mark(int slot, uint8_t writer, int64_t age_ms)
{
    struct dynamodb_marker marker;
    memset(&marker, 0, sizeof(marker));
    memset(marker.writer, writer, sizeof(marker.writer));
    group.item.slots[slot].used = 1;
    group.item.slots[slot].mark =
        footfall__dynamodb_mark(&marker, footfall__wall_ms() + script_clock_ahead_ms - age_ms);
    group.item.slots[slot].x = slot;
}

static void fill(int64_t age_ms, int64_t step_ms)
{
    for (int i = 0; i < DYNAMODB_SLOTS; i++)
        put_mark(i, (uint8_t)(10 + i), age_ms + i * step_ms);
}

/* Chooses many times; the slots that came as bits. */
static unsigned chosen(int spills)
{
    unsigned bits = 0;
    for (int i = 0; i < TRIES; i++) {
        counter->slot = -1;
        assert_int_equal(footfall__dynamodb_choose_slot(&group), spills);
        assert_in_range(counter->slot, 0, DYNAMODB_SLOTS - 1);
        assert_int_equal(counter->has_prev, group.item.slots[counter->slot].used);
        if (counter->has_prev)
            assert_true(footfall__dynamodb_same_mark(&counter->prev, &group.item.slots[counter->slot].mark));
        bits |= 1u << counter->slot;
    }
    return bits;
}

static void any_of_an_empty_item(void **state)
{
    (void)state;
    assert_int_equal(chosen(0), 0xffff);
}

static void its_own_goes_before_all(void **state)
{
    (void)state;
    put_mark(7, 1, 0);
    assert_int_equal(chosen(0), 1u << 7);
    put_mark(7, 1, 10 * KEEP_MS);
    fill(2 * KEEP_MS, 1);
    put_mark(3, 1, 0);
    assert_int_equal(chosen(0), 1u << 3);
}

static void an_unused_one_goes_before_an_old_one(void **state)
{
    (void)state;
    fill(2 * KEEP_MS, 1000);
    group.item.slots[4].used = group.item.slots[9].used = 0;
    assert_int_equal(chosen(0), 1u << 4 | 1u << 9);
}

static void one_that_nobody_asks_for(void **state)
{
    (void)state;
    fill(0, 1000);
    put_mark(5, 20, KEEP_MS + 3000);
    put_mark(12, 21, 10 * (int64_t)KEEP_MS);
    assert_int_equal(chosen(0), 1u << 5 | 1u << 12);
    put_mark(5, 20, KEEP_MS - 3000); /* not quite */
    assert_int_equal(chosen(0), 1u << 12);
}

static void the_service_s_clock_tells_its_age(void **state)
{
    (void)state;
    fill(0, 0);
    put_mark(6, 20, KEEP_MS - 60000);
    assert_int_equal(chosen(1) & 1u << 6, 1u << 6);
    script_clock_ahead_ms = 63000;
    assert_int_equal(chosen(0), 1u << 6);
}

static void a_mark_of_the_future_is_not_old(void **state)
{
    (void)state;
    fill(-3600000, 1000);
    assert_int_equal(chosen(1), 0xff00);
}

/* The older half, and it must be put aside. */
static void all_young(void **state)
{
    (void)state;
    fill(0, 1000); /* slot 15 is the oldest */
    assert_int_equal(chosen(1), 0xff00);
    fill(20000, -1000);
    assert_int_equal(chosen(1), 0x00ff);
}

static void all_of_one_second(void **state)
{
    unsigned bits = 0;
    (void)state;
    for (int i = 0; i < DYNAMODB_SLOTS; i++) {
        put_mark(i, (uint8_t)(10 + i), 0);
        group.item.slots[i].mark = group.item.slots[0].mark;
        group.item.slots[i].mark.bytes[0] = (uint8_t)(10 + i);
    }
    bits = chosen(1);
    assert_int_equal(__builtin_popcount(bits), DYNAMODB_SLOTS / 2);
}

/* ---- learning ----------------------------------------------------------------------------------------------------------------- */

static void what_an_item_teaches(void **state)
{
    struct dynamodb_counter_item item;
    struct dynamodb_visitor visitor = { .state = DYNAMODB_THERE };
    static const uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 1 };
    (void)state;
    group.visitors = &visitor;
    group.visitor_count = 1;
    fill(0, 0);
    put_mark(2, 1, 0);
    item = group.item;
    item.g = 0;
    item.r = 3;
    footfall__dynamodb_see(&store.memory, counter, id, 1, 1);
    footfall__dynamodb_learn_counter(&group, &item); /* guessed right: what was seen stays */
    assert_true(counter->known && counter->r == 3 && counter->slot == 2 && counter->has_prev && group.has_item);
    assert_true(footfall__dynamodb_same_mark(&counter->prev, &item.slots[2].mark));
    assert_non_null(footfall__dynamodb_seen(counter, id));
    assert_int_equal(visitor.state, DYNAMODB_THERE);
    counter->slot = 9; /* one that it has is kept, whatever is in it */
    item.g = 1;
    footfall__dynamodb_learn_counter(&group, &item); /* another generation: other keys */
    assert_int_equal(counter->slot, 9);
    assert_null(footfall__dynamodb_seen(counter, id));
    assert_int_equal(visitor.state, DYNAMODB_UNREAD);
    assert_int_equal(counter->g, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(any_of_an_empty_item),
        CASE(its_own_goes_before_all),
        CASE(an_unused_one_goes_before_an_old_one),
        CASE(one_that_nobody_asks_for),
        CASE(the_service_s_clock_tells_its_age),
        CASE(a_mark_of_the_future_is_not_old),
        CASE(all_young),
        CASE(all_of_one_second),
        CASE(what_an_item_teaches),
    };
    return cmocka_run_group_tests_name("dynamodb slots", tests, NULL, NULL);
}
