/* dynamodb_replies.c: see dynamodb_replies.h. Sources: "Error handling with DynamoDB" and what DynamoDB Local sends. */
#include "dynamodb_replies.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dynamodb_proxied.h"
#include "folder.h"
#include "process.h"

enum { ENDLESS_BYTES = 7 << 20, SKEW_S = 600, SKEW_STEP_S = 7, SKEWS = 40, TRANSACTION = 1000 };

static const char *const names[DYNAMODB_REPLIES] = { "500",      "503",     "IN_PROGRESS", "SHORT",      "ENDLESS",
                                                     "STRANGE",  "EMPTY",   "DAMAGED",     "THROUGHPUT", "THROTTLED",
                                                     "CONFLICT", "EXPIRED", "UNSIGNED",    "SKEWED" };

const char *dynamodb_reply_name(enum dynamodb_reply reply)
{
    return names[reply];
}

int dynamodb_reply_fits(enum dynamodb_reply reply, enum support_proxy_fault fault)
{
    if (fault == SUPPORT_PROXY_ANSWER_AFTER)
        return reply < DYNAMODB_REPLY_REFUSED;
    return fault == SUPPORT_PROXY_ANSWER_BEFORE && reply != DYNAMODB_REPLY_DAMAGED;
}

/* ---- which one -------------------------------------------------------------------------------------------------------------- */

static uint64_t body_of(const void *request, size_t bytes)
{
    const unsigned char *body = memmem(request, bytes, "\r\n\r\n", 4);
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const unsigned char *at = body; at != NULL && at < (const unsigned char *)request + bytes; at++)
        hash = (hash ^ *at) * UINT64_C(1099511628211);
    return hash;
}

/* The client signs a request anew once, and no more: then it is broken. */
static int is_first_time(struct dynamodb_replies *replies, const void *request, size_t bytes)
{
    const uint64_t body = body_of(request, bytes);
    for (size_t i = 0; i < replies->body_count && i < DYNAMODB_BODIES; i++)
        if (replies->bodies[i] == body)
            return 0;
    replies->bodies[replies->body_count++ % DYNAMODB_BODIES] = body;
    return 1;
}

static int pick(const void *request, size_t bytes, enum support_proxy_fault fault, uint64_t *random, void *user)
{
    struct dynamodb_replies *replies = user;
    const int is_transaction = dynamodb_is_action(request, bytes, "TransactWriteItems");
    int reply = replies->only;
    while (reply < 0 || !dynamodb_reply_fits((enum dynamodb_reply)reply, fault))
        reply = (int)support_random_below(random, DYNAMODB_REPLIES);
    if (reply >= DYNAMODB_REPLY_EXPIRED && !is_first_time(replies, request, bytes))
        reply = DYNAMODB_REPLY_500;
    if (reply == DYNAMODB_REPLY_IN_PROGRESS && !is_transaction)
        reply = DYNAMODB_REPLY_500;
    replies->made[reply]++;
    return reply + (is_transaction ? TRANSACTION : 0);
}

/* ---- the bytes -------------------------------------------------------------------------------------------------------------- */

static struct support_proxy_answer whole(const char *status, const char *more, const char *body)
{
    struct support_proxy_answer answer = { .then = SUPPORT_PROXY_GOES_ON };
    char *text =
        support_format("HTTP/1.1 %s\r\nContent-Type: application/x-amz-json-1.0\r\n%sContent-Length: %zu\r\n\r\n%s",
                       status, more, strlen(body), body);
    answer.bytes = text;
    answer.count = strlen(text);
    return answer;
}

static struct support_proxy_answer fault_of(const char *status, const char *more, const char *type)
{
    char *body =
        support_format("{\"__type\":\"com.amazonaws.dynamodb.v20120810#%s\",\"message\":\"for a test\"}", type);
    struct support_proxy_answer answer = whole(status, more, body);
    free(body);
    return answer;
}

/* The client's clock is told to be wrong, by another amount each time: one that it has heard before would help it no further. */
static struct support_proxy_answer skewed(const char *type)
{
    static _Atomic unsigned told;
    const time_t then = time(NULL) + SKEW_S + (time_t)(atomic_fetch_add(&told, 1) % SKEWS) * SKEW_STEP_S;
    struct tm utc;
    char date[64];
    gmtime_r(&then, &utc);
    strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return fault_of("400 Bad Request", date, type);
}

