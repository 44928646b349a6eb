/* decide.c: what an operation does and answers, on the overlay alone: the rules of docs/semantics.md. Whatever can refuse it
 * is looked at before anything changes. */
#include "store.h"

#include <string.h>

int footfall__sqlite_is_due(const struct footfall_store_op *op, int has_last, int64_t last)
{
    if (!has_last)
        return 1;
    if (op->window_ms == FOOTFALL_STORE_FOREVER || op->now_ms < last)
        return 0;
    return (uint64_t)op->now_ms - (uint64_t)last >= (uint64_t)op->window_ms;
}

static void answer(struct footfall_store_result *result, const struct footfall_sqlite_counter *counter, int is_new)
{
    result->status = FOOTFALL_STORE_OK;
    result->is_new = (uint8_t)is_new;
    result->total = counter->total;
    result->unique = counter->unique;
}

static void replay(struct footfall_store_result *result, const struct footfall_sqlite_counter *counter, int is_new)
{
    answer(result, counter, is_new);
    result->replayed = 1;
    result->current = 1;
}

/* A counter about to exist, or to be referred to, needs a row. */
static int change_counter(struct footfall_sqlite *store, uint32_t at, int64_t total, int64_t unique, int present)
{
    struct footfall_sqlite_counter *counter = &store->counters[at];
    if (counter->id == 0 || counter->present != present)
        counter->row_changed = 1;
    counter->present = (uint8_t)present;
    counter->total = total;
    counter->unique = unique;
    counter->numbers_changed = 1;
    return footfall__sqlite_counter_changed(store, at);
}

static int refer_to_counter(struct footfall_sqlite *store, uint32_t at)
{
    struct footfall_sqlite_counter *counter = &store->counters[at];
    if (counter->id != 0)
        return SQLITE_OK;
    counter->row_changed = 1;
    return footfall__sqlite_counter_changed(store, at);
}

/* ---- visits */

static int find_visitor(struct footfall_sqlite *store, struct footfall_sqlite_visitor **out,
                        const struct footfall_store_op *op, unsigned which, struct footfall_sqlite_touch *touch)
{
    uint32_t at;
    int rc = footfall__sqlite_visitor_at(store, &at, op, which, touch);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_load_visitor(store, at);
    *out = rc == SQLITE_OK ? &store->batch.visitors[at] : NULL;
    return rc;
}

/* Visitors of a counter that had none, or was deleted, get a key that no record has. */
int footfall__sqlite_give_key(struct footfall_sqlite *store, struct footfall_sqlite_counter *counter)
{
    int rc = SQLITE_OK;
    if (counter->k != 0)
        return SQLITE_OK;
    rc = footfall__sqlite_load_next_k(store);
    if (rc == SQLITE_OK) {
        counter->k = store->next_k++;
        counter->row_changed = 1;
    }
    return rc;
}

static int put_visitor(struct footfall_sqlite *store, const struct footfall_store_op *op, unsigned which,
                       struct footfall_sqlite_touch *touch, int64_t time)
{
    struct footfall_sqlite_visitor *visitor;
    int rc = find_visitor(store, &visitor, op, which, touch);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_give_key(store, &store->counters[touch->counter]);
    if (rc != SQLITE_OK)
        return rc;
    if (visitor->there) { /* neither ever goes back */
        if (visitor->time > time)
            time = visitor->time;
        if (visitor->time == time && visitor->expire >= op->expire_ms)
            return SQLITE_OK;
    }
    visitor->expire = visitor->there && visitor->expire > op->expire_ms ? visitor->expire : op->expire_ms;
    visitor->time = time;
    visitor->there = visitor->changed = 1;
    store->batch.epochs |= UINT64_C(1) << ((uint64_t)visitor->epoch % 64);
    store->batch.dirty = 1;
    return SQLITE_OK;
}

/* The latest time found under the visitor's ids; a fixed window needs no second look when the first says "not due". */
static int last_visit(struct footfall_sqlite *store, const struct footfall_store_op *op,
                      struct footfall_sqlite_touch *touch, int *has_last, int64_t *last)
{
    *has_last = 0;
    *last = 0;
    for (unsigned which = 0; which < op->id_count; which++) {
        struct footfall_sqlite_visitor *visitor;
        int maybe;
        int rc = footfall__sqlite_may_exist(store, &maybe, touch->counter, op->epochs[which]);
        if (rc == SQLITE_OK && !maybe)
            continue;
        if (rc == SQLITE_OK)
            rc = find_visitor(store, &visitor, op, which, touch);
        if (rc != SQLITE_OK)
            return rc;
        if (visitor->there && (!*has_last || visitor->time > *last)) {
            *has_last = 1;
            *last = visitor->time;
        }
        if (!op->sliding && !footfall__sqlite_is_due(op, *has_last, *last))
            break;
    }
    return SQLITE_OK;
}

