/* fuzz_redis_url.c: any text as redis.url. What is accepted is whole and in range, and means the same when it is written down again
 * with every byte of user, password and path encoded; no error shows what may be a secret. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

struct writer {
    char *at;
    size_t bytes, room;
};

static void put(struct writer *w, const char *text)
{
    size_t bytes = strlen(text);
    must(bytes < w->room - w->bytes);
    memcpy(w->at + w->bytes, text, bytes + 1);
    w->bytes += bytes;
}

static void put_encoded(struct writer *w, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        char one[4];
        (void)snprintf(one, sizeof one, "%%%02x", (unsigned char)*text);
        put(w, one);
    }
}

static void write_down(struct writer *w, const struct redis_address *a)
{
    char database[32];
    put(w, a->path != NULL ? "unix://" : a->tls ? "rediss://" : "redis://");
    put_encoded(w, a->user);
    if (a->password != NULL)
        put(w, ":");
    put_encoded(w, a->password);
    put(w, a->user != NULL || a->password != NULL ? "@" : "");
    if (a->path != NULL) {
        put(w, "/");
        put_encoded(w, a->path + 1);
    } else {
        int in_brackets = strchr(a->host, ':') != NULL || a->host[0] == '[';
        put(w, in_brackets ? "[" : "");
        put(w, a->host);
        put(w, in_brackets ? "]:" : ":");
        put(w, a->port);
    }
    (void)snprintf(database, sizeof database, a->path != NULL ? "?db=%d" : "/%d", a->database);
    put(w, database);
}

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_again(const struct redis_address *a, size_t size)
{
    struct redis_address again;
    struct footfall_store_call call = { 0 };
    struct writer w = { NULL, 0, 4 * size + 64 };
    w.at = malloc(w.room);
    if (w.at == NULL)
        return;
    write_down(&w, a);
    must(footfall__redis_url(&again, w.at, &call) == 0);
    must(same(a->host, again.host) && same(a->path, again.path) && same(a->user, again.user));
    must(same(a->password, again.password) && strcmp(a->port, again.port) == 0);
    must(a->database == again.database && a->tls == again.tls);
    footfall__redis_address_free(&again);
    free(w.at);
}

static void check_address(const struct redis_address *a, size_t size)
{
    long port = strtol(a->port, NULL, 10);
    must((a->host == NULL) != (a->path == NULL) && a->ca_file == NULL);
    must(a->path == NULL || (a->path[0] == '/' && strlen(a->path) <= 107 && !a->tls && a->port[0] == '\0'));
    must(a->host == NULL || (a->host[0] != '\0' && strlen(a->host) <= 253 && port >= 1 && port <= 65535));
    must(a->user == NULL || a->user[0] != '\0');
    must(a->database >= 0 && a->database <= 65535);
    check_again(a, size);
}

/* Every text is one of a few and holds nothing of the URL, so it is the same for any other URL with the same fault. */
static void check_error(const char *text)
{
    static const char *const texts[] = {
        "a '%' in user, password or path is not followed by two hexadecimal digits",
        "the database is not a number from 0 to 65535",
        "the port is not a number from 1 to 65535",
        "has parts after the database that are not known",
        "a '[' without ']'",
        "nothing but a port may follow ']'",
        "has no host",
        "unix:// wants an absolute path, as unix:///run/redis/redis.sock",
        "the path of the socket is too long (107 bytes)",
        "after the path only ?db=NUMBER is known",
        "begins with none of redis://, rediss://, unix://",
    };
    int known = 0;
    must(strncmp(text, "redis.url: ", 11) == 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        known += strcmp(text + 11, texts[i]) == 0;
    must(known == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char said[256] = "";
    struct footfall_store_call call = { .text = said, .text_bytes = sizeof said };
    struct redis_address address;
    char *url = malloc(size + 1);
    int rc;
    if (url == NULL)
        return 0;
    if (size > 0)
        memcpy(url, bytes, size);
    url[size] = '\0';
    rc = footfall__redis_url(&address, url, &call);
    must(rc == 0 || rc == FOOTFALL_STORE_CONFIG);
    if (rc == 0)
        check_address(&address, size);
    else
        check_error(said);
    footfall__redis_address_free(&address);
    free(url);
    return 0;
}
