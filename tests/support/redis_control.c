/* redis_control.c: the C side of with_redis.py (redis_control.h): RESP2 in a few lines. */
#include "redis_control.h"
#include "folder.h"
#include "server_control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 64 };

static _Noreturn void refuse(const char *what, const char *why)
{
    fprintf(stderr, "test support: redis: %s: %s\n", what, why);
    _exit(99);
}

static const char *said(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0')
        refuse(name, "not set; run the program by with_redis.py");
    return value;
}

const char *support_redis_url(void)
{
    return said("FOOTFALL_TEST_REDIS_URL");
}

int support_redis_port(void)
{
    return (int)strtol(said("FOOTFALL_TEST_REDIS_PORT"), NULL, 10);
}

const char *support_redis_socket(void)
{
    return said("FOOTFALL_TEST_REDIS_SOCKET");
}

const char *support_redis_ca(void)
{
    return said("FOOTFALL_TEST_REDIS_CA");
}

const char *support_redis_bad_ca(void)
{
    return said("FOOTFALL_TEST_REDIS_BAD_CA");
}

pid_t support_redis_pid(void)
{
    return (pid_t)strtol(said("FOOTFALL_TEST_REDIS_PID"), NULL, 10);
}

void support_redis_control(const char *command)
{
    support_server_control(said("FOOTFALL_TEST_REDIS_CONTROL"), command);
}

static void read_bulk(FILE *in, FILE *out, size_t left)
{
    char part[4096];
    while (left > 0) {
        size_t got = fread(part, 1, left < sizeof part ? left : sizeof part, in);
        if (got == 0)
            refuse("reading", "the other side hung up");
        fwrite(part, 1, got, out);
        left -= got;
    }
    free(support_read_line(in, "\r\n"));
}

static void read_reply(FILE *in, FILE *out)
{
    char *line = support_read_line(in, "\r\n");
    long long number = strtoll(line + 1, NULL, 10);
    if (line[0] == '+' || line[0] == ':')
        fputs(line + 1, out);
    else if (line[0] == '-')
        fputs(line, out);
    else if (line[0] != '$' && line[0] != '*')
        refuse("no reply", line);
    else if (number < 0)
        fputs("(nil)", out);
    else if (line[0] == '$')
        read_bulk(in, out, (size_t)number);
    else
        for (long long i = 0; i < number; i++) {
            if (i > 0)
                fputc('\n', out);
            read_reply(in, out);
        }
    free(line);
}

static char *ask(FILE *stream, const char *const *words)
{
    char *text = NULL;
    size_t bytes = 0, count = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        support_die("open_memstream");
    while (words[count] != NULL)
        count++;
    fprintf(out, "*%zu\r\n", count);
    for (const char *word = NULL; (word = *words) != NULL; words++)
        fprintf(out, "$%zu\r\n%s\r\n", strlen(word), word);
    if (fclose(out) != 0)
        support_die("open_memstream");
    support_send_all(stream, text, bytes);
    free(text);
    out = open_memstream(&text, &bytes);
    if (out == NULL)
        support_die("open_memstream");
    read_reply(stream, out);
    if (fclose(out) != 0)
        support_die("open_memstream");
    return text;
}

static void must(FILE *stream, const char *const *words)
{
    char *reply = ask(stream, words);
    if (strcmp(reply, "OK") != 0)
        refuse(words[0], reply);
    free(reply);
}

/* A part of a URL, its %XX undone; free() it. */
static char *decode(const char *from, const char *end)
{
    char *text = strndup(from, (size_t)(end - from)), *to = text;
    if (text == NULL)
        support_die("strndup");
    for (const char *at = text; *at != '\0'; at++, to++) {
        if (at[0] == '%' && at[1] != '\0' && at[2] != '\0') {
            *to = (char)strtol((char[]){ at[1], at[2], '\0' }, NULL, 16);
            at += 2;
        } else {
            *to = *at;
        }
    }
    *to = '\0';
    return text;
}

/* A connection, as the URL's user and in its database. */
static FILE *connect_as_told(void)
{
    const char *url = support_redis_url(), *host = strstr(url, "://"), *at = NULL, *colon = NULL, *db = NULL;
    int is_unix = strncmp(url, "unix:", 5) == 0;
    FILE *stream = NULL;
    if (host == NULL || (!is_unix && strncmp(url, "redis:", 6) != 0))
        refuse(url, "only redis:// and unix:// are spoken here");
    host += 3;
    stream = is_unix ? support_dial_unix(support_redis_socket()) : support_dial_tcp(support_redis_port());
    at = memchr(host, '@', strcspn(host, "/"));
    colon = at != NULL ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (colon != NULL) { /* a user without a password does not log in: as the backend has it */
        char *user = decode(host, colon), *password = decode(colon + 1, at);
        if (user[0] != '\0')
            must(stream, (const char *[]){ "AUTH", user, password, NULL });
        else
            must(stream, (const char *[]){ "AUTH", password, NULL });
        free(password);
        free(user);
    }
    db = strrchr(host, is_unix ? '=' : '/');
    if (db != NULL && strcmp(db + 1, "0") != 0)
        must(stream, (const char *[]){ "SELECT", db + 1, NULL });
    return stream;
}

char *support_redis_command(const char *first, ...)
{
    const char *words[MOST_WORDS + 1] = { first };
    char *reply = NULL;
    FILE *stream = NULL;
    va_list more;
    size_t count = 0;
    va_start(more, first);
    while (words[count] != NULL) {
        if (++count > MOST_WORDS)
            refuse(first, "too many words");
        words[count] = va_arg(more, const char *);
    }
    va_end(more);
    stream = connect_as_told();
    reply = ask(stream, words);
    fclose(stream);
    return reply;
}
