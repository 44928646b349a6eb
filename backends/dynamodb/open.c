/* open.c: settings into a store, and the table of this backend's slots. Nothing is sent when it opens, unless it is to make the
 * tables: what is missing is named when it is met. */
#include "store.h"
#include "group.h"
#include "tables.h"

#include "alloc.h"
#include "random.h"

#include <openssl/crypto.h>

enum { LANES_DEFAULT = 4, LANES_MAX = 64 };

static int take_settings(struct footfall_store *store, const struct footfall_store_setting *settings, size_t count,
                         struct footfall_store_call *call)
{
    struct dynamodb_client_options options = {
        .chain = { .access_key_id = footfall__dynamodb_setting(settings, count, "access_key_id"),
                   .secret_access_key = footfall__dynamodb_setting(settings, count, "secret_access_key"),
                   .session_token = footfall__dynamodb_setting(settings, count, "session_token"),
                   .profile = footfall__dynamodb_setting(settings, count, "profile"),
                   .region = footfall__dynamodb_setting(settings, count, "region") },
        .endpoint = footfall__dynamodb_setting(settings, count, "endpoint"),
    };
    int rc = footfall__dynamodb_table_names(store->table, store->key_table, settings, count, call);
    store->atomic = 1;
    if (rc == 0)
        rc = footfall__dynamodb_bool(&store->atomic, settings, count, "atomic", call);
    if (rc == 0)
        rc = footfall__dynamodb_bool(&store->create_table, settings, count, "create_table", call);
    if (rc == 0)
        rc = footfall__dynamodb_bool(&options.capacity, settings, count, "capacity", call);
    if (rc == 0)
        rc = footfall__dynamodb_client_new(&store->client, &options, call);
    return rc;
}

static void shut(struct footfall_store *store, int inherited)
{
    footfall__dynamodb_batch_free(store);
    footfall__dynamodb_memory_free(&store->memory);
    footfall__dynamodb_client_free(store->client, inherited);
    footfall__free(store->upkeep);
    OPENSSL_cleanse(&store->beside, sizeof(store->beside));
    footfall__free(store);
}

static int open_store(struct footfall_store **out, const struct footfall_store_setting *settings, size_t count,
                      uint32_t lane, struct footfall_store_call *call)
{
    struct footfall_store *store = footfall__calloc(1, sizeof(*store));
    int rc = 0;
    *out = NULL;
    if (store == NULL)
        return footfall__dynamodb_no_memory(call);
    if (footfall__random_bytes(store->marker.writer, sizeof(store->marker.writer)) != 0 ||
        footfall__random_bytes(&store->random_state, sizeof(store->random_state)) != 0 ||
        footfall__random_bytes(store->memory.hash_key, sizeof(store->memory.hash_key)) != 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "no random numbers");
    store->random_state |= 1;
    if (rc == 0)
        rc = take_settings(store, settings, count, call);
    if (rc == 0 && store->create_table && lane == 0 && !call->only_look)
        rc = footfall__dynamodb_create_tables(store->client, store->table, store->key_table, call);
    if (rc != 0)
        shut(store, 0);
    else
        *out = store;
    return rc;
}

static uint32_t caps(const struct footfall_store *store)
{
    return FOOTFALL_STORE_CAP_DURABLE | FOOTFALL_STORE_CAP_SHARED | FOOTFALL_STORE_CAP_EXPIRES |
           FOOTFALL_STORE_CAP_RESEND | FOOTFALL_STORE_CAP_OWN_VALUES |
           (store->atomic ? FOOTFALL_STORE_CAP_ATOMIC_VISIT : 0);
}

int64_t footfall__dynamodb_expiry(const struct footfall_store *store, int64_t expire_ms,
                                  const struct footfall_store_call *call)
{
    int64_t now_ms = footfall__dynamodb_now_ms(store->client);
    int64_t left_ms = expire_ms - call->wall_ms; /* both are times since 1970 */
    int64_t at_ms = 0;
    if (__builtin_add_overflow(now_ms, left_ms, &at_ms))
        at_ms = left_ms > 0 ? INT64_MAX : 0;
    return at_ms <= 0 ? 1 : at_ms / 1000 + (at_ms % 1000 != 0);
}

int footfall__dynamodb_ping(struct footfall_store *store, struct footfall_store_call *call)
{
    static const struct dynamodb_name nobody = { "\1", 1 }; /* no name has a control character */
    struct dynamodb_key key;
    json_t *body = json_object();
    footfall__dynamodb_counter_key(&key, nobody);
    if (footfall__dynamodb_put(body, "TableName", json_string(store->table)) |
        footfall__dynamodb_put(body, "Key", footfall__dynamodb_key_json(&key))) {
        json_decref(body);
        body = NULL;
    }
    return footfall__dynamodb_status(footfall__dynamodb_ask(store->client, DYNAMODB_GET_ITEM, body, NULL, call),
                                     DYNAMODB_GET_ITEM, store->table, call);
}

static int check(struct footfall_store *store, footfall_store_finding *each, void *user,
                 struct footfall_store_call *call)
{
    int rc =
        footfall__dynamodb_check(store->client, store->table, store->key_table, store->create_table, each, user, call);
    return rc == 0 ? footfall__dynamodb_check_epochs(store, each, user, call) : rc;
}

static int import_foreign(struct footfall_store *store, struct footfall_store_import *import, int *more,
                          struct footfall_store_call *call)
{
    return footfall__dynamodb_import(store->client, store->table, import, more, call);
}

static const struct footfall_store_key keys[] = {
    { "table", "footfall", "the table of counters and visitors", 0 },
    { "key_table", NULL, "the table of epoch keys; the table's name and -keys when not set", 0 },
    { "region", NULL, "AWS region; from AWS_REGION or the profile when not set", 0 },
    { "endpoint", NULL, "URL of the service; from the region when not set", 0 },
    { "access_key_id", NULL, "credentials; the usual AWS chain when not set", 0 },
    { "secret_access_key", NULL, "credentials; the usual AWS chain when not set", 1 },
    { "session_token", NULL, "credentials; the usual AWS chain when not set", 1 },
    { "profile", NULL, "profile in the AWS files; AWS_PROFILE when not set", 0 },
    { "atomic", "true", "false: half the price for new visitors; a crash may leave one uncounted", 0 },
    { "create_table", "false", "true: make the tables when they are missing", 0 },
    { "capacity", "false", "true: ask for consumed units and count them", 0 },
    { "lanes", "4", "connections", 0 },
    { NULL, NULL, NULL, 0 },
};

const struct footfall_backend footfall__backend_dynamodb = {
    .version = FOOTFALL_STORE_VERSION,
    .size = sizeof(struct footfall_backend),
    .name = "dynamodb",
    .keys = keys,
    .max_batch = DYNAMODB_MAX_BATCH,
    .lanes_default = LANES_DEFAULT,
    .lanes_max = LANES_MAX,
    .caps = caps,
    .open = open_store,
    .close = shut,
    .apply = footfall__dynamodb_apply,
    .fetch = footfall__dynamodb_fetch,
    .scan = footfall__dynamodb_scan,
    .epoch_key = footfall__dynamodb_epoch_key,
    .epoch_drop = footfall__dynamodb_epoch_drop,
    .purge = footfall__dynamodb_purge,
    .ping = footfall__dynamodb_ping,
    .check = check,
    .metrics = footfall__dynamodb_metrics,
    .epoch_other = footfall__dynamodb_epoch_other,
    .rights = footfall__dynamodb_rights,
    .import_foreign = import_foreign,
};
