/* open.c: the backend's table of slots; opening, closing and opening anew; settings, pragmas, waiting for a lock, and what a
 * fork means. Whether a file is ours is decided in schema.c. */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"
#include "clock.h"
#include "random.h"

/* SQLite keeps record of its file locks per process. A child of fork that goes on with that record would believe in locks
 * it does not have, so whoever has inherited open stores must close them before it opens one. */
static atomic_long owner_pid;
static atomic_uint open_stores;

static int claim_process(void)
{
    long pid = (long)getpid();
    if (atomic_load(&open_stores) > 0 && atomic_load(&owner_pid) != pid)
        return FOOTFALL_STORE_MISUSE;
    atomic_store(&owner_pid, pid);
    atomic_fetch_add(&open_stores, 1);
    return 0;
}

static void release_process(void)
{
    atomic_fetch_sub(&open_stores, 1);
}

/* Short sleeps of random length are fair between processes; SQLite's own growing ones starve whoever came second. */
static int wait_for_lock(void *user, int times)
{
    struct footfall_sqlite *store = user;
    int64_t left_ms = store->deadline_ms - footfall__boottime_ms();
    int64_t pause_us = 100 + footfall__random_below(&store->jitter, 201);
    (void)times;
    if (left_ms <= 0)
        return 0;
    atomic_fetch_add_explicit(&store->busy_waits, 1, memory_order_relaxed);
    footfall__sleep_us(pause_us); /* less than the smallest left_ms */
    return 1;
}

void footfall__sqlite_disconnect(struct footfall_sqlite *store, int checkpoint)
{
    if (store->db == NULL)
        return;
    footfall__sqlite_finalize(store);
    store->deadline_ms = 0;
    if (!checkpoint)
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(store->db);
    store->db = NULL;
    footfall__sqlite_facts_drop(store);
}

/* Ends a connection to a file that was refused, or only looked at. A log that somebody left stays as it is; one that SQLite
 * made for the look goes again. */
static void disconnect_unchanged(struct footfall_sqlite *store)
{
    const char *name = store->db != NULL ? sqlite3_db_filename(store->db, "main") : NULL;
    const char *wal = name != NULL && name[0] != '\0' ? sqlite3_filename_wal(name) : NULL;
    struct stat found;
    int left_by_others = wal != NULL && stat(wal, &found) == 0 && found.st_size > 0;
    footfall__sqlite_disconnect(store, !left_by_others);
}

/* A file in WAL mode on a read-only file system, with no log beside it: SQLite can't make the log's index there, and needs
 * to be told that nobody else writes. Who only looks does so wherever the file cannot be written: without a log nobody writes
 * just now, and none is left behind that others could not use. */
static int open_immutable(struct footfall_sqlite *store, const char *file)
{
    static const char digits[] = "0123456789ABCDEF";
    struct statvfs where;
    size_t bytes = strlen(file);
    char *uri = NULL;
    char *at;
    int rc = SQLITE_CANTOPEN;
    if (!store->only_look && (statvfs(file, &where) != 0 || (where.f_flag & ST_RDONLY) == 0))
        return rc;
    uri = footfall__malloc(3 * bytes + sizeof "file:-wal?immutable=1");
    if (uri == NULL)
        return SQLITE_NOMEM;
    memcpy(uri, file, bytes);
    memcpy(uri + bytes, "-wal", sizeof "-wal");
    if (access(uri, F_OK) == 0) {
        rc = store->only_look ? SQLITE_OK : rc;
        goto cleanup;
    }
    memcpy(uri, "file:", 5);
    at = uri + 5;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)file[i];
        if (c == '%' || c == '?' || c == '#') {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        } else {
            *at++ = file[i];
        }
    }
    memcpy(at, "?immutable=1", sizeof "?immutable=1");
    footfall__sqlite_disconnect(store, 0);
    rc = sqlite3_open_v2(uri, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
cleanup:
    footfall__free(uri);
    return rc;
}

static int connect_file(struct footfall_sqlite *store, const char *file, int create)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    int64_t ignored;
    int rc = sqlite3_open_v2(file, &store->db, flags, footfall__sqlite_vfs());
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_handler(store->db, wait_for_lock, store);
    if (sqlite3_db_readonly(store->db, "main") != 1)
        return SQLITE_OK;
    if (!store->only_look) {
        rc = footfall__sqlite_pragma(store, "PRAGMA schema_version", &ignored);
        if ((rc & 0xff) != SQLITE_CANTOPEN && (rc & 0xff) != SQLITE_READONLY)
            return SQLITE_OK; /* anything else is told by the look at the schema */
    }
    rc = open_immutable(store, file);
    if (rc == SQLITE_OK)
        sqlite3_extended_result_codes(store->db, 1);
    return rc;
}

