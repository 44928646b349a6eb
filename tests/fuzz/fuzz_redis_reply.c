/* fuzz_redis_reply.c: any bytes as what a server says. The first byte chooses in what pieces they come. They are read twice: by the
 * reader alone, and over a socket pair by footfall__redis_exchange; both see the same replies, within limits. Each reply is handed to
 * everything that takes one apart. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { OPS = 6, MOST_REPLIES = 64, UNTOUCHED = 0x5a };

static void must(int holds)
{
    if (!holds)
        abort();
}

/* ---- taking replies apart ------------------------------------------------------------------------------------------------- */

static const struct footfall_store_op ops[OPS] = {
    { .kind = FOOTFALL_STORE_VISIT },
    { .kind = FOOTFALL_STORE_ADD, .a = INT64_C(1) << 62 },
    { .kind = FOOTFALL_STORE_SET, .a = INT64_MIN, .b = INT64_MAX },
    { .kind = FOOTFALL_STORE_DELETE },
    { .kind = FOOTFALL_STORE_FORGET },
    { .kind = FOOTFALL_STORE_ADD, .a = -1 },
};

static void check_result(const struct footfall_store_op *op, const struct footfall_store_result *r)
{
    must(r->is_new <= 1 && r->replayed <= 1 && r->current == r->replayed);
    must(!r->is_new || (r->status == FOOTFALL_STORE_OK && (r->replayed || op->kind == FOOTFALL_STORE_VISIT)));
    must(r->status == FOOTFALL_STORE_OK || (r->total == 0 && r->unique == 0));
    must(r->status == FOOTFALL_STORE_OK || r->status == FOOTFALL_STORE_TOKEN || r->status == FOOTFALL_STORE_RANGE ||
         r->status == FOOTFALL_STORE_ABSENT || r->status == FOOTFALL_STORE_TEMPORARY);
}

static int is_untouched(const void *at, size_t bytes)
{
    const uint8_t *byte = at;
    while (bytes > 0 && *byte == UNTOUCHED) {
        byte++;
        bytes--;
    }
    return bytes == 0;
}

static void check_decoding(const redisReply *reply)
{
    uint32_t next[OPS];
    struct footfall_store store = { .next = next };
    for (uint32_t count = 1; count <= OPS; count++) {
        struct footfall_store_result results[OPS];
        const struct redis_group group = { .first = 0, .last = count - 1 };
        int rc = 0;
        memset(results, UNTOUCHED, sizeof results);
        for (uint32_t i = 0; i < count; i++)
            next[i] = i + 1 < count ? i + 1 : UINT32_MAX;
        rc = footfall__redis_decode(&store, &group, ops, results, reply);
        for (size_t i = 0; i < OPS; i++) {
            if (rc == 0 && i < count)
                check_result(&ops[i], &results[i]);
            else if (i >= count) /* never those of others */
                must(is_untouched(&results[i], sizeof results[i]));
        }
    }
}

static void check_number(const redisReply *reply)
{
    int64_t number = 0;
    int64_t again = 1;
    char digits[24];
    int bytes = 0;
    if (footfall__redis_number(reply, &number) != 0)
        return;
    bytes = snprintf(digits, sizeof digits, "%lld", (long long)number);
    must(footfall__redis_parse(digits, (size_t)bytes, &again) == 0 && number == again);
}

static void check_error(const redisReply *reply)
{
    char said[256] = "";
    struct footfall_store_call call = { .text = said, .text_bytes = sizeof said };
    int reconnect = 7;
    int status = footfall__redis_error(&call, reply, &reconnect);
    must(status == FOOTFALL_STORE_TEMPORARY || status == FOOTFALL_STORE_BROKEN || status == FOOTFALL_STORE_UNKNOWN);
    must((reconnect == 0 || reconnect == 1) && said[0] != '\0' && strlen(said) < 220);
    must(strstr(said, ", with args") == NULL);
    for (const char *at = said; *at != '\0'; at++)
        must((unsigned char)*at >= 0x20 && *at != 0x7f);
    must(!footfall__redis_is_noscript(reply) || status == FOOTFALL_STORE_TEMPORARY);
}

