/* ingest_follow.c: goes on with a log under its name, as `tail -F` does: as it grows, when another file gets the name, when it is
 * truncated. A log that was rotated away is watched for a while longer, because servers go on writing to it. Batches are made
 * by ingest_source.c, waiting is ingest_pipe.c's affair. */
#include "ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOGS FOOTFALL_INGEST_FOLLOWED
#define QUIET_MS 600000 /* since the last line of a log that was rotated away: then it is let go */

struct followed {
    int fd;
    size_t slot;         /* among the files, for messages and the state; */
    uint64_t generation; /* and which log it is of those that had the slot */
    struct footfall_ingest_place place;
    struct stat seen; /* as it was before it was read to its end */
    int read;         /* to its end */
    int64_t grew_ms;
    int copy; /* of what was truncated: nobody adds to it, and it may be compressed */
};

struct footfall_ingest_follow {
    struct followed logs[LOGS]; /* oldest first; the last one has the name */
    size_t count;
    uint64_t generations;
    int refused;      /* errno of another file that got the name and cannot be opened, said once */
    char missed[120]; /* a log that is not counted, to be said; "": none */
};

static int64_t now_ms(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct footfall_ingest_follow *footfall__ingest_follow_open(void)
{
    return calloc(1, sizeof(struct footfall_ingest_follow));
}

void footfall__ingest_follow_free(struct footfall_ingest_follow *follow)
{
    for (size_t i = 0; follow != NULL && i < follow->count; i++)
        close(follow->logs[i].fd);
    free(follow);
}

/* ---- the logs --------------------------------------------------------------------------------------------------------- */

static void let_go(struct footfall_ingest_follow *f, size_t at)
{
    close(f->logs[at].fd);
    f->count--;
    memmove(&f->logs[at], &f->logs[at + 1], (f->count - at) * sizeof f->logs[0]);
}

static int is_taken(const struct footfall_ingest_follow *f, size_t slot)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->logs[i].slot == slot)
            return 1;
    return 0;
}

/* Takes fd over. Of too many the oldest goes. */
static void add(struct footfall_ingest_source *s, int fd, const struct footfall_ingest_place *place)
{
    struct footfall_ingest_follow *f = s->follow;
    struct followed *log = NULL;
    size_t slot = s->file_count;
    if (f->count == LOGS)
        let_go(f, 0);
    while (is_taken(f, slot))
        slot++;
    log = &f->logs[f->count];
    memset(log, 0, sizeof *log);
    log->fd = fd;
    log->slot = slot;
    log->generation = f->generations++;
    log->place = *place;
    log->grew_ms = now_ms();
    f->count++;
}

static int is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A file that was written anew and put in the place of the old one, by an editor say, is the same log. */
static int is_rewritten(const struct followed *log, const struct stat *old, int fd)
{
    char wrong[128];
    /* While the old one is kept, as a backup, a short beginning proves too little. */
    uint64_t least = old->st_nlink == 0 ? 1 : FOOTFALL_INGEST_HEAD_BYTES;
    return log->place.offset >= least && footfall__ingest_is_at(fd, &log->place, wrong, sizeof wrong) == 1;
}

/* One of ours, or its copy, or nothing that can be read to the end yet, or that has no line? */
static int is_known(const struct footfall_ingest_follow *f, const struct footfall_ingest_sibling *sibling)
{
    struct footfall_ingest_beginning beginning;
    char wrong[128];
    int known = 0, fd = -1;
    for (size_t i = 0; i < f->count; i++) {
        struct stat log;
        if (fstat(f->logs[i].fd, &log) == 0 && log.st_dev == sibling->device && log.st_ino == sibling->inode)
            return 1;
    }
    fd = open(sibling->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return 1;
    footfall__ingest_look_at_beginning(&beginning, fd);
    known = beginning.bytes == 0;
    for (size_t i = 0; !known && i < f->count; i++)
        known = f->logs[i].place.offset > 0 && footfall__ingest_is_at(fd, &f->logs[i].place, wrong, sizeof wrong) != 0;
    close(fd);
    return known;
}

/* Logs that had the name after that one and before the one that has it now are not guessed at, and not kept quiet about. */
static void note_missed(struct footfall_ingest_source *s, const struct stat *old)
{
    const char *name = s->files[s->file_count].name;
    struct footfall_ingest_follow *f = s->follow;
    struct footfall_ingest_siblings siblings;
    if (footfall__ingest_siblings_open(&siblings, name) != 0)
        return;
    for (size_t i = 0; i < siblings.count && footfall__ingest_is_later(&siblings.files[i], &old->st_mtim); i++)
        if (footfall__ingest_is_numbered(&siblings.files[i], name) && !is_known(f, &siblings.files[i]))
            snprintf(f->missed, sizeof f->missed, "%s", siblings.files[i].name);
    footfall__ingest_siblings_free(&siblings);
}

/* Has another file got the name? batch NULL: what is wrong with it is told another time. */
static void look_at_name(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    static const struct footfall_ingest_place beginning;
    const struct footfall_ingest_file *file = &s->files[s->file_count];
    struct footfall_ingest_follow *f = s->follow;
    struct followed *log = &f->logs[f->count - 1];
    struct stat named, old, opened;
    int fd = -1;
    if (stat(file->name, &named) != 0 || !S_ISREG(named.st_mode) || fstat(log->fd, &old) != 0 ||
        is_same_file(&named, &old))
        return;
    fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &opened) != 0) {
        if (batch != NULL && errno != ENOENT && f->refused != errno)
            footfall__ingest_tell_news(batch, s->file_count,
                                       "is another file now that cannot be opened: ", strerror(errno));
        if (batch != NULL)
            f->refused = errno;
        if (fd >= 0)
            close(fd);
        return;
    }
    f->refused = 0;
    if (!is_same_file(&opened, &named)) {
        close(fd); /* and another one: the next look will see */
    } else if (is_rewritten(log, &old, fd)) {
        close(log->fd);
        log->fd = fd;
        log->read = 0;
    } else {
        add(s, fd, &beginning);
        note_missed(s, &old);
    }
}

