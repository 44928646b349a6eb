/* test_config.c: the sources of a configuration: which one wins, what is refused, and that each refusal names key, source
 * and line and shows no secret. Typed values and what the engine reads are in test_config_values.c. */
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

#include "config.h"
#include "ini.h"
#include "registry.h"

#define SECRET "0123456789abcdef0123456789ABCDEF"

/* Two backends that are never opened. The first bears the default's name, so that this test needs none built in. */
static const struct footfall_store_key sqlite_keys[] = { { "path", "shelf.db", "where the shelf stands", 0 },
                                                         { "durability", "normal", "how firm it stands", 0 },
                                                         { NULL, NULL, NULL, 0 } };
static const struct footfall_store_key shelf_keys[] = { { "boards", "3", "how many boards", 0 },
                                                        { "label", NULL, "what stands on it", 0 },
                                                        { "pin", NULL, "what opens it", 1 },
                                                        { NULL, NULL, NULL, 0 } };
static const struct footfall_backend fake_sqlite = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof fake_sqlite, .name = "sqlite", .keys = sqlite_keys
};
static const struct footfall_backend fake_shelf = {
    .version = FOOTFALL_STORE_VERSION, .size = sizeof fake_shelf, .name = "shelf", .keys = shelf_keys
};

struct log {
    int lines;
    char text[1024]; /* every line with a newline after it */
};

