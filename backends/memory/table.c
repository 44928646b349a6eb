/* table.c: the hash tables of table.h. They double when there is a node a bucket; what a node is, its owner knows. */
#include "table.h"

#include "alloc.h"

#define FIRST_BUCKETS 64

static struct node **bucket_of(const struct table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static int grow(struct table *table, size_t bucket_count)
{
    struct table wider = { NULL, bucket_count, 0 };
    wider.buckets = footfall__calloc(bucket_count, sizeof(wider.buckets[0]));
    if (wider.buckets == NULL)
        return -1;
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct node *next = NULL;
        for (struct node *node = table->buckets[i]; node != NULL; node = next) {
            next = node->next;
            footfall__table_put(&wider, node);
        }
    }
    footfall__free(table->buckets);
    *table = wider;
    return 0;
}

int footfall__table_room(struct table *table, size_t extra)
{
    if (table->bucket_count == 0)
        return grow(table, FIRST_BUCKETS);
    if (table->count + extra > table->bucket_count)
        (void)grow(table, table->bucket_count * 2);
    return 0;
}

void footfall__table_put(struct table *table, struct node *node)
{
    struct node **bucket = bucket_of(table, node->hash);
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void footfall__table_take(struct table *table, struct node *node)
{
    struct node **at = bucket_of(table, node->hash);
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    table->count--;
}

struct node *footfall__table_next(const struct node *node)
{
    struct node *next = node->next;
    while (next != NULL && next->hash != node->hash)
        next = next->next;
    return next;
}

struct node *footfall__table_first(const struct table *table, uint64_t hash)
{
    struct node *node = table->bucket_count > 0 ? *bucket_of(table, hash) : NULL;
    while (node != NULL && node->hash != hash)
        node = node->next;
    return node;
}

void footfall__table_free(struct table *table)
{
    footfall__free(table->buckets);
    *table = (struct table){ NULL, 0, 0 };
}
