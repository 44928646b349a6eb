/* client.c: requests under way at once, each sent again until it is answered or its time is up (client.h). What a reply means
 * is answer.c's to say; what comes of a request is its owner's. */
#include "client.h"
#include "endpoint.h"
#include "exchange.h"
#include "sockets.h"
#include "usage.h"

#include "alloc.h"
#include "bytes.h"
#include "clock.h"
#include "random.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum {
    EXCHANGES = 32, /* attempts under way at once */
    ROOM_MIN = 4,
    BASE_MS = 25,
    THROTTLED_BASE_MS = 1000,
    CAP_MS = 1000,
    THROTTLED_CAP_MS = 20000,
    ATTEMPT_MS = 1000, /* a reply that takes longer is lost: replies take milliseconds */
    ATTEMPT_MIN_MS = 250,
    LAST_MS = 20, /* no retry with less time left: cut off, it would only leave a doubt */
    BUDGET = 500, /* of retries, as the SDKs have it */
    BUDGET_RETRY = 5,
    BUDGET_TIMEOUT = 10,
    DATE_GRAIN_MS = 1000,
    OFFSET_GRAIN_MS = 2000 /* clocks that differ by less are taken for equal: Date has whole seconds */
};

struct dynamodb_client {
    struct dynamodb_endpoint endpoint;
    struct dynamodb_chain *chain;
    const char *region;
    struct dynamodb_signer signer;
    CURLM *multi;
    struct dynamodb_exchange exchanges[EXCHANGES];
    struct dynamodb_sockets sockets;
    struct dynamodb_request *queue, **queue_end;
    size_t under_way, room; /* room: that may be, now */
    size_t answered;        /* since it last changed */
    int64_t offset_ms;      /* the service's clock less the host's */
    int budget;
    uint64_t random_state;
    int capacity;
    struct dynamodb_usage usage;
};

/* ---- making -------------------------------------------------------------------------------------------------------------------- */

static int make_multi(struct dynamodb_client *c)
{
    c->multi = curl_multi_init();
    return c->multi != NULL && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)EXCHANGES) == CURLM_OK
               ? 0
               : FOOTFALL_STORE_NO_MEMORY;
}

/* A handle is made when it is first needed: most clients have one request under way at a time. */
static int make_exchange(struct dynamodb_client *c, struct dynamodb_exchange *e)
{
    if (footfall__dynamodb_exchange_init(e) == 0 && footfall__dynamodb_sockets_use(&c->sockets, e->easy) == 0)
        return 0;
    footfall__dynamodb_exchange_free(e);
    return FOOTFALL_STORE_NO_MEMORY;
}

int footfall__dynamodb_client_new(struct dynamodb_client **out, const struct dynamodb_client_options *options,
                                  struct footfall_store_call *call)
{
    struct dynamodb_client *c = footfall__calloc(1, sizeof(*c));
    int rc = 0;
    *out = NULL;
    if (c == NULL)
        return footfall__dynamodb_no_memory(call);
    footfall__dynamodb_sockets_init(&c->sockets, &c->usage.connects);
    c->room = EXCHANGES;
    c->queue_end = &c->queue;
    c->budget = BUDGET;
    c->capacity = options->capacity;
    if (footfall__random_bytes(&c->random_state, sizeof(c->random_state)) != 0)
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "no random numbers");
    c->random_state |= 1;
    if (rc == 0)
        rc = footfall__dynamodb_chain_new(&c->chain, &options->chain, call);
    if (rc == 0)
        rc = footfall__dynamodb_region(c->chain, &c->region, call);
    if (rc == 0)
        rc = footfall__dynamodb_endpoint(&c->endpoint, options->endpoint, c->region, call);
    if (rc == 0)
        rc = make_multi(c);
    if (rc == FOOTFALL_STORE_NO_MEMORY)
        (void)footfall__dynamodb_no_memory(call);
    if (rc != 0)
        footfall__dynamodb_client_free(c, 0);
    else
        *out = c;
    return rc;
}

