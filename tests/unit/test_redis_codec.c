/* test_redis_codec.c: operations packed for scripts/apply.lua, unpacked here by hand, and the script's answers taken apart: each
 * letter, and answers that are none. */
#include "test_redis.h"

#include "alloc.h"

enum { OPS = 8 };
#define HOUR INT64_C(3600000)

static struct footfall_store_op ops[OPS];
static uint32_t next[OPS];
static struct footfall_store store = { .next = next };
static const struct redis_group group = { .first = 0 };

static void begin(void)
{
    memset(ops, 0, sizeof(ops));
}

/* The first `count` operations are the group. */
static void link_ops(size_t count)
{
    for (uint32_t i = 0; i < count; i++)
        next[i] = i + 1 < count ? i + 1 : UINT32_MAX;
}

/* ---- packing --------------------------------------------------------------------------------------------------------------- */

static const uint8_t *at, *end;

static void pack(size_t count, const struct footfall_store_call *call)
{
    link_ops(count);
    assert_int_equal(footfall__redis_encode(&store, &group, ops, call), 0);
    at = (const uint8_t *)store.packed.at;
    end = at + store.packed.count;
    at += 16; /* the times between which it may run */
}

static uint64_t take(size_t bytes)
{
    uint64_t value = 0;
    assert_in_range(bytes, 0, end - at);
    while (bytes-- > 0)
        value = value << 8 | *at++;
    return value;
}

static void expect_run(unsigned kind, unsigned flags, unsigned count)
{
    assert_int_equal(take(1), kind);
    assert_int_equal(take(1), flags);
    assert_int_equal(take(2), count);
}

static void expect_text(const char *wanted) /* and its NUL */
{
    assert_memory_equal(at, wanted, strlen(wanted) + 1);
    at += strlen(wanted) + 1;
}

static void expect_bytes(uint8_t byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(take(1), byte);
}

/* Two limbs of base 10^10, the low one never negative, as the script adds them. */
static void expect_limbs(int64_t value)
{
    int32_t high = (int32_t)take(4);
    int64_t low = (int64_t)take(8);
    assert_in_range(low, 0, 9999999999);
    if (value < 0 && high < 0) /* built downwards, so that the lowest number does not overflow on the way */
        assert_true(((int64_t)high + 1) * 10000000000 + (low - 10000000000) == value);
    else
        assert_true((int64_t)high * 10000000000 + low == value);
}

static void numbers_are_packed_exactly(void **state)
{
    static const int64_t numbers[] = {
        0, 1, -1, 9999999999, 10000000000, -9999999999, -10000000000, -10000000001, INT64_MAX, INT64_MIN, INT64_MIN + 1,
        42
    };
    struct footfall_store_call call = call_now();
    (void)state;
    begin();
    for (size_t i = 0; i + 1 < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ops[0] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_ADD, .a = numbers[i] };
        ops[1] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_SET, .a = numbers[i], .b = numbers[i + 1] };
        ops[2] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_DELETE, .must_exist = 1 };
        pack(3, &call);
        expect_run(1, 0, 1);
        expect_limbs(numbers[i]);
        expect_run(3, 0, 1);
        expect_limbs(numbers[i]);
        expect_limbs(numbers[i + 1]);
        expect_run(4, 16, 1);
        assert_ptr_equal(at, end);
        assert_int_equal(store.places.count, 0);
    }
}

static struct footfall_store_op visit(int64_t now_ms, int64_t window_ms)
{
    struct footfall_store_op op = { .kind = FOOTFALL_STORE_VISIT, .now_ms = now_ms, .window_ms = window_ms };
    op.id_count = op.write_count = 1;
    op.epochs[0] = now_ms / (24 * HOUR);
    op.expire_ms = now_ms + window_ms;
    memset(op.ids, 0xa1, sizeof(op.ids[0]));
    memset(&op.ids[1], 0xa2, sizeof(op.ids[1]));
    return op;
}

