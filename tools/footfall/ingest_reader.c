/* ingest_reader.c: cuts a file into lines, of any length, and knows the place that was reached. What a line means is
 * ingest_lines.c's affair. */
#include "ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (4 * (size_t)FOOTFALL_INGEST_LINE_BYTES)
#define KEEP_BYTES ((size_t)FOOTFALL_INGEST_TAIL_BYTES)

uint64_t footfall__ingest_hash(const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

/* All of `size` bytes unless the file ends: how many, or -1. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t offset)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(fd, (char *)out + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)got;
}

int footfall__ingest_begin(struct footfall_ingest_reader *reader, int fd, const struct footfall_ingest_place *start,
                           uint64_t stop)
{
    char *buffer = reader->buffer != NULL ? reader->buffer : malloc(BUFFER_BYTES);
    size_t keep = start->offset < KEEP_BYTES ? (size_t)start->offset : KEEP_BYTES;
    size_t head = start->offset < FOOTFALL_INGEST_HEAD_BYTES ? (size_t)start->offset : FOOTFALL_INGEST_HEAD_BYTES;
    memset(reader, 0, sizeof *reader);
    reader->fd = fd;
    reader->buffer = buffer;
    reader->offset = start->offset;
    reader->stop = stop;
    reader->begin = reader->end = keep;
    reader->head_bytes = head;
    if (buffer == NULL)
        return -1;
    if (start->offset == 0)
        return 0;
    if (read_at(fd, reader->head, head, 0) != (ssize_t)head ||
        read_at(fd, buffer, keep, start->offset - keep) != (ssize_t)keep ||
        footfall__ingest_hash(reader->head, head) != start->head ||
        footfall__ingest_hash(buffer, keep) != start->tail) {
        errno = ESTALE;
        return -1;
    }
    return lseek(fd, (off_t)start->offset, SEEK_SET) < 0 ? -1 : 0;
}

/* One read(2). The pipe's thread may be ended while it waits here, and nowhere else. */
static ssize_t read_some(int fd, void *out, size_t size)
{
    ssize_t n = 0;
    int before = 0;
    do {
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
        n = read(fd, out, size);
        pthread_setcancelstate(before, NULL);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void keep_head(struct footfall_ingest_reader *r, const char *bytes, size_t size, uint64_t offset)
{
    size_t room = FOOTFALL_INGEST_HEAD_BYTES - r->head_bytes;
    if (room == 0 || offset != r->head_bytes)
        return;
    size = size < room ? size : room;
    memcpy(r->head + r->head_bytes, bytes, size);
    r->head_bytes += size;
}

static int fill(struct footfall_ingest_reader *r)
{
    size_t keep = r->begin < KEEP_BYTES ? r->begin : KEEP_BYTES;
    uint64_t at = r->offset + (r->end - r->begin), left = r->stop - at;
    size_t room = 0;
    ssize_t n = 0;
    memmove(r->buffer, r->buffer + r->begin - keep, keep + (r->end - r->begin));
    r->end -= r->begin - keep;
    r->begin = keep;
    room = BUFFER_BYTES - r->end;
    if (room > FOOTFALL_INGEST_LINE_BYTES)
        room = FOOTFALL_INGEST_LINE_BYTES;
    if (left < room)
        room = (size_t)left;
    if (room > 0)
        n = read_some(r->fd, r->buffer + r->end, room);
    if (n < 0)
        return -1;
    keep_head(r, r->buffer + r->end, (size_t)n, at);
    r->end += (size_t)n;
    r->at_end = n == 0;
    return 0;
}

static void pass(struct footfall_ingest_reader *r, size_t bytes)
{
    r->begin += bytes;
    r->offset += bytes;
}

int footfall__ingest_line(struct footfall_ingest_reader *reader, struct footfall_ingest_text *out)
{
    struct footfall_ingest_reader *r = reader;
    size_t searched = 0;
    out->too_long = 0;
    pass(r, r->pending);
    r->pending = 0;
    r->behind = 0;
    for (;;) {
        char *line = r->buffer + r->begin;
        char *newline = memchr(line + searched, '\n', r->end - r->begin - searched);
        searched = newline != NULL ? (size_t)(newline - line) : r->end - r->begin;
        if (searched > FOOTFALL_INGEST_LINE_BYTES && !out->too_long) {
            footfall__ingest_mark(r, &r->before);
            out->too_long = 1;
        }
        if (newline != NULL || (r->at_end && (searched > 0 || out->too_long))) {
            out->text = line;
            out->bytes = searched;
            out->complete = newline != NULL;
            r->pending = searched + (newline != NULL ? 1 : 0);
            r->behind = out->too_long;
            return 1;
        }
        if (r->at_end)
            return 0;
        if (out->too_long) {
            pass(r, searched);
            searched = 0;
        }
        if (fill(r) != 0)
            return -1;
    }
}

void footfall__ingest_put_back(struct footfall_ingest_reader *reader)
{
    reader->pending = 0;
}

void footfall__ingest_mark(struct footfall_ingest_reader *reader, struct footfall_ingest_place *out)
{
    size_t tail = 0;
    if (reader->pending == 0 && reader->behind) {
        *out = reader->before;
        return;
    }
    pass(reader, reader->pending);
    reader->pending = 0;
    reader->behind = 0;
    memset(out, 0, sizeof *out);
    tail = reader->begin < KEEP_BYTES ? reader->begin : KEEP_BYTES;
    out->offset = reader->offset;
    out->head_bytes = (uint32_t)(reader->offset < reader->head_bytes ? reader->offset : reader->head_bytes);
    out->tail_bytes = (uint32_t)tail;
    out->head = footfall__ingest_hash(reader->head, out->head_bytes);
    out->tail = footfall__ingest_hash(reader->buffer + reader->begin - tail, tail);
}

void footfall__ingest_close(struct footfall_ingest_reader *reader)
{
    if (reader->fd > STDIN_FILENO)
        close(reader->fd);
    reader->fd = -1;
}
