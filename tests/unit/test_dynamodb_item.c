/* test_dynamodb_item.c: keys of items, attributes to JSON and back, and items that are none of ours. */
#include "dynamodb_unit.h"

#include "group.h"

#include <inttypes.h>

/* ---- keys --------------------------------------------------------------------------------------------------------------------- */

static char longest[DYNAMODB_NAME_BYTES];

static struct dynamodb_name name_of(const char *text)
{
    struct dynamodb_name name = { text, strlen(text) };
    return name;
}

static void is_pk(const struct dynamodb_key *key, const char *pk, size_t bytes)
{
    assert_int_equal(key->pk_bytes, bytes);
    assert_memory_equal(key->pk, pk, bytes);
}

static void keys(void **state)
{
    static const uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 0xa5, 1, 2, 3 };
    static const uint8_t token[16] = { 9, 8 };
    static const char *const odd[] = {
        "a", " ", "/", "\xc3\xa9", "a:b#c", "\\\"'", "{\"pk\"}", "\xf0\x9f\x91\xa3", "-0"
    };
    struct dynamodb_key key;
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        json_t *json = NULL;
        footfall__dynamodb_counter_key(&key, name_of(odd[i]));
        is_pk(&key, odd[i], strlen(odd[i]));
        assert_int_equal(key.sk_bytes, 1);
        assert_int_equal(key.sk[0], 0);
        json = footfall__dynamodb_key_json(&key);
        assert_true(footfall__dynamodb_has_key(json, &key));
        assert_string_equal(json_string_value(json_object_get(json_object_get(json, "pk"), "S")), odd[i]);
        key.pk[0] ^= 1;
        assert_false(footfall__dynamodb_has_key(json, &key));
        json_decref(json);
    }
    footfall__dynamodb_visitor_key(&key, name_of("n"), 0, id);
    is_pk(&key,
          "n\0"
          "0\0"
          "a",
          5);
    assert_int_equal(key.sk_bytes, FOOTFALL_STORE_ID_BYTES);
    assert_memory_equal(key.sk, id, sizeof(id));
    footfall__dynamodb_visitor_key(&key, name_of("n"), INT64_MAX, id);
    is_pk(&key,
          "n\0"
          "9223372036854775807\0"
          "a",
          23);
    footfall__dynamodb_other_key(&key, name_of("n"), 't', token, sizeof(token));
    is_pk(&key, "n\0t", 3);
    assert_memory_equal(key.sk, token, sizeof(token));
}

/* The longest name with the longest generation has room. */
static void longest_keys(void **state)
{
    static const uint8_t id[FOOTFALL_STORE_ID_BYTES] = { 0x0f };
    const struct dynamodb_name name = { longest, sizeof(longest) };
    struct dynamodb_key key;
    json_t *json = NULL;
    (void)state;
    memset(longest, 'x', sizeof(longest));
    footfall__dynamodb_visitor_key(&key, name, INT64_MIN, id);
    assert_int_equal(key.pk_bytes, sizeof(longest) + 1 + 20 + 2);
    assert_true(key.pk_bytes <= sizeof(key.pk));
    assert_int_equal(key.pk[key.pk_bytes - 1], '0');
    json = footfall__dynamodb_key_json(&key);
    assert_true(footfall__dynamodb_has_key(json, &key));
    json_decref(json);
}

