/* test_dynamodb_credentials.c: the chain without a network: settings, environment and shared files, which goes before which, what is
 * refused and in which words, and the region. Endpoints are in test_dynamodb_metadata.c. */
#include "test_dynamodb.h"

#include <sys/wait.h>
#include <unistd.h>

#define FILE_KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = PSWQ\n"

static const struct dynamodb_chain_options own = { .access_key_id = "AKOWN", .secret_access_key = "PSWQ" };
static const struct dynamodb_chain_options prod = { .profile = "prod" };

static void refused_at_once(const struct dynamodb_chain_options *options, const char *words)
{
    struct footfall_store_call call = call_now();
    struct dynamodb_chain *chain = NULL;
    int rc = footfall__dynamodb_chain_new(&chain, options, &call);
    if (rc != FOOTFALL_STORE_CONFIG || chain != NULL || strstr(text, words) == NULL)
        fail_msg("%d %s instead of %s", rc, text, words);
    shows_nothing(words);
}

/* ---- which goes before which ------------------------------------------------------------------------------------- */

static void each_source_goes_before_the_next(void **state)
{
    (void)state;
    expect("nothing", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    write_file("config", "[default]\n" FILE_KEYS("AKCONFIG"));
    expect("config", NULL, 0, "AKCONFIG");
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    expect("credentials", NULL, 0, "AKFILE");
    set("AWS_ACCESS_KEY_ID", "AKENV");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    expect("environment", NULL, 0, "AKENV");
    expect("settings", &own, 0, "AKOWN");
}

static void a_token_goes_with_its_keys_only(void **state)
{
    const struct dynamodb_credentials *who = NULL;
    struct dynamodb_chain *chain = NULL;
    struct footfall_store_call call = call_now();
    (void)state;
    set("AWS_SESSION_TOKEN", "PSWQENV");
    chain = chain_of(&own);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), 0);
    assert_null(who->session_token);
    assert_true(who->expires_ms == INT64_MAX);
    footfall__dynamodb_chain_free(chain);
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE") "aws_session_token = PSWQFILE\n");
    chain = chain_of(NULL);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), 0);
    assert_string_equal(who->session_token, "PSWQFILE");
    footfall__dynamodb_chain_free(chain);
    set("AWS_ACCESS_KEY_ID", "AKENV");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    chain = chain_of(NULL);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), 0);
    assert_string_equal(who->session_token, "PSWQENV");
    footfall__dynamodb_chain_free(chain);
}

static void a_profile_in_the_settings_goes_before_the_environment(void **state)
{
    (void)state;
    write_file("credentials", "[prod]\n" FILE_KEYS("AKPROD") "[stage]\n" FILE_KEYS("AKSTAGE"));
    set("AWS_PROFILE", "stage");
    expect("AWS_PROFILE", NULL, 0, "AKSTAGE");
    expect("dynamodb.profile", &prod, 0, "AKPROD");
    set("AWS_ACCESS_KEY_ID", "AKENV");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    expect("dynamodb.profile and half a pair", &prod, 0, "AKPROD");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    expect("environment before AWS_PROFILE", NULL, 0, "AKENV");
    expect("dynamodb.profile", &prod, 0, "AKPROD");
}

