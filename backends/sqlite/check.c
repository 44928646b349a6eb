/* check.c: what can be found out about the file and its surroundings without changing anything, and the numbers for metrics. */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"

enum { FINE, NOTE, WARNING, WRONG };
enum { TEXT_BYTES = 512 };
#define MIB (1024.0 * 1024.0)

struct report {
    footfall_store_finding *each;
    void *user;
};

static void tell(const struct report *report, int severity, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(const struct report *report, int severity, const char *advice, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    footfall__vformat(text, sizeof text, format, args);
    va_end(args);
    report->each(report->user, severity, text, advice);
}

/* ---- what SQLite says */

static int read_text(struct footfall_sqlite *store, const char *sql, char *out, size_t out_bytes)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    out[0] = '\0';
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        footfall__format(out, out_bytes, "%s", (const char *)sqlite3_column_text(statement, 0));
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        rc = sqlite3_reset(statement);
    sqlite3_finalize(statement);
    return rc;
}

static int check_database(struct footfall_sqlite *store, const struct report *report)
{
    char mode[32];
    int64_t synchronous = 0;
    int64_t version = 0;
    int64_t pages = 0;
    int64_t free_pages = 0;
    int64_t page_bytes = 0;
    int rc = read_text(store, "PRAGMA journal_mode", mode, sizeof mode);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA synchronous", &synchronous);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA page_count", &pages);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA freelist_count", &free_pages);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "PRAGMA page_size", &page_bytes);
    if (rc != SQLITE_OK)
        return rc;
    tell(report, FINE, NULL, "SQLite is %s; %s has schema version %lld.", sqlite3_libversion(), store->path,
         (long long)version);
    if (strcmp(mode, "wal") == 0)
        tell(report, FINE, NULL, "The write-ahead log is on.");
    else if (store->read_only)
        ; /* on a read-only medium there is none, whatever the file says */
    else if (store->only_look)
        tell(report, WARNING, "Find the program that changed it; the next visit switches the log on again.",
             "The journal mode is %s, not wal: another program has changed it.", mode);
    else
        tell(report, WRONG, "Stop all programs that use the file, and start this one again.",
             "The journal mode is %s, not wal: another program has changed it.", mode);
    tell(report, FINE, NULL,
         synchronous >= 2 ? "Durability is full: what was acknowledged survives a loss of power."
                          : "Durability is normal: what was acknowledged survives a crash of the process, "
                            "but the last moments before a loss of power may be lost.");
    tell(report, FINE, NULL, "The database has %.1f MiB, %.1f MiB of them free for reuse.",
         (double)(pages * page_bytes) / MIB, (double)(free_pages * page_bytes) / MIB);
    if (free_pages > 25600 && free_pages * 2 > pages)
        tell(report, NOTE, "Run VACUUM with the sqlite3 program while nothing counts, if the space is needed.",
             "More than half of the file is free.");
    if (store->read_only)
        tell(report, WARNING, "Check the rights of the file and its folder, if it should count.",
             "The database can only be read.");
    return SQLITE_OK;
}

/* A whole check reads the whole file; above this size it would hold up who waits for the answer. */
static int check_pages(struct footfall_sqlite *store, const struct report *report)
{
    enum { MOST_PAGES = 65536 };
    char verdict[TEXT_BYTES];
    int64_t pages = 0;
    int rc = footfall__sqlite_pragma(store, "PRAGMA page_count", &pages);
    if (rc != SQLITE_OK)
        return rc;
    if (pages > MOST_PAGES) {
        tell(report, NOTE, "Run PRAGMA quick_check with the sqlite3 program.",
             "The database is too big to have every page looked at here.");
        return SQLITE_OK;
    }
    rc = read_text(store, "PRAGMA quick_check(1)", verdict, sizeof verdict);
    if (rc != SQLITE_OK)
        return rc;
    if (strcmp(verdict, "ok") == 0)
        tell(report, FINE, NULL, "Every page of the database is sound.");
    else
        tell(report, WRONG,
             "Restore the file from a backup, or save what can be read with the sqlite3 program's .recover.",
             "The database is damaged: %s.", verdict);
    return SQLITE_OK;
}

/* ---- what is past its time */

enum { PURGE_LATE_MS = 7 * 24 * 3600 * 1000 };

/* Keys that should be gone tell, with the secret, who came; visitors that nobody purged only take room. */
static int check_overdue(struct footfall_sqlite *store, const struct report *report, int64_t wall_ms)
{
    char sql[96];
    int64_t keys = 0, unerased = 0, least = 0;
    int rc;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM epoch_keys WHERE expire <= %lld", (long long)wall_ms);
    rc = footfall__sqlite_pragma(store, sql, &keys);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store,
                                     "SELECT (SELECT value FROM meta WHERE name = 'dropped') >"
                                     " (SELECT value FROM meta WHERE name = 'erased')",
                                     &unerased);
    if (rc == SQLITE_OK)
        rc = footfall__sqlite_pragma(store, "SELECT coalesce(min(least), 9223372036854775807) FROM epochs", &least);
    if (rc != SQLITE_OK)
        return rc;
    if (keys > 0)
        tell(report, WARNING, "Run footfall purge now, and daily when nothing else counts.",
             "%lld epoch key%s should have been erased: with the secret, who came then can still be told.",
             (long long)keys, keys == 1 ? "" : "s");
    else if (unerased)
        tell(report, WARNING, "End the program that keeps a read transaction open, then run footfall purge.",
             "Epoch keys that were dropped still stand in the file: a reader is in the way.");
    else
        tell(report, FINE, NULL, "No epoch key is past its time.");
    if (least < wall_ms - PURGE_LATE_MS)
        tell(report, NOTE, "Run footfall purge, daily for example, if nothing else does.",
             "Visitors that expired more than a week ago still take room.");
    return SQLITE_OK;
}