void footfall__dynamodb_client_free(struct dynamodb_client *c, int inherited)
{
    if (c == NULL)
        return;
    if (inherited)
        footfall__dynamodb_sockets_disown(&c->sockets);
    for (size_t i = 0; i < EXCHANGES; i++) {
        if (c->exchanges[i].request != NULL && c->multi != NULL)
            (void)curl_multi_remove_handle(c->multi, c->exchanges[i].easy);
        footfall__dynamodb_exchange_free(&c->exchanges[i]);
    }
    if (c->multi != NULL)
        (void)curl_multi_cleanup(c->multi);
    footfall__dynamodb_chain_free(c->chain);
    footfall__dynamodb_endpoint_free(&c->endpoint);
    OPENSSL_cleanse(&c->signer, sizeof(c->signer));
    footfall__free(c);
}

struct dynamodb_usage *footfall__dynamodb_usage(struct dynamodb_client *c)
{
    return &c->usage;
}

int footfall__dynamodb_capacity(const struct dynamodb_client *c)
{
    return c->capacity;
}

const char *footfall__dynamodb_client_region(const struct dynamodb_client *c)
{
    return c->region;
}

int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *c)
{
    return footfall__wall_ms() + c->offset_ms;
}

/* ---- one attempt --------------------------------------------------------------------------------------------------------------- */

void footfall__dynamodb_send(struct dynamodb_client *c, struct dynamodb_request *r)
{
    r->next = NULL;
    r->answer = DYNAMODB_NO_ANSWER;
    r->reply = NULL;
    r->not_before_ms = 0;
    *c->queue_end = r;
    c->queue_end = &r->next;
}

void footfall__dynamodb_delay(struct dynamodb_client *c, struct dynamodb_request *r)
{
    r->not_before_ms = footfall__boottime_ms() + BASE_MS + footfall__random_below(&c->random_state, 3 * BASE_MS);
}

static void finish(struct dynamodb_request *r, enum dynamodb_answer answer)
{
    json_t *reply = r->reply;
    r->answer = answer;
    r->done(r);
    json_decref(reply); /* r may be gone by now */
}

static void say(struct dynamodb_request *r, struct footfall_store_call *call)
{
    (void)footfall__dynamodb_fault(call, 0, "%s: %s", footfall__dynamodb_action_name(r->action), r->why);
}

/* Lets what goes on for its last moments end a little before the deadline, rather than never. */
static int64_t attempt_ms(int64_t left)
{
    int64_t half = left / 2 > ATTEMPT_MIN_MS ? left / 2 : ATTEMPT_MIN_MS;
    int64_t ms = half < ATTEMPT_MS ? half : ATTEMPT_MS;
    return ms < left ? ms : left;
}

static int begin(struct dynamodb_client *c, struct dynamodb_exchange *e, struct dynamodb_request *r,
                 struct footfall_store_call *call)
{
    char date[DYNAMODB_DATE_BYTES];
    char target[64];
    char authorization[DYNAMODB_AUTHORIZATION_BYTES];
    const struct dynamodb_credentials *credentials = NULL;
    struct dynamodb_signable signable = {
        .host = c->endpoint.host, .region = c->region, .target = target, .date = date
    };
    struct dynamodb_heading heading = {
        .url = c->endpoint.url, .host = c->endpoint.host, .date = date, .target = target, .authorization = authorization
    };
    int64_t now_ms = footfall__dynamodb_now_ms(c);
    int64_t left = 0;
    int rc = footfall__dynamodb_credentials(c->chain, &credentials, now_ms, call);
    if (rc != 0)
        return rc;
    left = call->deadline_ms - footfall__boottime_ms(); /* credentials may have taken a while */
    if (left <= 0)
        return FOOTFALL_STORE_TEMPORARY;
    (void)snprintf(target, sizeof(target), "DynamoDB_20120810.%s", footfall__dynamodb_action_name(r->action));
    footfall__dynamodb_date(date, now_ms);
    signable.body = r->body;
    signable.body_bytes = r->body_bytes;
    if (footfall__dynamodb_sign(authorization, &c->signer, credentials, &signable) != 0)
        return footfall__dynamodb_fault(call, FOOTFALL_STORE_BROKEN, "a request cannot be signed");
    heading.session_token = credentials->session_token;
    heading.timeout_ms = attempt_ms(left);
    if ((e->easy == NULL && make_exchange(c, e) != 0) || footfall__dynamodb_exchange_set(e, r, &heading) != 0) {
        footfall__dynamodb_exchange_end(e);
        return footfall__dynamodb_no_memory(call);
    }
    if (curl_multi_add_handle(c->multi, e->easy) != CURLM_OK) {
        footfall__dynamodb_exchange_end(e);
        return footfall__dynamodb_no_memory(call);
    }
    e->signed_offset_ms = c->offset_ms;
    c->under_way++;
    r->sent = 1;
    atomic_fetch_add_explicit(&c->usage.requests[r->action], 1, memory_order_relaxed);
    return 0;
}

