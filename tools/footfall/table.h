/* table.h: the commands and options there are, with their help: one place for the parser, --help and the error messages.
 * What a command does is elsewhere. */
#ifndef FOOTFALL_CLI_TABLE_H
#define FOOTFALL_CLI_TABLE_H
#include <stddef.h>

enum footfall_cli_command {
    FOOTFALL_CLI_VISIT,
    FOOTFALL_CLI_ADD,
    FOOTFALL_CLI_GET,
    FOOTFALL_CLI_LIST,
    FOOTFALL_CLI_SET,
    FOOTFALL_CLI_DELETE,
    FOOTFALL_CLI_FORGET,
    FOOTFALL_CLI_INGEST,
    FOOTFALL_CLI_EXPORT,
    FOOTFALL_CLI_IMPORT,
    FOOTFALL_CLI_DEMO,
    FOOTFALL_CLI_PURGE,
    FOOTFALL_CLI_SERVE,
    FOOTFALL_CLI_DOCTOR,
    FOOTFALL_CLI_CONFIG,
    FOOTFALL_CLI_IAM_POLICY,
    FOOTFALL_CLI_BENCH,
    FOOTFALL_CLI_COMMANDS,
    FOOTFALL_CLI_NONE = FOOTFALL_CLI_COMMANDS
};

enum footfall_cli_option {
    FOOTFALL_CLI_END, /* of a command's list */
    FOOTFALL_CLI_FILE,
    FOOTFALL_CLI_SETTING,
    FOOTFALL_CLI_JSON,
    FOOTFALL_CLI_COLOR,
    FOOTFALL_CLI_HELP,
    FOOTFALL_CLI_VERSION,
    FOOTFALL_CLI_AT,
    FOOTFALL_CLI_AGENT,
    FOOTFALL_CLI_TOKEN,
    FOOTFALL_CLI_STRICT,
    FOOTFALL_CLI_SORT,
    FOOTFALL_CLI_LIMIT,
    FOOTFALL_CLI_FORMAT,
    FOOTFALL_CLI_COUNTER,
    FOOTFALL_CLI_BY,
    FOOTFALL_CLI_STATUS,
    FOOTFALL_CLI_SKIP_AGENT,
    FOOTFALL_CLI_KEYS,
    FOOTFALL_CLI_RESUME,
    FOOTFALL_CLI_FOLLOW,
    FOOTFALL_CLI_THREADS,
    FOOTFALL_CLI_BATCH,
    FOOTFALL_CLI_OVERWRITE,
    FOOTFALL_CLI_FROM_TUTORIAL,
    FOOTFALL_CLI_SETUP,
    FOOTFALL_CLI_READ_ONLY,
    FOOTFALL_CLI_IMPORT_FROM,
    FOOTFALL_CLI_ACCOUNT,
    FOOTFALL_CLI_OPTIONS
};

#define FOOTFALL_CLI_ANY_NUMBER ((size_t)-1)
#define FOOTFALL_CLI_COMMAND_OPTIONS 10

struct footfall_cli_option_row {
    char letter;       /* '\0': long only */
    const char *name;  /* without dashes; NULL: letter only */
    const char *value; /* what it takes, as help shows it; NULL: nothing */
    const char *help;  /* of those that go with every command; NULL for the others */
};

struct footfall_cli_own_option {
    enum footfall_cli_option option;
    const char *help;
};

struct footfall_cli_command_row {
    const char *name;
    const char *operands; /* as help shows them */
    size_t least, most;   /* how many */
    const char *help;     /* one line, lower case, no full stop */
    const char *details;  /* paragraphs that help wraps, but for lines that begin with a space; or NULL */
    struct footfall_cli_own_option own[FOOTFALL_CLI_COMMAND_OPTIONS + 1]; /* ended by FOOTFALL_CLI_END */
};

extern const struct footfall_cli_option_row footfall__cli_options[FOOTFALL_CLI_OPTIONS];
extern const struct footfall_cli_command_row footfall__cli_commands[FOOTFALL_CLI_COMMANDS];
extern const char footfall__cli_epilogue[]; /* exit status and such, for the end of the whole's help */
#endif
