/* test_dynamodb_endpoint.c: where the service is: settings before the environment before the region, and URLs that are none. */
#include "dynamodb_unit.h"

#include "client.h"
#include "endpoint.h"

static char text[256];

static int set_up(void **state)
{
    (void)state;
    (void)unsetenv("AWS_ENDPOINT_URL_DYNAMODB");
    (void)unsetenv("AWS_ENDPOINT_URL");
    return 0;
}

static int take(struct dynamodb_endpoint *out, const char *setting, const char *region)
{
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    return footfall__dynamodb_endpoint(out, setting, region, &call);
}

static void expect(const char *setting, const char *region, const char *url, const char *host)
{
    struct dynamodb_endpoint endpoint;
    if (take(&endpoint, setting, region) != 0)
        fail_msg("%s, %s: %s", setting != NULL ? setting : "(none)", region, text);
    assert_string_equal(endpoint.url, url);
    assert_string_equal(endpoint.host, host);
    footfall__dynamodb_endpoint_free(&endpoint);
}

static void good_urls(void **state)
{
    static const struct {
        const char *setting, *url, *host;
    } known[] = {
        { "http://127.0.0.1:8000", "http://127.0.0.1:8000/", "127.0.0.1:8000" },
        { "http://127.0.0.1:8000/", "http://127.0.0.1:8000/", "127.0.0.1:8000" },
        { "http://localhost", "http://localhost/", "localhost" },
        { "http://localhost:80", "http://localhost/", "localhost" },
        { "https://localhost:443", "https://localhost/", "localhost" },
        { "http://localhost:443", "http://localhost:443/", "localhost:443" },
        { "https://localhost:80", "https://localhost:80/", "localhost:80" },
        { "HTTPS://localhost", "https://localhost/", "localhost" },
        { "https://vpce-1a2b.dynamodb.eu-west-1.vpce.amazonaws.com",
          "https://vpce-1a2b.dynamodb.eu-west-1.vpce.amazonaws.com/",
          "vpce-1a2b.dynamodb.eu-west-1.vpce.amazonaws.com" },
        { "http://[::1]:8000", "http://[::1]:8000/", "[::1]:8000" },
        { "https://[fd00:ec2::23]", "https://[fd00:ec2::23]/", "[fd00:ec2::23]" },
        { "http://a_b.test:1", "http://a_b.test:1/", "a_b.test:1" },
        { "http://localhost:65535", "http://localhost:65535/", "localhost:65535" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        expect(known[i].setting, "eu-west-1", known[i].url, known[i].host);
}

static void bad_urls(void **state)
{
    static const char *const bad[] = { "127.0.0.1:8000",
                                       "127.0.0.1",
                                       "localhost:8000",
                                       "//localhost",
                                       "ftp://localhost",
                                       "file:///etc/passwd",
                                       "unix:///tmp/x",
                                       "http:",
                                       "http://",
                                       "http:///",
                                       "http://:8000",
                                       "http://localhost:x",
                                       "http://localhost:65536",
                                       "http://localhost:-1",
                                       "http://localhost:0",
                                       "http://localhost/path",
                                       "http://localhost//",
                                       "http://localhost/?a=b",
                                       "http://localhost?a",
                                       "http://localhost/#a",
                                       "http://localhost#a",
                                       "http://user@localhost",
                                       "http://user:PSWQ@localhost",
                                       "http://:PSWQ@localhost",
                                       "http://[::1",
                                       "http://[::1]x",
                                       "http://::1",
                                       "http://[fe80::1%25eth0]:8000",
                                       "http://[localhost]",
                                       "http://lo cal",
                                       " http://localhost",
                                       "http://localhost ",
                                       "http://local\nhost",
                                       "http://a%0d%0ab",
                                       "http://a%00b",
                                       "x",
                                       "https://[::g]" };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct dynamodb_endpoint endpoint;
        int rc = take(&endpoint, bad[i], "eu-west-1");
        if (rc != FOOTFALL_STORE_CONFIG)
            fail_msg("'%s': %d %s", bad[i], rc, rc == 0 ? endpoint.url : text);
        assert_string_equal(text, "dynamodb.endpoint is no URL of the form http://HOST:PORT or https://HOST");
        footfall__dynamodb_endpoint_free(&endpoint); /* nothing to free, and fine */
    }
}

static void regions(void **state)
{
    (void)state;
    expect(NULL, "eu-west-1", "https://dynamodb.eu-west-1.amazonaws.com/", "dynamodb.eu-west-1.amazonaws.com");
    expect(NULL, "us-gov-west-1", "https://dynamodb.us-gov-west-1.amazonaws.com/",
           "dynamodb.us-gov-west-1.amazonaws.com");
    expect(NULL, "cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn/", "dynamodb.cn-north-1.amazonaws.com.cn");
    expect(NULL, "cn-northwest-1", "https://dynamodb.cn-northwest-1.amazonaws.com.cn/",
           "dynamodb.cn-northwest-1.amazonaws.com.cn");
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void precedence(void **state)
{
    struct dynamodb_endpoint endpoint;
    (void)state;
    set("AWS_ENDPOINT_URL", "http://every.test:1");
    expect(NULL, "eu-west-1", "http://every.test:1/", "every.test:1");
    set("AWS_ENDPOINT_URL_DYNAMODB", "");
    expect(NULL, "eu-west-1", "http://every.test:1/", "every.test:1");
    set("AWS_ENDPOINT_URL_DYNAMODB", "http://mine.test:2");
    expect(NULL, "eu-west-1", "http://mine.test:2/", "mine.test:2");
    expect("http://set.test:3", "eu-west-1", "http://set.test:3/", "set.test:3");
    set("AWS_ENDPOINT_URL_DYNAMODB", "mine");
    assert_int_equal(take(&endpoint, NULL, "eu-west-1"), FOOTFALL_STORE_CONFIG);
    assert_non_null(strstr(text, "AWS_ENDPOINT_URL_DYNAMODB is no URL"));
    expect("http://set.test:3", "eu-west-1", "http://set.test:3/", "set.test:3");
    (void)unsetenv("AWS_ENDPOINT_URL_DYNAMODB");
    set("AWS_ENDPOINT_URL", "http://u:PSWQ@every");
    assert_int_equal(take(&endpoint, NULL, "eu-west-1"), FOOTFALL_STORE_CONFIG);
    assert_non_null(strstr(text, "AWS_ENDPOINT_URL is no URL"));
    assert_null(strstr(text, "PSWQ"));
    set("AWS_ENDPOINT_URL", "");
    expect(NULL, "eu-west-1", "https://dynamodb.eu-west-1.amazonaws.com/", "dynamodb.eu-west-1.amazonaws.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(good_urls, set_up),
        cmocka_unit_test_setup(bad_urls, set_up),
        cmocka_unit_test_setup(regions, set_up),
        cmocka_unit_test_setup(precedence, set_up),
    };
    return cmocka_run_group_tests_name("dynamodb endpoints", tests, NULL, set_up);
}