static void what_visits_have_in_common_is_packed_once(void **state)
{
    struct footfall_store_call call = call_now();
    (void)state;
    begin();
    call.wall_ms = 100 * HOUR;
    ops[0] = ops[1] = ops[2] = ops[3] = visit(100 * HOUR, HOUR);
    ops[1].expire_ms += HOUR; /* the longest counts */
    ops[2].sliding = 1;
    ops[3].sliding = 1;
    ops[3].epochs[0] = -12;
    ops[3].expire_ms = FOOTFALL_STORE_FOREVER;
    ops[3].window_ms = FOOTFALL_STORE_FOREVER;
    pack(4, &call);
    expect_run(2, 0, 2);
    assert_int_equal(take(8), HOUR);
    assert_int_equal(take(8), 2 * HOUR);
    assert_int_equal(take(8), 20 * HOUR + 2 * HOUR); /* the fifth day ends at 120 h */
    expect_text("4");
    expect_text("");
    for (int i = 0; i < 2; i++) {
        expect_bytes(0xa1, 16);
        assert_int_equal(take(8), 100 * HOUR);
        assert_int_equal(take(3), 0xa1a1a1);
    }
    expect_run(2, 1, 1);
    (void)take(24);
    expect_text("4");
    expect_text("");
    (void)take(27);
    expect_run(2, 1 + 8, 1);
    assert_int_equal(take(8), INT64_C(1) << 52);
    assert_int_equal(take(8), INT64_C(1) << 52);
    assert_int_equal(take(8), 0);
    expect_text("-12");
    expect_text("");
    (void)take(27);
    assert_ptr_equal(at, end);
}

static void second_ids_tokens_and_places_are_packed(void **state)
{
    struct footfall_store_call call = call_now();
    static const uint8_t token[17] = "\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70\x70";
    (void)state;
    begin();
    call.series = token;
    ops[0] = visit((INT64_C(1) << 52) - 1, HOUR);
    ops[0].id_count = 2;
    ops[0].epochs[0] = INT64_MIN;
    ops[0].epochs[1] = INT64_MAX;
    ops[0].token = token;
    ops[0].token_expire_ms = 5;
    ops[0].series_at = 7;
    memset(ops[0].fingerprints[0], 0xf1, 16);
    memset(ops[0].fingerprints[1], 0xf2, 16);
    ops[1] = ops[0];
    ops[1].kind = FOOTFALL_STORE_FORGET;
    ops[1].write_count = 2;
    ops[1].series_at = 0x01020304;
    ops[2] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_DELETE, .token = token, .token_expire_ms = INT64_MAX };
    memset(ops[2].fingerprints[0], 0xf3, 16);
    pack(3, &call);
    for (int i = 0; i < 2; i++) {
        expect_run(i == 0 ? 2 : 5, 2 + 32 + 64 + (i == 0 ? 0 : 4), 1);
        (void)take(24);
        expect_text("-9223372036854775808");
        expect_text("9223372036854775807");
        expect_bytes(0x70, 16);
        assert_int_equal(take(8), 5);
        assert_int_equal(take(1), 16 * (i + 1));
        assert_int_equal(take(1), 32);
        expect_bytes(0xf1, 16);
        expect_bytes(0xf2, 16);
        expect_bytes(0xa1, 16);
        assert_int_equal(take(8), (INT64_C(1) << 52) - 1);
        assert_int_equal(take(3), 0xa1a1a1);
        expect_bytes(0xa2, 16);
    }
    expect_run(4, 32 + 64, 1);
    expect_bytes(0x70, 16);
    assert_int_equal(take(8), INT64_C(1) << 52);
    assert_int_equal(take(1), 16);
    assert_int_equal(take(1), 16);
    expect_bytes(0xf3, 16);
    expect_bytes(0, 16);
    assert_ptr_equal(at, end);
    assert_int_equal(store.places.count, 12);
    assert_memory_equal(store.places.at, "\0\0\0\7\1\2\3\4\0\0\0\0", 12);
}

static int refuse(void *user)
{
    (void)user;
    return 1;
}

