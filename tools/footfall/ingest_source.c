/* ingest_source.c: makes batches of the files in order. On which thread is ingest_pipe.c's affair. */
#include "ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- filling one batch ------------------------------------------------------------------------------------------------ */

static void hash_operations(struct footfall_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *name = batch->ops[i].name;
        uint64_t mixed = footfall__ingest_hash(name, strlen(name)) + (uint64_t)batch->visitors[i].now_ms;
        batch->names = (batch->names ^ mixed) * UINT64_C(0x9e3779b97f4a7c15);
        batch->names ^= batch->names >> 29;
    }
}

void footfall__ingest_give_up(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch)
{
    batch->end = FOOTFALL_INGEST_UNREADABLE;
    batch->error = errno;
    batch->wrong[0] = '\0';
    if (errno == EBADMSG)
        memcpy(batch->wrong, source->reader.stream.wrong, sizeof batch->wrong);
}

/* Another file may have the name by now. What stands in it is compared only where it was begun before. */
static int check_file(const struct footfall_ingest_file *file, int fd)
{
    struct stat now;
    if (fstat(fd, &now) != 0)
        return -1;
    if (now.st_dev == file->device && now.st_ino == file->inode)
        return 0;
    errno = ESTALE;
    return -1;
}

/* 0, or -1 with errno. */
static int open_next(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    const struct footfall_ingest_file *file = &s->files[s->file];
    int fd = footfall__ingest_open(file);
    s->lines = file->start.lines;
    s->inside_line = file->start.inside_line;
    batch->reached = (struct footfall_ingest_where){ s->file, s->lines };
    if (fd < 0)
        return -1;
    s->opened = 1;
    if (footfall__ingest_begin(&s->reader, fd, &file->start, s->stop, 0) != 0)
        return -1;
    return s->resume ? check_file(file, fd) : 0;
}

static void close_file(struct footfall_ingest_source *s)
{
    s->consumed += footfall__ingest_consumed(&s->reader);
    footfall__ingest_close(&s->reader);
    s->opened = 0;
    s->file++;
    s->lines = s->file < s->file_count ? s->files[s->file].start.lines : 0;
}

/* What an earlier run counted without its newline may have grown: up to the newline it is no line of its own.
 * 1: passed; 0: not yet there; -1: errno. */
static int pass_rest_of_line(struct footfall_ingest_source *s)
{
    struct footfall_ingest_text text = { NULL, 0, 0, 0 };
    int got = footfall__ingest_line(&s->reader, &text);
    if (got == 1 && !text.complete) {
        footfall__ingest_put_back(&s->reader);
        got = 0;
    }
    if (got == 1)
        s->inside_line = 0;
    return got;
}

/* Lines of the current file. 1: it ends; 0: the batch is full or ends; batch->end says which. */
static int fill_from_file(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, size_t most)
{
    struct footfall_ingest_text text = { NULL, 0, 0, 0 };
    size_t bytes = 0, most_bytes = s->stop == UINT64_MAX ? FOOTFALL_INGEST_BATCH_BYTES : SIZE_MAX;
    int unfinished = 0;
    while (batch->count < most && bytes < most_bytes) {
        enum footfall_ingest_verdict verdict = FOOTFALL_INGEST_SKIPPED;
        int got = 0;
        if (s->prompt && batch->counts.read > 0 && footfall__ingest_would_wait(&s->reader))
            return 0;
        got = footfall__ingest_line(&s->reader, &text);
        if (got < 0)
            goto unreadable;
        if (got > 0 && s->waits && !text.complete && !text.too_long) {
            footfall__ingest_put_back(&s->reader);
            got = 0;
        }
        if (got == 0)
            return 1;
        unfinished = !text.complete;
        text.complete = text.complete || s->waits; /* too long, whatever its end will be */
        batch->reached = (struct footfall_ingest_where){ s->file, s->lines + 1 };
        verdict = footfall__ingest_judge(batch, s->rules, &s->memory, &text, s->resume);
        if (verdict == FOOTFALL_INGEST_UNFINISHED || verdict == FOOTFALL_INGEST_REFUSED) {
            footfall__ingest_put_back(&s->reader);
            batch->left = verdict == FOOTFALL_INGEST_UNFINISHED;
            batch->end = verdict == FOOTFALL_INGEST_REFUSED ? FOOTFALL_INGEST_STOPPED : FOOTFALL_INGEST_MORE;
            return verdict == FOOTFALL_INGEST_UNFINISHED;
        }
        if (verdict == FOOTFALL_INGEST_OUT_OF_MEMORY) {
            errno = ENOMEM;
            goto unreadable;
        }
        s->lines++;
        s->inside_line = unfinished;
        bytes += verdict == FOOTFALL_INGEST_TAKEN ? text.bytes : 0;
    }
    return 0;
unreadable:
    footfall__ingest_give_up(s, batch);
    return 0;
}

