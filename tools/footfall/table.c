/* table.c: every command and option with its help. The man page and the completion must say the same. */
#include "table.h"

const struct footfall_cli_option_row footfall__cli_options[FOOTFALL_CLI_OPTIONS] = {
    [FOOTFALL_CLI_FILE] = { 'c', NULL, "FILE", "read this configuration file (otherwise $FOOTFALL_CONFIG, if set)" },
    [FOOTFALL_CLI_SETTING] = { 'o', NULL, "KEY=VALUE", "set a configuration key; may be repeated" },
    [FOOTFALL_CLI_JSON] = { '\0', "json", NULL, "write JSON, one object a line" },
    [FOOTFALL_CLI_COLOR] = { '\0', "color", "WHEN",
                             "colour: auto (on a terminal; not with NO_COLOR), always or never" },
    [FOOTFALL_CLI_HELP] = { 'h', "help", NULL, "say what there is, or what a command does" },
    [FOOTFALL_CLI_VERSION] = { '\0', "version", NULL, "name the version and the backends built in" },
    [FOOTFALL_CLI_AT] = { '\0', "at", "TIME", NULL },
    [FOOTFALL_CLI_AGENT] = { '\0', "agent", "UA", NULL },
    [FOOTFALL_CLI_TOKEN] = { '\0', "token", "T", NULL },
    [FOOTFALL_CLI_STRICT] = { '\0', "strict", NULL, NULL },
    [FOOTFALL_CLI_SORT] = { '\0', "sort", "KEY", NULL },
    [FOOTFALL_CLI_LIMIT] = { '\0', "limit", "N", NULL },
    [FOOTFALL_CLI_FORMAT] = { '\0', "format", "FORMAT", NULL },
    [FOOTFALL_CLI_COUNTER] = { '\0', "counter", "NAME", NULL },
    [FOOTFALL_CLI_BY] = { '\0', "by", "path", NULL },
    [FOOTFALL_CLI_STATUS] = { '\0', "status", "LIST", NULL },
    [FOOTFALL_CLI_SKIP_AGENT] = { '\0', "skip-agent", "REGEX", NULL },
    [FOOTFALL_CLI_KEYS] = { '\0', "keys", "LIST", NULL },
    [FOOTFALL_CLI_RESUME] = { '\0', "resume", "STATEFILE", NULL },
    [FOOTFALL_CLI_FOLLOW] = { '\0', "follow", NULL, NULL },
    [FOOTFALL_CLI_THREADS] = { '\0', "threads", "T", NULL },
    [FOOTFALL_CLI_BATCH] = { '\0', "batch", "B", NULL },
    [FOOTFALL_CLI_OVERWRITE] = { '\0', "overwrite", NULL, NULL },
    [FOOTFALL_CLI_FROM_TUTORIAL] = { '\0', "from-dynamodb-tutorial", "TABLE", NULL },
    [FOOTFALL_CLI_SETUP] = { '\0', "setup", NULL, NULL },
    [FOOTFALL_CLI_READ_ONLY] = { '\0', "read-only", NULL, NULL },
    [FOOTFALL_CLI_IMPORT_FROM] = { '\0', "import", "TABLE", NULL },
    [FOOTFALL_CLI_ACCOUNT] = { '\0', "account", "ID", NULL },
};

#define TOKEN_HELP "the same token again within 10 minutes counts nothing more"
#define AGENT_HELP "the visitor's user agent; matters under visitor = address+agent"
#define TIME_DETAILS                                                                                                   \
    "TIME is RFC 3339 (2026-03-01T12:00:00Z, with a fraction and an offset if you like) or\n"                          \
    "milliseconds since 1970; at most one hour ahead of this machine's clock."
#define EXPORT_DETAILS                                                                                                 \
    "Writes a line of JSON for each counter, in byte order of their names, to standard output when there is\n"         \
    "no FILE or for \"-\". FILE is replaced as a whole when all is written, or stays as it was. No snapshot:\n"        \
    "counters that change meanwhile have the numbers of the moment they are read. Visitors are not exported."
#define IMPORT_DETAILS                                                                                                 \
    "Reads what export and list --json write, from standard input when there is no FILE or for \"-\", and sets\n"      \
    "each counter to the numbers of its line. All lines are checked before anything is set. If a counter would\n"      \
    "get a smaller number than it has, nothing is set. Importing the same again changes nothing. Other counters,\n"    \
    "and visitors, stay. What is counted between reading and setting a counter is lost: stop the writers.\n"           \
    "\n"                                                                                                               \
    "With --from-dynamodb-tutorial: adds to NAME what TABLE counts, and remembers it: the same import again\n"         \
    "adds only what TABLE has gained since. Items with ip_address and visit_count give visits and visitors,\n"         \
    "items with id and views give visits; anything else in TABLE is refused. No addresses or their hashes are\n"       \
    "taken over. To lose no visit: point the page to NAME, import, and import once more when the old program\n"        \
    "gets no more traffic (reading a table that is still written to is no snapshot)."
