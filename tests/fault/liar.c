/* liar.c: SQLite's vtable with another `apply` (liar.h). One lane only, as SQLite has. */
#include "liar.h"

#include <stdlib.h>
#include <string.h>

#include "fault_marks.h"
#include "folder.h"
#include "footfall_store.h"
#include "registry.h"

enum { MOST_COUNTERS = 16 };

struct shadow { /* what the answers pretend */
    char name[16];
    int64_t total;
};

static const struct footfall_backend *honest;
static struct footfall_backend liar;
static struct fault_batch *held;
static struct shadow shadows[MOST_COUNTERS];

static struct shadow *shadow_of(struct footfall_store *store, const struct footfall_store_op *op,
                                struct footfall_store_call *call)
{
    int64_t unique = 0;
    uint8_t exists = 0;
    for (size_t i = 0; i < MOST_COUNTERS && op->name_bytes < sizeof shadows[i].name; i++) {
        struct shadow *shadow = &shadows[i];
        if (shadow->name[0] == '\0') {
            memcpy(shadow->name, op->name, op->name_bytes);
            if (honest->fetch(store, &op->name, &op->name_bytes, 1, &shadow->total, &unique, &exists, call) != 0)
                support_die("fetch");
        }
        if (strlen(shadow->name) == op->name_bytes && memcmp(shadow->name, op->name, op->name_bytes) == 0)
            return shadow;
    }
    support_die("a counter too many");
}

static int liar_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                      struct footfall_store_result *results, struct footfall_store_call *call)
{
    for (size_t i = 0; i < count; i++) {
        memset(&results[i], 0, sizeof results[i]);
        results[i].total = ++shadow_of(store, &ops[i], call)->total;
    }
    if (held != NULL) {
        struct footfall_store_result *nobody = calloc(held->count, sizeof *nobody);
        struct footfall_store_call now = *call;
        if (nobody == NULL || honest->apply(store, held->ops, held->count, nobody, &now) != 0)
            support_die("apply");
        free(nobody);
        fault_batch_free(held);
    }
    held = fault_batch_copy(ops, count, call);
    return 0;
}

void liar_register(void)
{
    honest = footfall__registry_find("sqlite");
    if (honest == NULL)
        support_die("no sqlite backend");
    memcpy(&liar, honest, honest->size < sizeof liar ? honest->size : sizeof liar);
    liar.size = sizeof liar;
    liar.name = "liar";
    liar.apply = liar_apply;
    footfall__registry_add(&liar);
}
