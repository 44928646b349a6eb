/* output.c: messages and exit statuses. A broken or full standard output is noticed here; what is said is the commands'
 * affair. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int output_errno;

int footfall__cli_complain(int exit, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    footfall__cli_make_harmless(line);
    flockfile(stderr);
    footfall__cli_hide_line();
    fprintf(stderr, "%sfootfall:%s %s\n", footfall__cli_style(stderr, FOOTFALL_CLI_BOLD),
            footfall__cli_style(stderr, FOOTFALL_CLI_NORMAL), line);
    funlockfile(stderr);
    return exit;
}

int footfall__cli_exit_of(int status)
{
    switch (status) {
    case FOOTFALL_OK:
        return FOOTFALL_CLI_DONE;
    case FOOTFALL_INVALID:
        return FOOTFALL_CLI_USAGE;
    case FOOTFALL_CONFIG:
        return FOOTFALL_CLI_CONFIG_EXIT;
    case FOOTFALL_TEMPORARY:
        return FOOTFALL_CLI_TEMPORARY;
    case FOOTFALL_UNKNOWN:
        return FOOTFALL_CLI_UNKNOWN;
    default:
        return FOOTFALL_CLI_FAILED;
    }
}

int footfall__cli_failed(const struct footfall_error *err)
{
    return footfall__cli_complain(footfall__cli_exit_of(err->status), "%s",
                                  err->text[0] != '\0' ? err->text : footfall_status_name(err->status));
}

int footfall__cli_check_name(const char *name)
{
    struct footfall_error err;
    if (footfall_name_check(name, strlen(name), &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "COUNTER: %s", err.text);
}

int footfall__cli_check_address(const char *address)
{
    struct footfall_error err;
    if (footfall_address_check(address, &err) == FOOTFALL_OK)
        return 0;
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "ADDRESS: %s", err.text);
}

int footfall__cli_number(int64_t *out, const char *argument, const char *text, int64_t min, int64_t max)
{
    switch (footfall__cli_integer(out, text, min, max)) {
    case 0:
        return 0;
    case -2:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: out of range, %" PRId64 " to %" PRId64, argument, min,
                                      max);
    default:
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: not a whole number", argument);
    }
}

void footfall__cli_written(void)
{
    if (output_errno == 0 && ferror(stdout))
        output_errno = errno != 0 ? errno : EIO;
}

int footfall__cli_output_failed(void)
{
    footfall__cli_written();
    return output_errno != 0;
}

int footfall__cli_finish_output(int exit)
{
    if (fflush(stdout) != 0 && output_errno == 0)
        output_errno = errno != 0 ? errno : EIO;
    footfall__cli_written();
    if (output_errno == 0 || output_errno == EPIPE)
        return exit;
    footfall__cli_complain(FOOTFALL_CLI_FAILED, "cannot write to standard output: %s", strerror(output_errno));
    return exit == FOOTFALL_CLI_DONE ? FOOTFALL_CLI_FAILED : exit;
}
