/* dynamodb_sim.c: the backend against a DynamoDB in memory that loses, delays, repeats and refuses requests, while up to three
 * stores take turns request by request. Each change of a counter is held against semantics.md at the instant it is stored, and each
 * answer against what was stored. Everything follows from a seed; time is virtual. dynamodb_sim [FIRST [COUNT]] */
#include "dynamodb_sim.h"
#include "group.h"
#include "usage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum {
    ACTORS = 3,
    COUNTERS = 2,
    PEOPLE = 3,
    OPS = 8, /* in a batch */
    ALL_OPS = 4096,
    PLANS = 8192,
    STACK = 256 << 10,
    MINUTE = 60000,
    HOUR = 60 * MINUTE,
    ATTEMPTS = 8
};
#define DAY (24 * (int64_t)HOUR)

struct sim_op {
    struct footfall_store_op op;
    int actor, counter, person;
    uint64_t begin;
    int64_t begin_ms;
    int committed, refused; /* stored as counted; as out of range */
    uint64_t committed_at;
    int64_t total, unique;
    int is_new;
    int final, status; /* answered for good */
    int64_t final_ms;
    int log; /* its time is long past */
};
struct sim_plan {
    char mark[24];
    int actor, committed;
    size_t count;
    struct {
        struct sim_op *op;
        enum dynamodb_outcome outcome;
        int is_new, stored;
    } turns[OPS];
};
struct person { /* a record that the model keeps */
    struct footfall_store_id id;
    int64_t at_ms, low_ms; /* the record's time; a sliding visit may leave the older id's a little behind, at low_ms */
    uint64_t since, until; /* step of the last change from absent; until: when it was dropped */
    int64_t logged_ms;     /* when a log reader stored it */
    uint64_t set_at;       /* step when it was stored last */
    int there;
};
struct bound {
    const uint8_t *token;
    const struct footfall_store_op *op;
    int is_new;
};
struct lag { /* a visit that was due and not new: atomic = false only */
    struct sim_op *op;
    uint64_t at;
};
struct model {
    int exists;
    uint64_t changed; /* step when exists changed last */
    int64_t t, u;
    struct person people[256];
    size_t people_count;
    struct bound bound[256];
    size_t bound_count;
};
struct message {
    struct dynamodb_request *request; /* NULL: nobody waits for it */
    struct dynamodb_client *client;
    enum dynamodb_action action;
    char *body;
    size_t body_bytes;
    int64_t sent_ms;
    int gone; /* it will not be carried out any more */
    struct message *next;
};
struct inbox {
    struct dynamodb_request *request;
    enum dynamodb_answer answer;
    json_t *reply;
    int verdict; /* 0: answered; 1: in doubt; 2: refused */
    struct inbox *next;
};
struct dynamodb_client {
    struct dynamodb_request *queue, **queue_end;
    struct inbox *inbox;
    size_t under_way;
    int actor;
    struct dynamodb_usage usage;
};
struct actor {
    struct footfall_store *store;
    struct dynamodb_client client;
    ucontext_t context;
    char *stack;
    int done, waits;
    int64_t wake_ms;
    int64_t clock_ms; /* its host's, less the world's */
    uint64_t sequence;
    struct sim_op *ops; /* of the batch */
    size_t op_count;
    size_t writes; /* requests that were sent for it, reads aside */
    int batches;
};

static uint64_t random_state, steps, seed;
static struct sim_table table;
static struct actor actors[ACTORS];
static ucontext_t scheduler;
static struct message *pool;
static struct model models[COUNTERS];
static struct sim_op all_ops[ALL_OPS];
static size_t op_total;
static struct sim_plan plans[PLANS];
static size_t plan_total;
static struct lag lags[ALL_OPS];
static size_t lag_total;
static int atomic_visits, fault_percent, late_copies, log_readers, tokens_in_use, forgets, trace;
static int only_atomic = -1; /* SIM_ATOMIC=0 or 1: that mode alone */
static int sliding, near_limits;
static int loose; /* claims are given back: whoever saw them was not new. Visitors are not checked then, numbers are */
static int64_t window_ms;
static const char *const names[COUNTERS] = { "a", "caf\xc3\xa9 #{1}" };

static uint64_t below(uint64_t n)
{
    return sim_random(&random_state, n);
}
static int percent(int p)
{
    return (int)below(100) < p;
}

_Noreturn void sim_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ": ", seed, steps);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n  atomic %d, window %" PRId64 " ms%s, faults %d%%, late %d, logs %d, tokens %d, forgets %d\n",
            atomic_visits, window_ms, sliding ? " sliding" : "", fault_percent, late_copies, log_readers, tokens_in_use,
            forgets);
    va_end(args);
    exit(1);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    if (!trace)
        return;
    va_start(args, format);
    printf("%6" PRIu64 " %8" PRId64 " ", steps, table.now_ms % (10 * DAY));
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

/* ---- the client, as client.h has it -------------------------------------------------------------------------------------------------- */

