/* dynamodb_sim_model.c: semantics.md as dynamodb_sim holds the table against it. Each plan is noted when it is sent; when it is
 * stored, its operations are carried out on the model, and counter and records must be the same. */
#include "dynamodb_sim_world.h"

#include <stdio.h>
#include <string.h>

static void encode(char out[24], const struct dynamodb_mark *mark)
{
    json_t *b = footfall__dynamodb_b(mark->bytes, sizeof(mark->bytes));
    (void)snprintf(out, 24, "%s", json_string_value(json_object_get(b, "B")));
    json_decref(b);
}

static struct sim_plan *plan_of(const char *mark)
{
    for (size_t i = sim.plan_total; i-- > 0;)
        if (strcmp(sim.plans[i].mark, mark) == 0)
            return &sim.plans[i];
    return NULL;
}

void sim_note_plan(const struct dynamodb_request *r)
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
    if (sim.plan_total == PLANS)
        sim_die("too many plans");
    plan = &sim.plans[sim.plan_total++];
    memset(plan, 0, sizeof(*plan));
    memcpy(plan->mark, mark, sizeof(mark));
    plan->actor = g->store->client->actor;
    plan->count = g->run_count;
    for (size_t i = 0; i < g->run_count; i++) {
        plan->turns[i].op = &sim.actors[plan->actor].ops[g->ops[i]];
        plan->turns[i].outcome = g->turns[i].outcome;
        plan->turns[i].is_new = g->turns[i].is_new;
        plan->turns[i].stored = g->turns[i].stored;
    }
}

struct sim_person *sim_person_of(struct sim_model *m, const struct footfall_store_id *id, int make)
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

struct sim_bound *sim_bound_of(struct sim_model *m, const uint8_t *token)
{
    for (size_t i = 0; token != NULL && i < m->bound_count; i++)
        if (memcmp(m->bound[i].token, token, FOOTFALL_STORE_TOKEN_BYTES) == 0)
            return &m->bound[i];
    return NULL;
}

int sim_same_operation(const struct footfall_store_op *op, const struct footfall_store_op *stored)
{
    int visitors = op->kind == FOOTFALL_STORE_VISIT || op->kind == FOOTFALL_STORE_FORGET;
    int stored_visitors = stored->kind == FOOTFALL_STORE_VISIT || stored->kind == FOOTFALL_STORE_FORGET;
    for (uint32_t i = 0; i < (visitors ? op->id_count : 1); i++)
        for (uint32_t j = 0; j < (stored_visitors ? stored->write_count : 1); j++)
            if (memcmp(op->fingerprints[i], stored->fingerprints[j], FOOTFALL_STORE_FINGERPRINT_BYTES) == 0)
                return 1;
    return 0;
}

static int due(struct sim_model *m, const struct footfall_store_op *op, int *seen, int64_t *last)
{
    *seen = 0;
    for (uint32_t i = 0; i < op->id_count; i++) {
        const struct sim_person *p = sim_person_of(m, &op->ids[i], 0);
        if (p != NULL && p->there && (!*seen || p->at_ms > *last)) {
            *seen = 1;
            *last = p->at_ms;
        }
    }
    return !*seen || (op->window_ms != FOOTFALL_STORE_FOREVER && op->now_ms - *last >= op->window_ms);
}

static void remember(struct sim_model *m, const struct sim_op *o, int64_t at_ms)
{
    const struct footfall_store_op *op = &o->op;
    for (uint32_t i = 0; i < op->write_count; i++) {
        struct sim_person *p = sim_person_of(m, &op->ids[i], 1);
        p->low_ms = !p->there || p->low_ms < op->now_ms ? op->now_ms : p->low_ms;
        if (!p->there || p->at_ms < at_ms)
            p->at_ms = at_ms;
        p->set_at = sim.steps;
        if (o->log)
            p->logged_ms = sim.table.now_ms;
        if (!p->there)
            p->since = sim.steps;
        p->there = 1;
    }
}

