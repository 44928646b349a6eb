/* json.c: the JSON that is answered, and the one that is taken (respond.h). */
#include "respond.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"

enum { NAME_ROOM = 2 * FOOTFALL_NAME_BYTES + 2 /* every byte of it escaped, and quotes */ };

/* ---- out -------------------------------------------------------------------------------------------------------------------- */

/* Takes root over. A line that does not fit is none. */
static size_t put_line(char *out, size_t room, json_t *root, int failed)
{
    size_t bytes = failed || root == NULL ? 0 : json_dumpb(root, out, room, JSON_COMPACT);
    json_decref(root);
    if (bytes == 0 || bytes >= room)
        return 0;
    out[bytes] = '\n';
    return bytes + 1;
}

/* Names are UTF-8 already, and need no check. */
json_t *footfall__web_json_row(const char *name, int64_t total, int64_t unique)
{
    json_t *row = json_object();
    if (json_object_set_new_nocheck(row, "counter", json_string_nocheck(name)) == 0 &&
        json_object_set_new_nocheck(row, "count", json_integer(total)) == 0 &&
        json_object_set_new_nocheck(row, "total_visits", json_integer(total)) == 0 &&
        json_object_set_new_nocheck(row, "unique_visitors", json_integer(unique)) == 0)
        return row;
    json_decref(row);
    return NULL;
}

/* The same as a line, for each visit: an object of its own would cost more than all else that the handler does. Only the name
 * needs the library. */
size_t footfall__web_json_counter(char out[FOOTFALL__WEB_BODY_ROOM], const char *name,
                                  const struct footfall_result *result, const struct footfall__web_shown *shown)
{
    static const char start[] = "{\"counter\":";
    static const char *const is_new[] = { ",\"is_new_visitor\":false", ",\"is_new_visitor\":true" };
    const size_t before = sizeof start - 1;
    json_t *string = json_string_nocheck(name);
    size_t bytes = string != NULL ? json_dumpb(string, out + before, NAME_ROOM, JSON_ENCODE_ANY) : 0;
    json_decref(string);
    if (bytes == 0 || bytes > NAME_ROOM)
        return 0;
    memcpy(out, start, before);
    bytes += before;
    bytes += (size_t)snprintf(
        out + bytes, FOOTFALL__WEB_BODY_ROOM - bytes,
        ",\"count\":%" PRId64 ",\"total_visits\":%" PRId64 ",\"unique_visitors\":%" PRId64 "%s%s%s}\n", result->total,
        result->total, result->unique, shown->visited ? is_new[(result->flags & FOOTFALL_IS_NEW) != 0] : "",
        shown->replayed ? ",\"replayed\":true" : "", shown->deleted ? ",\"deleted\":true" : "");
    return bytes;
}

size_t footfall__web_json_error(char *out, size_t room, const char *text, const char *code)
{
    json_t *root = json_object();
    int failed = json_object_set_new_nocheck(root, "error", json_string(text)) |
                 json_object_set_new_nocheck(root, "code", json_string(code));
    return put_line(out, room, root, failed);
}

char *footfall__web_json_list(size_t *bytes, json_t *rows, const char *cursor)
{
    json_t *root = json_object();
    int failed =
        json_object_set_nocheck(root, "counters", rows) |
        json_object_set_new_nocheck(root, "cursor", cursor != NULL ? json_string_nocheck(cursor) : json_null());
    char *text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (text == NULL)
        return NULL;
    *bytes = strlen(text) + 1;
    text[*bytes - 1] = '\n'; /* in the place of the NUL */
    return text;
}

/* ---- in --------------------------------------------------------------------------------------------------------------------- */

static int wrong(json_t *root, char why[FOOTFALL__WEB_WHY_ROOM], const char *text)
{
    footfall__format(why, FOOTFALL__WEB_WHY_ROOM, "the body: %s", text);
    json_decref(root);
    return 0;
}

/* What is wanted is flat. jansson reads 2,048 levels, which take more stack than a thread of a server need have. */
static int is_nested(const char *body, size_t bytes)
{
    const char *brace = memchr(body, '{', bytes);
    return memchr(body, '[', bytes) != NULL ||
           (brace != NULL && memchr(brace + 1, '{', bytes - (size_t)(brace + 1 - body)) != NULL);
}

int footfall__web_json_numbers(int64_t *total, int64_t *unique, const char *body, size_t body_bytes,
                               char why[FOOTFALL__WEB_WHY_ROOM])
{
    json_error_t err;
    json_t *root = NULL;
    const json_t *totals = NULL;
    const json_t *uniques = NULL;
    if (body == NULL || body_bytes == 0)
        return wrong(NULL, why, "there is none; {\"total_visits\":NUMBER,\"unique_visitors\":NUMBER} is wanted");
    if (is_nested(body, body_bytes))
        return wrong(NULL, why, "not one flat object");
    root = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES, &err);
    totals = json_object_get(root, "total_visits");
    uniques = json_object_get(root, "unique_visitors");
    if (root == NULL)
        return wrong(root, why, err.text);
    if (!json_is_object(root))
        return wrong(root, why, "not an object");
    if (!json_is_integer(totals))
        return wrong(root, why, "total_visits is not an integer of 64 bits");
    if (uniques != NULL && !json_is_integer(uniques))
        return wrong(root, why, "unique_visitors is not an integer of 64 bits");
    if (json_object_size(root) != (uniques != NULL ? 2 : 1))
        return wrong(root, why, "it has more than total_visits and unique_visitors");
    *total = json_integer_value(totals);
    *unique = uniques != NULL ? json_integer_value(uniques) : 0;
    json_decref(root);
    return 1;
}