static void what_cannot_be_packed_is_refused(void **state)
{
    struct footfall_store_call call = call_now();
    (void)state;
    begin();
    ops[0] = visit(HOUR, HOUR);
    ops[1] = visit(INT64_C(1) << 52, HOUR);
    link_ops(2);
    assert_int_equal(footfall__redis_encode(&store, &group, ops, &call), FOOTFALL_STORE_UNSUPPORTED);
    footfall__redis_bytes_free(&store.packed);
    link_ops(1);
    footfall__alloc_hook(refuse, NULL);
    assert_int_equal(footfall__redis_encode(&store, &group, ops, &call), FOOTFALL_STORE_NO_MEMORY);
    footfall__alloc_hook(NULL, NULL);
    assert_int_equal(footfall__redis_encode(&store, &group, ops, &call), 0);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static struct footfall_store_result results[OPS];

static int decode(const char *bytes)
{
    redisReply *reply = reply_of(bytes);
    int rc = 0;
    memset(results, 0x5a, sizeof(results));
    rc = footfall__redis_decode(&store, &group, ops, results, reply);
    freeReplyObject(reply);
    return rc;
}

static int decode_letters(const char *total, const char *unique, const char *letters)
{
    char bytes[256];
    (void)snprintf(bytes, sizeof(bytes), "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(total), total,
                   strlen(unique), unique, strlen(letters), letters);
    return decode(bytes);
}

static void expect(int i, int status, int is_new, int replayed, int64_t total, int64_t unique)
{
    const struct footfall_store_result *r = &results[i];
    if (r->status != (enum footfall_store_status)status || r->is_new != is_new || r->replayed != replayed ||
        r->current != replayed || r->total != total || r->unique != unique)
        fail_msg("operation %d: status %d, new %d, replayed %d, current %d, %lld/%lld", i, r->status, r->is_new,
                 r->replayed, r->current, (long long)r->total, (long long)r->unique);
}

/* visit, add 5, set 70/20, visit, delete, forget, add -1, visit */
static void one_of_each(void)
{
    begin();
    ops[0] = ops[3] = ops[7] = visit(HOUR, HOUR);
    ops[1] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_ADD, .a = 5 };
    ops[2] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_SET, .a = 70, .b = 20 };
    ops[4].kind = FOOTFALL_STORE_DELETE;
    ops[5].kind = FOOTFALL_STORE_FORGET;
    ops[6] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_ADD, .a = -1 };
    link_ops(OPS);
}

static void each_operation_gets_its_own_values(void **state)
{
    (void)state;
    one_of_each();
    assert_int_equal(decode_letters("10", "3", "10000001"), 0);
    expect(0, 0, 1, 0, 11, 4);
    expect(1, 0, 0, 0, 16, 4);
    expect(2, 0, 0, 0, 70, 20);
    expect(3, 0, 0, 0, 71, 20);
    expect(4, 0, 0, 0, 71, 20);
    expect(5, 0, 0, 0, 0, 0);
    expect(6, 0, 0, 0, -1, 0);
    expect(7, 0, 1, 0, 0, 1);
    assert_int_equal(decode_letters("10", "3", "rqTGAtga"), 0);
    expect(0, 0, 1, 1, 10, 3);
    expect(1, 0, 0, 1, 10, 3);
    expect(2, FOOTFALL_STORE_TOKEN, 0, 0, 0, 0);
    expect(3, FOOTFALL_STORE_RANGE, 0, 0, 0, 0);
    expect(4, FOOTFALL_STORE_ABSENT, 0, 0, 0, 0);
    expect(5, FOOTFALL_STORE_TOKEN, 0, 1, 0, 0);
    expect(6, FOOTFALL_STORE_RANGE, 0, 1, 0, 0);
    expect(7, FOOTFALL_STORE_ABSENT, 0, 1, 0, 0);
    assert_int_equal(decode_letters("-4", "-3", "0SG0qS0r"),
                     0); /* what was not done moves nothing, a replayed delete neither */
    expect(0, 0, 0, 0, -3, -3);
    expect(1, FOOTFALL_STORE_TEMPORARY, 0, 0, 0, 0);
    expect(3, 0, 0, 0, -2, -3);
    expect(4, 0, 0, 1, -2, -3);
    expect(6, 0, 0, 0, -3, -3);
    expect(7, 0, 1, 1, -3, -3);
}

static void integers_do_for_totals(void **state)
{
    (void)state;
    begin();
    link_ops(1);
    ops[0] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_ADD, .a = INT64_MAX };
    assert_int_equal(decode("*3\r\n:0\r\n:-7\r\n+0\r\n"), 0);
    expect(0, 0, 0, 0, INT64_MAX, -7);
}

