/* runtime.c: the Runtime API over one kept connection (runtime.h). */
#include "runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "footfall.h"
#include "log.h"

enum {
    URL_BYTES = 512,
    EVENT_MAX = 8 << 20,  /* Lambda sends 6 MiB at most */
    EVENT_KEPT = 1 << 16, /* room that is kept from one event to the next */
    TRACE_BYTES = 1024,
    ERROR_BYTES = 2048
};

#define TRACE "_X_AMZN_TRACE_ID"

/* In the environment itself: setenv would keep every value that it was ever given. */
static char trace[sizeof TRACE + TRACE_BYTES] = TRACE "=";

struct footfall_runtime {
    CURL *curl;
    struct curl_slist *headers;
    char *event; /* what comes */
    size_t bytes, room;
    int keep, not_kept;
    char base[URL_BYTES], url[URL_BYTES + FOOTFALL_RUNTIME_ID_BYTES + 64];
    char why[CURL_ERROR_SIZE];
};

/* ---- one request ---------------------------------------------------------------------------------------------------------- */

static int make_room(struct footfall_runtime *r, size_t bytes)
{
    size_t room = r->room > 0 ? r->room : 4096;
    char *grown = NULL;
    while (room < bytes)
        room *= 2;
    if (room == r->room)
        return 1;
    grown = realloc(r->event, room);
    if (grown == NULL)
        return 0;
    r->event = grown;
    r->room = room;
    return 1;
}

static size_t take(char *data, size_t size, size_t count, void *user)
{
    struct footfall_runtime *r = user;
    size_t bytes = size * count;
    if (!r->keep || r->not_kept)
        return bytes;
    if (bytes > EVENT_MAX - r->bytes || !make_room(r, r->bytes + bytes)) {
        r->not_kept = 1; /* read to its end all the same: the API hands out no other before */
        return bytes;
    }
    memcpy(r->event + r->bytes, data, bytes);
    r->bytes += bytes;
    return bytes;
}

/* The status; 0: no answer came. */
static long perform(struct footfall_runtime *r)
{
    long status = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        r->bytes = 0;
        r->not_kept = 0;
        r->why[0] = '\0';
        CURLcode code = curl_easy_setopt(r->curl, CURLOPT_FRESH_CONNECT, attempt > 0 ? 1L : 0L);
        if (code == CURLE_OK)
            code = curl_easy_perform(r->curl);
        if (code == CURLE_OK && curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
            return status;
        footfall__runtime_log(FOOTFALL_LOG_WARN, "the Runtime API: %s%s",
                              r->why[0] != '\0' ? r->why : curl_easy_strerror(code),
                              attempt == 0 ? "; asked once more" : "");
    }
    return 0;
}

static long get(struct footfall_runtime *r, const char *path)
{
    snprintf(r->url, sizeof r->url, "%s/%s", r->base, path);
    r->keep = 1;
    if (curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L) != CURLE_OK ||
        curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, NULL) != CURLE_OK ||
        curl_easy_setopt(r->curl, CURLOPT_URL, r->url) != CURLE_OK)
        return 0;
    return perform(r);
}

/* type: of an error, or NULL. */
static long post(struct footfall_runtime *r, const char *type, const char *json, size_t bytes)
{
    char line[160];
    struct curl_slist *headers = NULL;
    struct curl_slist *all = NULL;
    long status = 0;
    r->keep = 0;
    snprintf(line, sizeof line, "Lambda-Runtime-Function-Error-Type: %s", type != NULL ? type : "");
    headers = all = curl_slist_append(NULL, "Content-Type: application/json");
    if (all != NULL)
        all = curl_slist_append(headers, "Expect:"); /* none: it costs a round trip */
    if (all != NULL && type != NULL)
        all = curl_slist_append(headers, line);
    if (all != NULL && curl_easy_setopt(r->curl, CURLOPT_POST, 1L) == CURLE_OK &&
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes) == CURLE_OK &&
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, json) == CURLE_OK &&
        curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(r->curl, CURLOPT_URL, r->url) == CURLE_OK)
        status = perform(r);
    (void)curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return status;
}

/* Whether to go on after what was met by that status. */
static int taken(long status, const char *what)
{
    if (status == 0 || status >= 500) {
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "the Runtime API %s%s: ending",
                              status == 0 ? "is not there for " : "fails at ", what);
        return 0;
    }
    if (status == 413)
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "%s is larger than Lambda takes (413)", what);
    else if (status >= 300)
        footfall__runtime_log(FOOTFALL_LOG_ERROR, "the Runtime API does not take %s (%ld)", what, status);
    return 1;
}

/* ---- invocations ----------------------------------------------------------------------------------------------------------- */

