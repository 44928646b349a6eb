/* test_redis_reply.c: what goes to a server and comes from it, piece by piece: names of keys, numbers, replies within their
 * limits, INFO. */
#include "test_redis.h"

#include "process.h"

/* ---- keys ------------------------------------------------------------------------------------------------------------------ */

enum { ALPHABET = 7, LETTERS = 6, NAMES = 137256 /* 7 + 7^2 + … + 7^6 */ };

struct short_key {
    char at[40]; /* zeros behind it */
};

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct short_key));
}

/* What decides the slot: between the first '{' and the next '}', when anything stands there. */
static const char *tag_of(const struct redis_key *key, size_t *bytes)
{
    const char *open = memchr(key->at, '{', key->bytes);
    const char *close = NULL;
    assert_non_null(open);
    close = memchr(open, '}', key->bytes - (size_t)(open - key->at));
    assert_non_null(close);
    *bytes = (size_t)(close - open - 1);
    assert_true(*bytes > 0);
    return open + 1;
}

/* All names of up to six of these letters, which are what encoding knows and what it makes. */
static void no_two_names_share_a_key(void **state)
{
    static const char alphabet[ALPHABET + 1] = "{}%7BD2";
    struct short_key *keys = calloc(NAMES, sizeof(*keys));
    size_t count = 0;
    (void)state;
    assert_non_null(keys);
    for (size_t letters = 1, all = ALPHABET; letters <= LETTERS; letters++, all *= ALPHABET)
        for (size_t number = 0; number < all; number++) {
            char name[LETTERS];
            size_t left = number;
            size_t bytes = 0;
            const char *tag = NULL;
            struct redis_key key;
            for (size_t i = 0; i < letters; i++, left /= ALPHABET)
                name[i] = alphabet[left % ALPHABET];
            footfall__redis_counter_key(&key, "pre:fix", name, letters);
            tag = tag_of(&key, &bytes);
            assert_null(memchr(tag, '{', bytes));
            assert_true(tag[bytes] == '}' && tag + bytes + 1 == key.at + key.bytes);
            assert_in_range(key.bytes, 1, sizeof(keys->at) - 1);
            memcpy(keys[count++].at, key.at, key.bytes);
        }
    assert_int_equal(count, NAMES);
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            fail_msg("two names have the key %s", keys[i].at);
    free(keys);
}

static void all_keys_of_a_counter_share_its_tag(void **state)
{
    static const char *const more[] = { ":m:{}", ":v:1.2:-7", ":t:}{", ":s:\xff" };
    char name[200], prefix[REDIS_PREFIX_BYTES];
    (void)state;
    memset(name, '}', sizeof(name));
    memset(prefix, 'p', sizeof(prefix) - 1);
    prefix[sizeof(prefix) - 1] = '\0';
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct redis_key counter, key;
        size_t counter_bytes = 0;
        size_t bytes = 0;
        const char *tag = NULL;
        footfall__redis_counter_key(&counter, prefix, name, sizeof(name));
        key = counter;
        footfall__redis_key_add(&key, more[i], strlen(more[i]));
        tag = tag_of(&counter, &counter_bytes);
        assert_int_equal(counter_bytes, 600);
        assert_memory_equal(tag, tag_of(&key, &bytes), counter_bytes);
        assert_int_equal(bytes, counter_bytes);
        assert_int_equal(key.bytes, sizeof(prefix) - 1 + 1 + 602 + strlen(more[i])); /* room for the longest, uncut */
    }
}

static void keys_without_a_counter_have_no_braces(void **state)
{
    struct redis_key key;
    struct redis_argument argument;
    (void)state;
    footfall__redis_key(&key, "p", "names");
    argument = footfall__redis_key_argument(&key);
    assert_int_equal(argument.bytes, 7);
    assert_memory_equal(argument.at, "p:names", 7);
    for (int i = 0; i < 300; i++) /* never past its end */
        footfall__redis_key_add(&key, "0123456789", 10);
    assert_int_equal(key.bytes, REDIS_KEY_BYTES);
}

/* ---- numbers --------------------------------------------------------------------------------------------------------------- */

static void numbers_are_exact_to_both_ends(void **state)
{
    /* zeros in front are read as the script reads them in a foreign hand's counter; we never write them */
    static const struct {
        const char *digits;
        int64_t number;
    } good[] = {
        { "0", 0 },
        { "-0", 0 },
        { "7", 7 },
        { "-7", -7 },
        { "007", 7 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "-9223372036854775807", -INT64_MAX },
        { "00000000000000000000000000000000000000001", 1 },
    };
    static const char *const bad[] = { "",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1\n",
                                       "--1",
                                       "1-",
                                       "0x10",
                                       "1e3",
                                       "1.0",
                                       "inf",
                                       "nil",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "9223372036854775817",
                                       "99999999999999999999",
                                       "-18446744073709551616",
                                       "18446744073709551617",
                                       "\xd9\xa1" };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t number = 5;
        assert_int_equal(footfall__redis_parse(good[i].digits, strlen(good[i].digits), &number), 0);
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t number = 5;
        if (footfall__redis_parse(bad[i], strlen(bad[i]), &number) != -1 || number != 5)
            fail_msg("'%s' is taken for a number", bad[i]);
    }
}

