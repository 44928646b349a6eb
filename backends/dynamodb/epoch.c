/* epoch.c: epoch keys, in a table of their own so that backups of the counters do not keep them (docs/dynamodb.md). sk is the
 * epoch's length and number, eight bytes each, big endian; k the key; x when it ends by its maker's clock; e, for the service to
 * drop what nobody else did, the same by the service's. */
#include "store.h"

#include "bytes.h"
#include "clock.h"

#include <openssl/crypto.h>
#include <stdio.h>

enum { PAGE = 50, SK_BYTES = 16 };

static void put_big_endian(uint8_t *out, int64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static void key_of(struct dynamodb_key *out, int64_t epoch_ms, int64_t epoch)
{
    memcpy(out->pk, "epoch", 5);
    out->pk_bytes = 5;
    put_big_endian(out->sk, epoch_ms);
    put_big_endian(out->sk + 8, epoch);
    out->sk_bytes = SK_BYTES;
}

static json_t *request(const struct footfall_store *store, const struct dynamodb_key *key)
{
    json_t *body = json_object();
    if (footfall__dynamodb_put(body, "TableName", json_string(store->key_table)) == 0 &&
        (key == NULL || footfall__dynamodb_put(body, "Key", footfall__dynamodb_key_json(key)) == 0))
        return body;
    json_decref(body);
    return NULL;
}

static int take(const json_t *item, uint8_t *key, int64_t *kept_until, struct footfall_store_call *call)
{
    size_t count = 0;
    if (footfall__dynamodb_take_b(item, "k", key, FOOTFALL_STORE_KEY_BYTES, &count) == 1 &&
        count == FOOTFALL_STORE_KEY_BYTES && footfall__dynamodb_take_n(item, "x", kept_until) == 1)
        return 0;
    return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "an epoch key in dynamodb.key_table cannot be read");
}

/* Who asks for an epoch's key asks for that of the epoch before just afterwards: one answer has both, and what it says of the latter
 * is kept for that moment. */
enum { BESIDE_MS = 1000 };

static void forget_beside(struct footfall_store *store)
{
    OPENSSL_cleanse(&store->beside, sizeof(store->beside));
}

/* As look; -1: nothing is kept of this one. */
static int recall_beside(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, uint8_t *winner,
                         int64_t *kept_until)
{
    const struct dynamodb_beside *beside = &store->beside;
    int rc = -1;
    if (beside->until_ms > footfall__boottime_ms() && beside->epoch_ms == epoch_ms && beside->epoch == epoch) {
        rc = beside->there ? 0 : 1;
        if (rc == 0) {
            memcpy(winner, beside->key, FOOTFALL_STORE_KEY_BYTES);
            *kept_until = beside->kept_until;
        }
    }
    forget_beside(store);
    return rc;
}

static json_t *two_body(const struct footfall_store *store, const struct dynamodb_key *before,
                        const struct dynamodb_key *key)
{
    json_t *body = request(store, NULL);
    json_t *values = json_object();
    int bad = footfall__dynamodb_put(values, ":epoch", footfall__dynamodb_s(key->pk, key->pk_bytes)) |
              footfall__dynamodb_put(values, ":before", footfall__dynamodb_b(before->sk, before->sk_bytes)) |
              footfall__dynamodb_put(values, ":this", footfall__dynamodb_b(key->sk, key->sk_bytes)) |
              footfall__dynamodb_put(body, "KeyConditionExpression",
                                     json_string("pk = :epoch AND sk BETWEEN :before AND :this")) |
              footfall__dynamodb_put(body, "ExpressionAttributeValues", values) |
              footfall__dynamodb_put(body, "ConsistentRead", json_true());
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

/* 0; 1: it is not there; or a negative status. */
static int look(struct footfall_store *store, int64_t epoch_ms, int64_t epoch, uint8_t *winner, int64_t *kept_until,
                struct footfall_store_call *call)
{
    struct dynamodb_key key;
    struct dynamodb_key before;
    struct dynamodb_beside *beside = &store->beside;
    json_t *reply = NULL;
    const json_t *items = NULL;
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    int found = 1;
    int rc = recall_beside(store, epoch_ms, epoch, winner, kept_until);
    if (rc >= 0)
        return rc;
    key_of(&key, epoch_ms, epoch);
    key_of(&before, epoch_ms, epoch > 0 ? epoch - 1 : epoch);
    answer = footfall__dynamodb_ask(store->client, DYNAMODB_QUERY, two_body(store, &before, &key), &reply, call);
    rc = footfall__dynamodb_status(answer, DYNAMODB_QUERY, store->key_table, call);
    items = json_object_get(reply, "Items");
    if (rc == 0 && !json_is_array(items))
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "dynamodb.key_table cannot be read");
    for (size_t i = 0; rc == 0 && i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (footfall__dynamodb_has_key(item, &key)) {
            rc = take(item, winner, kept_until, call);
            found = 0;
        } else if (footfall__dynamodb_has_key(item, &before)) {
            rc = take(item, beside->key, &beside->kept_until, call);
            beside->there = 1;
        }
    }
    json_decref(reply);
    if (rc != 0) {
        forget_beside(store);
        return rc;
    }
    beside->epoch_ms = epoch_ms;
    beside->epoch = epoch - 1;
    beside->until_ms = footfall__boottime_ms() + BESIDE_MS;
    return found;
}

