/* respond.c: answers with their headers: type, caching, ETag, CORS, and the errors (respond.h). */
#include "respond.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "bytes.h"
#include "clock.h"

enum { TAG_BYTES = 16, COMPLAIN_MS = 60000 };

void footfall__web_header(struct footfall_web_exchange *x, const char *name, const char *value)
{
    struct footfall_web_response *response = &x->response;
    if (response->header_count < FOOTFALL_WEB_HEADERS)
        response->headers[response->header_count++] = (struct footfall_web_header){ name, value };
}

/* ---- other origins ------------------------------------------------------------------------------------------------------- */

static int offered(const struct footfall_web_exchange *x)
{
    return !x->route->private && (x->route->admin & (unsigned)x->method) == 0;
}

/* 1: pages of this origin may read the answer. */
static int allow_origin(struct footfall_web_exchange *x)
{
    const struct footfall_web *web = x->web;
    const char *origin = x->known[FOOTFALL__WEB_ORIGIN];
    if (!offered(x))
        return 0;
    if (web->origins_any) {
        footfall__web_header(x, "Access-Control-Allow-Origin", "*");
        return 1;
    }
    if (!web->origins_some)
        return 0;
    footfall__web_header(x, "Vary", "Origin");
    if (!footfall__web_origins_has(web->origins, origin))
        return 0;
    footfall__web_header(x, "Access-Control-Allow-Origin", origin);
    return 1;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------- */

void footfall__web_answer(struct footfall_web_exchange *x, int status, const char *type, const char *cache,
                          const char *body, size_t body_bytes)
{
    struct footfall_web_response *response = &x->response;
    memset(response, 0, sizeof *response);
    response->status = status;
    response->body = body;
    response->body_bytes = body_bytes;
    response->without_body = x->method == FOOTFALL__WEB_HEAD;
    x->ask = FOOTFALL__WEB_ASK_NOTHING;
    x->take_up = NULL;
    if (type != NULL)
        footfall__web_header(x, "Content-Type", type);
    footfall__web_header(x, "X-Content-Type-Options", "nosniff");
    if (cache != NULL)
        footfall__web_header(x, "Cache-Control", cache);
    (void)allow_origin(x);
}

void footfall__web_preflight(struct footfall_web_exchange *x)
{
    struct footfall_web_response *response = &x->response;
    memset(response, 0, sizeof *response);
    response->status = 204;
    footfall__web_header(x, "X-Content-Type-Options", "nosniff");
    if (!allow_origin(x))
        return;
    footfall__web_header(x, "Access-Control-Allow-Methods", "GET, POST, HEAD");
    footfall__web_header(x, "Access-Control-Allow-Headers", "Idempotency-Key, Content-Type");
    footfall__web_header(x, "Access-Control-Max-Age", "86400");
}

void footfall__web_tag(char out[FOOTFALL__WEB_TAG_ROOM], const char *body, size_t body_bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
    out[0] = '"';
    if (EVP_Digest(body, body_bytes, digest, NULL, EVP_sha256(), NULL) != 1) {
        out[0] = '\0'; /* no memory: an answer without a tag */
        return;
    }
    footfall__hex(out + 1, digest, TAG_BYTES);
    out[1 + 2 * TAG_BYTES] = '"';
    out[2 + 2 * TAG_BYTES] = '\0';
}

/* Is the tag in the list of If-None-Match? Weak comparison: W/ makes no difference. */
static int matches(const char *list, const char *tag)
{
    size_t bytes = strlen(tag);
    while (list != NULL && *list != '\0') {
        list += strspn(list, " \t,");
        if (*list == '*')
            return 1;
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (strncmp(list, tag, bytes) == 0)
            return 1;
        if (*list == '"') { /* a comma may be inside */
            const char *end = strchr(list + 1, '"');
            list = end != NULL ? end + 1 : "";
        } else {
            list += strcspn(list, ",");
        }
    }
    return 0;
}

void footfall__web_answer_tagged(struct footfall_web_exchange *x, const char *type, const char *cache, const char *tag,
                                 const char *body, size_t body_bytes)
{
    int same = 0;
    if (tag == NULL) {
        footfall__web_tag(x->tag, body, body_bytes);
        tag = x->tag;
    }
    same = tag[0] != '\0' && matches(x->known[FOOTFALL__WEB_MATCH], tag);
    footfall__web_answer(x, same ? 304 : 200, same ? NULL : type, cache, same ? NULL : body, same ? 0 : body_bytes);
    if (tag[0] == '\0')
        return;
    footfall__web_header(x, "ETag", tag);
    if (offered(x))
        footfall__web_header(x, "Access-Control-Expose-Headers", "ETag");
}

/* ---- errors ---------------------------------------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *code, *text;
} failures[] = {
    [FOOTFALL__WEB_BAD_REQUEST] = { 400, "bad_request", "the request cannot be understood" },
    [FOOTFALL__WEB_BAD_COUNTER] = { 400, "bad_counter", "this is no counter's name" },
    [FOOTFALL__WEB_BAD_ADDRESS] = { 400, "bad_address", "the client's address is none that can be counted" },
    [FOOTFALL__WEB_BAD_TOKEN] = { 400, "bad_token", "an Idempotency-Key has 1 to 64 bytes" },
    [FOOTFALL__WEB_BAD_PARAMETER] = { 400, "bad_parameter", "a parameter is wrong" },
    [FOOTFALL__WEB_BAD_BODY] = { 400, "bad_body", "the body is wrong" },
    [FOOTFALL__WEB_UNAUTHORIZED] = { 401, "unauthorized",
                                     "administration needs the token: Authorization: Bearer TOKEN" },
    [FOOTFALL__WEB_TOO_MANY_COUNTERS] = { 403, "too_many_counters",
                                          "there is no such counter, and http.max_counters allows no more" },
    [FOOTFALL__WEB_NOT_FOUND] = { 404, "not_found", "there is no such page" },
    [FOOTFALL__WEB_NO_SUCH_COUNTER] = { 404, "no_such_counter", "there is no such counter" },
    [FOOTFALL__WEB_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed", "this page has no such method" },
    [FOOTFALL__WEB_OUT_OF_RANGE] = { 409, "out_of_range", "not counted: the number would leave 64 bits" },
    [FOOTFALL__WEB_TOO_LARGE] = { 413, "body_too_large", "the body is larger than http.body_bytes" },
    [FOOTFALL__WEB_TARGET_TOO_LONG] = { 414, "target_too_long", "path and query have more than 8192 bytes" },
    [FOOTFALL__WEB_TOO_MANY_REQUESTS] = { 429, "too_many_requests", "too many requests a second" },
    [FOOTFALL__WEB_BROKEN_STORE] = { 500, "broken_store", "not applied: the store is damaged, full or refuses us" },
    [FOOTFALL__WEB_TEMPORARY] = { 503, "temporary", "not applied: the store does not answer; try again" },
    [FOOTFALL__WEB_UNKNOWN_OUTCOME] = { 504, "unknown_outcome", "it may have been applied, or not" },
};

void footfall__web_error(struct footfall_web_exchange *x, enum footfall__web_failure failure, const char *text)
{
    int status = failures[failure].status;
    size_t bytes = footfall__web_json_error(x->body, sizeof x->body, text != NULL ? text : failures[failure].text,
                                            failures[failure].code);
    int again = status == 429 || status == 503 || (status == 504 && x->known[FOOTFALL__WEB_TOKEN] != NULL);
    if (bytes == 0)
        bytes = (size_t)snprintf(x->body, sizeof x->body, "{\"error\":\"no memory is left\",\"code\":\"%s\"}\n",
                                 failures[failure].code);
    footfall__web_answer(x, status, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, x->body, bytes);
    if (again) {
        footfall__web_header(x, "Retry-After", "1");
        if (offered(x))
            footfall__web_header(x, "Access-Control-Expose-Headers", "Retry-After");
    }
    if (failure == FOOTFALL__WEB_UNAUTHORIZED)
        footfall__web_header(x, "WWW-Authenticate", "Bearer");
    if (failure == FOOTFALL__WEB_METHOD_NOT_ALLOWED)
        footfall__web_header(x, "Allow", footfall__web_allow(x->web, x->route));
}

/* At most once a minute: the engine's texts hold no address and no secret. */
static void complain(struct footfall_web_exchange *x)
{
    long long now = footfall__boottime_ms();
    long long last = atomic_load_explicit(&x->web->complained_ms, memory_order_relaxed);
    if (x->err.text[0] != '\0' && (last == 0 || now - last > COMPLAIN_MS) &&
        atomic_compare_exchange_strong(&x->web->complained_ms, &last, now))
        footfall__web_log(x->web, FOOTFALL_LOG_ERROR, "%s was answered %d: %s", x->route->label, x->response.status,
                          x->err.text);
}

static void fail_invalid(struct footfall_web_exchange *x)
{
    if (x->visitor.address != NULL && footfall_address_check(x->visitor.address, NULL) != FOOTFALL_OK)
        footfall__web_error(x, FOOTFALL__WEB_BAD_ADDRESS, NULL);
    else if (x->op.token != NULL)
        footfall__web_error(x, FOOTFALL__WEB_BAD_TOKEN, "this Idempotency-Key was used for something else");
    else
        footfall__web_error(x, FOOTFALL__WEB_BAD_REQUEST, NULL);
}

void footfall__web_store_error(struct footfall_web_exchange *x)
{
    switch (x->result.status) {
    case FOOTFALL_INVALID:
        fail_invalid(x);
        break;
    case FOOTFALL_ABSENT:
        footfall__web_error(x, FOOTFALL__WEB_NO_SUCH_COUNTER, NULL);
        break;
    case FOOTFALL_RANGE:
        footfall__web_error(x, FOOTFALL__WEB_OUT_OF_RANGE, NULL);
        break;
    case FOOTFALL_TEMPORARY:
    case FOOTFALL_NO_MEMORY:
    case FOOTFALL_MISUSE: /* the handle is being closed */
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, NULL);
        break;
    case FOOTFALL_UNKNOWN:
        footfall__web_error(x, FOOTFALL__WEB_UNKNOWN_OUTCOME, NULL);
        break;
    default:
        footfall__web_error(x, FOOTFALL__WEB_BROKEN_STORE, NULL);
        complain(x);
    }
}
