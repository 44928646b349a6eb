/* web.h: HTTP requests in, responses out: routes, names from paths, whose visit it is, CORS, JSON, the badge, the page and the
 * widget, administration. No sockets and no threads: a front end (a server, a Lambda runtime) brings requests and sends what
 * comes out. docs/http.md says what is answered to what.
 *
 * A request becomes an exchange. What it needs of the store is either started, so that an event loop need not wait:
 *
 *     x = footfall__web_begin(web, &request);
 *     while ((state = footfall__web_state(x)) != FOOTFALL_WEB_ANSWERED)
 *         STARTS: footfall__web_start(x, resume, user); … later, after resume(user): footfall__web_go_on(x);
 *         BLOCKS: footfall__web_block(x), on a thread that may wait for the store;
 *     send footfall__web_response(x); footfall__web_end(x);
 *
 * or done at once: footfall__web_run(x). A site may be used by any number of threads at once; an exchange belongs to one at a
 * time. */
#ifndef FOOTFALL_WEB_H
#define FOOTFALL_WEB_H
#include <stddef.h>
#include <stdint.h>

#include "footfall.h"
#include "footfall_admin.h"

/* ---- a site: an open handle, and what the configuration says of http ---------------------------------------------------- */

struct footfall_web; /* opaque */

struct footfall_web_options {
    int page_at_root; /* 1: GET / is the page that says how to count; 0: it counts the default counter, as /visit does */
    int limit_counters;     /* 1: http.max_counters holds, once footfall__web_know_counters has been called */
    int metrics_want_token; /* 1: /metrics wants the token of everybody; 0: not of whoever asks from this host */
    void (*log)(void *user, enum footfall_log_level level, const char *line); /* NULL: silence. Any thread */
    void *log_user;
    /* Called when a request needs the store and there is none yet (footfall__web_open): it may open it within wait_ms, and say so by
     * footfall__web_use. NULL: nobody. For a front end that has one exchange at a time and waits for it. */
    void (*open)(void *user, uint32_t wait_ms);
    void *open_user;
    /* The front end's own lines of /metrics; NULL: none. Any thread. */
    void (*measure)(void *user, footfall_each_metric *each, void *each_user);
    void *measure_user;
};

/* Reads http.cors_origins, .trusted_proxies, .address_header, .default_counter, .create, .max_counters, .admin_token_file,
 * .requests_per_second and .body_bytes, and deadline. ff, config and what the options point to must outlive the site. ff is NULL
 * where the store cannot be opened yet: until footfall__web_use what needs it is answered 503 (temporary, not counted). The caller
 * owns *out and ends it with footfall__web_close, when no exchange is left. Errors: CONFIG (names the key), NO_MEMORY. */
int footfall__web_open(struct footfall_web **out, struct footfall *ff, const struct footfall_config *config,
                       const struct footfall_web_options *options, struct footfall_error *err);
/* Once, while there is no exchange, or in the options' open. */
void footfall__web_use(struct footfall_web *web, struct footfall *ff);
void footfall__web_close(struct footfall_web *web); /* NULL is fine */

/* Puts before an error that begins with the name of a key where the key's value comes from ("site.conf:7: "), as the library's own
 * errors have it. For the front end's keys; footfall__web_open does it by itself. err may be NULL. */
void footfall__web_name_place(struct footfall_error *err, const struct footfall_config *config);

/* log_level, for the front end's own lines; those of a site are not left out by it. */
enum footfall_log_level footfall__web_log_level(const struct footfall_config *config);

/* http.body_bytes, 0 … 16 MiB: what a front end refuses a larger body for. CONFIG names the key. */
int footfall__web_body_bytes(size_t *out, const struct footfall_config *config, struct footfall_error *err);
size_t footfall__web_body_most(const struct footfall_web *web); /* the same, of an open site */

/* Counts the counters that there are, for http.max_counters: at most so many are listed. Until it has succeeded once, a request
 * that would make a counter is answered 503. Blocks; one call at a time. OK too when there is no limit to keep, or it is known
 * already; errors of footfall_list. */
int footfall__web_know_counters(struct footfall_web *web, struct footfall_error *err);

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

struct footfall_web_header {
    const char *name, *value; /* NUL-terminated; names in any case; a header that came twice is there twice, in order */
};

