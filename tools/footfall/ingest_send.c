/* ingest_send.c: sends batch after batch. With a state file each batch is written down before it is sent, and the one in doubt
 * is sent again first. */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Each operation has its answer for good: counted, or refused for its numbers, which a resend would not change. */
static int is_decided(const struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->results[i].status != FOOTFALL_OK && batch->results[i].status != FOOTFALL_RANGE)
            return 0;
    return 1;
}

static void tell_notes(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    if (batch->note_count > 0)
        footfall__ingest_hide_progress(&run->report);
    footfall__ingest_tell_notes(&run->report, batch);
}

/* Counts a batch. 0, or an exit status after a message. */
static int apply(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch, int *decided)
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
    if (status == FOOTFALL_OK) {
        footfall__ingest_show_progress(&run->report, batch);
        return 0;
    }
    footfall__ingest_hide_progress(&run->report);
    return footfall__ingest_tell_failure(&run->report, batch, &err);
}

/* The state's entry of the file that a batch is of. SIZE_MAX: no memory. */
static size_t entry_of(struct footfall_ingest_run *run, size_t file)
{
    if (run->files[file].entry == SIZE_MAX)
        run->files[file].entry = footfall__ingest_state_add(&run->state, run->files[file].name);
    return run->files[file].entry;
}

/* Writes down that the batch is about to be sent. */
static int save_doubt(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch, size_t entry)
{
    struct footfall_ingest_doubt *doubt = &run->state.doubt;
    run->state.number++;
    *doubt = (struct footfall_ingest_doubt){ 1,           entry,           batch->first,
                                             batch->last, batch->limit_ms, batch->count,
                                             batch->names };
    return footfall__ingest_state_save(&run->state, &run->rules);
}

static int send_numbered(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
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
static int ending(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    const struct footfall_ingest_where *reached = &batch->reached;
    const char *wrong = batch->wrong;
    if (batch->left || (batch->end != FOOTFALL_INGEST_MORE && batch->end != FOOTFALL_INGEST_INPUT_ENDS))
        footfall__ingest_hide_progress(&run->report);
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
static int send_again(struct footfall_ingest_run *run, size_t file)
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

int footfall__ingest_settle_doubt(struct footfall_ingest_run *run)
{
    for (size_t i = 0; run->state.doubt.there && i < run->file_count; i++)
        if (run->files[i].entry == run->state.doubt.entry)
            return send_again(run, i);
    return 0;
}

/* ---- all the rest ----------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 with *end when the batch ends the run (otherwise -1), or an exit status after a message. */
static int send(struct footfall_ingest_run *run, struct footfall_ingest_pipe *pipe,
                const struct footfall_ingest_batch *batch, int *end)
{
    int64_t began_ms = now_ms();
    int exit = 0, decided = 0;
    tell_notes(run, batch);
    exit = run->state_path != NULL ? send_numbered(run, batch) : apply(run, batch, &decided);
    if (exit != 0)
        return exit;
    footfall__ingest_pipe_took(pipe, batch->count, now_ms() - began_ms);
    run->next = batch->next;
    *end = ending(run, batch);
    return 0;
}

/* The program dies of the signal when all is put away. */
static int stop(struct footfall_ingest_run *run)
{
    footfall__ingest_hide_progress(&run->report);
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "stopped at %s:%" PRIu64 ": all before is counted",
                                  footfall__ingest_file_name(&run->report, run->next.file), run->next.line);
}

int footfall__ingest_send_all(struct footfall_ingest_run *run)
{
    struct footfall_ingest_source source = { .rules = &run->rules,
                                             .files = run->files,
                                             .file_count = run->file_count,
                                             .resume = run->state_path != NULL,
                                             .stop = UINT64_MAX };
    struct footfall_ingest_pipe *pipe = footfall__ingest_pipe_open(&source);
    int exit = 0, end = -1;
    if (pipe == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    run->next = (struct footfall_ingest_where){ 0, run->files[0].start.lines + 1 };
    run->report.input_bytes = footfall__ingest_input_bytes(run->files, run->file_count);
    while (exit == 0 && end < 0) {
        const struct footfall_ingest_batch *batch =
            footfall__cli_interrupted() ? NULL : footfall__ingest_pipe_next(pipe);
        if (footfall__cli_interrupted())
            exit = stop(run);
        else if (batch != NULL)
            exit = send(run, pipe, batch, &end);
    }
    footfall__ingest_pipe_close(pipe);
    footfall__ingest_source_free(&source);
    if (exit == 0)
        run->cli->ended_well = 1; /* an interrupt came too late to matter */
    return exit != 0 ? exit : end;
}
