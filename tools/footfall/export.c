/* export.c: `footfall export`: every counter as a line of JSON, for `footfall import` here or in another store. One after the
 * other, however many there are; how a file is replaced is replace.c's affair. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "replace.h"

struct writing {
    FILE *out;
    uint64_t count;
    int error; /* errno of the first line that could not be written */
};

/* No "count" as in other output: a file that people may edit says a number once. */
static int each_counter(void *user, const char *name, int64_t total, int64_t unique)
{
    struct writing *w = user;
    json_t *line = json_pack("{s:s, s:I, s:I}", "counter", name, "total_visits", (json_int_t)total, "unique_visitors",
                             (json_int_t)unique);
    errno = 0;
    if (line == NULL)
        w->error = ENOMEM;
    else if (json_dumpf(line, w->out, JSON_COMPACT) != 0 || putc('\n', w->out) == EOF)
        w->error = errno != 0 ? errno : EIO;
    if (w->out == stdout)
        footfall__cli_written();
    json_decref(line);
    w->count++;
    return w->error != 0 || footfall__cli_interrupted() != 0;
}

/* 0, or an exit status after a message. `name` is where it goes. */
static int write_all(struct footfall_cli *cli, struct writing *w, const char *name)
{
    struct footfall_error err;
    int status = footfall_list(cli->handle, "", NULL, NULL, each_counter, w, &err);
    if (w->error == ENOMEM)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    if (w->error != 0 && w->error != EPIPE && w->out != stdout)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "cannot write %s: %s", name, strerror(w->error));
    return status == FOOTFALL_OK ? 0 : footfall__cli_failed(&err);
}

/* ---- to a file -------------------------------------------------------------------------------------------------------- */

struct place {
    struct stat file;
    const char *key; /* of the configuration that names the same file; NULL: none */
};

static int ends_with(const char *text, const char *end)
{
    size_t bytes = strlen(text), end_bytes = strlen(end);
    return bytes >= end_bytes && strcmp(text + bytes - end_bytes, end) == 0;
}

static int each_key(void *user, const struct footfall_config_entry *entry)
{
    struct place *place = user;
    struct stat other;
    if (entry->value == NULL || !(ends_with(entry->key, "path") || ends_with(entry->key, "file")))
        return 0;
    if (stat(entry->value, &other) == 0 && other.st_dev == place->file.st_dev && other.st_ino == place->file.st_ino)
        place->key = entry->key;
    return place->key != NULL;
}

/* A slip must not cost the store or its secret: FILE is none that the configuration names. */
static int check_place(const struct footfall_cli *cli, const char *file)
{
    struct place place = { .key = NULL };
    if (stat(file, &place.file) == 0)
        footfall_config_list(cli->config, each_key, &place);
    if (place.key == NULL)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: is what %s names; export to another file", file, place.key);
}

static void print_done(const struct footfall_cli *cli, uint64_t count)
{
    if (cli->json)
        printf("{\"exported\":%" PRIu64 "}\n", count);
    else
        printf("exported %" PRIu64 " counter%s\n", count, count == 1 ? "" : "s");
    footfall__cli_written();
}

static int to_file(struct footfall_cli *cli, const char *file)
{
    struct footfall_cli_replacement replacement;
    struct writing w = { NULL, 0, 0 };
    int exit = footfall__cli_configure(cli);
    if (exit != 0 || (exit = check_place(cli, file)) != 0)
        return exit;
    footfall__cli_catch_interrupts();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is like a full disk */
    if ((exit = footfall__cli_replace_begin(&replacement, file)) != 0)
        return exit;
    w.out = replacement.out;
    exit = footfall__cli_open(cli);
    if (exit == 0)
        exit = write_all(cli, &w, file);
    if (exit == 0 && footfall__cli_interrupted())
        exit = footfall__cli_complain(
            FOOTFALL_CLI_FAILED,
            replacement.through ? "interrupted: %s has not all counters" : "interrupted: %s is as it was", file);
    exit = footfall__cli_replace_end(&replacement, exit);
    if (exit == 0 && !replacement.through) /* as quiet as to standard output, otherwise */
        print_done(cli, w.count);
    return exit;
}

int footfall__cli_export(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    struct writing w = { stdout, 0, 0 };
    int exit = 0;
    if (arguments->operand_count == 1 && strcmp(arguments->operands[0], "-") != 0)
        return to_file(cli, arguments->operands[0]);
    exit = footfall__cli_open(cli);
    return exit != 0 ? exit : write_all(cli, &w, NULL);
}
