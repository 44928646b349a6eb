/* bench.c: visits a second on this machine and backend, with percentiles of how long a call takes, and what a visit consumes where
 * the backend counts that. Counts on a counter of its own and deletes it at the end, also after an interrupt. */
#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
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

/* Call times in nanoseconds: exact up to 128, then in steps of 1/64 of the value. */
#define STEPS 64
#define BUCKETS (STEPS * 60)

struct worker {
    struct footfall *handle;
    const char *name;
    int64_t visits; /* to make */
    size_t batch;
    uint64_t random;
    pthread_t thread;
    uint64_t *buckets;
    uint64_t slowest_ns;
    int64_t made, fresh;
    struct footfall_error err;
};

static atomic_int interrupted;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&interrupted, 1);
}

static uint64_t nanoseconds(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- times ------------------------------------------------------------------------------------------------------------ */

static size_t bucket_of(uint64_t ns)
{
    int shift = 0;
    if (ns < 2 * STEPS)
        return (size_t)ns;
    shift = 57 - __builtin_clzll(ns); /* leaves 64 … 127 */
    return (size_t)(shift * STEPS) + (size_t)(ns >> shift);
}

/* The largest value of a bucket. */
static uint64_t bucket_end(size_t bucket)
{
    size_t shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;
    return (((uint64_t)bucket - shift * STEPS + 1) << shift) - 1;
}

static double percentile_us(const uint64_t *buckets, uint64_t slowest_ns, double share)
{
    uint64_t all = 0, seen = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        all += buckets[i];
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += buckets[i];
        if (all > 0 && (double)seen >= share * (double)all)
            return (double)(bucket_end(i) < slowest_ns ? bucket_end(i) : slowest_ns) / 1e3;
    }
    return 0;
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
    uint64_t began = 0, took = 0;
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
    took = nanoseconds() - began;
    w->slowest_ns = took > w->slowest_ns ? took : w->slowest_ns;
    w->buckets[bucket_of(took)]++;
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
    while (w->err.status == FOOTFALL_OK && w->made < w->visits && !atomic_load(&interrupted)) {
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

/* Units that a service bills: whatever metrics the backend has that are named so. */
#define UNITS "_units_total"
#define MOST_KINDS 8

struct units {
    size_t count;
    struct {
        char kind[32]; /* "read", "write": the word before */
        double value;
    } of[MOST_KINDS];
};

static void take_units(void *user, const struct footfall_metric *metric)
{
    struct units *u = user;
    size_t bytes = strlen(metric->name), end = strlen(UNITS), begin = 0, i = 0;
    char kind[sizeof u->of[0].kind];
    if (bytes <= end || strcmp(metric->name + bytes - end, UNITS) != 0)
        return;
    end = begin = bytes - end;
    while (begin > 0 && metric->name[begin - 1] != '_')
        begin--;
    snprintf(kind, sizeof kind, "%.*s", (int)(end - begin), metric->name + begin);
    while (i < u->count && strcmp(u->of[i].kind, kind) != 0)
        i++;
    if (i == MOST_KINDS)
        return;
    if (i == u->count) {
        memcpy(u->of[i].kind, kind, sizeof kind);
        u->of[u->count++].value = 0;
    }
    u->of[i].value += metric->value; /* of several lanes */
}

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
        sum->slowest_ns = workers[i].slowest_ns > sum->slowest_ns ? workers[i].slowest_ns : sum->slowest_ns;
        for (size_t b = 0; b < BUCKETS; b++)
            sum->buckets[b] += workers[i].buckets[b];
        if (sum->err.status == FOOTFALL_OK)
            sum->err = workers[i].err;
    }
}

static json_t *units_of_a_visit(const struct footfall_cli *cli, const struct units *units, int64_t made)
{
    json_t *object = json_object();
    for (size_t i = 0; i < units->count && made > 0; i++) {
        double each = units->of[i].value / (double)made;
        if (cli->json)
            json_object_set_new(object, units->of[i].kind, json_real(each));
        else
            printf("  %-6s %12.3f units a visit\n", units->of[i].kind, each);
    }
    return object;
}

