/* series.c: a caller's numbered batch, kept beside the counter (group.h): q its number, o how many of its ops on this counter
 * are stored, f two bits an op, a one bit an op that was ABSENT (only when there are such). */
#include "group.h"

#include "alloc.h"

enum { NOT_NEW, NEW, RANGE, OTHER, BITS = 2, OPS_MAX = 1 << 20 /* keeps the item below 400 KB */ };

static struct dynamodb_series *series_of(const struct dynamodb_group *g)
{
    return &g->counter->series;
}

void footfall__dynamodb_series_key(const struct dynamodb_group *g, struct dynamodb_key *out)
{
    footfall__dynamodb_other_key(out, g->name, 's', g->batch->call->series, FOOTFALL_STORE_SERIES_BYTES);
}

int footfall__dynamodb_series_known(const struct dynamodb_group *g)
{
    const struct dynamodb_series *s = series_of(g);
    return s->known && memcmp(s->series, g->batch->call->series, sizeof(s->series)) == 0;
}

static size_t bytes_of(size_t ops, size_t bits)
{
    return (ops * bits + 7) / 8;
}

static int make_room(struct dynamodb_series *s, size_t ops)
{
    size_t room = s->room > 0 ? s->room : 64;
    uint8_t *f = NULL;
    uint8_t *a = NULL;
    if (ops <= s->room)
        return 0;
    while (room < ops)
        room *= 2;
    f = footfall__realloc(s->f, bytes_of(room, BITS));
    if (f != NULL)
        s->f = f;
    a = footfall__realloc(s->a, bytes_of(room, 1));
    if (a != NULL)
        s->a = a;
    if (f == NULL || a == NULL)
        return FOOTFALL_STORE_NO_MEMORY;
    memset(s->f + bytes_of(s->room, BITS), 0, bytes_of(room, BITS) - bytes_of(s->room, BITS));
    memset(s->a + bytes_of(s->room, 1), 0, bytes_of(room, 1) - bytes_of(s->room, 1));
    s->room = room;
    return 0;
}

static int get(const uint8_t *bits, size_t i, unsigned width)
{
    return bits[i * width / 8] >> (i * width % 8) & ((1 << width) - 1);
}

static void set(uint8_t *bits, size_t i, unsigned width, int value)
{
    uint8_t *at = &bits[i * width / 8];
    unsigned shift = (unsigned)(i * width % 8);
    *at = (uint8_t)((*at & ~(((1U << width) - 1) << shift)) | (unsigned)value << shift);
}

int footfall__dynamodb_series_learn(struct dynamodb_group *g, const json_t *item)
{
    struct dynamodb_series *s = series_of(g);
    size_t count = 0;
    s->known = s->there = 0;
    s->q = s->o = s->e = 0;
    memcpy(s->series, g->batch->call->series, sizeof(s->series));
    if (item != NULL) {
        if (footfall__dynamodb_take_n(item, "q", &s->q) != 1 || footfall__dynamodb_take_n(item, "o", &s->o) != 1 ||
            footfall__dynamodb_take_n(item, "e", &s->e) < 0 || s->o < 0 || s->o > OPS_MAX)
            return FOOTFALL_STORE_BROKEN;
        if (make_room(s, (size_t)s->o) != 0)
            return FOOTFALL_STORE_NO_MEMORY;
        if (s->room > 0) {
            memset(s->f, 0, bytes_of(s->room, BITS));
            memset(s->a, 0, bytes_of(s->room, 1));
        }
        if (s->o > 0 && (footfall__dynamodb_take_b(item, "f", s->f, bytes_of((size_t)s->o, BITS), &count) != 1 ||
                         count != bytes_of((size_t)s->o, BITS) ||
                         footfall__dynamodb_take_b(item, "a", s->a, bytes_of((size_t)s->o, 1), &count) < 0))
            return FOOTFALL_STORE_BROKEN;
        s->there = 1;
    }
    s->known = 1;
    g->series_fresh = 1;
    return 0;
}

static int is_same_number(const struct dynamodb_group *g)
{
    return series_of(g)->there && series_of(g)->q == (int64_t)g->batch->call->series_number;
}

int footfall__dynamodb_series_stored(const struct dynamodb_group *g, const struct footfall_store_op *op,
                                     struct dynamodb_turn *turn)
{
    const struct dynamodb_series *s = series_of(g);
    int code = 0;
    if (s->there && s->q > (int64_t)g->batch->call->series_number) {
        turn->outcome = DYNAMODB_REFUSED_TOKEN;
        return 1;
    }
    if (!is_same_number(g) || op->series_at >= s->o)
        return 0;
    code = get(s->f, op->series_at, BITS);
    turn->is_new = code == NEW;
    turn->outcome = code == RANGE                 ? DYNAMODB_REFUSED_RANGE
                    : code != OTHER               ? DYNAMODB_REPLAYS
                    : get(s->a, op->series_at, 1) ? DYNAMODB_REFUSED_ABSENT
                                                  : DYNAMODB_REFUSED_TOKEN;
    return 1;
}

