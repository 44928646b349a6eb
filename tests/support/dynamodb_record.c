/* dynamodb_record.c: stands between a program and DynamoDB and writes down what kinds of calls it makes, so that a test can hold
 * the list of rights that users are told to grant against what is really asked.
 *
 * usage: dynamodb_record PORT FILE
 *
 * It listens on a free port of 127.0.0.1, says which on standard output, forwards everything to PORT there, and ends when standard
 * input does. FILE gets a line of JSON for each kind of call that it does not have yet: {"action", "part", "table", "index"}. A
 * batch or a transaction gives one for each kind of part (Put, Update, PutRequest, ...; null where there is no such name) and
 * table. The line is in the file before the call is forwarded. */
#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "proxy.h"

struct record {
    int fd;
    char **lines;
    size_t count;
};

/* Takes the line, which ends in '\n', and keeps it; 0 if it is there already. */
static int add(struct record *to, char *line)
{
    char **more = NULL;
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->lines[i], line) == 0) {
            free(line);
            return 0;
        }
    more = realloc(to->lines, (to->count + 1) * sizeof(*more));
    if (more == NULL)
        support_die("realloc");
    to->lines = more;
    to->lines[to->count++] = line;
    return 1;
}

static void note(struct record *to, const char *action, const char *part, const char *table, json_t *index)
{
    json_t *call = json_pack("{s:s, s:s?, s:s?, s:O?}", "action", action, "part", part, "table", table, "index", index);
    char *text = call != NULL ? json_dumps(call, JSON_COMPACT) : NULL;
    char *line = text != NULL ? support_format("%s\n", text) : NULL;
    size_t bytes = line != NULL ? strlen(line) : 0;
    if (line == NULL)
        support_die("a line of JSON");
    /* One write to the end: whatever happens to us, and whoever else writes there, a line is whole. */
    if (add(to, line) && write(to->fd, line, bytes) != (ssize_t)bytes)
        support_die("write");
    free(text);
    json_decref(call);
}

static void note_table(struct record *to, const char *action, const char *part, json_t *at)
{
    note(to, action, part, json_string_value(json_object_get(at, "TableName")), json_object_get(at, "IndexName"));
}

/* {"TransactItems": [{"Put": {"TableName", ...}}, ...]} */
static void note_transaction(struct record *to, const char *action, json_t *items)
{
    size_t i = 0;
    json_t *item = NULL, *at = NULL;
    const char *part = NULL;
    json_array_foreach(items, i, item)
    {
        json_object_foreach(item, part, at)
        {
            note_table(to, action, part, at);
        }
    }
}

/* {"RequestItems": {TABLE: {"Keys": ...}}} to read, {TABLE: [{"PutRequest": ...}, ...]} to write */
static void note_batch(struct record *to, const char *action, json_t *tables)
{
    const char *table = NULL, *part = NULL;
    json_t *asked = NULL, *item = NULL, *at = NULL;
    size_t i = 0;
    json_object_foreach(tables, table, asked)
    {
        if (!json_is_array(asked))
            note(to, action, NULL, table, NULL);
        json_array_foreach(asked, i, item)
        {
            json_object_foreach(item, part, at)
            {
                note(to, action, part, table, NULL);
            }
        }
    }
}

/* The action of the header "X-Amz-Target: DynamoDB_20120810.ACTION", or "" */
static void find_action(const char *head, size_t bytes, char *action, size_t room)
{
    static const char name[] = "\nx-amz-target:";
    action[0] = '\0';
    for (size_t i = 0; i + sizeof(name) <= bytes; i++)
        if (strncasecmp(head + i, name, sizeof(name) - 1) == 0) {
            const char *value = head + i + sizeof(name) - 1;
            const char *end = memchr(value, '\r', bytes - i - sizeof(name) + 1);
            const char *dot = end != NULL ? memchr(value, '.', (size_t)(end - value)) : NULL;
            if (dot != NULL && (size_t)(end - dot) < room) {
                memcpy(action, dot + 1, (size_t)(end - dot - 1));
                action[end - dot - 1] = '\0';
            }
            return;
        }
}

static int see(const void *request, size_t bytes, void *user)
{
    struct record *to = user;
    const char *body = memmem(request, bytes, "\r\n\r\n", 4);
    size_t head_bytes = body != NULL ? (size_t)(body - (const char *)request) + 2 : bytes;
    char action[64];
    json_t *asked = NULL, *part = NULL;
    find_action(request, head_bytes, action, sizeof(action));
    if (body != NULL)
        asked = json_loadb(body + 4, bytes - head_bytes - 2, JSON_ALLOW_NUL, NULL);
    part = json_object_get(asked, "TransactItems");
    if (part != NULL)
        note_transaction(to, action, part);
    else if ((part = json_object_get(asked, "RequestItems")) != NULL)
        note_batch(to, action, part);
    else
        note_table(to, action, NULL, asked);
    json_decref(asked);
    return 0;
}

/* What FILE has of earlier. */
static void open_record(struct record *to, const char *path)
{
    size_t bytes = 0;
    char *all = (char *)support_file_read(path, &bytes), *at = all;
    while (at != NULL && at < all + bytes) {
        char *end = memchr(at, '\n', (size_t)(all + bytes - at));
        if (end == NULL)
            break;
        add(to, support_format("%.*s\n", (int)(end - at), at));
        at = end + 1;
    }
    free(all);
    to->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (to->fd < 0)
        support_die(path);
}

int main(int argc, char **argv)
{
    struct record record = { -1, NULL, 0 };
    struct support_proxy_plan plan = { .matches = see, .user = &record };
    struct support_proxy *proxy = NULL;
    char ignored[256];
    ssize_t got = 0;
    long port = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    if (port <= 0 || port > 65535) {
        fputs("usage: dynamodb_record PORT FILE\n", stderr);
        return 2;
    }
    open_record(&record, argv[2]);
    proxy = support_proxy_start(&support_proxy_http, (struct support_proxy_address){ NULL, 0 },
                                (struct support_proxy_address){ NULL, (uint16_t)port });
    support_proxy_plan(proxy, &plan);
    printf("%u\n", (unsigned)support_proxy_port(proxy));
    fflush(stdout);
    do
        got = read(STDIN_FILENO, ignored, sizeof(ignored));
    while (got > 0 || (got < 0 && errno == EINTR));
    support_proxy_stop(proxy);
    close(record.fd);
    while (record.count > 0)
        free(record.lines[--record.count]);
    free(record.lines);
    return 0;
}
