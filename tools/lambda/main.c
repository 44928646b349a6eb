/* main.c: the runtime for AWS Lambda: opens what is configured, then one invocation after another until the Runtime API is gone.
 * Events and replies are the affair of src/lambda, the Runtime API that of runtime.c. docs/lambda.md tells of all of it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "footfall.h"
#include "footfall_admin.h"
#include "lambda.h"
#include "log.h"
#include "runtime.h"
#include "web.h"

enum {
    FAILED = 1,
    USAGE = 2,
    CONFIGURATION = 3,
    START_MS = 5000, /* for the store; Lambda gives 10 s to all of the start */
    REPLY_MS = 150,  /* left for the reply when the store could not be opened */
    WITHOUT_ID_MAX = 10
};

struct program {
    struct footfall_config *config;
    struct footfall *ff; /* NULL: not to be opened yet */
    struct footfall_web *web;
    struct footfall_runtime *runtime;
};

static int complain(int exit, const char *text)
{
    footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s", text);
    return exit;
}

/* ---- what is configured ---------------------------------------------------------------------------------------------------- */

static int load(struct footfall_config **out, const struct footfall_setting *setting, struct footfall_error *err)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    options.use_environment = 1;
    options.settings = setting;
    options.setting_count = setting != NULL ? 1 : 0;
    options.log = setting == NULL ? footfall__runtime_log_line : NULL; /* warnings once */
    return footfall_config_load(out, &options, NULL, 0, err);
}

static void read_level(const struct footfall_config *config)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    const char *wanted = footfall_config_get(config, "log_level");
    for (size_t i = 0; wanted != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(wanted, names[i]) == 0)
            footfall__runtime_log_up_to((enum footfall_log_level)i);
}

/* Opens the store within most_ms, or the configured deadline where that is shorter. Afterwards each operation has its own time from
 * the site, so that the handle's own deadline matters no more. */
static int open_store(struct program *p, int64_t most_ms, struct footfall_error *err)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *hurried = NULL;
    char text[32];
    struct footfall_setting setting = { "deadline", text };
    int64_t deadline_ms = 0;
    int rc = footfall_config_duration(&deadline_ms, p->config, "deadline", 1, FOOTFALL_WAIT_MAX_MS, err);
    options.log = footfall__runtime_log_line;
    options.lanes = 1;
    if (rc == FOOTFALL_OK && most_ms < deadline_ms) {
        snprintf(text, sizeof text, "%" PRId64 "ms", most_ms);
        rc = load(&hurried, &setting, err);
    }
    if (rc == FOOTFALL_OK)
        rc = footfall_open_config(&p->ff, hurried != NULL ? hurried : p->config, &options, err);
    footfall_config_free(hurried);
    return rc;
}

/* A store that is not there does not keep the runtime from starting: it may be there for the first invocation. */
static int start(struct program *p, struct footfall_error *err)
{
    struct footfall_web_options options = { .log = footfall__runtime_log_line };
    int rc = load(&p->config, NULL, err);
    if (rc != FOOTFALL_OK)
        return rc;
    read_level(p->config);
    rc = footfall__web_open(&p->web, NULL, p->config, &options, err);
    if (rc != FOOTFALL_OK)
        return rc;
    rc = open_store(p, START_MS, err);
    if (rc == FOOTFALL_OK)
        footfall__web_use(p->web, p->ff);
    else if (rc != FOOTFALL_CONFIG)
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s; tried again with each invocation", err->text);
    return rc == FOOTFALL_CONFIG ? rc : FOOTFALL_OK;
}

/* ---- invocations ----------------------------------------------------------------------------------------------------------- */