static void any_number_is_read_as_it_was_written(void **state)
{
    uint64_t seed = support_seed();
    (void)state;
    for (int i = 0; i < 200000; i++) {
        int64_t wanted = (int64_t)(support_random(&seed) >> support_random_below(&seed, 64));
        int64_t number = 0;
        char digits[24];
        int bytes = 0;
        if (support_random_below(&seed, 2) == 0)
            wanted = -wanted;
        bytes = snprintf(digits, sizeof(digits), "%lld", (long long)wanted);
        assert_int_equal(footfall__redis_parse(digits, (size_t)bytes, &number), 0);
        assert_true(number == wanted);
    }
}

static void only_texts_and_integers_are_numbers(void **state)
{
    static const struct {
        const char *bytes;
        int is_number;
    } replies[] = {
        { ":12\r\n", 1 },    { "$2\r\n12\r\n", 1 },   { "+12\r\n", 1 },          { "-12\r\n", 0 },
        { "$-1\r\n", 0 },    { "*-1\r\n", 0 },        { "*0\r\n", 0 },           { "*1\r\n:12\r\n", 0 },
        { "$0\r\n\r\n", 0 }, { "$3\r\n12\n\r\n", 0 }, { "$3\r\n1\0002\r\n", 0 }, { "-ERR 12\r\n", 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        size_t bytes = i == 10 ? 9 : strlen(replies[i].bytes);
        redisReply *reply = reply_of_bytes(replies[i].bytes, bytes);
        int64_t number = 5;
        assert_int_equal(footfall__redis_number(reply, &number), replies[i].is_number ? 0 : -1);
        assert_int_equal(number, replies[i].is_number ? 12 : 5);
        freeReplyObject(reply);
    }
    assert_int_equal(footfall__redis_number(NULL, &(int64_t){ 0 }), -1);
    assert_false(footfall__redis_is_text(NULL) || footfall__redis_is_array(NULL, 0));
}

/* ---- replies within limits ------------------------------------------------------------------------------------------------- */

static int reads(const char *bytes)
{
    redisReader *reader = footfall__redis_reader();
    void *reply = NULL;
    int rc = 0;
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    rc = redisReaderGetReply(reader, &reply);
    if (reply != NULL)
        freeReplyObject(reply);
    redisReaderFree(reader);
    return rc != REDIS_OK ? -1 : reply != NULL;
}

static void a_reader_makes_no_endless_arrays(void **state)
{
    (void)state;
    assert_int_equal(reads("*16384\r\n"), 0);
    assert_int_equal(reads("*16385\r\n"), -1);
    assert_int_equal(reads("*1000000000\r\n"), -1);
    assert_int_equal(reads("*9223372036854775807\r\n"), -1);
    assert_int_equal(reads("*2305843009213693952\r\n"), -1);
    assert_int_equal(reads("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), -1);
    assert_int_equal(reads("*2\r\n*16384\r\n"), 0);
    assert_int_equal(reads("*2\r\n*16385\r\n"), -1);
    assert_int_equal(reads("$9223372036854775808\r\n"), -1);
    assert_int_equal(reads("hello\r\n"), -1);
    assert_int_equal(reads("*2\r\n:1\r\n:2\r\n"), 1);
}

/* ---- INFO ------------------------------------------------------------------------------------------------------------------ */

static void info_is_read_by_whole_keys(void **state)
{
    static const char info[] = "# Server\r\nxredis_version:1\r\nredis_versions:2\r\nredis_version:7.0.15\r\nempty:\r\n"
                               "redis_version:8\r\nlast:a\nlong:0123456789";
    char out[8];
    (void)state;
    footfall__redis_info_value(out, sizeof(out), info, "redis_version");
    assert_string_equal(out, "7.0.15");
    footfall__redis_info_value(out, sizeof(out), info, "empty");
    assert_string_equal(out, "");
    footfall__redis_info_value(out, sizeof(out), info, "last");
    assert_string_equal(out, "a");
    footfall__redis_info_value(out, sizeof(out), info, "long");
    assert_string_equal(out, "0123456");
    footfall__redis_info_value(out, sizeof(out), info, "absent");
    assert_string_equal(out, "");
    footfall__redis_info_value(out, sizeof(out), "", "redis_version");
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_names_share_a_key),
        cmocka_unit_test(all_keys_of_a_counter_share_its_tag),
        cmocka_unit_test(keys_without_a_counter_have_no_braces),
        cmocka_unit_test(numbers_are_exact_to_both_ends),
        cmocka_unit_test(any_number_is_read_as_it_was_written),
        cmocka_unit_test(only_texts_and_integers_are_numbers),
        cmocka_unit_test(a_reader_makes_no_endless_arrays),
        cmocka_unit_test(info_is_read_by_whole_keys),
    };
    return cmocka_run_group_tests_name("redis replies", tests, NULL, NULL);
}