/* ---- what the system says */

static int is_network(const char *path)
{
    static const unsigned long magics[] = {
        0x6969,     /* NFS */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB2 */
        0x517b,     /* SMB */
        0x564c,     /* NCP */
        0x5346414f, /* AFS */
        0x01021997, /* 9P */
        0x00c36400, /* Ceph */
        0x013661c0, /* GFS2 */
        0x65735546, /* FUSE: sshfs and the like */
    };
    struct statfs where;
    if (statfs(path, &where) != 0)
        return 0;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (((unsigned long)where.f_type & 0xffffffff) == magics[i])
            return 1;
    return 0;
}

static void check_place(struct footfall_sqlite *store, const struct report *report, char *path, size_t path_bytes)
{
    struct statvfs where;
    const char *slash;
    if (is_network(store->file))
        tell(report, WARNING, "Put it on a local disk, or use a backend that is made for several hosts.",
             "The database seems to lie on a network file system, where its locks may not hold.");
    if (statvfs(store->file, &where) != 0) {
        where.f_flag = 0;
    } else {
        double free_mib = (double)where.f_bavail * (double)where.f_frsize / MIB;
        tell(report,
             free_mib < 16    ? WRONG
             : free_mib < 256 ? WARNING
                              : FINE,
             free_mib < 256 ? "Make room: counting stops when the disk is full." : NULL,
             "%.0f MiB of disk space are left.", free_mib);
    }
    slash = strrchr(store->file, '/');
    footfall__format(path, path_bytes, "%.*s", slash != NULL ? (int)(slash - store->file) + 1 : 1,
                     slash != NULL ? store->file : ".");
    if (access(path, W_OK) != 0)
        tell(report, where.f_flag & ST_RDONLY ? NOTE : WRONG, "Give this user the right to write to the folder.",
             "The folder of the database can't be written: its log can't be made there.");
}

static void check_neighbours(struct footfall_sqlite *store, const struct report *report, char *path, size_t path_bytes)
{
    struct stat found;
    if (stat(store->file, &found) == 0 && (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        tell(report, found.st_mode & S_IWOTH ? WARNING : NOTE, "chmod go-w that file, unless they are meant.",
             "The database may be changed by %s (mode %03o).",
             found.st_mode & S_IWOTH ? "every user of this host" : "its group", (unsigned)found.st_mode & 0777u);
    snprintf(path, path_bytes, "%s-wal", store->file);
    if (stat(path, &found) == 0) {
        double mib = (double)found.st_size / MIB;
        tell(report, mib > 256 ? WARNING : FINE,
             mib > 256 ? "Look for a program that keeps a read transaction open on the database." : NULL,
             "The write-ahead log has %.1f MiB.", mib);
    }
    snprintf(path, path_bytes, "%s.secret", store->path);
    if (stat(path, &found) != 0)
        return; /* a configured secret lies elsewhere */
    if ((found.st_mode & 077) == 0)
        tell(report, FINE, NULL, "Only its owner may read the secret beside the database.");
    else
        tell(report, WRONG, "chmod 600 that file, and think of the secret as known to who could read it.",
             "The secret beside the database has mode %03o.", (unsigned)found.st_mode & 0777u);
}

int footfall__sqlite_check(struct footfall_store *base, footfall_store_finding *each, void *user,
                           struct footfall_store_call *call)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    struct report report = { each, user };
    char *path = NULL;
    size_t path_bytes;
    int status = footfall__sqlite_ready(store, call);
    int rc;
    if (status != 0)
        return status;
    rc = check_database(store, &report);
    if (rc == SQLITE_OK)
        rc = check_pages(store, &report);
    if (rc == SQLITE_OK)
        rc = check_overdue(store, &report, call->wall_ms);
    path_bytes = strlen(store->file) + strlen(store->path) + sizeof ".secret";
    if (rc == SQLITE_OK && (path = footfall__malloc(path_bytes)) == NULL)
        rc = SQLITE_NOMEM;
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "check");
    check_place(store, &report, path, path_bytes);
    check_neighbours(store, &report, path, path_bytes);
    footfall__free(path);
    return 0;
}

void footfall__sqlite_metrics(struct footfall_store *base, footfall_store_metric *each, void *user)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    each(user, "footfall_sqlite_commits_total", "Transactions of the counting path that were committed.", "", 1,
         (double)atomic_load_explicit(&store->commits, memory_order_relaxed));
    each(user, "footfall_sqlite_busy_waits_total", "Short sleeps because another process held the database.", "", 1,
         (double)atomic_load_explicit(&store->busy_waits, memory_order_relaxed));
    each(user, "footfall_sqlite_reopens_total", "Times the database was opened anew after an I/O error.", "", 1,
         (double)atomic_load_explicit(&store->reopens, memory_order_relaxed));
}
