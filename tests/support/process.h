/* process.h: processes that tests start and that report through a pipe. The program starts itself again under another
 * role (`program ROLE ARGS…`), so that the new process shares nothing with the test: no memory, no lock, no handle. */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct support_process {
    pid_t pid;
    int from; /* what the process wrote to SUPPORT_REPORT_FD */
    int to;   /* its standard input */
};
enum { SUPPORT_REPORT_FD = 3 };

/* Runs this program again with these arguments (NULL at the end; argv[0] is filled in). */
void support_process_start(struct support_process *process, const char *const *args);
struct support_bytes { /* grows; start with zeros, end with free(at) */
    unsigned char *at;
    size_t count, room;
};
/* Adds what the process reports until it closes the pipe (returns 0) or the time (support_now_ns) has come (returns 1). */
int support_process_read(struct support_process *process, struct support_bytes *bytes, int64_t until_ns);
/* Closes the pipes, waits, gives waitpid's status. */
int support_process_wait(struct support_process *process);

/* In the process: hands over a report. Up to 4,096 bytes arrive whole, also from several threads. */
void support_report(const void *bytes, size_t count);

/* Monotonic nanoseconds, comparable between processes of one machine. */
int64_t support_now_ns(void);
void support_sleep_ms(int64_t ms);
/* Threads of this process now. */
int support_thread_count(void);
/* The seed of this run: $FOOTFALL_TEST_SEED, or the time; printed once, so that a run can be repeated. */
uint64_t support_seed(void);
/* A generator of its own for each thread; *state must start nonzero. */
uint64_t support_random(uint64_t *state);
uint64_t support_random_below(uint64_t *state, uint64_t limit);
#endif
