/* epoch.c: epoch keys: fetched or made, kept while they may be used, cleansed when they expire (epoch.h, identity.h). */
#include "epoch.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "random.h"

static EVP_MAC_CTX *keyed_context(struct footfall__identity *id, const uint8_t *key)
{
    char name[] = "SHA256";
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                            OSSL_PARAM_construct_end() };
    size_t key_bytes = key != NULL ? FOOTFALL_STORE_KEY_BYTES : 0;
    size_t bytes = id->secret_bytes + key_bytes;
    uint8_t *joined = footfall__malloc(bytes);
    EVP_MAC_CTX *context = joined != NULL ? EVP_MAC_CTX_new(id->hmac) : NULL;
    if (joined == NULL)
        return NULL;
    memcpy(joined, id->secret, id->secret_bytes);
    if (key != NULL)
        memcpy(joined + id->secret_bytes, key, key_bytes);
    if (context != NULL && EVP_MAC_init(context, joined, bytes, params) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    OPENSSL_cleanse(joined, bytes);
    footfall__free(joined);
    return context;
}

struct footfall__epoch *footfall__epoch_new(struct footfall__identity *id, const uint8_t *key, int64_t number,
                                            int64_t kept_until)
{
    struct footfall__epoch *epoch = footfall__calloc(1, sizeof *epoch);
    if (epoch == NULL)
        return NULL;
    epoch->number = number;
    epoch->kept_until = kept_until;
    epoch->references = 1;
    if (key != NULL)
        memcpy(epoch->key, key, sizeof epoch->key);
    epoch->keyed = keyed_context(id, key);
    if (epoch->keyed == NULL) {
        OPENSSL_cleanse(epoch->key, sizeof epoch->key);
        footfall__free(epoch);
        return NULL;
    }
    return epoch;
}

static void destroy(struct footfall__epoch *epoch)
{
    for (unsigned i = 0; i < epoch->idle_count; i++)
        EVP_MAC_CTX_free(epoch->idle[i]); /* OpenSSL cleanses the key in it */
    EVP_MAC_CTX_free(epoch->keyed);
    OPENSSL_cleanse(epoch->key, sizeof epoch->key);
    footfall__free(epoch);
}

static void release_locked(struct footfall__epoch *epoch)
{
    if (--epoch->references == 0)
        destroy(epoch);
}

void footfall__epoch_release(struct footfall__identity *id, struct footfall__epoch *epoch)
{
    if (epoch == NULL)
        return;
    pthread_mutex_lock(&id->lock);
    release_locked(epoch);
    pthread_mutex_unlock(&id->lock);
}

int footfall__epoch_usable(const struct footfall__epoch *epoch, int64_t number, int64_t wall_ms)
{
    return epoch->number == number && (epoch->kept_until > wall_ms || epoch->kept_until == INT64_MAX);
}

struct footfall__epoch *footfall__epoch_find(struct footfall__identity *id, int64_t number, int64_t wall_ms)
{
    struct footfall__epoch *found = NULL;
    pthread_mutex_lock(&id->lock);
    for (struct footfall__epoch *e = id->epochs; e != NULL && found == NULL; e = e->next)
        if (footfall__epoch_usable(e, number, wall_ms))
            found = e;
    if (found != NULL) {
        found->references++;
        found->used = ++id->clock;
    }
    pthread_mutex_unlock(&id->lock);
    return found;
}

EVP_MAC_CTX *footfall__epoch_take(struct footfall__identity *id, struct footfall__epoch *epoch)
{
    EVP_MAC_CTX *context = NULL;
    pthread_mutex_lock(&id->lock);
    if (epoch->idle_count > 0)
        context = epoch->idle[--epoch->idle_count];
    pthread_mutex_unlock(&id->lock);
    return context != NULL ? context : EVP_MAC_CTX_dup(epoch->keyed);
}

void footfall__epoch_give_back(struct footfall__identity *id, struct footfall__epoch *epoch, EVP_MAC_CTX *context)
{
    pthread_mutex_lock(&id->lock);
    if (context != NULL && epoch->idle_count < FOOTFALL__CONTEXTS_KEPT) {
        epoch->idle[epoch->idle_count++] = context;
        context = NULL;
    }
    if (epoch != id->plain)
        release_locked(epoch);
    pthread_mutex_unlock(&id->lock);
    EVP_MAC_CTX_free(context);
}

int64_t footfall__identity_expire(struct footfall__identity *id, int64_t wall_ms)
{
    int64_t next = INT64_MAX;
    pthread_mutex_lock(&id->lock);
    for (struct footfall__epoch **at = &id->epochs; *at != NULL;) {
        struct footfall__epoch *epoch = *at;
        if (epoch->kept_until <= wall_ms && (epoch->kept_until != INT64_MAX || wall_ms == INT64_MAX)) {
            *at = epoch->next;
            id->epoch_count--;
            release_locked(epoch);
            continue;
        }
        if (epoch->kept_until < next)
            next = epoch->kept_until;
        at = &epoch->next;
    }
    pthread_mutex_unlock(&id->lock);
    return next;
}

/* Adds a key to those at hand (taking over the reference); the least recently used one goes when there are too many. */
static void remember(struct footfall__identity *id, struct footfall__epoch *epoch)
{
    struct footfall__epoch **oldest = NULL;
    pthread_mutex_lock(&id->lock);
    for (struct footfall__epoch **at = &id->epochs; *at != NULL; at = &(*at)->next)
        if ((*at)->number == epoch->number) { /* another lane was faster, or the old one has expired */
            struct footfall__epoch *old = *at;
            *at = old->next;
            id->epoch_count--;
            release_locked(old);
            break;
        }
    if (id->epoch_count >= FOOTFALL__EPOCHS_KEPT) {
        for (struct footfall__epoch **at = &id->epochs; *at != NULL; at = &(*at)->next)
            if (oldest == NULL || (*at)->used < (*oldest)->used)
                oldest = at;
        struct footfall__epoch *old = *oldest;
        *oldest = old->next;
        id->epoch_count--;
        release_locked(old);
    }
    epoch->used = ++id->clock;
    epoch->next = id->epochs;
    id->epochs = epoch;
    id->epoch_count++;
    pthread_mutex_unlock(&id->lock);
}

