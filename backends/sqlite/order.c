/* order.c: visitors in the order in which the b-tree keeps them, so that a big batch walks along its leaves instead of
 * jumping. The order is for speed only: keys that agree in the leading bits looked at here may come in any order. */
#include "store.h"

#include <string.h>

enum { SMALL = 48 };

static void sort_small(struct footfall_sqlite_order *order, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct footfall_sqlite_order moved = order[i];
        size_t j = i;
        for (; j > 0 && order[j - 1].key > moved.key; j--)
            order[j] = order[j - 1];
        order[j] = moved;
    }
}

void footfall__sqlite_sort(struct footfall_sqlite_order *order, struct footfall_sqlite_order *spare, size_t count)
{
    struct footfall_sqlite_order *from = order;
    struct footfall_sqlite_order *to = spare;
    uint64_t differ = 0;
    if (count <= SMALL) {
        sort_small(order, count);
        return;
    }
    for (size_t i = 1; i < count; i++)
        differ |= order[i].key ^ order[0].key;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t at[256] = { 0 };
        size_t sum = 0;
        struct footfall_sqlite_order *swap;
        if (((differ >> shift) & 0xff) == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            at[(from[i].key >> shift) & 0xff]++;
        for (int digit = 0; digit < 256; digit++) {
            size_t here = at[digit];
            at[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[at[(from[i].key >> shift) & 0xff]++] = from[i];
        swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, count * sizeof *order);
}

/* 14 bits of the epoch, 24 of the counter's key, 26 of the id. */
static uint64_t order_key(const struct footfall_sqlite *store, const struct footfall_sqlite_visitor *visitor)
{
    uint64_t id = (uint64_t)visitor->id[0] << 18 | (uint64_t)visitor->id[1] << 10 | (uint64_t)visitor->id[2] << 2 |
                  (uint64_t)visitor->id[3] >> 6;
    uint64_t k = (uint64_t)store->counters[visitor->counter].k;
    return ((uint64_t)visitor->epoch & 0x3fff) << 50 | (k & 0xffffff) << 26 | id;
}

int footfall__sqlite_visitors_ordered(struct footfall_sqlite *store,
                                      int (*which)(struct footfall_sqlite *store,
                                                   const struct footfall_sqlite_visitor *visitor),
                                      size_t first, size_t *count)
{
    struct footfall_sqlite_batch *batch = &store->batch;
    size_t chosen = 0;
    *count = 0;
    if (footfall__sqlite_room((void **)&batch->order, &batch->order_capacity, 2 * (batch->visitor_count - first),
                              sizeof *batch->order) != SQLITE_OK)
        return SQLITE_NOMEM;
    for (size_t at = first; at < batch->visitor_count; at++) {
        if (!which(store, &batch->visitors[at]))
            continue;
        batch->order[chosen].key = order_key(store, &batch->visitors[at]);
        batch->order[chosen++].at = (uint32_t)at;
    }
    if (chosen > 1)
        footfall__sqlite_sort(batch->order, batch->order + chosen, chosen);
    *count = chosen;
    return SQLITE_OK;
}
