/* ingest_rules.c: what of a log counts, taken from the options. Judging a line by them is ingest_lines.c's affair. */
#include "ingest.h"

#include <string.h>

const char *const footfall__ingest_format_names[] = {
    [FOOTFALL_LOGS_COMMON] = "common",
    [FOOTFALL_LOGS_COMBINED] = "combined",
    [FOOTFALL_LOGS_JSON] = "json",
};

static int take_format(struct footfall_ingest_rules *rules, const char *format)
{
    rules->format = FOOTFALL_LOGS_COMBINED;
    if (format == NULL)
        return 0;
    for (size_t i = 0; i < sizeof footfall__ingest_format_names / sizeof footfall__ingest_format_names[0]; i++)
        if (strcmp(footfall__ingest_format_names[i], format) == 0) {
            rules->format = (enum footfall_logs_format)i;
            return 0;
        }
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--format: combined, common or json");
}

/* What goes into a state file must be UTF-8; the keys of a JSON line are. */
static int is_utf8(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

static int take_keys(struct footfall_ingest_rules *rules, const char *list)
{
    struct footfall_logs_field part = { NULL, 0 };
    const char *wrong = NULL;
    if (list == NULL)
        return 0;
    if (rules->format != FOOTFALL_LOGS_JSON)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--keys: only with --format json");
    if (!is_utf8(list))
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--keys: is no UTF-8");
    if ((wrong = footfall__logs_take_keys(&rules->keys, list, &part)) == NULL)
        return 0;
    if (wrong == footfall__logs_no_memory)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "%s", wrong);
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--keys: \"%.*s\" %s", (int)part.bytes, part.text, wrong);
}

/* From the '[' of an expression that compiles to the ']' that ends it. */
static const char *end_of_bracket(const char *text)
{
    text += text[1] == '^' ? 2 : 1;
    text += *text == ']';
    for (; *text != ']' && *text != '\0'; text++)
        if (*text == '[' && text[1] != '\0' && strchr(":.=", text[1]) != NULL) {
            const char close[] = { text[1], ']', '\0' };
            const char *end = strstr(text + 2, close);
            text = end != NULL ? end + 1 : text;
        }
    return text;
}

/* The C library takes "\1" also in extended expressions, where it does not belong; then a search may never end. */
static int has_back_reference(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '[')
            text = end_of_bracket(text);
        else if (*text == '\\' && *++text >= '1' && *text <= '9')
            return 1;
        if (*text == '\0')
            return 0;
    }
    return 0;
}

static int take_agents(struct footfall_ingest_rules *rules, const char *expression)
{
    char wrong[128];
    int error = 0;
    if (expression == NULL)
        return 0;
    if (rules->format == FOOTFALL_LOGS_COMMON)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--skip-agent: the common format has no user agents");
    if (expression[0] == '\0')
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--skip-agent: is empty, which would skip every line");
    if (!is_utf8(expression))
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--skip-agent: is no UTF-8");
    error = regcomp(&rules->skip_agents, expression, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (error != 0) {
        regerror(error, &rules->skip_agents, wrong, sizeof wrong);
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--skip-agent: %s", wrong);
    }
    rules->skip_agent = expression;
    if (has_back_reference(expression))
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--skip-agent: back references such as \\1 are not possible");
    if (regexec(&rules->skip_agents, "", 0, NULL, REG_NOTBOL | REG_NOTEOL) == 0) /* such as "bot|" */
        return footfall__cli_complain(FOOTFALL_CLI_USAGE,
                                      "--skip-agent: is found in every agent, which would skip every line");
    return 0;
}

static int take_status(struct footfall_ingest_rules *rules, const char *status)
{
    rules->every_status = status == NULL;
    if (status != NULL && footfall__cli_statuses(rules->statuses, status) != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--status: a list such as 200-399 or 200,204,301-308");
    if (status != NULL && memchr(rules->statuses, 0, sizeof rules->statuses) == NULL)
        rules->every_status = 1;
    return 0;
}

int footfall__ingest_take_rules(struct footfall_ingest_rules *rules, const struct footfall_cli_arguments *arguments)
{
    const char *const *values = arguments->values;
    const char *by = values[FOOTFALL_CLI_BY];
    int exit = 0;
    if ((exit = take_format(rules, values[FOOTFALL_CLI_FORMAT])) != 0 ||
        (exit = take_keys(rules, values[FOOTFALL_CLI_KEYS])) != 0)
        return exit;
    if (by != NULL && strcmp(by, "path") != 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by: path is all there is");
    rules->counter = values[FOOTFALL_CLI_COUNTER];
    if (by != NULL && rules->counter != NULL)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--by path and --counter exclude each other");
    rules->strict = values[FOOTFALL_CLI_STRICT] != NULL;
    if ((exit = take_status(rules, values[FOOTFALL_CLI_STATUS])) != 0 ||
        (exit = take_agents(rules, values[FOOTFALL_CLI_SKIP_AGENT])) != 0)
        return exit;
    return rules->counter != NULL ? footfall__cli_check_name(rules->counter) : 0;
}

void footfall__ingest_free_rules(struct footfall_ingest_rules *rules)
{
    footfall__logs_free_keys(&rules->keys);
    if (rules->skip_agent != NULL)
        regfree(&rules->skip_agents);
    memset(rules, 0, sizeof *rules);
}
