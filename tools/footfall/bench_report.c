/* bench_report.c: what bench found, for people and for programs. Visiting is bench.c's. */
#include "bench.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BAR 40 /* the longest one */

/* ---- what the handle's metrics say ------------------------------------------------------------------------------------ */

#define SIZES "footfall_batch_operations"
#define LONGEST "footfall_longest_batch"
#define UNITS "_units_total" /* those that a service bills: whatever metrics the backend has that are named so */
#define MOST_KINDS 8
#define MOST_SIZES 32

struct metrics {
    double batches, operations, longest;
    size_t size_count;
    struct {
        int64_t most; /* operations; INT64_MAX: any number */
        double up_to; /* batches that had no more */
    } sizes[MOST_SIZES];
    size_t kind_count;
    struct {
        char kind[32]; /* "read", "write": the word before */
        double units;
    } kinds[MOST_KINDS];
};

static void take_size(struct metrics *m, const struct footfall_metric *metric)
{
    const char *label = strstr(metric->labels, "le=\"");
    int64_t most = INT64_MAX;
    char *end = NULL;
    if (label == NULL || m->size_count == MOST_SIZES)
        return;
    most = strtoll(label + 4, &end, 10);
    m->sizes[m->size_count].most = *end == '"' ? most : INT64_MAX;
    m->sizes[m->size_count++].up_to = metric->value;
}

static void take_units(struct metrics *m, const struct footfall_metric *metric)
{
    size_t bytes = strlen(metric->name), end = strlen(UNITS), begin = 0, i = 0;
    char kind[sizeof m->kinds[0].kind];
    if (bytes <= end || strcmp(metric->name + bytes - end, UNITS) != 0)
        return;
    end = begin = bytes - end;
    while (begin > 0 && metric->name[begin - 1] != '_')
        begin--;
    snprintf(kind, sizeof kind, "%.*s", (int)(end - begin), metric->name + begin);
    while (i < m->kind_count && strcmp(m->kinds[i].kind, kind) != 0)
        i++;
    if (i == MOST_KINDS)
        return;
    if (i == m->kind_count) {
        memcpy(m->kinds[i].kind, kind, sizeof kind);
        m->kinds[m->kind_count++].units = 0;
    }
    m->kinds[i].units += metric->value; /* of several lanes */
}

static void take_metric(void *user, const struct footfall_metric *metric)
{
    struct metrics *m = user;
    if (strcmp(metric->name, SIZES "_bucket") == 0)
        take_size(m, metric);
    else if (strcmp(metric->name, SIZES "_sum") == 0)
        m->operations = metric->value;
    else if (strcmp(metric->name, SIZES "_count") == 0)
        m->batches = metric->value;
    else if (strcmp(metric->name, LONGEST) == 0)
        m->longest = metric->value;
    else
        take_units(m, metric);
}

/* ---- histograms ------------------------------------------------------------------------------------------------------- */

enum { MOST_ROWS = MOST_SIZES > FOOTFALL_CLI_ROWS ? MOST_SIZES : FOOTFALL_CLI_ROWS };
struct row {
    int64_t most; /* microseconds or operations; INT64_MAX: any number */
    uint64_t count;
};

static size_t rows_of_times(struct row *rows, const struct footfall_cli_times *times)
{
    for (size_t i = 0; i < FOOTFALL_CLI_ROWS; i++)
        rows[i] = (struct row){ footfall__cli_times_row_us(i), times->rows[i] };
    return FOOTFALL_CLI_ROWS;
}

static size_t rows_of_sizes(struct row *rows, const struct metrics *m)
{
    for (size_t i = 0; i < m->size_count; i++)
        rows[i] = (struct row){ m->sizes[i].most, (uint64_t)(m->sizes[i].up_to - (i > 0 ? m->sizes[i - 1].up_to : 0)) };
    return m->size_count;
}

/* Leaves out the empty rows before the first and after the last that is none; returns how many are left. */
static size_t trim(const struct row **rows, size_t count)
{
    while (count > 0 && (*rows)[count - 1].count == 0)
        count--;
    while (count > 0 && (*rows)->count == 0) {
        (*rows)++;
        count--;
    }
    return count;
}

static json_t *rows_as_json(const struct row *rows, size_t count, const char *most, const char *what)
{
    json_t *array = json_array();
    count = trim(&rows, count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_pack("{s:o, s:I}", most,
                                               rows[i].most == INT64_MAX ? json_null() : json_integer(rows[i].most),
                                               what, (json_int_t)rows[i].count));
    return array;
}

static void print_most(const struct row *row, int is_time)
{
    if (row->most == INT64_MAX)
        printf("  %9s   ", "more");
    else if (!is_time)
        printf("  %9" PRId64 "   ", row->most);
    else if (row->most < 1000)
        printf("  %9" PRId64 " us", row->most);
    else if (row->most < 1000000)
        printf("  %9" PRId64 " ms", row->most / 1000);
    else
        printf("  %9" PRId64 " s ", row->most / 1000000);
}

