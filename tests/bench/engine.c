/* engine.c: the same visits as naive.c through the library, and the few other numbers that only a program inside can know.
 *
 *     engine run DB THREADS SECONDS normal|full BATCH VISITORS MODE    visits per second, fairness, operations a batch
 *         BATCH 1: footfall_visit; more: footfall_apply. VISITORS 0: half of the visits are by visitors never seen before;
 *         N: by any of N. MODE fixed: as configured by default; sliding: every visit writes its visitor's record
 *     engine fill DB VISITORS          remembers so many visitors
 *     engine open DB                   milliseconds that open takes, and resident KiB with the handle open after a visit */
#include "footfall.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 64, MOST_BATCH = 65536, OPENS = 21 };

/* 02:00 of a day: the epoch's first hour, in which a visitor is written twice, is over. */
#define BASE_MS (INT64_C(1709251200000) + 7200000)

struct thread {
    struct footfall *ff;
    size_t batch;
    uint64_t random, visitors, visits;
    uint32_t first, known;
    int64_t step_ms;
    double seconds;
};

static atomic_int stop;
static atomic_int_fast64_t clock_ms;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static _Noreturn void die(const struct footfall_error *err)
{
    fprintf(stderr, "engine: %s: %s\n", footfall_status_name(err->status), err->text);
    exit(1);
}

static struct footfall *open_file(const char *path, const char *durability, const char *mode)
{
    const struct footfall_setting settings[] = {
        { "sqlite.path", path }, { "sqlite.durability", durability }, { "window_mode", mode }, { "deadline", "60s" }
    };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    struct footfall *ff = NULL;
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof settings[0];
    if (footfall_open(&ff, &options, &err) != FOOTFALL_OK)
        die(&err);
    return ff;
}

/* 10.0.0.0/8, without snprintf: it would be a tenth of the whole. */
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

static uint32_t draw(struct thread *thread)
{
    uint64_t drawn = mix(thread->random += UINT64_C(0x9e3779b97f4a7c15));
    if (thread->visitors > 0)
        return (uint32_t)(drawn % thread->visitors);
    if (drawn % 2 != 0 || thread->known == 0)
        return thread->first + thread->known++;
    return thread->first + (uint32_t)(drawn / 2 % thread->known);
}

static void visit_one(struct thread *thread)
{
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_error err;
    char address[16];
    address_of(address, draw(thread));
    who.address = address;
    who.now_ms = BASE_MS + atomic_fetch_add_explicit(&clock_ms, thread->step_ms, memory_order_relaxed);
    if (footfall_visit(thread->ff, "site", &who, NULL, NULL, &err) != FOOTFALL_OK)
        die(&err);
    thread->visits++;
}

struct batch {
    struct footfall_op ops[MOST_BATCH];
    struct footfall_visitor who[MOST_BATCH];
    struct footfall_result results[MOST_BATCH];
    char addresses[MOST_BATCH][16];
};

static void visit_many(struct thread *thread, struct batch *batch)
{
    struct footfall_error err;
    for (size_t i = 0; i < thread->batch; i++) {
        address_of(batch->addresses[i], draw(thread));
        batch->who[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        batch->who[i].address = batch->addresses[i];
        batch->who[i].now_ms = BASE_MS + atomic_fetch_add_explicit(&clock_ms, thread->step_ms, memory_order_relaxed);
        batch->ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        batch->ops[i].name = "site";
        batch->ops[i].visitor = &batch->who[i];
    }
    if (footfall_apply(thread->ff, batch->ops, thread->batch, NULL, batch->results, &err) != FOOTFALL_OK)
        die(&err);
    thread->visits += thread->batch;
}

static void *run(void *arg)
{
    struct thread *thread = arg;
    struct batch *batch = calloc(1, sizeof *batch);
    double begun = now();
    if (batch == NULL)
        exit(1);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (thread->batch == 1)
            visit_one(thread);
        else
            visit_many(thread, batch);
    }
    thread->seconds = now() - begun;
    free(batch);
    return NULL;
}