static void note_plan(const struct dynamodb_request *r);

void footfall__dynamodb_send(struct dynamodb_client *c, struct dynamodb_request *r)
{
    r->next = NULL;
    r->answer = DYNAMODB_NO_ANSWER;
    r->reply = NULL;
    r->not_before_ms = 0;
    *c->queue_end = r;
    c->queue_end = &r->next;
    note_plan(r);
}

void footfall__dynamodb_delay(struct dynamodb_client *c, struct dynamodb_request *r)
{
    (void)c;
    r->not_before_ms = table.now_ms + 1 + (int64_t)below(20);
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
    struct inbox **at = &c->inbox;
    size_t count = 0;
    struct inbox *in = NULL;
    for (const struct inbox *i = c->inbox; i != NULL; i = i->next)
        count++;
    for (size_t skip = below(count); skip > 0; skip--)
        at = &(*at)->next;
    in = *at;
    *at = in->next;
    c->under_way--;
    in->request->reply = in->reply;
    in->request->doubt |= in->verdict == 1;
    if (in->verdict == 0) {
        finish(in->request, in->answer);
    } else if (percent(10)) { /* the budget of retries is spent */
        finish(in->request, DYNAMODB_NO_ANSWER);
    } else {
        footfall__dynamodb_send(c, in->request);
        in->request->not_before_ms = table.now_ms + (int64_t)below(25);
    }
    free(in);
}