static int64_t time_left(const struct footfall_invocation *of)
{
    struct timespec now = { 0 };
    if (of->deadline_ms == INT64_MAX || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return INT64_MAX;
    return of->deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void open_late(struct program *p, const struct footfall_invocation *of)
{
    struct footfall_error err;
    int64_t left = time_left(of);
    if (p->ff != NULL || left <= REPLY_MS)
        return;
    if (open_store(p, left - REPLY_MS, &err) == FOOTFALL_OK)
        footfall__web_use(p->web, p->ff);
    else
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s", err.text);
}

/* 1: go on. */
static int invoke(struct program *p, const struct footfall_invocation *of)
{
    struct footfall_error err = { FOOTFALL_INVALID, 0, "the event is larger than any that Lambda sends" };
    char *reply = NULL;
    size_t bytes = 0;
    int rc = FOOTFALL_INVALID;
    int go_on = 0;
    if (!of->too_large) {
        open_late(p, of);
        rc = footfall__lambda_answer(&reply, &bytes, p->web, of->event, of->event_bytes, time_left(of), &err);
    }
    if (rc == FOOTFALL_OK) {
        go_on = footfall__runtime_answer(p->runtime, of, reply, bytes);
    } else {
        footfall__runtime_log(FOOTFALL_LOG_WARN, "%s", err.text);
        go_on = footfall__runtime_fail(p->runtime, of, rc == FOOTFALL_INVALID ? "Footfall.Event" : "Footfall.Failed",
                                       err.text);
    }
    free(reply);
    return go_on;
}

static void serve(struct program *p)
{
    struct footfall_invocation invocation;
    int without_id = 0;
    int go_on = 1;
    while (go_on && footfall__runtime_next(p->runtime, &invocation)) {
        footfall__runtime_log_of(invocation.id[0] != '\0' ? invocation.id : NULL);
        if (invocation.id[0] != '\0') {
            without_id = 0;
            go_on = invoke(p, &invocation);
        } else {
            footfall__runtime_log(FOOTFALL_LOG_ERROR, "an invocation without a request id cannot be answered");
            go_on = ++without_id < WITHOUT_ID_MAX;
        }
        footfall__runtime_log_of(NULL);
    }
}

/* ---- the program ------------------------------------------------------------------------------------------------------------ */

static int run(struct program *p, const char *api)
{
    struct footfall_error err;
    p->runtime = footfall__runtime_open(api);
    if (p->runtime == NULL)
        return complain(FAILED, "the Runtime API cannot be asked: AWS_LAMBDA_RUNTIME_API is too long, or no memory");
    if (start(p, &err) != FOOTFALL_OK) {
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s", err.text);
        footfall__runtime_fail_start(
            p->runtime, err.status == FOOTFALL_CONFIG ? "Footfall.Configuration" : "Footfall.Failed", err.text);
        return err.status == FOOTFALL_CONFIG ? CONFIGURATION : FAILED;
    }
    serve(p);
    return FAILED; /* whatever ended it: Lambda starts another */
}

static void print_version(void)
{
    const char *const *name = footfall_backends();
    printf("footfall-lambda %s (backends:", footfall_version());
    for (; *name != NULL; name++)
        printf(" %s", *name);
    printf(")\n");
}

int main(int argc, char *argv[])
{
    struct program p = { 0 };
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *word = argc == 2 ? argv[1] : "";
    int exit = 0;
    if (strcmp(word, "--version") == 0) {
        print_version();
        return fflush(stdout) == 0 ? 0 : FAILED;
    }
    if (strcmp(word, "--help") == 0) {
        printf("usage: footfall-lambda\n\nThe runtime of footfall for AWS Lambda, which starts it. It is configured by "
               "FOOTFALL_… "
               "and\nFOOTFALL_CONFIG in the environment: footfall-lambda(1), footfall.conf(5).\n");
        return fflush(stdout) == 0 ? 0 : FAILED;
    }
    if (api == NULL || api[0] == '\0')
        return complain(USAGE, "AWS_LAMBDA_RUNTIME_API is not set: AWS Lambda runs this program, see docs/lambda.md");
    signal(SIGPIPE, SIG_IGN);
    exit = run(&p, api);
    footfall__web_close(p.web);
    footfall_close(p.ff);
    footfall_config_free(p.config);
    footfall__runtime_close(p.runtime);
    return exit;
}
