/* main.c: the runtime for AWS Lambda: one invocation after another until the Runtime API is gone. Events and replies are the
 * affair of src/lambda, the Runtime API that of runtime.c, configuration and store that of site.c. docs/lambda.md tells of all of it. */
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
#include "site.h"

enum { FAILED = 1, USAGE = 2, CONFIGURATION = 3, WITHOUT_ID_MAX = 10 };

#define EVENT_ERROR "Footfall.Event"
#define CONFIGURATION_ERROR "Footfall.Configuration"
#define OTHER_ERROR "Footfall.Failed"

static const char help[] = "usage: footfall-lambda\n"
                           "\n"
                           "The runtime of footfall for AWS Lambda, which starts it. FOOTFALL_... variables in the\n"
                           "environment and the file that FOOTFALL_CONFIG names configure it.\n"
                           "\n"
                           "Options:\n"
                           "  --help     show this and exit\n"
                           "  --version  show the version and the backends built in, and exit\n"
                           "\n"
                           "Exit status:\n"
                           "  0  help or version shown\n"
                           "  1  the Runtime API is gone or says to end\n"
                           "  2  not run by AWS Lambda\n"
                           "  3  configuration\n";

/* Longer than anything may take when no deadline is known. */
static int64_t time_left(const struct footfall_invocation *of)
{
    struct timespec now = { 0 };
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return INT64_MAX;
    return of->deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* 1: go on. */
static int invoke(struct footfall_runtime *runtime, struct footfall_runtime_site *site,
                  const struct footfall_invocation *of)
{
    struct footfall_error err = { FOOTFALL_INVALID, 0,
                                  "the event is larger than any that Lambda sends, or there was no memory for it" };
    struct footfall_web *web = footfall__runtime_site_web(site);
    char *reply = NULL;
    size_t bytes = 0;
    int rc = FOOTFALL_INVALID;
    int go_on = 0;
    if (!of->not_kept)
        rc = footfall__lambda_answer(&reply, &bytes, web, of->event, of->event_bytes, time_left(of), &err);
    if (rc == FOOTFALL_OK) {
        go_on = footfall__runtime_answer(runtime, of, reply, bytes);
    } else {
        footfall__runtime_log(FOOTFALL_LOG_WARN, "%s", err.text);
        go_on = footfall__runtime_fail(runtime, of, rc == FOOTFALL_INVALID ? EVENT_ERROR : OTHER_ERROR, err.text);
    }
    free(reply);
    return go_on;
}

static void serve(struct footfall_runtime *runtime, struct footfall_runtime_site *site)
{
    struct footfall_invocation invocation;
    int without_id = 0;
    int go_on = 1;
    while (go_on && footfall__runtime_next(runtime, &invocation)) {
        if (invocation.id[0] == '\0') {
            footfall__runtime_log(FOOTFALL_LOG_ERROR, "an invocation without a request id cannot be answered");
            go_on = ++without_id < WITHOUT_ID_MAX;
            continue;
        }
        without_id = 0;
        footfall__runtime_log_of(invocation.id);
        go_on = invoke(runtime, site, &invocation);
        if (go_on)
            footfall__runtime_site_upkeep(site, time_left(&invocation));
        footfall__runtime_log_of(NULL);
    }
}

static int run(const char *api)
{
    struct footfall_runtime *runtime = footfall__runtime_open(api);
    struct footfall_runtime_site *site = NULL;
    struct footfall_error err;
    int status = FAILED; /* when nothing else: Lambda starts another */
    if (runtime == NULL) {
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "no memory, or AWS_LAMBDA_RUNTIME_API is no host and port");
    } else if (footfall__runtime_site_open(&site, &err) == FOOTFALL_OK) {
        serve(runtime, site);
    } else {
        status = err.status == FOOTFALL_CONFIG ? CONFIGURATION : FAILED;
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s", err.text);
        footfall__runtime_fail_start(runtime, err.status == FOOTFALL_CONFIG ? CONFIGURATION_ERROR : OTHER_ERROR,
                                     err.text);
    }
    footfall__runtime_site_close(site);
    footfall__runtime_close(runtime);
    return status;
}

static int show(const char *word)
{
    const char *const *name = footfall_backends();
    if (strcmp(word, "--help") == 0) {
        fputs(help, stdout);
    } else {
        printf("footfall-lambda %s (backends:", footfall_version());
        for (; *name != NULL; name++)
            printf(" %s", *name);
        printf(")\n");
    }
    return fflush(stdout) == 0 ? 0 : FAILED;
}

int main(int argc, char *argv[])
{
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0))
        return show(argv[1]); /* Lambda gives the handler's name, which is nothing to us */
    if (api == NULL || api[0] == '\0') {
        footfall__runtime_log(FOOTFALL_LOG_ERROR,
                              "AWS_LAMBDA_RUNTIME_API is not set: this is the runtime that AWS Lambda starts, "
                              "see docs/lambda.md");
        return USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    return run(api);
}
