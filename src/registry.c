/* registry.c: the table of backends (registry.h), and the only #ifdefs for features in the project. What a backend does is
 * in backends/. */
#include "registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "footfall_admin.h"

enum { ADDED_MAX = 16 };

extern const struct footfall_backend footfall__backend_dynamodb, footfall__backend_memory, footfall__backend_redis,
    footfall__backend_sqlite;

/* In byte order of their names, NULL last. */
static const struct footfall_backend *const built_in[] = {
#ifdef FOOTFALL_HAVE_DYNAMODB
    &footfall__backend_dynamodb,
#endif
#ifdef FOOTFALL_HAVE_MEMORY
    &footfall__backend_memory,
#endif
#ifdef FOOTFALL_HAVE_REDIS
    &footfall__backend_redis,
#endif
#ifdef FOOTFALL_HAVE_SQLITE
    &footfall__backend_sqlite,
#endif
    NULL,
};

static const struct footfall_backend *added[ADDED_MAX];
static size_t added_count;

static const char *names[sizeof built_in / sizeof built_in[0] + ADDED_MAX];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

const struct footfall_backend *footfall__registry_at(size_t index)
{
    if (index < added_count)
        return added[added_count - 1 - index];
    index -= added_count;
    return index + 1 < sizeof built_in / sizeof built_in[0] ? built_in[index] : NULL;
}

const struct footfall_backend *footfall__registry_find(const char *name)
{
    const struct footfall_backend *backend;
    if (name == NULL)
        return NULL;
    for (size_t i = 0; (backend = footfall__registry_at(i)) != NULL; i++)
        if (strcmp(backend->name, name) == 0)
            return backend;
    return NULL;
}

static void add_name(const char *name)
{
    size_t at = 0;
    size_t count = 0;
    while (names[count] != NULL)
        count++;
    while (names[at] != NULL && strcmp(names[at], name) < 0)
        at++;
    if (names[at] != NULL && strcmp(names[at], name) == 0)
        return;
    memmove(names + at + 1, names + at, (count - at) * sizeof names[0]);
    names[at] = name;
}

static void fill_names(void)
{
    for (size_t i = 0; built_in[i] != NULL; i++)
        add_name(built_in[i]->name);
}

const char *const *footfall_backends(void)
{
    (void)pthread_once(&names_once, fill_names);
    return names;
}

void footfall__registry_add(const struct footfall_backend *backend)
{
    if (added_count == ADDED_MAX)
        abort();
    added[added_count++] = backend;
    (void)footfall_backends();
    add_name(backend->name);
}
