/* answer.c: what one reply says of the attempt it answers (answer.h). Sources: "Error handling with DynamoDB" and
 * TransactWriteItems in the DynamoDB guides. */
#include "answer.h"

#include "bytes.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { CLIENT_ERROR = 400, SERVER_ERROR = 500, OK = 200 };

static const struct {
    const char *type;
    enum dynamodb_verdict verdict;
} errors[] = {
    { "ConditionalCheckFailedException", DYNAMODB_IS_CONDITION },
    { "TransactionConflictException", DYNAMODB_IS_REFUSED },
    { "ProvisionedThroughputExceededException", DYNAMODB_IS_THROTTLED },
    { "ThrottlingException", DYNAMODB_IS_THROTTLED },
    { "Throttling", DYNAMODB_IS_THROTTLED },
    { "RequestLimitExceeded", DYNAMODB_IS_THROTTLED },
    { "LimitExceededException", DYNAMODB_IS_THROTTLED }, /* too many tables are being made or changed */
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
    { "TableNotFoundException", DYNAMODB_IS_NOT_FOUND },
    { "ResourceInUseException", DYNAMODB_IS_IN_USE },
    { "TableInUseException", DYNAMODB_IS_IN_USE },
    { "AccessDeniedException", DYNAMODB_IS_DENIED },
    { "AccessDenied", DYNAMODB_IS_DENIED },
    { "MissingAuthenticationTokenException", DYNAMODB_IS_DENIED },
    { "MissingAuthenticationToken", DYNAMODB_IS_DENIED },
    { "IncompleteSignatureException", DYNAMODB_IS_DENIED },
    { "IncompleteSignature", DYNAMODB_IS_DENIED },
    { "OptInRequired", DYNAMODB_IS_DENIED },
    { "NotAuthorized", DYNAMODB_IS_DENIED },
    { "ValidationException", DYNAMODB_IS_INVALID },
    { "ValidationError", DYNAMODB_IS_INVALID },
    { "SerializationException", DYNAMODB_IS_INVALID },
    { "UnknownOperationException", DYNAMODB_IS_INVALID },
    { "ItemCollectionSizeLimitExceededException", DYNAMODB_IS_INVALID },
    { "RequestEntityTooLarge", DYNAMODB_IS_INVALID },
    { "PointInTimeRecoveryUnavailableException", DYNAMODB_IS_INVALID },
};

/* "com.amazonaws.dynamodb.v20120810#ThrottlingException" without what stands before the '#', or after a ':' */
static void cut_type(char *out, size_t out_bytes, const char *type)
{
    const char *hash = strrchr(type, '#');
    const char *begin = hash != NULL ? hash + 1 : type;
    (void)snprintf(out, out_bytes, "%.*s", (int)strcspn(begin, ":"), begin);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A condition that failed says enough. Without one, a canceled transaction is refused only when every reason given says so, and at
 * least one does. */
static enum dynamodb_verdict judge_reasons(const json_t *reply, char *code, size_t code_bytes)
{
    const json_t *reasons = json_object_get(reply, "CancellationReasons");
    enum dynamodb_verdict verdict = DYNAMODB_IS_DOUBTFUL;
    int condition = 0;
    int strange = 0;
    int unknown = 0;
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        const char *reason = text_of(json_array_get(reasons, i), "Code");
        if (strcmp(reason, "None") == 0)
            continue;
        (void)snprintf(code, code_bytes, "%s", reason);
        if (strcmp(reason, "ConditionalCheckFailed") == 0)
            condition = 1;
        else if (strcmp(reason, "TransactionConflict") == 0)
            verdict = verdict == DYNAMODB_IS_THROTTLED ? verdict : DYNAMODB_IS_REFUSED;
        else if (strcmp(reason, "ProvisionedThroughputExceeded") == 0 || strcmp(reason, "ThrottlingError") == 0 ||
                 strcmp(reason, "RequestLimitExceeded") == 0)
            verdict = DYNAMODB_IS_THROTTLED;
        else if (strcmp(reason, "ValidationError") == 0 || strcmp(reason, "AccessDenied") == 0)
            strange = strcmp(reason, "AccessDenied") == 0 ? DYNAMODB_IS_DENIED : DYNAMODB_IS_INVALID;
        else
            unknown = 1;
    }
    if (condition)
        return DYNAMODB_IS_CANCELED;
    if (unknown)
        return DYNAMODB_IS_DOUBTFUL;
    return strange != 0 ? (enum dynamodb_verdict)strange : verdict;
}

/* "User: ARN is not authorized to perform: ACTION on resource: ARN because …": who asked makes way when there is no room for all. */
static const char *short_denial(const char *message)
{
    enum { ROOM = 150 };
    const char *rest = strlen(message) > ROOM ? strstr(message, "not authorized to perform") : NULL;
    return rest != NULL ? rest : message;
}

static enum dynamodb_verdict judge_error(const struct dynamodb_raw *raw, const json_t *reply, char *why,
                                         size_t why_bytes)
{
    char type[64];
    char code[48] = "";
    const char *message = text_of(reply, "message");
    enum dynamodb_verdict verdict = DYNAMODB_IS_DOUBTFUL;
    if (message[0] == '\0')
        message = text_of(reply, "Message"); /* DynamoDB Local, and some of the service's */
    cut_type(type, sizeof(type), text_of(reply, "__type"));
    if (strcmp(type, "TransactionCanceledException") == 0)
        verdict = judge_reasons(reply, code, sizeof(code));
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strcmp(type, errors[i].type) == 0)
            verdict = errors[i].verdict;
    if (raw->status < CLIENT_ERROR ||
        raw->status >= SERVER_ERROR) /* whatever the body says, no refusal of the service's */
        verdict = DYNAMODB_IS_DOUBTFUL;
    if (verdict == DYNAMODB_IS_DENIED)
        message = short_denial(message);
    if (type[0] == '\0')
        footfall__format(why, why_bytes, "HTTP status %ld", raw->status);
    else
        footfall__format(why, why_bytes, "%s%s%s%s%.160s", type, code[0] != '\0' ? ", " : "", code,
                         message[0] != '\0' ? ": " : "", message);
    return verdict;
}

/* The object in it, or NULL. Read twice: when memory is short just once, jansson 2.14 loses a character of a text and goes on as if it
 * had not (lex_save), so that a member is missing or a number shorter. */
static json_t *read_object(const struct dynamodb_raw *raw)
{
    json_t *first = json_loadb(raw->body, raw->body_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *second = NULL;
    int same = 0;
    if (json_is_object(first))
        second = json_loadb(raw->body, raw->body_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    same = second != NULL && json_equal(first, second);
    json_decref(second);
    if (same)
        return first;
    json_decref(first);
    return NULL;
}

enum dynamodb_verdict footfall__dynamodb_judge(const struct dynamodb_raw *raw, json_t **reply, char *why,
                                               size_t why_bytes)
{
    *reply = NULL;
    footfall__format(why, why_bytes, "HTTP status %ld", raw->status);
    if (raw->has_crc && crc32_z(crc32(0, NULL, 0), (const Bytef *)raw->body, raw->body_bytes) != raw->crc) {
        footfall__format(why, why_bytes, "the reply is damaged: its x-amz-crc32 is another");
        return DYNAMODB_IS_DOUBTFUL;
    }
    *reply = read_object(raw);
    if (*reply == NULL) {
        if (raw->status == OK)
            footfall__format(why, why_bytes, "the reply cannot be read");
        return DYNAMODB_IS_DOUBTFUL;
    }
    return raw->status == OK ? DYNAMODB_IS_ANSWER : judge_error(raw, *reply, why, why_bytes);
}
