/* respond.h: answers: status, headers, ETag, and the errors with their codes. Nobody outside the handler includes it. */
#ifndef FOOTFALL_WEB_RESPOND_H
#define FOOTFALL_WEB_RESPOND_H
#include "exchange.h"

#define FOOTFALL__WEB_JSON "application/json"
#define FOOTFALL__WEB_NO_STORE "no-store"

/* The answer. type and cache are static, or NULL; body is static or the exchange's own, NULL with 0 bytes: none. */
void footfall__web_answer(struct footfall_web_exchange *x, int status, const char *type, const char *cache,
                          const char *body, size_t body_bytes);
/* 200, or 304 when the request has that tag already. tag NULL: made of the body. */
void footfall__web_answer_tagged(struct footfall_web_exchange *x, const char *type, const char *cache, const char *tag,
                                 const char *body, size_t body_bytes);
/* One more header of the answer that is there; both live as long as the exchange. */
void footfall__web_header(struct footfall_web_exchange *x, const char *name, const char *value);
void footfall__web_tag(char out[FOOTFALL__WEB_TAG_ROOM], const char *body, size_t body_bytes);
void footfall__web_preflight(struct footfall_web_exchange *x);

enum footfall__web_failure {
    FOOTFALL__WEB_BAD_REQUEST,
    FOOTFALL__WEB_BAD_COUNTER,
    FOOTFALL__WEB_BAD_ADDRESS,
    FOOTFALL__WEB_BAD_TOKEN,
    FOOTFALL__WEB_BAD_PARAMETER,
    FOOTFALL__WEB_BAD_BODY,
    FOOTFALL__WEB_UNAUTHORIZED,
    FOOTFALL__WEB_TOO_MANY_COUNTERS,
    FOOTFALL__WEB_NOT_FOUND,
    FOOTFALL__WEB_NO_SUCH_COUNTER,
    FOOTFALL__WEB_METHOD_NOT_ALLOWED,
    FOOTFALL__WEB_OUT_OF_RANGE,
    FOOTFALL__WEB_TOO_LARGE,
    FOOTFALL__WEB_TARGET_TOO_LONG,
    FOOTFALL__WEB_TOO_MANY_REQUESTS,
    FOOTFALL__WEB_BROKEN_STORE,
    FOOTFALL__WEB_TEMPORARY,
    FOOTFALL__WEB_UNKNOWN_OUTCOME
};
/* The answer of an error, with the headers that belong to it. text NULL: what is always said of it. */
void footfall__web_error(struct footfall_web_exchange *x, enum footfall__web_failure failure, const char *text);
/* The answer when x->result.status is not OK. */
void footfall__web_store_error(struct footfall_web_exchange *x);

/* json.c. _counter, _error: a line of JSON; its length, 0: no memory. _row: a new reference. _list: free()d by the caller;
 * rows stay the caller's; cursor NULL: null. _numbers: strict; 1, or 0 and why. */
struct footfall__web_shown {
    int visited, replayed, deleted;
};
enum { FOOTFALL__WEB_WHY_ROOM = 200 };
size_t footfall__web_json_counter(char out[FOOTFALL__WEB_BODY_ROOM], const char *name,
                                  const struct footfall_result *result, const struct footfall__web_shown *shown);
size_t footfall__web_json_error(char *out, size_t room, const char *text, const char *code);
struct json_t *footfall__web_json_row(const char *name, int64_t total, int64_t unique);
char *footfall__web_json_list(size_t *bytes, struct json_t *rows, const char *cursor);
int footfall__web_json_numbers(int64_t *total, int64_t *unique, const char *body, size_t body_bytes,
                               char why[FOOTFALL__WEB_WHY_ROOM]);
#endif
