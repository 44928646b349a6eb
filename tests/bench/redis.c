/* redis.c: what bench_redis.py measures of the Redis backend: the engine's visits, the same script calls by a bare loop that
 * checks nothing, and the program that anybody would write first.
 *
 *     redis visits URL PREFIX single|apply|submit DEPTH FIRST COUNT [FILE]
 *         visits of one counter by COUNT visitors from number FIRST on: one at a time, DEPTH in a call of footfall_apply, or
 *         DEPTH submissions under way. Prints visits a second. FILE: records what was sent, then nothing is worth timing
 *     redis bare URL FILE COUNT                   sends what FILE holds, takes the replies. Prints visits a second for COUNT
 *     redis threads URL PREFIX HANDLES THREADS SECONDS    half of the visits by new visitors, the threads spread over so many
 *                                                         handles of one lane: visits a second, fairness, operations a batch
 *     redis naive URL THREADS SECONDS                     the same: a connection a thread, one script call a visit */
#include "footfall.h"
#include "redis.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 64, MOST_DEPTH = 1024 };

static FILE *record;
static atomic_int stop;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "redis: %s\n", what);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *at = calloc(count, size);
    if (at == NULL)
        die("no memory");
    return at;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

/* 10.0.0.0/8, without snprintf. */
static void address_of(char out[16], uint32_t visitor)
{
    char *at = out;
    *at++ = '1';
    *at++ = '0';
    for (int shift = 16; shift >= 0; shift -= 8) {
        unsigned byte = visitor >> shift & 255;
        *at++ = '.';
        if (byte >= 100)
            *at++ = (char)('0' + byte / 100);
        if (byte >= 10)
            *at++ = (char)('0' + byte / 10 % 10);
        *at++ = (char)('0' + byte % 10);
    }
    *at = '\0';
}

/* ---- recording: linked with --wrap, so that every exchange of the backend comes by here ------------------------------------- */

size_t real_exchange(struct redis_connection *c, size_t count, footfall__redis_reply *each, void *user,
                     struct footfall_store_call *call) __asm__("__real_footfall__redis_exchange");
size_t recorded_exchange(struct redis_connection *c, size_t count, footfall__redis_reply *each, void *user,
                         struct footfall_store_call *call) __asm__("__wrap_footfall__redis_exchange");

size_t recorded_exchange(struct redis_connection *c, size_t count, footfall__redis_reply *each, void *user,
                         struct footfall_store_call *call)
{
    const uint64_t head[2] = { count, c->out.count };
    if (record != NULL &&
        (fwrite(head, sizeof(head), 1, record) != 1 || fwrite(c->out.at, c->out.count, 1, record) != 1))
        die("cannot record");
    return real_exchange(c, count, each, user, call);
}

/* ---- the engine ---------------------------------------------------------------------------------------------------------------- */

static struct footfall *open_store(const char *url, const char *prefix)
{
    const struct footfall_setting settings[] = {
        { "backend", "redis" }, { "redis.url", url },  { "redis.prefix", prefix },
        { "redis.lanes", "1" }, { "deadline", "60s" }, { "secret", "a secret of a benchmark, known to all" }
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
    uint32_t first, count;
    size_t depth;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t under_way, failed;
};

static void one_at_a_time(struct job *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_error err;
        char address[16];
        address_of(address, job->first + i);
        who.address = address;
        if (footfall_visit(job->ff, "site", &who, NULL, NULL, &err) != FOOTFALL_OK)
            die(err.text);
    }
}

struct batch {
    struct footfall_op ops[MOST_DEPTH];
    struct footfall_visitor who[MOST_DEPTH];
    struct footfall_result results[MOST_DEPTH];
    char addresses[MOST_DEPTH][16];
};

static void in_batches(struct job *job)
{
    struct batch *batch = room(1, sizeof(*batch));
    struct footfall_error err;
    for (uint32_t i = 0; i < job->count; i += (uint32_t)job->depth) {
        size_t n = job->count - i < job->depth ? job->count - i : job->depth;
        for (size_t j = 0; j < n; j++) {
            address_of(batch->addresses[j], job->first + i + (uint32_t)j);
            batch->who[j] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
            batch->who[j].address = batch->addresses[j];
            batch->ops[j] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
            batch->ops[j].name = "site";
            batch->ops[j].visitor = &batch->who[j];
        }
        if (footfall_apply(job->ff, batch->ops, n, NULL, batch->results, &err) != FOOTFALL_OK)
            die(err.text);
    }
    free(batch);
}

