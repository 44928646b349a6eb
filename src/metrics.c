/* metrics.c: the engine's numbers and histograms, then the backend's own lines (footfall_admin.h). */
#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "bytes.h"
#include "engine.h"
#include "footfall_admin.h"

struct measuring {
    footfall_each_metric *each;
    void *user;
};

/* The backend's own lines come lane by lane; those of one name are told together, with the lane when there are several. */
enum { LINES_OF_A_LANE = 32, NAME_BYTES = 80, HELP_BYTES = 160, LABELS_BYTES = 96 };
struct line {
    struct footfall_metric metric;
    char name[NAME_BYTES], help[HELP_BYTES], labels[LABELS_BYTES];
    int told;
};
struct lines {
    uint32_t lane, lanes;
    size_t count, room;
    struct line *all;
};

static void keep_line(void *user, const char *name, const char *help, const char *labels, int counter, double value)
{
    struct lines *lines = user;
    struct line *line = &lines->all[lines->count];
    if (lines->count == lines->room)
        return;
    if (labels == NULL)
        labels = "";
    if (lines->lanes > 1)
        footfall__format(line->labels, sizeof line->labels, "%s%slane=\"%" PRIu32 "\"", labels,
                         labels[0] != '\0' ? "," : "", lines->lane);
    else
        footfall__format(line->labels, sizeof line->labels, "%s", labels);
    footfall__format(line->name, sizeof line->name, "%s", name);
    footfall__format(line->help, sizeof line->help, "%s", help);
    line->metric = (struct footfall_metric){ line->name, line->help, line->labels, counter, value };
    line->told = 0;
    lines->count++;
}

static void tell_lines(struct lines *lines, const struct measuring *m)
{
    for (size_t i = 0; i < lines->count; i++)
        for (size_t j = i; j < lines->count; j++)
            if (!lines->all[j].told && strcmp(lines->all[j].metric.name, lines->all[i].metric.name) == 0) {
                lines->all[j].told = 1;
                m->each(m->user, &lines->all[j].metric);
            }
}

static void measure_store(struct footfall *ff, const struct measuring *m)
{
    struct lines lines = { .lanes = ff->lane_count, .room = (size_t)ff->lane_count * LINES_OF_A_LANE };
    lines.all = footfall__array(NULL, lines.room, sizeof lines.all[0]);
    if (lines.all == NULL)
        return;
    for (uint32_t i = 0; i < ff->lane_count; i++) {
        lines.lane = i;
        footfall__store_metrics(&ff->lanes[i].store, keep_line, &lines);
    }
    tell_lines(&lines, m);
    footfall__free(lines.all);
}

static void tell_metric(const struct measuring *m, const char *name, const char *help, const char *labels, int counter,
                        double value)
{
    struct footfall_metric metric = { name, help, labels, counter, value };
    m->each(m->user, &metric);
}

/* ---- histograms ------------------------------------------------------------------------------------------------------- */

/* Each place holds what the smaller ones hold too, as Prometheus wants it. Returns what the last one holds. */
static uint64_t tell_places(const struct measuring *m, const char *name, const char *help, const char *more,
                            const uint64_t *counts, size_t places, const char *(*label)(size_t place))
{
    uint64_t sum = 0;
    for (size_t i = 0; i < places; i++) {
        char labels[LABELS_BYTES];
        sum += counts[i];
        footfall__format(labels, sizeof labels, "%s%sle=\"%s\"", more, more[0] != '\0' ? "," : "", label(i));
        tell_metric(m, name, help, labels, 1, (double)sum);
    }
    return sum;
}

