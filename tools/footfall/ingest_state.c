/* ingest_state.c: the state file of a resumable run: one run at a time, written to a file beside it, forced to disk and
 * renamed, so that after a crash it is the old or the new one. What stands in it is ingest_record.c's. */
#include "ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "replace.h"

#define KEPT_MS (INT64_C(7) * 24 * 3600 * 1000) /* a day less than the store keeps the series */
#define STATE_BYTES ((size_t)256 << 20)         /* larger is no state */

static int refuse(const struct footfall_ingest_state *state, const char *why)
{
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s %s", state->path, why);
}

static int64_t now_ms(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Opens and locks what stands under the name now. A save of another run may put a new file there between the two steps;
 * that one is locked before it gets the name. 1: there is none; 0; or an exit status after a message. */
static int open_locked(struct footfall_ingest_state *state)
{
    for (;;) {
        struct stat mine, named;
        state->fd = open(state->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (state->fd < 0 && errno == ENOENT)
            return -1;
        if (state->fd < 0 || fstat(state->fd, &mine) != 0)
            return refuse(state, strerror(errno));
        if (!S_ISREG(mine.st_mode))
            return refuse(state, "is no regular file");
        if (flock(state->fd, LOCK_EX | LOCK_NB) != 0)
            return refuse(state, errno == EWOULDBLOCK ? "is in use by another run" : strerror(errno));
        if (stat(state->path, &named) == 0 && named.st_dev == mine.st_dev && named.st_ino == mine.st_ino)
            return 0;
        close(state->fd);
    }
}

static int check_age(const struct footfall_ingest_state *state, int64_t written_ms)
{
    struct stat file;
    int64_t modified_ms = 0;
    if (fstat(state->fd, &file) != 0)
        return refuse(state, strerror(errno));
    modified_ms = (int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000;
    if (now_ms() - (modified_ms < written_ms ? modified_ms : written_ms) <= KEPT_MS)
        return 0;
    return refuse(state, "is older than 7 days: what was under way may be forgotten by the store. Begin a new state "
                         "file with logs that are not counted yet");
}

int footfall__ingest_state_open(struct footfall_ingest_state *state, const char *path, const char *backend,
                                const struct footfall_ingest_rules *rules)
{
    json_error_t error;
    json_t *record = NULL;
    struct stat file;
    const char *reason = NULL;
    int64_t written_ms = 0;
    int exit = 0;
    memset(state, 0, sizeof *state);
    state->path = path;
    state->backend = backend;
    exit = open_locked(state);
    if (exit < 0) {
        if (getrandom(state->series, sizeof state->series, 0) != (ssize_t)sizeof state->series)
            return footfall__cli_complain(FOOTFALL_CLI_FAILED, "no random bytes: %s", strerror(errno));
        return 0;
    }
    if (exit != 0)
        return exit;
    if (fstat(state->fd, &file) == 0 && (uint64_t)file.st_size <= STATE_BYTES)
        record = json_loadfd(state->fd, JSON_REJECT_DUPLICATES, &error);
    reason = record == NULL ? "is damaged" : footfall__ingest_record_read(state, rules, record, &written_ms);
    json_decref(record);
    if (reason != NULL)
        return refuse(state, reason);
    state->written = (struct timespec){ (time_t)(written_ms / 1000), (long)(written_ms % 1000) * 1000000 };
    return check_age(state, written_ms);
}

void footfall__ingest_state_free(struct footfall_ingest_state *state)
{
    for (size_t i = 0; i < state->entry_count; i++)
        free(state->entries[i].name);
    free(state->entries);
    if (state->fd > STDERR_FILENO)
        close(state->fd);
    memset(state, 0, sizeof *state);
    state->fd = -1;
}

size_t footfall__ingest_state_add(struct footfall_ingest_state *state, const char *name)
{
    struct footfall_ingest_entry *grown = realloc(state->entries, (state->entry_count + 1) * sizeof *grown);
    struct footfall_ingest_entry *entry = NULL;
    if (grown == NULL)
        return SIZE_MAX;
    state->entries = grown;
    entry = &grown[state->entry_count];
    memset(entry, 0, sizeof *entry);
    if ((entry->name = footfall__ingest_utf8(name)) == NULL)
        return SIZE_MAX;
    return state->entry_count++;
}

void footfall__ingest_state_forget(struct footfall_ingest_state *state, size_t entry)
{
    free(state->entries[entry].name);
    state->entry_count--;
    memmove(&state->entries[entry], &state->entries[entry + 1],
            (state->entry_count - entry) * sizeof state->entries[0]);
    if (state->doubt.there && state->doubt.entry > entry)
        state->doubt.entry--;
}

/* ---- saving ----------------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return -1;
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A new file beside the state, locked, with that text in it, on disk. Its descriptor, or -1 with errno. */
static int write_beside(char *name, size_t name_bytes, const struct footfall_ingest_state *state, const char *text)
{
    int fd = -1, failed = 0;
    /* Who holds the lock of the state has this name for himself; the first save of all has no lock yet. */
    int length = snprintf(name, name_bytes, state->fd > STDERR_FILENO ? "%s.new" : "%s.XXXXXX", state->path);
    if (length < 0 || (size_t)length >= name_bytes) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (state->fd > STDERR_FILENO)
        fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    else
        fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fchmod(fd, 0600) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || write_all(fd, text, strlen(text)) != 0 ||
             fsync(fd) != 0;
    if (failed) {
        int reason = errno;
        unlink(name);
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

/* The first save must not replace the state of a run that began at the same time. */
static int put_in_place(const struct footfall_ingest_state *state, const char *name)
{
    int failed = 0, reason = 0;
    if (state->fd > STDERR_FILENO)
        return rename(name, state->path);
    failed = link(name, state->path) != 0;
    reason = errno;
    unlink(name);
    errno = reason;
    return failed ? -1 : 0;
}

/* The file was removed, and another run has begun with one of that name? */
static int is_anothers(const struct footfall_ingest_state *state)
{
    struct stat mine, named;
    if (state->fd <= STDERR_FILENO || fstat(state->fd, &mine) != 0 || stat(state->path, &named) != 0 ||
        (mine.st_dev == named.st_dev && mine.st_ino == named.st_ino))
        return 0;
    errno = EEXIST;
    return 1;
}

int footfall__ingest_state_save(struct footfall_ingest_state *state, const struct footfall_ingest_rules *rules)
{
    json_t *record = footfall__ingest_record_make(state, rules, now_ms());
    char *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
    char name[PATH_MAX];
    int fd = -1, exit = 0;
    json_decref(record);
    if (text == NULL)
        return footfall__cli_complain(FOOTFALL_CLI_FAILED, "--resume: out of memory");
    if (!is_anothers(state))
        fd = write_beside(name, sizeof name, state, text);
    if (fd < 0 || put_in_place(state, name) != 0 || footfall__cli_sync_folder(state->path) != 0) {
        exit = footfall__cli_complain(FOOTFALL_CLI_FAILED, "--resume: cannot write %s: %s", state->path,
                                      errno == EEXIST ? "another run has begun with it" : strerror(errno));
        if (fd >= 0)
            close(fd);
    } else {
        if (state->fd > STDERR_FILENO)
            close(state->fd);
        state->fd = fd;
    }
    free(text);
    return exit;
}

/* ---- files known again ------------------------------------------------------------------------------------------------ */

const struct footfall_ingest_place *footfall__ingest_state_reached(const struct footfall_ingest_state *state,
                                                                   size_t entry)
{
    return state->doubt.there && state->doubt.entry == entry ? &state->doubt.last : &state->entries[entry].done;
}

int footfall__ingest_was_read_from(const struct footfall_ingest_entry *entry, dev_t device, ino_t inode)
{
    return entry->inode != 0 && entry->inode == inode && entry->device == device;
}

static int is_file_of(const struct footfall_ingest_entry *entry, const struct footfall_ingest_file *file)
{
    return footfall__ingest_was_read_from(entry, file->device, file->inode);
}

/* same[entry]: does that entry's place stand in the file? Notes which file it is that was compared. */
static int compare_file(unsigned char *same, const struct footfall_ingest_state *state,
                        struct footfall_ingest_file *file)
{
    struct footfall_ingest_beginning beginning;
    char wrong[128];
    struct stat now;
    int found = 0, fd = footfall__ingest_open(file);
    if (fd < 0)
        return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: %s", file->name, strerror(errno));
    if (fstat(fd, &now) == 0) {
        file->device = now.st_dev;
        file->inode = now.st_ino;
    }
    footfall__ingest_look_at_beginning(&beginning, fd);
    for (size_t e = 0; e < state->entry_count; e++) {
        const struct footfall_ingest_place *place = footfall__ingest_state_reached(state, e);
        int is =
            footfall__ingest_may_be_at(&beginning, place) ? footfall__ingest_is_at(fd, place, wrong, sizeof wrong) : 0;
        if (is < 0) {
            footfall__cli_complain(0, "%s: %s", file->name, wrong);
            close(fd);
            return FOOTFALL_CLI_USAGE;
        }
        same[e] = is == 1;
        found |= same[e];
    }
    for (size_t e = 0; !found && e < state->entry_count; e++) /* one that was empty */
        same[e] = footfall__ingest_state_reached(state, e)->offset == 0 && is_file_of(&state->entries[e], file);
    close(fd);
    return 0;
}

enum sameness { SAME_FILE, SAME_NAME, SAME_BYTES };

/* The entry that goes furthest of those which match and nobody has. */
static void assign(const struct footfall_ingest_state *state, struct footfall_ingest_file *file,
                   const unsigned char *same, unsigned char *taken, enum sameness by)
{
    char *name = footfall__ingest_utf8(file->name);
    for (size_t e = 0; name != NULL && e < state->entry_count; e++) {
        const struct footfall_ingest_entry *entry = &state->entries[e];
        if (!same[e] || taken[e] || (by == SAME_FILE && !is_file_of(entry, file)) ||
            (by == SAME_NAME && strcmp(name, entry->name) != 0))
            continue;
        if (by != SAME_FILE && strcmp(name, entry->name) == 0 &&
            footfall__ingest_was_renamed(file, entry, footfall__ingest_state_reached(state, e)))
            continue;
        if (file->entry == SIZE_MAX || footfall__ingest_state_reached(state, e)->offset >
                                           footfall__ingest_state_reached(state, file->entry)->offset)
            file->entry = e;
    }
    if (file->entry != SIZE_MAX)
        taken[file->entry] = 1;
    free(name);
}

/* The log has another name now, and a new one, which begins with the same lines, has its old name. */
static int is_new(const struct footfall_ingest_file *file, const struct footfall_ingest_file *other,
                  const struct footfall_ingest_entry *entry)
{
    char *name = footfall__ingest_utf8(file->name);
    int new = name != NULL &&is_file_of(entry, other) && !is_file_of(entry, file) && strcmp(name, entry->name) == 0;
    free(name);
    return new;
}

static int check_copies(const struct footfall_ingest_state *state, const struct footfall_ingest_file *files,
                        size_t count, const unsigned char *same)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; files[i].entry == SIZE_MAX && j < count; j++)
            if (files[j].entry != SIZE_MAX && same[i * state->entry_count + files[j].entry] &&
                !is_new(&files[i], &files[j], &state->entries[files[j].entry]))
                return footfall__cli_complain(
                    FOOTFALL_CLI_USAGE, "--resume: %s is a copy of %s, which is counted already; give one of them",
                    files[i].name, files[j].name);
    return 0;
}

int footfall__ingest_state_check_doubt(const struct footfall_ingest_state *state,
                                       const struct footfall_ingest_file *files, size_t count)
{
    if (!state->doubt.there)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (files[i].entry == state->doubt.entry)
            return 0;
    return footfall__cli_complain(
        FOOTFALL_CLI_USAGE,
        "--resume: the run before ended within %s, and that file is not among those given. If it "
        "was rotated, give it too, under its new name; otherwise lines would be lost",
        state->entries[state->doubt.entry].name);
}

int footfall__ingest_state_match(struct footfall_ingest_state *state, struct footfall_ingest_file *files, size_t count)
{
    size_t entries = state->entry_count;
    unsigned char *same = calloc(count * entries + 1, 1), *taken = calloc(entries + 1, 1);
    int exit = same == NULL || taken == NULL ? footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory") : 0;
    for (size_t i = 0; i < count; i++) {
        files[i].entry = SIZE_MAX;
        memset(&files[i].start, 0, sizeof files[i].start);
    }
    for (size_t i = 0; exit == 0 && i < count; i++)
        exit = compare_file(same + i * entries, state, &files[i]);
    for (int by = SAME_FILE; by <= SAME_BYTES; by++)
        for (size_t i = 0; exit == 0 && i < count; i++)
            if (files[i].entry == SIZE_MAX)
                assign(state, &files[i], same + i * entries, taken, (enum sameness)by);
    if (exit == 0)
        exit = check_copies(state, files, count, same);
    for (size_t i = 0; exit == 0 && i < count; i++)
        if (files[i].entry != SIZE_MAX)
            files[i].start = state->entries[files[i].entry].done;
    free(same);
    free(taken);
    return exit;
}
