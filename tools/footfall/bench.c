/* bench.c: counts visits as fast as they go, on a counter of its own that is deleted at the end, also after an interrupt. What is
 * said of it is bench_report.c's. */
#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "made_up.h"

#define VISITORS 100000
#define MOST_VISITS INT64_C(1000000000)
#define MOST_THREADS 256
#define MOST_BATCH 65536
#define ADDRESS_BYTES 16

struct worker {
    struct footfall *handle;
    const char *name;
    int64_t visits; /* to make */
    size_t batch;
    uint64_t random;
    pthread_t thread;
    atomic_int *stop; /* a thread could not be started: nobody need go on */
    struct footfall_cli_times times;
    int64_t made, fresh;
    struct footfall_error err;
};

static uint64_t nanoseconds(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- visiting --------------------------------------------------------------------------------------------------------- */

/* Somewhere in 10.0.0.0/8: addresses that nobody has on the Internet. */
static void make_address(char out[ADDRESS_BYTES], uint64_t *random)
{
    uint32_t number = (uint32_t)(footfall__cli_random(random) % VISITORS) + 256;
    snprintf(out, ADDRESS_BYTES, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
}

static int one_call(struct worker *w, size_t count, struct footfall_op *ops, struct footfall_visitor *visitors,
                    char (*addresses)[ADDRESS_BYTES], struct footfall_result *results)
{
    uint64_t began = 0;
    int status = FOOTFALL_OK;
    for (size_t i = 0; i < count; i++) {
        make_address(addresses[i], &w->random);
        visitors[i] = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
        visitors[i].address = addresses[i];
        ops[i] = (struct footfall_op)FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
        ops[i].name = w->name;
        ops[i].visitor = &visitors[i];
    }
    began = nanoseconds();
    if (w->batch == 1)
        status = footfall_visit(w->handle, w->name, &visitors[0], NULL, results, &w->err);
    else
        status = footfall_apply(w->handle, ops, count, NULL, results, &w->err);
    footfall__cli_times_note(&w->times, nanoseconds() - began);
    for (size_t i = 0; i < count && status == FOOTFALL_OK; i++)
        w->fresh += (results[i].flags & FOOTFALL_IS_NEW) != 0;
    w->made += status == FOOTFALL_OK ? (int64_t)count : 0;
    return status;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct footfall_op *ops = calloc(w->batch, sizeof *ops);
    struct footfall_visitor *visitors = calloc(w->batch, sizeof *visitors);
    struct footfall_result *results = calloc(w->batch, sizeof *results);
    char(*addresses)[ADDRESS_BYTES] = calloc(w->batch, sizeof *addresses);
    if (ops == NULL || visitors == NULL || results == NULL || addresses == NULL) {
        w->err.status = FOOTFALL_NO_MEMORY;
        snprintf(w->err.text, sizeof w->err.text, "out of memory");
    }
    while (w->err.status == FOOTFALL_OK && w->made < w->visits && !atomic_load(w->stop) &&
           footfall__cli_interrupted() == 0) {
        int64_t left = w->visits - w->made;
        size_t count = left < (int64_t)w->batch ? (size_t)left : w->batch;
        if (one_call(w, count, ops, visitors, addresses, results) != FOOTFALL_OK)
            break;
    }
    free(addresses);
    free(results);
    free(visitors);
    free(ops);
    return NULL;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

struct options {
    int64_t visits, threads, batch;
};

static int take_options(const struct footfall_cli *cli, struct options *o)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    const char *threads = arguments->values[FOOTFALL_CLI_THREADS], *batch = arguments->values[FOOTFALL_CLI_BATCH];
    int exit = 0;
    *o = (struct options){ 100000, 1, 1 };
    if (arguments->operand_count == 1)
        exit = footfall__cli_number(&o->visits, "N", arguments->operands[0], 1, MOST_VISITS);
    if (exit == 0 && threads != NULL)
        exit = footfall__cli_number(&o->threads, "--threads", threads, 1, MOST_THREADS);
    if (exit == 0 && batch != NULL)
        exit = footfall__cli_number(&o->batch, "--batch", batch, 1, MOST_BATCH);
    return exit;
}

/* Adds each worker's numbers to the first one's; the first error stays. */
static void gather(struct worker *workers, size_t count)
{
    struct worker *sum = &workers[0];
    for (size_t i = 1; i < count; i++) {
        sum->made += workers[i].made;
        sum->fresh += workers[i].fresh;
        footfall__cli_times_merge(&sum->times, &workers[i].times);
        if (sum->err.status == FOOTFALL_OK)
            sum->err = workers[i].err;
    }
}

/* The workers are started, waited for and gathered. Seconds that it took. */
static double run_workers(struct worker *workers, size_t count)
{
    uint64_t began = nanoseconds();
    size_t started = 0;
    double seconds = 0;
    while (started < count && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    if (started < count)
        atomic_store(workers[0].stop, 1);
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    seconds = (double)(nanoseconds() - began) / 1e9;
    gather(workers, count);
    if (started < count) {
        workers[0].err.status = FOOTFALL_NO_MEMORY;
        snprintf(workers[0].err.text, sizeof workers[0].err.text, "cannot start a thread");
    }
    return seconds;
}

static int measure(struct footfall_cli *cli, const struct options *o, const char *name, uint64_t seed)
{
    size_t count = (size_t)o->threads;
    struct worker *workers = calloc(count, sizeof *workers);
    struct footfall_cli_bench bench = { .threads = o->threads, .batch = o->batch };
    atomic_int stop = 0;
    int exit = FOOTFALL_CLI_DONE;
    if (workers == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++) {
        workers[i].handle = cli->handle;
        workers[i].name = name;
        workers[i].visits = o->visits / o->threads + ((int64_t)i < o->visits % o->threads ? 1 : 0);
        workers[i].batch = (size_t)o->batch;
        workers[i].random = (seed ^ (i + 1) * UINT64_C(0x9e3779b97f4a7c15)) | 1;
        workers[i].stop = &stop;
    }
    bench.seconds = run_workers(workers, count);
    bench.visits = workers[0].made;
    bench.new_visitors = workers[0].fresh;
    bench.times = &workers[0].times;
    footfall__cli_bench_report(cli, &bench);
    if (workers[0].err.status != FOOTFALL_OK)
        exit = footfall__cli_failed(&workers[0].err);
    free(workers);
    return exit;
}

int footfall__cli_bench(struct footfall_cli *cli)
{
    struct footfall_error err;
    struct options o;
    uint64_t seed = 0;
    char name[64];
    int exit = take_options(cli, &o);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "no random bytes: %s", strerror(errno));
    snprintf(name, sizeof name, "footfall bench %016" PRIx64, seed);
    footfall__cli_catch_interrupts();
    exit = measure(cli, &o, name, seed);
    if (footfall_delete(cli->handle, name, NULL, NULL, &err) != FOOTFALL_OK) {
        footfall__cli_complain(0, "the counter '%s' is left behind:", name);
        exit = footfall__cli_failed(&err);
    }
    return exit;
}
