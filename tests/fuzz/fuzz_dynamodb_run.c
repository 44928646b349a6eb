/* fuzz_dynamodb_run.c: a batch, a second attempt at it and another batch, against a service that answers what the input says, in
 * words of the protocol and outside it (dynamodb_replies.h), while some allocation may fail. Whatever comes, each apply ends and
 * gives every operation a status; nothing is called counted unless a reply said so; nothing leaks. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "dynamodb_replies.h"
#include "group.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { OPS_MOST = 12, REQUESTS = 200, UNTOUCHED = 77 };

#define must(holds) ((holds) ? (void)0 : fail_at(__LINE__))

static void fail_at(int line)
{
    fprintf(stderr, "line %d does not hold\n", line);
    abort();
}

static int refuse_in = -1;

static int refuse(void *user)
{
    (void)user;
    return refuse_in >= 0 && refuse_in-- == 0;
}

static uint8_t tokens[3][FOOTFALL_STORE_TOKEN_BYTES] = { { 1 }, { 2 }, { 3 } };
static const uint8_t series[FOOTFALL_STORE_SERIES_BYTES] = { 7 };

static void make_op(struct footfall_store_op *op, struct fuzz_bytes *from)
{
    static const int64_t amounts[] = { 1, -1, 5, INT64_MAX, INT64_MIN, 0, 2, 1 };
    static const int64_t times[] = { 0, -7200000, 10, 7200000 };
    uint8_t what = fuzz_byte(from);
    uint8_t more = fuzz_byte(from);
    memset(op, 0, sizeof(*op));
    op->kind = (enum footfall_store_kind)(1 + what % 5);
    op->name = what & 0x80 ? "a" : "b";
    op->name_bytes = 1;
    op->a = amounts[more % 8];
    op->b = amounts[(more >> 3) % 8] & INT64_MAX;
    op->id_count = op->kind == FOOTFALL_STORE_FORGET || more & 1 ? 2 : 1;
    op->write_count = op->id_count == 2 && more & 2 ? 2 : 1;
    op->ids[0].bytes[0] = (uint8_t)(more >> 6);
    op->ids[1].bytes[0] = (uint8_t)(0x10 + (more >> 6));
    op->now_ms = FUZZ_NOW_MS + times[more >> 2 & 3];
    op->window_ms = what & 0x40 ? FOOTFALL_STORE_FOREVER : 1000;
    op->expire_ms = what & 0x40 ? FOOTFALL_STORE_FOREVER : FUZZ_NOW_MS + 3600000;
    op->sliding = more >> 4 & 1;
    op->must_exist = (what & 0x30) == 0x30;
    op->token = what & 8 ? tokens[more % 3] : NULL;
    op->token_expire_ms = FUZZ_NOW_MS + 3600000;
    memset(op->fingerprints, more >> 7, sizeof(op->fingerprints));
}

/* Its statuses, all of them, and none that says more than is known. */
static void check(const struct footfall_store_op *ops, const struct footfall_store_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct footfall_store_result *r = &results[i];
        int status = (int)r->status;
        must(status != UNTOUCHED);
        must(status == FOOTFALL_STORE_OK || status == FOOTFALL_STORE_TOKEN || status == FOOTFALL_STORE_RANGE ||
             status == FOOTFALL_STORE_TEMPORARY || status == FOOTFALL_STORE_UNKNOWN ||
             status == FOOTFALL_STORE_BROKEN || status == FOOTFALL_STORE_NO_MEMORY || status == FOOTFALL_STORE_ABSENT);
        must(status == FOOTFALL_STORE_OK || (!r->is_new && !r->replayed && r->total == 0 && r->unique == 0));
        must(status != FOOTFALL_STORE_ABSENT || ops[i].must_exist);
        must(!r->is_new || r->replayed || ops[i].kind == FOOTFALL_STORE_VISIT);
        if (status == FOOTFALL_STORE_OK && !r->replayed && ops[i].kind <= FOOTFALL_STORE_SET)
            must(fuzz_replies_confirmed());
    }
}