static int count_visit(struct footfall_sqlite *store, uint32_t counter_at, int is_new,
                       struct footfall_store_result *result)
{
    const struct footfall_sqlite_counter *counter = &store->counters[counter_at];
    int rc = change_counter(store, counter_at, counter->total + 1, counter->unique + is_new, 1);
    answer(result, counter, is_new);
    return rc;
}

static int visit(struct footfall_sqlite *store, const struct footfall_store_op *op, struct footfall_sqlite_touch *touch,
                 struct footfall_store_result *result)
{
    const struct footfall_sqlite_counter *counter = &store->counters[touch->counter];
    int64_t last;
    int has_last;
    int is_new;
    int64_t time;
    int rc;
    if (touch->visitors[0] != 0) {
        const struct footfall_sqlite_visitor *newer = &store->batch.visitors[touch->visitors[0] - 1];
        if (footfall__sqlite_is_claimed(newer, (size_t)(touch - store->batch.touches)))
            return count_visit(store, touch->counter, newer->claim == FOOTFALL_CLAIM_NEW, result);
    }
    rc = last_visit(store, op, touch, &has_last, &last);
    if (rc != SQLITE_OK)
        return rc;
    is_new = footfall__sqlite_is_due(op, has_last, last);
    if (counter->total == INT64_MAX || (is_new && counter->unique == INT64_MAX)) {
        result->status = FOOTFALL_STORE_RANGE;
        return SQLITE_OK;
    }
    time = has_last && last > op->now_ms ? last : op->now_ms;
    if (is_new || op->sliding)
        for (unsigned which = 0; which < op->write_count && rc == SQLITE_OK; which++)
            rc = put_visitor(store, op, which, touch, time);
    return rc == SQLITE_OK ? count_visit(store, touch->counter, is_new, result) : rc;
}

static int forget(struct footfall_sqlite *store, const struct footfall_store_op *op,
                  struct footfall_sqlite_touch *touch, struct footfall_store_result *result)
{
    for (unsigned which = 0; which < op->id_count; which++) {
        struct footfall_sqlite_visitor *visitor;
        int rc = find_visitor(store, &visitor, op, which, touch);
        if (rc != SQLITE_OK)
            return rc;
        if (!visitor->there)
            continue;
        visitor->there = 0;
        visitor->changed = visitor->renewed = 1;
        store->batch.dirty = 1;
    }
    answer(result, &store->counters[touch->counter], 0);
    return SQLITE_OK;
}

/* ---- the other kinds */

static int add_delta(struct footfall_sqlite *store, const struct footfall_store_op *op, uint32_t counter_at,
                     struct footfall_store_result *result)
{
    const struct footfall_sqlite_counter *counter = &store->counters[counter_at];
    int rc = SQLITE_OK;
    if (op->a >= 0 ? counter->total > INT64_MAX - op->a : counter->total < INT64_MIN - op->a) {
        result->status = FOOTFALL_STORE_RANGE;
        return SQLITE_OK;
    }
    if (op->a != 0 || !counter->present)
        rc = change_counter(store, counter_at, counter->total + op->a, counter->unique, 1);
    answer(result, counter, 0);
    return rc;
}

static int set_numbers(struct footfall_sqlite *store, const struct footfall_store_op *op, uint32_t counter_at,
                       struct footfall_store_result *result)
{
    int rc = change_counter(store, counter_at, op->a, op->b, 1);
    answer(result, &store->counters[counter_at], 0);
    return rc;
}

static int delete_counter(struct footfall_sqlite *store, uint32_t counter_at, struct footfall_store_result *result)
{
    struct footfall_sqlite_counter *counter = &store->counters[counter_at];
    answer(result, counter, 0);
    if (!counter->present)
        return SQLITE_OK;
    counter->k = 0; /* the next visitor gets a key that no record has */
    counter->generation++;
    return change_counter(store, counter_at, 0, 0, 0);
}

/* ---- tokens and series */

