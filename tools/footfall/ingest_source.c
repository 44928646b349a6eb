/* ingest_source.c: where batches come from: the files in order, read and parsed one batch ahead on a thread of its own, while
 * the batch before is being applied. */
#include "ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- filling one batch ------------------------------------------------------------------------------------------------ */

static void hash_operations(struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *name = batch->ops[i].name;
        uint64_t mixed = footfall__ingest_hash(name, strlen(name)) + (uint64_t)batch->visitors[i].now_ms;
        batch->names = (batch->names ^ mixed) * UINT64_C(0x9e3779b97f4a7c15);
        batch->names ^= batch->names >> 29;
    }
}

/* 0, or -1: batch->error. */
static int open_next(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    const struct footfall_ingest_file *file = &s->files[s->file];
    int fd = footfall__ingest_open(file);
    s->lines = file->start.lines;
    s->inside_line = file->start.inside_line;
    batch->reached = (struct footfall_ingest_where){ s->file, s->lines };
    if (fd < 0 || footfall__ingest_begin(&s->reader, fd, &file->start, s->stop) != 0) {
        batch->error = errno;
        if (fd >= 0)
            footfall__ingest_close(&s->reader);
        return -1;
    }
    s->opened = 1;
    return 0;
}

static void close_file(struct footfall_ingest_source *s)
{
    s->consumed += s->reader.offset - s->files[s->file].start.offset;
    footfall__ingest_close(&s->reader);
    s->opened = 0;
    s->file++;
}

/* What an earlier run counted without its newline may have grown: up to the newline it is no line of its own.
 * 1: passed; 0: not yet there; -1: errno. */
static int pass_rest_of_line(struct footfall_ingest_source *s)
{
    struct footfall_ingest_text text = { NULL, 0, 0, 0 };
    int got = footfall__ingest_line(&s->reader, &text);
    if (got == 1 && !text.complete) {
        footfall__ingest_put_back(&s->reader);
        got = 0;
    }
    if (got == 1)
        s->inside_line = 0;
    return got;
}

/* Lines of the current file. 1: it ends; 0: the batch is full or ends; batch->end says which. */
static int fill_from_file(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, size_t most)
{
    struct footfall_ingest_text text = { NULL, 0, 0, 0 };
    while (batch->count < most) {
        int got = footfall__ingest_line(&s->reader, &text);
        enum footfall_ingest_verdict verdict = FOOTFALL_INGEST_SKIPPED;
        if (got < 0)
            goto unreadable;
        if (got == 0)
            return 1;
        batch->reached = (struct footfall_ingest_where){ s->file, s->lines + 1 };
        verdict = footfall__ingest_judge(batch, s->rules, &s->memory, &text, s->resume);
        if (verdict == FOOTFALL_INGEST_UNFINISHED || verdict == FOOTFALL_INGEST_REFUSED) {
            footfall__ingest_put_back(&s->reader);
            batch->left = verdict == FOOTFALL_INGEST_UNFINISHED;
            batch->end = verdict == FOOTFALL_INGEST_REFUSED ? FOOTFALL_INGEST_STOPPED : FOOTFALL_INGEST_MORE;
            return verdict == FOOTFALL_INGEST_UNFINISHED;
        }
        if (verdict == FOOTFALL_INGEST_OUT_OF_MEMORY) {
            errno = ENOMEM;
            goto unreadable;
        }
        s->lines++;
        s->inside_line = !text.complete;
    }
    return 0;
unreadable:
    batch->end = FOOTFALL_INGEST_UNREADABLE;
    batch->error = errno;
    return 0;
}

static void mark(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    footfall__ingest_mark(&s->reader, &batch->last);
    batch->last.lines = s->lines;
    batch->last.inside_line = s->inside_line;
    batch->file = s->file;
}

static int64_t time_limit(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + FOOTFALL_INGEST_AHEAD_MS;
}

