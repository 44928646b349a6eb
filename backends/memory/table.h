/* table.h: chained hash tables of nodes that live inside what they index. The caller hashes and compares; a table never owns
 * a node. One thread at a time. */
#ifndef FOOTFALL_MEMORY_TABLE_H
#define FOOTFALL_MEMORY_TABLE_H
#include <stddef.h>
#include <stdint.h>

struct node { /* the first member of whatever is indexed, so that one is cast to the other */
    struct node *next;
    uint64_t hash;
};

struct table { /* all zero is an empty table */
    struct node **buckets;
    size_t bucket_count; /* 0 or a power of two */
    size_t count;
};

/* Makes `extra` more footfall__table_put certain to succeed: 0, or -1 when out of memory. Chains only grow longer when a
 * table that has buckets gets no more of them. */
int footfall__table_room(struct table *table, size_t extra);
void footfall__table_put(struct table *table, struct node *node); /* node->hash is set; room was made */
void footfall__table_take(struct table *table, struct node *node);
/* The first node with this hash, and the next one after it; NULL when there is none. */
struct node *footfall__table_first(const struct table *table, uint64_t hash);
struct node *footfall__table_next(const struct node *node);
void footfall__table_free(struct table *table); /* the buckets, not the nodes */
#endif
