/* test_identity.c: ids of visitors against vectors made elsewhere, epochs and what is written when, tokens, fingerprints,
 * keys that expire. The store is a table of epoch keys of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "bytes.h"
#include "identity.h"

#define DAY ((int64_t)FOOTFALL__DAY_MS)
#define HOUR ((int64_t)FOOTFALL__HOUR_MS)

/* ---- a store that knows epoch keys only -------------------------------------------------------------------------------- */

static struct {
    int64_t length, number, kept_until;
    uint8_t key[32];
    int there;
} keys[16];
static int puts_seen, drops_seen, fixed_key;

static int put_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, const uint8_t *candidate,
                   int64_t expire_ms, uint8_t *winner, int64_t *kept_until, struct footfall_store_call *call)
{
    size_t at = 0;
    (void)store;
    (void)call;
    while (keys[at].there && (keys[at].length != epoch_ms || keys[at].number != epoch))
        at++;
    assert_true(at < 16);
    if (!keys[at].there) {
        if (candidate == NULL)
            return 1;
        puts_seen++;
        keys[at].there = 1;
        keys[at].length = epoch_ms;
        keys[at].number = epoch;
        keys[at].kept_until = expire_ms;
        for (uint8_t i = 0; i < 32; i++)
            keys[at].key[i] = fixed_key ? (uint8_t)(32 + i) : candidate[i];
    }
    memcpy(winner, keys[at].key, 32);
    *kept_until = keys[at].kept_until;
    return 0;
}

static int drop_keys(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms, struct footfall_store_call *call)
{
    (void)store;
    (void)call;
    *next_ms = INT64_MAX;
    for (size_t i = 0; i < 16; i++)
        if (keys[i].there && keys[i].kept_until <= wall_ms) {
            keys[i].length = -1; /* the place stays taken */
            drops_seen++;
        }
    return 0;
}

static const struct footfall_backend backend = { .name = "keys", .epoch_key = put_key, .epoch_drop = drop_keys };
static struct footfall__store store = { &backend, NULL, 0 };
static struct footfall__identity identity;

static void open_identity(int64_t window_ms)
{
    uint8_t *secret = footfall__malloc(32);
    struct footfall_error err;
    for (uint8_t i = 0; i < 32; i++)
        secret[i] = i;
    memset(keys, 0, sizeof keys);
    puts_seen = drops_seen = 0;
    assert_int_equal(footfall__identity_init(&identity, secret, 32, window_ms, &err), FOOTFALL_OK);
}

static int fetch(int64_t now_ms, int64_t wall_ms, int make)
{
    char text[100] = "";
    int other = 0;
    struct footfall_store_call call = { .wall_ms = wall_ms, .text = text, .text_bytes = sizeof text };
    return footfall__identity_fetch(&identity, now_ms, make, &store, &call, &other);
}

