/* exchange.c: one attempt at a request over one curl handle (exchange.h). */
#include "exchange.h"

#include "alloc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_ROOM = 4096, HEADER_BYTES = 16384, CONNECT_MS = 1000, RETRY_AFTER_MAX_MS = 20000 };

static size_t take_body(char *bytes, size_t one, size_t count, void *user)
{
    struct dynamodb_exchange *e = user;
    size_t room = e->body_room;
    (void)one;
    if (count > DYNAMODB_REPLY_BYTES - e->body_bytes) {
        e->out_of_room = 1;
        return 0;
    }
    while (room < e->body_bytes + count)
        room = room > 0 ? room * 2 : FIRST_ROOM;
    if (room > e->body_room) {
        char *grown = footfall__realloc(e->body, room);
        if (grown == NULL) {
            e->out_of_room = 1;
            return 0;
        }
        e->body = grown;
        e->body_room = room;
    }
    memcpy(e->body + e->body_bytes, bytes, count);
    e->body_bytes += count;
    return count;
}

static const char *value_of(const char *line, size_t bytes, const char *name, char *out, size_t out_bytes)
{
    size_t name_bytes = strlen(name);
    size_t at = name_bytes + 1;
    size_t count = 0;
    if (bytes <= name_bytes || strncasecmp(line, name, name_bytes) != 0 || line[name_bytes] != ':')
        return NULL;
    while (at < bytes && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (at < bytes && line[at] != '\r' && line[at] != '\n' && count + 1 < out_bytes)
        out[count++] = line[at++];
    out[count] = '\0';
    return out;
}

static size_t take_header(char *line, size_t one, size_t count, void *user)
{
    struct dynamodb_exchange *e = user;
    char value[64];
    (void)one;
    if (value_of(line, count, "x-amz-crc32", value, sizeof(value)) != NULL) {
        e->crc = (uint32_t)strtoul(value, NULL, 10);
        e->has_crc = value[0] != '\0';
    } else if (value_of(line, count, "date", value, sizeof(value)) != NULL) {
        time_t date = curl_getdate(value, NULL);
        e->date_ms = date > 0 ? (int64_t)date * 1000 : -1;
    } else if (value_of(line, count, "x-amz-retry-after", value, sizeof(value)) != NULL) {
        long ms = strtol(value, NULL, 10);
        e->retry_after_ms = ms < 0 ? 0 : ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
    } else if (count > 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* after an interim reply, or a proxy's */
        e->has_crc = 0;
        e->date_ms = -1;
    }
    return count;
}

/* libcurl's signature. NOLINTNEXTLINE(readability-non-const-parameter) */
static int note_sent(void *user, char *remote, char *local, int remote_port, int local_port)
{
    struct dynamodb_exchange *e = user;
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    e->sent++;
    return CURL_PREREQFUNC_OK;
}

int footfall__dynamodb_exchange_init(struct dynamodb_exchange *e)
{
    int bad = 0;
    memset(e, 0, sizeof(*e));
    e->easy = footfall__dynamodb_curl_handle();
    if (e->easy == NULL)
        return FOOTFALL_STORE_NO_MEMORY;
    bad |= curl_easy_setopt(e->easy, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, e) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_HEADERFUNCTION, take_header) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_HEADERDATA, e) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_PREREQFUNCTION, note_sent) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_PREREQDATA, e) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_ERRORBUFFER, e->error) != CURLE_OK;
    return bad == 0 ? 0 : FOOTFALL_STORE_NO_MEMORY;
}

void footfall__dynamodb_exchange_free(struct dynamodb_exchange *e)
{
    if (e->easy != NULL)
        curl_easy_cleanup(e->easy);
    curl_slist_free_all(e->headers);
    footfall__free(e->body);
    memset(e, 0, sizeof(*e));
}

static int add_header(struct dynamodb_exchange *e, const char *name, const char *value)
{
    char line[HEADER_BYTES];
    struct curl_slist *grown;
    int bytes = snprintf(line, sizeof(line), "%s: %s", name, value);
    if (bytes < 0 || (size_t)bytes >= sizeof(line))
        return FOOTFALL_STORE_NO_MEMORY;
    grown = curl_slist_append(e->headers, line);
    OPENSSL_cleanse(line, (size_t)bytes);
    if (grown == NULL)
        return FOOTFALL_STORE_NO_MEMORY;
    e->headers = grown;
    return 0;
}

static void drop_headers(struct dynamodb_exchange *e)
{
    for (struct curl_slist *at = e->headers; at != NULL; at = at->next)
        OPENSSL_cleanse(at->data, strlen(at->data)); /* a session token is among them */
    curl_slist_free_all(e->headers);
    e->headers = NULL;
}

int footfall__dynamodb_exchange_set(struct dynamodb_exchange *e, struct dynamodb_request *request,
                                    const struct dynamodb_heading *heading)
{
    int bad = 0;
    drop_headers(e);
    bad |= add_header(e, "Host", heading->host) | add_header(e, "Content-Type", "application/x-amz-json-1.0") |
           add_header(e, "X-Amz-Date", heading->date) | add_header(e, "X-Amz-Target", heading->target) |
           add_header(e, "Authorization", heading->authorization) | add_header(e, "User-Agent", "footfall");
    if (heading->session_token != NULL)
        bad |= add_header(e, "X-Amz-Security-Token", heading->session_token);
    bad |= add_header(e, "Expect", ""); /* no "100-continue" */
    bad |= add_header(e, "Accept", "");
    bad |= curl_easy_setopt(e->easy, CURLOPT_URL, heading->url) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, e->headers) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_POSTFIELDS, request->body) != CURLE_OK;
    bad |= curl_easy_setopt(e->easy, CURLOPT_TIMEOUT_MS, (long)heading->timeout_ms) != CURLE_OK;
    if (bad)
        return FOOTFALL_STORE_NO_MEMORY;
    e->request = request;
    e->body_bytes = 0;
    e->sent = e->out_of_room = e->has_crc = 0;
    e->date_ms = -1;
    e->retry_after_ms = 0;
    e->error[0] = '\0';
    return 0;
}

void footfall__dynamodb_exchange_end(struct dynamodb_exchange *e)
{
    drop_headers(e);
    e->request = NULL;
    if (e->body_room > 16 * FIRST_ROOM) {
        footfall__free(e->body);
        e->body = NULL;
        e->body_room = 0;
    }
}
