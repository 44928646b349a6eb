/* script.c: the operations and their model (script.h). */
#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "handle.h"

enum { A, B, C, SEEN, OLD };
enum { NOT_ASKED = 1, MOST_UNKNOWN = 14, WAIT_MS = 100 };

struct step {
    enum footfall_op_kind kind;
    int counter, visitor;
    int64_t x, y;
    int token;
    int batch; /* steps with the same nonzero number follow each other and go in one footfall_apply */
};

static const char *const names[SCRIPT_COUNTERS] = { "a", "b", "c", "seen", "old" };

static const struct step steps[SCRIPT_OPS] = {
    { FOOTFALL_OP_ADD, A, 0, 3, 0, 0, 0 },      { FOOTFALL_OP_VISIT, SEEN, 0, 0, 0, 0, 0 },
    { FOOTFALL_OP_VISIT, SEEN, 1, 0, 0, 0, 0 }, { FOOTFALL_OP_VISIT, B, 0, 0, 0, 0, 0 },
    { FOOTFALL_OP_ADD, A, 0, 10, 0, 0, 1 },     { FOOTFALL_OP_VISIT, B, 1, 0, 0, 0, 1 },
    { FOOTFALL_OP_VISIT, B, 0, 0, 0, 0, 1 },    { FOOTFALL_OP_ADD, C, 0, 1, 0, 0, 1 },
    { FOOTFALL_OP_SET, OLD, 0, 70, 20, 0, 1 },  { FOOTFALL_OP_SET, OLD, 0, 100, 50, 0, 0 },
    { FOOTFALL_OP_ADD, A, 0, 1000, 0, 1, 0 },   { FOOTFALL_OP_ADD, A, 0, 1000, 0, 1, 0 },
    { FOOTFALL_OP_DELETE, OLD, 0, 0, 0, 0, 0 }, { FOOTFALL_OP_FORGET, SEEN, 0, 0, 0, 0, 0 },
    { FOOTFALL_OP_VISIT, SEEN, 0, 0, 0, 0, 0 }, { FOOTFALL_OP_DELETE, B, 0, 0, 0, 0, 0 },
    { FOOTFALL_OP_VISIT, B, 2, 0, 0, 0, 0 },    { FOOTFALL_OP_ADD, C, 0, -5, 0, 0, 0 },
};

/* ---- asking the library ---------------------------------------------------------------------------------------------- */

static void fill(const struct step *step, struct footfall_op *op, struct footfall_visitor *who, char address[16])
{
    *op = (struct footfall_op)FOOTFALL_OP_INIT(step->kind);
    *who = (struct footfall_visitor)FOOTFALL_VISITOR_INIT;
    support_address(address, (uint32_t)step->visitor);
    who->address = address;
    who->now_ms = SUPPORT_TIME_MS;
    op->name = names[step->counter];
    if (step->kind == FOOTFALL_OP_ADD)
        op->delta = step->x;
    if (step->kind == FOOTFALL_OP_SET) {
        op->total = step->x;
        op->unique = step->y;
    }
    if (step->kind == FOOTFALL_OP_VISIT || step->kind == FOOTFALL_OP_FORGET)
        op->visitor = who;
    if (step->token) {
        op->token = "a token";
        op->token_bytes = 7;
    }
}

void script_prepare(struct footfall *ff)
{
    struct footfall_call call = FOOTFALL_CALL_INIT;
    struct footfall_result r;
    if (support_visit(ff, "seen", 0, SUPPORT_TIME_MS, 5000, &r) != FOOTFALL_OK ||
        footfall_set(ff, "old", 5, 4, &call, &r, NULL) != FOOTFALL_OK)
        support_die("prepare");
}

void script_run(struct footfall *ff, struct script_outcome *outcome)
{
    for (size_t i = 0; i < SCRIPT_OPS;) {
        struct footfall_call call = FOOTFALL_CALL_INIT;
        struct footfall_op ops[SCRIPT_OPS] = { 0 };
        struct footfall_visitor who[SCRIPT_OPS];
        struct footfall_error err;
        char addresses[SCRIPT_OPS][16];
        size_t n = 0;
        do {
            fill(&steps[i + n], &ops[n], &who[n], addresses[n]);
            n++;
        } while (i + n < SCRIPT_OPS && steps[i].batch != 0 && steps[i + n].batch == steps[i].batch);
        call.wait_ms = WAIT_MS;
        if (footfall_apply(ff, ops, n, &call, &outcome->results[i], &err) != FOOTFALL_OK) {
            outcome->no_text |= err.text[0] == '\0';
            if (outcome->text[0] == '\0')
                snprintf(outcome->text, sizeof outcome->text, "%s", err.text);
        }
        i += n;
    }
}

void script_observe(struct footfall *ff, struct script_state *out)
{
    memset(out, 0, sizeof *out);
    for (int c = 0; c < SCRIPT_COUNTERS; c++) {
        struct footfall_result r = support_read(ff, names[c]);
        out->counters[c].exists = (r.flags & FOOTFALL_EXISTS) != 0;
        out->counters[c].total = r.total;
        out->counters[c].unique = r.unique;
    }
    for (int c = 0; c < SCRIPT_COUNTERS; c++)
        for (uint32_t v = 0; v < SCRIPT_VISITORS; v++) {
            struct footfall_result r;
            if (support_visit(ff, names[c], v, SUPPORT_TIME_MS, 5000, &r) != FOOTFALL_OK)
                support_die("observe");
            out->remembered[c][v] = (r.flags & FOOTFALL_IS_NEW) == 0;
        }
}

