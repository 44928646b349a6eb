/* test_dynamodb_metadata.c: credentials from a container's endpoint and from instance metadata, both on a server of the test's own
 * that answers well, badly, too much, too late or not at all; and which hosts the environment may name. */
#include "test_dynamodb.h"

#include "dynamodb_mock.h"

#define LATER "2026-11-28T06:00:00Z"
#define SOON "2026-11-28T00:04:00Z"
#define BEFORE "2026-11-27T23:59:59Z"
#define KEYS(id, until)                                                                                                \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id                                                                      \
    "\",\"SecretAccessKey\":\"PSWQ\",\"Token\":\"PSWQT\",\"Expiration\":\"" until "\"}"
#define ROLES "/latest/meta-data/iam/security-credentials/"

static struct mock *mock;

static int set_up_mock(void **state)
{
    mock = mock_start();
    return set_up(state);
}

static int tear_down_mock(void **state)
{
    mock_stop(mock);
    mock = NULL;
    return tear_down(state);
}

static void at_container(const char *host)
{
    char *url = support_format("http://%s:%d/creds?a=b", host, mock_port(mock));
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    free(url);
}

static void at_instance(void)
{
    char *url = support_format("http://127.0.0.1:%d/", mock_port(mock));
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    set("AWS_EC2_METADATA_DISABLED", "false");
    free(url);
}

static void answer(enum mock_way way, int status, const char *body)
{
    static struct mock_answer one[1];
    one[0] = (struct mock_answer){ NULL, way, status, body, 0 };
    mock_answers(mock, one);
}

static void asked_with(int number, const char *words)
{
    if (strstr(mock_request(mock, number), words) == NULL)
        fail_msg("request %d lacks %s: %s", number, words, mock_request(mock, number));
}

/* ---- a container's endpoint ------------------------------------------------------------------------------------------------- */

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

/* ---- bad answers ----------------------------------------------------------------------------------------------------------------- */

static const struct {
    enum mock_way way;
    int status;
    const char *body, *words;
    int attempts;
} bads[] = {
    { MOCK_PLAIN, 404, KEYS("AK", LATER), "HTTP status 404", 1 },
    { MOCK_PLAIN, 403, "PSWQ", "HTTP status 403", 1 },
    { MOCK_PLAIN, 204, "", "HTTP status 204", 1 },
    { MOCK_PLAIN, 302, KEYS("AK", LATER), "HTTP status 302", 1 },
    { MOCK_PLAIN, 500, KEYS("AK", LATER), "HTTP status 500", 3 },
    { MOCK_PLAIN, 429, "", "HTTP status 429", 3 },
    { MOCK_PLAIN, 200, "", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "<html>PSWQ</html>", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "[\"PSWQ\"]", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "null", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"PSWQ\"", "no JSON object", 1 },
    { MOCK_PLAIN, 200, KEYS("AK", LATER) "PSWQ", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "{\"Token\":\"PSWQ\",\"Token\":\"PSWQ\"}", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"PS\\u0000WQ\"}", "no JSON object", 1 },
    { MOCK_PLAIN, 200, "{}", "lacks AccessKeyId", 1 },
    { MOCK_PLAIN, 200, "{\"AccessKeyId\":1,\"SecretAccessKey\":\"PSWQ\"}", "lacks AccessKeyId", 1 },
    { MOCK_PLAIN, 200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"PSWQ\"}",
      "is AssumeRoleUnauthorizedAccess", 1 },
    { MOCK_PLAIN, 200, KEYS("A\\nK", LATER), "the answer's AccessKeyId is empty, too long", 1 },
    { MOCK_PLAIN, 200, KEYS("", LATER), "the answer's AccessKeyId is empty", 1 },
    { MOCK_PLAIN, 200, KEYS("AK", ""), "Expiration is no time", 1 },
    { MOCK_PLAIN, 200, KEYS("AK", "tomorrow"), "Expiration is no time", 1 },
    { MOCK_PLAIN, 200, KEYS("AK", "2026-02-31T00:00:00Z"), "Expiration is no time", 1 },
    { MOCK_PLAIN, 200, KEYS("AK", BEFORE), "has expired already", 1 },
    { MOCK_RAW, 0, "PSWQ", "the container's credentials endpoint: ", 1 },
    { MOCK_RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"AccessKeyId\":\"AK\"",
      "the container's credentials endpoint: ", 3 },
    { MOCK_RAW, 0, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", "the container's credentials endpoint: ", 1 },
    { MOCK_RAW, 0, "HTTP/1.1 200 OK\r\n\r\n{\"AccessKeyId\":\"AK\"", "no JSON object", 1 },
    { MOCK_HANG_UP, 0, NULL, "the container's credentials endpoint: ", 3 },
    { MOCK_ENDLESS, 0, NULL, "the answer is too long", 1 },
};

static void bad_answers_are_temporary(void **state)
{
    (void)state;
    at_container("127.0.0.1");
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        answer(bads[i].way, bads[i].status, bads[i].body);
        expect(bads[i].body != NULL ? bads[i].body : "endless", NULL, FOOTFALL_STORE_TEMPORARY, bads[i].words);
        if (mock_asked(mock) != bads[i].attempts)
            fail_msg("%s: asked %d times", bads[i].body, mock_asked(mock));
    }
}

