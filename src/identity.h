/* identity.h: from an address to the ids under which a visitor is remembered, and from a token to what stores see of it.
 * Holds the secret and the epoch keys in use, with a pool of keyed HMAC contexts (making one costs six times a use). It
 * knows nothing of lanes; whoever leads one fetches missing keys through it. Any thread, except init and destroy. */
#ifndef FOOTFALL_IDENTITY_H
#define FOOTFALL_IDENTITY_H
#include <openssl/types.h>
#include <pthread.h>

#include "address.h"
#include "footfall.h"
#include "store.h"

enum { FOOTFALL__EPOCHS_KEPT = 64, FOOTFALL__HOUR_MS = 3600000, FOOTFALL__DAY_MS = 86400000 };

struct footfall__epoch; /* one epoch's key, counted references */

struct footfall__identity {
    pthread_mutex_t lock;
    EVP_MAC *hmac;
    uint8_t *secret; /* owned; cleansed in destroy */
    size_t secret_bytes;
    int64_t epoch_ms;               /* length; INT64_MAX: forever */
    struct footfall__epoch *plain;  /* the secret alone: tokens and fingerprints */
    struct footfall__epoch *epochs; /* list, at most FOOTFALL__EPOCHS_KEPT */
    size_t epoch_count;
    uint64_t clock; /* of uses, to find the least recently used */
};

/* Takes `secret` over (also on failure). 0, or NO_MEMORY / BROKEN (OpenSSL has no HMAC) in err. */
int footfall__identity_init(struct footfall__identity *id, uint8_t *secret, size_t secret_bytes, int64_t window_ms,
                            struct footfall_error *err);
void footfall__identity_destroy(struct footfall__identity *id); /* zeroed memory is fine */

/* One visitor as a call gave it: lives in a request until its ids are made, and is cleansed with it. */
struct footfall__person {
    struct footfall__address address;
    char *agent; /* NULL: not part of the id */
    size_t agent_bytes;
};

/* A hasher holds the contexts of the two epochs last used, so that a batch takes them from the pool once. One thread. */
struct footfall__hasher {
    struct footfall__identity *identity;
    struct footfall__epoch *epoch[2]; /* current, previous */
    EVP_MAC_CTX *context[2];
    EVP_MAC_CTX *plain;
};
void footfall__hasher_begin(struct footfall__hasher *h, struct footfall__identity *id);
void footfall__hasher_end(struct footfall__hasher *h);

/* Fills op->ids, epochs, id_count, write_count for a visit at op->now_ms, and the fingerprints when op has a token.
 * Returns 0; 1 when a key is not at hand (nothing filled in; footfall__identity_fetch gets it); or NO_MEMORY. wall_ms: keys
 * that have expired by it are not used. */
int footfall__hasher_visitor(struct footfall__hasher *h, struct footfall_store_op *op,
                             const struct footfall__person *person, int64_t wall_ms);
/* out: first 16 bytes of HMAC(secret, token). 0 or NO_MEMORY. */
int footfall__hasher_token(struct footfall__hasher *h, uint8_t out[FOOTFALL_STORE_TOKEN_BYTES], const void *token,
                           size_t token_bytes);
/* The fingerprint of an op that is no VISIT or FORGET, into op->fingerprints[0]. 0 or NO_MEMORY. */
int footfall__hasher_fingerprint(struct footfall__hasher *h, struct footfall_store_op *op);

/* Gets the keys that a visit at now_ms needs from the store, making those that are not there (make = 0: only looks, and an
 * absent one is no error). The caller has the store to itself. 0, or a store status with call->text. *made = 1 when this
 * call put the first key of its length into a store that holds keys of another (the log should say so). */
int footfall__identity_fetch(struct footfall__identity *id, int64_t now_ms, int make, struct footfall__store *store,
                             struct footfall_store_call *call, int *other_length);

/* A store may lose what it had acknowledged (a restart without persistence, a failover): the keys at hand that a visit at now_ms
 * needs are put back when they are gone, and replaced when others were made meanwhile, so that handles agree again on who is who.
 * *changed = 1: visitors seen under the old key count anew once. The caller has the store to itself. 0, or a store status. */
int footfall__identity_refresh(struct footfall__identity *id, int64_t now_ms, struct footfall__store *store,
                               struct footfall_store_call *call, int *changed);

/* Forgets (and cleanses) keys that have expired by wall_ms; returns when the next one does, INT64_MAX if none. */
int64_t footfall__identity_expire(struct footfall__identity *id, int64_t wall_ms);

int64_t footfall__add_saturated(int64_t a, int64_t b); /* b >= 0; INT64_MAX instead of overflow */
#endif
