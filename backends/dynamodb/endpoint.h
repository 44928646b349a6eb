/* endpoint.h: where the service is. */
#ifndef FOOTFALL_DYNAMODB_ENDPOINT_H
#define FOOTFALL_DYNAMODB_ENDPOINT_H
#include "footfall_store.h"

struct dynamodb_endpoint {
    char *url;  /* "https://dynamodb.eu-west-1.amazonaws.com/" */
    char *host; /* as the Host header and the signature have it: with the port unless it is the scheme's own */
};
/* setting: a URL, or NULL: from AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL or the region. 0, CONFIG, NO_MEMORY. */
int footfall__dynamodb_endpoint(struct dynamodb_endpoint *out, const char *setting, const char *region,
                                struct footfall_store_call *call);
void footfall__dynamodb_endpoint_free(struct dynamodb_endpoint *endpoint);
#endif