static void check_info(const char *info)
{
    static const char *const keys[] = { "redis_version", "redis_mode", "maxmemory_policy", "role", "" };
    struct footfall_store store = { 0 };
    struct redis_server server = { 0 };
    char said[256] = "";
    struct footfall_store_call call = { .text = said, .text_bytes = sizeof said };
    int rc = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char value[8];
        footfall__redis_info_value(value, sizeof value, info, keys[i]);
        must(memchr(value, '\0', sizeof value) != NULL && strpbrk(value, "\r\n") == NULL);
    }
    footfall__redis_info_value(server.version, sizeof server.version, info, "redis_version");
    footfall__redis_info_value(server.policy, sizeof server.policy, info, "maxmemory_policy");
    footfall__redis_info_value(server.mode, sizeof server.mode, info, "redis_mode");
    rc = footfall__redis_fit(&store, &server, &call);
    must(rc == 0 ? said[0] == '\0' : rc == FOOTFALL_STORE_CONFIG && strncmp(said, "redis.", 6) == 0);
}

static void check_reply(const redisReply *reply, int depth)
{
    must(depth < 10);
    check_number(reply);
    check_decoding(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        check_error(reply);
    if (footfall__redis_is_text(reply))
        check_info(reply->str);
    if (reply->type == REDIS_REPLY_ARRAY) {
        must(reply->elements <= REDIS_REPLY_ELEMENTS && footfall__redis_is_array(reply, reply->elements));
        for (size_t i = 0; i < reply->elements && i < MOST_REPLIES; i++)
            check_reply(reply->element[i], depth + 1);
    }
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

static size_t piece_of(uint8_t first, size_t left)
{
    static const size_t pieces[] = { 1, 2, 3, 7, 64, 1024, 16384, SIZE_MAX };
    size_t piece = pieces[first % 8];
    return piece < left ? piece : left;
}

/* How many replies these bytes are before they end or turn into nonsense; *broken: the latter. */
static size_t read_alone(const uint8_t *bytes, size_t size, uint8_t first, int *broken)
{
    redisReader *reader = footfall__redis_reader();
    size_t count = 0;
    *broken = 0;
    if (reader == NULL)
        return 0;
    for (size_t at = 0, piece = 0; at < size && !*broken; at += piece) {
        void *reply = NULL;
        piece = piece_of(first, size - at);
        must(redisReaderFeed(reader, (const char *)bytes + at, piece) == REDIS_OK);
        while (!*broken) {
            *broken = redisReaderGetReply(reader, &reply) != REDIS_OK;
            if (*broken || reply == NULL)
                break;
            count++;
            check_reply(reply, 0);
            freeReplyObject(reply);
        }
    }
    redisReaderFree(reader);
    return count;
}

static void count_reply(void *user, size_t i, redisReply **reply)
{
    size_t *count = user;
    must(*reply != NULL && i == *count);
    ++*count;
    if (i % 2 == 0) { /* kept */
        freeReplyObject(*reply);
        *reply = NULL;
    }
}

/* The other end says all of it at once and closes. */
static void read_by_exchange(const uint8_t *bytes, size_t size, size_t wanted, size_t there)
{
    struct redis_connection c = { .fd = -1 };
    char said[256] = "";
    struct footfall_store_call call = { .deadline_ms = INT64_MAX, .text = said, .text_bytes = sizeof said };
    size_t told = 0;
    size_t got = 0;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    c.fd = ends[0];
    c.reader = footfall__redis_reader();
    must(send(ends[1], bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
    (void)shutdown(ends[1], SHUT_WR);
    must(footfall__redis_say(&c, "PING", NULL) == 0);
    got = footfall__redis_exchange(&c, wanted, count_reply, &told, &call);
    must(told <= wanted && (got == told || got == 0));
    if (wanted > there) {
        must(got == there && c.fd < 0 && said[0] != '\0');
    } else if (got == wanted && c.fd >= 0) {
        must(c.out.count == 0 && c.sent == 0 && said[0] == '\0');
    } else {
        must(got == 0 && c.fd < 0 && c.reader == NULL && c.out.count == 0 && said[0] != '\0');
    }
    footfall__redis_hang_up(&c);
    footfall__redis_bytes_free(&c.out);
    (void)close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t first = size > 0 ? bytes[0] : 0;
    size_t count = 0;
    int broken = 0;
    if (size < 2 || size > 65536)
        return 0;
    count = read_alone(bytes + 1, size - 1, first, &broken);
    read_by_exchange(bytes + 1, size - 1, count + 1, count);
    if (count > 0 && count <= MOST_REPLIES)
        read_by_exchange(bytes + 1, size - 1, count, count);
    if (count > 1)
        read_by_exchange(bytes + 1, size - 1, 1, count);
    return 0;
}
