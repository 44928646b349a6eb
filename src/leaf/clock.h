/* clock.h: the two clocks. Deadlines run on BOOTTIME (it goes on while a machine sleeps), expiries on the wall. */
#ifndef FOOTFALL_LEAF_CLOCK_H
#define FOOTFALL_LEAF_CLOCK_H
#include <stdint.h>

int64_t footfall__boottime_ms(void); /* CLOCK_BOOTTIME, milliseconds */
int64_t footfall__boottime_us(void); /* the same in microseconds, for what is shorter */
int64_t footfall__wall_ms(void);     /* UTC, milliseconds since 1970 */
void footfall__sleep_us(int64_t us); /* at least that long; <= 0 returns at once */
#endif
