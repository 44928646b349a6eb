/* ingest_pipe.c: batches are read and parsed one ahead on a thread of its own, while the batch before is being applied. */
#include "ingest.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define POLL_MS 250
#define FIRST 4096 /* operations */
#define FEWEST 256
#define QUICK_MS 500  /* in less than this a batch may be larger, */
#define SLOW_MS 10000 /* in more than that it is too large */

struct footfall_ingest_pipe {
    struct footfall_ingest_source *source;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct footfall_ingest_batch batches[2];
    int full[2];
    int given; /* the batch that the caller has, -1: none */
    int next;  /* to be given */
    size_t most;
    int closing;
};

static struct timespec after_ms(int64_t ms)
{
    struct timespec at = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* With the lock, which is not held while the log is looked at. */
static void wait_for_room(struct footfall_ingest_pipe *pipe)
{
    struct timespec until = after_ms(POLL_MS);
    if (pipe->source->follow == NULL) {
        pthread_cond_wait(&pipe->changed, &pipe->lock);
    } else if (pthread_cond_timedwait(&pipe->changed, &pipe->lock, &until) != 0) {
        pthread_mutex_unlock(&pipe->lock);
        footfall__ingest_follow_watch(pipe->source);
        pthread_mutex_lock(&pipe->lock);
    }
}

/* Waits until the batch is free, and while nothing is there to be read. 0: there is to be none. */
static int may_fill(struct footfall_ingest_pipe *pipe, int at, int idle, size_t *most)
{
    struct timespec until = after_ms(POLL_MS);
    int going = 0;
    pthread_mutex_lock(&pipe->lock);
    while (pipe->full[at] && !pipe->closing)
        wait_for_room(pipe);
    while (idle && !pipe->closing)
        idle = pthread_cond_timedwait(&pipe->changed, &pipe->lock, &until) == 0;
    *most = pipe->most;
    going = !pipe->closing;
    pthread_mutex_unlock(&pipe->lock);
    return going;
}

static void *produce(void *user)
{
    struct footfall_ingest_pipe *pipe = user;
    struct footfall_ingest_batch *batch = NULL;
    int at = 0;
    size_t most = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (int idle = 0; may_fill(pipe, at, idle, &most); idle = batch->idle) {
        batch = &pipe->batches[at];
        footfall__ingest_batch_clear(batch);
        footfall__ingest_fill(pipe->source, batch, most);
        if (batch->idle && !footfall__ingest_has_something(batch))
            continue;
        pthread_mutex_lock(&pipe->lock);
        pipe->full[at] = 1;
        pthread_cond_broadcast(&pipe->changed);
        pthread_mutex_unlock(&pipe->lock);
        if (batch->end != FOOTFALL_INGEST_MORE)
            break;
        at = !at;
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

static void open_locks(struct footfall_ingest_pipe *pipe)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pipe->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct footfall_ingest_pipe *footfall__ingest_pipe_open(struct footfall_ingest_source *source)
{
    struct footfall_ingest_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        return NULL;
    pipe->source = source;
    pipe->given = -1;
    pipe->most = FIRST;
    open_locks(pipe);
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

const struct footfall_ingest_batch *footfall__ingest_pipe_next(struct footfall_ingest_pipe *pipe)
{
    const struct footfall_ingest_batch *batch = NULL;
    struct timespec until = after_ms(POLL_MS);
    int at = pipe->next, waited = 0;
    pthread_mutex_lock(&pipe->lock);
    if (pipe->given >= 0) {
        pipe->full[pipe->given] = 0;
        pipe->given = -1;
        pthread_cond_broadcast(&pipe->changed);
    }
    while (!pipe->full[at] && waited == 0)
        waited = pthread_cond_timedwait(&pipe->changed, &pipe->lock, &until);
    if (pipe->full[at]) {
        batch = &pipe->batches[at];
        pipe->given = at;
        pipe->next = !at;
    }
    pthread_mutex_unlock(&pipe->lock);
    return batch;
}

void footfall__ingest_pipe_took(struct footfall_ingest_pipe *pipe, size_t count, int64_t ms)
{
    pthread_mutex_lock(&pipe->lock);
    if (ms < QUICK_MS && count >= pipe->most && pipe->most < FOOTFALL_INGEST_BATCH)
        pipe->most *= 4;
    else if (ms > SLOW_MS && count / 2 < pipe->most)
        pipe->most = count / 2 > FEWEST ? count / 2 : FEWEST;
    if (pipe->most > FOOTFALL_INGEST_BATCH)
        pipe->most = FOOTFALL_INGEST_BATCH;
    pthread_mutex_unlock(&pipe->lock);
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
