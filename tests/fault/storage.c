/* storage.c: a disk that is full, a file that is read-only, locked or damaged: said in SQLite's own words, nothing lost and
 * nothing overwritten. What needs a right that this machine does not give is skipped by name. */
#include "cmocka_all.h"

#include "folder.h"
#include "footfall.h"
#include "handle.h"
#include "process.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 150, NOBODY = 65534, NOT_ALLOWED = 77 };

/* Runs `body` in a child process and gives its exit status: 0 fine, NOT_ALLOWED, or a number that says which check failed. */
static int in_child(int (*body)(const char *dir), const char *dir)
{
    int status = 0;
    pid_t pid = 0;
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        support_die("fork");
    if (pid == 0) {
        int rc = body(dir);
        fflush(NULL);
        _exit(rc);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            support_die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* Ends the child with the line's number when `what` does not hold. */
#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                                                 \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static int add(struct footfall *ff, int64_t delta, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    call.wait_ms = WAIT_MS;
    return footfall_add(ff, "a", delta, &call, &r, err);
}

static void fill(const char *dir)
{
    struct footfall *ff = support_open_sqlite(dir, NULL);
    struct footfall_result r;
    for (uint32_t v = 0; v < 50; v++)
        if (support_visit(ff, "a", v, SUPPORT_TIME_MS, 5000, &r) != FOOTFALL_OK)
            support_die("visit");
    footfall_close(ff);
}

static int try_open(struct footfall **out, struct footfall_error *err, const char *dir)
{
    char *path = support_path(dir, "footfall.db");
    const char *pairs[] = { "backend", "sqlite", "sqlite.path", path, "deadline", "150ms", NULL };
    int rc = support_try_open(out, err, pairs);
    free(path);
    return rc;
}

/* Visits by ever new visitors until one is refused; its status. Counts what was acknowledged and what is unknown. */
static int visit_until_refused(struct footfall *ff, int64_t *sure, int64_t *unknown, struct footfall_error *err)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    struct footfall_result r;
    call.wait_ms = WAIT_MS;
    who.now_ms = SUPPORT_TIME_MS;
    for (uint32_t v = 1000; v < 1000000; v++) {
        char address[16];
        int rc = FOOTFALL_OK;
        support_address(address, v);
        who.address = address;
        rc = footfall_visit(ff, "a", &who, &call, &r, err);
        if (rc != FOOTFALL_OK) {
            *unknown += rc == FOOTFALL_UNKNOWN;
            return rc;
        }
        ++*sure;
    }
    return FOOTFALL_OK;
}

/* ---- full ------------------------------------------------------------------------------------------------------------ */

static int disk_full_child(const char *dir)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    int64_t sure = 0, unknown = 0;
    int rc = FOOTFALL_OK;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
        return NOT_ALLOWED;
    ff = support_open_sqlite(dir, NULL);
    rc = visit_until_refused(ff, &sure, &unknown, &err);
    printf("after %" PRId64 " visits: %s: %s\n", sure, footfall_status_name((enum footfall_status)rc), err.text);
    CHECK(rc == FOOTFALL_BROKEN);
    CHECK(strstr(err.text, "database or disk is full") != NULL);
    CHECK(sure > 0);
    CHECK(support_read(ff, "a").total == sure);
    CHECK(add(ff, 0, &err) == FOOTFALL_BROKEN || add(ff, 0, &err) == FOOTFALL_OK); /* a small one may still fit */
    CHECK(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=8m") == 0);
    CHECK(add(ff, 1000000, &err) == FOOTFALL_OK);
    footfall_close(ff);
    ff = support_open_sqlite(dir, NULL);
    CHECK(support_read(ff, "a").total == sure + 1000000);
    CHECK(support_read(ff, "a").unique == sure);
    footfall_close(ff);
    return 0;
}

static void full_disk(void **state)
{
    char *dir = support_folder_make();
    int rc = in_child(disk_full_child, dir);
    (void)state;
    support_folder_remove(dir);
    if (rc == NOT_ALLOWED)
        skip(); /* mounting a small tmpfs needs CAP_SYS_ADMIN */
    assert_int_equal(rc, 0);
}

