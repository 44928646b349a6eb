/* fuzz_web.c: a request as text ("METHOD TARGET", headers "Name: value", an empty line, the body; a header "peer" is the peer) to
 * a site on the memory backend. Whatever it is: the answer is one that may be sent, its JSON is JSON, what must not count does
 * not, and a visit counts once, under the name that another decoder reads from the path. */
#include <jansson.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "footfall_admin.h"
#include "web.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HEADERS = 64, RUNS_OF_A_SITE = 200 };
static const char token[] = "0123456789abcdef";

static void must(int holds)
{
    if (!holds)
        abort();
}

/* ---- the site -------------------------------------------------------------------------------------------------------------- */

static struct site {
    struct footfall_config *config;
    struct footfall *ff;
    struct footfall_web *web;
    int runs;
} site;

static void open_site(void)
{
    char path[] = "/tmp/fuzz-web-XXXXXX";
    int fd = mkstemp(path);
    struct footfall_setting settings[] = { { "backend", "memory" },
                                           { "secret", "a secret of 32 bytes or more, for tests" },
                                           { "http.cors_origins", "https://a.example" },
                                           { "http.trusted_proxies", "127.0.0.1" },
                                           { "http.max_counters", "20" },
                                           { "http.admin_token_file", path } };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    struct footfall_web_options web = { .page_at_root = 1, .limit_counters = 1 };
    options.settings = settings;
    options.setting_count = sizeof settings / sizeof settings[0];
    must(fd >= 0 && write(fd, token, sizeof token - 1) == (ssize_t)sizeof token - 1);
    close(fd);
    must(footfall_config_load(&site.config, &options, NULL, 0, NULL) == FOOTFALL_OK);
    must(footfall_open_config(&site.ff, site.config, NULL, NULL) == FOOTFALL_OK);
    must(footfall__web_open(&site.web, site.ff, site.config, &web, NULL) == FOOTFALL_OK);
    must(footfall__web_know_counters(site.web, NULL) == FOOTFALL_OK);
    unlink(path);
    site.runs = 0;
}

static void close_site(void)
{
    footfall__web_close(site.web);
    footfall_close(site.ff);
    footfall_config_free(site.config);
    memset(&site, 0, sizeof site);
}

struct sums {
    uint64_t count, total, unique; /* they may wrap */
};

static int add_up(void *user, const char *name, int64_t total, int64_t unique)
{
    struct sums *sums = user;
    (void)name;
    sums->count++;
    sums->total += (uint64_t)total;
    sums->unique += (uint64_t)unique;
    return 0;
}

static struct sums sums_now(void)
{
    struct sums sums = { 0 };
    must(footfall_list(site.ff, "", NULL, NULL, add_up, &sums, NULL) == FOOTFALL_OK);
    return sums;
}

/* ---- the request ------------------------------------------------------------------------------------------------------------- */

struct asked {
    struct footfall_web_header headers[HEADERS];
    struct footfall_web_request request;
};

/* Where the line at `at` ends; its newline, or what is in its place, is a NUL then. */
static char *end_line(char *at, char *end)
{
    char *newline = memchr(at, '\n', (size_t)(end - at));
    if (newline == NULL)
        newline = end;
    *newline = '\0';
    return newline;
}

/* text has size + 1 bytes. */
static void read_request(struct asked *asked, char *text, size_t size)
{
    struct footfall_web_request *request = &asked->request;
    char *end = text + size;
    char *line = end_line(text, end);
    char *blank = memchr(text, ' ', (size_t)(line - text));
    request->method = text;
    request->headers = asked->headers;
    request->peer = "192.0.2.1";
    footfall__web_target(request, blank != NULL ? blank + 1 : line, blank != NULL ? (size_t)(line - blank) - 1 : 0);
    if (blank != NULL)
        *blank = '\0';
    while (line < end) {
        char *at = line + 1;
        char *colon = NULL;
        line = end_line(at, end);
        if (line == at)
            break;
        colon = strstr(at, ": ");
        if (colon == NULL || request->header_count == HEADERS)
            continue;
        *colon = '\0';
        if (strcmp(at, "peer") == 0)
            request->peer = colon + 2;
        else
            asked->headers[request->header_count++] = (struct footfall_web_header){ at, colon + 2 };
    }
    if (line < end) {
        request->body = line + 1;
        request->body_bytes = (size_t)(end - line) - 1;
    }
}

static void resume(void *user)
{
    sem_post(user);
}

/* As an event loop does it. */
static void run_started(struct footfall_web_exchange *x)
{
    enum footfall_web_state state;
    while ((state = footfall__web_state(x)) != FOOTFALL_WEB_ANSWERED) {
        sem_t resumed;
        if (state == FOOTFALL_WEB_BLOCKS) {
            footfall__web_block(x);
            continue;
        }
        sem_init(&resumed, 0, 0);
        footfall__web_start(x, resume, &resumed);
        while (sem_wait(&resumed) != 0) /* a fuzzer has signals */
            continue;
        sem_destroy(&resumed);
        footfall__web_go_on(x);
    }
}