static json_t *put_body(const struct footfall_store *store, const struct dynamodb_key *key, const uint8_t *candidate,
                        int64_t expire_ms, const struct footfall_store_call *call)
{
    json_t *body = request(store, NULL);
    json_t *item = footfall__dynamodb_key_json(key);
    int bad = footfall__dynamodb_put(item, "k", footfall__dynamodb_b(candidate, FOOTFALL_STORE_KEY_BYTES)) |
              footfall__dynamodb_put(item, "x", footfall__dynamodb_n(expire_ms));
    if (expire_ms != FOOTFALL_STORE_FOREVER)
        bad |=
            footfall__dynamodb_put(item, "e", footfall__dynamodb_n(footfall__dynamodb_expiry(store, expire_ms, call)));
    bad |= footfall__dynamodb_put(body, "Item", item) |
           footfall__dynamodb_put(body, "ConditionExpression", json_string("attribute_not_exists(pk)")) |
           footfall__dynamodb_put(body, "ReturnValuesOnConditionCheckFailure", json_string("ALL_OLD"));
    if (!bad)
        return body;
    json_decref(body);
    return NULL;
}

int footfall__dynamodb_epoch_key(struct footfall_store *store, int64_t epoch_ms, int64_t epoch,
                                 const uint8_t *candidate, int64_t expire_ms, uint8_t *winner, int64_t *kept_until,
                                 struct footfall_store_call *call)
{
    struct dynamodb_key key;
    json_t *reply = NULL;
    enum dynamodb_answer answer = DYNAMODB_ANSWERED;
    int rc = 0;
    key_of(&key, epoch_ms, epoch);
    rc = look(store, epoch_ms, epoch, winner, kept_until, call); /* most often it is there, and a read costs less */
    if (rc != 1 || candidate == NULL)
        return rc;
    answer = footfall__dynamodb_ask(store->client, DYNAMODB_PUT_ITEM, put_body(store, &key, candidate, expire_ms, call),
                                    &reply, call);
    if (answer == DYNAMODB_CONDITION) { /* another's, or ours of an attempt whose reply was lost */
        const json_t *item = json_object_get(reply, "Item");
        rc = item != NULL ? take(item, winner, kept_until, call)
                          : look(store, epoch_ms, epoch, winner, kept_until, call);
        json_decref(reply);
        return rc != 1 ? rc : footfall__dynamodb_fault(call, FOOTFALL_STORE_TEMPORARY, "an epoch key came and went");
    }
    json_decref(reply);
    rc = footfall__dynamodb_status(answer, DYNAMODB_PUT_ITEM, store->key_table, call);
    if (rc == 0) {
        memcpy(winner, candidate, FOOTFALL_STORE_KEY_BYTES);
        *kept_until = expire_ms;
    }
    return rc;
}

/* ---- all of them ---------------------------------------------------------------------------------------------------------------- */

typedef int each_key(void *user, struct footfall_store *store, const json_t *item, struct footfall_store_call *call);

static int page(struct footfall_store *store, json_t **from, json_t **reply, struct footfall_store_call *call)
{
    json_t *body = request(store, NULL);
    json_t *values = json_object();
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    int bad = footfall__dynamodb_put(values, ":epoch", footfall__dynamodb_s("epoch", 5)) |
              footfall__dynamodb_put(body, "KeyConditionExpression", json_string("pk = :epoch")) |
              footfall__dynamodb_put(body, "ExpressionAttributeValues", values) |
              footfall__dynamodb_put(body, "ProjectionExpression", json_string("pk, sk, x")) |
              footfall__dynamodb_put(body, "Limit", json_integer(PAGE)) |
              footfall__dynamodb_put(body, "ConsistentRead", json_true());
    if (*from != NULL)
        bad |= footfall__dynamodb_put(body, "ExclusiveStartKey", *from);
    *from = NULL;
    if (bad) {
        json_decref(body);
        body = NULL;
    }
    answer = footfall__dynamodb_ask(store->client, DYNAMODB_QUERY, body, reply, call);
    return footfall__dynamodb_status(answer, DYNAMODB_QUERY, store->key_table, call);
}

