/* listen_unix.c: makes a Unix socket, over one that nobody listens on any more, and removes it in the end. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "settings.h"

enum { MODE = 0666 };

/* Two servers that start at once must not both find the same dead socket, and one of them remove the other's new one: whoever
 * looks, makes or removes has the folder locked. A folder that cannot be locked is done without. */
static int lock_folder(const char *path)
{
    char folder[sizeof(struct sockaddr_un)];
    size_t bytes = (size_t)(strrchr(path, '/') - path);
    int fd = -1;
    memcpy(folder, path, bytes);
    folder[bytes] = '\0';
    fd = open(bytes > 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        flock(fd, LOCK_EX);
    return fd;
}

static void unlock_folder(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Is there a socket that nobody listens on? 1: yes; 0: there is nothing; negative: something else, in errno. */
static int is_dead(const struct footfall_serve_place *place)
{
    struct stat found;
    int fd = -1, reason = 0;
    if (lstat(place->address.local.sun_path, &found) != 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(found.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    reason = connect(fd, &place->address.any, place->address_bytes) == 0 ? EADDRINUSE : errno;
    close(fd);
    if (reason == ECONNREFUSED)
        return 1;
    errno = reason == EAGAIN ? EADDRINUSE : reason; /* its queue is full */
    return -1;
}

static int make(struct footfall_serve_listener *l, const struct footfall_serve_place *place)
{
    const char *path = place->address.local.sun_path;
    int dead = is_dead(place);
    if (dead < 0 || (dead > 0 && unlink(path) != 0))
        return -1;
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, &place->address.any, place->address_bytes) != 0)
        return -1;
    snprintf(l->path, sizeof l->path, "%s", path);
    if (lstat(path, &l->made) != 0)
        return -1;
    return chmod(path, MODE) == 0 ? listen(l->fd, SOMAXCONN) : -1; /* nobody can connect before it listens */
}

int footfall__serve_listen_unix(struct footfall_serve_listener *out, const struct footfall_serve_place *place,
                                struct footfall_error *err)
{
    const char *path = place->address.local.sun_path;
    int folder = lock_folder(path);
    int reason = make(out, place) == 0 ? 0 : errno;
    unlock_folder(folder);
    if (reason == 0)
        return FOOTFALL_OK;
    if (reason == EEXIST)
        return footfall__serve_fail(err, FOOTFALL_BROKEN, reason, "http.listen: %s is there, and is no socket", path);
    if (reason == EADDRINUSE)
        return footfall__serve_fail(err, FOOTFALL_BROKEN, reason, "http.listen: somebody listens on %s already", path);
    return footfall__serve_fail(err, FOOTFALL_BROKEN, reason, "http.listen: cannot listen on %s: %s", path,
                                strerror(reason));
}

/* An inode's number may be given again at once. */
static int is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void footfall__serve_remove_unix(const struct footfall_serve_listener *listener)
{
    struct stat found;
    int folder = -1;
    if (listener->path[0] == '\0')
        return;
    folder = lock_folder(listener->path);
    if (lstat(listener->path, &found) == 0 && is_same(&found, &listener->made))
        unlink(listener->path);
    unlock_folder(folder);
}
