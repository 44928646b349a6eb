/* item.c: keys of items, and attributes from and to JSON (store.h). Numbers are text in JSON, so int64 is exact; bytes are
 * base64. */
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES_MAX = 300000, NUMBER_BYTES = 24 };
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- keys ------------------------------------------------------------------------------------------------------------------------ */

void footfall__dynamodb_counter_key(struct dynamodb_key *out, struct dynamodb_name name)
{
    memcpy(out->pk, name.at, name.bytes);
    out->pk_bytes = name.bytes;
    out->sk[0] = 0;
    out->sk_bytes = 1;
}

void footfall__dynamodb_visitor_key(struct dynamodb_key *out, struct dynamodb_name name, int64_t g, const uint8_t *id)
{
    int tail = 0;
    memcpy(out->pk, name.at, name.bytes);
    out->pk[name.bytes] = '\0'; /* no name has one */
    tail = snprintf(out->pk + name.bytes + 1, sizeof(out->pk) - name.bytes - 1, "%" PRId64, g);
    out->pk_bytes = name.bytes + 1 + (size_t)tail;
    out->pk[out->pk_bytes++] = '\0';
    out->pk[out->pk_bytes++] = "0123456789abcdef"[id[0] >> 4]; /* 16 partitions */
    memcpy(out->sk, id, FOOTFALL_STORE_ID_BYTES);
    out->sk_bytes = FOOTFALL_STORE_ID_BYTES;
}

