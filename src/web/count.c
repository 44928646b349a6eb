/* count.c: an operation that may have to make its counter. Under http.max_counters it is asked for in two steps: first where
 * the counter must exist, and when it does not, once more with a place for it. */
#include "exchange.h"

#include <string.h>

#include "respond.h"

enum { TOKEN_MAX = FOOTFALL_TOKEN_BYTES };

int footfall__web_token(struct footfall_web_exchange *x)
{
    const char *token = x->known[FOOTFALL__WEB_TOKEN];
    size_t bytes = token != NULL ? strnlen(token, TOKEN_MAX + 1) : 0;
    if (token == NULL)
        return 1;
    if (bytes < 1 || bytes > TOKEN_MAX) {
        footfall__web_error(x, FOOTFALL__WEB_BAD_TOKEN, NULL);
        return 0;
    }
    x->op.token = token;
    x->op.token_bytes = bytes;
    return 1;
}

static footfall__web_step existing;

static void finish(struct footfall_web_exchange *x)
{
    if (x->result.status == FOOTFALL_OK)
        x->counted(x);
    else
        footfall__web_store_error(x);
}

/* Was the counter surely there already? When only its making is unknown, the place stays taken. */
static int kept(const struct footfall_result *result)
{
    if (result->status == FOOTFALL_UNKNOWN)
        return 1;
    if (result->status != FOOTFALL_OK || (result->flags & FOOTFALL_REPLAYED) != 0)
        return 0;
    return result->total == 1 || (result->flags & FOOTFALL_CURRENT) != 0;
}

void footfall__web_settle(struct footfall_web_exchange *x)
{
    if (x->has_place)
        footfall__web_place_settle(&x->web->places, kept(&x->result));
    x->has_place = 0;
}

static void made(struct footfall_web_exchange *x)
{
    footfall__web_settle(x);
    finish(x);
}

/* Where a place may come free, or the counter be made by somebody else just now, it is asked again: the store sets the pace, and
 * the deadline ends it. */
static void take_place(struct footfall_web_exchange *x)
{
    struct footfall__web_places *places = &x->web->places;
    int taken = footfall__web_place_take(places, x->settled);
    if (taken > 0) {
        x->has_place = 1;
        x->op.must_exist = 0;
        x->result.status = FOOTFALL_TEMPORARY; /* until it is asked for */
        footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, made);
    } else if (taken == 0) {
        footfall__web_error(x, FOOTFALL__WEB_TOO_MANY_COUNTERS, NULL);
    } else {
        x->settled = atomic_load(&places->settled);
        footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, existing);
    }
}

static void existing(struct footfall_web_exchange *x)
{
    if (x->result.status != FOOTFALL_ABSENT || !x->web->create)
        finish(x);
    else if (!atomic_load(&x->web->places.known))
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "not counted: it is not known yet how many counters there are");
    else
        take_place(x);
}

void footfall__web_count(struct footfall_web_exchange *x, footfall__web_step *counted)
{
    x->counted = counted;
    x->settled = atomic_load(&x->web->places.settled);
    x->op.must_exist = !x->web->create || x->web->options.limit_counters;
    footfall__web_ask(x, FOOTFALL__WEB_ASK_OP, existing);
}
