/* redis_bad_asks.c: see redis_bad.h. */
#include "redis_bad.h"

#include "folder.h"
#include "process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern const struct footfall_backend footfall__backend_redis;
static const struct footfall_backend *const redis = &footfall__backend_redis;

enum { MARGIN_MS = 1500, LONG_NAME = 200, MOST_OPS = 1024 };

const char *const ask_names[ASKS] = { "apply",      "fetch",       "scan",  "epoch_key", "epoch_key (look)",
                                      "epoch_drop", "epoch_other", "purge", "ping",      "check" };

static int64_t boottime_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct footfall_store_call call_of(struct bad *bad, int deadline_ms)
{
    static uint64_t sequence;
    struct footfall_store_call call = { .writer = 7, .sequence = ++sequence, .mark_keep_ms = 900000 };
    call.deadline_ms = boottime_ms() + deadline_ms;
    call.wall_ms = INT64_C(1700000000000);
    call.text = bad->text;
    call.text_bytes = sizeof(bad->text);
    bad->text[0] = '\0';
    return call;
}

int bad_open_store(struct bad *bad, const char *url, const char *replicas, int deadline_ms)
{
    const struct footfall_store_setting settings[] = { { "url", url },
                                                       { "prefix", "footfall" },
                                                       { "wait_replicas", replicas != NULL ? replicas : "0" } };
    struct footfall_store_call call = call_of(bad, deadline_ms);
    bad->opened = redis->open(&bad->store, settings, 3, 0, &call);
    assert_true((bad->opened == 0) == (bad->store != NULL));
    if (boottime_ms() > call.deadline_ms + MARGIN_MS)
        fail_msg("open took %d ms longer than its deadline", (int)(boottime_ms() - call.deadline_ms));
    return bad->opened;
}

void bad_open(struct bad *bad, const struct bad_way *ways, size_t count, const char *url, const char *replicas,
              int deadline_ms)
{
    char *folder = bad->folder;
    memset(bad, 0, sizeof(*bad));
    bad->folder = folder;
    bad->server = bad_server_start(ways, count, folder);
    (void)bad_open_store(bad, url != NULL ? url : bad_server_url(bad->server), replicas, deadline_ms);
}

void bad_close(struct bad *bad)
{
    if (bad->store != NULL)
        redis->close(bad->store, 0);
    bad->store = NULL;
    if (bad->server != NULL)
        bad_server_stop(bad->server);
    bad->server = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */

static int apply_few(struct footfall_store *store, const struct footfall_store_op *ops, size_t count,
                     struct footfall_store_result *results, struct footfall_store_call *call)
{
    int rc = 0;
    for (size_t i = 0; i < count; i++)
        results[i].status = FOOTFALL_STORE_MISUSE; /* every one must be written */
    rc = redis->apply(store, ops, count, results, call);
    for (size_t i = 0; i < count && rc == 0; i++) {
        assert_int_not_equal(results[i].status, FOOTFALL_STORE_MISUSE);
        if (results[i].status != 0)
            assert_true(results[i].total == 0 && results[i].unique == 0 && !results[i].is_new && !results[i].replayed);
    }
    return rc;
}

static int tell_nobody(void *user, const char *name, size_t name_bytes, int64_t total, int64_t unique)
{
    (void)user;
    (void)name;
    (void)name_bytes;
    (void)total;
    (void)unique;
    return 0;
}

static void ignore(void *user, int severity, const char *text, const char *advice)
{
    (void)user;
    (void)severity;
    (void)text;
    (void)advice;
}

static int ask_by_name(struct footfall_store *store, enum ask ask, struct footfall_store_call *call)
{
    static const struct footfall_store_op op = { .kind = FOOTFALL_STORE_ADD, .name = "a", .name_bytes = 1, .a = 1 };
    static const char *const names[] = { "a" };
    static const size_t sizes[] = { 1 };
    struct footfall_store_result result = { 0 };
    uint8_t key[FOOTFALL_STORE_KEY_BYTES] = { 1 };
    uint8_t winner[FOOTFALL_STORE_KEY_BYTES];
    uint8_t exists[1];
    int64_t total[1], unique[1], ms = 0;
    size_t dropped[3] = { 0 };
    int flag = 0;
    int rc = 0;
    switch (ask) {
    case APPLY:
        rc = apply_few(store, &op, 1, &result, call);
        return rc != 0 ? rc : (int)result.status;
    case FETCH:
        return redis->fetch(store, names, sizes, 1, total, unique, exists, call);
    case SCAN:
        return redis->scan(store, "", 0, "", 0, 100, tell_nobody, NULL, &flag, call);
    case KEY:
        return redis->epoch_key(store, 86400000, 1, key, call->wall_ms + 1000, winner, &ms, call);
    case LOOK:
        return redis->epoch_key(store, 86400000, 1, NULL, 0, winner, &ms, call);
    case DROP:
        return redis->epoch_drop(store, call->wall_ms, &ms, call);
    case OTHER:
        return redis->epoch_other(store, 86400000, &flag, call);
    case PURGE:
        return redis->purge(store, call->wall_ms, 100, dropped, &flag, call);
    case PING:
        return redis->ping(store, call);
    default:
        return redis->check(store, ignore, NULL, call);
    }
}

int bad_ask(struct bad *bad, enum ask ask, int deadline_ms)
{
    struct footfall_store_call call = call_of(bad, deadline_ms);
    int rc = ask_by_name(bad->store, ask, &call);
    if (boottime_ms() > call.deadline_ms + MARGIN_MS)
        fail_msg("%s took %d ms longer than its deadline", ask_names[ask], (int)(boottime_ms() - call.deadline_ms));
    return rc;
}

int bad_apply(struct bad *bad, size_t count, struct footfall_store_result *results, int deadline_ms)
{
    static char names[MOST_OPS][LONG_NAME + 1];
    static struct footfall_store_op ops[MOST_OPS];
    struct footfall_store_call call;
    int rc = 0;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%0*zu", LONG_NAME, i);
        ops[i] = (struct footfall_store_op){ .kind = FOOTFALL_STORE_ADD, .name = names[i], .a = 1 };
        ops[i].name_bytes = LONG_NAME;
    }
    call = call_of(bad, deadline_ms);
    rc = apply_few(bad->store, ops, count, results, &call);
    if (boottime_ms() > call.deadline_ms + MARGIN_MS)
        fail_msg("a batch took %d ms longer than its deadline", (int)(boottime_ms() - call.deadline_ms));
    return rc;
}

char bad_letter(int status)
{
    switch (status) {
    case 0:
        return 'o';
    case 1:
        return '1';
    case FOOTFALL_STORE_BROKEN:
        return 'b';
    case FOOTFALL_STORE_TEMPORARY:
        return 't';
    case FOOTFALL_STORE_UNKNOWN:
        return 'u';
    case FOOTFALL_STORE_CONFIG:
        return 'c';
    default:
        return '?';
    }
}

/* ---- memory ----------------------------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEASURED = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { MEASURED = 0 };
#else
enum { MEASURED = 1 };
#endif
#else
enum { MEASURED = 1 };
#endif

static long most_before;

static long most_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kib = -1;
    if (file == NULL)
        support_die("/proc/self/status");
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    (void)fclose(file);
    return kib;
}

void bad_memory_begin(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) { /* "5" sets the mark back to what is held now; where that is forbidden the first cases alone tell */
        (void)!write(fd, "5", 1);
        (void)close(fd);
    }
    most_before = most_kib();
}

long bad_memory_grown(void)
{
    return MEASURED ? most_kib() - most_before : 0;
}
