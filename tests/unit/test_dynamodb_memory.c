/* test_dynamodb_memory.c: what a writer remembers: counters and visitors against a naive model, bounds, and what goes first. */
#include "dynamodb_unit.h"

#include "alloc.h"
#include "group.h"
#include "process.h"

enum { COUNTERS_KEPT = 4096, SEEN_KEPT = 65536, IDS = 200, STEPS = 200000 };

static struct dynamodb_name name_of(char *out, size_t number)
{
    struct dynamodb_name name = { out, (size_t)snprintf(out, 32, "counter-%zu", number) };
    return name;
}

static struct dynamodb_counter *recall(struct dynamodb_memory *memory, size_t number)
{
    char text[32];
    struct dynamodb_counter *c = footfall__dynamodb_recall(memory, name_of(text, number));
    assert_non_null(c);
    return c;
}

/* ---- visitors ----------------------------------------------------------------------------------------------------------------- */

struct naive {
    int used[IDS];
    int64_t s[IDS], proven[IDS];
    size_t count;
};

/* Few places, so that they pile up and wrap around the end of the table. */
static void id_of(uint8_t id[FOOTFALL_STORE_ID_BYTES], size_t number)
{
    uint64_t place = number % 7 == 0 ? UINT64_MAX - number % 3 : number % 5;
    memset(id, 0, FOOTFALL_STORE_ID_BYTES);
    memcpy(id, &place, sizeof(place));
    id[8] = (uint8_t)number;
}

static void compare(const struct dynamodb_memory *memory, struct dynamodb_counter *c, const struct naive *naive)
{
    assert_int_equal(c->seen_count, naive->count);
    assert_int_equal(memory->seen_count, naive->count);
    for (size_t i = 0; i < IDS; i++) {
        uint8_t id[FOOTFALL_STORE_ID_BYTES];
        const struct dynamodb_seen *seen = NULL;
        id_of(id, i);
        seen = footfall__dynamodb_seen(c, id);
        assert_int_equal(seen != NULL, naive->used[i]);
        if (seen != NULL)
            assert_true(seen->s == naive->s[i] && seen->proven == naive->proven[i]);
    }
}

static void like_a_naive_table(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 1, 2 } };
    struct dynamodb_counter *c = recall(&memory, 1);
    struct naive naive;
    uint64_t random = support_seed() | 1;
    (void)state;
    memset(&naive, 0, sizeof(naive));
    for (int step = 0; step < STEPS; step++) {
        size_t number = (size_t)support_random_below(&random, step % 2000 < 1000 ? IDS : IDS / 8);
        uint64_t what = support_random_below(&random, 1000);
        uint8_t id[FOOTFALL_STORE_ID_BYTES];
        id_of(id, number);
        if (what == 0) {
            footfall__dynamodb_forget_seen(&memory, c);
            memset(&naive, 0, sizeof(naive));
        } else if (what < (step / 5000 % 2 ? 600 : 300)) {
            footfall__dynamodb_unsee(&memory, c, id);
            naive.count -= (size_t)naive.used[number];
            naive.used[number] = 0;
        } else {
            footfall__dynamodb_see(&memory, c, id, step, step % 9 - 1);
            naive.count += !naive.used[number];
            naive.used[number] = 1;
            naive.s[number] = step;
            naive.proven[number] = step % 9 - 1;
        }
        if (step % 50 == 0)
            compare(&memory, c, &naive);
    }
    compare(&memory, c, &naive);
    footfall__dynamodb_memory_free(&memory);
    assert_int_equal(memory.count, 0);
    assert_int_equal(memory.seen_count, 0);
}

static void visitors_are_bounded(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 1, 2 } };
    (void)state;
    for (size_t number = 0; number < 3; number++) {
        struct dynamodb_counter *c = recall(&memory, number);
        for (uint64_t i = 0; i < 40000; i++) {
            uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 0 };
            uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
            memcpy(id, &hash, sizeof(hash));
            footfall__dynamodb_see(&memory, c, id, 1, 1);
        }
        assert_int_equal(c->seen_count, 40000);
    }
    assert_int_equal(memory.seen_count, 120000);
    footfall__dynamodb_memory_trim(&memory);
    assert_int_equal(memory.count, 3);
    assert_int_equal(memory.seen_count, 40000); /* of the counter used last */
    assert_int_equal(recall(&memory, 2)->seen_count, 40000);
    {
        struct dynamodb_counter *c = recall(&memory, 2);
        for (uint64_t i = 40000; i < 200000; i++) {
            uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 0 };
            uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
            memcpy(id, &hash, sizeof(hash));
            footfall__dynamodb_see(&memory, c, id, 1, 1);
            assert_true(c->seen_count <= SEEN_KEPT && c->seen_room <= 4 * SEEN_KEPT);
            assert_non_null(footfall__dynamodb_seen(c, id));
        }
    }
    footfall__dynamodb_memory_free(&memory);
}

