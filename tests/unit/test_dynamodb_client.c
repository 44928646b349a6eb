/* test_dynamodb_client.c: the client's connections: how many, whose, when none comes to be, and that a deadline is one. What replies
 * bring about is in test_dynamodb_replies.c. */
#include "test_dynamodb_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_connection_for_many_requests(void **state)
{
    struct dynamodb_client *client = NULL;
    SERVE({ 0 });
    (void)state;
    client = client_here();
    for (int i = 0; i < 20; i++) {
        struct asked a = send_one(client, "{\"a\":1}", 5000);
        got(&a, DYNAMODB_ANSWERED, 0);
    }
    came(20, "{\"a\":1}");
    assert_int_equal(support_service_connections(service), 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->connects), 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->requests[DYNAMODB_UPDATE_ITEM]), 20);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), 0);
    footfall__dynamodb_client_free(client, 0);
}

static void what_a_request_says(void **state)
{
    static const char *const lines[] = { "POST / HTTP/1.1\r\n",
                                         "\r\nX-Amz-Target: DynamoDB_20120810.UpdateItem\r\n",
                                         "\r\nContent-Type: application/x-amz-json-1.0\r\n",
                                         "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" KEY_ID "/",
                                         "/eu-west-1/dynamodb/aws4_request, SignedHeaders=",
                                         "\r\nX-Amz-Security-Token: " TOKEN "\r\n",
                                         "\r\nContent-Length: 7\r\n" };
    struct dynamodb_client *client = NULL;
    char *host = NULL;
    SERVE({ 0 });
    (void)state;
    client = client_here();
    (void)send_one(client, "{\"a\":1}", 5000);
    host = support_format("\r\nHost: 127.0.0.1:%d\r\n", support_service_port(service));
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (strstr(support_service_head(service, 0), lines[i]) == NULL)
            fail_msg("no %s in %s", lines[i], support_service_head(service, 0));
    assert_non_null(strstr(support_service_head(service, 0), host));
    assert_null(strstr(support_service_head(service, 0), "Expect"));
    assert_null(strstr(support_service_head(service, 0), SECRET));
    free(host);
    footfall__dynamodb_client_free(client, 0);
}

static void several_at_once(void **state)
{
    enum { MANY = 80 };
    static struct asked all[MANY];
    struct footfall_store_call call = call_now();
    struct dynamodb_client *client = NULL;
    int64_t begun = 0;
    SERVE({ .delay_ms = 100 });
    (void)state;
    client = client_here();
    begun = footfall__boottime_ms();
    for (int i = 0; i < MANY; i++)
        queue(client, &all[i], "{\"a\":2}");
    footfall__dynamodb_pump(client, &call);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i].done, 1);
        got(&all[i], DYNAMODB_ANSWERED, 0);
        json_decref(all[i].reply);
    }
    assert_true(footfall__boottime_ms() - begun < MANY * 100 / 2);
    came(MANY, "{\"a\":2}");
    assert_in_range(support_service_connections(service), 2, 32);
    footfall__dynamodb_client_free(client, 0);
}

/* ---- no answer -------------------------------------------------------------------------------------------------------------------- */