static struct support_proxy_answer too_long(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n{\"Item\":\"";
    struct support_proxy_answer answer = { malloc(sizeof head + ENDLESS_BYTES), sizeof head - 1 + ENDLESS_BYTES,
                                           SUPPORT_PROXY_STAYS_MUTE };
    if (answer.bytes == NULL)
        support_die("malloc");
    memcpy(answer.bytes, head, sizeof head - 1);
    memset((char *)answer.bytes + sizeof head - 1, 'x', ENDLESS_BYTES);
    return answer;
}

static struct support_proxy_answer too_short(void)
{
    struct support_proxy_answer answer = { .then = SUPPORT_PROXY_CLOSES };
    char *text = support_format("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"Attributes\":{\"x0\":{\"N\":\"5\"}");
    answer.bytes = text;
    answer.count = strlen(text);
    return answer;
}

static struct support_proxy_answer strange(uint64_t nth)
{
    static const char *const bodies[] = { "[1,{\"Item\":{}}]",         "\"applied\"", "{\"Attributes\":",
                                          "{\"Item\":{},\"Item\":{}}", "null",        "<html>Please sign in</html>",
                                          "{\"Attributes\":{}}{}",     "1e999999" };
    return whole("200 OK", "", bodies[nth % (sizeof bodies / sizeof bodies[0])]);
}

/* The real one's checksum is changed. One without a checksum, an error's, is answered by a 500 instead. */
static struct support_proxy_answer damaged(const void *reply, size_t bytes)
{
    struct support_proxy_answer answer = { .count = bytes, .then = SUPPORT_PROXY_GOES_ON };
    char *copy = malloc(bytes + 1);
    char *at = NULL;
    if (copy == NULL)
        support_die("malloc");
    memcpy(copy, reply, bytes);
    copy[bytes] = '\0';
    at = strcasestr(copy, "x-amz-crc32: ");
    if (at == NULL) {
        free(copy);
        return fault_of("500 Internal Server Error", "", "InternalServerError");
    }
    at += strlen("x-amz-crc32: ");
    *at = *at == '1' ? '2' : '1';
    answer.bytes = copy;
    return answer;
}

static struct support_proxy_answer make(int picked, const void *reply, size_t bytes, void *user)
{
    const struct dynamodb_replies *replies = user;
    const int is_transaction = picked >= TRANSACTION;
    switch ((enum dynamodb_reply)(picked % TRANSACTION)) {
    case DYNAMODB_REPLY_503:
        return whole("503 Service Unavailable", "", "<html><body>Service Unavailable</body></html>");
    case DYNAMODB_REPLY_IN_PROGRESS:
        return fault_of("400 Bad Request", "", "TransactionInProgressException");
    case DYNAMODB_REPLY_SHORT:
        return too_short();
    case DYNAMODB_REPLY_ENDLESS:
        return too_long();
    case DYNAMODB_REPLY_STRANGE:
        return strange(replies->made[DYNAMODB_REPLY_STRANGE]);
    case DYNAMODB_REPLY_EMPTY:
        return whole("200 OK", "", "");
    case DYNAMODB_REPLY_DAMAGED:
        return damaged(reply, bytes);
    case DYNAMODB_REPLY_THROUGHPUT:
        return fault_of("400 Bad Request", "", "ProvisionedThroughputExceededException");
    case DYNAMODB_REPLY_THROTTLED:
        return fault_of("400 Bad Request", "", "ThrottlingException");
    case DYNAMODB_REPLY_CONFLICT:
        if (!is_transaction)
            return fault_of("400 Bad Request", "", "TransactionConflictException");
        return whole(
            "400 Bad Request", "",
            "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\",\"message\":\"for a "
            "test\",\"CancellationReasons\":[{\"Code\":\"TransactionConflict\"},{\"Code\":\"None\"}]}");
    case DYNAMODB_REPLY_EXPIRED:
        return fault_of("400 Bad Request", "", "ExpiredTokenException");
    case DYNAMODB_REPLY_UNSIGNED:
        return skewed("InvalidSignatureException");
    case DYNAMODB_REPLY_SKEWED:
        return skewed("RequestExpired");
    default:
        return fault_of("500 Internal Server Error", "", "InternalServerError");
    }
}

void dynamodb_replies_init(struct dynamodb_replies *replies, int only)
{
    memset(replies, 0, sizeof *replies);
    replies->only = only;
    replies->answers = (struct support_proxy_answers){ pick, make, replies };
}