static void drop_people(struct sim_model *m, const struct footfall_store_op *op)
{
    for (size_t i = 0; i < m->people_count; i++)
        for (uint32_t j = 0; op == NULL ? j < 1 : j < op->id_count; j++)
            if (op == NULL || memcmp(&m->people[i].id, &op->ids[j], sizeof(op->ids[j])) == 0) {
                m->people[i].there = 0;
                m->people[i].until = sim.steps;
            }
}

static void exist(struct sim_model *m, int exists)
{
    if (m->exists != exists)
        m->changed = sim.steps;
    m->exists = exists;
}

/* A log reader stored the older id's time just before this live visit, or while it was under way: it may not have been seen. */
static int raced_with_log(struct sim_model *m, const struct sim_op *o)
{
    for (uint32_t i = o->op.write_count; i < o->op.id_count && !o->log; i++) {
        const struct sim_person *p = sim_person_of(m, &o->op.ids[i], 0);
        if (p != NULL && p->there && p->logged_ms + sim.table.stale_ms >= o->begin_ms)
            return 1;
    }
    return 0;
}

/* atomic = false: claims may come in another order than the counter's changes. */
static int raced(struct sim_model *m, const struct sim_op *o)
{
    for (uint32_t i = 0; i < o->op.id_count; i++) {
        const struct sim_person *p = sim_person_of(m, &o->op.ids[i], 0);
        if (p != NULL && p->there && p->set_at >= o->begin)
            return 1;
    }
    return 0;
}

/* atomic = false: somebody's claim was there before his visit is counted, if it ever is: as the table has it, then. */
static void take_claims(struct sim_model *m, const struct sim_op *o)
{
    struct dynamodb_name name = { sim_names[o->counter], strlen(sim_names[o->counter]) };
    struct dynamodb_key key;
    struct dynamodb_counter_item item;
    json_t *k = NULL;
    footfall__dynamodb_counter_key(&key, name);
    k = footfall__dynamodb_key_json(&key);
    (void)footfall__dynamodb_take_counter(&item, sim_table_item(&sim.table, k));
    json_decref(k);
    for (uint32_t i = 0; i < o->op.id_count; i++) {
        struct sim_person *p = NULL;
        struct dynamodb_record record;
        footfall__dynamodb_visitor_key(&key, name, item.g, o->op.ids[i].bytes);
        k = footfall__dynamodb_key_json(&key);
        (void)footfall__dynamodb_take_record(&record, sim_table_item(&sim.table, k));
        json_decref(k);
        if (!record.there)
            continue;
        p = sim_person_of(m, &o->op.ids[i], 1);
        p->since = p->there ? p->since : sim.steps;
        p->there = 1;
        p->at_ms = p->low_ms = record.s;
        p->set_at = sim.steps;
    }
}

static void commit_visit(struct sim_model *m, struct sim_op *o, int is_new)
{
    int64_t last = 0;
    int seen = 0;
    int is_due = due(m, &o->op, &seen, &last);
    if (is_new && !is_due && (raced_with_log(m, o) || (!sim.atomic_visits && raced(m, o))))
        is_due = 1;
    if (is_new && !is_due && !sim.loose)
        sim_die("a visit of %s is new, and the visitor was there %" PRId64 " ms ago", sim_names[o->counter],
                o->op.now_ms - last);
    if (sim.loose)
        is_due = is_new;
    if (is_due && !is_new) {
        if (sim.atomic_visits)
            sim_die("a visit of %s is not new, and should be", sim_names[o->counter]);
        sim.lags[sim.lag_total++] = (struct sim_lag){ o, sim.steps };
        take_claims(m, o);
    }
    if (is_new || (o->op.sliding && !is_due))
        remember(m, o, seen && last > o->op.now_ms ? last : o->op.now_ms);
    m->u += is_new;
}

/* 0: it would leave int64 */
static int in_range(struct sim_model *m, const struct footfall_store_op *op, int is_new)
{
    int64_t out = 0;
    if (op->kind == FOOTFALL_STORE_ADD)
        return !__builtin_add_overflow(m->t, op->a, &out);
    if (op->kind == FOOTFALL_STORE_VISIT)
        return m->t < INT64_MAX && (m->u < INT64_MAX || !is_new);
    return 1;
}

