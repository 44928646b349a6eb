/* test_dynamodb_instance.c: instance metadata, version 2, and what is said when these are not as they should be; and every allocation
 * failing, here and at a container's endpoint. */
#include "test_dynamodb_mock.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN_IS                                                                                                       \
    {                                                                                                                  \
        "PUT /latest/api/token ", MOCK_PLAIN, 200, "PSWQIMDS", 0                                                       \
    }
#define ROLE_IS(text)                                                                                                  \
    {                                                                                                                  \
        "GET " ROLES " ", MOCK_PLAIN, 200, text, 0                                                                     \
    }
#define ROLE_GIVES(status, text)                                                                                       \
    {                                                                                                                  \
        "GET " ROLES "the-role ", MOCK_PLAIN, status, text, 0                                                          \
    }
#define NOTHING_ELSE                                                                                                   \
    {                                                                                                                  \
        NULL, MOCK_PLAIN, 404, "", 0                                                                                   \
    }

static void an_instance_gives_credentials(void **state)
{
    static const struct mock_answer answers[] = { TOKEN_IS, ROLE_IS("the-role\n"),
                                                  ROLE_GIVES(200, KEYS("AKEC2", LATER)), NOTHING_ELSE };
    (void)state;
    at_instance();
    mock_answers(mock, answers);
    expect("instance", NULL, 0, "AKEC2");
    assert_int_equal(mock_asked(mock), 3);
    asked_with(0, "PUT /latest/api/token HTTP/1.1\r\n");
    asked_with(0, "\r\nX-aws-ec2-metadata-token-ttl-seconds: 300\r\n");
    asked_with(0, "\r\nContent-Length: 0\r\n");
    assert_null(strstr(mock_request(mock, 0), "Content-Type"));
    asked_with(1, "\r\nX-aws-ec2-metadata-token: PSWQIMDS\r\n");
    asked_with(2, "\r\nX-aws-ec2-metadata-token: PSWQIMDS\r\n");
    set("AWS_EC2_METADATA_DISABLED", "TRUE");
    expect("disabled", NULL, FOOTFALL_STORE_BROKEN, "no AWS credentials");
    assert_int_equal(mock_asked(mock), 3);
}

static const struct {
    struct mock_answer answers[4];
    int status;
    const char *words;
    int asked;
} instances[] = {
    { { { "PUT ", MOCK_PLAIN, 403, "PSWQ", 0 }, ROLE_IS("the-role") },
      FOOTFALL_STORE_BROKEN,
      "it gives no token: HTTP status 403",
      1 },
    { { { "PUT ", MOCK_PLAIN, 404, "PSWQ", 0 }, ROLE_IS("the-role") },
      FOOTFALL_STORE_BROKEN,
      "it gives no token: HTTP status 404",
      1 },
    { { { "PUT ", MOCK_PLAIN, 301, "PSWQ", 0 }, ROLE_IS("the-role") },
      FOOTFALL_STORE_BROKEN,
      "it gives no token: HTTP status 301",
      1 },
    { { { "PUT ", MOCK_PLAIN, 500, "PSWQ", 0 }, ROLE_IS("the-role") }, FOOTFALL_STORE_TEMPORARY, "HTTP status 500", 3 },
    { { { "PUT ", MOCK_HANG_UP, 0, NULL, 0 } }, FOOTFALL_STORE_TEMPORARY, "instance metadata: ", 3 },
    { { { "PUT ", MOCK_PLAIN, 200, "", 0 } }, FOOTFALL_STORE_TEMPORARY, "the answer is no token", 1 },
    { { { "PUT ", MOCK_PLAIN, 200, "PSWQ\nX: y", 0 } }, FOOTFALL_STORE_TEMPORARY, "the answer is no token", 1 },
    { { { "PUT ", MOCK_PLAIN, 200, "<html> PSWQ", 0 } }, FOOTFALL_STORE_TEMPORARY, "the answer is no token", 1 },
    { { TOKEN_IS, NOTHING_ELSE }, FOOTFALL_STORE_BROKEN, "the instance has no role", 2 },
    { { TOKEN_IS, ROLE_IS("") }, FOOTFALL_STORE_BROKEN, "the instance has no role", 2 },
    { { TOKEN_IS, ROLE_IS("\n") }, FOOTFALL_STORE_TEMPORARY, "not the name of one role", 2 },
    { { TOKEN_IS, ROLE_IS("one\ntwo\n") }, FOOTFALL_STORE_TEMPORARY, "not the name of one role", 2 },
    { { TOKEN_IS, ROLE_IS("../../x") }, FOOTFALL_STORE_TEMPORARY, "not the name of one role", 2 },
    { { TOKEN_IS, ROLE_IS("a?b") }, FOOTFALL_STORE_TEMPORARY, "not the name of one role", 2 },
    { { TOKEN_IS, { "GET ", MOCK_PLAIN, 401, "", 0 } }, FOOTFALL_STORE_TEMPORARY, "the role: HTTP status 401", 2 },
    { { TOKEN_IS, ROLE_IS("the-role"), ROLE_GIVES(404, "") },
      FOOTFALL_STORE_BROKEN,
      "the role's credentials: HTTP status 404",
      3 },
    { { TOKEN_IS, ROLE_IS("the-role"), ROLE_GIVES(503, "") }, FOOTFALL_STORE_TEMPORARY, "HTTP status 503", 5 },
    { { TOKEN_IS, ROLE_IS("the-role"), ROLE_GIVES(200, "PSWQ") }, FOOTFALL_STORE_TEMPORARY, "no JSON object", 3 },
    { { TOKEN_IS, ROLE_IS("the-role"), ROLE_GIVES(200, "{\"Code\":\"Failed\"}") },
      FOOTFALL_STORE_TEMPORARY,
      "the answer is Failed",
      3 },
    { { TOKEN_IS, ROLE_IS("the-role"), ROLE_GIVES(200, KEYS("AK", BEFORE)) },
      FOOTFALL_STORE_TEMPORARY,
      "expired already",
      3 },
    { { TOKEN_IS, ROLE_IS("the-role"),
        ROLE_GIVES(200, "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"PSWQ\",\"Token\":\"PSWQ\"}") },
      FOOTFALL_STORE_TEMPORARY,
      "lacks AccessKeyId, SecretAccessKey, Token or Expiration",
      3 },
};

