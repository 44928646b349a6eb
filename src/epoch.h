/* epoch.h: epoch keys at hand. Only identity.c and epoch.c look inside. */
#ifndef FOOTFALL_EPOCH_H
#define FOOTFALL_EPOCH_H
#include "identity.h"

enum { FOOTFALL__CONTEXTS_KEPT = 16 };

struct footfall__epoch {
    struct footfall__epoch *next;
    int64_t number;
    uint8_t key[FOOTFALL_STORE_KEY_BYTES];
    int64_t kept_until; /* host's clock; past it the key is gone from the store, and must not be used */
    unsigned references;
    uint64_t used;
    EVP_MAC_CTX *keyed; /* never used itself; the pool's contexts are its copies */
    EVP_MAC_CTX *idle[FOOTFALL__CONTEXTS_KEPT];
    unsigned idle_count;
};

/* With one reference. key NULL: HMAC under the secret alone. NULL: no memory. */
struct footfall__epoch *footfall__epoch_new(struct footfall__identity *id, const uint8_t *key, int64_t number,
                                            int64_t kept_until);
void footfall__epoch_release(struct footfall__identity *id, struct footfall__epoch *epoch); /* NULL is fine */
int footfall__epoch_usable(const struct footfall__epoch *epoch, int64_t number, int64_t wall_ms);
struct footfall__epoch *footfall__epoch_find(struct footfall__identity *id, int64_t number,
                                             int64_t wall_ms); /* a reference, or NULL */
EVP_MAC_CTX *footfall__epoch_take(struct footfall__identity *id, struct footfall__epoch *epoch); /* NULL: no memory */
/* Ends the loan of `context` (NULL is fine) and, but for the plain one, the reference to `epoch`. */
void footfall__epoch_give_back(struct footfall__identity *id, struct footfall__epoch *epoch, EVP_MAC_CTX *context);
#endif
