/* submit.c: visits and reads without waiting, side by side: so many at once under way, each followed by the next of its sort from
 * inside its completion, as a server does that has so many connections.
 *
 *     submit DEPTH READS SECONDS KEY=VALUE…    READS of the DEPTH slots read; KEY=VALUE as in the configuration
 *     prints, of visits and of reads: how many a second, how many in a call of the store, median and 99th percentile in ms */
#include "footfall.h"
#include "footfall_admin.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_DEPTH = 4096, MOST_SETTINGS = 16, MOST_TIMES = 1 << 22, NAMES = 8 };

struct sort { /* 0: visits, 1: reads */
    _Atomic uint64_t done;
    double calls;
    float *times; /* milliseconds */
};
struct slot {
    int reads;
    uint32_t number;
    struct timespec begun;
};

static struct footfall *ff;
static struct sort sorts[2];
static struct slot slots[MOST_DEPTH];
static atomic_int stop, under_way;
static atomic_uint visitor;

static _Noreturn void die(const struct footfall_error *err)
{
    fprintf(stderr, "submit: %s: %s\n", footfall_status_name(err->status), err->text);
    exit(1);
}

static void send(struct slot *slot);

static void done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    struct slot *slot = user;
    struct sort *sort = &sorts[slot->reads];
    struct timespec now;
    uint64_t at = atomic_fetch_add(&sort->done, 1);
    if (r->status != FOOTFALL_OK)
        die(err);
    clock_gettime(CLOCK_MONOTONIC, &now);
    sort->times[at % MOST_TIMES] =
        (float)((double)(now.tv_sec - slot->begun.tv_sec) * 1e3 + (double)(now.tv_nsec - slot->begun.tv_nsec) / 1e6);
    if (atomic_load(&stop))
        atomic_fetch_sub(&under_way, 1);
    else
        send(slot);
}

static void send(struct slot *slot)
{
    char name[16], address[32];
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_VISIT);
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_error err;
    uint32_t n = atomic_fetch_add(&visitor, 1);
    int rc;
    call.wait_ms = 60000;
    (void)snprintf(name, sizeof name, "page%" PRIu32, slot->number % NAMES);
    clock_gettime(CLOCK_MONOTONIC, &slot->begun);
    if (slot->reads) {
        rc = footfall_submit_read(ff, name, &call, done, slot, &err);
    } else {
        (void)snprintf(address, sizeof address, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
        who.address = address;
        op.name = name;
        op.visitor = &who;
        rc = footfall_submit(ff, &op, &call, done, slot, &err);
    }
    if (rc != FOOTFALL_OK)
        die(&err);
}

static void count_calls(void *user, const struct footfall_metric *metric)
{
    (void)user;
    if (strcmp(metric->name, "footfall_store_seconds_count") == 0)
        sorts[strstr(metric->labels, "read") != NULL].calls = metric->value;
}

static int by_size(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report(const char *what, struct sort *sort, double seconds)
{
    uint64_t count = sort->done;
    size_t kept = count < MOST_TIMES ? (size_t)count : MOST_TIMES;
    if (count == 0)
        return;
    qsort(sort->times, kept, sizeof sort->times[0], by_size);
    printf("%s %.0f %.1f %.3f %.3f\n", what, (double)count / seconds, (double)count / sort->calls,
           (double)sort->times[kept / 2], (double)sort->times[kept * 99 / 100]);
}

int main(int argc, char **argv)
{
    struct footfall_setting settings[MOST_SETTINGS];
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    uint32_t depth = argc > 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t reads = argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;
    if (depth < 1 || depth > MOST_DEPTH || reads > depth || argc - 4 > MOST_SETTINGS)
        return 2;
    options.settings = settings;
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL)
            return 2;
        *value = '\0';
        settings[options.setting_count++] = (struct footfall_setting){ argv[i], value + 1 };
    }
    if (footfall_open(&ff, &options, &err) != FOOTFALL_OK)
        die(&err);
    for (size_t i = 0; i < 2; i++)
        sorts[i].times = calloc(MOST_TIMES, sizeof sorts[i].times[0]);
    atomic_store(&under_way, (int)depth);
    for (uint32_t i = 0; i < depth; i++) { /* evenly among each other */
        slots[i].number = i;
        slots[i].reads = (uint64_t)(i + 1) * reads / depth > (uint64_t)i * reads / depth;
        send(&slots[i]);
    }
    nanosleep(&(struct timespec){ (time_t)seconds, 0 }, NULL);
    atomic_store(&stop, 1);
    while (atomic_load(&under_way) > 0)
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    footfall_metrics(ff, count_calls, NULL);
    footfall_close(ff);
    report("visits", &sorts[0], seconds);
    report("reads", &sorts[1], seconds);
    return 0;
}
