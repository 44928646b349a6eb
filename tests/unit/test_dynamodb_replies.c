/* test_dynamodb_replies.c: what the client makes of replies: what it sends again, how often, signed how; and what it believes. Its
 * connections are in test_dynamodb_client.c. */
#include "test_dynamodb_client.h"

#define BODY "{\"a\":\"b\\u0000c\"}"

/* ---- again -------------------------------------------------------------------------------------------------------------------------- */

/* One request to a server that says these, the last one being right. */
static void comes_through(const struct say *table, int count, int doubt)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    serve(table, count);
    client = client_here();
    a = send_one(client, BODY, 15000);
    got(&a, DYNAMODB_ANSWERED, doubt);
    came(count, BODY);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), count - 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->requests[DYNAMODB_UPDATE_ITEM]), count);
    footfall__dynamodb_client_free(client, 0);
}
#define COMES_THROUGH(doubt, ...)                                                                                      \
    do {                                                                                                               \
        static const struct say table_[] = { __VA_ARGS__, { .status = 200 } };                                         \
        comes_through(table_, (int)(sizeof(table_) / sizeof(table_[0])), doubt);                                       \
    } while (0)

static void faults_are_tried_again(void **state)
{
    (void)state;
    COMES_THROUGH(1, { .status = 500, .body = FAULT("InternalServerError") }, { .status = 503 },
                  { .status = 502, .body = "<html>" }, { .way = SUPPORT_SERVICE_HANG_UP });
    COMES_THROUGH(1, { .status = 400, .body = FAULT("TransactionInProgressException") });
    COMES_THROUGH(1, { .status = 400, .body = FAULT("SomethingNewException") });
    COMES_THROUGH(0, { .status = 400, .body = FAULT("TransactionConflictException") },
                  { .status = 400, .body = FAULT("TransactionConflictException") });
    COMES_THROUGH(1, { .status = 400, .body = FAULT("TransactionConflictException") }, { .status = 504 });
}

/* curl sends again by itself when a kept connection ends without a word. Its first copy may have been carried out, so the refusal of
 * the second one does not settle it. */
static void a_connection_that_ends_leaves_a_doubt(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ .status = 200 }, { .way = SUPPORT_SERVICE_HANG_UP },
          { .status = 400, .body = FAULT("ValidationException") });
    (void)state;
    client = client_here();
    a = send_one(client, BODY, 5000);
    got(&a, DYNAMODB_ANSWERED, 0);
    a = send_one(client, BODY, 5000);
    got(&a, DYNAMODB_INVALID, 1);
    came(3, BODY);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->requests[DYNAMODB_UPDATE_ITEM]), 3);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), 1);
    footfall__dynamodb_client_free(client, 0);
}

static void throttles_are_told_apart(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ .status = 400, .body = FAULT("ProvisionedThroughputExceededException") }, { .status = 500 },
          { .status = 400, .body = FAULT("TransactionConflictException") }, { .status = 200 });
    (void)state;
    client = client_here();
    a = send_one(client, BODY, 15000);
    got(&a, DYNAMODB_ANSWERED, 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->throttles), 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), 3);
    footfall__dynamodb_client_free(client, 0);
}

static void it_waits_as_long_as_it_is_told(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    int64_t begun = 0;
    SERVE({ .status = 503, .headers = "X-Amz-Retry-After: 400\r\n" },
          { .status = 503, .headers = "x-amz-retry-after: -5\r\n" },
          { .status = 503, .headers = "x-amz-retry-after: soon\r\n" }, { .status = 200 });
    (void)state;
    client = client_here();
    begun = footfall__boottime_ms();
    a = send_one(client, BODY, 15000);
    got(&a, DYNAMODB_ANSWERED, 1);
    assert_true(footfall__boottime_ms() - begun >= 400);
    footfall__dynamodb_client_free(client, 0);
    { /* longer than there is time: a last attempt is made nevertheless */
        static const struct say later[] = { { .status = 503, .headers = "x-amz-retry-after: 999999999\r\n" },
                                            { .status = 200 } };
        serve(later, 2);
        client = client_here();
        a = send_one(client, BODY, 1000);
        got(&a, DYNAMODB_ANSWERED, 1);
        footfall__dynamodb_client_free(client, 0);
    }
}

