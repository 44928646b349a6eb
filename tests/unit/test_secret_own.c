/* test_secret_own.c: the secret that a store keeps for itself: made whole, by one process only, and never a second time.
 * link, fsync and nanosleep of this program can be told to do something else. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "secret.h"

#define TEXT32 "0123456789abcdef0123456789ABCDEF"

/* These stand before the C library's own. */
static int link_fails;               /* errno */
static int sync_fails;               /* errno */
static const char *make_before_link; /* content that somebody else puts there first */
static const char *write_in_pause;   /* path of a file that somebody else finishes while we sleep */

int link(const char *from, const char *to)
{
    if (link_fails != 0) {
        errno = link_fails;
        return -1;
    }
    if (make_before_link != NULL) {
        FILE *file = fopen(to, "wx");
        assert_non_null(file);
        assert_true(fputs(make_before_link, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return (int)syscall(SYS_link, from, to);
}

int fsync(int fd)
{
    if (sync_fails != 0) {
        errno = sync_fails;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    if (write_in_pause != NULL) {
        FILE *file = fopen(write_in_pause, "w");
        assert_non_null(file);
        assert_true(fputs(TEXT32 "\n", file) >= 0);
        assert_int_equal(fclose(file), 0);
        write_in_pause = NULL;
        return 0;
    }
    return (int)syscall(SYS_nanosleep, wanted, left);
}

struct surroundings {
    char folder[64], path[128];
    int warnings;
    char warning[300];
};

static void take_log(void *user, enum footfall_log_level level, const char *line)
{
    struct surroundings *s = user;
    assert_int_equal(level, FOOTFALL_LOG_WARN);
    s->warnings++;
    snprintf(s->warning, sizeof s->warning, "%s", line);
}

static int set_up(void **state)
{
    struct surroundings *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    snprintf(s->folder, sizeof s->folder, "/tmp/footfall-secret-XXXXXX");
    if (mkdtemp(s->folder) == NULL)
        return -1;
    snprintf(s->path, sizeof s->path, "%s/counts.db.secret", s->folder);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct surroundings *s = *state;
    link_fails = sync_fails = 0;
    make_before_link = write_in_pause = NULL;
    footfall__alloc_hook(NULL, NULL);
    (void)unlink(s->path);
    (void)rmdir(s->path);
    if (rmdir(s->folder) != 0) {
        fprintf(stderr, "%s is not empty\n", s->folder);
        return -1;
    }
    free(s);
    return 0;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void put(const char *path, const void *bytes, size_t count, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* ---- making ----------------------------------------------------------------------------------------------------------- */

static void made_once_and_read_again(void **state)
{
    struct surroundings *s = *state;
    struct footfall_error err;
    struct stat about;
    uint8_t *first = NULL;
    uint8_t *second = NULL;
    size_t first_bytes = 0;
    size_t second_bytes = 0;
    mode_t old = umask(0);
    int rc = footfall__secret_own(&first, &first_bytes, s->path, 0, take_log, s, &err);
    umask(old);
    assert_int_equal(rc, FOOTFALL_OK);
    assert_int_equal(first_bytes, 64);
    for (size_t i = 0; i < first_bytes; i++)
        assert_true((first[i] >= '0' && first[i] <= '9') || (first[i] >= 'a' && first[i] <= 'f'));
    assert_int_equal(stat(s->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(about.st_size, 65);
    assert_int_equal(about.st_nlink, 1);
    assert_int_equal(files_in(s->folder), 1);
    assert_int_equal(footfall__secret_own(&second, &second_bytes, s->path, 1, take_log, s, &err), FOOTFALL_OK);
    assert_int_equal(second_bytes, first_bytes);
    assert_memory_equal(second, first, first_bytes);
    footfall__secret_free(second, second_bytes);
    /* another one is another one */
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(footfall__secret_own(&second, &second_bytes, s->path, 0, take_log, s, &err), FOOTFALL_OK);
    assert_memory_not_equal(second, first, first_bytes);
    footfall__secret_free(second, second_bytes);
    footfall__secret_free(first, first_bytes);
    assert_int_equal(s->warnings, 0);
}

static void never_anew_for_old_visitors(void **state)
{
    struct surroundings *s = *state;
    struct footfall_error err;
    uint8_t *secret = (uint8_t *)s;
    size_t bytes = 77;
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 1, take_log, s, &err), FOOTFALL_CONFIG);
    assert_null(secret);
    assert_int_equal(bytes, 0);
    assert_has(err.text, s->path);
    assert_has(err.text, "holds visitors");
    assert_has(err.text, "restore it");
    assert_int_equal(files_in(s->folder), 0);
    put(s->path, "hush-hush\n", 10, 0600); /* damaged: not replaced either */
    for (int has_visitors = 0; has_visitors < 2; has_visitors++) {
        assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, has_visitors, NULL, NULL, &err),
                         FOOTFALL_CONFIG);
        assert_has(err.text, s->path);
        assert_has(err.text, "too short");
        assert_null(strstr(err.text, "hush"));
    }
    put(s->path, "", 0, 0600);
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, &err), FOOTFALL_CONFIG);
    assert_has(err.text, "empty");
    put(s->path, TEXT32 "\n", 33, 0644);
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 1, take_log, s, &err), FOOTFALL_OK);
    assert_memory_equal(secret, TEXT32, 32);
    assert_int_equal(s->warnings, 1);
    footfall__secret_free(secret, bytes);
}