static void what_does_not_fit_is_no_answer(void **state)
{
    static const char *const bytes[] = {
        "$8\r\n10000001\r\n",
        ":1\r\n",
        "+OK\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "-ERR x\r\n",
        "*2\r\n:1\r\n:1\r\n",
        "*4\r\n:1\r\n:1\r\n+10000001\r\n:1\r\n",
        "*3\r\n:1\r\n:1\r\n:10000001\r\n",
        "*3\r\n:1\r\n:1\r\n$-1\r\n",
        "*3\r\n:1\r\n:1\r\n-10000001\r\n",
        "*3\r\n:1\r\n:1\r\n*1\r\n+10000001\r\n",
        "*3\r\n$-1\r\n:1\r\n+10000001\r\n",
        "*3\r\n:1\r\n$-1\r\n+10000001\r\n",
        "*3\r\n*0\r\n:1\r\n+10000001\r\n",
        "*3\r\n+10000001\r\n:1\r\n:1\r\n",
    };
    static const char *const letters[] = { "",         "1",        "1000000",  "100000011", "1000000x",
                                           "1000000 ", "100000 1", "11000000", "00100000",  "r00010000" };
    static const char *const numbers[] = { "", "-", "+1", " 1", "1 ", "nil", "1.5", "9223372036854775808" };
    (void)state;
    one_of_each();
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
        if (decode(bytes[i]) != -1)
            fail_msg("%s is taken for an answer", bytes[i]);
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (decode_letters("1", "1", letters[i]) != -1)
            fail_msg("'%s' are taken for answers", letters[i]);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_int_equal(decode_letters(numbers[i], "1", "10000001"), -1);
        assert_int_equal(decode_letters("1", numbers[i], "10000001"), -1);
    }
    assert_int_equal(footfall__redis_decode(&store, &group, ops, results, NULL), -1);
}

static void a_nul_is_no_letter(void **state)
{
    static const char bytes[] = "*3\r\n:1\r\n:1\r\n$2\r\n0\0\r\n";
    redisReply *reply = reply_of_bytes(bytes, sizeof(bytes) - 1);
    (void)state;
    one_of_each();
    link_ops(2);
    assert_int_equal(footfall__redis_decode(&store, &group, ops, results, reply), -1);
    freeReplyObject(reply);
}

static void an_answer_that_leaves_int64_is_none(void **state)
{
    (void)state;
    one_of_each();
    link_ops(2);
    assert_int_equal(decode_letters("9223372036854775801", "0", "10"), 0);
    expect(1, 0, 0, 0, INT64_MAX, 1);
    assert_int_equal(decode_letters("9223372036854775802", "0", "10"), -1);
    assert_int_equal(decode_letters("9223372036854775802", "0", "1G"), 0);
    assert_int_equal(decode_letters("9223372036854775807", "0", "0G"), -1);
    assert_int_equal(decode_letters("0", "9223372036854775807", "10"), -1);
    assert_int_equal(decode_letters("0", "9223372036854775807", "00"), 0);
    ops[1].a = INT64_MIN;
    assert_int_equal(decode_letters("-2", "0", "00"), -1);
    assert_int_equal(decode_letters("-1", "0", "00"), 0);
    expect(1, 0, 0, 0, INT64_MIN, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_packed_exactly),
        cmocka_unit_test(what_visits_have_in_common_is_packed_once),
        cmocka_unit_test(second_ids_tokens_and_places_are_packed),
        cmocka_unit_test(what_cannot_be_packed_is_refused),
        cmocka_unit_test(each_operation_gets_its_own_values),
        cmocka_unit_test(integers_do_for_totals),
        cmocka_unit_test(what_does_not_fit_is_no_answer),
        cmocka_unit_test(a_nul_is_no_letter),
        cmocka_unit_test(an_answer_that_leaves_int64_is_none),
    };
    int failed = cmocka_run_group_tests_name("redis codec", tests, NULL, NULL);
    footfall__redis_bytes_free(&store.packed);
    footfall__redis_bytes_free(&store.places);
    return failed;
}
