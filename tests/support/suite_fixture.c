/* suite_fixture.c: folders, clocks and handles of the conformance suite (suite_fixture.h). */
#include "suite_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "registry.h"

enum { SETTINGS_MAX = 32, VALUE_BYTES = 512 };

static const struct footfall_backend *backend;
static char *const *settings;
static size_t setting_count;
static uint32_t caps;
static int slow;

/* Every setting that a handle gets, with the strings it points to. */
struct filled {
    struct footfall_setting list[SETTINGS_MAX];
    size_t count;
    char keys[SETTINGS_MAX][64];
    char values[SETTINGS_MAX][VALUE_BYTES];
};

/* The later of two settings with one key wins. */
static void put(struct filled *to, const char *key, size_t key_bytes, const char *value)
{
    size_t i = 0;
    while (i < to->count && (strncmp(to->keys[i], key, key_bytes) != 0 || to->keys[i][key_bytes] != '\0'))
        i++;
    if (i == to->count)
        to->count++;
    if (i >= SETTINGS_MAX || key_bytes >= sizeof(to->keys[0]) || strlen(value) >= VALUE_BYTES)
        abort();
    memcpy(to->keys[i], key, key_bytes);
    to->keys[i][key_bytes] = '\0';
    memcpy(to->values[i], value, strlen(value) + 1);
    to->list[i].key = to->keys[i];
    to->list[i].value = to->values[i];
}

/* value, which is freed, with the mark replaced, in allocated memory */
static char *replace(char *value, const char *mark, const char *with)
{
    const char *at = strstr(value, mark);
    char *replaced = NULL;
    if (at == NULL)
        return value;
    replaced = support_format("%.*s%s%s", (int)(at - value), value, with, at + strlen(mark));
    free(value);
    return replaced;
}

/* value with @DIR@ and @NAME@ replaced, in allocated memory */
static char *in_folder(const char *value, const char *dir)
{
    const char *prefix = getenv("FOOTFALL_TEST_NAME_PREFIX"), *slash = strrchr(dir, '/');
    char *name = support_format("%s%s", prefix != NULL ? prefix : "", slash != NULL ? slash + 1 : dir);
    char *replaced = replace(replace(support_format("%s", value), "@DIR@", dir), "@NAME@", name);
    free(name);
    return replaced;
}

static void put_backend_settings(struct filled *to, const char *dir)
{
    for (size_t i = 0; i < setting_count; i++) {
        const char *equals = strchr(settings[i], '=');
        char *value = in_folder(equals + 1, dir);
        put(to, settings[i], (size_t)(equals - settings[i]), value);
        free(value);
    }
}

static int64_t read_clock(void *user)
{
    struct suite_clock *clock = user;
    return atomic_load(&clock->now_ms);
}

/* ---- handles --------------------------------------------------------------------------------------------------------------- */

int suite_try_open(struct footfall **out, struct suite *s, const struct suite_knobs *knobs, struct footfall_error *err)
{
    static const struct suite_knobs none;
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct filled *filled = calloc(1, sizeof(*filled));
    int rc = 0;
    if (filled == NULL)
        abort();
    knobs = knobs != NULL ? knobs : &none;
    put(filled, "backend", 7, backend->name);
    if (!knobs->without_secret)
        put(filled, "secret", 6, "a secret of the conformance suite, known to all");
    put(filled, "deadline", 8, "30s");
    put(filled, "window", 6, knobs->window != NULL ? knobs->window : "24h");
    put(filled, "window_mode", 11, knobs->mode != NULL ? knobs->mode : "fixed");
    put_backend_settings(filled, s->dir);
    for (size_t i = 0; i < knobs->more_count; i++)
        put(filled, knobs->more[i].key, strlen(knobs->more[i].key), knobs->more[i].value);
    options.settings = filled->list;
    options.setting_count = filled->count;
    options.clock = read_clock;
    options.clock_user = knobs->clock != NULL ? knobs->clock : &s->clock;
    options.log = knobs->log;
    options.log_user = knobs->log_user;
    options.alone = knobs->alone;
    rc = footfall_open(out, &options, err);
    free(filled);
    return rc;
}

struct footfall *suite_open(struct suite *s, const struct suite_knobs *knobs)
{
    struct footfall_error err;
    struct footfall *ff = NULL;
    if (suite_try_open(&ff, s, knobs, &err) != FOOTFALL_OK)
        fail_msg("open: %s: %s", footfall_status_name(err.status), err.text);
    assert_true(s->handle_count < SUITE_HANDLES);
    s->handles[s->handle_count++] = ff;
    return ff;
}

void suite_close(struct suite *s, struct footfall *ff)
{
    for (size_t i = 0; i < s->handle_count; i++)
        if (s->handles[i] == ff)
            s->handles[i] = s->handles[--s->handle_count];
    footfall_close(ff);
}

void suite_set_clock(struct suite *s, int64_t now_ms)
{
    atomic_store(&s->clock.now_ms, now_ms);
}

int suite_set_up(void **state)
{
    struct suite *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return -1;
    s->dir = support_folder_make();
    suite_set_clock(s, NOON);
    *state = s;
    return 0;
}

int suite_tear_down(void **state)
{
    struct suite *s = *state;
    while (s->handle_count > 0)
        footfall_close(s->handles[--s->handle_count]);
    support_folder_remove(s->dir);
    free(s);
    return 0;
}

/* ---- the store itself -------------------------------------------------------------------------------------------------------- */

