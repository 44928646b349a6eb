/* ingest.c: `footfall ingest`: takes its options and what the configuration has to say, opens the state and the store, and
 * tidies up. Sending is ingest_send.c's affair. */
#include "ingest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* For a whole batch, which a slow or throttled store takes minutes for; the deadline, when that is longer. With a log that is
 * followed it is tried again and again. */
#define WAIT_MS 300000
#define WAIT_FOLLOW_MS 30000
#define SERIES_KEEP_MS (INT64_C(8) * 24 * 3600 * 1000)
#define PURGE_RECORDS 10000

/* ---- options ---------------------------------------------------------------------------------------------------------- */

/* A pipe is followed to its end, as lines come. */
static int look(struct footfall_ingest_run *run, int follow)
{
    int exit = footfall__ingest_look(run->files, run->file_count, run->state_path != NULL, follow);
    run->follow = follow && run->files[run->file_count - 1].regular;
    run->prompt = follow && !run->follow;
    return exit;
}

static int take_files(struct footfall_ingest_run *run)
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
        run->files[i].fd = -1;
    }
    run->state_path = arguments->values[FOOTFALL_CLI_RESUME];
    return look(run, arguments->values[FOOTFALL_CLI_FOLLOW] != NULL);
}

/* What the configuration has to say about it. */
static void take_configuration(struct footfall_ingest_run *run)
{
    const char *visitor = footfall_config_get(run->cli->config, "visitor");
    int64_t deadline_ms = 0;
    run->rules.with_agent = visitor != NULL && strcmp(visitor, "address+agent") == 0;
    run->call = (struct footfall_call)FOOTFALL_CALL_INIT;
    run->call.wait_ms = run->follow && run->state_path != NULL ? WAIT_FOLLOW_MS : WAIT_MS;
    if (footfall_config_duration(&deadline_ms, run->cli->config, "deadline", run->call.wait_ms, FOOTFALL_WAIT_MAX_MS,
                                 NULL) == 0)
        run->call.wait_ms = (uint32_t)deadline_ms;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

/* What has run out of use is dropped a slice at a time; a failure there takes nothing from what was counted. */
void footfall__ingest_purge_slice(const struct footfall_ingest_run *run)
{
    struct footfall_purge_result dropped;
    (void)footfall_purge(run->cli->handle, FOOTFALL_NOW, PURGE_RECORDS, NULL, &dropped, NULL);
}

static int open_state(struct footfall_ingest_run *run)
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

/* Room for the logs that will have the name of the last one. */
static int make_slots(struct footfall_ingest_run *run)
{
    size_t all = run->file_count + FOOTFALL_INGEST_FOLLOWED - 1;
    struct footfall_ingest_file *files = realloc(run->files, all * sizeof *files);
    if (files == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    for (size_t i = run->file_count; i < all; i++)
        files[i] =
            (struct footfall_ingest_file){ .name = files[run->file_count - 1].name, .fd = -1, .entry = SIZE_MAX };
    run->report.files = run->files = files;
    return 0;
}

static int count_all(struct footfall_ingest_run *run)
{
    int exit = 0, saved = 0;
    footfall__cli_catch_interrupts();
    exit = footfall__ingest_settle_doubt(run);
    if (exit == 0)
        exit = footfall__ingest_send_all(run);
    /* While a batch is in doubt the file stays as it was written before that batch was sent: its time counts. */
    if (run->state_path != NULL && !run->state.doubt.there) {
        saved = footfall__ingest_state_save(&run->state, &run->rules);
        exit = exit == 0 ? saved : exit;
    }
    return exit;
}

int footfall__cli_ingest(struct footfall_cli *cli)
{
    struct footfall_ingest_run run = { .cli = cli, .state = { .fd = -1 } };
    int exit = 0;
    clock_gettime(CLOCK_MONOTONIC, &run.report.began);
    run.report.json = cli->json;
    if ((exit = footfall__ingest_take_rules(&run.rules, &cli->arguments)) != 0 || (exit = take_files(&run)) != 0 ||
        (exit = footfall__cli_configure(cli)) != 0)
        goto cleanup;
    take_configuration(&run);
    if ((exit = open_state(&run)) != 0 || (run.follow && (exit = make_slots(&run)) != 0) ||
        (exit = footfall__cli_open(cli)) != 0)
        goto cleanup;
    exit = count_all(&run);
    if (exit == 0 && !footfall__cli_interrupted())
        footfall__ingest_purge_slice(&run);
    footfall__ingest_hide_progress(&run.report);
    footfall__ingest_print_summary(&run.report);
cleanup:
    footfall__ingest_state_free(&run.state);
    footfall__ingest_free_rules(&run.rules);
    for (size_t i = 0; i < run.file_count && run.files != NULL; i++)
        if (run.files[i].fd >= 0)
            close(run.files[i].fd);
    free(run.files);
    return exit;
}
