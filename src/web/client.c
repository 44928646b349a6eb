/* client.c: whom a request comes from, given the peer and what proxies say (client.h). What an address is, is network.c's to
 * say, and the engine's, who has the last word. */
#include "client.h"

#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "bytes.h"
#include "network.h"
#include "settings.h"

enum { HEADER_NAME_BYTES = 64, SHOWN_BYTES = 60, PORT_MAX = 65535 };

struct footfall_web_clients {
    struct footfall_web_network *networks;
    size_t network_count;
    int any, local; /* every direct peer; those over a Unix socket */
    int ends_in_port;
    char header[HEADER_NAME_BYTES + 1];
};

/* ---- settings --------------------------------------------------------------------------------------------------------- */

static int is_word(const char *word, size_t bytes, const char *wanted)
{
    return bytes == strlen(wanted) && memcmp(word, wanted, bytes) == 0;
}

static size_t count_words(const char *text)
{
    size_t count = 0;
    for (size_t bytes; footfall__web_word(&text, &bytes) != NULL;)
        count++;
    return count;
}

static int read_trusted(struct footfall_web_clients *clients, const char *text, struct footfall_error *err)
{
    const char *word;
    const char *fault;
    char why[96];
    size_t bytes;
    size_t count = count_words(text);
    if (count == 0)
        return FOOTFALL_OK;
    clients->networks = footfall__calloc(count, sizeof *clients->networks);
    if (clients->networks == NULL)
        return footfall__web_no_memory(err, "http.trusted_proxies");
    while ((word = footfall__web_word(&text, &bytes)) != NULL) {
        if (is_word(word, bytes, "any")) {
            clients->any = 1;
            continue;
        }
        if (is_word(word, bytes, "unix")) {
            clients->local = 1;
            continue;
        }
        fault = footfall__web_network_read(&clients->networks[clients->network_count++], why, word, bytes);
        if (fault != NULL)
            return footfall__web_fail(
                err, FOOTFALL_CONFIG, "http.trusted_proxies: \"%.*s%s\" %s (it takes addresses, CIDRs, unix and any)",
                bytes > SHOWN_BYTES ? SHOWN_BYTES : (int)bytes, word, bytes > SHOWN_BYTES ? "..." : "", fault);
    }
    return FOOTFALL_OK;
}

static int read_header(struct footfall_web_clients *clients, const char *name, struct footfall_error *err)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* RFC 9110 */
    size_t bytes = name != NULL ? strlen(name) : 0;
    if (bytes == 0)
        return footfall__web_fail(err, FOOTFALL_CONFIG, "http.address_header: empty; it must be the name of a header");
    if (bytes > HEADER_NAME_BYTES || strspn(name, token) != bytes)
        return footfall__web_fail(
            err, FOOTFALL_CONFIG,
            "http.address_header: \"%.*s%s\" is not the name of a header (one, of at most %d bytes)", SHOWN_BYTES, name,
            bytes > SHOWN_BYTES ? "..." : "", HEADER_NAME_BYTES);
    if (strcasecmp(name, "Forwarded") == 0)
        return footfall__web_fail(err, FOOTFALL_CONFIG,
                                  "http.address_header: Forwarded has a syntax of its own, which is not read; let the "
                                  "proxy send X-Forwarded-For");
    memcpy(clients->header, name, bytes + 1);
    clients->ends_in_port = strcasecmp(name, "CloudFront-Viewer-Address") == 0;
    return FOOTFALL_OK;
}

int footfall__web_clients_read(struct footfall_web_clients **out, const char *trusted, const char *header,
                               struct footfall_error *err)
{
    struct footfall_web_clients *clients = footfall__calloc(1, sizeof *clients);
    int rc;
    *out = NULL;
    if (clients == NULL)
        return footfall__web_no_memory(err, "http.trusted_proxies");
    rc = read_trusted(clients, trusted != NULL ? trusted : "", err);
    if (rc == FOOTFALL_OK)
        rc = read_header(clients, header, err);
    if (rc == FOOTFALL_OK)
        *out = clients;
    else
        footfall__web_clients_free(clients);
    return rc;
}

void footfall__web_clients_free(struct footfall_web_clients *clients)
{
    if (clients == NULL)
        return;
    footfall__free(clients->networks);
    footfall__free(clients);
}

/* ---- trust ------------------------------------------------------------------------------------------------------------ */

static int is_trusted(const struct footfall_web_clients *clients, const char *address)
{
    struct footfall_web_ip ip;
    if (clients->network_count == 0 || !footfall__web_ip_read(&ip, address, strlen(address)))
        return 0;
    for (size_t i = 0; i < clients->network_count; i++)
        if (footfall__web_network_has(&clients->networks[i], &ip))
            return 1;
    return 0;
}

int footfall__web_client_proxied(const struct footfall_web_clients *clients, const char *peer, int peer_is_unix)
{
    struct footfall_web_ip ip;
    if (peer_is_unix)
        return clients->any || clients->local;
    if (peer == NULL)
        return 0; /* nobody's word */
    return clients->any ? footfall__web_ip_read(&ip, peer, strlen(peer)) : is_trusted(clients, peer);
}

/* ---- one entry of a header -------------------------------------------------------------------------------------------- */

static int is_port(const char *text, size_t bytes)
{
    unsigned port = 0;
    if (bytes < 1 || bytes > 5)
        return 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = 10 * port + (unsigned)(text[i] - '0');
    }
    return port <= PORT_MAX;
}