static void other_keys(void **state)
{
    static const char *const others[] = { "{}",
                                          "[]",
                                          "null",
                                          "{'pk':{'S':'n'}}",
                                          "{'sk':{'B':'AA=='}}",
                                          "{'pk':{'S':'n'},'sk':{'B':'AAA='}}",
                                          "{'pk':{'S':'n'},'sk':{'B':'AQ=='}}",
                                          "{'pk':{'S':'n'},'sk':{'S':'AA=='}}",
                                          "{'pk':{'B':'n'},'sk':{'B':'AA=='}}",
                                          "{'pk':'n','sk':{'B':'AA=='}}",
                                          "{'pk':{'S':'n\\u0000'},'sk':{'B':'AA=='}}",
                                          "{'pk':{'S':''},'sk':{'B':'AA=='}}",
                                          "{'pk':{'S':'n'},'sk':{'B':'AA==AA=='}}",
                                          "{'pk':{'S':'n'},'sk':{'B':''}}" };
    struct dynamodb_key key;
    (void)state;
    footfall__dynamodb_counter_key(&key, name_of("n"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *item = json_of(others[i]);
        if (footfall__dynamodb_has_key(item, &key))
            fail_msg("%s has it", others[i]);
        json_decref(item);
    }
    assert_false(footfall__dynamodb_has_key(NULL, &key));
}

/* ---- attributes --------------------------------------------------------------------------------------------------------------- */

static void numbers(void **state)
{
    static const int64_t known[] = { 0, 1, -1, 10, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1 };
    static const char *const bad[] = { "''",
                                       "' 1'",
                                       "'1 '",
                                       "'+1'",
                                       "'1.0'",
                                       "'1e3'",
                                       "'0x10'",
                                       "'9223372036854775808'",
                                       "'--1'",
                                       "'-'",
                                       "'-9223372036854775809'",
                                       "'one'",
                                       "7",
                                       "null",
                                       "true",
                                       "[]",
                                       "{}",
                                       "'\\t1'",
                                       "'\\n1'",
                                       "'1\\n'",
                                       "'99999999999999999999999999999999999999'",
                                       "'1\\u00002'",
                                       "'\\u0000'",
                                       "'NaN'" };
    int64_t number = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        json_t *item = json_object();
        assert_int_equal(footfall__dynamodb_put(item, "n", footfall__dynamodb_n(known[i])), 0);
        assert_int_equal(footfall__dynamodb_take_n(item, "n", &number), 1);
        assert_true(number == known[i]);
        assert_int_equal(footfall__dynamodb_take_n(item, "m", &number), 0);
        json_decref(item);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *text = support_format("{'n':{'N':%s}}", bad[i]);
        json_t *item = json_of(text);
        if (footfall__dynamodb_take_n(item, "n", &number) != -1)
            fail_msg("%s is a number: %" PRId64, bad[i], number);
        json_decref(item);
        free(text);
    }
    {
        json_t *item = json_of("{'a':{'S':'1'},'b':'1','c':null,'d':{},'e':1}");
        static const char *const names[] = { "a", "b", "c", "d", "e" };
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(footfall__dynamodb_take_n(item, names[i], &number), -1);
        json_decref(item);
    }
}

static void bytes(void **state)
{
    uint8_t all[600];
    uint8_t back[600];
    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)(i * 7);
    for (size_t count = 1; count <= sizeof(all); count += count < 40 ? 1 : 37) {
        json_t *item = json_object();
        size_t got = 0;
        assert_int_equal(footfall__dynamodb_put(item, "b", footfall__dynamodb_b(all, count)), 0);
        assert_int_equal(footfall__dynamodb_take_b(item, "b", back, sizeof(back), &got), 1);
        assert_int_equal(got, count);
        assert_memory_equal(back, all, count);
        assert_int_equal(footfall__dynamodb_take_b(item, "b", back, count, &got), 1);
        assert_int_equal(footfall__dynamodb_take_b(item, "b", back, count - 1, &got), -1);
        assert_int_equal(footfall__dynamodb_take_b(item, "c", back, count, &got), 0);
        json_decref(item);
    }
}

static void bad_bytes(void **state)
{
    static const char *const bad[] = { "''",
                                       "'A'",
                                       "'AA'",
                                       "'AAA'",
                                       "'AAAA='",
                                       "'!!!!'",
                                       "'AA=A'",
                                       "'A==='",
                                       "'===='",
                                       "'=AAA'",
                                       "'AA==AAAA'",
                                       "'AAA=AAA='",
                                       "' AAA'",
                                       "'AAA '",
                                       "'AAA\\n'",
                                       "'    '",
                                       "'AAAA    '",
                                       "'    AAAA'",
                                       "'AA==\\n\\n\\n\\n'",
                                       "'AA\\u0000='",
                                       "'\\u00e9\\u00e9'",
                                       "'AA-_'",
                                       "7",
                                       "null",
                                       "[]",
                                       "{}" };
    uint8_t out[64];
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *text = support_format("{'b':{'B':%s}}", bad[i]);
        json_t *item = json_of(text);
        if (footfall__dynamodb_take_b(item, "b", out, sizeof(out), &count) != -1)
            fail_msg("%s is base64", bad[i]);
        json_decref(item);
        free(text);
    }
}

