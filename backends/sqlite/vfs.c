/* vfs.c: SQLite writes every frame of its log in two pieces, 24 bytes and a page. This thin VFS over the default one gathers
 * the frames of a transaction and writes them together, which spares most of a commit's system calls. Other files than the
 * log go to the default VFS untouched.
 *
 * Nothing is held back past a commit: the frame that ends a transaction says so in its header (sqlite.org/fileformat2.html,
 * "WAL Frame Header Format": bytes 4 to 7), and with its page the whole run is written before xWrite returns, so that a fault
 * is COMMIT's fault. A header is held only where the last write ended: SQLite also goes back to rewrite headers alone, and
 * those must not wait for a page that never comes. Frames of a transaction that is given up may be lost; nobody reads them. */
#include "store.h"

#include <pthread.h>
#include <string.h>

#include "alloc.h"

enum { HEADER_BYTES = 24, PAGE_LEAST = 512, HELD_MOST = 65536 + 2 * HEADER_BYTES };

struct log_file {
    sqlite3_file base;
    sqlite3_file *real;
    unsigned char *held; /* HELD_MOST bytes */
    sqlite3_int64 at;    /* where the held bytes belong */
    int bytes;           /* of them */
    int open_header;     /* the last thing held is a header whose page is to come */
    int commits;         /* … of a frame that ends its transaction */
    sqlite3_int64 end;   /* where the last write ended */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs our_vfs;

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

static int flush(struct log_file *log)
{
    int bytes = log->bytes;
    log->bytes = log->open_header = 0;
    return bytes > 0 ? log->real->pMethods->xWrite(log->real, log->held, bytes, log->at) : SQLITE_OK;
}

static void hold(struct log_file *log, const void *bytes, int size, sqlite3_int64 offset)
{
    if (log->bytes == 0)
        log->at = offset;
    memcpy(log->held + log->bytes, bytes, (size_t)size);
    log->bytes += size;
}

static int log_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    struct log_file *log = log_of(file);
    int follows = offset == log->end;
    int rc = SQLITE_OK;
    log->end = offset + size;
    if (follows && log->open_header && size >= PAGE_LEAST && log->bytes + size <= HELD_MOST) {
        hold(log, bytes, size, offset);
        log->open_header = 0;
        return log->commits ? flush(log) : SQLITE_OK;
    }
    if (log->bytes > 0 && (!follows || log->open_header || size != HEADER_BYTES || log->bytes + size > HELD_MOST / 2))
        rc = flush(log);
    if (rc != SQLITE_OK)
        return rc;
    if (follows && size == HEADER_BYTES) {
        static const unsigned char goes_on[4];
        hold(log, bytes, size, offset);
        log->open_header = 1;
        log->commits = memcmp((const unsigned char *)bytes + 4, goes_on, sizeof goes_on) != 0;
        return SQLITE_OK;
    }
    return log->real->pMethods->xWrite(log->real, bytes, size, offset);
}

static int log_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    struct log_file *log = log_of(file);
    int rc = flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xRead(log->real, bytes, size, offset) : rc;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *log = log_of(file);
    int rc = flush(log);
    log->end = -1;
    return rc == SQLITE_OK ? log->real->pMethods->xTruncate(log->real, size) : rc;
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int rc = flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xSync(log->real, flags) : rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct log_file *log = log_of(file);
    int rc = flush(log);
    return rc == SQLITE_OK ? log->real->pMethods->xFileSize(log->real, size) : rc;
}

static int log_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    int rc = log->real->pMethods->xClose(log->real);
    footfall__free(log->held);
    log->held = NULL;
    return rc;
}

static int log_lock(sqlite3_file *file, int level)
{
    return log_of(file)->real->pMethods->xLock(log_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return log_of(file)->real->pMethods->xUnlock(log_of(file)->real, level);
}

static int log_check_lock(sqlite3_file *file, int *out)
{
    return log_of(file)->real->pMethods->xCheckReservedLock(log_of(file)->real, out);
}

static int log_control(sqlite3_file *file, int code, void *argument)
{
    return log_of(file)->real->pMethods->xFileControl(log_of(file)->real, code, argument);
}

static int log_sector(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_device(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_lock,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct log_file *log = log_of(file);
    int rc;
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    memset(log, 0, sizeof *log);
    log->end = -1;
    log->real = (sqlite3_file *)(void *)(log + 1);
    log->held = footfall__malloc(HELD_MOST);
    if (log->held == NULL)
        return SQLITE_NOMEM;
    rc = real_vfs->xOpen(real_vfs, name, log->real, flags, out_flags);
    if (rc == SQLITE_OK) {
        log->base.pMethods = &log_methods;
        return SQLITE_OK;
    }
    if (log->real->pMethods != NULL)
        (void)log->real->pMethods->xClose(log->real);
    footfall__free(log->held);
    return rc;
}

static void make_vfs(void)
{
    sqlite3_vfs *found = sqlite3_vfs_find(NULL);
    if (found == NULL)
        return;
    our_vfs = *found; /* all but xOpen is the default's own, which asks for nothing but its pAppData */
    our_vfs.pNext = NULL;
    our_vfs.zName = "footfall";
    our_vfs.szOsFile = found->szOsFile + (int)sizeof(struct log_file);
    our_vfs.xOpen = open_file;
    if (sqlite3_vfs_register(&our_vfs, 0) == SQLITE_OK)
        real_vfs = found;
}

const char *footfall__sqlite_vfs(void)
{
    (void)pthread_once(&once, make_vfs);
    return real_vfs != NULL ? our_vfs.zName : NULL;
}
