/* ingest_reader.c: cuts a file into lines, of any length, and knows the place that was reached. What a line means is
 * ingest_lines.c's affair. */
#include "ingest.h"

#include <errno.h>
#include <poll.h>
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

/* Exactly so many bytes: 0, or -1 with errno. */
static int take(struct footfall_ingest_stream *stream, unsigned char *out, size_t size)
{
    ssize_t got = footfall__ingest_stream_read_all(stream, out, size);
    if (got >= 0 && (size_t)got < size)
        errno = ESTALE;
    return got == (ssize_t)size ? 0 : -1;
}

static int compare(const unsigned char *bytes, size_t size, uint64_t hash)
{
    if (footfall__ingest_hash(bytes, size) == hash)
        return 0;
    errno = ESTALE;
    return -1;
}

int footfall__ingest_reach(struct footfall_ingest_stream *stream, const struct footfall_ingest_place *place,
                           unsigned char *head, unsigned char *tail)
{
    size_t head_bytes = place->head_bytes, tail_bytes = place->tail_bytes, both = 0;
    uint64_t tail_at = place->offset - tail_bytes;
    if (take(stream, head, head_bytes) != 0 || compare(head, head_bytes, place->head) != 0)
        return -1;
    /* Compressed data is read once: what the tail shares with the head is taken from there. */
    if (tail_at < head_bytes) {
        both = head_bytes - (size_t)tail_at < tail_bytes ? head_bytes - (size_t)tail_at : tail_bytes;
        memcpy(tail, head + tail_at, both);
    } else if (footfall__ingest_stream_pass(stream, tail_at - head_bytes) != 0) {
        return -1;
    }
    if (take(stream, tail + both, tail_bytes - both) != 0)
        return -1;
    return compare(tail, tail_bytes, place->tail);
}

int footfall__ingest_begin(struct footfall_ingest_reader *reader, int fd, const struct footfall_ingest_place *start,
                           uint64_t stop, int plain)
{
    char *buffer = reader->buffer != NULL ? reader->buffer : malloc(BUFFER_BYTES);
    memset(reader, 0, sizeof *reader);
    footfall__ingest_stream_open(&reader->stream, fd, plain);
    reader->buffer = buffer;
    reader->offset = reader->start = start->offset;
    reader->stop = stop;
    reader->begin = reader->end = start->tail_bytes;
    reader->head_bytes = start->head_bytes;
    if (buffer == NULL)
        return -1;
    if (start->offset == 0)
        return 0;
    return footfall__ingest_reach(&reader->stream, start, reader->head, (unsigned char *)buffer);
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
        n = footfall__ingest_stream_read(&r->stream, r->buffer + r->end, room);
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

uint64_t footfall__ingest_consumed(const struct footfall_ingest_reader *reader)
{
    const struct footfall_ingest_reader *r = reader;
    return r->stream.gzip != NULL ? footfall__ingest_stream_taken(&r->stream) : r->offset + r->pending - r->start;
}

int footfall__ingest_would_wait(const struct footfall_ingest_reader *reader)
{
    const struct footfall_ingest_reader *r = reader;
    size_t at = r->begin + r->pending;
    struct pollfd more = { r->stream.fd, POLLIN, 0 };
    return !r->at_end && memchr(r->buffer + at, '\n', r->end - at) == NULL && poll(&more, 1, 0) == 0;
}

void footfall__ingest_release(struct footfall_ingest_reader *reader)
{
    footfall__ingest_stream_free(&reader->stream);
    reader->stream.fd = -1;
}

void footfall__ingest_close(struct footfall_ingest_reader *reader)
{
    if (reader->stream.fd > STDIN_FILENO)
        close(reader->stream.fd);
    footfall__ingest_release(reader);
}
