/* read.c: reading counters, and listing them: names in byte order from one sorted set, then their numbers. */
#include "redis.h"

#include "alloc.h"

#include <stdio.h>
#include <string.h>

enum { SCAN_PAGE = 500, NAME_BYTES = 200 };

struct reading { /* one HMGET a counter, replies in order, then ROLE's */
    int64_t *totals, *uniques;
    uint8_t *exists;
    size_t count;
    struct footfall_store_call *call;
    int status, hang_up;
};

static void take_numbers(void *user, size_t i, redisReply **reply)
{
    struct reading *r = user;
    const redisReply *total = NULL;
    if (r->status != 0)
        return;
    if (i == r->count) {
        if (footfall__redis_is_replica(*reply)) { /* since this connection was made */
            r->hang_up = 1;
            r->status =
                footfall__redis_fault(r->call, FOOTFALL_STORE_TEMPORARY, "the server is a replica, not the master");
        }
        return;
    }
    if ((*reply)->type == REDIS_REPLY_ERROR) {
        r->status = footfall__redis_error(r->call, *reply, &r->hang_up);
        if (r->status == FOOTFALL_STORE_UNKNOWN) /* nothing is in doubt that was only to be read */
            r->status = FOOTFALL_STORE_BROKEN;
        return;
    }
    total = footfall__redis_is_array(*reply, 2) ? (*reply)->element[0] : NULL;
    r->exists[i] = total != NULL && total->type != REDIS_REPLY_NIL;
    r->totals[i] = r->uniques[i] = 0;
    if (total != NULL && !r->exists[i])
        return;
    if (total == NULL || footfall__redis_number(total, &r->totals[i]) != 0 ||
        footfall__redis_number((*reply)->element[1], &r->uniques[i]) != 0)
        r->status = footfall__redis_fault(r->call, FOOTFALL_STORE_BROKEN,
                                          "a key under redis.prefix holds what is no counter of ours");
}

int footfall__redis_fetch(struct footfall_store *store, const char *const *names, const size_t *name_bytes,
                          size_t count, int64_t *totals, int64_t *uniques, uint8_t *exists,
                          struct footfall_store_call *call)
{
    struct reading r = { .count = count, .call = call };
    size_t got = 0;
    int rc = footfall__redis_ready(store, call);
    r.totals = totals;
    r.uniques = uniques;
    r.exists = exists;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct redis_key key;
        footfall__redis_counter_key(&key, store->prefix, names[i], name_bytes[i]);
        {
            const struct redis_argument arguments[] = {
                { "HMGET", 5 }, footfall__redis_key_argument(&key), { "t", 1 }, { "u", 1 }
            };
            rc = footfall__redis_command(&store->connection, arguments, 4);
        }
    }
    if (rc == 0)
        rc = footfall__redis_say(&store->connection, "ROLE", NULL);
    if (rc == FOOTFALL_STORE_NO_MEMORY)
        (void)footfall__redis_fault(call, rc, "out of memory");
    if (rc != 0)
        return rc;
    got = footfall__redis_exchange(&store->connection, count + 1, take_numbers, &r, call);
    if (r.hang_up)
        footfall__redis_hang_up(&store->connection);
    if (got < count + 1 && (got == 0 || r.status == 0))
        return FOOTFALL_STORE_TEMPORARY;
    return r.status;
}

/* ---- listing --------------------------------------------------------------------------------------------------------------- */

/* The bounds of ZRANGEBYLEX: what begins with the prefix and comes after `after`. A name is UTF-8 and never holds 0xff. */
static int put_bounds(struct redis_bytes *from, struct redis_bytes *to, const char *prefix, size_t prefix_bytes,
                      const char *after, size_t after_bytes)
{
    size_t shared = after_bytes < prefix_bytes ? after_bytes : prefix_bytes;
    int order = shared > 0 ? memcmp(after, prefix, shared) : 0;
    int rc = 0;
    if (after_bytes > 0 && (order > 0 || (order == 0 && after_bytes >= prefix_bytes)))
        rc = footfall__redis_put(from, "(", 1) | footfall__redis_put(from, after, after_bytes);
    else if (prefix_bytes > 0)
        rc = footfall__redis_put(from, "[", 1) | footfall__redis_put(from, prefix, prefix_bytes);
    else
        rc = footfall__redis_put(from, "-", 1);
    if (prefix_bytes > 0)
        rc |= footfall__redis_put(to, "(", 1) | footfall__redis_put(to, prefix, prefix_bytes) |
              footfall__redis_put(to, "\xff", 1);
    else
        rc |= footfall__redis_put(to, "+", 1);
    return rc == 0 ? 0 : FOOTFALL_STORE_NO_MEMORY;
}

static int comes_after(const redisReply *name, const char *before, size_t before_bytes)
{
    size_t bytes = (size_t)name->len;
    int order = memcmp(name->str, before, bytes < before_bytes ? bytes : before_bytes);
    return order > 0 || (order == 0 && bytes > before_bytes);
}

