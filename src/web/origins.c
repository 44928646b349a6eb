/* origins.c: the list of origins, judged when it is read, so that what is in it is what a browser sends (origins.h). */
#include "origins.h"

#include <arpa/inet.h>
#include <string.h>

#include "alloc.h"
#include "settings.h"

enum { SHOWN_BYTES = 60, ORIGIN_BYTES = 512, HOST_BYTES = 253, LABEL_BYTES = 63, PORT_MAX = 65535 };

struct footfall_web_origins {
    int any;
    size_t count;
    char **list; /* in one block with its texts */
};

/* ---- one origin ------------------------------------------------------------------------------------------------------- */

static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";

static size_t span_of(const char *text, const char *more)
{
    size_t bytes = 0;
    while (text[bytes] != '\0' && (strchr(lower, text[bytes]) != NULL || strchr(digits, text[bytes]) != NULL ||
                                   strchr(more, text[bytes]) != NULL))
        bytes++;
    return bytes;
}

/* The last label of the name is a number: then a browser takes the whole for IPv4. */
static int ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot != NULL ? dot + 1 : name;
    return last[0] != '\0' && last[strspn(last, digits)] == '\0';
}

static const char *judge_name(const char *name)
{
    struct in_addr ignored;
    const char *label = name;
    if (name[0] == '\0')
        return "has no host";
    if (strlen(name) > HOST_BYTES)
        return "has a host name that is too long";
    if (ends_in_number(name) && inet_pton(AF_INET, name, &ignored) != 1)
        return "has a host that is no IPv4 address, but ends in a number";
    for (;;) {
        size_t bytes = strcspn(label, ".");
        if (bytes < 1 || bytes > LABEL_BYTES)
            return "has a host name with an empty part, or one that is too long";
        if (label[bytes] == '\0')
            return NULL;
        label += bytes + 1;
    }
}

/* host: without brackets. A browser writes IPv6 without a dotted end and as short as can be. */
static const char *judge_ipv6(const char *host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (strchr(host, '.') != NULL || inet_pton(AF_INET6, host, &address) != 1)
        return "has no IPv6 address in its brackets, as browsers write it";
    (void)inet_ntop(AF_INET6, &address, text, sizeof text);
    return strchr(text, '.') != NULL || strcmp(text, host) == 0
               ? NULL
               : "has an IPv6 address that browsers write shorter, in lower case";
}

static const char *judge_port(const char *scheme, size_t scheme_bytes, const char *port)
{
    unsigned number = 0;
    size_t bytes = strspn(port, digits);
    if (port[bytes] == '/')
        return "has a path; an origin ends with its host or port";
    if (bytes < 1 || bytes > 5 || port[bytes] != '\0' || port[0] == '0')
        return "has no port from 1 to 65535 after its colon";
    for (size_t i = 0; i < bytes; i++)
        number = 10 * number + (unsigned)(port[i] - '0');
    if (number > PORT_MAX)
        return "has no port from 1 to 65535 after its colon";
    if ((number == 80 && scheme_bytes == 4 && memcmp(scheme, "http", 4) == 0) ||
        (number == 443 && scheme_bytes == 5 && memcmp(scheme, "https", 5) == 0))
        return "has its scheme's own port, which browsers leave out";
    return NULL;
}

/* What comes after "://". Writes into it for a while. */
static const char *judge_host(const char *scheme, size_t scheme_bytes, char *host)
{
    int is_ipv6 = host[0] == '[';
    size_t bytes = is_ipv6 ? strcspn(host, "]") : span_of(host, "-._");
    char *end = host + bytes + (is_ipv6 && host[bytes] == ']');
    char after = *end;
    const char *fault;
    if (after == '/' || after == '?' || after == '#')
        return "has a path; an origin ends with its host or port";
    if (after == '*' || host[0] == '*')
        return "has a *; each origin is written in full, or * stands alone";
    if ((after != '\0' && after != ':') || (is_ipv6 && end == host + bytes))
        return "has a host with a character that browsers never send there (other letters begin with xn--)";
    host[bytes] = '\0';
    fault = is_ipv6 ? judge_ipv6(host + 1) : judge_name(host);
    host[bytes] = is_ipv6 ? ']' : after;
    return fault == NULL && after == ':' ? judge_port(scheme, scheme_bytes, end + 1) : fault;
}

/* NULL, or what is wrong with it, as the end of a sentence. */
static const char *judge(char *text)
{
    size_t scheme_bytes = span_of(text, "+-.");
    if (strcmp(text, "*") == 0)
        return "stands alone or not at all";
    if (strcmp(text, "null") == 0)
        return "is what every sandboxed page and local file sends, and is taken for none";
    for (const char *at = text; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            return "has capitals; browsers send an origin in lower case";
    if (strlen(text) > ORIGIN_BYTES)
        return "is too long";
    if (scheme_bytes < 1 || strchr(lower, text[0]) == NULL || strncmp(text + scheme_bytes, "://", 3) != 0)
        return "does not begin with a scheme, as in https://example.org";
    return judge_host(text, scheme_bytes, text + scheme_bytes + 3);
}

/* ---- the list --------------------------------------------------------------------------------------------------------- */

/* One block: pointers, then the texts they point to, each with its NUL. */
static struct footfall_web_origins *make(const char *text, struct footfall_error *err)
{
    struct footfall_web_origins *origins;
    const char *at = text;
    const char *word;
    size_t bytes;
    size_t count = 0;
    char *room;
    while (footfall__web_word(&at, &bytes) != NULL)
        count++;
    origins = footfall__calloc(1, sizeof *origins + count * sizeof *origins->list + strlen(text) + 1);
    if (origins == NULL) {
        (void)footfall__web_no_memory(err, "http.cors_origins");
        return NULL;
    }
    origins->list = (char **)(void *)(origins + 1);
    room = (char *)(origins->list + count);
    while ((word = footfall__web_word(&text, &bytes)) != NULL) {
        memcpy(room, word, bytes);
        origins->list[origins->count++] = room;
        room += bytes + 1;
    }
    return origins;
}

int footfall__web_origins_read(struct footfall_web_origins **out, const char *text, struct footfall_error *err)
{
    struct footfall_web_origins *origins = make(text != NULL ? text : "", err);
    *out = NULL;
    if (origins == NULL)
        return FOOTFALL_NO_MEMORY;
    origins->any = origins->count == 1 && strcmp(origins->list[0], "*") == 0;
    for (size_t i = 0; i < origins->count && !origins->any; i++) {
        const char *fault = judge(origins->list[i]);
        if (fault == NULL)
            continue;
        (void)footfall__web_fail(err, FOOTFALL_CONFIG, "http.cors_origins: \"%.*s%s\" %s", SHOWN_BYTES,
                                 origins->list[i], strlen(origins->list[i]) > SHOWN_BYTES ? "..." : "", fault);
        footfall__web_origins_free(origins);
        return FOOTFALL_CONFIG;
    }
    *out = origins;
    return FOOTFALL_OK;
}

void footfall__web_origins_free(struct footfall_web_origins *origins)
{
    footfall__free(origins);
}

int footfall__web_origins_any(const struct footfall_web_origins *origins)
{
    return origins->any;
}

int footfall__web_origins_has(const struct footfall_web_origins *origins, const char *origin)
{
    for (size_t i = 0; i < origins->count && !origins->any && origin != NULL; i++)
        if (strcmp(origins->list[i], origin) == 0)
            return 1;
    return 0;
}
