/* reply.c: hiredis' reader with limits, and what replies hold. Its objects are its own; what is bounded here is how many of them
 * a server can make us allocate (bytes are connection.c's to count). */
#include "redis.h"

#include <pthread.h>
#include <string.h>

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static redisReplyObjectFunctions functions;
static void *(*create_array)(const redisReadTask *task, element_count elements);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *create_bounded_array(const redisReadTask *task, element_count elements)
{
    return elements <= REDIS_REPLY_ELEMENTS ? create_array(task, elements) : NULL;
}

static void take_functions(void)
{
    redisReader *reader = redisReaderCreate();
    if (reader == NULL)
        return;
    functions = *reader->fn;
    create_array = functions.createArray;
    functions.createArray = create_bounded_array;
    redisReaderFree(reader);
}

redisReader *footfall__redis_reader(void)
{
    redisReader *reader = NULL;
    (void)pthread_once(&once, take_functions);
    if (create_array != NULL && (reader = redisReaderCreate()) != NULL)
        reader->fn = &functions;
    return reader;
}

int footfall__redis_is_text(const redisReply *reply)
{
    return reply != NULL && reply->str != NULL &&
           (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
}

int footfall__redis_parse(const char *text, size_t bytes, int64_t *out)
{
    size_t at = bytes > 0 && text[0] == '-';
    int64_t value = 0;
    if (at == bytes)
        return -1;
    for (size_t i = at; i < bytes; i++) { /* downwards, so that the lowest number fits too */
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[i] - '0', &value))
            return -1;
    }
    if (at == 0 && __builtin_sub_overflow(0, value, &value))
        return -1;
    *out = value;
    return 0;
}

int footfall__redis_number(const redisReply *reply, int64_t *out)
{
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        *out = reply->integer;
        return 0;
    }
    return footfall__redis_is_text(reply) ? footfall__redis_parse(reply->str, (size_t)reply->len, out) : -1;
}

int footfall__redis_is_replica(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && footfall__redis_is_text(reply->element[0]) &&
           strcmp(reply->element[0]->str, "slave") == 0;
}

int footfall__redis_is_array(const redisReply *reply, size_t elements)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == elements &&
           (elements == 0 || reply->element != NULL);
}
