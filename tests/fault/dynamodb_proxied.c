/* dynamodb_proxied.c: what is DynamoDB's own of proxied.h: the server's address, handles, which request is which. A prefix is the
 * name of a table, after what with_dynamodb.py has our tables begin with. */
#include "dynamodb_proxied.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "folder.h"
#include "handle.h"

enum { MOST_WORDS = 12 };

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

/* Pairs of settings from words (proxied.h) that live as long; free() the keys. */
static size_t take_words(const char **pairs, char *words, const char *backend)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        if (value == NULL || count == 2 * MOST_WORDS)
            support_die("settings");
        *value = '\0';
        pairs[count++] = support_format("%s%s", word[0] == '.' ? backend : "", word);
        pairs[count++] = value + 1;
    }
    return count;
}

struct footfall *dynamodb_proxied_open(const char *backend, uint16_t port, const char *prefix, const char *settings)
{
    char *table = dynamodb_table(prefix);
    char *words = support_format("secret=secret deadline=60s .endpoint=http://127.0.0.1:%d .table=%s %s",
                                 (int)(port != 0 ? port : server_port()), table, settings);
    const char *pairs[2 * MOST_WORDS + 3] = { "backend", backend };
    size_t count = 2 + take_words(pairs + 2, words, backend);
    struct footfall *ff = NULL;
    pairs[3] = SUPPORT_SECRET; /* it has blanks */
    ff = support_open(pairs);
    for (size_t i = 2; i < count; i += 2)
        free((void *)(uintptr_t)pairs[i]);
    free(words);
    free(table);
    return ff;
}

struct footfall *proxied_open(const char *backend, uint16_t port, const char *prefix, const char *lanes,
                              const char *settings)
{
    (void)lanes; /* always 4; a counter always takes the same one */
    return dynamodb_proxied_open(backend, port, prefix, settings);
}

void proxied_make(const char *prefix)
{
    footfall_close(dynamodb_proxied_open("dynamodb", 0, prefix, ".create_table=true"));
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

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

/* Epochs begin at multiples of their length, the window's. */
char *dynamodb_window(int64_t now_ms, int ids)
{
    const int64_t about = 2 * INT64_C(86400000);
    const int64_t half = 2 * (now_ms / about) + 1;
    return support_format("window=%lldms", (long long)(ids == 2 ? now_ms / (now_ms / about) : 2 * now_ms / half));
}

char *dynamodb_plain(int64_t *now_ms, int ids)
{
    char *window = NULL, *settings = NULL;
    *now_ms = footfall__wall_ms();
    window = dynamodb_window(*now_ms, ids);
    settings = support_format(".atomic=false %s", window);
    free(window);
    return settings;
}