static void mark(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch)
{
    struct stat file;
    footfall__ingest_mark(&s->reader, &batch->last);
    batch->last.lines = s->lines;
    batch->last.inside_line = s->inside_line;
    batch->file = s->file;
    if (fstat(s->reader.stream.fd, &file) == 0) {
        batch->device = file.st_dev;
        batch->inode = file.st_ino;
    }
}

static int64_t time_limit(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + FOOTFALL_INGEST_AHEAD_MS;
}

int footfall__ingest_fill_from_reader(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch,
                                      size_t most)
{
    struct footfall_ingest_source *s = source;
    int ended = 0;
    if (s->inside_line && pass_rest_of_line(s) < 0) {
        footfall__ingest_give_up(s, batch);
    } else {
        batch->first = s->reader.offset + s->reader.pending;
        ended = s->inside_line || fill_from_file(s, batch, most);
    }
    if (s->resume || s->follow != NULL)
        mark(s, batch);
    return ended;
}

static void fill_from_files(struct footfall_ingest_source *s, struct footfall_ingest_batch *batch, size_t most)
{
    int ended = 1;
    while (ended && s->file < s->file_count && batch->end == FOOTFALL_INGEST_MORE && batch->count < most) {
        if (!s->opened && open_next(s, batch) != 0) {
            footfall__ingest_give_up(s, batch);
            break;
        }
        ended = footfall__ingest_fill_from_reader(s, batch, most);
        if (ended)
            close_file(s);
        if (s->resume)
            break;
    }
    batch->next = (struct footfall_ingest_where){ s->file, s->lines + 1 };
    batch->consumed = s->consumed + (s->opened ? footfall__ingest_consumed(&s->reader) : 0);
    if (batch->end == FOOTFALL_INGEST_MORE && s->file == s->file_count && s->follow == NULL)
        batch->end = FOOTFALL_INGEST_INPUT_ENDS;
}

void footfall__ingest_fill(struct footfall_ingest_source *source, struct footfall_ingest_batch *batch, size_t most)
{
    struct footfall_ingest_source *s = source;
    batch->limit_ms = s->limit_ms != 0 ? s->limit_ms : time_limit();
    batch->generation = 0;
    batch->idle = 0;
    batch->news[0] = '\0';
    if (s->file < s->file_count || s->follow == NULL)
        fill_from_files(s, batch, most);
    else
        footfall__ingest_follow_fill(s, batch, most);
    if (s->resume)
        hash_operations(batch);
}

void footfall__ingest_tell_news(struct footfall_ingest_batch *batch, size_t file, const char *what, const char *why)
{
    if (batch->news[0] == '\0')
        snprintf(batch->news, sizeof batch->news, "%s%s", what, why);
    batch->news_file = file;
}

void footfall__ingest_source_free(struct footfall_ingest_source *source)
{
    if (source->opened)
        footfall__ingest_close(&source->reader);
    footfall__ingest_follow_free(source->follow);
    source->follow = NULL;
    footfall__ingest_forget(&source->memory);
    free(source->reader.buffer);
    source->reader.buffer = NULL;
    source->opened = 0;
}
