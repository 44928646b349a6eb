/* test_dynamodb_profile.c: the texts of shared AWS files, right and wrong: what a profile is found to hold, and on which line a fault
 * is told. No file is read and nobody is asked. */
#include "test_dynamodb.h"

struct right {
    const char *text;
    const char *name;
    int is_config, line;
    const char *id, *secret, *token, *region;
};

#define PAIR "aws_access_key_id=AK\naws_secret_access_key=PSWQ\n"

static const struct right rights[] = {
    { "", "default", 0, 0, NULL, NULL, NULL, NULL },
    { "# only\n; comments\n\n  \n\t# deeper\n", "default", 0, 0, NULL, NULL, NULL, NULL },
    { "[default]\n" PAIR, "default", 0, 1, "AK", "PSWQ", NULL, NULL },
    { "\xef\xbb\xbf[default]\r\naws_access_key_id = AK\r\naws_secret_access_key\t=\tPSWQ\r\n", "default", 0, 1, "AK",
      "PSWQ", NULL, NULL },
    { "[a]\n" PAIR "[b]\naws_access_key_id=BK", "b", 0, 4, "BK", NULL, NULL, NULL },
    { "[a]\n" PAIR "[b]\naws_access_key_id=BK", "c", 0, 0, NULL, NULL, NULL, NULL },
    { "[ default ] # mine\nregion = eu-west-1 # Dublin\naws_session_token=T;PSWQ#\n", "default", 0, 1, NULL, NULL,
      "T;PSWQ#", "eu-west-1" },
    { "[default]\nregion=\n", "default", 0, 1, NULL, NULL, NULL, NULL },
    { "[default]\nregion= ;none\n", "default", 0, 1, NULL, NULL, NULL, NULL },
    { "[default]\nREGION=x\nAWS_Access_Key_ID=AK\n", "default", 0, 1, "AK", NULL, NULL, "x" },
    { "[default]\n  aws_access_key_id=AK\n  aws_secret_access_key=a=b==\n", "default", 0, 1, "AK", "a=b==", NULL,
      NULL },
    { "[default]\ns3 =\n  region = no\n  garbage\n  [a]\nregion=yes\n", "default", 0, 1, NULL, NULL, NULL, "yes" },
    { "[default]\nregion=a\n[x]\nregion=b\n[default]\nregion=c\n", "default", 0, 1, NULL, NULL, NULL, "c" },
    { "[a]\nregion=a\n[default]\n  region=b\n", "default", 0, 3, NULL, NULL, NULL, "b" },
    { "[Default]\nregion=a\n", "default", 0, 0, NULL, NULL, NULL, NULL },
    { "[profile a]\nregion=x\n[a]\nregion=y\n", "a", 1, 1, NULL, NULL, NULL, "x" },
    { "[profile a]\nregion=x\n[a]\nregion=y\n", "a", 0, 3, NULL, NULL, NULL, "y" },
    { "[profile \"a b\"]\nregion=x\n", "a b", 1, 1, NULL, NULL, NULL, "x" },
    { "[profile\t'a b' ]\nregion=x\n", "a b", 1, 1, NULL, NULL, NULL, "x" },
    { "[profile a b]\nregion=x\n", "a b", 1, 1, NULL, NULL, NULL, "x" },
    { "[profilea]\nregion=x\n[profile]\nregion=y\n", "a", 1, 0, NULL, NULL, NULL, NULL },
    { "[default]\nregion=x\n[profile default]\noutput=json\n[default]\nregion=y\n", "default", 1, 3, NULL, NULL, NULL,
      NULL },
    { "[default]\nregion=x\n", "default", 1, 1, NULL, NULL, NULL, "x" },
    { "[sso-session s]\nsso_region=x\n[services y]\ndynamodb =\n  endpoint_url = z\n[default]\nregion=x\n", "default",
      1, 6, NULL, NULL, NULL, "x" },
};

static void what_a_profile_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const struct right *r = &rights[i];
        struct footfall_store_call call = call_now();
        struct dynamodb_profile p;
        if (footfall__dynamodb_profile(&p, r->name, r->is_config, "F", r->text, strlen(r->text), &call) != 0)
            fail_msg("%s: %s", r->text, text);
        same_text(r->text, p.values[PROFILE_ID], r->id);
        same_text(r->text, p.values[PROFILE_SECRET], r->secret);
        same_text(r->text, p.values[PROFILE_TOKEN], r->token);
        same_text(r->text, p.values[PROFILE_REGION], r->region);
        if (p.line != r->line || p.role != NULL || p.foreign != NULL)
            fail_msg("%s: line %d, %s %s", r->text, p.line, p.role, p.foreign);
        footfall__dynamodb_profile_drop(&p);
    }
}

