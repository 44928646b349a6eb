/* replace.c: replaces a file as a whole: the new content goes to a file beside it, is forced to disk, and gets the name last
 * (replace.h). */
#include "replace.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40 /* as the kernel follows */

static int refuse(const char *file, const char *why)
{
    return footfall__cli_complain(FOOTFALL_CLI_USAGE, "%s: %s", file, why);
}

int footfall__cli_sync_folder(const char *path)
{
    char copy[PATH_MAX];
    int fd = -1, failed = 0;
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if ((fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    failed = fsync(fd) != 0 && errno != EINVAL;
    close(fd);
    return failed ? -1 : 0;
}

/* out = "folder/name", or name alone where it is absolute. */
static int join(char out[PATH_MAX], char *beside, const char *name)
{
    int length =
        name[0] == '/' ? snprintf(out, PATH_MAX, "%s", name) : snprintf(out, PATH_MAX, "%s/%s", dirname(beside), name);
    if (length >= 0 && length < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

/* A link stays, and what it points to is replaced, also when that is not there yet. */
static int follow_links(char path[PATH_MAX])
{
    for (int links = 0; links <= MOST_LINKS; links++) {
        char target[PATH_MAX], copy[PATH_MAX];
        ssize_t bytes = readlink(path, target, sizeof target - 1);
        if (bytes < 0)
            return errno == EINVAL || errno == ENOENT ? 0 : -1;
        target[bytes] = '\0';
        memcpy(copy, path, sizeof copy);
        if (join(path, copy, target) != 0)
            return -1;
    }
    errno = ELOOP;
    return -1;
}

/* As the old one has it where there is one (its owner too, where we may), otherwise as any new file gets it. A file system that
 * knows no modes may refuse: it stays ours alone then. */
static void take_mode(int fd, const struct stat *old)
{
    mode_t mask = umask(0);
    umask(mask);
    if (old != NULL && fchown(fd, old->st_uid, old->st_gid) != 0)
        errno = 0;
    (void)fchmod(fd, old != NULL ? old->st_mode & 0777 : 0666 & ~mask);
}

/* old NULL: there is none. */
static int open_beside(struct footfall_cli_replacement *r, const struct stat *old)
{
    int fd = -1, length = 0;
    if (old != NULL && faccessat(AT_FDCWD, r->file, W_OK, AT_EACCESS) != 0)
        return -1;
    length = snprintf(r->path, sizeof r->path, "%s", r->file);
    if (length < (int)sizeof r->path) {
        if (follow_links(r->path) != 0)
            return -1;
        length = snprintf(r->beside, sizeof r->beside, "%s.new-XXXXXX", r->path);
    }
    if (length >= (int)sizeof r->beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if ((fd = mkostemp(r->beside, O_CLOEXEC)) < 0)
        return -1;
    take_mode(fd, old);
    if ((r->out = fdopen(fd, "w")) != NULL)
        return 0;
    unlink(r->beside);
    close(fd);
    errno = ENOMEM;
    return -1;
}

/* "/dev/stdout" is not opened a second time: where it is a file, that would begin at its beginning. */
static int open_through(struct footfall_cli_replacement *r, int is_output)
{
    int fd = -1;
    r->through = 1;
    if (is_output) {
        r->out = stdout;
        return 0;
    }
    if ((fd = open(r->file, O_WRONLY | O_CLOEXEC | O_NOCTTY)) < 0)
        return -1;
    if ((r->out = fdopen(fd, "w")) == NULL)
        close(fd);
    return r->out != NULL ? 0 : -1;
}

int footfall__cli_replace_begin(struct footfall_cli_replacement *replacement, const char *file)
{
    struct footfall_cli_replacement *r = replacement;
    struct stat old, output;
    int failed = 0;
    memset(r, 0, sizeof *r);
    r->file = file;
    if (stat(file, &old) == 0) {
        int is_output =
            fstat(STDOUT_FILENO, &output) == 0 && old.st_dev == output.st_dev && old.st_ino == output.st_ino;
        if (S_ISDIR(old.st_mode))
            return refuse(file, "is a directory");
        failed = is_output || !S_ISREG(old.st_mode) ? open_through(r, is_output) : open_beside(r, &old);
    } else {
        failed = errno != ENOENT || *file == '\0' ? -1 : open_beside(r, NULL);
    }
    return failed ? refuse(file, strerror(errno)) : 0;
}

static int end_through(const struct footfall_cli_replacement *r, int exit)
{
    if (r->out == stdout || fclose(r->out) == 0 || errno == EPIPE || exit != 0)
        return exit;
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "cannot write to %s: %s", r->file, strerror(errno));
}

int footfall__cli_replace_end(struct footfall_cli_replacement *replacement, int exit)
{
    const struct footfall_cli_replacement *r = replacement;
    int failed = 0, reason = 0;
    if (r->through)
        return end_through(r, exit);
    errno = 0;
    if (exit == 0 && (ferror(r->out) || fflush(r->out) != 0 || fsync(fileno(r->out)) != 0))
        reason = errno != 0 ? errno : EIO;
    failed = fclose(r->out) != 0;
    if (exit == 0 && reason == 0 && (failed || rename(r->beside, r->path) != 0))
        reason = errno;
    if (exit != 0 || reason != 0)
        unlink(r->beside);
    else if (footfall__cli_sync_folder(r->path) != 0)
        reason = errno;
    if (reason == 0)
        return exit;
    return footfall__cli_complain(FOOTFALL_CLI_FAILED, "cannot write %s: %s", r->file, strerror(reason));
}
