/* peer.c: who sent the request, by the word of the service that brought it (event.h). What other proxies say in headers, and
 * whether they are believed, is the handler's affair. */
#include "event.h"

#include <string.h>
#include <strings.h>

/* The last entry of the last line is the load balancer's; what stands before it came with the request. */
static void of_balancer(struct footfall__lambda_event *event)
{
    static const char checker[] = "ELB-HealthChecker/";
    const char *agent = NULL;
    size_t bytes = 0;
    const char *entry = NULL;
    if (!footfall__web_last_entry(&event->request, "X-Forwarded-For", &entry, &bytes)) {
        agent = footfall__web_header_of(&event->request, "User-Agent");
        event->health_check = agent != NULL && strncmp(agent, checker, sizeof checker - 1) == 0;
        return;
    }
    if (bytes >= sizeof event->peer)
        return;
    memcpy(event->peer, entry, bytes);
    event->peer[bytes] = '\0';
    event->request.peer = event->peer;
}

void footfall__lambda_peer(struct footfall__lambda_event *event)
{
    const json_t *context = footfall__lambda_object(event->root, "requestContext");
    size_t bytes = 0;
    if (event->kind == FOOTFALL__LAMBDA_BALANCER) {
        of_balancer(event);
        return;
    }
    if (footfall__lambda_string(footfall__lambda_object(context, "http"), "sourceIp", &bytes) != NULL)
        event->request.peer = footfall__lambda_text(footfall__lambda_object(context, "http"), "sourceIp");
    else
        event->request.peer = footfall__lambda_text(footfall__lambda_object(context, "identity"), "sourceIp");
}

/* ---- what the service says twice ------------------------------------------------------------------------------------------- */

static int is_name(const struct footfall_web_header *header, const char *name)
{
    return strcasecmp(header->name, name) == 0;
}

/* Nobody but the peer is in it. */
static int names_peer_only(const struct footfall_web_request *request)
{
    size_t lines = 0;
    size_t bytes = 0;
    const char *entry = NULL;
    for (size_t i = 0; i < request->header_count; i++)
        if (is_name(&request->headers[i], "X-Forwarded-For"))
            lines += strchr(request->headers[i].value, ',') != NULL ? 2 : 1;
    if (lines != 1 || request->peer == NULL)
        return 0;
    (void)footfall__web_last_entry(request, "X-Forwarded-For", &entry, &bytes);
    return bytes == strlen(request->peer) && memcmp(entry, request->peer, bytes) == 0;
}

void footfall__lambda_hide_service(struct footfall__lambda_event *event)
{
    struct footfall_web_request *request = &event->request;
    int peer_only = names_peer_only(request);
    size_t kept = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct footfall_web_header *header = &event->headers[i];
        if (!is_name(header, "X-Forwarded-Port") && !is_name(header, "X-Forwarded-Proto") &&
            !(peer_only && is_name(header, "X-Forwarded-For")))
            event->headers[kept++] = *header;
    }
    request->header_count = kept;
}