/* Until one of them says otherwise: 0; or a negative status; or what each() returned. */
static int each_of(struct footfall_store *store, each_key *each, void *user, struct footfall_store_call *call)
{
    json_t *from = NULL;
    int rc = 0;
    do {
        json_t *reply = NULL;
        const json_t *items = NULL;
        rc = page(store, &from, &reply, call);
        items = json_object_get(reply, "Items");
        if (rc == 0 && !json_is_array(items))
            rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "dynamodb.key_table cannot be read");
        for (size_t i = 0; rc == 0 && i < json_array_size(items); i++)
            rc = each(user, store, json_array_get(items, i), call);
        from = json_incref(json_object_get(reply, "LastEvaluatedKey"));
        json_decref(reply);
    } while (rc == 0 && from != NULL);
    json_decref(from);
    return rc;
}

struct dropping {
    int64_t wall_ms;
    int64_t *next_ms;
};

static int drop_due(void *user, struct footfall_store *store, const json_t *item, struct footfall_store_call *call)
{
    const struct dropping *d = user;
    struct dynamodb_key key = { .pk_bytes = 5, .pk = "epoch" };
    json_t *body = NULL;
    json_t *values = json_object();
    int64_t kept_until = 0;
    enum dynamodb_answer answer = DYNAMODB_OUT_OF_MEMORY;
    if (footfall__dynamodb_take_n(item, "x", &kept_until) != 1 ||
        footfall__dynamodb_take_b(item, "sk", key.sk, sizeof(key.sk), &key.sk_bytes) != 1) {
        json_decref(values);
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN,
                                        "an epoch key in dynamodb.key_table cannot be read");
    }
    if (kept_until > d->wall_ms) {
        json_decref(values);
        *d->next_ms = kept_until < *d->next_ms ? kept_until : *d->next_ms;
        return 0;
    }
    body = request(store, &key);
    if (footfall__dynamodb_put(values, ":now", footfall__dynamodb_n(d->wall_ms)) |
        footfall__dynamodb_put(body, "ConditionExpression", json_string("x <= :now")) |
        footfall__dynamodb_put(body, "ExpressionAttributeValues", values)) {
        json_decref(body);
        body = NULL;
    }
    answer = footfall__dynamodb_ask(store->client, DYNAMODB_DELETE_ITEM, body, NULL, call);
    return answer == DYNAMODB_CONDITION
               ? 0 /* gone already */
               : footfall__dynamodb_status(answer, DYNAMODB_DELETE_ITEM, store->key_table, call);
}

int footfall__dynamodb_epoch_drop(struct footfall_store *store, int64_t wall_ms, int64_t *next_ms,
                                  struct footfall_store_call *call)
{
    struct dropping dropping = { wall_ms, next_ms };
    *next_ms = FOOTFALL_STORE_FOREVER;
    return each_of(store, drop_due, &dropping, call);
}

/* ---- looking at them ------------------------------------------------------------------------------------------------------------ */

static int count_due(void *user, struct footfall_store *store, const json_t *item, struct footfall_store_call *call)
{
    int64_t kept_until = INT64_MAX;
    (void)store;
    (void)footfall__dynamodb_take_n(item, "x", &kept_until);
    *(unsigned *)user += kept_until <= call->wall_ms;
    return 0;
}

int footfall__dynamodb_check_epochs(struct footfall_store *store, footfall_store_finding *each, void *user,
                                    struct footfall_store_call *call)
{
    enum { FINE, WARNING = 2, TEXT_BYTES = 400 };
    char text[TEXT_BYTES];
    unsigned due = 0;
    int rc = each_of(store, count_due, &due, call);
    if (rc == FOOTFALL_STORE_BROKEN) { /* no such table, or no right: that has been said */
        if (call->text_bytes > 0)
            call->text[0] = '\0';
        call->native = 0;
        return 0;
    }
    if (rc != 0)
        return rc;
    if (due == 0) {
        each(user, FINE, "No epoch key is past its time.", NULL);
        return 0;
    }
    footfall__format(
        text, sizeof(text),
        "%u epoch key%s in table %s should have been erased: with the secret, who came then can still be told.", due,
        due == 1 ? "" : "s", store->key_table);
    each(user, WARNING, text, "Run footfall purge now, and daily when nothing else counts.");
    return 0;
}

static int is_other(void *user, struct footfall_store *store, const json_t *item, struct footfall_store_call *call)
{
    const uint8_t *length = user;
    uint8_t sk[SK_BYTES];
    size_t count = 0;
    (void)store;
    (void)call;
    return footfall__dynamodb_take_b(item, "sk", sk, sizeof(sk), &count) == 1 && count == sizeof(sk) &&
           memcmp(sk, length, 8) != 0;
}

int footfall__dynamodb_epoch_other(struct footfall_store *store, int64_t epoch_ms, int *found,
                                   struct footfall_store_call *call)
{
    uint8_t length[8];
    int rc = 0;
    put_big_endian(length, epoch_ms);
    rc = each_of(store, is_other, length, call);
    *found = rc == 1;
    return rc == 1 ? 0 : rc;
}
