/* dynamodb_calls.c: what the command line does not do of a purpose that rights are granted for (dynamodb_rights.py).
 *
 *     dynamodb_calls check KEY=VALUE...        opens the store and looks at it
 *     dynamodb_calls purge KEY=VALUE...        opens it and purges as if it were some months later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "footfall_admin.h"

enum { MOST_SETTINGS = 16, MONTHS_LATER = 100 * 24 * 3600 };

static int64_t later(void *user)
{
    (void)user;
    return ((int64_t)time(NULL) + MONTHS_LATER) * 1000;
}

static void tell(void *user, const struct footfall_finding *finding)
{
    (void)user;
    printf("%d %s\n", (int)finding->severity, finding->text);
}

static int purge(struct footfall *ff, struct footfall_error *err)
{
    struct footfall_purge_result result = { .done = 0 };
    int status = FOOTFALL_OK;
    while (status == FOOTFALL_OK && !result.done)
        status = footfall_purge(ff, FOOTFALL_NOW, 10000, NULL, &result, err);
    return status;
}

int main(int argc, char **argv)
{
    struct footfall_setting settings[MOST_SETTINGS];
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_error err;
    struct footfall *ff = NULL;
    int status = FOOTFALL_OK;
    if (argc < 3 || argc - 2 > MOST_SETTINGS)
        return 2;
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL)
            return 2;
        *value = '\0';
        settings[i - 2] = (struct footfall_setting){ argv[i], value + 1 };
    }
    options.settings = settings;
    options.setting_count = (size_t)argc - 2;
    options.clock = strcmp(argv[1], "purge") == 0 ? later : NULL;
    status = footfall_open(&ff, &options, &err);
    if (status == FOOTFALL_OK)
        status = strcmp(argv[1], "purge") == 0 ? purge(ff, &err) : footfall_check(ff, NULL, tell, NULL, &err);
    if (status != FOOTFALL_OK)
        fprintf(stderr, "dynamodb_calls: %s\n", err.text);
    footfall_close(ff);
    return status != FOOTFALL_OK;
}
