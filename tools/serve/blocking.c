/* blocking.c: two threads for what has to wait for the store (lists, pings), and a short queue before them. */
#include "server.h"

#include <stddef.h>

enum { QUEUE_MAX = 64 };

static struct footfall_serve_connection *next_of(struct footfall_serve_blocking *b)
{
    struct footfall_serve_connection *c = b->first;
    if (c == NULL)
        return NULL;
    b->first = c->next;
    if (b->first == NULL)
        b->last = NULL;
    c->next = NULL;
    b->length--;
    return c;
}

static void *run(void *user)
{
    struct footfall_serve_blocking *b = user;
    pthread_mutex_lock(&b->lock);
    while (!b->ending) {
        struct footfall_serve_connection *c = next_of(b);
        if (c == NULL) {
            pthread_cond_wait(&b->changed, &b->lock);
            continue;
        }
        pthread_mutex_unlock(&b->lock);
        footfall__web_block(c->request.exchange);
        footfall__serve_back(c);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

int footfall__serve_block(struct footfall_serve_connection *c)
{
    struct footfall_serve_blocking *b = &c->loop->server->blocking;
    int is_taken = 0;
    pthread_mutex_lock(&b->lock);
    is_taken = b->length < QUEUE_MAX;
    if (is_taken) {
        c->next = NULL;
        if (b->last != NULL)
            b->last->next = c;
        else
            b->first = c;
        b->last = c;
        b->length++;
        pthread_cond_signal(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return is_taken ? 0 : -1;
}

int footfall__serve_blocking_start(struct footfall_serve *server)
{
    struct footfall_serve_blocking *b = &server->blocking;
    for (; b->started < (int)(sizeof b->threads / sizeof b->threads[0]); b->started++) {
        int reason = footfall__serve_thread(&b->threads[b->started], run, b);
        if (reason != 0)
            return reason;
    }
    return 0;
}

void footfall__serve_blocking_end(struct footfall_serve *server)
{
    struct footfall_serve_blocking *b = &server->blocking;
    pthread_mutex_lock(&b->lock);
    b->ending = 1;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    while (b->started > 0)
        pthread_join(b->threads[--b->started], NULL);
}
