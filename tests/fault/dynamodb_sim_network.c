/* dynamodb_sim_network.c: the client's functions as client.h has them, for dynamodb_sim: requests become messages in a pool, and
 * their replies come back in any order. The network loses, delays, repeats and refuses them as chance has it. */
#include "dynamodb_sim_world.h"

#include <stdlib.h>
#include <string.h>

void footfall__dynamodb_send(struct dynamodb_client *c, struct dynamodb_request *r)
{
    r->next = NULL;
    r->answer = DYNAMODB_NO_ANSWER;
    r->reply = NULL;
    r->not_before_ms = 0;
    *c->queue_end = r;
    c->queue_end = &r->next;
    sim_note_plan(r);
}

void footfall__dynamodb_delay(struct dynamodb_client *c, struct dynamodb_request *r)
{
    (void)c;
    r->not_before_ms = sim.table.now_ms + 1 + (int64_t)sim_below(20);
}

static void finish(struct dynamodb_request *r, enum dynamodb_answer answer)
{
    json_t *reply = r->reply;
    r->answer = answer;
    r->done(r);
    json_decref(reply);
}

static void take_inbox(struct dynamodb_client *c)
{
    struct sim_inbox **at = &c->inbox;
    size_t count = 0;
    struct sim_inbox *in = NULL;
    for (const struct sim_inbox *i = c->inbox; i != NULL; i = i->next)
        count++;
    for (size_t skip = sim_below(count); skip > 0; skip--)
        at = &(*at)->next;
    in = *at;
    *at = in->next;
    c->under_way--;
    in->request->reply = in->reply;
    in->request->doubt |= in->verdict == 1;
    if (in->verdict == 0) {
        finish(in->request, in->answer);
    } else if (sim_percent(10)) { /* the budget of retries is spent */
        finish(in->request, DYNAMODB_NO_ANSWER);
    } else {
        footfall__dynamodb_send(c, in->request);
        in->request->not_before_ms = sim.table.now_ms + (int64_t)sim_below(25);
    }
    free(in);
}

static void transmit(struct dynamodb_client *c)
{
    for (struct dynamodb_request **at = &c->queue; *at != NULL;) {
        struct dynamodb_request *r = *at;
        struct sim_message *m = NULL;
        if (r->not_before_ms > sim.table.now_ms) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        if (c->queue_end == &r->next)
            c->queue_end = at;
        m = calloc(1, sizeof(*m));
        m->request = r;
        m->client = c;
        m->action = r->action;
        m->body = malloc(r->body_bytes);
        memcpy(m->body, r->body, r->body_bytes);
        m->body_bytes = r->body_bytes;
        m->sent_ms = sim.table.now_ms;
        m->next = sim.pool;
        sim.pool = m;
        c->under_way++;
        r->sent = 1;
        sim.actors[c->actor].writes += r->action != DYNAMODB_GET_ITEM && r->action != DYNAMODB_BATCH_GET_ITEM;
        sim_say("%d sends %s %.*s", c->actor, footfall__dynamodb_action_name(r->action), (int)r->body_bytes, r->body);
    }
}

/* A claim that lands late is told apart from another only by its time, and a record that was forgotten or given back meanwhile comes
 * back: docs/dynamodb.md. Not tried here. */
static int is_claim(const struct sim_message *m)
{
    return m->action == DYNAMODB_UPDATE_ITEM && memmem(m->body, m->body_bytes, "c = :c", 6) != NULL &&
           memmem(m->body, m->body_bytes, "\":m\"", 4) == NULL;
}

static void drop_all(struct dynamodb_client *c)
{
    struct dynamodb_request *r = NULL;
    sim_say("%d: its time is up", c->actor);
    for (struct sim_message *m = sim.pool; m != NULL; m = m->next)
        if (m->request != NULL && m->client == c) {
            r = m->request;
            m->request = NULL;
            m->gone = is_claim(m);
            c->under_way--;
            r->doubt = 1;
            finish(r, DYNAMODB_NO_ANSWER);
        }
    while ((r = c->queue) != NULL) {
        c->queue = r->next;
        if (c->queue == NULL)
            c->queue_end = &c->queue;
        finish(r, DYNAMODB_NO_ANSWER);
    }
}