/* A hundred retries, then none, until successes have earned some. */
static void a_budget_is_spent(void **state)
{
    enum { MANY = 60 };
    static struct asked all[MANY];
    static const struct say broken = { .status = 500 }, fine = { .status = 200 };
    struct footfall_store_call call = call_within(60000);
    struct dynamodb_client *client = NULL;
    struct asked a;
    (void)state;
    serve(&broken, 1);
    client = client_here();
    for (int i = 0; i < MANY; i++)
        queue(client, &all[i], "{}");
    footfall__dynamodb_pump(client, &call);
    assert_true(call.deadline_ms - footfall__boottime_ms() > 40000); /* they gave up early */
    for (int i = 0; i < MANY; i++)
        got(&all[i], DYNAMODB_NO_ANSWER, 1);
    assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), 100);
    assert_int_equal(support_service_asked(service), MANY + 100);
    a = send_one(client, "{}", 5000);
    got(&a, DYNAMODB_NO_ANSWER, 1);
    assert_int_equal(support_service_asked(service), MANY + 101);
    serve(&fine, 1);
    for (int i = 0; i < 5; i++)
        (void)send_one(client, "{}", 5000);
    serve(&broken, 1);
    (void)send_one(client, "{}", 5000);
    assert_int_equal(support_service_asked(service), 2);
    footfall__dynamodb_client_free(client, 0);
}

/* ---- replies that are none ---------------------------------------------------------------------------------------------------------- */

