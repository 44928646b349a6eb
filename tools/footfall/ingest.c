/* ingest.c: `footfall ingest`: takes its options, sends batch after batch, and tells what became of the lines. With a state
 * file each batch is written down before it is sent, and the one in doubt is sent again first. */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS                                                                                                        \
    300000 /* for a whole batch, which a slow or throttled store takes minutes for; the deadline, when that is longer */
#define SERIES_KEEP_MS (INT64_C(8) * 24 * 3600 * 1000)
#define PURGE_RECORDS 10000

struct run {
    struct footfall_cli *cli;
    struct footfall_ingest_rules rules;
    struct footfall_ingest_file *files;
    size_t file_count;
    const char *state_path; /* NULL: nothing is remembered */
    struct footfall_ingest_state state;
    struct footfall_call call;
    struct footfall_ingest_counts sum;
    uint64_t named[FOOTFALL_INGEST_SKIPS]; /* lines named so far */
    struct timespec began;
};

/* ---- options ---------------------------------------------------------------------------------------------------------- */

static int take_rules(struct run *run)
{
    const char *const *values = run->cli->arguments.values;
    const char *format = values[FOOTFALL_CLI_FORMAT], *by = values[FOOTFALL_CLI_BY];
    const char *status = values[FOOTFALL_CLI_STATUS];
    struct footfall_ingest_rules *rules = &run->rules;
    rules->format = FOOTFALL_LOGS_COMBINED;
    if (format != NULL && strcmp(format, "common") == 0)
        rules->format = FOOTFALL_LOGS_COMMON;
    else if (format != NULL && strcmp(format, "combined") != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--format: combined or common");
    if (by != NULL && strcmp(by, "path") != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by: path is all there is");
    rules->counter = values[FOOTFALL_CLI_COUNTER];
    if (by != NULL && rules->counter != NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by path and --counter exclude each other");
    rules->strict = values[FOOTFALL_CLI_STRICT] != NULL;
    rules->every_status = status == NULL;
    if (status != NULL && footfall__cli_statuses(rules->statuses, status) != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--status: a list such as 200-399 or 200,204,301-308");
    if (status != NULL && memchr(rules->statuses, 0, sizeof rules->statuses) == NULL)
        rules->every_status = 1;
    return rules->counter != NULL ? footfall__cli_check_name(rules->counter) : 0;
}

static int take_files(struct run *run)
{
    static const char *const standard_input[] = { "-" };
    const struct footfall_cli_arguments *arguments = &run->cli->arguments;
    const char *const *names = arguments->operand_count > 0 ? arguments->operands : standard_input;
    run->file_count = arguments->operand_count > 0 ? arguments->operand_count : 1;
    run->files = calloc(run->file_count, sizeof *run->files);
    if (run->files == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    for (size_t i = 0; i < run->file_count; i++) {
        run->files[i].name = names[i];
        run->files[i].entry = SIZE_MAX;
    }
    run->state_path = arguments->values[FOOTFALL_CLI_RESUME];
    return footfall__ingest_look(run->files, run->file_count, run->state_path != NULL);
}

/* What the configuration has to say about it. */
static void take_configuration(struct run *run)
{
    const char *visitor = footfall_config_get(run->cli->config, "visitor");
    int64_t deadline_ms = 0;
    run->rules.with_agent = visitor != NULL && strcmp(visitor, "address+agent") == 0;
    run->call = (struct footfall_call)FOOTFALL_CALL_INIT;
    run->call.wait_ms = WAIT_MS;
    if (footfall_config_duration(&deadline_ms, run->cli->config, "deadline", WAIT_MS, FOOTFALL_WAIT_MAX_MS, NULL) == 0)
        run->call.wait_ms = (uint32_t)deadline_ms;
}

/* ---- what is told ----------------------------------------------------------------------------------------------------- */

static const char *file_name(const struct run *run, size_t file)
{
    const char *name = run->files[file].name;
    return strcmp(name, "-") == 0 ? FOOTFALL_INGEST_STDIN : name;
}

static void tell_notes(struct run *run, const struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->note_count; i++) {
        const struct footfall_ingest_note *note = &batch->notes[i];
        if (run->named[note->skip]++ < FOOTFALL_INGEST_NOTES)
            footfall__cli_complain(0, "%s:%" PRIu64 ": skipped: %s", file_name(run, note->where.file), note->where.line,
                                   note->reason);
    }
}

static void add_counts(struct run *run, const struct footfall_ingest_batch *batch)
{
    struct footfall_ingest_counts *sum = &run->sum;
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

static void print_summary(const struct run *run)
{
    double seconds = seconds_since(&run->began);
    double rate = seconds > 0 ? (double)run->sum.read / seconds : 0;
    if (run->cli->json)
        print_json(&run->sum, seconds, rate);
    else
        print_text(&run->sum, seconds, rate);
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

/* After a batch that did not wholly succeed: how far it got. Returns the exit status. */
static int tell_failure(const struct run *run, const struct footfall_ingest_batch *batch,
                        const struct footfall_error *err)
{
    size_t first = SIZE_MAX, refused = 0, unknown = 0;
    for (size_t i = 0; i < batch->count; i++) {
        first = batch->results[i].status != FOOTFALL_OK && first == SIZE_MAX ? i : first;
        unknown += batch->results[i].status == FOOTFALL_UNKNOWN;
        refused += batch->results[i].status != FOOTFALL_OK && batch->results[i].status != FOOTFALL_UNKNOWN;
    }
    if (first == SIZE_MAX)
        return footfall__cli_failed(err);
    footfall__cli_complain(0, "stopped at %s:%" PRIu64 ": %s", file_name(run, batch->where[first].file),
                           batch->where[first].line,
                           err->text[0] != '\0' ? err->text : footfall_status_name(err->status));
    footfall__cli_complain(0,
                           "of %zu lines from %s:%" PRIu64 " to %s:%" PRIu64
                           ", %zu are counted, %zu are not, %zu may be; "
                           "all before are",
                           batch->count, file_name(run, batch->where[0].file), batch->where[0].line,
                           file_name(run, batch->where[batch->count - 1].file), batch->where[batch->count - 1].line,
                           batch->count - refused - unknown, refused, unknown);
    return footfall__cli_exit_of(err->status);
}

/* Each operation has its answer for good: counted, or refused for its numbers, which a resend would not change. */
static int is_decided(const struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->results[i].status != FOOTFALL_OK && batch->results[i].status != FOOTFALL_RANGE)
            return 0;
    return 1;
}

/* Counts a batch. 0, or an exit status after a message. */
static int apply(struct run *run, const struct footfall_ingest_batch *batch, int *decided)
{
    struct footfall_error err;
    int status = FOOTFALL_OK;
    *decided = 1;
    if (batch->count > 0) {
        memset(batch->results, 0, batch->count * sizeof *batch->results);
        status = footfall_apply(run->cli->handle, batch->ops, batch->count, &run->call, batch->results, &err);
        *decided = status == FOOTFALL_OK || is_decided(batch);
    }
    add_counts(run, batch);
    return status == FOOTFALL_OK ? 0 : tell_failure(run, batch, &err);
}

/* The state's entry of the file that a batch is of. SIZE_MAX: no memory. */
static size_t entry_of(struct run *run, size_t file)
{
    if (run->files[file].entry == SIZE_MAX)
        run->files[file].entry = footfall__ingest_state_add(&run->state, run->files[file].name);
    return run->files[file].entry;
}

/* Writes down that the batch is about to be sent. */
static int save_doubt(struct run *run, const struct footfall_ingest_batch *batch, size_t entry)
{
    struct footfall_ingest_doubt *doubt = &run->state.doubt;
    run->state.number++;
    *doubt = (struct footfall_ingest_doubt){ 1,           entry,           batch->first,
                                             batch->last, batch->limit_ms, batch->count,
                                             batch->names };
    return footfall__ingest_state_save(&run->state, &run->rules);
}

static int send_numbered(struct run *run, const struct footfall_ingest_batch *batch)
{
    size_t entry = SIZE_MAX;
    int decided = 0, exit = 0;
    if (batch->last.offset == 0)
        return 0;
    if ((entry = entry_of(run, batch->file)) == SIZE_MAX)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    if (batch->count > 0 && (exit = save_doubt(run, batch, entry)) != 0)
        return exit;
    run->call.number = run->state.number;
    exit = apply(run, batch, &decided);
    if (decided) {
        run->state.entries[entry].done = batch->last;
        run->state.doubt.there = 0;
    }
    return exit;
}

/* How a batch ends the run, if it does: -1: it does not. */
static int ending(struct run *run, const struct footfall_ingest_batch *batch)
{
    const struct footfall_ingest_where *reached = &batch->reached;
    if (batch->left)
        footfall__cli_complain(0, "%s:%" PRIu64 ": the last line has no end yet and is left for the next run",
                               file_name(run, reached->file), reached->line);
    switch (batch->end) {
    case FOOTFALL_INGEST_MORE:
        return -1;
    case FOOTFALL_INGEST_INPUT_ENDS:
        return FOOTFALL_CLI_DONE;
    case FOOTFALL_INGEST_STOPPED:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s:%" PRIu64 ": %s; nothing after that line is counted",
                                      file_name(run, batch->stop.where.file), batch->stop.where.line,
                                      batch->stop.reason);
    default:
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "%s: cannot be read after line %" PRIu64 ": %s",
                                      file_name(run, reached->file), reached->line,
                                      batch->error == ESTALE ? "it was changed or replaced meanwhile; start again"
                                                             : strerror(batch->error));
    }
}

/* Sends the batch of the run before again, from the same bytes and by the same rules. */
static int send_again(struct run *run, size_t file)
{
    struct footfall_ingest_doubt doubt = run->state.doubt;
    struct footfall_ingest_source source = { .rules = &run->rules,
                                             .files = &run->files[file],
                                             .file_count = 1,
                                             .resume = 1,
                                             .limit_ms = doubt.limit_ms,
                                             .stop = doubt.last.offset };
    struct footfall_ingest_batch batch;
    int decided = 0, exit = 0;
    /* Room for one too many: the lines that were skipped at its end are read too, and a file that says more is noticed. */
    if (footfall__ingest_batch_open(&batch, (size_t)doubt.operations + 1) != 0)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    footfall__ingest_fill(&source, &batch, (size_t)doubt.operations + 1);
    batch.reached.file = batch.stop.where.file = file;
    for (size_t i = 0; i < batch.count; i++)
        batch.where[i].file = file;
    for (size_t i = 0; i < batch.note_count; i++)
        batch.notes[i].where.file = file;
    tell_notes(run, &batch);
    if (batch.end == FOOTFALL_INGEST_UNREADABLE) {
        exit = ending(run, &batch);
    } else if (batch.count != doubt.operations || batch.names != doubt.names || batch.first != doubt.first) {
        exit = footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s does not read as it did in the run before",
                                      file_name(run, file));
    } else {
        run->call.number = run->state.number;
        exit = apply(run, &batch, &decided);
    }
    if (decided) {
        run->state.entries[doubt.entry].done = run->files[file].start = doubt.last;
        run->state.doubt.there = 0;
    }
    footfall__ingest_source_free(&source);
    footfall__ingest_batch_free(&batch);
    return exit;
}

static int settle_doubt(struct run *run)
{
    for (size_t i = 0; run->state.doubt.there && i < run->file_count; i++)
        if (run->files[i].entry == run->state.doubt.entry)
            return send_again(run, i);
    return 0;
}

static int send_all(struct run *run)
{
    struct footfall_ingest_source source = { .rules = &run->rules,
                                             .files = run->files,
                                             .file_count = run->file_count,
                                             .resume = run->state_path != NULL,
                                             .stop = UINT64_MAX };
    struct footfall_ingest_pipe *pipe = footfall__ingest_pipe_open(&source);
    int exit = 0, end = -1, decided = 0;
    if (pipe == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    while (exit == 0 && end < 0) {
        const struct footfall_ingest_batch *batch = footfall__ingest_pipe_next(pipe);
        tell_notes(run, batch);
        exit = run->state_path != NULL ? send_numbered(run, batch) : apply(run, batch, &decided);
        if (exit == 0)
            end = ending(run, batch);
    }
    footfall__ingest_pipe_close(pipe);
    footfall__ingest_source_free(&source);
    return exit != 0 ? exit : end;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

/* What has run out of use is dropped a slice at a time; a failure there takes nothing from what was counted. */
static void purge_slice(const struct run *run)
{
    struct footfall_purge_result dropped;
    (void)footfall_purge(run->cli->handle, FOOTFALL_NOW, PURGE_RECORDS, NULL, &dropped, NULL);
}

static int open_state(struct run *run)
{
    int exit = 0;
    if (run->state_path == NULL)
        return 0;
    exit = footfall__ingest_state_open(&run->state, run->state_path, &run->rules);
    if (exit == 0)
        exit = footfall__ingest_state_match(&run->state, run->files, run->file_count);
    run->call.series = run->state.series;
    run->call.series_keep_ms = SERIES_KEEP_MS;
    return exit;
}

static int count_all(struct run *run)
{
    int exit = settle_doubt(run), saved = 0;
    if (exit == 0)
        exit = send_all(run);
    /* While a batch is in doubt the file stays as it was written before that batch was sent: its time counts. */
    if (run->state_path != NULL && !run->state.doubt.there) {
        saved = footfall__ingest_state_save(&run->state, &run->rules);
        exit = exit == 0 ? saved : exit;
    }
    return exit;
}

int footfall__cli_ingest(struct footfall_cli *cli)
{
    struct run run = { .cli = cli, .state = { .fd = -1 } };
    int exit = 0;
    clock_gettime(CLOCK_MONOTONIC, &run.began);
    if ((exit = take_rules(&run)) != 0 || (exit = take_files(&run)) != 0 || (exit = footfall__cli_configure(cli)) != 0)
        goto cleanup;
    take_configuration(&run);
    if ((exit = open_state(&run)) != 0 || (exit = footfall__cli_open(cli)) != 0)
        goto cleanup;
    exit = count_all(&run);
    if (exit == 0)
        purge_slice(&run);
    print_summary(&run);
cleanup:
    footfall__ingest_state_free(&run.state);
    free(run.files);
    return exit;
}