static void take_log(void *user, enum footfall_log_level level, const char *line)
{
    struct log *log = user;
    size_t end = strlen(log->text);
    assert_int_equal(level, FOOTFALL_LOG_WARN);
    log->lines++;
    snprintf(log->text + end, sizeof log->text - end, "%s\n", line);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static int forget_environment(void **state)
{
    (void)state;
    for (char **at = environ; at != NULL && *at != NULL;) {
        char name[256];
        size_t bytes = strcspn(*at, "=");
        if (strncmp(*at, "FOOTFALL_", 9) != 0 || bytes >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, bytes);
        name[bytes] = '\0';
        unsetenv(name);
        at = environ;
    }
    return 0;
}

static int load_text(struct footfall_config **out, const char *text, struct footfall_error *err)
{
    memset(err, 'x', sizeof *err);
    return footfall__config_load_text(out, "test.conf", text, strlen(text), NULL, NULL, 0, err);
}

struct wanted {
    const char *key;
    const struct footfall_config_entry *found;
};

static int take_wanted(void *user, const struct footfall_config_entry *entry)
{
    struct wanted *wanted = user;
    if (strcmp(entry->key, wanted->key) == 0)
        wanted->found = entry;
    return wanted->found != NULL;
}

/* As footfall_config_list shows it */
static const struct footfall_config_entry *entry_of(const struct footfall_config *config, const char *key)
{
    struct wanted wanted = { key, NULL };
    footfall_config_list(config, take_wanted, &wanted);
    assert_non_null(wanted.found);
    return wanted.found;
}

/* ---- what a file may look like ---------------------------------------------------------------------------------------- */

static void good_files(void **state)
{
    static const struct {
        const char *text, *key, *value;
        int line; /* 0: the default */
    } cases[] = {
        { "", "window", "24h", 0 },
        { "\n\n", "window", "24h", 0 },
        { "window = 1h", "window", "1h", 1 },
        { "window=1h\n", "window", "1h", 1 },
        { " \t window \t = \t 1h \t \n", "window", "1h", 1 },
        { "# comment\n; another\n  # a third\n\nwindow = 1h\n", "window", "1h", 5 },
        { "\xef\xbb\xbfwindow = 1h\r\nwindow_mode = sliding\r\n", "window_mode", "sliding", 2 },
        { "\xef\xbb\xbf", "window", "24h", 0 },
        { "[sqlite]\npath = a = b\n", "sqlite.path", "a = b", 2 },
        { "[sqlite]\npath = a # no comment\n", "sqlite.path", "a # no comment", 2 },
        { "[sqlite]\npath = \xc3\xa9 x\n", "sqlite.path", "\xc3\xa9 x", 2 },
        { "[sqlite]\npath = a\tb\n", "sqlite.path", "a\tb", 2 },
        { "[sqlite]\npath =\n", "sqlite.path", "", 2 },
        { "[sqlite]\npath = \"\n", "sqlite.path", "\"", 2 },
        { "[sqlite]\npath = \"a\"b\n", "sqlite.path", "\"a\"b", 2 },
        { "  [sqlite]  \npath = a\n[http]\nlisten = x\n[sqlite]\ndurability = full", "sqlite.durability", "full", 6 },
        { "[redis]\nlanes = many\nsentinel = x\n", "redis.lanes", "many", 2 }, /* accepted unread */
        { "[dynamodb]\natomic = maybe\n", "dynamodb.atomic", "maybe", 2 },
        { "[http]\nmax_connections = -1\n", "http.max_connections", "-1", 2 },
        { "[shelf]\nboards = 7\n", "shelf.boards", "7", 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = NULL;
        struct footfall_error err;
        const struct footfall_config_entry *entry;
        if (load_text(&config, cases[i].text, &err) != FOOTFALL_OK)
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(err.status, FOOTFALL_OK);
        assert_string_equal(err.text, "");
        assert_string_equal(footfall_config_get(config, cases[i].key), cases[i].value);
        entry = entry_of(config, cases[i].key);
        assert_int_equal(entry->line, cases[i].line);
        assert_int_equal(entry->source, cases[i].line > 0 ? FOOTFALL_FROM_FILE : FOOTFALL_FROM_DEFAULT);
        assert_string_equal(entry->source_name, cases[i].line > 0 ? "test.conf" : "default");
        footfall_config_free(config);
    }
}

static void bad_files(void **state)
{
    static const struct {
        const char *text;
        const char *parts[4];
    } cases[] = {
        { "window\n", { "test.conf:1:", "'='" } },
        { "\n\n  " SECRET "\n", { "test.conf:3:", "'='" } },
        { "= 24h\n", { "test.conf:1:", "no key" } },
        { "\n [sqlite\n", { "test.conf:2:", "[name]" } },
        { "[sqlite] path = x\n", { "test.conf:1:", "[name]" } },
        { "[]\n", { "test.conf:1:", "[name]" } },
        { "[[sqlite]]\n", { "test.conf:1:", "[name]" } },
        { "[sqlite] # comment\n", { "test.conf:1:", "[name]" } },
        { "[attic]\n", { "test.conf:1:", "unknown section [attic]" } },
        { "[sqlit]\npath = x\n", { "test.conf:1:", "unknown section [sqlit]" } },
        { "[SQLITE]\n", { "test.conf:1:", "unknown section [SQLITE]" } },
        { "[ sqlite ]\n", { "test.conf:1:", "unknown section [ sqlite ]" } },
        { "[window]\n", { "test.conf:1:", "unknown section [window]" } },
        { "\nwindwo = 24h\n", { "test.conf:2:", "unknown key \"windwo\"", "did you mean \"window\", before any" } },
        { "Window = 24h\n", { "test.conf:1:", "unknown key \"Window\"", "\"window\"" } },
        { "colour = red\n", { "test.conf:1:", "unknown key \"colour\"" } },
        { "path = x\n", { "test.conf:1:", "unknown key \"path\"", "did you mean \"path\" under [sqlite]?" } },
        { "sqlite.path = x\n", { "test.conf:1:", "unknown key \"sqlite.path\"", "\"path\" under [sqlite]?" } },
        { "sqlite_path = x\n", { "test.conf:1:", "unknown key \"sqlite_path\"", "\"path\" under [sqlite]?" } },
        { "[sqlite]\nwindow = 1h\n",
          { "test.conf:2:", "unknown key \"window\" under [sqlite]", "\"window\", before any [section]" } },
        { "[sqlite]\nsqlite.path = x\n", { "test.conf:2:", "unknown key \"sqlite.path\" under [sqlite]" } },
        { "[redis]\nuri = x\n", { "test.conf:2:", "\"uri\" under [redis]", "\"url\" under [redis]?" } },
        { "[shelf]\nbords = 4\n", { "test.conf:2:", "\"bords\" under [shelf]", "\"boards\" under [shelf]?" } },
        { "window = 1h\n# x\nwindow = 1h\n", { "test.conf:3:", "window: given twice", "line 1" } },
        { "[sqlite]\npath = x\n[http]\n[sqlite]\npath = y\n",
          { "test.conf:5:", "sqlite.path: given twice", "line 2" } },
        { "[sqlite]\npath = \"x\"\n", { "test.conf:2:", "path", "double quotes" } },
        { "[sqlite]\npath = \"\"\n", { "test.conf:2:", "path", "double quotes" } },
        { "window = 24h\n\xff\n", { "test.conf:2:", "invalid UTF-8" } },
        { "# caf\xe9\n", { "test.conf:1:", "invalid UTF-8" } },
        { "[sqlite]\npath = \xed\xa0\x80\n", { "test.conf:2:", "invalid UTF-8" } },
        { "[sqlite]\npath = a\x1b[2J\n", { "test.conf:2:", "control character" } },
        { "window = 1h\rwindow = 2h\n", { "test.conf:1:", "control character" } },
        { "window = 24\n", { "test.conf:1:", "window", "\"24\"", "needs a unit" } },
        { "\nbackend = attic\n", { "test.conf:2:", "backend attic is not built in", "built in:", "shelf, sqlite" } },
        { "backend =\n", { "test.conf:1:", "backend \"\" is not built in" } },
        { "secret = tooshort\n", { "test.conf:1:", "secret:", "32" } },
        { "secret =\n", { "test.conf:1:", "secret:", "32" } },
        { "secret = \"" SECRET "\"\n", { "test.conf:1:", "secret", "double quotes" } },
        { "secret_file =\n", { "test.conf:1:", "secret_file", "empty" } },
        { "secret = " SECRET "\n\nsecret_file = x\n", { "secret (test.conf:1)", "secret_file (test.conf:3)", "both" } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_config *config = (struct footfall_config *)state; /* not NULL */
        struct footfall_error err;
        assert_int_equal(load_text(&config, cases[i].text, &err), FOOTFALL_CONFIG);
        assert_null(config);
        assert_int_equal(err.status, FOOTFALL_CONFIG);
        for (size_t j = 0; j < 4 && cases[i].parts[j] != NULL; j++)
            assert_has(err.text, cases[i].parts[j]);
        assert_null(strstr(err.text, SECRET));
        assert_null(strstr(err.text, "tooshort"));
    }
}

static void limits_of_a_file(void **state)
{
    const size_t longest = FOOTFALL__INI_LINE_BYTES;
    const size_t largest = FOOTFALL__INI_BYTES;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    char *text = malloc(largest + 2);
    (void)state;
    assert_non_null(text);
    /* the longest line, and one byte more */
    memset(text, 'x', largest + 2);
    memcpy(text, "\n[shelf]\nlabel=", 15);
    assert_int_equal(footfall__config_load_text(&config, "f", text, 9 + longest, NULL, NULL, 0, &err), FOOTFALL_OK);
    assert_int_equal(strlen(footfall_config_get(config, "shelf.label")), longest - 6);
    footfall_config_free(config);
    assert_int_equal(footfall__config_load_text(&config, "f", text, 10 + longest, NULL, NULL, 0, &err),
                     FOOTFALL_CONFIG);
    assert_has(err.text, "f:3:");
    assert_has(err.text, "65536");
    /* the largest file, and one byte more */
    memset(text, '\n', largest + 2);
    assert_int_equal(footfall__config_load_text(&config, "f", text, largest, NULL, NULL, 0, &err), FOOTFALL_OK);
    footfall_config_free(config);
    assert_int_equal(footfall__config_load_text(&config, "f", text, largest + 1, NULL, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "1 MiB");
    free(text);
    /* a NUL, in a comment too */
    assert_int_equal(footfall__config_load_text(&config, "f", "\n# a\0b\n", 7, NULL, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "f:2:");
    assert_has(err.text, "NUL");
    assert_null(config);
}

/* ---- files on the disk ------------------------------------------------------------------------------------------------ */

static void files_on_the_disk(void **state)
{
    char folder[] = "/tmp/footfall-config-XXXXXX";
    char path[300];
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    FILE *file;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/footfall.conf", folder);
    options.file = path;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, path);
    assert_has(err.text, "No such file");
    assert_int_equal(err.native, ENOENT);
    assert_null(config);

    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("window = 1h\nlog_level = info\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "log_level"), "info");
    assert_string_equal(entry_of(config, "log_level")->source_name, path);
    assert_int_equal(entry_of(config, "log_level")->line, 2);
    footfall_config_free(config);

    /* FOOTFALL_CONFIG names the file when the program does not */
    options.file = NULL;
    assert_int_equal(setenv("FOOTFALL_CONFIG", path, 1), 0);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "window"), "24h"); /* the environment is not read */
    footfall_config_free(config);
    options.use_environment = 1;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "window"), "1h");
    footfall_config_free(config);
    options.file = folder; /* wins over FOOTFALL_CONFIG, and is a directory */
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, folder);
    assert_has(err.text, "directory");
    assert_null(config);
    options.file = NULL;
    assert_int_equal(setenv("FOOTFALL_CONFIG", "", 1), 0); /* as if it were not there */
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    footfall_config_free(config);
    unsetenv("FOOTFALL_CONFIG");

    if (geteuid() != 0) { /* root may read everything */
        options.file = path;
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
        assert_has(err.text, path);
        assert_int_equal(err.native, EACCES);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void long_paths_keep_their_end_and_line(void **state)
{
    static const char *const ends[] = { "/last.conf",
                                        "/last2.conf" }; /* so that one cut would fall inside a sequence */
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char name[600] = "";
        char wanted[80];
        struct footfall_config *config = NULL;
        struct footfall_error err;
        for (size_t at = 0; at < 500; at += 2)
            memcpy(name + at, "\xc3\xa9", 2);
        memcpy(name + 500, ends[i], strlen(ends[i]));
        assert_int_equal(footfall__config_load_text(&config, name, "\nwindo = 24h\n", 13, NULL, NULL, 0, &err),
                         FOOTFALL_CONFIG);
        snprintf(wanted, sizeof wanted, "\xc3\xa9%s:2: unknown key \"windo\"; did you mean \"window\"", ends[i]);
        assert_has(err.text, "...\xc3\xa9");
        assert_has(err.text, wanted);
        assert_true(strchr(err.text, '?') > strstr(err.text, wanted)); /* no sequence was broken */
    }
}

/* ---- environment and settings ----------------------------------------------------------------------------------------- */

static void later_sources_win(void **state)
{
    static const char text[] = "window = 1h\nwindow_mode = sliding\n[sqlite]\npath = from-file\n";
    static const struct footfall_setting settings[] = { { "window", "3h" },
                                                        { "shelf.boards", "8" },
                                                        { "window", "4h" } };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    const struct footfall_config_entry *entry;
    (void)state;
    options.settings = settings;
    options.setting_count = 3;
    options.use_environment = 1;
    setenv("FOOTFALL_WINDOW", "2h", 1);
    setenv("FOOTFALL_SQLITE_PATH", "from-environment", 1);
    setenv("FOOTFALL_REDIS_PASSWORD_FILE", "x", 1);
    assert_int_equal(footfall__config_load_text(&config, "test.conf", text, sizeof text - 1, &options, NULL, 0, &err),
                     FOOTFALL_OK);
    entry = entry_of(config, "window"); /* later wins among settings too */
    assert_string_equal(entry->value, "4h");
    assert_int_equal(entry->source, FOOTFALL_FROM_SETTING);
    assert_string_equal(entry->source_name, "setting");
    assert_int_equal(entry->line, 0);
    entry = entry_of(config, "sqlite.path");
    assert_string_equal(entry->value, "from-environment");
    assert_int_equal(entry->source, FOOTFALL_FROM_ENVIRONMENT);
    assert_string_equal(entry->source_name, "FOOTFALL_SQLITE_PATH");
    assert_int_equal(entry->line, 0);
    assert_string_equal(footfall_config_get(config, "redis.password_file"), "x");
    entry = entry_of(config, "window_mode");
    assert_string_equal(entry->value, "sliding");
    assert_int_equal(entry->source, FOOTFALL_FROM_FILE);
    assert_int_equal(entry->line, 2);
    entry = entry_of(config, "deadline");
    assert_string_equal(entry->value, "2s");
    assert_int_equal(entry->source, FOOTFALL_FROM_DEFAULT);
    assert_string_equal(entry->source_name, "default");
    footfall_config_free(config);
    options.use_environment = 0;
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, NULL), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "sqlite.path"), "shelf.db");
    footfall_config_free(config);
    forget_environment(state);
}