static int ids(struct footfall_store_op *op, const char *address, const char *agent, int64_t now_ms, int64_t wall_ms)
{
    struct footfall__hasher h;
    struct footfall__person person;
    char copy[64] = "";
    int rc;
    memset(op, 0, sizeof *op);
    memset(&person, 0, sizeof person);
    op->kind = FOOTFALL_STORE_VISIT;
    op->name = "/index.html";
    op->name_bytes = strlen(op->name);
    op->now_ms = now_ms;
    if (agent != NULL) {
        person.agent_bytes = strlen(agent);
        memcpy(copy, agent, person.agent_bytes + 1);
        person.agent = copy;
    }
    assert_int_equal(footfall__address_parse(&person.address, address, 32, 64, NULL), FOOTFALL_OK);
    footfall__hasher_begin(&h, &identity);
    rc = footfall__hasher_visitor(&h, op, &person, wall_ms);
    footfall__hasher_end(&h);
    return rc;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------ */

static void vectors(void **state)
{
    static const struct {
        const char *address, *agent, *id;
    } cases[] = {
        { "203.0.113.7", NULL, "5c7c48171d401356508731ebba4a3b64" },
        { "::ffff:203.0.113.7", NULL, "5c7c48171d401356508731ebba4a3b64" },
        { "2001:db8:1:2:3:4:5:6", NULL, "4ddca7ffb3cef1cd361464cc0644fe9a" },
        { "2001:db8:1:2::1", NULL, "4ddca7ffb3cef1cd361464cc0644fe9a" },
        { "fe80::1%eth0", NULL, "c07a3d0847bdccf51c383ad603db36d9" },
        { "203.0.113.7", "Mozilla/5.0", "a3861b3b7588b0ed8aa168654d4d8ab7" },
        { "203.0.113.7", "", "b9348c080ba027b27f029e9ca3eb2837" },
    };
    struct footfall_store_op op;
    char hex[33];
    (void)state;
    fixed_key = 1;
    open_identity(DAY);
    assert_int_equal(fetch(5 * DAY, 5 * DAY, 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ids(&op, cases[i].address, cases[i].agent, 5 * DAY, 5 * DAY), 0);
        footfall__hex(hex, op.ids[0].bytes, 16);
        assert_string_equal(hex, cases[i].id);
    }
    footfall__identity_destroy(&identity);
    fixed_key = 0;
}

static void both_ids_in_the_first_hour(void **state)
{
    struct footfall_store_op early, late, before;
    (void)state;
    open_identity(DAY);
    assert_int_equal(ids(&early, "192.0.2.1", NULL, 9 * DAY, 9 * DAY), 1); /* no key at hand: nothing filled in */
    assert_int_equal(early.id_count, 0);
    assert_int_equal(fetch(9 * DAY, 9 * DAY, 1), 0);
    assert_int_equal(puts_seen, 2); /* the one before too: somebody with a slower clock may be there still */
    assert_int_equal(ids(&early, "192.0.2.1", NULL, 9 * DAY + HOUR - 1, 9 * DAY), 0);
    assert_int_equal(early.id_count, 2);
    assert_int_equal(early.write_count, 2);
    assert_true(early.epochs[0] == 9 && early.epochs[1] == 8);
    assert_int_equal(ids(&late, "192.0.2.1", NULL, 9 * DAY + HOUR, 9 * DAY), 0);
    assert_int_equal(late.id_count, 2);
    assert_int_equal(late.write_count, 1);
    assert_int_equal(fetch(9 * DAY - 1, 9 * DAY, 1), 0);
    assert_int_equal(ids(&before, "192.0.2.1", NULL, 9 * DAY - 1, 9 * DAY), 0);
    assert_memory_equal(before.ids[0].bytes, early.ids[1].bytes, 16);
    assert_memory_not_equal(early.ids[0].bytes, early.ids[1].bytes, 16);
    footfall__identity_destroy(&identity);
}

static void first_epoch_and_forever_have_one_id(void **state)
{
    struct footfall_store_op op;
    (void)state;
    open_identity(DAY);
    assert_int_equal(fetch(5, 5, 1), 0);
    assert_int_equal(ids(&op, "192.0.2.1", NULL, 5, 5), 0);
    assert_true(op.id_count == 1 && op.write_count == 1);
    footfall__identity_destroy(&identity);
    open_identity(INT64_MAX);
    assert_int_equal(fetch(100 * 365 * DAY, 5, 1), 0);
    assert_int_equal(ids(&op, "192.0.2.1", NULL, 100 * 365 * DAY, INT64_MAX - 1), 0);
    assert_true(op.id_count == 1 && op.write_count == 1 && op.epochs[0] == 0);
    assert_true(keys[0].kept_until == INT64_MAX);
    footfall__identity_destroy(&identity);
}

static void expiry_of_keys(void **state)
{
    struct footfall_store_op op;
    int64_t now = 20 * DAY + 5 * HOUR;
    (void)state;
    open_identity(DAY);
    assert_int_equal(fetch(now, now, 1), 0);
    /* current: end of the next epoch is day 22, two lengths after now is later; previous: the same by now */
    assert_true(keys[0].kept_until == now + 2 * DAY + HOUR);
    assert_true(keys[1].kept_until == now + 2 * DAY + HOUR);
    assert_true(footfall__identity_expire(&identity, now) == now + 2 * DAY + HOUR);
    assert_int_equal(ids(&op, "192.0.2.1", NULL, now, now + 2 * DAY + HOUR - 1), 0);
    assert_int_equal(ids(&op, "192.0.2.1", NULL, now, now + 2 * DAY + HOUR), 1); /* expired: not used any more */
    assert_true(footfall__identity_expire(&identity, now + 2 * DAY + HOUR) == INT64_MAX);
    /* it is still in the store: it goes, and another is made */
    assert_int_equal(fetch(now, now + 2 * DAY + HOUR, 1), 0);
    assert_int_equal(drops_seen, 2);
    assert_int_equal(puts_seen, 4);
    footfall__identity_destroy(&identity);
}

static void looking_makes_nothing(void **state)
{
    struct footfall_store_op op;
    (void)state;
    open_identity(DAY);
    assert_int_equal(fetch(9 * DAY, 9 * DAY, 0), 0);
    assert_int_equal(puts_seen, 0);
    assert_int_equal(ids(&op, "192.0.2.1", NULL, 9 * DAY, 9 * DAY), 1);
    footfall__identity_destroy(&identity);
}

static void fingerprints_tell_operations_apart(void **state)
{
    struct footfall__hasher h;
    struct footfall_store_op add = { .kind = FOOTFALL_STORE_ADD, .a = 5 };
    struct footfall_store_op same = { .kind = FOOTFALL_STORE_ADD, .a = 5, .now_ms = 99 };
    struct footfall_store_op more = { .kind = FOOTFALL_STORE_ADD, .a = 6 };
    struct footfall_store_op set = { .kind = FOOTFALL_STORE_SET, .a = 5 };
    struct footfall_store_op swapped = { .kind = FOOTFALL_STORE_SET, .b = 5 };
    uint8_t token[2][16];
    (void)state;
    open_identity(DAY);
    footfall__hasher_begin(&h, &identity);
    assert_int_equal(footfall__hasher_fingerprint(&h, &add), 0);
    assert_int_equal(footfall__hasher_fingerprint(&h, &same), 0);
    assert_int_equal(footfall__hasher_fingerprint(&h, &more), 0);
    assert_int_equal(footfall__hasher_fingerprint(&h, &set), 0);
    assert_int_equal(footfall__hasher_fingerprint(&h, &swapped), 0);
    assert_memory_equal(add.fingerprints[0], same.fingerprints[0], 16);
    assert_memory_not_equal(add.fingerprints[0], more.fingerprints[0], 16);
    assert_memory_not_equal(add.fingerprints[0], set.fingerprints[0], 16);
    assert_memory_not_equal(set.fingerprints[0], swapped.fingerprints[0], 16);
    assert_int_equal(footfall__hasher_token(&h, token[0], "a\0b", 3), 0);
    assert_int_equal(footfall__hasher_token(&h, token[1], "a\0c", 3), 0);
    assert_memory_not_equal(token[0], token[1], 16);
    footfall__hasher_end(&h);
    footfall__identity_destroy(&identity);
}

static void many_epochs_at_hand(void **state)
{
    struct footfall_store_op op;
    (void)state;
    open_identity(DAY);
    for (int64_t day = 100; day < 106; day++) {
        memset(keys, 0, sizeof keys); /* whatever the store does, at most 64 keys are kept */
        for (int64_t i = 0; i < 15; i++) {
            assert_int_equal(fetch(day * 20 * DAY + i * DAY, day * DAY, 1), 0);
            assert_int_equal(ids(&op, "192.0.2.1", NULL, day * 20 * DAY + i * DAY, day * DAY), 0);
        }
    }
    assert_true(identity.epoch_count <= FOOTFALL__EPOCHS_KEPT);
    footfall__identity_destroy(&identity);
}

static void saturating(void **state)
{
    (void)state;
    assert_true(footfall__add_saturated(INT64_MAX - 1, 1) == INT64_MAX);
    assert_true(footfall__add_saturated(INT64_MAX, 1) == INT64_MAX);
    assert_true(footfall__add_saturated(-5, 7) == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(both_ids_in_the_first_hour),
        cmocka_unit_test(first_epoch_and_forever_have_one_id),
        cmocka_unit_test(expiry_of_keys),
        cmocka_unit_test(looking_makes_nothing),
        cmocka_unit_test(fingerprints_tell_operations_apart),
        cmocka_unit_test(many_epochs_at_hand),
        cmocka_unit_test(saturating),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
