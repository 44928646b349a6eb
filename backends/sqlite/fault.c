/* fault.c: which store status an SQLite result code is, and the one line of text about it. What to do about a fault is the
 * engine's business; what becomes of this connection is decided here. */
#include "store.h"

#include <stdarg.h>

#include "bytes.h"

static int status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return FOOTFALL_STORE_TEMPORARY;
    case SQLITE_NOMEM:
        return FOOTFALL_STORE_NO_MEMORY;
    default:
        return rc == SQLITE_IOERR_NOMEM ? FOOTFALL_STORE_NO_MEMORY : FOOTFALL_STORE_BROKEN;
    }
}

void footfall__sqlite_text(struct footfall_store_call *call, int32_t native, const char *format, ...)
{
    va_list args;
    if (call->text == NULL || call->text_bytes == 0 || call->text[0] != '\0')
        return;
    call->native = native;
    va_start(args, format);
    footfall__vformat(call->text, call->text_bytes, format, args);
    va_end(args);
}

int footfall__sqlite_fault(struct footfall_sqlite *store, struct footfall_store_call *call, int rc, const char *doing)
{
    /* The connection's words belong to rc only when it is the connection's last error; ours for malloc isn't. */
    int of_connection = store->db != NULL && sqlite3_extended_errcode(store->db) == rc;
    int primary = rc & 0xff;
    footfall__sqlite_text(call, rc, "cannot %s %s: %s", doing, store->path,
                          of_connection ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc));
    if (primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOMEM || primary == SQLITE_NOTADB)
        footfall__sqlite_facts_drop(store);
    if (primary == SQLITE_IOERR)
        store->must_reopen = 1;
    return status_of(rc);
}

int footfall__sqlite_commit_fault(struct footfall_sqlite *store, struct footfall_store_call *call, int rc,
                                  const char *doing)
{
    int status = footfall__sqlite_fault(store, call, rc, doing);
    int primary = rc & 0xff;
    footfall__sqlite_facts_drop(store);
    footfall__sqlite_rollback(store); /* BUSY leaves the transaction open; SQLite has ended it after anything else */
    if (primary == SQLITE_BUSY && !store->must_reopen)
        return status;
    store->must_reopen = 1;
    /* The last frame written is the one that commits. When it did not fit, and no padding follows it, nothing is stored. */
    if (primary == SQLITE_FULL && store->powersafe)
        return status;
    return FOOTFALL_STORE_UNKNOWN;
}
