/* policy.c: the rights that a configuration needs, as a policy document of AWS IAM. Which they are the library says. */
#include "cli.h"

#include <jansson.h>
#include <string.h>

struct policy {
    json_t *statements;
    int failed;
};

/* Those of one resource come one after another, and share a statement. */
static void each_right(void *user, const char *action, const char *resource)
{
    struct policy *policy = user;
    size_t count = json_array_size(policy->statements);
    json_t *last = count > 0 ? json_array_get(policy->statements, count - 1) : NULL;
    const char *of = json_string_value(json_object_get(last, "Resource"));
    if (of == NULL || strcmp(of, resource) != 0) {
        last = json_pack("{s:s, s:[], s:s}", "Effect", "Allow", "Action", "Resource", resource);
        policy->failed |= json_array_append_new(policy->statements, last) != 0;
    }
    policy->failed |= json_array_append_new(json_object_get(last, "Action"), json_string(action)) != 0;
}

static int take_arguments(const struct footfall_cli *cli, struct footfall_rights_wanted *wanted)
{
    const char *const *values = cli->arguments.values;
    int purposes = (values[FOOTFALL_CLI_SETUP] != NULL) + (values[FOOTFALL_CLI_READ_ONLY] != NULL) +
                   (values[FOOTFALL_CLI_IMPORT_FROM] != NULL);
    const char *account = values[FOOTFALL_CLI_ACCOUNT];
    if (purposes > 1)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "one of --setup, --read-only and --import at a time");
    if (account != NULL && (strlen(account) != 12 || strspn(account, "0123456789") != 12))
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--account: not 12 digits");
    if (values[FOOTFALL_CLI_IMPORT_FROM] != NULL && values[FOOTFALL_CLI_IMPORT_FROM][0] == '\0')
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--import: empty");
    wanted->purpose = values[FOOTFALL_CLI_SETUP] != NULL         ? FOOTFALL_RIGHTS_SET_UP
                      : values[FOOTFALL_CLI_READ_ONLY] != NULL   ? FOOTFALL_RIGHTS_READ_ONLY
                      : values[FOOTFALL_CLI_IMPORT_FROM] != NULL ? FOOTFALL_RIGHTS_IMPORT
                                                                 : FOOTFALL_RIGHTS_RUN;
    wanted->account = account;
    wanted->source = values[FOOTFALL_CLI_IMPORT_FROM];
    return 0;
}

int footfall__cli_iam_policy(struct footfall_cli *cli)
{
    struct footfall_rights_wanted wanted = FOOTFALL_RIGHTS_WANTED_INIT(FOOTFALL_RIGHTS_RUN);
    struct policy policy = { NULL, 0 };
    struct footfall_error err;
    json_t *document = NULL;
    int exit = take_arguments(cli, &wanted);
    if (exit == 0)
        exit = footfall__cli_configure(cli);
    if (exit != 0)
        return exit;
    policy.statements = json_array();
    if (footfall_rights(cli->config, &wanted, each_right, &policy, &err) != FOOTFALL_OK) {
        json_decref(policy.statements);
        return footfall__cli_failed(&err);
    }
    document = json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", policy.statements);
    if (document == NULL || policy.failed)
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory");
    else if (json_dumpf(document, stdout, cli->json ? JSON_COMPACT : JSON_INDENT(2)) == 0)
        putchar('\n');
    footfall__cli_written();
    json_decref(document);
    return exit;
}
