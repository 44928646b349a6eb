/* request.c: from the caller's operations to the store's (request.h): everything about them is checked here. */
#include "request.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "engine.h"
#include "error.h"
#include "name.h"

enum {
    NAME_ROOM = FOOTFALL_NAME_BYTES + 1,
    TOKEN_KEEP_MS = 1800000 /* past 10 minutes, however late within its deadline the first attempt was stored */
};

static size_t aligned(size_t bytes)
{
    return (bytes + 15) & ~(size_t)15;
}

struct footfall__request *footfall__request_new(enum footfall__request_kind kind, size_t count, size_t arena_bytes,
                                                int with_people, int with_index)
{
    size_t head = aligned(sizeof(struct footfall__request));
    size_t ops = aligned(count * sizeof(struct footfall_store_op));
    size_t results = aligned(count * sizeof(struct footfall_store_result));
    size_t people = with_people ? aligned(count * sizeof(struct footfall__person)) : 0;
    size_t index = with_index ? aligned(count * sizeof(uint32_t)) : 0;
    size_t bytes = head + ops + results + people + index + arena_bytes;
    char *block = footfall__malloc(bytes);
    struct footfall__request *r = (struct footfall__request *)(void *)block;
    if (r == NULL)
        return NULL;
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->references = 1;
    r->ops = (struct footfall_store_op *)(void *)(block + head);
    r->results = (struct footfall_store_result *)(void *)(block + head + ops);
    if (with_people)
        r->people = (struct footfall__person *)(void *)(block + head + ops + results);
    if (with_index)
        r->index = (uint32_t *)(void *)(block + head + ops + results + people);
    r->arena = block + head + ops + results + people + index;
    return r;
}

void footfall__request_free(struct footfall__request *r)
{
    if (r == NULL)
        return;
    if (r->people != NULL) /* addresses and agents end with the call */
        for (size_t i = 0; i < r->count; i++) {
            if (r->people[i].agent_bytes > 0)
                OPENSSL_cleanse(r->people[i].agent, r->people[i].agent_bytes);
            OPENSSL_cleanse(&r->people[i], sizeof r->people[i]);
        }
    footfall__free(r);
}

static char *keep(struct footfall__request *r, const void *bytes, size_t size)
{
    char *at = r->arena;
    memcpy(at, bytes, size);
    r->arena += size;
    return at;
}

size_t footfall__request_arena(const struct footfall *ff, const struct footfall_op *op, size_t token_bytes)
{
    size_t bytes = op->name != NULL ? strnlen(op->name, NAME_ROOM) : 0;
    if (token_bytes > 0 || op->token_bytes > 0)
        bytes += FOOTFALL_STORE_TOKEN_BYTES;
    if (ff->settings.visitor_agent && (op->kind == FOOTFALL_OP_VISIT || op->kind == FOOTFALL_OP_FORGET) &&
        op->visitor != NULL && op->visitor->size == sizeof *op->visitor && op->visitor->user_agent != NULL)
        bytes += strlen(op->visitor->user_agent);
    return bytes;
}

static int check_token(const void *token, size_t token_bytes, struct footfall_error *err)
{
    if (token == NULL && token_bytes == 0)
        return FOOTFALL_OK;
    if (token == NULL || token_bytes < 1 || token_bytes > FOOTFALL_TOKEN_BYTES)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "a token has 1 to %d bytes, this one %zu%s",
                              FOOTFALL_TOKEN_BYTES, token_bytes, token == NULL ? " at NULL" : "");
    return FOOTFALL_OK;
}

static int64_t expire(const struct footfall *ff, int64_t visit_ms, int64_t now_ms)
{
    if (ff->settings.window_ms == INT64_MAX)
        return FOOTFALL_STORE_FOREVER;
    return footfall__add_saturated(
        footfall__add_saturated(visit_ms > now_ms ? visit_ms : now_ms, ff->settings.window_ms), FOOTFALL__HOUR_MS);
}