static const char *header_of(struct footfall_runtime *r, const char *name)
{
    struct curl_header *header = NULL;
    return curl_easy_header(r->curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* It becomes part of an address. */
static void read_id(char out[FOOTFALL_RUNTIME_ID_BYTES + 1], const char *id)
{
    size_t bytes = id != NULL ? strlen(id) : 0;
    out[0] = '\0';
    if (bytes == 0 || bytes > FOOTFALL_RUNTIME_ID_BYTES)
        return;
    for (size_t i = 0; i < bytes; i++)
        if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_", id[i]) == NULL)
            return;
    memcpy(out, id, bytes + 1);
}

static int64_t deadline_of(const char *text)
{
    char *end = NULL;
    int64_t ms = 0;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return INT64_MAX;
    errno = 0;
    ms = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' ? ms : INT64_MAX;
}

static void set_trace(const char *id)
{
    if (id == NULL || strlen(id) >= TRACE_BYTES) {
        unsetenv(TRACE);
        return;
    }
    snprintf(trace + sizeof TRACE, TRACE_BYTES, "%s", id);
    putenv(trace);
}

int footfall__runtime_next(struct footfall_runtime *r, struct footfall_invocation *out)
{
    long status = 0;
    *out = (struct footfall_invocation){ .deadline_ms = INT64_MAX };
    if (r->room > EVENT_KEPT) {
        free(r->event);
        r->event = NULL;
        r->room = 0;
    }
    status = get(r, "invocation/next");
    if (status != 200) {
        if (taken(status, "the next invocation"))
            footfall__runtime_log(FOOTFALL_LOG_ERROR, "no invocation is to be had: ending");
        return 0;
    }
    read_id(out->id, header_of(r, "Lambda-Runtime-Aws-Request-Id"));
    out->deadline_ms = deadline_of(header_of(r, "Lambda-Runtime-Deadline-Ms"));
    set_trace(header_of(r, "Lambda-Runtime-Trace-Id"));
    out->event = r->event != NULL ? r->event : "";
    out->event_bytes = r->bytes;
    out->not_kept = r->not_kept;
    return 1;
}

int footfall__runtime_answer(struct footfall_runtime *r, const struct footfall_invocation *of, const char *json,
                             size_t json_bytes)
{
    snprintf(r->url, sizeof r->url, "%s/invocation/%s/response", r->base, of->id);
    return taken(post(r, NULL, json, json_bytes), "the reply");
}

/* ---- errors ---------------------------------------------------------------------------------------------------------------- */

/* text as the inside of a JSON string; what is no printable ASCII becomes '?'. */
static void quote(char *out, size_t out_bytes, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 3 < out_bytes; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = *text >= ' ' && *text <= '~' ? *text : '?';
    }
    out[at] = '\0';
}

static int fail(struct footfall_runtime *r, const char *type, const char *text, const char *what)
{
    char message[ERROR_BYTES / 2];
    char json[ERROR_BYTES];
    quote(message, sizeof message, text);
    int bytes =
        snprintf(json, sizeof json, "{\"errorMessage\":\"%s\",\"errorType\":\"%s\",\"stackTrace\":[]}", message, type);
    return taken(post(r, type, json, (size_t)bytes), what);
}

int footfall__runtime_fail(struct footfall_runtime *r, const struct footfall_invocation *of, const char *type,
                           const char *text)
{
    snprintf(r->url, sizeof r->url, "%s/invocation/%s/error", r->base, of->id);
    return fail(r, type, text, "the error");
}

int footfall__runtime_fail_start(struct footfall_runtime *r, const char *type, const char *text)
{
    snprintf(r->url, sizeof r->url, "%s/init/error", r->base);
    return fail(r, type, text, "the error at start");
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------------ */

static int set_up(struct footfall_runtime *r, const char *api)
{
    int bytes = snprintf(r->base, sizeof r->base, "http://%s/2018-06-01/runtime", api);
    r->curl = curl_easy_init();
    if (r->curl == NULL || bytes < 0 || (size_t)bytes >= sizeof r->base)
        return 0;
    int bad = curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->why) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, take) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r) != CURLE_OK;
    bad |= curl_easy_setopt(r->curl, CURLOPT_USERAGENT, "footfall-lambda") != CURLE_OK;
    return !bad;
}

struct footfall_runtime *footfall__runtime_open(const char *api)
{
    struct footfall_runtime *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(r);
        return NULL;
    }
    if (!set_up(r, api)) {
        footfall__runtime_close(r);
        return NULL;
    }
    return r;
}

void footfall__runtime_close(struct footfall_runtime *r)
{
    if (r == NULL)
        return;
    unsetenv(TRACE);
    curl_easy_cleanup(r->curl);
    curl_global_cleanup();
    free(r->event);
    free(r);
}
