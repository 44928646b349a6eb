/* log.c: lines on standard error (log.h). Each is written at one go. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 800 };

static enum footfall_log_level most = FOOTFALL_LOG_WARN;
static const char *of = NULL;

void footfall__runtime_log_up_to(enum footfall_log_level level)
{
    most = level;
}

void footfall__runtime_log_of(const char *request_id)
{
    of = request_id;
}

void footfall__runtime_log_line(void *user, enum footfall_log_level level, const char *line)
{
    char text[LINE_BYTES + 128]; /* and what stands before it */
    size_t bytes = 0;
    (void)user;
    if (level > most)
        return;
    snprintf(text, sizeof text - 1, "footfall: %s%s%s", of != NULL ? of : "", of != NULL ? ": " : "", line);
    for (; text[bytes] != '\0'; bytes++)
        if (text[bytes] < ' ' || text[bytes] > '~')
            text[bytes] = '?';
    text[bytes++] = '\n';
    if (write(STDERR_FILENO, text, bytes) < 0) {
        /* nobody reads it: that is no reason not to count */
    }
}

void footfall__runtime_log(enum footfall_log_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    footfall__runtime_log_line(NULL, level, line);
}