/* Who and when: into op and person. */
static int add_visitor(struct footfall *ff, struct footfall_store_op *op, struct footfall__person *person,
                       const struct footfall_visitor *who, int64_t now_ms, struct footfall_error *err)
{
    int rc;
    if (who == NULL || who->address == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "a visit needs a visitor with an address, not NULL");
    if (who->size != sizeof *who)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_visitor has size %zu, not %zu", who->size,
                              sizeof *who);
    rc = footfall__address_parse(&person->address, who->address, ff->settings.ipv4_prefix, ff->settings.ipv6_prefix,
                                 err);
    if (rc != 0)
        return rc;
    op->now_ms = who->now_ms == FOOTFALL_NOW ? now_ms : who->now_ms;
    if (op->now_ms < 0)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the time of a visit is before 1970 (%" PRId64 " ms)",
                              op->now_ms);
    if (op->now_ms > footfall__add_saturated(now_ms < 0 ? 0 : now_ms, FOOTFALL__HOUR_MS))
        return footfall__fail(err, FOOTFALL_INVALID, 0,
                              "the time of a visit is more than one hour ahead of this host's clock (%" PRId64 " ms)",
                              op->now_ms);
    op->window_ms = ff->settings.window_ms;
    op->sliding = ff->settings.sliding;
    op->expire_ms = expire(ff, op->now_ms, now_ms);
    return FOOTFALL_OK;
}

static int check_form(const struct footfall_op *op, const void *token, size_t token_bytes, struct footfall_error *err)
{
    if (op->size != sizeof *op)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_op has size %zu, not %zu", op->size,
                              sizeof *op);
    if (op->kind < FOOTFALL_OP_ADD || op->kind > FOOTFALL_OP_FORGET)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "there is no operation of kind %d", (int)op->kind);
    if (op->name == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "the counter's name is NULL");
    return check_token(token, token_bytes, err);
}

static int build(struct footfall *ff, struct footfall__request *r, struct footfall__hasher *h,
                 const struct footfall_op *op, const void *token, size_t token_bytes, int64_t now_ms,
                 struct footfall_error *err)
{
    struct footfall_store_op *out = &r->ops[r->count];
    int is_visit;
    int rc;
    if (token == NULL && token_bytes == 0) {
        token = op->token;
        token_bytes = op->token_bytes;
    }
    rc = check_form(op, token, token_bytes, err);
    if (rc != FOOTFALL_OK)
        return rc;
    memset(out, 0, sizeof *out);
    out->kind = (enum footfall_store_kind)op->kind;
    out->name_bytes = strnlen(op->name, NAME_ROOM);
    rc = footfall__name_check(op->name, out->name_bytes, err);
    if (rc != FOOTFALL_OK)
        return rc;
    is_visit = op->kind == FOOTFALL_OP_VISIT || op->kind == FOOTFALL_OP_FORGET;
    if (is_visit)
        rc = add_visitor(ff, out, &r->people[r->count], op->visitor, now_ms, err);
    if (rc != FOOTFALL_OK)
        return rc;
    out->name = keep(r, op->name, out->name_bytes);
    out->must_exist = op->must_exist != 0;
    if (op->kind == FOOTFALL_OP_ADD) {
        out->a = op->delta;
    } else if (op->kind == FOOTFALL_OP_SET) {
        out->a = op->total;
        out->b = op->unique;
    }
    if (token != NULL) {
        uint8_t seen[FOOTFALL_STORE_TOKEN_BYTES];
        rc = footfall__hasher_token(h, seen, token, token_bytes);
        out->token = (const uint8_t *)keep(r, seen, sizeof seen);
        out->token_expire_ms = footfall__add_saturated(now_ms, TOKEN_KEEP_MS);
        if (rc == 0 && !is_visit)
            rc = footfall__hasher_fingerprint(h, out);
    }
    if (is_visit && rc == 0) {
        struct footfall__person *person = &r->people[r->count];
        if (ff->settings.visitor_agent) {
            const char *agent = op->visitor->user_agent != NULL ? op->visitor->user_agent : "";
            person->agent_bytes = strlen(agent);
            person->agent = keep(r, agent, person->agent_bytes);
        }
        rc = footfall__hasher_visitor(h, out, person, now_ms);
    }
    if (rc < 0)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory to hash a visitor or a token");
    if (rc == 1)
        r->unresolved++;
    return FOOTFALL_OK;
}

static void count_in(struct footfall__request *r)
{
    memset(&r->results[r->count], 0, sizeof r->results[0]);
    r->results[r->count].status = (enum footfall_store_status)FOOTFALL__PENDING;
    r->count++;
    r->pending++;
}

int footfall__request_add(struct footfall *ff, struct footfall__request *r, struct footfall__hasher *h,
                          const struct footfall_op *op, const void *token, size_t token_bytes, int64_t now_ms,
                          struct footfall_error *err)
{
    char *arena = r->arena;
    int rc;
    if (r->people != NULL)
        memset(&r->people[r->count], 0, sizeof r->people[0]);
    rc = build(ff, r, h, op, token, token_bytes, now_ms, err);
    if (rc == FOOTFALL_OK) {
        count_in(r);
        return rc;
    }
    if (r->people != NULL)
        OPENSSL_cleanse(&r->people[r->count], sizeof r->people[0]);
    r->arena = arena;
    return rc;
}

