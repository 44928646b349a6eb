/* memory.c: what a writer remembers of counters and of visitors seen inside their window (store.h). Bounded; anything may be
 * dropped at any time, it is then read again. */
#include "store.h"

#include "alloc.h"
#include "bytes.h"

enum { COUNTERS_KEPT = 4096, SEEN_KEPT = 65536, SEEN_FIRST = 16, SEEN_MAX = 65536 };

static struct dynamodb_counter **bucket_of(struct dynamodb_memory *memory, struct dynamodb_name name)
{
    uint64_t hash = footfall__hash(memory->hash_key, name.at, name.bytes);
    return &memory->buckets[hash % (sizeof(memory->buckets) / sizeof(memory->buckets[0]))];
}

static void unlink_use(struct dynamodb_memory *memory, struct dynamodb_counter *c)
{
    if (c->newer != NULL)
        c->newer->older = c->older;
    else
        memory->newest = c->older;
    if (c->older != NULL)
        c->older->newer = c->newer;
    else
        memory->oldest = c->newer;
    c->newer = c->older = NULL;
}

static void link_newest(struct dynamodb_memory *memory, struct dynamodb_counter *c)
{
    c->older = memory->newest;
    if (memory->newest != NULL)
        memory->newest->newer = c;
    else
        memory->oldest = c;
    memory->newest = c;
}

struct dynamodb_counter *footfall__dynamodb_recall(struct dynamodb_memory *memory, struct dynamodb_name name)
{
    struct dynamodb_counter **bucket = bucket_of(memory, name);
    struct dynamodb_counter *c = *bucket;
    while (c != NULL && (c->name_bytes != name.bytes || memcmp(c->name, name.at, name.bytes) != 0))
        c = c->next;
    if (c != NULL) {
        unlink_use(memory, c);
        link_newest(memory, c);
        return c;
    }
    c = footfall__calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    memcpy(c->name, name.at, name.bytes);
    c->name_bytes = name.bytes;
    c->slot = -1;
    c->next = *bucket;
    *bucket = c;
    link_newest(memory, c);
    memory->count++;
    return c;
}

static void drop(struct dynamodb_memory *memory, struct dynamodb_counter *c)
{
    struct dynamodb_name name = { c->name, c->name_bytes };
    struct dynamodb_counter **at = bucket_of(memory, name);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    unlink_use(memory, c);
    memory->count--;
    footfall__dynamodb_forget_seen(memory, c);
    footfall__free(c->series.f);
    footfall__free(c->series.a);
    footfall__free(c);
}

void footfall__dynamodb_memory_trim(struct dynamodb_memory *memory)
{
    while (memory->count > COUNTERS_KEPT)
        drop(memory, memory->oldest);
    for (struct dynamodb_counter *c = memory->oldest; memory->seen_count > SEEN_KEPT && c != NULL; c = c->newer)
        footfall__dynamodb_forget_seen(memory, c);
}

void footfall__dynamodb_memory_free(struct dynamodb_memory *memory)
{
    while (memory->oldest != NULL)
        drop(memory, memory->oldest);
}

void footfall__dynamodb_forget_counter(struct dynamodb_memory *memory, struct dynamodb_counter *c)
{
    footfall__dynamodb_forget_seen(memory, c);
    c->known = c->has_prev = 0;
    c->slot = -1;
    c->g = c->r = 0;
}

/* ---- visitors ------------------------------------------------------------------------------------------------------------------------ */

void footfall__dynamodb_forget_seen(struct dynamodb_memory *memory, struct dynamodb_counter *c)
{
    memory->seen_count -= c->seen_count;
    footfall__free(c->seen);
    c->seen = NULL;
    c->seen_count = c->seen_room = 0;
}

static size_t place_of(const uint8_t *id, size_t room)
{
    uint64_t place = 0;
    memcpy(&place, id, sizeof(place)); /* ids are hashes */
    return (size_t)(place & (room - 1));
}

struct dynamodb_seen *footfall__dynamodb_seen(struct dynamodb_counter *c, const uint8_t *id)
{
    if (c->seen_room == 0)
        return NULL;
    for (size_t at = place_of(id, c->seen_room); c->seen[at].used; at = (at + 1) & (c->seen_room - 1))
        if (memcmp(c->seen[at].id, id, FOOTFALL_STORE_ID_BYTES) == 0)
            return &c->seen[at];
    return NULL;
}

static struct dynamodb_seen *free_place(struct dynamodb_seen *seen, size_t room, const uint8_t *id)
{
    size_t at = place_of(id, room);
    while (seen[at].used)
        at = (at + 1) & (room - 1);
    return &seen[at];
}

static int grow(struct dynamodb_counter *c)
{
    size_t room = c->seen_room > 0 ? 2 * c->seen_room : SEEN_FIRST;
    struct dynamodb_seen *seen = footfall__calloc(room, sizeof(*seen));
    if (seen == NULL)
        return -1;
    for (size_t i = 0; i < c->seen_room; i++)
        if (c->seen[i].used)
            *free_place(seen, room, c->seen[i].id) = c->seen[i];
    footfall__free(c->seen);
    c->seen = seen;
    c->seen_room = room;
    return 0;
}

void footfall__dynamodb_see(struct dynamodb_memory *memory, struct dynamodb_counter *c, const uint8_t *id, int64_t s,
                            int64_t proven)
{
    struct dynamodb_seen *seen = footfall__dynamodb_seen(c, id);
    if (seen == NULL) {
        if (c->seen_count >= SEEN_MAX)
            footfall__dynamodb_forget_seen(memory, c);
        if (2 * (c->seen_count + 1) > c->seen_room && grow(c) != 0)
            return;
        seen = free_place(c->seen, c->seen_room, id);
        memcpy(seen->id, id, sizeof(seen->id));
        seen->used = 1;
        c->seen_count++;
        memory->seen_count++;
    }
    seen->s = s;
    seen->proven = proven;
}

void footfall__dynamodb_unsee(struct dynamodb_memory *memory, struct dynamodb_counter *c, const uint8_t *id)
{
    struct dynamodb_seen *seen = footfall__dynamodb_seen(c, id);
    size_t hole = 0;
    if (seen == NULL)
        return;
    seen->used = 0;
    c->seen_count--;
    memory->seen_count--;
    hole = (size_t)(seen - c->seen); /* those behind it move up, so that a search never ends too early */
    for (size_t at = (hole + 1) & (c->seen_room - 1); c->seen[at].used; at = (at + 1) & (c->seen_room - 1)) {
        size_t home = place_of(c->seen[at].id, c->seen_room);
        if (((at - home) & (c->seen_room - 1)) < ((at - hole) & (c->seen_room - 1)))
            continue;
        c->seen[hole] = c->seen[at];
        c->seen[at].used = 0;
        hole = at;
    }
}
