/* web_site.c: a site on the memory backend, and requests in one line (web_site.h). */
#include "web_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "handle.h"

enum { SETTINGS_MAX = 16, HEADERS_MAX = 32 };

static int64_t now(void *user)
{
    return ((struct site *)user)->now_ms;
}

static void keep_line(void *user, enum footfall_log_level level, const char *line)
{
    struct site *site = user;
    size_t bytes = strlen(site->log);
    snprintf(site->log + bytes, sizeof site->log - bytes, "%d %s\n", (int)level, line);
}

static int open_config(struct footfall_config **out, const char *const *pairs, struct footfall_error *err)
{
    static int names;
    char name[32];
    struct footfall_setting settings[SETTINGS_MAX] = { { "secret", SUPPORT_SECRET } };
    struct footfall_options options = FOOTFALL_OPTIONS_INIT;
    size_t count = 1;
    snprintf(name, sizeof name, "web-%d", names++);
    if (pairs == NULL || pairs[0] == NULL || strcmp(pairs[0], "backend") != 0) {
        settings[count++] = (struct footfall_setting){ "backend", "memory" };
        settings[count++] = (struct footfall_setting){ "memory.name", name };
    }
    for (; pairs != NULL && *pairs != NULL; pairs += 2)
        settings[count++] = (struct footfall_setting){ pairs[0], pairs[1] };
    options.settings = settings;
    options.setting_count = count;
    return footfall_config_load(out, &options, NULL, 0, err);
}

void site_open_unknown(struct site *site, const struct footfall_web_options *options, const char *const *pairs)
{
    struct footfall_options with_clock = FOOTFALL_OPTIONS_INIT;
    struct footfall_web_options own = { .limit_counters = 1, .page_at_root = 1 };
    struct footfall_error err;
    memset(site, 0, sizeof *site);
    site->now_ms = SUPPORT_TIME_MS;
    with_clock.clock = now;
    with_clock.clock_user = site;
    if (options != NULL)
        own = *options;
    own.log = keep_line;
    own.log_user = site;
    if (open_config(&site->config, pairs, &err) || footfall_open_config(&site->ff, site->config, &with_clock, &err) ||
        footfall__web_open(&site->web, site->ff, site->config, &own, &err))
        fail_msg("%s", err.text);
}

void site_open(struct site *site, const struct footfall_web_options *options, const char *const *pairs)
{
    struct footfall_error err;
    site_open_unknown(site, options, pairs);
    if (footfall__web_know_counters(site->web, &err) != FOOTFALL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(err.status, FOOTFALL_OK);
}

void site_close(struct site *site)
{
    footfall__web_close(site->web);
    footfall_close(site->ff);
    footfall_config_free(site->config);
}

int site_try(const char *const *pairs, struct footfall_error *err)
{
    struct footfall_web_options options = { 0 };
    struct footfall_config *config = NULL;
    struct footfall *ff = NULL;
    struct footfall_web *web = NULL;
    int rc = open_config(&config, pairs, err);
    if (rc == FOOTFALL_OK)
        rc = footfall_open_config(&ff, config, NULL, err);
    if (rc != FOOTFALL_OK)
        fail_msg("it is not the site that fails: %s %s: %d", pairs[0], pairs[1], rc);
    rc = footfall__web_open(&web, ff, config, &options, err);
    assert_true(rc == FOOTFALL_OK ? web != NULL : web == NULL);
    footfall__web_close(web);
    footfall_close(ff);
    footfall_config_free(config);
    return rc;
}

void both_ways(void (*test)(struct site *site), const struct footfall_web_options *options, const char *const *pairs)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        struct site site;
        site_open(&site, options, pairs);
        site.blocking = blocking;
        test(&site);
        site_close(&site);
    }
}

static int add_up(void *user, const char *name, int64_t total, int64_t unique)
{
    (void)name;
    *(int64_t *)user += total + unique;
    return 0;
}

int64_t site_sum(struct site *site)
{
    int64_t sum = 0;
    assert_int_equal(footfall_list(site->ff, "", NULL, NULL, add_up, &sum, NULL), FOOTFALL_OK);
    return sum;
}

