/* dynamodb_load.c: what is DynamoDB's own of load.h. Run the program by with_dynamodb.py --own: connections are counted. */
#include "load.h"

#include "dynamodb_proxied.h"
#include "folder.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ESTABLISHED = 1, CLOSE_WAIT = 8 };

struct footfall *load_open(const char *prefix, const char *settings)
{
    return proxied_open(proxied_backend, 0, prefix, "", settings);
}

/* "NUMBER: ADDRESS:PORT ADDRESS:PORT STATE": the first port and the state; ULONG_MAX when it is no such line. */
static unsigned long take_socket(const char *line, unsigned long *state)
{
    char *at = strchr(line, ':');
    unsigned long port = 0;
    if (at == NULL || (at = strchr(at + 1, ':')) == NULL)
        return ULONG_MAX;
    port = strtoul(at + 1, &at, 16);
    if ((at = strchr(at, ':')) == NULL)
        return ULONG_MAX;
    (void)strtoul(at + 1, &at, 16);
    *state = strtoul(at, &at, 16);
    return port;
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
        unsigned long state = 0;
        if (take_socket(line, &state) == port)
            count += state == ESTABLISHED || state == CLOSE_WAIT;
    }
    fclose(sockets);
    return count;
}