static void a_deadline_is_kept(void **state)
{
    static const struct {
        struct say say;
        int doubt;
    } cases[] = {
        { { SUPPORT_SERVICE_SILENT, 0, NULL }, 1 },
        { { SUPPORT_SERVICE_HANG_UP, 0, NULL }, 1 },
        { { SUPPORT_SERVICE_REPLY, 500, FAULT("InternalServerError") }, 1 },
        { { SUPPORT_SERVICE_REPLY, 400, FAULT("TransactionConflictException") }, 0 },
        { { SUPPORT_SERVICE_REPLY, 400, FAULT("ThrottlingException") }, 0 },
        { { .delay_ms = 5000 }, 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dynamodb_client *client = NULL;
        struct asked a;
        int64_t begun = 0;
        serve(&cases[i].say, 1);
        client = client_here();
        begun = footfall__boottime_ms();
        a = send_one(client, "{}", 600);
        if (strstr(text, "in time") == NULL) /* else the last attempt was cut off, on a slow machine */
            got(&a, DYNAMODB_NO_ANSWER, cases[i].doubt);
        assert_int_equal(a.r.answer, DYNAMODB_NO_ANSWER);
        assert_true(a.r.doubt || !cases[i].doubt);
        assert_true(footfall__boottime_ms() - begun < 900);
        assert_int_equal(strncmp(text, "UpdateItem: ", 12), 0);
        assert_true(support_service_asked(service) >= 1);
        footfall__dynamodb_client_free(client, 0);
        support_service_stop(service);
        service = NULL;
    }
}

static void nothing_is_sent_after_it(void **state)
{
    struct dynamodb_client *client = NULL;
    SERVE({ 0 });
    (void)state;
    client = client_here();
    for (int64_t ms = 0; ms >= -1000; ms -= 500) {
        struct asked a = send_one(client, "{}", ms);
        got(&a, DYNAMODB_NO_ANSWER, 0);
        assert_false(a.r.sent);
        assert_string_equal(text, "UpdateItem: no time was left for it");
    }
    assert_int_equal(support_service_connections(service), 0);
    footfall__dynamodb_client_free(client, 0);
}

/* A port that nobody listens at. */
static char *closed_port(const char *scheme)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
    close(fd);
    return support_format("%s://127.0.0.1:%d", scheme, ntohs(at.sin_port));
}

static void nothing_is_in_doubt_at(const char *url, const char *words)
{
    struct dynamodb_client *client = client_at(url);
    struct asked a = send_one(client, "{}", 500);
    got(&a, DYNAMODB_NO_ANSWER, 0);
    assert_true(a.r.sent);
    if (strstr(text, words) == NULL && strstr(text, "Timeout") == NULL &&
        strstr(text, "in time") == NULL) /* that is a slow machine's */
        fail_msg("%s: no %s in %s", url, words, text);
    footfall__dynamodb_client_free(client, 0);
}

static void nobody_is_there(void **state)
{
    char *url = closed_port("http");
    char *tls = closed_port("https");
    (void)state;
    nothing_is_in_doubt_at(url, "connect");
    nothing_is_in_doubt_at(tls, "connect");
    set("NO_PROXY", "127.0.0.1,no-such-host.invalid");
    nothing_is_in_doubt_at("http://no-such-host.invalid", "resolve");
    free(tls);
    free(url);
}

static void a_handshake_that_fails(void **state)
{
    char *ca = support_path(folder, "ca.pem");
    char *url = NULL;
    (void)state;
    {
        SERVE({ 0 });
        url = support_format("https://127.0.0.1:%d", support_service_port(service));
        nothing_is_in_doubt_at(url, ""); /* the server speaks no TLS */
        support_service_stop(service);
        free(url);
    }
    service = support_service_start(answer_from_table, NULL, ca);
    nothing_is_in_doubt_at(support_service_url(service), "self-signed certificate"); /* nobody vouches for it */
    set("AWS_CA_BUNDLE", ca);
    set("NO_PROXY", "localhost");
    url = support_format("https://localhost:%d", support_service_port(service));
    nothing_is_in_doubt_at(url, "SSL"); /* for 127.0.0.1 only */
    assert_int_equal(support_service_asked(service), 0);
    free(url);
    free(ca);
}

/* What went wrong before the deadline came is told with it. On a slow machine it takes a few tries to get as far. */
static void the_last_reason_is_kept(void **state)
{
    int told = 0;
    SERVE({ .status = 500, .body = FAULT("InternalServerError") }, { .way = SUPPORT_SERVICE_SILENT });
    (void)state;
    for (int64_t ms = 45; !told && ms < 1000; ms += 10) {
        struct dynamodb_client *client = client_here();
        support_service_forget(service);
        (void)send_one(client, "{}", ms);
        told = strcmp(text, "UpdateItem: no reply in time, before that InternalServerError: words") == 0;
        footfall__dynamodb_client_free(client, 0);
    }
    assert_true(told);
}

/* ---- fork --------------------------------------------------------------------------------------------------------------------------- */

