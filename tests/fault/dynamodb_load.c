/* dynamodb_load.c: what is DynamoDB's own of load.h. Run the program by with_dynamodb.py --own: connections are counted. */
#include "load.h"

#include "dynamodb_proxied.h"
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>

enum { ESTABLISHED = 1, CLOSE_WAIT = 8 };

struct footfall *load_open(const char *prefix, const char *settings)
{
    return proxied_open(proxied_backend, 0, prefix, "", settings);
}

/* The server's sockets that have a request to come or to be answered yet: also when the other end is dead. */
size_t load_connections(void)
{
    const char *port_text = getenv("FOOTFALL_TEST_DYNAMODB_PORT");
    const unsigned long port = port_text != NULL ? strtoul(port_text, NULL, 10) : 0;
    FILE *sockets = fopen("/proc/net/tcp", "re");
    char line[256];
    size_t count = 0;
    if (sockets == NULL)
        support_die("/proc/net/tcp");
    while (fgets(line, sizeof line, sockets) != NULL) {
        unsigned int local = 0;
        unsigned int state = 0;
        if (sscanf(line, " %*d: %*8x:%4x %*8x:%*4x %2x", &local, &state) == 2 && local == port)
            count += state == ESTABLISHED || state == CLOSE_WAIT;
    }
    fclose(sockets);
    return count;
}
