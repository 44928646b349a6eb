/* clock.c: reading the clocks (clock.h). */
#include "clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t footfall__boottime_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t footfall__boottime_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t footfall__wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

void footfall__sleep_us(int64_t us)
{
    struct timespec left = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };
    if (us <= 0)
        return;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}
