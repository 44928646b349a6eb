/* json_keys.c: where a JSON line has what: the keys that servers and people use, and those that somebody names. What is found
 * there others read. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

const char *const footfall__logs_part_names[FOOTFALL_LOGS_PARTS] = { "address", "time", "target", "status", "agent" };

/* ---- the usual ones --------------------------------------------------------------------------------------------------- */

#define USUAL 10
#define KEY(parts) NULL, parts "\0"

/* The first that has something counts. What a server itself judged to be the client comes before what people call it:
 * nginx's remote_addr, Caddy's client_ip, Traefik's ClientHost; all three believe X-Forwarded-For only from proxies that
 * they were told to trust. The names of other headers are on no list. */
static const struct footfall_logs_key usual[FOOTFALL_LOGS_PARTS][USUAL + 1] = {
    [FOOTFALL_LOGS_ADDRESS] = { { KEY("remote_addr") },
                                { KEY("request\0client_ip") },
                                { KEY("request\0remote_ip") },
                                { KEY("request\0remote_addr") },
                                { KEY("client_ip") },
                                { KEY("remote_ip") },
                                { KEY("clientip") },
                                { KEY("client") },
                                { KEY("ip") },
                                { KEY("ClientHost") } },
    [FOOTFALL_LOGS_TIME] = { { KEY("msec") },
                             { KEY("time_iso8601") },
                             { KEY("time_local") },
                             { KEY("ts") },
                             { KEY("timestamp") },
                             { KEY("@timestamp") },
                             { KEY("StartUTC") },
                             { KEY("time") } },
    [FOOTFALL_LOGS_TARGET] = { { KEY("request_uri") },
                               { KEY("request\0uri") },
                               { KEY("request") },
                               { KEY("uri") },
                               { KEY("RequestPath") },
                               { KEY("path") },
                               { KEY("url") } },
    [FOOTFALL_LOGS_STATUS] = { { KEY("status") }, { KEY("DownstreamStatus") } },
    [FOOTFALL_LOGS_AGENT] = { { KEY("http_user_agent") },
                              { KEY("request\0headers\0User-Agent") },
                              { KEY("user_agent") },
                              { KEY("request_User-Agent") },
                              { KEY("agent") } },
};

/* ---- finding ---------------------------------------------------------------------------------------------------------- */

static const json_t *get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_array(value) ? json_array_get(value, 0) : value;
}

static const json_t *look_up(const json_t *object, const struct footfall_logs_key *key)
{
    const char *part = key->parts;
    for (;;) {
        const char *next = part + strlen(part) + 1;
        const json_t *value = NULL;
        if (*next == '\0')
            return get(object, part);
        if (key->whole != NULL && (value = get(object, key->whole + (part - key->parts))) != NULL)
            return value;
        object = get(object, part);
        part = next;
    }
}

static int says_something(const json_t *value, enum footfall_logs_part part)
{
    size_t bytes = 0;
    if (json_is_number(value))
        return part == FOOTFALL_LOGS_TIME || part == FOOTFALL_LOGS_STATUS;
    bytes = json_is_string(value) ? json_string_length(value) : 0;
    return bytes > 1 || (bytes == 1 && *json_string_value(value) != '-');
}

const json_t *footfall__logs_find(const json_t *line, const struct footfall_logs_keys *keys,
                                  enum footfall_logs_part part)
{
    if (keys != NULL && keys->of[part].whole != NULL) {
        const json_t *value = look_up(line, &keys->of[part]);
        return says_something(value, part) ? value : NULL;
    }
    for (const struct footfall_logs_key *key = usual[part]; key->parts != NULL; key++) {
        const json_t *value = look_up(line, key);
        if (says_something(value, part))
            return value;
    }
    return NULL;
}

/* ---- keys that are given ---------------------------------------------------------------------------------------------- */

static int is_well_formed(const char *key, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (key[i] == '.' && (i == 0 || i + 1 == bytes || key[i + 1] == '.'))
            return 0;
    return bytes > 0;
}

static int keep(struct footfall_logs_key *out, const char *key, size_t bytes)
{
    char *text = calloc(2, bytes + 2); /* whole NUL parts NUL NUL, and one to spare */
    char *parts = text + bytes + 1;
    if (text == NULL)
        return -1;
    memcpy(text, key, bytes);
    for (size_t i = 0; i < bytes; i++)
        parts[i] = key[i] == '.' ? '\0' : key[i];
    *out = (struct footfall_logs_key){ text, parts };
    return 0;
}

static const char *take_one(struct footfall_logs_keys *keys, struct footfall_logs_field item)
{
    const char *equals = memchr(item.text, '=', item.bytes), *key = NULL;
    size_t name = 0, part = 0;
    if (equals == NULL)
        return "is not of the form NAME=KEY";
    key = equals + 1;
    name = (size_t)(equals - item.text);
    while (part < FOOTFALL_LOGS_PARTS && (strlen(footfall__logs_part_names[part]) != name ||
                                          memcmp(footfall__logs_part_names[part], item.text, name) != 0))
        part++;
    if (part == FOOTFALL_LOGS_PARTS)
        return "names none of address, time, target, status, agent";
    if (keys->of[part].whole != NULL)
        return "names what was named before";
    if (!is_well_formed(key, item.bytes - name - 1))
        return "has an empty key, or an empty part in it";
    return keep(&keys->of[part], key, item.bytes - name - 1) == 0 ? NULL : footfall__logs_no_memory;
}

const char *footfall__logs_take_keys(struct footfall_logs_keys *keys, const char *list,
                                     struct footfall_logs_field *part)
{
    memset(keys, 0, sizeof *keys);
    for (;;) {
        const char *reason = NULL;
        *part = (struct footfall_logs_field){ list, strcspn(list, ",") };
        if ((reason = take_one(keys, *part)) != NULL)
            return reason;
        if (list[part->bytes] == '\0')
            return NULL;
        list += part->bytes + 1;
    }
}

void footfall__logs_free_keys(struct footfall_logs_keys *keys)
{
    for (size_t i = 0; i < FOOTFALL_LOGS_PARTS; i++)
        free(keys->of[i].whole);
    memset(keys, 0, sizeof *keys);
}
