/* redis_load.c: what is Redis's own of load.h. */
#include "load.h"

#include "redis_ask.h"
#include "redis_control.h"

#include <stdlib.h>
#include <string.h>

struct footfall *load_open(const char *prefix, const char *settings)
{
    (void)settings;
    return redis_open(prefix, NULL);
}

size_t load_connections(void)
{
    char *list = NULL;
    size_t lines = 0;
    if (strncmp(support_redis_url(), "rediss:", 7) == 0) /* commands are not sent over TLS */
        return 0;
    list = support_redis_command("CLIENT", "LIST", "TYPE", "normal", NULL);
    for (const char *at = list; *at != '\0'; at++)
        lines += *at == '\n';
    free(list);
    return lines;
}
