/* counter.c: what reads a counter: its numbers as JSON, and as a badge, which may count a hit first. */
#include "exchange.h"

#include "respond.h"

static void shown(struct footfall_web_exchange *x)
{
    struct footfall__web_shown nothing = { 0 };
    size_t bytes = 0;
    if (x->result.status != FOOTFALL_OK) {
        footfall__web_store_error(x);
    } else if ((x->result.flags & FOOTFALL_EXISTS) == 0) {
        footfall__web_error(x, FOOTFALL__WEB_NO_SUCH_COUNTER, NULL);
    } else {
        bytes = footfall__web_json_counter(x->body, sizeof x->body, x->name, &x->result, &nothing);
        if (bytes > 0)
            footfall__web_answer_tagged(x, FOOTFALL__WEB_JSON, "public, max-age=5", NULL, x->body, bytes);
        else
            footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, NULL);
    }
}

void footfall__web_counter(struct footfall_web_exchange *x)
{
    if (footfall__web_name(x))
        footfall__web_ask(x, FOOTFALL__WEB_ASK_READ, shown);
}
