/* endpoint.c: where the service is: a URL from the settings, the environment or the region (client.h). */
#include "client.h"
#include "endpoint.h"

#include "alloc.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *domain_of(const char *region)
{
    return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

/* Its parts, one by one: what the service is never asked for (a user, a path, a query), or what the signed Host header cannot
 * hold (a zone), is a mistake. */
static int take_url(struct dynamodb_endpoint *out, const char *url, const char *from, struct footfall_store_call *call)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;
    char *extra = NULL;
    int is_default = 0;
    int rc = FOOTFALL_STORE_NO_MEMORY;
    if (parts == NULL)
        return footfall__dynamodb_no_memory(call);
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK || strcmp(port, "0") == 0 ||
        curl_url_get(parts, CURLUPART_ZONEID, &extra, 0) == CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PATH, &path, 0) != CURLUE_OK || strcmp(path, "/") != 0 ||
        curl_url_get(parts, CURLUPART_QUERY, &extra, 0) == CURLUE_OK ||
        curl_url_get(parts, CURLUPART_FRAGMENT, &extra, 0) == CURLUE_OK) {
        rc = footfall__dynamodb_fault(call, FOOTFALL_STORE_CONFIG,
                                      "%s is no URL of the form http://HOST:PORT or https://HOST", from);
        goto cleanup;
    }
    is_default = strcmp(port, strcmp(scheme, "https") == 0 ? "443" : "80") == 0;
    out->url = footfall__malloc(strlen(scheme) + strlen(host) + strlen(port) + 6);
    out->host = footfall__malloc(strlen(host) + strlen(port) + 2);
    rc = out->url != NULL && out->host != NULL ? 0 : footfall__dynamodb_no_memory(call);
    if (rc == 0) {
        (void)snprintf(out->host, strlen(host) + strlen(port) + 2, "%s%s%s", host, is_default ? "" : ":",
                       is_default ? "" : port);
        (void)snprintf(out->url, strlen(scheme) + strlen(host) + strlen(port) + 6, "%s://%s/", scheme, out->host);
    }
cleanup:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(extra);
    curl_url_cleanup(parts);
    return rc;
}

int footfall__dynamodb_endpoint(struct dynamodb_endpoint *out, const char *setting, const char *region,
                                struct footfall_store_call *call)
{
    char url[160];
    memset(out, 0, sizeof(*out));
    if (setting != NULL)
        return take_url(out, setting, "dynamodb.endpoint", call);
    if (environment("AWS_ENDPOINT_URL_DYNAMODB") != NULL)
        return take_url(out, environment("AWS_ENDPOINT_URL_DYNAMODB"), "AWS_ENDPOINT_URL_DYNAMODB", call);
    if (environment("AWS_ENDPOINT_URL") != NULL)
        return take_url(out, environment("AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL", call);
    (void)snprintf(url, sizeof(url), "https://dynamodb.%s.%s", region, domain_of(region));
    return take_url(out, url, "the region's endpoint", call);
}

void footfall__dynamodb_endpoint_free(struct dynamodb_endpoint *endpoint)
{
    footfall__free(endpoint->url);
    footfall__free(endpoint->host);
    memset(endpoint, 0, sizeof(*endpoint));
}
