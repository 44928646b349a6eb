/* no_memory.c: every allocation fails in turn, the library's own and SQLite's: a call says "no memory" and has done nothing,
 * or it succeeds; nothing crashes, and what the store holds afterwards is judged by the script's model (script.h). */
#include "cmocka_all.h"

#include "alloc.h"
#include "folder.h"
#include "footfall.h"
#include "footfall_admin.h"
#include "handle.h"
#include "process.h"
#include "script.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long asked; /* allocations since the countdown began */
static long first_refused, last_refused;
static sqlite3_mem_methods system_memory;
static int refuse_in_sqlite; /* the countdown is for SQLite's allocations, else for the library's */

static int refuse_one(void)
{
    long number = atomic_fetch_add(&asked, 1) + 1;
    return number >= first_refused && number <= last_refused;
}

static int refuse_ours(void *user)
{
    (void)user;
    return refuse_one();
}

static void *sqlite_malloc(int bytes)
{
    return refuse_in_sqlite && refuse_one() ? NULL : system_memory.xMalloc(bytes);
}

static void *sqlite_realloc(void *old, int bytes)
{
    return refuse_in_sqlite && refuse_one() ? NULL : system_memory.xRealloc(old, bytes);
}

static void begin_refusing(long first, long last, int in_sqlite)
{
    first_refused = first;
    last_refused = last;
    atomic_store(&asked, 0);
    refuse_in_sqlite = in_sqlite;
    if (!in_sqlite)
        footfall__alloc_hook(refuse_ours, NULL);
}

static long end_refusing(void)
{
    refuse_in_sqlite = 0;
    footfall__alloc_hook(NULL, NULL);
    return atomic_load(&asked);
}

/* ---- the script ------------------------------------------------------------------------------------------------------ */

/* One run: open and script under the refusal, then a judgement without. The number of allocations asked for. */
static long one_run(const char *backend, long first, long last, int in_sqlite)
{
    char *dir = support_folder_make(), *where = support_path(dir, "footfall.db");
    int is_sqlite = strcmp(backend, "sqlite") == 0;
    const char *pairs[] = { "backend",
                            backend,
                            is_sqlite ? "sqlite.path" : "memory.name",
                            where,
                            "deadline",
                            "2s",
                            is_sqlite ? NULL : "secret",
                            SUPPORT_SECRET,
                            NULL };
    struct footfall *keeper = support_open(pairs), *ff = NULL; /* keeps a memory store in being */
    struct footfall_error err;
    struct script_outcome outcome;
    struct script_state state;
    const char *wrong = NULL;
    long count = 0;
    script_prepare(keeper);
    memset(&outcome, 0, sizeof outcome);
    for (size_t i = 0; i < SCRIPT_OPS; i++)
        outcome.results[i].status = (enum footfall_status)1;
    begin_refusing(first, last, in_sqlite);
    outcome.open_status = support_try_open(&ff, &err, pairs);
    if (outcome.open_status == FOOTFALL_OK)
        script_run(ff, &outcome);
    else if (outcome.open_status != FOOTFALL_NO_MEMORY || ff != NULL)
        fail_msg("allocation %ld: open: %s: %s", first, footfall_status_name((enum footfall_status)outcome.open_status),
                 err.text);
    count = end_refusing();
    footfall_close(ff);
    for (size_t i = 0; i < SCRIPT_OPS && !in_sqlite; i++)
        if (outcome.results[i].status == FOOTFALL_UNKNOWN)
            fail_msg("allocation %ld of the library's own put operation %zu in doubt", first, i);
    ff = support_open(pairs);
    script_observe(ff, &state);
    wrong = script_judge(&outcome, &state, 1);
    if (wrong != NULL)
        fail_msg("allocation %ld: %s; first error: %s", first, wrong, outcome.text);
    footfall_close(ff);
    footfall_close(keeper);
    free(where);
    support_folder_remove(dir);
    return count;
}

static void every_allocation(const char *backend, int in_sqlite, int stays)
{
    const char *is_long = getenv("FOOTFALL_TEST_LONG");
    long count = one_run(backend, 0, 0, in_sqlite), runs = 0, stride = 150;
    if (is_long != NULL && strcmp(is_long, "1") == 0)
        stride = LONG_MAX;
    for (long at = 1; at <= count; at += 1 + at / stride, runs++)
        one_run(backend, at, stays ? LONG_MAX : at, in_sqlite);
    printf("%ld allocations, %ld of them failed in turn\n", count, runs);
    assert_true(count > 20);
}

static void ours_once_memory(void **state)
{
    (void)state;
    every_allocation("memory", 0, 0);
}

static void ours_once_sqlite(void **state)
{
    (void)state;
    every_allocation("sqlite", 0, 0);
}

