/* test_dynamodb_sign.c: fixed signatures, made with botocore 1.29.27, the day's key that is kept, dates, and what is not signed.
 * dynamodb_sign.py compares many more. */
#include "test_dynamodb.h"

static struct dynamodb_credentials who = { "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, INT64_MAX };
static const struct dynamodb_signable get = {
    "dynamodb.us-east-1.amazonaws.com", "us-east-1", "DynamoDB_20120810.GetItem",
    "{\"TableName\":\"footfall\"}",     24,          "20150830T123600Z"
};

static void expect_signature(struct dynamodb_signer *signer, const struct dynamodb_credentials *by,
                             const struct dynamodb_signable *what, const char *signature)
{
    char out[DYNAMODB_AUTHORIZATION_BYTES];
    const char *at = NULL;
    assert_int_equal(footfall__dynamodb_sign(out, signer, by, what), 0);
    at = strstr(out, "Signature=");
    assert_non_null(at);
    assert_string_equal(at + strlen("Signature="), signature);
}

static char other_secret[] = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY";
static char token[] = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWs"
                      "KWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGd";
#define GET_SIGNATURE "138cd6adc7456873e3ec828120b402f45059297d45d7408588a397f49f737c49"
#define TOMORROW_SIGNATURE "eb4187eb988b4984e0cd235901c8717e1e93e57bb61fc680c224553410aa44fd"
#define ELSEWHERE_SIGNATURE "db3229e469d08d8aa14a3b493d907f0d712ef4432641dc605e15f9dfc4c82710"
#define OTHER_SIGNATURE "1d2293f163b35c92345c6e4ebd61c00f1abe79dc3935a002bd6f011de0522364"
#define TOKEN_SIGNATURE "3ae10ac2b01343a9667cadd8796e7ac5bdbbc96513f5118c09f913002e949c48"
#define EMPTY_SIGNATURE "13b683a404582adcfeacc28f9fa5d709bbb283f9f1d661f12ee7ad50ebba5381"

static void the_header_is_whole(void **state)
{
    struct dynamodb_signer signer = { 0 };
    char out[DYNAMODB_AUTHORIZATION_BYTES];
    (void)state;
    assert_int_equal(footfall__dynamodb_sign(out, &signer, &who, &get), 0);
    assert_string_equal(out, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, "
                             "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" GET_SIGNATURE);
}

static void a_key_that_is_kept_is_used_for_its_own_only(void **state)
{
    struct dynamodb_signer signer = { 0 };
    struct dynamodb_credentials other = who;
    struct dynamodb_signable tomorrow = get;
    struct dynamodb_signable elsewhere = get;
    uint8_t key[32];
    (void)state;
    other.secret_access_key = other_secret;
    tomorrow.date = "20150831T000000Z";
    elsewhere.region = "eu-west-1";
    expect_signature(&signer, &who, &get, GET_SIGNATURE);
    memcpy(key, signer.key, sizeof(key));
    for (int i = 0; i < 2; i++) {
        expect_signature(&signer, &who, &get, GET_SIGNATURE);
        assert_memory_equal(signer.key, key, sizeof(key));
        expect_signature(&signer, &who, &tomorrow, TOMORROW_SIGNATURE);
        assert_memory_not_equal(signer.key, key, sizeof(key));
        expect_signature(&signer, &who, &elsewhere, ELSEWHERE_SIGNATURE);
        expect_signature(&signer, &other, &get, OTHER_SIGNATURE);
    }
    expect_signature(&signer, &who, &get, GET_SIGNATURE);
    signer.key[0] ^= 1; /* it is this key that signs, not one that is made anew */
    {
        char out[DYNAMODB_AUTHORIZATION_BYTES];
        assert_int_equal(footfall__dynamodb_sign(out, &signer, &who, &get), 0);
        assert_null(strstr(out, GET_SIGNATURE));
    }
}

static void a_token_is_signed_and_an_empty_body(void **state)
{
    struct dynamodb_signer signer = { 0 };
    struct dynamodb_credentials with_token = who;
    struct dynamodb_signable empty = get;
    (void)state;
    with_token.session_token = token;
    empty.body = "";
    empty.body_bytes = 0;
    expect_signature(&signer, &with_token, &get, TOKEN_SIGNATURE);
    expect_signature(&signer, &who, &empty, EMPTY_SIGNATURE);
    empty.body = NULL;
    expect_signature(&signer, &who, &empty, EMPTY_SIGNATURE);
}

static void not_signed(const struct dynamodb_credentials *by, const struct dynamodb_signable *what)
{
    struct dynamodb_signer signer = { 0 };
    char out[DYNAMODB_AUTHORIZATION_BYTES] = "x";
    assert_int_equal(footfall__dynamodb_sign(out, &signer, by, what), -1);
    assert_string_equal(out, "");
}

static void what_would_break_a_header_is_not_signed(void **state)
{
    static const char *const bad[] = { "", "a b", "a\r\nX: y", "a\n", "\ta", "a\x7f", "\xc3\xa9" };
    static const char *const dates[] = { "",
                                         "20150830",
                                         "20150830T123600",
                                         "20150830T123600ZZ",
                                         "2015-0830T12360Z",
                                         "20150830 123600Z",
                                         "20150830T12360 Z" };
    char *longest = support_format("%0512d", 0);
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dynamodb_credentials by = who;
        struct dynamodb_signable what = get;
        char *value = support_format("%s", bad[i]);
        what.host = value;
        not_signed(&who, &what);
        what = get;
        what.region = value;
        not_signed(&who, &what);
        what = get;
        what.target = value;
        not_signed(&who, &what);
        by.access_key_id = value;
        not_signed(&by, &get);
        by = who;
        by.session_token = value;
        not_signed(&by, &get);
        free(value);
    }
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        struct dynamodb_signable what = get;
        what.date = dates[i];
        not_signed(&who, &what);
    }
    for (int i = 0; i < 4; i++) {
        static char empty[] = "";
        struct dynamodb_credentials by = who;
        struct dynamodb_signable what = get;
        by.access_key_id = i == 0 ? longest : by.access_key_id;
        by.secret_access_key = i == 1 ? longest : by.secret_access_key;
        by.secret_access_key = i == 3 ? empty : by.secret_access_key;
        what.region = i == 2 ? longest : what.region;
        not_signed(&by, &what);
    }
    free(longest);
}

static void dates(void **state)
{
    static const struct {
        int64_t ms;
        const char *date;
    } known[] = {
        { 0, "19700101T000000Z" },
        { 999, "19700101T000000Z" },
        { -1, "19691231T235959Z" },
        { NOW_MS, "20261128T000000Z" },
        { NOW_MS - 1, "20261127T235959Z" },
        { INT64_C(951782400000), "20000229T000000Z" },
        { INT64_C(4107542399999), "21000228T235959Z" },
        { INT64_C(253402300799000), "99991231T235959Z" },
        { INT64_C(253402300800000), "" },
        { INT64_MAX, "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char out[DYNAMODB_DATE_BYTES];
        footfall__dynamodb_date(out, known[i].ms);
        assert_string_equal(out, known[i].date);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_whole),
        cmocka_unit_test(a_key_that_is_kept_is_used_for_its_own_only),
        cmocka_unit_test(a_token_is_signed_and_an_empty_body),
        cmocka_unit_test(what_would_break_a_header_is_not_signed),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests_name("dynamodb sign", tests, NULL, NULL);
}
