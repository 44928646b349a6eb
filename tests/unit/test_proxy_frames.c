/* test_proxy_frames.c: where the fault proxy sees a message end, in both protocols: whole ones, ones that have come up to any byte,
 * and bytes that are none (test_proxy.h). */
#include "test_proxy.h"

struct message {
    const char *text;
    int64_t whole; /* 0: all of the text */
    int note;
};

static const struct message redis_requests[] = {
    { "*1\r\n$4\r\nPING\r\n", 0, 0 },
    { "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n", 0, 0 },
    { "*2\r\n$7\r\n\r\n$1\r\n*\r\n$1\r\nb\r\n", 0, 0 },
    { "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", 14, 0 },
};
static const char *const broken_redis_requests[] = {
    "PING\r\n",
    "*x\r\n",
    "*0\r\n",
    "*-1\r\n",
    "*1\r\n:1\r\n",
    "*\r\n",
    "*1\r\n$-1\r\n",
    "*1\n",
    "*1\r\n$1\r\nab\r\n",
    "*1000000000000000000000000\r\n",
    "*1\r\n$9999999999\r\n",
    "\r\n",
};
static const struct message redis_replies[] = {
    { "+OK\r\n", 0, 0 },
    { "-ERR no such thing\r\n", 0, 0 },
    { ":-12\r\n", 0, 0 },
    { "$5\r\n\r\n\r\n1\r\n", 0, 0 },
    { "$0\r\n\r\n", 0, 0 },
    { "$-1\r\n", 0, 0 },
    { "*-1\r\n", 0, 0 },
    { "*0\r\n", 0, 0 },
    { "*3\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n-ERR\r\n", 0, 0 },
    { "*1\r\n*1\r\n*1\r\n*2\r\n$-1\r\n+x\r\n", 0, 0 },
    { "_\r\n", 0, 0 },
    { "#t\r\n", 0, 0 },
    { ",1.5\r\n", 0, 0 },
    { "(12345678901234567890\r\n", 0, 0 },
    { "=7\r\ntxt:abc\r\n", 0, 0 },
    { "!3\r\nERR\r\n", 0, 0 },
    { "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", 0, 0 },
    { "~2\r\n:1\r\n:2\r\n", 0, 0 },
    { ">2\r\n+a\r\n+b\r\n", 0, 0 },
    { "|1\r\n+ttl\r\n:9\r\n+OK\r\n", 0, 0 },
    { ":1\r\n:2\r\n", 4, 0 },
};
static const char *const broken_redis_replies[] = {
    "what?\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "$1\r\nab\r\n", "*2\r\n:1\r\nx", ":1\n", "$1 \r\n", "$-\r\n",
};