static void the_longest_answer_is_read(void **state)
{
    char *body =
        support_format("%s%*s", KEYS("AKBOX", LATER), DYNAMODB_REPLY_BYTES - (int)strlen(KEYS("AKBOX", LATER)), "");
    char *longer = support_format("%s ", body);
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, body);
    expect("65,536 bytes", NULL, 0, "AKBOX");
    answer(MOCK_PLAIN, 200, longer);
    expect("one more", NULL, FOOTFALL_STORE_TEMPORARY, "the answer is too long");
    free(longer);
    free(body);
}

static void a_server_that_recovers(void **state)
{
    static const struct mock_answer answers[] = { { "GET ", MOCK_PLAIN, 503, "", 1 },
                                                  { "GET ", MOCK_HANG_UP, 0, NULL, 1 },
                                                  { NULL, MOCK_PLAIN, 200, KEYS("AKBOX", LATER), 0 } };
    (void)state;
    at_container("127.0.0.1");
    mock_answers(mock, answers);
    expect("third time", NULL, 0, "AKBOX");
    assert_int_equal(mock_asked(mock), 3);
}

static void the_deadline_is_kept(void **state)
{
    static const enum mock_way ways[] = { MOCK_SILENT, MOCK_DRIP };
    static const int64_t within_ms[] = { -5, 0, 300, 2600 };
    (void)state;
    at_container("127.0.0.1");
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; i < 4; i++) {
            struct dynamodb_chain *chain = chain_of(NULL);
            struct footfall_store_call call = call_within(within_ms[i]);
            const struct dynamodb_credentials *who = NULL;
            int64_t late_ms = 0;
            answer(ways[w], 0, NULL);
            assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS, &call), FOOTFALL_STORE_TEMPORARY);
            late_ms = footfall__boottime_ms() - call.deadline_ms;
            if (late_ms > 400 || (within_ms[i] > 0 && late_ms < -200))
                fail_msg("%d ms after the deadline: %s", (int)late_ms, text);
            assert_int_equal(mock_asked(mock), within_ms[i] <= 0 ? 0 : within_ms[i] > 2000 ? 2 : 1);
            footfall__dynamodb_chain_free(chain);
        }
}

/* ---- renewal ------------------------------------------------------------------------------------------------------------------------ */

static void they_are_renewed_five_minutes_before(void **state)
{
    struct dynamodb_chain *chain = NULL;
    int64_t until = NOW_MS + 6 * 3600 * INT64_C(1000);
    const char *id = "";
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AK1", LATER));
    chain = chain_of(NULL);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    assert_int_equal(ask(chain, until - 300001, &id), 0);
    assert_int_equal(mock_asked(mock), 1);
    answer(MOCK_PLAIN, 200, KEYS("AK2", "2026-11-29T00:00:00Z"));
    assert_int_equal(ask(chain, until - 300000, &id), 0);
    assert_string_equal(id, "AK2");
    assert_int_equal(ask(chain, until, &id), 0);
    assert_int_equal(mock_asked(mock), 1);
    footfall__dynamodb_chain_free(chain);
}

static void old_ones_do_while_they_are_good(void **state)
{
    struct dynamodb_chain *chain = NULL;
    int64_t until = NOW_MS + 6 * 3600 * INT64_C(1000);
    const char *id = "";
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AK1", LATER));
    chain = chain_of(NULL);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    answer(MOCK_PLAIN, 404, "PSWQ");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(chain, until - 200000 + i * 1000, &id), 0);
        assert_string_equal(id, "AK1");
    }
    assert_int_equal(mock_asked(mock), 1); /* not on every call */
    assert_int_equal(ask(chain, until, &id), FOOTFALL_STORE_TEMPORARY);
    assert_int_equal(ask(chain, until, &id), FOOTFALL_STORE_TEMPORARY);
    assert_int_equal(mock_asked(mock), 3);
    answer(MOCK_PLAIN, 200, KEYS("AK2", "2026-11-29T00:00:00Z"));
    assert_int_equal(ask(chain, until, &id), 0);
    assert_string_equal(id, "AK2");
    footfall__dynamodb_credentials_refused(chain);
    answer(MOCK_PLAIN, 404, "PSWQ");
    assert_int_equal(ask(chain, until, &id), FOOTFALL_STORE_TEMPORARY);
    answer(MOCK_PLAIN, 200, KEYS("AK3", "2026-11-29T00:00:00Z"));
    assert_int_equal(ask(chain, until, &id), 0);
    assert_string_equal(id, "AK3");
    footfall__dynamodb_chain_free(chain);
}

