/* test_sqlite.h: what the unit tests of the SQLite backend share: a folder and an open store for each test, ops and calls in
 * one line. The vtable is driven directly; the engine has no part in it. */
#ifndef TEST_SQLITE_H
#define TEST_SQLITE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "footfall_store.h"

extern const struct footfall_backend footfall__backend_sqlite;
#define SQ footfall__backend_sqlite

#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define T0 INT64_C(1700000000000) /* when tests count, and their wall clock */
#define FOREVER FOOTFALL_STORE_FOREVER

struct kit { /* of one test */
    char *dir, *path;
    struct footfall_store *store;
    struct footfall_store_call call; /* of the last call made through it */
    char text[256];
};

/* A call at T0 with two seconds to go and room for a text. */
struct footfall_store_call *kit_call(struct kit *kit);
int kit_open_with(struct kit *kit, const char *path, const char *durability);
void kit_open(struct kit *kit); /* must succeed */
void kit_close(struct kit *kit);
int kit_setup(void **state);      /* a folder and an open store */
int kit_setup_only(void **state); /* a folder */
int kit_teardown(void **state);
/* Runs SQL on the file through a connection of its own; the first column of its first row, or 0. */
int64_t kit_sql(struct kit *kit, const char *sql);
/* Whether these bytes stand anywhere in the file or its log. */
int kit_files_hold(struct kit *kit, const void *bytes, size_t count);

struct footfall_store_op op_add(const char *name, int64_t delta);
struct footfall_store_op op_set(const char *name, int64_t total, int64_t unique);
struct footfall_store_op op_delete(const char *name);
struct footfall_store_op op_visit(const char *name, uint32_t visitor, int64_t now_ms); /* window 24 h, fixed, one id */
struct footfall_store_op op_forget(const char *name, uint32_t visitor, int64_t now_ms);
void op_token(struct footfall_store_op *op, const uint8_t token[16], uint8_t fingerprint);
void id_of(struct footfall_store_id *id, uint32_t visitor, int64_t epoch);

/* One op; the answer must be this. */
struct footfall_store_result apply_one(struct kit *kit, const struct footfall_store_op *op);
void expect(struct kit *kit, const struct footfall_store_op *op, int status, int is_new, int64_t total, int64_t unique);
void expect_read(struct kit *kit, const char *name, int exists, int64_t total, int64_t unique);

/* A batch of the series. */
int in_series(struct kit *kit, const struct footfall_store_op *ops, size_t count, uint64_t number,
              struct footfall_store_result *results);

extern const struct CMUnitTest sqlite_rules[], sqlite_reading[], sqlite_purge[], sqlite_files[], sqlite_faults[];
extern const size_t sqlite_rules_count, sqlite_reading_count, sqlite_purge_count, sqlite_files_count,
    sqlite_faults_count;
#endif