static void transmit(struct dynamodb_client *c)
{
    for (struct dynamodb_request **at = &c->queue; *at != NULL;) {
        struct dynamodb_request *r = *at;
        struct message *m = NULL;
        if (r->not_before_ms > table.now_ms) {
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
        m->sent_ms = table.now_ms;
        m->next = pool;
        pool = m;
        c->under_way++;
        r->sent = 1;
        actors[c->actor].writes += r->action != DYNAMODB_GET_ITEM && r->action != DYNAMODB_BATCH_GET_ITEM;
        say("%d sends %s %.*s", c->actor, footfall__dynamodb_action_name(r->action), (int)r->body_bytes, r->body);
    }
}

/* A claim that lands late is told apart from another only by its time, and a record that was forgotten or given back meanwhile comes
 * back: docs/dynamodb.md. Not tried here. */
static int is_claim(const struct message *m)
{
    return m->action == DYNAMODB_UPDATE_ITEM && memmem(m->body, m->body_bytes, "c = :c", 6) != NULL &&
           memmem(m->body, m->body_bytes, "\":m\"", 4) == NULL;
}

static void drop_all(struct dynamodb_client *c)
{
    struct dynamodb_request *r = NULL;
    say("%d: its time is up", c->actor);
    for (struct message *m = pool; m != NULL; m = m->next)
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

static void rest(struct actor *a, int64_t until)
{
    a->wake_ms = until;
    a->waits = 1;
    swapcontext(&a->context, &scheduler);
}

void footfall__dynamodb_pump(struct dynamodb_client *c, struct footfall_store_call *call)
{
    while (c->queue != NULL || c->under_way > 0) {
        int64_t next = call->deadline_ms;
        if (c->inbox != NULL) {
            take_inbox(c);
            continue;
        }
        if (table.now_ms >= call->deadline_ms) {
            drop_all(c);
            continue;
        }
        transmit(c);
        for (const struct dynamodb_request *r = c->queue; r != NULL; r = r->next)
            next = r->not_before_ms < next ? r->not_before_ms : next;
        if (c->inbox == NULL && (c->queue != NULL || c->under_way > 0))
            rest(&actors[c->actor], next);
    }
}

int64_t footfall__dynamodb_now_ms(const struct dynamodb_client *c)
{
    return table.now_ms + 700 * (c->actor - 1);
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

/* ---- the network ------------------------------------------------------------------------------------------------------------------------- */

static void reply_to(struct message *m, int verdict, enum dynamodb_answer answer, json_t *reply)
{
    struct inbox *in = NULL;
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

static void execute(struct message *m, int lost)
{
    enum dynamodb_answer answer = DYNAMODB_NO_ANSWER;
    json_t *body = json_loadb(m->body, m->body_bytes, JSON_ALLOW_NUL, NULL);
    json_t *reply = sim_table_execute(&table, m->action, body, &answer);
    say("%d: %s is carried out%s: %s", m->client->actor, footfall__dynamodb_action_name(m->action),
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

static void drop_message(struct message *m)
{
    struct message **at = &pool;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    free(m->body);
    free(m);
}

static void deliver(struct message *m)
{
    int fate = (int)below(100);
    int late = late_copies && !is_claim(m);
    if (m->request == NULL) { /* a late copy */
        if (percent(70) && !m->gone)
            execute(m, 1);
        drop_message(m);
        return;
    }
    if (!percent(fault_percent)) {
        execute(m, 0);
        drop_message(m);
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
    drop_message(m);
}

/* ---- the model ---------------------------------------------------------------------------------------------------------------------------- */

static void encode(char out[24], const struct dynamodb_mark *mark)
{
    json_t *b = footfall__dynamodb_b(mark->bytes, sizeof(mark->bytes));
    (void)snprintf(out, 24, "%s", json_string_value(json_object_get(b, "B")));
    json_decref(b);
}

static struct sim_plan *plan_of(const char *mark)
{
    for (size_t i = plan_total; i-- > 0;)
        if (strcmp(plans[i].mark, mark) == 0)
            return &plans[i];
    return NULL;
}

static void note_plan(const struct dynamodb_request *r)
{
    const struct dynamodb_call *call = r->user;
    const struct dynamodb_group *g = call->group;
    struct sim_plan *plan = NULL;
    char mark[24];
    if (g->step != DYNAMODB_PLAN)
        return;
    encode(mark, &g->plan.mark);
    if (plan_of(mark) != NULL)
        return;
    if (plan_total == PLANS)
        sim_die("too many plans");
    plan = &plans[plan_total++];
    memset(plan, 0, sizeof(*plan));
    memcpy(plan->mark, mark, sizeof(mark));
    plan->actor = g->store->client->actor;
    plan->count = g->run_count;
    for (size_t i = 0; i < g->run_count; i++) {
        plan->turns[i].op = &actors[plan->actor].ops[g->ops[i]];
        plan->turns[i].outcome = g->turns[i].outcome;
        plan->turns[i].is_new = g->turns[i].is_new;
        plan->turns[i].stored = g->turns[i].stored;
    }
}

static struct person *person_of(struct model *m, const struct footfall_store_id *id, int make)
{
    for (size_t i = 0; i < m->people_count; i++)
        if (memcmp(&m->people[i].id, id, sizeof(*id)) == 0)
            return &m->people[i];
    if (!make)
        return NULL;
    if (m->people_count == sizeof(m->people) / sizeof(m->people[0]))
        sim_die("too many people");
    m->people[m->people_count].id = *id;
    m->people[m->people_count].there = 0;
    return &m->people[m->people_count++];
}

static struct bound *bound_of(struct model *m, const uint8_t *token)
{
    for (size_t i = 0; token != NULL && i < m->bound_count; i++)
        if (memcmp(m->bound[i].token, token, FOOTFALL_STORE_TOKEN_BYTES) == 0)
            return &m->bound[i];
    return NULL;
}

static int same_operation(const struct footfall_store_op *op, const struct footfall_store_op *stored)
{
    int visitors = op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
    int stored_visitors = stored->kind == FOOTFALL_STORE_VISIT || stored->kind == FOOTFALL_STORE_FORGET;
    for (uint32_t i = 0; i < (visitors ? op->id_count : 1); i++)
        for (uint32_t j = 0; j < (stored_visitors ? stored->write_count : 1); j++)
            if (memcmp(op->fingerprints[i], stored->fingerprints[j], FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}

static int due(struct model *m, const struct footfall_store_op *op, int *seen, int64_t *last)
{
    *seen = 0;
    for (uint32_t i = 0; i < op->id_count; i++) {
        const struct person *p = person_of(m, &op->ids[i], 0);
        if (p != NULL && p->there && (!*seen || p->at_ms > *last)) {
            *seen = 1;
            *last = p->at_ms;
        }
    }
    return !*seen || (op->window_ms != FOOTFALL_STORE_FOREVER && op->now_ms - *last >= op->window_ms);
}

static void remember(struct model *m, const struct sim_op *o, int64_t at_ms)
{
    const struct footfall_store_op *op = &o->op;
    for (uint32_t i = 0; i < op->write_count; i++) {
        struct person *p = person_of(m, &op->ids[i], 1);
        p->low_ms = !p->there || p->low_ms < op->now_ms ? op->now_ms : p->low_ms;
        if (!p->there || p->at_ms < at_ms)
            p->at_ms = at_ms;
        p->set_at = steps;
        if (o->log)
            p->logged_ms = table.now_ms;
        if (!p->there)
            p->since = steps;
        p->there = 1;
    }
}

static void drop_people(struct model *m, const struct footfall_store_op *op)
{
    for (size_t i = 0; i < m->people_count; i++)
        for (uint32_t j = 0; op == NULL ? j < 1 : j < op->id_count; j++)
            if (op == NULL || memcmp(&m->people[i].id, &op->ids[j], sizeof(op->ids[j])) == 0) {
                m->people[i].there = 0;
                m->people[i].until = steps;
            }
}

static void exist(struct model *m, int exists)
{
    if (m->exists != exists)
        m->changed = steps;
    m->exists = exists;
}

/* A log reader stored the older id's time just before this live visit, or while it was under way: it may not have been seen. */
static int raced_with_log(struct model *m, const struct sim_op *o)
{
    for (uint32_t i = o->op.write_count; i < o->op.id_count && !o->log; i++) {
        const struct person *p = person_of(m, &o->op.ids[i], 0);
        if (p != NULL && p->there && p->logged_ms + table.stale_ms >= o->begin_ms)
            return 1;
    }
    return 0;
}

/* atomic = false: claims may come in another order than the counter's changes. */
static int raced(struct model *m, const struct sim_op *o)
{
    for (uint32_t i = 0; i < o->op.id_count; i++) {
        const struct person *p = person_of(m, &o->op.ids[i], 0);
        if (p != NULL && p->there && p->set_at >= o->begin)
            return 1;
    }
    return 0;
}

/* atomic = false: somebody's claim was there before his visit is counted, if it ever is: as the table has it, then. */
static void take_claims(struct model *m, const struct sim_op *o)
{
    struct dynamodb_name name = { names[o->counter], strlen(names[o->counter]) };
    struct dynamodb_key key;
    struct dynamodb_counter_item item;
    json_t *k = NULL;
    footfall__dynamodb_counter_key(&key, name);
    k = footfall__dynamodb_key_json(&key);
    (void)footfall__dynamodb_take_counter(&item, sim_table_item(&table, k));
    json_decref(k);
    for (uint32_t i = 0; i < o->op.id_count; i++) {
        struct person *p = NULL;
        struct dynamodb_record record;
        footfall__dynamodb_visitor_key(&key, name, item.g, o->op.ids[i].bytes);
        k = footfall__dynamodb_key_json(&key);
        (void)footfall__dynamodb_take_record(&record, sim_table_item(&table, k));
        json_decref(k);
        if (!record.there)
            continue;
        p = person_of(m, &o->op.ids[i], 1);
        p->since = p->there ? p->since : steps;
        p->there = 1;
        p->at_ms = p->low_ms = record.s;
        p->set_at = steps;
    }
}

static void commit_visit(struct model *m, struct sim_op *o, int is_new)
{
    int64_t last = 0;
    int seen = 0;
    int is_due = due(m, &o->op, &seen, &last);
    if (is_new && !is_due && (raced_with_log(m, o) || (!atomic_visits && raced(m, o))))
        is_due = 1;
    if (is_new && !is_due && !loose)
        sim_die("a visit of %s is new, and the visitor was there %" PRId64 " ms ago", names[o->counter],
                o->op.now_ms - last);
    if (loose)
        is_due = is_new;
    if (is_due && !is_new) {
        if (atomic_visits)
            sim_die("a visit of %s is not new, and should be", names[o->counter]);
        lags[lag_total++] = (struct lag){ o, steps };
        take_claims(m, o);
    }
    if (is_new || (o->op.sliding && !is_due))
        remember(m, o, seen && last > o->op.now_ms ? last : o->op.now_ms);
    m->u += is_new;
}

/* 0: it would leave int64 */
static int in_range(struct model *m, const struct footfall_store_op *op, int is_new)
{
    int64_t out = 0;
    if (op->kind == FOOTFALL_STORE_ADD)
        return !__builtin_add_overflow(m->t, op->a, &out);
    if (op->kind == FOOTFALL_STORE_VISIT)
        return m->t < INT64_MAX && (m->u < INT64_MAX || !is_new);
    return 1;
}

static void commit_op(struct model *m, struct sim_op *o, int is_new)
{
    const struct footfall_store_op *op = &o->op;
    int64_t t = m->t;
    int64_t u = m->u;
    if (o->committed)
        sim_die("an operation of %s is stored twice", names[o->counter]);
    if (o->final && o->status != FOOTFALL_STORE_UNKNOWN)
        sim_die("an operation of %s is stored after it was answered (%d)", names[o->counter], o->status);
    if (!in_range(m, op, is_new))
        sim_die("it is stored, and out of range");
    if (op->must_exist && !m->exists)
        sim_die("it is stored, and the counter does not exist");
    o->committed = 1;
    o->committed_at = steps;
    switch (op->kind) {
    case FOOTFALL_STORE_ADD:
        m->t += op->a;
        exist(m, 1);
        break;
    case FOOTFALL_STORE_VISIT:
        m->t++;
        commit_visit(m, o, is_new);
        exist(m, 1);
        break;
    case FOOTFALL_STORE_SET:
        m->t = op->a;
        m->u = op->b;
        exist(m, 1);
        break;
    case FOOTFALL_STORE_DELETE:
        m->t = m->u = 0;
        exist(m, 0);
        drop_people(m, NULL);
        break;
    case FOOTFALL_STORE_FORGET:
        drop_people(m, op);
        break;
    }
    o->total = op->kind == FOOTFALL_STORE_DELETE ? t : m->t;
    o->unique = op->kind == FOOTFALL_STORE_DELETE ? u : m->u;
    o->is_new = is_new;
    if (op->token != NULL) {
        if (bound_of(m, op->token) != NULL)
            sim_die("a token is bound twice");
        m->bound[m->bound_count++] = (struct bound){ op->token, op, is_new };
    }
}

/* What the table holds must be what the model holds. */
static void compare(int counter)
{
    struct model *m = &models[counter];
    struct dynamodb_name name = { names[counter], strlen(names[counter]) };
    struct dynamodb_key key;
    struct dynamodb_counter_item item;
    json_t *k = NULL;
    footfall__dynamodb_counter_key(&key, name);
    k = footfall__dynamodb_key_json(&key);
    if (footfall__dynamodb_take_counter(&item, sim_table_item(&table, k)) != 0)
        sim_die("a counter that cannot be read");
    json_decref(k);
    if (item.exists != m->exists || item.t != m->t || item.u != m->u)
        sim_die("%s is %d %" PRId64 "/%" PRId64 ", and should be %d %" PRId64 "/%" PRId64, names[counter], item.exists,
                item.t, item.u, m->exists, m->t, m->u);
    for (size_t i = 0; atomic_visits && i < m->people_count; i++) {
        struct dynamodb_record record;
        footfall__dynamodb_visitor_key(&key, name, item.g, m->people[i].id.bytes);
        k = footfall__dynamodb_key_json(&key);
        if (footfall__dynamodb_take_record(&record, sim_table_item(&table, k)) != 0)
            sim_die("a record that cannot be read");
        json_decref(k);
        if (record.there != m->people[i].there ||
            (record.there && (record.s > m->people[i].at_ms || record.s < m->people[i].low_ms)))
            sim_die("a record of %s is %d %" PRId64 ", and should be %d %" PRId64, names[counter], record.there,
                    record.s, m->people[i].there, m->people[i].at_ms);
        m->people[i].at_ms = m->people[i].low_ms = record.s;
    }
}

static void committed(void *user, const char *mark)
{
    struct sim_plan *plan = plan_of(mark);
    (void)user;
    if (plan == NULL || plan->committed)
        sim_die("a plan that is not known, or is stored twice");
    plan->committed = 1;
    for (size_t i = 0; i < plan->count; i++) {
        struct sim_op *o = plan->turns[i].op;
        struct model *m = &models[o->counter];
        const struct bound *b = bound_of(m, o->op.token);
        switch (plan->turns[i].outcome) {
        case DYNAMODB_COUNTS:
            commit_op(m, o, plan->turns[i].is_new);
            break;
        case DYNAMODB_REPLAYS:
            if (b == NULL || !same_operation(&o->op, b->op) || b->is_new != plan->turns[i].is_new)
                sim_die("a replay that is none");
            break;
        case DYNAMODB_REFUSED_TOKEN:
            if (b == NULL || same_operation(&o->op, b->op))
                sim_die("a token is refused, and fits");
            break;
        case DYNAMODB_REFUSED_RANGE:
            if (b != NULL || in_range(m, &o->op, 1)) /* the visitor's record is not in the plan: it may have been due */
                sim_die("refused, and in range");
            o->refused = 1;
            break;
        case DYNAMODB_REFUSED_ABSENT:
            if (m->exists)
                sim_die("absent, and exists");
            break;
        }
    }
    compare(plan->turns[0].op->counter);
    say("%d: stored, %s is %" PRId64 "/%" PRId64, plan->actor, names[plan->turns[0].op->counter],
        models[plan->turns[0].op->counter].t, models[plan->turns[0].op->counter].u);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------------- */

static int was_absent(const struct sim_op *o)
{
    const struct model *m = &models[o->counter];
    return !m->exists || m->changed >= o->begin;
}

static void check_answer(struct sim_op *o, const struct footfall_store_result *r, int status)
{
    struct model *m = &models[o->counter];
    const struct bound *b = bound_of(m, o->op.token);
    o->final = 1;
    o->final_ms = table.now_ms;
    o->status = status;
    if (status != FOOTFALL_STORE_OK && status != FOOTFALL_STORE_UNKNOWN && o->committed)
        sim_die("an operation of %s is answered %d, and was stored", names[o->counter], status);
    if (status == FOOTFALL_STORE_RANGE && !o->refused)
        sim_die("RANGE was not stored");
    if (status == FOOTFALL_STORE_ABSENT && (!o->op.must_exist || !was_absent(o)))
        sim_die("ABSENT, and it was there");
    if (status == FOOTFALL_STORE_TOKEN && (b == NULL || same_operation(&o->op, b->op)))
        sim_die("TOKEN, and it fits");
    if (status != FOOTFALL_STORE_OK)
        return;
    if (r->replayed) {
        if (o->committed || b == NULL || !same_operation(&o->op, b->op) || b->is_new != r->is_new)
            sim_die("a replay that is none");
        return;
    }
    if (o->committed) {
        if (r->total != o->total || r->unique != o->unique || r->is_new != o->is_new)
            sim_die("%s: answered %" PRId64 "/%" PRId64 " %d, and was %" PRId64 "/%" PRId64 " %d", names[o->counter],
                    r->total, r->unique, r->is_new, o->total, o->unique, o->is_new);
        return;
    }
    if (o->op.kind == FOOTFALL_STORE_DELETE && was_absent(o))
        return;
    if (o->op.kind == FOOTFALL_STORE_FORGET) {
        int there = 0;
        for (uint32_t i = 0; i < o->op.id_count; i++) {
            const struct person *p = person_of(m, &o->op.ids[i], 0);
            there |= p != NULL && p->there && p->since < o->begin;
        }
        if (!there || loose)
            return;
    }
    sim_die("an operation of %s (kind %d) is answered OK, and was never stored", names[o->counter], (int)o->op.kind);
}

/* Nothing behind what failed may have been applied. */
static void check_order(const struct actor *a, const struct footfall_store_result *results)
{
    for (int c = 0; c < COUNTERS; c++) {
        int stopped = 0;
        for (size_t i = 0; i < a->op_count; i++) {
            int status = results[i].status;
            if (a->ops[i].counter != c)
                continue;
            if (stopped && (a->ops[i].committed || status == FOOTFALL_STORE_OK) && status != FOOTFALL_STORE_UNKNOWN)
                sim_die("applied behind what failed");
            stopped |= status == FOOTFALL_STORE_UNKNOWN || status == FOOTFALL_STORE_TEMPORARY;
        }
    }
}

/* ---- what is asked for ------------------------------------------------------------------------------------------------------------------------ */

static void hash(uint8_t *out, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t state = a * 1000003 + b * 7919 + c;
    for (size_t i = 0; i < 16; i += 8) {
        uint64_t part = sim_random(&state, UINT64_MAX);
        memcpy(out + i, &part, 8);
    }
}

static void make_ids(struct footfall_store_op *op, int person)
{
    int forever = op->window_ms == FOOTFALL_STORE_FOREVER;
    int64_t length = op->window_ms > DAY ? op->window_ms : DAY;
    int64_t epoch = forever ? 0 : op->now_ms / length;
    op->id_count = forever ? 1 : 2;
    op->write_count = !forever && op->now_ms % length < HOUR ? 2 : 1;
    for (uint32_t i = 0; i < op->id_count; i++) {
        op->epochs[i] = epoch - i;
        hash(op->ids[i].bytes, (uint64_t)person, (uint64_t)op->epochs[i], 1);
        hash(op->fingerprints[i], (uint64_t)person, (uint64_t)op->epochs[i], op->kind == FOOTFALL_STORE_VISIT ? 2 : 3);
    }
}

static uint8_t token_bytes[8][16];

static void make_op(struct actor *a, struct sim_op *o)
{
    struct footfall_store_op *op = &o->op;
    int64_t wall = table.now_ms + a->clock_ms;
    uint64_t what = below(100);
    memset(o, 0, sizeof(*o));
    o->actor = (int)(a - actors);
    o->counter = (int)below(COUNTERS);
    o->begin = steps;
    o->begin_ms = table.now_ms;
    o->person = (int)below(PEOPLE);
    op->name = names[o->counter];
    op->name_bytes = strlen(names[o->counter]);
    op->now_ms = wall;
    op->window_ms = window_ms;
    op->sliding = sliding;
    op->kind = what < 60 ? FOOTFALL_STORE_VISIT : what < 80 ? FOOTFALL_STORE_ADD : FOOTFALL_STORE_SET;
    if (what >= 84)
        op->kind = what < 90 && forgets ? FOOTFALL_STORE_DELETE
                   : forgets            ? FOOTFALL_STORE_FORGET
                                        : FOOTFALL_STORE_VISIT;
    if (log_readers && percent(25))
        o->log = 1;
    if (o->log)
        op->now_ms -= HOUR + (int64_t)below((uint64_t)(2 * DAY));
    if (op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET) {
        make_ids(op, o->person);
        op->expire_ms = window_ms == FOOTFALL_STORE_FOREVER
                            ? window_ms
                            : (op->now_ms > wall ? op->now_ms : wall) + window_ms + HOUR;
    } else {
        op->a = (int64_t)below(7) - 3;
        op->b = (int64_t)below(3);
        if (near_limits && percent(30))
            op->a = percent(50) ? INT64_MAX - (int64_t)below(3) : INT64_MIN + (int64_t)below(3);
        if (near_limits && percent(10))
            op->b = INT64_MAX - (int64_t)below(2);
        hash(op->fingerprints[0], (uint64_t)op->kind, (uint64_t)op->a, (uint64_t)op->b);
    }
    if (tokens_in_use && percent(20)) {
        op->token = token_bytes[below(8)];
        op->token_expire_ms = wall + 10 * MINUTE;
    }
    op->must_exist = forgets && (atomic_visits || loose) && percent(8);
}

/* ---- an actor ----------------------------------------------------------------------------------------------------------------------------------- */

static void open_store(struct actor *a)
{
    struct footfall_store *s = calloc(1, sizeof(*s));
    for (size_t i = 0; i < sizeof(s->marker.writer); i++)
        s->marker.writer[i] = (uint8_t)below(256);
    s->client = &a->client;
    s->atomic = atomic_visits;
    (void)snprintf(s->table, sizeof(s->table), "footfall");
    s->random_state = below(UINT64_MAX) | 1;
    s->memory.hash_key[0] = below(UINT64_MAX);
    a->store = s;
    a->sequence = 0;
}

static void close_store(struct actor *a)
{
    footfall__dynamodb_batch_free(a->store);
    footfall__dynamodb_memory_free(&a->store->memory);
    free(a->store);
    a->store = NULL;
}

static void run_batch(struct actor *a)
{
    struct footfall_store_op ops[OPS];
    struct footfall_store_result results[OPS];
    int doubted[OPS] = { 0 };
    int64_t give_up_ms = table.now_ms + 5 * MINUTE;
    int unknown = 0;
    a->op_count = 1 + below(OPS);
    if (percent(40))
        a->op_count = 1;
    if (op_total + a->op_count > ALL_OPS)
        sim_die("too many operations");
    a->ops = &all_ops[op_total];
    op_total += a->op_count;
    a->sequence++;
    a->writes = 0;
    for (size_t i = 0; i < a->op_count; i++) {
        make_op(a, &a->ops[i]);
        ops[i] = a->ops[i].op;
    }
    for (uint32_t attempt = 0;; attempt++) {
        char text[200] = "";
        struct footfall_store_call call = { .writer = 1,
                                            .sequence = a->sequence,
                                            .attempt = attempt,
                                            .deadline_ms = table.now_ms + 20 + (int64_t)below(400),
                                            .wall_ms = table.now_ms + a->clock_ms,
                                            .mark_keep_ms = 15 * MINUTE,
                                            .text = text,
                                            .text_bytes = sizeof(text) };
        memset(results, 0x55, sizeof(results));
        if (footfall__dynamodb_apply(a->store, ops, a->op_count, results, &call) != 0)
            sim_die("apply: %s", text);
        check_order(a, results);
        unknown = 0;
        for (size_t i = 0; i < a->op_count; i++) {
            int status = results[i].status;
            if (status == FOOTFALL_STORE_BROKEN || status == FOOTFALL_STORE_NO_MEMORY)
                sim_die("status %d: %s", status, text);
            unknown |= status == FOOTFALL_STORE_UNKNOWN;
            doubted[i] |= status == FOOTFALL_STORE_UNKNOWN;
        }
        if (unknown && a->writes == 0)
            sim_die("UNKNOWN, and nothing was sent");
        if (!unknown || attempt >= ATTEMPTS || percent(15) || table.now_ms > give_up_ms)
            break;
        rest(a, table.now_ms + (int64_t)below(50));
    }
    for (size_t i = 0; i < a->op_count; i++) {
        int status = results[i].status;
        if (status == FOOTFALL_STORE_TEMPORARY && doubted[i])
            status = FOOTFALL_STORE_UNKNOWN;
        say("%d: %s kind %d is answered %d", (int)(a - actors), names[a->ops[i].counter], (int)ops[i].kind, status);
        check_answer(&a->ops[i], &results[i], status);
    }
    if (unknown && percent(20)) { /* as if the process had died */
        close_store(a);
        open_store(a);
    }
}

static void live(int index)
{
    struct actor *a = &actors[index];
    for (int i = 0; i < a->batches; i++)
        run_batch(a);
    a->done = 1;
    swapcontext(&a->context, &scheduler);
}

static int is_ready(const struct actor *a)
{
    return !a->done && (!a->waits || a->client.inbox != NULL || a->wake_ms <= table.now_ms);
}

static void run_actor(int index)
{
    struct actor *a = &actors[index];
    a->waits = 0;
    swapcontext(&scheduler, &a->context);
}

/* ---- the world --------------------------------------------------------------------------------------------------------------------------------------- */

static void step(void)
{
    size_t ready = 0;
    size_t messages = 0;
    struct message *m = pool;
    uint64_t choice = 0;
    if (++steps > 100000)
        sim_die("it goes on for ever");
    for (int i = 0; i < ACTORS; i++)
        ready += is_ready(&actors[i]) != 0;
    for (const struct message *at = pool; at != NULL; at = at->next)
        messages++;
    if (ready + messages == 0) {
        table.now_ms += 1 + (int64_t)below(20);
        return;
    }
    choice = below(ready + messages);
    table.now_ms += percent(50);
    if (percent(3))
        table.now_ms += (int64_t)below(60);
    if (choice < messages) {
        while (choice-- > 0)
            m = m->next;
        if (m->request == NULL && percent(80)) { /* copies take their time */
            table.now_ms++;
            return;
        }
        deliver(m);
        return;
    }
    choice -= messages;
    for (int i = 0; i < ACTORS; i++)
        if (is_ready(&actors[i]) && choice-- == 0) {
            run_actor(i);
            return;
        }
}

static void begin_life(int index)
{
    struct actor *a = &actors[index];
    a->done = index > 0 && percent(20);
    a->batches = 1 + (int)below(4);
    a->waits = 0;
    if (getcontext(&a->context) != 0)
        sim_die("no context");
    a->context.uc_stack.ss_sp = a->stack;
    a->context.uc_stack.ss_size = STACK;
    a->context.uc_link = NULL;
    makecontext(&a->context, (void (*)(void))live, 1, index);
}

static void phase(void)
{
    int live_ones = 0;
    for (int i = 0; i < ACTORS; i++)
        begin_life(i);
    do {
        step();
        live_ones = 0;
        for (int i = 0; i < ACTORS; i++)
            live_ones += !actors[i].done;
    } while (live_ones > 0);
}

/* Copies older than a signature lasts are gone. */
static void age_pool(void)
{
    struct message *next = NULL;
    for (struct message *m = pool; m != NULL; m = next) {
        next = m->next;
        if (table.now_ms - m->sent_ms > 10 * MINUTE)
            drop_message(m);
    }
}

static void check_lags(void)
{
    for (size_t i = 0; i < lag_total; i++) {
        const struct sim_op *o = lags[i].op;
        int excused = 0;
        for (size_t j = 0; j < op_total && !excused; j++) {
            const struct sim_op *x = &all_ops[j];
            if (x == o || x->counter != o->counter || x->person != o->person || x->op.kind != FOOTFALL_STORE_VISIT)
                continue;
            excused = x->status == FOOTFALL_STORE_UNKNOWN || x->status == FOOTFALL_STORE_RANGE ||
                      x->status == FOOTFALL_STORE_ABSENT ||
                      (x->committed && x->begin < lags[i].at &&
                       (x->committed_at > o->begin ||
                        x->final_ms + table.stale_ms >= o->begin_ms)); /* what it gave back may still be read */
        }
        if (!excused)
            sim_die("a visit of %s at step %" PRIu64 " was due and not new, for nobody's sake", names[o->counter],
                    lags[i].at);
    }
}

static void run(void)
{
    static const int64_t jumps[] = { 0, 1000, MINUTE, 40 * MINUTE, 2 * HOUR, 9 * (int64_t)HOUR, 23 * (int64_t)HOUR };
    static const int64_t windows[] = { 10 * MINUTE, 3 * HOUR, DAY, 30 * DAY, FOOTFALL_STORE_FOREVER };
    int phases = 1 + (int)below(5);
    memset(models, 0, sizeof(models));
    memset(&table, 0, sizeof(table));
    op_total = plan_total = lag_total = 0;
    steps = 0;
    atomic_visits = percent(60);
    if (only_atomic >= 0)
        atomic_visits = only_atomic;
    fault_percent = percent(30) ? 0 : (int)below(40);
    late_copies = percent(70);
    log_readers = percent(30);
    tokens_in_use = percent(40);
    forgets = percent(60);
    near_limits = percent(25);
    loose = !atomic_visits && near_limits;
    window_ms = windows[below(5)];
    sliding = percent(40);
    sim_table_open(&table);
    table.random = &random_state;
    table.stale_ms = 2000;
    table.names_one_reason = percent(50);
    table.committed = committed;
    table.now_ms = 20000 * DAY + (int64_t)below(3) * 8 * HOUR + (int64_t)below(2 * HOUR) - HOUR;
    for (size_t i = 0; i < 8; i++)
        hash(token_bytes[i], i, 5, 5);
    for (int i = 0; i < ACTORS; i++) {
        struct actor *a = &actors[i];
        memset(&a->client, 0, sizeof(a->client));
        a->client.queue_end = &a->client.queue;
        a->client.actor = i;
        a->clock_ms = (int64_t)below(59 * MINUTE) - 59 * MINUTE / 2;
        open_store(a);
    }
    for (int i = 0; i < phases; i++) {
        phase();
        table.now_ms += jumps[below(7)];
        age_pool();
    }
    while (pool != NULL) {
        steps++;
        deliver(pool);
    }
    check_lags();
    for (int i = 0; i < COUNTERS; i++)
        compare(i);
    for (int i = 0; i < ACTORS; i++)
        close_store(&actors[i]);
    sim_table_close(&table);
}

int main(int argc, char **argv)
{
    const char *from = getenv("FOOTFALL_TEST_SEED");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : from != NULL ? strtoull(from, NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1500;
    trace = getenv("SIM_TRACE") != NULL;
    if (getenv("SIM_ATOMIC") != NULL)
        only_atomic = getenv("SIM_ATOMIC")[0] == '1';
    for (int i = 0; i < ACTORS; i++)
        actors[i].stack = malloc(STACK);
    for (seed = first; seed < first + count; seed++) {
        random_state = seed * UINT64_C(0x2545f4914f6cdd1d);
        run();
    }
    for (int i = 0; i < ACTORS; i++)
        free(actors[i].stack);
    printf("%" PRIu64 " schedules from seed %" PRIu64 "\n", count, first);
    return 0;
}
