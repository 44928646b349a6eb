/* open.c: a handle's beginning and end: configuration, lanes, secret, first look at the epoch key (engine.h). */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"
#include "clock.h"
#include "config.h"
#include "engine.h"
#include "error.h"
#include "footfall_admin.h"
#include "random.h"
#include "retry.h"
#include "secret.h"

enum { TEXT_BYTES = 200, PATH_BYTES = 4096, CLOSE_STEP_US = 500 };

static int64_t system_clock(void *user)
{
    (void)user;
    return footfall__wall_ms();
}

/* ---- open ------------------------------------------------------------------------------------------------------------- */

static int store_failed(const struct footfall *ff, int rc, const struct footfall_store_call *call,
                        struct footfall_error *err)
{
    if (rc == FOOTFALL_STORE_ABSENT) /* a finding, no failure */
        return footfall__fail(err, rc, 0, "%s", call->text);
    return footfall__fail(err, rc, call->native, "%s: %s", ff->backend.name, call->text);
}

/* The setting `lanes` of the backend's own section, or its default. */
static int count_lanes(struct footfall *ff, const struct footfall_config *config, struct footfall_error *err)
{
    char key[64];
    int64_t lanes = ff->backend.lanes_default;
    int rc = FOOTFALL_OK;
    footfall__format(key, sizeof key, "%s.lanes", ff->backend.name);
    if (footfall_config_get(config, key) != NULL)
        rc = footfall_config_integer(&lanes, config, key, 1, ff->backend.lanes_max, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (ff->alone)
        lanes = 1;
    ff->lanes = footfall__calloc((size_t)lanes, sizeof *ff->lanes);
    if (ff->lanes == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for %" PRId64 " lanes", lanes);
    ff->lane_count = (uint32_t)lanes;
    return FOOTFALL_OK;
}

static int64_t attempt_deadline(int64_t deadline_ms)
{
    int64_t until = footfall__boottime_ms() + FOOTFALL__ATTEMPT_MS;
    return until < deadline_ms ? until : deadline_ms;
}

static int open_store(struct footfall *ff, uint32_t number, const struct footfall_store_setting *settings, size_t count,
                      int64_t deadline_ms, struct footfall_error *err)
{
    struct footfall__lane *lane = &ff->lanes[number];
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    unsigned failures = 0;
    int rc = footfall__lane_init(lane, ff, number);
    if (rc != FOOTFALL_OK)
        return footfall__fail(err, rc, 0, "no memory for a lane");
    for (;;) {
        footfall__store_call_init(ff, &call, attempt_deadline(deadline_ms), text, sizeof text);
        call.only_look = ff->looks;
        rc = footfall__store_open(&lane->store, &ff->backend, settings, count, number, &call);
        if (rc != FOOTFALL_STORE_TEMPORARY || !footfall__retry_wait(failures++, &lane->random_state, deadline_ms))
            break;
    }
    return rc == 0 ? FOOTFALL_OK : store_failed(ff, rc, &call, err);
}

static void log_line(void *user, enum footfall_log_level level, const char *line)
{
    footfall__log(user, level, "%s", line);
}

/* The store's own secret, or one that lives as long as the handle. */
static int own_secret(struct footfall *ff, uint8_t **secret, size_t *bytes, int64_t deadline_ms,
                      struct footfall_error *err)
{
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    char path[PATH_BYTES];
    int has_visitors = 0;
    int rc;
    footfall__store_call_init(ff, &call, deadline_ms, text, sizeof text);
    rc = footfall__store_own_secret(&ff->lanes[0].store, path, sizeof path, &has_visitors, &call);
    ff->lacks_secret = rc == 0 && ff->looks && !has_visitors && access(path, F_OK) != 0;
    if (ff->lacks_secret)
        return FOOTFALL_OK;
    if (rc == 0)
        return footfall__secret_own(secret, bytes, path, has_visitors, log_line, ff, err);
    if (rc != FOOTFALL_STORE_UNSUPPORTED)
        return store_failed(ff, rc, &call, err);
    *bytes = FOOTFALL__SECRET_MIN_BYTES;
    *secret = footfall__malloc(*bytes);
    if (*secret == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for a secret");
    if (footfall__random_bytes(*secret, *bytes) != 0)
        return footfall__fail(err, FOOTFALL_BROKEN, 0, "the kernel gives no random bytes");
    return FOOTFALL_OK;
}

static int open_identity(struct footfall *ff, int64_t deadline_ms, struct footfall_error *err)
{
    uint8_t *secret = NULL;
    size_t bytes = 0;
    int rc;
    if (ff->settings.secret != NULL || ff->settings.secret_file != NULL)
        rc = footfall__secret_load(&secret, &bytes, &ff->settings, log_line, ff, err);
    else if (ff->caps & FOOTFALL_STORE_CAP_SHARED)
        rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "backend %s is shared: it needs secret_file (or secret)",
                            ff->backend.name);
    else
        rc = own_secret(ff, &secret, &bytes, deadline_ms, err);
    if (rc != FOOTFALL_OK || ff->looks) {
        footfall__secret_free(secret, bytes);
        return rc;
    }
    return footfall__identity_init(&ff->identity, secret, bytes, ff->settings.window_ms, err);
}

/* Looks for the key of now; only a store that cannot be reached is an error here. */
static int look_for_key(struct footfall *ff, int64_t deadline_ms, struct footfall_error *err)
{
    struct footfall_store_call call;
    char text[TEXT_BYTES];
    int64_t now = footfall__now(ff);
    int other_length = 0;
    unsigned failures = 0;
    int rc;
    if (now < 0)
        return FOOTFALL_OK;
    for (;;) {
        footfall__store_call_init(ff, &call, attempt_deadline(deadline_ms), text, sizeof text);
        rc = footfall__identity_fetch(&ff->identity, now, 0, &ff->lanes[0].store, &call, &other_length);
        if (rc != FOOTFALL_STORE_TEMPORARY ||
            !footfall__retry_wait(failures++, &ff->lanes[0].random_state, deadline_ms))
            break;
    }
    if (rc == FOOTFALL_STORE_TEMPORARY || rc == FOOTFALL_STORE_NO_MEMORY)
        return store_failed(ff, rc, &call, err);
    return FOOTFALL_OK;
}

static void destroy(struct footfall *ff, int inherited)
{
    for (uint32_t i = ff->lane_count; i-- > 0;)
        footfall__lane_destroy(&ff->lanes[i], inherited);
    footfall__free(ff->lanes);
    if (inherited && ff->identity.secret != NULL)
        pthread_mutex_init(&ff->identity.lock, NULL); /* a thread of the parent may have held it */
    footfall__identity_destroy(&ff->identity);
    if (ff->mine != NULL)
        (void)munmap((void *)(uintptr_t)ff->mine, (size_t)sysconf(_SC_PAGESIZE));
    footfall__free(ff);
}

static int open_all(struct footfall *ff, const struct footfall_config *config, struct footfall_error *err)
{
    struct footfall_store_setting *settings = NULL;
    size_t count = 0;
    const char *why = NULL;
    int64_t deadline_ms;
    int rc = footfall__config_settings(&ff->settings, config, err);
    if (rc != FOOTFALL_OK)
        return rc;
    if (footfall__backend_normalise(&ff->backend, ff->settings.backend, &why) != 0)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "backend: %s %s", footfall_config_get(config, "backend"), why);
    if (footfall__random_bytes(ff->hash_key, sizeof ff->hash_key) != 0)
        return footfall__fail(err, FOOTFALL_BROKEN, 0, "the kernel gives no random bytes");
    deadline_ms = footfall__boottime_ms() + ff->settings.deadline_ms;
    rc = count_lanes(ff, config, err);
    if (rc == FOOTFALL_OK)
        rc = footfall__config_section(&settings, &count, config, ff->settings.backend, err);
    for (uint32_t i = 0; i < ff->lane_count && rc == FOOTFALL_OK; i++)
        rc = open_store(ff, i, settings, count, deadline_ms, err);
    footfall__free(settings);
    if (rc != FOOTFALL_OK)
        return rc;
    ff->caps = ff->lanes[0].store.caps;
    atomic_store(&ff->next_drop_ms, ff->looks ? INT64_MAX : 0); /* who looks erases nothing */
    atomic_store(&ff->next_keys_ms, ff->looks ? INT64_MAX : footfall__boottime_ms() + FOOTFALL__KEYS_AGREE_MS);
    rc = open_identity(ff, deadline_ms, err);
    if (rc == FOOTFALL_OK && !ff->looks)
        rc = look_for_key(ff, deadline_ms, err);
    ff->settings.secret = ff->settings.secret_file = NULL;
    return rc;
}

/* A page that a fork's child finds empty: asking it is free, and asking the kernel for the pid is a system call a visit. */
static volatile int *fork_page(void)
{
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, bytes, MADV_WIPEONFORK) != 0) { /* before Linux 4.14, or under an emulator */
        (void)munmap(page, bytes);
        return NULL;
    }
    *(volatile int *)page = 1;
    return page;
}

