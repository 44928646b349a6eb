/* fuzz_logs_json.c: any bytes as a JSON log line, by the usual keys and by given ones: fields are never longer than the line,
 * a reader that has read others says the same, and the beginning of a line is no line or says the same. The same bytes as
 * a list of keys. */
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

static void check_field(size_t size, struct footfall_logs_field field)
{
    volatile char last = '\0';
    must(field.text != NULL && field.bytes <= size);
    for (size_t i = 0; i < field.bytes; i++)
        last = field.text[i];
    (void)last;
}

static void check_target(struct footfall_logs_field target)
{
    char *out = malloc(target.bytes + 2);
    size_t bytes = 0;
    if (out == NULL)
        return;
    if (footfall__logs_path(out, &bytes, target, 1) == NULL) {
        must(bytes >= 1 && bytes <= target.bytes + 1);
        must(out[0] == '/' && out[bytes] == '\0');
    }
    free(out);
}

static void check_line(size_t size, const struct footfall_logs_line *line)
{
    must(line->plain && line->body_bytes == -1 && line->status >= -1 && line->status <= 999);
    must(line->host.bytes >= 1 && line->host.bytes <= 255);
    for (size_t i = 0; i < line->host.bytes; i++)
        must(line->host.text[i] > 0x20 && line->host.text[i] < 0x7f);
    check_field(size, line->user);
    check_field(size, line->method);
    check_field(size, line->target);
    check_field(size, line->protocol);
    check_field(size, line->referer);
    check_field(size, line->agent);
    check_target(line->target);
}

static int same_field(struct footfall_logs_field a, struct footfall_logs_field b)
{
    return a.bytes == b.bytes && memcmp(a.text, b.text, a.bytes) == 0;
}

static void must_be_same(const struct footfall_logs_line *a, const struct footfall_logs_line *b)
{
    must(same_field(a->host, b->host) && same_field(a->target, b->target) && same_field(a->agent, b->agent));
    must(same_field(a->method, b->method) && same_field(a->protocol, b->protocol));
    must(a->time_ms == b->time_ms && a->status == b->status);
}

static void check(struct footfall_logs_reader *kept, const char *line, size_t size)
{
    struct footfall_logs_reader fresh = { .format = FOOTFALL_LOGS_JSON, .keys = kept->keys };
    struct footfall_logs_line out, again;
    const char *reason = footfall__logs_read(&out, &fresh, line, size);
    const char *then = footfall__logs_read(&again, kept, line, size);
    must((reason == NULL) == (then == NULL) && (reason == NULL || strcmp(reason, then) == 0));
    if (reason == NULL) {
        size_t step = size / 32 + 1;
        check_line(size, &out);
        must_be_same(&out, &again);
        for (size_t cut = 0; cut < size; cut += size - cut <= 8 ? 1 : step)
            if (footfall__logs_read(&again, kept, line, cut) == NULL)
                must_be_same(&out, &again);
    }
    footfall__logs_reader_free(&fresh);
}

static void check_keys(const char *text, size_t size)
{
    char *list = malloc(size + 1); /* strndup is thought to read to the NUL under strict_string_checks */
    struct footfall_logs_keys keys;
    struct footfall_logs_field part;
    if (list == NULL)
        return;
    memcpy(list, text, size);
    list[size] = '\0';
    if (footfall__logs_take_keys(&keys, list, &part) == NULL) {
        struct footfall_logs_reader reader = { .format = FOOTFALL_LOGS_JSON, .keys = &keys };
        check(&reader, text, size);
        footfall__logs_reader_free(&reader);
    }
    must(part.text >= list && part.text + part.bytes <= list + strlen(list));
    footfall__logs_free_keys(&keys);
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct footfall_logs_keys given;
    static struct footfall_logs_reader usual = { .format = FOOTFALL_LOGS_JSON },
                                       other = { .format = FOOTFALL_LOGS_JSON };
    struct footfall_logs_field part;
    char *line = malloc(size > 0 ? size : 1);
    if (line == NULL)
        return 0;
    if (other.keys == NULL) {
        must(footfall__logs_take_keys(&given, "address=a,time=t,target=r.u,status=s.c.o,agent=r.a", &part) == NULL);
        other.keys = &given;
    }
    if (size > 0)
        memcpy(line, bytes, size);
    check(&usual, line, size);
    check(&other, line, size);
    check_keys(line, size);
    free(line);
    return 0;
}