struct footfall_web_request { /* all of it is borrowed until footfall__web_end */
    const char *method;       /* as sent: "GET" */
    const char *path;         /* as on the wire, undecoded, without the query; need not be NUL-terminated */
    size_t path_bytes;
    int path_decoded;  /* 1: whoever brought the request has percent-decoded the path already */
    const char *query; /* what follows '?', undecoded; NULL: none */
    size_t query_bytes;
    const struct footfall_web_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_bytes;
    const char *peer; /* the direct peer's address, IPv4 or IPv6 in text; NULL: it has none (or none that is one) */
    int peer_is_unix; /* it came over a Unix socket */
};

/* Cuts a request line's target ("/a?b", "http://host/a?b", "*") into path and query. */
void footfall__web_target(struct footfall_web_request *request, const char *target, size_t target_bytes);
/* The value of the first header of that name (any case), or NULL. */
const char *footfall__web_header_of(const struct footfall_web_request *request, const char *name);

/* Of a header that lists whom a request came by, as X-Forwarded-For does: the last entry of its last line, without blanks around it,
 * and without brackets and port ("192.0.2.1:443", "[2001:db8::1]:443"). What has another form is given as it is; "" is an entry too.
 * 1; 0: there is no such header. *entry is part of its value, not NUL-terminated. */
int footfall__web_last_entry(const struct footfall_web_request *request, const char *name, const char **entry,
                             size_t *bytes);

/* ---- exchanges ----------------------------------------------------------------------------------------------------------- */

struct footfall_web_exchange; /* opaque */

enum footfall_web_state {
    FOOTFALL_WEB_ANSWERED, /* the response is there */
    FOOTFALL_WEB_STARTS,   /* footfall__web_start is next */
    FOOTFALL_WEB_BLOCKS    /* footfall__web_block is next */
};

/* Takes the request up, and answers it when that needs no store. NULL: no memory. */
struct footfall_web_exchange *footfall__web_begin(struct footfall_web *web, const struct footfall_web_request *request);

/* The same for what the front end cannot or will not take: answered at once, with the CORS headers that belong there. */
enum footfall_web_refusal {
    FOOTFALL_WEB_BODY_TOO_LARGE, /* 413 */
    FOOTFALL_WEB_MALFORMED,      /* 400: its header can be read in more than one way */
    FOOTFALL_WEB_BUSY            /* 503: stopping, or too much under way; not counted */
};
struct footfall_web_exchange *footfall__web_refuse(struct footfall_web *web, const struct footfall_web_request *request,
                                                   enum footfall_web_refusal why);

enum footfall_web_state footfall__web_state(const struct footfall_web_exchange *x);

/* Sends on its way what the exchange waits for, without waiting. resume(user) is called exactly once, on any thread and
 * perhaps before this returns; it must be quick. Until then nobody touches the exchange; afterwards footfall__web_go_on, on
 * whatever thread, takes the outcome up. */
void footfall__web_start(struct footfall_web_exchange *x, void (*resume)(void *user), void *user);
void footfall__web_go_on(struct footfall_web_exchange *x);
void footfall__web_block(struct footfall_web_exchange *x); /* does it, and takes the outcome up */
void footfall__web_run(struct footfall_web_exchange *x);   /* all of it, until it is answered; blocks */

/* Longest time for what this exchange needs of the store, in milliseconds: less than the configured deadline where the front
 * end has less itself. 0: the configured one. Before footfall__web_start, _block and _run. */
void footfall__web_wait(struct footfall_web_exchange *x, uint32_t wait_ms);

enum { FOOTFALL_WEB_HEADERS = 12 };

struct footfall_web_response { /* lives as long as the exchange */
    int status;
    struct footfall_web_header
        headers[FOOTFALL_WEB_HEADERS]; /* Content-Type and the like; no Content-Length, no Date */
    size_t header_count;
    const char *body;
    size_t body_bytes;
    int without_body; /* 1: the answer to HEAD: body_bytes is what GET would have sent, the body is not to be sent */
};
/* NULL until the exchange is answered. */
const struct footfall_web_response *footfall__web_response(const struct footfall_web_exchange *x);
/* The path of the exchange's counter or page as an access log may have it, without its query; NUL-terminated, printable. */
const char *footfall__web_logged(const struct footfall_web_exchange *x);

/* Ends it, and counts it for /metrics. NULL is fine. Not between footfall__web_start and its resume. */
void footfall__web_end(struct footfall_web_exchange *x);

/* Stands for the direct peer's address (for IPv6 its first 64 bits) in the front end's own limits: a hash under a key that only
 * this site has, so that no table of addresses is kept in plain. 0: no limit is for this one; it is a trusted proxy, or has no
 * address. peer as in struct footfall_web_request. */
uint64_t footfall__web_peer_key(const struct footfall_web *web, const char *peer);
#endif