/* ---- items -------------------------------------------------------------------------------------------------------------------- */

#define MARK "{'B':'AQIDBAUGBwgJCgsM'}"

static int take_counter(const char *text, struct dynamodb_counter_item *out)
{
    json_t *item = json_of(text);
    int rc = footfall__dynamodb_take_counter(out, item);
    json_decref(item);
    return rc;
}

static void counters(void **state)
{
    static const char *const bad[] = { "[]",
                                       "null",
                                       "'x'",
                                       "7",
                                       "{'t':{'S':'1'}}",
                                       "{'t':{'N':'x'}}",
                                       "{'u':{'N':1}}",
                                       "{'g':{'N':''}}",
                                       "{'r':{}}",
                                       "{'m3':{'B':'AAAA'}}",
                                       "{'m3':{'S':'AQIDBAUGBwgJCgsM'}}",
                                       "{'mf':{'B':'AQIDBAUGBwgJCgsMDQ=='}}",
                                       "{'x3':{'N':'1.5'}}",
                                       "{'y0':null}",
                                       "{'m0':null}" };
    struct dynamodb_counter_item c;
    (void)state;
    assert_int_equal(footfall__dynamodb_take_counter(&c, NULL), 0);
    assert_false(c.exists);
    assert_int_equal(take_counter("{'pk':{'S':'n'},'sk':{'B':'AA=='},'g':{'N':'2'},'r':{'N':'5'},'d':{'S':'x'}}", &c),
                     0);
    assert_true(!c.exists && c.t == 0 && c.u == 0 && c.g == 2 && c.r == 5);
    assert_int_equal(
        take_counter("{'t':{'N':'-7'},'u':{'N':'3'},'m3':" MARK ",'x3':{'N':'1'},'y3':{'N':'2'},'mf':" MARK "}", &c),
        0);
    assert_true(c.exists && c.t == -7 && c.u == 3 && c.slots[3].used && c.slots[3].x == 1 && c.slots[3].y == 2);
    assert_true(c.slots[15].used && c.slots[15].x == 0 && !c.slots[0].used);
    assert_int_equal(c.slots[3].mark.bytes[11], 12);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (take_counter(bad[i], &c) != -1)
            fail_msg("%s is a counter", bad[i]);
}

static int take_record(const char *text, struct dynamodb_record *out)
{
    json_t *item = json_of(text);
    int rc = footfall__dynamodb_take_record(out, item);
    json_decref(item);
    return rc;
}

static void records(void **state)
{
    static const char *const bad[] = { "[]",
                                       "null",
                                       "'x'",
                                       "{'s':{'S':'1'}}",
                                       "{'s':{'N':'-1'}}",
                                       "{'s':{'N':'-9223372036854775808'}}",
                                       "{'r':{'N':'x'}}",
                                       "{'e':{'N':1}}",
                                       "{'c':{'B':'AAAA'}}",
                                       "{'c':7}" };
    struct dynamodb_record r;
    (void)state;
    assert_int_equal(footfall__dynamodb_take_record(&r, NULL), 0);
    assert_false(r.there);
    assert_int_equal(take_record("{}", &r), 0);
    assert_false(r.there);
    assert_int_equal(take_record("{'s':{'N':'9'},'r':{'N':'1'}}", &r), 0);
    assert_true(r.there && r.s == 9 && r.r == 1 && r.e == 0 && !r.claimed);
    assert_int_equal(take_record("{'s':{'N':'9'},'e':{'N':'4'},'c':" MARK "}", &r), 0);
    assert_true(r.there && r.r == 0 && r.e == 4 && r.claimed && r.c.bytes[0] == 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (take_record(bad[i], &r) != -1)
            fail_msg("%s is a record", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),     cmocka_unit_test(longest_keys), cmocka_unit_test(other_keys),
        cmocka_unit_test(numbers),  cmocka_unit_test(bytes),        cmocka_unit_test(bad_bytes),
        cmocka_unit_test(counters), cmocka_unit_test(records),
    };
    return cmocka_run_group_tests_name("dynamodb items", tests, NULL, NULL);
}
