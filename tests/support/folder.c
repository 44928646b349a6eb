/* folder.c: temporary folders and plain files for tests (folder.h). */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void support_die(const char *what)
{
    fprintf(stderr, "test support: %s: %s\n", what, strerror(errno));
    _exit(99);
}

char *support_format(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        support_die("vasprintf");
    va_end(args);
    return text;
}

char *support_path(const char *dir, const char *name)
{
    return support_format("%s/%s", dir, name);
}

char *support_folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = support_format("%s/footfall-test-XXXXXX", base != NULL && base[0] == '/' ? base : "/tmp");
    if (mkdtemp(path) == NULL)
        support_die(path);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void support_folder_remove(char *path)
{
    if (path != NULL && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "test support: %s stays: %s\n", path, strerror(errno));
    free(path);
}

unsigned char *support_file_read(const char *path, size_t *bytes)
{
    unsigned char *all = NULL;
    size_t got = 0;
    FILE *file = fopen(path, "rbe");
    *bytes = 0;
    if (file == NULL)
        return NULL;
    do {
        unsigned char *more = realloc(all, *bytes + 65536);
        if (more == NULL)
            support_die("realloc");
        all = more;
        got = fread(all + *bytes, 1, 65536, file);
        *bytes += got;
    } while (got > 0);
    fclose(file);
    return all;
}

void support_file_write(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
        support_die(path);
}

static int ends_in(const char *name, const char *end)
{
    size_t have = strlen(name), want = strlen(end);
    return have >= want && memcmp(name + have - want, end, want) == 0;
}

void support_folder_copy(const char *from, const char *to, const char *except)
{
    DIR *dir = opendir(from);
    struct dirent *entry = NULL;
    if (dir == NULL)
        support_die(from);
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;
        char *source = support_path(from, entry->d_name), *target = support_path(to, entry->d_name);
        if (stat(source, &st) == 0 && S_ISREG(st.st_mode) && (except == NULL || !ends_in(entry->d_name, except))) {
            size_t bytes = 0;
            unsigned char *all = support_file_read(source, &bytes);
            if (all == NULL)
                support_die(source);
            support_file_write(target, all, bytes);
            chmod(target, st.st_mode & 07777);
            free(all);
        }
        free(source);
        free(target);
    }
    closedir(dir);
}