static void done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct job *job = user;
    (void)err;
    pthread_mutex_lock(&job->lock);
    job->failed += r->status != FOOTFALL_OK;
    if (--job->under_way == job->depth / 2)
        pthread_cond_signal(&job->room);
    pthread_mutex_unlock(&job->lock);
}

/* Once `most` are exceeded, waits until half of them are done; then takes a place. */
static void wait_for_room(struct job *job, size_t most)
{
    pthread_mutex_lock(&job->lock);
    while (job->under_way > most)
        pthread_cond_wait(&job->room, &job->lock);
    job->under_way++;
    pthread_mutex_unlock(&job->lock);
}

static void wait_for_all(struct job *job)
{
    size_t left = 1;
    while (left > 0) {
        pthread_mutex_lock(&job->lock);
        left = job->under_way;
        pthread_mutex_unlock(&job->lock);
        sched_yield();
    }
}

static void by_submissions(struct job *job)
{
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->room, NULL);
    for (uint32_t i = 0; i < job->count; i++) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        struct footfall_error err;
        char address[16];
        address_of(address, job->first + i);
        who.address = address;
        op.name = "site";
        op.visitor = &who;
        wait_for_room(job, job->depth - 1);
        if (footfall_submit(job->ff, &op, NULL, done, job, &err) != FOOTFALL_OK)
            die(err.text);
    }
    wait_for_all(job);
    if (job->failed > 0)
        die("a submission failed");
}

static int visits(char **argv)
{
    struct job *job = room(1, sizeof(*job));
    double begun = 0;
    job->ff = open_store(argv[0], argv[1]);
    job->depth = (size_t)number(argv[3]);
    job->first = (uint32_t)number(argv[4]);
    job->count = (uint32_t)number(argv[5]);
    if (job->depth < 1 || job->depth > MOST_DEPTH)
        die("DEPTH is out of range");
    if (argv[6] != NULL && (record = fopen(argv[6], "wb")) == NULL)
        die("cannot write the record");
    begun = now();
    if (strcmp(argv[2], "single") == 0)
        one_at_a_time(job);
    else if (strcmp(argv[2], "apply") == 0)
        in_batches(job);
    else
        by_submissions(job);
    printf("%.0f\n", job->count / (now() - begun));
    footfall_close(job->ff);
    free(job);
    return record != NULL && fclose(record) != 0;
}

/* ---- the limit: the same calls, nothing checked --------------------------------------------------------------------------------- */

static redisContext *connect_to(const char *url)
{
    static char text[200] = "";
    struct footfall_store_call call = { .text = text, .text_bytes = sizeof(text) };
    struct redis_address address;
    redisContext *c = NULL;
    if (footfall__redis_url(&address, url, &call) != 0)
        die(text);
    c = address.path != NULL ? redisConnectUnix(address.path) : redisConnect(address.host, (int)number(address.port));
    if (c == NULL || c->err)
        die("cannot connect");
    footfall__redis_address_free(&address);
    return c;
}

static void take(redisContext *c, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        void *reply = NULL;
        if (redisGetReply(c, &reply) != REDIS_OK)
            die(c->errstr);
        freeReplyObject(reply);
    }
}

static int bare(char **argv)
{
    FILE *file = fopen(argv[1], "rb");
    char *all = NULL;
    long bytes = 0;
    redisContext *c = connect_to(argv[0]);
    double begun = 0;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        die("cannot read the record");
    all = room((size_t)bytes + 1, 1);
    if (fread(all, 1, (size_t)bytes, file) != (size_t)bytes)
        die("cannot read the record");
    begun = now();
    for (long at = 0; at < bytes;) {
        uint64_t head[2];
        memcpy(head, all + at, sizeof(head));
        at += (long)sizeof(head);
        if (redisAppendFormattedCommand(c, all + at, (size_t)head[1]) != REDIS_OK)
            die("no memory");
        at += (long)head[1];
        take(c, head[0]);
    }
    printf("%.0f\n", (double)number(argv[2]) / (now() - begun));
    redisFree(c);
    free(all);
    return fclose(file);
}

/* ---- many threads ------------------------------------------------------------------------------------------------------------------ */

struct thread {
    struct footfall *ff;
    const char *url;
    uint32_t first, known;
    uint64_t random, visits;
    double rate;
};

