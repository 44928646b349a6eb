/* ingest_rotated.c: finds what became of a log that was rotated: a file beside it whose name begins with the log's. */
#include "ingest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "log.1" and "log-20260301.gz" of "log". */
static int is_beside(const char *base, const char *name)
{
    size_t length = strlen(base);
    return strncmp(name, base, length) == 0 && (name[length] == '.' || name[length] == '-') && name[length + 1] != '\0';
}

static int compare(const void *a, const void *b)
{
    const struct footfall_ingest_sibling *x = a, *y = b;
    int order = (y->modified.tv_sec > x->modified.tv_sec) - (y->modified.tv_sec < x->modified.tv_sec);
    if (order == 0)
        order = (y->modified.tv_nsec > x->modified.tv_nsec) - (y->modified.tv_nsec < x->modified.tv_nsec);
    return order != 0 ? order : strcmp(x->name, y->name); /* before it is compressed, then after */
}

static int add(struct footfall_ingest_siblings *siblings, const char *path)
{
    struct footfall_ingest_sibling *grown = NULL;
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size == 0)
        return 0;
    grown = realloc(siblings->files, (siblings->count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    siblings->files = grown;
    grown += siblings->count;
    *grown = (struct footfall_ingest_sibling){ strdup(path), file.st_dev, file.st_ino, file.st_mtim };
    if (grown->name == NULL)
        return -1;
    siblings->count++;
    return 0;
}

int footfall__ingest_siblings_open(struct footfall_ingest_siblings *siblings, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    int folder_bytes = (int)(base - name), failed = 0;
    char path[PATH_MAX];
    DIR *folder = NULL;
    memset(siblings, 0, sizeof *siblings);
    if (strlen(name) >= sizeof path)
        return 0;
    snprintf(path, sizeof path, "%.*s", folder_bytes, name);
    folder = opendir(folder_bytes > 0 ? path : ".");
    for (struct dirent *entry = NULL; folder != NULL && !failed && (entry = readdir(folder)) != NULL;)
        if (is_beside(base, entry->d_name) &&
            snprintf(path, sizeof path, "%.*s%s", folder_bytes, name, entry->d_name) < (int)sizeof path)
            failed = add(siblings, path) != 0;
    if (folder != NULL)
        closedir(folder);
    if (failed) {
        footfall__ingest_siblings_free(siblings);
        return -1;
    }
    if (siblings->count > 0)
        qsort(siblings->files, siblings->count, sizeof siblings->files[0], compare);
    return 0;
}

void footfall__ingest_siblings_free(struct footfall_ingest_siblings *siblings)
{
    for (size_t i = 0; i < siblings->count; i++)
        free(siblings->files[i].name);
    free(siblings->files);
    memset(siblings, 0, sizeof *siblings);
}

int footfall__ingest_find_copy(const char *name, const struct footfall_ingest_place *place)
{
    struct footfall_ingest_siblings siblings;
    uint64_t bytes = 0;
    char wrong[128];
    int found = -1;
    if (place->offset == 0 || footfall__ingest_siblings_open(&siblings, name) != 0)
        return -1;
    for (size_t i = 0; found < 0 && i < siblings.count; i++) {
        found = open(siblings.files[i].name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (found >= 0 && (footfall__ingest_is_at(found, place, wrong, sizeof wrong) != 1 ||
                           footfall__ingest_log_bytes(found, &bytes) != 0)) {
            close(found);
            found = -1;
        }
    }
    footfall__ingest_siblings_free(&siblings);
    return found;
}
