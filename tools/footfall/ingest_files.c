/* ingest_files.c: opens log files, and knows a file again by what stands in it, whatever it is called now. */
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

static int check_kind(const struct footfall_ingest_file *file, int fd, const struct stat *kind)
{
    unsigned char magic[2] = { 0, 0 };
    if (S_ISDIR(kind->st_mode))
        return refuse(file, "is a directory");
    if (S_ISREG(kind->st_mode) && pread(fd, magic, sizeof magic, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
        return refuse(file, "is compressed; give it to standard input through zcat");
    return 0;
}

static int open_file(const struct footfall_ingest_file *file, struct stat *kind)
{
    int fd = open(file->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, kind) != 0) {
        refuse(file, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (check_kind(file, fd, kind) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int footfall__ingest_open(const struct footfall_ingest_file *file)
{
    struct stat kind;
    return strcmp(file->name, "-") == 0 ? STDIN_FILENO : open_file(file, &kind);
}

/* A named pipe must not be opened twice: it is only looked at. */
static int look_at(struct footfall_ingest_file *file, struct stat *kind)
{
    int fd = 0;
    if (stat(file->name, kind) != 0)
        return refuse(file, strerror(errno));
    if (S_ISREG(kind->st_mode) || S_ISDIR(kind->st_mode)) {
        if ((fd = open_file(file, kind)) < 0)
            return -1;
        close(fd);
    } else if (access(file->name, R_OK) != 0) {
        return refuse(file, strerror(errno));
    }
    file->device = kind->st_dev;
    file->inode = kind->st_ino;
    return 0;
}

int footfall__ingest_look(struct footfall_ingest_file *files, size_t count, int resume)
{
    for (size_t i = 0; i < count; i++) {
        struct stat kind;
        if (strcmp(files[i].name, "-") == 0) {
            if (resume)
                return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: standard input cannot be read again");
            continue;
        }
        if (look_at(&files[i], &kind) != 0)
            return FOOTFALL_CLI_USAGE;
        if (resume && !S_ISREG(kind.st_mode))
            return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s is no regular file", files[i].name);
        for (size_t j = 0; resume && j < i; j++)
            if (files[j].device == files[i].device && files[j].inode == files[i].inode)
                return footfall__cli_complain(FOOTFALL_CLI_USAGE, "--resume: %s and %s are the same file",
                                              files[j].name, files[i].name);
    }
    return 0;
}

/* Have `size` bytes at `offset` that hash? 1, 0, or -1 with errno. */
static int matches(int fd, uint64_t offset, uint32_t size, uint64_t hash)
{
    unsigned char bytes[FOOTFALL_INGEST_HEAD_BYTES];
    ssize_t n = pread(fd, bytes, size, (off_t)offset);
    if (n < 0)
        return -1;
    return n == (ssize_t)size && footfall__ingest_hash(bytes, size) == hash;
}

int footfall__ingest_is_at(int fd, const struct footfall_ingest_place *place)
{
    int same = matches(fd, 0, place->head_bytes, place->head);
    if (same == 1)
        same = matches(fd, place->offset - place->tail_bytes, place->tail_bytes, place->tail);
    return same;
}
