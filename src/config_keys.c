/* config_keys.c: every key that a configuration may hold, with its default and one line of help. The keys of a backend that
 * is built in come from the backend itself; the second table is for the files that other programs share with us. */
#include <string.h>

#include "alloc.h"
#include "config_items.h"
#include "error.h"
#include "registry.h"

/* read by the engine (config_settings.c) */
static const struct footfall_config_key engine_keys[] = {
    { "backend", "sqlite", "where counters are kept: the name of a backend that is built in", 0 },
    { "window", "24h", "how long a visitor stays counted: 1s to 3660d, or forever", 0 },
    { "window_mode", "fixed", "fixed: once per window; sliding: every visit restarts the window", 0 },
    { "deadline", "2s", "longest time for one operation, retries included: 1ms to 10m", 0 },
    { "secret_file", NULL, "file of at least 32 bytes that keys the visitors' ids; or give secret", 0 },
    { "secret", NULL, "at least 32 bytes that key the visitors' ids; or give secret_file", 1 },
    { "ipv4_prefix", "32", "how many bits of an IPv4 address tell visitors apart: 1 to 32", 0 },
    { "ipv6_prefix", "64", "how many bits of an IPv6 address tell visitors apart: 1 to 128", 0 },
    { "visitor", "address", "who is one visitor: address, or address+agent", 0 },
    { "log_level", "warn", "least urgent lines in the log: error, warn, info or debug", 0 },
};

/* known, and not read by the engine: of backends that need not be built in, and of the web front ends */
static const struct footfall_config_key other_keys[] = {
    { "sqlite.path", "footfall.db", "the database file", 0 },
    { "sqlite.durability", "normal", "normal survives a crash of the program, full also one of the machine", 0 },
    { "redis.url", "redis://127.0.0.1:6379/0", "redis://, rediss:// or unix://; may hold user and password", 1 },
    { "redis.prefix", "footfall", "what the names of all keys in Redis begin with", 0 },
    { "redis.lanes", "4", "connections", 0 },
    { "redis.wait_replicas", "0", "replicas that must have a write before it is acknowledged", 0 },
    { "redis.allow_eviction", "false", "true: accept a server that may evict counters when memory is short", 0 },
    { "redis.password_file", NULL, "file with the password", 0 },
    { "redis.ca_file", NULL, "certificates to trust with rediss://, instead of the system's", 0 },
    { "redis.sentinel", NULL, "reserved: NAME@host:port,host:port", 0 },
    { "dynamodb.table", "footfall", "the table of counters and visitors", 0 },
    { "dynamodb.key_table", NULL, "the table of epoch keys; the table's name and -keys when not set", 0 },
    { "dynamodb.region", NULL, "AWS region; from AWS_REGION when not set", 0 },
    { "dynamodb.endpoint", NULL, "URL of the service; from the region when not set", 0 },
    { "dynamodb.access_key_id", NULL, "credentials; the usual AWS chain when not set", 0 },
    { "dynamodb.secret_access_key", NULL, "credentials; the usual AWS chain when not set", 1 },
    { "dynamodb.session_token", NULL, "credentials; the usual AWS chain when not set", 1 },
    { "dynamodb.profile", NULL, "profile in the AWS files; AWS_PROFILE when not set", 0 },
    { "dynamodb.atomic", "true", "false: half the price for new visitors; a crash may leave one uncounted", 0 },
    { "dynamodb.create_table", "false", "true: make the tables when they are missing", 0 },
    { "dynamodb.capacity", "false", "true: ask for consumed units and count them", 0 },
    { "dynamodb.lanes", "4", "connections", 0 },
    { "http.listen", "127.0.0.1:8080", "where to listen: ADDRESS:PORT, [ADDRESS]:PORT or unix:/path", 0 },
    { "http.cors_origins", "*", "origins whose pages may read the answers: * or a list", 0 },
    { "http.trusted_proxies", NULL, "addresses, CIDRs, unix or any: who is believed about the client's address", 0 },
    { "http.address_header", "X-Forwarded-For", "the header in which trusted proxies name the client", 0 },
    { "http.default_counter", "main_page", "what /visit without a name counts", 0 },
    { "http.create", "true", "false: only counters that exist are counted", 0 },
    { "http.max_counters", "10000", "with create = true: no new counters once so many exist", 0 },
    { "http.admin_token_file", NULL, "file with the token for administration; none: no administration", 0 },
    { "http.max_connections", "1024", "connections open at the same time", 0 },
    { "http.max_connections_per_address", "0", "the same for one client address; 0: no limit", 0 },
    { "http.requests_per_second", "0", "requests a second from one client address; 0: no limit", 0 },
    { "http.threads", "0", "threads that read requests and write answers; 0: one a processor, 8 at most", 0 },
    { "http.header_bytes", "16384", "largest header of a request", 0 },
    { "http.body_bytes", "65536", "largest body of a request", 0 },
    { "http.idle_timeout", "60s", "how long a connection may wait for its next request", 0 },
    { "http.request_timeout", "10s", "how long a request may take to arrive, its header included", 0 },
};

static int no_memory(struct footfall_error *err)
{
    return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the configuration");
}

static int order(const char *a, const char *b)
{
    int sections = (strchr(a, '.') != NULL) - (strchr(b, '.') != NULL);
    return sections != 0 ? sections : strcmp(a, b);
}

