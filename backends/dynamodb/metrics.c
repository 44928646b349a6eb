/* metrics.c: what a store tells of its requests; read while another thread may be in it. */
#include "store.h"

#include <stdio.h>

void footfall__dynamodb_metrics(struct footfall_store *store, footfall_store_metric *each, void *user)
{
    struct dynamodb_usage *usage = footfall__dynamodb_usage(store->client);
    for (int i = 0; i < DYNAMODB_ACTIONS; i++) {
        char labels[64];
        uint64_t count = atomic_load_explicit(&usage->requests[i], memory_order_relaxed);
        if (count == 0)
            continue;
        (void)snprintf(labels, sizeof(labels), "action=\"%s\"",
                       footfall__dynamodb_action_name((enum dynamodb_action)i));
        each(user, "footfall_dynamodb_requests_total", "requests sent, each attempt", labels, 1, (double)count);
    }
    each(user, "footfall_dynamodb_retries_total", "requests sent again", "", 1,
         (double)atomic_load_explicit(&usage->retries, memory_order_relaxed));
    each(user, "footfall_dynamodb_throttles_total", "requests refused for want of capacity", "", 1,
         (double)atomic_load_explicit(&usage->throttles, memory_order_relaxed));
    each(user, "footfall_dynamodb_connects_total", "connections made", "", 1,
         (double)atomic_load_explicit(&usage->connects, memory_order_relaxed));
    if (!footfall__dynamodb_capacity(store->client))
        return;
    each(user, "footfall_dynamodb_read_units_total", "read units consumed, as the service told them", "", 1,
         (double)atomic_load_explicit(&usage->read_units_x2, memory_order_relaxed) / 2);
    each(user, "footfall_dynamodb_write_units_total", "write units consumed; in transactions by the documented rules",
         "", 1, (double)atomic_load_explicit(&usage->write_units, memory_order_relaxed));
}
