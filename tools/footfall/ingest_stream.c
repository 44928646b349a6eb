/* ingest_stream.c: the bytes of a log in order, decompressed when they are gzip's, which is told by the first two. Cutting them
 * into lines is ingest_reader.c's affair. */
#include "ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#define INPUT_BYTES ((size_t)65536)
#define GZIP_ONLY (15 + 16) /* what inflateInit2 calls it */

struct footfall_ingest_gzip {
    z_stream z;
    int between; /* a member has ended */
    int padded;  /* with zeros, which nothing may follow */
    unsigned char input[INPUT_BYTES];
};

static const unsigned char magic[2] = { 0x1f, 0x8b };

void footfall__ingest_stream_open(struct footfall_ingest_stream *stream, int fd, int plain)
{
    memset(stream, 0, sizeof *stream);
    stream->fd = fd;
    stream->looked = plain;
}

void footfall__ingest_stream_free(struct footfall_ingest_stream *stream)
{
    if (stream->gzip != NULL)
        inflateEnd(&stream->gzip->z);
    free(stream->gzip);
    stream->gzip = NULL;
}

/* One read(2). The pipe's thread may be ended while it waits here, and nowhere else. */
static ssize_t read_some(struct footfall_ingest_stream *s, void *out, size_t size)
{
    ssize_t n = 0;
    int before = 0;
    do {
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
        n = read(s->fd, out, size);
        pthread_setcancelstate(before, NULL);
    } while (n < 0 && errno == EINTR);
    s->taken += n > 0 ? (uint64_t)n : 0;
    return n;
}

static int damaged(struct footfall_ingest_stream *s, const char *what, const char *words)
{
    snprintf(s->wrong, sizeof s->wrong, "%s%s", what, words != NULL ? words : "");
    errno = EBADMSG;
    return -1;
}

/* ---- gzip ------------------------------------------------------------------------------------------------------------- */

static int begin_gzip(struct footfall_ingest_stream *s)
{
    struct footfall_ingest_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL || inflateInit2(&gzip->z, GZIP_ONLY) != Z_OK) {
        free(gzip);
        errno = ENOMEM;
        return -1;
    }
    memcpy(gzip->input, s->lead, s->lead_bytes);
    gzip->z.next_in = gzip->input;
    gzip->z.avail_in = (uInt)s->lead_bytes;
    s->lead_bytes = 0;
    s->gzip = gzip;
    return 0;
}

/* More compressed bytes behind those that are left. 1, 0 at the end of the file, or -1. */
static int feed(struct footfall_ingest_stream *s)
{
    struct footfall_ingest_gzip *gzip = s->gzip;
    ssize_t n = 0;
    memmove(gzip->input, gzip->z.next_in, gzip->z.avail_in);
    gzip->z.next_in = gzip->input;
    n = read_some(s, gzip->input + gzip->z.avail_in, INPUT_BYTES - gzip->z.avail_in);
    if (n < 0)
        return -1;
    gzip->z.avail_in += (uInt)n;
    return n > 0;
}

/* What follows a member: 1: another one; 0: nothing; -1. */
static int next_member(struct footfall_ingest_stream *s)
{
    struct footfall_ingest_gzip *gzip = s->gzip;
    z_stream *z = &gzip->z;
    int got = 1;
    while (got == 1) {
        for (; z->avail_in > 0 && *z->next_in == 0; z->next_in++, z->avail_in--)
            gzip->padded = 1;
        if (z->avail_in >= sizeof magic || (z->avail_in > 0 && gzip->padded))
            break;
        got = feed(s);
    }
    if (got < 0)
        return -1;
    if (z->avail_in == 0)
        return 0;
    if (gzip->padded || z->avail_in < sizeof magic || memcmp(z->next_in, magic, sizeof magic) != 0)
        return damaged(s, "something else follows the compressed data", NULL);
    inflateReset(z);
    gzip->between = 0;
    return 1;
}

static ssize_t read_gzip(struct footfall_ingest_stream *s, void *out, size_t size)
{
    struct footfall_ingest_gzip *gzip = s->gzip;
    z_stream *z = &gzip->z;
    int got = 0;
    z->next_out = out;
    z->avail_out = (uInt)size;
    while (z->avail_out == size) {
        int rc = Z_OK;
        if (gzip->between && (got = next_member(s)) <= 0)
            return got;
        rc = inflate(z, Z_NO_FLUSH);
        gzip->between = rc == Z_STREAM_END;
        if (z->avail_out < size || gzip->between)
            continue; /* what is wrong after these bytes will be said again */
        if (rc == Z_MEM_ERROR) {
            errno = ENOMEM;
            return -1;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return damaged(s, "the compressed data is damaged: ", z->msg != NULL ? z->msg : zError(rc));
        if (z->avail_in == 0 && (got = feed(s)) <= 0)
            return got < 0 ? -1 : damaged(s, "the compressed data ends too early", NULL);
    }
    return (ssize_t)(size - z->avail_out);
}

/* ---- either ----------------------------------------------------------------------------------------------------------- */

/* Reads the bytes that tell. */
static int look(struct footfall_ingest_stream *s)
{
    while (s->lead_bytes < sizeof magic) {
        ssize_t n = read_some(s, s->lead + s->lead_bytes, sizeof magic - s->lead_bytes);
        if (n < 0)
            return -1;
        s->lead_bytes += (size_t)n;
        if (n == 0 || s->lead[0] != magic[0])
            break;
    }
    s->looked = 1;
    return s->lead_bytes == sizeof magic && memcmp(s->lead, magic, sizeof magic) == 0 ? begin_gzip(s) : 0;
}

ssize_t footfall__ingest_stream_read(struct footfall_ingest_stream *stream, void *out, size_t size)
{
    struct footfall_ingest_stream *s = stream;
    ssize_t n = 0;
    if (size == 0)
        return 0;
    if (!s->looked && look(s) != 0)
        return -1;
    if (s->gzip != NULL) {
        n = read_gzip(s, out, size);
    } else if (s->lead_bytes > 0) {
        n = (ssize_t)(s->lead_bytes < size ? s->lead_bytes : size);
        memcpy(out, s->lead, (size_t)n);
        s->lead_bytes -= (size_t)n;
        memmove(s->lead, s->lead + n, s->lead_bytes);
    } else {
        n = read_some(s, out, size);
    }
    s->offset += n > 0 ? (uint64_t)n : 0;
    return n;
}

ssize_t footfall__ingest_stream_read_all(struct footfall_ingest_stream *stream, void *out, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = footfall__ingest_stream_read(stream, (char *)out + got, size - got);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int footfall__ingest_stream_pass(struct footfall_ingest_stream *stream, uint64_t bytes)
{
    struct footfall_ingest_stream *s = stream;
    unsigned char passed[16384];
    if (!s->looked && look(s) != 0)
        return -1;
    if (s->gzip == NULL) {
        s->offset += bytes;
        s->lead_bytes = 0;
        return lseek(s->fd, (off_t)s->offset, SEEK_SET) < 0 ? -1 : 0;
    }
    while (bytes > 0) {
        ssize_t n = footfall__ingest_stream_read(s, passed, bytes < sizeof passed ? (size_t)bytes : sizeof passed);
        if (n <= 0)
            return (int)n;
        bytes -= (uint64_t)n;
    }
    return 0;
}

uint64_t footfall__ingest_stream_taken(const struct footfall_ingest_stream *stream)
{
    return stream->taken - (stream->gzip != NULL ? stream->gzip->z.avail_in : stream->lead_bytes);
}
