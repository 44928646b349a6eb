/* fuzz_dynamodb_reply.c: any bytes as a reply: what it says of its attempt (answer.c), and everything that takes its items apart. The
 * first byte chooses the status and whether there is a checksum, the right one or not. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "answer.h"
#include "group.h"
#include "usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void take_numbers(const json_t *item)
{
    static const char *const names[] = { "t", "u", "g", "r", "s", "e", "q", "o", "x", "y", "n" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t number = 0;
        int rc = footfall__dynamodb_take_n(item, names[i], &number);
        must(rc >= -1 && rc <= 1);
        if (rc == 1) { /* as it was stored */
            json_t *object = json_object();
            int64_t again = 0;
            must(footfall__dynamodb_put(object, "n", footfall__dynamodb_n(number)) == 0);
            must(footfall__dynamodb_take_n(object, "n", &again) == 1 && again == number);
            json_decref(object);
        }
    }
}

static void take_bytes(const json_t *item)
{
    static const char *const names[] = { "sk", "c", "f", "k", "m0" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t room = 0; room <= 64; room += 16) {
            uint8_t *out = malloc(room > 0 ? room : 1); /* so that a sanitizer sees a byte too many */
            size_t count = 0;
            int rc = 0;
            if (out == NULL)
                return;
            rc = footfall__dynamodb_take_b(item, names[i], out, room, &count);
            must(rc >= -1 && rc <= 1 && count <= room);
            must(rc == 1 || count == 0);
            free(out);
        }
}

static void take_item(const json_t *item)
{
    struct dynamodb_counter_item counter;
    struct dynamodb_record record;
    struct dynamodb_key key;
    const struct dynamodb_name name = { "a", 1 };
    int rc = footfall__dynamodb_take_counter(&counter, item);
    must(rc == 0 || rc == -1);
    must(rc != 0 || item == NULL || json_is_object(item));
    rc = footfall__dynamodb_take_record(&record, item);
    must(rc == 0 || rc == -1);
    must(rc != 0 || record.s >= 0);
    footfall__dynamodb_counter_key(&key, name);
    (void)footfall__dynamodb_has_key(item, &key);
    take_numbers(item);
    take_bytes(item);
}

static void take_items(const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items); i++)
        take_item(json_array_get(items, i));
}

/* A series is learnt into a group that has nothing else. */
static void learn_series(const json_t *item)
{
    static const uint8_t series[FOOTFALL_STORE_SERIES_BYTES] = { 7 };
    struct footfall_store_call call = { .series = series, .series_number = 1 };
    struct dynamodb_memory memory = { .hash_key = { 1, 2 } };
    const struct dynamodb_name name = { "a", 1 };
    struct dynamodb_batch *batch = calloc(1, sizeof *batch);
    struct dynamodb_group *group = calloc(1, sizeof *group);
    struct footfall_store_op op = { .kind = FOOTFALL_STORE_ADD };
    if (batch != NULL && group != NULL) {
        int rc = 0;
        batch->call = &call;
        group->batch = batch;
        group->counter = footfall__dynamodb_recall(&memory, name);
        must(group->counter != NULL);
        rc = footfall__dynamodb_series_learn(group, item);
        must(rc == 0 || rc == FOOTFALL_STORE_BROKEN);
        for (op.series_at = 0; rc == 0 && op.series_at < 3; op.series_at++) {
            struct dynamodb_turn turn = { 0 };
            (void)footfall__dynamodb_series_stored(group, &op, &turn);
        }
        must((rc == 0) == footfall__dynamodb_series_known(group));
    }
    footfall__dynamodb_memory_free(&memory);
    free(group);
    free(batch);
}

static void take_apart(const json_t *reply)
{
    const json_t *items = NULL;
    json_t *left = NULL;
    const json_t *reasons = json_object_get(reply, "CancellationReasons");
    if (footfall__dynamodb_batch_reply(reply, "T", &items, &left) == 0) {
        must(items == NULL || json_is_array(items));
        must(left == NULL || json_is_object(left));
        take_items(items);
    }
    take_items(json_object_get(reply, "Items"));
    take_item(json_object_get(reply, "Item"));
    take_item(json_object_get(reply, "Attributes"));
    for (size_t i = 0; i < json_array_size(reasons); i++)
        take_item(json_object_get(json_array_get(reasons, i), "Item"));
    learn_series(json_object_get(reply, "Item"));
}

static void count(enum dynamodb_verdict verdict, json_t *reply)
{
    for (unsigned items = 0; items < 3; items++) {
        struct dynamodb_usage usage;
        struct dynamodb_request r = { .action = items == 2 ? DYNAMODB_TRANSACT_WRITE_ITEMS : DYNAMODB_GET_ITEM,
                                      .items = items };
        memset(&usage, 0, sizeof usage);
        r.reply = reply;
        footfall__dynamodb_count_units(&usage, 1, &r, verdict);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const long statuses[] = { 200, 400, 403, 500, 503, 307 };
    struct dynamodb_raw raw = { 0 };
    char why[200];
    json_t *reply = NULL;
    enum dynamodb_verdict verdict = DYNAMODB_IS_DOUBTFUL;
    if (size == 0)
        return 0;
    raw.status = statuses[bytes[0] % (sizeof statuses / sizeof statuses[0])];
    raw.body = (const char *)bytes + 1;
    raw.body_bytes = size - 1;
    raw.has_crc = bytes[0] >= 0xe0;
    raw.crc = (uint32_t)crc32_z(crc32(0, NULL, 0), bytes + 1, size - 1) ^ (bytes[0] >= 0xf0);
    memset(why, 'x', sizeof why);
    verdict = footfall__dynamodb_judge(&raw, &reply, why, sizeof why);
    must(memchr(why, '\0', sizeof why) != NULL && why[0] != '\0' && strchr(why, '\n') == NULL);
    must(reply == NULL || json_is_object(reply));
    must((verdict == DYNAMODB_IS_ANSWER) == (reply != NULL && raw.status == 200));
    must(raw.status < 500 || verdict == DYNAMODB_IS_DOUBTFUL);
    must(reply != NULL || verdict == DYNAMODB_IS_DOUBTFUL);
    count(verdict, reply);
    if (reply != NULL)
        take_apart(reply);
    json_decref(reply);
    return 0;
}