static int code_of(const struct dynamodb_turn *turn)
{
    switch (turn->outcome) {
    case DYNAMODB_REFUSED_RANGE:
        return RANGE;
    case DYNAMODB_REFUSED_TOKEN:
    case DYNAMODB_REFUSED_ABSENT:
        return OTHER;
    default:
        return turn->is_new ? NEW : NOT_NEW;
    }
}

/* How many ops of the number are stored once the run is; their answers are put behind those that are stored now. */
static int64_t add_answers(struct dynamodb_group *g, int *absent)
{
    struct dynamodb_series *s = series_of(g);
    int64_t stored = is_same_number(g) ? s->o : 0;
    *absent = 0;
    for (size_t i = 0; i < g->run_count; i++) {
        size_t at = footfall__dynamodb_op(g, i)->series_at;
        if (g->turns[i].stored)
            continue;
        set(s->f, at, BITS, code_of(&g->turns[i]));
        set(s->a, at, 1, g->turns[i].outcome == DYNAMODB_REFUSED_ABSENT);
        stored = (int64_t)at + 1;
    }
    for (int64_t i = 0; i < stored; i++)
        *absent |= get(s->a, (size_t)i, 1);
    return stored;
}

static const char *condition_of(const struct dynamodb_group *g)
{
    return is_same_number(g) ? "q = :q AND o = :o" : "attribute_not_exists(q) OR (q < :q AND e <= :e)";
}

json_t *footfall__dynamodb_series_part(struct dynamodb_group *g)
{
    struct dynamodb_series *s = series_of(g);
    struct dynamodb_key key;
    json_t *part = json_object();
    json_t *values = json_object();
    size_t last = footfall__dynamodb_op(g, g->run_count - 1)->series_at;
    int64_t e = footfall__dynamodb_now_ms(g->store->client) / 1000 + g->batch->call->series_keep_ms / 1000 + 1;
    int64_t now = 0;
    int absent = 0;
    int bad = last >= OPS_MAX || make_room(s, last + 1) != 0;
    footfall__dynamodb_series_key(g, &key);
    if (!bad) {
        if (e < s->e && s->there)
            e = s->e; /* the longest time asked for */
        now = add_answers(g, &absent);
        g->plan.series_o = now;
        g->plan.series_e = e;
        bad |= footfall__dynamodb_put(values, ":q", footfall__dynamodb_n((int64_t)g->batch->call->series_number));
        bad |= footfall__dynamodb_put(values, ":n", footfall__dynamodb_n(now));
        bad |= footfall__dynamodb_put(values, ":e", footfall__dynamodb_n(e));
        bad |= footfall__dynamodb_put(values, ":f", footfall__dynamodb_b(s->f, bytes_of((size_t)now, BITS)));
        if (absent)
            bad |= footfall__dynamodb_put(values, ":a", footfall__dynamodb_b(s->a, bytes_of((size_t)now, 1)));
        if (is_same_number(g))
            bad |= footfall__dynamodb_put(values, ":o", footfall__dynamodb_n(s->o));
    }
    bad |= footfall__dynamodb_put(part, "TableName", json_string(g->store->table));
    bad |= footfall__dynamodb_put(part, "Key", footfall__dynamodb_key_json(&key));
    bad |= footfall__dynamodb_put(part, "UpdateExpression",
                                  json_string(absent ? "SET q = :q, o = :n, e = :e, f = :f, a = :a"
                                                     : "SET q = :q, o = :n, e = :e, f = :f REMOVE a"));
    bad |= footfall__dynamodb_put(part, "ConditionExpression", json_string(condition_of(g)));
    bad |= footfall__dynamodb_put(part, "ReturnValuesOnConditionCheckFailure", json_string("ALL_OLD"));
    bad |= footfall__dynamodb_put(part, "ExpressionAttributeValues", values);
    if (!bad)
        return part;
    json_decref(part);
    return NULL;
}

void footfall__dynamodb_series_moved(struct dynamodb_group *g)
{
    struct dynamodb_series *s = series_of(g);
    s->there = s->known = 1;
    s->q = (int64_t)g->batch->call->series_number;
    s->o = g->plan.series_o;
    s->e = g->plan.series_e;
}