void sim_rest(struct sim_actor *a, int64_t until)
{
    a->wake_ms = until;
    a->waits = 1;
    swapcontext(&a->context, &sim.scheduler);
}

void footfall__dynamodb_pump(struct dynamodb_client *c, struct footfall_store_call *call)
{
    while (c->queue != NULL || c->under_way > 0) {
        int64_t next = call->deadline_ms;
        if (c->inbox != NULL) {
            take_inbox(c);
            continue;
        }
        if (sim.table.now_ms >= call->deadline_ms) {
            drop_all(c);
            continue;
        }
        transmit(c);
        for (const struct dynamodb_request *r = c->queue; r != NULL; r = r->next)
            next = r->not_before_ms < next ? r->not_before_ms : next;
        if (c->inbox == NULL && (c->queue != NULL || c->under_way > 0))
            sim_rest(&sim.actors[c->actor], next);
    }
}

int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *c)
{
    return sim.table.now_ms + 700 * (c->actor - 1);
}

int64_t footfall__dynamodb_expiry(const struct footfall_store *store, int64_t expire_ms,
                                  const struct footfall_store_call *call)
{
    return (expire_ms - call->wall_ms + footfall__dynamodb_now_ms(store->client)) / 1000 + 1;
}

int footfall__dynamodb_capacity(const struct dynamodb_client *c)
{
    (void)c;
    return 0;
}

const char *footfall__dynamodb_action_name(enum dynamodb_action action)
{
    static const char *const words[] = { "GetItem", "BatchGetItem", "UpdateItem",
                                         "PutItem", "DeleteItem",   "TransactWriteItems" };
    return (size_t)action < sizeof(words) / sizeof(words[0]) ? words[action] : "?";
}

static void reply_to(struct sim_message *m, int verdict, enum dynamodb_answer answer, json_t *reply)
{
    struct sim_inbox *in = NULL;
    if (m->request == NULL) {
        json_decref(reply);
        return;
    }
    in = calloc(1, sizeof(*in));
    in->request = m->request;
    in->verdict = verdict;
    in->answer = answer;
    in->reply = reply;
    in->next = m->client->inbox;
    m->client->inbox = in;
    m->request = NULL;
}

static void execute(struct sim_message *m, int lost)
{
    enum dynamodb_answer answer = DYNAMODB_NO_ANSWER;
    json_t *body = json_loadb(m->body, m->body_bytes, JSON_ALLOW_NUL, NULL);
    json_t *reply = sim_table_execute(&sim.table, m->action, body, &answer);
    sim_say("%d: %s is carried out%s: %s", m->client->actor, footfall__dynamodb_action_name(m->action),
            m->request == NULL ? " late"
            : lost             ? ", the reply is lost"
                               : "",
            answer == DYNAMODB_ANSWERED ? "done" : "a condition failed");
    if (lost) {
        json_decref(reply);
        reply = NULL;
    }
    reply_to(m, lost, answer, reply);
    json_decref(body);
}

void sim_drop_message(struct sim_message *m)
{
    struct sim_message **at = &sim.pool;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    free(m->body);
    free(m);
}

void sim_deliver(struct sim_message *m)
{
    int fate = (int)sim_below(100);
    int late = sim.late_copies && !is_claim(m);
    if (m->request == NULL) { /* a late copy */
        if (sim_percent(70) && !m->gone)
            execute(m, 1);
        sim_drop_message(m);
        return;
    }
    if (!sim_percent(sim.fault_percent)) {
        execute(m, 0);
        sim_drop_message(m);
        return;
    }
    if (fate < 35) {
        execute(m, 1);
    } else if (fate < 55) { /* lost on the way */
        reply_to(m, 1, DYNAMODB_NO_ANSWER, NULL);
    } else if (fate < 75 && late) { /* slow */
        reply_to(m, 1, DYNAMODB_NO_ANSWER, NULL);
        return;
    } else if (fate < 85 && late) { /* comes twice */
        execute(m, 0);
        return;
    } else {
        reply_to(m, 2, DYNAMODB_NO_ANSWER, NULL);
    }
    sim_drop_message(m);
}
