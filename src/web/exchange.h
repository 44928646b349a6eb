/* exchange.h: a request, what it asks of the store and its answer, as the files of the handler share them. A route's function
 * answers at once (respond.h), or says what to ask and who takes the outcome up. Nobody else includes it. */
#ifndef FOOTFALL_WEB_EXCHANGE_H
#define FOOTFALL_WEB_EXCHANGE_H
#include "badge.h"
#include "site.h"

enum footfall__web_method {
    FOOTFALL__WEB_NO_METHOD = 0, /* none that any page has */
    FOOTFALL__WEB_GET = 1,
    FOOTFALL__WEB_HEAD = 2,
    FOOTFALL__WEB_POST = 4,
    FOOTFALL__WEB_PUT = 8,
    FOOTFALL__WEB_DELETE = 16,
    FOOTFALL__WEB_OPTIONS = 32
};

/* The headers that are asked for, found in one go. */
enum footfall__web_known {
    FOOTFALL__WEB_ORIGIN,
    FOOTFALL__WEB_REQUEST_METHOD, /* Access-Control-Request-Method */
    FOOTFALL__WEB_TOKEN,          /* Idempotency-Key */
    FOOTFALL__WEB_AGENT,
    FOOTFALL__WEB_PURPOSE, /* and three more spellings */
    FOOTFALL__WEB_PURPOSE_2,
    FOOTFALL__WEB_PURPOSE_3,
    FOOTFALL__WEB_PURPOSE_4,
    FOOTFALL__WEB_MATCH, /* If-None-Match */
    FOOTFALL__WEB_AUTHORIZATION,
    FOOTFALL__WEB_KNOWN
};

enum footfall__web_ask {
    FOOTFALL__WEB_ASK_NOTHING, /* answered */
    FOOTFALL__WEB_ASK_OP,
    FOOTFALL__WEB_ASK_READ,
    FOOTFALL__WEB_ASK_LIST,
    FOOTFALL__WEB_ASK_PING
};

struct footfall_web_exchange;
typedef void footfall__web_step(struct footfall_web_exchange *x);

struct footfall__web_route {
    const char *label; /* for /metrics */
    const char *path;
    int named;        /* a counter's name follows, after a slash … */
    int bare;         /* … or nothing, not even that */
    int quiet;        /* for machines: no limit of requests */
    int private;      /* not offered to pages of other origins */
    unsigned methods; /* that it has; HEAD goes to GET's function */
    unsigned admin;   /* those that need the token */
    footfall__web_step *get, *post, *put, *erase;
};

struct footfall__web_listing {
    char prefix[FOOTFALL_NAME_BYTES + 1], after[FOOTFALL_NAME_BYTES + 1];
    size_t limit, count;
    int more, broken; /* broken: no memory */
    struct json_t *rows;
};

enum { FOOTFALL__WEB_BODY_ROOM = 768 /* a line of JSON, every byte of it escaped */, FOOTFALL__WEB_LOGGED_ROOM = 200 };

struct footfall_web_exchange {
    struct footfall_web *web;
    const struct footfall_web_request *request;
    const struct footfall__web_route *route;
    enum footfall__web_method method;
    const char *known[FOOTFALL__WEB_KNOWN];

    /* what is asked of the store, and what came of it */
    enum footfall__web_ask ask;
    footfall__web_step *take_up;
    footfall__web_step *counted; /* count.c: the operation is done */
    void (*resume)(void *user);
    void *resume_user;
    uint32_t wait_ms;
    int64_t asked_ms; /* when something was first to be asked, on BOOTTIME; 0: not yet */
    struct footfall_op op;
    struct footfall_visitor visitor;
    struct footfall_result result;         /* its status is the outcome */
    struct footfall_error err;             /* of a failure */
    unsigned settled;                      /* places.c, count.c */
    int has_place;                         /* that is not settled yet */
    struct footfall__web_listing *listing; /* owned */
    struct footfall_web_badge badge;
    int unique, hit; /* the badge: unique visitors; count it */

    /* the answer */
    struct footfall_web_response response;
    enum footfall__web_visit visit;
    char *owned; /* a body that is freed with free(); NULL: none */
    char tag[FOOTFALL__WEB_TAG_ROOM];
    char name[FOOTFALL_NAME_BYTES + 1];
    char address[FOOTFALL_WEB_ADDRESS_ROOM];
    char label[FOOTFALL_WEB_LABEL_BYTES + 1], color[8];
    char body[FOOTFALL__WEB_BODY_ROOM];
    char logged[FOOTFALL__WEB_LOGGED_ROOM];
};

/* What is asked next. */
void footfall__web_ask(struct footfall_web_exchange *x, enum footfall__web_ask ask, footfall__web_step *take_up);
/* Whether it never counts: HEAD, prefetched, or from a health probe. */
int footfall__web_never_counts(const struct footfall_web_exchange *x);

/* route.c. Never NULL: there is one for what is no page. _allow: for the Allow header. */
const struct footfall__web_route *footfall__web_route_of(const struct footfall_web *web, const char *path,
                                                         size_t bytes);
extern const struct footfall__web_route footfall__web_routes[FOOTFALL__WEB_ROUTES];
enum footfall__web_method footfall__web_method_of(const char *method);
const char *footfall__web_allow(const struct footfall_web *web, const struct footfall__web_route *route);

/* target.c. _name: the counter's name from the path into x->name and x->op.name: 1; 0: refused. _decode: percent (and with
 * `form`, '+') decoded, at most `room` bytes written; the whole length, or -1: malformed. */
int footfall__web_name(struct footfall_web_exchange *x);
long footfall__web_decode(char *out, size_t room, const char *text, size_t bytes, int form);
/* The value of a parameter, decoded and terminated: 1; 0: not there; -1: refused. room with the NUL. No NUL inside. */
int footfall__web_parameter(struct footfall_web_exchange *x, char *out, size_t room, const char *key);

/* count.c: does x->op, in two steps where a counter may have to be made; then `counted`, or the failure is answered. _settle: of
 * the place that it still has when nobody takes the outcome up. _token: Idempotency-Key into x->op: 1; 0: refused. */
void footfall__web_count(struct footfall_web_exchange *x, footfall__web_step *counted);
void footfall__web_settle(struct footfall_web_exchange *x);
int footfall__web_token(struct footfall_web_exchange *x);

/* admin.c: what FOOTFALL__WEB_ASK_LIST does. */
int footfall__web_list_all(struct footfall_web_exchange *x, const struct footfall_call *call);
void footfall__web_listing_free(struct footfall__web_listing *listing); /* NULL is fine */

/* tally.c: counts an answered exchange. */
void footfall__web_tell(const struct footfall_web_exchange *x);

/* Functions of routes. */
footfall__web_step footfall__web_visit, footfall__web_counter, footfall__web_show_badge, footfall__web_show_page,
    footfall__web_show_widget, footfall__web_list, footfall__web_set, footfall__web_delete, footfall__web_health,
    footfall__web_ready, footfall__web_metrics;
#endif
