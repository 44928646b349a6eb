/* command.c: a growing buffer, and commands appended to what a connection sends next. hiredis writes the protocol. */
#include "redis.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <string.h>

enum { WORDS_MAX = 24, FIRST_ROOM = 4096 };

int footfall__redis_put(struct redis_bytes *to, const void *bytes, size_t count)
{
    if (count > to->room - to->count) {
        size_t room = to->room * 2 > to->count + count ? to->room * 2 : to->count + count + FIRST_ROOM;
        char *at = footfall__malloc(room);
        if (at == NULL)
            return FOOTFALL_STORE_NO_MEMORY;
        if (to->at != NULL) {
            memcpy(at, to->at, to->count);
            OPENSSL_cleanse(to->at, to->count); /* it may hold a password, or an epoch key */
            footfall__free(to->at);
        }
        to->at = at;
        to->room = room;
    }
    if (count > 0)
        memcpy(to->at + to->count, bytes, count);
    to->count += count;
    return 0;
}

void footfall__redis_bytes_free(struct redis_bytes *bytes)
{
    if (bytes->at != NULL)
        OPENSSL_cleanse(bytes->at, bytes->room);
    footfall__free(bytes->at);
    memset(bytes, 0, sizeof(*bytes));
}

struct redis_argument footfall__redis_text(const char *text)
{
    return (struct redis_argument){ text, strlen(text) };
}

int footfall__redis_command(struct redis_connection *c, const struct redis_argument *arguments, size_t count)
{
    const char *texts[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    char *command = NULL;
    long long bytes = -1;
    int rc = FOOTFALL_STORE_NO_MEMORY;
    if (count > WORDS_MAX)
        return rc;
    for (size_t i = 0; i < count; i++) {
        texts[i] = arguments[i].at;
        sizes[i] = arguments[i].bytes;
    }
    bytes = redisFormatCommandArgv(&command, (int)count, texts, sizes);
    if (bytes < 0)
        return rc;
    rc = footfall__redis_put(&c->out, command, (size_t)bytes);
    OPENSSL_cleanse(command, (size_t)bytes); /* it may be AUTH */
    redisFreeCommand(command);
    atomic_fetch_add_explicit(&c->commands, 1, memory_order_relaxed);
    return rc;
}

int footfall__redis_say(struct redis_connection *c, const char *first, ...)
{
    struct redis_argument arguments[WORDS_MAX];
    size_t count = 0;
    va_list words;
    va_start(words, first);
    for (const char *word = first; word != NULL && count < WORDS_MAX; word = va_arg(words, const char *))
        arguments[count++] = footfall__redis_text(word);
    va_end(words);
    return footfall__redis_command(c, arguments, count);
}
