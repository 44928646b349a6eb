/* ingest_files.c: opens log files, and knows a file again by what stands in it, whatever it is called now and compressed or
 * not. */
#include "ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const struct footfall_ingest_file *file, const char *why)
{
    footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: %s", file->name, why);
    return -1;
}

int footfall__ingest_open(const struct footfall_ingest_file *file)
{
    struct stat kind;
    int fd = -1;
    if (strcmp(file->name, "-") == 0)
        return STDIN_FILENO;
    if (file->fd < 0)
        fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    else if (lseek(file->fd, 0, SEEK_SET) == 0)
        fd = fcntl(file->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd >= 0 && fstat(fd, &kind) == 0 && S_ISDIR(kind.st_mode)) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    return fd;
}

static int look_into(struct footfall_ingest_file *file, struct stat *kind, int follow)
{
    unsigned char magic[2] = { 0, 0 };
    int fd = footfall__ingest_open(file), failed = 0;
    if (fd < 0)
        return errno == EISDIR ? refuse(file, "is a directory") : refuse(file, strerror(errno));
    if (fstat(fd, kind) != 0 || pread(fd, magic, sizeof magic, 0) < 0)
        failed = refuse(file, strerror(errno));
    file->bytes = (uint64_t)kind->st_size;
    file->compressed = magic[0] == 0x1f && magic[1] == 0x8b;
    if (!failed && follow && file->compressed)
        failed = refuse(file, "is compressed: --follow is for a log that grows");
    if (!failed && follow)
        file->fd = fd;
    else
        close(fd);
    return failed;
}

/* A named pipe must not be opened twice: it is only looked at. */
static int look_at(struct footfall_ingest_file *file, int follow)
{
    struct stat kind;
    if (stat(file->name, &kind) != 0)
        return refuse(file, strerror(errno));
    file->regular = S_ISREG(kind.st_mode);
    if (file->regular || S_ISDIR(kind.st_mode)) {
        if (look_into(file, &kind, follow) != 0)
            return -1;
    } else if (access(file->name, R_OK) != 0) {
        return refuse(file, strerror(errno));
    }
    file->device = kind.st_dev;
    file->inode = kind.st_ino;
    return 0;
}

int footfall__ingest_look(struct footfall_ingest_file *files, size_t count, int resume, int follow)
{
    for (size_t i = 0; i < count; i++) {
        struct stat kind;
        if (strcmp(files[i].name, "-") == 0) {
            if (resume)
                return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: standard input cannot be read again");
            if (follow && fstat(STDIN_FILENO, &kind) == 0 && S_ISREG(kind.st_mode))
                return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--follow: give the log by its name");
            continue;
        }
        if (look_at(&files[i], follow && i + 1 == count) != 0)
            return FOOTFALL_CLI_USAGE;
        if (resume && !files[i].regular)
            return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s is no regular file", files[i].name);
        for (size_t j = 0; resume && j < i; j++)
            if (files[j].device == files[i].device && files[j].inode == files[i].inode)
                return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s and %s are the same file",
                                              files[j].name, files[i].name);
    }
    return 0;
}

uint64_t footfall__ingest_input_bytes(const struct footfall_ingest_file *files, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!files[i].regular)
            return 0;
        bytes += files[i].bytes;
        if (!files[i].compressed)
            bytes -= files[i].start.offset < files[i].bytes ? files[i].start.offset : files[i].bytes;
    }
    return bytes;
}

int footfall__ingest_is_at(int fd, const struct footfall_ingest_place *place, char *wrong, size_t wrong_bytes)
{
    unsigned char head[FOOTFALL_INGEST_HEAD_BYTES], tail[FOOTFALL_INGEST_TAIL_BYTES];
    struct footfall_ingest_stream stream;
    int reason = 0;
    footfall__ingest_stream_open(&stream, fd, 0);
    if (lseek(fd, 0, SEEK_SET) < 0 || footfall__ingest_reach(&stream, place, head, tail) != 0)
        reason = errno;
    snprintf(wrong, wrong_bytes, "%s", reason == EBADMSG ? stream.wrong : strerror(reason));
    footfall__ingest_stream_free(&stream);
    errno = reason;
    return reason == 0 ? 1 : reason == ESTALE ? 0 : -1;
}

void footfall__ingest_look_at_beginning(struct footfall_ingest_beginning *beginning, int fd)
{
    struct footfall_ingest_stream stream;
    ssize_t n = lseek(fd, 0, SEEK_SET) < 0 ? -1 : 1;
    memset(beginning, 0, sizeof *beginning);
    footfall__ingest_stream_open(&stream, fd, 0);
    while (n > 0) {
        n = footfall__ingest_stream_read(&stream, beginning->head + beginning->bytes,
                                         sizeof beginning->head - beginning->bytes);
        beginning->bytes += n > 0 ? (size_t)n : 0;
    }
    beginning->cut = n < 0;
    beginning->compressed = stream.gzip != NULL;
    footfall__ingest_stream_free(&stream);
}

int footfall__ingest_may_be_at(struct footfall_ingest_beginning *beginning, const struct footfall_ingest_place *place)
{
    struct footfall_ingest_beginning *b = beginning;
    if (place->offset == 0)
        return 0;
    if (place->head_bytes > b->bytes)
        return b->cut;
    if (b->hashed != place->head_bytes) {
        b->hashed = place->head_bytes;
        b->hash = footfall__ingest_hash(b->head, b->hashed);
    }
    return b->hash == place->head;
}

int footfall__ingest_log_bytes(int fd, uint64_t *bytes, struct footfall_ingest_file *file)
{
    struct footfall_ingest_stream stream;
    struct stat now;
    unsigned char passed[16384];
    ssize_t n = 0;
    if (fstat(fd, &now) != 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    footfall__ingest_stream_open(&stream, fd, 0);
    do
        n = footfall__ingest_stream_read(&stream, passed, sizeof passed);
    while (n > 0 && stream.gzip != NULL);
    file->bytes = (uint64_t)now.st_size;
    file->compressed = stream.gzip != NULL;
    *bytes = file->compressed ? stream.offset : file->bytes;
    footfall__ingest_stream_free(&stream);
    return n < 0 ? -1 : 0;
}