/* Another attempt after a pause (full jitter), if the budget and the time allow one. */
static void again(struct dynamodb_client *c, struct dynamodb_request *r, int64_t base_ms, int64_t cap_ms, int cost,
                  int64_t at_least_ms, struct footfall_store_call *call)
{
    int64_t now = footfall__boottime_ms();
    int64_t left = call->deadline_ms - now;
    int64_t limit = base_ms << (r->failures < 10 ? r->failures : 10);
    int64_t delay = footfall__random_below(&c->random_state, (limit < cap_ms ? limit : cap_ms) + 1);
    r->failures++;
    if (delay < at_least_ms)
        delay = at_least_ms;
    if (left < LAST_MS || c->budget < cost) {
        say(r, call);
        finish(r, DYNAMODB_NO_ANSWER);
        return;
    }
    if (delay >= left)
        delay = left / 2;
    c->budget -= cost;
    atomic_fetch_add_explicit(&c->usage.retries, 1, memory_order_relaxed);
    footfall__dynamodb_send(c, r);
    r->not_before_ms = now + delay;
}

static void learn_clock(struct dynamodb_client *c, const struct dynamodb_exchange *e)
{
    int64_t offset = 0;
    if (e->date_ms < 0)
        return;
    offset = e->date_ms + DATE_GRAIN_MS / 2 - footfall__wall_ms();
    if (offset > c->offset_ms + OFFSET_GRAIN_MS || offset < c->offset_ms - OFFSET_GRAIN_MS)
        c->offset_ms = offset > OFFSET_GRAIN_MS || offset < -OFFSET_GRAIN_MS ? offset : 0;
}

/* As many at once as the service answers in time: half of it after one that it did not, one more after as many answers. */
static void narrow(struct dynamodb_client *c)
{
    c->room = c->room / 2 > ROOM_MIN ? c->room / 2 : ROOM_MIN;
    c->answered = 0;
}

static void widen(struct dynamodb_client *c)
{
    c->budget += c->budget < BUDGET;
    if (++c->answered < c->room || c->room == EXCHANGES)
        return;
    c->room++;
    c->answered = 0;
}

/* ---- replies --------------------------------------------------------------------------------------------------------------------- */

/* What the attempt over e came to; code is what curl says of it. */
static enum dynamodb_verdict verdict_of(struct dynamodb_client *c, struct dynamodb_exchange *e, CURLcode code)
{
    struct dynamodb_request *r = e->request;
    struct dynamodb_raw raw = { .body = e->body, .body_bytes = e->body_bytes, .has_crc = e->has_crc, .crc = e->crc };
    enum dynamodb_verdict verdict = DYNAMODB_IS_DOUBTFUL;
    if (e->sent > 1) { /* the reply is the last copy's; the ones before it may have been carried out */
        r->doubt = 1;
        atomic_fetch_add_explicit(&c->usage.requests[r->action], (uint64_t)e->sent - 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&c->usage.retries, (uint64_t)e->sent - 1, memory_order_relaxed);
    }
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &raw.status);
        verdict = footfall__dynamodb_judge(&raw, &r->reply, r->why, sizeof(r->why));
        if (r->reply != NULL)
            learn_clock(c, e);
    } else {
        /* the handle's words say which certificate, proxy or port; how long it waited matters to nobody */
        int has_words = e->error[0] != '\0' && code != CURLE_OPERATION_TIMEDOUT;
        footfall__format(r->why, sizeof(r->why), "%.100s: %s", c->endpoint.host,
                         e->out_of_room ? "the reply is too long"
                         : has_words    ? e->error
                                        : curl_easy_strerror(code));
        if (!e->sent)
            verdict = DYNAMODB_IS_REFUSED; /* nothing of it left us */
    }
    footfall__dynamodb_count_units(&c->usage, c->capacity, r, verdict);
    return verdict;
}

