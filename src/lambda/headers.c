/* headers.c: an event's headers, one line for each value, and its cookies (event.h). */
#include "event.h"

#include <string.h>

#include "alloc.h"

/* What ends a line or a string becomes a blank (RFC 9110, 5.5). 0, or -1: no memory. */
static int make_line(json_t *value)
{
    size_t bytes = json_string_length(value);
    size_t at = 0;
    char *copy = NULL;
    int failed = 0;
    while (at < bytes && memchr("\r\n", json_string_value(value)[at], 3 /* the NUL too */) == NULL)
        at++;
    if (at == bytes)
        return 0;
    copy = footfall__strndup(json_string_value(value), bytes);
    if (copy == NULL)
        return -1;
    for (; at < bytes; at++)
        if (memchr("\r\n", copy[at], 3) != NULL)
            copy[at] = ' ';
    failed = json_string_setn_nocheck(value, copy, bytes);
    footfall__free(copy);
    return failed;
}

static int add(struct footfall__lambda_event *event, const char *name, json_t *value)
{
    if (!json_is_string(value))
        return 0;
    if (make_line(value) != 0)
        return -1;
    event->headers[event->request.header_count++] = (struct footfall_web_header){ name, json_string_value(value) };
    return 0;
}

static int add_all(struct footfall__lambda_event *event, json_t *map)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(map, name, value)
    {
        if (!event->multi_value || json_is_string(value)) {
            if (add(event, name, value) != 0)
                return -1;
            continue;
        }
        for (size_t i = 0; i < json_array_size(value); i++)
            if (add(event, name, json_array_get(value, i)) != 0)
                return -1;
    }
    return 0;
}

static size_t count_all(json_t *map)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t count = 0;
    json_object_foreach(map, name, value) count += json_is_array(value) ? json_array_size(value) : 1;
    return count;
}

/* Format 2.0 has them apart. */
static int add_cookies(struct footfall__lambda_event *event)
{
    json_t *cookies = json_object_get(event->root, "cookies");
    size_t room = 1;
    char *at = NULL;
    for (size_t i = 0; i < json_array_size(cookies); i++)
        room += json_string_length(json_array_get(cookies, i)) + 2;
    if (room == 1 || footfall__web_header_of(&event->request, "Cookie") != NULL)
        return 0;
    at = event->cookie = footfall__malloc(room);
    if (at == NULL)
        return -1;
    for (size_t i = 0; i < json_array_size(cookies); i++) {
        json_t *cookie = json_array_get(cookies, i);
        if (!json_is_string(cookie))
            continue;
        if (make_line(cookie) != 0)
            return -1;
        if (at > event->cookie) {
            memcpy(at, "; ", 2);
            at += 2;
        }
        memcpy(at, json_string_value(cookie), json_string_length(cookie));
        at += json_string_length(cookie);
    }
    *at = '\0';
    if (at > event->cookie)
        event->headers[event->request.header_count++] = (struct footfall_web_header){ "Cookie", event->cookie };
    return 0;
}

int footfall__lambda_headers(struct footfall__lambda_event *event)
{
    int format_2 = event->kind == FOOTFALL__LAMBDA_HTTP_2 || event->kind == FOOTFALL__LAMBDA_URL;
    json_t *map = format_2 ? NULL : footfall__lambda_object(event->root, "multiValueHeaders");
    event->multi_value = map != NULL;
    if (json_object_size(map) == 0)
        map = footfall__lambda_object(event->root, "headers");
    event->headers = footfall__calloc(count_all(map) + 1, sizeof *event->headers);
    if (event->headers == NULL)
        return -1;
    event->request.headers = event->headers;
    if (add_all(event, map) != 0)
        return -1;
    return format_2 ? add_cookies(event) : 0;
}
