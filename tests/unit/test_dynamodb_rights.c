/* test_dynamodb_rights.c: which rights are told for which purpose and configuration. That they are what is really asked for is
 * held against recorded calls elsewhere. */
#include "dynamodb_script.h"

static char told[4096]; /* "action resource\n" for each, cut to what differs */

static void each_right(void *user, const char *action, const char *resource)
{
    size_t bytes = strlen(told);
    (void)user;
    snprintf(told + bytes, sizeof(told) - bytes, "%s %s\n", action, resource);
}

static int ask(enum footfall_store_purpose purpose, const char *account, const char *source,
               const struct footfall_store_setting *settings, size_t count)
{
    struct footfall_store_call call = script_call(0);
    struct footfall_store_rights wanted = { purpose, account, source };
    told[0] = '\0';
    return footfall__dynamodb_rights(settings, count, &wanted, each_right, NULL, &call);
}

static const struct footfall_store_setting plain[] = { { "table", "counts" }, { "create_table", "false" } };

static void to_run(void **state)
{
    (void)state;
    assert_int_equal(ask(FOOTFALL_STORE_TO_RUN, NULL, NULL, plain, 2), 0);
    assert_string_equal(told, "dynamodb:GetItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:BatchGetItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:UpdateItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:PutItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:DeleteItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:ConditionCheckItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:Query arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:Query arn:aws:dynamodb:*:*:table/counts/index/list\n"
                              "dynamodb:PutItem arn:aws:dynamodb:*:*:table/counts-keys\n"
                              "dynamodb:DeleteItem arn:aws:dynamodb:*:*:table/counts-keys\n"
                              "dynamodb:Query arn:aws:dynamodb:*:*:table/counts-keys\n");
}

static void to_run_and_make_tables(void **state)
{
    static const struct footfall_store_setting settings[] = {
        { "create_table", "yes" }, { "table", "counts" }, { "key_table", "keys" }, { "region", "eu-west-1" }
    };
    (void)state;
    assert_int_equal(ask(FOOTFALL_STORE_TO_RUN, "123456789012", NULL, settings, 4), 0);
    assert_non_null(strstr(told, "dynamodb:CreateTable arn:aws:dynamodb:eu-west-1:123456789012:table/counts\n"));
    assert_non_null(strstr(told, "dynamodb:UpdateTimeToLive arn:aws:dynamodb:eu-west-1:123456789012:table/keys\n"));
    assert_null(strstr(told, "DescribeContinuousBackups"));
}

static void to_set_up(void **state)
{
    (void)state;
    setenv("AWS_DEFAULT_REGION", "us-gov-west-1", 1);
    assert_int_equal(ask(FOOTFALL_STORE_TO_SET_UP, NULL, NULL, plain, 2), 0);
    unsetenv("AWS_DEFAULT_REGION");
    assert_string_equal(told,
                        "dynamodb:CreateTable arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts\n"
                        "dynamodb:DescribeTable arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts\n"
                        "dynamodb:DescribeTimeToLive arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts\n"
                        "dynamodb:UpdateTimeToLive arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts\n"
                        "dynamodb:DescribeContinuousBackups arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts\n"
                        "dynamodb:CreateTable arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts-keys\n"
                        "dynamodb:DescribeTable arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts-keys\n"
                        "dynamodb:DescribeTimeToLive arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts-keys\n"
                        "dynamodb:UpdateTimeToLive arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts-keys\n"
                        "dynamodb:DescribeContinuousBackups "
                        "arn:aws-us-gov:dynamodb:us-gov-west-1:*:table/counts-keys\n");
}

static void to_read(void **state)
{
    (void)state;
    setenv("AWS_REGION", "cn-north-1", 1);
    assert_int_equal(ask(FOOTFALL_STORE_TO_READ, NULL, NULL, plain, 2), 0);
    unsetenv("AWS_REGION");
    assert_string_equal(told, "dynamodb:BatchGetItem arn:aws-cn:dynamodb:cn-north-1:*:table/counts\n"
                              "dynamodb:Query arn:aws-cn:dynamodb:cn-north-1:*:table/counts/index/list\n"
                              "dynamodb:Query arn:aws-cn:dynamodb:cn-north-1:*:table/counts-keys\n");
}

static void to_import(void **state)
{
    (void)state;
    assert_int_equal(ask(FOOTFALL_STORE_TO_IMPORT, NULL, "old", plain, 2), 0);
    assert_string_equal(told, "dynamodb:GetItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:UpdateItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:PutItem arn:aws:dynamodb:*:*:table/counts\n"
                              "dynamodb:Query arn:aws:dynamodb:*:*:table/counts-keys\n"
                              "dynamodb:Scan arn:aws:dynamodb:*:*:table/old\n");
}

static void a_long_name_wants_another_for_the_keys(void **state)
{
    char name[DYNAMODB_TABLE_NAME_BYTES];
    const struct footfall_store_setting settings[] = { { "table", name }, { "key_table", "keys" } };
    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(ask(FOOTFALL_STORE_TO_READ, NULL, NULL, settings, 1), FOOTFALL_STORE_CONFIG);
    assert_string_equal(script_text, "dynamodb.table leaves no room for -keys behind it: set dynamodb.key_table");
    assert_int_equal(ask(FOOTFALL_STORE_TO_READ, NULL, NULL, settings, 2), 0);
    name[sizeof(name) - 6] = '\0';
    assert_int_equal(ask(FOOTFALL_STORE_TO_READ, NULL, NULL, settings, 1), 0);
}

static void wrong_names_are_named(void **state)
{
    static const struct footfall_store_setting bad[][2] = { { { "table", "a b" }, { "region", "eu-west-1" } },
                                                            { { "table", "counts" }, { "key_table", "k" } },
                                                            { { "table", "counts" }, { "region", "Europe" } },
                                                            { { "table", "counts" }, { "create_table", "maybe" } } };
    static const char *const texts[] = { "dynamodb.table is not 3 to 255 of a-z, A-Z, 0-9, _, . and -",
                                         "dynamodb.key_table is not 3 to 255 of a-z, A-Z, 0-9, _, . and -",
                                         "dynamodb.region: Europe is no region",
                                         "dynamodb.create_table is neither true nor false" };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(ask(FOOTFALL_STORE_TO_RUN, NULL, NULL, bad[i], 2), FOOTFALL_STORE_CONFIG);
        assert_string_equal(script_text, texts[i]);
        assert_string_equal(told, "");
    }
    assert_int_equal(ask(FOOTFALL_STORE_TO_IMPORT, NULL, "*", plain, 2), FOOTFALL_STORE_INVALID);
    assert_string_equal(script_text, "* is no table's name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_run),
        cmocka_unit_test(to_run_and_make_tables),
        cmocka_unit_test(to_set_up),
        cmocka_unit_test(to_read),
        cmocka_unit_test(to_import),
        cmocka_unit_test(a_long_name_wants_another_for_the_keys),
        cmocka_unit_test(wrong_names_are_named),
    };
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return cmocka_run_group_tests_name("dynamodb_rights", tests, NULL, NULL);
}
