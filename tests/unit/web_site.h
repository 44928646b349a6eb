/* web_site.h: a site on the memory backend for tests, and requests in one line. */
#ifndef WEB_SITE_H
#define WEB_SITE_H
#include "web.h"

struct site {
    struct footfall *ff;
    struct footfall_config *config;
    struct footfall_web *web;
    int64_t now_ms;
    int blocking;   /* 1: requests are done by footfall__web_run; 0: as an event loop does them */
    char log[4096]; /* what the site said, a line each */
};

/* pairs: settings ("http.create", "false", …; NULL at the end), perhaps NULL; those of another backend begin with "backend".
 * options NULL: as `serve` has them. Ends the test when that fails. _unknown: how many counters there are is not known yet. */
void site_open(struct site *site, const struct footfall_web_options *options, const char *const *pairs);
void site_open_unknown(struct site *site, const struct footfall_web_options *options, const char *const *pairs);
void site_close(struct site *site);
/* Only what footfall__web_open says. */
int site_try(const char *const *pairs, struct footfall_error *err);

struct reply {
    int status;
    int without_body;
    size_t bytes;
    char headers[2048]; /* "Name: value\n" for each */
    char body[1 << 18];
    char logged[256];
};

/* A test of a site, once as an event loop does requests and once waiting for each. */
void both_ways(void (*test)(struct site *site), const struct footfall_web_options *options, const char *const *pairs);

/* One request. headers: name and value in turn, NULL at the end; may be NULL. The peer is 192.0.2.1, unless there is a
 * header "peer" ("none": it has none; "unix"). The reply is static, until the next. */
const struct reply *site_get(struct site *site, const char *target);
const struct reply *site_ask(struct site *site, const char *method, const char *target, const char *const *headers);
const struct reply *site_send(struct site *site, const char *method, const char *target, const char *const *headers,
                              const char *body, size_t body_bytes);
#define HEADERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* All totals and unique visitors of all counters together. */
int64_t site_sum(struct site *site);

/* The header's value, or "" when it is not there. Static, until the next call. */
const char *header_of(const struct reply *reply, const char *name);
/* Ends the test with the reply when it is another. */
void expect_status(const struct reply *reply, int status);
void expect_code(const struct reply *reply, int status, const char *code);
void expect_body(const struct reply *reply, const char *part); /* has that in it */
void expect_numbers(struct site *site, const char *counter, int exists, int64_t total, int64_t unique);
#endif
