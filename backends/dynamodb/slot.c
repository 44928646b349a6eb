/* slot.c: which of the 16 slots of a counter's item is ours, and what else the item tells (group.h). */
#include "group.h"

#include "random.h"

enum { NONE = -1 };

static uint32_t seconds_of(const struct dynamodb_mark *mark)
{
    uint32_t seconds = 0;
    for (int i = 0; i < 4; i++)
        seconds = seconds << 8 | mark->bytes[8 + i];
    return seconds;
}

static int is_own(const struct dynamodb_group *g, const struct dynamodb_mark *mark)
{
    return memcmp(mark->bytes, g->store->marker.writer, sizeof(g->store->marker.writer)) == 0;
}

static void take(struct dynamodb_counter *c, int slot, const struct dynamodb_slot *at)
{
    c->slot = slot;
    c->has_prev = at->used;
    c->prev = at->mark;
}

void footfall__dynamodb_learn_counter(struct dynamodb_group *g, const struct dynamodb_counter_item *item)
{
    struct dynamodb_counter *c = g->counter;
    /* A slot is never empty again, so this is another item: the table was made anew, and remembers no visitor. */
    int anew = c->known && c->slot != NONE && c->has_prev && !item->slots[c->slot].used;
    g->item = *item;
    g->has_item = 1;
    if (c->known && (c->g != item->g || anew))
        footfall__dynamodb_forget_seen(&g->store->memory, c);
    if (c->g != item->g || anew) /* other keys */
        for (size_t i = 0; i < g->visitor_count; i++)
            g->visitors[i].state = DYNAMODB_UNREAD;
    c->g = item->g;
    c->r = item->r;
    c->known = 1;
    for (int i = 0; i < DYNAMODB_SLOTS && c->slot == NONE; i++)
        if (item->slots[i].used && is_own(g, &item->slots[i].mark))
            take(c, i, &item->slots[i]);
}

/* One of those that fit, at random. */
static int pick(struct dynamodb_group *g, const int *fits, int count)
{
    return fits[footfall__random_below(&g->store->random_state, count)];
}

int footfall__dynamodb_choose_slot(struct dynamodb_group *g)
{
    const struct dynamodb_slot *slots = g->item.slots;
    uint32_t now = (uint32_t)(footfall__dynamodb_now_ms(g->store->client) / 1000);
    uint32_t keep = (uint32_t)(g->batch->call->mark_keep_ms / 1000);
    int fits[DYNAMODB_SLOTS];
    int count = 0;
    int slot = 0;
    for (int i = 0; i < DYNAMODB_SLOTS; i++)
        if (slots[i].used && is_own(g, &slots[i].mark)) {
            take(g->counter, i, &slots[i]);
            return 0;
        }
    for (int i = 0; i < DYNAMODB_SLOTS; i++)
        if (!slots[i].used)
            fits[count++] = i;
    for (int i = 0; i < DYNAMODB_SLOTS && (count == 0 || slots[fits[0]].used); i++) {
        uint32_t seconds = seconds_of(&slots[i].mark);
        if (seconds < now && now - seconds > keep) /* nobody asks for it any more */
            fits[count++] = i;
    }
    if (count > 0) {
        slot = pick(g, fits, count);
        take(g->counter, slot, &slots[slot]);
        return 0;
    }
    for (int i = 0; i < DYNAMODB_SLOTS; i++) { /* the older half */
        int older = 0;
        for (int j = 0; j < DYNAMODB_SLOTS; j++) {
            uint32_t a = seconds_of(&slots[j].mark);
            uint32_t b = seconds_of(&slots[i].mark);
            older += a < b || (a == b && j < i);
        }
        if (older < DYNAMODB_SLOTS / 2)
            fits[count++] = i;
    }
    slot = pick(g, fits, count);
    take(g->counter, slot, &slots[slot]);
    return 1;
}