void footfall__dynamodb_other_key(struct dynamodb_key *out, struct dynamodb_name name, char kind, const uint8_t *sk,
                                  size_t sk_bytes)
{
    memcpy(out->pk, name.at, name.bytes);
    out->pk[name.bytes] = '\0';
    out->pk[name.bytes + 1] = kind;
    out->pk_bytes = name.bytes + 2;
    memcpy(out->sk, sk, sk_bytes);
    out->sk_bytes = sk_bytes;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

int footfall__dynamodb_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static json_t *attribute(const char *type, json_t *value)
{
    json_t *object = json_object();
    if (footfall__dynamodb_put(object, type, value) == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *footfall__dynamodb_s(const char *text, size_t bytes)
{
    return attribute("S", json_stringn(text, bytes));
}

json_t *footfall__dynamodb_b(const uint8_t *bytes, size_t count)
{
    char small[128];
    size_t room = (count + 2) / 3 * 4 + 1;
    char *text = room <= sizeof(small) ? small : malloc(room);
    json_t *value = NULL;
    if (text == NULL)
        return NULL;
    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)count);
    value = attribute("B", json_string(text));
    if (text != small)
        free(text);
    return value;
}

json_t *footfall__dynamodb_n(int64_t number)
{
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    return attribute("N", json_string(text));
}

json_t *footfall__dynamodb_key_json(const struct dynamodb_key *key)
{
    json_t *object = json_object();
    if (footfall__dynamodb_put(object, "pk", footfall__dynamodb_s(key->pk, key->pk_bytes)) == 0 &&
        footfall__dynamodb_put(object, "sk", footfall__dynamodb_b(key->sk, key->sk_bytes)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------------- */

/* An int64 in decimal; nothing else was ever stored. */
static int parse(const char *text, size_t bytes, int64_t *out)
{
    size_t sign = text[0] == '-';
    size_t digits = strspn(text + sign, "0123456789");
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return digits > 0 && sign + digits == bytes && errno == 0 ? 1 : -1;
}

int footfall__dynamodb_take_n(const json_t *item, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(item, name);
    const json_t *text = json_object_get(value, "N");
    if (value == NULL)
        return 0;
    return json_is_string(text) ? parse(json_string_value(text), json_string_length(text), out) : -1;
}

int footfall__dynamodb_take_b(const json_t *item, const char *name, uint8_t *out, size_t room, size_t *count)
{
    const json_t *value = json_object_get(item, name);
    const json_t *text = json_object_get(value, "B");
    const char *at = json_string_value(text);
    size_t length = json_string_length(text);
    size_t padding = 0;
    uint8_t *all = NULL;
    int got = 0;
    if (value == NULL)
        return 0;
    if (at == NULL || length == 0 || length % 4 != 0 || length / 4 * 3 > BYTES_MAX + 2)
        return -1;
    while (padding < 2 && at[length - 1 - padding] == '=')
        padding++;
    if (length / 4 * 3 - padding > room || strspn(at, base64) != length - padding) /* OpenSSL skips blanks */
        return -1;
    all = malloc(length / 4 * 3);
    if (all == NULL)
        return -1;
    got = EVP_DecodeBlock(all, (const unsigned char *)at, (int)length);
    if (got >= 0) {
        *count = (size_t)got - padding;
        memcpy(out, all, *count);
    }
    free(all);
    return got >= 0 ? 1 : -1;
}

int footfall__dynamodb_batch_reply(const json_t *reply, const char *table, const json_t **items, json_t **left)
{
    const json_t *responses = json_object_get(reply, "Responses");
    *items = json_object_get(responses, table);
    *left = json_object_get(reply, "UnprocessedKeys");
    if (!json_is_object(responses) || (*items != NULL && !json_is_array(*items)) ||
        (*left != NULL && !json_is_object(*left)))
        return -1;
    if (json_object_size(*left) == 0)
        *left = NULL;
    return *left == NULL || (json_object_size(*left) == 1 &&
                             json_array_size(json_object_get(json_object_get(*left, table), "Keys")) > 0)
               ? 0
               : -1;
}

int footfall__dynamodb_has_key(const json_t *item, const struct dynamodb_key *key)
{
    const json_t *pk = json_object_get(json_object_get(item, "pk"), "S");
    uint8_t sk[sizeof(key->sk)];
    size_t count = 0;
    return json_string_length(pk) == key->pk_bytes && key->pk_bytes > 0 &&
           memcmp(json_string_value(pk), key->pk, key->pk_bytes) == 0 &&
           footfall__dynamodb_take_b(item, "sk", sk, sizeof(sk), &count) == 1 && count == key->sk_bytes &&
           memcmp(sk, key->sk, count) == 0;
}

static int take_mark(const json_t *item, const char *name, struct dynamodb_mark *out)
{
    size_t count = 0;
    int rc = footfall__dynamodb_take_b(item, name, out->bytes, sizeof(out->bytes), &count);
    return rc == 1 && count != sizeof(out->bytes) ? -1 : rc;
}

int footfall__dynamodb_take_counter(struct dynamodb_counter_item *out, const json_t *item)
{
    int bad = 0;
    memset(out, 0, sizeof(*out));
    if (item == NULL)
        return 0;
    if (!json_is_object(item))
        return -1;
    out->exists = footfall__dynamodb_take_n(item, "t", &out->t);
    bad |= out->exists < 0 || footfall__dynamodb_take_n(item, "u", &out->u) < 0 ||
           footfall__dynamodb_take_n(item, "g", &out->g) < 0 || footfall__dynamodb_take_n(item, "r", &out->r) < 0;
    for (unsigned i = 0; i < DYNAMODB_SLOTS; i++) {
        const char m[] = { 'm', "0123456789abcdef"[i], '\0' };
        const char x[] = { 'x', m[1], '\0' };
        const char y[] = { 'y', m[1], '\0' };
        struct dynamodb_slot *slot = &out->slots[i];
        slot->used = take_mark(item, m, &slot->mark);
        bad |= slot->used < 0 || footfall__dynamodb_take_n(item, x, &slot->x) < 0 ||
               footfall__dynamodb_take_n(item, y, &slot->y) < 0;
    }
    return bad ? -1 : 0;
}

int footfall__dynamodb_take_record(struct dynamodb_record *out, const json_t *item)
{
    memset(out, 0, sizeof(*out));
    if (item == NULL)
        return 0;
    if (!json_is_object(item))
        return -1;
    out->there = footfall__dynamodb_take_n(item, "s", &out->s);
    out->claimed = take_mark(item, "c", &out->c);
    return out->there < 0 || out->s < 0 || out->claimed < 0 || footfall__dynamodb_take_n(item, "r", &out->r) < 0 ||
                   footfall__dynamodb_take_n(item, "e", &out->e) < 0
               ? -1
               : 0;
}