/* A limit on the size of files: the kernel answers EFBIG in the middle of a commit, which SQLite calls an I/O error. */
static int limit_child(const char *dir)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    struct rlimit limit;
    int64_t sure = 0, unknown = 0, held = 0;
    int rc = FOOTFALL_OK;
    signal(SIGXFSZ, SIG_IGN);
    ff = support_open_sqlite(dir, NULL);
    CHECK(add(ff, 0, &err) == FOOTFALL_OK);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = 400000;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    rc = visit_until_refused(ff, &sure, &unknown, &err);
    printf("after %" PRId64 " visits: %s: %s\n", sure, footfall_status_name((enum footfall_status)rc), err.text);
    CHECK(rc == FOOTFALL_BROKEN || rc == FOOTFALL_UNKNOWN);
    CHECK(strstr(err.text, "disk I/O error") != NULL || strstr(err.text, "full") != NULL);
    CHECK(sure > 0);
    held = support_read(ff, "a").total;
    CHECK(held >= sure && held <= sure + unknown);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(add(ff, 1000000, &err) == FOOTFALL_OK);
    footfall_close(ff);
    ff = support_open_sqlite(dir, NULL);
    CHECK(support_read(ff, "a").total == held + 1000000);
    CHECK(support_read(ff, "a").unique == held);
    footfall_close(ff);
    return 0;
}

static void file_size_limit(void **state)
{
    char *dir = support_folder_make();
    (void)state;
    assert_int_equal(in_child(limit_child, dir), 0);
    support_folder_remove(dir);
}

/* ---- read-only ------------------------------------------------------------------------------------------------------- */

static int lose_rights(void)
{
    if (geteuid() != 0)
        return 0;
    return setgid(NOBODY) == 0 && setuid(NOBODY) == 0 ? 0 : -1;
}

/* Either open or the first write is refused, in SQLite's words. */
static int read_only_child(const char *dir)
{
    struct footfall *ff = NULL;
    struct footfall_error err;
    int rc = FOOTFALL_OK;
    if (lose_rights() != 0)
        return NOT_ALLOWED;
    rc = try_open(&ff, &err, dir);
    if (rc == FOOTFALL_OK) {
        rc = add(ff, 1, &err);
        printf("add: ");
    } else {
        printf("open: ");
        CHECK(ff == NULL);
    }
    printf("%s: %s\n", footfall_status_name((enum footfall_status)rc), err.text);
    CHECK(rc == FOOTFALL_BROKEN);
    CHECK(strstr(err.text, "readonly database") != NULL || strstr(err.text, "unable to open database file") != NULL);
    footfall_close(ff);
    return 0;
}

static void give_away(const char *dir, const char *name, mode_t mode)
{
    char *path = support_path(dir, name);
    if ((geteuid() == 0 && chown(path, NOBODY, NOBODY) != 0) || chmod(path, mode) != 0)
        support_die(path);
    free(path);
}

static void read_only(mode_t folder_mode)
{
    char *dir = support_folder_make(), *path = support_path(dir, "footfall.db");
    size_t before_bytes = 0, after_bytes = 0;
    unsigned char *before = NULL, *after = NULL;
    struct footfall *ff = NULL;
    int rc = 0;
    fill(dir);
    before = support_file_read(path, &before_bytes);
    give_away(dir, "footfall.db", 0444);
    give_away(dir, "footfall.db.secret", 0600);
    give_away(dir, ".", folder_mode);
    rc = in_child(read_only_child, dir);
    give_away(dir, ".", 0700);
    give_away(dir, "footfall.db", 0644);
    after = support_file_read(path, &after_bytes);
    if (rc == NOT_ALLOWED)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(after_bytes, before_bytes);
    assert_memory_equal(after, before, before_bytes);
    ff = support_open_sqlite(dir, NULL);
    assert_int_equal(support_read(ff, "a").total, 50);
    footfall_close(ff);
    free(before);
    free(after);
    free(path);
    support_folder_remove(dir);
}

static void read_only_file(void **state)
{
    (void)state;
    read_only(0755);
}

static void read_only_folder(void **state)
{
    (void)state;
    read_only(0555);
}

/* ---- locked ---------------------------------------------------------------------------------------------------------- */

/* storage lock DIR: holds the file until its standard input ends. */
static int lock_process(const char *dir)
{
    sqlite3 *db = NULL;
    char *path = support_path(dir, "footfall.db"), byte = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN EXCLUSIVE; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK)
        support_die("BEGIN EXCLUSIVE");
    support_report("L", 1);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    free(path);
    return 0;
}

