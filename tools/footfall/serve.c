/* serve.c: the HTTP server, until a signal ends it. What it does is tools/serve's affair. */
#include "cli.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "serve.h"

/* Lines that come with each request are written at one go, past what keeps a terminal tidy. */
static void log_line(void *user, enum footfall_log_level level, const char *line)
{
    char text[600];
    size_t bytes = 0;
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
    (void)user;
    if (poll(&out, 1, 0) == 0)
        return; /* whoever reads it has stopped: nobody is to wait for that */
    if (level < FOOTFALL_LOG_INFO) {
        footfall__cli_complain(0, "%s", line);
        return;
    }
    snprintf(text, sizeof text - 1, "footfall: %s", line);
    footfall__cli_make_harmless(text);
    bytes = strlen(text);
    text[bytes++] = '\n';
    if (write(STDERR_FILENO, text, bytes) < 0) {
        /* nobody reads it: that is no reason not to count */
    }
}

/* Closing would wait for the store. */
static void run(struct footfall_serve *server)
{
    footfall__cli_complain(0, "listening on %s", footfall__serve_where(server));
    switch (footfall__serve_run(server, footfall__cli_interrupted)) {
    case FOOTFALL_SERVE_LEFT_REQUESTS:
        footfall__cli_complain(0, "the store has not come back: some requests are not answered");
        _exit(FOOTFALL_CLI_FAILED);
    case FOOTFALL_SERVE_LEFT_UPKEEP:
        footfall__cli_complain(0, "the store has not come back, and is not closed; all requests are answered");
        _exit(0);
    default:
        return;
    }
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
    run(server);
    footfall__serve_end(server);
    return 0;
}
