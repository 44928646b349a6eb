/* io_errors.c: every I/O call that SQLite makes during the script (script.h) fails in turn. Each run is a process of its own
 * on a copy of the same files; then a fresh process recovers what it left, as a crash would leave it (without the shared
 * memory file) and as its own close left it, and the script's model judges: what was OK is there, what was not applied is
 * not, only what is unknown may be either. This process itself never opens a database. */
#include "cmocka_all.h"

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"
#include "script.h"
#include "vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    const char *dir; /* where the files are */
    const char *durability;
    long first, last;
    enum support_vfs_fault fault;
};
struct verdict {
    int opened;
    char text[256]; /* why not */
    char integrity[128];
    struct script_state state;
};
struct totals {
    size_t runs, ok, unknown, not_applied, open_failed;
};

/* ---- the processes --------------------------------------------------------------------------------------------------- */

static void put(int fd, const void *bytes, size_t count)
{
    if (write(fd, bytes, count) != (ssize_t)count)
        _exit(99);
}

static void get(int fd, void *bytes, size_t count, const char *who)
{
    size_t have = 0;
    while (have < count) {
        ssize_t got = read(fd, (char *)bytes + have, count - have);
        if (got <= 0)
            fail_msg("%s ended before its report", who);
        have += (size_t)got;
    }
}

/* Runs the script under the fault, reports, and closes (the fault still in force) when it is told to. */
static _Noreturn void run_child(const struct run *run, int report, int go_on)
{
    struct script_outcome outcome;
    struct footfall *ff = NULL;
    struct footfall_error err;
    char *path = support_path(run->dir, "footfall.db"), byte = 0;
    const char *pairs[] = { "backend",       "sqlite",   "sqlite.path", path, "sqlite.durability",
                            run->durability, "deadline", "100ms",       NULL };
    memset(&outcome, 0, sizeof outcome);
    for (size_t i = 0; i < SCRIPT_OPS; i++)
        outcome.results[i].status = (enum footfall_status)1;
    support_vfs_install();
    support_vfs_plan(run->first, run->last, run->fault);
    outcome.open_status = support_try_open(&ff, &err, pairs);
    if (outcome.open_status == FOOTFALL_OK)
        script_run(ff, &outcome);
    else
        snprintf(outcome.text, sizeof outcome.text, "%s", err.text);
    outcome.io_calls = support_vfs_calls();
    snprintf(outcome.struck, sizeof outcome.struck, "%s", support_vfs_struck());
    put(report, &outcome, sizeof outcome);
    if (read(go_on, &byte, 1) != 1)
        _exit(99);
    footfall_close(ff);
    free(path);
    _exit(0);
}

static int integrity_row(void *user, int columns, char **values, char **names)
{
    struct verdict *verdict = user;
    (void)columns;
    (void)names;
    if (verdict->integrity[0] == '\0')
        snprintf(verdict->integrity, sizeof verdict->integrity, "%s", values[0]);
    return 0;
}

/* Opens what is in dir without any fault, checks the file and reads everything back. */
static _Noreturn void look_child(const char *dir, int report)
{
    struct verdict verdict;
    struct footfall *ff = NULL;
    struct footfall_error err;
    sqlite3 *db = NULL;
    char *path = support_path(dir, "footfall.db");
    const char *pairs[] = { "backend", "sqlite", "sqlite.path", path, NULL };
    memset(&verdict, 0, sizeof verdict);
    verdict.opened = support_try_open(&ff, &err, pairs) == FOOTFALL_OK;
    snprintf(verdict.text, sizeof verdict.text, "%s", err.text);
    if (verdict.opened) {
        script_observe(ff, &verdict.state);
        footfall_close(ff);
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
            sqlite3_exec(db, "PRAGMA integrity_check", integrity_row, &verdict, NULL);
        sqlite3_close(db);
    }
    put(report, &verdict, sizeof verdict);
    free(path);
    _exit(0);
}

static void wait_for(pid_t pid, const char *who)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            support_die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s ended with %d", who, status);
}

