/* test_dynamodb_answer.c: what a reply says of its attempt: each row of the protocol's table of replies, in every spelling of its
 * type, and replies that are none. */
#include "dynamodb_unit.h"

#include "answer.h"

#include <zlib.h>

static char why[200];

static enum dynamodb_verdict judge_bytes(long status, const char *body, size_t bytes, json_t **reply)
{
    struct dynamodb_raw raw = { .status = status, .body = body, .body_bytes = bytes };
    return footfall__dynamodb_judge(&raw, reply, why, sizeof(why));
}

/* The verdict on a body with ' for ". */
static enum dynamodb_verdict judge(long status, const char *body)
{
    char text[2048];
    json_t *reply = NULL;
    enum dynamodb_verdict verdict;
    size_t bytes = quoted(text, sizeof(text), body);
    verdict = judge_bytes(status, text, bytes, &reply);
    json_decref(reply);
    return verdict;
}

static void expect(long status, const char *body, enum dynamodb_verdict wanted)
{
    enum dynamodb_verdict verdict = judge(status, body);
    if (verdict != wanted)
        fail_msg("%ld %s: verdict %d instead of %d (%s)", status, body, (int)verdict, (int)wanted, why);
    if (verdict != DYNAMODB_IS_ANSWER && why[0] == '\0')
        fail_msg("%ld %s: nothing is said", status, body);
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    enum dynamodb_verdict verdict;
} rows[] = {
    { "ConditionalCheckFailedException", DYNAMODB_IS_CONDITION },
    { "TransactionConflictException", DYNAMODB_IS_REFUSED },
    { "ProvisionedThroughputExceededException", DYNAMODB_IS_THROTTLED },
    { "ThrottlingException", DYNAMODB_IS_THROTTLED },
    { "Throttling", DYNAMODB_IS_THROTTLED },
    { "RequestLimitExceeded", DYNAMODB_IS_THROTTLED },
    { "LimitExceededException", DYNAMODB_IS_THROTTLED },
    { "RequestTimeTooSkewed", DYNAMODB_IS_UNSIGNED },
    { "RequestExpired", DYNAMODB_IS_UNSIGNED },
    { "RequestInTheFuture", DYNAMODB_IS_UNSIGNED },
    { "InvalidSignatureException", DYNAMODB_IS_UNSIGNED },
    { "SignatureDoesNotMatch", DYNAMODB_IS_UNSIGNED },
    { "ExpiredTokenException", DYNAMODB_IS_STRANGER },
    { "ExpiredToken", DYNAMODB_IS_STRANGER },
    { "UnrecognizedClientException", DYNAMODB_IS_STRANGER },
    { "InvalidClientTokenId", DYNAMODB_IS_STRANGER },
    { "ResourceNotFoundException", DYNAMODB_IS_NOT_FOUND },
    { "ResourceInUseException", DYNAMODB_IS_IN_USE },
    { "AccessDeniedException", DYNAMODB_IS_DENIED },
    { "AccessDenied", DYNAMODB_IS_DENIED },
    { "MissingAuthenticationTokenException", DYNAMODB_IS_DENIED },
    { "IncompleteSignatureException", DYNAMODB_IS_DENIED },
    { "OptInRequired", DYNAMODB_IS_DENIED },
    { "ValidationException", DYNAMODB_IS_INVALID },
    { "SerializationException", DYNAMODB_IS_INVALID },
    { "UnknownOperationException", DYNAMODB_IS_INVALID },
    { "ItemCollectionSizeLimitExceededException", DYNAMODB_IS_INVALID },
    /* not in the table: it may have been carried out, or may yet be */
    { "TransactionInProgressException", DYNAMODB_IS_DOUBTFUL },
    { "IdempotentParameterMismatchException", DYNAMODB_IS_DOUBTFUL },
    { "InternalServerError", DYNAMODB_IS_DOUBTFUL },
    { "InternalFailure", DYNAMODB_IS_DOUBTFUL },
    { "ServiceUnavailable", DYNAMODB_IS_DOUBTFUL },
    { "SomethingNewException", DYNAMODB_IS_DOUBTFUL },
    { "conditionalcheckfailedexception", DYNAMODB_IS_DOUBTFUL },
    { "ConditionalCheckFailed", DYNAMODB_IS_DOUBTFUL },
    { "", DYNAMODB_IS_DOUBTFUL },
};

