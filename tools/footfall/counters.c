/* counters.c: visit, add, get, set, delete and forget: one call of the library each. Arguments are checked before the store
 * is opened, so that a mistake touches nothing. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AHEAD_MS 3600000 /* how far a visit may be ahead of this machine's clock (semantics.md) */

static const char *value(const struct footfall_cli *cli, enum footfall_cli_option option)
{
    return cli->arguments.values[option];
}

/* --token into *call. 0, or FOOTFALL_CLI_USAGE after a message. */
static int take_token(const struct footfall_cli *cli, struct footfall_call *call)
{
    const char *token = value(cli, FOOTFALL_CLI_TOKEN);
    if (token == NULL)
        return 0;
    call->token = token;
    call->token_bytes = strlen(token);
    if (call->token_bytes >= 1 && call->token_bytes <= FOOTFALL_TOKEN_BYTES)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--token: 1 to %d bytes", FOOTFALL_TOKEN_BYTES);
}

static int take_time(const struct footfall_cli *cli, int64_t *now_ms)
{
    const char *text = value(cli, FOOTFALL_CLI_AT), *wrong = NULL;
    struct timespec now = { 0, 0 };
    if (text == NULL)
        return 0;
    if ((wrong = footfall__cli_time(now_ms, text)) != NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--at: '%.40s' %s", text, wrong);
    clock_gettime(CLOCK_REALTIME, &now);
    if (*now_ms > (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + AHEAD_MS)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--at: '%.40s' is more than one hour ahead of the clock",
                                      text);
    return 0;
}

/* COUNTER ADDRESS [--at] [--agent], as visit and forget have them. */
static int take_visitor(const struct footfall_cli *cli, struct footfall_visitor *who)
{
    int exit = footfall__cli_check_name(cli->arguments.operands[0]);
    who->address = cli->arguments.operands[1];
    who->user_agent = value(cli, FOOTFALL_CLI_AGENT);
    if (exit == 0)
        exit = footfall__cli_check_address(who->address);
    return exit != 0 ? exit : take_time(cli, &who->now_ms);
}

static void print_result(const struct footfall_cli *cli, const char *name, const struct footfall_result *r)
{
    if (cli->json) {
        footfall__cli_print_json(name, r->total, r->unique, r->flags, FOOTFALL_CLI_PLAIN);
        return;
    }
    footfall__cli_print_numbers(name, r->total, r->unique);
    puts(r->flags & FOOTFALL_REPLAYED ? " (this token was counted before)" : "");
    footfall__cli_written();
}

int footfall__cli_visit(struct footfall_cli *cli)
{
    const char *name = cli->arguments.operands[0];
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r = { 0 };
    struct footfall_error err;
    int exit = take_visitor(cli, &who);
    if (exit != 0 || (exit = take_token(cli, &call)) != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (footfall_visit(cli->handle, name, &who, &call, &r, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    if (cli->json) {
        footfall__cli_print_json(name, r.total, r.unique, r.flags, FOOTFALL_CLI_AFTER_VISIT);
        return FOOTFALL_CLI_DONE;
    }
    footfall__cli_print_numbers(name, r.total, r.unique);
    printf(" (%s visitor%s)\n", r.flags & FOOTFALL_IS_NEW ? "new" : "returning",
           r.flags & FOOTFALL_REPLAYED ? "; this token was counted before" : "");
    footfall__cli_written();
    return FOOTFALL_CLI_DONE;
}

int footfall__cli_add(struct footfall_cli *cli)
{
    const char *name = cli->arguments.operands[0];
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r = { 0 };
    struct footfall_error err;
    int64_t delta = 1;
    int exit = footfall__cli_check_name(name);
    if (exit == 0 && cli->arguments.operand_count == 2)
        exit = footfall__cli_number(&delta, "DELTA", cli->arguments.operands[1], INT64_MIN, INT64_MAX);
    if (exit != 0 || (exit = take_token(cli, &call)) != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (footfall_add(cli->handle, name, delta, &call, &r, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    print_result(cli, name, &r);
    return FOOTFALL_CLI_DONE;
}

int footfall__cli_set(struct footfall_cli *cli)
{
    const char *const *operands = cli->arguments.operands;
    struct footfall_result r = { 0 };
    struct footfall_error err;
    int64_t total = 0, unique = 0;
    int exit = footfall__cli_check_name(operands[0]);
    if (exit == 0)
        exit = footfall__cli_number(&total, "TOTAL", operands[1], INT64_MIN, INT64_MAX);
    if (exit == 0 && cli->arguments.operand_count == 3)
        exit = footfall__cli_number(&unique, "UNIQUE", operands[2], INT64_MIN, INT64_MAX);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (footfall_set(cli->handle, operands[0], total, unique, NULL, &r, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    print_result(cli, operands[0], &r);
    return FOOTFALL_CLI_DONE;
}

int footfall__cli_delete(struct footfall_cli *cli)
{
    const char *name = cli->arguments.operands[0];
    struct footfall_result r = { 0 };
    struct footfall_error err;
    int exit = footfall__cli_check_name(name);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (footfall_delete(cli->handle, name, NULL, &r, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    if (cli->json) {
        footfall__cli_print_json(name, r.total, r.unique, r.flags, FOOTFALL_CLI_AFTER_DELETE);
        return FOOTFALL_CLI_DONE;
    }
    footfall__cli_print_numbers(name, r.total, r.unique);
    puts(" (deleted)");
    footfall__cli_written();
    return FOOTFALL_CLI_DONE;
}

int footfall__cli_forget(struct footfall_cli *cli)
{
    const char *name = cli->arguments.operands[0];
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_result r = { 0 };
    struct footfall_error err;
    int exit = take_visitor(cli, &who);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        return exit;
    if (footfall_forget(cli->handle, name, &who, NULL, &r, &err) != FOOTFALL_OK)
        return footfall__cli_failed(&err);
    if (cli->json) {
        footfall__cli_print_json(name, r.total, r.unique, r.flags, FOOTFALL_CLI_PLAIN);
        return FOOTFALL_CLI_DONE;
    }
    footfall__cli_print_numbers(name, r.total, r.unique);
    puts(" (the visitor is forgotten, the numbers stay)");
    footfall__cli_written();
    return FOOTFALL_CLI_DONE;
}

/* Under --strict: FOOTFALL_CLI_FAILED after a message for each counter that does not exist. */
static int require_all(const char *const *names, const struct footfall_result *results, size_t count)
{
    int exit = FOOTFALL_CLI_DONE;
    for (size_t i = 0; i < count; i++)
        if (!(results[i].flags & FOOTFALL_EXISTS))
            exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "there is no counter '%s'", names[i]);
    return exit;
}

int footfall__cli_get(struct footfall_cli *cli)
{
    const char *const *names = cli->arguments.operands;
    size_t count = cli->arguments.operand_count;
    struct footfall_result *results = calloc(count, sizeof *results);
    struct footfall_cli_row *rows = calloc(count, sizeof *rows);
    struct footfall_error err;
    int exit = FOOTFALL_CLI_DONE;
    if (results == NULL || rows == NULL)
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    for (size_t i = 0; exit == 0 && i < count; i++)
        exit = footfall__cli_check_name(names[i]);
    if (exit != 0 || (exit = footfall__cli_open(cli)) != 0)
        goto cleanup;
    if (footfall_read(cli->handle, names, count, NULL, results, &err) != FOOTFALL_OK) {
        exit = footfall__cli_failed(&err);
        goto cleanup;
    }
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct footfall_cli_row){ names[i], results[i].total, results[i].unique };
    footfall__cli_print_rows(rows, count, cli->json);
    if (value(cli, FOOTFALL_CLI_STRICT) != NULL)
        exit = require_all(names, results, count);
cleanup:
    free(rows);
    free(results);
    return exit;
}