/* Names, no more than were asked for, in order and behind where the page begins: else listing would go round in circles. */
static int is_page(const redisReply *reply, const struct redis_bytes *from, size_t most)
{
    const char *before = from->at[0] == '(' ? from->at + 1 : "";
    size_t before_bytes = from->at[0] == '(' ? from->count - 1 : 0;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > most)
        return 0;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *name = reply->element[i];
        if (!footfall__redis_is_text(name) || name->len < 1 || name->len > NAME_BYTES ||
            !comes_after(name, before, before_bytes))
            return 0;
        before = name->str;
        before_bytes = (size_t)name->len;
    }
    return 1;
}

static redisReply *ask_page(struct footfall_store *store, const struct redis_bytes *from, const struct redis_bytes *to,
                            size_t most, int *status, struct footfall_store_call *call)
{
    char limit[24];
    struct redis_key names;
    redisReply *reply = NULL;
    int reconnect = 0;
    (void)snprintf(limit, sizeof(limit), "%zu", most);
    footfall__redis_key(&names, store->prefix, "names");
    *status = footfall__redis_ready(store, call);
    if (*status == 0) {
        const struct redis_argument arguments[] = {
            { "ZRANGEBYLEX", 11 },
            footfall__redis_key_argument(&names),
            { from->at, from->count },
            { to->at, to->count },
            { "LIMIT", 5 },
            { "0", 1 },
            { limit, strlen(limit) },
        };
        *status = footfall__redis_command(&store->connection, arguments, sizeof(arguments) / sizeof(arguments[0]));
    }
    if (*status != 0)
        return NULL;
    reply = footfall__redis_ask(&store->connection, call);
    if (reply == NULL) {
        *status = FOOTFALL_STORE_TEMPORARY;
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        *status = footfall__redis_error(call, reply, &reconnect);
        if (*status == FOOTFALL_STORE_UNKNOWN)
            *status = FOOTFALL_STORE_BROKEN;
    } else if (!is_page(reply, from, most)) {
        *status = footfall__redis_fault(call, FOOTFALL_STORE_BROKEN, "the names in Redis cannot be read");
    }
    if (*status != 0) {
        freeReplyObject(reply);
        reply = NULL;
        if (reconnect)
            footfall__redis_hang_up(&store->connection);
    }
    return reply;
}

struct page { /* the numbers of one page's counters */
    const char *names[SCAN_PAGE];
    size_t sizes[SCAN_PAGE];
    int64_t totals[SCAN_PAGE], uniques[SCAN_PAGE];
    uint8_t exists[SCAN_PAGE];
};

static void fill_page(struct page *page, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        page->names[i] = reply->element[i]->str;
        page->sizes[i] = (size_t)reply->element[i]->len;
    }
}

/* A page with at least one counter that exists, or the last one. */
static int scan_page(struct footfall_store *store, struct redis_bytes *from, const struct redis_bytes *to, size_t want,
                     struct page *page, redisReply **reply, struct footfall_store_call *call)
{
    int status = 0;
    for (;;) {
        size_t there = 0;
        *reply = ask_page(store, from, to, want, &status, call);
        if (*reply == NULL)
            return status;
        fill_page(page, *reply);
        status = footfall__redis_fetch(store, page->names, page->sizes, (*reply)->elements, page->totals, page->uniques,
                                       page->exists, call); /* of none, it still asks who answers: an empty replica? */
        for (size_t i = 0; i < (*reply)->elements && status == 0; i++)
            there += page->exists[i];
        if (status != 0 || there > 0 || (*reply)->elements < want)
            return status;
        from->count = 0; /* all were deleted meanwhile: on behind the last of them */
        if (footfall__redis_put(from, "(", 1) != 0 ||
            footfall__redis_put(from, page->names[want - 1], page->sizes[want - 1]) != 0)
            return footfall__redis_fault(call, FOOTFALL_STORE_NO_MEMORY, "out of memory");
        freeReplyObject(*reply);
        *reply = NULL;
    }
}

static int tell_page(const struct page *page, size_t count, size_t want, footfall_store_each *each, void *user)
{
    for (size_t i = 0; i < count; i++)
        if (page->exists[i] && each(user, page->names[i], page->sizes[i], page->totals[i], page->uniques[i]) != 0)
            return i + 1 < count || count == want;
    return count == want;
}

int footfall__redis_scan(struct footfall_store *store, const char *prefix, size_t prefix_bytes, const char *after,
                         size_t after_bytes, size_t limit, footfall_store_each *each, void *user, int *more,
                         struct footfall_store_call *call)
{
    struct redis_bytes from = { NULL, 0, 0 };
    struct redis_bytes to = { NULL, 0, 0 };
    size_t want = limit < SCAN_PAGE ? limit : SCAN_PAGE;
    struct page *page = footfall__malloc(sizeof(*page));
    redisReply *reply = NULL;
    int rc = FOOTFALL_STORE_NO_MEMORY;
    *more = 0;
    if (page != NULL)
        rc = put_bounds(&from, &to, prefix, prefix_bytes, after, after_bytes);
    if (rc != 0)
        (void)footfall__redis_fault(call, rc, "out of memory");
    else
        rc = scan_page(store, &from, &to, want, page, &reply, call);
    if (rc == 0 && reply != NULL)
        *more = tell_page(page, reply->elements, want, each, user);
    if (reply != NULL)
        freeReplyObject(reply);
    footfall__redis_bytes_free(&from);
    footfall__redis_bytes_free(&to);
    footfall__free(page);
    return rc;
}
