/* naive.c: the counter that anybody would write first on SQLite, to measure against: one connection a thread, prepared
 * statements, the engine's pragmas, one BEGIN IMMEDIATE transaction a visit. Visitors are 16-byte ids made by a cheap hash
 * (no HMAC). Half of the visits are by visitors never seen before. Prints visits per second, and the slowest thread's
 * share of the fastest's.
 *
 *     naive DB THREADS SECONDS normal|full */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WINDOW_MS INT64_C(86400000)

struct thread {
    const char *path;
    uint64_t full, random, number, known, visits;
    double rate;
};

static atomic_int stop;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void must(int rc, sqlite3 *db)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
        fprintf(stderr, "naive: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static sqlite3 *open_file(const char *path, int full)
{
    sqlite3 *db = NULL;
    must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), db);
    sqlite3_busy_timeout(db, 60000);
    must(
        sqlite3_exec(
            db,
            "PRAGMA journal_mode=WAL; PRAGMA cache_size=-6144; PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=4000;"
            "CREATE TABLE IF NOT EXISTS counters(k INTEGER PRIMARY KEY, total INTEGER, uniq INTEGER) STRICT;"
            "CREATE TABLE IF NOT EXISTS visitors(k INTEGER, v BLOB, t INTEGER, PRIMARY KEY(k, v))"
            " STRICT, WITHOUT ROWID;"
            "INSERT OR IGNORE INTO counters VALUES(1, 0, 0)",
            NULL, NULL, NULL),
        db);
    must(sqlite3_exec(db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL), db);
    return db;
}

enum { BEGIN, LAST, VISITOR, COUNTER, COMMIT, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    "BEGIN IMMEDIATE",
    "SELECT t FROM visitors WHERE k = 1 AND v = ?1",
    "INSERT INTO visitors VALUES(1, ?1, ?2) ON CONFLICT DO UPDATE SET t = excluded.t",
    "UPDATE counters SET total = total + 1, uniq = uniq + ?1 WHERE k = 1",
    "COMMIT",
};

static int step(sqlite3 *db, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    must(rc, db);
    return rc == SQLITE_ROW;
}

static void visit(sqlite3 *db, sqlite3_stmt **s, const uint64_t id[2], int64_t at)
{
    int is_new = 1;
    step(db, s[BEGIN]);
    sqlite3_bind_blob(s[LAST], 1, id, 16, SQLITE_STATIC);
    if (step(db, s[LAST]))
        is_new = at - sqlite3_column_int64(s[LAST], 0) >= WINDOW_MS;
    if (is_new) {
        sqlite3_bind_blob(s[VISITOR], 1, id, 16, SQLITE_STATIC);
        sqlite3_bind_int64(s[VISITOR], 2, at);
        step(db, s[VISITOR]);
    }
    sqlite3_bind_int(s[COUNTER], 1, is_new);
    step(db, s[COUNTER]);
    sqlite3_reset(s[LAST]);
    step(db, s[COMMIT]);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_reset(s[i]);
}

static void *run(void *arg)
{
    struct thread *thread = arg;
    sqlite3 *db = open_file(thread->path, thread->full != 0);
    sqlite3_stmt *statements[STATEMENTS];
    double begun = now();
    for (int i = 0; i < STATEMENTS; i++)
        must(sqlite3_prepare_v2(db, texts[i], -1, &statements[i], NULL), db);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        uint64_t drawn = mix(thread->random += UINT64_C(0x9e3779b97f4a7c15));
        uint64_t visitor = drawn % 2 != 0 || thread->known == 0 ? thread->known++ : drawn / 2 % thread->known;
        const uint64_t id[2] = { mix(visitor + 1), mix(thread->number + 1) };
        visit(db, statements, id, (int64_t)time(NULL) * 1000);
        thread->visits++;
    }
    thread->rate = (double)thread->visits / (now() - begun);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(db);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct thread threads[64];
    pthread_t ids[64];
    size_t count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    double rate = 0, low = 1e18, high = 0;
    if (count < 1 || count > 64)
        return fprintf(stderr, "naive DB THREADS SECONDS normal|full\n"), 2;
    sqlite3_close(open_file(argv[1], 0));
    for (size_t i = 0; i < count; i++) {
        threads[i] = (struct thread){ argv[1], strcmp(argv[4], "full") == 0, mix(i + 1), i, 0, 0, 0 };
        pthread_create(&ids[i], NULL, run, &threads[i]);
    }
    nanosleep(&(struct timespec){ (time_t)strtoul(argv[3], NULL, 10), 0 }, NULL);
    atomic_store(&stop, 1);
    for (size_t i = 0; i < count; i++) {
        pthread_join(ids[i], NULL);
        rate += threads[i].rate;
        low = threads[i].rate < low ? threads[i].rate : low;
        high = threads[i].rate > high ? threads[i].rate : high;
    }
    printf("%.0f %.3f\n", rate, low / high);
    return 0;
}