static const struct {
    const char *text, *said;
} wrongs[] = {
    { "garbage PSWQ", "F:1: no '='" },
    { "PSWQ = PSWQ", "F:1: a setting before" },
    { "\n\n[default]\nPSWQ\n", "F:4: no '='" },
    { "[other]\nPSWQ\n", "F:2: no '='" },
    { "[default]\n= PSWQ\n", "F:2: no key" },
    { "[default\n", "F:1: a '['" },
    { "[default] PSWQ\n", "F:1: only a comment" },
    { "[default]\naws_secret_access_key = \"PSWQ\"\n", "F:2: write aws_secret_access_key without quotes" },
    { "[default]\naws_secret_access_key = 'PSWQ'\n", "F:2: write aws_secret_access_key without quotes" },
    { "[default]\naws_secret_access_key =\n   PSWQ\n", "F:3: set deeper" },
    { "[default]\naws_secret_access_key = PSWQ\r\r\n", "F:2: the line holds a control" },
    { "[default]\naws_secret_access_key = PSWQ\x1bPSWQ\n", "F:2: the line holds a control" },
    { "[default]\n\x7f\n", "F:2: the line holds a control" },
};

static void faults_name_file_and_line_without_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct footfall_store_call call = call_now();
        struct dynamodb_profile p;
        int rc = footfall__dynamodb_profile(&p, "default", 0, "F", wrongs[i].text, strlen(wrongs[i].text), &call);
        if (rc != FOOTFALL_STORE_BROKEN || strncmp(text, wrongs[i].said, strlen(wrongs[i].said)) != 0)
            fail_msg("%s: %d %s", wrongs[i].text, rc, text);
        shows_nothing(wrongs[i].text);
        footfall__dynamodb_profile_drop(&p);
    }
}

static void a_nul_is_a_fault(void **state)
{
    static const char nul[] = "[default]\nregion=a\0b\n";
    struct footfall_store_call call = call_now();
    struct dynamodb_profile p;
    (void)state;
    assert_int_equal(footfall__dynamodb_profile(&p, "default", 0, "F", nul, sizeof(nul) - 1, &call),
                     FOOTFALL_STORE_BROKEN);
    footfall__dynamodb_profile_drop(&p);
}

static void long_lines_are_read(void **state)
{
    enum { LONG = 300000 };
    char *long_text = malloc(LONG + 100);
    struct footfall_store_call call = call_now();
    struct dynamodb_profile p;
    int head = 0;
    (void)state;
    assert_non_null(long_text);
    head = snprintf(long_text, 100, "[default]\nregion=");
    memset(long_text + head, 'x', LONG);
    assert_int_equal(footfall__dynamodb_profile(&p, "default", 0, "F", long_text, (size_t)head + LONG, &call), 0);
    assert_int_equal(strlen(p.values[PROFILE_REGION]), LONG);
    footfall__dynamodb_profile_drop(&p);
    free(long_text);
}

static void other_ways_to_an_identity_are_noted(void **state)
{
    static const char *const keys[] = { "credential_process", "web_identity_token_file",
                                        "credential_source",  "login_session",
                                        "sso_session",        "sso_start_url",
                                        "sso_account_id",     "sso_role_name" };
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char *file = support_format("[default]\nrole_arn=\n%s = x\n[other]\nrole_arn = y\n", keys[i]);
        struct footfall_store_call call = call_now();
        struct dynamodb_profile p;
        assert_int_equal(footfall__dynamodb_profile(&p, "default", 0, "F", file, strlen(file), &call), 0);
        same_text(file, p.foreign, keys[i]);
        assert_null(p.role);
        footfall__dynamodb_profile_drop(&p);
        assert_int_equal(footfall__dynamodb_profile(&p, "other", 0, "F", file, strlen(file), &call), 0);
        same_text(file, p.role, "role_arn");
        assert_null(p.foreign);
        footfall__dynamodb_profile_drop(&p);
        free(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_profile_holds),
        cmocka_unit_test(faults_name_file_and_line_without_secrets),
        cmocka_unit_test(a_nul_is_a_fault),
        cmocka_unit_test(long_lines_are_read),
        cmocka_unit_test(other_ways_to_an_identity_are_noted),
    };
    return cmocka_run_group_tests_name("dynamodb profile", tests, NULL, NULL);
}
