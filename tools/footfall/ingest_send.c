/* ingest_send.c: sends batch after batch. With a state file each batch is written down before it is sent, and the one in doubt
 * is sent again first. */
#include "ingest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define TRY_AGAIN_MS 5000
#define TEND_MS 3600000
#define MOST_ENTRIES 1000 /* of the state: logs that are known again */

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
    if (batch->note_count > 0 || batch->news[0] != '\0')
        footfall__ingest_hide_progress(&run->report);
    if (batch->news[0] != '\0')
        footfall__cli_complain(0, "%s: %s", footfall__ingest_file_name(&run->report, batch->news_file), batch->news);
    footfall__ingest_tell_notes(&run->report, batch);
}

static int64_t now_ms(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What was not applied, or perhaps, may be sent under its number until it is. */
static int may_try_again(const struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    int again = 0;
    if (!run->follow || run->state_path == NULL || footfall__cli_interrupted())
        return 0;
    for (size_t i = 0; i < batch->count; i++) {
        enum footfall_status status = batch->results[i].status;
        if (status == FOOTFALL_TEMPORARY || status == FOOTFALL_UNKNOWN)
            again = 1;
        else if (status != FOOTFALL_OK && status != FOOTFALL_RANGE)
            return 0;
    }
    return again;
}

static void pause_for(int64_t ms)
{
    static const struct timespec moment = { 0, 100000000 };
    for (int64_t until = now_ms() + ms; now_ms() < until && !footfall__cli_interrupted();)
        nanosleep(&moment, NULL);
}

/* As often as it makes sense. `first_time`: none of it was sent by a run before this. */
static int try(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch, int first_time,
               struct footfall_error *err)
{
    int status = footfall_apply(run->cli->handle, batch->ops, batch->count, &run->call, batch->results, err), told = 0;
    while (status != FOOTFALL_OK && may_try_again(run, batch)) {
        footfall__ingest_hide_progress(&run->report);
        if (!told)
            footfall__cli_complain(0, "%s; trying again until the store takes it",
                                   err->text[0] != '\0' ? err->text : footfall_status_name(err->status));
        told = 1;
        pause_for(TRY_AGAIN_MS);
        status = footfall_apply(run->cli->handle, batch->ops, batch->count, &run->call, batch->results, err);
    }
    for (size_t i = 0; told && first_time && i < batch->count; i++)
        batch->results[i].flags &= ~(uint32_t)FOOTFALL_REPLAYED; /* it is this run that had counted it */
    return status;
}

/* Counts a batch. 0, or an exit status after a message. */
static int apply(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch, int first_time,
                 int *decided)
{
    struct footfall_error err;
    int status = FOOTFALL_OK;
    *decided = 1;
    if (batch->count > 0) {
        memset(batch->results, 0, batch->count * sizeof *batch->results);
        status = try(run, batch, first_time, &err);
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

/* Files, and slots for those to come. */
static size_t all_files(const struct footfall_ingest_run *run)
{
    return run->file_count + (run->follow ? FOOTFALL_INGEST_FOLLOWED - 1 : 0);
}

void footfall__ingest_forget_entry(struct footfall_ingest_run *run, size_t entry)
{
    footfall__ingest_state_forget(&run->state, entry);
    for (size_t i = 0; i < all_files(run); i++)
        if (run->files[i].entry != SIZE_MAX && run->files[i].entry > entry)
            run->files[i].entry--;
}

static int has_file(const struct footfall_ingest_run *run, size_t entry)
{
    for (size_t i = 0; i < all_files(run); i++)
        if (run->files[i].entry == entry)
            return 1;
    return run->state.doubt.there && run->state.doubt.entry == entry;
}

/* A state, which is written with each batch, does not grow for ever: the oldest logs are forgotten. */
static void forget_oldest(struct footfall_ingest_run *run)
{
    size_t oldest = 0;
    if (run->state.entry_count <= MOST_ENTRIES)
        return;
    while (oldest < run->state.entry_count && has_file(run, oldest))
        oldest++;
    if (oldest == run->state.entry_count)
        return;
    footfall__ingest_forget_entry(run, oldest);
}

/* The state's entry of the log that a batch is of. SIZE_MAX: no memory. */
static size_t entry_of(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    struct footfall_ingest_file *file = &run->files[batch->file];
    if (file->generation != batch->generation)
        file->entry = SIZE_MAX;
    file->generation = batch->generation;
    if (file->entry == SIZE_MAX) {
        file->entry = footfall__ingest_state_add(&run->state, file->name);
        forget_oldest(run);
    }
    return file->entry;
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

/* A log without a line may have some, and another name, before the next run. */
static int note_empty(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    size_t entry = SIZE_MAX;
    if (run->follow || batch->inode == 0 || run->files[batch->file].entry != SIZE_MAX)
        return 0;
    if ((entry = entry_of(run, batch)) == SIZE_MAX)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    run->state.entries[entry].device = batch->device;
    run->state.entries[entry].inode = batch->inode;
    run->unsaved = 1;
    return 0;
}

static int send_numbered(struct footfall_ingest_run *run, const struct footfall_ingest_batch *batch)
{
    size_t entry = SIZE_MAX;
    int decided = 0, exit = 0;
    if (batch->last.offset == 0)
        return note_empty(run, batch);
    if ((entry = entry_of(run, batch)) == SIZE_MAX)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    run->state.entries[entry].device = batch->device;
    run->state.entries[entry].inode = batch->inode;
    if (batch->count > 0 && (exit = save_doubt(run, batch, entry)) != 0)
        return exit;
    run->call.number = run->state.number;
    exit = apply(run, batch, 1, &decided);
    if (decided) {
        run->state.entries[entry].done = batch->last;
        run->state.doubt.there = 0;
        run->unsaved = 1;
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
    if (batch->left && !(run->follow && reached->file + 1 >= run->file_count))
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

/* Names in what was read of one file alone become the run's. */
static void rename_file(struct footfall_ingest_batch *batch, size_t file)
{
    batch->reached.file = batch->stop.where.file = file;
    for (size_t i = 0; i < batch->count; i++)
        batch->where[i].file = file;
    for (size_t i = 0; i < batch->note_count; i++)
        batch->notes[i].where.file = file;
}

static int is_same_batch(const struct footfall_ingest_batch *batch, const struct footfall_ingest_doubt *doubt)
{
    return batch->count == doubt->operations && batch->names == doubt->names && batch->first == doubt->first;
}

/* The batch of the run before, read from the same bytes and by the same rules. 0; -1: the file was changed since it was
 * looked at; or an exit status after a message. */
static int send_again(struct footfall_ingest_run *run, size_t file, struct footfall_ingest_batch *batch)
{
    struct footfall_ingest_doubt *doubt = &run->state.doubt;
    int decided = 0, exit = 0;
    rename_file(batch, file);
    if (batch->end == FOOTFALL_INGEST_UNREADABLE && batch->error != ESTALE) {
        tell_notes(run, batch);
        return ending(run, batch);
    }
    if (batch->end == FOOTFALL_INGEST_UNREADABLE || !is_same_batch(batch, doubt))
        return -1;
    tell_notes(run, batch);
    run->call.number = run->state.number;
    exit = apply(run, batch, 0, &decided);
    if (decided) {
        run->state.entries[doubt->entry].done = run->files[file].start = doubt->last;
        doubt->there = 0;
        run->unsaved = 1;
    }
    return exit;
}

static int read_again(struct footfall_ingest_run *run, size_t file)
{
    const struct footfall_ingest_doubt *doubt = &run->state.doubt;
    struct footfall_ingest_source source = { .rules = &run->rules,
                                             .files = &run->files[file],
                                             .file_count = 1,
                                             .resume = 1,
                                             .limit_ms = doubt->limit_ms,
                                             .stop = doubt->last.offset };
    struct footfall_ingest_batch batch;
    int exit = 0;
    /* Room for one too many: the lines that were skipped at its end are read too, and a file that says more is noticed. */
    if (footfall__ingest_batch_open(&batch, (size_t)doubt->operations + 1) != 0)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    footfall__ingest_fill(&source, &batch, (size_t)doubt->operations + 1);
    exit = send_again(run, file, &batch);
    footfall__ingest_source_free(&source);
    footfall__ingest_batch_free(&batch);
    return exit;
}

int footfall__ingest_settle_doubt(struct footfall_ingest_run *run)
{
    for (size_t i = 0; run->state.doubt.there && i < run->file_count; i++)
        if (run->files[i].entry == run->state.doubt.entry)
            return read_again(run, i);
    return 0;
}

/* ---- all the rest ----------------------------------------------------------------------------------------------------- */

/* The state need not look again for a rotated log that was read to its end. */
static void close_logs(struct footfall_ingest_run *run, size_t before)
{
    for (size_t i = 0; i < before && i < run->file_count; i++)
        if (run->files[i].left_alone && run->files[i].entry != SIZE_MAX)
            run->state.entries[run->files[i].entry].closed = 1;
}

/* 0 with *end when the batch ends the run (otherwise -1), or an exit status after a message. */
static int send(struct footfall_ingest_run *run, struct footfall_ingest_pipe *pipe,
                const struct footfall_ingest_batch *batch, int *end)
{
    int64_t began_ms = now_ms();
    int exit = 0, decided = 0;
    tell_notes(run, batch);
    exit = run->state_path != NULL ? send_numbered(run, batch) : apply(run, batch, 1, &decided);
    if (exit != 0)
        return exit;
    footfall__ingest_pipe_took(pipe, batch->count, now_ms() - began_ms);
    run->next = batch->next;
    close_logs(run, batch->next.file);
    *end = ending(run, batch);
    return 0;
}

/* A signal: of a log that is followed it is the end that was meant to be; otherwise the program dies of it when all is put
 * away. */
static int stop(struct footfall_ingest_run *run, int *end)
{
    footfall__ingest_hide_progress(&run->report);
    *end = FOOTFALL_CLI_DONE;
    if (run->follow || run->prompt)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "stopped at %s:%" PRIu64 ": all before is counted",
                                  footfall__ingest_file_name(&run->report, run->next.file), run->next.line);
}

static int save(struct footfall_ingest_run *run)
{
    run->unsaved = 0;
    return run->state_path != NULL ? footfall__ingest_state_save(&run->state, &run->rules) : 0;
}

/* While a log is followed: what is done is written down when there is a moment, and now and then anyway, for a state must not
 * be too old. */
static int tend(struct footfall_ingest_run *run, int idle, int64_t *tended_ms)
{
    int due = now_ms() - *tended_ms > TEND_MS;
    if (!run->follow && !run->prompt)
        return 0;
    if (due) {
        *tended_ms = now_ms();
        footfall__ingest_purge_slice(run);
    }
    return due || (idle && run->unsaved) ? save(run) : 0;
}

static int send_batches(struct footfall_ingest_run *run, struct footfall_ingest_pipe *pipe)
{
    int64_t tended_ms = now_ms();
    int exit = 0, end = -1;
    while (exit == 0 && end < 0) {
        const struct footfall_ingest_batch *batch =
            footfall__cli_interrupted() ? NULL : footfall__ingest_pipe_next(pipe);
        if (footfall__cli_interrupted())
            exit = stop(run, &end);
        else if (batch != NULL)
            exit = send(run, pipe, batch, &end);
        if (exit == 0 && end < 0)
            exit = tend(run, batch == NULL, &tended_ms);
    }
    if (exit == 0)
        run->cli->ended_well = 1; /* an interrupt was meant, or came too late to matter */
    return exit != 0 ? exit : end;
}

int footfall__ingest_send_all(struct footfall_ingest_run *run)
{
    struct footfall_ingest_source source = { .rules = &run->rules,
                                             .files = run->files,
                                             .file_count = run->follow ? run->file_count - 1 : run->file_count,
                                             .follow = run->follow ? footfall__ingest_follow_open() : NULL,
                                             .resume = run->state_path != NULL,
                                             .prompt = run->prompt,
                                             .stop = UINT64_MAX };
    struct footfall_ingest_pipe *pipe = NULL;
    int exit = 0;
    run->next = (struct footfall_ingest_where){ 0, run->files[0].start.lines + 1 };
    run->report.input_bytes = run->follow ? 0 : footfall__ingest_input_bytes(run->files, run->file_count);
    if (!run->follow || source.follow != NULL)
        pipe = footfall__ingest_pipe_open(&source);
    exit = pipe != NULL ? send_batches(run, pipe) : footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    footfall__ingest_pipe_close(pipe);
    footfall__ingest_source_free(&source);
    return exit;
}
