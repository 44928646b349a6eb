/* metrics.c: /metrics: this site's numbers, the front end's and the engine's in the Prometheus text format, 0.0.4. */
#include "exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "respond.h"

enum { FAMILY_BYTES = 128 };

struct writing {
    FILE *out;
    char family[FAMILY_BYTES]; /* whose HELP and TYPE were written last */
    int histogram;
};

/* ---- the format ------------------------------------------------------------------------------------------------------------- */

static size_t without(const char *name, const char *ending)
{
    size_t bytes = strlen(name);
    size_t end = strlen(ending);
    return bytes > end && strcmp(name + bytes - end, ending) == 0 ? bytes - end : 0;
}

static int is_family(const struct writing *w, const char *name, size_t bytes)
{
    return bytes > 0 && strlen(w->family) == bytes && memcmp(w->family, name, bytes) == 0;
}

/* Belongs to the histogram that is being written: NAME_sum and NAME_count after NAME_bucket. */
static int goes_on(const struct writing *w, const char *name)
{
    return w->histogram && (is_family(w, name, without(name, "_bucket")) || is_family(w, name, without(name, "_sum")) ||
                            is_family(w, name, without(name, "_count")));
}

static void write_help(FILE *out, const char *help)
{
    for (; *help != '\0'; help++)
        if (*help == '\\')
            fputs("\\\\", out);
        else if (*help == '\n')
            fputs("\\n", out);
        else
            putc(*help, out);
}

static void write_value(FILE *out, double value)
{
    char text[32];
    if (value >= -9e15 && value <= 9e15 && value == (double)(int64_t)value) {
        fprintf(out, "%" PRId64 "\n", (int64_t)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits += 2) { /* the shorter one that is the same number */
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fprintf(out, "%s\n", text);
}

static void write_metric(void *user, const struct footfall_metric *metric)
{
    struct writing *w = user;
    size_t bucket = strstr(metric->labels, "le=\"") != NULL ? without(metric->name, "_bucket") : 0;
    size_t bytes = bucket > 0 ? bucket : strlen(metric->name);
    if (bytes >= sizeof w->family)
        return;
    if (!goes_on(w, metric->name) && (w->histogram || !is_family(w, metric->name, bytes))) {
        memcpy(w->family, metric->name, bytes);
        w->family[bytes] = '\0';
        w->histogram = bucket > 0;
        fprintf(w->out, "# HELP %s ", w->family);
        write_help(w->out, metric->help);
        fprintf(w->out, "\n# TYPE %s %s\n", w->family,
                bucket > 0        ? "histogram"
                : metric->counter ? "counter"
                                  : "gauge");
    }
    fputs(metric->name, w->out);
    if (metric->labels[0] != '\0')
        fprintf(w->out, "{%s}", metric->labels);
    putc(' ', w->out);
    write_value(w->out, metric->value);
}

/* ---- this site's ------------------------------------------------------------------------------------------------------------ */

static void tell_requests(struct footfall_web *web, struct writing *w)
{
    for (size_t route = 0; route < FOOTFALL__WEB_ROUTES; route++)
        for (size_t i = 0; i < FOOTFALL__WEB_CODES; i++) {
            char labels[64];
            struct footfall_metric metric = { "footfall_http_requests_total", "Requests answered.", labels, 1, 0 };
            metric.value = (double)atomic_load_explicit(&web->tally.requests[route][i], memory_order_relaxed);
            if (metric.value == 0)
                continue;
            snprintf(labels, sizeof labels, "route=\"%s\",code=\"%d\"", footfall__web_routes[route].label,
                     footfall__web_codes[i]);
            write_metric(w, &metric);
        }
}

static void tell_visits(struct footfall_web *web, struct writing *w)
{
    static const char *const results[FOOTFALL__WEB_VISITS] = {
        [FOOTFALL__WEB_VISIT_NEW] = "result=\"new\"",
        [FOOTFALL__WEB_VISIT_RETURNING] = "result=\"returning\"",
        [FOOTFALL__WEB_VISIT_REPLAYED] = "result=\"replayed\"",
        [FOOTFALL__WEB_VISIT_READ] = "result=\"read\"",
        [FOOTFALL__WEB_VISIT_REFUSED] = "result=\"refused\"",
        [FOOTFALL__WEB_VISIT_FAILED] = "result=\"failed\"",
        [FOOTFALL__WEB_VISIT_UNKNOWN] = "result=\"unknown\"",
    };
    for (size_t i = FOOTFALL__WEB_VISIT_NEW; i < FOOTFALL__WEB_VISITS; i++) {
        struct footfall_metric metric = { "footfall_visits_total", "Requests for a visit, by what became of them.",
                                          results[i], 1, 0 };
        metric.value = (double)atomic_load_explicit(&web->tally.visits[i], memory_order_relaxed);
        write_metric(w, &metric);
    }
}

/* ---- who may see them ------------------------------------------------------------------------------------------------------- */

static int is_loopback(const char *peer)
{
    struct footfall_web_ip ip;
    struct footfall_web_ip one;
    if (peer == NULL || !footfall__web_ip_read(&ip, peer, strlen(peer)) || !footfall__web_ip_read(&one, "::1", 3))
        return 0;
    return footfall__web_ip_is_v4(&ip) ? ip.bytes[12] == 127 : memcmp(&ip, &one, sizeof ip) == 0;
}

static int may_see(const struct footfall_web_exchange *x)
{
    const struct footfall_web *web = x->web;
    if (web->has_admin && footfall__web_token_matches(web->admin, x->known[FOOTFALL__WEB_AUTHORIZATION]))
        return 1;
    return !web->options.metrics_want_token && is_loopback(x->request->peer) &&
           footfall__web_client_forwarded(web->clients, x->request) == NULL;
}

void footfall__web_metrics(struct footfall_web_exchange *x)
{
    struct footfall_web *web = x->web;
    struct writing w = { 0 };
    size_t bytes = 0;
    if (!may_see(x)) {
        footfall__web_error(x, FOOTFALL__WEB_NOT_FOUND, NULL);
        return;
    }
    w.out = open_memstream(&x->owned, &bytes);
    if (w.out != NULL) {
        tell_requests(web, &w);
        tell_visits(web, &w);
        if (web->options.measure != NULL)
            web->options.measure(web->options.measure_user, write_metric, &w);
        footfall_metrics(web->ff, write_metric, &w); /* nothing of a store that is not there yet */
    }
    if (w.out == NULL || fclose(w.out) != 0)
        footfall__web_error(x, FOOTFALL__WEB_TEMPORARY, "no memory for the metrics");
    else
        footfall__web_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", FOOTFALL__WEB_NO_STORE, x->owned,
                             bytes);
}