static void somebody_else_is_faster(void **state)
{
    struct surroundings *s = *state;
    uint8_t *secret = NULL;
    size_t bytes = 0;
    make_before_link = TEXT32 "\n";
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, NULL), FOOTFALL_OK);
    assert_int_equal(bytes, 32);
    assert_memory_equal(secret, TEXT32, 32);
    assert_int_equal(files_in(s->folder), 1);
    footfall__secret_free(secret, bytes);
}

static void without_hard_links(void **state)
{
    static const int numbers[] = { EPERM, EOPNOTSUPP, ENOSYS };
    struct surroundings *s = *state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct stat about;
        uint8_t *secret = NULL;
        size_t bytes = 0;
        link_fails = numbers[i];
        assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, NULL), FOOTFALL_OK);
        assert_int_equal(bytes, 64);
        assert_int_equal(files_in(s->folder), 1);
        assert_int_equal(stat(s->path, &about), 0);
        assert_int_equal(about.st_mode & 07777, 0600);
        footfall__secret_free(secret, bytes);
        assert_int_equal(unlink(s->path), 0);
    }
}

static void assert_cannot_be_made(struct surroundings *s, int number)
{
    struct footfall_error err;
    uint8_t *secret = (uint8_t *)s;
    size_t bytes = 77;
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, &err), FOOTFALL_BROKEN);
    assert_null(secret);
    assert_int_equal(bytes, 0);
    assert_int_equal(err.native, number);
    assert_has(err.text, "counts.db.secret: cannot be made: ");
}

static void nothing_is_left_behind(void **state)
{
    struct surroundings *s = *state;
    struct rlimit old;
    struct rlimit small;
    char long_path[5000];
    uint8_t *secret = NULL;
    size_t bytes = 0;
    struct footfall_error err;
    link_fails = EIO;
    assert_cannot_be_made(s, EIO);
    assert_int_equal(files_in(s->folder), 0);
    link_fails = 0;
    sync_fails = EIO;
    assert_cannot_be_made(s, EIO);
    assert_int_equal(files_in(s->folder), 0);
    link_fails = EPERM; /* neither under its own name */
    assert_cannot_be_made(s, EIO);
    assert_int_equal(files_in(s->folder), 0);
    link_fails = sync_fails = 0;
    /* a disk that is full after ten bytes */
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 10;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_cannot_be_made(s, EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(files_in(s->folder), 0);
    /* no folder */
    snprintf(s->path, sizeof s->path, "%s/attic/counts.db.secret", s->folder);
    assert_cannot_be_made(s, ENOENT);
    snprintf(s->path, sizeof s->path, "%s/counts.db.secret", s->folder);
    /* a link to nothing is neither read nor replaced */
    assert_int_equal(symlink("nowhere", s->path), 0);
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, &err), FOOTFALL_CONFIG);
    assert_has(err.text, s->path);
    assert_null(secret);
    assert_int_equal(files_in(s->folder), 1);
    /* no path at all */
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(footfall__secret_own(&secret, &bytes, long_path, 0, NULL, NULL, &err), FOOTFALL_CONFIG);
    assert_null(secret);
}

/* Sixteen processes at once: all read the one that won. */
static void one_of_many_wins(void **state)
{
    enum { PROCESSES = 16 };
    struct surroundings *s = *state;
    uint8_t all[PROCESSES][64];
    for (int round = 0; round < 8; round++) {
        int pipes[2];
        link_fails = round % 4 == 3 ? EPERM : 0; /* also where there are no hard links */
        assert_int_equal(pipe(pipes), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                uint8_t *secret = NULL;
                size_t bytes = 0;
                int rc = footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, NULL);
                _exit(rc == FOOTFALL_OK && bytes == 64 && write(pipes[1], secret, 64) == 64 ? 0 : 1);
            }
        }
        close(pipes[1]);
        for (int i = 0; i < PROCESSES; i++) {
            int status = -1;
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
            assert_int_equal(read(pipes[0], all[i], 64), 64);
            assert_memory_equal(all[i], all[0], 64);
        }
        close(pipes[0]);
        assert_int_equal(files_in(s->folder), 1);
        assert_int_equal(unlink(s->path), 0);
    }
}

/* Where there are no hard links, a file may be met that somebody is just writing. */
static void waits_for_a_writer(void **state)
{
    static const char *const begun[] = { "", "0123456789abcdef" };
    struct surroundings *s = *state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t *secret = NULL;
        size_t bytes = 0;
        struct footfall_error err;
        put(s->path, begun[i], strlen(begun[i]), 0600);
        write_in_pause = s->path;
        assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 1, NULL, NULL, &err), FOOTFALL_OK);
        assert_int_equal(bytes, 32);
        assert_memory_equal(secret, TEXT32, 32);
        footfall__secret_free(secret, bytes);
    }
}

static int refuse(void *user)
{
    ++*(int *)user;
    return 1;
}

static void out_of_memory(void **state)
{
    struct surroundings *s = *state;
    struct footfall_error err;
    uint8_t *secret = (uint8_t *)s;
    size_t bytes = 77;
    int refused = 0;
    footfall__alloc_hook(refuse, &refused);
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 0, NULL, NULL, &err), FOOTFALL_NO_MEMORY);
    assert_int_equal(err.status, FOOTFALL_NO_MEMORY);
    assert_null(secret);
    assert_int_equal(bytes, 0);
    assert_int_equal(refused, 1);
    footfall__alloc_hook(NULL, NULL); /* what was made is whole all the same */
    assert_int_equal(footfall__secret_own(&secret, &bytes, s->path, 1, NULL, NULL, &err), FOOTFALL_OK);
    assert_int_equal(bytes, 64);
    footfall__secret_free(secret, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(made_once_and_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_anew_for_old_visitors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_else_is_faster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_hard_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_of_many_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_a_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("secret_own", tests, NULL, NULL);
}