static void damaged_replies_are_in_doubt(void **state)
{
    static char chunk[65537];
    (void)state;
    memset(chunk, ' ', sizeof(chunk) - 1);
    COMES_THROUGH(1, { .way = SUPPORT_SERVICE_TRUNCATED });
    COMES_THROUGH(1, { .crc = SUPPORT_SERVICE_WRONG_CRC });
    COMES_THROUGH(1, { .status = 200, .body = "[]" }, { .status = 200, .body = "{" },
                  { .status = 200, .body = "null" });
    COMES_THROUGH(1, { .way = SUPPORT_SERVICE_RAW, .body = "\x16\x03\x01 no HTTP at all" });
    COMES_THROUGH(1, { .way = SUPPORT_SERVICE_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}" });
    COMES_THROUGH(
        1, { .way = SUPPORT_SERVICE_RAW, .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n" });
    COMES_THROUGH(1, { .way = SUPPORT_SERVICE_RAW, .body = "HTTP/1.1 200" });
    {
        const struct say endless[] = { { .way = SUPPORT_SERVICE_ENDLESS, .body = chunk }, { .status = 200 } };
        comes_through(endless, 2, 1);
    }
    COMES_THROUGH(0, { .status = 400, .body = FAULT("TransactionConflictException"), .crc = SUPPORT_SERVICE_NO_CRC });
}

static void a_reply_without_end_is_too_long(void **state)
{
    static char chunk[65537];
    struct dynamodb_client *client = NULL;
    struct say endless = { .way = SUPPORT_SERVICE_ENDLESS, .body = chunk };
    struct asked a;
    (void)state;
    memset(chunk, ' ', sizeof(chunk) - 1);
    serve(&endless, 1);
    client = client_here();
    a = send_one(client, BODY, 800);
    got(&a, DYNAMODB_NO_ANSWER, 1);
    footfall__dynamodb_client_free(client, 0);
}

static void a_large_reply_is_read(void **state)
{
    char *body = malloc(3 << 20);
    struct say large = { .status = 200, .body = body };
    struct dynamodb_client *client = NULL;
    struct asked a;
    (void)state;
    assert_non_null(body);
    memset(body, 'x', 3 << 20);
    memcpy(body, "{\"a\":\"", 6);
    memcpy(body + (3 << 20) - 3, "\"}", 3);
    serve(&large, 1);
    client = client_here();
    a = send_one(client, BODY, 10000);
    got(&a, DYNAMODB_ANSWERED, 0);
    footfall__dynamodb_client_free(client, 0);
    free(body);
}

static void a_large_body_comes_whole_each_time(void **state)
{
    static const struct say table[] = { { .way = SUPPORT_SERVICE_HANG_UP }, { .status = 500 }, { .status = 200 } };
    struct dynamodb_client *client = NULL;
    char *body = malloc(400001);
    struct asked a;
    (void)state;
    assert_non_null(body);
    for (int i = 0; i < 400000; i++)
        body[i] = (char)(' ' + i % 90);
    body[400000] = '\0';
    serve(table, 3);
    client = client_here();
    a = send_one(client, body, 10000);
    got(&a, DYNAMODB_ANSWERED, 1);
    came(3, body);
    footfall__dynamodb_client_free(client, 0);
    free(body);
}

static void redirects_are_not_followed(void **state)
{
    static const int statuses[] = { 301, 302, 303, 307, 308 };
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct say table[] = { { .status = statuses[i], .headers = "Location: /elsewhere\r\n" }, { .status = 200 } };
        comes_through(table, 2, 1);
        for (int j = 0; j < 2; j++)
            assert_int_equal(strncmp(support_service_head(service, j), "POST / HTTP/1.1\r\n", 17), 0);
    }
}

/* ---- refusals ----------------------------------------------------------------------------------------------------------------------- */

static void refusals_end_it(void **state)
{
    static const struct {
        const char *body;
        enum dynamodb_answer answer;
        const char *words;
    } cases[] = {
        { FAULT("ConditionalCheckFailedException"), DYNAMODB_CONDITION, "" },
        { "{\"__type\":\"TransactionCanceledException\",\"CancellationReasons\":[{\"Code\":\"ConditionalCheckFailed\"}]"
          "}",
          DYNAMODB_CANCELED, "" },
        { FAULT("ResourceNotFoundException"), DYNAMODB_NOT_FOUND, "" },
        { FAULT("ResourceInUseException"), DYNAMODB_IN_USE, "ResourceInUseException" },
        { FAULT("AccessDeniedException"), DYNAMODB_DENIED, "AccessDeniedException: words" },
        { FAULT("ValidationException"), DYNAMODB_INVALID, "ValidationException: words" },
        { FAULT("InvalidSignatureException"), DYNAMODB_STRANGER, "InvalidSignatureException: words" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct say one = { .status = 400, .body = cases[i].body };
        struct dynamodb_client *client = NULL;
        struct asked a;
        serve(&one, 1);
        client = client_here();
        a = send_one(client, BODY, 5000);
        got(&a, cases[i].answer, 0);
        came(1, BODY);
        assert_int_equal(strstr(text, cases[i].words) == NULL, 0);
        assert_int_equal(text[0] == '\0', cases[i].words[0] == '\0');
        footfall__dynamodb_client_free(client, 0);
    }
}

/* The service repeats what it was sent when the signature is wrong, the token among it. */
static void what_the_service_repeats_is_not_shown(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ .status = 400,
            .body =
                "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":\"The request "
                "signature we "
                "calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
                "method. "
                "Consult the service documentation for details.\\n\\nThe Canonical String for this request should have "
                "been\\n'POST\\n/\\n\\nhost:x\\nx-amz-date:y\\nx-amz-security-token:" TOKEN "\\n'\"}" });
    (void)state;
    client = client_here();
    a = send_one(client, BODY, 5000);
    got(&a, DYNAMODB_STRANGER, 0);
    assert_non_null(strstr(text, "does not match"));
    footfall__dynamodb_client_free(client, 0);
}

/* ---- the clock ---------------------------------------------------------------------------------------------------------------------- */

static int64_t signed_at(int number)
{
    const char *at = strstr(support_service_head(service, number), "\r\nX-Amz-Date: ");
    struct tm tm = { 0 };
    assert_non_null(at);
    assert_non_null(strptime(at + 14, "%Y%m%dT%H%M%SZ", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static void is_near(int64_t ms, int64_t wanted_ms)
{
    if (ms < wanted_ms - 4000 || ms > wanted_ms + 4000)
        fail_msg("%lld ms away", (long long)(ms - wanted_ms));
}

static void clocks_are_learnt(void **state)
{
    static const char *const types[] = { FAULT("RequestTimeTooSkewed"), FAULT("RequestExpired"),
                                         FAULT("RequestInTheFuture"), FAULT("InvalidSignatureException"),
                                         FAULT("SignatureDoesNotMatch") };
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        int64_t ahead_ms = i % 2 == 0 ? 3600000 : -86400000;
        struct say table[] = { { .status = 400, .body = types[i], .date_ms = ahead_ms },
                               { .status = 200, .date_ms = ahead_ms } };
        struct dynamodb_client *client = NULL;
        struct asked a;
        serve(table, 2);
        client = client_here();
        is_near(footfall__dynamodb_now_ms(client), footfall__wall_ms());
        a = send_one(client, BODY, 5000);
        got(&a, DYNAMODB_ANSWERED, 0);
        came(2, BODY);
        is_near(signed_at(0), footfall__wall_ms());
        is_near(signed_at(1), footfall__wall_ms() + ahead_ms);
        is_near(footfall__dynamodb_now_ms(client), footfall__wall_ms() + ahead_ms);
        assert_int_equal(count_of(&footfall__dynamodb_usage(client)->retries), 0);
        (void)send_one(client, BODY, 5000); /* it knows by now */
        is_near(signed_at(2), footfall__wall_ms() + ahead_ms);
        came(3, BODY);
        footfall__dynamodb_client_free(client, 0);
    }
}

static void a_clock_that_runs_away(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ .status = 400, .body = FAULT("RequestTimeTooSkewed"), .date_ms = 3600000 },
          { .status = 400, .body = FAULT("RequestTimeTooSkewed"), .date_ms = 7200000 });
    (void)state;
    client = client_here();
    a = send_one(client, BODY, 5000);
    got(&a, DYNAMODB_STRANGER, 0); /* signed again once */
    came(2, BODY);
    footfall__dynamodb_client_free(client, 0);
}

static void a_good_clock_is_left_alone(void **state)
{
    struct dynamodb_client *client = NULL;
    SERVE({ .date_ms = 1000 }, { .date_ms = -1000 }, { .status = 200, .body = "<no JSON>", .date_ms = 3600000 },
          { .status = 200, .date_ms = 5000000, .crc = SUPPORT_SERVICE_WRONG_CRC }, { .status = 200 });
    (void)state;
    client = client_here();
    for (int i = 0; i < 3; i++) {
        (void)send_one(client, BODY, 5000);
        is_near(footfall__dynamodb_now_ms(client), footfall__wall_ms());
    }
    footfall__dynamodb_client_free(client, 0);
}

/* ---- credentials -------------------------------------------------------------------------------------------------------------------- */

static struct dynamodb_client *client_with_files(void)
{
    struct dynamodb_client_options options = { .endpoint = support_service_url(service),
                                               .chain = { .region = "eu-west-1" } };
    struct footfall_store_call call = call_now();
    struct dynamodb_client *client = NULL;
    assert_int_equal(footfall__dynamodb_client_new(&client, &options, &call), 0);
    return client;
}

static void rotate(void *user, const struct support_service_request *request, struct support_service_reply *reply)
{
    int renews = *(const int *)user;
    if (renews && strstr(request->head, "Credential=AK2/") != NULL)
        return;
    reply->status = 400;
    reply->body = support_format("%s", request->number % 2 ? FAULT("UnrecognizedClientException")
                                                           : FAULT("ExpiredTokenException"));
    write_file("credentials", "[default]\naws_access_key_id = AK2\naws_secret_access_key = PSWQ2\n");
}

static void credentials_are_renewed_once(void **state)
{
    (void)state;
    for (int renews = 0; renews < 2; renews++) {
        struct dynamodb_client *client = NULL;
        struct asked a;
        write_file("credentials", "[default]\naws_access_key_id = AK1\naws_secret_access_key = PSWQ1\n");
        service = support_service_start(rotate, &renews, NULL);
        client = client_with_files();
        a = send_one(client, BODY, 5000);
        got(&a, renews ? DYNAMODB_ANSWERED : DYNAMODB_STRANGER, 0);
        came(2, BODY);
        assert_non_null(strstr(support_service_head(service, 0), "Credential=AK1/"));
        assert_non_null(strstr(support_service_head(service, 1), "Credential=AK2/"));
        footfall__dynamodb_client_free(client, 0);
        support_service_stop(service);
        service = NULL;
    }
}

static void no_credentials(void **state)
{
    struct dynamodb_client *client = NULL;
    struct asked a;
    SERVE({ 0 });
    (void)state;
    client = client_with_files();
    a = send_one(client, BODY, 5000);
    got(&a, DYNAMODB_STRANGER, 0);
    assert_false(a.r.sent);
    assert_non_null(strstr(text, "credentials"));
    assert_int_equal(support_service_connections(service), 0);
    footfall__dynamodb_client_free(client, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_client, tear_down_client)
    const struct CMUnitTest tests[] = {
        CASE(faults_are_tried_again),
        CASE(a_connection_that_ends_leaves_a_doubt),
        CASE(throttles_are_told_apart),
        CASE(it_waits_as_long_as_it_is_told),
        CASE(a_budget_is_spent),
        CASE(damaged_replies_are_in_doubt),
        CASE(a_reply_without_end_is_too_long),
        CASE(a_large_reply_is_read),
        CASE(a_large_body_comes_whole_each_time),
        CASE(redirects_are_not_followed),
        CASE(refusals_end_it),
        CASE(what_the_service_repeats_is_not_shown),
        CASE(clocks_are_learnt),
        CASE(a_clock_that_runs_away),
        CASE(a_good_clock_is_left_alone),
        CASE(credentials_are_renewed_once),
        CASE(no_credentials),
    };
    return cmocka_run_group_tests_name("dynamodb replies", tests, NULL, NULL);
}
