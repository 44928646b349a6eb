/* test_dynamodb_container.c: credentials from a container's endpoint: the token that is sent there, the certificates that are trusted,
 * and which hosts the environment may name. */
#include "test_dynamodb_mock.h"

static void a_container_gives_credentials(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost", "127.8.9.10" };
    (void)state;
    answer(MOCK_PLAIN, 200, KEYS("AKBOX", LATER));
    for (size_t i = 0; i < 2; i++) {
        at_container(hosts[i]);
        expect(hosts[i], NULL, 0, "AKBOX");
        asked_with((int)i, "GET /creds?a=b HTTP/1.1\r\n");
        assert_null(strstr(mock_request(mock, (int)i), "Authorization"));
    }
    at_container(hosts[2]); /* loopback, but nobody listens there */
    expect(hosts[2], NULL, FOOTFALL_STORE_TEMPORARY, "the container's credentials endpoint: Failed to connect");
    write_file("credentials", "[default]\naws_access_key_id=AKFILE\naws_secret_access_key=PSWQ\n");
    expect("files go before it", NULL, 0, "AKFILE");
}

static void what_lasts_needs_no_token(void **state)
{
    struct footfall_store_call call = call_now();
    const struct dynamodb_credentials *who = NULL;
    struct dynamodb_chain *chain = NULL;
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, "{\"AccessKeyId\":\"AKBOX\",\"SecretAccessKey\":\"PSWQ\"}");
    chain = chain_of(NULL);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), 0);
    assert_null(who->session_token);
    assert_true(who->expires_ms == INT64_MAX);
    footfall__dynamodb_chain_free(chain);
    answer(MOCK_PLAIN, 200, KEYS("AKBOX", "2026-11-28T06:00:00.25+02:00"));
    chain = chain_of(NULL);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), 0);
    assert_string_equal(who->session_token, "PSWQT");
    assert_true(who->expires_ms == NOW_MS + 4 * 3600 * INT64_C(1000));
    footfall__dynamodb_chain_free(chain);
}

static void a_token_is_sent_and_a_file_read_each_time(void **state)
{
    char *path = support_path(folder, "token");
    struct dynamodb_chain *chain = NULL;
    const char *id = "";
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AKBOX", LATER));
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PSWQENV");
    expect("variable", NULL, 0, "AKBOX");
    asked_with(0, "\r\nAuthorization: PSWQENV\r\n");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    expect("no file", NULL, FOOTFALL_STORE_BROKEN, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: /");
    support_file_write(path, "PSWQ1\r\n", 7);
    chain = chain_of(NULL);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    asked_with(1, "\r\nAuthorization: PSWQ1\r\n");
    support_file_write(path, "PSWQ2", 5);
    footfall__dynamodb_credentials_refused(chain);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    asked_with(2, "\r\nAuthorization: PSWQ2\r\n");
    footfall__dynamodb_chain_free(chain);
    free(path);
}

static void tokens_that_would_break_a_header(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
    } bad[] = { { "", 0 },          { "\n", 1 },        { "PSWQ\r\nX: y", 10 }, { "PSWQ\nPSWQ\n", 10 },
                { "PSWQ PSWQ", 9 }, { "PSWQ\0PSWQ", 9 } };
    char *path = support_path(folder, "token");
    char *large = calloc(1, DYNAMODB_TOKEN_BYTES + 1);
    (void)state;
    assert_non_null(large);
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AKBOX", LATER));
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PSWQ\r\nX-Evil: 1");
    expect("variable", NULL, FOOTFALL_STORE_BROKEN, "AWS_CONTAINER_AUTHORIZATION_TOKEN: the token");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        support_file_write(path, bad[i].bytes, bad[i].count);
        expect(bad[i].bytes, NULL, FOOTFALL_STORE_BROKEN, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the token");
    }
    memset(large, 'x', DYNAMODB_TOKEN_BYTES + 1);
    support_file_write(path, large, DYNAMODB_TOKEN_BYTES + 1);
    expect("large", NULL, FOOTFALL_STORE_BROKEN, "cannot be read: File too large");
    assert_int_equal(mock_asked(mock), 0);
    free(large);
    free(path);
}