/* ---- the model ------------------------------------------------------------------------------------------------------- */

static struct footfall_result model(struct script_state *state, const struct step *step)
{
    struct footfall_result r = { 0 };
    int64_t *total = &state->counters[step->counter].total, *unique = &state->counters[step->counter].unique;
    int *known = &state->remembered[step->counter][step->visitor], *exists = &state->counters[step->counter].exists;
    if (step->token && state->token_bound) {
        r.flags = FOOTFALL_REPLAYED | FOOTFALL_CURRENT;
    } else if (step->kind == FOOTFALL_OP_ADD) {
        *total += step->x;
        *exists = 1;
        state->token_bound |= step->token;
    } else if (step->kind == FOOTFALL_OP_VISIT) {
        *total += 1;
        *unique += !*known;
        r.flags = *known ? 0 : FOOTFALL_IS_NEW;
        *known = *exists = 1;
    } else if (step->kind == FOOTFALL_OP_SET) {
        *total = step->x;
        *unique = step->y;
        *exists = 1;
    } else if (step->kind == FOOTFALL_OP_FORGET) {
        *known = 0;
    }
    r.total = *total;
    r.unique = *unique;
    if (step->kind == FOOTFALL_OP_DELETE) {
        memset(&state->counters[step->counter], 0, sizeof state->counters[0]);
        memset(state->remembered[step->counter], 0, sizeof state->remembered[0]);
    }
    return r;
}

static int same_state(const struct script_state *a, const struct script_state *b)
{
    for (int c = 0; c < SCRIPT_COUNTERS; c++) {
        if (a->counters[c].exists != b->counters[c].exists || a->counters[c].total != b->counters[c].total ||
            a->counters[c].unique != b->counters[c].unique)
            return 0;
        for (int v = 0; v < SCRIPT_VISITORS; v++)
            if (a->remembered[c][v] != b->remembered[c][v])
                return 0;
    }
    return 1;
}

/* Does it all fit when of the unknown ops just those of `taken` (a bit each, in order) took effect? */
static int fits(const struct script_outcome *outcome, const struct script_state *observed, int prepared, unsigned taken)
{
    struct script_state state;
    unsigned bit = 1;
    memset(&state, 0, sizeof state);
    if (prepared) {
        state.counters[SEEN].exists = state.counters[OLD].exists = 1;
        state.counters[SEEN].total = state.counters[SEEN].unique = 1;
        state.counters[OLD].total = 5;
        state.counters[OLD].unique = 4;
        state.remembered[SEEN][0] = 1;
    }
    for (size_t i = 0; i < SCRIPT_OPS; i++) {
        const struct footfall_result *told = &outcome->results[i];
        struct footfall_result want;
        if (told->status == FOOTFALL_UNKNOWN) {
            if (taken & bit)
                model(&state, &steps[i]);
            bit <<= 1;
            continue;
        }
        if (told->status != FOOTFALL_OK)
            continue;
        want = model(&state, &steps[i]);
        if (told->total != want.total || told->unique != want.unique || told->flags != want.flags)
            return 0;
    }
    return same_state(&state, observed);
}

static const char *describe(const struct script_outcome *outcome, const struct script_state *observed)
{
    static char text[2048];
    size_t at = 0;
    at += (size_t)snprintf(text + at, sizeof text - at, "told:");
    for (size_t i = 0; i < SCRIPT_OPS && at < sizeof text; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, " %d(%" PRId64 "/%" PRId64 ",%u)", outcome->results[i].status,
                             outcome->results[i].total, outcome->results[i].unique, outcome->results[i].flags);
    if (at < sizeof text)
        at += (size_t)snprintf(text + at, sizeof text - at, "; held:");
    for (int c = 0; c < SCRIPT_COUNTERS && at < sizeof text; c++)
        at += (size_t)snprintf(text + at, sizeof text - at, " %s=%" PRId64 "/%" PRId64 "%s [%d%d%d]", names[c],
                               observed->counters[c].total, observed->counters[c].unique,
                               observed->counters[c].exists ? "" : " absent", observed->remembered[c][0],
                               observed->remembered[c][1], observed->remembered[c][2]);
    return text;
}

const char *script_judge(const struct script_outcome *outcome, const struct script_state *observed, int prepared)
{
    unsigned unknown = 0;
    for (size_t i = 0; i < SCRIPT_OPS; i++) {
        int status = outcome->results[i].status;
        unknown += status == FOOTFALL_UNKNOWN;
        if (status != FOOTFALL_OK && status != FOOTFALL_UNKNOWN && status != FOOTFALL_BROKEN &&
            status != FOOTFALL_TEMPORARY && status != FOOTFALL_NO_MEMORY && status != NOT_ASKED)
            return "a status that an I/O error cannot have";
    }
    if (unknown > MOST_UNKNOWN)
        return "nearly everything is unknown";
    for (unsigned taken = 0; taken < 1u << unknown; taken++)
        if (fits(outcome, observed, prepared, taken))
            return NULL;
    return describe(outcome, observed);
}