static const char *default_or_set(const struct filled *filled, const struct footfall_store_key *key)
{
    size_t section = strlen(backend->name);
    for (size_t i = 0; i < filled->count; i++)
        if (strncmp(filled->keys[i], backend->name, section) == 0 && filled->keys[i][section] == '.' &&
            strcmp(filled->keys[i] + section + 1, key->key) == 0)
            return filled->values[i];
    return key->default_value;
}

static int open_store(struct footfall_store **out, const char *dir, struct footfall_store_call *call)
{
    struct footfall_store_setting own[SETTINGS_MAX];
    size_t count = 0;
    int rc = 0;
    struct filled *filled = calloc(1, sizeof(*filled));
    if (filled == NULL)
        abort();
    put_backend_settings(filled, dir);
    for (const struct footfall_store_key *key = backend->keys; key != NULL && key->key != NULL; key++) {
        const char *value = default_or_set(filled, key);
        if (value == NULL)
            continue;
        if (count == SETTINGS_MAX)
            abort();
        own[count++] = (struct footfall_store_setting){ key->key, value };
    }
    rc = backend->open(out, own, count, 0, call);
    free(filled);
    return rc;
}

static struct footfall_store_call long_call(char *text, size_t text_bytes)
{
    struct footfall_store_call call = {
        .deadline_ms = INT64_MAX, .wall_ms = NOON, .text = text, .text_bytes = text_bytes
    };
    text[0] = '\0';
    return call;
}

struct footfall_store *suite_store_open(struct suite *s)
{
    char text[200];
    struct footfall_store_call call = long_call(text, sizeof(text));
    struct footfall_store *store = NULL;
    if (open_store(&store, s->dir, &call) != 0)
        fail_msg("open the store: %s", text);
    return store;
}

void suite_store_close(struct footfall_store *store)
{
    backend->close(store, 0);
}

int suite_epoch_key_there(struct suite *s, int64_t epoch_ms, int64_t epoch)
{
    char text[200];
    struct footfall_store_call call = long_call(text, sizeof(text));
    struct footfall_store *store = suite_store_open(s);
    uint8_t key[FOOTFALL_STORE_KEY_BYTES] = { 0 };
    int64_t until = 0;
    int rc = backend->epoch_key(store, epoch_ms, epoch, NULL, 0, key, &until, &call);
    suite_store_close(store);
    if (rc < 0)
        fail_msg("look for an epoch key: %s", text);
    return rc == 0;
}

void suite_configure(const char *name, char *const *given, int count)
{
    char text[200];
    struct footfall_store_call call = long_call(text, sizeof(text));
    struct footfall_store *store = NULL;
    char *dir = NULL;
    backend = footfall__registry_find(name);
    settings = given;
    setting_count = (size_t)count;
    if (backend == NULL) {
        fprintf(stderr, "no backend \"%s\" is built in\n", name);
        exit(2);
    }
    for (int i = 0; i < count; i++)
        if (strchr(given[i], '=') == NULL) {
            fprintf(stderr, "\"%s\" is no KEY=VALUE\n", given[i]);
            exit(2);
        }
    dir = support_folder_make();
    if (open_store(&store, dir, &call) != 0) {
        fprintf(stderr, "%s: %s\n", name, text);
        support_folder_remove(dir);
        exit(2);
    }
    caps = backend->caps(store);
    backend->close(store, 0);
    support_folder_remove(dir);
}

const char *suite_backend(void)
{
    return backend->name;
}

uint32_t suite_caps(void)
{
    return caps;
}

uint32_t suite_max_batch(void)
{
    return backend->max_batch;
}

int suite_rounds(int count)
{
    return slow ? count / 5 : count;
}

void suite_is_slow(void)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    slow = is_long == NULL || strcmp(is_long, "1") != 0;
}

/* ---- another process ----------------------------------------------------------------------------------------------------------- */

/* In the child: 0, or an exit status that says how far it came. cmocka must not be touched here. */
static int apply_as_child(struct suite *s, const struct suite_knobs *knobs, const struct footfall_op *ops, size_t count,
                          const struct footfall_call *call, struct footfall_result *results, int to)
{
    struct footfall *ff = NULL;
    struct footfall_error err = { FOOTFALL_OK, 0, "" };
    int rc = 0;
    while (s->handle_count > 0)
        footfall_close(s->handles[--s->handle_count]);
    if (suite_try_open(&ff, s, knobs, &err) != FOOTFALL_OK) {
        fprintf(stderr, "open elsewhere: %s\n", err.text);
        return 1;
    }
    rc = footfall_apply(ff, ops, count, call, results, &err);
    footfall_close(ff);
    if (write(to, &rc, sizeof(rc)) != (ssize_t)sizeof(rc) ||
        write(to, results, count * sizeof(results[0])) != (ssize_t)(count * sizeof(results[0])))
        return 2;
    return 0;
}

static int read_all(int from, void *out, size_t bytes)
{
    char *at = out;
    while (bytes > 0) {
        ssize_t got = read(from, at, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

int suite_apply_elsewhere(struct suite *s, const struct suite_knobs *knobs, const struct footfall_op *ops, size_t count,
                          const struct footfall_call *call, struct footfall_result *results)
{
    int ends[2] = { -1, -1 };
    int rc = 0;
    int status = 0;
    int got = 0;
    pid_t child = -1;
    assert_true(count * sizeof(results[0]) <= 32768); /* fits a pipe: nobody waits for the other */
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(apply_as_child(s, knobs, ops, count, call, results, ends[1]));
    close(ends[1]);
    got = read_all(ends[0], &rc, sizeof(rc)) + read_all(ends[0], results, count * sizeof(results[0]));
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(got, 0);
    return rc;
}
