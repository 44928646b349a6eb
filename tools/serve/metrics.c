/* metrics.c: the front end's own lines of /metrics. */
#include "server.h"

static void tell(footfall_each_metric *each, void *user, const char *name, const char *help, int counter,
                 uint64_t value)
{
    struct footfall_metric metric = {
        .name = name, .help = help, .labels = "", .counter = counter, .value = (double)value
    };
    each(user, &metric);
}

void footfall__serve_measure(void *user, footfall_each_metric *each, void *each_user)
{
    struct footfall_serve *server = user;
    const struct footfall_serve_counts *counts = &server->counts;
    uint32_t under_way = 0;
    for (uint32_t i = 0; i < server->settings.threads; i++)
        under_way += atomic_load(&server->loops[i].tally.under_way);
    tell(each, each_user, "footfall_http_connections", "Connections that are open.", 0, atomic_load(&server->open));
    tell(each, each_user, "footfall_http_requests_under_way", "Requests that have begun and are not answered.", 0,
         under_way);
    tell(each, each_user, "footfall_http_connections_total", "Connections that came.", 1,
         atomic_load(&counts->connections));
    tell(each, each_user, "footfall_http_connections_refused_total",
         "Connections closed at once, because there were too many from that address.", 1,
         atomic_load(&counts->refused));
    tell(each, each_user, "footfall_http_connections_cut_total", "Connections closed because they took too long.", 1,
         atomic_load(&counts->cut));
    tell(each, each_user, "footfall_http_accept_failures_total", "Times when no connection could be taken.", 1,
         atomic_load(&counts->accept_failures));
}
