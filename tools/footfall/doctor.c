/* doctor.c: everything that can be checked, in words and with what to do. What is looked at is the library's affair; nothing is
 * made or changed. */
#include "cli.h"

#include <jansson.h>
#include <string.h>

#include "serve.h"

#define LOOK_MS 10000 /* for looking, once the store is open: also where calls have shorter deadlines */
#define INDENT 9      /* of the sentences, behind the widest tag */

struct report {
    int json;
    size_t counts[FOOTFALL_WRONG + 1];
};

static const struct {
    const char *tag, *name; /* for people, for programs */
    enum footfall_cli_style style;
} severities[] = {
    [FOOTFALL_FINE] = { "ok", "fine", FOOTFALL_CLI_GREEN },
    [FOOTFALL_NOTE] = { "note", "note", FOOTFALL_CLI_CYAN },
    [FOOTFALL_WARNING] = { "warning", "warning", FOOTFALL_CLI_YELLOW },
    [FOOTFALL_WRONG] = { "WRONG", "wrong", FOOTFALL_CLI_RED },
};

/* ---- one finding ------------------------------------------------------------------------------------------------------ */

/* Characters, as near as lines need it */
static size_t width_of(const char *word, size_t bytes)
{
    size_t width = 0;
    for (size_t i = 0; i < bytes; i++)
        width += ((unsigned char)word[i] & 0xc0) != 0x80;
    return width;
}

/* Prints the text from column `at` on; on a terminal it goes on in the next line, below its first word. */
static void print_wrapped(const char *text, size_t at)
{
    size_t columns = footfall__cli_is_terminal(stdout) ? footfall__cli_columns(stdout) : (size_t)-1, used = at;
    while (*text != '\0') {
        char word[512];
        size_t bytes = strcspn(text, " ");
        size_t width = width_of(text, bytes);
        if (used > at && used + 1 + width > columns) {
            printf("\n%*s", (int)at, "");
            used = at;
        } else if (used > at) {
            putchar(' ');
            used++;
        }
        snprintf(word, sizeof word, "%.*s", (int)bytes, text);
        footfall__cli_print_text(word);
        used += width;
        text += bytes;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_as_text(const struct footfall_finding *finding)
{
    const char *tag = severities[finding->severity].tag;
    printf("%s%s%s%*s", footfall__cli_style(stdout, severities[finding->severity].style), tag,
           footfall__cli_style(stdout, FOOTFALL_CLI_NORMAL), (int)(INDENT - strlen(tag)), "");
    print_wrapped(finding->text, INDENT);
    if (finding->advice == NULL)
        return;
    printf("%*sdo: ", INDENT, "");
    print_wrapped(finding->advice, INDENT + strlen("do: "));
}

static void print_as_json(const struct footfall_finding *finding)
{
    json_t *line = json_pack("{s:s, s:s, s:s?}", "severity", severities[finding->severity].name, "text", finding->text,
                             "advice", finding->advice);
    if (line != NULL && json_dumpf(line, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(line);
}

static void each_finding(void *user, const struct footfall_finding *finding)
{
    struct report *report = user;
    report->counts[finding->severity]++;
    if (report->json)
        print_as_json(finding);
    else
        print_as_text(finding);
    fflush(stdout); /* the next one may take a while */
    footfall__cli_written();
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

static void tell_version(struct report *report)
{
    const char *const *name = footfall_backends();
    char text[256];
    struct footfall_finding finding = { FOOTFALL_FINE, text, NULL };
    size_t bytes = (size_t)snprintf(text, sizeof text, "This is footfall %s, with", footfall_version());
    for (; *name != NULL && bytes < sizeof text; name++)
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, " %s%s", *name, name[1] != NULL ? "," : ".");
    each_finding(report, &finding);
}

static void each_log_line(void *user, enum footfall_log_level level, const char *line)
{
    struct footfall_finding finding = { FOOTFALL_WARNING, line, "Correct its name, or take it away." };
    (void)level;
    each_finding(user, &finding);
}

/* Loads the configuration; what it warns of is a finding. 0, or an exit status after a message. */
static int configure(struct footfall_cli *cli, struct report *report)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    options.file = cli->arguments.values[FOOTFALL_CLI_FILE];
    options.settings = cli->arguments.settings;
    options.setting_count = cli->arguments.setting_count;
    options.use_environment = 1;
    options.log = each_log_line;
    options.log_user = report;
    if (footfall_config_load(&cli->config, &options, NULL, 0, &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_failed(&err);
}

static const char *advice_for(enum footfall_status status)
{
    switch (status) {
    case FOOTFALL_CONFIG:
        return "Correct what it names; footfall config shows every key, and where its value comes from.";
    case FOOTFALL_TEMPORARY:
        return "See that the server runs and can be reached from this host, then try again.";
    case FOOTFALL_BROKEN:
        return "The store says no: see its place, its rights and its version. Nothing was changed.";
    case FOOTFALL_NO_MEMORY:
        return "Try again with more memory.";
    default:
        return NULL;
    }
}

/* It could not be opened, or not be looked at any further. */
static int cannot_look(struct report *report, const struct footfall_error *err)
{
    struct footfall_finding finding = { FOOTFALL_WRONG, err->text, advice_for(err->status) };
    if (err->text[0] == '\0')
        finding.text = footfall_status_name(err->status);
    each_finding(report, &finding);
    return footfall__cli_exit_of(err->status);
}

static void print_sum(const struct report *report, const char *backend)
{
    static const struct {
        enum footfall_severity severity;
        const char *one, *many;
    } words[] = { { FOOTFALL_WRONG, "wrong", "wrong" },
                  { FOOTFALL_WARNING, "warning", "warnings" },
                  { FOOTFALL_NOTE, "note", "notes" } };
    int is_well = report->counts[FOOTFALL_WRONG] == 0 && report->counts[FOOTFALL_WARNING] == 0;
    const char *before = is_well ? ": all is well" : "";
    printf("%s%s", backend, before);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t count = report->counts[words[i].severity];
        if (count == 0)
            continue;
        printf("%s%zu %s", *before == '\0' ? ": " : ", ", count, count == 1 ? words[i].one : words[i].many);
        before = ", ";
    }
    putchar('\n');
    footfall__cli_written();
}

/* What the store's check does not read: the keys of the server. */
static int check_server(struct footfall_cli *cli, struct report *report)
{
    struct footfall_error err;
    if (footfall__serve_check(cli->config, &err) == FOOTFALL_OK)
        return 0;
    return cannot_look(report, &err);
}

int footfall__cli_doctor(struct footfall_cli *cli)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct report report = { .json = cli->json };
    struct footfall_error err;
    int exit = 0;
    tell_version(&report);
    exit = configure(cli, &report);
    if (exit != 0)
        return exit;
    call.wait_ms = LOOK_MS;
    if (footfall_check_config(cli->config, NULL, &call, each_finding, &report, &err) != FOOTFALL_OK)
        exit = cannot_look(&report, &err);
    else if (report.counts[FOOTFALL_WRONG] > 0)
        exit = FOOTFALL_CLI_FAILED;
    if (check_server(cli, &report) != 0 && exit == 0)
        exit = FOOTFALL_CLI_CONFIG_EXIT;
    if (!cli->json)
        print_sum(&report, footfall_config_get(cli->config, "backend"));
    return exit;
}