/* ---- the answer --------------------------------------------------------------------------------------------------------------- */

static const char *header_of(const struct footfall_web_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return "";
}

static void check_headers(const struct footfall_web_response *response)
{
    const char *origin = header_of(response, "Access-Control-Allow-Origin");
    must(response->header_count <= FOOTFALL_WEB_HEADERS);
    must(strcmp(origin, "") == 0 || strcmp(origin, "https://a.example") == 0);
    must((response->status == 405) <= (header_of(response, "Allow")[0] != '\0'));
    for (size_t i = 0; i < response->header_count; i++) {
        must(response->headers[i].name[0] != '\0');
        for (const char *c = response->headers[i].value; *c != '\0'; c++)
            must(*c >= ' ' && *c <= '~');
        for (size_t j = 0; j < i; j++)
            must(strcasecmp(response->headers[i].name, response->headers[j].name) != 0);
    }
}

/* The object, or NULL: no JSON is what it says it is. */
static json_t *check_body(const struct footfall_web_response *response)
{
    json_t *body = NULL;
    must((response->body != NULL) == (response->body_bytes > 0));
    if (response->status == 204 || response->status == 304) {
        must(response->body_bytes == 0 && header_of(response, "Content-Type")[0] == '\0');
        return NULL;
    }
    must(response->body_bytes > 0 && header_of(response, "Content-Type")[0] != '\0');
    if (strcmp(header_of(response, "Content-Type"), "application/json") != 0)
        return NULL;
    must(response->body[response->body_bytes - 1] == '\n');
    body = json_loadb(response->body, response->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    must(json_is_object(body));
    if (response->status >= 400)
        must(json_object_size(body) == 2 && json_is_string(json_object_get(body, "error")) &&
             json_is_string(json_object_get(body, "code")));
    return body;
}

/* 16 and more: none. */
static unsigned hex(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (unsigned)(at - digits) % 16 : 16;
}

/* The name that the path has, read from its end. */
static void check_name(const struct footfall_web_request *request, const char *name)
{
    static const char visit[] = "/visit/";
    size_t left = strlen(name);
    size_t at = request->path_bytes;
    if (at < sizeof visit) {
        must(strcmp(name, "main_page") == 0);
        return;
    }
    must(memcmp(request->path, visit, sizeof visit - 1) == 0);
    while (at > sizeof visit - 1) {
        char c = request->path[at - 1];
        must(left > 0);
        if (at >= sizeof visit + 2 && request->path[at - 3] == '%') {
            must(hex(request->path[at - 2]) < 16 && hex(c) < 16);
            c = (char)(hex(request->path[at - 2]) << 4 | hex(c));
            at -= 2;
        }
        at--;
        must(name[--left] == c);
    }
    must(left == 0);
}

static void check_counted(const struct footfall_web_request *request, const struct footfall_web_response *response,
                          json_t *body, const struct sums *before)
{
    struct sums after = sums_now();
    int visited = body != NULL && json_is_boolean(json_object_get(body, "is_new_visitor"));
    int changed = memcmp(before, &after, sizeof after) != 0;
    if (response->status >= 400 || response->status == 304 || strcmp(request->method, "HEAD") == 0 ||
        strcmp(request->method, "OPTIONS") == 0)
        must(!changed && !visited);
    if (visited) {
        int is_new = json_is_true(json_object_get(body, "is_new_visitor"));
        int replayed = json_is_true(json_object_get(body, "replayed"));
        must(after.total - before->total == (replayed ? 0 : 1));
        must(after.unique - before->unique == (replayed ? 0 : (uint64_t)is_new));
        check_name(request, json_string_value(json_object_get(body, "counter")));
    }
}

static void check_log(const struct footfall_web_exchange *x)
{
    for (const char *c = footfall__web_logged(x); *c != '\0'; c++)
        must(*c > ' ' && *c <= '~' && *c != '"' && *c != '\\');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct asked asked = { 0 };
    struct footfall_web_exchange *x = NULL;
    const struct footfall_web_response *response = NULL;
    struct sums before;
    json_t *body = NULL;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    if (site.web == NULL)
        open_site();
    read_request(&asked, text, size);
    before = sums_now();
    x = footfall__web_begin(site.web, &asked.request);
    must(x != NULL);
    if (size % 2 == 0)
        footfall__web_run(x);
    else
        run_started(x);
    response = footfall__web_response(x);
    must(response->status >= 200 && response->status < 500);
    must(response->status != 403 || before.count >= 20);
    must(response->without_body == (strcmp(asked.request.method, "HEAD") == 0));
    check_headers(response);
    body = check_body(response);
    check_counted(&asked.request, response, body, &before);
    check_log(x);
    json_decref(body);
    footfall__web_end(x);
    free(text);
    if (++site.runs == RUNS_OF_A_SITE)
        close_site();
    return 0;
}
