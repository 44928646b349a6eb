/* keys.c: names of keys (redis.h). Redis Cluster places a key by what stands between its first '{' and the next '}', so those
 * two bytes, and the '%' that encodes them, never stand there bare. */
#include "redis.h"

#include <string.h>

void footfall__redis_key_add(struct redis_key *key, const void *bytes, size_t count)
{
    if (count > sizeof(key->at) - key->bytes)
        count = sizeof(key->at) - key->bytes; /* no caller comes near: prefix and name are bounded */
    memcpy(key->at + key->bytes, bytes, count);
    key->bytes += count;
}

void footfall__redis_key(struct redis_key *out, const char *prefix, const char *what)
{
    out->bytes = 0;
    footfall__redis_key_add(out, prefix, strlen(prefix));
    footfall__redis_key_add(out, ":", 1);
    footfall__redis_key_add(out, what, strlen(what));
}

void footfall__redis_counter_key(struct redis_key *out, const char *prefix, const char *name, size_t name_bytes)
{
    footfall__redis_key(out, prefix, "{");
    for (size_t i = 0; i < name_bytes; i++) {
        const char *encoded = name[i] == '{' ? "%7B" : name[i] == '}' ? "%7D" : name[i] == '%' ? "%25" : NULL;
        if (encoded != NULL)
            footfall__redis_key_add(out, encoded, 3);
        else
            footfall__redis_key_add(out, &name[i], 1);
    }
    footfall__redis_key_add(out, "}", 1);
}

struct redis_argument footfall__redis_key_argument(const struct redis_key *key)
{
    return (struct redis_argument){ key->at, key->bytes };
}
