/* interrupt.c: Ctrl-C and its like, so that what is under way can end well: the first is noted, the second ends the program. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static atomic_int caught;

static void on_signal(int number)
{
    static const char text[] = "\nfootfall: ending what is under way; once more to end at once\n";
    int reason = errno; /* of whatever was interrupted */
    atomic_store(&caught, number);
    if (number == SIGINT && isatty(STDERR_FILENO) == 1 && write(STDERR_FILENO, text, sizeof text - 1) < 0)
        errno = EIO; /* nobody to tell */
    errno = reason;
}

void footfall__cli_catch_interrupts(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup means it */
            sigaction(numbers[i], &action, NULL);
}

int footfall__cli_interrupted(void)
{
    return atomic_load(&caught);
}

void footfall__cli_end_by_interrupt(void)
{
    int number = atomic_load(&caught);
    if (number == 0)
        return;
    signal(number, SIG_DFL);
    raise(number);
}
