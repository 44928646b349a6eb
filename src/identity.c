/* identity.c: HMAC contexts, ids, tokens and fingerprints (identity.h). Where keys come from is in epoch.c. */
#include "identity.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "alloc.h"
#include "epoch.h"
#include "error.h"

static const char id_label[] = "footfall v1";
static const char op_label[] = "footfall op v1";

int64_t footfall__add_saturated(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int footfall__identity_init(struct footfall__identity *id, uint8_t *secret, size_t secret_bytes, int64_t window_ms,
                            struct footfall_error *err)
{
    memset(id, 0, sizeof *id);
    pthread_mutex_init(&id->lock, NULL);
    id->secret = secret;
    id->secret_bytes = secret_bytes;
    id->epoch_ms = window_ms > FOOTFALL__DAY_MS ? window_ms : FOOTFALL__DAY_MS;
    id->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (id->hmac == NULL)
        return footfall__fail(err, FOOTFALL_BROKEN, 0, "OpenSSL offers no HMAC");
    id->plain = footfall__epoch_new(id, NULL, -1, INT64_MAX);
    if (id->plain == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for a HMAC context");
    return FOOTFALL_OK;
}

void footfall__identity_destroy(struct footfall__identity *id)
{
    if (id->secret == NULL)
        return;
    (void)footfall__identity_expire(id, INT64_MAX);
    footfall__epoch_release(id, id->plain);
    EVP_MAC_free(id->hmac);
    OPENSSL_cleanse(id->secret, id->secret_bytes);
    footfall__free(id->secret);
    pthread_mutex_destroy(&id->lock);
    memset(id, 0, sizeof *id);
}

void footfall__hasher_begin(struct footfall__hasher *h, struct footfall__identity *id)
{
    memset(h, 0, sizeof *h);
    h->identity = id;
}

static void drop_epochs(struct footfall__hasher *h)
{
    for (int i = 0; i < 2; i++) {
        if (h->epoch[i] != NULL)
            footfall__epoch_give_back(h->identity, h->epoch[i], h->context[i]);
        h->epoch[i] = NULL;
        h->context[i] = NULL;
    }
}

void footfall__hasher_end(struct footfall__hasher *h)
{
    drop_epochs(h);
    if (h->plain != NULL)
        footfall__epoch_give_back(h->identity, h->identity->plain, h->plain);
    h->plain = NULL;
}

/* HMAC over `size` bytes of one buffer and, when there is one, the user agent behind it; the first 16 bytes of it. */
static int digest(EVP_MAC_CTX *context, uint8_t out[16], const uint8_t *message, size_t size, const char *agent,
                  size_t agent_bytes)
{
    uint8_t full[EVP_MAX_MD_SIZE];
    size_t full_bytes = 0;
    int fine = EVP_MAC_init(context, NULL, 0, NULL) == 1 && EVP_MAC_update(context, message, size) == 1 &&
               (agent_bytes == 0 || EVP_MAC_update(context, (const unsigned char *)agent, agent_bytes) == 1) &&
               EVP_MAC_final(context, full, &full_bytes, sizeof full) == 1 && full_bytes >= 16;
    if (!fine)
        return FOOTFALL_NO_MEMORY;
    memcpy(out, full, 16);
    return 0;
}

static size_t put_length(uint8_t *at, size_t bytes)
{
    at[0] = (uint8_t)(bytes >> 24);
    at[1] = (uint8_t)(bytes >> 16);
    at[2] = (uint8_t)(bytes >> 8);
    at[3] = (uint8_t)bytes;
    return 4;
}

static size_t put_field(uint8_t *at, const void *bytes, size_t size)
{
    put_length(at, size);
    memcpy(at + 4, bytes, size);
    return size + 4;
}

static size_t put_number(uint8_t *at, int64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    return put_field(at, bytes, sizeof bytes);
}

static EVP_MAC_CTX *plain_context(struct footfall__hasher *h)
{
    if (h->plain == NULL)
        h->plain = footfall__epoch_take(h->identity, h->identity->plain);
    return h->plain;
}

int footfall__hasher_token(struct footfall__hasher *h, uint8_t out[FOOTFALL_STORE_TOKEN_BYTES], const void *token,
                           size_t token_bytes)
{
    EVP_MAC_CTX *context = plain_context(h);
    return context == NULL ? FOOTFALL_NO_MEMORY : digest(context, out, token, token_bytes, NULL, 0);
}

/* Kind and numbers, or kind and id: never `now`, so that a retry is the same operation however late it comes. */
static int fingerprint(struct footfall__hasher *h, uint8_t *out, const struct footfall_store_op *op, const void *id)
{
    uint8_t message[64];
    uint8_t kind = (uint8_t)op->kind;
    size_t at = put_field(message, op_label, sizeof op_label - 1);
    EVP_MAC_CTX *context = plain_context(h);
    if (context == NULL)
        return FOOTFALL_NO_MEMORY;
    at += put_field(message + at, &kind, 1);
    if (id != NULL) {
        at += put_field(message + at, id, FOOTFALL_STORE_ID_BYTES);
    } else {
        at += put_number(message + at, op->a);
        at += put_number(message + at, op->b);
    }
    return digest(context, out, message, at, NULL, 0);
}

int footfall__hasher_fingerprint(struct footfall__hasher *h, struct footfall_store_op *op)
{
    return fingerprint(h, op->fingerprints[0], op, NULL);
}

/* Contexts of epoch `number` and the one before into the hasher. 0; 1: a key is not at hand; or NO_MEMORY. */
static int take_epochs(struct footfall__hasher *h, int64_t number, int64_t wall_ms)
{
    int64_t wanted[2] = { number, number - 1 };
    int count = number > 0 ? 2 : 1;
    for (int i = 0; i < count; i++)
        if (h->context[i] == NULL || !footfall__epoch_usable(h->epoch[i], wanted[i], wall_ms))
            goto fresh;
    return 0;
fresh:
    drop_epochs(h);
    for (int i = 0; i < count; i++) {
        h->epoch[i] = footfall__epoch_find(h->identity, wanted[i], wall_ms);
        if (h->epoch[i] == NULL)
            return 1;
        h->context[i] = footfall__epoch_take(h->identity, h->epoch[i]);
        if (h->context[i] == NULL)
            return FOOTFALL_NO_MEMORY;
    }
    return 0;
}

int footfall__hasher_visitor(struct footfall__hasher *h, struct footfall_store_op *op,
                             const struct footfall__person *person, int64_t wall_ms)
{
    int64_t length = h->identity->epoch_ms;
    int64_t number = op->now_ms / length;
    uint8_t message[4 + sizeof id_label + 4 + FOOTFALL_NAME_BYTES + 4 + 16 + 4];
    size_t at;
    int rc = take_epochs(h, number, wall_ms);
    if (rc != 0)
        return rc;
    at = put_field(message, id_label, sizeof id_label - 1);
    at += put_field(message + at, op->name, op->name_bytes);
    at += put_field(message + at, person->address.bytes, person->address.length);
    if (person->agent != NULL)
        at += put_length(message + at, person->agent_bytes);
    op->id_count = number > 0 ? 2 : 1;
    op->write_count = op->id_count == 2 && op->now_ms - number * length < FOOTFALL__HOUR_MS ? 2 : 1;
    for (uint32_t i = 0; i < op->id_count && rc == 0; i++) {
        op->epochs[i] = number - i;
        rc = digest(h->context[i], op->ids[i].bytes, message, at, person->agent, person->agent_bytes);
        if (rc == 0 && op->token != NULL)
            rc = fingerprint(h, op->fingerprints[i], op, op->ids[i].bytes);
    }
    OPENSSL_cleanse(message, sizeof message);
    if (rc != 0)
        op->id_count = op->write_count = 0;
    return rc;
}