/* Every type in every spelling, with every status that an error can have. */
static void each_type(void **state)
{
    static const char *const spellings[][2] = { { "", "" },
                                                { "com.amazonaws.dynamodb.v20120810#", "" },
                                                { "com.amazon.coral.service#", "" },
                                                { "", ":http://internal.amazon.com/coral/" },
                                                { "a#b#", ":c:d" } };
    static const long statuses[] = { 400, 401, 403, 404, 413, 429, 499 };
    static const long broken[] = { 500, 501, 502, 503, 504, 599, 301, 302, 307, 308, 204, 100, 0, 600 };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < sizeof(spellings) / sizeof(spellings[0]); j++) {
            char *body =
                support_format("{'__type':'%s%s%s','message':'words'}", spellings[j][0], rows[i].type, spellings[j][1]);
            for (size_t k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++)
                expect(statuses[k], body, rows[i].verdict);
            for (size_t k = 0; k < sizeof(broken) / sizeof(broken[0]); k++)
                expect(broken[k], body, DYNAMODB_IS_DOUBTFUL);
            free(body);
        }
}

static void a_type_that_is_none(void **state)
{
    static const char *const bodies[] = { "{}",
                                          "{'message':'x'}",
                                          "{'__type':null}",
                                          "{'__type':7}",
                                          "{'__type':['ValidationException']}",
                                          "{'__type':{'a':'ValidationException'}}",
                                          "{'__Type':'ValidationException'}",
                                          "{'__type':'#'}",
                                          "{'__type':':'}",
                                          "{'__type':'ValidationException#'}",
                                          "{'__type':' ValidationException'}",
                                          "{'__type':'ValidationExceptions'}" };
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect(400, bodies[i], DYNAMODB_IS_DOUBTFUL);
}

static void says(const char *body, const char *wanted)
{
    (void)judge(400, body);
    if (strcmp(why, wanted) != 0)
        fail_msg("%s: '%s' instead of '%s'", body, why, wanted);
}

static void what_is_said(void **state)
{
    char *longest = support_format("{'__type':'ValidationException','message':'%0500d'}", 1);
    (void)state;
    says("{'__type':'a#ValidationException','message':'lower'}", "ValidationException: lower");
    says("{'__type':'a#ValidationException','Message':'upper'}", "ValidationException: upper");
    says("{'__type':'a#ValidationException','message':'lower','Message':'upper'}", "ValidationException: lower");
    says("{'__type':'a#ValidationException','message':'','Message':'upper'}", "ValidationException: upper");
    says("{'__type':'a#ValidationException','message':7}", "ValidationException");
    says("{'__type':'ValidationException','message':'two\\nlines\\u0007'}", "ValidationException: two?lines?");
    says("{'message':'no type'}", "HTTP status 400");
    says("{'__type':'TransactionCanceledException','message':'m','CancellationReasons':[{'Code':'None'},"
         "{'Code':'ConditionalCheckFailed'}]}",
         "TransactionCanceledException, ConditionalCheckFailed: m");
    says("{'__type':'a#AccessDeniedException','message':'User: u is not authorized to perform: a'}",
         "AccessDeniedException: User: u is not authorized to perform: a");
    says("{'__type':'a#AccessDeniedException','message':'User: "
         "arn:aws:sts::123456789012:assumed-role/counting/i-01234567 "
         "is not authorized to perform: dynamodb:GetItem on resource: "
         "arn:aws:dynamodb:eu-west-1:123456789012:table/counts'}",
         "AccessDeniedException: not authorized to perform: dynamodb:GetItem on resource: "
         "arn:aws:dynamodb:eu-west-1:123456789012:table/counts");
    (void)judge(400, longest);
    assert_true(strlen(why) < sizeof(why));
    assert_int_equal(strncmp(why, "ValidationException: 000", 24), 0);
    free(longest);
}

/* ---- transactions ------------------------------------------------------------------------------------------------------------- */

static void canceled(const char *codes, enum dynamodb_verdict wanted)
{
    char *body = support_format("{'__type':'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',"
                                "'CancellationReasons':%s}",
                                codes);
    expect(400, body, wanted);
    expect(500, body, DYNAMODB_IS_DOUBTFUL);
    free(body);
}

#define CODE(name) "{'Code':'" name "'}"
#define NONE CODE("None")
#define FAILED CODE("ConditionalCheckFailed")
#define CONFLICT CODE("TransactionConflict")
#define LACK CODE("ProvisionedThroughputExceeded")

