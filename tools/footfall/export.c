/* export.c: `footfall export`: every counter as a line of JSON, for `footfall import` here or in another store. One after the
 * other, however many there are; how a file is replaced is replace.c's affair. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
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

/* What a store keeps beside its file is as dear as that. */
static const char *const endings[] = { "", "-wal", "-shm", "-journal", ".secret" };

struct place {
    const char *name;         /* the last part of what was given */
    struct stat file, folder; /* file: only if it is there */
    int is_there;
    const char *key; /* of the configuration that names it, or what it lies beside; NULL: none */
    int beside;
};

static int ends_with(const char *text, const char *end)
{
    size_t bytes = strlen(text), end_bytes = strlen(end);
    return bytes >= end_bytes && strcmp(text + bytes - end_bytes, end) == 0;
}

static int is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int find_folder(struct stat *folder, const char *path)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return -1;
    return stat(dirname(copy), folder);
}

/* What is not there yet is the same by its name in its folder. */
static int is_place(const struct place *place, const char *path)
{
    struct stat other;
    if (place->is_there)
        return stat(path, &other) == 0 && is_same(&other, &place->file);
    return strcmp(name_of(path), place->name) == 0 && find_folder(&other, path) == 0 && is_same(&other, &place->folder);
}

static int each_key(void *user, const struct footfall_config_entry *entry)
{
    struct place *place = user;
    char path[PATH_MAX];
    if (entry->value == NULL || *entry->value == '\0' ||
        !(ends_with(entry->key, "path") || ends_with(entry->key, "file")))
        return 0;
    for (size_t i = 0; place->key == NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (snprintf(path, sizeof path, "%s%s", entry->value, endings[i]) < (int)sizeof path && is_place(place, path)) {
            place->key = entry->key;
            place->beside = i > 0;
        }
    return place->key != NULL;
}

static int is_config_file(const struct footfall_cli *cli, const struct place *place)
{
    const char *config = cli->arguments.values[FOOTFALL_CLI_FILE];
    if (config == NULL)
        config = getenv("FOOTFALL_CONFIG");
    return config != NULL && *config != '\0' && is_place(place, config);
}

/* A slip must not cost the store, its secret or the configuration: FILE is none of what these name. */
static int check_place(const struct footfall_cli *cli, const char *file)
{
    struct place place = { .name = name_of(file) };
    place.is_there = stat(file, &place.file) == 0;
    if (!place.is_there && find_folder(&place.folder, file) != 0)
        return 0; /* it cannot be made */
    if (is_config_file(cli, &place))
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: is the configuration file; export to another file",
                                      file);
    footfall_config_list(cli->config, each_key, &place);
    if (place.key == NULL)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: %s what %s names; export to another file", file,
                                  place.beside ? "belongs to" : "is", place.key);
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
