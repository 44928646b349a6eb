/* json.c: the lines of JSON that are answered (respond.h). */
#include "respond.h"

#include <jansson.h>
#include <string.h>

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

size_t footfall__web_json_counter(char *out, size_t room, const char *name, const struct footfall_result *result,
                                  const struct footfall__web_shown *shown)
{
    json_t *root = json_object();
    int failed = json_object_set_new_nocheck(root, "counter", json_string_nocheck(name));
    failed |= json_object_set_new_nocheck(root, "count", json_integer(result->total));
    failed |= json_object_set_new_nocheck(root, "total_visits", json_integer(result->total));
    failed |= json_object_set_new_nocheck(root, "unique_visitors", json_integer(result->unique));
    if (shown->visited)
        failed |= json_object_set_new_nocheck(root, "is_new_visitor",
                                              json_boolean((result->flags & FOOTFALL_IS_NEW) != 0));
    if (shown->replayed)
        failed |= json_object_set_new_nocheck(root, "replayed", json_true());
    if (shown->deleted)
        failed |= json_object_set_new_nocheck(root, "deleted", json_true());
    return put_line(out, room, root, failed);
}

size_t footfall__web_json_error(char *out, size_t room, const char *text, const char *code)
{
    json_t *root = json_object();
    int failed = json_object_set_new(root, "error", json_string(text));
    failed |= json_object_set_new(root, "code", json_string(code));
    return put_line(out, room, root, failed);
}