#define DEMO_DETAILS                                                                                                   \
    "N is 1000 unless given, 10000000 at most. Counts visits of the last 7 days, from addresses that are for\n"        \
    "documentation, on 12 counters: demo/, demo/about, demo/blog/ and others whose names begin with \"demo/\".\n"      \
    "Each run counts the same pages and visitors in the same order, up to now, and adds to what is there.\n"           \
    "Visits on counters of your own are not touched; \"delete\" ends those of the demo."
#define INGEST_DETAILS                                                                                                 \
    "Reads the files in order, standard input when there is none or for \"-\"; what is gzip is told by\n"              \
    "its content. Every line counts at its own time. What cannot be counted is skipped and told by\n"                  \
    "reason, the first few by line. With --resume a run that was killed is started again with the same\n"              \
    "command and counts every line once, also across a rotation: what FILE was before is found beside\n"               \
    "it, as FILE.1, FILE-20260301.gz and the like, or given too. With --follow it goes on until it is\n"               \
    "stopped by a signal, which is its good end; a pipe is followed to its end."
#define SERVE_DETAILS                                                                                                  \
    "Listens on http.listen, 127.0.0.1:8080 unless set: ADDRESS:PORT, [ADDRESS]:PORT or unix:/path; or on the\n"       \
    "socket that systemd hands over. / is a page that shows how to count. Also purges, once a day. Ends with 0\n"      \
    "on SIGTERM or SIGINT, when what is under way is answered; a second one ends it at once. With\n"                   \
    "-o log_level=info each request is logged, without addresses."

