/* dynamodb.c: what bench_dynamodb.py measures of the DynamoDB backend: visits a second by one caller, in batches, and under way at
 * once.
 *
 *     dynamodb visits URL TABLE ATOMIC COUNTER single|apply|submit DEPTH FIRST VISITORS COUNT
 *         COUNT visits by VISITORS visitors from number FIRST on, over and over (in leaps, so that neighbours in the store are not
 *         neighbours in time): one at a time, DEPTH in a call of footfall_apply, or DEPTH submissions under way. The table is made
 *         when it is missing. Prints visits a second, and how many were new. COUNT 0: only makes it */
#include "footfall.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_DEPTH = 4096, LEAP = 7919, ADDRESS_BYTES = 32 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "dynamodb: %s\n", what);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *at = calloc(count, size);
    if (at == NULL)
        die("no memory");
    return at;
}

static struct footfall *open_store(const char *url, const char *table, const char *atomic)
{
    const struct footfall_setting settings[] = {
        { "backend", "dynamodb" },
        { "dynamodb.endpoint", url },
        { "dynamodb.table", table },
        { "dynamodb.atomic", atomic },
        { "deadline", "60s" },
        { "dynamodb.create_table", "true" },
        { "secret", "a secret of a benchmark, known to all" },
    };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    struct footfall *ff = NULL;
    options.settings = settings;
    options.setting_count = sizeof(settings) / sizeof(settings[0]);
    if (footfall_open(&ff, &options, &err) != FOOTFALL_OK)
        die(err.text);
    return ff;
}

struct job {
    struct footfall *ff;
    const char *counter;
    uint64_t first, visitors, count;
    size_t depth;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t under_way, failed;
    uint64_t fresh;
};

static void address_of(char out[ADDRESS_BYTES], const struct job *job, uint64_t i)
{
    uint64_t number = job->first + i * LEAP % job->visitors;
    (void)snprintf(out, ADDRESS_BYTES, "10.%u.%u.%u", (unsigned)(number >> 16 & 255), (unsigned)(number >> 8 & 255),
                   (unsigned)(number & 255));
}

static void one_at_a_time(struct job *job)
{
    for (uint64_t i = 0; i < job->count; i++) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_result r;
        struct footfall_error err;
        char address[ADDRESS_BYTES];
        address_of(address, job, i);
        who.address = address;
        if (footfall_visit(job->ff, job->counter, &who, NULL, &r, &err) != FOOTFALL_OK)
            die(err.text);
        job->fresh += (r.flags & FOOTFALL_IS_NEW) != 0;
    }
}

struct batch {
    struct footfall_op ops[MOST_DEPTH];
    struct footfall_visitor who[MOST_DEPTH];
    struct footfall_result results[MOST_DEPTH];
    char addresses[MOST_DEPTH][ADDRESS_BYTES];
};

static void in_batches(struct job *job)
{
    struct batch *batch = room(1, sizeof(*batch));
    struct footfall_error err;
    for (uint64_t i = 0; i < job->count; i += job->depth) {
        size_t n = job->count - i < job->depth ? (size_t)(job->count - i) : job->depth;
        for (size_t j = 0; j < n; j++) {
            address_of(batch->addresses[j], job, i + j);
            batch->who[j] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
            batch->who[j].address = batch->addresses[j];
            batch->ops[j] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
            batch->ops[j].name = job->counter;
            batch->ops[j].visitor = &batch->who[j];
        }
        if (footfall_apply(job->ff, batch->ops, n, NULL, batch->results, &err) != FOOTFALL_OK)
            die(err.text);
        for (size_t j = 0; j < n; j++)
            job->fresh += (batch->results[j].flags & FOOTFALL_IS_NEW) != 0;
    }
    free(batch);
}

static void done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct job *job = user;
    (void)err;
    pthread_mutex_lock(&job->lock);
    job->failed += r->status != FOOTFALL_OK;
    job->fresh += r->status == FOOTFALL_OK && (r->flags & FOOTFALL_IS_NEW) != 0;
    job->under_way--;
    pthread_cond_signal(&job->room);
    pthread_mutex_unlock(&job->lock);
}

static void wait_below(struct job *job, size_t most)
{
    pthread_mutex_lock(&job->lock);
    while (job->under_way > most)
        pthread_cond_wait(&job->room, &job->lock);
    pthread_mutex_unlock(&job->lock);
}

static void by_submissions(struct job *job)
{
    for (uint64_t i = 0; i < job->count; i++) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        struct footfall_error err;
        char address[ADDRESS_BYTES];
        address_of(address, job, i);
        who.address = address;
        op.name = job->counter;
        op.visitor = &who;
        wait_below(job, job->depth - 1);
        pthread_mutex_lock(&job->lock);
        job->under_way++;
        pthread_mutex_unlock(&job->lock);
        if (footfall_submit(job->ff, &op, NULL, done, job, &err) != FOOTFALL_OK)
            die(err.text);
    }
    wait_below(job, 0);
    if (job->failed > 0)
        die("a submission failed");
}

int main(int argc, char **argv)
{
    struct job job = { .lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER };
    double begun = 0, rate = 0;
    if (argc != 11 || strcmp(argv[1], "visits") != 0)
        die("see the head of dynamodb.c");
    job.ff = open_store(argv[2], argv[3], argv[4]);
    job.counter = argv[5];
    job.depth = (size_t)strtoull(argv[7], NULL, 10);
    job.first = strtoull(argv[8], NULL, 10);
    job.visitors = strtoull(argv[9], NULL, 10);
    job.count = strtoull(argv[10], NULL, 10);
    if (job.depth < 1 || job.depth > MOST_DEPTH || job.visitors < 1)
        die("DEPTH or VISITORS is out of range");
    begun = now();
    if (strcmp(argv[6], "single") == 0)
        one_at_a_time(&job);
    else if (strcmp(argv[6], "apply") == 0)
        in_batches(&job);
    else
        by_submissions(&job);
    rate = (double)job.count / (now() - begun);
    footfall_close(job.ff);
    printf("%.1f %" PRIu64 "\n", rate, job.fresh);
    return 0;
}
