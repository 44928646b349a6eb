/* redis_ask.c: see redis_ask.h. */
#include "redis_ask.h"
#include "cmocka_all.h"

#include "folder.h"
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 16 };

/* A setting that there is already gets the new value; NULL takes it away. */
static void put(const char *pairs[2 * MOST_PAIRS + 1], const char *key, const char *value)
{
    size_t i = 0;
    while (pairs[i] != NULL && strcmp(pairs[i], key) != 0)
        i += 2;
    if (i == (size_t)2 * MOST_PAIRS)
        support_die("too many settings");
    pairs[i] = key;
    pairs[i + 1] = value;
}

/* The list ends at a NULL: those taken away are left out. */
static void close_gaps(const char *pairs[2 * MOST_PAIRS + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)2 * MOST_PAIRS && pairs[i] != NULL; i += 2)
        if (pairs[i + 1] != NULL) {
            pairs[count] = pairs[i];
            pairs[count + 1] = pairs[i + 1];
            count += 2;
        }
    pairs[count] = NULL;
}

static void put_all(const char *pairs[2 * MOST_PAIRS + 1], const char *prefix, va_list more)
{
    put(pairs, "backend", "redis");
    put(pairs, "redis.url", support_redis_url());
    put(pairs, "redis.prefix", prefix);
    put(pairs, "secret", SUPPORT_SECRET);
    if (getenv("FOOTFALL_TEST_REDIS_CA") != NULL)
        put(pairs, "redis.ca_file", support_redis_ca());
    for (const char *key = va_arg(more, const char *); key != NULL; key = va_arg(more, const char *))
        put(pairs, key, va_arg(more, const char *));
    close_gaps(pairs);
}

struct footfall *redis_open(const char *prefix, ...)
{
    const char *pairs[2 * MOST_PAIRS + 1] = { NULL };
    va_list more;
    va_start(more, prefix);
    put_all(pairs, prefix, more);
    va_end(more);
    return support_open(pairs);
}

int redis_try_open(struct footfall **out, struct footfall_error *err, const char *prefix, ...)
{
    const char *pairs[2 * MOST_PAIRS + 1] = { NULL };
    va_list more;
    va_start(more, prefix);
    put_all(pairs, prefix, more);
    va_end(more);
    return support_try_open(out, err, pairs);
}

void redis_expect(const char *want, char *reply, const char *file, int line)
{
    if (strcmp(reply, want) != 0) {
        print_error("Redis says \"%s\", not \"%s\"\n", reply, want);
        _fail(file, line);
    }
    free(reply);
}

int64_t redis_number(char *reply, const char *file, int line)
{
    char *end = NULL;
    int64_t number = strtoll(reply, &end, 10);
    if (end == reply || *end != '\0') {
        print_error("Redis says \"%s\", which is no number\n", reply);
        _fail(file, line);
    }
    free(reply);
    return number;
}

char *redis_digest(void)
{
    char *digest = support_redis_command("DEBUG", "DIGEST", NULL);
    assert_int_equal(strlen(digest), 40);
    return digest;
}

const char *redis_digest_kept(char *digest)
{
    static char kept[41];
    memcpy(kept, digest, sizeof kept);
    free(digest);
    return kept;
}

int64_t redis_key_count(const char *pattern)
{
    return REDIS_NUMBER("EVAL", "return #redis.call('KEYS', ARGV[1])", "0", pattern);
}

char *redis_info(const char *field)
{
    char *info = support_redis_command("INFO", NULL);
    char *value = NULL;
    size_t bytes = strlen(field);
    for (const char *line = info; line != NULL && value == NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, field, bytes) == 0 && line[bytes] == ':')
            value = support_format("%.*s", (int)strcspn(line + bytes + 1, "\r\n"), line + bytes + 1);
    }
    free(info);
    return value != NULL ? value : support_format("%s", "");
}

void redis_expect_fault(int rc, const struct footfall_error *err, int want, const char *word, const char *file,
                        int line)
{
    if (rc == want && (want == FOOTFALL_OK || err->status == want) && (word == NULL || strstr(err->text, word) != NULL))
        return;
    print_error("%s: \"%s\"; wanted %s: %s\n", footfall_status_name((enum footfall_status)rc), err->text,
                footfall_status_name((enum footfall_status)want), word != NULL ? word : "");
    _fail(file, line);
}

int redis_add(struct footfall *ff, const char *name, uint32_t wait_ms, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    call.wait_ms = wait_ms;
    return footfall_add(ff, name, 1, &call, NULL, err);
}

int redis_visit(struct footfall *ff, const char *name, uint32_t visitor, uint32_t wait_ms, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    char address[16];
    support_address(address, visitor);
    call.wait_ms = wait_ms;
    who.address = address;
    return footfall_visit(ff, name, &who, &call, NULL, err);
}

int redis_flush(void **state)
{
    (void)state;
    REDIS_OK("FLUSHALL");
    return 0;
}