/* The bytes before the place are gone. A copy of them, with what came after, is read first where there is one. */
static void begin_again(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    static const struct footfall_ingest_place beginning;
    struct footfall_ingest_follow *f = s->follow;
    struct followed *log = &f->logs[f->count - 1];
    int fd = log->fd;
    log->fd = footfall__ingest_find_copy(s->files[s->file_count].name, &log->place);
    if (log->fd >= 0) {
        log->copy = 1;
        log->read = 0;
    } else {
        footfall__ingest_tell_news(batch, s->file_count, "was truncated, and is counted from its beginning", "");
        f->count--;
    }
    add(s, fd, &beginning);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

/* Is there anything that was not read? Notes how the file is now. */
static int has_more(struct followed *log, int *shorter)
{
    struct stat before = log->seen;
    *shorter = 0;
    if (fstat(log->fd, &log->seen) != 0)
        return 0;
    *shorter = !log->copy && (uint64_t)log->seen.st_size < log->place.offset;
    return !log->read || before.st_size != log->seen.st_size || before.st_mtim.tv_sec != log->seen.st_mtim.tv_sec ||
           before.st_mtim.tv_nsec != log->seen.st_mtim.tv_nsec;
}

/* 0, or -1: it is not the log any more in which the place was reached. batch->last says how far it got, if at all. */
static int read_log(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, struct followed *log,
                    size_t most, int last_time)
{
    uint64_t offset = log->place.offset;
    int gone = 0;
    s->file = log->slot;
    s->lines = log->place.lines;
    s->inside_line = log->place.inside_line;
    s->waits = !last_time;
    batch->reached = (struct footfall_ingest_where){ s->file, s->lines };
    batch->generation = log->generation;
    gone = lseek(log->fd, 0, SEEK_SET) < 0 ||
           footfall__ingest_begin(&s->reader, log->fd, &log->place, UINT64_MAX, !log->copy) != 0;
    if (!gone) {
        log->read = footfall__ingest_fill_from_reader(s, batch, most);
        log->place = batch->last;
        s->consumed += footfall__ingest_consumed(&s->reader);
    } else if (errno != ESTALE) {
        footfall__ingest_give_up(s, batch);
        gone = 0;
    }
    batch->next = (struct footfall_ingest_where){ s->file, s->lines + 1 };
    footfall__ingest_release(&s->reader);
    if (log->place.offset == offset)
        memset(&batch->last, 0, sizeof batch->last);
    else
        log->grew_ms = now_ms();
    return gone ? -1 : 0;
}

int footfall__ingest_has_something(const struct footfall_ingest_batch *batch)
{
    return batch->last.offset != 0 || batch->end != FOOTFALL_INGEST_MORE || batch->news[0] != '\0';
}

/* One that was rotated away, or a copy. 1: it was let go. */
static int read_old(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, size_t at, size_t most)
{
    struct followed *log = &s->follow->logs[at];
    int expired = log->copy || now_ms() - log->grew_ms > QUIET_MS, shorter = 0, gone = 0;
    if (!has_more(log, &shorter) && !expired)
        return 0;
    gone = shorter || read_log(s, batch, log, most, expired) != 0;
    if (!gone && !(expired && log->read))
        return 0;
    let_go(s->follow, at);
    return 1;
}

static void read_current(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, size_t most)
{
    struct followed *log = &s->follow->logs[s->follow->count - 1];
    int shorter = 0;
    if (has_more(log, &shorter) && (shorter || read_log(s, batch, log, most, 0) != 0))
        begin_again(s, batch);
    else
        batch->idle = log->read;
}

/* 0, or -1 with errno. */
static int begin(struct footfall_ingest_source *s)
{
    struct footfall_ingest_file *file = &s->files[s->file_count];
    int fd = footfall__ingest_open(file);
    if (fd < 0)
        return -1;
    if (file->fd >= 0)
        close(file->fd); /* a log that is rotated away and deleted must not keep its disk space */
    file->fd = -1;
    add(s, fd, &file->start);
    return 0;
}

void footfall__ingest_follow_watch(struct footfall_ingest_source *source)
{
    struct footfall_ingest_source *s = source;
    if ((s->follow->count > 0 || begin(s) == 0) && s->follow->count < LOGS)
        look_at_name(s, NULL);
}

void footfall__ingest_follow_fill(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch,
                                  size_t most)
{
    struct footfall_ingest_source *s = source;
    struct footfall_ingest_follow *f = s->follow;
    if (f->count == 0 && begin(s) != 0) {
        batch->reached = (struct footfall_ingest_where){ s->file_count, 0 };
        footfall__ingest_give_up(s, batch);
        return;
    }
    if (f->count < LOGS || f->logs[0].read) /* none is let go that was not read to its end */
        look_at_name(s, batch);
    if (f->missed[0] != '\0')
        footfall__ingest_tell_news(batch, s->file_count,
                                   "was rotated again before it was looked at; not counted: ", f->missed);
    f->missed[0] = '\0';
    for (size_t at = 0; at + 1 < f->count && !footfall__ingest_has_something(batch);)
        at += read_old(s, batch, at, most) ? 0 : 1;
    if (!footfall__ingest_has_something(batch))
        read_current(s, batch, most);
    batch->consumed = s->consumed;
}