void footfall__ingest_fill(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch, size_t most)
{
    struct footfall_ingest_source *s = source;
    int ended = 0;
    batch->limit_ms = s->limit_ms != 0 ? s->limit_ms : time_limit();
    while (s->file < s->file_count && batch->end == FOOTFALL_INGEST_MORE && batch->count < most) {
        if (!s->opened && open_next(s, batch) != 0) {
            batch->end = FOOTFALL_INGEST_UNREADABLE;
            return;
        }
        if (s->inside_line && pass_rest_of_line(s) < 0) {
            batch->end = FOOTFALL_INGEST_UNREADABLE;
            batch->error = errno;
            return;
        }
        batch->first = s->reader.offset + s->reader.pending;
        ended = s->inside_line || fill_from_file(s, batch, most);
        if (s->resume)
            mark(s, batch);
        if (ended)
            close_file(s);
        if (s->resume)
            break;
    }
    if (batch->end == FOOTFALL_INGEST_MORE && s->file == s->file_count)
        batch->end = FOOTFALL_INGEST_INPUT_ENDS;
    batch->consumed = s->consumed;
    if (s->opened)
        batch->consumed += s->reader.offset + s->reader.pending - s->files[s->file].start.offset;
    if (s->resume)
        hash_operations(batch);
}

void footfall__ingest_source_free(struct footfall_ingest_source *source)
{
    if (source->opened)
        footfall__ingest_close(&source->reader);
    footfall__ingest_forget(&source->memory);
    free(source->reader.buffer);
    source->reader.buffer = NULL;
    source->opened = 0;
}

/* ---- one batch ahead -------------------------------------------------------------------------------------------------- */

struct footfall_ingest_pipe {
    struct footfall_ingest_source *source;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct footfall_ingest_batch batches[2];
    int full[2];
    int given; /* the batch that the caller has, -1: none */
    int next;  /* to be given */
    int closing;
};

static void *produce(void *user)
{
    struct footfall_ingest_pipe *pipe = user;
    enum footfall_ingest_end end = FOOTFALL_INGEST_MORE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (int at = 0; end == FOOTFALL_INGEST_MORE; at = !at) {
        int closing = 0;
        pthread_mutex_lock(&pipe->lock);
        while (pipe->full[at] && !pipe->closing)
            pthread_cond_wait(&pipe->changed, &pipe->lock);
        closing = pipe->closing;
        pthread_mutex_unlock(&pipe->lock);
        if (closing)
            break;
        footfall__ingest_batch_clear(&pipe->batches[at]);
        footfall__ingest_fill(pipe->source, &pipe->batches[at], FOOTFALL_INGEST_BATCH);
        end = pipe->batches[at].end;
        pthread_mutex_lock(&pipe->lock);
        pipe->full[at] = 1;
        pthread_cond_broadcast(&pipe->changed);
        pthread_mutex_unlock(&pipe->lock);
    }
    return NULL;
}

static void free_pipe(struct footfall_ingest_pipe *pipe)
{
    for (int i = 0; i < 2; i++)
        footfall__ingest_batch_free(&pipe->batches[i]);
    pthread_cond_destroy(&pipe->changed);
    pthread_mutex_destroy(&pipe->lock);
    free(pipe);
}

struct footfall_ingest_pipe *footfall__ingest_pipe_open(struct footfall_ingest_source *source)
{
    struct footfall_ingest_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        return NULL;
    pipe->source = source;
    pipe->given = -1;
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_cond_init(&pipe->changed, NULL);
    for (int i = 0; i < 2; i++)
        if (footfall__ingest_batch_open(&pipe->batches[i], FOOTFALL_INGEST_BATCH) != 0) {
            free_pipe(pipe);
            return NULL;
        }
    if (pthread_create(&pipe->thread, NULL, produce, pipe) != 0) {
        free_pipe(pipe);
        return NULL;
    }
    return pipe;
}

struct footfall_ingest_batch *footfall__ingest_pipe_next(struct footfall_ingest_pipe *pipe)
{
    int at = pipe->next;
    pthread_mutex_lock(&pipe->lock);
    if (pipe->given >= 0) {
        pipe->full[pipe->given] = 0;
        pthread_cond_broadcast(&pipe->changed);
    }
    while (!pipe->full[at])
        pthread_cond_wait(&pipe->changed, &pipe->lock);
    pipe->given = at;
    pipe->next = !at;
    pthread_mutex_unlock(&pipe->lock);
    return &pipe->batches[at];
}

void footfall__ingest_pipe_close(struct footfall_ingest_pipe *pipe)
{
    if (pipe == NULL)
        return;
    pthread_mutex_lock(&pipe->lock);
    pipe->closing = 1;
    pthread_cond_broadcast(&pipe->changed);
    pthread_mutex_unlock(&pipe->lock);
    pthread_cancel(pipe->thread); /* it may wait for input that never comes */
    pthread_join(pipe->thread, NULL);
    free_pipe(pipe);
}