static void mixed_reasons(void **state)
{
    (void)state;
    canceled("[" FAILED "]", DYNAMODB_IS_CANCELED);
    canceled("[" NONE "," FAILED "]", DYNAMODB_IS_CANCELED);
    canceled("[" FAILED "," CONFLICT "]", DYNAMODB_IS_CANCELED);
    canceled("[" CONFLICT "," FAILED "," LACK "]", DYNAMODB_IS_CANCELED);
    canceled("[" CODE("ValidationError") "," FAILED "]", DYNAMODB_IS_CANCELED);
    canceled("[" CODE("SomethingNew") "," FAILED "]", DYNAMODB_IS_CANCELED);
    canceled("[" FAILED "," CODE("SomethingNew") "]", DYNAMODB_IS_CANCELED);
    canceled("[" CONFLICT "]", DYNAMODB_IS_REFUSED);
    canceled("[" NONE "," CONFLICT "," NONE "]", DYNAMODB_IS_REFUSED);
    canceled("[" LACK "]", DYNAMODB_IS_THROTTLED);
    canceled("[" CODE("ThrottlingError") "]", DYNAMODB_IS_THROTTLED);
    canceled("[" CODE("RequestLimitExceeded") "]", DYNAMODB_IS_THROTTLED);
    canceled("[" CONFLICT "," LACK "]", DYNAMODB_IS_THROTTLED);
    canceled("[" LACK "," CONFLICT "]", DYNAMODB_IS_THROTTLED);
    canceled("[" CODE("ValidationError") "]", DYNAMODB_IS_INVALID);
    canceled("[" CODE("AccessDenied") "]", DYNAMODB_IS_DENIED);
    canceled("[" CONFLICT "," CODE("SomethingNew") "]", DYNAMODB_IS_DOUBTFUL);
    canceled("[" CODE("SomethingNew") "," CONFLICT "]", DYNAMODB_IS_DOUBTFUL);
    canceled("[" NONE "," NONE "]", DYNAMODB_IS_DOUBTFUL);
    canceled("[]", DYNAMODB_IS_DOUBTFUL);
    canceled("{}", DYNAMODB_IS_DOUBTFUL);
    canceled("null", DYNAMODB_IS_DOUBTFUL);
    canceled("'ConditionalCheckFailed'", DYNAMODB_IS_DOUBTFUL);
    canceled("['ConditionalCheckFailed']", DYNAMODB_IS_DOUBTFUL);
    canceled("[{'code':'ConditionalCheckFailed'}]", DYNAMODB_IS_DOUBTFUL);
    canceled("[{'Code':7}]", DYNAMODB_IS_DOUBTFUL);
    canceled("[null," CONFLICT "]", DYNAMODB_IS_DOUBTFUL);
    expect(400, "{'__type':'TransactionCanceledException','message':'[ConditionalCheckFailed]'}", DYNAMODB_IS_DOUBTFUL);
}

/* ---- 200, and no reply at all ------------------------------------------------------------------------------------------------- */

static void two_hundred(void **state)
{
    static const char *const good[] = { "{}", "{'Item':{}}", " {'a':1} ", "{'__type':'ValidationException'}" };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char text[256];
        json_t *reply = NULL;
        size_t bytes = quoted(text, sizeof(text), good[i]);
        assert_int_equal(judge_bytes(200, text, bytes, &reply), DYNAMODB_IS_ANSWER);
        assert_true(json_is_object(reply));
        json_decref(reply);
    }
}

static void no_json(void **state)
{
    static const char *const bad[] = { "",
                                       " ",
                                       "x",
                                       "{",
                                       "}",
                                       "[]",
                                       "[{}]",
                                       "'text'",
                                       "7",
                                       "null",
                                       "true",
                                       "{}x",
                                       "{}{}",
                                       "{'a':}",
                                       "{'a':1,'a':2}",
                                       "{'a':1e999}",
                                       "{'a':99999999999999999999}",
                                       "{'a':'\\ud800'}",
                                       "<html>502</html>",
                                       "{'a':1" };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        json_t *reply = NULL;
        size_t bytes = quoted(text, sizeof(text), bad[i]);
        for (int j = 0; j < 3; j++) {
            if (judge_bytes((const long[]){ 200, 400, 502 }[j], text, bytes, &reply) != DYNAMODB_IS_DOUBTFUL)
                fail_msg("'%s' is a reply", text);
            assert_null(reply);
        }
    }
}