static void answered(struct dynamodb_client *c, struct dynamodb_request *r, enum dynamodb_verdict verdict)
{
    widen(c);
    finish(r, verdict == DYNAMODB_IS_ANSWER      ? DYNAMODB_ANSWERED
              : verdict == DYNAMODB_IS_CONDITION ? DYNAMODB_CONDITION
                                                 : DYNAMODB_CANCELED);
}

static void refused_for_good(struct dynamodb_request *r, enum dynamodb_verdict verdict,
                             struct footfall_store_call *call)
{
    if (verdict != DYNAMODB_IS_NOT_FOUND) /* its owner knows the table's name */
        say(r, call);
    finish(r, verdict == DYNAMODB_IS_NOT_FOUND  ? DYNAMODB_NOT_FOUND
              : verdict == DYNAMODB_IS_IN_USE   ? DYNAMODB_IN_USE
              : verdict == DYNAMODB_IS_INVALID  ? DYNAMODB_INVALID
              : verdict == DYNAMODB_IS_STRANGER ? DYNAMODB_STRANGER
              : verdict == DYNAMODB_IS_UNSIGNED ? DYNAMODB_STRANGER
                                                : DYNAMODB_DENIED);
}

/* Not carried out for who we say we are: once more with the right time, or with credentials fetched anew. 0: that was tried. */
static int sign_again(struct dynamodb_client *c, struct dynamodb_request *r, enum dynamodb_verdict verdict,
                      int clock_moved)
{
    int *tried = verdict == DYNAMODB_IS_STRANGER ? &r->renewed : &r->signed_again;
    if (*tried || (verdict == DYNAMODB_IS_UNSIGNED && !clock_moved))
        return 0;
    *tried = 1;
    if (verdict == DYNAMODB_IS_STRANGER)
        footfall__dynamodb_credentials_refused(c->chain);
    footfall__dynamodb_send(c, r);
    return 1;
}