void footfall__request_add_name(struct footfall__request *r, const char *name, size_t name_bytes)
{
    struct footfall_store_op *out = &r->ops[r->count];
    memset(out, 0, sizeof *out);
    out->name = keep(r, name, name_bytes);
    out->name_bytes = name_bytes;
    count_in(r);
}

int footfall__request_resolve(struct footfall *ff, struct footfall__request *r, struct footfall__store *store,
                              struct footfall_store_call *call)
{
    struct footfall__hasher h;
    int rc = 0;
    footfall__hasher_begin(&h, &ff->identity);
    for (size_t i = 0; i < r->count && r->unresolved > 0 && rc == 0; i++) {
        struct footfall_store_op *op = &r->ops[i];
        int other_length = 0;
        if ((op->kind != FOOTFALL_STORE_VISIT && op->kind != FOOTFALL_STORE_FORGET) || op->id_count > 0)
            continue;
        rc = footfall__hasher_visitor(&h, op, &r->people[i], call->wall_ms);
        if (rc == 1) {
            rc = footfall__identity_fetch(&ff->identity, op->now_ms, 1, store, call, &other_length);
            if (other_length)
                footfall__log(ff, FOOTFALL_LOG_WARN,
                              "the window's length differs from the one this store was used with: every visitor counts "
                              "anew once");
            if (rc == 0)
                rc = footfall__hasher_visitor(&h, op, &r->people[i], call->wall_ms);
            if (rc == 1)
                rc = FOOTFALL_STORE_TEMPORARY;
        }
        if (rc == 0)
            r->unresolved--;
    }
    footfall__hasher_end(&h);
    return rc;
}

void footfall__request_answer(const struct footfall__request *r, size_t i, struct footfall_result *out)
{
    const struct footfall_store_result *in = &r->results[i];
    memset(out, 0, sizeof *out);
    out->status = (enum footfall_status)in->status; /* the numbers are the same */
    if (in->status != FOOTFALL_STORE_OK)
        return;
    out->total = in->total;
    out->unique = in->unique;
    if (r->kind == FOOTFALL__READ) {
        out->flags = in->is_new ? FOOTFALL_EXISTS : 0;
        return;
    }
    if (in->is_new)
        out->flags |= FOOTFALL_IS_NEW;
    if (in->replayed)
        out->flags |= FOOTFALL_REPLAYED;
    if (in->current)
        out->flags |= FOOTFALL_CURRENT;
}

void footfall__request_error(const struct footfall__request *r, size_t i, struct footfall_error *err)
{
    const struct footfall_store_op *op = &r->ops[i];
    int status = r->results[i].status;
    int name_bytes = (int)op->name_bytes;
    const char *text = r->text[0] != '\0'                   ? r->text
                       : status == FOOTFALL_STORE_NO_MEMORY ? "out of memory"
                                                            : "the deadline passed";
    switch (status) {
    case FOOTFALL_STORE_OK:
        footfall__fine(err);
        return;
    case FOOTFALL_STORE_TOKEN:
        if (r->numbered)
            (void)footfall__fail(err, status, 0, "the series has gone past number %" PRIu64 " on counter \"%.*s\"",
                                 r->number, name_bytes, op->name);
        else
            (void)footfall__fail(err, status, 0, "the token belongs to another operation on counter \"%.*s\"",
                                 name_bytes, op->name);
        return;
    case FOOTFALL_STORE_RANGE:
        (void)footfall__fail(err, status, 0, "counter \"%.*s\" would leave the range of a signed 64-bit integer",
                             name_bytes, op->name);
        return;
    case FOOTFALL_STORE_ABSENT:
        (void)footfall__fail(err, status, 0, "counter \"%.*s\" does not exist", name_bytes, op->name);
        return;
    case FOOTFALL_STORE_TEMPORARY:
        (void)footfall__fail(err, status, r->native, "not applied: %s", text);
        return;
    case FOOTFALL_STORE_UNKNOWN:
        (void)footfall__fail(err, status, r->native, "outcome unknown: %s", text);
        return;
    default:
        (void)footfall__fail(err, status, r->native, "%s", text);
    }
}
