/* dynamodb_proxied.c: what is DynamoDB's own of proxied.h: the server's address, handles, which request is which. A prefix is the
 * name of a table, after what with_dynamodb.py has our tables begin with. */
#include "dynamodb_proxied.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "handle.h"

const char *const proxied_backend = "dynamodb";
const int proxied_dead_copy_counts = 0; /* of 16 slots the other one may have taken the same */

static const char *said(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        support_die("run the program by with_dynamodb.py");
    return value;
}

static uint16_t server_port(void)
{
    return (uint16_t)strtoul(said("FOOTFALL_TEST_DYNAMODB_PORT"), NULL, 10);
}

struct support_proxy *proxied_start(void)
{
    struct support_proxy_address any = { .path = NULL };
    struct support_proxy_address server = { .port = server_port() };
    return support_proxy_start(&support_proxy_http, any, server);
}

char *dynamodb_table(const char *prefix)
{
    return support_format("%s%s", said("FOOTFALL_TEST_NAME_PREFIX"), prefix);
}

struct footfall *dynamodb_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *setting,
                                       const char *create)
{
    char *keys[] = { support_format("%s.endpoint", backend), support_format("%s.table", backend),
                     support_format("%s.create_table", backend), support_format("%s.%s", backend, setting) };
    char *url = support_format("http://127.0.0.1:%d", (int)(port != 0 ? port : server_port()));
    char *table = dynamodb_table(prefix);
    char *value = strchr(keys[3], '=');
    const char *pairs[] = { "backend",
                            backend,
                            "secret",
                            SUPPORT_SECRET,
                            "deadline",
                            "60s",
                            keys[0],
                            url,
                            keys[1],
                            table,
                            keys[2],
                            create,
                            value != NULL ? keys[3] : NULL,
                            value != NULL ? value + 1 : NULL,
                            NULL };
    struct footfall *ff = NULL;
    if (value != NULL)
        *value = '\0';
    ff = support_open(pairs);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        free(keys[i]);
    free(table);
    free(url);
    return ff;
}

struct footfall *proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes,
                              const char *setting)
{
    (void)lanes; /* always 4; a counter always takes the same one */
    return dynamodb_proxied_open(backend, port, prefix, setting, "false");
}

void proxied_make(const char *prefix)
{
    footfall_close(dynamodb_proxied_open("dynamodb", 0, prefix, "", "true"));
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

static int holds(const void *request, size_t bytes, const char *text)
{
    return memmem(request, bytes, text, strlen(text)) != NULL;
}

int dynamodb_is_action(const void *request, size_t bytes, const char *action)
{
    char *line = support_format("DynamoDB_20120810.%s\r", action);
    const int is = holds(request, bytes, line);
    free(line);
    return is;
}

int proxied_is_counting(const void *request, size_t bytes, void *user)
{
    (void)user;
    return !holds(request, bytes, "Table\r") && !holds(request, bytes, "TimeToLive\r");
}

int proxied_is_apply(const void *request, size_t bytes, void *user)
{
    (void)user;
    return dynamodb_is_action(request, bytes, "UpdateItem") || dynamodb_is_action(request, bytes, "TransactWriteItems");
}

int proxied_is_epoch(const void *request, size_t bytes, void *user)
{
    (void)user;
    return holds(request, bytes, "-keys\"") && proxied_is_counting(request, bytes, NULL);
}
