/* test_dynamodb_metadata.c: an endpoint that answers badly, too much, too late or not at all; the call's deadline; when credentials are
 * renewed, and when the old ones do. */
#include "test_dynamodb_mock.h"

/* ---- bad answers ------------------------------------------------------------------------------------------------- */

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
    static const struct mock_answer answers[] = { { "GET ", MOCK_PLAIN, 503, "PSWQ", 1 },
                                                  { "GET ", MOCK_RAW, 0,
                                                    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Acc", 1 },
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

/* ---- renewal ----------------------------------------------------------------------------------------------------- */

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
/* ---- times ------------------------------------------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_answers_are_temporary, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_longest_answer_is_read, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_server_that_recovers, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(the_deadline_is_kept, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(they_are_renewed_five_minutes_before, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(old_ones_do_while_they_are_good, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(what_ends_soon_is_not_asked_for_on_every_call, set_up_mock, tear_down_mock),
        cmocka_unit_test_setup_teardown(a_renewal_leaves_half_of_the_time, set_up_mock, tear_down_mock),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests_name("dynamodb metadata", tests, NULL, NULL);
}
