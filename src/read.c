/* read.c: reading counters: by name through the lanes' batches, and all of them page by page (footfall.h). */
#include <string.h>

#include "alloc.h"
#include "engine.h"
#include "error.h"
#include "name.h"

enum { PAGE = 256, NAMES_MAX = 1 << 24, NAME_ROOM = FOOTFALL_NAME_BYTES + 1 };

/* ---- by name ---------------------------------------------------------------------------------------------------------- */

static int no_token(const struct footfall_call *call, struct footfall_error *err)
{
    if (call != NULL && (call->token != NULL || call->series != NULL))
        return footfall__fail(err, FOOTFALL_INVALID, 0, "reading takes no token and no series");
    return FOOTFALL_OK;
}

/* Reads go to the lane of the first name: any lane's store sees all that was acknowledged before. */
static int read_names(struct footfall *ff, const char *const *names, size_t count, const struct footfall_call *call,
                      struct footfall_result *results, struct footfall_error *err)
{
    struct footfall__request *r = NULL;
    struct footfall__lane *lane;
    struct footfall_error refused;
    size_t arena = 0;
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = names[i] != NULL ? strnlen(names[i], NAME_ROOM) : 0;
        memset(&results[i], 0, sizeof results[i]);
        if (names[i] == NULL)
            results[i].status = (enum footfall_status)footfall__fail(&refused, FOOTFALL_INVALID, 0, "a name is NULL");
        else
            results[i].status = (enum footfall_status)footfall__name_check(names[i], bytes, &refused);
        arena += bytes;
        if (results[i].status != FOOTFALL_OK && first == count) {
            first = i;
            if (err != NULL)
                *err = refused;
        }
    }
    r = footfall__request_new(FOOTFALL__READ, count, arena, 0, 1);
    if (r == NULL) {
        for (size_t i = 0; i < count; i++)
            results[i].status = FOOTFALL_NO_MEMORY;
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory to read %zu counters", count);
    }
    for (size_t i = 0; i < count; i++)
        if (results[i].status == FOOTFALL_OK) {
            r->index[r->count] = (uint32_t)i;
            footfall__request_add_name(r, names[i], strnlen(names[i], NAME_ROOM));
        }
    if (r->count == 0) {
        footfall__request_free(r);
        return results[first].status;
    }
    r->deadline_ms = footfall__deadline(ff, call);
    lane = footfall__lane_of(ff, r->ops[0].name, r->ops[0].name_bytes);
    footfall__lane_run(lane, r);
    for (size_t i = 0; i < r->count; i++) {
        footfall__request_answer(r, i, &results[r->index[i]]);
        if (results[r->index[i]].status != FOOTFALL_OK && r->index[i] < first) {
            first = r->index[i];
            footfall__request_error(r, i, err);
        }
    }
    footfall__lane_unref(r);
    return first < count ? (int)results[first].status : FOOTFALL_OK;
}

int footfall_read(struct footfall *ff, const char *const *names, size_t count, const struct footfall_call *call,
                  struct footfall_result *results, struct footfall_error *err)
{
    int rc = footfall__enter(ff, call, 1, err);
    int entered = rc == FOOTFALL_OK;
    if (rc == FOOTFALL_OK && (names == NULL || results == NULL) && count > 0)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%s is NULL", names == NULL ? "names" : "results");
    if (rc == FOOTFALL_OK && count > NAMES_MAX)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%zu names in one call, more than %d", count, NAMES_MAX);
    if (rc == FOOTFALL_OK)
        rc = no_token(call, err);
    if (rc == FOOTFALL_OK && count > 0)
        rc = read_names(ff, names, count, call, results, err);
    else if (rc != FOOTFALL_OK)
        for (size_t i = 0; results != NULL && i < count && count <= NAMES_MAX; i++) {
            memset(&results[i], 0, sizeof results[i]);
            results[i].status = (enum footfall_status)rc;
        }
    if (entered)
        footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}

