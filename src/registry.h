/* registry.h: which backends there are. The table of those built in is the one place that a new backend adds a line to. */
#ifndef FOOTFALL_REGISTRY_H
#define FOOTFALL_REGISTRY_H
#include <stddef.h>

#include "footfall_store.h"

/* The backend of that name, or NULL (also for NULL). Static storage. Any thread. */
const struct footfall_backend *footfall__registry_find(const char *name);

/* All of them, from 0 until NULL comes: added ones first (latest first), then those built in, in byte order. An added one
 * that bears the name of another hides it from _find, not from here. */
const struct footfall_backend *footfall__registry_at(size_t index);

/* Tests only, while no other thread is in the library: one more backend, which must live to the end of the process. A name
 * that is known already now means this one. Past 16 of them the process aborts. */
void footfall__registry_add(const struct footfall_backend *backend);
#endif
