/* serve.c: the HTTP server, until a signal ends it. What it does is tools/serve's affair. */
#include "cli.h"

#include <unistd.h>

#include "serve.h"

static void log_line(void *user, enum footfall_log_level level, const char *line)
{
    (void)user;
    (void)level;
    footfall__cli_complain(0, "%s", line);
}

static int run(struct footfall_serve *server)
{
    footfall__cli_complain(0, "listening on %s", footfall__serve_where(server));
    if (footfall__serve_run(server, footfall__cli_interrupted) == 0)
        return 0;
    footfall__cli_complain(0, "the store has not come back: some requests are not answered");
    _exit(FOOTFALL_CLI_FAILED); /* closing would wait for it */
}

int footfall__cli_serve(struct footfall_cli *cli)
{
    struct footfall_serve_options options = { .log = log_line };
    struct footfall_serve *server = NULL;
    struct footfall_error err;
    int exit = footfall__cli_configure(cli);
    if (exit != 0)
        return exit;
    if (footfall__serve_check(cli->config, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    exit = footfall__cli_open(cli);
    if (exit != 0)
        return exit;
    footfall__cli_catch_interrupts();
    cli->ended_well = 1;
    if (footfall__serve_start(&server, cli->handle, cli->config, &options, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    exit = run(server);
    footfall__serve_end(server);
    return exit;
}