static struct verdict look(const char *dir)
{
    struct verdict verdict;
    int report[2];
    pid_t pid = 0;
    fflush(NULL);
    if (pipe2(report, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        support_die("fork");
    if (pid == 0)
        look_child(dir, report[1]);
    close(report[1]);
    get(report[0], &verdict, sizeof verdict, "the fresh process");
    close(report[0]);
    wait_for(pid, "the fresh process");
    return verdict;
}

static char *subfolder(const char *dir, const char *name)
{
    char *path = support_path(dir, name);
    if (mkdir(path, 0700) != 0)
        support_die(path);
    return path;
}

/* Runs the script in `run.dir`; `crashed` gets the files as they are before close, without shared memory. */
static struct script_outcome run_script(const struct run *run, const char *crashed)
{
    struct script_outcome outcome;
    int report[2], go_on[2];
    pid_t pid = 0;
    fflush(NULL);
    if (pipe2(report, O_CLOEXEC) != 0 || pipe2(go_on, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        support_die("fork");
    if (pid == 0)
        run_child(run, report[1], go_on[0]);
    close(report[1]);
    close(go_on[0]);
    get(report[0], &outcome, sizeof outcome, "the run");
    support_folder_copy(run->dir, crashed, "-shm");
    put(go_on[1], "", 1);
    close(report[0]);
    close(go_on[1]);
    wait_for(pid, "the run");
    return outcome;
}

/* ---- judging --------------------------------------------------------------------------------------------------------- */

static void judge(const struct run *run, const struct script_outcome *outcome, const char *dir, const char *what,
                  int prepared)
{
    struct verdict verdict = look(dir);
    const char *wrong = NULL;
    if (!verdict.opened)
        fail_msg("call %ld (%s), %s: cannot be opened again: %s", run->first, outcome->struck, what, verdict.text);
    if (strcmp(verdict.integrity, "ok") != 0)
        fail_msg("call %ld (%s), %s: integrity_check: %s", run->first, outcome->struck, what, verdict.integrity);
    wrong = script_judge(outcome, &verdict.state, prepared);
    if (wrong != NULL)
        fail_msg("call %ld (%s), %s: %s; first error: %s", run->first, outcome->struck, what, wrong, outcome->text);
}

static struct script_outcome one_run(const char *template, struct run run, struct totals *totals)
{
    char *dir = support_folder_make(), *files = subfolder(dir, "files"), *crashed = subfolder(dir, "crashed");
    struct script_outcome outcome;
    if (template != NULL)
        support_folder_copy(template, files, NULL);
    run.dir = files;
    outcome = run_script(&run, crashed);
    judge(&run, &outcome, crashed, "after a crash", template != NULL);
    judge(&run, &outcome, files, "after close", template != NULL);
    if (outcome.open_status != FOOTFALL_OK && outcome.text[0] == '\0')
        fail_msg("call %ld (%s): open failed without a text", run.first, outcome.struck);
    if (outcome.no_text)
        fail_msg("call %ld (%s): an error without a text", run.first, outcome.struck);
    totals->runs++;
    totals->open_failed += outcome.open_status != FOOTFALL_OK;
    for (size_t i = 0; i < SCRIPT_OPS && outcome.open_status == FOOTFALL_OK; i++) {
        totals->ok += outcome.results[i].status == FOOTFALL_OK;
        totals->unknown += outcome.results[i].status == FOOTFALL_UNKNOWN;
        totals->not_applied +=
            outcome.results[i].status != FOOTFALL_OK && outcome.results[i].status != FOOTFALL_UNKNOWN;
    }
    free(files);
    free(crashed);
    support_folder_remove(dir);
    return outcome;
}

static char *make_template(const char *durability)
{
    char *dir = support_folder_make();
    pid_t pid = 0;
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        support_die("fork");
    if (pid == 0) {
        struct footfall *ff = support_open_sqlite(dir, durability);
        script_prepare(ff);
        footfall_close(ff);
        _exit(0);
    }
    wait_for(pid, "the preparation");
    return dir;
}

/* Each call in turn, until a run makes fewer calls than the number that was to fail. */
static void every_call(const char *durability, enum support_vfs_fault fault, int stays, int prepared)
{
    char *template = prepared ? make_template(durability) : NULL;
    struct totals totals = { 0 };
    struct run run = { NULL, durability, 0, 0, fault };
    struct script_outcome calm = one_run(template, run, &totals);
    assert_int_equal(calm.open_status, FOOTFALL_OK);
    assert_int_equal(totals.ok, SCRIPT_OPS);
    assert_true(calm.io_calls > SCRIPT_OPS / 2); /* the frames of a transaction are written together */
    memset(&totals, 0, sizeof totals);
    for (run.first = 1; run.first <= calm.io_calls; run.first++) {
        run.last = stays ? LONG_MAX : run.first;
        one_run(template, run, &totals);
    }
    printf("%zu calls failed in turn: open refused %zu times; operations: %zu OK, %zu unknown, %zu not applied\n",
           totals.runs, totals.open_failed, totals.ok, totals.unknown, totals.not_applied);
    assert_true(totals.ok > 0 && totals.unknown + totals.not_applied > 0);
    if (fault == SUPPORT_VFS_FULL) /* what does not fit is surely not stored */
        assert_int_equal(totals.unknown, 0);
    support_folder_remove(template);
}

static void normal_one_error(void **state)
{
    (void)state;
    every_call("normal", SUPPORT_VFS_IOERR, 0, 1);
}

static void normal_errors_from_then_on(void **state)
{
    (void)state;
    every_call("normal", SUPPORT_VFS_IOERR, 1, 1);
}

static void normal_torn_write(void **state)
{
    (void)state;
    every_call("normal", SUPPORT_VFS_TORN, 0, 1);
}

static void normal_disk_full(void **state)
{
    (void)state;
    every_call("normal", SUPPORT_VFS_FULL, 1, 1);
}

static void normal_new_file(void **state)
{
    (void)state;
    every_call("normal", SUPPORT_VFS_IOERR, 0, 0);
}

static void full_one_error(void **state)
{
    (void)state;
    every_call("full", SUPPORT_VFS_IOERR, 0, 1);
}

static void full_disk_full_once(void **state)
{
    (void)state;
    every_call("full", SUPPORT_VFS_FULL, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_one_error),    cmocka_unit_test(normal_errors_from_then_on),
        cmocka_unit_test(normal_torn_write),   cmocka_unit_test(normal_disk_full),
        cmocka_unit_test(normal_new_file),     cmocka_unit_test(full_one_error),
        cmocka_unit_test(full_disk_full_once),
    };
    return cmocka_run_group_tests_name("i/o errors", tests, NULL, NULL);
}
