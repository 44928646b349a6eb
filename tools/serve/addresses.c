/* addresses.c: how many connections there are from each address, by a key that stands for it (web.h); kept only when there is a
 * limit. */
#include "server.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

struct footfall_serve_address {
    struct footfall_serve_address *next;
    uint64_t key;
    uint32_t connections;
};

int footfall__serve_addresses_init(struct footfall_serve *server)
{
    if (server->settings.max_per_address == 0)
        return 0;
    server->addresses.buckets = calloc(BUCKETS, sizeof(struct footfall_serve_address *));
    return server->addresses.buckets != NULL ? 0 : -1;
}

void footfall__serve_addresses_free(struct footfall_serve *server)
{
    free(server->addresses.buckets); /* without connections they are empty */
    server->addresses.buckets = NULL;
}

/* Where the address is, or would be put. */
static struct footfall_serve_address **find(struct footfall_serve_addresses *all, uint64_t key)
{
    struct footfall_serve_address **at = &all->buckets[key % BUCKETS];
    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

static int enter(struct footfall_serve_addresses *all, uint64_t key, uint32_t most)
{
    struct footfall_serve_address **at = find(all, key);
    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL)
            return -1;
        (*at)->key = key;
    }
    if ((*at)->connections >= most)
        return -1;
    (*at)->connections++;
    return 0;
}

int footfall__serve_address_enter(struct footfall_serve *server, uint64_t key)
{
    int rc = 0;
    if (key == 0 || server->addresses.buckets == NULL)
        return 0;
    pthread_mutex_lock(&server->addresses.lock);
    rc = enter(&server->addresses, key, server->settings.max_per_address);
    pthread_mutex_unlock(&server->addresses.lock);
    return rc;
}

void footfall__serve_address_leave(struct footfall_serve *server, uint64_t key)
{
    struct footfall_serve_address **at = NULL, *gone = NULL;
    if (key == 0 || server->addresses.buckets == NULL)
        return;
    pthread_mutex_lock(&server->addresses.lock);
    at = find(&server->addresses, key);
    if (*at != NULL && --(*at)->connections == 0) {
        gone = *at;
        *at = gone->next;
    }
    pthread_mutex_unlock(&server->addresses.lock);
    free(gone);
}
