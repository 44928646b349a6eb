/* apply.c: what the operations mean, in the order in which a store must ask: series, token, must_exist, then the operation
 * itself. Room is made before the first change (footfall__memory_reserve), so that none stops halfway. */
#include "memory.h"

#include <string.h>

struct turn { /* one operation under way */
    struct memory *memory;
    const struct footfall_store_op *op;
    const struct footfall_store_call *call;
    struct footfall_store_result *result;
    struct counter *counter; /* NULL: nothing of that name */
};

static struct counter *need_counter(struct turn *turn)
{
    if (turn->counter == NULL)
        turn->counter = footfall__memory_counter_make(turn->memory, turn->op->name, turn->op->name_bytes);
    return turn->counter;
}

static void answer_numbers(struct turn *turn)
{
    turn->result->total = turn->counter != NULL ? turn->counter->total : 0;
    turn->result->unique = turn->counter != NULL ? turn->counter->unique : 0;
}

static int write_numbers(struct turn *turn, int64_t total, int64_t unique)
{
    struct counter *counter = need_counter(turn);
    footfall__memory_counter_exists(turn->memory, counter, 1);
    counter->total = total;
    counter->unique = unique;
    answer_numbers(turn);
    return FOOTFALL_STORE_OK;
}

/* ---- the five operations ----------------------------------------------------------------------------------------------- */

static int add(struct turn *turn)
{
    int64_t total = 0;
    answer_numbers(turn);
    if (__builtin_add_overflow(turn->result->total, turn->op->a, &total))
        return FOOTFALL_STORE_RANGE;
    return write_numbers(turn, total, turn->result->unique);
}

static struct record *visitor(const struct turn *turn, size_t i)
{
    if (turn->counter == NULL)
        return NULL;
    return footfall__memory_record(turn->memory, RECORD_VISITOR, turn->counter->crowd, turn->op->ids[i].bytes);
}

static void remember(struct turn *turn, int64_t time_ms)
{
    for (size_t i = 0; i < turn->op->write_count; i++) {
        struct record *record = visitor(turn, i);
        if (record == NULL)
            record = footfall__memory_record_make(turn->memory, RECORD_VISITOR, turn->counter, turn->op->ids[i].bytes,
                                                  turn->op->expire_ms);
        if (record->u.last_ms < time_ms)
            record->u.last_ms = time_ms;
        footfall__memory_record_keep(turn->memory, record, turn->op->expire_ms);
    }
}

static int visit(struct turn *turn)
{
    const struct footfall_store_op *op = turn->op;
    int seen = 0;
    int due = 0;
    int64_t last = 0;
    for (size_t i = 0; i < op->id_count; i++) {
        const struct record *record = visitor(turn, i);
        if (record != NULL && (!seen || record->u.last_ms > last)) {
            seen = 1;
            last = record->u.last_ms;
        }
    }
    due = !seen || (op->window_ms != FOOTFALL_STORE_FOREVER && op->now_ms - last >= op->window_ms);
    answer_numbers(turn);
    if (turn->result->total == INT64_MAX || (due && turn->result->unique == INT64_MAX))
        return FOOTFALL_STORE_RANGE;
    turn->result->is_new = (uint8_t)due;
    write_numbers(turn, turn->result->total + 1, turn->result->unique + due);
    if (due)
        remember(turn, op->now_ms);
    else if (op->sliding)
        remember(turn, last > op->now_ms ? last : op->now_ms);
    return FOOTFALL_STORE_OK;
}

static int delete (struct turn *turn)
{
    answer_numbers(turn);
    if (turn->counter != NULL) {
        footfall__memory_kill_visitors(turn->memory, turn->counter);
        footfall__memory_counter_exists(turn->memory, turn->counter, 0);
        turn->counter->total = turn->counter->unique = 0;
    }
    return FOOTFALL_STORE_OK;
}

static int forget(struct turn *turn)
{
    for (size_t i = 0; i < turn->op->id_count; i++) {
        struct record *record = visitor(turn, i);
        if (record != NULL)
            footfall__memory_record_drop(turn->memory, record);
    }
    answer_numbers(turn);
    return FOOTFALL_STORE_OK;
}

static int carry_out(struct turn *turn)
{
    if (turn->op->must_exist && (turn->counter == NULL || !turn->counter->exists))
        return FOOTFALL_STORE_ABSENT;
    switch (turn->op->kind) {
    case FOOTFALL_STORE_ADD:
        return add(turn);
    case FOOTFALL_STORE_VISIT:
        return visit(turn);
    case FOOTFALL_STORE_SET:
        return write_numbers(turn, turn->op->a, turn->op->b);
    case FOOTFALL_STORE_DELETE:
        return delete (turn);
    case FOOTFALL_STORE_FORGET:
        return forget(turn);
    }
    return FOOTFALL_STORE_UNSUPPORTED;
}

/* ---- tokens -------------------------------------------------------------------------------------------------------------- */

static int has_ids(const struct footfall_store_op *op)
{
    return op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
}