static void the_trusted_certificates_are_named_by_the_environment(void **state)
{
    static const char *const names[] = { "SSL_CERT_FILE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE" };
    char *url = support_format("https://127.0.0.1:%d/", mock_port(mock));
    (void)state;
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    answer(MOCK_PLAIN, 200, KEYS("AKBOX", LATER));
    expect("no TLS there", NULL, FOOTFALL_STORE_TEMPORARY, "the container's credentials endpoint: ");
    for (size_t i = 0; i < 3; i++) {
        char *path = support_format("/nonexistent/%s", names[i]);
        set(names[i], path);
        expect(names[i], NULL, FOOTFALL_STORE_TEMPORARY, path);
        free(path);
    }
    free(url);
}

/* ---- who may be asked -------------------------------------------------------------------------------------------- */

static void only_some_hosts_are_asked(void **state)
{
    static const char *const good[] = {
        "http://127.0.0.1/",
        "http://127.1.2.3:1/x",
        "http://localhost:1338/x",
        "http://LOCALHOST/",
        "http://[::1]:80/",
        "http://169.254.170.2/v2",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1",
        "https://example.com/x?y",
        "https://10.0.0.1/",
    };
    static const char *const bad[] = {
        "http://example.com/",
        "http://127.0.0.1.evil.com/",
        "http://localhost.evil.com/",
        "http://evil.localhost/",
        "http://localhost./",
        "http://[::1]@evil/",
        "http://127.0.0.1@evil.com/",
        "http://u:PSWQ@127.0.0.1/",
        "https://u:PSWQ@example.com/",
        "http://2130706433/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1%25lo]/",
        "http://[::1%lo]/",
        "http://169.254.169.254/",
        "http://169.254.170.22/",
        "http://169.254.170.2.evil.com/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1/creds",
        "/creds",
        "http://",
        "http:///x",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "HTTP",
        "http://127.0.0.1/ x",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1\\@evil.com/",
        "http://127.0.0.1#@evil.com/\t",
        "http://127.0.0.1:99999/",
        "http://evil.com#127.0.0.1",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1%2eevil.com/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct dynamodb_sources from = { 0 };
        struct footfall_store_call call = call_now();
        char *url = NULL;
        from.env[DYNAMODB_FULL_URI] = support_format("%s", good[i]);
        if (footfall__dynamodb_container_url(&url, &from, &call) != 0)
            fail_msg("%s: %s", good[i], text);
        assert_string_equal(url, good[i]);
        footfall__free(url);
        free(from.env[DYNAMODB_FULL_URI]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i]);
        set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "PSWQ");
        expect(bad[i], NULL, FOOTFALL_STORE_BROKEN, "AWS_CONTAINER_CREDENTIALS_FULL_URI: ");
    }
}

static void relative_ones_are_paths(void **state)
{
    static const char *const bad[] = { "v2/credentials", ".evil.com/x", "@evil.com/", ":80@evil.com", "/a b", "/a\nb" };
    struct dynamodb_sources from = { 0 };
    struct footfall_store_call call = call_now();
    char relative[] = "/v2/credentials/uuid?x=y";
    char full[] = "http://127.0.0.1/";
    char *url = NULL;
    (void)state;
    from.env[DYNAMODB_FULL_URI] = full;
    from.env[DYNAMODB_RELATIVE_URI] = relative;
    assert_int_equal(footfall__dynamodb_container_url(&url, &from, &call), 0);
    assert_string_equal(url, "http://169.254.170.2/v2/credentials/uuid?x=y");
    footfall__free(url);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", bad[i]);
        expect(bad[i], NULL, FOOTFALL_STORE_BROKEN, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_container_gives_credentials, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(what_lasts_needs_no_token, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_token_is_sent_and_a_file_read_each_time, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(tokens_that_would_break_a_header, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_trusted_certificates_are_named_by_the_environment, set_up_mock,
                                        tear_down_mock),
        cmocka_unit_test_setup_teardown(only_some_hosts_are_asked, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(relative_ones_are_paths, set_up_mock, tear_down_mock),
    };
    return cmocka_run_group_tests_name("dynamodb container", tests, NULL, NULL);
}
