/* ingest_rotated.c: finds what became of a log that was rotated: a file beside it whose name begins with the log's. One in which
 * a run before had not come to the end is read first. */
#include "ingest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "log.1" and "log-20260301.gz" of "log". */
static int is_beside(const char *base, const char *name)
{
    size_t length = strlen(base);
    return strncmp(name, base, length) == 0 && (name[length] == '.' || name[length] == '-') && name[length + 1] != '\0';
}

static int compare(const void *a, const void *b)
{
    const struct footfall_ingest_sibling *x = a, *y = b;
    int order = (y->modified.tv_sec > x->modified.tv_sec) - (y->modified.tv_sec < x->modified.tv_sec);
    if (order == 0)
        order = (y->modified.tv_nsec > x->modified.tv_nsec) - (y->modified.tv_nsec < x->modified.tv_nsec);
    return order != 0 ? order : strcmp(x->name, y->name); /* before it is compressed, then after */
}

static int add(struct footfall_ingest_siblings *siblings, const char *path)
{
    struct footfall_ingest_sibling *grown = NULL;
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size == 0)
        return 0;
    grown = realloc(siblings->files, (siblings->count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    siblings->files = grown;
    grown += siblings->count;
    *grown = (struct footfall_ingest_sibling){ strdup(path), file.st_dev, file.st_ino, file.st_mtim, SIZE_MAX, 0 };
    if (grown->name == NULL)
        return -1;
    siblings->count++;
    return 0;
}

int footfall__ingest_siblings_open(struct footfall_ingest_siblings *siblings, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    int folder_bytes = (int)(base - name), failed = 0;
    char path[PATH_MAX];
    DIR *folder = NULL;
    memset(siblings, 0, sizeof *siblings);
    if (strlen(name) >= sizeof path)
        return 0;
    snprintf(path, sizeof path, "%.*s", folder_bytes, name);
    folder = opendir(folder_bytes > 0 ? path : ".");
    for (struct dirent *entry = NULL; folder != NULL && !failed && (entry = readdir(folder)) != NULL;)
        if (is_beside(base, entry->d_name) &&
            snprintf(path, sizeof path, "%.*s%s", folder_bytes, name, entry->d_name) < (int)sizeof path)
            failed = add(siblings, path) != 0;
    if (folder != NULL)
        closedir(folder);
    if (failed) {
        footfall__ingest_siblings_free(siblings);
        return -1;
    }
    if (siblings->count > 0)
        qsort(siblings->files, siblings->count, sizeof siblings->files[0], compare);
    return 0;
}

void footfall__ingest_siblings_free(struct footfall_ingest_siblings *siblings)
{
    for (size_t i = 0; i < siblings->count; i++)
        free(siblings->files[i].name);
    free(siblings->files);
    memset(siblings, 0, sizeof *siblings);
}

int footfall__ingest_is_later(const struct footfall_ingest_sibling *sibling, const struct timespec *than)
{
    const struct timespec *at = &sibling->modified;
    return at->tv_sec != than->tv_sec ? at->tv_sec > than->tv_sec : at->tv_nsec > than->tv_nsec;
}

int footfall__ingest_is_numbered(const struct footfall_ingest_sibling *sibling, const char *name)
{
    return isdigit((unsigned char)sibling->name[strlen(name) + 1]) != 0;
}

int footfall__ingest_was_renamed(const struct footfall_ingest_file *file, const struct footfall_ingest_entry *entry,
                                 const struct footfall_ingest_place *reached)
{
    struct footfall_ingest_siblings siblings;
    char wrong[128];
    int renamed = 0;
    if (entry->inode == 0 || footfall__ingest_was_read_from(entry, file->device, file->inode) ||
        footfall__ingest_siblings_open(&siblings, file->name) != 0)
        return 0;
    for (size_t i = 0; !renamed && i < siblings.count; i++) {
        const struct footfall_ingest_sibling *sibling = &siblings.files[i];
        int fd = -1;
        if (!footfall__ingest_was_read_from(entry, sibling->device, sibling->inode))
            continue;
        fd = open(sibling->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        renamed = fd >= 0 && footfall__ingest_is_at(fd, reached, wrong, sizeof wrong) == 1;
        if (fd >= 0)
            close(fd);
    }
    footfall__ingest_siblings_free(&siblings);
    return renamed;
}

int footfall__ingest_find_copy(const char *name, const struct footfall_ingest_place *place)
{
    struct footfall_ingest_siblings siblings;
    uint64_t bytes = 0;
    struct footfall_ingest_file file;
    char wrong[128];
    int found = -1;
    if (place->offset == 0 || footfall__ingest_siblings_open(&siblings, name) != 0)
        return -1;
    for (size_t i = 0; found < 0 && i < siblings.count; i++) {
        found = open(siblings.files[i].name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (found >= 0 && (footfall__ingest_is_at(found, place, wrong, sizeof wrong) != 1 ||
                           footfall__ingest_log_bytes(found, &bytes, &file) != 0)) {
            close(found);
            found = -1;
        }
    }
    footfall__ingest_siblings_free(&siblings);
    return found;
}

/* ---- what a run before left unread ------------------------------------------------------------------------------------ */

#define LEFT_ALONE_S 3600 /* after so long nobody writes to a log any more that was rotated away */

/* Is something to be found: an entry under that name whose log is none of the files? */
static int is_missing(const struct footfall_ingest_run *run, size_t entry, const char *name)
{
    const struct footfall_ingest_entry *e = &run->state.entries[entry];
    if (e->closed || (footfall__ingest_state_reached(&run->state, entry)->offset == 0 && e->inode == 0) ||
        strcmp(e->name, name) != 0)
        return 0;
    for (size_t i = 0; i < run->file_count; i++)
        if (run->files[i].entry == entry)
            return 0;
    return 1;
}

#define CLOCK_S 2 /* by which the time of a file may be behind */

/* The entry of the log that this file was when the run before found it empty. SIZE_MAX: none. */
static size_t find_empty(const struct footfall_ingest_run *run, const struct footfall_ingest_sibling *sibling,
                         const char *name)
{
    for (size_t e = 0; e < run->state.entry_count; e++)
        if (is_missing(run, e, name) && footfall__ingest_state_reached(&run->state, e)->offset == 0 &&
            footfall__ingest_was_read_from(&run->state.entries[e], sibling->device, sibling->inode) &&
            sibling->modified.tv_sec + CLOCK_S >= run->state.written.tv_sec)
            return e;
    return SIZE_MAX;
}

/* The entry of the state that goes furthest of those whose place stands in the file: SIZE_MAX: none. -1: it is damaged or
 * empty. A compressed one in which nothing is looked for is known by its beginning, and not decompressed in each run. */
static int find_entry(const struct footfall_ingest_run *run, int fd, const struct footfall_ingest_sibling *sibling,
                      const char *name, size_t *found)
{
    const struct footfall_ingest_state *state = &run->state;
    struct footfall_ingest_beginning beginning;
    uint64_t furthest = 0;
    int wanted = 0;
    char wrong[128];
    *found = SIZE_MAX;
    footfall__ingest_look_at_beginning(&beginning, fd);
    if (beginning.cut || beginning.bytes == 0)
        return -1;
    for (size_t e = 0; e < state->entry_count && !wanted; e++)
        wanted = is_missing(run, e, name) &&
                 footfall__ingest_may_be_at(&beginning, footfall__ingest_state_reached(state, e));
    for (size_t e = 0; e < state->entry_count; e++) {
        const struct footfall_ingest_place *place = footfall__ingest_state_reached(state, e);
        int is = 1;
        int mine = footfall__ingest_was_read_from(&state->entries[e], sibling->device, sibling->inode);
        if ((place->offset <= furthest && !mine) || !footfall__ingest_may_be_at(&beginning, place))
            continue;
        if (wanted || !beginning.compressed)
            is = footfall__ingest_is_at(fd, place, wrong, sizeof wrong);
        if (is < 0)
            return -1;
        if (is == 1) {
            *found = e;
            furthest = place->offset;
        }
        if (is == 1 && mine)
            break;
    }
    if (*found == SIZE_MAX && !beginning.compressed)
        *found = find_empty(run, sibling, name);
    return 0;
}

/* One of the files, or the state? */
static int is_ours(const struct footfall_ingest_run *run, const struct footfall_ingest_sibling *sibling)
{
    struct stat state;
    if (stat(run->state_path, &state) == 0 && state.st_dev == sibling->device && state.st_ino == sibling->inode)
        return 1;
    for (size_t i = 0; i < run->file_count; i++)
        if (run->files[i].device == sibling->device && run->files[i].inode == sibling->inode)
            return 1;
    return 0;
}

/* Among the files, before the one of that index. 0, or -1: no memory. */
static int put_before(struct footfall_ingest_run *run, size_t at, const struct footfall_ingest_file *file)
{
    struct footfall_ingest_file *grown = realloc(run->files, (run->file_count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    run->report.files = run->files = grown;
    memmove(&grown[at + 1], &grown[at], (run->file_count - at) * sizeof *grown);
    grown[at] = *file;
    run->file_count++;
    return 0;
}

/* The sibling is that entry's log: its rest is read, if there is any, and fd is taken over then. 0, or -1: no memory. */
static int take(struct footfall_ingest_run *run, size_t at, struct footfall_ingest_sibling *sibling, size_t entry,
                int *fd)
{
    struct footfall_ingest_entry *e = &run->state.entries[entry];
    struct footfall_ingest_file file = { .name = sibling->name,
                                         .own_name = sibling->name,
                                         .fd = *fd,
                                         .device = sibling->device,
                                         .inode = sibling->inode,
                                         .regular = 1,
                                         .start = e->done,
                                         .entry = entry };
    struct timespec now = { 0, 0 };
    uint64_t bytes = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    if (footfall__ingest_log_bytes(*fd, &bytes, &file) != 0)
        return 0;
    file.left_alone = file.compressed || now.tv_sec - sibling->modified.tv_sec > LEFT_ALONE_S;
    sibling->entry = entry;
    if (bytes <= e->done.offset && !(run->state.doubt.there && run->state.doubt.entry == entry)) {
        e->closed = file.left_alone;
        return 0;
    }
    if (put_before(run, at, &file) != 0)
        return -1;
    sibling->name = NULL;
    *fd = -1;
    return 0;
}

/* 0, or -1: no memory. */
static int try(struct footfall_ingest_run *run, size_t at, const char *name, struct footfall_ingest_siblings *siblings,
               size_t which)
{
    struct footfall_ingest_sibling *sibling = &siblings->files[which];
    size_t entry = SIZE_MAX;
    int failed = 0, found = 0, fd = -1;
    sibling->entry = SIZE_MAX;
    if (is_ours(run, sibling) || (fd = open(sibling->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0)
        return 0;
    if (find_entry(run, fd, sibling, name, &entry) == 0) {
        sibling->unknown = entry == SIZE_MAX;
        for (size_t i = 0; i < which; i++)
            found |= siblings->files[i].entry == entry;
        if (entry != SIZE_MAX && !found && is_missing(run, entry, name))
            failed = take(run, at, sibling, entry, &fd);
    }
    if (fd >= 0)
        close(fd);
    return failed;
}

/* A log that came between the one that was found, or that was still empty, and the one that was given is not guessed at, and
 * not kept quiet about. */
static void tell_unknown(const struct footfall_ingest_siblings *siblings, const char *name, size_t later)
{
    size_t oldest = siblings->count;
    while (oldest > later && siblings->files[oldest - 1].entry == SIZE_MAX)
        oldest--;
    for (size_t i = 0; i < oldest; i++) {
        const struct footfall_ingest_sibling *sibling = &siblings->files[i];
        if (sibling->unknown && footfall__ingest_is_numbered(sibling, name))
            footfall__cli_complain(0, "%s: no run has read it, and it is not counted; if it was %s, give it too",
                                   sibling->name, name);
    }
}

static int is_any_missing(const struct footfall_ingest_run *run, const char *name)
{
    for (size_t e = 0; e < run->state.entry_count; e++)
        if (is_missing(run, e, name))
            return 1;
    return 0;
}

/* For the file of that index, which is further on when it returns. 0, or -1: no memory. */
static int add_rest(struct footfall_ingest_run *run, size_t *at, const char *text)
{
    struct footfall_ingest_siblings siblings;
    const char *name = run->files[*at].name;
    size_t before = run->file_count, later = 0, count = 0;
    int failed = footfall__ingest_siblings_open(&siblings, name) != 0;
    while (later < siblings.count && footfall__ingest_is_later(&siblings.files[later], &run->state.written))
        later++;
    count = is_any_missing(run, text) ? siblings.count : later;
    for (size_t i = 0; !failed && i < count; i++) /* the latest first, so that each goes before it */
        failed = try(run, *at, text, &siblings, i) != 0;
    for (; before < run->file_count; before++, ++*at)
        footfall__cli_complain(0, "%s: was %s; its rest is counted first", run->files[*at].name, name);
    if (!failed)
        tell_unknown(&siblings, name, later);
    footfall__ingest_siblings_free(&siblings);
    return failed ? -1 : 0;
}

/* What was empty and is nowhere any more need not be looked for again. */
static void forget_empty(struct footfall_ingest_run *run)
{
    for (size_t e = run->state.entry_count; e-- > 0;) {
        int is_there = 0;
        for (size_t i = 0; i < run->file_count; i++)
            is_there |= run->files[i].entry == e;
        if (!is_there && footfall__ingest_state_reached(&run->state, e)->offset == 0)
            footfall__ingest_forget_entry(run, e);
    }
}

int footfall__ingest_add_rotated(struct footfall_ingest_run *run)
{
    int failed = 0;
    for (size_t at = 0; !failed && run->state.written.tv_sec > 0 && at < run->file_count; at++) {
        char *text = footfall__ingest_utf8(run->files[at].name);
        failed = text == NULL || add_rest(run, &at, text) != 0;
        free(text);
    }
    forget_empty(run);
    return failed ? footfall__cli_complain(FOOTFALL_CLI_FAILED, "out of memory") : 0;
}