static void bad_instances_are_told(void **state)
{
    (void)state;
    at_instance();
    for (size_t i = 0; i < sizeof(instances) / sizeof(instances[0]); i++) {
        mock_answers(mock, instances[i].answers);
        expect(instances[i].words, NULL, instances[i].status, instances[i].words);
        if (mock_asked(mock) != instances[i].asked)
            fail_msg("%s: asked %d times", instances[i].words, mock_asked(mock));
    }
}

static void an_endpoint_that_is_none(void **state)
{
    static const char *const bad[] = { "127.0.0.1", "ftp://127.0.0.1", "http://u:PSWQ@127.0.0.1", "http://127.0.0.1/?",
                                       "http://a b" };
    (void)state;
    set("AWS_EC2_METADATA_DISABLED", "false");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("AWS_EC2_METADATA_SERVICE_ENDPOINT", bad[i]);
        expect(bad[i], NULL, FOOTFALL_STORE_BROKEN, "AWS_EC2_METADATA_SERVICE_ENDPOINT: is no URL");
    }
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    expect("nobody there", NULL, FOOTFALL_STORE_TEMPORARY, "instance metadata: Failed to connect");
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static int refuse_at(void *user)
{
    int *left = user;
    return (*left)-- == 0;
}

static int all_calls(int *renewals)
{
    static const struct dynamodb_chain_options none;
    struct footfall_store_call call = call_now();
    const struct dynamodb_credentials *who = NULL;
    struct dynamodb_chain *chain = NULL;
    int rc = footfall__dynamodb_chain_new(&chain, &none, &call);
    for (*renewals = 0; rc == 0 && *renewals < 2; (*renewals)++) {
        rc = footfall__dynamodb_credentials(chain, &who, NOW_MS, &call);
        if (rc == 0)
            footfall__dynamodb_credentials_refused(chain);
    }
    footfall__dynamodb_chain_free(chain);
    return rc;
}

static void without_memory(void)
{
    for (int at = 0, rc = -1; rc != 0; at++) {
        int left = at;
        int renewals = 0;
        footfall__alloc_hook(refuse_at, &left);
        rc = all_calls(&renewals);
        footfall__alloc_hook(NULL, NULL);
        if (rc != (left < 0 ? FOOTFALL_STORE_NO_MEMORY : 0))
            fail_msg("allocation %d: %d %s", at, rc, text);
        shows_nothing("no memory");
    }
}

static void every_allocation_may_fail(void **state)
{
    static const struct mock_answer answers[] = { TOKEN_IS,
                                                  ROLE_IS("the-role"),
                                                  ROLE_GIVES(200, KEYS("AKEC2", LATER)),
                                                  { NULL, MOCK_PLAIN, 200, KEYS("AKBOX", LATER), 0 } };
    char *path = support_path(folder, "token");
    (void)state;
    mock_answers(mock, answers);
    at_instance();
    without_memory();
    at_container("127.0.0.1");
    support_file_write(path, "PSWQ", 4);
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    without_memory();
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_instance_gives_credentials, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(bad_instances_are_told, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(an_endpoint_that_is_none, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, set_up_mock, tear_down_mock),
    };
    return cmocka_run_group_tests_name("dynamodb instance", tests, NULL, NULL);
}