/* One hour after max(end of the next epoch, two lengths after it is made, by the host's clock). */
static int64_t expiry(const struct footfall__identity *id, int64_t number, int64_t wall_ms)
{
    int64_t length = id->epoch_ms;
    int64_t end_of_next;
    int64_t from_now;
    if (length == INT64_MAX)
        return INT64_MAX;
    end_of_next = number > INT64_MAX / length - 2 ? INT64_MAX : (number + 2) * length;
    from_now = footfall__add_saturated(wall_ms, 2 * length);
    return footfall__add_saturated(end_of_next > from_now ? end_of_next : from_now, FOOTFALL__HOUR_MS);
}

static int has_any(struct footfall__identity *id)
{
    int any;
    pthread_mutex_lock(&id->lock);
    any = id->epochs != NULL;
    pthread_mutex_unlock(&id->lock);
    return any;
}

static int fetch_one(struct footfall__identity *id, int64_t number, int make, struct footfall__store *store,
                     struct footfall_store_call *call, int *other_length)
{
    uint8_t candidate[FOOTFALL_STORE_KEY_BYTES];
    uint8_t winner[FOOTFALL_STORE_KEY_BYTES];
    int64_t kept_until = 0;
    int64_t next;
    struct footfall__epoch *epoch = NULL;
    int rc = footfall__random_bytes(candidate, sizeof candidate);
    if (rc != 0) {
        (void)snprintf(call->text, call->text_bytes, "the kernel gives no random bytes");
        return FOOTFALL_STORE_TEMPORARY;
    }
    for (int round = 0; round < 2; round++) {
        rc = footfall__store_epoch_key(store, id->epoch_ms, number, make ? candidate : NULL,
                                       expiry(id, number, call->wall_ms), winner, &kept_until, call);
        if (rc != 0 || kept_until > call->wall_ms || kept_until == INT64_MAX || !make)
            break;
        rc = footfall__store_epoch_drop(store, call->wall_ms, &next, call); /* one that has expired must go first */
        if (rc != 0)
            break;
    }
    if (rc == 0 && kept_until <= call->wall_ms && kept_until != INT64_MAX) {
        rc = make ? FOOTFALL_STORE_TEMPORARY : 1;
        (void)snprintf(call->text, call->text_bytes, "an expired epoch key cannot be erased");
    }
    if (rc == 0) {
        epoch = footfall__epoch_new(id, winner, number, kept_until);
        rc = epoch == NULL ? FOOTFALL_STORE_NO_MEMORY : 0;
    }
    if (rc == 0 && make && memcmp(candidate, winner, sizeof winner) == 0 && !has_any(id))
        (void)footfall__store_epoch_other(store, id->epoch_ms, other_length, call);
    if (rc == 0)
        remember(id, epoch);
    OPENSSL_cleanse(candidate, sizeof candidate);
    OPENSSL_cleanse(winner, sizeof winner);
    return rc == 1 ? 0 : rc;
}

int footfall__identity_fetch(struct footfall__identity *id, int64_t now_ms, int make, struct footfall__store *store,
                             struct footfall_store_call *call, int *other_length)
{
    int64_t number = now_ms / id->epoch_ms;
    int rc = 0;
    *other_length = 0;
    for (int64_t wanted = number; wanted >= 0 && wanted > number - 2 && rc == 0; wanted--) {
        struct footfall__epoch *have = footfall__epoch_find(id, wanted, call->wall_ms);
        if (have == NULL)
            rc = fetch_one(id, wanted, make, store, call, other_length);
        footfall__epoch_release(id, have);
    }
    return rc;
}

/* Puts a key at hand back if the store has lost it, takes the store's if that has another now (*changed = 1). */
static int refresh_one(struct footfall__identity *id, const struct footfall__epoch *have, struct footfall__store *store,
                       struct footfall_store_call *call, int *changed)
{
    uint8_t winner[FOOTFALL_STORE_KEY_BYTES];
    int64_t kept_until = 0;
    struct footfall__epoch *epoch = NULL;
    int rc = footfall__store_epoch_key(store, id->epoch_ms, have->number, have->key, have->kept_until, winner,
                                       &kept_until, call);
    if (rc == 0 && memcmp(winner, have->key, sizeof winner) != 0) {
        epoch = footfall__epoch_new(id, winner, have->number, kept_until);
        rc = epoch == NULL ? FOOTFALL_STORE_NO_MEMORY : 0;
        *changed |= rc == 0;
        if (rc == 0)
            remember(id, epoch);
    }
    OPENSSL_cleanse(winner, sizeof winner);
    return rc;
}

int footfall__identity_refresh(struct footfall__identity *id, int64_t now_ms, struct footfall__store *store,
                               struct footfall_store_call *call, int *changed)
{
    int64_t number = now_ms / id->epoch_ms;
    int rc = 0;
    *changed = 0;
    for (int64_t wanted = number; wanted >= 0 && wanted > number - 2 && rc == 0; wanted--) {
        struct footfall__epoch *have = footfall__epoch_find(id, wanted, call->wall_ms);
        if (have != NULL)
            rc = refresh_one(id, have, store, call, changed);
        footfall__epoch_release(id, have);
    }
    return rc;
}