static void bad_settings(void **state)
{
    static const struct {
        struct footfall_setting setting;
        int status;
        const char *parts[3];
    } cases[] = {
        { { "windwo", "24h" }, FOOTFALL_CONFIG, { "setting", "\"windwo\"", "did you mean \"window\"?" } },
        { { "SQLITE_PATH", "x" }, FOOTFALL_CONFIG, { "setting", "\"SQLITE_PATH\"", "\"sqlite.path\"?" } },
        { { "", "x" }, FOOTFALL_CONFIG, { "setting", "unknown key \"\"" } },
        { { "sqlite.", "x" }, FOOTFALL_CONFIG, { "setting", "unknown key \"sqlite.\"" } },
        { { "window", "soon" }, FOOTFALL_CONFIG, { "setting", "window", "\"soon\"" } },
        { { "window", "" }, FOOTFALL_CONFIG, { "setting", "window", "empty" } },
        { { "sqlite.path", "\xff" }, FOOTFALL_CONFIG, { "setting", "sqlite.path", "UTF-8" } },
        { { "sqlite.path", "a\nb" }, FOOTFALL_CONFIG, { "setting", "sqlite.path", "control" } },
        { { "secret", "tooshort" }, FOOTFALL_CONFIG, { "setting", "secret:", "32" } },
        { { "secret", "0123456789abcdef0123456789abcde" }, FOOTFALL_CONFIG, { "setting", "secret:", "32" } },
        { { NULL, "x" }, FOOTFALL_INVALID, { "setting", "key" } },
        { { "window", NULL }, FOOTFALL_INVALID, { "setting", "value" } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct footfall_options options = FOOTFALL_OPTIONS_INIT;
        struct footfall_config *config = NULL;
        struct footfall_error err;
        options.settings = &cases[i].setting;
        options.setting_count = 1;
        assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), cases[i].status);
        assert_null(config);
        for (size_t j = 0; j < 3 && cases[i].parts[j] != NULL; j++)
            assert_has(err.text, cases[i].parts[j]);
        assert_null(strstr(err.text, "tooshort"));
        assert_null(strstr(err.text, "0123456789"));
    }
}