static int same_operation(const struct footfall_store_op *op, const struct footfall_sqlite_token *token)
{
    uint32_t count = op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET ? op->id_count : 1;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < token->fingerprint_count; j++)
            if (memcmp(op->fingerprints[i], token->fingerprints[j], FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}

static int bind_token(struct footfall_sqlite *store, const struct footfall_store_op *op, uint32_t at, int is_new)
{
    struct footfall_sqlite_token *token = &store->batch.tokens[at];
    token->there = token->changed = 1;
    token->is_new = (uint8_t)is_new;
    token->expire = op->token_expire_ms;
    token->fingerprint_count = 1;
    if ((op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET) && op->write_count == 2)
        token->fingerprint_count = 2;
    memcpy(token->fingerprints, op->fingerprints, sizeof token->fingerprints);
    store->batch.dirty = 1;
    return refer_to_counter(store, token->counter);
}

static int decide_kind(struct footfall_sqlite *store, const struct footfall_store_op *op,
                       struct footfall_sqlite_touch *touch, struct footfall_store_result *result)
{
    if (op->must_exist && !store->counters[touch->counter].present) {
        result->status = FOOTFALL_STORE_ABSENT;
        return SQLITE_OK;
    }
    switch (op->kind) {
    case FOOTFALL_STORE_ADD:
        return add_delta(store, op, touch->counter, result);
    case FOOTFALL_STORE_VISIT:
        return visit(store, op, touch, result);
    case FOOTFALL_STORE_SET:
        return set_numbers(store, op, touch->counter, result);
    case FOOTFALL_STORE_DELETE:
        return delete_counter(store, touch->counter, result);
    case FOOTFALL_STORE_FORGET:
        return forget(store, op, touch, result);
    }
    return SQLITE_MISUSE;
}

static int decide_with_token(struct footfall_sqlite *store, const struct footfall_store_op *op,
                             struct footfall_sqlite_touch *touch, struct footfall_store_result *result)
{
    const struct footfall_sqlite_token *token;
    uint32_t at;
    int rc;
    if (op->token == NULL)
        return decide_kind(store, op, touch, result);
    rc = footfall__sqlite_token_at(store, &at, op->token, touch->counter);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_load_token(store, at);
    if (rc != SQLITE_OK)
        return rc;
    token = &store->batch.tokens[at];
    if (token->there) {
        if (same_operation(op, token))
            replay(result, &store->counters[touch->counter], token->is_new);
        else
            result->status = FOOTFALL_STORE_TOKEN;
        return SQLITE_OK;
    }
    rc = decide_kind(store, op, touch, result);
    if (rc == SQLITE_OK && result->status == FOOTFALL_STORE_OK)
        rc = bind_token(store, op, at, result->is_new);
    return rc;
}

static uint8_t series_code(const struct footfall_store_result *result)
{
    switch (result->status) {
    case FOOTFALL_STORE_RANGE:
        return FOOTFALL_SERIES_RANGE;
    case FOOTFALL_STORE_TOKEN:
        return FOOTFALL_SERIES_TOKEN;
    case FOOTFALL_STORE_ABSENT:
        return FOOTFALL_SERIES_ABSENT;
    default:
        return result->is_new ? FOOTFALL_SERIES_OK_NEW : FOOTFALL_SERIES_OK;
    }
}

static void replay_series(struct footfall_store_result *result, const struct footfall_sqlite_counter *counter,
                          uint8_t code)
{
    replay(result, counter, code == FOOTFALL_SERIES_OK_NEW);
    if (code == FOOTFALL_SERIES_OK || code == FOOTFALL_SERIES_OK_NEW)
        return;
    result->total = result->unique = 0;
    result->status = code == FOOTFALL_SERIES_RANGE   ? FOOTFALL_STORE_RANGE
                     : code == FOOTFALL_SERIES_TOKEN ? FOOTFALL_STORE_TOKEN
                                                     : FOOTFALL_STORE_ABSENT;
}

int footfall__sqlite_decide(struct footfall_sqlite *store, const struct footfall_store_op *op,
                            struct footfall_sqlite_touch *touch, struct footfall_store_result *result,
                            const struct footfall_store_call *call)
{
    int rc;
    memset(result, 0, sizeof *result);
    if (call->series != NULL && store->counters[touch->counter].series_state == FOOTFALL_SERIES_LOWER) {
        result->status = FOOTFALL_STORE_TOKEN;
        return SQLITE_OK;
    }
    if (call->series != NULL && touch->series_code != FOOTFALL_SERIES_NOT_STORED) {
        replay_series(result, &store->counters[touch->counter], touch->series_code);
        return SQLITE_OK;
    }
    rc = decide_with_token(store, op, touch, result);
    if (rc != SQLITE_OK || call->series == NULL)
        return rc;
    touch->series_code = series_code(result);
    touch->series_added = 1;
    store->batch.series_touched = 1;
    store->batch.dirty = 1;
    rc = refer_to_counter(store, touch->counter);
    return rc == SQLITE_OK ? footfall__sqlite_counter_changed(store, touch->counter) : rc;
}