static void print_report(const struct footfall_cli *cli, const struct options *o, const struct worker *sum,
                         double seconds, const struct units *units)
{
    static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max" };
    static const double shares[] = { 0.5, 0.9, 0.99, 0.999, 1.0 };
    double rate = seconds > 0 ? (double)sum->made / seconds : 0;
    json_t *times = json_object(), *line = NULL;
    if (!cli->json)
        printf("%" PRId64 " visits (%" PRId64 " by new visitors) in %.3f s, threads %" PRId64 ", batch %" PRId64 "\n"
               "%.0f visits a second\n",
               sum->made, sum->fresh, seconds, o->threads, o->batch, rate);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        double us = percentile_us(sum->buckets, sum->slowest_ns, shares[i]);
        if (cli->json)
            json_object_set_new(times, names[i], json_real(us));
        else
            printf("  %-6s %12.1f us a call\n", names[i], us);
    }
    line = json_pack("{s:I, s:I, s:I, s:I, s:f, s:I, s:o}", "visits", (json_int_t)sum->made, "new_visitors",
                     (json_int_t)sum->fresh, "threads", (json_int_t)o->threads, "batch", (json_int_t)o->batch,
                     "seconds", seconds, "visits_per_second", (json_int_t)rate, "call_us", times);
    if (units->count > 0 &&
        json_object_set_new(line, "units_per_visit", units_of_a_visit(cli, units, sum->made)) != 0) {
        json_decref(line);
        line = NULL;
    }
    if (cli->json && line != NULL && json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(line);
}

/* The workers are started, waited for and gathered. Seconds that it took. */
static double run_workers(struct worker *workers, size_t count)
{
    uint64_t began = nanoseconds();
    size_t started = 0;
    for (; started < count; started++)
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0) {
            workers[0].err.status = FOOTFALL_NO_MEMORY;
            snprintf(workers[0].err.text, sizeof workers[0].err.text, "cannot start a thread");
            atomic_store(&interrupted, 1);
            break;
        }
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    return (double)(nanoseconds() - began) / 1e9;
}

static int measure(struct footfall_cli *cli, const struct options *o, const char *name, uint64_t seed)
{
    size_t count = (size_t)o->threads;
    struct worker *workers = calloc(count, sizeof *workers);
    uint64_t *buckets = calloc(count, BUCKETS * sizeof *buckets);
    struct units units = { .count = 0 };
    double seconds = 0;
    int exit = FOOTFALL_CLI_DONE;
    if (workers == NULL || buckets == NULL) {
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
        goto cleanup;
    }
    for (size_t i = 0; i < count; i++) {
        workers[i].handle = cli->handle;
        workers[i].name = name;
        workers[i].visits = o->visits / o->threads + ((int64_t)i < o->visits % o->threads ? 1 : 0);
        workers[i].batch = (size_t)o->batch;
        workers[i].random = (seed ^ (i + 1) * UINT64_C(0x9e3779b97f4a7c15)) | 1;
        workers[i].buckets = buckets + i * BUCKETS;
    }
    seconds = run_workers(workers, count);
    gather(workers, count);
    footfall_metrics(cli->handle, take_units, &units);
    print_report(cli, o, &workers[0], seconds, &units);
    if (workers[0].err.status != FOOTFALL_OK)
        exit = footfall__cli_failed(&workers[0].err);
cleanup:
    free(buckets);
    free(workers);
    return exit;
}

int footfall__cli_bench(struct footfall_cli *cli)
{
    struct sigaction action = { .sa_handler = on_signal };
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
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    exit = measure(cli, &o, name, seed);
    if (footfall_delete(cli->handle, name, NULL, NULL, &err) != FOOTFALL_OK) {
        footfall__cli_complain(0, "the counter '%s' is left behind:", name);
        exit = footfall__cli_failed(&err);
    }
    return exit == 0 && atomic_load(&interrupted) ? FOOTFALL_CLI_FAILED : exit;
}
