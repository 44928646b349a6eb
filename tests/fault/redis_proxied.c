/* redis_proxied.c: what is Redis's own of proxied.h: the server's address, handles, which request is which. The server's life is
 * support/redis_control.h's. */
#include "proxied.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "handle.h"
#include "redis_control.h"

const char *const proxied_backend = "redis";
const int proxied_dead_copy_counts = 1;

struct support_proxy *proxied_start(void)
{
    struct support_proxy_address any = { .path = NULL };
    struct support_proxy_address server = { .port = (uint16_t)support_redis_port() };
    return support_proxy_start(&support_proxy_redis, any, server);
}

void proxied_make(const char *prefix)
{
    (void)prefix; /* a prefix of keys needs nothing */
}

struct footfall *proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes,
                              const char *settings)
{
    char *keys[] = { support_format("%s.url", backend), support_format("%s.prefix", backend),
                     support_format("%s.lanes", backend) };
    char *url = support_format("redis://127.0.0.1:%d/0", port != 0 ? (int)port : support_redis_port());
    const char *pairs[] = { "backend", backend, "secret", SUPPORT_SECRET, "deadline", "60s", keys[0],
                            url,       keys[1], prefix,   keys[2],        lanes,      NULL };
    struct footfall *ff = NULL;
    if (settings[0] != '\0')
        support_die("no settings are known here");
    ff = support_open(pairs);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        free(keys[i]);
    free(url);
    return ff;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

/* The nth word, from 0, of a whole request ("*2\r\n$4\r\nPING\r\n…"); NULL when it has fewer. */
static const char *word(const void *request, size_t bytes, unsigned nth, size_t *word_bytes)
{
    const char *at = request;
    const char *end = at + bytes;
    for (;; nth--) {
        size_t size = 0;
        at = memchr(at, '\n', (size_t)(end - at)); /* after "*2\r", or after a word */
        if (at == NULL || end - at < 2 || at[1] != '$')
            return NULL;
        for (at += 2; at < end && *at >= '0' && *at <= '9'; at++)
            size = size * 10 + (size_t)(*at - '0');
        if (end - at < 4 || size > (size_t)(end - at) - 4)
            return NULL;
        at += 2;
        *word_bytes = size;
        if (nth == 0)
            return at;
        at += size;
    }
}

static int is_word(const void *request, size_t bytes, unsigned nth, const char *text)
{
    size_t count = 0;
    const char *at = word(request, bytes, nth, &count);
    return at != NULL && count == strlen(text) && memcmp(at, text, count) == 0;
}

int proxied_is_counting(const void *request, size_t bytes, void *user)
{
    (void)user;
    return is_word(request, bytes, 0, "EVALSHA") || is_word(request, bytes, 0, "EVAL");
}

/* The scripts differ in how many keys they take: apply.lua 4, epoch_key.lua 2, the others 1. */
int proxied_is_apply(const void *request, size_t bytes, void *user)
{
    return proxied_is_counting(request, bytes, user) && is_word(request, bytes, 2, "4");
}

int proxied_is_epoch(const void *request, size_t bytes, void *user)
{
    return proxied_is_counting(request, bytes, user) && is_word(request, bytes, 2, "2");
}
