/* route.c: what there is under which path, and with which methods (exchange.h). */
#include "exchange.h"

#include <string.h>

enum {
    READS = FOOTFALL__WEB_GET | FOOTFALL__WEB_HEAD | FOOTFALL__WEB_OPTIONS,
    VISITS = READS | FOOTFALL__WEB_POST,
    SETS = FOOTFALL__WEB_PUT | FOOTFALL__WEB_DELETE
};

/* The last three: Lambda's root, the target "*", and what there is not. */
enum { PAGE, ROOT = FOOTFALL__WEB_ROUTES - 3, SERVER, NO_PAGE };
const struct footfall__web_route footfall__web_routes[FOOTFALL__WEB_ROUTES] = {
    [PAGE] = { .label = "/", .path = "/", .methods = READS, .get = footfall__web_show_page },
    { .label = "/visit",
      .path = "/visit",
      .named = 1,
      .bare = 1,
      .methods = VISITS,
      .get = footfall__web_visit,
      .post = footfall__web_visit },
    { .label = "/counter",
      .path = "/counter",
      .named = 1,
      .methods = READS | SETS,
      .admin = SETS,
      .get = footfall__web_counter,
      .put = footfall__web_set,
      .erase = footfall__web_delete },
    { .label = "/badge", .path = "/badge", .named = 1, .methods = READS, .get = footfall__web_show_badge },
    { .label = "/footfall.js", .path = "/footfall.js", .methods = READS, .get = footfall__web_show_widget },
    { .label = "/counters",
      .path = "/counters",
      .private = 1,
      .methods = READS,
      .admin = FOOTFALL__WEB_GET | FOOTFALL__WEB_HEAD,
      .get = footfall__web_list },
    { .label = "/healthz", .path = "/healthz", .quiet = 1, .methods = READS, .get = footfall__web_health },
    { .label = "/readyz", .path = "/readyz", .quiet = 1, .methods = READS, .get = footfall__web_ready },
    { .label = "/metrics",
      .path = "/metrics",
      .quiet = 1,
      .private = 1,
      .methods = READS,
      .get = footfall__web_metrics },
    [ROOT] = { .label = "/", .path = "/", .methods = VISITS, .get = footfall__web_visit, .post = footfall__web_visit },
    [SERVER] = { .label = "*", .path = "*", .methods = FOOTFALL__WEB_OPTIONS },
    [NO_PAGE] = { .label = "other", .path = "" },
};

static int has_path(const struct footfall__web_route *route, const char *path, size_t bytes)
{
    size_t own = strlen(route->path);
    if (bytes < own || memcmp(path, route->path, own) != 0)
        return 0;
    return bytes == own ? !route->named || route->bare : route->named && path[own] == '/';
}

const struct footfall__web_route *footfall__web_route_of(const struct footfall_web *web, const char *path, size_t bytes)
{
    if (bytes == 1 && path[0] == '/')
        return &footfall__web_routes[web->options.page_at_root ? PAGE : ROOT];
    for (size_t i = PAGE + 1; i < ROOT; i++)
        if (has_path(&footfall__web_routes[i], path, bytes))
            return &footfall__web_routes[i];
    return &footfall__web_routes[bytes == 1 && path[0] == '*' ? SERVER : NO_PAGE];
}

enum footfall__web_method footfall__web_method_of(const char *method)
{
    static const struct {
        const char *name;
        enum footfall__web_method method;
    } methods[] = { { "GET", FOOTFALL__WEB_GET },   { "POST", FOOTFALL__WEB_POST },
                    { "HEAD", FOOTFALL__WEB_HEAD }, { "OPTIONS", FOOTFALL__WEB_OPTIONS },
                    { "PUT", FOOTFALL__WEB_PUT },   { "DELETE", FOOTFALL__WEB_DELETE } };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(method, methods[i].name) == 0)
            return methods[i].method;
    return FOOTFALL__WEB_NO_METHOD;
}

const char *footfall__web_allow(const struct footfall_web *web, const struct footfall__web_route *route)
{
    if ((route->methods & FOOTFALL__WEB_POST) != 0)
        return "GET, HEAD, POST, OPTIONS";
    if ((route->methods & FOOTFALL__WEB_PUT) != 0 && web->has_admin)
        return "GET, HEAD, PUT, DELETE, OPTIONS";
    return (route->methods & FOOTFALL__WEB_GET) != 0 ? "GET, HEAD, OPTIONS" : "OPTIONS";
}
