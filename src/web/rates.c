/* rates.c: what stands for an address, and the buckets of tokens (rates.h). A bucket is found by its key in one of eight
 * places of a set; the table never grows. */
#include "rates.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "network.h"
#include "random.h"
#include "settings.h"

enum {
    SETS = 4096,
    PLACES = 8,     /* 24 bytes each: 768 KiB in all */
    LOCKS = 64,     /* set s has lock s % LOCKS */
    WHOLE = 1000,   /* a request takes that much of a bucket: so a millisecond adds per_second, and no rest is lost */
    FULL_MS = 1000, /* an empty bucket is full again after that long */
    RATE_MAX = 1000000
};

/* ---- keys ------------------------------------------------------------------------------------------------------------- */

struct footfall_web_keys {
    uint64_t key[2];
};

int footfall__web_keys_new(struct footfall_web_keys **out, struct footfall_error *err)
{
    struct footfall_web_keys *keys = footfall__calloc(1, sizeof *keys);
    *out = NULL;
    if (keys == NULL || footfall__random_bytes(keys->key, sizeof keys->key) != 0) {
        footfall__free(keys);
        return footfall__web_no_memory(err, "a key of a table of addresses");
    }
    *out = keys;
    return FOOTFALL_OK;
}

void footfall__web_keys_free(struct footfall_web_keys *keys)
{
    if (keys != NULL)
        OPENSSL_cleanse(keys, sizeof *keys);
    footfall__free(keys);
}

uint64_t footfall__web_keys_of(const struct footfall_web_keys *keys, const char *address)
{
    struct footfall_web_ip ip;
    uint64_t hash;
    if (address == NULL || !footfall__web_ip_read(&ip, address, strlen(address)))
        return 0;
    hash = footfall__web_ip_is_v4(&ip) ? footfall__hash(keys->key, ip.bytes + 12, 4)
                                       : footfall__hash(keys->key, ip.bytes, 8);
    return hash != 0 ? hash : 1;
}

/* ---- rates ------------------------------------------------------------------------------------------------------------ */

struct bucket {
    uint64_t key;  /* 0: nobody's */
    int64_t at_ms; /* when its owner last came */
    int64_t left;  /* at that time, in parts of a request */
};

struct footfall_web_rates {
    uint32_t per_second;
    pthread_mutex_t locks[LOCKS];
    struct bucket sets[SETS][PLACES];
};

int footfall__web_rates_new(struct footfall_web_rates **out, uint32_t per_second, struct footfall_error *err)
{
    struct footfall_web_rates *rates;
    *out = NULL;
    if (per_second < 1 || per_second > RATE_MAX)
        return footfall__web_fail(err, FOOTFALL_INVALID, "a rate is from 1 to %d requests a second", RATE_MAX);
    rates = footfall__calloc(1, sizeof *rates);
    if (rates == NULL)
        return footfall__web_no_memory(err, "http.requests_per_second");
    rates->per_second = per_second;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&rates->locks[i], NULL);
    *out = rates;
    return FOOTFALL_OK;
}

void footfall__web_rates_free(struct footfall_web_rates *rates)
{
    if (rates == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&rates->locks[i]);
    footfall__free(rates);
}

/* The bucket of this key: its own, an unused one or that of whoever has not come for longest, then full. */
static struct bucket *bucket_of(struct bucket set[PLACES], uint64_t key, int64_t now_ms, int64_t full)
{
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].key == key)
            return &set[i];
        if (oldest->key != 0 && (set[i].key == 0 || set[i].at_ms < oldest->at_ms))
            oldest = &set[i];
    }
    *oldest = (struct bucket){ key, now_ms, full };
    return oldest;
}

/* What has run in since its owner last came. A clock that another thread has read a little later is no step back. */
static void fill(struct bucket *bucket, int64_t now_ms, uint32_t per_second, int64_t full)
{
    int64_t passed;
    if (now_ms <= bucket->at_ms)
        return;
    if (__builtin_sub_overflow(now_ms, bucket->at_ms, &passed) || passed > FULL_MS)
        passed = FULL_MS;
    bucket->at_ms = now_ms;
    bucket->left += passed * per_second;
    if (bucket->left > full)
        bucket->left = full;
}

int footfall__web_rates_take(struct footfall_web_rates *rates, uint64_t key, int64_t now_ms)
{
    int64_t full = (int64_t)rates->per_second * WHOLE;
    pthread_mutex_t *lock = &rates->locks[key % LOCKS];
    struct bucket *bucket;
    int goes_on;
    if (key == 0)
        return 1;
    pthread_mutex_lock(lock);
    bucket = bucket_of(rates->sets[key % SETS], key, now_ms, full);
    fill(bucket, now_ms, rates->per_second, full);
    goes_on = bucket->left >= WHOLE;
    if (goes_on)
        bucket->left -= WHOLE;
    pthread_mutex_unlock(lock);
    return goes_on;
}
