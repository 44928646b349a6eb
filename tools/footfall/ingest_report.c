/* ingest_report.c: what a run tells: lines that were skipped, how far a failed batch got, the summary. */
#include "ingest.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

const char *footfall__ingest_file_name(const struct footfall_ingest_report *report, size_t file)
{
    const char *name = report->files[file].name;
    return strcmp(name, "-") == 0 ? FOOTFALL_INGEST_STDIN : name;
}

void footfall__ingest_tell_notes(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->note_count; i++) {
        const struct footfall_ingest_note *note = &batch->notes[i];
        if (report->named[note->skip]++ < FOOTFALL_INGEST_NOTES)
            footfall__cli_complain(0, "%s:%" PRIu64 ": skipped: %s",
                                   footfall__ingest_file_name(report, note->where.file), note->where.line,
                                   note->reason);
    }
}

void footfall__ingest_add_counts(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch)
{
    struct footfall_ingest_counts *sum = &report->sum;
    sum->read += batch->counts.read;
    for (size_t i = 0; i < FOOTFALL_INGEST_SKIPS; i++)
        sum->skipped[i] += batch->counts.skipped[i];
    for (size_t i = 0; i < batch->count; i++) {
        const struct footfall_result *r = &batch->results[i];
        if (r->status != FOOTFALL_OK)
            continue;
        sum->counted += !(r->flags & FOOTFALL_REPLAYED);
        sum->before += (r->flags & FOOTFALL_REPLAYED) != 0;
        sum->fresh += (r->flags & FOOTFALL_IS_NEW) != 0;
    }
}

void footfall__ingest_show_progress(struct footfall_ingest_report *report, const struct footfall_ingest_batch *batch)
{
    (void)report;
    (void)batch;
}

void footfall__ingest_hide_progress(struct footfall_ingest_report *report)
{
    (void)report;
}

static double seconds_since(const struct timespec *began)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static void print_line(const char *what, uint64_t number)
{
    printf("%-22s %12" PRIu64 "\n", what, number);
}

static uint64_t all_skipped(const struct footfall_ingest_counts *sum)
{
    uint64_t skipped = 0;
    for (size_t i = 0; i < FOOTFALL_INGEST_SKIPS; i++)
        skipped += sum->skipped[i];
    return skipped;
}

static void print_text(const struct footfall_ingest_counts *sum, double seconds, double rate)
{
    char what[64];
    print_line("read", sum->read);
    print_line("counted", sum->counted);
    if (sum->before > 0)
        print_line("counted before", sum->before);
    print_line("new visitors", sum->fresh);
    print_line("skipped", all_skipped(sum));
    for (size_t i = 0; i < FOOTFALL_INGEST_SKIPS; i++)
        if (sum->skipped[i] > 0) {
            snprintf(what, sizeof what, "  %s", footfall__ingest_skip_names[i]);
            print_line(what, sum->skipped[i]);
        }
    printf("%-22s %12.3f\n%-22s %12.0f\n", "seconds", seconds, "lines a second", rate);
    footfall__cli_written();
}

static void print_json(const struct footfall_ingest_counts *sum, double seconds, double rate)
{
    json_t *skipped = json_object();
    json_t *line = NULL;
    for (size_t i = 0; i < FOOTFALL_INGEST_SKIPS; i++)
        json_object_set_new(skipped, footfall__ingest_skip_keys[i], json_integer((json_int_t)sum->skipped[i]));
    line = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:I}", "read", (json_int_t)sum->read, "counted",
                     (json_int_t)sum->counted, "counted_before", (json_int_t)sum->before, "new_visitors",
                     (json_int_t)sum->fresh, "skipped", (json_int_t)all_skipped(sum), "skipped_by_reason", skipped,
                     "seconds", seconds, "lines_per_second", (json_int_t)rate);
    if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(line);
}

void footfall__ingest_print_summary(const struct footfall_ingest_report *report)
{
    double seconds = seconds_since(&report->began);
    double rate = seconds > 0 ? (double)report->sum.read / seconds : 0;
    if (report->json)
        print_json(&report->sum, seconds, rate);
    else
        print_text(&report->sum, seconds, rate);
}

/* After a batch that did not wholly succeed: how far it got. Returns the exit status. */
int footfall__ingest_tell_failure(const struct footfall_ingest_report *report,
                                  const struct footfall_ingest_batch *batch, const struct footfall_error *err)
{
    size_t first = SIZE_MAX, refused = 0, unknown = 0;
    for (size_t i = 0; i < batch->count; i++) {
        first = batch->results[i].status != FOOTFALL_OK && first == SIZE_MAX ? i : first;
        unknown += batch->results[i].status == FOOTFALL_UNKNOWN;
        refused += batch->results[i].status != FOOTFALL_OK && batch->results[i].status != FOOTFALL_UNKNOWN;
    }
    if (first == SIZE_MAX)
        return footfall__cli_failed(err);
    footfall__cli_complain(0, "stopped at %s:%" PRIu64 ": %s",
                           footfall__ingest_file_name(report, batch->where[first].file), batch->where[first].line,
                           err->text[0] != '\0' ? err->text : footfall_status_name(err->status));
    footfall__cli_complain(0,
                           "of %zu lines from %s:%" PRIu64 " to %s:%" PRIu64
                           ", %zu are counted, %zu are not, %zu may be; "
                           "all before are",
                           batch->count, footfall__ingest_file_name(report, batch->where[0].file), batch->where[0].line,
                           footfall__ingest_file_name(report, batch->where[batch->count - 1].file),
                           batch->where[batch->count - 1].line, batch->count - refused - unknown, refused, unknown);
    return footfall__cli_exit_of(err->status);
}
