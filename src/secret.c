/* secret.c: reading a secret, and making the one that an embedded store keeps for itself (secret.h). */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "bytes.h"
#include "clock.h"
#include "error.h"
#include "random.h"

enum { FILE_MAX_BYTES = 4096, RANDOM_BYTES = 32, OWN_BYTES = 2 * RANDOM_BYTES + 1 };

/* A path as errors show it: its end matters most */
static const char *shown(const char *path)
{
    enum { KEPT = 120 };
    size_t bytes = strlen(path);
    const char *at = bytes > KEPT ? path + bytes - KEPT : path;
    while (at != path && ((unsigned char)*at & 0xc0) == 0x80)
        at++;
    return at;
}

static int refused(struct footfall_error *err, int status, int number, const char *path, const char *doing)
{
    char why[80];
    return footfall__fail(err, status, number, "secret file %s: %s: %s", shown(path), doing,
                          strerror_r(number, why, sizeof why));
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static int keep(uint8_t **out, size_t *bytes, const void *secret, size_t secret_bytes, struct footfall_error *err)
{
    *out = footfall__malloc(secret_bytes);
    if (*out == NULL)
        return footfall__fail(err, FOOTFALL_NO_MEMORY, 0, "out of memory while reading the secret");
    memcpy(*out, secret, secret_bytes);
    *bytes = secret_bytes;
    return FOOTFALL_OK;
}

/* Length without the newline that an editor or echo left at the end of a text */
static size_t without_newline(const uint8_t *text, size_t bytes)
{
    size_t end = bytes;
    if (end > 0 && text[end - 1] == '\n')
        end--;
    if (end < bytes && end > 0 && text[end - 1] == '\r')
        end--;
    for (size_t i = 0; i < end; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return bytes;
    return end;
}

static void warn_of_mode(const char *path, mode_t mode, footfall__secret_log *log, void *log_user)
{
    char line[256];
    if (log == NULL || (mode & (S_IRGRP | S_IROTH)) == 0)
        return;
    footfall__format(line, sizeof line, "secret file %s can be read by others (mode %04o): chmod 600 it", shown(path),
                     (unsigned)(mode & 07777));
    log(log_user, FOOTFALL_LOG_WARN, line);
}

/* Fills buffer (FILE_MAX_BYTES + 1) from an open file. 0 or errno */
static int read_file(int fd, uint8_t *buffer, size_t *have)
{
    *have = 0;
    while (*have <= FILE_MAX_BYTES) {
        ssize_t got = read(fd, buffer + *have, FILE_MAX_BYTES + 1 - *have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        *have += (size_t)got;
    }
    return 0;
}

/* *missing = 1 when there is no such file, *is_short = 1 when it holds too little; both CONFIG */
static int read_secret(uint8_t **out, size_t *bytes, int *missing, int *is_short, const char *path,
                       footfall__secret_log *log, void *log_user, struct footfall_error *err)
{
    uint8_t buffer[FILE_MAX_BYTES + 1];
    struct stat about;
    size_t have = 0;
    int number = 0;
    int rc = FOOTFALL_OK;
    /* not to wait for the writer of a FIFO, which is then refused */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *missing = fd < 0 && errno == ENOENT;
    *is_short = 0;
    if (fd < 0)
        return refused(err, FOOTFALL_CONFIG, errno, path, "cannot be opened");
    if (fstat(fd, &about) != 0) {
        rc = refused(err, FOOTFALL_CONFIG, errno, path, "cannot be read");
        goto cleanup;
    }
    if (!S_ISREG(about.st_mode)) {
        rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "secret file %s: %s", shown(path),
                            S_ISDIR(about.st_mode) ? "is a directory" : "is not a regular file");
        goto cleanup;
    }
    number = read_file(fd, buffer, &have);
    if (number != 0) {
        rc = refused(err, FOOTFALL_CONFIG, number, path, "cannot be read");
    } else if (have > FILE_MAX_BYTES) {
        rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "secret file %s: larger than %d bytes", shown(path),
                            FILE_MAX_BYTES);
    } else if (without_newline(buffer, have) < FOOTFALL__SECRET_MIN_BYTES) {
        *is_short = 1;
        rc = footfall__fail(err, FOOTFALL_CONFIG, 0, "secret file %s: %s, at least %d bytes are needed", shown(path),
                            have == 0 ? "empty" : "too short", FOOTFALL__SECRET_MIN_BYTES);
    } else {
        warn_of_mode(path, about.st_mode, log, log_user);
        rc = keep(out, bytes, buffer, without_newline(buffer, have), err);
    }
cleanup:
    OPENSSL_cleanse(buffer, have);
    close(fd);
    return rc;
}

int footfall__secret_load(uint8_t **out, size_t *bytes, const struct footfall__settings *settings,
                          footfall__secret_log *log, void *log_user, struct footfall_error *err)
{
    int missing;
    int is_short;
    *out = NULL;
    *bytes = 0;
    if (settings->secret != NULL)
        return keep(out, bytes, settings->secret, strlen(settings->secret), err);
    if (settings->secret_file == NULL)
        return footfall__fail(err, FOOTFALL_CONFIG, 0, "neither secret nor secret_file is set");
    return read_secret(out, bytes, &missing, &is_short, settings->secret_file, log, log_user, err);
}

/* ---- making one ------------------------------------------------------------------------------------------------------- */

/* Writes the whole and brings it to the disk. 0 or errno */
static int write_file(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t put = write(fd, text, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        text += put;
        bytes -= (size_t)put;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* Makes the file under a name that nobody has, mode 0600 whatever the umask, whole or not at all. 0 or errno */
static int create_file(const char *path, const char *text, size_t bytes)
{
    int number;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    (void)fchmod(fd, 0600); /* file systems without modes refuse it */
    number = write_file(fd, text, bytes);
    if (close(fd) != 0 && number == 0)
        number = errno;
    if (number != 0)
        (void)unlink(path);
    return number;
}

/* The name of path's folder to the disk. 0 or errno */
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t bytes = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    int number = 0;
    int fd;
    if (bytes >= sizeof folder)
        return ENAMETOOLONG;
    memcpy(folder, path, bytes);
    if (bytes == 0)
        folder[bytes++] = '.';
    folder[bytes] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (fsync(fd) != 0 && errno != EINVAL && errno != EOPNOTSUPP) /* some file systems cannot, and need not */
        number = errno;
    close(fd);
    return number;
}

static int without_links(int number)
{
    return number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EMLINK;
}

/* Puts text under path unless something is there already. 0, also when somebody else was faster, or errno */
static int put_if_absent(const char *path, const char *text, size_t bytes)
{
    char temporary[PATH_MAX];
    uint8_t suffix[8];
    char hex[2 * sizeof suffix + 1];
    int number;
    int length;
    if (footfall__random_bytes(suffix, sizeof suffix) != 0)
        return errno;
    footfall__hex(hex, suffix, sizeof suffix);
    length = snprintf(temporary, sizeof temporary, "%s.%s.tmp", path, hex);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return ENAMETOOLONG;
    number = create_file(temporary, text, bytes);
    if (number != 0)
        return number;
    if (link(temporary, path) != 0)
        number = errno;
    if (unlink(temporary) != 0 && number == 0)
        number = errno;
    if (without_links(number))
        number = create_file(path, text, bytes);
    if (number == 0 || number == EEXIST)
        number = sync_folder(path); /* the winner may not have come to it yet */
    return number;
}

static int make_secret(const char *path, struct footfall_error *err)
{
    uint8_t random[RANDOM_BYTES];
    char text[OWN_BYTES + 1];
    int number = footfall__random_bytes(random, sizeof random) == 0 ? 0 : errno;
    if (number == 0) {
        footfall__hex(text, random, sizeof random);
        text[OWN_BYTES - 1] = '\n';
        number = put_if_absent(path, text, OWN_BYTES);
    }
    OPENSSL_cleanse(random, sizeof random);
    OPENSSL_cleanse(text, sizeof text);
    return number == 0 ? FOOTFALL_OK : refused(err, FOOTFALL_BROKEN, number, path, "cannot be made");
}

int footfall__secret_own(uint8_t **out, size_t *bytes, const char *path, int has_visitors, footfall__secret_log *log,
                         void *log_user, struct footfall_error *err)
{
    enum { TRIES = 10, PAUSE_US = 10000 };
    int missing = 0;
    int is_short = 0;
    int rc;
    *out = NULL;
    *bytes = 0;
    rc = read_secret(out, bytes, &missing, &is_short, path, log, log_user, err);
    if (missing && has_visitors)
        return footfall__fail(err, FOOTFALL_CONFIG, ENOENT,
                              "the database holds visitors but %s is missing: restore it, or set secret or secret_file "
                              "to what it held",
                              shown(path));
    if (missing) {
        rc = make_secret(path, err);
        if (rc == FOOTFALL_OK)
            rc = read_secret(out, bytes, &missing, &is_short, path, log, log_user, err);
    }
    /* without hard links another process may be writing it just now */
    for (int i = 0; rc != FOOTFALL_OK && is_short && i < TRIES; i++) {
        footfall__sleep_us(PAUSE_US);
        rc = read_secret(out, bytes, &missing, &is_short, path, log, log_user, err);
    }
    return rc;
}

void footfall__secret_free(uint8_t *secret, size_t bytes)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse(secret, bytes);
    footfall__free(secret);
}