static const struct message http_requests[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0 },
    { "GET / HTTP/1.0\r\n\r\n", 0, 0 },
    { "POST / HTTP/1.1\r\ncontent-length:  5\r\n\r\nabc\r\n", 0, 0 },
    { "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET", 38, 0 },
    { "PUT /x HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 0, 0 },
    { "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nDate: x\r\n\r\n", 0, 0 },
};
static const char *const broken_http_requests[] = {
    "*1\r\n",
    "get / HTTP/1.1\r\n\r\n",
    "\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\n\n",
    "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
};
static const struct message http_replies[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 0, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP", 41, 0 },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, 1 },
    { "HTTP/1.1 204 No Content\r\n\r\n", 0, 0 },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, 0 },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400\r\ncontent-length:1\r\n\r\nx", 0, 0 },
    { "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, 0 },
    { "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\nC: "
      "d\r\n\r\n",
      0, 0 },
};
static const char *const broken_http_replies[] = {
    "what?\r\n",           "HTTP/2 200\r\n",
    "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
    "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What the framing says of the first `count` bytes, which stand alone, so that a look past them is noticed. */
static int64_t ask(const struct support_proxy_framing *framing, int is_reply, const char *text, size_t count, int note)
{
    char *alone = test_malloc(count + (count == 0));
    int64_t bytes = 0;
    memcpy(alone, text, count);
    bytes = is_reply ? framing->reply_bytes(alone, count, note) : framing->request_bytes(alone, count);
    test_free(alone);
    return bytes;
}

static void expect_whole(const struct support_proxy_framing *framing, int is_reply, const struct message *messages,
                         size_t count)
{
    for (const struct message *at = messages; at < messages + count; at++) {
        const size_t all = strlen(at->text), whole = at->whole > 0 ? (size_t)at->whole : all;
        for (size_t bytes = 0; bytes <= all; bytes++) {
            const int64_t is = ask(framing, is_reply, at->text, bytes, at->note);
            if (is != (bytes < whole ? SUPPORT_PROXY_PARTIAL : (int64_t)whole))
                fail_msg("%zu bytes of \"%s\": %d", bytes, at->text, (int)is);
        }
    }
}

/* Known as broken when all has come, and never taken for whole before that. */
static void expect_broken(const struct support_proxy_framing *framing, int is_reply, const char *const *texts,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t bytes = 0, all = strlen(texts[i]); bytes <= all; bytes++) {
            const int64_t is = ask(framing, is_reply, texts[i], bytes, 0);
            if (is > 0 || (bytes == all && is != SUPPORT_PROXY_BROKEN))
                fail_msg("%zu bytes of \"%s\": %d", bytes, texts[i], (int)is);
        }
}

static void redis_messages(void **state)
{
    (void)state;
    expect_whole(&support_proxy_redis, 0, redis_requests, COUNT(redis_requests));
    expect_whole(&support_proxy_redis, 1, redis_replies, COUNT(redis_replies));
    expect_broken(&support_proxy_redis, 0, broken_redis_requests, COUNT(broken_redis_requests));
    expect_broken(&support_proxy_redis, 1, broken_redis_replies, COUNT(broken_redis_replies));
    assert_null(support_proxy_redis.note);
}

static void http_messages(void **state)
{
    static const char head[] = "HEAD / HTTP/1.1\r\n\r\n", get[] = "GET / HTTP/1.1\r\n\r\n",
                      to_end[] = "HTTP/1.1 200 OK\r\n\r\nabc";
    (void)state;
    expect_whole(&support_proxy_http, 0, http_requests, COUNT(http_requests));
    expect_whole(&support_proxy_http, 1, http_replies, COUNT(http_replies));
    expect_broken(&support_proxy_http, 0, broken_http_requests, COUNT(broken_http_requests));
    expect_broken(&support_proxy_http, 1, broken_http_replies, COUNT(broken_http_replies));
    assert_int_equal(support_proxy_http.note(head, sizeof head - 1), 1);
    assert_int_equal(support_proxy_http.note(get, sizeof get - 1), 0);
    assert_int_equal(ask(&support_proxy_http, 1, to_end, 18, 0), SUPPORT_PROXY_PARTIAL);
    assert_int_equal(ask(&support_proxy_http, 1, to_end, 19, 0), SUPPORT_PROXY_TO_END);
    assert_int_equal(ask(&support_proxy_http, 1, to_end, 22, 0), SUPPORT_PROXY_TO_END);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(support_proxy_fault_name(SUPPORT_PROXY_NONE), "NONE");
    assert_string_equal(support_proxy_fault_name(SUPPORT_PROXY_RESET_AFTER), "RESET_AFTER");
    assert_string_equal(support_proxy_fault_name(SUPPORT_PROXY_LATE_COPY), "LATE_COPY");
    assert_string_equal(support_proxy_fault_name(SUPPORT_PROXY_SILENT), "SILENT");
    assert_string_equal(support_proxy_fault_name(SUPPORT_PROXY_FAULTS), "?");
}

const struct CMUnitTest proxy_frames[] = {
    cmocka_unit_test(redis_messages),
    cmocka_unit_test(http_messages),
    cmocka_unit_test(names),
};
const size_t proxy_frames_count = sizeof proxy_frames / sizeof proxy_frames[0];
