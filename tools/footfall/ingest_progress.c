/* ingest_progress.c: how far a run is, in a line on the terminal that is rewritten after a batch: when, and how fast it goes.
 * What the line says is ingest_gauge.c's affair. */
#include "ingest.h"

#include <string.h>

#define FIRST_SECONDS 0.5  /* a run shorter than that shows nothing */
#define EVERY_SECONDS 0.1  /* at most so often */
#define SAMPLE_SECONDS 0.5 /* apart, at least */
#define RATE_SECONDS 8.0   /* that rates are taken over */
#define LINE_BYTES 512

/* The samples go back RATE_SECONDS and one farther: what rates are counted from is the first, and never `now` itself. */
static void take_sample(struct footfall_ingest_progress *p, const struct footfall_ingest_sample *now)
{
    size_t old = 0;
    if (p->count == 0)
        p->samples[p->count++] = (struct footfall_ingest_sample){ 0, 0, 0 };
    if (now->seconds - p->samples[p->count - 1].seconds < SAMPLE_SECONDS)
        return;
    while (old + 1 < p->count && p->samples[old + 1].seconds <= now->seconds - RATE_SECONDS)
        old++;
    if (old == 0 && p->count == FOOTFALL_INGEST_SAMPLES)
        old = 1;
    p->count -= old;
    memmove(p->samples, p->samples + old, p->count * sizeof p->samples[0]);
    p->samples[p->count++] = *now;
}

static struct footfall_ingest_gauge read_gauge(const struct footfall_ingest_report *report,
                                               const struct footfall_ingest_sample *now)
{
    const struct footfall_ingest_sample *first = &report->progress.samples[0];
    double seconds = now->seconds - first->seconds, bytes = (double)(now->bytes - first->bytes);
    struct footfall_ingest_gauge gauge = { .lines = now->lines,
                                           .lines_per_second = (double)(now->lines - first->lines) / seconds,
                                           .share = -1,
                                           .seconds_left = -1,
                                           .utf8 = footfall__cli_is_utf8(),
                                           .on = footfall__cli_style(stderr, FOOTFALL_CLI_CYAN),
                                           .off = footfall__cli_style(stderr, FOOTFALL_CLI_NORMAL) };
    if (report->input_bytes == 0 || now->bytes > report->input_bytes) /* a pipe, a file that has grown */
        return gauge;
    gauge.share = (double)now->bytes / (double)report->input_bytes;
    if (bytes > 0)
        gauge.seconds_left = (double)(report->input_bytes - now->bytes) * seconds / bytes;
    return gauge;
}

void footfall__ingest_show_progress(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch)
{
    struct footfall_ingest_progress *p = &report->progress;
    struct footfall_ingest_sample now = { footfall__ingest_seconds(report), report->sum.read, batch->consumed };
    struct footfall_ingest_gauge gauge;
    char line[LINE_BYTES];
    if (!footfall__cli_can_rewrite(stderr))
        return;
    take_sample(p, &now);
    if (batch->end != FOOTFALL_INGEST_MORE || now.seconds < FIRST_SECONDS || now.seconds - p->shown < EVERY_SECONDS)
        return;
    p->shown = now.seconds;
    gauge = read_gauge(report, &now);
    footfall__ingest_draw_gauge(line, sizeof line, &gauge, footfall__cli_columns(stderr) - 1);
    footfall__cli_show_line(line);
}

void footfall__ingest_hide_progress(struct footfall_ingest_report *report)
{
    (void)report;
    footfall__cli_hide_line();
}