/* ---- counters ----------------------------------------------------------------------------------------------------------------- */

static void counters_are_bounded(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 1, 2 } };
    static const uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 1 };
    (void)state;
    for (size_t i = 0; i < COUNTERS_KEPT + 100; i++) {
        struct dynamodb_counter *c = recall(&memory, i);
        assert_int_equal(c->slot, -1);
        assert_false(c->known);
        c->known = 1;
        c->g = (int64_t)i;
        footfall__dynamodb_see(&memory, c, id, 1, 1);
        if (i >= 50)
            (void)recall(&memory, i % 50); /* these stay */
    }
    assert_int_equal(memory.count, COUNTERS_KEPT + 100);
    footfall__dynamodb_memory_trim(&memory);
    assert_int_equal(memory.count, COUNTERS_KEPT);
    assert_int_equal(memory.seen_count, COUNTERS_KEPT);
    for (size_t i = 0; i < 50; i++)
        assert_true(recall(&memory, i)->known && recall(&memory, i)->g == (int64_t)i);
    for (size_t i = 150; i < COUNTERS_KEPT + 100; i++)
        assert_true(recall(&memory, i)->known && recall(&memory, i)->g == (int64_t)i);
    assert_int_equal(memory.count, COUNTERS_KEPT);
    for (size_t i = 50; i < 150; i++) { /* came back, and knows nothing */
        assert_false(recall(&memory, i)->known);
        assert_int_equal(recall(&memory, i)->seen_count, 0);
    }
    footfall__dynamodb_memory_trim(&memory);
    assert_int_equal(memory.count, COUNTERS_KEPT);
    footfall__dynamodb_memory_free(&memory);
}

static void names_are_told_apart(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 3, 4 } };
    char longest[DYNAMODB_NAME_BYTES];
    struct dynamodb_name whole = { longest, sizeof(longest) };
    struct dynamodb_name shorter = { longest, sizeof(longest) - 1 };
    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_ptr_not_equal(footfall__dynamodb_recall(&memory, whole), footfall__dynamodb_recall(&memory, shorter));
    assert_ptr_equal(footfall__dynamodb_recall(&memory, whole), footfall__dynamodb_recall(&memory, whole));
    assert_ptr_equal(memory.newest, footfall__dynamodb_recall(&memory, whole));
    assert_int_equal(memory.count, 2);
    footfall__dynamodb_memory_free(&memory);
}

static void what_is_forgotten(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 3, 4 } };
    struct dynamodb_counter *c = recall(&memory, 1);
    static const uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 1 };
    (void)state;
    c->known = c->has_prev = 1;
    c->slot = 5;
    c->g = c->r = 7;
    footfall__dynamodb_unsee(&memory, c, id); /* nothing there yet */
    footfall__dynamodb_see(&memory, c, id, 1, 1);
    footfall__dynamodb_forget_counter(&memory, c);
    assert_true(!c->known && !c->has_prev && c->slot == -1 && c->g == 0 && c->r == 0 && c->seen_count == 0);
    assert_null(footfall__dynamodb_seen(c, id));
    assert_int_equal(memory.seen_count, 0);
    assert_ptr_equal(recall(&memory, 1), c);
    footfall__dynamodb_memory_free(&memory);
}

/* ---- no memory ---------------------------------------------------------------------------------------------------------------- */

static int refuse_all(void *user)
{
    (void)user;
    return 1;
}

static void without_memory(void **state)
{
    struct dynamodb_memory memory = { .hash_key = { 3, 4 } };
    struct dynamodb_counter *c = recall(&memory, 1);
    uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 0 };
    char text[32];
    (void)state;
    footfall__alloc_hook(refuse_all, NULL);
    assert_null(footfall__dynamodb_recall(&memory, name_of(text, 2)));
    footfall__dynamodb_see(&memory, c, id, 1, 1);
    assert_null(footfall__dynamodb_seen(c, id));
    footfall__alloc_hook(NULL, NULL);
    assert_int_equal(memory.seen_count, 0);
    for (id[1] = 0; id[1] < 8; id[1]++)
        footfall__dynamodb_see(&memory, c, id, id[1], 1);
    footfall__alloc_hook(refuse_all, NULL);
    for (id[1] = 8; id[1] < 40; id[1]++)
        footfall__dynamodb_see(&memory, c, id, id[1], 1);
    id[1] = 3;
    footfall__dynamodb_see(&memory, c, id, 99, 2); /* is there: needs none */
    footfall__alloc_hook(NULL, NULL);
    assert_int_equal(c->seen_count, 8);
    assert_int_equal(footfall__dynamodb_seen(c, id)->s, 99);
    footfall__dynamodb_memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_naive_table),   cmocka_unit_test(visitors_are_bounded),
        cmocka_unit_test(counters_are_bounded), cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(what_is_forgotten),    cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests_name("dynamodb memory", tests, NULL, NULL);
}