static void locked_file(void **state)
{
    char *dir = support_folder_make();
    const char *args[] = { "lock", dir, NULL };
    struct support_process holder;
    struct support_bytes bytes = { 0 };
    struct footfall_error err;
    struct footfall *ff = NULL, *second = NULL;
    int64_t begun = 0, took_ms = 0;
    (void)state;
    fill(dir);
    ff = support_open_sqlite(dir, NULL);
    support_process_start(&holder, args);
    while (bytes.count == 0 && support_process_read(&holder, &bytes, support_now_ns() + 10000000))
        ;
    assert_int_equal(bytes.count, 1);
    begun = support_now_ns();
    assert_int_equal(add(ff, 1, &err), FOOTFALL_TEMPORARY);
    took_ms = (support_now_ns() - begun) / 1000000;
    printf("add: after %" PRId64 " ms: %s\n", took_ms, err.text);
    assert_in_range(took_ms, WAIT_MS - 20, WAIT_MS + 2000);
    assert_non_null(strstr(err.text, "database is locked"));
    assert_int_equal(support_read(ff, "a").total, 50);
    assert_int_equal(try_open(&second, &err, dir), FOOTFALL_OK); /* opening an existing file needs no write lock */
    footfall_close(second);
    close(holder.to);
    support_process_read(&holder, &bytes, INT64_MAX);
    holder.to = -1;
    assert_int_equal(support_process_wait(&holder), 0);
    assert_int_equal(support_read(ff, "a").total, 50);
    assert_int_equal(add(ff, 1, &err), FOOTFALL_OK);
    assert_int_equal(support_read(ff, "a").total, 51);
    footfall_close(ff);
    free(bytes.at);
    support_folder_remove(dir);
}

/* ---- damaged --------------------------------------------------------------------------------------------------------- */

/* What stands in the file is refused with `words`, by open or by the first operation, and not one byte of it changes. */
static void refused(const char *dir, const char *words)
{
    char *path = support_path(dir, "footfall.db");
    size_t before_bytes = 0, after_bytes = 0;
    unsigned char *before = support_file_read(path, &before_bytes), *after = NULL;
    struct footfall *ff = NULL;
    struct footfall_error err;
    struct footfall_result r = { 0 };
    struct footfall_visitor who = FOOTFALL_VISITOR_INIT;
    int rc = try_open(&ff, &err, dir);
    if (rc == FOOTFALL_OK) {
        who.address = "192.0.2.1";
        who.now_ms = SUPPORT_TIME_MS;
        rc = footfall_visit(ff, "a", &who, NULL, &r, &err);
    }
    printf("%s: %s: %s\n", ff != NULL ? "visit" : "open", footfall_status_name((enum footfall_status)rc), err.text);
    footfall_close(ff);
    assert_int_equal(rc, FOOTFALL_BROKEN);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    after = support_file_read(path, &after_bytes);
    assert_int_equal(after_bytes, before_bytes);
    assert_memory_equal(after, before, before_bytes);
    free(before);
    free(after);
    free(path);
}

static void not_a_database(void **state)
{
    char *dir = support_folder_make(), *path = support_path(dir, "footfall.db");
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof text);
    support_file_write(path, text, sizeof text);
    refused(dir, "file is not a database");
    free(path);
    support_folder_remove(dir);
}

static void damaged_pages(void **state)
{
    char *dir = support_folder_make(), *path = support_path(dir, "footfall.db");
    size_t bytes = 0;
    unsigned char *all = NULL;
    (void)state;
    fill(dir);
    all = support_file_read(path, &bytes);
    assert_true(bytes > 8192);
    memset(all + 4096, 0xa5, bytes - 4096);
    support_file_write(path, all, bytes);
    refused(dir, "database disk image is malformed");
    free(all);
    free(path);
    support_folder_remove(dir);
}

static void cut_short(void **state)
{
    char *dir = support_folder_make(), *path = support_path(dir, "footfall.db");
    (void)state;
    fill(dir);
    assert_int_equal(truncate(path, 6000), 0);
    refused(dir, "malformed");
    free(path);
    support_folder_remove(dir);
}

static void no_such_folder(void **state)
{
    char *dir = support_folder_make(), *missing = support_path(dir, "missing");
    struct footfall *ff = NULL;
    struct footfall_error err;
    (void)state;
    assert_int_not_equal(try_open(&ff, &err, missing), FOOTFALL_OK);
    assert_null(ff);
    printf("open: %s: %s\n", footfall_status_name(err.status), err.text);
    assert_non_null(strstr(err.text, "unable to open database file"));
    free(missing);
    support_folder_remove(dir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk),        cmocka_unit_test(file_size_limit), cmocka_unit_test(read_only_file),
        cmocka_unit_test(read_only_folder), cmocka_unit_test(locked_file),     cmocka_unit_test(not_a_database),
        cmocka_unit_test(damaged_pages),    cmocka_unit_test(cut_short),       cmocka_unit_test(no_such_folder),
    };
    if (argc == 3 && strcmp(argv[1], "lock") == 0)
        return lock_process(argv[2]);
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