const struct footfall_cli_command_row footfall__cli_commands[FOOTFALL_CLI_COMMANDS] = {
    [FOOTFALL_CLI_VISIT] = { "visit",
                             "COUNTER ADDRESS",
                             2,
                             2,
                             "count one visit of an IP address",
                             TIME_DETAILS,
                             { { FOOTFALL_CLI_AT, "when the visit was (now)" },
                               { FOOTFALL_CLI_AGENT, AGENT_HELP },
                               { FOOTFALL_CLI_TOKEN, TOKEN_HELP } } },
    [FOOTFALL_CLI_ADD] = { "add",
                           "COUNTER [DELTA]",
                           1,
                           2,
                           "add to the total, without a visitor",
                           "DELTA is 1 unless given, and may be negative.",
                           { { FOOTFALL_CLI_TOKEN, TOKEN_HELP } } },
    [FOOTFALL_CLI_GET] = { "get",
                           "COUNTER...",
                           1,
                           FOOTFALL_CLI_ANY_NUMBER,
                           "read counters; counts nothing",
                           "A counter that does not exist reads 0.",
                           { { FOOTFALL_CLI_STRICT, "exit with 1 when one does not exist" } } },
    [FOOTFALL_CLI_LIST] = { "list",
                            "[PREFIX]",
                            0,
                            1,
                            "read every counter, or those whose name begins with PREFIX",
                            "On a terminal a bar shows VISITS, or VISITORS with --sort unique, and long names are cut "
                            "in the\n"
                            "middle; anywhere else names are whole and there is no bar, whatever --color says.",
                            { { FOOTFALL_CLI_SORT, "name (byte order, unless given), total or unique (largest first)" },
                              { FOOTFALL_CLI_LIMIT, "show at most N" } } },
    [FOOTFALL_CLI_SET] = { "set",
                           "COUNTER TOTAL [UNIQUE]",
                           2,
                           3,
                           "overwrite both numbers; visitors stay remembered",
                           "UNIQUE is 0 unless given.",
                           { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_DELETE] = { "delete",
                              "COUNTER",
                              1,
                              1,
                              "end a counter and forget its visitors",
                              "The numbers shown are those that were deleted.",
                              { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_FORGET] = { "forget",
                              "COUNTER ADDRESS",
                              2,
                              2,
                              "forget one visitor of a counter; its numbers stay",
                              TIME_DETAILS,
                              { { FOOTFALL_CLI_AT, "when the visitor came (now)" },
                                { FOOTFALL_CLI_AGENT, AGENT_HELP } } },
    [FOOTFALL_CLI_INGEST] = { "ingest",
                              "[FILE...]",
                              0,
                              FOOTFALL_CLI_ANY_NUMBER,
                              "count the lines of web server logs",
                              INGEST_DETAILS,
                              { { FOOTFALL_CLI_FORMAT,
                                  "combined (unless given), common or json (nginx, Caddy, Traefik)" },
                                { FOOTFALL_CLI_KEYS,
                                  "other JSON keys: address=KEY,time=KEY,target=KEY,status=KEY,agent=KEY" },
                                { FOOTFALL_CLI_BY, "a counter for each path, without its query (unless --counter)" },
                                { FOOTFALL_CLI_COUNTER, "one counter for all lines" },
                                { FOOTFALL_CLI_STATUS, "only these, such as 200-399 or 200,204,301-308 (all)" },
                                { FOOTFALL_CLI_SKIP_AGENT,
                                  "leave out agents in which this extended regular expression is found (any case)" },
                                { FOOTFALL_CLI_STRICT, "end with 2 at the first line that cannot be counted" },
                                { FOOTFALL_CLI_RESUME, "remember in this file how far it got" },
                                { FOOTFALL_CLI_FOLLOW, "go on with the last file as it grows and is rotated" } } },
    [FOOTFALL_CLI_EXPORT] = { "export",
                              "[FILE]",
                              0,
                              1,
                              "write every counter with its numbers, for import",
                              EXPORT_DETAILS,
                              { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_IMPORT] = { "import",
                              "[FILE]",
                              0,
                              1,
                              "set counters as an export has them, or take over a tutorial's counter",
                              IMPORT_DETAILS,
                              { { FOOTFALL_CLI_OVERWRITE, "set counters also where a number gets smaller" },
                                { FOOTFALL_CLI_FROM_TUTORIAL, "the DynamoDB table of one of the usual tutorials" },
                                { FOOTFALL_CLI_COUNTER, "the counter that gets TABLE's numbers" } } },
    [FOOTFALL_CLI_DEMO] = { "demo",
                            "[N]",
                            0,
                            1,
                            "fill counters with N made-up visits, to have something to look at",
                            DEMO_DETAILS,
                            { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_PURGE] = { "purge",
                             "",
                             0,
                             0,
                             "drop what can no longer matter",
                             NULL,
                             { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_SERVE] = { "serve",
                             "",
                             0,
                             0,
                             "count and show counters over HTTP",
                             SERVE_DETAILS,
                             { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_DOCTOR] = { "doctor",
                              "",
                              0,
                              0,
                              "check the configuration and its store, and say what to do",
                              "Looks at who may read secrets, at the clock, at rights, schema, expiry and settings of\n"
                              "the store, and at what is past its time. Makes and changes nothing, not even a\n"
                              "database. Each line is ok, a note, a warning or WRONG. Exits with 1 if anything is\n"
                              "wrong; with 3 or 4 when it cannot look, because of the configuration or just now.",
                              { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_CONFIG] = { "config",
                              "",
                              0,
                              0,
                              "show every key, its value, where that came from and what it means",
                              NULL,
                              { { FOOTFALL_CLI_END, NULL } } },
    [FOOTFALL_CLI_IAM_POLICY] = { "iam-policy",
                                  "",
                                  0,
                                  0,
                                  "print the least rights for this configuration, as JSON",
                                  "A policy for AWS IAM, for counting unless another purpose is given. Grant more than "
                                  "one by putting\n"
                                  "their statements together. Asks nobody and opens nothing; the region is the "
                                  "configured one, or any.",
                                  { { FOOTFALL_CLI_SETUP, "to make the tables and to check them" },
                                    { FOOTFALL_CLI_READ_ONLY, "to get and list counters only" },
                                    { FOOTFALL_CLI_IMPORT_FROM, "to import from TABLE only" },
                                    { FOOTFALL_CLI_ACCOUNT, "in this account, 12 digits (any)" } } },
    [FOOTFALL_CLI_BENCH] = { "bench",
                             "[N]",
                             0,
                             1,
                             "count N visits on this machine and backend, and say how fast",
                             "N is 100000 unless given. Uses a counter of its own and deletes it, also when it is\n"
                             "interrupted; the visitors' bytes go with the next purge. Says how long calls took and\n"
                             "how many visits the store got at once; and units a visit, when the backend counts what\n"
                             "a service bills.",
                             { { FOOTFALL_CLI_THREADS, "that many threads (1)" },
                               { FOOTFALL_CLI_BATCH, "hand over so many visits at once (1)" } } },
};

const char footfall__cli_epilogue[] =
    "footfall COMMAND --help tells more. Options may stand before or after the command; \"--\" ends them.\n"
    "\n"
    "Exit status:\n"
    "  0  done\n"
    "  1  failed\n"
    "  2  usage or bad input, nothing touched\n"
    "  3  configuration\n"
    "  4  temporary, not applied\n"
    "  5  outcome unknown\n";
