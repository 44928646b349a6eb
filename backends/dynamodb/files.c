/* files.c: credentials and region from ~/.aws/credentials and ~/.aws/config (credentials.h): where these are, how they are read,
 * and which of their two words counts. What stands in them is profile.c's. */
#include "credentials.h"

#include "alloc.h"
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CREDENTIALS, CONFIG, FILES };

struct files {
    const char *name; /* of the profile */
    int named;        /* somebody asked for it */
    char paths[FILES][DYNAMODB_PATH_BYTES];
    struct dynamodb_profile profiles[FILES];
};

const char *footfall__dynamodb_path_end(const char *path)
{
    enum { KEPT = 100 };
    size_t bytes = strlen(path);
    const char *at = bytes > KEPT ? path + bytes - KEPT : path;
    while (at != path && ((unsigned char)*at & 0xc0) == 0x80)
        at++;
    return at;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

void footfall__dynamodb_cleanse_bytes(char *text, size_t bytes)
{
    if (text != NULL)
        OPENSSL_cleanse(text, bytes);
    footfall__free(text);
}

static int read_all(size_t *have, int fd, char *buffer, size_t max_bytes)
{
    while (*have <= max_bytes) {
        ssize_t got = read(fd, buffer + *have, max_bytes + 1 - *have);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return errno;
        *have += got > 0 ? (size_t)got : 0;
    }
    return EFBIG;
}

int footfall__dynamodb_file_read(char **out, size_t *bytes, const char *path, size_t max_bytes)
{
    struct stat about;
    char *buffer = NULL;
    int number = 0;
    /* not to wait for whoever writes to a FIFO, which is then refused; /dev/null is fine */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *out = NULL;
    *bytes = 0;
    if (fd < 0)
        return errno;
    if (fstat(fd, &about) != 0)
        number = errno;
    else if (S_ISDIR(about.st_mode))
        number = EISDIR;
    else if (!S_ISREG(about.st_mode) && !S_ISCHR(about.st_mode))
        number = EINVAL;
    else if ((buffer = footfall__malloc(max_bytes + 1)) == NULL)
        number = ENOMEM;
    else
        number = read_all(bytes, fd, buffer, max_bytes);
    (void)close(fd);
    if (number != 0) {
        footfall__dynamodb_cleanse_bytes(buffer, *bytes);
        *bytes = 0;
        return number;
    }
    buffer[*bytes] = '\0';
    *out = buffer;
    return 0;
}

/* As the AWS CLI: a file that is not there says nothing, also when the environment names it. */
static int load(struct dynamodb_profile *profile, const char *name, int is_config, const char *path,
                struct footfall_store_call *call)
{
    char why[80];
    char *text = NULL;
    size_t bytes = 0;
    int rc = 0;
    int number = path[0] != '\0' ? footfall__dynamodb_file_read(&text, &bytes, path, DYNAMODB_FILE_BYTES) : ENOENT;
    if (number == ENOENT || number == ENOTDIR)
        return 0;
    if (number == ENOMEM)
        return footfall__dynamodb_no_memory(call);
    if (number != 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "%s cannot be read: %s",
                                        footfall__dynamodb_path_end(path), strerror_r(number, why, sizeof why));
    rc = footfall__dynamodb_profile(profile, name, is_config, path, text, bytes, call);
    footfall__dynamodb_cleanse_bytes(text, bytes);
    return rc;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

/* Leaves path empty when there is no such place. */
static int place(char path[DYNAMODB_PATH_BYTES], const char *named, const char *home, const char *usual,
                 struct footfall_store_call *call)
{
    int tilde = named != NULL && named[0] == '~' && named[1] == '/';
    int bytes = 0;
    path[0] = '\0';
    if (named != NULL && !tilde)
        bytes = snprintf(path, DYNAMODB_PATH_BYTES, "%s", named);
    else if (home != NULL)
        bytes = snprintf(path, DYNAMODB_PATH_BYTES, "%s/%s", home, tilde ? named + 2 : usual);
    if (bytes < 0 || bytes >= DYNAMODB_PATH_BYTES)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "the path of the AWS %s file is too long",
                                        usual + sizeof ".aws/" - 1);
    return 0;
}

static void drop(struct files *files)
{
    for (int i = 0; i < FILES; i++)
        footfall__dynamodb_profile_drop(&files->profiles[i]);
}

static int load_both(struct files *files, const struct dynamodb_sources *from, struct footfall_store_call *call)
{
    const char *home = from->env[DYNAMODB_HOME];
    const char *named = from->profile != NULL ? from->profile : from->env[DYNAMODB_PROFILE];
    int rc = 0;
    memset(files, 0, sizeof *files);
    files->named = named != NULL;
    files->name = named != NULL ? named : "default";
    rc = place(files->paths[CREDENTIALS], from->env[DYNAMODB_CREDENTIALS_FILE], home, ".aws/credentials", call);
    if (rc == 0)
        rc = place(files->paths[CONFIG], from->env[DYNAMODB_CONFIG_FILE], home, ".aws/config", call);
    for (int i = 0; rc == 0 && i < FILES; i++)
        rc = load(&files->profiles[i], files->name, i == CONFIG, files->paths[i], call);
    if (rc == 0 && files->named && files->profiles[CREDENTIALS].line == 0 && files->profiles[CONFIG].line == 0)
        rc = footfall__dynamodb_fault(
            call, FOOTFALL_STORE_BROKEN, "there is no AWS profile '%.60s' (from %s) in %s, %s", files->name,
            from->profile != NULL ? "dynamodb.profile" : "AWS_PROFILE",
            footfall__dynamodb_path_end(files->paths[CREDENTIALS]), footfall__dynamodb_path_end(files->paths[CONFIG]));
    return rc;
}

/* A profile that wants another identity than its keys give is not used with these, nor passed over for somebody else's. */
static int refuse(const struct files *files, int which, const char *wish, struct footfall_store_call *call)
{
    return footfall__dynamodb_fault(
        call, FOOTFALL_STORE_BROKEN, "%s:%d: profile '%.60s' asks for %s, which is not supported; give keys instead",
        footfall__dynamodb_path_end(files->paths[which]), files->profiles[which].line, files->name, wish);
}

static int choose(struct dynamodb_credentials *out, const struct files *files, struct footfall_store_call *call)
{
    static const char *const names[] = { "aws_access_key_id", "aws_secret_access_key", "aws_session_token" };
    int rc = 0;
    for (int i = 0; i < FILES; i++)
        if (files->profiles[i].role != NULL)
            return refuse(files, i, files->profiles[i].role, call);
    for (int i = 0; rc == 0 && out->access_key_id == NULL && i < FILES; i++) {
        const struct dynamodb_profile *profile = &files->profiles[i];
        const char *const texts[] = { profile->values[PROFILE_ID], profile->values[PROFILE_SECRET],
                                      profile->values[PROFILE_TOKEN] };
        char where[256];
        footfall__format(where, sizeof where, "%s:%d: profile '%.60s': ", footfall__dynamodb_path_end(files->paths[i]),
                         profile->line, files->name);
        rc = footfall__dynamodb_take(out, texts, names, FOOTFALL_STORE_BROKEN, where, call);
    }
    for (int i = 0; rc == 0 && out->access_key_id == NULL && i < FILES; i++)
        if (files->profiles[i].foreign != NULL)
            rc = refuse(files, i, files->profiles[i].foreign, call);
    return rc;
}

int footfall__dynamodb_files(struct dynamodb_credentials *out, const struct dynamodb_sources *from,
                             struct footfall_store_call *call)
{
    struct files files;
    int rc = load_both(&files, from, call);
    memset(out, 0, sizeof *out);
    if (rc == 0)
        rc = choose(out, &files, call);
    drop(&files);
    return rc;
}

int footfall__dynamodb_files_region(char **out, const struct dynamodb_sources *from, struct footfall_store_call *call)
{
    struct files files;
    int rc = load_both(&files, from, call);
    *out = NULL;
    for (int i = 0; rc == 0 && *out == NULL && i < FILES; i++) {
        *out = files.profiles[i].values[PROFILE_REGION];
        files.profiles[i].values[PROFILE_REGION] = NULL;
    }
    drop(&files);
    return rc;
}