static void apply(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                  struct footfall_store_call *call, struct footfall_store_result *results)
{
    char text[256] = "";
    int undecided = 0;
    int rc = 0;
    call->text = text;
    call->text_bytes = sizeof(text);
    memset(results, 0, count * sizeof(*results));
    for (size_t i = 0; i < count; i++)
        results[i].status = (enum footfall_store_status)UNTOUCHED;
    rc = footfall__dynamodb_apply(store, ops, count, results, call);
    must(rc == 0 || rc == FOOTFALL_STORE_NO_MEMORY);
    if (rc != 0)
        return;
    check(ops, results, count);
    for (size_t i = 0; i < count; i++)
        undecided |= results[i].status == FOOTFALL_STORE_BROKEN || results[i].status == FOOTFALL_STORE_NO_MEMORY;
    must(!undecided || text[0] != '\0');
}

static int is_same(const struct footfall_store_result *a, const struct footfall_store_result *b)
{
    return a->status == b->status && a->is_new == b->is_new && a->replayed == b->replayed && a->current == b->current &&
           a->total == b->total && a->unique == b->unique;
}

/* An answer that was given is given again. */
static void check_again(const struct footfall_store_result *first, const struct footfall_store_result *second,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (first[i].status == FOOTFALL_STORE_OK || first[i].status == FOOTFALL_STORE_RANGE ||
            first[i].status == FOOTFALL_STORE_TOKEN || first[i].status == FOOTFALL_STORE_ABSENT)
            must(is_same(&first[i], &second[i]));
}

static size_t make_batch(struct footfall_store_op *ops, struct fuzz_bytes *from)
{
    size_t count = 1 + fuzz_byte(from) % OPS_MOST;
    uint32_t of_a = 0;
    uint32_t of_b = 0;
    for (size_t i = 0; i < count; i++) {
        make_op(&ops[i], from);
        ops[i].series_at = ops[i].name[0] == 'a' ? of_a++ : of_b++;
    }
    return count;
}

static void run(struct footfall_store *store, struct fuzz_bytes *from)
{
    struct footfall_store_op ops[OPS_MOST];
    struct footfall_store_result first[OPS_MOST];
    struct footfall_store_result second[OPS_MOST];
    struct footfall_store_call call = { .writer = 5, .wall_ms = FUZZ_NOW_MS, .mark_keep_ms = 900000 };
    uint8_t way = fuzz_byte(from);
    store->atomic = way & 1;
    call.series = way & 2 ? series : NULL;
    call.series_number = way >> 2 & 3;
    call.series_keep_ms = 1000;
    fuzz_replies_memory(way & 0x10 ? fuzz_byte(from) * 4 : -1);
    refuse_in = way & 0x20 ? fuzz_byte(from) : -1;
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        size_t count = make_batch(ops, from);
        call.sequence = sequence;
        call.attempt = 0;
        fuzz_replies_begin(from, REQUESTS);
        apply(store, ops, count, &call, first);
        memcpy(second, first, sizeof(second));
        for (call.attempt = 1; call.attempt <= 2; call.attempt++) {
            apply(store, ops, count, &call, second);
            if (store->batch != NULL && store->batch->live)
                check_again(first, second, count);
            memcpy(first, second, sizeof(second));
        }
        *from = fuzz_replies_rest();
        call.series_number++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_bytes from = { bytes, size };
    struct footfall_store store = { .table = "T", .key_table = "T-keys", .random_state = 1 };
    memset(store.marker.writer, 6, sizeof(store.marker.writer));
    footfall__alloc_hook(refuse, NULL);
    run(&store, &from);
    footfall__dynamodb_batch_free(&store);
    footfall__dynamodb_memory_free(&store.memory);
    footfall__alloc_hook(NULL, NULL);
    fuzz_replies_memory(-1);
    return 0;
}
