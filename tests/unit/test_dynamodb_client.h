/* test_dynamodb_client.h: what the tests of the DynamoDB client share: a server that answers from a table (dynamodb_service.h), a
 * client of it, and requests of one line. */
#ifndef TEST_DYNAMODB_CLIENT_H
#define TEST_DYNAMODB_CLIENT_H
#include "test_dynamodb.h"

#include "client.h"
#include "dynamodb_service.h"

#define KEY_ID "AKIDCLIENT"
#define SECRET "PSWQsecret"
#define TOKEN "PSWQtoken"
#define FAULT(type) "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" type "\",\"message\":\"words\"}"

struct say { /* of one request; the last one of a table goes on for ever */
    enum support_service_way way;
    int status;
    const char *body; /* NULL: {} */
    enum support_service_crc crc;
    int64_t date_ms;
    const char *headers;
    int delay_ms;
};
static const struct say *says;
static int say_count;
static struct support_service *service;

static inline void answer_from_table(void *user, const struct support_service_request *request,
                                     struct support_service_reply *reply)
{
    const struct say *s = &says[request->number < say_count ? request->number : say_count - 1];
    (void)user;
    reply->way = s->way;
    reply->status = s->status;
    reply->body = s->body != NULL ? support_format("%s", s->body) : NULL;
    reply->crc = s->crc;
    reply->date_ms = s->date_ms;
    reply->headers = s->headers;
    reply->delay_ms = s->delay_ms;
}

/* The server starts with this table, or forgets what it was asked and goes on with it. */
static inline void serve(const struct say *table, int count)
{
    says = table;
    say_count = count;
    if (service == NULL)
        service = support_service_start(answer_from_table, NULL, NULL);
    else
        support_service_forget(service);
}
#define SERVE(...)                                                                                                     \
    static const struct say says_[] = { __VA_ARGS__ };                                                                 \
    serve(says_, (int)(sizeof(says_) / sizeof(says_[0])))

static inline int set_up_client(void **state)
{
    int rc = set_up(state);
    set("NO_PROXY", "127.0.0.1");
    return rc;
}

static inline int tear_down_client(void **state)
{
    support_service_stop(service);
    service = NULL;
    return tear_down(state);
}

static inline struct dynamodb_client *client_at(const char *url)
{
    struct dynamodb_client_options options = { .endpoint = url };
    struct footfall_store_call call = call_now();
    struct dynamodb_client *client = NULL;
    options.chain.region = "eu-west-1";
    options.chain.access_key_id = KEY_ID;
    options.chain.secret_access_key = SECRET;
    options.chain.session_token = TOKEN;
    if (footfall__dynamodb_client_new(&client, &options, &call) != 0)
        fail_msg("%s", text);
    return client;
}

static inline struct dynamodb_client *client_here(void)
{
    return client_at(support_service_url(service));
}

struct asked {
    struct dynamodb_request r;
    json_t *reply;
    int done;
};

static inline void take_answer(struct dynamodb_request *r)
{
    struct asked *a = r->user;
    a->done++;
    a->reply = json_incref(r->reply);
    assert_int_equal(r->reply != NULL, r->answer == DYNAMODB_ANSWERED || r->answer == DYNAMODB_CONDITION ||
                                           r->answer == DYNAMODB_CANCELED);
}

static inline void queue(struct dynamodb_client *client, struct asked *a, const char *body)
{
    memset(a, 0, sizeof(*a));
    a->r.action = DYNAMODB_UPDATE_ITEM;
    a->r.items = 1;
    a->r.body = body;
    a->r.body_bytes = strlen(body);
    a->r.done = take_answer;
    a->r.user = a;
    footfall__dynamodb_send(client, &a->r);
}

/* One request, answered within the time or not. */
static inline struct asked send_one(struct dynamodb_client *client, const char *body, int64_t ms)
{
    static struct asked a;
    struct footfall_store_call call = call_within(ms);
    int64_t begun = footfall__boottime_ms();
    queue(client, &a, body);
    footfall__dynamodb_pump(client, &call);
    assert_int_equal(a.done, 1);
    assert_true(footfall__boottime_ms() - begun < (ms > 0 ? ms : 0) + 1000);
    shows_nothing("call");
    assert_null(strstr(a.r.why, "PSWQ"));
    assert_true(a.r.sent || !a.r.doubt);
    json_decref(a.reply);
    return a;
}

static inline void got(const struct asked *a, enum dynamodb_answer answer, int doubt)
{
    if (a->r.answer != answer || a->r.doubt != doubt)
        fail_msg("answer %d, doubt %d instead of %d, %d: %s", (int)a->r.answer, a->r.doubt, (int)answer, doubt, text);
}

static inline uint64_t count_of(const _Atomic uint64_t *counter)
{
    return atomic_load(counter);
}

/* So many requests came, each with this body. */
static inline void came(int count, const char *body)
{
    assert_int_equal(support_service_asked(service), count);
    for (int i = 0; i < count && i < 100; i++)
        if (strcmp(support_service_body(service, i), body) != 0)
            fail_msg("request %d is %.200s", i, support_service_body(service, i));
}
#endif
