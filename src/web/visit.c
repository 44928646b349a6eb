/* visit.c: /visit: whose visit it is, and when none is counted. */
#include "exchange.h"

#include <string.h>
#include <strings.h>

#include "respond.h"

/* ---- who never counts ------------------------------------------------------------------------------------------------------ */

static int is_early(const char *purpose)
{
    return purpose != NULL && (strcasestr(purpose, "prefetch") != NULL || strcasestr(purpose, "prerender") != NULL ||
                               strcasestr(purpose, "preview") != NULL);
}

/* Probes of load balancers and of those that watch whether a server is there. */
static int is_probe(const char *agent)
{
    static const char *const probes[] = { "ELB-HealthChecker/",
                                          "kube-probe/",
                                          "GoogleHC/",
                                          "Amazon-Route53-Health-Check-Service",
                                          "Amazon Route 53 Health Check Service",
                                          "Consul Health Check",
                                          "Envoy/HC",
                                          "Edge Health Probe",
                                          "Load Balancer Agent" };
    if (agent == NULL)
        return 0;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        if (agent[0] == probes[i][0] && strncmp(agent, probes[i], strlen(probes[i])) == 0)
            return 1;
    return strstr(agent, "Cloudflare-Healthchecks/") != NULL || strstr(agent, "Cloudflare-Traffic-Manager/") != NULL;
}

int footfall__web_never_counts(const struct footfall_web_exchange *x)
{
    if (x->method == FOOTFALL__WEB_HEAD)
        return 1;
    for (int i = FOOTFALL__WEB_PURPOSE; i <= FOOTFALL__WEB_PURPOSE_4; i++)
        if (is_early(x->known[i]))
            return 1;
    return is_probe(x->known[FOOTFALL__WEB_AGENT]);
}

/* ---- whose visit ------------------------------------------------------------------------------------------------------------ */

/* Once for a site: otherwise everybody behind the proxy is one visitor, and nobody knows why. */
static void warn(struct footfall_web_exchange *x)
{
    struct footfall_web *web = x->web;
    const char *header = NULL;
    if (web->options.log == NULL || atomic_load_explicit(&web->warned, memory_order_relaxed) ||
        footfall__web_client_proxied(web->clients, x->request->peer, x->request->peer_is_unix))
        return;
    header = footfall__web_client_forwarded(web->clients, x->request);
    if (header != NULL && !atomic_exchange(&web->warned, 1))
        footfall__web_log(
            web, FOOTFALL_LOG_WARN,
            "a request has %s, but comes from a peer that http.trusted_proxies does not name: if that is a "
            "proxy, everybody behind it is counted as one visitor",
            header);
}

/* Once too: otherwise nothing is counted, and only the visitors' browsers are told. */
static void warn_of_refusal(struct footfall_web *web, const char *reason)
{
    if (!atomic_load_explicit(&web->refused, memory_order_relaxed) && !atomic_exchange(&web->refused, 1))
        footfall__web_log(web, FOOTFALL_LOG_WARN, "a visit is not counted: %s", reason);
}

static int find_address(struct footfall_web_exchange *x)
{
    char why[160];
    const char *reason = footfall__web_client_address(x->address, why, x->web->clients, x->request);
    warn(x);
    if (reason != NULL) {
        warn_of_refusal(x->web, reason);
        footfall__web_error(x, FOOTFALL__WEB_BAD_ADDRESS, reason);
        return 0;
    }
    x->visitor.address = x->address;
    x->visitor.user_agent = x->known[FOOTFALL__WEB_AGENT];
    return 1;
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static void answer(struct footfall_web_exchange *x, const struct footfall__web_shown *shown)
{
    size_t bytes = footfall__web_json_counter(x->body, x->name, &x->result, shown);
    if (bytes > 0)
        footfall__web_answer(x, 200, FOOTFALL__WEB_JSON, FOOTFALL__WEB_NO_STORE, x->body, bytes);
    else /* no memory, but counted it is */
        footfall__web_error(x, shown->visited ? FOOTFALL__WEB_UNKNOWN_OUTCOME : FOOTFALL__WEB_TEMPORARY, NULL);
}

static void visited(struct footfall_web_exchange *x)
{
    struct footfall__web_shown shown = { .visited = 1, .replayed = (x->result.flags & FOOTFALL_REPLAYED) != 0 };
    x->visit = (x->result.flags & FOOTFALL_IS_NEW) != 0 ? FOOTFALL__WEB_VISIT_NEW : FOOTFALL__WEB_VISIT_RETURNING;
    if (shown.replayed)
        x->visit = FOOTFALL__WEB_VISIT_REPLAYED;
    answer(x, &shown);
}

static void looked(struct footfall_web_exchange *x)
{
    struct footfall__web_shown shown = { 0 };
    x->visit = FOOTFALL__WEB_VISIT_READ;
    if (x->result.status == FOOTFALL_OK)
        answer(x, &shown);
    else
        footfall__web_store_error(x);
}

void footfall__web_visit(struct footfall_web_exchange *x)
{
    if (!footfall__web_name(x))
        return;
    if (footfall__web_never_counts(x)) {
        footfall__web_ask(x, FOOTFALL__WEB_ASK_READ, looked);
        return;
    }
    if (!footfall__web_token(x) || !find_address(x))
        return;
    x->op.kind = FOOTFALL_OP_VISIT;
    x->op.visitor = &x->visitor;
    footfall__web_count(x, visited);
}