/* Of the log, when it is put back. Whoever comes just then waits for the disk; with `full` everybody does so anyway. */
enum { LEAST_FRAMES = 2000, LEAST_FRAMES_FULL = 4000, MOST_FRAMES = 16000 };

static int least_frames(const struct footfall_sqlite *store)
{
    return store->full ? LEAST_FRAMES_FULL : LEAST_FRAMES;
}

/* After each commit, with the lock released. Putting the log back costs a write for every page that it holds once: in a big
 * file, whose pages seldom repeat, longer logs make for fewer and better ordered writes. Faults here lose nothing: the log
 * stays, and the next commit tries again. */
static int after_commit(void *user, sqlite3 *db, const char *name, int frames)
{
    struct footfall_sqlite *store = user;
    int64_t pages = 0;
    if (frames < store->checkpoint_frames)
        return SQLITE_OK;
    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (footfall__sqlite_pragma(store, "PRAGMA page_count", &pages) != SQLITE_OK || pages / 4 < least_frames(store))
        store->checkpoint_frames = least_frames(store);
    else
        store->checkpoint_frames = pages / 4 < MOST_FRAMES ? (int)(pages / 4) : MOST_FRAMES;
    footfall__sqlite_facts_drop(store); /* that look may have shown us what others have committed since */
    return SQLITE_OK;
}

/* Two connections may want it at once, and SQLite does not always wait for that lock. */
static int switch_to_wal(struct footfall_sqlite *store, struct footfall_store_call *call)
{
    sqlite3_stmt *statement = NULL;
    int is_wal = 0;
    int rc;
    do {
        rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
            is_wal = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
        if (rc == SQLITE_ROW || rc == SQLITE_DONE)
            rc = sqlite3_reset(statement);
        sqlite3_finalize(statement);
    } while ((rc & 0xff) == SQLITE_BUSY && wait_for_lock(store, 0));
    if (rc != SQLITE_OK)
        return footfall__sqlite_fault(store, call, rc, "switch to a write-ahead log");
    if (is_wal)
        return 0;
    footfall__sqlite_text(call, 0, "%s can have no write-ahead log here: its file system lacks shared memory",
                          store->path);
    return FOOTFALL_STORE_BROKEN;
}

static int is_in_wal_mode(struct footfall_sqlite *store, int *yes)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode", -1, &statement, NULL);
    *yes = 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *yes = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
        rc = sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return rc;
}

static int set_pragmas(struct footfall_sqlite *store)
{
    int rc = sqlite3_exec(store->db,
                          "PRAGMA cache_size = -6144;" /* KiB */
                          "PRAGMA mmap_size = 0;"
                          "PRAGMA temp_store = MEMORY;"
                          "PRAGMA trusted_schema = OFF;"
                          "PRAGMA foreign_keys = OFF;"
                          "PRAGMA secure_delete = ON;",
                          NULL, NULL, NULL);
    store->checkpoint_frames = least_frames(store);
    sqlite3_wal_hook(store->db, after_commit, store);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(store->db, store->full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                          NULL, NULL);
    return rc;
}