static void tell_sizes(const struct footfall *ff, const struct measuring *m)
{
    static const char help[] = "Operations in a batch.";
    uint64_t counts[FOOTFALL__TALLY_SIZES] = { 0 };
    uint64_t operations = 0, batches = 0;
    for (uint32_t lane = 0; lane < ff->lane_count; lane++) {
        const struct footfall__tally *tally = &ff->lanes[lane].tally;
        for (size_t i = 0; i < FOOTFALL__TALLY_SIZES; i++)
            counts[i] += footfall__tally_read(&tally->sizes[i]);
        operations += footfall__tally_read(&tally->operations);
    }
    batches = tell_places(m, "footfall_batch_operations_bucket", help, "", counts, FOOTFALL__TALLY_SIZES,
                          footfall__tally_size_label);
    tell_metric(m, "footfall_batch_operations_sum", help, "", 1, (double)operations);
    tell_metric(m, "footfall_batch_operations_count", help, "", 1, (double)batches);
}

static void tell_times(const struct footfall *ff, const struct measuring *m)
{
    static const char help[] = "How long the store took for a batch, each attempt.";
    static const char *const kinds[FOOTFALL__TALLY_KINDS] = { "kind=\"write\"", "kind=\"read\"" };
    uint64_t us[FOOTFALL__TALLY_KINDS] = { 0 }, attempts[FOOTFALL__TALLY_KINDS] = { 0 };
    for (size_t kind = 0; kind < FOOTFALL__TALLY_KINDS; kind++) {
        uint64_t counts[FOOTFALL__TALLY_TIMES] = { 0 };
        for (uint32_t lane = 0; lane < ff->lane_count; lane++) {
            const struct footfall__tally *tally = &ff->lanes[lane].tally;
            for (size_t i = 0; i < FOOTFALL__TALLY_TIMES; i++)
                counts[i] += footfall__tally_read(&tally->times[kind][i]);
            us[kind] += footfall__tally_read(&tally->us[kind]);
        }
        attempts[kind] = tell_places(m, "footfall_store_seconds_bucket", help, kinds[kind], counts,
                                     FOOTFALL__TALLY_TIMES, footfall__tally_time_label);
    }
    for (size_t kind = 0; kind < FOOTFALL__TALLY_KINDS; kind++)
        tell_metric(m, "footfall_store_seconds_sum", help, kinds[kind], 1, (double)us[kind] / 1e6);
    for (size_t kind = 0; kind < FOOTFALL__TALLY_KINDS; kind++)
        tell_metric(m, "footfall_store_seconds_count", help, kinds[kind], 1, (double)attempts[kind]);
}

void footfall_metrics(struct footfall *ff, footfall_each_metric *each, void *user)
{
    struct measuring m = { each, user };
    const struct footfall__counts *c;
    if (ff == NULL || each == NULL || footfall__inherited(ff))
        return;
    c = &ff->counts;
    tell_metric(&m, "footfall_operations_total", "Operations that took part in a batch.", "", 1,
                (double)footfall__tally_read(&c->operations));
    tell_metric(&m, "footfall_batches_total", "Batches sent to the store.", "", 1,
                (double)footfall__tally_read(&c->batches));
    tell_metric(&m, "footfall_retries_total", "Attempts after the first.", "", 1,
                (double)footfall__tally_read(&c->retries));
    tell_metric(&m, "footfall_failed_total", "Operations without a certain success.", "outcome=\"temporary\"", 1,
                (double)footfall__tally_read(&c->temporary));
    tell_metric(&m, "footfall_failed_total", "Operations without a certain success.", "outcome=\"unknown\"", 1,
                (double)footfall__tally_read(&c->unknown));
    tell_metric(&m, "footfall_replayed_total", "Operations that had been counted before.", "", 1,
                (double)footfall__tally_read(&c->replayed));
    tell_metric(&m, "footfall_queued", "Operations that wait for a batch.", "", 0,
                (double)footfall__tally_read(&c->queued_now));
    tell_metric(&m, "footfall_longest_batch", "Operations in the longest batch.", "", 0,
                (double)footfall__tally_read(&c->longest_batch));
    tell_sizes(ff, &m);
    tell_times(ff, &m);
    measure_store(ff, &m);
}