static void an_empty_variable_is_not_set(void **state)
{
    (void)state;
    for (int i = 0; i < DYNAMODB_VARIABLES; i++)
        if (i != DYNAMODB_HOME && i != DYNAMODB_METADATA_DISABLED)
            set(footfall__dynamodb_variables[i], "");
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    expect("empty", NULL, 0, "AKFILE");
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

static void half_a_pair_is_told(void **state)
{
    static const struct dynamodb_chain_options id = { .access_key_id = "AK" }, secret = { .secret_access_key = "PSWQ" },
                                               token = { .session_token = "PSWQ" };
    static const struct dynamodb_chain_options none;
    (void)state;
    refused_at_once(&id, "dynamodb.secret_access_key is not set");
    refused_at_once(&secret, "dynamodb.access_key_id is not set");
    refused_at_once(&token, "dynamodb.access_key_id is not set");
    set("AWS_ACCESS_KEY_ID", "AK");
    refused_at_once(&none, "AWS_SECRET_ACCESS_KEY is not set");
    expect("settings do not look at it", &own, 0, "AKOWN");
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    refused_at_once(&none, "AWS_ACCESS_KEY_ID is not set");
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    write_file("config", "[default]\naws_secret_access_key = PSWQ\n");
    expect("file", NULL, FOOTFALL_STORE_BROKEN, "config:1: profile 'default': aws_access_key_id is not set");
    write_file("credentials", "\n[default]\naws_access_key_id = AK\n");
    expect("files do not share a pair", NULL, FOOTFALL_STORE_BROKEN,
           "credentials:2: profile 'default': aws_secret_access_key is not set");
}

static void keys_are_plain(void **state)
{
    static const char *const bad[] = { "",         "PSWQ ",    " PSWQ",        "PS\nPSWQ",
                                       "PSWQ\r\n", "PSWQ\x7f", "PSWQ\xc3\xa9", "PS\tPSWQ" };
    char *longest = support_format("%0129d", 0);
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct dynamodb_chain_options id = { .access_key_id = bad[i], .secret_access_key = "s" };
        const struct dynamodb_chain_options secret = { .access_key_id = "AK", .secret_access_key = bad[i] };
        const struct dynamodb_chain_options token = { .access_key_id = "AK",
                                                      .secret_access_key = "s",
                                                      .session_token = bad[i] };
        refused_at_once(&id, "dynamodb.access_key_id is empty");
        refused_at_once(&secret, "dynamodb.secret_access_key is empty");
        refused_at_once(&token, "dynamodb.session_token is empty");
    }
    refused_at_once(&(struct dynamodb_chain_options){ .access_key_id = "a/b", .secret_access_key = "s" },
                    "access_key_id");
    refused_at_once(&(struct dynamodb_chain_options){ .access_key_id = longest, .secret_access_key = "s" },
                    "access_key_id");
    set("AWS_ACCESS_KEY_ID", "AK");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ\n");
    refused_at_once(&(struct dynamodb_chain_options){ 0 }, "AWS_SECRET_ACCESS_KEY is empty, too long");
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    write_file("credentials", "[default]\naws_access_key_id = AK\naws_secret_access_key = PS WQPSWQ\n");
    expect("file", NULL, FOOTFALL_STORE_BROKEN, "profile 'default': aws_secret_access_key is empty, too long");
    free(longest);
}

static void a_named_profile_must_be_there(void **state)
{
    (void)state;
    expect("no files", &prod, FOOTFALL_STORE_BROKEN, "no AWS profile 'prod' (from dynamodb.profile)");
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    write_file("config", "[prod]\nregion = x\n");
    expect("only others", &prod, FOOTFALL_STORE_BROKEN, "no AWS profile 'prod'");
    set("AWS_PROFILE", "PROD");
    expect("AWS_PROFILE", NULL, FOOTFALL_STORE_BROKEN, "no AWS profile 'PROD' (from AWS_PROFILE)");
    write_file("config", "[profile prod]\nregion = x\n");
    expect("there, without keys", &prod, FOOTFALL_STORE_BROKEN, "no AWS credentials");
}