static int keep_file_name(struct footfall_sqlite *store)
{
    const char *name = sqlite3_db_filename(store->db, "main");
    if (store->file == NULL && name != NULL)
        store->file = footfall__strndup(name, strlen(name));
    return store->file != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

/* Whether this user may make files beside the database: 0, or errno. */
static int folder_denied(const struct footfall_sqlite *store)
{
    const char *slash = strrchr(store->path, '/'); /* there is one, see keep_path */
    char *folder = footfall__strndup(store->path, (size_t)(slash - store->path) + 1);
    int denied = folder == NULL ? ENOMEM : access(folder, W_OK | X_OK) != 0 ? errno : 0;
    footfall__free(folder);
    return denied;
}

/* For who only looks: 0 when there is a file that can be read, ABSENT when one could be made, BROKEN when it could not. */
static int look_for_file(const struct footfall_sqlite *store, struct footfall_store_call *call)
{
    int denied = access(store->path, R_OK) != 0 ? errno : 0;
    if (denied != 0 && denied != ENOENT)
        footfall__sqlite_text(call, denied, "cannot read %s: %s", store->path, strerror(denied));
    if (denied != ENOENT)
        return denied == 0 ? 0 : FOOTFALL_STORE_BROKEN;
    denied = folder_denied(store);
    if (denied == 0)
        footfall__sqlite_text(call, 0, "There is no database %s yet.", store->path);
    else
        footfall__sqlite_text(call, denied, "there is no database %s, and its folder cannot be used: %s", store->path,
                              strerror(denied));
    return denied == 0 ? FOOTFALL_STORE_ABSENT : FOOTFALL_STORE_BROKEN;
}

/* SQLite does not say that it is the folder, or the log in it, that it cannot make. */
static void explain(const struct footfall_sqlite *store, struct footfall_store_call *call)
{
    struct stat found;
    int primary = call->native & 0xff;
    int denied = primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY ? folder_denied(store) : 0;
    size_t bytes = call->text_bytes > 0 ? strlen(call->text) : 0;
    char *end = bytes > 0 ? call->text + bytes : NULL;
    if (end != NULL && primary == SQLITE_CANTOPEN && stat(store->path, &found) == 0 && S_ISDIR(found.st_mode))
        footfall__format(end, call->text_bytes - bytes, "; it is a folder");
    else if (end != NULL && denied != 0)
        footfall__format(end, call->text_bytes - bytes, "; its folder cannot be used: %s", strerror(denied));
}

/* Store status. An existing file is looked at before anything of it is changed. */
static int connect_store(struct footfall_sqlite *store, int create, struct footfall_store_call *call)
{
    int is_empty = 0;
    int is_wal = 0;
    int status = 0;
    int psow = 0;
    int rc = connect_file(store, create || store->file == NULL ? store->path : store->file, create);
    if (rc == SQLITE_OK)
        rc = keep_file_name(store);
    if (rc != SQLITE_OK) {
        status = footfall__sqlite_fault(store, call, rc, "open");
        goto cleanup;
    }
    store->read_only = sqlite3_db_readonly(store->db, "main") == 1;
    status = footfall__sqlite_schema_check(store, &is_empty, call);
    if (status == 0 && is_empty && store->only_look) {
        footfall__sqlite_text(call, 0, "%s is empty: its tables are to be made yet.", store->path);
        status = FOOTFALL_STORE_ABSENT;
    }
    if (status == 0 && is_empty && (store->read_only || !create)) {
        footfall__sqlite_text(call, 0, "%s is empty", store->path);
        status = FOOTFALL_STORE_BROKEN;
    }
    if (status != 0)
        goto cleanup;
    if (is_empty)
        rc = sqlite3_exec(store->db, "PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8'", NULL, NULL, NULL);
    else
        rc = is_in_wal_mode(store, &is_wal);
    if (rc == SQLITE_OK)
        rc = set_pragmas(store);
    if (rc != SQLITE_OK) {
        status = footfall__sqlite_fault(store, call, rc, "set up");
        goto cleanup;
    }
    if (!is_wal && !store->read_only && !store->only_look)
        status = switch_to_wal(store, call);
    if (status == 0 && is_empty)
        status = footfall__sqlite_schema_create(store, call);
    psow = -1;
    if (status == 0 && sqlite3_file_control(store->db, "main", SQLITE_FCNTL_POWERSAFE_OVERWRITE, &psow) == SQLITE_OK)
        store->powersafe = psow == 1;
cleanup:
    if (status != 0)
        disconnect_unchanged(store);
    else
        store->must_reopen = 0;
    return status;
}

int footfall__sqlite_ready(struct footfall_sqlite *store, struct footfall_store_call *call)
{
    int status = 0;
    store->deadline_ms = call->deadline_ms;
    if (footfall__boottime_ms() >= call->deadline_ms) {
        footfall__sqlite_text(call, 0, "the deadline passed before %s was touched", store->path);
        return FOOTFALL_STORE_TEMPORARY;
    }
    if (store->must_reopen)
        footfall__sqlite_disconnect(store, 0);
    if (store->db == NULL) {
        store->deadline_ms = call->deadline_ms;
        atomic_fetch_add_explicit(&store->reopens, 1, memory_order_relaxed);
        status = connect_store(store, 0, call);
    }
    return status;
}

/* ---- settings */

static int keep_path(struct footfall_sqlite *store, const char *path, struct footfall_store_call *call)
{
    size_t bytes = strlen(path);
    int relative = path[0] != '/';
    if (bytes == 0 || strcmp(path, ":memory:") == 0) {
        footfall__sqlite_text(call, 0,
                              "sqlite.path %s; use backend = memory for counters that live in this process alone",
                              bytes == 0 ? "is empty" : "names no file");
        return FOOTFALL_STORE_CONFIG;
    }
    store->path = footfall__malloc(bytes + 3);
    if (store->path == NULL)
        return FOOTFALL_STORE_NO_MEMORY;
    /* SQLite may take "file:…" for a URI, and so may a path of ours be called. */
    memcpy(store->path, "./", 2);
    memcpy(store->path + (relative ? 2 : 0), path, bytes + 1);
    return 0;
}

static int read_settings(struct footfall_sqlite *store, const struct footfall_store_setting *settings, size_t count,
                         struct footfall_store_call *call)
{
    const char *path = "footfall.db";
    const char *durability = "normal";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(settings[i].key, "path") == 0)
            path = settings[i].value;
        else if (strcmp(settings[i].key, "durability") == 0)
            durability = settings[i].value;
    }
    store->full = strcmp(durability, "full") == 0;
    if (!store->full && strcmp(durability, "normal") != 0) {
        footfall__sqlite_text(call, 0, "sqlite.durability is '%s'; it can be normal or full", durability);
        return FOOTFALL_STORE_CONFIG;
    }
    return keep_path(store, path, call);
}

