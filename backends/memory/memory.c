/* memory.c: counters in this process's memory, the model that other backends are held against: the vtable, and who shares a
 * store with whom. Handles that give the same memory.name share one until the last of them closes; without a name a
 * handle's store is its own. Counting is apply.c's, the records are records.c's. */
#include "memory.h"

#include "alloc.h"
#include "bytes.h"

#include <string.h>

static pthread_mutex_t named_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct memory *named; /* each memory's `handles` and `next` are under named_mutex too */

int footfall__memory_fault(struct footfall_store_call *call, int status, const char *text)
{
    if (call->text != NULL && call->text_bytes > 0 && call->text[0] == '\0')
        footfall__format(call->text, call->text_bytes, "%s", text);
    return status;
}

static uint32_t store_caps(const struct footfall_store *store)
{
    uint32_t caps = FOOTFALL_STORE_CAP_OWN_VALUES | FOOTFALL_STORE_CAP_ATOMIC_VISIT;
    return store->memory->name != NULL ? caps | FOOTFALL_STORE_CAP_SHARED : caps;
}

static struct memory *join_named(const char *name)
{
    struct memory *memory = NULL;
    pthread_mutex_lock(&named_mutex);
    for (memory = named; memory != NULL && strcmp(memory->name, name) != 0; memory = memory->next)
        ;
    if (memory == NULL && (memory = footfall__memory_new(name)) != NULL) {
        memory->next = named;
        named = memory;
    }
    if (memory != NULL)
        memory->handles++;
    pthread_mutex_unlock(&named_mutex);
    return memory;
}

static void leave_named(struct memory *memory)
{
    struct memory **at = &named;
    pthread_mutex_lock(&named_mutex);
    if (--memory->handles == 0) {
        while (*at != memory)
            at = &(*at)->next;
        *at = memory->next;
        footfall__memory_free(memory);
    }
    pthread_mutex_unlock(&named_mutex);
}

static int store_open(struct footfall_store **out, const struct footfall_store_setting *settings, size_t count,
                      uint32_t lane, struct footfall_store_call *call)
{
    const char *name = "";
    struct footfall_store *store = NULL;
    (void)lane;
    *out = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, "name") == 0)
            name = settings[i].value;
    store = footfall__calloc(1, sizeof(*store));
    if (store == NULL)
        return footfall__memory_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    store->memory = name[0] != '\0' ? join_named(name) : footfall__memory_new(NULL);
    if (store->memory == NULL) {
        footfall__free(store);
        return footfall__memory_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
    }
    *out = store;
    return FOOTFALL_STORE_OK;
}

static void store_close(struct footfall_store *store, int inherited)
{
    (void)inherited; /* a fork's child has a copy of the whole store: freeing it is all there is to do */
    if (store->memory->name != NULL)
        leave_named(store->memory);
    else
        footfall__memory_free(store->memory);
    footfall__free(store);
}

static int store_ping(struct footfall_store *store, struct footfall_store_call *call)
{
    (void)store;
    (void)call;
    return FOOTFALL_STORE_OK;
}

static int store_check(struct footfall_store *store, footfall_store_finding *each, void *user,
                       struct footfall_store_call *call)
{
    (void)call;
    if (store->memory->name == NULL)
        each(user, 1, "This store has no name: no other handle sees its counters.",
             "Set memory.name to share one among the handles of this process.");
    return FOOTFALL_STORE_OK;
}

static void store_metrics(struct footfall_store *store, footfall_store_metric *each, void *user)
{
    static const char *const labels[] = { "", "kind=\"visitor\"", "kind=\"token\"", "kind=\"series\"" };
    each(user, "footfall_memory_counters", "Counters that exist.", labels[0], 0,
         (double)atomic_load(&store->memory->held[0]));
    for (size_t kind = RECORD_VISITOR; kind <= RECORD_SERIES; kind++)
        each(user, "footfall_memory_records", "Records held beside the counters, expired ones until purge.",
             labels[kind], 0, (double)atomic_load(&store->memory->held[kind]));
}

static const struct footfall_store_key keys[] = {
    { "name", NULL, "handles of one process that give the same name share one store; none: private", 0 },
    { NULL, NULL, NULL, 0 },
};

extern const struct footfall_backend footfall__backend_memory;
const struct footfall_backend footfall__backend_memory = {
    .version = FOOTFALL_STORE_VERSION,
    .size = sizeof(struct footfall_backend),
    .name = "memory",
    .keys = keys,
    .max_batch = 4096,
    .lanes_default = 1,
    .lanes_max = 1,
    .caps = store_caps,
    .open = store_open,
    .close = store_close,
    .apply = footfall__memory_apply,
    .fetch = footfall__memory_fetch,
    .scan = footfall__memory_scan,
    .epoch_key = footfall__memory_epoch_key,
    .epoch_drop = footfall__memory_epoch_drop,
    .purge = footfall__memory_purge,
    .ping = store_ping,
    .own_secret = NULL,
    .check = store_check,
    .metrics = store_metrics,
    .epoch_other = footfall__memory_epoch_other,
};
