/* process.c: processes that tests start (process.h), and the small things such tests measure. */
#include "process.h"
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ARGS = 14 };

static _Noreturn void become(const char *const *args, int report, int input)
{
    char *argv[MOST_ARGS + 2] = { (char[]){ "/proc/self/exe" } };
    for (size_t i = 0; i < MOST_ARGS && args[i] != NULL; i++) {
        argv[i + 1] = strdup(args[i]);
        if (argv[i + 1] == NULL)
            support_die("strdup");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Both ends may sit on the wanted numbers: move them out of the way first. */
    report = fcntl(report, F_DUPFD_CLOEXEC, 10);
    input = fcntl(input, F_DUPFD_CLOEXEC, 10);
    if (report < 0 || input < 0 || dup2(report, SUPPORT_REPORT_FD) < 0 || dup2(input, STDIN_FILENO) < 0)
        support_die("dup2");
    unsetenv("CMOCKA_XML_FILE");
    execv("/proc/self/exe", argv);
    support_die("execv");
}

void support_process_start(struct support_process *process, const char *const *args)
{
    int report[2], input[2];
    fflush(NULL);
    if (pipe2(report, O_CLOEXEC) != 0 || pipe2(input, O_CLOEXEC) != 0)
        support_die("pipe2");
    process->pid = fork();
    if (process->pid < 0)
        support_die("fork");
    if (process->pid == 0)
        become(args, report[1], input[0]);
    close(report[1]);
    close(input[0]);
    process->from = report[0];
    process->to = input[1];
}

int support_process_read(struct support_process *process, struct support_bytes *bytes, int64_t until_ns)
{
    for (;;) {
        struct pollfd wait = { .fd = process->from, .events = POLLIN };
        int64_t left_ms = until_ns == INT64_MAX ? 1000 : (until_ns - support_now_ns()) / 1000000;
        ssize_t got = 0;
        if (left_ms <= 0)
            return 1;
        if (poll(&wait, 1, left_ms < 1000 ? (int)left_ms : 1000) <= 0)
            continue;
        if (bytes->room - bytes->count < 65536) {
            bytes->room = bytes->room * 2 + 65536;
            bytes->at = realloc(bytes->at, bytes->room);
            if (bytes->at == NULL)
                support_die("realloc");
        }
        got = read(process->from, bytes->at + bytes->count, bytes->room - bytes->count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            support_die("read");
        if (got == 0)
            return 0;
        bytes->count += (size_t)got;
    }
}

int support_process_wait(struct support_process *process)
{
    int status = 0;
    close(process->to);
    close(process->from);
    while (waitpid(process->pid, &status, 0) < 0)
        if (errno != EINTR)
            support_die("waitpid");
    return status;
}

void support_report(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    while (count > 0) {
        ssize_t put = write(SUPPORT_REPORT_FD, at, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            support_die("report");
        at += put;
        count -= (size_t)put;
    }
}

int64_t support_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void support_sleep_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

int support_thread_count(void)
{
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry = NULL;
    int count = 0;
    if (dir == NULL)
        support_die("/proc/self/task");
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

uint64_t support_seed(void)
{
    static uint64_t seed;
    const char *given = getenv("FOOTFALL_TEST_SEED");
    if (seed != 0)
        return seed;
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)support_now_ns() ^ (uint64_t)time(NULL) << 20;
    if (seed == 0)
        seed = 1;
    printf("seed %" PRIu64 " (FOOTFALL_TEST_SEED repeats it)\n", seed);
    return seed;
}

uint64_t support_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t support_random_below(uint64_t *state, uint64_t limit)
{
    return support_random(state) % limit;
}