static void what_ends_soon_is_not_asked_for_on_every_call(void **state)
{
    struct dynamodb_chain *chain = NULL;
    const char *id = "";
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AK1", SOON));
    chain = chain_of(NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(chain, NOW_MS + i * 1000, &id), 0);
    assert_int_equal(mock_asked(mock), 1);
    assert_int_equal(ask(chain, NOW_MS + 240000, &id), FOOTFALL_STORE_TEMPORARY); /* the same again: expired */
    footfall__dynamodb_chain_free(chain);
}

static void a_renewal_leaves_half_of_the_time(void **state)
{
    struct footfall_store_call call;
    const struct dynamodb_credentials *who = NULL;
    struct dynamodb_chain *chain = NULL;
    const char *id = "";
    int64_t left_ms = 0;
    (void)state;
    at_container("127.0.0.1");
    answer(MOCK_PLAIN, 200, KEYS("AK1", LATER));
    chain = chain_of(NULL);
    assert_int_equal(ask(chain, NOW_MS, &id), 0);
    answer(MOCK_SILENT, 0, NULL);
    call = call_within(1000);
    assert_int_equal(footfall__dynamodb_credentials(chain, &who, NOW_MS + 6 * 3600000 - 1, &call), 0);
    left_ms = call.deadline_ms - footfall__boottime_ms();
    if (left_ms < 200 || left_ms > 600)
        fail_msg("%d ms are left", (int)left_ms);
    assert_string_equal(text, "");
    footfall__dynamodb_chain_free(chain);
}

/* That no such file is there is what curl says of it. */
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

/* ---- who may be asked ---------------------------------------------------------------------------------------------------------------- */

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

/* ---- instance metadata ------------------------------------------------------------------------------------------------------------------ */

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

/* ---- times ------------------------------------------------------------------------------------------------------------------------------- */

static void times(void **state)
{
    static const struct {
        const char *is;
        int64_t ms;
    } known[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-11-28T00:00:00Z", NOW_MS },
        { "2026-11-28T00:00:00.999999Z", NOW_MS },
        { "2026-11-28T05:30:00+05:30", NOW_MS },
        { "2026-11-27T16:00:00-08:00", NOW_MS },
        { "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
        { "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
        { "9999-12-31T23:59:59Z", INT64_C(253402300799000) },
    };
    static const char *const bad[] = { "",
                                       "2026-11-28",
                                       "2026-11-28T00:00:00",
                                       "2026-11-28 00:00:00Z",
                                       "2026-11-28T00:00:00z",
                                       "2026-11-28T00:00:00ZZ",
                                       "2026-11-28T00:00:00.Z",
                                       "2026-11-28T24:00:00Z",
                                       "2026-11-28T00:60:00Z",
                                       "2026-11-28T00:00:61Z",
                                       "2026-13-01T00:00:00Z",
                                       "2026-00-01T00:00:00Z",
                                       "2026-11-31T00:00:00Z",
                                       "2025-02-29T00:00:00Z",
                                       "2026-11-00T00:00:00Z",
                                       "1969-12-31T23:59:59Z",
                                       "+026-11-28T00:00:00Z",
                                       "2026-11-28T00:00:00+0530",
                                       "2026-11-28T00:00:00+24:00",
                                       "2026-11-28T00:00:00+05:60",
                                       "2026-11-28T00:00:00+05:3",
                                       "1795824000",
                                       "2026-1-28T00:00:00Z" };
    int64_t ms = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_int_equal(footfall__dynamodb_time(&ms, known[i].is), 0);
        assert_true(ms == known[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (footfall__dynamodb_time(&ms, bad[i]) == 0)
            fail_msg("%s is a time", bad[i]);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------------------- */

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
        cmocka_unit_test_setup_teardown(a_container_gives_credentials, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(what_lasts_needs_no_token, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_token_is_sent_and_a_file_read_each_time, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(tokens_that_would_break_a_header, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(bad_answers_are_temporary, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_longest_answer_is_read, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_server_that_recovers, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_deadline_is_kept, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(they_are_renewed_five_minutes_before, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(old_ones_do_while_they_are_good, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(what_ends_soon_is_not_asked_for_on_every_call, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_renewal_leaves_half_of_the_time, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_trusted_certificates_are_named_by_the_environment, set_up_mock,
                                        tear_down_mock),
        cmocka_unit_test_setup_teardown(only_some_hosts_are_asked, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(relative_ones_are_paths, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(an_instance_gives_credentials, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(bad_instances_are_told, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(an_endpoint_that_is_none, set_up_mock, tear_down_mock),
        cmocka_unit_test(times),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, set_up_mock, tear_down_mock),
    };
    return cmocka_run_group_tests_name("dynamodb metadata", tests, NULL, NULL);
}