static uint32_t draw(struct thread *thread)
{
    uint64_t z = thread->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    if (z % 2 != 0 || thread->known == 0)
        return thread->first + thread->known++;
    return thread->first + (uint32_t)(z / 2 % thread->known);
}

static void *run_engine(void *arg)
{
    struct thread *thread = arg;
    double begun = now();
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
        struct footfall_error err;
        char address[16];
        address_of(address, draw(thread));
        who.address = address;
        if (footfall_visit(thread->ff, "site", &who, NULL, NULL, &err) != FOOTFALL_OK)
            die(err.text);
        thread->visits++;
    }
    thread->rate = (double)thread->visits / (now() - begun);
    return NULL;
}

/* What comes to mind: a key a visitor that goes away by itself, two numbers in a hash. */
static const char naive_script[] = "local new = redis.call('SET', KEYS[2], '1', 'NX', 'EX', 86400)\n"
                                   "local total = redis.call('HINCRBY', KEYS[1], 'total', 1)\n"
                                   "local unique = new and redis.call('HINCRBY', KEYS[1], 'unique', 1) or\n"
                                   "    redis.call('HGET', KEYS[1], 'unique')\n"
                                   "return {total, unique, new and 1 or 0}\n";

static void *run_naive(void *arg)
{
    struct thread *thread = arg;
    redisContext *c = connect_to(thread->url);
    redisReply *loaded = redisCommand(c, "SCRIPT LOAD %s", naive_script);
    double begun = now();
    if (loaded == NULL || loaded->type != REDIS_REPLY_STRING)
        die("cannot load the script");
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        redisReply *reply = redisCommand(c, "EVALSHA %s 2 naive:site naive:site:%" PRIu32, loaded->str, draw(thread));
        if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
            die("the script failed");
        freeReplyObject(reply);
        thread->visits++;
    }
    thread->rate = (double)thread->visits / (now() - begun);
    freeReplyObject(loaded);
    redisFree(c);
    return NULL;
}

static int threads(struct footfall *const *handles, size_t handle_count, const char *url, size_t count,
                   uint64_t seconds)
{
    static struct thread all[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    struct timespec pause = { .tv_sec = (time_t)seconds };
    double sum = 0, slowest = 0, fastest = 0;
    if (count < 1 || count > MOST_THREADS)
        die("THREADS is out of range");
    for (size_t i = 0; i < count; i++) {
        all[i].ff = handle_count > 0 ? handles[i % handle_count] : NULL;
        all[i].url = url;
        all[i].first = (uint32_t)i * 262144;
        all[i].random = i + 1;
        if (pthread_create(&ids[i], NULL, handle_count > 0 ? run_engine : run_naive, &all[i]) != 0)
            die("no thread");
    }
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    for (size_t i = 0; i < count; i++) {
        pthread_join(ids[i], NULL);
        sum += all[i].rate;
        slowest = i == 0 || all[i].rate < slowest ? all[i].rate : slowest;
        fastest = all[i].rate > fastest ? all[i].rate : fastest;
    }
    printf("%.0f %.3f", sum, slowest / fastest);
    if (handle_count > 0) {
        struct footfall_stats stats = FOOTFALL_STATS_INIT;
        footfall_stats(handles[0], &stats);
        printf(" %.2f", (double)stats.operations / (double)stats.batches);
    }
    for (size_t i = 0; i < handle_count; i++)
        footfall_close(handles[i]);
    printf("\n");
    return 0;
}

static int with_handles(char **argv)
{
    struct footfall *handles[MOST_THREADS];
    size_t count = (size_t)number(argv[2]);
    if (count < 1 || count > MOST_THREADS)
        die("HANDLES is out of range");
    for (size_t i = 0; i < count; i++)
        handles[i] = open_store(argv[0], argv[1]);
    return threads(handles, count, NULL, (size_t)number(argv[3]), number(argv[4]));
}

int main(int argc, char **argv)
{
    if (argc >= 8 && argc <= 9 && strcmp(argv[1], "visits") == 0)
        return visits(argv + 2);
    if (argc == 5 && strcmp(argv[1], "bare") == 0)
        return bare(argv + 2);
    if (argc == 7 && strcmp(argv[1], "threads") == 0)
        return with_handles(argv + 2);
    if (argc == 5 && strcmp(argv[1], "naive") == 0)
        return threads(NULL, 0, argv[2], (size_t)number(argv[3]), number(argv[4]));
    die("see the head of redis.c");
}