static int open_handle(struct footfall **out, const struct footfall_config *config,
                       const struct footfall_options *options, int looks, struct footfall_error *err)
{
    struct footfall *ff;
    int rc;
    if (out == NULL || config == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "out or config is NULL");
    *out = NULL;
    if (options != NULL && options->size != sizeof *options)
        return footfall__fail(err, FOOTFALL_MISUSE, 0, "struct footfall_options has size %zu, not %zu", options->size,
                              sizeof *options);
    ff = footfall__calloc(1, sizeof *ff);
    if (ff == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "no memory for a handle");
    ff->pid = getpid();
    ff->mine = fork_page();
    ff->clock = system_clock;
    ff->looks = looks;
    if (options != NULL) {
        ff->log = options->log;
        ff->log_user = options->log_user;
        if (options->clock != NULL) {
            ff->clock = options->clock;
            ff->clock_user = options->clock_user;
        }
        ff->alone = options->alone;
    }
    rc = open_all(ff, config, err);
    if (rc != FOOTFALL_OK) {
        destroy(ff, 0);
        return rc;
    }
    *out = ff;
    footfall__fine(err);
    return FOOTFALL_OK;
}

int footfall_open_config(struct footfall **out, const struct footfall_config *config,
                         const struct footfall_options *options, struct footfall_error *err)
{
    return open_handle(out, config, options, 0, err);
}