static int command_run(char **argv)
{
    static struct thread threads[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    struct footfall_stats stats = FOOTFALL_STATS_INIT;
    size_t count = strtoul(argv[3], NULL, 10), batch = strtoul(argv[6], NULL, 10);
    struct footfall *ff = open_file(argv[2], argv[5], argv[8]);
    double rate = 0, low = 1e18, high = 0;
    if (count < 1 || count > MOST_THREADS || batch < 1 || batch > MOST_BATCH)
        return 2;
    for (size_t i = 0; i < count; i++) {
        threads[i].ff = ff;
        threads[i].batch = batch;
        threads[i].random = mix(i + 1);
        threads[i].visitors = strtoull(argv[7], NULL, 10);
        threads[i].first = (uint32_t)(i * ((1u << 24) / count));
        threads[i].step_ms = strcmp(argv[8], "sliding") == 0;
        pthread_create(&ids[i], NULL, run, &threads[i]);
    }
    nanosleep(&(struct timespec){ (time_t)strtoul(argv[4], NULL, 10), 0 }, NULL);
    atomic_store(&stop, 1);
    for (size_t i = 0; i < count; i++) {
        double each = 0;
        pthread_join(ids[i], NULL);
        each = (double)threads[i].visits / threads[i].seconds;
        rate += each;
        low = each < low ? each : low;
        high = each > high ? each : high;
    }
    footfall_stats(ff, &stats);
    footfall_close(ff);
    printf("%.0f %.3f %.1f\n", rate, low / high, (double)stats.operations / (double)stats.batches);
    return 0;
}

static int command_fill(char **argv)
{
    struct footfall *ff = open_file(argv[2], "normal", "fixed");
    struct thread thread = { .ff = ff, .batch = MOST_BATCH };
    struct batch *batch = calloc(1, sizeof *batch);
    uint64_t visitors = strtoull(argv[3], NULL, 10);
    if (batch == NULL)
        return 1;
    while (thread.visits < visitors) { /* each visitor once, in order: `draw` has nothing to choose */
        struct footfall_error err;
        size_t n = visitors - thread.visits < MOST_BATCH ? (size_t)(visitors - thread.visits) : MOST_BATCH;
        for (size_t i = 0; i < n; i++) {
            address_of(batch->addresses[i], (uint32_t)(thread.visits + i));
            batch->who[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
            batch->who[i].address = batch->addresses[i];
            batch->who[i].now_ms = BASE_MS;
            batch->ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
            batch->ops[i].name = "site";
            batch->ops[i].visitor = &batch->who[i];
        }
        if (footfall_apply(ff, batch->ops, n, NULL, batch->results, &err) != FOOTFALL_OK)
            die(&err);
        thread.visits += n;
    }
    footfall_close(ff);
    free(batch);
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static long resident_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib;
}

static int command_open(char **argv)
{
    double took[OPENS];
    struct thread thread = { .batch = 1, .visitors = 1 };
    for (int i = 0; i < OPENS; i++) {
        double begun = now();
        struct footfall *ff = open_file(argv[2], "normal", "fixed");
        took[i] = (now() - begun) * 1000;
        thread.ff = ff;
        if (i == OPENS - 1) {
            visit_one(&thread);
            qsort(took, OPENS, sizeof took[0], by_size);
            printf("%.3f %ld\n", took[OPENS / 2], resident_kib());
        }
        footfall_close(ff);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "run") == 0)
        return command_run(argv);
    if (argc == 4 && strcmp(argv[1], "fill") == 0)
        return command_fill(argv);
    if (argc == 3 && strcmp(argv[1], "open") == 0)
        return command_open(argv);
    fprintf(stderr, "engine run DB THREADS SECONDS normal|full BATCH VISITORS fixed|sliding\n"
                    "engine fill DB VISITORS\nengine open DB\n");
    return 2;
}
