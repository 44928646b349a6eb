/* vfs.h: an SQLite VFS that counts every I/O call and makes chosen ones fail. It stands before the system's own VFS as the
 * default one, so it must be installed before the library opens its first database. One process, any threads. */
#ifndef SUPPORT_VFS_H
#define SUPPORT_VFS_H

enum support_vfs_fault {
    SUPPORT_VFS_IOERR, /* the call does nothing and gives SQLITE_IOERR_… (xOpen: CANTOPEN) */
    SUPPORT_VFS_FULL,  /* only writes are counted, and give SQLITE_FULL, as a full disk does */
    SUPPORT_VFS_TORN   /* only writes are counted; one that fails leaves its first half behind */
};

void support_vfs_install(void);
/* From now on: counting begins at 0, and calls number `first` to `last` (from 1) fail. first 0: none. */
void support_vfs_plan(long first, long last, enum support_vfs_fault fault);
long support_vfs_calls(void);
/* "xWrite of footfall.db-wal" for the first call that failed, or "". Static storage. */
const char *support_vfs_struck(void);
#endif