static void commit_op(struct sim_model *m, struct sim_op *o, int is_new)
{
    const struct footfall_store_op *op = &o->op;
    int64_t t = m->t;
    int64_t u = m->u;
    if (o->committed)
        sim_die("an operation of %s is stored twice", sim_names[o->counter]);
    if (o->final && o->status != FOOTFALL_STORE_UNKNOWN)
        sim_die("an operation of %s is stored after it was answered (%d)", sim_names[o->counter], o->status);
    if (!in_range(m, op, is_new))
        sim_die("it is stored, and out of range");
    if (op->must_exist && !m->exists)
        sim_die("it is stored, and the counter does not exist");
    o->committed = 1;
    o->committed_at = sim.steps;
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
        if (sim_bound_of(m, op->token) != NULL)
            sim_die("a token is bound twice");
        m->bound[m->bound_count++] = (struct sim_bound){ op->token, op, is_new };
    }
}

/* What the table holds must be what the model holds. */
void sim_compare(int counter)
{
    struct sim_model *m = &sim.models[counter];
    struct dynamodb_name name = { sim_names[counter], strlen(sim_names[counter]) };
    struct dynamodb_key key;
    struct dynamodb_counter_item item;
    json_t *k = NULL;
    footfall__dynamodb_counter_key(&key, name);
    k = footfall__dynamodb_key_json(&key);
    if (footfall__dynamodb_take_counter(&item, sim_table_item(&sim.table, k)) != 0)
        sim_die("a counter that cannot be read");
    json_decref(k);
    if (item.exists != m->exists || item.t != m->t || item.u != m->u)
        sim_die("%s is %d %" PRId64 "/%" PRId64 ", and should be %d %" PRId64 "/%" PRId64, sim_names[counter],
                item.exists, item.t, item.u, m->exists, m->t, m->u);
    for (size_t i = 0; sim.atomic_visits && i < m->people_count; i++) {
        struct dynamodb_record record;
        footfall__dynamodb_visitor_key(&key, name, item.g, m->people[i].id.bytes);
        k = footfall__dynamodb_key_json(&key);
        if (footfall__dynamodb_take_record(&record, sim_table_item(&sim.table, k)) != 0)
            sim_die("a record that cannot be read");
        json_decref(k);
        if (record.there != m->people[i].there ||
            (record.there && (record.s > m->people[i].at_ms || record.s < m->people[i].low_ms)))
            sim_die("a record of %s is %d %" PRId64 ", and should be %d %" PRId64, sim_names[counter], record.there,
                    record.s, m->people[i].there, m->people[i].at_ms);
        m->people[i].at_ms = m->people[i].low_ms = record.s;
    }
}

void sim_committed(void *user, const char *mark)
{
    struct sim_plan *plan = plan_of(mark);
    (void)user;
    if (plan == NULL || plan->committed)
        sim_die("a plan that is not known, or is stored twice");
    plan->committed = 1;
    for (size_t i = 0; i < plan->count; i++) {
        struct sim_op *o = plan->turns[i].op;
        struct sim_model *m = &sim.models[o->counter];
        const struct sim_bound *b = sim_bound_of(m, o->op.token);
        switch (plan->turns[i].outcome) {
        case DYNAMODB_COUNTS:
            commit_op(m, o, plan->turns[i].is_new);
            break;
        case DYNAMODB_REPLAYS:
            if (b == NULL || !sim_same_operation(&o->op, b->op) || b->is_new != plan->turns[i].is_new)
                sim_die("a replay that is none");
            break;
        case DYNAMODB_REFUSED_TOKEN:
            if (b == NULL || sim_same_operation(&o->op, b->op))
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
    sim_compare(plan->turns[0].op->counter);
    sim_say("%d: stored, %s is %" PRId64 "/%" PRId64, plan->actor, sim_names[plan->turns[0].op->counter],
            sim.models[plan->turns[0].op->counter].t, sim.models[plan->turns[0].op->counter].u);
}
