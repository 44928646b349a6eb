/* fuzz_logs.c: any bytes as a log line, in both formats: every field lies inside the line, decoding never lengthens, and
 * the remembered minute never changes an answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void check_field(const char *line, size_t size, struct footfall_logs_field field)
{
    must(field.text >= line && field.bytes <= size && field.text + field.bytes <= line + size);
}

static void check_decoding(struct footfall_logs_field field)
{
    char *out = malloc(field.bytes + 2);
    size_t bytes = 0;
    if (out == NULL)
        return;
    must(footfall__logs_unescape(out, field) <= field.bytes);
    if (footfall__logs_path(out, &bytes, field, 0) == NULL) {
        must(bytes >= 1 && bytes <= field.bytes + 1);
        must(out[0] == '/' && out[bytes] == '\0');
    }
    free(out);
}

static void check_line(const char *line, size_t size, enum footfall_logs_format format)
{
    static struct footfall_logs_minute kept;
    struct footfall_logs_minute fresh = { { 0 }, 0, 0 };
    struct footfall_logs_line out, again;
    const char *reason = footfall__logs_line(&out, &fresh, format, line, size);
    const char *then = footfall__logs_line(&again, &kept, format, line, size);
    must((reason == NULL) == (then == NULL));
    if (reason != NULL) {
        must(strcmp(reason, then) == 0);
        return;
    }
    must(out.time_ms == again.time_ms && out.status >= 0 && out.status <= 999 && out.body_bytes >= -1);
    must(out.host.bytes >= 1 && memchr(out.host.text, '\0', out.host.bytes) == NULL);
    check_field(line, size, out.host);
    check_field(line, size, out.user);
    check_field(line, size, out.method);
    check_field(line, size, out.target);
    check_field(line, size, out.protocol);
    check_field(line, size, out.referer);
    check_field(line, size, out.agent);
    check_decoding(out.target);
    check_decoding(out.agent);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *line = malloc(size > 0 ? size : 1);
    if (line == NULL)
        return 0;
    if (size > 0)
        memcpy(line, bytes, size);
    check_line(line, size, FOOTFALL_LOGS_COMMON);
    check_line(line, size, FOOTFALL_LOGS_COMBINED);
    check_decoding((struct footfall_logs_field){ line, size });
    free(line);
    return 0;
}