static void free_store(struct footfall_sqlite *store)
{
    footfall__sqlite_overlay_free(store);
    footfall__free(store->path);
    footfall__free(store->file);
    footfall__free(store);
}

static int open_store(struct footfall_store **out, const struct footfall_store_setting *settings, size_t count,
                      uint32_t lane, struct footfall_store_call *call)
{
    struct footfall_sqlite *store = NULL;
    int status = claim_process();
    *out = NULL;
    (void)lane; /* one lane: SQLite has one writer */
    if (status != 0) {
        footfall__sqlite_text(call, 0, "this process has inherited an open SQLite store over fork and not closed it");
        return status;
    }
    store = footfall__calloc(1, sizeof *store);
    if (store == NULL) {
        status = FOOTFALL_STORE_NO_MEMORY;
        goto cleanup;
    }
    store->deadline_ms = call->deadline_ms;
    if (footfall__random_bytes(store->hash_key, sizeof store->hash_key) != 0) {
        footfall__sqlite_text(call, errno, "the system gives no random bytes: %s", strerror(errno));
        status = FOOTFALL_STORE_BROKEN;
        goto cleanup;
    }
    store->jitter = store->hash_key[0] | 1;
    store->only_look = call->only_look;
    status = read_settings(store, settings, count, call);
    if (status == 0 && store->only_look)
        status = look_for_file(store, call);
    if (status == 0) {
        status = connect_store(store, !store->only_look, call);
        if (status == FOOTFALL_STORE_BROKEN)
            explain(store, call);
    }
cleanup:
    if (status != 0) {
        if (store != NULL)
            free_store(store);
        release_process();
        return status;
    }
    *out = (struct footfall_store *)(void *)store;
    return 0;
}

static void close_store(struct footfall_store *base, int inherited)
{
    struct footfall_sqlite *store = footfall__sqlite(base);
    /* In a fork's child nothing may be written: without the checkpoint SQLite only unmaps and closes, and record locks
     * belong to the process that took them. */
    if (store->only_look && !inherited)
        disconnect_unchanged(store);
    footfall__sqlite_disconnect(store, !inherited && !store->must_reopen);
    free_store(store);
    release_process();
}

static uint32_t caps(const struct footfall_store *store)
{
    (void)store;
    return FOOTFALL_STORE_CAP_DURABLE | FOOTFALL_STORE_CAP_OWN_VALUES | FOOTFALL_STORE_CAP_ATOMIC_VISIT;
}

static const struct footfall_store_key keys[] = {
    { "path", "footfall.db", "the database file; its log and secret lie beside it", 0 },
    { "durability", "normal", "normal: survives kill -9; full: power loss too, at the price of a sync per batch", 0 },
    { NULL, NULL, NULL, 0 },
};

const struct footfall_backend footfall__backend_sqlite = {
    .version = FOOTFALL_STORE_VERSION,
    .size = sizeof(struct footfall_backend),
    .name = "sqlite",
    .keys = keys,
    .max_batch = FOOTFALL_SQLITE_MAX_BATCH,
    .lanes_default = 1,
    .lanes_max = 1,
    .caps = caps,
    .open = open_store,
    .close = close_store,
    .apply = footfall__sqlite_apply,
    .fetch = footfall__sqlite_fetch,
    .scan = footfall__sqlite_scan,
    .epoch_key = footfall__sqlite_epoch_key,
    .epoch_drop = footfall__sqlite_epoch_drop,
    .epoch_other = footfall__sqlite_epoch_other,
    .purge = footfall__sqlite_purge,
    .ping = footfall__sqlite_ping,
    .own_secret = footfall__sqlite_own_secret,
    .check = footfall__sqlite_check,
    .metrics = footfall__sqlite_metrics,
};
