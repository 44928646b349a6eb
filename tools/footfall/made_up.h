/* made_up.h: what visits are made up of, for measuring and for showing: numbers by chance, the same for the same seed, and
 * addresses that nobody has. */
#ifndef FOOTFALL_CLI_MADE_UP_H
#define FOOTFALL_CLI_MADE_UP_H
#include <stdint.h>

/* Never for keys or tokens. *state must start nonzero; one thread at a time. */
uint64_t footfall__cli_random(uint64_t *state);

#define FOOTFALL_CLI_MADE_UP_BYTES 32
/* An address for documentation (RFC 5737, RFC 3849), of the first visitors every other one IPv4; each number has its own. */
void footfall__cli_made_up_address(char out[FOOTFALL_CLI_MADE_UP_BYTES], unsigned visitor);
#endif
