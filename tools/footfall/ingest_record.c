/* ingest_record.c: the state of a resumable run as JSON and back. Everything read is checked: a state that is not wholly
 * understood is refused, because guessing would count lines twice or never. The file itself is ingest_state.c's. */
#include "ingest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* 1 knows neither JSON nor --skip-agent, and is written where there is neither: an older footfall reads it too, and never a
 * state by whose rules it could not count. */
#define VERSION 2
#define DAMAGED "is damaged"

char *footfall__ingest_utf8(const char *name)
{
    char *copy = strdup(name);
    json_t *text = json_string(name);
    for (char *c = copy; text == NULL && c != NULL && *c != '\0'; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    json_decref(text);
    return copy;
}

/* ---- to JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *hex_number(uint64_t number)
{
    return json_sprintf("%016" PRIx64, number);
}

static json_t *place_to_json(const struct footfall_ingest_place *place)
{
    return json_pack("{s:I, s:I, s:b, s:I, s:o, s:I, s:o}", "offset", (json_int_t)place->offset, "lines",
                     (json_int_t)place->lines, "inside_line", place->inside_line, "head_bytes",
                     (json_int_t)place->head_bytes, "head", hex_number(place->head), "tail_bytes",
                     (json_int_t)place->tail_bytes, "tail", hex_number(place->tail));
}

/* "200-399,404", NULL when every status counts. */
static json_t *statuses_to_json(const struct footfall_ingest_rules *rules)
{
    char text[4 * FOOTFALL_CLI_STATUSES];
    size_t bytes = 0;
    if (rules->every_status)
        return json_null();
    text[0] = '\0';
    for (int low = 0, high = 0; low < FOOTFALL_CLI_STATUSES; low = high + 1) {
        high = low;
        if (!rules->statuses[low])
            continue;
        while (high + 1 < FOOTFALL_CLI_STATUSES && rules->statuses[high + 1])
            high++;
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, bytes > 0 ? ",%03d-%03d" : "%03d-%03d", low, high);
    }
    return json_string(text);
}

/* {"address": "source.ip"}; NULL: no memory. */
static json_t *keys_to_json(const struct footfall_ingest_rules *rules)
{
    json_t *keys = json_object();
    for (size_t i = 0; keys != NULL && i < FOOTFALL_LOGS_PARTS; i++) {
        const char *key = rules->keys.of[i].whole;
        if (key != NULL && json_object_set_new(keys, footfall__logs_part_names[i], json_string(key)) != 0) {
            json_decref(keys);
            return NULL;
        }
    }
    return keys;
}

static int is_of_version_1(const struct footfall_ingest_rules *rules)
{
    return rules->format != FOOTFALL_LOGS_JSON && rules->skip_agent == NULL;
}

static json_t *rules_to_json(const struct footfall_ingest_rules *rules)
{
    json_t *out = json_pack("{s:s, s:s?, s:o, s:b}", "format", footfall__ingest_format_names[rules->format], "counter",
                            rules->counter, "status", statuses_to_json(rules), "strict", rules->strict);
    json_t *more = NULL;
    if (out == NULL || is_of_version_1(rules))
        return out;
    more = json_pack("{s:o, s:s?}", "keys", keys_to_json(rules), "skip_agent", rules->skip_agent);
    if (more == NULL || json_object_update(out, more) != 0) {
        json_decref(out);
        out = NULL;
    }
    json_decref(more);
    return out;
}

static json_t *entries_to_json(const struct footfall_ingest_state *state)
{
    json_t *entries = json_array();
    for (size_t i = 0; entries != NULL && i < state->entry_count; i++) {
        json_t *entry = json_pack("{s:s, s:o, s:o, s:o}", "name", state->entries[i].name, "done",
                                  place_to_json(&state->entries[i].done), "device",
                                  hex_number(state->entries[i].device), "inode", hex_number(state->entries[i].inode));
        int failed =
            entry == NULL || (state->entries[i].closed && json_object_set_new(entry, "closed", json_true()) != 0);
        if (json_array_append_new(entries, entry) != 0 || failed) {
            json_decref(entries);
            return NULL;
        }
    }
    return entries;
}

