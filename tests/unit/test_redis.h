/* test_redis.h: what the unit tests of the Redis backend's parts share. No server is needed: URLs, keys, replies and errors are
 * made here by hand. */
#ifndef TEST_REDIS_H
#define TEST_REDIS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "redis.h"

static char text[256]; /* of the last call */

static inline struct footfall_store_call call_now(void)
{
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    text[0] = '\0';
    return call;
}

/* The one reply that these bytes are, freed by freeReplyObject. */
static inline redisReply *reply_of_bytes(const char *bytes, size_t count)
{
    redisReader *reader = footfall__redis_reader();
    void *reply = NULL;
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, bytes, count), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static inline redisReply *reply_of(const char *bytes)
{
    return reply_of_bytes(bytes, strlen(bytes));
}
#endif