static void another_identity_is_not_passed_over(void **state)
{
    (void)state;
    write_file("config", "[default]\nregion=x\ncredential_process = /bin/PSWQ\n");
    expect("process", NULL, FOOTFALL_STORE_BROKEN, "config:1: profile 'default' asks for credential_process");
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    expect("keys go before it", NULL, 0, "AKFILE");
    write_file("config", "[default]\nrole_arn = arn:PSWQ\nsource_profile = default\n");
    expect("a role goes before keys", NULL, FOOTFALL_STORE_BROKEN, "asks for role_arn");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token");
    expect("web identity", NULL, FOOTFALL_STORE_BROKEN, "AWS_WEB_IDENTITY_TOKEN_FILE asks for web identity");
    set("AWS_ACCESS_KEY_ID", "AKENV");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    expect("keys in the environment", NULL, 0, "AKENV");
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void files_are_where_the_environment_says(void **state)
{
    char *elsewhere = support_path(folder, "mine");
    (void)state;
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    support_file_write(elsewhere, "[default]\n" FILE_KEYS("AKMINE"), strlen("[default]\n" FILE_KEYS("AKMINE")));
    set("AWS_SHARED_CREDENTIALS_FILE", elsewhere);
    expect("named", NULL, 0, "AKMINE");
    set("AWS_SHARED_CREDENTIALS_FILE", "~/mine");
    expect("in $HOME", NULL, 0, "AKMINE");
    set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    expect("/dev/null", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    set("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/file");
    expect("not there", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    set("AWS_SHARED_CREDENTIALS_FILE", "~/mine/credentials");
    expect("below a file", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    set("AWS_CONFIG_FILE", elsewhere);
    expect("config", NULL, 0, "AKMINE");
    (void)unsetenv("HOME");
    (void)unsetenv("AWS_CONFIG_FILE");
    (void)unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    expect("no $HOME", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    free(elsewhere);
}

static void files_that_cannot_be_read(void **state)
{
    char *fifo = support_path(folder, "fifo");
    char *large = malloc(DYNAMODB_FILE_BYTES + 2);
    (void)state;
    assert_non_null(large);
    set("AWS_SHARED_CREDENTIALS_FILE", folder);
    expect("a folder", NULL, FOOTFALL_STORE_BROKEN, "cannot be read: Is a directory");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    set("AWS_SHARED_CREDENTIALS_FILE", fifo);
    expect("a FIFO", NULL, FOOTFALL_STORE_BROKEN, "cannot be read: Invalid argument");
    (void)unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    memset(large, '#', DYNAMODB_FILE_BYTES + 1);
    large[DYNAMODB_FILE_BYTES + 1] = '\0';
    write_file("config", large);
    expect("too large", NULL, FOOTFALL_STORE_BROKEN, "config cannot be read: File too large");
    large[DYNAMODB_FILE_BYTES] = '\0';
    write_file("config", large);
    expect("the largest", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    write_file("config", "[default]\nPSWQ\n");
    expect("garbage", NULL, FOOTFALL_STORE_BROKEN, "/.aws/config:2: no '='");
    free(large);
    free(fifo);
}

/* Root reads everything, so a child of the test becomes nobody. */
static void a_file_of_somebody_else(void **state)
{
    char *path = NULL;
    pid_t child = 0;
    int status = 0;
    (void)state;
    if (geteuid() != 0)
        skip();
    path = support_path(folder, ".aws/credentials");
    write_file("credentials", "[default]\n" FILE_KEYS("AKFILE"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    free(path);
    path = support_path(folder, ".aws");
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
    child = fork();
    if (child == 0) {
        struct footfall_store_call call = call_now();
        const struct dynamodb_credentials *who = NULL;
        struct dynamodb_chain *chain = chain_of(NULL);
        int rc = setuid(65534) == 0 ? footfall__dynamodb_credentials(chain, &who, NOW_MS, &call) : 0;
        _exit(rc == FOOTFALL_STORE_BROKEN && strstr(text, "credentials cannot be read: Permission denied") != NULL ? 0
                                                                                                                   : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void refused_ones_are_read_again(void **state)
{
    const char *id = "";
    struct dynamodb_chain *chain = NULL;
    (void)state;
    write_file("credentials", "[default]\n" FILE_KEYS("AKOLD"));
    chain = chain_of(NULL);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    write_file("credentials", "[default]\n" FILE_KEYS("AKNEW"));
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    assert_string_equal(id, "AKOLD");
    footfall__dynamodb_credentials_refused(chain);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    assert_string_equal(id, "AKNEW");
    write_file("credentials", "PSWQ");
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    footfall__dynamodb_credentials_refused(chain);
    assert_int_equal(ask(chain, NOW_MS, &id), FOOTFALL_STORE_BROKEN);
    assert_int_equal(ask(chain, NOW_MS, &id), FOOTFALL_STORE_BROKEN);
    write_file("credentials", "[default]\n" FILE_KEYS("AKLAST"));
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    assert_string_equal(id, "AKLAST");
    footfall__dynamodb_chain_free(chain);
}

/* ---- the region -------------------------------------------------------------------------------------------------- */

static void region_is(const struct dynamodb_chain_options *options, int status, const char *wanted)
{
    struct dynamodb_chain *chain = chain_of(options);
    struct footfall_store_call call = call_now();
    const char *region = NULL;
    int rc = footfall__dynamodb_region(chain, &region, &call);
    if (rc != status || (rc == 0 ? strcmp(region, wanted) != 0 : strstr(text, wanted) == NULL))
        fail_msg("%d %s%s instead of %s", rc, region != NULL ? region : "", text, wanted);
    footfall__dynamodb_chain_free(chain);
}

static void the_region_comes_from_four_places(void **state)
{
    static const struct dynamodb_chain_options set_one = { .region = "eu-set-1", .profile = "prod" };
    (void)state;
    region_is(NULL, FOOTFALL_STORE_CONFIG, "dynamodb.region is not set, nor AWS_REGION");
    write_file("config", "[default]\nregion = eu-file-1\n[profile prod]\nregion = eu-prod-1\n");
    region_is(NULL, 0, "eu-file-1");
    region_is(&prod, 0, "eu-prod-1");
    write_file("credentials", "[default]\nregion = eu-keys-1\n");
    region_is(NULL, 0, "eu-keys-1");
    set("AWS_PROFILE", "none");
    region_is(NULL, FOOTFALL_STORE_CONFIG, "no AWS profile 'none'");
    set("AWS_DEFAULT_REGION", "eu-default-1");
    region_is(NULL, 0, "eu-default-1");
    region_is(&prod, 0, "eu-default-1");
    set("AWS_REGION", "eu-env-1");
    region_is(NULL, 0, "eu-env-1");
    region_is(&set_one, 0, "eu-set-1");
}

static void a_region_that_is_none(void **state)
{
    static const char *const bad[] = { "", "EU-WEST-1", "eu west", "eu-west-1.evil.com", "eu/west", "\xc3\xa9", "a\n" };
    char *longest = support_format("%064d", 0);
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        region_is(&(struct dynamodb_chain_options){ .region = bad[i] }, FOOTFALL_STORE_CONFIG,
                  "dynamodb.region is no region");
    region_is(&(struct dynamodb_chain_options){ .region = longest }, FOOTFALL_STORE_CONFIG,
              "dynamodb.region is no region");
    region_is(&(struct dynamodb_chain_options){ .region = longest + 1 }, 0, longest + 1);
    write_file("config", "[default]\nregion = EU\n");
    region_is(NULL, FOOTFALL_STORE_CONFIG, "the AWS profile's region is no region");
    set("AWS_REGION", "eu_west");
    region_is(NULL, FOOTFALL_STORE_CONFIG, "AWS_REGION is no region, as eu-west-1 is (dynamodb.region");
    free(longest);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static int refuse_at(void *user)
{
    int *left = user;
    return (*left)-- == 0;
}

static int all_calls(const struct dynamodb_chain_options *options)
{
    struct footfall_store_call call = call_now();
    const struct dynamodb_credentials *who = NULL;
    const char *region = NULL;
    struct dynamodb_chain *chain = NULL;
    int rc = footfall__dynamodb_chain_new(&chain, options, &call);
    if (rc == 0)
        rc = footfall__dynamodb_region(chain, &region, &call);
    if (rc == 0)
        rc = footfall__dynamodb_credentials(chain, &who, NOW_MS, &call);
    footfall__dynamodb_chain_free(chain);
    return rc;
}

static void without_memory(const struct dynamodb_chain_options *options)
{
    for (int at = 0, rc = -1; rc != 0; at++) {
        int left = at;
        footfall__alloc_hook(refuse_at, &left);
        rc = all_calls(options);
        footfall__alloc_hook(NULL, NULL);
        if (rc != (left < 0 ? FOOTFALL_STORE_NO_MEMORY : 0))
            fail_msg("allocation %d: %d %s", at, rc, text);
    }
}

static void every_allocation_may_fail(void **state)
{
    static const struct dynamodb_chain_options all = { "AK", "PSWQ", "PSWQ", "prod", "eu-west-1" }, none;
    (void)state;
    without_memory(&all);
    write_file("config", "[default]\nregion = eu-west-1\n[profile prod]\nregion=x\n");
    write_file("credentials",
               "[prod]\n" FILE_KEYS("AK") "aws_session_token=PSWQ\n[default]\n" FILE_KEYS("AK") FILE_KEYS("AK"));
    without_memory(&none);
    without_memory(&prod);
    set("AWS_ACCESS_KEY_ID", "AK");
    set("AWS_SECRET_ACCESS_KEY", "PSWQ");
    set("AWS_SESSION_TOKEN", "PSWQ");
    without_memory(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_source_goes_before_the_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_goes_with_its_keys_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_profile_in_the_settings_goes_before_the_environment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_variable_is_not_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_pair_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_plain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_named_profile_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_identity_is_not_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_where_the_environment_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_somebody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_ones_are_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_region_comes_from_four_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_region_that_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("dynamodb credentials", tests, NULL, NULL);
}