int footfall__open_to_look(struct footfall **out, const struct footfall_config *config,
                           const struct footfall_options *options, struct footfall_error *err)
{
    return open_handle(out, config, options, 1, err);
}

int footfall_open(struct footfall **out, const struct footfall_options *options, struct footfall_error *err)
{
    struct footfall_config *config = NULL;
    int rc;
    if (out == NULL)
        return footfall__fail(err, FOOTFALL_INVALID, 0, "out is NULL");
    *out = NULL;
    rc = footfall_config_load(&config, options, NULL, 0, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_open_config(out, config, options, err);
    footfall_config_free(config);
    return rc;
}

/* ---- close ------------------------------------------------------------------------------------------------------------ */

static int still_open(struct footfall *ff)
{
    size_t open = atomic_load(&ff->active);
    for (uint32_t i = 0; i < ff->lane_count; i++) {
        pthread_mutex_lock(&ff->lanes[i].lock);
        open += ff->lanes[i].open_submissions;
        pthread_mutex_unlock(&ff->lanes[i].lock);
    }
    return open > 0;
}

/* Wakes everybody who waits in a lane, so that they see `closing`; with `stop` the workers end. */
static void shake(struct footfall *ff, int stop)
{
    for (uint32_t i = 0; i < ff->lane_count; i++) {
        struct footfall__lane *lane = &ff->lanes[i];
        footfall__lane_lock(lane);
        lane->stop = stop;
        lane->wake_all = (1U << FOOTFALL__BEDS) - 1;
        pthread_cond_broadcast(&lane->work);
        footfall__lane_unlock(lane);
    }
}

void footfall_close(struct footfall *ff)
{
    int64_t deadline_ms;
    if (ff == NULL)
        return;
    if (footfall__inherited(ff)) {
        destroy(ff, 1);
        return;
    }
    if (footfall__lane_telling(ff)) {
        footfall__log(ff, FOOTFALL_LOG_ERROR, "footfall_close was called from a completion: not closed");
        return;
    }
    atomic_store(&ff->closing, 1);
    deadline_ms = footfall__boottime_ms() + ff->settings.deadline_ms;
    while (still_open(ff) && footfall__boottime_ms() < deadline_ms)
        footfall__sleep_us(CLOSE_STEP_US);
    if (still_open(ff)) {
        atomic_store(&ff->closing, 2);
        shake(ff, 0);
    }
    while (still_open(ff)) /* an attempt inside the store is waited for */
        footfall__sleep_us(CLOSE_STEP_US);
    shake(ff, 1);
    for (uint32_t i = 0; i < ff->lane_count; i++)
        if (ff->lanes[i].has_worker)
            pthread_join(ff->lanes[i].worker, NULL);
    destroy(ff, 0);
}
