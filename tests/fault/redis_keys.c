/* redis_keys.c: what stands in Redis: names of keys and their slots, nothing of a visitor in plain, expiries, what is left after a
 * deletion, and how many visitors a hash holds. Run it by with_redis.py --appendonly always. */
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"
#include "redis_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 30000, HOUR_MS = 3600000, DAY_MS = 86400000, SLACK_MS = 300000 /* a run may take that long */ };

/* Visits by the visitors first … first + count - 1, in one call; how many were new. */
static size_t visit_all(struct footfall *ff, const char *name, uint32_t first, uint32_t count)
{
    struct footfall_op *ops = calloc(count, sizeof *ops);
    struct footfall_visitor *people = calloc(count, sizeof *people);
    struct footfall_result *results = calloc(count, sizeof *results);
    char(*addresses)[16] = calloc(count, sizeof *addresses);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_error err;
    size_t fresh = 0;
    if (ops == NULL || people == NULL || results == NULL || addresses == NULL)
        support_die("calloc");
    call.wait_ms = LONG_MS;
    for (uint32_t i = 0; i < count; i++) {
        support_address(addresses[i], first + i);
        people[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        people[i].address = addresses[i];
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        ops[i].name = name;
        ops[i].visitor = &people[i];
    }
    EXPECT_FAULT(footfall_apply(ff, ops, count, &call, results, &err), err, FOOTFALL_OK, NULL);
    for (uint32_t i = 0; i < count; i++)
        fresh += (results[i].flags & FOOTFALL_IS_NEW) != 0;
    free(ops);
    free(people);
    free(results);
    free(addresses);
    return fresh;
}

/* One of everything that makes a key. */
static void touch_all(struct footfall *ff, const char *name)
{
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    struct footfall_error err;
    who.address = "198.51.100.77";
    who.user_agent = "an agent in plain";
    call.token = "a token in plain";
    call.token_bytes = 16;
    EXPECT_FAULT(footfall_visit(ff, name, &who, &call, NULL, &err), err, FOOTFALL_OK, NULL);
    who.address = "2001:db8:7777:6666::1";
    EXPECT_FAULT(footfall_visit(ff, name, &who, NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    call = (struct footfall_call)FOOTFALL_CALL_INIT;
    call.series = (const uint8_t *)"sixteen bytes :)";
    op.name = name;
    op.delta = 1;
    EXPECT_FAULT(footfall_apply(ff, &op, 1, &call, &r, &err), err, FOOTFALL_OK, NULL);
}

/* What decides the slot, of every key of a counter: the same for all keys of one, another for each counter. */
static void slots(void **state)
{
    static const char *const names[] = { "{a}", "}{", "a%7Bb", "a{b", "%", "{}", "plain", "x}:v:{y", "{a" };
    struct footfall *ff = redis_open("f", "redis.lanes", "1", NULL);
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        touch_all(ff, names[i]);
    REDIS_SAYS("%25=5\n%7B%7D=5\n%7Ba%7D=5\n%7Ba=5\n%7D%7B=5\na%257Bb=5\na%7Bb=5\nplain=5\nx%7D:v:%7By=5", "EVAL",
               "local tags, out = {}, {} "
               "for _, key in ipairs(redis.call('KEYS', '*')) do "
               "  if not string.find(key, '^f:epoch') and key ~= 'f:names' then "
               "    local tag = string.match(key, '^f:{([^{}]+)}') or 'none' "
               "    tags[tag] = (tags[tag] or 0) + 1 "
               "  end "
               "end "
               "for tag, count in pairs(tags) do out[#out + 1] = tag .. '=' .. count end "
               "table.sort(out) return table.concat(out, '\\n')",
               "0");
    footfall_close(ff);
}

/* How many keys hold one of these texts anywhere. */
static int64_t keys_with(const char *one, const char *two)
{
    return REDIS_NUMBER("EVAL",
                        "local count = 0 "
                        "local function has(text) return string.find(text, ARGV[1], 1, true) or string.find(text, "
                        "ARGV[2], 1, true) end "
                        "for _, key in ipairs(redis.call('KEYS', '*')) do "
                        "  local kind, all = redis.call('TYPE', key).ok, nil "
                        "  if kind == 'string' then all = { redis.call('GET', key) } "
                        "  elseif kind == 'hash' then all = redis.call('HGETALL', key) "
                        "  elseif kind == 'zset' then all = redis.call('ZRANGE', key, 0, -1) "
                        "  else all = redis.call('LRANGE', key, 0, -1) end "
                        "  all[#all + 1] = key "
                        "  for _, text in ipairs(all) do if has(text) then count = count + 1 break end end "
                        "end return count",
                        "0", one, two);
}

static void nothing_of_a_visitor_in_plain(void **state)
{
    struct footfall *ff = redis_open("f", "visitor", "address+agent", NULL);
    (void)state;
    touch_all(ff, "x");
    assert_int_equal(redis_key_count("f:{x}:*"), 4); /* mark, visitors, token, series */
    assert_int_equal(keys_with("198.51.100.77", "198.51.100"), 0);
    assert_int_equal(keys_with("2001:db8:7777:6666", "2001:db8"), 0);
    assert_int_equal(keys_with("\xc6\x33\x64\x4d", "\x20\x01\x0d\xb8\x77\x77\x66\x66"), 0);
    assert_int_equal(keys_with("in plain", "agent"), 0);
    assert_int_equal(keys_with(SUPPORT_SECRET, "secret"), 0);
    REDIS_OK("SET", "control", "at 198.51.100.77");
    assert_int_equal(keys_with("198.51.100.77", "2001:db8"), 1);
    footfall_close(ff);
}

/* The shortest life of the keys that match, in ms; -1 when one has no end, and none that does not match counts. */
static int64_t shortest_life(const char *pattern)
{
    return REDIS_NUMBER("EVAL",
                        "local least = false "
                        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do "
                        "  local left = redis.call('PTTL', key) "
                        "  if not least or left < least then least = left end "
                        "end return least or -3",
                        "0", pattern);
}

static void expect_lives(const char *window, int64_t window_ms, const char *mode)
{
    struct footfall *ff = NULL;
    char *everything = NULL;
    REDIS_OK("FLUSHALL");
    ff = redis_open("f", "window", window, "window_mode", mode, NULL);
    (void)visit_all(ff, "x", 0, 150);
    touch_all(ff, "x");
    assert_true(redis_key_count("f:{x}:v:*") > 3);
    assert_true(shortest_life("f:{x}:v:*") >= window_ms + HOUR_MS - SLACK_MS);
    assert_true(shortest_life("f:{x}:m:*") > 0);
    assert_true(shortest_life("f:{x}:t:*") >= 600000 - SLACK_MS);
    assert_true(shortest_life("f:{x}:s:*") >= 900000 - SLACK_MS);
    assert_true(shortest_life("f:epoch:*") >= 2 * (window_ms > DAY_MS ? window_ms : DAY_MS) + HOUR_MS - SLACK_MS);
    everything = support_redis_command("EVAL",
                                       "local out = {} for _, key in ipairs(redis.call('KEYS', '*')) do "
                                       "if redis.call('PTTL', key) == -1 then out[#out + 1] = key end end "
                                       "table.sort(out) return table.concat(out, ' ')",
                                       "0", NULL);
    assert_string_equal(everything, "f:epochs f:names f:{x}");
    free(everything);
    footfall_close(ff);
}

static void lives_of_keys(void **state)
{
    (void)state;
    expect_lives("1s", 1000, "fixed");
    expect_lives("24h", DAY_MS, "fixed");
    expect_lives("24h", DAY_MS, "sliding");
    expect_lives("30d", INT64_C(30) * DAY_MS, "fixed");
    expect_lives("3650d", INT64_C(3650) * DAY_MS, "sliding");
}

static void forever_has_no_end(void **state)
{
    struct footfall *ff = redis_open("f", "window", "forever", NULL);
    (void)state;
    (void)visit_all(ff, "x", 0, 150);
    touch_all(ff, "x");
    assert_int_equal(REDIS_NUMBER("EVAL",
                                  "local ends = 0 for _, pattern in ipairs(ARGV) do "
                                  "for _, key in ipairs(redis.call('KEYS', pattern)) do "
                                  "if redis.call('PTTL', key) ~= -1 then ends = ends + 1 end end end return ends",
                                  "0", "f:{x}:v:*", "f:epoch:*"),
                     0);
    assert_true(redis_key_count("f:{x}:v:*") > 3);
    assert_int_equal(redis_key_count("f:epoch:*"), 1);
    assert_true(shortest_life("f:{x}:m:*") > 0);
    footfall_close(ff);
}

static void nothing_is_left_of_a_deleted_counter(void **state)
{
    enum { PEOPLE = 5000, SLICE = 700 };
    struct footfall *ff = redis_open("f", "window", "forever", "redis.lanes", "1", NULL);
    struct footfall_purge_result purged = { 0, 0, 0, 0 };
    struct footfall_error err;
    int64_t gone = 0;
    (void)state;
    assert_int_equal(visit_all(ff, "x", 0, PEOPLE), PEOPLE);
    EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
    assert_int_equal(visit_all(ff, "y", 0, 100), 100);
    while (!purged.done) {
        EXPECT_FAULT(footfall_purge(ff, FOOTFALL_NOW, SLICE, NULL, &purged, &err), err, FOOTFALL_OK, NULL);
        assert_in_range(purged.visitors, 0, SLICE);
        gone += purged.visitors;
    }
    assert_int_equal(gone, PEOPLE);
    assert_int_equal(redis_key_count("f:{x}*"), 1);
    assert_int_equal(redis_key_count("f:{x}:m:*"), 1);
    assert_int_equal(redis_key_count("f:dead"), 0);
    REDIS_SAYS("y", "ZRANGE", "f:names", "0", "-1");
    assert_int_equal(visit_all(ff, "y", 0, 100), 0);
    footfall_close(ff);
}

/* Deleted, counted anew, and deleted again while purge is half done: the living are never purged. */
static void purge_spares_the_living(void **state)
{
    struct footfall *ff = redis_open("f", "window", "forever", "redis.lanes", "1", NULL);
    struct footfall_purge_result purged = { 0, 0, 0, 0 };
    struct footfall_error err;
    int64_t gone = 0;
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(visit_all(ff, "x", 0, 300), 300);
        EXPECT_FAULT(footfall_delete(ff, "x", NULL, NULL, &err), err, FOOTFALL_OK, NULL);
        EXPECT_FAULT(footfall_purge(ff, FOOTFALL_NOW, 100, NULL, &purged, &err), err, FOOTFALL_OK, NULL);
        gone += purged.visitors;
    }
    assert_int_equal(visit_all(ff, "x", 0, 300), 300);
    do {
        EXPECT_FAULT(footfall_purge(ff, FOOTFALL_NOW, 100, NULL, &purged, &err), err, FOOTFALL_OK, NULL);
        gone += purged.visitors;
    } while (!purged.done);
    assert_int_equal(gone, 900);
    assert_int_equal(visit_all(ff, "x", 0, 300), 0);
    footfall_close(ff);
}

static void many_visitors_in_small_hashes(void **state)
{
    enum { PEOPLE = 3000 };
    struct footfall *ff = redis_open("f", NULL);
    size_t fresh = 0;
    (void)state;
    for (uint32_t first = 0; first < PEOPLE;) { /* alone, few and many at a time */
        uint32_t count = first % 3 == 0 ? 1 : first % 3 == 1 ? 7 : 400;
        if (count > PEOPLE - first)
            count = PEOPLE - first;
        fresh += visit_all(ff, "x", first, count);
        first += count;
    }
    assert_int_equal(fresh, PEOPLE);
    REDIS_SAYS("fine", "EVAL",
               "local keys, fields = redis.call('KEYS', 'f:{x}:v:*'), 0 "
               "for _, key in ipairs(keys) do "
               "  local length, encoding = redis.call('HLEN', key), redis.call('OBJECT', 'ENCODING', key) "
               "  if length > 128 then return key .. ' holds ' .. length end "
               "  if encoding ~= 'listpack' and encoding ~= 'ziplist' then return key .. ' is a ' .. encoding end "
               "  for _, field in ipairs(redis.call('HKEYS', key)) do "
               "    if #field == 16 then fields = fields + 1 end "
               "  end "
               "end "
               "if #keys < 3000 / 64 then return 'only ' .. #keys .. ' hashes' end "
               "return fields == 3000 and 'fine' or fields .. ' visitors'",
               "0");
    assert_int_equal(visit_all(ff, "x", 0, PEOPLE), 0);
    support_redis_control("restart");
    assert_int_equal(visit_all(ff, "x", 0, PEOPLE), 0);
    assert_int_equal(support_read(ff, "x").total, 3 * PEOPLE);
    assert_int_equal(support_read(ff, "x").unique, PEOPLE);
    footfall_close(ff);
}

static void prefixes(void **state)
{
    struct footfall *one = redis_open("one", NULL);
    struct footfall *same = redis_open("one", NULL);
    struct footfall *longer = redis_open("one:x", NULL);
    struct footfall *other = redis_open("two", NULL);
    (void)state;
    assert_int_equal(visit_all(one, "x", 0, 10), 10);
    assert_int_equal(visit_all(same, "x", 0, 20), 10);
    assert_int_equal(visit_all(longer, "x", 0, 5), 5);
    assert_int_equal(visit_all(other, "x", 0, 3), 3);
    assert_int_equal(support_read(one, "x").total, 30);
    assert_int_equal(support_read(same, "x").unique, 20);
    assert_int_equal(support_read(longer, "x").total, 5);
    assert_int_equal(support_read(other, "x").total, 3);
    assert_int_equal(REDIS_NUMBER("DBSIZE"), redis_key_count("one:*") + redis_key_count("two:*"));
    footfall_close(one);
    footfall_close(same);
    footfall_close(longer);
    footfall_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slots, redis_flush),
        cmocka_unit_test_setup(nothing_of_a_visitor_in_plain, redis_flush),
        cmocka_unit_test_setup(lives_of_keys, redis_flush),
        cmocka_unit_test_setup(forever_has_no_end, redis_flush),
        cmocka_unit_test_setup(nothing_is_left_of_a_deleted_counter, redis_flush),
        cmocka_unit_test_setup(purge_spares_the_living, redis_flush),
        cmocka_unit_test_setup(many_visitors_in_small_hashes, redis_flush),
        cmocka_unit_test_setup(prefixes, redis_flush),
    };
    return cmocka_run_group_tests_name("Redis, what is stored", tests, NULL, NULL);
}
