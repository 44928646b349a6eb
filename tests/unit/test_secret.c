/* test_secret.c: secrets from settings and from files. The one that a store makes for itself is in test_secret_own.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "secret.h"

#define TEXT32 "0123456789abcdef0123456789ABCDEF"

struct surroundings {
    char folder[64], path[128];
    int warnings;
    char warning[300];
};

static void take_log(void *user, enum footfall_log_level level, const char *line)
{
    struct surroundings *s = user;
    assert_int_equal(level, FOOTFALL_LOG_WARN);
    s->warnings++;
    snprintf(s->warning, sizeof s->warning, "%s", line);
}

static int set_up(void **state)
{
    struct surroundings *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    snprintf(s->folder, sizeof s->folder, "/tmp/footfall-secret-XXXXXX");
    if (mkdtemp(s->folder) == NULL)
        return -1;
    snprintf(s->path, sizeof s->path, "%s/counts.db.secret", s->folder);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct surroundings *s = *state;
    footfall__alloc_hook(NULL, NULL);
    (void)unlink(s->path);
    (void)rmdir(s->path);
    if (rmdir(s->folder) != 0) {
        fprintf(stderr, "%s is not empty\n", s->folder);
        return -1;
    }
    free(s);
    return 0;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void put(const char *path, const void *bytes, size_t count, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int load(struct surroundings *s, uint8_t **out, size_t *bytes, struct footfall_error *err)
{
    struct footfall__settings settings = { .secret_file = s->path };
    *out = (uint8_t *)s; /* not NULL */
    *bytes = 77;
    return footfall__secret_load(out, bytes, &settings, take_log, s, err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static void from_the_configuration(void **state)
{
    struct footfall__settings settings = { .secret = TEXT32 "-and-more" };
    struct footfall_error err;
    uint8_t *secret = NULL;
    size_t bytes = 0;
    (void)state;
    assert_int_equal(footfall__secret_load(&secret, &bytes, &settings, NULL, NULL, &err), FOOTFALL_OK);
    assert_int_equal(bytes, 41);
    assert_memory_equal(secret, TEXT32 "-and-more", 41);
    footfall__secret_free(secret, bytes);
    footfall__secret_free(NULL, 0);
    settings.secret = NULL;
    assert_int_equal(footfall__secret_load(&secret, &bytes, &settings, NULL, NULL, &err), FOOTFALL_CONFIG);
    assert_null(secret);
}

static void good_files(void **state)
{
    static const struct {
        const char *content;
        size_t bytes, kept;
    } cases[] = {
        { TEXT32, 32, 32 },
        { TEXT32 "\n", 33, 32 },
        { TEXT32 "\r\n", 34, 32 },
        { TEXT32 " ~", 34, 34 },
        { TEXT32 "\n\n", 34, 34 },    /* two are no text's end: raw */
        { TEXT32 "\r", 33, 33 },      /* raw */
        { TEXT32 "\x80\n", 34, 34 },  /* raw: the newline is as random as the rest */
        { TEXT32 "\0\n", 34, 34 },    /* raw */
        { "\n" TEXT32 "\n", 34, 34 }, /* raw */
        { TEXT32 TEXT32 "\n", 65, 64 },
    };
    struct surroundings *s = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *secret = NULL;
        size_t bytes = 0;
        struct footfall_error err;
        put(s->path, cases[i].content, cases[i].bytes, 0600);
        if (load(s, &secret, &bytes, &err) != FOOTFALL_OK)
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(bytes, cases[i].kept);
        assert_memory_equal(secret, cases[i].content, bytes);
        footfall__secret_free(secret, bytes);
    }
    assert_int_equal(s->warnings, 0);
}

static void sizes(void **state)
{
    struct surroundings *s = *state;
    static uint8_t content[4097];
    struct footfall_error err;
    uint8_t *secret;
    size_t bytes;
    memset(content, 0xa5, sizeof content);
    put(s->path, content, 4096, 0600);
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_OK);
    assert_int_equal(bytes, 4096);
    assert_memory_equal(secret, content, bytes);
    footfall__secret_free(secret, bytes);
    put(s->path, content, 4097, 0600);
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
    assert_null(secret);
    assert_int_equal(bytes, 0);
    assert_has(err.text, s->path);
    assert_has(err.text, "larger than 4096 bytes");
}

static void refused_files(void **state)
{
    static const struct {
        const char *content;
        size_t bytes;
        const char *why;
    } cases[] = {
        { "", 0, "empty" },
        { "\n", 1, "too short" },
        { "hush-hush", 9, "too short" },
        { "0123456789abcdef0123456789ABCDE\n", 32, "too short" }, /* 31 without the newline */
        { "0123456789abcdef0123456789ABCDE\r\n", 33, "too short" },
    };
    struct surroundings *s = *state;
    struct footfall_error err;
    uint8_t *secret;
    size_t bytes;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(s->path, cases[i].content, cases[i].bytes, 0600);
        assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
        assert_null(secret);
        assert_int_equal(err.status, FOOTFALL_CONFIG);
        assert_has(err.text, s->path);
        assert_has(err.text, cases[i].why);
        assert_null(strstr(err.text, "hush"));
        assert_null(strstr(err.text, "0123456789abcdef"));
    }
    if (geteuid() != 0) { /* root may read everything */
        put(s->path, TEXT32, 32, 0);
        assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
        assert_has(err.text, "Permission denied");
    }
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
    assert_has(err.text, s->path);
    assert_has(err.text, "No such file");
    assert_int_equal(err.native, ENOENT);
    assert_int_equal(mkdir(s->path, 0700), 0);
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "is a directory");
    assert_int_equal(rmdir(s->path), 0);
    assert_int_equal(mkfifo(s->path, 0600), 0); /* and nobody waits for its writer */
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "is not a regular file");
    assert_null(secret);
}

static void warns_of_open_doors(void **state)
{
    static const struct {
        mode_t mode;
        int warnings;
    } cases[] = { { 0600, 0 }, { 0400, 0 }, { 0640, 1 }, { 0604, 1 }, { 0644, 1 } };
    struct surroundings *s = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *secret = NULL;
        size_t bytes = 0;
        (void)unlink(s->path);
        put(s->path, TEXT32, 32, cases[i].mode);
        s->warnings = 0;
        assert_int_equal(load(s, &secret, &bytes, NULL), FOOTFALL_OK);
        footfall__secret_free(secret, bytes);
        assert_int_equal(s->warnings, cases[i].warnings);
        if (cases[i].warnings > 0)
            assert_has(s->warning, s->path);
        assert_null(strstr(s->warning, "0123456789"));
    }
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

static int refuse(void *user)
{
    ++*(int *)user;
    return 1;
}

static void out_of_memory(void **state)
{
    struct surroundings *s = *state;
    struct footfall__settings settings = { .secret = TEXT32 };
    struct footfall_error err;
    uint8_t *secret = (uint8_t *)s;
    size_t bytes = 77;
    int refused = 0;
    footfall__alloc_hook(refuse, &refused);
    assert_int_equal(footfall__secret_load(&secret, &bytes, &settings, NULL, NULL, &err), FOOTFALL_NO_MEMORY);
    assert_null(secret);
    assert_int_equal(bytes, 0);
    put(s->path, TEXT32, 32, 0600);
    assert_int_equal(load(s, &secret, &bytes, &err), FOOTFALL_NO_MEMORY);
    assert_null(secret);
    assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
    assert_int_equal(refused, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_configuration),
        cmocka_unit_test_setup_teardown(good_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warns_of_open_doors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