static void take_reply(struct dynamodb_client *c, struct dynamodb_exchange *e, CURLcode code,
                       struct footfall_store_call *call)
{
    struct dynamodb_request *r = e->request;
    enum dynamodb_verdict verdict = verdict_of(c, e, code);
    int clock_moved = c->offset_ms != e->signed_offset_ms;
    int timed_out = code == CURLE_OPERATION_TIMEDOUT;
    int64_t pause = e->retry_after_ms;
    footfall__dynamodb_exchange_end(e);
    if (verdict == DYNAMODB_IS_ANSWER || verdict == DYNAMODB_IS_CONDITION || verdict == DYNAMODB_IS_CANCELED) {
        answered(c, r, verdict);
        return;
    }
    json_decref(r->reply);
    r->reply = NULL;
    switch (verdict) {
    case DYNAMODB_IS_THROTTLED:
        atomic_fetch_add_explicit(&c->usage.throttles, 1, memory_order_relaxed);
        narrow(c);
        again(c, r, THROTTLED_BASE_MS, THROTTLED_CAP_MS, BUDGET_RETRY, pause, call);
        break;
    case DYNAMODB_IS_DOUBTFUL:
        r->doubt = 1;
        if (timed_out)
            narrow(c);
        again(c, r, BASE_MS, CAP_MS, timed_out ? BUDGET_TIMEOUT : BUDGET_RETRY, pause, call);
        break;
    case DYNAMODB_IS_REFUSED:
        again(c, r, BASE_MS, CAP_MS, BUDGET_RETRY, pause, call);
        break;
    case DYNAMODB_IS_UNSIGNED:
    case DYNAMODB_IS_STRANGER:
        if (!sign_again(c, r, verdict, clock_moved))
            refused_for_good(r, verdict, call);
        break;
    default:
        refused_for_good(r, verdict, call);
        break;
    }
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------------------- */

static struct dynamodb_exchange *free_exchange(struct dynamodb_client *c)
{
    if (c->under_way >= c->room)
        return NULL;
    for (size_t i = 0; i < EXCHANGES; i++)
        if (c->exchanges[i].request == NULL)
            return &c->exchanges[i];
    return NULL;
}

static struct dynamodb_request *take_queued(struct dynamodb_client *c, int64_t now, int64_t *next_ms)
{
    for (struct dynamodb_request **at = &c->queue; *at != NULL; at = &(*at)->next) {
        struct dynamodb_request *r = *at;
        if (r->not_before_ms > now) {
            *next_ms = r->not_before_ms < *next_ms ? r->not_before_ms : *next_ms;
            continue;
        }
        *at = r->next;
        if (c->queue_end == &r->next)
            c->queue_end = at;
        return r;
    }
    return NULL;
}

/* Begins what may begin now. Says when the next one may. */
static int64_t begin_queued(struct dynamodb_client *c, struct footfall_store_call *call)
{
    int64_t next_ms = call->deadline_ms;
    struct dynamodb_exchange *e = NULL;
    struct dynamodb_request *r = NULL;
    while ((e = free_exchange(c)) != NULL && (r = take_queued(c, footfall__boottime_ms(), &next_ms)) != NULL) {
        int rc = begin(c, e, r, call);
        if (rc == 0)
            continue;
        (void)snprintf(r->why, sizeof(r->why), "%s", call->text_bytes > 0 ? call->text : "");
        finish(r, rc == FOOTFALL_STORE_NO_MEMORY   ? DYNAMODB_OUT_OF_MEMORY
                  : rc == FOOTFALL_STORE_TEMPORARY ? DYNAMODB_NO_ANSWER
                                                   : DYNAMODB_STRANGER);
    }
    return next_ms;
}

/* What the attempts before it failed with says more, and stays. */
static void no_reply(struct dynamodb_request *r)
{
    static const char words[] = "no reply in time";
    char before[sizeof(r->why)];
    if (strncmp(r->why, words, sizeof(words) - 1) == 0)
        return;
    (void)snprintf(before, sizeof(before), "%s", r->why);
    footfall__format(r->why, sizeof(r->why), "%s%s%s", words, before[0] != '\0' ? ", before that " : "", before);
}

/* The deadline has come: what is under way may yet be carried out, what is queued not by this attempt. */
static void give_up(struct dynamodb_client *c, struct footfall_store_call *call)
{
    struct dynamodb_request *r = NULL;
    for (size_t i = 0; i < EXCHANGES; i++) {
        struct dynamodb_exchange *e = &c->exchanges[i];
        if (e->request == NULL)
            continue;
        r = e->request;
        (void)curl_multi_remove_handle(c->multi, e->easy);
        c->under_way--;
        r->doubt |= e->sent > 0;
        if (e->sent || r->why[0] == '\0')
            no_reply(r);
        footfall__dynamodb_exchange_end(e);
        say(r, call);
        finish(r, DYNAMODB_NO_ANSWER);
    }
    while ((r = c->queue) != NULL) {
        c->queue = r->next;
        if (c->queue == NULL)
            c->queue_end = &c->queue;
        if (r->why[0] == '\0')
            (void)snprintf(r->why, sizeof(r->why), "no time was left for it");
        say(r, call);
        finish(r, DYNAMODB_NO_ANSWER);
    }
}

void footfall__dynamodb_pump(struct dynamodb_client *c, struct footfall_store_call *call)
{
    while (c->queue != NULL || c->under_way > 0) {
        int running = 0;
        int left = 0;
        CURLMsg *message = NULL;
        int64_t next_ms = 0;
        int64_t now = footfall__boottime_ms();
        if (now >= call->deadline_ms) {
            give_up(c, call);
            continue;
        }
        next_ms = begin_queued(c, call);
        (void)curl_multi_perform(c->multi, &running);
        while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
            struct dynamodb_exchange *e = NULL;
            CURLcode code = message->data.result;
            if (message->msg != CURLMSG_DONE)
                continue;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&e);
            (void)curl_multi_remove_handle(c->multi, e->easy);
            c->under_way--;
            take_reply(c, e, code, call);
            running = -1; /* there may be more to begin */
        }
        now = footfall__boottime_ms();
        if (running >= 0 && next_ms > now && (c->queue != NULL || c->under_way > 0))
            (void)curl_multi_poll(c->multi, NULL, 0, (int)(next_ms - now < 1000 ? next_ms - now : 1000), NULL);
    }
}