static void bytes_that_json_has_not(void **state)
{
    json_t *reply = NULL;
    char nul[] = "{\"__type\":\"ConditionalCheckFailedException\"}";
    (void)state;
    nul[12] = '\0';
    assert_int_equal(judge_bytes(400, nul, sizeof(nul) - 1, &reply), DYNAMODB_IS_DOUBTFUL);
    assert_null(reply);
    assert_int_equal(judge_bytes(200, "{\"a\":\"\xff\"}", 9, &reply), DYNAMODB_IS_DOUBTFUL);
    assert_int_equal(judge_bytes(200, "\0\0\0", 3, &reply), DYNAMODB_IS_DOUBTFUL);
    assert_int_equal(judge_bytes(200, NULL, 0, &reply), DYNAMODB_IS_DOUBTFUL);
    assert_null(reply);
    assert_int_equal(judge_bytes(200, "{\"a\":\"b\\u0000c\"}", 16, &reply), DYNAMODB_IS_ANSWER); /* keys have it */
    json_decref(reply);
}

static void deep_and_long(void **state)
{
    enum { DEEP = 100000, LONG = 5 << 20 };
    char *text = malloc(LONG + 16);
    json_t *reply = NULL;
    (void)state;
    assert_non_null(text);
    memset(text, '[', DEEP);
    assert_int_equal(judge_bytes(200, text, DEEP, &reply), DYNAMODB_IS_DOUBTFUL);
    for (size_t i = 0; i < DEEP / 5; i++)
        memcpy(text + 5 * i, "{\"a\":", 5);
    assert_int_equal(judge_bytes(400, text, DEEP, &reply), DYNAMODB_IS_DOUBTFUL);
    assert_null(reply);
    memset(text, 'x', LONG + 16);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + LONG, "\"}", 2);
    assert_int_equal(judge_bytes(200, text, LONG + 2, &reply), DYNAMODB_IS_ANSWER);
    assert_int_equal(json_string_length(json_object_get(reply, "a")), LONG - 6);
    json_decref(reply);
    free(text);
}

static void checksums(void **state)
{
    static const char body[] = "{\"a\":1}";
    uint32_t right = (uint32_t)crc32(0, (const Bytef *)body, sizeof(body) - 1);
    struct dynamodb_raw raw = {
        .status = 200, .body = body, .body_bytes = sizeof(body) - 1, .has_crc = 1, .crc = right
    };
    json_t *reply = NULL;
    (void)state;
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, why, sizeof(why)), DYNAMODB_IS_ANSWER);
    json_decref(reply);
    raw.crc ^= 1;
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, why, sizeof(why)), DYNAMODB_IS_DOUBTFUL);
    assert_null(reply);
    assert_non_null(strstr(why, "x-amz-crc32"));
    raw.has_crc = 0;
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, why, sizeof(why)), DYNAMODB_IS_ANSWER);
    json_decref(reply);
    raw = (struct dynamodb_raw){
        .status = 400, .body = "{\"__type\":\"ValidationException\"}", .body_bytes = 32, .has_crc = 1
    };
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, why, sizeof(why)), DYNAMODB_IS_DOUBTFUL);
    assert_null(reply);
    raw = (struct dynamodb_raw){ .status = 200, .body = NULL, .body_bytes = 0, .has_crc = 1 };
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, why, sizeof(why)), DYNAMODB_IS_DOUBTFUL);
}

static void no_room_for_words(void **state)
{
    struct dynamodb_raw raw = { .status = 400, .body = "{\"__type\":\"ValidationException\"}", .body_bytes = 32 };
    json_t *reply = NULL;
    char small[4];
    (void)state;
    assert_int_equal(footfall__dynamodb_judge(&raw, &reply, small, sizeof(small)), DYNAMODB_IS_INVALID);
    assert_int_equal(strlen(small), sizeof(small) - 1);
    json_decref(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type),
        cmocka_unit_test(a_type_that_is_none),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(mixed_reasons),
        cmocka_unit_test(two_hundred),
        cmocka_unit_test(no_json),
        cmocka_unit_test(bytes_that_json_has_not),
        cmocka_unit_test(deep_and_long),
        cmocka_unit_test(checksums),
        cmocka_unit_test(no_room_for_words),
    };
    return cmocka_run_group_tests_name("dynamodb answers", tests, NULL, NULL);
}
