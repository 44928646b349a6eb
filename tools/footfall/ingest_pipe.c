/* ingest_pipe.c: batches are read and parsed one ahead on a thread of its own, while the batch before is being applied. */
#include "ingest.h"

#include <pthread.h>
#include <stdlib.h>

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