static json_t *doubt_to_json(const struct footfall_ingest_doubt *doubt)
{
    if (!doubt->there)
        return json_null();
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:o}", "file", (json_int_t)doubt->entry, "first",
                     (json_int_t)doubt->first, "last", place_to_json(&doubt->last), "latest_ms",
                     (json_int_t)doubt->limit_ms, "operations", (json_int_t)doubt->operations, "names",
                     hex_number(doubt->names));
}

json_t *footfall__ingest_record_make(const struct footfall_ingest_state *state,
                                     const struct footfall_ingest_rules *rules, int64_t written_ms)
{
    char series[2 * FOOTFALL_SERIES_BYTES + 1];
    for (size_t i = 0; i < FOOTFALL_SERIES_BYTES; i++)
        snprintf(series + 2 * i, 3, "%02x", state->series[i]);
    return json_pack("{s:i, s:I, s:s, s:s, s:I, s:o, s:o, s:o}", "footfall_ingest_state",
                     is_of_version_1(rules) ? 1 : VERSION, "written_ms", (json_int_t)written_ms, "backend",
                     state->backend, "series", series, "number", (json_int_t)state->number, "rules",
                     rules_to_json(rules), "files", entries_to_json(state), "doubt", doubt_to_json(&state->doubt));
}

/* ---- from JSON -------------------------------------------------------------------------------------------------------- */

/* Whole numbers from 0 on. */
static int read_number(uint64_t *out, const json_t *object, const char *key, uint64_t max)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return -1;
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(uint8_t *out, size_t size, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != 2 * size)
        return -1;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return 0;
}

static int read_hash(uint64_t *out, const json_t *object, const char *key)
{
    uint8_t bytes[8];
    if (read_hex(bytes, sizeof bytes, json_object_get(object, key)) != 0)
        return -1;
    *out = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out = *out << 8 | bytes[i];
    return 0;
}

static int read_place(struct footfall_ingest_place *place, const json_t *object)
{
    const json_t *inside = json_object_get(object, "inside_line");
    uint64_t head_bytes = 0, tail_bytes = 0;
    if (read_number(&place->offset, object, "offset", INT64_MAX) != 0 ||
        read_number(&place->lines, object, "lines", INT64_MAX) != 0 || !json_is_boolean(inside) ||
        read_number(&head_bytes, object, "head_bytes", FOOTFALL_INGEST_HEAD_BYTES) != 0 ||
        read_number(&tail_bytes, object, "tail_bytes", FOOTFALL_INGEST_TAIL_BYTES) != 0 ||
        read_hash(&place->head, object, "head") != 0 || read_hash(&place->tail, object, "tail") != 0)
        return -1;
    place->inside_line = json_is_true(inside);
    place->head_bytes = (uint32_t)head_bytes;
    place->tail_bytes = (uint32_t)tail_bytes;
    /* As footfall__ingest_mark makes them: fewer would let another file pass for this one. */
    if (head_bytes != (place->offset < FOOTFALL_INGEST_HEAD_BYTES ? place->offset : FOOTFALL_INGEST_HEAD_BYTES))
        return -1;
    return tail_bytes == (place->offset < FOOTFALL_INGEST_TAIL_BYTES ? place->offset : FOOTFALL_INGEST_TAIL_BYTES) ? 0
                                                                                                                   : -1;
}

/* The first states did not say which file it was. */
static int read_file(struct footfall_ingest_entry *out, const json_t *entry)
{
    uint64_t device = 0, inode = 0;
    if (json_object_get(entry, "device") == NULL && json_object_get(entry, "inode") == NULL)
        return 0;
    if (read_hash(&device, entry, "device") != 0 || read_hash(&inode, entry, "inode") != 0)
        return -1;
    out->device = (dev_t)device;
    out->inode = (ino_t)inode;
    return 0;
}