static int submit_name(struct footfall *ff, const char *name, const struct footfall_call *call, footfall_done *done,
                       void *user, struct footfall_error *err)
{
    size_t bytes = strnlen(name, NAME_ROOM);
    struct footfall__request *r = NULL;
    int rc = footfall__name_check(name, bytes, err);
    if (rc != FOOTFALL_OK)
        return rc;
    r = footfall__request_new(FOOTFALL__READ, 1, bytes, 0, 0);
    if (r == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory to read a counter");
    footfall__request_add_name(r, name, bytes);
    r->deadline_ms = footfall__deadline(ff, call);
    r->done = done;
    r->user = user;
    rc = footfall__lane_submit(footfall__lane_of(ff, r->ops[0].name, bytes), r, err);
    if (rc != FOOTFALL_OK)
        footfall__request_free(r);
    return rc;
}

int footfall_submit_read(struct footfall *ff, const char *name, const struct footfall_call *call, footfall_done *done,
                         void *user, struct footfall_error *err)
{
    int rc = footfall__enter(ff, call, 0, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (name == NULL || done == NULL)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%s is NULL", name == NULL ? "name" : "done");
    if (rc == FOOTFALL_OK)
        rc = no_token(call, err);
    if (rc == FOOTFALL_OK)
        rc = submit_name(ff, name, call, done, user, err);
    footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

struct page {
    size_t count;
    struct row {
        char name[NAME_ROOM];
        size_t name_bytes;
        int64_t total, unique;
    } rows[PAGE];
};

static int keep_row(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    struct page *page = user;
    struct row *row = &page->rows[page->count];
    if (page->count >= PAGE || name_bytes > FOOTFALL_NAME_BYTES)
        return 1;
    memcpy(row->name, name, name_bytes);
    row->name[name_bytes] = '\0';
    row->name_bytes = name_bytes;
    row->total = total;
    row->unique = unique;
    page->count++;
    return page->count == PAGE;
}

struct scanning {
    const char *prefix, *after;
    struct page *page;
    int more;
};

static int run_scan(struct footfall *ff, struct footfall__store *store, void *user, struct footfall_store_call *call)
{
    struct scanning *s = user;
    (void)ff;
    s->page->count = 0;
    return footfall__store_scan(store, s->prefix, strlen(s->prefix), s->after, strlen(s->after), PAGE, keep_row,
                                s->page, &s->more, call);
}

static int list_all(struct footfall *ff, const char *prefix, const char *after, const struct footfall_call *call,
                    footfall_each *each, void *user, struct footfall_error *err)
{
    struct page *page = footfall__malloc(sizeof *page);
    char last[NAME_ROOM];
    struct scanning scanning = { prefix, last, page, 1 };
    int stop = 0;
    int rc = FOOTFALL_OK;
    if (page == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for a page of counters");
    memcpy(last, after, strlen(after) + 1);
    while (scanning.more && !stop && rc == FOOTFALL_OK) {
        rc = footfall__exclusively(ff, call, run_scan, &scanning, err);
        if (rc != FOOTFALL_OK || page->count == 0)
            break;
        memcpy(last, page->rows[page->count - 1].name, page->rows[page->count - 1].name_bytes + 1);
        for (size_t i = 0; i < page->count && !stop; i++)
            stop = each(user, page->rows[i].name, page->rows[i].total, page->rows[i].unique) != 0;
    }
    footfall__free(page);
    return rc;
}

int footfall_list(struct footfall *ff, const char *prefix, const char *after, const struct footfall_call *call,
                  footfall_each *each, void *user, struct footfall_error *err)
{
    int rc = footfall__enter(ff, call, 1, err);
    if (rc != FOOTFALL_OK)
        return rc;
    after = after != NULL ? after : "";
    if (prefix == NULL || each == NULL)
        rc = footfall__fail(err, FOOTFALL_INVALID, 0, "%s is NULL", prefix == NULL ? "prefix" : "each");
    else
        rc = footfall__prefix_check(prefix, strnlen(prefix, NAME_ROOM), err);
    if (rc == FOOTFALL_OK)
        rc = footfall__prefix_check(after, strnlen(after, NAME_ROOM), err);
    if (rc == FOOTFALL_OK)
        rc = list_all(ff, prefix, after, call, each, user, err);
    footfall__leave(ff);
    if (rc == FOOTFALL_OK)
        footfall__fine(err);
    return rc;
}
