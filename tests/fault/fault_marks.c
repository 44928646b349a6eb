/* fault_marks.c: marks by (writer, counter), writers by number, and deep copies of batches (fault_marks.h). Nothing is ever
 * dropped before the process ends: a test lasts seconds, a mark fifteen minutes. */
#include "fault_marks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

enum { BUCKETS = 1024 };

struct mark {
    struct mark *next;
    uint64_t writer, sequence, content;
    struct footfall_store_result *answers;
    size_t count, name_bytes;
    char name[200];
};
struct writer {
    struct writer *next;
    uint64_t writer, sequence, content;
    uint32_t attempt;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mark *marks[BUCKETS];
static struct writer *writers;

static uint64_t fnv(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* What an op asks for; a resend must ask for the same. */
static uint64_t content_of(const struct footfall_store_op *ops, size_t count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < count; i++) {
        const struct footfall_store_op *op = &ops[i];
        hash = fnv(hash, op->name, op->name_bytes);
        hash = fnv(hash, &op->kind, sizeof op->kind);
        hash = fnv(hash, &op->a, sizeof op->a);
        hash = fnv(hash, &op->b, sizeof op->b);
        hash = fnv(hash, &op->now_ms, sizeof op->now_ms);
        hash = fnv(hash, &op->window_ms, sizeof op->window_ms);
        hash = fnv(hash, &op->sliding, sizeof op->sliding);
        hash = fnv(hash, &op->must_exist, sizeof op->must_exist);
        if (op->id_count > 0)
            hash = fnv(hash, op->ids, op->id_count * sizeof op->ids[0]);
        if (op->token != NULL)
            hash = fnv(hash, op->token, FOOTFALL_STORE_TOKEN_BYTES);
    }
    return hash;
}

static struct mark *find(uint64_t writer, const struct footfall_store_op *op, int make)
{
    uint64_t hash = fnv(fnv(UINT64_C(0xcbf29ce484222325), &writer, sizeof writer), op->name, op->name_bytes);
    struct mark **head = &marks[hash % BUCKETS], *mark = *head;
    while (mark != NULL && (mark->writer != writer || mark->name_bytes != op->name_bytes ||
                            memcmp(mark->name, op->name, op->name_bytes) != 0))
        mark = mark->next;
    if (mark == NULL && make) {
        mark = calloc(1, sizeof *mark);
        if (mark == NULL || op->name_bytes > sizeof mark->name)
            support_die("a mark");
        mark->writer = writer;
        mark->name_bytes = op->name_bytes;
        memcpy(mark->name, op->name, op->name_bytes);
        mark->next = *head;
        *head = mark;
    }
    return mark;
}

enum fault_mark_verdict fault_marks_ask(const struct footfall_store_call *call, const struct footfall_store_op *ops,
                                        size_t count, struct footfall_store_result *results)
{
    enum fault_mark_verdict verdict = FAULT_MARK_APPLY;
    const struct mark *mark = NULL;
    pthread_mutex_lock(&lock);
    mark = find(call->writer, ops, 0);
    if (mark != NULL && mark->sequence > call->sequence)
        verdict = FAULT_MARK_LATE;
    else if (mark != NULL && mark->sequence == call->sequence) {
        verdict =
            mark->count == count && mark->content == content_of(ops, count) ? FAULT_MARK_ANSWERED : FAULT_MARK_CHANGED;
        if (verdict == FAULT_MARK_ANSWERED)
            memcpy(results, mark->answers, count * sizeof *results);
    }
    pthread_mutex_unlock(&lock);
    return verdict;
}

void fault_marks_put(const struct footfall_store_call *call, const struct footfall_store_op *ops, size_t count,
                     const struct footfall_store_result *results)
{
    struct mark *mark = NULL;
    struct footfall_store_result *answers = calloc(count, sizeof *answers);
    if (answers == NULL)
        support_die("calloc");
    memcpy(answers, results, count * sizeof *answers);
    pthread_mutex_lock(&lock);
    mark = find(call->writer, ops, 1);
    free(mark->answers);
    mark->answers = answers;
    mark->count = count;
    mark->sequence = call->sequence;
    mark->content = content_of(ops, count);
    pthread_mutex_unlock(&lock);
}

int fault_marks_in_order(const struct footfall_store_call *call, const struct footfall_store_op *ops, size_t count)
{
    struct writer *writer = NULL;
    uint64_t content = content_of(ops, count);
    int fine = call->writer < UINT64_C(1) << 48;
    pthread_mutex_lock(&lock);
    for (writer = writers; writer != NULL && writer->writer != call->writer; writer = writer->next)
        ;
    if (writer == NULL) {
        writer = calloc(1, sizeof *writer);
        if (writer == NULL)
            support_die("calloc");
        writer->writer = call->writer;
        writer->next = writers;
        writers = writer;
        fine = fine && call->attempt == 0;
    } else if (call->sequence == writer->sequence) {
        fine = fine && content == writer->content && call->attempt > writer->attempt;
    } else {
        fine = fine && call->sequence > writer->sequence && call->attempt == 0;
    }
    writer->sequence = call->sequence;
    writer->content = content;
    writer->attempt = call->attempt;
    pthread_mutex_unlock(&lock);
    return fine;
}

int fault_same_counter(const struct footfall_store_op *a, const struct footfall_store_op *b)
{
    return a->name_bytes == b->name_bytes && memcmp(a->name, b->name, a->name_bytes) == 0;
}

struct fault_batch *fault_batch_copy(const struct footfall_store_op *ops, size_t count,
                                     const struct footfall_store_call *call)
{
    struct fault_batch *batch = calloc(1, sizeof *batch);
    size_t need = FOOTFALL_STORE_SERIES_BYTES;
    unsigned char *at = NULL;
    for (size_t i = 0; i < count; i++)
        need += ops[i].name_bytes + FOOTFALL_STORE_TOKEN_BYTES;
    if (batch == NULL || (batch->ops = calloc(count + 1, sizeof *ops)) == NULL || (batch->bytes = malloc(need)) == NULL)
        support_die("malloc");
    at = batch->bytes;
    batch->count = count;
    batch->call = *call;
    if (call->series != NULL) {
        memcpy(at, call->series, FOOTFALL_STORE_SERIES_BYTES);
        batch->call.series = at;
        at += FOOTFALL_STORE_SERIES_BYTES;
    }
    for (size_t i = 0; i < count; i++) {
        batch->ops[i] = ops[i];
        memcpy(at, ops[i].name, ops[i].name_bytes);
        batch->ops[i].name = (const char *)at;
        at += ops[i].name_bytes;
        if (ops[i].token != NULL) {
            memcpy(at, ops[i].token, FOOTFALL_STORE_TOKEN_BYTES);
            batch->ops[i].token = at;
            at += FOOTFALL_STORE_TOKEN_BYTES;
        }
    }
    return batch;
}

void fault_batch_free(struct fault_batch *batch)
{
    free(batch->ops);
    free(batch->bytes);
    free(batch);
}
