/* by_counter.c: operations linked by counter, through a table of the counters seen so far (by_counter.h). */
#include "by_counter.h"

#include <string.h>

#include "alloc.h"
#include "bytes.h"

struct counter { /* of the table; open addressing */
    const char *name;
    size_t bytes;
    uint32_t last_plus_1; /* 0: nobody's place */
};

static struct counter *find(struct counter *table, size_t room, const uint64_t hash_key[2], const char *name)
{
    const char *text = name != NULL ? name : "";
    size_t bytes = strnlen(text, FOOTFALL_NAME_BYTES + 1);
    size_t at = footfall__hash(hash_key, text, bytes) & (room - 1);
    while (table[at].last_plus_1 != 0 && (table[at].bytes != bytes || memcmp(table[at].name, text, bytes) != 0))
        at = (at + 1) & (room - 1);
    table[at].name = text;
    table[at].bytes = bytes;
    return &table[at];
}

int footfall__by_counter(struct footfall__by_counter *out, const uint64_t hash_key[2], const struct footfall_op *ops,
                         size_t count)
{
    size_t room = 16;
    struct counter *table;
    while (room < 2 * count)
        room *= 2;
    table = footfall__calloc(room, sizeof *table);
    out->next = footfall__array(NULL, count, sizeof *out->next);
    out->place = footfall__array(NULL, count, sizeof *out->place);
    if (table == NULL || out->next == NULL || out->place == NULL) {
        footfall__free(table);
        return FOOTFALL_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct counter *counter = find(table, room, hash_key, ops[i].name);
        out->next[i] = FOOTFALL__NO_OP;
        out->place[i] = 0;
        if (counter->last_plus_1 != 0) {
            out->next[counter->last_plus_1 - 1] = (uint32_t)i;
            out->place[i] = out->place[counter->last_plus_1 - 1] + 1;
        }
        counter->last_plus_1 = (uint32_t)i + 1;
    }
    footfall__free(table);
    return FOOTFALL_OK;
}

void footfall__by_counter_free(struct footfall__by_counter *by)
{
    footfall__free(by->next);
    footfall__free(by->place);
    memset(by, 0, sizeof *by);
}