static void environment_faults(void **state)
{
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    struct footfall_error err;
    struct log log = { 0, "" };
    (void)state;
    options.use_environment = 1;
    options.log = take_log;
    options.log_user = &log;

    setenv("FOOTFALL_WINDOW", "24", 1);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "FOOTFALL_WINDOW: window: \"24\"");
    unsetenv("FOOTFALL_WINDOW");
    setenv("FOOTFALL_SECRET", "tooshort", 1);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "FOOTFALL_SECRET: secret:");
    assert_null(strstr(err.text, "tooshort"));
    setenv("FOOTFALL_SECRET", SECRET, 1);
    setenv("FOOTFALL_SECRET_FILE", "x", 1);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "secret (FOOTFALL_SECRET)");
    assert_has(err.text, "secret_file (FOOTFALL_SECRET_FILE)");
    assert_null(strstr(err.text, SECRET));
    unsetenv("FOOTFALL_SECRET");
    unsetenv("FOOTFALL_SECRET_FILE");
    setenv("FOOTFALL_SQLITE_PATH", "a\xff", 1);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "FOOTFALL_SQLITE_PATH: sqlite.path:");
    assert_has(err.text, "UTF-8");
    forget_environment(state);
    assert_int_equal(log.lines, 0);

    /* names nobody knows are no error */
    setenv("FOOTFALL_SQLTE_PATH", "value-not-shown", 1);
    setenv("FOOTFALL_SERVICE_HOST", "10.0.0.1", 1);
    setenv("FOOTFALL_CONFIG", "", 1);
    setenv("FOOTFALLEN", "x", 1);
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    assert_string_equal(footfall_config_get(config, "sqlite.path"), "shelf.db");
    footfall_config_free(config);
    assert_int_equal(log.lines, 2);
    assert_has(log.text, "FOOTFALL_SQLTE_PATH is not a known variable; did you mean FOOTFALL_SQLITE_PATH?\n");
    assert_has(log.text, "FOOTFALL_SERVICE_HOST is not a known variable\n");
    assert_null(strstr(log.text, "value-not-shown"));
    setenv("FOOTFALL_LOG_LEVEL", "error", 1); /* warnings are not wanted */
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    footfall_config_free(config);
    options.log = NULL;
    unsetenv("FOOTFALL_LOG_LEVEL");
    assert_int_equal(footfall_config_load(&config, &options, NULL, 0, &err), FOOTFALL_OK);
    footfall_config_free(config);
    assert_int_equal(log.lines, 2);
    unsetenv("FOOTFALLEN");
    forget_environment(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(limits_of_a_file),
        cmocka_unit_test(files_on_the_disk),
        cmocka_unit_test(long_paths_keep_their_end_and_line),
        cmocka_unit_test_setup_teardown(later_sources_win, NULL, forget_environment),
        cmocka_unit_test(bad_settings),
        cmocka_unit_test_setup_teardown(environment_faults, NULL, forget_environment),
    };
    footfall__registry_add(&fake_sqlite);
    footfall__registry_add(&fake_shelf);
    return cmocka_run_group_tests_name("config", tests, forget_environment, NULL);
}