/* Cuts brackets and port off. 0: brackets without an IPv6 address in them, or something behind that is no port. */
static int cut(const char **text, size_t *bytes)
{
    const char *end = *text + *bytes;
    const char *colon = memchr(*text, ':', *bytes);
    const char *close;
    if (*bytes > 0 && **text == '[') {
        close = memchr(*text, ']', *bytes);
        if (close == NULL || colon == NULL || colon > close)
            return 0;
        *text += 1;
        *bytes = (size_t)(close - *text);
        return close + 1 == end || (close[1] == ':' && is_port(close + 2, (size_t)(end - close - 2)));
    }
    if (colon == NULL || memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
        return 1; /* IPv6, of which no colon is a port's */
    *bytes = (size_t)(colon - *text);
    return is_port(colon + 1, (size_t)(end - colon - 1));
}

/* What stands before the last colon, which must be there and have a port behind it; then brackets go. */
static int cut_last_port(const char **text, size_t *bytes)
{
    const char *colon = memrchr(*text, ':', *bytes);
    size_t before = colon != NULL ? (size_t)(colon - *text) : 0;
    if (colon == NULL || !is_port(colon + 1, *bytes - before - 1))
        return 0;
    *bytes = before;
    return before == 0 || **text != '[' || ((*text)[before - 1] == ']' && cut(text, bytes));
}

static int take_address(char out[FOOTFALL_WEB_ADDRESS_ROOM], const char *text, size_t bytes)
{
    if (bytes >= FOOTFALL_WEB_ADDRESS_ROOM || memchr(text, '\0', bytes) != NULL)
        return 0;
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    return footfall_address_check(out, NULL) == FOOTFALL_OK;
}

/* ---- entries, from the right ------------------------------------------------------------------------------------------ */

struct entries {
    const struct footfall_web_request *request;
    const char *name;
    size_t line;       /* this line of the request's headers and those after it have been begun */
    const char *value; /* of it; NULL: to the line before */
    size_t left;       /* bytes of it that have not been given out */
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The entry before the ones given out, without blanks around it. 0: there is none. */
static int step_left(struct entries *e, const char **entry, size_t *bytes)
{
    const char *comma;
    while (e->value == NULL && e->line > 0) {
        const struct footfall_web_header *header = &e->request->headers[--e->line];
        if (strcasecmp(header->name, e->name) != 0)
            continue;
        e->value = header->value;
        e->left = strlen(header->value);
    }
    if (e->value == NULL)
        return 0;
    comma = memrchr(e->value, ',', e->left);
    *entry = comma != NULL ? comma + 1 : e->value;
    *bytes = (size_t)(e->value + e->left - *entry);
    if (comma != NULL)
        e->left = (size_t)(comma - e->value);
    else
        e->value = NULL;
    for (; *bytes > 0 && is_blank(**entry); (*entry)++)
        (*bytes)--;
    while (*bytes > 0 && is_blank((*entry)[*bytes - 1]))
        (*bytes)--;
    return 1;
}

int footfall__web_last_entry(const struct footfall_web_request *request, const char *name, const char **entry,
                             size_t *bytes)
{
    struct entries e = { request, name, request->header_count, NULL, 0 };
    const char *address = NULL;
    size_t address_bytes = 0;
    if (!step_left(&e, entry, bytes))
        return 0;
    address = *entry;
    address_bytes = *bytes;
    if (cut(&address, &address_bytes)) {
        *entry = address;
        *bytes = address_bytes;
    }
    return 1;
}

static const char *sentence(char why[160], const struct footfall_web_clients *clients, const char *rest)
{
    footfall__format(why, 160, "%s, in which trusted proxies name the client, %s", clients->header, rest);
    return why;
}

static const char *from_header(char out[FOOTFALL_WEB_ADDRESS_ROOM], char why[160],
                               const struct footfall_web_clients *clients, const struct footfall_web_request *request)
{
    struct entries e = { request, clients->header, request->header_count, NULL, 0 };
    const char *entry;
    size_t bytes;
    int seen = 0;
    for (; step_left(&e, &entry, &bytes); seen = 1) {
        if (bytes == 0)
            return sentence(why, clients, "has an empty entry");
        if (!(clients->ends_in_port ? cut_last_port(&entry, &bytes) : cut(&entry, &bytes)) ||
            !take_address(out, entry, bytes))
            return sentence(why, clients, "has an entry that is no address");
        if (!is_trusted(clients, out))
            return NULL;
    }
    return seen ? NULL : sentence(why, clients, "is missing");
}

const char *footfall__web_client_address(char out[FOOTFALL_WEB_ADDRESS_ROOM], char why[160],
                                         const struct footfall_web_clients *clients,
                                         const struct footfall_web_request *request)
{
    const char *fault = NULL;
    if (footfall__web_client_proxied(clients, request->peer, request->peer_is_unix))
        fault = from_header(out, why, clients, request);
    else if (request->peer_is_unix)
        fault = "the request came over a Unix socket, which http.trusted_proxies does not name";
    else if (request->peer == NULL || !take_address(out, request->peer, strlen(request->peer)))
        fault = "the request came from no address";
    if (fault != NULL)
        out[0] = '\0';
    return fault;
}

/* ---- forwarded -------------------------------------------------------------------------------------------------------- */

const char *footfall__web_client_forwarded(const struct footfall_web_clients *clients,
                                           const struct footfall_web_request *request)
{
    static const char *const names[] = {
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "CloudFront-Viewer-Address",
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Envoy-External-Address",
        "X-Azure-ClientIP",
        "DO-Connecting-IP",
        "X-Original-Forwarded-For",
        "X-Forwarded",
        "Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Server",
        "X-Forwarded-Prefix",
        "Via",
    };
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        if (strcasecmp(name, clients->header) == 0)
            return clients->header;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (strcasecmp(name, names[k]) == 0)
                return names[k];
    }
    return NULL;
}
