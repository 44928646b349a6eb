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
    struct footfall_ingest_report report;
};

/* ---- options ---------------------------------------------------------------------------------------------------------- */

static int take_files(struct run *run)
{
    static const char *const standard_input[] = { "-" };
    const struct footfall_cli_arguments *arguments = &run->cli->arguments;
    const char *const *names = arguments->operand_count > 0 ? arguments->operands : standard_input;
    run->file_count = arguments->operand_count > 0 ? arguments->operand_count : 1;
    run->files = calloc(run->file_count, sizeof *run->files);
    if (run->files == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    run->report.files = run->files;
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

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

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
    footfall__ingest_add_counts(&run->report, batch);
    return status == FOOTFALL_OK ? 0 : footfall__ingest_tell_failure(&run->report, batch, &err);
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
    const char *wrong = batch->wrong;
    if (batch->left)
        footfall__cli_complain(0, "%s:%" PRIu64 ": the last line has no end yet and is left for the next run",
                               footfall__ingest_file_name(&run->report, reached->file), reached->line);
    switch (batch->end) {
    case FOOTFALL_INGEST_MORE:
        return -1;
    case FOOTFALL_INGEST_INPUT_ENDS:
        return FOOTFALL_CLI_DONE;
    case FOOTFALL_INGEST_STOPPED:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s:%" PRIu64 ": %s; nothing after that line is counted",
                                      footfall__ingest_file_name(&run->report, batch->stop.where.file),
                                      batch->stop.where.line, batch->stop.reason);
    default:
        if (wrong[0] == '\0')
            wrong =
                batch->error == ESTALE ? "it was changed or replaced meanwhile; start again" : strerror(batch->error);
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "%s: cannot be read after line %" PRIu64 ": %s",
                                      footfall__ingest_file_name(&run->report, reached->file), reached->line, wrong);
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
    footfall__ingest_tell_notes(&run->report, &batch);
    if (batch.end == FOOTFALL_INGEST_UNREADABLE) {
        exit = ending(run, &batch);
    } else if (batch.count != doubt.operations || batch.names != doubt.names || batch.first != doubt.first) {
        exit = footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s does not read as it did in the run before",
                                      footfall__ingest_file_name(&run->report, file));
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
        footfall__ingest_tell_notes(&run->report, batch);
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
    clock_gettime(CLOCK_MONOTONIC, &run.report.began);
    run.report.json = cli->json;
    if ((exit = footfall__ingest_take_rules(&run.rules, &cli->arguments)) != 0 || (exit = take_files(&run)) != 0 ||
        (exit = footfall__cli_configure(cli)) != 0)
        goto cleanup;
    take_configuration(&run);
    if ((exit = open_state(&run)) != 0 || (exit = footfall__cli_open(cli)) != 0)
        goto cleanup;
    exit = count_all(&run);
    if (exit == 0)
        purge_slice(&run);
    footfall__ingest_print_summary(&run.report);
cleanup:
    footfall__ingest_state_free(&run.state);
    footfall__ingest_free_rules(&run.rules);
    free(run.files);
    return exit;
}