static void print_rows(const struct row *rows, size_t count, int is_time)
{
    static const char bar[] = "########################################";
    uint64_t all = 0, largest = 0;
    _Static_assert(sizeof bar == BAR + 1, "a bar as long as the longest");
    count = trim(&rows, count);
    for (size_t i = 0; i < count; i++) {
        all += rows[i].count;
        largest = rows[i].count > largest ? rows[i].count : largest;
    }
    for (size_t i = 0; i < count; i++) {
        double of_largest = (double)rows[i].count / (double)largest;
        int length = rows[i].count > 0 ? 1 + (int)(of_largest * (BAR - 1)) : 0;
        print_most(&rows[i], is_time);
        printf(" %12" PRIu64 " %5.1f%%%s%.*s\n", rows[i].count, 100 * (double)rows[i].count / (double)all,
               length > 0 ? "  " : "", length, bar);
    }
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

static const char *const share_names[] = { "p50", "p90", "p99", "p99.9", "max" };
static const double shares[] = { 0.5, 0.9, 0.99, 0.999, 1.0 };
enum { SHARES = sizeof shares / sizeof shares[0] };

static void print_text(const struct footfall_cli_bench *b, const struct metrics *m, double rate)
{
    struct row rows[MOST_ROWS];
    printf("%" PRId64 " visits (%" PRId64 " by new visitors) in %.3f s, threads %" PRId64 ", batch %" PRId64 "\n"
           "%.0f visits a second\n",
           b->visits, b->new_visitors, b->seconds, b->threads, b->batch, rate);
    for (size_t i = 0; i < SHARES; i++)
        printf("  %-6s %12.1f us a call\n", share_names[i], footfall__cli_times_us(b->times, shares[i]));
    for (size_t i = 0; i < m->kind_count && b->visits > 0; i++)
        printf("  %-6s %12.3f units a visit\n", m->kinds[i].kind, m->kinds[i].units / (double)b->visits);
    printf("\n%" PRIu64 " calls; each took up to\n", b->times->calls);
    print_rows(rows, rows_of_times(rows, b->times), 1);
    printf("\n%.0f batches in the store, of %.1f visits on average, %.0f the longest; each had up to\n", m->batches,
           m->batches > 0 ? m->operations / m->batches : 0, m->longest);
    print_rows(rows, rows_of_sizes(rows, m), 0);
}

static json_t *batches_as_json(const struct metrics *m)
{
    struct row rows[MOST_SIZES];
    return json_pack("{s:I, s:f, s:I, s:o}", "count", (json_int_t)m->batches, "mean",
                     m->batches > 0 ? m->operations / m->batches : 0.0, "longest", (json_int_t)m->longest, "sizes",
                     rows_as_json(rows, rows_of_sizes(rows, m), "le", "batches"));
}

static json_t *whole_as_json(const struct footfall_cli_bench *b, const struct metrics *m, double rate)
{
    struct row rows[FOOTFALL_CLI_ROWS];
    json_t *call_us = json_object(), *units = json_object(), *line = NULL;
    for (size_t i = 0; i < SHARES; i++)
        json_object_set_new(call_us, share_names[i], json_real(footfall__cli_times_us(b->times, shares[i])));
    for (size_t i = 0; i < m->kind_count && b->visits > 0; i++)
        json_object_set_new(units, m->kinds[i].kind, json_real(m->kinds[i].units / (double)b->visits));
    line =
        json_pack("{s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:o, s:o, s:o}", "visits", (json_int_t)b->visits, "new_visitors",
                  (json_int_t)b->new_visitors, "threads", (json_int_t)b->threads, "batch", (json_int_t)b->batch,
                  "seconds", b->seconds, "visits_per_second", (json_int_t)rate, "calls", (json_int_t)b->times->calls,
                  "call_us", call_us, "histogram", rows_as_json(rows, rows_of_times(rows, b->times), "le_us", "calls"),
                  "batches", batches_as_json(m));
    if (m->kind_count > 0)
        json_object_set(line, "units_per_visit", units);
    json_decref(units);
    return line;
}

void footfall__cli_bench_report(const struct footfall_cli *cli, const struct footfall_cli_bench *bench)
{
    double rate = bench->seconds > 0 ? (double)bench->visits / bench->seconds : 0;
    struct metrics m;
    memset(&m, 0, sizeof m);
    footfall_metrics(cli->handle, take_metric, &m);
    if (cli->json) {
        json_t *line = whole_as_json(bench, &m, rate);
        if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0)
            putchar('\n');
        json_decref(line);
    } else {
        print_text(bench, &m, rate);
    }
    footfall__cli_written();
}
