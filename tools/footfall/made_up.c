/* made_up.c: numbers by chance and addresses that nobody has (made_up.h). */
#include "made_up.h"

#include <stdio.h>

#define HOSTS 254U /* of a /24 */

/* xorshift64 (Marsaglia, "Xorshift RNGs") */
uint64_t footfall__cli_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void footfall__cli_made_up_address(char out[FOOTFALL_CLI_MADE_UP_BYTES], unsigned visitor)
{
    static const char *const networks[] = { "192.0.2", "198.51.100", "203.0.113" };
    unsigned host = visitor / 2;
    if (visitor % 2 == 0 && host < 3 * HOSTS)
        snprintf(out, FOOTFALL_CLI_MADE_UP_BYTES, "%s.%u", networks[host / HOSTS], host % HOSTS + 1);
    else /* visitors are told apart by the /64, unless it is configured otherwise */
        snprintf(out, FOOTFALL_CLI_MADE_UP_BYTES, "2001:db8:%x:%x::1", visitor >> 16, visitor & 0xffff);
}
