/* vfs.c: the VFS that fails on demand (vfs.h). Each method asks `strike` first and hands on to the system's VFS when it may
 * go on. What SQLite itself ignores the result of (unlocking shared memory, closing) is not counted: failing it would be
 * no fault that anyone could see. */
#include "vfs.h"
#include "folder.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shim_file {
    sqlite3_file base;
    const char *name;
    sqlite3_file *real; /* behind this struct, in the same allocation */
};

static sqlite3_vfs *system_vfs;
static sqlite3_vfs shim;
static atomic_long calls;
static atomic_int struck;
static long first_call, last_call;
static enum support_vfs_fault fault;
static char struck_text[128];

static int strike(const char *method, const char *name, int is_write)
{
    long number = 0;
    const char *base = NULL;
    if (fault != SUPPORT_VFS_IOERR && !is_write)
        return 0;
    number = atomic_fetch_add(&calls, 1) + 1;
    if (first_call == 0 || number < first_call || number > last_call)
        return 0;
    if (atomic_exchange(&struck, 1) == 0) {
        base = name != NULL ? strrchr(name, '/') : NULL;
        snprintf(struck_text, sizeof struck_text, "%s of %s", method,
                 base != NULL   ? base + 1
                 : name != NULL ? name
                                : "a temporary file");
    }
    return 1;
}

static struct shim_file *of(sqlite3_file *file)
{
    return (struct shim_file *)file;
}

static int file_close(sqlite3_file *file)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *out, int bytes, sqlite3_int64 at)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xRead", of(file)->name, 0))
        return SQLITE_IOERR_READ;
    return real->pMethods->xRead(real, out, bytes, at);
}

static int file_write(sqlite3_file *file, const void *in, int bytes, sqlite3_int64 at)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xWrite", of(file)->name, 1)) {
        if (fault == SUPPORT_VFS_TORN)
            real->pMethods->xWrite(real, in, bytes / 2, at);
        return fault == SUPPORT_VFS_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    return real->pMethods->xWrite(real, in, bytes, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xTruncate", of(file)->name, 0))
        return SQLITE_IOERR_TRUNCATE;
    return real->pMethods->xTruncate(real, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xSync", of(file)->name, 0))
        return SQLITE_IOERR_FSYNC;
    return real->pMethods->xSync(real, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xFileSize", of(file)->name, 0))
        return SQLITE_IOERR_FSTAT;
    return real->pMethods->xFileSize(real, size);
}

static int file_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xLock", of(file)->name, 0))
        return SQLITE_IOERR_LOCK;
    return real->pMethods->xLock(real, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xUnlock(real, level);
}

static int file_check_lock(sqlite3_file *file, int *out)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xCheckReservedLock", of(file)->name, 0))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    return real->pMethods->xCheckReservedLock(real, out);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xFileControl(real, op, arg);
}

static int file_sector(sqlite3_file *file)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xSectorSize(real);
}

static int file_device(sqlite3_file *file)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

static int file_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **out)
{
    sqlite3_file *real = of(file)->real;
    if (strike("xShmMap", of(file)->name, 0))
        return SQLITE_IOERR_SHMMAP;
    return real->pMethods->xShmMap(real, page, bytes, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    sqlite3_file *real = of(file)->real;
    if ((flags & SQLITE_SHM_LOCK) != 0 && strike("xShmLock", of(file)->name, 0))
        return SQLITE_IOERR_SHMLOCK;
    return real->pMethods->xShmLock(real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = of(file)->real;
    real->pMethods->xShmBarrier(real);
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *real = of(file)->real;
    return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = { /* version 2: shared memory, no memory-mapped reads that would go past us */
                                            .iVersion = 2,
                                            .xClose = file_close,
                                            .xRead = file_read,
                                            .xWrite = file_write,
                                            .xTruncate = file_truncate,
                                            .xSync = file_sync,
                                            .xFileSize = file_size,
                                            .xLock = file_lock,
                                            .xUnlock = file_unlock,
                                            .xCheckReservedLock = file_check_lock,
                                            .xFileControl = file_control,
                                            .xSectorSize = file_sector,
                                            .xDeviceCharacteristics = file_device,
                                            .xShmMap = file_shm_map,
                                            .xShmLock = file_shm_lock,
                                            .xShmBarrier = file_shm_barrier,
                                            .xShmUnmap = file_shm_unmap
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct shim_file *mine = of(file);
    int rc = SQLITE_OK;
    (void)vfs;
    memset(mine, 0, sizeof *mine);
    if (strike("xOpen", name, 0))
        return SQLITE_CANTOPEN;
    mine->name = name;
    mine->real = (sqlite3_file *)(mine + 1);
    rc = system_vfs->xOpen(system_vfs, name, mine->real, flags, out_flags);
    if (rc == SQLITE_OK)
        mine->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    if (strike("xDelete", name, 0))
        return SQLITE_IOERR_DELETE;
    return system_vfs->xDelete(system_vfs, name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    if (strike("xAccess", name, 0))
        return SQLITE_IOERR_ACCESS;
    return system_vfs->xAccess(system_vfs, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int bytes, char *out)
{
    (void)vfs;
    if (strike("xFullPathname", name, 0))
        return SQLITE_CANTOPEN;
    return system_vfs->xFullPathname(system_vfs, name, bytes, out);
}

void support_vfs_install(void)
{
    system_vfs = sqlite3_vfs_find(NULL);
    if (system_vfs == NULL)
        support_die("sqlite3_vfs_find");
    shim = *system_vfs;
    shim.zName = "footfall-test";
    shim.pNext = NULL;
    shim.szOsFile = (int)sizeof(struct shim_file) + system_vfs->szOsFile;
    shim.xOpen = vfs_open;
    shim.xDelete = vfs_delete;
    shim.xAccess = vfs_access;
    shim.xFullPathname = vfs_full_path;
    if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK)
        support_die("sqlite3_vfs_register");
}

void support_vfs_plan(long first, long last, enum support_vfs_fault kind)
{
    first_call = first;
    last_call = last;
    fault = kind;
    struck_text[0] = '\0';
    atomic_store(&struck, 0);
    atomic_store(&calls, 0);
}

long support_vfs_calls(void)
{
    return atomic_load(&calls);
}

const char *support_vfs_struck(void)
{
    return struck_text;
}