static void ours_from_then_on_sqlite(void **state)
{
    (void)state;
    every_allocation("sqlite", 0, 1);
}

static void sqlites_once(void **state)
{
    (void)state;
    every_allocation("sqlite", 1, 0);
}

static void sqlites_from_then_on(void **state)
{
    (void)state;
    every_allocation("sqlite", 1, 1);
}

/* ---- everything else that is called ----------------------------------------------------------------------------------- */

static int count_name(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    (void)total;
    (void)unique;
    ++*(int *)user;
    return 0;
}

enum { ODD = 1000 };

static void count_done(void *user, const struct footfall_result *r, const struct footfall_error *err)
{
    (void)err;
    atomic_fetch_add((atomic_int *)user, r->status == FOOTFALL_OK || r->status == FOOTFALL_NO_MEMORY ? 1 : ODD);
}

static void ignore_finding(void *user, const struct footfall_finding *finding)
{
    (void)user;
    (void)finding;
}

static void check_rc(const char *what, int rc, long at)
{
    if (rc != FOOTFALL_OK && rc != FOOTFALL_NO_MEMORY)
        fail_msg("%s answered %s when allocation %ld failed", what, footfall_status_name((enum footfall_status)rc), at);
}

static void call_the_rest(struct footfall *ff, const char *file, long at)
{
    const char *names[] = { "a", "b", "c", "d" };
    struct footfall_result results[4];
    struct footfall_purge_result purged;
    struct footfall_op op = FOOTFALL_OP_INIT(FOOTFALL_OP_ADD);
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_config *config = NULL;
    atomic_int done = 0;
    int listed = 0, submitted = 0, rc = footfall_read(ff, names, 4, NULL, results, NULL);
    check_rc("read", rc, at);
    rc = footfall_list(ff, "", NULL, NULL, count_name, &listed, NULL);
    check_rc("list", rc, at);
    assert_true(rc != FOOTFALL_OK || listed == 4);
    check_rc("purge", footfall_purge(ff, FOOTFALL_NOW, 10, NULL, &purged, NULL), at);
    check_rc("ping", footfall_ping(ff, NULL, NULL), at);
    check_rc("check", footfall_check(ff, NULL, ignore_finding, NULL, NULL), at);
    op.name = "a";
    for (int i = 0; i < 3; i++) {
        rc = footfall_submit(ff, &op, NULL, count_done, &done, NULL);
        check_rc("submit", rc, at);
        submitted += rc == FOOTFALL_OK;
        rc = footfall_submit_read(ff, "a", NULL, count_done, &done, NULL);
        check_rc("submit_read", rc, at);
        submitted += rc == FOOTFALL_OK;
    }
    while (atomic_load(&done) < submitted)
        support_sleep_ms(1);
    assert_true(atomic_load(&done) < ODD);
    options.file = file;
    rc = footfall_config_load(&config, &options, NULL, 0, NULL);
    check_rc("config", rc, at);
    assert_int_equal(rc == FOOTFALL_OK, config != NULL);
    footfall_config_free(config);
}

static void the_rest(void **state)
{
    char *dir = support_folder_make(), *db = support_path(dir, "footfall.db"),
         *file = support_path(dir, "footfall.conf");
    const char *pairs[] = { "backend", "sqlite", "sqlite.path", db, NULL };
    static const char text[] = "window = 30m\n[sqlite]\npath = elsewhere.db\n";
    long count = 0;
    (void)state;
    support_file_write(file, text, sizeof text - 1);
    for (long at = 0; at <= count; at++) {
        struct footfall *ff = support_open(pairs);
        for (int i = 0; i < 4 && at == 0; i++)
            assert_int_equal(support_add(ff, (const char *[]){ "a", "b", "c", "d" }[i], 1, 5000, NULL), FOOTFALL_OK);
        begin_refusing(at, at, 0);
        call_the_rest(ff, file, at);
        if (at == 0)
            count = end_refusing();
        else
            end_refusing();
        footfall_close(ff);
    }
    printf("%ld allocations\n", count);
    assert_true(count > 5);
    free(db);
    free(file);
    support_folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_once_memory),         cmocka_unit_test(ours_once_sqlite),
        cmocka_unit_test(ours_from_then_on_sqlite), cmocka_unit_test(sqlites_once),
        cmocka_unit_test(sqlites_from_then_on),     cmocka_unit_test(the_rest),
    };
    sqlite3_mem_methods counting;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory) != SQLITE_OK)
        support_die("SQLITE_CONFIG_GETMALLOC");
    counting = system_memory;
    counting.xMalloc = sqlite_malloc;
    counting.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &counting) != SQLITE_OK)
        support_die("SQLITE_CONFIG_MALLOC");
    return cmocka_run_group_tests_name("no memory", tests, NULL, NULL);
}