/* The child lets go of the client, and the parent's connection goes on as if nothing had been. */
static void fork_and_go_on(void)
{
    struct dynamodb_client *client = client_here();
    for (int i = 0; i < 3; i++) {
        struct asked a = send_one(client, "{\"a\":1}", 5000);
        pid_t child = 0;
        int status = 0;
        got(&a, DYNAMODB_ANSWERED, 0);
        child = fork();
        if (child == 0) {
            footfall__dynamodb_client_free(client, 1);
            _exit(0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    came(3, "{\"a\":1}");
    assert_int_equal(support_service_connections(service), 1);
    footfall__dynamodb_client_free(client, 0);
}

static void a_child_lets_go(void **state)
{
    SERVE({ 0 });
    (void)state;
    fork_and_go_on();
}

/* A close_notify of the child's would end the parent's connection. */
static void a_child_lets_go_of_tls(void **state)
{
    static const struct say fine;
    char *ca = support_path(folder, "ca.pem");
    (void)state;
    says = &fine;
    say_count = 1;
    service = support_service_start(answer_from_table, NULL, ca);
    set("AWS_CA_BUNDLE", ca);
    fork_and_go_on();
    free(ca);
}

/* In the midst of requests: what the parent waits for still comes. */
static void a_child_of_a_busy_parent(void **state)
{
    struct dynamodb_client *client = NULL;
    struct footfall_store_call call = call_now();
    static struct asked all[8];
    SERVE({ .delay_ms = 50 });
    (void)state;
    client = client_here();
    for (int round = 0; round < 3; round++) {
        pid_t child = 0;
        for (int i = 0; i < 8; i++)
            queue(client, &all[i], "{}");
        child = fork(); /* queued, and connections of the last round idle */
        if (child == 0) {
            footfall__dynamodb_client_free(client, 1);
            _exit(0);
        }
        footfall__dynamodb_pump(client, &call);
        assert_int_equal(waitpid(child, NULL, 0), child);
        for (int i = 0; i < 8; i++) {
            got(&all[i], DYNAMODB_ANSWERED, 0);
            json_decref(all[i].reply);
        }
    }
    assert_int_equal(support_service_connections(service), 8);
    footfall__dynamodb_client_free(client, 0);
}

/* ---- proxies ------------------------------------------------------------------------------------------------------------------------ */

static void proxies(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ 0 });
    (void)state;
    set("http_proxy", support_service_url(service));
    set("https_proxy", support_service_url(service));
    client = client_at("http://dynamodb.test:8000");
    a = send_one(client, "{\"a\":1}", 5000);
    got(&a, DYNAMODB_ANSWERED, 0);
    came(1, "{\"a\":1}");
    assert_int_equal(strncmp(support_service_head(service, 0), "POST http://dynamodb.test:8000/ HTTP/1.1\r\n", 42), 0);
    assert_non_null(strstr(support_service_head(service, 0), "\r\nHost: dynamodb.test:8000\r\n"));
    footfall__dynamodb_client_free(client, 0);
    support_service_forget(service);
    set("NO_PROXY", "127.0.0.1,dynamodb.test");
    client = client_at("http://dynamodb.test:8000");
    a = send_one(client, "{}", 300);
    got(&a, DYNAMODB_NO_ANSWER, 0); /* no such host, and the proxy is not asked */
    assert_int_equal(support_service_connections(service), 0);
    footfall__dynamodb_client_free(client, 0);
    set("NO_PROXY", "127.0.0.1");
    {
        static const struct say refused = { SUPPORT_SERVICE_REPLY, 407, NULL };
        serve(&refused, 1);
    }
    client = client_at("https://dynamodb.test");
    a = send_one(client, "{}", 400);
    got(&a, DYNAMODB_NO_ANSWER, 0); /* the tunnel did not come to be */
    assert_int_equal(strncmp(support_service_head(service, 0), "CONNECT dynamodb.test:443 HTTP/1.1\r\n", 36), 0);
    assert_null(strstr(support_service_head(service, 0), "PSWQ"));
    footfall__dynamodb_client_free(client, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_client, tear_down_client)
    const struct CMUnitTest tests[] = {
        CASE(one_connection_for_many_requests),
        CASE(what_a_request_says),
        CASE(several_at_once),
        CASE(a_deadline_is_kept),
        CASE(nothing_is_sent_after_it),
        CASE(nobody_is_there),
        CASE(the_last_reason_is_kept),
        CASE(a_handshake_that_fails),
        CASE(a_child_lets_go),
        CASE(a_child_lets_go_of_tls),
        CASE(a_child_of_a_busy_parent),
        CASE(proxies),
    };
    return cmocka_run_group_tests_name("dynamodb client", tests, NULL, NULL);
}