/* ---- one request ---------------------------------------------------------------------------------------------------------- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int resumed;
};

static void resume(void *user)
{
    struct waiting *waiting = user;
    pthread_mutex_lock(&waiting->lock);
    waiting->resumed++;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->lock);
}

static void as_event_loop(struct footfall_web_exchange *x)
{
    enum footfall_web_state state;
    while ((state = footfall__web_state(x)) != FOOTFALL_WEB_ANSWERED) {
        struct waiting waiting = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };
        assert_null(footfall__web_response(x));
        if (state == FOOTFALL_WEB_BLOCKS) {
            footfall__web_block(x);
            continue;
        }
        footfall__web_start(x, resume, &waiting);
        pthread_mutex_lock(&waiting.lock);
        while (!waiting.resumed)
            pthread_cond_wait(&waiting.changed, &waiting.lock);
        pthread_mutex_unlock(&waiting.lock);
        assert_int_equal(waiting.resumed, 1);
        footfall__web_go_on(x);
    }
}

static void keep_reply(struct reply *reply, const struct footfall_web_exchange *x)
{
    const struct footfall_web_response *response = footfall__web_response(x);
    size_t bytes = 0;
    assert_non_null(response);
    assert_true(response->body_bytes < sizeof reply->body);
    memset(reply, 0, sizeof *reply);
    reply->status = response->status;
    reply->without_body = response->without_body;
    reply->bytes = response->body_bytes;
    if (response->body_bytes > 0)
        memcpy(reply->body, response->body, response->body_bytes);
    for (size_t i = 0; i < response->header_count; i++)
        bytes += (size_t)snprintf(reply->headers + bytes, sizeof reply->headers - bytes, "%s: %s\n",
                                  response->headers[i].name, response->headers[i].value);
    assert_true(bytes < sizeof reply->headers);
    snprintf(reply->logged, sizeof reply->logged, "%s", footfall__web_logged(x));
}

const struct reply *site_send(struct site *site, const char *method, const char *target, const char *const *headers,
                              const char *body, size_t body_bytes)
{
    static struct reply reply;
    struct footfall_web_header all[HEADERS_MAX];
    struct footfall_web_request request = { .method = method, .headers = all, .body = body, .body_bytes = body_bytes };
    struct footfall_web_exchange *x = NULL;
    request.peer = "192.0.2.1";
    for (; headers != NULL && *headers != NULL; headers += 2)
        if (strcmp(headers[0], "peer") == 0) {
            request.peer_is_unix = strcmp(headers[1], "unix") == 0;
            request.peer = request.peer_is_unix || strcmp(headers[1], "none") == 0 ? NULL : headers[1];
        } else
            all[request.header_count++] = (struct footfall_web_header){ headers[0], headers[1] };
    assert_true(request.header_count <= HEADERS_MAX);
    footfall__web_target(&request, target, strlen(target));
    x = footfall__web_begin(site->web, &request);
    assert_non_null(x);
    if (site->blocking)
        footfall__web_run(x);
    else
        as_event_loop(x);
    keep_reply(&reply, x);
    footfall__web_end(x);
    return &reply;
}

const struct reply *site_ask(struct site *site, const char *method, const char *target, const char *const *headers)
{
    return site_send(site, method, target, headers, NULL, 0);
}

const struct reply *site_get(struct site *site, const char *target)
{
    return site_ask(site, "GET", target, NULL);
}

/* ---- what is expected ------------------------------------------------------------------------------------------------------ */

const char *header_of(const struct reply *reply, const char *name)
{
    static char value[512];
    size_t bytes = strlen(name);
    for (const char *at = reply->headers; *at != '\0'; at = strchr(at, '\n') + 1)
        if (strncasecmp(at, name, bytes) == 0 && at[bytes] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)(strcspn(at, "\n") - bytes - 2), at + bytes + 2);
            return value;
        }
    return "";
}

void expect_status(const struct reply *reply, int status)
{
    if (reply->status != status)
        fail_msg("%d is not %d\n%s\n%s", reply->status, status, reply->headers, reply->body);
}

void expect_code(const struct reply *reply, int status, const char *code)
{
    char wanted[64];
    expect_status(reply, status);
    snprintf(wanted, sizeof wanted, ",\"code\":\"%s\"}\n", code);
    if (strstr(reply->body, wanted) == NULL)
        fail_msg("%s is not %s", reply->body, code);
    assert_string_equal(header_of(reply, "Content-Type"), "application/json");
    assert_string_equal(header_of(reply, "Cache-Control"), "no-store");
}

void expect_body(const struct reply *reply, const char *part)
{
    if (strstr(reply->body, part) == NULL)
        fail_msg("no %s in %s", part, reply->body);
}

void expect_numbers(struct site *site, const char *counter, int exists, int64_t total, int64_t unique)
{
    struct footfall_result r = support_read(site->ff, counter);
    if (((r.flags & FOOTFALL_EXISTS) != 0) != exists || r.total != total || r.unique != unique)
        fail_msg("%s is %lld/%lld, not %lld/%lld", counter, (long long)r.total, (long long)r.unique, (long long)total,
                 (long long)unique);
}
