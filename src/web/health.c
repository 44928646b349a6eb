/* health.c: alive, and the store answers. */
#include "exchange.h"

#include "respond.h"

static void answer(struct footfall_web_exchange *x, const char *body, size_t bytes)
{
    footfall__web_answer(x, 200, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, body, bytes);
}

void footfall__web_health(struct footfall_web_exchange *x)
{
    static const char body[] = "{\"status\":\"ok\"}\n";
    answer(x, body, sizeof body - 1);
}

static void answered(struct footfall_web_exchange *x)
{
    static const char body[] = "{\"status\":\"ready\"}\n";
    if (x->result.status == FOOTFALL_OK)
        answer(x, body, sizeof body - 1);
    else
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "the store does not answer, or is broken");
}

void footfall__web_ready(struct footfall_web_exchange *x)
{
    footfall__web_ask(x, FOOTFALL__WEB_ASK_PING, answered);
}
