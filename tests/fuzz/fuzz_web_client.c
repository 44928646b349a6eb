/* fuzz_web_client.c: lines of text: http.trusted_proxies, http.address_header, the peer ("unix", or "" for none), then headers
 * ("Name: value"). Whatever they are: an address that is chosen is one that a visit takes; headers change nothing for a peer
 * that is not trusted; and how the list is cut into lines, or what stands before an address that was found, does not matter. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HEADERS = 64 };
static const char forged[] = "198.51.100.1";

struct asked {
    struct footfall_web_header headers[HEADERS + 1]; /* the first is kept free */
    struct footfall_web_request request;
};

static void must(int holds)
{
    if (!holds)
        abort();
}

/* The next line of *at, which ends with a NUL then; NULL: there is none. */
static char *next_line(char **at)
{
    char *line = *at;
    char *end;
    if (line == NULL)
        return NULL;
    end = strchr(line, '\n');
    if (end != NULL)
        *end = '\0';
    *at = end != NULL ? end + 1 : NULL;
    return line;
}

static void take_headers(struct asked *asked, char *at)
{
    char *line;
    size_t count = 0;
    while (count < HEADERS && (line = next_line(&at)) != NULL) {
        char *colon = strstr(line, ": ");
        if (colon != NULL)
            *colon = '\0';
        asked->headers[++count] = (struct footfall_web_header){ line, colon != NULL ? colon + 2 : "" };
    }
    asked->request.headers = asked->headers + 1;
    asked->request.header_count = count;
}

/* The address, or NULL: none */
static const char *ask(char out[FOOTFALL_WEB_ADDRESS_ROOM], const struct footfall_web_clients *clients,
                       const struct footfall_web_request *request)
{
    char why[160];
    const char *fault;
    memset(out, 'x', FOOTFALL_WEB_ADDRESS_ROOM);
    memset(why, 'x', sizeof why);
    fault = footfall__web_client_address(out, why, clients, request);
    if (fault != NULL) {
        must(strlen(fault) > 0 && strlen(fault) < sizeof why && out[0] == '\0');
        return NULL;
    }
    must(memchr(out, '\0', FOOTFALL_WEB_ADDRESS_ROOM) != NULL && footfall_address_check(out, NULL) == FOOTFALL_OK);
    return out;
}

static int same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* All lines of the header as one */
static void check_joined(const struct footfall_web_clients *clients, const struct asked *asked, const char *name,
                         const char *found)
{
    struct footfall_web_request request = asked->request;
    struct footfall_web_header one = { name, NULL };
    char out[FOOTFALL_WEB_ADDRESS_ROOM];
    size_t room = 1;
    size_t at = 0;
    char *value;
    for (size_t i = 0; i < request.header_count; i++)
        room += strlen(request.headers[i].value) + 1;
    value = malloc(room);
    must(value != NULL);
    for (size_t i = 0; i < request.header_count; i++) {
        size_t bytes = strlen(request.headers[i].value);
        if (strcasecmp(request.headers[i].name, name) != 0)
            continue;
        memcpy(value + at, request.headers[i].value, bytes);
        value[at + bytes] = ',';
        at += bytes + 1;
    }
    value[at > 0 ? at - 1 : 0] = '\0';
    one.value = value;
    request.headers = &one;
    request.header_count = at > 0;
    must(same(ask(out, clients, &request), found));
    free(value);
}

/* One more line before the others, of a client who hopes to be taken for another */
static void check_forged(const struct footfall_web_clients *clients, struct asked *asked, const char *name,
                         const char *found)
{
    struct footfall_web_request request = asked->request;
    char out[FOOTFALL_WEB_ADDRESS_ROOM];
    asked->headers[0] = (struct footfall_web_header){ name, forged };
    request.headers = asked->headers;
    request.header_count++;
    must(same(ask(out, clients, &request), found));
}

static void check(const struct footfall_web_clients *clients, struct asked *asked, const char *name)
{
    char out[FOOTFALL_WEB_ADDRESS_ROOM];
    const struct footfall_web_request *request = &asked->request;
    const char *found = ask(out, clients, request);
    const char *forwarded = footfall__web_client_forwarded(clients, request);
    int named = 0;
    for (size_t i = 0; i < request->header_count; i++)
        named |= forwarded != NULL && strcasecmp(request->headers[i].name, forwarded) == 0;
    must((forwarded != NULL) == named);
    if (!footfall__web_client_proxied(clients, request->peer, request->peer_is_unix)) {
        int usable = request->peer != NULL && footfall_address_check(request->peer, NULL) == FOOTFALL_OK;
        must(same(found, usable ? request->peer : NULL));
        check_forged(clients, asked, name, found);
        return;
    }
    must(found == NULL || forwarded != NULL);
    check_joined(clients, asked, name, found);
    if (found != NULL && !footfall__web_client_proxied(clients, found, 0))
        check_forged(clients, asked, name, found);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct footfall_web_clients *clients;
    struct footfall_error err;
    struct asked asked = { .request = { .method = "GET" } };
    char *text = malloc(size + 1);
    char *at = text;
    char *trusted;
    char *name;
    char *peer;
    int rc;
    must(text != NULL);
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    trusted = next_line(&at);
    name = next_line(&at);
    peer = next_line(&at);
    take_headers(&asked, at);
    asked.request.peer_is_unix = peer != NULL && strcmp(peer, "unix") == 0;
    asked.request.peer = asked.request.peer_is_unix || peer == NULL || peer[0] == '\0' ? NULL : peer;
    rc = footfall__web_clients_read(&clients, trusted, name, &err);
    if (rc == FOOTFALL_OK)
        check(clients, &asked, name);
    else
        must(rc == FOOTFALL_CONFIG && clients == NULL && strncmp(err.text, "http.", 5) == 0);
    footfall__web_clients_free(clients);
    free(text);
    return 0;
}