static const char *read_entries(struct footfall_ingest_state *state, const json_t *entries)
{
    size_t i = 0;
    const json_t *entry = NULL;
    if (!json_is_array(entries))
        return DAMAGED;
    json_array_foreach(entries, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const json_t *closed = json_object_get(entry, "closed");
        size_t at = 0;
        if (name == NULL || (closed != NULL && !json_is_boolean(closed)))
            return DAMAGED;
        if ((at = footfall__ingest_state_add(state, name)) == SIZE_MAX)
            return "cannot be read: out of memory";
        if (read_place(&state->entries[at].done, json_object_get(entry, "done")) != 0)
            return DAMAGED;
        if (read_file(&state->entries[at], entry) != 0)
            return DAMAGED;
        state->entries[at].closed = json_is_true(closed);
    }
    return NULL;
}

static int read_doubt(struct footfall_ingest_state *state, const json_t *object)
{
    struct footfall_ingest_doubt *doubt = &state->doubt;
    uint64_t entry = 0, limit = 0;
    if (json_is_null(object))
        return 0;
    if (state->entry_count == 0 || read_number(&entry, object, "file", state->entry_count - 1) != 0 ||
        read_number(&doubt->first, object, "first", INT64_MAX) != 0 ||
        read_place(&doubt->last, json_object_get(object, "last")) != 0 ||
        read_number(&limit, object, "latest_ms", INT64_MAX) != 0 ||
        read_number(&doubt->operations, object, "operations", FOOTFALL_INGEST_BATCH_MAX) != 0 ||
        read_hash(&doubt->names, object, "names") != 0)
        return -1;
    doubt->entry = (size_t)entry;
    doubt->limit_ms = (int64_t)limit;
    doubt->there = 1;
    if (doubt->operations == 0 || limit == 0 || state->number == 0)
        return -1;
    return state->entries[entry].done.offset <= doubt->first && doubt->first < doubt->last.offset ? 0 : -1;
}

/* As the older version says that there is none. */
static int says_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0);
}

/* A series is known to one backend. The first states did not say which. */
static const char *compare_backend(const char *backend, const json_t *old)
{
    if (old == NULL)
        return NULL;
    if (!json_is_string(old))
        return DAMAGED;
    return strcmp(json_string_value(old), backend) == 0 ? NULL : "belongs to another backend";
}

/* The first option that is another than the state's. */
static const char *compare_rules(const struct footfall_ingest_rules *rules, const json_t *old)
{
    static const char *const keys[] = { "format", "counter", "status", "strict", "keys", "skip_agent" };
    static const char *const texts[] = { "was made with another --format", "was made with another --counter or --by",
                                         "was made with another --status", "was made with another --strict",
                                         "was made with other --keys",     "was made with another --skip-agent" };
    const size_t of_version_1 = 4;
    json_t *now = rules_to_json(rules);
    const char *reason = now == NULL ? "cannot be read: out of memory" : NULL;
    for (size_t i = 0; reason == NULL && i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *value = json_object_get(old, keys[i]), *wanted = json_object_get(now, keys[i]);
        if (value == NULL && i < of_version_1)
            reason = DAMAGED;
        else if (!json_equal(value, wanted) && !(i >= of_version_1 && says_nothing(value) && says_nothing(wanted)))
            reason = texts[i];
    }
    json_decref(now);
    return reason;
}

const char *footfall__ingest_record_read(struct footfall_ingest_state *state, const struct footfall_ingest_rules *rules,
                                         const json_t *record, int64_t *written_ms)
{
    uint64_t version = 0, written = 0;
    const char *reason = NULL;
    if (read_number(&version, record, "footfall_ingest_state", INT64_MAX) != 0 || version == 0)
        return "is no state file of footfall ingest";
    if (version > VERSION)
        return "was made by a newer footfall";
    if (read_number(&written, record, "written_ms", INT64_MAX) != 0 ||
        read_number(&state->number, record, "number", INT64_MAX - 1) != 0 ||
        read_hex(state->series, sizeof state->series, json_object_get(record, "series")) != 0)
        return DAMAGED;
    *written_ms = (int64_t)written;
    if ((reason = read_entries(state, json_object_get(record, "files"))) != NULL)
        return reason;
    if (json_object_get(record, "doubt") == NULL || read_doubt(state, json_object_get(record, "doubt")) != 0)
        return DAMAGED;
    if ((reason = compare_backend(state->backend, json_object_get(record, "backend"))) != NULL)
        return reason;
    return compare_rules(rules, json_object_get(record, "rules"));
}
