/* tally.c: counts what was answered, for /metrics (site.h). */
#include "exchange.h"

const int footfall__web_codes[FOOTFALL__WEB_CODES] = { 200, 201, 204, 304, 400, 401, 403, 404,
                                                       405, 409, 413, 414, 429, 500, 503, 504 };

static enum footfall__web_visit visit_of(const struct footfall_web_exchange *x)
{
    if (x->response.status == 504)
        return FOOTFALL__WEB_VISIT_UNKNOWN;
    if (x->response.status >= 500)
        return FOOTFALL__WEB_VISIT_FAILED;
    if (x->response.status >= 400)
        return FOOTFALL__WEB_VISIT_REFUSED;
    return x->visit;
}

void footfall__web_tell(const struct footfall_web_exchange *x)
{
    struct footfall__web_tally *tally = &x->web->tally;
    size_t route = (size_t)(x->route - footfall__web_routes);
    for (size_t i = 0; i < FOOTFALL__WEB_CODES; i++)
        if (footfall__web_codes[i] == x->response.status) {
            atomic_fetch_add_explicit(&tally->requests[route][i], 1, memory_order_relaxed);
            break;
        }
    if (x->route->get == footfall__web_visit)
        atomic_fetch_add_explicit(&tally->visits[visit_of(x)], 1, memory_order_relaxed);
}
