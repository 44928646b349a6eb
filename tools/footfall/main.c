/* main.c: the command line program: takes its words apart, opens what is configured, runs the command, and ends with the
 * exit status that scripts rely on. The commands are in files of their own. */
#include "cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int command_function(struct footfall_cli *cli);

static command_function *const functions[FOOTFALL_CLI_COMMANDS] = {
    [FOOTFALL_CLI_VISIT] = footfall__cli_visit,   [FOOTFALL_CLI_ADD] = footfall__cli_add,
    [FOOTFALL_CLI_GET] = footfall__cli_get,       [FOOTFALL_CLI_LIST] = footfall__cli_list,
    [FOOTFALL_CLI_SET] = footfall__cli_set,       [FOOTFALL_CLI_DELETE] = footfall__cli_delete,
    [FOOTFALL_CLI_FORGET] = footfall__cli_forget, [FOOTFALL_CLI_INGEST] = footfall__cli_ingest,
    [FOOTFALL_CLI_IMPORT] = footfall__cli_import, [FOOTFALL_CLI_PURGE] = footfall__cli_purge,
    [FOOTFALL_CLI_CONFIG] = footfall__cli_config, [FOOTFALL_CLI_IAM_POLICY] = footfall__cli_iam_policy,
    [FOOTFALL_CLI_BENCH] = footfall__cli_bench,   [FOOTFALL_CLI_EXPORT] = footfall__cli_export,
    [FOOTFALL_CLI_DEMO] = footfall__cli_demo,     [FOOTFALL_CLI_DOCTOR] = footfall__cli_doctor,
    [FOOTFALL_CLI_SERVE] = footfall__cli_serve,
};

/* A store's file must never be opened as standard output or error because the caller had closed them. Opened for the wrong
 * direction, so that using them still fails. */
static void keep_standard_descriptors(void)
{
    int fd = 0;
    while (fd >= 0 && fd <= 2) {
        if (fcntl(fd, F_GETFD) >= 0)
            fd++;
        else if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
            return;
    }
}

static void log_line(void *user, enum footfall_log_level level, const char *line)
{
    (void)user;
    (void)level;
    footfall__cli_complain(0, "%s", line);
}

static struct footfall_options options_of(const struct footfall_cli *cli)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    options.file = cli->arguments.values[FOOTFALL_CLI_FILE];
    options.settings = cli->arguments.settings;
    options.setting_count = cli->arguments.setting_count;
    options.use_environment = 1;
    options.log = log_line;
    return options;
}

int footfall__cli_configure(struct footfall_cli *cli)
{
    struct footfall_options options = options_of(cli);
    struct footfall_error err;
    if (footfall_config_load(&cli->config, &options, NULL, 0, &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_failed(&err);
}

int footfall__cli_open(struct footfall_cli *cli)
{
    struct footfall_options options = options_of(cli);
    struct footfall_error err;
    int exit = cli->config == NULL ? footfall__cli_configure(cli) : 0;
    if (exit != 0)
        return exit;
    if (footfall_open_config(&cli->handle, cli->config, &options, &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_failed(&err);
}

static int print_version(void)
{
    const char *const *name = footfall_backends();
    printf("footfall %s (backends:", footfall_version());
    for (; *name != NULL; name++)
        printf(" %s", *name);
    printf(")\n");
    return FOOTFALL_CLI_DONE;
}

static int run(struct footfall_cli *cli)
{
    const struct footfall_cli_arguments *arguments = &cli->arguments;
    if (arguments->values[FOOTFALL_CLI_HELP] != NULL) {
        footfall__cli_help(stdout, arguments->command);
        return FOOTFALL_CLI_DONE;
    }
    if (arguments->values[FOOTFALL_CLI_VERSION] != NULL)
        return print_version();
    cli->json = arguments->values[FOOTFALL_CLI_JSON] != NULL;
    return functions[arguments->command](cli);
}

int main(int argc, char *argv[])
{
    struct footfall_cli cli = { 0 };
    char text[256];
    int mistaken = 0, exit = FOOTFALL_CLI_DONE;
    keep_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    mistaken = footfall__cli_parse(&cli.arguments, argc, argv, text, sizeof text);
    exit = footfall__cli_take_colour(&cli.arguments); /* a mistake is told in colour or not, too */
    if (exit == 0 && mistaken)
        exit = footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s", text);
    else if (exit == 0)
        exit = footfall__cli_finish_output(run(&cli));
    footfall_close(cli.handle);
    footfall_config_free(cli.config);
    footfall__cli_free(&cli.arguments);
    if (!cli.ended_well)
        footfall__cli_end_by_interrupt();
    return exit;
}