/* "sqlite.path" to "FOOTFALL_SQLITE_PATH" */
static char *variable_of(const char *key, size_t bytes)
{
    size_t prefix = sizeof FOOTFALL__VARIABLE_PREFIX - 1;
    char *variable = footfall__malloc(prefix + bytes + 1);
    if (variable == NULL)
        return NULL;
    memcpy(variable, FOOTFALL__VARIABLE_PREFIX, prefix);
    for (size_t i = 0; i < bytes; i++) {
        char c = footfall__config_fold(key[i]);
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        variable[prefix + i] = c;
    }
    variable[prefix + bytes] = '\0';
    return variable;
}

static int grow(struct footfall_config *config)
{
    struct footfall__config_item *items;
    size_t room = config->room > 0 ? config->room * 2 : 64;
    if (config->count < config->room)
        return 0;
    items = footfall__array(config->items, room, sizeof *items);
    if (items == NULL)
        return -1;
    config->items = items;
    config->room = room;
    return 0;
}

/* Adds a key that is not there yet. Two keys that would share a variable are a programmer's mistake. */
static int add(struct footfall_config *config, const struct footfall_config_key *row, const char *section, int fixed,
               struct footfall_error *err)
{
    struct footfall__config_item item = { .fixed = fixed };
    size_t section_bytes = section != NULL ? strlen(section) + 1 : 0;
    size_t bytes = section_bytes + strlen(row->key);
    size_t at = config->count;
    int rc = FOOTFALL_OK;
    item.key = footfall__malloc(bytes + 1);
    if (item.key == NULL)
        return no_memory(err);
    if (section != NULL) {
        memcpy(item.key, section, section_bytes - 1);
        item.key[section_bytes - 1] = '.';
    }
    memcpy(item.key + section_bytes, row->key, bytes - section_bytes + 1);
    item.variable = variable_of(item.key, bytes);
    if (item.variable == NULL || grow(config) != 0) {
        rc = no_memory(err);
        goto cleanup;
    }
    item.entry = (struct footfall_config_entry){ .key = item.key,
                                                 .value = row->default_value,
                                                 .source = FOOTFALL_FROM_DEFAULT,
                                                 .source_name = "default",
                                                 .help = row->help != NULL ? row->help : "",
                                                 .secret = row->secret };
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->items[i].variable, item.variable) == 0 ||
            strcmp(item.variable, FOOTFALL__VARIABLE_FILE) == 0) {
            rc = footfall__fail(err, FOOTFALL_MISUSE, 0, "the key %.64s would share the variable %.80s", item.key,
                                item.variable);
            goto cleanup;
        }
    while (at > 0 && order(item.key, config->items[at - 1].key) < 0)
        at--;
    memmove(config->items + at + 1, config->items + at, (config->count - at) * sizeof item);
    config->items[at] = item;
    config->count++;
    return FOOTFALL_OK;
cleanup:
    footfall__free(item.key);
    footfall__free(item.variable);
    return rc;
}

static int add_backend(struct footfall_config *config, const struct footfall_backend *backend,
                       struct footfall_error *err)
{
    for (const struct footfall_store_key *key = backend->keys; key != NULL && key->key != NULL; key++) {
        struct footfall_config_key row = { key->key, key->default_value, key->help, key->secret };
        int rc = add(config, &row, backend->name, 1, err);
        if (rc != FOOTFALL_OK)
            return rc;
    }
    return FOOTFALL_OK;
}

static int is_key(const char *key)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t section = strspn(key, letters);
    size_t word = key[section] == '.' ? strspn(key + section + 1, letters) : 0;
    return section > 0 && word > 0 && key[section + 1 + word] == '\0';
}

/* An application's key: new, or better words for a known one. What the engine or a backend reads keeps its default. */
static int add_own(struct footfall_config *config, const struct footfall_config_key *own, size_t earlier,
                   struct footfall_error *err)
{
    struct footfall__config_item *item;
    if (own->key == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "a key of the application is NULL");
    for (size_t i = 1; i <= earlier; i++)
        if (strcmp((own - i)->key, own->key) == 0)
            return footfall__fail(err, FOOTFALL_MISUSE, 0, "the application registers the key %.64s twice", own->key);
    item = footfall__config_find(config, own->key, strlen(own->key));
    if (item == NULL && !is_key(own->key))
        return footfall__fail(err, FOOTFALL_MISUSE, 0,
                              "the application's key \"%.64s\" is not section.name in a-z, 0-9 and _", own->key);
    if (item == NULL)
        return add(config, own, NULL, 0, err);
    if (own->help != NULL)
        item->entry.help = own->help;
    if (!item->fixed && own->default_value != NULL)
        item->entry.value = own->default_value;
    item->entry.secret |= own->secret;
    return FOOTFALL_OK;
}

int footfall__config_known(struct footfall_config *config, const struct footfall_config_key *own, size_t own_count,
                           struct footfall_error *err)
{
    const struct footfall_backend *backend;
    int rc = FOOTFALL_OK;
    for (size_t i = 0; rc == FOOTFALL_OK && i < sizeof engine_keys / sizeof engine_keys[0]; i++)
        rc = add(config, &engine_keys[i], NULL, 1, err);
    for (size_t i = 0; rc == FOOTFALL_OK && (backend = footfall__registry_at(i)) != NULL; i++)
        if (footfall__registry_find(backend->name) == backend)
            rc = add_backend(config, backend, err);
    for (size_t i = 0; rc == FOOTFALL_OK && i < sizeof other_keys / sizeof other_keys[0]; i++)
        if (footfall__config_find(config, other_keys[i].key, strlen(other_keys[i].key)) == NULL)
            rc = add(config, &other_keys[i], NULL, 0, err);
    for (size_t i = 0; rc == FOOTFALL_OK && i < own_count; i++)
        rc = add_own(config, &own[i], i, err);
    return rc;
}