static int same_operation(const struct record *token, const struct footfall_store_op *op)
{
    size_t count = has_ids(op) ? op->id_count : 1;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < token->u.token.count; j++)
            if (memcmp(op->fingerprints[i], token->u.token.fingerprints[j], FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}

static void replay(struct turn *turn, int is_new)
{
    turn->result->is_new = (uint8_t)is_new;
    turn->result->replayed = turn->result->current = 1;
    answer_numbers(turn);
}

static void bind_token(struct turn *turn)
{
    const struct footfall_store_op *op = turn->op;
    struct record *token =
        footfall__memory_record_make(turn->memory, RECORD_TOKEN, need_counter(turn), op->token, op->token_expire_ms);
    token->u.token.count = has_ids(op) ? op->write_count : 1;
    token->u.token.is_new = turn->result->is_new;
    memcpy(token->u.token.fingerprints, op->fingerprints, sizeof(token->u.token.fingerprints));
}

static int apply_once(struct turn *turn)
{
    const struct record *token = NULL;
    int status = FOOTFALL_STORE_OK;
    if (turn->op->token != NULL && turn->counter != NULL)
        token = footfall__memory_record(turn->memory, RECORD_TOKEN, turn->counter->id, turn->op->token);
    if (token != NULL) {
        if (!same_operation(token, turn->op))
            return FOOTFALL_STORE_TOKEN;
        replay(turn, token->u.token.is_new);
        return FOOTFALL_STORE_OK;
    }
    status = carry_out(turn);
    if (status == FOOTFALL_STORE_OK && turn->op->token != NULL)
        bind_token(turn);
    return status;
}

/* ---- series -------------------------------------------------------------------------------------------------------------- */

static struct record *series_of(const struct turn *turn)
{
    if (turn->counter == NULL)
        return NULL;
    return footfall__memory_record(turn->memory, RECORD_SERIES, turn->counter->id, turn->call->series);
}

static void note_answer(struct turn *turn, int status)
{
    struct record *series = series_of(turn);
    int64_t expire_ms = 0;
    if (__builtin_add_overflow(turn->call->wall_ms, turn->call->series_keep_ms, &expire_ms))
        expire_ms = FOOTFALL_STORE_FOREVER;
    if (series == NULL)
        series = footfall__memory_record_make(turn->memory, RECORD_SERIES, need_counter(turn), turn->call->series,
                                              expire_ms);
    if (series->u.series.number < turn->call->series_number)
        series->u.series.count = 0;
    series->u.series.number = turn->call->series_number;
    series->u.series.answers[series->u.series.count].status = (int8_t)status;
    series->u.series.answers[series->u.series.count].is_new = turn->result->is_new;
    series->u.series.count++;
    footfall__memory_record_keep(turn->memory, series, expire_ms);
}

static int apply_numbered(struct turn *turn)
{
    struct record *series = series_of(turn);
    size_t stored = 0;
    int status = FOOTFALL_STORE_OK;
    if (series != NULL && turn->call->series_number < series->u.series.number)
        return FOOTFALL_STORE_TOKEN;
    if (series != NULL && turn->call->series_number == series->u.series.number)
        stored = series->u.series.count;
    if (turn->op->series_at < stored) {
        struct series_answer answer = series->u.series.answers[turn->op->series_at];
        replay(turn, answer.is_new);
        return answer.status;
    }
    /* An earlier one of this batch was not applied: this one, counted now, would be taken for it when both come again. */
    if (turn->op->series_at > stored)
        return FOOTFALL_STORE_TEMPORARY;
    if (series != NULL && footfall__memory_answer_room(series) != 0)
        return FOOTFALL_STORE_NO_MEMORY;
    status = apply_once(turn);
    note_answer(turn, status);
    return status;
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------- */

static int apply_one(struct memory *memory, const struct footfall_store_op *op, const struct footfall_store_call *call,
                     struct footfall_store_result *result)
{
    struct turn turn = { memory, op, call, result, NULL };
    int status = FOOTFALL_STORE_NO_MEMORY;
    if (footfall__memory_reserve(memory) != 0)
        return status;
    turn.counter = footfall__memory_counter(memory, op->name, op->name_bytes);
    status = call->series != NULL ? apply_numbered(&turn) : apply_once(&turn);
    if (turn.counter != NULL)
        footfall__memory_counter_settle(memory, turn.counter);
    return status;
}

int footfall__memory_apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                           struct footfall_store_result *results, struct footfall_store_call *call)
{
    int status = FOOTFALL_STORE_OK;
    pthread_mutex_lock(&store->memory->mutex);
    for (size_t i = 0; i < count; i++) {
        results[i] = (struct footfall_store_result){ 0 };
        /* Without memory once, the rest is not tried: a later operation must not overtake an earlier one. */
        if (status != FOOTFALL_STORE_NO_MEMORY)
            status = apply_one(store->memory, &ops[i], call, &results[i]);
        results[i].status = (enum footfall_store_status)status;
        if (status == FOOTFALL_STORE_NO_MEMORY)
            footfall__memory_fault(call, status, "out of memory");
        if (status == FOOTFALL_STORE_TEMPORARY)
            footfall__memory_fault(call, status, "an earlier operation of this numbered batch is not stored");
        if (status != FOOTFALL_STORE_OK)
            results[i].total = results[i].unique = 0;
    }
    pthread_mutex_unlock(&store->memory->mutex);
    return 0;
}
